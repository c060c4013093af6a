package account

import (
	"context"
	"encoding/base64"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Session is one log-in of a person, as the account page lists it.
type Session struct {
	UUID     string
	Created  int64
	Seen     int64
	Ends     int64
	SecondFA bool
	Label    string
	Current  bool // the one that asks
}

// session is a row with what only this package may know.
type session struct {
	id, person                            int64
	uuid, stage, label                    string
	created, seen, ends, secondAt, proved int64
}

// Stages of a session.
const (
	stageSecond = "second" // password shown, second factor not yet: opens nothing
	stageFull   = "full"
)

const (
	secondLife   = 10 * time.Minute // how long the second step may take
	seenThrottle = time.Minute      // a session's last use is written at most once a minute
	maxSessions  = 50               // of one person; the oldest end
)

const (
	kindSession   = "session"
	kindKey       = "key"
	kindLink      = "link"
	kindChallenge = "challenge"
	kindRecovery  = "recovery"
)

func us(d time.Duration) int64 { return int64(d / time.Microsecond) }

// token draws 256 bits.
func (s *Service) token() (string, error) {
	var b [32]byte
	if _, err := io.ReadFull(s.db.Clock, b[:]); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

// openTx begins a session: always with a new token, never with one that came
// from outside.
func (s *Service) openTx(ctx context.Context, tx *store.Tx, p Person, v session) (token string, _ session, err error) {
	pol, err := s.policyTx(ctx, tx)
	if err != nil {
		return "", v, err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return "", v, err
	}
	if token, err = s.token(); err != nil {
		return "", v, err
	}
	v.id, v.uuid, v.person, v.seen = s.db.NewID(), s.db.NewUUID(), p.ID, now
	if v.created == 0 {
		v.created = now
	}
	life := pol.SessionAbsolute
	if v.stage == stageSecond {
		life = secondLife
	}
	if v.ends == 0 {
		v.ends = now + us(life)
	}
	if err := trimSessions(ctx, tx, p.ID, now, maxSessions-1); err != nil {
		return "", v, err
	}
	return token, v, insertSession(ctx, tx, v, s.keys.TokenHash(kindSession, token))
}

// BySession gives the actor behind a session token: the rights in force now.
// Faults: Unauthenticated when it is unknown, ended, idle too long or the account
// is not open.
func (s *Service) BySession(ctx context.Context, token string, from From) (a ident.Actor, err error) {
	if !tokenShape(token) {
		return a, Unauthenticated()
	}
	var v session
	var now int64
	err = s.db.View(ctx, func(tx *store.Tx) error {
		pol, err := s.policyTx(ctx, tx)
		if err != nil {
			return err
		}
		if v, now, err = s.awakeTx(ctx, tx, token, stageFull, pol); err != nil {
			return err
		}
		var created int64
		if a, created, err = s.resolveTx(ctx, tx, v.person, from.Channel); err != nil || v.secondAt != 0 {
			return err
		}
		if a.EnrolBy = pol.enrolBy(a.Roles, created); a.EnrolBy != 0 && now >= a.EnrolBy {
			// They may enter only to enrol: their account page, nothing else.
			a.EnrolNow, a.Perms, a.CERT = true, map[string]bool{}, 0
			a.Principals, err = s.barePrincipals(ctx, tx)
		}
		return err
	})
	if err != nil {
		return ident.Actor{}, err
	}
	a.Session, a.SecondFA, a.RequestID = v.id, v.secondAt != 0, from.RequestID
	if now-v.seen >= us(seenThrottle) {
		// A full disk must not lock readers out: what could not be noted is noted next time.
		_ = s.db.Update(ctx, func(tx *store.Tx) error { return touchSession(ctx, tx, v.id, now) })
	}
	return a, nil
}

// tokenShape refuses what we never gave out before it costs a look-up.
func tokenShape(token string) bool {
	if len(token) != 43 {
		return false
	}
	_, err := base64.RawURLEncoding.DecodeString(token)
	return err == nil
}

// liveTx finds a session of a stage that has neither ended nor fallen asleep.
func (s *Service) liveTx(ctx context.Context, tx *store.Tx, token, stage string) (v session, now int64, err error) {
	pol, err := s.policyTx(ctx, tx)
	if err != nil {
		return v, 0, err
	}
	return s.awakeTx(ctx, tx, token, stage, pol)
}

func (s *Service) awakeTx(ctx context.Context, tx *store.Tx, token, stage string, pol Policy) (v session, now int64, err error) {
	v, found, err := findSession(ctx, tx, s.keys.TokenHash(kindSession, token))
	if err != nil {
		return v, 0, err
	}
	if now, err = store.Now(ctx, tx); err != nil {
		return v, 0, err
	}
	if !found || v.stage != stage || now >= v.ends || now-v.seen >= us(pol.SessionIdle) {
		return v, now, Unauthenticated()
	}
	return v, now, nil
}

// Sessions lists the asker's own live sessions, newest first.
func (s *Service) Sessions(ctx context.Context, who ident.Actor) (out []Session, err error) {
	if !who.LoggedIn() {
		return nil, Unauthenticated()
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		pol, err := s.policyTx(ctx, tx)
		if err != nil {
			return err
		}
		rows, err := listSessions(ctx, tx, who.Person, now, now-us(pol.SessionIdle))
		for _, v := range rows {
			out = append(out, Session{UUID: v.uuid, Created: v.created, Seen: v.seen, Ends: v.ends,
				SecondFA: v.secondAt != 0, Label: v.label, Current: v.id == who.Session})
		}
		return err
	})
	return out, err
}

// EndSession ends one of the asker's own sessions; "" ends all but the current one.
// Faults: NotFound.
func (s *Service) EndSession(ctx context.Context, who ident.Actor, uuid string) error {
	return s.own(ctx, who, func(tx *store.Tx, p Person) error {
		if uuid == "" {
			if err := endSessionsOf(ctx, tx, p.ID, who.Session); err != nil {
				return err
			}
			return s.audit.Record(ctx, tx, who, "session.end-others", thing(p), nil)
		}
		id, ok := store.ParseUUID(uuid)
		n := int64(0)
		if ok {
			var err error
			if n, err = endSession(ctx, tx, p.ID, id); err != nil {
				return err
			}
		}
		if n == 0 {
			return fault.New(fault.NotFound, "no such session")
		}
		return s.audit.Record(ctx, tx, who, "session.end", thing(p), map[string]string{"session": id})
	})
}

// LogOut ends the session behind a token, of either stage. An unknown token is no error.
func (s *Service) LogOut(ctx context.Context, token string, from From) error {
	if !tokenShape(token) {
		return nil
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		v, found, err := findSession(ctx, tx, s.keys.TokenHash(kindSession, token))
		if err != nil || !found {
			return err
		}
		if _, err := endSession(ctx, tx, v.person, v.uuid); err != nil {
			return err
		}
		p, _, err := findByID(ctx, tx, v.person)
		if err != nil || v.stage != stageFull {
			return err
		}
		return s.audit.Record(ctx, tx, actorOf(p, from), "session.log-out", thing(p), nil)
	})
}

// EndAllSessionsTx ends every session of everybody: after a restore.
func (s *Service) EndAllSessionsTx(ctx context.Context, tx *store.Tx) error {
	return endEverySession(ctx, tx)
}

// actorOf names a person in the audit log before there is a session.
func actorOf(p Person, from From) ident.Actor {
	return ident.Actor{Kind: ident.Person, Name: p.Name, Email: p.Email, Person: p.ID, PersonUUID: p.UUID, Org: p.Org,
		Lang: p.Lang, Channel: from.Channel, RequestID: from.RequestID}
}

// label keeps what a browser says of itself short and printable.
func label(v string) string {
	v = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return -1
		}
		return r
	}, v)
	if len(v) > 60 {
		v = strings.ToValidUTF8(v[:60], "")
	}
	return v
}
