package pack

import (
	"errors"
	"testing"
	"testing/fstest"

	"straza/internal/kernel/i18n"
)

const sample = `pack: test.terms
version: 1
from: 2026-01-01
until: 2026-12-31
source: own
body:
  title: {sr-Cyrl: Рокови, en: Terms}
  when: kind = "malware"
`

type terms struct {
	Title i18n.Text
	When  Cond
}

func TestLoadAndAt(t *testing.T) {
	t.Parallel()
	second := `{pack: test.terms, version: 2, from: 2026-06-01, source: own, body: {title: {en: New}}}`
	s, err := Load(fstest.MapFS{"a/one.yaml": {Data: []byte(sample)}, "note.txt": {Data: []byte("x")}}, fstest.MapFS{"two.yaml": {Data: []byte(second)}})
	if err != nil {
		t.Fatal(err)
	}
	for day, want := range map[string]int{"2025-12-31": 0, "2026-01-01": 1, "2026-05-31": 1, "2026-06-01": 2, "2027-03-01": 2} {
		p, ok := s.At("test.terms", day)
		if ok != (want > 0) || ok && p.Version != want {
			t.Errorf("%s: %v, want version %d", day, p, want)
		}
	}
	p, _ := s.Version("test.terms", 1)
	var v terms
	if err := p.Decode(&v); err != nil || v.Title.In(i18n.SrLatn) != "Rokovi" || !v.When.Holds(Map{"kind": Text("malware")}) {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestFaultsNameFileAndLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data string
		line int
	}{
		"no yaml":       {"pack: [", 1},
		"unknown key":   {"pack: a.b\nversion: 1\nfrom: 2026-01-01\nsource: own\nbode: {}\n", 5},
		"no name":       {"version: 1\nbody: {}\n", 1},
		"bad day":       {"pack: a.b\nversion: 1\nfrom: 2026-13-01\nsource: own\nbody: {a: 1}\n", 1},
		"until < from":  {"pack: a.b\nversion: 1\nfrom: 2026-02-01\nuntil: 2026-01-01\nsource: own\nbody: {a: 1}\n", 1},
		"no body":       {"pack: a.b\nversion: 1\nfrom: 2026-02-01\nsource: own\n", 1},
		"two documents": {sample + "---\n" + sample, 0},
	} {
		_, err := Parse("x.yaml", []byte(c.data))
		var e *Error
		if !errors.As(err, &e) || e.File != "x.yaml" || e.Line != c.line {
			t.Errorf("%s: %v", name, err)
		}
	}
	p, err := Parse("x.yaml", []byte("pack: a.b\nversion: 1\nfrom: 2026-01-01\nsource: own\nbody:\n  title: {en: x}\n  when: a = = b\n"))
	if err != nil {
		t.Fatal(err)
	}
	var e *Error
	if err := p.Decode(&terms{}); !errors.As(err, &e) || e.Line != 7 {
		t.Errorf("a bad condition: %v", err)
	}
	p, _ = Parse("x.yaml", []byte("pack: a.b\nversion: 1\nfrom: 2026-01-01\nsource: own\nbody:\n  titel: {en: x}\n"))
	if err := p.Decode(&terms{}); !errors.As(err, &e) {
		t.Errorf("a misspelt key: %v", err)
	}
}

func TestSameVersionTwice(t *testing.T) {
	t.Parallel()
	one := fstest.MapFS{"one.yaml": {Data: []byte(sample)}}
	if _, err := Load(one, one); err != nil {
		t.Errorf("the same bytes twice: %v", err)
	}
	if _, err := Load(one, fstest.MapFS{"two.yaml": {Data: []byte(sample + "  # other\n")}}); err == nil {
		t.Error("other bytes under the same version were taken")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("pack: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse("f.yaml", data)
		if err == nil {
			_ = p.Decode(&terms{})
		}
	})
}
