package account

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// View is a saved view of a list: somebody's own, by name.
type View struct {
	ID    int64
	Name  string
	Query string // of the list's address, without "?" and cursor
	Opens bool   // the list opens with it
}

const (
	maxViews    = 50 // of one person in one list
	maxQuery    = 2000
	maxViewName = 60
)

// viewPath is the address of a list: not of one object's parts, whose addresses have
// numbers.
var viewPath = regexp.MustCompile(`^(/[a-z]+){1,5}$`)

// HasViews tells whether the page at a path is a list of which views are saved.
func HasViews(path string) bool { return len(path) <= 100 && viewPath.MatchString(path) }

// Views lists the caller's saved views of a list, by name; none for who is nobody.
func (s *Service) Views(ctx context.Context, who ident.Actor, list string) (out []View, err error) {
	if !who.LoggedIn() || !HasViews(list) {
		return nil, nil
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = viewsOf(ctx, tx, who.Person, list)
		return err
	})
	return out, err
}

// SaveView keeps a list's query under a name; the same name is written over. Faults:
// Invalid on "name" or "list"; Limited beyond fifty a list.
func (s *Service) SaveView(ctx context.Context, who ident.Actor, list, name, query string) error {
	var c fault.Collector
	name = strings.Join(strings.Fields(name), " ")
	c.Require(name != "", "name", "web.error.required")
	c.Require(utf8.RuneCountInString(name) <= maxViewName, "name", "web.error.toolong")
	c.Require(HasViews(list), "list", "web.error.choice")
	v, err := url.ParseQuery(query)
	c.Require(err == nil && len(query) <= maxQuery, "query", "web.error.toolong")
	if err := c.Err("view"); err != nil {
		return err
	}
	v.Del("cursor")
	v.Del("view")
	return s.own(ctx, who, func(tx *store.Tx, p Person) error {
		have, err := viewsOf(ctx, tx, p.ID, list)
		if err != nil {
			return err
		}
		again := slices.ContainsFunc(have, func(v View) bool { return v.Name == name })
		if len(have) >= maxViews && !again {
			return fault.New(fault.Limited, "%d saved views", len(have)).WithKey("ui.views.many")
		}
		return putView(ctx, tx, s.db.NewID(), p.ID, list, name, v.Encode())
	})
}

// OpenWith makes a view the one that its list opens with; 0 takes that back. Faults:
// NotFound for what is not the caller's.
func (s *Service) OpenWith(ctx context.Context, who ident.Actor, list string, id int64) error {
	return s.own(ctx, who, func(tx *store.Tx, p Person) error {
		n, err := openWith(ctx, tx, p.ID, list, id)
		if err == nil && id != 0 && n == 0 {
			err = fault.New(fault.NotFound, "view %d", id)
		}
		return err
	})
}

// DropView forgets a view of the caller's. Faults: NotFound.
func (s *Service) DropView(ctx context.Context, who ident.Actor, list string, id int64) error {
	return s.own(ctx, who, func(tx *store.Tx, p Person) error {
		n, err := dropView(ctx, tx, p.ID, list, id)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "view %d", id)
		}
		return err
	})
}
