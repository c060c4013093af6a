package peercli

import (
	"context"
	"flag"
	"maps"
	"slices"
	"strings"

	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
	"straza/internal/peer"
	"straza/internal/peer/poll"
)

// TAXII lists the commands of the TAXII servers that are polled.
func TAXII(s *poll.Service) []cli.Command {
	c := taxiis{s}
	return []cli.Command{
		{Name: "taxii add", Args: "NAME URL [--login USER] [--key-file FILE]", Short: "enter a TAXII 2.1 server of others; its password or token is read from standard input or a file, never from the line", Flags: c.add},
		{Name: "taxii list", Short: "all TAXII servers that are polled and how it stands with them", Flags: noFlags(c.list)},
		{Name: "taxii show", Args: "SERVER", Short: "a server's settings, collections and what its last poll brought", Flags: noFlags(c.show)},
		{Name: "taxii edit", Args: "SERVER", Short: "change settings", Flags: c.edit},
		{Name: "taxii look", Args: "SERVER", Short: "ask the server what it is and which collections it has", Flags: noFlags(c.look)},
		{Name: "taxii choose", Args: "SERVER [COLLECTION…]", Short: "poll these collections and no others", Flags: noFlags(c.choose)},
		{Name: "taxii poll", Args: "SERVER [--fresh]", Short: "fetch what is new into the organisation's inbox, to the end, and report", Flags: c.poll},
		{Name: "taxii delete", Args: "SERVER", Short: "forget a server; what came from it stays", Flags: noFlags(c.remove)},
	}
}

type taxiis struct{ s *poll.Service }

// pollSettings are the flags that add and edit share.
type pollSettings struct {
	settings
	login string
}

func (o *pollSettings) flags(fs *flag.FlagSet) {
	fs.StringVar(&o.login, "login", "", "user name of Basic authentication; without one the key is a Bearer token")
	fs.StringVar(&o.keyFile, "key-file", "", "file with the password or token; - or nothing is standard input")
	fs.StringVar(&o.org, "org", "", "organisation into whose inbox it goes: UUID or exact name (the host's)")
	fs.IntVar(&o.every, "every", -1, "minutes between polls, 0 = by hand (60)")
	fs.IntVar(&o.patience, "patience", 0, "seconds for one exchange (60)")
}

func (o *pollSettings) apply(x *poll.Server) {
	if o.login != "" {
		x.Login = o.login
	}
	if o.every >= 0 {
		x.Every = o.every
	}
	if o.patience > 0 {
		x.Patience = o.patience
	}
}

type collectionLine struct {
	ID      string `json:"id"`
	Root    string `json:"root"`
	Title   string `json:"title"`
	Read    bool   `json:"can_read"`
	Chosen  bool   `json:"chosen"`
	After   string `json:"added_after"`
	Objects int64  `json:"objects"`
	Polled  string `json:"polled"`
}

type serverLine struct {
	ID          string           `json:"id"`
	Name        string           `json:"name"`
	URL         string           `json:"url"`
	Title       string           `json:"title"`
	Login       string           `json:"login"`
	Every       int              `json:"every_minutes"`
	Patience    int              `json:"patience_seconds"`
	Code        int              `json:"code"`
	Detail      string           `json:"detail"`
	Failures    int              `json:"failures"`
	Closed      string           `json:"not_tried_before"`
	Polled      string           `json:"polled"`
	Report      poll.Report      `json:"report"`
	Collections []collectionLine `json:"collections,omitempty"`
}

func sayServer(env *cli.Env, x poll.Server, list []poll.Collection) error {
	if env.JSON {
		out := serverLine{ID: x.UUID, Name: x.Name, URL: x.URL, Title: x.Title, Login: x.Login, Every: x.Every, Patience: x.Patience, Code: int(x.Health.Code),
			Detail: x.Health.Detail, Failures: x.Health.Failures, Closed: stamp(x.Health.OpenUntil), Polled: stamp(x.Polled), Report: x.Report}
		for _, c := range list {
			out.Collections = append(out.Collections, collectionLine{c.Ref, c.Root, c.Title, c.Read, c.Chosen, c.After, c.Objects, stamp(c.Polled)})
		}
		return env.Print(out)
	}
	env.Say("%s  %s  %s  %s  %s", x.UUID, x.Name, x.URL, words[x.Health.Code], x.Health.Detail)
	for _, c := range list {
		mark := " "
		if c.Chosen {
			mark = "*"
		}
		env.Say("%s %s  %s  %d objects", mark, c.Ref, c.Title, c.Objects)
	}
	return nil
}

