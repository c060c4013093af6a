package bulk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/bulk"
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
	who ident.Actor // of Alfa
	now *clock.Moved
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := &world{World: inteltest.New(t, db), now: now}
		w.who = w.Person(w.A, access.OrgAdmin, ident.Web)
		test(t, w)
	})
}

// run does the job of an act, or the sweep.
func (w *world) run(kind string, id int64) {
	w.T.Helper()
	for _, d := range w.Bulk.Jobs() {
		if d.Kind == kind {
			b, err := json.Marshal(map[string]int64{"act": id})
			w.Must(err)
			w.Must(d.Run(ctx, &jobs.Task{Kind: kind, Payload: b}))
			return
		}
	}
	w.T.Fatalf("no job %s", kind)
}

// many makes an event of n attributes.
func (w *world) many(n int) intel.Event {
	var list []misp.Attribute
	for i := range n {
		list = append(list, inteltest.Attr("domain", fmt.Sprintf("n%d.example", i)))
	}
	e := w.Add(w.who, inteltest.Event("many", intel.Community, list...))
	w.now.Add(time.Minute)
	return e
}

// tags are the tags of an event's attributes by value, each as often as it stands there.
func (w *world) tags(event string) map[string]string {
	out := map[string]string{}
	w.Must(w.Intel.SearchAttributes(ctx, w.who, intel.Query{Events: []string{event}, WithTags: true}, func(a *intel.Attribute) error {
		out[a.Value] = ""
		for _, t := range a.Tags {
			out[a.Value] += t.Name + " "
		}
		return nil
	}))
	return out
}

func (w *world) tagged(event string) (n int) {
	for _, tags := range w.tags(event) {
		if tags == "sneg " {
			n++
		} else if tags != "" {
			w.T.Fatalf("tags %q", tags)
		}
	}
	return n
}

// noted counts what the journal says of attributes at a moment.
func (w *world) noted(event intel.Event, at int64) (n int64) {
	w.Must(w.DB.View(ctx, func(tx *store.Tx) (err error) {
		n, err = store.Int64(ctx, tx, "SELECT COUNT(*) FROM intel_change WHERE event_id = $1 AND kind = $2 AND at = $3", event.ID, int64(intel.ChangedAttribute), at)
		return err
	}))
	return n
}

func (w *world) read(a bulk.Act) bulk.Act {
	w.T.Helper()
	got, err := w.Bulk.Act(ctx, w.who, a.UUID)
	w.Must(err)
	return got
}

