package registry

import (
	"context"
	"strconv"
	"strings"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
)

// Post queues letters; *mail.Post fills it.
type Post interface {
	QueueTx(ctx context.Context, tx *store.Tx, l mail.Letter) (int64, error)
}

// Tokens is the vault's keyed hash: a letter's token is derived from its id and kept
// only as a hash of another kind.
type Tokens interface {
	TokenHash(kind, token string) string
}

// Letters is what the room asks contact points with; without it nobody is asked.
type Letters struct {
	Post   Post
	Tokens Tokens
	Text   *i18n.Catalog
	Link   func(l i18n.Lang, token string) string // address of the page behind a letter
}

func (l *Letters) token(id int64) string {
	return l.Tokens.TokenHash("registry.ask.link", strconv.FormatInt(id, 10))[:40] // 160 bits
}

func (l *Letters) hash(token string) string { return l.Tokens.TokenHash("registry.ask", token) }

// asker is the part of Straža that asks when a verification has grown old.
var asker = ident.SystemPart("clock")

// AskContact sends a contact the letter that asks whether it is right, at once: the
// team's button. Needs registry.write and sight of the details. Faults: NotFound;
// Conflict without an address, when letters to it come back, or where no letters are
// sent; Limited when the address has had its letters.
func (s *Service) AskContact(ctx context.Context, who ident.Actor, uuid string, version int64, contact string) (c Contact, err error) {
	if err := access.Check(who, "registry.write"); err != nil {
		return c, err
	}
	err = s.part(ctx, who, uuid, version, func(tx *store.Tx, o *Organisation) error {
		if c, err = findContact(ctx, tx, o.ID, contact); err != nil {
			return err
		}
		switch {
		case c.Email == "":
			return unaskable("registry.fault.ask-no-email", o)
		case c.Bounces > 0:
			return unaskable("registry.fault.ask-bounced", o)
		case s.letters == nil || o.State != Active:
			return unaskable("registry.fault.ask-off", o)
		}
		if _, err := s.askTx(ctx, tx, who, c); err != nil {
			return err
		}
		c, err = findContact(ctx, tx, o.ID, contact)
		return err
	})
	return c, err
}

func unaskable(key string, o *Organisation) *fault.Error {
	return fault.New(fault.Conflict, "a contact of organisation %d cannot be asked", o.ID).WithKey(key)
}

// askTx writes one letter to the address of c about every contact point that has it
// and is due, whatever their organisations; c itself is asked about when a person
// wants it. Gives the number of points; 0 = nothing is due any more. Faults: Limited.
func (s *Service) askTx(ctx context.Context, tx *store.Tx, who ident.Actor, c Contact) (int, error) {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return 0, err
	}
	rule, forced := s.pack().Verify, who.Kind != ident.System
	n, last, err := letters(ctx, tx, emailKey(c.Email), instant(now).Add(-days(rule.WithinDays)))
	if err != nil {
		return 0, err
	}
	if err := rule.budget(n, last, instant(now), forced); err != nil {
		return 0, err
	}
	all, err := s.contactsByEmail(ctx, tx, emailKey(c.Email))
	if err != nil {
		return 0, err
	}
	a := Asking{At: instant(now), Ends: instant(now).Add(days(rule.ValidDays)), id: tx.DB().NewID()}
	var lines []string
	lang := i18n.Lang("")
	for _, x := range all {
		if !rule.stale(x, instant(now)) && !(forced && x.ID == c.ID) {
			continue
		}
		o, err := orgByID(ctx, tx, asker, x.org)
		if err != nil {
			return 0, err
		}
		if o.State != Active || !o.Local {
			continue
		}
		if lang == "" || x.ID == c.ID {
			lang = rule.lang(x, o.Country)
		}
		x.Asked = instant(now)
		a.Points = append(a.Points, Point{Contact: x, Organisation: o.Name})
		if err := s.asked(ctx, tx, who, &o, x, x.ID == c.ID); err != nil {
			return 0, err
		}
		lines = append(lines, "– "+o.Label(lang)+": "+s.pack().Contacts.Label(x.Kind, lang))
	}
	if len(a.Points) == 0 {
		return 0, nil
	}
	token := s.letters.token(a.id)
	if err := writeAsk(ctx, tx, a, emailKey(c.Email), s.letters.hash(token)); err != nil {
		return 0, err
	}
	return len(a.Points), s.post(ctx, tx, a, token, lang, lines)
}

// asked notes at the contact and in the history of its organisation that it was
// asked: by the person who wanted it, by the clock for the others of the address.
func (s *Service) asked(ctx context.Context, tx *store.Tx, who ident.Actor, o *Organisation, c Contact, wanted bool) error {
	if !wanted {
		who = asker
	}
	if err := updateContact(ctx, tx, c); err != nil {
		return err
	}
	return s.contactDone(ctx, tx, who, o, "contact-ask", []Field{{Name: "asked", To: day(c.Asked)}})
}

func (s *Service) post(ctx context.Context, tx *store.Tx, a Asking, token string, lang i18n.Lang, lines []string) error {
	l, name := s.letters, s.pack().Verify.Letter
	host, err := s.HostTx(ctx, tx, asker)
	if err != nil { // without a host nobody asks in its name
		return err
	}
	args := []any{"house", host.Label(lang), "points", strings.Join(lines, "\n"), "link", l.Link(lang, token), "until", i18n.Date(lang, a.Ends)}
	_, err = l.Post.QueueTx(ctx, tx, mail.Letter{Purpose: "registry." + name, To: a.Points[0].Contact.Email, Lang: string(lang),
		Subject: l.Text.T(lang, "registry.letter."+name+".subject", args...), Body: l.Text.T(lang, "registry.letter."+name+".body", args...)})
	return err
}

