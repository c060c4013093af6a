package intake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"straza/internal/craft/export"
	"straza/internal/intake"
	"straza/internal/intake/intaketest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

func TestStatesMoveByTheTable(t *testing.T) {
	t.Parallel()
	allowed := map[intake.State]string{
		intake.Incoming: "acknowledge accept reject hand_over duplicate", intake.Acknowledged: "accept reject hand_over duplicate",
		intake.Accepted: "", intake.Rejected: "", intake.HandedOver: "", intake.Duplicate: "",
	}
	for _, s := range intake.States {
		for _, act := range []string{"acknowledge", "accept", "reject", "hand_over", "duplicate", "undo", ""} {
			want := act != "" && strings.Contains(" "+allowed[s]+" ", " "+act+" ")
			if s.May(act) != want {
				t.Errorf("%s from %s: %t", act, s, s.May(act))
			}
		}
	}
	if intake.State("gone").Validate() == nil || intake.Type("").Validate() == nil {
		t.Error("unknown words pass")
	}
}

func TestTriage(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		_, r := w.Send(t, intaketest.Plain("Прва"))
		org, sector := "Водовод Грабовац", ""
		_ = sector
		r, err := w.S.Classify(ctx, w.Ana, r.UUID, r.Version, intake.Decision{Type: intake.NearMiss, RSIT: []string{"fraud/phishing", "other"}, National: []string{"phishing"},
			Facts: map[string]string{"services": "essential", "users": "most"}, TLP: "GREEN", PAP: "CLEAR", Org: &org})
		must(t, err)
		if r.Severity != "very-high" || r.Computed != "very-high" || r.OrgName != org || r.OrgBy != "analyst" || r.Sector != "water" || r.TLP != "GREEN" {
			t.Errorf("%+v", r.Triage)
		}
		if _, err = w.S.Classify(ctx, w.Ana, r.UUID, r.Version, intake.Decision{Severity: "low"}); fault.Of(err) == nil || fault.Of(err).Fields["why"] == "" {
			t.Errorf("an override without a reason: %v", err)
		}
		r, err = w.S.Classify(ctx, w.Ana, r.UUID, r.Version, intake.Decision{Severity: "medium", Why: "погођен је само тест"})
		must(t, err)
		if r.Severity != "medium" || r.Computed != "very-high" || r.SeverityReason == "" {
			t.Errorf("%+v", r.Triage)
		}
		for field, d := range map[string]intake.Decision{"rsit": {RSIT: []string{"fraud/dos"}}, "national": {National: []string{"nothing"}}, "tlp": {TLP: "WHITE"}, "type": {Type: "x"}} {
			if _, err := w.S.Classify(ctx, w.Ana, r.UUID, 0, d); fault.Of(err) == nil || fault.Of(err).Fields[field] == "" {
				t.Errorf("%s: %v", field, err)
			}
		}
		if _, err := w.S.Reject(ctx, w.Ana, r.UUID, r.Version-1, "није"); !fault.Is(err, fault.Conflict) {
			t.Errorf("a stale version: %v", err)
		}
		if _, err := w.S.Reject(ctx, w.Ana, r.UUID, 0, " "); !fault.Is(err, fault.Invalid) {
			t.Errorf("a rejection without a reason: %v", err)
		}
		r, err = w.S.Reject(ctx, w.Ana, r.UUID, r.Version, "Ово је реклама")
		must(t, err)
		if due, _ := r.Due(); !due.IsZero() || r.State != intake.Rejected {
			t.Errorf("a rejected report: due %v", due)
		}
		if _, err := w.S.Accept(ctx, w.Ana, r.UUID, 0, "", "", ""); !fault.Is(err, fault.Conflict) {
			t.Errorf("accepting a rejected report: %v", err)
		}
		for who, a := range map[string]ident.Actor{"the other CERT": w.Vesna, "a member": w.Mila, "an administrator": w.Root, "nobody": nobody} {
			if _, err := w.S.Reject(ctx, a, r.UUID, 0, "x"); err == nil {
				t.Errorf("%s triages", who)
			}
		}
	})
}

