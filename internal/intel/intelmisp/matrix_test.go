package intelmisp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/kernel/access"
)

// method is how an action is called when it is meant.
func (r Row) method() string {
	if r.Mutates {
		return http.MethodPost
	}
	return http.MethodGet
}

// TestMatrix asks every action as everybody: who lacks the permission hears that
// the function is not theirs, who has it hears anything else.
func TestMatrix(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		n := 0
		for _, row := range Rows() {
			if row.Open { // who has no key asks it; tested on its own
				continue
			}
			path := "/" + row.Action + "/999999999"
			for name, who := range w.people {
				if name == "taxiikey" {
					continue
				}
				got := w.ask(name, row.method(), path, `{"x":1}`)
				allowed := access.Allowed(who, row.Perm) && row.Refused == "" && !(row.Mutates && who.ReadOnly)
				refused := got.status == http.StatusForbidden && strings.Contains(got.body, misp.MsgNoFunction)
				if row.Refused != "" {
					if got.status != http.StatusForbidden {
						t.Errorf("%s %s: refused for everybody, but %d %.80s", name, row.Action, got.status, got.body)
					}
				} else if allowed == refused {
					t.Errorf("%s (%s) %s wants %s: %d %.120s", name, who.Roles[0], row.Action, row.Perm, got.status, got.body)
				}
				if got.status >= 500 {
					t.Errorf("%s %s: %d %.120s", name, row.Action, got.status, got.body)
				}
				n++
			}
			for as, header := range map[string][]string{"": nil, "taxiikey": nil, "wrong": {"Authorization", strings.Repeat("z", 40)}} {
				if as == "wrong" {
					as = ""
				}
				got := w.ask(as, row.method(), path, `{"x":1}`, header...)
				if got.status != http.StatusForbidden || !strings.Contains(got.body, misp.MsgAuthFailed) {
					t.Errorf("key %q on %s: %d %.80s", as, row.Action, got.status, got.body)
				}
			}
			if row.Mutates && row.Refused == "" && !table[row.Action].gets {
				got := w.ask("admin", http.MethodGet, path, "")
				there := table[row.Action].of == nil || got.status != http.StatusNotFound // looked up before it is refused
				if there && got.status != http.StatusMethodNotAllowed && !strings.Contains(got.body, "API description") {
					t.Errorf("GET %s changes something: %d %.80s", row.Action, got.status, got.body)
				}
			}
		}
		t.Logf("matrix: %d actions, %d questions", len(Rows()), n)
	})
}

// hidden is an event of organisation A for itself alone, with everything that
// may hang on it.
type hidden struct {
	event, attribute, object, report, sighting, reference, group, proposal, note string
	ids                                                                          map[string]string
}

const secret1, secret2 = "tajni-domen.example.rs", "Тајни догађај 4711"

