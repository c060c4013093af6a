package ui

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"reflect"
	"strings"
	"time"

	"straza/internal/kernel/i18n"
)

//go:embed *.html
var templateFiles embed.FS

// Component is a struct of this package that {{ui .X}} can show.
type Component interface{ template() string }

// Kit holds shells and components parsed once per language. Safe for use by many
// goroutines.
type Kit struct {
	Catalog *i18n.Catalog
	Now     func() time.Time
	sets    map[i18n.Lang]*template.Template
}

// NewKit parses the shells and components; now is the clock of relative times.
func NewKit(cat *i18n.Catalog, now func() time.Time) (*Kit, error) {
	k := &Kit{Catalog: cat, Now: now, sets: map[i18n.Lang]*template.Template{}}
	for _, l := range i18n.Langs {
		set, err := template.New("ui").Funcs(k.Funcs(l)).ParseFS(templateFiles, "*.html")
		if err != nil {
			return nil, fmt.Errorf("ui templates: %w", err)
		}
		k.sets[l] = set
	}
	return k, nil
}

// Show renders a component.
func (k *Kit) Show(l i18n.Lang, c Component) (template.HTML, error) {
	if isNil(c) {
		return "", nil
	}
	if d, ok := c.(drawer); ok {
		return k.drawn(l, d)
	}
	var b bytes.Buffer
	if err := k.sets[l].ExecuteTemplate(&b, c.template(), c); err != nil {
		return "", err
	}
	return template.HTML(b.String()), nil
}

// Layout writes a whole page: the shell of p around main.
func (k *Kit) Layout(w io.Writer, p *Page, main template.HTML) error {
	return k.sets[p.Lang].ExecuteTemplate(w, "layout", struct {
		*Page
		Main    template.HTML
		Printed time.Time
	}{p, main, k.Now()})
}

// Funcs are the functions of every template, bound to language l.
func (k *Kit) Funcs(l i18n.Lang) template.FuncMap {
	cat := k.Catalog
	return template.FuncMap{
		// Words.
		"t":     func(key string, args ...any) template.HTML { return cat.HTML(l, key, args...) },
		"msg":   func(key string, args ...any) string { return cat.T(l, key, args...) },
		"text":  func(t i18n.Text) template.HTML { return i18n.Mark(l, t.In(l)) },
		"mark":  func(s string) template.HTML { return i18n.Mark(l, s) },
		"mono":  func(s string) template.HTML { return mono(s) },
		"prose": func(s string) (template.HTML, error) { return k.prose(l, s) },
		"lang":  func() string { return string(l) },
		// Times and numbers.
		"date":     func(t time.Time) string { return i18n.Date(l, t) },
		"longdate": func(t time.Time) string { return i18n.LongDate(l, t) },
		"datetime": func(t time.Time) string { return i18n.DateTime(l, t) },
		"when":     func(t time.Time) template.HTML { return k.when(l, t, i18n.When) },
		"ago":      func(t time.Time) template.HTML { return k.when(l, t, i18n.Ago) },
		"until":    func(t time.Time) template.HTML { return k.when(l, t, i18n.Until) },
		"duration": func(d time.Duration) template.HTML { return i18n.Mark(l, i18n.Duration(l, d)) },
		"num":      func(n any) string { return number(l, n) },
		"percent":  func(share float64) string { return i18n.Percent(l, share, 0) },
		"bytesize": func(n int64) template.HTML { return i18n.Mark(l, i18n.Bytes(l, n)) },
		// Parts.
		"ui":    func(c Component) (template.HTML, error) { return k.Show(l, c) },
		"icon":  Icon,
		"logo":  func() template.HTML { return Mark },
		"asset": Asset,
		"path":  func(p string) string { return "/" + string(l) + p },
		// Marks and the commonest components, made in the template.
		"tlp":       func(s string) (template.HTML, error) { return k.Show(l, TLP(s)) },
		"pap":       func(s string) (template.HTML, error) { return k.Show(l, PAP(s)) },
		"severity":  func(s string) (template.HTML, error) { return k.Show(l, Severity{Level: s}) },
		"state":     func(kind, word string) (template.HTML, error) { return k.Show(l, State{Kind: kind, Word: word}) },
		"button":    func(label string) Button { return Button{Label: label} },
		"link":      func(label, href string) Button { return Button{Label: label, Href: href} },
		"avatar":    func(name string) (template.HTML, error) { return k.Show(l, Avatar{Name: name}) },
		"watch":     func(w WatchLine) watchView { return k.watchView(l, w) },
		"show":      func(v any) (template.HTML, error) { return k.show(l, v) },
		"day":       func(t time.Time) string { return k.day(l, t) },
		"clocktime": func(t time.Time) string { return i18n.Clock(l, t) },
		"tag":       func(word string) (template.HTML, error) { return k.Show(l, Tag{Word: word}) },
	}
}

