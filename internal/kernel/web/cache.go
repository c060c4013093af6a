package web

import (
	"net/http"
	"sync"
	"time"

	"straza/internal/kernel/web/ui"
)

// pageCache keeps whole public pages for a few seconds, for people without a
// session: the home page must hold when everybody looks at it at once.
type pageCache struct {
	mu    sync.RWMutex
	pages map[string]keptPage
}

type keptPage struct {
	body  []byte
	until time.Time
}

// Bounds of the cache: a warning is seen at most so late, memory stays small.
const (
	keepFor   = 3 * time.Second
	keepPages = 256
)

func newPageCache() *pageCache { return &pageCache{pages: map[string]keptPage{}} }

// drop forgets all pages: something changed on this node.
func (c *pageCache) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.pages)
}

// cacheKey is "" when the answer may depend on who asks.
func cacheKey(r *http.Request) string {
	s := stateOf(r)
	if s.route == nil || !s.route.Localized || s.route.Limit != "" || r.Method != http.MethodGet || s.typed != nil || s.cookie || s.byKey || len(r.URL.RawQuery) > 200 {
		return ""
	}
	if r.Header.Get("Cookie") != "" && (s.mux.cookie(r, "flash") != "" || s.mux.cookie(r, "draft") != "") {
		return ""
	}
	scheme := "auto"
	if c, err := r.Cookie("scheme"); err == nil && (c.Value == "light" || c.Value == "dark") {
		scheme = c.Value
	}
	return scheme + " " + r.URL.RequestURI()
}

// fromCache answers from the cache when it can.
func (m *Mux) fromCache(w http.ResponseWriter, r *http.Request) bool {
	key := cacheKey(r)
	if key == "" {
		return false
	}
	m.pages.mu.RLock()
	p, ok := m.pages.pages[key]
	m.pages.mu.RUnlock()
	if !ok || time.Now().After(p.until) {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", string(Lang(r)))
	h.Set("Cache-Control", "private, no-cache")
	_, _ = w.Write(p.body) // the visitor may have gone
	return true
}

// keepPage remembers a public page that was just rendered for nobody in particular.
// Pages that show a request id or a draft ask not to be kept by being no Public shell.
func (m *Mux) keepPage(w http.ResponseWriter, r *http.Request, base *ui.Page, body []byte) {
	key := cacheKey(r)
	if key == "" || base.Shell != ui.Public || base.Toast != nil {
		return
	}
	w.Header().Set("Cache-Control", "private, no-cache")
	if len(w.Header().Values("Set-Cookie")) > 0 {
		return
	}
	m.pages.mu.Lock()
	defer m.pages.mu.Unlock()
	if len(m.pages.pages) >= keepPages {
		clear(m.pages.pages)
	}
	m.pages.pages[key] = keptPage{body: body, until: time.Now().Add(keepFor)}
}
