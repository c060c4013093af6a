package app

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"straza/internal/format/tlp"
	"straza/internal/intel"
)

// TestRulePutsIntoACollection: from the rule on its page to what a sensor reads over TAXII.
func TestRulePutsIntoACollection(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		lead, analyst := w.person("lead", "CERT A"), w.person("analyst", "CERT A")
		_, err := w.h.Intel.SaveDefinition(context.Background(), w.actor(lead), "", intel.Definition{Alias: "by-rule", Title: "By rule", Readers: intel.ReadMembers, Ceiling: tlp.Green, Chosen: true}, false)
		must(t, err)
		w.post(lead, "/console/rules/new", url.Values{"trigger": {"event.published"}, "name": {"zebras go out"}, "active": {"1"}, "test.1.fact": {"words"}, "test.1.op": {"has"}, "test.1.value": {"zebra"},
			"do.collect": {"1"}, "with.collect.collection": {"by-rule"}})
		publish := func(info, value string) {
			rec := w.withKey(lead.key, "POST", "/events/add", `{"Event":{"info":"`+info+`","distribution":"1","published":true,"Tag":[{"name":"tlp:green"}],"Attribute":[{"type":"domain","category":"Network activity","value":"`+value+`","to_ids":true}]}}`)
			var told struct{ Event struct{ ID string } }
			if err := json.Unmarshal(rec.Body.Bytes(), &told); err != nil || told.Event.ID == "" {
				t.Fatalf("%d %s", rec.Code, rec.Body)
			}
			must(t, w.h.runner.Drain(context.Background()))
		}
		publish("a horse", "horse.example")
		publish("the zebra came", "zebra.example")
		r := w.request("GET", "/taxii2/straza/collections/by-rule/objects/?match[type]=indicator", "")
		r.Header.Set("Authorization", "Bearer "+analyst.key)
		rec := w.answer(r)
		if body := rec.Body.String(); rec.Code != 200 || !strings.Contains(body, "zebra.example") || strings.Contains(body, "horse.example") {
			t.Errorf("%d %s", rec.Code, body)
		}
	})
}
