package peer

import (
	"context"
	"embed"
	"slices"
	"strconv"
	"strings"
	"sync"

	"straza/internal/catalog"
	"straza/internal/craft/seal"
	"straza/internal/intel"
	"straza/internal/intel/dossier"
	"straza/internal/intel/remark"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/outbound"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/registry"
)

// Messages are the sentences of the room's faults, codes and reasons.
//
//go:embed messages/*.json
var Messages embed.FS

// Keys seals the keys that other sides gave us; vault.Vault does.
type Keys interface {
	Seal(f vault.Field, plaintext []byte) ([]byte, error)
	Open(f vault.Field, ciphertext []byte) ([]byte, error)
}

// Deps is what the room needs.
type Deps struct {
	DB       *store.DB
	Audit    *audit.Log
	Intel    *intel.Service
	Remarks  *remark.Service
	Dossiers *dossier.Service
	Catalog  *catalog.Service
	Registry *registry.Service
	Keys     Keys
	Seal     *seal.Office    // signs protected events; nil = none leaves
	Out      outbound.Config // which private networks may be reached; the rest is per peer
	Origin   func() string   // this installation's public address
}

// Service is the door to peers. Safe for concurrent use.
type Service struct {
	db       *store.DB
	log      *audit.Log
	intel    *intel.Service
	remarks  *remark.Service
	dossiers *dossier.Service
	catalog  *catalog.Service
	registry *registry.Service
	keys     Keys
	seal     *seal.Office
	out      outbound.Config
	origin   func() string

	mu   sync.Mutex
	busy map[string]bool // "way id": one run at a time in this process
}

// New makes the room.
func New(d Deps) *Service {
	return &Service{db: d.DB, log: d.Audit, intel: d.Intel, remarks: d.Remarks, dossiers: d.Dossiers, catalog: d.Catalog, registry: d.Registry, keys: d.Keys, seal: d.Seal, out: d.Out, origin: d.Origin, busy: map[string]bool{}}
}

// part is in whose name the room works when a clock or a peer's data makes it work.
func part() ident.Actor { return ident.SystemPart("peer") }

func cell(id int64) vault.Field { return vault.Field{Table: "peer_server", Column: "secret", Row: id} }

func thing(p Peer) audit.Thing { return audit.Thing{Kind: "peer", ID: p.ID, Label: p.Name} }

func digits(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0
}

// Peers lists all peers by priority. Needs peer.read; keys are never told.
func (s *Service) Peers(ctx context.Context, who ident.Actor) (list []Peer, err error) {
	if err := access.Check(who, "peer.read"); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err = store.All(ctx, tx, scanPeer, allPeers)
		return err
	})
	return list, err
}

// Peer reads one by id, UUID or exact name. Needs peer.read. Faults: NotFound.
func (s *Service) Peer(ctx context.Context, who ident.Actor, ref string) (p Peer, err error) {
	if err := access.Check(who, "peer.read"); err != nil {
		return p, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		p, err = readPeer(ctx, tx, ref)
		return err
	})
	return p, err
}

// Remote names the organisation behind a peer: a reference to one here, or the UUID
// and name by which it is entered as foreign.
type Remote struct{ Ref, UUID, Name string }

// Add enters a peer with our key there. Org 0 is the host's organisation. Needs
// peer.manage. Faults: Invalid with fields.
func (s *Service) Add(ctx context.Context, who ident.Actor, p Peer, key string, remote Remote) (out Peer, err error) {
	if err := s.mayManage(who); err != nil {
		return p, err
	}
	if err := p.check(); err != nil {
		return p, err
	}
	if key = strings.TrimSpace(key); key == "" || len(key) > 500 || strings.ContainsAny(key, "\r\n") {
		return p, fault.Field("key", "peer.fault.key", "a peer needs the key that it gave us")
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		p.ID, p.UUID = s.db.NewID(), s.db.NewUUID()
		if err := s.orgs(ctx, tx, who, &p, remote); err != nil {
			return err
		}
		if p.secret, err = s.keys.Seal(cell(p.ID), []byte(key)); err != nil {
			return err
		}
		if p.Created, err = store.Now(ctx, tx); err != nil {
			return err
		}
		p.Changed = p.Created
		if err := writePeer(ctx, tx, &p, true); err != nil {
			return err
		}
		if out, err = readPeer(ctx, tx, strconv.FormatInt(p.ID, 10)); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "peer.add", thing(p), told(&p))
	})
	return out, err
}

