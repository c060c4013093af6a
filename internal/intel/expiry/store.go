package expiry

import (
	"context"
	"strconv"

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

	eventHead = `SELECT e.uuid, e.published AND e.loading = 0 FROM intel_event e WHERE e.id = $1`

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

// overs gives what is noted of attributes: row by attribute and why.
func overs(ctx context.Context, tx *store.Tx, list []intel.Indicator) (map[[2]int64]int64, error) {
	ids := make([]int64, len(list))
	for i := range list {
		ids[i] = list[i].ID
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
