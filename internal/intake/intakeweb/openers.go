package intakeweb

import (
	"net/http"
	"time"

	"straza/internal/format/qr"
	"straza/internal/intake"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type openersPage struct {
	web.Page
	Header ui.Header
	Rows   []openerRow
	Own    int // passkeys of the reader's that may not open yet
	In     bool
	Code   ui.Field
	Add    []ui.Field
	Remove []ui.Field
	New    *newOpener
}

type openerRow struct {
	Name, By    string
	Since       time.Time // zero: not let in yet
	Codes, Keys int
}

type newOpener struct {
	Name, Secret, QR string
	View             int
}

// openers lists who may open what is sealed.
func (p *pages) openers(w http.ResponseWriter, r *http.Request) error {
	page, err := p.openersPage(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "openers", page)
}

func (p *pages) openersPage(r *http.Request, f *web.Form) (*openersPage, error) {
	who := web.Actor(r)
	rows, own, err := p.s.Openers(r.Context(), who)
	if err != nil {
		return nil, err
	}
	page := &openersPage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "openers.title")), Own: own}
	page.Header = ui.Header{Title: page.Title}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "queue.title"), Href: "/console/reports"}, {Label: page.Title}}
	add, remove := f.Field("email", "openers.person"), f.Field("off", "openers.person")
	add.Type, remove.Type = "select", "select"
	add.Options, remove.Options = []ui.Option{{}}, []ui.Option{{}}
	names := map[string]string{}
	for _, x := range rows {
		names[x.Email] = x.Name
	}
	for _, x := range rows {
		if x.By != "" && names[x.By] == "" {
			names[x.By] = x.By // has left the team since
		}
		page.Rows = append(page.Rows, openerRow{x.Name, names[x.By], x.Enrolled, x.Codes, x.Passkeys})
		option := ui.Option{Value: x.Email, Label: x.Name + " · " + x.Email}
		switch {
		case x.Email == who.Email:
			page.In = !x.Enrolled.IsZero()
		case x.Enrolled.IsZero():
			add.Options = append(add.Options, option)
		default:
			remove.Options = append(remove.Options, option)
		}
	}
	code := func(id string) ui.Field {
		c := codeField(r, f)
		c.ID = id
		return c
	}
	page.Code = code("code-keys")
	if len(add.Options) > 1 {
		page.Add = []ui.Field{add, code("code-add")}
	}
	if len(remove.Options) > 1 {
		page.Remove = []ui.Field{remove, code("code-off")}
	}
	return page, nil
}

// proven reads a form, has its proof checked and does an act of the list with it.
func (p *pages) proven(w http.ResponseWriter, r *http.Request, field string, act func(session, person string) error) (done bool, err error) {
	f, err := web.ReadForm(r)
	if err != nil {
		return false, err
	}
	proof, person := f.Proof("code"), ""
	if field != "" {
		person = f.Needed(field, 254)
	}
	if !f.Fail(nil) {
		var session string
		if session, err = p.s.Prove(r.Context(), web.Actor(r), proof); err == nil {
			err = act(session, person)
		}
		if fault.Is(err, fault.Denied) {
			f.Add("code", "queue.unseal.wrong")
			err = nil
		}
	}
	if err != nil || !f.Fail(nil) {
		return err == nil, err
	}
	f.Values.Set("code", "")
	page, err := p.openersPage(r, f)
	if err != nil {
		return false, err
	}
	page.Errors = f.Summary(field, "code")
	return false, p.t.Invalid(w, r, "openers", page)
}

func (p *pages) enrolPasskeys(w http.ResponseWriter, r *http.Request) error {
	done, err := p.proven(w, r, "", func(session, _ string) error {
		_, err := p.s.EnrolPasskeys(r.Context(), web.Actor(r), session)
		return err
	})
	if !done {
		return err
	}
	return web.Redirect("/console/unsealing", web.Done("openers.keys.done"))
}

// enrolOpener lets a colleague in and shows their one-time secret, this once.
func (p *pages) enrolOpener(w http.ResponseWriter, r *http.Request) error {
	var got intake.NewOpener
	done, err := p.proven(w, r, "email", func(session, email string) (err error) {
		got, err = p.s.EnrolOpener(r.Context(), web.Actor(r), session, email)
		return err
	})
	if !done {
		return err
	}
	page, err := p.openersPage(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	page.New = &newOpener{Name: got.Name, Secret: got.Secret}
	if c, err := qr.Encode(got.URI); err == nil {
		page.New.QR, page.New.View = c.Path(), c.Size+8
	}
	w.Header().Set("Cache-Control", "no-store")
	return p.t.Render(w, r, "openers", page)
}

func (p *pages) removeOpener(w http.ResponseWriter, r *http.Request) error {
	done, err := p.proven(w, r, "off", func(session, email string) error {
		return p.s.RemoveOpener(r.Context(), web.Actor(r), session, email)
	})
	if !done {
		return err
	}
	return web.Redirect("/console/unsealing", web.Done("openers.off.done"))
}

// nonce answers the script: what a passkey is to sign (WebAuthn Level 3 §5.5).
func (p *pages) nonce(w http.ResponseWriter, r *http.Request) error {
	n, err := p.s.Nonce(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	type credential struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	}
	var o struct {
		PublicKey struct {
			Challenge        string       `json:"challenge"`
			RPID             string       `json:"rpId"`
			UserVerification string       `json:"userVerification"`
			Allow            []credential `json:"allowCredentials"`
		} `json:"publicKey"`
	}
	o.PublicKey.Challenge, o.PublicKey.RPID, o.PublicKey.UserVerification = n.Value, n.RPID, "required"
	for _, k := range n.Keys {
		o.PublicKey.Allow = append(o.PublicKey.Allow, credential{"public-key", k})
	}
	return web.JSON(w, http.StatusOK, map[string]any{"ticket": n.ID, "options": o})
}
