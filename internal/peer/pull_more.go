package peer

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/remark"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

// Reasons of what hangs on events.
const (
	reasonElsewhere   = "peer.reason.elsewhere"   // about something that is not here
	reasonUnsupported = "peer.reason.unsupported" // the other side does not offer it to our key
	reasonLarge       = "peer.reason.large"       // the answer is larger than we read
	reasonGalaxy      = "peer.reason.galaxy"      // a cluster of a galaxy that is not here
)

// How much is asked for at once, and how far back: MISP's own figures (spec misp §7.4).
const (
	proposalsBack = 90 * 24 * time.Hour
	proposalsPage = 1000
	pagesMost     = 10_000
	sightingsAsk  = 20
	analystAsk    = 100
	clustersMost  = 200_000
	listBytes     = 64 << 20
)

// list makes a call whose answer is a list; read is given its body.
func (r *remote) list(ctx context.Context, method, path string, ask any, read func(io.Reader) error) error {
	err := r.call(ctx, method, path, ask, read)
	var broken *misp.Error
	switch {
	case errors.As(err, &broken) && broken.Kind == misp.ErrRead:
		return fault.New(fault.Unavailable, "the answer broke off").Because(err)
	case errors.As(err, &broken) && broken.Kind == misp.ErrLimit:
		return tooLarge()
	case broken != nil:
		return Odd("the answer is not what was asked for")
	}
	return err
}

var listLimits = misp.Limits{Bytes: listBytes}

// passed tells that a failure of a part means no more than that the other side does
// not offer it; it is counted, and the run goes on.
func (w *worker) passed(err error) bool {
	var said *NoAnswer
	if !errors.As(err, &said) || said.Status != http.StatusNotFound && said.Status != http.StatusForbidden && said.Status != http.StatusMethodNotAllowed {
		return false
	}
	w.run.Counts = w.run.Counts.copy()
	w.run.Counts.Reasons[reasonUnsupported]++
	return true
}

// sighted notes that an event has sightings that were not fetched yet.
func (w *puller) sighted(ctx context.Context, tx *store.Tx, r indexRow, it item) error {
	at := r.sighted()
	if w.run.Way == Move { // old events of an old MISP have sightings and no time of them
		at = max(at, 1)
	}
	if !w.p.PullSightings || at <= it.timestamp {
		return nil
	}
	if w.run.Dry {
		w.would(waySightings, r.UUID, at)
		return nil
	}
	return writeItem(ctx, tx, &item{peer: w.p.ID, way: waySightings, uuid: r.UUID, timestamp: at, state: itemWaiting})
}

// waitingItems reads the next notes of a way.
func (w *worker) waitingItems(ctx context.Context, way string, after int64, n int) (list []item, err error) {
	if w.run.Dry {
		all := w.dry[way]
		from := min(after, int64(len(all)))
		return slices.Clone(all[from:min(from+int64(n), int64(len(all)))]), nil
	}
	err = w.s.db.View(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		list, err = nextItems(ctx, tx, w.p.ID, way, after, now, n)
		return err
	})
	return list, err
}

// sightings fetches those of the events that have new ones. The other side is not
// asked for what our own organisation said.
func (w *puller) sightings(ctx context.Context) (done bool, err error) {
	for after := int64(0); ; {
		if w.late() {
			return false, nil
		}
		list, err := w.waitingItems(ctx, waySightings, after, sightingsAsk)
		if err != nil || len(list) == 0 {
			return err == nil, err
		}
		after = list[len(list)-1].id
		found, err := w.askSightings(ctx, list)
		if err != nil {
			if w.passed(err) {
				return true, nil
			}
			return false, err
		}
		for i := range list {
			if err := w.takeSightings(ctx, &list[i], found[list[i].uuid]); err != nil {
				return false, err
			}
		}
	}
}

