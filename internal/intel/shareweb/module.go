package shareweb

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"straza/internal/intel/enrich"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func serverAt(r *http.Request, v *enrich.Server) string { return base(r) + "/" + v.UUID }

func switchedOn(v *enrich.Server) (n int) {
	for _, m := range v.Modules {
		if m.On {
			n++
		}
	}
	return n
}

func serverState(r *http.Request, v *enrich.Server) ui.State {
	switch {
	case !v.Enabled:
		return ui.State{Kind: ui.StateWaiting, Word: web.T(r, "share.off")}
	case v.Fault != "":
		return ui.State{Kind: ui.StateRefused, Word: web.T(r, "share.module.failed")}
	case v.Tested == 0:
		return ui.State{Kind: ui.StateNew, Word: web.T(r, "share.module.fresh")}
	}
	return ui.State{Kind: ui.StateDone, Word: web.T(r, "share.module.ok")}
}

// modules lists the servers of modules, and beside them the tables that need no server.
func (p *pages) modules(w http.ResponseWriter, r *http.Request) error {
	list, err := p.d.Enrich.Servers(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	title := web.T(r, "share.modules")
	page := &listPage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title}, Lead: web.T(r, "share.modules.lead")}
	page.Header.Acts = []ui.Button{{Label: web.T(r, "share.module.new"), Icon: "plus", Href: base(r) + "/new", Key: "N"}}
	page.Table = ui.Table{Caption: title, Columns: []ui.Column{{Label: web.T(r, "share.name")}, {Label: web.T(r, "share.state"), Width: "mark"}, {Label: web.T(r, "share.module.on"), Num: true}, {Label: web.T(r, "share.module.tested"), Width: "mark", Drop: 1}},
		Empty: &ui.Empty{Icon: "route", Title: web.T(r, "share.modules.empty"), Text: web.T(r, "share.modules.empty.text"), Acts: page.Header.Acts}}
	for i := range list {
		v := &list[i]
		page.Table.Rows = append(page.Table.Rows, ui.Row{Href: serverAt(r, v), Cells: []any{ui.Name{Text: v.Name, Href: serverAt(r, v), Sub: []any{ui.Machine(v.URL)}}, serverState(r, v),
			strconv.Itoa(switchedOn(v)) + " / " + strconv.Itoa(len(v.Modules)), when(v.Tested)}})
	}
	tables, err := p.networkTable(r, false)
	if err != nil {
		return err
	}
	page.More = &tables
	page.Header.Acts = append(page.Header.Acts, ui.Button{Label: web.T(r, "share.networks.import"), Icon: "upload", Href: base(r) + "/networks", Variant: "secondary"})
	return p.t.Render(w, r, "sharelist", page)
}

// serverPage is one server: whether it is there, what it has, what of it is on.
type serverPage struct {
	web.Page
	Header ui.Header
	Fault  *ui.Note
	Facts  ui.Facts
	Table  ui.Table
	At     string
}

func (p *pages) oneServer(r *http.Request) (enrich.Server, error) {
	return p.d.Enrich.Server(r.Context(), web.Actor(r), r.PathValue("server"))
}

func (p *pages) server(w http.ResponseWriter, r *http.Request) error {
	v, err := p.oneServer(r)
	if err != nil {
		return err
	}
	at := serverAt(r, &v)
	page := &serverPage{Page: web.NewPage(r, shell(r), v.Name), At: at, Header: ui.Header{Title: v.Name, Marks: []any{serverState(r, &v)}, Sub: []any{ui.Machine(v.URL)}}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "share.modules"), Href: base(r)}, {Label: v.Name}}
	page.Header.Acts = []ui.Button{{Label: web.T(r, "share.module.test"), Form: "acts", Action: at + "/test", Variant: "secondary", Key: "T"},
		{Label: web.T(r, "share.edit"), Icon: "pencil", Href: at + "/edit", Variant: "secondary", Key: "E"}}
	if v.Fault != "" {
		page.Fault = &ui.Note{Kind: "warning", Title: web.T(r, "share.module.failed"), Body: web.T(r, v.Fault)}
	}
	page.Facts.Items = []ui.Fact{{Label: web.T(r, "share.module.patience"), Value: web.T(r, "share.seconds", "n", int64(v.Patience))}, {Label: web.T(r, "share.module.tested"), Value: when(v.Tested)}}
	page.Table = ui.Table{Caption: web.T(r, "share.module.list"), Columns: []ui.Column{{Label: web.T(r, "share.module.name")}, {Label: web.T(r, "share.state"), Width: "mark"}, {Label: web.T(r, "share.module.manner"), Drop: 1}, {Label: web.T(r, "share.module.takes"), Drop: 2}},
		Empty: &ui.Empty{Icon: "wifi-off", Title: web.T(r, "share.module.none"), Text: web.T(r, "share.module.none.text")}}
	for _, m := range usable(&v) {
		state, manner := ui.State{Kind: ui.StateWaiting, Word: web.T(r, "share.off")}, "–"
		if m.On {
			state, manner = ui.State{Kind: ui.StateDone, Word: web.T(r, "share.on")}, web.T(r, "intel.manner."+string(m.Manner))
		}
		to := at + "/modules/" + m.Name
		page.Table.Rows = append(page.Table.Rows, ui.Row{Href: to, Cells: []any{ui.Name{Text: m.Name, Href: to, Mono: true, Sub: []any{brief(m.Description)}}, state, manner, ui.Machine(strings.Join(m.Input, " "))}})
	}
	return p.t.Render(w, r, "sharemodules", page)
}