// Asking shows what a letter asks to whoever holds its link. Reading changes nothing.
// Faults: NotFound; Gone when the link's time is over.
func (s *Service) Asking(ctx context.Context, who ident.Actor, token string) (a Asking, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		a, err = s.openAsking(ctx, tx, who, token)
		return err
	})
	return a, err
}

func (s *Service) openAsking(ctx context.Context, tx *store.Tx, who ident.Actor, token string) (Asking, error) {
	if s.letters == nil || len(token) != 40 {
		return Asking{}, fault.New(fault.NotFound, "no such letter")
	}
	a, err := s.findAsking(ctx, tx, s.letters.hash(token))
	if err != nil {
		return a, err
	}
	now, err := store.Now(ctx, tx)
	if err == nil && !instant(now).Before(a.Ends) {
		err = fault.New(fault.Gone, "letter %d can no longer be answered", a.id).WithKey("registry.fault.ask-over")
	}
	for i, p := range a.Points {
		o, err := orgByID(ctx, tx, asker, p.Contact.org)
		if err != nil {
			return a, err
		}
		a.Points[i].Organisation = o.Label(i18n.Lang(who.Lang))
	}
	return a, err
}

// ConfirmAsked says that everything a letter asks and nobody has answered yet is
// right: the cycle of those contacts begins anew. Whoever holds the link may say so;
// saying it twice changes nothing. Faults as Asking.
func (s *Service) ConfirmAsked(ctx context.Context, who ident.Actor, token string) error {
	return s.answer(ctx, who, token, func(tx *store.Tx, who ident.Actor, p Point, now time.Time) error {
		if p.Answer != "" {
			return nil
		}
		o, err := orgByID(ctx, tx, asker, p.Contact.org)
		if err != nil {
			return err
		}
		if err := answer(ctx, tx, p, Right, now); err != nil {
			return err
		}
		return s.confirm(ctx, tx, who, &o, &p.Contact, now)
	})
}

// RefuteAsked says what is wrong with a contact that a letter asks about: a remark
// on its organisation's page, once a letter and contact. Faults: as Asking; Invalid
// on "body" or "contact"; Conflict when it was said already.
func (s *Service) RefuteAsked(ctx context.Context, who ident.Actor, token, contact, body string) error {
	body, err := checkRemark(body)
	if err != nil {
		return err
	}
	found := false
	err = s.answer(ctx, who, token, func(tx *store.Tx, who ident.Actor, p Point, now time.Time) error {
		if p.Contact.UUID != contact {
			return nil
		}
		if found = true; p.Answer == Wrong {
			return fault.New(fault.Conflict, "letter point %d was refuted already", p.row).WithKey("registry.fault.ask-said")
		}
		o, err := orgByID(ctx, tx, asker, p.Contact.org)
		if err != nil {
			return err
		}
		if err := answer(ctx, tx, p, Wrong, now); err != nil {
			return err
		}
		r := Remark{UUID: tx.DB().NewUUID(), Contact: p.Contact.Name, Body: body, At: now}
		if err := writeRemark(ctx, tx, r, o); err != nil {
			return err
		}
		return s.touch(ctx, tx, who, &o, "contact-refute", named(p.Contact.Name))
	})
	if err == nil && !found {
		err = fault.Field("contact", "registry.fault.ask-contact", "the letter asks about no such contact")
	}
	return err
}

// answer runs an answer on each point of a letter. History names the contact point,
// which is all that is known of who answers.
func (s *Service) answer(ctx context.Context, who ident.Actor, token string, fn func(tx *store.Tx, who ident.Actor, p Point, now time.Time) error) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		a, err := s.openAsking(ctx, tx, who, token)
		if err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		for _, p := range a.Points {
			who := ident.Nobody(who.Channel)
			who.Name = p.Contact.Name
			if err := fn(tx, who, p, instant(now)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Remarks lists what was said to be wrong about an organisation's contacts, open ones
// first, at most 50. Faults as Resources.
func (s *Service) Remarks(ctx context.Context, who ident.Actor, uuid string) (list []Remark, err error) {
	err = s.details(ctx, who, uuid, func(tx *store.Tx, o Organisation) error {
		list, err = listRemarks(ctx, tx, o.ID)
		return err
	})
	return list, err
}

// SettleRemark says that a remark was dealt with; open takes that back. Rights and
// faults as AddContact; Conflict when it is so already.
func (s *Service) SettleRemark(ctx context.Context, who ident.Actor, uuid, remark string, open bool) error {
	return s.part(ctx, who, uuid, 0, func(tx *store.Tx, o *Organisation) error {
		r, err := findRemark(ctx, tx, o.ID, remark)
		if err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		act := "remark-settle"
		if open {
			act, err = "remark-reopen", restore(&r.Settled, r.UUID)
		} else {
			err = withdraw(&r.Settled, instant(now), r.UUID)
		}
		if err != nil {
			return err
		}
		if err := settleRemark(ctx, tx, r, who.Person); err != nil {
			return err
		}
		return s.touch(ctx, tx, who, o, act, named(r.Contact))
	})
}
