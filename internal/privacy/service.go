package privacy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// Source is a room that may hold something about somebody.
type Source interface {
	PersonalData(ctx context.Context, who ident.Actor, subject access.Subject) ([]access.Held, error)
}

// Deps are what the room stands on; Sources and Terms are the other rooms'.
type Deps struct {
	DB      *store.DB
	Audit   *audit.Log
	Sources []Source
	Terms   []access.Term
}

// Service is the room's door.
type Service struct {
	d          Deps
	columns    Columns
	categories []Category
}

// New makes the Service and reads the classification.
func New(d Deps) (*Service, error) {
	s := &Service{d: d}
	var err error
	if s.categories, err = parseCategories(); err != nil {
		return nil, err
	}
	s.columns, err = parseColumns(columnsText, s.categories)
	return s, err
}

// Entry is one line of the register of processing.
type Entry struct {
	Category
	Places []Place
	Days   int // in force today, or proposed; 0 = no erasure by time
	// Proposed: nobody has entered a term with its source yet, so nothing is erased.
	Proposed bool
	From     string
	Source   string
	Erased   bool // a room erases this class by itself
	Due      int64
}

// Register is the register of processing as of today, with what a run of the
// erasure would take now. Needs privacy.use; the command line may ask.
func (s *Service) Register(ctx context.Context, who ident.Actor) (out []Entry, err error) {
	if err := maySee(who); err != nil {
		return nil, err
	}
	var now int64
	var held map[string]bool
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		if now, err = store.Now(ctx, tx); err != nil {
			return err
		}
		if held, err = heldRefs(ctx, tx); err != nil {
			return err
		}
		for _, c := range s.categories {
			e := Entry{Category: c, Places: s.columns.places(c.Key), Days: c.Days}
			t, found, err := termOf(ctx, tx, c.Key, today(now))
			if err != nil {
				return err
			}
			if e.Proposed = !found && e.Days > 0; found {
				e.Days, e.From, e.Source = t.Days, t.From, t.Source
			}
			out = append(out, e)
		}
		return nil
	})
	for i := range out {
		for _, t := range s.d.Terms {
			if err != nil || t.Class != out[i].Key {
				continue
			}
			if out[i].Erased = true; out[i].Days > 0 {
				var n int64
				n, err = t.Erase(ctx, who, access.Sweep{Before: before(now, out[i].Days), Dry: true, Kept: held})
				out[i].Due += n
			}
		}
	}
	return out, err
}

func today(us int64) string { return clock.FromMicros(us).In(i18n.Belgrade).Format(time.DateOnly) }

func before(now int64, days int) int64 { return now - int64(days)*24*3600*1_000_000 }

// Search asks every room what it holds about an address. Needs privacy.use; the
// audit line, with the address's room counts and never the address, stands first.
func (s *Service) Search(ctx context.Context, who ident.Actor, email string) (out []access.Held, err error) {
	if err := access.MaySearch(who); err != nil {
		return nil, err
	}
	subject := access.Subject{Email: vault.NormalEmail(email)}
	if at := strings.IndexByte(subject.Email, '@'); at < 1 || at == len(subject.Email)-1 || len(subject.Email) > 254 {
		return nil, fault.Field("email", "privacy.fault.email", "no address")
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		return s.d.Audit.Record(ctx, tx, who, "privacy.search", audit.Thing{Kind: "subject"}, nil)
	})
	if err != nil {
		return nil, err
	}
	for _, room := range s.d.Sources {
		held, err := room.PersonalData(ctx, who, subject)
		if err != nil {
			return nil, err
		}
		out = append(out, held...)
	}
	return out, nil
}

// SetTerm enters how long a class is kept from a day on, with its source. Needs
// privacy.use. Faults: Invalid.
func (s *Service) SetTerm(ctx context.Context, who ident.Actor, t Term) error {
	if err := access.MaySearch(who); err != nil {
		return err
	}
	var c fault.Collector
	c.Require(slices.ContainsFunc(s.d.Terms, func(x access.Term) bool { return x.Class == t.Class }), "class", "privacy.fault.class")
	c.Require(t.Days >= 30 && t.Days <= 36500, "days", "privacy.fault.days")
	_, err := time.Parse(time.DateOnly, t.From)
	c.Require(err == nil, "from", "privacy.fault.from")
	t.Source = strings.TrimSpace(t.Source)
	c.Require(t.Source != "" && len([]rune(t.Source)) <= 300, "source", "privacy.fault.source")
	if err := c.Err("term"); err != nil {
		return err
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		id := s.d.DB.NewID()
		if err := addTerm(ctx, tx, id, who.Person, now, t); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "privacy.term", audit.Thing{Kind: "term", ID: id, Label: t.Class}, map[string]any{"days": t.Days, "from": t.From})
	})
}

// SetHold keeps a record (the number of a report or case, the UUID of an event or an
// organisation, a person's address) whatever its term; with lift it ends the hold. Needs privacy.use.
func (s *Service) SetHold(ctx context.Context, who ident.Actor, ref, reason string, lift bool) error {
	if err := access.MaySearch(who); err != nil {
		return err
	}
	ref, reason = strings.TrimSpace(ref), strings.TrimSpace(reason)
	var c fault.Collector
	c.Require(ref != "" && len(ref) <= 254, "ref", "privacy.fault.ref")
	c.Require(lift || reason != "" && len([]rune(reason)) <= 300, "reason", "privacy.fault.reason")
	if err := c.Err("hold"); err != nil {
		return err
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		verb := "privacy.hold"
		if lift {
			verb = "privacy.lift"
			err = liftHold(ctx, tx, ref, now)
		} else {
			err = addHold(ctx, tx, s.d.DB.NewID(), who.Person, now, ref, reason)
		}
		if err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, verb, audit.Thing{Kind: "hold"}, nil)
	})
}

