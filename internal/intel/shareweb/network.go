package shareweb

import (
	"net/http"
	"strconv"
	"strings"

	"straza/internal/intel/enrich"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// tableBytes is the largest file of a table; packed ones of the whole world have some tens
// of megabytes.
const tableBytes = 200 << 20

// networkPage takes a table of networks in the place of the one with the same name.
type networkPage struct {
	web.Page
	Header     ui.Header
	Note       *ui.Note
	Name, File ui.Field
	Save       ui.Button
	Cancel     ui.Button
	Table      ui.Table
}

func (p *pages) networkTable(r *http.Request, drop bool) (t ui.Table, err error) {
	list, err := p.d.Enrich.OriginTables(r.Context(), web.Actor(r))
	t = ui.Table{Caption: web.T(r, "share.networks"), ShowCaption: true, Columns: []ui.Column{{Label: web.T(r, "share.name")}, {Label: web.T(r, "share.networks.n"), Num: true}, {Label: web.T(r, "share.networks.at"), Width: "mark"}},
		Empty: &ui.Empty{Icon: "network", Title: web.T(r, "share.networks.empty"), Text: web.T(r, "share.networks.empty.text")}}
	if drop && len(list) > 0 {
		t.Columns = append(t.Columns, ui.Column{Label: web.T(r, "share.networks.drop"), Width: "mark"})
	}
	for _, x := range list {
		cells := []any{ui.Name{Text: x.Name, Sub: []any{ui.Machine(x.Source)}}, strconv.FormatInt(x.Entries, 10), when(x.Imported)}
		if drop {
			cells = append(cells, ui.Button{Label: web.T(r, "share.networks.drop"), Form: "acts", Action: base(r) + "/networks/drop", Name: "name", Value: x.Name, Variant: "tertiary", Small: true})
		}
		t.Rows = append(t.Rows, ui.Row{Cells: cells})
	}
	return t, err
}

func (p *pages) networkForm(r *http.Request, f *web.Form) (page *networkPage, err error) {
	title := web.T(r, "share.networks.import")
	page = &networkPage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title}, Name: f.Field("name", "share.name"), File: f.Field("file", "share.networks.file"),
		Save: ui.Button{Label: web.T(r, "share.networks.import"), Icon: "upload"}, Cancel: ui.Button{Label: web.T(r, "share.cancel"), Href: base(r), Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "share.modules"), Href: base(r)}, {Label: title}}
	page.Name.Hint, page.File.Hint = web.T(r, "share.networks.name.hint"), web.T(r, "share.networks.file.hint")
	page.File.Type, page.File.Accept = "file", ".csv,.tsv,.txt,.gz,text/csv"
	page.Table, err = p.networkTable(r, true)
	return page, err
}

func (p *pages) networks(w http.ResponseWriter, r *http.Request) error {
	page, err := p.networkForm(r, web.NewForm(r, map[string][]string{"name": {"networks"}}))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "sharenetworks", page)
}

// importNetworks reads the file as it arrives; the table before stays in force until the
// last line is in.
func (p *pages) importNetworks(w http.ResponseWriter, r *http.Request) error {
	var rep enrich.Imported
	came := false
	var failed error
	f, err := web.ReadUpload(r, web.UploadLimits{Files: 1, Bytes: tableBytes}, func(f *web.Form, u web.Upload) error {
		came = true
		rep, failed = p.d.Enrich.ImportOrigins(r.Context(), web.Actor(r), f.Text("name", 100), u.Name, u)
		return nil
	})
	if err != nil {
		return err
	}
	f.Require(came, "file", "share.networks.none")
	if f.Fail(failed) || !came {
		page, err := p.networkForm(r, f)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("name", "file")
		return p.t.Invalid(w, r, "sharenetworks", page)
	}
	if failed != nil {
		return failed
	}
	page, err := p.networkForm(r, f)
	if err != nil {
		return err
	}
	page.Note = &ui.Note{Kind: "success", Title: web.T(r, "share.networks.done", "name", rep.Table, "n", rep.Networks)}
	if rep.Unread > 0 {
		lines := make([]string, len(rep.Lines))
		for i, n := range rep.Lines {
			lines[i] = strconv.Itoa(n)
		}
		said := strings.Join(lines, ", ")
		if rep.Unread > len(lines) {
			said += " …"
		}
		page.Note.Kind, page.Note.Body = "warning", web.T(r, "share.networks.unread", "n", int64(rep.Unread), "lines", said)
	}
	return p.t.Render(w, r, "sharenetworks", page)
}

func (p *pages) dropNetworks(_ http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	if err := p.d.Enrich.DropOrigins(r.Context(), web.Actor(r), f.Text("name", 100)); err != nil {
		return err
	}
	return web.Redirect(base(r)+"/networks", web.Done("share.done.networks-dropped"))
}
