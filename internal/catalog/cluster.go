package catalog

import (
	"encoding/json"
	"slices"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Cluster is one cluster of a galaxy. Body is its upstream JSON; a cluster of
// one's own is kept in the same form.
type Cluster struct {
	ID      int64
	Galaxy  int64
	UUID    string
	Value   string
	Type    string // of its galaxy
	Body    json.RawMessage
	Deleted bool
	Own     *Own // nil: imported
}

// Own is what a cluster has that was made here or came from a peer.
type Own struct {
	Level          int   // MISP's distribution, 0 to 4
	Group          int64 // sharing group, level 4
	Org            int64 // organisation here that holds it
	Origin         int64 // organisation that made it, 0 = none of here
	OriginUUID     string
	OriginName     string
	Version        int64
	ExtendsUUID    string // forked from
	ExtendsVersion int64
	Published      bool
	Locked         bool  // came from a peer
	Created        int64 // µs
	Modified       int64 // µs

	audience int64
}

// Tag is the tag that stands for the cluster: by its value, or by its UUID when
// the cluster is one's own.
func (c Cluster) Tag() string {
	if c.Own != nil {
		return clusterTag(c.Type, c.UUID)
	}
	return clusterTag(c.Type, c.Value)
}

func clusterTag(typ, value string) string { return `misp-galaxy:` + typ + `="` + value + `"` }

// Element is one row of a cluster's metadata.
type Element struct{ Key, Value string }

// ClusterText is what stands in a cluster's body.
type ClusterText struct {
	Description string
	Source      string
	Authors     []string
	Elements    []Element // by key, values in their order
}

// body is the upstream form of a cluster.
type clusterBody struct {
	Value       string                     `json:"value,omitempty"`
	UUID        string                     `json:"uuid,omitempty"`
	Description string                     `json:"description,omitempty"`
	Source      string                     `json:"source,omitempty"`
	Authors     []string                   `json:"authors,omitempty"`
	Meta        map[string]json.RawMessage `json:"meta,omitempty"`
	Related     []struct {
		Dest string   `json:"dest-uuid"`
		Type string   `json:"type"`
		Tags []string `json:"tags"`
	} `json:"related,omitempty"`
}

// Text reads a cluster's body; what cannot be read is left out.
func (c Cluster) Text() ClusterText {
	b := openBody(c.Body)
	t := ClusterText{Description: b.Description, Source: b.Source, Authors: b.Authors}
	keys := make([]string, 0, len(b.Meta))
	for k := range b.Meta {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		for _, v := range metaValues(b.Meta[k]) {
			t.Elements = append(t.Elements, Element{k, v})
		}
	}
	return t
}

// Said is the description in a cluster's body as its readers' language has it: ours
// carry Serbian beside English; what has one language is given in that.
func Said(body []byte, lang i18n.Lang) string {
	var b struct {
		Descriptions map[i18n.Lang]string `json:"descriptions"`
	}
	_ = json.Unmarshal(body, &b)
	switch cyrillic := b.Descriptions[i18n.SrCyrl]; {
	case cyrillic == "" || lang == i18n.En:
		return openBody(body).Description
	case lang == i18n.SrLatn:
		return i18n.Latin(cyrillic)
	default:
		return cyrillic
	}
}

// openBody understands what it can: upstream has clusters with a number for a text.
func openBody(raw []byte) (b clusterBody) {
	if json.Unmarshal(raw, &b) == nil {
		return b
	}
	var loose struct {
		Value       string                     `json:"value"`
		Description any                        `json:"description"`
		Meta        map[string]json.RawMessage `json:"meta"`
	}
	_ = json.Unmarshal(raw, &loose)
	b = clusterBody{Value: loose.Value, Meta: loose.Meta}
	b.Description, _ = loose.Description.(string)
	return b
}

// metaValues gives a list, or a list of one; numbers and flags as they stand.
func metaValues(raw json.RawMessage) (out []string) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	for _, v := range list {
		var s string
		if json.Unmarshal(v, &s) != nil {
			s = string(v)
		}
		out = append(out, s)
	}
	return out
}

// newBody writes the upstream form of a cluster of one's own.
func newBody(value string, t ClusterText) (json.RawMessage, error) {
	meta := map[string][]string{}
	for _, e := range t.Elements {
		meta[e.Key] = append(meta[e.Key], e.Value)
	}
	return json.Marshal(map[string]any{"value": value, "description": t.Description, "source": t.Source, "authors": orNone(t.Authors), "meta": meta})
}

