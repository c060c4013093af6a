// Package privacycli is the register of processing on the command line: privacy list,
// privacy due, privacy erased. The operator sees classes, numbers and days, never whose
// data they are.
package privacycli

import (
	"context"
	"flag"
	"fmt"
	"time"

	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
	"straza/internal/privacy"
)

// Commands lists the room's commands.
func Commands(s *privacy.Service) []cli.Command {
	return []cli.Command{
		{Name: "privacy list", Short: "kinds of personal data: term, source, and how much is due for erasure",
			Flags: plain(0, func(ctx context.Context, env *cli.Env, _ []string) error { return list(ctx, s, env) })},
		{Name: "privacy due", Args: "CLASS", Short: "what the next run of the erasure takes of a kind of data",
			Flags: plain(1, func(ctx context.Context, env *cli.Env, args []string) error { return due(ctx, s, env, args[0]) })},
		{Name: "privacy erased", Short: "what was erased by term, by day",
			Flags: plain(0, func(ctx context.Context, env *cli.Env, _ []string) error { return erased(ctx, s, env) })},
	}
}

type do = func(context.Context, *cli.Env, []string) error

// plain is a command without flags that takes n arguments.
func plain(n int, fn do) func(*flag.FlagSet) do {
	return func(*flag.FlagSet) do {
		return func(ctx context.Context, env *cli.Env, args []string) error {
			if len(args) != n {
				return cli.UsageError("%d arguments wanted, %d given", n, len(args))
			}
			return fn(ctx, env, args)
		}
	}
}

type entryRow struct {
	Class    string `json:"class"`
	Days     int    `json:"days"`
	Proposed bool   `json:"proposed"`
	From     string `json:"from,omitempty"`
	Source   string `json:"source,omitempty"`
	Erased   bool   `json:"erased_by_term"`
	Due      int64  `json:"due"`
}

func list(ctx context.Context, s *privacy.Service, env *cli.Env) error {
	entries, err := s.Register(ctx, env.Who)
	for _, e := range entries {
		if err != nil {
			return err
		}
		r := entryRow{e.Key, e.Days, e.Proposed, e.From, e.Source, e.Erased, e.Due}
		if env.JSON {
			err = env.Print(r)
			continue
		}
		term := "no term"
		if r.Days > 0 {
			term = fmt.Sprintf("%d days", r.Days)
		}
		if r.Proposed {
			term += ", proposed"
		}
		_, err = fmt.Fprintf(env.Out, "%-10s %-22s %6d due  %s\n", r.Class, term, r.Due, r.Source)
	}
	return err
}

func due(ctx context.Context, s *privacy.Service, env *cli.Env, class string) error {
	held, n, err := s.Due(ctx, env.Who, class)
	for _, h := range held {
		if err != nil {
			return err
		}
		at := clock.FromMicros(h.At).Format(time.RFC3339)
		if env.JSON {
			err = env.Print(map[string]any{"record": h.Label, "since": at})
			continue
		}
		_, err = fmt.Fprintf(env.Out, "%s  %s\n", at, h.Label)
	}
	if err == nil && !env.JSON {
		env.Say("%d due", n)
	}
	return err
}

func erased(ctx context.Context, s *privacy.Service, env *cli.Env) error {
	list, err := s.Erased(ctx, env.Who)
	for _, e := range list {
		if err != nil {
			return err
		}
		if env.JSON {
			err = env.Print(map[string]any{"class": e.Class, "day": e.Day, "days": e.Days, "rows": e.Rows})
			continue
		}
		_, err = fmt.Fprintf(env.Out, "%s  %-10s %6d  after %d days\n", e.Day, e.Class, e.Rows, e.Days)
	}
	return err
}
