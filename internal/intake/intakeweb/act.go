package intakeweb

import (
	"crypto/rand"
	"net/http"
	"time"

	"straza/internal/intake"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func at(number string) string { return "/console/reports/" + number }

// again shows the report with what is wrong about the form, the typed text kept.
func (p *pages) again(w http.ResponseWriter, r *http.Request, f *web.Form, order ...string) error {
	page, err := p.page(r, f)
	if err != nil {
		return err
	}
	page.Errors = f.Summary(order...)
	return p.t.Invalid(w, r, "show", page)
}

func (p *pages) classify(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	ctx, who, number := r.Context(), web.Actor(r), r.PathValue("number")
	x, err := p.s.Get(ctx, who, number)
	if err != nil {
		return err
	}
	org := f.Text("org", 300)
	d := intake.Decision{Type: intake.Type(f.Text("type", 20)), RSIT: given(f.Text("rsit", 100)), National: given(f.Text("national", 100)), Facts: map[string]string{}, Severity: f.Text("severity", 20), Why: f.Text("why", 500),
		TLP: f.Text("tlp", 20), PAP: f.Text("pap", 20), Org: &org}
	for _, fact := range p.s.Book().Facts {
		if v := f.Text("fact."+fact.Name, 40); v != "" {
			d.Facts[fact.Name] = v
		}
	}
	_, err = p.s.Classify(ctx, who, x.UUID, f.Int("version"), d)
	if f.Fail(err) {
		return p.again(w, r, f, "type", "rsit", "national", "severity", "why", "tlp", "pap", "org")
	}
	if err != nil {
		return err
	}
	return web.Redirect(at(number), web.Done("queue.done.classify").WithUndo(at(number)+"/undo"))
}

func given(v string) []string {
	if v == "" {
		return nil
	}
	return []string{v}
}

// act does one step of triage. Every one of them can be taken back.
func (p *pages) act(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	ctx, who, number, verb := r.Context(), web.Actor(r), r.PathValue("number"), r.PathValue("act")
	x, err := p.s.Get(ctx, who, number)
	if err != nil {
		return err
	}
	version := f.Int("version")
	switch verb {
	case "take":
		_, err = p.s.Take(ctx, who, x.UUID)
	case "release":
		_, err = p.s.Release(ctx, who, x.UUID)
	case "accept":
		x, err = p.s.Accept(ctx, who, x.UUID, version, f.Text("into", 40), f.Text("title", 200), f.Text("summary", 20_000))
	case "reject":
		_, err = p.s.Reject(ctx, who, x.UUID, version, f.Text("reason", 1000))
	case "duplicate":
		_, err = p.s.MarkDuplicate(ctx, who, x.UUID, version, f.Text("of", 40))
	case "handover":
		_, err = p.s.HandOver(ctx, who, x.UUID, version, f.Text("to", 300), f.Text("note", 2000))
	case "undo":
		_, err = p.s.Undo(ctx, who, x.UUID, version)
	default:
		return fault.New(fault.NotFound, "act %q", verb)
	}
	if f.Fail(err) {
		return p.again(w, r, f, "title", "into", "reason", "of", "to")
	}
	if err != nil {
		return err
	}
	done := web.Done("queue.done." + verb)
	if verb != "undo" {
		done = done.WithUndo(at(number) + "/undo")
	}
	if verb == "accept" && x.CaseNumber != "" {
		return web.Redirect("/console/cases/"+x.CaseNumber, done)
	}
	return web.Redirect(at(number), done)
}

// message sends the reporter a text, files, or both.
func (p *pages) message(w http.ResponseWriter, r *http.Request) error {
	number, who, a := r.PathValue("number"), web.Actor(r), &intake.Answer{}
	var refused error
	f, err := web.ReadUpload(r, web.UploadLimits{Files: 50, Bytes: 1 << 30}, func(_ *web.Form, u web.Upload) error {
		err := p.s.AttachMessage(r.Context(), who, number, a, u.Name, u.Type, u.Reader)
		if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Limited) {
			refused = err
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if a.Text = f.Text("text", 20_000); refused == nil {
		refused = p.s.Send(r.Context(), who, number, a, f.Tick("question"))
	}
	if e := fault.Of(refused); e != nil && e.Kind == fault.Limited { // too large, in words beside the field
		refused = fault.Field("files", e.Key, "a file was refused")
	}
	if f.Fail(refused) {
		return p.again(w, r, f, "text", "files")
	}
	if refused != nil {
		return refused
	}
	return web.Redirect(at(number), web.Done("queue.done.message"))
}

// sessionCookie holds the session of the unsealing process while it is good: ten
// minutes, in this browser only.
const sessionCookie = "unseal"

// prove gets a session of the unsealing process with the person's one-time code or
// passkey, or goes on with the one of the last minutes.
func (p *pages) prove(r *http.Request, f *web.Form) (session, why string, err error) {
	why = f.Needed("why", 500)
	if f.Values.Get("code") == "" && f.Values.Get("assertion") == "" && f.Err("unseal") == nil {
		if session = web.Cookie(r, sessionCookie); session != "" {
			return session, why, nil
		}
	}
	proof := f.Proof("code")
	if f.Err("unseal") != nil {
		return "", why, f.Err("unseal")
	}
	session, err = p.s.Prove(r.Context(), web.Actor(r), proof)
	if fault.Is(err, fault.Denied) {
		f.Add("code", p.notOpened(r))
		err = f.Err("unseal")
	}
	return session, why, err
}

// notOpened names the sentence that says what to do: the code was wrong, the asker is not
// let in yet, or nobody of the team is.
func (p *pages) notOpened(r *http.Request) string {
	who := web.Actor(r)
	rows, _, err := p.s.Openers(r.Context(), who)
	if err != nil {
		return "queue.unseal.wrong"
	}
	key := "queue.unseal.nobody"
	for _, x := range rows {
		switch {
		case x.Enrolled.IsZero():
		case x.Email == who.Email:
			return "queue.unseal.wrong"
		default:
			key = "queue.unseal.notin"
		}
	}
	return key
}

func (p *pages) unseal(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	session, why, err := p.prove(r, f)
	if f.Fail(err) {
		return p.again(w, r, f, "why", "code")
	}
	if err != nil {
		return err
	}
	o, err := p.s.Unseal(r.Context(), web.Actor(r), r.PathValue("number"), session, why)
	if fault.Is(err, fault.Denied) { // the session is over
		web.SetCookie(w, r, sessionCookie, "", 0)
		f.Add("code", p.notOpened(r))
		f.Fail(nil)
		return p.again(w, r, f, "why", "code")
	}
	if err != nil {
		return err
	}
	web.SetCookie(w, r, sessionCookie, session, 10*time.Minute)
	page, err := p.page(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	page.Unseal = nil
	if o.Body != nil {
		page.Body = bodyOf(r, o.Body)
		names := map[string]string{}
		for _, x := range o.Body.Files {
			names[x.ID] = x.Name
		}
		for i := range page.Files {
			if n := names[page.Files[i].ID]; n != "" {
				page.Files[i].Name = n
			}
			page.Files[i].Why = why
		}
		for i := range page.Messages {
			if text, ok := o.Messages[page.messageIDs[i]]; ok {
				page.Messages[i].Body = text
			}
		}
	}
	return p.t.Render(w, r, "show", page)
}

// reporter shows who reported, for one look.
func (p *pages) reporter(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	session, why, err := p.prove(r, f)
	if f.Fail(err) {
		return p.again(w, r, f, "why", "code")
	}
	if err != nil {
		return err
	}
	c, err := p.s.ShowReporter(r.Context(), web.Actor(r), r.PathValue("number"), session, why)
	if err != nil {
		return err
	}
	page, err := p.page(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	if page.Reporter != nil {
		page.Reporter.Contact = &c
	}
	return p.t.Render(w, r, "show", page)
}

// --- the telephone

type phonePage struct {
	web.Page
	Header                                      ui.Header
	What, Description, When, Name, Email, Phone ui.Field
	Org                                         ui.Field
	Seal                                        ui.Field
	Cancel                                      ui.Button
	Code                                        *ui.Receipt
	Number                                      string
	Secret                                      string
}

func (p *pages) phoneForm(r *http.Request, f *web.Form) *phonePage {
	page := &phonePage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "queue.phone.title")), Header: ui.Header{Title: web.T(r, "queue.phone.title")},
		What: f.Field("type", "queue.type"), Description: f.Field("description", "queue.phone.what"), When: f.Field("when", "queue.when"), Name: f.Field("contact.name", "queue.phone.name"), Email: f.Field("contact.email", "queue.phone.email"),
		Phone: f.Field("contact.phone", "queue.phone.phone"), Org: f.Field("organisation", "queue.org"), Cancel: ui.Button{Label: web.T(r, "queue.cancel"), Href: "/console/reports", Variant: "tertiary"}}
	if page.Secret = f.Values.Get("secret"); page.Secret == "" {
		page.Secret = rand.Text() + rand.Text() // pressed twice, it is still one call
	}
	page.What.Type, page.What.Options = "select", web.Words(r, "queue.type.", "incident", "near_miss", "threat", "question")
	page.Description.Type, page.Description.Rows = "textarea", 8
	page.When.Optional, page.Email.Optional, page.Org.Optional = true, true, true
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "queue.title"), Href: "/console/reports"}, {Label: page.Header.Title}}
	return page
}

