package intel

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"straza/internal/catalog"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// What decides in a collection, besides valid_until, that an indicator's time is over:
// one of these, or a decaying model of the catalogue by its id.
const (
	NoModel       int64 = -1
	ModelsInForce int64 = 1 // all that are enabled: it stays as long as one of them lets it

	untilModel int64 = 0 // valid_until itself
)

// DecayModel is a decaying model that a collection may go by.
type DecayModel struct {
	ID      int64
	Name    string
	Enabled bool
}

// DecayModels lists the decaying models by name. Needs peer.read.
func (s *Service) DecayModels(ctx context.Context, who ident.Actor) (out []DecayModel, err error) {
	if err := mayAskDefinitions(who); err != nil || s.lists == nil {
		return nil, err
	}
	list, err := s.lists.Models(ctx, who, false)
	for _, m := range list {
		out = append(out, DecayModel{m.ID, m.Name, m.Enabled})
	}
	return out, err
}

// knownModel tells whether a collection may go by a model. Faults: Invalid on "model".
func (s *Service) knownModel(ctx context.Context, id int64) error {
	if id == NoModel || id == ModelsInForce {
		return nil
	}
	if s.lists != nil {
		list, err := s.lists.Models(ctx, sharer, false)
		if err != nil || slices.ContainsFunc(list, func(m *catalog.DecayModel) bool { return m.ID == id }) {
			return err
		}
	}
	return fault.Field("model", "intel.fault.collection-model", "there is no such decaying model")
}

// scale is the decaying models that collections go by at the moment.
type scale struct {
	keys   []int64 // what collections name
	models map[int64]*catalog.DecayModel
	inUse  []*catalog.DecayModel // enabled
	sum    string
}

// scaleOf reads the models that some collections go by.
func (s *Service) scaleOf(ctx context.Context, list []Definition) (sc scale, err error) {
	sc.models = map[int64]*catalog.DecayModel{}
	for i := range list {
		if k := list[i].Model; list[i].Lapse && k != NoModel && !slices.Contains(sc.keys, k) {
			sc.keys = append(sc.keys, k)
		}
	}
	slices.Sort(sc.keys)
	h := sha256.New()
	if s.lists != nil && len(sc.keys) > 0 {
		all, err := s.lists.Models(ctx, sharer, false)
		if err != nil {
			return sc, err
		}
		for _, m := range all {
			named := slices.Contains(sc.keys, m.ID)
			if named {
				sc.models[m.ID] = m
			}
			forced := m.Enabled && slices.Contains(sc.keys, ModelsInForce)
			if forced {
				sc.inUse = append(sc.inUse, m)
			}
			if named || forced {
				b, err := json.Marshal([]any{m.ID, named, forced, m.Formula, m.Parameters, m.Types, m.Values()})
				if err != nil {
					return sc, err
				}
				h.Write(b)
			}
		}
	}
	sc.sum = hex.EncodeToString(h.Sum(nil)[:8])
	return sc, nil
}

// ends gives when (Unix seconds) an attribute is over by one key, 0 = never; ok false:
// nothing is meant for its type.
func (sc *scale) ends(key int64, a catalog.Aged, now int64) (at int64, ok bool) {
	models := sc.inUse
	if key != ModelsInForce {
		models = nil
		if m := sc.models[key]; m != nil {
			models = []*catalog.DecayModel{m}
		}
	}
	return catalog.Ends(models, a, now)
}

// expiryStep is how many events are looked for at a time.
const expiryStep = 200

// workOutEnds brings what is known of the ends of indicators up to the events that have
// changed, were sighted on, or are weighed by other models since. An event that fails
// keeps the others from nothing.
func (s *Service) workOutEnds(ctx context.Context, list []Definition) (failed, err error) {
	var of []int64
	for i := range list {
		if list[i].Lapse {
			of = append(of, list[i].ID)
		}
	}
	if len(of) == 0 {
		return nil, nil
	}
	sc, err := s.scaleOf(ctx, list)
	if err != nil {
		return nil, err
	}
	for after := int64(0); ; {
		var due []dueEvent
		err := s.db.View(ctx, func(tx *store.Tx) (err error) {
			due, err = dueForEnds(ctx, tx, of, sc.sum, after, expiryStep)
			return err
		})
		if err != nil || len(due) == 0 {
			return failed, err
		}
		for _, e := range due {
			after = e.id
			failed = cmp.Or(failed, s.endsOfEvent(ctx, &sc, e))
			if ctx.Err() != nil {
				return failed, ctx.Err()
			}
		}
	}
}

// expiring is one indicator under way.
type expiring struct {
	row       int64
	stixID    string
	attribute int64
	object    int64
	ends      map[int64]int64 // by key, µs; 0 = never
}

