package intelcli_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// contents lists the events of an export, without what is one installation's own,
// each list sorted.
func contents(t *testing.T, out string) map[string]any {
	t.Helper()
	events := map[string]any{}
	for line := range strings.Lines(out) {
		var doc struct{ Event map[string]any }
		if err := json.Unmarshal([]byte(line), &doc); err != nil {
			t.Fatal(err)
		}
		events[doc.Event["uuid"].(string)] = own(doc.Event)
	}
	return events
}

func own(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			if k == "id" || strings.HasSuffix(k, "_id") && k != "threat_level_id" || k == "Org" {
				delete(v, k)
			} else {
				v[k] = own(v[k])
			}
		}
	case []any:
		for i := range v {
			v[i] = own(v[i])
		}
		slices.SortFunc(v, func(a, b any) int {
			x, _ := json.Marshal(a)
			y, _ := json.Marshal(b)
			return strings.Compare(string(x), string(y))
		})
	}
	return v
}

// TestSTIXThereAndBack: every event of the corpus leaves one installation as STIX
// and is the same in another.
func TestSTIXThereAndBack(t *testing.T) {
	t.Parallel()
	corpus := "../../../../shared/data/misp-events"
	if _, err := os.Stat(corpus); err != nil {
		t.Skip("no corpus beside this tree")
	}
	op := ident.Actor{Kind: ident.Operator, Name: "root", Channel: ident.CLI}
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		if r := run(t, w, op, "", "intel", "import", corpus); r.fault != nil {
			t.Fatal(r.fault)
		}
		analyst := w.Person(w.CERT, access.Analyst, ident.CLI)
		want := contents(t, run(t, w, analyst, "", "intel", "export", "--format", "json").out)
		bundle := run(t, w, analyst, "", "intel", "export", "--format", "stix").out
		// One object a line becomes one bundle.
		doc := `{"type":"bundle","id":"bundle--4dfddb34-0e54-5084-a4ea-c02a0fd70dd0","objects":[` + strings.ReplaceAll(strings.TrimSpace(bundle), "\n", ",\n") + "]}"
		other := inteltest.New(t, testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 2)))
		rep := reportOf(t, run(t, other, op, doc, "intel", "import", "-"))
		if rep.Events.Created != 29 || len(rep.Refused) > 0 {
			t.Fatalf("%+v", rep)
		}
		got := contents(t, run(t, other, other.Person(other.CERT, access.Analyst, ident.CLI), "", "intel", "export", "--format", "json").out)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-there +here):\n%.5000s", diff)
		}
	})
}

// TestSTIXImport: a foreign bundle, its sightings, what it leaves, and a newer
// version of it.
func TestSTIXImport(t *testing.T) {
	t.Parallel()
	bundle := func(modified, name string) string {
		return `{"type":"bundle","id":"bundle--4dfddb34-0e54-5084-a4ea-c02a0fd70dd0","objects":[
		{"type":"report","spec_version":"2.1","id":"report--c25327b3-2e74-4437-bd66-e0321bf3876c","created":"2026-01-01T00:00:00.000Z","modified":"` + modified + `","name":"` + name + `","published":"2026-01-01T00:00:00Z","labels":["phishing"],
		 "object_refs":["indicator--82a48ef4-acc4-5f85-982c-870edf5db19b","sighting--82a48ef4-acc4-5f85-982c-870edf5db190","x-thing--82a48ef4-acc4-5f85-982c-870edf5db191"]},
		{"type":"indicator","spec_version":"2.1","id":"indicator--82a48ef4-acc4-5f85-982c-870edf5db19b","created":"2026-01-01T00:00:00.000Z","modified":"` + modified + `","pattern":"[ipv4-addr:value = '198.51.100.120']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"},
		{"type":"sighting","spec_version":"2.1","id":"sighting--82a48ef4-acc4-5f85-982c-870edf5db190","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","sighting_of_ref":"indicator--82a48ef4-acc4-5f85-982c-870edf5db19b"},
		{"type":"x-thing","id":"x-thing--82a48ef4-acc4-5f85-982c-870edf5db191","a":1}]}`
	}
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.CERT, access.Analyst, ident.CLI)
		imported := func(doc string) (rep struct {
			Events  counts
			Refused []struct{ Reason string }
			Left    []struct {
				Type, Reason string
				Count        int
			}
		}) {
			r := run(t, w, who, doc, "intel", "import", "--format", "stix", "-")
			if err := json.Unmarshal([]byte(r.out), &rep); err != nil {
				t.Fatal(r.out, r.fault)
			}
			return rep
		}
		rep := imported(bundle("2026-01-01T00:00:00.000Z", "first"))
		if rep.Events.Created != 1 || len(rep.Left) != 1 || rep.Left[0].Type != "x-thing" || rep.Left[0].Count != 1 {
			t.Errorf("%+v", rep)
		}
		if rep := imported(bundle("2026-01-01T00:00:00.000Z", "first")); rep.Events.Unchanged != 1 {
			t.Errorf("the same again: %+v", rep)
		}
		if rep := imported(bundle("2026-02-01T00:00:00.000Z", "second")); rep.Events.Updated != 1 {
			t.Errorf("a newer version: %+v", rep)
		}
		events := contents(t, run(t, w, who, "", "intel", "export", "--format", "json").out)
		e, _ := events["c25327b3-2e74-4437-bd66-e0321bf3876c"].(map[string]any)
		if e == nil || e["info"] != "second" || e["published"] != false || e["distribution"] != "0" || len(e["Object"].([]any)) != 1 {
			t.Errorf("%v", events)
		}
		if n := sightings(t, w, who); n != 1 {
			t.Errorf("%d sightings", n)
		}
		if rep := imported(`{"type":"bundle","objects":[`); rep.Events.Refused != 1 || !strings.Contains(rep.Refused[0].Reason, "not JSON") {
			t.Errorf("a broken document: %+v", rep)
		}
	})
}

