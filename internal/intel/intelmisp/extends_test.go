package intelmisp

import (
	"encoding/json"
	"strings"
	"testing"
)

// Spec misp §5.1: extends_uuid may be given as an id. It becomes the UUID of the event
// that the caller sees under it; an id of nobody's, or of an event that is hidden, names
// none and tells nothing, and what is neither is refused.
func TestExtendsByID(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		event := func(as, path, body string) map[string]any {
			t.Helper()
			got := w.ask(as, "POST", path, body)
			var v struct{ Event map[string]any }
			if err := json.Unmarshal([]byte(got.body), &v); err != nil || v.Event == nil {
				t.Fatalf("%s %s: %d %s", as, path, got.status, got.body)
			}
			return v.Event
		}
		first := event("user", "/events/add", `{"info":"first","distribution":1}`)
		id, uuid := first["id"].(string), first["uuid"].(string)
		hidden := event("other", "/events/add", `{"info":"hidden","distribution":0}`)["id"].(string)
		for given, want := range map[string]string{id: uuid, strings.ToUpper(uuid): uuid, "": "", hidden: "", "999999": "", "0": ""} {
			if e := event("user", "/events/add", `{"info":"more","distribution":1,"extends_uuid":"`+given+`"}`); e["extends_uuid"] != want {
				t.Errorf("added with %q: %v, want %q", given, e["extends_uuid"], want)
			}
		}
		own := event("user", "/events/add", `{"info":"later","distribution":1}`)["id"].(string)
		if e := event("user", "/events/edit/"+own, `{"extends_uuid":"`+id+`"}`); e["extends_uuid"] != uuid {
			t.Errorf("edited: %v, want %s", e["extends_uuid"], uuid)
		}
		if e := event("user", "/events/edit/"+own, `{"info":"named anew"}`); e["extends_uuid"] != uuid {
			t.Errorf("an edit that does not speak of it: %v", e["extends_uuid"])
		}
		if got := w.ask("user", "GET", "/events/view/"+id+"/extended:1", ""); !strings.Contains(got.body, "named anew") {
			t.Errorf("the extended event does not name who extends it: %.300s", got.body)
		}
		if got := w.ask("user", "POST", "/events/add", `{"info":"x","extends_uuid":"that one"}`); got.status != 403 || !strings.Contains(got.body, "extends_uuid") {
			t.Errorf("neither id nor UUID: %d %s", got.status, got.body)
		}
	})
}
