package shareweb

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"straza/internal/intel/feed"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func feedAt(r *http.Request, f *feed.Feed) string {
	return base(r) + "/" + strconv.FormatInt(f.ID, 10)
}

func mayFeed(r *http.Request) bool { return access.Allowed(web.Actor(r), "catalog.write") }

func when(us int64) any {
	if us == 0 {
		return "–"
	}
	return clock.FromMicros(us)
}

func (p *pages) feeds(w http.ResponseWriter, r *http.Request) error {
	list, err := p.d.Feeds.Feeds(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	title := web.T(r, "share.feeds")
	page := &listPage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title}, Lead: web.T(r, "share.feeds.lead")}
	if mayFeed(r) {
		page.Header.Acts = []ui.Button{{Label: web.T(r, "share.modules"), Href: map[string]string{teamFeeds: teamModules, adminFeeds: adminModules}[base(r)], Variant: "secondary"},
			{Label: web.T(r, "share.feed.new"), Icon: "plus", Href: base(r) + "/new", Key: "N"}}
	}
	page.Table = ui.Table{Caption: title, Columns: []ui.Column{{Label: web.T(r, "share.name")}, {Label: web.T(r, "share.state"), Width: "mark"}, {Label: web.T(r, "share.feed.format"), Drop: 2},
		{Label: web.T(r, "share.feed.values"), Num: true, Drop: 1}, {Label: web.T(r, "share.feed.stopped"), Num: true, Drop: 1}, {Label: web.T(r, "share.feed.last"), Width: "mark", Drop: 1}},
		Empty: &ui.Empty{Icon: "rss", Title: web.T(r, "share.feeds.empty"), Text: web.T(r, "share.feeds.empty.text")}}
	if mayFeed(r) {
		page.Table.Empty.Acts = page.Header.Acts[1:]
	}
	names := map[int64]string{}
	for i := range list {
		f := &list[i]
		names[f.ID] = f.Name
		page.Table.Rows = append(page.Table.Rows, ui.Row{Href: feedAt(r, f), Cells: []any{ui.Name{Text: f.Name, Href: feedAt(r, f), Sub: source(f)},
			feedState(r, f), web.T(r, "share.format."+f.Format), strconv.FormatInt(f.Values, 10), strconv.FormatInt(f.Report.Stopped, 10), when(f.Succeeded)}})
	}
	if mayFeed(r) && len(list) > 1 {
		if page.More, err = p.overlaps(r, names); err != nil {
			return err
		}
	}
	return p.t.Render(w, r, "sharelist", page)
}

// overlaps are the feeds that hold the same values, by their caches: what a second
// feed adds beside a first.
func (p *pages) overlaps(r *http.Request, names map[int64]string) (*ui.Table, error) {
	_, shared, err := p.d.Feeds.Compare(r.Context(), web.Actor(r))
	if err != nil || len(shared) == 0 {
		return nil, err
	}
	t := &ui.Table{Caption: web.T(r, "share.feed.overlaps"), ShowCaption: true, Columns: []ui.Column{{Label: web.T(r, "share.feed.one")}, {Label: web.T(r, "share.feed.other")}, {Label: web.T(r, "share.feed.shared"), Num: true}}}
	for _, o := range shared {
		if o.Feed < o.Other {
			t.Rows = append(t.Rows, ui.Row{Cells: []any{names[o.Feed], names[o.Other], strconv.FormatInt(o.Count, 10)}})
		}
	}
	return t, nil
}

// source says where a feed comes from.
func source(f *feed.Feed) []any {
	if f.Provider == "" {
		return []any{ui.Machine(f.URL)}
	}
	return []any{f.Provider, ui.Machine(f.URL)}
}

// failed says that a feed did not come, and how often in a row; a look at what it would
// bring counts as none.
func failed(r *http.Request, f *feed.Feed) string {
	if f.Failures < 2 {
		return web.T(r, "share.feed.failed")
	}
	return web.T(r, "share.feed.failing", "n", f.Failures)
}

func feedState(r *http.Request, f *feed.Feed) ui.State {
	switch {
	case f.Fault != "":
		return ui.State{Kind: ui.StateRefused, Word: failed(r, f)}
	case f.Report.Held:
		return ui.State{Kind: ui.StateAck, Word: web.T(r, "share.feed.held")}
	case !f.Enabled && !f.Caching:
		return ui.State{Kind: ui.StateWaiting, Word: web.T(r, "share.off")}
	case f.Fetched == 0 && f.Cached == 0:
		return ui.State{Kind: ui.StateNew, Word: web.T(r, "share.feed.fresh")}
	}
	return ui.State{Kind: ui.StateDone, Word: web.T(r, "share.feed.ok")}
}