// askSightings asks for all of a list of events; when that is too much, one by one,
// and what is too much by itself is left out with its reason.
func (w *puller) askSightings(ctx context.Context, list []item) (map[string][]misp.Sighting, error) {
	uuids := make([]string, len(list))
	for i := range list {
		uuids[i] = list[i].uuid
	}
	ask := map[string]any{"returnFormat": "json", "last": 0, "includeUuid": true, "uuid": uuids}
	var found []misp.Sighting
	err := w.r.list(ctx, http.MethodPost, "/sightings/restSearch/event", ask, func(r io.Reader) (err error) {
		found, _, err = misp.Read[misp.Sighting](r, listLimits, "Sighting")
		return err
	})
	if f := fault.Of(err); f != nil && f.Key == largeKey {
		if len(list) == 1 {
			list[0].reason = reasonLarge
			return nil, nil
		}
		out := map[string][]misp.Sighting{}
		for i := range list {
			one, err := w.askSightings(ctx, list[i:i+1])
			if err != nil {
				return nil, err
			}
			out[list[i].uuid] = one[list[i].uuid]
		}
		return out, nil
	}
	out := map[string][]misp.Sighting{}
	for _, g := range found {
		uuid, ok := store.ParseUUID(g.EventUUID.Or(""))
		if !ok && len(list) == 1 {
			uuid = list[0].uuid
		}
		out[uuid] = append(out[uuid], g)
	}
	return out, err
}

func (w *puller) takeSightings(ctx context.Context, it *item, found []misp.Sighting) error {
	list := make([]intel.Sighting, 0, len(found))
	for i := range found {
		g := &found[i]
		s := intel.Sighting{UUID: g.UUID.Or(""), Kind: int(g.Type.Or(0)), Source: Cut(g.Source.Or("")), Seen: g.DateSighting.Or(0),
			Attribute: &intel.Attribute{UUID: g.AttributeUUID.Or("")}, Org: intel.Org{ID: w.p.RemoteOrg}}
		if o := g.Organisation; o != nil && o.UUID.Or("") != "" && o.Name.Or("") != "" {
			s.Org = intel.Org{UUID: o.UUID.V, Name: Cut(o.Name.V)}
		}
		list = append(list, s)
	}
	return w.step(ctx, "", func(tx *store.Tx, c *Counts) error {
		t := &c.Sightings
		if tx == nil { // a dry run tells how many there are; which of them are here is seen when they come
			t.Read, t.Left = t.Read+int64(len(list)), t.Left+int64(len(list))
			return nil
		}
		it.state = itemSent
		if it.reason != "" {
			it.state = itemRefused
			c.Reasons[it.reason]++
		}
		t.Read += int64(len(list))
		for part := range slices.Chunk(list, 10_000) {
			n, passed, err := w.s.intel.BringSightingsTx(ctx, tx, w.as(), it.uuid, part)
			if fault.Is(err, fault.NotFound) { // the event did not come, or not yet
				if later, err := w.toCome(ctx, tx, it.uuid); err != nil || later {
					t.Read -= int64(len(list))
					return err
				}
				c.Reasons[reasonElsewhere] += int64(len(part))
				t.Refused += int64(len(part))
				continue
			}
			if err != nil {
				return err
			}
			t.Created += int64(n)
			t.Refused += int64(passed)
			t.Unchanged += int64(len(part) - n - passed)
			if passed > 0 {
				c.Reasons[reasonElsewhere] += int64(passed)
			}
		}
		return writeItem(ctx, tx, it)
	})
}

// toCome tells that an event is noted and could not be had yet.
func (w *puller) toCome(ctx context.Context, tx *store.Tx, uuid string) (bool, error) {
	known, err := itemsNamed(ctx, tx, w.p.ID, w.run.Way, []string{uuid})
	return known[uuid].state == itemWaiting, err
}

// proposals takes in what was proposed there in the last ninety days, in a move ever,
// decided ones too.
func (w *puller) proposals(ctx context.Context) (done bool, err error) {
	page, _ := strconv.Atoi(w.run.cursor)
	since := strconv.FormatInt(w.s.db.Clock.Now().Add(-proposalsBack).Unix(), 10)
	if w.run.Way == Move {
		since = "1"
	}
	before := ""
	for page++; ; page++ {
		if w.late() {
			return false, nil
		}
		if page > pagesMost {
			return false, Odd("the list of proposals does not end")
		}
		var list []misp.ShadowAttribute
		path := "/shadow_attributes/index/all:1/timestamp:" + since + "/limit:" + strconv.Itoa(proposalsPage) + "/page:" + strconv.Itoa(page) + "/deleted[]:0/deleted[]:1.json"
		err := w.r.list(ctx, http.MethodGet, path, nil, func(r io.Reader) (err error) {
			list, _, err = misp.Read[misp.ShadowAttribute](r, listLimits, "ShadowAttribute")
			return err
		})
		if err != nil {
			if w.passed(err) {
				return true, nil
			}
			return false, err
		}
		if len(list) == 0 {
			return true, nil
		}
		first := list[0].UUID.Or("") + strconv.FormatInt(list[0].ID.Or(0), 10)
		if first == before { // a page that comes again is the last one, or it would not end
			return false, Odd("the list of proposals does not end")
		}
		before = first
		if err := w.takeProposals(ctx, strconv.Itoa(page), list); err != nil {
			return false, err
		}
	}
}

