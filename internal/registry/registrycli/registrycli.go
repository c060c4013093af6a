// Package registrycli is the registry on the command line: org add, org list,
// org import (spec program §3).
package registrycli

import (
	"context"
	"flag"
	"path"
	"strings"
	"time"

	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
	"straza/internal/registry"
)

// Commands lists the room's commands.
func Commands(s *registry.Service) []cli.Command {
	return []cli.Command{
		{Name: "org add", Args: "--name N [--kind K] [--sector S]", Short: "enter an organisation; the first of kind cert is the host of the installation",
			Flags: func(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error { return add(s, fs) }},
		{Name: "org list", Short: "organisations",
			Flags: func(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error { return list(s, fs) }},
		{Name: "org import", Args: "FILE", Short: "enter organisations from CSV or JSON; all or none",
			Flags: func(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error { return importFile(s, fs) }},
	}
}

// org is the JSON of an organisation on the command line.
type org struct {
	ID      string  `json:"id"`
	Name    string  `json:"name"`
	Kind    string  `json:"kind"`
	Sector  *string `json:"sector"`
	Host    bool    `json:"host"`
	Created string  `json:"created"`
}

func orgOf(o registry.Organisation) org {
	out := org{ID: o.UUID, Name: o.Name, Kind: o.Kind, Host: o.Host, Created: o.Created.Format(time.RFC3339)}
	if o.Sector != "" {
		out.Sector = &o.Sector
	}
	return out
}

func add(s *registry.Service, fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	name := fs.String("name", "", "the organisation's name")
	kind := fs.String("kind", "", "kind of organisation (other)")
	sector := fs.String("sector", "", "sector")
	uuid := fs.String("uuid", "", "a UUID that it has already")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) > 0 {
			return cli.UsageError("org add takes flags only; a name with blanks wants quotes")
		}
		if strings.TrimSpace(*name) == "" {
			return cli.UsageError("--name is needed")
		}
		o, err := s.Add(ctx, env.Who, registry.Draft{UUID: *uuid, Name: *name, Kind: *kind, Sector: *sector})
		if err != nil {
			return explain(ctx, s, env, err)
		}
		if env.JSON {
			return env.Print(orgOf(o))
		}
		env.Say("entered %s (%s), %s", o.Name, o.Kind, o.UUID)
		return nil
	}
}

// explain lists what is known where a code was not: a wrong call, exit code 2.
func explain(ctx context.Context, s *registry.Service, env *cli.Env, err error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	lists := s.Lists(ctx, env.Who)
	for field, l := range map[string]registry.List{"kind": lists.Kinds, "sector": lists.Sectors} {
		if key, bad := f.Fields[field]; bad {
			return &cli.Exit{Code: cli.Usage, Err: fault.Field(field, key, "unknown %s; there are: %s", field, strings.Join(l.Codes(), ", "))}
		}
	}
	return err
}

func list(s *registry.Service, fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	kind := fs.String("kind", "", "only this kind")
	sector := fs.String("sector", "", "only this sector")
	state := fs.String("state", "", "only this state: active, withdrawn, merged")
	query := fs.String("query", "", "words of the name, an address, a domain or an AS number, in either script")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		f := registry.Filter{Kind: *kind, Sector: *sector, State: registry.State(*state), Query: *query}
		page := registry.Page{Limit: 200}
		for {
			orgs, next, err := s.List(ctx, env.Who, f, page)
			if err != nil {
				return explain(ctx, s, env, err)
			}
			for _, o := range orgs {
				if err := writeLine(env, o); err != nil {
					return err
				}
			}
			if page.Cursor = next; next == "" {
				return nil
			}
		}
	}
}

func writeLine(env *cli.Env, o registry.Organisation) error {
	if env.JSON {
		return env.Print(orgOf(o))
	}
	host := ""
	if o.Host {
		host = " (host)"
	}
	_, err := env.Out.Write([]byte(o.UUID + "  " + o.Kind + "  " + o.Name + host + "\n"))
	return err
}

func importFile(s *registry.Service, fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	format := fs.String("format", "", "csv or json (by the file's name)")
	dry := fs.Bool("dry-run", false, "say what would happen, write nothing")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 1 {
			return cli.UsageError("org import takes one file; - is standard input")
		}
		if *format == "" {
			*format = formatOf(args[0])
		}
		in := env.In
		if args[0] != "-" {
			file, err := env.Files.Open(args[0])
			if err != nil {
				return fault.New(fault.NotFound, "cannot open %s", args[0]).Because(err)
			}
			defer file.Close()
			in = file
		}
		res, err := s.Import(ctx, env.Who, in, registry.ImportOptions{Format: *format, DryRun: *dry})
		if err != nil {
			return err
		}
		return report(env, res)
	}
}

func formatOf(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".json", ".jsonl", ".ndjson":
		return registry.JSON
	}
	return registry.CSV
}

// report prints the result; an import with errors wrote nothing and ends with 1.
func report(env *cli.Env, res registry.ImportResult) error {
	if env.JSON {
		if err := env.Print(res); err != nil {
			return err
		}
	} else {
		for _, e := range res.Errors {
			env.Say("line %d %s: %s", e.Line, e.Field, e.Reason)
		}
		env.Say("%d read: %d new, %d changed, %d as they were, %d refused", res.Read, res.Created, res.Updated, res.Unchanged, res.Refused)
	}
	if len(res.Errors) > 0 {
		return fault.New(fault.Invalid, "%d rows are wrong, nothing was entered", res.Refused)
	}
	return nil
}
