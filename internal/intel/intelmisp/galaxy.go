package intelmisp

import (
	"net/http"
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/kernel/fault"
)

// galaxyIndex lists galaxies; a value looks in name, type, namespace and description.
func (a *api) galaxyIndex(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	find := strings.ToLower(c.params.text("value"))
	list, err := a.Catalog.List(c.ctx(), c.who, catalog.Galaxy)
	if err != nil {
		return err
	}
	return c.list("", "", func(yield func([]byte) error) error {
		for _, it := range list {
			if find != "" && !strings.Contains(strings.ToLower(it.Name+"\n"+it.Key+"\n"+it.Class+"\n"+it.Description), find) {
				continue
			}
			g, err := a.galaxyHead(c, it.ID)
			if err != nil {
				return err
			}
			if err := yield(append(misp.Append([]byte(`{"Galaxy":`), &g), '}')); err != nil {
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
	head := `{"Galaxy":` + string(misp.Append(nil, &g)) + `,"GalaxyCluster":`
	return c.list(head, "}", func(yield func([]byte) error) error {
		return a.Catalog.Clusters(c.ctx(), c.who, itoa(it.ID), func(cl catalog.Cluster) error {
			w := clusterWire(cl)
			w.Meta = nil
			return yield(misp.Append(nil, &w))
		})
	})
}

// clusterAnswer is a cluster as its own views show it: elements instead of meta,
// its galaxy beside it.
func (a *api) clusterAnswer(c *call, cl catalog.Cluster) ([]byte, error) {
	w := clusterWire(cl)
	w.Meta = nil
	g, err := a.galaxyHead(c, cl.Galaxy)
	if err != nil {
		return nil, err
	}
	w.Galaxy = &g
	return append(misp.Append([]byte(`{"GalaxyCluster":`), &w), '}'), nil
}

func (a *api) clusterView(c *call) error {
	cl, err := a.Catalog.Cluster(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound("Invalid galaxy cluster"), fault.NotFound)
	}
	b, err := a.clusterAnswer(c, cl)
	if err != nil {
		return err
	}
	return c.json(b)
}

// clusterIndex lists the clusters of the galaxy in the path.
func (a *api) clusterIndex(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	find := strings.ToLower(c.params.text("searchall"))
	only := c.params.text("context")
	return c.list("", "", func(yield func([]byte) error) error {
		if only == "custom" || only == "org" || only == "deleted" {
			return nil // every cluster here was imported
		}
		err := a.Catalog.Clusters(c.ctx(), c.who, c.arg(0), func(cl catalog.Cluster) error {
			if find != "" && !strings.Contains(strings.ToLower(cl.Value), find) {
				return nil
			}
			b, err := a.clusterAnswer(c, cl)
			if err != nil {
				return err
			}
			return yield(b)
		})
		return instead(err, notFound("Invalid galaxy"), fault.NotFound)
	})
}

// clustersMost bounds a search over clusters.
const clustersMost = 500

// clusterSearch answers galaxy_clusters/restSearch: by uuid, tag or value.
// Custom clusters, which peers pull, there are none.
func (a *api) clusterSearch(c *call) error {
	if err := c.searched(); err != nil {
		return err
	}
	var found []catalog.Cluster
	p := c.params
	switch {
	case p.flag("custom", false) || p.flag("published", false):
	case p.has("uuid"):
		for _, ref := range p.list("uuid") {
			cl, err := a.Catalog.Cluster(c.ctx(), c.who, ref)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			if err == nil {
				found = append(found, cl)
			}
		}
	case p.has("tag_name"):
		byTag, err := a.Catalog.ClustersOfTags(c.ctx(), c.who, p.list("tag_name"))
		if err != nil {
			return err
		}
		for _, cl := range byTag {
			found = append(found, cl)
		}
	case p.has("value") || p.has("searchall"):
		var err error
		if found, err = a.Catalog.FindClusters(c.ctx(), c.who, strings.Trim(p.text("value")+p.text("searchall"), "%"), clustersMost); err != nil {
			return err
		}
	}
	return c.list(`{"response":`, "}", func(yield func([]byte) error) error {
		for _, cl := range found {
			b, err := a.clusterAnswer(c, cl)
			if err == nil {
				err = yield(b)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// clusterAttach hangs a cluster on an event or attribute, as the tag it stands for.
func (a *api) clusterAttach(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	ref := c.params.sub("Galaxy").text("target_id")
	cl, err := a.Catalog.Cluster(c.ctx(), c.who, ref)
	if err != nil {
		return instead(err, notFound("Invalid Galaxy cluster."), fault.NotFound)
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
	local := c.params.flag("local", false)
	n, err := a.Intel.Attach(c.ctx(), c.who, t.at, []string{cl.Tag()}, local)
	if err != nil {
		return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
	}
	msg := "Cluster attached."
	if n == 0 {
		msg = "Cluster already attached."
	}
	return c.value(ordered{{"saved", true}, {"success", msg}, {"check_publish", true}})
}
