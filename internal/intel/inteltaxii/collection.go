package inteltaxii

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"straza/internal/format/taxii"
	"straza/internal/intel"
)

// idOf derives a collection's id: a UUID of version 4's shape, made of the
// installation's secret and of what the collection is a view of, so that it is
// the same on every node and differs from every other installation's. One that
// somebody defined has its own.
func (s *server) idOf(c intel.Collection) string {
	if c.Kind == intel.DefinedCollection {
		return c.Definition.UUID
	}
	h := hmac.New(sha256.New, s.Secret)
	h.Write([]byte("taxii collection\x00" + string(c.Kind) + "\x00" + c.Org.UUID + c.Group.UUID))
	u := h.Sum(nil)[:16]
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	x := hex.EncodeToString(u)
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// describe gives a collection in TAXII's form.
func (x *exchange) describe(c intel.Collection) taxii.Collection {
	s := x.server
	out := taxii.Collection{ID: s.idOf(c), CanRead: true, MediaTypes: []string{taxii.MediaTypeSTIX}}
	switch c.Kind {
	case intel.CommunityCollection:
		out.Alias, out.Title, out.Description = "community", "Community", "Published events that every member of this installation may read."
	case intel.OwnCollection:
		out.Alias, out.Title, out.Description = "own", c.Org.Name, "Published events of your own organisation."
	case intel.InboxCollection:
		out.Alias, out.Title, out.Description = "inbox", "Inbox of "+c.Org.Name, "What your organisation sends. It becomes events of yours, to be looked at before they go on."
		out.CanWrite = x.Intel.MayDeliver(x.r.Context(), x.who)
	case intel.WholeCollection:
		out.Alias, out.Title, out.Description = "whole", "Everything", "All published events, for a site administrator. Each read is noted."
	case intel.GroupCollection:
		out.Alias, out.Title, out.Description = "group-"+c.Group.UUID, c.Group.Name, "Published events of this sharing group."
	case intel.DefinedCollection:
		d := c.Definition
		out.Alias, out.Title, out.Description = d.Alias, d.Title, d.Description
		out.CanWrite = d.Inbox && x.Intel.MayDeliver(x.r.Context(), x.who)
	}
	if out.Title == "" {
		out.Title = out.Alias
	}
	return out
}

func (x *exchange) collections() error {
	list, err := x.Intel.Collections(x.r.Context(), x.who)
	if err != nil {
		return err
	}
	var out taxii.Collections
	for _, c := range list {
		out.Collections = append(out.Collections, x.describe(c))
	}
	slices.SortFunc(out.Collections, func(a, b taxii.Collection) int { return strings.Compare(a.ID, b.ID) })
	return x.answer(out)
}

// collection finds one of the caller's collections by id or alias.
func (x *exchange) collection(ref string) (intel.Collection, error) {
	list, err := x.Intel.Collections(x.r.Context(), x.who)
	if err != nil {
		return intel.Collection{}, err
	}
	for _, c := range list {
		if d := x.describe(c); d.ID == ref || d.Alias == ref {
			return c, nil
		}
	}
	return intel.Collection{}, missing("collection")
}
