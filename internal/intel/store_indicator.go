package intel

import (
	"context"

	"straza/internal/catalog"
	"straza/internal/kernel/store"
)

const (
	// In the order of the index (event_id, object_id, id).
	indicatorsFrom = `SELECT a.id, a.object_id, a.type, a.timestamp, COALESCE(a.last_seen, 0), COALESCE(o.last_seen, 0),
		a.to_ids AND NOT a.deleted AND (a.object_id = 0 OR NOT COALESCE(o.deleted, FALSE))
		FROM intel_attribute a LEFT JOIN intel_object o ON o.id = a.object_id
		WHERE a.event_id = $1 AND (a.object_id > $2 OR a.object_id = $2 AND a.id > $3)`
	indicatorsBy = ` ORDER BY a.object_id, a.id LIMIT $4`
	detectable   = ` AND a.to_ids AND NOT a.deleted`

	tagsOn      = `SELECT g.attribute_id, t.name, t.numerical_value FROM intel_tagging g JOIN intel_tag t ON t.id = g.tag_id WHERE g.event_id = $1 AND g.attribute_id IN `
	sightingsOn = `SELECT s.attribute_id, s.kind, COUNT(*), MAX(s.seen), MAX(CASE WHEN s.org_id = e.org_id OR s.org_id = e.orgc_id THEN s.seen ELSE 0 END)
		FROM intel_sighting s JOIN intel_event e ON e.id = $1 WHERE s.attribute_id IN `
	sightingsBy = ` GROUP BY s.attribute_id, s.kind`
)

func scanIndicator(s store.Scanner) (x Indicator, err error) {
	err = s.Scan(&x.ID, &x.Object, &x.Aged.Type, &x.Aged.Changed, &x.LastSeen, &x.ObjectSeen, &x.Live)
	x.Aged.LastSeen = x.LastSeen / 1e6
	return x, err
}

type tagOn struct {
	attribute int64
	tag       catalog.ValuedTag
}

func scanTagOn(s store.Scanner) (t tagOn, err error) {
	err = s.Scan(&t.attribute, &t.tag.Name, &t.tag.Value)
	return t, err
}

// sightingsOf is what was said of an attribute in one kind of sighting; given is the date
// that the organisations of its event gave.
type sightingsOf struct{ attribute, kind, n, last, given int64 }

func scanSightingsOf(s store.Scanner) (g sightingsOf, err error) {
	err = s.Scan(&g.attribute, &g.kind, &g.n, &g.last, &g.given)
	return g, err
}

// readIndicators is Indicators for those that a condition leaves.
func readIndicators(ctx context.Context, tx *store.Tx, event int64, cond string, after Indicator, n int) ([]Indicator, error) {
	list, err := store.All(ctx, tx, scanIndicator, indicatorsFrom+cond+indicatorsBy, event, after.Object, after.ID, n)
	if err != nil || len(list) == 0 {
		return list, err
	}
	at, ids := map[int64]*Indicator{}, []int64{0} // 0: the event itself
	for i := range list {
		at[list[i].ID], ids = &list[i], append(ids, list[i].ID)
	}
	tags, err := store.All(ctx, tx, scanTagOn, tagsOn+store.In(ids), event)
	if err != nil {
		return nil, err
	}
	var around []catalog.ValuedTag
	for _, t := range tags {
		if x := at[t.attribute]; x != nil {
			x.Aged.Tags = append(x.Aged.Tags, t.tag)
		} else {
			around = append(around, t.tag)
		}
	}
	for i := range list {
		list[i].Aged.Tags = catalog.TagsOf(list[i].Aged.Tags, around)
	}
	seen, err := store.All(ctx, tx, scanSightingsOf, sightingsOn+store.In(ids[1:])+sightingsBy, event)
	for _, g := range seen {
		switch x := at[g.attribute]; g.kind {
		case Seen:
			x.Aged.Sightings, x.Aged.LastSeen = g.n, max(x.Aged.LastSeen, g.last)
		case FalsePositive:
			x.Aged.False = g.n
		case Expiration:
			x.Given = g.given
		}
	}
	return list, err
}
