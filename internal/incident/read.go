package incident

import (
	"context"
	"math"
	"time"

	"straza/internal/craft/deadline"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// File is a case with everything that hangs on it, as who sees it.
type File struct {
	Case
	Tasks    []Task
	Clocks   []deadline.Clock // of the case and its parties, nearest first
	DueOf    map[int64]deadline.Clock
	Entries  []Entry          // one page of the timeline, what happened last first
	Lines    map[string]int64 // all lines of the timeline, by kind
	Earlier  bool             // older lines follow those in Entries
	Notes    []Note
	Measures []Measure
	Links    []Link
	Parties  []Party
	Evidence []Evidence
	Acts     []Act
	Merged   []string
	Readers  []access.Principal
	Next     Step
	Now      int64
}

// Get gives the head of a case. Lists, links, headers: no trace is left.
func (s *Service) Get(ctx context.Context, who ident.Actor, ref string) (c Case, err error) {
	err = s.view(ctx, who, func(tx *store.Tx) error {
		k, err := headTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		c = k.blank(who)
		return nil
	})
	return c, err
}

// Lines says which lines of a timeline are wanted: of a kind ("" = all), before the one
// that happened at Happened (µs) with the id ID (0, 0 = from the last), at most Limit
// (1 to 1,000, else 1,000); or Only the one with an id.
type Lines struct {
	Kind     string
	Happened int64
	ID       int64
	Limit    int
	Only     int64
}

func (l Lines) bounded() Lines {
	if l.Limit < 1 || l.Limit > 1000 {
		l.Limit = 1000
	}
	if l.ID == 0 {
		l.Happened, l.ID = math.MaxInt64, math.MaxInt64
	}
	return l
}

// Read opens a case whole, with the last thousand lines of its timeline. The look is
// recorded before anything is shown.
func (s *Service) Read(ctx context.Context, who ident.Actor, ref string) (File, error) {
	return s.ReadLines(ctx, who, ref, Lines{})
}

// ReadLines is Read with other lines of the timeline.
func (s *Service) ReadLines(ctx context.Context, who ident.Actor, ref string, l Lines) (f File, err error) {
	if err := mayRead(who); err != nil {
		return f, err
	}
	err = s.d.DB.ViewLogged(ctx, func(tx *store.Tx) error {
		c, err := headTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "case.read", thing(c), nil)
	}, func(tx *store.Tx) error {
		c, err := headTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		f.Case = c.blank(who)
		if who.Kind == ident.Operator {
			return nil
		}
		return s.fill(ctx, tx, who, &f, l.bounded())
	})
	return f, err
}

// Timeline reads a page of a case's timeline, what happened last first: at most limit
// lines before the one that happened at before (µs) with the id below; 0, 0 = from the
// last. The look is recorded.
func (s *Service) Timeline(ctx context.Context, who ident.Actor, ref string, before Entry, limit int) (list []Entry, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	l := Lines{Happened: before.Happened, ID: before.ID, Limit: limit}.bounded()
	err = s.d.DB.ViewLogged(ctx, func(tx *store.Tx) error {
		c, err := headTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "case.read", thing(c), nil)
	}, func(tx *store.Tx) error {
		c, err := headTx(ctx, tx, who, ref)
		if err == nil && who.Kind != ident.Operator {
			list, _, err = entriesTx(ctx, tx, c.ID, l)
		}
		return err
	})
	return list, err
}

func (s *Service) fill(ctx context.Context, tx *store.Tx, who ident.Actor, f *File, l Lines) (err error) {
	if f.Now, err = store.Now(ctx, tx); err != nil {
		return err
	}
	if f.Tasks, err = store.All(ctx, tx, scanTask, tasksOf, f.ID); err != nil {
		return err
	}
	if f.Entries, f.Earlier, err = entriesTx(ctx, tx, f.ID, l); err != nil {
		return err
	}
	if f.Lines, err = countEntries(ctx, tx, f.ID); err != nil {
		return err
	}
	if f.Notes, err = store.All(ctx, tx, scanNote, notesOf, f.ID); err != nil {
		return err
	}
	if f.Measures, err = store.All(ctx, tx, scanMeasure, measuresOf, f.ID); err != nil {
		return err
	}
	if f.Merged, err = store.All(ctx, tx, store.ScanString, mergedInto, f.ID); err != nil {
		return err
	}
	if f.Acts, err = historyTx(ctx, tx, &f.Case, 0); err != nil {
		return err
	}
	if f.Readers, err = access.ReachTx(ctx, tx, f.audience); err != nil {
		return err
	}
	if err = s.fillLinks(ctx, tx, who, f); err != nil {
		return err
	}
	if err = s.fillEvidence(ctx, tx, f); err != nil {
		return err
	}
	if err = s.fillParties(ctx, tx, f); err != nil {
		return err
	}
	if err = s.fillClocks(ctx, tx, f); err != nil {
		return err
	}
	f.Next = next(f)
	return nil
}

