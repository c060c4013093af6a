package web

import (
	"net/http"
	"time"

	"straza/internal/kernel/i18n"
)

// ownRoutes are the doors of kernel/web itself: language and appearance, by POST,
// because nothing changes by GET.
func (m *Mux) ownRoutes() {
	m.Handle(
		Route{Method: http.MethodPost, Pattern: "/language", Policy: Public, Mutates: true, Reveals: "nothing", Body: 8 << 10, Handler: m.saveLanguage},
		Route{Method: http.MethodPost, Pattern: "/scheme", Policy: Public, Mutates: true, Reveals: "nothing", Body: 8 << 10, Handler: m.saveScheme},
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

// plainCookie keeps a harmless preference under its own name.
func plainCookie(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(aYear / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode})
}
