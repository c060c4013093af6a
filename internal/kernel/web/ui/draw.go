package ui

import (
	"cmp"
	"fmt"
	"html"
	"html/template"
	"strings"

	"straza/internal/kernel/i18n"
)

// drawer is a component that Go writes by itself. Lists show hundreds of marks; a
// template for each would cost as much as the page (measured: 4.9 ms against
// 1.9 ms for 50 rows).
type drawer interface {
	draw(k *Kit, l i18n.Lang, b *strings.Builder) error
}

// word writes data: escaped, the other script marked.
func word(b *strings.Builder, l i18n.Lang, s string) { b.WriteString(string(i18n.Mark(l, s))) }

// attr writes name="value", escaped.
func attr(b *strings.Builder, name, value string) {
	b.WriteString(" " + name + `="` + html.EscapeString(value) + `"`)
}

func (t TLP) draw(_ *Kit, _ i18n.Lang, b *strings.Builder) error {
	if t == "" {
		return nil
	}
	b.WriteString(`<span class="sz-tlp"`)
	attr(b, "data-tlp", t.Word())
	b.WriteString(` translate="no" lang="en">TLP:` + html.EscapeString(t.Word()) + `</span>`)
	return nil
}

func (p PAP) draw(_ *Kit, _ i18n.Lang, b *strings.Builder) error {
	if p != "" {
		b.WriteString(`<span class="sz-pap" translate="no" lang="en">PAP:` + html.EscapeString(p.Word()) + `</span>`)
	}
	return nil
}

// bars are the four bars of a severity, n of them filled.
func bars(n int) string {
	var b strings.Builder
	b.WriteString(`<svg viewBox="0 0 16 14" width="16" height="14" aria-hidden="true" focusable="false">`)
	for i, r := range []string{`x="0" y="9" width="3" height="5"`, `x="4.3" y="6" width="3" height="8"`, `x="8.6" y="3" width="3" height="11"`, `x="13" y="0" width="3" height="14"`} {
		b.WriteString(`<rect ` + r + ` rx="1"`)
		if i >= n {
			b.WriteString(` opacity=".28"`)
		}
		b.WriteString(`/>`)
	}
	return b.String() + `</svg>`
}

var barsOf = [5]string{bars(0), bars(1), bars(2), bars(3), bars(4)}

func (s Severity) draw(k *Kit, l i18n.Lang, b *strings.Builder) error {
	if s.Bars() == 0 {
		b.WriteString(`<span class="sz-muted">` + string(k.Catalog.HTML(l, "ui.severity.none")) + `</span>`)
		return nil
	}
	b.WriteString(`<span class="sz-sev" data-level="` + s.Level + `"`)
	if s.Pill {
		b.WriteString(" data-pill")
	}
	b.WriteString(`>` + barsOf[s.Bars()] + string(k.Catalog.HTML(l, "ui.severity."+s.Level)) + `</span>`)
	return nil
}

// Shapes of rings and dials, 16 units wide.
const (
	svg16    = `<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">`
	ring     = `<circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.9"/>`
	tickFull = `<circle cx="8" cy="8" r="7.2" fill="currentColor"/><path d="m5 8.2 2.1 2.1L11.2 6" fill="none" stroke="var(--sz-panel)" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/>`
	tickRing = ring + `<path d="m5.4 8.2 1.9 1.9L10.8 6.4" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round"/>`
	lateSign = `<path d="M8 1.6 15 14H1z" fill="currentColor"/><path d="M8 6v3.6M8 11.6v.6" stroke="var(--sz-vhigh-bg)" stroke-width="1.6" stroke-linecap="round"/>`
)

var rings = map[string]string{
	StateNew:     `<circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.9" stroke-dasharray="2.4 2.47"/>`,
	StateAck:     ring,
	StateWorking: ring + `<path d="M8 4.2a3.8 3.8 0 0 1 0 7.6z" fill="currentColor"/>`,
	StateWaiting: ring + `<path d="M6.4 5.8v4.4M9.6 5.8v4.4" stroke="currentColor" stroke-width="1.7" stroke-linecap="round"/>`,
	StateDone:    tickFull,
	StateRefused: ring + `<path d="m5.9 5.9 4.2 4.2M10.1 5.9l-4.2 4.2" stroke="currentColor" stroke-width="1.7" stroke-linecap="round"/>`,
}

func (s State) draw(_ *Kit, l i18n.Lang, b *strings.Builder) error {
	shape, ok := rings[s.Kind]
	if !ok {
		shape = ring
	}
	b.WriteString(`<span class="sz-state"`)
	attr(b, "data-state", s.Kind)
	b.WriteString(`>` + svg16 + shape + `</svg><span>`)
	word(b, l, s.Word)
	b.WriteString(`</span></span>`)
	return nil
}

