package intelmisp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"straza/internal/intel"
	"straza/internal/intel/remark"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// MISP's own history of holes (docs/sync.md), as far as no other test is about it; the
// numbers are CVE's.

// dump gives the rows of the tables whose names begin so, as text.
func (w *world) dump(prefixes ...string) string {
	w.T.Helper()
	tables, err := w.DB.Tables()
	w.Must(err)
	var skip []string
	for _, n := range tables {
		keep := false
		for _, p := range prefixes {
			keep = keep || strings.HasPrefix(n, p)
		}
		if !keep {
			skip = append(skip, n)
		}
	}
	var b bytes.Buffer
	_, err = w.DB.Snapshot(context.Background(), &b, skip...)
	w.Must(err)
	return b.String()
}

// TestAboveOnesOwnOrganisation: the administrator of the very organisation that the site
// administrator belongs to gets neither their password, their key nor their role
// (2019-12794, 2026-44380), and sees nothing of how they come in (2024-46918). A member of
// it is theirs to keep, or the refusals would prove nothing.
func TestAboveOnesOwnOrganisation(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, role := range map[string]string{"chief": access.OrgAdmin, "clerk": access.Member} {
			w.account(name+"@example.rs", role, w.CERT.ID)
			w.hand(name, name+"@example.rs", account.NewKey{})
		}
		keyOf := func(name string) string {
			t.Helper()
			list, err := w.Accounts.Keys(context.Background(), w.people[name], "")
			w.Must(err)
			return itoa(list[0].ID)
		}
		ways := func(name string) []string {
			id, key := itoa(w.people[name].Person), keyOf(name)
			return []string{
				"GET /auth_keys/view/" + key, "POST /auth_keys/edit/" + key + ` {"comment":"podmetnuto"}`,
				"POST /auth_keys/add/" + id + ` {"comment":"podmetnuto"}`, "POST /auth_keys/add" + ` {"user_id":"` + id + `"}`,
				"POST /admin/users/edit/" + id + ` {"contactalert":true}`, "POST /admin/users/edit/" + id + ` {"disabled":true}`,
				"POST /auth_keys/delete/" + key, "POST /admin/users/delete/" + id,
			}
		}
		state := func() string {
			return w.ask("admin", "GET", "/users/view/me", "").body + w.dump("account_person", "account_role", "intel_setting")
		}
		before := state()
		for _, way := range append(ways("admin"), "POST /users/resetauthkey/"+itoa(w.people["admin"].Person), "POST /admin/users/edit/"+itoa(w.people["admin"].Person)+` {"password":"sasvim nova lozinka 4711"}`,
			"POST /admin/users/edit/"+itoa(w.people["admin"].Person)+` {"email":"chief+a@example.rs"}`, "POST /admin/users/edit/"+itoa(w.people["admin"].Person)+` {"role_id":"3"}`) {
			method, rest, _ := strings.Cut(way, " ")
			path, body, _ := strings.Cut(rest, " ")
			if got := w.ask("chief", method, path, body); got.status != http.StatusForbidden && got.status != http.StatusNotFound {
				t.Errorf("%s against the site administrator: %d %.300s", way, got.status, got.body)
			}
			if after := state(); after != before {
				t.Fatalf("%s changed the site administrator", way)
			}
		}
		if got := w.ask("chief", "GET", "/auth_keys/index", ""); strings.Contains(got.body, `"id":"`+keyOf("admin")+`"`) || !strings.Contains(got.body, `"id":"`+keyOf("clerk")+`"`) {
			t.Errorf("the list of keys: %s", got.body)
		}
		for _, way := range ways("clerk") {
			method, rest, _ := strings.Cut(way, " ")
			path, body, _ := strings.Cut(rest, " ")
			if got := w.ask("chief", method, path, body); got.status != http.StatusOK {
				t.Errorf("%s against a member: %d %.300s", way, got.status, got.body)
			}
		}
	})
}

