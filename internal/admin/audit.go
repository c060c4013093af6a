package admin

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/craft/export"
	"straza/internal/craft/export/exportweb"
	"straza/internal/format/tlp"
	"straza/internal/kernel/account"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

const (
	auditAt     = "/administration/audit"
	auditExport = auditAt + "/export"
)

type auditPage struct {
	listPage
	Report *ui.Note
	Verify ui.Button
}

func (p *pages) audit(w http.ResponseWriter, r *http.Request) error {
	page, err := p.auditPage(r)
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "audit", page)
}

// auditFilters are the same for the page and its export.
func (p *pages) auditFilters(r *http.Request) (*web.Filters, audit.Filter, error) {
	verbs, kinds, err := p.d.Audit.Known(r.Context(), web.Actor(r))
	if err != nil {
		return nil, audit.Filter{}, err
	}
	f := web.ReadFilters(r, web.FilterSpec{Name: "kind", Label: web.T(r, "admin.audit.kind"), Options: p.kindOptions(r, kinds)}, web.FilterSpec{Name: "person", Label: web.T(r, "admin.audit.person")},
		web.FilterSpec{Name: "from", Label: web.T(r, "admin.audit.from"), Type: "date"}, web.FilterSpec{Name: "to", Label: web.T(r, "admin.audit.to"), Type: "date"})
	q := audit.Filter{Kind: f.Get("kind"), Limit: auditShown}
	if said := strings.TrimSpace(f.Get("person")); said != "" {
		if q.Person, err = p.d.People.Whose(r.Context(), web.Actor(r), said); err != nil { // -1 finds nothing: nobody has this address
			return nil, q, err
		}
	}
	q.From, q.To = dayOf(f.Get("from"), 0), dayOf(f.Get("to"), 1)
	if said := strings.TrimSpace(f.Get("q")); said != "" {
		q.Label, q.Verbs = said, p.actsLike(web.Lang(r), said, verbs)
	}
	return f, q, nil
}

// auditShown is how many lines a page shows.
const auditShown = 50

func (p *pages) auditPage(r *http.Request) (*auditPage, error) {
	f, q, err := p.auditFilters(r)
	if err != nil {
		return nil, err
	}
	total, beyond, err := p.d.Audit.Count(r.Context(), web.Actor(r), q)
	if err != nil {
		return nil, err
	}
	if f.Cursor() != "" {
		q.Behind = &audit.Place{}
		if err := web.DecodeCursor(f.Cursor(), q.Behind); err != nil {
			return nil, err
		}
	}
	lines, err := p.d.Audit.Lines(r.Context(), web.Actor(r), q)
	if err != nil {
		return nil, err
	}
	names, err := p.authors(r, lines)
	if err != nil {
		return nil, err
	}
	page := &auditPage{listPage: *newList(r, "audit"), Verify: ui.Button{Label: web.T(r, "admin.audit.verify"), Icon: "shield-check"}}
	bar := f.Bar(web.T(r, "admin.audit.search"), exportweb.Offer(r, auditExport+f.With("format", "csv")[len(auditAt):], total, beyond)...)
	page.Bar = &bar
	page.Table = p.auditTable(r, f, lines, names)
	next := ""
	if len(lines) == auditShown {
		next = web.EncodeCursor(lines[auditShown-1].Place())
	}
	if beyond {
		total = 0
	}
	page.Pages = f.Pages(len(lines), total, next)
	return page, nil
}

func (p *pages) auditTable(r *http.Request, f *web.Filters, lines []audit.Line, names map[int64]account.Named) ui.Table {
	t := ui.Table{Caption: web.T(r, "admin.audit"), Dense: true, Columns: []ui.Column{{Label: web.T(r, "admin.audit.when"), Width: "mark"}, {Label: web.T(r, "admin.audit.act")},
		{Label: web.T(r, "admin.audit.who")}, {Label: web.T(r, "admin.audit.leaf"), Num: true, Drop: 2}},
		Empty: &ui.Empty{Icon: "history", Title: web.T(r, "admin.audit.empty")}}
	if f.Active() {
		t.Empty.Acts = []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: auditAt, Variant: "secondary"}}
	}
	for _, l := range lines {
		act := ui.Name{Text: p.actWords(web.Lang(r), l.Verb), Sub: append([]any{ui.Machine(l.Verb)}, auditDetail(l)...)}
		if act.Text == "" { // a code that has no words yet
			act = ui.Name{Text: l.Verb, Mono: true, Sub: auditDetail(l)}
		}
		t.Rows = append(t.Rows, ui.Row{Cells: []any{auditWhen(r, l), act, author(r, l, names), leaf(l)}})
	}
	return t
}

