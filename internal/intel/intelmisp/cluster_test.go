package intelmisp

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"straza/internal/catalog"
	"straza/internal/kernel/ident"
)

// grow puts a galaxy with two imported clusters in, the first pointing at the second.
const grown1, grown2 = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"

func grow(w *world) (galaxy string) {
	w.T.Helper()
	for _, b := range []string{`{"name":"Alat","type":"alat","uuid":"33333333-3333-4333-8333-333333333333","icon":"map","version":1,"description":"d","namespace":"straza"}`,
		`{"name":"Alat","type":"alat","uuid":"33333333-3333-4333-8333-333333333333","source":"s","authors":["a"],"version":7,"values":[
		{"value":"Prvi alat","uuid":"` + grown1 + `","description":"one","meta":{"synonyms":["Fensi"],"refs":["https://example.org"]},"related":[{"dest-uuid":"` + grown2 + `","type":"uses","tags":["x:y"]}]},
		{"value":"Drugi alat","uuid":"` + grown2 + `"}]}`} {
		rep, err := w.books.Import(w.T.Context(), ident.SystemPart("importer"), oneFile(b))
		w.Must(err)
		if len(rep.Refused) > 0 {
			w.T.Fatal(rep.Refused)
		}
	}
	it, _, err := w.books.Get(w.T.Context(), ident.SystemPart("importer"), catalog.Galaxy, "alat")
	w.Must(err)
	return itoa(it.ID)
}

func (w *world) cluster(as, ref string) (map[string]any, int) {
	w.T.Helper()
	got := w.ask(as, "GET", "/galaxy_clusters/view/"+ref, "")
	var v struct{ GalaxyCluster map[string]any }
	_ = json.Unmarshal([]byte(got.body), &v)
	return v.GalaxyCluster, got.status
}

// saved asks and gives the cluster of the answer.
func (w *world) saved(as, path, body string) map[string]any {
	w.T.Helper()
	got := w.ask(as, "POST", path, body)
	var v struct{ GalaxyCluster map[string]any }
	if got.status != 200 || json.Unmarshal([]byte(got.body), &v) != nil {
		w.T.Fatalf("%s: %d %s", path, got.status, got.body)
	}
	return v.GalaxyCluster
}

// TestOwnClusters takes a cluster through its life: made, seen by its audience
// alone, edited by replacing, forked, related, published, deleted, brought back,
// deleted for good, refused.
func TestOwnClusters(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		galaxy := grow(w)
		secret := w.saved("user", "/galaxy_clusters/add/"+galaxy, `{"GalaxyCluster":{"value":"Tajni alat","distribution":"0","GalaxyElement":[{"key":"synonyms","value":"Skriveni"}],
			"GalaxyClusterRelation":[{"referenced_galaxy_cluster_uuid":"`+grown2+`","referenced_galaxy_cluster_type":"similar","distribution":"0"}]}}`)
		uuid, id := secret["uuid"].(string), secret["id"].(string)
		hiddenFrom := func(as string) {
			t.Helper()
			if _, status := w.cluster(as, uuid); status != 404 {
				t.Errorf("%s reads a cluster of another organisation: %d", as, status)
			}
			for path, body := range map[string]string{"/galaxy_clusters/index/" + galaxy: `{"searchall":"tajni"}`, "/galaxy_clusters/restSearch": `{"searchall":"skriveni"}`,
				"/galaxy_clusters/restSearch/": `{"uuid":"` + uuid + `"}`, "/galaxies/view/" + galaxy: `{}`, "/galaxy_clusters/view/" + grown2: `{}`} {
				if got := w.ask(as, "POST", path, body); strings.Contains(got.body, uuid) || strings.Contains(got.body, "Tajni") {
					t.Errorf("%s: %s %s shows it: %.300s", as, path, body, got.body)
				}
			}
		}
		hiddenFrom("other")
		hiddenFrom("third")
		if c, status := w.cluster("admin", uuid); status != 200 || c["value"] != "Tajni alat" {
			t.Errorf("the site administrator: %d %v", status, c)
		}
		for as, want := range map[string]int{"other": 404, "rokey": 403, "readonly": 403} {
			if got := w.ask(as, "POST", "/galaxy_clusters/edit/"+uuid, `{"value":"x"}`); got.status != want {
				t.Errorf("%s edits: %d, want %d", as, got.status, want)
			}
		}
		// Editing replaces elements and relations that are given, keeps what is not, raises the version, and widens the audience.
		edited := w.saved("user", "/galaxy_clusters/edit/"+id, `{"GalaxyCluster":{"distribution":"1","GalaxyElement":[{"key":"country","value":"RS"}]}}`)
		if n := len(edited["GalaxyElement"].([]any)); n != 1 || len(edited["GalaxyClusterRelation"].([]any)) != 1 || edited["value"] != "Tajni alat" {
			t.Errorf("edited: %v", edited)
		}
		if edited["version"].(string) <= secret["version"].(string) {
			t.Errorf("version %v after %v", edited["version"], secret["version"])
		}
		edited = w.saved("user", "/galaxy_clusters/edit/"+id, `{"GalaxyCluster":{"GalaxyClusterRelation":[]}}`)
		if len(edited["GalaxyClusterRelation"].([]any)) != 0 {
			t.Errorf("relations given as none stay: %v", edited["GalaxyClusterRelation"])
		}
		if _, status := w.cluster("other", uuid); status != 200 {
			t.Errorf("the community does not see it: %d", status)
		}
		if got := w.ask("other", "POST", "/galaxy_clusters/edit/"+uuid, `{"value":"x"}`); got.status != 405 || !strings.Contains(got.body, notMaker) {
			t.Errorf("a foreign edit: %d %s", got.status, got.body)
		}
		fork := w.saved("other", "/galaxy_clusters/add/"+galaxy, `{"value":"Njihov alat","distribution":1,"extends_uuid":"`+uuid+`"}`)
		if fork["extends_uuid"] != uuid || fork["extends_version"] != edited["version"] {
			t.Errorf("fork: %v", fork)
		}
		w.relations(uuid, id)
		w.endOf(uuid, id, galaxy)
	})
}