// TestJobGoesOnAfterACut: more attributes than one transaction takes are tagged by a job
// that may be cut off anywhere: nothing is tagged or noted twice, nothing is left out, all
// is one act, and is taken back as one by a job of the same kind; what was worked on since
// stays.
func TestJobGoesOnAfterACut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		n := intel.BulkMost*3 + 100
		e := w.many(n)
		a, err := w.Bulk.Tag(ctx, w.who, e.UUID, intel.Scope{}, "sneg")
		w.Must(err)
		if a.UUID == "" || a.State != bulk.Running || a.Result.Changed != intel.BulkMost || a.Percent() != 0 || w.tagged(e.UUID) != intel.BulkMost {
			t.Fatalf("begun: %+v", a)
		}
		w.now.Add(time.Minute)
		w.Must(w.Bulk.OnePiece(ctx, a.ID))
		if err := w.Bulk.Again(ctx, w.who, a); !errors.Is(err, bulk.ErrMoved) { // a run that knows only what was before
			t.Errorf("the same piece twice: %v", err)
		}
		if got := w.tagged(e.UUID); got != 2*intel.BulkMost {
			t.Errorf("%d tagged after two pieces", got)
		}
		stop, cancel := context.WithCancel(ctx)
		cancel()
		if err := w.Bulk.OnePiece(stop, a.ID); err == nil {
			t.Error("a cancelled run did its piece")
		}
		for range 2 { // the second finds nothing to do
			w.run("intel.bulk-go", a.ID)
		}
		a = w.read(a)
		want := bulk.Result{Bulk: intel.Bulk{At: a.Result.At, Changed: n}, Read: int64(n)}
		if diff := cmp.Diff(want, a.Result); diff != "" || a.State != bulk.Done || a.Total != int64(n) || a.Percent() != 100 {
			t.Fatal(a.State, a.Total, diff)
		}
		if got, noted := w.tagged(e.UUID), w.noted(e, a.Result.At); got != n || noted != int64(n) {
			t.Fatalf("%d tagged, %d noted under one moment, want %d", got, noted, n)
		}
		w.now.Add(time.Minute)
		var last string
		w.Must(w.Intel.SearchAttributes(ctx, w.who, intel.Query{Events: []string{e.UUID}}, func(x *intel.Attribute) error { last = x.UUID; return nil }))
		_, err = w.Intel.EditAttribute(ctx, w.who, last, misp.Attribute{Comment: misp.T("own")})
		w.Must(err)
		w.now.Add(time.Minute)
		u, err := w.Bulk.UndoAttributes(ctx, w.who, e.UUID, a.Result.At)
		w.Must(err)
		if u.UUID == "" || u.Total != int64(n) || w.tagged(e.UUID) != n-intel.BulkMost || w.read(a).State != bulk.Undone {
			t.Fatalf("undo begun: %+v", u)
		}
		w.now.Add(time.Minute)
		w.Must(w.Bulk.OnePiece(ctx, u.ID))
		if err := w.Bulk.Again(ctx, w.who, u); !errors.Is(err, bulk.ErrMoved) {
			t.Errorf("the same piece of the undo twice: %v", err)
		}
		w.run("intel.bulk-go", u.ID)
		u = w.read(u)
		if diff := cmp.Diff(intel.Bulk{At: u.Result.At, Changed: n - 1, Left: map[string]int{"since": 1}}, u.Result.Bulk); diff != "" || u.State != bulk.Done {
			t.Error(u.State, diff)
		}
		if got := w.tagged(e.UUID); got != 1 {
			t.Errorf("%d tags are left, want the one on what was worked on since", got)
		}
	})
}

// TestStopped: an act that its person stops does no further piece, whoever runs it; what
// is done goes back, by an undo that stops an act which goes on, too.
func TestStopped(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := w.many(intel.BulkMost + 10)
		a, err := w.Bulk.Tag(ctx, w.who, e.UUID, intel.Scope{}, "sneg")
		w.Must(err)
		if list, err := w.Bulk.Running(ctx, w.who, e.ID); err != nil || len(list) != 1 {
			t.Errorf("%d acts go on: %v", len(list), err)
		}
		w.Must(w.Bulk.Stop(ctx, w.who, a.UUID))
		if err := w.Bulk.Stop(ctx, w.who, a.UUID); !fault.Is(err, fault.Conflict) {
			t.Errorf("stopped twice: %v", err)
		}
		if err := w.Bulk.Again(ctx, w.who, a); !errors.Is(err, bulk.ErrMoved) {
			t.Errorf("a piece of what is stopped: %v", err)
		}
		w.run("intel.bulk-go", a.ID)
		if got := w.tagged(e.UUID); got != intel.BulkMost || w.read(a).State != bulk.Stopped {
			t.Errorf("%d tagged, %s", got, w.read(a).State)
		}
		w.now.Add(time.Minute)
		u, err := w.Bulk.UndoAttributes(ctx, w.who, e.UUID, a.Result.At)
		w.Must(err)
		w.run("intel.bulk-go", u.ID)
		if got := w.tagged(e.UUID); got != 0 {
			t.Errorf("%d tags stay", got)
		}
		w.now.Add(time.Minute)
		a, err = w.Bulk.Tag(ctx, w.who, e.UUID, intel.Scope{}, "sneg")
		w.Must(err)
		w.now.Add(time.Minute)
		u, err = w.Bulk.UndoAttributes(ctx, w.who, e.UUID, a.Result.At)
		w.Must(err)
		w.run("intel.bulk-go", a.ID)
		w.run("intel.bulk-go", u.ID)
		if got := w.tagged(e.UUID); got != 0 {
			t.Errorf("%d tags of an act that went on when it was taken back", got)
		}
		w.now.Add(31 * 24 * time.Hour)
		w.run("intel.bulk-sweep", 0)
		if _, err := w.Bulk.Act(ctx, w.who, a.UUID); !fault.Is(err, fault.NotFound) {
			t.Errorf("kept for ever: %v", err)
		}
	})
}

