package intel_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// attrsOf reads all attributes of an event, objects' included, by value.
func attrsOf(t *testing.T, s *intel.Service, who ident.Actor, ref string, d intel.Deleted) map[string]intel.Attribute {
	t.Helper()
	out := map[string]intel.Attribute{}
	must(t, s.Attributes(ctx, who, ref, intel.Part{Deleted: d}, func(a *intel.Attribute) error { out[a.Value] = *a; return nil }))
	must(t, s.Objects(ctx, who, ref, intel.Part{Deleted: d}, func(o *intel.Object) error {
		for _, a := range o.Attributes {
			out[a.Value] = a
		}
		return nil
	}))
	return out
}

func isKey(err error, key string) bool { f := fault.Of(err); return f != nil && f.Key == key }

func TestEditMergesByMISPsRules(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.A, access.Publisher, ident.MISP)
		e := inteltest.Event("first", intel.Community, inteltest.Attr("ip-dst", "198.51.100.7"), inteltest.Attr("domain", "a.example"), inteltest.Attr("md5", strings.Repeat("ab", 16)))
		e.Timestamp, e.Published, e.Tag = misp.N(1000), misp.B(true), []misp.Tag{{Name: misp.T("tlp:green")}}
		for i := range e.Attribute {
			e.Attribute[i].UUID, e.Attribute[i].Timestamp = misp.T(db.NewUUID()), misp.N(1000)
		}
		head := w.Add(who, e)
		if head.Timestamp != 1000 || !head.Published || head.PublishTimestamp == 0 || head.TLP != "" && head.TLP != "GREEN" {
			t.Fatalf("%+v", head)
		}
		other := w.Add(who, inteltest.Event("other", intel.Community, inteltest.Attr("domain", "other.example")))
		foreign := attrsOf(t, w.Intel, who, other.UUID, intel.Without)["other.example"]

		// Not newer: refused, nothing changed.
		same := *e
		same.Info = misp.T("not newer")
		same.UUID = misp.T(head.UUID)
		if _, err := w.Intel.EditEvent(ctx, who, head.UUID, intel.FromEvent(&same), intel.AddOptions{}); !isKey(err, "intel.fault.not-newer") {
			t.Errorf("not newer: %v", err)
		}

		edit := &misp.Event{Timestamp: misp.N(2000), Info: misp.T("second"), Tag: []misp.Tag{{Name: misp.T("tlp:amber")}, {Name: misp.T("tlp:green"), Deleted: misp.B(true)}},
			Attribute: []misp.Attribute{
				{UUID: e.Attribute[0].UUID, Timestamp: misp.N(1000), Type: misp.T("ip-dst"), Value: misp.T("203.0.113.1")},                     // not newer
				{UUID: e.Attribute[1].UUID, Timestamp: misp.N(2000), Type: misp.T("domain"), Value: misp.T("b.example"), Comment: misp.T("x")}, // newer
				{UUID: e.Attribute[2].UUID, Type: misp.T("md5"), Value: e.Attribute[2].Value, Deleted: misp.B(true)},                           // no timestamp: newer
				{UUID: misp.T(foreign.UUID), Type: misp.T("domain"), Value: misp.T("stolen.example")},                                          // another event's: ignored
				{Type: misp.T("domain"), Value: misp.T("new.example")},
				{Type: misp.T("ip-dst"), Value: misp.T("198.51.100.7")}, // there already
			}}
		saved, err := w.Intel.EditEvent(ctx, who, head.UUID, intel.FromEvent(edit), intel.AddOptions{})
		must(t, err)
		if diff := cmp.Diff(intel.Tally{Read: 6, Created: 1, Updated: 2, Unchanged: 2, Refused: 1}, saved.Attributes); diff != "" || saved.State != "updated" {
			t.Errorf("%s %s", saved.State, diff)
		}
		got, err := w.Intel.Event(ctx, who, head.UUID)
		must(t, err)
		if got.Info != "second" || got.Published || got.Timestamp != 2000 || got.Attributes != 3 || got.TLP != "AMBER" || got.PublishTimestamp != head.PublishTimestamp {
			t.Errorf("%+v", got)
		}
		have := attrsOf(t, w.Intel, who, head.UUID, intel.Without)
		for _, v := range []string{"198.51.100.7", "b.example", "new.example"} {
			if _, ok := have[v]; !ok || len(have) != 3 {
				t.Errorf("%s is missing in %d", v, len(have))
			}
		}
		if _, ok := attrsOf(t, w.Intel, who, other.UUID, intel.Without)["other.example"]; !ok {
			t.Error("another event's attribute was changed")
		}
		// An edit that changes nothing does not touch the event.
		still := &misp.Event{Timestamp: misp.N(3000), Attribute: edit.Attribute[:1]}
		saved, err = w.Intel.EditEvent(ctx, who, head.UUID, intel.FromEvent(still), intel.AddOptions{})
		if err != nil || saved.State != "unchanged" {
			t.Errorf("%+v, %v", saved, err)
		}
	})
}

