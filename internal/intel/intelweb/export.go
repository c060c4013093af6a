package intelweb

import (
	"context"
	"io"
	"net/http"
	"slices"

	"straza/internal/craft/export/exportweb"
	"straza/internal/format/detect"
	"straza/internal/format/misp"
	"straza/internal/format/stix"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// exportPage asks in which form events leave, and says which ones stay here.
type exportPage struct {
	web.Page
	Header  ui.Header
	Keep    map[string]string // the list's filters
	Formats ui.Choices
	Warned  ui.Choices
	Held    []*ui.Note
	None    bool // nothing of it may leave
	Cancel  ui.Button
}

// offered are the formats of the page, by use; "misp" is one event whole.
var offered = []string{"suricata", "snort", "yara", "sigma", "zeek", "kunai", "rpz", "hosts", "netfilter", "hashes", "text", "openioc", "stix"}

// lookedAt bounds how many events the page itself looks at for what stays here; the
// export looks at all.
const lookedAt = 2000

// exportMany is the page of a list, or the file: what the list's filters find.
func (p *pages) exportMany(w http.ResponseWriter, r *http.Request) error {
	f := web.ReadFilters(r, web.FilterSpec{Name: "published"}, web.FilterSpec{Name: "threat"}, web.FilterSpec{Name: "tag"}, web.FilterSpec{Name: "org"}, web.FilterSpec{Name: "value"}, web.FilterSpec{Name: "set"})
	q := eventQuery(f)
	if err := p.workingSet(r, f, &q); err != nil {
		return err
	}
	if name := r.URL.Query().Get("format"); name != "" {
		return p.detection(w, r, q, name, "indicators")
	}
	held := map[string]int64{}
	free, n := 0, 0
	look := q
	look.Limit, look.Page = lookedAt, 1
	if _, err := p.s.SearchEvents(r.Context(), web.Actor(r), look, func(e *intel.Event) error {
		n++
		if v := p.s.WayOut(r.Context(), web.Actor(r), e, tlp.Export); v.Answer != tlp.Pass {
			held[v.Reason]++
		} else {
			free++
		}
		return nil
	}); err != nil {
		return err
	}
	page := p.exportForm(r, web.T(r, "intel.export.many"), base(r), offered, held)
	page.None = n > 0 && free == 0
	for _, k := range []string{"q", "published", "threat", "tag", "org", "value"} {
		if v := f.Get(k); v != "" {
			page.Keep[k] = v
		}
	}
	return p.t.Render(w, r, "export", page)
}

// export is the same for one event.
func (p *pages) export(w http.ResponseWriter, r *http.Request) error {
	e, err := eventweb.Seen(r, p.s)
	if err != nil {
		return err
	}
	v := p.s.WayOut(r.Context(), web.Actor(r), &e, tlp.Export)
	name := r.URL.Query().Get("format")
	switch {
	case name == "":
		held := map[string]int64{}
		if v.Answer != tlp.Pass {
			held[v.Reason] = 1
		}
		page := p.exportForm(r, web.T(r, "intel.export.one", "info", e.Info), base(r)+"/"+e.Ref(), append([]string{"misp"}, offered...), held)
		page.None = v.Answer != tlp.Pass
		return p.t.Render(w, r, "export", page)
	case v.Answer != tlp.Pass:
		return fault.New(fault.Denied, "event %d does not leave", e.ID).WithKey(v.Reason)
	case name == "misp":
		return p.exportEvent(w, r, &e)
	}
	return p.detection(w, r, intel.Query{Events: []string{e.Ref()}}, name, "event-"+e.Ref())
}

func (p *pages) exportForm(r *http.Request, title, back string, names []string, held map[string]int64) *exportPage {
	page := &exportPage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title}, Keep: map[string]string{},
		Formats: ui.Choices{Name: "format", Legend: web.T(r, "intel.export.format"), Compact: true},
		Warned:  ui.Choices{Name: "warned", Many: true, HideLegend: true, Legend: web.T(r, "intel.export.warned"), Options: []ui.Option{{Value: "1", Label: web.T(r, "intel.export.warned"), Hint: web.T(r, "intel.export.warned.hint")}}},
		Cancel:  ui.Button{Label: web.T(r, "intel.cancel"), Href: back, Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "intel.events"), Href: base(r)}, {Label: title}}
	for i, n := range names {
		page.Formats.Options = append(page.Formats.Options, ui.Option{Value: n, Label: web.T(r, "intel.export.as."+n), Checked: i == 0})
	}
	var reasons []string
	for reason := range held {
		reasons = append(reasons, reason)
	}
	slices.Sort(reasons)
	for _, reason := range reasons {
		page.Held = append(page.Held, &ui.Note{Kind: "warning", Title: web.T(r, "intel.export.held", "n", held[reason]), Body: web.T(r, reason)})
	}
	return page
}

