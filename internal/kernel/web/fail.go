package web

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web/ui"
)

// statusOf is the one table from kinds of fault to HTTP.
var statusOf = map[fault.Kind]int{
	fault.NotFound: http.StatusNotFound, fault.Invalid: http.StatusUnprocessableEntity, fault.Denied: http.StatusForbidden,
	fault.Conflict: http.StatusConflict, fault.Gone: http.StatusGone, fault.Limited: http.StatusTooManyRequests,
	fault.Unavailable: http.StatusServiceUnavailable, fault.Internal: http.StatusInternalServerError,
}

// Status gives the HTTP status of an error.
func Status(err error) int {
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return http.StatusOK
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errNobody), errors.Is(err, errEnded):
		return http.StatusUnauthorized
	}
	return statusOf[fault.KindOf(err)]
}

// fail answers an error in the caller's format and language.
func (m *Mux) fail(w http.ResponseWriter, r *http.Request, err error) {
	var to *redirect
	if errors.As(err, &to) {
		m.redirect(w, r, to)
		return
	}
	m.failAs(w, r, Status(err), err)
}

func (m *Mux) redirect(w http.ResponseWriter, r *http.Request, to *redirect) {
	if to.flash != nil {
		m.putFlash(w, to.flash)
	}
	if HTMX(r) && strings.HasPrefix(to.to, "/login") {
		w.Header().Set("HX-Redirect", to.to) // a part of a page must not become the log-in form
		w.WriteHeader(http.StatusOK)
		return
	}
	http.Redirect(w, r, keepList(r, to.to), to.status)
}

// note writes into the log what went wrong: of a failure its error, which names ids and
// never content; of a refusal only the kind, because its text may repeat what was sent.
func (m *Mux) note(r *http.Request, status int, err error) {
	if status >= 500 {
		m.cfg.Log.Error("failed", "id", stateOf(r).id, "status", status, "error", err.Error())
		return
	}
	key := ""
	if f := fault.Of(err); f != nil {
		key = f.Key
	}
	if fault.Planted("secrets-logged") {
		key = err.Error()
	}
	m.cfg.Log.Debug("refused", "id", stateOf(r).id, "status", status, "kind", string(fault.KindOf(err)), "key", key)
}

func (m *Mux) failAs(w http.ResponseWriter, r *http.Request, status int, err error) {
	s := stateOf(r)
	if s.surface != nil && s.surface.Fail != nil { // its own errors have a status of their own
		rec := &recorder{ResponseWriter: w}
		w = rec
		defer func() { m.note(r, rec.code(), err) }()
	} else {
		m.note(r, status, err)
	}
	h := w.Header()
	h.Del("ETag")
	h.Set("Cache-Control", "private, no-store")
	if f := fault.Of(err); f != nil && f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((f.RetryAfter+time.Second-1)/time.Second)))
	}
	switch {
	case s.surface != nil && s.surface.Fail != nil:
		s.surface.Fail(w, r, err)
	case wantsProblem(r):
		m.problem(w, r, status, err)
	default:
		r, done := m.sharing(r) // an act that failed is over, and wrote nothing more
		defer done()
		m.failPage(w, r, status, err)
	}
}

// wantsProblem: under /api/ always; elsewhere only who asks for JSON and not for HTML.
func wantsProblem(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return isAPI(r) || strings.Contains(accept, "json") && !strings.Contains(accept, "html")
}

// Problem is a problem document (RFC 9457) with our own members kind, request
// and errors.
type Problem struct {
	Type    string         `json:"type"`
	Title   string         `json:"title"`
	Status  int            `json:"status"`
	Detail  string         `json:"detail,omitempty"`
	Kind    string         `json:"kind"`
	Request string         `json:"request"`
	Errors  []ProblemField `json:"errors,omitempty"`
}

// ProblemField is one field of an invalid input.
type ProblemField struct {
	Field   string `json:"field"`
	Key     string `json:"key"`
	Message string `json:"message"`
}

func (m *Mux) problem(w http.ResponseWriter, r *http.Request, status int, err error) {
	kind := string(fault.KindOf(err))
	switch status {
	case http.StatusUnauthorized:
		kind = "unauthenticated"
		w.Header().Set("WWW-Authenticate", `Bearer realm="straza"`)
	case http.StatusRequestEntityTooLarge:
		kind = string(fault.Limited)
	case http.StatusMethodNotAllowed:
		kind = "method-not-allowed"
	}
	p := Problem{Type: "urn:straza:problem:" + kind, Title: T(r, titleKey(r, status, err), "method", r.Method),
		Status: status, Detail: T(r, "web.problem.log"), Kind: kind, Request: RequestID(r)}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		p.Detail = "the body has more than " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes"
	}
	if f := fault.Of(err); f != nil {
		p.Detail = f.Detail
		for _, name := range slices.Sorted(maps.Keys(f.Fields)) {
			p.Errors = append(p.Errors, ProblemField{name, f.Fields[name], T(r, f.Fields[name], f.Args...)})
		}
		switch said := sayings(r, f); {
		case f.Key != "":
			p.Title = T(r, f.Key, f.Args...)
		case len(said) == 1:
			p.Title = said[0]
		case len(said) > 1:
			p.Title = T(r, "web.problem.fields")
		}
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Content-Language", string(Lang(r)))
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(p) // the caller may have gone
}

