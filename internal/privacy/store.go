package privacy

import (
	"context"

	"straza/internal/kernel/store"
)

// Term is how long a class is kept from a day on.
type Term struct {
	Class  string
	Days   int
	From   string // YYYY-MM-DD
	Source string // law, decision, page
}

// Hold keeps a record whatever its term.
type Hold struct {
	Ref, Reason string
	At          int64 // µs
}

func termOf(ctx context.Context, tx *store.Tx, class, day string) (Term, bool, error) {
	return store.First(ctx, tx, func(s store.Scanner) (t Term, err error) {
		err = s.Scan(&t.Class, &t.Days, &t.From, &t.Source)
		return
	}, `SELECT class, days, valid_from, source FROM privacy_term WHERE class = $1 AND valid_from <= $2 ORDER BY valid_from DESC, id DESC LIMIT 1`, class, day)
}

func addTerm(ctx context.Context, tx *store.Tx, id, person, now int64, t Term) error {
	_, err := tx.Exec(ctx, `INSERT INTO privacy_term (id, class, days, valid_from, source, person, at) VALUES ($1,$2,$3,$4,$5,$6,$7)`,
		id, t.Class, t.Days, t.From, t.Source, person, now)
	return err
}

func addHold(ctx context.Context, tx *store.Tx, id, person, now int64, ref, reason string) error {
	_, err := tx.Exec(ctx, `INSERT INTO privacy_hold (id, ref, reason, person, at) VALUES ($1,$2,$3,$4,$5)`, id, ref, reason, person, now)
	return err
}

func liftHold(ctx context.Context, tx *store.Tx, ref string, now int64) error {
	_, err := tx.Exec(ctx, `UPDATE privacy_hold SET lifted = $2 WHERE ref = $1 AND lifted = 0`, ref, now)
	return err
}

func listHolds(ctx context.Context, tx *store.Tx) ([]Hold, error) {
	return store.All(ctx, tx, func(s store.Scanner) (h Hold, err error) { err = s.Scan(&h.Ref, &h.Reason, &h.At); return },
		`SELECT ref, reason, at FROM privacy_hold WHERE lifted = 0 ORDER BY at DESC, id DESC`)
}

func heldRefs(ctx context.Context, tx *store.Tx) (map[string]bool, error) {
	list, err := listHolds(ctx, tx)
	out := map[string]bool{}
	for _, h := range list {
		out[h.Ref] = true
	}
	return out, err
}

// Erasure is what went of a class on a day.
type Erasure struct {
	Class string
	Day   string // YYYY-MM-DD, in Belgrade
	Days  int    // the term it went by
	Rows  int64
	At    int64 // µs, the last of them
}

func addErasure(ctx context.Context, tx *store.Tx, id, now int64, e Erasure) error {
	_, err := tx.Exec(ctx, `INSERT INTO privacy_erasure (id, class, day, days, erased, at) VALUES ($1,$2,$3,$4,$5,$6)
		ON CONFLICT (class, day) DO UPDATE SET erased = privacy_erasure.erased + excluded.erased, days = excluded.days, at = excluded.at`, id, e.Class, e.Day, e.Days, e.Rows, now)
	return err
}

func listErasures(ctx context.Context, tx *store.Tx, most int) ([]Erasure, error) {
	return store.All(ctx, tx, func(s store.Scanner) (e Erasure, err error) {
		err = s.Scan(&e.Class, &e.Day, &e.Days, &e.Rows, &e.At)
		return
	},
		`SELECT class, day, days, erased, at FROM privacy_erasure ORDER BY at DESC, id DESC LIMIT $1`, most)
}
