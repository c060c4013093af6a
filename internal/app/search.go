package app

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"straza/internal/advisory"
	"straza/internal/find"
	"straza/internal/intake"
	"straza/internal/intel"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

// searchRooms is the table of what the one search field asks.
func (h *House) searchRooms() []find.Room {
	team := func(path string) func(ident.Actor, string) string {
		return func(_ ident.Actor, q string) string { return path + "?q=" + url.QueryEscape(q) }
	}
	return []find.Room{
		{Key: "nav.reports", Icon: "inbox", Policy: web.AnyPerm("intake.read", "portal.use"), All: func(who ident.Actor, q string) string {
			if who.Can("console.use") {
				return "/console/reports?q=" + url.QueryEscape(q)
			}
			return "/portal/reports"
		}, Search: h.findReports},
		{Key: "nav.cases", Icon: "folder", Policy: web.Perm("incident.read"), All: team("/console/cases"), Search: h.findCases},
		{Key: "search.parts", Icon: "notes", Policy: web.Perm("incident.read"), Search: h.findParts},
		{Key: "nav.threads", Icon: "mail", Policy: web.Perm("incident.read"), Search: h.findLetters},
		{Key: "nav.events", Icon: "affiliate", Policy: web.Perm("intel.read"), All: func(who ident.Actor, q string) string {
			return strings.TrimSuffix(eventBase(who), "/") + "?q=" + url.QueryEscape(q)
		}, Search: h.findEvents},
		{Key: "nav.indicators", Icon: "target", Policy: web.Perm("intel.read"), All: func(who ident.Actor, q string) string {
			if who.Can("console.use") {
				return "/console/indicators?q=" + url.QueryEscape(q)
			}
			return strings.TrimSuffix(eventBase(who), "/") + "?q=" + url.QueryEscape(q)
		}, Search: h.findIndicators},
		{Key: "nav.advisories", Icon: "speakerphone", Policy: web.Perm("advisory.read"), All: team("/console/advisories"), Search: h.findAdvisories},
		{Key: "nav.organisations", Icon: "building", Policy: web.Perm("registry.read"), All: func(who ident.Actor, q string) string {
			return organisations(who) + "?q=" + url.QueryEscape(q)
		}, Search: h.findOrganisations},
	}
}

// organisations is where somebody reads the registry.
func organisations(who ident.Actor) string {
	switch {
	case who.Can("console.use"):
		return "/console/organisations"
	case who.Can("admin.use"):
		return "/administration/organisations"
	}
	return "/oversight/organisations"
}

func (h *House) findReports(ctx context.Context, who ident.Actor, q string, n int) (hits []find.Hit, more bool, err error) {
	list, _, err := h.Intake.List(ctx, who, intake.Filter{Number: q}, intake.Page{Sort: intake.ByReceived, Limit: n})
	if err != nil {
		return nil, false, err
	}
	named := len(list)
	others, next, err := h.Intake.List(ctx, who, intake.Filter{Query: q}, intake.Page{Sort: intake.ByReceived, Limit: n})
	for _, x := range others {
		if !slices.ContainsFunc(list[:named], func(y intake.Report) bool { return y.UUID == x.UUID }) {
			list = append(list, x)
		}
	}
	if len(list) > n {
		list, next = list[:n], "more"
	}
	for _, x := range list {
		title := x.Title
		if title == "" {
			title = x.Number
		}
		at := "/console/reports/" + x.Number
		if !who.Can("intake.read") {
			at = "/portal/reports/" + x.UUID
		}
		hits = append(hits, find.Hit{Title: title, Href: at, Sub: []any{x.Number, x.OrgName}, Marks: []any{ui.Severity{Level: x.Severity}}})
	}
	return hits, next != "", err
}

var errEnough = errors.New("enough")

func (h *House) findEvents(ctx context.Context, who ident.Actor, q string, n int) (hits []find.Hit, more bool, err error) {
	total, err := h.Intel.SearchEvents(ctx, who, intel.Query{Text: strings.Trim(q, "%"), Sort: "changed", Desc: true, Limit: n, Page: 1}, func(e *intel.Event) error {
		hits = append(hits, find.Hit{Title: e.Info, Href: eventBase(who) + e.Ref(), Sub: []any{e.Origin.Name, e.Date}, Marks: labelOf(e.TLP)})
		return nil
	})
	return hits, total > int64(n), err
}

// labelOf is the mark of a sharing label, none when there is none.
func labelOf(tlp string) []any {
	if tlp == "" {
		return nil
	}
	return []any{ui.TLP(tlp)}
}

func eventBase(who ident.Actor) string {
	if who.Can("console.use") {
		return "/console/events/"
	}
	return "/portal/events/"
}

func (h *House) findIndicators(ctx context.Context, who ident.Actor, q string, n int) (hits []find.Hit, more bool, err error) {
	if q = strings.Trim(q, "%"); q == "" { // a % at an end is the room's sign for anything
		return nil, false, nil
	}
	f := intel.Filter{Or: []string{q}}
	if len(q) >= 4 {
		f.Or = append(f.Or, "%"+q+"%")
	}
	err = h.Intel.SearchAttributes(ctx, who, intel.Query{Value: f, Limit: n + 1}, func(a *intel.Attribute) error {
		if len(hits) == n {
			more = true
			return errEnough
		}
		hit := find.Hit{Title: a.Value, Mono: true, Sub: []any{ui.Machine(a.Type)}}
		if a.Event != nil {
			hit.Href = eventBase(who) + a.Event.Ref()
			hit.Sub = append(hit.Sub, a.Event.Info)
		}
		hits = append(hits, hit)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return hits, more, err
}

func (h *House) findAdvisories(ctx context.Context, who ident.Actor, q string, n int) (hits []find.Hit, more bool, err error) {
	list, more, err := h.Advisory.List(ctx, who, advisory.Filter{Text: q})
	if len(list) > n {
		list, more = list[:n], true
	}
	for _, a := range list {
		hits = append(hits, find.Hit{Title: a.Title.In(i18n.Lang(who.Lang)), Href: "/console/advisories/" + a.Number, Sub: []any{a.Number}, Marks: []any{ui.Severity{Level: a.Level}}})
	}
	return hits, more, err
}

func (h *House) findOrganisations(ctx context.Context, who ident.Actor, q string, n int) (hits []find.Hit, more bool, err error) {
	list, next, err := h.Registry.List(ctx, who, registry.Filter{Query: strings.TrimSpace(q)}, registry.Page{Limit: n})
	for _, o := range list {
		hits = append(hits, find.Hit{Title: o.Name, Href: organisations(who) + "/" + o.UUID, Sub: []any{o.CERTName}})
	}
	return hits, next != "", err
}
