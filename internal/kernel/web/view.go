package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"straza/internal/kernel/account"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web/ui"
)

// Views keeps the saved views of lists: every list with a filter bar has them.
type Views interface {
	Views(ctx context.Context, who ident.Actor, list string) ([]account.View, error)
	SaveView(ctx context.Context, who ident.Actor, list, name, query string) error
	OpenWith(ctx context.Context, who ident.Actor, list string, id int64) error
	DropView(ctx context.Context, who ident.Actor, list string, id int64) error
}

// anyView in ?view= is the list without the view that it opens with.
const anyView = "all"

// viewsOf reads the saved views of the list at the request's address. They are a
// convenience: when they cannot be read, the list stands without them.
func viewsOf(r *http.Request) []account.View {
	m := stateOf(r).mux
	if m == nil || m.cfg.Views == nil || !Actor(r).LoggedIn() || !account.HasViews(r.URL.Path) {
		return nil
	}
	list, err := m.cfg.Views.Views(r.Context(), Actor(r), r.URL.Path)
	if err != nil {
		m.cfg.Log.WarnContext(r.Context(), "saved views", "err", err)
	}
	return list
}

// viewQuery is the address of a view: with ?view=, so that it is never bare, which
// would mean the view that the list opens with.
func viewQuery(v account.View) string {
	q, _ := url.ParseQuery(v.Query) // parsed when it was saved
	q.Set("view", strconv.FormatInt(v.ID, 10))
	return q.Encode()
}

// saved makes what the filter bar shows of the views; nil where a list has none.
func (f *Filters) saved() *ui.SavedViews {
	m := stateOf(f.r).mux
	if m == nil || m.cfg.Views == nil || !Actor(f.r).LoggedIn() || !account.HasViews(f.path) {
		return nil
	}
	out := &ui.SavedViews{List: f.path}
	for _, v := range f.views {
		id := strconv.FormatInt(v.ID, 10)
		out.Items = append(out.Items, ui.SavedView{ID: id, Name: v.Name, Href: f.path + "?" + viewQuery(v), Opens: v.Opens, Here: f.Get("view") == id})
	}
	q := f.r.URL.Query()
	q.Del("cursor")
	q.Del("view")
	if out.Query = q.Encode(); out.Query != "" || len(f.values) > 0 {
		out.Save = &ui.Field{Name: "name", ID: "view-name", Label: T(f.r, "ui.views.name"), Width: "short", MaxLength: 60}
	}
	return out
}

// SavedViews declares the doors of Config.Views.
func (m *Mux) SavedViews() {
	door := func(pattern string, h Handler) {
		m.Handle(Route{Method: http.MethodPost, Pattern: pattern, Policy: LoggedIn, Mutates: true, Reveals: "nothing", Body: 16 << 10, Handler: h})
	}
	door("/views", m.saveView)
	door("/views/open", m.openWithView)
	door("/views/delete", m.dropView)
}

// viewForm reads the list that a view belongs to; its path is where to go back to.
func (m *Mux) viewForm(r *http.Request) (*Form, string, error) {
	f, err := ReadForm(r)
	if err != nil {
		return nil, "", err
	}
	list := f.Text("list", 100)
	if m.cfg.Views == nil || !account.HasViews(list) {
		return nil, "", fault.New(fault.NotFound, "no list with views")
	}
	return f, list, nil
}

func (m *Mux) saveView(_ http.ResponseWriter, r *http.Request) error {
	f, list, err := m.viewForm(r)
	if err != nil {
		return err
	}
	query := f.Text("query", 2000)
	if err := m.cfg.Views.SaveView(r.Context(), Actor(r), list, f.Text("name", 60), query); err != nil {
		return err
	}
	if v, err := url.ParseQuery(query); err == nil {
		v.Set("view", anyView)
		query = v.Encode()
	}
	return Redirect(list+"?"+query, Done("ui.views.saved"))
}

func (m *Mux) openWithView(_ http.ResponseWriter, r *http.Request) error {
	f, list, err := m.viewForm(r)
	if err != nil {
		return err
	}
	id := f.Int("id")
	if err := m.cfg.Views.OpenWith(r.Context(), Actor(r), list, id); err != nil {
		return err
	}
	return Redirect(list, Done("ui.views.opens"))
}

func (m *Mux) dropView(_ http.ResponseWriter, r *http.Request) error {
	f, list, err := m.viewForm(r)
	if err != nil {
		return err
	}
	if err := m.cfg.Views.DropView(r.Context(), Actor(r), list, f.Int("id")); err != nil {
		return err
	}
	return Redirect(list, Done("ui.views.gone"))
}
