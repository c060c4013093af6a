package intelweb

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/intel/remark"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// proposals is the panel of what others would change: what is there beside what
// would be.
type proposals struct {
	N     int64
	Table ui.Table
	Bulk  *ui.BulkBar
}

// proposalsShown bounds the panel; the rest comes as these are decided.
const proposalsShown = 50

// proposed gathers the open proposals of an event; nil when there are none.
func (p *pages) proposed(r *http.Request, page *showPage, e *intel.Event) (*proposals, error) {
	ctx, who := r.Context(), web.Actor(r)
	n, err := p.d.Remarks.CountOpen(ctx, who, e.ID)
	if err != nil || n == 0 {
		return nil, err
	}
	v := &proposals{N: n, Table: ui.Table{Caption: web.T(r, "intel.proposals"), Form: "proposals-form", Columns: []ui.Column{
		{Label: web.T(r, "intel.proposal.what"), Width: "mark"}, {Label: web.T(r, "intel.proposal.now")}, {Label: web.T(r, "intel.proposal.then")},
		{Label: web.T(r, "intel.proposal.by"), Drop: 2}}}}
	may := page.Edit
	err = p.d.Remarks.Proposals(ctx, who, remark.ProposalFilter{Event: e.Ref(), Limit: proposalsShown}, func(x *remark.Proposal) error {
		own := x.Org.ID == who.Org && access.Allowed(who, "intel.write")
		may = may || own
		v.Table.Rows = append(v.Table.Rows, proposalRow(r, x, page.Edit || own))
		return nil
	})
	if err != nil {
		return nil, err
	}
	if v.Table.Select = may; may {
		v.Bulk = &ui.BulkBar{Form: "proposals-form", Action: page.At + "/" + page.Ref + "/proposals", Acts: []ui.Button{
			{Label: web.T(r, "intel.proposal.discard"), Icon: "x", Name: "act", Value: "discard", Variant: "tertiary"}}}
		if page.Edit {
			v.Bulk.Acts = append([]ui.Button{{Label: web.T(r, "intel.proposal.accept"), Icon: "check", Name: "act", Value: "accept", Variant: "secondary", Key: "A"}}, v.Bulk.Acts...)
		}
	}
	return v, nil
}

func proposalRow(r *http.Request, x *remark.Proposal, tick bool) ui.Row {
	what, icon := "intel.proposal.change", "pencil"
	var now, then any = "–", contentCell(r, x.Content(), x.Now)
	switch {
	case x.Removal:
		what, icon = "intel.proposal.remove", "circle-minus"
		now, then = contentCell(r, x.Now, x.Now), "–"
	case x.Attribute == 0:
		what, icon = "intel.proposal.add", "circle-plus"
		then = contentCell(r, x.Content(), x.Content())
	default:
		now = contentCell(r, x.Now, x.Content())
	}
	row := ui.Row{Name: web.T(r, what) + ": " + x.Value, Cells: []any{ui.Tag{Word: web.T(r, what), Icon: icon}, now, then,
		ui.Name{Text: x.Org.Name, Sub: []any{time.Unix(x.Timestamp, 0)}}}}
	if tick {
		row.ID = strconv.FormatInt(x.ID, 10)
	}
	return row
}

// contentCell shows one side; what differs from the other side is named in words.
func contentCell(r *http.Request, c, other remark.Content) ui.Name {
	n := ui.Name{Text: c.Value, Mono: true, Sub: []any{ui.Machine(c.Type), c.Category}}
	if c.Comment != "" {
		n.Sub = append(n.Sub, c.Comment)
	}
	if c.ToIDS != other.ToIDS {
		n.Marks = append(n.Marks, ui.Tag{Word: web.T(r, map[bool]string{true: "intel.ids.yes", false: "intel.proposal.noids"}[c.ToIDS])})
	}
	return n
}