// told is what the audit keeps of a peer's settings: no key.
func told(p *Peer) map[string]any {
	return map[string]any{"url": p.URL, "push": p.Push, "pull": p.Pull, "internal": p.Internal, "ceiling": p.Ceiling.String()}
}

func (s *Service) mayManage(who ident.Actor) error {
	if who.ReadOnly {
		return fault.New(fault.Denied, "%s holds a read-only key", who).WithKey("fault.read-only")
	}
	return access.Check(who, "peer.manage")
}

// orgs resolves whose events are pulled, and who the other side is.
func (s *Service) orgs(ctx context.Context, tx *store.Tx, who ident.Actor, p *Peer, remote Remote) error {
	setup := ident.SystemPart("setup")
	if p.Org == 0 {
		host, err := s.registry.HostTx(ctx, tx, setup)
		if err != nil {
			return err
		}
		p.Org = host.ID
	}
	switch {
	case remote.UUID != "":
		id, err := s.registry.EnsureTx(ctx, tx, who, remote.UUID, remote.Name)
		if err != nil {
			return err
		}
		p.RemoteOrg = id
	case remote.Ref != "":
		if id, ok := digits(remote.Ref); ok {
			o, err := s.registry.OrgTx(ctx, tx, setup, id)
			if err != nil {
				return fault.Field("remote", "peer.fault.remote", "no such organisation").Because(err)
			}
			p.RemoteOrg = o.ID
			return nil
		}
		o, err := s.registry.OrgByRefTx(ctx, tx, setup, remote.Ref)
		if err != nil {
			return fault.Field("remote", "peer.fault.remote", "no such organisation").Because(err)
		}
		p.RemoteOrg = o.ID
	case p.RemoteOrg == 0:
		return fault.Field("remote", "peer.fault.remote", "which organisation is behind the peer")
	}
	return nil
}

// Edit changes a peer; key "" keeps the one we have. What was refused is looked at
// again, because rules may have changed. Needs peer.manage. Faults: NotFound, Invalid.
func (s *Service) Edit(ctx context.Context, who ident.Actor, ref string, key string, remote Remote, change func(*Peer) error) (p Peer, err error) {
	if err := s.mayManage(who); err != nil {
		return p, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if p, err = readPeer(ctx, tx, ref); err != nil {
			return err
		}
		id := p.ID
		was := p.URL
		if err := change(&p); err != nil {
			return err
		}
		p.ID = id
		if err := p.check(); err != nil {
			return err
		}
		if p.URL != was && strings.TrimSpace(key) == "" {
			// or whoever may edit a peer could have our key sent to an address of theirs
			return fault.Field("key", "peer.fault.key-again", "another address needs the key again")
		}
		if remote != (Remote{}) {
			if err := s.orgs(ctx, tx, who, &p, remote); err != nil {
				return err
			}
		}
		if key = strings.TrimSpace(key); key != "" {
			if p.secret, err = s.keys.Seal(cell(p.ID), []byte(key)); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, setRetracted, p.ID, "", p.retracted); err != nil { // its key for signatures is learnt anew
				return err
			}
		}
		if p.Changed, err = store.Now(ctx, tx); err != nil {
			return err
		}
		if err := writePeer(ctx, tx, &p, false); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, forgetRefused, p.ID); err != nil {
			return err
		}
		detail := told(&p)
		detail["key"] = key != ""
		return s.log.Record(ctx, tx, who, "peer.edit", thing(p), detail)
	})
	return p, err
}

// Delete takes a peer out; events that came from it stay. Needs peer.manage.
func (s *Service) Delete(ctx context.Context, who ident.Actor, ref string) error {
	if err := s.mayManage(who); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		p, err := readPeer(ctx, tx, ref)
		if err != nil {
			return err
		}
		if err := erasePeer(ctx, tx, p.ID); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "peer.delete", thing(p), nil)
	})
}

// connect opens the key and makes the client of a peer.
func (s *Service) connect(p *Peer) (*remote, error) {
	key, err := s.keys.Open(cell(p.ID), p.secret)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "the key of peer %d does not open here: enter it again", p.ID).WithKey("peer.fault.sealed").Because(err)
	}
	return s.dial(p, string(key)), nil
}