// usable are the modules that expand values, those that are on first.
func usable(v *enrich.Server) (out []enrich.Module) {
	for _, m := range v.Modules {
		if m.Type == "expansion" && len(m.Input) > 0 {
			out = append(out, m)
		}
	}
	slices.SortStableFunc(out, func(a, b enrich.Module) int {
		switch {
		case a.On == b.On:
			return 0
		case a.On:
			return -1
		}
		return 1
	})
	return out
}

// brief is the first sentence of what a module says of itself.
func brief(s string) string {
	if first, _, ok := strings.Cut(s, ". "); ok {
		s = first + "."
	}
	if r := []rune(s); len(r) > 120 {
		s = string(r[:120]) + "…"
	}
	return s
}

// moduleForm is a server's or a module's settings.
type moduleForm struct {
	web.Page
	Header ui.Header
	Lead   string
	Fields []ui.Field
	Manner *ui.Choices
	Delete string // where a server is forgotten; "" = nowhere
	Cancel ui.Button
}

func (p *pages) serverForm(r *http.Request, f *web.Form, v *enrich.Server) *moduleForm {
	title, back := web.T(r, "share.module.new"), base(r)
	if v != nil {
		title, back = web.T(r, "share.module.edit"), serverAt(r, v)
	}
	page := &moduleForm{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title}, Cancel: ui.Button{Label: web.T(r, "share.cancel"), Href: back, Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "share.modules"), Href: base(r)}, {Label: title}}
	name, url, patience, enabled := f.Field("name", "share.name"), f.Field("url", "share.module.url"), f.Field("patience", "share.module.patience"), f.Box("enabled", "share.module.enabled")
	url.Hint, patience.InputMode, patience.Width, patience.Hint = web.T(r, "share.module.url.hint"), "numeric", "short", web.T(r, "share.module.patience.hint")
	page.Fields = []ui.Field{name, url, patience, enabled}
	if v != nil {
		page.Delete = back + "/delete"
	}
	return page
}

func (p *pages) newServer(w http.ResponseWriter, r *http.Request) error {
	f := web.NewForm(r, map[string][]string{"patience": {"20"}, "enabled": {"1"}})
	return p.t.Render(w, r, "sharemodule", p.serverForm(r, f, nil))
}

func (p *pages) editServer(w http.ResponseWriter, r *http.Request) error {
	v, err := p.oneServer(r)
	if err != nil {
		return err
	}
	f := web.NewForm(r, map[string][]string{"name": {v.Name}, "url": {v.URL}, "patience": {strconv.Itoa(v.Patience)}, "enabled": {map[bool]string{true: "1"}[v.Enabled]}})
	return p.t.Render(w, r, "sharemodule", p.serverForm(r, f, &v))
}

// saveServer keeps a server; a new one is asked for its modules at once.
func (p *pages) saveServer(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	var old *enrich.Server
	ref := r.PathValue("server")
	if ref != "" {
		v, err := p.oneServer(r)
		if err != nil {
			return err
		}
		old = &v
	}
	patience := f.Int("patience")
	v, err := p.d.Enrich.SaveServer(r.Context(), web.Actor(r), ref, func(v *enrich.Server) {
		v.Name, v.URL, v.Patience, v.Enabled = f.Text("name", 400), f.Text("url", 1000), int(max(-1, min(patience, 1000))), f.Tick("enabled")
	})
	if f.Fail(err) {
		page := p.serverForm(r, f, old)
		page.Errors = f.Summary("name", "url", "patience")
		return p.t.Invalid(w, r, "sharemodule", page)
	}
	if err != nil {
		return err
	}
	if len(v.Modules) == 0 && v.Enabled {
		if v, err = p.d.Enrich.Test(r.Context(), web.Actor(r), v.UUID); err != nil {
			return err
		}
	}
	return web.Redirect(serverAt(r, &v), web.Done("share.done.module"))
}

