package incident

import (
	"context"
	"errors"
	"time"

	"straza/internal/craft/thread"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
)

// People says who somebody is at this moment: *account.Service. Faults:
// Unauthenticated for an account that is not open.
type People interface {
	ResolveTx(ctx context.Context, tx *store.Tx, person int64, c ident.Channel) (ident.Actor, error)
}

const jobAnswered = "incident.answered"

// answersPart is the part of Straža that acts on a party's answer.
var answersPart = ident.SystemPart("answers")

// noticeEvery is how often the lead of a case is told by letter that answers wait.
const noticeEvery = time.Hour

// Subscriptions says what the room hears of.
func Subscriptions() []jobs.Subscription {
	return []jobs.Subscription{{Event: thread.Answered{}.EventType(), Kind: jobAnswered}}
}

// answered hands the turn to us when a party has answered: its state, its clock,
// which ends when the answer came, and a letter to the lead. One that we have replied
// to before the job ran changes nothing: the turn is theirs again.
func (s *Service) answered(ctx context.Context, t *jobs.Task) error {
	var e thread.Answered
	if err := t.Decode(&e); err != nil {
		return err
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		p, found, err := store.First(ctx, tx, scanParty, oneParty, e.Object)
		if err != nil {
			return err
		}
		if e.Kind != "party" || !found {
			return t.FinishTx(ctx, tx)
		}
		if done, err := s.d.Threads.RepliedTx(ctx, tx, p.Thread, e.Told); err != nil || done {
			return errors.Join(err, t.FinishTx(ctx, tx))
		}
		c, err := caseByID(ctx, tx, answersPart, p.caseID)
		if err != nil {
			return err
		}
		_, err = s.changeTx(ctx, tx, answersPart, c, 0, "answered", func(a *act) error {
			a.label, a.detail["message"] = p.Name, e.Message
			cols := map[string]any{"state": PartyOurs, "updated": a.now}
			if p.Answered == 0 { // of several answers the first one counts
				cols["answered"] = e.At
			}
			return a.set("incident_party", p.ID, cols)
		})
		if err != nil {
			return err
		}
		if err := s.notice(ctx, tx, c); err != nil {
			return err
		}
		return t.FinishTx(ctx, tx)
	}, store.InLane(store.Jobs))
}

// notice writes to the lead that answers wait: number and link, and only while the
// lead may read the case at this moment.
func (s *Service) notice(ctx context.Context, tx *store.Tx, c *Case) error {
	if c.Lead == 0 || s.d.Post == nil || s.d.People == nil {
		return nil
	}
	lead, err := s.d.People.ResolveTx(ctx, tx, c.Lead, ident.Job)
	if account.IsUnauthenticated(err) {
		return nil
	}
	if err != nil {
		return err
	}
	may, err := access.MayTx(ctx, tx, lead, c.audience)
	if err != nil || !may || !access.Allowed(lead, "incident.read") || mail.Address(lead.Email) == "" {
		return err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	last, err := store.Int64(ctx, tx, noticedAt, c.ID)
	if err != nil || last > 0 && now-last < noticeEvery.Microseconds() {
		return err
	}
	if _, err := tx.Exec(ctx, putNotice, c.ID, now); err != nil {
		return err
	}
	lang := i18n.Lang(lead.Lang)
	id, err := s.d.Post.QueueTx(ctx, tx, mail.Letter{Purpose: "case", To: lead.Email, Lang: lead.Lang, CERT: c.CERT,
		Subject: s.d.Text.T(lang, "incident.notice.subject", "number", c.Number),
		Body:    s.d.Text.T(lang, "incident.notice.body", "number", c.Number, "link", s.d.Link(c.Number))})
	if err != nil {
		return err
	}
	return s.d.Audit.Record(ctx, tx, answersPart, "case.notice", thing(c), map[string]any{"person": c.Lead, "letter": id})
}
