package app

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/netip"
	"net/url"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// messageFiles are the messages of every room, joined into one catalogue.
func messageFiles() []fs.FS {
	return []fs.FS{ui.Messages}
}

// routes is the complete table of doors.
func (h *House) routes(m *web.Mux) {
}

// devPolicy: the pages below /dev exist in demo mode only.
func (h *House) devPolicy() web.Policy {
	return web.Policy{Name: "demo", Allow: func(ident.Actor) bool { return h.cfg.demo() }}
}

// handler builds the chain. /health answers before it, at any Host.
func (h *House) handler(port int) (http.Handler, error) {
	catalog, err := i18n.NewCatalog(messageFiles()...)
	if err != nil {
		return nil, fmt.Errorf("messages: %w", err)
	}
	origin, err := url.Parse(h.origin)
	if err != nil {
		return nil, err
	}
	var hosts []string
	if h.cfg.get("origin") == "" {
		hosts = []string{fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("[::1]:%d", port)}
	}
	var proxies []netip.Prefix
	for _, p := range h.cfg.list("trusted-proxies") {
		proxies = append(proxies, netip.MustParsePrefix(p))
	}
	m := web.New(web.Config{Origin: origin, Hosts: hosts, Secret: h.Vault.MAC("flash cookies"), Catalog: catalog,
		Gate: h.gate(), Limiter: h.limiter(), Now: h.clock.Now, Site: h.site, Nav: h.nav(), Proxies: proxies})
	h.routes(m)
	h.mux = m
	chain, err := m.Handler()
	if err != nil {
		return nil, err
	}
	outer := http.NewServeMux()
	outer.HandleFunc("GET /health", h.health)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			outer.ServeHTTP(w, r)
			return
		}
		chain.ServeHTTP(w, r)
	}), nil
}

// site is what the shells say of the installation.
func (h *House) site(context.Context) ui.Site { return ui.Site{Name: "Straža", Owner: "CERT"} }
