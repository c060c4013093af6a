package intake

import (
	"context"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// eraseReports takes what was reported out of reports that have been decided for the
// length of the class: body, conversation, files, reporter, marks, steps of triage with
// what they said; the code opens nothing any more. Number, moments, kind, classification
// and how many files there were stay for the statistics. A report whose case is still
// open is left alone. Each goes in one transaction with its line.
func (s *Service) eraseReports(ctx context.Context, who ident.Actor, w access.Sweep) (n int64, err error) {
	var due []expired
	err = s.DB.View(ctx, func(tx *store.Tx) error { due, err = s.expiredTx(ctx, tx, who, w, 0); return err })
	if err != nil {
		return 0, err
	}
	for _, x := range due {
		if w.Dry {
			w.Takes(x.Held)
			n++
			continue
		}
		err := s.DB.Update(ctx, func(tx *store.Tx) error {
			still, err := s.expiredTx(ctx, tx, who, w, x.ID)
			if err != nil || len(still) == 0 {
				return err
			}
			n++
			if err := s.eraseTx(ctx, tx, who, x.ID); err != nil {
				return err
			}
			return w.NoteTx(ctx, tx, 1)
		}, store.InLane(store.Jobs))
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// expiredTx lists the reports that are due and that nothing keeps; only = one of them.
func (s *Service) expiredTx(ctx context.Context, tx *store.Tx, who ident.Actor, w access.Sweep, only int64) ([]expired, error) {
	list, err := store.All(ctx, tx, scanExpired, expiredReports, w.Before, only)
	if err != nil {
		return nil, err
	}
	open := map[int64]bool{}
	for _, x := range list {
		if x.of == 0 {
			continue
		}
		if open[x.of] = true; s.Cases != nil {
			if open[x.of], err = s.Cases.OpenTx(ctx, tx, who, x.of); err != nil {
				return nil, err
			}
		}
	}
	var out []expired
	for _, x := range list {
		if !open[x.of] && !w.Kept[x.Label] {
			out = append(out, x)
		}
	}
	return out, nil
}

func (s *Service) eraseTx(ctx context.Context, tx *store.Tx, who ident.Actor, id int64) error {
	r, found, err := reportByID(ctx, tx, id)
	if err != nil || !found {
		return err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	files, err := filesOf(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := s.Blobs.ForgetTx(ctx, tx, f.blob); err != nil {
			return err
		}
	}
	for _, text := range eraseReport {
		if _, err := tx.Exec(ctx, text, id); err != nil {
			return err
		}
	}
	if err := blankSubmission(ctx, tx, r.submission); err != nil {
		return err
	}
	r.Title, r.SeverityReason, r.Updated = r.Number, "", at(now)
	if !strings.HasPrefix(r.Reason, "@") {
		r.Reason = ""
	}
	if r.Org == 0 {
		r.OrgName = ""
	}
	if n, err := updateReport(ctx, tx, &r); err != nil || n == 0 {
		return orChanged(err, &r)
	}
	if err := markErased(ctx, tx, id, now); err != nil {
		return err
	}
	r.Version++
	if err := s.writeWords(ctx, tx, &r); err != nil {
		return err
	}
	return s.record(ctx, tx, who, "report.erase", &r, map[string]any{"files": len(files)})
}

// orChanged: somebody worked on it meanwhile; the next run looks again.
func orChanged(err error, r *Report) error {
	if err == nil {
		err = changed(r)
	}
	return err
}
