package misp

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

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
