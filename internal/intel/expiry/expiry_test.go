package expiry_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/expiry"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

var ctx = context.Background()

type world struct {
	*inteltest.World
	s      *expiry.Service
	runner *jobs.Runner
	now    *clock.Moved
	told   []expiry.Expired
	lead   ident.Actor
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := &world{World: inteltest.New(t, db), now: now}
		w.s = expiry.New(expiry.Deps{DB: db, Audit: testkit.Audit(db), Intel: w.Intel, Models: w.Lists})
		hear := jobs.Def{Kind: "test.hear", Run: func(_ context.Context, task *jobs.Task) error {
			var e expiry.Expired
			err := json.Unmarshal(task.Payload, &e)
			w.told = append(w.told, e)
			return err
		}}
		w.runner = jobs.New(db, append(w.s.Jobs(), hear), append(expiry.Subscriptions(), jobs.Subscription{Event: expiry.Expired{}.EventType(), Kind: hear.Kind}))
		w.lead = w.Person(w.CERT, access.Lead, ident.Web)
		fn(t, w)
	})
}

// after lets time pass and the clocks run.
func (w *world) after(d time.Duration) []expiry.Expired {
	w.T.Helper()
	w.told = nil
	w.Must(w.runner.Drain(ctx))
	w.now.Add(d)
	w.Must(w.runner.Tick(ctx))
	w.Must(w.runner.Drain(ctx))
	return w.told
}

// model is one in force that is used up after so many days.
func (w *world) model(name string, days float64, types ...string) string {
	w.T.Helper()
	admin := w.Person(w.CERT, access.Admin, ident.Web)
	it, err := w.Lists.SaveModel(ctx, admin, "", func(d *catalog.ModelDraft) {
		d.Name, d.Formula, d.Types = name, catalog.FormulaPolynomial, types
		d.Parameters = catalog.Parameters{Lifetime: days, Speed: 1, Threshold: 50, Default: 100}
	})
	w.Must(err)
	_, err = w.Lists.Enable(ctx, admin, catalog.Model, it.UUID, true)
	w.Must(err)
	return it.UUID
}

func clue(typ, value string) misp.Attribute {
	a := inteltest.Attr(typ, value)
	a.ToIDS = misp.B(true)
	return a
}

func (w *world) publish(who ident.Actor, e *misp.Event) intel.Event {
	w.T.Helper()
	e.Published = misp.B(true)
	got := w.Add(who, e)
	w.Must(w.runner.Drain(ctx))
	return got
}

func (w *world) values(who ident.Actor, id int64) string {
	w.T.Helper()
	h, err := w.s.Happening(ctx, who, id)
	if fault.Is(err, fault.NotFound) {
		return "not found"
	}
	w.Must(err)
	var out []string
	for _, o := range h.List {
		out = append(out, o.Value+" "+[]string{"", "decayed", "last seen", "given"}[o.Why])
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

const day = 24 * time.Hour

// TestExpiryTellsOnce: an indicator that decays is told once, in one happening with those
// that decay with it; what is no indicator, or of no model, never.
func TestExpiryTellsOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.model("short", 20, "domain", "ip-dst") // half of it is gone after 10 days
		context := inteltest.Attr("domain", "context.example")
		context.ToIDS = misp.B(false)
		w.publish(w.lead, inteltest.Event("e", intel.Community, clue("domain", "a.example"), clue("ip-dst", "198.51.100.7"), context, clue("md5", strings.Repeat("a", 32))))
		if got := w.after(time.Minute); len(got) != 0 {
			t.Fatalf("told at once: %+v", got)
		}
		if got := w.after(9 * day); len(got) != 0 {
			t.Fatalf("told too early: %+v", got)
		}
		got := w.after(2 * day)
		if len(got) != 1 || got[0].Count != 2 {
			t.Fatalf("told %+v", got)
		}
		if v := w.values(w.lead, got[0].ID); v != "198.51.100.7 decayed, a.example decayed" {
			t.Errorf("the happening holds %q", v)
		}
		if again := w.after(30 * day); len(again) != 0 {
			t.Errorf("told again: %+v", again)
		}
		if ids, err := w.s.Recent(ctx, w.lead, 10); err != nil || !slices.Equal(ids, []int64{got[0].ID}) {
			t.Errorf("recent %v %v", ids, err)
		}
	})
}

