package intelmisp

import (
	"encoding/json"
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

const notMaker = "Only the creator organisation can modify the galaxy cluster"

// clusterFault gives MISP's texts for what may not be done to a cluster.
func clusterFault(action string, err error) error {
	f := fault.Of(err)
	if f == nil {
		return err
	}
	switch {
	case f.Key == "catalog.fault.default":
		return notAllowed("Default galaxy cluster cannot be edited")
	case f.Key == "catalog.fault.foreign":
		return notAllowed(notMaker)
	case f.Key == "catalog.fault.blocked":
		return forbidden("Galaxy cluster blocked by galaxy cluster blocklist.")
	case f.Kind == fault.NotFound:
		return notFound("Invalid galaxy cluster")
	case f.Kind == fault.Denied:
		return forbidden(misp.MsgNoFunction)
	case f.Kind == fault.Conflict:
		return unsaved(misp.Outcome{Controller: "GalaxyClusters", Action: action, Errors: map[string][]string{"uuid": {"Galaxy Cluster with same UUID already exists."}}})
	}
	errs := map[string][]string{}
	for field, why := range f.Fields {
		errs[field] = []string{clusterReasons[why]}
	}
	return unsaved(misp.Outcome{Controller: "GalaxyClusters", Action: action, Errors: errs})
}

var clusterReasons = map[string]string{"catalog.fault.value": "valueNotEmpty", "catalog.fault.uuid": misp.MsgUUIDFormat,
	"catalog.fault.distribution": misp.MsgDistribution, "catalog.fault.group": misp.MsgBadSharing, "catalog.fault.extends": "Invalid extended cluster.",
	"catalog.fault.relation": "Invalid relation.", "catalog.fault.large": "Too large."}

// clusterFields lays a body's fields over a cluster. fresh: a new one, whose
// distribution is taken from the setting that events have.
func (a *api) clusterFields(c *call, p params, d *catalog.ClusterDraft, fresh bool) {
	for key, to := range map[string]*string{"value": &d.Value, "description": &d.Description, "source": &d.Source, "extends_uuid": &d.ExtendsUUID} {
		if p.has(key) {
			*to = p.text(key)
		}
	}
	if fresh {
		d.UUID, d.Level = p.text("uuid"), int(intel.Community)
	}
	d.Authors = p.authors()
	d.Level = p.number("distribution", d.Level)
	d.Group = 0
	if d.Level == int(intel.Group) {
		d.Group = a.groupRef(c, p)
	}
	d.ExtendsVersion = int64(p.number("extends_version", int(d.ExtendsVersion)))
	if list, ok := elementsOf(p); ok {
		d.Elements = list
	}
	if list, ok := p["GalaxyClusterRelation"].([]any); ok {
		d.Replace, d.Relations = true, nil
		for _, e := range list {
			if m, ok := e.(map[string]any); ok {
				d.Relations = append(d.Relations, a.relationFields(c, m, catalog.RelationDraft{Level: d.Level, Group: d.Group}))
			}
		}
	}
}

// authors come as a list, or as one text, JSON or not.
func (p params) authors() []string {
	s, ok := p["authors"].(string)
	if !ok {
		return p.list("authors")
	}
	var list []string
	if json.Unmarshal([]byte(s), &list) == nil {
		return list
	}
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// elementsOf reads GalaxyElement, or meta; ok is false when neither is there.
func elementsOf(p params) (out []catalog.Element, ok bool) {
	if list, is := p["GalaxyElement"].([]any); is {
		for _, e := range list {
			if m, is := e.(map[string]any); is {
				out = append(out, catalog.Element{Key: text(m["key"]), Value: text(m["value"])})
			}
		}
		return out, true
	}
	meta, is := p["meta"].(map[string]any)
	for k, v := range meta {
		for _, s := range texts(v) {
			out = append(out, catalog.Element{Key: k, Value: s})
		}
	}
	return out, is
}

// groupRef is the id of the sharing group that a body names, 0 when the caller
// may not know it.
func (a *api) groupRef(c *call, p params) int64 {
	ref := p.text("sharing_group_id")
	if m, ok := p["SharingGroup"].(map[string]any); ok && text(m["uuid"]) != "" {
		ref = text(m["uuid"])
	}
	g, err := a.Intel.SharingGroup(c.ctx(), c.who, ref)
	if err != nil || !g.Active {
		return 0
	}
	return g.ID
}

func (a *api) relationFields(c *call, p params, r catalog.RelationDraft) catalog.RelationDraft {
	if v := p.text("referenced_galaxy_cluster_uuid"); v != "" {
		r.Target = v
	}
	if v := p.text("referenced_galaxy_cluster_type"); v != "" {
		r.Kind = v
	}
	if r.Level = p.number("distribution", r.Level); r.Level == int(intel.Group) {
		r.Group = a.groupRef(c, p)
	} else {
		r.Group = 0
	}
	switch v := p["tags"].(type) {
	case string: // names, with commas between them
		r.Tags = nil
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				r.Tags = append(r.Tags, part)
			}
		}
	case []any:
		r.Tags = texts(v)
	}
	if list, ok := p["Tag"].([]any); ok {
		r.Tags = nil
		for _, e := range list {
			if m, ok := e.(map[string]any); ok {
				r.Tags = append(r.Tags, text(m["name"]))
			}
		}
	}
	return r
}

