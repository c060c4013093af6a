package intelmisp

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestSightingsOfWhat: listSightings names an attribute unless it is told otherwise, in the
// path or in the body, which says it over; org_id leaves those of one organisation.
func TestSightingsOfWhat(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var e struct {
			Event struct {
				ID        string
				Attribute []struct{ ID string }
			}
		}
		w.ask("user", "POST", "/events/add", `{"info":"first","distribution":"1"}`) // so that ids of events and attributes differ
		got := w.ask("user", "POST", "/events/add", `{"info":"seen","distribution":"1","Attribute":[{"type":"domain","value":"one.example"},{"type":"domain","value":"two.example"}]}`)
		if json.Unmarshal([]byte(got.body), &e) != nil || len(e.Event.Attribute) != 2 {
			t.Fatal(got.body)
		}
		event, one := e.Event.ID, e.Event.Attribute[0].ID
		for _, a := range e.Event.Attribute {
			if got := w.ask("user", "POST", "/sightings/add/"+a.ID, `{"source":"s`+a.ID+`"}`); got.status != 200 {
				t.Fatal(got.body)
			}
		}
		for _, c := range []struct {
			method, path, body string
			want               int
		}{
			{"GET", "/sightings/listSightings/" + one, "", 1},
			{"GET", "/sightings/listSightings/" + one + "/attribute", "", 1},
			{"GET", "/sightings/listSightings/" + event + "/event", "", 2},
			{"POST", "/sightings/listSightings", `{"id":"` + one + `"}`, 1},
			{"POST", "/sightings/listSightings", `{"id":` + one + `}`, 1},
			{"POST", "/sightings/listSightings", `{"id":"` + event + `","context":"event"}`, 2},
			{"POST", "/sightings/listSightings/" + event + "/event", `{"id":"` + one + `","context":"attribute"}`, 1},
			{"POST", "/sightings/listSightings", `{"id":"` + event + `","context":"event","org_id":"` + fmt.Sprint(w.A.ID) + `"}`, 2},
			{"POST", "/sightings/listSightings", `{"id":"` + event + `","context":"event","org_id":"999999"}`, 0},
			{"GET", "/sightings/listSightings/" + event + "/event/999999", "", 0},
		} {
			got := w.ask("user", c.method, c.path, c.body)
			var list []struct{ Sighting struct{ Source string } }
			if err := json.Unmarshal([]byte(got.body), &list); err != nil || len(list) != c.want {
				t.Errorf("%s %s %s: %d %s, want %d", c.method, c.path, c.body, got.status, got.body, c.want)
			}
		}
		if got := w.ask("user", "GET", "/sightings/listSightings/"+event, ""); got.status == 200 && strings.Contains(got.body, `"event_id":"`+event+`"`) {
			t.Errorf("an event's id passes for an attribute's: %s", got.body)
		}
	})
}

// TestTagsOfRelationsInClusters: relations that come in a cluster make the tags that nobody
// knows yet, for who may make tags, as those do that come alone; for others, and for who may
// not change the cluster, they make none.
func TestTagsOfRelationsInClusters(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		galaxy := grow(w)
		with := func(value, tag string) string {
			return `{"GalaxyCluster":{"value":"` + value + `","distribution":"1","GalaxyClusterRelation":[{"referenced_galaxy_cluster_uuid":"` + grown2 + `","referenced_galaxy_cluster_type":"similar","distribution":"1","tags":"` + tag + `"}]}}`
		}
		known := func(tag string) bool {
			return strings.Contains(w.ask("admin", "GET", "/tags/search/"+tag, "").body, tag)
		}
		made := w.saved("orgadmin", "/galaxy_clusters/add/"+galaxy, with("Alat", "novo-a"))
		uuid := made["uuid"].(string)
		if !known("novo-a") || !strings.Contains(fmt.Sprint(made["GalaxyClusterRelation"]), "novo-a") {
			t.Errorf("made: %v", made["GalaxyClusterRelation"])
		}
		made = w.saved("orgadmin", "/galaxy_clusters/edit/"+uuid, with("Alat", "novo-b"))
		if !known("novo-b") || !strings.Contains(fmt.Sprint(made["GalaxyClusterRelation"]), "novo-b") {
			t.Errorf("changed: %v", made["GalaxyClusterRelation"])
		}
		w.saved("user", "/galaxy_clusters/add/"+galaxy, with("Drugi", "novo-c"))
		if known("novo-c") {
			t.Error("who may not make tags made one")
		}
		if got := w.ask("orgadmin", "POST", "/galaxy_clusters/edit/"+grown1, with("x", "novo-d")); got.status == 200 || known("novo-d") {
			t.Errorf("a cluster of the catalogue: %d, known %v", got.status, known("novo-d"))
		}
	})
}
