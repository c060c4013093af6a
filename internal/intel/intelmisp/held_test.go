package intelmisp

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
)

// An event that is deleted or hidden while a search is on its way to its client is left
// out; those before and behind it are there, and the document is whole.
func TestSearchGoesOnWhenAnEventGoes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var many []string // more than the surface holds back: the first write is of this event
		for i := range 400 {
			many = append(many, fmt.Sprintf(`{"type":"domain","value":"d%d.example","comment":"%s"}`, i, strings.Repeat("long ", 200)))
		}
		event := func(body string) string {
			t.Helper()
			var v struct{ Event struct{ ID string } }
			if got := w.ask("user", "POST", "/events/add", body); json.Unmarshal([]byte(got.body), &v) != nil || v.Event.ID == "" {
				t.Fatalf("%d %.300s", got.status, got.body)
			}
			return v.Event.ID
		}
		event(`{"info":"before","distribution":1,"Attribute":[` + strings.Join(many, ",") + `]}`)
		formats := []string{"json", "json", "stix2", "stix2", "xml", "xml"}
		var doomed []string
		for i := range formats {
			doomed = append(doomed, event(fmt.Sprintf(`{"info":"doomed","distribution":1,"Tag":[{"name":"tlp:green"}],"Attribute":[{"type":"domain","value":"doomed%d.example"}]}`, i)))
		}
		event(`{"info":"after","distribution":1,"Tag":[{"name":"tlp:green"}],"Attribute":[{"type":"domain","value":"after.example"}]}`)
		go1 := func(i int) func() {
			return sync.OnceFunc(func() {
				w.atWrite = nil
				path, body := "/events/delete/"+doomed[i], ""
				if i%2 == 1 {
					path, body = "/events/edit/"+doomed[i], `{"distribution":0}`
				}
				if got := w.ask("user", "POST", path, body); got.status != 200 {
					t.Errorf("%s: %d %s", path, got.status, got.body)
				}
			})
		}
		for i, format := range formats {
			w.atWrite = go1(i)
			got := w.ask("other", "POST", "/events/restSearch", `{"returnFormat":"`+format+`"}`)
			if w.atWrite != nil || !strings.Contains(got.body, "d399.example") || !strings.Contains(got.body, "after.example") {
				t.Errorf("%s: not all is there, %d bytes", format, len(got.body))
			}
			for n := range formats {
				if strings.Contains(got.body, fmt.Sprintf("doomed%d.example", n)) != (n > i) {
					t.Errorf("%s: event %d, when the one that goes is %d", format, n, i)
				}
			}
			isWhole(t, format, got.body)
		}
	})
}

// The same where attributes and objects are asked for, with all that is read beside each.
func TestAttributeSearchGoesOn(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		part := func(i int) string { // more than is held back
			return fmt.Sprintf(`{"type":"domain","value":"d%d.example","comment":"%s"}`, i, strings.Repeat("long ", 200))
		}
		event := func(info string, n int) string {
			t.Helper()
			var parts, things []string
			for i := range n {
				parts = append(parts, part(i))
				things = append(things, `{"name":"thing","distribution":5,"meta-category":"misc","template_uuid":"11111111-1111-4111-8111-111111111111","template_version":"1","description":"d","Attribute":[`+strings.Replace(part(i), `"type"`, `"object_relation":"a","type"`, 1)+`]}`)
			}
			body := fmt.Sprintf(`{"info":%q,"distribution":1,"Attribute":[%s],"Object":[%s]}`, info, strings.Join(parts, ","), strings.Join(things, ","))
			var v struct{ Event struct{ ID string } }
			if got := w.ask("user", "POST", "/events/add", body); json.Unmarshal([]byte(got.body), &v) != nil || v.Event.ID == "" {
				t.Fatalf("%d %.300s", got.status, got.body)
			}
			return v.Event.ID
		}
		event("before", 400)
		for _, c := range []struct{ path, format, more string }{
			{"/attributes/restSearch", "json", ""}, {"/attributes/restSearch", "json", `,"includeSightings":1,"includeContext":1`}, {"/attributes/restSearch", "json", `,"includeProposals":1`},
			{"/attributes/restSearch", "xml", `,"includeCorrelations":1`}, {"/objects/restSearch", "json", ""},
		} {
			doomed := event("doomed", 3)
			w.atWrite = sync.OnceFunc(func() {
				w.atWrite = nil
				w.ask("user", "POST", "/events/delete/"+doomed, "")
			})
			got := w.ask("other", "POST", c.path, `{"returnFormat":"`+c.format+`"`+c.more+`}`)
			if w.atWrite != nil || !strings.Contains(got.body, "d399.example") {
				t.Errorf("%v: not all is there, %d bytes", c, len(got.body))
			}
			isWhole(t, c.format, got.body)
		}
	})
}

func isWhole(t *testing.T, format, body string) {
	t.Helper()
	if format != "xml" {
		if !json.Valid([]byte(body)) {
			t.Errorf("%s is no document: …%s", format, body[max(0, len(body)-80):])
		}
		return
	}
	for d := xml.NewDecoder(strings.NewReader(body)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Error(err)
			return
		}
	}
}

// TestCountGoesAheadOfAStream: how many match stands in the header of a search of events
// and of the index, however long the answer is and however long it takes.
func TestCountGoesAheadOfAStream(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		long := strings.Repeat("long ", 12000)
		for i := range 6 {
			if got := w.ask("user", "POST", "/events/add", fmt.Sprintf(`{"info":"e%d %s","distribution":1,"Attribute":[{"type":"text","value":"t%d %s"}]}`, i, long, i, long)); got.status != 200 {
				t.Fatalf("%d %.200s", got.status, got.body)
			}
		}
		for _, c := range [][3]string{{"POST", "/events/restSearch", `{"returnFormat":"json","eventinfo":"e%"}`}, {"POST", "/events/restSearch", `{"returnFormat":"xml","eventinfo":"e%","limit":5}`},
			{"POST", "/events/index", `{"eventinfo":"e"}`}} {
			got := w.ask("user", c[0], c[1], c[2])
			if n := got.first.Get("X-Result-Count"); got.status != 200 || len(got.body) < 256<<10 || n != "6" {
				t.Errorf("%v: %d, %d bytes, X-Result-Count %q ahead of them", c, got.status, len(got.body), n)
			}
		}
	})
}
