package advisory

import (
	"context"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/store"
)

const warningTexts = `SELECT id, number, updated, CAST(title AS TEXT) || CAST(lead AS TEXT) || CAST(affects AS TEXT) || CAST(steps AS TEXT) || CAST(body AS TEXT) FROM advisory_advisory ORDER BY id`

func warningsNaming(ctx context.Context, tx *store.Tx, email string) (out []access.Held, err error) {
	var text string
	scan := func(s store.Scanner) (h access.Held, err error) {
		h.Table, h.Columns = "advisory_advisory", []string{"body"}
		err = s.Scan(&h.ID, &h.Label, &h.At, &text)
		return
	}
	for h, err := range store.Each(ctx, tx, scan, warningTexts) {
		if err != nil {
			return out, err
		}
		if strings.Contains(strings.ToLower(text), email) {
			out = append(out, h)
		}
	}
	return out, nil
}
