package intelweb

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type showPage struct {
	web.Page
	Header ui.Header
	Tags   []any
	AddTag *ui.Field
	Bar    ui.FilterBar
	Table  ui.Table
	Bulk   *ui.BulkBar
	Pages  *ui.Pagination
	Facts  ui.Facts
	Case   string
	At     string
	Ref    string
	Edit   bool
	InRow  bool // rows are changed in their place

	Related    []relatedRow
	RelatedCut bool
	Sightings  *sightings
	Who        *ui.Audience // before an act that shares, and after it
	Reports    []reportRow
	Proposals  *proposals
	Said       *saidPanel
	Delegation *delegation
	Went       []wentRow
	Shelf      *shelf    // the dossiers that hold it
	Overlap    string    // where the team sees which values join too much
	Notes      []ui.Note // what is to be put right before it is published
	Going      []goingRow
}

// goingRow is an act of the reader's on many attributes that goes on.
type goingRow struct {
	Title, Href, Said string
	Progress          ui.Progress
}

// wentRow is one peer: what became of the event there.
type wentRow struct {
	Peer, Href, Why, Detail string
	State                   ui.State
	At                      time.Time
}

type relatedRow struct {
	Info, Href, Origin string
	Count              int64
	Share              ui.Progress // of the most related event's
}

type reportRow struct {
	Name, Href string
	At         time.Time
}

// objectsShown and attributesShown bound the first screen, whatever the event's size.
const (
	objectsShown    = 20
	attributesShown = 100
)

var errEnough = errors.New("enough")

// place is where the next page of an event begins: objects first, then the rest.
type place struct {
	Object, Attribute int64
}

func (p *pages) show(w http.ResponseWriter, r *http.Request) error {
	who := web.Actor(r)
	e, err := eventweb.Seen(r, p.s)
	if err != nil {
		return err
	}
	page := p.head(r, &e)
	pinned, err := p.s.Pinned(r.Context(), who)
	if err != nil {
		return err
	}
	page.Header.More = append(page.Header.More, pinAct(r, page.At+"/"+page.Ref, pinned[e.ID]))
	f := web.ReadFilters(r, web.FilterSpec{Name: "type", Label: web.T(r, "intel.type")}, web.FilterSpec{Name: "category", Label: web.T(r, "intel.category")}, web.FilterSpec{Name: "tag", Label: web.T(r, "intel.tag"), Say: eventweb.TagWord},
		web.FilterSpec{Name: "ids", Label: web.T(r, "intel.ids"), Options: []ui.Option{{Value: "1", Label: web.T(r, "intel.ids.yes")}}},
		web.FilterSpec{Name: "group", Label: web.T(r, "intel.groupby"), Options: web.Words(r, "intel.groupby.", "type", "category", "object")}, web.Sorted("type", "value", "category"))
	page.Bar = f.Bar(web.T(r, "intel.search.attributes"))
	rows, list, next, err := p.rows(r, f, &e)
	if arranged(f) {
		var cut bool
		if rows, list, next, cut, err = p.arrangedRows(r, f, &e); cut {
			page.Notes = append(page.Notes, ui.Note{Kind: "info", Body: web.T(r, "intel.arranged.cut", "n", int64(arrangeMost))})
		}
	}
	if err != nil {
		return err
	}
	if err := p.beside(r, page, &e, rows, list); err != nil {
		return err
	}
	if err := p.byOthers(r, page, &e, rows, list); err != nil {
		return err
	}
	if err := p.unfit(r, page, &e); err != nil {
		return err
	}
	if err := p.goesOn(r, page, &e); err != nil {
		return err
	}
	page.table(r, f, rows)
	page.Pages = f.Pages(len(list), 0, next)
	related, complete, err := p.s.Correlations(r.Context(), who, e.Ref(), 8)
	if err != nil {
		return err
	}
	for _, x := range related {
		words := web.T(r, "intel.values.n", "n", x.Count)
		page.Related = append(page.Related, relatedRow{x.Event.Info, page.At + "/" + x.Event.Ref(), x.Event.Origin.Name, x.Count, ui.Progress{Percent: int(x.Count * 100 / related[0].Count), Label: words}})
	}
	page.RelatedCut = !complete
	if shell(r) == web.ShellConsole {
		page.Overlap = "/console/events/overlap"
	}
	if page.Shelf, err = p.shelfOf(r, web.NewForm(r, nil), &e, e.UUID); err != nil {
		return err
	}
	reports, err := p.s.Reports(r.Context(), who, e.Ref(), intel.Without)
	if err != nil {
		return err
	}
	for _, x := range reports {
		page.Reports = append(page.Reports, reportRow{x.Name, page.At + "/" + page.Ref + "/reports/" + x.UUID, time.Unix(x.Timestamp, 0)})
	}
	if page.Edit {
		var tags []string
		for _, t := range e.Tags {
			tags = append(tags, t.Name)
		}
		sees, err := p.s.WhoSees(r.Context(), who, e.Distribution, e.Group, tags)
		if err == nil {
			a := whoPanel(r, sees)
			if !e.Published {
				a.Links = []ui.Button{{Label: web.T(r, "intel.who.names"), Href: page.At + "/" + page.Ref + "/publish"}}
			}
			page.Who = &a
		} else if !fault.Is(err, fault.Invalid) { // a group that has gone: the facts name the level
			return err
		}
	}
	return p.t.Render(w, r, "show", page)
}

