package access

import (
	"context"
	"strconv"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Visible gives the SQL test that the row with audience column col may be seen
// by who: for look-ups and lists of few rows. Principal ids are numbers of ours
// and stand in the text. A nobody sees what is public. Parts of Straža itself
// and the command line's operator pass: what a part may do is its policy row,
// and a Service shows an operator numbers, states and times only. The inner alias is
// one that no caller uses: with a plain r a caller's r.audience_id would be its own.
func Visible(who ident.Actor, col string) string {
	if passes(who) {
		return "1 = 1"
	}
	return "EXISTS (SELECT 1 FROM access_reach reach_ WHERE reach_.audience_id = " + col +
		" AND reach_.principal_id IN " + store.In(who.Principals) + ")"
}

// VisibleScan is Visible for queries that walk many rows: the list of readable
// audiences is built once (thousands, 0.6 ms), then each row is one probe.
func VisibleScan(who ident.Actor, col string) string {
	if passes(who) {
		return "1 = 1"
	}
	return col + " IN (SELECT audience_id FROM access_reach WHERE principal_id IN " + store.In(who.Principals) + ")"
}

// seenMost is up to how many audiences a list names one by one.
const seenMost = 500

// Seen gives the audiences of a table's rows that who may read; all is true when a
// list should test each row instead (VisibleScan), because they are too many to name
// or who passes everywhere. The table has an index (audience_id, first, …): each
// audience is one look into it, which the order by first tells PostgreSQL, whose
// guess would be to read the table.
func Seen(ctx context.Context, tx *store.Tx, who ident.Actor, table, first string) (ids []int64, all bool, err error) {
	if passes(who) {
		return nil, true, nil
	}
	ids, err = store.All(ctx, tx, store.ScanInt64, "SELECT DISTINCT reach_.audience_id FROM access_reach reach_ WHERE reach_.principal_id IN "+store.In(who.Principals)+
		" AND (SELECT v."+first+" FROM "+table+" v WHERE v.audience_id = reach_.audience_id ORDER BY v."+first+" LIMIT 1) IS NOT NULL LIMIT "+strconv.Itoa(seenMost+1))
	return ids, len(ids) > seenMost, err
}

func passes(who ident.Actor) bool {
	return fault.Planted("see-everything") || who.Kind == ident.System && systemPerms[who.Name] != nil || who.Kind == ident.Operator
}

// VisibleOr is Visible for a child whose audience may be NULL (= its parent's):
// the caller tests the parent's own audience as well.
func VisibleOr(who ident.Actor, col string) string {
	return "(" + col + " IS NULL OR " + Visible(who, col) + ")"
}

// MayTx tells whether who is within an audience.
func MayTx(ctx context.Context, tx *store.Tx, who ident.Actor, audience int64) (bool, error) {
	if passes(who) {
		return true, nil
	}
	n, err := store.Int64(ctx, tx, "SELECT 1 FROM access_reach WHERE audience_id = $1 AND principal_id IN "+
		store.In(who.Principals)+" LIMIT 1", audience)
	return n == 1, err
}