func (p *pages) actServer(_ http.ResponseWriter, r *http.Request) error {
	v, err := p.oneServer(r)
	if err != nil {
		return err
	}
	switch act := r.PathValue("act"); act {
	case "test":
		v, err = p.d.Enrich.Test(r.Context(), web.Actor(r), v.UUID)
	case "delete":
		if err = p.d.Enrich.DropServer(r.Context(), web.Actor(r), v.UUID); err == nil {
			return web.Redirect(base(r), web.Done("share.done.module-deleted"))
		}
	default:
		err = fault.New(fault.NotFound, "act %q", act)
	}
	if err != nil {
		return err
	}
	if v.Fault != "" {
		return web.Redirect(serverAt(r, &v), nil)
	}
	return web.Redirect(serverAt(r, &v), web.Done("share.done.module-tested", "n", int64(len(v.Modules))))
}

func (p *pages) oneModule(r *http.Request) (v enrich.Server, m enrich.Module, err error) {
	if v, err = p.oneServer(r); err != nil {
		return v, m, err
	}
	i := slices.IndexFunc(v.Modules, func(m enrich.Module) bool { return m.Name == r.PathValue("module") })
	if i < 0 {
		return v, m, fault.New(fault.NotFound, "no module %q", r.PathValue("module"))
	}
	return v, v.Modules[i], nil
}

func (p *pages) setupForm(r *http.Request, f *web.Form, v *enrich.Server, m *enrich.Module) *moduleForm {
	page := &moduleForm{Page: web.NewPage(r, shell(r), m.Name), Header: ui.Header{Title: m.Name, Sub: []any{v.Name, ui.Machine(strings.Join(m.Input, " "))}}, Lead: m.Description,
		Cancel: ui.Button{Label: web.T(r, "share.cancel"), Href: serverAt(r, v), Variant: "tertiary"}}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "share.modules"), Href: base(r)}, {Label: v.Name, Href: serverAt(r, v)}, {Label: m.Name}}
	var manners []ui.Option
	for _, x := range enrich.Manners() {
		manners = append(manners, ui.Option{Value: string(x), Label: web.T(r, "share.module.manner."+string(x))})
	}
	manner := f.Choices("manner", "share.module.manner", manners...)
	manner.Hint, page.Manner = web.T(r, "share.module.manner.hint"), &manner
	page.Fields = []ui.Field{f.Box("on", "share.module.switch")}
	for i, k := range m.Config {
		x := f.Field("set."+strconv.Itoa(i), "share.module.setting")
		x.Label, x.Optional, x.Autocomplete = k, true, "off"
		if slices.Contains(m.Set, k) {
			x.Hint = web.T(r, "share.module.setting.held")
		}
		page.Fields = append(page.Fields, x)
	}
	return page
}

func (p *pages) setupModule(w http.ResponseWriter, r *http.Request) error {
	v, m, err := p.oneModule(r)
	if err != nil {
		return err
	}
	f := web.NewForm(r, map[string][]string{"on": {map[bool]string{true: "1"}[m.On]}, "manner": {string(m.Manner)}})
	return p.t.Render(w, r, "sharemodule", p.setupForm(r, f, &v, &m))
}

// saveModule keeps what is decided; a setting that is left empty stays as it is, a lone
// hyphen takes it away.
func (p *pages) saveModule(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	v, m, err := p.oneModule(r)
	if err != nil {
		return err
	}
	set := map[string]string{}
	for i, k := range m.Config {
		switch x := strings.TrimSpace(f.Text("set."+strconv.Itoa(i), 10_000)); x {
		case "":
		case "-":
			set[k] = ""
		default:
			set[k] = x
		}
	}
	err = p.d.Enrich.Setup(r.Context(), web.Actor(r), v.UUID, m.Name, f.Tick("on"), enrich.Manner(f.Text("manner", 20)), set)
	if f.Fail(err) {
		page := p.setupForm(r, f, &v, &m)
		page.Errors = f.Summary("manner")
		return p.t.Invalid(w, r, "sharemodule", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(serverAt(r, &v), web.Done("share.done.module"))
}
