package intelmisp

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"straza/internal/intel"
)

// TestFilesComeBack: an attachment as it came, a sample as the archive in which it
// travels, neither for whom the attribute is hidden; events/upload_sample keeps files in
// a new event and in one that is named.
func TestFilesComeBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		plain := "\x00\xffbytes of a document\r\n"
		data := base64.StdEncoding.EncodeToString([]byte(plain))
		uuid := w.made("orgadmin", `{"info":"x","distribution":"1","Attribute":[
			{"type":"attachment","category":"Payload delivery","value":"izveštaj.pdf","data":"`+data+`"},
			{"type":"attachment","category":"Payload delivery","value":"hidden.pdf","distribution":"0","data":"`+data+`"},
			{"type":"domain","value":"nofile.example.rs"}]}`)
		ids := w.attributes("orgadmin", uuid)
		got := w.ask("other", "GET", "/attributes/downloadAttachment/download/"+ids["izveštaj.pdf"], "")
		if got.status != http.StatusOK || got.body != plain || got.header.Get("Content-Type") != "application/octet-stream" || !strings.Contains(got.header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%d %q %v", got.status, got.body, got.header)
		}
		if got := w.ask("other", "GET", "/attributes/download/"+ids["izveštaj.pdf"], ""); got.status != http.StatusOK || got.body != plain {
			t.Errorf("download: %d %q", got.status, got.body)
		}
		unknown := w.ask("other", "GET", "/attributes/download/99999999", "")
		for _, name := range []string{"hidden.pdf", "nofile.example.rs"} {
			if got := w.ask("other", "GET", "/attributes/download/"+ids[name], ""); got.status != http.StatusNotFound || len(got.body) > len(unknown.body)+20 || strings.Contains(got.body, "document") {
				t.Errorf("%s: %d %q", name, got.status, got.body)
			}
		}

		body := `{"request":{"info":"uzorci","comment":"iz pošte","files":[{"filename":"a.exe","data":"` + data + `"},{"filename":"b.exe","data":"` + base64.StdEncoding.EncodeToString([]byte("other")) + `"}]}}`
		got = w.ask("orgadmin", "POST", "/events/upload_sample", body)
		var v struct{ Name, Message, ID string }
		if err := json.Unmarshal([]byte(got.body), &v); err != nil || v.Message != "Success, saved all attributes." || v.ID == "" {
			t.Fatalf("%d %s", got.status, got.body)
		}
		if got := w.ask("orgadmin", "POST", "/events/upload_sample/"+uuid, strings.ReplaceAll(body, "a.exe", "c.exe")); !strings.Contains(got.body, "saved all") {
			t.Errorf("to one that is named: %d %s", got.status, got.body)
		}
		for _, event := range []string{v.ID, uuid} {
			found := 0
			for value, id := range w.attributes("orgadmin", event) {
				if !strings.Contains(value, ".exe|") {
					continue
				}
				found++
				got := w.ask("orgadmin", "GET", "/attributes/downloadAttachment/download/"+id, "")
				if !intel.SampleSealed([]byte(got.body)) || bytes.Contains([]byte(got.body), []byte("bytes of")) || !strings.Contains(got.header.Get("Content-Disposition"), ".exe.zip") {
					t.Errorf("%s: %d %v", value, got.status, got.header)
				}
			}
			if found != 2 {
				t.Errorf("%d samples in %s", found, event)
			}
		}
		if got := w.ask("other", "POST", "/events/upload_sample/"+uuid, body); got.status != http.StatusForbidden {
			t.Errorf("into a foreign event: %d %s", got.status, got.body)
		}
		for _, bad := range []string{`{}`, `{"request":{"files":"x"}}`, `{"request":{"files":[]}}`} {
			if got := w.ask("orgadmin", "POST", "/events/upload_sample", bad); got.status != http.StatusForbidden {
				t.Errorf("%s: %d %s", bad, got.status, got.body)
			}
		}
	})
}

// attributes gives an event's attributes, value to id.
func (w *world) attributes(as, event string) map[string]string {
	w.T.Helper()
	got := w.ask(as, "GET", "/events/view/"+event, "")
	var v struct {
		Event struct{ Attribute []struct{ ID, Value string } }
	}
	if err := json.Unmarshal([]byte(got.body), &v); err != nil {
		w.T.Fatalf("%d %s", got.status, got.body)
	}
	out := map[string]string{}
	for _, a := range v.Event.Attribute {
		out[a.Value] = a.ID
	}
	return out
}
