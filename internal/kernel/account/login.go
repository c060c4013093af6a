package account

import (
	"context"
	"time"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Entered is what a log-in step gives: a token for the cookie, and whether a
// second step is still to come (then the token opens only that).
type Entered struct {
	Token  string
	Second bool // ask for the second factor now
	Ends   time.Time
	Person Person
	Enrol  bool // the house wants a second factor, this person has none yet and their days of grace are over
}

// LogIn checks address and password, and in the same step the code when one is
// given (six digits, or a recovery code). Wrong, unknown, disabled and invited
// accounts get one answer after the same work. Faults: Denied "account.refused",
// Limited.
func (s *Service) LogIn(ctx context.Context, from From, email, password, code string) (e Entered, err error) {
	ticket, err := s.Attempt(ctx, Guess{Account: email, Addr: from.Addr})
	if err != nil {
		return e, err
	}
	var p Person
	if canonical, bad := Canonical(email); bad == nil {
		err = s.db.View(ctx, func(tx *store.Tx) (err error) { p, _, err = findByEmail(ctx, tx, canonical); return err })
		if err != nil {
			return e, err
		}
	}
	right, err := s.hash.check(ctx, p.password, password)
	if err != nil {
		return e, err
	}
	right = right && p.State == Active
	rehash := ""
	if right && s.hash.stale(p.password) {
		if rehash, err = s.hash.make(ctx, s.db.Clock, password); err != nil {
			return e, err
		}
	}
	entered := false
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		entered, e = false, Entered{}
		if !right {
			return s.refuseTx(ctx, tx, from, p, "password")
		}
		if e, err = s.enterTx(ctx, tx, from, p.ID, p.password, code); err != nil || e.Token == "" {
			return err
		}
		entered = true
		if rehash != "" {
			if err := setPassword(ctx, tx, p.ID, rehash); err != nil {
				return err
			}
		}
		return s.RightTx(ctx, tx, ticket)
	})
	if err == nil && !entered {
		err = refused()
	}
	return e, err
}

// enterTx opens a session for somebody whose password was right. It reads the
// person again: what was checked outside must still hold here.
func (s *Service) enterTx(ctx context.Context, tx *store.Tx, from From, person int64, hash, code string) (e Entered, err error) {
	p, found, err := findByID(ctx, tx, person)
	if err != nil {
		return e, err
	}
	if !found || p.State != Active || p.password != hash {
		return e, s.refuseTx(ctx, tx, from, p, "password")
	}
	second, err := hasSecondFactor(ctx, tx, p.ID)
	if err != nil {
		return e, err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return e, err
	}
	v := session{stage: stageFull, proved: now, label: label(from.Label)}
	switch {
	case second && code == "":
		v.stage, v.proved = stageSecond, 0
	case second:
		kind, err := s.spendCodeTx(ctx, tx, p, code, now)
		if err != nil {
			return e, err
		}
		if kind == "" {
			return e, s.refuseTx(ctx, tx, from, p, "code")
		}
		v.secondAt = now
	}
	return s.beginTx(ctx, tx, from, p, v)
}

// beginTx opens the session and records it.
func (s *Service) beginTx(ctx context.Context, tx *store.Tx, from From, p Person, v session) (e Entered, err error) {
	if e.Token, v, err = s.openTx(ctx, tx, p, v); err != nil {
		return e, err
	}
	e.Second, e.Ends, e.Person = v.stage == stageSecond, time.UnixMicro(v.ends).UTC(), p
	if e.Second {
		return e, nil
	}
	pol, err := s.policyTx(ctx, tx)
	if err != nil {
		return e, err
	}
	a, err := s.ResolveTx(ctx, tx, p.ID, from.Channel)
	if err != nil {
		return e, err
	}
	by := pol.enrolBy(a.Roles, p.Created)
	e.Enrol = v.secondAt == 0 && by != 0 && v.seen >= by
	a.RequestID = from.RequestID
	return e, s.audit.Record(ctx, tx, a, "session.log-in", thing(p), map[string]bool{"second_factor": v.secondAt != 0})
}

// refuseTx leaves the trace of a failed proof: the same write for known and
// unknown accounts, so that neither time nor size tells them apart.
func (s *Service) refuseTx(ctx context.Context, tx *store.Tx, from From, p Person, what string) error {
	who := ident.Nobody(from.Channel)
	who.RequestID = from.RequestID
	on := thing(p)
	return s.audit.Record(ctx, tx, who, "session.refused", on, map[string]string{"proof": what, "prefix": Prefix(from.Addr)})
}

