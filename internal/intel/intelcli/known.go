package intelcli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"path"
	"strings"

	"straza/internal/format/extract"
	"straza/internal/intel"
	"straza/internal/intel/enrich"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
)

// Fetch gets a file from the world; app gives the guarded outbound client.
type Fetch func(ctx context.Context, url string) (io.ReadCloser, error)

// Known lists the commands of what is known of values: tables of networks, servers of
// modules, and asking.
func Known(s *enrich.Service, fetch Fetch) []cli.Command {
	c := knowing{s, fetch}
	plain := func(r run) func(*flag.FlagSet) run { return func(*flag.FlagSet) run { return r } }
	return []cli.Command{
		{Name: "intel enrich", Args: "VALUE|UUID [--type TYPE] [--module NAME] [--again] --as EMAIL", Short: "what is known of a value or an attribute; with --module what a module answers, after the guard on labels", Flags: c.enrich},
		{Name: "intel networks", Args: "[PATH|URL|-] [--name NAME] [--drop]", Short: "import a table of networks with their systems and countries (CSV or TSV, packed or not) in the place of the one with the same name; alone: which there are", Flags: c.networks},
		{Name: "module add", Args: "NAME URL [--patience SECONDS]", Short: "enter a server that speaks the protocol of misp-modules; nothing is asked of it before a module is switched on", Flags: c.add},
		{Name: "module list", Short: "the servers of modules and what is switched on", Flags: plain(c.list)},
		{Name: "module test", Args: "SERVER", Short: "ask a server which modules it has", Flags: plain(c.test)},
		{Name: "module set", Args: "SERVER MODULE on|off [--manner inside|asks|touches] [--setting KEY]", Short: "switch a module on and say how far it asks; the value of a setting is read from standard input, never from the line", Flags: c.set},
		{Name: "module delete", Args: "SERVER", Short: "forget a server and what its modules answered", Flags: plain(c.remove)},
	}
}

type knowing struct {
	s     *enrich.Service
	fetch Fetch
}

// offered and told are what enrich prints as JSON.
type offered struct {
	Kind    string   `json:"kind"`
	Type    string   `json:"type,omitempty"`
	Value   string   `json:"value"`
	Comment string   `json:"comment,omitempty"`
	Tags    []string `json:"tags,omitempty"`
	Lists   []string `json:"warning_lists,omitempty"`
}

type told struct {
	Facts  []fact    `json:"facts"`
	Module string    `json:"module,omitempty"`
	Asked  string    `json:"asked,omitempty"`
	Said   string    `json:"said,omitempty"`
	Offers []offered `json:"offers"`
}

type fact struct {
	Kind   string `json:"kind"`
	Value  string `json:"value"`
	Detail string `json:"detail,omitempty"`
}

func (c knowing) enrich(fs *flag.FlagSet) run {
	typ := fs.String("type", "", "type of the value (seen by its form)")
	module := fs.String("module", "", "ask this module")
	again := fs.Bool("again", false, "ask though there is an answer of the last hour")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 1 {
			return cli.UsageError("intel enrich takes one value, or the UUID of an attribute")
		}
		q := enrich.Question{Module: *module, Again: *again, Type: *typ, Value: args[0]}
		if _, uuid, err := intel.RefID(args[0]); err == nil && uuid != "" && *typ == "" {
			q.Attribute = args[0]
		} else if q.Type == "" {
			found, _ := extract.Scan(args[0], 2)
			if q.Type = "text"; len(found) == 1 && found[0].Start == 0 && found[0].End == len(args[0]) {
				q.Type, q.Value = found[0].Type, found[0].Value
			}
		}
		out := told{Facts: []fact{}, Offers: []offered{}}
		facts, list, err := c.s.KnownOf(ctx, env.Who, q)
		if err != nil {
			return err
		}
		for _, f := range facts {
			x := fact{f.Kind, f.Value, f.Detail}
			if f.Say != "" {
				_, x.Value, _ = strings.Cut(f.Say, ".")
			}
			out.Facts = append(out.Facts, x)
		}
		if *module != "" {
			g, err := c.s.Ask(ctx, env.Who, q)
			if err != nil {
				return err
			}
			out.Module, out.Said, out.Asked, list = g.Module+" ("+g.Server+")", g.Said, clock.FromMicros(g.Asked).Format("2006-01-02 15:04:05Z"), g.Offers
		}
		for _, o := range list {
			x := offered{o.Kind, o.Type, o.Value, o.Comment, o.Tags, nil}
			if o.Value == "" {
				x.Value = o.Text
			}
			for _, h := range o.Hits {
				x.Lists = append(x.Lists, h.Name)
			}
			out.Offers = append(out.Offers, x)
		}
		if env.JSON {
			return env.Print(out)
		}
		out.print(env)
		return nil
	}
}

func (t told) print(env *cli.Env) {
	for _, f := range t.Facts {
		fmt.Fprintf(env.Out, "%-12s %s", f.Kind, f.Value)
		if f.Detail != "" {
			fmt.Fprintf(env.Out, "  (%s)", f.Detail)
		}
		fmt.Fprintln(env.Out)
	}
	if t.Module != "" {
		fmt.Fprintf(env.Out, "%s, asked %s: %d\n", t.Module, t.Asked, len(t.Offers))
	}
	if t.Said != "" {
		fmt.Fprintln(env.Out, t.Said)
	}
	for _, o := range t.Offers {
		fmt.Fprintf(env.Out, "%-12s %-14s %s", "+"+o.Kind, o.Type, o.Value)
		for _, l := range o.Lists {
			fmt.Fprintf(env.Out, "  [%s]", l)
		}
		fmt.Fprintln(env.Out)
	}
}

