package peer_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"straza/internal/craft/seal"
	"straza/internal/format/misp"
	"straza/internal/format/openpgp"
	"straza/internal/intel"
	"straza/internal/intel/intelmisp"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/outbound"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/peer"
	"straza/internal/registry"
	"straza/internal/testkit"

	"golang.org/x/mod/sumdb/note"
)

var ctx = context.Background()

// loopback lets tests reach servers on this machine.
var loopback = outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

// node is an installation with its MISP surface on a port, a lead who manages peers,
// and a key for each other node that may synchronise with it.
type node struct {
	*inteltest.World
	Peers  *peer.Service
	URL    string
	Lead   ident.Actor
	keys   map[string]ident.Actor
	more   int
	before func() // each call
	signs  *vault.Vault
	vault  *vault.Vault
	seal   *seal.Office
}

func (n *node) ByKey(_ context.Context, key string, _ netip.Addr, ch ident.Channel) (ident.Actor, error) {
	who, ok := n.keys[key]
	if !ok {
		return ident.Actor{}, fault.New(fault.NotFound, "no such key")
	}
	who.Channel = ch
	return n.Again(who), nil
}

func (n *node) BySession(context.Context, string) (ident.Actor, error) {
	return ident.Actor{}, fault.New(fault.NotFound, "no sessions here")
}

func newNode(t testing.TB, db *store.DB) *node {
	t.Helper()
	n := &node{World: inteltest.New(t, db), keys: map[string]ident.Actor{}}
	srv := httptest.NewUnstartedServer(nil)
	n.URL = "http://" + srv.Listener.Addr().String()
	n.vault = testkit.Vault(t)
	n.seal = seal.New(seal.Deps{DB: db, Audit: testkit.Audit(db), Vault: n.vault, Owner: func() openpgp.Owner { return openpgp.Owner{Name: n.CERT.Name, Email: "straza@" + "cert.example"} }})
	n.Must(n.seal.Begin(context.Background(), ident.SystemPart("seal")))
	n.restart()
	n.Lead = n.Person(n.CERT, access.Lead, ident.Web)
	origin, err := url.Parse(n.URL)
	n.Must(err)
	messages, err := i18n.NewCatalog(ui.Messages)
	n.Must(err)
	m := web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef"), Catalog: messages, Gate: n, Now: db.Clock.Now})
	m.Surface(intelmisp.Surface(intelmisp.Deps{Intel: n.Intel, Remarks: n.Remarks, Dossiers: n.Dossiers, Catalog: n.Lists, Registry: n.Registry, Sign: n.sign, Seal: n.seal, Cursors: []byte("0123456789abcdef"), UUID: db.NewUUID(), Origin: n.URL}))
	h, err := m.Handler()
	n.Must(err)
	srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.before != nil {
			n.before()
		}
		h.ServeHTTP(w, r)
	})
	srv.Start()
	t.Cleanup(srv.Close)
	return n
}

// restart makes the room anew, as a program that was ended and started does.
func (n *node) restart() {
	n.Peers = peer.New(peer.Deps{DB: n.DB, Audit: testkit.Audit(n.DB), Intel: n.Intel, Remarks: n.Remarks, Dossiers: n.Dossiers, Catalog: n.Lists, Registry: n.Registry,
		Keys: n.vault, Seal: n.seal, Out: loopback, Origin: func() string { return n.URL }})
}

// sign signs for peers.
func (n *node) sign(text string) (signed, verifier string, err error) {
	if n.signs == nil {
		n.signs = testkit.Vault(n.T)
	}
	signer, verifier, err := n.signs.Signer("straza/peer")
	n.Must(err)
	b, err := note.Sign(&note.Note{Text: text}, signer)
	return string(b), verifier, err
}

// key makes a key here for somebody of org with a role.
func (n *node) key(org intel.Org, role string) string {
	n.more++
	key := strings.Repeat(string(rune('a'+n.more%26)), 40)
	who := n.Person(org, role, ident.MISP)
	who.Key = who.Person + 5000
	n.keys[key] = who
	return key
}

// knows enters another node as a peer here, with a sync key there for an
// organisation that stands there for this node.
func (n *node) knows(o *node, name string, flags peer.Flags) peer.Peer {
	n.T.Helper()
	there, err := o.Registry.OrgByRef(ctx, ident.SystemPart("setup"), n.CERT.UUID)
	var org intel.Org
	if err == nil {
		org = intel.Org{ID: there.ID, UUID: there.UUID, Name: there.Name, Local: true}
	} else {
		org = o.member(n.CERT)
	}
	p, err := n.Peers.Add(ctx, n.Lead, peer.Peer{Name: name, URL: o.URL, Flags: flags}, o.key(org, access.Sync), peer.Remote{UUID: o.CERT.UUID, Name: o.CERT.Name})
	n.Must(err)
	return p
}

func attr(uuid, typ, value string, level int64) misp.Attribute {
	return misp.Attribute{UUID: misp.T(uuid), Type: misp.T(typ), Value: misp.T(value), Distribution: misp.N(level), Timestamp: misp.N(1_700_000_000)}
}

// member enters another node's host as an organisation here, as it is done by hand
// for who shall synchronise.
func (n *node) member(org intel.Org) intel.Org {
	n.T.Helper()
	o, err := n.Registry.Add(ctx, ident.SystemPart("setup"), registry.Draft{UUID: org.UUID, Name: org.Name + " " + org.UUID[30:], Kind: "company"})
	n.Must(err)
	return intel.Org{ID: o.ID, UUID: o.UUID, Name: o.Name, Local: true}
}

// made stores an event of the node's host and publishes it.
func (n *node) made(e *misp.Event) intel.Event {
	n.T.Helper()
	who := n.Lead
	who.Channel = ident.MISP // what comes over MISP is stored as sent, whatever its label
	saved, err := n.Intel.AddEvent(ctx, who, intel.FromEvent(e), intel.AddOptions{Publish: true})
	n.Must(err)
	got, err := n.Intel.Event(ctx, who, saved.UUID)
	n.Must(err)
	return got
}

func (n *node) pull(p peer.Peer, o peer.Options) peer.Run {
	n.T.Helper()
	run, err := n.Peers.Pull(ctx, n.Lead, p.UUID, o)
	n.Must(err)
	return run
}

func (n *node) has(uuid string) intel.Event {
	n.T.Helper()
	e, err := n.Intel.Event(ctx, ident.SystemPart("peer"), uuid)
	n.Must(err)
	return e
}
