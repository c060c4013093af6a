package intelweb

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"straza/internal/format/markdown"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// reportPage is a report of an event as it reads, with the form that changes it.
type reportPage struct {
	web.Page
	Header  ui.Header
	At      string // of the report; of the event's new report while it is new
	New     bool
	Edit    bool
	Deleted bool
	Version int64
	Text    ui.Prose
	Facts   ui.Facts
	Main    []ui.Field
	Reach   []ui.Field
	Cancel  ui.Button
}

// reportOf is a report of the address's event; another event's is not found here.
func (p *pages) reportOf(r *http.Request) (*intel.Event, *intel.Report, error) {
	ref, err := eventRef(r)
	if err != nil {
		return nil, nil, err
	}
	id, err := web.Ref(r, "report")
	if err != nil {
		return nil, nil, err
	}
	x, e, err := p.s.Report(r.Context(), web.Actor(r), id)
	if err == nil && e.Ref() != ref && strconv.FormatInt(e.ID, 10) != ref {
		err = fault.New(fault.NotFound, "report %s of event %s", id, ref)
	}
	return &e, &x, err
}

func (p *pages) report(w http.ResponseWriter, r *http.Request) error {
	e, x, err := p.reportOf(r)
	if err != nil {
		return err
	}
	page, err := p.reportPage(r, web.NewForm(r, url.Values{"name": {x.Name}, "content": {x.Content}, "distribution": {strconv.Itoa(int(x.Distribution))}, "group": {number(x.Group)}}), e, x)
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "report", page)
}

// reportPage makes the page; x nil is a new report.
func (p *pages) reportPage(r *http.Request, f *web.Form, e *intel.Event, x *intel.Report) (*reportPage, error) {
	at := base(r) + "/" + e.Ref()
	page := &reportPage{Page: web.NewPage(r, shell(r), web.T(r, "intel.report.new")), At: at + "/reports/new", New: x == nil, Edit: intel.MayEdit(web.Actor(r), e) == nil,
		Cancel: ui.Button{Label: web.T(r, "intel.cancel"), Href: at, Variant: "tertiary"}}
	page.Print = printed(r, e)
	name, content := f.Field("name", "intel.report.name"), f.Field("content", "intel.report.content")
	content.Type, content.Rows, content.Mono, content.Keep, content.Hint = "textarea", 18, true, true, web.T(r, "intel.report.content.hint")
	page.Main = []ui.Field{name, content}
	var err error
	if page.Reach, err = eventweb.Reach(r, p.s, f, true); err != nil {
		return nil, err
	}
	if x != nil {
		page.Title, page.At, page.Deleted, page.Version = x.Name, at+"/reports/"+x.UUID, x.Deleted, x.Timestamp
		if v := f.Int("version"); v != 0 {
			page.Version = v
		}
		text, err := markdown.HTML(x.Content, p.named(r, e))
		if err != nil {
			return nil, err
		}
		page.Text = ui.Prose(text)
		page.Facts = ui.Facts{Items: []ui.Fact{{Label: web.T(r, "intel.who"), Value: audienceWord(r, x.Distribution)}, {Label: web.T(r, "intel.changed"), Value: time.Unix(x.Timestamp, 0)},
			{Label: "UUID", Value: ui.Machine(x.UUID), Wide: true}}}
	}
	page.Header = ui.Header{Title: page.Title, Sub: []any{e.Info}}
	if page.Deleted {
		page.Header.Marks = []any{ui.State{Kind: ui.StateRefused, Word: web.T(r, "intel.deleted")}}
	}
	page.Crumbs = eventweb.Crumbs(r, e, ui.Crumb{Label: page.Title})
	return page, nil
}

// named tells what the marks of a report stand for, as far as the reader may see it.
func (p *pages) named(r *http.Request, e *intel.Event) markdown.Named {
	left := 200 // marks of one text that are looked up
	return func(kind, ref string) (string, bool) {
		if kind == "tag" {
			return ref, true
		}
		if left--; left < 0 || kind != "attribute" {
			return "", false
		}
		a, err := p.s.Attribute(r.Context(), web.Actor(r), ref)
		if err != nil || a.EventID != e.ID || a.Deleted {
			return "", false
		}
		return a.Type + ": " + a.Value, true
	}
}

func (p *pages) newReport(w http.ResponseWriter, r *http.Request) error {
	e, err := p.mine(r)
	if err != nil {
		return err
	}
	page, err := p.reportPage(r, web.NewForm(r, url.Values{"distribution": {"5"}}), e, nil)
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "report", page)
}

// saveReport keeps a report, a new one or a changed one.
func (p *pages) saveReport(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	var e *intel.Event
	var x *intel.Report
	if r.PathValue("report") == "" {
		e, err = p.mine(r)
	} else {
		e, x, err = p.reportOf(r)
	}
	if err != nil {
		return err
	}
	wire := misp.EventReport{Name: misp.T(f.Needed("name", 500)), Content: misp.T(f.Text("content", markdown.Most)), Distribution: misp.N(f.Int("distribution")), SharingGroupID: misp.N(f.Int("group"))}
	if f.Int("distribution") == int64(intel.Group) {
		f.Require(f.Int("group") != 0, "group", "web.error.required")
	}
	var saved intel.Report
	switch v := f.Int("version"); {
	case f.Err("report") != nil:
	case x == nil:
		saved, err = p.s.AddReport(r.Context(), web.Actor(r), e.Ref(), wire)
	case v != 0 && v != x.Timestamp:
		err = fault.New(fault.Conflict, "report %d was changed meanwhile", x.ID).WithKey("fault.conflict")
	default:
		saved, err = p.s.EditReport(r.Context(), web.Actor(r), strconv.FormatInt(x.ID, 10), wire)
	}
	if f.Fail(err) {
		page, err := p.reportPage(r, f, e, x)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("name", "content", "distribution", "group")
		return p.t.Invalid(w, r, "report", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(base(r)+"/"+e.Ref()+"/reports/"+saved.UUID, web.Done("intel.done.changed"))
}

// reportAct takes a report away or brings it back.
func (p *pages) reportAct(_ http.ResponseWriter, r *http.Request) error {
	e, x, err := p.reportOf(r)
	if err != nil {
		return err
	}
	ref := strconv.FormatInt(x.ID, 10)
	switch act := r.PathValue("act"); act {
	case "delete":
		err = p.s.DeleteReport(r.Context(), web.Actor(r), ref, false)
	case "restore":
		_, err = p.s.RestoreReport(r.Context(), web.Actor(r), ref)
	default:
		err = fault.New(fault.NotFound, "act %q", act)
	}
	if err != nil {
		return err
	}
	return web.Redirect(base(r)+"/"+e.Ref()+"/reports/"+x.UUID, web.Done("intel.done.changed"))
}
