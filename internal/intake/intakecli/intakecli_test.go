package intakecli

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"regexp"
	"strings"
	"testing"
	"time"

	"straza/internal/intake/intaketest"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// What is late is said in words: which clock, and since when; a report that is not late
// says what falls due and by when.
func TestLateIsSaid(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := intaketest.New(t, db)
		_, r := w.Send(t, intaketest.Plain("Лажна порука о пошиљци"))
		run := func(asJSON bool, name string, args ...string) string {
			t.Helper()
			for _, c := range Commands(w.S) {
				if c.Name == name {
					fs := flag.NewFlagSet(name, flag.ContinueOnError)
					do := c.Flags(fs)
					if err := fs.Parse(args); err != nil {
						t.Fatal(err)
					}
					var out, said bytes.Buffer
					if err := do(context.Background(), &cli.Env{Who: w.Ana, Out: &out, Err: &said, JSON: asJSON}, fs.Args()); err != nil {
						t.Fatal(err)
					}
					return out.String()
				}
			}
			t.Fatalf("no command %q", name)
			return ""
		}
		due, of := r.Due()
		at := due.UTC().Format(time.RFC3339)
		for _, x := range []struct{ late, text string }{{"", of + " due " + at}, {at, of + " late since " + at}} {
			for name, args := range map[string][]string{"report list": nil, "report show": {r.Number}} {
				if out := run(false, name, args...); !strings.Contains(out, x.text) {
					t.Errorf("%s says %q, want %q", name, out, x.text)
				}
				var got row
				if err := json.Unmarshal([]byte(run(true, name, args...)), &got); err != nil || got.DueOf != of || got.Due != at || got.LateSince != x.late {
					t.Errorf("%s: %+v, %v", name, got, err)
				}
			}
			if listed := run(false, "report list", "--late") != ""; listed != (x.late != "") {
				t.Errorf("late since %q: listed %v", x.late, listed)
			}
			now.Add(due.Sub(now.Now()) + time.Minute)
		}
		fs := flag.NewFlagSet("report list", flag.ContinueOnError)
		list(w.S, fs)
		if u := fs.Lookup("late").Usage; !regexp.MustCompile(`triage or answer.*since when`).MatchString(u) {
			t.Errorf("the help says %q", u)
		}
	})
}
