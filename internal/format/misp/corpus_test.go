package misp

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shared returns a path under ../shared of the repository. Without the corpus a
// developer's run skips; CI must have it.
func shared(t testing.TB, parts ...string) string {
	t.Helper()
	_, file, _, _ := runtime.Caller(0)
	root := filepath.Join(filepath.Dir(file), "..", "..", "..", "..", "shared")
	path := filepath.Join(append([]string{root}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("corpus missing: %v", err)
		}
		t.Skipf("corpus missing: %v", err)
	}
	return path
}

func corpus(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(shared(t, "data", "misp-events"), "*.json"))
	if err != nil || len(files) != 29 {
		t.Fatalf("want 29 corpus files, got %d (%v)", len(files), err)
	}
	return files
}

type recording struct {
	Name         string          `json:"name"`
	Method       string          `json:"method"`
	Path         string          `json:"path"`
	Status       int             `json:"status"`
	RequestBody  json.RawMessage `json:"request_body"`
	ResponseBody json.RawMessage `json:"response_body"`
	ShapeOnly    bool            `json:"shape_only"`
	Truncated    int             `json:"truncated_from"`
}

func recordings(t testing.TB) []recording {
	t.Helper()
	f, err := os.Open(shared(t, "data", "misp-recordings", "recordings.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []recording
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<22)
	for sc.Scan() {
		var r recording
		if err := json.Unmarshal(sc.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		out = append(out, r)
	}
	if len(out) != 678 {
		t.Fatalf("want 678 recordings, got %d", len(out))
	}
	return out
}

func decodeAll(t testing.TB, src io.Reader) []*Event {
	t.Helper()
	var out []*Event
	if err := DecodeEvents(src, Limits{}, func(e *Event) error { out = append(out, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// generic decodes JSON without our types, numbers as they stand.
func generic(t testing.TB, b []byte) any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestCorpusRoundTrip: what is read, written and read again is equal, and every
// scalar that our types name leaves as a MISP server wrote it.
func TestCorpusRoundTrip(t *testing.T) {
	events := 0
	for _, file := range corpus(t) {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range decodeAll(t, bytes.NewReader(src)) {
			events++
			var out bytes.Buffer
			if err := EncodeEvent(&out, e); err != nil {
				t.Fatal(err)
			}
			again := decodeAll(t, bytes.NewReader(out.Bytes()))
			if d := cmp.Diff([]*Event{e}, again); d != "" {
				t.Fatalf("%s: %s", filepath.Base(file), d)
			}
			compareWithSource(t, filepath.Base(file), src, out.Bytes())
		}
	}
	if events != 29 {
		t.Errorf("want 29 events in the corpus, got %d", events)
	}
}

// compareWithSource checks our output against the file by uuid, attribute by
// attribute, with a decoder that is not ours.
func compareWithSource(t *testing.T, name string, src, out []byte) {
	t.Helper()
	ours := generic(t, out).(map[string]any)["Event"].(map[string]any)
	var theirs map[string]any
	var find func(v any)
	find = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				find(x)
			}
		case map[string]any:
			if v["uuid"] == ours["uuid"] && v["info"] != nil {
				theirs = v
				return
			}
			find(v["response"])
			find(v["Event"])
		}
	}
	find(generic(t, src))
	if theirs == nil {
		t.Fatalf("%s: event %v not in the file", name, ours["uuid"])
	}
	for _, key := range []string{"id", "info", "date", "uuid", "timestamp", "published", "analysis", "Org", "Attribute", "Object", "EventReport", "ShadowAttribute"} {
		if d := cmp.Diff(known(theirs[key]), known(ours[key])); d != "" {
			t.Errorf("%s: %s: %s", name, key, d)
		}
	}
}

// known drops what a 2.5 server adds or leaves out between versions: it is not
// a matter of this package.
func known(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = known(v[i])
		}
	case map[string]any:
		for k := range v {
			if k == "local" || k == "relationship_type" || k == "org_id" || k == "GalaxyClusterRelation" {
				delete(v, k)
				continue
			}
			v[k] = known(v[k])
		}
	}
	return v
}

// TestRecordedEventBytes: events of a real 2.5.1 server leave byte for byte,
// key order included.
func TestRecordedEventBytes(t *testing.T) {
	n := 0
	for _, r := range recordings(t) {
		if r.ShapeOnly || r.Truncated > 0 || r.Status != 200 || !bytes.HasPrefix(r.ResponseBody, []byte(`{"Event": {"id"`)) {
			continue
		}
		e := decodeAll(t, bytes.NewReader(r.ResponseBody))[0]
		if r.Name == "upload_stix2" {
			continue // an undressed dump with model names between the keys
		}
		n++
		var out bytes.Buffer
		if err := EncodeEvent(&out, e); err != nil {
			t.Fatal(err)
		}
		want := compacted(t, r.ResponseBody)
		if r.Name == "analyst.event_view" { // its short organisations have a changing order
			if d := cmp.Diff(generic(t, r.ResponseBody), generic(t, out.Bytes())); d != "" {
				t.Errorf("%s: %s", r.Name, d)
			}
			continue
		}
		if d := cmp.Diff(want, out.String()); d != "" {
			t.Errorf("%s: %s", r.Name, d)
		}
	}
	if n < 50 {
		t.Errorf("only %d events were compared", n)
	}
}

// compacted rewrites JSON with our escapes and without spaces, keys in order.
func compacted(t *testing.T, b []byte) string {
	t.Helper()
	out, err := newReader(bytes.NewReader(b), Limits{}).raw(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestRecordedParts: attributes, objects, tags, proposals, sightings and the
// rest keep every key, value and order that the server gave them.
func TestRecordedParts(t *testing.T) {
	seen := map[string]int{}
	check := func(name, key string, raw json.RawMessage) {
		var got []byte
		var err error
		again := func(v record, st style) {
			if _, err = newReader(bytes.NewReader(raw), Limits{}).record(v); err == nil {
				got = writeRecord(nil, v, st)
			}
		}
		switch key {
		case "Attribute":
			again(&Attribute{}, alone)
		case "Object":
			again(&Object{}, alone)
		case "ObjectReference":
			again(&ObjectReference{}, alone)
		case "Tag":
			again(&Tag{}, alone)
		case "EventReport":
			again(&EventReport{}, alone)
		case "Sighting":
			again(&Sighting{}, alone)
		case "ShadowAttribute":
			again(&ShadowAttribute{}, alone)
		case "SharingGroup":
			again(&SharingGroup{}, alone)
		case "GalaxyCluster":
			again(&GalaxyCluster{}, alone)
		case "Note", "Opinion":
			again(&Analyst{}, alone)
		default:
			return
		}
		if err != nil {
			t.Errorf("%s %s: %v", name, key, err)
			return
		}
		seen[key]++
		if d := cmp.Diff(generic(t, raw), generic(t, got)); d != "" {
			t.Errorf("%s %s: %s", name, key, d)
		}
	}
	for _, r := range recordings(t) {
		if r.ShapeOnly || r.Truncated > 0 || r.Status != 200 || r.Name == "analyst.indexMinimal" || r.Name == "analyst.filterForPush" {
			continue
		}
		var one map[string]json.RawMessage
		var many []map[string]json.RawMessage
		switch {
		case json.Unmarshal(r.ResponseBody, &one) == nil:
			many = append(many, one)
		case json.Unmarshal(r.ResponseBody, &many) != nil:
			continue
		}
		for _, m := range many {
			for key, raw := range m {
				if bytes.HasPrefix(raw, []byte("{")) && !bytes.Contains(raw[:min(60, len(raw))], []byte(": [")) {
					check(r.Name, key, raw)
				}
			}
		}
	}
	for _, key := range []string{"Attribute", "Object", "ObjectReference", "Tag", "EventReport", "Sighting", "ShadowAttribute", "SharingGroup", "GalaxyCluster", "Note"} {
		if seen[key] == 0 {
			t.Errorf("no %s was compared", key)
		}
	}
	t.Log(seen)
}

func decodeFile(t testing.TB, path string) []*Event {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return decodeAll(t, bytes.NewReader(b))
}
