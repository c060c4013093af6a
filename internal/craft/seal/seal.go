package seal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"slices"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/format/openpgp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// Deps is what the craft needs. Owner is whom the key names: the host organisation and
// the installation's address for letters.
type Deps struct {
	DB    *store.DB
	Audit *audit.Log
	Vault *vault.Vault
	Owner func() openpgp.Owner
}

// Office keeps the key. Safe for concurrent use.
type Office struct{ d Deps }

// New makes the craft.
func New(d Deps) *Office { return &Office{d} }

// Key is the public half of one of the installation's keys.
type Key struct {
	ID          int64
	Fingerprint string // hexadecimal, upper case
	Armored     string
	Created     int64 // µs
	Retired     int64 // µs; 0 = new signatures are made with it
}

// Keys lists the installation's keys, newest first; the first one signs. None while the
// installation has no host. Anybody may read them.
func (o *Office) Keys(ctx context.Context, _ ident.Actor) (out []Key, err error) {
	rows, err := o.rows(ctx)
	for _, r := range rows {
		out = append(out, r.Key)
	}
	return out, err
}

// Fingerprints names the installation's keys, newest first.
func (o *Office) Fingerprints(ctx context.Context, who ident.Actor) (out []string, err error) {
	list, err := o.Keys(ctx, who)
	for _, k := range list {
		out = append(out, k.Fingerprint)
	}
	return out, err
}

func (o *Office) rows(ctx context.Context) (rows []row, err error) {
	err = o.d.DB.View(ctx, func(tx *store.Tx) error {
		rows, err = store.All(ctx, tx, scanKey, allKeys)
		return err
	})
	return rows, err
}

// Begin makes the first key where there is none, for Owner: when the program starts over
// a house that has a host already. Several nodes may do it at once: one key comes of it.
// For parts of Straža.
func (o *Office) Begin(ctx context.Context, who ident.Actor) error {
	if rows, err := o.rows(ctx); err != nil || len(rows) > 0 {
		return err
	}
	of := o.d.Owner() // asked before the transaction: it reads
	err := o.d.DB.Update(ctx, func(tx *store.Tx) error { return o.FoundTx(ctx, tx, who, of) })
	if store.IsUnique(err) { // another node made it meanwhile
		return nil
	}
	return err
}

// FoundTx is Begin within the act that makes the host, which the key then names. Faults:
// Denied for anybody but parts of Straža.
func (o *Office) FoundTx(ctx context.Context, tx *store.Tx, who ident.Actor, of openpgp.Owner) error {
	if who.Kind != ident.System {
		return fault.New(fault.Denied, "%s founds no house", who)
	}
	have, err := store.All(ctx, tx, scanKey, allKeys)
	if err != nil || len(have) > 0 {
		return err
	}
	return o.makeTx(ctx, tx, who, of, "seal.make")
}

// Rotate makes a new key that signs from now on; the older ones stay for what lists
// them. Needs admin.settings.
func (o *Office) Rotate(ctx context.Context, who ident.Actor) error {
	if err := access.Check(who, "admin.settings"); err != nil {
		return err
	}
	of := o.d.Owner()
	return o.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, retireKey, now); err != nil {
			return err
		}
		return o.makeTx(ctx, tx, who, of, "seal.rotate")
	})
}

func (o *Office) makeTx(ctx context.Context, tx *store.Tx, who ident.Actor, of openpgp.Owner, verb string) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	of.Name, of.Email = named(of.Name), named(of.Email)
	s, err := openpgp.NewSecret(of, clock.FromMicros(now), o.d.DB.Clock)
	if err != nil {
		return err
	}
	b, err := s.Bytes()
	if err != nil {
		return err
	}
	c, err := s.Cert()
	if err != nil {
		return err
	}
	id := o.d.DB.NewID()
	if b, err = o.d.Vault.Seal(cell(id), b); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertKey, id, c.Fingerprint, c.Armored, b, now); err != nil {
		return err
	}
	return o.d.Audit.Record(ctx, tx, who, verb, audit.Thing{Kind: "seal", ID: id, Label: c.Fingerprint}, nil)
}

// named takes out what a user id may not hold.
func named(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune("()<>", r) {
			return -1
		}
		return r
	}, s))
}

