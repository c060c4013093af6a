package catalogweb

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"straza/internal/catalog"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

var clusterOrder = []string{"value", "description", "source", "authors", "elements", "distribution", "group"}

func clusterAt(id int64) string { return base + "/clusters/" + strconv.FormatInt(id, 10) }

// clusterForm asks what a cluster of one's own is.
func (p *pages) clusterForm(r *http.Request, f *web.Form, title, sub, back string) (*ownPage, error) {
	out := &ownPage{Page: web.NewPage(r, web.ShellConsole, title), Header: ui.Header{Title: title, Sub: []any{sub}}, Cancel: ui.Button{Label: web.T(r, "catalog.cancel"), Href: back, Variant: "tertiary"}}
	out.Crumbs = []ui.Crumb{{Label: web.T(r, "catalog.galaxies"), Href: base + "/galaxies"}, {Label: sub, Href: back}, {Label: title}}
	value, text, source, authors, elements := f.Field("value", "catalog.name"), f.Field("description", "catalog.description"), f.Field("source", "catalog.source"), f.Field("authors", "catalog.authors"), f.Field("elements", "catalog.elements")
	text.Type, text.Rows, text.Optional, source.Optional, authors.Optional = "textarea", 6, true, true, true
	authors.Hint = web.T(r, "catalog.authors.hint")
	elements.Type, elements.Rows, elements.Optional, elements.Mono, elements.Hint = "textarea", 6, true, true, web.T(r, "catalog.elements.hint")
	out.Fields = []ui.Field{value, text, source, authors, elements}
	reach, err := p.reach(r, f)
	out.Fields = append(out.Fields, reach...)
	return out, err
}

// reach asks who sees a cluster; sharing groups when the caller is in any.
func (p *pages) reach(r *http.Request, f *web.Form) ([]ui.Field, error) {
	ask := web.Reach{Level: "catalog.level", Group: "catalog.group", Words: "catalog.level.", Levels: levels}
	var list []ui.Option
	var err error
	if p.d.Groups != nil {
		list, err = p.d.Groups(r.Context(), web.Actor(r))
	}
	if err != nil || len(list) == 0 {
		level, _ := f.Reach(ask)
		return []ui.Field{level}, err
	}
	ask.Levels, ask.Groups = append(ask.Levels, "4"), append([]ui.Option{{Label: web.T(r, "catalog.group.none")}}, list...)
	level, group := f.Reach(ask)
	return []ui.Field{level, group}, nil
}

// levels are those that need no group.
var levels = []string{"0", "1", "2", "3"}

// clusterDraft lays what was typed over a draft.
func clusterDraft(f *web.Form, d *catalog.ClusterDraft) {
	d.Value, d.Description, d.Source = f.Needed("value", 255), f.Text("description", 100_000), f.Text("source", 2000)
	d.Level, _ = strconv.Atoi(f.OneOf("distribution", "0", "1", "2", "3", "4"))
	if d.Group = 0; d.Level == 4 {
		if d.Group = f.Int("group"); d.Group == 0 {
			f.Add("group", "catalog.fault.group")
		}
	}
	d.Authors = nil
	for a := range strings.SplitSeq(f.Text("authors", 2000), ",") {
		if a = strings.TrimSpace(a); a != "" {
			d.Authors = append(d.Authors, a)
		}
	}
	d.Elements = nil
	for line := range strings.Lines(f.Text("elements", 200_000)) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		k, v, ok := strings.Cut(line, "=")
		if k, v = strings.TrimSpace(k), strings.TrimSpace(v); !ok || k == "" || v == "" {
			f.Add("elements", "catalog.elements.wrong")
			return
		}
		d.Elements = append(d.Elements, catalog.Element{Key: k, Value: v})
	}
}

// galaxyOf is the galaxy of the address.
func (p *pages) galaxyOf(r *http.Request) (it catalog.Item, err error) {
	id, err := ref(r)
	if err == nil {
		it, _, err = p.s.Get(r.Context(), web.Actor(r), catalog.Galaxy, id)
	}
	return it, err
}

func (p *pages) newCluster(w http.ResponseWriter, r *http.Request) error {
	it, err := p.galaxyOf(r)
	if err != nil {
		return err
	}
	page, err := p.clusterForm(r, web.NewForm(r, url.Values{"distribution": {"1"}}), web.T(r, "catalog.cluster.new"), it.Name, base+"/galaxies/"+strconv.FormatInt(it.ID, 10))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "own", page)
}

func (p *pages) addCluster(w http.ResponseWriter, r *http.Request) error {
	it, err := p.galaxyOf(r)
	if err != nil {
		return err
	}
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	var d catalog.ClusterDraft
	var c catalog.Cluster
	if clusterDraft(f, &d); f.Err("cluster") == nil {
		c, err = p.s.AddCluster(r.Context(), web.Actor(r), strconv.FormatInt(it.ID, 10), d)
	}
	return p.kept(w, r, f, err, c, web.T(r, "catalog.cluster.new"), it.Name, base+"/galaxies/"+strconv.FormatInt(it.ID, 10))
}

