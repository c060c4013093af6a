package registryweb

import (
	"bytes"
	"net/http"
	"path"
	"strings"

	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

type importPage struct {
	web.Page
	Header  ui.Header
	File    ui.Field
	Check   ui.Button
	Columns []string
	Result  *importResult
}

// importResult is what a dry run says, and the way to enter the same file.
type importResult struct {
	Facts   ui.Facts
	Errors  ui.Table
	Preview ui.Table
	Format  string
	Kept    string // the file itself, to be entered as it was checked
	Enter   *ui.Button
	Note    *ui.Note
}

// keptMost is the largest file that travels with the page between checking and
// entering; a larger one is chosen again.
const keptMost = 512 << 10

func (p *pages) importForm(w http.ResponseWriter, r *http.Request) error {
	return p.t.Render(w, r, "import", p.importPage(r, web.NewForm(r, nil)))
}

func (p *pages) importPage(r *http.Request, f *web.Form) *importPage {
	page := &importPage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "registry.import.title")), File: f.Field("file", "registry.import.file"),
		Check: ui.Button{Label: web.T(r, "registry.import.check"), Icon: "file-search", Name: "act", Value: "check"}, Columns: registry.ImportColumns()}
	page.Header = ui.Header{Title: page.Title}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "registry.title"), Href: room(r)}, {Label: web.T(r, "registry.import")}}
	page.File.Type, page.File.Accept, page.File.Hint = "file", ".csv,.json,.jsonl,text/csv,application/json", web.T(r, "registry.import.file.hint")
	return page
}

// importFile checks a file, or enters the one that was checked.
func (p *pages) importFile(w http.ResponseWriter, r *http.Request) error {
	var file []byte
	format := ""
	f, err := web.ReadUpload(r, web.UploadLimits{Files: 1, Bytes: registry.MaxImportBytes}, func(_ *web.Form, u web.Upload) (err error) {
		format = formatOf(u.Name)
		b := bytes.NewBuffer(make([]byte, 0, min(max(r.ContentLength, 0), registry.MaxImportBytes)+bytes.MinRead)) // read twice, held once
		_, err = b.ReadFrom(u)
		file = b.Bytes()
		return err
	})
	if err != nil {
		return err
	}
	if kept := f.Values.Get("kept"); len(file) == 0 && kept != "" {
		file, format = []byte(kept), f.Values.Get("format")
	}
	f.Require(len(file) > 0, "file", "registry.fault.file-none")
	if f.Fail(nil) {
		return p.importAgain(w, r, f, nil)
	}
	enter := f.Values.Get("act") == "enter"
	res, err := p.s.Import(r.Context(), web.Actor(r), bytes.NewReader(file), registry.ImportOptions{Format: format, DryRun: !enter})
	if f.Fail(err) {
		return p.importAgain(w, r, f, nil)
	}
	if err != nil {
		return err
	}
	if enter && len(res.Errors) == 0 {
		return web.Redirect(room(r), web.Done("registry.done.imported", "n", res.Created+res.Updated))
	}
	result := p.importResult(r, res)
	result.Format = format
	switch {
	case len(res.Errors) > 0:
	case len(file) <= keptMost:
		result.Kept = string(file)
		result.Enter = &ui.Button{Label: web.T(r, "registry.import.enter"), Icon: "check", Name: "act", Value: "enter"}
	default:
		result.Note = &ui.Note{Kind: "info", Body: web.T(r, "registry.import.again")}
	}
	return p.importAgain(w, r, f, result)
}

func formatOf(name string) string {
	switch strings.ToLower(path.Ext(name)) {
	case ".json", ".jsonl", ".ndjson":
		return registry.JSON
	}
	return registry.CSV
}

func (p *pages) importAgain(w http.ResponseWriter, r *http.Request, f *web.Form, res *importResult) error {
	page := p.importPage(r, f)
	page.Errors, page.Result = f.Summary("file"), res
	if res != nil && len(res.Errors.Rows) == 0 {
		return p.t.Render(w, r, "import", page)
	}
	return p.t.Invalid(w, r, "import", page)
}

func (p *pages) importResult(r *http.Request, res registry.ImportResult) *importResult {
	number := func(key string, n int) ui.Fact { return ui.Fact{Label: web.T(r, key), Value: n} }
	out := &importResult{Facts: ui.Facts{Items: []ui.Fact{number("registry.import.read", res.Read), number("registry.import.created", res.Created),
		number("registry.import.updated", res.Updated), number("registry.import.unchanged", res.Unchanged), number("registry.import.refused", res.Refused)}}}
	if len(res.Errors) > 0 {
		out.Note = &ui.Note{Kind: "danger", Body: web.T(r, "registry.import.nothing")}
	} else {
		out.Note = &ui.Note{Kind: "success", Body: web.T(r, "registry.import.good")}
	}
	out.Errors = ui.Table{Caption: web.T(r, "registry.import.errors"), ShowCaption: true, Columns: []ui.Column{
		{Label: web.T(r, "registry.import.line"), Num: true, Width: "narrow"}, {Label: web.T(r, "registry.import.field")}, {Label: web.T(r, "registry.import.reason")}}}
	for _, e := range res.Errors {
		out.Errors.Rows = append(out.Errors.Rows, ui.Row{Cells: []any{e.Line, ui.Machine(e.Field), web.T(r, e.Reason)}})
	}
	out.Preview = ui.Table{Caption: web.T(r, "registry.import.preview"), ShowCaption: true, Columns: []ui.Column{
		{Label: web.T(r, "registry.import.line"), Num: true, Width: "narrow"}, {Label: web.T(r, "registry.name")}, {Label: web.T(r, "registry.import.act"), Width: "mark"}}}
	for _, x := range res.Preview {
		out.Preview.Rows = append(out.Preview.Rows, ui.Row{Cells: []any{x.Line, x.Name, web.T(r, "registry.import.act."+x.Act)}})
	}
	return out
}
