package remark

import (
	"context"
	"slices"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// took is what became of a remark that came from elsewhere.
type took int

const (
	ignored took = iota // not newer, or not the sender's to change
	stored
	failed // no valid remark
)

// capture takes a remark that came inside a document or from a peer: a new one is
// stored, one that is here is changed when what came is newer and it is the
// sender's to change. From who may synchronise it keeps its origin and is locked;
// from others it is their own organisation's.
func (s *Service) capture(ctx context.Context, tx *store.Tx, who ident.Actor, kind Kind, w *misp.Analyst, depth int) (took, error) {
	uuid, ok := store.ParseUUID(w.UUID.Or(""))
	if !ok && w.UUID.Or("") != "" {
		return failed, nil
	}
	sync := maySync(who) == nil
	if uuid == "" {
		if sync && who.Kind == ident.System {
			return failed, nil // a peer's remark without a name cannot be told from another
		}
		_, err := s.addTx(ctx, tx, who, kind, w, depth)
		return outcome(stored, err)
	}
	n, found, err := anyRemark(ctx, tx, uuid)
	if err != nil {
		return failed, err
	}
	if !found {
		if sync && w.Orgc != nil && w.Orgc.Name.Or("") != "" {
			return s.captureNew(ctx, tx, who, kind, w, uuid, depth)
		}
		_, err := s.addTx(ctx, tx, who, kind, w, depth)
		return outcome(stored, err)
	}
	modified := seconds(w.Modified)
	owner := mine(who, &n) && !n.Locked
	if n.Kind != kind || modified <= n.Modified || !(owner || n.Locked && sync) {
		return ignored, s.inside(ctx, tx, who, &n, w, depth)
	}
	if err := n.read(w); err != nil {
		return outcome(failed, err)
	}
	n.Modified = modified
	if err := s.write(ctx, tx, who, &n, w, false); err != nil {
		return outcome(failed, err)
	}
	if err := s.inside(ctx, tx, who, &n, w, depth); err != nil {
		return failed, err
	}
	return stored, s.d.Audit.Record(ctx, tx, who, strings.ToLower(string(kind))+".edit", n.thing(), map[string]any{"distribution": n.Distribution, "from": "document"})
}

// captureNew stores a peer's remark under the organisation that made it.
func (s *Service) captureNew(ctx context.Context, tx *store.Tx, who ident.Actor, kind Kind, w *misp.Analyst, uuid string, depth int) (took, error) {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return failed, err
	}
	n := Remark{ID: s.d.DB.NewID(), UUID: uuid, Kind: kind, Target: w.ObjectUUID.Or(""), TargetType: w.ObjectType.Or(""), Locked: true,
		Distribution: intel.OwnOrg, Created: seconds(w.Created), Modified: seconds(w.Modified)}
	if n.Created <= 0 {
		n.Created = now / 1e6
	}
	if n.Modified <= 0 {
		n.Modified = n.Created
	}
	if kind == Opinion && !w.Opinion.Given() {
		n.Opinion = -1
	}
	if n.Org, err = s.d.Intel.OwnOrgTx(ctx, tx, who); err != nil {
		return failed, err
	}
	if n.Origin, err = s.originOf(ctx, tx, who, w.Orgc); err != nil {
		return failed, err
	}
	if err := n.read(w); err != nil {
		return outcome(failed, err)
	}
	if err := s.write(ctx, tx, who, &n, w, true); err != nil {
		return outcome(failed, err)
	}
	if err := s.inside(ctx, tx, who, &n, w, depth); err != nil {
		return failed, err
	}
	return stored, s.d.Audit.Record(ctx, tx, who, strings.ToLower(string(kind))+".add", n.thing(), map[string]any{"target": n.Target, "distribution": n.Distribution, "from": "peer"})
}

// outcome takes a fault of the remark itself for its own, others for the act's.
func outcome(t took, err error) (took, error) {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Conflict, fault.Denied:
		return failed, nil
	}
	return t, err
}

func seconds(t misp.Text) int64 {
	at, ok := misp.ParseTime(t.Or(""))
	if !ok {
		return 0
	}
	return max(clock.Micros(at)/1e6, 0)
}

