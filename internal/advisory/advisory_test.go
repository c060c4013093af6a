package advisory_test

import (
	"context"
	"strings"
	"testing"

	"straza/internal/advisory"
	"straza/internal/craft/export"
	"straza/internal/format/tlp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

type world struct {
	s                    *advisory.Service
	lead, analyst, other ident.Actor // other leads a second CERT
	anyone               ident.Actor
}

func setUp(t *testing.T, db *store.DB) world {
	t.Helper()
	ctx := context.Background()
	w := world{s: advisory.New(advisory.Deps{DB: db, Audit: testkit.Audit(db)})}
	person := func(id, cert int64, perms ...string) ident.Actor {
		a := ident.Actor{Kind: ident.Person, Person: id, Org: cert, CERT: cert, Perms: map[string]bool{}}
		for _, p := range perms {
			a.Perms[p] = true
		}
		must(t, db.Update(ctx, func(tx *store.Tx) (err error) {
			if err = access.JoinTx(ctx, tx, access.Person(id), access.Team(cert)); err == nil {
				a.Principals, err = access.ClosureTx(ctx, tx, access.Public(), access.Person(id))
			}
			return err
		}))
		return a
	}
	must(t, db.Update(ctx, func(tx *store.Tx) error { return access.SeedTx(ctx, tx) }))
	w.lead = person(1, 10, "advisory.write", "advisory.publish")
	w.analyst = person(2, 10, "advisory.write")
	w.other = person(3, 20, "advisory.write", "advisory.publish")
	w.anyone = ident.Nobody(ident.Web)
	must(t, db.View(ctx, func(tx *store.Tx) (err error) {
		w.anyone.Principals, err = access.ClosureTx(ctx, tx, access.Public())
		return err
	}))
	return w
}

var warning = advisory.Draftable{Level: "high", TLP: "CLEAR", Readers: "citizens",
	Title: i18n.Text{i18n.SrCyrl: "Лажна порука о пошиљци", i18n.En: "False parcel message"},
	Lead:  i18n.Text{i18n.SrCyrl: "Порука тражи 149 динара."}}

func TestLifeOfAWarning(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		ctx := context.Background()
		w := setUp(t, db)
		n, err := w.s.Create(ctx, w.analyst, warning)
		must(t, err)
		if n != "UP-2026-000001" {
			t.Errorf("number %s", n)
		}
		sees := func(who ident.Actor) bool {
			_, _, err := w.s.Get(ctx, who, n)
			if err != nil && !fault.Is(err, fault.NotFound) {
				t.Fatal(err)
			}
			list, _, err := w.s.List(ctx, who, advisory.Filter{})
			must(t, err)
			if (len(list) > 0) != (err == nil && len(list) == 1) {
				t.Error("list")
			}
			return len(list) == 1
		}
		if !sees(w.analyst) || sees(w.anyone) || sees(w.other) {
			t.Error("a draft is the team's alone")
		}
		if err := w.s.Publish(ctx, w.analyst, n, 1, nil); !fault.Is(err, fault.Denied) {
			t.Errorf("an analyst may not publish: %v", err)
		}
		must(t, w.s.Publish(ctx, w.lead, n, 1, nil))
		if in, err := w.s.InForce(ctx, w.anyone); err != nil || len(in) != 1 || !sees(w.anyone) {
			t.Errorf("in force: %d, %v", len(in), err)
		}
		if err := w.s.Withdraw(ctx, w.other, n, 2, "x"); !fault.Is(err, fault.Denied) {
			t.Errorf("another CERT's lead: %v", err)
		}
		if err := w.s.Edit(ctx, w.lead, n, 1, warning); !fault.Is(err, fault.Conflict) {
			t.Errorf("an old version: %v", err)
		}
		must(t, w.s.Edit(ctx, w.lead, n, 2, warning))
		must(t, w.s.Publish(ctx, w.lead, n, 3, i18n.Text{i18n.En: "signs added"}))
		_, eds, err := w.s.Get(ctx, w.anyone, n)
		if err != nil || len(eds) != 2 || eds[0].Note.In(i18n.En) != "signs added" {
			t.Errorf("editions: %+v, %v", eds, err)
		}
		now.Add(31 * 24 * 60 * 60 * 1e9)
		if in, _ := w.s.InForce(ctx, w.anyone); len(in) != 0 {
			t.Error("still in force after a month")
		}
		must(t, w.s.Withdraw(ctx, w.lead, n, 4, "pogrešan proizvođač"))
		a, _, err := w.s.Get(ctx, w.anyone, n)
		if err != nil || a.State != advisory.Withdrawn || a.Reason == "" {
			t.Errorf("a withdrawal stays visible: %+v, %v", a, err)
		}
	})
}

