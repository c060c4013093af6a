package app

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"straza/internal/admin"
	"straza/internal/advisory/advisoryapi"
	"straza/internal/advisory/advisoryweb"
	"straza/internal/catalog/catalogapi"
	"straza/internal/catalog/catalogweb"
	"straza/internal/craft/form"
	"straza/internal/craft/pack"
	"straza/internal/craft/rule"
	"straza/internal/craft/rule/ruleweb"
	"straza/internal/desk"
	"straza/internal/entry"
	"straza/internal/find"
	"straza/internal/incident/incidentapi"
	"straza/internal/incident/incidentweb"
	"straza/internal/intake"
	"straza/internal/intake/intakeapi"
	"straza/internal/intake/intakeweb"
	"straza/internal/intel"
	"straza/internal/intel/bulkweb"
	"straza/internal/intel/curateweb"
	"straza/internal/intel/dossierweb"
	"straza/internal/intel/intelapi"
	"straza/internal/intel/intelmisp"
	"straza/internal/intel/inteltaxii"
	"straza/internal/intel/intelweb"
	"straza/internal/intel/objectweb"
	"straza/internal/intel/protectweb"
	"straza/internal/intel/shareweb"
	"straza/internal/intel/trendweb"
	"straza/internal/intel/uploadweb"
	"straza/internal/kernel/account"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/peer"
	"straza/internal/peer/peerweb"
	"straza/internal/portal"
	"straza/internal/privacy/privacyweb"
	"straza/internal/registry"
	"straza/internal/registry/registryapi"
	"straza/internal/registry/registryweb"
	"straza/internal/site"
)

// messageFiles are the messages of every room, joined into one catalogue.
func messageFiles() []fs.FS {
	return []fs.FS{Messages, ui.Messages, vault.Messages, form.Messages, pack.Messages, rule.Messages, ruleweb.Files, shareweb.Files, bulkweb.Files, dossierweb.Files, curateweb.Files, trendweb.Files, uploadweb.Files, protectweb.Files, objectweb.Files, account.Messages, entry.Files, admin.Files, advisoryweb.Files,
		registryweb.Files, registry.Messages, catalogweb.Files, intel.Messages, intelweb.Files, peer.Messages, peerweb.Files, intakeweb.Files, intake.Messages, incidentweb.Files, desk.Files, site.Files, find.Files, portal.Files, privacyweb.Files}
}

// routes is the complete table of doors.
func (h *House) routes(m *web.Mux) {
	entry.Routes(m, entry.Deps{Accounts: h.Accounts, Host: h.firstHost, Home: homeOf})
	admin.Routes(m, admin.Deps{People: h.Accounts, Jobs: h.runner, Audit: h.Audit, Post: h.Post, Packs: h.Packs, Intake: h.Intake, Registry: h.Registry, Seal: h.Seal, Facts: h.facts, Demo: h.cfg.demo()})
	registryweb.Routes(m, h.Registry)
	advisoryapi.Routes(m, h.Advisory)
	advisoryweb.Routes(m, h.Advisory)
	intakeapi.Routes(m, h.Intake)
	intakeweb.Routes(m, h.Intake)
	site.Routes(m, h.Intake, h.Advisory, h.texts)
	catalogapi.Routes(m, h.Lists)
	catalogweb.Routes(m, catalogweb.Deps{Catalog: h.Lists, Uses: h.usesOfTag, Groups: h.circles})
	intelapi.Routes(m, h.Intel, h.Enrich)
	intelweb.Routes(m, intelweb.Deps{Intel: h.Intel, Bulk: h.Bulk, Remarks: h.Remarks, Dossiers: h.Dossiers, Enrich: h.Enrich, Catalog: h.Lists, Origin: h.origin, Host: func(ctx context.Context) string { return h.site(ctx).Owner }, Case: h.caseOfEvent, Author: h.author, Went: h.wentTo})
	peerweb.Routes(m, peerweb.Deps{Peers: h.Peers, Polls: h.Polls, Orgs: h.Registry})
	ruleweb.Routes(m, h.Rules)
	shareweb.Routes(m, shareweb.Deps{Intel: h.Intel, Feeds: h.Feeds, Enrich: h.Enrich, Find: h.namedOrg})
	bulkweb.Routes(m, bulkweb.Deps{Intel: h.Intel, Bulk: h.Bulk, Remarks: h.Remarks})
	objectweb.Routes(m, objectweb.Deps{Intel: h.Intel, Catalog: h.Lists})
	curateweb.Routes(m, curateweb.Deps{Intel: h.Intel, Catalog: h.Lists})
	protectweb.Routes(m, protectweb.Deps{Intel: h.Intel, Seal: h.Seal})
	uploadweb.Routes(m, uploadweb.Deps{Uploads: h.Uploads, Intel: h.Intel})
	trendweb.Routes(m, trendweb.Deps{Intel: h.Intel})
	dossierweb.Routes(m, dossierweb.Deps{Dossiers: h.Dossiers, Intel: h.Intel})
	incidentapi.Routes(m, h.Incident)
	incidentweb.Routes(m, incidentweb.Deps{Cases: h.Incident, Team: h.colleagues})
	privacyweb.Routes(m, h.Privacy)
	m.Handle(web.Route{Method: http.MethodGet, Pattern: "/oversight", Policy: web.AnyPerm("oversight.use", "privacy.use"), Reveals: "where the caller's part begins",
		Handler: func(_ http.ResponseWriter, r *http.Request) error { return web.Redirect(homeOf(web.Actor(r)), nil) }})
	desk.Routes(m, desk.Deps{Cases: h.Incident, Reports: h.Intake})
	registryapi.Routes(m, h.Registry)
	find.Routes(m, h.searchRooms())
	portal.Routes(m, h.portalDeps())
	m.SavedViews()
	m.Handle(web.Route{Method: "GET", Pattern: "/api/v1/openapi.json", Policy: web.Public, Reveals: "the contract", Handler: contract(m, registryapi.OpenAPI, intakeapi.OpenAPI, incidentapi.OpenAPI,
		advisoryapi.OpenAPI, intelapi.OpenAPI, catalogapi.OpenAPI)})
	m.Handle(web.Route{Method: "GET", Pattern: "/gpg.asc", Policy: web.Public, Reveals: "the installation's public OpenPGP key", Handler: h.publicKey})
	m.Surface(intelmisp.Surface(intelmisp.Deps{Intel: h.Intel, Remarks: h.Remarks, Dossiers: h.Dossiers, Catalog: h.Lists, Accounts: h.Accounts, Registry: h.Registry, Feeds: h.Feeds, Enrich: h.Enrich, Log: h.Audit, Servers: mispServers{h}, House: machine{h}, Sign: h.signForPeers, Seal: h.Seal, Cursors: h.Vault.MAC("misp cursors"), UUID: h.uuid, Origin: h.origin,
		Host: func(ctx context.Context) string { return h.site(ctx).Owner }}))
	m.Surface(inteltaxii.Surface(inteltaxii.Deps{Intel: h.Intel, Secret: h.Vault.MAC("taxii cursors"), Title: "Straža"}))
	if h.cfg.demo() {
		m.Sheet()
	}
}

