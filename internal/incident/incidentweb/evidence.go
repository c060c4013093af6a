package incidentweb

import (
	"io"
	"net/http"
	"time"

	"straza/internal/incident"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

func micros(us int64) time.Time { return clock.FromMicros(us) }

// addEvidence seals the file as it arrives; the text fields stand before it.
func (p *pages) addEvidence(w http.ResponseWriter, r *http.Request) error {
	var d incident.Done
	got := 0
	f, err := web.ReadUpload(r, web.UploadLimits{Files: 10}, func(f *web.Form, u web.Upload) (err error) {
		got++
		d, err = p.s.AddEvidence(r.Context(), web.Actor(r), r.PathValue("number"), u.Name, f.Text("about", 1000), u)
		return err
	})
	if err != nil && (f == nil || !f.Fail(err)) {
		return err
	}
	if got == 0 {
		f.Add("file", "incident.fault.nofile")
	}
	if f.Fail(err) {
		page, perr := p.casePage(r, f)
		if perr != nil {
			return perr
		}
		page.Errors = f.Summary()
		return p.t.Invalid(w, r, "case", page)
	}
	return done(d, "incident.done.evidence")
}

// opened begins the download with the first byte, so that a refusal can still be
// an answer of its own.
type opened struct {
	w     http.ResponseWriter
	name  string
	begun bool
}

func (o *opened) Write(b []byte) (int, error) {
	if !o.begun {
		o.begun = true
		o.w.Header().Set("Content-Type", "application/zip")
		o.w.Header().Set("Cache-Control", "private, no-store")
		web.Download(o.w, o.name)
	}
	return o.w.Write(b)
}

// openEvidence proves the person to the unsealing process and passes its archive on.
func (p *pages) openEvidence(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	proof, reason := f.Proof("code"), f.Needed("reason", 500)
	out := &opened{w: w, name: "evidence-" + r.PathValue("uuid") + ".zip"}
	if !f.Fail(nil) {
		var session string
		if session, err = p.s.Prove(r.Context(), web.Actor(r), proof); err == nil {
			err = p.s.OpenEvidence(r.Context(), web.Actor(r), r.PathValue("number"), r.PathValue("uuid"), session, reason, out)
		}
	}
	if err == nil && out.begun {
		return nil
	}
	if out.begun {
		web.Broken(err)
	}
	if f.Fail(err) {
		page, perr := p.casePage(r, f)
		if perr != nil {
			return perr
		}
		page.Errors = &ui.ErrorSummary{Items: []ui.ErrorItem{{Field: "code-" + r.PathValue("uuid"), Text: web.T(r, "incident.evidence.refused")}}}
		return p.t.Invalid(w, r, "case", page)
	}
	return err
}

// file passes an attachment of a letter on: never inline, always a download.
func (p *pages) file(w http.ResponseWriter, r *http.Request) error {
	name, _, body, err := p.s.File(r.Context(), web.Actor(r), r.PathValue("number"), r.PathValue("uuid"))
	if err != nil {
		return err
	}
	return web.SendFile(w, name, body)
}

// letterFile gives the party a file of its thread, behind the link.
func (p *pages) letterFile(w http.ResponseWriter, r *http.Request) error {
	name, body, err := p.s.FileByToken(r.Context(), web.Actor(r), r.PathValue("token"), r.PathValue("uuid"))
	if err != nil {
		return err
	}
	return web.SendFile(w, name, body)
}

// letterPage is what an outside party sees behind its link.
type letterPage struct {
	web.Page
	Number   string
	Subject  string
	Deadline *ui.Clock
	Messages []ui.Message
	Body     ui.Field
	Files    ui.Field
	Done     bool
}

func (p *pages) letter(w http.ResponseWriter, r *http.Request) error {
	l, err := p.s.ByToken(r.Context(), web.Actor(r), r.PathValue("token"))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, no-store")
	return p.t.Render(w, r, "letter", p.letterPage(r, l, web.NewForm(r, nil)))
}

func (p *pages) letterPage(r *http.Request, l incident.Letter, f *web.Form) *letterPage {
	page := &letterPage{Page: web.NewPage(r, web.ShellReport, l.Subject), Number: l.Number, Subject: l.Subject, Done: l.State == incident.PartyDone,
		Body: f.Field("body", "incident.answer.body"), Files: ui.Field{Name: "files", Type: "file", Multiple: true, Optional: true, Label: web.T(r, "incident.answer.files")}}
	page.Noindex, page.Print = true, "TLP:"+l.TLP
	page.Body.Type, page.Body.Rows, page.Body.Keep = "textarea", 5, true
	if l.Deadline > 0 && l.State != incident.PartyDone {
		page.Deadline = &ui.Clock{Due: micros(l.Deadline), Until: true}
	}
	for _, m := range l.Messages {
		row := message(r, m, func(uuid string) string {
			return web.Path(r, "/thread/"+r.PathValue("token")+"/files/"+uuid)
		})
		if row.Kind == ui.FromUs {
			row.Who = page.Site.Owner
		}
		page.Messages = append(page.Messages, row)
	}
	return page
}

// answer takes the party's answer; files are kept as they come.
func (p *pages) answer(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	l, err := p.s.ByToken(r.Context(), web.Actor(r), token)
	if err != nil {
		return err
	}
	files := map[string]io.Reader{}
	f, err := web.ReadUpload(r, web.UploadLimits{Files: 5, Bytes: 10 << 20}, func(_ *web.Form, u web.Upload) error { return keepSmall(files, u) })
	if err != nil {
		return err
	}
	body := f.Text("body", 20_000)
	if !f.Fail(nil) {
		err = p.s.AnswerByToken(r.Context(), web.Actor(r), token, body, files)
	}
	if f.Fail(err) {
		page := p.letterPage(r, l, f)
		page.Errors = f.Summary("body")
		return p.t.Invalid(w, r, "letter", page)
	}
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return err
		}
		return err
	}
	return web.Redirect(web.Path(r, "/thread/"+token), web.Done("incident.done.answer"))
}

