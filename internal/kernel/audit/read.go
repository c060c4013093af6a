package audit

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Filter narrows a listing of the log; zero fields do not.
type Filter struct {
	Kind   string
	Object int64
	Person int64
	Verb   string // a prefix: "report." gives all acts on reports
	Label  string // what it was done to, as it is called: S-2026-000114, a UUID, an e-mail
	From   int64  // µs, inclusive
	To     int64  // µs, exclusive
	Before int64  // keyset: lines with a smaller id
	Limit  int    // 1–500, else 50
}

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
	text, args := listing(f)
	err = l.db.View(ctx, func(tx *store.Tx) error {
		out, err = store.All(ctx, tx, scanLine, text, args...)
		return err
	})
	return out, err
}

func scanLine(s store.Scanner) (l Line, err error) {
	var d, erased string
	err = s.Scan(&l.ID, &l.At, &l.Actor, &l.Person, &l.Org, &l.CERT, &l.Channel, &l.Request, &l.Verb, &l.Kind, &l.Object,
		&l.Label, &d, &l.Leaf, &erased)
	l.Detail, l.Erased = []byte(d), erased != ""
	return
}

// Export streams the whole log in order, for `straza audit export`.
func (l *Log) Export(ctx context.Context, who ident.Actor, each func(Line) error) error {
	if err := access.Check(who, "audit.read"); err != nil {
		return err
	}
	return l.db.View(ctx, func(tx *store.Tx) error {
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