type feedPage struct {
	web.Page
	Header  ui.Header
	Facts   ui.Facts
	Fault   *ui.Note
	Report  ui.Facts
	Reasons ui.Table
	At      string
	Delete  bool
}

func (p *pages) oneFeed(r *http.Request) (feed.Feed, error) {
	id, err := strconv.ParseInt(r.PathValue("feed"), 10, 64)
	if err != nil {
		return feed.Feed{}, fault.New(fault.NotFound, "no such feed")
	}
	return p.d.Feeds.Feed(r.Context(), web.Actor(r), id)
}

func (p *pages) feed(w http.ResponseWriter, r *http.Request) error {
	f, err := p.oneFeed(r)
	if err != nil {
		return err
	}
	page := &feedPage{Page: web.NewPage(r, shell(r), f.Name), Header: ui.Header{Title: f.Name, Marks: []any{feedState(r, &f)}, Sub: source(&f)}, At: feedAt(r, &f)}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "share.feeds"), Href: base(r)}, {Label: f.Name}}
	if mayFeed(r) {
		page.Delete = true
		page.Header.Acts = feedActs(r, &f)
	}
	if f.Fault != "" {
		page.Fault = &ui.Note{Kind: "warning", Title: failed(r, &f), Body: web.T(r, f.Fault)}
	}
	yes := func(b bool) string { return web.T(r, map[bool]string{true: "share.yes", false: "share.no"}[b]) }
	page.Facts.Items = []ui.Fact{{Label: web.T(r, "share.feed.format"), Value: web.T(r, "share.format."+f.Format)}, {Label: web.T(r, "share.feed.enabled"), Value: yes(f.Enabled)},
		{Label: web.T(r, "share.feed.caching"), Value: yes(f.Caching)}, {Label: web.T(r, "share.feed.publish"), Value: yes(f.Publish)}, {Label: web.T(r, "share.feed.delta"), Value: yes(f.Delta)},
		{Label: web.T(r, "share.feed.distribution"), Value: web.T(r, "share.distribution."+strconv.Itoa(f.Distribution))}, {Label: web.T(r, "share.feed.tag"), Value: f.Tag},
		{Label: web.T(r, "share.feed.began"), Value: when(f.Fetched)}, {Label: web.T(r, "share.feed.last"), Value: when(f.Succeeded)}, {Label: web.T(r, "share.feed.cached"), Value: when(f.Cached)},
		{Label: web.T(r, "share.feed.values"), Value: strconv.FormatInt(f.Values, 10)}}
	if f.Event != 0 && web.Actor(r).Can("console.use") {
		e, err := p.d.Intel.Event(r.Context(), web.Actor(r), strconv.FormatInt(f.Event, 10))
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		if err == nil {
			page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, "share.feed.event"), Value: ui.Name{Text: e.Info, Href: "/console/events/" + e.UUID}})
		}
	}
	x := f.Report
	for _, c := range []struct {
		word string
		n    int64
	}{{"read", x.Read}, {"created", x.Created}, {"updated", x.Updated}, {"same", x.Same}, {"removed", x.Removed}, {"refused", x.Refused}, {"stopped", x.Stopped}} {
		page.Report.Items = append(page.Report.Items, ui.Fact{Label: web.T(r, "share.report."+c.word), Value: strconv.FormatInt(c.n, 10)})
	}
	page.Reasons = reasonTable(r, x.Reasons)
	return p.t.Render(w, r, "sharefeed", page)
}

func feedActs(r *http.Request, f *feed.Feed) (out []ui.Button) {
	at := feedAt(r, f)
	if f.Enabled {
		out = append(out, ui.Button{Label: web.T(r, "share.feed.fetch"), Form: "acts", Action: at + "/fetch", Variant: "secondary"})
	}
	return append(out, ui.Button{Label: web.T(r, "share.feed.cache"), Form: "acts", Action: at + "/cache", Variant: "secondary"},
		ui.Button{Label: web.T(r, "share.feed.preview"), Href: at + "/preview", Variant: "secondary"},
		ui.Button{Label: web.T(r, "share.edit"), Icon: "pencil", Href: at + "/edit", Variant: "secondary", Key: "E"})
}

func reasonTable(r *http.Request, list []feed.Reason) ui.Table {
	t := ui.Table{Caption: web.T(r, "share.feed.why"), Columns: []ui.Column{{Label: web.T(r, "share.value")}, {Label: web.T(r, "share.feed.why")}},
		Empty: &ui.Empty{Icon: "sun", Title: web.T(r, "share.feed.why.empty")}}
	for _, x := range list {
		t.Rows = append(t.Rows, ui.Row{Cells: []any{ui.Machine(x.Value), ui.Name{Text: web.T(r, x.Why), Sub: []any{x.What}}}})
	}
	return t
}

