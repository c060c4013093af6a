package intel

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/openpgp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// A protected event (spec misp §5.1) is changed from outside only by who signs: each
// version that another installation brings is checked against the keys that stand on
// the event here; the first one against those that it brings itself.

// EventKey is an OpenPGP key whose owner may sign the versions of a protected event.
type EventKey struct {
	ID, EventID int64
	UUID        string
	Fingerprint string // hexadecimal, upper case
	Armored     string
	Revoked     bool  // on the event's list: it signs nothing any more
	Timestamp   int64 // seconds
}

// Wire gives the key in MISP's form.
func (k *EventKey) Wire() misp.CryptographicKey {
	return misp.CryptographicKey{ID: misp.N(k.ID), UUID: misp.T(k.UUID), Type: misp.T("pgp"), Timestamp: misp.N(k.Timestamp), ParentID: misp.N(k.EventID),
		ParentType: misp.T("Event"), KeyData: misp.T(k.Armored), Revoked: misp.B(k.Revoked), Fingerprint: misp.T(k.Fingerprint)}
}

// IsProtected tells whether versions from outside must be signed.
func (e *Event) IsProtected() bool { return e.Protected != nil && *e.Protected }

// Faults of protected events; a peer's report counts by them.
const (
	KeyUnsigned  = "intel.fault.unsigned"    // no signature came with it
	KeyForged    = "intel.fault.forged"      // the signature is none, or over other bytes
	KeyStranger  = "intel.fault.stranger"    // by a key that the event does not list
	KeyUnfit     = "intel.fault.key-unfit"   // by one that has expired or was revoked
	KeyProtected = "intel.fault.protected"   // only a signed version of the whole changes it
	keyTooMany   = "intel.fault.keys-many"   // more keys than an event may list
	keyTaken     = "intel.fault.key-taken"   // it is listed already
	keyInvalid   = "intel.fault.key-invalid" // no OpenPGP certificate that can sign
)

// keysMost is how many keys one event may list.
const keysMost = 100

// mustSign tells who brings versions of a protected event from another installation:
// the peers' part of this program, and keys that synchronise. The team's own people hold
// MISP's flag, too, and organisations may work here with such a key: they sign what came
// from a peer, and what a server brings with their key, not what they made here. Site administrators sign nothing, as in MISP.
func mustSign(who ident.Actor, e *Event, server bool) bool {
	if !access.Allowed(who, "misp.sync") || access.Allowed(who, "misp.site_admin") {
		return false
	}
	return who.Kind == ident.System || e.Locked || server || !who.OnTeam() && e.Origin.ID != who.Org
}

// Proof is a signature that comes beside a document, checked while that is read.
type Proof struct{ check *openpgp.Check }

// NewProof reads MISP's header x-pgp-signature: a detached signature, in armour or not,
// in base64. nil when there is none; a broken one proves nothing.
func NewProof(header string) *Proof {
	if header = strings.TrimSpace(header); header == "" {
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(header)
	if err != nil {
		return &Proof{}
	}
	check, err := openpgp.NewCheck(b)
	if err != nil {
		return &Proof{}
	}
	return &Proof{check}
}

// Source reads a document of one event and what is signed of it; the event's end is held
// back until the document has ended, or its last bytes would be left out. Without a proof
// it is FromReader.
func (p *Proof) Source(r io.Reader, lim misp.Limits) Source {
	if p == nil || p.check == nil {
		return FromReader(r, lim)
	}
	r = io.TeeReader(r, misp.Bare(p.check))
	return func(fn func(misp.Item) error) error {
		var end *misp.Item
		err := misp.Decode(r, lim, func(it misp.Item) error {
			if end != nil {
				return fault.New(fault.Invalid, "more than one event").WithKey("intel.fault.one-event")
			}
			if it.Kind == misp.ItemEnd {
				end = &it
				return nil
			}
			return fn(it)
		})
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		if err != nil || end == nil {
			return err
		}
		return fn(*end)
	}
}

// by tells whether one of the keys made the signature. Faults: Denied with one of the
// keys above.
func (p *Proof) by(keys []EventKey, now time.Time) error {
	no := func(key, why string, args ...any) error {
		return fault.New(fault.Denied, why, args...).WithKey(key)
	}
	switch {
	case p == nil:
		return no(KeyUnsigned, "the version of a protected event is not signed")
	case p.check == nil:
		return no(KeyForged, "what stands for a signature is none")
	}
	var certs []*openpgp.Cert
	for i := range keys {
		if keys[i].Revoked {
			continue
		}
		if c, err := openpgp.Read(keys[i].Armored); err == nil {
			certs = append(certs, c)
		}
	}
	cert, err := p.check.By(certs, now)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, openpgp.ErrStranger):
		return no(KeyStranger, "signed by a key that the event does not list")
	case errors.Is(err, openpgp.ErrForged):
		return no(KeyForged, "the signature by %s is over other bytes", cert.Fingerprint)
	}
	return no(KeyUnfit, "the key %s may not sign any more: %v", cert.Fingerprint, err)
}

