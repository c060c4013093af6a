package pattern

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// Row 35: the worst patterns and the worst texts for them; each comparison within fifty
// milliseconds, or the pattern is refused before it is ever used.
func TestRow35WorstPatternsAreBounded(t *testing.T) {
	taken := 0
	for _, text := range []string{
		`(a+)+$`, `(a|aa)+$`, `(a|a?)+$`, `(.*a){25}$`, `^(([a-z])+.)+[A-Z]([a-z])+$`, `(x+x+)+y`, `(?:a?){300}a{300}`, `((a{10}){10}){9}$`,
		`([0-9a-zA-Z]+[._-]?)+@([0-9a-zA-Z]+\.)+[a-z]{2,6}$`, `(\w+\s*)+:`, strings.Repeat("(a*)*", 100) + "$", strings.Repeat("a?", 400) + strings.Repeat("a", 400),
		`(a{1000}){1000}`, `((((a{100}){100}){100}){100})`, strings.Repeat("(", 5000) + "a" + strings.Repeat(")", 5000), strings.Repeat("a|", 50_000), strings.Repeat(".*", 900), `\pL{400}\pN{400}`,
	} {
		began := time.Now()
		p, err := Compile(text)
		if d := time.Since(began); d > 200*time.Millisecond {
			t.Errorf("%.40q: reading it took %s", text, d)
		}
		if err != nil {
			continue
		}
		taken++
		for _, c := range []string{"a", "x", "ab", "é", "a.", "1-"} {
			in := strings.Repeat(c, 4<<20/len(c)) + "!"
			var took []time.Duration
			for range 5 { // the median: the machine is shared
				began = time.Now()
				p.In(in)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			if took[2] > 50*time.Millisecond {
				t.Errorf("%.40q in %q…: %s", text, c, took[2])
			}
		}
	}
	if taken < 8 {
		t.Errorf("only %d of the patterns were taken: the bounds refuse what lists need", taken)
	}
}

func TestCompile(t *testing.T) {
	t.Parallel()
	for text, in := range map[string]string{`^mail\.`: "mail.example.org", `(?i)EXAMPLE`: "www.example.org", ``: "", `[0-9]{1,3}(\.[0-9]{1,3}){3}`: "198.51.100.1"} {
		if p, err := Compile(text); err != nil || !p.In(in) || text != "" && p.In("nothing") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, large := range map[string]bool{`(`: false, `a{2,1}`: false, `(?<=a)b`: false, `(a)\1`: false, strings.Repeat("a", MostBytes+1): true, `(a{100}){10}b{10}`: true} {
		if _, err := Compile(text); err == nil || errors.Is(err, ErrLarge) != large {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	p, err := Compile("b")
	if err != nil || p.In(strings.Repeat("a", MostText)+"b") || !p.In(strings.Repeat("a", MostText-1)+"b") {
		t.Error("the text is looked at up to its bound", err)
	}
}

// Whatever is written as a pattern is compared within its bounds, or refused.
func FuzzCompile(f *testing.F) {
	f.Add(`(a+)+$`, "aaaa")
	f.Add(`[`, "")
	f.Fuzz(func(t *testing.T, text, in string) {
		if p, err := Compile(text); err == nil {
			p.In(in)
		}
	})
}

func TestDelimited(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{`/a\@b/`: `a@b`, `/a/i`: `(?i)a`, `/a/iUmi`: `(?im)a`, `a/b`: `a/b`, `/a`: `/a`, ``: ``, `/`: `/`, `/x\/y/s`: `(?s)x\/y`, `//`: ``} {
		if got := Delimited(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
