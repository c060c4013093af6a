package intel

import (
	"context"
	"strconv"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// By the index alone: what does not correlate after all is sorted out key by key.
const frequentKeys = `SELECT key1 FROM intel_attribute WHERE key1 <> 0 GROUP BY key1 HAVING COUNT(*) >= $1 ORDER BY COUNT(*) DESC, key1 LIMIT $2`

// frequent counts what correlates under a key, at most otherLimit, and gives one of them.
func frequent(ctx context.Context, tx *store.Tx, who ident.Actor, key int64) (f Frequent, found bool, err error) {
	keys := "(" + strconv.FormatInt(key, 10) + ")"
	found, err = tx.Row(ctx, "SELECT a.type, a.value"+attributeFrom+equalWhere(who, keys)+" LIMIT 1", nil, &f.Type, &f.Value)
	if err != nil || !found {
		return f, found, err
	}
	f.Count, err = store.Int64(ctx, tx, "SELECT COUNT(*) FROM (SELECT 1"+attributeFrom+equalWhere(who, keys)+" LIMIT "+strconv.Itoa(otherLimit)+") equal")
	return f, true, err
}
