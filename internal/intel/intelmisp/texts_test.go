package intelmisp

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// busy is a machine whose jobs run, or do not.
type busy bool

func (b busy) Waiting(context.Context) (map[string]int64, bool, error) {
	return map[string]int64{"waiting": 3}, bool(b), nil
}

func (busy) Schema(context.Context) (Schema, error) {
	return Schema{Engine: "SQLite", Have: 7, Want: 7}, nil
}

// TestTextsOfSpec14: the answers of spec misp §14 that no recording holds, to the letter.
func TestTextsOfSpec14(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		said := func(what, as, path, body string, status int, text string) answer {
			t.Helper()
			got := w.ask(as, http.MethodPost, path, body)
			if got.status != status || !strings.Contains(got.body, text) {
				t.Errorf("%s: %d %.300s, want %d %s", what, got.status, got.body, status, text)
			}
			return got
		}
		event := w.made("publisher", `{"info":"x","distribution":"1","published":true,"Attribute":[{"type":"domain","value":"a.example.rs"}]}`)

		group := between(w.ask("orgadmin", "POST", "/sharing_groups/add", `{"name":"g","releasability":"r","SharingGroupOrg":[{"uuid":"`+w.A.UUID+`"}]}`).body, `"id":"`, `"`)
		said("a group", "orgadmin", "/sharing_groups/delete/"+group, "", 200, `"message":"SharingGroup deleted","url":"/sharing_groups/delete/`+group+`"`)
		said("a password", "user", "/users/change_pw", `{"current_password":"vetar sa kosave 1","password":"druga dugacka lozinka 77"}`, 200, `{"saved":true,"success":true,"name":"Password Changed.","message":"Password Changed.","url":"/users/change_pw"`)
		said("a wrong password", "user", "/users/change_pw", `{"current_password":"nije ta","password":"treca dugacka lozinka 77"}`, 403, "You do not have permission to do that.")
		said("a default role", "admin", "/admin/roles/set_default/4", "", 200, `"name":"Default role set.","message":"Default role set."`)
		said("the administrators' role", "admin", "/admin/roles/set_default/1", "", 403, "You do not have permission to do that.")
		said("galaxies", "admin", "/galaxies/update", "", 200, `"message":"Galaxies updated."`)
		said("the bus", "publisher", "/events/pushEventToZMQ/"+event, "", 200, `"name":"Event published to ZMQ","message":"Event published to ZMQ","url":"/events/pushEventToZMQ/`)
		said("the bus, without the right", "user", "/events/pushEventToZMQ/"+event, "", 403, "You do not have permission to use this functionality.")
		hidden := w.made("third", `{"info":"x","distribution":"0"}`)
		said("the bus, what is hidden", "publisher", "/events/pushEventToZMQ/"+hidden, "", 404, `"name":"Invalid event."`)

		me := between(w.ask("orgadmin", "GET", "/users/view/me", "").body, `"id":"`, `"`)
		said("a tag of one person", "orgadmin", "/tags/add", `{"name":"samo:moja","user_id":"`+me+`"}`, 200, `"user_id":"`+me+`"`)
		said("put on by another", "user", "/tags/attachTagToObject", `{"uuid":"`+event+`","tag":"samo:moja"}`, 403, "Invalid Tag. This tag can only be set by a fixed user.")
		said("a tag of one organisation", "orgadmin", "/tags/add", `{"name":"samo:nasa","org_id":"`+itoa(w.A.ID)+`"}`, 200, `"samo:nasa"`)
		own := w.made("third", `{"info":"x","distribution":"0"}`)
		said("put on by another organisation's", "third", "/tags/attachTagToObject", `{"uuid":"`+own+`","tag":"samo:nasa"}`, 403, "Invalid Tag. This tag can only be set by a fixed organisation.")
		said("put on by its person", "orgadmin", "/tags/attachTagToObject", `{"uuid":"`+event+`","tag":"samo:moja"}`, 200, "successfully attached to Event(")
		said("taken off", "orgadmin", "/tags/removeTagFromObject", `{"uuid":"`+event+`","tag":"samo:moja"}`, 200, "successfully removed from Event(")

		said("lists on", "admin", "/warninglists/toggleEnable", `{"name":["%"],"enabled":true}`, 200, ` warninglist(s) enabled"`)
		said("lists over", "admin", "/warninglists/toggleEnable", `{"name":["%"]}`, 200, ` warninglist(s) toggled"`)

		said("closed to strangers", "", "/users/register", `{"email":"nova@example.org","org_name":"Nova"}`, 405, "Self registration is")
		said("opened", "admin", "/servers/serverSettingsEdit/Security.allow_self_registration/1", `{"value":true}`, 200, `"message":"Field updated"`)
		for _, mail := range []string{"nova@example.org", "druga@example.org"} {
			said("a request", "", "/users/register", `{"email":"`+mail+`","org_name":"Nigde upisana"}`, 200, "Request sent. The administrators of this community have been notified.")
		}
		var box []struct{ Inbox struct{ ID string } }
		w.Must(json.Unmarshal([]byte(w.ask("admin", "GET", "/users/registrations", "").body), &box))
		if len(box) != 2 {
			t.Fatalf("%d requests", len(box))
		}
		said("accepted without an organisation", "admin", "/users/acceptRegistrations/"+box[0].Inbox.ID, `{"role_id":"3"}`, 403, "No organisation selected. Supply an Organisation ID")
		said("accepted", "admin", "/users/acceptRegistrations/"+box[0].Inbox.ID, `{"role_id":"3","org_id":"`+itoa(w.A.ID)+`"}`, 200, "1 registration(s) accepted.")
		said("discarded", "admin", "/users/discardRegistrations/"+box[1].Inbox.ID, "", 200, "1 registration(s) discarded.")
		said("discarded again", "admin", "/users/discardRegistrations/"+box[1].Inbox.ID, "", 404, "Invalid registration")

		// Workers: true that they run, or said that they do not.
		said("no workers known", "admin", "/servers/restartWorkers", "", 403, "No jobs run here")
		said("no such queue", "admin", "/servers/startWorker/nema", "", 405, "Invalid worker type.")
		w.House = busy(true)
		w.serve(t, w.DB)
		said("a worker", "admin", "/servers/startWorker/email", "", 200, `{"saved":true,"success":true,"name":"Worker start signal sent","message":"Worker start signal sent","url":"/servers/startWorker/email"`)
		said("workers", "admin", "/servers/restartDeadWorkers", "", 200, `"message":"Restarting workers."`)
		said("stopping", "admin", "/servers/killAllWorkers", "", 403, "This is done by the operator of this installation, on its machine.")
		if got := w.ask("admin", "GET", "/servers/getWorkers", "").body; !strings.Contains(got, `"default":{"ok":true,"jobCount":3}`) {
			t.Error(got)
		}
		if got := w.ask("admin", "GET", "/servers/dbSchemaDiagnostic", "").body; !strings.Contains(got, `"actual_db_version":"7"`) || !strings.Contains(got, `"expected_db_version":"7"`) {
			t.Error(got)
		}
	})
}
