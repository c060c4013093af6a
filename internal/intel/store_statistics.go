package intel

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	newestChange = `SELECT changed, id FROM intel_event ORDER BY changed DESC, id DESC LIMIT 1`
	eventTotal   = `SELECT count(*) FROM intel_event`
)

// lastChange names the state of the table: the newest change, how many events
// there are (a deletion changes no other row), rights, and the hour, because
// counts of "the last month" grow old.
func lastChange(ctx context.Context, tx *store.Tx, now int64) (string, error) {
	var changed, id int64
	if _, err := tx.Row(ctx, newestChange, nil, &changed, &id); err != nil {
		return "", err
	}
	n, err := store.Int64(ctx, tx, eventTotal)
	if err != nil {
		return "", err
	}
	epoch, err := access.EpochTx(ctx, tx)
	return fmt.Sprint(changed, id, n, epoch, now/int64(time.Hour/time.Microsecond)), err
}

// countAll: attributes without an audience of their own are summed from their
// events' counts; the few others are looked at one by one.
func countAll(ctx context.Context, tx *store.Tx, who ident.Actor, since int64) (c Stats, err error) {
	seen := eventScan(who, "e")
	_, err = tx.Row(ctx, `SELECT count(*), coalesce(sum(CASE WHEN e.timestamp >= $1 THEN 1 ELSE 0 END), 0), count(DISTINCT e.orgc_id),
		coalesce(sum(e.attributes), 0) FROM intel_event e WHERE `+seen, []any{since}, &c.Events, &c.EventsMonth, &c.Contributing, &c.Attributes)
	if err != nil {
		return c, err
	}
	hidden, err := hiddenAttributes(ctx, tx, who, seen)
	if err != nil {
		return c, err
	}
	c.Attributes -= hidden
	from := ` FROM intel_attribute a JOIN intel_event e ON e.id = a.event_id WHERE NOT a.deleted AND ` + seen + ` AND ` + childSeen(who, "a", true)
	if c.AttributesMonth, err = store.Int64(ctx, tx, `SELECT count(*)`+from+` AND a.timestamp >= $1`, since); err != nil {
		return c, err
	}
	c.Correlations, err = store.Int64(ctx, tx, `SELECT count(*) FROM (SELECT a.key1`+from+` AND NOT a.no_correlation AND NOT e.no_correlation AND a.key1 <> 0
		GROUP BY a.key1 HAVING min(a.event_id) <> max(a.event_id)) k`)
	return c, err
}

// hiddenAttributes counts those of seen events that who does not see: they have an
// audience of their own, or stand in an object that has one.
func hiddenAttributes(ctx context.Context, tx *store.Tx, who ident.Actor, seen string) (int64, error) {
	return store.Int64(ctx, tx, `SELECT count(*) FROM intel_attribute a JOIN intel_event e ON e.id = a.event_id
		WHERE e.own_audiences > 0 AND NOT a.deleted AND `+seen+` AND NOT (`+childSeen(who, "a", true)+`)`)
}

func countOrgs(ctx context.Context, tx *store.Tx, who ident.Actor, since int64) (map[int64]OrgStats, error) {
	out := map[int64]OrgStats{}
	seen := eventScan(who, "e")
	list, err := store.All(ctx, tx, func(r store.Scanner) (o OrgStats, err error) {
		err = r.Scan(&o.Org, &o.Events, &o.Attributes)
		return
	}, `SELECT e.orgc_id, count(*), coalesce(sum(e.attributes), 0) FROM intel_event e WHERE `+seen+` GROUP BY e.orgc_id`)
	if err != nil {
		return nil, err
	}
	for _, o := range list {
		o.Days = map[string]int64{}
		out[o.Org] = o
	}
	type row struct {
		org, n int64
		day    string
	}
	scan := func(r store.Scanner) (x row, err error) { err = r.Scan(&x.org, &x.day, &x.n); return }
	hidden, err := store.All(ctx, tx, scan, `SELECT e.orgc_id, '', count(*) FROM intel_attribute a JOIN intel_event e ON e.id = a.event_id
		WHERE e.own_audiences > 0 AND NOT a.deleted AND `+seen+` AND NOT (`+childSeen(who, "a", true)+`) GROUP BY e.orgc_id`)
	if err != nil {
		return nil, err
	}
	for _, h := range hidden {
		o := out[h.org]
		o.Attributes -= h.n
		out[h.org] = o
	}
	days, err := store.All(ctx, tx, scan, `SELECT e.orgc_id, e.date, count(*) FROM intel_event e WHERE e.date >= $1 AND `+seen+` GROUP BY e.orgc_id, e.date`,
		time.Unix(since, 0).UTC().Format(time.DateOnly))
	for _, d := range days {
		out[d.org].Days[d.day] = d.n
	}
	return out, err
}

