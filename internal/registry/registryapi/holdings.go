package registryapi

import (
	"net/http"
	"strconv"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/registry"
)

// kinds are the resources that have doors of their own: last segment of the address
// and kind. /resources lists them together.
var kinds = map[string]string{"networks": registry.Network, "domains": registry.Domain, "asns": registry.ASN}

// tagged answers with the organisation's entity tag: it is the aggregate, and a
// change of any of its parts makes another.
func (a *api) tagged(w http.ResponseWriter, r *http.Request, status int, v any) error {
	o, err := a.s.Get(r.Context(), web.Actor(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	if r.Method == http.MethodGet {
		if web.ETag(w, r, tag(o)) {
			return nil
		}
	} else {
		w.Header().Set("ETag", `"`+tag(o)+`"`)
	}
	return web.JSON(w, status, v)
}

// partQuery reads the filter and the page of a list of parts; kind is the address's.
func partQuery(r *http.Request, kind string) (registry.PartFilter, registry.Page, error) {
	q := r.URL.Query()
	if kind == "" {
		kind = q.Get("kind")
	}
	page, err := pageOf(r)
	return registry.PartFilter{Query: q.Get("q"), Kind: kind, State: q.Get("state")}, page, err
}

func pageOf(r *http.Request) (registry.Page, error) {
	page := registry.Page{Cursor: r.URL.Query().Get("cursor")}
	if v := r.URL.Query().Get("limit"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 200 {
			return page, fault.Field("limit", "registry.fault.limit", "limit is 1 to 200")
		}
		page.Limit = n
	}
	return page, nil
}

func records[T interface{ Record() R }, R any](list []T) []R {
	out := make([]R, len(list))
	for i, x := range list {
		out[i] = x.Record()
	}
	return out
}

func (a *api) listKind(kind string) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		f, page, err := partQuery(r, kind)
		if err != nil {
			return err
		}
		list, next, err := a.s.ResourcePage(r.Context(), web.Actor(r), r.PathValue("id"), f, page)
		if err != nil {
			return err
		}
		return a.tagged(w, r, http.StatusOK, web.NewList(records(list), next))
	}
}

// resourceBody is what a client may write of a network, domain or AS number.
type resourceBody struct {
	Value opt[string] `json:"value"`
	Note  opt[string] `json:"note"`
}

func (a *api) addKind(kind string) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := version(r)
		if err != nil {
			return err
		}
		var b resourceBody
		if err := web.ReadJSON(r, &b); err != nil {
			return err
		}
		x, err := a.s.AddResource(r.Context(), web.Actor(r), r.PathValue("id"), v, kind, b.Value.v, b.Note.v)
		if err != nil {
			return err
		}
		w.Header().Set("Location", r.URL.Path+"/"+x.UUID)
		return a.tagged(w, r, http.StatusCreated, x.Record())
	}
}

// onKind answers with one resource of the address's kind after an act; "" reads it.
func (a *api) onKind(kind, act string) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := version(r)
		if err != nil {
			return err
		}
		ctx, who, id, part := r.Context(), web.Actor(r), r.PathValue("id"), r.PathValue("part")
		x, err := a.s.Resource(ctx, who, id, part)
		if err == nil && x.Kind != kind { // a domain is not found among the networks
			err = fault.New(fault.NotFound, "no such %s", kind)
		}
		if err != nil {
			return err
		}
		switch act {
		case "change":
			var b resourceBody
			if err := web.ReadJSON(r, &b); err != nil {
				return err
			}
			x, err = a.s.ChangeResource(ctx, who, id, v, part, registry.ResourcePatch{Value: b.Value.pointer(), Note: b.Note.pointer()})
		case "withdraw":
			x, err = a.s.WithdrawResource(ctx, who, id, v, part)
		case "restore":
			x, err = a.s.RestoreResource(ctx, who, id, v, part)
		case "check":
			x, err = a.s.CheckResource(ctx, who, id, v, part)
		}
		if err != nil {
			return err
		}
		return a.tagged(w, r, http.StatusOK, x.Record())
	}
}

