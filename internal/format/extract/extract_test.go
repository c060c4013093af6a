package extract

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"straza/internal/format/misp"
)

func short(list []Candidate) []string {
	out := []string{}
	for _, c := range list {
		out = append(out, c.Type+" "+c.Value)
	}
	return out
}

func TestScan(t *testing.T) {
	md5, sha1 := "d41d8cd98f00b204e9800998ecf8427e", "da39a3ee5e6b4b0d3255bfef95601890afd80709"
	sha256 := "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for in, want := range map[string][]string{
		"nothing to see here, e.g. 12:30:45 or 3.14, v1.2.3.4.5, std::string, and/or.": {},
		"C2 at 198.51.100.7, port 443":                                                         {"ip-dst 198.51.100.7"},
		"(198.51.100.7:8443)":                                                                  {"ip-dst|port 198.51.100.7|8443"},
		"198[.]51[.]100[.]7 and 198.51.100[.]8.":                                               {"ip-dst 198.51.100.7", "ip-dst 198.51.100.8"},
		"net 192.0.2.0/24; 2001:DB8::/32":                                                      {"ip-dst 192.0.2.0/24", "ip-dst 2001:db8::/32"},
		"src=2001:0db8:0000::0001 dst=[2001:db8::2]:443":                                       {"ip-dst 2001:db8::1", "ip-dst|port 2001:db8::2|443"},
		"999.1.1.1 256.0.0.1 1.2.3":                                                            {},
		"posiljka-76[.]example, http://x.example/p, a@x.test, racun-eps.example":               {"domain posiljka-76.example", "url http://x.example/p", "email a@x.test", "domain racun-eps.example"},
		"http://dc1.firma.local/a b.corp c[.]corp":                                             {"url http://dc1.firma.local/a", "domain c.corp"},
		"evil[.]example[.]com":                                                                 {"hostname evil.example.com"},
		"evil(dot)com, evil{.}org evil[dot]net":                                                {"domain evil.com", "domain evil.org", "domain evil.net"},
		"evil[.com and EVIL.RS.":                                                               {"domain evil.com", "domain evil.rs"},
		"пример.срб је лажан, zločin-banka.rs":                                                 {"domain xn--e1afmkfd.xn--90a3ac", "domain xn--zloin-banka-pnb.rs"},
		"file.notatld word.Another done.In the":                                                {},
		"hxxps://evil[.]example[.]com/a,b;c?d=(e)).":                                           {"url https://evil.example.com/a,b;c?d=(e)"},
		"see <http://198.51.100.9/x.exe>, hXXp[://]bad.rs":                                     {"url http://198.51.100.9/x.exe", "url http://bad.rs"},
		"url=http://user:pw@bad.example.org:8080/":                                             {"url http://user:pw@bad.example.org:8080/"},
		"http://localhost/ http://intranet":                                                    {},
		"bad.example.com/login.php":                                                            {"url bad.example.com/login.php"},
		"mail.example.com:587":                                                                 {"hostname|port mail.example.com|587"},
		"From: Bad Guy <Bad.Guy@Example.ORG>":                                                  {"email bad.guy@example.org"},
		"bad[@]evil[.]com bad[at]evil[dot]rs mailto:x@evil.net":                                {"email bad@evil.com", "email bad@evil.rs", "email x@evil.net"},
		"user@localhost @handle a@b":                                                           {},
		"MD5: " + strings.ToUpper(md5) + " sha1=" + sha1 + "\n" + sha256:                       {"md5 " + md5, "sha1 " + sha1, "sha256 " + sha256},
		strings.Repeat("1", 32) + " " + strings.Repeat("a", 32):                                {},
		"96:s4Ud1Lj96tHHlZDrwciQmA+4uy1I0G4HYuL8N3:DsUdLj96tHdZDrwciQmA":                       {"ssdeep 96:s4Ud1Lj96tHHlZDrwciQmA+4uy1I0G4HYuL8N3:DsUdLj96tHdZDrwciQmA"},
		"cve-2024-3094 and CVE-2021-44228,":                                                    {"vulnerability CVE-2024-3094", "vulnerability CVE-2021-44228"},
		"AS64500, AS 64501 ASK":                                                                {"AS 64500"},
		"00-1B-44-11-3A-B7 001b.4411.3ab8":                                                     {"mac-address 00:1b:44:11:3a:b7", "mac-address 00:1b:44:11:3a:b8"},
		"pay 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa or bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4": {"btc 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "btc bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"},
		"1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5":        {},
		`dropped invoice.exe and C:\Users\x\evil.dll`:                                          {"filename invoice.exe", `filename C:\Users\x\evil.dll`},
		"racun.zip setup.py evil.sub.zip":                                                      {"filename racun.zip", "filename setup.py", "hostname evil.sub.zip"},
		`HKLM\Software\Evil`:                                                                   {`regkey HKLM\Software\Evil`},
		"hash:" + md5 + ",ip:198.51.100.7":                                                     {"md5 " + md5, "ip-dst 198.51.100.7"},
	} {
		list, more := Scan(in, 0)
		if d := cmp.Diff(want, short(list)); d != "" || more {
			t.Errorf("%q: %s", in, d)
		}
		for _, c := range list {
			if c.Start < 0 || c.End > len(in) || c.Start >= c.End {
				t.Errorf("%q: %s at %d–%d", in, c.Value, c.Start, c.End)
			}
		}
	}
}