// scopes are those that a key may be narrowed to: the ones that some door asks for, and
// the foreign surfaces.
func (h *House) scopes() []string {
	m := web.New(web.Config{Catalog: h.Catalog})
	h.routes(m)
	out := []string{"misp", "taxii"}
	for _, r := range m.Routes() {
		if r.Scope != "" {
			out = append(out, r.Scope)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// homeOf is where somebody lands after entering.
func homeOf(who ident.Actor) string {
	switch {
	case who.Can("console.use"):
		return "/console"
	case who.Can("admin.use"):
		return "/administration"
	case who.Can("portal.use"):
		return "/portal"
	case who.Can("privacy.use"):
		return "/oversight/privacy"
	case who.Can("audit.read"):
		return "/administration/audit"
	case who.Can("oversight.use"):
		return "/oversight/organisations"
	}
	return "/account"
}

// handler builds the chain. /health answers before it, at any Host.
func (h *House) handler(port int) (http.Handler, error) {
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
	if h.limits == nil {
		h.limits = &buckets{}
	}
	m := web.New(web.Config{Origin: origin, Hosts: hosts, Secret: h.Vault.MAC("flash cookies"), Catalog: h.Catalog, Log: slog.Default(),
		Gate: h.Accounts.Gate(), Reading: h.DB.Reading, Onces: h.DB, Limiter: h.limits, Now: h.clock.Now, Site: h.site, Nav: h.nav(), Proxies: proxies, SetLang: h.Accounts.SetLang, Views: h.Accounts})
	h.routes(m)
	h.mux = m
	chain, err := m.Handler()
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			h.health(w, r)
			return
		}
		chain.ServeHTTP(w, r)
	}), nil
}

// site is what the shells say of the installation: the host CERT's name.
func (h *House) site(ctx context.Context) ui.Site {
	s := ui.Site{Name: "Straža", Owner: "CERT"}
	if o, err := h.Registry.Host(ctx, ident.SystemPart("setup")); err == nil {
		s.Owner, s.Owners = o.Name, o.Names
	}
	if p, err := h.Intake.Public(ctx, ident.SystemPart("setup")); err == nil {
		s.Phone = p.Phone
	}
	return s
}

// facts are what an administrator sees of the installation.
func (h *House) facts(ctx context.Context) []admin.Fact {
	out := []admin.Fact{{Name: "admin.fact.version", Value: Version}, {Name: "admin.fact.origin", Value: h.origin},
		{Name: "admin.fact.engine", Value: string(h.DB.Engine) + " " + h.DB.Version(ctx)},
		{Name: "admin.fact.size", Value: fmt.Sprintf("%d MB", h.DB.Size(ctx)>>20)}}
	if free, ok := freeBytes(h.cfg.data()); ok {
		out = append(out, admin.Fact{Name: "admin.fact.free", Value: fmt.Sprintf("%d MB", free>>20)})
	}
	state := "–"
	if h.unsealing != nil {
		if st, err := h.unsealing.Status(ctx); err == nil {
			state = fmt.Sprintf("%d", st.People)
		}
	}
	return append(out, admin.Fact{Name: "admin.fact.unseal", Value: state})
}

// endSessionsTx ends every session, after a restore.
func (h *House) endSessionsTx(ctx context.Context, tx *store.Tx) error {
	return h.Accounts.EndAllSessionsTx(ctx, tx)
}

func portOf(listen string) string {
	_, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" {
		return "8480"
	}
	return strings.TrimSpace(port)
}

// namedOrg finds an organisation by UUID or exact name, as threat data names it.
func (h *House) namedOrg(ctx context.Context, ref string) (intel.Org, error) {
	o, err := h.Registry.OrgByRef(ctx, ident.SystemPart("setup"), ref)
	return intel.Org{ID: o.ID, UUID: o.UUID, Name: o.Name, Local: o.Local}, err
}
