package app

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html"
)

// sheet is a form as a page offers it: what the rows of the table of attacks fill in.
type sheet struct {
	page, action, method string
	fields               []field
}

// field is one control of a form.
type field struct {
	name, kind, value string
	options           []string // of a select, of radio buttons and tick boxes of one name
	max               int      // maxlength, 0 = none said
}

// text tells whether a person may type any words there.
func (f field) text() bool {
	return slices.Contains([]string{"text", "textarea", "search", "email", "tel", "url", ""}, f.kind)
}

// values are what a browser would send if nobody touched the form: the first
// choice where one has to be made.
func (s sheet) values() url.Values {
	v := url.Values{}
	for _, f := range s.fields {
		switch {
		case f.kind == "file", f.kind == "submit":
		case len(f.options) > 0 && f.value == "":
			i := slices.IndexFunc(f.options, func(o string) bool { return o != "" })
			if f.kind != "checkbox" && i >= 0 {
				v.Set(f.name, f.options[i])
			}
		default:
			v.Set(f.name, f.value)
		}
	}
	return v
}

// key names forms of one kind: address without ids, and the names of its fields.
func (s sheet) key() string {
	var names []string
	for _, f := range s.fields {
		names = append(names, f.name)
	}
	return s.method + " " + kindOf(s.action) + " " + strings.Join(names, ",")
}

// kindOf is a path with * for what names a thing.
func kindOf(path string) string {
	path, _, _ = strings.Cut(path, "?")
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.ContainsAny(p, "0123456789") && len(p) > 3 {
			parts[i] = "*"
		}
	}
	return strings.Join(parts, "/")
}

// sheets reads every form of a page; action is relative to the page's own path.
func sheets(page, body string) (out []sheet) {
	doc, err := html.Parse(strings.NewReader(body))
	if err != nil {
		return nil
	}
	base, _ := url.Parse(page)
	byID := map[string]int{}
	var form func(n *html.Node, at int)
	form = func(n *html.Node, at int) {
		if n.Type == html.ElementNode && n.Data == "form" {
			to, err := base.Parse(attr(n, "action"))
			if err != nil {
				return
			}
			method := strings.ToUpper(attr(n, "method"))
			if method == "" {
				method = "GET"
			}
			out = append(out, sheet{page: page, action: to.RequestURI(), method: method})
			at = len(out) - 1
			if id := attr(n, "id"); id != "" {
				byID[id] = at
			}
		}
		if n.Type == html.ElementNode {
			into := at
			if i, ok := byID[attr(n, "form")]; ok {
				into = i
			}
			if into >= 0 {
				out[into].take(n)
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			form(c, at)
		}
	}
	form(doc, -1)
	return out
}

func (s *sheet) take(n *html.Node) {
	f := field{name: attr(n, "name"), kind: attr(n, "type"), value: attr(n, "value")}
	if f.name == "" {
		return
	}
	f.max, _ = strconv.Atoi(attr(n, "maxlength"))
	switch n.Data {
	case "input":
	case "textarea":
		f.kind, f.value = "textarea", inner(n)
	case "button":
		f.kind = "submit"
	case "select":
		f.kind = "select"
		var walk func(*html.Node)
		walk = func(c *html.Node) {
			if c.Data == "option" {
				f.options = append(f.options, attr(c, "value"))
				if has(c, "selected") {
					f.value = attr(c, "value")
				}
			}
			for k := c.FirstChild; k != nil; k = k.NextSibling {
				walk(k)
			}
		}
		walk(n)
	default:
		return
	}
	if f.kind == "radio" || f.kind == "checkbox" {
		o := f.value
		if f.value = ""; has(n, "checked") {
			f.value = o
		}
		if i := slices.IndexFunc(s.fields, func(x field) bool { return x.name == f.name && x.kind == f.kind }); i >= 0 {
			s.fields[i].options = append(s.fields[i].options, o)
			if f.value != "" {
				s.fields[i].value = f.value
			}
			return
		}
		f.options = []string{o}
	}
	s.fields = append(s.fields, f)
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func inner(n *html.Node) (s string) {
	if n.Type == html.TextNode {
		return n.Data
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		s += inner(c)
	}
	return s
}

// harvest opens every GET door as somebody and gathers one form of each kind.
func (w *world) harvest(p *persona) (out []sheet) {
	w.t.Helper()
	known := map[string]bool{}
	for _, path := range w.gets() {
		rec := w.do(p, "GET", path, "")
		if rec.Code >= 300 || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/html") {
			continue
		}
		for _, s := range sheets(path, rec.Body.String()) {
			if !known[s.key()] {
				known[s.key()] = true
				out = append(out, s)
			}
		}
	}
	return out
}