func (w *puller) takeProposals(ctx context.Context, cursor string, list []misp.ShadowAttribute) error {
	byEvent := map[string][]misp.ShadowAttribute{}
	var order []string
	for _, p := range list {
		uuid, _ := store.ParseUUID(p.EventUUID.Or(""))
		if byEvent[uuid] == nil {
			order = append(order, uuid)
		}
		p.Email = misp.Text{}
		byEvent[uuid] = append(byEvent[uuid], p)
	}
	return w.step(ctx, cursor, func(tx *store.Tx, c *Counts) error {
		t := &c.Proposals
		t.Read += int64(len(list))
		for _, uuid := range order {
			mine := byEvent[uuid]
			if tx == nil { // a dry run counts what there is
				t.Left += int64(len(mine))
				continue
			}
			n, refused, err := 0, len(mine), error(nil)
			if uuid != "" {
				n, refused, err = w.s.remarks.PushProposalsTx(ctx, tx, w.as(), uuid, mine)
			}
			if fault.Is(err, fault.NotFound) {
				refused, err = len(mine), nil
			}
			if err != nil {
				return err
			}
			t.Created += int64(n)
			t.Refused += int64(refused)
			t.Unchanged += int64(len(mine) - n - refused)
			if refused > 0 {
				c.Reasons[reasonElsewhere] += int64(refused)
			}
		}
		return nil
	})
}