func (w *world) relations(uuid, id string) {
	w.T.Helper()
	add := `{"GalaxyClusterRelation":{"galaxy_cluster_uuid":"` + uuid + `","referenced_galaxy_cluster_uuid":"` + grown1 + `","referenced_galaxy_cluster_type":"uses","distribution":"1","tags":"tlp:green, x:y"}}`
	if got := w.ask("other", "POST", "/galaxy_cluster_relations/add", add); got.status != 405 {
		w.T.Errorf("a relation from a foreign cluster: %d", got.status)
	}
	if got := w.ask("user", "POST", "/galaxy_cluster_relations/add", add); got.status != 200 {
		w.T.Fatalf("relation: %d %s", got.status, got.body)
	}
	c, _ := w.cluster("other", uuid)
	rel := c["GalaxyClusterRelation"].([]any)[0].(map[string]any)
	if rel["referenced_galaxy_cluster_uuid"] != grown1 || rel["referenced_galaxy_cluster_id"] == "0" {
		w.T.Errorf("relation: %v", rel)
	}
	target, _ := w.cluster("other", grown1)
	if in := fmt.Sprint(target["TargetingClusterRelation"]); !strings.Contains(in, uuid) {
		w.T.Errorf("it is not seen from the other end: %s", in)
	}
	if got := w.ask("other", "POST", "/galaxy_cluster_relations/delete/"+rel["id"].(string), ""); got.status != 405 {
		w.T.Errorf("a foreign relation taken away: %d", got.status)
	}
	for _, path := range []string{"/galaxy_cluster_relations/edit/" + rel["id"].(string), "/galaxy_cluster_relations/delete/" + rel["id"].(string)} {
		if got := w.ask("user", "POST", path, `{"referenced_galaxy_cluster_type":"similar"}`); got.status != 200 {
			w.T.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := w.ask("user", "POST", "/galaxy_clusters/publish/"+id, ""); got.status != 405 && got.status != 403 {
		w.T.Errorf("published without the right to: %d", got.status)
	}
}

func (w *world) endOf(uuid, id, galaxy string) {
	w.T.Helper()
	if got := w.ask("publisher", "POST", "/galaxy_clusters/publish/"+id, ""); got.status != 200 {
		w.T.Fatalf("publish: %d %s", got.status, got.body)
	}
	pulled := w.ask("sync", "POST", "/galaxy_clusters/restSearch", `{"published":1,"minimal":1,"custom":1}`)
	if strings.Count(pulled.body, `"uuid"`) != 1 || !strings.Contains(pulled.body, uuid) || pulled.header.Get("X-Result-Count") != "1" {
		w.T.Errorf("what a peer pulls: %s", pulled.body)
	}
	// Importing the galaxy again leaves one's own alone, and imported ones their ids.
	before, _ := w.cluster("user", grown1)
	rep, err := w.books.Import(w.T.Context(), ident.SystemPart("importer"), oneFile(`{"name":"Alat","type":"alat","uuid":"33333333-3333-4333-8333-333333333333","version":8,"values":[
		{"value":"Prvi alat, novi","uuid":"`+grown1+`"}]}`))
	w.Must(err)
	after, _ := w.cluster("user", grown1)
	if rep.Kinds[catalog.Galaxy].Updated != 1 || before["id"] != after["id"] || after["value"] != "Prvi alat, novi" {
		w.T.Errorf("imported again: %+v, %v then %v", rep.Kinds[catalog.Galaxy], before["id"], after["id"])
	}
	if _, status := w.cluster("user", grown2); status != 404 {
		w.T.Errorf("what upstream has no more: %d", status)
	}
	for _, step := range []struct{ path, says string }{{"delete/" + id, "soft deleted"}, {"restore/" + id, "restored"}, {"delete/" + id + "/1", "block list"}} {
		if got := w.ask("user", "POST", "/galaxy_clusters/"+step.path, ""); got.status != 200 || !strings.Contains(got.body, step.says) {
			w.T.Errorf("%s: %d %s", step.path, got.status, got.body)
		}
		listed := strings.Contains(w.ask("user", "GET", "/galaxy_clusters/index/"+galaxy, "").body, `"id":"`+id+`"`)
		if want := strings.HasPrefix(step.path, "restore"); listed != want {
			w.T.Errorf("after %s listed: %v", step.path, listed)
		}
	}
	again := `{"value":"Opet","uuid":"` + uuid + `"}`
	if got := w.ask("user", "POST", "/galaxy_clusters/add/"+galaxy, again); got.status != 403 || !strings.Contains(got.body, "blocklist") {
		w.T.Errorf("what was deleted for good comes again: %d %s", got.status, got.body)
	}
	if got := w.ask("admin", "POST", "/galaxy_cluster_blocklists/delete/"+uuid, ""); got.status != 200 {
		w.T.Errorf("unblock: %d %s", got.status, got.body)
	}
	if got := w.ask("user", "POST", "/galaxy_clusters/add/"+galaxy, again); got.status != 200 {
		w.T.Errorf("after the block ended: %d %s", got.status, got.body)
	}
}

// TestPushedClusters: what a peer pushes (it has taken a step off the level) is locked; it
// brings newer versions of its own clusters, and never writes over those made here.
func TestPushedClusters(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		galaxy := grow(w)
		const theirs = "44444444-4444-4444-8444-444444444444"
		push := func(uuid, value string, version int, as string) string {
			return w.ask(as, "POST", "/galaxies/pushCluster", fmt.Sprintf(`[{"GalaxyCluster":{"uuid":"%s","value":"%s","version":"%d","distribution":"1","type":"alat","published":true,
				"Galaxy":{"uuid":"33333333-3333-4333-8333-333333333333","type":"alat"},"Orgc":{"uuid":"55555555-5555-4555-8555-555555555555","name":"Daleki"},
				"GalaxyElement":[{"key":"k","value":"v"}]}}]`, uuid, value, version)).body
		}
		if got := push(theirs, "Njihov", 10, "user"); !strings.Contains(got, "permission") {
			t.Errorf("a push by somebody without the right: %s", got)
		}
		push(theirs, "Njihov", 10, "sync")
		c, _ := w.cluster("user", theirs)
		if c["value"] != "Njihov" || c["distribution"] != "1" || c["locked"] != true || c["Orgc"].(map[string]any)["name"] != "Daleki" {
			t.Fatalf("pushed: %v", c)
		}
		push(theirs, "Stariji", 9, "sync")
		push(theirs, "Noviji", 11, "sync")
		if c, _ = w.cluster("user", theirs); c["value"] != "Noviji" || c["version"] != "11" {
			t.Errorf("after an older and a newer version: %v %v", c["value"], c["version"])
		}
		own := w.saved("user", "/galaxy_clusters/add/"+galaxy, `{"value":"Naš","distribution":1}`)
		push(own["uuid"].(string), "Otet", 1<<33, "sync")
		push(grown1, "Otet", 1<<33, "sync")
		if c, _ = w.cluster("user", own["uuid"].(string)); c["value"] != "Naš" {
			t.Errorf("a peer wrote over ours: %v", c["value"])
		}
		if c, _ = w.cluster("user", grown1); c["value"] != "Prvi alat" {
			t.Errorf("a peer wrote over an imported one: %v", c["value"])
		}
	})
}