// The installation's host tags what partners send, locally and without labels; what is
// published stays so and is converted anew at once. Other teams do not.
func TestLocalTagsOfTheHost(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		partner := w.Person(w.A, access.Sync, ident.MISP)
		head := w.Add(partner, inteltest.Event("theirs", intel.Community, inteltest.Attr("domain", "a.example")))
		must(t, w.Intel.Publish(ctx, partner, head.UUID))
		at := intel.Target{Event: head.UUID}
		for i, who := range []ident.Actor{w.Person(w.CERT, access.Analyst, ident.Web), w.Person(w.CERT2, access.Analyst, ident.Web), w.Person(w.B, access.OrgAdmin, ident.Web)} {
			want := i == 0
			_, err := w.Intel.Attach(ctx, who, at, []string{"seen:here"}, true)
			if want != (err == nil) || !want && !fault.Is(err, fault.Denied) {
				t.Errorf("%s: %v", who, err)
			}
			if _, err := w.Intel.Attach(ctx, who, at, []string{"tlp:clear"}, true); !fault.Is(err, fault.Denied) {
				t.Errorf("%s labels what is another's: %v", who, err)
			}
		}
		if _, err := w.Intel.Attach(ctx, partner, at, []string{"seen:there"}, true); !fault.Is(err, fault.Denied) {
			t.Errorf("who has no team here tags locally: %v", err)
		}
		host := w.Person(w.CERT, access.Lead, ident.Web)
		e, err := w.Intel.Event(ctx, host, head.UUID)
		if err != nil || !e.Published || len(e.Tags) != 1 {
			t.Errorf("%+v %v", e, err)
		}
		team := w.Person(w.CERT2, access.Analyst, ident.Web)
		other := w.Add(team, inteltest.Event("the other team's", intel.Community, inteltest.Attr("domain", "b.example")))
		must(t, w.Intel.Publish(ctx, w.Person(w.CERT2, access.Lead, ident.Web), other.UUID))
		at = intel.Target{Event: other.UUID}
		must(t, first(w.Intel.Attach(ctx, team, at, []string{"tlp:amber"}, true)))
		if err := w.Intel.Detach(ctx, host, at, []string{"tlp:amber"}); !fault.Is(err, fault.Denied) {
			t.Errorf("the host takes another's label off: %v", err)
		}
		if e, err = w.Intel.Event(ctx, host, other.UUID); err != nil || !e.Published || e.TLP != "AMBER" {
			t.Errorf("%+v %v", e, err)
		}
		must(t, db.View(ctx, func(tx *store.Tx) error {
			n, err := store.Int64(ctx, tx, "SELECT COUNT(*) FROM jobs_job WHERE kind = 'intel.share'")
			if n == 0 {
				t.Error("nobody converts it before the sweep")
			}
			return err
		}))
	})
}

func first[T any](_ T, err error) error { return err }

