package registry

import (
	"context"
	"embed"
	"strconv"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
)

// Messages holds the words of the room's letters.
//
//go:embed messages/*.json
var Messages embed.FS

const (
	jobVerify = "registry.verify"
	jobAsk    = "registry.ask"
	jobBounce = "registry.bounce"
)

// askBatch is how many letters one look orders; the next look goes on.
const askBatch = 500

// Jobs are the room's clock, which looks hourly for contacts whose verification has
// grown old, the letters that ask them, and the ones that came back.
func (s *Service) Jobs() []jobs.Def {
	return []jobs.Def{
		{Kind: jobVerify, Every: time.Hour, Timeout: 5 * time.Minute, Run: s.lookForStale},
		{Kind: jobAsk, Run: s.ask},
		{Kind: jobBounce, Run: s.bounce},
	}
}

// Subscriptions: a letter that the recipient's server refused for good.
func Subscriptions() []jobs.Subscription {
	return []jobs.Subscription{{Event: mail.Refused{}.EventType(), Kind: jobBounce}}
}

type askJob struct {
	Contact int64 `json:"contact"`
}

// lookForStale orders one letter an address whose contacts are due, and forgets old
// letters that nobody can answer and no budget counts any more.
func (s *Service) lookForStale(ctx context.Context, t *jobs.Task) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		rule := s.pack().Verify
		if err := sweepLetters(ctx, tx, instant(now), instant(now).Add(-days(max(rule.WithinDays, rule.AgainDays)))); err != nil {
			return err
		}
		var due []int64
		if s.letters != nil {
			if due, err = staleContacts(ctx, tx, rule, instant(now), askBatch); err != nil {
				return err
			}
		}
		for _, id := range due {
			if err := jobs.Enqueue(ctx, tx, jobs.Job{Kind: jobAsk, Key: strconv.FormatInt(id, 10), Payload: askJob{id}}); err != nil {
				return err
			}
		}
		return t.FinishTx(ctx, tx)
	}, store.InLane(store.Jobs))
}

// ask writes the letter to one address; whom it concerns is found now, not when it
// was ordered.
func (s *Service) ask(ctx context.Context, t *jobs.Task) error {
	var j askJob
	if err := t.Decode(&j); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		c, found, err := s.contactByID(ctx, tx, j.Contact)
		if err != nil {
			return err
		}
		if found && c.Email != "" && c.Bounces == 0 {
			if _, err := s.askTx(ctx, tx, asker, c); err != nil && !fault.Is(err, fault.Limited) {
				return err // another letter has gone to the address meanwhile: Limited
			}
		}
		return t.FinishTx(ctx, tx)
	}, store.InLane(store.Jobs))
}

// bounce notes at the contacts of an address that a letter to it was refused.
func (s *Service) bounce(ctx context.Context, t *jobs.Task) error {
	var e mail.Refused
	if err := t.Decode(&e); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := s.BounceTx(ctx, tx, asker, e.To, e.Reason); err != nil {
			return err
		}
		return t.FinishTx(ctx, tx)
	}, store.InLane(store.Jobs))
}
