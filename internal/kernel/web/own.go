package web

import (
	"encoding/json"
	"net/http"
	"time"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web/ui"
)

// ownRoutes are the doors of kernel/web itself: language and appearance, by POST,
// because nothing changes by GET.
func (m *Mux) ownRoutes() {
	m.Handle(
		Route{Method: http.MethodPost, Pattern: "/language", Policy: Public, Mutates: true, Reveals: "nothing", Body: 8 << 10, Handler: m.saveLanguage},
		Route{Method: http.MethodPost, Pattern: "/scheme", Policy: Public, Mutates: true, Reveals: "nothing", Body: 8 << 10, Handler: m.saveScheme},
		Route{Method: http.MethodGet, Pattern: "/manifest.webmanifest", Policy: Public, Localized: true, Reveals: "the name of the installation", Handler: m.showManifest},
		Route{Method: http.MethodPost, Pattern: "/keys", Policy: Public, Mutates: true, Reveals: "nothing", Body: 8 << 10, Handler: m.saveKeys},
	)
}

const aYear = 365 * 24 * time.Hour

// saveLanguage keeps the language in a cookie, and with the account of who has one.
func (m *Mux) saveLanguage(w http.ResponseWriter, r *http.Request) error {
	f, err := ReadForm(r)
	if err != nil {
		return err
	}
	l, err := i18n.Parse(f.Values.Get("lang"))
	if err == nil {
		plainCookie(w, "lang", string(l))
		if who := Actor(r); m.cfg.SetLang != nil && who.LoggedIn() {
			if err := m.cfg.SetLang(r.Context(), who, l); err != nil {
				return err
			}
		}
	}
	return Redirect(LocalPath(f.Values.Get("back"), "/"), nil)
}

func (m *Mux) saveScheme(w http.ResponseWriter, r *http.Request) error {
	f, err := ReadForm(r)
	if err != nil {
		return err
	}
	switch s := f.Values.Get("scheme"); s {
	case "auto", "light", "dark":
		plainCookie(w, "scheme", s)
	}
	return Redirect(LocalPath(f.Values.Get("back"), "/"), nil)
}

// saveKeys switches the single-key shortcuts on or off (WCAG 2.1.4).
func (m *Mux) saveKeys(w http.ResponseWriter, r *http.Request) error {
	f, err := ReadForm(r)
	if err != nil {
		return err
	}
	switch s := f.Values.Get("keys"); s {
	case "on", "off":
		plainCookie(w, "keys", s)
	}
	return Redirect(LocalPath(f.Values.Get("back"), "/"), nil)
}

// showManifest lets a phone keep the site on its home screen (W3C Web App
// Manifest), in the language of the page, with the report as a shortcut.
func (m *Mux) showManifest(w http.ResponseWriter, r *http.Request) error {
	site := siteIn(m.cfg.Site(r.Context()), Lang(r))
	icon := func(name, size, purpose string) map[string]string {
		return map[string]string{"src": ui.Asset(name), "sizes": size, "type": "image/png", "purpose": purpose}
	}
	w.Header().Set("Content-Type", "application/manifest+json")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	return ignoreGone(json.NewEncoder(w).Encode(map[string]any{
		"id": "/", "name": site.Name + ", " + site.Owner, "short_name": site.Name, "lang": string(Lang(r)), "dir": "ltr",
		"start_url": Path(r, "/"), "scope": "/", "display": "standalone", "background_color": "#ffffff", "theme_color": "#083f4f",
		"icons":     []any{icon("icon-192.png", "192x192", "any"), icon("icon-512.png", "512x512", "any"), icon("icon-maskable.png", "512x512", "maskable")},
		"shortcuts": []any{map[string]string{"name": T(r, "web.report"), "url": Path(r, "/report")}},
	}))
}

// plainCookie keeps a harmless preference under its own name.
func plainCookie(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(aYear / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode})
}
