package intel

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// ownSide is what correlation needs to know of an attribute.
type ownSide struct{ typ, value string }

// correlating lists the first attributes of an event that who sees and that may
// correlate, in the order of the event's index; more narrows them.
func correlating(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, limit int, more string) ([]ownSide, error) {
	return store.All(ctx, tx, func(s store.Scanner) (o ownSide, err error) { err = s.Scan(&o.typ, &o.value); return },
		"SELECT a.type, a.value FROM intel_attribute a WHERE a.event_id = $1 AND NOT a.deleted AND NOT a.no_correlation AND a.type NOT IN "+
			quoted(uncorrelated)+" AND "+childSeen(who, "a", false)+more+" ORDER BY a.object_id, a.id LIMIT $2", event, limit)
}

// willing is what an attribute of the other side of a correlation must be: seen by
// who and not kept out.
func willing(who ident.Actor) string {
	return "NOT a.deleted AND NOT a.no_correlation AND NOT e.no_correlation AND a.type NOT IN " + quoted(uncorrelated) +
		" AND " + childSeen(who, "a", false) + " AND " + eventSeen(who, "e")
}

// equalRows selects columns of the willing attributes under one of keys, which are
// parameters from $from on. Each key is looked up in both indexes by itself: as one
// OR of lists, PostgreSQL compares every row found with every key. more narrows a.
func equalRows(who ident.Actor, cols string, from int, keys []int64, more string) (text string, args []any) {
	list, args := keyList(from, keys)
	rows := "SELECT " + cols + " FROM k CROSS JOIN intel_attribute a CROSS JOIN intel_event e WHERE e.id = a.event_id AND " + willing(who) + more
	return "WITH k(v) AS (VALUES " + list + ") " + rows + " AND a.key1 = k.v UNION ALL " +
		rows + " AND a.key2 = k.v AND a.type NOT IN " + quoted(firstHalfOnly) + " AND a.key1 NOT IN (SELECT v FROM k WHERE v IS NOT NULL)", args
}

// keyList writes keys as rows of VALUES, parameters from $from on, filled up with NULLs
// to one of few's lengths.
func keyList(from int, keys []int64) (text string, args []any) {
	n := max(filled(len(keys)), len(keys))
	var list strings.Builder
	for i := range n {
		if i == 0 { // names the type of them all
			list.WriteString("(CAST($" + strconv.Itoa(from) + " AS BIGINT))")
		} else {
			list.WriteString(",($" + strconv.Itoa(from+i) + ")")
		}
		if i < len(keys) {
			args = append(args, keys[i])
		} else {
			args = append(args, nil)
		}
	}
	return list.String(), args
}

// countEqual adds, for each other event, how many of its attributes stand under
// one of keys; n is how many were counted in all, at most that many.
func countEqual(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, keys []int64, most int64, into map[int64]int64, more string) (n int64, err error) {
	if len(keys) == 0 {
		return 0, nil
	}
	equal, args := equalRows(who, "a.event_id", 2, keys, " AND a.event_id <> $1"+more)
	rows, err := tx.Query(ctx, "SELECT event_id, COUNT(*) FROM ("+equal+" LIMIT "+strconv.FormatInt(most, 10)+") equal GROUP BY event_id", append([]any{event}, args...)...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var id, c int64
		if err := rows.Scan(&id, &c); err != nil {
			return n, err
		}
		into[id] += c
		n += c
	}
	return n, rows.Err()
}

// rareFirst parts keys into those under which together at most that many attributes of
// other events stand, the rarest, and the rest; a key with none is left out. Only what who
// sees is counted: which part a key comes to decides how many of its events are told, and
// whoever filled up events of their own would see by that how often others have a value.
func rareFirst(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, keys []int64, most int64, more string) (rare, rest []int64, err error) {
	list, args := keyList(2, keys)
	type many struct{ key, n int64 }
	under := func(col string) string {
		return "(SELECT COUNT(*) FROM (SELECT 1 FROM intel_attribute a CROSS JOIN intel_event e WHERE a." + col + " = k.v AND a.event_id <> $1 AND e.id = a.event_id AND " +
			willing(who) + more + " LIMIT " + strconv.Itoa(everywhereLimit) + ") " + col + "s)"
	}
	elsewhere := func(col string) string { // cheaper than counting, and most keys are nowhere else
		return "(SELECT 1 FROM intel_attribute a WHERE a." + col + " = k.v AND a.event_id <> $1 LIMIT 1) = 1"
	}
	found, err := store.All(ctx, tx, func(s store.Scanner) (m many, err error) { err = s.Scan(&m.key, &m.n); return },
		"WITH k(v) AS (VALUES "+list+") SELECT k.v, "+under("key1")+" + "+under("key2")+" FROM k WHERE k.v IS NOT NULL AND ("+
			elsewhere("key1")+" OR "+elsewhere("key2")+")", append([]any{event}, args...)...)
	if err != nil {
		return nil, nil, err
	}
	slices.SortFunc(found, func(a, b many) int { return cmp.Or(cmp.Compare(a.n, b.n), cmp.Compare(a.key, b.key)) })
	for _, m := range found {
		if m.n == 0 {
			continue
		}
		if most -= m.n; most >= 0 && m.n < everywhereLimit {
			rare = append(rare, m.key)
		} else {
			rest = append(rest, m.key)
		}
	}
	return rare, rest, nil
}

