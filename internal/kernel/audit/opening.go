package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"straza/internal/kernel/store"
	"straza/internal/kernel/vault/unseal"
)

// openingDetail is the detail of the line that commits before a sealed text is
// opened; its id goes to the unsealing process as Request.Ref.
type openingDetail struct {
	Unseal *sealedRecord `json:"unseal"`
}

type sealedRecord struct {
	Kind   string `json:"kind"`
	Record string `json:"record"`
}

// openedDetail is the detail of the line that keeps the process's receipt.
type openedDetail struct {
	Opened *receiptOf `json:"opened"`
}

type receiptOf struct {
	Line int64  `json:"line"`
	Seq  int64  `json:"seq"`
	Hash string `json:"hash"`
}

// Opening is the detail of a line that stands before an opening: what is sealed
// there, never why it is opened.
func Opening(kind, record string) any { return openingDetail{&sealedRecord{kind, record}} }

// Opened is the detail of the line after it: the receipt for the opening that the
// line with id line announced. Verify holds it against the unsealing process's log.
func Opened(line, seq int64, hash string) any { return openedDetail{&receiptOf{line, seq, hash}} }

// Unsealing is what comparing with the unsealing process's own log gave.
type Unsealing struct {
	Compared bool     `json:"compared"`
	Why      string   `json:"why,omitempty"` // why not
	Lines    int64    `json:"lines"`         // of the process's log
	Openings int64    `json:"openings"`
	Unopened []int64  `json:"unopened"` // audit lines that no opening followed: refused before it, or a crash between
	Restored int64    `json:"restored"` // openings whose line a restore took back
	Damage   []string `json:"damage"`   // in words, beside the findings of Report.Damage
}

// restoredDetail is the part of "installation.restored" that is compared.
type restoredDetail struct {
	Last int64 `json:"last"` // the newest line that the copy had
}

// ErrNoLog is what a reader of the unsealing log answers when there is none.
var ErrNoLog = errors.New("audit: there is no unsealing log")

// VerifyBoth is Verify and the comparison with the unsealing process's log, which
// read streams: an opening there without its audit line is damage, and so is a
// receipt here whose line is not there; an audit line that no opening followed is
// named only. It reads beside running processes: the line commits before the
// opening, so the log is read first, and once more for receipts that came since.
func (l *Log) VerifyBoth(ctx context.Context, read func(context.Context, io.Writer) error, witnesses ...string) (Report, error) {
	c := comparison{u: &Unsealing{Compared: true, Unopened: []int64{}, Damage: []string{}}, refs: map[int64]*entry{}, lines: map[int64]string{}}
	switch err := c.stream(ctx, read); {
	case errors.Is(err, ErrNoLog):
	case err != nil:
		c.u.Compared, c.u.Why = false, err.Error()
	}
	rep, err := l.Verify(ctx, witnesses...)
	if err != nil {
		return rep, err
	}
	rep.Unsealing = c.u
	if !c.u.Compared {
		return rep, nil
	}
	if err := l.db.View(ctx, func(tx *store.Tx) error { return c.audit(ctx, tx) }); err != nil {
		return rep, err
	}
	if c.late() {
		if err := c.again(ctx, read); err != nil {
			return rep, err
		}
	}
	c.judge(&rep)
	return rep, nil
}

// stream reads the log while it comes; nothing is written anywhere.
func (c *comparison) stream(ctx context.Context, read func(context.Context, io.Writer) error) error {
	r, w := io.Pipe()
	came := make(chan error, 1)
	go func() {
		err := read(ctx, w)
		_ = w.CloseWithError(err)
		came <- err
	}()
	err := c.log(r)
	_, _ = io.Copy(io.Discard, r) // a damaged chain ends the reading early
	if lost := <-came; lost != nil {
		c.broken = ""
		return lost // the way to the log broke, not its chain
	}
	return err
}

// entry is a granted opening in the process's log.
type entry struct {
	seq    int64
	record string
	twice  bool // one audit line was given for more than one opening
}

// restore is the gap that a restore left: lines after `after` and before `at` are gone.
type restore struct{ after, at int64 }

type receipt struct {
	id int64 // audit line that keeps it
	receiptOf
}

type comparison struct {
	u        *Unsealing
	refs     map[int64]*entry // audit line → opening
	nameless []int64          // openings that name no audit line
	refused  map[int64]bool
	hashes   []string // of the process's log, seq−1
	broken   string

	lines    map[int64]string // audit lines before openings → record; "" = erased by law
	seen     map[int64]bool   // every audit line that some opening names
	receipts []receipt
	restores []restore
}

// log reads the process's log: the chain itself and every granted opening.
func (c *comparison) log(r io.Reader) error {
	c.refused, c.hashes, c.broken = map[int64]bool{}, nil, ""
	c.refs, c.nameless, c.u.Openings = map[int64]*entry{}, nil, 0
	err := unseal.ReadLog(r, func(e unseal.Entry, x unseal.Receipt, _ int64) error {
		c.hashes = append(c.hashes, x.Hash)
		if e.Act != "open" {
			return nil
		}
		ref, err := strconv.ParseInt(e.Ref, 10, 64)
		switch {
		case e.Result != "granted":
			c.refused[ref] = true
		case err != nil:
			c.u.Openings++
			c.nameless = append(c.nameless, x.Seq)
		case c.refs[ref] != nil:
			c.u.Openings++
			c.refs[ref].twice = true
		default:
			c.u.Openings++
			c.refs[ref] = &entry{seq: x.Seq, record: e.Record}
		}
		return nil
	})
	if errors.Is(err, unseal.ErrLogDamaged) {
		c.broken, err = err.Error(), nil
	}
	c.u.Lines = int64(len(c.hashes))
	return err
}

