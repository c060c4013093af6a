package intel

import (
	"context"
	"slices"

	"straza/internal/format/extract"
	"straza/internal/format/misp"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Candidate is an indicator found in a text, with what is known about it.
type Candidate struct {
	extract.Candidate
	Category   string
	ToIDS      bool
	Hits       []Hit    // warning lists that hold it: probably harmless
	Known      []*Event // events that the caller sees and that hold it, newest first, at most knownShown
	KnownCount int
}

const (
	textLimit  = 4 << 20
	knownShown = 5
)

// Extract finds indicators in a text that somebody pasted or selected, refanged
// and typed, with the warning lists they stand on and the events that hold them
// already. Nothing is written. more tells that there were too many, or that the
// text was longer than 4 MiB.
func (s *Service) Extract(ctx context.Context, who ident.Actor, text string) (out []Candidate, more bool, err error) {
	if err := mayRead(who); err != nil {
		return nil, false, err
	}
	if len(text) > textLimit {
		text, more = text[:textLimit], true
	}
	list, cut := extract.Scan(text, 10_000)
	out = make([]Candidate, len(list))
	for i, c := range list {
		def, _ := misp.DefaultOf(c.Type)
		out[i] = Candidate{Candidate: c, Category: def.Category, ToIDS: def.ToIDS}
		if s.lists != nil {
			if out[i].Hits, err = s.lists.Hits(ctx, who, c.Type, c.Value); err != nil {
				return nil, false, err
			}
			out[i].ToIDS = out[i].ToIDS && len(out[i].Hits) == 0
		}
	}
	return out, more || cut, s.knownIn(ctx, who, out)
}

// knownIn fills in the events that hold the candidates.
func (s *Service) knownIn(ctx context.Context, who ident.Actor, list []Candidate) error {
	byKey := map[int64]*Candidate{}
	var keys []int64
	for i := range list {
		k := misp.CorrelationKey(list[i].Value)
		byKey[k], keys = &list[i], append(keys, k)
	}
	for part := range slices.Chunk(keys, batch) {
		err := s.db.View(ctx, func(tx *store.Tx) error {
			rows, err := equalTo(ctx, tx, who, part, otherLimit)
			if err != nil {
				return err
			}
			events := map[int64][]int64{} // key → events, newest first
			var ids []int64
			for i := range rows {
				for _, k := range correlationKeys(&rows[i]) {
					if byKey[k] != nil && !slices.Contains(events[k], rows[i].EventID) {
						events[k], ids = append(events[k], rows[i].EventID), append(ids, rows[i].EventID)
					}
				}
			}
			slices.Sort(ids)
			heads := map[int64]*Event{}
			if err := s.headers(ctx, tx, who, eventSeen(who, "e"), slices.Compact(ids), false, heads); err != nil {
				return err
			}
			for k, list := range events {
				for _, id := range list {
					c := byKey[k]
					if c.KnownCount++; heads[id] != nil && len(c.Known) < knownShown {
						c.Known = append(c.Known, heads[id])
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
