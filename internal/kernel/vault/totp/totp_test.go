package totp

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// The vectors of RFC 6238, appendix B.
func TestRFC6238Vectors(t *testing.T) {
	seed := func(n int) []byte { return []byte(strings.Repeat("1234567890", 7)[:n]) }
	secrets := map[Hash][]byte{SHA1: seed(20), SHA256: seed(32), SHA512: seed(64)}
	for _, v := range []struct {
		at   int64
		want map[Hash]string
	}{
		{59, map[Hash]string{SHA1: "94287082", SHA256: "46119246", SHA512: "90693936"}},
		{1111111109, map[Hash]string{SHA1: "07081804", SHA256: "68084774", SHA512: "25091201"}},
		{1111111111, map[Hash]string{SHA1: "14050471", SHA256: "67062674", SHA512: "99943326"}},
		{1234567890, map[Hash]string{SHA1: "89005924", SHA256: "91819424", SHA512: "93441116"}},
		{2000000000, map[Hash]string{SHA1: "69279037", SHA256: "90698825", SHA512: "38618901"}},
		{20000000000, map[Hash]string{SHA1: "65353130", SHA256: "77737706", SHA512: "47863826"}},
	} {
		for h, want := range v.want {
			if got := At(h, secrets[h], Step(time.Unix(v.at, 0)), 8); got != want {
				t.Errorf("%s at %d: got %s, want %s", h, v.at, got, want)
			}
		}
	}
}

// The vectors of RFC 4226, appendix D.
func TestRFC4226Vectors(t *testing.T) {
	for i, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := At(SHA1, []byte("12345678901234567890"), int64(i), 6); got != want {
			t.Errorf("counter %d: got %s, want %s", i, got, want)
		}
	}
}

func TestVerifyWindowAndReplay(t *testing.T) {
	secret, now := []byte("12345678901234567890"), time.Unix(1_700_000_010, 0)
	at := func(d time.Duration) string { return Code(secret, now.Add(d)) }
	for _, c := range []struct {
		name string
		code string
		last int64
		ok   bool
	}{
		{"now", at(0), 0, true},
		{"one step late", at(-Period), 0, true},
		{"one step early", at(Period), 0, true},
		{"two steps late", at(-2 * Period), 0, false},
		{"two steps early", at(2 * Period), 0, false},
		{"used already", at(0), Step(now), false},
		{"older than the last one used", at(-Period), Step(now), false},
		{"newer than the last one used", at(Period), Step(now), true},
		{"with a space", at(0)[:3] + " " + at(0)[3:], 0, true},
		{"too short", at(0)[:5], 0, false},
		{"empty", "", 0, false},
		{"too long", at(0) + "0", 0, false},
	} {
		if _, ok := Verify(secret, c.code, now, c.last); ok != c.ok {
			t.Errorf("%s: got %v, want %v", c.name, ok, c.ok)
		}
	}
}

func TestSecretRoundTrip(t *testing.T) {
	s, err := NewSecret(bytes.NewReader(bytes.Repeat([]byte{0xa7, 3}, 10)))
	if err != nil {
		t.Fatal(err)
	}
	text := Text(s)
	for _, form := range []string{text, strings.ToLower(text), text[:4] + " " + text[4:8] + "-" + text[8:], text + "===="} {
		got, err := ParseSecret(form)
		if err != nil || !bytes.Equal(got, s) {
			t.Errorf("%q: %x, %v", form, got, err)
		}
	}
	for _, bad := range []string{"", "AAAA", "11111111111111111111111111111111", strings.Repeat("A", 4000)} {
		if _, err := ParseSecret(bad); err == nil {
			t.Errorf("%.20q was taken", bad)
		}
	}
	if uri := URI("Straža CERT", "ana@example.rs", s); !strings.HasPrefix(uri, "otpauth://totp/Stra%C5%BEa%20CERT:ana@example.rs?") || strings.Contains(uri, "+") {
		t.Errorf("uri %s", uri)
	}
}

func FuzzParseSecret(f *testing.F) {
	f.Add("GEZD GNBV-GY3TQOJQGEZDGNBVGY3TQOJQ")
	f.Fuzz(func(t *testing.T, s string) {
		b, err := ParseSecret(s)
		if err != nil {
			return
		}
		if again, err := ParseSecret(Text(b)); err != nil || !bytes.Equal(again, b) || len(b) < 16 || len(b) > 128 {
			t.Fatalf("%q gives %d bytes, %v", s, len(b), err)
		}
	})
}
