package entry

import (
	"net/http"
	"net/url"

	"straza/internal/kernel/account"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type loginPage struct {
	web.Page
	Next     string
	Email    ui.Field
	Password ui.Field
	Passkey  bool   // the button is there; a script shows it where the browser can
	Local    string // address by name, when we came by an IP address
}

// nextQuery carries the place wanted through the steps.
func nextQuery(next string) string {
	if next = web.LocalPath(next, ""); next == "" {
		return ""
	}
	return "?next=" + url.QueryEscape(next)
}

func nextOf(r *http.Request) string { return web.LocalPath(r.URL.Query().Get("next"), "") }

func (p *pages) showLogin(w http.ResponseWriter, r *http.Request) error {
	if who := web.Actor(r); who.LoggedIn() && who.Session != 0 {
		return web.Redirect(web.LocalPath(nextOf(r), p.home(who)), nil)
	}
	return p.t.Render(w, r, "login", p.loginPage(r, web.NewForm(r, nil)))
}

func (p *pages) loginPage(r *http.Request, f *web.Form) *loginPage {
	page := &loginPage{Page: web.NewPage(r, web.ShellBare, web.T(r, "entry.login")), Next: nextQuery(nextOf(r))}
	page.Email = f.Field("email", "entry.email")
	page.Email.Type, page.Email.Autocomplete = "email", "username"
	page.Password = f.Field("password", "entry.password")
	page.Password.Type, page.Password.Value, page.Password.Autocomplete = "password", "", "current-password"
	page.Errors = f.Summary("email", "password", "code")
	if page.Passkey = p.s.PasskeysWork(); page.Passkey {
		page.Extra = append(page.Extra, "passkey.js")
		if onAddress(r) {
			page.Local = p.s.Origin() + "/login" + page.Next
		}
	}
	return page
}

// logIn takes email, password and, for scripts, the code in the same step.
func (p *pages) logIn(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	email, password := f.Needed("email", 1000), f.Values.Get("password")
	f.Require(password != "", "password", "web.error.required")
	if f.Fail(nil) {
		return p.t.Invalid(w, r, "login", p.loginPage(r, f))
	}
	e, err := p.s.LogIn(r.Context(), from(r), email, password, f.Text("code", 200))
	if refused(f, err, "email", "account.refused") {
		return p.t.Invalid(w, r, "login", p.loginPage(r, f))
	}
	if err != nil {
		return err
	}
	return p.enter(w, r, e, nextOf(r))
}

type secondPage struct {
	web.Page
	Next     string
	Code     ui.Field
	Recovery bool // asking for one of the paper codes
	Other    string
}

func (p *pages) showSecond(w http.ResponseWriter, r *http.Request) error {
	if web.Cookie(r, secondCookie) == "" {
		return web.Redirect("/login"+nextQuery(nextOf(r)), nil)
	}
	return p.t.Render(w, r, "second", p.secondPage(r, web.NewForm(r, nil)))
}

func (p *pages) secondPage(r *http.Request, f *web.Form) *secondPage {
	page := &secondPage{Page: web.NewPage(r, web.ShellBare, web.T(r, "entry.second")), Recovery: r.URL.Query().Get("with") == "recovery"}
	q := url.Values{}
	if next := nextOf(r); next != "" {
		q.Set("next", next)
	}
	other := url.Values{}
	for k, v := range q {
		other[k] = v
	}
	if page.Recovery {
		q.Set("with", "recovery")
	} else {
		other.Set("with", "recovery")
	}
	page.Next, page.Other = query(q), "/login/second"+query(other)
	page.Code = codeField(r, f, page.Recovery)
	page.Errors = f.Summary("code")
	return page
}

func query(q url.Values) string {
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}

// codeField asks for six digits, or for fifteen from the paper.
func codeField(r *http.Request, f *web.Form, recovery bool) ui.Field {
	code := f.Field("code", "entry.code")
	code.Mono, code.InputMode, code.Autocomplete, code.Autofocus = true, "numeric", "one-time-code", true
	code.MaxLength, code.Width = 11, "short"
	if recovery {
		code.Label, code.MaxLength, code.Width, code.Autocomplete = web.T(r, "entry.recovery-code"), 40, "", "off"
	}
	return code
}

func (p *pages) second(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	code := f.Needed("code", 200)
	if f.Fail(nil) {
		return p.t.Invalid(w, r, "second", p.secondPage(r, f))
	}
	e, err := p.s.SecondStep(r.Context(), from(r), web.Cookie(r, secondCookie), code)
	if account.IsUnauthenticated(err) { // the first step is too old, or was never made
		web.SetCookie(w, r, secondCookie, "", 0)
		return web.Redirect("/login"+nextQuery(nextOf(r)), web.Done("entry.again"))
	}
	if refused(f, err, "code", "entry.code-wrong") {
		f.Values.Set("code", "")
		return p.t.Invalid(w, r, "second", p.secondPage(r, f))
	}
	if err != nil {
		return err
	}
	return p.enter(w, r, e, nextOf(r))
}

func (p *pages) logOut(w http.ResponseWriter, r *http.Request) error {
	for _, name := range []string{sessionCookie, secondCookie} {
		if token := web.Cookie(r, name); token != "" {
			if err := p.s.LogOut(r.Context(), token, from(r)); err != nil {
				return err
			}
			web.SetCookie(w, r, name, "", 0)
		}
	}
	return web.Redirect("/login", web.Done("entry.logged-out"))
}

// --- passkeys, for the script

// ceremony answers the start of a ceremony.
func (p *pages) ceremony(w http.ResponseWriter, r *http.Request, purpose string) error {
	c, err := p.s.StartPasskey(r.Context(), web.Actor(r), purpose)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, c)
}

func (p *pages) startPasskeyLogin(w http.ResponseWriter, r *http.Request) error {
	return p.ceremony(w, r, account.PasskeyLogIn)
}

// landed tells the script where to go.
type landed struct {
	Next string `json:"next"`
}

func (p *pages) passkeyLogin(w http.ResponseWriter, r *http.Request) error {
	a, err := readAnswer(r)
	if err != nil {
		return err
	}
	e, err := p.s.LogInPasskey(r.Context(), from(r), a.Ticket, a.Answer)
	if err != nil {
		return err
	}
	if old := web.Cookie(r, sessionCookie); old != "" {
		if err := p.s.LogOut(r.Context(), old, from(r)); err != nil {
			return err
		}
	}
	keep(w, r, e)
	who, err := p.s.BySession(r.Context(), e.Token, from(r))
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusOK, landed{web.LocalPath(nextOf(r), p.home(who))})
}
