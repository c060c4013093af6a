package registry

import (
	"context"
	"slices"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Contacts lists an organisation's contacts. Reading another organisation's is
// logged before the first one is given. Faults: NotFound; Denied when the card may
// be seen but not the details.
func (s *Service) Contacts(ctx context.Context, who ident.Actor, uuid string) (list []Contact, err error) {
	if err := mayRead(who); err != nil {
		return nil, err
	}
	var o Organisation
	log := func(tx *store.Tx) error {
		if o, err = detailed(ctx, tx, who, uuid); err != nil {
			return err
		}
		if o.Own {
			return nil
		}
		return s.audit.Record(ctx, tx, who, "registry.contacts.read", thing(o), nil)
	}
	err = s.db.ViewLogged(ctx, log, func(tx *store.Tx) error {
		list, err = s.contactsOf(ctx, tx, o.ID)
		return err
	})
	s.sortContacts(list)
	return list, err
}

// AddContact enters a contact, unverified. version is the organisation's, 0 = any.
// Needs registry.write, or registry.write-own for the own organisation. Faults:
// NotFound, Invalid by field, Conflict, Denied.
func (s *Service) AddContact(ctx context.Context, who ident.Actor, uuid string, version int64, in ContactInput) (c Contact, err error) {
	err = s.part(ctx, who, uuid, version, func(tx *store.Tx, o *Organisation) error {
		c, err = s.addContact(ctx, tx, who, o, in)
		return err
	})
	return c, err
}

func (s *Service) addContact(ctx context.Context, tx *store.Tx, who ident.Actor, o *Organisation, in ContactInput) (c Contact, err error) {
	if err := s.pack().checkContact(&in); err != nil {
		return c, err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return c, err
	}
	c = Contact{ID: tx.DB().NewID(), UUID: tx.DB().NewUUID(), Created: instant(now), org: o.ID}.with(in, instant(now))
	c.Freshness = Unverified
	if err := insertContact(ctx, tx, c, o.detail); err != nil {
		return c, err
	}
	return c, s.contactDone(ctx, tx, who, o, "contact-add", added(contactFields(c)))
}

// ChangeContact replaces a contact's data; a new e-mail or phone has to be
// verified again. Rights and faults as AddContact.
func (s *Service) ChangeContact(ctx context.Context, who ident.Actor, uuid string, version int64, contact string, in ContactInput) (c Contact, err error) {
	err = s.part(ctx, who, uuid, version, func(tx *store.Tx, o *Organisation) error {
		before, err := findContact(ctx, tx, o.ID, contact)
		if err != nil {
			return err
		}
		if err := s.pack().checkContact(&in); err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		c = before.with(in, instant(now))
		fields := pairs(contactFields(before), contactFields(c))
		if len(fields) == 0 {
			c = before
			return nil
		}
		if before.Email != c.Email || before.Phone != c.Phone {
			c.Verified, c.verifiedBy, c.Bounces, c.Bounced, c.BounceReason = time.Time{}, 0, 0, time.Time{}, ""
		}
		c.Freshness = s.pack().Verify.freshness(c.Bounces, c.Verified, instant(now))
		if err := updateContact(ctx, tx, c); err != nil {
			return err
		}
		return s.contactDone(ctx, tx, who, o, "contact-change", fields)
	})
	return c, err
}

// ConfirmContact says that the contact is right and answers: the verification
// cycle begins anew and bounces are forgotten. Rights and faults as AddContact.
func (s *Service) ConfirmContact(ctx context.Context, who ident.Actor, uuid string, version int64, contact string) (c Contact, err error) {
	err = s.part(ctx, who, uuid, version, func(tx *store.Tx, o *Organisation) error {
		if c, err = findContact(ctx, tx, o.ID, contact); err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		return s.confirm(ctx, tx, who, o, &c, instant(now))
	})
	return c, err
}

// confirm begins the cycle of a contact anew.
func (s *Service) confirm(ctx context.Context, tx *store.Tx, who ident.Actor, o *Organisation, c *Contact, now time.Time) error {
	was := c.Verified
	c.Verified, c.Updated, c.verifiedBy = now, now, who.Person
	c.Bounces, c.Bounced, c.BounceReason, c.Freshness = 0, time.Time{}, "", Fresh
	if err := updateContact(ctx, tx, *c); err != nil {
		return err
	}
	return s.contactDone(ctx, tx, who, o, "contact-confirm", []Field{{Name: "verified", From: day(was), To: day(c.Verified)}})
}

// RemoveContact takes a contact out; history keeps it until its retention ends.
// Rights and faults as AddContact.
func (s *Service) RemoveContact(ctx context.Context, who ident.Actor, uuid string, version int64, contact string) error {
	return s.part(ctx, who, uuid, version, func(tx *store.Tx, o *Organisation) error {
		c, err := findContact(ctx, tx, o.ID, contact)
		if err != nil {
			return err
		}
		if err := deleteContact(ctx, tx, c.ID); err != nil {
			return err
		}
		return s.contactDone(ctx, tx, who, o, "contact-remove", removed(contactFields(c)))
	})
}

// BounceTx notes that a letter to an address came back, at every contact that has
// it; reason is the enhanced status code (RFC 3463) or a short text. For parts of
// Straža that deliver mail; gives the number of contacts.
func (s *Service) BounceTx(ctx context.Context, tx *store.Tx, who ident.Actor, email, reason string) (int, error) {
	if who.Kind != ident.System {
		return 0, fault.New(fault.Denied, "%s delivers no mail", who)
	}
	hits, err := s.contactsByEmail(ctx, tx, emailKey(email))
	if err != nil {
		return 0, err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return 0, err
	}
	for _, c := range hits {
		o, err := orgByID(ctx, tx, who, c.org)
		if err != nil {
			return 0, err
		}
		c.Bounces, c.Bounced, c.BounceReason = c.Bounces+1, instant(now), short(reason)
		if err := updateContact(ctx, tx, c); err != nil {
			return 0, err
		}
		if err := s.contactDone(ctx, tx, who, &o, "contact-bounce", []Field{{Name: "bounced", To: c.BounceReason}}); err != nil {
			return 0, err
		}
	}
	return len(hits), nil
}

// part runs an act on a part of an organisation, loaded through it and allowed on it.
func (s *Service) part(ctx context.Context, who ident.Actor, uuid string, version int64, fn func(tx *store.Tx, o *Organisation) error) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		o, err := open(ctx, tx, who, uuid, version)
		if err != nil {
			return err
		}
		if err := mayWriteParts(who, o); err != nil {
			return err
		}
		return fn(tx, &o)
	})
}

// contactDone keeps the summary in the organisation's row and records the act.
func (s *Service) contactDone(ctx context.Context, tx *store.Tx, who ident.Actor, o *Organisation, act string, fields []Field) error {
	if err := summarise(ctx, tx, o.ID); err != nil {
		return err
	}
	return s.touch(ctx, tx, who, o, act, fields)
}

func (c Contact) with(in ContactInput, now time.Time) Contact {
	c.Kind, c.Name, c.Job, c.Phone, c.Email, c.Hours, c.Lang, c.Updated = in.Kind, in.Name, in.Job, in.Phone, in.Email, in.Hours, i18n.Lang(in.Lang), now
	return c
}

// sortContacts puts whom one calls first first: by kind in the pack's order, then by name.
func (s *Service) sortContacts(list []Contact) {
	codes := s.pack().Contacts.Codes()
	slices.SortStableFunc(list, func(a, b Contact) int { return slices.Index(codes, a.Kind) - slices.Index(codes, b.Kind) })
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

func short(s string) string {
	r := []rune(tidy(s))
	return string(r[:min(len(r), 200)])
}
