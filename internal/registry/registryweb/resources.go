package registryweb

import (
	"net/http"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

// networks are the networks, domains and AS numbers of an organisation.
func (p *pages) networks(r *http.Request) holding {
	return holding{name: "resources", icon: "network", kinds: web.Words(r, "registry.resource.", registry.ResourceKinds...),
		page: p.resourcePage, one: p.oneResource, form: resourceFields, act: p.actResource, export: p.s.ExportResources}
}

func (p *pages) resourcePage(r *http.Request, o registry.Organisation, f registry.PartFilter, page registry.Page) ([]held, string, error) {
	list, next, err := p.s.ResourcePage(r.Context(), web.Actor(r), o.UUID, f, page)
	out := make([]held, len(list))
	for i, x := range list {
		out[i] = resourceOf(r, x)
	}
	return out, next, err
}

func (p *pages) oneResource(r *http.Request, o registry.Organisation) (held, error) {
	x, err := p.s.Resource(r.Context(), web.Actor(r), o.UUID, r.PathValue("part"))
	return resourceOf(r, x), err
}

func resourceOf(r *http.Request, x registry.Resource) held {
	title := ui.Name{Text: x.Value, Mono: true}
	if u := registry.DomainText(x.Value); x.Kind == registry.Domain && u != x.Value {
		title = ui.Name{Text: u, Sub: []any{ui.Machine(x.Value)}}
	}
	return held{id: x.UUID, title: title, cells: []any{x.Note, web.T(r, "registry.resource.one."+x.Kind)},
		values:  map[string][]string{"value": {x.Value}, "note": {x.Note}},
		created: x.Created, updated: x.Updated, withdrawn: x.Withdrawn, claimed: x.Claimed}
}

func resourceFields(r *http.Request, f *web.Form, fresh bool) (out []ui.Field) {
	if fresh { // a network does not become a domain
		kind := f.Field("kind", "registry.resource.kind")
		pick(web.Words(r, "registry.resource.one.", registry.ResourceKinds...), false)(&kind)
		out = append(out, kind)
	}
	value, note := f.Field("value", "registry.resource.value"), f.Field("note", "registry.resource.note")
	value.Mono, value.Hint, note.Optional = true, web.T(r, "registry.resource.value.hint"), true
	return append(out, value, note)
}

func (p *pages) actResource(r *http.Request, o registry.Organisation, act string, f *web.Form) (err error) {
	ctx, who, part := r.Context(), web.Actor(r), r.PathValue("part")
	switch act {
	case "add":
		_, err = p.s.AddResource(ctx, who, o.UUID, 0, f.Text("kind", 20), f.Text("value", 300), f.Text("note", 400))
	case "change":
		value, note := f.Text("value", 300), f.Text("note", 400)
		_, err = p.s.ChangeResource(ctx, who, o.UUID, f.Int("version"), part, registry.ResourcePatch{Value: &value, Note: &note})
	case "withdraw":
		_, err = p.s.WithdrawResource(ctx, who, o.UUID, 0, part)
	case "restore":
		_, err = p.s.RestoreResource(ctx, who, o.UUID, 0, part)
	case "check":
		_, err = p.s.CheckResource(ctx, who, o.UUID, 0, part)
	default:
		err = fault.New(fault.NotFound, "no act %s", act)
	}
	return err
}
