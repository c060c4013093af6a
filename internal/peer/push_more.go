package peer

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/remark"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// holdUnsent: what hangs on an event goes only where the event is.
const holdUnsent = "peer.hold.unsent"

// sighted notes that an event has sightings that were not sent yet.
func (w *pusher) sighted(ctx context.Context, tx *store.Tx, e *intel.Event, it item) error {
	if !w.p.PushSightings || w.run.Dry || e.SightingTimestamp <= it.timestamp {
		return nil
	}
	return writeItem(ctx, tx, &item{peer: w.p.ID, way: wayOutSightings, uuid: e.UUID, timestamp: e.SightingTimestamp, state: itemWaiting})
}

// there tells whether the peer has an event from us, or we have it from there.
func (w *pusher) holds(ctx context.Context, uuid string) (sent, theirs bool, err error) {
	from, err := w.s.source(ctx, uuid)
	if err != nil {
		return false, false, err
	}
	err = w.s.db.View(ctx, func(tx *store.Tx) error {
		known, err := itemsNamed(ctx, tx, w.p.ID, Push, []string{uuid})
		sent = known[uuid].state == itemSent || w.gone[uuid]
		return err
	})
	return sent, from == w.p.ID, err
}

// goes tells what of an event the peer may have, by UUID: itself, attributes, objects, reports.
func (w *pusher) goes(ctx context.Context, e *intel.Event) (map[string]bool, error) {
	return (&document{sender: w.s.senderOf(w.p, w.there), s: w.s, e: e}).uuids(ctx)
}

