// Package peercli is peers on the command line: peer add, list, show, test, pull,
// push, why, edit and delete. An operator sees names, numbers and reasons, no content.
package peercli

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"straza/internal/format/tlp"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/peer"
)

type (
	run   = func(context.Context, *cli.Env, []string) error
	actor = ident.Actor
)

// Commands lists the room's commands.
func Commands(s *peer.Service) []cli.Command {
	c := commands{s}
	return []cli.Command{
		{Name: "peer add", Args: "NAME URL --org ORG [--key-file FILE]", Short: "enter another installation; its key is read from standard input or a file, never from the line", Flags: c.add},
		{Name: "peer list", Short: "all peers and how it stands with them", Flags: noFlags(c.list)},
		{Name: "peer show", Args: "PEER", Short: "a peer's settings, its last runs and what is refused or held", Flags: c.show},
		{Name: "peer edit", Args: "PEER [FLAG=on|off…]", Short: "change settings; flags are MISP's: push, pull, push_sightings, unpublish_event …", Flags: c.edit},
		{Name: "peer test", Args: "PEER", Short: "ask the other side what it is and whether our calls arrive", Flags: noFlags(c.test)},
		{Name: "peer pull", Args: "PEER [full|update|UUID] [--dry-run] [--fresh]", Short: "take in what the peer shows us, to the end, and report", Flags: c.exchange(s.Pull)},
		{Name: "peer push", Args: "PEER [full|update|UUID] [--dry-run] [--fresh]", Short: "send what the peer may have and does not hold, and report", Flags: c.exchange(s.PushTo)},
		{Name: "peer why", Args: "EVENT", Short: "for every peer that is pushed to: was this event sent, and if not, why", Flags: noFlags(c.why)},
		{Name: "peer delete", Args: "PEER", Short: "forget a peer; events that came from it stay", Flags: noFlags(c.remove)},
	}
}

func noFlags(r run) func(*flag.FlagSet) run { return func(*flag.FlagSet) run { return r } }

type commands struct{ s *peer.Service }

// settings are the flags that add and edit share.
type settings struct {
	push, pull, ceiling, blocked, keyFile, org string
	every, patience                            int
}

func (o *settings) flags(fs *flag.FlagSet) {
	fs.StringVar(&o.push, "push-rules", "", "rules in MISP's JSON form")
	fs.StringVar(&o.pull, "pull-rules", "", "rules in MISP's JSON form")
	fs.StringVar(&o.ceiling, "ceiling", "", "strictest TLP label that goes there: CLEAR, GREEN, AMBER, AMBER+STRICT (GREEN)")
	fs.StringVar(&o.blocked, "blocked-types", "", "attribute types that do not go there, with blanks")
	fs.StringVar(&o.keyFile, "key-file", "", "file with our key there; - or nothing is standard input")
	fs.StringVar(&o.org, "org", "", "organisation behind the peer: UUID or exact name, or UUID=NAME for one that is new here")
	fs.IntVar(&o.every, "every", -1, "minutes between pulls, 0 = by hand")
	fs.IntVar(&o.patience, "patience", 0, "seconds for one exchange (300)")
}

func (o *settings) apply(p *peer.Peer) (err error) {
	if o.push != "" {
		if p.PushRules, err = peer.ParseRules(o.push); err != nil {
			return err
		}
	}
	if o.pull != "" {
		if p.PullRules, err = peer.ParseRules(o.pull); err != nil {
			return err
		}
	}
	if o.ceiling != "" {
		l, ok := tlp.Parse(o.ceiling)
		if !ok {
			return cli.UsageError("unknown label %q", o.ceiling)
		}
		p.Ceiling = l
	}
	if o.blocked != "" {
		p.BlockedTypes = strings.Fields(o.blocked)
	}
	if o.every >= 0 {
		p.Every = o.every
	}
	if o.patience > 0 {
		p.Patience = o.patience
	}
	return nil
}

func (o *settings) remote() (r peer.Remote) {
	if uuid, name, ok := strings.Cut(o.org, "="); ok {
		return peer.Remote{UUID: uuid, Name: name}
	}
	return peer.Remote{Ref: o.org}
}

