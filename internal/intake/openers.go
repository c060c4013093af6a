package intake

import (
	"context"
	"slices"
	"strings"
	"time"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault/unseal"
)

// Nonce is what a browser has a passkey sign for the unsealing process.
type Nonce struct {
	ID, Value, RPID string
	Keys            []string // base64url ids of the passkeys that it knows
	Until           time.Time
}

// Nonce draws one. Needs sealed.read. Faults: Conflict when none of the asker's
// passkeys is enrolled, Limited, Unavailable.
func (s *Service) Nonce(ctx context.Context, who ident.Actor) (Nonce, error) {
	door, err := s.readerDoor(who)
	if err != nil {
		return Nonce{}, err
	}
	c, err := door.Challenge(ctx, who.Email)
	if err == nil && len(c.Credentials) == 0 {
		err = fault.New(fault.Conflict, "no passkey of theirs is enrolled").WithKey("intake.fault.nokey")
	}
	return Nonce{c.ID, c.Nonce, c.RPID, c.Credentials, c.Until}, err
}

// OpenerRow is somebody on the list of the unsealing process.
type OpenerRow struct {
	Colleague
	Enrolled time.Time // zero: may ask by role, but is not on the list
	By       string    // who vouched; "" for the first
	Codes    int       // apps with one-time codes
	Passkeys int
}

// Openers are the team's people who may ask by role, and those of them that the
// unsealing process knows; own tells how many of the asker's passkeys it does not
// know yet. Needs sealed.read.
func (s *Service) Openers(ctx context.Context, who ident.Actor) (out []OpenerRow, own int, err error) {
	door, err := s.readerDoor(who)
	if err != nil {
		return nil, 0, err
	}
	team, err := s.Readers(ctx, who)
	if err != nil {
		return nil, 0, err
	}
	listed, err := door.People(ctx)
	if err != nil {
		return nil, 0, err
	}
	for _, c := range team {
		row := OpenerRow{Colleague: c}
		if i := slices.IndexFunc(listed, func(p unseal.Person) bool { return strings.EqualFold(p.Email, c.Email) }); i >= 0 {
			row.Enrolled, row.By, row.Codes, row.Passkeys = listed[i].Enrolled, listed[i].By, listed[i].Codes, listed[i].Passkeys
		}
		out = append(out, row)
		if strings.EqualFold(c.Email, who.Email) {
			keys, err := s.Passkeys(ctx, who)
			if err != nil {
				return nil, 0, err
			}
			own = max(0, len(keys)-row.Passkeys)
		}
	}
	return out, own, nil
}

// EnrolPasskeys brings the asker's own passkeys to the unsealing process; session is
// one of theirs, by code. It tells how many are new there. Faults: Denied when the
// session is over, Conflict when there is none to bring.
func (s *Service) EnrolPasskeys(ctx context.Context, who ident.Actor, session string) (n int, err error) {
	door, err := s.readerDoor(who)
	if err != nil {
		return 0, err
	}
	keys, err := s.Passkeys(ctx, who)
	if err != nil {
		return 0, err
	}
	for _, k := range keys {
		_, err := door.Enrol(ctx, unseal.Enrolment{Email: who.Email, Passkey: &k, Session: session})
		switch {
		case fault.Is(err, fault.Conflict): // known already
		case err != nil:
			return n, err
		default:
			n++
		}
	}
	if n == 0 {
		return 0, fault.New(fault.Conflict, "no new passkey").WithKey("intake.fault.nonewkey")
	}
	return n, s.enrolled(ctx, who, "unsealing.passkeys", who.Email, n)
}

// NewOpener is the one-time secret of somebody let in; it is shown once.
type NewOpener struct{ Name, Secret, URI string }

// EnrolOpener lets a colleague of the team ask for sealed reports; session is the
// asker's, who vouches. Faults: NotFound for who is not of the team or may not ask by
// role, Denied when the session is over.
func (s *Service) EnrolOpener(ctx context.Context, who ident.Actor, session, email string) (out NewOpener, err error) {
	door, err := s.readerDoor(who)
	if err != nil {
		return out, err
	}
	c, err := s.reader(ctx, who, email)
	if err != nil {
		return out, err
	}
	got, err := door.Enrol(ctx, unseal.Enrolment{Email: c.Email, Session: session})
	if err != nil {
		return out, err
	}
	return NewOpener{c.Name, got.Secret, got.URI}, s.enrolled(ctx, who, "unsealing.enrol", c.Email, 1)
}

// RemoveOpener takes a colleague off the list of the unsealing process.
func (s *Service) RemoveOpener(ctx context.Context, who ident.Actor, session, email string) error {
	door, err := s.readerDoor(who)
	if err != nil {
		return err
	}
	c, err := s.reader(ctx, who, email)
	if err == nil {
		err = door.Remove(ctx, c.Email, session)
	}
	if err != nil {
		return err
	}
	return s.enrolled(ctx, who, "unsealing.remove", c.Email, 1)
}

func (s *Service) reader(ctx context.Context, who ident.Actor, email string) (Colleague, error) {
	team, err := s.Readers(ctx, who)
	if err != nil {
		return Colleague{}, err
	}
	i := slices.IndexFunc(team, func(c Colleague) bool { return strings.EqualFold(c.Email, strings.TrimSpace(email)) })
	if i < 0 {
		return Colleague{}, fault.New(fault.NotFound, "nobody of the team who may read what is sealed")
	}
	return team[i], nil
}

// enrolled writes the audit line of a change of the list; the list itself and its own
// log are the unsealing process's.
func (s *Service) enrolled(ctx context.Context, who ident.Actor, verb, email string, n int) error {
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		return s.Audit.Record(ctx, tx, who, verb, audit.Thing{Kind: "person", Label: email}, map[string]any{"factors": n})
	})
}
