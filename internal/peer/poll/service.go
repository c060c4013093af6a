package poll

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"

	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/outbound"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/peer"
	"straza/internal/registry"
)

// Deps is what the chamber needs.
type Deps struct {
	DB       *store.DB
	Audit    *audit.Log
	Intel    *intel.Service
	Registry *registry.Service
	Keys     peer.Keys
	Out      outbound.Config // which private networks may be reached; the rest is per server
}

// Service is the door to TAXII servers that are polled. Safe for concurrent use.
type Service struct {
	d Deps

	mu   sync.Mutex
	busy map[int64]bool // one poll of a server at a time in this process
}

// New makes the chamber.
func New(d Deps) *Service { return &Service{d: d, busy: map[int64]bool{}} }

func part() ident.Actor { return ident.SystemPart("peer") }

func cell(id int64) vault.Field { return vault.Field{Table: "peer_poll", Column: "secret", Row: id} }

func thing(x Server) audit.Thing { return audit.Thing{Kind: "taxii", ID: x.ID, Label: x.Name} }

func mayManage(who ident.Actor) error {
	if who.ReadOnly {
		return fault.New(fault.Denied, "%s holds a read-only key", who).WithKey("fault.read-only")
	}
	return access.Check(who, "peer.manage")
}

// Servers lists all servers by name. Needs peer.read; secrets are never told.
func (s *Service) Servers(ctx context.Context, who ident.Actor) (list []Server, err error) {
	if err := access.Check(who, "peer.read"); err != nil {
		return nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		list, err = listServers(ctx, tx)
		return err
	})
	return list, err
}

// Server reads one by id, UUID or exact name, with its collections. Needs peer.read.
// Faults: NotFound.
func (s *Service) Server(ctx context.Context, who ident.Actor, ref string) (x Server, list []Collection, err error) {
	if err := access.Check(who, "peer.read"); err != nil {
		return x, nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		if x, err = readServer(ctx, tx, ref); err == nil {
			list, err = listCollections(ctx, tx, x.ID)
		}
		return err
	})
	return x, list, err
}

// Add enters a server; org is a reference to the organisation into whose inbox it
// goes, "" = the host's. Needs peer.manage. Faults: Invalid with fields.
func (s *Service) Add(ctx context.Context, who ident.Actor, x Server, secret, org string) (Server, error) {
	if err := mayManage(who); err != nil {
		return x, err
	}
	if err := x.check(); err != nil {
		return x, err
	}
	if err := secretOK(secret); err != nil {
		return x, err
	}
	err := s.d.DB.Update(ctx, func(tx *store.Tx) (err error) {
		x.ID, x.UUID = s.d.DB.NewID(), s.d.DB.NewUUID()
		if x.Org, err = s.org(ctx, tx, org); err != nil {
			return err
		}
		if err := s.seal(&x, secret); err != nil {
			return err
		}
		if x.Created, err = store.Now(ctx, tx); err != nil {
			return err
		}
		if err := writeServer(ctx, tx, &x, true); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "taxii.add", thing(x), map[string]any{"url": x.URL, "org": x.Org, "every": x.Every, "secret": secret != ""})
	})
	return x, err
}

func secretOK(secret string) error {
	if len(secret) > 500 || strings.ContainsAny(secret, "\r\n") {
		return fault.Field("secret", "peer.fault.secret", "no password of TAXII's")
	}
	return nil
}

func (s *Service) seal(x *Server, secret string) (err error) {
	if x.secret = nil; secret != "" {
		x.secret, err = s.d.Keys.Seal(cell(x.ID), []byte(secret))
	}
	return err
}

func (s *Service) org(ctx context.Context, tx *store.Tx, ref string) (int64, error) {
	setup := ident.SystemPart("setup")
	if ref = strings.TrimSpace(ref); ref == "" {
		host, err := s.d.Registry.HostTx(ctx, tx, setup)
		return host.ID, err
	}
	o, err := s.d.Registry.OrgByRefTx(ctx, tx, setup, ref)
	if err != nil {
		return 0, fault.Field("org", "peer.fault.org", "no such organisation").Because(err)
	}
	return o.ID, nil
}

