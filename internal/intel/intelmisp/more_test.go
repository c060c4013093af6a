package intelmisp

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/mail"
)

func (w *world) letters() []mail.Letter {
	w.T.Helper()
	list, err := w.post.ListCaught(context.Background(), 0)
	w.Must(err)
	return list
}

// made adds an event as somebody and gives its UUID.
func (w *world) made(as, doc string) string {
	w.T.Helper()
	got := w.ask(as, "POST", "/events/add", doc)
	var v struct{ Event struct{ UUID string } }
	if err := json.Unmarshal([]byte(got.body), &v); err != nil || v.Event.UUID == "" {
		w.T.Fatalf("%d %s", got.status, got.body)
	}
	return v.Event.UUID
}

// A question reaches the people of the organisation who may read the event: number,
// link, who asks, their words; nothing of the event. What is hidden is absent, a strict
// label keeps words back, and nobody writes without end.
func TestContactReachesTheOrganisation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		uuid := w.made("orgadmin", `{"info":"tajni naslov","distribution":"1","Attribute":[{"type":"domain","value":"tajni.example.rs"}]}`)
		got := w.ask("other", "POST", "/events/contact/"+uuid, `{"message":"Molim za uzorak"}`)
		if got.status != http.StatusOK || !strings.Contains(got.body, `"name":"Email sent to the reporter."`) {
			t.Fatalf("%d %s", got.status, got.body)
		}
		list := w.letters()
		if len(list) < 3 {
			t.Fatalf("%d letters", len(list))
		}
		for _, l := range list {
			if !strings.Contains(l.Body, "Molim za uzorak") || l.ReplyTo != "other@example.rs" || strings.Contains(l.Body+l.Subject, "tajni") || !strings.Contains(l.Body, "/portal/events/") {
				t.Errorf("letter %+v", l)
			}
		}
		before := len(list)
		w.ask("other", "POST", "/events/contact/"+uuid, `{"message":"x","person":true}`)
		if n := len(w.letters()) - before; n != 1 {
			t.Errorf("to the maker alone: %d letters", n)
		}
		w.ask("other", "POST", "/events/contact/"+uuid, `{"message":"x","person":"1"}`)
		if got := w.ask("other", "POST", "/events/contact/"+uuid, `{"message":"x"}`); got.status != http.StatusTooManyRequests {
			t.Errorf("the fourth: %d %s", got.status, got.body)
		}
		red := w.made("orgadmin", `{"info":"x","distribution":"1","Tag":[{"name":"tlp:red"}]}`)
		if got := w.ask("other", "POST", "/events/contact/"+red, `{"message":"tajna"}`); got.status != http.StatusForbidden || strings.Contains(got.body, "Email sent") {
			t.Errorf("RED with words: %d %s", got.status, got.body)
		}
		if got := w.ask("other", "POST", "/events/contact/"+red, `{}`); got.status != http.StatusOK {
			t.Errorf("RED without words: %d %s", got.status, got.body)
		}
		hidden := w.made("orgadmin", `{"info":"x","distribution":"0"}`)
		a, b := w.ask("other", "POST", "/events/contact/"+hidden, `{"message":"x"}`), w.ask("other", "POST", "/events/contact/"+w.DB.NewUUID(), `{"message":"x"}`)
		if a.status != http.StatusNotFound || b.status != a.status {
			t.Errorf("hidden %d, absent %d", a.status, b.status)
		}
		if got := w.ask("rokey", "POST", "/events/contact/"+uuid, `{"message":"x"}`); got.status != http.StatusForbidden {
			t.Errorf("read-only: %d", got.status)
		}
	})
}

// Favourites are one person's alone, and do not tell of tags that are hidden.
func TestFavouriteTags(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.made("orgadmin", `{"info":"x","distribution":"0","Tag":[{"name":"tajna:oznaka"}]}`)
		var tag struct{ Tag struct{ ID string } }
		w.Must(json.Unmarshal([]byte(w.ask("orgadmin", "POST", "/tags/add", `{"name":"drag:o"}`).body), &tag))
		ask := func(as, ref string) string {
			return w.ask(as, "POST", "/favourite_tags/toggle", `{"FavouriteTag":{"data":"`+ref+`"}}`).body
		}
		if got := ask("user", tag.Tag.ID); got != `{"saved":true,"success":"Tag added to favourites.","check_publish":true}` {
			t.Error(got)
		}
		if got := w.ask("user", "GET", "/tags/index/1", "").body; !strings.Contains(got, "drag:o") || !strings.Contains(got, `"favourite":true`) || strings.Count(got, `"name"`) != 1 {
			t.Errorf("%.300s", got)
		}
		if got := w.ask("publisher", "GET", "/tags/index/1", "").body; got != `{"Tag":[]}` {
			t.Errorf("somebody else's: %.300s", got)
		}
		if a, b := ask("other", "tajna:oznaka"), ask("other", "nema:ovoga"); a != b || !strings.Contains(a, "Invalid tag.") {
			t.Errorf("hidden %s, absent %s", a, b)
		}
		if got := ask("user", tag.Tag.ID); !strings.Contains(got, "Tag removed from favourites.") {
			t.Error(got)
		}
		ask("user", tag.Tag.ID)
		if got := w.ask("admin", "POST", "/tags/delete/"+tag.Tag.ID, ""); got.status != http.StatusOK {
			t.Errorf("a favourite cannot be deleted: %d %s", got.status, got.body)
		}
	})
}

