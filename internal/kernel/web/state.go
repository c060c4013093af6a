package web

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// state is what the chain learned about a request.
type state struct {
	mux     *Mux
	id      string
	start   time.Time
	now     time.Time
	lang    i18n.Lang
	actor   ident.Actor
	ip      netip.Addr
	route   *Route
	surface *Surface
	cookie  bool  // a session cookie was sent
	ended   bool  // … and nobody stands behind it any more
	byKey   bool  // a key was sent
	keyErr  error // … and refused
	err     error // the gate itself failed
	cut     bool  // the answer was broken off (Broken)

	apart func() // from here on each read has a transaction of its own

	typed    url.Values // into the page's forms, before it was asked for again
	typedFor string     // where that would have been sent
	scheme   string     // chosen with this request

	listed *listed // the page is not shown, only what it lists is wanted
}

func (s *state) setLang(l i18n.Lang) { s.lang, s.actor.Lang = l, string(l) }

type stateKey struct{}

// stateOf gives the state of a request that came through the chain; a bare one
// for a request that did not (a unit test of a handler).
func stateOf(r *http.Request) *state {
	if s, ok := r.Context().Value(stateKey{}).(*state); ok {
		return s
	}
	return &state{lang: i18n.Default, now: time.Now(), actor: ident.Nobody(ident.Web), apart: func() {}}
}

func withState(r *http.Request, s *state) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), stateKey{}, s))
}

// Actor is who is asking.
func Actor(r *http.Request) ident.Actor { return stateOf(r).actor }

// Lang is the language of the answer.
func Lang(r *http.Request) i18n.Lang { return stateOf(r).lang }

// RequestID names the request in logs, error pages and problem documents.
func RequestID(r *http.Request) string { return stateOf(r).id }

// Now is the moment of the request, by the program's clock.
func Now(r *http.Request) time.Time { return stateOf(r).now }

// ClientIP is where the request came from, behind our own proxies.
func ClientIP(r *http.Request) netip.Addr { return stateOf(r).ip }

// T gives a message as plain text in the language of the request.
func T(r *http.Request, key string, args ...any) string {
	s := stateOf(r)
	if s.mux == nil || s.mux.cfg.Catalog == nil {
		return "⟦" + key + "⟧"
	}
	return s.mux.cfg.Catalog.T(s.lang, key, args...)
}

// Path puts the language of the request before the path of a public page.
func Path(r *http.Request, path string) string { return "/" + string(stateOf(r).lang) + path }

// ID reads a number from the path; what is no id names nothing, so it is NotFound.
func ID(r *http.Request, name string) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil || id <= 0 {
		return 0, fault.New(fault.NotFound, "path value %s is no id", name)
	}
	return id, nil
}

// Ref reads what a path names a thing by: its UUID, or its number as addresses were
// before. What is neither names nothing.
func Ref(r *http.Request, name string) (string, error) {
	v := r.PathValue(name)
	if u, ok := store.ParseUUID(v); ok {
		return u, nil
	}
	_, err := ID(r, name)
	return v, err
}

// HTMX tells whether a script asks for a part of the page it is on.
func HTMX(r *http.Request) bool { return r.Header.Get("HX-Request") == "true" }