// key reads a key from where it does not end up in a list of processes.
func (o *settings) key(env *cli.Env, always bool) (string, error) {
	in := env.In
	if o.keyFile != "" && o.keyFile != "-" {
		f, err := env.Files.Open(o.keyFile)
		if err != nil {
			return "", fault.New(fault.NotFound, "cannot open the key's file").Because(err)
		}
		defer f.Close()
		in = f
	} else if !always && o.keyFile == "" {
		return "", nil
	}
	b, err := io.ReadAll(io.LimitReader(in, 1000))
	return strings.TrimSpace(string(b)), err
}

// switches sets flags by MISP's names: push=on.
func switches(f *peer.Flags, args []string) error {
	b, err := json.Marshal(f)
	if err != nil {
		return err
	}
	all := map[string]bool{}
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if _, known := all[name]; !ok || !known || value != "on" && value != "off" {
			return cli.UsageError("%q is no FLAG=on or FLAG=off; there are: %s", a, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		}
		all[name] = value == "on"
	}
	if b, err = json.Marshal(all); err != nil {
		return err
	}
	return json.Unmarshal(b, f)
}

func (c commands) add(fs *flag.FlagSet) run {
	var o settings
	o.flags(fs)
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) < 2 {
			return cli.UsageError("peer add NAME URL --org ORG [pull=on] [push=on]")
		}
		p := peer.Peer{Name: args[0], URL: args[1]}
		if err := switches(&p.Flags, args[2:]); err != nil {
			return err
		}
		if err := o.apply(&p); err != nil {
			return err
		}
		key, err := o.key(env, true)
		if err != nil {
			return err
		}
		if p, err = c.s.Add(ctx, env.Who, p, key, o.remote()); err != nil {
			return err
		}
		return say(env, p)
	}
}

func (c commands) edit(fs *flag.FlagSet) run {
	var o settings
	o.flags(fs)
	url := fs.String("url", "", "another address; needs the key again")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) < 1 {
			return cli.UsageError("peer edit PEER [FLAG=on|off…]")
		}
		key, err := o.key(env, false)
		if err != nil {
			return err
		}
		p, err := c.s.Edit(ctx, env.Who, args[0], key, o.remote(), func(p *peer.Peer) error {
			if *url != "" {
				p.URL = *url
			}
			if err := switches(&p.Flags, args[1:]); err != nil {
				return err
			}
			return o.apply(p)
		})
		if err != nil {
			return err
		}
		return say(env, p)
	}
}

// shown is a peer as JSON; the key is not in it.
type shown struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	URL       string     `json:"url"`
	Flags     peer.Flags `json:"flags"`
	PushRules peer.Rules `json:"push_rules"`
	PullRules peer.Rules `json:"pull_rules"`
	Ceiling   string     `json:"ceiling"`
	Blocked   []string   `json:"blocked_types"`
	Every     int        `json:"every_minutes"`
	Patience  int        `json:"patience_seconds"`
	Code      int        `json:"code"`
	Detail    string     `json:"detail"`
	Version   string     `json:"remote_version"`
	Failures  int        `json:"failures"`
	Closed    string     `json:"not_tried_before"`
	Pulled    string     `json:"pulled"`
	Pushed    string     `json:"pushed"`
	Runs      []report   `json:"runs,omitempty"`
	Held      []itemLine `json:"refused_or_held,omitempty"`
}

func stamp(us int64) string {
	if us == 0 {
		return ""
	}
	return clock.FromMicros(us).Format(time.RFC3339)
}

func shownOf(p peer.Peer) shown {
	h := p.Health
	return shown{ID: p.UUID, Name: p.Name, URL: p.URL, Flags: p.Flags, PushRules: p.PushRules, PullRules: p.PullRules, Ceiling: p.Ceiling.String(),
		Blocked: p.BlockedTypes, Every: p.Every, Patience: p.Patience, Code: int(h.Code), Detail: h.Detail, Version: h.Able.Version, Failures: h.Failures,
		Closed: stamp(h.OpenUntil), Pulled: stamp(p.Pulled), Pushed: stamp(p.Pushed)}
}