// Edit changes a server; secret "" keeps the one we have, unless the address changes:
// whoever may edit could have it sent to an address of theirs. org "" keeps whose it
// is. Needs peer.manage. Faults: NotFound, Invalid.
func (s *Service) Edit(ctx context.Context, who ident.Actor, ref, secret, org string, change func(*Server)) (x Server, err error) {
	if err := mayManage(who); err != nil {
		return x, err
	}
	if err := secretOK(secret); err != nil {
		return x, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		if x, err = readServer(ctx, tx, ref); err != nil {
			return err
		}
		was := x
		change(&x)
		x.ID, x.UUID, x.Org, x.secret = was.ID, was.UUID, was.Org, was.secret
		if err := x.check(); err != nil {
			return err
		}
		moved := x.URL != was.URL
		if moved && secret == "" && len(was.secret) > 0 {
			return fault.Field("secret", "peer.fault.key-again", "another address needs the secret again")
		}
		if secret != "" {
			if err := s.seal(&x, secret); err != nil {
				return err
			}
		}
		if org != "" {
			if x.Org, err = s.org(ctx, tx, org); err != nil {
				return err
			}
		}
		if x.Changed, err = store.Now(ctx, tx); err != nil {
			return err
		}
		if err := writeServer(ctx, tx, &x, false); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "taxii.edit", thing(x), map[string]any{"url": x.URL, "org": x.Org, "every": x.Every, "secret": secret != ""})
	})
	return x, err
}

// Delete forgets a server; what came from it stays. Needs peer.manage.
func (s *Service) Delete(ctx context.Context, who ident.Actor, ref string) error {
	if err := mayManage(who); err != nil {
		return err
	}
	return s.d.DB.Update(ctx, func(tx *store.Tx) error {
		x, err := readServer(ctx, tx, ref)
		if err != nil {
			return err
		}
		if err := eraseServer(ctx, tx, x.ID); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "taxii.delete", thing(x), nil)
	})
}

// Choose says which collections of a server are polled, by their ids here or the
// server's ids; the others are not. Needs peer.manage. Faults: NotFound, Invalid for
// one that there is not.
func (s *Service) Choose(ctx context.Context, who ident.Actor, ref string, collections []string) (list []Collection, err error) {
	if err := mayManage(who); err != nil {
		return nil, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		x, err := readServer(ctx, tx, ref)
		if err != nil {
			return err
		}
		if list, err = listCollections(ctx, tx, x.ID); err != nil {
			return err
		}
		named := map[string]bool{}
		for i := range list {
			c := &list[i]
			id := strconv.FormatInt(c.ID, 10)
			c.Chosen = slices.Contains(collections, id) || slices.Contains(collections, c.Ref)
			named[id], named[c.Ref] = true, true
			if err := choose(ctx, tx, c.ID, c.Chosen); err != nil {
				return err
			}
		}
		for _, name := range collections {
			if !named[name] {
				return fault.Field("collection", "peer.fault.collection", "no such collection")
			}
		}
		return s.d.Audit.Record(ctx, tx, who, "taxii.choose", thing(x), map[string]any{"collections": len(collections)})
	})
	return list, err
}

// Look asks a server what it is and which collections it has, keeps both and how the
// exchange went, and gives them. It closes the breaker when all is well. A server
// that does not answer is no fault: its Health says so. Needs peer.manage. Faults:
// NotFound, Unavailable for a secret that does not open here.
func (s *Service) Look(ctx context.Context, who ident.Actor, ref string) (x Server, list []Collection, err error) {
	if err := mayManage(who); err != nil {
		return x, nil, err
	}
	if x, _, err = s.Server(ctx, who, ref); err != nil {
		return x, nil, err
	}
	r, err := s.connect(&x)
	if err != nil {
		return x, nil, err
	}
	found, elsewhere, cause := look(ctx, r, &x)
	err = s.d.DB.Update(context.WithoutCancel(ctx), func(tx *store.Tx) (err error) {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		x.Health = after(x.Health, cause, now)
		if cause == nil {
			err = learn(ctx, tx, &x, found)
		}
		if err == nil {
			err = writeHealth(ctx, tx, &x)
		}
		if err == nil {
			list, err = listCollections(ctx, tx, x.ID)
		}
		if err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "taxii.look", thing(x), map[string]any{"code": int(x.Health.Code), "collections": len(found), "roots_elsewhere": elsewhere})
	})
	return x, list, err
}

func look(ctx context.Context, r *remote, x *Server) (found []Collection, elsewhere int, err error) {
	title, roots, elsewhere, err := r.roots(ctx)
	if err != nil {
		return nil, elsewhere, err
	}
	x.Title = title
	var first error
	good := 0
	for _, root := range roots {
		list, err := r.collections(ctx, root)
		if err != nil { // one root that is not ours to read does not hide the others
			if first == nil {
				first = err
			}
			continue
		}
		good++
		found = append(found, list...)
	}
	if good == 0 {
		return nil, elsewhere, first
	}
	return found, elsewhere, nil
}

func (s *Service) connect(x *Server) (*remote, error) {
	secret := ""
	if len(x.secret) > 0 {
		b, err := s.d.Keys.Open(cell(x.ID), x.secret)
		if err != nil {
			return nil, fault.New(fault.Unavailable, "the secret of server %d does not open here: enter it again", x.ID).WithKey("peer.fault.sealed").Because(err)
		}
		secret = string(b)
	}
	return s.dial(x, secret)
}
