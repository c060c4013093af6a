package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"straza/internal/kernel/store"
)

// Damage is one finding of Verify.
type Damage struct {
	ID   int64  `json:"id"`   // audit_line.id, 0 when the line itself is gone
	Leaf int64  `json:"leaf"` // leaf number, −1 when unnumbered
	Kind string `json:"kind"` // changed, missing, inserted, reordered, truncated
}

// Checkpoint is a signed state of the tree.
type Checkpoint struct {
	Size int64     `json:"size"`
	Root string    `json:"root"`
	Time time.Time `json:"time"`
}

// Witness is what a witness file says.
type Witness struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
	OK   bool   `json:"ok"`
}

// Report is the result of Verify; its JSON is spec program §3, "audit verify".
type Report struct {
	OK         bool       `json:"ok"`
	Lines      int64      `json:"lines"`
	Leaves     int64      `json:"leaves"`
	Unnumbered int64      `json:"unnumbered"`
	Checkpoint Checkpoint `json:"checkpoint"`
	Witnesses  []Witness  `json:"witnesses"`
	Damage     []Damage   `json:"damage"`

	Unsealing *Unsealing `json:"unsealing,omitempty"` // VerifyBoth only
}

const maxDamage = 1000 // findings listed; one is already enough to fail

// Verify recomputes the tree from the rows and holds it against the signed
// checkpoints, here and in the witness files. It only reads, so it works beside
// a running server. A witness that lags is no damage, one that is ahead is.
func (l *Log) Verify(ctx context.Context, extraWitnesses ...string) (Report, error) {
	var rep Report
	err := l.db.View(ctx, func(tx *store.Tx) (err error) {
		rep, err = l.VerifyTx(ctx, tx, extraWitnesses...)
		return err
	})
	return rep, err
}

// VerifyTx is Verify as the transaction tx sees the log.
func (l *Log) VerifyTx(ctx context.Context, tx *store.Tx, extraWitnesses ...string) (Report, error) {
	v := verifier{log: l, roots: map[int64]string{}}
	v.rep.Damage, v.rep.Witnesses = []Damage{}, []Witness{}
	err := v.run(ctx, tx, extraWitnesses)
	v.rep.OK = len(v.rep.Damage) == 0
	for _, w := range v.rep.Witnesses {
		v.rep.OK = v.rep.OK && w.OK
	}
	return v.rep, err
}

type mark struct {
	size int64
	root string
	at   time.Time
	ok   bool // the signature holds
	torn bool // the beginning of a checkpoint of ours: a crash in the middle of an append
}

type verifier struct {
	log    *Log
	rep    Report
	roots  map[int64]string // size → root, for every size some checkpoint names
	leaves []tlog.Hash      // the tree's level 0 as stored
	stack  []node
	signed []string // the checkpoints as stored
}

type node struct {
	level int
	hash  tlog.Hash
}

func (v *verifier) damage(id, leaf int64, kind string) {
	if len(v.rep.Damage) < maxDamage {
		v.rep.Damage = append(v.rep.Damage, Damage{id, leaf, kind})
	}
}

func (v *verifier) run(ctx context.Context, tx *store.Tx, extra []string) error {
	marks, err := v.marks(ctx, tx)
	if err != nil {
		return err
	}
	witnesses := map[string][]mark{}
	for _, path := range append(slices.Clone(v.log.witnesses), extra...) {
		if b, err := os.ReadFile(path); err == nil {
			witnesses[path] = v.parseWitness(b)
		} else if slices.Contains(extra, path) {
			return fmt.Errorf("reading the witness: %w", err)
		}
	}
	for _, m := range marks {
		v.roots[m.size] = ""
	}
	for _, w := range witnesses {
		for _, m := range w {
			v.roots[m.size] = ""
		}
	}
	if err := v.tree(ctx, tx); err != nil {
		return err
	}
	if err := v.lines(ctx, tx); err != nil {
		return err
	}
	v.compare(marks, witnesses)
	return nil
}

func (v *verifier) marks(ctx context.Context, tx *store.Tx) ([]mark, error) {
	return store.All(ctx, tx, func(s store.Scanner) (m mark, err error) {
		var at int64
		var text, root string
		if err = s.Scan(&m.size, &root, &at, &text); err != nil {
			return
		}
		v.signed = append(v.signed, text)
		signed, ok := v.open([]byte(text))
		if !ok || signed.size != m.size || signed.root != root {
			return mark{size: m.size, root: root}, nil
		}
		return signed, nil
	}, allMarks)
}

// open checks a signed note and reads its size and root.
func (v *verifier) open(text []byte) (m mark, ok bool) {
	n, err := note.Open(text, note.VerifierList(v.log.keys.AuditVerifiers()))
	if err != nil {
		return m, false
	}
	f := strings.Split(n.Text, "\n")
	if len(f) < 4 || f[0] != "straza-audit" {
		return m, false
	}
	if m.size, err = strconv.ParseInt(f[1], 10, 64); err != nil {
		return m, false
	}
	m.root, m.ok = f[2], true
	m.at, err = time.Parse(time.RFC3339, f[3])
	return m, err == nil
}

func (v *verifier) parseWitness(b []byte) (out []mark) {
	for _, part := range bytes.SplitAfter(b, []byte("=\n\n")) {
		if part = bytes.TrimSuffix(part, []byte("\n")); len(bytes.TrimSpace(part)) == 0 {
			continue
		}
		m, ok := v.open(part)
		m.torn = !ok && slices.ContainsFunc(v.signed, func(s string) bool { return strings.HasPrefix(s, string(part)) })
		out = append(out, m)
	}
	return out
}

