package entry

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type accountPage struct {
	web.Page
	Header   ui.Header
	Facts    ui.Facts
	Name     ui.Field
	Lang     ui.Field
	Factors  account.Factors
	Few      bool  // recovery codes are running out
	Works    bool  // passkeys can work here
	Keyed    []row // passkeys
	Sessions []row
	Others   bool // there are other sessions to end
	Keys     []row
	MailKey  ui.Facts
	Gone     bool // the mail key has expired
	Alerts   bool // may have letters about what happens
}

func (p *pages) showAccount(w http.ResponseWriter, r *http.Request) error {
	page, err := p.accountPage(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "account", page)
}

func (p *pages) accountPage(r *http.Request, f *web.Form) (*accountPage, error) {
	ctx, who := r.Context(), web.Actor(r)
	page := &accountPage{Page: web.NewPage(r, shellOf(r), web.T(r, "entry.account")), Works: p.s.PasskeysWork() && !onAddress(r), Alerts: who.Can("intel.read")}
	page.Extra = append(page.Extra, "passkey.js")
	page.Header = ui.Header{Title: page.Title, Sub: []any{who.Email, who.OrgName}}
	roles := make([]string, len(who.Roles))
	for i, n := range who.Roles {
		roles[i] = p.roleName(r, n)
	}
	page.Facts = ui.Facts{Items: []ui.Fact{{Label: web.T(r, "entry.email"), Value: who.Email}, {Label: web.T(r, "entry.org"), Value: who.OrgName},
		{Label: web.T(r, "entry.roles"), Value: strings.Join(roles, ", ")}}}
	if f.Values.Get("name") == "" && f.Error("name") == "" {
		f.Values.Set("name", who.Name)
	}
	page.Name = f.Field("name", "entry.name")
	page.Name.Autocomplete = "name"
	page.Lang = f.Field("lang", "entry.lang")
	page.Lang.Type, page.Lang.Value = "select", string(web.Lang(r))
	page.Lang.Options = []ui.Option{{Value: string(i18n.SrCyrl), Label: "Српски, ћирилица"}, {Value: string(i18n.SrLatn), Label: "Srpski, latinica"}, {Value: string(i18n.En), Label: "English"}}
	page.Errors = f.Summary("name", "lang")
	var err error
	if page.Factors, err = p.s.Factors(ctx, who); err != nil {
		return nil, err
	}
	page.Few = page.Factors.Second() && page.Factors.Recovery <= 3
	passkeys, err := p.s.Passkeys(ctx, who)
	if err != nil {
		return nil, err
	}
	page.Keyed = passkeyRows(r, passkeys)
	sessions, err := p.s.Sessions(ctx, who)
	if err != nil {
		return nil, err
	}
	page.Sessions, page.Others = sessionRows(r, sessions), len(sessions) > 1
	keys, err := p.s.Keys(ctx, who, "")
	if err != nil {
		return nil, err
	}
	mailKey, _, err := p.s.MailKey(ctx, who)
	if err != nil {
		return nil, err
	}
	page.MailKey, page.Gone = mailKeyFacts(r, mailKey), mailKey.Gone(web.Now(r))
	page.Keys = keyRows(r, slices.DeleteFunc(keys, func(k account.Key) bool { return k.Revoked != 0 }))
	return page, nil
}

// roleName is the word for a role; a role that a later room added shows its name.
func (p *pages) roleName(r *http.Request, role string) string {
	if v := web.T(r, "account.role."+role); !strings.HasPrefix(v, "⟦") {
		return v
	}
	return role
}

// row is one passkey, session or key, with the form that ends it.
type row struct {
	Name   string
	Mono   bool
	Sub    []string
	Tags   []string
	Began  time.Time
	Until  string
	Used   time.Time
	Action string // POST address; "" has no button
	Label  string // of the button
	ID     string // hidden "session"
	Off    bool   // expired
}

func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return clock.FromMicros(us)
}

func passkeyRows(r *http.Request, keys []account.Passkey) []row {
	var out []row
	for _, k := range keys {
		out = append(out, row{Name: k.Name, Began: moment(k.Created), Used: moment(k.LastUsed),
			Action: "/account/passkeys/" + k.UUID + "/remove", Label: web.T(r, "entry.remove")})
	}
	return out
}

