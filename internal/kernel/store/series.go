package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
)

const seriesBlock = 10

type seriesBlocks struct {
	mu sync.Mutex
	m  map[string]*block
}

type block struct{ next, end int64 }

// NextNumber gives the next number of a series such as "P-2026" or "NC2:S-2026":
// unique, rising, gaps allowed. On PostgreSQL it comes from a block of ten that
// this node leased in a transaction of its own, over a connection of its own, so
// that no row is hot and no transaction waits for another's connection.
func (db *DB) NextNumber(ctx context.Context, tx *Tx, series string) (int64, error) {
	const take = `INSERT INTO store_series (name, next) VALUES ($1, $2 + 1)
		ON CONFLICT (name) DO UPDATE SET next = store_series.next + $2 RETURNING next - $2`
	if db.Engine == SQLite {
		return Int64(ctx, tx, take, series, 1)
	}
	db.series.mu.Lock()
	defer db.series.mu.Unlock()
	b := db.series.m[series]
	if b == nil || b.next == b.end {
		first, err := db.leaseBlock(ctx, take, series)
		if err != nil {
			return 0, classify(err)
		}
		b = &block{next: first, end: first + seriesBlock}
		if db.series.m == nil {
			db.series.m = map[string]*block{}
		}
		db.series.m[series] = b
	}
	b.next++
	return b.next - 1, nil
}

// Spoken reads a number as people say it: "s-114", "s114", "2026-114" or "114" for
// letter "s"; q is folded. year is 0 when none was said.
func Spoken(letter, q string) (year, n int64, ok bool) {
	if rest, cut := strings.CutPrefix(q, letter); cut {
		q = strings.TrimPrefix(rest, "-")
	}
	if y, rest, two := strings.Cut(q, "-"); two && len(y) == 4 {
		if year, ok = digits(y); !ok {
			return 0, 0, false
		}
		q = rest
	}
	n, ok = digits(q)
	return year, n, ok && n > 0
}

// lettered is a whole number with its letters, a further CERT's code perhaps in front.
var lettered = regexp.MustCompile(`^(?:[a-z0-9]+-)?([a-z]+)-?(?:[0-9]{4}-)?[0-9]{1,6}$`)

// Lettered gives the letters of a whole number as people say it: "s" of "s-114" and
// "nc2-s-2026-000114", "up" of "up-31"; "" for anything else, a bare number among it. q
// is folded.
func Lettered(q string) string {
	m := lettered.FindStringSubmatch(q)
	if m == nil {
		return ""
	}
	return m[1]
}

func digits(s string) (n int64, ok bool) {
	for _, r := range s {
		if r < '0' || r > '9' {
			return 0, false
		}
		n = n*10 + int64(r-'0')
	}
	return n, len(s) > 0 && len(s) <= 6
}

// NumbersTx gives the whole numbers that Spoken may mean, in every series of the
// letter: S-2026-000114 and NC2-S-2025-000114. They need not have been given out.
func NumbersTx(ctx context.Context, tx *Tx, letter, q string) ([]string, error) {
	year, n, ok := Spoken(strings.ToLower(letter), q)
	if !ok {
		return nil, nil
	}
	names, err := All(ctx, tx, ScanString, "SELECT name FROM store_series ORDER BY name")
	var out []string
	for _, name := range names {
		head, y, _ := cutLast(name, "-")
		if head != letter && !strings.HasSuffix(head, "-"+letter) || year != 0 && y != strconv.FormatInt(year, 10) {
			continue
		}
		out = append(out, fmt.Sprintf("%s-%06d", name, n))
	}
	return out, err
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// leaseBlock takes a block of numbers in a transaction of its own. A block that was
// leased over a connection that then died is a gap.
func (db *DB) leaseBlock(ctx context.Context, take, series string) (first int64, err error) {
	conn, tx, err := begin(ctx, db.lease, nil)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err = tx.QueryRowContext(ctx, take, series, seriesBlock).Scan(&first); err == nil {
		err = tx.Commit()
	}
	if err != nil {
		err = cut(conn, err)
		_ = tx.Rollback()
	}
	return first, err
}

// Once makes an act idempotent: the first call with a key runs fn and keeps its
// result in the same transaction; later ones get that result and again=true.
// The key is kept as a hash; include who is asking in it.
func Once[T any](ctx context.Context, tx *Tx, key string, fn func() (T, error)) (v T, again bool, err error) {
	sum := sha256.Sum256([]byte(key))
	hash := hex.EncodeToString(sum[:])
	var text string
	found, err := tx.Row(ctx, "SELECT result FROM store_once WHERE key_hash = $1", []any{hash}, &text)
	if err != nil {
		return v, false, err
	}
	if found && !fault.Planted("once-forgotten") {
		return v, true, json.Unmarshal([]byte(text), &v)
	}
	if v, err = fn(); err != nil {
		return v, false, err
	}
	out, err := json.Marshal(v)
	if err != nil {
		return v, false, err
	}
	_, err = tx.Exec(ctx, "INSERT INTO store_once (key_hash, at, result) VALUES ($1,$2,$3)",
		hash, clock.Micros(tx.db.Clock.Now()), string(out))
	return v, false, err
}

// Fact reads a fact about the installation, "" when unknown.
func Fact(ctx context.Context, tx *Tx, name string) (string, error) {
	var v string
	_, err := tx.Row(ctx, "SELECT value FROM store_fact WHERE name = $1", []any{name}, &v)
	return v, err
}

// SetFact writes a fact about the installation.
func SetFact(ctx context.Context, tx *Tx, name, value string) error {
	_, err := tx.Exec(ctx, `INSERT INTO store_fact (name, value) VALUES ($1,$2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}