func TestWhatClearsPublished(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.CERT, access.Analyst, ident.Web)
		e := inteltest.Event("e", intel.Community, inteltest.Attr("ip-dst", "198.51.100.7"), inteltest.Attr("domain", "a.example"))
		e.Object = []misp.Object{{Name: misp.T("url"), Attribute: []misp.Attribute{inteltest.Attr("url", "http://a.example/x")}}}
		head := w.Add(who, e)
		one := attrsOf(t, w.Intel, who, head.UUID, intel.Without)
		var object intel.Object
		must(t, w.Intel.Objects(ctx, who, head.UUID, intel.Part{}, func(o *intel.Object) error { object = *o; return nil }))
		acts := []struct {
			name   string
			clears bool
			do     func() error
		}{
			{"global tag", true, func() error {
				_, err := w.Intel.Attach(ctx, who, intel.Target{Event: head.UUID}, []string{"x:1"}, false)
				return err
			}},
			{"the same tag", false, func() error {
				_, err := w.Intel.Attach(ctx, who, intel.Target{Event: head.UUID}, []string{"x:1"}, false)
				return err
			}},
			{"local tag", false, func() error {
				_, err := w.Intel.Attach(ctx, who, intel.Target{Event: head.UUID}, []string{"x:2"}, true)
				return err
			}},
			{"local tag off", false, func() error { return w.Intel.Detach(ctx, who, intel.Target{Event: head.UUID}, []string{"x:2"}) }},
			{"tag on an attribute", true, func() error {
				_, err := w.Intel.Attach(ctx, who, intel.Target{Attribute: one["a.example"].UUID}, []string{"x:1"}, false)
				return err
			}},
			{"attribute", true, func() error {
				_, _, err := w.Intel.AddAttributes(ctx, who, head.UUID, []misp.Attribute{inteltest.Attr("domain", "b.example")}, false)
				return err
			}},
			{"comment", true, func() error {
				_, err := w.Intel.EditAttribute(ctx, who, one["a.example"].UUID, misp.Attribute{Comment: misp.T("c")})
				return err
			}},
			{"deletion", true, func() error { _, err := w.Intel.DeleteAttribute(ctx, who, one["a.example"].UUID, false); return err }},
			{"restoring", true, func() error { _, err := w.Intel.RestoreAttribute(ctx, who, one["a.example"].UUID); return err }},
			{"reference", true, func() error {
				_, err := w.Intel.AddReference(ctx, who, object.UUID, misp.ObjectReference{ReferencedUUID: misp.T(one["a.example"].UUID), RelationshipType: misp.T("resolved-to")})
				return err
			}},
			{"object", true, func() error { _, err := w.Intel.DeleteObject(ctx, who, object.UUID, false); return err }},
		}
		for _, a := range acts {
			must(t, w.Intel.Publish(ctx, who, head.UUID))
			before, err := w.Intel.Event(ctx, who, head.UUID)
			must(t, err)
			now.Add(2 * time.Second)
			if err := a.do(); err != nil {
				t.Errorf("%s: %v", a.name, err)
			}
			after, err := w.Intel.Event(ctx, who, head.UUID)
			must(t, err)
			if after.Published == a.clears || (after.Timestamp > before.Timestamp) != a.clears {
				t.Errorf("%s: published %v, timestamp %d → %d", a.name, after.Published, before.Timestamp, after.Timestamp)
			}
			n, err := w.Intel.CountAttributes(ctx, who, intel.Query{Events: []string{head.UUID}})
			if err != nil || n != after.Attributes {
				t.Errorf("%s: %d attributes counted, %d kept, %v", a.name, n, after.Attributes, err)
			}
		}
	})
}

