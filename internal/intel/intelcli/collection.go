package intelcli

import (
	"context"
	"flag"
	"strings"
	"time"

	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/registry"
)

type run = func(context.Context, *cli.Env, []string) error

// Collections lists the commands of what others read over TAXII. An operator sees
// settings, counts and readers, no titles of events.
func Collections(s *intel.Service, orgs *registry.Service) []cli.Command {
	c := collections{s, orgs}
	plain := func(r run) func(*flag.FlagSet) run { return func(*flag.FlagSet) run { return r } }
	return []cli.Command{
		{Name: "taxii collection add", Args: "ALIAS --title TITLE [--readers members|group|named] [--tag TAG]… [--dry-run]", Short: "define a collection of published events that others read over TAXII; --dry-run says what it would hold and for whom", Flags: c.add},
		{Name: "taxii collection list", Short: "the collections that are defined here", Flags: plain(c.list)},
		{Name: "taxii collection show", Args: "COLLECTION", Short: "what it holds, by what rule, and who reads it", Flags: plain(c.show)},
		{Name: "taxii collection edit", Args: "COLLECTION", Short: "change it; a list that is given takes the old one's place, --tag= empties it", Flags: c.edit},
		{Name: "taxii collection put", Args: "COLLECTION EVENT", Short: "put an event in, whatever its rule says; it enters when it is published", Flags: plain(c.pick(true))},
		{Name: "taxii collection take", Args: "COLLECTION EVENT", Short: "take back that an event was put in", Flags: plain(c.pick(false))},
		{Name: "taxii collection delete", Args: "COLLECTION --yes", Short: "take it away from its readers; the events stay", Flags: c.remove},
	}
}

type collections struct {
	intel *intel.Service
	orgs  *registry.Service
}

// collectionFlags are the flags that add and edit share; given tells which were.
type collectionFlags struct {
	alias, title, text, readers, circle, ceiling, group, model string
	orgs, tags, not, types                                     cli.List
	days                                                       int64
	lapse, chosen, inbox, dry, yes                             bool
	fs                                                         *flag.FlagSet
}

func newCollectionFlags(fs *flag.FlagSet) *collectionFlags {
	o := &collectionFlags{fs: fs}
	fs.StringVar(&o.title, "title", "", "what it is called")
	fs.StringVar(&o.text, "description", "", "what readers are told of it")
	fs.StringVar(&o.readers, "readers", "", "who may read: members (every organisation here), group, named")
	fs.StringVar(&o.circle, "reader-group", "", "with group: UUID of the sharing group")
	fs.Var(&o.orgs, "org", "with named: an organisation, UUID or exact name; may be repeated")
	fs.StringVar(&o.ceiling, "ceiling", "", "strictest TLP label that enters: CLEAR, GREEN, AMBER, AMBER+STRICT (GREEN)")
	fs.Var(&o.tags, "tag", "only events with one of these tags; may be repeated")
	fs.Var(&o.not, "not-tag", "none with one of these; may be repeated")
	fs.Var(&o.types, "type", "only these kinds of STIX object, for example indicator; may be repeated")
	fs.StringVar(&o.group, "group", "", "only what is shared within this sharing group: a UUID, or none")
	fs.Int64Var(&o.days, "days", 0, "only what was published so many days ago at most; 0 = ever")
	fs.BoolVar(&o.lapse, "lapse", false, "indicators leave when their time is over: valid_until, or a decaying model's")
	fs.StringVar(&o.model, "model", "", "with lapse: a decaying model by name, none, or all (those in force)")
	fs.BoolVar(&o.chosen, "chosen", false, "only what a rule, a POST or put put in")
	fs.BoolVar(&o.inbox, "inbox", false, "its readers may send to it; what they send is looked at first")
	fs.BoolVar(&o.dry, "dry-run", false, "only say what it would hold and who would read it")
	fs.BoolVar(&o.yes, "yes", false, "an AMBER may go to all members: that is meant")
	return o
}