// fillLinks shows another case only to who sees it.
func (s *Service) fillLinks(ctx context.Context, tx *store.Tx, who ident.Actor, f *File) error {
	for _, q := range []string{linksOf, linksBack} {
		links, err := store.All(ctx, tx, scanLink, q, f.ID)
		if err != nil {
			return err
		}
		for _, l := range links {
			if l.Kind == LinkCase {
				o, err := caseByID(ctx, tx, who, l.Ref)
				if fault.Is(err, fault.NotFound) || err == nil && o.ID == f.ID {
					continue
				}
				if err != nil {
					return err
				}
				l.Label, l.Relation = o.Number, joinWords(l.Relation, o.Title)
			}
			f.Links = append(f.Links, l)
		}
	}
	return nil
}

func joinWords(a, b string) string {
	if a == "" {
		return b
	}
	return a + " · " + b
}

func (s *Service) fillEvidence(ctx context.Context, tx *store.Tx, f *File) (err error) {
	if f.Evidence, err = store.All(ctx, tx, scanEvidence, evidenceOf, f.ID); err != nil {
		return err
	}
	for i := range f.Evidence {
		if err := s.openName(&f.Evidence[i]); err != nil {
			return err
		}
		if f.Evidence[i].Custody, err = store.All(ctx, tx, scanCustody, custodyOf, f.Evidence[i].ID); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) fillParties(ctx context.Context, tx *store.Tx, f *File) (err error) {
	if f.Parties, err = store.All(ctx, tx, scanParty, partiesOf, f.ID); err != nil {
		return err
	}
	for i, p := range f.Parties {
		ts, err := s.d.Threads.OfTx(ctx, tx, "party", p.ID)
		if err != nil {
			return err
		}
		for _, t := range ts {
			f.Parties[i].Unread += t.Unread
		}
	}
	return nil
}

func (s *Service) fillClocks(ctx context.Context, tx *store.Tx, f *File) (err error) {
	if f.Clocks, err = deadline.OfTx(ctx, tx, "case", f.ID); err != nil {
		return err
	}
	f.DueOf = map[int64]deadline.Clock{}
	for _, p := range f.Parties {
		ks, err := deadline.OfTx(ctx, tx, "party", p.ID)
		if err != nil {
			return err
		}
		for _, k := range ks {
			k.Label = p.Name
			f.Clocks = append(f.Clocks, k)
		}
	}
	for _, t := range f.Tasks {
		ks, err := deadline.OfTx(ctx, tx, "task", t.ID)
		if err != nil {
			return err
		}
		for _, k := range ks {
			f.DueOf[t.ID] = k
		}
	}
	return nil
}

// Step is the next thing to do on a case, computed; Key "" = nothing is due. Key is
// a message key incident.next.<what>; About names what it is about.
type Step struct {
	Key   string
	About string
	Due   int64
	Where string // anchor on the case's page
	Ref   string // UUID of the party that it is about, "" = none
}

// next picks the step: what falls due first, then what the case lacks.
func next(f *File) Step {
	if f.State == Closed {
		return Step{}
	}
	var best Step
	take := func(s Step) {
		if best.Key == "" || s.Due < best.Due {
			best = s
		}
	}
	for _, p := range f.Parties {
		if p.Unread > 0 {
			return Step{Key: "read", About: p.Name, Where: "threads", Ref: p.UUID}
		}
	}
	for _, p := range f.Parties {
		if p.State == PartyOurs && p.Answered > 0 && f.State.Open() {
			return Step{Key: "reply", About: p.Name, Where: "threads", Ref: p.UUID}
		}
	}
	refs := map[int64]string{}
	for _, p := range f.Parties {
		refs[p.ID] = p.UUID
	}
	for _, k := range f.Clocks {
		if k.Done == 0 && k.Paused == 0 && k.Kind == "case" {
			take(Step{Key: "answer", Due: k.Due, Where: "threads"})
		}
		if k.Done == 0 && k.Kind == "party" && k.Due < f.Now {
			take(Step{Key: "remind", About: k.Label, Due: k.Due, Where: "threads", Ref: refs[k.Object]})
		}
	}
	for _, t := range f.Tasks {
		if t.DoneAt == 0 && t.Due > 0 && t.Due < f.Now+(48*time.Hour).Microseconds() {
			take(Step{Key: "task", About: t.Title, Due: t.Due, Where: "tasks"})
		}
	}
	switch {
	case best.Key != "":
		return best
	case f.Lead == 0 && f.State.Open():
		return Step{Key: "lead"}
	case len(f.Classes) == 0:
		return Step{Key: "classify", Where: "facts"}
	case f.Severity == "":
		return Step{Key: "assess", Where: "facts"}
	case f.State == Resolved && len(f.Lacks()) > 0:
		return Step{Key: "finish", Where: "closing"}
	case f.State == Resolved:
		return Step{Key: "close", Where: "closing"}
	}
	return Step{}
}
