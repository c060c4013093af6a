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
	jobForget  = "remark.forget"
)

// noticesPart is the part of Straža that tells people by letter.
var noticesPart = ident.SystemPart("answers")

// Subscriptions says what the chamber's own jobs hear of.
func Subscriptions() []jobs.Subscription {
	return []jobs.Subscription{{Event: ProposalMade{}.EventType(), Kind: jobMade}, {Event: ProposalDecided{}.EventType(), Kind: jobDecided},
		{Event: DelegationAsked{}.EventType(), Kind: jobAsked}}
}

// Jobs are the letters that something waits or was decided, the forgetting of when they
// went, and the sealing of what came before attachments were encrypted.
func (s *Service) Jobs() []jobs.Def {
	return []jobs.Def{{Kind: jobMade, Run: s.tellOwner}, {Kind: jobDecided, Run: s.tellAuthor}, {Kind: jobAsked, Run: s.tellAsked},
		{Kind: jobForget, Every: 24 * time.Hour, Run: s.forgetNotices},
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

// hour is the least time between two letters of a kind about an event to a person, µs.
const hour = 3600 * 1_000_000

// bounded are the letters that come once an event and hour, by their number in the table.
var bounded = map[string]int64{"made": 1, "decided": 2}

// mayTell notes that somebody is told now, unless they were within the hour.
func mayTell(ctx context.Context, tx *store.Tx, which string, event, person int64) (bool, error) {
	if bounded[which] == 0 {
		return true, nil
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return false, err
	}
	n, err := tx.Exec(ctx, noteNotice, event, bounded[which], person, now, int64(hour))
	return n > 0, err
}

// forgetNotices drops what keeps no letter back any more.
func (s *Service) forgetNotices(ctx context.Context, _ *jobs.Task) error {
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err == nil {
			_, err = tx.Exec(ctx, oldNotices, now-hour)
		}
		return err
	}, store.InLane(store.Jobs))
}

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
	if may, err := mayTell(ctx, tx, which, event, person); err != nil || !may {
		return err
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
