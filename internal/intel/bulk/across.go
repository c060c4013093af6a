package bulk

import (
	"context"
	"slices"
	"strconv"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Change is what an act over several events does: one of the three.
type Change struct {
	Tag   string // is put on
	ToIDS *bool  // for detection, or not
	Sight *int   // kind of a sighting of the own organisation
}

// ChangeAcross does one act on attributes with these ids, in whichever events they stand,
// one transaction for each event. One that the caller does not see is left out and not
// counted; one that they see and may not change is counted with the reason. What was done
// in other events before a fault stands, and is in the act. Who may: intel.write; for the
// tag misp.tagger; the right to edit each event, except for sightings. Faults: Denied,
// Invalid for more than intel.BulkMost ids.
func (s *Service) ChangeAcross(ctx context.Context, who ident.Actor, ids []int64, c Change) (Act, error) {
	a := s.act(who, 0, Across, Ask{Tag: c.Tag})
	a.State = Done
	if err := intel.MayWrite(who); err != nil {
		return a, err
	}
	list, err := s.d.Intel.Among(ctx, who, ids)
	if err != nil || len(list) == 0 {
		return a, err
	}
	if c.Sight != nil {
		return a, s.sight(ctx, who, &a, list, *c.Sight)
	}
	var events []int64
	in := map[int64][]int64{}
	for i := range list {
		event := list[i].EventID
		if in[event] == nil {
			events = append(events, event)
		}
		in[event] = append(in[event], list[i].ID)
	}
	for _, event := range events {
		if err := s.part(ctx, who, &a, event, in[event], c); err != nil {
			return a, err
		}
	}
	return a, nil
}

// part does an act's part in one event, and notes it in the same transaction.
func (s *Service) part(ctx context.Context, who ident.Actor, a *Act, event int64, ids []int64, c Change) error {
	next := *a
	p := intel.Piece{Also: func(ctx context.Context, tx *store.Tx, b intel.Bulk) error {
		next = *a
		next.Result.Add(b)
		if b.At == 0 {
			return nil
		}
		next.Result.Parts = append(slices.Clone(a.Result.Parts), Part{event, b.At, b.Changed})
		return s.keep(ctx, tx, a, &next)
	}}
	var err error
	if ref := strconv.FormatInt(event, 10); c.ToIDS != nil {
		_, err = s.d.Intel.EditPiece(ctx, who, ref, ids, misp.Attribute{ToIDS: misp.B(*c.ToIDS)}, p)
	} else {
		_, err = s.d.Intel.TagPiece(ctx, who, ref, ids, c.Tag, p)
	}
	if reason := foreign(err); reason != "" {
		a.Result.Leave(reason, len(ids))
		return nil
	}
	if err == nil {
		*a = next
	}
	return err
}

// foreign is the reason for which one event takes no change, "" for what stops the act.
func foreign(err error) string {
	switch f := fault.Of(err); {
	case err == nil || f == nil:
	case f.Kind == fault.NotFound: // withdrawn since it was read
		return intel.LeftGone
	case f.Kind == fault.Denied && f.Key == "intel.fault.foreign":
		return intel.LeftForeign
	case f.Kind == fault.Denied && f.Key == intel.KeyProtected:
		return intel.LeftProtected
	}
	return ""
}

// keep writes an act over several events, which its first part makes.
func (s *Service) keep(ctx context.Context, tx *store.Tx, was, is *Act) error {
	if was.UUID != "" {
		return change(ctx, tx, Done, 0, is)
	}
	is.UUID = s.d.DB.NewUUID()
	return insert(ctx, tx, is)
}

// sight says that all were met, or that they were false alarms.
func (s *Service) sight(ctx context.Context, who ident.Actor, a *Act, list []intel.Attribute, kind int) error {
	gone := len(list)
	list = slices.DeleteFunc(list, func(x intel.Attribute) bool { return x.Deleted })
	if gone -= len(list); gone > 0 {
		a.Result.Leave(intel.LeftGone, gone)
	}
	if len(list) == 0 {
		return nil
	}
	next := *a
	_, err := s.d.Intel.SightAttributes(ctx, who, list, intel.Sighting{Kind: kind}, func(ctx context.Context, tx *store.Tx, made []int64) error {
		next = *a
		next.Result.Sightings, next.Result.Changed = made, len(made)
		return s.keep(ctx, tx, a, &next)
	})
	if err == nil {
		*a = next
	}
	return err
}

// UndoAcross takes an act over several events back, each part by its event's rights of now.
// What was worked on since, and what is not the caller's to change any more, stays and is
// counted. Faults: NotFound for anybody else's; Conflict when it was taken back.
func (s *Service) UndoAcross(ctx context.Context, who ident.Actor, ref string) (b intel.Bulk, err error) {
	a, err := s.Act(ctx, who, ref)
	if err != nil {
		return b, err
	}
	if a.Kind != Across || a.State != Done {
		return b, tooLate()
	}
	if len(a.Result.Sightings) > 0 {
		return s.unsight(ctx, who, &a)
	}
	for _, p := range a.Result.Parts {
		back, err := s.d.Intel.UndoAttributes(ctx, who, strconv.FormatInt(p.Event, 10), p.At)
		reason := foreign(err)
		if reason == "" && err != nil {
			return b, err
		}
		if b.Add(back); reason != "" {
			b.Leave(reason, p.Changed)
		}
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error { return s.undone(ctx, tx, who, &a) })
	return b, err
}

func (s *Service) unsight(ctx context.Context, who ident.Actor, a *Act) (b intel.Bulk, err error) {
	gone, left, err := s.d.Intel.TakeSightings(ctx, who, a.Result.Sightings, func(ctx context.Context, tx *store.Tx, _, _ int) error { return s.undone(ctx, tx, who, a) })
	if b.Changed = gone; left > 0 {
		b.Leave(intel.LeftGone, left)
	}
	return b, err
}

// undone notes that an act was taken back; a second one at the same time finds it so.
func (s *Service) undone(ctx context.Context, tx *store.Tx, who ident.Actor, a *Act) error {
	next := *a
	next.State = Undone
	if err := change(ctx, tx, Done, a.after, &next); err != nil {
		return late(err)
	}
	return s.d.Audit.Record(ctx, tx, who, "bulk.undo", audit.Thing{Kind: "bulk", ID: a.ID, Label: a.UUID}, nil)
}