// goesOn shows how far acts of the reader's on this event's attributes are.
func (p *pages) goesOn(r *http.Request, page *showPage, e *intel.Event) error {
	if p.d.Bulk == nil || !page.Edit {
		return nil
	}
	list, err := p.d.Bulk.Running(r.Context(), web.Actor(r), e.ID)
	for i := range list {
		a := &list[i]
		said := eventweb.Progress(r, a)
		page.Going = append(page.Going, goingRow{web.T(r, "intel.going."+a.Kind), page.At + "/" + page.Ref + "/bulk/" + a.UUID, said, ui.Progress{Percent: a.Percent(), Label: said}})
	}
	return err
}

// table fills the table of attributes, and what may be done with those that are ticked.
func (page *showPage) table(r *http.Request, f *web.Filters, rows []ui.Row) {
	page.Table = ui.Table{Caption: web.T(r, "intel.attributes"), Dense: true, Select: page.Edit, Form: "attributes", Rows: rows, Columns: []ui.Column{
		f.Sort(web.T(r, "intel.type"), "type").Sized("mark", 0), f.Sort(web.T(r, "intel.value"), "value"), {Label: web.T(r, "intel.ids"), Width: "narrow", Drop: 1}, f.Sort(web.T(r, "intel.category"), "category").Sized("mark", 2),
		{Label: web.T(r, "intel.sightings"), Num: true, Drop: 2}, {Label: web.T(r, "intel.also"), Num: true}, {Label: web.T(r, "intel.who"), Width: "mark", Drop: 3}},
		Empty: &ui.Empty{Icon: "target", Title: web.T(r, "intel.noattributes"), Text: web.T(r, "intel.noattributes.text")}}
	if page.Edit {
		page.Table.Empty.Acts = []ui.Button{{Label: web.T(r, "intel.paste"), Href: page.At + "/" + page.Ref + "/paste", Icon: "plus"}}
		page.Bulk = page.bulk(bulkAct(r, "tag", "intel.tag", "tags"), bulkAct(r, "edit", "intel.bulk.edit", "pencil"), bulkAct(r, "saw", "intel.bulk.saw", "eye").Keyed("S"),
			bulkAct(r, "delete", "intel.bulk.delete", "trash").Red())
		if narrow := eventweb.Narrow(scopeOf(f)); narrow != "" { // what the filter leaves may be tagged as a whole
			page.Bulk.Hidden = map[string]string{"narrowed": narrow}
		}
		page.Bulk.More = []ui.Button{bulkAct(r, "enrich", "intel.known", "info-circle"), bulkAct(r, "ids", "intel.bulk.on", "shield-check"), bulkAct(r, "noids", "intel.bulk.off", "shield"), bulkAct(r, "correlate", "intel.bulk.correlate", "link"),
			bulkAct(r, "nocorrelate", "intel.bulk.nocorrelate", "unlink"), bulkAct(r, "note", "intel.said.note.add", "note"), bulkAct(r, "dossier", "intel.shelf.bulk", "archive")}
	}
	if page.Bulk == nil && access.Allowed(web.Actor(r), "intel.write") {
		page.Table.Select = true
		page.Bulk = page.bulk(bulkAct(r, "saw", "intel.bulk.saw", "eye").Keyed("S"), bulkAct(r, "propose", "intel.propose.change", "pencil"), bulkAct(r, "unwanted", "intel.propose.removal", "circle-minus"))
		page.Bulk.More = []ui.Button{bulkAct(r, "enrich", "intel.known", "info-circle"), bulkAct(r, "note", "intel.said.note.add", "note"), bulkAct(r, "dossier", "intel.shelf.bulk", "archive")}
	}
	page.InRow = page.Edit && len(rows) > 0
	if f.Active() {
		page.Table.Empty = &ui.Empty{Icon: "filter", Title: web.T(r, "intel.filtered.attributes"), Acts: []ui.Button{{Label: web.T(r, "ui.filter.clear"), Href: page.At + "/" + page.Ref, Variant: "secondary"}}}
	}
}