func TestSoftDeletion(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.A, access.Publisher, ident.MISP)
		e := w.Add(who, inteltest.Event("e", intel.Community, inteltest.Attr("domain", "a.example"), inteltest.Attr("domain", "b.example")))
		a := attrsOf(t, w.Intel, who, e.UUID, intel.Without)["a.example"]
		now.Add(time.Second)
		_, err := w.Intel.DeleteAttribute(ctx, who, a.UUID, false)
		must(t, err)
		for d, want := range map[intel.Deleted]int{intel.Without: 1, intel.With: 2, intel.Only: 1} {
			if got := attrsOf(t, w.Intel, who, e.UUID, d); len(got) != want {
				t.Errorf("deleted %v: %d, want %d", d, len(got), want)
			}
			n := 0
			must(t, w.Intel.SearchAttributes(ctx, who, intel.Query{Deleted: d}, func(*intel.Attribute) error { n++; return nil }))
			if n != want {
				t.Errorf("search, deleted %v: %d, want %d", d, n, want)
			}
		}
		gone := attrsOf(t, w.Intel, who, e.UUID, intel.Only)["a.example"]
		if !gone.Deleted || gone.Timestamp <= a.Timestamp {
			t.Errorf("%+v", gone)
		}
		if _, err := w.Intel.DeleteAttribute(ctx, who, a.UUID, false); !fault.Is(err, fault.NotFound) {
			t.Errorf("again: %v", err)
		}
		if _, err := w.Intel.EditAttribute(ctx, who, a.UUID, misp.Attribute{Comment: misp.T("x")}); !fault.Is(err, fault.NotFound) {
			t.Errorf("editing a deleted one: %v", err)
		}
		_, err = w.Intel.DeleteAttribute(ctx, who, a.UUID, true)
		must(t, err)
		if got := attrsOf(t, w.Intel, who, e.UUID, intel.With); len(got) != 1 {
			t.Errorf("%d left", len(got))
		}
	})
}

func TestADeletedEventStaysAway(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.A, access.Sync, ident.MISP)
		e := inteltest.Event("e", intel.Community, inteltest.Attr("domain", "a.example"))
		e.UUID = misp.T(db.NewUUID())
		w.Add(who, e)
		_, err := w.Intel.AddEvent(ctx, who, intel.FromEvent(e), intel.AddOptions{})
		if !isKey(err, "intel.fault.event-exists") {
			t.Errorf("twice: %v", err)
		}
		must(t, w.Intel.DeleteEvent(ctx, who, e.UUID.V))
		if _, err = w.Intel.AddEvent(ctx, who, intel.FromEvent(e), intel.AddOptions{}); !isKey(err, "intel.fault.blocked") {
			t.Errorf("after deletion: %v", err)
		}
		if n, err := w.Intel.CountAttributes(ctx, who, intel.Query{}); n != 0 || err != nil {
			t.Errorf("%d attributes left, %v", n, err)
		}
	})
}

// stream gives an event of n attributes and breaks off after stop of them.
func stream(uuid string, n, stop int) intel.Source {
	return func(fn func(misp.Item) error) error {
		e := &misp.Event{Info: misp.T("large"), UUID: misp.T(uuid), Distribution: misp.N(1), Tag: []misp.Tag{{Name: misp.T("tlp:green")}}}
		if err := fn(misp.Item{Kind: misp.ItemStart, Event: e}); err != nil {
			return err
		}
		for i := range n {
			if i == stop {
				return errors.New("the line is cut")
			}
			a := misp.Attribute{Type: misp.T("domain"), Value: misp.T(fmt.Sprintf("h%d.example", i)), Tag: []misp.Tag{{Name: misp.T("x:1")}}}
			if err := fn(misp.Item{Kind: misp.ItemAttribute, Event: e, Attribute: &a}); err != nil {
				return err
			}
		}
		return fn(misp.Item{Kind: misp.ItemEnd, Event: e})
	}
}

