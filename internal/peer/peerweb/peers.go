package peerweb

import (
	"net/http"
	"strconv"

	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/peer"
)

type listPage struct {
	web.Page
	Header ui.Header
	Table  ui.Table
	Pages  *ui.Pagination
	Polls  ui.Table
	New    *ui.Button // a TAXII server
}

// perPage is how many peers stand on one page.
const perPage = 50

func (p *pages) list(w http.ResponseWriter, r *http.Request) error {
	list, err := p.s.Peers(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	page := &listPage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "peers.title")), Header: ui.Header{Title: web.T(r, "peers.title")}}
	if access.Allowed(web.Actor(r), "peer.manage") {
		page.Header.Acts = []ui.Button{{Label: web.T(r, "peers.new"), Icon: "plus", Href: base(r) + "/new", Key: "N"}}
	}
	page.Table = ui.Table{Caption: web.T(r, "peers.title"), Columns: []ui.Column{{Label: web.T(r, "peers.name")}, {Label: web.T(r, "peers.state"), Width: "mark"},
		{Label: web.T(r, "peers.exchange"), Drop: 2}, {Label: web.T(r, "peers.ceiling"), Width: "mark", Drop: 2}, {Label: web.T(r, "peers.pulled"), Width: "mark", Drop: 1}, {Label: web.T(r, "peers.pushed"), Width: "mark", Drop: 1}},
		Empty: &ui.Empty{Icon: "affiliate", Title: web.T(r, "peers.empty"), Text: web.T(r, "peers.empty.text"), Acts: page.Header.Acts}}
	for i := range list {
		x := &list[i]
		page.Table.Rows = append(page.Table.Rows, ui.Row{Href: at(r, x), Cells: []any{ui.Name{Text: x.Name, Href: at(r, x), Sub: []any{ui.Machine(x.URL)}},
			state(r, x), exchange(r, x), ui.Machine(x.Ceiling.Label()), when(x.Pulled), when(x.Pushed)}})
	}
	if page.Pages, err = web.ReadFilters(r).Page(&page.Table, perPage); err != nil {
		return err
	}
	if page.Polls, err = p.serverTable(r); err != nil {
		return err
	}
	if access.Allowed(web.Actor(r), "peer.manage") {
		page.New = &ui.Button{Label: web.T(r, "polls.new"), Icon: "plus", Href: room(r).polls + "/new", Variant: "secondary"}
	}
	return p.t.Render(w, r, "peers", page)
}

func at(r *http.Request, x *peer.Peer) string { return base(r) + "/" + x.UUID }

// when is an instant, or a dash where there was none.
func when(us int64) any {
	if us == 0 {
		return "–"
	}
	return clock.FromMicros(us)
}

// state says how it stands with a peer in words.
func state(r *http.Request, x *peer.Peer) ui.State {
	word := web.T(r, x.Health.Code.Key())
	switch {
	case x.Health.OpenUntil > web.Now(r).UnixMicro():
		return ui.State{Kind: ui.StateWaiting, Word: web.T(r, "peers.paused")}
	case x.Health.Code == peer.OK:
		return ui.State{Kind: ui.StateDone, Word: word}
	case x.Health.Code == peer.Untested:
		return ui.State{Kind: ui.StateAck, Word: word}
	}
	return ui.State{Kind: ui.StateRefused, Word: word}
}

func exchange(r *http.Request, x *peer.Peer) string {
	switch {
	case x.Pull && x.Push:
		return web.T(r, "peers.both")
	case x.Pull:
		return web.T(r, "peers.pull")
	case x.Push:
		return web.T(r, "peers.push")
	}
	return web.T(r, "peers.neither")
}

type showPage struct {
	web.Page
	Header ui.Header
	Facts  ui.Facts
	Runs   ui.Table
	Items  ui.Table
	Delete *ui.Button
	At     string
}