// listed reads the keys that a document names; what is no key is left out.
func (l *loader) listed() (out []EventKey, err error) {
	if len(l.head.CryptographicKey) > keysMost {
		return nil, fault.Field("CryptographicKey", keyTooMany, "%d keys, at most %d", len(l.head.CryptographicKey), keysMost)
	}
	for i := range l.head.CryptographicKey {
		w := &l.head.CryptographicKey[i]
		c, err := openpgp.Read(w.KeyData.Or(""))
		if err != nil || w.Type.Or("pgp") != "pgp" || slices.ContainsFunc(out, func(k EventKey) bool { return k.Fingerprint == c.Fingerprint }) {
			continue
		}
		k := EventKey{ID: l.s.db.NewID(), Fingerprint: c.Fingerprint, Armored: c.Armored, Revoked: w.Revoked.Or(false), Timestamp: instant(w.Timestamp, l.event.Timestamp)}
		k.UUID, _ = uuidOr(l.s.db, w.UUID)
		out = append(out, k)
	}
	return out, nil
}

// guard checks the signature of a version that must have one; of an event that is here
// by the keys that stand here, or whoever takes it over would bring a key of theirs.
func (l *loader) guard(ctx context.Context, tx *store.Tx) error {
	stands := l.exists && l.event.IsProtected()
	if !stands && !l.head.Protected.Or(false) || !mustSign(l.who, &l.event, l.opt.Server) {
		return nil
	}
	keys, err := l.listed()
	if stands && err == nil {
		keys, err = eventKeys(ctx, tx, l.event.ID)
	}
	if err != nil {
		return err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	return l.opt.Proof.by(keys, clock.FromMicros(now))
}

// keys writes the list that came with an event that is protected; none is no change.
func (l *loader) keys(ctx context.Context, tx *store.Tx) (changed bool, err error) {
	if !l.event.IsProtected() || len(l.head.CryptographicKey) == 0 {
		return false, nil
	}
	list, err := l.listed()
	if err != nil || len(list) == 0 {
		return false, err
	}
	old, err := eventKeys(ctx, tx, l.event.ID)
	if err != nil {
		return false, err
	}
	same := slices.EqualFunc(old, list, func(a, b EventKey) bool {
		return a.Fingerprint == b.Fingerprint && a.Armored == b.Armored && a.Revoked == b.Revoked
	})
	if same {
		return false, nil
	}
	return true, keepKeys(ctx, tx, l.event.ID, list)
}

// Listed names the keys of a list that may sign, by their fingerprints.
func Listed(list []EventKey) (out []string) {
	for i := range list {
		if !list[i].Revoked {
			out = append(out, list[i].Fingerprint)
		}
	}
	return out
}

// EventKeys lists the keys of an event that who may see. Faults: NotFound.
func (s *Service) EventKeys(ctx context.Context, who ident.Actor, event string) (out []EventKey, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		e, err := readEvent(ctx, tx, who, event)
		if err == nil {
			out, err = eventKeys(ctx, tx, e.ID)
		}
		return err
	})
	return out, err
}

