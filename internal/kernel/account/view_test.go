package account_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

func TestViewsAreSomebodysOwn(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		s := testkit.Accounts(t, db, testkit.Orgs{1: {ID: 1, Name: "Banka"}}, account.Deps{})
		person := func(email string) ident.Actor {
			return testkit.Person(t, s, account.NewPerson{Email: email, Name: "Ana", Org: 1, Roles: []string{"member"}, Password: "vetar sa kosave 1", Lang: "en"})
		}
		ana, mila := person("ana@banka.example"), person("mila@banka.example")
		const list = "/console/reports"
		save := func(who ident.Actor, list, name, query string) {
			t.Helper()
			if err := s.SaveView(ctx, who, list, name, query); err != nil {
				t.Fatal(err)
			}
		}
		has := func(who ident.Actor, list string, want ...account.View) []account.View {
			t.Helper()
			got, err := s.Views(ctx, who, list)
			if d := cmp.Diff(want, got, cmpopts.IgnoreFields(account.View{}, "ID"), cmpopts.EquateEmpty()); err != nil || d != "" {
				t.Fatalf("%v\n%s", err, d)
			}
			return got
		}
		save(ana, list, "  Б  касни ", "late=1&cursor=xyz&view=7")
		save(ana, list, "А", "state=open")
		save(ana, list, "А", "state=new") // the same name is written over
		save(ana, "/console/cases", "А", "")
		save(mila, list, "Милин", "type=threat")
		mine := has(ana, list, account.View{Name: "А", Query: "state=new"}, account.View{Name: "Б касни", Query: "late=1"})
		hers := has(mila, list, account.View{Name: "Милин", Query: "type=threat"})
		has(ident.Nobody(ident.Web), list)

		for _, id := range []int64{mine[0].ID, mine[1].ID} { // one at a time
			if err := s.OpenWith(ctx, ana, list, id); err != nil {
				t.Fatal(err)
			}
		}
		has(ana, list, account.View{Name: "А", Query: "state=new"}, account.View{Name: "Б касни", Query: "late=1", Opens: true})
		save(ana, list, "Б касни", "late=1&mine=1") // it still opens the list
		has(ana, list, account.View{Name: "А", Query: "state=new"}, account.View{Name: "Б касни", Query: "late=1&mine=1", Opens: true})
		if err := s.OpenWith(ctx, ana, list, 0); err != nil {
			t.Fatal(err)
		}
		has(ana, list, account.View{Name: "А", Query: "state=new"}, account.View{Name: "Б касни", Query: "late=1&mine=1"})

		for what, err := range map[string]error{"another's, opened": s.OpenWith(ctx, ana, list, hers[0].ID), "another's, dropped": s.DropView(ctx, ana, list, hers[0].ID),
			"of another list": s.DropView(ctx, ana, "/console/cases", mine[0].ID)} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s: %v", what, err)
			}
		}
		for what, err := range map[string]error{"no name": s.SaveView(ctx, ana, list, " ", ""), "not a list": s.SaveView(ctx, ana, "//evil.example/x", "x", ""),
			"no query": s.SaveView(ctx, ana, list, "x", "%zz"), "of an object": s.SaveView(ctx, ana, "/console/cases/S-2026-000001", "x", "")} {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := s.SaveView(ctx, ident.Nobody(ident.Web), list, "x", ""); err == nil {
			t.Error("nobody saved a view")
		}
		if err := s.DropView(ctx, ana, list, mine[0].ID); err != nil {
			t.Fatal(err)
		}
		has(ana, list, account.View{Name: "Б касни", Query: "late=1&mine=1"})
		has(mila, list, account.View{Name: "Милин", Query: "type=threat"})
		for i := range 49 {
			save(ana, list, fmt.Sprint("x", i), "")
		}
		if err := s.SaveView(ctx, ana, list, "one too many", ""); !fault.Is(err, fault.Limited) {
			t.Errorf("the fifty-first: %v", err)
		}
		save(ana, "/console/events", "another list", "")
	})
}
