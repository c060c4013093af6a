package registryweb

import (
	"net/http"
	"strconv"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

// assets are the systems, services and products that an organisation relies on.
func (p *pages) assets(r *http.Request) holding {
	kinds := entries(r, p.s.Lists(r.Context(), web.Actor(r)).Assets)
	return holding{name: "assets", icon: "server", kinds: kinds, page: p.assetPage, one: p.oneAsset, act: p.actAsset, export: p.s.ExportAssets,
		form: func(r *http.Request, f *web.Form, _ bool) []ui.Field { return assetFields(r, f, kinds) }}
}

func (p *pages) assetPage(r *http.Request, o registry.Organisation, f registry.PartFilter, page registry.Page) ([]held, string, error) {
	list, next, err := p.s.AssetPage(r.Context(), web.Actor(r), o.UUID, f, page)
	out := make([]held, len(list))
	for i, a := range list {
		out[i] = p.assetOf(r, a)
	}
	return out, next, err
}

func (p *pages) oneAsset(r *http.Request, o registry.Organisation) (held, error) {
	a, err := p.s.Asset(r.Context(), web.Actor(r), o.UUID, r.PathValue("part"))
	return p.assetOf(r, a), err
}

// levels are how critical an asset is, in the words of severity; 0 is not judged.
var levels = []string{"", "low", "medium", "high", "very-high"}

func (p *pages) assetOf(r *http.Request, a registry.Asset) held {
	title := ui.Name{Text: a.Name, Sub: []any{p.s.Lists(r.Context(), web.Actor(r)).Assets.Label(a.Kind, web.Lang(r))}}
	if a.Note != "" {
		title.Sub = append(title.Sub, a.Note)
	}
	var level any = "–"
	if a.Criticality > 0 {
		level = ui.Severity{Level: levels[a.Criticality]}
	}
	return held{id: a.UUID, title: title, cells: []any{a.Product, level}, created: a.Created, updated: a.Updated, withdrawn: a.Withdrawn,
		values: map[string][]string{"kind": {a.Kind}, "name": {a.Name}, "product": {a.Product}, "criticality": {strconv.FormatInt(a.Criticality, 10)}, "note": {a.Note}}}
}

func assetFields(r *http.Request, f *web.Form, kinds []ui.Option) []ui.Field {
	out := make([]ui.Field, 5)
	for i, name := range []string{"kind", "name", "product", "criticality", "note"} {
		out[i] = f.Field(name, "registry.asset."+name)
		out[i].Optional = i > 1
	}
	pick(kinds, false)(&out[0])
	out[2].Hint = web.T(r, "registry.asset.product.hint")
	pick(web.Words(r, "registry.asset.level.", "0", "1", "2", "3", "4"), false)(&out[3])
	out[3].Hint = web.T(r, "registry.asset.criticality.hint")
	return out
}

func readAsset(f *web.Form) registry.AssetInput {
	return registry.AssetInput{Kind: f.Text("kind", 40), Name: f.Text("name", 400), Product: f.Text("product", 400), Criticality: f.Int("criticality"), Note: f.Text("note", 5000)}
}

func (p *pages) actAsset(r *http.Request, o registry.Organisation, act string, f *web.Form) (err error) {
	ctx, who, part := r.Context(), web.Actor(r), r.PathValue("part")
	switch act {
	case "add":
		_, err = p.s.AddAsset(ctx, who, o.UUID, 0, readAsset(f))
	case "change":
		in := readAsset(f)
		_, err = p.s.ChangeAsset(ctx, who, o.UUID, f.Int("version"), part,
			registry.AssetPatch{Kind: &in.Kind, Name: &in.Name, Product: &in.Product, Criticality: &in.Criticality, Note: &in.Note})
	case "withdraw":
		_, err = p.s.WithdrawAsset(ctx, who, o.UUID, 0, part)
	case "restore":
		_, err = p.s.RestoreAsset(ctx, who, o.UUID, 0, part)
	default:
		err = fault.New(fault.NotFound, "no act %s", act)
	}
	return err
}
