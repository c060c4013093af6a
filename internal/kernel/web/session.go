package web

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// cookieName: under TLS the prefix that browsers enforce; on localhost, where
// every port shares one jar, a name of this origin's own.
func (m *Mux) cookieName(name string) string {
	if m.cfg.Origin.Scheme == "https" {
		return "__Host-" + name
	}
	sum := sha256.Sum256([]byte(m.cfg.Origin.String()))
	return "straza-" + hex.EncodeToString(sum[:4]) + "-" + name
}

// setCookie writes one of our cookies; age 0 lasts as long as the browser runs.
func (m *Mux) setCookie(w http.ResponseWriter, name, value string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{Name: m.cookieName(name), Value: value, Path: "/", MaxAge: int(age / time.Second),
		HttpOnly: true, Secure: m.cfg.Origin.Scheme == "https", SameSite: http.SameSiteLaxMode})
}

func (m *Mux) clearCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: m.cookieName(name), Path: "/", MaxAge: -1,
		HttpOnly: true, Secure: m.cfg.Origin.Scheme == "https", SameSite: http.SameSiteLaxMode})
}

func (m *Mux) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(m.cookieName(name))
	if err != nil {
		return ""
	}
	return c.Value
}

// SetCookie writes a cookie of our own (HttpOnly, SameSite=Lax, host-bound): the
// session token under "session", a draft's secret under "draft". age 0 lasts as
// long as the browser runs; an empty value deletes.
func SetCookie(w http.ResponseWriter, r *http.Request, name, value string, age time.Duration) {
	m := stateOf(r).mux
	if value == "" {
		m.clearCookie(w, name)
		return
	}
	m.setCookie(w, name, value, age)
}

// Cookie reads a cookie of our own; "" when there is none.
func Cookie(r *http.Request, name string) string { return stateOf(r).mux.cookie(r, name) }

// resolve asks the gate. A key wins over a cookie; on a surface only keys count.
func (m *Mux) resolve(r *http.Request, s *state) {
	if m.cfg.Gate == nil {
		return
	}
	ch := ident.API
	if s.surface != nil {
		ch = s.surface.Name
	}
	if keys := keysOf(r, s.surface); len(keys) > 0 {
		s.byKey = true
		for _, key := range keys {
			a, err := m.cfg.Gate.ByKey(r.Context(), key, s.ip, ch)
			s.keyErr = nil
			m.settle(s, a, err, func() { s.keyErr = err })
			if s.keyErr == nil {
				break
			}
		}
		s.actor.Channel = ch
		return
	}
	token := m.cookie(r, "session")
	if token == "" || s.surface != nil {
		s.actor.Channel = map[bool]ident.Channel{true: ch, false: ident.Web}[s.surface != nil]
		return
	}
	s.cookie = true
	a, err := m.cfg.Gate.BySession(r.Context(), token)
	m.settle(s, a, err, func() { s.ended = true })
}

// settle takes the gate's answer: nobody, somebody, or a failure of the gate.
func (m *Mux) settle(s *state, a ident.Actor, err error, nobody func()) {
	switch fault.KindOf(err) {
	case "":
		s.actor = a
	case fault.NotFound, fault.Gone, fault.Denied, fault.Invalid:
		nobody()
	default:
		s.err = err
	}
}

// maxKeys bounds the guesses that one request may make.
const maxKeys = 4

func keysOf(r *http.Request, on *Surface) []string {
	if on != nil && on.Keys != nil {
		keys := on.Keys(r)
		return keys[:min(len(keys), maxKeys)]
	}
	if key, ok := keyOf(r, on != nil && on.Basic); ok {
		return []string{key}
	}
	return nil
}

// keyOf reads an API key: "Bearer KEY", the bare key, or where the protocol
// wants it, Basic with the key as password.
func keyOf(r *http.Request, basic bool) (string, bool) {
	h := strings.TrimSpace(r.Header.Get("Authorization"))
	if h == "" {
		return "", false
	}
	if basic {
		if _, pass, ok := r.BasicAuth(); ok {
			return pass, true
		}
	}
	if scheme, rest, ok := strings.Cut(h, " "); ok {
		if !strings.EqualFold(scheme, "Bearer") {
			return "", true // a scheme we do not speak: a key that nobody holds
		}
		h = strings.TrimSpace(rest)
	}
	return h, true
}

// Origin is the installation's one origin ("https://host"), for links that leave
// the page: feeds, letters.
func Origin(r *http.Request) string {
	if s := stateOf(r); s.mux != nil {
		return s.mux.cfg.Origin.String()
	}
	return ""
}

// Installation is whose installation this is, by its registered name, for what says
// where it comes from.
func Installation(r *http.Request) string {
	s := stateOf(r)
	if s.mux == nil {
		return ""
	}
	site := siteIn(s.mux.cfg.Site(r.Context()), s.lang)
	if site.Owner == "" {
		return site.Name
	}
	return site.Owner
}