func (c knowing) networks(fs *flag.FlagSet) run {
	name := fs.String("name", "networks", "what the table is called; one with this name is replaced")
	drop := fs.Bool("drop", false, "take the table away")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		switch {
		case *drop:
			return c.s.DropOrigins(ctx, env.Who, *name)
		case len(args) == 0:
			return c.tables(ctx, env)
		case len(args) > 1:
			return cli.UsageError("intel networks takes one file or address, or - for standard input")
		}
		in, source := io.NopCloser(env.In), "-"
		var err error
		switch scheme, _, far := strings.Cut(args[0], "://"); {
		case args[0] == "-":
		case far && scheme != "http" && scheme != "https":
			return cli.UsageError("%s: an address begins with https:// or http://", args[0])
		case far:
			in, err = c.fetch(ctx, args[0])
			source, _, _ = strings.Cut(args[0], "?") // a licence key of the one who publishes it may stand behind it
		default:
			if in, err = env.Files.Open(args[0]); err != nil {
				return fault.New(fault.NotFound, "cannot read %s", args[0]).Because(err)
			}
			source = path.Base(args[0])
		}
		if err != nil {
			return err
		}
		defer in.Close()
		rep, err := c.s.ImportOrigins(ctx, env.Who, *name, source, in)
		if err != nil {
			return err
		}
		if env.JSON {
			return env.Print(rep)
		}
		env.Say("%s: %d networks, %d lines could not be read", rep.Table, rep.Networks, rep.Unread)
		for _, line := range rep.Lines {
			env.Say("line %d could not be read", line)
		}
		return nil
	}
}

func (c knowing) tables(ctx context.Context, env *cli.Env) error {
	list, err := c.s.OriginTables(ctx, env.Who)
	for _, t := range list {
		at := clock.FromMicros(t.Imported).Format("2006-01-02")
		if env.JSON {
			err = env.Print(struct {
				Name     string `json:"name"`
				Networks int64  `json:"networks"`
				Imported string `json:"imported"`
				Source   string `json:"source"`
			}{t.Name, t.Entries, at, t.Source})
		} else {
			_, err = fmt.Fprintf(env.Out, "%-16s %9d  %s  %s\n", t.Name, t.Entries, at, t.Source)
		}
		if err != nil {
			return err
		}
	}
	return err
}

func (c knowing) add(fs *flag.FlagSet) run {
	patience := fs.Int("patience", 20, "seconds that a question may take")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 2 {
			return cli.UsageError("module add NAME URL")
		}
		v, err := c.s.SaveServer(ctx, env.Who, "", func(v *enrich.Server) { v.Name, v.URL, v.Patience = args[0], args[1], *patience })
		if err != nil {
			return err
		}
		return c.test(ctx, env, []string{v.UUID})
	}
}

func (c knowing) test(ctx context.Context, env *cli.Env, args []string) error {
	if len(args) != 1 {
		return cli.UsageError("module test SERVER")
	}
	v, err := c.s.Test(ctx, env.Who, args[0])
	if err != nil {
		return err
	}
	if v.Fault != "" {
		return fault.New(fault.Unavailable, "%s at %s: %s", v.Name, v.URL, v.Fault).WithKey(v.Fault)
	}
	env.Say("%s: %d modules", v.Name, len(v.Modules))
	return nil
}

func (c knowing) list(ctx context.Context, env *cli.Env, _ []string) error {
	list, err := c.s.Servers(ctx, env.Who)
	if err != nil {
		return err
	}
	for _, v := range list {
		if !env.JSON {
			fmt.Fprintf(env.Out, "%s  %s  %d modules %s\n", v.Name, v.URL, len(v.Modules), v.Fault)
		}
		for _, m := range v.Modules {
			if env.JSON {
				err = env.Print(struct {
					Server   string   `json:"server"`
					Module   string   `json:"module"`
					On       bool     `json:"on"`
					Manner   string   `json:"manner"`
					Takes    []string `json:"takes"`
					Settings []string `json:"settings"`
					Set      []string `json:"set"`
				}{v.Name, m.Name, m.On, string(m.Manner), m.Input, m.Config, m.Set})
			} else if m.On {
				_, err = fmt.Fprintf(env.Out, "  %-28s %-8s %s\n", m.Name, m.Manner, strings.Join(m.Input, " "))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (c knowing) set(fs *flag.FlagSet) run {
	manner := fs.String("manner", "", "how far it asks: inside, asks or touches (touches)")
	setting := fs.String("setting", "", "a setting of the module whose value stands on standard input; nothing there takes it away")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 3 || args[2] != "on" && args[2] != "off" {
			return cli.UsageError("module set SERVER MODULE on|off")
		}
		var set map[string]string
		if *setting != "" {
			b, err := io.ReadAll(io.LimitReader(env.In, 10_000))
			if err != nil {
				return err
			}
			set = map[string]string{*setting: strings.TrimSpace(string(b))}
		}
		return c.s.Setup(ctx, env.Who, args[0], args[1], args[2] == "on", enrich.Manner(*manner), set)
	}
}

func (c knowing) remove(ctx context.Context, env *cli.Env, args []string) error {
	if len(args) != 1 {
		return cli.UsageError("module delete SERVER")
	}
	return c.s.DropServer(ctx, env.Who, args[0])
}