func census(ctx context.Context, tx *store.Tx, who ident.Actor) (c Census, err error) {
	c = Census{Types: map[string]int64{}, Categories: map[string]int64{}, Tags: map[string]int64{}}
	seen := eventScan(who, "e")
	type row struct {
		typ, category string
		n             int64
	}
	scan := func(r store.Scanner) (x row, err error) { err = r.Scan(&x.typ, &x.category, &x.n); return }
	rows, err := store.All(ctx, tx, scan, `SELECT a.type, a.category, count(*) FROM intel_attribute a JOIN intel_event e ON e.id = a.event_id
		WHERE NOT a.deleted AND `+seen+` AND `+childSeen(who, "a", true)+` GROUP BY a.type, a.category`)
	if err != nil {
		return c, err
	}
	for _, x := range rows {
		c.Types[x.typ] += x.n
		c.Categories[x.category] += x.n
	}
	rows, err = store.All(ctx, tx, scan, `SELECT t.name, '', count(*) FROM intel_tagging g JOIN intel_tag t ON t.id = g.tag_id JOIN intel_event e ON e.id = g.event_id
		WHERE g.attribute_id = 0 AND t.exportable AND `+usesSeen(who)+` AND `+seen+` GROUP BY t.name`)
	for _, x := range rows {
		c.Tags[x.typ] = x.n
	}
	return c, err
}

func typesOfOrgs(ctx context.Context, tx *store.Tx, who ident.Actor) (map[int64]map[string]int64, error) {
	type row struct {
		org, n int64
		typ    string
	}
	rows, err := store.All(ctx, tx, func(r store.Scanner) (x row, err error) { err = r.Scan(&x.org, &x.typ, &x.n); return },
		`SELECT e.orgc_id, a.type, count(*) FROM intel_attribute a JOIN intel_event e ON e.id = a.event_id
		WHERE NOT a.deleted AND `+eventScan(who, "e")+` AND `+childSeen(who, "a", true)+` GROUP BY e.orgc_id, a.type`)
	out := map[int64]map[string]int64{}
	for _, x := range rows {
		if out[x.org] == nil {
			out[x.org] = map[string]int64{}
		}
		out[x.org][x.typ] = x.n
	}
	return out, err
}

func tagTotals(ctx context.Context, tx *store.Tx, who ident.Actor, f TagSpan) (map[string]int64, error) {
	var w where
	w.add("t.exportable")
	w.add(usesSeen(who))
	w.add("SUBSTR(t.name_fold, 1, "+strconv.Itoa(len([]rune(f.Prefix)))+") = ?", f.Prefix)
	w.add(eventScan(who, "e"))
	if f.From != "" {
		w.add("e.date >= ?", f.From)
	}
	if f.To != "" {
		w.add("e.date <= ?", f.To)
	}
	if f.Org != 0 {
		w.add("e.orgc_id = ?", f.Org)
	}
	out := map[string]int64{}
	for _, from := range []string{
		"intel_tagging g JOIN intel_tag t ON t.id = g.tag_id JOIN intel_event e ON e.id = g.event_id WHERE g.attribute_id = 0 AND ",
		"intel_tagging g JOIN intel_tag t ON t.id = g.tag_id JOIN intel_event e ON e.id = g.event_id JOIN intel_attribute a ON a.id = g.attribute_id WHERE NOT a.deleted AND " +
			childSeen(who, "a", true) + " AND ",
	} {
		list, err := store.All(ctx, tx, func(s store.Scanner) (c tagged, err error) { err = s.Scan(&c.name, &c.n); return },
			"SELECT t.name, COUNT(*) FROM "+from+w.sql()+" GROUP BY t.name", w.args...)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			out[c.name] += c.n
		}
	}
	return out, nil
}

func sightingSources(ctx context.Context, tx *store.Tx, who ident.Actor, since int64) ([]SourceCount, error) {
	return store.All(ctx, tx, func(s store.Scanner) (c SourceCount, err error) {
		err = s.Scan(&c.Source, &c.Kind, &c.Event, &c.N)
		return
	},
		"SELECT g.source, g.kind, g.event_id, COUNT(*)"+sightingFrom+" WHERE g.org_id = $1 AND g.seen > $2 AND NOT a.deleted AND "+childSeen(who, "a", true)+
			" AND "+eventScan(who, "e")+" GROUP BY g.source, g.kind, g.event_id ORDER BY g.source, g.kind, g.event_id", who.Org, since)
}
