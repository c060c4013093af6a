package registryweb

import (
	"net/http"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
)

// askedPage stands behind the link of a letter that asks whether contact points are
// right. It needs no account: the link is the key. Reading it changes nothing.
type askedPage struct {
	web.Page
	Lead    string
	Points  []askedPoint
	Confirm *ui.Button // nil when nothing is left to confirm
	Until   time.Time
	Which   *ui.Field // which contact is wrong, when there are several
	Only    string    // the one contact, else ""
	Body    ui.Field
	Wrong   bool // whether something can still be said to be wrong
}

type askedPoint struct {
	Organisation string
	Facts        ui.Facts
	Mark         any
}

func (p *pages) askedPage(r *http.Request, a registry.Asking, f *web.Form) *askedPage {
	lists, l := p.s.Lists(r.Context(), web.Actor(r)), web.Lang(r)
	page := &askedPage{Page: web.NewPage(r, web.ShellReport, web.T(r, "registry.asked")), Lead: web.T(r, "registry.asked.lead"), Until: a.Ends,
		Body: f.Field("body", "registry.asked.body")}
	page.Noindex = true
	page.Body.Type, page.Body.Rows, page.Body.Keep = "textarea", 4, true
	which := f.Field("contact", "registry.asked.which")
	for _, x := range a.Points {
		c := x.Contact
		row := askedPoint{Organisation: x.Organisation, Facts: ui.Facts{Items: []ui.Fact{
			{Label: web.T(r, "registry.contact.kind"), Value: lists.Contacts.Label(c.Kind, l)}, {Label: web.T(r, "registry.contact.name"), Value: c.Name},
			{Label: web.T(r, "registry.contact.job"), Value: c.Job}, {Label: web.T(r, "registry.contact.phone"), Value: machine(c.Phone)},
			{Label: web.T(r, "registry.contact.email"), Value: machine(c.Email)}, {Label: web.T(r, "registry.contact.hours"), Value: c.Hours}}}}
		switch x.Answer {
		case registry.Right:
			row.Mark = ui.State{Kind: ui.StateDone, Word: web.T(r, "registry.asked.right")}
		case registry.Wrong:
			row.Mark = ui.State{Kind: ui.StateWaiting, Word: web.T(r, "registry.asked.wrong")}
		}
		if x.Answer != registry.Wrong {
			page.Wrong = true
			page.Only = c.UUID
			which.Options = append(which.Options, ui.Option{Value: c.UUID, Label: x.Organisation + ": " + lists.Contacts.Label(c.Kind, l)})
		}
		page.Points = append(page.Points, row)
	}
	if len(which.Options) > 1 {
		which.Type, page.Which, page.Only = "select", &which, ""
	}
	if a.Open() {
		page.Confirm = &ui.Button{Label: web.T(r, "registry.asked.confirm"), Icon: "check", Name: "answer", Value: "right"}
	} else {
		page.Lead = web.T(r, "registry.asked.thanks")
	}
	return page
}

// machine is nil for nothing: a fact without a value is left out.
func machine(s string) any {
	if s == "" {
		return nil
	}
	return ui.Machine(s)
}

func (p *pages) asked(w http.ResponseWriter, r *http.Request) error {
	a, err := p.s.Asking(r.Context(), web.Actor(r), r.PathValue("token"))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "private, no-store")
	return p.t.Render(w, r, "asked", p.askedPage(r, a, web.NewForm(r, nil)))
}

// answerAsked takes either answer: everything is right, or this is wrong.
func (p *pages) answerAsked(w http.ResponseWriter, r *http.Request) error {
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	token, done := r.PathValue("token"), "registry.asked.done.right"
	if f.Text("answer", 10) == registry.Right {
		err = p.s.ConfirmAsked(r.Context(), web.Actor(r), token)
	} else {
		done = "registry.asked.done.wrong"
		err = p.s.RefuteAsked(r.Context(), web.Actor(r), token, f.Text("contact", 40), f.Text("body", 10_000))
	}
	if f.Fail(err) {
		a, err := p.s.Asking(r.Context(), web.Actor(r), token)
		if err != nil {
			return err
		}
		page := p.askedPage(r, a, f)
		page.Errors = f.Summary("contact", "body")
		return p.t.Invalid(w, r, "asked", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(web.Path(r, "/contact-points/"+token), web.Done(done))
}

// remarkRow is one thing that somebody behind a letter said is wrong.
type remarkRow struct {
	Contact string
	Body    string
	At      time.Time
	Settled time.Time
	Act     *ui.Button // settle or reopen; nil for who may not
}

// remarks are shown on the organisation's page and in its portal; none without the
// details.
func (p *pages) remarks(r *http.Request, at place) (rows []remarkRow, err error) {
	list, err := p.s.Remarks(r.Context(), web.Actor(r), at.org.UUID)
	for _, x := range list {
		row := remarkRow{Contact: x.Contact, Body: x.Body, At: x.At, Settled: x.Settled}
		if mayKeep(r, at.org) {
			act, icon := "settle", "check"
			if !x.Settled.IsZero() {
				act, icon = "reopen", "arrow-back-up"
			}
			row.Act = &ui.Button{Label: web.T(r, "registry.remark."+act), Icon: icon, Form: "remark-acts", Action: at.home + "/remarks/" + x.UUID + "/" + act, Variant: "secondary", Small: true}
		}
		rows = append(rows, row)
	}
	return rows, err
}

func (p *pages) settleRemark(open bool) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		at, err := p.orgOf(r)
		if err != nil {
			return err
		}
		part := r.PathValue("part")
		if err := p.s.SettleRemark(r.Context(), web.Actor(r), at.org.UUID, part, open); err != nil {
			return err
		}
		if open {
			return web.Redirect(at.home, web.Done("registry.remark.done.reopen"))
		}
		return web.Redirect(at.home, web.Done("registry.remark.done.settle").WithUndo(at.home+"/remarks/"+part+"/reopen"))
	}
}

// askContact is the team's button: the letter goes at once.
func (p *pages) askContact(w http.ResponseWriter, r *http.Request) error {
	at, err := p.placeOf(r)
	if err != nil {
		return err
	}
	_, err = p.s.AskContact(r.Context(), web.Actor(r), at.org.UUID, 0, r.PathValue("part"))
	if f := fault.Of(err); f != nil && (f.Kind == fault.Limited || f.Kind == fault.Conflict) && f.Key != "" {
		return web.Redirect(at.back, web.Done(f.Key)) // why not, where the button was
	}
	if err != nil {
		return err
	}
	return web.Redirect(at.back, web.Done("registry.done.asked"))
}