// prose is a text of ours in which backticks hold what a machine reads or a key says;
// labels among it are drawn as the marks that they are.
func (k *Kit) prose(l i18n.Lang, s string) (template.HTML, error) {
	var b strings.Builder
	for i, part := range strings.Split(s, "`") {
		var h template.HTML
		var err error
		switch {
		case i%2 == 0:
			h = i18n.Mark(l, part)
		case strings.HasPrefix(part, "TLP:"):
			h, err = k.Show(l, TLP(strings.TrimPrefix(part, "TLP:")))
		case strings.HasPrefix(part, "PAP:"):
			h, err = k.Show(l, PAP(strings.TrimPrefix(part, "PAP:")))
		default:
			h = template.HTML(`<kbd lang="en" translate="no">` + template.HTMLEscapeString(part) + `</kbd>`)
		}
		if err != nil {
			return "", err
		}
		b.WriteString(string(h))
	}
	return template.HTML(b.String()), nil
}

// when writes a moment as <time>: the words for the eye, the instant for
// machines and for the script that keeps the words true.
func (k *Kit) when(l i18n.Lang, t time.Time, say func(i18n.Lang, time.Time, time.Time) string) template.HTML {
	if t.IsZero() {
		return "–"
	}
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `" title="` +
		template.HTMLEscapeString(i18n.FullTime(l, t)) + `">` + string(i18n.Mark(l, say(l, t, k.Now()))) + `</time>`)
}

// mono sets what a machine made: never translated, never hyphenated.
func mono(s string) template.HTML {
	return template.HTML(`<code class="sz-mono" translate="no">` + template.HTMLEscapeString(s) + `</code>`)
}

func number(l i18n.Lang, n any) string {
	switch n := n.(type) {
	case int:
		return i18n.Number(l, int64(n))
	case int64:
		return i18n.Number(l, n)
	case float64:
		return i18n.Decimal(l, n, 2)
	}
	return strings.TrimSpace(fmt.Sprint(n))
}

// isNil sees a nil pointer inside the interface, so that {{ui .Optional}} shows nothing.
func isNil(c Component) bool {
	v := reflect.ValueOf(c)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// show prints whatever stands in a cell: a component, finished HTML, a moment, a
// text in several languages, a number, a text.
func (k *Kit) show(l i18n.Lang, v any) (template.HTML, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case Component:
		return k.Show(l, v)
	case template.HTML:
		return v, nil
	case string:
		return i18n.Mark(l, v), nil
	case i18n.Text:
		return i18n.Mark(l, v.In(l)), nil
	case time.Time:
		return k.when(l, v, i18n.When), nil
	case int, int64, float64:
		return template.HTML(number(l, v)), nil
	}
	return i18n.Mark(l, fmt.Sprint(v)), nil
}

// day is the head over one day of a timeline.
func (k *Kit) day(l i18n.Lang, t time.Time) string {
	now := k.Now()
	day := i18n.DayMonth(l, t)
	if t.In(i18n.Belgrade).Year() != now.In(i18n.Belgrade).Year() {
		return i18n.Date(l, t)
	}
	switch i18n.Date(l, t) {
	case i18n.Date(l, now):
		return k.Catalog.T(l, "ui.today") + ", " + day
	case i18n.Date(l, now.AddDate(0, 0, -1)):
		return k.Catalog.T(l, "ui.yesterday") + ", " + day
	}
	return day
}
