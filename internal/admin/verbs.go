package admin

import (
	"net/http"
	"strings"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// The log keeps codes ("case.task.add"); people read words. A code is a thing and what
// was done to it, and so are its words: nouns, which need no gender in Serbian. A few
// codes have words of their own.
const (
	verbKey  = "admin.audit.verb."
	thingKey = "admin.audit.thing."
	doneKey  = "admin.audit.did."
)

// actWords gives a code's words, "" when there are none.
func (p *pages) actWords(l i18n.Lang, verb string) string {
	if key := verbKey + verb; p.words.Has(l, key) {
		return p.words.T(l, key)
	}
	thing, did, _ := strings.Cut(verb, ".")
	if !p.words.Has(l, thingKey+thing) || !p.words.Has(l, doneKey+did) {
		return ""
	}
	return p.words.T(l, thingKey+thing) + ": " + p.words.T(l, doneKey+did)
}

// actsLike gives the codes of known that begin as said, or whose words have words that
// begin as all of what was said, in either script.
func (p *pages) actsLike(l i18n.Lang, said string, known []string) (out []string) {
	want := strings.Fields(i18n.Fold(said))
	for _, verb := range known {
		if strings.HasPrefix(verb, strings.ToLower(said)) || wordsBegin(p.actWords(l, verb), want) {
			out = append(out, verb)
		}
	}
	return out
}

func wordsBegin(words string, want []string) bool {
	have := strings.FieldsFunc(i18n.Fold(words), func(r rune) bool { return r == ' ' || r == ':' || r == '-' })
	if len(have) == 0 || len(want) == 0 {
		return false
	}
	for _, w := range want {
		found := false
		for _, h := range have {
			found = found || strings.HasPrefix(h, strings.Trim(w, ":"))
		}
		if !found {
			return false
		}
	}
	return true
}

// kindOptions are the kinds of things that stand in the log.
func (p *pages) kindOptions(r *http.Request, kinds []string) (out []ui.Option) {
	for _, k := range kinds {
		if k == "" {
			continue
		}
		o := ui.Option{Value: k, Label: k}
		if key := thingKey + k; p.words.Has(web.Lang(r), key) {
			o.Label = web.T(r, key)
		}
		out = append(out, o)
	}
	return out
}