// TestAttachmentsOfOthers: the content of an attachment comes by no way to who does not see
// its attribute, alone or within an event that they do see (2020-15411).
func TestAttachmentsOfOthers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		file := func(value, distribution, content string) string {
			return `{"type":"attachment","value":"` + value + `","distribution":"` + distribution + `","data":"` + base64.StdEncoding.EncodeToString([]byte(content)) + `"}`
		}
		event := w.made("orgadmin", `{"info":"x","distribution":"1","published":true,"Attribute":[`+file("open.bin", "5", "open content")+","+file("shut.bin", "0", "tajni content")+`]}`)
		own := w.made("orgadmin", `{"info":"y","distribution":"0","Attribute":[`+file("own.bin", "5", "tajni content")+`]}`)
		number := map[string]string{}
		for _, e := range []string{event, own} {
			w.Must(w.Intel.Attributes(context.Background(), ident.SystemPart("peer"), e, intel.Part{}, func(a *intel.Attribute) error {
				number[a.Value], number[a.Value+" uuid"] = itoa(a.ID), a.UUID
				return nil
			}))
		}
		shows := func(got answer, content string) bool {
			return strings.Contains(got.body, content) || strings.Contains(got.body, base64.StdEncoding.EncodeToString([]byte(content)))
		}
		open := 0
		for _, as := range []string{"other", "third", "sync", "readonly"} {
			var ways []string
			for name, id := range number {
				for _, at := range []string{"/attributes/download/", "/attributes/downloadAttachment/", "/attributes/view/"} {
					if as != "readonly" || strings.HasPrefix(name, "open") {
						ways = append(ways, "GET "+at+id)
					}
				}
			}
			if as != "readonly" { // of the same organisation
				for _, e := range []string{event, own} {
					ways = append(ways, "GET /events/view/"+e, "POST /events/restSearch "+`{"eventid":"`+e+`","withAttachments":1}`, "POST /attributes/restSearch "+`{"eventid":"`+e+`","withAttachments":1}`)
				}
				ways = append(ways, "POST /attributes/restSearch "+`{"value":"shut.bin","withAttachments":1}`, "POST /attributes/restSearch "+`{"type":"attachment","withAttachments":1,"returnFormat":"xml"}`)
			}
			for _, way := range ways {
				method, rest, _ := strings.Cut(way, " ")
				path, body, _ := strings.Cut(rest, " ")
				got := w.ask(as, method, path, body)
				if shows(got, "tajni content") {
					t.Errorf("%s %s: %d %.200s", as, way, got.status, got.body)
				}
				if shows(got, "open content") {
					open++
				}
			}
		}
		if open < 10 {
			t.Errorf("what is open came %d times: this proves little", open)
		}
	})
}

// TestSettingsAreOnesOwn: what people keep for themselves is neither read nor changed by
// their colleagues or others (2024-45509).
func TestSettingsAreOnesOwn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		got := w.ask("user", "POST", "/user_settings/setSetting", `{"setting":"publish_alert_filter","value":{"AND":{"Tag.name":["tajna-oznaka"]}}}`)
		if got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		id, of := between(got.body, `"id":"`, `"`), itoa(w.people["user"].Person)
		before := w.dump("intel_setting")
		for _, as := range []string{"publisher", "other", "third", "sync", "readonly"} {
			for _, way := range []string{"GET /user_settings/index", "GET /user_settings/index/user_id:" + of, "GET /user_settings/view/" + id, "GET /user_settings/getSetting/" + of + "/publish_alert_filter",
				"POST /user_settings/setSetting/" + of + ` {"setting":"publish_alert_filter","value":{}}`, "POST /user_settings/setSetting" + ` {"user_id":"` + of + `","setting":"publish_alert_filter","value":{}}`,
				"POST /user_settings/delete/" + id, "POST /user_settings/delete/" + of + "/publish_alert_filter"} {
				method, rest, _ := strings.Cut(way, " ")
				path, body, _ := strings.Cut(rest, " ")
				if got := w.ask(as, method, path, body); strings.Contains(got.body, "tajna-oznaka") {
					t.Errorf("%s %s: %d %s", as, way, got.status, got.body)
				}
				if w.dump("intel_setting") != before {
					t.Fatalf("%s %s changed another's setting", as, way)
				}
			}
		}
		if got := w.ask("user", "GET", "/user_settings/view/"+id, ""); !strings.Contains(got.body, "tajna-oznaka") {
			t.Errorf("the own: %d %s", got.status, got.body)
		}
	})
}

