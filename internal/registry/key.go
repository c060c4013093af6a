package registry

import (
	"context"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
)

// LetterKey is the OpenPGP key under which letters to an address leave: of a contact
// point, or of somebody outside that a case is about. Who has an account here enters
// their own key themselves, and that one counts before this.
type LetterKey struct {
	mail.Key
	ID      int64
	UUID    string
	Address string // lower case
	Created int64  // µs, when it was entered

	cert int64
}

// keySoon is how long before its end a key is warned of.
const keySoon = 30 * 24 * time.Hour

// Soon tells whether the key ends within a month and has not ended yet.
func (k *LetterKey) Soon(now time.Time) bool {
	return k.Expires > 0 && !k.Gone(now) && k.Gone(now.Add(keySoon))
}

// LetterKeys lists the keys that the caller's CERT keeps, by address. Needs
// registry.write.
func (s *Service) LetterKeys(ctx context.Context, who ident.Actor) (out []LetterKey, err error) {
	if err := access.Check(who, "registry.write"); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = letterKeys(ctx, tx, who)
		return err
	})
	return out, err
}

// SetLetterKey enters the key of an address, in place of the one the CERT kept for it.
// Needs registry.write. Faults: Invalid on "address" and on "key" (see mail.ParseKey).
func (s *Service) SetLetterKey(ctx context.Context, who ident.Actor, address, text string) (k LetterKey, err error) {
	if err := access.Check(who, "registry.write"); err != nil {
		return k, err
	}
	if address = mail.Address(address); !isEmail(address) {
		return k, fault.Field("address", "registry.fault.email", "no address")
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		k = LetterKey{ID: tx.DB().NewID(), UUID: tx.DB().NewUUID(), Address: address, Created: now, cert: who.CERT}
		if k.Key, err = mail.ParseKey(text, clock.FromMicros(now)); err != nil {
			return err
		}
		if err := writeLetterKey(ctx, tx, who, k); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "registry.key-set", keyThing(k), map[string]any{"fingerprint": k.Fingerprint})
	})
	return k, err
}

// DropLetterKey takes a key out; letters to its address leave in the clear from then on.
// Needs registry.write. Faults: NotFound.
func (s *Service) DropLetterKey(ctx context.Context, who ident.Actor, uuid string) (k LetterKey, err error) {
	if err := access.Check(who, "registry.write"); err != nil {
		return k, err
	}
	uuid, ok := store.ParseUUID(uuid)
	if !ok {
		return k, fault.New(fault.NotFound, "no such key")
	}
	return k, s.db.Update(ctx, func(tx *store.Tx) error {
		var found bool
		if k, found, err = letterKey(ctx, tx, who, uuid); err != nil {
			return err
		}
		if !found {
			return fault.New(fault.NotFound, "no such key")
		}
		if _, err := tx.Exec(ctx, dropKey, k.ID); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "registry.key-drop", keyThing(k), map[string]any{"fingerprint": k.Fingerprint})
	})
}

// LetterKeyTx gives the key of an address that a CERT (0 = the host), or the installation's
// administrators for all, keep, for the way out: for parts of Straža that send letters.
func (s *Service) LetterKeyTx(ctx context.Context, tx *store.Tx, who ident.Actor, cert int64, address string) (mail.Key, bool, error) {
	if who.Kind != ident.System {
		return mail.Key{}, false, fault.New(fault.Denied, "%s sends no letters", who)
	}
	if cert == 0 {
		var err error
		if cert, err = store.Int64(ctx, tx, hostID); err != nil {
			return mail.Key{}, false, err
		}
	}
	k, found, err := store.First(ctx, tx, scanKey, keyOfAddress, address, cert)
	return k.Key, found, err
}

// SenderKeysTx gives the keys that a CERT, or the installation's administrators for all,
// keep for an address, good or not any more: for parts of Straža that hold signatures
// against them.
func (s *Service) SenderKeysTx(ctx context.Context, tx *store.Tx, who ident.Actor, cert int64, address string) (out []mail.Key, err error) {
	if who.Kind != ident.System {
		return nil, fault.New(fault.Denied, "%s checks no signatures", who)
	}
	list, err := store.All(ctx, tx, scanKey, keysOfSender, address, cert)
	for i := range list {
		out = append(out, list[i].Key)
	}
	return out, err
}

func keyThing(k LetterKey) audit.Thing {
	return audit.Thing{Kind: "letterkey", ID: k.ID, Label: k.Fingerprint}
}
