package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// laterMost is how many statements Later holds at the most.
const laterMost = 32

type laterStmt struct {
	text string
	args []any
}

type execFunc func(ctx context.Context, text string, args ...any) error

// Later runs a statement before the next one that is not Later's, at the latest at the
// end of the transaction: on PostgreSQL what stands together then goes in one round trip.
// For what an act writes and does not ask about: audit lines, jobs, the journal. What
// cannot be written fails the statement after it, or the end of Update; who must know
// whether a row was touched or was there already uses Exec. The args are kept until then.
func (tx *Tx) Later(ctx context.Context, text string, args ...any) error {
	if tx.db.Engine == SQLite || !tx.writes {
		return tx.exec(ctx, text, args...)
	}
	if len(tx.later) == laterMost {
		if err := tx.flush(ctx); err != nil {
			return err
		}
	}
	tx.later = append(tx.later, laterStmt{text, args})
	return nil
}

// flush runs what Later holds, in its order.
func (tx *Tx) flush(ctx context.Context) error {
	if len(tx.later) == 0 {
		return nil
	}
	list := tx.later
	tx.later = nil
	if len(list) == 1 {
		return tx.exec(ctx, list[0].text, list[0].args...)
	}
	b := &pgx.Batch{}
	for _, l := range list {
		b.Queue(l.text, l.args...)
	}
	return tx.conn.Raw(func(dc any) error {
		res := dc.(*stdlib.Conn).Conn().SendBatch(ctx, b)
		for _, l := range list {
			if _, err := res.Exec(); err != nil {
				_ = res.Close()
				return fmt.Errorf("%w (%s)", err, brief(l.text))
			}
		}
		return res.Close()
	})
}
