package catalogweb

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"straza/internal/catalog"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

type clusterPage struct {
	web.Page
	Header   ui.Header
	Text     string
	Elements ui.Table
	From, To ui.Table
	Facts    ui.Facts
	Events   int64
	Used     bool
	List     string // the events that carry it
	Relate   []ui.Field
}

func (p *pages) cluster(w http.ResponseWriter, r *http.Request) error {
	page, err := p.clusterPage(r, web.NewForm(r, nil))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "cluster", page)
}

// clusterPage is the page of a cluster; f is what was typed to relate it.
func (p *pages) clusterPage(r *http.Request, f *web.Form) (*clusterPage, error) {
	id, err := ref(r)
	if err != nil {
		return nil, err
	}
	ctx, who := r.Context(), web.Actor(r)
	c, err := p.s.Cluster(ctx, who, id)
	if err != nil {
		return nil, err
	}
	from, to, err := p.s.Relations(ctx, who, id)
	if err != nil {
		return nil, err
	}
	text := c.Text()
	out := &clusterPage{Page: web.NewPage(r, web.ShellConsole, c.Value), Header: ui.Header{Title: c.Value, Marks: []any{ui.Tag{Word: c.Type}}, Acts: clusterActs(r, c)}, Text: catalog.Said(c.Body, web.Lang(r)),
		From: relationTable(r, "catalog.from", from, false, ours(r, c) && !c.Deleted), To: relationTable(r, "catalog.to", to, true, false), List: "/console/events?tag=" + url.QueryEscape(c.Tag())}
	out.Crumbs = []ui.Crumb{{Label: web.T(r, "catalog.galaxies"), Href: base + "/galaxies"}, {Label: c.Type, Href: base + "/galaxies/" + strconv.FormatInt(c.Galaxy, 10)}, {Label: c.Value}}
	if c.Deleted {
		out.Header.Marks = append(out.Header.Marks, ui.State{Kind: ui.StateNew, Word: web.T(r, "catalog.deleted")})
	}
	if c.Own != nil {
		out.Header.Marks = append(out.Header.Marks, publishedState(r, c.Own.Published), ui.Tag{Word: web.T(r, "catalog.level."+strconv.Itoa(c.Own.Level))})
	}
	out.Elements = ui.Table{Caption: web.T(r, "catalog.elements"), Dense: true, Columns: []ui.Column{{Label: web.T(r, "catalog.key"), Width: "mark"}, {Label: web.T(r, "catalog.value")}},
		Empty: &ui.Empty{Icon: "chart-dots", Title: web.T(r, "catalog.elements.none")}}
	out.Elements.Rows = elementRows(text.Elements)
	out.Facts = ui.Facts{Items: []ui.Fact{{Label: web.T(r, "catalog.galaxy"), Value: ui.Machine(c.Type)}, {Label: web.T(r, "catalog.tag"), Value: ui.Machine(c.Tag()), Wide: true}, {Label: "UUID", Value: machine(c.UUID), Wide: true}}}
	if o := c.Own; o != nil {
		out.Facts.Items = append(out.Facts.Items, ui.Fact{Label: web.T(r, "catalog.maker"), Value: o.OriginName}, ui.Fact{Label: web.T(r, "catalog.version"), Value: strconv.FormatInt(o.Version, 10)},
			ui.Fact{Label: web.T(r, "catalog.extends"), Value: machine(o.ExtendsUUID), Wide: true})
	}
	if p.d.Uses != nil {
		events, _, err := p.d.Uses(ctx, who, c.Tag())
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		out.Used, out.Events = true, events
	}
	if ours(r, c) && !c.Deleted {
		out.Relate = relationFields(r, f)
	}
	return out, nil
}

// elementRows are one row a key, its values in one line; addresses have a row each,
// at the end.
func elementRows(list []catalog.Element) (rows []ui.Row) {
	var refs []ui.Row
	for i := 0; i < len(list); {
		key, values := list[i].Key, []string{}
		for ; i < len(list) && list[i].Key == key; i++ {
			if strings.Contains(list[i].Value, "://") {
				refs = append(refs, ui.Row{Cells: []any{ui.Machine(key), ui.Name{Text: list[i].Value, Mono: true}}})
			} else {
				values = append(values, list[i].Value)
			}
		}
		if len(values) > 0 {
			rows = append(rows, ui.Row{Cells: []any{ui.Machine(key), strings.Join(values, ", ")}})
		}
	}
	return append(rows, refs...)
}

func clusterActs(r *http.Request, c catalog.Cluster) (out []ui.Button) {
	who := web.Actor(r)
	if who.Can("intel.write") && !c.Deleted {
		out = append(out, ui.Button{Label: web.T(r, "catalog.fork"), Icon: "git-fork", Href: base + "/clusters/" + strconv.FormatInt(c.ID, 10) + "/fork", Variant: "secondary"})
	}
	if ours(r, c) && !c.Deleted {
		out = append(out, ui.Button{Label: web.T(r, "catalog.cluster.edit"), Icon: "pencil", Href: clusterAt(c.ID) + "/edit", Variant: "secondary", Key: "E"})
		if who.Can("intel.publish") {
			word, value := "catalog.publish", "publish"
			if c.Own.Published {
				word, value = "catalog.unpublish", "unpublish"
			}
			out = append(out, ui.Button{Label: web.T(r, word), Icon: "send", Form: "change", Name: "do", Value: value, Variant: "secondary"})
		}
	}
	if c.Own != nil && c.Own.Origin == who.Org || c.Own == nil && who.Can("catalog.write") {
		word, value := "catalog.delete", "delete"
		if c.Deleted {
			word, value = "catalog.restore", "restore"
		}
		out = append(out, ui.Button{Label: web.T(r, word), Form: "change", Name: "do", Value: value, Variant: "tertiary", Danger: !c.Deleted})
	}
	return out
}

