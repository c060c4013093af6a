package portal

import (
	"net/http"
	"time"

	"straza/internal/intake"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type reportsPage struct {
	web.Page
	Header ui.Header
	Table  ui.Table
	Pages  *ui.Pagination
}

type reportRow struct {
	Href, Number, Title string
	At                  time.Time
	State               ui.State
	Clock               ui.Clock
	Running             bool
}

// stateKinds are the rings of a report's states as its sender sees them.
var stateKinds = map[intake.State]string{intake.Incoming: ui.StateNew, intake.Acknowledged: ui.StateAck, intake.Accepted: ui.StateWorking,
	intake.Rejected: ui.StateRefused, intake.HandedOver: ui.StateWorking, intake.Duplicate: ui.StateDone}

func stateOf(r *http.Request, x intake.Report) ui.State {
	return ui.State{Kind: stateKinds[x.State], Word: web.T(r, "portal.state."+string(x.State))}
}

func rowOf(r *http.Request, x intake.Report) reportRow {
	return reportRow{Href: "/portal/reports/" + x.UUID, Number: x.Number, Title: titleOf(r, x), At: x.Received, State: stateOf(r, x),
		Clock: ui.Clock{Start: x.Received, Due: x.AnswerDue, Done: x.Answered}, Running: x.Answered.IsZero() && x.State.Open()}
}

func titleOf(r *http.Request, x intake.Report) string {
	if x.Title != "" {
		return x.Title
	}
	return web.T(r, "portal.report.untitled")
}

func (p *pages) reports(w http.ResponseWriter, r *http.Request) error {
	f := web.ReadFilters(r)
	list, next, err := p.d.Intake.List(r.Context(), web.Actor(r), intake.Filter{}, intake.Page{Cursor: f.Cursor(), Limit: 50})
	if err != nil {
		return err
	}
	page := &reportsPage{Page: newPage(r, "nav.reports"), Pages: f.Pages(len(list), 0, next)}
	act := ui.Button{Label: web.T(r, "portal.report.new"), Icon: "message-report", Href: "/portal/reports/new"}
	page.Header = ui.Header{Title: web.T(r, "portal.reports"), Sub: []any{web.T(r, "portal.reports.lead")}}
	page.Table = ui.Table{Caption: web.T(r, "portal.reports"), Columns: []ui.Column{{Label: web.T(r, "portal.report")}, {Label: web.T(r, "portal.report.state"), Width: "mark"},
		{Label: web.T(r, "portal.report.answer"), Width: "clock", Drop: 2}, {Label: web.T(r, "portal.report.received"), Width: "narrow", Drop: 1}},
		Empty: &ui.Empty{Icon: "message-report", Title: web.T(r, "portal.reports.empty"), Text: web.T(r, "portal.reports.empty.text"), Acts: []ui.Button{act}}}
	for _, x := range list {
		row := rowOf(r, x)
		var clock any = ""
		if row.Running || !x.Answered.IsZero() {
			clock = row.Clock
		}
		page.Table.Rows = append(page.Table.Rows, ui.Row{Href: row.Href, Cells: []any{ui.Name{Text: row.Title, Href: row.Href, Sub: []any{row.Number}}, row.State, clock, x.Received}})
	}
	if len(list) > 0 {
		page.Header.Acts = []ui.Button{act}
	}
	return p.t.Render(w, r, "reports", page)
}

type reportPage struct {
	web.Page
	Header   ui.Header
	Track    *ui.Track
	Reason   *ui.Note
	Said     string
	Facts    ui.Facts
	Files    []ui.FileRef
	Messages []ui.Message
	Waiting  bool
	Answer   *ui.Field
	Attach   ui.Field
	Action   string
	Sees     string
}

func (p *pages) report(w http.ResponseWriter, r *http.Request) error {
	page, err := p.reportPage(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "report", page)
}

func (p *pages) reportPage(r *http.Request, f *web.Form) (*reportPage, error) {
	d, err := p.d.Intake.Read(r.Context(), web.Actor(r), r.PathValue("uuid"))
	if err != nil {
		return nil, err
	}
	o, err := p.d.Registry.Own(r.Context(), web.Actor(r))
	if err != nil {
		return nil, err
	}
	page := &reportPage{Page: newPage(r, "nav.reports"), Track: reportTrack(r, d.Report), Action: "/portal/reports/" + d.UUID + "/answer",
		Sees: web.T(r, "portal.sees.reports", "cert", o.CERTName)}
	page.Title = d.Number
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "nav.reports"), Href: "/portal/reports"}, {Label: d.Number}}
	page.Header = ui.Header{Number: d.Number, Marks: []any{stateOf(r, d.Report)}, Title: titleOf(r, d.Report)}
	if d.State == intake.Rejected && d.Reason != "" {
		page.Reason = &ui.Note{Kind: "info", Title: web.T(r, "portal.report.reason"), Body: d.Reason}
	}
	p.fill(r, page, d, o.CERTName)
	if !d.Sealed {
		field := f.Field("text", "portal.answer")
		field.Type, field.Rows, field.MaxLength, field.Keep = "textarea", 5, 10000, true
		field.Hint = web.T(r, "portal.answer.hint")
		page.Answer = &field
		page.Attach = attachField(r, f)
	}
	return page, nil
}

