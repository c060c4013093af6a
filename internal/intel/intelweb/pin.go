package intelweb

import (
	"net/http"

	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// pinAct is the button that puts an event into the reader's working set or takes it out;
// its form stands on the page.
func pinAct(r *http.Request, at string, in bool) ui.Button {
	b := ui.Button{Label: web.T(r, "intel.set.put"), Icon: "bookmark", Form: "pin", Action: at + "/pin", Name: "on", Value: "1", Variant: "secondary", Key: "W"}
	if in {
		b.Label, b.Value = web.T(r, "intel.set.drop"), "0"
	}
	return b
}

// pin puts an event into the person's own working set, or takes it out.
func (p *pages) pin(_ http.ResponseWriter, r *http.Request) error {
	ref, err := eventRef(r)
	if err != nil {
		return err
	}
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	on := f.OneOf("on", "0", "1")
	if err := f.Err("pin"); err != nil {
		return err
	}
	if err := p.s.Pin(r.Context(), web.Actor(r), ref, on == "1"); err != nil {
		return err
	}
	at, done, back := base(r)+"/"+ref, "intel.done.pinned", "0"
	if on == "0" {
		done, back = "intel.done.unpinned", "1"
	}
	return web.Redirect(at, web.Done(done).WithUndo(at+"/pin", "on", back))
}
