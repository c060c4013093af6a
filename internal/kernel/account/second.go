package account

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/vault/totp"
)

// Enrolment is a new authenticator before it is confirmed: shown once.
type Enrolment struct {
	Secret string // base32, in groups of four
	URI    string // otpauth address, for the QR code
}

// seedCell is the encrypted cell of an authenticator's seed.
func seedCell(id, person int64) vault.Field {
	return vault.Field{Table: "account_totp", Column: "seed", Row: id, Org: person}
}

// StartTOTP makes a new seed for the asker's authenticator app. It counts only
// after ConfirmTOTP; an unconfirmed one is replaced. Whoever has a second factor
// already must have shown it freshly. Faults: Conflict when one is confirmed.
func (s *Service) StartTOTP(ctx context.Context, who ident.Actor) (e Enrolment, err error) {
	err = s.own(ctx, who, func(tx *store.Tx, p Person) error {
		if err := s.FreshTx(ctx, tx, who); err != nil {
			return err
		}
		secret, err := totp.NewSecret(s.db.Clock)
		if err != nil {
			return err
		}
		e = Enrolment{Secret: groups(totp.Text(secret), 4), URI: totp.URI(s.cfg.Name, p.Email, secret)}
		return s.saveSeedTx(ctx, tx, who, p, secret, false)
	})
	return e, err
}

func (s *Service) saveSeedTx(ctx context.Context, tx *store.Tx, who ident.Actor, p Person, secret []byte, confirmed bool) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	if err := dropUnconfirmedTOTP(ctx, tx, p.ID); err != nil {
		return err
	}
	id := s.db.NewID()
	cell, err := s.keys.Seal(seedCell(id, p.ID), secret)
	if err != nil {
		return err
	}
	if err := insertTOTP(ctx, tx, id, p.ID, cell, confirmed, now); err != nil {
		if store.IsUnique(err) {
			return fault.New(fault.Conflict, "an authenticator is enrolled").WithKey("account.totp-there").Because(err)
		}
		return err
	}
	return s.audit.Record(ctx, tx, who, "totp.start", thing(p), map[string]bool{"confirmed": confirmed})
}

// ConfirmTOTP makes the new authenticator count, once a code of it was shown,
// and gives ten recovery codes when the person had none left. The session gets a
// new token: it has a second factor now. Faults: Denied "account.refused", Limited.
func (s *Service) ConfirmTOTP(ctx context.Context, who ident.Actor, from From, code string) (e Entered, codes []string, err error) {
	ticket, err := s.Attempt(ctx, Guess{Account: who.Email, Addr: from.Addr})
	if err != nil {
		return e, nil, err
	}
	ok, secret := false, []byte(nil)
	err = s.own(ctx, who, func(tx *store.Tx, p Person) error {
		ok, codes = false, nil
		if _, secret, _, err = s.seedTx(ctx, tx, p.ID, false); err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if ok, err = s.spendTOTPTx(ctx, tx, p, code, now, false); err != nil {
			return err
		}
		if !ok {
			return s.refuseTx(ctx, tx, from, p, "code")
		}
		if err := confirmTOTP(ctx, tx, p.ID); err != nil {
			return err
		}
		left, err := countRecovery(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		if left == 0 {
			if codes, err = s.newCodesTx(ctx, tx, p); err != nil {
				return err
			}
		}
		if e, err = s.renewTx(ctx, tx, who, true); err != nil {
			return err
		}
		if err := s.audit.Record(ctx, tx, who, "totp.confirm", thing(p), nil); err != nil {
			return err
		}
		return s.RightTx(ctx, tx, ticket)
	})
	if err == nil && !ok {
		err = refused()
	}
	if err == nil && s.cfg.Enrolled != nil {
		s.cfg.Enrolled(ctx, who, totp.Text(secret))
	}
	return e, codes, err
}

// RemoveTOTP takes the asker's authenticator away; needs a fresh second factor.
func (s *Service) RemoveTOTP(ctx context.Context, who ident.Actor) error {
	return s.own(ctx, who, func(tx *store.Tx, p Person) error {
		if err := s.FreshTx(ctx, tx, who); err != nil {
			return err
		}
		if err := dropTOTP(ctx, tx, p.ID); err != nil {
			return err
		}
		if err := s.tellTx(ctx, tx, p, "changed", "/account"); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "totp.remove", thing(p), nil)
	})
}

// EnrolTx gives a person a confirmed authenticator with a known seed: for the
// demo country and for tests, never for people. Faults: Denied.
func (s *Service) EnrolTx(ctx context.Context, tx *store.Tx, who ident.Actor, person int64, secret []byte) error {
	if who.Kind != ident.System {
		return fault.New(fault.Denied, "%s may not enrol others", who)
	}
	p, found, err := findByID(ctx, tx, person)
	if err != nil || !found {
		return err
	}
	return s.saveSeedTx(ctx, tx, who, p, secret, true)
}