// SecondStep finishes a log-in with a code; the first step's token ends and a new
// one is given. Faults: Unauthenticated when the first step is too old, Denied
// "account.refused", Limited.
func (s *Service) SecondStep(ctx context.Context, from From, token, code string) (e Entered, err error) {
	p, err := s.half(ctx, token)
	if err != nil {
		return e, err
	}
	ticket, err := s.Attempt(ctx, Guess{Account: p.Email, Addr: from.Addr})
	if err != nil {
		return e, err
	}
	entered := false
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		entered, e = false, Entered{}
		v, now, err := s.liveTx(ctx, tx, token, stageSecond)
		if err != nil {
			return err
		}
		if p, _, err = findByID(ctx, tx, v.person); err != nil {
			return err
		}
		kind := ""
		if p.State == Active {
			if kind, err = s.spendCodeTx(ctx, tx, p, code, now); err != nil {
				return err
			}
		}
		if kind == "" {
			return s.refuseTx(ctx, tx, from, p, "code")
		}
		if _, err := endSession(ctx, tx, v.person, v.uuid); err != nil {
			return err
		}
		if e, err = s.beginTx(ctx, tx, from, p, session{stage: stageFull, proved: now, secondAt: now, label: label(from.Label)}); err != nil {
			return err
		}
		entered = true
		return s.RightTx(ctx, tx, ticket)
	})
	if err == nil && !entered {
		err = refused()
	}
	return e, err
}

// half gives the person whose second step a token waits for.
func (s *Service) half(ctx context.Context, token string) (p Person, err error) {
	if !tokenShape(token) {
		return p, Unauthenticated()
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		v, _, err := s.liveTx(ctx, tx, token, stageSecond)
		if err != nil {
			return err
		}
		p, _, err = findByID(ctx, tx, v.person)
		return err
	})
	return p, err
}

// SetPassword changes the asker's own password: the old one proves it (a person
// without one needs a fresh second factor). All other sessions end; the current
// one gets the new token it returns. Faults: Denied, Invalid on password, Limited.
func (s *Service) SetPassword(ctx context.Context, who ident.Actor, from From, old, password string) (e Entered, err error) {
	if !who.LoggedIn() || who.Key != 0 && (who.Channel != ident.MISP || who.ReadOnly) {
		return e, Unauthenticated()
	}
	var p Person
	if err := s.db.View(ctx, func(tx *store.Tx) (err error) { p, _, err = findByID(ctx, tx, who.Person); return err }); err != nil {
		return e, err
	}
	if who.Key != 0 && !p.HasPassword() { // a key alone does not become a way into the pages
		return e, refused()
	}
	var ticket Ticket
	if p.HasPassword() {
		if ticket, err = s.Attempt(ctx, Guess{Account: p.Email, Addr: from.Addr}); err != nil {
			return e, err
		}
		if ok, err := s.hash.check(ctx, p.password, old); err != nil || !ok {
			return e, orRefused(err)
		}
	}
	if err := checkPassword(password, p); err != nil {
		return e, err
	}
	hashed, err := s.hash.make(ctx, s.db.Clock, password)
	if err != nil {
		return e, err
	}
	err = s.own(ctx, who, func(tx *store.Tx, now Person) error {
		if now.password != p.password {
			return refused()
		}
		if !p.HasPassword() {
			if err := s.FreshTx(ctx, tx, who); err != nil {
				return err
			}
		}
		if err := setPassword(ctx, tx, p.ID, hashed); err != nil {
			return err
		}
		if err := dropLinks(ctx, tx, p.ID); err != nil {
			return err
		}
		if err := endSessionsOf(ctx, tx, p.ID, who.Session); err != nil {
			return err
		}
		if e, err = s.renewTx(ctx, tx, who, false); err != nil {
			return err
		}
		if err := s.audit.Record(ctx, tx, who, "person.password", thing(p), nil); err != nil {
			return err
		}
		if err := s.tellTx(ctx, tx, p, "changed", "/account"); err != nil {
			return err
		}
		return s.RightTx(ctx, tx, ticket)
	})
	return e, err
}

func orRefused(err error) error {
	if err == nil {
		return refused()
	}
	return err
}
