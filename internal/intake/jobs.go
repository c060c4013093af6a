package intake

import (
	"context"
	"fmt"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault/unseal"
)

const (
	jobAcknowledge = "intake.acknowledge"
	jobLetter      = "intake.letter"
	jobIndex       = "intake.index"
)

// Jobs are the room's clocks: the automatic acknowledgement (a look every 15 s keeps
// it under a minute), letters through the postman, drafts that have expired.
func (s *Service) Jobs() []jobs.Def {
	return append([]jobs.Def{
		{Kind: jobAcknowledge, Every: 15 * time.Second, Run: s.acknowledge},
		{Kind: jobLetter, Tries: 8, Run: s.post},
		{Kind: jobIndex, Every: 24 * time.Hour, Timeout: 30 * time.Minute, Run: s.index},
	}, s.Drafts.Jobs()...)
}

// acknowledge moves new reports on. It works by looking, not by a job per report: a
// job's row would tell when an anonymous report came.
func (s *Service) acknowledge(ctx context.Context, t *jobs.Task) error {
	clock := ident.SystemPart("clock")
	for {
		n := 0
		err := s.DB.Update(ctx, func(tx *store.Tx) error {
			rows, err := newReports(ctx, tx)
			if err != nil {
				return err
			}
			n = len(rows)
			for i := range rows {
				if err := s.acknowledgeTx(ctx, tx, clock, &rows[i]); err != nil {
					return err
				}
			}
			if n < ackBatch {
				return t.FinishTx(ctx, tx)
			}
			return nil
		}, store.InLane(store.Jobs))
		if err != nil {
			return fmt.Errorf("acknowledging: %w", err)
		}
		if n < ackBatch {
			return nil
		}
	}
}

// indexBatch is how many older reports one transaction takes up.
const indexBatch = 100

// index gives the words of their text to reports that came before it was searched, and
// writes down when none is left.
func (s *Service) index(ctx context.Context, _ *jobs.Task) error {
	last := int64(0)
	for done := false; !done; {
		err := s.DB.Update(ctx, func(tx *store.Tx) error {
			if v, err := store.Fact(ctx, tx, jobIndex); err != nil || v != "" {
				done = true
				return err
			}
			rows, err := store.All(ctx, tx, scanReport, unsealedReports, last, indexBatch)
			if err != nil {
				return err
			}
			for i := range rows {
				if err := deleteWords(ctx, tx, rows[i].ID); err != nil {
					return err
				}
				if err := s.writeWords(ctx, tx, &rows[i]); err != nil {
					return err
				}
			}
			if len(rows) == indexBatch {
				last = rows[indexBatch-1].ID
				return nil
			}
			return store.SetFact(ctx, tx, jobIndex, "1")
		}, store.InLane(store.Bulk))
		if err != nil {
			return fmt.Errorf("indexing: %w", err)
		}
	}
	return nil
}

const ackBatch = 100

func (s *Service) acknowledgeTx(ctx context.Context, tx *store.Tx, who ident.Actor, r *Report) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	if r.Anonymous {
		now = hour(now)
	}
	if r.State, err = r.State.move(ActAcknowledge); err != nil {
		return err
	}
	r.Acked, r.Updated, r.ackedVersion = at(now), at(now), r.Version+1
	n, err := updateReport(ctx, tx, r)
	if err != nil {
		return err
	}
	if n == 0 {
		return nil // somebody decided meanwhile
	}
	if err := s.record(ctx, tx, who, "report."+ActAcknowledge, r, nil); err != nil {
		return err
	}
	return s.letter(ctx, tx, r, "received")
}

type letterJob struct {
	Report   int64  `json:"report"`
	Template string `json:"template"`
	Nonce    int64  `json:"nonce"` // so that a second message is a second letter
}

// letter orders one of the postman's fixed letters, when the reporter has an address.
func (s *Service) letter(ctx context.Context, tx *store.Tx, r *Report, template string) error {
	if r.Anonymous || r.From != 0 {
		return nil
	}
	return jobs.Enqueue(ctx, tx, jobs.Job{Kind: jobLetter, Payload: letterJob{r.ID, template, s.DB.NewID()}})
}

// post hands a letter to the postman: number and link, nothing else (decisions §7).
func (s *Service) post(ctx context.Context, t *jobs.Task) error {
	var j letterJob
	if err := t.Decode(&j); err != nil {
		return err
	}
	var r Report
	var p reporterRow
	var found bool
	err := s.DB.View(ctx, func(tx *store.Tx) (err error) {
		if r, found, err = reportByID(ctx, tx, j.Report); err != nil || !found {
			return err
		}
		p, found, err = reporterFor(ctx, tx, ident.SystemPart("clock"), j.Report)
		return err
	})
	if err != nil || !found || p.postman == nil {
		return err
	}
	door, err := s.door()
	if err != nil {
		return err
	}
	_, err = door.Post(ctx, unseal.Letter{ID: fmt.Sprintf("report-%d-%d", r.ID, j.Nonce), Record: p.uuid, Address: p.postman, Template: j.Template,
		Number: r.Number, Link: s.Origin() + "/" + r.Lang + "/follow-up", Lang: r.Lang})
	if fault.Is(err, fault.Invalid) {
		return nil // it will never be taken; the process's own log says why
	}
	return err
}