// TestExpirySeenAgain: a sighting before puts it off, a later one brings it back, and it
// runs out a second time.
func TestExpirySeenAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.model("short", 20, "domain")
		w.publish(w.lead, inteltest.Event("e", intel.Community, clue("domain", "a.example")))
		w.after(8 * day)
		sight := func(kind int) {
			_, _, err := w.Intel.AddSightings(ctx, w.lead, nil, []string{"a.example"}, intel.Sighting{Kind: kind})
			w.Must(err)
		}
		sight(intel.Seen)
		if got := w.after(5 * day); len(got) != 0 {
			t.Fatalf("told though it was seen: %+v", got)
		}
		got := w.after(6 * day)
		if len(got) != 1 {
			t.Fatalf("told %+v", got)
		}
		sight(intel.Seen)
		w.after(10 * time.Minute)
		if v := w.values(w.lead, got[0].ID); v != "not found" {
			t.Errorf("in force again, and the happening holds %q", v)
		}
		if again := w.after(11 * day); len(again) != 1 || again[0].ID == got[0].ID {
			t.Errorf("a second time: %+v", again)
		}
	})
}

// TestExpiryByDates: last_seen, its object's for what stands in an object, and the date
// that the event's own organisation gave; another's date does nothing.
func TestExpiryByDates(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		until := func(days int) misp.Text {
			return misp.T(w.now.Now().Add(time.Duration(days) * day).UTC().Format(time.RFC3339))
		}
		own := clue("domain", "own.example")
		own.LastSeen = until(3)
		past := clue("domain", "past.example")
		past.LastSeen = until(-3)
		ev := inteltest.Event("e", intel.Community, own, past, clue("domain", "said.example"), clue("domain", "foreign.example"))
		o := misp.Object{Name: misp.T("thing"), Attribute: []misp.Attribute{clue("domain", "inside.example")}}
		o.LastSeen = until(6)
		ev.Object = []misp.Object{o}
		w.publish(w.lead, ev)
		soon := w.now.Now().Add(9 * day).Unix()
		_, _, err := w.Intel.AddSightings(ctx, w.lead, nil, []string{"said.example"}, intel.Sighting{Kind: intel.Expiration, Seen: soon})
		w.Must(err)
		member := w.Person(w.A, access.Member, ident.Web)
		_, _, err = w.Intel.AddSightings(ctx, member, nil, []string{"foreign.example"}, intel.Sighting{Kind: intel.Expiration, Seen: soon})
		w.Must(err)
		w.after(time.Minute)
		var got []string
		for range 5 {
			for _, e := range w.after(3*day + time.Minute) {
				got = append(got, w.values(w.lead, e.ID))
			}
		}
		if want := []string{"own.example last seen", "inside.example last seen", "said.example given"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

// TestExpiryScoresByTheAttribute: a date on the object around an indicator is a date when it
// ends; it keeps no score up, which pages and collections reckon by the attribute alone.
func TestExpiryScoresByTheAttribute(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.model("short", 20, "domain")
		ev := inteltest.Event("e", intel.Community)
		o := misp.Object{Name: misp.T("thing"), Attribute: []misp.Attribute{clue("domain", "inside.example")}}
		o.LastSeen = misp.T(w.now.Now().Add(60 * day).UTC().Format(time.RFC3339))
		ev.Object = []misp.Object{o}
		w.publish(w.lead, ev)
		w.after(time.Minute)
		got := w.after(21 * day)
		if len(got) != 1 || w.values(w.lead, got[0].ID) != "inside.example decayed" {
			t.Errorf("told %+v", got)
		}
	})
}