// kept goes to the cluster that was written, or shows the form with what is wrong.
func (p *pages) kept(w http.ResponseWriter, r *http.Request, f *web.Form, err error, c catalog.Cluster, title, sub, back string) error {
	if e := fault.Of(err); e != nil && e.Fields["sharing_group_id"] != "" {
		err = fault.Field("group", e.Fields["sharing_group_id"], "no such group")
	}
	if f.Fail(err) {
		page, err := p.clusterForm(r, f, title, sub, back)
		if err != nil {
			return err
		}
		page.Errors = f.Summary(clusterOrder...)
		return p.t.Invalid(w, r, "own", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(clusterAt(c.ID), web.Done("catalog.done.cluster"))
}

// ownCluster is the cluster of the address, which the caller's organisation made.
func (p *pages) ownCluster(r *http.Request) (c catalog.Cluster, err error) {
	id, err := ref(r)
	if err == nil {
		c, err = p.s.Cluster(r.Context(), web.Actor(r), id)
	}
	if err == nil && !ours(r, c) {
		err = fault.New(fault.Denied, "cluster %d is not the caller's", c.ID).WithKey("catalog.fault.foreign")
	}
	return c, err
}

func ours(r *http.Request, c catalog.Cluster) bool {
	return c.Own != nil && !c.Own.Locked && c.Own.Origin == web.Actor(r).Org && web.Actor(r).Can("intel.write")
}

func (p *pages) editCluster(w http.ResponseWriter, r *http.Request) error {
	c, err := p.ownCluster(r)
	if err != nil {
		return err
	}
	t, lines := c.Text(), []string{}
	for _, e := range t.Elements {
		lines = append(lines, e.Key+" = "+e.Value)
	}
	f := web.NewForm(r, url.Values{"value": {c.Value}, "description": {t.Description}, "source": {t.Source}, "authors": {strings.Join(t.Authors, ", ")}, "elements": {strings.Join(lines, "\n")},
		"distribution": {strconv.Itoa(c.Own.Level)}, "group": {strconv.FormatInt(c.Own.Group, 10)}})
	page, err := p.clusterForm(r, f, web.T(r, "catalog.cluster.edit"), c.Value, clusterAt(c.ID))
	if err != nil {
		return err
	}
	return p.t.Render(w, r, "own", page)
}

func (p *pages) saveCluster(w http.ResponseWriter, r *http.Request) error {
	c, err := p.ownCluster(r)
	if err != nil {
		return err
	}
	f, err := web.ReadForm(r)
	if err != nil {
		return err
	}
	var typed catalog.ClusterDraft
	if clusterDraft(f, &typed); f.Err("cluster") == nil {
		_, err = p.s.EditCluster(r.Context(), web.Actor(r), strconv.FormatInt(c.ID, 10), func(d *catalog.ClusterDraft) {
			d.Value, d.ClusterText, d.Level, d.Group = typed.Value, typed.ClusterText, typed.Level, typed.Group
		})
	}
	return p.kept(w, r, f, err, c, web.T(r, "catalog.cluster.edit"), c.Value, clusterAt(c.ID))
}

// relationFields ask where a relation goes and of what kind it is.
func relationFields(r *http.Request, f *web.Form) []ui.Field {
	target, kind := f.Field("target", "catalog.relate.target"), f.Field("kind", "catalog.kind")
	target.Hint, target.MaxLength, kind.MaxLength, kind.Placeholder = web.T(r, "catalog.relate.hint"), 500, 200, "similar"
	return []ui.Field{target, kind}
}

// target finds the cluster that somebody means: by UUID, by its tag or by its exact name
// when only one has it. A UUID need not be here.
func (p *pages) target(r *http.Request, text string) (uuid string, err error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "misp-galaxy:") {
		found, err := p.s.ClustersOfTags(r.Context(), web.Actor(r), []string{text})
		return found[text].UUID, err
	}
	list, err := p.s.FindClusters(r.Context(), web.Actor(r), text, 2*pageSize)
	if err != nil {
		return "", err
	}
	n := 0
	for _, c := range list {
		if i18n.Fold(c.Value) == i18n.Fold(text) {
			uuid, n = c.UUID, n+1
		}
	}
	if n == 1 {
		return uuid, nil
	}
	return text, nil // a UUID, or nothing: the Service says
}

// relate points from a cluster of one's own to another one.
func (p *pages) relate(w http.ResponseWriter, r *http.Request, f *web.Form, id string) error {
	d := catalog.RelationDraft{Kind: f.Needed("kind", 200)}
	text := f.Needed("target", 500)
	c, err := p.ownCluster(r)
	if err != nil {
		return err
	}
	d.Level, d.Group = c.Own.Level, c.Own.Group
	if f.Err("relation") == nil {
		if d.Target, err = p.target(r, text); err == nil {
			_, err = p.s.AddRelation(r.Context(), web.Actor(r), id, d)
		}
		if e := fault.Of(err); e != nil && e.Fields["relation"] != "" {
			err = fault.Field("target", "catalog.fault.relation", "no such cluster")
		}
	}
	if f.Fail(err) {
		page, err := p.clusterPage(r, f)
		if err != nil {
			return err
		}
		page.Errors = f.Summary("target", "kind")
		return p.t.Invalid(w, r, "cluster", page)
	}
	if err != nil {
		return err
	}
	return web.Redirect(base+"/clusters/"+id, web.Done("catalog.done.related"))
}
