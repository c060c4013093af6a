package app

import (
	"context"
	"embed"
	"slices"
	"strconv"

	"straza/internal/find"
	"straza/internal/intake"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Messages are the words of the menus and of faults that no room owns.
//
//go:embed messages/*.json
var Messages embed.FS

// nav is every menu (look.md §7). A room that a person may not enter is not shown.
func (h *House) nav() web.Nav {
	perm := web.Perm
	return web.Nav{
		Search: find.At,
		Console: []web.NavGroup{
			{Items: []web.NavItem{{Key: "nav.shift", Href: "/console", Icon: "layout-sidebar", Policy: perm("console.use")}, {Key: "nav.reports", Href: "/console/reports", Icon: "inbox", Policy: perm("intake.read"), Alarm: true, Count: h.openReports},
				{Key: "nav.cases", Href: "/console/cases", Icon: "folder", Policy: perm("incident.read"), Count: h.openCases}, {Key: "nav.threads", Href: "/console/threads", Icon: "mail", Policy: perm("incident.read"), Count: h.unreadThreads}}},
			{Key: "nav.intel", Items: []web.NavItem{{Key: "nav.events", Href: "/console/events", Icon: "affiliate", Policy: perm("intel.read")}, {Key: "nav.indicators", Href: "/console/indicators", Icon: "target", Policy: perm("intel.read")},
				{Key: "nav.dossiers", Href: "/console/dossiers", Icon: "archive", Policy: partOf("intel.read", "console.use")},
				{Key: "nav.catalog", Href: "/console/catalog/galaxies", Icon: "chart-dots", Policy: partOf("catalog.read", "console.use")},
				{Key: "nav.groups", Href: "/console/groups", Icon: "users-group", Policy: partOf("intel.read", "console.use")},
				{Key: "nav.collections", Href: "/console/collections", Icon: "stack-2", Policy: partOf("peer.read", "console.use")}, {Key: "nav.collections", Href: "/administration/collections", Icon: "stack-2", Policy: partOf("peer.read", "admin.use", "console.use")},
				{Key: "nav.feeds", Href: "/console/feeds", Icon: "rss", Policy: partOf("intel.read", "console.use")}, {Key: "nav.feeds", Href: "/administration/feeds", Icon: "rss", Policy: partOf("catalog.write", "admin.use", "console.use")},
				{Key: "nav.rules", Href: "/console/rules", Icon: "route", Policy: partOf("rule.read", "console.use"), Alarm: true, Count: h.waitingRules},
				{Key: "nav.peers", Href: "/console/peers", Icon: "network", Policy: partOf("peer.read", "console.use")}, {Key: "nav.peers", Href: "/administration/peers", Icon: "network", Policy: partOf("peer.read", "admin.use", "console.use")}}},
			{Key: "nav.publishing", Items: []web.NavItem{{Key: "nav.advisories", Href: "/console/advisories", Icon: "speakerphone", Policy: perm("advisory.read")}}},
			{Key: "nav.registers", Items: []web.NavItem{{Key: "nav.organisations", Href: "/console/organisations", Icon: "building-community", Policy: partOf("registry.read", "console.use")},
				{Key: "nav.organisations", Href: "/administration/organisations", Icon: "building-community", Policy: partOf("registry.read", "admin.use", "console.use")},
				{Key: "nav.organisations", Href: "/oversight/organisations", Icon: "building-community", Policy: partOf("registry.read", "oversight.use", "console.use", "admin.use")}}},
		},
		Portal:   []web.NavItem{{Key: "nav.portal", Href: "/portal", Policy: perm("portal.use")}, {Key: "nav.reports", Href: "/portal/reports", Policy: perm("portal.use")}, {Key: "nav.events", Href: "/portal/events", Policy: perm("intel.read")}, {Key: "nav.aboutus", Href: "/portal/organisation", Policy: web.AnyPerm("registry.read-own", "registry.write-own")}, {Key: "portal.people.nav", Href: "/portal/people", Policy: perm("portal.people")}, {Key: "portal.messages", Href: "/portal/messages", Policy: perm("portal.use")}, {Key: "find.title", Href: "/portal/search", Policy: perm("portal.use")}},
		Settings: []web.NavItem{{Key: "nav.help", Href: "/help", Icon: "help", Policy: web.Public}, {Key: "nav.dataprotection", Href: "/oversight/privacy", Icon: "settings", Policy: perm("privacy.use")}, {Key: "nav.administration", Href: "/administration", Icon: "settings", Policy: web.AnyPerm("admin.use", "admin.jobs", "audit.read")}},
		Public:   []web.NavItem{{Key: "nav.warnings", Href: "/warnings", Policy: web.Public}, {Key: "nav.report", Href: "/report", Policy: web.Public}, {Key: "nav.followup", Href: "/follow-up", Policy: web.Public}, {Key: "nav.advice", Href: "/advice", Policy: web.Public}},
		PortalBottom: []web.NavItem{{Key: "nav.portal", Href: "/portal", Icon: "home", Policy: perm("portal.use")}, {Key: "nav.report", Href: "/portal/reports/new", Icon: "message-report", Policy: perm("portal.use")},
			{Key: "nav.reports", Href: "/portal/reports", Icon: "folder", Policy: perm("portal.use")}, {Key: "portal.messages", Href: "/portal/messages", Icon: "mail", Policy: perm("portal.use")}},
		Bottom: []web.NavItem{{Key: "nav.home", Href: "/", Icon: "home", Policy: web.Public}, {Key: "nav.report", Href: "/report", Icon: "message-report", Policy: web.Public},
			{Key: "nav.warnings", Href: "/warnings", Icon: "speakerphone", Policy: web.Public}, {Key: "nav.followup", Href: "/follow-up", Icon: "clock", Policy: web.Public}},
		Footer: []web.NavItem{{Key: "nav.help", Href: "/help", Policy: web.Public}, {Key: "nav.contact", Href: "/contact", Policy: web.Public}, {Key: "nav.privacy", Href: "/privacy", Policy: web.Public}, {Key: "nav.terms", Href: "/terms", Policy: web.Public}, {Key: "nav.accessibility", Href: "/accessibility", Policy: web.Public}, {Key: "nav.login", Href: "/login", Plain: true, Policy: web.Public}},
	}
}

// partOf is for who holds both permissions and none of the others: one way to a thing
// that stands in several parts.
func partOf(perm, within string, not ...string) web.Policy {
	return web.Policy{Name: "perm:" + perm + "&" + within, Allow: func(who ident.Actor) bool {
		return who.Can(perm) && who.Can(within) && !slices.ContainsFunc(not, who.Can)
	}}
}

// openReports counts the reports that wait for a decision, for the sidebar.
func (h *House) openReports(ctx context.Context, who ident.Actor) int {
	n, _, err := h.Intake.Count(ctx, who, intake.Filter{State: "open"})
	if err != nil {
		return 0
	}
	return int(n)
}

// waitingRules counts the runs of rules that wait for somebody, for the sidebar.
func (h *House) waitingRules(ctx context.Context, who ident.Actor) int {
	n, err := h.Rules.CountWaiting(ctx, who)
	if err != nil {
		return 0
	}
	return int(n)
}

// circles are the sharing groups that somebody may use.
func (h *House) circles(ctx context.Context, who ident.Actor) (out []ui.Option, err error) {
	list, err := h.Intel.Groups(ctx, who)
	for i := range list {
		out = append(out, ui.Option{Value: strconv.FormatInt(list[i].ID, 10), Label: list[i].Name})
	}
	return out, err
}

// usesOfTag counts the events and attributes with a tag that somebody sees.
func (h *House) usesOfTag(ctx context.Context, who ident.Actor, tag string) (events, attributes int64, err error) {
	_, events, attributes, err = h.Intel.Tag(ctx, who, tag)
	return events, attributes, err
}
