package intake

import (
	"context"
	"slices"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// MaxBulk caps what one press may touch: a page of the list.
const MaxBulk = 200

// Bulk is what one press did to several reports. ID takes it back as a whole; 0 when
// nothing was done. Left counts those where it could not be done.
type Bulk struct {
	ID         int64
	Done, Left int64
}

// TakeAll takes several reports, by number or UUID; those that are the caller's already
// are left. Needs intake.triage. All or, when one of them is not there for who, none.
func (s *Service) TakeAll(ctx context.Context, who ident.Actor, refs []string) (Bulk, error) {
	return s.bulk(ctx, who, refs, func(_ []Report, r *Report) (act, bool) {
		return takeAct(who), r.Assignee != who.Person
	})
}

// JoinAll marks reports as duplicates of the one among them that came first; those that
// are decided are left. Needs intake.triage.
func (s *Service) JoinAll(ctx context.Context, who ident.Actor, refs []string) (Bulk, error) {
	return s.bulk(ctx, who, refs, func(all []Report, r *Report) (act, bool) {
		return s.duplicateAct(who, r.Version, all[0].Number), r.State.Open()
	}, 1)
}

// bulk does an act on reports, oldest first, in one transaction; the first skip of them
// are only looked at.
func (s *Service) bulk(ctx context.Context, who ident.Actor, refs []string, on func(all []Report, r *Report) (act, bool), skip ...int) (b Bulk, err error) {
	if err := mayTriage(who); err != nil {
		return b, err
	}
	if len(refs) > MaxBulk {
		return b, fault.Field("id", "web.error.form", "at most %d reports at a time", MaxBulk)
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		b = Bulk{ID: s.DB.NewID()} // again from the beginning when the transaction is retried
		var all []Report
		for _, ref := range refs {
			r, err := s.seenTx(ctx, tx, who, ref)
			if err != nil {
				return err
			}
			if !slices.ContainsFunc(all, func(x Report) bool { return x.ID == r.ID }) {
				all = append(all, r)
			}
		}
		slices.SortFunc(all, func(a, b Report) int { return a.Received.Compare(b.Received) })
		for i := range all {
			if len(skip) > 0 && i < skip[0] {
				continue
			}
			a, may := on(all, &all[i])
			if !may {
				b.Left++
				continue
			}
			a.bulk = b.ID
			if err := s.tryTx(ctx, tx, who, &all[i], a); fault.Is(err, fault.Conflict) {
				b.Left++
			} else if err != nil {
				return err
			} else {
				b.Done++
			}
		}
		return nil
	})
	if b.Done == 0 {
		b.ID = 0
	}
	return b, err
}

// tryTx is apply for one of many: what the act itself refuses is asked on a copy, before
// anything is written.
func (s *Service) tryTx(ctx context.Context, tx *store.Tx, who ident.Actor, r *Report, a act) error {
	probe := *r
	if _, err := a.change(ctx, tx, &probe); err != nil {
		return err
	}
	return s.apply(ctx, tx, who, r, a)
}

// UndoBulk takes back what one press did: of each report the step that belongs to it,
// unless something else was done there since. Left counts those; they stay as they are.
// Needs intake.triage. Faults: NotFound for a press that is not there for who; Conflict
// when nothing of it can be taken back any more.
func (s *Service) UndoBulk(ctx context.Context, who ident.Actor, id int64) (b Bulk, err error) {
	if err := mayTriage(who); err != nil {
		return b, err
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		b = Bulk{ID: id}
		acts, err := actsOfBulk(ctx, tx, who, id)
		if err != nil {
			return err
		}
		if len(acts) == 0 {
			return fault.New(fault.NotFound, "bulk act %d", id)
		}
		for _, a := range acts {
			if err := s.undoOneTx(ctx, tx, who, a, &b); err != nil {
				return err
			}
		}
		if b.Done == 0 {
			return fault.New(fault.Conflict, "nothing of bulk act %d can be undone", id).WithKey("intake.fault.nothing")
		}
		return nil
	})
	return b, err
}

func (s *Service) undoOneTx(ctx context.Context, tx *store.Tx, who ident.Actor, a actRow, b *Bulk) error {
	r, found, err := reportByID(ctx, tx, a.report)
	if err != nil || !found {
		return err
	}
	last, found, err := lastAct(ctx, tx, a.report)
	switch {
	case err != nil:
		return err
	case a.undone, !found, last.id != a.id:
		b.Left++
		return nil
	}
	b.Done++
	return s.undoTx(ctx, tx, who, &r, last)
}
