package intel

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// BlockList is which of the two lists: events, or organisations whose events are
// not wanted.
type BlockList string

// The lists.
const (
	EventBlocks BlockList = "event"
	OrgBlocks   BlockList = "org"
)

// Block is an entry: what is named does not come in, by anybody's hand.
type Block struct {
	ID          int64
	UUID        string // of the event or the organisation
	Name        string // the event's info, the organisation's name
	Orgc        string // of an event: who made it
	Comment     string
	Created     int64 // µs
	Stopped     int64 // organisations: how many events were refused
	LastStopped int64 // µs
}

const deletedHere = "Automatically blocked by deleting event"

// mayBlock: the site administrator on the wire, who may write catalogues elsewhere.
func mayBlock(who ident.Actor) error {
	if onWire(who) && access.Allowed(who, "misp.site_admin") && !who.ReadOnly {
		return nil
	}
	return access.Check(who, "catalog.write")
}

// Blocks lists a block list, oldest first; ref narrows to one entry by id or UUID.
// Who may: the site administrator.
func (s *Service) Blocks(ctx context.Context, who ident.Actor, list BlockList, ref string) (out []Block, err error) {
	if err := mayBlock(who); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = readBlocks(ctx, tx, list, ref)
		return err
	})
	return out, err
}

// AddBlocks enters UUIDs with the same words; it tells which were taken and which
// are none or stand there already. Who may: the site administrator.
func (s *Service) AddBlocks(ctx context.Context, who ident.Actor, list BlockList, uuids []string, words Block) (done, failed []string, err error) {
	if err := mayBlock(who); err != nil {
		return nil, nil, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		done, failed = []string{}, []string{}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		for _, given := range uuids {
			b := words
			var ok bool
			if b.UUID, ok = store.ParseUUID(given); ok {
				b.ID, b.Created = s.db.NewID(), now
				if ok, err = writeBlock(ctx, tx, list, b); err != nil {
					return err
				}
			}
			if ok {
				done = append(done, given)
			} else {
				failed = append(failed, given)
			}
		}
		if len(done) == 0 {
			return nil
		}
		return s.log.Record(ctx, tx, who, "block.add", audit.Thing{Kind: "block"}, map[string]any{"list": list, "uuids": done})
	})
	return done, failed, err
}

// ChangeBlock changes the words of an entry. Faults: NotFound.
func (s *Service) ChangeBlock(ctx context.Context, who ident.Actor, list BlockList, ref string, change func(*Block)) (b Block, err error) {
	if err := mayBlock(who); err != nil {
		return b, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if b, err = oneBlock(ctx, tx, list, ref); err != nil {
			return err
		}
		id, uuid := b.ID, b.UUID
		change(&b)
		b.ID, b.UUID = id, uuid
		if err := rewriteBlock(ctx, tx, list, b); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "block.change", audit.Thing{Kind: "block", ID: b.ID, Label: b.UUID}, map[string]any{"list": list})
	})
	return b, err
}

// RemoveBlock lets what is named come in again. Faults: NotFound.
func (s *Service) RemoveBlock(ctx context.Context, who ident.Actor, list BlockList, ref string) (b Block, err error) {
	if err := mayBlock(who); err != nil {
		return b, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if b, err = oneBlock(ctx, tx, list, ref); err != nil {
			return err
		}
		if err := dropBlock(ctx, tx, list, b.ID); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "block.remove", audit.Thing{Kind: "block", ID: b.ID, Label: b.UUID}, map[string]any{"list": list})
	})
	return b, err
}

func oneBlock(ctx context.Context, tx *store.Tx, list BlockList, ref string) (Block, error) {
	if _, _, err := refID(ref); err != nil {
		return Block{}, err
	}
	all, err := readBlocks(ctx, tx, list, ref)
	if err != nil {
		return Block{}, err
	}
	if len(all) == 0 {
		return Block{}, fault.New(fault.NotFound, "no such entry")
	}
	return all[0], nil
}

const orgBlockedKey = "intel.fault.org-blocked"

// admitOrigin refuses an event whose maker is on the list.
func admitOrigin(ctx context.Context, tx *store.Tx, origin Org) error {
	n, err := store.Int64(ctx, tx, orgBlocked, origin.UUID)
	if err == nil && n == 1 {
		err = fault.New(fault.Denied, "events of organisation %s are not taken", origin.UUID).WithKey(orgBlockedKey)
	}
	return err
}

// countStopped notes that an event was refused; the refusal took its own
// transaction with it.
func (l *loader) countStopped(ctx context.Context, err error) error {
	if keyOf(err) != orgBlockedKey || l.event.Origin.UUID == "" {
		return err
	}
	uuid := l.event.Origin.UUID
	if noted := l.s.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err == nil {
			_, err = tx.Exec(ctx, stopOrg, uuid, now)
		}
		return err
	}, store.InLane(store.Jobs)); noted != nil {
		return noted
	}
	return err
}
