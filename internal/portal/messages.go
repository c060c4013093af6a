package portal

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"straza/internal/intake"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// messageRow is one conversation: about a report of ours, or a matter the CERT raised.
type messageRow struct {
	Href, Title, Number string
	At                  time.Time
	Waits               bool // for the organisation
	State               ui.State
}

type messagesPage struct {
	web.Page
	Header ui.Header
	Table  ui.Table
	Pages  *ui.Pagination
}

// messagesShown is how many conversations stand on one page.
const messagesShown = 50

// place is a conversation's in the list: when it last moved, and which it is.
type place struct {
	At   int64  `json:"a"`
	Href string `json:"h"`
}

func (x messageRow) place() place { return place{x.At.UnixMicro(), x.Href} }

// pageOf cuts the page behind a place out of rows in their order; next is the place to
// go on from, nil at the end.
func pageOf(rows []messageRow, after place) (page []messageRow, next *place) {
	if after != (place{}) {
		i := slices.IndexFunc(rows, func(x messageRow) bool {
			p := x.place()
			return p.At < after.At || p.At == after.At && p.Href > after.Href
		})
		if i < 0 {
			return nil, nil
		}
		rows = rows[i:]
	}
	if len(rows) > messagesShown {
		last := rows[messagesShown-1].place()
		return rows[:messagesShown], &last
	}
	return rows, nil
}

// messageRows are the newest conversations, at most n (0 = all), and how many of all
// of them wait for the organisation.
func (p *pages) messageRows(r *http.Request, talks []intake.Talk, ms []Matter, n int) (out []messageRow, waiting int) {
	for _, m := range ms {
		row := messageRow{Href: matterPath(m), Title: m.Subject, Number: m.Number, At: m.Updated, Waits: m.State == Theirs}
		row.State = map[string]ui.State{Theirs: {Kind: ui.StateWaiting, Word: web.T(r, "portal.message.yours")}, Ours: {Kind: ui.StateWorking, Word: web.T(r, "portal.message.ours")},
			Closed: {Kind: ui.StateDone, Word: web.T(r, "portal.message.done")}}[m.State]
		out = append(out, row)
	}
	for _, t := range talks {
		row := messageRow{Href: "/portal/reports/" + t.UUID + "#messages", Title: t.Title, Number: t.Number, At: t.At, Waits: t.Question}
		switch {
		case t.Question:
			row.State = ui.State{Kind: ui.StateWaiting, Word: web.T(r, "portal.message.yours")}
		case t.FromUs:
			row.State = ui.State{Kind: ui.StateDone, Word: web.T(r, "portal.message.told")}
		default:
			row.State = ui.State{Kind: ui.StateWorking, Word: web.T(r, "portal.message.ours")}
		}
		out = append(out, row)
	}
	slices.SortStableFunc(out, func(a, b messageRow) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Href, b.Href)) })
	for _, x := range out {
		if x.Waits {
			waiting++
		}
	}
	if n > 0 && len(out) > n {
		out = out[:n]
	}
	return out, waiting
}

func (p *pages) messages(w http.ResponseWriter, r *http.Request) error {
	f := web.ReadFilters(r)
	var after place
	if err := web.DecodeCursor(f.Cursor(), &after); err != nil {
		return err
	}
	talks, ms, err := p.conversations(r)
	if err != nil {
		return err
	}
	rows, waiting := p.messageRows(r, talks, ms, 0)
	page := &messagesPage{Page: newPage(r, "portal.messages"), Header: ui.Header{Title: web.T(r, "portal.messages"), Sub: []any{web.T(r, "portal.messages.waiting", "n", waiting)}}}
	page.Table = ui.Table{Caption: web.T(r, "portal.messages"), Columns: []ui.Column{{Label: web.T(r, "portal.message")}, {Label: web.T(r, "portal.report.state"), Width: "mark"},
		{Label: web.T(r, "portal.message.at"), Width: "narrow", Drop: 1}},
		Empty: &ui.Empty{Icon: "mail", Title: web.T(r, "portal.messages.empty"), Text: web.T(r, "portal.messages.empty.text")}}
	shown, next := pageOf(rows, after)
	to := ""
	if next != nil {
		to = web.EncodeCursor(*next)
	}
	page.Pages = f.Pages(len(shown), int64(len(rows)), to)
	for _, x := range shown {
		page.Table.Rows = append(page.Table.Rows, ui.Row{Href: x.Href, Cells: []any{ui.Name{Text: x.Title, Href: x.Href, Sub: []any{x.Number}}, x.State, x.At}})
	}
	return p.t.Render(w, r, "messages", page)
}

