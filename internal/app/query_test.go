package app

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestEveryListAnswersWhatWasAsked: an interface of ours names the parameter that it does
// not know instead of passing it over, and takes every one that its contract names; a
// page goes on without it and says so.
func TestEveryListAnswersWhatWasAsked(t *testing.T) {
	w := newWorld(t)
	p := w.person("lead", "CERT A")
	var doc struct {
		Paths map[string]map[string]struct{ Parameters []struct{ Name, In string } }
	}
	must(t, json.Unmarshal(w.do(nil, "GET", "/api/v1/openapi.json", "").Body.Bytes(), &doc))
	asked := 0
	for _, r := range w.h.mux.Routes() {
		if r.Method != http.MethodGet || !strings.HasPrefix(r.Pattern, "/api/v1/") || len(params(r)) > 0 || r.Pattern == "/api/v1/openapi.json" {
			continue
		}
		asked++
		if _, ok := doc.Paths[r.Pattern]["get"]; !ok {
			t.Errorf("%s is in no contract", r.Pattern)
		}
		for _, q := range []string{"nepostojeci=1", "Q=a", "q=%zz", "limit=1&limit=2"} {
			rec := w.withKey(p.key, "GET", r.Pattern+"?"+q, "")
			var said struct{ Errors []struct{ Field string } }
			_ = json.Unmarshal(rec.Body.Bytes(), &said)
			name, _, _ := strings.Cut(q, "=")
			if q == "q=%zz" {
				name = "query"
			}
			if rec.Code != http.StatusUnprocessableEntity || rec.Header().Get("Content-Type") != "application/problem+json" || len(said.Errors) != 1 || said.Errors[0].Field != name {
				t.Errorf("%s?%s: %d %s", r.Pattern, q, rec.Code, rec.Body)
			}
		}
		for _, x := range doc.Paths[r.Pattern]["get"].Parameters {
			if x.In != "query" || strings.Contains(r.Pattern, "lookup") || strings.Contains(r.Pattern, "export") {
				continue
			}
			if rec := w.withKey(p.key, "GET", r.Pattern+"?"+x.Name+"=", ""); rec.Code != http.StatusOK {
				t.Errorf("%s?%s=: %d %s", r.Pattern, x.Name, rec.Code, rec.Body)
			}
		}
	}
	if asked < 6 {
		t.Errorf("only %d lists were asked", asked)
	}
	for _, at := range []string{"/console/cases", "/console/reports", "/console/events", "/console/indicators", "/console/advisories", "/console/organisations", "/console/threads"} {
		whole := w.do(p, "GET", at, "")
		if strings.Contains(whole.Body.String(), "sz-passed") {
			t.Errorf("%s passes over what nobody asked", at)
		}
		for _, q := range []string{"nepostojeci=1", "sort=boja", "sort=--updated"} {
			rec := w.do(p, "GET", at+"?"+q, "")
			name, _, _ := strings.Cut(q, "=")
			i := strings.Index(rec.Body.String(), "sz-passed")
			if rec.Code != http.StatusOK || i < 0 || !strings.Contains(rec.Body.String()[i:i+1000], name) {
				t.Errorf("%s?%s: %d, and does not say that it passed %s over", at, q, rec.Code, name)
			}
		}
	}
	if w.do(p, "GET", "/console/cases?severity=crvena", "").Code != http.StatusOK {
		t.Error("a value that is none of the options breaks the page")
	}
}

// TestContractNamesTheScope: what the contract says a key needs is what its door asks for.
func TestContractNamesTheScope(t *testing.T) {
	w := newWorld(t)
	var doc struct {
		Paths map[string]map[string]struct {
			Security []map[string][]string `json:"security"`
		} `json:"paths"`
	}
	must(t, json.Unmarshal(w.do(nil, "GET", "/api/v1/openapi.json", "").Body.Bytes(), &doc))
	held := 0
	for _, r := range w.h.mux.Routes() {
		if !strings.HasPrefix(r.Pattern, "/api/v1/") || r.Scope == "" {
			continue
		}
		at, there := doc.Paths[r.Pattern]
		if !there {
			t.Errorf("%s is not in the contract", r.Pattern)
			continue
		}
		op := at[strings.ToLower(r.Method)]
		keys := slices.DeleteFunc(slices.Clone(op.Security), func(need map[string][]string) bool { return len(need) == 0 }) // open to everybody, too
		if len(keys) != 1 || !slices.Equal(keys[0]["key"], []string{r.Scope}) {
			t.Errorf("%s %s: the contract says %v, the door %q", r.Method, r.Pattern, op.Security, r.Scope)
		}
		held++
	}
	if held < 50 {
		t.Errorf("only %d doors were held against the contract", held)
	}
}