// previewed is how many finds a preview shows.
const previewed = 200

func (p *pages) previewFeed(w http.ResponseWriter, r *http.Request) error {
	f, err := p.oneFeed(r)
	if err != nil {
		return err
	}
	title := web.T(r, "share.feed.preview")
	page := &listPage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title, Sub: []any{f.Name}}, Lead: web.T(r, "share.feed.preview.lead", "n", previewed)}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "share.feeds"), Href: base(r)}, {Label: f.Name, Href: feedAt(r, &f)}, {Label: title}}
	found, err := p.d.Feeds.Preview(r.Context(), web.Actor(r), f.ID, previewed)
	if e := fault.Of(err); e != nil && e.Kind != fault.NotFound && e.Kind != fault.Denied {
		key := e.Key
		if key == "" {
			key = "intel.fault.feed-broken"
		}
		page.Table = ui.Table{Caption: title, Columns: []ui.Column{{Label: web.T(r, "share.value")}}, Empty: &ui.Empty{Icon: "wifi-off", Title: web.T(r, "share.feed.preview.failed"), Text: web.T(r, key)}}
		return p.t.Render(w, r, "sharelist", page)
	}
	if err != nil {
		return err
	}
	page.Table = ui.Table{Caption: title, Columns: []ui.Column{{Label: web.T(r, "share.value")}, {Label: web.T(r, "share.type"), Width: "mark"}, {Label: web.T(r, "share.feed.why")}},
		Empty: &ui.Empty{Icon: "sun", Title: web.T(r, "share.feed.preview.empty")}}
	for _, x := range found {
		value, kind := x.Value, any(ui.Machine(x.Type))
		if value == "" {
			value, kind = x.Info, web.T(r, "share.feed.event")
		}
		var why any = ""
		if x.Stopped != nil {
			why = ui.Name{Text: web.T(r, x.Stopped.Why), Sub: []any{x.Stopped.What}}
		}
		page.Table.Rows = append(page.Table.Rows, ui.Row{Cells: []any{ui.Name{Text: value, Mono: x.Value != ""}, kind, why}})
	}
	return p.t.Render(w, r, "sharelist", page)
}

type feedForm struct {
	web.Page
	Header ui.Header
	Fields []ui.Field
	Terms  []ui.Field
	Flags  []ui.Field
	Cancel ui.Button
}

var feedFlags = []string{"enabled", "caching", "visible", "fixed", "delta", "publish", "force", "override"}

func (p *pages) feedForm(r *http.Request, f *web.Form, title, back string) *feedForm {
	page := &feedForm{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title}, Cancel: ui.Button{Label: web.T(r, "share.cancel"), Href: back, Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "share.feeds"), Href: base(r)}, {Label: title}}
	choose := func(name, label string, pairs ...string) ui.Field {
		return f.Select(name, label, web.Words(r, label+".", pairs...)...)
	}
	name, provider, url, headers := f.Field("name", "share.name"), f.Field("provider", "share.feed.provider"), f.Field("url", "share.feed.url"), f.Field("headers", "share.feed.headers")
	provider.Optional, url.Hint = true, web.T(r, "share.feed.url.hint")
	headers.Type, headers.Rows, headers.Optional, headers.Hint = "textarea", 3, true, web.T(r, "share.feed.headers.hint")
	format := f.Select("source_format", "share.feed.format", web.Words(r, "share.format.", feed.FormatMISP, feed.FormatCSV, feed.FormatFreetext)...)
	page.Fields = []ui.Field{name, provider, format, choose("input_source", "share.input", feed.Network, feed.Local), url, headers}
	tag, column := f.Field("tag", "share.feed.tag"), f.Field("column", "share.feed.column")
	tag.Optional, tag.Hint = true, web.T(r, "share.feed.tag.hint")
	column.Optional, column.InputMode, column.Width, column.Hint = true, "numeric", "short", web.T(r, "share.feed.column.hint")
	page.Terms = []ui.Field{choose("distribution", "share.distribution", "0", "1", "2", "3"), tag, column}
	for _, n := range feedFlags {
		x := f.Box(n, "share.flag."+n)
		x.Hint = web.T(r, "share.flag."+n+".text")
		page.Flags = append(page.Flags, x)
	}
	return page
}

func (p *pages) newFeed(w http.ResponseWriter, r *http.Request) error {
	f := web.NewForm(r, nil)
	f.Values.Set("source_format", feed.FormatMISP)
	f.Values.Set("input_source", feed.Network)
	f.Values.Set("distribution", "1")
	f.Values.Set("fixed", "1")
	return p.t.Render(w, r, "sharefeedform", p.feedForm(r, f, web.T(r, "share.feed.new"), base(r)))
}