// TestActsAreTheirPersons: nobody else learns of an act, stops it or takes it back; a job
// does what its person may by then, and tells why it ended.
func TestActsAreTheirPersons(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := w.many(intel.BulkMost + 10)
		w.Must(w.Intel.Publish(ctx, w.who, e.UUID))
		a, err := w.Bulk.Tag(ctx, w.who, e.UUID, intel.Scope{}, "sneg")
		w.Must(err)
		for _, other := range []ident.Actor{w.Person(w.A, access.OrgAdmin, ident.Web), w.Person(w.B, access.OrgAdmin, ident.Web), w.Person(w.CERT, access.Lead, ident.Web)} {
			_, see := w.Bulk.Act(ctx, other, a.UUID)
			_, undo := w.Bulk.UndoAttributes(ctx, other, e.UUID, a.Result.At)
			for name, err := range map[string]error{"see": see, "stop": w.Bulk.Stop(ctx, other, a.UUID), "take back": undo} {
				if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Denied) {
					t.Errorf("%s may %s: %v", other.OrgName, name, err)
				}
			}
			if list, err := w.Bulk.Running(ctx, other, e.ID); err != nil || len(list) > 0 {
				t.Errorf("%s lists %d: %v", other.OrgName, len(list), err)
			}
		}
		if got := w.read(a); got.State != bulk.Running {
			t.Fatalf("somebody else's undo left it %s", got.State)
		}
		for _, other := range []ident.Actor{w.Person(w.B, access.OrgAdmin, ident.Web), w.Person(w.A, access.ReadOnly, ident.Web)} {
			if _, err := w.Bulk.Tag(ctx, other, e.UUID, intel.Scope{Text: "nothing like it"}, "sneg"); !fault.Is(err, fault.Denied) && !fault.Is(err, fault.NotFound) {
				t.Errorf("%s tags: %v", other.Roles, err)
			}
		}
		w.Lose(w.who)
		w.run("intel.bulk-go", a.ID)
		if got := w.read(a); got.State != bulk.Done || got.Result.Fault != "fault.denied" || got.Result.Changed != intel.BulkMost || w.tagged(e.UUID) != intel.BulkMost {
			t.Errorf("without its person: %s %+v", got.State, got.Result)
		}
	})
}

// TestTooManyGoOn: what would go on behind too many others does not begin.
func TestTooManyGoOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := w.many(intel.BulkMost + 1)
		for i := range 5 {
			_, err := w.Bulk.Tag(ctx, w.who, e.UUID, intel.Scope{}, "sneg"+strconv.Itoa(i))
			w.Must(err)
		}
		if _, err := w.Bulk.Tag(ctx, w.who, e.UUID, intel.Scope{}, "lavina"); !fault.Is(err, fault.Limited) {
			t.Errorf("a sixth: %v", err)
		}
		for value, tags := range w.tags(e.UUID) {
			if tags == "lavina " {
				t.Fatalf("%s has the tag of what did not begin", value)
			}
		}
	})
}