// Notice lists are listed, read, switched; the texts are those of PyMISP's own tests.
func TestNoticeLists(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var list []struct {
			Noticelist struct {
				ID, Name string
				Enabled  bool
				Ref      []string
			}
		}
		w.Must(json.Unmarshal([]byte(w.ask("user", "GET", "/noticelists", "").body), &list))
		if len(list) != 1 || list[0].Noticelist.Enabled || len(list[0].Noticelist.Ref) == 0 {
			t.Fatalf("%+v", list)
		}
		id := list[0].Noticelist.ID
		if got := w.ask("user", "GET", "/noticelists/view/"+id, ""); !strings.Contains(got.body, `"NoticelistEntry":[{"id":"1"`) {
			t.Errorf("%d %.200s", got.status, got.body)
		}
		for path, want := range map[string]string{"/noticelists/enableNoticelist/" + id + "/true": `"enabled":true`, "/noticelists/enableNoticelist/" + id: `"enabled":false`} {
			if got := w.ask("admin", "POST", path, ""); got.status != http.StatusOK || !strings.Contains(got.body, want) {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
		if got := w.ask("admin", "POST", "/noticelists/toggleEnable", `{"Noticelist":{"data":`+id+`}}`); !strings.Contains(got.body, `"saved":true`) {
			t.Error(got.body)
		}
		if got := w.ask("user", "GET", "/noticelists/view/4711", ""); got.status != http.StatusNotFound {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

// What stands everywhere is told to the site administrator, who may exclude it.
func TestOverCorrelationIsShown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 3 {
			w.made("orgadmin", `{"info":"x","distribution":"0","Attribute":[{"type":"domain","value":"svuda.example.rs"},{"type":"comment","value":"isto"}]}`)
		}
		got := w.ask("admin", "POST", "/correlations/overCorrelations", `{"limit":3}`)
		if got.status != http.StatusOK || got.body != `[{"OverCorrelatingValue":{"id":"1","value":"svuda.example.rs","occurrence":"3","excluded":false}}]` {
			t.Errorf("%d %s", got.status, got.body)
		}
		w.ask("admin", "POST", "/correlation_exclusions/add", `{"value":"svuda.example.rs"}`)
		if got := w.ask("admin", "GET", "/correlations/top", ""); !strings.Contains(got.body, `"count":"3","excluded":true`) {
			t.Errorf("%d %s", got.status, got.body)
		}
		if got := w.ask("orgadmin", "GET", "/correlations/top", ""); got.status != http.StatusForbidden {
			t.Errorf("no administrator: %d %s", got.status, got.body)
		}
	})
}

// A key is replaced by one that reaches as far; the old one is dead.
func TestResetKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.hand("spent", "user@example.rs", newKeyOf("misp"))
		got := w.ask("spent", "POST", "/users/resetauthkey/me", "")
		_, secret, ok := strings.Cut(got.body, `"message":"Authkey updated: `)
		if secret, _, _ = strings.Cut(secret, `"`); !ok || len(secret) != 40 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		if got := w.ask("spent", "GET", "/users/view/me", ""); got.status != http.StatusForbidden {
			t.Errorf("the old key: %d", got.status)
		}
		if got := w.ask("", "GET", "/users/view/me", "", "Authorization", secret); got.status != http.StatusOK {
			t.Errorf("the new one: %d %s", got.status, got.body)
		}
		if got := w.ask("admin", "POST", "/users/resetauthkey/4711", ""); got.status != http.StatusForbidden {
			t.Errorf("somebody else's: %d %s", got.status, got.body)
		}
	})
}

// Labels bind a key of a role that synchronises, whatever its program is called; a
// person's key reads by distribution, and one's own comes always.
func TestLabelsBindTheRole(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		amber := w.made("orgadmin", `{"info":"amber","distribution":"3","published":true,"Tag":[{"name":"tlp:amber"}],"Attribute":[{"type":"domain","value":"a.example.rs"}]}`)
		mine := w.made("sync", `{"info":"own","distribution":"1","Tag":[{"name":"tlp:red"}]}`)
		for as, want := range map[string]int{"sync": http.StatusNotFound, "other": http.StatusOK, "user": http.StatusOK, "admin": http.StatusOK} {
			for _, agent := range []string{"PyMISP 2.5.34", "MISP 2.5.20 - #abc", "curl/8"} {
				if got := w.ask(as, "GET", "/events/view/"+amber, "", "User-Agent", agent); got.status != want {
					t.Errorf("%s as %s: %d, want %d", as, agent, got.status, want)
				}
			}
		}
		if got := w.ask("sync", "GET", "/events/view/"+mine, ""); got.status != http.StatusOK {
			t.Errorf("one's own: %d", got.status)
		}
		if got := w.ask("sync", "POST", "/events/index", `{"minimal":1}`); strings.Contains(got.body, amber) {
			t.Errorf("listed: %s", got.body)
		}
	})
}