// TestRequiredTaxonomy: without one of its tags an event is not published.
func TestRequiredTaxonomy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := w.ask("publisher", "POST", "/events/add", `{"info":"bez oznake","distribution":1,"Attribute":[{"type":"domain","value":"a.example"}]}`)
		var v struct{ Event struct{ ID, UUID string } }
		w.Must(json.Unmarshal([]byte(e.body), &v))
		it, _, err := w.books.Get(t.Context(), ident.SystemPart("importer"), catalog.Taxonomy, "pap")
		w.Must(err)
		if got := w.ask("admin", "POST", "/taxonomies/toggleRequired/"+itoa(it.ID), `{"Taxonomy":{"required":true}}`); got.status != 200 {
			t.Fatal(got.body)
		}
		if got := w.ask("publisher", "POST", "/events/publish/"+v.Event.ID, ""); got.status != 403 || !strings.Contains(got.body, "missing: ") {
			t.Errorf("published without the required tag: %d %s", got.status, got.body)
		}
		if got := w.ask("admin", "POST", "/tags/attachTagToObject", `{"uuid":"`+v.Event.UUID+`","tag":"PAP:GREEN"}`); got.status != 200 {
			t.Fatal(got.body)
		}
		if got := w.ask("publisher", "POST", "/events/publish/"+v.Event.ID, ""); got.status != 200 {
			t.Errorf("with the tag: %d %s", got.status, got.body)
		}
	})
}