// TestAnEditionInPreparationIsTheTeams: what is written over a published warning
// shows to nobody else, in no list and by no search, until it is published.
func TestAnEditionInPreparationIsTheTeams(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		w := setUp(t, db)
		n, err := w.s.Create(ctx, w.lead, warning)
		must(t, err)
		must(t, w.s.Publish(ctx, w.lead, n, 1, nil))
		next := warning
		next.Level, next.TLP = "very-high", "AMBER"
		next.Title = i18n.Text{i18n.SrCyrl: "Тајна белешка"}
		must(t, w.s.Edit(ctx, w.lead, n, 2, next))
		for name, x := range map[string]struct {
			who        ident.Actor
			title, tlp string
			secret     int
		}{"anyone": {w.anyone, "Лажна порука о пошиљци", "CLEAR", 0}, "another CERT": {w.other, "Лажна порука о пошиљци", "CLEAR", 0}, "the team": {w.analyst, "Тајна белешка", "AMBER", 1}} {
			a, _, err := w.s.Get(ctx, x.who, n)
			must(t, err)
			in, err := w.s.InForce(ctx, x.who)
			must(t, err)
			list, _, err := w.s.List(ctx, x.who, advisory.Filter{})
			must(t, err)
			if len(in) != 1 || len(list) != 1 {
				t.Fatalf("%s: %d in force, %d in the list", name, len(in), len(list))
			}
			for where, a := range map[string]advisory.Advisory{"get": a, "in force": in[0], "list": list[0]} {
				if a.Title[i18n.SrCyrl] != x.title || a.TLP != x.tlp {
					t.Errorf("%s reads in %s: %s TLP:%s", name, where, a.Title[i18n.SrCyrl], a.TLP)
				}
			}
			for _, f := range []advisory.Filter{{Text: "тајна"}, {Level: "very-high"}} {
				if list, _, err = w.s.List(ctx, x.who, f); err != nil || len(list) != x.secret {
					t.Errorf("%s finds %d by %+v, want %d, %v", name, len(list), f, x.secret, err)
				}
			}
			if list, _, err = w.s.List(ctx, x.who, advisory.Filter{Text: "posiljci", Level: "high"}); err != nil || len(list) != 1-x.secret {
				t.Errorf("%s finds %d by the published text, %v", name, len(list), err)
			}
		}
	})
}

func TestPagesInBothOrders(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		ctx := context.Background()
		w := setUp(t, db)
		for range 5 {
			_, err := w.s.Create(ctx, w.lead, warning)
			must(t, err)
			now.Add(1e9)
		}
		for _, oldest := range []bool{false, true} {
			var got []string
			f := advisory.Filter{Limit: 2, Oldest: oldest}
			for more := true; more; {
				var list []advisory.Advisory
				var err error
				list, more, err = w.s.List(ctx, w.lead, f)
				must(t, err)
				for _, a := range list {
					got = append(got, a.Number[len(a.Number)-1:])
				}
				f.UpdatedBefore, f.IDBefore = list[len(list)-1].Updated, list[len(list)-1].ID
			}
			want := "54321"
			if oldest {
				want = "12345"
			}
			if strings.Join(got, "") != want {
				t.Errorf("oldest %v: %v", oldest, got)
			}
		}
		d := warning
		d.Once = "the same"
		a, err := w.s.Create(ctx, w.lead, d)
		must(t, err)
		b, err := w.s.Create(ctx, w.lead, d)
		must(t, err)
		c, err := w.s.Create(ctx, w.analyst, d)
		must(t, err)
		if a != b || a == c {
			t.Errorf("made %s, again %s, somebody else %s", a, b, c)
		}
	})
}