// TestScope: what the filter leaves is tagged, and nothing beside it.
func TestScope(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		said, marked, off := inteltest.Attr("domain", "c.example"), inteltest.Attr("ip-dst", "192.0.2.4"), inteltest.Attr("domain", "d.example")
		said.Comment = misp.T("Капија")
		marked.Tag = []misp.Tag{{Name: misp.T("stari")}}
		off.ToIDS = misp.B(false)
		for i, c := range []struct {
			name  string
			scope intel.Scope
			want  []string
		}{
			{"all", intel.Scope{}, []string{"192.0.2.3", "192.0.2.4", "a.example", "c.example", "d.example"}},
			{"type", intel.Scope{Type: "ip-dst"}, []string{"192.0.2.3", "192.0.2.4"}},
			{"text", intel.Scope{Text: "kapija"}, []string{"c.example"}},
			{"armed again", intel.Scope{Text: "a[.]example"}, []string{"a.example"}},
			{"tag", intel.Scope{Tag: "star"}, []string{"192.0.2.4"}},
			{"detection", intel.Scope{ToIDS: true, Type: "domain"}, []string{"a.example", "c.example"}},
			{"category", intel.Scope{Category: "Payload delivery"}, nil},
			{"nothing", intel.Scope{Text: "%"}, nil},
		} {
			list := []misp.Attribute{inteltest.Attr("domain", "a.example"), inteltest.Attr("ip-dst", "192.0.2.3"), said, marked, off}
			for j := range list {
				list[j].UUID = misp.T("")
			}
			e := w.Add(w.who, inteltest.Event("e"+strconv.Itoa(i), intel.Community, list...))
			w.now.Add(time.Minute)
			a, err := w.Bulk.Tag(ctx, w.who, e.UUID, c.scope, "sneg")
			w.Must(err)
			var got []string
			for _, v := range []string{"192.0.2.3", "192.0.2.4", "a.example", "c.example", "d.example"} {
				if tags := w.tags(e.UUID)[v]; tags == "sneg " || tags == "sneg stari " || tags == "stari sneg " {
					got = append(got, v)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" || a.UUID != "" || a.Result.Changed != len(c.want) || len(a.Result.Left) > 0 {
				t.Error(c.name, a.Result, diff)
			}
		}
	})
}

// TestEditGoesOn: a change of what a filter leaves goes for the whole of it although what
// is changed falls out of the filter; the job says how far it is, and one undo takes it
// back. What a filter does not leave, and what nothing was said of, stays.
func TestEditGoesOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		n := 2*intel.BulkMost + 500
		var list []misp.Attribute
		for i := range n {
			list = append(list, inteltest.Attr("domain", fmt.Sprintf("n%d.example", i)))
		}
		other := inteltest.Attr("ip-dst", "192.0.2.3")
		e := w.Add(w.who, inteltest.Event("many", intel.Community, append(list, other)...))
		w.now.Add(time.Minute)
		said := func() map[string]int {
			out := map[string]int{}
			w.Must(w.Intel.SearchAttributes(ctx, w.who, intel.Query{Events: []string{e.UUID}}, func(a *intel.Attribute) error {
				seen := ""
				if a.FirstSeen != nil {
					seen = " seen"
				}
				out[fmt.Sprint(a.Type, " ", a.ToIDS, " ", a.Comment, seen)]++
				return nil
			}))
			return out
		}
		before := said()
		change := misp.Attribute{ToIDS: misp.B(false), Comment: misp.T("лажна узбуна"), FirstSeen: misp.T("2026-01-02T03:04:05+00:00")}
		a, err := w.Bulk.Edit(ctx, w.who, e.UUID, intel.Scope{Type: "domain", ToIDS: true}, change)
		w.Must(err)
		if a.State != bulk.Running || a.Result.Changed != intel.BulkMost {
			t.Fatalf("begun: %+v", a)
		}
		w.now.Add(time.Minute)
		w.Must(w.Bulk.OnePiece(ctx, a.ID)) // and then the program was cut off
		if err := w.Bulk.Again(ctx, w.who, a); !errors.Is(err, bulk.ErrMoved) {
			t.Errorf("a run that stands where another was: %v", err)
		}
		if mid := w.read(a); mid.Result.Changed != 2*intel.BulkMost || mid.State != bulk.Running {
			t.Errorf("after two pieces: %s, %d changed", mid.State, mid.Result.Changed)
		}
		w.run("intel.bulk-go", a.ID)
		a = w.read(a)
		if a.State != bulk.Done || a.Total != int64(n) || a.Percent() != 100 || a.Result.Changed != n {
			t.Errorf("%s, %d of %d: %+v", a.State, a.Percent(), a.Total, a.Result)
		}
		if diff := cmp.Diff(map[string]int{"domain false лажна узбуна seen": n, "ip-dst true ": 1}, said()); diff != "" {
			t.Error(diff)
		}
		w.now.Add(time.Minute)
		again, err := w.Bulk.Edit(ctx, w.who, e.UUID, intel.Scope{Type: "ip-dst"}, misp.Attribute{ToIDS: misp.B(true)})
		w.Must(err)
		if again.UUID != "" || again.Result.Same != 1 || again.Result.Changed != 0 {
			t.Errorf("what it said already: %+v", again)
		}
		u, err := w.Bulk.UndoAttributes(ctx, w.who, e.UUID, a.Result.At)
		w.Must(err)
		w.run("intel.bulk-go", u.ID)
		if diff := cmp.Diff(before, said()); diff != "" || w.read(a).State != bulk.Undone {
			t.Error("taken back", w.read(a).State, diff)
		}
		stranger := w.Person(w.B, access.OrgAdmin, ident.Web)
		if _, err := w.Bulk.Edit(ctx, stranger, e.UUID, intel.Scope{}, change); !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Denied) {
			t.Errorf("a stranger changes: %v", err)
		}
		if _, err := w.Bulk.Edit(ctx, w.who, e.UUID, intel.Scope{}, misp.Attribute{Distribution: misp.N(4), SharingGroupID: misp.N(4711)}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a group that is none: %v", err)
		}
	})
}

