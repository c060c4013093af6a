package app

import (
	"context"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strconv"

	"straza/internal/craft/pack"
	"straza/internal/kernel/cli"
)

// packCommands are the data packs on the command line; the pages have the same.
func (h *House) packCommands() []cli.Command {
	one := func(name, short string, do func(ctx context.Context, env *cli.Env, name string, version int) error) cli.Command {
		return cli.Command{Name: name, Args: "NAME VERSION", Short: short, Flags: noFlags(func(ctx context.Context, env *cli.Env, args []string) error {
			if len(args) != 2 {
				return cli.UsageError("%s takes a name and a version, as pack list shows them", name)
			}
			n, err := strconv.Atoi(args[1])
			if err != nil {
				return cli.UsageError("%q is no version", args[1])
			}
			return do(ctx, env, args[0], n)
		})}
	}
	return []cli.Command{
		{Name: "pack list", Short: "law, terms, lists, forms and texts: versions, days, sources", Flags: noFlags(h.packList)},
		one("pack show", "the text of a version", func(ctx context.Context, env *cli.Env, name string, version int) error {
			it, err := h.Packs.Get(ctx, env.Who, name, version)
			if err != nil {
				return err
			}
			if env.JSON {
				return env.Print(struct {
					pack.Item
					Text string `json:"text"`
				}{it, it.Text})
			}
			_, err = io.WriteString(env.Out, it.Text)
			return err
		}),
		{Name: "pack add", Args: "FILE", Short: "a new version, in force from the day it names; every room reads it first", Flags: func(*flag.FlagSet) func(context.Context, *cli.Env, []string) error { return h.packAdd }},
		one("pack withdraw", "take a version out of force; what was begun under it is finished under it", func(ctx context.Context, env *cli.Env, name string, version int) error {
			return h.packChanged(ctx, env, name, version, h.Packs.Withdraw(ctx, env.Who, name, version))
		}),
		one("pack restore", "the inverse of pack withdraw", func(ctx context.Context, env *cli.Env, name string, version int) error {
			return h.packChanged(ctx, env, name, version, h.Packs.Restore(ctx, env.Who, name, version))
		}),
	}
}

func (h *House) packList(ctx context.Context, env *cli.Env, _ []string) error {
	list, err := h.Packs.List(ctx, env.Who)
	for _, it := range list {
		if err := printPack(env, it); err != nil {
			return err
		}
	}
	return err
}

func (h *House) packAdd(ctx context.Context, env *cli.Env, args []string) error {
	if len(args) != 1 {
		return cli.UsageError("pack add takes one YAML file")
	}
	f, err := env.Files.Open(args[0])
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, 5<<20))
	if err != nil {
		return err
	}
	it, err := h.Packs.Add(ctx, env.Who, filepath.Base(args[0]), data)
	if err != nil {
		return err
	}
	return printPack(env, it)
}

func (h *House) packChanged(ctx context.Context, env *cli.Env, name string, version int, err error) error {
	if err != nil {
		return err
	}
	it, err := h.Packs.Get(ctx, env.Who, name, version)
	if err != nil {
		return err
	}
	return printPack(env, it)
}

func printPack(env *cli.Env, it pack.Item) error {
	if env.JSON {
		return env.Print(it)
	}
	state := ""
	switch {
	case it.Withdrawn:
		state = "withdrawn"
	case it.InForce:
		state = "in force"
	}
	_, err := fmt.Fprintf(env.Out, "%-20s %3d  %-10s  from %s  %s\n", it.Name, it.Version, state, it.From, it.Source)
	return err
}
