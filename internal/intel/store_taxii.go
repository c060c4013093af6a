package intel

import (
	"context"
	"slices"
	"strings"

	"straza/internal/format/taxii"
	"straza/internal/format/tlp"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	makeStixClock = `INSERT INTO intel_stix_clock (id, last) VALUES (1, 0) ON CONFLICT DO NOTHING`
	lockStixClock = `UPDATE intel_stix_clock SET last = last WHERE id = 1`
	readStixClock = `SELECT last FROM intel_stix_clock WHERE id = 1`
	moveStixClock = `UPDATE intel_stix_clock SET last = $1 WHERE id = 1`

	addBatch    = `INSERT INTO intel_stix_batch (id, event_id, base, last, created) VALUES ($1,$2,0,0,$3)`
	numberBatch = `UPDATE intel_stix_batch SET base = $2, last = $3 WHERE id = $1 AND last = 0`
	leftBatches = `SELECT id FROM intel_stix_batch WHERE event_id = $1 AND last = 0 AND created < $2`
	dropRows    = `DELETE FROM intel_stix WHERE batch_id = $1`
	dropBatch   = `DELETE FROM intel_stix_batch WHERE id = $1`

	stixState = `SELECT run FROM intel_stix_event WHERE event_id = $1`
	stixDone  = `SELECT run FROM intel_stix_event WHERE event_id = $1 AND changed = $2`
	noteState = `INSERT INTO intel_stix_event (event_id, changed, run) VALUES ($1,$2,$3)
		ON CONFLICT (event_id) DO UPDATE SET changed = excluded.changed, run = excluded.run`
	publishedAt = `SELECT changed FROM intel_event WHERE id = $1 AND published AND loading = 0`

	// Events whose rows are not of their last change.
	unshared = `SELECT e.id FROM intel_event e WHERE e.changed >= $1 AND e.published AND e.loading = 0 AND NOT EXISTS
		(SELECT 1 FROM intel_stix_event v WHERE v.event_id = e.id AND v.changed = e.changed) ORDER BY e.changed, e.id`
	lastShared = `SELECT COALESCE(MAX(changed), 0) FROM intel_stix_event`

	haveStix = `SELECT id, stix_id, created, ver, reach, shared, hash FROM intel_stix WHERE event_id = $1 AND latest`
)

var stixColumns = []string{"id", "batch_id", "seq", "event_id", "stix_id", "type", "created", "version", "ver", "object_id", "attribute_id",
	"other_object_id", "other_attribute_id", "report_id", "reach", "tlp", "shared", "listed", "refs", "latest", "earliest", "hash", "json"}

func (r *stixRow) columns() []any {
	return []any{r.id, r.batch, r.seq, r.event, r.stixID, r.typ, r.created, r.version, r.ver, r.from.object, r.from.attribute,
		r.from.otherObject, r.from.otherAttribute, r.from.report, r.reach, int64(r.tlp), r.shared, r.listed, r.refs, true, r.earliest, r.hash, r.json}
}

// heldStix is what is known of an object that was converted before.
type heldStix struct {
	id             int64
	stixID         string
	created, reach string
	ver, hash      int64
	shared, seen   bool
}

func scanHeld(s store.Scanner) (h heldStix, err error) {
	err = s.Scan(&h.id, &h.stixID, &h.created, &h.ver, &h.reach, &h.shared, &h.hash)
	return h, err
}

// lockClock gives the last date of addition, and makes every other numbering wait
// until this transaction ends.
func lockClock(ctx context.Context, tx *store.Tx) (int64, error) {
	if _, err := tx.Exec(ctx, makeStixClock); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, lockStixClock); err != nil {
		return 0, err
	}
	return store.Int64(ctx, tx, readStixClock)
}

// dropStix takes out rows by id, and all versions of objects by their STIX id
// but those of the batch that replaces them.
func dropStix(ctx context.Context, tx *store.Tx, event, but int64, rows []int64, objects []string) error {
	for len(rows) > 0 {
		n := min(len(rows), 500)
		if _, err := tx.Exec(ctx, "DELETE FROM intel_stix WHERE id IN "+store.In(rows[:n])); err != nil {
			return err
		}
		rows = rows[n:]
	}
	for len(objects) > 0 {
		n := min(len(objects), 500)
		marks, args := placeholders(3, objects[:n])
		if _, err := tx.Exec(ctx, "DELETE FROM intel_stix WHERE event_id = $1 AND batch_id <> $2 AND stix_id IN ("+marks+")",
			append([]any{event, but}, args...)...); err != nil {
			return err
		}
		objects = objects[n:]
	}
	return nil
}