// equalTo lists attributes under one of keys, of any event, newest first.
func equalTo(ctx context.Context, tx *store.Tx, who ident.Actor, keys []int64, limit int) ([]Attribute, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	equal, args := equalRows(who, attrCols, 1, keys, "")
	return store.All(ctx, tx, scanAttribute, "SELECT * FROM ("+equal+") equal ORDER BY id DESC LIMIT "+strconv.Itoa(limit), args...)
}

const (
	insertOrigin = `INSERT INTO intel_origin (id, event_id, attribute_id, kind, ref) VALUES ($1,$2,$3,$4,$5)
		ON CONFLICT (kind, ref, event_id, attribute_id) DO NOTHING`
	originsOf = `SELECT event_id, attribute_id, kind, ref FROM intel_origin WHERE event_id = $1 ORDER BY id`
	eventsOf  = `SELECT DISTINCT event_id FROM intel_origin WHERE kind = $1 AND ref = $2 ORDER BY event_id DESC`
	// Active accounts of organisations, for "who exactly will see this".
	peopleOf = `SELECT COUNT(*) FROM account_person WHERE state = 'active' AND org_id IN `
)

func scanOrigin(s store.Scanner) (o Origin, err error) {
	err = s.Scan(&o.Event, &o.Attribute, &o.Kind, &o.Ref)
	return o, err
}

func countPeople(ctx context.Context, tx *store.Tx, orgs []int64) (int64, error) {
	return store.Int64(ctx, tx, peopleOf+store.In(orgs))
}

type personOf struct {
	org  int64
	name string
}

// peopleByOrg counts the active people of each organisation: (organisation, people).
func peopleByOrg(ctx context.Context, tx *store.Tx, orgs []int64) ([][2]int64, error) {
	if len(orgs) == 0 {
		return nil, nil
	}
	return store.All(ctx, tx, func(s store.Scanner) (c [2]int64, err error) { err = s.Scan(&c[0], &c[1]); return },
		`SELECT org_id, COUNT(*) FROM account_person WHERE state = 'active' AND org_id IN `+store.In(orgs)+` GROUP BY org_id`)
}

// peopleNamed gives the active people of organisations by name.
func peopleNamed(ctx context.Context, tx *store.Tx, orgs []int64) ([]personOf, error) {
	if len(orgs) == 0 {
		return nil, nil
	}
	return store.All(ctx, tx, func(s store.Scanner) (p personOf, err error) { err = s.Scan(&p.org, &p.name); return },
		`SELECT org_id, name FROM account_person WHERE state = 'active' AND org_id IN `+store.In(orgs)+` ORDER BY name, id LIMIT $1`, namesMost)
}

// attributesFor lists the attributes made for a thing that who sees.
func attributesFor(ctx context.Context, tx *store.Tx, who ident.Actor, kind string, ref int64) ([]int64, error) {
	return store.All(ctx, tx, store.ScanInt64, "SELECT a.id FROM intel_origin o JOIN intel_attribute a ON a.id = o.attribute_id "+
		"JOIN intel_event e ON e.id = a.event_id WHERE o.kind = $1 AND o.ref = $2 AND "+eventSeen(who, "e")+" AND "+childSeen(who, "a", false)+
		" ORDER BY a.id", kind, ref)
}

// orgsByID names those organisations whose card who may see.
func orgsByID(ctx context.Context, tx *store.Tx, who ident.Actor, ids []int64) ([]Org, error) {
	return store.All(ctx, tx, scanOrg, orgCols+"WHERE id IN "+store.In(ids)+" AND "+access.Visible(who, "registry_organisation.audience_id")+" ORDER BY name, id")
}
