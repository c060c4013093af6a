package enrich

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/tlp"
)

func TestNameOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host string
		want name
	}{
		{"www.example.co.rs", name{ASCII: "www.example.co.rs", Suffix: "co.rs", ICANN: true, Registrable: "example.co.rs"}},
		{"co.rs", name{ASCII: "co.rs", Suffix: "co.rs", ICANN: true}},
		{"a.b.github.io", name{ASCII: "a.b.github.io", Suffix: "github.io", Registrable: "b.github.io"}},
		{"nas.internal-lan", name{ASCII: "nas.internal-lan"}},
		{"xn--e1aybc.xn--90a3ac", name{ASCII: "xn--e1aybc.xn--90a3ac", Unicode: "тест.срб", Suffix: "xn--90a3ac", ICANN: true, Registrable: "xn--e1aybc.xn--90a3ac"}},
		{"xn--pypl-53dc.com", name{ASCII: "xn--pypl-53dc.com", Unicode: "pаypаl.com", Suffix: "com", ICANN: true, Registrable: "xn--pypl-53dc.com", Mixed: true, Like: "paypal.com"}},
		{"bаnkа.rs", name{ASCII: "xn--bnk-6cdc.rs", Unicode: "bаnkа.rs", Suffix: "rs", ICANN: true, Registrable: "xn--bnk-6cdc.rs", Mixed: true, Like: "banka.rs"}},
		{"pošta.rs", name{ASCII: "xn--pota-h6a.rs", Unicode: "pošta.rs", Suffix: "rs", ICANN: true, Registrable: "xn--pota-h6a.rs", Like: "posta.rs"}},
		{"_dmarc.example.com", name{ASCII: "_dmarc.example.com", Suffix: "com", ICANN: true, Registrable: "example.com"}},
	} {
		got, ok := nameOf(c.host)
		if !ok || got != c.want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", c.host, got, ok, c.want)
		}
	}
}

func TestPartsOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, value, host, addr string }{
		{"url", "https://User@WWW.Example.com:8443/a?b=c.d", "www.example.com", ""},
		{"url", "http://[2001:db8::1]/x", "", "2001:db8::1"},
		{"domain|ip", "evil.rs|198.51.100.7", "evil.rs", "198.51.100.7"},
		{"ip-dst|port", "198.51.100.7|443", "", "198.51.100.7"},
		{"ip-src", "198.51.100.0/24", "", "198.51.100.0"},
		{"ip-src", "::ffff:198.51.100.7", "", "198.51.100.7"},
		{"hostname|port", "a.evil.rs|80", "a.evil.rs", ""},
		{"email-src", "x@evil.rs", "evil.rs", ""},
		{"md5", "d41d8cd98f00b204e9800998ecf8427e", "", ""},
		{"text", "evil.rs", "", ""},
		{"domain", "localhost", "", ""},
	} {
		p := partsOf(c.typ, c.value)
		addr := ""
		if p.addr.IsValid() {
			addr = p.addr.String()
		}
		if p.host != c.host || addr != c.addr {
			t.Errorf("%s %s: host %q, address %q", c.typ, c.value, p.host, addr)
		}
	}
}

