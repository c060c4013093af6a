// Package intakecli is the queue on the command line: report list, report show. An
// operator sees numbers, states and times; content only with --as EMAIL.
package intakecli

import (
	"context"
	"flag"
	"fmt"
	"time"

	"straza/internal/intake"
	"straza/internal/kernel/cli"
)

// Commands lists the room's commands.
func Commands(s *intake.Service) []cli.Command {
	return []cli.Command{
		{Name: "report list", Short: "reports, filtered as in the queue",
			Flags: func(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error { return list(s, fs) }},
		{Name: "report show", Args: "NUMBER", Short: "one report by number or UUID",
			Flags: func(*flag.FlagSet) func(context.Context, *cli.Env, []string) error { return show(s) }},
	}
}

type row struct {
	ID        string `json:"id"`
	Number    string `json:"number"`
	State     string `json:"state"`
	Type      string `json:"type"`
	Channel   string `json:"channel"`
	Severity  string `json:"severity"`
	TLP       string `json:"tlp"`
	Sealed    bool   `json:"sealed"`
	Anonymous bool   `json:"anonymous"`
	Title     string `json:"title"`
	Case      string `json:"case"`
	Received  string `json:"received"`
	Due       string `json:"due"`
	DueOf     string `json:"due_of"`     // which clock falls due first: triage or answer; "" when none runs
	LateSince string `json:"late_since"` // the moment it fell due, "" while it is not overdue
}

func rowOf(r intake.Report) row {
	out := row{ID: r.UUID, Number: r.Number, State: string(r.State), Type: string(r.Type), Channel: string(r.Channel), Severity: r.Severity,
		TLP: "TLP:" + r.TLP, Sealed: r.Sealed, Anonymous: r.Anonymous, Title: r.Title, Case: r.CaseNumber, Received: r.Received.UTC().Format(time.RFC3339)}
	if due, of := r.Due(); !due.IsZero() {
		out.Due, out.DueOf = due.UTC().Format(time.RFC3339), of
	}
	if !r.LateSince.IsZero() {
		out.LateSince = r.LateSince.UTC().Format(time.RFC3339)
	}
	return out
}

// due says what falls due and by when, or what is late and since when.
func (x row) due() string {
	switch {
	case x.LateSince != "":
		return x.DueOf + " late since " + x.LateSince
	case x.DueOf != "":
		return x.DueOf + " due " + x.Due
	}
	return "-"
}

func list(s *intake.Service, fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	var f intake.Filter
	fs.StringVar(&f.State, "state", "", "open, new, acknowledged, accepted, rejected, handed_over or duplicate")
	typ := fs.String("type", "", "incident, near_miss, threat, vulnerability or question")
	fs.StringVar(&f.Severity, "severity", "", "low, medium, high or very-high")
	fs.StringVar(&f.Query, "query", "", "words of number, title, organisation and unsealed text, in either script; without --as a number only")
	fs.BoolVar(&f.Late, "late", false, "only those that are late: whose triage or answer was due before now (the due column says which, and since when)")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) > 0 {
			return cli.UsageError("report list takes flags only")
		}
		f.Type = intake.Type(*typ)
		n := 0
		err := each(ctx, env, s, f, func(r intake.Report) error {
			n++
			x := rowOf(r)
			if env.JSON {
				return env.Print(x)
			}
			_, err := fmt.Fprintf(env.Out, "%-20s %-13s %-14s %-10s %s  %-38s %s\n", x.Number, x.State, x.Type, x.Severity, x.Received, x.due(), x.Title)
			return err
		})
		if err == nil && !env.JSON {
			env.Say("%d reports", n)
		}
		return err
	}
}

// each walks the list page by page: what it shows is a list on a screen, no file.
func each(ctx context.Context, env *cli.Env, s *intake.Service, f intake.Filter, fn func(intake.Report) error) error {
	for p := (intake.Page{Limit: 200}); ; {
		rows, next, err := s.List(ctx, env.Who, f, p)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if err := fn(r); err != nil {
				return err
			}
		}
		if p.Cursor = next; next == "" {
			return nil
		}
	}
}

func show(s *intake.Service) func(context.Context, *cli.Env, []string) error {
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 1 {
			return cli.UsageError("report show needs one NUMBER")
		}
		r, err := s.Get(ctx, env.Who, args[0])
		if err != nil {
			return err
		}
		x := rowOf(r)
		if env.JSON {
			return env.Print(x)
		}
		_, err = fmt.Fprintf(env.Out, "%s  %s\nstate     %s\ntype      %s\nchannel   %s\nseverity  %s\nlabel     %s\nsealed    %t\nreceived  %s\ndue       %s\ncase      %s\ntitle     %s\n",
			x.Number, x.ID, x.State, x.Type, x.Channel, x.Severity, x.TLP, x.Sealed, x.Received, x.due(), x.Case, x.Title)
		return err
	}
}
