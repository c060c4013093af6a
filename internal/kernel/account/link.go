package account

import (
	"context"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// Kinds of link.
const (
	linkInvite = "invite"
	linkReset  = "reset"
	linkSetup  = "setup"
)

// setupLife is how long the first administrator has; serve prints a new link at
// each start of an empty installation.
const setupLife = 24 * time.Hour

// mostLetters bounds letters to one address in an hour: somebody else may be asking.
const mostLetters = 3

// Link is what the page behind a link may show before its button is pressed.
type Link struct {
	Kind  string // "invite", "reset", "setup"
	Email string // the address that the link is bound to
	Name  string
	Lang  string
}

// linkRow is a row with what only this package knows.
type linkRow struct {
	id, person, created, ends, used int64
	kind, email                     string
}

// Invite sends a new invitation to somebody who has not entered yet and voids
// the earlier ones. The link itself is given to the machine's operator and to
// parts of Straža only: an administrator must not enter as somebody else. Where
// letters stay in the machine (Config.ByHand) an administrator gets it, too.
// Faults: NotFound, Conflict when the account is open, Limited.
func (s *Service) Invite(ctx context.Context, who ident.Actor, find string) (e Entry, link string, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		p, err := s.findTx(ctx, tx, who, find)
		if err != nil {
			return err
		}
		if err := s.outranksTx(ctx, tx, who, p); err != nil {
			return err
		}
		if p.State != Invited {
			return fault.New(fault.Conflict, "the account is %s", p.State).WithKey("account.not-invited")
		}
		if link, err = s.inviteTx(ctx, tx, who, p); err != nil {
			return err
		}
		e, err = s.entryTx(ctx, tx, p)
		return err
	})
	return e, link, err
}

// ResetPassword makes a link with which somebody chooses a new password and sends it;
// the second factor stays. Who gets the link itself: as Invite. Needs a fresh proof of a
// person who asks. Faults: NotFound, Conflict unless the account is open, Limited.
func (s *Service) ResetPassword(ctx context.Context, who ident.Actor, find string) (e Entry, link string, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		p, err := s.findTx(ctx, tx, who, find)
		if err != nil {
			return err
		}
		if err := s.FreshTx(ctx, tx, who); err != nil {
			return err
		}
		if err := s.outranksTx(ctx, tx, who, p); err != nil {
			return err
		}
		if p.State != Active {
			return fault.New(fault.Conflict, "the account is %s", p.State).WithKey("account.not-open")
		}
		pol, err := s.policyTx(ctx, tx)
		if err != nil {
			return err
		}
		if link, err = s.linkTx(ctx, tx, who, p, linkReset, pol.ResetLife); err != nil {
			return err
		}
		if who.Kind == ident.Person && !(s.cfg.ByHand && access.Allowed(who, "admin.people")) {
			link = ""
		}
		if e, err = s.entryTx(ctx, tx, p); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "person.reset-link", thing(p), nil)
	})
	return e, link, err
}

func (s *Service) inviteTx(ctx context.Context, tx *store.Tx, who ident.Actor, p Person) (string, error) {
	pol, err := s.policyTx(ctx, tx)
	if err != nil {
		return "", err
	}
	link, err := s.linkTx(ctx, tx, who, p, linkInvite, pol.InvitationLife)
	if err != nil {
		return "", err
	}
	if err := s.audit.Record(ctx, tx, who, "person.invite", thing(p), nil); err != nil {
		return "", err
	}
	// Where no letter leaves the machine nobody could ever enter otherwise.
	if who.Kind == ident.Person && !(s.cfg.ByHand && access.Allowed(who, "admin.people")) {
		return "", nil
	}
	return link, nil
}

// linkTx makes a link for a person, voids the earlier ones of the kind and
// writes the letter.
func (s *Service) linkTx(ctx context.Context, tx *store.Tx, who ident.Actor, p Person, kind string, life time.Duration) (string, error) {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return "", err
	}
	if who.Kind == ident.Person || who.Kind == ident.Anonymous {
		n, err := countLinks(ctx, tx, p.ID, now-us(time.Hour))
		if err != nil {
			return "", err
		}
		if n >= mostLetters {
			return "", fault.New(fault.Limited, "%d letters in an hour", n).WithKey("account.letters-many").After(time.Hour)
		}
	}
	if err := voidLinks(ctx, tx, p.ID, kind, now); err != nil {
		return "", err
	}
	token, err := s.token()
	if err != nil {
		return "", err
	}
	row := linkRow{id: s.db.NewID(), kind: kind, person: p.ID, email: p.Email, created: now, ends: now + us(life)}
	if err := insertLink(ctx, tx, row, s.keys.TokenHash(kindLink, token), who.String()); err != nil {
		return "", err
	}
	path := "/invitation/" + token
	if kind == linkSetup {
		return s.link("/setup/" + token), nil
	}
	letter := map[string]string{linkInvite: "invitation", linkReset: "reset"}[kind]
	return s.link(path), s.tellTx(ctx, tx, p, letter, path)
}

