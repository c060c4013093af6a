package access

import (
	"context"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Subject is the person about whom somebody asks what is held; Email is normal
// (lower case, no blanks).
type Subject struct{ Email string }

// Held is one record that holds personal data about a subject. Label is what those
// who may see the record know it by; Columns name where in it, never what.
type Held struct {
	Table   string
	ID      int64
	Label   string
	At      int64 // µs
	Columns []string
}

// Sweep asks for the erasure of what is older than Before. Dry only counts. Kept are
// records under legal hold, by the label that Held gives; they are never touched.
type Sweep struct {
	Before int64 // µs
	Dry    bool
	Kept   map[string]bool
	// Show is told of each record that a dry run finds, nil = nobody asks.
	Show func(Held)
	// Note keeps how many records went, in the transaction in which they go: what was
	// erased before a crash is counted once.
	Note func(ctx context.Context, tx *store.Tx, n int64) error
}

// NoteTx tells that n records went with this transaction.
func (s Sweep) NoteTx(ctx context.Context, tx *store.Tx, n int64) error {
	if n == 0 || s.Dry || s.Note == nil {
		return nil
	}
	return s.Note(ctx, tx, n)
}

// Takes tells whether no hold keeps a record, and shows it in a dry run.
func (s Sweep) Takes(h Held) bool {
	if s.Kept[h.Label] {
		return false
	}
	if s.Dry && s.Show != nil {
		s.Show(h)
	}
	return true
}

// Term is what a room can erase of one retention class. The class's length is data
// of the privacy room.
type Term struct {
	Class string
	Erase func(ctx context.Context, who ident.Actor, s Sweep) (int64, error)
}

// MaySearch is the right to ask what is held about somebody.
func MaySearch(who ident.Actor) error { return Check(who, "privacy.use") }

// Search asks one room what it holds about somebody. Needs privacy.use.
func Search(ctx context.Context, db *store.DB, who ident.Actor, find func(tx *store.Tx) ([]Held, error)) (out []Held, err error) {
	if err := MaySearch(who); err != nil {
		return nil, err
	}
	err = db.View(ctx, func(tx *store.Tx) error { out, err = find(tx); return err })
	return out, err
}

// Erasing is the term of a class whose records one transaction erases.
func Erasing(db *store.DB, class string, erase func(ctx context.Context, tx *store.Tx, w Sweep) (int64, error)) Term {
	return Term{Class: class, Erase: func(ctx context.Context, _ ident.Actor, w Sweep) (n int64, err error) {
		err = db.Update(ctx, func(tx *store.Tx) error { n, err = erase(ctx, tx, w); return err })
		return n, err
	}}
}

// HeldTx collects the rows of a query of id, label and time.
func HeldTx(ctx context.Context, tx *store.Tx, table, columns, text string, args ...any) ([]Held, error) {
	return store.All(ctx, tx, func(s store.Scanner) (h Held, err error) {
		h.Table, h.Columns = table, []string{columns}
		err = s.Scan(&h.ID, &h.Label, &h.At)
		return
	}, text, args...)
}

// EraseTx runs statement for each candidate that no hold keeps; a candidate is a row
// of id, label and time. It gives how many there are.
func EraseTx(ctx context.Context, tx *store.Tx, s Sweep, candidates string, statements ...string) (n int64, err error) {
	rows, err := HeldTx(ctx, tx, "", "", candidates, s.Before)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		if !s.Takes(r) {
			continue
		}
		n++
		if s.Dry {
			continue
		}
		for _, text := range statements {
			if _, err := tx.Exec(ctx, text, r.ID); err != nil {
				return n, err
			}
		}
	}
	return n, s.NoteTx(ctx, tx, n)
}
