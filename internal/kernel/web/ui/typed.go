package ui

import (
	"html"
	"html/template"
	"net/url"
	"regexp"
	"strings"
)

// TypedForm is the form of a page whose text goes along when the language or the
// appearance is switched. Press comes from the page's own markup.
type TypedForm struct {
	ID     string
	Action string
	Press  template.HTMLAttr // name, value … of its own first button
}

// Again is where the switch sends the form: to the page itself, at its address in a
// language, which shows it again with what was typed.
func (p *Page) Again(l LangLink) string {
	at := p.Path
	if l.Href != "" {
		at = l.Href
	}
	sep := "?"
	if strings.Contains(at, "?") {
		sep = "&"
	}
	return at + sep + "_show=" + url.QueryEscape(p.Typed.Action)
}

// AgainHere is Again in the language that the page is in.
func (p *Page) AgainHere() string { return p.Again(LangLink{Href: p.Here()}) }

var (
	formTag   = regexp.MustCompile(`<form\b[^>]*method="post"[^>]*>`)
	fieldTag  = regexp.MustCompile(`<textarea\b|<select\b|<input\b[^>]*>`)
	otherTag  = regexp.MustCompile(`type="(?:hidden|file|password|submit|button)"`)
	buttonTag = regexp.MustCompile(`<button\b[^>]*>`)
	attrOf    = regexp.MustCompile(` (id|action|name|value|formaction|type|formnovalidate)(?:="([^"]*)")?`)
)

// FindTyped finds the form whose text goes along when the language is switched: the one
// marked data-typed, else the one that asks most. The form gets an id when it has none.
// A form without an address gets path, the page's. page is what a template has written,
// so that its attributes are quoted.
func FindTyped(page template.HTML, path string) (template.HTML, *TypedForm) {
	main := string(page)
	if !strings.Contains(main, `method="post"`) {
		return template.HTML(main), nil
	}
	// A form that is sent to where it stands must not be sent to this page's asking.
	main = formTag.ReplaceAllStringFunc(main, func(tag string) string {
		if strings.Contains(tag, " action=") {
			return tag
		}
		return `<form action="` + template.HTMLEscapeString(path) + `"` + tag[len("<form"):]
	})
	best, most := []int(nil), 0
	end := 0
	for _, at := range formTag.FindAllStringIndex(main, -1) {
		tag := main[at[0]:at[1]]
		stop := strings.Index(main[at[1]:], "</form>")
		if stop < 0 || strings.Contains(tag, `action="/views`) {
			continue
		}
		n := 0
		for _, f := range fieldTag.FindAllString(main[at[1]:at[1]+stop], -1) {
			if !otherTag.MatchString(f) {
				n++
			}
		}
		if strings.Contains(tag, " data-typed") && n > 0 {
			n += 1000
		}
		if n > most {
			best, most, end = at, n, at[1]+stop
		}
	}
	if best == nil {
		return template.HTML(main), nil
	}
	tag := main[best[0]:best[1]]
	form := &TypedForm{ID: "typed"}
	for _, a := range attrOf.FindAllStringSubmatch(tag, -1) {
		switch a[1] {
		case "id":
			form.ID = a[2]
		case "action":
			form.Action = html.UnescapeString(a[2])
		}
	}
	for _, b := range buttonTag.FindAllString(main[best[1]:end], -1) {
		if strings.Contains(b, `type="button"`) {
			continue
		}
		for _, a := range attrOf.FindAllString(b, -1) {
			if !strings.HasPrefix(a, " id=") && !strings.HasPrefix(a, " type=") {
				form.Press += template.HTMLAttr(a)
			}
		}
		break
	}
	if form.ID == "typed" {
		main = main[:best[0]+len("<form")] + ` id="typed"` + main[best[0]+len("<form"):]
	}
	return template.HTML(main), form
}
