package intel

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"slices"
	"strconv"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

const (
	attrCols = `a.id, a.event_id, a.object_id, a.uuid, a.audience_id, a.distribution, a.group_id, a.type, a.category, a.value, a.relation,
		a.comment, a.to_ids, a.deleted, a.no_correlation, a.timestamp, a.first_seen, a.last_seen, a.data_size, a.key1, a.key2`
	objectCols = `o.id, o.event_id, o.uuid, o.audience_id, o.distribution, o.group_id, o.name, o.meta_category, o.description,
		o.template_uuid, o.template_version, o.comment, o.deleted, o.timestamp, o.first_seen, o.last_seen`
	refCols = `r.id, r.event_id, r.object_id, r.uuid, r.target_uuid, r.target_id, r.target_type, r.relationship, r.comment, r.deleted, r.timestamp`
)

// Columns in the order in which rows are copied in.
var (
	attrColumns = []string{"id", "event_id", "object_id", "uuid", "audience_id", "distribution", "group_id", "type", "category", "value",
		"relation", "comment", "to_ids", "deleted", "no_correlation", "timestamp", "first_seen", "last_seen", "data_size", "key1", "key2"}
	objectColumns = []string{"id", "event_id", "uuid", "audience_id", "distribution", "group_id", "name", "meta_category", "description",
		"template_uuid", "template_version", "comment", "deleted", "timestamp", "first_seen", "last_seen"}
	taggingColumns = []string{"id", "tag_id", "event_id", "attribute_id", "local", "relationship"}
	refColumns     = []string{"id", "event_id", "object_id", "uuid", "target_uuid", "target_id", "target_type", "relationship", "comment",
		"deleted", "timestamp"}
)

func (a *Attribute) columns() []any {
	return []any{a.ID, a.EventID, a.ObjectID, a.UUID, null(a.audience), int64(a.Distribution), a.Group, a.Type, a.Category, a.Value,
		a.Relation, a.Comment, a.ToIDS, a.Deleted, a.NoCorrelation, a.Timestamp, null(a.FirstSeen), null(a.LastSeen), a.DataSize,
		a.key1, null(a.key2)}
}

func (o *Object) columns() []any {
	return []any{o.ID, o.EventID, o.UUID, null(o.audience), int64(o.Distribution), o.Group, o.Name, o.MetaCategory, o.Description,
		o.TemplateUUID, o.TemplateVersion, o.Comment, o.Deleted, o.Timestamp, null(o.FirstSeen), null(o.LastSeen)}
}

func (r *Reference) columns() []any {
	return []any{r.ID, r.EventID, r.ObjectID, r.UUID, r.TargetUUID, r.TargetID, int64(r.TargetType), r.Relationship, r.Comment,
		r.Deleted, r.Timestamp}
}

// null makes a column value of an optional number: COPY knows no *int64(nil).
func null(p *int64) any {
	if p == nil {
		return nil
	}
	return *p
}

func scanAttribute(s store.Scanner) (a Attribute, err error) {
	err = s.Scan(&a.ID, &a.EventID, &a.ObjectID, &a.UUID, &a.audience, &a.Distribution, &a.Group, &a.Type, &a.Category, &a.Value,
		&a.Relation, &a.Comment, &a.ToIDS, &a.Deleted, &a.NoCorrelation, &a.Timestamp, &a.FirstSeen, &a.LastSeen, &a.DataSize,
		&a.key1, &a.key2)
	return a, err
}

func scanObject(s store.Scanner) (o Object, err error) {
	err = s.Scan(&o.ID, &o.EventID, &o.UUID, &o.audience, &o.Distribution, &o.Group, &o.Name, &o.MetaCategory, &o.Description,
		&o.TemplateUUID, &o.TemplateVersion, &o.Comment, &o.Deleted, &o.Timestamp, &o.FirstSeen, &o.LastSeen)
	return o, err
}

func scanReference(s store.Scanner) (r Reference, err error) {
	err = s.Scan(&r.ID, &r.EventID, &r.ObjectID, &r.UUID, &r.TargetUUID, &r.TargetID, &r.TargetType, &r.Relationship, &r.Comment,
		&r.Deleted, &r.Timestamp)
	return r, err
}