// TestSightingsByPolicy: who sighted something is seen by whom the policy names, by every
// way of asking (2019-9482).
func TestSightingsByPolicy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		event := w.made("orgadmin", `{"info":"vidljiv","distribution":"1","published":true,"Attribute":[{"type":"domain","value":"vidljiv.example.rs"}]}`)
		view := w.ask("orgadmin", "GET", "/events/view/"+event, "").body
		id := between(view, `"id":"`, `"`)
		_, rest, _ := strings.Cut(view, `"Attribute":[`)
		attribute := between(rest, `"id":"`, `"`)
		for as, source := range map[string]string{"other": "senzor-other", "orgadmin": "senzor-orgadmin"} {
			if got := w.ask(as, "POST", "/sightings/add/"+attribute, `{"source":"`+source+`"}`); got.status != http.StatusOK || !strings.Contains(got.body, source) {
				t.Fatalf("%d %s", got.status, got.body)
			}
		}
		// Organisation A holds the event, B (other) has sighted on it, C (third) has not.
		for policy, sees := range map[string]map[string]bool{
			"0": {"user senzor-other": true, "user senzor-orgadmin": true, "other senzor-other": true},
			"1": {"user senzor-other": true, "user senzor-orgadmin": true, "other senzor-other": true, "other senzor-orgadmin": true},
			"2": {"user senzor-other": true, "user senzor-orgadmin": true, "other senzor-other": true, "other senzor-orgadmin": true, "third senzor-other": true, "third senzor-orgadmin": true},
		} {
			w.Must(w.Intel.SetHouseSetting(context.Background(), w.people["admin"], intel.SightingPolicy, []byte(`"`+policy+`"`)))
			for _, as := range []string{"user", "other", "third"} {
				for _, way := range []string{"GET /sightings/index/" + id, "POST /sightings/listSightings " + `{"context":"event","id":"` + id + `"}`, "POST /sightings/listSightings " + `{"id":"` + attribute + `"}`,
					"POST /sightings/restSearch/event " + `{"id":` + id + `}`, "POST /sightings/restSearch/attribute " + `{"id":` + attribute + `}`, "POST /sightings/restSearch {}", "GET /events/view/" + event,
					"POST /attributes/restSearch " + `{"eventid":"` + event + `","includeSightings":1}`, "POST /events/restSearch " + `{"eventid":"` + event + `","includeSightings":1}`} {
					method, rest, _ := strings.Cut(way, " ")
					path, body, _ := strings.Cut(rest, " ")
					got := w.ask(as, method, path, body)
					for _, source := range []string{"senzor-other", "senzor-orgadmin"} {
						if want := sees[as+" "+source]; got.status != http.StatusOK || strings.Contains(got.body, source) != want {
							t.Errorf("policy %s, %s %s: %d, shows %s: %t, want %t\n%.400s", policy, as, way, got.status, source, !want, want, got.body)
						}
					}
				}
			}
		}
	})
}