func TestAcceptAndUndo(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, _ *clock.Moved) {
		_, a := w.Send(t, intaketest.Plain("Прва"))
		_, b := w.Send(t, intaketest.Plain("Друга"))
		a, err := w.S.Accept(ctx, w.Ana, a.UUID, 0, "", "", "")
		must(t, err)
		b, err = w.S.Accept(ctx, w.Ana, b.UUID, 0, a.CaseNumber, "", "")
		must(t, err)
		if a.Case == 0 || b.Case != a.Case || w.Cases.Of(b.ID) != 1 {
			t.Errorf("cases %d and %d", a.Case, b.Case)
		}
		if s := w.Cases.Seeds[0]; s.Title != "Прва" || s.Summary != "Прва" || s.Report != a.ID || s.TLP != "AMBER+STRICT" {
			t.Errorf("seed %+v", s)
		}
		b, err = w.S.Undo(ctx, w.Ana, b.UUID, b.Version)
		must(t, err)
		if b.Case != 0 || !b.State.Open() || w.Cases.Of(b.ID) != 0 || !b.Triaged.IsZero() {
			t.Errorf("undone: %+v", b)
		}
		_, c := w.Send(t, intaketest.Plain("Трећа"))
		if _, err := w.S.Accept(ctx, w.Ana, c.UUID, 0, "S-2026-999999", "", ""); fault.Of(err) == nil || fault.Of(err).Fields["into"] == "" {
			t.Errorf("an unknown case: %v", err)
		}
		in := intaketest.Plain("Питање")
		in.What = "question"
		_, q := w.Send(t, in)
		if _, err := w.S.Accept(ctx, w.Ana, q.UUID, 0, "", "", ""); !fault.Is(err, fault.Conflict) {
			t.Errorf("a question became a case: %v", err)
		}
		secret := intaketest.Plain("Тајна")
		secret.Sealed = true
		_, d := w.Send(t, secret)
		_, err = w.S.Accept(ctx, w.Ana, d.UUID, 0, "", "Опрезан наслов", "")
		must(t, err)
		if s := w.Cases.Seeds[1]; s.Summary != "" || s.Title != "Опрезан наслов" {
			t.Errorf("a sealed text went into a case: %+v", s)
		}
	})
}

func TestHandOver(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, _ *clock.Moved) {
		_, r := w.Send(t, intaketest.Plain("За друге"))
		if _, err := w.S.HandOver(ctx, w.Ana, r.UUID, 0, w.First.UUID, "опис"); !fault.Is(err, fault.Invalid) {
			t.Errorf("to oneself: %v", err)
		}
		r, err := w.S.HandOver(ctx, w.Ana, r.UUID, 0, w.Second.UUID, "Само овај опис")
		must(t, err)
		list, _, err := w.S.List(ctx, w.Vesna, intake.Filter{}, intake.Page{})
		must(t, err)
		if len(list) != 1 || !strings.HasSuffix(list[0].Number, "-P-2026-000001") || list[0].From != r.ID || list[0].CERT != w.Second.ID {
			t.Fatalf("%+v", list)
		}
		copied := list[0]
		d, err := w.S.Read(ctx, w.Vesna, copied.UUID)
		must(t, err)
		if d.Body.Description != "Само овај опис" || d.Reporter != nil || len(d.Files) != 0 {
			t.Errorf("the copy holds more than was chosen: %+v", d)
		}
		if _, err := w.S.Get(ctx, w.Ana, copied.UUID); !fault.Is(err, fault.NotFound) {
			t.Errorf("the first CERT reads the other's copy: %v", err)
		}
		r, err = w.S.Undo(ctx, w.Ana, r.UUID, 0)
		must(t, err)
		copied, err = w.S.Get(ctx, w.Vesna, copied.UUID)
		must(t, err)
		if !r.State.Open() || copied.State != intake.Rejected {
			t.Errorf("%s, the copy %s", r.State, copied.State)
		}
		r, err = w.S.HandOver(ctx, w.Ana, r.UUID, 0, w.Second.Name, "Опет")
		must(t, err)
		list, _, err = w.S.List(ctx, w.Vesna, intake.Filter{State: "open"}, intake.Page{})
		must(t, err)
		_, err = w.S.Accept(ctx, w.Vesna, list[0].UUID, 0, "", "", "")
		must(t, err)
		if _, err := w.S.Undo(ctx, w.Ana, r.UUID, 0); !fault.Is(err, fault.Conflict) {
			t.Errorf("taking back what the other CERT has decided: %v", err)
		}
	})
}

