package incidentcli

import (
	"bytes"
	"context"
	"flag"
	"strings"
	"testing"

	"straza/internal/incident/incidenttest"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

func TestCommands(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n := w.Open(t, w.Ana, "Тајни наслов").Number
		run := func(who ident.Actor, asJSON bool, name string, args ...string) (string, error) {
			for _, c := range Commands(w.S) {
				if c.Name != name {
					continue
				}
				fs := flag.NewFlagSet(name, flag.ContinueOnError)
				do := c.Flags(fs)
				if err := fs.Parse(args); err != nil {
					return "", err
				}
				var out bytes.Buffer
				err := do(context.Background(), &cli.Env{Who: who, Out: &out, Err: &out, JSON: asJSON}, fs.Args())
				return out.String(), err
			}
			t.Fatalf("no command %q", name)
			return "", nil
		}
		for _, asJSON := range []bool{false, true} {
			for name, args := range map[string][]string{"case list": nil, "case show": {n}} {
				out, err := run(w.Operator, asJSON, name, args...)
				if err != nil || !strings.Contains(out, n) || strings.Contains(out, "Тајни") {
					t.Errorf("%s as operator: %q %v", name, out, err)
				}
				if out, err = run(w.Ana, asJSON, name, args...); err != nil || !strings.Contains(out, "Тајни наслов") {
					t.Errorf("%s as a person: %q %v", name, out, err)
				}
				if out, _ = run(w.Vesna, asJSON, name, args...); strings.Contains(out, n) && name == "case list" {
					t.Errorf("%s tells another team: %q", name, out)
				}
			}
		}
		if _, err := run(w.Operator, true, "case show", "S-2026-999999"); !fault.Is(err, fault.NotFound) {
			t.Errorf("no such case: %v", err)
		}
		if _, err := run(w.Operator, true, "case list", "--state", "king"); !fault.Is(err, fault.Invalid) {
			t.Errorf("no such state: %v", err)
		}
	})
}
