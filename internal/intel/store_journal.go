package intel

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

var changeColumns = []string{"id", "event_id", "at", "kind", "thing", "last", "gone", "uuid", "audience_id", "own_id", "within_id", "was", "key1", "key2", "person", "person_id", "org_id"}

const (
	// forgetThing takes the old values of a thing that is removed for good.
	forgetThing = `DELETE FROM intel_change WHERE event_id = $1 AND kind = $2 AND thing = $3`
	changesHeld = `SELECT c.id, e.uuid, c.at FROM intel_change c JOIN intel_event e ON e.id = c.event_id WHERE c.key1 = $1 OR c.key2 = $1 ORDER BY c.id`
	// Old values about persons that went before $1.
	personPast   = `SELECT c.event_id, e.uuid, MIN(c.at), COUNT(*) FROM intel_change c JOIN intel_event e ON e.id = c.event_id WHERE c.person AND c.at < $1 GROUP BY c.event_id, e.uuid ORDER BY c.event_id`
	forgetPerson = `DELETE FROM intel_change WHERE person AND at < $1 AND event_id = $2`
	addedRanges  = `SELECT c.thing, c.last, c.at, c.person_id FROM intel_change c WHERE c.event_id = $1 AND c.kind = $2 ORDER BY c.thing, c.last`
	tagUses      = tagUsesFrom + `g.tag_id = $1`
	tagUsesAmong = tagUsesFrom + `g.id IN `
	tagUsesFrom  = `SELECT e.id, e.uuid, e.audience_id, COALESCE(a.id, 0), COALESCE(CAST(a.uuid AS TEXT), ''), a.audience_id, COALESCE(a.object_id, 0), o.audience_id
		FROM intel_tagging g JOIN intel_event e ON e.id = g.event_id LEFT JOIN intel_attribute a ON a.id = g.attribute_id
		LEFT JOIN intel_object o ON o.id = a.object_id WHERE `
)

// writeChanges copies the entries of one act in. An object that changed in the same
// act counts with the audience that it had.
func writeChanges(ctx context.Context, tx *store.Tx, who ident.Actor, before, after *Event, now int64, list []entry) error {
	within, err := audiencesWithin(ctx, tx, list)
	if err != nil {
		return err
	}
	return tx.CopyLater(ctx, "intel_change", changeColumns, func(yield func([]any, error) bool) {
		for i := range list {
			e := &list[i]
			audience := before.Audience
			if e.kind == changePublished { // that it was is told to those who were to see it
				audience = after.Audience
			}
			was, err := json.Marshal(e.was)
			if !yield([]any{tx.DB().NewID(), before.ID, now, int64(e.kind), e.thing, e.last, e.gone, e.uuid, audience, null(e.own), null(within[e.object]), string(was),
				null(e.key1), null(e.key2), e.person, who.Person, who.Org}, err) {
				return
			}
		}
	})
}

// audiencesWithin gives the own audiences of the objects in which entries stand.
func audiencesWithin(ctx context.Context, tx *store.Tx, list []entry) (map[int64]*int64, error) {
	out := map[int64]*int64{0: nil}
	var ids []int64
	for i := range list {
		if _, known := out[list[i].object]; !known {
			out[list[i].object] = nil
			ids = append(ids, list[i].object)
		}
	}
	for len(ids) > 0 {
		n := min(len(ids), batch)
		rows, err := store.All(ctx, tx, func(s store.Scanner) (v struct{ id, audience int64 }, err error) {
			err = s.Scan(&v.id, &v.audience)
			return
		},
			"SELECT id, audience_id FROM intel_object WHERE audience_id IS NOT NULL AND id IN "+store.In(ids[:n]))
		if err != nil {
			return nil, err
		}
		for _, v := range rows {
			out[v.id] = &v.audience
		}
		ids = ids[n:]
	}
	for i := range list {
		if _, parent := out[list[i].thing]; parent && list[i].kind == ChangedObject {
			out[list[i].thing] = list[i].own
		}
	}
	return out, nil
}

// attributesWithin reads the attributes of one object, whoever may see them.
func attributesWithin(ctx context.Context, tx *store.Tx, event, object int64) ([]Attribute, error) {
	return store.All(ctx, tx, scanAttribute, "SELECT "+attrCols+" FROM intel_attribute a WHERE a.event_id = $1 AND a.object_id = $2 ORDER BY a.id", event, object)
}

// reportOf reads the report of an event that has the UUID, whoever may see it.
func reportOf(ctx context.Context, tx *store.Tx, event int64, uuid string) (Report, bool, error) {
	return store.First(ctx, tx, scanReport, "SELECT "+reportCols+" FROM intel_report p WHERE p.uuid = $1 AND p.event_id = $2", uuid, event)
}

