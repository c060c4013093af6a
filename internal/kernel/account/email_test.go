package account

import (
	"strings"
	"testing"
	"unicode/utf8"

	"straza/internal/kernel/fault"
)

func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		"ana@cert.rs":                      "ana@cert.rs",
		"  Ana@CERT.rs ":                   "ana@cert.rs",
		"ａｎａ＠cert.rs":                      "ana@cert.rs",
		"ana@cert.rs.":                     "ana@cert.rs",
		"Драган@цирт.срб":                  "драган@xn--h1aqgn.xn--90a3ac",
		"драган@xn--h1aqgn.xn--90a3ac":     "драган@xn--h1aqgn.xn--90a3ac",
		"admin@localhost":                  "admin@localhost",
		"a+b.c@x.rs":                       "a+b.c@x.rs",
		"":                                 "",
		"ana":                              "",
		"@cert.rs":                         "",
		"ana@":                             "",
		"a@b@c.rs":                         "",
		"a b@c.rs":                         "",
		"a\x00b@c.rs":                      "",
		"<ana@cert.rs>":                    "",
		"a..b@c.rs":                        "",
		"a@-x.rs":                          "",
		"a@x.rs\r\nBcc: y@z.rs":            "",
		strings.Repeat("a", 300) + "@x.rs": "",
	} {
		got, err := Canonical(in)
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%q: got %q, %v; want %q", in, got, err, want)
		}
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v is no Invalid fault", in, err)
		}
	}
}

// FuzzCanonical: the canonical form of a canonical form is itself, is one line of
// valid text with one @, and counts guesses under the same name.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{"ana@cert.rs", "ＡＮＡ@CERT.RS", "İ@x.rs", "ﬁ@ﬁ.rs", "a@цирт.срб", "a@xn--80ak6aa92e.com", "ß@ẞ.de", "\u212a@\u212a.rs", "a@\u00adx.rs"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := Canonical(s)
		if err != nil {
			return
		}
		again, err := Canonical(c)
		if err != nil || again != c {
			t.Errorf("%q -> %q -> %q, %v", s, c, again, err)
		}
		if !utf8.ValidString(c) || strings.Count(c, "@") != 1 || strings.ContainsAny(c, " \r\n\t\x00") || len(c) > maxEmail {
			t.Errorf("%q -> %q", s, c)
		}
		if subjectOf(s) != c {
			t.Errorf("%q is counted as %q", s, subjectOf(s))
		}
	})
}
