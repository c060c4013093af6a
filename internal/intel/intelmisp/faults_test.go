package intelmisp

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// counts of an event as its maker sees them.
func (w *world) counted(as, ref string) string {
	w.T.Helper()
	got := w.ask(as, "GET", "/events/view/"+ref+"/metadata:1", "")
	return between(got.body, `"attribute_count":"`, `"`)
}

// TestMillionAttributes: an event of a million attributes comes as a stream, most of them
// said before; each value is kept once, and memory does not grow with what is sent.
func TestMillionAttributes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const sent, distinct, most = 1_000_000, 2_000, 400 << 20
		var peak atomic.Uint64
		done := make(chan struct{})
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak.Store(max(peak.Load(), m.HeapInuse))
				select {
				case <-done:
					return
				case <-tick.C:
				}
			}
		}()
		pr, pw := io.Pipe()
		go func() {
			b := bufio.NewWriterSize(pw, 1<<16)
			_, _ = b.WriteString(`{"Event":{"uuid":"40404040-1111-4111-8111-111111111111","info":"milion","Attribute":[`)
			for i := range sent {
				if i > 0 {
					_ = b.WriteByte(',')
				}
				fmt.Fprintf(b, `{"type":"domain","value":"m%d.example.org"}`, i%distinct)
			}
			_, _ = b.WriteString("]}}")
			_ = b.Flush()
			_ = pw.Close()
		}()
		r, err := http.NewRequest(http.MethodPost, w.url+"/events/add/metadata:1", pr)
		w.Must(err)
		r.Header.Set("Accept", "application/json")
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", w.secret("orgadmin"))
		res, err := http.DefaultClient.Do(r)
		w.Must(err)
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		close(done)
		<-watched
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%d %.300s", res.StatusCode, body)
		}
		if n := w.counted("orgadmin", "40404040-1111-4111-8111-111111111111"); n != itoa(distinct) {
			t.Errorf("%s attributes are kept, want %d", n, distinct)
		}
		if p := peak.Load(); p > most {
			t.Errorf("%d MB of memory at the highest", p>>20)
		}
	})
}

// TestTenThousandTags: an event with ten thousand tags is stored with all of them, and read
// back; so is an attribute with as many again of the same.
func TestTenThousandTags(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const n = 10_000
		var tags strings.Builder
		for i := range n {
			if i > 0 {
				tags.WriteByte(',')
			}
			fmt.Fprintf(&tags, `{"name":"mnogo:oznaka=\"%d\""}`, i)
		}
		uuid := w.made("orgadmin", `{"info":"x","distribution":"1","Tag":[`+tags.String()+`],"Attribute":[{"type":"domain","value":"a.example.rs","Tag":[`+tags.String()+`]}]}`)
		var v struct {
			Event struct {
				Tag       []struct{ Name string }
				Attribute []struct{ Tag []struct{ Name string } }
			}
		}
		w.Must(json.Unmarshal([]byte(w.ask("other", "GET", "/events/view/"+uuid, "").body), &v))
		if len(v.Event.Tag) != n || len(v.Event.Attribute) != 1 || len(v.Event.Attribute[0].Tag) != n {
			t.Errorf("%d tags, attributes %d", len(v.Event.Tag), len(v.Event.Attribute))
		}
		if got := w.ask("other", "POST", "/attributes/restSearch", `{"tags":"mnogo:oznaka=\"9999\"","returnFormat":"count"}`); got.body != "1" {
			t.Errorf("found by the last of them: %s", got.body)
		}
	})
}

