package intel

import (
	"context"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// mayDefine: who says what goes out to others says what is in collections.
func mayDefine(who ident.Actor) error {
	if who.ReadOnly {
		return fault.New(fault.Denied, "%s holds a read-only key", who).WithKey("fault.read-only")
	}
	return access.Check(who, "peer.manage")
}

func collectionThing(d *Definition) audit.Thing {
	return audit.Thing{Kind: "collection", ID: d.ID, Label: d.Alias}
}

func mayAskDefinitions(who ident.Actor) error { return access.Check(who, "peer.read") }

// Definitions lists the defined collections by title. Needs peer.read.
func (s *Service) Definitions(ctx context.Context, who ident.Actor) (out []Definition, err error) {
	if err := mayAskDefinitions(who); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		if out, err = s.definitions(ctx, tx, ""); err != nil {
			return err
		}
		for i := range out {
			if err := fillDefinition(ctx, tx, &out[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// Definition reads one by UUID or alias. Needs peer.read. Faults: NotFound.
func (s *Service) Definition(ctx context.Context, who ident.Actor, ref string) (d Definition, err error) {
	if err := mayAskDefinitions(who); err != nil {
		return d, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		d, err = s.definitionBy(ctx, tx, ref)
		return err
	})
	return d, err
}

// Contents says what a collection holds, or would, before it is saved.
type Contents struct {
	Events  int64   // published ones that the caller sees
	Newest  []Event // at most twenty of them; none for the command line's operator
	Readers Readers // Verdict: whether the strictest label that enters fits them
}

const newestShown = 20

// Contents tells how many events a definition finds, of those that the caller sees,
// and who will read them. Needs peer.read. Faults: Invalid, with the fields of
// SaveDefinition; the question about an AMBER to all members is no fault here.
func (s *Service) Contents(ctx context.Context, who ident.Actor, d Definition) (c Contents, err error) {
	if err := mayAskDefinitions(who); err != nil {
		return c, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		d.normal()
		if err := d.check(true); err != nil {
			return err
		}
		if err := s.resolve(ctx, tx, who, &d); err != nil {
			return err
		}
		if access.Allowed(who, "intel.read") || who.Kind == ident.Operator {
			if c.Events, err = countWithin(ctx, tx, who, &d); err != nil {
				return err
			}
		}
		if access.Allowed(who, "intel.read") {
			if c.Newest, err = newestWithin(ctx, tx, who, &d, newestShown); err != nil {
				return err
			}
		}
		c.Readers, err = s.definedReaders(ctx, tx, who, &d)
		return err
	})
	c.Readers.Verdict = d.verdict()
	return c, err
}

// definedReaders says who may read a definition's collection.
func (s *Service) definedReaders(ctx context.Context, tx *store.Tx, who ident.Actor, d *Definition) (r Readers, err error) {
	ids := []int64{d.Owner.ID}
	switch d.Readers {
	case ReadMembers:
		var of []int64
		r.Members = true
		of, err = access.MembersTx(ctx, tx, access.Members(), access.KindOrg)
		ids = append(ids, of...)
	case ReadGroup:
		ids, r.Members, err = groupReaders(ctx, tx, d.Circle.ID, ids)
	case ReadNamed:
		for _, o := range d.Orgs {
			ids = append(ids, o.ID)
		}
	}
	if err != nil {
		return r, err
	}
	return r, fillReaders(ctx, tx, who, ids, &r)
}

// resolve finds what a definition names, as somebody who may name it.
func (s *Service) resolve(ctx context.Context, tx *store.Tx, who ident.Actor, d *Definition) error {
	asker := who
	if who.Kind == ident.Operator {
		asker = ident.SystemPart("setup")
	}
	if d.Owner.ID == 0 {
		d.Owner.ID = who.Org
	}
	if d.Owner.ID == 0 {
		host, err := s.registry.HostTx(ctx, tx, ident.SystemPart("setup"))
		if err != nil {
			return err
		}
		d.Owner.ID = host.ID
	}
	var err error
	if d.Owner, err = knownOrg(ctx, tx, d.Owner); err != nil {
		return err
	}
	if d.Readers != ReadGroup {
		d.Circle = SharingGroup{}
	}
	for field, g := range map[string]*SharingGroup{"circle": &d.Circle, "group": &d.Group} {
		if g.ID == 0 && g.UUID == "" {
			if field == "circle" && d.Readers == ReadGroup {
				return fault.Field(field, "intel.fault.group", "a group is needed")
			}
			continue
		}
		if err := namedGroup(ctx, tx, asker, field, g); err != nil {
			return err
		}
	}
	if d.Readers != ReadNamed {
		d.Orgs = nil
	}
	for i := range d.Orgs {
		o, err := knownOrg(ctx, tx, d.Orgs[i])
		if fault.Is(err, fault.Invalid) {
			return fault.Field("orgs", "intel.fault.organisation", "unknown organisation")
		}
		if err != nil {
			return err
		}
		d.Orgs[i] = o
	}
	d.untagged = s.untagged
	return d.ready(ctx, tx)
}

// namedGroup reads a group that who may use, by id or UUID.
func namedGroup(ctx context.Context, tx *store.Tx, who ident.Actor, field string, g *SharingGroup) error {
	found := *g
	if g.ID == 0 {
		uuid, ok := store.ParseUUID(strings.TrimSpace(g.UUID))
		if ok {
			var err error
			if found, _, err = readGroupByUUID(ctx, tx, uuid); err != nil {
				return err
			}
		}
	}
	id, err := usableGroup(ctx, tx, who, found.ID)
	if err != nil {
		return err
	}
	if id == 0 {
		return fault.Field(field, "intel.fault.group", "unknown sharing group")
	}
	*g, _, err = readGroup(ctx, tx, id)
	return err
}

// SaveDefinition makes a collection, or changes the one that ref names; what is
// published already comes in at once. asked: the caller was asked whether an AMBER may
// go to all members, and said yes. Needs peer.manage. Faults: Invalid, Conflict when the
// alias is taken or somebody else changed it meanwhile, NotFound.
func (s *Service) SaveDefinition(ctx context.Context, who ident.Actor, ref string, d Definition, asked bool) (out Definition, err error) {
	if err := mayDefine(who); err != nil {
		return out, err
	}
	d.normal()
	if err := d.check(asked); err != nil {
		return out, err
	}
	if err := s.knownModel(ctx, d.Model); err != nil {
		return out, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		d.Changed, d.version = now, d.version+1
		verb, write := "collection.edit", rewriteDefinition
		if ref == "" {
			if n, err := store.Int64(ctx, tx, countDefinitions); err != nil || n >= definitionsMost {
				return orNot(err, fault.New(fault.Conflict, "%d collections are enough", n).WithKey("intel.fault.collection-many"))
			}
			verb, write = "collection.add", writeDefinition
			d.ID, d.UUID, d.version, d.Created, d.Owner = s.db.NewID(), store.NewRandomUUID(s.db.Clock), 1, now, Org{}
		} else {
			have, err := s.definitionBy(ctx, tx, ref)
			if err != nil {
				return err
			}
			d.ID, d.UUID, d.Created, d.Owner, d.version = have.ID, have.UUID, have.Created, have.Owner, have.version+1
			if d.swept, d.floor = have.swept, have.floor; d.narrows(&have) {
				// No notes were taken of the objects that are out now: followers begin anew.
				if d.floor, err = nextPlace(ctx, tx); err != nil {
					return err
				}
			}
		}
		if d.swept == 0 || !d.Lapse {
			d.swept = now
		}
		if err := s.resolve(ctx, tx, who, &d); err != nil {
			return err
		}
		if d.audience, err = access.InternTx(ctx, tx, d.reads()); err != nil {
			return err
		}
		if err := write(ctx, tx, &d); store.IsUnique(err) {
			return fault.Field("alias", "intel.fault.collection-taken", "the alias is taken")
		} else if err != nil {
			return err
		}
		if err := jobs.Enqueue(ctx, tx, jobs.Job{Kind: jobCollect, Key: d.UUID, Payload: definedPart{d.ID}}); err != nil {
			return err
		}
		out = d
		return s.log.Record(ctx, tx, who, verb, collectionThing(&d), map[string]any{"readers": d.Readers, "organisations": len(d.Orgs), "ceiling": d.Ceiling.String(),
			"tags": len(d.Tags), "not_tags": len(d.NotTags), "types": d.Types, "group": d.Group.ID, "days": d.Days, "chosen": d.Chosen, "lapse": d.Lapse, "model": d.Model, "inbox": d.Inbox})
	})
	return out, err
}

// DeleteDefinition takes a collection away; the events stay what they are. Needs
// peer.manage. Faults: NotFound.
func (s *Service) DeleteDefinition(ctx context.Context, who ident.Actor, ref string) error {
	if err := mayDefine(who); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		d, err := s.definitionBy(ctx, tx, ref)
		if err != nil {
			return err
		}
		for _, text := range []string{dropParts, dropPicks, dropGone, dropDefinition} {
			if _, err := tx.Exec(ctx, text, d.ID); err != nil {
				return err
			}
		}
		return s.log.Record(ctx, tx, who, "collection.delete", collectionThing(&d), nil)
	})
}

// Pick puts an event into a collection, or takes back that it was put in. It enters
// when it is published and within the ceiling. Who may: intel.publish, on an event that
// is seen. The same again changes nothing. Faults: NotFound, Denied.
func (s *Service) Pick(ctx context.Context, who ident.Actor, ref, event string, in bool) error {
	if err := mayDefine(who); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		d, err := s.definitionBy(ctx, tx, ref)
		if err != nil {
			return err
		}
		e, err := readEvent(ctx, tx, who, event)
		if err != nil {
			return err
		}
		verb, n := "collection.put", int64(0)
		if in {
			n, err = tx.Exec(ctx, addPick, s.db.NewID(), d.ID, e.ID)
		} else {
			verb = "collection.take"
			n, err = tx.Exec(ctx, dropPick, d.ID, e.ID)
		}
		if err != nil || n == 0 {
			return err
		}
		if err := s.collectTx(ctx, tx, e.ID); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, verb, thing(e), map[string]any{"collection": d.ID})
	})
}