// Holds lists the holds in force. Needs privacy.use.
func (s *Service) Holds(ctx context.Context, who ident.Actor) (out []Hold, err error) {
	if err := access.MaySearch(who); err != nil {
		return nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error { out, err = listHolds(ctx, tx); return err })
	return out, err
}

// Jobs is the nightly erasure.
func (s *Service) Jobs() []jobs.Def {
	return []jobs.Def{{Kind: "privacy.erase", Every: 24 * time.Hour, Timeout: time.Hour, Run: func(ctx context.Context, _ *jobs.Task) error {
		return s.erase(ctx)
	}}}
}

// erase lets every room take away what is due; what a transaction takes is counted and
// recorded in it. Only a term that somebody entered, with its source, erases anything:
// what is law here is not for a program to guess. A run that is stopped goes on with the
// next, and a room that fails keeps the others from nothing. After a restore, what was
// erased since the copy is due again, and goes when RestTx's time is over.
func (s *Service) erase(ctx context.Context) (failed error) {
	who := ident.SystemPart("privacy")
	if until, err := s.resting(ctx); err != nil || until > 0 {
		return err
	}
	for _, t := range s.d.Terms {
		var w access.Sweep
		var in Term
		var found bool
		err := s.d.DB.View(ctx, func(tx *store.Tx) (err error) { w, in, found, err = sweep(ctx, tx, t.Class); return err })
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		w.Note = func(ctx context.Context, tx *store.Tx, n int64) error { return s.noteTx(ctx, tx, who, in, n) }
		n, err := t.Erase(ctx, who, w)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("erasing %s: %w", t.Class, err))
		}
		if n > 0 {
			slog.Info("erased by term", "class", t.Class, "rows", n)
		}
	}
	return failed
}

// restsFor: less than a day, so that the next nightly run is the first that erases.
const (
	restsFor  = 20 * time.Hour
	restsFact = "privacy.rests"
)

// RestTx keeps the erasure from running for 20 hours: holds that were made after the copy
// that was restored are not in it, and have to be entered again first.
func (s *Service) RestTx(ctx context.Context, tx *store.Tx, _ ident.Actor) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	return store.SetFact(ctx, tx, restsFact, strconv.FormatInt(now+restsFor.Microseconds(), 10))
}

// Resting tells until when nothing is erased after a restore, 0 = it runs. Needs
// privacy.use; the command line may ask.
func (s *Service) Resting(ctx context.Context, who ident.Actor) (int64, error) {
	if err := maySee(who); err != nil {
		return 0, err
	}
	return s.resting(ctx)
}

func (s *Service) resting(ctx context.Context) (until int64, err error) {
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		said, err := store.Fact(ctx, tx, restsFact)
		if err != nil || said == "" {
			return err
		}
		now, err := store.Now(ctx, tx)
		if until, _ = strconv.ParseInt(said, 10, 64); until <= now {
			until = 0
		}
		return err
	})
	return until, err
}

// sweep is what the term in force of a class asks for; not found = none is entered.
func sweep(ctx context.Context, tx *store.Tx, class string) (w access.Sweep, in Term, found bool, err error) {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return w, in, false, err
	}
	if w.Kept, err = heldRefs(ctx, tx); err != nil {
		return w, in, false, err
	}
	in, found, err = termOf(ctx, tx, class, today(now))
	w.Before = before(now, in.Days)
	return w, in, found, err
}

func (s *Service) noteTx(ctx context.Context, tx *store.Tx, who ident.Actor, in Term, n int64) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	if err := addErasure(ctx, tx, s.d.DB.NewID(), now, Erasure{Class: in.Class, Day: today(now), Days: in.Days, Rows: n}); err != nil {
		return err
	}
	return s.d.Audit.Record(ctx, tx, who, "privacy.erase", audit.Thing{Kind: "term", Label: in.Class}, map[string]any{"rows": n, "days": in.Days})
}

// erasedMost is how many lines Erased and Due give.
const erasedMost = 200

// Erased tells what was erased by term, newest day first. Needs privacy.use; the command
// line may ask.
func (s *Service) Erased(ctx context.Context, who ident.Actor) (out []Erasure, err error) {
	if err := maySee(who); err != nil {
		return nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error { out, err = listErasures(ctx, tx, erasedMost); return err })
	return out, err
}

// Due is what a run of the erasure would take of a class now: the records by number,
// oldest first, at most 200, and how many there are. A class without a term has none.
// Needs privacy.use; the command line may ask. Faults: NotFound.
func (s *Service) Due(ctx context.Context, who ident.Actor, class string) (out []access.Held, n int64, err error) {
	if err := maySee(who); err != nil {
		return nil, 0, err
	}
	var w access.Sweep
	found, known := false, false
	err = s.d.DB.View(ctx, func(tx *store.Tx) (err error) { w, _, found, err = sweep(ctx, tx, class); return err })
	w.Dry = true
	w.Show = func(h access.Held) {
		if who.Kind == ident.Operator && strings.Contains(h.Label, "@") { // an account goes by its address
			h.Label = strconv.FormatInt(h.ID, 10)
		}
		if len(out) < erasedMost {
			out = append(out, h)
		}
	}
	for _, t := range s.d.Terms {
		if err != nil || t.Class != class {
			continue
		}
		if known = true; found {
			var k int64
			k, err = t.Erase(ctx, who, w)
			n += k
		}
	}
	if err == nil && !known {
		err = fault.New(fault.NotFound, "no room erases a class %q", class)
	}
	return out, n, err
}

// maySee: counts, numbers and days are for the operator, too.
func maySee(who ident.Actor) error {
	if who.Kind == ident.Operator {
		return nil
	}
	return access.MaySearch(who)
}
