package registryweb

import (
	"net/http"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

// constituencyPage says whom a CERT looks after.
type constituencyPage struct {
	web.Page
	Header         ui.Header
	Sectors, Kinds ui.Choices
	Default        ui.Choices
	Orgs           []registry.Rule // rules about single organisations, kept as they are
	Button, Cancel ui.Button
}

func (p *pages) constituencyForm(w http.ResponseWriter, r *http.Request) error {
	rules, err := p.s.ConstituencyOf(r.Context(), web.Actor(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	values := map[string][]string{}
	for _, x := range rules {
		value := x.Value
		if x.Basis == registry.ByDefault {
			value = "1"
		}
		values[x.Basis] = append(values[x.Basis], value)
	}
	page, err := p.constituencyPage(r, web.NewForm(r, values))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "constituency", page)
}

func (p *pages) constituencyPage(r *http.Request, f *web.Form) (*constituencyPage, error) {
	o, err := p.s.Get(r.Context(), web.Actor(r), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	rules, err := p.s.ConstituencyOf(r.Context(), web.Actor(r), o.UUID)
	if err != nil {
		return nil, err
	}
	lists, at := p.s.Lists(r.Context(), web.Actor(r)), room(r)+"/"+o.UUID
	page := &constituencyPage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "registry.constituency")),
		Sectors: f.Choices(registry.BySector, "registry.constituency.sectors", entries(r, lists.Sectors)...),
		Default: f.Choices(registry.ByDefault, "registry.constituency.rest", ui.Option{Value: "1", Label: web.T(r, "registry.constituency.default")}),
		Button:  ui.Button{Label: web.T(r, "registry.save")}, Cancel: ui.Button{Label: web.T(r, "registry.cancel"), Href: at, Variant: "tertiary"}}
	var kinds []ui.Option
	for _, e := range entries(r, lists.Kinds) {
		if e.Value != registry.KindCERT { // a CERT looks after itself
			kinds = append(kinds, e)
		}
	}
	page.Kinds = f.Choices(registry.ByKind, "registry.constituency.kinds", kinds...)
	page.Sectors.Many, page.Kinds.Many, page.Default.Many = true, true, true
	page.Crumbs, page.Header = append(crumbs(r, o), ui.Crumb{Label: page.Title}), ui.Header{Title: page.Title, Sub: []any{o.Label(web.Lang(r))}}
	page.Crumbs[1].Href = at
	for _, x := range rules {
		if x.Basis == registry.ByOrganisation {
			page.Orgs = append(page.Orgs, x)
		}
	}
	return page, nil
}

func (p *pages) setConstituency(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	var rules []registry.Rule
	for _, basis := range []string{registry.ByOrganisation, registry.BySector, registry.ByKind} {
		for _, v := range f.Many(basis) {
			rules = append(rules, registry.Rule{Basis: basis, Value: v})
		}
	}
	if f.Tick(registry.ByDefault) {
		rules = append(rules, registry.Rule{Basis: registry.ByDefault})
	}
	id := r.PathValue("id")
	err = p.s.SetConstituency(r.Context(), web.Actor(r), id, rules)
	if f.Fail(err) || fault.Is(err, fault.Conflict) {
		page, gerr := p.constituencyPage(r, f)
		if gerr != nil {
			return gerr
		}
		if page.Errors = f.Summary(); fault.Is(err, fault.Conflict) {
			page.Errors = &ui.ErrorSummary{Items: []ui.ErrorItem{{Field: registry.BySector, Text: web.T(r, fault.Of(err).Key)}}}
		}
		return p.t.Invalid(w, r, "constituency", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(room(r)+"/"+id, web.Done("registry.done.constituency"))
}

// ruleWords says one rule for people.
func (p *pages) ruleWords(r *http.Request, x registry.Rule) string {
	lists, l := p.s.Lists(r.Context(), web.Actor(r)), web.Lang(r)
	switch x.Basis {
	case registry.BySector:
		return web.T(r, "registry.constituency.sector", "name", lists.Sectors.Label(x.Value, l))
	case registry.ByKind:
		return web.T(r, "registry.constituency.kind", "name", lists.Kinds.Label(x.Value, l))
	case registry.ByOrganisation:
		return web.T(r, "registry.constituency.one", "name", x.Label)
	}
	return web.T(r, "registry.constituency.default")
}
