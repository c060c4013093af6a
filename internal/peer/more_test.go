package peer_test

import (
	"io"
	"strings"
	"testing"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/remark"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/peer"

	"github.com/google/go-cmp/cmp"
)

const galaxyAll = "33333333-3333-4333-8333-333333333333"

// galaxy brings the same small galaxy to a node.
func (n *node) galaxy() {
	n.T.Helper()
	text := `{"name":"Tool","type":"tool-x","uuid":"` + galaxyAll + `","icon":"map","version":1,"description":"d","namespace":"straza"}`
	files := func(yield func(catalog.File, error) bool) {
		yield(catalog.File{Name: "galaxy.json", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}, nil)
	}
	rep, err := n.Lists.Import(ctx, ident.SystemPart("importer"), files)
	n.Must(err)
	if len(rep.Refused) > 0 {
		n.T.Fatal(rep.Refused)
	}
}

// told is what was said of an event on a node.
type told struct {
	Event   intel.Event
	Cluster string
}

// says fills a node with everything that hangs on an event: a sighting, a proposal, a
// note with an opinion on it, one's own cluster that is published.
func (n *node) says(level int64) told {
	n.T.Helper()
	wire := n.Lead
	wire.Channel = ident.MISP
	e := n.made(&misp.Event{Info: misp.T("Said of"), Distribution: misp.N(3), Attribute: []misp.Attribute{
		attr("", "domain", "seen.example.org", 5), attr("", "domain", "hidden.example.org", 0)}})
	_, _, err := n.Intel.AddSightings(ctx, wire, nil, []string{"seen.example.org", "hidden.example.org"}, intel.Sighting{Source: "sensor"})
	n.Must(err)
	member := n.Person(n.A, access.Member, ident.MISP)
	_, err = n.Remarks.Propose(ctx, member, e.UUID, misp.Attribute{Type: misp.T("domain"), Category: misp.T("Network activity"), Value: misp.T("more.example.org")})
	n.Must(err)
	note, err := n.Remarks.AddRemark(ctx, wire, remark.Note, misp.Analyst{ObjectUUID: misp.T(e.UUID), ObjectType: misp.T("Event"), Note: misp.T("look here"), Distribution: misp.N(level)})
	n.Must(err)
	_, err = n.Remarks.AddRemark(ctx, wire, remark.Opinion, misp.Analyst{ObjectUUID: misp.T(note.UUID), ObjectType: misp.T("Note"), Opinion: misp.N(80), Comment: misp.T("yes"), Distribution: misp.N(level)})
	n.Must(err)
	_, err = n.Remarks.AddRemark(ctx, wire, remark.Note, misp.Analyst{ObjectUUID: misp.T(e.UUID), ObjectType: misp.T("Event"), Note: misp.T("only ours"), Distribution: misp.N(0)})
	n.Must(err)
	c, err := n.Lists.AddCluster(ctx, wire, galaxyAll, catalog.ClusterDraft{Value: "Own tool", Level: int(level), ClusterText: catalog.ClusterText{Elements: []catalog.Element{{Key: "k", Value: "v"}}}})
	n.Must(err)
	_, err = n.Lists.PublishCluster(ctx, wire, c.UUID, true)
	n.Must(err)
	return told{e, c.UUID}
}

// heard is what arrived of it, in short.
func (n *node) heard(x told) map[string]int {
	n.T.Helper()
	part, out := ident.SystemPart("peer"), map[string]int{}
	n.Must(n.Intel.Sightings(ctx, part, intel.SightingFilter{Event: x.Event.UUID}, func(*intel.Sighting) error { out["sightings"]++; return nil }))
	n.Must(n.Remarks.Proposals(ctx, part, remark.ProposalFilter{Event: x.Event.UUID, Deleted: intel.With}, func(*remark.Proposal) error { out["proposals"]++; return nil }))
	for _, k := range remark.Kinds {
		n.Must(n.Remarks.Remarks(ctx, part, k, nil, func(r *remark.Remark) error {
			out[string(k)]++
			out["level"] = int(r.Distribution)
			if !r.Locked || r.Org.ID != n.CERT.ID {
				n.T.Errorf("stored as %+v", r)
			}
			return nil
		}))
	}
	c, err := n.Lists.Cluster(ctx, part, x.Cluster)
	if err == nil && c.Own != nil && c.Own.Locked && c.Own.Org == n.CERT.ID && len(c.Text().Elements) == 1 {
		out["clusters"] = 1 + c.Own.Level
	} else if !fault.Is(err, fault.NotFound) {
		n.T.Errorf("cluster %+v %v", c.Own, err)
	}
	return out
}

// all are the flags of a peer with which everything is exchanged.
var all = peer.Flags{Pull: true, Push: true, PullSightings: true, PushSightings: true, PullClusters: true, PushClusters: true, PullAnalyst: true, PushAnalyst: true}

// open lets everybody who sees an event see its sightings.
func (n *node) open() {
	n.T.Helper()
	n.Must(n.Intel.SetHouseSetting(ctx, n.Person(n.CERT, access.Admin, ident.Web), intel.SightingPolicy, []byte(`"2"`)))
}

