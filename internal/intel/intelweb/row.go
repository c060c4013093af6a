package intelweb

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// rowForm stands in the place of a row while its attribute is changed there.
type rowForm struct {
	At      string // where it is sent
	Span    int
	Version int64
	Fields  []ui.Field
	IDs     ui.Field
	Say     string // what is wrong with the whole
	Words   struct{ Title, Keep, Cancel string }
}

// rowDone is the row as it stands after the change, with the way back.
type rowDone struct {
	Line  ui.Line
	Toast *ui.Toast
}

// own is an attribute of the address's event that the caller may change.
func (p *pages) own(r *http.Request) (*intel.Event, *intel.Attribute, error) {
	e, a, err := p.part(r)
	if err == nil && intel.MayEdit(web.Actor(r), e) != nil {
		err = fault.New(fault.Denied, "event %s", e.Ref()).WithKey("intel.fault.foreign")
	}
	return e, a, err
}

// editRow gives the small form for a script; everybody else is led to the attribute.
func (p *pages) editRow(w http.ResponseWriter, r *http.Request) error {
	e, a, err := p.own(r)
	if err != nil {
		return err
	}
	if !web.HTMX(r) || a.Deleted {
		return web.Redirect(base(r)+"/"+e.Ref()+"/attributes/"+a.UUID, nil)
	}
	return p.t.Part(w, r, "show", "rowform", p.rowForm(r, web.NewForm(r, typed(a)), e, a))
}

func (p *pages) rowForm(r *http.Request, f *web.Form, e *intel.Event, a *intel.Attribute) *rowForm {
	form := &rowForm{At: base(r) + "/" + e.Ref() + "/attributes/" + a.UUID + "/row", Span: p.rowTable(r, e, nil).Span(), Version: a.Timestamp, IDs: f.Box("ids", "intel.ids.yes"), Say: f.Error("")}
	if v := f.Int("version"); v != 0 {
		form.Version = v
	}
	form.Words.Title, form.Words.Keep, form.Words.Cancel = web.T(r, "intel.row.title", "value", a.Value), web.T(r, "intel.keep"), web.T(r, "intel.cancel")
	value, category, comment := f.Field("value", "intel.value"), f.Field("category", "intel.category"), f.Field("comment", "intel.comment")
	value.Mono, category.Type, comment.Optional = true, "select", true
	if strings.Contains(value.Value, "\n") {
		value.Type, value.Rows = "textarea", 4
	}
	for _, c := range misp.Categories() {
		if misp.Allows(c, a.Type) || c == a.Category {
			category.Options = append(category.Options, ui.Option{Value: c, Label: c})
		}
	}
	value.ID, category.ID, comment.ID, form.IDs.ID = "row-value", "row-category", "row-comment", "row-ids"
	form.Fields = []ui.Field{value, category, comment}
	return form
}

// rowTable is the table of the event's page around rows of it.
func (p *pages) rowTable(r *http.Request, e *intel.Event, rows []ui.Row) ui.Table {
	page := &showPage{At: base(r), Ref: e.Ref(), Edit: true}
	page.table(r, web.ReadFilters(r), rows)
	return page.Table
}

// saveRow changes what the small form holds and leaves the rest. A script gets the row,
// or the form with what is wrong: 422 for a field, 409 when somebody else was faster. What
// takes a change back comes here, too, without a script, and is led to the event.
func (p *pages) saveRow(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	e, a, err := p.own(r)
	if err != nil {
		return err
	}
	wire := misp.Attribute{Value: misp.T(f.Needed("value", 65_000)), Comment: misp.T(f.Text("comment", 65_000)), Category: misp.T(f.Needed("category", 100)), ToIDS: misp.B(f.Tick("ids"))}
	var now intel.Attribute
	if err = f.Err("attribute"); err == nil {
		if v := f.Int("version"); v != a.Timestamp {
			err = fault.New(fault.Conflict, "attribute %d was changed meanwhile", a.ID).WithKey("fault.conflict")
		} else {
			now, err = p.s.EditAttribute(r.Context(), web.Actor(r), strconv.FormatInt(a.ID, 10), wire)
		}
	}
	if err != nil {
		return p.rowFault(w, r, f, e, a, err)
	}
	if !web.HTMX(r) {
		return web.Redirect(base(r)+"/"+e.Ref(), web.Done("intel.done.changed"))
	}
	row, err := p.rowOf(r, e, &now)
	if err != nil {
		return err
	}
	was := typed(a)
	undo := ui.Undo{Action: base(r) + "/" + e.Ref() + "/attributes/" + a.UUID + "/row", Hidden: map[string]string{"version": strconv.FormatInt(now.Timestamp, 10)}}
	for _, name := range []string{"value", "category", "comment", "ids"} {
		undo.Hidden[name] = was.Get(name)
	}
	return p.t.Part(w, r, "show", "row", rowDone{ui.Line{Table: p.rowTable(r, e, nil), Row: row}, &ui.Toast{Text: web.T(r, "intel.done.changed"), Undo: &undo}})
}

// rowFault shows the form again where a script asked and somebody can put it right.
func (p *pages) rowFault(w http.ResponseWriter, r *http.Request, f *web.Form, e *intel.Event, a *intel.Attribute, err error) error {
	x, status := fault.Of(err), http.StatusUnprocessableEntity
	if x == nil || !web.HTMX(r) || x.Kind != fault.Invalid && x.Kind != fault.Conflict {
		return err
	}
	if x.Kind == fault.Conflict {
		status = http.StatusConflict
		x = fault.New(fault.Invalid, "%s", x.Detail).WithKey(x.Key, x.Args...)
	}
	known := map[string]string{}
	for field, key := range x.Fields {
		if key == "intel.fault.attribute" {
			field = orValue(fields[field])
			key = "intel.fault.field." + field
		}
		known[field] = key
	}
	x.Fields = known
	f.Fail(x)
	return p.t.PartStatus(w, r, status, "show", "rowform", p.rowForm(r, f, e, a))
}

// rowOf is the row of one attribute as the event's page shows it.
func (p *pages) rowOf(r *http.Request, e *intel.Event, a *intel.Attribute) (ui.Row, error) {
	rows, list := []ui.Row{attributeRow(r, e, a, false)}, []*intel.Attribute{a}
	if err := p.besideRows(r, e, rows, list); err != nil {
		return ui.Row{}, err
	}
	said, err := p.d.Remarks.Of(r.Context(), web.Actor(r), e.Ref())
	if err != nil {
		return ui.Row{}, err
	}
	remarked(r, rows, list, said)
	return rows[0], nil
}

// editAt is where a row's small form is, "" where the caller may not change it.
func editAt(r *http.Request, e *intel.Event, a *intel.Attribute) string {
	if a.Deleted || intel.MayEdit(web.Actor(r), e) != nil {
		return ""
	}
	return base(r) + "/" + e.Ref() + "/attributes/" + url.PathEscape(a.UUID) + "/row"
}
