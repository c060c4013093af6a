package account

import (
	"context"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
)

// MailKey gives the OpenPGP key to which the caller's letters are encrypted; found is
// false without one. Whoever is logged in, of themselves.
func (s *Service) MailKey(ctx context.Context, who ident.Actor) (k mail.Key, found bool, err error) {
	if !who.LoggedIn() {
		return k, false, Unauthenticated()
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		k, found, err = readMailKey(ctx, tx, who.Person)
		return err
	})
	return k, found, err
}

// SetMailKey puts a key in place of the caller's, if any. Needs a fresh proof; the
// person is told by a letter that leaves under the old arrangement. Faults: Invalid on
// "key" (see mail.ParseKey).
func (s *Service) SetMailKey(ctx context.Context, who ident.Actor, text string) (k mail.Key, err error) {
	err = s.own(ctx, who, func(tx *store.Tx, p Person) error {
		if err := s.FreshTx(ctx, tx, who); err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if k, err = mail.ParseKey(text, clock.FromMicros(now)); err != nil {
			return err
		}
		if err := dropMailKey(ctx, tx, p.ID); err != nil {
			return err
		}
		if err := insertMailKey(ctx, tx, s.db.NewID(), p.ID, k, now); err != nil {
			return err
		}
		if err := s.tellTx(ctx, tx, p, "changed", "/account"); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "mailkey.set", thing(p), map[string]any{"fingerprint": k.Fingerprint})
	})
	return k, err
}

// DropMailKey takes the caller's key out; letters leave in the clear from then on, and
// say less. Needs a fresh proof. Without a key it does nothing.
func (s *Service) DropMailKey(ctx context.Context, who ident.Actor) error {
	return s.own(ctx, who, func(tx *store.Tx, p Person) error {
		if err := s.FreshTx(ctx, tx, who); err != nil {
			return err
		}
		k, found, err := readMailKey(ctx, tx, p.ID)
		if err != nil || !found {
			return err
		}
		if err := dropMailKey(ctx, tx, p.ID); err != nil {
			return err
		}
		if err := s.tellTx(ctx, tx, p, "changed", "/account"); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "mailkey.drop", thing(p), map[string]any{"fingerprint": k.Fingerprint})
	})
}

// MailKeyTx gives the key of the active person with an address, for the way out.
func (s *Service) MailKeyTx(ctx context.Context, tx *store.Tx, address string) (mail.Key, bool, error) {
	canonical, err := Canonical(address)
	if err != nil {
		return mail.Key{}, false, nil // nobody's
	}
	return mailKeyOf(ctx, tx, canonical)
}