func flags(f *feed.Feed) map[string]*bool {
	return map[string]*bool{"enabled": &f.Enabled, "caching": &f.Caching, "visible": &f.Visible, "fixed": &f.Fixed, "delta": &f.Delta, "publish": &f.Publish, "force": &f.Force, "override": &f.Override}
}

func (p *pages) editFeed(w http.ResponseWriter, r *http.Request) error {
	x, err := p.oneFeed(r)
	if err != nil {
		return err
	}
	f := web.NewForm(r, nil)
	for k, v := range map[string]string{"name": x.Name, "provider": x.Provider, "url": x.URL, "source_format": x.Format, "input_source": x.Input, "tag": x.Tag, "distribution": strconv.Itoa(x.Distribution), "column": column(&x)} {
		f.Values.Set(k, v)
	}
	for n, on := range flags(&x) {
		if *on {
			f.Values.Set(n, "1")
		}
	}
	return p.t.Render(w, r, "sharefeedform", p.feedForm(r, f, web.T(r, "share.feed.edit"), feedAt(r, &x)))
}

// settings is the part of MISP's feed settings that the form knows.
type settings struct {
	CSV struct {
		Value     json.Number `json:"value,omitempty"`
		Delimiter string      `json:"delimiter,omitempty"`
	} `json:"csv"`
}

func column(f *feed.Feed) string {
	var s settings
	if json.Unmarshal(f.Settings, &s) != nil {
		return ""
	}
	return s.CSV.Value.String()
}

// withColumn sets the column of values and leaves every other setting as it is.
func withColumn(was json.RawMessage, column int64) (json.RawMessage, error) {
	all, csv := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	_ = json.Unmarshal(was, &all)
	_ = json.Unmarshal(all["csv"], &csv)
	csv["value"] = json.RawMessage(strconv.FormatInt(column, 10))
	b, err := json.Marshal(csv)
	if err != nil {
		return nil, err
	}
	all["csv"] = b
	return json.Marshal(all)
}

func (p *pages) saveFeed(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	id, title, back := int64(0), web.T(r, "share.feed.new"), base(r)
	if ref := r.PathValue("feed"); ref != "" {
		x, err := p.oneFeed(r)
		if err != nil {
			return err
		}
		id, title, back = x.ID, web.T(r, "share.feed.edit"), feedAt(r, &x)
	}
	col, distribution := f.Int("column"), f.Int("distribution")
	var headers []string
	for line := range strings.Lines(f.Text("headers", 10_000)) {
		if line = strings.TrimSpace(line); line != "" {
			headers = append(headers, line)
		}
	}
	out, err := p.d.Feeds.Save(r.Context(), web.Actor(r), id, func(x *feed.Feed) {
		x.Name, x.Provider, x.URL, x.Tag = f.Text("name", 400), f.Text("provider", 400), f.Text("url", 2000), f.Text("tag", 255)
		x.Format, x.Input, x.Distribution = f.Text("source_format", 20), f.Text("input_source", 20), int(distribution)
		for n, on := range flags(x) {
			*on = f.Tick(n)
		}
		if x.Headers = nil; len(headers) > 0 {
			x.Headers = headers
		}
		if col > 0 {
			if s, err := withColumn(x.Settings, col); err == nil {
				x.Settings = s
			}
		}
	})
	if f.Fail(err) {
		page := p.feedForm(r, f, title, back)
		page.Errors = f.Summary("name", "provider", "source_format", "input_source", "url", "headers", "distribution")
		return p.t.Invalid(w, r, "sharefeedform", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(feedAt(r, &out), web.Done("share.done.feed"))
}

// actFeed fetches, renews the cache or deletes; the first two go on in the background.
func (p *pages) actFeed(_ http.ResponseWriter, r *http.Request) error {
	f, err := p.oneFeed(r)
	if err != nil {
		return err
	}
	act := r.PathValue("act")
	switch act {
	case "fetch", "cache":
		_, err = p.d.Feeds.Queue(r.Context(), web.Actor(r), act == "cache", f.ID)
	case "delete":
		if err = p.d.Feeds.Delete(r.Context(), web.Actor(r), f.ID); err == nil {
			return web.Redirect(base(r), web.Done("share.done.feed-deleted"))
		}
	default:
		err = fault.New(fault.NotFound, "act %q", act)
	}
	if err != nil {
		return err
	}
	return web.Redirect(feedAt(r, &f), web.Done("share.done."+act))
}