// TestLabelsBindEveryWayOut: what a label keeps from a key that synchronises comes by none
// of the ways that lead to it: neither the event, nor a part of it, nor how many there are.
func TestLabelsBindEveryWayOut(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const part, parts = "47474747-1111-4111-8111-111111111111", "47474747-2222-4222-8222-222222222222"
		red := w.made("orgadmin", `{"info":"tajni naslov","distribution":"3","published":true,"Tag":[{"name":"tlp:red"}],
			"Attribute":[{"uuid":"`+part+`","type":"domain","value":"tajni.example.rs","comment":"zajednicko","to_ids":true},{"type":"domain","value":"isto.example.rs","to_ids":true}],
			"Object":[{"uuid":"`+parts+`","name":"file","meta-category":"file","distribution":"5","Attribute":[{"object_relation":"filename","type":"filename","value":"tajni.exe","to_ids":true}]}],
			"EventReport":[{"uuid":"47474747-3333-4333-8333-333333333333","name":"tajni izvestaj","content":"tajni","distribution":"5"}]}`)
		open := w.made("orgadmin", `{"info":"otvoren","distribution":"3","published":true,"Tag":[{"name":"tlp:clear"}],
			"Attribute":[{"type":"domain","value":"isto.example.rs","to_ids":true},{"uuid":"47474747-4444-4444-8444-444444444444","type":"domain","value":"tajnired.example.rs","to_ids":true,"Tag":[{"name":"tlp:red"}]}]}`)
		w.made("orgadmin", `{"info":"tajni dodatak","distribution":"3","published":true,"extends_uuid":"`+open+`","Tag":[{"name":"tlp:red"}],"Attribute":[{"type":"domain","value":"tajnidodatak.example.rs"}]}`)
		const own = "47474747-4444-4444-8444-444444444444" // stricter than its event
		w.ask("other", "POST", "/sightings/add", `{"uuid":"`+part+`","source":"tajni izvor"}`)
		w.ask("other", "POST", "/sightings/add", `{"uuid":"`+own+`","source":"tajni izvor"}`)
		if got := w.ask("orgadmin", "POST", "/analyst_data/add/Note", `{"object_uuid":"`+red+`","object_type":"Event","note":"tajni komentar","distribution":"3"}`); got.status != http.StatusOK {
			t.Fatalf("note: %d %s", got.status, got.body)
		}
		w.ask("other", "POST", "/shadow_attributes/add/"+red, `{"type":"domain","value":"tajnipredlog.example.rs","category":"Network activity"}`)
		number := func(uuid string) string {
			var doc struct{ Event struct{ ID string } }
			w.Must(json.Unmarshal([]byte(w.ask("orgadmin", "GET", "/events/view/"+uuid, "").body), &doc))
			return doc.Event.ID
		}
		posts := map[string][]string{}
		for _, f := range []string{"json", "xml", "csv", "stix2", "text", "hosts", "suricata", "hashes", "cache", "context", "attack", "count", "opendata"} {
			posts["/events/restSearch"] = append(posts["/events/restSearch"], `{"returnFormat":"`+f+`","includeContext":1}`)
			posts["/attributes/restSearch"] = append(posts["/attributes/restSearch"], `{"returnFormat":"`+f+`","includeContext":1,"includeCorrelations":1}`)
		}
		posts["/objects/restSearch"] = []string{`{}`}
		posts["/sightings/restSearch/event"] = []string{`{"includeAttribute":true,"includeEvent":true}`, `{"returnFormat":"csv"}`, `{"uuid":["` + open + `","` + red + `"],"returnFormat":"csv"}`}
		posts["/sightings/restSearch/attribute"] = []string{`{"uuid":"` + own + `"}`, `{"uuid":"` + part + `","returnFormat":"csv"}`}
		posts["/sightings/listSightings"] = []string{`{"id":"` + number(red) + `","context":"event"}`, `{"id":"` + number(open) + `","context":"event"}`}
		for typ, to := range map[string]string{"Event": red, "Attribute": part, "Object": parts} {
			body := `{"object_uuid":"` + open + `","object_type":"Event","related_object_uuid":"` + to + `","related_object_type":"` + typ + `","relationship_type":"related-to","distribution":"3"}`
			for _, as := range []string{"orgadmin", "sync"} {
				if got := w.ask(as, "POST", "/analyst_data/add/Relationship", body); got.status != http.StatusOK || strings.Contains(got.body, `"related_object"`) && as == "sync" || strings.Contains(got.body, "tajni") != (as == "orgadmin" && typ != "Object") {
					t.Errorf("%s relates %s: %d %s", as, typ, got.status, got.body)
				}
			}
		}
		posts["/shadow_attributes/index"] = []string{`{"all":1}`}
		posts["/events/index"] = []string{`{}`, `{"minimal":1}`}
		posts["/attributes/index"] = []string{`{}`}
		posts["/attributes/attributeStatistics/type"] = []string{`{}`}
		for path, bodies := range posts {
			for _, body := range bodies {
				told := w.ask("other", "POST", path, body)
				got := w.ask("sync", "POST", path, body)
				if n := got.header.Get("X-Result-Count"); strings.Contains(got.body, "tajni") || strings.Contains(got.body, red) || n != "" && n != "0" && n == told.header.Get("X-Result-Count") && strings.Contains(told.body, "tajni") {
					t.Errorf("%s %s: %d, %s of %s: %.300s", path, body, got.status, n, told.header.Get("X-Result-Count"), got.body)
				}
			}
		}
		for _, path := range []string{"/events/view/" + red, "/events/view/" + open, "/events/view/" + open + "/extended:1", "/events/csv/download/" + red, "/attributes/view/" + part, "/attributes/index", "/objects/view/" + parts,
			"/event_reports/view/47474747-3333-4333-8333-333333333333", "/event_reports/index/event_id:" + red, "/event_reports/index", "/attributes/download/" + part, "/attributes/text/download/domain", "/events/nids/suricata/download", "/attributes/rpz/download",
			"/sightings/index/" + number(red), "/sightings/index/" + number(open), "/analyst_data/index/Note", "/analyst_data/index/Relationship"} {
			if got := w.ask("sync", "GET", path, ""); strings.Contains(got.body, "tajni") {
				t.Errorf("%s: %d %.300s", path, got.status, got.body)
			}
		}
	})
}