type evidenceRow struct {
	UUID    string
	Label   string
	Name    string
	About   string
	Size    int64
	SHA256  string
	Custody []custodyRow
	Open    []ui.Field
	Key     ui.ByPasskey
	Hand    ui.Field
	Gone    bool
}

type custodyRow struct {
	At     time.Time
	Who    string
	Act    string
	Detail string
}

// proofs is the evidence with its chain of custody.
func (p *pages) proofs(r *http.Request, page *casePage, x *incident.File, f *web.Form) {
	page.Extra = append(page.Extra, "passkey.js")
	for _, v := range x.Evidence {
		row := evidenceRow{UUID: v.UUID, Label: v.Label, Name: v.Name, About: v.About, Size: v.Size, SHA256: v.SHA256, Gone: v.Gone}
		for _, k := range v.Custody {
			row.Custody = append(row.Custody, custodyRow{clock.FromMicros(k.At), k.Author, web.T(r, "incident.custody."+k.Act), k.Detail})
		}
		code, why := f.Field("code", "incident.evidence.code"), f.Field("reason", "incident.evidence.why")
		code.ID, why.ID = "code-"+v.UUID, "reason-"+v.UUID
		code.InputMode, code.Autocomplete, code.Width = "numeric", "one-time-code", "short"
		row.Open, row.Key = []ui.Field{code, why}, ui.ByPasskey{Start: "/console/unsealing/nonce"}
		row.Hand = f.Field("custody_to", "incident.evidence.to")
		row.Hand.ID = "to-" + v.UUID
		page.Evidence = append(page.Evidence, row)
	}
	file, about := ui.Field{Name: "file", ID: "evidence-file", Type: "file", Label: web.T(r, "incident.evidence.file")}, f.Field("about", "incident.evidence.about")
	file.Error, about.Optional = f.Error("file"), true
	page.File = []ui.Field{about, file}
}