// uuids names the parts that go, and the event.
func (d *document) uuids(ctx context.Context) (map[string]bool, error) {
	out := map[string]bool{d.e.UUID: true}
	look := &document{sender: d.sender, s: d.s, e: d.e, look: true}
	err := look.parts(ctx, func(a *misp.Attribute) error { out[a.UUID.V] = true; return nil }, func(o *misp.Object) error {
		out[o.UUID.V] = true
		for i := range o.Attribute {
			out[o.Attribute[i].UUID.V] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	reports, err := look.reports(ctx)
	for i := range reports {
		out[reports[i].UUID.V] = true
	}
	return out, err
}

// hanging tells what may go there of what hangs on an event that is here: which parts of it
// the peer may have, nil for all where the event is its own; or why nothing does. The peer
// holds the event, and its level, label and our rules would still let it go: that it is
// being edited just now does not matter.
func (w *pusher) hanging(ctx context.Context, e *intel.Event) (may map[string]bool, reason string, err error) {
	sent, theirs, err := w.holds(ctx, e.UUID)
	switch {
	case err != nil:
		return nil, "", err
	case theirs:
		return nil, "", nil
	case !sent:
		return nil, holdUnsent, nil
	}
	from, err := w.s.source(ctx, e.UUID)
	if err != nil {
		return nil, "", err
	}
	done := *e
	done.Published = true
	sd := w.s.senderOf(w.p, w.there)
	sd.version = w.r.able.Version
	if reason, err = sd.event(ctx, &done, w.s.intel.LabelOf(ctx, part(), e), from); err != nil || reason != "" {
		return nil, reason, err
	}
	may, err = w.goes(ctx, e)
	return may, "", err
}

// reach remembers hanging by event for lists whose things hang on many: one test per event.
type reach struct {
	w     *pusher
	known map[int64]func(uuid string) bool
}

func (w *pusher) reach() *reach { return &reach{w: w, known: map[int64]func(string) bool{}} }

// lets tells whether what hangs on a thing of an event may go to the peer.
func (r *reach) lets(ctx context.Context, event int64, uuid string) (bool, error) {
	test := r.known[event]
	if test == nil {
		e, err := r.w.s.intel.Event(ctx, part(), strconv.FormatInt(event, 10))
		if err != nil {
			return false, err
		}
		may, reason, err := r.w.hanging(ctx, &e)
		if err != nil {
			return false, err
		}
		test = func(uuid string) bool { return reason == "" && (may == nil || may[uuid]) }
		r.known[event] = test
	}
	return test(uuid), nil
}

// each does something with every event noted for a way that the peer holds. send
// gives how many were new there and how many were as they were.
func (w *pusher) each(ctx context.Context, way string, tally func(*Counts) *Tally, send func(ctx context.Context, e *intel.Event, may map[string]bool) (created, unchanged int64, err error)) (done bool, err error) {
	for after := int64(0); ; {
		list, err := w.waitingItems(ctx, way, after, pageItems)
		if err != nil || len(list) == 0 {
			return err == nil, err
		}
		after = list[len(list)-1].id
		for i := range list {
			if w.late() {
				return false, nil
			}
			it := &list[i]
			created, unchanged, reason, err := w.sendOf(ctx, it, send)
			if err != nil {
				if w.passed(err) {
					return true, nil
				}
				return false, err
			}
			err = w.step(ctx, "", func(tx *store.Tx, c *Counts) error {
				if it.state = itemSent; reason != "" {
					it.state, it.reason = itemHeld, reason
					c.Reasons[reason]++
				}
				t := tally(c)
				t.Read += created + unchanged
				t.Created += created
				t.Unchanged += unchanged
				if tx == nil {
					return nil
				}
				return writeItem(ctx, tx, it)
			})
			if err != nil {
				return false, err
			}
		}
	}
}

func (w *pusher) sendOf(ctx context.Context, it *item, send func(context.Context, *intel.Event, map[string]bool) (int64, int64, error)) (created, unchanged int64, reason string, err error) {
	e, err := w.s.intel.Event(ctx, part(), it.uuid)
	if fault.Is(err, fault.NotFound) {
		return 0, 0, holdGone, nil
	}
	if err != nil {
		return 0, 0, "", err
	}
	may, reason, err := w.hanging(ctx, &e)
	if err != nil || reason != "" {
		return 0, 0, reason, err
	}
	created, unchanged, err = send(ctx, &e, may)
	return created, unchanged, "", err
}

// sightings sends those that the peer does not have.
func (w *pusher) sightings(ctx context.Context) (bool, error) {
	return w.each(ctx, wayOutSightings, func(c *Counts) *Tally { return &c.Sightings }, func(ctx context.Context, e *intel.Event, may map[string]bool) (created, unchanged int64, err error) {
		var list []misp.Sighting
		var uuids []string
		err = w.s.intel.Sightings(ctx, part(), intel.SightingFilter{Event: e.Ref()}, func(g *intel.Sighting) error {
			if g.Org.UUID == w.there || may != nil && !may[g.Attribute.UUID] {
				return nil
			}
			s := g.Wire()
			s.ID, s.AttributeID, s.EventID, s.OrgID = misp.Int{}, misp.Int{}, misp.Int{}, misp.Int{}
			s.AttributeUUID, s.EventUUID, s.Organisation = misp.T(g.Attribute.UUID), misp.T(e.UUID), &misp.Org{UUID: misp.T(g.Org.UUID), Name: misp.T(g.Org.Name)}
			list, uuids = append(list, s), append(uuids, g.UUID)
			return nil
		})
		if err != nil || len(list) == 0 {
			return 0, 0, err
		}
		if w.r.able.Filter {
			var known []string
			err := w.r.value(ctx, http.MethodPost, "/sightings/filterSightingUuidsForPush/"+e.UUID, uuids, &known)
			var said *NoAnswer
			if w.run.Dry && errors.As(err, &said) && said.Status == http.StatusNotFound {
				err = nil // the event is not there yet: all would be new
			}
			if err != nil {
				return 0, 0, err
			}
			list = slices.DeleteFunc(list, func(s misp.Sighting) bool { return slices.Contains(known, s.UUID.V) })
			unchanged = int64(len(uuids) - len(list))
		}
		if w.run.Dry {
			return int64(len(list)), unchanged, nil
		}
		for part := range slices.Chunk(list, 1000) {
			body := []byte{'['}
			for i := range part {
				if i > 0 {
					body = append(body, ',')
				}
				body = misp.Append(body, &part[i])
			}
			var said struct{ Success string }
			if err := w.r.raw(ctx, "/sightings/bulkSaveSightings/"+e.UUID, append(body, ']'), &said); err != nil {
				return created, unchanged, err
			}
			n := leading(said.Success, len(part))
			created, unchanged = created+n, unchanged+int64(len(part))-n
		}
		return created, unchanged, nil
	})
}

// leading reads the number with which an answer begins, most when there is none.
func leading(s string, most int) int64 {
	word, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	n, err := strconv.Atoi(word)
	if err != nil || n < 0 || n > most {
		return int64(most)
	}
	return int64(n)
}

// raw posts a document that is JSON already.
func (r *remote) raw(ctx context.Context, path string, body []byte, v any) error {
	in, header := r.packed(body)
	resp, err := r.send(ctx, http.MethodPost, path, in, header...)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return Value(resp.Body, smallBytes, v)
}

// proposals sends what was proposed here in the last ninety days, decided ones too.
func (w *pusher) proposals(ctx context.Context) (bool, error) {
	if w.run.cursor == "" {
		if err := w.noteProposals(ctx); err != nil {
			return false, err
		}
	}
	return w.each(ctx, wayOutProposals, func(c *Counts) *Tally { return &c.Proposals }, func(ctx context.Context, e *intel.Event, may map[string]bool) (created, unchanged int64, err error) {
		body, n := []byte{'['}, int64(0)
		since := w.s.db.Clock.Now().Add(-proposalsBack).Unix()
		err = w.s.remarks.Proposals(ctx, part(), remark.ProposalFilter{Event: e.Ref(), All: true, Since: since, Deleted: intel.With}, func(p *remark.Proposal) error {
			if p.Attribute != 0 && may != nil && !may[p.UUID] {
				return nil
			}
			x := p.Wire()
			x.ID, x.EventID, x.OrgID, x.EventOrgID, x.Email = misp.Int{}, misp.Int{}, misp.Int{}, misp.Int{}, misp.Text{}
			x.Org = &misp.Org{UUID: misp.T(p.Org.UUID), Name: misp.T(p.Org.Name)}
			if n++; n > 1 {
				body = append(body, ',')
			}
			body = append(misp.Append(append(body, `{"ShadowAttribute":`...), &x), '}')
			return nil
		})
		if err != nil || n == 0 {
			return 0, 0, err
		}
		if w.run.Dry { // which of them are there already is not asked before they go
			w.run.Counts.Proposals.Read += n
			w.run.Counts.Proposals.Left += n
			return 0, 0, nil
		}
		var said struct{ Counter int64 }
		if err := w.r.raw(ctx, "/events/pushProposals/"+e.UUID, append(body, ']'), &said); err != nil {
			return 0, 0, err
		}
		said.Counter = min(max(said.Counter, 0), n)
		return said.Counter, n - said.Counter, nil
	})
}

// noteProposals notes the events on which something was proposed or decided since.
func (w *pusher) noteProposals(ctx context.Context) error {
	last := map[string]int64{}
	since := w.s.db.Clock.Now().Add(-proposalsBack).Unix()
	err := w.s.remarks.Proposals(ctx, part(), remark.ProposalFilter{All: true, Since: since, Deleted: intel.With}, func(p *remark.Proposal) error {
		last[p.EventUUID] = max(last[p.EventUUID], p.Timestamp)
		return nil
	})
	if err != nil {
		return err
	}
	uuids := make([]string, 0, len(last))
	for u := range last {
		uuids = append(uuids, u)
	}
	slices.Sort(uuids)
	if w.run.Dry {
		return w.s.db.View(ctx, func(tx *store.Tx) error {
			known, err := itemsNamed(ctx, tx, w.p.ID, wayOutProposals, uuids)
			for _, u := range uuids {
				if it := known[u]; err == nil && (it.state == itemHeld || last[u] > it.timestamp) {
					w.would(wayOutProposals, u, last[u])
				}
			}
			return err
		})
	}
	return w.step(ctx, "noted", func(tx *store.Tx, _ *Counts) error {
		known, err := itemsNamed(ctx, tx, w.p.ID, wayOutProposals, uuids)
		if err != nil {
			return err
		}
		for _, u := range uuids {
			if it := known[u]; it.state == itemHeld || last[u] > it.timestamp {
				if err := writeItem(ctx, tx, &item{peer: w.p.ID, way: wayOutProposals, uuid: u, timestamp: last[u], state: itemWaiting}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// analyst sends analyst data that may leave and that the peer wants.
func (w *pusher) analyst(ctx context.Context) (bool, error) {
	list, err := w.remarksOut(ctx)
	if err != nil {
		return false, err
	}
	for part := range slices.Chunk(list, analystAsk) {
		at := string(part[len(part)-1].Kind) + " " + part[len(part)-1].UUID
		if behind(w.run.cursor, at) {
			continue
		}
		if w.late() {
			return false, nil
		}
		if err := w.analystPart(ctx, part, at); err != nil {
			if w.passed(err) {
				return true, nil
			}
			return false, err
		}
	}
	return true, nil
}

// remarksOut are the remarks that this peer may have, by kind and UUID.
func (w *pusher) remarksOut(ctx context.Context) (out []remark.Remark, err error) {
	sd := w.s.senderOf(w.p, w.there)
	reach := w.reach()
	goes, theirs := map[string]bool{}, map[string]bool{} // what the peer may have of these, and what it made
	for _, kind := range remark.Kinds {
		var mine []remark.Remark
		err := w.s.remarks.Remarks(ctx, part(), kind, nil, func(n *remark.Remark) error {
			if n.Origin.UUID == w.there {
				theirs[n.UUID] = true
				return nil
			}
			if _, _, goes, err := sd.part(ctx, n.Distribution, n.Group); err != nil || !goes || n.Distribution == intel.Inherit {
				return err
			}
			mine = append(mine, *n)
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, n := range mine {
			may := true // about something that is not here: by its own level alone
			if n.EventID() != 0 {
				if may, err = reach.lets(ctx, n.EventID(), n.Root()); err != nil {
					return nil, err
				}
			}
			if may {
				out, goes[n.UUID] = append(out, n), true
			}
		}
	}
	// What is said about a remark goes only where that one does: as far up as the thing itself.
	for before := -1; before != len(out); {
		before = len(out)
		out = slices.DeleteFunc(out, func(n remark.Remark) bool {
			stays := n.Target != n.Root() && !goes[n.Target] && !theirs[n.Target]
			if stays {
				delete(goes, n.UUID)
			}
			return stays
		})
	}
	slices.SortFunc(out, func(a, b remark.Remark) int {
		if a.Kind != b.Kind {
			return slices.Index(remark.Kinds, a.Kind) - slices.Index(remark.Kinds, b.Kind)
		}
		return strings.Compare(a.UUID, b.UUID)
	})
	return out, nil
}

func (w *pusher) analystPart(ctx context.Context, part []remark.Remark, cursor string) error {
	offer := map[remark.Kind]map[string]string{}
	for i := range part {
		n := &part[i]
		if offer[n.Kind] == nil {
			offer[n.Kind] = map[string]string{}
		}
		offer[n.Kind][n.UUID] = n.Wire().Modified.V
	}
	var answer map[remark.Kind]json.RawMessage
	if err := w.r.value(ctx, http.MethodPost, "/analyst_data/filterAnalystDataForPush", offer, &answer); err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, raw := range answer {
		_, names := modifiedOf(raw)
		for _, u := range names {
			wanted[u] = true
		}
	}
	sd := w.s.senderOf(w.p, w.there)
	return w.hand(ctx, cursor, handing{n: len(part), path: "/analyst_data/pushAnalystData",
		wanted: func(i int) bool { return wanted[part[i].UUID] },
		body:   func(i int) ([]byte, error) { return analystWire(ctx, sd, &part[i]) },
		may:    func(a Able) bool { return a.Analyst },
		of:     func(c *Counts) *Tally { return &c.Analyst }})
}

func analystWire(ctx context.Context, sd *sender, n *remark.Remark) ([]byte, error) {
	level, g, _, err := sd.part(ctx, n.Distribution, n.Group)
	if err != nil {
		return nil, err
	}
	x := n.Wire()
	x.ID, x.SharingGroupID, x.Distribution, x.SharingGroup, x.Locked = misp.Int{}, misp.Int{}, misp.N(level), sd.wire(g), misp.B(true)
	x.Orgc, x.Org = &misp.Org{UUID: misp.T(n.Origin.UUID), Name: misp.T(n.Origin.Name)}, nil
	return append(misp.Append([]byte(`{"`+string(n.Kind)+`":`), &x), '}'), nil
}

// handing is n things of one kind that are handed over one by one.
type handing struct {
	n      int
	path   string
	wanted func(i int) bool // by the other side; all others are as they are there
	body   func(i int) ([]byte, error)
	may    func(Able) bool        // whether the other side lets us at all
	of     func(c *Counts) *Tally // where they are counted
}

// hand posts what is wanted and counts what became of it; a dry run only counts.
func (w *pusher) hand(ctx context.Context, cursor string, h handing) error {
	did := intel.Tally{Read: int64(h.n)}
	for i := range h.n {
		if !h.wanted(i) {
			did.Unchanged++
			continue
		}
		if w.run.Dry {
			did.Created++
			continue
		}
		body, err := h.body(i)
		if err != nil {
			return err
		}
		took, err := w.given(ctx, h.path, body, h.may)
		if err != nil {
			return err
		}
		if took {
			did.Created++
		} else {
			did.Refused++
		}
	}
	return w.step(ctx, cursor, func(_ *store.Tx, c *Counts) error {
		h.of(c).add(did)
		if did.Refused > 0 {
			c.Reasons[refusedThere] += did.Refused
		}
		return nil
	})
}

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