// titleKey is the sentence of a kind of problem, where the fault brings none of its own.
func titleKey(r *http.Request, status int, err error) string {
	switch status {
	case http.StatusUnauthorized:
		switch s := stateOf(r); {
		case s.byKey:
			return "web.problem.badkey"
		case errors.Is(err, errEnded):
			return "web.401.title"
		}
		return "web.problem.nokey"
	case http.StatusMethodNotAllowed:
		return "web.problem.method"
	case http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity:
		return "web.problem." + strconv.Itoa(status)
	case http.StatusForbidden:
		if errors.Is(err, errCrossOrigin) {
			return "web.origin.title"
		}
	}
	return "web." + strconv.Itoa(faceOf(status)) + ".title"
}

// sayings are the different sentences that a fault says of its fields.
func sayings(r *http.Request, f *fault.Error) (out []string) {
	for _, name := range slices.Sorted(maps.Keys(f.Fields)) {
		if s := T(r, f.Fields[name], f.Args...); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// faceOf maps a status to one that has words of its own.
func faceOf(status int) int {
	switch status {
	case 401, 403, 404, 409, 410, 413, 422, 429, 500, 503:
		return status
	case http.StatusMethodNotAllowed:
		return http.StatusNotFound
	}
	return http.StatusInternalServerError
}

var faceIcons = map[int]string{401: "hourglass", 403: "lock", 404: "search", 409: "git-merge", 410: "archive",
	413: "file", 422: "alert-circle", 429: "clock", 500: "alert-triangle", 503: "alert-triangle"}

// failPage shows what happened, what is safe and the one next step.
func (m *Mux) failPage(w http.ResponseWriter, r *http.Request, status int, err error) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if m.kit == nil {
		http.Error(w, http.StatusText(status), status)
		return
	}
	face := strconv.Itoa(faceOf(status))
	e := &ui.Empty{Page: true, Icon: faceIcons[faceOf(status)], Title: T(r, "web."+face+".title"), Text: T(r, "web."+face+".text")}
	if errors.Is(err, errCrossOrigin) {
		e.Title, e.Text = T(r, "web.origin.title"), T(r, "web.origin.text")
	}
	if status == http.StatusUnauthorized && !errors.Is(err, errEnded) { // nothing was closed on who never came in
		e.Title, e.Text = T(r, "web.401.first"), T(r, "web.401.first.text")
	}
	if f := fault.Of(err); f != nil {
		if said := sayings(r, f); len(said) > 0 {
			e.Text = strings.Join(said, ". ") + ". " + e.Text
		}
		if f.Key != "" {
			e.Text = T(r, f.Key, f.Args...)
		}
	}
	if f := fault.Of(err); f != nil && f.RetryAfter > 0 && status == http.StatusTooManyRequests {
		e.Title = T(r, "web.429.after", "span", i18n.Duration(Lang(r), f.RetryAfter))
	}
	m.failActs(r, status, e)
	page := NewPage(r, failShell(r), e.Title)
	page.Noindex = true
	body, rerr := m.kit.Show(page.Lang, e)
	if rerr == nil {
		w.WriteHeader(status)
		if to := stateOf(r).typedFor; e.More != "" && to != "" {
			page.Typed = &ui.TypedForm{ID: ui.KeptID, Action: to}
		}
		rerr = m.kit.Layout(w, &page, body)
	}
	if rerr != nil {
		m.cfg.Log.Error("error page failed", "id", RequestID(r), "error", rerr.Error())
	}
}

// failActs offers the next step that fits the face.
func (m *Mux) failActs(r *http.Request, status int, e *ui.Empty) {
	home := ui.Button{Label: T(r, "web.home"), Href: homeOf(r)}
	login := ui.Button{Label: T(r, "web.login"), Href: "/login"}
	if next := LocalPath(r.URL.RequestURI(), ""); next != "" && r.Method == http.MethodGet {
		login.Href += "?next=" + url.QueryEscape(next) // back to where they were
	}
	again := ui.Button{Label: T(r, "web.again"), Href: LocalPath(r.URL.RequestURI(), "/")}
	switch status {
	case http.StatusUnauthorized:
		if e.Acts = []ui.Button{login}; r.Method != http.MethodGet && r.Method != http.MethodHead || stateOf(r).typed != nil {
			m.ended(r, e)
		}
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		e.Acts = []ui.Button{home}
		if !Actor(r).LoggedIn() {
			e.Acts = append(e.Acts, login.Secondary())
		}
	case http.StatusTooManyRequests:
		e.Acts = []ui.Button{{Label: T(r, "web.report"), Href: Path(r, "/report"), Variant: "secondary"}}
	case http.StatusInternalServerError, http.StatusServiceUnavailable:
		if phone := m.cfg.Site(r.Context()).Phone; phone != "" {
			e.Text += " " + T(r, "web.phone", "phone", phone)
		}
		if r.Method == http.MethodGet {
			e.Acts = []ui.Button{again}
		}
		e.Foot = T(r, "web.request", "id", RequestID(r))
	default:
		e.Acts = []ui.Button{home}
	}
}

func homeOf(r *http.Request) string {
	if s := failShell(r); s != ui.Public {
		return ui.RoomOf(s, Actor(r))
	}
	return Path(r, "/")
}

// failShell keeps a person in the frame they were in.
func failShell(r *http.Request) ui.Shell {
	a := Actor(r)
	switch {
	case a.LoggedIn() && a.OnTeam() && !strings.HasPrefix(r.URL.Path, "/portal"):
		return ui.Console
	case a.LoggedIn():
		return ui.Portal
	}
	return ui.Public
}