// relationTags makes the tags that a relation names and nobody knows, for who may; for all
// others they are not shown. Before the relation's own transaction: two do not write at once.
func (a *api) relationTags(c *call, p params) {
	for _, name := range a.relationFields(c, p, catalog.RelationDraft{}).Tags {
		_, _ = a.Intel.AddTag(c.ctx(), c.who, intel.Tag{Name: name, Exportable: true})
	}
}

// clusterTags is relationTags for the relations that come in a cluster.
func (a *api) clusterTags(c *call, p params) {
	list, _ := p["GalaxyClusterRelation"].([]any)
	for _, e := range list {
		if m, ok := e.(map[string]any); ok {
			a.relationTags(c, m)
		}
	}
}

func (a *api) clusterAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	var d catalog.ClusterDraft
	p := c.params.sub("GalaxyCluster")
	a.clusterFields(c, p, &d, true)
	galaxy := c.arg(0)
	if galaxy == "" {
		galaxy = p.text("galaxy_id")
	}
	if _, _, err := a.Catalog.Get(c.ctx(), c.who, catalog.Galaxy, galaxy); err != nil {
		return instead(err, notFound("Invalid galaxy"), fault.NotFound)
	}
	a.clusterTags(c, p)
	cl, err := a.Catalog.AddCluster(c.ctx(), c.who, galaxy, d)
	if err != nil {
		return clusterFault("add", err)
	}
	return a.clusterSaved(c, cl)
}

func (a *api) clusterSaved(c *call, cl catalog.Cluster) error {
	b, err := a.clusterAnswer(c, cl, false)
	if err != nil {
		return err
	}
	return c.json(b)
}

func (a *api) clusterEdit(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("GalaxyCluster")
	if cl, err := a.Catalog.Cluster(c.ctx(), c.who, c.arg(0)); err == nil && cl.Own != nil { // another's, or a default one, is refused below
		a.clusterTags(c, p)
	}
	cl, err := a.Catalog.EditCluster(c.ctx(), c.who, c.arg(0), func(d *catalog.ClusterDraft) {
		a.clusterFields(c, p, d, false)
	})
	if err != nil {
		return clusterFault("edit", err)
	}
	return a.clusterSaved(c, cl)
}

func (a *api) clusterPublish(c *call) error {
	on := c.action == "publish"
	cl, err := a.Catalog.PublishCluster(c.ctx(), c.who, c.arg(0), on)
	if err != nil {
		return clusterFault(c.action, err)
	}
	if on {
		return c.value(ordered{{"message", "Publish job queued. Job ID: " + cl.UUID}})
	}
	return c.done(misp.Outcome{Controller: "GalaxyClusters", Action: "unpublish", Message: "GalaxyCluster unpublished", ID: itoa(cl.ID)})
}