// TestLabelOfAPartBindsWhatHangsOnIt: proposals, remarks, an object's edit and the clusters of an
// event give a peer nothing of an attribute or event that a label keeps from it.
func TestLabelOfAPartBindsWhatHangsOnIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const part, whole, far = "50505050-1111-4111-8111-111111111111", "50505050-2222-4111-8111-111111111111", "50505050-3333-4111-8111-111111111111"
		const event = "50505050-4444-4111-8111-111111111111"
		if got := w.ask("admin", "POST", "/events/add", `{"uuid":"`+event+`","info":"otvoren","distribution":"3","published":true,"locked":true,"timestamp":"1700000000","Orgc":{"name":"Far","uuid":"`+far+`"},"Tag":[{"name":"tlp:clear"}],
			"Attribute":[{"uuid":"`+part+`","type":"domain","value":"tajni.example.rs","Tag":[{"name":"tlp:red"}]}],
			"Object":[{"uuid":"`+whole+`","name":"file","timestamp":"1700000000","distribution":"5","Attribute":[{"object_relation":"filename","type":"filename","value":"javno.exe"},
				{"object_relation":"filename","type":"filename","value":"tajni.exe","Tag":[{"name":"tlp:red"}]}]}]}`); got.status != http.StatusOK {
			t.Fatal(got.body)
		}
		red := w.made("orgadmin", `{"info":"tajni","distribution":"3","published":true,"Tag":[{"name":"tlp:red"}]}`)
		for _, about := range []string{part, red} {
			typ := "Attribute"
			if about == red {
				typ = "Event"
			}
			if got := w.ask("orgadmin", "POST", "/analyst_data/add/Note", `{"object_uuid":"`+about+`","object_type":"`+typ+`","note":"tajni komentar","distribution":"3"}`); got.status != http.StatusOK {
				t.Fatal(got.body)
			}
		}
		uuidOf := func(body string) string {
			var doc struct{ Note struct{ UUID string } }
			w.Must(json.Unmarshal([]byte(body), &doc))
			return doc.Note.UUID
		}
		note := uuidOf(w.ask("orgadmin", "POST", "/analyst_data/add/Note", `{"object_uuid":"`+part+`","object_type":"Attribute","note":"tajni dodatak","distribution":"3"}`).body)
		open := uuidOf(w.ask("orgadmin", "POST", "/analyst_data/add/Note", `{"object_uuid":"`+event+`","object_type":"Event","note":"javno","distribution":"3"}`).body)
		if got := w.ask("other", "POST", "/shadow_attributes/edit/"+part, `{"value":"tajnipredlog.example.rs"}`); got.status != http.StatusOK {
			t.Fatal(got.body)
		}
		var proposal struct {
			ShadowAttribute struct{ ID string }
		}
		w.Must(json.Unmarshal([]byte(w.ask("other", "POST", "/shadow_attributes/edit/"+part, `{"value":"tajnidva.example.rs"}`).body), &proposal))
		for path, body := range map[string]string{
			"/shadow_attributes/index":                               `{"all":1}`,
			"/shadow_attributes/index/" + event:                      "",
			"/shadow_attributes/view/" + proposal.ShadowAttribute.ID: "",
			"/analyst_data/index/Note":                               "",
			"/analyst_data/view/Note/" + note:                        "",
			"/shadow_attributes/edit/" + part:                        `{"to_ids":true}`,
			"/objects/edit/" + whole:                                 `{"comment":"x","timestamp":"1700000001"}`,
			"/shadow_attributes/add/" + red:                          `{"type":"domain","value":"x.example.rs","category":"Network activity"}`,
			"/shadow_attributes/delete/" + part:                      `{}`,
		} {
			got := w.told("sync", path, body)
			if strings.Contains(got, "tajni") || strings.Contains(got, `"success"`) {
				t.Errorf("%s %s: %.300s", path, body, got)
			}
		}
		got := w.told("sync", "/analyst_data/indexMinimal", `{}`)
		if strings.Contains(got, note) || !strings.Contains(got, open) {
			t.Errorf("minimal: %s", got)
		}
		if got := w.told("other", "/analyst_data/indexMinimal", `{}`); !strings.Contains(got, note) {
			t.Errorf("minimal of a person: %s", got)
		}
		if got := w.told("other", "/analyst_data/index/Note", ""); strings.Count(got, "tajni") != 3 {
			t.Errorf("notes of a person: %s", got)
		}
		// Neither is it found by what it holds: whether a value is here is not told.
		for _, body := range []string{`{"value":"tajni.example.rs"}`, `{"searchall":"tajni.example.rs"}`, `{"uuid":"` + part + `"}`, `{"value":"tajni.exe"}`, `{"searchall":"%tajni.ex%"}`} {
			if got := w.told("sync", "/events/restSearch", body); strings.Contains(got, event) {
				t.Errorf("found by %s: %.200s", body, got)
			}
			if got := w.told("other", "/events/restSearch", body); !strings.Contains(got, event) {
				t.Errorf("a person does not find by %s: %.200s", body, got)
			}
		}
		if got := w.told("sync", "/events/restSearch", `{"value":"javno.exe"}`); !strings.Contains(got, event) {
			t.Errorf("what goes is not found: %.200s", got)
		}
		no := w.told("sync", "/sightings/add", `{"value":"nema.example.rs"}`)
		for _, body := range []string{`{"value":"tajni.example.rs"}`, `{"values":["tajni.exe"]}`, `{"uuid":"` + part + `"}`} {
			if got := w.told("sync", "/sightings/add", body); got != no {
				t.Errorf("sighted %s: %.200s", body, got)
			}
		}
		if got := w.told("sync", "/sightings/add", `{"value":"javno.exe"}`); !strings.Contains(got, `"Sighting"`) {
			t.Errorf("sighted what goes: %.200s", got)
		}
		if got := w.told("admin", "/objects/view/"+whole, ""); !strings.Contains(got, "tajni.exe") || !strings.Contains(got, "javno.exe") {
			t.Errorf("the object: %s", got)
		}
	})
}