// Any sequence of acts, undone to the end, gives the state before it; duplicates
// never form a ring.
func TestUndoRestoresAnySequence(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		var ids []string
		for i := range 4 {
			_, r := w.Send(t, intaketest.Plain(fmt.Sprintf("Пријава %d", i)))
			ids = append(ids, r.UUID)
		}
		triage := func() (out []intake.Triage) {
			for _, id := range ids {
				r, err := w.S.Get(ctx, w.Ana, id)
				must(t, err)
				out = append(out, r.Triage)
			}
			return out
		}
		now.Add(time.Minute)
		tick(t, w)
		before := triage()
		rapid.Check(t, func(rt *rapid.T) {
			var stack []string
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				id := rapid.SampledFrom(ids).Draw(rt, "report")
				var err error
				switch act := rapid.SampledFrom([]string{"take", "classify", "reject", "duplicate", "accept", "link", "release", "undo"}).Draw(rt, "act"); act {
				case "take":
					_, err = w.S.Take(ctx, w.Ana, id)
				case "release":
					_, err = w.S.Release(ctx, w.Ana, id)
				case "classify":
					_, err = w.S.Classify(ctx, w.Ana, id, 0, intake.Decision{TLP: rapid.SampledFrom(intake.TLPs).Draw(rt, "tlp"), RSIT: []string{"fraud/phishing"}})
				case "reject":
					_, err = w.S.Reject(ctx, w.Ana, id, 0, "није")
				case "duplicate":
					_, err = w.S.MarkDuplicate(ctx, w.Ana, id, 0, rapid.SampledFrom(ids).Draw(rt, "of"))
				case "accept":
					_, err = w.S.Accept(ctx, w.Ana, id, 0, "", "", "")
				case "link":
					_, err = w.S.Accept(ctx, w.Ana, id, 0, "S-2026-000001", "", "")
				case "undo":
					if _, err = w.S.Undo(ctx, w.Ana, id, 0); err == nil {
						for i := len(stack) - 1; i >= 0; i-- {
							if stack[i] == id {
								stack = append(stack[:i], stack[i+1:]...)
								break
							}
						}
					}
					if err != nil && !fault.Is(err, fault.Conflict) {
						rt.Fatal(err)
					}
					continue
				}
				if err == nil {
					stack = append(stack, id)
				} else if k := fault.KindOf(err); k != fault.Conflict && k != fault.Invalid {
					rt.Fatal(err)
				}
			}
			for i := len(stack) - 1; i >= 0; i-- {
				if _, err := w.S.Undo(ctx, w.Ana, stack[i], 0); err != nil {
					rt.Fatal(err)
				}
			}
			if diff := cmp.Diff(before, triage()); diff != "" {
				rt.Fatalf("after undoing everything (-want +got):\n%s", diff)
			}
			for _, id := range ids {
				r, _ := w.S.Get(ctx, w.Ana, id)
				if w.Cases.Of(r.ID) != 0 || !r.Triaged.IsZero() {
					rt.Fatalf("report %s still hangs on a case, or counts as decided", r.Number)
				}
			}
		})
	})
}