func plant(t *testing.T, w *world) hidden {
	t.Helper()
	must := func(a answer) map[string]any {
		t.Helper()
		if a.status != http.StatusOK {
			t.Fatalf("%d %s", a.status, a.body)
		}
		var v map[string]any
		if err := json.Unmarshal([]byte(a.body), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	pick := func(v map[string]any, wrap, key string) string { return v[wrap].(map[string]any)[key].(string) }
	h := hidden{ids: map[string]string{}}
	ev := must(w.ask("orgadmin", "POST", "/events/add", `{"info":"`+secret2+`","distribution":"0","Tag":[{"name":"tajna:oznaka"}],
		"Attribute":[{"type":"domain","value":"`+secret1+`","comment":"tajni komentar"}]}`))
	h.event, h.ids["event"] = pick(ev, "Event", "uuid"), pick(ev, "Event", "id")
	at := ev["Event"].(map[string]any)["Attribute"].([]any)[0].(map[string]any)
	h.attribute, h.ids["attribute"] = at["uuid"].(string), at["id"].(string)
	ob := must(w.ask("orgadmin", "POST", "/objects/add/"+h.event, `{"name":"x","meta-category":"misc","description":"tajni opis","distribution":"5",
		"template_uuid":"4af956a2-3bf9-5f4a-8f0a-be128e978aed","template_version":"1","Attribute":[{"object_relation":"t","type":"text","value":"tajni tekst"}]}`))
	h.object, h.ids["object"] = pick(ob, "Object", "uuid"), pick(ob, "Object", "id")
	rf := must(w.ask("orgadmin", "POST", "/objectReferences/add", `{"object_uuid":"`+h.object+`","referenced_uuid":"`+h.attribute+`","relationship_type":"related-to"}`))
	h.reference = pick(rf, "ObjectReference", "uuid")
	rp := must(w.ask("orgadmin", "POST", "/eventReports/add/"+h.ids["event"], `{"name":"tajni izveštaj","content":"tajni sadržaj","distribution":"5"}`))
	h.report, h.ids["report"] = pick(rp, "EventReport", "uuid"), pick(rp, "EventReport", "id")
	sg := must(w.ask("orgadmin", "POST", "/sightings/add/"+h.attribute, `{"source":"tajni izvor"}`))
	h.sighting = pick(sg, "Sighting", "uuid")
	h.ids["sighting"] = pick(sg, "Sighting", "id")
	gr := must(w.ask("orgadmin", "POST", "/sharing_groups/add", `{"name":"tajna grupa","releasability":"tajno","SharingGroupOrg":[{"uuid":"`+w.A.UUID+`"}]}`))
	h.group = pick(gr, "SharingGroup", "uuid")
	pr := must(w.ask("orgadmin", "POST", "/shadowAttributes/add/"+h.event, `{"type":"domain","value":"tajni-predlog.example.rs","comment":"tajni predlog"}`))
	h.proposal, h.ids["proposal"] = pick(pr, "ShadowAttribute", "uuid"), pick(pr, "ShadowAttribute", "id")
	an := must(w.ask("orgadmin", "POST", "/analyst_data/add/Note/"+h.event+"/Event", `{"note":"tajna beleška","distribution":"3"}`))
	h.note, h.ids["note"] = pick(an, "Note", "uuid"), pick(an, "Note", "id")
	must(w.ask("orgadmin", "POST", "/analyst_data/add/Opinion/"+h.attribute+"/Attribute", `{"opinion":"10","comment":"tajno mišljenje","distribution":"3"}`))
	must(w.ask("orgadmin", "POST", "/shadowAttributes/edit/"+h.attribute, `{"comment":"tajna izmena"}`))
	return h
}

var secrets = []string{secret1, secret2, "tajni", "tajna izmena", "tajna beleška", "tajno mišljenje", "tajna grupa", "tajno"}

// strangers see nothing of A's own events.
var strangers = []string{"other", "third", "sync"}

// ways are addresses that name something hidden; %s is its reference.
func ways(h hidden) map[string][]string {
	return map[string][]string{
		h.event: {"GET /events/view/%s", "HEAD /events/view/%s", "GET /events/%s", "POST /events/edit/%s {\"info\":\"x\"}", "DELETE /events/%s",
			"POST /events/delete/%s", "POST /attributes/add/%s {\"type\":\"domain\",\"value\":\"a.example.rs\"}", "POST /objects/add/%s {\"name\":\"a\",\"description\":\"d\",\"meta-category\":\"m\",\"Attribute\":[{\"type\":\"text\",\"object_relation\":\"r\",\"value\":\"v\"}]}",
			"POST /tags/attachTagToObject {\"uuid\":\"%s\",\"tag\":\"tlp:red\"}", "POST /tags/removeTagFromObject {\"uuid\":\"%s\",\"tag\":\"tlp:red\"}",
			"POST /events/addTag/%s/1", "POST /events/restSearch {\"eventid\":\"%s\"}", "POST /attributes/restSearch {\"eventid\":\"%s\"}",
			"POST /events/restSearch {\"uuid\":\"%s\"}", "POST /objects/restSearch {\"uuid\":\"%s\"}", "POST /events/index {\"eventid\":\"%s\"}",
			"POST /events/restSearch {\"uuid\":\"%s\",\"returnFormat\":\"csv\"}", "POST /events/restSearch {\"uuid\":\"%s\",\"returnFormat\":\"count\"}",
			"GET /shadowAttributes/index/%s", "POST /shadowAttributes/add/%s {\"type\":\"domain\",\"value\":\"p.example.rs\"}",
			"GET /eventReports/index/event_id:%s", "POST /sightings/restSearch/event {\"uuid\":\"%s\"}",
			"POST /events/contact/%s {\"message\":\"x\"}", "GET /events/checkuuid/%s", "POST /events/filterEventIdsForPush [{\"Event\":{\"uuid\":\"%s\",\"timestamp\":\"1\"}}]",
			"POST /events/pushProposals/%s [{\"uuid\":\"0a0a0a0a-0000-4000-8000-000000000001\",\"old_id\":\"0\",\"type\":\"domain\",\"category\":\"Network\u0020activity\",\"value\":\"p.example.rs\"}]",
			"POST /events/publish/%s", "POST /events/alert/%s", "POST /events/unpublish/%s", "POST /events/publishSightings/%s", "POST /events/enrichEvent/%s {\"dns\":true}", "POST /events/pushEventToZMQ/%s",
			"POST /events/freeTextImport/%s {\"value\":\"a.example.rs\"}", "POST /events/uploadSample/%s {\"files\":[{\"filename\":\"a\",\"data\":\"eA==\"}]}", "POST /events/protect/%s", "POST /cryptographicKeys/add/Event/%s {\"type\":\"pgp\",\"key_data\":\"x\"}",
			"POST /galaxies/attachCluster/%s/event/local:0 {\"Galaxy\":{\"target_id\":1}}", "GET /cryptographicKeys/index/Event/%s"},
		h.ids["event"]: {"GET /events/view/%s", "POST /eventReports/add/%s {\"name\":\"x\"}", "GET /sightings/index/%s", "POST /sightings/listSightings {\"context\":\"event\",\"id\":\"%s\"}",
			"POST /attributes/deleteSelected/%s {\"id\":[1]}", "POST /events/edit/%s {\"info\":\"x\"}",
			"POST /events/contact/%s {\"message\":\"x\"}", "POST /eventDelegations/delegateEvent/%s {\"EventDelegation\":{\"org_id\":\"1\",\"distribution\":\"0\"}}", "POST /events/removeTag/%s/1"},
		h.attribute: {"GET /attributes/view/%s", "HEAD /attributes/view/%s", "POST /attributes/edit/%s {\"comment\":\"x\"}", "POST /attributes/delete/%s",
			"POST /attributes/delete/%s/1", "POST /tags/attachTagToObject {\"uuid\":\"%s\",\"tag\":\"tlp:red\"}", "POST /sightings/add/%s {\"type\":\"0\"}",
			"POST /shadowAttributes/edit/%s {\"comment\":\"x\"}", "POST /shadowAttributes/delete/%s",
			"POST /attributes/restSearch {\"uuid\":\"%s\"}", "POST /events/restSearch {\"uuid\":\"%s\"}", "GET /attributes/%s",
			"GET /attributes/download/%s", "GET /attributes/downloadAttachment/%s", "POST /attributes/enrich/%s {\"dns\":true}"},
		h.proposal:         {"GET /shadowAttributes/view/%s", "POST /shadowAttributes/accept/%s", "POST /shadowAttributes/discard/%s"},
		h.ids["proposal"]:  {"GET /shadowAttributes/view/%s", "POST /shadowAttributes/accept/%s", "POST /shadowAttributes/discard/%s"},
		h.ids["attribute"]: {"GET /attributes/view/%s", "GET /attributes/download/%s", "POST /attributes/addTag/%s/1", "POST /galaxies/attachCluster/%s/attribute/local:0 {\"Galaxy\":{\"target_id\":1}}", "POST /attributes/restore/%s", "POST /sightings/listSightings {\"context\":\"attribute\",\"id\":\"%s\"}"},
		h.object:           {"GET /objects/view/%s", "HEAD /objects/view/%s", "POST /objects/edit/%s {\"comment\":\"x\"}", "POST /objects/delete/%s", "POST /objects/delete/%s/1", "POST /objectReferences/add {\"object_uuid\":\"%s\",\"referenced_uuid\":\"" + h.attribute + "\",\"relationship_type\":\"x\"}"},
		h.report:           {"GET /eventReports/view/%s", "POST /eventReports/edit/%s {\"content\":\"x\"}", "POST /eventReports/delete/%s", "POST /eventReports/restore/%s"},
		h.reference:        {"POST /objectReferences/delete/%s"},
		h.sighting:         {"POST /sightings/delete/%s"},
		h.group:            {"GET /sharing_groups/view/%s", "HEAD /sharing_groups/view/%s", "POST /events/add {\"info\":\"x\",\"distribution\":\"4\",\"sharing_group_id\":\"0\",\"SharingGroup\":{\"uuid\":\"%s\",\"name\":\"n\"}}"},
	}
}

// TestHiddenIsAbsent: what may not be seen answers exactly like what never was,
// for every way to ask for it or to change it, and stays as it is.
func TestHiddenIsAbsent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		h := plant(t, w)
		before := w.ask("orgadmin", "GET", "/events/view/"+h.event, "")
		n := 0
		for ref, list := range ways(h) {
			never := w.DB.NewUUID()
			if isDigits(ref) {
				never = itoa(w.DB.NewID())
			}
			for _, way := range list {
				for _, as := range strangers {
					method, rest, _ := strings.Cut(way, " ")
					path, body, _ := strings.Cut(rest, " ")
					ask := func(ref string) answer {
						return w.ask(as, method, strings.ReplaceAll(path, "%s", ref), strings.ReplaceAll(body, "%s", ref))
					}
					got, want := ask(ref), ask(never)
					a, b := strings.ReplaceAll(got.body, ref, "REF"), strings.ReplaceAll(want.body, never, "REF")
					if method == http.MethodPost && strings.HasPrefix(path, "/events/add") {
						a, b = "", "" // a sharing group of somebody else's is not to be used; the text names neither
					}
					if got.status != want.status || a != b || got.header.Get("X-Result-Count") != want.header.Get("X-Result-Count") {
						t.Errorf("%s %s: hidden %d %.200s\n   absent %d %.200s", as, way, got.status, a, want.status, b)
					}
					leak(t, as+" "+way, got)
					n++
				}
			}
		}
		after := w.ask("orgadmin", "GET", "/events/view/"+h.event, "")
		if before.body != after.body {
			t.Errorf("strangers changed the event:\n%s\n%s", before.body, after.body)
		}
		t.Logf("hidden: %d questions answered as if it were not there", n)
	})
}