// TestExpiryWaitsForAllModels: two models are meant for a type; it runs out by the slower.
func TestExpiryWaitsForAllModels(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.model("short", 20, "domain")
		w.model("long", 40, "domain")
		w.publish(w.lead, inteltest.Event("e", intel.Community, clue("domain", "a.example")))
		w.after(time.Minute)
		if got := w.after(15 * day); len(got) != 0 {
			t.Fatalf("told by one of two: %+v", got)
		}
		if got := w.after(6 * day); len(got) != 1 {
			t.Fatalf("told %+v", got)
		}
	})
}

// TestExpiryOtherModels: models that are put in force later are noted without telling,
// for old events too, and what they do not yet call decayed is told in its time.
func TestExpiryOtherModels(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.publish(w.lead, inteltest.Event("old", intel.Community, clue("domain", "old.example")))
		w.after(15 * day)
		w.publish(w.lead, inteltest.Event("new", intel.Community, clue("domain", "new.example")))
		w.after(time.Minute)
		w.model("short", 20, "domain")
		if got := w.after(10 * time.Minute); len(got) != 0 {
			t.Fatalf("a model tells: %+v", got)
		}
		got := w.after(11 * day)
		if len(got) != 1 || w.values(w.lead, got[0].ID) != "new.example decayed" {
			t.Fatalf("told %+v", got)
		}
	})
}

// TestExpiryNoLeak: who does not see the indicators of a happening does not see it, and a
// deleted event leaves nothing.
func TestExpiryNoLeak(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.model("short", 20, "domain")
		hidden := clue("domain", "hidden.example")
		hidden.Distribution = misp.N(int64(intel.OwnOrg))
		e := w.publish(w.lead, inteltest.Event("e", intel.Community, hidden, inteltest.Attr("comment", "open")))
		w.after(time.Minute)
		got := w.after(11 * day)
		if len(got) != 1 {
			t.Fatalf("told %+v", got)
		}
		stranger := w.Person(w.A, access.Member, ident.Web)
		if v := w.values(stranger, got[0].ID); v != "not found" {
			t.Errorf("a stranger reads %q", v)
		}
		w.Must(w.Intel.DeleteEvent(ctx, w.lead, e.UUID))
		w.after(10 * time.Minute)
		w.Must(w.DB.View(ctx, func(tx *store.Tx) error {
			n, err := store.Int64(ctx, tx, "SELECT (SELECT COUNT(*) FROM intel_lapsed) + (SELECT COUNT(*) FROM intel_lapse)")
			if n != 0 {
				t.Errorf("%d rows are left of a deleted event", n)
			}
			return err
		}))
	})
}

// TestExpiryGoesOn: a look that was cut off after its rows goes on under the same
// happening, and what it noted is told.
func TestExpiryGoesOn(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.model("short", 20, "domain")
		e := w.publish(w.lead, inteltest.Event("e", intel.Community, clue("domain", "a.example"), clue("domain", "b.example")))
		w.after(time.Minute)
		w.now.Add(11 * day)
		w.Must(w.DB.Update(ctx, func(tx *store.Tx) error { // as the killed process left it
			if _, err := tx.Exec(ctx, "UPDATE intel_lapse SET underway = 77 WHERE event_id = $1", e.ID); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "INSERT INTO intel_lapsed (id, attribute_id, event_id, why, happening, at) SELECT a.id, a.id, a.event_id, 1, 77, 5 FROM intel_attribute a WHERE a.value = $1", "a.example")
			return err
		}))
		got := w.after(0)
		if len(got) != 1 || got[0].ID != 77 || got[0].Count != 2 || w.values(w.lead, 77) != "a.example decayed, b.example decayed" {
			t.Fatalf("told %+v", got)
		}
	})
}