// TestAllOrganisationsOfAnotherServer: a group is for all organisations of the servers that
// say so, and of no other (2021-27904): neither by an entry of another server, nor by one
// of a pushing peer's own number 0, nor after the word was taken back.
func TestAllOrganisationsOfAnotherServer(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		open := func(what, event string, want int) {
			t.Helper()
			if got := w.ask("third", "GET", "/events/view/"+event, ""); got.status != want {
				t.Errorf("%s: %d, want %d", what, got.status, want)
			}
			if got := w.ask("third", "POST", "/attributes/restSearch", `{"eventid":"`+event+`"}`); strings.Contains(got.body, "grupni") != (want == http.StatusOK) {
				t.Errorf("%s: searched %s", what, got.body)
			}
		}
		g, err := w.Intel.AddGroup(ctx, w.people["orgadmin"], intel.SharingGroup{Name: "Grupa", Active: true, Orgs: []intel.GroupOrg{{Org: w.A}}, Servers: []intel.GroupServer{{}}})
		w.Must(err)
		event := w.made("orgadmin", `{"info":"grupni","distribution":"4","published":true,"sharing_group_id":"`+itoa(g.ID)+`","Attribute":[{"type":"domain","value":"grupni.example.rs"}]}`)
		open("for its members", event, http.StatusNotFound)
		set := func(h intel.GroupServer) {
			t.Helper()
			w.Must(w.Intel.SetGroupServer(ctx, w.people["orgadmin"], g.UUID, h))
		}
		for _, server := range []int64{-1, 4711} {
			set(intel.GroupServer{Server: server, URL: fmt.Sprintf("https://peer%d.example.org", server), AllOrgs: true})
			open("all of another server", event, http.StatusNotFound)
		}
		set(intel.GroupServer{AllOrgs: true})
		open("all of this server", event, http.StatusOK)
		set(intel.GroupServer{AllOrgs: false})
		open("taken back", event, http.StatusNotFound)
		set(intel.GroupServer{AllOrgs: true})
		w.Must(w.Intel.RemoveGroupServer(ctx, w.people["orgadmin"], g.UUID, 0))
		open("this server taken out", event, http.StatusNotFound)
		// What is pushed: number 0 is the sender's, and so is an address.
		for i, servers := range []string{`{"server_id":"0","all_orgs":true}`, `{"server_id":"0","all_orgs":true,"Server":{}}`, `{"server_id":"0","all_orgs":true,"Server":{"url":"https://far.example.org","name":"far"}}`,
			`{"server_id":"3","all_orgs":true,"Server":{"url":"https://far.example.org"}}`} {
			uuid := fmt.Sprintf("9b9b9b9b-0000-4000-8000-00000000100%d", i)
			group := strings.Replace(wireGroup(fmt.Sprintf("9a9a9a9a-0000-4000-8000-00000000100%d", i), "5", "2026-01-01 00:00:00", w.B), `"SharingGroupServer":[]`, `"SharingGroupServer":[`+servers+`]`, 1)
			group = strings.Replace(group, "Far friends", fmt.Sprintf("Far friends %d", i), 1)
			doc := strings.Replace(pushedDoc(uuid, `"distribution":"4","sharing_group_id":"5","SharingGroup":`+group, pushedAttr(100+i, `"distribution":"5"`)), ".example.org", ".grupni.example.org", 1)
			if got := w.ask("sync", "POST", "/events/add/metadata:1", doc); got.status != http.StatusOK {
				t.Fatalf("%s: %d %s", servers, got.status, got.body)
			}
			open("pushed with "+servers, uuid, http.StatusNotFound)
		}
	})
}

// TestGroupOfAnObjectOnEdit: what an edit brings for a group is in that group and not in the
// one that has its number here, for objects and reports as for the event (2021-31780).
func TestGroupOfAnObjectOnEdit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx, part := context.Background(), ident.SystemPart("peer")
		g, err := w.Intel.AddGroup(ctx, w.people["admin"], intel.SharingGroup{Name: "Another", Active: true, Orgs: []intel.GroupOrg{{Org: w.A}, {Org: w.C}}})
		w.Must(err)
		number := itoa(g.ID)
		if got := w.ask("sync", "POST", "/events/add/metadata:1", pushedDoc(pushedEvent, `"distribution":"1"`, pushedAttr(1, `"distribution":"5"`))); got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		object := func(n int, rest string) string {
			return fmt.Sprintf(`{"uuid":"9d9d9d9d-0000-4000-8000-%012d","name":"file","meta-category":"file","timestamp":"1700000100","description":"d","distribution":"4","sharing_group_id":%q%s,`+
				`"Attribute":[{"uuid":"9e9e9e9e-0000-4000-8000-%012d","object_relation":"filename","type":"filename","category":"Payload delivery","timestamp":"1700000100","value":"tajni%d.bin","distribution":"5"}]}`, n, number, rest, n, n)
		}
		far := wireGroup(groupFar, number, "2026-01-01 00:00:00", w.B)
		head := `"distribution":"1","Object":[` + object(1, `,"SharingGroup":`+far) + "," + object(2, "") + `],"EventReport":[{"uuid":"9f9f9f9f-0000-4000-8000-000000000001","name":"tajni izvestaj","content":"tajni","timestamp":"1700000100","distribution":"4","sharing_group_id":"` + number + `","SharingGroup":` + far + `}]`
		edit := strings.Replace(pushedDoc(pushedEvent, head, pushedAttr(2, `"distribution":"5"`)), `"timestamp":"1700000000"`, `"timestamp":"1700000100"`, 1)
		if got := w.ask("sync", "POST", "/events/edit/"+pushedEvent+"/metadata:1", edit); got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		stored, err := w.Intel.SharingGroup(ctx, part, groupFar)
		w.Must(err)
		n := 0
		w.Must(w.Intel.Objects(ctx, part, pushedEvent, intel.Part{}, func(o *intel.Object) error {
			n++
			if o.Group == g.ID || o.Distribution == intel.Group && o.Group != stored.ID {
				t.Errorf("object %s is for group %d (the one here %d, the one that came %d)", o.UUID, o.Group, g.ID, stored.ID)
			}
			return nil
		}))
		if n == 0 {
			t.Fatal("no object came: this proves nothing")
		}
		for _, as := range []string{"user", "third"} {
			for _, way := range []string{"GET /events/view/" + pushedEvent, "POST /attributes/restSearch " + `{"eventid":"` + pushedEvent + `"}`, "GET /objects/view/9d9d9d9d-0000-4000-8000-000000000001",
				"GET /eventReports/view/9f9f9f9f-0000-4000-8000-000000000001", "GET /eventReports/index/event_id:" + pushedEvent} {
				method, rest, _ := strings.Cut(way, " ")
				path, body, _ := strings.Cut(rest, " ")
				if got := w.ask(as, method, path, body); strings.Contains(got.body, "tajni") {
					t.Errorf("%s of the group with that number here, %s: %d %s", as, way, got.status, got.body)
				}
			}
		}
		if got := w.ask("other", "GET", "/objects/view/9d9d9d9d-0000-4000-8000-000000000001", ""); !strings.Contains(got.body, "tajni1") {
			t.Errorf("a member of the group that came: %d %s", got.status, got.body)
		}
	})
}

