package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite"

	"straza/internal/kernel/fault"
)

// IsUnique tells whether err is a breach of a unique index or primary key.
func IsUnique(err error) bool {
	var se *sqlite.Error
	if errors.As(err, &se) {
		return se.Code() == 2067 || se.Code() == 1555 // SQLITE_CONSTRAINT_UNIQUE, _PRIMARYKEY
	}
	var pe *pgconn.PgError
	return errors.As(err, &pe) && pe.Code == "23505"
}

// isRerun tells whether the same transaction may succeed if it runs again:
// serialization failure, deadlock, and the loser of a race for an idempotency
// key, who then finds the winner's result.
func isRerun(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && (pe.Code == "40001" || pe.Code == "40P01" || pe.ConstraintName == "store_once_pkey")
}

// cut turns an error that a broken connection explains into Unavailable. The error
// alone does not tell: "unexpected EOF" also comes from a caller's half-sent upload
// within the same transaction. The connection does: pgx closes it when the server,
// or the network between, ends it in the middle of a statement.
func cut(conn *sql.Conn, err error) error {
	if err == nil || fault.Of(err) != nil || errors.Is(err, context.Canceled) {
		return err
	}
	closed := false
	raw := conn.Raw(func(dc any) error {
		if c, ok := dc.(*stdlib.Conn); ok {
			closed = c.Conn().IsClosed()
		}
		return nil
	})
	if closed || errors.Is(raw, driver.ErrBadConn) {
		return away(err)
	}
	return err
}

func away(err error) error {
	return fault.New(fault.Unavailable, "the database is away").WithKey("fault.database").After(5 * time.Second).Because(err)
}

// classify turns what an operator must know into Unavailable, a text that PostgreSQL
// cannot hold (NUL, broken UTF-8: SQLite finds nothing there) into Invalid, and leaves
// the rest.
func classify(err error) error {
	if err == nil || fault.Of(err) != nil || errors.Is(err, context.Canceled) {
		return err
	}
	var se *sqlite.Error
	if errors.As(err, &se) {
		switch se.Code() & 0xff {
		case 13: // SQLITE_FULL
			return fault.New(fault.Unavailable, "the disk is full").WithKey("fault.full").Because(err)
		case 5, 6, 8, 10, 14: // BUSY, LOCKED, READONLY, IOERR, CANTOPEN
			return fault.New(fault.Unavailable, "the database cannot be written").WithKey("fault.database").After(5 * time.Second).Because(err)
		}
		return err
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		if pe.Code == "53100" {
			return fault.New(fault.Unavailable, "the database's disk is full").WithKey("fault.full").Because(err)
		}
		if strings.HasPrefix(pe.Code, "53") || strings.HasPrefix(pe.Code, "57") || strings.HasPrefix(pe.Code, "08") {
			return away(err)
		}
		if pe.Code == "22021" || pe.Code == "22P05" || pe.Code == "22003" { // the last: a number too large for its column
			return fault.New(fault.Invalid, "a value that the database cannot hold").WithKey("fault.value").Because(err)
		}
		return err
	}
	var ne net.Error
	var ce *pgconn.ConnectError
	if errors.As(err, &ce) || errors.As(err, &ne) || errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err) {
		return away(err)
	}
	return err
}
