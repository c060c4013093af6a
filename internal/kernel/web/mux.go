package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web/ui"
)

// Handler answers a request or gives the fault; kernel/web writes the error.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Route is one door. Method, Pattern, Policy and Handler are compulsory.
type Route struct {
	Method    string // GET, POST, PUT, PATCH or DELETE; GET answers HEAD too
	Pattern   string // path of http.ServeMux, without method and host
	Policy    Policy
	Scope     string // scope that a key needs; compulsory under /api/ unless Public
	Mutates   bool   // changes something; never true for GET
	Reveals   string // what it may show, in words, for the matrix: "cases the caller may see"
	Localized bool   // public page: stands under /sr-Cyrl/…, /sr-Latn/…, /en/…
	Body      int64  // largest body in bytes; 0 = 1 MiB; negative = the handler limits
	Limit     string // bucket of the rate limiter; "" is not limited here
	List      bool   // a page with a Table of things that have pages of their own: from one to the next goes through it (nearby)
	Waits     bool   // stays open and tells what comes: what it reads is never of a moment ago
	KeepsKey  bool   // its room keeps the Idempotency-Key with the answer, in the act's transaction
	Handler   Handler
}

// KeepsKey declares a door whose room keeps the Idempotency-Key itself, so that even a
// crash between act and answer does not lose what is answered again.
func KeepsKey(r Route) Route { r.KeepsKey = true; return r }

// Surface is a foreign protocol with a routing grammar of its own (MISP, TAXII).
// It is chosen by the first path segment before our own mux, which would clean
// and redirect paths; cookies are ignored on it, only keys count.
type Surface struct {
	Name  ident.Channel
	Owns  func(firstSegment string) bool
	Basic bool // the key may come as a Basic password
	// Keys reads the keys that a request carries, in the order they are tried, at
	// most maxKeys of them; nil = one key, as everywhere else.
	Keys    func(r *http.Request) []string
	Handler Handler
	// Strays tells that a request for an address that nobody has was made in the
	// protocol's manner: it is then refused in its form. nil = none.
	Strays func(r *http.Request) bool
	// Fail writes an error in the protocol's own form.
	Fail func(w http.ResponseWriter, r *http.Request, err error)
}

// Gate says who stands behind a cookie or a key. A fault of kind NotFound, Gone
// or Denied means nobody; any other error fails the request.
type Gate interface {
	BySession(ctx context.Context, token string) (ident.Actor, error)
	ByKey(ctx context.Context, key string, from netip.Addr, ch ident.Channel) (ident.Actor, error)
}

// Limiter says whether subject may act once more in bucket, and if not, for how
// long not.
type Limiter interface {
	Allow(ctx context.Context, bucket, subject string) (retry time.Duration, ok bool)
}

// Config is what app gives.
type Config struct {
	Origin  *url.URL // the one origin of links and cookies
	Hosts   []string // further Host values that are answered (localhost and 127.0.0.1 in development)
	Secret  []byte   // signs cookies that carry flash messages; 32 bytes, the same on every node
	Catalog *i18n.Catalog
	Gate    Gate
	Limiter Limiter // nil limits nothing
	// Reading lets the reads under a ctx share transactions until done is called
	// (store.DB.Reading); nil lets each have its own.
	Reading func(ctx context.Context) (within context.Context, done func())
	Onces   Onces // for Idempotency-Key; nil repeats what is sent twice
	Log     *slog.Logger
	Now     func() time.Time
	Site    func(ctx context.Context) ui.Site
	Nav     Nav
	Proxies []netip.Prefix // reverse proxies whose X-Forwarded-For counts
	// SetLang keeps the language a person chose with the account; nil keeps the cookie only.
	SetLang func(ctx context.Context, who ident.Actor, lang i18n.Lang) error
	Views   Views // saved views of lists; nil has none
}

// Mux is the table of doors and what stands behind them.
type Mux struct {
	cfg      Config
	kit      *ui.Kit
	mux      *http.ServeMux
	routes   []Route
	surfaces []Surface
	errs     []error
	cross    *http.CrossOriginProtection
	pages    *pageCache
	asked    map[string][]question // of every door that has a contract, by method and pattern
}

// New makes an empty mux with the routes of kernel/web itself (assets, language,
// appearance). Faults of the configuration come from Handler.
func New(cfg Config) *Mux {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Site == nil {
		cfg.Site = func(context.Context) ui.Site { return ui.Site{Name: "Straža"} }
	}
	m := &Mux{cfg: cfg, mux: http.NewServeMux(), cross: http.NewCrossOriginProtection(), pages: newPageCache(), asked: map[string][]question{}}
	if cfg.Origin == nil || cfg.Catalog == nil || len(cfg.Secret) < 16 {
		m.errs = append(m.errs, errors.New("web: origin, catalogue and a secret of 16 bytes are needed"))
		m.cfg.Origin = &url.URL{Scheme: "http", Host: "localhost"}
	}
	if cfg.Catalog != nil {
		kit, err := ui.NewKit(cfg.Catalog, cfg.Now)
		if err != nil {
			m.errs = append(m.errs, err)
		}
		m.kit = kit
	}
	m.ownRoutes()
	return m
}