// Has tells whether one of the installation's keys is among those named.
func (o *Office) Has(ctx context.Context, who ident.Actor, among []string) (bool, error) {
	ours, err := o.Fingerprints(ctx, who)
	return slices.ContainsFunc(ours, func(f string) bool { return slices.Contains(among, f) }), err
}

// signing begins a signature with the newest of our keys among those named by their
// fingerprints, with the newest of all when none is.
func (o *Office) signing(ctx context.Context, among []string) (*openpgp.Signing, error) {
	rows, err := o.rows(ctx)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fault.New(fault.Unavailable, "the installation has no host yet, and no key")
	}
	r := rows[0]
	if i := slices.IndexFunc(rows, func(r row) bool { return slices.Contains(among, r.Fingerprint) }); i >= 0 {
		r = rows[i]
	}
	s, err := o.secret(r)
	if err != nil {
		return nil, err
	}
	return s.Signing(o.d.DB.Clock.Now(), o.d.DB.Clock)
}

func (o *Office) secret(r row) (*openpgp.Secret, error) {
	b, err := o.d.Vault.Open(cell(r.ID), r.secret)
	if err != nil {
		return nil, err
	}
	return openpgp.ReadSecret(b)
}

// Secrets are both halves of the installation's keys, newest first: the first signs
// letters that leave, any of them opens letters that come. For parts of Straža.
func (o *Office) Secrets(ctx context.Context, who ident.Actor) (out []*openpgp.Secret, err error) {
	if who.Kind != ident.System {
		return nil, fault.New(fault.Denied, "%s may not have the installation's keys", who)
	}
	rows, err := o.rows(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		s, err := o.secret(r)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// Document is one that was signed before its first byte leaves: written once for the
// signature, and once more for whom it is for, so that it is never held in memory.
type Document struct {
	Signature string // in base64, as MISP's header carries it
	write     func(io.Writer) error
	sum       []byte
}

// Document signs what write writes, without its white space as MISP does (misp.Bare),
// with the newest of our keys among those named, else the newest. write is called again
// by Send. For parts of Straža that send threat data.
func (o *Office) Document(ctx context.Context, among []string, write func(io.Writer) error) (d Document, err error) {
	g, err := o.signing(ctx, among)
	if err != nil {
		return d, err
	}
	h := sha256.New()
	if err := write(misp.Bare(io.MultiWriter(g, h))); err != nil {
		return d, err
	}
	b, err := g.End()
	return Document{base64.StdEncoding.EncodeToString(b), write, h.Sum(nil)}, err
}

// Send writes the document. Faults: Unavailable, after the last byte, when it is not the
// one that was signed: it changed meanwhile, and must not end as if it were whole.
func (d Document) Send(w io.Writer) error {
	h := sha256.New()
	if err := d.write(io.MultiWriter(w, misp.Bare(h))); err != nil {
		return err
	}
	if !bytes.Equal(h.Sum(nil), d.sum) {
		return fault.New(fault.Unavailable, "what was signed changed while it was sent")
	}
	return nil
}

// SignBytes is the most that somebody may have signed at once.
const SignBytes = 1 << 20

// Sign gives a detached signature over what somebody asks to have signed, without
// armour. Needs misp.server_sign, and a key that may write; each one is in the audit log
// by the text's hash. Faults: Invalid above SignBytes.
func (o *Office) Sign(ctx context.Context, who ident.Actor, text []byte) ([]byte, error) {
	if err := access.Check(who, "misp.server_sign"); err != nil {
		return nil, err
	}
	switch {
	case who.ReadOnly:
		return nil, fault.New(fault.Denied, "%s holds a read-only key", who).WithKey("fault.read-only")
	case len(text) > SignBytes:
		return nil, fault.New(fault.Invalid, "more than %d bytes to sign", SignBytes)
	}
	g, err := o.signing(ctx, nil)
	if err != nil {
		return nil, err
	}
	_, _ = g.Write(text)
	out, err := g.End()
	if err != nil {
		return nil, err
	}
	return out, o.d.DB.Update(ctx, func(tx *store.Tx) error {
		return o.d.Audit.Record(ctx, tx, who, "seal.sign", audit.Thing{Kind: "seal"}, map[string]any{"bytes": len(text), "sha256": sum(text)})
	})
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
