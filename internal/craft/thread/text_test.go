package thread

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestQuoteCut(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Искључили смо.\r\n\r\nДана 22. 11. написа:\r\n> Молимо": "Искључили смо.",
		"> само цитат":              "",
		"без цитата\nдруги ред":     "без цитата\nдруги ред",
		"a > b није цитат":          "a > b није цитат",
		"горе\n> цитат\nиспод њега": "горе",
	} {
		if got := quoteCut(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestCleanName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{`..\..\gw2.log`: "gw2.log", "/etc/passwd": "passwd", "": "file", "..": "file", "a\x00b\u202ecod.exe": "abcod.exe", strings.Repeat("ж", 200): strings.Repeat("ж", 120)} {
		if got := cleanName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add("a\n> b", `..\x`)
	f.Fuzz(func(t *testing.T, text, name string) {
		if got := quoteCut(text); strings.Contains(got, "\n>") {
			t.Errorf("a quoted line is left in %q", got)
		}
		got := cleanName(name)
		if got == "" || strings.ContainsAny(got, "/\\\x00\n") || utf8.RuneCountInString(got) > 120 {
			t.Errorf("a label %q", got)
		}
	})
}