func sightings(t *testing.T, w *inteltest.World, who ident.Actor) (n int) {
	t.Helper()
	w.Must(w.Intel.Sightings(t.Context(), who, intel.SightingFilter{Event: "c25327b3-2e74-4437-bd66-e0321bf3876c"}, func(*intel.Sighting) error { n++; return nil }))
	return n
}

// TestGroupsTravelInSTIX: what is shared within a group comes back into it where it is
// known and the importer may use it, else to the own organisation with a word about it;
// who is not in the group is not told of it.
func TestGroupsTravelInSTIX(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		maker := w.Person(w.A, access.OrgAdmin, ident.CLI)
		g, err := w.Intel.AddGroup(ctx, maker, intel.SharingGroup{Name: "Sedam", Releasability: "r", Active: true, Orgs: []intel.GroupOrg{{Org: w.B}}})
		w.Must(err)
		maker = w.Again(maker)
		part := inteltest.Attr("domain", "samo-grupa.example")
		part.Distribution, part.SharingGroupID = misp.N(4), misp.N(g.ID)
		inside := w.Add(maker, &misp.Event{Info: misp.T("u grupi"), Distribution: misp.N(4), SharingGroupID: misp.N(g.ID), Published: misp.B(true), Attribute: []misp.Attribute{inteltest.Attr("ip-dst", "198.51.100.9")}})
		open := w.Add(maker, &misp.Event{Info: misp.T("za sve"), Distribution: misp.N(1), Published: misp.B(true), Attribute: []misp.Attribute{inteltest.Attr("ip-dst", "198.51.100.8"), part},
			Object: []misp.Object{{Name: misp.T("file"), Distribution: misp.N(4), SharingGroupID: misp.N(g.ID), Attribute: []misp.Attribute{inteltest.Attr("filename", "a.exe")}}}})
		member, outsider := w.Again(w.Person(w.B, access.Member, ident.CLI)), w.Again(w.Person(w.C, access.Member, ident.CLI))
		bundleOf := func(who ident.Actor) string {
			return `{"type":"bundle","id":"bundle--4dfddb34-0e54-5084-a4ea-c02a0fd70dd0","objects":[` +
				strings.ReplaceAll(strings.TrimSpace(run(t, w, who, "", "intel", "export", "--format", "stix").out), "\n", ",\n") + "]}"
		}
		doc := bundleOf(member)
		if !strings.Contains(doc, g.UUID) || !strings.Contains(doc, "Sedam") {
			t.Fatal("a member's export does not name the group")
		}
		if theirs := bundleOf(outsider); strings.Contains(theirs, g.UUID) || strings.Contains(theirs, "Sedam") || !strings.Contains(theirs, "198.51.100.8") {
			t.Errorf("an outsider is told of the group: %s", theirs)
		}
		for name, x := range map[string]struct {
			here, in bool // the group is known there; the importing organisation is in it
			want     intel.Distribution
		}{"known and in it": {true, true, intel.Group}, "known, not in it": {true, false, intel.OwnOrg}, "unknown": {false, false, intel.OwnOrg}} {
			there := inteltest.New(t, testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 2)))
			lead, org := there.Person(there.A, access.OrgAdmin, ident.CLI), there.B
			if x.here {
				_, err := there.Intel.AddGroup(ctx, lead, intel.SharingGroup{UUID: g.UUID, Name: "Seven", Releasability: "r", Active: true, Orgs: []intel.GroupOrg{{Org: there.B}}})
				there.Must(err)
			}
			if !x.in {
				org = there.C
			}
			reader := there.Again(there.Person(org, access.OrgAdmin, ident.CLI))
			rep := reportOf(t, run(t, there, reader, doc, "intel", "import", "-"))
			if rep.Events.Created != 2 {
				t.Fatalf("%s: %+v", name, rep)
			}
			e, err := there.Intel.Event(ctx, reader, inside.UUID)
			there.Must(err)
			if e.Distribution != x.want || (e.Group != 0) != (x.want == intel.Group) {
				t.Errorf("%s: level %d, group %d", name, e.Distribution, e.Group)
			}
			there.Must(there.Intel.Attributes(ctx, reader, open.UUID, intel.Part{}, func(a *intel.Attribute) error {
				if a.Value == "samo-grupa.example" && a.Distribution != x.want {
					t.Errorf("%s: the attribute has level %d", name, a.Distribution)
				}
				return nil
			}))
			told := slices.ContainsFunc(rep.Left, func(l left) bool { return strings.Contains(l.Reason, "sharing group") && l.Count == 3 })
			if told == x.in {
				t.Errorf("%s: left %+v", name, rep.Left)
			}
		}
	})
}
