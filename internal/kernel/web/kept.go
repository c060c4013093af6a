package web

import (
	"bytes"
	"html/template"
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

// keptForm sends again what somebody typed; the log-in opens beside it, so that this
// page, the only place where the text is, stays.
var keptForm = template.Must(template.New("kept").Parse(`<p><a href="{{.Login}}" target="_blank" rel="noopener">{{.Enter}}</a></p>` +
	`<form method="post" action="{{.Action}}">{{range .Fields}}<input type="hidden" name="{{.Name}}" value="{{.Value}}">{{end}}<div class="sz-acts"><button class="ds-button">{{.Send}}</button></div></form>`))

type keptField struct{ Name, Value string }

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
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	action := LocalPath(r.URL.RequestURI(), "")
	if kind != "application/x-www-form-urlencoded" || action == "" {
		return
	}
	r.Body = http.MaxBytesReader(nil, r.Body, mostKept)
	if r.ParseForm() != nil {
		return
	}
	var b bytes.Buffer
	if keptForm.Execute(&b, map[string]any{"Login": login, "Action": action, "Fields": keep(r.PostForm), "Enter": T(r, "web.401.enter"), "Send": T(r, "web.401.send")}) == nil {
		e.Text, e.Acts, e.More = T(r, "web.401.kept"), nil, template.HTML(b.String())
	}
}

// keep takes what proves somebody out of a form: that is typed again.
func keep(form url.Values) (out []keptField) {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		low := strings.ToLower(name)
		if strings.Contains(low, "password") || slices.Contains([]string{"code", "old", "new", "assertion", "challenge", "secret"}, low) {
			continue
		}
		for _, v := range form[name] {
			out = append(out, keptField{name, v})
		}
	}
	return out
}