// supersede notes that rows are no longer the last of their object.
func supersede(ctx context.Context, tx *store.Tx, rows []int64) error {
	for len(rows) > 0 {
		n := min(len(rows), 500)
		if _, err := tx.Exec(ctx, "UPDATE intel_stix SET latest = $1 WHERE id IN "+store.In(rows[:n]), false); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// stixFrom joins a row with its batch, its event and the event's state.
func stixFrom(c Collection) string {
	text := " FROM intel_stix_batch b JOIN intel_stix t ON t.batch_id = b.id JOIN intel_event e ON e.id = t.event_id JOIN intel_stix_event v ON v.event_id = e.id"
	if c.Kind == DefinedCollection {
		text += " JOIN intel_collection_part m ON m.batch_id = b.id AND m.collection_id = " + itoa(c.Definition.ID)
	}
	return text
}

// dates is the alias of what gives a batch its dates in a collection: a defined one has
// its own, the others those of the installation.
func (c Collection) dates() string {
	if c.Kind == DefinedCollection {
		return "m"
	}
	return "b"
}

// rows is a collection's choice among an event's objects.
func (c Collection) rows(t string) string {
	if c.Kind == DefinedCollection {
		return c.Definition.rows(t)
	}
	return "1 = 1"
}

// leaves is leaves below the collection's ceiling.
func (c Collection) leaves(named bool) []int64 {
	list := leaves(named)
	if c.Kind == DefinedCollection {
		list = slices.DeleteFunc(list, func(l int64) bool { return l > int64(c.Definition.Ceiling) })
	}
	return list
}

// stixSeen is the one place that says which converted objects of a collection
// who may get: event and object and attribute as for every other reader, the
// label's way out, and nothing of an event that is unpublished or has changed
// since it was converted.
func stixSeen(who ident.Actor, c Collection) string {
	return c.dates() + ".last > 0 AND e.published AND v.changed = e.changed AND " + eventSeen(who, "e") + " AND " + within(c, "e") +
		" AND " + mayLeave(who, "e", "t") + " AND " + c.rows("t") + " AND " + partSeen(who, "intel_object", "t.object_id") + " AND " + partSeen(who, "intel_attribute", "t.attribute_id") +
		" AND " + partSeen(who, "intel_object", "t.other_object_id") + " AND " + partSeen(who, "intel_attribute", "t.other_attribute_id") +
		" AND " + partSeen(who, "intel_report", "t.report_id")
}

// partSeen tests a part of an event by its own audience.
func partSeen(who ident.Actor, table, col string) string {
	return "(" + col + " = 0 OR EXISTS (SELECT 1 FROM " + table + " y WHERE y.id = " + col + " AND NOT y.deleted AND " + ownSeen(who, "y") + "))"
}

// within is a collection's choice of events.
func within(c Collection, e string) string {
	switch c.Kind {
	case CommunityCollection:
		return e + ".distribution IN (1, 2, 3)"
	case OwnCollection:
		return "(" + e + ".org_id = " + itoa(c.Org.ID) + " OR " + e + ".orgc_id = " + itoa(c.Org.ID) + ")"
	case GroupCollection:
		return e + ".distribution = 4 AND " + e + ".group_id = " + itoa(c.Group.ID)
	case WholeCollection:
		return "1 = 1"
	case DefinedCollection:
		return c.Definition.within(e)
	}
	return "1 = 0"
}

// leaves is tlp.Out for files that somebody takes away who may see their rows:
// the labels that pass when the owner named the readers, and otherwise.
func leaves(named bool) []int64 {
	var list []int64
	for _, l := range tlp.Levels() {
		if tlp.Out(l, tlp.Export, tlp.Circumstance{Named: named}).Answer == tlp.Pass {
			list = append(list, int64(l))
		}
	}
	return list
}

// named tells that an event's owner named those who read it, who among them.
func named(who ident.Actor, e string) string {
	text := e + ".distribution IN (0, 4)"
	if who.Org != 0 {
		text += " OR " + e + ".org_id = " + itoa(who.Org)
	}
	return "(" + text + ")"
}

// mayLeave is leaves in SQL.
func mayLeave(who ident.Actor, e, t string) string {
	return "(" + t + ".tlp IN " + store.In(leaves(false)) + " OR " + t + ".tlp IN " + store.In(leaves(true)) + " AND " + named(who, e) + ")"
}

// seenBefore tells whether an earlier row that who sees in this collection holds
// the same object: what stands in many events is served once, at its first place.
func seenBefore(ctx context.Context, tx *store.Tx, who ident.Actor, c Collection, o SharedObject) (bool, error) {
	n, err := store.Int64(ctx, tx, "SELECT 1"+stixFrom(c)+" WHERE t.stix_id = $1 AND t.shared AND "+c.dates()+".base + t.seq < $2 AND "+stixSeen(who, c)+" LIMIT 1", o.ID, o.Added)
	return n == 1, err
}

// batchAt is a batch of an event that who sees. plain: no part of it has an
// audience of its own, so who sees the event sees all of them, but for reports.
type batchAt struct {
	id, base, last int64
	named, plain   bool
}

func scanBatch(s store.Scanner) (b batchAt, err error) {
	err = s.Scan(&b.id, &b.base, &b.last, &b.named, &b.plain)
	return b, err
}

// batchesFrom begins a list of batches whose events are as they were converted.
// CROSS JOIN is a join like any other, but keeps SQLite from another order.
func batchesFrom(who ident.Actor, c Collection) string {
	from, at := " FROM intel_stix_batch b CROSS JOIN", " WHERE "
	if c.Kind == DefinedCollection {
		from, at = " FROM intel_collection_part m CROSS JOIN intel_stix_batch b CROSS JOIN", " WHERE m.collection_id = "+itoa(c.Definition.ID)+" AND b.id = m.batch_id AND "
	}
	x := c.dates()
	return "SELECT b.id, " + x + ".base, " + x + ".last, " + named(who, "e") + ", e.own_audiences = 0" + from + " intel_event e CROSS JOIN intel_stix_event v" + at +
		"e.id = b.event_id AND v.event_id = b.event_id AND e.published AND v.changed = e.changed AND " + within(c, "e")
}

// listBatches reads the batches behind a date of addition whose events who sees.
func listBatches(ctx context.Context, tx *store.Tx, who ident.Actor, c Collection, after int64, limit int) ([]batchAt, error) {
	return store.All(ctx, tx, scanBatch, batchesFrom(who, c)+" AND "+c.dates()+".last > $1 AND "+eventScan(who, "e")+" ORDER BY "+c.dates()+".last LIMIT "+itoa(int64(limit)), after)
}

// batchesNamed reads those of a few batches whose events who sees.
func batchesNamed(ctx context.Context, tx *store.Tx, who ident.Actor, c Collection, ids []int64) ([]batchAt, error) {
	list, args := few(1, ids)
	return store.All(ctx, tx, scanBatch, batchesFrom(who, c)+" AND b.id IN "+list+" AND "+c.dates()+".last > 0 AND "+eventSeen(who, "e"), args...)
}

const headCols = `t.id, t.event_id, t.stix_id, t.type, t.version, t.seq, t.refs, t.batch_id, t.shared, t.tlp,
	t.object_id, t.attribute_id, t.other_object_id, t.other_attribute_id, t.report_id, t.earliest`

func scanHead(s store.Scanner) (o SharedObject, err error) {
	err = s.Scan(&o.row, &o.event, &o.ID, &o.Type, &o.Version, &o.Added, &o.refs, &o.batch, &o.shared, &o.tlp,
		&o.from.object, &o.from.attribute, &o.from.otherObject, &o.from.otherAttribute, &o.from.report, &o.first)
	return o, err
}

// rowsOfBatches reads the heads of whole batches, whoever may see them.
func rowsOfBatches(ctx context.Context, tx *store.Tx, c Collection, batches []int64, q taxii.Query) ([]SharedObject, error) {
	list, args := few(1, batches)
	where, args := c.filters(q, args)
	return store.All(ctx, tx, scanHead, "SELECT "+headCols+" FROM intel_stix t WHERE t.batch_id IN "+list+where, args...)
}

// rowsOfBatch reads the next heads of one batch, whoever may see them.
func rowsOfBatch(ctx context.Context, tx *store.Tx, c Collection, batch, after int64, q taxii.Query, limit int) ([]SharedObject, error) {
	where, args := c.filters(q, []any{batch, after})
	return store.All(ctx, tx, scanHead, "SELECT "+headCols+" FROM intel_stix t WHERE t.batch_id = $1 AND t.seq > $2"+where+
		" ORDER BY t.seq LIMIT "+itoa(int64(limit)), args...)
}

// rowsByID reads the heads of objects by their STIX ids, whoever may see them;
// Added is the date already.
func rowsByID(ctx context.Context, tx *store.Tx, who ident.Actor, c Collection, q taxii.Query, after int64) ([]SharedObject, error) {
	where, args := c.filters(q, []any{after})
	at := c.dates() + ".base + t.seq"
	return store.All(ctx, tx, scanHead, "SELECT "+strings.Replace(headCols, "t.seq", at, 1)+stixFrom(c)+" WHERE "+at+" > $1"+where+" AND "+stixSeen(who, c), args...)
}

// listedRows reads what an event's report may refer to, whoever may see it.
func listedRows(ctx context.Context, tx *store.Tx, c Collection, event int64) ([]SharedObject, error) {
	return store.All(ctx, tx, scanHead, "SELECT "+headCols+" FROM intel_stix t WHERE t.event_id = $1 AND t.listed AND t.latest AND "+c.rows("t"), event)
}

// listedIDs is listedRows for an event all of whose parts are seen by who sees
// the event, but for reports.
func listedIDs(ctx context.Context, tx *store.Tx, who ident.Actor, c Collection, event int64, pass []int64) ([]string, error) {
	return store.All(ctx, tx, store.ScanString, "SELECT t.stix_id FROM intel_stix t WHERE t.event_id = $1 AND t.listed AND t.latest AND t.tlp IN "+
		store.In(pass)+" AND "+c.rows("t")+" AND "+partSeen(who, "intel_report", "t.report_id")+" ORDER BY t.id", event)
}

// eventRights reads what decides about the parts of an event that who sees.
func eventRights(ctx context.Context, tx *store.Tx, who ident.Actor, event int64) (byOwner bool, own int64, err error) {
	_, err = tx.Row(ctx, "SELECT "+named(who, "e")+", e.own_audiences FROM intel_event e WHERE e.id = $1", []any{event}, &byOwner, &own)
	return byOwner, own, err
}

// seenParts gives which of the parts of events, named by id, who sees by their
// own audiences.
func seenParts(ctx context.Context, tx *store.Tx, who ident.Actor, table string, ids []int64) (map[int64]bool, error) {
	out := map[int64]bool{0: true}
	for part := range slices.Chunk(ids, 500) {
		ids, args := few(1, part)
		list, err := store.All(ctx, tx, store.ScanInt64, "SELECT y.id FROM "+table+" y WHERE y.id IN "+ids+" AND NOT y.deleted AND "+ownSeen(who, "y"), args...)
		if err != nil {
			return nil, err
		}
		for _, id := range list {
			out[id] = true
		}
	}
	return out, nil
}

// dateOfBatch is where a row's version stands whose object has none.
const dateOfBatch = "t.seq + (SELECT x.base FROM intel_stix_batch x WHERE x.id = t.batch_id)"

// filters is what a query and the collection choose among rows.
func (c Collection) filters(q taxii.Query, args []any) (string, []any) {
	where, args := filters(q, args)
	if c.Kind == DefinedCollection {
		where = strings.ReplaceAll(where, dateOfBatch, "t.seq + (SELECT x.base FROM intel_collection_part x WHERE x.batch_id = t.batch_id AND x.collection_id = "+itoa(c.Definition.ID)+")")
	}
	return where + " AND " + c.rows("t"), args
}

// filters writes a query's filters as SQL on the rows; args are those before.
func filters(q taxii.Query, args []any) (string, []any) {
	where := ""
	list := func(col string, values []string) {
		if len(values) == 0 {
			return
		}
		marks, more := placeholders(len(args)+1, values)
		where += " AND " + col + " IN (" + marks + ")"
		args = append(args, more...)
	}
	list("t.stix_id", q.IDs)
	list("t.type", q.Types)
	if q.Versions.All {
		return where, args
	}
	var or []string
	if q.Versions.OnlyLast() || q.Versions.Last {
		or = append(or, "t.latest")
	}
	if q.Versions.First {
		or = append(or, "t.earliest")
	}
	if len(q.Versions.Exact) > 0 {
		or = append(or, "CASE WHEN t.ver = 0 THEN "+dateOfBatch+" ELSE t.ver END IN "+
			store.In(exactly(q.Versions.Exact)))
	}
	return where + " AND (" + strings.Join(or, " OR ") + ")", args
}

// exactly gives the instants of versions that were asked for.
func exactly(list []string) []int64 {
	var out []int64
	for _, v := range list {
		if t, ok := taxii.ParseTime(v); ok {
			out = append(out, t.UnixMicro())
		}
	}
	return out
}

// readStix reads the objects themselves, by row, whoever may see them.
func readStix(ctx context.Context, tx *store.Tx, rows []int64) (map[int64][]byte, error) {
	type one struct {
		id   int64
		json []byte
	}
	out := map[int64][]byte{}
	list, args := few(1, rows)
	for v, err := range store.Each(ctx, tx, func(s store.Scanner) (v one, err error) { err = s.Scan(&v.id, &v.json); return },
		"SELECT t.id, t.json FROM intel_stix t WHERE t.id IN "+list, args...) {
		if err != nil {
			return nil, err
		}
		out[v.id] = v.json
	}
	return out, nil
}

func lastConverted(ctx context.Context, tx *store.Tx) (int64, error) {
	return store.Int64(ctx, tx, lastShared)
}

func unconverted(ctx context.Context, tx *store.Tx, since int64) ([]int64, error) {
	return store.All(ctx, tx, store.ScanInt64, unshared, since)
}

// farEnd is where a relationship points to.
type farEnd struct {
	uuid              string
	object, attribute int64
	reach             string
}

func scanFarEnd(s store.Scanner) (f farEnd, err error) {
	var own, objects *int64
	err = s.Scan(&f.uuid, &f.object, &f.attribute, &own, &objects)
	f.reach = audienceText(own, objects)
	return f, err
}

// farEnds gives where attributes and objects of an event stand, by UUID.
func farEnds(ctx context.Context, tx *store.Tx, event int64, uuids []string) (map[string]farEnd, error) {
	out := map[string]farEnd{}
	for len(uuids) > 0 {
		n := min(len(uuids), 500)
		marks, args := placeholders(2, uuids[:n])
		args = append([]any{event}, args...)
		for _, text := range []string{"SELECT o.uuid, o.id, 0, o.audience_id, NULL FROM intel_object o WHERE o.event_id = $1 AND o.uuid IN (" + marks + ")",
			"SELECT a.uuid, a.object_id, a.id, a.audience_id, o.audience_id FROM intel_attribute a LEFT JOIN intel_object o ON o.id = a.object_id" +
				" WHERE a.event_id = $1 AND a.uuid IN (" + marks + ")"} {
			list, err := store.All(ctx, tx, scanFarEnd, text, args...)
			if err != nil {
				return nil, err
			}
			for _, f := range list {
				out[f.uuid] = f
			}
		}
		uuids = uuids[n:]
	}
	return out, nil
}

// heldObject is an object that another one refers to and may tell of.
type heldObject struct {
	outer, inner         int64
	outerName, innerName string
}

func scanHeldObject(s store.Scanner) (h heldObject, err error) {
	err = s.Scan(&h.outer, &h.inner, &h.outerName, &h.innerName)
	return h, err
}

// heldObjects gives references between objects of an event that the same people see.
func heldObjects(ctx context.Context, tx *store.Tx, event int64) ([]heldObject, error) {
	return store.All(ctx, tx, scanHeldObject, "SELECT o.id, t.id, o.name, t.name FROM intel_reference r JOIN intel_object o ON o.id = r.object_id JOIN intel_object t ON t.uuid = r.target_uuid"+
		" WHERE r.event_id = $1 AND t.event_id = r.event_id AND NOT r.deleted AND NOT o.deleted AND NOT t.deleted AND o.name IN ('pe', 'registry-key')"+
		" AND COALESCE(o.audience_id, 0) = COALESCE(t.audience_id, 0) ORDER BY o.id, r.id", event)
}

func objectsOf(ctx context.Context, tx *store.Tx, ids []int64) ([]Object, error) {
	return store.All(ctx, tx, scanObject, "SELECT "+objectCols+" FROM intel_object o WHERE o.id IN "+store.In(ids)+" ORDER BY o.id")
}