func (p *pages) phone(w http.ResponseWriter, r *http.Request) error {
	return p.t.Render(w, r, "phone", p.phoneForm(r, web.NewForm(r, nil)))
}

// enter writes down a call; the code is read out to the caller and shown only now.
func (p *pages) enter(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	in := &intake.Input{Secret: f.Values.Get("secret"), Channel: intake.ByPhone, Lang: string(web.Lang(r)), Type: intake.Type(f.Text("type", 20)), ReceivedBy: web.Actor(r).Name,
		Contact: intake.Contact{Name: f.Text("contact.name", 120), Email: f.Text("contact.email", 254), Phone: f.Text("contact.phone", 40)},
		Body:    intake.Body{Description: f.Text("description", 20_000), When: f.Text("when", 60), OrgName: f.Text("organisation", 200)}}
	rc, err := p.s.Submit(r.Context(), web.Actor(r), in)
	page := p.phoneForm(r, f)
	if f.Fail(err) {
		page.Errors = f.Summary("type", "description", "contact.name", "contact.phone", "contact.email", "organisation")
		return p.t.Invalid(w, r, "phone", page)
	}
	if err != nil {
		return err
	}
	page.Number = rc.Number
	page.Code = &ui.Receipt{Title: web.T(r, "queue.phone.done"), When: rc.Number, Label: web.T(r, "queue.phone.code"), Code: rc.Code}
	w.Header().Set("Cache-Control", "no-store")
	return p.t.Render(w, r, "phone", page)
}