// analyst compares names and times of analyst data and fetches what is new or newer.
func (w *puller) analyst(ctx context.Context) (done bool, err error) {
	var minimal map[remark.Kind]json.RawMessage
	if err := w.r.value(ctx, http.MethodPost, "/analyst_data/indexMinimal", map[string]any{}, &minimal); err != nil {
		if w.passed(err) {
			return true, nil
		}
		return false, err
	}
	for _, kind := range remark.Kinds {
		times, uuids := modifiedOf(minimal[kind])
		for part := range slices.Chunk(uuids, analystAsk) {
			at := string(kind) + " " + part[len(part)-1]
			if behind(w.run.cursor, at) {
				continue
			}
			if w.late() {
				return false, nil
			}
			if err := w.analystPart(ctx, kind, part, times, at); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// behind tells that a place was passed by a cursor "Kind uuid"; kinds come in their order.
func behind(cursor, at string) bool {
	ck, cu, _ := strings.Cut(cursor, " ")
	ak, au, _ := strings.Cut(at, " ")
	ci, ai := slices.Index(remark.Kinds, remark.Kind(ck)), slices.Index(remark.Kinds, remark.Kind(ak))
	return ai < ci || ai == ci && au <= cu
}

// modifiedOf reads {uuid: "2006-01-02 15:04:05"}; nothing is written as a list.
func modifiedOf(raw json.RawMessage) (times map[string]int64, uuids []string) {
	var given map[string]string
	_ = json.Unmarshal(raw, &given) // [] is none
	times = map[string]int64{}
	for u, v := range given {
		uuid, ok := store.ParseUUID(u)
		at, good := misp.ParseTime(v)
		if ok && good {
			times[uuid] = at.Unix()
			uuids = append(uuids, uuid)
		}
	}
	slices.Sort(uuids)
	return times, uuids
}

func (w *puller) analystPart(ctx context.Context, kind remark.Kind, part []string, times map[string]int64, cursor string) error {
	offered := map[string]int64{}
	for _, u := range part {
		offered[u] = times[u]
	}
	want, err := w.s.remarks.Wanted(ctx, w.as(), kind, offered)
	if err != nil {
		return err
	}
	var list []misp.Analyst
	if len(want) > 0 && !w.run.Dry {
		path := "/analyst_data/index/" + string(kind) + "/uuid[]:" + strings.Join(want, "/uuid[]:") + ".json"
		err := w.r.list(ctx, http.MethodGet, path, nil, func(r io.Reader) (err error) {
			list, _, err = misp.Read[misp.Analyst](r, listLimits, string(kind))
			return err
		})
		if err != nil {
			return err
		}
	}
	g := w.grouping()
	var said []intel.Said
	for i := range list {
		uuid, _ := store.ParseUUID(list[i].UUID.Or(""))
		if !slices.Contains(want, uuid) {
			continue // not asked for
		}
		if err := w.remark(ctx, g, &list[i]); err != nil {
			return err
		}
		list[i].Notes, list[i].Opinions, list[i].Relationships = nil, nil, nil // each comes under its own name
		said = append(said, intel.Said{Kind: string(kind), Analyst: list[i]})
	}
	return w.step(ctx, cursor, func(tx *store.Tx, c *Counts) error {
		t := &c.Analyst
		t.Read += int64(len(part))
		t.Unchanged += int64(len(part) - len(want))
		if tx == nil {
			t.Created += int64(len(want))
			return nil
		}
		imported, passed, refused, err := w.s.remarks.PushRemarksTx(ctx, tx, w.as(), said)
		if err != nil {
			return err
		}
		t.Created += int64(imported)
		t.Unchanged += int64(passed)
		if refused += len(want) - len(said); refused > 0 {
			t.Refused += int64(refused)
			c.Reasons[reasonInvalid] += int64(refused)
		}
		return nil
	})
}

// remark brings what was said there into the terms of here.
func (w *puller) remark(ctx context.Context, g *intel.Grouping, n *misp.Analyst) error {
	return remarkHere(ctx, w.p, g, n)
}

func remarkHere(ctx context.Context, p *Peer, g *intel.Grouping, n *misp.Analyst) error {
	if !p.Internal {
		n.Distribution = lowered(n.Distribution, int64(intel.OwnOrg))
	}
	n.Locked = misp.B(true)
	for _, list := range [][]misp.Analyst{n.Notes, n.Opinions, n.Relationships} {
		for i := range list {
			if err := remarkHere(ctx, p, g, &list[i]); err != nil {
				return err
			}
		}
	}
	return g.Part(ctx, &n.Distribution, &n.SharingGroupID, &n.SharingGroup, int64(intel.OwnOrg))
}

// clusters takes in the other side's own published clusters that are new or newer.
func (w *puller) clusters(ctx context.Context) (done bool, err error) {
	versions, uuids, err := w.r.ownClusters(ctx)
	if err != nil {
		if w.passed(err) {
			return true, nil
		}
		return false, err
	}
	for part := range slices.Chunk(uuids, 100) {
		here := map[string]catalog.Cluster{}
		err := w.s.catalog.ClustersWhere(ctx, w.as(), catalog.ClusterFilter{UUIDs: part, Both: true}, func(c catalog.Cluster) error { here[c.UUID] = c; return nil })
		if err != nil {
			return false, err
		}
		for _, uuid := range part {
			if uuid <= w.run.cursor {
				continue
			}
			if w.late() {
				return false, nil
			}
			c, known := here[uuid]
			if err := w.cluster(ctx, uuid, versions[uuid], c, known); err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// ownClusters lists the other side's own published clusters with their versions.
func (r *remote) ownClusters(ctx context.Context) (versions map[string]int64, uuids []string, err error) {
	var list []misp.GalaxyCluster
	err = r.list(ctx, http.MethodPost, "/galaxy_clusters/restSearch", map[string]any{"published": 1, "minimal": 1, "custom": 1}, func(b io.Reader) (err error) {
		list, _, err = misp.Read[misp.GalaxyCluster](b, listLimits, "GalaxyCluster")
		return err
	})
	versions = map[string]int64{}
	for i := range list {
		if uuid, ok := store.ParseUUID(list[i].UUID.Or("")); ok && len(uuids) < clustersMost {
			if _, twice := versions[uuid]; !twice {
				uuids = append(uuids, uuid)
			}
			versions[uuid] = list[i].Version.Or(0)
		}
	}
	slices.Sort(uuids)
	return versions, uuids, err
}

// cluster fetches and takes in one, if it is new or newer.
func (w *puller) cluster(ctx context.Context, uuid string, version int64, here catalog.Cluster, known bool) error {
	var p *catalog.PushedCluster
	reason := ""
	switch {
	case known && (here.Own == nil || !here.Own.Locked):
		reason = reasonOwn
	case known && here.Own.Version >= version:
	default:
		var list []misp.GalaxyCluster
		err := w.r.list(ctx, http.MethodGet, "/galaxy_clusters/view/"+uuid, nil, func(b io.Reader) (err error) {
			list, _, err = misp.Read[misp.GalaxyCluster](b, listLimits, "GalaxyCluster")
			return err
		})
		var said *NoAnswer
		switch {
		case errors.As(err, &said) && said.Status < 500:
			reason = reasonGone
		case err != nil:
			return err
		default:
			if p, err = w.clusterHere(ctx, uuid, list); err != nil {
				return err
			}
			if p == nil {
				reason = reasonOther
			}
		}
	}
	return w.step(ctx, uuid, func(tx *store.Tx, c *Counts) error {
		t := &c.Clusters
		t.Read++
		changed := false
		if p != nil && tx != nil {
			var err error
			changed, err = w.s.catalog.ReceiveTx(ctx, tx, w.as(), *p)
			switch {
			case fault.Is(err, fault.NotFound):
				reason = reasonGalaxy
			case err != nil && fault.Of(err) != nil && fault.KindOf(err) != fault.Unavailable:
				reason = reasonInvalid
				if f := fault.Of(err); f.Key == "catalog.fault.blocked" {
					reason = reasonBlocked
				}
			case err != nil:
				return err
			}
		}
		switch {
		case reason != "":
			t.Refused++
			c.Reasons[reason]++
		case p != nil && (changed || tx == nil) && known:
			t.Updated++
		case p != nil && (changed || tx == nil):
			t.Created++
		default:
			t.Unchanged++
		}
		return nil
	})
}

// clusterHere makes what came into what may be stored; nil when it is not what was asked for.
func (w *puller) clusterHere(ctx context.Context, uuid string, list []misp.GalaxyCluster) (*catalog.PushedCluster, error) {
	if len(list) != 1 {
		return nil, nil
	}
	c := &list[0]
	if got, ok := store.ParseUUID(c.UUID.Or("")); !ok || got != uuid || c.Default.Or(false) {
		return nil, nil
	}
	g, theirs := w.grouping(), c.SharingGroupID.Or(0)
	if err := g.Part(ctx, &c.Distribution, &c.SharingGroupID, &c.SharingGroup, int64(intel.OwnOrg)); err != nil {
		return nil, err
	}
	out := &catalog.PushedCluster{Galaxy: c.Type.Or(""), Pulled: !w.p.Internal, Holder: w.p.Org, Published: true}
	d := &out.Draft
	d.UUID, d.Value, d.Level, d.Group, d.Version = uuid, c.Value.Or(""), int(c.Distribution.Or(0)), c.SharingGroupID.Or(0), c.Version.Or(0)
	d.Description, d.Source, d.Authors = c.Description.Or(""), c.Source.Or(""), c.Authors
	d.ExtendsUUID, d.ExtendsVersion = c.ExtendsUUID.Or(""), c.ExtendsVersion.Or(0)
	for _, e := range c.GalaxyElement {
		d.Elements = append(d.Elements, catalog.Element{Key: e.Key.Or(""), Value: e.Value.Or("")})
	}
	for i := range c.Relation {
		r := &c.Relation[i]
		rd := catalog.RelationDraft{Target: r.ReferencedUUID.Or(""), Kind: r.ReferencedType.Or(""), Level: int(r.Distribution.Or(0))}
		if rd.Level == int(intel.Group) {
			if rd.Level = int(intel.OwnOrg); r.SharingGroupID.Or(0) == theirs { // the cluster's own group
				rd.Level, rd.Group = d.Level, d.Group
			}
		}
		for _, t := range r.Tag {
			rd.Tags = append(rd.Tags, t.Name.Or(""))
		}
		d.Relations = append(d.Relations, rd)
	}
	if c.Galaxy != nil && c.Galaxy.UUID.Or("") != "" {
		out.Galaxy = c.Galaxy.UUID.V
	}
	if o := c.Orgc; o != nil {
		out.OriginUUID, out.OriginName = o.UUID.Or(""), Cut(o.Name.Or(""))
	}
	return out, nil
}
