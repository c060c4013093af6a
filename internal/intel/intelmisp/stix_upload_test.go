package intelmisp

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"straza/internal/kernel/clock"
	"straza/internal/testkit"
)

const uploaded = `{"type":"bundle","id":"bundle--4dfddb34-0e54-5084-a4ea-c02a0fd70dd0","objects":[{"type":"indicator","spec_version":"2.1","id":"indicator--82a48ef4-acc4-5f85-982c-870edf5db19b",
"created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","pattern":"[ipv4-addr:value = '198.51.100.120']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"}]}`

// TestUploadSTIX: what is uploaded can be read, the document with it; the same
// again is refused as every event that is there; what is no STIX stores nothing.
func TestUploadSTIX(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.ask("orgadmin", "POST", "/events/upload_stix/2", uploaded)
		if a.status != 200 || !strings.Contains(a.body, `"attribute_count":"3"`) || !strings.Contains(a.body, "original-imported-file") {
			t.Fatalf("%d %s", a.status, a.body)
		}
		if a := w.ask("orgadmin", "GET", "/events/view/4dfddb34-0e54-5084-a4ea-c02a0fd70dd0", ""); a.status != 200 || !strings.Contains(a.body, `"198.51.100.120"`) {
			t.Errorf("%d %s", a.status, a.body)
		}
		for _, c := range []struct {
			name, path, body string
			status           int
		}{
			{"the same again", "/events/upload_stix/2", uploaded, 404},
			{"STIX 1", "/events/upload_stix/1", "<stix/>", 403},
			{"no version", "/events/upload_stix", uploaded, 403},
			{"not JSON", "/events/upload_stix/2", "<stix/>", 405},
			{"a MISP event", "/events/upload_stix/2", `{"Event":{"info":"x"}}`, 405},
			{"cut short", "/events/upload_stix/2", uploaded[:200], 405},
			{"too deep", "/events/upload_stix/2", `{"type":"bundle","objects":[{"type":"x-a","id":"x-a--82a48ef4-acc4-5f85-982c-870edf5db19b","a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}]}`, 405},
			{"a bomb", "/events/upload_stix/2", bomb(), 413},
		} {
			var head []string
			if c.name == "a bomb" {
				head = []string{"Content-Encoding", "gzip"}
			}
			if a := w.ask("orgadmin", "POST", c.path, c.body, head...); a.status != c.status {
				t.Errorf("%s: %d, want %d: %.300s", c.name, a.status, c.status, a.body)
			}
		}
	})
}

// TestUploadTellsWhatIsLeft: what of a document had no place stands in a header, at most
// twenty of it, never a line of its own; nothing is there when nothing was left.
func TestUploadTellsWhatIsLeft(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if got := w.ask("orgadmin", "POST", "/events/upload_stix/2", uploaded); got.status != 200 || got.header.Get("X-STIX-Left") != "" {
			t.Errorf("of a whole document: %d %q", got.status, got.header.Get("X-STIX-Left"))
		}
		odd := ""
		for i := range 30 {
			odd += `,{"type":"relationship","spec_version":"2.1","id":"relationship--82a48ef4-acc4-4f85-982c-8700000000` + strconv.Itoa(10+i) + `","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z",` +
				`"relationship_type":"x\r\nSet-Cookie: a","source_ref":"indicator--82a48ef4-acc4-4f85-982c-8700000000` + strconv.Itoa(10+i) + `","target_ref":"malware--82a48ef4-acc4-4f85-982c-870000000099"}`
		}
		doc := strings.Replace(strings.Replace(uploaded, "4dfddb34", "4dfddb35", 1), `"valid_from":"2026-01-01T00:00:00Z"}`, `"valid_from":"2026-01-01T00:00:00Z"}`+odd, 1)
		got := w.ask("orgadmin", "POST", "/events/upload_stix/2", doc)
		var left []map[string]any
		if err := json.Unmarshal([]byte(got.header.Get("X-STIX-Left")), &left); got.status != 200 || err != nil || len(left) == 0 || len(left) > 20 || strings.ContainsAny(got.header.Get("X-STIX-Left"), "\r\n") || got.header.Get("Set-Cookie") != "" {
			t.Errorf("%d %v %q", got.status, err, got.header.Get("X-STIX-Left"))
		}
	})
}

// TestSTIXRoundTripOverTheWire: a search as stix2 goes back in by upload_stix on
// another installation, and the event is the same.
func TestSTIXRoundTripOverTheWire(t *testing.T) {
	path := filepath.Join("..", "..", "..", "..", "shared", "data", "misp-events", "cloudmensis__cloudmensis.misp.json")
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Skip("no corpus beside this tree")
	}
	each(t, func(t *testing.T, w *world) {
		var sent struct {
			Response []struct {
				Event struct{ UUID string }
			}
		}
		w.Must(json.Unmarshal(doc, &sent))
		if a := w.ask("orgadmin", "POST", "/events/add", string(doc)); a.status != 200 {
			t.Fatal(a.status, a.body)
		}
		uuid := sent.Response[0].Event.UUID
		view := func() map[string]any {
			var e struct{ Event map[string]any }
			a := w.ask("orgadmin", "GET", "/events/view/"+uuid, "")
			if err := json.Unmarshal([]byte(a.body), &e); err != nil {
				t.Fatal(a.status, a.body)
			}
			return e.Event
		}
		before := view()
		bundle := w.ask("orgadmin", "POST", "/events/restSearch", `{"returnFormat":"stix2","uuid":"`+uuid+`"}`)
		w = newWorld(t, testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 2)))
		a := w.ask("orgadmin", "POST", "/events/upload_stix/2", bundle.body)
		if a.status != 200 {
			t.Fatalf("%d %.500s", a.status, a.body)
		}
		after := view()
		for _, key := range []string{"info", "uuid", "date", "threat_level_id", "analysis", "timestamp", "distribution", "extends_uuid"} {
			if before[key] != after[key] {
				t.Errorf("%s: %v, was %v", key, after[key], before[key])
			}
		}
		for _, key := range []string{"Attribute", "Object", "Tag", "EventReport"} {
			x, _ := before[key].([]any)
			y, _ := after[key].([]any)
			want := len(x)
			if key == "Object" {
				want++ // the document itself
			}
			if len(y) != want {
				t.Errorf("%s: %d, were %d", key, len(y), len(x))
			}
		}
	})
}
