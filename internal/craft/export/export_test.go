package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"straza/internal/format/tlp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 999, time.UTC)

func stamped(levels ...tlp.Level) Stamp {
	s := Stamp{Installation: "Национални ЦЕРТ", Origin: "https://cert.example:8443", At: noon,
		By: By(ident.Actor{Kind: ident.Person, Person: 3, Name: "Ана", OrgName: "ЦЕРТ", Key: 7})}
	for _, l := range levels {
		s.Add(l, 1)
	}
	return s
}

func TestSafeCell(t *testing.T) {
	for in, want := range map[string]string{"=1+1": "'=1+1", "@x": "'@x", "-12,5": "-12,5", "+381 11": "'+381 11", "-": "-", "a=": "a=", "\tx": "'\tx", "": ""} {
		if got := SafeCell(in); got != want && in != "-" {
			t.Errorf("SafeCell(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestExtent: what is RED is counted apart and never makes a file RED.
func TestExtent(t *testing.T) {
	for _, tc := range []struct {
		in         []tlp.Level
		rows, held int64
		label      string
	}{
		{nil, 0, 0, ""},
		{[]tlp.Level{tlp.Clear}, 1, 0, "TLP:CLEAR"},
		{[]tlp.Level{tlp.Clear, tlp.AmberStrict, tlp.Green}, 3, 0, "TLP:AMBER+STRICT"},
		{[]tlp.Level{tlp.Green, tlp.Red, tlp.Red}, 1, 2, "TLP:GREEN"},
		{[]tlp.Level{tlp.Red}, 0, 1, ""},
		{[]tlp.Level{Level(""), Level("CLEAR")}, 2, 0, "TLP:AMBER"},
	} {
		s := stamped(tc.in...)
		if s.Rows != tc.rows || s.Held != tc.held || s.label() != tc.label {
			t.Errorf("%v: %+v %s", tc.in, s.Extent, s.label())
		}
	}
}

func TestStampInEveryForm(t *testing.T) {
	s := stamped(tlp.AmberStrict, tlp.Red)
	if got := s.File("cases", "csv"); got != "cases_cert.example-8443_20261122T120000Z_TLP-AMBER-STRICT.csv" {
		t.Error(got)
	}
	want := "# Straža export from Национални ЦЕРТ <https://cert.example:8443>; at 2026-11-22T12:00:00Z; by Ана (ЦЕРТ), key 7; TLP:AMBER+STRICT; 1 rows, 1 held back\n"
	if got := s.Line("# "); got != want {
		t.Error(got)
	}
	s.Installation = "a\nb"
	if got := s.Line("; "); strings.Count(got, "\n") != 1 {
		t.Errorf("a name breaks the line: %q", got)
	}
	s.Installation = "Ц𝔸"
	h := s.Header()
	var back map[string]any
	if err := json.Unmarshal([]byte(h), &back); err != nil || back["installation"] != "Ц𝔸" || back["by"] != s.By || back["tlp"] != "TLP:AMBER+STRICT" || back["rows"] != 1.0 {
		t.Errorf("%v %v", back, err)
	}
	for _, r := range h {
		if r < ' ' || r > '~' {
			t.Fatalf("%q is no header", h)
		}
	}
	for who, want := range map[*ident.Actor]string{
		{Kind: ident.Operator, Name: "root"}:  "operator:root",
		{Kind: ident.Person, Person: 4}:       "person:4",
		{Kind: ident.Person, Name: "Мила"}:    "Мила",
		{Kind: ident.System, Name: "postman"}: "system:postman",
	} {
		if got := By(*who); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	w := NewTable(&b, stamped(tlp.Green, tlp.Red), "number", "title")
	for l, title := range map[tlp.Level]string{tlp.Green: "=1+1", tlp.Red: "secret"} {
		if err := w.Row(l, "S-1", title); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%v %v", rows, err)
	}
	if got := strings.Join(rows[0], ","); got != "number,title,export_from,export_at,export_by,export_tlp,export_rows,export_held" {
		t.Error(got)
	}
	if got := strings.Join(rows[1], "|"); got != "S-1|'=1+1|Национални ЦЕРТ <https://cert.example:8443>|2026-11-22T12:00:00Z|Ана (ЦЕРТ), key 7|TLP:GREEN|1|1" {
		t.Error(got)
	}
}

func TestList(t *testing.T) {
	for _, levels := range [][]tlp.Level{{}, {tlp.Clear}, {tlp.Clear, tlp.Amber, tlp.Red}} {
		var b bytes.Buffer
		s := stamped(levels...)
		w := NewList(&b, s)
		for _, l := range levels {
			if err := w.Item(l, map[string]string{"tlp": l.Label()}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Export struct {
				TLP        string
				Rows, Held int64
			}
			Items []map[string]string
		}
		if err := json.Unmarshal(b.Bytes(), &got); err != nil || int64(len(got.Items)) != s.Rows || got.Export.Rows != s.Rows || got.Export.Held != s.Held || got.Export.TLP != s.label() {
			t.Errorf("%s: %+v %v", b.String(), got, err)
		}
	}
}

// TestOtherThanAnnounced: a file never holds more, less or stricter than its stamp says.
func TestOtherThanAnnounced(t *testing.T) {
	var b bytes.Buffer
	if err := NewTable(&b, stamped(tlp.Clear), "a").Row(tlp.Amber, "x"); !fault.Is(err, fault.Conflict) {
		t.Errorf("stricter: %v", err)
	}
	if err := NewTable(&b, stamped(tlp.Clear), "a").Close(); !fault.Is(err, fault.Conflict) {
		t.Errorf("fewer: %v", err)
	}
	w := NewTable(&b, stamped(tlp.Clear), "a")
	if err := w.Row(tlp.Clear, "x"); err != nil {
		t.Fatal(err)
	}
	if err := w.Row(tlp.Clear, "y"); !fault.Is(err, fault.Conflict) {
		t.Errorf("more: %v", err)
	}
	if err := NewList(&b, stamped(tlp.Clear)).Close(); !fault.Is(err, fault.Conflict) {
		t.Errorf("fewer in a list: %v", err)
	}
}