func (p *pages) show(w http.ResponseWriter, r *http.Request) error {
	who, ref := web.Actor(r), r.PathValue("peer")
	x, err := p.s.Peer(r.Context(), who, ref)
	if err != nil {
		return err
	}
	page := &showPage{Page: web.NewPage(r, web.ShellConsole, x.Name), Header: ui.Header{Title: x.Name, Marks: []any{state(r, &x)}, Sub: []any{ui.Machine(x.URL)}}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "peers.title"), Href: base(r)}, {Label: x.Name}}
	if access.Allowed(who, "peer.manage") {
		page.Header.Acts, page.At = acts(r, &x), at(r, &x)
		page.Delete = &ui.Button{Label: web.T(r, "peers.delete"), Variant: "secondary", Danger: true}
	}
	if page.Facts, err = p.facts(r, &x); err != nil {
		return err
	}
	runs, err := p.s.Runs(r.Context(), who, ref, 20)
	if err != nil {
		return err
	}
	page.Runs = runTable(r, runs)
	page.Items, err = p.itemTable(r, ref, x.Pulled+x.Pushed > 0)
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "peer", page)
}

// acts are links and forms' buttons: what changes goes by the page's own form.
func acts(r *http.Request, x *peer.Peer) []ui.Button {
	b := []ui.Button{{Label: web.T(r, "peers.test"), Form: "acts", Action: at(r, x) + "/test", Variant: "secondary", Key: "T"}}
	if x.Pull {
		b = append(b, ui.Button{Label: web.T(r, "peers.pullnow"), Form: "acts", Action: at(r, x) + "/pull", Variant: "secondary"})
	}
	if x.Push {
		b = append(b, ui.Button{Label: web.T(r, "peers.pushnow"), Form: "acts", Action: at(r, x) + "/push", Variant: "secondary"})
	}
	if access.Allowed(web.Actor(r), "intel.read") {
		b = append(b, ui.Button{Label: web.T(r, "peers.preview"), Href: at(r, x) + "/preview", Variant: "secondary"})
	}
	return append(b, ui.Button{Label: web.T(r, "peers.edit"), Icon: "pencil", Href: at(r, x) + "/edit", Variant: "secondary", Key: "E"})
}

func (p *pages) facts(r *http.Request, x *peer.Peer) (f ui.Facts, err error) {
	orgs, err := p.orgs.Orgs(r.Context(), web.Actor(r), []int64{x.Org, x.RemoteOrg})
	if err != nil {
		return f, err
	}
	h := x.Health
	f.Items = []ui.Fact{{Label: web.T(r, "peers.remote"), Value: orgs[x.RemoteOrg].Name}, {Label: web.T(r, "peers.org"), Value: orgs[x.Org].Name},
		{Label: web.T(r, "peers.exchange"), Value: exchange(r, x)}, {Label: web.T(r, "peers.ceiling"), Value: ui.Machine(x.Ceiling.Label())},
		{Label: web.T(r, "peers.state"), Value: web.T(r, h.Code.Key()), Sub: h.Detail}, {Label: web.T(r, "peers.version"), Value: ui.Machine(h.Able.Version)},
		{Label: web.T(r, "peers.checked"), Value: when(h.Checked)}, {Label: web.T(r, "peers.failures"), Value: strconv.Itoa(h.Failures)},
		{Label: web.T(r, "peers.pulled"), Value: when(x.Pulled)}, {Label: web.T(r, "peers.pushed"), Value: when(x.Pushed)}}
	if x.Every > 0 {
		f.Items = append(f.Items, ui.Fact{Label: web.T(r, "peers.every"), Value: web.T(r, "peers.minutes", "n", x.Every)})
	}
	if h.OpenUntil > web.Now(r).UnixMicro() {
		f.Items = append(f.Items, ui.Fact{Label: web.T(r, "peers.until"), Value: when(h.OpenUntil)})
	}
	return f, nil
}

