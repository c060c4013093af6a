package dossier

import (
	"context"
	"slices"
	"strings"

	"straza/internal/catalog"
	"straza/internal/intel"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Deps is what the chamber needs. Catalog tells which clusters may be known.
type Deps struct {
	DB      *store.DB
	Audit   *audit.Log
	Intel   *intel.Service
	Catalog *catalog.Service
}

// Service is the door to dossiers. Safe for concurrent use.
type Service struct{ d Deps }

// New makes the chamber.
func New(d Deps) *Service { return &Service{d: d} }

// Filter narrows a list; what is empty narrows nothing. UUIDs not nil: only those.
type Filter struct {
	UUIDs  []string
	Org    int64 // that made them
	Person int64 // who made them
}

// view reads; when a site administrator reads past the audiences, the audit line is
// committed first.
func (s *Service) view(ctx context.Context, who ident.Actor, verb string, on audit.Thing, fn func(tx *store.Tx) error) error {
	if !intel.SeesAll(who) {
		return s.d.DB.View(ctx, fn)
	}
	return s.d.DB.ViewLogged(ctx, func(tx *store.Tx) error {
		return s.d.Audit.Record(ctx, tx, who, verb, on, map[string]any{"as": "site administrator"})
	}, fn)
}

// Dossiers streams by id those that the caller sees, each with the elements that
// they may know of. Who may: whoever reads threat data.
func (s *Service) Dossiers(ctx context.Context, who ident.Actor, f Filter, yield func(*Dossier) error) error {
	if err := intel.MayRead(who); err != nil {
		return err
	}
	for after := int64(0); ; {
		var list []Dossier
		read := func(tx *store.Tx) (err error) {
			if list, err = page(ctx, tx, who, f, after); err == nil {
				err = fill(ctx, tx, who, list)
			}
			return err
		}
		var err error
		if after == 0 {
			err = s.view(ctx, who, "dossier.list", audit.Thing{Kind: "dossier"}, read)
		} else {
			err = s.d.DB.View(ctx, read)
		}
		if err == nil {
			err = s.withoutHiddenClusters(ctx, who, list)
		}
		if err != nil || len(list) == 0 {
			return err
		}
		for i := range list {
			after = list[i].ID
			if err := yield(&list[i]); err != nil {
				return err
			}
		}
		if len(list) < batch {
			return nil
		}
	}
}

// fill hangs the elements on their dossiers.
func fill(ctx context.Context, tx *store.Tx, who ident.Actor, list []Dossier) error {
	at := map[int64]*Dossier{}
	var ids []int64
	for i := range list {
		at[list[i].ID] = &list[i]
		ids = append(ids, list[i].ID)
	}
	elements, err := elementsOf(ctx, tx, who, ids)
	for _, e := range elements {
		at[e.dossier].Elements = append(at[e.dossier].Elements, e)
	}
	return err
}

// withoutHiddenClusters takes out elements whose cluster is here and hidden from who.
func (s *Service) withoutHiddenClusters(ctx context.Context, who ident.Actor, list []Dossier) error {
	if s.d.Catalog == nil || intel.SeesAll(who) || who.Kind == ident.System {
		return nil
	}
	var uuids []string
	for i := range list {
		for _, e := range list[i].Elements {
			uuids = append(uuids, e.Target)
		}
	}
	hidden, err := s.hiddenClusters(ctx, who, uuids)
	if err != nil || len(hidden) == 0 {
		return err
	}
	for i := range list {
		list[i].Elements = slices.DeleteFunc(list[i].Elements, func(e Element) bool { return hidden[e.Target] })
	}
	return nil
}

func (s *Service) hiddenClusters(ctx context.Context, who ident.Actor, uuids []string) (map[string]bool, error) {
	hidden := map[string]bool{}
	slices.Sort(uuids)
	for part := range slices.Chunk(slices.Compact(uuids), 400) {
		f := catalog.ClusterFilter{UUIDs: part, Both: true}
		err := s.d.Catalog.ClustersWhere(ctx, ident.SystemPart("peer"), f, func(c catalog.Cluster) error { hidden[c.UUID] = true; return nil })
		if err == nil {
			err = s.d.Catalog.ClustersWhere(ctx, who, f, func(c catalog.Cluster) error { delete(hidden, c.UUID); return nil })
		}
		if err != nil {
			return nil, err
		}
	}
	return hidden, nil
}

// Dossier reads one by id or UUID, with its elements as far as the caller may know
// of them. Faults: NotFound.
func (s *Service) Dossier(ctx context.Context, who ident.Actor, ref string) (c Dossier, err error) {
	if err := intel.MayRead(who); err != nil {
		return c, err
	}
	list := make([]Dossier, 1)
	err = s.view(ctx, who, "dossier.view", audit.Thing{Kind: "dossier", Label: ref}, func(tx *store.Tx) error {
		if list[0], err = read(ctx, tx, who, ref); err != nil {
			return err
		}
		return fill(ctx, tx, who, list)
	})
	if err == nil {
		err = s.withoutHiddenClusters(ctx, who, list)
	}
	return list[0], err
}

// AddDossier makes one in the name of the caller's organisation; without a level its
// readers are the members here. Who may: who writes threat data. Faults: Denied, Invalid
// with fields, Conflict when the UUID is taken.
func (s *Service) AddDossier(ctx context.Context, who ident.Actor, d Draft) (c Dossier, err error) {
	if err := mayWrite(who); err != nil {
		return c, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		c = Dossier{ID: s.d.DB.NewID(), Person: who.Person, Distribution: intel.Community, Type: "other", Created: now / 1e6, Modified: now / 1e6}
		if c.UUID, err = s.free(ctx, tx, d.UUID); err != nil {
			return err
		}
		if c.Org, err = s.d.Intel.OwnOrgTx(ctx, tx, who); err != nil {
			return err
		}
		c.Origin = c.Org
		if err := s.store(ctx, tx, who, &c, d, true); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, "dossier.add", c.thing(), map[string]any{"distribution": c.Distribution, "group": c.Group})
	})
	if err != nil {
		return c, err
	}
	return s.Dossier(ctx, who, c.UUID)
}

