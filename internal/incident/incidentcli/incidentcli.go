// Package incidentcli is casework on the command line: case list, case show
// (spec program §3). The operator sees numbers, states and times; content only
// with --as, as that person.
package incidentcli

import (
	"context"
	"flag"
	"strings"
	"time"

	"straza/internal/incident"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
)

// Commands lists the room's commands.
func Commands(s *incident.Service) []cli.Command {
	return []cli.Command{
		{Name: "case list", Short: "cases, filtered as on the page",
			Flags: func(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error { return list(s, fs) }},
		{Name: "case show", Args: "NUMBER", Short: "one case by number or UUID",
			Flags: func(*flag.FlagSet) func(context.Context, *cli.Env, []string) error { return show(s) }},
	}
}

// row is the JSON of a case on the command line; what the operator does not see is
// left out.
type row struct {
	Number   string   `json:"number"`
	State    string   `json:"state"`
	Severity string   `json:"severity,omitempty"`
	Title    string   `json:"title,omitempty"`
	Summary  string   `json:"summary,omitempty"`
	TLP      string   `json:"tlp,omitempty"`
	PAP      string   `json:"pap,omitempty"`
	RSIT     []string `json:"rsit,omitempty"`
	National []string `json:"national,omitempty"`
	Lead     string   `json:"lead,omitempty"`
	Tasks    int64    `json:"tasks"`
	Done     int64    `json:"tasks_done"`
	Due      string   `json:"due,omitempty"` // of the nearest clock
	Opened   string   `json:"opened"`
	Updated  string   `json:"updated"`
	Closed   string   `json:"closed,omitempty"`
	Version  int64    `json:"version"`
}

func moment(us int64) string {
	if us == 0 {
		return ""
	}
	return clock.FromMicros(us).Format(time.RFC3339)
}

// fullRow counts what a read case carries with it, as lists do.
func fullRow(f incident.File) row {
	r := rowOf(f.Case)
	r.Tasks, r.Done = int64(len(f.Tasks)), 0
	for _, t := range f.Tasks {
		if t.DoneAt != 0 {
			r.Done++
		}
	}
	if len(f.Clocks) > 0 {
		r.Due = moment(f.Clocks[0].Due)
	}
	return r
}

func rowOf(c incident.Case) row {
	r := row{Number: c.Number, State: string(c.State), Severity: c.Severity, Title: c.Title, Summary: c.Summary, TLP: "TLP:" + c.TLP, PAP: "PAP:" + c.PAP,
		RSIT: c.Classes, National: c.National, Lead: c.LeadName, Tasks: c.Tasks, Done: c.Done, Opened: moment(c.Opened), Updated: moment(c.Updated), Closed: moment(c.Closed), Version: c.Version}
	if c.Clock != nil {
		r.Due = moment(c.Clock.Due)
	}
	return r
}

func list(s *incident.Service, fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	var f incident.Filter
	fs.StringVar(&f.State, "state", "", "new, in-progress, waiting, resolved, closed, or open")
	fs.StringVar(&f.Severity, "severity", "", "low, medium, high or very-high")
	fs.StringVar(&f.Class, "class", "", "class or pair of the reference taxonomy")
	fs.StringVar(&f.Query, "query", "", "words of number, title, organisation, summary, in either script")
	fs.StringVar(&f.Query, "q", "", "") // as it was called first
	fs.StringVar(&f.Sort, "sort", "", "updated, opened or severity; with - before it, downward")
	since := fs.String("updated-since", "", "changed since this moment (RFC 3339)")
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) > 0 {
			return cli.UsageError("case list takes flags only")
		}
		if *since != "" {
			t, err := time.Parse(time.RFC3339, *since)
			if err != nil {
				return cli.UsageError("--updated-since wants a moment such as 2026-11-22T07:00:00Z")
			}
			f.UpdatedSince = clock.Micros(t)
		}
		for p := (incident.Page{Limit: 200}); ; {
			page, more, err := s.List(ctx, env.Who, f, p)
			if err != nil {
				return err
			}
			for _, c := range page {
				if err := print(env, c); err != nil {
					return err
				}
			}
			if !more {
				return nil
			}
			p.Key, p.ID = page[len(page)-1].Keys(f.Sort)
		}
	}
}

func print(env *cli.Env, c incident.Case) error {
	if env.JSON {
		return env.Print(rowOf(c))
	}
	line := []string{c.Number, string(c.State)}
	if c.Severity != "" {
		line = append(line, c.Severity)
	}
	if c.Title != "" {
		line = append(line, c.Title)
	}
	_, err := env.Out.Write([]byte(strings.Join(line, "\t") + "\n"))
	return err
}

func show(s *incident.Service) func(context.Context, *cli.Env, []string) error {
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) != 1 {
			return cli.UsageError("case show NUMBER")
		}
		f, err := s.Read(ctx, env.Who, strings.ToUpper(args[0]))
		if err != nil {
			return err
		}
		if env.JSON {
			return env.Print(fullRow(f))
		}
		for _, x := range [][2]string{{"number", f.Number}, {"state", string(f.State)}, {"severity", f.Severity}, {"title", f.Title}, {"summary", f.Summary},
			{"lead", f.LeadName}, {"opened", moment(f.Opened)}, {"updated", moment(f.Updated)}, {"closed", moment(f.Closed)}} {
			if x[1] != "" {
				if _, err := env.Out.Write([]byte(x[0] + "\t" + x[1] + "\n")); err != nil {
					return err
				}
			}
		}
		return nil
	}
}