// tellTx writes a letter to a person about their own account.
func (s *Service) tellTx(ctx context.Context, tx *store.Tx, p Person, kind, path string) error {
	if s.letters == nil {
		return nil
	}
	return s.letters.LetterTx(ctx, tx, Letter{Kind: kind, Person: p.ID, To: p.Address, Name: p.Name, Lang: p.Lang, Link: s.link(path)})
}

// ForgotPassword sends a link to choose a new password, if there is an open
// account with this address; the answer is the same in every case, and so is the
// work until then: what differs is done by a job. The second factor stays.
// Faults: Limited, by network and for every address alike.
func (s *Service) ForgotPassword(ctx context.Context, from From, email string) error {
	if _, err := s.Attempt(ctx, Guess{Addr: from.Addr, Door: "forgot"}); err != nil {
		return err
	}
	who := ident.Nobody(from.Channel)
	who.RequestID = from.RequestID
	return s.db.Update(ctx, func(tx *store.Tx) error {
		var p Person
		if canonical, bad := Canonical(email); bad == nil {
			var err error
			if p, _, err = findByEmail(ctx, tx, canonical); err != nil {
				return err
			}
		}
		if err := s.audit.Record(ctx, tx, who, "person.forgot", thing(p), nil); err != nil {
			return err
		}
		return jobs.Enqueue(ctx, tx, jobs.Job{Kind: jobForgot, Payload: forgotten{p.ID}})
	})
}

// forgotten is the payload of account.forgot; Person 0 = nobody has that address.
type forgotten struct {
	Person int64 `json:"person"`
}

const jobForgot = "account.forgot"

// forgot writes the letter that somebody asked for, if there is anybody to get it.
func (s *Service) forgot(ctx context.Context, t *jobs.Task) error {
	var f forgotten
	if err := t.Decode(&f); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		p, _, err := findByID(ctx, tx, f.Person)
		if err != nil {
			return err
		}
		pol, err := s.policyTx(ctx, tx)
		if err != nil {
			return err
		}
		switch p.State {
		case Active:
			_, err = s.linkTx(ctx, tx, ident.Nobody(ident.Job), p, linkReset, pol.ResetLife)
		case Invited:
			_, err = s.linkTx(ctx, tx, ident.Nobody(ident.Job), p, linkInvite, pol.InvitationLife)
		}
		if err != nil && !fault.Is(err, fault.Limited) { // limited: enough letters are on their way
			return err
		}
		return t.FinishTx(ctx, tx)
	}, store.InLane(store.Jobs))
}

// Link tells what a link is for, without using it. Faults: Gone for unknown,
// used, void and expired links alike.
func (s *Service) Link(ctx context.Context, token string) (l Link, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		row, p, err := s.linkOfTx(ctx, tx, token)
		l = Link{Kind: row.kind, Email: row.email, Name: p.Name, Lang: p.Lang}
		return err
	})
	return l, err
}

func gone() error {
	return fault.New(fault.Gone, "the link is used up or too old").WithKey("account.link-gone")
}

// linkOfTx reads a live link and its person, whose address must still be the one
// that the letter went to.
func (s *Service) linkOfTx(ctx context.Context, tx *store.Tx, token string) (row linkRow, p Person, err error) {
	if !tokenShape(token) {
		return row, p, gone()
	}
	row, found, err := findLink(ctx, tx, s.keys.TokenHash(kindLink, token))
	if err != nil {
		return row, p, err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return row, p, err
	}
	if !found || row.used != 0 || now >= row.ends {
		return linkRow{}, p, gone()
	}
	if row.kind == linkSetup {
		// Somebody was added by command meanwhile: the house is not empty any more.
		if n, err := countPeople(ctx, tx); err != nil || n > 0 {
			return linkRow{}, p, orGone(err)
		}
		return row, p, nil
	}
	p, found, err = findByID(ctx, tx, row.person)
	if err != nil {
		return linkRow{}, p, err
	}
	if !found || p.Email != row.email || p.State == Disabled {
		return linkRow{}, Person{}, gone()
	}
	return row, p, nil
}

