package intel

import (
	"context"
	"strconv"
	"time"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

func scanMet(s store.Scanner) (m met, err error) { err = s.Scan(&m.key, &m.day, &m.n); return }

// trendEvents counts events by organisation and date.
func trendEvents(ctx context.Context, tx *store.Tx, who ident.Actor, d Days) ([]met, error) {
	return store.All(ctx, tx, func(s store.Scanner) (m met, err error) {
		var org int64
		err = s.Scan(&org, &m.day, &m.n)
		m.key = itoa(org)
		return m, err
	}, trendEventsText(who), d.From, d.To)
}

func trendEventsText(who ident.Actor) string {
	return "SELECT e.orgc_id, e.date, COUNT(*) FROM intel_event e WHERE e.date >= $1 AND e.date <= $2 AND " + eventScan(who, "e") + " GROUP BY e.orgc_id, e.date"
}

// trendTags counts events by tag and date: a tag is the event's own, or one of an
// attribute that who sees, as the list of events finds it.
func trendTags(ctx context.Context, tx *store.Tx, who ident.Actor, d Days, most int64) ([]met, bool, error) {
	list, err := store.All(ctx, tx, scanMet, trendTagsText(who, most), d.From, d.To)
	return list, sumOf(list) > most, err
}

func trendTagsText(who ident.Actor, most int64) string {
	return `SELECT t.name, u.date, COUNT(*) FROM (SELECT DISTINCT e.date AS date, e.id AS id, g.tag_id AS tag_id FROM intel_event e CROSS JOIN intel_tagging g
		WHERE g.event_id = e.id AND e.date >= $1 AND e.date <= $2 AND ` + eventScan(who, "e") + ` AND (g.attribute_id = 0 OR EXISTS (SELECT 1 FROM intel_attribute a
		WHERE a.id = g.attribute_id AND NOT a.deleted AND ` + childSeen(who, "a", true) + `)) ORDER BY date DESC LIMIT ` + itoa(most+1) + `) u
		JOIN intel_tag t ON t.id = u.tag_id GROUP BY t.name, u.date`
}

func sumOf(list []met) (n int64) {
	for _, m := range list {
		n += m.n
	}
	return n
}

// trendTypes counts attributes by type and day, the newest first when there are more
// than most: the bound is on what who sees, so that it tells nothing of the rest.
func trendTypes(ctx context.Context, tx *store.Tx, who ident.Actor, d Days, most int64) ([]met, bool, error) {
	from, to := d.Seconds()
	list, err := hourly(ctx, tx, trendTypesText(who, most), from, to)
	return list, sumOf(list) > most, err
}

func trendTypesText(who ident.Actor, most int64) string {
	return "SELECT x.type, x.hour, COUNT(*) FROM (SELECT a.type AS type, a.timestamp / 3600 AS hour" + attributeFrom + "a.timestamp >= $1 AND a.timestamp <= $2 AND NOT a.deleted AND " +
		childSeen(who, "a", true) + " AND " + eventScan(who, "e") + " ORDER BY a.timestamp DESC LIMIT " + itoa(most+1) + ") x GROUP BY x.type, x.hour"
}

// trendSighted counts true sightings by attribute and day. A sighting marks its event
// with the time it was told, which leads to the events in question.
func trendSighted(ctx context.Context, tx *store.Tx, who ident.Actor, d Days, most int64) ([]met, bool, error) {
	policy, err := sightingPolicy(ctx, tx)
	if err != nil {
		return nil, false, err
	}
	from, to := d.Seconds()
	list, err := hourly(ctx, tx, trendSightedText(who, policy, most), from, to)
	return list, sumOf(list) > most, err
}

func trendSightedText(who ident.Actor, policy string, most int64) string {
	return "SELECT CAST(x.id AS TEXT), x.hour, COUNT(*) FROM (SELECT a.id AS id, g.seen / 3600 AS hour FROM intel_event e CROSS JOIN intel_sighting g CROSS JOIN intel_attribute a" +
		" WHERE g.event_id = e.id AND a.id = g.attribute_id AND e.sighting_timestamp > 0 AND g.kind = 0 AND g.seen >= $1 AND g.seen <= $2 AND NOT a.deleted AND " +
		childSeen(who, "a", true) + " AND " + eventScan(who, "e") + " AND " + sightingSeen(who, policy) + " ORDER BY g.seen DESC LIMIT " + itoa(most+1) + ") x GROUP BY x.id, x.hour"
}

// hourly reads counts by hour and says the day in Belgrade: neither engine knows it.
func hourly(ctx context.Context, tx *store.Tx, text string, args ...any) ([]met, error) {
	return store.All(ctx, tx, func(s store.Scanner) (m met, err error) {
		var hour int64
		err = s.Scan(&m.key, &hour, &m.n)
		m.day = time.Unix(hour*3600, 0).In(i18n.Belgrade).Format(time.DateOnly)
		return m, err
	}, text, args...)
}

// nameSighted puts values and addresses to the attributes that trends count by id.
func nameSighted(ctx context.Context, tx *store.Tx, who ident.Actor, list []Trend) error {
	ids := make([]int64, len(list))
	at := map[int64]*Trend{}
	for i := range list {
		ids[i], _ = strconv.ParseInt(list[i].Key, 10, 64)
		at[ids[i]] = &list[i]
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := tx.Query(ctx, "SELECT a.id, a.uuid, a.value, e.uuid"+attributeFrom+"a.id IN "+store.In(ids)+" AND "+childSeen(who, "a", true)+" AND "+eventScan(who, "e"))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var uuid, value, event string
		if err := rows.Scan(&id, &uuid, &value, &event); err != nil {
			return err
		}
		at[id].Key, at[id].Name, at[id].Event = uuid, value, event
	}
	return rows.Err()
}
