package dossier

import (
	"context"
	"strconv"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// What became of a dossier that a peer sent.
type Took int

// The outcomes: Passed is not newer, or not the sender's to change; Refused is none.
const (
	Passed Took = iota
	Created
	Updated
	Refused
)

// Modified tells of each dossier that the caller sees when it was last changed
// (UUID → seconds), as MISP's indexMinimal does.
func (s *Service) Modified(ctx context.Context, who ident.Actor) (out map[string]int64, err error) {
	if err := intel.MayRead(who); err != nil {
		return nil, err
	}
	out = map[string]int64{}
	err = s.view(ctx, who, "dossier.list", audit.Thing{Kind: "dossier"}, func(tx *store.Tx) error {
		list, err := minimal(ctx, tx, who)
		for _, c := range list {
			out[c.UUID] = c.Modified
		}
		return err
	})
	return out, err
}

// Wanted tells which of a peer's dossiers (UUID → last change, seconds) it should
// send: those that the caller does not see here, and newer ones of those that came
// from elsewhere. What is here and hidden is asked for too: the answer does not tell.
// Who may: misp.sync. Faults: Denied.
func (s *Service) Wanted(ctx context.Context, who ident.Actor, offered map[string]int64) (want []string, err error) {
	if err := maySync(who); err != nil {
		return nil, err
	}
	have := map[string]Dossier{}
	err = s.view(ctx, who, "dossier.list", audit.Thing{Kind: "dossier"}, func(tx *store.Tx) error {
		list, err := minimal(ctx, tx, who)
		for _, c := range list {
			have[c.UUID] = c
		}
		return err
	})
	return intel.Wanted(offered, func(uuid string) (int64, bool, bool) {
		c, seen := have[uuid]
		return c.Modified, c.Locked, seen
	}), err
}

// Receive is ReceiveTx in a transaction of its own.
func (s *Service) Receive(ctx context.Context, who ident.Actor, w *misp.Collection) (what Took, err error) {
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		what, err = s.ReceiveTx(ctx, tx, who, w)
		return err
	})
	return what, err
}

// ReceiveTx takes in a dossier that another installation made: a new one, or a newer
// version of one that came from elsewhere; what was made here is never overwritten. Its
// level is what the document says: who calls has taken a step off where that is due. A
// group that is not ours makes it the holder's alone. Who may: misp.sync. Faults: Denied.
func (s *Service) ReceiveTx(ctx context.Context, tx *store.Tx, who ident.Actor, w *misp.Collection) (Took, error) {
	if err := maySync(who); err != nil {
		return Refused, err
	}
	uuid, ok := store.ParseUUID(w.UUID.Or(""))
	modified := seconds(w.Modified)
	if !ok || modified <= 0 {
		return Refused, nil
	}
	c, found, err := byUUID(ctx, tx, uuid)
	if err != nil {
		return Refused, err
	}
	verb, what := "dossier.edit", Updated
	if !found {
		verb, what = "dossier.add", Created
		if c, err = s.arrived(ctx, tx, who, w, uuid); err != nil {
			return outcome(Refused, err)
		}
	} else if !c.Locked || modified <= c.Modified || who.Kind != ident.System && c.Org.ID != who.Org && !intel.SeesAll(who) {
		return Passed, nil
	}
	c.Modified = modified
	d := FromWire(w)
	if d.Group == nil {
		d.Group = new(int64)
	}
	if err := s.store(ctx, tx, who, &c, d, !found); err != nil {
		return outcome(Refused, err)
	}
	return what, s.d.Audit.Record(ctx, tx, who, verb, c.thing(), map[string]any{"distribution": c.Distribution, "from": "peer"})
}

// arrived is a peer's new dossier before its words.
func (s *Service) arrived(ctx context.Context, tx *store.Tx, who ident.Actor, w *misp.Collection, uuid string) (c Dossier, err error) {
	c = Dossier{ID: s.d.DB.NewID(), UUID: uuid, Locked: true, Distribution: intel.OwnOrg, Type: "other", Created: seconds(w.Created)}
	if c.Created <= 0 {
		c.Created = seconds(w.Modified)
	}
	if c.Org, err = s.d.Intel.OwnOrgTx(ctx, tx, who); err != nil {
		return c, err
	}
	c.Origin = c.Org
	if o := w.Orgc; o != nil && o.Name.Or("") != "" && intel.NamesOrigin(who) {
		given, _ := store.ParseUUID(o.UUID.Or(""))
		c.Origin, err = s.d.Intel.OrgTx(ctx, tx, who, given, o.Name.V)
	}
	return c, err
}

// outcome takes a fault of the dossier itself for its own, others for the act's.
func outcome(t Took, err error) (Took, error) {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Conflict, fault.Denied:
		return t, nil
	}
	return t, err
}
