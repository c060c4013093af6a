package audit

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"sync"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Keys are what the log needs of the vault.
type Keys interface {
	AuditMAC(data []byte) []byte   // keyed MAC of the web node
	AuditSigner() note.Signer      // signs checkpoints
	AuditVerifiers() note.Verifier // verifies them
}

// Log writes and numbers audit lines.
type Log struct {
	db        *store.DB
	keys      Keys
	witnesses []string
	mu        sync.Mutex // one numberer in this process
}

// New makes the log; witnesses are files to which checkpoints are appended.
func New(db *store.DB, keys Keys, witnesses ...string) *Log {
	return &Log{db: db, keys: keys, witnesses: witnesses}
}

// Thing is what an act was done to. Label is its human number or name as shown
// to those who may see the thing itself; never content.
type Thing struct {
	Kind  string // "report", "case", "event", "organisation", "person" …
	ID    int64
	Label string
}

// Line is one entry of the log.
type Line struct {
	ID      int64           `json:"id"`
	At      int64           `json:"at"` // µs
	Actor   string          `json:"actor"`
	Person  int64           `json:"person"`
	Org     int64           `json:"org"`
	CERT    int64           `json:"cert"`
	Channel string          `json:"channel"`
	Request string          `json:"request"`
	Verb    string          `json:"verb"`
	Kind    string          `json:"kind"`
	Object  int64           `json:"object"`
	Label   string          `json:"label"`
	Detail  json.RawMessage `json:"detail"`
	Leaf    int64           `json:"leaf"` // −1 while unnumbered
	Erased  bool            `json:"erased,omitempty"`
}

// Record writes the line of an act into the act's transaction. verb is
// "<room>.<verb>" in the past or plain ("report.accept", "sealed.read"); detail
// is any JSON value: ids, field names, counts, hashes. An error here must fail
// the act.
func (l *Log) Record(ctx context.Context, tx *store.Tx, who ident.Actor, verb string, on Thing, detail any) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	return l.RecordAt(ctx, tx, who, now, l.db.NewID(), verb, on, detail)
}

// RecordAt is Record with a time and id of the caller's: anonymous reports round
// both, so that the log does not tell when somebody wrote.
func (l *Log) RecordAt(ctx context.Context, tx *store.Tx, who ident.Actor, at, id int64, verb string, on Thing, detail any) error {
	if fault.Planted("act-without-line") && verb == "registry.add" && id%2 == 0 {
		return nil
	}
	if detail == nil {
		detail = struct{}{}
	}
	d, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("audit detail of %s: %w", verb, err)
	}
	line := Line{ID: id, At: at, Actor: who.String(), Person: who.Person, Org: who.Org, CERT: who.CERT,
		Channel: string(who.Channel), Request: who.RequestID, Verb: verb, Kind: on.Kind, Object: on.ID, Label: on.Label, Detail: d}
	var salt [16]byte
	if _, err := io.ReadFull(l.db.Clock, salt[:]); err != nil {
		return err
	}
	leaf := leafHash(salt[:], line)
	err = tx.Later(ctx, insertLine, line.ID, line.At, line.Actor, line.Person, line.Org, line.CERT, line.Channel, line.Request,
		line.Verb, line.Kind, line.Object, line.Label, string(d), hex.EncodeToString(salt[:]), hex.EncodeToString(leaf[:]), l.mac(id, leaf, "line"))
	if err != nil {
		return fmt.Errorf("audit line of %s: %w", verb, err)
	}
	return nil
}

// leafHash is RFC 6962's leaf hash over salt and every column that tells
// something; an array, so that the form has no keys to reorder.
func leafHash(salt []byte, l Line) tlog.Hash {
	payload, _ := json.Marshal([]any{l.ID, l.At, l.Actor, l.Person, l.Org, l.CERT, l.Channel, l.Request,
		l.Verb, l.Kind, l.Object, l.Label, string(l.Detail)})
	return tlog.RecordHash(append(salt[:len(salt):len(salt)], payload...))
}

func (l *Log) mac(id int64, leaf tlog.Hash, what string) string {
	return hex.EncodeToString(l.keys.AuditMAC([]byte(what + "|" + strconv.FormatInt(id, 10) + "|" + hex.EncodeToString(leaf[:]))))
}

func (l *Log) macOK(mac string, id int64, leaf tlog.Hash, what string) bool {
	return hmac.Equal([]byte(mac), []byte(l.mac(id, leaf, what)))
}

// EraseTx takes the detail and label out of the lines about one object, because
// a law asks for it; who, when and which verb stay, and so does the leaf hash.
func (l *Log) EraseTx(ctx context.Context, tx *store.Tx, kind string, object int64) (int64, error) {
	type key struct {
		id   int64
		leaf string
	}
	rows, err := store.All(ctx, tx, func(s store.Scanner) (k key, err error) { err = s.Scan(&k.id, &k.leaf); return }, linesOf, kind, object)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		leaf, err := parseHash(r.leaf)
		if err != nil {
			return 0, err
		}
		if _, err := tx.Exec(ctx, eraseLine, r.id, l.mac(r.id, leaf, "erased")); err != nil {
			return 0, err
		}
	}
	return int64(len(rows)), nil
}

func parseHash(s string) (h tlog.Hash, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(h) {
		return h, fmt.Errorf("no hash: %q", s)
	}
	copy(h[:], b)
	return h, nil
}
