package web

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web/ui"
)

// chain joins the parts in the order of docs/architecture.md, outermost first.
func (m *Mux) chain() http.Handler {
	squeeze, err := gzhttp.NewWrapper(gzhttp.MinSize(1024), gzhttp.CompressionLevel(3),
		gzhttp.RandomJitter(32, 0, false), gzhttp.EnableZstd(false)) // an encoder of it holds 1.4 MB
	if err != nil {
		panic("web: compression settings: " + err.Error()) // constants above
	}
	return m.begin(m.guard(m.headers(squeeze(m.together(m.whoAndLang(m.crossOrigin(http.HandlerFunc(m.dispatch))))))))
}

// begin gives the request its id and state, and writes the log line at its end.
func (m *Mux) begin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &state{mux: m, id: newRequestID(), start: time.Now(), now: m.cfg.Now(), lang: i18n.Default,
			actor: ident.Nobody(ident.Web), ip: m.clientIP(r), apart: func() {}}
		rec := &recorder{ResponseWriter: w}
		w.Header().Set("X-Request-Id", s.id)
		defer func() {
			level, pattern := slog.LevelInfo, "-"
			if reads := r.Method == http.MethodGet || r.Method == http.MethodHead; reads || !s.actor.LoggedIn() {
				// Readers by the thousand would bury what changes and what fails; and the
				// minute at which somebody unnamed reported something stands nowhere.
				level = slog.LevelDebug
			}
			if s.route != nil {
				pattern = s.route.Pattern
			} else if s.surface != nil {
				pattern = "surface:" + string(s.surface.Name)
			}
			if rec.code() >= 500 {
				level = slog.LevelError
			} else if s.cut {
				level = slog.LevelWarn
			}
			// The pattern, not the path: a path may name a report, a query a person.
			m.cfg.Log.Log(r.Context(), level, "request", "id", s.id, "method", r.Method, "route", pattern,
				"status", rec.code(), "bytes", rec.bytes, "ms", time.Since(s.start).Milliseconds(), "who", string(s.actor.Kind), "cut", s.cut)
		}()
		next.ServeHTTP(rec, withState(r, s))
	})
}

// guard turns a panic into the page for it, and answers only our own hosts.
func (m *Mux) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil || p == http.ErrAbortHandler {
				if p != nil {
					panic(p)
				}
				return
			}
			if b, ok := p.(broken); ok {
				if s := stateOf(r); r.Context().Err() == nil { // whoever went away misses nothing
					s.cut = true
					m.cfg.Log.Warn("answer broken off", "id", s.id, "error", fmt.Sprint(b.err))
				}
				panic(http.ErrAbortHandler)
			}
			m.cfg.Log.Error("panic", "id", stateOf(r).id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			if rec, ok := w.(*recorder); ok && rec.status != 0 {
				panic(http.ErrAbortHandler) // half an answer must not look whole
			}
			m.fail(w, r, fmt.Errorf("panic: %v", p))
		}()
		if r.URL.Path != "/health" && !m.knownHost(r.Host) && !fault.Planted("any-host") {
			http.Error(w, "This server does not answer for that host name.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (m *Mux) knownHost(host string) bool {
	return strings.EqualFold(host, m.cfg.Origin.Host) || slices.ContainsFunc(m.cfg.Hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// csp allows nothing inline and nothing from elsewhere. data: is for the masks
// that Designsystemet draws its icons with.
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// headers sets what every answer carries.
func (m *Mux) headers(next http.Handler) http.Handler {
	secure := m.cfg.Origin.Scheme == "https"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", csp)
		if fault.Planted("inline-allowed") {
			h.Set("Content-Security-Policy", csp+"; script-src-elem 'unsafe-inline'")
		}
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // no-referrer would send Origin: null with our own forms
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()")
		h.Set("Cache-Control", "private, no-store") // handlers of public things say otherwise
		if secure {
			h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		}
		if strings.HasPrefix(r.URL.Path, "/static/") && (r.Method == http.MethodGet || r.Method == http.MethodHead) && ui.ServeAsset(w, r) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

// together lets all that a page reads share a transaction, from who is asking to the last
// row: on PostgreSQL two of three words with the database are its beginning and its end.
// An act that writes, a foreign protocol and what waits leave it before they begin.
func (m *Mux) together(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, done := m.sharing(r)
		defer done()
		stateOf(r).apart = done
		next.ServeHTTP(w, r)
	})
}

// sharing gives a request whose reads share transactions until done.
func (m *Mux) sharing(r *http.Request) (within *http.Request, done func()) {
	if m.cfg.Reading == nil {
		return r, func() {}
	}
	ctx, done := m.cfg.Reading(r.Context())
	return r.WithContext(ctx), done
}

// whoAndLang finds out who is asking and in which language they read.
func (m *Mux) whoAndLang(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := stateOf(r)
		s.surface = m.surfaceOf(r)
		m.resolve(r, s)
		s.actor.RequestID = s.id
		if s.actor.Channel == "" {
			s.actor.Channel = ident.Web
		}
		m.asNobody(r, s)
		m.chooseLang(r, s)
		if s.ended {
			m.clearCookie(w, "session")
		}
		next.ServeHTTP(w, r)
	})
}

