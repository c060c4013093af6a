package intel

import (
	"context"
	"strconv"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// insertSighting writes one; the same UUID a second time is the same sighting.
func insertSighting(ctx context.Context, tx *store.Tx, g Sighting) (int64, error) {
	return tx.Exec(ctx, `INSERT INTO intel_sighting (id, uuid, event_id, attribute_id, org_id, kind, source, seen)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8) ON CONFLICT (uuid) DO NOTHING`, g.ID, g.UUID, g.EventID, g.AttributeID, g.Org.ID, int64(g.Kind), g.Source, g.Seen)
}

// sightingUUIDs are the names of an event's sightings.
func sightingUUIDs(ctx context.Context, tx *store.Tx, event int64) (map[string]bool, error) {
	list, err := store.All(ctx, tx, func(s store.Scanner) (u string, err error) { err = s.Scan(&u); return u, err },
		"SELECT uuid FROM intel_sighting WHERE event_id = $1", event)
	out := map[string]bool{}
	for _, u := range list {
		out[u] = true
	}
	return out, err
}

// lateExpiration tells that the organisation's expiration is here, or a later one.
func lateExpiration(ctx context.Context, tx *store.Tx, g Sighting) (bool, error) {
	n, err := store.Int64(ctx, tx, "SELECT COUNT(*) FROM intel_sighting WHERE uuid = $1 OR attribute_id = $2 AND org_id = $3 AND kind = $4 AND seen >= $5",
		g.UUID, g.AttributeID, g.Org.ID, int64(Expiration), g.Seen)
	return n > 0, err
}

func replaceExpiration(ctx context.Context, tx *store.Tx, g Sighting) error {
	_, err := tx.Exec(ctx, "DELETE FROM intel_sighting WHERE attribute_id = $1 AND org_id = $2 AND kind = $3", g.AttributeID, g.Org.ID, int64(Expiration))
	return err
}

// Who sees the sightings of others, by MISP's numbers of Plugin.Sightings_policy.
const (
	sightedOwner    = "0" // the organisation that holds the event
	sightedReporter = "1" // and who has sighted something on it
	sightedAll      = "2" // everybody who sees the event
)

// SightingPolicy is the setting that says who sees the sightings of others.
const SightingPolicy = "Plugin.Sightings_policy"

func sightingPolicy(ctx context.Context, tx *store.Tx) (string, error) {
	raw, found, err := houseSetting(ctx, tx, SightingPolicy)
	if err != nil || !found {
		return sightedOwner, err
	}
	return strings.Trim(string(raw), `"`), nil
}

// sightingSeen: the organisation that holds the event sees all, others their own and
// what the policy shows them.
func sightingSeen(who ident.Actor, policy string) string {
	if seesAll(who) || who.Kind == ident.System || policy == sightedAll {
		return "1 = 1"
	}
	org := strconv.FormatInt(who.Org, 10)
	own := "e.org_id = " + org + " OR g.org_id = " + org
	if policy == sightedReporter {
		own += " OR EXISTS (SELECT 1 FROM intel_sighting r WHERE r.event_id = g.event_id AND r.org_id = " + org + ")"
	}
	return "(" + own + ")"
}

// markSighted notes on an event that there is something new to tell of its sightings:
// the time grows even twice in a second, or a peer would miss the second.
func markSighted(ctx context.Context, tx *store.Tx, event, now int64) error {
	_, err := tx.Exec(ctx, `UPDATE intel_event SET sighting_timestamp = CASE WHEN sighting_timestamp < $2 THEN $2 ELSE sighting_timestamp + 1 END WHERE id = $1`, event, now/1e6)
	return err
}

// lastSighted gives the newest sighting of an event, and the newest on what who sees of it.
func lastSighted(ctx context.Context, tx *store.Tx, who ident.Actor, event int64) (last, seen int64, err error) {
	_, err = tx.Row(ctx, `SELECT COALESCE(MAX(g.id), 0), COALESCE(MAX(CASE WHEN `+childSeen(who, "a", true)+` THEN g.id ELSE 0 END), 0)
		FROM intel_sighting g JOIN intel_attribute a ON a.id = g.attribute_id WHERE g.event_id = $1`, []any{event}, &last, &seen)
	return last, seen, err
}

const sightingFrom = ` FROM intel_sighting g JOIN intel_attribute a ON a.id = g.attribute_id JOIN intel_event e ON e.id = g.event_id
	JOIN registry_organisation o ON o.id = g.org_id`

func scanSighting(s store.Scanner) (g Sighting, err error) {
	g.Attribute = &Attribute{}
	err = s.Scan(&g.ID, &g.UUID, &g.EventID, &g.AttributeID, &g.Org.ID, &g.Org.UUID, &g.Org.Name, &g.Kind, &g.Source, &g.Seen,
		&g.Attribute.UUID, &g.Attribute.Type, &g.Attribute.Category, &g.Attribute.Value, &g.Attribute.ToIDS, &g.EventUUID)
	g.Attribute.ID, g.Attribute.EventID = g.AttributeID, g.EventID
	return g, err
}

// listSightings reads a batch; at is event, attribute (0 = any) and the last id seen.
func listSightings(ctx context.Context, tx *store.Tx, who ident.Actor, f SightingFilter, at [3]int64, limit int) ([]Sighting, error) {
	var w where
	w.add("g.id > ?", at[2])
	if at[0] != 0 {
		w.add("g.event_id = ?", at[0])
	}
	if at[1] != 0 {
		w.add("g.attribute_id = ?", at[1])
	}
	if f.Kind != nil {
		w.add("g.kind = ?", int64(*f.Kind))
	}
	if f.Org != 0 {
		w.add("g.org_id = ?", f.Org)
	}
	if f.Source != "" {
		w.add("g.source = ?", f.Source)
	}
	w.span("g.seen", f.Seen)
	w.add("NOT a.deleted")
	w.add(childSeen(who, "a", false))
	w.add(eventSeen(who, "e"))
	policy, err := sightingPolicy(ctx, tx)
	if err != nil {
		return nil, err
	}
	w.add(sightingSeen(who, policy))
	return store.All(ctx, tx, scanSighting, `SELECT g.id, g.uuid, g.event_id, g.attribute_id, g.org_id, o.uuid, o.name, g.kind, g.source, g.seen,
		a.uuid, a.type, a.category, a.value, a.to_ids, e.uuid`+sightingFrom+" WHERE "+w.sql()+" ORDER BY g.id LIMIT "+strconv.Itoa(limit), w.args...)
}

// removeSighting deletes one that the caller sees and whose organisation it is.
func removeSighting(ctx context.Context, tx *store.Tx, who ident.Actor, id int64, uuid string) (event int64, err error) {
	var w where
	if uuid != "" {
		w.add("g.uuid = ?", uuid)
	} else {
		w.add("g.id = ?", id)
	}
	if !seesAll(who) {
		w.add("g.org_id = ?", who.Org)
	}
	w.add(childSeen(who, "a", false))
	w.add(eventSeen(who, "e"))
	found, err := tx.Row(ctx, "SELECT g.id, g.event_id"+sightingFrom+" WHERE "+w.sql(), w.args, &id, &event)
	if err != nil || !found {
		return 0, orNot(err, fault.New(fault.NotFound, "no such sighting").WithKey("intel.fault.no-sighting"))
	}
	if _, err = tx.Exec(ctx, forgetEndsOf, event); err == nil {
		_, err = tx.Exec(ctx, "DELETE FROM intel_sighting WHERE id = $1", id)
	}
	return event, err
}

func readReport(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Report, error) {
	missing := fault.New(fault.NotFound, "no report %q", ref).WithKey("intel.fault.no-report")
	id, uuid, err := refID(ref)
	if err != nil {
		return Report{}, missing
	}
	cond, arg := "p.id = $1", any(id)
	if uuid != "" {
		cond, arg = "p.uuid = $1", any(uuid)
	}
	r, found, err := store.First(ctx, tx, scanReport, "SELECT "+reportCols+" FROM intel_report p WHERE "+cond+" AND "+ownSeen(who, "p"), arg)
	if err != nil || !found {
		return r, orNot(err, missing)
	}
	if _, err := readEvent(ctx, tx, who, strconv.FormatInt(r.EventID, 10)); err != nil {
		return r, orNot(instead(err), missing)
	}
	return r, nil
}

// instead keeps an error that is none of a missing event.
func instead(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

func removeReport(ctx context.Context, tx *store.Tx, event, id int64) error {
	if _, err := tx.Exec(ctx, forgetThing, event, int64(ChangedReport), id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "DELETE FROM intel_report WHERE event_id = $1 AND id = $2", event, id)
	return err
}

// dayCount is how many sightings an attribute had so many days ago; ago is negative for
// those outside the days asked for.
type dayCount struct{ attribute, ago, n int64 }

// sightingDays counts the sightings of a batch of attributes by day, in one query.
func sightingDays(ctx context.Context, tx *store.Tx, who ident.Actor, ids []int64, now int64, days int) ([]dayCount, error) {
	policy, err := sightingPolicy(ctx, tx)
	if err != nil {
		return nil, err
	}
	return store.All(ctx, tx, func(s store.Scanner) (d dayCount, err error) { err = s.Scan(&d.attribute, &d.ago, &d.n); return },
		"SELECT g.attribute_id, CASE WHEN g.seen > $1 AND g.seen <= $2 THEN ($2 - g.seen) / 86400 ELSE -1 END, COUNT(*)"+sightingFrom+
			" WHERE g.attribute_id IN "+store.In(ids)+" AND NOT a.deleted AND "+childSeen(who, "a", false)+" AND "+eventSeen(who, "e")+" AND "+sightingSeen(who, policy)+
			" GROUP BY 1, 2", now-int64(days)*86400, now)
}
