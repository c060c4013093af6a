package vault

import (
	"errors"
	"strings"
	"testing"
	"unicode"

	"straza/internal/kernel/fault"
)

func TestCodeIsStableAndUniform(t *testing.T) {
	v := open(t, t.TempDir())
	secret, err := v.NewDraftSecret()
	if err != nil {
		t.Fatal(err)
	}
	a, err := v.DeriveCode(secret)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := v.DeriveCode(secret); b != a {
		t.Error("a retry shows another code")
	}
	if b, _ := open(t, t.TempDir()).DeriveCode(secret); b == a {
		t.Error("the code does not depend on the vault: the draft's secret alone would give it")
	}
	const n = 20000
	var count [10]int
	seen := map[Code]bool{}
	for i := range n {
		c, err := v.DeriveCode(strings.Repeat("x", 16) + string(rune(i+0x10000)))
		if err != nil || len(c) != CodeDigits {
			t.Fatalf("%d digits, %v", len(c), err)
		}
		seen[c] = true
		for _, d := range c {
			count[d-'0']++
		}
	}
	if len(seen) != n {
		t.Errorf("%d different codes of %d", len(seen), n)
	}
	// 500,000 digits: each 50,000 ± 212, digits 0 to 5 together 300,000 ± 346. Folding
	// bytes instead of rejecting some would give 304,690; the margins are seven sigmas.
	low := 0
	for d, c := range count {
		if c < 48_500 || c > 51_500 {
			t.Errorf("digit %d: %d times of %d", d, c, n*CodeDigits)
		}
		if d < 6 {
			low += c
		}
	}
	if low < 297_600 || low > 302_400 {
		t.Errorf("digits 0 to 5: %d, want about 300,000", low)
	}
}

func TestCodeNeedsARealSecret(t *testing.T) {
	v := open(t, t.TempDir())
	if _, err := v.DeriveCode("short"); !fault.Is(err, fault.Invalid) {
		t.Errorf("short secret: %v", err)
	}
	for s, ok := range map[string]bool{
		"0193b0a4-7c1e-7b3a-9d51-6f2f6f0e7a11": true,
		"q83vEjRWeJCrze8SNFZ4kA":               true,
		"retry-1":                              false,
		strings.Repeat("a", 40):                false,
		strings.Repeat("ab12", 80):             false,
		"":                                     false,
	} {
		if got := CheckSecret(s) == nil; got != ok {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func TestParseCode(t *testing.T) {
	const digits = "0123456789012345678901234"
	if g := Code(digits).Grouped(); g != "01234 56789 01234 56789 01234" {
		t.Errorf("grouped %q", g)
	}
	for _, s := range []string{
		digits, Code(digits).Grouped(), "01234-56789-01234-56789-01234", " 01234–56789—01234.56789 01234\r\n",
		"0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4", "０１２３４\u00a056789\u200b01234 56789 01234",
	} {
		if c, err := ParseCode(s); err != nil || string(c) != digits {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", digits[1:], digits + "5", "O" + digits[1:], digits + "x", strings.Repeat("0 ", 300), "٠١٢٣٤٥٦٧٨٩٠١٢٣٤٥٦٧٨٩٠١٢٣٤"} {
		_, err := ParseCode(s)
		if f := fault.Of(err); f == nil || f.Fields["code"] == "" {
			t.Errorf("%.40q: %v", s, err)
		} else if strings.Contains(f.Error(), digits[1:]) {
			t.Errorf("the error repeats what was typed: %v", f)
		}
	}
}

func FuzzParseCode(f *testing.F) {
	f.Add("01234 56789 01234 56789 01234")
	f.Add("０１２３４-5678901234567890123 4")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCode(s)
		if err != nil {
			return
		}
		if len(c) != CodeDigits || strings.ContainsFunc(string(c), func(r rune) bool { return !unicode.IsDigit(r) || r > '9' }) {
			t.Fatalf("%q gives %d characters", s, len(c))
		}
		if again, err := ParseCode(c.Grouped()); err != nil || again != c {
			t.Fatalf("what we show is not what we read: %v", err)
		}
	})
}

func TestDrafts(t *testing.T) {
	v := open(t, t.TempDir())
	secret, _ := v.NewDraftSecret()
	other, _ := v.NewDraftSecret()
	box, err := v.SealDraft(secret, "page:2", []byte("одговор"))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := v.OpenDraft(secret, "page:2", box); err != nil || string(plain) != "одговор" {
		t.Fatalf("%q, %v", plain, err)
	}
	for name, try := range map[string]func() ([]byte, error){
		"other secret": func() ([]byte, error) { return v.OpenDraft(other, "page:2", box) },
		"other part":   func() ([]byte, error) { return v.OpenDraft(secret, "page:3", box) },
		"cut":          func() ([]byte, error) { return v.OpenDraft(secret, "page:2", box[:20]) },
	} {
		if _, err := try(); !errors.Is(err, ErrSealBroken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if v.DraftID(secret) == v.DraftID(other) || strings.Contains(v.DraftID(secret), secret) {
		t.Error("draft ids")
	}
}