func TestOnlyClearGoesToThePublic(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		w := setUp(t, db)
		d := warning
		d.TLP = "GREEN"
		n, err := w.s.Create(ctx, w.lead, d)
		must(t, err)
		if err := w.s.Publish(ctx, w.lead, n, 1, nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("TLP:GREEN was published: %v", err)
		}
	})
}

func TestSearchInBothScripts(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		w := setUp(t, db)
		n, err := w.s.Create(ctx, w.lead, warning)
		must(t, err)
		short := strings.TrimLeft(n[len(n)-6:], "0")
		for q, want := range map[string]int{"пошиљци": 1, "posiljci": 1, "POŠILJCI": 1, "parcel": 1, "%": 0, "xyz": 0, n: 1, "УП-" + short: 1, "up" + short: 1, short: 1,
			"S-" + short: 0, "P-" + short: 0} {
			list, _, err := w.s.List(ctx, w.lead, advisory.Filter{Text: q})
			must(t, err)
			if len(list) != want {
				t.Errorf("%q: %d, want %d", q, len(list), want)
			}
		}
	})
}

func TestDraftsAreChecked(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	w := setUp(t, db)
	for name, d := range map[string]advisory.Draftable{
		"empty":    {},
		"no title": {Level: "high", TLP: "CLEAR", Readers: "citizens", Lead: warning.Lead},
		"level":    {Level: "huge", TLP: "CLEAR", Readers: "citizens", Lead: warning.Lead, Title: warning.Title},
		"red":      {Level: "high", TLP: "RED", Readers: "citizens", Lead: warning.Lead, Title: warning.Title},
	} {
		if _, err := w.s.Create(context.Background(), w.lead, d); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.s.Create(context.Background(), w.anyone, warning); !fault.Is(err, fault.Denied) {
		t.Errorf("anyone: %v", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSortsAndFile: every order page by page, nothing twice or missing; the file has the
// whole list and not one page of it; what is not an order is refused.
func TestSortsAndFile(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		ctx := context.Background()
		w := setUp(t, db)
		for i := range 7 {
			n, err := w.s.Create(ctx, w.lead, warning)
			must(t, err)
			if i%2 == 0 {
				must(t, w.s.Publish(ctx, w.lead, n, 1, nil))
			}
			if i == 4 {
				must(t, w.s.Withdraw(ctx, w.lead, n, 2, "greška"))
			}
			now.Add(1e9)
		}
		for _, sort := range []string{"updated", "-updated", "state", "-state"} {
			f, seen := advisory.Filter{Limit: 2, Sort: sort}, []advisory.Advisory{}
			for more := true; more; {
				var list []advisory.Advisory
				var err error
				list, more, err = w.s.List(ctx, w.lead, f)
				must(t, err)
				seen = append(seen, list...)
				f.UpdatedBefore, f.IDBefore = list[len(list)-1].Key(sort), list[len(list)-1].ID
			}
			for i := 1; i < len(seen); i++ {
				a, b := seen[i-1], seen[i]
				if strings.HasPrefix(sort, "-") {
					a, b = b, a
				}
				if a.Key(sort) > b.Key(sort) || a.Key(sort) == b.Key(sort) && a.ID >= b.ID {
					t.Errorf("%s: %s before %s", sort, seen[i-1].Number, seen[i].Number)
				}
			}
			var x export.Extent
			i := 0
			err := w.s.Export(ctx, w.lead, advisory.Filter{Sort: sort}, func(got export.Extent) error { x = got; return nil }, func(a advisory.Advisory) error {
				if a.ID != seen[i].ID {
					t.Errorf("%s: the file has %s at %d", sort, a.Number, i)
				}
				i++
				return nil
			})
			if err != nil || len(seen) != 7 || i != 7 || x.Rows != 7 || x.TLP != tlp.Clear {
				t.Errorf("%s: %d listed, %d in the file, %+v %v", sort, len(seen), i, x, err)
			}
		}
		if n, more, err := w.s.Count(ctx, w.anyone, advisory.Filter{}); n != 4 || more || err != nil {
			t.Errorf("anybody counts %d, %v", n, err)
		}
		if _, _, err := w.s.List(ctx, w.lead, advisory.Filter{Sort: "level"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("an unknown order: %v", err)
		}
	})
}
