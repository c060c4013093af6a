package account

import (
	"context"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Proof is what a person shows again before a sensitive act: one of the three.
type Proof struct {
	Code     string // of the authenticator, or a recovery code
	Password string // only for who has no second factor
	Passkey  []byte // the browser's answer to StartPasskey("step-up")
	Ticket   string // that ceremony's token
}

// FreshTx tells whether who proved themself within the last minutes (Policy.
// StepUpAge): with the second factor if they have one, else with the password.
// Any room calls it in the transaction of an act that needs it: exports in bulk,
// keys, roles, second factors, unsealing. A key is fresh on MISP's surface only,
// whose contract manages accounts with it; the machine's operator and parts of Straža always are. Faults: Denied "account.step-up".
func (s *Service) FreshTx(ctx context.Context, tx *store.Tx, who ident.Actor) error {
	switch {
	case who.Kind == ident.Operator, who.Kind == ident.System, fault.Planted("step-up-skipped"):
		return nil
	case who.Kind == ident.Person && who.Channel == ident.CLI && who.Key == 0:
		return nil // --as: the operator's own act
	case who.Kind == ident.Person && who.Channel == ident.MISP && who.Key != 0 && !who.ReadOnly:
		return nil // MISP's clients manage accounts by key; making that key needed the proof
	}
	stale := fault.New(fault.Denied, "%s: a fresh proof is needed", who).WithKey("account.step-up")
	if who.Session == 0 || who.Key != 0 {
		return stale
	}
	v, found, err := sessionByID(ctx, tx, who.Session)
	if err != nil {
		return err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	pol, err := s.policyTx(ctx, tx)
	if err != nil {
		return err
	}
	if !found || v.person != who.Person || v.stage != stageFull {
		return stale
	}
	second, err := hasSecondFactor(ctx, tx, who.Person)
	if err != nil {
		return err
	}
	shown := v.proved
	if second {
		shown = v.secondAt
	}
	if shown == 0 || now-shown >= us(pol.StepUpAge) {
		return stale
	}
	return nil
}

// Fresh is FreshTx on its own, for a page that asks before it shows a form.
func (s *Service) Fresh(ctx context.Context, who ident.Actor) error {
	return s.db.View(ctx, func(tx *store.Tx) error { return s.FreshTx(ctx, tx, who) })
}

// NeedsStepUp tells whether err asks for a fresh proof.
func NeedsStepUp(err error) bool {
	f := fault.Of(err)
	return f != nil && f.Key == "account.step-up"
}

// StepUp checks a fresh proof; the session gets the new token it returns. Faults:
// Denied "account.refused", Limited, Unauthenticated.
func (s *Service) StepUp(ctx context.Context, who ident.Actor, from From, proof Proof) (e Entered, err error) {
	if who.Session == 0 || who.Key != 0 {
		return e, Unauthenticated()
	}
	if len(proof.Passkey) > 0 {
		return s.stepUpPasskey(ctx, who, from, proof)
	}
	ticket, err := s.Attempt(ctx, Guess{Account: who.Email, Addr: from.Addr})
	if err != nil {
		return e, err
	}
	var p Person
	if err := s.db.View(ctx, func(tx *store.Tx) (err error) { p, _, err = findByID(ctx, tx, who.Person); return err }); err != nil {
		return e, err
	}
	password := false
	if proof.Code == "" {
		if password, err = s.hash.check(ctx, p.password, proof.Password); err != nil {
			return e, err
		}
	}
	ok := false
	err = s.own(ctx, who, func(tx *store.Tx, p Person) error {
		ok, e = false, Entered{}
		second, err := hasSecondFactor(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if second {
			kind, err := s.spendCodeTx(ctx, tx, p, proof.Code, now)
			if err != nil {
				return err
			}
			ok = kind != ""
		} else {
			ok = password
		}
		if !ok {
			return s.refuseTx(ctx, tx, from, p, "step-up")
		}
		if e, err = s.renewTx(ctx, tx, who, second); err != nil {
			return err
		}
		if err := s.audit.Record(ctx, tx, who, "session.step-up", thing(p), map[string]bool{"second_factor": second}); err != nil {
			return err
		}
		return s.RightTx(ctx, tx, ticket)
	})
	if err == nil && !ok {
		err = refused()
	}
	return e, err
}

// renewTx gives the asker's session a new token and notes the proof just shown.
// It keeps the session's end: proving oneself again does not lengthen it.
func (s *Service) renewTx(ctx context.Context, tx *store.Tx, who ident.Actor, second bool) (e Entered, err error) {
	if who.Session == 0 {
		return e, nil // the command line and the demo have none
	}
	old, found, err := sessionByID(ctx, tx, who.Session)
	if err != nil {
		return e, err
	}
	if !found || old.person != who.Person {
		return e, Unauthenticated()
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return e, err
	}
	if _, err := endSession(ctx, tx, old.person, old.uuid); err != nil {
		return e, err
	}
	v := session{stage: stageFull, created: old.created, ends: old.ends, secondAt: old.secondAt, proved: now, label: old.label}
	if second {
		v.secondAt = now
	}
	p, _, err := findByID(ctx, tx, who.Person)
	if err != nil {
		return e, err
	}
	if e.Token, v, err = s.openTx(ctx, tx, p, v); err != nil {
		return e, err
	}
	e.Ends, e.Person = time.UnixMicro(v.ends).UTC(), p
	return e, nil
}
