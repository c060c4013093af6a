package incident

import (
	"context"
	"fmt"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Shift is one of the three of a day (I 7–15, II 15–23, III 23–7, Belgrade time).
type Shift struct {
	Day  string // on which it began
	No   int    // 1 to 3
	From time.Time
	To   time.Time
}

// Key names the shift: 2026-11-22/1.
func (x Shift) Key() string { return fmt.Sprintf("%s/%d", x.Day, x.No) }

// ShiftAt gives the shift of a moment.
func ShiftAt(t time.Time) Shift {
	t = t.In(i18n.Belgrade)
	day := func(add int) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day()+add, 0, 0, 0, 0, i18n.Belgrade)
	}
	at := func(d time.Time, h int) time.Time {
		return time.Date(d.Year(), d.Month(), d.Day(), h, 0, 0, 0, i18n.Belgrade)
	}
	switch h := t.Hour(); {
	case h < 7:
		d := day(-1)
		return Shift{d.Format(time.DateOnly), 3, at(d, 23), at(day(0), 7)}
	case h < 15:
		return Shift{t.Format(time.DateOnly), 1, at(day(0), 7), at(day(0), 15)}
	case h < 23:
		return Shift{t.Format(time.DateOnly), 2, at(day(0), 15), at(day(0), 23)}
	}
	return Shift{t.Format(time.DateOnly), 3, at(day(0), 23), at(day(1), 7)}
}

// HandoverLine is a line of the hand-over, or (Taken) that somebody took over.
type HandoverLine struct {
	UUID   string
	Taken  bool
	Shift  string
	Body   string
	Author string
	At     int64
	DoneAt int64
	DoneBy string
}

// Handover gives what the team's shifts left each other: open lines, and all of
// the last two days, newest first.
func (s *Service) Handover(ctx context.Context, who ident.Actor) (out []HandoverLine, err error) {
	if err := access.Check(who, "incident.read"); err != nil {
		return nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		out, err = store.All(ctx, tx, func(r store.Scanner) (l HandoverLine, err error) {
			var kind string
			err = r.Scan(&l.UUID, &kind, &l.Shift, &l.Body, &l.Author, &l.At, &l.DoneAt, &l.DoneBy)
			l.Taken = kind == "taken"
			return
		}, handovers(who), who.CERT, now-(48*time.Hour).Microseconds())
		return err
	})
	return out, err
}

// LeaveLine writes a line of the running shift's hand-over.
func (s *Service) LeaveLine(ctx context.Context, who ident.Actor, body string) error {
	var c fault.Collector
	body = text(&c, "body", body, 1000, true)
	if err := c.Err("handover"); err != nil {
		return err
	}
	return s.handover(ctx, who, "line", body)
}

// TakeShift notes that who takes the running shift over: it binds a person.
func (s *Service) TakeShift(ctx context.Context, who ident.Actor) error {
	return s.handover(ctx, who, "taken", "")
}

func (s *Service) handover(ctx context.Context, who ident.Actor, kind, body string) error {
	if err := access.Check(who, "incident.write"); err != nil {
		return err
	}
	if who.CERT == 0 {
		return fault.New(fault.Denied, "%s is on no team", who).WithKey("fault.denied")
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		audience, err := access.InternTx(ctx, tx, access.Audience{CERT: who.CERT, Owner: who.CERT, Level: access.LevelTeam})
		if err != nil {
			return err
		}
		shift := ShiftAt(clock.FromMicros(now)).Key()
		id := s.d.DB.NewID()
		if _, err := tx.Exec(ctx, putHandover, id, s.d.DB.NewUUID(), who.CERT, audience, kind, shift, body, who.Person, nameOf(who), now); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "shift."+kind, audit.Thing{Kind: "shift", ID: id, Label: shift}, nil)
	})
}

// TickLine ticks a line (by its UUID) off, or puts it back.
func (s *Service) TickLine(ctx context.Context, who ident.Actor, line string, done bool) error {
	if err := access.Check(who, "incident.write"); err != nil {
		return err
	}
	uuid, ok := store.ParseUUID(line)
	if !ok {
		return missing("line")
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		at, by := int64(0), ""
		if done {
			now, err := store.Now(ctx, tx)
			if err != nil {
				return err
			}
			at, by = now, nameOf(who)
		}
		id, err := store.Int64(ctx, tx, tickOff, uuid, who.CERT, at, by)
		if err == nil && id == 0 {
			err = missing("line")
		}
		if err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "shift.tick", audit.Thing{Kind: "shift", ID: id}, map[string]any{"done": done})
	})
}
