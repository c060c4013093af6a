package upload

import (
	"context"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Brought pages through the events that an import stored and the caller still sees, by
// their number; after 0 begins. Faults: NotFound for anybody else's upload.
func (s *Service) Brought(ctx context.Context, who ident.Actor, ref string, after int64) (list []Brought, err error) {
	if err := mayUpload(who); err != nil {
		return nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		u, err := read(ctx, tx, who, ref)
		if err == nil {
			list, err = brought(ctx, tx, who, u.ID, after)
		}
		return err
	})
	return list, err
}

// Undo takes back the events that an import made, each that nobody has changed since; the
// others, and events that were here before, stay and are counted. Their UUIDs are free
// again: the file may be imported another time. Faults: NotFound; Conflict when nothing
// was imported or it was taken back.
func (s *Service) Undo(ctx context.Context, who ident.Actor, ref string) (u Upload, err error) {
	if u, err = s.Upload(ctx, who, ref); err != nil {
		return u, err
	}
	if u.State != Done {
		return u, tooLate()
	}
	gone, kept, after := int64(0), int64(0), int64(0)
	for {
		list, err := s.Brought(ctx, who, ref, after)
		if err != nil {
			return u, err
		}
		for _, b := range list {
			after = b.ID
			if !b.Created {
				continue
			}
			switch err := s.d.Intel.TakeOutEvent(ctx, who, b.UUID, b.stamp); fault.KindOf(err) {
			case "":
				gone++
			case fault.Conflict, fault.Denied, fault.NotFound:
				kept++
			default:
				return u, err
			}
		}
		if len(list) < 500 {
			break
		}
	}
	err = s.change(ctx, who, ref, Done, func(tx *store.Tx, now *Upload) error {
		now.State = Undone
		now.Result.Gone, now.Result.Kept = now.Result.Gone+gone, kept
		if kept > 0 { // may be tried again
			now.State = Done
		}
		u = *now
		return s.d.Audit.Record(ctx, tx, who, "upload.undo", audit.Thing{Kind: "upload", ID: now.ID, Label: now.UUID}, map[string]any{"events": gone, "kept": kept})
	})
	return u, err
}
