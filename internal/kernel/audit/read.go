package audit

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Filter narrows a listing of the log; zero fields do not.
type Filter struct {
	Kind   string
	Object int64
	Person int64
	Verb   string   // a prefix: "report." gives all acts on reports
	Label  string   // what it was done to, as it is called: S-2026-000114, a UUID, an e-mail
	Verbs  []string // whole ones; with Label, either is enough
	From   int64    // µs, inclusive
	To     int64    // µs, exclusive
	Behind *Place   // keyset: only lines behind this one
	Limit  int      // 1–500, else 50
	Skip   int      // so many lines are passed over first, for pages that a foreign contract numbers; without Behind
}

// skipMost is as far as lines are passed over: entries of an index, a tenth of a second.
const skipMost = 1_000_000

// Place is a line's place in the log as it is read: by when the thing was done. What
// somebody without a name did stands at the beginning of its hour.
type Place struct {
	At int64 `json:"t"` // µs
	ID int64 `json:"i"`
}

// Place gives the line's own.
func (l Line) Place() *Place { return &Place{l.At, l.ID} }

// Lines lists the log, newest first. Needs audit.read, or asking about one
// object: then the caller must have checked that who may see that object.
func (l *Log) Lines(ctx context.Context, who ident.Actor, f Filter) ([]Line, error) {
	if err := access.Check(who, "audit.read"); err != nil {
		return nil, err
	}
	return l.lines(ctx, f)
}

// OwnLines lists what the asker did themself; nothing of anybody else.
func (l *Log) OwnLines(ctx context.Context, who ident.Actor, f Filter) ([]Line, error) {
	if !who.LoggedIn() {
		return nil, access.Check(who, "audit.read")
	}
	f.Person = who.Person
	return l.lines(ctx, f)
}

// History lists the lines about one object for somebody who may see it; the
// calling room has checked that.
func (l *Log) History(ctx context.Context, kind string, object int64, limit int) ([]Line, error) {
	return l.lines(ctx, Filter{Kind: kind, Object: object, Limit: limit})
}

// LastTx gives the id of the newest line, 0 when the log is empty.
func (l *Log) LastTx(ctx context.Context, tx *store.Tx) (int64, error) {
	return store.Int64(ctx, tx, newestLine)
}

func (l *Log) lines(ctx context.Context, f Filter) (out []Line, err error) {
	if f.Limit < 1 || f.Limit > 500 {
		f.Limit = 50
	}
	err = l.db.View(ctx, func(tx *store.Tx) error {
		if f.Skip > 0 {
			text, args := seeking(f)
			at, found, err := store.First(ctx, tx, scanPlace, text, args...)
			if err != nil || !found {
				return err
			}
			if f.Skip > skipMost {
				return fault.New(fault.Invalid, "a page beyond %d lines of the log", skipMost)
			}
			f.Behind = &at
		}
		text, args := listing(f)
		out, err = store.All(ctx, tx, scanLine, text, args...)
		return err
	})
	return out, err
}

func scanPlace(s store.Scanner) (p Place, err error) { return p, s.Scan(&p.At, &p.ID) }

func scanLine(s store.Scanner) (l Line, err error) {
	var d, erased string
	err = s.Scan(&l.ID, &l.At, &l.Actor, &l.Person, &l.Org, &l.CERT, &l.Channel, &l.Request, &l.Verb, &l.Kind, &l.Object,
		&l.Label, &d, &l.Leaf, &erased)
	l.Detail, l.Erased = []byte(d), erased != ""
	return
}

// countMost is as far as the log is counted for a page.
const countMost = 1000

// Count counts what Lines would give; more = there are beyond a thousand.
func (l *Log) Count(ctx context.Context, who ident.Actor, f Filter) (n int64, more bool, err error) {
	if err := access.Check(who, "audit.read"); err != nil {
		return 0, false, err
	}
	text, args := counting(f, countMost+1)
	err = l.db.View(ctx, func(tx *store.Tx) error {
		n, err = store.Int64(ctx, tx, text, args...)
		return err
	})
	return min(n, countMost), n > countMost, err
}

// Known gives the verbs and kinds that stand in the log, each once, in order.
func (l *Log) Known(ctx context.Context, who ident.Actor) (verbs, kinds []string, err error) {
	if err := access.Check(who, "audit.read"); err != nil {
		return nil, nil, err
	}
	err = l.db.View(ctx, func(tx *store.Tx) error {
		if verbs, err = store.All(ctx, tx, store.ScanString, eachOnce("verb")); err != nil {
			return err
		}
		kinds, err = store.All(ctx, tx, store.ScanString, eachOnce("kind"))
		return err
	})
	return verbs, kinds, err
}

// Take gives the lines of a filter to each, newest first, in batches, after begin was
// told how many: all of one snapshot. That somebody took them is recorded first.
func (l *Log) Take(ctx context.Context, who ident.Actor, f Filter, begin func(n int64) error, each func([]Line) error) error {
	if err := access.Check(who, "audit.read"); err != nil {
		return err
	}
	f.Limit, f.Behind = 500, nil
	record := func(tx *store.Tx) error { return l.Record(ctx, tx, who, "audit.export", Thing{Kind: "audit"}, nil) }
	return l.db.MomentLogged(ctx, record, func(ctx context.Context, tx *store.Tx) error {
		text, args := counting(f, 0)
		n, err := store.Int64(ctx, tx, text, args...)
		if err == nil {
			err = begin(n)
		}
		for err == nil {
			text, args := listing(f)
			var list []Line
			if list, err = store.All(ctx, tx, scanLine, text, args...); err == nil && len(list) > 0 {
				err = each(list)
			}
			if len(list) < f.Limit {
				break
			}
			f.Behind = list[len(list)-1].Place()
		}
		return err
	})
}

// Export streams the whole log in order, for `straza audit export`.
func (l *Log) Export(ctx context.Context, who ident.Actor, each func(Line) error) error {
	if err := access.Check(who, "audit.read"); err != nil {
		return err
	}
	return l.db.Moment(ctx, func(ctx context.Context, tx *store.Tx) error {
		for line, err := range store.Each(ctx, tx, scanLine, allInOrder) {
			if err != nil {
				return err
			}
			if err := each(line); err != nil {
				return err
			}
		}
		return nil
	})
}