// TestPostTestReflectsNothing: the test of a connection gives back what it was sent to echo
// and nothing of the headers but what every request has.
func TestPostTestReflectsNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		header := []string{"Cookie", "odjek=odjek1", "X-Anything", "odjek2", "User-Agent", "odjek3", "Referer", "https://odjek4.example", "X-Forwarded-For", "odjek5", "Accept", "application/json; odjek6=1", "Content-Type", "application/json; odjek7=1"}
		got := w.ask("sync", "POST", "/servers/postTest", `{"testString":"ovo se vraća","odjek8":"odjek9"}`, header...)
		if got.status != http.StatusOK || !strings.Contains(got.body, "ovo se vraća") {
			t.Fatalf("%d %s", got.status, got.body)
		}
		if all := got.body + fmt.Sprint(got.header); strings.Contains(all, "odjek") || strings.Contains(all, w.secret("sync")) {
			t.Errorf("it gives back %s", all)
		}
	})
}

// TestReadsChangeNothing: no reading action of the surface changes a row, whoever asks and
// however (2024-25675): beside the log of who read, and when a key was used.
func TestReadsChangeNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		h := plant(t, w)
		all := func() string {
			return w.dump("intel_", "catalog_", "registry_", "account_person", "account_role", "access_", "mail_", "peer_", "rule_")
		}
		before, n := all(), 0
		for _, row := range Rows() {
			if row.Mutates || row.Open {
				continue
			}
			for _, ref := range []string{"", "/" + h.ids["event"], "/" + h.ids["attribute"], "/1"} {
				for _, as := range []string{"admin", "orgadmin", "sync"} {
					for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
						body := map[string]string{http.MethodPost: `{}`}[method]
						if got := w.ask(as, method, "/"+row.Action+ref, body); got.status >= 500 {
							t.Errorf("%s %s %s%s: %d %.200s", as, method, row.Action, ref, got.status, got.body)
						}
						n++
					}
				}
			}
			if after := all(); after != before {
				t.Errorf("%s changes what is stored", row.Action)
				before = after
			}
		}
		t.Logf("%d readings", n)
	})
}

