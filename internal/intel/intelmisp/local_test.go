package intelmisp

import (
	"encoding/json"
	"strings"
	"testing"
)

// Spec misp §5.2: a key that synchronises never gets local tags, wherever it reads, nor the
// clusters that they stand for; whoever asks to be spared them does not either.
func TestLocalTagsStayHere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		cluster := w.saved("user", "/galaxy_clusters/add/"+grow(w), `{"GalaxyCluster":{"value":"Local guess","distribution":1}}`)
		var v struct {
			Event struct {
				ID, UUID  string
				Attribute []struct{ ID, UUID string }
			}
		}
		if got := w.ask("user", "POST", "/events/add", `{"info":"x","distribution":1,"Tag":[{"name":"tlp:green"}],"Attribute":[{"type":"domain","value":"x.example"}]}`); json.Unmarshal([]byte(got.body), &v) != nil || len(v.Event.Attribute) != 1 {
			t.Fatal(got.body)
		}
		for _, uuid := range []string{v.Event.UUID, v.Event.Attribute[0].UUID} {
			for _, tag := range []string{"ours:only", cluster["tag_name"].(string)} {
				body, _ := json.Marshal(map[string]any{"uuid": uuid, "tag": tag, "local": 1})
				if got := w.ask("admin", "POST", "/tags/attachTagToObject", string(body)); got.status != 200 || !strings.Contains(got.body, "successfully") {
					t.Fatal(got.body)
				}
			}
		}
		for _, c := range [][3]string{
			{"GET", "/events/view/" + v.Event.ID}, {"GET", "/events/index"}, {"POST", "/events/index", `{"minimal":0}`}, {"GET", "/attributes/view/" + v.Event.Attribute[0].ID},
			{"POST", "/events/restSearch", `{}`}, {"POST", "/events/restSearch", `{"returnFormat":"csv","includeContext":1}`}, {"POST", "/events/restSearch", `{"returnFormat":"context"}`},
			{"POST", "/events/restSearch", `{"returnFormat":"stix2"}`}, {"POST", "/events/restSearch", `{"returnFormat":"xml"}`}, {"POST", "/attributes/restSearch", `{"includeEventTags":1,"includeContext":1}`},
			{"POST", "/attributes/restSearch", `{"returnFormat":"csv","includeContext":1}`}, {"POST", "/attributes/restSearch", `{"returnFormat":"stix2"}`}, {"POST", "/objects/restSearch", `{}`},
		} {
			got := w.ask("sync", c[0], c[1], c[2])
			if got.status != 200 || strings.Contains(got.body, "ours:only") || strings.Contains(got.body, "Local guess") || strings.Contains(got.body, cluster["uuid"].(string)) {
				t.Errorf("%v: %d, local things leave: %s", c, got.status, got.body)
			}
		}
		for _, as := range []string{"user", "other"} { // people of this installation read them
			if got := w.ask(as, "POST", "/events/restSearch", `{}`); !strings.Contains(got.body, "ours:only") || !strings.Contains(got.body, "Local guess") {
				t.Errorf("%s does not see them: %s", as, got.body)
			}
		}
		if got := w.ask("user", "POST", "/events/restSearch", `{"excludeLocalTags":1}`); strings.Contains(got.body, "ours:only") || strings.Contains(got.body, "Local guess") {
			t.Errorf("asked not to: %s", got.body)
		}
	})
}
