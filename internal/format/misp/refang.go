package misp

import "strings"

// dots and friends as analysts disarm them, without regard to case.
var disarmed = []struct{ from, to string }{
	{"[.]", "."}, {"(.)", "."}, {"{.}", "."}, {"[dot]", "."}, {"(dot)", "."}, {"{dot}", "."}, {"[.", "."}, {".]", "."},
	{"[:]", ":"}, {"[://]", "://"}, {"[/]", "/"}, {"[@]", "@"}, {"(@)", "@"}, {"{@}", "@"}, {"[at]", "@"}, {"(at)", "@"}, {"{at}", "@"},
}

var schemes = []struct{ from, to string }{
	{"hxxps", "https"}, {"hxxp", "http"}, {"h**ps", "https"}, {"h**p", "http"}, {"h__ps", "https"}, {"h__p", "http"},
	{"hxtps", "https"}, {"hxtp", "http"}, {"htxps", "https"}, {"htxp", "http"}, {"meows", "https"}, {"meow", "http"},
	{"h[tt]ps", "https"}, {"h[tt]p", "http"}, {"fxp", "ftp"},
}

// Refang undoes the usual ways of making an address harmless: hxxp, [.], (dot),
// [@] and their kin. A text without them comes back as it was.
func Refang(s string) string {
	for _, sc := range schemes {
		if len(s) > len(sc.from) && strings.EqualFold(s[:len(sc.from)], sc.from) {
			if rest := s[len(sc.from):]; rest[0] == ':' || rest[0] == '[' {
				s = sc.to + rest
			}
			break
		}
	}
	if !strings.ContainsAny(s, "[({") {
		return s
	}
	// Undoing one disguise can show another; sixteen rounds are more than anyone
	// writes and keep hostile nesting cheap.
	for range 16 {
		next := refangOnce(s)
		if next == s {
			break
		}
		s = next
	}
	return s
}

func refangOnce(s string) string {
	for _, d := range disarmed {
		i := indexFold(s, d.from)
		if i < 0 {
			continue
		}
		var b strings.Builder
		for i >= 0 {
			b.WriteString(s[:i])
			b.WriteString(d.to)
			s = s[i+len(d.from):]
			i = indexFold(s, d.from)
		}
		b.WriteString(s)
		s = b.String()
	}
	return s
}

// indexFold finds an ASCII pattern that begins and ends with a sign, without
// regard to case.
func indexFold(s, pattern string) int {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], pattern[0])
		if i < 0 || from+i+len(pattern) > len(s) {
			return -1
		}
		if from += i; strings.EqualFold(s[from:from+len(pattern)], pattern) {
			return from
		}
		from++
	}
}
