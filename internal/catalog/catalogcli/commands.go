// Package catalogcli is the catalogues on the command line: catalog import,
// catalog list (spec program §3).
package catalogcli

import (
	"context"
	"flag"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"straza/internal/catalog"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
)

// Commands lists the room's commands.
func Commands(s *catalog.Service) []cli.Command {
	return []cli.Command{
		{Name: "catalog import", Args: "PATH|ZIP…", Short: "taxonomies, galaxies, object templates, warning lists, decaying models, in their upstream formats",
			Flags: func(*flag.FlagSet) func(context.Context, *cli.Env, []string) error {
				return func(ctx context.Context, env *cli.Env, args []string) error { return importAll(ctx, s, env, args) }
			}},
		{Name: "catalog list", Short: "what was imported and what is built in",
			Flags: func(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
				kind := fs.String("kind", "", "only this kind: "+strings.Join(catalog.Kinds(), ", "))
				return func(ctx context.Context, env *cli.Env, _ []string) error { return list(ctx, s, env, *kind) }
			}},
	}
}

func importAll(ctx context.Context, s *catalog.Service, env *cli.Env, args []string) error {
	if len(args) == 0 {
		return cli.UsageError("catalog import needs a directory, a zip or a file; an address on the web is fetched with another program first")
	}
	for _, a := range args {
		if strings.Contains(a, "://") {
			return cli.UsageError("%s: fetch it first, then import the directory or zip", a)
		}
	}
	if err := s.Seed(ctx, env.Who); err != nil {
		return err
	}
	rep, err := s.Import(ctx, env.Who, files(env.Files, args))
	if err != nil {
		return err
	}
	if env.JSON {
		if err := env.Print(rep); err != nil {
			return err
		}
	} else {
		for _, k := range catalog.Kinds() {
			if c := rep.Kinds[k]; c != nil {
				env.Say("%-14s %d read: %d new, %d newer, %d as they were", k, c.Read, c.Created, c.Updated, c.Unchanged)
			}
		}
		env.Say("%d entries in %d files; %d files were no catalogues", rep.Entries, rep.Files, rep.Passed)
		for _, p := range rep.Refused {
			env.Say("refused %s: %s", p.File, p.Reason)
		}
	}
	if len(rep.Refused) > 0 {
		return fault.New(fault.Invalid, "%d files were refused", len(rep.Refused))
	}
	if rep.Files == 0 {
		return fault.New(fault.Invalid, "nothing there is a catalogue")
	}
	return nil
}

// files are those of every argument, directories walked through.
func files(fs cli.Files, args []string) catalog.Files {
	return func(yield func(catalog.File, error) bool) {
		for _, arg := range args {
			names, err := fs.List(arg)
			if err != nil {
				yield(catalog.File{}, fault.New(fault.NotFound, "cannot read %s", arg).Because(err))
				return
			}
			if names == nil {
				names = []string{""}
			}
			for _, n := range names {
				full := path.Join(arg, n)
				if !yield(catalog.File{Name: full, Open: func() (io.ReadCloser, error) { return fs.Open(full) }}, nil) {
					return
				}
			}
		}
	}
}

// line is one catalogue as catalog list --json prints it.
type line struct {
	Kind    string `json:"kind"`
	Name    string `json:"name"`
	UUID    string `json:"uuid"`
	Version int64  `json:"version"`
	Entries int64  `json:"entries"`
	Enabled bool   `json:"enabled"`
	Builtin bool   `json:"builtin"`
}

func list(ctx context.Context, s *catalog.Service, env *cli.Env, kind string) error {
	var kinds []string
	if kind != "" {
		if !slices.Contains(catalog.Kinds(), kind) {
			return cli.UsageError("unknown kind %q; there are: %s", kind, strings.Join(catalog.Kinds(), ", "))
		}
		kinds = []string{kind}
	}
	items, err := s.List(ctx, env.Who, kinds...)
	if err != nil {
		return err
	}
	for _, it := range items {
		if env.JSON {
			err = env.Print(line{it.Kind, it.Name, it.UUID, it.Version, it.Entries, it.Enabled, it.Builtin})
		} else {
			_, err = fmt.Fprintf(env.Out, "%-14s %-44s version %-10d %d entries\n", it.Kind, it.Name, it.Version, it.Entries)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
