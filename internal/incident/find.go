package incident

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"straza/internal/craft/thread"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// Mention is a part of a case that holds the words that were asked for.
type Mention struct {
	ID     int64
	Ref    string // UUID of a party, "" of all others
	Kind   string // entry, note, task, measure or party
	At     int64
	CaseID int64
	Number string // of the case it now belongs to
	Title  string
	Text   string // the part's words as they were written
}

// Find gives the newest parts of cases that hold all words of a query, at most n, and
// whether there are more. Needs incident.read; the command line sees no content and
// finds none. What is shown stands in the audit log first.
func (s *Service) Find(ctx context.Context, who ident.Actor, q string, n int) (out []Mention, more bool, err error) {
	words, err := s.mayFind(who, q)
	if err != nil || len(words) == 0 {
		return nil, false, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		out, err = findParts(ctx, tx, who, words, n+1)
		return err
	})
	if err != nil || len(out) == 0 {
		return nil, false, err
	}
	if len(out) > n {
		out, more = out[:n], true
	}
	cases := map[int64]Mention{}
	for _, m := range out {
		cases[m.CaseID] = m
	}
	return out, more, s.d.DB.Update(ctx, func(tx *store.Tx) error {
		for id, m := range cases {
			if err := s.d.Audit.Record(ctx, tx, who, "case.find", audit.Thing{Kind: "case", ID: id, Label: m.Number}, map[string]any{"words": len(words)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// mayFind: who may search content, and the words they ask for.
func (s *Service) mayFind(who ident.Actor, q string) ([]string, error) {
	if err := access.Check(who, "incident.read"); err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(q) > 400 {
		return nil, fault.Field("q", "incident.fault.long", "a query of more than 400 characters")
	}
	if who.Kind == ident.Operator {
		return nil, nil
	}
	return queryWords(q), nil
}

func findParts(ctx context.Context, tx *store.Tx, who ident.Actor, words []string, limit int) (out []Mention, err error) {
	terms, err := partIndex.Terms(ctx, tx, spansOf(words))
	if err != nil || terms.None() {
		return nil, err
	}
	for _, shape := range mentionPages(who, terms, limit) {
		text, args := shape()
		if out, err = store.All(ctx, tx, scanMention, text, args...); err != nil || len(out) >= limit {
			break
		}
	}
	for i, m := range out {
		cols := partTexts["incident_"+m.Kind].words
		wanted := cols
		if m.Kind == "party" {
			wanted = append([]string{"uuid"}, cols...)
		}
		row, err := readRow(ctx, tx, "incident_"+m.Kind, m.ID, wanted)
		if err != nil {
			return nil, err
		}
		out[i].Ref, _ = row["uuid"].(string)
		var said []string
		for _, c := range cols {
			if v, _ := row[c].(string); v != "" {
				said = append(said, v)
			}
		}
		out[i].Text = strings.Join(said, " · ")
	}
	return out, err
}

// FindLetters gives the newest messages of the correspondence that who sees which hold
// all words of a query (or whose party does), at most n, and whether there are more.
// Quarantine is not searched. Needs incident.read; what is shown is recorded first.
func (s *Service) FindLetters(ctx context.Context, who ident.Actor, q string, n int) (out []thread.Found, more bool, err error) {
	words, err := s.mayFind(who, q)
	if err != nil || len(words) == 0 {
		return nil, false, err
	}
	if out, more, err = s.d.Threads.Find(ctx, who, words, n); err != nil {
		return nil, false, err
	}
	list := make([]thread.Thread, len(out))
	for i, f := range out {
		list[i] = f.Thread
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error { return refer(ctx, tx, list) })
	for i, t := range list {
		out[i].Thread.Ref = t.Ref
	}
	return out, more, err
}

const jobIndex = "incident.index"

// indexBatch is how many older parts one transaction takes up.
const indexBatch = 200

// index gives words to the parts that were written before there was an index of them.
// Once none is left that is written down, and the job has nothing to do.
func (s *Service) index(ctx context.Context, _ *jobs.Task) error {
	for done := false; !done; {
		err := s.d.DB.Update(ctx, func(tx *store.Tx) error {
			if v, err := store.Fact(ctx, tx, jobIndex); err != nil || v != "" {
				done = true
				return err
			}
			left := int64(indexBatch)
			for table := range partTexts {
				ids, err := store.All(ctx, tx, store.ScanInt64, unindexed(table), left)
				if err != nil {
					return err
				}
				for _, id := range ids {
					if err := indexPart(ctx, tx, table, id, false); err != nil {
						return err
					}
				}
				if left -= int64(len(ids)); left <= 0 {
					return nil
				}
			}
			return store.SetFact(ctx, tx, jobIndex, "1")
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) indexJob() jobs.Def {
	return jobs.Def{Kind: jobIndex, Every: 24 * time.Hour, Timeout: 30 * time.Minute, Run: s.index}
}
