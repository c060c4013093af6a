package intelmisp

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/kernel/fault"
)

func galaxyRows(read, write adder) {
	write("galaxies/update", "site_admin", (*api).upToDate)
	read("galaxies/index", "", (*api).galaxyIndex)
	read("galaxies/view", "", (*api).galaxyView)
	read("galaxies/selectable", "", (*api).galaxyIndex)
	write("galaxies/enable", "site_admin", (*api).galaxySwitch)
	write("galaxies/disable", "site_admin", (*api).galaxySwitch)
	write("galaxies/attachcluster", "tagger", (*api).clusterAttach)
	write("galaxies/attachmultipleclusters", "tagger", (*api).clusterAttach)
	write("galaxies/pushcluster", "sync", (*api).clusterPush)
	read("galaxy_clusters/index", "", (*api).clusterIndex)
	read("galaxy_clusters/view", "", (*api).clusterView)
	read("galaxy_clusters/restsearch", "", (*api).clusterSearch)
	write("galaxy_clusters/add", "galaxy_editor", (*api).clusterAdd)
	write("galaxy_clusters/edit", "galaxy_editor", (*api).clusterEdit)
	write("galaxy_clusters/publish", "galaxy_editor", (*api).clusterPublish)
	write("galaxy_clusters/unpublish", "galaxy_editor", (*api).clusterPublish)
	write("galaxy_clusters/delete", "galaxy_editor", (*api).clusterDelete)
	write("galaxy_clusters/restore", "galaxy_editor", (*api).clusterRestore)
	read("galaxy_cluster_relations/index", "", (*api).relationIndex)
	write("galaxy_cluster_relations/add", "galaxy_editor", (*api).relationAdd)
	write("galaxy_cluster_relations/edit", "galaxy_editor", (*api).relationEdit)
	write("galaxy_cluster_relations/delete", "galaxy_editor", (*api).relationDelete)
	read("galaxy_cluster_blocklists/index", "site_admin", (*api).clusterBlocks)
	write("galaxy_cluster_blocklists/add", "site_admin", (*api).clusterBlock)
	write("galaxy_cluster_blocklists/edit", "site_admin", (*api).clusterBlockEdit)
	write("galaxy_cluster_blocklists/delete", "site_admin", (*api).clusterUnblock)
}

// galaxyIndex lists galaxies; a value looks in name, type, namespace and description.
func (a *api) galaxyIndex(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	find := strings.ToLower(c.params.text("value") + c.params.text("searchall"))
	list, err := a.Catalog.List(c.ctx(), c.who, catalog.Galaxy)
	if err != nil {
		return err
	}
	slices.SortFunc(list, func(x, y catalog.Item) int { return int(x.ID - y.ID) })
	return c.list("", "", func(yield func([]byte) error) error {
		for _, it := range list {
			if find != "" && !strings.Contains(strings.ToLower(it.Name+"\n"+it.Key+"\n"+it.Class+"\n"+it.Description), find) {
				continue
			}
			g, err := a.galaxyHead(c, it.ID)
			if err != nil {
				return err
			}
			if err := yield(append(misp.Append([]byte(`{"Galaxy":`), &g.wire), '}')); err != nil {
				return err
			}
		}
		return nil
	})
}

// galaxyView streams a galaxy with all its clusters.
func (a *api) galaxyView(c *call) error {
	it, body, err := a.Catalog.Get(c.ctx(), c.who, catalog.Galaxy, c.arg(0))
	if err != nil {
		return instead(err, notFound("Invalid galaxy"), fault.NotFound)
	}
	g := galaxyWire(it, body)
	head := `{"Galaxy":` + string(misp.Append(nil, &g.wire)) + `,"GalaxyCluster":`
	return c.list(head, "}", func(yield func([]byte) error) error {
		return a.Catalog.Clusters(c.ctx(), c.who, itoa(it.ID), func(cl catalog.Cluster) error {
			w, _, err := a.clusterWire(c, cl)
			if err != nil {
				return err
			}
			w.Meta = nil
			return yield(misp.Append(nil, &w))
		})
	})
}

func (a *api) galaxySwitch(c *call) error {
	it, err := a.Catalog.Enable(c.ctx(), c.who, catalog.Galaxy, c.arg(0), c.action == "enable")
	if err != nil {
		return instead(err, notFound("Invalid galaxy"), fault.NotFound)
	}
	return c.done(misp.Outcome{Controller: "Galaxies", Action: c.action, Message: "Galaxy " + c.action + "d", ID: itoa(it.ID)})
}

func (a *api) clusterView(c *call) error {
	cl, err := a.Catalog.Cluster(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound("Invalid galaxy cluster"), fault.NotFound)
	}
	b, err := a.clusterAnswer(c, cl, true)
	if err != nil {
		return err
	}
	return c.json(b)
}

// clusterIndex lists the clusters of the galaxy in the path; context is all,
// default, custom, org or deleted.
func (a *api) clusterIndex(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	f := catalog.ClusterFilter{Text: c.params.text("searchall")}
	yes, no := true, false
	switch c.params.text("context") {
	case "default":
		f.Own = &no
	case "custom":
		f.Own = &yes
	case "org":
		f.Own, f.Org = &yes, c.who.Org
	case "deleted":
		f.Deleted = true
	}
	if ref := c.arg(0); ref != "" {
		it, _, err := a.Catalog.Get(c.ctx(), c.who, catalog.Galaxy, ref)
		if err != nil {
			return instead(err, notFound("Invalid galaxy"), fault.NotFound)
		}
		f.Galaxy = it.ID
	}
	return c.list("", "", func(yield func([]byte) error) error {
		return a.Catalog.ClustersWhere(c.ctx(), c.who, f, func(cl catalog.Cluster) error {
			b, err := a.clusterLine(c, cl)
			if err != nil {
				return err
			}
			return yield(b)
		})
	})
}