func (a *api) clusterDelete(c *call) error {
	hard, err := c.hard()
	if err != nil {
		return err
	}
	cl, err := a.Catalog.DeleteCluster(c.ctx(), c.who, c.arg(0), hard)
	if err != nil {
		return clusterFault("delete", err)
	}
	msg := "Galaxy cluster successfuly soft deleted."
	if hard && cl.Own != nil {
		msg = "Galaxy cluster successfuly hard deleted and added to the block list."
	}
	return c.done(misp.Outcome{Controller: "GalaxyClusters", Action: "delete", Message: msg, ID: c.arg(0)})
}

func (a *api) clusterRestore(c *call) error {
	if _, err := a.Catalog.RestoreCluster(c.ctx(), c.who, c.arg(0)); err != nil {
		return clusterFault("restore", err)
	}
	return c.done(misp.Outcome{Controller: "GalaxyClusters", Action: "restore", Message: "GalaxyCluster restored", ID: c.arg(0)})
}

func (a *api) relationIndex(c *call) error {
	from, _, err := a.Catalog.Relations(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return clusterFault("index", err)
	}
	return c.list("", "", func(yield func([]byte) error) error {
		for _, r := range from {
			w := a.relationWire(c, r)
			if err := yield(append(misp.Append([]byte(`{"GalaxyClusterRelation":`), &w), '}')); err != nil {
				return err
			}
		}
		return nil
	})
}

func relationDone(c *call, action, id string) error {
	return c.done(misp.Outcome{Controller: "GalaxyClusterRelations", Action: action,
		Message: "GalaxyClusterRelation " + map[string]string{"add": "added", "edit": "edited", "delete": "deleted"}[action], ID: id})
}

// refToCluster: relations name clusters by UUID, or by id.
func (a *api) refToCluster(c *call, p params, end string) string {
	if v := p.text(end + "galaxy_cluster_uuid"); v != "" {
		return v
	}
	cl, err := a.Catalog.Cluster(c.ctx(), c.who, p.text(end+"galaxy_cluster_id"))
	if err != nil {
		return ""
	}
	return cl.UUID
}

func (a *api) relationAdd(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("GalaxyClusterRelation")
	r := a.relationFields(c, p, catalog.RelationDraft{Level: int(intel.All)})
	r.Target = a.refToCluster(c, p, "referenced_")
	a.relationTags(c, p)
	out, err := a.Catalog.AddRelation(c.ctx(), c.who, a.refToCluster(c, p, ""), r)
	if err != nil {
		return clusterFault("add", err)
	}
	return relationDone(c, "add", itoa(out.ID))
}

func (a *api) relationEdit(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("GalaxyClusterRelation")
	id := int64(params{"": c.arg(0)}.number("", 0))
	a.relationTags(c, p)
	out, err := a.Catalog.EditRelation(c.ctx(), c.who, id, func(r *catalog.RelationDraft) { *r = a.relationFields(c, p, *r) })
	if err != nil {
		return clusterFault("edit", err)
	}
	return relationDone(c, "edit", itoa(out.ID))
}

func (a *api) relationDelete(c *call) error {
	if err := a.Catalog.DeleteRelation(c.ctx(), c.who, int64(params{"": c.arg(0)}.number("", 0))); err != nil {
		return clusterFault("delete", err)
	}
	return relationDone(c, "delete", c.arg(0))
}

// pushedMost bounds the clusters of one push.
const pushedMost = 10_000

