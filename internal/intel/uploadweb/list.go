package uploadweb

import (
	"net/http"
	"strings"

	"straza/internal/intel/upload"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type listPage struct {
	web.Page
	Header ui.Header
	File   ui.Field
	Text   ui.Field
	Table  ui.Table
	Pages  *ui.Pagination
}

func (p *pages) list(w http.ResponseWriter, r *http.Request) error {
	page, err := p.listPage(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "imports", page)
}

func (p *pages) listPage(r *http.Request, f *web.Form) (*listPage, error) {
	title := web.T(r, "uploads.title")
	page := &listPage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title, Sub: []any{web.T(r, "uploads.lead")}}, File: f.Field("file", "uploads.file"), Text: f.Field("text", "uploads.text")}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "uploads.events"), Href: events(r)}, {Label: title}}
	page.File.Type, page.File.Accept, page.File.Hint, page.File.Value = "file", ".json,application/json,application/stix+json", web.T(r, "uploads.file.hint", "most", i18n.Bytes(web.Lang(r), upload.MaxBytes)), ""
	page.Text.Type, page.Text.Rows, page.Text.Mono, page.Text.Optional, page.Text.Hint = "textarea", 5, true, true, web.T(r, "uploads.text.hint")
	list, err := p.d.Uploads.Uploads(r.Context(), web.Actor(r))
	if err != nil {
		return nil, err
	}
	page.Table = ui.Table{Caption: web.T(r, "uploads.mine"), Columns: []ui.Column{{Label: web.T(r, "uploads.name")}, {Label: web.T(r, "uploads.state"), Width: "mark"}, {Label: web.T(r, "uploads.n"), Num: true}, {Label: web.T(r, "uploads.changed"), Drop: 2}},
		Empty: &ui.Empty{Icon: "upload", Title: web.T(r, "uploads.none"), Text: web.T(r, "uploads.none.text")}}
	for i := range list {
		u := &list[i]
		at := base(r) + "/" + u.UUID
		page.Table.Rows = append(page.Table.Rows, ui.Row{Href: at, Cells: []any{ui.Name{Text: nameOf(r, u), Href: at, Sub: []any{ui.Machine(strings.ToUpper(u.Format)), i18n.Bytes(web.Lang(r), u.Size)}}, stateOf(r, u), u.Found.Events, clock.FromMicros(u.Changed)}})
	}
	filters := web.ReadFilters(r)
	page.Pages, err = filters.Page(&page.Table, 50)
	return page, err
}

func nameOf(r *http.Request, u *upload.Upload) string {
	if u.Name == "" {
		return web.T(r, "uploads.pasted")
	}
	return u.Name
}

// kinds are the marks of states.
var kinds = map[string]string{upload.Reading: ui.StateWorking, upload.Read: ui.StateWaiting, upload.Broken: ui.StateRefused, upload.Importing: ui.StateWorking, upload.Done: ui.StateDone, upload.Undone: ui.StateRefused}

func stateOf(r *http.Request, u *upload.Upload) ui.State {
	return ui.State{Kind: kinds[u.State], Word: web.T(r, "uploads.state."+u.State)}
}

// add takes a file, or a text that was pasted, and goes on to what is in it.
func (p *pages) add(w http.ResponseWriter, r *http.Request) error {
	var u upload.Upload
	got := false
	f, err := web.ReadUpload(r, web.UploadLimits{Files: 1, Bytes: upload.MaxBytes}, func(_ *web.Form, x web.Upload) (err error) {
		got = true
		u, err = p.d.Uploads.Add(r.Context(), web.Actor(r), x.Name, x)
		return err
	})
	if f == nil {
		f = web.NewForm(r, nil)
	}
	if text := f.Values.Get("text"); err == nil && !got && strings.TrimSpace(text) != "" {
		got = true
		u, err = p.d.Uploads.Add(r.Context(), web.Actor(r), "", strings.NewReader(text))
		if e := fault.Of(err); e != nil && e.Fields["file"] != "" {
			err = fault.Field("text", e.Fields["file"], "neither STIX nor MISP's JSON")
		}
	}
	if err == nil {
		f.Require(got, "file", "uploads.file.none")
	}
	if fault.Is(err, fault.Limited) {
		err = fault.Field("file", fault.Of(err).Key, "too much").Because(err)
	}
	if f.Fail(err) {
		page, err := p.listPage(r, f)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("file", "text")
		return p.t.Invalid(w, r, "imports", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(base(r)+"/"+u.UUID, nil)
}
