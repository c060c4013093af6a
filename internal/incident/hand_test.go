package incident_test

import (
	"fmt"
	"strings"
	"testing"

	"straza/internal/craft/thread"
	"straza/internal/incident"
	"straza/internal/incident/incidenttest"
	"straza/internal/intel"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// handed is a case whose every part bears a word of its own, and what it is made of.
func handed(t *testing.T, w *incidenttest.World) (n string, in incident.Handing) {
	t.Helper()
	n, err := w.S.Open(ctx, w.Ana, incident.Draft{Title: "наслов-овај", Summary: "сажетак-овај", TLP: "AMBER", Classes: []string{"fraud/phishing"}, Severity: "high"}, "")
	must(t, err)
	must(t, second(w.S.Edit(ctx, w.Ana, n, 0, incident.Patch{Facts: map[string]string{"services": "essential"}})))
	e, err := w.S.AddEntry(ctx, w.Ana, n, incident.EntryInput{Body: "догађај-бира", Kind: "attack", Source: "извор-пријавилац"})
	must(t, err)
	must(t, second(w.S.AddEntry(ctx, w.Ana, n, incident.EntryInput{Body: "догађај-остаје", Kind: "note"})))
	must(t, second(w.S.AddNote(ctx, w.Ana, n, "белешка-остаје")))
	must(t, second(w.S.AddTask(ctx, w.Ana, n, incident.TaskInput{Title: "задатак-остаје"})))
	party := w.Party(t, w.Ana, n, w.OrgA, "duty@elektromreza.example")
	must(t, second(w.S.Write(ctx, w.Ana, n, party, thread.Out, "писмо-остаје")))
	w.Party(t, w.Ana, n, w.OrgB, "b@example.test")
	must(t, second(w.S.AddEvidence(ctx, w.Ana, n, "доказ-име.bin", "доказ-опис", strings.NewReader("доказ-садржај"))))
	_, _, err = w.S.Share(ctx, w.Ana, n, incident.Sharing{Distribution: intel.OwnOrg, TLP: "AMBER", Picks: []incident.Pick{{Type: "ip-dst", Value: "198.51.100.24"}}})
	must(t, err)
	must(t, w.DB.Update(ctx, func(tx *store.Tx) error {
		return second(w.S.LinkReportTx(ctx, tx, w.Ana, n, 42, "P-2026-000042"))
	}))
	return n, incident.Handing{To: w.Second.UUID, Title: "наслов-њихов", Reason: "разлог-предаје", Summary: true, Facts: true, Indicators: true, Evidence: true,
		Entries: []int64{e.Object}, Parties: []string{party}}
}

// stays are the words that no hand-over may carry.
var stays = []string{"остаје", "пријавилац", "P-2026-000042", "доказ-", "наслов-овај", "Грабовац", "Ана Шумар", "duty@"}

// TestHandOver: the other team gets what was ticked in a case of its own, and nothing
// else of ours; both keep the other's number, both sides are in the audit.
func TestHandOver(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n, in := handed(t, w)
		for field, change := range map[string]func(*incident.Handing){
			"to": func(x *incident.Handing) { x.To = w.First.UUID }, "title": func(x *incident.Handing) { x.Title = " " }, "reason": func(x *incident.Handing) { x.Reason = "" }} {
			x := in
			change(&x)
			_, _, err := w.S.Hand(ctx, w.Ana, n, 0, x)
			if f := fault.Of(err); f == nil || f.Fields[field] == "" {
				t.Errorf("%s: %v", field, err)
			}
		}
		for _, who := range []ident.Actor{w.Petar, w.Mila, w.Root, w.Operator, ident.Nobody(ident.Web)} {
			if _, _, err := w.S.Hand(ctx, who, n, 0, in); !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Denied) {
				t.Errorf("%s hands over: %v", who.Name, err)
			}
		}
		d, number, err := w.S.Hand(ctx, w.Ana, n, 0, in)
		must(t, err)
		f, err := w.S.Read(ctx, w.Vesna, number)
		must(t, err)
		if f.CERT != w.Second.ID || f.Title != "наслов-њихов" || f.Summary != "сажетак-овај" || f.TLP != "AMBER" || f.Class() != "fraud/phishing" || f.Facts["services"] != "essential" ||
			len(f.Entries) != 1 || f.Entries[0].Body != "догађај-бира" || len(f.Notes) != 1 || len(f.Parties)+len(f.Evidence)+len(f.Tasks) != 0 || f.Version != 1 {
			t.Fatalf("%+v", f)
		}
		for _, want := range []string{"разлог-предаје", "198.51.100.24", "Подунавље", "D-1"} {
			if !strings.Contains(f.Notes[0].Body, want) {
				t.Errorf("the note lacks %q: %s", want, f.Notes[0].Body)
			}
		}
		if len(f.Links) != 1 || f.Links[0].Kind != incident.LinkHandedFrom || f.Links[0].Label != n || f.Links[0].Relation != w.First.Name {
			t.Fatalf("%+v", f.Links)
		}
		acts, err := w.S.History(ctx, w.Vesna, number, 0)
		must(t, err)
		for _, word := range stays {
			if all := fmt.Sprintf("%+v %+v", f, acts); strings.Contains(all, word) {
				t.Errorf("%q went along: %s", word, all)
			}
		}
		want(t, second(w.S.Get(ctx, w.Vesna, n)), fault.NotFound)
		want(t, second(w.S.Get(ctx, w.Ana, number)), fault.NotFound)
		if hits, _, err := w.S.List(ctx, w.Vesna, incident.Filter{}, incident.Page{Limit: 10}); err != nil || len(hits) != 1 || hits[0].Number != number {
			t.Fatalf("%+v %v", hits, err)
		}
		old, err := w.S.Read(ctx, w.Ana, n)
		must(t, err)
		if l := old.Links[len(old.Links)-1]; !old.State.Open() || l.Kind != incident.LinkHandedTo || l.Label != number || old.Acts[0].Verb != "hand" {
			t.Fatalf("%+v", old)
		}
		// Taken back, it is closed there, gone here, and not handed over by undoing the undo.
		u, err := w.S.Undo(ctx, w.Ana, n, d.Act)
		must(t, err)
		if f, err = w.S.Read(ctx, w.Vesna, number); err != nil || f.State != incident.Closed || f.Acts[0].Verb != "withdraw" || f.Acts[0].CanUndo {
			t.Fatalf("%+v %v", f.Case, err)
		}
		if old, err = w.S.Read(ctx, w.Ana, n); err != nil || strings.Contains(fmt.Sprintf("%+v", old.Links), number) {
			t.Fatalf("%+v %v", old.Links, err)
		}
		want(t, second(w.S.Undo(ctx, w.Ana, n, u.Act)), fault.Conflict)
		for label, verbs := range map[string][]string{n: {"case.hand", "case.undo"}, number: {"case.open", "case.receive", "case.withdraw"}} {
			for _, verb := range verbs {
				if !audited(t, w, label, verb) {
					t.Errorf("no line %s of %s", verb, label)
				}
			}
		}
	})
}