// TestDuplicateIDs: what says that it is something else does not become it. Numbers that a
// client gives mean nothing; of two with one UUID the first stays; a UUID of another event's
// part is not taken over, nor told of.
func TestDuplicateIDs(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const one, two = "41414141-1111-4111-8111-111111111111", "41414141-2222-4111-8111-111111111111"
		hidden := w.made("orgadmin", `{"info":"prvi","distribution":"0","Attribute":[{"uuid":"`+one+`","type":"domain","value":"prvi.example.rs"}],
			"Object":[{"uuid":"`+two+`","name":"x","meta-category":"m","description":"d","distribution":"5","Attribute":[{"type":"text","object_relation":"r","value":"prvi tekst"}]}]}`)
		before := w.ask("orgadmin", "GET", "/events/view/"+hidden, "").body
		id := between(before, `{"Event":{"id":"`, `"`)
		for _, c := range []struct{ name, parts, want string }{
			{"two of one UUID", `"Attribute":[{"uuid":"42424242-1111-4111-8111-111111111111","type":"domain","value":"a.example.rs"},{"uuid":"42424242-1111-4111-8111-111111111111","type":"domain","value":"b.example.rs"}]`, "1"},
			{"numbers of another event", `"id":"` + id + `","Attribute":[{"id":"1","event_id":"` + id + `","object_id":"1","type":"domain","value":"c.example.rs"},{"id":"1","event_id":"` + id + `","type":"domain","value":"d.example.rs"}]`, "2"},
			{"a UUID of a hidden attribute", `"Attribute":[{"uuid":"` + one + `","type":"domain","value":"e.example.rs"},{"type":"domain","value":"f.example.rs"}]`, "1"},
			{"a UUID of a hidden object", `"Object":[{"uuid":"` + two + `","name":"x","meta-category":"m","description":"d","Attribute":[{"type":"text","object_relation":"r","value":"g"}]}],"Attribute":[{"type":"domain","value":"g.example.rs"}]`, "1"},
			{"attribute and object of one UUID", `"Attribute":[{"uuid":"43434343-1111-4111-8111-111111111111","type":"domain","value":"h.example.rs"}],"Object":[{"uuid":"43434343-1111-4111-8111-111111111111","name":"x","meta-category":"m","description":"d","Attribute":[]}]`, "1"},
		} {
			got := w.ask("other", "POST", "/events/add", `{"info":"`+c.name+`","distribution":"0",`+c.parts+`}`)
			if got.status != http.StatusOK || strings.Contains(got.body, "prvi") {
				t.Errorf("%s: %d %.300s", c.name, got.status, got.body)
				continue
			}
			if n := w.counted("other", between(got.body, `{"Event":{"id":"`, `"`)); n != c.want {
				t.Errorf("%s: %s attributes, want %s", c.name, n, c.want)
			}
		}
		again := w.ask("other", "POST", "/events/add", `{"uuid":"`+hidden+`","info":"isti"}`)
		if again.status == http.StatusOK || strings.Contains(again.body, "prvi") || strings.Contains(again.body, id) || strings.Contains(again.header.Get("Location"), id) {
			t.Errorf("the UUID of a hidden event: %d %v %s", again.status, again.header, again.body)
		}
		if after := w.ask("orgadmin", "GET", "/events/view/"+hidden, "").body; after != before {
			t.Errorf("another event has changed:\n%s\n%s", before, after)
		}
	})
}