func leak(t *testing.T, what string, got answer) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(got.body, s) || strings.Contains(fmt.Sprint(got.header), s) {
			t.Errorf("%s: answers with %q: %.200s", what, s, got.body)
		}
	}
}

// TestNothingLeaks walks every list, search, count and export as strangers.
func TestNothingLeaks(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		h := plant(t, w)
		lists := []string{"GET /analyst_data/index/Note", "GET /analyst_data/index/Opinion.json", "POST /analyst_data/indexMinimal {}", "GET /shadowAttributes/index", "GET /shadow_attributes/index/all:1/deleted[]:0/deleted[]:1.json", "GET /events/index", "POST /events/index {\"minimal\":1}", "GET /attributes/index", "GET /sharing_groups/index",
			"POST /attributes/restSearch {\"value\":\"" + secret1 + "\"}", "POST /attributes/restSearch {\"value\":\"%tajni%\"}",
			"POST /events/restSearch {\"value\":\"" + secret1 + "\"}", "POST /events/restSearch {\"eventinfo\":\"%4711%\"}", "POST /events/restSearch {\"tags\":\"tajna:oznaka\"}",
			"POST /events/restSearch {\"searchall\":\"tajni\"}", "POST /attributes/restSearch {\"quickFilter\":\"tajni\"}", "POST /events/restSearch {}",
			"POST /attributes/restSearch {}", "POST /objects/restSearch {}", "POST /events/index {\"all\":\"tajni\"}", "POST /events/index {\"attribute\":\"" + secret1 + "\"}"}
		for f := range formats { // in every scope that has it
			for _, scope := range []string{"attributes", "events", "objects"} {
				if w.ask("admin", "POST", "/"+scope+"/restSearch", `{"returnFormat":"`+f+`","eventid":"`+w.DB.NewUUID()+`"}`).status == http.StatusOK {
					lists = append(lists, "POST /"+scope+`/restSearch {"returnFormat":"`+f+`"}`)
				}
			}
		}
		for _, page := range []string{"", "/data", "/orgs", "/users", "/tags", "/attributehistogram", "/sightings"} {
			lists = append(lists, "GET /users/statistics"+page)
		}
		lists = append(lists, "GET /users/tagStatisticsGraph", "GET /users/histogram", "GET /tags/tagStatistics", "GET /attributes/attributeStatistics/type", "GET /attributes/attributeStatistics/category",
			"GET /tags/index", "POST /tags/search {\"name\":\"%tajna%\"}", "POST /sightings/restSearch {}", "GET /eventReports/index")
		for _, as := range strangers {
			for _, way := range lists {
				method, rest, _ := strings.Cut(way, " ")
				path, body, _ := strings.Cut(rest, " ")
				got := w.ask(as, method, path, body)
				if got.status != http.StatusOK {
					t.Errorf("%s %s: %d %.100s", as, way, got.status, got.body)
				}
				leak(t, as+" "+way, got)
				if n := got.header.Get("X-Result-Count"); n != "" && n != "0" {
					t.Errorf("%s %s: counts %s", as, way, n)
				}
				if strings.Contains(way, `"count"`) && got.body != "0" {
					t.Errorf("%s %s: counts %s", as, way, got.body)
				}
			}
		}
		for _, as := range strangers { // what a relationship leads to is not shown to who may not see it
			got := w.ask(as, "POST", "/analyst_data/add/Relationship/"+w.DB.NewUUID()+"/Event", `{"related_object_uuid":"`+h.event+`","related_object_type":"Event"}`)
			if got.status != http.StatusOK || strings.Contains(got.body, `"related_object":`) {
				t.Errorf("%s: a relationship to a hidden event answers %d %s", as, got.status, got.body)
			}
			leak(t, as, got)
		}
		for _, as := range []string{"other", "third"} { // correlation: the stranger's own event holds the same value
			got := w.ask(as, "POST", "/events/add", `{"info":"moj","distribution":"0","Attribute":[{"type":"domain","value":"`+secret1+`"}]}`)
			if strings.Contains(got.body, h.event) || !strings.Contains(got.body, `"RelatedEvent":[]`) {
				t.Errorf("%s: correlation shows %s", as, got.body)
			}
			search := w.ask(as, "POST", "/attributes/restSearch", `{"value":"`+secret1+`","includeCorrelations":1,"includeContext":1,"includeSightings":1}`)
			if strings.Contains(search.body, h.event) || strings.Contains(search.body, h.attribute) {
				t.Errorf("%s: search with correlations shows %s", as, search.body)
			}
		}
	})
}