func (page *showPage) bulk(acts ...ui.Button) *ui.BulkBar {
	return &ui.BulkBar{Form: "attributes", Action: page.At + "/" + page.Ref + "/attributes", Acts: acts}
}

// bulkAct is a button of the bar under the table; bulkweb does what it sends.
func bulkAct(r *http.Request, act, label, icon string) ui.Button {
	return ui.Button{Label: web.T(r, label), Icon: icon, Name: "act", Value: act, Variant: "tertiary", Small: true}
}

func (p *pages) head(r *http.Request, e *intel.Event) *showPage {
	who := web.Actor(r)
	page := &showPage{Page: web.NewPage(r, shell(r), e.Info), At: base(r), Ref: e.Ref()}
	page.Print, page.Foot = printed(r, e), web.T(r, "intel.event")+" "+e.Ref()
	page.Edit = intel.MayEdit(who, e) == nil
	page.Crumbs = []ui.Crumb{{Label: web.T(r, "intel.events"), Href: page.At}, {Label: e.Info}}
	page.Header = ui.Header{Marks: []any{stateOf(r, e)}, Title: e.Info, Sub: []any{e.Origin.Name, e.Date, clock.FromMicros(e.Changed), web.T(r, "intel.attributes.n", "n", e.Attributes)}}
	if e.TLP != "" {
		page.Header.Marks = append(page.Header.Marks, tlpOf(e))
	}
	if e.PAP != "" {
		page.Header.Marks = append(page.Header.Marks, ui.PAP(strings.ToUpper(e.PAP)))
	}
	if e.IsProtected() {
		page.Header.Marks = append(page.Header.Marks, ui.Tag{Word: web.T(r, "intel.protected")})
	}
	page.Header.Marks = append(page.Header.Marks, ui.Tag{Word: web.T(r, "intel.threat."+strconv.Itoa(e.Threat))}, ui.Tag{Word: web.T(r, "intel.analysis."+strconv.Itoa(e.Analysis))})
	page.Header.Tabs = eventTabs(r, e, "")
	page.acts(r, e)
	for _, t := range e.Tags {
		page.Tags = append(page.Tags, tagOf(t))
	}
	if page.Edit {
		add := web.NewForm(r, nil).Field("tag", "intel.addtag")
		add.HideLabel, add.Placeholder, add.Width = true, web.T(r, "intel.addtag"), "half"
		page.AddTag = &add
	}
	if p.d.Case != nil {
		page.Case = p.d.Case(r.Context(), who, e.ID)
	}
	page.Facts = ui.Facts{Items: []ui.Fact{{Label: web.T(r, "intel.who"), Value: audienceWord(r, e.Distribution)}, {Label: web.T(r, "intel.owner"), Value: e.Owner.Name}, {Label: web.T(r, "intel.origin"), Value: e.Origin.Name},
		{Label: "UUID", Value: ui.Machine(e.UUID), Wide: true}}}
	if e.PublishTimestamp > 0 {
		page.Facts.Items = append(page.Facts.Items, ui.Fact{Label: web.T(r, "intel.publishedat"), Value: time.Unix(e.PublishTimestamp, 0)})
	}
	return page
}

// acts are what the page's head offers: what the reader came for, the rest behind "more".
func (page *showPage) acts(r *http.Request, e *intel.Event) {
	who, at, h := web.Actor(r), page.At+"/"+page.Ref, &page.Header
	button := func(label, icon, to, key string) ui.Button {
		return ui.Button{Label: web.T(r, label), Icon: icon, Href: at + to, Key: key, Variant: "secondary"}
	}
	export := button("intel.export", "download", "/export", "")
	switch {
	case page.Edit:
		if h.Acts = append(h.Acts, button("intel.attribute.add", "plus", "/attributes/new", "N")); access.Allowed(who, "intel.publish") && !e.Published {
			h.Acts = append(h.Acts, button("intel.publish", "send", "/publish", "").Primary())
		}
		h.More = []ui.Button{button("intel.paste", "clipboard", "/paste", ""), button("intel.object.add", "package", "/objects/new", "O"), button("intel.edit", "pencil", "/edit", "E"), export}
	case access.Allowed(who, "intel.write"):
		h.Acts = []ui.Button{export, button("intel.propose.new", "message-plus", "/propose", "N")}
	default:
		h.Acts = []ui.Button{export}
	}
}

