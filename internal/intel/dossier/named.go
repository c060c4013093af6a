package dossier

import (
	"context"
	"strings"

	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Named is an element with what it names, as far as that is here.
type Named struct {
	Element
	Title   string // "" = not here
	Event   string // UUID of the event that it is or stands in
	Cluster int64
	TLP     string // of the event
}

// Names tells what the elements of a dossier that the caller has read name, the first
// limit of them.
func (s *Service) Names(ctx context.Context, who ident.Actor, d *Dossier, limit int) (out []Named, err error) {
	if err := intel.MayRead(who); err != nil {
		return nil, err
	}
	list := d.Elements[:min(limit, len(d.Elements))]
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		for _, e := range list {
			n := Named{Element: e}
			if err := s.name(ctx, tx, who, &n); err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			out = append(out, n)
		}
		return nil
	})
	if err != nil || s.d.Catalog == nil {
		return out, err
	}
	for i := range out {
		if n := &out[i]; n.Kind == "GalaxyCluster" {
			c, err := s.d.Catalog.Cluster(ctx, who, n.Target)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return nil, err
			}
			if err == nil {
				n.Title, n.Cluster = c.Value, c.ID
			}
		}
	}
	return out, nil
}

func (s *Service) name(ctx context.Context, tx *store.Tx, who ident.Actor, n *Named) error {
	switch n.Kind {
	case "Event":
		e, err := s.d.Intel.EventTx(ctx, tx, who, n.Target)
		if err == nil {
			n.Title, n.Event, n.TLP = e.Info, e.UUID, e.TLP
		}
		return err
	case "Attribute":
		a, err := s.d.Intel.AttributeTx(ctx, tx, who, n.Target)
		if err == nil {
			n.Title = a.Value
			if a.Event != nil {
				n.Event, n.TLP = a.Event.UUID, a.Event.TLP
			}
		}
		return err
	}
	return nil
}

// Put is AddElement of what a UUID names, found out when it is here; else it is an event
// that is somewhere else. Faults: as AddElement.
func (s *Service) Put(ctx context.Context, who ident.Actor, ref, uuid, why string) (e Element, err error) {
	kind, err := s.KindOf(ctx, who, uuid)
	if err != nil {
		return e, err
	}
	if kind == "" {
		kind = "Event"
	}
	return s.AddElement(ctx, who, ref, Element{Target: strings.TrimSpace(uuid), Kind: kind, Description: why})
}
