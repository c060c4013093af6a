package app

import (
	"context"
	"slices"

	"straza/internal/find"
	"straza/internal/incident"
	"straza/internal/incident/incidentweb"
	"straza/internal/intake"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web/ui"
)

// wireIncident makes the room for cases, with intake's packs as its lists.
func (h *House) wireIncident(book func() *incident.Book) {
	code := func(ctx context.Context, tx *store.Tx, who ident.Actor, cert int64) (string, error) {
		return h.Intake.CodeTx(ctx, tx, who, cert) // cases and reports of a CERT carry one code
	}
	h.Incident = incident.New(incident.Deps{Code: code, DB: h.DB, Audit: h.Audit, Blobs: h.Blobs, Vault: h.Vault, Registry: h.Registry, Threads: h.Threads,
		Intel: h.Intel, Readers: h.Intel, Book: book,
		Post: h.Post, People: h.Accounts, Text: h.Catalog, Link: func(number string) string { return h.origin + "/console/cases/" + number },
		Opener: func() incident.Opener {
			if h.unsealing == nil {
				return nil
			}
			return h.unsealing
		}})
}

// caseBook hands intake's packs to cases, which classify by the same lists.
func caseBook(b *intake.Book) *incident.Book {
	out := &incident.Book{Severity: b.Severity}
	for _, c := range b.Classes {
		out.Classes = append(out.Classes, incident.Choice{Value: c.Value, Label: c.Label})
		for _, t := range c.Types {
			out.Classes = append(out.Classes, incident.Choice{Value: c.Value + "/" + t.Value, Label: t.Label})
		}
	}
	for _, n := range b.National {
		out.National = append(out.National, incident.Choice{Value: n.Value, Label: n.Label})
	}
	for _, f := range b.Facts {
		x := incident.Fact{Name: f.Name, Label: f.Label}
		for _, o := range f.Options {
			x.Options = append(x.Options, incident.Choice{Value: o.Value, Label: o.Label})
		}
		out.Facts = append(out.Facts, x)
	}
	for _, s := range b.Sectors.Entries {
		out.Sectors = append(out.Sectors, incident.Choice{Value: s.Code, Label: s.Names})
	}
	out.Retention, out.Days = retentionClasses, retentionDays
	return out
}

// retentionClasses are how long a closed case is kept at least, whatever the term that
// the privacy officer has entered; with a longer one they change nothing.
var retentionClasses = []incident.Choice{
	{Value: "two-years", Label: i18n.Text{i18n.SrCyrl: "2 године по затварању", i18n.En: "2 years after closing"}},
	{Value: "five-years", Label: i18n.Text{i18n.SrCyrl: "5 година по затварању", i18n.En: "5 years after closing"}},
	{Value: "ten-years", Label: i18n.Text{i18n.SrCyrl: "10 година по затварању", i18n.En: "10 years after closing"}},
}

var retentionDays = map[string]int{"two-years": 731, "five-years": 1827, "ten-years": 3653}

// casesOf is the room of cases as intake sees it.
type casesOf struct{ h *House }

// OpenFromReportTx opens a case with chosen facts of a report.
func (c casesOf) OpenFromReportTx(ctx context.Context, tx *store.Tx, who ident.Actor, x intake.CaseSeed) (int64, string, error) {
	seed := incident.Seed{Report: x.Report, Number: x.Number, CERT: x.CERT, Draft: incident.Draft{Title: x.Title, Summary: x.Summary,
		Severity: x.Severity, TLP: x.TLP, PAP: x.PAP, Classes: x.RSIT, National: x.National, Aware: x.AwareAt}}
	if x.Sector != "" {
		seed.Sectors = []string{x.Sector}
	}
	if x.OrgName != "" {
		seed.Orgs = []incident.Org{{ID: x.Org, Name: x.OrgName}}
	}
	return c.h.Incident.OpenFromReportTx(ctx, tx, who, seed)
}

// LinkReportTx links a report to a case that is there.
func (c casesOf) LinkReportTx(ctx context.Context, tx *store.Tx, who ident.Actor, number string, x intake.CaseSeed) (int64, error) {
	return c.h.Incident.LinkReportTx(ctx, tx, who, number, x.Report, x.Number)
}

// OpenTx tells whether a case is still worked on.
func (c casesOf) OpenTx(ctx context.Context, tx *store.Tx, who ident.Actor, caseID int64) (bool, error) {
	return c.h.Incident.IsOpenTx(ctx, tx, who, caseID)
}

// UnlinkReportTx takes either back.
func (c casesOf) UnlinkReportTx(ctx context.Context, tx *store.Tx, who ident.Actor, caseID, report int64) error {
	return c.h.Incident.UnlinkReportTx(ctx, tx, who, caseID, report)
}