// spendCodeTx uses up a code: "totp" or "recovery", "" when it is wrong.
func (s *Service) spendCodeTx(ctx context.Context, tx *store.Tx, p Person, code string, now int64) (string, error) {
	digits := onlyDigits(code)
	if len(digits) == totp.Digits {
		ok, err := s.spendTOTPTx(ctx, tx, p, digits, now, true)
		if err != nil || ok {
			return map[bool]string{true: "totp"}[ok], err
		}
		return "", nil
	}
	if len(digits) != recoveryDigits {
		return "", nil
	}
	ok, err := spendRecovery(ctx, tx, p.ID, s.recoveryHash(p.ID, digits), now)
	return map[bool]string{true: "recovery"}[ok], err
}

// spendTOTPTx checks a code and consumes its step: the insert of the step is the
// use, and a row can be inserted once, on both engines and on every node.
func (s *Service) spendTOTPTx(ctx context.Context, tx *store.Tx, p Person, code string, now int64, confirmed bool) (bool, error) {
	id, secret, last, err := s.seedTx(ctx, tx, p.ID, confirmed)
	if err != nil || id == 0 {
		return false, err
	}
	step, ok := totp.Verify(secret, onlyDigits(code), time.UnixMicro(now), last)
	if !ok {
		return false, nil
	}
	return useStep(ctx, tx, id, step)
}

// seedTx opens the seed of a person's authenticator; id 0 when there is none.
func (s *Service) seedTx(ctx context.Context, tx *store.Tx, person int64, confirmed bool) (id int64, secret []byte, last int64, err error) {
	id, cell, last, err := findTOTP(ctx, tx, person, confirmed)
	if err != nil || id == 0 {
		return 0, nil, 0, err
	}
	secret, err = s.keys.Open(seedCell(id, person), cell)
	return id, secret, last, err
}

// onlyDigits reads a code as people type it, full-width digits and all; anything
// that is neither a digit nor a separator makes it wrong.
func onlyDigits(code string) string {
	if len(code) > 200 {
		return ""
	}
	out := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			return r
		case strings.ContainsRune(" -.\u00a0\u2007\u2009\u202f\t\r\n", r):
			return -1
		}
		return 'x'
	}, norm.NFKC.String(code))
	if strings.Contains(out, "x") {
		return ""
	}
	return out
}

const (
	recoveryCodes  = 10
	recoveryDigits = 15 // 50 bits behind a keyed hash and the limiter
)

// RecoveryCodes gives ten new codes and voids the old ones; shown once. Needs a
// fresh second factor.
func (s *Service) RecoveryCodes(ctx context.Context, who ident.Actor) (codes []string, err error) {
	err = s.own(ctx, who, func(tx *store.Tx, p Person) error {
		if err := s.FreshTx(ctx, tx, who); err != nil {
			return err
		}
		second, err := hasSecondFactor(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		if !second {
			return fault.New(fault.Conflict, "no second factor to recover").WithKey("account.no-second")
		}
		if codes, err = s.newCodesTx(ctx, tx, p); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "recovery.new", thing(p), map[string]int{"codes": len(codes)})
	})
	return codes, err
}

func (s *Service) newCodesTx(ctx context.Context, tx *store.Tx, p Person) ([]string, error) {
	if err := dropRecovery(ctx, tx, p.ID); err != nil {
		return nil, err
	}
	out := make([]string, recoveryCodes)
	for i := range out {
		digits, err := randomDigits(s.db.Clock, recoveryDigits)
		if err != nil {
			return nil, err
		}
		if err := insertRecovery(ctx, tx, s.db.NewID(), p.ID, s.recoveryHash(p.ID, digits)); err != nil {
			return nil, err
		}
		out[i] = groups(digits, 5)
	}
	return out, nil
}

func (s *Service) recoveryHash(person int64, digits string) string {
	return s.keys.TokenHash(kindRecovery, fmt.Sprintf("%d %s", person, digits))
}

// randomDigits draws uniform digits: bytes above 249 are thrown away.
func randomDigits(rand io.Reader, n int) (string, error) {
	var b [1]byte
	out := make([]byte, 0, n)
	for len(out) < n {
		if _, err := io.ReadFull(rand, b[:]); err != nil {
			return "", err
		}
		if b[0] < 250 {
			out = append(out, '0'+b[0]%10)
		}
	}
	return string(out), nil
}

// groups writes v in groups of n for reading and typing.
func groups(v string, n int) string {
	var out []string
	for ; v != ""; v = v[min(n, len(v)):] {
		out = append(out, v[:min(n, len(v))])
	}
	return strings.Join(out, " ")
}

// Factors is what a person can prove themself with.
type Factors struct {
	Password bool
	TOTP     bool // a confirmed authenticator
	Passkeys int64
	Recovery int64 // codes left
}

// Second tells whether there is a second factor.
func (f Factors) Second() bool { return f.TOTP || f.Passkeys > 0 }

// Factors lists the asker's own.
func (s *Service) Factors(ctx context.Context, who ident.Actor) (f Factors, err error) {
	if !who.LoggedIn() {
		return f, Unauthenticated()
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		p, _, err := findByID(ctx, tx, who.Person)
		if err != nil {
			return err
		}
		f.Password = p.HasPassword()
		id, _, _, err := findTOTP(ctx, tx, who.Person, true)
		if err != nil {
			return err
		}
		f.TOTP = id != 0
		if f.Passkeys, err = countPasskeys(ctx, tx, who.Person); err != nil {
			return err
		}
		f.Recovery, err = countRecovery(ctx, tx, who.Person)
		return err
	})
	return f, err
}