// TestNothingPointsToWhatIsKept: a peer is told neither by a number nor by a reference of what
// labels keep from it, nor whether an event that stays is here.
func TestNothingPointsToWhatIsKept(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const event, far = "53535353-1111-4111-8111-111111111111", "53535353-2222-4111-8111-111111111111"
		const keptOne, openOne, keptAll = "53535353-3333-4111-8111-111111111111", "53535353-4444-4111-8111-111111111111", "53535353-5555-4111-8111-111111111111"
		red := `,"Tag":[{"name":"tlp:red"}]`
		if got := w.ask("admin", "POST", "/events/add", `{"uuid":"`+event+`","info":"x","distribution":"3","published":true,"locked":true,"Orgc":{"name":"Far","uuid":"`+far+`"},"Tag":[{"name":"tlp:clear"}],
			"Attribute":[{"uuid":"`+keptOne+`","type":"domain","value":"jedan.example.rs"`+red+`},{"uuid":"`+openOne+`","type":"domain","value":"dva.example.rs"}],
			"Object":[{"uuid":"`+keptAll+`","name":"file","distribution":"5","Attribute":[{"object_relation":"filename","type":"filename","value":"tri.exe"`+red+`}]},
				{"uuid":"53535353-6666-4111-8111-111111111111","name":"domain-ip","distribution":"5","Attribute":[{"object_relation":"domain","type":"domain","value":"cetiri.example.rs"}],
				"ObjectReference":[{"referenced_uuid":"`+keptOne+`","relationship_type":"related-to"},{"referenced_uuid":"`+openOne+`","relationship_type":"related-to"},{"referenced_uuid":"`+keptAll+`","relationship_type":"related-to"}]}]}`); got.status != http.StatusOK {
			t.Fatal(got.body)
		}
		stays := w.made("orgadmin", `{"info":"ostaje","distribution":"3","published":true,"Tag":[{"name":"tlp:red"}]}`)
		for path, body := range map[string]string{"/events/view/" + event: "", "/events/restSearch": `{"uuid":"` + event + `"}`} {
			all, got := w.told("admin", path, body), w.told("sync", path, body)
			for _, u := range []string{keptOne, keptAll} {
				if strings.Contains(got, u) || strings.Count(all, u) < 2 {
					t.Errorf("%s points to %s: %s", path, u, got)
				}
			}
			if strings.Count(got, openOne) < 2 || !strings.Contains(got, `"attribute_count":"2"`) || !strings.Contains(all, `"attribute_count":"4"`) {
				t.Errorf("%s: %s", path, got)
			}
		}
		if got := w.told("sync", "/events/index", `{"eventid":"`+event+`"}`); !strings.Contains(got, `"attribute_count":"2"`) {
			t.Errorf("the index: %s", got)
		}
		if got := w.told("sync", "/events/restSearch", `{"uuid":"`+event+`","returnFormat":"stix2"}`); strings.Contains(got, keptOne) || strings.Contains(got, keptAll) || !strings.Contains(got, openOne) {
			t.Errorf("STIX: %s", got)
		}
		for of, want := range map[string]int{event: http.StatusOK, stays: http.StatusNotFound} {
			if got := w.ask("sync", "GET", "/events/checkuuid/"+of, ""); got.status != want {
				t.Errorf("checkuuid of %s: %d %s", of, got.status, got.body)
			}
		}
	})
}

// TestTagForHereAlone: a tag that is for here alone goes with nothing, also where it stands as
// an ordinary one.
func TestTagForHereAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const event, part = "54545454-1111-4111-8111-111111111111", "54545454-3333-4111-8111-111111111111"
		tags := `,"Tag":[{"name":"samo:ovde"},{"name":"tlp:clear"}]`
		if got := w.ask("admin", "POST", "/events/add", `{"uuid":"`+event+`","info":"x","distribution":"3","published":true,"locked":true,"Orgc":{"name":"Far","uuid":"54545454-2222-4111-8111-111111111111"}`+tags+`,
			"Attribute":[{"uuid":"`+part+`","type":"domain","value":"dva.example.rs"`+tags+`}]}`); got.status != http.StatusOK {
			t.Fatal(got.body)
		}
		var found []struct{ Tag struct{ ID string } }
		w.Must(json.Unmarshal([]byte(w.told("admin", "/tags/search/samo:ovde", "")), &found))
		if len(found) != 1 {
			t.Fatal(found)
		}
		if got := w.ask("admin", "POST", "/tags/edit/"+found[0].Tag.ID, `{"local_only":true}`); got.status != http.StatusOK {
			t.Fatal(got.body)
		}
		for path, body := range map[string]string{"/events/view/" + event: "", "/attributes/view/" + part: "", "/attributes/restSearch": `{"uuid":"` + part + `","includeContext":1,"includeEventTags":1}`,
			"/events/restSearch": `{"uuid":"` + event + `"}`, "/events/index": `{"eventid":"` + event + `"}`} {
			if got := w.told("admin", path, body); !strings.Contains(got, "samo:ovde") {
				t.Errorf("%s as admin: %s", path, got)
			}
			if got := w.told("sync", path, body); strings.Contains(got, "samo:ovde") || !strings.Contains(got, "tlp:clear") {
				t.Errorf("%s as a peer: %s", path, got)
			}
		}
	})
}