// TestKeysStandNowhere: no key or password that passes through the surface, nor a hash of
// one, stands in the log, in a queued job or in what is read back (2017-16946).
func TestKeysStandNowhere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		secrets := map[string]string{"the caller's": w.secret("admin"), "a peer's": strings.Repeat("TajniKljuc", 4), "a password": "tajna lozinka 4711", "a feed's": "TajnoZaglavlje4711"}
		must := func(as, path, body string) string {
			t.Helper()
			got := w.ask(as, "POST", path, body)
			if got.status != http.StatusOK {
				t.Fatalf("%s: %d %s", path, got.status, got.body)
			}
			return got.body
		}
		secrets["a new one"] = between(must("admin", "/auth_keys/add", `{"comment":"nov"}`), `"authkey_raw":"`, `"`)
		secrets["a new person's"] = between(must("admin", "/admin/users/add", `{"email":"nov@example.rs","org_id":"`+itoa(w.A.ID)+`","role_id":"3","password":"tajna lozinka 4711"}`), `"authkey":"`, `"`)
		w.hand("spent", "user@example.rs", newKeyOf("misp"))
		secrets["a reset one"] = between(must("spent", "/users/resetauthkey/me", ""), `"message":"Authkey updated: `, `"`)
		must("admin", "/servers/add", `{"name":"P","url":"https://misp.example.org","authkey":"`+secrets["a peer's"]+`","remote_org_id":"`+itoa(w.B.ID)+`"}`)
		must("admin", "/feeds/add", `{"Feed":{"name":"F","provider":"p","url":"https://feed.example.org/x.txt","source_format":"freetext","headers":"Authorization: `+secrets["a feed's"]+`"}}`)
		for what, s := range secrets {
			if len(s) < 10 {
				t.Fatalf("%s: %q is no secret", what, s)
			}
		}
		told := w.dump("audit_", "jobs_")
		for _, path := range []string{"/admin/logs/index/limit:500", "/auth_keys/index", "/admin/users/index", "/users/view/me", "/servers/index", "/feeds/index", "/servers/serverSettings"} {
			got := w.ask("admin", "GET", path, "")
			if got.status != http.StatusOK {
				t.Errorf("%s: %d", path, got.status)
			}
			told += got.body
		}
		if !strings.Contains(told, "key.add") {
			t.Fatal("the log says nothing of keys: this proves nothing")
		}
		for what, s := range secrets {
			for _, form := range []string{s, hashed(s), strings.ToUpper(hashed(s)), hashed64(s)} {
				if strings.Contains(told, form) {
					t.Errorf("%s secret stands there as %s", what, form)
				}
			}
		}
		kept := regexp.MustCompile(`\$argon2[^"]*|[A-Za-z0-9+/_-]{40,}=*`).FindAllString(w.dump("account_"), -1)
		if len(kept) < 2*len(w.people) {
			t.Fatalf("only %d hashes are kept: this proves nothing", len(kept))
		}
		for _, h := range kept {
			if strings.Contains(told, h) {
				t.Errorf("a hash of a key or password stands there: %s", h)
			}
		}
	})
}

func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func hashed64(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawStdEncoding.EncodeToString(sum[:])
}

// TestLogIsForItsReaders: the log of acts is for the site administrator; others hear of what
// they did themselves (2023-50918).
func TestLogIsForItsReaders(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		h := plant(t, w)
		w.ask("orgadmin", "POST", "/admin/users/edit/"+itoa(w.people["user"].Person), `{"disabled":false,"contactalert":true}`)
		for _, body := range []string{`{}`, `{"limit":500}`, `{"model":"Event"}`, `{"model":"Event","model_id":"` + h.ids["event"] + `"}`, `{"user_id":"` + itoa(w.people["orgadmin"].Person) + `"}`, `{"model":"User"}`} {
			for _, as := range []string{"user", "publisher", "readonly", "other", "third", "sync"} {
				got := w.ask(as, "POST", "/admin/logs/index", body)
				if got.status != http.StatusOK && got.status != http.StatusForbidden {
					t.Errorf("%s %s: %d %s", as, body, got.status, got.body)
				}
				leak(t, as+" "+body, got)
				var list []struct {
					Log struct {
						UserID string `json:"user_id"`
					}
				}
				if got.status == http.StatusOK {
					w.Must(json.Unmarshal([]byte(got.body), &list))
				}
				for _, l := range list {
					if l.Log.UserID != itoa(w.people[as].Person) {
						t.Errorf("%s %s: reads what %s did: %.300s", as, body, l.Log.UserID, got.body)
						break
					}
				}
			}
		}
		if got := w.ask("admin", "POST", "/admin/logs/index", `{"model":"Event"}`); !strings.Contains(got.body, h.ids["event"]) {
			t.Errorf("the administrator: %d %.300s", got.status, got.body)
		}
	})
}

