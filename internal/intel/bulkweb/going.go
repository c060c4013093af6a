package bulkweb

import (
	"net/http"
	"strconv"

	"straza/internal/intel"
	"straza/internal/intel/bulk"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// goingPage tells how far an act on many attributes is, and then what it did.
type goingPage struct {
	web.Page
	Header   ui.Header
	At       string
	Note     *ui.Note
	Progress *ui.Progress
	Said     string     // the progress in words
	Again    *ui.Button // looks whether it has ended
	Stop     *ui.Button
	Facts    ui.Facts
	Undo     string // the moment that names the act, "" when there is nothing to take back
	To       string // the event
	Back     ui.Button
}

// act is the caller's act on the event of the address. Faults: NotFound.
func (p *pages) act(r *http.Request) (intel.Event, bulk.Act, error) {
	e, err := eventweb.Seen(r, p.d.Intel)
	if err != nil {
		return e, bulk.Act{}, err
	}
	a, err := p.d.Bulk.Act(r.Context(), web.Actor(r), r.PathValue("bulk"))
	if err == nil && a.Event != e.ID {
		err = fault.New(fault.NotFound, "act %d on event %d", a.ID, e.ID)
	}
	return e, a, err
}

// going shows an act; while it goes on the page is looked at again by hand.
func (p *pages) going(w http.ResponseWriter, r *http.Request) error {
	e, a, err := p.act(r)
	if err != nil {
		return err
	}
	title, to := web.T(r, "intel.going."+a.Kind), base(r)+"/"+e.Ref()
	page := &goingPage{Page: web.NewPage(r, shell(r), title), To: to, At: to + "/bulk/" + a.UUID, Header: ui.Header{Title: title, Marks: []any{stateOf(r, &a)}, Sub: []any{e.Info, clock.FromMicros(a.Created)}},
		Back: ui.Button{Label: web.T(r, "intel.going.event"), Href: to, Variant: "tertiary"}}
	page.Crumbs = eventweb.Crumbs(r, &e, ui.Crumb{Label: title})
	if a.State == bulk.Running {
		page.Note = &ui.Note{Kind: "info", Body: web.T(r, "intel.going.text")}
		page.Said = eventweb.Progress(r, &a)
		page.Progress = &ui.Progress{Percent: a.Percent(), Label: page.Said}
		page.Again = &ui.Button{Label: web.T(r, "intel.going.again"), Icon: "refresh", Href: page.At, Variant: "secondary"}
		page.Stop = &ui.Button{Label: web.T(r, "intel.going.stop"), Icon: "x", Variant: "tertiary"}
	}
	if a.Result.Fault != "" {
		page.Note = &ui.Note{Kind: "warning", Title: web.T(r, "intel.going.broke"), Body: web.T(r, a.Result.Fault)}
	}
	page.facts(r, &a)
	if a.Kind != bulk.Undo && a.Result.At != 0 && a.State != bulk.Undone && intel.MayEdit(web.Actor(r), &e) == nil {
		page.Undo = strconv.FormatInt(a.Result.At, 36)
	}
	return p.t.Render(w, r, "bulkgoing", page)
}

// facts counts what an act did so far.
func (page *goingPage) facts(r *http.Request, a *bulk.Act) {
	add := func(key string, n int64) {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, key), Value: n})
	}
	if a.Kind == bulk.Tag {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, "intel.tag"), Value: ui.Machine(a.Ask.Tag)})
	}
	add("intel.going.n."+a.Kind, int64(a.Result.Changed))
	if a.Result.Same > 0 {
		add("intel.going.same."+a.Kind, int64(a.Result.Same))
	}
	if left, why := leftOf(r, a.Result.Bulk); left > 0 {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, "intel.going.left"), Value: left, Sub: why})
	}
}

func stateOf(r *http.Request, a *bulk.Act) ui.State {
	kind := ui.StateDone
	if a.State == bulk.Running {
		kind = ui.StateNew
	}
	return ui.State{Kind: kind, Word: web.T(r, "intel.going.state."+a.State)}
}

// stop ends an act before its next piece.
func (p *pages) stop(_ http.ResponseWriter, r *http.Request) error {
	e, a, err := p.act(r)
	if err != nil {
		return err
	}
	if err := p.d.Bulk.Stop(r.Context(), web.Actor(r), a.UUID); err != nil {
		return err
	}
	return web.Redirect(base(r)+"/"+e.Ref()+"/bulk/"+a.UUID, web.Done("intel.going.stopped"))
}
