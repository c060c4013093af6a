package intelmisp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"straza/internal/kernel/ident"

	"github.com/google/go-cmp/cmp"
)

// kill puts in a galaxy that can be drawn as a matrix.
func kill(w *world) {
	w.T.Helper()
	for _, b := range []string{`{"name":"Lanac","type":"lanac","uuid":"34343434-3333-4333-8333-333333333333","icon":"map","version":1,"description":"d","namespace":"straza","kill_chain_order":{"faze":["ulaz","izlaz"]}}`,
		`{"name":"Lanac","type":"lanac","uuid":"34343434-3333-4333-8333-333333333333","source":"s","authors":["a"],"version":7,"values":[
		{"value":"Alfa","uuid":"35353535-1111-4111-8111-111111111111","meta":{"kill_chain":["faze:ulaz","faze:izlaz"],"external_id":"T1"}},
		{"value":"Beta","uuid":"35353535-2222-4222-8222-222222222222","meta":{"kill_chain":["faze:ulaz"],"external_id":"T2"}},
		{"value":"Gama","uuid":"35353535-3333-4333-8333-333333333333"}]}`} {
		rep, err := w.books.Import(w.T.Context(), ident.SystemPart("importer"), oneFile(b))
		w.Must(err)
		if len(rep.Refused) > 0 {
			w.T.Fatal(rep.Refused)
		}
	}
}

func (w *world) asked(as, path string) any {
	w.T.Helper()
	got := w.ask(as, "GET", path, "")
	var v any
	if err := json.Unmarshal([]byte(got.body), &v); err != nil || got.status != http.StatusOK {
		w.T.Fatalf("%s as %s: %d %.300s", path, as, got.status, got.body)
	}
	return v
}

