package incident_test

import (
	"testing"
	"time"

	"straza/internal/craft/thread"
	"straza/internal/incident"
	"straza/internal/incident/incidenttest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestMayReceive is decisions §1 and §7 as a table: what may go out to a party.
func TestMayReceive(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		label      string
		registered bool
		want       string
	}{
		{"CLEAR", false, ""}, {"GREEN", false, ""}, {"AMBER", false, ""}, {"AMBER", true, ""}, {"AMBER+STRICT", true, ""},
		{"AMBER+STRICT", false, "incident.tlp.registered"}, {"RED", true, "incident.tlp.persons"}, {"RED", false, "incident.tlp.persons"},
		{"", true, "incident.tlp.unlabelled"}, {"PINK", true, "incident.tlp.unlabelled"},
	} {
		if got := incident.MayReceive(c.label, c.registered); got != c.want {
			t.Errorf("TLP:%s, of the registry %t: %q, want %q", c.label, c.registered, got, c.want)
		}
	}
}

// TestLettersObeyTheLabel: what the label forbids is refused with its reason and
// leaves no letter; raised to RED, the page behind the link closes.
func TestLettersObeyTheLabel(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n := w.Open(t, w.Ana, "Упад").Number
		reason := func(err error, field, key string) {
			t.Helper()
			if e := fault.Of(err); e == nil || e.Fields[field] != key {
				t.Errorf("got %v, want %s on %s", err, key, field)
			}
		}
		_, err := w.S.AddParty(ctx, w.Ana, n, incident.PartyInput{Org: "Провајдер ван регистра", Address: "abuse@provajder.example", Subject: "Питање", TLP: "AMBER+STRICT"})
		reason(err, "tlp", "incident.tlp.registered")
		_, err = w.S.AddParty(ctx, w.Ana, n, incident.PartyInput{Org: w.OrgA.UUID, Subject: "Питање", TLP: "RED"})
		reason(err, "tlp", "incident.tlp.persons")
		d, err := w.S.AddParty(ctx, w.Ana, n, incident.PartyInput{Org: "Провајдер ван регистра", Address: "abuse@provajder.example", Subject: "Питање", TLP: "AMBER"})
		must(t, err)
		must(t, second(w.S.Write(ctx, w.Ana, n, d.UUID, thread.Out, "Молимо искључите сервер.")))
		must(t, jobs.New(db, w.Post.Jobs(), nil).Drain(ctx))
		letters, err := w.Post.ListCaught(ctx, 0)
		must(t, err)
		token := letters[0].Body[len(letters[0].Body)-32:]
		if _, err := w.S.ByToken(ctx, ident.Nobody(ident.Web), token); err != nil {
			t.Fatalf("the party's page: %v in %q", err, letters[0].Body)
		}
		change := incident.PartyChange{State: incident.PartyTheirs, Subject: "Питање", Deadline: time.Time{}}
		change.TLP = "AMBER+STRICT"
		reason(second(w.S.SetParty(ctx, w.Ana, n, d.UUID, change)), "tlp", "incident.tlp.registered")
		change.TLP = "RED"
		raised, err := w.S.SetParty(ctx, w.Ana, n, d.UUID, change)
		must(t, err)
		reason(second(w.S.Write(ctx, w.Ana, n, d.UUID, thread.Out, "Још нешто")), "body", "incident.tlp.persons")
		must(t, second(w.S.Write(ctx, w.Ana, n, d.UUID, thread.Note, "интерно")))
		want(t, second(w.S.ByToken(ctx, ident.Nobody(ident.Web), token)), fault.NotFound)
		must(t, jobs.New(db, w.Post.Jobs(), nil).Drain(ctx))
		if letters, err = w.Post.ListCaught(ctx, 0); err != nil || len(letters) != 1 {
			t.Fatalf("a letter left all the same: %d, %v", len(letters), err)
		}
		if _, err := w.S.Undo(ctx, w.Ana, n, raised.Act); err == nil {
			t.Error("a later act stands on the change, yet it was undone")
		}
		change.TLP = "GREEN"
		lowered, err := w.S.SetParty(ctx, w.Ana, n, d.UUID, change)
		must(t, err)
		must(t, second(w.S.ByToken(ctx, ident.Nobody(ident.Web), token)))
		must(t, second(w.S.Undo(ctx, w.Ana, n, lowered.Act)))
		want(t, second(w.S.ByToken(ctx, ident.Nobody(ident.Web), token)), fault.NotFound)
	})
}