// across are three events with one attribute each: Alfa's own, one of Beta's that Alfa
// sees, and one of Gama's that it does not.
func (w *world) across() (own, seen, hidden intel.Event, ids []int64) {
	beta, gama := w.Person(w.B, access.OrgAdmin, ident.Web), w.Person(w.C, access.OrgAdmin, ident.Web)
	own = w.Add(w.who, inteltest.Event("own", intel.Community, inteltest.Attr("domain", "own.example"), inteltest.Attr("domain", "own2.example")))
	seen = w.Add(beta, inteltest.Event("seen", intel.Community, inteltest.Attr("domain", "seen.example")))
	hidden = w.Add(gama, inteltest.Event("hidden", intel.OwnOrg, inteltest.Attr("domain", "hidden.example")))
	w.Must(w.Intel.Publish(ctx, beta, seen.UUID))
	for e, who := range map[*intel.Event]ident.Actor{&own: w.who, &seen: beta, &hidden: gama} {
		w.Must(w.Intel.SearchAttributes(ctx, who, intel.Query{Events: []string{e.UUID}}, func(a *intel.Attribute) error { ids = append(ids, a.ID); return nil }))
	}
	w.now.Add(time.Minute)
	return own, seen, hidden, ids
}

// state is what everybody's attributes say, read by their own organisations.
func (w *world) state(e intel.Event, of intel.Org) (out []string) {
	who := w.Person(of, access.OrgAdmin, ident.Web)
	w.Must(w.Intel.SearchAttributes(ctx, who, intel.Query{Events: []string{e.UUID}, WithTags: true}, func(a *intel.Attribute) error {
		line := fmt.Sprint(a.Value, " ", a.ToIDS)
		for _, t := range a.Tags {
			line += " " + t.Name
		}
		n := 0
		w.Must(w.Intel.Sightings(ctx, who, intel.SightingFilter{Attribute: a.UUID}, func(*intel.Sighting) error { n++; return nil }))
		out = append(out, fmt.Sprint(line, " ", n))
		return nil
	}))
	return out
}