// caseOfEvent names the newest case that an event came from, "" when there is none
// that who may see.
func (h *House) caseOfEvent(ctx context.Context, who ident.Actor, event int64) string {
	list, err := h.Incident.CasesOf(ctx, who, incident.LinkEvent, event)
	if err != nil || len(list) == 0 {
		return ""
	}
	return list[len(list)-1].Number
}

// colleagues are the people of a CERT's team, who can be given cases.
func (h *House) colleagues(ctx context.Context, who ident.Actor) (out []incidentweb.Colleague, err error) {
	team, err := h.team(ctx, who)
	for _, p := range team {
		out = append(out, incidentweb.Colleague{ID: p.Person, Name: p.Name})
	}
	return out, err
}

// author names a colleague by name and everybody else by their organisation.
func (h *House) author(ctx context.Context, who ident.Actor, person int64) string {
	p, err := h.Accounts.Resolve(ctx, person, ident.Job)
	if err != nil || p.Org != who.Org {
		return p.OrgName
	}
	return p.Name
}

// team are the people of the asker's CERT; who is disabled is left out.
func (h *House) team(ctx context.Context, who ident.Actor) (out []ident.Actor, err error) {
	var ids []int64
	err = h.DB.View(ctx, func(tx *store.Tx) error {
		ids, err = access.MembersTx(ctx, tx, access.Team(who.CERT), access.KindPerson)
		return err
	})
	for _, id := range ids {
		if p, err := h.Accounts.Resolve(ctx, id, ident.Job); err == nil {
			out = append(out, p)
		}
	}
	return out, err
}

// openCases and unreadThreads are the counts of the sidebar.
func (h *House) openCases(ctx context.Context, who ident.Actor) int {
	n, _, _ := h.Incident.Count(ctx, who, incident.Filter{State: "open", Mine: true})
	return int(n)
}

func (h *House) unreadThreads(ctx context.Context, who ident.Actor) int {
	n, _ := h.Incident.Unread(ctx, who)
	return int(n)
}

func (h *House) findCases(ctx context.Context, who ident.Actor, q string, n int) (hits []find.Hit, more bool, err error) {
	list, _, err := h.Incident.List(ctx, who, incident.Filter{Number: q}, incident.Page{Limit: n}) // the one whose number was said stands first
	if err != nil {
		return nil, false, err
	}
	named := len(list)
	others, more, err := h.Incident.List(ctx, who, incident.Filter{Query: q}, incident.Page{Limit: n})
	for _, c := range others {
		if !slices.ContainsFunc(list[:named], func(x incident.Case) bool { return x.ID == c.ID }) {
			list = append(list, c)
		}
	}
	if len(list) > n {
		list, more = list[:n], true
	}
	for _, c := range list {
		hits = append(hits, find.Hit{Title: c.Title, Href: "/console/cases/" + c.Number, Sub: []any{c.Number}, Marks: []any{ui.Severity{Level: c.Severity}}})
	}
	return hits, more, err
}

// partAnchors are where the parts of a case stand on its page.
var partAnchors = map[string]string{"entry": "#timeline", "note": "#notes", "task": "#tasks", "measure": "#measures"}

func (h *House) findParts(ctx context.Context, who ident.Actor, q string, n int) (hits []find.Hit, more bool, err error) {
	list, more, err := h.Incident.Find(ctx, who, q, n)
	lang := i18n.Lang(who.Lang)
	for _, m := range list {
		at := "/console/cases/" + m.Number + partAnchors[m.Kind]
		if m.Kind == "party" {
			at = "/console/cases/" + m.Number + "?party=" + m.Ref + "#threads"
		}
		hits = append(hits, find.Hit{Title: h.Catalog.T(lang, "search.part."+m.Kind) + " · " + m.Title, Href: at, Text: m.Text, Sub: []any{m.Number, clock.FromMicros(m.At)}})
	}
	return hits, more, err
}

func (h *House) findLetters(ctx context.Context, who ident.Actor, q string, n int) (hits []find.Hit, more bool, err error) {
	list, more, err := h.Incident.FindLetters(ctx, who, q, n)
	for _, f := range list {
		at := "/console/cases/" + f.Thread.Number + "?party=" + f.Thread.Ref + "#threads"
		hits = append(hits, find.Hit{Title: f.Thread.Party, Href: at, Text: f.Message.Body, Sub: []any{f.Thread.Number,
			h.Catalog.T(i18n.Lang(who.Lang), "search.way."+f.Message.Way), clock.FromMicros(f.Message.At)}})
	}
	return hits, more, err
}
