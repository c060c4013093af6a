package registryapi

import (
	"net/http"

	"straza/internal/kernel/web"
	"straza/internal/registry"
)

// rule is one rule of a CERT's constituency.
type rule struct {
	Basis string `json:"basis"`
	Value string `json:"value"` // UUID, code of the sector or kind, "" for default
}

func (a *api) constituency(w http.ResponseWriter, r *http.Request) error {
	rules, err := a.s.ConstituencyOf(r.Context(), web.Actor(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	items := make([]rule, len(rules))
	for i, x := range rules {
		items[i] = rule{x.Basis, x.Value}
	}
	return web.JSON(w, http.StatusOK, web.NewList(items, ""))
}

// setConstituency replaces all rules of a CERT; every organisation is placed anew.
func (a *api) setConstituency(w http.ResponseWriter, r *http.Request) error {
	var b struct {
		Rules []rule `json:"rules"`
	}
	if err := web.ReadJSON(r, &b); err != nil {
		return err
	}
	rules := make([]registry.Rule, len(b.Rules))
	for i, x := range b.Rules {
		rules[i] = registry.Rule{Basis: x.Basis, Value: x.Value}
	}
	if err := a.s.SetConstituency(r.Context(), web.Actor(r), r.PathValue("id"), rules); err != nil {
		return err
	}
	return a.constituency(w, r)
}