// tree recomputes every root from the stored leaves. Hashes are stored in the
// order in which they come about (a leaf, then the parents it completes), so one
// pass sees each leaf and holds each stored parent against the computed one.
func (v *verifier) tree(ctx context.Context, tx *store.Tx) error {
	type stored struct {
		idx  int64
		hash tlog.Hash
	}
	scan := func(s store.Scanner) (h stored, err error) {
		var b []byte
		err = s.Scan(&h.idx, &b)
		copy(h.hash[:], b)
		return
	}
	next, pending := int64(0), []node(nil) // parents the last leaf completed
	for h, err := range store.Each(ctx, tx, scan, allHashes) {
		if err != nil {
			return err
		}
		leaf := int64(len(v.leaves))
		if h.idx != next {
			v.damage(0, leaf, "missing")
			next = h.idx
		}
		next++
		if len(pending) > 0 {
			if pending[0].hash != h.hash {
				v.damage(0, leaf-1, "changed")
			}
			pending = pending[1:]
			continue
		}
		v.leaves = append(v.leaves, h.hash)
		pending = v.push(h.hash)
		if _, asked := v.roots[leaf+1]; asked {
			v.roots[leaf+1] = v.root().String()
		}
	}
	v.rep.Leaves = int64(len(v.leaves))
	return nil
}

// push adds a leaf and gives the parents that it completes.
func (v *verifier) push(h tlog.Hash) (parents []node) {
	n := node{0, h}
	for k := len(v.stack); k > 0 && v.stack[k-1].level == n.level; k = len(v.stack) {
		n = node{n.level + 1, tlog.NodeHash(v.stack[k-1].hash, n.hash)}
		v.stack = v.stack[:k-1]
		parents = append(parents, n)
	}
	v.stack = append(v.stack, n)
	return parents
}

func (v *verifier) root() tlog.Hash {
	h := v.stack[len(v.stack)-1].hash
	for i := len(v.stack) - 2; i >= 0; i-- {
		h = tlog.NodeHash(v.stack[i].hash, h)
	}
	return h
}

type fullLine struct {
	Line
	salt, leaf, mac, erased string
	no                      *int64
}

func scanFull(s store.Scanner) (l fullLine, err error) {
	var d string
	err = s.Scan(&l.ID, &l.At, &l.Actor, &l.Person, &l.Org, &l.CERT, &l.Channel, &l.Request, &l.Verb, &l.Kind, &l.Object,
		&l.Label, &d, &l.salt, &l.leaf, &l.mac, &l.erased, &l.no)
	l.Detail = []byte(d)
	return
}

// lines holds every row against its own hash, its MAC and its place in the tree.
func (v *verifier) lines(ctx context.Context, tx *store.Tx) error {
	next := int64(0)
	for l, err := range store.Each(ctx, tx, scanFull, allLines) {
		if err != nil {
			return err
		}
		v.rep.Lines++
		whole := v.whole(l)
		if l.no == nil {
			v.rep.Unnumbered++
			if !whole {
				v.damage(l.ID, -1, "changed")
			}
			continue
		}
		for ; next < *l.no && next < int64(len(v.leaves)); next++ {
			v.damage(0, next, "missing")
		}
		next = *l.no + 1
		v.place(l, whole)
	}
	for ; next < int64(len(v.leaves)); next++ {
		v.damage(0, next, "missing")
	}
	return nil
}

// whole tells whether the row's columns give its leaf hash and its MAC holds.
func (v *verifier) whole(l fullLine) bool {
	leaf, err := parseHash(l.leaf)
	if err != nil || !v.log.macOK(l.mac, l.ID, leaf, "line") {
		return false
	}
	if l.erased != "" {
		return v.log.macOK(l.erased, l.ID, leaf, "erased")
	}
	salt, err := hex.DecodeString(l.salt)
	return err == nil && leafHash(salt, l.Line) == leaf
}

func (v *verifier) place(l fullLine, whole bool) {
	no := *l.no
	switch {
	case no >= int64(len(v.leaves)):
		v.damage(l.ID, no, "inserted")
	case !whole && hex.EncodeToString(v.leaves[no][:]) != l.leaf && !v.knows(l.leaf):
		v.damage(l.ID, no, "inserted")
	case !whole:
		v.damage(l.ID, no, "changed")
	case hex.EncodeToString(v.leaves[no][:]) != l.leaf:
		v.damage(l.ID, no, "reordered")
	}
}

func (v *verifier) knows(leaf string) bool {
	h, err := parseHash(leaf)
	return err == nil && slices.Contains(v.leaves, h)
}

// compare holds the recomputed roots against what was signed.
func (v *verifier) compare(marks []mark, witnesses map[string][]mark) {
	n := int64(len(v.leaves))
	for _, m := range marks {
		switch {
		case m.size > n:
			v.damage(0, m.size-1, "truncated")
		case !m.ok || v.roots[m.size] != m.root:
			v.damage(0, m.size-1, "changed")
		default:
			v.rep.Checkpoint = Checkpoint{m.size, m.root, m.at}
		}
	}
	paths := make([]string, 0, len(witnesses))
	for p := range witnesses {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		// what holds no checkpoint of ours is no witness, however it came to that
		w := Witness{Path: p, OK: len(witnesses[p]) > 0 || len(marks) == 0}
		for i, m := range witnesses[p] {
			switch {
			case m.torn && i == len(witnesses[p])-1:
			case !m.ok:
				w.OK = false
			case m.size > n:
				w.OK = false
				v.damage(0, m.size-1, "truncated")
			case v.roots[m.size] != m.root:
				w.OK = false
				v.damage(0, m.size-1, "changed")
			}
			w.Size = max(w.Size, m.size)
		}
		v.rep.Witnesses = append(v.rep.Witnesses, w)
	}
}