// asNobody gives a visitor without account the principals of the public, when
// the gate knows them: lists then show what is public.
func (m *Mux) asNobody(r *http.Request, s *state) {
	g, ok := m.cfg.Gate.(interface {
		Nobody(ctx context.Context, ch ident.Channel) (ident.Actor, error)
	})
	if !ok || s.actor.Kind != ident.Anonymous || s.err != nil {
		return
	}
	a, err := g.Nobody(r.Context(), s.actor.Channel)
	s.actor.Principals, s.err = a.Principals, err
}

// chooseLang: account (when it can be changed; on the JSON interface after what the request
// asks for), then cookie, then the browser; the path of a public page
// overrules all of them later.
func (m *Mux) chooseLang(r *http.Request, s *state) {
	if l, err := i18n.Parse(s.actor.Lang); err == nil && m.cfg.SetLang != nil {
		if isAPI(r) { // a program says what it wants with each request
			l = i18n.Accept(r.Header.Get("Accept-Language"), l)
		}
		s.setLang(l)
		return
	}
	if c, err := r.Cookie("lang"); err == nil {
		if l, err := i18n.Parse(c.Value); err == nil {
			s.setLang(l)
			return
		}
	}
	s.setLang(i18n.Accept(r.Header.Get("Accept-Language"), i18n.Default))
}

// surfaceOf finds the foreign protocol that owns the path, by its first segment
// as it was sent.
func (m *Mux) surfaceOf(r *http.Request) *Surface {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	for i := range m.surfaces {
		if m.surfaces[i].Owns(first) {
			return &m.surfaces[i]
		}
	}
	return nil
}

// crossOrigin refuses what another site makes a browser send, and what comes with
// our cookie but without a word of where from.
func (m *Mux) crossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := stateOf(r)
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
		silent := r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == ""
		err := m.cross.Check(r)
		if (err != nil || !safe && silent && s.cookie && !s.byKey) && !fault.Planted("origin-skipped") {
			m.fail(w, r, fault.New(fault.Denied, "cross-origin request refused").WithKey("web.origin.text").Because(errCrossOrigin))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// dispatch hands the request to the surface that owns it, or to our own mux.
func (m *Mux) dispatch(w http.ResponseWriter, r *http.Request) {
	s := stateOf(r)
	if s.err != nil {
		m.fail(w, r, s.err)
		return
	}
	if s.surface != nil {
		s.apart()
		if err := s.surface.Handler(w, r); err != nil {
			m.fail(w, r, err)
		}
		return
	}
	if r.Method == http.MethodPost && r.URL.Query().Has(againParam) {
		shown, err := m.again(w, r)
		if err != nil {
			m.fail(w, r, err)
			return
		}
		r = shown
	}
	h, pattern := m.mux.Handler(r)
	if pattern == "" {
		m.noRoute(w, r, h)
		return
	}
	m.mux.ServeHTTP(w, r)
}

// noRoute answers what the mux does not know: 405 with its Allow header, else 404.
func (m *Mux) noRoute(w http.ResponseWriter, r *http.Request, h http.Handler) {
	probe := &recorder{ResponseWriter: discard{http.Header{}}}
	h.ServeHTTP(probe, r)
	if l, rest, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); ok || rest == "" {
		if lang, err := i18n.Parse(l); err == nil {
			stateOf(r).setLang(lang)
		}
	}
	if allow := probe.Header().Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		m.failAs(w, r, http.StatusMethodNotAllowed, fault.New(fault.NotFound, "method not allowed"))
		return
	}
	for i := range m.surfaces {
		if s := &m.surfaces[i]; s.Strays != nil && !isAPI(r) && s.Strays(r) {
			stateOf(r).surface = s
		}
	}
	m.fail(w, r, fault.New(fault.NotFound, "no such address"))
}

// clientIP is the peer's address, or the last address that our own proxies name.
func (m *Mux) clientIP(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, _ := netip.ParseAddr(host)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && m.isProxy(ip); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		ip = next
	}
	return ip.Unmap()
}

func (m *Mux) isProxy(ip netip.Addr) bool {
	return slices.ContainsFunc(m.cfg.Proxies, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
}

// newRequestID is short enough to be read aloud: 12 letters and digits, 60 bits.
func newRequestID() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])[:12]
}

// recorder notes status and size for the log.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *recorder) WriteHeader(code int) {
	if w.status == 0 && code >= 200 {
		w.status = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush passes streaming on.
func (w *recorder) Flush() {
	if f, ok := w.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

func (w *recorder) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// discard takes an answer nobody reads.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