// rows gives the table of one page of an event: with a filter a flat list, else
// objects as groups and then what stands in none.
func (p *pages) rows(r *http.Request, f *web.Filters, e *intel.Event) (rows []ui.Row, list []*intel.Attribute, next string, err error) {
	ctx, who := r.Context(), web.Actor(r)
	add := func(a *intel.Attribute, inset bool) {
		kept := *a
		list, rows = append(list, &kept), append(rows, attributeRow(r, e, a, inset))
	}
	var at place
	if arranged(f) {
		return nil, nil, "", nil
	}
	if err := web.DecodeCursor(f.Cursor(), &at); err != nil {
		return nil, nil, "", err
	}
	if f.Active() {
		q := attributeQuery(f, e)
		q.After, q.Limit = at.Attribute, attributesShown+1
		err = p.s.SearchAttributes(ctx, who, q, func(a *intel.Attribute) error {
			if len(rows) == attributesShown {
				next = web.EncodeCursor(at)
				return errEnough
			}
			at.Attribute = a.ID
			add(a, false)
			return nil
		})
		return rows, list, next, ignoreEnough(err)
	}
	objects := 0
	if at.Attribute == 0 {
		err = p.s.Objects(ctx, who, e.Ref(), intel.Part{After: at.Object, Limit: objectsShown + 1}, func(o *intel.Object) error {
			if objects++; objects > objectsShown {
				next = web.EncodeCursor(place{Object: at.Object})
				return errEnough
			}
			at.Object = o.ID
			rows = append(rows, objectRow(r, e, o))
			for i := range o.Attributes {
				add(&o.Attributes[i], true)
			}
			return nil
		})
		if err = ignoreEnough(err); err != nil || next != "" {
			return rows, list, next, err
		}
	}
	n := 0
	err = p.s.Attributes(ctx, who, e.Ref(), intel.Part{After: at.Attribute, Limit: attributesShown + 1}, func(a *intel.Attribute) error {
		if n++; n > attributesShown {
			next = web.EncodeCursor(place{Object: at.Object, Attribute: at.Attribute})
			return errEnough
		}
		if n == 1 && len(rows) > 0 {
			rows = append(rows, ui.Row{Group: true, Cells: []any{ui.Name{Text: web.T(r, "intel.single")}}})
		}
		at.Attribute = a.ID
		add(a, false)
		return nil
	})
	return rows, list, next, ignoreEnough(err)
}

func ignoreEnough(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

func objectRow(r *http.Request, e *intel.Event, o *intel.Object) ui.Row {
	row := groupRow(ui.Tag{Word: o.Name}, o.Comment, web.T(r, "intel.fields.n", "n", int64(len(o.Attributes))))
	if o.TemplateUUID != "" && intel.MayEdit(web.Actor(r), e) == nil {
		row.Cells = append(row.Cells, ui.Button{Label: web.T(r, "intel.bulk.edit"), Icon: "pencil", Href: base(r) + "/" + e.Ref() + "/objects/" + o.UUID, Variant: "tertiary", Small: true})
	}
	row.Anchor = "object-" + strconv.FormatInt(o.ID, 10) // as objectweb leads to it
	return row
}

// groupRow is a head over rows, in one line: what they are, what is said of them, how many.
func groupRow(what ui.Tag, comment, count string) ui.Row {
	if comment != "" {
		count = comment + " · " + count
	}
	return ui.Row{Group: true, Cells: []any{what, count}}
}

func attributeRow(r *http.Request, e *intel.Event, a *intel.Attribute, inset bool) ui.Row {
	typ := a.Type
	if a.Relation != "" {
		typ = a.Relation
	}
	var ids any = "–"
	if a.ToIDS {
		ids = ui.Tag{Word: web.T(r, "intel.ids.yes"), Icon: "shield-check"}
	}
	var tags []any
	for _, t := range a.Tags {
		tags = append(tags, tagOf(t))
	}
	name := ui.Name{Text: a.Value, Href: base(r) + "/" + e.Ref() + "/attributes/" + a.UUID, Mono: true, Marks: tags}
	if a.NoCorrelation {
		name.Marks = append(name.Marks, ui.Tag{Word: web.T(r, "intel.nocorrelation"), Icon: "info-circle"})
	}
	if a.Comment != "" {
		name.Sub = []any{a.Comment}
	}
	return ui.Row{ID: strconv.FormatInt(a.ID, 10), Edit: editAt(r, e, a), Inset: inset, Off: a.Deleted, Name: a.Value, Cells: []any{ui.Machine(typ), name, ids, a.Category, audienceWord(r, a.Distribution)}}
}