func sessionRows(r *http.Request, sessions []account.Session) []row {
	var out []row
	for _, s := range sessions {
		v := row{Name: s.Label, Began: moment(s.Created), Used: moment(s.Seen)}
		if v.Name == "" {
			v.Name = web.T(r, "entry.unknown-device")
		}
		if s.SecondFA {
			v.Sub = append(v.Sub, web.T(r, "entry.with-second"))
		}
		if s.Current {
			v.Sub = append(v.Sub, web.T(r, "entry.this-one"))
		} else {
			v.Action, v.ID, v.Label = "/account/sessions/end", s.UUID, web.T(r, "entry.end")
		}
		out = append(out, v)
	}
	return out
}

func (p *pages) saveProfile(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	err = p.s.SetProfile(r.Context(), web.Actor(r), f.Needed("name", 200), f.OneOf("lang", "sr-Cyrl", "sr-Latn", "en"))
	if f.Fail(err) {
		page, err := p.accountPage(r, f)
		if err != nil {
			return err
		}
		return p.t.Invalid(w, r, "account", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect("/account", web.Done("entry.saved"))
}

type passwordPage struct {
	web.Page
	Header ui.Header
	Old    ui.Field
	HasOld bool
	New    ui.Field
}

func (p *pages) showPassword(w http.ResponseWriter, r *http.Request) error {
	page, err := p.passwordPage(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "password", page)
}

func (p *pages) passwordPage(r *http.Request, f *web.Form) (*passwordPage, error) {
	factors, err := p.s.Factors(r.Context(), web.Actor(r))
	if err != nil {
		return nil, err
	}
	page := &passwordPage{Page: web.NewPage(r, shellOf(r), web.T(r, "entry.password.change")), HasOld: factors.Password}
	page.Crumbs = crumbs(r, page.Title)
	page.Header = ui.Header{Title: page.Title}
	page.Old = f.Field("old", "entry.old-password")
	page.Old.Type, page.Old.Value, page.Old.Autocomplete = "password", "", "current-password"
	page.New = passwordField(r, f, "password", "entry.new-password")
	page.Errors = f.Summary("old", "password")
	return page, nil
}

func crumbs(r *http.Request, title string) []ui.Crumb {
	return []ui.Crumb{{Label: web.T(r, "entry.account"), Href: "/account"}, {Label: title}}
}

func (p *pages) savePassword(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	e, err := p.s.SetPassword(r.Context(), web.Actor(r), from(r), f.Values.Get("old"), f.Values.Get("password"))
	if refused(f, err, "old", "entry.old-wrong") || f.Fail(err) {
		page, err := p.passwordPage(r, f)
		if err != nil {
			return err
		}
		return p.t.Invalid(w, r, "password", page)
	}
	if err != nil {
		return stepUp(err, "/account/password")
	}
	keep(w, r, e)
	return web.Redirect("/account", web.Done("entry.password.changed"))
}

func (p *pages) endSession(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	if err := p.s.EndSession(r.Context(), web.Actor(r), f.Text("session", 60)); err != nil {
		return err
	}
	return web.Redirect("/account", web.Done("entry.ended"))
}

type newKeyPage struct {
	web.Page
	Header   ui.Header
	Name     ui.Field
	Scopes   ui.Choices
	ReadOnly ui.Field
	Expires  ui.Field
	AllowIP  ui.Field
}

// scopes that a person may choose from; finer ones are for the command line.
var scopes = []string{"misp", "taxii", "intel:read", "intel:write", "registry:read", "registry:write", "incident:read", "incident:write", "intake:read", "intake:write", "advisory:read", "advisory:write", "catalog:read"}

func (p *pages) showNewKey(w http.ResponseWriter, r *http.Request) error {
	if err := p.s.Fresh(r.Context(), web.Actor(r)); err != nil {
		return stepUp(err, "/account/keys/new")
	}
	return p.t.Render(w, r, "newkey", p.newKeyPage(r, web.NewForm(r, nil)))
}

func (p *pages) newKeyPage(r *http.Request, f *web.Form) *newKeyPage {
	page := &newKeyPage{Page: web.NewPage(r, shellOf(r), web.T(r, "entry.key.new"))}
	page.Crumbs = crumbs(r, page.Title)
	page.Header = ui.Header{Title: page.Title}
	page.Name = f.Field("name", "entry.key.name")
	page.Name.Hint = web.T(r, "entry.key.name.hint")
	var options []ui.Option
	for _, s := range scopes {
		options = append(options, ui.Option{Value: s, Label: s, Hint: web.T(r, "entry.scope."+strings.ReplaceAll(s, ":", "-"))})
	}
	page.Scopes = f.Choices("scope", "entry.key.scopes", options...)
	page.Scopes.Many, page.Scopes.Hint = true, web.T(r, "entry.key.scopes.hint")
	page.ReadOnly = f.Box("read_only", "entry.key.read-only")
	page.Expires = f.Field("expires", "entry.key.expires")
	page.Expires.Type, page.Expires.Optional, page.Expires.Width = "date", true, "short"
	page.AllowIP = f.Field("allow_ip", "entry.key.allow-ip")
	page.AllowIP.Hint, page.AllowIP.Optional = web.T(r, "entry.key.allow-ip.hint"), true
	page.Errors = f.Summary("name", "scope", "expires", "allow_ip")
	return page
}

// shownPage shows secrets once: a new key, or recovery codes.
type shownPage struct {
	web.Page
	Header ui.Header
	Key    string
	Name   string
	Codes  []string
	All    string // the codes, one a line, for the copy button
}

func (p *pages) addKey(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	until := f.Time("expires")
	if !until.IsZero() {
		until = until.AddDate(0, 0, 1) // through that day
	}
	n := account.NewKey{Name: f.Text("name", 200), Scopes: f.Many("scope"), ReadOnly: f.Tick("read_only"), Expires: until,
		AllowIP: strings.FieldsFunc(f.Text("allow_ip", 2000), func(c rune) bool { return c == ',' || c == ' ' || c == '\n' || c == ';' })}
	var k account.Key
	secret := ""
	if err = f.Err("new key"); err == nil {
		k, secret, err = p.s.AddKey(r.Context(), web.Actor(r), "", n)
	}
	if f.Fail(err) {
		return p.t.Invalid(w, r, "newkey", p.newKeyPage(r, f))
	}
	if err != nil {
		return stepUp(err, "/account/keys/new")
	}
	page := &shownPage{Page: web.NewPage(r, shellOf(r), web.T(r, "entry.key.made")), Key: secret, Name: k.Name}
	page.Crumbs = crumbs(r, page.Title)
	page.Header = ui.Header{Title: page.Title}
	return p.showOnce(w, r, page)
}

// showOnce answers with a secret that must not stay in any cache.
func (p *pages) showOnce(w http.ResponseWriter, r *http.Request, page *shownPage) error {
	w.Header().Set("Cache-Control", "no-store")
	return p.t.Render(w, r, "shown", page)
}

func keyRows(r *http.Request, keys []account.Key) []row {
	var out []row
	for _, k := range keys {
		v := row{Name: k.Prefix + "…", Mono: true, Tags: k.Scopes, Used: moment(k.LastUsed), Until: web.T(r, "entry.key.no-end"),
			Action: "/account/keys/" + k.UUID + "/revoke", Label: web.T(r, "entry.key.revoke"), Off: k.Expires != 0 && k.Expires <= web.Now(r).UnixMicro()}
		if k.Name != "" {
			v.Sub = append(v.Sub, k.Name)
		}
		if k.ReadOnly {
			v.Sub = append(v.Sub, web.T(r, "entry.key.reads"))
		}
		if k.Expires != 0 {
			v.Until = i18n.Date(web.Lang(r), moment(k.Expires-1)) // midnight belongs to the day before
		}
		out = append(out, v)
	}
	return out
}

func (p *pages) revokeKey(w http.ResponseWriter, r *http.Request) error {
	if _, err := p.s.RevokeKey(r.Context(), web.Actor(r), r.PathValue("id")); err != nil {
		return err
	}
	return web.Redirect("/account", web.Done("entry.key.revoked"))
}