// EventKey reads one key by id or UUID, and the event that lists it. Faults: NotFound.
func (s *Service) EventKey(ctx context.Context, who ident.Actor, ref string) (k EventKey, e Event, err error) {
	if err := mayRead(who); err != nil {
		return k, e, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		var found bool
		if k, found, err = oneKey(ctx, tx, who, ref); err != nil || !found {
			return errors.Join(err, noKeyUnless(found))
		}
		e, err = readEvent(ctx, tx, who, itoa(k.EventID))
		return err
	})
	return k, e, err
}

func noKeyUnless(found bool) error {
	if found {
		return nil
	}
	return fault.New(fault.NotFound, "no such key")
}

// AllEventKeys gives the keys of all events that who may see behind an id, at most limit.
func (s *Service) AllEventKeys(ctx context.Context, who ident.Actor, after int64, limit int) (out []EventKey, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = allKeys(ctx, tx, who, after, min(max(limit, 1), 1000))
		return err
	})
	return out, err
}

// SetProtected protects an event, or ends that; own, if not empty, is a key that is put
// on its list with it. The event is unpublished by it, as by any change. Who may: the
// right to edit it. version as SetPublished. Faults: NotFound, Denied, Conflict.
func (s *Service) SetProtected(ctx context.Context, who ident.Actor, event string, version int64, on bool, own string) error {
	verb := "event.unprotect"
	if on {
		verb = "event.protect"
	}
	return s.change(ctx, who, event, verb, func(tx *store.Tx, m *merge) error {
		if err := stale(m.l.event, version); err != nil {
			return err
		}
		m.changed = m.l.event.IsProtected() != on
		m.l.event.Protected = &on
		if !on || own == "" {
			return nil
		}
		_, err := s.addKey(ctx, tx, m, own)
		if fault.Of(err) != nil && fault.Of(err).Fields["key_data"] == keyTaken {
			return nil
		}
		return err
	})
}

// AddEventKey puts a key on the list of an event. Who may: the right to edit it. Faults:
// NotFound, Denied, Invalid on "key_data".
func (s *Service) AddEventKey(ctx context.Context, who ident.Actor, event, armored string) (k EventKey, err error) {
	err = s.change(ctx, who, event, "event.key-add", func(tx *store.Tx, m *merge) error {
		k, err = s.addKey(ctx, tx, m, armored)
		return err
	})
	return k, err
}

func (s *Service) addKey(ctx context.Context, tx *store.Tx, m *merge, armored string) (k EventKey, err error) {
	c, err := openpgp.Read(armored)
	if err == nil {
		_, err = c.ForSigning(clock.FromMicros(m.now))
	}
	if err != nil {
		return k, fault.Field("key_data", keyInvalid, "no key to sign with: %v", err)
	}
	old, err := eventKeys(ctx, tx, m.l.event.ID)
	switch {
	case err != nil:
		return k, err
	case len(old) >= keysMost:
		return k, fault.Field("key_data", keyTooMany, "at most %d keys", keysMost)
	case slices.ContainsFunc(old, func(o EventKey) bool { return o.Fingerprint == c.Fingerprint }):
		return k, fault.Field("key_data", keyTaken, "the event lists this key already")
	}
	k = EventKey{ID: s.db.NewID(), EventID: m.l.event.ID, UUID: s.db.NewUUID(), Fingerprint: c.Fingerprint, Armored: c.Armored, Timestamp: m.now / 1e6}
	m.changed = true
	return k, writeKey(ctx, tx, m.l.event.ID, k)
}

// DropEventKey takes a key off the list of its event. Who may: the right to edit it.
// Faults: NotFound, Denied.
func (s *Service) DropEventKey(ctx context.Context, who ident.Actor, ref string) (EventKey, error) {
	k, _, err := s.EventKey(ctx, who, ref)
	if err != nil {
		return k, err
	}
	return k, s.change(ctx, who, itoa(k.EventID), "event.key-remove", func(tx *store.Tx, m *merge) error {
		n, err := tx.Exec(ctx, dropKey, k.ID)
		m.changed = n > 0
		return err
	})
}
