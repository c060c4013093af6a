package intakeweb

import (
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strings"

	"straza/internal/format/zipcrypto"
	"straza/internal/intake"
	"straza/internal/kernel/access"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type showPage struct {
	web.Page
	Header   ui.Header
	Number   string
	Version  int64
	Body     *bodyView
	Sealed   bool
	Erased   *ui.Note // what was reported went by term
	Unseal   *unsealForm
	Files    []fileView
	Messages []ui.Message
	Compose  *ui.Field
	Attach   ui.Field
	Facts    ui.Facts
	Reporter *reporterView
	Similar  []ui.Name
	History  []historyRow
	CanUndo  bool
	Triage   *triageForm
	Decide   *decideForm

	messageIDs []string // of Messages, for what a proof opens
}

type bodyView struct {
	Description []string
	Facts       ui.Facts
}

type fileView struct {
	Name, Href, ID string
	Size           int64
	Why            string // the reason given, once the report stands open: the file may be fetched
}

type unsealForm struct {
	Reason, Code ui.Field
	Key          ui.ByPasskey
}

type reporterView struct {
	Reason, Code ui.Field
	Key          ui.ByPasskey
	Contact      *intake.Contact
	Email, Phone bool
	Sealed       bool
}

type historyRow struct {
	Word, Author string
	At           any
	Undone       bool
}

type triageForm struct {
	Type, RSIT, National, Severity, Why, TLP, PAP, Org ui.Field
	Facts                                              []ui.Field
	Computed                                           string
}

type decideForm struct {
	Title, Summary, Into, Reason, Of, To, Note ui.Field
	Open                                       bool
	Case                                       bool // it may become a case: a question is answered instead
}

func (p *pages) show(w http.ResponseWriter, r *http.Request) error {
	page, err := p.page(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "show", page)
}

func (p *pages) page(r *http.Request, f *web.Form) (*showPage, error) {
	d, err := p.s.Read(r.Context(), web.Actor(r), r.PathValue("number"))
	if err != nil {
		return nil, err
	}
	title := p.titleOf(r, &d.Report)
	page := &showPage{Page: web.NewPage(r, web.ShellConsole, title), Number: d.Number, Version: d.Version, Sealed: d.Sealed, CanUndo: d.CanUndo}
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "queue.title"), Href: "/console/reports"}, {Label: d.Number}}
	page.Print, page.Foot = "TLP:"+d.TLP, d.Number
	page.Extra = append(page.Extra, "passkey.js")
	if !d.Erased.IsZero() {
		page.Erased = &ui.Note{Kind: "info", Title: web.T(r, "queue.erased"), Body: web.T(r, "queue.erased.text", "day", i18n.Date(web.Lang(r), d.Erased))}
	}
	p.head(r, page, &d, title)
	if err := p.near(r, page); err != nil {
		return nil, err
	}
	if d.Body != nil {
		page.Body = bodyOf(r, d.Body)
	} else if access.Allowed(web.Actor(r), "sealed.read") {
		page.Unseal = &unsealForm{Reason: f.Field("why", "queue.unseal.why"), Code: codeField(r, f), Key: byPasskey}
	}
	for _, x := range d.Files {
		name := x.Name
		if name == "" {
			name = web.T(r, "queue.file.sealed")
		}
		v := fileView{Name: name, ID: x.ID, Size: x.Size}
		if !d.Sealed {
			v.Href = "/console/reports/" + d.Number + "/files/" + x.ID
		}
		page.Files = append(page.Files, v)
	}
	p.talk(r, page, &d, f)
	if d.Reporter != nil {
		page.Reporter = &reporterView{Reason: f.Field("why", "queue.unseal.why"), Code: codeField(r, f), Key: byPasskey, Email: d.Reporter.Email, Phone: d.Reporter.Phone}
		page.Reporter.Reason.ID, page.Reporter.Code.ID = "reporter-why", "reporter-code"
	}
	if err := p.around(r, page, &d); err != nil {
		return nil, err
	}
	if access.Allowed(web.Actor(r), "intake.triage") {
		page.Triage = p.triage(r, f, &d.Report)
		page.Decide = decide(r, f, &d.Report, title)
		certs, err := p.s.OtherCERTs(r.Context(), web.Actor(r))
		if err != nil {
			return nil, err
		}
		page.Decide.To.Type = "select"
		for _, c := range certs {
			page.Decide.To.Options = append(page.Decide.To.Options, ui.Option{Value: c.UUID, Label: c.Name})
		}
	}
	return page, nil
}

