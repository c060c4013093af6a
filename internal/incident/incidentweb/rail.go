package incidentweb

import (
	"net/http"
	"strings"
	"time"

	"straza/internal/incident"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type measureRow struct {
	ID         int64
	What, Who  string
	State      ui.State
	To         string // next state, "" = none
	ToLabel    string
	SinceAt    time.Time
	SinceLabel string
}

type linkRow struct {
	ID   int64
	Icon string
	Text string
	Href string
	Note string
}

// rail is facts, links, readers, history, and the rarer acts.
func (p *pages) rail(r *http.Request, page *casePage, x *incident.File, f *web.Form) {
	l := web.Lang(r)
	book := p.s.Book(r.Context(), web.Actor(r))
	var classes, national []string
	for _, c := range x.Classes {
		classes = append(classes, incident.Label(book.Classes, c).In(l))
	}
	for _, c := range x.National {
		national = append(national, incident.Label(book.National, c).In(l))
	}
	add := func(key string, v any, sub string) {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, key), Value: v, Sub: sub})
	}
	add("incident.class", strings.Join(classes, ", "), "")
	if len(x.Classes) > 0 {
		add("incident.rsit", ui.Machine(strings.Join(x.Classes, " ")), "")
	}
	add("incident.national", strings.Join(national, ", "), "")
	if x.Severity != "" {
		sub := ""
		if x.Why != "" {
			sub = web.T(r, "incident.override", "why", x.Why)
		}
		add("incident.severity", web.T(r, "ui.severity."+x.Severity), sub)
	}
	var sectors []string
	for _, s := range x.Sectors {
		sectors = append(sectors, incident.Label(book.Sectors, s).In(l))
	}
	add("incident.sectors", strings.Join(sectors, ", "), "")
	add("incident.aware", clock.FromMicros(x.Aware), "")
	add("incident.cause", x.RootCause, "")
	add("incident.impact", x.Impact, "")
	if x.Retention != "" {
		add("incident.retention", incident.Label(book.Retention, x.Retention).In(l), "")
	}
	icons := map[string]string{incident.LinkCase: "folder", incident.LinkReport: "inbox", incident.LinkEvent: "affiliate", incident.LinkAdvisory: "speakerphone", incident.LinkCVE: "bug",
		incident.LinkHandedTo: "send", incident.LinkHandedFrom: "inbox"}
	for _, k := range x.Links {
		row := linkRow{ID: k.ID, Icon: icons[k.Kind], Text: k.Label, Note: k.Relation}
		switch k.Kind {
		case incident.LinkCase:
			row.Href = base + "/" + k.Label
		case incident.LinkHandedTo: // another team's: its number is all there is to see
			row.Note = web.T(r, "incident.link.to", "name", k.Relation)
		case incident.LinkHandedFrom:
			row.Note = web.T(r, "incident.link.from", "name", k.Relation)
		case incident.LinkReport:
			row.Href = "/console/reports/" + k.Label
		case incident.LinkEvent:
			row.Href = page.eventAt[k.Ref] // an event that the reader does not see has no address
		case incident.LinkAdvisory:
			row.Href = "/console/advisories/" + k.Label
		}
		page.Links = append(page.Links, row)
	}
	other, relation := f.Field("link_other", "incident.link.other"), f.Field("link_relation", "incident.link.relation")
	other.Hint, relation.Optional = web.T(r, "incident.link.hint"), true
	page.Link = []ui.Field{other, relation}
	page.Org = f.Field("org_org", "incident.org.add")
	for _, pr := range x.Readers {
		page.Readers = append(page.Readers, readerWord(r, pr))
	}
	page.History = historyRows(r, x.Acts, 8)
	if access.Allowed(web.Actor(r), "incident.merge") && page.May {
		m := f.Field("merge_from", "incident.merge.from")
		m.Hint = web.T(r, "incident.merge.hint")
		page.Merge = &m
		page.Split = splitOf(r, x, f)
	}
}

func readerWord(r *http.Request, p access.Principal) string {
	switch p.Kind {
	case access.KindTeam:
		return web.T(r, "incident.reader.team")
	case access.KindOrg:
		return web.T(r, "incident.reader.org")
	}
	return web.T(r, "incident.reader.other")
}
