package incident

import (
	"context"
	"errors"

	"straza/internal/craft/export"
	"straza/internal/craft/thread"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Correspondence lists the threads that the team sees, in the order of the filter; the
// keyset is Keys of the last row. Faults: Invalid on "sort".
func (s *Service) Correspondence(ctx context.Context, who ident.Actor, f thread.Filter, p thread.Page) (out []thread.Thread, more bool, err error) {
	if err := access.Check(who, "incident.read"); err != nil {
		return nil, false, err
	}
	if out, more, err = s.d.Threads.List(ctx, who, f, p); err != nil {
		return nil, false, err
	}
	return out, more, s.d.DB.View(ctx, func(tx *store.Tx) error { return refer(ctx, tx, out) })
}

// refer tells threads the UUIDs of the parties that they hang on.
func refer(ctx context.Context, tx *store.Tx, list []thread.Thread) error {
	heads, err := partyHeads(ctx, tx, list)
	for i := range list {
		list[i].Ref = heads[list[i].Object].UUID
	}
	return err
}

// threadsMost is as far as the list of threads counts.
const threadsMost = 1000

// CountThreads counts what Correspondence would give; more = there are beyond 1,000.
func (s *Service) CountThreads(ctx context.Context, who ident.Actor, f thread.Filter) (n int64, more bool, err error) {
	if err := access.Check(who, "incident.read"); err != nil {
		return 0, false, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		return s.d.Threads.WalkTx(ctx, tx, who, f, thread.Page{}, func(thread.Thread) bool { n++; return n <= threadsMost })
	})
	return min(n, threadsMost), n > threadsMost, err
}

// ExportThreads gives all threads that a filter finds to each, with the label of their
// party's row, after begin was told how many: all of one snapshot. No message is among
// it. What leaves is recorded first.
func (s *Service) ExportThreads(ctx context.Context, who ident.Actor, f thread.Filter, begin func(export.Extent) error, each func(t thread.Thread, label string) error) error {
	if err := access.Check(who, "incident.read"); err != nil {
		return err
	}
	log := func(tx *store.Tx) error {
		return s.d.Audit.Record(ctx, tx, who, "thread.export", audit.Thing{Kind: "thread"}, nil)
	}
	return s.d.DB.MomentLogged(ctx, log, func(ctx context.Context, tx *store.Tx) error {
		var x export.Extent
		if err := s.labelled(ctx, tx, who, f, func(_ thread.Thread, l string) error { x.Add(export.Level(l), 1); return nil }); err != nil {
			return err
		}
		if err := begin(x); err != nil {
			return err
		}
		return s.labelled(ctx, tx, who, f, each)
	})
}

// labelBatch is how many threads are labelled with one statement.
const labelBatch = 200

func (s *Service) labelled(ctx context.Context, tx *store.Tx, who ident.Actor, f thread.Filter, each func(thread.Thread, string) error) error {
	var batch []thread.Thread
	flush := func() error {
		heads, err := partyHeads(ctx, tx, batch)
		for _, t := range batch {
			if err == nil {
				err = each(t, heads[t.Object].TLP)
			}
		}
		batch = batch[:0]
		return err
	}
	var err error
	werr := s.d.Threads.WalkTx(ctx, tx, who, f, thread.Page{}, func(t thread.Thread) bool {
		if batch = append(batch, t); len(batch) == labelBatch {
			err = flush()
		}
		return err == nil
	})
	if err := errors.Join(werr, err); err != nil {
		return err
	}
	return flush()
}