func (a *api) assets(w http.ResponseWriter, r *http.Request) error {
	f, page, err := partQuery(r, "")
	if err != nil {
		return err
	}
	list, next, err := a.s.AssetPage(r.Context(), web.Actor(r), r.PathValue("id"), f, page)
	if err != nil {
		return err
	}
	return a.tagged(w, r, http.StatusOK, web.NewList(records(list), next))
}

// assetBody is what a client may write of an asset.
type assetBody struct {
	Kind        opt[string] `json:"kind"`
	Name        opt[string] `json:"name"`
	Product     opt[string] `json:"product"`
	Criticality opt[int64]  `json:"criticality"`
	Note        opt[string] `json:"note"`
}

func (a *api) addAsset(w http.ResponseWriter, r *http.Request) error {
	v, err := version(r)
	if err != nil {
		return err
	}
	var b assetBody
	if err := web.ReadJSON(r, &b); err != nil {
		return err
	}
	x, err := a.s.AddAsset(r.Context(), web.Actor(r), r.PathValue("id"), v,
		registry.AssetInput{Kind: b.Kind.v, Name: b.Name.v, Product: b.Product.v, Criticality: b.Criticality.v, Note: b.Note.v})
	if err != nil {
		return err
	}
	w.Header().Set("Location", r.URL.Path+"/"+x.UUID)
	return a.tagged(w, r, http.StatusCreated, x.Record())
}

// onAsset answers with one asset after an act; "" reads it.
func (a *api) onAsset(act string) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := version(r)
		if err != nil {
			return err
		}
		ctx, who, id, part := r.Context(), web.Actor(r), r.PathValue("id"), r.PathValue("part")
		var x registry.Asset
		switch act {
		case "change":
			var b assetBody
			if err := web.ReadJSON(r, &b); err != nil {
				return err
			}
			x, err = a.s.ChangeAsset(ctx, who, id, v, part, registry.AssetPatch{Kind: b.Kind.pointer(), Name: b.Name.pointer(),
				Product: b.Product.pointer(), Criticality: b.Criticality.pointer(), Note: b.Note.pointer()})
		case "withdraw":
			x, err = a.s.WithdrawAsset(ctx, who, id, v, part)
		case "restore":
			x, err = a.s.RestoreAsset(ctx, who, id, v, part)
		default:
			x, err = a.s.Asset(ctx, who, id, part)
		}
		if err != nil {
			return err
		}
		return a.tagged(w, r, http.StatusOK, x.Record())
	}
}

// holdingRoutes are the doors of the parts that are kept one by one.
func (a *api) holdingRoutes(m *web.Mux, get func(path, reveals string, h web.Handler) web.Route, change func(method, path string, p web.Policy, h web.Handler) web.Route) {
	parts := web.AnyPerm("registry.write", "registry.write-own")
	keep := func(name string, list, add web.Handler, on func(act string) web.Handler) {
		at := "/{id}/" + name
		m.Handle(
			get(at, "as for contacts", list),
			change(http.MethodPost, at, parts, add),
			get(at+"/{part}", "as for contacts", on("")),
			change(http.MethodPatch, at+"/{part}", parts, on("change")),
			change(http.MethodDelete, at+"/{part}", parts, on("withdraw")),
			change(http.MethodPost, at+"/{part}/restore", parts, on("restore")),
		)
	}
	for name, kind := range kinds {
		on := func(act string) web.Handler { return a.onKind(kind, act) }
		keep(name, a.listKind(kind), a.addKind(kind), on)
		m.Handle(change(http.MethodPost, "/{id}/"+name+"/{part}/check", web.Perm("registry.write"), on("check")))
	}
	keep("assets", a.assets, a.addAsset, a.onAsset)
}
