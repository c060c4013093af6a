package bench

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/outbound"
	"straza/internal/kernel/store"
	"straza/internal/peer"
	"straza/internal/registry"
	"straza/internal/testkit"
)

// wire counts what goes over a listener's connections, both ways.
type wire struct {
	net.Listener
	bytes *atomic.Int64
}

type wireConn struct {
	net.Conn
	bytes *atomic.Int64
}

func (l wire) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return wireConn{c, l.bytes}, err
}

func (c wireConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

func (c wireConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}

// couple is two installations, each with a database of its own; the first knows the
// second as a peer from which it pulls.
type couple struct {
	here, there *field
	peers       *peer.Service
	lead        ident.Actor
	bytes       *atomic.Int64
}

func newCouple(b *testing.B) *couple {
	b.Helper()
	node := func() *field { return &field{World: inteltest.New(b, engine(b))} }
	c := &couple{here: node(), there: node(), bytes: new(atomic.Int64)}
	setup := ident.SystemPart("setup")
	org, err := c.there.Registry.Add(ctx, setup, registry.Draft{UUID: c.here.World.CERT.UUID, Name: "Puller", Kind: "partner"})
	must(b, err)
	c.there.writer = c.there.Person(c.there.World.CERT, access.Lead, ident.MISP)
	sync := c.there.Person(intel.Org{ID: org.ID, UUID: org.UUID, Name: org.Name, Local: true}, access.Sync, ident.MISP)
	c.there.reader = sync
	c.lead = c.here.Person(c.here.World.CERT, access.Lead, ident.Web)
	return c
}

// connect serves the second one, after its groups were made, and enters it at the first.
func (c *couple) connect(b *testing.B) {
	b.Helper()
	srv := c.there.surfaceOn(b, c.there.Again(c.there.reader), func(l net.Listener) net.Listener { return wire{l, c.bytes} })
	c.peers = peer.New(peer.Deps{DB: c.here.DB, Audit: testkit.Audit(c.here.DB), Intel: c.here.Intel, Remarks: c.here.Remarks, Catalog: c.here.Lists, Registry: c.here.Registry,
		Keys: testkit.Vault(b), Out: outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, Origin: func() string { return "http://here.example" }})
	_, err := c.peers.Add(ctx, c.lead, peer.Peer{Name: "there", URL: srv.URL, Flags: peer.Flags{Pull: true, PullSightings: true, PullAnalyst: true, PullClusters: true}}, benchKey,
		peer.Remote{UUID: c.there.World.CERT.UUID, Name: "there"})
	must(b, err)
}

func (c *couple) pull(b *testing.B, o peer.Options) (peer.Run, time.Duration) {
	b.Helper()
	start := time.Now()
	run, err := c.peers.Pull(ctx, c.lead, "there", o)
	must(b, err)
	return run, time.Since(start)
}

// publish adds an event of n attributes that peers may have.
func (c *couple) publish(b *testing.B, n int, level intel.Distribution, group int64, child func(*misp.Attribute)) {
	b.Helper()
	src := func(yield func(misp.Item) error) error {
		w := &misp.Event{Info: misp.T("bench"), Distribution: misp.N(int64(level)), SharingGroupID: misp.N(group), Published: misp.B(true)}
		if err := yield(misp.Item{Kind: misp.ItemStart, Event: w}); err != nil {
			return err
		}
		for i := range n {
			a := misp.Attribute{UUID: misp.T(c.there.DB.NewUUID()), Type: misp.T("domain"), Category: misp.T("Network activity"), Value: misp.T(fmt.Sprintf("h%d-%d.example.org", i, serial.Add(1))),
				ToIDS: misp.B(true), Comment: misp.T("seen in traffic of the last week"), Timestamp: misp.N(1_790_000_000)}
			if child != nil {
				child(&a)
			}
			if err := yield(misp.Item{Kind: misp.ItemAttribute, Event: w, Attribute: &a}); err != nil {
				return err
			}
		}
		return yield(misp.Item{Kind: misp.ItemEnd, Event: w})
	}
	_, err := c.there.Intel.AddEvent(ctx, c.there.writer, src, intel.AddOptions{Publish: true})
	must(b, err)
}

var serial atomic.Int64

// BenchmarkPull1000: 1,000 events of the sizes that real ones have (57 attributes on
// average, one in fifty of 1,000) from one installation to another; then once more with
// nothing new.
func BenchmarkPull1000(b *testing.B) {
	for b.Loop() {
		c := newCouple(b)
		attributes, events := 0, scaled(1000)
		for i := range events {
			n := 5 + i%70
			if i%50 == 0 {
				n = 1000
			}
			attributes += n
			c.publish(b, n, intel.All, 0, nil)
		}
		c.connect(b)
		run, took := c.pull(b, peer.Options{})
		if run.Counts.Events.Created != int64(events) || run.Counts.Attributes.Created != int64(attributes) {
			b.Fatalf("%+v of %d attributes", run.Counts, attributes)
		}
		b.Logf("%d attributes in %v, %.1f MB", attributes, took.Round(time.Millisecond), float64(c.bytes.Load())/1e6)
		least(b, float64(attributes)/took.Seconds(), 20_000, "attributes/s")
		again, took := c.pull(b, peer.Options{})
		if !again.Unchanged {
			b.Fatalf("%+v", again)
		}
		most(b, ms(took), 100, "ms-nothing-new")
	}
}

// BenchmarkGroupOf42: an event of 120,000 attributes, each for a sharing group of 42
// organisations, comes whole within a minute and 60 MB.
func BenchmarkGroupOf42(b *testing.B) {
	for b.Loop() {
		c := newCouple(b)
		g := intel.SharingGroup{Name: "forty-two", Active: true, Roaming: true, Orgs: []intel.GroupOrg{{Org: intel.Org{ID: c.there.reader.Org}}}}
		for i := range 40 {
			g.Orgs = append(g.Orgs, intel.GroupOrg{Org: c.there.Org(fmt.Sprintf("Member %02d", i))})
		}
		g, err := c.there.Intel.AddGroup(ctx, c.there.writer, g)
		must(b, err)
		c.there.writer = c.there.Again(c.there.writer)
		n := scaled(120_000)
		c.publish(b, n, intel.Group, g.ID, func(a *misp.Attribute) { a.Distribution, a.SharingGroupID = misp.N(4), misp.N(g.ID) })
		c.connect(b)
		m := measure(b)
		run, took := c.pull(b, peer.Options{})
		if run.Counts.Events.Created != 1 || run.Counts.Attributes.Created != int64(n) {
			b.Fatalf("%+v", run.Counts)
		}
		groups := int64(0)
		must(b, c.here.DB.View(ctx, func(tx *store.Tx) (err error) {
			groups, err = store.Int64(ctx, tx, "SELECT COUNT(DISTINCT audience_id) FROM intel_attribute")
			return err
		}))
		if groups != 1 {
			b.Errorf("%d audiences on the attributes", groups)
		}
		most(b, took.Seconds(), 60, "s")
		most(b, float64(c.bytes.Load())/1e6, 60, "MB-wire")
		most(b, m.grown(b), 600, "MB")
	}
}