// detection streams one file. Half a file must not look whole: what breaks in the
// middle breaks the connection.
func (p *pages) detection(w http.ResponseWriter, r *http.Request, q intel.Query, name, file string) error {
	f, ok := detect.Find(name)
	if !ok || !slices.Contains(offered, name) {
		return fault.Field("format", "intel.export.unknown", "no format %q", name)
	}
	yes := true
	q.IsPublished = &yes // as Detect asks it
	out := exportweb.New(w, r)
	return out.End(p.s.Moment(r.Context(), web.Actor(r), func(ctx context.Context) error {
		held, err := p.s.ExportExtent(ctx, web.Actor(r), q)
		if err != nil {
			return err
		}
		s := out.Begin(held, file, f.Ext, f.Media+"; charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if f.Comment != "" {
			_, _ = out.Buffer().WriteString(s.Line(f.Comment)) // the error stays in the buffer
		}
		h := detect.Head{ID: stix.UUID("", web.RequestID(r)), Org: p.site(r), Origin: p.d.Origin, At: web.Now(r), Events: true, Whole: true}
		_, err = p.s.WriteDetection(ctx, web.Actor(r), out.Buffer(), f, h, intel.Detection{Query: q, Strict: true, Warned: r.URL.Query().Get("warned") == "1"})
		return err
	}))
}

func (p *pages) site(r *http.Request) string {
	if p.d.Host == nil {
		return "Straža"
	}
	return p.d.Host(r.Context())
}

// exportEvent writes one event in MISP's form, which has no place for a stamp: it stands
// in the file's name and in the header.
func (p *pages) exportEvent(w http.ResponseWriter, r *http.Request, e *intel.Event) error {
	out := exportweb.New(w, r)
	return out.End(p.s.Moment(r.Context(), web.Actor(r), func(ctx context.Context) error {
		held, err := p.s.ExportExtent(ctx, web.Actor(r), intel.Query{Events: []string{e.Ref()}})
		if err != nil {
			return err
		}
		now, err := p.s.Event(ctx, web.Actor(r), e.Ref()) // it may have changed since the page read it
		if err != nil {
			return err
		}
		out.Begin(held, "event-"+e.Ref(), "json", "application/json")
		return p.writeEvent(ctx, out.Buffer(), web.Actor(r), &now)
	}))
}

func (p *pages) writeEvent(ctx context.Context, w io.Writer, who ident.Actor, e *intel.Event) error {
	enc := misp.NewEncoder(w)
	head := *e
	head.Tags = intel.TagsOut(e.Tags)
	if err := enc.Begin(head.Wire()); err != nil {
		return err
	}
	err := p.s.PartsOut(ctx, who, e, intel.Part{}, func(a *intel.Attribute) error {
		x := a.Wire()
		return enc.Attribute(&x)
	}, func(o *intel.Object) error {
		x := o.Wire()
		return enc.Object(&x)
	})
	if err != nil {
		return err
	}
	if err := enc.End(); err != nil {
		return err
	}
	return enc.Flush()
}

// carried are a list's filters on the way to its export.
func carried(r *http.Request) string {
	q := r.URL.Query()
	for _, k := range []string{"cursor", "sort", "format"} {
		q.Del(k)
	}
	if s := q.Encode(); s != "" {
		return "?" + s
	}
	return ""
}