func publishedState(r *http.Request, on bool) ui.State {
	if on {
		return ui.State{Kind: ui.StateDone, Word: web.T(r, "catalog.published")}
	}
	return ui.State{Kind: ui.StateNew, Word: web.T(r, "catalog.unpublished")}
}

// relationTable lists relations; who may change them gets a button at each.
func relationTable(r *http.Request, caption string, list []catalog.Relation, inbound, mine bool) ui.Table {
	t := ui.Table{Caption: web.T(r, caption), Dense: true, Columns: []ui.Column{{Label: web.T(r, "catalog.kind"), Width: "mark"}, {Label: web.T(r, "catalog.cluster")}},
		Empty: &ui.Empty{Icon: "link", Title: web.T(r, "catalog.relations.none")}}
	if mine {
		t.Columns = append(t.Columns, ui.Column{Label: web.T(r, "catalog.act"), Hidden: true})
	}
	for _, x := range list {
		id, name := x.TargetID, x.ToName
		if inbound {
			id, name = x.Cluster, x.FromName
		}
		cell := ui.Name{Text: name}
		if name == "" {
			cell = ui.Name{Text: x.Target, Mono: true, Sub: []any{web.T(r, "catalog.elsewhere")}}
		}
		if id != 0 {
			cell.Href = base + "/clusters/" + strconv.FormatInt(id, 10)
		}
		row := ui.Row{Href: cell.Href, Cells: []any{ui.Machine(x.Kind), cell}}
		if mine {
			row.Cells = append(row.Cells, ui.Button{Label: web.T(r, "catalog.unrelate"), Form: "change", Name: "unrelate", Value: strconv.FormatInt(x.ID, 10), Variant: "tertiary", Small: true})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

type forkPage struct {
	web.Page
	Header ui.Header
	Fields []ui.Field
	Cancel ui.Button
}

// forkForm begins a cluster of one's own from another one.
func (p *pages) forkForm(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	c, err := p.s.Cluster(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	f := web.NewForm(r, url.Values{"value": {c.Value}, "description": {c.Text().Description}, "distribution": {"0"}})
	return p.t.Render(w, r, "fork", newForkPage(r, f, c))
}

func newForkPage(r *http.Request, f *web.Form, c catalog.Cluster) *forkPage {
	out := &forkPage{Page: web.NewPage(r, web.ShellConsole, web.T(r, "catalog.fork")), Header: ui.Header{Title: web.T(r, "catalog.fork"), Sub: []any{c.Value}},
		Cancel: ui.Button{Label: web.T(r, "catalog.cancel"), Href: base + "/clusters/" + strconv.FormatInt(c.ID, 10), Variant: "tertiary"}}
	value, text := f.Field("value", "catalog.name"), f.Field("description", "catalog.description")
	level := f.Select("distribution", "catalog.level", web.Words(r, "catalog.level.", levels...)...)
	text.Type, text.Rows, text.Optional = "textarea", 6, true
	out.Fields = []ui.Field{value, text, level}
	return out
}

// fork makes the cluster, with the other's elements.
func (p *pages) fork(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	c, err := p.s.Cluster(r.Context(), web.Actor(r), id)
	if err != nil {
		return err
	}
	d := catalog.ClusterDraft{Value: f.Needed("value", 255), ClusterText: c.Text(), ExtendsUUID: c.UUID}
	d.Description = f.Text("description", 100_000)
	d.Level, _ = strconv.Atoi(f.OneOf("distribution", "0", "1", "2", "3"))
	var made catalog.Cluster
	if f.Err("cluster") == nil {
		made, err = p.s.AddCluster(r.Context(), web.Actor(r), strconv.FormatInt(c.Galaxy, 10), d)
	}
	if f.Fail(err) {
		page := newForkPage(r, f, c)
		page.Errors = f.Summary("value", "description", "distribution")
		return p.t.Invalid(w, r, "fork", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(base+"/clusters/"+strconv.FormatInt(made.ID, 10), web.Done("catalog.done.forked"))
}

// changeCluster takes a cluster out of sight or brings it back, publishes it, or changes what it
// points to.
func (p *pages) changeCluster(w http.ResponseWriter, r *http.Request) error {
	id, err := ref(r)
	if err != nil {
		return err
	}
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	ctx, who := r.Context(), web.Actor(r)
	if n := f.Int("unrelate"); n != 0 {
		if _, err := p.ownCluster(r); err != nil {
			return err
		}
		if err := p.s.DeleteRelation(ctx, who, n); err != nil {
			return err
		}
		return web.Redirect(base+"/clusters/"+id, web.Done("catalog.done.changed"))
	}
	var done *web.Flash
	switch do := f.Text("do", 10); do {
	case "relate":
		return p.relate(w, r, f, id)
	case "delete":
		_, err = p.s.DeleteCluster(ctx, who, id, false)
		done = web.Done("catalog.done.deleted").WithUndo(base+"/clusters/"+id, "do", "restore")
	case "restore":
		_, err = p.s.RestoreCluster(ctx, who, id)
		done = web.Done("catalog.done.restored")
	case "publish", "unpublish":
		_, err = p.s.PublishCluster(ctx, who, id, do == "publish")
		done = web.Done("catalog.done."+do).WithUndo(base+"/clusters/"+id, "do", map[bool]string{true: "unpublish", false: "publish"}[do == "publish"])
	default:
		err = fault.New(fault.Invalid, "act %q", do)
	}
	if err != nil {
		return err
	}
	return web.Redirect(base+"/clusters/"+id, done)
}
