package ui

import (
	"time"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
)

// Shell is which frame a page stands in.
type Shell string

// The four shells, and the bare one of log-in pages.
const (
	Public  Shell = "public"
	Report  Shell = "report" // short header: mark and "saved"; no menu, no footer
	Portal  Shell = "portal"
	Console Shell = "console"
	Bare    Shell = "bare"
)

// MenuItem is one way in, already allowed for this person and translated.
type MenuItem struct {
	Label string
	Href  string
	Icon  string
	Count int
	Alarm bool // the count is red: somebody waits
	Here  bool
}

// MenuGroup is a group of the sidebar; Title "" for the first.
type MenuGroup struct {
	Title string
	Items []MenuItem
}

// Crumb is a step on the way down; the last has no Href.
type Crumb struct{ Label, Href string }

// Site is whose installation this is.
type Site struct {
	Name  string // "Straža"
	Owner string // name of the CERT, as registered
	// Owners is that name in several languages, where the installation has them.
	Owners i18n.Text
	Phone  string // of the duty officer
}

// LangLink is one of the three languages in the switch.
type LangLink struct {
	Lang  i18n.Lang
	Short string // Ћир, Lat, EN
	Name  string // full name in its own language
	Href  string // public pages; "" posts to /language
	Here  bool
}

// Page is what every page struct embeds: what the shell around it shows.
type Page struct {
	Shell     Shell
	Title     string
	Lang      i18n.Lang
	Path      string // address of the page without the language
	Langs     []LangLink
	Actor     ident.Actor
	Site      Site
	Menu      []MenuGroup // sidebar, or top menu (first group)
	Bottom    []MenuItem  // phone bottom bar
	Footer    []MenuItem
	Settings  []MenuItem // sidebar bottom
	Crumbs    []Crumb
	Toast     *Toast
	Errors    *ErrorSummary
	Scheme    string // "auto", "light", "dark"
	RequestID string
	EnrolBy   time.Time // until when this person must add a second factor; zero = none is missing
	Exercise  string    // name of the exercise under way
	Saved     bool      // Report: the draft is kept
	Keys      bool      // single-key shortcuts are on
	SearchURL string
	Print     string // label printed at the top and foot of every sheet, e.g. TLP
	Foot      string // what this is a page of, printed in the foot of every sheet; "" prints the title
	Wide      bool
	Narrow    bool // reading column
	Noindex   bool
	Extra     []string // further scripts by asset name
	Describe  string   // meta description of public pages
	Typed     *TypedForm
}

// Base gives the page itself; embedding *Page's holder satisfies kernel/web.
func (p *Page) Base() *Page { return p }

// Density is the body's density attribute.
func (p *Page) Density() string {
	if p.Shell == Console {
		return "console"
	}
	return "public"
}

// Size is the body's Designsystemet size.
func (p *Page) Size() string {
	if p.Shell == Console {
		return "sm"
	}
	return "md"
}

// CSS is the style sheet of the shell.
func (p *Page) CSS() string {
	switch p.Shell {
	case Console:
		return "console.css"
	case Portal:
		return "portal.css"
	}
	return "public.css"
}

// Scripts are the scripts of the shell: public reading pages and the report form
// are plain links and forms and need no htmx.
func (p *Page) Scripts() []string {
	s := []string{"straza.js"}
	if p.Shell == Console || p.Shell == Portal {
		s = append(s, "htmx.min.js", "console.js")
	}
	return append(s, p.Extra...)
}

// FontFile is the one font file worth preloading.
func (p *Page) FontFile() string {
	if p.Lang == i18n.SrCyrl {
		return "straza-sans-cyrl.woff2"
	}
	return "straza-sans-latn.woff2"
}

// SchemeAttr is the scheme attribute: auto follows the machine.
func (p *Page) SchemeAttr() string {
	if p.Scheme == "light" || p.Scheme == "dark" {
		return p.Scheme
	}
	return "auto"
}

// LangLinks tells whether the language switch is made of links (public pages) or
// of a form that sets the cookie.
func (p *Page) LangLinks() bool { return len(p.Langs) > 0 && p.Langs[0].Href != "" }

// Here is the page's own address, to come back to after a change of scheme.
func (p *Page) Here() string {
	for _, l := range p.Langs {
		if l.Here && l.Href != "" {
			return l.Href
		}
	}
	return p.Path
}

// RoomOf is the first page of a shell that a person may open: who has neither the
// desk nor the portal begins at their own account.
func RoomOf(s Shell, a ident.Actor) string {
	switch {
	case s == Console && a.Can("console.use"):
		return "/console"
	case s == Portal && a.Can("portal.use"):
		return "/portal"
	}
	return "/account"
}

// Home is where the mark leads.
func (p *Page) Home() string {
	if p.Shell == Public {
		return "/" + string(p.Lang) + "/"
	}
	return RoomOf(p.Shell, p.Actor)
}