// endsOfEvent works out one event's.
func (s *Service) endsOfEvent(ctx context.Context, sc *scale, e dueEvent) error {
	var list []expiring
	var now int64
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		if now, err = store.Now(ctx, tx); err != nil {
			return err
		}
		if list, err = indicatorsOf(ctx, tx, e.id); err != nil || len(list) == 0 {
			return err
		}
		return weighEvent(ctx, tx, sc, e.id, list, now)
	})
	if err != nil {
		return err
	}
	revived, err := s.keepEnds(ctx, sc, e, list, now)
	if err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if still, err := stillDue(ctx, tx, e); err != nil || !still {
			return err // it changed meanwhile: the next round does it again
		}
		if len(revived) > 0 {
			if err := s.reviveTx(ctx, tx, e.id, revived); err != nil {
				return err
			}
		}
		return noteEnds(ctx, tx, e, sc.sum)
	}, store.InLane(store.Jobs))
}

// weighEvent asks the models about every attribute that an indicator was made of. What was
// made of several stays as long as one of them does.
func weighEvent(ctx context.Context, tx *store.Tx, sc *scale, event int64, list []expiring, now int64) error {
	at := map[int64]*expiring{}
	for i := range list {
		at[cmp.Or(list[i].attribute, list[i].object)] = &list[i]
	}
	for after := (Indicator{}); ; {
		part, err := readIndicators(ctx, tx, event, detectable, after, batch)
		if err != nil || len(part) == 0 {
			return err
		}
		for i := range part {
			a := &part[i]
			x := at[a.ID]
			if x == nil && a.Object != 0 {
				x = at[a.Object]
			}
			if x != nil {
				x.weigh(sc, a, now)
			}
		}
		after = part[len(part)-1]
	}
}

// weigh takes in what one attribute of an indicator says.
func (x *expiring) weigh(sc *scale, a *Indicator, now int64) {
	until := a.ObjectSeen
	if x.attribute != 0 {
		until = a.LastSeen
	}
	if until != 0 {
		x.ends[untilModel] = until
	}
	for _, k := range sc.keys {
		end, ok := sc.ends(k, a.Aged, now/1e6)
		if end *= 1e6; end > 0 {
			end = max(end, now) // over already: as of this moment
		}
		was, known := x.ends[k]
		if longer := !known || was != 0 && (end == 0 || end > was); ok && longer {
			x.ends[k] = end
		}
	}
}

// keepEnds writes what differs, some at a time, and gives the rows of indicators that were
// over and are no more. What is over already keeps the moment at which that was noted.
func (s *Service) keepEnds(ctx context.Context, sc *scale, e dueEvent, list []expiring, now int64) (revived []int64, err error) {
	var have map[string]map[int64]int64
	if err := s.db.View(ctx, func(tx *store.Tx) (err error) { have, err = endsKept(ctx, tx, e.id); return err }); err != nil {
		return nil, err
	}
	var write []end
	for i := range list {
		x := &list[i]
		was := have[x.stixID]
		back := false
		for _, k := range append([]int64{untilModel}, sc.keys...) {
			now1, known := x.ends[k]
			old, had := was[k]
			over := had && old <= now
			switch {
			case known && now1 > 0 && over && now1 <= now && k != untilModel: // it was told of
			case known && now1 > 0 && (!had || old != now1):
				write = append(write, end{x.stixID, k, now1})
				back = back || over && now1 > now
			case had && (!known || now1 == 0):
				write = append(write, end{x.stixID, k, 0})
				back = back || over
			}
		}
		if back {
			revived = append(revived, x.row)
		}
		delete(have, x.stixID)
	}
	for id, keys := range have { // indicators that are none any more
		for k := range keys {
			write = append(write, end{id, k, 0})
		}
	}
	for part := range slices.Chunk(write, 1000) {
		if err := s.db.Update(ctx, func(tx *store.Tx) error { return writeEnds(ctx, tx, s.db, e.id, part) }, store.InLane(store.Jobs)); err != nil {
			return nil, err
		}
	}
	return revived, nil
}

// reviveTx gives indicators that are in force again new dates of addition, as if they had
// just been published: whoever was told that they are over is told that they are back.
func (s *Service) reviveTx(ctx context.Context, tx *store.Tx, event int64, rows []int64) error {
	last, err := lockClock(ctx, tx)
	if err != nil {
		return err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	base := max(now, last)
	if err := moveToBatch(ctx, tx, s.db.NewID(), event, base, rows); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, moveStixClock, base+int64(len(rows))); err != nil {
		return err
	}
	return s.collectTx(ctx, tx, event)
}
