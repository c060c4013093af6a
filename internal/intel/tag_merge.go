package intel

import (
	"context"
	"strings"
	"time"

	"straza/internal/catalog"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// jobMerge goes on with a merging that is too large for one transaction.
const jobMerge = "intel.merge-tag"

// mergePiece is how many uses of a tag are moved in one transaction.
const mergePiece = 2_000

// merging is what the job of one merging needs to know.
type merging struct{ ID, From, Into, Person, Org int64 }

// Merged tells how a merging stands: what is merged into what, and whether the tag is gone.
type Merged struct {
	ID         int64 // names it for UndoMerge
	From, Into Tag
	Done       bool
}

// checkMerge says why one tag may not be merged into another; nil when it may. Labels
// steer who may receive an event and are set event by event; common vocabulary (clusters,
// taxonomies) is not ours to take away; and what did not leave the house or was kept for
// somebody must not begin to. Pure.
func checkMerge(from, into Tag, vocabulary bool) error {
	key := ""
	switch {
	case from.ID == into.ID:
		key = "intel.fault.merge.same"
	case isLabel(from.Name) || isLabel(into.Name):
		key = "intel.fault.merge.label"
	case from.Galaxy() || vocabulary:
		key = "intel.fault.merge.vocabulary"
	case widerTag(from, into):
		key = "intel.fault.merge.wider"
	}
	if key == "" {
		return nil
	}
	return fault.Field("into", key, "tag %d may not be merged into %d", from.ID, into.ID)
}

// widerTag tells whether what one tag stood on would be told further under another. Pure.
func widerTag(from, into Tag) bool {
	return !from.Exportable && into.Exportable || from.Hidden && !into.Hidden || from.LocalOnly != into.LocalOnly || into.Org != from.Org || into.User != from.User
}

// CanMerge reads both tags, by id or exact name, and tells whether the first may be merged
// into the second: for the page before it is pressed. Who may: who may delete the first.
// Faults: NotFound, Denied, Invalid "into".
func (s *Service) CanMerge(ctx context.Context, who ident.Actor, from, into string, entries func(taxonomy string) ([]catalog.Entry, error)) (m Merged, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		m, err = readMerge(ctx, tx, who, from, into)
		return err
	})
	if err != nil {
		return m, err
	}
	vocabulary, err := inTaxonomy(m.From.Name, entries)
	if err != nil {
		return m, err
	}
	return m, checkMerge(m.From, m.Into, vocabulary)
}

func readMerge(ctx context.Context, tx *store.Tx, who ident.Actor, from, into string) (m Merged, err error) {
	if err := mayTagEdit(who); err != nil {
		return m, err
	}
	if m.From, err = readTag(ctx, tx, who, from); err != nil {
		return m, err
	}
	if !isLabel(m.From.Name) { // of a label the rules say more
		if err := mayChangeTag(ctx, tx, who, m.From, false); err != nil {
			return m, err
		}
	}
	if m.Into, err = readTag(ctx, tx, who, into); fault.Is(err, fault.NotFound) {
		err = fault.Field("into", "intel.fault.no-tag", "no such tag")
	}
	return m, err
}

// inTaxonomy tells whether a tag is one that a taxonomy here lists.
func inTaxonomy(name string, entries func(taxonomy string) ([]catalog.Entry, error)) (bool, error) {
	space, _, ok := strings.Cut(name, ":")
	if !ok || entries == nil {
		return false, nil
	}
	list, err := entries(space)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	for _, e := range list {
		if strings.EqualFold(e.Tag, name) {
			return true, err
		}
	}
	return false, err
}

// MergeTag puts one tag into the place of another wherever that stands, favourites too,
// and deletes the other. Where both stand, the one that stays keeps what it says there
// (local or not). No event counts as changed by it, as when a tag is renamed; the old tag
// stands in the versions of each event. The first piece is moved at once, with the audit
// line; a job moves the rest, and Done is false. What was moved is kept for MergeKept, so
// that UndoMerge puts it back. Who may, faults: as CanMerge.
func (s *Service) MergeTag(ctx context.Context, who ident.Actor, from, into string, entries func(taxonomy string) ([]catalog.Entry, error)) (Merged, error) {
	m, err := s.CanMerge(ctx, who, from, into, entries)
	if err != nil {
		return m, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if m, err = readMerge(ctx, tx, who, itoa(m.From.ID), itoa(m.Into.ID)); err != nil { // as they are now
			return err
		}
		if err := checkMerge(m.From, m.Into, false); err != nil {
			return err
		}
		n, err := store.Int64(ctx, tx, usesOfTag, m.From.ID)
		if err != nil {
			return err
		}
		if err := s.log.Record(ctx, tx, who, "tag.merge", audit.Thing{Kind: "tag", ID: m.From.ID, Label: m.From.Name}, map[string]any{"into": m.Into.ID, "uses": n}); err != nil {
			return err
		}
		x := merging{s.db.NewID(), m.From.ID, m.Into.ID, who.Person, who.Org}
		if m.ID, err = x.ID, noteMerge(ctx, tx, x, n); err != nil {
			return err
		}
		if m.Done, err = moveUses(ctx, tx, x); err != nil || m.Done {
			return err
		}
		return jobs.Enqueue(ctx, tx, jobs.Job{Kind: jobMerge, Key: itoa(x.ID), Payload: x})
	})
	return m, err
}

// mergeJob moves piece after piece; a piece that was moved stays moved.
func (s *Service) mergeJob() jobs.Def { return s.pieces(jobMerge, moveUses) }

// pieces is a job that does one piece of a merging in a transaction until done.
func (s *Service) pieces(kind string, piece func(context.Context, *store.Tx, merging) (bool, error)) jobs.Def {
	return jobs.Def{Kind: kind, Timeout: 30 * time.Minute, Run: func(ctx context.Context, t *jobs.Task) error {
		var x merging
		if err := t.Decode(&x); err != nil {
			return err
		}
		for done := false; !done; {
			err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
				done, err = piece(ctx, tx, x)
				return err
			}, store.InLane(store.Jobs))
			if err != nil {
				return err
			}
		}
		return nil
	}}
}
