package intel

import (
	"context"
	"strconv"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const addRetraction = `INSERT INTO intel_retraction (id, uuid, orgc, audience_id, at) VALUES ($1,$2,$3,$4,$5) ON CONFLICT (uuid) DO NOTHING`

func retractions(ctx context.Context, tx *store.Tx, who ident.Actor, after int64, n int) ([]Retraction, error) {
	return store.All(ctx, tx, func(s store.Scanner) (x Retraction, err error) {
		err = s.Scan(&x.ID, &x.UUID, &x.Orgc, &x.At)
		return x, err
	}, `SELECT r.id, r.uuid, r.orgc, r.at FROM intel_retraction r WHERE r.id > $1 AND `+access.Visible(who, "r.audience_id")+
		` ORDER BY r.id LIMIT `+strconv.Itoa(n), after)
}
