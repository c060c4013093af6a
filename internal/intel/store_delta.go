package intel

import (
	"context"
	"strconv"
	"strings"

	"straza/internal/format/taxii"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	goneCols  = `place, collection_id, event_id, stix_id, type, version, reason, reach, tlp, detects`
	goneSince = `SELECT g.place, g.stix_id, g.type, g.version, g.reason, g.reach, g.tlp, g.detects FROM intel_collection_gone g
		WHERE g.collection_id = $1 AND g.place > $2 ORDER BY g.place LIMIT 200`
	pruneGone    = `DELETE FROM intel_collection_gone WHERE collection_id = $1 AND place < $2`
	dropGone     = `DELETE FROM intel_collection_gone WHERE collection_id = $1`
	raiseFloor   = `UPDATE intel_collection SET floor = $2 WHERE id = $1 AND floor < $2`
	sweptTo      = `UPDATE intel_collection SET swept = $2 WHERE id = $1`
	holdersOf    = `SELECT DISTINCT m.collection_id FROM intel_collection_part m WHERE m.event_id = $1`
	deltaStamp   = `SELECT COALESCE(MAX(last), 0) FROM intel_stix_clock`
	definedStamp = `SELECT COALESCE(MAX(changed), 0) + COUNT(*) FROM intel_collection`
	kindsOf      = `SELECT a.id, a.type FROM intel_attribute a WHERE a.id IN `

	// Parts of events that are being worked on and wait to be published again. The
	// audience is that of when they came in: a draft has its maker's alone.
	waitingParts = `SELECT m.base, m.last FROM intel_collection_part m JOIN intel_event e ON e.id = m.event_id JOIN intel_stix_event v ON v.event_id = e.id
		WHERE m.collection_id = $1 AND m.last > $2 AND NOT (e.published AND v.changed = e.changed) AND `
	partAt = `SELECT m.batch_id, e.published AND v.changed = e.changed FROM intel_collection_part m JOIN intel_event e ON e.id = m.event_id
		JOIN intel_stix_event v ON v.event_id = e.id WHERE m.collection_id = $1 AND m.base = $2`
)

// lapsed is the test, in SQL, that an indicator's time ended within (from, to].
func lapsed(t string, from, to int64) string {
	span := ".last_seen > " + itoa(from) + " AND y.last_seen <= " + itoa(to)
	return t + ".type = 'indicator' AND (EXISTS (SELECT 1 FROM intel_attribute y WHERE y.id = " + t + ".attribute_id AND y" + span + ") OR " +
		t + ".attribute_id = 0 AND EXISTS (SELECT 1 FROM intel_object y WHERE y.id = " + t + ".object_id AND y" + span + "))"
}

// heldRows is what a follower holds: what was not told to be over.
func (d *Definition) heldRows(t string) string {
	if !d.Lapse {
		return d.allRows(t)
	}
	return d.allRows(t) + " AND NOT (" + d.lapsed(t, d.swept) + ")"
}

// lapsed is the test, in SQL, that an indicator's time was over by a moment.
func (d *Definition) lapsed(t string, by int64) string {
	text := lapsed(t, 0, by)
	if d.Model != NoModel {
		text += " OR " + t + ".type = 'indicator' AND " + over(t, d.Model, by)
	}
	return text
}

// goneFrom begins the note of what leaves: rows that stand in the collection now.
func (d *Definition) goneFrom(reason int) string {
	return "INSERT INTO intel_collection_gone (" + goneCols + ") SELECT $1 + ROW_NUMBER() OVER (ORDER BY t.id), " + itoa(d.ID) + ", t.event_id, t.stix_id, t.type, t.version, " +
		strconv.Itoa(reason) + ", t.reach, t.tlp, COALESCE((SELECT a.type FROM intel_attribute a WHERE a.id = t.attribute_id), '') FROM intel_stix t WHERE t.latest AND NOT t.shared AND "
}

// noteGone notes, behind a date, that an event's objects leave a collection: all of
// them, or those of some STIX ids. The caller holds the clock and gets the new date.
func noteGone(ctx context.Context, tx *store.Tx, d *Definition, event, at int64, objects []string) (int64, error) {
	text := d.goneFrom(0) + d.heldRows("t") + " AND t.event_id = $2"
	if objects == nil {
		n, err := tx.Exec(ctx, text, at, event)
		return at + n, err
	}
	for len(objects) > 0 {
		n := min(len(objects), 500)
		marks, args := placeholders(3, objects[:n])
		k, err := tx.Exec(ctx, text+" AND t.stix_id IN ("+marks+")", append([]any{at, event}, args...)...)
		if err != nil {
			return at, err
		}
		at, objects = at+k, objects[n:]
	}
	return at, nil
}

