package registry

import (
	"context"
	"encoding/json"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// History lists what was done to an organisation, newest first: who, when, which
// fields from what to what. before is the ID of the last one seen, 0 = the
// newest; limit is 1–200, else 50. Faults: NotFound; Denied without the details.
func (s *Service) History(ctx context.Context, who ident.Actor, uuid string, before int64, limit int) (list []Change, err error) {
	if limit < 1 || limit > 200 {
		limit = 50
	}
	err = s.details(ctx, who, uuid, func(tx *store.Tx, o Organisation) error {
		text, args := changesOf(o.ID, before, limit)
		list, err = store.All(ctx, tx, scanChange, text, args...)
		return err
	})
	return list, err
}

func scanChange(s store.Scanner) (c Change, err error) {
	var at int64
	var fields string
	if err = s.Scan(&c.ID, &c.Version, &at, &c.Actor, &c.Act, &fields); err == nil {
		c.At = instant(at)
		err = json.Unmarshal([]byte(fields), &c.Fields)
	}
	return
}
