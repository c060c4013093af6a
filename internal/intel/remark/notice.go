package remark

import (
	"context"
	"strconv"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
)

const (
	jobMade    = "remark.proposed"
	jobDecided = "remark.decided"
	jobAsked   = "remark.asked"
	jobSeal    = "remark.seal"
)

// noticesPart is the part of Straža that tells people by letter.
var noticesPart = ident.SystemPart("answers")

// Subscriptions says what the chamber's own jobs hear of.
func Subscriptions() []jobs.Subscription {
	return []jobs.Subscription{{Event: ProposalMade{}.EventType(), Kind: jobMade}, {Event: ProposalDecided{}.EventType(), Kind: jobDecided},
		{Event: DelegationAsked{}.EventType(), Kind: jobAsked}}
}

// Jobs are the letters that something waits or was decided, and the sealing of what came
// before attachments were encrypted.
func (s *Service) Jobs() []jobs.Def {
	return []jobs.Def{{Kind: jobMade, Run: s.tellOwner}, {Kind: jobDecided, Run: s.tellAuthor}, {Kind: jobAsked, Run: s.tellAsked},
		{Kind: jobSeal, Every: 24 * time.Hour, Timeout: 30 * time.Minute, Run: cells(s.d.Vault).SealOld(s.d.DB)}}
}

// told bounds how many people of an organisation one letter goes to.
const told = 10

// tell runs a job that writes letters to the people that whom names.
func (s *Service) tell(ctx context.Context, t *jobs.Task, which string, event int64, whom func(tx *store.Tx) ([]int64, error)) error {
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		people, err := whom(tx)
		if err != nil {
			return err
		}
		for _, id := range people {
			if err := s.letter(ctx, tx, which, event, id); err != nil {
				return err
			}
		}
		return t.FinishTx(ctx, tx)
	}, store.InLane(store.Jobs))
}

// tellOwner writes to who made the event, else to people of its organisation who
// may change it: once an event and hour, and never when its owner wants no letters.
func (s *Service) tellOwner(ctx context.Context, t *jobs.Task) error {
	var e ProposalMade
	if err := t.Decode(&e); err != nil {
		return err
	}
	return s.tell(ctx, t, "made", e.Event, func(tx *store.Tx) ([]int64, error) {
		n, err := store.Int64(ctx, tx, proposedLately, e.Event, e.ID, hour)
		if err != nil || n > 0 {
			return nil, err
		}
		return store.All(ctx, tx, store.ScanInt64, ownersPeople, e.ID, told)
	})
}

// tellAuthor writes to who proposed, once an event and hour.
func (s *Service) tellAuthor(ctx context.Context, t *jobs.Task) error {
	var e ProposalDecided
	if err := t.Decode(&e); err != nil {
		return err
	}
	return s.tell(ctx, t, "decided", e.Event, func(tx *store.Tx) ([]int64, error) {
		n, err := store.Int64(ctx, tx, decidedLately, e.Event, e.ID, hour/1_000_000)
		if err != nil || n > 0 {
			return nil, err
		}
		return store.All(ctx, tx, store.ScanInt64, proposer, e.ID)
	})
}

// tellAsked writes to people of the asked organisation.
func (s *Service) tellAsked(ctx context.Context, t *jobs.Task) error {
	var e DelegationAsked
	if err := t.Decode(&e); err != nil {
		return err
	}
	return s.tell(ctx, t, "asked", e.Event, func(tx *store.Tx) ([]int64, error) {
		return store.All(ctx, tx, store.ScanInt64, askedPeople, e.ID, told)
	})
}

// hour is the least time between two letters of a kind about an event, µs.
const hour = 3600 * 1_000_000

// letter writes to one person: number and link, and only while they may read the
// event at this moment.
func (s *Service) letter(ctx context.Context, tx *store.Tx, which string, event, person int64) error {
	if s.d.Post == nil || s.d.People == nil || s.d.Text == nil || s.d.Link == nil {
		return nil
	}
	to, err := s.d.People.ResolveTx(ctx, tx, person, ident.Job)
	if account.IsUnauthenticated(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if !access.Allowed(to, "intel.write") || mail.Address(to.Email) == "" {
		return nil
	}
	ref := strconv.FormatInt(event, 10)
	e, err := s.d.Intel.EventTx(ctx, tx, to, ref)
	if err != nil {
		return orNone(err)
	}
	lang := i18n.Lang(to.Lang)
	args := []any{"id", e.Ref(), "link", s.d.Link(e.Ref(), to.OnTeam())}
	id, err := s.d.Post.QueueTx(ctx, tx, mail.Letter{Purpose: "intel", To: to.Email, Lang: to.Lang,
		Subject: s.d.Text.T(lang, "intel.notice."+which+".subject", args...), Body: s.d.Text.T(lang, "intel.notice."+which+".body", args...)})
	if err != nil {
		return err
	}
	return s.d.Audit.Record(ctx, tx, noticesPart, "event.notice", (&Proposal{Event: e.ID, EventUUID: e.UUID}).thing(), map[string]any{"person": person, "letter": id, "about": which})
}