func TestPlacesAndCounts(t *testing.T) {
	text := "Ево: evil[.]com, затим EVIL.com и evil.com; hxxp://evil[.]com/x."
	list, _ := Scan(text, 0)
	if len(list) != 2 {
		t.Fatalf("got %v", list)
	}
	d, u := list[0], list[1]
	if text[d.Start:d.End] != "evil[.]com" || d.Count != 3 || !d.Disarmed {
		t.Errorf("domain %+v at %q", d, text[d.Start:d.End])
	}
	if text[u.Start:u.End] != "hxxp://evil[.]com/x" || u.Count != 1 || !u.Disarmed {
		t.Errorf("url %+v at %q", u, text[u.Start:u.End])
	}
	if list, more := Scan("1.1.1.1 2.2.2.2 3.3.3.3", 2); len(list) != 2 || !more {
		t.Errorf("a limit of 2 gave %v, %v", list, more)
	}
	if list, _ := Scan("racun.zip", 0); list[0].Also != "domain" {
		t.Errorf("a zip may be a name: %+v", list[0])
	}
}

// TestHostileText: nothing a sender can repeat makes scanning slow; the work is
// counted by the clock of the test binary.
func TestHostileText(t *testing.T) {
	for _, unit := range []string{"http://)),", "http://,", "[.]", "a.", "(((", "x@", "::", "evil[.", "1.1.1.", "http://[", "a=b=", "\\", "hxxp[://]"} {
		text := strings.Repeat(unit, 1<<18/len(unit))
		done := make(chan struct{})
		go func() { Scan(text, 0); close(done) }()
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			t.Fatalf("256 KiB of %q is not done after 20 s", unit)
		}
	}
}

// log is some 1 MB of what gets pasted: prose, log lines, lists.
func bigText() string {
	var b strings.Builder
	for i := 0; b.Len() < 1<<20; i++ {
		fmt.Fprintf(&b, "2026-11-22T06:00:%02d host%d sshd[%d]: Failed password for root from 198.51.%d.%d port %d ssh2\n", i%60, i%7, i, i/256%256, i%256, 1024+i)
		b.WriteString("Поштовани, у прилогу се налази рачун за прошли месец. Please find the attached invoice, and reply at your convenience; thank you very much.\n")
		if i%5 == 0 {
			fmt.Fprintf(&b, "GET hxxps://h%d[.]example[.]com/login.php?id=%d HTTP/1.1 %032x\n", i, i, i*7919+1<<60)
		}
	}
	return b.String()
}

func BenchmarkScan(b *testing.B) {
	text := bigText()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if list, _ := Scan(text, 0); len(list) < 1000 {
			b.Fatal(len(list))
		}
	}
}

// FuzzScan: no text panics; every finding lies in the text, in order, once, and
// is a value that MISP would store as it is.
func FuzzScan(f *testing.F) {
	for _, s := range []string{"hxxp[://]a[.]com/[x]", "[::1]:80 ::ffff:1.2.3.4", "a[.b[.]c@d(dot)com", `%T%\x.exe HKLM\a`, "mailto:a@b.rs=c", "пример.срб)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, _ := Scan(text, 50)
		seen := map[string]bool{}
		for _, c := range list {
			if c.Start < 0 || c.End > len(text) || c.Start >= c.End || c.Count < 1 {
				t.Fatalf("%q: %+v", text, c)
			}
			if key := c.Type + " " + c.Value; seen[key] {
				t.Fatalf("%q: twice %s", text, key)
			} else {
				seen[key] = true
			}
			if v, fault := misp.Normalise(c.Type, c.Value); fault != nil || v.Value != c.Value {
				t.Fatalf("%q: %+v: %v %v", text, c, v, fault)
			}
			if utf8.ValidString(text) && !utf8.ValidString(text[c.Start:c.End]) {
				t.Fatalf("%q: cut inside a letter: %+v", text, c)
			}
		}
		again, _ := Scan(text, 50)
		if d := cmp.Diff(list, again); d != "" {
			t.Fatal(d)
		}
	})
}