// TestCountsPerViewer: an attribute for the own organisation alone inside an
// event for everybody counts for nobody else.
func TestCountsPerViewer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		got := w.ask("publisher", "POST", "/events/add", `{"info":"javni","distribution":"1","published":true,"Attribute":[{"type":"domain","value":"javni.example.rs"},
			{"type":"domain","value":"`+secret1+`","distribution":"0","comment":"tajni"}]}`)
		var v struct{ Event struct{ UUID string } }
		w.Must(json.Unmarshal([]byte(got.body), &v))
		for as, want := range map[string]string{"user": "2", "admin": "2", "other": "1", "third": "1", "sync": "1"} {
			view := w.ask(as, "GET", "/events/view/"+v.Event.UUID, "")
			if !strings.Contains(view.body, `"attribute_count":"`+want+`"`) {
				t.Errorf("%s: attribute_count, want %s: %.300s", as, want, view.body)
			}
			count := w.ask(as, "POST", "/attributes/restSearch", `{"returnFormat":"count","eventid":"`+v.Event.UUID+`"}`)
			if count.body != want {
				t.Errorf("%s counts %s, want %s", as, count.body, want)
			}
			list := w.ask(as, "POST", "/attributes/restSearch", `{"eventid":"`+v.Event.UUID+`"}`)
			if n := list.header.Get("X-Result-Count"); n != want {
				t.Errorf("%s: X-Result-Count %s, want %s", as, n, want)
			}
			if want == "1" {
				leak(t, as, view)
				leak(t, as, list)
			}
		}
	})
}