func TestLargeEventsAreWholeOrAbsent(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.CERT, access.Analyst, ident.MISP)
		uuid := db.NewUUID()
		sees := func() (n int64) {
			n, err := w.Intel.CountAttributes(ctx, who, intel.Query{})
			must(t, err)
			return n
		}
		stored := func() (n int64) {
			must(t, db.View(ctx, func(tx *store.Tx) (err error) {
				n, err = store.Int64(ctx, tx, "SELECT COUNT(*) FROM intel_attribute")
				return err
			}))
			return n
		}
		// The source breaks off: nothing stays.
		if _, err := w.Intel.AddEvent(ctx, who, stream(uuid, 13_000, 12_500), intel.AddOptions{}); err == nil || stored() != 0 {
			t.Errorf("cut: %v, %d rows stay", err, stored())
		}
		// The process dies: the rows are there, nobody sees them, the start clears them.
		died := func() (err error) {
			defer func() { err = fmt.Errorf("%v", recover()) }()
			_, _ = w.Intel.AddEvent(ctx, who, func(fn func(misp.Item) error) error {
				n := 0
				return stream(uuid, 13_000, -1)(func(it misp.Item) error {
					if n++; n == 12_000 {
						panic("killed")
					}
					return fn(it)
				})
			}, intel.AddOptions{})
			return nil
		}
		_ = died()
		if stored() == 0 || sees() != 0 {
			t.Errorf("died: %d rows, %d seen", stored(), sees())
		}
		if _, err := w.Intel.Event(ctx, who, uuid); !fault.Is(err, fault.NotFound) {
			t.Errorf("a loading event is seen: %v", err)
		}
		now.Add(time.Hour)
		n, err := w.Intel.RemoveUnfinished(ctx, ident.SystemPart("importer"))
		if err != nil || n != 1 || stored() != 0 {
			t.Errorf("cleared %d, %d rows stay, %v", n, stored(), err)
		}
		saved, err := w.Intel.AddEvent(ctx, who, stream(uuid, 13_000, -1), intel.AddOptions{})
		must(t, err)
		e, err := w.Intel.Event(ctx, who, uuid)
		must(t, err)
		if saved.Attributes.Created != 13_000 || e.Attributes != 13_000 || sees() != 13_000 || e.TLP != "GREEN" {
			t.Errorf("%+v, %d seen, %+v", saved, sees(), e)
		}
		tag, events, attributes, err := w.Intel.Tag(ctx, who, "x:1")
		if err != nil || events != 0 || attributes != 13_000 {
			t.Errorf("tag %+v on %d events and %d attributes, %v", tag, events, attributes, err)
		}
		must(t, w.Intel.DeleteEvent(ctx, who, uuid))
		if stored() != 0 {
			t.Errorf("%d rows stay after deletion", stored())
		}
	})
}

func TestShareFromACase(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.CERT, access.Analyst, ident.Web)
		share := func(sh intel.Share) (out intel.Shared) {
			sh.For = intel.Origin{Kind: "case", Ref: 77}
			must(t, db.Update(ctx, func(tx *store.Tx) (err error) { out, err = w.Intel.ShareTx(ctx, tx, who, sh); return err }))
			return out
		}
		first := share(intel.Share{Info: "Фишинг", Distribution: intel.Community, Tags: []string{"tlp:amber"},
			Attributes: []misp.Attribute{inteltest.Attr("domain", "a.example"), inteltest.Attr("ip-dst", "no address")}})
		if first.Attributes[0].ID == 0 || first.Attributes[1].ID != 0 || first.Refused[1] == nil || first.Event.TLP != "AMBER" || first.Event.Attributes != 1 {
			t.Fatalf("%+v", first)
		}
		second := share(intel.Share{Event: first.Event.UUID, Attributes: []misp.Attribute{inteltest.Attr("domain", "A.example"), inteltest.Attr("domain", "b.example")}, Publish: true})
		if second.Attributes[0].ID != first.Attributes[0].ID || second.Event.Attributes != 2 || !second.Event.Published {
			t.Errorf("%+v", second)
		}
		events, attributes, err := w.Intel.EventsFor(ctx, who, "case", 77)
		if err != nil || len(events) != 1 || len(attributes) != 2 {
			t.Errorf("%d events, %d attributes, %v", len(events), len(attributes), err)
		}
		// The case's transaction fails: no event.
		boom := errors.New("the case changed meanwhile")
		err = db.Update(ctx, func(tx *store.Tx) error {
			_, err := w.Intel.ShareTx(ctx, tx, who, intel.Share{Info: "x", For: intel.Origin{Kind: "case", Ref: 78}})
			must(t, err)
			return boom
		})
		if events, _, _ := w.Intel.EventsFor(ctx, who, "case", 78); !errors.Is(err, boom) || len(events) != 0 {
			t.Errorf("%v, %d events", err, len(events))
		}
	})
}