// apply writes what was given into d.
func (o *collectionFlags) apply(ctx context.Context, who ident.Actor, c collections, d *intel.Definition) (err error) {
	lists := map[string]struct {
		to   *[]string
		from []string
	}{"tag": {&d.Tags, o.tags}, "not-tag": {&d.NotTags, o.not}, "type": {&d.Types, o.types}}
	o.fs.Visit(func(f *flag.Flag) {
		if l, ok := lists[f.Name]; ok {
			*l.to = l.from
		}
		switch f.Name {
		case "alias":
			d.Alias = o.alias
		case "title":
			d.Title = o.title
		case "description":
			d.Description = o.text
		case "readers":
			d.Readers = o.readers
		case "reader-group":
			d.Circle = intel.SharingGroup{UUID: o.circle}
		case "group":
			if d.Group = (intel.SharingGroup{UUID: o.group}); o.group == "none" || o.group == "" {
				d.Group = intel.SharingGroup{}
			}
		case "days":
			d.Days = o.days
		case "lapse":
			d.Lapse = o.lapse
		case "model":
			if merr := c.model(ctx, who, o.model, d); merr != nil && err == nil {
				err = merr
			}
		case "chosen":
			d.Chosen = o.chosen
		case "inbox":
			d.Inbox = o.inbox
		case "ceiling":
			var ok bool
			if d.Ceiling, ok = tlp.Parse(o.ceiling); !ok && err == nil {
				err = cli.UsageError("unknown label %q", o.ceiling)
			}
		case "org":
			d.Orgs = nil
			for _, ref := range o.orgs {
				org, oerr := c.orgs.OrgByRef(ctx, ident.SystemPart("setup"), ref)
				if oerr != nil && err == nil {
					err = oerr
				}
				d.Orgs = append(d.Orgs, intel.Org{ID: org.ID})
			}
		}
	})
	return err
}

// model finds a decaying model by its name.
func (c collections) model(ctx context.Context, who ident.Actor, name string, d *intel.Definition) error {
	switch name {
	case "none":
		d.Model = intel.NoModel
		return nil
	case "all", "":
		d.Model = intel.ModelsInForce
		return nil
	}
	list, err := c.intel.DecayModels(ctx, who)
	for _, m := range list {
		if strings.EqualFold(m.Name, name) {
			d.Model = m.ID
			return err
		}
	}
	if err == nil {
		err = cli.UsageError("no decaying model %q", name)
	}
	return err
}

func (c collections) add(fs *flag.FlagSet) run {
	o := newCollectionFlags(fs)
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 1 || o.title == "" {
			return cli.UsageError("taxii collection add ALIAS --title TITLE")
		}
		d := intel.Definition{Alias: args[0], Readers: intel.ReadMembers, Ceiling: tlp.Green}
		if o.circle != "" {
			d.Readers = intel.ReadGroup
		} else if len(o.orgs) > 0 {
			d.Readers = intel.ReadNamed
		}
		if err := o.apply(ctx, env.Who, c, &d); err != nil {
			return err
		}
		return c.save(ctx, env, "", d, o)
	}
}

func (c collections) edit(fs *flag.FlagSet) run {
	o := newCollectionFlags(fs)
	fs.StringVar(&o.alias, "alias", "", "another short name; readers that use the old one lose it")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 1 {
			return cli.UsageError("taxii collection edit COLLECTION")
		}
		d, err := c.intel.Definition(ctx, env.Who, args[0])
		if err != nil {
			return err
		}
		if err := o.apply(ctx, env.Who, c, &d); err != nil {
			return err
		}
		return c.save(ctx, env, d.UUID, d, o)
	}
}

func (c collections) save(ctx context.Context, env *cli.Env, ref string, d intel.Definition, o *collectionFlags) (err error) {
	if !o.dry {
		if d, err = c.intel.SaveDefinition(ctx, env.Who, ref, d, o.yes); err != nil {
			if f := fault.Of(err); f != nil && f.Fields["asked"] != "" {
				return cli.RefusedError("an AMBER would go to all members; say --yes if that is meant")
			}
			return err
		}
	}
	return c.say(ctx, env, d, true)
}

