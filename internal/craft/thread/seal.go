package thread

import (
	"context"

	"straza/internal/format/openpgp"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
)

// Keys are the OpenPGP keys that letters which come in are opened with and held against.
type Keys interface {
	// Secrets are the installation's own keys, older ones too.
	Secrets(ctx context.Context, who ident.Actor) ([]*openpgp.Secret, error)
	// SenderKeysTx are the keys that an address is known by to the CERT of an audience:
	// those its team keeps for that address, and the one its owner has entered here. A
	// key that is known for another address is not among them.
	SenderKeysTx(ctx context.Context, tx *store.Tx, audience int64, address string) ([]mail.Key, error)
}

// Seal is what OpenPGP made of a letter that came. The verdict is of the moment it came:
// keys that are entered, replaced or revoked later change nothing of it.
type Seal struct {
	State     string // "" = in the clear, else one of those below
	Signature string // "" = none, else a word of openpgp.Verdict, or Partly
	Key       string // fingerprint of the key, or what the signature names it by; hexadecimal
	Signed    int64  // µs, as the signature says
}

// How a letter came that was encrypted, as the way in says it.
const (
	Opened  = mail.Opened
	Locked  = mail.Locked
	Damaged = mail.Damaged
	TooLong = mail.TooLong
)

// Partly is a good signature beside which something stands that it does not cover.
const Partly = "partly"

// unseal opens a letter and holds its signatures against the keys of the address in its
// From: a good one of anybody else's key is an unknown key's.
func (k *Desk) unseal(ctx context.Context, t Thread, from string, r mail.Received) (mail.Received, Seal, error) {
	var s Seal
	whole, sealed := r.Whole()
	if !sealed {
		return r, s, nil
	}
	var own []*openpgp.Secret
	var certs []*openpgp.Cert
	var err error
	if k.d.Keys != nil {
		if own, err = k.d.Keys.Secrets(ctx, ident.SystemPart("mailbox")); err != nil {
			return r, s, err
		}
		if certs, err = k.certs(ctx, t, from); err != nil {
			return r, s, err
		}
	}
	r = r.Unseal(own)
	s.State = r.Seal.State
	v := r.Seal.Signatures.By(certs, k.d.DB.Clock.Now())
	if s.Signature, s.Key = v.Word, v.Key; !v.Made.IsZero() {
		s.Signed = clock.Micros(v.Made)
	}
	if s.Signature == openpgp.Good && r.Seal.Partly {
		s.Signature = Partly
	}
	if s.kept() { // somebody will want to look at it as it came
		r.Files = append(r.Files, whole)
	}
	return r, s, nil
}

// kept tells whether the letter as it came is kept beside what was read of it; one that
// could not be opened is kept already, as its only file or as armour in its text.
func (s Seal) kept() bool {
	return (s.State == "" || s.State == Opened) && s.Signature != openpgp.Unsigned && s.Signature != openpgp.Good
}

func (k *Desk) certs(ctx context.Context, t Thread, from string) (out []*openpgp.Cert, err error) {
	var keys []mail.Key
	err = k.d.DB.View(ctx, func(tx *store.Tx) error {
		keys, err = k.d.Keys.SenderKeysTx(ctx, tx, t.Audience, from)
		return err
	})
	for _, x := range keys {
		if c, err := openpgp.Read(x.Armored); err == nil {
			out = append(out, c)
		}
	}
	return out, err
}

// came is what the audit log says of a letter.
func (m Message) came(files int) map[string]any {
	detail := map[string]any{"message": m.ID, "files": files}
	if m.Seal.State != "" {
		detail["sealing"] = m.Seal.State
	}
	if m.Seal.Signature != "" {
		detail["signature"] = m.Seal.Signature
	}
	return detail
}