// clustersMost bounds a search over clusters by their names.
const clustersMost = 500

// clusterFilter reads what galaxy_clusters/restSearch narrows by.
func (a *api) clusterFilter(c *call) (f catalog.ClusterFilter, err error) {
	p := c.params
	f = catalog.ClusterFilter{UUIDs: p.list("uuid"), Tags: p.list("tag_name"), Types: p.list("type"), Both: p.flag("deleted", false)}
	for _, id := range p.list("id") {
		f.IDs = append(f.IDs, int64(params{"": id}.number("", -1)))
	}
	for key, to := range map[string]**bool{"custom": &f.Own, "published": &f.Published} {
		if p.has(key) {
			on := p.flag(key, false)
			*to = &on
		}
	}
	if p.has("default") {
		own := !p.flag("default", true)
		f.Own = &own
	}
	if refs := append(p.list("org"), p.list("orgc")...); len(refs) > 0 {
		o, err := a.findOrg(c, refs[0])
		if f.Org = o.ID; err != nil {
			f.Org = -1 // nobody's: an unknown organisation gives an empty list
		}
	}
	if ref := p.text("galaxy_uuid") + p.text("galaxy_id"); ref != "" {
		it, _, err := a.Catalog.Get(c.ctx(), c.who, catalog.Galaxy, ref)
		if f.Galaxy = it.ID; fault.Is(err, fault.NotFound) {
			f.Galaxy = -1
		} else if err != nil {
			return f, err
		}
	}
	// Clusters of an event, for a peer that pulls those it needs.
	if refs := p.list("eventid"); len(refs) > 0 {
		names := []string{"\x00"} // an event without galaxies has no clusters
		for _, ref := range refs {
			e, err := a.Intel.Event(c.ctx(), c.who, ref)
			if fault.Is(err, fault.NotFound) || err == nil && a.withheld(c, &e) {
				continue
			}
			if err != nil {
				return f, err
			}
			for _, t := range exported(e.Tags, noLocal(c)) {
				names = append(names, t.Name)
			}
		}
		f.Tags = append(f.Tags, names...)
	}
	return f, nil
}

// clusterSearch answers galaxy_clusters/restSearch.
func (a *api) clusterSearch(c *call) error {
	if err := c.searched(); err != nil {
		return err
	}
	f, err := a.clusterFilter(c)
	if err != nil {
		return err
	}
	minimal := c.params.flag("minimal", false)
	limit, page := c.params.count("limit", 0), max(1, c.params.count("page", 1))
	skip := limit * (page - 1)
	text := strings.Trim(c.params.text("value")+c.params.text("searchall"), "%")
	o := c.begin(http.StatusOK)
	o.count = 0
	return o.list(`{"response":`, "}", func(yield func([]byte) error) error {
		n := 0
		each := func(cl catalog.Cluster) (err error) {
			if n++; n <= skip || limit > 0 && n > skip+limit {
				return nil
			}
			var b []byte
			if minimal {
				w, _, err := a.clusterWire(c, cl)
				if err != nil {
					return err
				}
				b, err = marshal(ordered{{"GalaxyCluster", ordered{{"uuid", cl.UUID}, {"version", itoa(w.Version.V)}}}})
				if err != nil {
					return err
				}
			} else if b, err = a.clusterAnswer(c, cl, false); err != nil {
				return err
			}
			o.count++
			return yield(b)
		}
		if text != "" && f.Own == nil && f.Galaxy == 0 && len(f.UUIDs)+len(f.Tags)+len(f.Types)+len(f.IDs) == 0 {
			found, err := a.Catalog.FindClusters(c.ctx(), c.who, text, clustersMost)
			for i := 0; err == nil && i < len(found); i++ {
				err = each(found[i])
			}
			return err
		}
		f.Text = text
		return a.Catalog.ClustersWhere(c.ctx(), c.who, f, each)
	})
}

// clusterAttach hangs one or several clusters on an event or attribute, as the
// tags they stand for.
func (a *api) clusterAttach(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("Galaxy")
	refs := p.list("target_ids")
	if s, ok := p["target_ids"].(string); ok { // a list written as JSON
		var list []json.Number
		if json.Unmarshal([]byte(s), &list) == nil {
			refs = nil
			for _, n := range list {
				refs = append(refs, n.String())
			}
		}
	}
	if c.action == "attachcluster" || len(refs) == 0 {
		refs = []string{p.text("target_id")}
	}
	var tags []string
	for _, ref := range refs {
		cl, err := a.Catalog.Cluster(c.ctx(), c.who, ref)
		if err != nil {
			return instead(err, notFound("Invalid Galaxy cluster."), fault.NotFound)
		}
		tags = append(tags, cl.Tag())
	}
	what := c.arg(1)
	if what == "attribute" && !isDigits(c.arg(0)) {
		return notFound("Invalid attribute.") // measured: events by UUID, attributes by number
	}
	t, err := a.target(c, c.arg(0))
	if status, _ := statusOf(err); err != nil && status != http.StatusNotFound {
		return err
	}
	if err != nil || !strings.EqualFold(t.what, what) {
		return notFound("Invalid " + strings.ToLower(plainName(what)) + ".")
	}
	t.at.Clusters = true
	n, err := a.Intel.Attach(c.ctx(), c.who, t.at, tags, c.params.flag("local", false))
	if err != nil {
		return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
	}
	msg := "Cluster attached."
	if n == 0 {
		msg = "Cluster already attached."
	}
	return c.value(ordered{{"saved", true}, {"success", msg}, {"check_publish", true}})
}