// free gives the UUID of a new dossier: the one wished for, or a new one.
func (s *Service) free(ctx context.Context, tx *store.Tx, wish string) (string, error) {
	if wish == "" {
		return s.d.DB.NewUUID(), nil
	}
	uuid, ok := store.ParseUUID(wish)
	if !ok {
		return "", fault.Field("uuid", "intel.fault.uuid", "no UUID")
	}
	id, err := store.Int64(ctx, tx, taken, uuid)
	if err == nil && id != 0 {
		err = fault.New(fault.Conflict, "dossier %s exists", uuid).WithKey("intel.fault.uuid-taken")
	}
	return uuid, err
}

// store writes a dossier as a draft changes it, elements and all.
func (s *Service) store(ctx context.Context, tx *store.Tx, who ident.Actor, c *Dossier, d Draft, fresh bool) error {
	if err := c.lay(d); err != nil {
		return err
	}
	var elements []Element
	if d.Elements != nil { // before anything is written: a refusal may be one of many in a transaction
		var err error
		if elements, err = checkedAll(*d.Elements, c.Locked); err != nil {
			return err
		}
	}
	want := c.Distribution
	audience, err := s.d.Intel.AudienceTx(ctx, tx, who, c.Org.ID, &c.Distribution, &c.Group, d.SharingGroup)
	if err != nil {
		return err
	}
	if want == intel.Group && c.Distribution != want && !c.Locked {
		return fault.Field("sharing_group_id", "intel.fault.group", "unknown sharing group, or not authorised")
	}
	if err := write(ctx, tx, c, audience, fresh); err != nil || d.Elements == nil {
		return err
	}
	return s.setElements(ctx, tx, who, c, elements)
}

// setElements makes the elements that who may know of those of the list.
func (s *Service) setElements(ctx context.Context, tx *store.Tx, who ident.Actor, c *Dossier, want []Element) error {
	every, err := elementsOf(ctx, tx, ident.SystemPart("peer"), []int64{c.ID})
	if err != nil {
		return err
	}
	have, err := elementsOf(ctx, tx, who, []int64{c.ID})
	if err != nil {
		return err
	}
	kept := map[string]bool{} // here, and hidden from who
	for _, e := range every {
		if !slices.ContainsFunc(have, func(x Element) bool { return x.ID == e.ID }) {
			kept[e.Target] = true
		}
	}
	want = slices.DeleteFunc(want, func(e Element) bool { return kept[e.Target] })
	add, change, drop := diff(have, want)
	for i := range add {
		if err := writeElement(ctx, tx, c.ID, &add[i]); err != nil {
			return err
		}
	}
	for _, e := range change {
		if _, err := tx.Exec(ctx, updateElement, e.ID, e.Kind, e.Description); err != nil {
			return err
		}
	}
	for _, id := range drop {
		if _, err := tx.Exec(ctx, removeElement, id); err != nil {
			return err
		}
	}
	return nil
}

// changing reads a dossier that who may change, lets fn do so, and notes the time.
func (s *Service) changing(ctx context.Context, who ident.Actor, ref, verb string, fn func(tx *store.Tx, c *Dossier) error) (c Dossier, err error) {
	if err := mayWrite(who); err != nil {
		return c, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		if c, err = read(ctx, tx, who, ref); err != nil {
			return err
		}
		if !c.Mine {
			return fault.New(fault.Denied, "%s may not change dossier %d", who, c.ID).WithKey("intel.fault.foreign")
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		c.Modified = max(now/1e6, c.Modified+1) // the newer one wins between peers
		if err := fn(tx, &c); err != nil {
			return err
		}
		return s.d.Audit.Record(ctx, tx, who, verb, c.thing(), map[string]any{"distribution": c.Distribution})
	})
	return c, err
}