// childSeen is the second and third of MISP's three tests: an attribute (alias)
// is seen if its own audience and its object's allow it. The event's is tested
// by the caller. Both in one place, for look-ups and scans.
func childSeen(who ident.Actor, alias string, scan bool) string {
	if seesAll(who) {
		return "1 = 1"
	}
	test := access.Visible
	if scan {
		test = access.VisibleScan
	}
	return "(" + alias + ".audience_id IS NULL OR " + test(who, alias+".audience_id") + ") AND (" + alias + ".object_id = 0 OR EXISTS (" +
		"SELECT 1 FROM intel_object vo WHERE vo.id = " + alias + ".object_id AND (vo.audience_id IS NULL OR " + test(who, "vo.audience_id") + ")))"
}

// ownSeen is the second test alone: for objects, references' objects, reports.
func ownSeen(who ident.Actor, alias string) string {
	if seesAll(who) {
		return "1 = 1"
	}
	return access.VisibleOr(who, alias+".audience_id")
}

// copyAttributes inserts rows; data and tags are the caller's.
func copyAttributes(ctx context.Context, tx *store.Tx, rows []*Attribute) error {
	_, err := tx.CopyIn(ctx, "intel_attribute", attrColumns, columnsOf(rows))
	return err
}

func columnsOf[T interface{ columns() []any }](rows []T) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		for _, r := range rows {
			if !yield(r.columns(), nil) {
				return
			}
		}
	}
}

