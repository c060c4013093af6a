package registry

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"straza/internal/craft/pack"
	"straza/internal/kernel/fault"
)

// FuzzImportFile: whatever the bytes are, reading ends, every error is one that a
// caller may be told of, and a row that passes holds only clean text.
func FuzzImportFile(f *testing.F) {
	for _, s := range []string{"name\nА\n", "name;kind\n\"a\"\"b\";company\n", "\xef\xbb\xbfname,networks\nx,10.0.0.0/8; ::1\n", "name\n\"\n", "kind\n"} {
		f.Add(s, false)
	}
	for _, s := range []string{`[{"name":"А"}]`, "{\"name\":\"a\"}\n{}", `[`, `{"names":{"sr":"x"}}`, `[{"contacts":[{"email":"a@b.rs"}]}]`} {
		f.Add(s, true)
	}
	p, err := OwnPack()
	if err != nil {
		f.Fatal(err)
	}
	s := &Service{pack: pack.Fixed(p)}
	f.Fuzz(func(t *testing.T, file string, asJSON bool) {
		format := CSV
		if asJSON {
			format = JSON
		}
		res := ImportResult{}
		rows, err := s.readRows(format, strings.NewReader(file), &res)
		if err != nil && fault.Of(err) == nil {
			t.Fatalf("an internal error: %v", err)
		}
		for _, r := range rows {
			o := r.rec.Draft().organisation()
			if err := p.check(&o); err != nil {
				t.Fatalf("a row passed that does not check: %v", err)
			}
			if !utf8.ValidString(o.Name) || strings.ContainsAny(o.Name, "\x00\n") {
				t.Fatalf("name %q", o.Name)
			}
		}
		if err == nil && res.Read != len(rows)+res.Refused {
			t.Fatalf("%d read, %d passed, %d refused", res.Read, len(rows), res.Refused)
		}
	})
}

// FuzzParseCIDR: what parses is canonical, parses again to itself, and its bounds
// are in order.
func FuzzParseCIDR(f *testing.F) {
	for _, s := range []string{"10.0.0.0/8", "::ffff:10.0.0.1", "2001:db8::/32", "1.2.3.4/33", "fe80::1%lo", "0.0.0.0/0", "::ffff:0:0/96"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParseCIDR(s)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		again, err := ParseCIDR(p.String())
		if err != nil || again != p {
			t.Fatalf("%q gives %s, that gives %s, %v", s, p, again, err)
		}
		lo, hi := bounds(p)
		if len(lo) != 16 || len(hi) != 16 || bytes.Compare(lo, hi) > 0 || p.Bits() == 0 {
			t.Fatalf("%s: %x %x", p, lo, hi)
		}
	})
}

// FuzzParseDomain: what parses is lower-case ASCII and parses to itself.
func FuzzParseDomain(f *testing.F) {
	for _, s := range []string{"gov.rs", "*.Пошта.срб", "a..b", "xn--", "xn--90a3ac.rs", "1.2.3.4", ".rs", "a_b.rs"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDomain(s)
		if err != nil {
			return
		}
		again, err := ParseDomain(d)
		if err != nil || again != d || d != strings.ToLower(d) || strings.ContainsFunc(d, func(r rune) bool { return r > 0x7f || r <= ' ' }) {
			t.Fatalf("%q gives %q, that gives %q, %v", s, d, again, err)
		}
	})
}
