// Package entry is the front room of the door: log-in, the second step, the
// forgotten password, invitations, the first administrator's link, and the
// account page, where people keep their password, second factors, sessions and
// keys. On a demo installation it also has the personas' buttons.
//
// It owns no data: every act is one call on kernel/account. It refuses to change
// anything by GET (mail scanners fetch links: a link shows one button, its POST
// consumes it), to tell a known address from an unknown one, and to show a secret
// twice: recovery codes and keys stand in the answer that made them and nowhere
// else, with no-store.
//
// Words: entering is "ulaz, uđite", never "prijava", which is a report.
// States: design look.md, picture 10 (sign in, second factor with an error, too
// many tries, session ended).
package entry

import (
	"context"
	"embed"
	"net"
	"net/http"
	"strings"
	"time"

	"straza/internal/kernel/account"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Files are the pages and their messages.
//
//go:embed *.html messages/*.json
var Files embed.FS

// Deps are what the room needs. Host makes the first CERT of an empty
// installation, or gives the one there is; nil = no set-up page.
type Deps struct {
	Accounts *account.Service
	Host     func(ctx context.Context, who ident.Actor, name string) (org int64, err error)
	// Home is where somebody lands after entering; nil = by what they may use.
	Home func(who ident.Actor) string
}

type pages struct {
	t    *web.Templates
	s    *account.Service
	host func(ctx context.Context, who ident.Actor, name string) (int64, error)
	home func(who ident.Actor) string
}

// limited is the bucket of the rate limiter for everything here that costs a
// password hash or a letter.
const limited = "entry"

// Routes declares the doors of this room.
func Routes(m *web.Mux, d Deps) {
	p := &pages{t: m.Templates(Files), s: d.Accounts, host: d.Host, home: d.Home}
	if p.home == nil {
		p.home = home
	}
	get := func(path string, policy web.Policy, reveals string, h web.Handler) web.Route {
		return web.Route{Method: http.MethodGet, Pattern: path, Policy: policy, Reveals: reveals, Handler: h}
	}
	post := func(path string, policy web.Policy, h web.Handler) web.Route {
		return web.Route{Method: http.MethodPost, Pattern: path, Policy: policy, Mutates: true, Reveals: "nothing", Body: 128 << 10, Limit: limited, Handler: h}
	}
	const own = "the caller's own account"
	m.Handle(
		get("/login", web.Public, "nothing", p.showLogin),
		post("/login", web.Public, p.logIn),
		get("/login/second", web.Public, "nothing", p.showSecond),
		post("/login/second", web.Public, p.second),
		get("/login/forgot", web.Public, "nothing", p.showForgot),
		post("/login/forgot", web.Public, p.forgot),
		post("/login/passkey/start", web.Public, p.startPasskeyLogin),
		post("/login/passkey", web.Public, p.passkeyLogin),
		post("/logout", web.Public, p.logOut),
		get("/invitation/{token}", web.Public, "the address the link was sent to", p.showInvitation),
		post("/invitation/{token}", web.Public, p.acceptInvitation),
		get("/setup/{token}", web.Public, "nothing", p.showSetup),
		post("/setup/{token}", web.Public, p.setUp),

		get("/account", web.LoggedIn, own, p.showAccount),
		post("/account/profile", web.LoggedIn, p.saveProfile),
		get("/account/password", web.LoggedIn, own, p.showPassword),
		post("/account/password", web.LoggedIn, p.savePassword),
		get("/account/confirm", web.LoggedIn, own, p.showConfirm),
		post("/account/confirm", web.LoggedIn, p.confirm),
		post("/account/confirm/passkey/start", web.LoggedIn, p.startPasskeyConfirm),
		post("/account/confirm/passkey", web.LoggedIn, p.passkeyConfirm),
		post("/account/totp/start", web.LoggedIn, p.startTOTP),
		post("/account/totp/confirm", web.LoggedIn, p.confirmTOTP),
		post("/account/totp/remove", web.LoggedIn, p.removeTOTP),
		post("/account/recovery", web.LoggedIn, p.newRecovery),
		post("/account/passkeys/start", web.LoggedIn, p.startPasskeyAdd),
		post("/account/passkeys", web.LoggedIn, p.addPasskey),
		post("/account/passkeys/{id}/remove", web.LoggedIn, p.removePasskey),
		post("/account/sessions/end", web.LoggedIn, p.endSession),
		get("/account/letters", web.LoggedIn, own, p.showLetters),
		post("/account/letters", web.LoggedIn, p.saveMailKey),
		post("/account/letters/remove", web.LoggedIn, p.removeMailKey),
		get("/account/keys/new", web.LoggedIn, own, p.showNewKey),
		post("/account/keys", web.LoggedIn, p.addKey),
		post("/account/keys/{id}/revoke", web.LoggedIn, p.revokeKey),
	)
	if d.Accounts.Demo() {
		m.Handle(
			get("/dev/personas", web.Public, "the invented people of a demo", p.showPersonas),
			get("/dev/personas/{id}", web.Public, "one invented person of a demo", p.showPersona),
			post("/dev/personas/{id}", web.Public, p.bePersona),
		)
	}
}

// from is what the account service wants to know of a caller.
func from(r *http.Request) account.From {
	return account.From{Addr: web.ClientIP(r), Channel: ident.Web, RequestID: web.RequestID(r), Label: browser(r.UserAgent())}
}

// browser makes "Firefox, Linux" of a User-Agent header: enough to recognise a
// session by, too little to follow anybody with. Order matters: Edge and Opera
// call themselves Chrome, and Chrome calls itself Safari.
func browser(agent string) string {
	find := func(names ...string) string {
		for _, n := range names {
			mark, name, _ := strings.Cut(n, "=")
			if strings.Contains(agent, mark) {
				if name == "" {
					return mark
				}
				return name
			}
		}
		return ""
	}
	program := find("Edg/=Edge", "OPR/=Opera", "Firefox", "Chrome", "Safari", "curl")
	system := find("Android", "iPhone", "iPad", "Windows", "Mac OS=macOS", "Linux")
	return strings.Trim(program+", "+system, ", ")
}

// home is where somebody belongs.
func home(who ident.Actor) string {
	switch {
	case who.Can("console.use"):
		return "/console"
	case who.Can("admin.use"):
		return "/administration"
	case who.Can("portal.use"):
		return "/portal"
	case who.Can("oversight.use"):
		return "/oversight"
	}
	return "/account"
}

const (
	sessionCookie = "session"
	secondCookie  = "second" // between the two steps
)

// keep puts the token of a session into the browser; a session of the first step
// under another name, where nothing but the second step reads it.
func keep(w http.ResponseWriter, r *http.Request, e account.Entered) {
	if e.Token == "" {
		return
	}
	name := sessionCookie
	if e.Second {
		name = secondCookie
	}
	web.SetCookie(w, r, name, e.Token, e.Ends.Sub(web.Now(r)).Truncate(time.Second))
}

// enter finishes a log-in: cookie, then the second step or the place wanted.
func (p *pages) enter(w http.ResponseWriter, r *http.Request, e account.Entered, next string) error {
	// What stood in the browser before is ended on the server, too.
	if old := web.Cookie(r, sessionCookie); old != "" && !e.Second {
		if err := p.s.LogOut(r.Context(), old, from(r)); err != nil {
			return err
		}
	}
	keep(w, r, e)
	if e.Second {
		return web.Redirect("/login/second"+nextQuery(next), nil)
	}
	web.SetCookie(w, r, secondCookie, "", 0)
	if e.Enrol {
		return web.Redirect("/account", web.Done("entry.enrol-first"))
	}
	who, err := p.s.Resolve(r.Context(), e.Person.ID, ident.Web)
	if err != nil {
		return err
	}
	return web.Redirect(web.LocalPath(next, p.home(who)), nil)
}

// refused puts a sentence at the field whose proof was refused, and tells whether
// that was it.
func refused(f *web.Form, err error, field, key string) bool {
	e := fault.Of(err)
	return e != nil && e.Key == "account.refused" && f.Fail(fault.Field(field, key, "refused"))
}

// stepUp sends somebody whose proof is not fresh to show it, and back.
func stepUp(err error, back string) error {
	if account.NeedsStepUp(err) {
		return web.Redirect("/account/confirm"+nextQuery(back), nil)
	}
	return err
}

// shellOf keeps a person in the frame that they work in.
func shellOf(r *http.Request) ui.Shell {
	if who := web.Actor(r); who.OnTeam() || who.Can("admin.use") {
		return web.ShellConsole
	}
	return web.ShellPortal
}

// onAddress tells whether the browser came by an IP address, where passkeys
// cannot work though they would by the origin's name.
func onAddress(r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return net.ParseIP(strings.Trim(host, "[]")) != nil
}