// byPasskey asks for the nonce that a passkey signs instead of a code.
var byPasskey = ui.ByPasskey{Start: "/console/unsealing/nonce"}

func codeField(r *http.Request, f *web.Form) ui.Field {
	c := f.Field("code", "queue.unseal.code")
	c.InputMode, c.Autocomplete, c.Width, c.Hint = "numeric", "one-time-code", "short", web.T(r, "queue.unseal.code.hint")
	return c
}

func (p *pages) head(r *http.Request, page *showPage, d *intake.Details, title string) {
	h := ui.Header{Number: d.Number, Marks: []any{stateOf(r, d.State), ui.Severity{Level: d.Severity, Pill: true}, ui.TLP(d.TLP), ui.PAP(d.PAP)}, Title: title,
		Sub: []any{web.T(r, "queue.channel."+string(d.Channel)), d.Received}}
	if d.OrgName != "" {
		h.Sub = append([]any{d.OrgName}, h.Sub...)
	}
	if d.State.Open() {
		h.Clocks = append(h.Clocks, ui.LabelledClock{Label: web.T(r, "queue.clock.triage"), Clock: ui.Clock{Start: d.Received, Due: d.TriageDue, Done: d.Triaged, Until: true}})
	}
	h.Clocks = append(h.Clocks, ui.LabelledClock{Label: web.T(r, "queue.clock.answer"), Clock: ui.Clock{Start: d.Received, Due: d.AnswerDue, Done: d.Answered, Until: true}})
	page.Header = h
	page.Facts.Items = []ui.Fact{{Label: web.T(r, "queue.type"), Value: web.T(r, "queue.type."+string(d.Type))}, {Label: web.T(r, "queue.class"), Value: words(r, d.RSIT, p.s.Book().RSITLabel)}, {Label: web.T(r, "queue.national"), Value: words(r, d.National, p.s.Book().NationalLabel)},
		{Label: web.T(r, "queue.org"), Value: d.OrgName, Sub: orgBy(r, d.OrgBy)}, {Label: web.T(r, "queue.sector"), Value: p.s.Book().Sectors.Label(d.Sector, web.Lang(r))}, {Label: web.T(r, "queue.assignee"), Value: d.AssigneeName}}
	if d.CaseNumber != "" {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, "queue.case"), Value: ui.Tag{Word: d.CaseNumber, Href: "/console/cases/" + d.CaseNumber, Mono: true}})
	}
	if d.Duplicate != nil {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, "queue.of"), Value: ui.Tag{Word: d.Duplicate.Number, Href: "/console/reports/" + d.Duplicate.Number, Mono: true}})
	}
	if d.Reason == "@withdrawn" {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, "queue.reason"), Value: web.T(r, "queue.withdrawn"), Wide: true})
	} else if d.Reason != "" {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, "queue.reason"), Value: d.Reason, Wide: true})
	}
}

func orgBy(r *http.Request, by string) string {
	if by == "" {
		return ""
	}
	return web.T(r, "queue.orgby."+by)
}

func words(r *http.Request, codes []string, label func(string) i18n.Text) string {
	var out []string
	for _, c := range codes {
		out = append(out, label(c).In(web.Lang(r)))
	}
	return strings.Join(out, ", ")
}

