package thread

import (
	"context"
	"time"

	"straza/internal/craft/search"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// Found is a message that holds the words that were asked for, with its thread's
// number, party and object.
type Found struct {
	Thread  Thread
	Message Message
}

// Find gives the newest messages, notes among them, of the threads that who may see
// which hold all words (folded, beginnings count), at most n, and whether there are
// more. Nothing of the quarantine. The calling room has authorised who to read the
// correspondence; what is shown stands in the audit log first.
func (k *Desk) Find(ctx context.Context, who ident.Actor, words []string, n int) (out []Found, more bool, err error) {
	err = k.d.DB.View(ctx, func(tx *store.Tx) error {
		out, err = findTx(ctx, tx, who, words, n+1)
		return err
	})
	if err != nil || len(out) == 0 {
		return nil, false, err
	}
	if len(out) > n {
		out, more = out[:n], true
	}
	threads := map[int64]Thread{}
	for _, f := range out {
		threads[f.Thread.ID] = f.Thread
	}
	return out, more, k.d.DB.Update(ctx, func(tx *store.Tx) error {
		for id, t := range threads {
			if err := k.d.Audit.Record(ctx, tx, who, "thread.find", audit.Thing{Kind: "thread", ID: id, Label: t.Number}, map[string]any{"words": len(words)}); err != nil {
				return err
			}
		}
		return nil
	})
}

func findTx(ctx context.Context, tx *store.Tx, who ident.Actor, words []string, limit int) (out []Found, err error) {
	spans := make([]search.Span, len(words))
	for i, w := range words {
		spans[i] = search.Beginning(w)
	}
	terms, err := wordIndex.Terms(ctx, tx, spans)
	if err != nil || terms.None() || !terms.Any() {
		return nil, err
	}
	for _, shape := range foundPages(who, terms, limit) {
		text, args := shape()
		if out, err = store.All(ctx, tx, scanFound, text, args...); err != nil || len(out) >= limit {
			break
		}
	}
	return out, err
}

// maxWords caps the index of one message.
const maxWords = 400

// indexTx rewrites the words of a message; part of every write of one.
func indexTx(ctx context.Context, tx *store.Tx, message int64) error {
	var body, party string
	found, err := tx.Row(ctx, saidBy, []any{message}, &body, &party)
	if err != nil || !found {
		return err
	}
	return wordIndex.Rewrite(ctx, tx, message, search.Words(nil, party+" "+body, maxWords))
}

const jobIndex = "thread.index"

// Jobs are the craft's own: words for messages older than the index.
func (k *Desk) Jobs() []jobs.Def {
	return []jobs.Def{{Kind: jobIndex, Every: 24 * time.Hour, Timeout: 30 * time.Minute, Run: k.index}}
}

// index gives words to the messages that were written before there was an index, in
// batches, and writes down when none is left.
func (k *Desk) index(ctx context.Context, _ *jobs.Task) error {
	const batch = 200
	last, done := int64(0), false
	for !done {
		err := k.d.DB.Update(ctx, func(tx *store.Tx) error {
			if v, err := store.Fact(ctx, tx, jobIndex); err != nil || v != "" {
				done = true
				return err
			}
			ids, err := store.All(ctx, tx, store.ScanInt64, unindexed, last, batch)
			if err != nil {
				return err
			}
			for _, id := range ids {
				if err := indexTx(ctx, tx, id); err != nil {
					return err
				}
			}
			if len(ids) == batch {
				last = ids[batch-1]
				return nil
			}
			return store.SetFact(ctx, tx, jobIndex, "1")
		})
		if err != nil {
			return err
		}
	}
	return nil
}