func (t Tag) draw(_ *Kit, l i18n.Lang, b *strings.Builder) error {
	end := "</span>"
	if href := safeHref(t.Href); href != "" {
		end = "</a>"
		b.WriteString(`<a class="sz-tag"`)
		attr(b, "href", href)
	} else {
		b.WriteString(`<span class="sz-tag"`)
	}
	if t.Title != "" {
		attr(b, "title", t.Title)
	}
	b.WriteString(`>`)
	b.WriteString(string(Icon(t.Icon)))
	if c := t.Colour(); c != "" {
		b.WriteString(`<svg class="sz-swatch" viewBox="0 0 8 8" width="8" height="8" aria-hidden="true"><rect width="8" height="8" rx="2" fill="` + c + `"/></svg>`)
	}
	if t.Space != "" {
		b.WriteString(`<i>`)
		word(b, l, t.Space)
		b.WriteString(`</i>`)
	}
	if t.Mono {
		b.WriteString(string(mono(t.Word)))
	} else {
		b.WriteString(`<span>`)
		word(b, l, t.Word)
		b.WriteString(`</span>`)
	}
	b.WriteString(end)
	return nil
}

// safeHref lets through addresses of our own, of the web, of mail and telephones;
// html/template does the same for addresses in templates.
func safeHref(s string) string {
	scheme, _, ok := strings.Cut(s, ":")
	if !ok || strings.ContainsAny(scheme, "/?#") {
		return s
	}
	switch strings.ToLower(scheme) {
	case "http", "https", "mailto", "tel":
		return s
	}
	return ""
}

func (a Avatar) draw(_ *Kit, l i18n.Lang, b *strings.Builder) error {
	b.WriteString(`<span class="sz-avatar"`)
	if a.Org {
		b.WriteString(` data-org`)
	}
	attr(b, "title", a.Name)
	b.WriteString(` aria-hidden="true">`)
	word(b, l, a.Initials())
	b.WriteString(`</span>`)
	return nil
}

func (n Name) draw(k *Kit, l i18n.Lang, b *strings.Builder) error {
	b.WriteString(`<span class="sz-name"><span class="sz-name-line">`)
	end := "</b>"
	if href := safeHref(n.Href); href != "" {
		end = "</a>"
		b.WriteString(`<a`)
		attr(b, "href", href)
	} else {
		b.WriteString(`<b`)
	}
	attr(b, "title", cmp.Or(n.Title, n.Text))
	b.WriteString(`>`)
	if n.Mono {
		b.WriteString(string(mono(n.Text)))
	} else {
		word(b, l, n.Text)
	}
	b.WriteString(end)
	for _, m := range n.Marks {
		if err := k.put(l, b, m); err != nil {
			return err
		}
	}
	b.WriteString(`</span>`)
	for i, s := range n.Sub {
		b.WriteString([2]string{`<small>`, " · "}[min(i, 1)])
		if err := k.put(l, b, s); err != nil {
			return err
		}
	}
	if len(n.Sub) > 0 {
		b.WriteString(`</small>`)
	}
	b.WriteString(`</span>`)
	return nil
}

// put writes what show shows.
func (k *Kit) put(l i18n.Lang, b *strings.Builder, v any) error {
	h, err := k.show(l, v)
	b.WriteString(string(h))
	return err
}

func (c Clock) draw(k *Kit, l i18n.Lang, b *strings.Builder) error {
	v := k.clockView(l, c)
	b.WriteString(`<span class="sz-clock" data-step="` + v.Step + `"`)
	if c.Done.IsZero() && c.Paused == "" {
		attr(b, "data-due", v.ISO)
		if v.Term != "" {
			attr(b, "data-start", v.Term)
		}
	}
	b.WriteString(`>` + v.dial())
	small := func(s string) {
		b.WriteString(` <small>`)
		word(b, l, s)
		b.WriteString(`</small>`)
	}
	bold := func(key string, args ...any) {
		b.WriteString(`<b>` + string(k.Catalog.HTML(l, key, args...)) + `</b>`)
	}
	switch v.Step {
	case StepPaused:
		bold("ui.clock.paused")
		small(c.Paused)
	case StepDone:
		bold("ui.clock.ontime")
		small(v.Say)
	case StepMissed:
		bold("ui.clock.lateby", "span", v.Left)
		small(v.Say)
	default:
		b.WriteString(`<time`)
		attr(b, "datetime", v.ISO)
		attr(b, "title", v.Full)
		b.WriteString(`><b>`)
		if v.Step == StepLate {
			b.WriteString(`<span class="ds-sr-only">` + string(k.Catalog.HTML(l, "ui.clock.late")) + ` </span>`)
		}
		word(b, l, v.Left)
		b.WriteString(`</b></time>`)
		if c.Until {
			small(v.Say)
		}
	}
	if c.Label != "" {
		small(c.Label)
	}
	b.WriteString(`</span>`)
	return nil
}

// dial is the clock's shape: the share used up, or the sign of its end.
func (v clockView) dial() string {
	switch v.Step {
	case StepLate:
		return svg16 + lateSign + `</svg>`
	case StepDone:
		return svg16 + tickFull + `</svg>`
	case StepMissed:
		return svg16 + tickRing + `</svg>`
	}
	const circle = `<circle cx="8" cy="8" r="5.6" fill="none" stroke="currentColor" stroke-width="3.2"`
	return svg16 + circle + ` opacity=".25"/>` + circle + fmt.Sprintf(` pathLength="100" stroke-dasharray="%d 100" transform="rotate(-90 8 8)"/></svg>`, v.Used)
}

// drawn renders a drawer.
func (k *Kit) drawn(l i18n.Lang, d drawer) (template.HTML, error) {
	var b strings.Builder
	b.Grow(512)
	err := d.draw(k, l, &b)
	return template.HTML(b.String()), err
}
