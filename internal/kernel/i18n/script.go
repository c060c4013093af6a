package i18n

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// latinOf is the Serbian alphabet letter by letter (Pravopis: ђ is đ, џ is dž).
var latinOf = map[rune]string{
	'а': "a", 'б': "b", 'в': "v", 'г': "g", 'д': "d", 'ђ': "đ", 'е': "e", 'ж': "ž", 'з': "z", 'и': "i",
	'ј': "j", 'к': "k", 'л': "l", 'љ': "lj", 'м': "m", 'н': "n", 'њ': "nj", 'о': "o", 'п': "p", 'р': "r",
	'с': "s", 'т': "t", 'ћ': "ć", 'у': "u", 'ф': "f", 'х': "h", 'ц': "c", 'ч': "č", 'џ': "dž", 'ш': "š",
}

// latinWords are words that are spelled in Latin as their own language spells
// them, not letter by letter. Keys are upper case; case endings after a hyphen
// (ЦЕРТ-а) are converted by rule.
var latinWords = map[string]string{
	"ЦЕРТ": "CERT", "ЦЕРТОВИ": "CERT-ovi", "МИСП": "MISP", "СМС": "SMS", "ПИН": "PIN", "ПДФ": "PDF",
}

// Latin writes Serbian Cyrillic in Serbian Latin. Text between backticks stays
// as it is, the backticks with it; everything that is not Serbian Cyrillic stays.
// Љ, Њ, Џ become Lj, Nj, Dž before a small letter or alone, LJ, NJ, DŽ between
// capitals.
func Latin(s string) string {
	if !hasCyrillic(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i, part := range strings.Split(s, "`") {
		if i > 0 {
			b.WriteByte('`')
		}
		if i%2 == 1 {
			b.WriteString(part)
			continue
		}
		latinPart(&b, []rune(part))
	}
	return b.String()
}

// latinPart converts one unmarked stretch word by word.
func latinPart(b *strings.Builder, rs []rune) {
	for i := 0; i < len(rs); {
		if !unicode.Is(unicode.Cyrillic, rs[i]) {
			b.WriteRune(rs[i])
			i++
			continue
		}
		j := i
		for j < len(rs) && unicode.Is(unicode.Cyrillic, rs[j]) {
			j++
		}
		if w, ok := latinWords[string(rs[i:j])]; ok {
			b.WriteString(w)
		} else {
			latinWord(b, rs, i, j)
		}
		i = j
	}
}

// latinWord converts rs[i:j], one word of Cyrillic letters.
func latinWord(b *strings.Builder, rs []rune, i, j int) {
	for k := i; k < j; k++ {
		r := rs[k]
		lower := unicode.ToLower(r)
		l, ok := latinOf[lower]
		switch {
		case !ok:
			b.WriteRune(r)
		case r == lower:
			b.WriteString(l)
		case len([]rune(l)) == 1:
			b.WriteString(strings.ToUpper(l))
		case capitals(rs, k, i, j):
			b.WriteString(strings.ToUpper(l))
		default:
			first, rest := []rune(l)[0], []rune(l)[1:]
			b.WriteRune(unicode.ToUpper(first))
			b.WriteString(string(rest))
		}
	}
}

// capitals tells whether the letter at k stands among capitals: the next letter
// decides, at the end of a word the one before it.
func capitals(rs []rune, k, i, j int) bool {
	if k+1 < j {
		return unicode.IsUpper(rs[k+1])
	}
	return k > i && unicode.IsUpper(rs[k-1])
}

func hasCyrillic(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Cyrillic, r) })
}

// foldOf gives the search form of letters that decomposition alone does not
// bring to plain Latin. Both scripts and both spellings of đ meet at "dj".
var foldOf = map[rune]string{
	'ђ': "dj", 'đ': "dj", 'ð': "dj", 'ж': "z", 'љ': "lj", 'њ': "nj", 'ћ': "c", 'ч': "c", 'џ': "dz", 'ш': "s",
	'й': "j", 'щ': "sc", 'ъ': "", 'ь': "", 'ы': "y", 'э': "e", 'ё': "e", 'ю': "ju", 'я': "ja", 'є': "je",
	'і': "i", 'ї': "i", 'ґ': "g", 'ѕ': "dz", 'ѓ': "dj", 'ќ': "c", 'ß': "ss", 'ł': "l", 'ø': "o", 'æ': "ae",
	'œ': "oe", 'ı': "i", 'þ': "th",
}

// Fold gives the form of s under which it is searched: compatibility forms
// joined (NFKC), lower case, Cyrillic as Latin, diacritics gone, đ and ђ as dj,
// white space as single blanks. Equal for both scripts of the same word.
func Fold(s string) string {
	s = norm.NFKC.String(strings.ToLower(norm.NFKC.String(s)))
	var b strings.Builder
	b.Grow(len(s))
	space := false
	put := func(t string) {
		if space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		space = false
		b.WriteString(t)
	}
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = true
		} else if t, ok := foldLetter(r); ok {
			put(t)
		} else {
			for _, d := range norm.NFD.String(string(r)) {
				if t, ok := foldLetter(d); ok { // ѐ comes apart into Cyrillic е and a grave
					put(t)
				} else if !unicode.Is(unicode.Mn, d) {
					put(string(d))
				}
			}
		}
	}
	return b.String()
}

// foldLetter gives the search form of a letter that a table or ASCII answers.
func foldLetter(r rune) (string, bool) {
	if t, ok := foldOf[r]; ok {
		return t, true
	}
	if t, ok := latinOf[r]; ok {
		return t, true
	}
	return string(r), r < 0x80
}
