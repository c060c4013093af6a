package web

import (
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"straza/internal/kernel/web/ui"
)

// mostKept bounds what of a form is given back to who sent it after their session ended.
const mostKept = 512 << 10

// ended says what became of a form that was sent after the session's end: kept in this
// page, or lost. Cross-origin requests never get here.
func (m *Mux) ended(r *http.Request, e *ui.Empty) {
	login := "/login"
	if u, err := url.Parse(r.Referer()); err == nil && u.Host == r.Host {
		if next := LocalPath(u.EscapedPath(), ""); next != "" {
			login += "?next=" + url.QueryEscape(next)
		}
	}
	e.Text, e.Acts = T(r, "web.401.lost"), []ui.Button{{Label: T(r, "web.login"), Href: login}}
	s := stateOf(r)
	if s.typed != nil { // the form was on its way to another language
		m.offer(r, e, login, s.typed)
		return
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	action := LocalPath(r.URL.RequestURI(), "")
	if kind != "application/x-www-form-urlencoded" || action == "" {
		return
	}
	r.Body = http.MaxBytesReader(nil, r.Body, mostKept)
	if r.ParseForm() != nil {
		return
	}
	s.typedFor = action
	m.offer(r, e, login, r.PostForm)
}

// offer puts the form that sends what was typed into the page.
func (m *Mux) offer(r *http.Request, e *ui.Empty, login string, typed url.Values) {
	action := stateOf(r).typedFor
	if action == "" {
		return
	}
	if form, err := ui.Kept(ui.KeptForm{Login: login, Enter: T(r, "web.401.enter"), Action: action, Send: T(r, "web.401.send"), Fields: keep(typed)}); err == nil {
		e.Text, e.Acts, e.More = T(r, "web.401.kept"), nil, form
	}
}

// keep takes what proves somebody out of a form: that is typed again.
func keep(form url.Values) (out []ui.KeptField) {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		low := strings.ToLower(name)
		if strings.Contains(low, "password") || slices.Contains([]string{"code", "old", "new", "assertion", "challenge", "secret"}, low) {
			continue
		}
		if strings.HasPrefix(low, "_") { // of the switch of language, not of the form
			continue
		}
		for _, v := range form[name] {
			out = append(out, ui.KeptField{Name: name, Value: v})
		}
	}
	return out
}
