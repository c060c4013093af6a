package intel

import (
	"context"
	"encoding/json"
	"strings"

	"straza/internal/format/tlp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	definitionCols = `d.id, d.uuid, d.alias, d.audience_id, d.org_id, d.title, d.description, d.readers, d.reader_group, d.ceiling, d.tags, d.not_tags,
		d.types, d.group_id, d.days, d.chosen, d.inbox, d.version, d.done, d.lapse, d.swept, d.floor, d.created, d.changed, d.model_id`
	addDefinition = `INSERT INTO intel_collection (id, uuid, alias, audience_id, org_id, title, description, readers, reader_group, ceiling, tags, not_tags,
		types, group_id, days, chosen, inbox, version, done, created, changed, lapse, swept, floor, model_id)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25)`
	editDefinition = `UPDATE intel_collection SET alias = $2, audience_id = $3, title = $4, description = $5, readers = $6, reader_group = $7, ceiling = $8,
		tags = $9, not_tags = $10, types = $11, group_id = $12, days = $13, chosen = $14, inbox = $15, version = $16, changed = $17, lapse = $18, swept = $19, floor = $20, model_id = $21 WHERE id = $1 AND version = $16 - 1`
	definitionDone   = `UPDATE intel_collection SET done = $2 WHERE id = $1 AND done < $2`
	countDefinitions = `SELECT COUNT(*) FROM intel_collection`
	dropDefinition   = `DELETE FROM intel_collection WHERE id = $1`
	dropParts        = `DELETE FROM intel_collection_part WHERE collection_id = $1`
	dropPicks        = `DELETE FROM intel_collection_pick WHERE collection_id = $1`
	leaveParts       = `DELETE FROM intel_collection_part WHERE collection_id = $1 AND event_id = $2`
	addPart          = `INSERT INTO intel_collection_part (id, collection_id, event_id, batch_id, base, last, audience_id)
		SELECT $1, $2, e.id, $4, $5, $6, e.audience_id FROM intel_event e WHERE e.id = $3`
	addPick  = `INSERT INTO intel_collection_pick (id, collection_id, event_id) VALUES ($1,$2,$3) ON CONFLICT (collection_id, event_id) DO NOTHING`
	dropPick = `DELETE FROM intel_collection_pick WHERE collection_id = $1 AND event_id = $2`

	// Batches of an event that a collection does not have yet, in their order.
	missingParts = `SELECT b.id, b.last - b.base FROM intel_stix_batch b WHERE b.event_id = $1 AND b.last > 0 AND NOT EXISTS
		(SELECT 1 FROM intel_collection_part m WHERE m.collection_id = $2 AND m.batch_id = b.id) ORDER BY b.last`
	convertedEvents = ` FROM intel_event e JOIN intel_stix_event v ON v.event_id = e.id AND v.changed = e.changed WHERE e.published AND e.loading = 0`
	anyMissing      = ` AND EXISTS (SELECT 1 FROM intel_stix_batch b WHERE b.event_id = e.id AND b.last > 0 AND NOT EXISTS
		(SELECT 1 FROM intel_collection_part m WHERE m.collection_id = $1 AND m.batch_id = b.id))`
)

func scanDefinition(s store.Scanner) (d Definition, err error) {
	var tags, not, types string
	if err = s.Scan(&d.ID, &d.UUID, &d.Alias, &d.audience, &d.Owner.ID, &d.Title, &d.Description, &d.Readers, &d.Circle.ID, &d.Ceiling, &tags, &not,
		&types, &d.Group.ID, &d.Days, &d.Chosen, &d.Inbox, &d.version, &d.done, &d.Lapse, &d.swept, &d.floor, &d.Created, &d.Changed, &d.Model); err != nil {
		return d, err
	}
	for _, x := range []struct {
		text string
		list *[]string
	}{{tags, &d.Tags}, {not, &d.NotTags}, {types, &d.Types}} {
		if err = json.Unmarshal([]byte(x.text), x.list); err != nil {
			return d, err
		}
	}
	return d, nil
}

func listText(list []string) string {
	if len(list) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(list) // strings always go
	return string(b)
}

// definitions reads definitions, ready to be asked; where begins with WHERE.
func (s *Service) definitions(ctx context.Context, tx *store.Tx, where string, args ...any) ([]Definition, error) {
	list, err := store.All(ctx, tx, scanDefinition, "SELECT "+definitionCols+" FROM intel_collection d "+where+" ORDER BY d.id", args...)
	for i := range list {
		if err == nil {
			list[i].untagged = s.untagged
			err = list[i].ready(ctx, tx)
		}
	}
	return list, err
}

// ready looks up what the query names. A tag that nobody made yet finds nothing.
func (d *Definition) ready(ctx context.Context, tx *store.Tx) (err error) {
	if d.now, err = store.Now(ctx, tx); err != nil {
		return err
	}
	if d.tagIDs, err = tagIDs(ctx, tx, d.Tags); err != nil {
		return err
	}
	d.notTagIDs, err = tagIDs(ctx, tx, d.NotTags)
	return err
}

func tagIDs(ctx context.Context, tx *store.Tx, names []string) ([]int64, error) {
	if len(names) == 0 {
		return nil, nil
	}
	marks, args := placeholders(1, names)
	return store.All(ctx, tx, store.ScanInt64, "SELECT id FROM intel_tag WHERE name IN ("+marks+")", args...)
}

// within is the definition's choice of events, in SQL: what its query finds and what
// was put in, neither above the ceiling nor too old. Unlabelled ones count as untagged.
func (d *Definition) within(e string) string {
	has := func(ids []int64) string {
		return "EXISTS (SELECT 1 FROM intel_tagging g WHERE g.event_id = " + e + ".id AND g.attribute_id = 0 AND g.tag_id IN " + store.In(ids) + ")"
	}
	var labels []string
	for _, l := range tlp.Levels() {
		if l <= d.Ceiling {
			labels = append(labels, l.String())
		}
	}
	if d.untagged <= d.Ceiling {
		labels = append(labels, "")
	}
	all := []string{e + ".tlp IN " + quoted(labels)}
	if d.Days > 0 {
		all = append(all, e+".publish_timestamp >= "+itoa(d.now/1e6-d.Days*86400))
	}
	pick := "EXISTS (SELECT 1 FROM intel_collection_pick k WHERE k.collection_id = " + itoa(d.ID) + " AND k.event_id = " + e + ".id)"
	query := []string{"1 = 1"}
	if len(d.Tags) > 0 {
		query = append(query, has(d.tagIDs))
	}
	if len(d.NotTags) > 0 {
		query = append(query, "NOT "+has(d.notTagIDs))
	}
	if d.Group.ID != 0 {
		query = append(query, e+".distribution = 4 AND "+e+".group_id = "+itoa(d.Group.ID))
	}
	if d.Chosen {
		all = append(all, pick)
	} else if len(query) > 1 {
		all = append(all, "("+strings.Join(query, " AND ")+" OR "+pick+")")
	}
	return "(" + strings.Join(all, " AND ") + ")"
}

// rows is the definition's choice among an event's objects, in SQL; allRows is the
// same with those whose time is over.
func (d *Definition) rows(t string) string {
	if d.Lapse {
		return d.allRows(t) + " AND NOT (" + d.lapsed(t, d.now) + ")"
	}
	return d.allRows(t)
}

func (d *Definition) allRows(t string) string {
	text := t + ".tlp <= " + itoa(int64(d.Ceiling))
	if len(d.Types) > 0 {
		// A maker goes along, a person or organisation that an event is about does not.
		text += " AND (" + t + ".type IN " + quoted(d.Types) + " OR " + t + ".shared AND " + t + ".type IN " + quoted(always) + ")"
	}
	return text
}

// readersOf is the test of who may read definitions under alias d.
func readersOf(who ident.Actor) string {
	if seesAll(who) {
		return "1 = 1"
	}
	return access.Visible(who, "d.audience_id")
}

// readableDefinitions lists the collections that the caller may read.
func (s *Service) readableDefinitions(ctx context.Context, tx *store.Tx, who ident.Actor) ([]Definition, error) {
	return s.definitions(ctx, tx, "WHERE "+readersOf(who))
}

// definitionNow reads one by id, for whatever goes on in the background; none when it
// is deleted.
func (s *Service) definitionNow(ctx context.Context, tx *store.Tx, id int64) ([]Definition, error) {
	return s.definitions(ctx, tx, "WHERE d.id = $1", id)
}

// readable reads a definition as one who may read the collection. Faults: NotFound.
func (s *Service) readable(ctx context.Context, tx *store.Tx, who ident.Actor, id int64) (*Definition, error) {
	list, err := s.definitions(ctx, tx, "WHERE d.id = $1 AND "+readersOf(who), id)
	if err != nil || len(list) == 0 {
		return nil, orNot(err, noCollection())
	}
	return &list[0], nil
}

// definitionBy reads a definition by id, UUID or alias, as one who defines it.
func (s *Service) definitionBy(ctx context.Context, tx *store.Tx, ref string) (d Definition, err error) {
	where, arg := "WHERE d.alias = $1", any(ref)
	if uuid, ok := store.ParseUUID(ref); ok {
		where, arg = "WHERE d.uuid = $1", uuid
	}
	list, err := s.definitions(ctx, tx, where, arg)
	if err != nil || len(list) == 0 {
		return d, orNot(err, fault.New(fault.NotFound, "no collection %q", ref).WithKey("intel.fault.no-collection"))
	}
	return list[0], fillDefinition(ctx, tx, &list[0])
}

// fillDefinition adds what is only shown: names of organisations and groups.
func fillDefinition(ctx context.Context, tx *store.Tx, d *Definition) (err error) {
	if d.Owner, err = knownOrg(ctx, tx, d.Owner); err != nil {
		return err
	}
	for _, g := range []*SharingGroup{&d.Circle, &d.Group} {
		if g.ID != 0 {
			if *g, _, err = readGroup(ctx, tx, g.ID); err != nil {
				return err
			}
		}
	}
	if d.Readers != ReadNamed {
		return nil
	}
	reach, err := access.ReachTx(ctx, tx, d.audience)
	if err != nil {
		return err
	}
	d.Orgs = nil
	for _, p := range reach {
		if p.Kind != access.KindOrg || p.Ref == d.Owner.ID {
			continue
		}
		o, err := knownOrg(ctx, tx, Org{ID: p.Ref})
		if err != nil {
			return err
		}
		d.Orgs = append(d.Orgs, o)
	}
	return nil
}

func writeDefinition(ctx context.Context, tx *store.Tx, d *Definition) error {
	_, err := tx.Exec(ctx, addDefinition, d.ID, d.UUID, d.Alias, d.audience, d.Owner.ID, d.Title, d.Description, d.Readers, d.Circle.ID, int64(d.Ceiling),
		listText(d.Tags), listText(d.NotTags), listText(d.Types), d.Group.ID, d.Days, d.Chosen, d.Inbox, d.version, d.done, d.Created, d.Changed, d.Lapse, d.swept, d.floor, d.Model)
	return err
}

func rewriteDefinition(ctx context.Context, tx *store.Tx, d *Definition) error {
	n, err := tx.Exec(ctx, editDefinition, d.ID, d.Alias, d.audience, d.Title, d.Description, d.Readers, d.Circle.ID, int64(d.Ceiling),
		listText(d.Tags), listText(d.NotTags), listText(d.Types), d.Group.ID, d.Days, d.Chosen, d.Inbox, d.version, d.Changed, d.Lapse, d.swept, d.floor, d.Model)
	if err == nil && n == 0 {
		err = fault.New(fault.Conflict, "the collection was changed meanwhile").WithKey("fault.conflict")
	}
	return err
}

// countWithin counts the events of a collection that who sees; newestWithin lists some.
func countWithin(ctx context.Context, tx *store.Tx, who ident.Actor, d *Definition) (int64, error) {
	return store.Int64(ctx, tx, "SELECT COUNT(*) FROM intel_event e WHERE e.published AND "+eventScan(who, "e")+" AND "+d.within("e"))
}

func newestWithin(ctx context.Context, tx *store.Tx, who ident.Actor, d *Definition, n int) ([]Event, error) {
	return store.All(ctx, tx, scanEvent, "SELECT "+eventCols+eventFrom+" WHERE e.published AND "+eventScan(who, "e")+" AND "+d.within("e")+
		" ORDER BY e.publish_timestamp DESC, e.id DESC LIMIT "+itoa(int64(n)))
}

type batchLen struct{ id, n int64 }

// enterTx brings a collection up to the batches of an event that is in it, behind
// last, and gives the new last. The caller holds the clock.
func enterTx(ctx context.Context, tx *store.Tx, d *Definition, event, last int64) (int64, error) {
	list, err := store.All(ctx, tx, func(s store.Scanner) (b batchLen, err error) { err = s.Scan(&b.id, &b.n); return b, err }, missingParts, event, d.ID)
	if err != nil {
		return last, err
	}
	for _, b := range list {
		if _, err := tx.Exec(ctx, addPart, tx.DB().NewID(), d.ID, event, b.id, last, last+b.n); err != nil {
			return last, err
		}
		last += b.n
	}
	return last, nil
}

// isWithin tells whether a published, converted event is in a collection.
func isWithin(ctx context.Context, tx *store.Tx, d *Definition, event int64) (bool, error) {
	n, err := store.Int64(ctx, tx, "SELECT 1"+convertedEvents+" AND e.id = $1 AND "+d.within("e"), event)
	return n == 1, err
}

// toEnter lists events that a collection lacks; toLeave those that it has and should not.
func toEnter(ctx context.Context, tx *store.Tx, d *Definition, limit int) ([]int64, error) {
	return store.All(ctx, tx, store.ScanInt64, "SELECT e.id"+convertedEvents+" AND "+d.within("e")+anyMissing+
		" ORDER BY e.publish_timestamp, e.id LIMIT "+itoa(int64(limit)), d.ID)
}

// toLeave: an event that waits to be published again keeps its place until abandoned.
func toLeave(ctx context.Context, tx *store.Tx, d *Definition, abandoned int64, limit int) ([]int64, error) {
	return store.All(ctx, tx, store.ScanInt64, "SELECT DISTINCT m.event_id FROM intel_collection_part m WHERE m.collection_id = $1 AND NOT EXISTS (SELECT 1 FROM intel_event e WHERE e.id = m.event_id AND (e.published OR e.changed >= $2) AND "+
		d.within("e")+") ORDER BY m.event_id LIMIT "+itoa(int64(limit)), d.ID, abandoned)
}

// toLeaveOne is toLeave for one event, without the patience for one being worked on:
// an unpublished one stays as long as the query finds it.
func toLeaveOne(ctx context.Context, tx *store.Tx, d *Definition, event int64) (bool, error) {
	n, err := store.Int64(ctx, tx, "SELECT 1 FROM intel_collection_part m WHERE m.collection_id = $1 AND m.event_id = $2 AND NOT EXISTS (SELECT 1 FROM intel_event e WHERE e.id = m.event_id AND "+
		d.within("e")+") LIMIT 1", d.ID, event)
	return n == 1, err
}