func TestWhoSeesAndWaysOut(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCast(t, db)
		who := c.who["alfa"]
		names := func(r intel.Readers) (out []string) {
			for _, o := range r.Orgs {
				out = append(out, o.Name)
			}
			return out
		}
		for _, k := range []struct {
			level  intel.Distribution
			tags   []string
			want   []string
			answer tlp.Answer
		}{
			{intel.OwnOrg, nil, []string{"Alfa"}, tlp.Pass},
			{intel.Group, []string{"tlp:amber+strict"}, []string{"Alfa", "Beta"}, tlp.Pass},
			{intel.Community, []string{"tlp:amber"}, []string{"Alfa", "Beta", "CERT One", "CERT Two", "Gama"}, tlp.Ask},
			{intel.All, []string{"tlp:red"}, []string{"Alfa", "Beta", "CERT One", "CERT Two", "Gama"}, tlp.Hold},
		} {
			r, err := c.Intel.WhoSees(ctx, who, k.level, c.group.ID, k.tags)
			must(t, err)
			if diff := cmp.Diff(k.want, names(r)); diff != "" || r.Verdict.Answer != k.answer {
				t.Errorf("level %d: %v %s", k.level, r.Verdict, diff)
			}
		}
		if _, err := c.Intel.WhoSees(ctx, c.who["gama"], intel.Group, c.group.ID, nil); !fault.Is(err, fault.Invalid) {
			t.Errorf("an outsider asks who is in the group: %v", err)
		}
		for label, want := range map[string]map[tlp.Way]tlp.Answer{
			"":          {tlp.Public: tlp.Hold, tlp.Peer: tlp.Pass},
			"tlp:clear": {tlp.Public: tlp.Pass, tlp.Peer: tlp.Pass},
			"tlp:red":   {tlp.Public: tlp.Hold, tlp.Peer: tlp.Hold, tlp.Export: tlp.Hold},
		} {
			e := inteltest.Event("e", intel.All)
			if label != "" {
				e.Tag = []misp.Tag{{Name: misp.T(label)}}
			}
			head := c.Add(c.Person(c.CERT, access.Analyst, ident.Web), e)
			for way, answer := range want {
				if v := c.Intel.WayOut(ctx, who, &head, way); v.Answer != answer {
					t.Errorf("%q by %s: %+v", label, way, v)
				}
			}
		}
	})
}

// TestTextsThatBothEnginesStore: what comes by forms and files is no cleaner than
// what comes by JSON.
func TestTextsThatBothEnginesStore(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.CERT, access.Analyst, ident.Web)
		e := inteltest.Event("info\x00 \xff", intel.Community, inteltest.Attr("text", "a\x00b\xffc"), inteltest.Attr("text", strings.Repeat("x", 2<<20)))
		e.Tag, e.Timestamp = []misp.Tag{{Name: misp.T("tag\x00\xfe")}}, misp.N(1<<62)
		e.Object = []misp.Object{{Name: misp.T("o\x00"), Comment: misp.T("\xff"), Attribute: []misp.Attribute{inteltest.Attr("text", "ok")}}}
		head := w.Add(who, e)
		if head.Info != "info \uFFFD" || head.Attributes != 2 || head.Timestamp > 253402300799 || len(head.Tags) != 1 {
			t.Errorf("%+v", head)
		}
		if _, err := w.Intel.AddEvent(ctx, who, intel.FromEvent(inteltest.Event(strings.Repeat("x", 1<<20), 1)), intel.AddOptions{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("an info of a megabyte: %v", err)
		}
	})
}