// words of MISP's codes for a terminal; pages have them in three languages.
var words = map[peer.Code]string{peer.Untested: "not tested", peer.OK: "works", peer.Unreachable: "does not answer", peer.Unexpected: "unexpected answer",
	peer.Forbidden: "key not accepted", peer.Password: "asks for a new password", peer.Terms: "terms of use not accepted",
	peer.BodyLost: "request bodies do not arrive whole", peer.HeaderLost: "request headers do not arrive", peer.NoPostTest: "the sending test was refused"}

func say(env *cli.Env, p peer.Peer) error {
	if env.JSON {
		return env.Print(shownOf(p))
	}
	env.Say("%s  %s  %s  %s  %s", p.UUID, p.Name, p.URL, words[p.Health.Code], p.Health.Detail)
	return nil
}

func (c commands) list(ctx context.Context, env *cli.Env, _ []string) error {
	list, err := c.s.Peers(ctx, env.Who)
	if err != nil {
		return err
	}
	for _, p := range list {
		if err := say(env, p); err != nil {
			return err
		}
	}
	return nil
}

func one(args []string, what string) (string, error) {
	if len(args) != 1 {
		return "", cli.UsageError("exactly one %s", what)
	}
	return args[0], nil
}

func (c commands) test(ctx context.Context, env *cli.Env, args []string) error {
	ref, err := one(args, "peer")
	if err != nil {
		return err
	}
	p, err := c.s.Test(ctx, env.Who, ref)
	if err != nil {
		return err
	}
	if err := say(env, p); err != nil {
		return err
	}
	if p.Health.Code != peer.OK {
		return fault.New(fault.Unavailable, "%s: %s", p.Name, words[p.Health.Code])
	}
	return nil
}

func (c commands) remove(ctx context.Context, env *cli.Env, args []string) error {
	ref, err := one(args, "peer")
	if err != nil {
		return err
	}
	return c.s.Delete(ctx, env.Who, ref)
}

// report is the JSON of a run.
type report struct {
	Way       string      `json:"way"`
	Technique string      `json:"technique"`
	State     string      `json:"state"`
	Dry       bool        `json:"dry_run"`
	NoNews    bool        `json:"index_unchanged"`
	Started   string      `json:"started"`
	Ended     string      `json:"ended"`
	Counts    peer.Counts `json:"counts"`
	Detail    string      `json:"detail"`
}

func reportOf(r peer.Run) report {
	return report{r.Way, r.Technique, r.State, r.Dry, r.Unchanged, stamp(r.Started), stamp(r.Ended), r.Counts, r.Detail}
}

func sayRun(env *cli.Env, r peer.Run) error {
	if env.JSON {
		return env.Print(reportOf(r))
	}
	e := r.Counts.Events
	env.Say("%s %s, %s: %d events read, %d new, %d changed, %d as they were, %d refused, %d left; %d attributes new, %d changed, %d refused",
		r.Way, r.Technique, r.State, e.Read, e.Created, e.Updated, e.Unchanged, e.Refused, e.Left,
		r.Counts.Attributes.Created, r.Counts.Attributes.Updated, r.Counts.Attributes.Refused)
	for _, k := range []struct {
		what string
		t    peer.Tally
	}{{"organisations", r.Counts.Orgs}, {"sharing groups", r.Counts.Groups}, {"tags", r.Counts.Tags}, {"taxonomies", r.Counts.Taxonomies}, {"galaxies", r.Counts.Galaxies}, {"clusters", r.Counts.Clusters}, {"proposals", r.Counts.Proposals}, {"sightings", r.Counts.Sightings}, {"remarks", r.Counts.Analyst}, {"collections", r.Counts.Collections}} {
		if k.t.Read > 0 {
			env.Say("  %d %s read, %d new, %d changed, %d as they were, %d refused", k.t.Read, k.what, k.t.Created, k.t.Updated, k.t.Unchanged, k.t.Refused)
		}
	}
	signature, n, rest := r.Counts.BySignature()
	if n > 0 {
		env.Say("  %d not taken for their signature:", n)
	}
	for _, k := range signature {
		env.Say("    %d: %s", r.Counts.Reasons[k], k)
	}
	for _, k := range rest {
		env.Say("  %d: %s", r.Counts.Reasons[k], k)
	}
	return nil
}

