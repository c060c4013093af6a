package portal

import (
	"net/http"

	"straza/internal/intake"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// newReportPage is the whole report on one page: who is logged in has told us name,
// address and organisation already.
type newReportPage struct {
	web.Page
	Header  ui.Header
	Secret  string
	What    ui.Choices
	Story   ui.Field
	Where   ui.Field
	When    ui.Field
	Files   ui.Field
	Reading ui.Choices
	Known   ui.Facts
}

type sentPage struct {
	web.Page
	Receipt ui.Receipt
	Track   *ui.Track
	Code    string // what the code is for
	Acts    []ui.Button
}

func (p *pages) reportForm(w http.ResponseWriter, r *http.Request) error {
	page, err := p.newReport(r, web.NewForm(r, map[string][]string{"reading": {"open"}}))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "new", page)
}

func (p *pages) newReport(r *http.Request, f *web.Form) (*newReportPage, error) {
	ctx, who := r.Context(), web.Actor(r)
	o, err := p.d.Registry.Own(ctx, who)
	if err != nil {
		return nil, err
	}
	page := &newReportPage{Page: newPage(r, "portal.report.new"), Header: ui.Header{Title: web.T(r, "portal.report.new"), Sub: []any{web.T(r, "portal.new.lead")}}, Secret: f.Values.Get("secret")}
	if page.Secret == "" { // made with the form, so that it sent twice is one report
		d, err := p.d.Intake.Drafts.Begin(ctx, who, p.d.Intake.Book().Form, string(web.Lang(r)))
		if err != nil {
			return nil, err
		}
		page.Secret = d.Secret
	}
	page.What = f.Choices("what", "portal.new.what", p.whats(r)...)
	page.Story = f.Field("description", "portal.new.description")
	page.Story.Type, page.Story.Rows, page.Story.MaxLength, page.Story.Keep, page.Story.Hint = "textarea", 8, 10000, true, web.T(r, "portal.new.description.hint")
	page.Where = f.Field("where", "portal.new.where")
	page.Where.Optional, page.Where.Hint, page.Where.MaxLength = true, web.T(r, "portal.new.where.hint"), 500
	page.When = f.Field("when", "portal.new.when")
	page.When.Type, page.When.Optional = "datetime-local", true
	page.Files = f.Field("files", "portal.new.files")
	page.Files.Type, page.Files.Multiple, page.Files.Optional, page.Files.Hint, page.Files.Value = "file", true, true, web.T(r, "portal.new.files.hint"), ""
	page.Reading = f.Choices("reading", "portal.new.reading",
		ui.Option{Value: "open", Label: web.T(r, "portal.new.open"), Hint: web.T(r, "portal.new.open.hint", "cert", o.CERTName)},
		ui.Option{Value: "sealed", Label: web.T(r, "portal.new.sealed"), Hint: web.T(r, "portal.new.sealed.hint")})
	page.Known = ui.Facts{Items: []ui.Fact{{Label: web.T(r, "portal.new.from"), Value: who.Name}, {Label: web.T(r, "portal.new.address"), Value: ui.Machine(who.Email)},
		{Label: web.T(r, "portal.new.org"), Value: o.Label(web.Lang(r))}, {Label: web.T(r, "portal.new.goes"), Value: o.CERTName}}}
	return page, nil
}

// whats are the choices of the public form, so that both doors mean the same.
func (p *pages) whats(r *http.Request) []ui.Option {
	q, ok := p.d.Intake.Book().Form.Question("what")
	if !ok {
		return nil
	}
	l := web.Lang(r)
	var out []ui.Option
	for _, o := range q.Options {
		out = append(out, ui.Option{Value: o.Value, Label: o.Label.In(l), Note: o.Note.In(l)})
	}
	return out
}

func (p *pages) whatLabel(r *http.Request, value string) string {
	for _, o := range p.whats(r) {
		if o.Value == value {
			return o.Label
		}
	}
	return ""
}

// input reads the text fields; files come after them, one by one.
func (p *pages) input(r *http.Request, f *web.Form) *intake.Input {
	who := web.Actor(r)
	var kinds []string
	for _, o := range p.whats(r) {
		kinds = append(kinds, o.Value)
	}
	if f.Values.Get("what") == "" {
		f.Add("what", "portal.new.what.missing")
	}
	if f.Text("description", 10000) == "" {
		f.Add("description", "portal.new.description.missing")
	}
	f.Time("when")
	in := &intake.Input{Secret: f.Text("secret", 255), Channel: intake.ByPortal, Lang: string(web.Lang(r)), What: f.OneOf("what", kinds...),
		Sealed:  f.OneOf("reading", "open", "sealed") == "sealed",
		Contact: intake.Contact{Name: who.Name, Email: who.Email, Person: who.PersonUUID, Org: who.OrgName},
		Body:    intake.Body{Description: f.Text("description", 10000), Where: f.Text("where", 500), When: f.Text("when", 40), For: "organisation", OrgName: who.OrgName}}
	return in
}

func (p *pages) send(w http.ResponseWriter, r *http.Request) error {
	ctx, who := r.Context(), web.Actor(r)
	var in *intake.Input
	f, err := web.ReadUpload(r, web.UploadLimits{}, func(f *web.Form, u web.Upload) error {
		if in == nil {
			in = p.input(r, f)
		}
		if f.Err("report") != nil {
			return nil // it will not be sent: nothing of it is stored
		}
		return p.d.Intake.Attach(ctx, who, in, u.Name, u.Type, u)
	})
	if err != nil && f == nil {
		return err
	}
	var rc intake.Receipt
	if err == nil {
		if in == nil {
			in = p.input(r, f)
		}
		if f.Err("report") == nil {
			rc, err = p.d.Intake.Submit(ctx, who, in)
		}
	}
	if f.Fail(err) {
		page, err := p.newReport(r, f)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("what", "description", "where", "when", "files", "reading")
		return p.t.Invalid(w, r, "new", page)
	}
	if err != nil {
		return err
	}
	return p.sent(w, r, rc, in.Sealed)
}

// sent answers the form itself: the code is shown here and never again. Sent again,
// the same form gives the same page.
func (p *pages) sent(w http.ResponseWriter, r *http.Request, rc intake.Receipt, sealed bool) error {
	key := map[bool]string{true: "sealed", false: "open"}[sealed]
	page := &sentPage{Page: newPage(r, "portal.sent"), Code: web.T(r, "portal.sent.code."+key)}
	page.Receipt = ui.Receipt{Title: web.T(r, "portal.sent.title"), When: joined(rc.Number, i18n.DateTime(web.Lang(r), rc.Received)), Label: web.T(r, "portal.sent.label"), Code: rc.Code}
	page.Track = reportTrack(r, intake.Report{Received: rc.Received, TriageDue: rc.TriageBy, AnswerDue: rc.AnswerBy})
	if !sealed {
		page.Acts = append(page.Acts, ui.Button{Label: web.T(r, "portal.sent.open"), Href: "/portal/reports/" + rc.ID})
	}
	page.Acts = append(page.Acts, ui.Button{Label: web.T(r, "portal.sent.back"), Href: "/portal", Variant: "secondary"})
	return p.t.Render(w, r, "sent", page)
}