// TestPartsKeepWhatTheySaid: corrections and withdrawals of tasks, lines and notes
// keep the earlier text, and undo brings it back.
func TestPartsKeepWhatTheySaid(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		n := w.Open(t, w.Ana, "Упад").Number
		entry, err := w.S.AddEntry(ctx, w.Ana, n, incident.EntryInput{Body: "Први улаз у 8.10"})
		must(t, err)
		note, err := w.S.AddNote(ctx, w.Ana, n, "Прва белешка")
		must(t, err)
		task, err := w.S.AddTask(ctx, w.Ana, n, incident.TaskInput{Title: "Позвати оператора"})
		must(t, err)
		for kind, x := range map[string]struct {
			id   int64
			was  string
			edit func() (incident.Done, error)
			drop func() (incident.Done, error)
			is   func(f incident.File) string
		}{
			"entry": {entry.Object, "Први улаз у 8.10", func() (incident.Done, error) {
				return w.S.EditEntry(ctx, w.Luka, n, entry.Object, incident.EntryInput{Body: "Први улаз у 8.25"})
			}, func() (incident.Done, error) { return w.S.DropEntry(ctx, w.Luka, n, entry.Object) },
				func(f incident.File) string { return f.Entries[0].Body }},
			"note": {note.Object, "Прва белешка", func() (incident.Done, error) {
				return w.S.EditNote(ctx, w.Luka, n, note.Object, 1, "Друга белешка")
			},
				func() (incident.Done, error) { return w.S.DropNote(ctx, w.Luka, n, note.Object) }, func(f incident.File) string { return f.Notes[0].Body }},
			"task": {task.Object, "Позвати оператора", func() (incident.Done, error) {
				return w.S.EditTask(ctx, w.Luka, n, task.Object, incident.TaskInput{Title: "Писати оператору", Assignee: w.Luka.Person, Name: w.Luka.Name})
			}, func() (incident.Done, error) { return w.S.DropTask(ctx, w.Luka, n, task.Object) }, func(f incident.File) string { return f.Tasks[0].Title }},
		} {
			edited, err := x.edit()
			must(t, err)
			revs, err := w.S.PartRevisions(ctx, w.Ana, n, kind, x.id)
			must(t, err)
			if len(revs) != 1 || revs[0].Text != x.was || revs[0].Author != w.Luka.Name {
				t.Errorf("%s: earlier versions %+v", kind, revs)
			}
			dropped, err := x.drop()
			must(t, err)
			must(t, second(w.S.Undo(ctx, w.Ana, n, dropped.Act)))
			must(t, second(w.S.Undo(ctx, w.Ana, n, edited.Act)))
			f, err := w.S.Read(ctx, w.Ana, n)
			must(t, err)
			if got := x.is(f); got != x.was {
				t.Errorf("%s after both undos: %q, want %q", kind, got, x.was)
			}
			want(t, second(w.S.PartRevisions(ctx, w.Vesna, n, kind, x.id)), fault.NotFound)
			want(t, second(w.S.PartRevisions(ctx, w.Operator, n, kind, x.id)), fault.NotFound)
		}
		want(t, second(w.S.PartRevisions(ctx, w.Ana, n, "case", 1)), fault.NotFound)
	})
}

// TestMergePreview counts what a merge brings along and says what cannot come.
func TestMergePreview(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		a, b := w.Open(t, w.Ana, "Први").Number, w.Open(t, w.Ana, "Други").Number
		must(t, second(w.S.AddTask(ctx, w.Ana, b, incident.TaskInput{Title: "x"})))
		must(t, second(w.S.AddNote(ctx, w.Ana, b, "y")))
		list, err := w.S.MergePreview(ctx, w.Luka, []string{a, b, a})
		must(t, err)
		if len(list) != 2 || list[0].Number != a || list[1].Tasks != 1 || list[1].Notes != 1 || list[0].Held+list[1].Held != "" {
			t.Errorf("%+v", list)
		}
		want(t, second(w.S.MergePreview(ctx, w.Petar, []string{a, b})), fault.NotFound)
		want(t, second(w.S.MergePreview(ctx, w.Mila, []string{a})), fault.Denied)
		d, err := w.S.Merge(ctx, w.Luka, b, 0, []string{a})
		must(t, err)
		c, err := w.S.Get(ctx, w.Ana, a)
		must(t, err)
		if c.Number != b {
			t.Errorf("the old number %s leads to %s", a, c.Number)
		}
		must(t, second(w.S.Undo(ctx, w.Luka, b, d.Act)))
	})
}
