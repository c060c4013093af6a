package erasure

import (
	"context"

	"straza/internal/craft/thread"
	"straza/internal/incident"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/blob"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Deps are what the chamber stands on.
type Deps struct {
	DB      *store.DB
	Audit   *audit.Log
	Blobs   *blob.Store
	Threads *thread.Desk
	Cases   *incident.Service
}

// Service is the chamber's door.
type Service struct{ d Deps }

// New makes the Service.
func New(d Deps) *Service { return &Service{d} }

// Retention: of a case that has been closed for the length of the class, and of its own
// retention class where that is longer, every text, name, letter and file goes; number,
// moments, classification, severity and counts stay for the statistics. Shift notes that
// were ticked off go by their own age. A case goes in one transaction, so that a run that
// is stopped leaves whole cases and the next one goes on.
func (s *Service) Retention() []access.Term {
	return []access.Term{{Class: "case", Erase: s.erase}, access.Erasing(s.d.DB, "case", eraseHandovers)}
}

// expired is a case that may go.
type expired struct {
	access.Held
	keep string // retention class
}

func (s *Service) erase(ctx context.Context, who ident.Actor, w access.Sweep) (n int64, err error) {
	var due []expired
	err = s.d.DB.View(ctx, func(tx *store.Tx) error { due, err = s.expiredTx(ctx, tx, who, w, 0); return err })
	if err != nil {
		return 0, err
	}
	for _, c := range due {
		if w.Dry {
			w.Takes(c.Held)
			n++
			continue
		}
		err := s.d.DB.Update(ctx, func(tx *store.Tx) error {
			if err := s.d.Cases.LockTx(ctx, tx, who, c.ID); err != nil {
				return err
			}
			still, err := s.expiredTx(ctx, tx, who, w, c.ID) // it may have been reopened since
			if err != nil || len(still) == 0 {
				return err
			}
			n++
			return s.eraseTx(ctx, tx, who, w, still[0])
		}, store.InLane(store.Jobs))
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// expiredTx lists the cases that are due and that no hold keeps: neither one on the case,
// nor on one that was merged into it, nor on a report that belongs to it. only = one case.
func (s *Service) expiredTx(ctx context.Context, tx *store.Tx, who ident.Actor, w access.Sweep, only int64) ([]expired, error) {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return nil, err
	}
	list, err := store.All(ctx, tx, scanExpired, expiredCases, w.Before, only)
	if err != nil {
		return nil, err
	}
	kept := map[int64]bool{}
	for ref := range w.Kept {
		ids, err := store.All(ctx, tx, store.ScanInt64, casesOfHold, ref)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			kept[id] = true
		}
	}
	days := s.d.Cases.Book(ctx, who).Days
	var out []expired
	for _, c := range list {
		if !kept[c.ID] && dueByClass(c.At, days[c.keep], now) {
			out = append(out, c)
		}
	}
	return out, nil
}

const day = int64(24 * 3600 * 1_000_000)

// dueByClass: a case's own retention class may keep it longer than the term, never
// shorter.
func dueByClass(closed int64, days int, now int64) bool { return closed+int64(days)*day <= now }

// eraseTx takes the texts out of a case and of those that were merged into it.
func (s *Service) eraseTx(ctx context.Context, tx *store.Tx, who ident.Actor, w access.Sweep, c expired) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	blobs, err := store.All(ctx, tx, store.ScanString, blobsOf, c.ID)
	if err != nil {
		return err
	}
	for _, name := range blobs {
		if err := s.d.Blobs.ForgetTx(ctx, tx, name); err != nil {
			return err
		}
	}
	threads, err := store.All(ctx, tx, store.ScanInt64, threadsOfCase, c.ID)
	if err != nil {
		return err
	}
	if err := s.d.Threads.EraseTx(ctx, tx, threads); err != nil {
		return err
	}
	if err := s.custodyEnds(ctx, tx, who, c.ID, now); err != nil {
		return err
	}
	for _, text := range eraseCase {
		if _, err := tx.Exec(ctx, text, c.ID); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, markErased, c.ID, now); err != nil {
		return err
	}
	family, err := store.All(ctx, tx, store.ScanInt64, familyOf, c.ID)
	if err != nil {
		return err
	}
	for _, id := range family {
		if err := s.d.Cases.WordsTx(ctx, tx, who, id); err != nil {
			return err
		}
	}
	if err := s.d.Audit.Record(ctx, tx, who, "case.erase", audit.Thing{Kind: "case", ID: c.ID, Label: c.Label},
		map[string]any{"cases": len(family), "files": len(blobs), "threads": len(threads)}); err != nil {
		return err
	}
	return w.NoteTx(ctx, tx, 1)
}

// custodyEnds writes the last line of each evidence's chain.
func (s *Service) custodyEnds(ctx context.Context, tx *store.Tx, who ident.Actor, id, now int64) error {
	list, err := store.All(ctx, tx, store.ScanInt64, proofsHere, id)
	for _, v := range list {
		if err == nil {
			_, err = tx.Exec(ctx, lastCustody, s.d.DB.NewID(), v, now, who.Person, who.String())
		}
	}
	return err
}
