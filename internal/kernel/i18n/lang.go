package i18n

import (
	"fmt"
	"strconv"
	"strings"
)

// Lang is one of the three languages; the value is its BCP 47 tag.
type Lang string

// The languages. There is no plain "sr": it would not say which script.
const (
	SrCyrl Lang = "sr-Cyrl"
	SrLatn Lang = "sr-Latn"
	En     Lang = "en"
)

// Langs lists the languages in the order in which a page offers them.
var Langs = [3]Lang{SrCyrl, SrLatn, En}

// Default is the language of somebody who asked for none that we have.
const Default = SrCyrl

// Parse reads a language tag exactly as we write it; a plain "sr" is refused.
func Parse(s string) (Lang, error) {
	switch l := Lang(s); l {
	case SrCyrl, SrLatn, En:
		return l, nil
	}
	if s == "sr" {
		return "", fmt.Errorf("language %q names no script: use sr-Cyrl or sr-Latn", s)
	}
	return "", fmt.Errorf("unknown language %q: use sr-Cyrl, sr-Latn or en", s)
}

// Valid tells whether l is one of the three.
func (l Lang) Valid() bool { return l == SrCyrl || l == SrLatn || l == En }

// Serbian tells whether l is Serbian in either script.
func (l Lang) Serbian() bool { return l == SrCyrl || l == SrLatn }

// or gives l, or the default when l is none of the three.
func (l Lang) or() Lang {
	if l.Valid() {
		return l
	}
	return Default
}

// acceptMax caps the header: no browser sends more, and a hostile one may.
const acceptMax = 256

// Accept chooses a language from an Accept-Language header (RFC 9110 §12.5.4);
// fallback when nothing in it fits. Only the first 256 bytes are read. Tags
// without a script are taken as people's browsers mean them: sr is Cyrillic,
// the neighbours' Latin languages (bs, hr, me, sl) are served Serbian Latin.
func Accept(header string, fallback Lang) Lang {
	if len(header) > acceptMax {
		header = header[:acceptMax]
	}
	best, bestQ := fallback.or(), 0.0
	for part := range strings.SplitSeq(header, ",") {
		tag, params, _ := strings.Cut(part, ";")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			f, err := strconv.ParseFloat(v, 64)
			if err != nil || f < 0 || f > 1 {
				continue
			}
			q = f
		}
		if l, ok := fromTag(strings.ToLower(strings.TrimSpace(tag))); ok && q > bestQ {
			best, bestQ = l, q
		}
	}
	return best
}

// fromTag maps a lower-case browser tag to a language of ours.
func fromTag(tag string) (Lang, bool) {
	primary, rest, _ := strings.Cut(tag, "-")
	switch primary {
	case "sr":
		if strings.HasPrefix(rest, "latn") {
			return SrLatn, true
		}
		return SrCyrl, true
	case "sh", "bs", "hr", "cnr", "sl":
		return SrLatn, true
	case "en":
		return En, true
	}
	return "", false
}

// Text is a text of the domain that exists in several languages, as it lies in
// packs and in the database (JSON object of tag to text).
type Text map[Lang]string

// In gives the text in l. Fixed fallback: Latin is derived from Cyrillic, then
// English, then Serbian Cyrillic, then whatever there is.
func (t Text) In(l Lang) string {
	if s := t[l]; s != "" {
		return s
	}
	if l == SrLatn && t[SrCyrl] != "" {
		return Latin(t[SrCyrl])
	}
	for _, f := range []Lang{En, SrCyrl, SrLatn} {
		if s := t[f]; s != "" {
			if l == SrLatn {
				return Latin(s)
			}
			return s
		}
	}
	return ""
}
