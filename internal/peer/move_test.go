package peer_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/remark"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/peer"

	"github.com/google/go-cmp/cmp"
)

// home fills a node as an installation that somebody leaves.
func (n *node) home() (key string, x told, group intel.SharingGroup) {
	n.T.Helper()
	n.galaxy()
	x = n.says(1)
	wire := n.Lead
	wire.Channel = ident.MISP
	var err error
	group, err = n.Intel.AddGroup(ctx, n.Lead, intel.SharingGroup{Name: "Moved", Active: true, Orgs: []intel.GroupOrg{{Org: n.A}}, Servers: []intel.GroupServer{{AllOrgs: true}}})
	n.Must(err)
	for i, e := range []*misp.Event{
		{Info: misp.T("Own"), Distribution: misp.N(0)}, {Info: misp.T("Grouped"), Distribution: misp.N(4), SharingGroupID: misp.N(group.ID)},
		{Info: misp.T("Old"), Distribution: misp.N(2), Date: misp.T("2011-01-01"), Timestamp: misp.N(1_300_000_000)},
	} {
		a := attr("", "domain", fmt.Sprintf("moved%d.example.org", i), 1)
		e.Attribute, e.Tag = []misp.Attribute{a}, []misp.Tag{{Name: misp.T("ours:only"), Local: misp.B(true)}}
		_, err := n.Intel.AddEvent(ctx, wire, intel.FromEvent(e), intel.AddOptions{})
		n.Must(err)
	}
	_, err = n.Intel.AddTag(ctx, wire, intel.Tag{Name: "loose:tag", Colour: "#112233", Exportable: true})
	n.Must(err)
	_, err = n.Intel.AddTag(ctx, wire, intel.Tag{Name: "kept:tag", Colour: "#112233", Exportable: true, Org: n.A.ID})
	n.Must(err)
	return n.key(n.CERT, access.Admin), x, group
}

// A whole installation comes over its interface, as it is; again brings nothing twice.
func TestMoveBringsEverything(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		key, x, group := there.home()
		dry, err := here.Peers.FromMISP(ctx, here.Lead, there.URL, key, here.CERT.ID, peer.Options{Dry: true})
		here.Must(err)
		if dry.Counts.Events.Created != 4 || counted(here) != 0 {
			t.Errorf("a dry run: %+v", dry.Counts)
		}
		run, err := here.Peers.FromMISP(ctx, here.Lead, there.URL, "", here.CERT.ID, peer.Options{})
		here.Must(err)
		c := run.Counts
		got := map[string]peer.Tally{"events": c.Events, "groups": c.Groups, "galaxies": c.Galaxies, "clusters": c.Clusters, "proposals": c.Proposals, "sightings": c.Sightings}
		want := map[string]peer.Tally{"events": {Read: 4, Created: 4}, "groups": {Read: 1, Created: 1}, "galaxies": {Read: 1, Created: 1}, "clusters": {Read: 1, Created: 1},
			"proposals": {Read: 1, Created: 1}, "sightings": {Read: 2, Created: 2}}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if c.Orgs.Created < 4 || c.Tags.Created < 1 || c.Tags.Refused != 1 || len(c.Misfits) != 1 || c.Misfits[0] != (peer.Misfit{Kind: "tag", Name: "kept:tag", Reason: "peer.reason.restricted"}) {
			t.Errorf("%+v %+v %+v", c.Orgs, c.Tags, c.Misfits)
		}
		part := ident.SystemPart("peer")
		type brief struct {
			D                 intel.Distribution
			Published, Locked bool
			Tags              int
		}
		at := map[string]brief{}
		_, err = here.Intel.SearchEvents(ctx, part, intel.Query{WithTags: true}, func(e *intel.Event) error {
			at[e.Info] = brief{e.Distribution, e.Published, e.Locked, len(e.Tags)}
			return nil
		})
		here.Must(err)
		if d := cmp.Diff(map[string]brief{"Said of": {3, true, false, 0}, "Own": {D: 0, Tags: 1}, "Grouped": {D: 4, Tags: 1}, "Old": {D: 2, Tags: 1}}, at); d != "" {
			t.Error(d)
		}
		g, err := here.Intel.SharingGroup(ctx, part, group.UUID)
		if err != nil || len(g.Servers) != 1 || g.Servers[0].Server != 0 || !g.Servers[0].AllOrgs {
			t.Errorf("group %+v %v", g, err)
		}
		n := 0
		for _, k := range remark.Kinds {
			here.Must(here.Remarks.Remarks(ctx, part, k, nil, func(r *remark.Remark) error { n++; return nil }))
		}
		if cl, err := here.Lists.Cluster(ctx, part, x.Cluster); n != 3 || err != nil || cl.Own.Level != 1 {
			t.Errorf("%d remarks, cluster %+v %v", n, cl.Own, err)
		}
		again, err := here.Peers.FromMISP(ctx, here.Lead, there.URL, "", here.CERT.ID, peer.Options{})
		here.Must(err)
		if c := again.Counts; c.Events.Unchanged != 4 || c.Groups.Unchanged != 1 || c.Groups.Created != 0 || c.Events.Created+c.Tags.Created+c.Orgs.Created+c.Galaxies.Created+c.Clusters.Created+c.Proposals.Created+c.Sightings.Created+c.Analyst.Created != 0 {
			t.Errorf("again %+v", c)
		}
	})
}