func TestNoRingOfDuplicates(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, _ *clock.Moved) {
		_, a := w.Send(t, intaketest.Plain("А"))
		_, b := w.Send(t, intaketest.Plain("Б"))
		_, err := w.S.MarkDuplicate(ctx, w.Ana, a.UUID, 0, b.Number)
		must(t, err)
		if _, err := w.S.MarkDuplicate(ctx, w.Ana, b.UUID, 0, a.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("a ring: %v", err)
		}
		if _, err := w.S.MarkDuplicate(ctx, w.Ana, b.UUID, 0, b.Number); !fault.Is(err, fault.Conflict) {
			t.Errorf("of itself: %v", err)
		}
		d, err := w.S.Read(ctx, w.Ana, b.UUID)
		must(t, err)
		if len(d.Copies) != 1 || d.Copies[0].Number != a.Number {
			t.Errorf("copies %+v", d.Copies)
		}
	})
}

func TestSimilar(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, _ *clock.Moved) {
		long := "Стигла је порука у којој пише да је пакет задржан на царини и да треба платити сто четрдесет девет динара на страници "
		_, a := w.Send(t, intaketest.Plain(long+"http://posta-lazna.rs/x"))
		other := intaketest.Plain("Сасвим друга ствар: сајт школе не ради од јутрос и нико не зна зашто је тако")
		other.Contact.Email = "drugi@example.rs"
		w.Send(t, other)
		sealed := intaketest.Plain("Види hxxp://posta-lazna[.]rs/x")
		sealed.Sealed, sealed.Contact.Email = true, "treci@example.rs"
		_, b := w.Send(t, sealed)
		in := intaketest.Plain("Добро јутро. " + long + "и не знам шта да радим")
		in.Contact.Email = "cetvrti@example.rs"
		_, c := w.Send(t, in)
		if b.Similar != 1 || c.Similar != 1 {
			t.Errorf("counted at intake: %d and %d", b.Similar, c.Similar)
		}
		by := func(uuid string) map[string]string {
			list, err := w.S.Similar(ctx, w.Ana, uuid)
			must(t, err)
			out := map[string]string{}
			for _, l := range list {
				out[l.Report.Number] = strings.Join(l.By, " ")
			}
			return out
		}
		if diff := cmp.Diff(map[string]string{b.Number: "indicator", c.Number: "text"}, by(a.UUID)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]string{a.Number: "indicator"}, by(b.UUID)); diff != "" {
			t.Error(diff)
		}
	})
}