// EditDossier lays a draft over one; with Elements those that are not named go out.
// Who may: the organisation that made it. Faults: NotFound, Denied, Invalid.
func (s *Service) EditDossier(ctx context.Context, who ident.Actor, ref string, d Draft) (c Dossier, err error) {
	c, err = s.changing(ctx, who, ref, "dossier.edit", func(tx *store.Tx, c *Dossier) error {
		return s.store(ctx, tx, who, c, d, false)
	})
	if err != nil {
		return c, err
	}
	return s.Dossier(ctx, who, c.UUID)
}

// DeleteDossier removes one with its elements; what they name stays. Who may: the
// organisation that made it. Faults: NotFound, Denied.
func (s *Service) DeleteDossier(ctx context.Context, who ident.Actor, ref string) (Dossier, error) {
	return s.changing(ctx, who, ref, "dossier.delete", func(tx *store.Tx, c *Dossier) error {
		for _, q := range []string{removeElements, remove} {
			if _, err := tx.Exec(ctx, q, c.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

// AddElement puts one thing into a dossier; one that is in it already is described
// anew. Who may: as EditDossier. Faults: NotFound, Denied, Invalid.
func (s *Service) AddElement(ctx context.Context, who ident.Actor, ref string, e Element) (out Element, err error) {
	_, err = s.changing(ctx, who, ref, "dossier.element", func(tx *store.Tx, c *Dossier) error {
		if out, err = e.checked(false); err != nil {
			return err
		}
		if n, err := store.Int64(ctx, tx, countElements, c.ID); err != nil || n >= elementsMost {
			if err == nil {
				err = fault.Field("elements", "intel.fault.dossier.many", "more than %d elements", elementsMost)
			}
			return err
		}
		if err := s.touch(ctx, tx, who, c); err != nil {
			return err
		}
		every, err := elementsOf(ctx, tx, ident.SystemPart("peer"), []int64{c.ID})
		if err != nil {
			return err
		}
		for _, have := range every {
			if have.Target == out.Target {
				have.Kind, have.Description = out.Kind, out.Description
				out = have
				_, err = tx.Exec(ctx, updateElement, have.ID, have.Kind, have.Description)
				return err
			}
		}
		return writeElement(ctx, tx, c.ID, &out)
	})
	return out, err
}

// touch writes the new time of a dossier whose elements change.
func (s *Service) touch(ctx context.Context, tx *store.Tx, who ident.Actor, c *Dossier) error {
	audience, err := s.d.Intel.AudienceTx(ctx, tx, who, c.Org.ID, &c.Distribution, &c.Group, nil)
	if err == nil {
		err = write(ctx, tx, c, audience, false)
	}
	return err
}

// DropElement takes an element out, by its id or UUID; its dossier is the one that
// is authorised. Faults: NotFound, Denied.
func (s *Service) DropElement(ctx context.Context, who ident.Actor, ref string) (e Element, err error) {
	id, uuid, err := intel.RefID(ref)
	if err != nil {
		return e, none(ref)
	}
	var parent int64
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		if uuid != "" {
			if id, err = store.Int64(ctx, tx, elementOfUUID, uuid); err != nil {
				return err
			}
		}
		parent, err = store.Int64(ctx, tx, dossierOf, id)
		return err
	})
	if err != nil {
		return e, err
	}
	if parent == 0 {
		return e, none(ref)
	}
	_, err = s.changing(ctx, who, itoa(parent), "dossier.element", func(tx *store.Tx, c *Dossier) error {
		list, err := elementsOf(ctx, tx, who, []int64{c.ID})
		if err != nil {
			return err
		}
		at := slices.IndexFunc(list, func(x Element) bool { return x.ID == id })
		if at < 0 {
			return none(ref)
		}
		e = list[at]
		if err := s.touch(ctx, tx, who, c); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, removeElement, id)
		return err
	})
	return e, err
}

// KindOf guesses what a UUID names, among what the caller sees: "" for what is not here.
func (s *Service) KindOf(ctx context.Context, who ident.Actor, uuid string) (kind string, err error) {
	if err := intel.MayRead(who); err != nil {
		return "", err
	}
	uuid, ok := store.ParseUUID(strings.TrimSpace(uuid))
	if !ok {
		return "", nil
	}
	if _, err = s.d.Intel.Event(ctx, who, uuid); err == nil {
		return "Event", nil
	} else if !fault.Is(err, fault.NotFound) {
		return "", err
	}
	if _, err = s.d.Intel.Attribute(ctx, who, uuid); err == nil {
		return "Attribute", nil
	} else if !fault.Is(err, fault.NotFound) {
		return "", err
	}
	if s.d.Catalog == nil {
		return "", nil
	}
	if _, err = s.d.Catalog.Cluster(ctx, who, uuid); err == nil {
		return "GalaxyCluster", nil
	}
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return "", err
}