func TestSpecial(t *testing.T) {
	t.Parallel()
	for a, want := range map[string]string{"10.1.2.3": "private", "127.0.0.1": "loopback", "::1": "loopback", "169.254.1.1": "link", "224.0.0.5": "multicast", "0.0.0.0": "none", "0.1.2.3": "none",
		"100.64.0.9": "shared", "198.51.100.1": "example", "2001:db8::1": "example", "240.0.0.1": "reserved", "198.18.3.4": "bench", "8.8.8.8": "", "2606:4700::1111": ""} {
		if got := strings.TrimPrefix(special(netip.MustParseAddr(a)), "enrich.special."); got != want {
			t.Errorf("%s: %q, want %q", a, got, want)
		}
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, typ, value string
		want             []decoded
	}{
		{"base64", "text", "powershell -c aHR0cDovL2V2aWwucnMvcGF5bG9hZA==", []decoded{{[]string{"base64"}, "http://evil.rs/payload"}}},
		{"utf-16 within base64", "other", "SQBFAFgAIABoAHQAdABwADoALwAvAGUAdgBpAGwALgByAHMA", []decoded{{[]string{"base64", "utf-16"}, "IEX http://evil.rs"}}},
		{"hex", "comment", "0x687474703a2f2f6576696c2e72732f78", []decoded{{[]string{"hex"}, "http://evil.rs/x"}}},
		{"percent", "url", "https://a.rs/?u=%68%74%74%70%3A%2F%2Fevil.rs", []decoded{{[]string{"url"}, "https://a.rs/?u=http://evil.rs"}}},
		{"a parameter", "url", "https://a.rs/?u=aHR0cDovL2V2aWwucnMvcGF5bG9hZA==&x=1", []decoded{{[]string{"base64"}, "http://evil.rs/payload"}}},
		{"within", "text", "YUhSMGNEb3ZMMlYyYVd3dWNuTXZjR0Y1Ykc5aFpBPT0=", []decoded{{[]string{"base64"}, "aHR0cDovL2V2aWwucnMvcGF5bG9hZA=="}, {[]string{"base64", "base64"}, "http://evil.rs/payload"}}},
		{"a hash is no text", "sha256", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", nil},
		{"words are no base64", "text", "SomebodyWroteAVeryLongIdentifier", nil},
		{"random bytes", "text", "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ", nil},
		{"short", "text", "dGVzdA==", nil},
	} {
		if diff := cmp.Diff(c.want, decode(c.typ, c.value)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	var found []string
	for _, c := range inside(decode("text", "aHR0cDovL2V2aWwucnMvcGF5bG9hZA=="), "x") {
		found = append(found, c.Type+" "+c.Value)
	}
	if diff := cmp.Diff([]string{"url http://evil.rs/payload"}, found); diff != "" {
		t.Error(diff)
	}
	if got := decode("text", strings.Repeat("QUJDREVGR0hJSktMTU5PUA== ", 5000)); len(got) > decodeParts {
		t.Errorf("%d texts", len(got))
	}
}

// TestGuard is the whole decision: rows are labels and PAP, columns how far a module asks.
func TestGuard(t *testing.T) {
	t.Parallel()
	short := map[string]string{"": "+", tlp.ReasonUnlabelled: "u", tlp.ReasonPersons: "R", tlp.ReasonOnward: "o", tlp.ReasonNamedOnes: "n", tlp.ReasonNamedOrgs: "s", heldPAP: "P", heldOurs: "O"}
	for _, c := range []struct {
		name string
		a    asked
		want string // inside, asks, touches
	}{
		{"clear", asked{Level: tlp.Clear}, "+++"},
		{"green", asked{Level: tlp.Green}, "+++"},
		{"amber of others", asked{Level: tlp.Amber}, "+oo"},
		{"our amber", asked{Level: tlp.Amber, Own: true}, "+nn"},
		{"our strict", asked{Level: tlp.AmberStrict, Own: true}, "+ss"},
		{"red", asked{Level: tlp.Red, Own: true}, "RRR"},
		{"no label, no policy", asked{}, "uuu"},
		{"pap clear", asked{Level: tlp.Clear, PAP: tlp.PAPClear}, "+++"},
		{"pap green", asked{Level: tlp.Clear, PAP: tlp.PAPGreen}, "+++"},
		{"pap amber", asked{Level: tlp.Clear, PAP: tlp.PAPAmber}, "++P"},
		{"pap red", asked{Level: tlp.Clear, PAP: tlp.PAPRed}, "+PP"},
		{"the label first", asked{Level: tlp.Amber, PAP: tlp.PAPRed}, "+oo"},
		{"ours", asked{Level: tlp.Clear, Ours: true}, "+OO"},
		{"ours, by a lead", asked{Level: tlp.Clear, Ours: true, Lead: true}, "+++"},
		{"a lead is held by labels too", asked{Level: tlp.Clear, PAP: tlp.PAPRed, Ours: true, Lead: true}, "+PP"},
	} {
		got := ""
		for _, m := range Manners() {
			c.a.Manner = m
			got += short[may(c.a)]
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if (Manner("")).Or() != Touches || Manner("quiet").Or() != Touches {
		t.Error("what nobody decided is taken for the loudest")
	}
}

func TestReadOrigins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		want     []string
		bad      int
	}{
		{"tabs, ranges", "8.8.8.0\t8.8.8.255\t64500\tUS\tEXAMPLE-AS Example Inc\n10.0.0.0\t10.255.255.255\t0\tNone\tNot routed\n", []string{"8.8.8.0/24 64500 US EXAMPLE-AS Example Inc"}, 0},
		{"an odd range", "192.0.2.1,192.0.2.4,AS64501,rs,X", []string{"192.0.2.1/32 64501 RS X", "192.0.2.2/31 64501 RS X", "192.0.2.4/32 64501 RS X"}, 0},
		{"names, other order", "country_code,network,autonomous_system_number,as_name\nRS,192.0.2.0/24,64502,\"Mreža, d.o.o.\"\n", []string{"192.0.2.0/24 64502 RS Mreža, d.o.o."}, 0},
		{"numbers", "16777216,16777471,AU", []string{"1.0.0.0/24 0 AU "}, 0},
		{"semicolons, IPv6", "2001:db8::/32;64503;DE;Beispiel\n# word\n\nnonsense;1;2\n", []string{"2001:db8::/32 64503 DE Beispiel"}, 1},
		{"mapped", "::ffff:192.0.2.0/120,64504", []string{"192.0.2.0/24 64504  "}, 0},
		{"backwards", "192.0.2.9,192.0.2.1,64505,RS", nil, 1},
		{"all of it", "0.0.0.0,255.255.255.255,64506,RS,X", []string{"0.0.0.0/0 64506 RS X"}, 0},
	} {
		var got []string
		bad := 0
		err := readOrigins(strings.NewReader(c.in), func(o Origin) error {
			got = append(got, strings.Join([]string{o.Net.String(), strconv.FormatUint(uint64(o.ASN), 10), o.Country, o.Name}, " "))
			return nil
		}, func(int) { bad++ })
		if err != nil || bad != c.bad {
			t.Errorf("%s: %d bad, %v", c.name, bad, err)
		}
		want := c.want
		for i := range want {
			want[i] = strings.TrimSuffix(want[i], " ")
		}
		for i := range got {
			got[i] = strings.TrimSuffix(got[i], " ")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func FuzzReadOrigins(f *testing.F) {
	f.Add("8.8.8.0\t8.8.8.255\t64500\tUS\tEXAMPLE\n")
	f.Add("network,asn\n2001:db8::/32,AS1\n")
	f.Add("::,ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff,1,RS,x")
	f.Fuzz(func(t *testing.T, in string) {
		if len(in) > 2000 {
			return
		}
		_ = readOrigins(strings.NewReader(in), func(o Origin) error {
			if o.Net != o.Net.Masked() || !o.Net.IsValid() || o.Country != "" && len(o.Country) != 2 {
				t.Errorf("%+v", o)
			}
			return nil
		}, func(int) {})
	})
}

func FuzzDecode(f *testing.F) {
	f.Add("text", "aHR0cDovL2V2aWwucnMvcGF5bG9hZA== 0x687474703a2f2f6576696c2e72732f78 %68%74")
	f.Fuzz(func(t *testing.T, typ, value string) {
		for _, d := range decode(typ, value) {
			if !readable(d.Text) || len(d.Ways) == 0 {
				t.Errorf("%+v", d)
			}
		}
		if n, ok := nameOf(value); ok && n.Like != "" && !isASCII(n.Like) {
			t.Errorf("%+v", n)
		}
		partsOf(typ, value)
	})
}
