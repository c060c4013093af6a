package expiry

import (
	"context"
	"strconv"

	"straza/internal/catalog"
	"straza/internal/intel"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	// never is later than any moment.
	never = int64(1) << 60

	planCols   = `SELECT p.event_id, p.planned, p.newest, p.models, p.due, p.underway FROM intel_lapse p `
	planOf     = planCols + `WHERE p.event_id = $1`
	insertPlan = `INSERT INTO intel_lapse (event_id, planned, newest, models, due, underway) VALUES ($1, $3, 0, 0, $2, 0)
		ON CONFLICT (event_id) DO UPDATE SET due = CASE WHEN intel_lapse.due < excluded.due THEN intel_lapse.due ELSE excluded.due END`
	beginLook = `UPDATE intel_lapse SET underway = $2 WHERE event_id = $1 AND underway = 0`
	endLook   = `UPDATE intel_lapse SET planned = $3, newest = $4, models = $5, due = $6, underway = 0 WHERE event_id = $1 AND underway = $2`
	duePlans  = `SELECT p.event_id FROM intel_lapse p WHERE p.due <= $1 ORDER BY p.due, p.event_id LIMIT $2`
	dropPlan  = `DELETE FROM intel_lapse WHERE event_id = $1`
	dropRows  = `DELETE FROM intel_lapsed WHERE event_id = $1`

	eventHead = `SELECT e.uuid, e.org_id, e.orgc_id, e.published AND e.loading = 0 FROM intel_event e WHERE e.id = $1`

	// Indicators in the order of the index (event_id, object_id, id).
	indicators = `SELECT a.id, a.object_id, a.type, a.timestamp, COALESCE(a.last_seen, o.last_seen, 0), a.to_ids AND NOT a.deleted AND (a.object_id = 0 OR NOT COALESCE(o.deleted, FALSE))
		FROM intel_attribute a LEFT JOIN intel_object o ON o.id = a.object_id
		WHERE a.event_id = $1 AND (a.object_id > $2 OR a.object_id = $2 AND a.id > $3) ORDER BY a.object_id, a.id LIMIT $4`
	tagsOn    = `SELECT g.attribute_id, t.name, t.numerical_value FROM intel_tagging g JOIN intel_tag t ON t.id = g.tag_id WHERE g.event_id = $1 AND g.attribute_id IN `
	sightings = `SELECT s.attribute_id, s.kind, COUNT(*), MAX(s.seen), MAX(CASE WHEN s.org_id = $1 OR s.org_id = $2 THEN s.seen ELSE 0 END) FROM intel_sighting s
		WHERE s.attribute_id IN `
	overOf   = `SELECT x.id, x.attribute_id, x.why FROM intel_lapsed x WHERE x.attribute_id IN `
	addOver  = `INSERT INTO intel_lapsed (id, attribute_id, event_id, why, happening, at) VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT (attribute_id, why) DO NOTHING`
	dropOver = `DELETE FROM intel_lapsed WHERE id IN `
	// An attribute that is there no more leaves no row.
	dropLost   = `DELETE FROM intel_lapsed WHERE event_id = $1 AND NOT EXISTS (SELECT 1 FROM intel_attribute a WHERE a.id = intel_lapsed.attribute_id)`
	countTold  = `SELECT COUNT(*) FROM intel_lapsed WHERE happening = $1`
	walkAt     = `SELECT w.at FROM intel_lapse_walk w WHERE w.id = 1`
	setWalk    = `INSERT INTO intel_lapse_walk (id, at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at`
	walkWindow = `SELECT e.id, e.published AND e.loading = 0 AND (p.event_id IS NULL OR p.models <> $3) FROM intel_event e LEFT JOIN intel_lapse p ON p.event_id = e.id
		WHERE e.id > $1 ORDER BY e.id LIMIT $2`
)

// plan is when to look at an event.
type plan struct {
	event, planned, newest, models, due, underway int64
}

func scanPlan(s store.Scanner) (p plan, err error) {
	err = s.Scan(&p.event, &p.planned, &p.newest, &p.models, &p.due, &p.underway)
	return
}

// indicator is an attribute as it is weighed.
type indicator struct {
	id, object int64
	lastSeen   int64 // µs, its own or its object's
	given      int64 // Unix seconds, 0 = nobody gave a date
	live       bool
	aged       catalog.Aged
}

func scanIndicator(s store.Scanner) (x indicator, err error) {
	err = s.Scan(&x.id, &x.object, &x.aged.Type, &x.aged.Changed, &x.lastSeen, &x.live)
	x.aged.LastSeen = x.lastSeen / 1e6
	return
}

type tagged struct {
	attribute int64
	tag       catalog.ValuedTag
}

func scanTagged(s store.Scanner) (t tagged, err error) {
	err = s.Scan(&t.attribute, &t.tag.Name, &t.tag.Value)
	return
}

