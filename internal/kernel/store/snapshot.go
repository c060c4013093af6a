package store

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"straza/internal/kernel/fault"
)

// The snapshot is one engine-neutral stream: a JSON line {"table","columns"} for
// each table, then one JSON array a row, then {"end","rows"}. Bytes are written
// as {"b":base64}. Backup, restore and move all use it, so that every table of a
// later room joins for free.

type snapHead struct {
	Table   string   `json:"table,omitempty"`
	Columns []string `json:"columns,omitempty"`
	End     string   `json:"end,omitempty"`
	Rows    int64    `json:"rows,omitempty"`
}

type snapBytes struct {
	B string `json:"b"`
}

// Snapshot writes every table except skip, as of one moment, and counts rows.
func (db *DB) Snapshot(ctx context.Context, w io.Writer, skip ...string) (total int64, err error) {
	tables, err := db.Tables()
	if err != nil {
		return 0, err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	err = db.View(ctx, func(tx *Tx) error {
		for _, t := range tables {
			if slices.Contains(skip, t) {
				continue
			}
			n, err := snapTable(ctx, tx, out, t)
			if err != nil {
				return fmt.Errorf("snapshot of %s: %w", t, err)
			}
			total += n
		}
		return nil
	})
	if err != nil {
		return total, err
	}
	return total, out.Flush()
}

func snapTable(ctx context.Context, tx *Tx, out *bufio.Writer, table string) (n int64, err error) {
	rows, err := tx.Query(ctx, "SELECT * FROM "+table+" ORDER BY 1")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(snapHead{Table: table, Columns: cols}); err != nil {
		return 0, err
	}
	vals, ptrs := make([]any, len(cols)), make([]any, len(cols))
	for i := range vals {
		ptrs[i] = &vals[i]
	}
	for rows.Next() {
		if err := rows.Scan(ptrs...); err != nil {
			return n, err
		}
		line := make([]any, len(vals))
		for i, v := range vals {
			switch v := v.(type) {
			case []byte:
				line[i] = snapBytes{base64.StdEncoding.EncodeToString(v)}
			case bool: // 0 and 1, as SQLite has it
				line[i] = 0
				if v {
					line[i] = 1
				}
			default:
				line[i] = v
			}
		}
		if err := enc.Encode(line); err != nil {
			return n, err
		}
		n++
	}
	if err := rows.Err(); err != nil {
		return n, err
	}
	return n, enc.Encode(snapHead{End: table, Rows: n})
}

// clear takes out what a first start wrote (principals, roles), so that Load
// meets empty tables; callers have asked Empty before.
func (db *DB) clear(ctx context.Context) error {
	tables, err := db.Tables()
	if err != nil {
		return err
	}
	slices.Reverse(tables)
	return db.Update(ctx, func(tx *Tx) error {
		for _, t := range tables {
			if t == "store_fact" {
				continue
			}
			if _, err := tx.Exec(ctx, "DELETE FROM "+t); err != nil {
				return err
			}
		}
		return nil
	})
}

// Load fills an empty, migrated database from a snapshot. Facts that belong to
// the schema (checksums of migrations) are kept as they are here.
func (db *DB) Load(ctx context.Context, r io.Reader) (total int64, err error) {
	if err := db.clear(ctx); err != nil {
		return 0, err
	}
	dec := json.NewDecoder(bufio.NewReaderSize(r, 1<<16))
	dec.UseNumber()
	for {
		var head snapHead
		if err := dec.Decode(&head); err == io.EOF {
			return total, errors.Join(db.rebuildSearch(ctx), db.Analyze(ctx))
		} else if err != nil {
			return total, fault.New(fault.Invalid, "the snapshot is damaged").Because(err)
		}
		n, err := db.loadTable(ctx, dec, head)
		if err != nil {
			return total, fmt.Errorf("loading %s: %w", head.Table, err)
		}
		total += n
	}
}

const loadBatch = 5000

// loadTable reads one table in batches, until its end mark.
func (db *DB) loadTable(ctx context.Context, dec *json.Decoder, head snapHead) (total int64, err error) {
	tables, err := db.Tables()
	if err != nil {
		return 0, err
	}
	if !slices.Contains(tables, head.Table) {
		return 0, fault.New(fault.Invalid, "the snapshot has an unknown table %q", head.Table)
	}
	bools, err := db.boolColumns(ctx, head.Table)
	if err != nil {
		return 0, err
	}
	unnamed, err := db.unnamed(ctx, head)
	if err != nil {
		return 0, err
	}
	for done := false; !done; {
		var batch [][]any
		for len(batch) < loadBatch {
			row, end, err := snapRow(dec, head, bools)
			if err != nil {
				return total, err
			}
			if end != nil {
				if done = true; end.Rows != total+int64(len(batch)) {
					return total, fault.New(fault.Invalid, "%d rows announced, %d read", end.Rows, total+int64(len(batch)))
				}
				break
			}
			batch = append(batch, row)
		}
		if err := db.loadRows(ctx, db.named(head, batch, unnamed), batch); err != nil {
			return total, err
		}
		total += int64(len(batch))
	}
	return total, nil
}

// unnamed tells whether a snapshot is older than the UUIDs of a table.
func (db *DB) unnamed(ctx context.Context, head snapHead) (bool, error) {
	if slices.Contains(head.Columns, "uuid") {
		return false, nil
	}
	var cols []string
	err := db.View(ctx, func(tx *Tx) error {
		rows, err := tx.Query(ctx, "SELECT * FROM "+head.Table+" LIMIT 0")
		if err != nil {
			return err
		}
		defer rows.Close()
		cols, err = rows.Columns()
		return err
	})
	return slices.Contains(cols, "uuid"), err
}

// named gives rows that came without a UUID one each.
func (db *DB) named(head snapHead, batch [][]any, unnamed bool) snapHead {
	if !unnamed {
		return head
	}
	head.Columns = append(slices.Clone(head.Columns), "uuid")
	for i := range batch {
		batch[i] = append(batch[i], db.NewUUID())
	}
	return head
}

func (db *DB) loadRows(ctx context.Context, head snapHead, batch [][]any) error {
	if len(batch) == 0 {
		return nil
	}
	return db.Update(ctx, func(tx *Tx) error {
		if head.Table == "store_fact" { // the migrations' sums stand here already, and those of the other engine differ
			for _, row := range batch {
				if strings.HasPrefix(fmt.Sprint(row[0]), "migration:") {
					continue
				}
				if err := SetFact(ctx, tx, fmt.Sprint(row[0]), fmt.Sprint(row[1])); err != nil {
					return err
				}
			}
			return nil
		}
		_, err := tx.CopyIn(ctx, head.Table, head.Columns, rowsOf(batch))
		return err
	}, InLane(Bulk))
}

func rowsOf(batch [][]any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, row := range batch {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// snapRow reads the next row, or the end mark of the table.
func snapRow(dec *json.Decoder, head snapHead, bools map[string]bool) ([]any, *snapHead, error) {
	var raw json.RawMessage
	if err := dec.Decode(&raw); err != nil {
		return nil, nil, fault.New(fault.Invalid, "the snapshot ends in the middle of %s", head.Table).Because(err)
	}
	if len(raw) > 0 && raw[0] == '{' {
		var end snapHead
		if err := json.Unmarshal(raw, &end); err != nil || end.End != head.Table {
			return nil, nil, fault.New(fault.Invalid, "no end mark of %s", head.Table)
		}
		return nil, &end, nil
	}
	var cells []json.RawMessage
	if err := json.Unmarshal(raw, &cells); err != nil || len(cells) != len(head.Columns) {
		return nil, nil, fault.New(fault.Invalid, "a row of %s does not fit its columns", head.Table)
	}
	row := make([]any, len(cells))
	for i, c := range cells {
		v, err := snapValue(c)
		if err != nil {
			return nil, nil, err
		}
		if n, ok := v.(int64); ok && bools[head.Columns[i]] {
			v = n != 0
		}
		row[i] = v
	}
	return row, nil, nil
}

func snapValue(c json.RawMessage) (any, error) {
	switch c[0] {
	case 'n':
		return nil, nil
	case '"':
		var s string
		err := json.Unmarshal(c, &s)
		return s, err
	case '{':
		var b snapBytes
		if err := json.Unmarshal(c, &b); err != nil {
			return nil, err
		}
		return base64.StdEncoding.DecodeString(b.B)
	}
	n := json.Number(strings.TrimSpace(string(c)))
	if i, err := n.Int64(); err == nil {
		return i, nil
	}
	return n.Float64()
}

// boolColumns: PostgreSQL wants true and false where SQLite keeps 0 and 1.
func (db *DB) boolColumns(ctx context.Context, table string) (map[string]bool, error) {
	out := map[string]bool{}
	if db.Engine == SQLite {
		return out, nil
	}
	err := db.View(ctx, func(tx *Tx) error {
		names, err := All(ctx, tx, ScanString, `SELECT column_name FROM information_schema.columns
			WHERE table_schema = current_schema() AND table_name = $1 AND data_type = 'boolean'`, table)
		for _, n := range names {
			out[n] = true
		}
		return err
	})
	return out, err
}

// rebuildSearch fills the full-text indexes, which no snapshot carries.
func (db *DB) rebuildSearch(ctx context.Context) error {
	if db.Engine == PostgreSQL {
		return nil
	}
	return db.Update(ctx, func(tx *Tx) error {
		names, err := All(ctx, tx, ScanString, "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE%fts5%'")
		if err != nil {
			return err
		}
		for _, n := range names {
			if _, err := tx.Exec(ctx, "INSERT INTO "+n+" ("+n+") VALUES ('rebuild')"); err != nil {
				return err
			}
		}
		return nil
	})
}

// Analyze gives PostgreSQL's planner its figures after much was loaded at once (a
// restore, a move, the demo, a large import): until autovacuum comes by, a minute
// later at best, it takes a full table for an empty one. SQLite is left without
// figures on purpose: each query's shape says which index it walks, and is measured so.
func (db *DB) Analyze(ctx context.Context, tables ...string) error {
	if db.Engine == SQLite {
		return nil
	}
	if len(tables) == 0 {
		var err error
		if tables, err = db.Tables(); err != nil {
			return err
		}
	}
	for _, t := range tables { // one transaction each: its lock is held for this table alone
		if _, err := db.write.ExecContext(ctx, "ANALYZE "+t); err != nil {
			return classify(fmt.Errorf("analysing %s: %w", t, err))
		}
	}
	return nil
}

// Empty tells whether none of the named tables has a row: what a first start
// writes by itself (roles, own catalogues, audit lines) does not count.
func (db *DB) Empty(ctx context.Context, tables ...string) (bool, error) {
	for _, t := range tables {
		n, err := db.Count(ctx, t)
		if err != nil || n > 0 {
			return false, err
		}
	}
	return true, nil
}

// Check asks the engine whether the file is whole; nil means no damage found.
func (db *DB) Check(ctx context.Context) error {
	if db.Engine == PostgreSQL {
		return nil
	}
	var res sql.NullString
	if err := db.read.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&res); err != nil {
		return err
	}
	if res.String != "ok" {
		return fault.New(fault.Internal, "the database file is damaged: %s", res.String)
	}
	return nil
}

// Size is the database's size in bytes.
func (db *DB) Size(ctx context.Context) (n int64) {
	q := "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
	if db.Engine == PostgreSQL {
		q = "SELECT pg_database_size(current_database())"
	}
	_ = db.read.QueryRowContext(ctx, q).Scan(&n)
	return n
}

// Count counts the rows of one of our tables, for statistics of the operator.
func (db *DB) Count(ctx context.Context, table string) (n int64, err error) {
	tables, err := db.Tables()
	if err != nil || !slices.Contains(tables, table) {
		return 0, err
	}
	err = db.View(ctx, func(tx *Tx) error { n, err = Int64(ctx, tx, "SELECT COUNT(*) FROM "+table); return err })
	return n, err
}

// Columns names the columns of a table as the database has it now.
func (db *DB) Columns(ctx context.Context, table string) (names []string, err error) {
	text := `SELECT name FROM pragma_table_info($1) ORDER BY cid`
	if db.Engine == PostgreSQL {
		text = `SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position`
	}
	err = db.View(ctx, func(tx *Tx) error {
		names, err = All(ctx, tx, ScanString, text, table)
		return err
	})
	return names, err
}
