package peer

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

var imported = regexp.MustCompile(`(\d+) imported, (\d+) ignored, (\d+) failed`)

// clusters sends one's own published clusters that are new or newer there.
func (w *pusher) clusters(ctx context.Context) (bool, error) {
	versions, _, err := w.r.ownClusters(ctx)
	if err != nil {
		if w.passed(err) {
			return true, nil
		}
		return false, err
	}
	yes := true
	var list []catalog.Cluster
	err = w.s.catalog.ClustersWhere(ctx, part(), catalog.ClusterFilter{Own: &yes, Published: &yes}, func(c catalog.Cluster) error {
		list = append(list, c)
		return nil
	})
	if err != nil {
		return false, err
	}
	slices.SortFunc(list, func(a, b catalog.Cluster) int { return strings.Compare(a.UUID, b.UUID) })
	sd := w.s.senderOf(w.p, w.there)
	for i := range list {
		c := &list[i]
		if c.Own == nil || c.UUID <= w.run.cursor {
			continue
		}
		if w.late() {
			return false, nil
		}
		if err := w.cluster(ctx, sd, c, versions); err != nil {
			if w.passed(err) {
				return true, nil
			}
			return false, err
		}
	}
	return true, nil
}

func (w *pusher) cluster(ctx context.Context, sd *sender, c *catalog.Cluster, versions map[string]int64) error {
	level, g, goes, err := sd.part(ctx, intel.Distribution(c.Own.Level), c.Own.Group)
	if err != nil {
		return err
	}
	have, there := versions[c.UUID]
	what := "unchanged"
	switch {
	case !goes || c.Own.OriginUUID == w.there:
		what = holdLevel
	case there && have >= c.Own.Version:
	case w.run.Dry && there:
		what = "updated"
	case w.run.Dry:
		what = "created"
	default:
		body, err := w.clusterWire(ctx, sd, c, level, g)
		if err != nil {
			return err
		}
		var said struct{ Message string }
		if err := w.r.raw(ctx, "/galaxies/pushCluster", body, &said); err != nil {
			return err
		}
		switch m := imported.FindStringSubmatch(said.Message); {
		case m != nil && m[3] != "0":
			what = refusedThere
		case m != nil && m[1] == "0":
		case there:
			what = "updated"
		default:
			what = "created"
		}
	}
	return w.step(ctx, c.UUID, func(_ *store.Tx, n *Counts) error {
		t := &n.Clusters
		t.Read++
		switch what {
		case "created":
			t.Created++
		case "updated":
			t.Updated++
		case "unchanged":
			t.Unchanged++
		default:
			t.Refused++
			n.Reasons[what]++
		}
		return nil
	})
}

// clusterWire is a cluster as it leaves, with those of its relations that may.
func (w *pusher) clusterWire(ctx context.Context, sd *sender, c *catalog.Cluster, level int64, g *sent) ([]byte, error) {
	it, _, err := w.s.catalog.Get(ctx, part(), catalog.Galaxy, strconv.FormatInt(c.Galaxy, 10))
	if err != nil {
		return nil, err
	}
	t, o := c.Text(), c.Own
	x := misp.GalaxyCluster{UUID: misp.T(c.UUID), Type: misp.T(c.Type), Value: misp.T(c.Value), TagName: misp.T(c.Tag()), Description: misp.T(t.Description),
		Source: misp.T(t.Source), Authors: append([]string{}, t.Authors...), Version: misp.N(o.Version), Distribution: misp.N(level), SharingGroup: sd.wire(g),
		Default: misp.B(false), Locked: misp.B(true), Published: misp.B(true), Deleted: misp.B(c.Deleted), ExtendsUUID: misp.T(o.ExtendsUUID),
		ExtendsVersion: misp.N(o.ExtendsVersion), Relation: []misp.GalaxyClusterRelation{}, GalaxyElement: []misp.GalaxyElement{},
		Galaxy: &misp.Galaxy{UUID: misp.T(it.UUID), Name: misp.T(it.Name), Type: misp.T(it.Key), Description: misp.T(it.Description), Namespace: misp.T(it.Class)}}
	if g != nil {
		g.told = false // each goes in a document of its own
	}
	for _, e := range t.Elements {
		x.GalaxyElement = append(x.GalaxyElement, misp.GalaxyElement{Key: misp.T(e.Key), Value: misp.T(e.Value)})
	}
	from, _, err := w.s.catalog.Relations(ctx, part(), strconv.FormatInt(c.ID, 10))
	if err != nil {
		return nil, err
	}
	for _, r := range from {
		rl, rg, goes, err := sd.part(ctx, intel.Distribution(r.Level), r.Group)
		if err != nil {
			return nil, err
		}
		if !goes || rg != nil && r.Group != o.Group {
			continue
		}
		y := misp.GalaxyClusterRelation{ReferencedUUID: misp.T(r.Target), ReferencedType: misp.T(r.Kind), ClusterUUID: misp.T(c.UUID), Distribution: misp.N(rl)}
		for _, name := range r.Tags {
			y.Tag = append(y.Tag, misp.Tag{Name: misp.T(name)})
		}
		x.Relation = append(x.Relation, y)
	}
	if x.Orgc, err = w.originOf(ctx, o); err != nil {
		return nil, err
	}
	return append(misp.Append([]byte(`[{"GalaxyCluster":`), &x), '}', ']'), nil
}

func (w *pusher) originOf(ctx context.Context, o *catalog.Own) (*misp.Org, error) {
	if o.Origin == 0 {
		return &misp.Org{UUID: misp.T(o.OriginUUID), Name: misp.T(o.OriginName)}, nil
	}
	found, err := w.s.registry.Orgs(ctx, ident.SystemPart("setup"), []int64{o.Origin})
	return &misp.Org{UUID: misp.T(found[o.Origin].UUID), Name: misp.T(found[o.Origin].Name)}, err
}
