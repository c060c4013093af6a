package site

import (
	"net/http"
	"net/url"
	"strings"

	"straza/internal/craft/form"
	"straza/internal/craft/form/formweb"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// draftCookie holds the draft's secret, nowhere else kept.
const draftCookie = "draft"

type questionPage struct {
	web.Page
	Back      string
	Steps     ui.Steps
	Heading   string
	Hint      string
	Action    string
	Fields    []ui.Component
	Files     *filesPart
	Leave     string
	Multipart bool
}

// filesPart is the list of files that came already, with a field for more.
type filesPart struct {
	Field ui.Field
	Have  []fileLine
	Left  bool // more may come
}

type fileLine struct{ ID, Name, Size string }

type checkPage struct {
	web.Page
	Back    string
	Steps   ui.Steps
	Answers []ui.Answers
	Action  string
	Leave   string
	Secret  bool // it will be sealed
}

type receiptPage struct {
	web.Page
	Receipt  ui.Receipt
	Number   string
	TriageBy string
	AnswerBy string
	Steps    []string
	Lesson   *card
	Follow   string
	Leave    string
	Rounded  bool
}

// begin opens the journey: the person's draft where it stands, or a new one.
func (p *pages) begin(w http.ResponseWriter, r *http.Request) error {
	if secret := web.Cookie(r, draftCookie); secret != "" {
		if _, sent, err := p.s.Again(r.Context(), web.Actor(r), secret); err != nil {
			return err
		} else if sent { // an old receipt: a new report begins
			web.SetCookie(w, r, draftCookie, "", 0)
		}
	}
	to := "/report/" + p.s.Book().Form.Pages[0].ID
	if what := r.URL.Query().Get("what"); what != "" {
		to += "?what=" + url.QueryEscape(what)
	}
	return web.Redirect(web.Path(r, to), nil)
}

// draft is the person's draft; a new one when there is none, whose secret goes into
// the cookie with the answer.
func (p *pages) draft(w http.ResponseWriter, r *http.Request) (*form.Draft, *form.Form, form.Known, error) {
	who := web.Actor(r)
	d, err := p.s.Drafts.Open(r.Context(), who, web.Cookie(r, draftCookie))
	if fault.Is(err, fault.NotFound) {
		if d, err = p.s.Drafts.Begin(r.Context(), who, p.s.Book().Form, string(web.Lang(r))); err != nil {
			return nil, nil, form.Known{}, err
		}
		web.SetCookie(w, r, draftCookie, d.Secret, form.Keep)
	}
	if err != nil {
		return nil, nil, form.Known{}, err
	}
	d.Lang = string(web.Lang(r))
	f, k, err := p.s.FormOf(r.Context(), who, d)
	return d, f, k, err
}

func (p *pages) show(w http.ResponseWriter, r *http.Request) error {
	switch r.PathValue("page") {
	case "check":
		return p.check(w, r)
	case "receipt":
		return p.receipt(w, r)
	}
	d, f, k, err := p.draft(w, r)
	if err != nil {
		return err
	}
	page, at, err := placed(f, k, r.PathValue("page"))
	if err != nil {
		return err
	}
	if what := r.URL.Query().Get("what"); what != "" && at == 0 && k.Answers.Get("what") == "" {
		k.Answers = k.Answers.With("what", what) // a link chose; nothing is kept yet
	}
	if typed := web.Typed(r); typed != nil { // shown again in another language; still not kept
		k.Answers = page.Read(k, typed)
		k.Answers = page.Read(k, typed)
	}
	return p.t.Render(w, r, "question", p.question(r, d, page, k, at, nil))
}

// placed finds a page among those that are asked now. Faults: NotFound.
func placed(f *form.Form, k form.Known, id string) (page *form.Page, at int, err error) {
	for i, p := range f.Visible(k) {
		if p.ID == id {
			return p, i, nil
		}
	}
	return nil, 0, fault.New(fault.NotFound, "no such page of the form")
}

func (p *pages) question(r *http.Request, d *form.Draft, page *form.Page, k form.Known, at int, problems []form.Problem) *questionPage {
	l := web.Lang(r)
	most, certain := k.Form.Most(k, page) // with what is checked at the end, one step more
	q := &questionPage{Page: web.NewPage(r, web.ShellReport, page.Title.In(l)), Heading: page.Title.In(l), Hint: page.Hint.In(l),
		Action: web.Path(r, "/report/"+page.ID), Steps: ui.Steps{Now: at + 1, All: most + 1, Most: !certain}, Fields: formweb.Fields(r, page, k, problems),
		Leave: web.Path(r, "/report/leave")}
	q.Saved, q.Noindex = d.Kept, true
	q.Errors = formweb.Summary(r, problems)
	q.Back = web.Path(r, "/")
	if at > 0 {
		q.Back = web.Path(r, "/report/"+k.Form.Visible(k)[at-1].ID)
	}
	for _, x := range page.Asked(k) {
		if x.Kind == form.Files {
			q.Files, q.Multipart = p.filesPart(r, d, x, problems), true
		}
	}
	return q
}

func (p *pages) filesPart(r *http.Request, d *form.Draft, x *form.Question, problems []form.Problem) *filesPart {
	l := web.Lang(r)
	part := &filesPart{Field: ui.Field{Name: x.Name, Label: x.Label.In(l), Hint: p.filesHint(r), Type: "file", Multiple: true, Optional: true}}
	for _, pr := range problems {
		if pr.Field == x.Name {
			part.Field.Error = formweb.Said(r, pr)
		}
	}
	for _, f := range d.Files {
		part.Have = append(part.Have, fileLine{f.ID, f.Name, i18n.Bytes(l, f.Size)})
	}
	part.Left = len(d.Files) < 50
	return part
}

// filesHint says the limits as the CERT has set them.
func (p *pages) filesHint(r *http.Request) string {
	pub, err := p.s.Public(r.Context(), web.Actor(r))
	if err != nil {
		return "" // the limits are said when they are met
	}
	return web.T(r, "site.files.hint", "n", pub.MaxFiles, "mb", pub.MaxFileMB)
}

// save keeps the answers of one page and goes on to the next. What is wrong is shown
// on the same page, with what was typed.
func (p *pages) save(w http.ResponseWriter, r *http.Request) error {
	d, f, k, err := p.draft(w, r)
	if err != nil {
		return err
	}
	page, at, err := placed(f, k, r.PathValue("page"))
	if err != nil {
		return err
	}
	var wrong []form.Problem
	posted, err := web.ReadUpload(r, web.UploadLimits{Files: 50, Bytes: 1 << 30}, func(_ *web.Form, u web.Upload) error {
		err := p.s.AttachDraft(r.Context(), web.Actor(r), d, u.Field, u.Name, u.Type, u.Reader)
		if pr, ok := problemOf(err, u.Field); ok { // said at the field; the other files come all the same
			wrong = append(wrong, pr)
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	k.Answers = page.Read(form.Known{Form: f, Answers: d.Answers, Extra: k.Extra}, posted.Values)
	// what a first answer brings into view on the same page is read, too
	k.Answers = page.Read(k, posted.Values)
	d.Answers = k.Answers
	if id := posted.Values.Get("remove"); id != "" {
		if err := p.s.Drafts.DropFile(r.Context(), web.Actor(r), d, id); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		return web.Redirect(web.Path(r, "/report/"+page.ID), nil)
	}
	if err := p.s.Drafts.Save(r.Context(), web.Actor(r), d); err != nil {
		return err
	}
	if wrong = append(page.Check(k), wrong...); len(wrong) > 0 {
		return p.t.Invalid(w, r, "question", p.question(r, d, page, k, at, wrong))
	}
	if posted.Values.Get("more") != "" {
		return web.Redirect(web.Path(r, "/report/"+page.ID), nil)
	}
	return web.Redirect(web.Path(r, "/report/"+next(f, k, page.ID)), nil)
}

// problemOf turns a refused file into a sentence at its field.
func problemOf(err error, field string) (form.Problem, bool) {
	e := fault.Of(err)
	if e == nil || e.Kind != fault.Invalid && e.Kind != fault.Limited {
		return form.Problem{}, false
	}
	key := e.Key
	if key == "" {
		key = e.Fields[field]
	}
	if key == "" {
		return form.Problem{}, false
	}
	return form.Problem{Field: field, Key: key}, true
}

// next is the first page behind id, "check" after the last.
func next(f *form.Form, k form.Known, id string) string {
	visible := f.Visible(k)
	for i, p := range visible {
		if p.ID == id && i+1 < len(visible) {
			return visible[i+1].ID
		}
	}
	return "check"
}

func (p *pages) check(w http.ResponseWriter, r *http.Request) error {
	d, f, k, err := p.draft(w, r)
	if err != nil {
		return err
	}
	if page, _, ok := f.CheckAll(k); !ok { // a page is missing: go there
		return web.Redirect(web.Path(r, "/report/"+page.ID), nil)
	}
	visible := f.Visible(k)
	page := &checkPage{Page: web.NewPage(r, web.ShellReport, web.T(r, "site.check.title")), Steps: ui.Steps{Now: len(visible) + 1, All: len(visible) + 1},
		Back: web.Path(r, "/report/"+visible[len(visible)-1].ID), Action: web.Path(r, "/report/send"), Leave: web.Path(r, "/report/leave"),
		Secret: k.Answers.Get("reading") == "sealed" || k.Answers.Get("reading") == "anonymous" || k.Answers.Get("what") == "vulnerability"}
	page.Saved, page.Noindex = d.Kept, true
	page.Answers = formweb.Check(r, k, func(id string) string { return web.Path(r, "/report/"+id) }, func(*form.Question) string {
		var names []string
		for _, f := range d.Files {
			names = append(names, f.Name+" ("+i18n.Bytes(web.Lang(r), f.Size)+")")
		}
		return strings.Join(names, ", ")
	})
	return p.t.Render(w, r, "check", page)
}

// send sends the draft; its secret gives the same receipt however often this runs.
func (p *pages) send(w http.ResponseWriter, r *http.Request) error {
	posted, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	if posted.Values.Get("website") != "" { // a field that no person sees
		return fault.New(fault.Invalid, "the trap was filled").WithKey("site.trap")
	}
	_, sent, err := p.s.Again(r.Context(), web.Actor(r), web.Cookie(r, draftCookie))
	if err != nil {
		return err
	}
	if sent { // the button was pressed twice, or the answer was lost
		return web.Redirect(web.Path(r, "/report/receipt"), nil)
	}
	d, f, k, err := p.draft(w, r)
	if err != nil {
		return err
	}
	if page, _, ok := f.CheckAll(k); !ok {
		return web.Redirect(web.Path(r, "/report/"+page.ID), nil)
	}
	if _, err := p.s.SendDraft(r.Context(), web.Actor(r), d); err != nil {
		return err
	}
	return web.Redirect(web.Path(r, "/report/receipt"), nil)
}

// receipt shows the code, derived again from the cookie: a reload shows the same.
func (p *pages) receipt(w http.ResponseWriter, r *http.Request) error {
	rc, found, err := p.s.Again(r.Context(), web.Actor(r), web.Cookie(r, draftCookie))
	if err != nil {
		return err
	}
	if !found {
		return web.Redirect(web.Path(r, "/report"), nil)
	}
	l, now := web.Lang(r), web.Now(r)
	page := &receiptPage{Page: web.NewPage(r, web.ShellReport, web.T(r, "site.receipt.title")), Number: rc.Number, Follow: web.Path(r, "/follow-up"),
		Leave: web.Path(r, "/report/leave"), TriageBy: i18n.Until(l, rc.TriageBy, now), AnswerBy: i18n.Until(l, rc.AnswerBy, now)}
	page.Noindex = true
	page.Receipt = ui.Receipt{Title: web.T(r, "site.receipt.title"), When: i18n.DateTime(l, rc.Received), Label: web.T(r, "site.receipt.code"), Code: rc.Code}
	if t, ok := p.texts().lessonFor(rc.What); ok {
		page.Lesson = &card{Href: web.Path(r, "/advice/"+t.ID), Icon: t.Icon, Title: t.Title.In(l)}
		for _, s := range t.Sections {
			for _, x := range s.Steps {
				if len(page.Steps) < 3 {
					page.Steps = append(page.Steps, x.In(l))
				}
			}
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	return p.t.Render(w, r, "receipt", page)
}

// lessonFor is the advice that fits what happened.
func (t Texts) lessonFor(what string) (textPage, bool) {
	id := map[string]string{"message": "message", "password": "account", "intruder": "account", "locked": "locked"}[what]
	for _, x := range t.Lessons {
		if x.ID == id {
			return x, true
		}
	}
	return textPage{}, false
}

// leave deletes the draft and the cookie at once.
func (p *pages) leave(w http.ResponseWriter, r *http.Request) error {
	if secret := web.Cookie(r, draftCookie); secret != "" {
		if err := p.s.Drafts.Leave(r.Context(), web.Actor(r), secret); err != nil {
			return err
		}
		web.SetCookie(w, r, draftCookie, "", 0)
	}
	return web.Redirect(web.Path(r, "/"), nil)
}