// TestNamesOfFiltersAreNoQuestions: what stands in the place of an order, a direction, a
// page or the name of a filter, in the path and in the body, is none of the question that
// the database is asked (2021-39302, 2022-48328, 2022-48329, 2023-48655 to 48659): nothing
// fails, and nothing hidden comes.
func TestNamesOfFiltersAreNoQuestions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		h := plant(t, w)
		texts := []string{"'", "1=1", "id DESC, (SELECT 1)", "Event.id) OR (1=1", "1' UNION SELECT 1,2,3 --", "$$", "uuid`", "org_id OR 1=1"}
		before, n := w.dump("intel_"), 0
		for _, row := range Rows() {
			if row.Mutates || row.Open {
				continue
			}
			for i, text := range texts {
				q, _ := json.Marshal(text)
				seg := strings.NewReplacer("%", "%25", " ", "+", "/", "%2F", "'", "%27", "`", "%60", "$", "%24").Replace(text)
				for _, way := range []struct{ method, path, body string }{
					{"GET", "/" + row.Action + "/sort:" + seg + "/direction:" + seg + "/order:" + seg, ""},
					{"GET", "/" + row.Action + "/page:" + seg + "/limit:" + seg + "/" + seg + ":1", ""},
					{"POST", "/" + row.Action, `{"order":` + string(q) + `,"sort":` + string(q) + `,"direction":` + string(q) + `}`},
					{"POST", "/" + row.Action, `{` + string(q) + `:1,"search` + fmt.Sprint(i) + `":` + string(q) + `,"conditions":{` + string(q) + `:"1"},"OR":{` + string(q) + `:1}}`},
				} {
					got := w.ask("third", way.method, way.path, way.body)
					if got.status >= 500 {
						t.Errorf("%s %s %s: %d %.200s", way.method, way.path, way.body, got.status, got.body)
					}
					leak(t, way.method+" "+way.path+" "+way.body, got)
					if strings.Contains(got.body, h.event) || strings.Contains(got.body, h.attribute) {
						t.Errorf("%s %s %s shows what is hidden: %.200s", way.method, way.path, way.body, got.body)
					}
					n++
				}
			}
		}
		if w.dump("intel_") != before {
			t.Error("something was changed")
		}
		t.Logf("%d questions", n)
	})
}

// TestProposalLettersAreOneAnHour: however many proposals are written by hand to an event,
// its maker gets one letter about it an hour, and one again in the next though they go on
// coming; another event has its own, and several workers at once count
// each other's.
func TestProposalLettersAreOneAnHour(t *testing.T) {
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := newWorld(t, db)
		one := w.made("orgadmin", `{"info":"x","distribution":"1","published":true,"Attribute":[{"type":"domain","value":"a.example.rs"}]}`)
		two := w.made("orgadmin", `{"info":"y","distribution":"1","published":true,"Attribute":[{"type":"domain","value":"b.example.rs"}]}`)
		n := 0
		propose := func(event string, times int) {
			t.Helper()
			for range times {
				n++
				if got := w.ask([]string{"other", "third"}[n%2], "POST", "/shadowAttributes/add/"+event, fmt.Sprintf(`{"type":"domain","value":"p%d.example.rs"}`, n)); got.status != http.StatusOK {
					t.Fatalf("%d %s", got.status, got.body)
				}
			}
		}
		letters := func(what string, want int) {
			t.Helper()
			var wg sync.WaitGroup
			for range 4 {
				r := jobs.New(db, append(w.Remarks.Jobs(), w.post.Jobs()...), remark.Subscriptions())
				wg.Go(func() {
					if err := r.Drain(context.Background()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			got := 0
			for _, l := range w.letters() {
				if l.To == "orgadmin@example.rs" {
					got++
				}
			}
			if got != want {
				t.Errorf("%s: %d letters, want %d", what, got, want)
			}
		}
		propose(one, 6)
		letters("six at once", 1)
		propose(two, 1)
		letters("on another event", 2)
		now.Add(50 * time.Minute)
		propose(one, 3)
		letters("within the hour", 2)
		now.Add(20 * time.Minute)
		propose(one, 3)
		letters("in the next hour", 3)
		now.Add(50 * time.Minute)
		propose(one, 1)
		letters("within that", 3)
		now.Add(2 * time.Hour)
		propose(one, 1)
		letters("after two quiet hours", 4)
	})
}
