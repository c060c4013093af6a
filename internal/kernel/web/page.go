package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web/ui"
)

// Page is what every page struct embeds.
type Page = ui.Page

// The shells.
const (
	ShellPublic  = ui.Public
	ShellReport  = ui.Report
	ShellPortal  = ui.Portal
	ShellConsole = ui.Console
	ShellBare    = ui.Bare
)

// Twin is where pages stand that the CERT's team and organisations share: the team comes to
// them in the console, all others in the portal.
type Twin struct{ Team, Portal string }

// Base is the address in the shell that the caller came to.
func (t Twin) Base(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, t.Portal) {
		return t.Portal
	}
	return t.Team
}

// Shell is the shell that the caller came to.
func (t Twin) Shell(r *http.Request) ui.Shell {
	if t.Base(r) == t.Portal {
		return ShellPortal
	}
	return ShellConsole
}

// NavItem is one way in. A person whom Policy refuses does not see it.
type NavItem struct {
	Key    string // message key
	Href   string // for Public and Footer without the language
	Icon   string
	Policy Policy
	Plain  bool // of Public and Footer: the address stands without the language
	Alarm  bool // the count is red
	// Count says how many wait for somebody to act; nil counts nothing. It must be
	// cheap (a kept number), for it runs on every page; errors count as nothing.
	Count func(ctx context.Context, who ident.Actor) int
}

// NavGroup is a group of the console's sidebar; Key "" for the first.
type NavGroup struct {
	Key   string
	Items []NavItem
}

// Nav is every menu of the installation, filled by app.
type Nav struct {
	Console      []NavGroup
	Settings     []NavItem // below the sidebar
	Portal       []NavItem
	Public       []NavItem
	Footer       []NavItem
	Bottom       []NavItem                    // phone bottom bar of public pages
	PortalBottom []NavItem                    // and of the portal
	Search       func(who ident.Actor) string // where somebody searches; nil or "" = nowhere
}

// NewPage fills what the shell shows. title is in the person's language; path
// details (crumbs, print label) are set on the result.
func NewPage(r *http.Request, shell ui.Shell, title string) Page {
	s := stateOf(r)
	p := Page{Shell: shell, Title: title, Lang: s.lang, Path: r.URL.RequestURI(), Actor: s.actor, RequestID: s.id,
		Scheme: "auto", Keys: shell == ui.Console, Noindex: shell != ui.Public && shell != ui.Report}
	if s.actor.EnrolBy != 0 {
		p.EnrolBy = time.UnixMicro(s.actor.EnrolBy)
	}
	if s.mux == nil {
		return p
	}
	m := s.mux
	p.Site = siteIn(m.cfg.Site(r.Context()), s.lang)
	if m.cfg.Nav.Search != nil {
		p.SearchURL = m.cfg.Nav.Search(s.actor)
	}
	if c, err := r.Cookie("scheme"); err == nil {
		p.Scheme = c.Value
	}
	if c, err := r.Cookie("keys"); err == nil && c.Value == "off" {
		p.Keys = false
	}
	if s.scheme != "" {
		p.Scheme = s.scheme
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead { // a form shown again: its page's address, not where it was sent
		if at := m.pagePath(r.URL.Path); at != r.URL.Path {
			p.Path = (&url.URL{Path: at}).EscapedPath()
		}
	}
	p.Langs = langLinks(r, s)
	m.menus(r, s, &p)
	return p
}

// siteIn gives the names of the installation in one language. The program's own
// name is written in the page's script; the owner's only when Owners has it.
func siteIn(s ui.Site, l i18n.Lang) ui.Site {
	if s.Name == "" || s.Name == "Straža" || s.Name == "Стража" {
		s.Name = i18n.Text{i18n.SrCyrl: "Стража", i18n.En: "Straža"}.In(l)
	}
	if name := s.Owners.In(l); name != "" {
		s.Owner = name
	}
	return s
}

// langLinks: public pages have an address per language, all others a form.
func langLinks(r *http.Request, s *state) []ui.LangLink {
	at := r.URL.EscapedPath()
	localized := s.route != nil && s.route.Localized
	if localized && r.Method != http.MethodGet {
		at = s.mux.pagePath(r.URL.Path)
		_, err := i18n.Parse(strings.SplitN(at+"//", "/", 3)[1])
		localized = err == nil && strings.Count(at, "/") > 1
	}
	out := make([]ui.LangLink, 0, len(i18n.Langs))
	for _, l := range []struct {
		lang        i18n.Lang
		short, name string
	}{{i18n.SrCyrl, "Ћир", "Ћир: српски, ћирилица"}, {i18n.SrLatn, "Lat", "Lat: srpski, latinica"}, {i18n.En, "EN", "EN: English"}} {
		link := ui.LangLink{Lang: l.lang, Short: l.short, Name: l.name, Here: l.lang == s.lang}
		if localized {
			_, rest, _ := strings.Cut(strings.TrimPrefix(at, "/"), "/")
			link.Href = "/" + string(l.lang) + "/" + rest
			if r.URL.RawQuery != "" {
				link.Href += "?" + r.URL.RawQuery
			}
		}
		out = append(out, link)
	}
	return out
}

// menus fills the menus of the page's shell with what this person may enter.
func (m *Mux) menus(r *http.Request, s *state, p *Page) {
	if s.listed != nil {
		return
	}
	nav := m.cfg.Nav
	item := func(items []NavItem, public bool) []ui.MenuItem { return m.menu(r, s, items, public) }
	switch p.Shell {
	case ui.Console:
		for _, g := range nav.Console {
			group := ui.MenuGroup{Items: item(g.Items, false)}
			if g.Key != "" {
				group.Title = T(r, g.Key)
			}
			if len(group.Items) > 0 {
				p.Menu = append(p.Menu, group)
			}
		}
		p.Settings = item(nav.Settings, false)
	case ui.Portal:
		p.Menu = []ui.MenuGroup{{Items: item(nav.Portal, false)}}
		p.Bottom = item(nav.PortalBottom, false)
	case ui.Public:
		p.Menu = []ui.MenuGroup{{Items: item(nav.Public, true)}}
		p.Footer = item(nav.Footer, true)
		p.Bottom = item(nav.Bottom, true)
	}
}

// menu keeps what the policy allows and marks the longest address that the page
// stands under.
func (m *Mux) menu(r *http.Request, s *state, items []NavItem, public bool) []ui.MenuItem {
	out, best, longest := make([]ui.MenuItem, 0, len(items)), -1, 0
	for _, n := range items {
		if n.Policy.Allow != nil && !n.Policy.Allow(s.actor) {
			continue
		}
		it := ui.MenuItem{Label: T(r, n.Key), Href: n.Href, Icon: n.Icon, Alarm: n.Alarm}
		if public && !n.Plain && strings.HasPrefix(n.Href, "/") {
			it.Href = Path(r, n.Href)
		}
		if n.Count != nil {
			it.Count = n.Count(r.Context(), s.actor)
		}
		root := strings.Count(strings.Trim(it.Href, "/"), "/") == 0
		here := r.URL.Path == it.Href || !root && strings.HasPrefix(r.URL.Path, it.Href+"/")
		if here && len(it.Href) > longest {
			best, longest = len(out), len(it.Href)
		}
		out = append(out, it)
	}
	if best >= 0 {
		out[best].Here = true
	}
	return out
}
