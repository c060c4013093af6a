package intelweb

import (
	"net/http"
	"strconv"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/intel/remark"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// saidPanel shows what people say of a thing, and takes what the reader says.
type saidPanel struct {
	N    int
	Rows []saidRow
	Add  *saidForms
}

type saidRow struct {
	Text, By, Audience string
	Word               string // an opinion in words
	Opinion            *ui.Progress
	At                 time.Time
	Edited, Deep, Mine bool
	Do                 string // address of its acts
	Field              ui.Field
	Scale              *ui.Field
}

type saidForms struct {
	Action         string
	Note, Level    ui.Field
	Scale, Comment ui.Field
	OpinionLevel   ui.Field
}

// scale are the opinions that the form offers; others come from partners.
var scale = []int{100, 75, 50, 25, 0}

// opinionWord says an opinion in words.
func opinionWord(r *http.Request, n int) string {
	step := scale[4-min((n+12)/25, 4)]
	return web.T(r, "intel.opinion."+strconv.Itoa(step), "n", int64(n))
}

// saidOf makes the panel of a thing in the event. attribute is the id of the
// attribute, "" for the event itself.
func (p *pages) saidOf(r *http.Request, e *intel.Event, list []remark.Remark, attribute string) *saidPanel {
	at := base(r) + "/" + e.Ref() + "/said"
	v := &saidPanel{}
	var add func(list []remark.Remark, depth int)
	add = func(list []remark.Remark, depth int) {
		for i := range list {
			v.N++
			v.Rows = append(v.Rows, saidLine(r, at, &list[i], depth, attribute))
			add(list[i].Children, depth+1)
		}
	}
	add(list, 0)
	if access.Allowed(web.Actor(r), "intel.write") {
		v.Add = saidAdd(r, at+"/new"+ofAttribute(attribute))
	}
	return v
}

func ofAttribute(attribute string) string {
	if attribute == "" {
		return ""
	}
	return "?attribute=" + attribute
}

func saidLine(r *http.Request, at string, n *remark.Remark, depth int, attribute string) saidRow {
	id := strconv.FormatInt(n.ID, 10)
	row := saidRow{Text: n.Text, By: n.Origin.Name, Audience: audienceWord(r, n.Distribution), At: time.Unix(n.Modified, 0), Edited: n.Modified > n.Created,
		Deep: depth > 0, Mine: n.Mine, Do: at + "/" + string(n.Kind) + "/" + id}
	switch n.Kind {
	case remark.Opinion:
		row.Word = opinionWord(r, n.Opinion)
		row.Opinion = &ui.Progress{Percent: n.Opinion, Label: web.T(r, "intel.opinion.of", "n", int64(n.Opinion))}
	case remark.Relationship:
		row.Text = n.Relationship + " → " + n.RelatedType + " " + n.Related
	}
	if !row.Mine || n.Kind == remark.Relationship {
		row.Mine = false
		return row
	}
	f := web.NewForm(r, map[string][]string{"text": {n.Text}, "opinion": {strconv.Itoa(n.Opinion)}})
	row.Field = f.Field("text", "intel.said.text")
	row.Field.Type, row.Field.Rows, row.Field.ID = "textarea", 3, "text-"+id
	if n.Kind == remark.Opinion {
		s := opinionField(r, f, "opinion-"+id)
		row.Scale = &s
	}
	row.Do += "/of/" + attribute
	if attribute == "" {
		row.Do += "event"
	}
	return row
}

func opinionField(r *http.Request, f *web.Form, id string) ui.Field {
	s := f.Field("opinion", "intel.opinion")
	s.Type, s.ID = "select", id
	for _, n := range scale {
		s.Options = append(s.Options, ui.Option{Value: strconv.Itoa(n), Label: web.T(r, "intel.opinion."+strconv.Itoa(n), "n", int64(n))})
	}
	return s
}

func saidAdd(r *http.Request, action string) *saidForms {
	f := web.NewForm(r, map[string][]string{"distribution": {"1"}, "opinion": {"75"}})
	level := func(id string) ui.Field {
		l := f.Select("distribution", "intel.who", web.Words(r, "intel.distribution.", "0", "1", "2", "3")...)
		l.ID = id
		return l
	}
	v := &saidForms{Action: action, Note: f.Field("text", "intel.said.text"), Level: level("note-level"), Scale: opinionField(r, f, "opinion-new"),
		Comment: f.Field("text", "intel.said.why"), OpinionLevel: level("opinion-level")}
	v.Note.Type, v.Note.Rows, v.Note.ID = "textarea", 3, "note-text"
	v.Comment.Type, v.Comment.Rows, v.Comment.ID, v.Comment.Optional = "textarea", 2, "opinion-text", true
	return v
}

// spoken reads the event of an address and the attribute in it that the query names.
func (p *pages) spoken(r *http.Request) (*intel.Event, *intel.Attribute, error) {
	e, err := eventweb.Seen(r, p.s)
	if err != nil {
		return nil, nil, err
	}
	attribute := r.URL.Query().Get("attribute")
	if v := r.PathValue("of"); v != "" {
		if attribute = v; v == "event" {
			attribute = ""
		}
	}
	a, err := p.attributeOf(r, &e, attribute)
	return &e, a, err
}

// backTo is where an act on a remark returns to.
func backTo(r *http.Request, e *intel.Event, a *intel.Attribute) string {
	at := base(r) + "/" + e.Ref()
	if a != nil {
		return at + "/attributes/" + a.UUID + "#said"
	}
	return at + "#said"
}

// say adds a note or an opinion, signed by the organisation.
func (p *pages) say(w http.ResponseWriter, r *http.Request) error {
	e, a, err := p.spoken(r)
	if err != nil {
		return err
	}
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	x := misp.Analyst{ObjectUUID: misp.T(e.UUID), ObjectType: misp.T("Event"), Authors: misp.T(web.Actor(r).OrgName), Distribution: misp.N(f.Int("distribution")),
		Language: misp.T(string(web.Lang(r)))}
	if a != nil {
		x.ObjectUUID, x.ObjectType = misp.T(a.UUID), misp.T("Attribute")
	}
	kind := remark.Kind(f.OneOf("kind", string(remark.Note), string(remark.Opinion)))
	if kind == remark.Note {
		x.Note = misp.T(f.Text("text", 60_000))
	} else {
		x.Opinion, x.Comment = misp.N(f.Int("opinion")), misp.T(f.Text("text", 60_000))
	}
	if _, err := p.d.Remarks.AddRemark(r.Context(), web.Actor(r), kind, x); err != nil {
		return err
	}
	return web.Redirect(backTo(r, e, a), web.Done("intel.said.done.new"))
}

// saidAct saves or deletes a remark about the event or one of its attributes.
func (p *pages) saidAct(_ http.ResponseWriter, r *http.Request) error {
	e, a, err := p.spoken(r)
	if err != nil {
		return err
	}
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	ctx, who := r.Context(), web.Actor(r)
	kind, id, act := remark.Kind(r.PathValue("kind")), r.PathValue("remark"), r.PathValue("act")
	if _, err := strconv.ParseInt(id, 10, 64); err != nil {
		return fault.New(fault.NotFound, "remark %q", id)
	}
	in, err := p.d.Remarks.In(ctx, who, kind, id, e.ID)
	if err != nil || !in {
		return notIn(err, id)
	}
	switch act {
	case "save":
		x := misp.Analyst{Note: misp.T(f.Text("text", 60_000)), Comment: misp.T(f.Text("text", 60_000))}
		if kind == remark.Opinion {
			x.Opinion = misp.N(f.Int("opinion"))
		}
		_, err = p.d.Remarks.EditRemark(ctx, who, kind, id, x)
	case "delete":
		_, err = p.d.Remarks.DeleteRemark(ctx, who, kind, id)
	default:
		err = fault.New(fault.NotFound, "act %q", act)
	}
	if err != nil {
		return err
	}
	return web.Redirect(backTo(r, e, a), web.Done("intel.said.done."+act))
}

func notIn(err error, id string) error {
	if err != nil {
		return err
	}
	return fault.New(fault.NotFound, "remark %q hangs elsewhere", id)
}
