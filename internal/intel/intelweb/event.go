package intelweb

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// eventPage changes what an event says of itself, and shows who would see it.
type eventPage struct {
	web.Page
	Header  ui.Header
	At      string // of the event
	Version int64
	Info    ui.Field
	Reach   []ui.Field
	Facts   []ui.Field
	Quiet   bool // no correlation
	Note    *ui.Note
	Who     *ui.Audience
	Cancel  ui.Button
}

func (p *pages) editForm(w http.ResponseWriter, r *http.Request) error {
	e, err := p.mine(r)
	if err != nil {
		return err
	}
	f := web.NewForm(r, url.Values{"info": {e.Info}, "date": {e.Date}, "distribution": {strconv.Itoa(int(e.Distribution))}, "group": {number(e.Group)},
		"threat": {strconv.Itoa(e.Threat)}, "analysis": {strconv.Itoa(e.Analysis)}, "extends_uuid": {e.ExtendsUUID}, "quiet": {map[bool]string{true: "1"}[e.NoCorrelation]}})
	page, err := p.eventPage(r, f, e)
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "edit", page)
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// mine is the event of the address, which the caller may change.
func (p *pages) mine(r *http.Request) (*intel.Event, error) { return eventweb.Mine(r, p.s) }

func (p *pages) eventPage(r *http.Request, f *web.Form, e *intel.Event) (*eventPage, error) {
	at := base(r) + "/" + e.Ref()
	page := &eventPage{Page: web.NewPage(r, shell(r), web.T(r, "intel.edit")), Header: ui.Header{Title: web.T(r, "intel.edit"), Sub: []any{e.Info}}, At: at, Version: e.Changed,
		Info: f.Field("info", "intel.info"), Quiet: f.Tick("quiet"), Cancel: ui.Button{Label: web.T(r, "intel.cancel"), Href: at, Variant: "tertiary"}}
	page.Crumbs = eventweb.Crumbs(r, e, ui.Crumb{Label: web.T(r, "intel.edit")})
	if v := f.Int("version"); v != 0 {
		page.Version = v
	}
	reach, err := eventweb.Reach(r, p.s, f, false)
	if err != nil {
		return nil, err
	}
	page.Reach = reach
	date, threat, analysis, extends := f.Field("date", "intel.date"), f.Field("threat", "intel.threat"), f.Field("analysis", "intel.analysis"), f.Field("extends_uuid", "intel.extends")
	date.Type, threat.Type, analysis.Type = "date", "select", "select"
	threat.Options, analysis.Options = web.Words(r, "intel.threat.", "1", "2", "3", "4"), web.Words(r, "intel.analysis.", "0", "1", "2")
	extends.Optional, extends.Mono, extends.Hint = true, true, web.T(r, "intel.extends.hint")
	page.Facts = []ui.Field{date, threat, analysis, extends}
	if e.Published {
		page.Note = &ui.Note{Kind: "warning", Body: web.T(r, "intel.edit.published")}
	}
	sees, err := p.s.WhoSees(r.Context(), web.Actor(r), intel.Distribution(f.Int("distribution")), f.Int("group"), tagNames(e.Tags))
	if err == nil {
		a := whoPanel(r, sees)
		page.Who = &a
	}
	if fault.Is(err, fault.Invalid) {
		err = nil // the form says what is wrong with the group
	}
	return page, err
}

func tagNames(tags []intel.TagUse) (out []string) {
	for _, t := range tags {
		out = append(out, t.Name)
	}
	return out
}

