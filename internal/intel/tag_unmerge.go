package intel

import (
	"context"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

const (
	// jobUnmerge goes on with an undo that is too large for one transaction.
	jobUnmerge = "intel.unmerge-tag"
	// jobMergeOld forgets how mergings are taken back.
	jobMergeOld = "intel.forget-merges"
)

// MergeKept is how long a merging can be taken back.
const MergeKept = 30 * 24 * time.Hour

// How a merging stands.
const (
	Merging  = "merging" // a job moves what is left
	IsMerged = "merged"
	Undoing  = "undoing" // a job puts back what is left
	Undone   = "undone"
)

// PastMerge is a merging that the caller may take back, or has.
type PastMerge struct {
	ID      int64
	Name    string // of the tag that went
	Into    int64  // the tag that stays
	State   string
	At      int64 // µs
	Percent int   // of what is under way
	Left    int64 // uses that were changed since and did not go back, as far as the caller sees them

	tag         Tag // as it was
	uses        int64
	person, org int64
}

// mine: a merging is taken back by who did it, and by colleagues of the same organisation
// who keep the vocabulary; to others it is not there. Pure.
func (m *PastMerge) mine(who ident.Actor) bool {
	return who.Person != 0 && m.person == who.Person || who.Org != 0 && m.org == who.Org && access.Allowed(who, "catalog.write")
}

// MergesInto lists, newest first, what was merged into a tag and the caller may take back,
// or has. Who may: misp.tag_editor. Faults: NotFound, Denied.
func (s *Service) MergesInto(ctx context.Context, who ident.Actor, ref string) (out []PastMerge, err error) {
	if err := mayTagEdit(who); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out = nil
		t, err := readTag(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		list, err := store.All(ctx, tx, scanMerge, mergesInto, t.ID)
		for _, m := range list {
			if err != nil || !m.mine(who) {
				continue
			}
			if err = m.stands(ctx, tx, who); err == nil {
				out = append(out, m)
			}
		}
		return err
	})
	return out, err
}

// UndoMerge takes a merging back, also one that is under way: the tag is there again as it
// was, under the same id, and stands where it stood; favourites too. Where somebody took
// the other tag off since, put it on anew, or put the old one on again, nothing is done,
// and it is counted. A tag that has got the name since takes its place, when it tells
// nobody more. No event counts as changed. The first piece goes back at once, with the
// audit line; a job does the rest, and the state is Undoing. Who may: misp.tag_editor, who
// did it, and colleagues who keep the vocabulary. Faults: Denied; NotFound; Conflict when
// it was taken back, the other tag is gone, or the name is another's.
func (s *Service) UndoMerge(ctx context.Context, who ident.Actor, id int64) (m PastMerge, err error) {
	if err := mayTagEdit(who); err != nil {
		return m, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		var here bool
		if m, here, err = store.First(ctx, tx, scanMerge, mergeByID, id); err != nil {
			return err
		}
		if !here || !m.mine(who) {
			return fault.New(fault.NotFound, "no merging %d", id)
		}
		if m.State == Undoing || m.State == Undone {
			return fault.New(fault.Conflict, "merging %d was taken back", id).WithKey("intel.fault.unmerge.done")
		}
		if _, here, err = store.First(ctx, tx, scanTag, tagByID, m.Into); err != nil || !here {
			return orNot(err, fault.New(fault.Conflict, "tag %d is gone", m.Into).WithKey("intel.fault.unmerge.into"))
		}
		to, err := m.restore(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, beginUndo, id, Undoing, to); err != nil {
			return err
		}
		if err := s.log.Record(ctx, tx, who, "tag.unmerge", audit.Thing{Kind: "tag", ID: to, Label: m.Name}, map[string]any{"from": m.Into, "uses": m.uses}); err != nil {
			return err
		}
		x := merging{id, to, m.Into, who.Person, who.Org}
		done, err := putBack(ctx, tx, x)
		if m.State = Undone; err == nil && !done {
			m.State = Undoing
			err = jobs.Enqueue(ctx, tx, jobs.Job{Kind: jobUnmerge, Key: itoa(id), Payload: x})
		}
		if err != nil {
			return err
		}
		return m.stands(ctx, tx, who)
	})
	return m, err
}

func unmergeTaken(tag int64) error {
	return fault.New(fault.Conflict, "tag %d has the name since", tag).WithKey("intel.fault.unmerge.taken")
}

// unmergeJobs put back piece after piece, and forget what is too old to be taken back.
func (s *Service) unmergeJobs() []jobs.Def {
	return []jobs.Def{s.pieces(jobUnmerge, putBack), {Kind: jobMergeOld, Every: 24 * time.Hour, Timeout: 30 * time.Minute, Run: func(ctx context.Context, _ *jobs.Task) error {
		for done := false; !done; {
			err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
				now, err := store.Now(ctx, tx)
				if err == nil {
					done, err = forgetMerges(ctx, tx, now-MergeKept.Microseconds())
				}
				return err
			}, store.InLane(store.Jobs))
			if err != nil {
				return err
			}
		}
		return nil
	}}}
}
