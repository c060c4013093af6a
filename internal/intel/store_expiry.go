package intel

import (
	"context"
	"slices"

	"straza/internal/kernel/store"
)

const (
	noteEndsOf = `INSERT INTO intel_expiry_event (event_id, changed, sighted, models) VALUES ($1,$2,$3,$4)
		ON CONFLICT (event_id) DO UPDATE SET changed = excluded.changed, sighted = excluded.sighted, models = excluded.models`
	forgetEndsOf = `DELETE FROM intel_expiry_event WHERE event_id = $1`
	putEnd       = `INSERT INTO intel_expiry (id, event_id, stix_id, model_id, ends) VALUES ($1,$2,$3,$4,$5)
		ON CONFLICT (event_id, stix_id, model_id) DO UPDATE SET ends = excluded.ends`
	dropEnd    = `DELETE FROM intel_expiry WHERE event_id = $1 AND stix_id = $2 AND model_id = $3`
	endsOf     = `SELECT stix_id, model_id, ends FROM intel_expiry WHERE event_id = $1`
	asItWasDue = `SELECT 1 FROM intel_event e JOIN intel_stix_event v ON v.event_id = e.id WHERE e.id = $1 AND e.published AND v.changed = $2 AND e.changed = $2 AND e.sighting_timestamp = $3`

	indicatorRows = `SELECT t.id, t.stix_id, t.attribute_id, t.object_id FROM intel_stix t WHERE t.event_id = $1 AND t.latest AND t.type = 'indicator'`

	wholeBatch = `INSERT INTO intel_stix_batch (id, event_id, base, last, created) VALUES ($1,$2,$3,$4,$3)`
	toBatch    = `UPDATE intel_stix SET batch_id = $2, seq = $3 WHERE id = $1`
)

// dueEvent is an event as its indicators are to be weighed.
type dueEvent struct{ id, changed, sighted int64 }

// dueForEnds lists events in some collections whose ends were worked out for another state,
// by id: the parts of collections and one row for each event are read, no indicators.
func dueForEnds(ctx context.Context, tx *store.Tx, collections []int64, models string, after int64, limit int) ([]dueEvent, error) {
	return store.All(ctx, tx, func(s store.Scanner) (d dueEvent, err error) {
		err = s.Scan(&d.id, &d.changed, &d.sighted)
		return d, err
	},
		`SELECT e.id, e.changed, e.sighting_timestamp FROM intel_event e JOIN intel_stix_event v ON v.event_id = e.id AND v.changed = e.changed
		WHERE e.id > $1 AND e.published AND EXISTS (SELECT 1 FROM intel_collection_part m WHERE m.event_id = e.id AND m.collection_id IN `+store.In(collections)+`)
		AND NOT EXISTS (SELECT 1 FROM intel_expiry_event x WHERE x.event_id = e.id AND x.changed = e.changed AND x.sighted = e.sighting_timestamp AND x.models = $2)
		ORDER BY e.id LIMIT `+itoa(int64(limit)), after, models)
}

func stillDue(ctx context.Context, tx *store.Tx, e dueEvent) (bool, error) {
	n, err := store.Int64(ctx, tx, asItWasDue, e.id, e.changed, e.sighted)
	return n == 1, err
}

func noteEnds(ctx context.Context, tx *store.Tx, e dueEvent, models string) error {
	_, err := tx.Exec(ctx, noteEndsOf, e.id, e.changed, e.sighted, models)
	return err
}

// indicatorsOf lists an event's indicators as they are now, whoever may see them.
func indicatorsOf(ctx context.Context, tx *store.Tx, event int64) ([]expiring, error) {
	return store.All(ctx, tx, func(s store.Scanner) (x expiring, err error) {
		x.ends = map[int64]int64{}
		err = s.Scan(&x.row, &x.stixID, &x.attribute, &x.object)
		return x, err
	}, indicatorRows, event)
}

// end is when an indicator is over by one key, µs; at 0 takes it out.
type end struct {
	stixID  string
	key, at int64
}

func endsKept(ctx context.Context, tx *store.Tx, event int64) (map[string]map[int64]int64, error) {
	out := map[string]map[int64]int64{}
	for v, err := range store.Each(ctx, tx, func(s store.Scanner) (v end, err error) { err = s.Scan(&v.stixID, &v.key, &v.at); return v, err }, endsOf, event) {
		if err != nil {
			return nil, err
		}
		if out[v.stixID] == nil {
			out[v.stixID] = map[int64]int64{}
		}
		out[v.stixID][v.key] = v.at
	}
	return out, nil
}

func writeEnds(ctx context.Context, tx *store.Tx, db *store.DB, event int64, list []end) (err error) {
	for _, e := range list {
		if e.at == 0 {
			_, err = tx.Exec(ctx, dropEnd, event, e.stixID, e.key)
		} else {
			_, err = tx.Exec(ctx, putEnd, db.NewID(), event, e.stixID, e.key, e.at)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dropEnds forgets when some of an event's indicators were over.
func dropEnds(ctx context.Context, tx *store.Tx, event int64, objects []string) error {
	for part := range slices.Chunk(objects, 500) {
		marks, args := placeholders(2, part)
		if _, err := tx.Exec(ctx, "DELETE FROM intel_expiry WHERE event_id = $1 AND stix_id IN ("+marks+")", append([]any{event}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

// moveToBatch gives rows a batch of their own, in their order.
func moveToBatch(ctx context.Context, tx *store.Tx, id, event, base int64, rows []int64) error {
	if _, err := tx.Exec(ctx, wholeBatch, id, event, base, base+int64(len(rows))); err != nil {
		return err
	}
	for i, row := range rows {
		if _, err := tx.Exec(ctx, toBatch, row, id, int64(i+1)); err != nil {
			return err
		}
	}
	return nil
}

// over is the test, in SQL, that a key ended an indicator by a moment.
func over(t string, key, by int64) string {
	return "EXISTS (SELECT 1 FROM intel_expiry z WHERE z.event_id = " + t + ".event_id AND z.stix_id = " + t + ".stix_id AND z.model_id = " + itoa(key) + " AND z.ends <= " + itoa(by) + ")"
}
