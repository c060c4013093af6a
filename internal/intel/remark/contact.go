package remark

import (
	"context"
	"strconv"
	"strings"

	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/kernel/account"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
)

// Addressee is where an organisation without accounts here is written to.
type Addressee struct {
	Email string
	Lang  i18n.Lang
}

// Contacts names the contact points of an organisation; app asks the registry.
type Contacts func(ctx context.Context, who ident.Actor, org string) ([]Addressee, error)

// How often somebody may write: a day, and a day about one event.
const (
	contactsDay   = 20
	contactsEvent = 3
	wordsMost     = 4000
	day           = 24 * hour
)

// wordsLeave tells whether what somebody writes about an event may stand in a letter,
// which travels unsealed: up to AMBER to people with an account here who read the event
// anyway, up to GREEN to an organisation's office (TLP 2.0). Pure.
func wordsLeave(label tlp.Level, office bool) bool {
	most := tlp.Amber
	if office {
		most = tlp.Green
	}
	return label.Or(tlp.Clear).Within(most)
}

// Contact asks the organisation behind an event to get in touch: a letter with the
// event's number, who asks, and their words, to those of its people here who may read
// the event (person: to its maker alone), else to its contact points in the registry.
// Nothing of the event's content goes. Who may: whoever sees the event and logs in as a
// person. Faults: NotFound; Denied; Limited past 20 a day or three about one event;
// Invalid "message" when the event's label keeps words out of letters; Unavailable when
// nobody can be reached.
func (s *Service) Contact(ctx context.Context, who ident.Actor, event, words string, person bool) (e intel.Event, err error) {
	if err := intel.MayRead(who); err != nil {
		return e, err
	}
	if who.ReadOnly || !who.LoggedIn() {
		return e, fault.New(fault.Denied, "%s writes no letters", who).WithKey("fault.read-only")
	}
	if s.d.Post == nil || s.d.People == nil || s.d.Text == nil || s.d.Link == nil {
		return e, fault.New(fault.Unavailable, "no letters leave from here").WithKey("intel.fault.contact.nobody")
	}
	words = strings.TrimSpace(clean(words))
	if len(words) > wordsMost {
		return e, fault.Field("message", "intel.fault.remark.long", "the text is too long")
	}
	if e, err = s.d.Intel.Event(ctx, who, event); err != nil {
		return e, err
	}
	away, err := s.away(ctx, &e)
	if err != nil {
		return e, err
	}
	if words != "" && !wordsLeave(s.d.Intel.LabelOf(ctx, who, &e), len(away) > 0) {
		return e, fault.Field("message", "intel.fault.contact.label", "the label keeps words about it out of letters")
	}
	return e, s.d.DB.Update(ctx, func(tx *store.Tx) error { return s.contact(ctx, tx, who, &e, words, person, away) })
}

// away are the contact points of the organisation behind an event, if nobody of it has
// an account here.
func (s *Service) away(ctx context.Context, e *intel.Event) ([]Addressee, error) {
	if s.d.Contacts == nil {
		return nil, nil
	}
	var people []int64
	err := s.d.DB.View(ctx, func(tx *store.Tx) (err error) {
		people, err = contacted(ctx, tx, e.ID, e.Origin.ID, false)
		return err
	})
	if err != nil || len(people) > 0 {
		return nil, err
	}
	list, err := s.d.Contacts(ctx, noticesPart, e.Origin.UUID)
	return list[:min(len(list), told)], err
}

func (s *Service) contact(ctx context.Context, tx *store.Tx, who ident.Actor, e *intel.Event, words string, person bool, away []Addressee) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	lately, err := contactsSince(ctx, tx, who.Person, e.ID, now-day)
	if err != nil {
		return err
	}
	if lately.all >= contactsDay || lately.event >= contactsEvent {
		return fault.New(fault.Limited, "%s wrote %d letters today", who, lately.all).WithKey("intel.fault.contact.many")
	}
	people, err := contacted(ctx, tx, e.ID, e.Origin.ID, person)
	if err != nil {
		return err
	}
	n := 0
	for _, id := range people {
		to, err := s.d.People.ResolveTx(ctx, tx, id, ident.Job)
		if account.IsUnauthenticated(err) {
			continue
		}
		if err != nil {
			return err
		}
		if mail.Address(to.Email) == "" {
			continue
		}
		if _, err := s.d.Intel.EventTx(ctx, tx, to, e.Ref()); err != nil {
			if err = orNone(err); err != nil {
				return err
			}
			continue
		}
		if err := s.contactLetter(ctx, tx, who, Addressee{to.Email, i18n.Lang(to.Lang)}, e, words, s.d.Link(e.Ref(), to.OnTeam())); err != nil {
			return err
		}
		n++
	}
	if n == 0 && !person {
		for _, a := range away {
			if mail.Address(a.Email) == "" {
				continue
			}
			if err := s.contactLetter(ctx, tx, who, a, e, words, ""); err != nil {
				return err
			}
			n++
		}
	}
	if n == 0 {
		return fault.New(fault.Unavailable, "nobody of the organisation can be written to").WithKey("intel.fault.contact.nobody")
	}
	if _, err := tx.Exec(ctx, noteContact, s.d.DB.NewID(), e.ID, who.Person, n, now); err != nil {
		return err
	}
	return s.d.Audit.Record(ctx, tx, who, "event.contact", audit.Thing{Kind: "event", ID: e.ID, Label: e.UUID}, map[string]any{"letters": n, "words": words != ""})
}

// contactLetter writes one. To somebody without an account here the event is named by
// its UUID, which means something on their own installation.
func (s *Service) contactLetter(ctx context.Context, tx *store.Tx, who ident.Actor, to Addressee, e *intel.Event, words, link string) error {
	name, reply := who.OrgName, mail.Address(who.Email)
	if who.Email != "" {
		name = who.Email + ", " + who.OrgName
	}
	ref := strconv.FormatInt(e.ID, 10)
	if link == "" {
		ref, link = e.UUID, ""
	}
	lang := to.Lang
	if lang == "" {
		lang = i18n.SrCyrl
	}
	body := s.d.Text.T(lang, "intel.notice.contact.body", "id", ref, "who", name)
	if link != "" {
		body += "\n" + link + "\n"
	}
	if words != "" {
		body += "\n" + words + "\n"
	}
	_, err := s.d.Post.QueueTx(ctx, tx, mail.Letter{Purpose: "intel", To: to.Email, Lang: string(lang), CERT: who.CERT, ReplyTo: reply,
		Subject: s.d.Text.T(lang, "intel.notice.contact.subject", "id", ref), Body: body})
	return err
}
