package registry

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"straza/internal/craft/search"
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
	down   bool
	terms  search.Terms
}

// alone keeps PostgreSQL from spreading a search over several processes, each of which
// would gather the words anew: one person gains little by it, four at once wait for
// each other's processes. It ends with the transaction.
const alone = `SELECT set_config('max_parallel_workers_per_gather', '0', true)`

var wordIndex = search.Index{Table: "registry_word", Object: "org_id"}

func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

func (q *query) and(test string) { q.where = append(q.where, test) }

func sortKey(o Organisation) []byte { return []byte(i18n.Fold(o.Name)) }

// listing is the one place where a filter becomes tests; list, count and export
// all come through it, and visibility is its first test.
func listing(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter) (*query, error) {
	q := &query{byTime: f.byTime(), down: f.down()}
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
		q.fresh(f.Freshness, now-f.verify.Every().Microseconds())
	}
	if strings.TrimSpace(f.Query) == "" {
		return q, nil
	}
	return q, q.search(ctx, tx, who, f.Query)
}

// fresh says in SQL what freshness says in Go (TestContactsLiveInACycle holds both together).
func (q *query) fresh(f Freshness, since int64) {
	limit := func() string { return q.arg(since) }
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
	case Stale: // a missing one has no verification either
		q.and("(o.contacts_bounced > 0 OR o.contacts_verified < " + limit() + ")")
	}
}

// search: all words, or the address, domain or AS number that the query is. What
// an organisation holds finds it only for who may see that.
func (q *query) search(ctx context.Context, tx *store.Tx, who ident.Actor, text string) (err error) {
	var ways []string
	if id, ok := store.ParseUUID(strings.TrimSpace(text)); ok {
		ways = append(ways, "o.uuid = "+q.arg(id))
	}
	c := clueOf(text)
	var spans []search.Span
	if c.network == nil { // an address is no name, and its parts begin half of all numbers
		for _, t := range terms(text) {
			from, to := span(t)
			spans = append(spans, search.Span{From: from, To: to})
		}
	}
	words, err := wordIndex.Terms(ctx, tx, spans)
	if err == nil && words.Any() && tx.Engine() == store.PostgreSQL {
		_, err = tx.Row(ctx, alone, nil, new(string))
	}
	if err != nil {
		return err
	}
	held := c.network != nil || c.asn != "" || len(c.domains) > 0
	if len(ways) == 0 && !held && words.Any() {
		q.terms = words // words alone: the page chooses their shape
		if words.None() {
			q.and("1 = 0")
		}
		return nil
	}
	if words.Any() {
		ways = append(ways, words.Set("o.id", q.arg))
	}
	if held := q.held(c); held != "" {
		ways = append(ways, "o.id IN (SELECT x.org_id FROM registry_resource x WHERE x.withdrawn = 0 AND "+held+
			" AND "+detailSeen(who, "x.org_id", "x.audience_id", true)+")")
	}
	if len(ways) == 0 {
		ways = append(ways, "1 = 0") // only punctuation: nothing is called so
	}
	q.and("(" + strings.Join(ways, " OR ") + ")")
	return nil
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

// page gives the statement of one page after a cursor. Which rows a search gives is
// decided on narrow ones: a broad one matches thousands, and PostgreSQL would join and
// sort all of them at their full width, to keep fifty. A walk of the list stops there
// by itself.
func (q *query) page(who ident.Actor, from cursor, limit int) (string, []any) {
	key := "o.sort_key"
	if q.byTime {
		key = "o.updated"
	}
	order, behind := key+", o.id", ">"
	if q.down {
		order, behind = key+" DESC, o.id DESC", "<"
	}
	if from.ID != 0 {
		at := any(from.Sort)
		if q.byTime {
			at = from.Updated
		}
		q.and("(" + key + ", o.id) " + behind + " (" + q.arg(at) + ", " + q.arg(from.ID) + ")")
	}
	tests, args := q.tests()
	if !q.terms.Any() {
		return selectOrgs(who) + "WHERE " + tests + " ORDER BY " + order + " LIMIT " + strconv.Itoa(limit), args
	}
	return selectOrgs(who) + "WHERE o.id IN (SELECT o.id FROM registry_organisation o WHERE " + tests + " ORDER BY " + order +
		" LIMIT " + strconv.Itoa(limit) + ") ORDER BY " + order, args
}

// tests joins all tests. Words are never walked here: a name's words are what the
// list is ordered by, so its beginning may well have none of them.
func (q *query) tests() (string, []any) {
	test := q.terms.Set
	if q.terms.Rare() {
		test = q.terms.Start
	}
	c := query{args: slices.Clone(q.args)}
	words := test("o.id", c.arg)
	return strings.Join(q.where, " AND ") + " AND " + words, c.args
}

// all counts every row, as an export writes every row.
func (q *query) all() (string, []any) {
	tests, args := q.tests()
	return "SELECT COUNT(*) FROM registry_organisation o WHERE " + tests, args
}

func (q *query) count(most int) (string, []any) {
	tests, args := q.tests()
	return "SELECT COUNT(*) FROM (SELECT 1 FROM registry_organisation o WHERE " + tests + " LIMIT " + strconv.Itoa(most) + ") n", args
}
