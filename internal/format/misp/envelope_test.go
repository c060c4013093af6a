package misp

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRecordedEnvelopes rebuilds envelopes of a real server from controller,
// action and id alone.
func TestRecordedEnvelopes(t *testing.T) {
	errs := func(v any) Outcome { return Outcome{Errors: v} }
	cases := map[string]struct {
		o       Outcome
		success bool
	}{
		"taxonomy.toggleRequired":  {Outcome{Controller: "Taxonomies", Action: "toggleRequired", ID: "141"}, true},
		"taxonomy.enable":          {Outcome{Controller: "taxonomies", Action: "enable", ID: "141"}, true},
		"taxonomy.disable":         {Outcome{Controller: "Taxonomies", Action: "disable", ID: "141"}, true},
		"obj.delete.soft":          {Outcome{Controller: "Objects", Action: "delete", ID: "18"}, true},
		"ref.delete":               {Outcome{Controller: "ObjectReferences", Action: "delete", ID: "1"}, true},
		"org.delete":               {Outcome{Controller: "Organisations", Action: "admin_delete", ID: "6"}, true},
		"gcluster.restore.default": {Outcome{Controller: "GalaxyClusters", Action: "restore", ID: "1"}, true},
		"event.publish":            {Outcome{Controller: "Events", Action: "publish", ID: "2", Message: "Job queued"}, true},
		"auth_keys.delete":         {Outcome{Controller: "auth_keys", Action: "delete", ID: 11, Message: "AuthKey deleted."}, true},
		"serverSettings.edit":      {Outcome{Controller: "Servers", Action: "serverSettingsEdit", Message: "Field updated"}, true},
		"attr.add.invalid":         {errs(FieldErrors(&Invalid{"value", badIP})).on("Attributes", "add", nil), false},
		"event.add.no_info":        {errs(map[string]any{"Event": map[string]any{"info": []string{MsgInfoEmpty}}}).on("Events", "add", nil), false},
		"event.edit.old_timestamp": {errs(MsgEventNotNewer).on("Events", "edit", "2"), false},
		"event.delete.other":       {errs("Event was not deleted.").on("Events", "delete", nil), false},
		"obj.add.no_attributes":    {errs("Could not save the object as no attributes were set.").on("objects", "add", "18/"), false},
		"org.add.duplicate":        {errs(FieldErrors(&Invalid{"name", "An organisation with this name already exists."})).on("Organisations", "admin_add", nil), false},
		"auth_keys.add.bad_ip":     {errs(FieldErrors(&Invalid{"allowed_ips", "300.1.1.1 is not valid IP range"})).on("auth_keys", "add", nil), false},
		"report.add.no_name":       {errs("This field cannot be left blank").on("EventReports", "add", nil), false},
		"sg.delete":                {errs("The sharing group could not be deleted.").on("SharingGroups", "delete", "1"), false},
		"sg.add.no_releasability":  {errs("Could not save sharing group.").on("SharingGroups", "add", nil), false},
		"taxonomy.addTag":          {errs("The tag(s) could not be saved. Please, try again.").on("Taxonomies", "addTag", nil), false},
		"attr.edit.invalid":        {errs(FieldErrors(&Invalid{"type", "Options depend on the selected category."}, &Invalid{"value", second(normalHash("bad", 32, ""))})).on("Attributes", "edit", nil), false},
		"tag.attach.local_by_user": {errs(`Failed to attach 1 tags. Reasons: {"0":"Local tags can only be added by users of the host organisation."}`).on("Tags", "attachTagToObject", nil), false},
	}
	seen := map[string]bool{}
	for _, r := range recordings(t) {
		c, ok := cases[r.Name]
		if !ok || seen[r.Name] {
			continue
		}
		seen[r.Name] = true
		got := Failure(c.o)
		if c.success {
			got = Success(c.o)
		}
		if want := compacted(t, r.ResponseBody); want != string(got) {
			t.Errorf("%s:\nwant %s\ngot  %s", r.Name, want, got)
		}
	}
	for name := range cases {
		if !seen[name] {
			t.Errorf("no recording named %s", name)
		}
	}
}

