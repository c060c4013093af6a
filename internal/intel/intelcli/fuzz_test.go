package intelcli

import (
	"bytes"
	"testing"

	"straza/internal/format/misp"
)

// FuzzTables: whatever a file of rows or a text holds, it becomes an event with a
// title and typed attributes, or an error; nothing hangs or panics.
func FuzzTables(f *testing.F) {
	f.Add([]byte("type,value,to_ids\nmd5,44d88612fea8a8f36de82e1278abb02f,1\n"))
	f.Add([]byte("\xEF\xBB\xBFvalue;type\n\"a\nb\",,\n"))
	f.Add([]byte("fetch hxxp://evil[.]example[.]com/a from 203.0.113[.]9"))
	f.Fuzz(func(t *testing.T, b []byte) {
		check := func(e *misp.Event, err error) {
			if err == nil && (e == nil || e.Info.V == "") {
				t.Fatal("neither an event nor an error")
			}
		}
		check(fromCSV("x.csv", bytes.NewReader(b)))
		e, err := fromText("x.txt", bytes.NewReader(b))
		check(e, err)
		if err == nil {
			for _, a := range e.Attribute {
				if _, known := misp.DefaultOf(a.Type.V); !known {
					t.Fatalf("unknown type %q", a.Type.V)
				}
			}
		}
	})
}
