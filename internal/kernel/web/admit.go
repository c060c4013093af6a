package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"straza/internal/kernel/fault"
)

// Reasons that have no kind of fault of their own but a face of their own.
var (
	errCrossOrigin = errors.New("cross-origin")
	errNobody      = errors.New("not logged in")
	errEnded       = errors.New("session ended")
)

// defaultBody caps a request body where the route says nothing.
const defaultBody = 1 << 20

// admit checks what the route demands before its handler runs: policy, scope,
// read-only keys, limiter, size of the body.
func (m *Mux) admit(w http.ResponseWriter, r *http.Request, route Route) error {
	s := stateOf(r)
	if s.byKey && s.keyErr != nil {
		return fault.New(fault.Denied, "the key is not valid").Because(errNobody)
	}
	if s.actor.EnrolNow && route.Policy.Name != Public.Name && !enrols(route) {
		if route.Method == http.MethodGet && !isAPI(r) {
			return seeOther("/account#factors")
		}
		return fault.New(fault.Denied, "a second factor is missing").WithKey("account.enrol-first")
	}
	// Which addresses there are and what scope each wants stands in the contract: a key too
	// narrow for one learns that, and nothing of what is behind it.
	if s.byKey && isAPI(r) && route.Policy.Name != Public.Name && route.Scope != "" && !s.actor.InScope(route.Scope) && !fault.Planted("scope-skipped") {
		return tooNarrow(route.Scope)
	}
	if !route.Policy.Allow(s.actor) && !fault.Planted("policy-skipped") {
		return m.refuse(w, r, route)
	}
	if s.byKey && route.Scope != "" && !s.actor.InScope(route.Scope) && !fault.Planted("scope-skipped") {
		return tooNarrow(route.Scope)
	}
	if s.byKey && route.Mutates && s.actor.ReadOnly {
		return fault.New(fault.Denied, "the key is read-only").WithKey("web.problem.readonly")
	}
	if s.byKey && route.Scope == "" && !strings.HasPrefix(route.Pattern, "/api/") && route.Policy.Name != Public.Name {
		return fault.New(fault.Denied, "keys open the interfaces for machines, not pages").WithKey("web.problem.pages")
	}
	if err := m.limit(r, route); err != nil {
		return err
	}
	if route.Body >= 0 && r.Body != nil {
		n := route.Body
		if n == 0 {
			n = defaultBody
		}
		r.Body = http.MaxBytesReader(w, r.Body, n)
	}
	return nil
}

func tooNarrow(scope string) error {
	return fault.New(fault.Denied, "the key lacks the scope %s", scope).WithKey("web.problem.scope", "scope", scope)
}

// enrols tells whether a route is of the own account, where a second factor is added:
// all that opens for who must have one and has none. Keys are not: they would lead round it.
func enrols(route Route) bool {
	return (route.Pattern == "/account" || strings.HasPrefix(route.Pattern, "/account/")) && !strings.HasPrefix(route.Pattern, "/account/keys")
}

// refuse says no to somebody the policy does not know: who is not logged in is
// sent to the door, who may not see it learns nothing, who may not do it is told.
func (m *Mux) refuse(w http.ResponseWriter, r *http.Request, route Route) error {
	s := stateOf(r)
	switch {
	case s.actor.LoggedIn() && route.Mutates:
		return fault.New(fault.Denied, "not permitted: %s", route.Policy.Name)
	case s.actor.LoggedIn():
		return fault.New(fault.NotFound, "not for this person")
	case s.ended || route.Mutates || isAPI(r) || s.typed != nil:
		cause := errNobody
		if s.ended {
			cause = errEnded
		}
		return fault.New(fault.Denied, "authentication is needed").Because(cause)
	}
	return seeOther("/login?next=" + url.QueryEscape(r.URL.RequestURI()))
}

// limit asks the limiter; the subject is the person, or the network one comes from.
func (m *Mux) limit(r *http.Request, route Route) error {
	if m.cfg.Limiter == nil || route.Limit == "" {
		return nil
	}
	s := stateOf(r)
	subject := s.actor.String()
	if !s.actor.LoggedIn() {
		bits := 32
		if s.ip.Is6() {
			bits = 64 // one household's prefix
		}
		p, _ := s.ip.Prefix(bits)
		subject = p.String()
	}
	if retry, ok := m.cfg.Limiter.Allow(r.Context(), route.Limit, subject); !ok {
		return fault.New(fault.Limited, "too many requests").After(retry)
	}
	return nil
}

func isAPI(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/api/") }

// redirect is an answer that travels as an error, so that handlers may return it.
type redirect struct {
	to     string
	status int
	flash  *Flash
}

func (e *redirect) Error() string { return "redirect" }

func seeOther(to string) error { return &redirect{to: to, status: http.StatusSeeOther} }

// Redirect answers 303 to a path of our own, with a message there when flash is
// not nil: return web.Redirect("/console/organisations", web.Done("registry.saved")).
func Redirect(to string, flash *Flash) error {
	return &redirect{to: to, status: http.StatusSeeOther, flash: flash}
}

// LocalPath makes a path from outside (a "next" parameter) safe to redirect to:
// what is no path of our own becomes fallback.
func LocalPath(s, fallback string) string {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\r\n\t") {
		return fallback
	}
	u, err := url.Parse(s)
	if err != nil || u.Host != "" || u.Scheme != "" {
		return fallback
	}
	if to := u.RequestURI(); !strings.HasPrefix(to, "//") { // "/%2f " comes out as "//%20"
		return to
	}
	return fallback
}
