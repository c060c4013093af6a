package entry

import (
	"net/http"
	"strings"

	"straza/internal/format/qr"
	"straza/internal/kernel/account"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// --- showing oneself again before a sensitive act

type confirmPage struct {
	web.Page
	Header   ui.Header
	Action   string
	Next     string
	Field    ui.Field // code, or password of who has no second factor
	Passkeys bool
	ByCode   bool
}

func (p *pages) showConfirm(w http.ResponseWriter, r *http.Request) error {
	page, err := p.confirmPage(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "confirm", page)
}

func (p *pages) confirmPage(r *http.Request, f *web.Form) (*confirmPage, error) {
	factors, err := p.s.Factors(r.Context(), web.Actor(r))
	if err != nil {
		return nil, err
	}
	page := &confirmPage{Page: web.NewPage(r, shellOf(r), web.T(r, "entry.confirm")), ByCode: factors.Second(),
		Passkeys: factors.Passkeys > 0 && p.s.PasskeysWork(), Next: nextQuery(nextOf(r))}
	page.Action = "/account/confirm" + page.Next
	page.Crumbs = crumbs(r, page.Title)
	page.Header = ui.Header{Title: page.Title}
	if page.Passkeys {
		page.Extra = append(page.Extra, "passkey.js")
	}
	if page.ByCode {
		page.Field = codeField(r, f, !factors.TOTP)
	} else {
		page.Field = f.Field("password", "entry.password")
		page.Field.Type, page.Field.Value, page.Field.Autocomplete = "password", "", "current-password"
	}
	page.Errors = f.Summary("code", "password")
	return page, nil
}

func (p *pages) confirm(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	proof := account.Proof{Code: f.Text("code", 200), Password: f.Values.Get("password")}
	e, err := p.s.StepUp(r.Context(), web.Actor(r), from(r), proof)
	if refused(f, err, "code", "entry.code-wrong") || refused(f, err, "password", "entry.old-wrong") {
		f.Values.Set("code", "")
		page, err := p.confirmPage(r, f)
		if err != nil {
			return err
		}
		if !page.ByCode { // only the field that is there has an error
			page.Field.Error, page.Errors = web.T(r, "entry.old-wrong"), &ui.ErrorSummary{Items: []ui.ErrorItem{{Field: "password", Text: web.T(r, "entry.old-wrong")}}}
		}
		return p.t.Invalid(w, r, "confirm", page)
	}
	if err != nil {
		return err
	}
	keep(w, r, e)
	return web.Redirect(web.LocalPath(nextOf(r), "/account"), nil)
}

func (p *pages) startPasskeyConfirm(w http.ResponseWriter, r *http.Request) error {
	return p.ceremony(w, r, account.PasskeyStepUp)
}

func (p *pages) passkeyConfirm(w http.ResponseWriter, r *http.Request) error {
	a, err := readAnswer(r)
	if err != nil {
		return err
	}
	e, err := p.s.StepUp(r.Context(), web.Actor(r), from(r), account.Proof{Passkey: a.Answer, Ticket: a.Ticket})
	if err != nil {
		return err
	}
	keep(w, r, e)
	return web.JSON(w, http.StatusOK, landed{web.LocalPath(nextOf(r), "/account")})
}

// --- the code app

type totpPage struct {
	web.Page
	Header ui.Header
	Secret string
	QR     string // path of the QR code; "" when the address is too long for one
	View   int    // side of its view box
	Code   ui.Field
}

// startTOTP makes a seed and shows it, as a picture for the phone and as text.
func (p *pages) startTOTP(w http.ResponseWriter, r *http.Request) error {
	e, err := p.s.StartTOTP(r.Context(), web.Actor(r))
	if err != nil {
		return stepUp(err, "/account")
	}
	return p.showTOTP(w, r, http.StatusOK, web.NewForm(r, nil), e)
}

func (p *pages) showTOTP(w http.ResponseWriter, r *http.Request, status int, f *web.Form, e account.Enrolment) error {
	page := &totpPage{Page: web.NewPage(r, shellOf(r), web.T(r, "entry.totp")), Secret: e.Secret}
	page.Crumbs = crumbs(r, page.Title)
	page.Header = ui.Header{Title: page.Title}
	page.Code = codeField(r, f, false)
	page.Errors = f.Summary("code")
	if c, err := qr.Encode(e.URI); err == nil && e.URI != "" { // a very long address goes without the picture
		page.QR, page.View = c.Path(), c.Size+8
	}
	w.Header().Set("Cache-Control", "no-store")
	return p.t.RenderStatus(w, r, status, "totp", page)
}

func (p *pages) confirmTOTP(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	e, codes, err := p.s.ConfirmTOTP(r.Context(), web.Actor(r), from(r), f.Needed("code", 200))
	if f.Fail(nil) || refused(f, err, "code", "entry.code-wrong") {
		// The seed stays as it is: whoever scanned it only has to type again. It is
		// not shown a second time.
		f.Values.Set("code", "")
		return p.showTOTP(w, r, http.StatusUnprocessableEntity, f, account.Enrolment{})
	}
	if err != nil {
		return err
	}
	keep(w, r, e)
	return p.afterFactor(w, r, codes, "entry.totp.added")
}

// afterFactor shows new recovery codes, or goes back to the account.
func (p *pages) afterFactor(w http.ResponseWriter, r *http.Request, codes []string, done string) error {
	if len(codes) == 0 {
		return web.Redirect("/account", web.Done(done))
	}
	return p.showCodes(w, r, codes)
}

func (p *pages) showCodes(w http.ResponseWriter, r *http.Request, codes []string) error {
	page := &shownPage{Page: web.NewPage(r, shellOf(r), web.T(r, "entry.recovery")), Codes: codes, All: strings.Join(codes, "\n")}
	page.Crumbs = crumbs(r, page.Title)
	page.Header = ui.Header{Title: page.Title}
	return p.showOnce(w, r, page)
}

func (p *pages) removeTOTP(w http.ResponseWriter, r *http.Request) error {
	if err := p.s.RemoveTOTP(r.Context(), web.Actor(r)); err != nil {
		return stepUp(err, "/account")
	}
	return web.Redirect("/account", web.Done("entry.totp.removed"))
}

func (p *pages) newRecovery(w http.ResponseWriter, r *http.Request) error {
	codes, err := p.s.RecoveryCodes(r.Context(), web.Actor(r))
	if err != nil {
		return stepUp(err, "/account")
	}
	return p.showCodes(w, r, codes)
}

// --- passkeys

func (p *pages) startPasskeyAdd(w http.ResponseWriter, r *http.Request) error {
	err := p.ceremony(w, r, account.PasskeyRegister)
	if account.NeedsStepUp(err) { // the script goes there itself
		return web.JSON(w, http.StatusOK, landed{"/account/confirm" + nextQuery("/account")})
	}
	return err
}

// addPasskey answers the script: where to go, and recovery codes when these are
// the first.
func (p *pages) addPasskey(w http.ResponseWriter, r *http.Request) error {
	a, err := readAnswer(r)
	if err != nil {
		return err
	}
	name := a.Name
	if name == "" {
		name = browser(r.UserAgent())
	}
	e, codes, err := p.s.AddPasskey(r.Context(), web.Actor(r), a.Ticket, name, a.Answer)
	if err != nil {
		return err
	}
	keep(w, r, e)
	if len(codes) == 0 {
		return web.JSON(w, http.StatusOK, landed{"/account"})
	}
	// Codes are shown by a page: the script puts this answer's page in place.
	return p.showCodes(w, r, codes)
}

func (p *pages) removePasskey(w http.ResponseWriter, r *http.Request) error {
	if err := p.s.RemovePasskey(r.Context(), web.Actor(r), r.PathValue("id")); err != nil {
		return stepUp(err, "/account")
	}
	return web.Redirect("/account", web.Done("entry.passkey.removed"))
}

// --- personas of the demo

type personasPage struct {
	web.Page
	People []persona
}

type persona struct {
	ID    string
	Name  string
	Email string
	Roles string
	Org   string
}

func (p *pages) personas(r *http.Request) ([]persona, error) {
	people, err := p.s.Personas(r.Context())
	out := make([]persona, 0, len(people))
	for _, e := range people {
		roles := make([]string, len(e.Roles))
		for i, n := range e.Roles {
			roles[i] = p.roleName(r, n)
		}
		out = append(out, persona{ID: e.UUID, Name: e.Name, Email: e.Email, Roles: strings.Join(roles, ", "), Org: e.OrgName})
	}
	return out, err
}

func (p *pages) showPersonas(w http.ResponseWriter, r *http.Request) error {
	people, err := p.personas(r)
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "personas", &personasPage{Page: web.NewPage(r, web.ShellBare, web.T(r, "entry.personas")), People: people})
}

// showPersona is the page behind a persona's link: one button.
func (p *pages) showPersona(w http.ResponseWriter, r *http.Request) error {
	people, err := p.personas(r)
	if err != nil {
		return err
	}
	for _, v := range people {
		if v.ID == r.PathValue("id") {
			return p.t.Render(w, r, "personas", &personasPage{Page: web.NewPage(r, web.ShellBare, web.T(r, "entry.personas")), People: []persona{v}})
		}
	}
	return fault.New(fault.NotFound, "no such persona")
}

func (p *pages) bePersona(w http.ResponseWriter, r *http.Request) error {
	e, err := p.s.LogInAs(r.Context(), from(r), r.PathValue("id"))
	if err != nil {
		return err
	}
	return p.enter(w, r, e, "")
}