var unsealMark, openedMark = []byte(`{"unseal":`), []byte(`{"opened":`)

// audit reads our own log for the same acts.
func (c *comparison) audit(ctx context.Context, tx *store.Tx) error {
	c.seen = map[int64]bool{}
	var last int64
	for l, err := range store.Each(ctx, tx, scanLine, allInOrder) {
		if err != nil {
			return err
		}
		if c.refs[l.ID] != nil {
			c.seen[l.ID] = true
		}
		switch {
		case l.Verb == "installation.restored":
			r := restoredDetail{Last: last}
			_ = json.Unmarshal(l.Detail, &r) // erased: the line before it
			c.restores = append(c.restores, restore{r.Last, l.ID})
		case bytes.HasPrefix(l.Detail, unsealMark):
			var d openingDetail
			if json.Unmarshal(l.Detail, &d) == nil && d.Unseal != nil {
				c.lines[l.ID] = d.Unseal.Record
			}
		case bytes.HasPrefix(l.Detail, openedMark):
			var d openedDetail
			if json.Unmarshal(l.Detail, &d) == nil && d.Opened != nil {
				c.receipts = append(c.receipts, receipt{l.ID, *d.Opened})
			}
		case l.Erased && c.seen[l.ID]:
			c.lines[l.ID] = ""
		}
		last = l.ID
	}
	return nil
}

// late tells whether a receipt is newer than the copy of the log that was read.
func (c *comparison) late() bool {
	return c.broken == "" && slices.ContainsFunc(c.receipts, func(r receipt) bool { return r.Seq > int64(len(c.hashes)) })
}

// again reads the log's hashes once more; the openings judged stay those of the
// first reading, whose audit lines are all in what was read since.
func (c *comparison) again(ctx context.Context, read func(context.Context, io.Writer) error) error {
	second := comparison{u: &Unsealing{}}
	if err := second.stream(ctx, read); err != nil && !errors.Is(err, ErrNoLog) {
		return err
	}
	c.hashes, c.broken = second.hashes, second.broken
	return nil
}

// judge writes what does not agree into the report.
func (c *comparison) judge(rep *Report) {
	bad := func(id int64, kind, format string, args ...any) {
		rep.OK = false
		if len(rep.Damage) < maxDamage {
			rep.Damage = append(rep.Damage, Damage{id, -1, kind})
			c.u.Damage = append(c.u.Damage, fmt.Sprintf(format, args...))
		}
	}
	if c.broken != "" {
		bad(0, "changed", "%s", c.broken)
	}
	for _, seq := range c.nameless {
		bad(0, "missing", "opening %d names no audit line", seq)
	}
	for ref, e := range sorted(c.refs) {
		record, ok := c.lines[ref]
		switch {
		case !ok && c.takenBack(ref):
			c.u.Restored++
		case !ok:
			bad(ref, "missing", "opening %d of record %s has no audit line", e.seq, e.record)
		case record != "" && record != e.record:
			bad(ref, "changed", "opening %d is of record %s, its audit line of %s", e.seq, e.record, record)
		case e.twice:
			bad(ref, "missing", "opening %d was done again under one audit line", e.seq)
		}
	}
	c.judgeReceipts(bad)
	for id := range sorted(c.lines) {
		if c.refs[id] == nil && !c.refused[id] && !c.hasReceipt(id) {
			c.u.Unopened = append(c.u.Unopened, id)
		}
	}
}

// judgeReceipts holds every receipt against the process's log. Keys travel to
// another machine without the log (vault.BackupKeys): receipts from before the last
// restore count only when that log knows one of them, that is, when it is the same.
func (c *comparison) judgeReceipts(bad func(int64, string, string, ...any)) {
	if c.broken != "" {
		return // said already; everything after the break would be said again
	}
	var since int64
	if n := len(c.restores); n > 0 {
		since = c.restores[n-1].at
	}
	same := slices.ContainsFunc(c.receipts, func(r receipt) bool { return r.id < since && c.has(r) })
	for _, r := range c.receipts {
		switch {
		case c.has(r) || r.id < since && !same:
		case r.Seq > int64(len(c.hashes)):
			bad(r.id, "truncated", "the unsealing log ends before line %d, which was acknowledged", r.Seq)
		default:
			bad(r.id, "changed", "line %d of the unsealing log is not the one acknowledged", r.Seq)
		}
	}
}

func (c *comparison) has(r receipt) bool {
	return r.Seq >= 1 && r.Seq <= int64(len(c.hashes)) && c.hashes[r.Seq-1] == r.Hash
}

func (c *comparison) hasReceipt(line int64) bool {
	return slices.ContainsFunc(c.receipts, func(r receipt) bool { return r.Line == line })
}

// takenBack tells whether a restore explains that a line is gone: ids rise with time.
func (c *comparison) takenBack(ref int64) bool {
	return slices.ContainsFunc(c.restores, func(r restore) bool { return ref > r.after && ref < r.at })
}

// sorted walks a map in the order of its ids, so that reports read the same twice.
func sorted[V any](m map[int64]V) func(func(int64, V) bool) {
	ids := make([]int64, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return func(yield func(int64, V) bool) {
		for _, id := range ids {
			if !yield(id, m[id]) {
				return
			}
		}
	}
}
