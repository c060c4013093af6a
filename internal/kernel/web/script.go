package web

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/net/html"

	"straza/internal/kernel/i18n"
)

// CheckScript reads a rendered page as a person does and names the first words in
// the wrong script outside a marked span: Latin on a Cyrillic page, Cyrillic on a
// Latin or English one. Marked is what stands under lang of another language than
// the page's, or under translate="no". Titles and attributes cannot be marked and
// are not looked at.
func CheckScript(l i18n.Lang, page []byte) error {
	doc, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		return err
	}
	wrong := unicode.Cyrillic
	if l == i18n.SrCyrl {
		wrong = unicode.Latin
	}
	var found []string
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode && skipScript(n, l) {
			return
		}
		if n.Type == html.TextNode && strings.ContainsFunc(n.Data, func(r rune) bool { return unicode.Is(wrong, r) }) {
			found = append(found, strings.TrimSpace(n.Data))
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	if len(found) > 0 {
		return fmt.Errorf("%d texts in the other script, unmarked, the first: %.200q", len(found), found[0])
	}
	return nil
}

// skipScript tells whether an element's text is marked, or no text for people.
func skipScript(n *html.Node, l i18n.Lang) bool {
	switch n.Data {
	case "script", "style", "title", "noscript", "option", "textarea", "kbd":
		return true // option and textarea hold text only: nothing in them can be marked
	}
	if n.Data == "html" {
		return false
	}
	for _, a := range n.Attr {
		if a.Key == "translate" && a.Val == "no" || a.Key == "lang" && a.Val != string(l) {
			return true
		}
	}
	return false
}
