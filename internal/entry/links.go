package entry

import (
	"errors"
	"net/http"

	"straza/internal/kernel/account"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type forgotPage struct {
	web.Page
	Email ui.Field
	Sent  bool
	// ByHand: letters stay in the machine, so the page says whom to ask.
	ByHand bool
}

func (p *pages) forgotPage(r *http.Request, f *web.Form) *forgotPage {
	page := &forgotPage{Page: web.NewPage(r, web.ShellBare, web.T(r, "entry.forgot"))}
	page.ByHand = p.s.ByHand()
	page.Email = f.Field("email", "entry.email")
	page.Email.Type, page.Email.Autocomplete = "email", "username"
	page.Errors = f.Summary("email")
	return page
}

func (p *pages) showForgot(w http.ResponseWriter, r *http.Request) error {
	return p.t.Render(w, r, "forgot", p.forgotPage(r, web.NewForm(r, nil)))
}

// forgot answers the same whether there is such an account or not.
func (p *pages) forgot(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	email := f.Needed("email", 1000)
	if _, bad := account.Canonical(email); email != "" && bad != nil {
		f.Add("email", "account.email")
	}
	if f.Fail(nil) {
		return p.t.Invalid(w, r, "forgot", p.forgotPage(r, f))
	}
	if err := p.s.ForgotPassword(r.Context(), from(r), email); err != nil {
		return err
	}
	page := p.forgotPage(r, web.NewForm(r, nil))
	page.Sent, page.Title = true, web.T(r, "entry.sent")
	return p.t.Render(w, r, "forgot", page)
}

type invitationPage struct {
	web.Page
	Action   string
	Address  string
	Name     string
	Reset    bool
	Password ui.Field
}

func (p *pages) invitationPage(r *http.Request, f *web.Form, l account.Link) *invitationPage {
	key := "entry.invited"
	if l.Kind == "reset" {
		key = "entry.reset"
	}
	page := &invitationPage{Page: web.NewPage(r, web.ShellBare, web.T(r, key)), Action: r.URL.EscapedPath(),
		Address: l.Email, Name: l.Name, Reset: l.Kind == "reset"}
	page.Password = passwordField(r, f, "password", "entry.new-password")
	page.Errors = f.Summary("password")
	return page
}

func passwordField(r *http.Request, f *web.Form, name, label string) ui.Field {
	v := f.Field(name, label)
	v.Type, v.Value, v.Autocomplete, v.Hint = "password", "", "new-password", web.T(r, "entry.password.hint")
	return v
}

func (p *pages) showInvitation(w http.ResponseWriter, r *http.Request) error {
	l, err := p.s.Link(r.Context(), r.PathValue("token"))
	if err == nil && l.Kind == "setup" {
		return web.Redirect("/setup/"+r.PathValue("token"), nil)
	}
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "invitation", p.invitationPage(r, web.NewForm(r, nil), l))
}

func (p *pages) acceptInvitation(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	token := r.PathValue("token")
	e, err := p.s.Accept(r.Context(), from(r), token, f.Values.Get("password"))
	if f.Fail(err) {
		l, err := p.s.Link(r.Context(), token)
		if err != nil {
			return err
		}
		return p.t.Invalid(w, r, "invitation", p.invitationPage(r, f, l))
	}
	if err != nil {
		return err
	}
	return p.enter(w, r, e, "")
}

type setupPage struct {
	web.Page
	Action   string
	Org      ui.Field
	Name     ui.Field
	Email    ui.Field
	Password ui.Field
}

func (p *pages) setupPage(r *http.Request, f *web.Form) *setupPage {
	page := &setupPage{Page: web.NewPage(r, web.ShellBare, web.T(r, "entry.setup")), Action: r.URL.EscapedPath()}
	page.Org = f.Field("org", "entry.setup.org")
	page.Org.Hint, page.Org.Autocomplete = web.T(r, "entry.setup.org.hint"), "organization"
	page.Name = f.Field("name", "entry.name")
	page.Name.Autocomplete = "name"
	page.Email = f.Field("email", "entry.email")
	page.Email.Type, page.Email.Autocomplete = "email", "username"
	page.Password = passwordField(r, f, "password", "entry.new-password")
	page.Errors = f.Summary("org", "name", "email", "password")
	return page
}

// setupLink tells whether the token opens the set-up of this installation.
func (p *pages) setupLink(r *http.Request) error {
	l, err := p.s.Link(r.Context(), r.PathValue("token"))
	if err == nil && (l.Kind != "setup" || p.host == nil) {
		return fault.New(fault.NotFound, "no set-up link")
	}
	return err
}

func (p *pages) showSetup(w http.ResponseWriter, r *http.Request) error {
	if err := p.setupLink(r); err != nil {
		return err
	}
	return p.t.Render(w, r, "setup", p.setupPage(r, web.NewForm(r, nil)))
}

// setUp makes the host CERT and then its first administrator. The CERT stays
// when the second half fails; trying again finds it.
func (p *pages) setUp(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	if err := p.setupLink(r); err != nil {
		return err
	}
	org, name, email, password := f.Needed("org", 200), f.Needed("name", 200), f.Needed("email", 254), f.Values.Get("password")
	if _, bad := account.Canonical(email); email != "" && bad != nil {
		f.Add("email", "account.email")
	}
	f.Require(password != "", "password", "web.error.required")
	e, err := account.Entered{}, f.Err("set-up")
	if err == nil {
		e, err = p.found(r, org, account.NewPerson{Name: name, Email: email, Password: password, Lang: string(web.Lang(r))})
	}
	if f.Fail(err) {
		return p.t.Invalid(w, r, "setup", p.setupPage(r, f))
	}
	if err != nil {
		return err
	}
	return p.enter(w, r, e, "")
}

func (p *pages) found(r *http.Request, org string, n account.NewPerson) (account.Entered, error) {
	if err := account.CheckPassword(n.Password, n.Name, n.Email); err != nil {
		return account.Entered{}, err // before the CERT is made
	}
	who := ident.SystemPart("setup")
	who.Channel, who.RequestID = ident.Web, web.RequestID(r)
	id, err := p.host(r.Context(), who, org)
	if err != nil {
		return account.Entered{}, err
	}
	n.Org = id
	return p.s.Setup(r.Context(), from(r), r.PathValue("token"), n)
}

// --- answers of the browser's authenticator

type answer struct {
	Ticket string
	Name   string
	Answer []byte
}

// readAnswer reads {"ticket":…,"name":…,"answer":{…}} from the script.
func readAnswer(r *http.Request) (answer, error) {
	var v struct {
		Ticket string  `json:"ticket"`
		Name   string  `json:"name"`
		Answer rawJSON `json:"answer"`
	}
	if err := web.ReadJSON(r, &v); err != nil {
		return answer{}, err
	}
	return answer{v.Ticket, v.Name, v.Answer}, nil
}

// rawJSON keeps the bytes as they came: their hash was signed.
type rawJSON []byte

// UnmarshalJSON keeps the bytes.
func (j *rawJSON) UnmarshalJSON(b []byte) error {
	if len(b) == 0 || b[0] != '{' {
		return errors.New("want an object")
	}
	*j = append([]byte(nil), b...)
	return nil
}