// CaptureTx keeps the remarks that came inside an event and its parts, and binds
// those that were waiting for it. For the room itself, in the act that stores the
// event; one that is no valid remark is left out, as MISP does.
func (s *Service) CaptureTx(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, list []intel.Said) error {
	if err := tx.Later(ctx, bindRemarks, event); err != nil {
		return err
	}
	if len(list) == 0 || mayRemark(who) != nil {
		return nil
	}
	for i := range list {
		w := list[i].Analyst
		w.ObjectUUID, w.ObjectType = misp.T(list[i].Target), misp.T(list[i].TargetType)
		if _, err := s.capture(ctx, tx, who, Kind(list[i].Kind), &w, 0); err != nil {
			return err
		}
	}
	return nil
}

// PushRemarks is PushRemarksTx in a transaction of its own.
func (s *Service) PushRemarks(ctx context.Context, who ident.Actor, list []intel.Said) (imported, passed, refused int, err error) {
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		imported, passed, refused, err = s.PushRemarksTx(ctx, tx, who, list)
		return err
	})
	return imported, passed, refused, err
}

// PushRemarksTx takes remarks from another installation, each with its kind and
// target. Who may: misp.sync with misp.analyst_data. Faults: Denied.
func (s *Service) PushRemarksTx(ctx context.Context, tx *store.Tx, who ident.Actor, list []intel.Said) (imported, passed, refused int, err error) {
	if err := maySync(who); err != nil {
		return 0, 0, 0, err
	}
	if err := mayRemark(who); err != nil {
		return 0, 0, 0, err
	}
	for i := range list {
		w := list[i].Analyst
		what, err := s.capture(ctx, tx, who, Kind(list[i].Kind), &w, 0)
		if err != nil {
			return 0, 0, 0, err
		}
		switch what {
		case stored:
			imported++
		case ignored:
			passed++
		default:
			refused++
		}
	}
	return imported, passed, refused, nil
}

// Modified lists, by kind, what who sees and when it was last changed, as MISP's
// indexMinimal gives it; with orgs (names) only what these made.
func (s *Service) Modified(ctx context.Context, who ident.Actor, orgs []string) (out map[Kind][]Remark, err error) {
	if err := intel.MayRead(who); err != nil {
		return nil, err
	}
	out = map[Kind][]Remark{}
	err = s.view(ctx, who, "remark.list", audit.Thing{Kind: "remark"}, func(tx *store.Tx) error {
		for _, k := range Kinds {
			list, err := minimal(ctx, tx, who, k)
			if err != nil {
				return err
			}
			for _, n := range list {
				if len(orgs) == 0 || slices.ContainsFunc(orgs, func(o string) bool { return strings.EqualFold(o, n.Origin.Name) }) {
					out[k] = append(out[k], n)
				}
			}
		}
		return nil
	})
	return out, err
}

// Wanted tells which of a peer's remarks (UUID → last change, seconds) it should
// send: those that who does not see here, and newer ones of those that may be
// changed. What is here and hidden is asked for too: the answer does not tell.
func (s *Service) Wanted(ctx context.Context, who ident.Actor, kind Kind, offered map[string]int64) (want []string, err error) {
	if err := maySync(who); err != nil {
		return nil, err
	}
	if err := access.Check(who, "misp.analyst_data"); err != nil {
		return nil, err
	}
	var uuids []string
	for u := range offered {
		if u, ok := store.ParseUUID(u); ok {
			uuids = append(uuids, u)
		}
	}
	slices.Sort(uuids)
	have := map[string]Remark{}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		for part := range slices.Chunk(uuids, 400) {
			list, err := namedRemarks(ctx, tx, who, kind, part)
			if err != nil {
				return err
			}
			for _, n := range list {
				have[n.UUID] = n
			}
		}
		return nil
	})
	return intel.Wanted(offered, func(uuid string) (int64, bool, bool) {
		n, seen := have[uuid]
		return n.Modified, n.Locked, seen
	}), err
}
