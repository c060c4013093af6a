package intelmisp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Spec misp §3, objects/restSearch (measured): the objects by their ids, not by the
// attributes that were found; both halves of a value; tags as links; page by page the same.
func TestObjectsAreFoundByTheirIds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		event := w.made("user", `{"info":"x","distribution":1}`)
		add := func(name string) string {
			got := w.ask("user", "POST", "/objects/add/"+event, `{"name":"`+name+`","meta-category":"network","description":"d","Attribute":[{"type":"ip-dst|port","object_relation":"ip","value":"198.51.100.7|443"}]}`)
			var v struct{ Object struct{ ID, UUID string } }
			if json.Unmarshal([]byte(got.body), &v) != nil || v.Object.ID == "" {
				t.Fatal(got.body)
			}
			return v.Object.ID
		}
		first, second := add("one"), add("two")
		// An attribute of the first is younger than the second's.
		got := w.ask("user", "POST", "/objects/edit/"+first, `{"Attribute":[{"type":"domain","object_relation":"domain","value":"late.example","category":"Network activity"}]}`)
		if got.status != 200 {
			t.Fatal(got.body)
		}
		type found struct {
			Object struct {
				ID              string
				ObjectReference []any
				Event           struct{ Info string }
				Attribute       []struct {
					UUID, Value, Value1, Value2 string
					Galaxy, ShadowAttribute     []any
					AttributeTag                []struct {
						TagID string `json:"tag_id"`
						Tag   struct{ Name string }
					}
				}
			}
		}
		search := func(body string) []found {
			got := w.ask("user", "POST", "/objects/restSearch", body)
			var v struct{ Response []found }
			if err := json.Unmarshal([]byte(got.body), &v); err != nil || got.status != 200 {
				t.Fatalf("%d %v %s", got.status, err, got.body)
			}
			return v.Response
		}
		ids := func(list []found) (out []string) {
			for _, f := range list {
				out = append(out, f.Object.ID)
			}
			return out
		}
		all := search(`{}`)
		if !slices.Equal(ids(all), []string{first, second}) || all[0].Object.Event.Info != "x" {
			t.Fatalf("%+v", all)
		}
		for i, want := range all {
			if one := search(fmt.Sprintf(`{"limit":1,"page":%d}`, i+1)); !slices.Equal(ids(one), ids(all[i:i+1])) {
				t.Errorf("page %d holds %+v, not %s", i+1, one, want.Object.ID)
			}
		}
		if got := search(`{"limit":1,"page":3}`); len(got) != 0 {
			t.Errorf("behind the last page: %+v", got)
		}
		at := all[1].Object.Attribute[0]
		if at.Value1 != "198.51.100.7" || at.Value2 != "443" || at.AttributeTag == nil || at.Galaxy != nil || at.ShadowAttribute != nil || all[1].Object.ObjectReference != nil {
			t.Errorf("%+v", at)
		}
		if got := w.ask("admin", "POST", "/tags/attachTagToObject", `{"uuid":"`+at.UUID+`","tag":"tlp:green"}`); got.status != 200 {
			t.Fatal(got.body)
		}
		at = search(`{"type":"ip-dst|port"}`)[0].Object.Attribute[0]
		if len(at.AttributeTag) != 1 || at.AttributeTag[0].Tag.Name != "tlp:green" || at.AttributeTag[0].TagID == "" {
			t.Errorf("%+v", at.AttributeTag)
		}
	})
}

// TestObjectOfATemplateInThePath: objects/add/<event>/<template> takes name, description and
// class from the template that the path names.
func TestObjectOfATemplateInThePath(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		event := w.made("user", `{"info":"x","distribution":"0"}`)
		var list []struct {
			ObjectTemplate struct{ ID, UUID, Name string }
		}
		w.Must(json.Unmarshal([]byte(w.told("admin", "/objectTemplates/index", "")), &list))
		if len(list) == 0 {
			t.Fatal("no templates here")
		}
		for _, ref := range []string{list[0].ObjectTemplate.ID, list[0].ObjectTemplate.UUID} {
			got := w.ask("user", "POST", "/objects/add/"+event+"/"+ref, `{"Attribute":[{"type":"text","object_relation":"r","value":"v`+ref+`"}]}`)
			if got.status != 200 || !strings.Contains(got.body, `"name":"`+list[0].ObjectTemplate.Name+`"`) || !strings.Contains(got.body, list[0].ObjectTemplate.UUID) {
				t.Errorf("%s: %d %s", ref, got.status, got.body)
			}
		}
		if got := w.ask("user", "POST", "/objects/add/"+event+"/999999", `{"Attribute":[{"type":"text","object_relation":"r","value":"w"}]}`); got.status == 200 {
			t.Errorf("of none: %s", got.body)
		}
	})
}