// TestWrongTypes: values of a wrong JSON type in each place are refused or left out, never
// an internal error, and never something wider than what came.
func TestWrongTypes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		odd := []string{`7`, `-1.5e300`, `true`, `null`, `""`, `"x"`, `[]`, `[[]]`, `[1,"a",null]`, `{}`, `{"a":{"b":[]}}`, `"` + strings.Repeat("9", 400) + `"`}
		places := []string{`"info":%s`, `"date":%s`, `"uuid":%s`, `"timestamp":%s`, `"published":%s`, `"analysis":%s`, `"threat_level_id":%s`, `"distribution":%s`, `"sharing_group_id":%s`,
			`"extends_uuid":%s`, `"Orgc":%s`, `"SharingGroup":%s`, `"Tag":%s`, `"Tag":[%s]`, `"Tag":[{"name":%s}]`, `"Attribute":%s`, `"Attribute":[%s]`, `"Object":%s`, `"Object":[%s]`, `"Object":[{"name":"n","Attribute":%s}]`,
			`"EventReport":%s`, `"EventReport":[{"name":%s}]`, `"Galaxy":%s`, `"Note":%s`, `"ShadowAttribute":%s`, `"Sighting":%s`}
		for _, key := range strings.Fields("type value category to_ids uuid timestamp distribution sharing_group_id comment deleted first_seen last_seen data Tag disable_correlation") {
			places = append(places, `"Attribute":[{"type":"domain","value":"p.example.rs","`+key+`":%s}]`)
		}
		n := 0
		for _, place := range places {
			for _, v := range odd {
				body := `{"Event":{"info":"vrsta","distribution":"0",` + fmt.Sprintf(place, v) + `}}`
				got := w.ask("orgadmin", "POST", "/events/add/metadata:1", body)
				var doc map[string]any
				if got.status >= 500 || json.Unmarshal([]byte(got.body), &doc) != nil {
					t.Errorf("%s: %d %.200s", body[:min(len(body), 160)], got.status, got.body)
				}
				if n++; got.status == http.StatusOK && !strings.HasPrefix(place, `"distribution"`) && !strings.Contains(got.body, `"distribution":"0"`) {
					t.Errorf("%.160s: stored wider: %.300s", body, got.body)
				}
			}
		}
		for _, v := range odd { // what is no level is never wider than the own organisation; PHP writes nothing in the four ways
			got := w.ask("orgadmin", "POST", "/events/add/metadata:1", `{"info":"vrsta","distribution":`+v+`}`)
			if d := between(got.body, `"distribution":"`, `"`); got.status == http.StatusOK && d != "0" && v != `true` && !strings.Contains(` null "" [] {} `, " "+v+" ") {
				t.Errorf("distribution %.40s is stored as %s", v, d)
			}
		}
		t.Logf("%d documents", n)
	})
}

