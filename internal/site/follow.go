package site

import (
	"net/http"
	"strings"
	"time"

	"straza/internal/intake"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// followCookie holds the code while the person looks; half an hour at most.
const (
	followCookie = "followup"
	followFor    = 30 * time.Minute
)

type codePage struct {
	web.Page
	Code   ui.Field
	Action string
}

type followPage struct {
	web.Page
	Number   string
	State    ui.State
	Sentence string
	Reason   string
	Received time.Time
	Rounded  bool
	Moments  []step
	Messages []ui.Message
	Files    []ui.FileRef
	Waiting  bool
	Action   string
	Leave    string
	Text     ui.Field
	Upload   ui.Field
	Sent     bool
}

type step struct {
	Done bool
	Text string
	At   time.Time
	Due  time.Time
}

func (p *pages) codePage(r *http.Request, f *web.Form) *codePage {
	page := &codePage{Page: web.NewPage(r, web.ShellReport, web.T(r, "site.follow.title")), Action: web.Path(r, "/follow-up")}
	page.Code = f.Field("code", "site.follow.code")
	page.Code.Hint, page.Code.InputMode, page.Code.Autocomplete, page.Code.Mono = web.T(r, "site.follow.hint"), "numeric", "off", true
	page.Errors = f.Summary("code")
	return page
}

func (p *pages) askCode(w http.ResponseWriter, r *http.Request) error {
	return p.t.Render(w, r, "code", p.codePage(r, web.NewForm(r, nil)))
}

// enterCode checks the code and keeps it with the browser, never in the address.
func (p *pages) enterCode(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	code := f.Text("code", 400)
	_, err = p.s.Follow(r.Context(), web.Actor(r), code)
	if f.Fail(err) {
		return p.t.Invalid(w, r, "code", p.codePage(r, f))
	}
	if err != nil {
		return err
	}
	web.SetCookie(w, r, followCookie, strings.Join(strings.FieldsFunc(code, func(c rune) bool { return c < '0' || c > '9' }), ""), followFor)
	return web.Redirect(web.Path(r, "/follow-up/report"), nil)
}

func (p *pages) follow(w http.ResponseWriter, r *http.Request) error {
	f, err := p.s.Follow(r.Context(), web.Actor(r), web.Cookie(r, followCookie))
	if fault.Is(err, fault.Invalid) {
		return web.Redirect(web.Path(r, "/follow-up"), nil)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return p.t.Render(w, r, "follow", p.followPage(r, f, web.NewForm(r, nil)))
}

var rings = map[intake.State]string{intake.Incoming: ui.StateNew, intake.Acknowledged: ui.StateNew, intake.Accepted: ui.StateWorking,
	intake.Rejected: ui.StateRefused, intake.HandedOver: ui.StateDone, intake.Duplicate: ui.StateDone}

func (p *pages) followPage(r *http.Request, f intake.FollowUp, posted *web.Form) *followPage {
	page := &followPage{Page: web.NewPage(r, web.ShellReport, web.T(r, "site.follow.report", "number", f.Number)), Number: f.Number, Received: f.Received,
		Rounded: f.Anonymous, Waiting: f.Waiting, Action: web.Path(r, "/follow-up/report"), Leave: web.Path(r, "/follow-up/leave")}
	page.Noindex = true
	state := string(f.State)
	page.State = ui.State{Kind: rings[f.State], Word: web.T(r, "site.state."+state)}
	page.Sentence = web.T(r, "site.state."+state+".text")
	if f.State == intake.Rejected && !strings.HasPrefix(f.Reason, "@") {
		page.Reason = f.Reason
	}
	page.Moments = []step{{Done: true, Text: web.T(r, "site.follow.received"), At: f.Received},
		{Done: !f.Triaged.IsZero(), Text: web.T(r, "site.follow.triaged"), At: f.Triaged, Due: f.TriageBy},
		{Done: !f.Answered.IsZero(), Text: web.T(r, "site.follow.answered"), At: f.Answered, Due: f.AnswerBy}}
	for _, m := range f.Messages {
		x := ui.Message{Kind: ui.FromUs, Who: web.T(r, "site.follow.you"), At: m.At, Body: m.Body}
		if m.FromUs {
			x.Kind, x.Who = ui.FromThem, web.T(r, "site.follow.officer")
			if m.Question {
				x.Note = web.T(r, "site.follow.question")
			}
		}
		for _, y := range m.Files {
			x.Files = append(x.Files, ui.FileRef{Name: y.Name, Size: y.Size, Href: web.Path(r, "/follow-up/files/"+y.ID)})
		}
		page.Messages = append(page.Messages, x)
	}
	for _, x := range f.Files {
		page.Files = append(page.Files, ui.FileRef{Name: x.Name, Size: x.Size, Href: web.Path(r, "/follow-up/files/"+x.ID)})
	}
	page.Text = posted.Field("text", "site.follow.text")
	page.Text.Type, page.Text.Keep, page.Text.Rows = "textarea", true, 5
	page.Upload = posted.Field("files", "site.follow.file")
	page.Upload.Type, page.Upload.Multiple, page.Upload.Optional, page.Upload.Hint = "file", true, true, p.filesHint(r)
	page.Errors = posted.Summary("text", "files")
	return page
}

// reply takes the reporter's answer and files.
func (p *pages) reply(w http.ResponseWriter, r *http.Request) error {
	code, who := web.Cookie(r, followCookie), web.Actor(r)
	a := &intake.Answer{}
	var refused error
	f, err := web.ReadUpload(r, web.UploadLimits{Files: 50, Bytes: 1 << 30}, func(_ *web.Form, u web.Upload) error {
		err := p.s.AttachAnswer(r.Context(), who, code, a, u.Name, u.Type, u.Reader)
		if pr, ok := problemOf(err, "files"); ok {
			refused = fault.Field("files", pr.Key, "a file was refused")
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	if a.Text = f.Text("text", 10000); refused == nil {
		refused = p.s.Reply(r.Context(), who, code, a)
	}
	if e := fault.Of(refused); e != nil && e.Fields["code"] != "" {
		return web.Redirect(web.Path(r, "/follow-up"), nil)
	}
	if f.Fail(refused) {
		again, err := p.s.Follow(r.Context(), who, code)
		if err != nil {
			return err
		}
		return p.t.Invalid(w, r, "follow", p.followPage(r, again, f))
	}
	if refused != nil {
		return refused
	}
	return web.Redirect(web.Path(r, "/follow-up/report"), web.Done("site.follow.sent"))
}

// file sends a file of the code's report back: never inline, always a download.
func (p *pages) file(w http.ResponseWriter, r *http.Request) error {
	f, body, err := p.s.FollowFile(r.Context(), web.Actor(r), web.Cookie(r, followCookie), r.PathValue("id"))
	if fault.Is(err, fault.Invalid) {
		return web.Redirect(web.Path(r, "/follow-up"), nil)
	}
	if err != nil {
		return err
	}
	return web.SendFile(w, f.Name, body)
}

func (p *pages) leaveFollow(w http.ResponseWriter, r *http.Request) error {
	web.SetCookie(w, r, followCookie, "", 0)
	return web.Redirect(web.Path(r, "/"), nil)
}