func runTable(r *http.Request, runs []peer.Run) ui.Table {
	t := ui.Table{Caption: web.T(r, "peers.runs"), Columns: []ui.Column{{Label: web.T(r, "peers.run")}, {Label: web.T(r, "peers.started"), Width: "mark"},
		{Label: web.T(r, "peers.read"), Num: true}, {Label: web.T(r, "peers.created"), Num: true}, {Label: web.T(r, "peers.updated"), Num: true, Drop: 1},
		{Label: web.T(r, "peers.unchanged"), Num: true, Drop: 1}, {Label: web.T(r, "peers.refused"), Num: true, Drop: 3}, {Label: web.T(r, "peers.left"), Num: true, Drop: 2}},
		Empty: &ui.Empty{Icon: "clock", Title: web.T(r, "peers.runs.empty")}}
	for _, x := range runs {
		e := x.Counts.Events
		name := ui.Name{Text: web.T(r, "peers.way."+x.Way), Sub: []any{web.T(r, "peers.run."+x.State)}}
		if x.Detail != "" {
			name.Sub = append(name.Sub, ui.Machine(x.Detail))
		}
		signature, n, rest := x.Counts.BySignature()
		if n > 0 {
			name.Sub = append(name.Sub, web.T(r, "peers.signatures", "n", n))
		}
		for _, k := range append(signature, rest...) {
			name.Sub = append(name.Sub, web.T(r, "peers.because", "n", x.Counts.Reasons[k], "why", web.T(r, k)))
		}
		for _, k := range others(&x.Counts) {
			if k.t.Read > 0 {
				name.Sub = append(name.Sub, web.T(r, "peers.also", "what", web.T(r, "peers.kind."+k.name), "read", k.t.Read, "created", k.t.Created, "updated", k.t.Updated, "refused", k.t.Refused))
			}
		}
		cells := []any{name, when(x.Started)}
		for _, n := range []int64{e.Read, e.Created, e.Updated, e.Unchanged, e.Refused, e.Left} {
			cells = append(cells, strconv.FormatInt(n, 10))
		}
		t.Rows = append(t.Rows, ui.Row{Cells: cells})
	}
	return t
}

type kindOf struct {
	name string
	t    peer.Tally
}

// others are what a run exchanges beside events.
func others(c *peer.Counts) []kindOf {
	return []kindOf{{"organisations", c.Orgs}, {"groups", c.Groups}, {"tags", c.Tags}, {"taxonomies", c.Taxonomies}, {"galaxies", c.Galaxies},
		{"clusters", c.Clusters}, {"proposals", c.Proposals}, {"sightings", c.Sightings}, {"analyst", c.Analyst}, {"collections", c.Collections}}
}

// itemsShown is how many refused and held events one page lists of each kind.
const itemsShown = 100

// itemTable lists what was refused and held; met = something was exchanged already.
func (p *pages) itemTable(r *http.Request, ref string, met bool) (t ui.Table, err error) {
	t = ui.Table{Caption: web.T(r, "peers.items"), Columns: []ui.Column{{Label: web.T(r, "peers.event")}, {Label: web.T(r, "peers.why")}, {Label: web.T(r, "peers.since"), Width: "mark", Drop: 1}},
		Empty: &ui.Empty{Icon: "sun", Title: web.T(r, "peers.items.empty")}}
	if !met {
		t.Empty = &ui.Empty{Icon: "clock", Title: web.T(r, "peers.items.none")}
	}
	for _, k := range [][2]string{{peer.Pull, "refused"}, {peer.Push, "refused"}, {peer.Push, "held"}} {
		list, _, err := p.s.Items(r.Context(), web.Actor(r), ref, k[0], k[1], 0, itemsShown)
		if err != nil {
			return t, err
		}
		for _, it := range list {
			name := ui.Name{Text: it.Event, Mono: true, Sub: []any{web.T(r, "peers.way."+it.Way)}}
			if it.Way == peer.Push && web.Actor(r).Can("console.use") && web.Actor(r).Can("intel.read") {
				name.Href = "/console/events/" + it.Event
			}
			why := ui.Name{Text: web.T(r, it.Reason)}
			if it.Detail != "" {
				why.Sub = []any{ui.Machine(it.Detail)}
			}
			t.Rows = append(t.Rows, ui.Row{Cells: []any{name, why, when(it.At)}})
		}
	}
	return t, nil
}