func bodyOf(r *http.Request, b *intake.Body) *bodyView {
	v := &bodyView{Description: strings.Split(strings.TrimSpace(b.Description), "\n")}
	v.Facts.Items = []ui.Fact{{Label: web.T(r, "queue.when"), Value: b.When}, {Label: web.T(r, "queue.where"), Value: b.Where}, {Label: web.T(r, "queue.org"), Value: b.OrgName}}
	return v
}

func (p *pages) talk(r *http.Request, page *showPage, d *intake.Details, f *web.Form) {
	for _, m := range d.Messages {
		x := ui.Message{Kind: ui.FromThem, Who: web.T(r, "queue.reporter"), At: m.At, Body: m.Body}
		if m.FromUs {
			x.Kind, x.Who = ui.FromUs, m.Author
		}
		if m.Sealed && m.Body == "" {
			x.Body = web.T(r, "queue.message.sealed")
		}
		page.Messages, page.messageIDs = append(page.Messages, x), append(page.messageIDs, m.UUID)
	}
	if access.Allowed(web.Actor(r), "intake.triage") && d.From == 0 && d.Erased.IsZero() {
		c := f.Field("text", "queue.message")
		c.Type, c.Rows, c.Hint = "textarea", 4, web.T(r, "queue.message.hint")
		page.Compose = &c
		page.Attach = f.Field("files", "queue.message.files")
		page.Attach.Type, page.Attach.Multiple, page.Attach.Optional, page.Attach.Value = "file", true, true, ""
	}
}

// around adds what stands beside a report: similar ones and what was done to it.
func (p *pages) around(r *http.Request, page *showPage, d *intake.Details) error {
	similar, err := p.s.Similar(r.Context(), web.Actor(r), d.UUID)
	if err != nil {
		return err
	}
	for _, l := range similar {
		var by []any
		by = append(by, l.Report.Number)
		for _, b := range l.By {
			by = append(by, web.T(r, "queue.by."+b))
		}
		page.Similar = append(page.Similar, ui.Name{Text: p.titleOf(r, &l.Report), Href: "/console/reports/" + l.Report.Number, Sub: by})
	}
	acts, err := p.s.History(r.Context(), web.Actor(r), d.UUID)
	for _, a := range acts {
		page.History = append(page.History, historyRow{Word: web.T(r, "queue.did."+a.Verb), Author: a.Author, At: a.At, Undone: a.Undone})
	}
	return err
}

func (p *pages) triage(r *http.Request, f *web.Form, x *intake.Report) *triageForm {
	pick := func(name, label, value string, opts []ui.Option) ui.Field {
		fd := f.Field(name, label)
		if fd.Value == "" {
			fd.Value = value
		}
		fd.Type, fd.Options = "select", opts
		return fd
	}
	first := func(list []string) string {
		if len(list) == 0 {
			return ""
		}
		return list[0]
	}
	l := web.Lang(r)
	none := ui.Option{Label: "–"}
	rsit, national := []ui.Option{none}, []ui.Option{none}
	for _, c := range p.s.Book().Classes {
		rsit = append(rsit, ui.Option{Value: c.Value, Label: c.Label.In(l)})
		for _, t := range c.Types {
			rsit = append(rsit, ui.Option{Value: c.Value + "/" + t.Value, Label: c.Label.In(l) + " / " + t.Label.In(l)})
		}
	}
	for _, n := range p.s.Book().National {
		national = append(national, ui.Option{Value: n.Value, Label: n.Label.In(l)})
	}
	t := &triageForm{Type: pick("type", "queue.type", string(x.Type), web.Words(r, "queue.type.", "incident", "near_miss", "threat", "vulnerability", "question")),
		RSIT: pick("rsit", "queue.class", first(x.RSIT), rsit), National: pick("national", "queue.national", first(x.National), national),
		Severity: pick("severity", "queue.severity.override", override(x), append([]ui.Option{{Label: web.T(r, "queue.severity.computed")}}, web.Words(r, "ui.severity.", intake.Severities...)...)),
		Why:      f.Field("why", "queue.severity.why"), TLP: pick("tlp", "queue.tlp", x.TLP, labels("TLP:", intake.TLPs)), PAP: pick("pap", "queue.pap", x.PAP, labels("PAP:", intake.PAPs)), Org: f.Field("org", "queue.org")}
	t.Why.Optional, t.Org.Optional = true, true
	if t.Why.Value == "" {
		t.Why.Value = x.SeverityReason
	}
	if t.Org.Value == "" {
		t.Org.Value = x.OrgName
	}
	if x.Computed != "" {
		t.Computed = web.T(r, "ui.severity."+x.Computed)
	}
	for _, fact := range p.s.Book().Facts {
		opts := []ui.Option{none}
		for _, o := range fact.Options {
			opts = append(opts, ui.Option{Value: o.Value, Label: o.Label.In(l)})
		}
		fd := pick("fact."+fact.Name, "queue.type", x.Facts[fact.Name], opts)
		fd.Label = fact.Label.In(l)
		t.Facts = append(t.Facts, fd)
	}
	return t
}