// clusterPush takes in clusters that a peer pushes. What fails is left out; the
// answer says how many came in and how many were left.
func (a *api) clusterPush(c *call) error {
	b, err := c.read()
	if err != nil {
		return err
	}
	v, err := decode(b)
	if err != nil {
		return badJSON()
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	if len(list) > pushedMost {
		return fail(413, "The request is too large.")
	}
	in, left, failed := 0, 0, 0
	for _, e := range list {
		m, _ := e.(map[string]any)
		changed, err := a.Catalog.Receive(c.ctx(), c.who, a.pushed(c, params(m).sub("GalaxyCluster")))
		switch {
		case err != nil && fault.Of(err) == nil:
			return err
		case err != nil:
			failed++
		case changed:
			in++
		default:
			left++
		}
	}
	return c.done(misp.Outcome{Controller: "Galaxies", Action: "pushCluster", Message: "Galaxy clusters imported. " +
		itoa(int64(in)) + " imported, " + itoa(int64(left)) + " ignored, " + itoa(int64(failed)) + " failed."})
}

func (a *api) pushed(c *call, p params) catalog.PushedCluster {
	out := catalog.PushedCluster{Galaxy: p.text("type"), Published: p.flag("published", false)} // its sender has lowered the level
	a.clusterFields(c, p, &out.Draft, true)
	out.Draft.Version = int64(p.number("version", 0))
	if g, ok := p["Galaxy"].(map[string]any); ok && text(g["uuid"]) != "" {
		out.Galaxy = text(g["uuid"])
	}
	if o, ok := p["Orgc"].(map[string]any); ok {
		out.OriginUUID, out.OriginName = text(o["uuid"]), text(o["name"])
		if known, err := a.findOrg(c, out.OriginUUID); err == nil {
			out.Origin = known.ID
		}
	}
	return out
}

func (a *api) clusterBlocks(c *call) error {
	list, err := a.Catalog.Blocks(c.ctx(), c.who)
	if err != nil {
		return clusterFault("index", err)
	}
	return c.list("", "", formed(list, func(b catalog.Block) any {
		return ordered{{"GalaxyClusterBlocklist", blockWire(b)}}
	}))
}

func blockWire(b catalog.Block) ordered {
	return ordered{{"id", itoa(b.ID)}, {"cluster_uuid", b.UUID}, {"created", date(b.Created / 1e6)}, {"cluster_info", b.Info}, {"comment", b.Comment}, {"cluster_orgc", b.Org}}
}

func blockFields(p params, b *catalog.Block) {
	for key, to := range map[string]*string{"cluster_info": &b.Info, "comment": &b.Comment, "cluster_orgc": &b.Org} {
		if p.has(key) {
			*to = p.text(key)
		}
	}
}

func (a *api) clusterBlock(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	p := c.params.sub("GalaxyClusterBlocklist")
	var b catalog.Block
	blockFields(p, &b)
	uuids := p.list("uuids")
	if len(uuids) == 0 {
		uuids = p.list("cluster_uuid")
	}
	if s, ok := p["uuids"].(string); ok {
		uuids = strings.Fields(s)
	}
	added, err := a.Catalog.Block(c.ctx(), c.who, b, uuids)
	if err != nil {
		return clusterFault("add", err)
	}
	return c.value(ordered{{"result", ordered{{"successes", orEmpty(added)}, {"fails", []string{}}}}})
}

func (a *api) clusterBlockEdit(c *call) error {
	if err := c.form(); err != nil {
		return err
	}
	b, err := a.Catalog.EditBlock(c.ctx(), c.who, c.arg(0), false, func(b *catalog.Block) { blockFields(c.params.sub("GalaxyClusterBlocklist"), b) })
	if err != nil {
		return instead(err, notFound("Invalid blocklist entry"), fault.NotFound)
	}
	return c.value(ordered{{"GalaxyClusterBlocklist", blockWire(b)}})
}

func (a *api) clusterUnblock(c *call) error {
	if _, err := a.Catalog.EditBlock(c.ctx(), c.who, c.arg(0), true, nil); err != nil {
		return instead(err, notFound("Invalid blocklist entry"), fault.NotFound)
	}
	return c.done(misp.Outcome{Controller: "GalaxyClusterBlocklists", Action: "delete", Message: "Blocklist entry removed", ID: c.arg(0)})
}
