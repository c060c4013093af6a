package account

import (
	"context"
	"net/netip"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Gate says who stands behind a cookie or a key; kernel/web asks it once a request.
type Gate struct{ s *Service }

// Gate gives the service as kernel/web wants it.
func (s *Service) Gate() Gate { return Gate{s} }

// BySession is Service.BySession for pages.
func (g Gate) BySession(ctx context.Context, token string) (ident.Actor, error) {
	return g.s.BySession(ctx, token, From{Channel: ident.Web})
}

// ByKey is Service.ByKey for the channel a key came by.
func (g Gate) ByKey(ctx context.Context, key string, from netip.Addr, ch ident.Channel) (ident.Actor, error) {
	return g.s.ByKey(ctx, key, From{Addr: from, Channel: ch})
}

// Nobody is who comes with neither: a reader of what is public.
func (g Gate) Nobody(ctx context.Context, ch ident.Channel) (ident.Actor, error) {
	return g.s.Nobody(ctx, ch)
}

// SetLang keeps the language that a person chose.
func (s *Service) SetLang(ctx context.Context, who ident.Actor, lang i18n.Lang) error {
	if !lang.Valid() || who.Lang == string(lang) {
		return nil
	}
	return s.own(ctx, who, func(tx *store.Tx, p Person) error {
		after := p
		after.Lang = string(lang)
		if err := s.moveTx(ctx, tx, p, after); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "person.profile", thing(p), []string{"lang"})
	})
}
