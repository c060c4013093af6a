package account

import (
	"context"
	"strings"
	"unicode/utf8"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Request is somebody's wish to have an account here.
type Request struct {
	ID      int64
	UUID    string
	Email   string // as it was given
	OrgName string // the organisation they say they belong to
	OrgUUID string
	Wishes  []string // of "publish", "sync", "admin"
	Message string
	Address string // where the request came from
	Agent   string
	Created int64 // µs
	State   RequestState
}

// RequestState of a request: waiting → accepted or discarded, both final.
type RequestState string

// States.
const (
	RequestWaiting   RequestState = "waiting"
	RequestAccepted  RequestState = "accepted"
	RequestDiscarded RequestState = "discarded"
)

const (
	maxRequests    = 1000 // waiting at once: what is more is noise or an attack
	maxRequestText = 4000
	requestsOpen   = "requests.open"
)

// RequestsOpen tells whether anybody may ask for an account.
func (s *Service) RequestsOpen(ctx context.Context) (open bool, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		raw, _, err := readSetting(ctx, tx, requestsOpen)
		open = raw == "true"
		return err
	})
	return open, err
}

// OpenRequests lets anybody ask for an account, or ends that. Needs admin.settings.
func (s *Service) OpenRequests(ctx context.Context, who ident.Actor, open bool) error {
	if err := access.Check(who, "admin.settings"); err != nil {
		return err
	}
	value := "false"
	if open {
		value = "true"
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		was, version, err := readSetting(ctx, tx, requestsOpen)
		if err != nil || was == value {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if n, err := writeSetting(ctx, tx, requestsOpen, value, version, now, who.String()); err != nil || n == 0 {
			return err
		}
		return s.audit.Record(ctx, tx, who, "settings.account", audit.Thing{Kind: "setting", Label: requestsOpen}, map[string]string{"to": value})
	})
}

// Ask keeps a request of somebody without an account. The answer is the same
// whether the address has an account, waits already, or is new. Each address of
// the network may ask as often as it may guess a password. Faults: Denied
// "account.requests-closed", Invalid on email, Limited.
func (s *Service) Ask(ctx context.Context, from From, n Request) error {
	if open, err := s.RequestsOpen(ctx); err != nil || !open {
		if err == nil {
			err = fault.New(fault.Denied, "nobody may ask for an account here").WithKey("account.requests-closed")
		}
		return err
	}
	email, err := Canonical(n.Email)
	if err != nil {
		return fault.Field("email", "account.email", "no address")
	}
	if _, err := s.Attempt(ctx, Guess{Account: email, Addr: from.Addr}); err != nil {
		return err
	}
	n.Email, n.OrgName, n.Message, n.Agent = strings.TrimSpace(n.Email), cut(n.OrgName, maxName), cut(n.Message, maxRequestText), cut(n.Agent, maxName)
	n.OrgUUID, _ = store.ParseUUID(n.OrgUUID)
	n.Address = from.Addr.String()
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if waiting, err := countRequests(ctx, tx); err != nil || waiting >= maxRequests {
			if err == nil {
				err = fault.New(fault.Limited, "%d requests wait", waiting).WithKey("account.limited")
			}
			return err
		}
		if n.Created, err = store.Now(ctx, tx); err != nil {
			return err
		}
		n.ID, n.UUID, n.State = s.db.NewID(), s.db.NewUUID(), RequestWaiting
		added, err := insertRequest(ctx, tx, n, email)
		if err != nil || !added {
			return err // the address waits already
		}
		return s.audit.Record(ctx, tx, ident.Nobody(from.Channel), "request.add", requestThing(n), nil)
	})
}

func requestThing(q Request) audit.Thing {
	return audit.Thing{Kind: "request", ID: q.ID, Label: q.UUID}
}

// cut makes one clean text of at most n characters.
func cut(s string, n int) string {
	s = strings.TrimSpace(strings.ToValidUTF8(s, ""))
	if utf8.RuneCountInString(s) > n {
		s = string([]rune(s)[:n])
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// Requests lists those that wait, oldest first. Needs admin.people.
func (s *Service) Requests(ctx context.Context, who ident.Actor) (out []Request, err error) {
	if err := access.Check(who, "admin.people"); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = waitingRequests(ctx, tx)
		return err
	})
	return out, err
}

// AcceptRequest makes the account that was asked for, invites its owner by letter
// and closes the request, together. Needs admin.people. Faults: NotFound, as Add.
func (s *Service) AcceptRequest(ctx context.Context, who ident.Actor, id int64, roles []string, org int64) (p Person, link string, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		q, err := s.decideTx(ctx, tx, who, id, RequestAccepted)
		if err != nil {
			return err
		}
		if err := s.FreshTx(ctx, tx, who); err != nil {
			return err
		}
		if p, err = s.AddTx(ctx, tx, who, NewPerson{Email: q.Email, Name: q.Email, Roles: roles, Org: org}, ""); err != nil {
			return err
		}
		link, err = s.inviteTx(ctx, tx, who, p)
		return err
	})
	return p, link, err
}

// DiscardRequest closes a request without an account. Needs admin.people. Faults: NotFound.
func (s *Service) DiscardRequest(ctx context.Context, who ident.Actor, id int64) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		_, err := s.decideTx(ctx, tx, who, id, RequestDiscarded)
		return err
	})
}

func (s *Service) decideTx(ctx context.Context, tx *store.Tx, who ident.Actor, id int64, to RequestState) (q Request, err error) {
	if err := access.Check(who, "admin.people"); err != nil {
		return q, err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return q, err
	}
	q, found, err := takeRequest(ctx, tx, id, to, now, who.Person)
	if err != nil {
		return q, err
	}
	if !found {
		return q, fault.New(fault.NotFound, "no such request").WithKey("account.no-request")
	}
	return q, s.audit.Record(ctx, tx, who, "request."+string(to), requestThing(q), nil)
}
