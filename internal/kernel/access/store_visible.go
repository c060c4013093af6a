package access

import (
	"context"

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