// act tests, pulls, pushes or deletes; pulls and pushes go on in the background.
func (p *pages) act(_ http.ResponseWriter, r *http.Request) error {
	who, ref := web.Actor(r), r.PathValue("peer")
	to := base(r) + "/" + ref
	switch act := r.PathValue("act"); act {
	case "test":
		x, err := p.s.Test(r.Context(), who, ref)
		if err != nil {
			return err
		}
		if x.Health.Code == peer.OK {
			return web.Redirect(to, web.Done("peers.done.test"))
		}
		return web.Redirect(to, web.Done("peers.done.tested"))
	case "pull", "push":
		if _, err := p.s.Start(r.Context(), who, ref, act, peer.Options{}); err != nil {
			return err
		}
		return web.Redirect(to, web.Done("peers.done."+act))
	case "delete":
		if err := p.s.Delete(r.Context(), who, ref); err != nil {
			return err
		}
		return web.Redirect(base(r), web.Done("peers.done.delete"))
	}
	return fault.New(fault.NotFound, "act %q", r.PathValue("act"))
}

type previewPage struct {
	web.Page
	Header ui.Header
	Table  ui.Table
	Next   string
}

func (p *pages) preview(w http.ResponseWriter, r *http.Request) error {
	x, err := p.s.Peer(r.Context(), web.Actor(r), r.PathValue("peer"))
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(r.URL.Query().Get("page"))
	n = min(max(n, 1), 1_000_000)
	title := web.T(r, "peers.preview")
	page := &previewPage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title, Sub: []any{x.Name}}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "peers.title"), Href: base(r)}, {Label: x.Name, Href: at(r, &x)}, {Label: title}}
	page.Table = ui.Table{Caption: title, Columns: []ui.Column{{Label: web.T(r, "peers.event")}, {Label: web.T(r, "peers.here"), Width: "mark"}, {Label: web.T(r, "peers.attributes"), Num: true, Drop: 1}},
		Empty: &ui.Empty{Icon: "sun", Title: web.T(r, "peers.preview.empty")}}
	offers, err := p.s.Preview(r.Context(), web.Actor(r), x.UUID, n)
	if e := fault.Of(err); e != nil && e.Kind == fault.Unavailable && e.Key != "" { // the other side's silence is a state of this page
		page.Table.Empty = silent(r, e, at(r, &x))
		return p.t.Render(w, r, "preview", page)
	}
	if err != nil {
		return err
	}
	for _, o := range offers {
		here := o.State
		if here == "new" || here == "newer" || here == "same" {
			here = "peers.offer." + here
		}
		page.Table.Rows = append(page.Table.Rows, ui.Row{Cells: []any{ui.Name{Text: o.Info, Sub: []any{o.Org, ui.Machine(o.Date)}}, web.T(r, here), strconv.FormatInt(o.Attributes, 10)}})
	}
	if len(offers) == peer.PreviewPage {
		page.Next = at(r, &x) + "/preview?page=" + strconv.Itoa(n+1)
	}
	return p.t.Render(w, r, "preview", page)
}

// silent says why the other side shows nothing, and leads to where the connection is tested.
func silent(r *http.Request, e *fault.Error, at string) *ui.Empty {
	return &ui.Empty{Icon: "wifi-off", Title: web.T(r, "peers.preview.failed"), Text: web.T(r, "peers.preview.failed.text", "why", web.T(r, e.Key)),
		Acts: []ui.Button{{Label: web.T(r, "peers.preview.back"), Href: at, Variant: "secondary"}}}
}
