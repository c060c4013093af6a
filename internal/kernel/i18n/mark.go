package i18n

import (
	"html"
	"html/template"
	"strings"
	"unicode"
)

// Mark escapes a text that is not a message (a name, a title, what a person
// wrote) and puts its words in the other script than the page's into spans that
// say so, so that screen readers read them right and nothing converts them. On an
// English page only Cyrillic is foreign. Text without such words costs one scan.
func Mark(l Lang, s string) template.HTML {
	foreign := func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) }
	if l.or() == SrCyrl {
		foreign = func(r rune) bool { return unicode.Is(unicode.Latin, r) }
	}
	if !strings.ContainsFunc(s, foreign) {
		return template.HTML(html.EscapeString(s))
	}
	rs := []rune(s)
	var b strings.Builder
	for i := 0; i < len(rs); {
		j := i
		if foreign(rs[i]) {
			end := i
			// A foreign stretch takes in the blanks, digits and signs inside it.
			for ; j < len(rs) && (foreign(rs[j]) || !unicode.IsLetter(rs[j])); j++ {
				if foreign(rs[j]) {
					end = j + 1
				}
			}
			for end < len(rs) && attached(rs[end]) {
				end++
			}
			part := string(rs[i:end])
			b.WriteString(markOpen(part) + html.EscapeString(part) + "</span>")
			i = end
			continue
		}
		for ; j < len(rs) && !foreign(rs[j]); j++ {
		}
		b.WriteString(html.EscapeString(string(rs[i:j])))
		i = j
	}
	return template.HTML(b.String())
}

// attached: what belongs to the word before it, as in S-0417 or x86_64.
func attached(r rune) bool { return unicode.IsDigit(r) || strings.ContainsRune("-_/@#+", r) }

// markOpen opens the span around s; its language is told by its letters.
func markOpen(s string) string {
	if hasCyrillic(s) {
		return `<span lang="sr-Cyrl" translate="no">`
	}
	if strings.ContainsAny(s, "šđčćžŠĐČĆŽ") {
		return `<span lang="sr-Latn" translate="no">`
	}
	return `<span lang="en" translate="no">`
}