func override(x *intake.Report) string {
	if x.SeverityReason != "" {
		return x.Severity
	}
	return ""
}

func labels(prefix string, values []string) (out []ui.Option) {
	for _, v := range values {
		out = append(out, ui.Option{Value: v, Label: prefix + v})
	}
	return out
}

func decide(r *http.Request, f *web.Form, x *intake.Report, title string) *decideForm {
	d := &decideForm{Open: x.State.Open(), Case: x.Type != intake.Question, Title: f.Field("title", "queue.accept.title"), Summary: f.Field("summary", "queue.accept.summary"), Into: f.Field("into", "queue.accept.into"),
		Reason: f.Field("reason", "queue.reject.reason"), Of: f.Field("of", "queue.duplicate.of"), To: f.Field("to", "queue.handover.to"), Note: f.Field("note", "queue.handover.note")}
	if d.Title.Value == "" && !x.Sealed {
		d.Title.Value = title
	}
	d.Summary.Type, d.Summary.Rows, d.Summary.Optional = "textarea", 4, true
	d.Summary.Hint = web.T(r, "queue.accept.summary.hint")
	d.Into.Optional, d.Into.Hint, d.Into.Placeholder = true, web.T(r, "queue.accept.into.hint"), "S-2026-000001"
	d.Of.Placeholder = "P-2026-000001"
	d.Reason.Type, d.Reason.Rows, d.Note.Type, d.Note.Rows = "textarea", 2, "textarea", 2
	return d
}

// file sends a plain attachment as a download: inside an archive under the password
// "infected", because what people report is often just that.
func (p *pages) file(w http.ResponseWriter, r *http.Request) error {
	f, body, err := p.s.OpenFile(r.Context(), web.Actor(r), r.PathValue("number"), r.PathValue("file"))
	if err != nil {
		return err
	}
	defer body.Close()
	web.Download(w, f.ID+".zip")
	w.Header().Set("Content-Type", "application/zip")
	z := zipcrypto.NewWriter(w, "infected", rand.Reader)
	out, err := z.Create(f.Name, web.Now(r))
	if err == nil {
		_, err = io.Copy(out, body)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		panic(http.ErrAbortHandler) // half an archive must not look whole
	}
	return nil
}

// sealedFile sends a sealed attachment as the unsealing process gives it.
func (p *pages) sealedFile(w http.ResponseWriter, r *http.Request) error {
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
	web.Download(w, "prilog.zip")
	w.Header().Set("Content-Type", "application/zip")
	out := &begun{w: w}
	err = p.s.UnsealFile(r.Context(), web.Actor(r), r.PathValue("number"), r.PathValue("file"), session, why, out)
	if err != nil && out.n > 0 {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		w.Header().Del("Content-Disposition")
	}
	return err
}

// begun counts what has left already.
type begun struct {
	w io.Writer
	n int
}

func (b *begun) Write(p []byte) (int, error) { b.n += len(p); return b.w.Write(p) }
