package registry

import (
	"context"
	"net/netip"
	"strings"
	"sync"

	"github.com/gaissmai/bart"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Clue is what is known of somebody: any of the three.
type Clue struct {
	Email   string
	Domain  string
	Address netip.Addr
}

// Match is an organisation that a clue points to, and why.
type Match struct {
	Organisation Organisation
	By           string // "contact", "domain" or "network"
	Value        string // the address, domain or network that matched
}

// Recognise finds the organisation behind a clue among what who may see: a
// contact's address first, then the longest domain, then the most specific
// network; found is false when nothing fits. It never guesses between two equals:
// the first entered answers.
func (s *Service) Recognise(ctx context.Context, who ident.Actor, c Clue) (m Match, found bool, err error) {
	if err := mayRead(who); err != nil {
		return m, false, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		m, found, err = s.RecogniseTx(ctx, tx, who, c)
		return err
	})
	return m, found, err
}

// RecogniseTx is Recognise within the caller's transaction.
func (s *Service) RecogniseTx(ctx context.Context, tx *store.Tx, who ident.Actor, c Clue) (m Match, found bool, err error) {
	if err := mayRead(who); err != nil {
		return m, false, err
	}
	var org int64
	for _, look := range []func(context.Context, *store.Tx, ident.Actor, Clue) (int64, string, string, error){byContact, byDomain, s.byNetwork} {
		if org, m.By, m.Value, err = look(ctx, tx, who, c); err != nil {
			return m, false, err
		} else if org != 0 {
			o, err := orgByID(ctx, tx, who, org)
			m.Organisation = o.hide()
			return m, err == nil, err
		}
	}
	return Match{}, false, nil
}

func byContact(ctx context.Context, tx *store.Tx, who ident.Actor, c Clue) (int64, string, string, error) {
	if c.Email == "" {
		return 0, "", "", nil
	}
	orgs, err := heldEmail(ctx, tx, who, emailKey(c.Email))
	if err != nil || len(orgs) == 0 {
		return 0, "", "", err
	}
	return orgs[0], "contact", c.Email, nil
}

func byDomain(ctx context.Context, tx *store.Tx, who ident.Actor, c Clue) (int64, string, string, error) {
	var wanted []string
	_, ofMail, _ := strings.Cut(c.Email, "@")
	for _, d := range []string{ofMail, c.Domain} {
		if name, err := ParseDomain(d); err == nil {
			wanted = append(wanted, suffixes(name)...)
		}
	}
	if len(wanted) == 0 {
		return 0, "", "", nil
	}
	held, err := heldDomains(ctx, tx, who, wanted)
	if err != nil {
		return 0, "", "", err
	}
	best := Resource{}
	for _, r := range held {
		if len(r.Value) > len(best.Value) {
			best = r
		}
	}
	return best.org, "domain", best.Value, nil
}

func (s *Service) byNetwork(ctx context.Context, tx *store.Tx, who ident.Actor, c Clue) (int64, string, string, error) {
	if !c.Address.IsValid() {
		return 0, "", "", nil
	}
	ids, err := s.table.covering(ctx, tx, c.Address)
	if err != nil || len(ids) == 0 {
		return 0, "", "", err
	}
	held, err := heldNetworks(ctx, tx, who, ids)
	if err != nil {
		return 0, "", "", err
	}
	best, bits := Resource{}, -1
	for _, r := range held {
		if p, err := netip.ParsePrefix(r.Value); err == nil && p.Bits() > bits {
			best, bits = r, p.Bits()
		}
	}
	return best.org, "network", best.Value, nil
}

// holders is every network of the installation in memory, read again when the
// epoch in the database has moved on. It holds ids only: who may see which is
// asked of the database each time.
type holders struct {
	mu    sync.Mutex
	epoch int64
	nets  *networks
}

// networks finds the networks that contain an address; ids says which are at a place.
// One kind of bart's table in the whole program: each kind costs 150 kB of it.
type networks struct {
	at  bart.Table[uint32]
	ids [][]int64
}

// covering gives the ids of all networks that contain an address.
func (h *holders) covering(ctx context.Context, tx *store.Tx, a netip.Addr) ([]int64, error) {
	nets, err := h.current(ctx, tx)
	if err != nil {
		return nil, err
	}
	a = a.Unmap().WithZone("")
	var ids []int64
	for _, v := range nets.at.Supernets(netip.PrefixFrom(a, a.BitLen())) {
		ids = append(ids, nets.ids[v]...)
	}
	return ids, nil
}

func (h *holders) current(ctx context.Context, tx *store.Tx) (*networks, error) {
	epoch, err := store.Int64(ctx, tx, readEpoch)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.nets != nil && h.epoch == epoch {
		return h.nets, nil
	}
	nets := &networks{}
	for r, err := range store.Each(ctx, tx, scanNetwork, allNetworks) {
		if err != nil {
			return nil, err
		}
		p, err := netip.ParsePrefix(r.value)
		if err != nil {
			continue // cannot happen to what ParseCIDR wrote; a hand-edited row must not stop the rest
		}
		i, there := nets.at.Get(p)
		if !there {
			i = uint32(len(nets.ids))
			nets.at.Insert(p, i)
			nets.ids = append(nets.ids, nil)
		}
		nets.ids[i] = append(nets.ids[i], r.id)
	}
	// A reader of an older moment must not put its table over a newer one's.
	if epoch >= h.epoch {
		h.nets, h.epoch = nets, epoch
	}
	return nets, nil
}
