package intel

import (
	"context"
	"strconv"

	"straza/internal/format/misp"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// By the index alone: what does not correlate after all is sorted out key by key.
const frequentKeys = `SELECT key1 FROM intel_attribute WHERE key1 <> 0 GROUP BY key1 HAVING COUNT(*) >= $1 ORDER BY COUNT(*) DESC, key1 LIMIT $2`

// frequent counts what correlates under a key, at most otherLimit, and gives the value
// of one of them: the half that the key stands for.
func frequent(ctx context.Context, tx *store.Tx, who ident.Actor, key int64) (f Frequent, found bool, err error) {
	one, args := equalRows(who, "a.type, a.value", 1, []int64{key}, "")
	found, err = tx.Row(ctx, one+" LIMIT 1", args, &f.Type, &f.Value)
	if err != nil || !found {
		return f, found, err
	}
	first, second := halves(f.Type, f.Value)
	if f.Value = first; second != "" && misp.CorrelationKey(first) != key {
		f.Value = second
	}
	all, args := equalRows(who, "a.event_id", 1, []int64{key}, "")
	_, err = tx.Row(ctx, "SELECT COUNT(*), COUNT(DISTINCT event_id) FROM ("+all+" LIMIT "+strconv.Itoa(otherLimit)+") equal", args, &f.Count, &f.Events)
	return f, true, err
}