// fill puts in what was sent and said. Who of the team wrote is not told: the CERT
// speaks.
func (p *pages) fill(r *http.Request, page *reportPage, d intake.Details, cert string) {
	add := func(key string, v any) {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, key), Value: v})
	}
	add("portal.report.kind", p.whatLabel(r, d.What))
	if d.Body != nil {
		page.Said = d.Body.Description
		if t := web.NewForm(r, map[string][]string{"when": {d.Body.When}}).Time("when"); !t.IsZero() {
			add("portal.report.when", t)
		}
		add("portal.report.where", d.Body.Where)
		for _, x := range d.Body.Files {
			page.Files = append(page.Files, fileOf(d.UUID, x))
		}
	}
	add("portal.report.received", d.Received)
	for _, m := range d.Messages {
		if m.Sealed {
			continue
		}
		out := ui.Message{Kind: ui.FromThem, Who: m.Author, At: m.At, Body: m.Body}
		if m.FromUs { // from here "us" is the organisation
			out.Kind, out.Who = ui.FromThem, cert
		} else {
			out.Kind = ui.FromUs
			if out.Who == "" {
				out.Who = web.T(r, "portal.you")
			}
		}
		for _, x := range m.Files {
			out.Files = append(out.Files, fileOf(d.UUID, x))
		}
		page.Waiting = m.FromUs && (m.Question || page.Waiting)
		page.Messages = append(page.Messages, out)
	}
}

// fileOf is a file of a report with the way to download it again.
func fileOf(report string, x intake.File) ui.FileRef {
	return ui.FileRef{Name: x.Name, Size: x.Size, Href: "/portal/reports/" + report + "/files/" + x.ID}
}

// reportFile sends a file of a report that one's own organisation sent: always a
// download. Confidential reports open with the receipt code alone.
func (p *pages) reportFile(w http.ResponseWriter, r *http.Request) error {
	f, body, err := p.d.Intake.OpenFile(r.Context(), web.Actor(r), r.PathValue("uuid"), r.PathValue("file"))
	if err != nil {
		return err
	}
	return web.SendFile(w, f.Name, body)
}

// answerReport takes a text, files, or both; files are stored as they arrive.
func (p *pages) answerReport(w http.ResponseWriter, r *http.Request) error {
	uuid, a := r.PathValue("uuid"), &intake.Answer{}
	var refused error
	f, err := web.ReadUpload(r, web.UploadLimits{Files: 50, Bytes: 1 << 30}, func(_ *web.Form, u web.Upload) error {
		err := p.d.Intake.AttachOwn(r.Context(), web.Actor(r), uuid, a, u.Name, u.Type, u)
		if fault.Is(err, fault.Invalid) || fault.Is(err, fault.Limited) {
			refused = err
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if a.Text = f.Text("text", 10000); refused == nil {
		refused = p.d.Intake.ReplyOwn(r.Context(), web.Actor(r), uuid, a)
	}
	if e := fault.Of(refused); e != nil && e.Kind == fault.Limited { // a file too large, in words beside the field
		refused = fault.Field("files", e.Key, "a file was refused")
	}
	if f.Fail(refused) {
		page, err := p.reportPage(r, f)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("text", "files")
		return p.t.Invalid(w, r, "report", page)
	}
	if refused != nil {
		return refused
	}
	return web.Redirect("/portal/reports/"+uuid+"#messages", web.Done("portal.answer.done"))
}