// TestNobodyElseChangesAnEvent: an event of organisation A at every level, with an attribute,
// an object, a reference and a report, stays as it is whatever people of other organisations,
// or of its own without the right, send to each route that changes things. Proposals,
// sightings, opinions and what a free text import by them makes (proposals) are theirs to make.
func TestNobodyElseChangesAnEvent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		group := between(w.ask("orgadmin", "POST", "/sharing_groups/add", `{"name":"zajedno","releasability":"x","SharingGroupOrg":[{"uuid":"`+w.A.UUID+`"},{"uuid":"`+w.B.UUID+`"}]}`).body, `"id":"`, `"`)
		n := 0
		for level := range 5 {
			u := func(k int) string { return fmt.Sprintf("45454545-%04d-4111-8111-%012d", level, k) }
			head := fmt.Sprintf(`"uuid":"%s","info":"nivo","published":true,"distribution":"%d"`, u(1), level)
			if level == 4 {
				head += `,"sharing_group_id":"` + group + `"`
			}
			made := w.ask("orgadmin", "POST", "/events/add", `{`+head+`,"Tag":[{"name":"tlp:green"}],"Attribute":[{"uuid":"`+u(2)+`","type":"domain","value":"n.example.rs"}],
				"Object":[{"uuid":"`+u(3)+`","name":"x","meta-category":"m","description":"d","distribution":"5","ObjectReference":[{"uuid":"`+u(4)+`","referenced_uuid":"`+u(2)+`","relationship_type":"r"}],"Attribute":[{"uuid":"`+u(6)+`","type":"text","object_relation":"r","value":"v"}]}],
				"EventReport":[{"uuid":"`+u(5)+`","name":"r","content":"c","distribution":"5"}]}`)
			if made.status != http.StatusOK {
				t.Fatalf("%d %s", made.status, made.body)
			}
			id, at := between(made.body, `{"Event":{"id":"`, `"`), between(made.body, `"Attribute":[{"id":"`, `"`)
			before := w.ask("orgadmin", "GET", "/events/view/"+u(1), "").body
			ways := []string{"POST /events/edit/%1 {\"info\":\"x\"}", "PUT /events/%1 {\"info\":\"x\"}", "POST /events/edit/%e {\"Attribute\":[{\"uuid\":\"%2\",\"comment\":\"x\"}]}", "DELETE /events/%1", "POST /events/delete/%e {}", "POST /events/delete {\"id\":[\"%e\"]}",
				"POST /events/publish/%1", "POST /events/alert/%1", "POST /events/unpublish/%1", "POST /events/addTag/%1/tlp:red", "POST /events/removeTag/%1/tlp:green",
				"POST /attributes/add/%1 {\"type\":\"domain\",\"value\":\"z.example.rs\"}", "POST /attributes/edit/%2 {\"comment\":\"x\"}", "POST /attributes/delete/%2", "POST /attributes/delete/%2/1", "DELETE /attributes/%2", "POST /attributes/restore/%a",
				"POST /attributes/deleteSelected/%e {\"id\":[\"%a\"],\"allow_hard_delete\":true}", "POST /attributes/addTag/%a/tlp:red", "POST /attributes/enrich/%2 {\"dns\":true}", "POST /events/enrichEvent/%1 {\"dns\":true}",
				"POST /objects/add/%1 {\"name\":\"y\",\"meta-category\":\"m\",\"description\":\"d\",\"Attribute\":[{\"type\":\"text\",\"object_relation\":\"r\",\"value\":\"w\"}]}", "POST /objects/edit/%3 {\"comment\":\"x\"}", "POST /objects/delete/%3", "POST /objects/delete/%3/1",
				"POST /objectReferences/add {\"object_uuid\":\"%3\",\"referenced_uuid\":\"%2\",\"relationship_type\":\"z\"}", "POST /objectReferences/delete/%4", "POST /objectReferences/delete/%4/1",
				"POST /eventReports/add/%e {\"name\":\"z\"}", "POST /eventReports/edit/%5 {\"content\":\"x\"}", "POST /eventReports/delete/%5", "POST /eventReports/delete/%5/1",
				"POST /tags/attachTagToObject {\"uuid\":\"%1\",\"tag\":\"tlp:red\"}", "POST /tags/attachTagToObject {\"uuid\":\"%2\",\"tag\":\"tlp:red\"}", "POST /tags/removeTagFromObject {\"uuid\":\"%1\",\"tag\":\"tlp:green\"}",
				"POST /events/publishSightings/%1", "POST /eventDelegations/delegateEvent/%e {\"EventDelegation\":{\"org_id\":\"1\",\"distribution\":\"0\"}}", "POST /galaxies/attachCluster/%1/event/local:0 {\"Galaxy\":{\"target_id\":1}}",
				"POST /events/add {\"uuid\":\"%1\",\"info\":\"x\"}", "POST /events/add {\"info\":\"krađa\",\"Attribute\":[{\"uuid\":\"%2\",\"type\":\"domain\",\"value\":\"k.example.rs\"}],\"Object\":[{\"uuid\":\"%3\",\"name\":\"k\",\"Attribute\":[]}],\"EventReport\":[{\"uuid\":\"%5\",\"name\":\"k\"}]}"}
			fill := strings.NewReplacer("%1", u(1), "%2", u(2), "%3", u(3), "%4", u(4), "%5", u(5), "%e", id, "%a", at)
			for _, way := range ways {
				for _, as := range []string{"other", "third", "sync", "readonly", "rokey"} {
					method, rest, _ := strings.Cut(fill.Replace(way), " ")
					path, body, _ := strings.Cut(rest, " ")
					if got := w.ask(as, method, path, body); got.status >= 500 {
						t.Errorf("%s %s: %d %.200s", as, way, got.status, got.body)
					}
					n++
				}
				if after := w.ask("orgadmin", "GET", "/events/view/"+u(1), "").body; after != before {
					t.Fatalf("level %d: somebody changed it by %s:\n%s\n%s", level, way, before, after)
				}
			}
		}
		t.Logf("%d attempts", n)
	})
}