// told is the body of an answer: a GET, or a POST of what is given.
func (w *world) told(as, path, body string) string {
	method := "GET"
	if body != "" {
		method = "POST"
	}
	return w.ask(as, method, path, body).body
}

// TestLocalLabelBinds: a label on a tag that is for here alone keeps an attribute from peers, and
// is not shown to them.
func TestLocalLabelBinds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const far = "50505050-3333-4111-8111-111111111111"
		const local = "50505050-5555-4111-8111-111111111111"
		w.ask("admin", "POST", "/events/add", `{"uuid":"50505050-6666-4111-8111-111111111111","info":"jos jedan","distribution":"3","published":true,"locked":true,"Orgc":{"name":"Far","uuid":"`+far+`"},"Tag":[{"name":"tlp:clear"}],
			"Attribute":[{"type":"domain","value":"javno.example.rs"},{"uuid":"`+local+`","type":"domain","value":"lokalnotajni.example.rs"}]}`)
		view := "/events/view/50505050-6666-4111-8111-111111111111"
		if got := w.told("sync", view, ""); !strings.Contains(got, "lokalnotajni") {
			t.Errorf("before: %.300s", got)
		}
		if got := w.told("admin", "/tags/attachTagToObject", `{"uuid":"`+local+`","tag":"tlp:red","local":1}`); !strings.Contains(got, "successfully attached") {
			t.Fatal(got)
		}
		for path, body := range map[string]string{view: "", "/attributes/view/" + local: "", "/attributes/restSearch": `{"value":"lokalnotajni.example.rs"}`, "/events/restSearch": `{"eventid":"50505050-6666-4111-8111-111111111111"}`} {
			if got := w.told("sync", path, body); strings.Contains(got, "lokalnotajni.example.rs") || strings.Contains(got, "tlp:red") {
				t.Errorf("local label, %s: %.400s", path, got)
			}
		}
		// Nor are tags that are for here alone counted for them.
		w.ask("admin", "POST", "/tags/add", `{"name":"samo:nase"}`)
		if got := w.told("admin", "/tags/attachTagToObject", `{"uuid":"50505050-6666-4111-8111-111111111111","tag":"samo:nase","local":1}`); !strings.Contains(got, "successfully attached") {
			t.Fatal(got)
		}
		for _, path := range []string{"/users/tagStatisticsGraph.json", "/users/statistics/tags", "/tags/tagStatistics"} {
			if got := w.told("admin", path, ""); !strings.Contains(got, "samo") {
				t.Errorf("%s as admin: %.300s", path, got)
			}
			if got := w.told("sync", path, ""); strings.Contains(got, "samo") {
				t.Errorf("%s as a peer: %.300s", path, got)
			}
		}
	})
}

// TestKeptAttributesDoNotCorrelate: an event is not told to a peer as related by a value that is
// kept from it, on either side.
func TestKeptAttributesDoNotCorrelate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const far, open, kept = "52525252-1111-4111-8111-111111111111", "52525252-2222-4111-8111-111111111111", "52525252-3333-4111-8111-111111111111"
		add := func(uuid, tag string) {
			if got := w.ask("admin", "POST", "/events/add", `{"uuid":"`+uuid+`","info":"x","distribution":"3","published":true,"locked":true,"Orgc":{"name":"Far","uuid":"`+far+`"},"Tag":[{"name":"tlp:clear"}],
				"Attribute":[{"type":"domain","value":"isto.example.rs"`+tag+`}]}`); got.status != http.StatusOK {
				t.Fatal(got.body)
			}
		}
		add(open, "")
		add(kept, `,"Tag":[{"name":"tlp:red"}]`)
		for of, other := range map[string]string{open: kept, kept: open} {
			if got := w.told("admin", "/events/view/"+of, ""); !strings.Contains(got, other) {
				t.Errorf("as admin: %.400s", got)
			}
			if got := w.told("sync", "/events/view/"+of, ""); strings.Contains(got, other) || !strings.Contains(got, of) {
				t.Errorf("as a peer: %.400s", got)
			}
		}
		add("52525252-4444-4111-8111-111111111111", "")
		if got := w.told("sync", "/events/view/"+open, ""); !strings.Contains(got, "52525252-4444-4111-8111-111111111111") {
			t.Errorf("what goes does not correlate: %.400s", got)
		}
	})
}

