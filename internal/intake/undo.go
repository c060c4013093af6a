package intake

import (
	"context"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Act is one step in a report's history.
type Act struct {
	ID       int64
	At       time.Time
	Author   string
	Verb     string
	Was, Now Triage
	Undone   bool
	Undoes   int64 // the act that this one took back
}

// History lists the steps of a report's triage, newest first. Needs intake.read.
func (s *Service) History(ctx context.Context, who ident.Actor, uuid string) (out []Act, err error) {
	if err := access.Check(who, "intake.read"); err != nil {
		return nil, err
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		r, err := s.seenTx(ctx, tx, who, uuid)
		if err != nil {
			return err
		}
		rows, err := actsOf(ctx, tx, r.ID)
		for _, a := range rows {
			out = append(out, Act{ID: a.id, At: at(a.at), Author: a.author, Verb: a.verb, Was: a.was, Now: a.now, Undone: a.undone, Undoes: a.undoes})
		}
		return err
	})
	return out, err
}

// Undo takes the newest step of a report's triage back: everything stands as before
// it, links to cases and copies at other CERTs included. Steps are undone in reverse
// order, one by one, without a limit of time. Needs intake.triage. Faults: Conflict
// when there is nothing to undo or another CERT has decided meanwhile.
func (s *Service) Undo(ctx context.Context, who ident.Actor, uuid string, version int64) (r Report, err error) {
	if err := mayTriage(who); err != nil {
		return r, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if r, err = s.seenTx(ctx, tx, who, uuid); err != nil {
			return err
		}
		if r.stale(version) {
			return changed(&r)
		}
		last, found, err := lastAct(ctx, tx, r.ID)
		if err != nil {
			return err
		}
		if !found {
			return fault.New(fault.Conflict, "nothing to undo at report %d", r.ID).WithKey("intake.fault.nothing")
		}
		return s.undoTx(ctx, tx, who, &r, last)
	})
	return r, err
}

func (s *Service) undoTx(ctx context.Context, tx *store.Tx, who ident.Actor, r *Report, a actRow) error {
	if a.now.Case != 0 && a.was.Case == 0 {
		if s.Cases == nil {
			return fault.New(fault.Unavailable, "no room for cases is wired").WithKey("intake.fault.nocases")
		}
		if err := s.Cases.UnlinkReportTx(ctx, tx, who, a.now.Case, r.ID); err != nil {
			return err
		}
	}
	if a.now.HandedReport != 0 && a.was.HandedReport == 0 {
		if err := s.withdrawCopy(ctx, tx, who, a.now.HandedReport); err != nil {
			return err
		}
	}
	was := r.Triage
	r.Triage = a.was
	// the clock's own act stays: the reporter was told, and cannot be untold
	if r.State == Incoming && !r.Acked.IsZero() {
		r.State = Acknowledged
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	if err := markUndone(ctx, tx, a.id); err != nil {
		return err
	}
	undo := actRow{id: s.DB.NewID(), report: r.ID, at: now, person: who.Person, author: who.Name, verb: "undo", was: was, now: r.Triage, undoes: a.id, undone: true}
	if err := insertAct(ctx, tx, undo); err != nil {
		return err
	}
	if err := s.save(ctx, tx, r, was); err != nil {
		return err
	}
	return s.record(ctx, tx, who, "report.undo", r, map[string]any{"verb": a.verb})
}
