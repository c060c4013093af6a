package intel

import (
	"context"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// TrendCount is what a count for trends with a bound of its own found.
type TrendCount struct {
	N    int64
	Days []string
	Cut  bool
}

// TrendCounts counts tags, types and sightings, at most so many rows of each.
func TrendCounts(ctx context.Context, db *store.DB, who ident.Actor, d Days, most int64) (out map[string]TrendCount, err error) {
	out = map[string]TrendCount{}
	err = db.View(ctx, func(tx *store.Tx) error {
		for name, count := range map[string]func(context.Context, *store.Tx, ident.Actor, Days, int64) ([]met, bool, error){"tags": trendTags, "attributes": trendTypes, "sightings": trendSighted} {
			list, cut, err := count(ctx, tx, who, d, most)
			if err != nil {
				return err
			}
			c := TrendCount{N: sumOf(list), Cut: cut}
			for _, m := range list {
				c.Days = append(c.Days, m.day)
			}
			out[name] = c
		}
		return nil
	})
	return out, err
}
