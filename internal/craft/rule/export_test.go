package rule

import (
	"context"
	"encoding/base64"
	"strings"

	"straza/internal/craft/pack"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Tell tells one person about one subject, as the act of a worker does.
func (s *Service) Tell(ctx context.Context, to ident.Actor, r *Rule, x *Subject) error {
	return s.d.DB.Update(ctx, func(tx *store.Tx) error { return s.tellTx(ctx, tx, to, r, x) }, store.InLane(store.Jobs))
}

// Digest writes the letters whose hour has come.
func (s *Service) Digest(ctx context.Context) error { return s.digest(ctx, nil) }

// DecodeSecret is the receiver's reading of a webhook's secret.
func DecodeSecret(s string) []byte {
	b, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, secretPrefix))
	return b
}

// Compile lets the fuzz target at conditions.
func Compile(c Cond, t *Trigger) (pack.Cond, error) { return c.compile(t) }
