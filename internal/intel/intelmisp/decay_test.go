package intelmisp

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"straza/internal/catalog"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestDecayInSearch: what is old is scored low, left out on request, and comes
// back when it is sighted.
func TestDecayInSearch(t *testing.T) {
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := newWorld(t, db)
		e := w.ask("publisher", "POST", "/events/add", `{"info":"stari","distribution":1,"published":true,"Attribute":[
			{"type":"ip-dst","value":"198.51.100.1","to_ids":true},{"type":"md5","value":"44d88612fea8a8f36de82e1278abb02f"}]}`)
		if e.status != 200 {
			t.Fatal(e.body)
		}
		find := func(more string) []map[string]any {
			t.Helper()
			got := w.ask("user", "POST", "/attributes/restSearch", `{"returnFormat":"json","includeDecayScore":true`+more+`}`)
			var v struct {
				Response struct{ Attribute []map[string]any }
			}
			if err := json.Unmarshal([]byte(got.body), &v); err != nil {
				t.Fatalf("%s: %v", got.body, err)
			}
			return v.Response.Attribute
		}
		if got := find(""); len(got) != 2 || got[0]["decay_score"] != nil {
			t.Fatalf("a score without a model in force: %v", got)
		}
		m, err := w.books.DecayModel(t.Context(), ident.SystemPart("importer"), "Straža: network indicators")
		w.Must(err)
		for as, want := range map[string]int{"user": 403, "admin": 200} {
			if got := w.ask(as, "POST", "/decayingModel/enable/"+itoa(m.ID), ""); got.status != want {
				t.Errorf("%s enables a model: %d %s", as, got.status, got.body)
			}
		}
		score := func(a map[string]any) (float64, bool) {
			s := a["decay_score"].([]any)[0].(map[string]any)
			return s["score"].(float64), s["decayed"].(bool)
		}
		got := find("")
		if s, decayed := score(got[0]); s < 70 || decayed || got[1]["decay_score"] != nil {
			t.Errorf("fresh: %v, of another type %v", s, got[1]["decay_score"])
		}
		now.Add(13 * 24 * time.Hour)
		if s, decayed := score(find("")[0]); s > 10 || !decayed {
			t.Errorf("old: %v %v", s, decayed)
		}
		for more, want := range map[string]int{`,"excludeDecayed":true`: 1, `,"excludeDecayed":true,"score":0`: 2, `,"excludeDecayed":true,"modelOverrides":{"lifetime":1000}`: 2,
			`,"excludeDecayed":true,"decayingModel":["999"]`: 2} {
			if n := len(find(more)); n != want {
				t.Errorf("%s: %d attributes, want %d", more, n, want)
			}
		}
		for format, want := range map[string]bool{"csv": false, "text": false, "count": false} {
			body := w.ask("user", "POST", "/attributes/restSearch", `{"returnFormat":"`+format+`","excludeDecayed":true,"type":"ip-dst"}`).body
			if strings.Contains(body, "198.51.100.1") != want || format == "count" && body != "0" {
				t.Errorf("%s of what has decayed: %q", format, body)
			}
		}
		if got := w.ask("user", "POST", "/events/restSearch", `{"returnFormat":"json","excludeDecayed":true,"includeDecayScore":1}`); strings.Contains(got.body, "198.51.100.1") {
			t.Errorf("in its event: %s", got.body)
		}
		id := fmt.Sprint(find("")[0]["id"])
		if got := w.ask("user", "POST", "/sightings/add/"+id, `{"type":0}`); got.status != 200 {
			t.Fatal(got.body)
		}
		if s, decayed := score(find("")[0]); s < 70 || decayed {
			t.Errorf("sighted now: %v %v", s, decayed)
		}
	})
}

