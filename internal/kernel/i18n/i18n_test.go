package i18n

import (
	"html/template"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func TestParseRefusesPlainSerbian(t *testing.T) {
	for s, want := range map[string]bool{"sr-Cyrl": true, "sr-Latn": true, "en": true, "sr": false, "": false, "SR-CYRL": false, "de": false} {
		if _, err := Parse(s); (err == nil) != want {
			t.Errorf("Parse(%q) = %v, want accepted %v", s, err, want)
		}
	}
}

func TestAccept(t *testing.T) {
	for header, want := range map[string]Lang{
		"": SrLatn, "de-DE,de;q=0.9": SrLatn, "en-US,en;q=0.9": En, "sr": SrCyrl, "sr-RS,en;q=0.2": SrCyrl,
		"sr-Latn-RS": SrLatn, "en;q=0.3, sr-Cyrl;q=0.8": SrCyrl, "hr-HR": SrLatn, "en;q=9": SrLatn, "*": SrLatn,
		strings.Repeat("x,", 200) + "en": SrLatn, "en;q=0": SrLatn,
	} {
		if got := Accept(header, SrLatn); got != want {
			t.Errorf("Accept(%q) = %s, want %s", header, got, want)
		}
	}
}

func TestLatin(t *testing.T) {
	for in, want := range map[string]string{
		"Љубав, ЉУБАВ, љ": "Ljubav, LJUBAV, lj", "Џејн и Његош": "Džejn i Njegoš", "ЊЕГОШ": "NJEGOŠ", "КОЊ": "KONJ", "Њ": "Nj",
		"Ђорђе Ћирић шаље жалбу чувару": "Đorđe Ćirić šalje žalbu čuvaru", "Национални ЦЕРТ": "Nacionalni CERT",
		"ЦЕРТ-а": "CERT-a", "увезите `ћ.csv` фајл": "uvezite `ћ.csv` fajl", "plain": "plain", "{ime} шаље": "{ime} šalje", "МЉ": "MLJ",
	} {
		if got := Latin(in); got != want {
			t.Errorf("Latin(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFoldMeetsInBothScripts(t *testing.T) {
	pairs := [][2]string{
		{"Ђорђевић", "đorđević"}, {"Ђорђевић", "DJORDJEVIC"}, {"Љиљана", "Ljiljana"}, {"џеп", "džep"}, {"Шабац", "sabac"},
		{"ЖИВКОВИЋ  Ана", "zivkovic ana"}, {"ﬁrma", "FIRMA"}, {"é", "e"}, {"Ｐ-2026", "p-2026"}, {" а  б ", "a b"},
	}
	for _, p := range pairs {
		if a, b := Fold(p[0]), Fold(p[1]); a != b {
			t.Errorf("Fold(%q) = %q, Fold(%q) = %q", p[0], a, p[1], b)
		}
	}
	if Fold("čas") != Fold("ћас") || Fold("a") == Fold("b") {
		t.Error("fold loses or keeps too much")
	}
}

func FuzzScript(f *testing.F) {
	f.Add("Љубав `x` ђ")
	f.Add("\xff\xfe İ ß ЦЕРТ")
	f.Fuzz(func(t *testing.T, s string) {
		l := Latin(s)
		if Latin(l) != l {
			t.Fatalf("Latin is not idempotent on %q", s)
		}
		if a, b := Fold(s), Fold(l); a != b {
			t.Fatalf("the scripts of %q do not meet: %q, %q", s, a, b)
		}
	})
}

func testCatalog(t *testing.T, sr, en string) *Catalog {
	t.Helper()
	c, err := NewCatalog(fstest.MapFS{"messages/sr-Cyrl.json": {Data: []byte(sr)}, "messages/en.json": {Data: []byte(en)}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCatalog(t *testing.T) {
	c := testCatalog(t,
		`{"n":{"plural":"n","one":"{n} пријава","few":"{n} пријаве","other":"{n} пријава"},"hi":"Здраво, {name}. Увезите `+"`CSV`"+`."}`,
		`{"n":{"plural":"n","one":"{n} report","other":"{n} reports"},"hi":"Hello, {name}. Import `+"`CSV`"+`."}`)
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]string{1: "1 prijava", 2: "2 prijave", 5: "5 prijava", 11: "11 prijava", 21: "21 prijava", 22: "22 prijave", 12: "12 prijava", 1208: "1.208 prijava", 0: "0 prijava"} {
		if got := c.T(SrLatn, "n", "n", n); got != want {
			t.Errorf("n=%d: %q, want %q", n, got, want)
		}
	}
	if got := c.T(En, "n", "n", 1208); got != "1,208 reports" {
		t.Error(got)
	}
	if got := c.T(SrCyrl, "hi", "name", "Ана"); got != "Здраво, Ана. Увезите CSV." {
		t.Error(got)
	}
	want := template.HTML(`Zdravo, &lt;<span lang="sr-Cyrl" translate="no">Ана</span>&gt;. Uvezite <span lang="en" translate="no">CSV</span>.`)
	if got := c.HTML(SrLatn, "hi", "name", "<Ана>"); got != want {
		t.Errorf("%s", got)
	}
	if got := c.T(En, "nope"); got != "⟦nope⟧" || len(c.Missing()) != 1 {
		t.Error(got, c.Missing())
	}
}

func TestCheckNamesEveryDefect(t *testing.T) {
	c := testCatalog(t, `{"a":"{x}","b":"б","c":{"plural":"n","one":"1","other":"{n}"},"d":"x`+"`"+`"}`,
		`{"a":"{y}","c":{"plural":"n","one":"1","other":"{n}"},"d":"x","e":"e"}`)
	err := c.Check()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"a: en other: placeholders", "b: missing in en", "c: sr-Cyrl: plural form", "d: sr-Cyrl other: empty, or an odd", "e: missing in sr-Cyrl"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q not reported in:\n%v", want, err)
		}
	}
}

func TestMark(t *testing.T) {
	if got := Mark(SrCyrl, "Фирма Acme 2 Ltd & син"); got != `Фирма <span lang="en" translate="no">Acme 2 Ltd</span> &amp; син` {
		t.Error(got)
	}
	if got := Mark(En, "Šabac Ћир"); got != `Šabac <span lang="sr-Cyrl" translate="no">Ћир</span>` {
		t.Error(got)
	}
	if got := Mark(SrLatn, "<b>"); got != "&lt;b&gt;" {
		t.Error(got)
	}
}

func TestTimes(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.ParseInLocation("2006-01-02 15:04", s, Belgrade)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	now := at("2026-11-22 08:22")
	for _, c := range []struct{ got, want string }{
		{Date(SrLatn, now), "22. novembar 2026"}, {Date(En, now), "22 Nov 2026"}, {LongDate(SrCyrl, now), "недеља, 22. новембар 2026"},
		{Clock(SrCyrl, now), "8.22"}, {Clock(En, now), "08:22"}, {Clock(SrCyrl, at("2026-11-22 14:05")), "14.05"}, {Clock(SrLatn, at("2026-11-22 00:05")), "0.05"},
		{Until(SrLatn, at("2026-11-23 10:34"), now), "do sutra u 10.34"}, {Until(SrCyrl, at("2026-11-22 14:00"), now), "до 14.00"},
		{Until(SrLatn, at("2027-02-28 10:34"), now), "do 28. februara 2027 u 10.34"}, {Until(En, at("2026-11-23 10:34"), now), "until tomorrow 10:34"},
		{When(SrLatn, at("2026-11-21 08:36"), now), "juče 8.36"}, {When(SrLatn, at("2026-11-20 08:36"), now), "20. novembar"},
		{Duration(SrLatn, 26*time.Hour+12*time.Minute), "26 h 12 min"}, {Duration(SrCyrl, 26*time.Hour+12*time.Minute), "26 h 12 мин"}, {Ago(SrCyrl, now.Add(-6*time.Minute), now), "пре 6 мин"}, {Duration(SrLatn, -72*time.Minute), "−1 h 12 min"},
		{Duration(SrLatn, 8*24*time.Hour), "8 dana"}, {Duration(SrCyrl, 21*24*time.Hour), "21 дан"}, {Duration(En, 30*time.Second), "1 min"},
		{Ago(SrLatn, now.Add(-6*time.Minute), now), "pre 6 min"}, {Ago(En, now.Add(-2*time.Hour), now), "2 h ago"}, {Ago(SrLatn, at("2026-11-17 10:00"), now), "pre 5 dana"},
		{Number(SrCyrl, 1208), "1.208"}, {Number(En, 1234567), "1,234,567"}, {Number(En, -1208), "−1,208"}, {Percent(SrLatn, 0.8052, 2), "80,52 %"}, {Decimal(En, -0.5, 1), "−0.5"},
		{Bytes(SrLatn, 740_200), "740 KB"}, {Bytes(SrLatn, 1_230_000), "1,2 MB"},
		{FullTime(En, now), "22 Nov 2026, 08:22:00 CET"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestTextFallsBack(t *testing.T) {
	x := Text{SrCyrl: "Ђ", En: "Dj"}
	if x.In(SrLatn) != "Đ" || x.In(En) != "Dj" || (Text{SrCyrl: "Ђ"}).In(En) != "Ђ" || (Text{}).In(En) != "" {
		t.Error("fallback order")
	}
}