func copyData(ctx context.Context, tx *store.Tx, v *vault.Vault, rows []*Attribute) error {
	for _, a := range rows {
		if len(a.data) == 0 {
			continue
		}
		sum := sha256.Sum256(a.data)
		cell, err := dataCells(v).Seal(a.ID, a.data)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO intel_data (attribute_id, event_id, sha256, bytes, sealed) VALUES ($1,$2,$3,$4,TRUE)
			ON CONFLICT (attribute_id) DO UPDATE SET sha256 = excluded.sha256, bytes = excluded.bytes, sealed = TRUE`,
			a.ID, a.EventID, hex.EncodeToString(sum[:]), cell); err != nil {
			return err
		}
	}
	return nil
}

// known gives which of the UUIDs stand in a table, with the row's id and event.
func known(ctx context.Context, tx *store.Tx, table string, uuids []string) (map[string][2]int64, error) {
	out := map[string][2]int64{}
	for len(uuids) > 0 {
		n := min(len(uuids), 500)
		args := make([]any, n)
		for i, u := range uuids[:n] {
			args[i] = u
		}
		rows, err := tx.Query(ctx, "SELECT uuid, id, event_id FROM "+table+" WHERE uuid IN ("+store.Marks(1, n)+")", args...)
		if err != nil {
			return nil, err
		}
		for rows.Next() {
			var u string
			var v [2]int64
			if err := rows.Scan(&u, &v[0], &v[1]); err != nil {
				_ = rows.Close()
				return nil, err
			}
			out[u] = v
		}
		if err := rows.Close(); err != nil {
			return nil, err
		}
		uuids = uuids[n:]
	}
	return out, nil
}

// listAttributes reads the next attributes of an event that stand in no object and
// that who may see, by id; deleted says which. The bound stands on the id alone: with
// a pair of (object, id) SQLite would read every page from the event's beginning.
func listAttributes(ctx context.Context, tx *store.Tx, who ident.Actor, event, after int64, deleted Deleted, limit int) ([]Attribute, error) {
	return store.All(ctx, tx, scanPacked, looseFrom(who, deleted), event, after, limit)
}

func looseFrom(who ident.Actor, deleted Deleted) string {
	return "SELECT " + packedCols + " FROM intel_attribute a WHERE a.event_id = $1 AND a.object_id = 0 AND a.id > $2" +
		deleted.sql("a") + " AND " + childSeen(who, "a", false) + " ORDER BY a.id LIMIT $3"
}

// objectAttributes reads all attributes of some of an event's objects that who may see.
func objectAttributes(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, objects []int64, deleted Deleted) ([]Attribute, error) {
	return store.All(ctx, tx, scanPacked, "SELECT "+packedCols+" FROM intel_attribute a WHERE a.event_id = $1 AND a.object_id IN "+store.In(objects)+
		deleted.sql("a")+" AND "+childSeen(who, "a", false)+" ORDER BY a.object_id, a.id", event)
}

func listObjects(ctx context.Context, tx *store.Tx, who ident.Actor, event, after int64, deleted Deleted, limit int) ([]Object, error) {
	return store.All(ctx, tx, scanObject, "SELECT "+objectCols+" FROM intel_object o WHERE o.event_id = $1 AND o.id > $2"+
		deleted.sql("o")+" AND "+ownSeen(who, "o")+" ORDER BY o.id LIMIT $3", event, after, limit)
}

// targetSeen leaves out references to parts of the same event that who does not see. A
// target elsewhere stays as it was sent, here or not, so that nobody asks by guessing.
func targetSeen(who ident.Actor) string {
	if seesAll(who) {
		return "1 = 1"
	}
	return "NOT EXISTS (SELECT 1 FROM intel_object ro WHERE ro.uuid = r.target_uuid AND ro.event_id = r.event_id AND NOT (" + ownSeen(who, "ro") + "))" +
		" AND NOT EXISTS (SELECT 1 FROM intel_attribute ra WHERE ra.uuid = r.target_uuid AND ra.event_id = r.event_id AND NOT (" + childSeen(who, "ra", false) + "))"
}

func listReferences(ctx context.Context, tx *store.Tx, who ident.Actor, objects []int64, deleted Deleted) ([]Reference, error) {
	return store.All(ctx, tx, scanReference, "SELECT "+refCols+" FROM intel_reference r WHERE r.object_id IN "+store.In(objects)+
		deleted.sql("r")+" AND "+targetSeen(who)+" ORDER BY r.id")
}

// countHidden counts the attributes of an event that who may not see: childSeen
// turned round, through the few that have an audience of their own or stand in an
// object that has.
func countHidden(ctx context.Context, tx *store.Tx, who ident.Actor, event int64) (int64, error) {
	own, err := store.Int64(ctx, tx, "SELECT COUNT(*) FROM intel_attribute a WHERE a.event_id = $1 AND a.audience_id IS NOT NULL AND NOT a.deleted"+
		" AND NOT "+access.VisibleScan(who, "a.audience_id"), event)
	if err != nil {
		return 0, err
	}
	within, err := store.Int64(ctx, tx, "SELECT COUNT(*) FROM intel_object vo CROSS JOIN intel_attribute a"+ // SQLite begins at the objects, then
		" WHERE a.event_id = $1 AND a.object_id = vo.id AND vo.event_id = $1 AND vo.audience_id IS NOT NULL AND NOT "+access.VisibleScan(who, "vo.audience_id")+
		" AND NOT a.deleted AND (a.audience_id IS NULL OR "+access.VisibleScan(who, "a.audience_id")+")", event)
	return own + within, err
}

func readData(ctx context.Context, tx *store.Tx, v *vault.Vault, attribute int64) (b []byte, err error) {
	var sealed bool
	if _, err = tx.Row(ctx, "SELECT bytes, sealed FROM intel_data WHERE attribute_id = $1", []any{attribute}, &b, &sealed); err != nil {
		return nil, err
	}
	return dataCells(v).Open(attribute, b, sealed)
}

// placeholders is "$1,$2…" with the arguments for a list of texts.
func placeholders(from int, list []string) (string, []any) {
	args := make([]any, len(list))
	for i, v := range list {
		args[i] = v
	}
	return store.Marks(from, len(list)), args
}

// quoted writes constants of ours as an SQL list.
func quoted(list []string) string { return "('" + strings.Join(list, "','") + "')" }

// readAttribute loads an attribute through its event and object, as who sees them.
func readAttribute(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Attribute, error) {
	id, uuid, err := refID(ref)
	if err != nil {
		return Attribute{}, err
	}
	where, arg := " WHERE a.id = $1 AND ", any(id)
	if uuid != "" {
		where, arg = " WHERE a.uuid = $1 AND ", any(uuid)
	}
	a, found, err := store.First(ctx, tx, scanAttribute, "SELECT "+attrCols+" FROM intel_attribute a"+where+childSeen(who, "a", false), arg)
	if err != nil || !found {
		return a, orNot(err, noAttribute(ref))
	}
	e, err := readEvent(ctx, tx, who, strconv.FormatInt(a.EventID, 10))
	if fault.Is(err, fault.NotFound) {
		err = noAttribute(ref)
	}
	if err != nil {
		return a, err
	}
	a.Event = &e
	return a, nil
}

// readObject loads an object through its event, as who sees them.
func readObject(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Object, error) {
	id, uuid, err := refID(ref)
	if err != nil {
		return Object{}, err
	}
	where, arg := " WHERE o.id = $1 AND ", any(id)
	if uuid != "" {
		where, arg = " WHERE o.uuid = $1 AND ", any(uuid)
	}
	missing := fault.New(fault.NotFound, "no object %q", ref).WithKey("intel.fault.no-object")
	o, found, err := store.First(ctx, tx, scanObject, "SELECT "+objectCols+" FROM intel_object o"+where+ownSeen(who, "o"), arg)
	if err != nil || !found {
		return o, orNot(err, missing)
	}
	if _, err := readEvent(ctx, tx, who, strconv.FormatInt(o.EventID, 10)); err != nil {
		if fault.Is(err, fault.NotFound) {
			err = missing
		}
		return o, err
	}
	return o, nil
}

// holdObject keeps an object's row until the end of an act: on PostgreSQL others wait,
// SQLite has one writer anyway.
func holdObject(ctx context.Context, tx *store.Tx, id int64) error {
	if tx.Engine() != store.PostgreSQL {
		return nil
	}
	_, err := store.Int64(ctx, tx, `SELECT id FROM intel_object WHERE id = $1 FOR UPDATE`, id)
	return err
}

func orNot(err, missing error) error {
	if err != nil {
		return err
	}
	return missing
}

const reportCols = `p.id, p.event_id, p.uuid, p.audience_id, p.distribution, p.group_id, p.name, p.content, p.deleted, p.timestamp`

func scanReport(s store.Scanner) (r Report, err error) {
	err = s.Scan(&r.ID, &r.EventID, &r.UUID, &r.audience, &r.Distribution, &r.Group, &r.Name, &r.Content, &r.Deleted, &r.Timestamp)
	return r, err
}

func listReports(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, deleted Deleted) ([]Report, error) {
	return store.All(ctx, tx, scanReport, "SELECT "+reportCols+" FROM intel_report p WHERE p.event_id = $1"+deleted.sql("p")+
		" AND "+ownSeen(who, "p")+" ORDER BY p.id", event)
}

// writeReport adds a report, or replaces an older text of the same one.
func writeReport(ctx context.Context, tx *store.Tx, r Report) (int64, error) {
	return tx.Exec(ctx, `INSERT INTO intel_report (id, event_id, uuid, audience_id, distribution, group_id, name, content, deleted, timestamp)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10) ON CONFLICT (uuid) DO UPDATE SET name = excluded.name, content = excluded.content,
		deleted = excluded.deleted, timestamp = excluded.timestamp, audience_id = excluded.audience_id, distribution = excluded.distribution,
		group_id = excluded.group_id WHERE intel_report.event_id = excluded.event_id AND intel_report.timestamp < excluded.timestamp`,
		r.ID, r.EventID, r.UUID, null(r.audience), int64(r.Distribution), r.Group, r.Name, r.Content, r.Deleted, r.Timestamp)
}

// resolve looks the targets of references up; event > 0 keeps to that event.
func resolve(ctx context.Context, tx *store.Tx, refs []Reference, event int64) error {
	var uuids []string
	for _, r := range refs {
		uuids = append(uuids, r.TargetUUID)
	}
	objects, err := known(ctx, tx, "intel_object", uuids)
	if err != nil {
		return err
	}
	attrs, err := known(ctx, tx, "intel_attribute", uuids)
	if err != nil {
		return err
	}
	for i := range refs {
		r := &refs[i]
		if o, ok := objects[r.TargetUUID]; ok && (event == 0 || o[1] == event) {
			r.TargetID, r.TargetType = o[0], 1
		} else if a, ok := attrs[r.TargetUUID]; ok && (event == 0 || a[1] == event) {
			r.TargetID, r.TargetType = a[0], 0
		}
	}
	return nil
}

// writeReferences adds references whose UUID is not here yet.
func writeReferences(ctx context.Context, tx *store.Tx, refs []Reference) error {
	if len(refs) == 0 {
		return nil
	}
	if err := resolve(ctx, tx, refs, refs[0].EventID); err != nil {
		return err
	}
	var own []string
	for _, r := range refs {
		own = append(own, r.UUID)
	}
	have, err := known(ctx, tx, "intel_reference", own)
	if err != nil {
		return err
	}
	var rows []*Reference
	for i := range refs {
		if _, twice := have[refs[i].UUID]; !twice {
			have[refs[i].UUID] = [2]int64{}
			rows = append(rows, &refs[i])
		}
	}
	_, err = tx.CopyIn(ctx, "intel_reference", refColumns, columnsOf(rows))
	return err
}

const (
	updateAttribute = `UPDATE intel_attribute SET audience_id = $2, distribution = $3, group_id = $4, type = $5, category = $6, value = $7,
		relation = $8, comment = $9, to_ids = $10, deleted = $11, no_correlation = $12, timestamp = $13, first_seen = $14, last_seen = $15,
		data_size = $16, key1 = $17, key2 = $18 WHERE id = $1`
	updateObject = `UPDATE intel_object SET audience_id = $2, distribution = $3, group_id = $4, comment = $5, deleted = $6, timestamp = $7,
		first_seen = $8, last_seen = $9 WHERE id = $1`
	closeProposals  = `UPDATE intel_proposal SET timestamp = $1, deleted = $2 WHERE NOT deleted AND `
	updateReference = `UPDATE intel_reference SET relationship = $2, comment = $3, deleted = $4, timestamp = $5 WHERE id = $1`
)

func rewriteAttribute(ctx context.Context, tx *store.Tx, a *Attribute) error {
	_, err := tx.Exec(ctx, updateAttribute, a.ID, null(a.audience), int64(a.Distribution), a.Group, a.Type, a.Category, a.Value, a.Relation,
		a.Comment, a.ToIDS, a.Deleted, a.NoCorrelation, a.Timestamp, null(a.FirstSeen), null(a.LastSeen), a.DataSize, a.key1, null(a.key2))
	if err == nil && a.Deleted { // what was proposed for it has nothing to change any more
		_, err = tx.Exec(ctx, closeProposals+"attribute_id = $3", a.Timestamp, true, a.ID)
	}
	return err
}

func rewriteObject(ctx context.Context, tx *store.Tx, o *Object) error {
	_, err := tx.Exec(ctx, updateObject, o.ID, null(o.audience), int64(o.Distribution), o.Group, o.Comment, o.Deleted, o.Timestamp,
		null(o.FirstSeen), null(o.LastSeen))
	return err
}

// storedAttributes reads rows of one event by id, whoever may see them: for
// edits by who may edit the event.
func storedAttributes(ctx context.Context, tx *store.Tx, event int64, ids []int64) (map[int64]*Attribute, error) {
	out := map[int64]*Attribute{}
	for part := range slices.Chunk(ids, 500) {
		list, err := store.All(ctx, tx, scanAttribute, "SELECT "+attrCols+" FROM intel_attribute a WHERE a.id IN "+store.In(part)+" AND a.event_id = $1", event)
		if err != nil {
			return nil, err
		}
		for i := range list {
			out[list[i].ID] = &list[i]
		}
	}
	return out, nil
}

func storedObjects(ctx context.Context, tx *store.Tx, event int64, ids []int64) (map[int64]*Object, error) {
	out := map[int64]*Object{}
	for part := range slices.Chunk(ids, 500) {
		list, err := store.All(ctx, tx, scanObject, "SELECT "+objectCols+" FROM intel_object o WHERE o.id IN "+store.In(part)+" AND o.event_id = $1", event)
		if err != nil {
			return nil, err
		}
		for i := range list {
			out[list[i].ID] = &list[i]
		}
	}
	return out, nil
}

// twin finds an attribute of the event that equals a, 0 when there is none.
func twin(ctx context.Context, tx *store.Tx, a *Attribute) (int64, error) {
	return store.Int64(ctx, tx, `SELECT a.id FROM intel_attribute a WHERE a.key1 = $1 AND a.event_id = $2 AND a.object_id = $3
		AND a.type = $4 AND a.category = $5 AND a.value = $6 AND NOT a.deleted ORDER BY a.id LIMIT 1`,
		a.key1, a.EventID, a.ObjectID, a.Type, a.Category, a.Value)
}

// dropObjectAttributes softly deletes the attributes of an object.
func dropObjectAttributes(ctx context.Context, tx *store.Tx, object, timestamp int64) (int64, error) {
	_, err := tx.Exec(ctx, closeProposals+"attribute_id IN (SELECT a.id FROM intel_object o JOIN intel_attribute a ON a.event_id = o.event_id "+
		"AND a.object_id = o.id WHERE o.id = $3)", timestamp, true, object)
	if err != nil {
		return 0, err
	}
	return tx.Exec(ctx, "UPDATE intel_attribute SET deleted = $2, timestamp = $3 WHERE object_id = $1 AND NOT deleted AND event_id = "+
		"(SELECT event_id FROM intel_object WHERE id = $1)", object, true, timestamp)
}

// removeAttribute takes an attribute out for good.
func removeAttribute(ctx context.Context, tx *store.Tx, event, id int64) error {
	for _, q := range []string{"DELETE FROM intel_tagging WHERE event_id = $1 AND attribute_id = $2", "DELETE FROM intel_data WHERE event_id = $1 AND attribute_id = $2",
		"DELETE FROM intel_sighting WHERE event_id = $1 AND attribute_id = $2", "DELETE FROM intel_proposal WHERE event_id = $1 AND attribute_id = $2",
		"DELETE FROM intel_attribute WHERE event_id = $1 AND id = $2"} {
		if _, err := tx.Exec(ctx, q, event, id); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, forgetThing, event, int64(ChangedAttribute), id)
	return err
}

// removeObject takes an object, its attributes and references out for good.
func removeObject(ctx context.Context, tx *store.Tx, event, id int64) error {
	ids, err := store.All(ctx, tx, store.ScanInt64, "SELECT id FROM intel_attribute WHERE event_id = $1 AND object_id = $2", event, id)
	if err != nil {
		return err
	}
	for _, a := range ids {
		if err := removeAttribute(ctx, tx, event, a); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, "DELETE FROM intel_reference WHERE object_id = $1", id); err != nil {
		return err
	}
	if _, err = tx.Exec(ctx, forgetThing, event, int64(ChangedObject), id); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "DELETE FROM intel_object WHERE id = $1", id)
	return err
}

// objectsHolding lists objects of the event with o's template that hold its first value.
func objectsHolding(ctx context.Context, tx *store.Tx, o *Object) ([]int64, error) {
	a := &o.Attributes[0]
	return store.All(ctx, tx, store.ScanInt64, `SELECT DISTINCT so.id FROM intel_attribute a JOIN intel_object so ON so.id = a.object_id
		WHERE a.key1 = $1 AND a.event_id = $2 AND a.value = $3 AND NOT a.deleted AND NOT so.deleted AND so.template_uuid = $4 AND so.name = $5`,
		a.key1, o.EventID, a.Value, o.TemplateUUID, o.Name)
}

func valuesOf(ctx context.Context, tx *store.Tx, object int64) ([]string, error) {
	return store.All(ctx, tx, func(s store.Scanner) (string, error) {
		var relation, value string
		err := s.Scan(&relation, &value)
		return relation + "\x00" + value, err
	}, `SELECT a.relation, a.value FROM intel_attribute a WHERE a.event_id = (SELECT event_id FROM intel_object WHERE id = $1)
		AND a.object_id = $1 AND NOT a.deleted`, object)
}

func readReference(ctx context.Context, tx *store.Tx, ref string) (Reference, error) {
	id, uuid, err := refID(ref)
	if err != nil {
		return Reference{}, err
	}
	where, arg := "r.id = $1", any(id)
	if uuid != "" {
		where, arg = "r.uuid = $1", any(uuid)
	}
	r, found, err := store.First(ctx, tx, scanReference, "SELECT "+refCols+" FROM intel_reference r WHERE "+where, arg)
	if err != nil || !found {
		return r, orNot(err, fault.New(fault.NotFound, "no reference %q", ref).WithKey("intel.fault.no-reference"))
	}
	return r, nil
}

func removeReference(ctx context.Context, tx *store.Tx, r Reference, hard bool, timestamp int64) error {
	if hard {
		if _, err := tx.Exec(ctx, forgetThing, r.EventID, int64(ChangedReference), r.ID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "DELETE FROM intel_reference WHERE id = $1", r.ID)
		return err
	}
	_, err := tx.Exec(ctx, updateReference, r.ID, r.Relationship, r.Comment, true, timestamp)
	return err
}