// Test asks the other side what it is and whether our calls arrive whole, keeps the
// outcome and gives it. It closes the breaker when all is well. Needs peer.manage.
func (s *Service) Test(ctx context.Context, who ident.Actor, ref string) (p Peer, err error) {
	if err := s.mayManage(who); err != nil {
		return p, err
	}
	if p, err = s.Peer(ctx, who, ref); err != nil {
		return p, err
	}
	r, err := s.connect(&p)
	if err != nil {
		return p, err
	}
	able, err := r.version(ctx)
	code, detail := codeOf(err), ""
	if err != nil {
		detail = DetailOf(err)
	} else {
		p.Health.Able = able
		code, detail = r.postTest(ctx, "straza "+s.db.NewUUID())
	}
	p.Health.Code, p.Health.Detail = code, detail
	if code == OK {
		p.Health.Failures, p.Health.OpenUntil = 0, 0
	}
	return p, s.db.Update(ctx, func(tx *store.Tx) error {
		if p.Health.Checked, err = store.Now(ctx, tx); err != nil {
			return err
		}
		if err := writeHealth(ctx, tx, &p); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "peer.test", thing(p), map[string]any{"code": int(code)})
	})
}

// wentWell and wentWrong note how an exchange ended: the breaker's memory.
func (s *Service) wentWell(ctx context.Context, p *Peer, able Able) error {
	return s.health(ctx, p, func(h *Health, now int64) {
		*h = Health{Code: OK, Checked: now, Able: able}
	})
}

func (s *Service) wentWrong(ctx context.Context, p *Peer, cause error) error {
	return s.health(ctx, p, func(h *Health, now int64) {
		h.Code, h.Detail, h.Checked = codeOf(cause), DetailOf(cause), now
		h.Failures++
		h.OpenUntil = now + Pause(h.Failures, cause).Microseconds()
	})
}

func (s *Service) health(ctx context.Context, p *Peer, set func(h *Health, now int64)) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		have, err := readPeer(ctx, tx, strconv.FormatInt(p.ID, 10))
		if err != nil {
			return err
		}
		set(&have.Health, now)
		p.Health = have.Health
		return writeHealth(ctx, tx, &have)
	}, store.InLane(store.Jobs))
}

// alone lets one run of a way of a peer work in this process at a time.
func (s *Service) alone(way string, id int64) (end func(), ok bool) {
	key := way + " " + strconv.FormatInt(id, 10)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[key] {
		return nil, false
	}
	s.busy[key] = true
	return func() { s.mu.Lock(); delete(s.busy, key); s.mu.Unlock() }, true
}

// Runs lists the last runs of a peer, newest first. Needs peer.read.
func (s *Service) Runs(ctx context.Context, who ident.Actor, ref string, n int) (list []Run, err error) {
	p, err := s.Peer(ctx, who, ref)
	if err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err = store.All(ctx, tx, scanRun, runsOf, p.ID, min(max(n, 1), 1000))
		return err
	})
	return list, err
}

// Items lists what is known of events for a peer, by way and state, oldest first, at
// most n behind the place after. Needs peer.read; an event that the caller may not
// see is left out. More tells the place behind which the next page begins, 0 = none.
func (s *Service) Items(ctx context.Context, who ident.Actor, ref, way, state string, after int64, n int) (out []Item, more int64, err error) {
	p, err := s.Peer(ctx, who, ref)
	if err != nil {
		return nil, 0, err
	}
	var list []item
	n = min(max(n, 1), 1000)
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err = store.All(ctx, tx, scanItem, itemsOf, p.ID, way, state, after, n)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	if len(list) == n {
		more = list[n-1].id
	}
	for _, it := range list {
		if way == Push {
			if _, err := s.intel.Event(ctx, seer(who), it.uuid); fault.Is(err, fault.NotFound) {
				continue
			} else if err != nil {
				return nil, 0, err
			}
		}
		out = append(out, it.public())
	}
	return slices.Clip(out), more, nil
}

// seer is who reads in a list of bare UUIDs: an operator sees all of them, and no content.
func seer(who ident.Actor) ident.Actor {
	if who.Kind == ident.Operator || who.Kind == ident.Person && !access.Allowed(who, "intel.read") && access.Allowed(who, "peer.manage") {
		return part()
	}
	return who
}