func (c taxiis) add(fs *flag.FlagSet) run {
	var o pollSettings
	o.flags(fs)
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 2 {
			return cli.UsageError("taxii add NAME URL")
		}
		x := poll.Server{Name: args[0], URL: args[1], Every: 60}
		o.apply(&x)
		secret, err := o.key(env, true)
		if err != nil {
			return err
		}
		if x, err = c.s.Add(ctx, env.Who, x, secret, o.org); err != nil {
			return err
		}
		return sayServer(env, x, nil)
	}
}

func (c taxiis) edit(fs *flag.FlagSet) run {
	var o pollSettings
	o.flags(fs)
	url := fs.String("url", "", "another address; needs the password or token again")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		ref, err := one(args, "server")
		if err != nil {
			return err
		}
		secret, err := o.key(env, false)
		if err != nil {
			return err
		}
		x, err := c.s.Edit(ctx, env.Who, ref, secret, o.org, func(x *poll.Server) {
			if *url != "" {
				x.URL = *url
			}
			o.apply(x)
		})
		if err != nil {
			return err
		}
		return sayServer(env, x, nil)
	}
}

func (c taxiis) list(ctx context.Context, env *cli.Env, _ []string) error {
	list, err := c.s.Servers(ctx, env.Who)
	if err != nil {
		return err
	}
	for _, x := range list {
		if err := sayServer(env, x, nil); err != nil {
			return err
		}
	}
	return nil
}

func (c taxiis) show(ctx context.Context, env *cli.Env, args []string) error {
	ref, err := one(args, "server")
	if err != nil {
		return err
	}
	x, list, err := c.s.Server(ctx, env.Who, ref)
	if err != nil {
		return err
	}
	return sayServer(env, x, list)
}

func (c taxiis) look(ctx context.Context, env *cli.Env, args []string) error {
	ref, err := one(args, "server")
	if err != nil {
		return err
	}
	x, list, err := c.s.Look(ctx, env.Who, ref)
	if err != nil {
		return err
	}
	if err := sayServer(env, x, list); err != nil {
		return err
	}
	if x.Health.Code != peer.OK {
		return fault.New(fault.Unavailable, "%s: %s %s", x.Name, words[x.Health.Code], x.Health.Detail)
	}
	return nil
}

func (c taxiis) choose(ctx context.Context, env *cli.Env, args []string) error {
	if len(args) == 0 {
		return cli.UsageError("a server, and the collections that are polled")
	}
	list, err := c.s.Choose(ctx, env.Who, args[0], args[1:])
	if err != nil {
		return err
	}
	x, _, err := c.s.Server(ctx, env.Who, args[0])
	if err != nil {
		return err
	}
	return sayServer(env, x, list)
}

func (c taxiis) poll(fs *flag.FlagSet) run {
	fresh := fs.Bool("fresh", false, "from the beginning of each collection")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		ref, err := one(args, "server")
		if err != nil {
			return err
		}
		x, err := c.s.Poll(ctx, env.Who, ref, poll.Options{Fresh: *fresh, Force: true})
		if x.ID == 0 {
			return err
		}
		if env.JSON {
			if perr := sayServer(env, x, nil); perr != nil {
				return perr
			}
			return err
		}
		r := x.Report
		env.Say("%s: %d objects read, %d new, %d here already, %d refused; %d collections read to their end, %d not, %d no longer shown", x.Name,
			r.Read, r.New, r.Known, r.Refused, r.Collections, r.Left, r.Lost)
		for _, k := range slices.Sorted(maps.Keys(r.Reasons)) {
			env.Say("  %d: %s", r.Reasons[k], strings.TrimSpace(k))
		}
		return err
	}
}

func (c taxiis) remove(ctx context.Context, env *cli.Env, args []string) error {
	ref, err := one(args, "server")
	if err != nil {
		return err
	}
	return c.s.Delete(ctx, env.Who, ref)
}