// Accept uses an invitation or reset link: the password is set, the account is
// open, other sessions end, and a session begins (its second step first, when the
// person has a second factor). Exactly one of many parallel uses succeeds.
// Faults: Gone, Invalid on password.
func (s *Service) Accept(ctx context.Context, from From, token, password string) (e Entered, err error) {
	var p Person
	err = s.db.View(ctx, func(tx *store.Tx) error {
		row, found, err := s.linkOfTx(ctx, tx, token)
		if err == nil && row.kind == linkSetup {
			return gone()
		}
		p = found
		return err
	})
	if err != nil {
		return e, err
	}
	if err := checkPassword(password, p); err != nil {
		return e, err
	}
	hashed, err := s.hash.make(ctx, s.db.Clock, password)
	if err != nil {
		return e, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		row, p, err := s.consumeTx(ctx, tx, token)
		if err != nil {
			return err
		}
		after := p
		after.State = Active
		if err := s.moveTx(ctx, tx, p, after); err != nil {
			return err
		}
		if err := setPassword(ctx, tx, p.ID, hashed); err != nil {
			return err
		}
		if err := endSessionsOf(ctx, tx, p.ID, 0); err != nil {
			return err
		}
		verb := map[string]string{linkInvite: "person.accept", linkReset: "person.reset"}[row.kind]
		if err := s.audit.Record(ctx, tx, actorOf(after, from), verb, thing(p), nil); err != nil {
			return err
		}
		if row.kind == linkReset {
			if err := s.tellTx(ctx, tx, p, "changed", "/account"); err != nil {
				return err
			}
		}
		e, err = s.enterTx(ctx, tx, from, p.ID, hashed, "")
		return err
	})
	return e, err
}

// consumeTx uses a link up: one update that finds it unused.
func (s *Service) consumeTx(ctx context.Context, tx *store.Tx, token string) (row linkRow, p Person, err error) {
	if row, p, err = s.linkOfTx(ctx, tx, token); err != nil {
		return row, p, err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return row, p, err
	}
	ok, err := useLink(ctx, tx, row.id, now)
	if err == nil && !ok {
		err = gone()
	}
	return row, p, err
}

// SetupLink gives the one-time link for the first administrator while nobody has
// an account, "" afterwards; earlier links are void. serve prints it.
func (s *Service) SetupLink(ctx context.Context) (link string, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		link = ""
		n, err := countPeople(ctx, tx)
		if err != nil || n > 0 {
			return err
		}
		who := ident.SystemPart("setup")
		if link, err = s.linkTx(ctx, tx, who, Person{}, linkSetup, setupLife); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "setup.link", audit.Thing{Kind: "installation"}, nil)
	})
	return link, err
}

// Setup uses the first administrator's link: makes that person, active, in org,
// and begins their session. Faults: Gone, Conflict when somebody has an account
// already, Invalid as in Add.
func (s *Service) Setup(ctx context.Context, from From, token string, n NewPerson) (e Entered, err error) {
	l, err := s.Link(ctx, token)
	if err != nil {
		return e, err
	}
	if l.Kind != linkSetup {
		return e, gone()
	}
	if err := checkPassword(n.Password, Person{Name: n.Name, Email: subjectOf(n.Email)}); err != nil {
		return e, err
	}
	hashed, err := s.hash.make(ctx, s.db.Clock, n.Password)
	if err != nil {
		return e, err
	}
	n.Roles = []string{access.Admin}
	who := ident.SystemPart("setup")
	who.Channel, who.RequestID = from.Channel, from.RequestID
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if _, _, err := s.consumeTx(ctx, tx, token); err != nil {
			return err
		}
		if n, err := countPeople(ctx, tx); err != nil || n > 0 {
			return orGone(err)
		}
		p, err := s.AddTx(ctx, tx, who, n, hashed)
		if err != nil {
			return err
		}
		e, err = s.enterTx(ctx, tx, from, p.ID, hashed, "")
		return err
	}, store.Serializable())
	return e, err
}

func orGone(err error) error {
	if err == nil {
		return gone()
	}
	return err
}

// LogInAs begins a session for a persona of the demo country, as if every factor
// had been shown. Faults: NotFound unless the installation runs as a demo.
func (s *Service) LogInAs(ctx context.Context, from From, uuid string) (e Entered, err error) {
	id, ok := store.ParseUUID(uuid)
	if !s.cfg.Demo || !ok {
		return e, fault.New(fault.NotFound, "no personas here")
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		p, found, err := findByUUID(ctx, tx, id)
		if err != nil {
			return err
		}
		if !found || p.State != Active {
			return fault.New(fault.NotFound, "no such persona")
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		e, err = s.beginTx(ctx, tx, from, p, session{stage: stageFull, secondAt: now, proved: now, label: label(from.Label)})
		return err
	})
	return e, err
}

// Demo tells whether persona links work here.
func (s *Service) Demo() bool { return s.cfg.Demo }

// Personas lists the people a demo visitor may become. Faults: NotFound outside a demo.
func (s *Service) Personas(ctx context.Context) (out []Entry, err error) {
	if !s.cfg.Demo {
		return nil, fault.New(fault.NotFound, "no personas here")
	}
	who, err := s.Operator(ctx, "demo")
	if err != nil {
		return nil, err
	}
	return s.People(ctx, who, PeopleFilter{State: Active, Limit: 1000})
}