// A pull brings what hangs on events, a level narrower; a second one brings nothing
// twice; the counts are those of what came.
func TestPullBringsWhatHangsOnEvents(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		here.galaxy()
		there.galaxy()
		there.open()
		p := here.knows(there, "there", all)
		x := there.says(2)
		run := here.pull(p, peer.Options{})
		want := peer.Counts{Events: peer.Tally{Read: 1, Created: 1}, Attributes: run.Counts.Attributes, Objects: run.Counts.Objects,
			Clusters: peer.Tally{Read: 1, Created: 1}, Proposals: peer.Tally{Read: 1, Created: 1}, Sightings: peer.Tally{Read: 1, Created: 1},
			Analyst: peer.Tally{Read: 2, Unchanged: 2}, Reasons: map[string]int64{}}
		if d := cmp.Diff(want, run.Counts); d != "" { // the remarks came inside the event
			t.Error(d)
		}
		got := map[string]int{"sightings": 1, "proposals": 1, "Note": 1, "Opinion": 1, "level": 1, "clusters": 2}
		if d := cmp.Diff(got, here.heard(x)); d != "" {
			t.Error(d)
		}
		again := here.pull(p, peer.Options{Fresh: true})
		if c := again.Counts; c.Sightings.Created+c.Proposals.Created+c.Analyst.Created+c.Clusters.Created+c.Events.Created != 0 || c.Analyst.Unchanged != 2 || c.Proposals.Unchanged != 1 {
			t.Errorf("again %+v", c)
		}
		// Later words come without the event.
		wire := there.Lead
		wire.Channel = ident.MISP
		_, err := there.Remarks.AddRemark(ctx, wire, remark.Note, misp.Analyst{ObjectUUID: misp.T(x.Event.UUID), ObjectType: misp.T("Event"), Note: misp.T("later"), Distribution: misp.N(3)})
		there.Must(err)
		_, _, err = there.Intel.AddSightings(ctx, wire, nil, []string{"seen.example.org"}, intel.Sighting{Seen: 1_790_000_000})
		there.Must(err)
		_, err = there.Lists.EditCluster(ctx, wire, x.Cluster, func(d *catalog.ClusterDraft) { d.Description = "more" })
		there.Must(err)
		_, err = there.Lists.PublishCluster(ctx, wire, x.Cluster, true)
		there.Must(err)
		later := here.pull(p, peer.Options{})
		if c := later.Counts; c.Analyst.Created != 1 || c.Sightings.Created != 1 || c.Clusters.Updated != 1 {
			t.Errorf("later %+v", c)
		}
	})
}

// A push sends what hangs on what was sent, a level narrower, and nothing of what stayed.
func TestPushSendsWhatHangsOnEvents(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		here.galaxy()
		there.galaxy()
		p := here.knows(there, "there", all)
		x := here.says(2)
		run := here.push(p, peer.Options{})
		want := peer.Counts{Events: peer.Tally{Read: 1, Created: 1}, Clusters: peer.Tally{Read: 1, Created: 1}, Proposals: peer.Tally{Read: 1, Created: 1},
			Sightings: peer.Tally{Read: 1, Created: 1}, Analyst: peer.Tally{Read: 2, Created: 2}, Reasons: map[string]int64{}}
		if d := cmp.Diff(want, run.Counts); d != "" {
			t.Error(d)
		}
		part := ident.SystemPart("peer")
		out := map[string]int{}
		there.Must(there.Intel.Sightings(ctx, part, intel.SightingFilter{Event: x.Event.UUID}, func(g *intel.Sighting) error {
			out["sightings"]++
			if g.Org.UUID != here.CERT.UUID || g.Source != "sensor" {
				t.Errorf("sighting of %+v", g.Org)
			}
			return nil
		}))
		there.Must(there.Remarks.Proposals(ctx, part, remark.ProposalFilter{Event: x.Event.UUID}, func(*remark.Proposal) error { out["proposals"]++; return nil }))
		for _, k := range remark.Kinds {
			there.Must(there.Remarks.Remarks(ctx, part, k, nil, func(r *remark.Remark) error {
				out[string(k)]++
				if r.Distribution != intel.Community || r.Origin.UUID != here.CERT.UUID || !r.Locked {
					t.Errorf("%s stored as %+v", k, r)
				}
				return nil
			}))
		}
		if c, err := there.Lists.Cluster(ctx, part, x.Cluster); err == nil && c.Own.Level == 1 && c.Own.OriginUUID+c.Own.OriginName != "" {
			out["clusters"]++
		}
		if d := cmp.Diff(map[string]int{"sightings": 1, "proposals": 1, "Note": 1, "Opinion": 1, "clusters": 1}, out); d != "" {
			t.Error(d)
		}
		again := here.push(p, peer.Options{Fresh: true})
		if c := again.Counts; c.Sightings.Created+c.Proposals.Created+c.Analyst.Created+c.Clusters.Created+c.Events.Created != 0 || c.Analyst.Unchanged != 2 || c.Clusters.Unchanged != 1 {
			t.Errorf("again %+v", c)
		}
		// What is seen later goes by itself.
		_, _, err := here.Intel.AddSightings(ctx, here.Lead, nil, []string{"seen.example.org"}, intel.Sighting{Seen: 1_790_000_001})
		here.Must(err)
		here.Must(here.runner().Drain(ctx))
		n := 0
		there.Must(there.Intel.Sightings(ctx, part, intel.SightingFilter{Event: x.Event.UUID}, func(*intel.Sighting) error { n++; return nil }))
		if n != 2 {
			t.Errorf("%d sightings there", n)
		}
	})
}