// TestWantedIsWhatPeersMayBring: a peer is asked for what is not here and for newer versions
// of what peers brought, not for events that were made here: the push would be refused, or
// take away what was changed here.
func TestWantedIsWhatPeersMayBring(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		here := w.made("orgadmin", `{"info":"x","distribution":"3","timestamp":"1700000000"}`)
		const brought, unknown = "48484848-1111-4111-8111-111111111111", "48484848-2222-4111-8111-111111111111"
		got := w.ask("sync", "POST", "/events/add", `{"uuid":"`+brought+`","info":"x","distribution":"3","locked":true,"timestamp":"1700000000","Orgc":{"name":"Far","uuid":"48484848-3333-4111-8111-111111111111"}}`)
		if got.status != http.StatusOK {
			t.Fatal(got.body)
		}
		for at, want := range map[string]string{"1700000000": `["` + unknown + `"]`, "1700000001": `["` + brought + `","` + unknown + `"]`} {
			body := ""
			for _, uuid := range []string{here, strings.ToUpper(brought), unknown} {
				body += `,{"Event":{"uuid":"` + uuid + `","timestamp":"` + at + `"}}`
			}
			if got := w.ask("sync", "POST", "/events/filterEventIdsForPush", "["+body[1:]+"]"); strings.ToLower(got.body) != want {
				t.Errorf("%s: %d %s, want %s", at, got.status, got.body, want)
			}
		}
	})
}

// TestPushOfWhatIsWithheld: a newer version of an event whose label keeps it from the peer that
// brings it is taken, and answered with the number alone; its parts are not read by an edit.
func TestPushOfWhatIsWithheld(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const event, part, whole = "49494949-1111-4111-8111-111111111111", "49494949-2222-4111-8111-111111111111", "49494949-3333-4111-8111-111111111111"
		doc := func(info, at string) string {
			return `{"uuid":"` + event + `","info":"` + info + `","distribution":"3","locked":true,"timestamp":"` + at + `","Orgc":{"name":"Far","uuid":"49494949-4444-4111-8111-111111111111"},
			"Tag":[{"name":"tlp:red"}],"Attribute":[{"uuid":"` + part + `","type":"domain","value":"tajni.example.rs","timestamp":"1700000000"}],
			"Object":[{"uuid":"` + whole + `","name":"file","timestamp":"1700000000","Attribute":[{"object_relation":"filename","type":"filename","value":"tajni.exe"}]}]}`
		}
		if got := w.ask("admin", "POST", "/events/add", doc("staro", "1700000000")); got.status != http.StatusOK {
			t.Fatal(got.body)
		}
		if got := w.ask("sync", "POST", "/events/edit/"+event+"/metadata:1", doc("novo", "1700000001")); got.status != http.StatusOK || !strings.Contains(got.body, `"uuid":"`+event+`"`) || !strings.Contains(got.body, `"id":"`) || strings.Contains(got.body, "novo") || strings.Contains(got.body, "tajni") {
			t.Errorf("push: %d %s", got.status, got.body)
		}
		if got := w.ask("admin", "GET", "/events/view/"+event, ""); !strings.Contains(got.body, `"info":"novo"`) {
			t.Errorf("after it: %.300s", got.body)
		}
		for path, body := range map[string]string{"/attributes/edit/" + part: `{"comment":"x"}`, "/objects/edit/" + whole: `{"comment":"x"}`} {
			if got := w.ask("sync", "POST", path, body); got.status != http.StatusNotFound || strings.Contains(got.body, "tajni") {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
	})
}

// Tags of which only one may stand: attachTagToObject puts them on and says so, events/addTag
// and attributes/addTag refuse as MISP does; a tag that is hidden from others is not named.
func TestExclusiveTagsWarn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		uuid := w.made("orgadmin", `{"info":"x","distribution":"1","Tag":[{"name":"tlp:amber"}],"Attribute":[{"uuid":"37373737-1111-4111-8111-111111111111","type":"domain","value":"a.example.rs","Tag":[{"name":"tlp:green"}]}]}`)
		const warning = `\nWarning: tlp is exclusive, only one of these tags may be set: tlp:amber, tlp:red.`
		got := w.ask("orgadmin", "POST", "/tags/attachTagToObject", `{"uuid":"`+uuid+`","tag":"tlp:red"}`)
		if got.status != http.StatusOK || !strings.Contains(got.body, `successfully attached to Event(`) || !strings.Contains(got.body, warning) {
			t.Errorf("attach: %d %s", got.status, got.body)
		}
		if got := w.ask("orgadmin", "POST", "/tags/attachTagToObject", `{"uuid":"`+uuid+`","tag":"slobodna"}`); !strings.Contains(got.body, warning) {
			t.Errorf("attach of another: %s", got.body)
		}
		// Half of a list: what was put on and what was not.
		got = w.ask("user", "POST", "/tags/attachTagToObject", `{"uuid":"37373737-1111-4111-8111-111111111111","tag":["slobodna","nova:nema"]}`)
		if got.status != http.StatusOK || !strings.Contains(got.body, "Global tag slobodna(") || !strings.Contains(got.body, `\nFailed to attach 1 tags. Reasons: {\"0\":\"Tag not found and insufficient privileges to create it.\"}`) || strings.Contains(got.body, "Warning") {
			t.Errorf("half a list: %d %s", got.status, got.body)
		}
		w.ask("orgadmin", "POST", "/tags/add", `{"name":"tlp:clear"}`)
		for path, ref := range map[string]string{"/events/addTag/": uuid, "/attributes/addTag/": "37373737-1111-4111-8111-111111111111"} {
			got := w.ask("orgadmin", "POST", path, `{"event":"`+ref+`","attribute":"`+ref+`","tag":"tlp:clear"}`)
			if got.status != http.StatusOK || got.body != `{"saved":false,"errors":"Tag is not allowed due to taxonomy exclusivity settings"}` {
				t.Errorf("%s: %d %s", path, got.status, got.body)
			}
		}
		// A taxonomy that is not in force excludes nothing; neither does a tag outside it.
		var list []struct {
			Taxonomy struct{ ID, Namespace string }
		}
		w.Must(json.Unmarshal([]byte(w.ask("admin", "GET", "/taxonomies", "").body), &list))
		for _, x := range list {
			if x.Taxonomy.Namespace == "tlp" {
				w.ask("admin", "POST", "/taxonomies/disable/"+x.Taxonomy.ID, "")
			}
		}
		if got := w.ask("orgadmin", "POST", "/events/addTag", `{"event":"`+uuid+`","tag":"tlp:clear"}`); !strings.Contains(got.body, "Tag added.") {
			t.Errorf("not in force: %s", got.body)
		}
	})
}

