package misp

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRecordedCSV writes the server's CSV answers anew from its own JSON answers.
func TestRecordedCSV(t *testing.T) {
	all := map[string]recording{}
	for _, r := range recordings(t) {
		if _, ok := all[r.Name]; !ok {
			all[r.Name] = r
		}
	}
	event := func(name string) *Event { return decodeAll(t, bytes.NewReader(all[name].ResponseBody))[0] }
	base, object := event("rs.events.json"), event("event.add.object")
	for _, tc := range []struct {
		name string
		e    *Event
		o    CSVOptions
	}{
		{"rs.events.fmt.csv", base, CSVOptions{}},
		{"rs.attributes.csv.headerless", base, CSVOptions{Headerless: true, Requested: []string{"value", "type", "event_id"}}},
		{"rs.attributes.csv.context", base, CSVOptions{Context: true}},
		{"rs.events.csv.object", object, CSVOptions{}},
	} {
		var out bytes.Buffer
		w := NewCSVWriter(&out, tc.o)
		for i := range tc.e.Attribute {
			if err := w.Attribute(&tc.e.Attribute[i], nil, tc.e); err != nil {
				t.Fatal(err)
			}
		}
		for i := range tc.e.Object {
			for j := range tc.e.Object[i].Attribute {
				if err := w.Attribute(&tc.e.Object[i].Attribute[j], &tc.e.Object[i], tc.e); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var want string
		if err := json.Unmarshal(all[tc.name].ResponseBody, &want); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, out.String()); d != "" {
			t.Errorf("%s: %s", tc.name, d)
		}
	}
}

// TestRecordedXML writes the server's XML anew from its JSON, as far as both show
// the same keys.
func TestRecordedXML(t *testing.T) {
	var event, attribute string
	var e *Event
	for _, r := range recordings(t) {
		switch r.Name {
		case "rs.events.fmt.xml":
			_ = json.Unmarshal(r.ResponseBody, &event)
		case "rs.attributes.fmt.xml":
			_ = json.Unmarshal(r.ResponseBody, &attribute)
		case "rs.events.json":
			e = decodeAll(t, bytes.NewReader(r.ResponseBody))[0]
		}
	}
	event = strings.ReplaceAll(event, "&quot;", `"`) // the same to a reader; the other answer has it bare
	for i := range e.Attribute {
		a := e.Attribute[i]
		for _, tc := range []struct {
			doc  string
			json []byte
		}{{event, AppendInEvent(nil, &a)}, {attribute, func() []byte { a.Galaxy, a.ShadowAttribute = nil, nil; return Append(nil, &a) }()}} {
			got, err := AppendXML(nil, "Attribute", tc.json)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(tc.doc, string(got)) {
				t.Errorf("the server did not write %s", got)
			}
		}
	}
	for i := range e.Tag {
		if got, _ := AppendXML(nil, "Tag", AppendInEvent(nil, &e.Tag[i])); !strings.Contains(event, string(got)) {
			t.Errorf("the server did not write %s", got)
		}
	}
}

// FuzzXML: any JSON becomes well-formed XML.
func FuzzXML(f *testing.F) {
	f.Add(`{"a b":["<&>\u0001",null,{"1":true}],"":[]}`)
	f.Fuzz(func(t *testing.T, in string) {
		out, err := AppendXML([]byte("<r>"), "x", []byte(in))
		if err != nil {
			return
		}
		dec := xml.NewDecoder(bytes.NewReader(append(out, "</r>"...)))
		for {
			if _, err := dec.Token(); err == io.EOF {
				return
			} else if err != nil {
				t.Fatalf("%q → %q: %v", in, out, err)
			}
		}
	})
}