// collectionLine is a collection as JSON.
type collectionLine struct {
	ID          string   `json:"id"`
	Alias       string   `json:"alias"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Readers     string   `json:"readers"`
	ReaderGroup string   `json:"reader_group"`
	Orgs        []string `json:"organisations"`
	Ceiling     string   `json:"ceiling"`
	Tags        []string `json:"tags"`
	NotTags     []string `json:"not_tags"`
	Types       []string `json:"types"`
	Group       string   `json:"group"`
	Days        int64    `json:"days"`
	Lapse       bool     `json:"lapse"`
	Model       string   `json:"model"` // with lapse: all, none or a name
	Chosen      bool     `json:"chosen"`
	Inbox       bool     `json:"inbox"`
	Changed     string   `json:"changed"`
	Events      *int64   `json:"events,omitempty"`
	ReadBy      *int     `json:"read_by,omitempty"`
	People      *int64   `json:"people,omitempty"`
}

func (c collections) say(ctx context.Context, env *cli.Env, d intel.Definition, whole bool) error {
	line := collectionLine{ID: d.UUID, Alias: d.Alias, Title: d.Title, Description: d.Description, Readers: d.Readers, ReaderGroup: d.Circle.UUID,
		Orgs: []string{}, Ceiling: d.Ceiling.String(), Tags: some(d.Tags), NotTags: some(d.NotTags), Types: some(d.Types), Group: d.Group.UUID, Days: d.Days, Lapse: d.Lapse, Chosen: d.Chosen, Inbox: d.Inbox}
	for _, o := range d.Orgs {
		line.Orgs = append(line.Orgs, o.UUID)
	}
	if d.Changed > 0 {
		line.Changed = clock.FromMicros(d.Changed).Format(time.RFC3339)
	}
	if d.Lapse {
		line.Model = "none"
		if d.Model == intel.ModelsInForce || d.Model == 0 {
			line.Model = "all"
		}
		list, err := c.intel.DecayModels(ctx, env.Who)
		if err != nil {
			return err
		}
		for _, m := range list {
			if m.ID == d.Model {
				line.Model = m.Name
			}
		}
	}
	var held intel.Contents
	if whole {
		var err error
		if held, err = c.intel.Contents(ctx, env.Who, d); err != nil {
			return err
		}
		line.Events, line.ReadBy, line.People = &held.Events, &held.Readers.Count, &held.Readers.People
	}
	if env.JSON {
		return env.Print(line)
	}
	env.Say("%s  %s  %s  up to %s, for %s", line.ID, line.Alias, line.Title, line.Ceiling, line.Readers)
	if whole {
		if len(d.Tags)+len(d.NotTags)+len(d.Types) > 0 {
			env.Say("  tags %s; without %s; kinds %s", strings.Join(some(d.Tags), ", "), strings.Join(some(d.NotTags), ", "), strings.Join(some(d.Types), ", "))
		}
		env.Say("  %d published events; read by %d organisations with %d people, each as far as it sees them anyway", held.Events, held.Readers.Count, held.Readers.People)
	}
	return nil
}

func some(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func (c collections) list(ctx context.Context, env *cli.Env, _ []string) error {
	list, err := c.intel.Definitions(ctx, env.Who)
	for _, d := range list {
		if err == nil {
			err = c.say(ctx, env, d, false)
		}
	}
	return err
}

func (c collections) show(ctx context.Context, env *cli.Env, args []string) error {
	if len(args) != 1 {
		return cli.UsageError("exactly one collection")
	}
	d, err := c.intel.Definition(ctx, env.Who, args[0])
	if err != nil {
		return err
	}
	return c.say(ctx, env, d, true)
}

func (c collections) pick(in bool) run {
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 2 {
			return cli.UsageError("a collection and an event")
		}
		return c.intel.Pick(ctx, env.Who, args[0], args[1], in)
	}
}

func (c collections) remove(fs *flag.FlagSet) run {
	yes := fs.Bool("yes", false, "its readers lose it: that is meant")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 1 {
			return cli.UsageError("exactly one collection")
		}
		if !*yes {
			return cli.RefusedError("its readers lose it at once; say --yes if that is meant")
		}
		return c.intel.DeleteDefinition(ctx, env.Who, args[0])
	}
}
