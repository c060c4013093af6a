// Package intelcli is threat data on the command line: intel import, intel
// export (spec program §3).
//
// Without --as an operator imports in the name of an organisation (--org, else
// the host) as the part "importer"; content is exported only with --as.
package intelcli

import (
	"context"
	"flag"
	"io"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/registry"
)

// Commands lists the room's commands. origin is the installation's public address,
// "" when it is not known; rules point there.
func Commands(s *intel.Service, orgs *registry.Service, origin string, move Move) []cli.Command {
	r := rooms{s, orgs, origin, move, map[int64]*misp.SharingGroup{}}
	return []cli.Command{
		{Name: "intel import", Args: "PATH… [--format misp|stix|csv|text] [--org ORG] [--publish] | --from-misp URL --key KEY [--org ORG] [--dry-run]",
			Short: "events from files, directories or - (standard input), or a whole MISP over its API; what is here and older is brought up to date", Flags: r.importFlags},
		{Name: "intel export", Args: "[KEY=VALUE…] --format misp|stix2|csv|suricata|yara|rpz|… [--with-warned]", Short: "events that you may see and whose TLP lets them leave; KEY is event, value, type, category, tag, org, from, to, since, published, to_ids", Flags: r.exportFlags},
		{Name: "intel diff", Args: "EVENT [--from MOMENT] [--to MOMENT] [--json]",
			Short: "what became of an event (a UUID) between two moments, RFC 3339 or a day; since its newest version when nothing is said", Flags: r.diffFlags},
	}
}

type rooms struct {
	intel  *intel.Service
	orgs   *registry.Service
	origin string
	move   Move
	groups map[int64]*misp.SharingGroup // of one run, by id; nil for those that its reader may not know
}

// Move takes over the MISP at an address with a key there, "" = the one given before,
// and says what came of it. Org is the id of whose events they become.
type Move func(ctx context.Context, env *cli.Env, address, key string, org int64, dry bool) error

func (r rooms) importFlags(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	format := fs.String("format", "", "misp, stix, csv or text (by the file's name and beginning)")
	org := fs.String("org", "", "the organisation whose events they become: a UUID or an exact name (the host)")
	publish := fs.Bool("publish", false, "publish them as well")
	from := fs.String("from-misp", "", "address of a MISP: everything it holds comes, and goes on where it stood when it is called again")
	key := fs.String("key", "", "with --from-misp: an administrator's key there; - reads it from standard input; nothing is the one given before")
	dry := fs.Bool("dry-run", false, "with --from-misp: only say what would come")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if *from != "" {
			return r.moveFrom(ctx, env, args, *from, *key, *org, *dry)
		}
		if len(args) == 0 {
			return cli.UsageError("intel import needs files, directories, or - for standard input")
		}
		switch *format {
		case "", "misp", "stix", "csv", "text":
		case "json":
			*format = "misp"
		default:
			return cli.UsageError("unknown format %q; there are: misp, stix, csv, text", *format)
		}
		who, id, err := r.importer(ctx, env.Who, *org)
		if err != nil {
			return err
		}
		im := &importer{rooms: r, env: env, who: who, format: *format, opt: intel.AddOptions{Org: id, Publish: *publish, Upsert: true}}
		return im.run(ctx, args)
	}
}

// moveFrom takes a whole MISP over.
func (r rooms) moveFrom(ctx context.Context, env *cli.Env, args []string, from, key, org string, dry bool) error {
	if len(args) > 0 || r.move == nil {
		return cli.UsageError("--from-misp takes an address, and no files beside it")
	}
	if key == "-" {
		b, err := io.ReadAll(io.LimitReader(env.In, 1000))
		if err != nil {
			return err
		}
		key = strings.TrimSpace(string(b))
	}
	_, id, err := r.importer(ctx, env.Who, org)
	if err != nil {
		return err
	}
	return r.move(ctx, env, from, key, id, dry)
}

// importer says in whose name an import happens.
func (r rooms) importer(ctx context.Context, who ident.Actor, org string) (ident.Actor, int64, error) {
	setup := ident.SystemPart("setup")
	if who.Kind == ident.Operator {
		part := ident.SystemPart("importer")
		part.Channel, part.RequestID = who.Channel, who.RequestID
		if org == "" {
			host, err := r.orgs.Host(ctx, setup)
			if fault.Is(err, fault.NotFound) {
				err = fault.New(fault.Invalid, "there is no organisation yet: straza org add --name N --kind cert")
			}
			return part, host.ID, err
		}
		o, err := r.orgs.OrgByRef(ctx, setup, org)
		return part, o.ID, err
	}
	if org == "" {
		return who, who.Org, nil
	}
	o, err := r.orgs.OrgByRef(ctx, setup, org)
	if err == nil && o.ID != who.Org {
		err = cli.RefusedError("%s is not the organisation of the person named by --as", org)
	}
	return who, o.ID, err
}