// An event without a tag of a required taxonomy is not published, by any of the ways: the
// answer names the taxonomy, an add or edit leaves the event unpublished.
func TestRequiredTaxonomies(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var list []struct {
			Taxonomy struct{ ID, Namespace string }
		}
		w.Must(json.Unmarshal([]byte(w.ask("admin", "GET", "/taxonomies", "").body), &list))
		for _, x := range list {
			if x.Taxonomy.Namespace == "tlp" {
				if got := w.ask("admin", "POST", "/taxonomies/toggleRequired/"+x.Taxonomy.ID, `{"Taxonomy":{"required":true}}`); !strings.Contains(got.body, "Taxonomy toggleRequireded") {
					t.Fatal(got.body)
				}
			}
		}
		uuid := w.made("publisher", `{"info":"x","distribution":"1","Attribute":[{"type":"domain","value":"a.example.rs"}]}`)
		for _, action := range []string{"publish", "alert"} {
			got := w.ask("publisher", "POST", "/events/"+action+"/"+uuid, "")
			if got.status != http.StatusForbidden || !strings.Contains(got.body, `"errors":"Could not publish event - no tag for required taxonomies missing: tlp"`) {
				t.Errorf("%s: %d %s", action, got.status, got.body)
			}
		}
		published := func(ref string) bool {
			return strings.Contains(w.ask("publisher", "GET", "/events/view/"+ref, "").body, `"published":true`)
		}
		w.ask("publisher", "POST", "/events/edit/"+uuid, `{"published":true}`)
		if published(uuid) {
			t.Error("an edit published it")
		}
		if got := w.ask("publisher", "POST", "/events/add", `{"uuid":"38383838-1111-4111-8111-111111111111","info":"x","published":true,"Attribute":[{"type":"domain","value":"b.example.rs"}]}`); published("38383838-1111-4111-8111-111111111111") {
			t.Errorf("an add published it: %d %s", got.status, got.body)
		}
		w.ask("orgadmin", "POST", "/tags/attachTagToObject", `{"uuid":"`+uuid+`","tag":"tlp:green"}`)
		// What a peer brings was published by its rules.
		if got := w.ask("sync", "POST", "/events/add", `{"uuid":"38383838-2222-4111-8111-111111111111","info":"x","distribution":"1","published":true,"locked":true,"Orgc":{"name":"Far","uuid":"38383838-3333-4111-8111-111111111111"},"Attribute":[{"type":"domain","value":"c.example.rs"}]}`); !published("38383838-2222-4111-8111-111111111111") {
			t.Errorf("of a peer: %d %s", got.status, got.body)
		}
		if got := w.ask("publisher", "POST", "/events/publish/"+uuid, ""); got.status != http.StatusOK || !published(uuid) {
			t.Errorf("with the tag: %d %s", got.status, got.body)
		}
	})
}

// TestEqualAttributeIsWrittenOver: what is added again with breakOnDuplicate:0 stands in
// the place of the equal one, under its id; nobody sees it who did not before.
func TestEqualAttributeIsWrittenOver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		e := w.Add(w.people["user"], inteltest.Event("Twice", intel.Community))
		add := func(params, body string) string {
			t.Helper()
			got := w.ask("user", http.MethodPost, "/attributes/add/"+e.UUID+params, body)
			if got.status != 200 {
				t.Fatalf("%d %s", got.status, got.body)
			}
			return regexp.MustCompile(`"uuid":"([0-9a-f-]+)"`).FindStringSubmatch(got.body)[1]
		}
		first := add("", `{"type":"ip-src","value":"198.51.100.51","comment":"x","distribution":"0","to_ids":"0"}`)
		kept, refused, err := w.Intel.AddAttributes(t.Context(), w.people["user"], e.Ref(), []misp.Attribute{inteltest.Attr("ip-src", "198.51.100.51")}, true)
		w.Must(err)
		if refused[0] != nil || kept[0].UUID != first || kept[0].Comment != "x" || kept[0].ToIDS { // pasted, proposed, by our own interface
			t.Errorf("an equal one that is kept: %v, %+v", refused[0], kept[0])
		}
		if again := add("/breakOnDuplicate:0", `{"type":"ip-src","value":"198.51.100.51"}`); again != first {
			t.Errorf("%s beside %s", again, first)
		}
		a, err := w.Intel.Attribute(t.Context(), w.people["user"], first)
		w.Must(err)
		if a.Comment != "" || !a.ToIDS || a.Distribution != intel.OwnOrg {
			t.Errorf("comment %q, detection %v, distribution %d", a.Comment, a.ToIDS, a.Distribution)
		}
		if got := w.ask("user", http.MethodPost, "/attributes/add/"+e.UUID, `{"type":"ip-src","value":"198.51.100.51"}`); got.status != 403 {
			t.Errorf("a second one: %d %s", got.status, got.body)
		}
	})
}
