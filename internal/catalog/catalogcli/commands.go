// Package catalogcli is the catalogues on the command line: catalog import,
// catalog list (spec program §3).
package catalogcli

import (
	"bufio"
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

// Fetch gets a file from the world; app gives the guarded outbound client.
type Fetch func(ctx context.Context, url string) (io.ReadCloser, error)

// Commands lists the room's commands.
func Commands(s *catalog.Service, fetch Fetch) []cli.Command {
	return []cli.Command{
		{Name: "catalog import", Args: "PATH|ZIP|URL… | builtin", Short: "taxonomies, galaxies, object templates, warning lists, decaying models, in their upstream formats; builtin: the small galaxies of our own",
			Flags: func(*flag.FlagSet) func(context.Context, *cli.Env, []string) error {
				return func(ctx context.Context, env *cli.Env, args []string) error {
					return importAll(ctx, s, fetch, env, args)
				}
			}},
		{Name: "catalog list", Short: "what was imported and what is built in",
			Flags: func(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
				kind := fs.String("kind", "", "only this kind: "+strings.Join(catalog.Kinds(), ", "))
				return func(ctx context.Context, env *cli.Env, _ []string) error { return list(ctx, s, env, *kind) }
			}},
	}
}

func importAll(ctx context.Context, s *catalog.Service, fetch Fetch, env *cli.Env, args []string) error {
	if len(args) == 0 {
		return cli.UsageError("catalog import needs a directory, a zip, a file or an http(s) address of one")
	}
	for _, a := range args {
		if scheme, _, far := strings.Cut(a, "://"); far && scheme != "http" && scheme != "https" {
			return cli.UsageError("%s: an address begins with https:// or http://", a)
		}
	}
	if err := s.Seed(ctx, env.Who); err != nil {
		return err
	}
	take := func() (catalog.Report, error) { return s.Import(ctx, env.Who, files(ctx, env.Files, fetch, args)) }
	if len(args) == 1 && args[0] == "builtin" {
		take = func() (catalog.Report, error) { return s.SeedGalaxies(ctx, env.Who) }
	}
	rep, err := take()
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

// far is one file from the world. It is fetched before anything is taken in: an
// address that does not answer is the caller's error, not a refused file.
func far(ctx context.Context, fetch Fetch, url string) (catalog.File, error) {
	body, err := fetch(ctx, url)
	if err != nil {
		return catalog.File{}, err
	}
	name, _, _ := strings.Cut(url, "?")
	if ext := strings.ToLower(path.Ext(name)); ext != ".json" && ext != ".zip" {
		peek := bufio.NewReader(body)
		if head, _ := peek.Peek(4); string(head) == "PK\x03\x04" { // an archive behind a path without its name
			name += ".zip"
		} else {
			name += ".json"
		}
		body = struct {
			io.Reader
			io.Closer
		}{peek, body}
	}
	return catalog.File{Name: name, Open: func() (io.ReadCloser, error) { return body, nil }}, nil
}

// files are those of every argument, directories walked through.
func files(ctx context.Context, fs cli.Files, fetch Fetch, args []string) catalog.Files {
	return func(yield func(catalog.File, error) bool) {
		for _, arg := range args {
			if strings.Contains(arg, "://") {
				f, err := far(ctx, fetch, arg)
				if !yield(f, err) || err != nil {
					return
				}
				continue
			}
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