// Handle declares routes. What is wrong with one is reported by Handler.
func (m *Mux) Handle(routes ...Route) {
	for _, r := range routes {
		if err := r.check(); err != nil {
			m.errs = append(m.errs, err)
			continue
		}
		m.routes = append(m.routes, r)
		m.register(r)
	}
}

// Surface declares a foreign protocol.
func (m *Mux) Surface(s Surface) { m.surfaces = append(m.surfaces, s) }

// Routes lists the table of doors, in the order of declaration.
func (m *Mux) Routes() []Route { return append([]Route(nil), m.routes...) }

// Catalog gives the messages.
func (m *Mux) Catalog() *i18n.Catalog { return m.cfg.Catalog }

// Handler gives the finished chain, or everything that is wrong with the table.
func (m *Mux) Handler() (http.Handler, error) {
	if err := errors.Join(append(m.errs, m.unkept()...)...); err != nil {
		return nil, err
	}
	return m.chain(), nil
}

// check refuses a route that says too little about itself.
func (r Route) check() error {
	bad := func(why string) error { return fmt.Errorf("route %s %s: %s", r.Method, r.Pattern, why) }
	switch r.Method {
	case http.MethodGet:
		if r.Mutates {
			return bad("GET may not change anything")
		}
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return bad("unknown method")
	}
	switch {
	case !strings.HasPrefix(r.Pattern, "/"):
		return bad("the pattern is not a path")
	case r.Policy.Name == "" || r.Policy.Allow == nil:
		return bad("no policy declared")
	case r.Handler == nil:
		return bad("no handler")
	case strings.HasPrefix(r.Pattern, "/api/") && r.Scope == "" && r.Policy.Name != Public.Name:
		return bad("an API route needs a scope")
	case r.List && (r.Method != http.MethodGet || strings.Contains(r.Pattern, "{")):
		return bad("a list is a page with one address")
	case r.Localized && r.Policy.Name != Public.Name:
		return bad("only public pages carry the language in their path")
	}
	return nil
}

// register puts a route into the mux; two routes for one door are an error.
func (m *Mux) register(r Route) {
	defer func() {
		if p := recover(); p != nil {
			m.errs = append(m.errs, fmt.Errorf("route %s %s: %v", r.Method, r.Pattern, p))
		}
	}()
	if !r.Localized {
		m.mux.Handle(r.Method+" "+r.Pattern, m.serve(r, ""))
		return
	}
	for _, l := range i18n.Langs {
		p := "/" + string(l) + r.Pattern
		if r.Pattern == "/" {
			p += "{$}"
		}
		m.mux.Handle(r.Method+" "+p, m.serve(r, l))
	}
	if r.Method == http.MethodGet {
		p := r.Pattern
		if p == "/" {
			p = "/{$}"
		}
		m.mux.HandleFunc("GET "+p, m.toLanguage)
	}
}

// toLanguage sends a visitor from /report to /sr-Cyrl/report, by preference.
func (m *Mux) toLanguage(w http.ResponseWriter, r *http.Request) {
	w.Header().Add("Vary", "Accept-Language, Cookie")
	w.Header().Set("Cache-Control", "private, no-store")
	to := "/" + string(stateOf(r).lang) + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	http.Redirect(w, r, to, http.StatusFound)
}

// serve is the last part of the chain: what the route itself demands.
func (m *Mux) serve(route Route, l i18n.Lang) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := stateOf(r)
		s.route = &route
		if l != "" {
			s.setLang(l)
		}
		if err := m.admit(w, r, route); err != nil {
			m.fail(w, r, err)
			return
		}
		if err := m.obeys(r, route); err != nil {
			m.fail(w, r, err)
			return
		}
		if m.fromCache(w, r) {
			return
		}
		if route.Waits || r.Method != http.MethodGet && r.Method != http.MethodHead {
			s.apart()
		}
		if route.Mutates {
			defer m.pages.drop() // who changed something sees it at once
		}
		handle := route.Handler
		if m.once(r, route) {
			handle = func(w http.ResponseWriter, r *http.Request) error { return m.doOnce(w, r, route) }
		}
		if err := handle(w, r); err != nil {
			m.fail(w, r, err)
		}
	})
}