// TestModelsAreMade: by who may, checked, and only those made here are dropped.
func TestModelsAreMade(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		body := `{"DecayingModel":{"name":"Naš","formula":"polynomial","parameters":"{\"lifetime\":\"3\",\"decay_speed\":2.3,\"threshold\":30,\"default_base_score\":80}","attribute_types":["domain"]}}`
		if got := w.ask("user", "POST", "/decayingModel/add", body); got.status != 403 {
			t.Errorf("a member makes a model: %d", got.status)
		}
		got := w.ask("admin", "POST", "/decayingModel/add", body)
		var v struct{ DecayingModel struct{ ID, Formula string } }
		if json.Unmarshal([]byte(got.body), &v) != nil || v.DecayingModel.Formula != catalog.FormulaPolynomial {
			t.Fatalf("%d %s", got.status, got.body)
		}
		for path, want := range map[string]int{"/decayingModelMapping/linkAttributeTypeToModel/" + v.DecayingModel.ID: 200, "/decayingModel/edit/" + v.DecayingModel.ID: 200} {
			if got := w.ask("admin", "POST", path, `{"attribute_types":["ip-src"],"parameters":{"lifetime":5}}`); got.status != want {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
		if got := w.ask("admin", "POST", "/decayingModel/edit/"+v.DecayingModel.ID, `{"parameters":{"threshold":400}}`); got.status != 403 {
			t.Errorf("a threshold of 400: %d", got.status)
		}
		if got := w.ask("user", "GET", "/decayingModelMapping/viewAssociatedTypes/"+v.DecayingModel.ID, ""); !strings.Contains(got.body, "ip-src") {
			t.Errorf("types: %s", got.body)
		}
		m, err := w.books.DecayModel(t.Context(), ident.SystemPart("importer"), "Straža: files")
		w.Must(err)
		for id, want := range map[string]int{itoa(m.ID): 403, v.DecayingModel.ID: 200} {
			if got := w.ask("admin", "POST", "/decayingModel/delete/"+id, ""); got.status != want {
				t.Errorf("delete %s: %d, want %d", id, got.status, want)
			}
		}
	})
}

// TestOwnModelScores: a model made over MISP's addresses weighs in searches while it is on,
// as it was changed last, and no more when it is off or gone.
func TestOwnModelScores(t *testing.T) {
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := newWorld(t, db)
		w.made("publisher", `{"info":"x","distribution":"1","published":true,"Attribute":[{"type":"domain","value":"own.example","to_ids":true},{"type":"md5","value":"44d88612fea8a8f36de82e1278abb02f"}]}`)
		made := w.ask("admin", "POST", "/decayingModel/add", `{"DecayingModel":{"name":"Own","formula":"polynomial","parameters":{"lifetime":10,"decay_speed":1,"threshold":30,"default_base_score":80},"attribute_types":["domain"]}}`)
		id := between(made.body, `"id":"`, `"`)
		do := func(path, body string) {
			t.Helper()
			if got := w.ask("admin", "POST", path, body); got.status != 200 {
				t.Fatalf("%s: %d %s", path, got.status, got.body)
			}
		}
		// scored is what the model says of the domain, and whether somebody weighs the other.
		scored := func(more string) (score float64, decayed, weighed bool) {
			t.Helper()
			var v struct {
				Response struct {
					Attribute []struct {
						Type        string
						Decay_score []struct {
							Score         float64
							Decayed       bool
							DecayingModel struct{ ID, Name string }
						}
					}
				}
			}
			got := w.ask("user", "POST", "/attributes/restSearch", `{"returnFormat":"json","includeDecayScore":true`+more+`}`)
			w.Must(json.Unmarshal([]byte(got.body), &v))
			for _, a := range v.Response.Attribute {
				for _, x := range a.Decay_score {
					if a.Type != "domain" || x.DecayingModel.ID != id || x.DecayingModel.Name != "Own" {
						t.Errorf("%s is weighed by %+v", a.Type, x)
					}
					score, decayed, weighed = x.Score, x.Decayed, true
				}
			}
			return score, decayed, weighed
		}
		if _, _, on := scored(""); on {
			t.Error("a model that was never switched on weighs")
		}
		do("/decayingModel/enable/"+id, "")
		now.Add(5 * 24 * time.Hour)
		if s, decayed, _ := scored(""); s < 38 || s > 42 || decayed { // half of its life: half of 80
			t.Errorf("after half of its life: %v %v", s, decayed)
		}
		do("/decayingModel/edit/"+id, `{"DecayingModel":{"parameters":{"lifetime":6}}}`)
		if s, decayed, _ := scored(""); s < 11 || s > 15 || !decayed {
			t.Errorf("with a shorter life: %v %v", s, decayed)
		}
		if _, _, weighed := scored(`,"excludeDecayed":true`); weighed {
			t.Error("what has decayed is shown")
		}
		do("/decayingModel/disable/"+id, "")
		if _, _, on := scored(""); on {
			t.Error("a model that was switched off weighs")
		}
		do("/decayingModel/enable/"+id, "")
		do("/decayingModel/delete/"+id, "")
		if _, _, on := scored(""); on {
			t.Error("a model that was deleted weighs")
		}
	})
}