// decide accepts, discards or reopens the ticked proposals, each through the event
// that the address names.
func (p *pages) decide(_ http.ResponseWriter, r *http.Request) error {
	f, e, err := p.formOf(r)
	if err != nil {
		return err
	}
	ctx, who := r.Context(), web.Actor(r)
	ids := f.Ids("id")
	for s := range strings.SplitSeq(f.Text("ids", 4000), ",") { // a toast's form carries them as one value
		if id, err := strconv.ParseInt(s, 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	act := f.Text("act", 20)
	do := map[string]func(context.Context, ident.Actor, string) (remark.Proposal, error){
		"accept": p.d.Remarks.Accept, "discard": p.d.Remarks.Discard, "reopen": p.d.Remarks.Reopen}[act]
	if do == nil {
		return fault.New(fault.Invalid, "act %q", act)
	}
	if act == "reopen" {
		slices.Reverse(ids) // the last one first: the way back
	}
	var done []string
	var failed error
	for _, id := range ids {
		x, err := p.d.Remarks.Proposal(ctx, who, strconv.FormatInt(id, 10))
		if err != nil || x.Event != e.ID {
			return errors.Join(err, unlessEvent(x.Event == e.ID, id))
		}
		if _, err := do(ctx, who, strconv.FormatInt(id, 10)); err != nil {
			failed = err
			break
		}
		done = append(done, strconv.FormatInt(id, 10))
	}
	if failed != nil && len(done) == 0 {
		return failed
	}
	to := base(r) + "/" + e.Ref()
	flash := web.Done("intel.proposal.done."+act, "n", int64(len(done)))
	if act != "reopen" && len(done) > 0 {
		flash = flash.WithUndo(to+"/proposals", "act", "reopen", "ids", strings.Join(done, ","))
	}
	return web.Redirect(to+"#proposals", flash)
}

func unlessEvent(ok bool, id int64) error {
	if ok {
		return nil
	}
	return fault.New(fault.NotFound, "proposal %d of another event", id)
}

type proposePage struct {
	web.Page
	Header                         ui.Header
	Value, Type, Category, Comment ui.Field
	IDs                            ui.Field
	Attribute, Owner               string
	Now                            *ui.Facts
	Do, Cancel                     ui.Button
}

func (p *pages) proposeForm(w http.ResponseWriter, r *http.Request) error {
	e, err := eventweb.Seen(r, p.s)
	if err != nil {
		return err
	}
	values := map[string][]string{"type": {"domain"}, "ids": {"1"}}
	a, err := p.attributeOf(r, &e, r.URL.Query().Get("attribute"))
	if err != nil {
		return err
	}
	if a != nil {
		values = map[string][]string{"type": {a.Type}, "category": {a.Category}, "value": {a.Value}, "comment": {a.Comment}}
		if a.ToIDS {
			values["ids"] = []string{"1"}
		}
	}
	return p.t.Render(w, r, "propose", p.proposer(r, web.NewForm(r, values), &e, a))
}

// attributeOf reads the attribute that a request names, if it stands in the event; nil without one.
func (p *pages) attributeOf(r *http.Request, e *intel.Event, ref string) (*intel.Attribute, error) {
	if ref == "" {
		return nil, nil
	}
	a, err := p.s.Attribute(r.Context(), web.Actor(r), ref)
	if err == nil && a.EventID != e.ID {
		err = fault.New(fault.NotFound, "attribute %q in event %d", ref, e.ID)
	}
	return &a, err
}

func (p *pages) proposer(r *http.Request, f *web.Form, e *intel.Event, a *intel.Attribute) *proposePage {
	title := web.T(r, "intel.propose.new")
	if a != nil {
		title = web.T(r, "intel.propose.change")
	}
	at := base(r) + "/" + e.Ref()
	page := &proposePage{Page: web.NewPage(r, shell(r), title), Header: ui.Header{Title: title, Sub: []any{e.Info}}, Owner: e.Owner.Name,
		Value: f.Field("value", "intel.value"), Type: f.Field("type", "intel.type"), Category: f.Field("category", "intel.category"),
		Comment: f.Field("comment", "intel.propose.why"), IDs: f.Box("ids", "intel.ids"),
		Do: ui.Button{Label: web.T(r, "intel.propose.do"), Icon: "send"}, Cancel: ui.Button{Label: web.T(r, "intel.cancel"), Href: at, Variant: "tertiary"}}
	page.Crumbs = eventweb.Crumbs(r, e, ui.Crumb{Label: title})
	page.Value.Mono, page.Comment.Optional = true, true
	page.Type.Type, page.Category.Type = "select", "select"
	for _, t := range misp.Types() {
		page.Type.Options = append(page.Type.Options, ui.Option{Value: t, Label: t})
	}
	page.Category.Options = []ui.Option{{Value: "", Label: web.T(r, "intel.category.usual")}}
	for _, c := range misp.Categories() {
		page.Category.Options = append(page.Category.Options, ui.Option{Value: c, Label: c})
	}
	if a != nil {
		page.Attribute = strconv.FormatInt(a.ID, 10)
		page.Now = &ui.Facts{Items: []ui.Fact{{Label: web.T(r, "intel.value"), Value: ui.Machine(a.Value), Wide: true}, {Label: web.T(r, "intel.type"), Value: ui.Machine(a.Type)},
			{Label: web.T(r, "intel.category"), Value: a.Category}, {Label: web.T(r, "intel.comment"), Value: a.Comment, Wide: true},
			{Label: web.T(r, "intel.ids"), Value: web.T(r, map[bool]string{true: "intel.yes", false: "intel.no"}[a.ToIDS])}}}
	}
	return page
}

func (p *pages) propose(w http.ResponseWriter, r *http.Request) error {
	f, e, err := p.formOf(r)
	if err != nil {
		return err
	}
	ctx, who := r.Context(), web.Actor(r)
	a, err := p.attributeOf(r, e, f.Text("attribute", 20))
	if err != nil {
		return err
	}
	x := misp.Attribute{Type: misp.T(f.Text("type", 100)), Value: misp.T(f.Needed("value", 1<<20)), Comment: misp.T(f.Text("comment", 60_000)), ToIDS: misp.B(f.Tick("ids"))}
	if c := f.Text("category", 100); c != "" {
		x.Category = misp.T(c)
	}
	if f.Err("proposal") == nil {
		if a != nil {
			_, err = p.d.Remarks.ProposeEdit(ctx, who, strconv.FormatInt(a.ID, 10), x)
		} else {
			_, err = p.d.Remarks.Propose(ctx, who, e.Ref(), x)
		}
	}
	if f.Fail(err) {
		page := p.proposer(r, f, e, a)
		page.Errors = f.Summary("value", "type", "category", "comment")
		return p.t.Invalid(w, r, "propose", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(base(r)+"/"+e.Ref()+"#proposals", web.Done("intel.propose.done", "org", e.Owner.Name))
}