// eventTags are the tags of the event itself.
func eventTags(ctx context.Context, tx *store.Tx, event int64) (out []catalog.ValuedTag, err error) {
	list, err := store.All(ctx, tx, scanTagged, tagsOn+"(0)", event)
	for _, t := range list {
		out = append(out, t.tag)
	}
	return out, err
}

// chunk reads the next indicators of an event behind a place, with what models ask.
func chunk(ctx context.Context, tx *store.Tx, h head, after indicator, n int) ([]indicator, error) {
	list, err := store.All(ctx, tx, scanIndicator, indicators, h.event, after.object, after.id, n)
	if err != nil || len(list) == 0 {
		return list, err
	}
	at, ids := map[int64]*indicator{}, make([]int64, len(list))
	for i := range list {
		at[list[i].id], ids[i] = &list[i], list[i].id
	}
	own, err := store.All(ctx, tx, scanTagged, tagsOn+store.In(ids), h.event)
	if err != nil {
		return nil, err
	}
	for _, t := range own {
		at[t.attribute].aged.Tags = append(at[t.attribute].aged.Tags, t.tag)
	}
	for i := range list {
		list[i].aged.Tags = catalog.TagsOf(list[i].aged.Tags, h.tags)
	}
	seen, err := store.All(ctx, tx, scanSeen, sightings+store.In(ids)+" GROUP BY s.attribute_id, s.kind", h.holder, h.maker)
	for _, g := range seen {
		switch x := at[g.attribute]; g.kind {
		case intel.Seen:
			x.aged.Sightings, x.aged.LastSeen = g.n, max(x.aged.LastSeen, g.last)
		case intel.FalsePositive:
			x.aged.False = g.n
		case intel.Expiration:
			x.given = g.given
		}
	}
	return list, err
}

// seen is what was said of an attribute in one kind of sighting; given is the date that
// the organisations of its event gave.
type seen struct{ attribute, kind, n, last, given int64 }

func scanSeen(s store.Scanner) (g seen, err error) {
	err = s.Scan(&g.attribute, &g.kind, &g.n, &g.last, &g.given)
	return
}

// overs gives what is noted of attributes: row by attribute and why.
func overs(ctx context.Context, tx *store.Tx, list []indicator) (map[[2]int64]int64, error) {
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = list[i].id
	}
	out := map[[2]int64]int64{}
	rows, err := store.All(ctx, tx, func(s store.Scanner) (r [3]int64, err error) { err = s.Scan(&r[0], &r[1], &r[2]); return }, overOf+store.In(ids))
	for _, r := range rows {
		out[[2]int64{r[1], r[2]}] = r[0]
	}
	return out, err
}

func readHappening(ctx context.Context, tx *store.Tx, who ident.Actor, id int64) (h Happening, err error) {
	h.ID = id
	h.List, err = store.All(ctx, tx, func(s store.Scanner) (o Over, err error) {
		err = s.Scan(&o.Attribute, &o.Type, &o.Value, &o.Why, &h.Event, &h.At)
		return
	}, `SELECT a.id, a.type, a.value, x.why, x.event_id, x.at FROM intel_lapsed x JOIN intel_attribute a ON a.id = x.attribute_id JOIN intel_event e ON e.id = x.event_id
		WHERE x.happening = $1 AND NOT a.deleted AND `+intel.EventSeen(who, "e")+` AND `+intel.ChildSeen(who, "a")+` ORDER BY x.id LIMIT `+strconv.Itoa(Most), id)
	return h, err
}

// recent looks through the last happenings; that an indicator is seen is asked in reading one.
func recent(ctx context.Context, tx *store.Tx, who ident.Actor, n int) ([]int64, error) {
	return store.All(ctx, tx, store.ScanInt64, `SELECT h.happening FROM (SELECT DISTINCT x.happening, x.event_id FROM intel_lapsed x WHERE x.happening <> 0
		ORDER BY x.happening DESC LIMIT 500) h JOIN intel_event e ON e.id = h.event_id WHERE `+intel.EventSeen(who, "e")+` ORDER BY h.happening DESC LIMIT `+strconv.Itoa(n))
}

// walked is one event of the slow walk.
type walked struct {
	event int64
	look  bool
}

func scanWalked(s store.Scanner) (w walked, err error) { err = s.Scan(&w.event, &w.look); return }

func inForce(ctx context.Context, tx *store.Tx, who ident.Actor, event int64) (int64, error) {
	return store.Int64(ctx, tx, `SELECT COUNT(*) FROM intel_attribute a WHERE a.event_id = $1 AND a.to_ids AND NOT a.deleted AND `+intel.ChildSeen(who, "a")+
		` AND NOT EXISTS (SELECT 1 FROM intel_lapsed x WHERE x.attribute_id = a.id)`, event)
}
