package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"straza/internal/kernel/fault"
)

// question is a query parameter as the contract tells it.
type question struct {
	Name   string                `json:"name"`
	In     string                `json:"in"`
	Schema struct{ Type string } `json:"schema"`
}

// asking is what of an OpenAPI fragment the chain holds requests to.
type asking struct {
	Paths map[string]map[string]struct {
		Parameters []question `json:"parameters"`
	} `json:"paths"`
}

// Obey holds the doors of an OpenAPI fragment to it: a query parameter that it does not
// name, one said twice, or a yes or no that is neither true nor false is answered with
// 422, which names the parameter. A filter that is passed over in silence answers
// another question than the one asked.
func (m *Mux) Obey(fragment []byte) {
	var doc asking
	if err := json.Unmarshal(fragment, &doc); err != nil {
		m.errs = append(m.errs, fmt.Errorf("web: OpenAPI fragment: %w", err))
		return
	}
	for path, ops := range doc.Paths {
		for method, op := range ops {
			list := slices.DeleteFunc(op.Parameters, func(q question) bool { return q.In != "query" })
			m.asked[strings.ToUpper(method)+" "+path] = list
		}
	}
}

// unkept names the doors of contracts that nobody declared.
func (m *Mux) unkept() (out []error) {
	for door := range m.asked {
		if !slices.ContainsFunc(m.routes, func(r Route) bool { return r.Method+" "+r.Pattern == door }) {
			out = append(out, fmt.Errorf("web: the contract has %s, the table of doors has not", door))
		}
	}
	return out
}

// obeys tells what is wrong with a request's query under the contract of its door; a
// door without one takes everything.
func (m *Mux) obeys(r *http.Request, route Route) error {
	known, ok := m.asked[route.Method+" "+route.Pattern]
	if !ok || r.URL.RawQuery == "" {
		return nil
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return fault.Field("query", "web.error.form", "the query is not readable")
	}
	var c fault.Collector
	for name, values := range q {
		i := slices.IndexFunc(known, func(k question) bool { return k.Name == name })
		switch {
		case i < 0:
			c.Add(clip(name), "web.error.parameter")
		case len(values) > 1:
			c.Add(name, "web.error.twice")
		case known[i].Schema.Type == "boolean":
			c.Require(values[0] == "true" || values[0] == "false" || values[0] == "", name, "web.error.choice")
		}
	}
	return c.Err("query of " + route.Pattern)
}

// clip keeps a foreign name short enough to be said back.
func clip(name string) string {
	if r := []rune(name); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return name
}