// noteLapsed notes the indicators whose time ended since the last sweep, by the index of
// ends: valid_until first, then the models'; what both ended is told once.
func noteLapsed(ctx context.Context, tx *store.Tx, d *Definition, at int64) (int64, error) {
	n, err := tx.Exec(ctx, d.sweep(untilModel), at)
	if at += n; err != nil || d.Model == NoModel {
		return at, err
	}
	n, err = tx.Exec(ctx, d.sweep(d.Model), at)
	return at + n, err
}

// sweep is noteLapsed for one key. CROSS JOIN keeps SQLite from another order.
func (d *Definition) sweep(key int64) string {
	text := strings.Replace(d.goneFrom(1), " FROM intel_stix t WHERE", " FROM intel_expiry y CROSS JOIN intel_stix t WHERE y.model_id = "+itoa(key)+" AND y.ends > "+itoa(d.swept)+
		" AND y.ends <= "+itoa(d.now)+" AND t.event_id = y.event_id AND t.stix_id = y.stix_id AND t.type = 'indicator' AND", 1) + d.allRows("t") +
		" AND EXISTS (SELECT 1 FROM intel_collection_part m WHERE m.collection_id = " + itoa(d.ID) + " AND m.batch_id = t.batch_id)"
	switch {
	case key != untilModel:
		return text + " AND NOT " + over("t", untilModel, d.now)
	case d.Model != NoModel:
		return text + " AND NOT " + over("t", d.Model, d.swept)
	}
	return text
}

// goneRow is one note.
type goneRow struct {
	place, reason, tlp int64
	id, typ, version   string
	reach, detects     string
}

func scanGone(s store.Scanner) (g goneRow, err error) {
	err = s.Scan(&g.place, &g.id, &g.typ, &g.version, &g.reason, &g.reach, &g.tlp, &g.detects)
	return g, err
}

// audiencesIn reads the audiences out of a row's reach: "event/label.part.part>.end",
// where end is what a relationship points to.
func audiencesIn(reach string) (ids []int64) {
	first, rest, _ := strings.Cut(reach, "/")
	for i, part := range append([]string{first}, strings.Split(strings.ReplaceAll(rest, ">", "."), ".")...) {
		if n, err := strconv.ParseInt(part, 10, 64); err == nil && n != 0 && i != 1 { // 1 is the label
			ids = append(ids, n)
		}
	}
	return ids
}

// within gives which of some audiences who is in.
func withinAudiences(ctx context.Context, tx *store.Tx, who ident.Actor, ids []int64) (map[int64]bool, error) {
	list, err := store.All(ctx, tx, store.ScanInt64, "SELECT x.id FROM access_audience x WHERE x.id IN "+store.In(ids)+" AND "+access.Visible(who, "x.id"))
	out := map[int64]bool{}
	for _, id := range list {
		out[id] = true
	}
	return out, err
}

// partsWaiting lists what of a collection waits to be published again, as holes in
// what a follower has, at most one more than may be held.
func partsWaiting(ctx context.Context, tx *store.Tx, who ident.Actor, d *Definition, after int64) ([]hole, error) {
	return store.All(ctx, tx, func(s store.Scanner) (h hole, err error) {
		var last int64
		err = s.Scan(&h.Base, &last)
		h.Seq = max(0, after-h.Base)
		return h, err
	}, waitingParts+access.VisibleScan(who, "m.audience_id")+" ORDER BY m.last LIMIT "+strconv.Itoa(holesMost+1), d.ID, after)
}

// attributeTypes gives the types of attributes by id.
func attributeTypes(ctx context.Context, tx *store.Tx, ids []int64) (map[int64]string, error) {
	type one struct {
		id  int64
		typ string
	}
	list, err := store.All(ctx, tx, func(s store.Scanner) (o one, err error) { err = s.Scan(&o.id, &o.typ); return o, err }, kindsOf+store.In(ids))
	out := map[int64]string{}
	for _, o := range list {
		out[o.id] = o.typ
	}
	return out, err
}

// liveOf gives which of some STIX ids stand in a collection for who at this moment.
func liveOf(ctx context.Context, tx *store.Tx, who ident.Actor, c Collection, ids []string) (map[string]bool, error) {
	rows, err := rowsByID(ctx, tx, who, c, taxii.Query{IDs: ids}, 0)
	out := map[string]bool{}
	for _, o := range rows {
		out[o.ID] = true
	}
	return out, err
}

// nextPlace takes a place of the clock's.
func nextPlace(ctx context.Context, tx *store.Tx) (int64, error) {
	last, err := lockClock(ctx, tx)
	if err == nil {
		_, err = tx.Exec(ctx, moveStixClock, last+1)
	}
	return last + 1, err
}