// auditWhen is when an act was done; what somebody without a name did is known by the
// hour only, and says so.
func auditWhen(r *http.Request, l audit.Line) string {
	at, day := clock.FromMicros(l.At), i18n.DayMonth
	if at.In(i18n.Belgrade).Year() != web.Now(r).In(i18n.Belgrade).Year() {
		day = i18n.Date
	}
	when := day(web.Lang(r), at) + ", " + i18n.Clock(web.Lang(r), at)
	if l.Person == 0 && at.Equal(at.Truncate(time.Hour)) && (l.Actor == string(ident.Anonymous) || strings.HasPrefix(l.Actor, string(ident.Reporter)+":")) {
		return web.T(r, "admin.audit.hour", "time", when)
	}
	return when
}

// exportAudit streams the lines of the page's filter: codes, never their words, so that
// what reads it needs no language.
func (p *pages) exportAudit(w http.ResponseWriter, r *http.Request) error {
	_, q, err := p.auditFilters(r)
	if err != nil {
		return err
	}
	out := exportweb.New(w, r)
	var c *export.Table
	begin := func(n int64) error {
		var x export.Extent
		x.Add(tlp.Amber, n)
		c = out.Table(x, "audit", "at", "verb", "kind", "object", "label", "actor", "name", "organisation", "channel", "request", "detail", "leaf", "id")
		return nil
	}
	err = p.d.Audit.Take(r.Context(), web.Actor(r), q, begin, func(lines []audit.Line) error {
		names, err := p.authors(r, lines)
		for _, l := range lines {
			if err != nil {
				return err
			}
			n := names[l.Person]
			err = c.Row(tlp.Amber, clock.FromMicros(l.At).Format(time.RFC3339Nano), l.Verb, l.Kind, strconv.FormatInt(l.Object, 10), l.Label, l.Actor, n.Name, n.OrgName,
				l.Channel, l.Request, string(l.Detail), numbered(l), strconv.FormatInt(l.ID, 10))
		}
		return err
	})
	if err == nil {
		err = c.Close()
	}
	return out.End(err)
}

// dayOf is the beginning of a day in Belgrade, some days on, 0 for what is no day.
func dayOf(said string, on int) int64 {
	t, err := time.ParseInLocation(time.DateOnly, said, i18n.Belgrade)
	if err != nil {
		return 0
	}
	return clock.Micros(t.AddDate(0, 0, on))
}

// authors names the people of the lines.
func (p *pages) authors(r *http.Request, lines []audit.Line) (map[int64]account.Named, error) {
	var ids []int64
	for _, l := range lines {
		if l.Person != 0 && !slices.Contains(ids, l.Person) {
			ids = append(ids, l.Person)
		}
	}
	return p.d.People.Named(r.Context(), web.Actor(r), ids)
}

// author is a person by name and organisation, and whoever else acted as the log says.
func author(r *http.Request, l audit.Line, names map[int64]account.Named) any {
	if n, ok := names[l.Person]; ok {
		return ui.Name{Text: n.Name, Sub: []any{n.OrgName}}
	}
	if l.Actor == string(ident.Anonymous) {
		return web.T(r, "admin.audit.nobody")
	}
	return ui.Machine(l.Actor)
}

// auditDetail is what stands under an act: what it was done to, and the details as
// they were recorded, name and value, in a fixed order.
func auditDetail(l audit.Line) []any {
	var out []any
	if l.Label != "" {
		out = append(out, l.Label)
	}
	var detail map[string]json.RawMessage
	if json.Unmarshal([]byte(l.Detail), &detail) != nil {
		return append(out, ui.Machine(l.Detail))
	}
	for _, k := range slices.Sorted(maps.Keys(detail)) {
		out = append(out, ui.Machine(k+"="+strings.Trim(string(detail[k]), `"`)))
	}
	return out
}

// numbered is a line's place in the log's tree, empty while it has none.
func numbered(l audit.Line) string {
	if l.Leaf < 0 {
		return ""
	}
	return strconv.FormatInt(l.Leaf, 10)
}

func leaf(l audit.Line) string {
	if l.Leaf < 0 {
		return "–"
	}
	return strconv.FormatInt(l.Leaf, 10)
}

func (p *pages) verifyAudit(w http.ResponseWriter, r *http.Request) error {
	if err := p.d.Audit.Catch(r.Context(), true); err != nil {
		return err
	}
	rep, err := p.d.Audit.Verify(r.Context())
	if err != nil {
		return err
	}
	page, err := p.auditPage(r)
	if err != nil {
		return err
	}
	note := ui.Note{Kind: "success", Title: web.T(r, "admin.audit.ok"), Body: web.T(r, "admin.audit.ok.text", "lines", rep.Lines, "size", rep.Checkpoint.Size)}
	if !rep.OK {
		text := web.T(r, "admin.audit.bad.text", "n", len(rep.Damage))
		for _, d := range rep.Damage[:min(5, len(rep.Damage))] {
			text += fmt.Sprintf(" [%d/%d %s]", d.ID, d.Leaf, d.Kind)
		}
		note = ui.Note{Kind: "danger", Title: web.T(r, "admin.audit.bad"), Body: text}
	}
	page.Report = &note
	return p.t.Render(w, r, "audit", page)
}
