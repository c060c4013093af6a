package intel

import (
	"context"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Report reads one report by id or UUID, softly deleted ones too, with its
// event's header. Faults: NotFound, also when the event may not be seen.
func (s *Service) Report(ctx context.Context, who ident.Actor, ref string) (r Report, e Event, err error) {
	if err := mayRead(who); err != nil {
		return r, e, err
	}
	err = s.view(ctx, who, "report.view", audit.Thing{Kind: "report", Label: ref}, func(tx *store.Tx) error {
		if r, err = readReport(ctx, tx, who, ref); err != nil {
			return err
		}
		e, err = readEvent(ctx, tx, who, itoa(r.EventID))
		return err
	})
	return r, e, err
}

// AddReport adds a report to an event. Who may: the right to edit the event.
// Faults: NotFound, Denied, Invalid on name or uuid.
func (s *Service) AddReport(ctx context.Context, who ident.Actor, event string, w misp.EventReport) (Report, error) {
	uuid, ok := uuidOr(s.db, w.UUID)
	if !ok {
		return Report{}, fault.Field("uuid", "intel.fault.uuid", "no uuid")
	}
	r := Report{ID: s.db.NewID(), UUID: uuid, Name: strings.TrimSpace(w.Name.Or("")), Content: w.Content.Or(""),
		Distribution: Distribution(w.Distribution.Level(int64(OwnOrg))), Group: w.SharingGroupID.Or(0)}
	err := s.change(ctx, who, event, "report.add", func(tx *store.Tx, m *merge) error {
		if taken, err := known(ctx, tx, "intel_report", []string{uuid}); err != nil || len(taken) > 0 {
			return orNot(err, fault.Field("uuid", "intel.fault.uuid-taken", "%s", takenUUID))
		}
		r.EventID, r.Timestamp = m.l.event.ID, m.now/1e6
		m.l.came.take(r.ID)
		return m.putReport(ctx, tx, &r)
	})
	return r, err
}

// putReport checks and writes a report whose fields have changed.
func (m *merge) putReport(ctx context.Context, tx *store.Tx, r *Report) error {
	if r.Name == "" {
		return fault.Field("name", "intel.fault.name", "a report needs a name")
	}
	if !validDistribution(r.Distribution) {
		return fault.Field("distribution", "intel.fault.distribution", "unknown distribution %d", r.Distribution)
	}
	if err := m.l.aud.child(ctx, tx, &r.Distribution, &r.Group, &r.audience); err != nil {
		return err
	}
	m.changed = true
	_, err := writeReport(ctx, tx, *r)
	return err
}

// EditReport changes the fields that came. Faults: as AddReport; Conflict when
// the report here is newer.
func (s *Service) EditReport(ctx context.Context, who ident.Actor, ref string, w misp.EventReport) (Report, error) {
	return s.changeReport(ctx, who, ref, "report.edit", func(r *Report, now int64) error {
		if w.Timestamp.Given() && w.Timestamp.V <= r.Timestamp {
			return fault.New(fault.Conflict, "report %d is newer here", r.ID).WithKey(notNewerKey)
		}
		r.Name, r.Content = strings.TrimSpace(w.Name.Or(r.Name)), w.Content.Or(r.Content)
		r.Distribution = Distribution(w.Distribution.Level(int64(r.Distribution)))
		r.Group = w.SharingGroupID.Or(r.Group)
		r.Deleted = w.Deleted.Or(r.Deleted)
		r.Timestamp = w.Timestamp.Or(now)
		return nil
	})
}

// DeleteReport softly deletes a report or, with hard, removes it.
func (s *Service) DeleteReport(ctx context.Context, who ident.Actor, ref string, hard bool) error {
	if !hard {
		_, err := s.changeReport(ctx, who, ref, "report.delete", func(r *Report, now int64) error {
			r.Deleted, r.Timestamp = true, now
			return nil
		})
		return err
	}
	r, _, err := s.Report(ctx, who, ref)
	if err != nil {
		return err
	}
	return s.change(ctx, who, itoa(r.EventID), "report.delete", func(tx *store.Tx, m *merge) error {
		m.changed = true
		m.past.removed(ChangedReport, r.ID, r.UUID, r.audience, 0, "")
		return removeReport(ctx, tx, r.EventID, r.ID)
	})
}

// RestoreReport takes a soft deletion back.
func (s *Service) RestoreReport(ctx context.Context, who ident.Actor, ref string) (Report, error) {
	return s.changeReport(ctx, who, ref, "report.restore", func(r *Report, now int64) error {
		r.Deleted, r.Timestamp = false, now
		return nil
	})
}

// changeReport loads the report that is changed, through its event, and writes it.
func (s *Service) changeReport(ctx context.Context, who ident.Actor, ref, verb string, fn func(r *Report, now int64) error) (r Report, err error) {
	seen, _, err := s.Report(ctx, who, ref)
	if err != nil {
		return r, err
	}
	err = s.change(ctx, who, itoa(seen.EventID), verb, func(tx *store.Tx, m *merge) error {
		if r, err = readReport(ctx, tx, who, itoa(seen.ID)); err != nil {
			return err
		}
		was := r
		if err := fn(&r, max(m.now/1e6, r.Timestamp+1)); err != nil {
			return err
		}
		if err := m.putReport(ctx, tx, &r); err != nil {
			return err
		}
		m.past.report(&was, &r)
		return nil
	})
	return r, err
}
