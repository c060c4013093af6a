package privacycli_test

import (
	"bytes"
	"context"
	"flag"
	"strings"
	"testing"

	"straza/internal/kernel/access"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/privacy"
	"straza/internal/privacy/privacycli"
	"straza/internal/testkit"
)

// TestTheOperatorSeesNumbers: terms, what is due and what went, by number and day; an
// account goes by its id, not by the address that it has.
func TestTheOperatorSeesNumbers(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		two := access.Term{Class: "account", Erase: func(ctx context.Context, _ ident.Actor, w access.Sweep) (int64, error) {
			if w.Dry {
				for _, h := range []access.Held{{ID: 7, Label: "pera@primer.example"}, {ID: 8, Label: "P-2026-000008"}} {
					w.Takes(h)
				}
				return 2, nil
			}
			return 2, db.Update(ctx, func(tx *store.Tx) error { return w.NoteTx(ctx, tx, 2) })
		}}
		s, err := privacy.New(privacy.Deps{DB: db, Audit: testkit.Audit(db), Terms: []access.Term{two}})
		if err != nil {
			t.Fatal(err)
		}
		run := func(json bool, words string, args ...string) (string, error) {
			for _, c := range privacycli.Commands(s) {
				if c.Name == words {
					var out, said bytes.Buffer
					env := &cli.Env{Who: ident.Actor{Kind: ident.Operator, Name: "root", Channel: ident.CLI}, Out: &out, Err: &said, JSON: json}
					err := c.Flags(flag.NewFlagSet("x", flag.ContinueOnError))(ctx, env, args)
					return out.String(), err
				}
			}
			t.Fatalf("no command %s", words)
			return "", nil
		}
		if out, err := run(true, "privacy list"); err != nil || !strings.Contains(out, `{"class":"account","days":1095,"proposed":true,"erased_by_term":true,"due":2}`) {
			t.Errorf("list: %s %v", out, err)
		}
		if out, err := run(false, "privacy due", "account"); err != nil || out != "" {
			t.Errorf("due without a term: %q %v", out, err)
		}
		officer := ident.Actor{Kind: ident.Person, Person: 1, Perms: map[string]bool{"privacy.use": true}, Channel: ident.Web}
		if err := s.SetTerm(ctx, officer, privacy.Term{Class: "account", Days: 100, From: "2026-01-01", Source: "одлука"}); err != nil {
			t.Fatal(err)
		}
		if out, err := run(true, "privacy due", "account"); err != nil || strings.Count(out, "\n") != 2 || strings.Contains(out, "pera") || !strings.Contains(out, `"7"`) || !strings.Contains(out, "P-2026-000008") {
			t.Errorf("due: %q %v", out, err)
		}
		for range 2 { // two runs of a day are one line
			if err := s.Jobs()[0].Run(ctx, nil); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := run(true, "privacy erased"); err != nil || out != `{"class":"account","day":"2026-11-22","days":100,"rows":4}`+"\n" {
			t.Errorf("erased: %q %v", out, err)
		}
		for _, wrong := range [][]string{{"privacy due"}, {"privacy list", "x"}, {"privacy due", "nothing"}} {
			if _, err := run(false, wrong[0], wrong[1:]...); err == nil {
				t.Errorf("%v passes", wrong)
			}
		}
	})
}