// Move is intel import --from-misp: it ends with what did not fit, and with exit code 1
// when events were refused or are left.
func Move(s *peer.Service) func(ctx context.Context, env *cli.Env, address, key string, org int64, dry bool) error {
	return func(ctx context.Context, env *cli.Env, address, key string, org int64, dry bool) error {
		r, err := s.FromMISP(ctx, env.Who, address, key, org, peer.Options{Dry: dry})
		if r.ID == 0 {
			return err
		}
		if perr := sayRun(env, r); perr != nil {
			return perr
		}
		if !env.JSON {
			for _, m := range r.Counts.Misfits {
				env.Say("did not fit: %s %s: %s", m.Kind, m.Name, m.Reason)
			}
			env.Say("people, keys, servers, feeds and settings are not taken over: make them here")
		}
		if e := r.Counts.Events; err == nil && e.Refused+e.Left > 0 && !dry {
			err = fault.New(fault.Invalid, "%d events were refused and %d are left: run it again, or look at the report", e.Refused, e.Left)
		}
		return err
	}
}

func (c commands) exchange(do func(context.Context, actor, string, peer.Options) (peer.Run, error)) func(*flag.FlagSet) run {
	return func(fs *flag.FlagSet) run {
		dry := fs.Bool("dry-run", false, "only say what would happen")
		fresh := fs.Bool("fresh", false, "look at everything again")
		return func(ctx context.Context, env *cli.Env, args []string) error {
			o := peer.Options{Dry: *dry, Fresh: *fresh, Force: true}
			switch len(args) {
			case 2:
				o.Technique = args[1]
			case 1:
			default:
				return cli.UsageError("a peer, and perhaps full, update or the UUID of one event")
			}
			r, err := do(ctx, env.Who, args[0], o)
			if r.ID != 0 {
				if perr := sayRun(env, r); perr != nil {
					return perr
				}
			}
			return err
		}
	}
}

type itemLine struct {
	Way    string `json:"way"`
	Event  string `json:"event"`
	State  string `json:"state"`
	Reason string `json:"reason"`
	Detail string `json:"detail"`
	At     string `json:"at"`
}

func (c commands) show(fs *flag.FlagSet) run {
	n := fs.Int("runs", 5, "how many of the last runs")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		ref, err := one(args, "peer")
		if err != nil {
			return err
		}
		p, err := c.s.Peer(ctx, env.Who, ref)
		if err != nil {
			return err
		}
		runs, err := c.s.Runs(ctx, env.Who, ref, *n)
		if err != nil {
			return err
		}
		out := shownOf(p)
		for _, r := range runs {
			out.Runs = append(out.Runs, reportOf(r))
		}
		for _, k := range [][2]string{{peer.Pull, "refused"}, {peer.Push, "refused"}, {peer.Push, "held"}} {
			list, _, err := c.s.Items(ctx, env.Who, ref, k[0], k[1], 0, 200)
			if err != nil {
				return err
			}
			for _, it := range list {
				out.Held = append(out.Held, itemLine{it.Way, it.Event, it.State, it.Reason, it.Detail, stamp(it.At)})
			}
		}
		if env.JSON {
			return env.Print(out)
		}
		if err := say(env, p); err != nil {
			return err
		}
		for _, r := range runs {
			if err := sayRun(env, r); err != nil {
				return err
			}
		}
		for _, h := range out.Held {
			env.Say("%s %s %s %s %s", h.Way, h.Event, h.State, h.Reason, h.Detail)
		}
		return nil
	}
}

func (c commands) why(ctx context.Context, env *cli.Env, args []string) error {
	ref, err := one(args, "event")
	if err != nil {
		return err
	}
	list, err := c.s.WhyNot(ctx, env.Who, ref)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		env.Say("no peer has push on: nothing is sent to any")
	}
	for _, a := range list {
		if env.JSON {
			if err := env.Print(map[string]string{"peer": a.Peer, "state": a.State, "reason": a.Reason, "detail": a.Detail, "at": stamp(a.At)}); err != nil {
				return err
			}
			continue
		}
		env.Say("%s: %s %s %s", a.Peer, a.State, a.Reason, a.Detail)
	}
	return nil
}
