package incident

import (
	"context"
	"net/url"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// View is a saved view of the list: somebody's own, by name.
type View struct {
	ID    int64
	Name  string
	Query string // of the address, without "?"
}

const maxViews = 50

// Views lists the caller's saved views.
func (s *Service) Views(ctx context.Context, who ident.Actor) (out []View, err error) {
	if !who.LoggedIn() {
		return nil, nil
	}
	err = s.view(ctx, who, func(tx *store.Tx) error {
		out, err = store.All(ctx, tx, func(r store.Scanner) (v View, err error) { err = r.Scan(&v.ID, &v.Name, &v.Query); return }, viewsOf, who.Person)
		return err
	})
	return out, err
}

// SaveView keeps the list's address under a name; the same name is written over.
func (s *Service) SaveView(ctx context.Context, who ident.Actor, name, query string) error {
	if err := access.Check(who, "incident.read"); err != nil {
		return err
	}
	var c fault.Collector
	name = text(&c, "name", name, 60, true)
	v, err := url.ParseQuery(query)
	c.Require(err == nil && len(query) <= 2000, "name", "incident.fault.long")
	if err := c.Err("view"); err != nil {
		return err
	}
	v.Del("cursor")
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		n, err := store.Int64(ctx, tx, countViews, who.Person)
		if err != nil {
			return err
		}
		if n >= maxViews {
			return fault.New(fault.Limited, "%d saved views", n).WithKey("incident.fault.views")
		}
		_, err = tx.Exec(ctx, putView, s.d.DB.NewID(), who.Person, name, v.Encode())
		return err
	})
}

// DropView forgets a view of the caller's.
func (s *Service) DropView(ctx context.Context, who ident.Actor, id int64) error {
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, dropView, id, who.Person)
		if err == nil && n == 0 {
			err = missing("view")
		}
		return err
	})
}