type matterPage struct {
	web.Page
	Header   ui.Header
	Clock    *ui.Clock
	Until    string
	TLP      string
	Messages []ui.Message
	Empty    *ui.Empty
	Answer   *ui.Field
	Attach   ui.Field
	Sees     string
}

func (p *pages) matter(w http.ResponseWriter, r *http.Request) error {
	page, err := p.matterPage(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "matter", page)
}

func (p *pages) matterPage(r *http.Request, f *web.Form) (*matterPage, error) {
	id := r.PathValue("uuid")
	m, words, err := p.d.Matters.Read(r.Context(), web.Actor(r), id)
	if err != nil {
		return nil, err
	}
	o, err := p.d.Registry.Own(r.Context(), web.Actor(r))
	if err != nil {
		return nil, err
	}
	rows, _ := p.messageRows(r, nil, []Matter{m}, 0)
	page := &matterPage{Page: newPage(r, "portal.messages"), TLP: m.TLP, Sees: web.T(r, "portal.sees.matter", "cert", o.CERTName)}
	page.Title = joined(m.Number, m.Subject)
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "portal.messages"), Href: "/portal/messages"}, {Label: m.Number}}
	page.Header = ui.Header{Number: m.Number, Marks: []any{rows[0].State, ui.TLP(m.TLP)}, Title: m.Subject}
	if !m.Deadline.IsZero() && m.State == Theirs {
		page.Clock, page.Until = &ui.Clock{Start: m.Created, Due: m.Deadline}, i18n.DateTime(web.Lang(r), m.Deadline)
	}
	for _, x := range words {
		out := ui.Message{Kind: ui.FromUs, Who: x.Author, At: x.At, Body: x.Body}
		if x.FromCERT {
			out.Kind, out.Who = ui.FromThem, o.CERTName
		} else if out.Who == "" {
			out.Who = web.T(r, "portal.you")
		}
		for _, y := range x.Files {
			out.Files = append(out.Files, ui.FileRef{Name: y.Name, Size: y.Size, Href: matterPath(m) + "/files/" + y.UUID})
		}
		page.Messages = append(page.Messages, out)
	}
	if len(words) == 0 {
		page.Empty = &ui.Empty{Icon: "mail", Title: web.T(r, "portal.matter.empty"), Text: web.T(r, "portal.matter.empty.text")}
	}
	if m.State != Closed {
		field := f.Field("text", "portal.answer")
		field.Type, field.Rows, field.MaxLength, field.Keep, field.Hint = "textarea", 6, 10000, true, web.T(r, "portal.answer.hint")
		page.Answer = &field
		page.Attach = attachField(r, f)
	}
	return page, nil
}

// attachField is where an answer's files are chosen.
func attachField(r *http.Request, f *web.Form) ui.Field {
	x := f.Field("files", "portal.answer.files")
	x.Type, x.Multiple, x.Optional, x.Value, x.Hint = "file", true, true, "", web.T(r, "portal.answer.files.hint")
	return x
}

// matterFile sends an attachment of a matter: always a download.
func (p *pages) matterFile(w http.ResponseWriter, r *http.Request) error {
	name, body, err := p.d.Matters.File(r.Context(), web.Actor(r), r.PathValue("uuid"), r.PathValue("file"))
	if err != nil {
		return err
	}
	return web.SendFile(w, name, body)
}

// An answer to a matter carries at most five files of 10 MB: they wait in memory for
// the text that stands beside them.
var matterFiles = web.UploadLimits{Files: 5, Bytes: 10_000_000}

func (p *pages) answerMatter(w http.ResponseWriter, r *http.Request) error {
	files := map[string]io.Reader{}
	f, err := web.ReadUpload(r, matterFiles, func(_ *web.Form, u web.Upload) error {
		b, err := io.ReadAll(u)
		files[fmt.Sprintf("%d/%s", len(files)+1, u.Name)] = bytes.NewReader(b) // only the part after the slash is kept as a name
		return err
	})
	if err != nil {
		return err
	}
	if text := f.Text("text", 10000); text == "" && len(files) == 0 {
		f.Add("text", "portal.answer.missing")
	} else if f.Err("answer") == nil {
		err = p.d.Matters.Answer(r.Context(), web.Actor(r), r.PathValue("uuid"), text, files)
	}
	if f.Fail(err) {
		page, err := p.matterPage(r, f)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("text")
		return p.t.Invalid(w, r, "matter", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(r.URL.Path+"#messages", web.Done("portal.answer.done"))
}
