package feed

import (
	"context"
	"encoding/json"
	"strconv"

	"straza/internal/kernel/store"
)

const (
	feedCols = `SELECT f.id, f.name, f.provider, f.url, f.format, f.input, f.doc, f.headers, f.enabled, f.caching, f.visible, f.person_id, f.event_id,
		f.fetched, f.succeeded, f.cached, f.failures, f.fault, f.report, (SELECT count(*) FROM intel_feed_value v WHERE v.feed_id = f.id) FROM intel_feed f `
	putFeed = `INSERT INTO intel_feed (id, name, provider, url, format, input, doc, headers, enabled, caching, visible, person_id, event_id,
		fetched, succeeded, cached, failures, fault, report) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,0,0,0,0,'','{}')
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, provider = excluded.provider, url = excluded.url, format = excluded.format,
		input = excluded.input, doc = excluded.doc, headers = excluded.headers, enabled = excluded.enabled, caching = excluded.caching,
		visible = excluded.visible, person_id = excluded.person_id, event_id = excluded.event_id`
	noteRun   = `UPDATE intel_feed SET fetched = $2, succeeded = CASE WHEN $3 = '' THEN $2 ELSE succeeded END, failures = CASE WHEN $3 = '' THEN 0 ELSE failures + 1 END, fault = $3, report = $4, event_id = $5 WHERE id = $1`
	noteCache = `UPDATE intel_feed SET cached = $2, fault = $3 WHERE id = $1`
	dropOne   = `DELETE FROM intel_feed WHERE id = $1`
	dropHeld  = `DELETE FROM intel_feed_value WHERE feed_id = $1`

	putValue  = `INSERT INTO intel_feed_value (feed_id, key, run, event_uuid) VALUES ($1,$2,$3,$4) ON CONFLICT (feed_id, key) DO UPDATE SET run = excluded.run, event_uuid = excluded.event_uuid`
	dropStale = `DELETE FROM intel_feed_value WHERE feed_id = $1 AND key IN (SELECT key FROM intel_feed_value WHERE feed_id = $1 AND run <> $2 LIMIT 5000)`
	hitsOf    = `SELECT feed_id, event_uuid FROM intel_feed_value WHERE key = $1 ORDER BY feed_id`
	overlaps  = `SELECT a.feed_id, b.feed_id, count(*) FROM intel_feed_value a JOIN intel_feed_value b ON b.key = a.key AND b.feed_id <> a.feed_id GROUP BY a.feed_id, b.feed_id`
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func scanFeed(r store.Scanner) (f Feed, err error) {
	var doc, report string
	err = r.Scan(&f.ID, &f.Name, &f.Provider, &f.URL, &f.Format, &f.Input, &doc, &f.sealed, &f.Enabled, &f.Caching, &f.Visible, &f.Person, &f.Event,
		&f.Fetched, &f.Succeeded, &f.Cached, &f.Failures, &f.Fault, &report, &f.Values)
	if err == nil {
		err = json.Unmarshal([]byte(doc), &f.Terms)
	}
	if err == nil {
		err = json.Unmarshal([]byte(report), &f.Report)
	}
	return f, err
}

func readFeeds(ctx context.Context, tx *store.Tx, id int64) ([]Feed, error) {
	if id != 0 {
		return store.All(ctx, tx, scanFeed, feedCols+`WHERE f.id = $1`, id)
	}
	return store.All(ctx, tx, scanFeed, feedCols+`ORDER BY f.id`)
}

func oneFeed(ctx context.Context, tx *store.Tx, id int64) (Feed, error) {
	all, err := readFeeds(ctx, tx, id)
	if err == nil && (len(all) == 0 || id == 0) {
		return Feed{}, noFeed(id)
	}
	if err != nil {
		return Feed{}, err
	}
	return all[0], nil
}

func writeFeed(ctx context.Context, tx *store.Tx, f *Feed) error {
	doc, err := json.Marshal(f.Terms)
	if err != nil {
		return err
	}
	var sealed any
	if len(f.sealed) > 0 {
		sealed = f.sealed
	}
	_, err = tx.Exec(ctx, putFeed, f.ID, f.Name, f.Provider, f.URL, f.Format, f.Input, string(doc), sealed, f.Enabled, f.Caching, f.Visible, f.Person, f.Event)
	return err
}

func saveRun(ctx context.Context, tx *store.Tx, f *Feed, now int64) error {
	report, err := json.Marshal(f.Report)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, noteRun, f.ID, now, f.Fault, string(report), f.Event)
	return err
}

func dropFeed(ctx context.Context, tx *store.Tx, id int64) error {
	if _, err := tx.Exec(ctx, dropHeld, id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, dropOne, id)
	return err
}

type held struct {
	key   int64
	event string
}

func putValues(ctx context.Context, tx *store.Tx, feed, run int64, list []held) error {
	for _, v := range list {
		if _, err := tx.Exec(ctx, putValue, feed, v.key, run, v.event); err != nil {
			return err
		}
	}
	return nil
}

// dropOld takes away a part of what the last run did not find again, 0 at the end.
func dropOld(ctx context.Context, tx *store.Tx, feed, run int64) (int64, error) {
	return tx.Exec(ctx, dropStale, feed, run)
}

type hit struct {
	feed  int64
	event string
}

func readHits(ctx context.Context, tx *store.Tx, key int64) ([]hit, error) {
	return store.All(ctx, tx, func(r store.Scanner) (h hit, err error) { err = r.Scan(&h.feed, &h.event); return }, hitsOf, key)
}

func readOverlaps(ctx context.Context, tx *store.Tx) ([][3]int64, error) {
	return store.All(ctx, tx, func(r store.Scanner) (x [3]int64, err error) { err = r.Scan(&x[0], &x[1], &x[2]); return }, overlaps)
}
