package registry

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// query collects the tests of a list and their arguments.
type query struct {
	where  []string
	args   []any
	byTime bool
}

func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

func (q *query) and(test string) { q.where = append(q.where, test) }

func sortKey(o Organisation) []byte { return []byte(i18n.Fold(o.Name)) }

// listing is the one place where a filter becomes tests; list, count and export
// all come through it, and visibility is its first test.
func listing(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter) (*query, error) {
	q := &query{byTime: f.byTime()}
	q.and(cardSeen(who, "o", true))
	q.and("o.local = " + q.arg(!f.Foreign))
	for _, eq := range [][2]string{{"o.kind", f.Kind}, {"o.sector", f.Sector}, {"o.state", string(f.State)}} {
		if eq[1] != "" {
			q.and(eq[0] + " = " + q.arg(eq[1]))
		}
	}
	if id, ok := store.ParseUUID(f.CERT); ok {
		q.and("o.cert_id = (SELECT f.id FROM registry_organisation f WHERE f.uuid = " + q.arg(id) + ")")
	}
	if !f.UpdatedSince.IsZero() {
		q.and("o.updated >= " + q.arg(micros(f.UpdatedSince)))
	}
	if f.Freshness != "" {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return nil, err
		}
		q.and(detailSeen(who, "o.id", "o.detail_audience_id", true))
		if !access.Allowed(who, "registry.read") { // a member learns this of his own only: one row instead of all
			q.and(cmp.Or(ownTest(who, "o.id"), "1 = 0"))
		}
		q.fresh(f.Freshness, now)
	}
	if strings.TrimSpace(f.Query) != "" {
		q.search(who, f.Query)
	}
	return q, nil
}

// fresh says in SQL what freshness says in Go (TestContactsLiveInACycle holds both together).
func (q *query) fresh(f Freshness, now int64) {
	limit := func() string { return q.arg(now - VerifyEvery.Microseconds()) }
	switch f {
	case Missing:
		q.and("o.contacts = 0")
	case Bouncing:
		q.and("o.contacts_bounced > 0")
	case Unverified:
		q.and("o.contacts > 0 AND o.contacts_bounced = 0 AND o.contacts_verified = 0")
	case Due:
		q.and("o.contacts_bounced = 0 AND o.contacts_verified > 0 AND o.contacts_verified < " + limit())
	case Fresh:
		q.and("o.contacts_bounced = 0 AND o.contacts_verified >= " + limit())
	}
}

// search: all words, or the address, domain or AS number that the query is. What
// an organisation holds finds it only for who may see that.
func (q *query) search(who ident.Actor, text string) {
	var ways []string
	if id, ok := store.ParseUUID(strings.TrimSpace(text)); ok {
		ways = append(ways, "o.uuid = "+q.arg(id))
	}
	c := clueOf(text)
	var all []string
	words := terms(text)
	if c.network != nil {
		words = nil // an address is no name, and its parts begin half of all numbers
	}
	for _, t := range words {
		from, to := span(t)
		all = append(all, "SELECT DISTINCT w.org_id FROM registry_word w WHERE w.word >= "+q.arg(from)+" AND w.word < "+q.arg(to))
	}
	if len(all) > 0 {
		// One set, made once: as tests of their own (or without DISTINCT) PostgreSQL
		// walks all names in order and asks the words of each.
		ways = append(ways, "o.id IN ("+strings.Join(all, " INTERSECT ")+")")
	}
	if held := q.held(c); held != "" {
		ways = append(ways, "o.id IN (SELECT x.org_id FROM registry_resource x WHERE "+held+
			" AND "+detailSeen(who, "x.org_id", "x.audience_id", true)+")")
	}
	if len(ways) == 0 {
		ways = append(ways, "1 = 0") // only punctuation: nothing is called so
	}
	q.and("(" + strings.Join(ways, " OR ") + ")")
}

// held tests registry_resource x against a clue; "" when it is none.
func (q *query) held(c clue) string {
	switch {
	case c.network != nil:
		return "x.kind = 'network' AND x.lo <= " + q.arg(c.network.lo) + " AND x.hi >= " + q.arg(c.network.hi)
	case c.asn != "":
		return "x.kind = 'asn' AND x.value = " + q.arg(c.asn)
	case len(c.domains) > 0:
		marks := make([]string, len(c.domains))
		for i, d := range c.domains {
			marks[i] = q.arg(d)
		}
		return "x.kind = 'domain' AND x.value IN (" + strings.Join(marks, ",") + ")"
	}
	return ""
}

// page gives the statement of one page after a cursor.
func (q *query) page(who ident.Actor, from cursor, limit int) (string, []any) {
	order := "o.sort_key, o.id"
	if q.byTime {
		order = "o.updated, o.id"
	}
	if from.ID != 0 {
		at := any(from.Sort)
		if q.byTime {
			at = from.Updated
		}
		q.and("(" + order + ") > (" + q.arg(at) + ", " + q.arg(from.ID) + ")")
	}
	text := selectOrgs(who) + "WHERE " + strings.Join(q.where, " AND ") + " ORDER BY " + order + " LIMIT " + strconv.Itoa(limit)
	return text, q.args
}

func (q *query) count(most int) (string, []any) {
	return "SELECT COUNT(*) FROM (SELECT 1 FROM registry_organisation o WHERE " + strings.Join(q.where, " AND ") +
		" LIMIT " + strconv.Itoa(most) + ") n", q.args
}
