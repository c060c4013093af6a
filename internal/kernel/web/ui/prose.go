package ui

import (
	"strings"

	"golang.org/x/net/html"

	"straza/internal/kernel/i18n"
)

// Prose is a text of a stranger's that a format package made into HTML. Only plain
// elements pass, without attributes but those of numbering and alignment; whatever
// else is in it is shown as text. It stands as it was written, in no script of ours.
type Prose string

// proseTags and proseAttrs are what may pass.
var (
	proseTags = map[string]bool{"p": true, "h1": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true, "em": true, "strong": true, "del": true, "code": true, "pre": true,
		"blockquote": true, "ul": true, "ol": true, "li": true, "hr": true, "br": true, "table": true, "thead": true, "tbody": true, "tr": true, "th": true, "td": true}
	proseAttrs = map[string]bool{"translate": true, "start": true, "align": true}
)

func (Prose) template() string { return "" }

func (p Prose) draw(_ *Kit, _ i18n.Lang, b *strings.Builder) error {
	b.WriteString(`<div class="sz-prose" translate="no">`)
	var open []string
	z := html.NewTokenizer(strings.NewReader(string(p)))
	for z.Next() != html.ErrorToken {
		t := z.Token()
		switch {
		case t.Type == html.TextToken:
			b.WriteString(html.EscapeString(t.Data))
		case t.Type == html.EndTagToken:
			if n := len(open); n > 0 && open[n-1] == t.Data { // only what is open is closed: nothing breaks out of the page
				open = open[:n-1]
				b.WriteString("</" + t.Data + ">")
			}
		case (t.Type == html.StartTagToken || t.Type == html.SelfClosingTagToken) && proseTags[t.Data]:
			b.WriteString("<" + t.Data)
			for _, a := range t.Attr {
				if proseAttrs[a.Key] {
					attr(b, a.Key, a.Val)
				}
			}
			b.WriteString(">")
			if t.Data != "hr" && t.Data != "br" {
				open = append(open, t.Data)
			}
		default:
			b.WriteString(html.EscapeString(t.String()))
		}
	}
	for i := len(open) - 1; i >= 0; i-- {
		b.WriteString("</" + open[i] + ">")
	}
	b.WriteString("</div>")
	return nil
}