// audited tells whether the audit has a line of a verb about a thing.
func audited(t *testing.T, w *incidenttest.World, label, verb string) (found bool) {
	t.Helper()
	lines, err := w.Audit.Lines(ctx, w.Luka, audit.Filter{Verb: verb, Limit: 500})
	must(t, err)
	for _, l := range lines {
		found = found || l.Label == label && l.Verb == verb
	}
	return found
}

// TestHandOverBare: nothing is ticked, nothing goes along; RED does not leave; a part of
// another case is not there; what the other team has touched is not withdrawn.
func TestHandOverBare(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n, full := handed(t, w)
		bare := incident.Handing{To: w.Second.Name, Title: "наслов-њихов", Reason: "разлог-предаје"}
		d, number, err := w.S.Hand(ctx, w.Ana, n, 0, bare)
		must(t, err)
		f, err := w.S.Read(ctx, w.Vesna, number)
		must(t, err)
		if f.Summary != "" || f.Severity != "" || len(f.Classes)+len(f.Entries)+len(f.Facts) != 0 || f.Notes[0].Body != "разлог-предаје" {
			t.Fatalf("%+v", f)
		}
		for _, word := range append([]string{"бира", "сажетак", "198.51.100.24", "Подунавље"}, stays...) {
			if all := fmt.Sprintf("%+v", f); strings.Contains(all, word) {
				t.Errorf("%q went along: %s", word, all)
			}
		}
		must(t, second(w.S.Take(ctx, w.Vesna, number)))
		want(t, second(w.S.Undo(ctx, w.Ana, n, d.Act)), fault.Conflict)
		if old, err := w.S.Read(ctx, w.Ana, n); err != nil || !strings.Contains(fmt.Sprintf("%+v", old.Links), number) {
			t.Fatalf("a refused undo changed something: %+v %v", old.Links, err)
		}
		other := w.Open(t, w.Ana, "Други").Number
		for _, x := range []incident.Handing{{To: w.Second.UUID, Title: "x", Reason: "y", Entries: full.Entries}, {To: w.Second.UUID, Title: "x", Reason: "y", Parties: full.Parties}} {
			_, _, err := w.S.Hand(ctx, w.Ana, other, 0, x)
			want(t, err, fault.NotFound)
		}
		must(t, second(w.S.Edit(ctx, w.Ana, other, 0, incident.Patch{TLP: ptr("RED")})))
		_, _, err = w.S.Hand(ctx, w.Ana, other, 0, bare)
		if f := fault.Of(err); f == nil || f.Fields["tlp"] == "" {
			t.Fatalf("RED leaves: %v", err)
		}
		if all, _, err := w.S.List(ctx, w.Vesna, incident.Filter{}, incident.Page{Limit: 10}); err != nil || len(all) != 1 {
			t.Fatalf("a refused hand-over left a case: %+v %v", all, err)
		}
	})
}