// TestAcrossEvents: an act on rows of several events does in each what its caller may
// there; what they see and may not change is counted with the reason, what they do not see
// is neither changed nor counted; one undo goes through all of them.
func TestAcrossEvents(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		own, seen, hidden, ids := w.across()
		second := w.Add(w.who, inteltest.Event("second", intel.OwnOrg, inteltest.Attr("domain", "second.example")))
		w.Must(w.Intel.SearchAttributes(ctx, w.who, intel.Query{Events: []string{second.UUID}}, func(a *intel.Attribute) error { ids = append(ids, a.ID); return nil }))
		w.now.Add(time.Minute)
		all := func() map[string][]string {
			return map[string][]string{"own": w.state(own, w.A), "second": w.state(second, w.A), "seen": w.state(seen, w.B), "hidden": w.state(hidden, w.C)}
		}
		off, saw, alarm := false, intel.Seen, intel.FalsePositive
		for _, c := range []struct {
			name                      string
			change                    bulk.Change
			own, own2, second, theirs string
			done                      intel.Bulk
		}{
			{"tag", bulk.Change{Tag: "sneg"}, "own.example true sneg 0", "own2.example true sneg 0", "second.example true sneg 0", "seen.example true 0", intel.Bulk{Changed: 3, Left: map[string]int{"foreign": 1}}},
			{"detection off", bulk.Change{ToIDS: &off}, "own.example false 0", "own2.example false 0", "second.example false 0", "seen.example true 0", intel.Bulk{Changed: 3, Left: map[string]int{"foreign": 1}}},
			{"seen", bulk.Change{Sight: &saw}, "own.example true 1", "own2.example true 1", "second.example true 1", "seen.example true 1", intel.Bulk{Changed: 4}},
			{"false alarm", bulk.Change{Sight: &alarm}, "own.example true 1", "own2.example true 1", "second.example true 1", "seen.example true 1", intel.Bulk{Changed: 4}},
		} {
			before := all()
			w.now.Add(time.Minute)
			a, err := w.Bulk.ChangeAcross(ctx, w.who, append(ids, 4711), c.change)
			w.Must(err)
			c.done.At = a.Result.At
			if diff := cmp.Diff(c.done, a.Result.Bulk); diff != "" {
				t.Error(c.name, diff)
			}
			want := map[string][]string{"own": {c.own, c.own2}, "second": {c.second}, "seen": {c.theirs}, "hidden": {"hidden.example true 0"}}
			if diff := cmp.Diff(want, all()); diff != "" {
				t.Error(c.name, diff)
			}
			for _, other := range []ident.Actor{w.Person(w.A, access.OrgAdmin, ident.Web), w.Person(w.B, access.OrgAdmin, ident.Web)} {
				if _, err := w.Bulk.UndoAcross(ctx, other, a.UUID); !fault.Is(err, fault.NotFound) {
					t.Errorf("%s: somebody of %s takes it back: %v", c.name, other.OrgName, err)
				}
			}
			w.now.Add(time.Minute)
			b, err := w.Bulk.UndoAcross(ctx, w.who, a.UUID)
			w.Must(err)
			if b.Changed != c.done.Changed || len(b.Left) > 0 {
				t.Errorf("%s taken back: %+v", c.name, b)
			}
			if diff := cmp.Diff(before, all()); diff != "" {
				t.Error(c.name, "taken back", diff)
			}
			if _, err := w.Bulk.UndoAcross(ctx, w.who, a.UUID); !fault.Is(err, fault.Conflict) {
				t.Errorf("%s taken back twice: %v", c.name, err)
			}
			w.now.Add(time.Minute)
		}
		reader := w.Person(w.A, access.ReadOnly, ident.Web)
		if _, err := w.Bulk.ChangeAcross(ctx, reader, ids, bulk.Change{Tag: "sneg"}); !fault.Is(err, fault.Denied) {
			t.Errorf("a reader changes: %v", err)
		}
		if _, err := w.Bulk.ChangeAcross(ctx, w.who, make([]int64, 0), bulk.Change{Tag: "sneg"}); err != nil {
			t.Errorf("nothing ticked: %v", err)
		}
	})
}

// TestHiddenRowsAreNothing: an answer is the same with rows that the caller does not see
// as without them.
func TestHiddenRowsAreNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, _, hidden, _ := w.across()
		var id int64
		gama := w.Person(w.C, access.OrgAdmin, ident.Web)
		w.Must(w.Intel.SearchAttributes(ctx, gama, intel.Query{Events: []string{hidden.UUID}}, func(a *intel.Attribute) error { id = a.ID; return nil }))
		on, saw := true, intel.Seen
		for name, c := range map[string]bulk.Change{"tag": {Tag: "sneg"}, "detection": {ToIDS: &on}, "sighting": {Sight: &saw}} {
			with, err := w.Bulk.ChangeAcross(ctx, w.who, []int64{id}, c)
			w.Must(err)
			without, err := w.Bulk.ChangeAcross(ctx, w.who, []int64{4711}, c)
			w.Must(err)
			if diff := cmp.Diff(without.Result, with.Result); diff != "" || with.UUID != "" {
				t.Error(name, diff)
			}
		}
	})
}