// saveEvent keeps the change, or shows who would see it before that.
func (p *pages) saveEvent(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	e, err := p.mine(r)
	if err != nil {
		return err
	}
	day := f.Needed("date", 10)
	if _, err := time.Parse(time.DateOnly, day); err != nil && day != "" {
		f.Add("date", "web.error.date")
	}
	if f.Int("distribution") == int64(intel.Group) {
		f.Require(f.Int("group") != 0, "group", "web.error.required")
	}
	wire := &misp.Event{Info: misp.T(f.Needed("info", 65_000)), Date: misp.T(day), Distribution: misp.N(f.Int("distribution")), SharingGroupID: misp.N(f.Int("group")),
		ThreatLevelID: misp.N(f.Int("threat")), Analysis: misp.N(f.Int("analysis")), ExtendsUUID: misp.T(f.Text("extends_uuid", 36)), DisableCorrelation: misp.B(f.Tick("quiet"))}
	look := f.Text("act", 10) == "look"
	if f.Err("event") == nil && !look {
		_, err = p.s.EditEvent(r.Context(), web.Actor(r), e.Ref(), intel.FromEvent(wire), intel.AddOptions{Version: f.Int("version")})
	}
	if failed := f.Fail(err); failed || look {
		page, err := p.eventPage(r, f, e)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("info", "distribution", "group", "date", "threat", "analysis", "extends_uuid")
		if failed {
			return p.t.Invalid(w, r, "edit", page)
		}
		return p.t.Render(w, r, "edit", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(base(r)+"/"+e.Ref(), web.Done("intel.done.changed"))
}

type dropPage struct {
	web.Page
	Header     ui.Header
	At         string
	Version    int64
	Attributes int64
	Cancel     ui.Button
}

// askDelete says what deleting an event means before it is done.
func (p *pages) askDelete(w http.ResponseWriter, r *http.Request) error {
	e, err := p.mine(r)
	if err != nil {
		return err
	}
	at := base(r) + "/" + e.Ref()
	page := &dropPage{Page: web.NewPage(r, shell(r), web.T(r, "intel.drop")), Header: ui.Header{Title: web.T(r, "intel.drop"), Sub: []any{e.Info}}, At: at, Version: e.Changed,
		Attributes: e.Attributes, Cancel: ui.Button{Label: web.T(r, "intel.cancel"), Href: at, Variant: "secondary"}}
	page.Crumbs = eventweb.Crumbs(r, e, ui.Crumb{Label: web.T(r, "intel.drop")})
	return p.t.Render(w, r, "drop", page)
}

func (p *pages) deleteEvent(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	ref, err := eventRef(r)
	if err != nil {
		return err
	}
	if err := p.s.DeleteEventAt(r.Context(), web.Actor(r), ref, f.Int("version")); err != nil {
		return err
	}
	return web.Redirect(base(r), web.Done("intel.done.dropped"))
}

type historyPage struct {
	web.Page
	Header ui.Header
	Rows   []historyRow
}

type historyRow struct {
	At        time.Time
	Who, What string
}

// historyShown bounds the page: who needs more reads the audit log.
const historyShown = 200

// history shows who changed an event, to those who may change it too.
func (p *pages) history(w http.ResponseWriter, r *http.Request) error {
	e, err := p.mine(r)
	if err != nil {
		return err
	}
	lines, err := p.s.History(r.Context(), web.Actor(r), e.Ref(), historyShown)
	if err != nil {
		return err
	}
	page := &historyPage{Page: web.NewPage(r, shell(r), web.T(r, "intel.history")), Header: ui.Header{Title: web.T(r, "intel.history"), Sub: []any{e.Info}}}
	page.Crumbs = eventweb.Crumbs(r, e, ui.Crumb{Label: web.T(r, "intel.history")})
	for _, l := range lines {
		if strings.HasSuffix(l.Verb, ".view") || strings.HasPrefix(l.Verb, "sighting.") { // looks and sightings change nothing of it
			continue
		}
		author := l.Actor
		if p.d.Author != nil && l.Person != 0 {
			author = p.d.Author(r.Context(), web.Actor(r), l.Person)
		}
		page.Rows = append(page.Rows, historyRow{clock.FromMicros(l.At), author, actWord(r, l.Verb)})
	}
	return p.t.Render(w, r, "history", page)
}

// acts are the acts of the log that have a word here.
var acts = []string{"event.add", "event.edit", "event.publish", "event.unpublish", "event.share", "attribute.add", "attribute.edit", "attribute.delete", "attribute.restore",
	"object.add", "object.edit", "object.delete", "reference.add", "reference.delete", "report.add", "report.edit", "report.delete", "report.restore", "tag.attach", "tag.detach"}

// actWord names an act of the log; one without a word stands as it is logged.
func actWord(r *http.Request, verb string) string {
	if slices.Contains(acts, verb) {
		return web.T(r, "intel.act."+verb)
	}
	return verb
}
