package indicator_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/indicator"
)

func TestPartsOfTypes(t *testing.T) {
	type part = indicator.Part
	for _, c := range []struct {
		typ, value string
		want       []part
	}{
		{"ip-dst", "198.51.100.7", []part{{Kind: indicator.IP, Value: "198.51.100.7", Side: indicator.Destination}}},
		{"ip-src", "::ffff:198.51.100.7", []part{{Kind: indicator.IP, Value: "198.51.100.7", Side: indicator.Source}}},
		{"ip-src", "198.51.100.7/24", []part{{Kind: indicator.Network, Value: "198.51.100.0/24", Side: indicator.Source}}},
		{"ip-dst", "fe80::1%eth0;drop", nil},
		{"ip-dst", "198.51.100.7; reject", nil},
		{"ip-dst|port", "2001:db8::1|443", []part{{Kind: indicator.IP, Value: "2001:db8::1", Side: indicator.Destination, Port: 443}}},
		{"ip-dst|port", "198.51.100.7|443;", nil},
		{"ip-dst|port", "198.51.100.7|0", nil},
		{"hostname|port", "C2.Example.ORG|8080", []part{{Kind: indicator.Domain, Value: "c2.example.org", Host: true, Port: 8080}}},
		{"domain", "evil.example.org.", []part{{Kind: indicator.Domain, Value: "evil.example.org"}}},
		{"domain", "-evil.example", nil},
		{"domain", "evil..example", nil},
		{"domain", "localhost", nil},
		{"domain", "198.51.100.7", nil},
		{"domain", "Зло.срб", []part{{Kind: indicator.Domain, Value: "xn--g1aij.xn--90a3ac"}}},
		{"domain", "xn--c1abrm.xn--90a3ac", []part{{Kind: indicator.Domain, Value: "xn--c1abrm.xn--90a3ac"}}},
		{"domain", "evil.example\" ; }", nil},
		{"domain|ip", "dip.example.org|198.51.100.111", []part{{Kind: indicator.Domain, Value: "dip.example.org"}, {Kind: indicator.IP, Value: "198.51.100.111"}}},
		{"domain|ip", "dip.example.org", nil},
		{"filename|md5", "a b.exe|FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", []part{{Kind: indicator.Filename, Value: "a b.exe"}, {Kind: indicator.Hash, Sub: "md5", Value: strings.Repeat("f", 32)}}},
		{"malware-sample", "a.exe|" + strings.Repeat("0", 32), []part{{Kind: indicator.Filename, Value: "a.exe"}, {Kind: indicator.Hash, Sub: "md5", Value: strings.Repeat("0", 32)}}},
		{"md5", "not a hash", nil},
		{"sha256", strings.Repeat("a", 63), nil},
		{"email-src", "rs@example.org", []part{{Kind: indicator.Email, Value: "rs@example.org", Side: indicator.Source}}},
		{"email-dst", `"a;b"@example.org`, nil},
		{"url", "http://evil.example/a?b=c", []part{{Kind: indicator.URL, Value: "http://evil.example/a?b=c"}}},
		{"url", "http://evil.example/a\nalert tcp", nil},
		{"link", "https://report.example/", nil},
		{"regkey|value", `HKLM\Software\Run|x`, []part{{Kind: indicator.Registry, Value: `HKLM\Software\Run`}}},
		{"AS", "AS64500", []part{{Kind: indicator.ASN, Value: "64500"}}},
		{"comment", "anything", nil},
		{"mutex", "Global\\x", []part{{Kind: indicator.Mutex, Value: `Global\x`}}},
	} {
		it := indicator.Item{Type: c.typ, Value: c.value}
		if diff := cmp.Diff(c.want, it.Parts()); diff != "" {
			t.Errorf("%s %q (-want +got):\n%s", c.typ, c.value, diff)
		}
	}
}

// FuzzParts: whatever comes, a part is what its kind says.
func FuzzParts(f *testing.F) {
	for _, s := range []string{"198.51.100.7", "a.example.org|1.2.3.4", "x@y.example", "http://a/;", "e.exe|ffff"} {
		for _, typ := range []string{"ip-dst", "domain|ip", "domain", "email", "url", "filename|md5", "ip-src|port"} {
			f.Add(typ, s)
		}
	}
	f.Fuzz(func(t *testing.T, typ, value string) {
		it := indicator.Item{Type: typ, Value: value}
		for _, p := range it.Parts() {
			switch p.Kind {
			case indicator.IP:
				if a, err := netip.ParseAddr(p.Value); err != nil || a.Zone() != "" {
					t.Errorf("%q is no address", p.Value)
				}
			case indicator.Domain:
				if strings.Trim(p.Value, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || len(p.Value) > 253 {
					t.Errorf("%q is no name", p.Value)
				}
			case indicator.URL:
				if strings.ContainsAny(p.Value, "\r\n\t\x00") {
					t.Errorf("%q goes over its line", p.Value)
				}
			}
			if p.Value == "" || p.Port < 0 || p.Port > 65535 {
				t.Errorf("%+v", p)
			}
		}
	})
}
