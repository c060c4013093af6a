package intake

import (
	"context"
	"io"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Talk says who spoke last about a report that the asker's organisation sent, and
// nothing of what was said.
type Talk struct {
	UUID     string
	Number   string
	Title    string
	At       time.Time
	FromUs   bool // the CERT spoke last
	Question bool // and waits for an answer
}

// mayOwn: people who see reports through their organisation, not as a team.
func mayOwn(who ident.Actor) error {
	if who.Org == 0 || who.OnTeam() {
		return fault.New(fault.Denied, "%s reads no reports for an organisation", who).WithKey("fault.denied")
	}
	return access.Check(who, "portal.use")
}

// Talks lists the conversations about the reports of the asker's organisation, the
// newest report first, at most 50. Needs portal.use; a confidential report is never
// among them, its conversation opens with the receipt code alone.
func (s *Service) Talks(ctx context.Context, who ident.Actor) (out []Talk, err error) {
	if err := mayOwn(who); err != nil {
		return nil, err
	}
	list, _, err := s.List(ctx, who, Filter{}, Page{Limit: 50})
	if err != nil {
		return nil, err
	}
	err = s.DB.View(ctx, func(tx *store.Tx) error {
		for _, r := range list {
			if r.Messages == 0 {
				continue
			}
			rows, err := messageRows(ctx, tx, r.ID)
			if err != nil {
				return err
			}
			if len(rows) == 0 {
				continue
			}
			last := rows[len(rows)-1]
			t := Talk{UUID: r.UUID, Number: r.Number, Title: r.Title, At: at(last.at), FromUs: last.fromUs}
			for _, m := range rows { // a remark after a question does not take the question back
				t.Question = m.fromUs && (m.question || t.Question)
			}
			out = append(out, t)
		}
		return nil
	})
	return out, err
}

// ownTx loads a report that the asker's organisation sent and reads in the portal.
func (s *Service) ownTx(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Report, error) {
	r, err := s.seenTx(ctx, tx, who, ref)
	if err == nil && r.Sealed {
		err = fault.New(fault.NotFound, "report %d is confidential", r.ID)
	}
	return r, err
}

// AttachOwn streams a file that comes with ReplyOwn. Needs portal.use. Faults:
// NotFound, Invalid on "files", Limited.
func (s *Service) AttachOwn(ctx context.Context, who ident.Actor, ref string, a *Answer, name, typ string, body io.Reader) error {
	if err := mayOwn(who); err != nil {
		return err
	}
	return s.attach(ctx, a, name, typ, body, func(tx *store.Tx) (Report, error) { return s.ownTx(ctx, tx, who, ref) })
}

// ReplyOwn adds what a person of the reporting organisation says, by the report's
// UUID or number. Needs portal.use. Faults: NotFound for a report that their
// organisation did not send or that is confidential; Invalid on "text"; Limited
// when a report has gathered 200 messages.
func (s *Service) ReplyOwn(ctx context.Context, who ident.Actor, ref string, a *Answer) error {
	if err := mayOwn(who); err != nil {
		return err
	}
	if err := a.tidy(); err != nil {
		return err
	}
	return s.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := s.ownTx(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		if r.Messages >= 200 {
			return fault.New(fault.Limited, "report %d has 200 messages", r.ID).WithKey("intake.fault.many")
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		row := messageRow{id: s.DB.NewID(), uuid: s.DB.NewUUID(), report: r.ID, at: now, person: who.Person, author: who.Name}
		if err := s.putWithFiles(ctx, tx, &r, submissionRow{}, row, a); err != nil {
			return err
		}
		r.Unread++
		r.Updated = at(now)
		return s.finishMessage(ctx, tx, who, &r, "report.reply")
	})
}
