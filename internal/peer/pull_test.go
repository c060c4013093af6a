package peer_test

import (
	"slices"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/peer"
	"straza/internal/testkit"

	"github.com/google/go-cmp/cmp"
)

// pair runs a test with two nodes, of which the first stands on each engine.
func pair(t *testing.T, test func(t *testing.T, here, there *node)) {
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		test(t, newNode(t, db), newNode(t, testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 2))))
	})
}

// What comes is locked, a level narrower, without local tags; counted right; and the
// second time the other side says that nothing is new.
func TestPullTakesWhatIsShown(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		p := here.knows(there, "there", peer.Flags{Pull: true})
		one := there.made(&misp.Event{Info: misp.T("To peers"), Distribution: misp.N(2), Attribute: []misp.Attribute{
			attr("", "domain", "all.example.org", 3), attr("", "domain", "two.example.org", 2), attr("", "domain", "one.example.org", 1), attr("", "domain", "five.example.org", 5)},
			Tag: []misp.Tag{{Name: misp.T("tlp:green")}, {Name: misp.T("ours:only"), Local: misp.B(true)}}})
		two := there.made(&misp.Event{Info: misp.T("To members"), Distribution: misp.N(1), Attribute: []misp.Attribute{attr("", "ip-dst", "198.51.100.7", 5)}})
		hidden := there.made(&misp.Event{Info: misp.T("Own"), Distribution: misp.N(0), Attribute: []misp.Attribute{attr("", "ip-dst", "198.51.100.8", 5)}})
		draft, err := there.Intel.AddEvent(ctx, there.Lead, intel.FromEvent(&misp.Event{Info: misp.T("Draft"), Distribution: misp.N(3),
			Attribute: []misp.Attribute{attr("", "ip-dst", "198.51.100.9", 5)}}), intel.AddOptions{})
		there.Must(err)

		run := here.pull(p, peer.Options{})
		if d := cmp.Diff(peer.Tally{Read: 2, Created: 2}, run.Counts.Events); d != "" || run.State != peer.Done || run.Counts.Attributes.Created != 5 {
			t.Fatalf("%s; %+v", d, run)
		}
		got := here.has(one.UUID)
		if got.Distribution != intel.Community || !got.Locked || !got.Published || got.Origin.UUID != there.CERT.UUID || got.Owner.ID != here.CERT.ID || got.TLP != "GREEN" {
			t.Errorf("stored as %+v", got)
		}
		if len(got.Tags) != 1 {
			t.Errorf("tags %v: the local one came along", got.Tags)
		}
		levels := map[string]intel.Distribution{}
		here.Must(here.Intel.Attributes(ctx, ident.SystemPart("peer"), one.UUID, intel.Part{}, func(a *intel.Attribute) error { levels[a.Value] = a.Distribution; return nil }))
		want := map[string]intel.Distribution{"all.example.org": intel.All, "two.example.org": intel.Community, "one.example.org": intel.OwnOrg, "five.example.org": intel.Inherit}
		if d := cmp.Diff(want, levels); d != "" {
			t.Error(d)
		}
		if e := here.has(two.UUID); e.Distribution != intel.OwnOrg {
			t.Errorf("members' event came as %d", e.Distribution)
		}
		for _, uuid := range []string{hidden.UUID, draft.UUID} {
			if _, err := here.Intel.Event(ctx, ident.SystemPart("peer"), uuid); !fault.Is(err, fault.NotFound) {
				t.Errorf("%s came: %v", uuid, err)
			}
		}
		again := here.pull(p, peer.Options{})
		if !again.Unchanged || again.Counts.Events != (peer.Tally{}) {
			t.Errorf("second pull %+v", again)
		}
		if fresh := here.pull(p, peer.Options{Fresh: true}); fresh.Counts.Events != (peer.Tally{Read: 2, Unchanged: 2}) {
			t.Errorf("fresh pull %+v", fresh.Counts)
		}
	})
}

// An edit over there arrives as an edit; nothing doubles.
func TestPullBringsUpToDate(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		p := here.knows(there, "there", peer.Flags{Pull: true})
		e := there.made(&misp.Event{Info: misp.T("Grows"), Distribution: misp.N(3), Attribute: []misp.Attribute{attr("", "domain", "a.example.org", 5)}})
		here.pull(p, peer.Options{})
		_, err := there.Intel.EditEvent(ctx, there.Lead, e.UUID, intel.FromEvent(&misp.Event{Published: misp.B(true), Timestamp: misp.N(e.Timestamp + 60),
			Attribute: []misp.Attribute{attr("", "domain", "b.example.org", 5)}}), intel.AddOptions{})
		there.Must(err)
		dry := here.pull(p, peer.Options{Dry: true})
		if dry.Counts.Events != (peer.Tally{Read: 1, Updated: 1}) {
			t.Errorf("dry run %+v", dry.Counts)
		}
		if here.has(e.UUID).Attributes != 1 {
			t.Error("a dry run stored something")
		}
		run := here.pull(p, peer.Options{})
		if run.Counts.Events != (peer.Tally{Read: 1, Updated: 1}) || run.Counts.Attributes.Created != 1 {
			t.Errorf("%+v", run.Counts)
		}
		if got := here.has(e.UUID); got.Attributes != 2 || got.Timestamp != e.Timestamp+60 {
			t.Errorf("%+v", got)
		}
	})
}