// Who may see what: two CERTs, two organisations, an administrator, nobody.
func TestNoLeak(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, _ *clock.Moved) {
		_, first := w.Send(t, intaketest.Plain("Пријава првом"))
		second := intaketest.Plain("Пријава другом")
		second.CERT = w.Second.ID
		_, r2 := w.Send(t, second)
		portal := intaketest.Plain("Пријава с портала")
		portal.Channel, portal.Contact = intake.ByPortal, intake.Contact{Name: w.Mila.Name, Person: "x"}
		rc, err := w.S.Submit(ctx, w.Mila, portal)
		must(t, err)
		confidential := intaketest.Plain("Поверљиво с портала")
		confidential.Channel, confidential.Sealed = intake.ByPortal, true
		_, err = w.S.Submit(ctx, w.Mila, confidential)
		must(t, err)
		want := map[string]int{"ana": 3, "vesna": 1, "mila": 1, "bora": 0, "root": 0}
		for name, who := range map[string]ident.Actor{"ana": w.Ana, "vesna": w.Vesna, "mila": w.Mila, "bora": w.Bora, "root": w.Root} {
			list, _, err := w.S.List(ctx, who, intake.Filter{}, intake.Page{})
			must(t, err)
			n, _, err := w.S.Count(ctx, who, intake.Filter{})
			must(t, err)
			found, _, err := w.S.List(ctx, who, intake.Filter{Query: "prijava"}, intake.Page{})
			must(t, err)
			exported, said := 0, 0
			begin := func(x export.Extent) error { said = int(x.Rows + x.Held); return nil }
			must(t, w.S.Export(ctx, who, intake.Filter{}, "", begin, func(intake.Report) error { exported++; return nil }))
			if len(list) != want[name] || int(n) != want[name] || exported != want[name] || said != want[name] {
				t.Errorf("%s sees %d, counts %d, exports %d; want %d", name, len(list), n, exported, want[name])
			}
			if len(found) > want[name] {
				t.Errorf("%s finds %d", name, len(found))
			}
			for ref, by := range map[string]string{first.UUID: "ana", first.Number: "ana", r2.UUID: "vesna", r2.Number: "vesna", rc.ID: "ana mila"} {
				_, err := w.S.Get(ctx, who, ref)
				if may := strings.Contains(by, name); may != (err == nil) || !may && !fault.Is(err, fault.NotFound) {
					t.Errorf("%s reads %s: %v", name, ref, err)
				}
				_, err = w.S.History(ctx, who, ref)
				if may := strings.Contains(by, name) && name != "mila"; may != (err == nil) { // the sender does not read what the team did
					t.Errorf("%s reads the history of %s: %v", name, ref, err)
				}
				if _, err = w.S.Similar(ctx, who, ref); (strings.Contains(by, name) && name != "mila") != (err == nil) {
					t.Errorf("%s reads what is similar to %s: %v", name, ref, err)
				}
			}
		}
		_, err = w.S.Take(ctx, w.Ana, rc.ID)
		must(t, err)
		if own, err := w.S.Read(ctx, w.Mila, rc.ID); err != nil || own.AssigneeName != "" || own.Similar != 0 || own.Reporter != nil || own.Body.Description != "Пријава с портала" {
			t.Errorf("the sender sees %+v, %v", own, err)
		}
		if _, _, err := w.S.List(ctx, nobody, intake.Filter{}, intake.Page{}); !fault.Is(err, fault.Denied) {
			t.Errorf("nobody lists: %v", err)
		}
		root := ident.Actor{Kind: ident.Operator, Name: "root"}
		list, _, err := w.S.List(ctx, root, intake.Filter{}, intake.Page{})
		must(t, err)
		if len(list) != 4 || list[0].Title+list[0].OrgName != "" || list[0].RSIT != nil {
			t.Errorf("an operator sees %+v", list)
		}
	})
}

func TestQueueOrderAndPages(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		for i := range 7 {
			w.Send(t, intaketest.Plain(fmt.Sprintf("Прва реч %d", i)))
			now.Add(time.Minute)
		}
		for _, sort := range []string{"", intake.ByReceived, intake.ByUpdated, intake.ByDue, intake.BySeverity, "-due", "received", "-updated", "severity"} {
			seen, cursor := map[string]bool{}, ""
			var last intake.Report
			for {
				list, next, err := w.S.List(ctx, w.Ana, intake.Filter{State: "open"}, intake.Page{Sort: sort, Limit: 3, Cursor: cursor})
				must(t, err)
				for _, r := range list {
					if seen[r.UUID] {
						t.Errorf("%q: %s twice", sort, r.Number)
					}
					if seen[r.UUID] = true; last.ID != 0 && (sort == "" || sort == intake.ByDue) && r.TriageDue.Before(last.TriageDue) {
						t.Errorf("%q: %s before %s", sort, last.Number, r.Number)
					}
					last = r
				}
				if cursor = next; next == "" {
					break
				}
			}
			if len(seen) != 7 {
				t.Errorf("%q: %d rows", sort, len(seen))
			}
		}
		for q, want := range map[string]int{"рец": 0, "reč": 7, "РЕЧ прв": 7, "P-2026-000003": 1, "p-2026": 7, "xyz": 0,
			"3": 1, "P-3": 1, "П-3": 1, "p3": 1, "2026-3": 1, "S-3": 0, "С-3": 0, "s3": 0, "S-2026-000003": 0, "S-2026-3": 0, "NC2-S-2026-000003": 0, "UP-2026-000003": 0, "UP-3": 0} {
			list, _, err := w.S.List(ctx, w.Ana, intake.Filter{Query: q}, intake.Page{})
			must(t, err)
			if q != "рец" && len(list) != want {
				t.Errorf("%q finds %d", q, len(list))
			}
		}
		if _, _, err := w.S.List(ctx, w.Ana, intake.Filter{}, intake.Page{Cursor: "x"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a foreign cursor: %v", err)
		}
		now.Add(2 * time.Hour)
		late, _, err := w.S.List(ctx, w.Ana, intake.Filter{State: "open", Late: true}, intake.Page{})
		must(t, err)
		if len(late) != 7 {
			t.Errorf("%d late", len(late))
		}
	})
}

