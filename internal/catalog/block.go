package catalog

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Blocks lists the clusters that do not come in. Who may: catalog.write.
func (s *Service) Blocks(ctx context.Context, who ident.Actor) (out []Block, err error) {
	if err := mayWrite(who); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = listBlocks(ctx, tx)
		return err
	})
	return out, err
}

// Block keeps clusters out by their UUIDs and tells which of them were new.
// Faults: Invalid.
func (s *Service) Block(ctx context.Context, who ident.Actor, b Block, uuids []string) (added []string, err error) {
	if err := mayWrite(who); err != nil {
		return nil, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		added = nil
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		for _, ref := range uuids {
			uuid, ok := store.ParseUUID(ref)
			if !ok {
				return fault.Field("uuid", "catalog.fault.uuid", "no UUID")
			}
			n, err := tx.Exec(ctx, insertBlock, s.db.NewID(), uuid, b.Info, b.Comment, b.Org, now)
			if err != nil {
				return err
			}
			if n > 0 {
				added = append(added, uuid)
			}
		}
		return s.log.Record(ctx, tx, who, "cluster.block", audit.Thing{Kind: "cluster"}, map[string]any{"uuids": uuids})
	})
	return added, err
}

// EditBlock lets change rewrite the notes of a blocked cluster, found by id or
// UUID; with drop the block ends. Faults: NotFound.
func (s *Service) EditBlock(ctx context.Context, who ident.Actor, ref string, drop bool, change func(*Block)) (b Block, err error) {
	if err := mayWrite(who); err != nil {
		return b, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if b, err = blockBy(ctx, tx, ref); err != nil {
			return err
		}
		verb := "cluster.unblock"
		if drop {
			_, err = tx.Exec(ctx, dropBlock, b.ID)
		} else {
			verb = "cluster.block"
			change(&b)
			_, err = tx.Exec(ctx, updateBlock, b.ID, b.Info, b.Comment, b.Org)
		}
		if err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, verb, audit.Thing{Kind: "cluster", Label: b.UUID}, nil)
	})
	return b, err
}

// PushedCluster is a cluster as a peer sends it. Who pushes has taken a step off its
// level before; of what is Pulled it is taken off here (spec misp §7.4, §7.5).
type PushedCluster struct {
	Galaxy     string // UUID, or type
	Pulled     bool
	Holder     int64 // whose it becomes here when nobody stands behind the caller
	Origin     int64 // organisation here, 0 = not one of here
	OriginUUID string
	OriginName string
	Draft      ClusterDraft
	Published  bool
}

// Receive is ReceiveTx in a transaction of its own.
func (s *Service) Receive(ctx context.Context, who ident.Actor, p PushedCluster) (changed bool, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		changed, err = s.ReceiveTx(ctx, tx, who, p)
		return err
	})
	return changed, err
}

// ReceiveTx takes in a cluster that a peer sent: a new one, or a newer version of a
// locked one. What was made here is never overwritten. Who may: misp.sync with
// misp.galaxy_editor. The answer tells whether anything changed. Faults: Denied,
// Invalid, NotFound for an unknown galaxy.
func (s *Service) ReceiveTx(ctx context.Context, tx *store.Tx, who ident.Actor, p PushedCluster) (changed bool, err error) {
	if err := mayCluster(who); err != nil {
		return false, err
	}
	if err := access.Check(who, "misp.sync"); err != nil {
		return false, err
	}
	if who.Kind == ident.System {
		who.Org = p.Holder
	}
	if p.Pulled {
		p.Draft.Level = receivedLevel(p.Draft.Level)
		for i := range p.Draft.Relations {
			p.Draft.Relations[i].Level = receivedLevel(p.Draft.Relations[i].Level)
		}
	}
	if err := p.Draft.check(); err != nil {
		return false, err
	}
	have, err := clusterBy(ctx, tx, who, p.Draft.UUID, true)
	if fault.Is(err, fault.NotFound) {
		return true, s.receiveNew(ctx, tx, who, p)
	}
	if err != nil || have.Own == nil || !have.Own.Locked || p.Draft.Version <= have.Own.Version {
		return false, err
	}
	// Only the peer that brought it, or who may edit it, brings its next version.
	if have.Own.Org != who.Org && !seesAll(who) && who.Kind != ident.System {
		return false, nil
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return false, err
	}
	p.Draft.Replace = true
	if err := s.rewriteCluster(ctx, tx, who, &have, p.Draft, now); err != nil {
		return false, err
	}
	return true, s.log.Record(ctx, tx, who, "cluster.receive", clusterThing(have), map[string]any{"version": p.Draft.Version})
}

func (s *Service) receiveNew(ctx context.Context, tx *store.Tx, who ident.Actor, p PushedCluster) error {
	it, err := readItem(ctx, tx, Galaxy, p.Galaxy)
	if err != nil {
		return err
	}
	c, err := s.insertCluster(ctx, tx, who, it, p.Draft, Own{Origin: p.Origin, OriginUUID: p.OriginUUID, OriginName: p.OriginName,
		Locked: true, Published: p.Published})
	if err != nil {
		return err
	}
	return s.log.Record(ctx, tx, who, "cluster.receive", clusterThing(c), map[string]any{"version": p.Draft.Version})
}

// receivedLevel is what a level becomes at its receiver: 2 → 1, 1 → 0.
func receivedLevel(level int) int {
	if level == 1 || level == 2 {
		return level - 1
	}
	return level
}

// Mark sets what an installation thinks of a taxonomy: that every published event
// must carry one of its tags, that it is shown first; nil stays. Who may:
// catalog.write. Faults: NotFound.
func (s *Service) Mark(ctx context.Context, who ident.Actor, taxonomy string, required, highlighted *bool) (it Item, err error) {
	if err := mayWrite(who); err != nil {
		return it, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if it, err = readItem(ctx, tx, Taxonomy, taxonomy); err != nil {
			return err
		}
		if required != nil {
			it.Required = *required
		}
		if highlighted != nil {
			it.Highlighted = *highlighted
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, setMarks, it.ID, it.Required, it.Highlighted, now); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "catalog.mark", audit.Thing{Kind: Taxonomy, ID: it.ID, Label: it.Name},
			map[string]any{"required": it.Required, "highlighted": it.Highlighted})
	})
	return it, err
}
