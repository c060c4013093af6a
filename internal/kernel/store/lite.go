package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"hash/maphash"
	"strings"
)

// openLite opens a pool of connections to SQLite that keep their statements. A
// text that carries a reader's principals is some kilobytes long; to parse it costs
// more than to find one value in a million.
func openLite(dsn string) (*sql.DB, error) {
	plain, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	defer plain.Close() // it never connected
	return sql.OpenDB(liteConnector{plain.Driver(), dsn}), nil
}

type liteConnector struct {
	driver driver.Driver
	dsn    string
}

func (c liteConnector) Driver() driver.Driver { return c.driver }

func (c liteConnector) Connect(context.Context) (driver.Conn, error) {
	conn, err := c.driver.Open(c.dsn)
	if err != nil {
		return nil, err
	}
	return newLiteConn(conn)
}

// liteConn is a connection of the driver's that keeps statements. One goroutine
// uses it at a time, as database/sql promises.
type liteConn struct {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator

	kept  map[string]*keptStmt
	turn  uint64
	seed  maphash.Seed
	once  [256]uint64 // hashes of texts that came once
	limit int
}

// keptStmt is a prepared text; busy while its rows are open.
type keptStmt struct {
	driver.Stmt
	busy bool
	used uint64
}

// How many statements a connection keeps, and of what length: about 20 kB each. A
// text is kept from its second use on: lists of ids stand in the text, and most
// of those never come again.
const (
	keptStmts   = 64
	keptTextMax = 16 << 10
)

func newLiteConn(conn driver.Conn) (driver.Conn, error) {
	c := &liteConn{Conn: conn, kept: map[string]*keptStmt{}, seed: maphash.MakeSeed(), limit: keptStmts}
	var ok [7]bool
	c.ConnBeginTx, ok[0] = conn.(driver.ConnBeginTx)
	c.ConnPrepareContext, ok[1] = conn.(driver.ConnPrepareContext)
	c.ExecerContext, ok[2] = conn.(driver.ExecerContext)
	c.QueryerContext, ok[3] = conn.(driver.QueryerContext)
	c.Pinger, ok[4] = conn.(driver.Pinger)
	c.SessionResetter, ok[5] = conn.(driver.SessionResetter)
	c.Validator, ok[6] = conn.(driver.Validator)
	if ok != [7]bool{true, true, true, true, true, true, true} {
		return nil, errors.Join(errors.New("store: the driver lacks an interface"), conn.Close())
	}
	return c, nil
}

// take gives the kept statement of a text, nil when it is not (yet) to be kept.
func (c *liteConn) take(ctx context.Context, text string) *keptStmt {
	c.turn++
	if k := c.kept[text]; k != nil {
		if k.busy { // a second walk over the same text at the same time
			return nil
		}
		k.used = c.turn
		return k
	}
	if !keepable(text) || !c.again(text) {
		return nil
	}
	st, err := c.ConnPrepareContext.PrepareContext(ctx, text)
	if err != nil {
		return nil // the plain way says what is wrong
	}
	if len(c.kept) >= c.limit {
		c.makeRoom()
	}
	k := &keptStmt{Stmt: st, used: c.turn}
	c.kept[text] = k
	return k
}

// keepable: what reads or changes rows. Everything else changes the schema or the
// connection, and comes once.
func keepable(text string) bool {
	if len(text) > keptTextMax {
		return false
	}
	word, _, _ := strings.Cut(strings.TrimSpace(text), " ")
	switch word {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH":
		return true
	}
	return false
}

// again tells whether a text came before, as far as is remembered.
func (c *liteConn) again(text string) bool {
	h := maphash.String(c.seed, text)
	at := &c.once[h%uint64(len(c.once))]
	if *at == h {
		return true
	}
	*at = h
	return false
}

// makeRoom drops the statement that was used longest ago.
func (c *liteConn) makeRoom() {
	oldest := ""
	for text, k := range c.kept {
		if !k.busy && (oldest == "" || k.used < c.kept[oldest].used) {
			oldest = text
		}
	}
	if oldest != "" {
		c.forget(oldest)
	}
}

func (c *liteConn) forget(text string) {
	_ = c.kept[text].Close()
	delete(c.kept, text)
}

// ExecContext runs a statement by its kept form if it has one.
func (c *liteConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	if k := c.take(ctx, text); k != nil {
		if st, ok := k.Stmt.(driver.StmtExecContext); ok {
			return st.ExecContext(ctx, args)
		}
	}
	return c.ExecerContext.ExecContext(ctx, text, args)
}

// QueryContext is ExecContext for what gives rows.
func (c *liteConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	if k := c.take(ctx, text); k != nil {
		if st, ok := k.Stmt.(driver.StmtQueryContext); ok {
			rows, err := st.QueryContext(ctx, args)
			if err != nil {
				return nil, err
			}
			k.busy = true
			return &liteRows{rows, k}, nil
		}
	}
	return c.QueryerContext.QueryContext(ctx, text, args)
}

// Close ends the connection and what it kept.
func (c *liteConn) Close() error {
	for text := range c.kept {
		c.forget(text)
	}
	return c.Conn.Close()
}

// liteRows gives its statement back when it is closed.
type liteRows struct {
	driver.Rows
	of *keptStmt
}

func (r *liteRows) Close() error {
	err := r.Rows.Close()
	r.of.busy = false
	return err
}
