package peer_test

import (
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/dossier"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/peer"

	"github.com/google/go-cmp/cmp"
)

func p[T any](v T) *T { return &v }

// keeps makes a dossier of a level on a node, with an event that goes, one that stays and
// something that is nowhere here.
func (n *node) keeps(name string, level intel.Distribution, elements ...dossier.Element) dossier.Dossier {
	n.T.Helper()
	d, err := n.Dossiers.AddDossier(ctx, n.Lead, dossier.Draft{Name: &name, Type: p("campaign"), Distribution: &level, Elements: &elements})
	n.Must(err)
	return d
}

func (n *node) dossier(uuid string) (dossier.Dossier, bool) {
	n.T.Helper()
	d, err := n.Dossiers.Dossier(ctx, ident.SystemPart("peer"), uuid)
	if !fault.Is(err, fault.NotFound) {
		n.Must(err)
	}
	return d, err == nil
}

var withCollections = peer.Flags{Pull: true, Push: true, PullCollections: true, PushCollections: true}

// Both ways: one step narrower, locked, its maker's, without what the other side may not
// know; again nothing; a newer one replaces; a dry run tells and changes nothing.
func TestCollectionsGoBothWays(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		goes := here.made(&misp.Event{Info: misp.T("Goes"), Distribution: misp.N(3), Attribute: []misp.Attribute{attr("", "domain", "a.example.org", 5)}})
		stays := here.made(&misp.Event{Info: misp.T("Stays"), Distribution: misp.N(0), Attribute: []misp.Attribute{attr("", "domain", "b.example.org", 5)}})
		away := here.DB.NewUUID()
		wide := here.keeps("wide", intel.Connected, dossier.Element{Target: goes.UUID, Kind: "Event", Description: "why"}, dossier.Element{Target: stays.UUID, Kind: "Event"},
			dossier.Element{Target: away, Kind: "GalaxyCluster"})
		own := here.keeps("own", intel.OwnOrg)
		here.keeps("community", intel.Community)
		from := there.keeps("from there", intel.All, dossier.Element{Target: away, Kind: "Event"})
		x := here.knows(there, "there", withCollections)

		dry := here.push(x, peer.Options{Dry: true})
		if d := cmp.Diff(peer.Tally{Read: 1, Created: 1}, dry.Counts.Collections); d != "" {
			t.Errorf("dry push %s", d)
		}
		if _, ok := there.dossier(wide.UUID); ok {
			t.Error("a dry run sent something")
		}
		run := here.push(x, peer.Options{})
		if d := cmp.Diff(peer.Tally{Read: 1, Created: 1}, run.Counts.Collections); d != "" {
			t.Errorf("push %s %v", d, run.Counts.Reasons)
		}
		got, ok := there.dossier(wide.UUID)
		if !ok || got.Distribution != intel.Community || !got.Locked || got.Origin.UUID != here.CERT.UUID || got.Type != "campaign" || len(got.Elements) != 2 {
			t.Errorf("arrived as %+v", got)
		}
		for _, e := range got.Elements {
			if e.Target == stays.UUID {
				t.Error("an element that may not be known went out")
			}
		}
		if _, ok := there.dossier(own.UUID); ok {
			t.Error("one's own went out")
		}
		if again := here.push(x, peer.Options{}); again.Counts.Collections != (peer.Tally{Read: 1, Unchanged: 1}) {
			t.Errorf("again %+v", again.Counts.Collections)
		}

		if dry, err := here.Peers.Pull(ctx, here.Lead, x.UUID, peer.Options{Dry: true}); err != nil || dry.Counts.Collections.Created != 1 {
			t.Errorf("dry pull %+v %v", dry.Counts.Collections, err)
		}
		pulled := here.pull(x, peer.Options{})
		if c := pulled.Counts.Collections; c.Created != 1 || c.Refused != 0 {
			t.Errorf("pull %+v %v", c, pulled.Counts.Reasons)
		}
		if got, ok := here.dossier(from.UUID); !ok || got.Distribution != intel.All || !got.Locked || got.Origin.UUID != there.CERT.UUID || len(got.Elements) != 1 {
			t.Errorf("pulled as %+v", got)
		}
		if d, _ := here.dossier(wide.UUID); d.Locked || d.Distribution != intel.Connected {
			t.Errorf("what was made here came back: %+v", d)
		}
		_, err := there.Dossiers.EditDossier(ctx, there.Lead, from.UUID, dossier.Draft{Name: p("renamed"), Elements: &[]dossier.Element{}})
		there.Must(err)
		later := here.pull(x, peer.Options{Fresh: true})
		if d, _ := here.dossier(from.UUID); later.Counts.Collections.Updated != 1 || d.Name != "renamed" || len(d.Elements) != 0 {
			t.Errorf("later %+v %+v", later.Counts.Collections, d)
		}
	})
}

// A dry run tells of everything that hangs on events, both ways, and changes nothing.
func TestDryRunTellsOfEverything(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		here.galaxy()
		there.galaxy()
		there.open()
		x := here.knows(there, "there", all)
		there.says(2)
		dry, err := here.Peers.Pull(ctx, here.Lead, x.UUID, peer.Options{Dry: true})
		here.Must(err)
		c := dry.Counts
		if c.Events.Created != 1 || c.Clusters.Created != 1 || c.Proposals.Left != 1 || c.Sightings.Left != 1 || c.Analyst.Created != 2 {
			t.Errorf("dry pull %+v", c)
		}
		mine := here.says(2)
		dry = here.push(x, peer.Options{Dry: true})
		c = dry.Counts
		if c.Events.Created != 1 || c.Clusters.Created != 1 || c.Proposals.Left != 1 || c.Sightings.Created != 1 || c.Analyst.Created != 2 {
			t.Errorf("dry push %+v", c)
		}
		if _, err := there.Intel.Event(ctx, ident.SystemPart("peer"), mine.Event.UUID); !fault.Is(err, fault.NotFound) {
			t.Errorf("a dry run sent the event: %v", err)
		}
		if run := here.push(x, peer.Options{}); run.Counts.Sightings.Created != 1 || run.Counts.Analyst.Created != 2 || run.Counts.Proposals.Created != 1 {
			t.Errorf("the dry run left its marks: %+v", run.Counts)
		}
	})
}