// TestRow01CrossWiredIDs: an address that names something one may change does not let
// through something one may not, named in the body or beside it.
func TestRow01CrossWiredIDs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		mine := w.ask("third", "POST", "/events/add", `{"info":"moj","distribution":"0","Attribute":[{"type":"domain","value":"moj.example.rs"}],
			"Object":[{"name":"x","meta-category":"m","description":"d","Attribute":[{"type":"text","object_relation":"t","value":"moj tekst"}]}]}`)
		theirs := w.ask("orgadmin", "POST", "/events/add", `{"info":"tuđi","distribution":"1","Attribute":[{"type":"domain","value":"tudji.example.rs"}],
			"Object":[{"name":"x","meta-category":"m","description":"d","Attribute":[{"type":"text","object_relation":"t","value":"tuđi tekst"}]}]}`)
		type doc struct {
			Event struct {
				ID, UUID  string
				Attribute []struct{ ID, UUID string }
				Object    []struct {
					ID, UUID  string
					Attribute []struct{ ID, UUID string }
				}
			}
		}
		var m, th doc
		w.Must(json.Unmarshal([]byte(mine.body), &m))
		w.Must(json.Unmarshal([]byte(theirs.body), &th))
		mA, tA, tO := m.Event.Attribute[0], th.Event.Attribute[0], th.Event.Object[0]
		var prop struct{ ShadowAttribute struct{ ID string } }
		w.Must(json.Unmarshal([]byte(w.ask("other", "POST", "/shadowAttributes/edit/"+tA.UUID, `{"comment":"predlog"}`).body), &prop))
		var note struct{ Note struct{ ID string } }
		w.Must(json.Unmarshal([]byte(w.ask("other", "POST", "/analyst_data/add/Note/"+tA.UUID+"/Attribute", `{"note":"beleška"}`).body), &note))
		before := w.ask("orgadmin", "GET", "/events/view/"+th.Event.UUID, "").body
		for _, way := range []string{
			"POST /shadowAttributes/accept/" + prop.ShadowAttribute.ID,
			"POST /shadowAttributes/discard/" + prop.ShadowAttribute.ID,
			"POST /analyst_data/edit/Note/" + note.Note.ID + ` {"note":"podmetnuto"}`,
			"POST /analyst_data/edit/Opinion/" + note.Note.ID + ` {"opinion":"1","comment":"podmetnuto"}`,
			"POST /analyst_data/delete/Note/" + note.Note.ID,
			"POST /events/pushProposals/" + m.Event.ID + ` [{"uuid":"` + tA.UUID + `","old_id":"1","type":"domain","value":"podmetnuto.example.rs"}]`,
			"POST /attributes/deleteSelected/" + m.Event.ID + ` {"id":["` + tA.ID + `"]}`,
			"POST /attributes/edit/" + mA.ID + ` {"uuid":"` + tA.UUID + `","id":"` + tA.ID + `","event_id":"` + th.Event.ID + `","comment":"podmetnuto"}`,
			"POST /events/edit/" + m.Event.ID + ` {"Event":{"uuid":"` + th.Event.UUID + `","id":"` + th.Event.ID + `","info":"podmetnuto","Attribute":[{"uuid":"` + tA.UUID + `","type":"domain","value":"podmetnuto.example.rs"}]}}`,
			"POST /events/edit/" + m.Event.ID + ` {"Event":{"Object":[{"uuid":"` + tO.UUID + `","name":"podmetnuto","deleted":true}]}}`,
			"POST /objects/edit/" + m.Event.Object[0].ID + ` {"uuid":"` + tO.UUID + `","Attribute":[{"uuid":"` + tO.Attribute[0].UUID + `","type":"text","object_relation":"t","value":"podmetnuto"}]}`,
			"POST /attributes/add/" + m.Event.ID + ` {"uuid":"` + tA.UUID + `","event_id":"` + th.Event.ID + `","object_id":"` + tO.ID + `","type":"domain","value":"podmetnuto.example.rs"}`,
			"POST /objectReferences/add/" + m.Event.Object[0].UUID + ` {"object_uuid":"` + tO.UUID + `","referenced_uuid":"` + tA.UUID + `","relationship_type":"x"}`,
			"POST /attributes/edit/" + tA.ID + ` {"comment":"podmetnuto"}`,
			"POST /attributes/delete/" + tA.UUID + "/1",
			"POST /objects/delete/" + tO.UUID,
			"POST /tags/attachTagToObject {\"uuid\":\"" + tA.UUID + `","tag":"podmetnuto:x"}`,
			"POST /events/addTag/" + th.Event.ID + "/1",
			"DELETE /events/" + th.Event.ID,
			"DELETE /attributes/" + tA.ID,
			"PUT /events/" + th.Event.ID + ` {"info":"podmetnuto"}`,
			"POST /events/unpublish/" + th.Event.ID,
			"POST /eventReports/add/" + th.Event.ID + ` {"name":"podmetnuto"}`,
		} {
			method, rest, _ := strings.Cut(way, " ")
			path, body, _ := strings.Cut(rest, " ")
			got := w.ask("third", method, path, body)
			if after := w.ask("orgadmin", "GET", "/events/view/"+th.Event.UUID, "").body; after != before {
				t.Fatalf("%s\n   answered %d %.200s and changed the other's event:\n%s", way, got.status, got.body, after)
			}
		}
	})
}

// TestSiteAdministratorByKeyOnly: the view over everything exists on this surface
// and needs a key; its reads leave a line.
func TestSiteAdministratorByKeyOnly(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		h := plant(t, w)
		if got := w.ask("admin", "GET", "/events/view/"+h.event, ""); got.status != http.StatusOK {
			t.Errorf("admin: %d %s", got.status, got.body)
		}
		admin := w.people["admin"]
		admin.Key = 0
		if _, err := w.Intel.Event(t.Context(), admin, h.event); err == nil {
			t.Error("without a key the administrator sees it")
		}
		lead := w.Person(w.CERT, access.Lead, "misp")
		lead.Key = 77
		if _, err := w.Intel.Event(t.Context(), lead, h.event); err == nil {
			t.Error("a lead sees another organisation's own event")
		}
	})
}