func orNone(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// ClusterDraft is a cluster of one's own as its maker gives it.
type ClusterDraft struct {
	UUID  string // "" makes one
	Value string
	ClusterText
	Level          int
	Group          int64
	Version        int64 // 0 = from the clock
	ExtendsUUID    string
	ExtendsVersion int64
	Relations      []RelationDraft
	Replace        bool // the relations given take the place of those there are
}

// RelationDraft points to another cluster, by its UUID, which need not be here.
type RelationDraft struct {
	Target string
	Kind   string
	Tags   []string
	Level  int
	Group  int64
}

// Relation is a pointer from a cluster to another one.
type Relation struct {
	ID       int64
	Cluster  int64  // where it begins
	From     string // its UUID
	FromName string
	Target   string // UUID
	TargetID int64  // 0 = not here, or not to be seen
	ToName   string
	Kind     string
	Tags     []string
	Level    int
	Group    int64
	Default  bool // came with an imported catalogue

	toType string
}

// Limits of what one cluster of one's own may hold.
const (
	clusterBytes     = 1 << 20
	clusterElements  = 5_000
	clusterRelations = 2_000
	textBytes        = 4_000
	versionMost      = 1e11 // seconds; a higher one of a peer's could hardly be followed
)

// check holds a draft against the rules. Faults: Invalid, all fields at once.
func (d *ClusterDraft) check() error {
	var c fault.Collector
	d.Value = strings.TrimSpace(d.Value)
	if d.Value == "" || len(d.Value) > textBytes || strings.ContainsAny(d.Value, "\"\n\r") {
		c.Add("value", "catalog.fault.value")
	}
	if d.UUID != "" {
		u, ok := store.ParseUUID(d.UUID)
		if d.UUID = u; !ok {
			c.Add("uuid", "catalog.fault.uuid")
		}
	}
	if d.Version < 0 || d.Version > versionMost {
		c.Add("version", "catalog.fault.version")
	}
	if d.ExtendsUUID != "" {
		u, ok := store.ParseUUID(d.ExtendsUUID)
		if d.ExtendsUUID = u; !ok {
			c.Add("extends_uuid", "catalog.fault.uuid")
		}
	}
	if d.Level < 0 || d.Level > levelGroup {
		c.Add("distribution", "catalog.fault.distribution")
	}
	kept := d.Elements[:0:0]
	size := len(d.Description) + len(d.Source)
	for _, e := range d.Elements {
		if e.Key = strings.TrimSpace(e.Key); e.Key != "" {
			kept = append(kept, e)
			size += len(e.Key) + len(e.Value)
		}
	}
	if d.Elements = kept; len(kept) > clusterElements || size > clusterBytes {
		c.Add("elements", "catalog.fault.large")
	}
	if len(d.Relations) > clusterRelations {
		c.Add("relations", "catalog.fault.large")
	}
	for i := range d.Relations {
		if d.Relations[i].check() != nil {
			c.Add("relations", "catalog.fault.relation")
		}
	}
	return c.Err("a cluster")
}

func (r *RelationDraft) check() error {
	u, ok := store.ParseUUID(r.Target)
	r.Kind = strings.TrimSpace(r.Kind)
	if r.Target = u; !ok || r.Kind == "" || len(r.Kind) > 200 || r.Level < 0 || r.Level > levelGroup || len(r.Tags) > 100 {
		return fault.Field("relation", "catalog.fault.relation", "no relation")
	}
	return nil
}

const levelGroup = 4

// nextVersion: a version is the second of its change, and always higher than the
// one before (spec misp §5.5).
func nextVersion(now, before int64) int64 { return max(now/1e6, before+1) }

// mayEditCluster: its maker's organisation, a peer's key on what came from a
// peer, and the site administrator on MISP's surface.
func mayEditCluster(who ident.Actor, c Cluster) error {
	switch {
	case c.Own == nil:
		return fault.New(fault.Denied, "an imported cluster is not edited").WithKey("catalog.fault.default")
	case who.Org != 0 && c.Own.Origin == who.Org && mayCluster(who) == nil, seesAll(who) && mayCluster(who) == nil,
		who.Kind == ident.System && mayCluster(who) == nil:
		return nil
	}
	return fault.New(fault.Denied, "%s did not make cluster %d", who, c.ID).WithKey("catalog.fault.foreign")
}