func nameOfTag(ctx context.Context, tx *store.Tx, id int64) (string, error) {
	names, err := store.All(ctx, tx, store.ScanString, "SELECT name FROM intel_tag WHERE id = $1", id)
	if err != nil || len(names) == 0 {
		return "", err
	}
	return names[0], nil
}

// noteTagGone writes, for each place where a tag stands, that it is taken off.
func noteTagGone(ctx context.Context, tx *store.Tx, who ident.Actor, t Tag, now int64) error {
	was, err := json.Marshal(fields{"tag:" + itoa(t.ID): t.Name})
	if err != nil {
		return err
	}
	return noteUses(ctx, tx, who, now, tagUses, []any{t.ID}, func(int64, int64) ([]byte, error) { return was, nil })
}

// noteUses writes what was at each of the places that a query of uses names; attribute 0
// is the event itself.
func noteUses(ctx context.Context, tx *store.Tx, who ident.Actor, now int64, query string, args []any, was func(event, attribute int64) ([]byte, error)) error {
	rows, err := store.All(ctx, tx, func(s store.Scanner) (row []any, err error) {
		var event, audience, attribute, object int64
		var eventUUID, uuid string
		var own, within *int64
		if err = s.Scan(&event, &eventUUID, &audience, &attribute, &uuid, &own, &object, &within); err != nil {
			return nil, err
		}
		kind, thing := ChangedAttribute, attribute
		if attribute == 0 {
			kind, thing, uuid = ChangedEvent, event, eventUUID
		}
		old, err := was(event, attribute)
		return []any{tx.DB().NewID(), event, now, int64(kind), thing, int64(0), false, uuid, audience, null(own), null(within), string(old), nil, nil, false, who.Person, who.Org}, err
	}, query, args...)
	if err != nil {
		return err
	}
	_, err = tx.CopyIn(ctx, "intel_change", changeColumns, func(yield func([]any, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	})
	return err
}

// changeSeen: whoever sees the old values of a row saw them when they stood there.
func changeSeen(who ident.Actor) string {
	if seesAll(who) {
		return "1 = 1"
	}
	return access.Visible(who, "c.audience_id") + " AND " + access.VisibleOr(who, "c.own_id") + " AND " + access.VisibleOr(who, "c.within_id")
}

// past is one row of the journal as it is read.
type past struct {
	thing, at, person int64
	gone              bool
	uuid              string
	was               fields
}

func scanPast(s store.Scanner) (p past, err error) {
	var was string
	if err = s.Scan(&p.thing, &p.at, &p.gone, &p.uuid, &was, &p.person); err == nil {
		err = json.Unmarshal([]byte(was), &p.was)
	}
	return p, err
}

// pastOf reads what who may know of things since a moment, newest first.
func pastOf(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, kind ChangeKind, things []int64, since int64) (map[int64][]past, error) {
	out := map[int64][]past{}
	if len(things) == 0 {
		return out, nil
	}
	list, err := store.All(ctx, tx, scanPast, "SELECT c.thing, c.at, c.gone, c.uuid, c.was, c.person_id FROM intel_change c WHERE c.event_id = $1 AND c.kind = $2 AND c.at > $3 AND c.thing IN "+
		store.In(things)+" AND "+changeSeen(who)+" ORDER BY c.at DESC, c.id DESC", event, int64(kind), since)
	for _, p := range list {
		out[p.thing] = append(out[p.thing], p)
	}
	return out, err
}

// changedAt reads what who did to an event's things of a kind at one moment, the next n.
func changedAt(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, kind ChangeKind, at, after int64, n int) ([]past, error) {
	if who.Person == 0 {
		return nil, nil
	}
	return store.All(ctx, tx, scanPast, "SELECT c.thing, c.at, c.gone, c.uuid, c.was, c.person_id FROM intel_change c WHERE c.event_id = $1 AND c.kind = $2 AND c.at = $3 AND c.person_id = $4 AND c.thing > $5 AND NOT c.gone AND "+
		changeSeen(who)+" ORDER BY c.thing LIMIT $6", event, int64(kind), at, who.Person, after, n)
}

// cameInto lists the attributes that who added at one moment to objects of an event that
// were there before.
func cameInto(ctx context.Context, tx *store.Tx, who ident.Actor, event, at int64) ([]int64, error) {
	if who.Person == 0 {
		return nil, nil
	}
	return store.All(ctx, tx, store.ScanInt64, `SELECT a.id FROM intel_change c CROSS JOIN intel_attribute a
		WHERE c.event_id = $1 AND c.kind = $2 AND c.at = $3 AND c.person_id = $4 AND a.id BETWEEN c.thing AND c.last AND a.event_id + 0 = c.event_id AND NOT a.deleted AND a.object_id <> 0 AND a.object_id NOT BETWEEN c.thing AND c.last ORDER BY a.id`,
		event, int64(changeAdded), at, who.Person)
}

// changedSince tells which things of a kind anybody changed after a moment.
func changedSince(ctx context.Context, tx *store.Tx, event int64, kind ChangeKind, things []int64, at int64) (map[int64]bool, error) {
	out := map[int64]bool{}
	for part := range slices.Chunk(things, batch) {
		list, err := store.All(ctx, tx, store.ScanInt64, "SELECT c.thing FROM intel_change c WHERE c.event_id = $1 AND c.kind = $2 AND c.at > $3 AND c.thing IN "+store.In(part), event, int64(kind), at)
		if err != nil {
			return nil, err
		}
		for _, id := range list {
			out[id] = true
		}
	}
	return out, nil
}

// thingsChanged lists the next things of a kind that were changed within a window.
func thingsChanged(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, kind ChangeKind, after, from, to int64, n int) ([]int64, error) {
	return store.All(ctx, tx, store.ScanInt64, "SELECT DISTINCT c.thing FROM intel_change c WHERE c.event_id = $1 AND c.kind = $2 AND c.thing > $3 AND c.at > $4 AND c.at <= $5 AND "+
		changeSeen(who)+" ORDER BY c.thing LIMIT $6", event, int64(kind), after, from, to, n)
}

// publications lists when an event was published, as far as who may know, newest first.
func publications(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, n int) ([]int64, error) {
	return store.All(ctx, tx, store.ScanInt64, "SELECT c.at FROM intel_change c WHERE c.event_id = $1 AND c.kind = $2 AND "+changeSeen(who)+" ORDER BY c.at DESC LIMIT $3",
		event, int64(changePublished), n)
}

// arrival is a range of ids that came in one act.
type arrival struct{ first, last, at, person int64 }

func arrivals(ctx context.Context, tx *store.Tx, event int64) ([]arrival, error) {
	return store.All(ctx, tx, func(s store.Scanner) (a arrival, err error) {
		err = s.Scan(&a.first, &a.last, &a.at, &a.person)
		return
	}, addedRanges, event, int64(changeAdded))
}

// Things of one event that who sees: by ids, or the next that are younger than an id.

func attributesNow(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, where string, n int, args ...any) ([]Attribute, error) {
	return store.All(ctx, tx, scanAttribute, "SELECT "+attrCols+" FROM intel_attribute a WHERE a.event_id = $1 AND "+where+" AND "+childSeen(who, "a", false)+
		" ORDER BY a.object_id, a.id LIMIT "+strconv.Itoa(n), append([]any{event}, args...)...)
}

// attributesAmong are those of the ids that stand in the event. The ids lead: with the event
// leading each batch of a large event would walk all of it.
func attributesAmong(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, ids []int64) ([]Attribute, error) {
	return store.All(ctx, tx, scanAttribute, "SELECT "+attrCols+" FROM intel_attribute a WHERE a.id IN "+store.In(ids)+" AND a.event_id + 0 = $1 AND "+childSeen(who, "a", false), event)
}

func objectsNow(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, where string, n int, args ...any) ([]Object, error) {
	return store.All(ctx, tx, scanObject, "SELECT "+objectCols+" FROM intel_object o WHERE o.event_id = $1 AND "+where+" AND "+ownSeen(who, "o")+
		" ORDER BY o.id LIMIT "+strconv.Itoa(n), append([]any{event}, args...)...)
}

func referencesNow(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, where string, n int, args ...any) ([]Reference, error) {
	return store.All(ctx, tx, scanReference, "SELECT "+refCols+" FROM intel_reference r WHERE r.event_id = $1 AND "+where+
		" AND EXISTS (SELECT 1 FROM intel_object o WHERE o.id = r.object_id AND "+ownSeen(who, "o")+") AND "+targetSeen(who)+" ORDER BY r.id LIMIT "+strconv.Itoa(n), append([]any{event}, args...)...)
}

func reportsNow(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, where string, n int, args ...any) ([]Report, error) {
	return store.All(ctx, tx, scanReport, "SELECT "+reportCols+" FROM intel_report p WHERE p.event_id = $1 AND "+where+" AND "+ownSeen(who, "p")+
		" ORDER BY p.id LIMIT "+strconv.Itoa(n), append([]any{event}, args...)...)
}