func (o Outcome) on(controller, action string, id any) Outcome {
	o.Controller, o.Action, o.ID = controller, action, id
	return o
}

func second(_, s string) string { return s }

// TestRecordedFaults: the exception form, and the texts we name, are the server's.
func TestRecordedFaults(t *testing.T) {
	texts := map[string]string{
		"auth.wrong_key": MsgAuthFailed, "auth.readonly_key.post_add": MsgNoFunction, "attr.add.other_org": MsgNoPermission,
		"route.unknown_controller": MsgNotFound, "route.bad_json": MsgBadJSON, "route.empty_body": MsgNoEventData,
		"attr.delete.get": MsgPostOnly, "event.add.existing_uuid": MsgEventExists, "attr.edit.old_timestamp": MsgAttrNotNewer,
		"event.add.sg_missing": MsgBadSharing, "rs.attributes.fmt.context": MsgBadFormat, "tag.attach.unknown_target": MsgBadTarget,
		"route.get_restsearch_noparams": MsgEmptySearch, "event.edit.by_other_org": MsgNotAuthorised, "route.get_on_post_only.delete": MsgInternal,
	}
	for _, r := range recordings(t) {
		text, ok := texts[r.Name]
		if !ok {
			continue
		}
		var b struct{ URL string }
		if err := json.Unmarshal(r.ResponseBody, &b); err != nil {
			t.Fatal(err)
		}
		if want, got := compacted(t, r.ResponseBody), string(Fault(text, b.URL)); want != got {
			t.Errorf("%s:\nwant %s\ngot  %s", r.Name, want, got)
		}
		delete(texts, r.Name)
	}
	for name := range texts {
		t.Errorf("no recording named %s", name)
	}
}

func TestInflections(t *testing.T) {
	for _, tc := range []struct{ name, single, under, human, variable string }{
		{"EventReports", "EventReport", "event_reports", "Event Reports", "eventReports"},
		{"Taxonomies", "Taxonomy", "taxonomies", "Taxonomies", "taxonomies"},
		{"GalaxyClusterBlocklists", "GalaxyClusterBlocklist", "galaxy_cluster_blocklists", "Galaxy Cluster Blocklists", "galaxyClusterBlocklists"},
		{"AnalystData", "AnalystData", "analyst_data", "Analyst Data", "analystData"},
		{"News", "News", "news", "News", "news"},
		{"Communities", "Community", "communities", "Communities", "communities"},
		{"ShadowAttributes", "ShadowAttribute", "shadow_attributes", "Shadow Attributes", "shadowAttributes"},
	} {
		got := []string{Singularize(tc.name), Underscore(tc.name), Humanize(Underscore(tc.name)), Variable(Underscore(tc.name)), Camelize(tc.under), Pluralize(tc.single), Tableize(tc.single)}
		want := []string{tc.single, tc.under, tc.human, tc.variable, tc.name, tc.name, tc.under}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", tc.name, d)
		}
	}
}

func TestPrettyWriter(t *testing.T) {
	in := `{"a":[],"b":{},"c":[1,{"d":"x,\"}{ y"}],"e":null}`
	want := "{\n    \"a\": [],\n    \"b\": {},\n    \"c\": [\n        1,\n        {\n            \"d\": \"x,\\\"}{ y\"\n        }\n    ],\n    \"e\": null\n}"
	for _, step := range []int{1, 3, len(in)} {
		var out bytes.Buffer
		p := NewPrettyWriter(&out)
		for i := 0; i < len(in); i += step {
			if _, err := p.Write([]byte(in[i:min(i+step, len(in))])); err != nil {
				t.Fatal(err)
			}
		}
		if d := cmp.Diff(want, out.String()); d != "" {
			t.Errorf("in steps of %d: %s", step, d)
		}
	}
}