// A proposal of years ago comes, and sightings of an event that does not say when it was
// sighted, as MISP's old ones do not.
func TestMoveBringsWhatIsOld(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		key, _, _ := there.home()
		there.Must(there.DB.Update(ctx, func(tx *store.Tx) error {
			if _, err := tx.Exec(ctx, `UPDATE intel_proposal SET timestamp = 1300000000`); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `UPDATE intel_event SET sighting_timestamp = 0`)
			return err
		}))
		run, err := here.Peers.FromMISP(ctx, here.Lead, there.URL, key, here.CERT.ID, peer.Options{})
		here.Must(err)
		if c := run.Counts; c.Proposals != (peer.Tally{Read: 1, Created: 1}) || c.Sightings != (peer.Tally{Read: 2, Created: 2}) {
			t.Errorf("%+v %+v", c.Proposals, c.Sightings)
		}
	})
}

// Cut off in every phase, it goes on where it stood, and the report of the whole is
// that of one that was not cut off.
func TestMoveResumes(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		key, _, _ := there.home()
		var run peer.Run
		var calls atomic.Int64
		for turn := 0; ; turn++ {
			if turn > 200 {
				t.Fatal("it does not end")
			}
			cut, stop := context.WithCancel(ctx)
			var n atomic.Int64
			there.before = func() { // each turn gets a few calls further
				if n.Add(1) > int64(2+turn%8) {
					stop()
				}
				calls.Add(1)
			}
			var err error
			run, err = here.Peers.FromMISP(cut, here.Lead, there.URL, key, here.CERT.ID, peer.Options{Until: here.DB.Clock.Now()})
			stop()
			if err == nil && run.State == peer.Done {
				break
			}
		}
		there.before = nil
		whole(t, run)
		if c := run.Counts; c.Events.Created != 4 || c.Groups.Created != 1 || c.Sightings.Created != 2 || c.Proposals.Created != 1 || c.Clusters.Created != 1 || c.Tags.Refused != 1 || len(c.Misfits) != 1 {
			t.Errorf("the report of the whole: %+v", c)
		}
		if counted(here) != 4 || calls.Load() < 20 {
			t.Errorf("%d events after %d calls; %+v", counted(here), calls.Load(), run.Counts)
		}
	})
}

// A hostile installation moves nothing that it may not, and does not hold us for ever.
func TestMoveFromHostile(t *testing.T) {
	t.Parallel()
	hostile(t, func(t *testing.T, n *node, s *script, _ peer.Peer) {
		s.view = func(w http.ResponseWriter, _ *http.Request, uuid string) { fmt.Fprint(w, doc(uuid, "")) }
		s.index = listed(uuidA)
		var answer atomic.Value
		s.rest = func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/users/view/me") {
				fmt.Fprint(w, `{"Organisation":{"uuid":"`+orgEvil+`","name":"Evil"}}`)
				return
			}
			answer.Load().(http.HandlerFunc)(w, r)
		}
		for name, h := range map[string]http.HandlerFunc{
			"500":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
			"rubbish":  func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"response":"no"}`) },
			"truncate": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `[{"Organisation":{"uuid":"`) },
			"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
			"endless": func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprint(w, "[")
				for r.Context().Err() == nil {
					if _, err := fmt.Fprint(w, strings.Repeat(`{"Organisation":{"uuid":"x","name":"y"}},`, 1000)); err != nil {
						return
					}
				}
			},
		} {
			answer.Store(h)
			if _, err := n.Peers.FromMISP(ctx, n.Lead, s.url, "k", n.CERT.ID, peer.Options{}); err == nil {
				t.Errorf("%s went well", name)
			}
			if name != "rubbish" && counted(n) != 0 {
				t.Errorf("%s: %d events", name, counted(n))
			}
		}
		// Nothing is offered but events: they come, and the report says what was not to be had.
		answer.Store(http.HandlerFunc(http.NotFound))
		run, err := n.Peers.FromMISP(ctx, n.Lead, s.url, "", n.CERT.ID, peer.Options{})
		n.Must(err)
		whole(t, run)
		if run.Counts.Events.Created != 1 || run.Counts.Reasons["peer.reason.unsupported"] < 5 {
			t.Errorf("%+v", run.Counts)
		}
	})
}