// TestClustersAreFoundByTheirReaders: the search as one types finds imported
// clusters best first, one's own before them, and of those only what the caller sees.
func TestClustersAreFoundByTheirReaders(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		galaxy := grow(w)
		secret := w.saved("user", "/galaxy_clusters/add/"+galaxy, `{"GalaxyCluster":{"value":"Tajni alat","distribution":"0","GalaxyElement":[{"key":"synonyms","value":"Skriveni"}]}}`)
		gone := w.saved("user", "/galaxy_clusters/add/"+galaxy, `{"GalaxyCluster":{"value":"Bivši alat","distribution":"1"}}`)
		if got := w.ask("user", "POST", "/galaxy_clusters/delete/"+gone["uuid"].(string), `{}`); got.status != 200 {
			t.Fatalf("delete: %d %s", got.status, got.body)
		}
		for _, c := range []struct {
			as, text string
			limit    int
			want     string
		}{
			{"user", "alat", 10, "Tajni alat, Prvi alat, Drugi alat"},
			{"user", "АЛАТ", 10, "Tajni alat, Prvi alat, Drugi alat"},
			{"user", "alat", 2, "Tajni alat, Prvi alat"},
			{"user", "skriv", 10, "Tajni alat"},
			{"other", "alat", 10, "Prvi alat, Drugi alat"},
			{"other", "skriv", 10, ""},
			{"admin", "skriv", 10, "Tajni alat"}, // a site administrator's key
			{"other", "drugi", 10, "Drugi alat"},
			{"other", "fensi", 10, "Prvi alat"},
			{"user", "bivsi", 10, ""},
			{"user", "", 10, ""},
		} {
			list, err := w.books.FindClusters(t.Context(), w.people[c.as], c.text, c.limit)
			w.Must(err)
			var names []string
			for _, k := range list {
				names = append(names, k.Value)
			}
			if got := strings.Join(names, ", "); got != c.want {
				t.Errorf("%s finds %q: %s, want %s", c.as, c.text, got, c.want)
			}
		}
		if secret["id"] == nil {
			t.Error("no id")
		}
	})
}