// Whoever goes from report to report meets the queue's rows in the queue's order, forwards
// and back; the other team's reports are nobody's neighbours.
func TestNeighboursWalkTheQueue(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		for i := range 6 {
			w.Send(t, intaketest.Plain(fmt.Sprintf("Прва реч %d", i)))
			other := intaketest.Plain("Туђа реч")
			other.CERT = w.Second.ID
			w.Send(t, other)
			if i%2 == 0 { // two of each moment
				now.Add(time.Minute)
			}
		}
		for sort, f := range map[string]intake.Filter{intake.ByDue: {State: "open"}, intake.ByReceived: {}, intake.ByUpdated: {Query: "prva"}} {
			list, _, err := w.S.List(ctx, w.Ana, f, intake.Page{Sort: sort})
			must(t, err)
			var want, there, back []string
			for _, r := range list {
				want = append(want, r.Number)
			}
			for at := want[0]; at != "" && len(there) < 20; {
				there = append(there, at)
				_, at, err = w.S.Neighbours(ctx, w.Ana, f, sort, at)
				must(t, err)
			}
			for at := want[len(want)-1]; at != "" && len(back) < 20; {
				back = append(back, at)
				at, _, err = w.S.Neighbours(ctx, w.Ana, f, sort, at)
				must(t, err)
			}
			slices.Reverse(back)
			if !slices.Equal(there, want) || !slices.Equal(back, want) || len(want) != 6 {
				t.Errorf("%s: the queue is %v, forwards %v, back %v", sort, want, there, back)
			}
			if _, _, err := w.S.Neighbours(ctx, w.Vesna, f, sort, want[0]); !fault.Is(err, fault.NotFound) {
				t.Errorf("neighbours of what one may not see: %v", err)
			}
		}
		if _, _, err := w.S.Neighbours(ctx, nobody, intake.Filter{}, "", "P-2026-000001"); !fault.Is(err, fault.Denied) {
			t.Errorf("nobody: %v", err)
		}
	})
}

func TestWeeks(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		now.Set(time.Date(2026, 11, 18, 9, 0, 0, 0, time.UTC)) // Wednesday
		_, r := w.Send(t, intaketest.Plain("Прошла недеља"))
		now.Add(38 * time.Minute)
		_, err := w.S.Reject(ctx, w.Ana, r.UUID, 0, "није")
		must(t, err)
		now.Set(time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC))
		w.Send(t, intaketest.Plain("Ова недеља"))
		got, err := w.S.Weeks(ctx, nobody)
		must(t, err)
		if got.Reports != 1 || got.Minutes != 38 || got.Series[11] != 1 || got.Series[10] != 0 {
			t.Errorf("%+v", got)
		}
	})
}

func TestSignals(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, now *clock.Moved) {
		start := now.Now()
		for day := range 7 {
			now.Set(start.AddDate(0, 0, day))
			w.Send(t, intaketest.Plain("Из дана у дан"))
		}
		now.Set(start.AddDate(0, 0, 7).Add(time.Hour))
		for range 2 {
			w.Send(t, intaketest.Plain("Данас"))
		}
		now.Add(3 * time.Hour)
		got, err := w.S.Signals(ctx, w.Ana)
		must(t, err)
		if len(got) != 1 || got[0].Now != 2 || got[0].Last[10] != 2 || got[0].Usual() != 1 {
			t.Errorf("%+v", got)
		}
		if _, err := w.S.Signals(ctx, nobody); !fault.Is(err, fault.Denied) {
			t.Errorf("anyone may ask for the signals: %v", err)
		}
	})
}
