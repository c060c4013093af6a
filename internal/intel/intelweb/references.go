package intelweb

import (
	"cmp"
	"hash/fnv"
	"net/http"
	"slices"

	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// ties are the references of an event with what they point to.
type ties struct {
	objects  map[int64]*intel.Object
	list     []intel.Reference
	targets  map[string]*intel.Attribute // attributes that are pointed to, by UUID
	byUUID   map[string]*intel.Object
	cut      bool
	lonesome int64 // objects that point to nothing and nothing points to
}

// referencesOf shows an event's own objects and what they have to do with each other.
func (p *pages) referencesOf(w http.ResponseWriter, r *http.Request) error {
	e, err := eventweb.Seen(r, p.s)
	if err != nil {
		return err
	}
	t, err := p.ties(r, &e)
	if err != nil {
		return err
	}
	at := base(r) + "/" + e.Ref()
	page := &graphPage{Page: web.NewPage(r, shell(r), web.T(r, "intel.refs")), Header: p.viewHeader(r, &e, "references"), Head: web.T(r, "intel.refs"), List: web.T(r, "intel.refs.list")}
	page.Crumbs = eventweb.Crumbs(r, &e, ui.Crumb{Label: web.T(r, "intel.refs")})
	f := web.NewForm(r, r.URL.Query())
	page.Type, page.Org = f.Field("type", "intel.refs.type"), f.Field("object", "intel.refs.object")
	t.offer(&page.Type, func(x *intel.Reference) string { return x.Relationship }, web.T(r, "intel.graph.all"))
	t.offer(&page.Org, func(x *intel.Reference) string { return t.objects[x.ObjectID].Name }, web.T(r, "intel.graph.all"))
	typ, object := f.Values.Get("type"), f.Values.Get("object")
	if typ != "" || object != "" {
		page.Clear = at + "/references"
	}
	t.list = slices.DeleteFunc(t.list, func(x intel.Reference) bool {
		return typ != "" && x.Relationship != typ || object != "" && t.objects[x.ObjectID].Name != object
	})
	pairs := make([]pair, len(t.list))
	for i := range t.list {
		x := &t.list[i]
		pairs[i] = pair{end{x.ObjectID, objectName(t.objects[x.ObjectID]), ""}, t.target(r, at, x)}
	}
	left, right := tallies(pairs)
	page.Sum = web.T(r, "intel.refs.sum", "objects", int64(len(t.objects)), "references", int64(len(t.list)), "alone", t.lonesome)
	if t.cut {
		page.Note = &ui.Note{Kind: "warning", Body: web.T(r, "intel.refs.cut", "n", int64(graphRead/10))}
	}
	page.draw(r, pairs, left, right)
	page.Table = t.table(r, at)
	return p.t.Render(w, r, "related", page)
}

// ties reads the objects, bounded, and the attributes that they point to; what the
// caller does not see is not read.
func (p *pages) ties(r *http.Request, e *intel.Event) (*ties, error) {
	t := &ties{objects: map[int64]*intel.Object{}, targets: map[string]*intel.Attribute{}, byUUID: map[string]*intel.Object{}}
	var uuids []string
	err := p.s.Objects(r.Context(), web.Actor(r), e.Ref(), intel.Part{Limit: graphRead/10 + 1}, func(o *intel.Object) error {
		if len(t.objects) == graphRead/10 {
			t.cut = true
			return errEnough
		}
		c := *o
		t.objects[o.ID], t.byUUID[o.UUID] = &c, &c
		for i := range o.Attributes {
			a := o.Attributes[i]
			t.targets[a.UUID] = &a
		}
		t.list = append(t.list, o.References...)
		return nil
	})
	if err = ignoreEnough(err); err != nil {
		return nil, err
	}
	for i := range t.list {
		if u := t.list[i].TargetUUID; t.targets[u] == nil && t.byUUID[u] == nil {
			uuids = append(uuids, u)
		}
	}
	if len(uuids) > 0 { // those that stand in no object
		err = p.s.SearchAttributes(r.Context(), web.Actor(r), intel.Query{Events: []string{e.Ref()}, UUIDs: uuids[:min(len(uuids), graphRows)], Limit: graphRows}, func(a *intel.Attribute) error {
			c := *a
			t.targets[a.UUID] = &c
			return nil
		})
	}
	tied := map[int64]bool{}
	for i := range t.list {
		tied[t.list[i].ObjectID] = true
		if o := t.byUUID[t.list[i].TargetUUID]; o != nil {
			tied[o.ID] = true
		}
	}
	t.lonesome = int64(len(t.objects) - len(tied))
	return t, ignoreEnough(err)
}

func (t *ties) offer(f *ui.Field, word func(*intel.Reference) string, all string) {
	f.Type, f.Optional, f.Options = "select", true, []ui.Option{{Label: all}}
	seen := map[string]bool{"": true}
	for i := range t.list {
		if v := word(&t.list[i]); !seen[v] {
			seen[v] = true
			f.Options = append(f.Options, ui.Option{Value: v, Label: v})
		}
	}
	slices.SortFunc(f.Options[1:], func(a, b ui.Option) int { return cmp.Compare(a.Label, b.Label) })
}

// objectName names an object by its template and what it says of itself: its comment, or
// its first value.
func objectName(o *intel.Object) string {
	switch {
	case o.Comment != "":
		return o.Name + ": " + o.Comment
	case len(o.Attributes) > 0:
		return o.Name + ": " + o.Attributes[0].Value
	}
	return o.Name
}

// target is the right end of a reference: the kind of relationship and what is pointed to,
// a node of its own for each kind.
func (t *ties) target(r *http.Request, at string, x *intel.Reference) end {
	name, href := t.pointed(r, at, x)
	h := fnv.New64a()
	_, _ = h.Write([]byte(x.Relationship + "\x00" + x.TargetUUID))
	return end{int64(h.Sum64() >> 1), x.Relationship + " → " + name, href}
}

func (t *ties) pointed(r *http.Request, at string, x *intel.Reference) (name, href string) {
	if o := t.byUUID[x.TargetUUID]; o != nil {
		return objectName(o), ""
	}
	if a := t.targets[x.TargetUUID]; a != nil {
		return a.Type + ": " + a.Value, at + "/attributes/" + a.UUID
	}
	return web.T(r, "intel.refs.unseen"), ""
}

func (t *ties) table(r *http.Request, at string) ui.Table {
	out := ui.Table{Caption: web.T(r, "intel.refs.list"), Columns: []ui.Column{{Label: web.T(r, "intel.refs.object")}, {Label: web.T(r, "intel.refs.type"), Width: "mark"}, {Label: web.T(r, "intel.refs.target")}},
		Empty: &ui.Empty{Icon: "affiliate", Title: web.T(r, "intel.refs.none"), Text: web.T(r, "intel.refs.none.text")}}
	for i := range t.list {
		if i == graphRows {
			break
		}
		x := &t.list[i]
		o := t.objects[x.ObjectID]
		name, href := t.pointed(r, at, x)
		from := ui.Name{Text: objectName(o)}
		if x.Comment != "" {
			from.Sub = []any{x.Comment}
		}
		out.Rows = append(out.Rows, ui.Row{Cells: []any{from, ui.Machine(x.Relationship), ui.Name{Text: name, Href: href}}})
	}
	return out
}