// Nothing whose label keeps it here leaves because somebody pulls instead of being
// pushed to: RED never, AMBER to named ones alone, and not as part of something else.
func TestPulledFromKeepsLabels(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		p := here.knows(there, "there", peer.Flags{Pull: true})
		puller, err := there.Registry.OrgByRef(ctx, ident.SystemPart("setup"), here.CERT.UUID)
		there.Must(err)
		g, err := there.Intel.AddGroup(ctx, there.Lead, intel.SharingGroup{Name: "Named", Active: true, Roaming: true, Orgs: []intel.GroupOrg{{Org: intel.Org{ID: puller.ID}}}})
		there.Must(err)
		there.Lead = there.Again(there.Lead)
		made := func(info, tag string, level, group int64, attrs ...misp.Attribute) intel.Event {
			return there.made(&misp.Event{Info: misp.T(info), Distribution: misp.N(level), SharingGroupID: misp.N(group), Tag: []misp.Tag{{Name: misp.T(tag)}}, Attribute: attrs})
		}
		red := attr("", "domain", "red.example.org", 5)
		red.Tag = []misp.Tag{{Name: misp.T("tlp:red")}}
		goes := []intel.Event{made("green", "tlp:green", 3, 0, attr("", "domain", "a.example.org", 5), red),
			made("amber to named ones", "tlp:amber", 4, g.ID, attr("", "domain", "b.example.org", 5))}
		stays := []intel.Event{made("red", "tlp:red", 3, 0, attr("", "domain", "c.example.org", 5)), made("amber", "tlp:amber", 3, 0, attr("", "domain", "d.example.org", 5)),
			made("red to named ones", "tlp:red", 4, g.ID, attr("", "domain", "e.example.org", 5))}
		run := here.pull(p, peer.Options{})
		if run.Counts.Events != (peer.Tally{Read: 2, Created: 2}) {
			t.Errorf("%+v", run.Counts)
		}
		for _, e := range goes {
			if got := here.has(e.UUID); got.Attributes != 1 {
				t.Errorf("%s came with %d attributes", got.Info, got.Attributes)
			}
		}
		for _, e := range stays { // asked for by name, too
			one := here.pull(p, peer.Options{Technique: e.UUID})
			if _, err := here.Intel.Event(ctx, ident.SystemPart("peer"), e.UUID); !fault.Is(err, fault.NotFound) || one.Counts.Events.Created != 0 {
				t.Errorf("%s left: %v", e.Info, err)
			}
		}
	})
}

// A peer whose tags are mirrored takes tags off here, too; one whose are not adds only.
func TestMirroredTags(t *testing.T) {
	t.Parallel()
	pair(t, func(t *testing.T, here, there *node) {
		p := here.knows(there, "there", peer.Flags{Pull: true})
		a := attr("", "domain", "a.example.org", 5)
		a.Tag = []misp.Tag{{Name: misp.T("on:attribute")}}
		e := there.made(&misp.Event{Info: misp.T("Tagged"), Distribution: misp.N(3), Tag: []misp.Tag{{Name: misp.T("off:soon")}, {Name: misp.T("stays:on")}}, Attribute: []misp.Attribute{a}})
		here.pull(p, peer.Options{})
		wire := here.Lead
		wire.Channel = ident.MISP
		_, err := here.Intel.Attach(ctx, wire, intel.Target{Event: e.UUID}, []string{"ours:local"}, true)
		here.Must(err)
		off := func(tag string) {
			t.Helper()
			there.Must(there.Intel.Detach(ctx, there.Lead, intel.Target{Event: e.UUID}, []string{tag}))
			got := there.has(e.UUID)
			_, err := there.Intel.EditEvent(ctx, there.Lead, e.UUID, intel.FromEvent(&misp.Event{Published: misp.B(true), Info: misp.T(got.Info + "."), Timestamp: misp.N(got.Timestamp + 60)}), intel.AddOptions{})
			there.Must(err)
			here.pull(p, peer.Options{})
		}
		names := func() (out []string) {
			for _, t := range here.has(e.UUID).Tags {
				out = append(out, t.Name)
			}
			slices.Sort(out)
			return out
		}
		off("off:soon")
		if d := cmp.Diff([]string{"off:soon", "ours:local", "stays:on"}, names()); d != "" {
			t.Errorf("not mirrored: %s", d)
		}
		_, err = here.Peers.Edit(ctx, here.Lead, p.UUID, "", peer.Remote{}, func(p *peer.Peer) error { p.MirrorTags = true; return nil })
		here.Must(err)
		off("stays:on")
		if d := cmp.Diff([]string{"ours:local"}, names()); d != "" {
			t.Errorf("mirrored: %s", d)
		}
	})
}
