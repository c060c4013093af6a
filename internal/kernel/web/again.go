package web

import (
	"mime"
	"net/http"
	"net/url"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
)

// againParam marks a POST that wants the page it came from once more, in another
// language or appearance, with what was typed into its form: nothing is stored and
// nothing is acted on. Its value is where the form itself would have been sent.
const againParam = "_show"

// again turns such a POST into the GET of its page. Whoever is not let in there any more
// keeps the text on the page that says so. Faults: Invalid for what is no form.
func (m *Mux) again(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	s := stateOf(r)
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		return nil, fault.New(fault.Invalid, "no form").WithKey("web.error.form")
	}
	r.Body = http.MaxBytesReader(w, r.Body, mostKept)
	if err := r.ParseForm(); err != nil {
		return nil, badForm(err)
	}
	if l, err := i18n.Parse(r.PostForm.Get("_lang")); err == nil {
		plainCookie(w, "lang", string(l))
		if m.cfg.SetLang != nil && s.actor.LoggedIn() {
			if err := m.cfg.SetLang(r.Context(), s.actor, l); err != nil {
				return nil, err
			}
		}
		s.setLang(l)
	}
	shown := r.Clone(r.Context())
	shown.Method, shown.Body, shown.ContentLength = http.MethodGet, http.NoBody, 0
	shown.Header.Del("Content-Type")
	if v := r.PostForm.Get("_scheme"); v == "auto" || v == "light" || v == "dark" {
		plainCookie(w, "scheme", v)
		s.scheme = v
	}
	q := r.URL.Query()
	s.typedFor = LocalPath(q.Get(againParam), "")
	q.Del(againParam)
	shown.URL = &url.URL{Path: m.pagePath(r.URL.Path), RawQuery: q.Encode()}
	shown.RequestURI = shown.URL.RequestURI()
	s.typed = url.Values{}
	for _, f := range keep(r.PostForm) {
		if !strings.HasPrefix(f.Name, "_") {
			s.typed.Add(f.Name, f.Value)
		}
	}
	return shown, nil
}

// pagePath is the nearest address at or above path that a page stands at: the page of
// a form whose own address takes POST only.
func (m *Mux) pagePath(path string) string {
	for at := path; len(at) > 1; at = at[:strings.LastIndexByte(at, '/')] {
		if _, pattern := m.mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: at}, Host: m.cfg.Origin.Host}); strings.HasPrefix(pattern, "GET ") {
			return at
		}
	}
	return path
}

// Typed is what somebody had typed into this page's forms before asking for it in
// another language; nil otherwise. NewForm takes it by itself.
func Typed(r *http.Request) url.Values { return stateOf(r).typed }

// withTyped puts what was typed over the values that a form begins with. A form of
// which nothing was typed keeps them: a page may have several.
func withTyped(r *http.Request, values url.Values) url.Values {
	typed := stateOf(r).typed
	if typed == nil {
		return values
	}
	if len(values) == 0 {
		return typed
	}
	for name := range values {
		if name != "version" && name != "id" && typed.Has(name) {
			return typed
		}
	}
	return values
}