// Every page of users/statistics, as JSON, for who sees an event and for who does not:
// a hidden event adds nothing to any figure.
func TestFigures(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		kill(w)
		w.made("orgadmin", `{"info":"javno","date":"2026-03-01","distribution":"1","published":true,"Tag":[{"name":"tlp:green"},{"name":"moje"},{"name":"misp-galaxy:lanac=\"Beta\""}],
			"Attribute":[{"type":"domain","value":"a.example.rs"},{"type":"domain","value":"b.example.rs"},{"type":"md5","value":"0123456789abcdef0123456789abcdef"}]}`)
		hidden := w.made("orgadmin", `{"info":"skriveno","distribution":"0","Tag":[{"name":"tajna:oznaka"},{"name":"misp-galaxy:lanac=\"Alfa\""}],
			"Attribute":[{"uuid":"36363636-1111-4111-8111-111111111111","type":"sha1","value":"0123456789abcdef0123456789abcdef01234567","Tag":[{"name":"misp-galaxy:lanac=\"Alfa\""}]}]}`)
		for _, body := range []string{`{"source":"honeypot"}`, `{"source":"honeypot","type":"1"}`, `{}`} {
			if got := w.ask("user", "POST", "/sightings/add/36363636-1111-4111-8111-111111111111", body); got.status != http.StatusOK {
				t.Fatal(got.body)
			}
		}
		w.ask("orgadmin", "POST", "/shadowAttributes/add/"+hidden, `{"type":"domain","value":"p.example.rs"}`)
		var e struct{ Event struct{ ID string } }
		w.Must(json.Unmarshal([]byte(w.ask("user", "GET", "/events/view/"+hidden, "").body), &e))

		type m = map[string]any
		type l = []any
		A := w.A.Name
		for _, c := range []struct {
			as, path string
			want     any
		}{
			{"other", "attributehistogram", l{m{"data": m{"domain": "2", "md5": "1"}, "org_name": "All organisations", "total": 3.0}, m{"data": m{"domain": "2", "md5": "1"}, "org_name": A, "total": 3.0}}},
			{"user", "attributehistogram", l{m{"data": m{"domain": "2", "md5": "1", "sha1": "1"}, "org_name": "All organisations", "total": 4.0},
				m{"data": m{"domain": "2", "md5": "1", "sha1": "1"}, "org_name": A, "total": 4.0}}},
			{"other", "sightings", m{"toplist": l{}, "eventids": l{}}},
			{"user", "sightings", m{"toplist": m{"honeypot": 2.0, "Undefined": 1.0},
				"eventids": m{"honeypot": m{"sighting": l{e.Event.ID}, "false-positive": l{e.Event.ID}}, "Undefined": m{"sighting": l{e.Event.ID}}}}},
			{"user", "sightings/timestamp:4000000000", m{"toplist": l{}, "eventids": l{}}},
		} {
			if diff := cmp.Diff(c.want, w.asked(c.as, "/users/statistics/"+c.path)); diff != "" {
				t.Errorf("%s %s (-want +got)\n%s", c.as, c.path, diff)
			}
		}
		if got := w.asked("user", `/users/histogram/["sha1"]`).([]any)[0]; cmp.Diff(m{"data": m{"sha1": "1"}, "org_name": "All organisations", "total": 1.0}, got) != "" {
			t.Errorf("chosen types: %v", got)
		}
		// The map of tags: by taxonomy in force, the rest is custom.
		tree := fmt.Sprint(w.asked("other", "/users/statistics/tags"))
		if !strings.Contains(tree, "map[tlp:green:map[name:tlp:green size:1]]") || !strings.Contains(tree, "moje:map[name:moje size:1]") || strings.Contains(tree, "tajna") || !strings.Contains(tree, "treemap:map[children:") {
			t.Errorf("tags: %s", tree)
		}
		if all := fmt.Sprint(w.asked("user", "/users/tagStatisticsGraph.json")); !strings.Contains(all, "tajna:oznaka") {
			t.Errorf("tags of one's own: %s", all)
		}
		// The matrix: clusters with a kill chain, most used first; the score of what is hidden is nobody else's.
		for as, want := range map[string]string{"other": "[Beta Alfa] [Alfa] map[misp-galaxy:lanac=\"Beta\":1]", "user": "[Alfa Beta] [Alfa] map[misp-galaxy:lanac=\"Alfa\":2 misp-galaxy:lanac=\"Beta\":1]"} {
			v := w.asked(as, "/users/statistics/galaxyMatrix/galaxy_id:lanac").(m)
			tab := v["matrix"].(m)["faze"].(m)
			names := func(col string) (out []string) {
				for _, c := range tab[col].(l) {
					out = append(out, c.(m)["value"].(string))
				}
				return out
			}
			if got := fmt.Sprint(names("ulaz"), names("izlaz"), v["scores"]); got != fmt.Sprint(want) {
				t.Errorf("%s: matrix %s, want %s", as, got, want)
			}
			if tab["ulaz"].(l)[0].(m)["external_id"] == nil || v["instance-uuid"] == "" {
				t.Errorf("%s: %v", as, v)
			}
		}
		for path, want := range map[string]string{"/dateFrom:2026-03-02": `"scores":{}`, "/dateFrom:2026-03-01/dateTo:2026-03-01": `lanac=\"Beta\"":1}`, "/organisation:" + itoa(w.C.ID): `"scores":{}`} {
			if got := w.ask("other", "GET", "/users/statistics/attackMatrix/galaxy_id:lanac"+path, ""); !strings.Contains(got.body, want) {
				t.Errorf("%s: %d %.300s", path, got.status, got.body)
			}
		}
		for path, want := range map[string]int{"galaxyMatrix/organisation:424242/galaxy_id:lanac": 404, "galaxyMatrix/galaxy_id:nema": 404, "nema": 404, "data": 200, "orgs": 200, "users": 200} {
			if got := w.ask("user", "GET", "/users/statistics/"+path, ""); got.status != want {
				t.Errorf("%s: %d %.200s", path, got.status, got.body)
			}
		}
		people := w.asked("other", "/users/statistics/users").(m)
		for _, k := range []string{"user", "org_local", "org_external"} {
			d := people[k].(m)["data"].(m)
			if d["total"] == nil || d["month"] == nil || d["year"] == nil {
				t.Errorf("users: %v", people)
			}
		}
		if n := people["user"].(m)["data"].(m)["total"].(float64); n < 8 {
			t.Errorf("%v accounts", n)
		}
		for as, want := range map[string]string{"user": `"proposal_count":"1"`, "other": `"proposal_count":"0"`} {
			if got := w.ask(as, "GET", "/users/statistics", ""); !strings.Contains(got.body, want) {
				t.Errorf("%s: %s", as, got.body)
			}
		}
	})
}
