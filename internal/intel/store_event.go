package intel

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	eventCols = `e.id, e.uuid, e.audience_id, e.org_id, ow.uuid, ow.name, e.orgc_id, og.uuid, og.name, e.creator,
		e.distribution, e.group_id, e.date, e.info, e.threat, e.analysis, e.published, e.locked, e.proposal_lock, e.protected,
		e.no_correlation, e.timestamp, e.publish_timestamp, e.sighting_timestamp, e.extends_uuid, e.tlp, e.pap,
		e.attributes, e.own_audiences, e.created, e.changed`
	eventFrom = ` FROM intel_event e JOIN intel_org ow ON ow.id = e.org_id JOIN intel_org og ON og.id = e.orgc_id`

	insertEvent = `INSERT INTO intel_event (id, uuid, audience_id, org_id, orgc_id, creator, distribution, group_id, date, info, info_fold,
		threat, analysis, published, locked, proposal_lock, protected, no_correlation, timestamp, publish_timestamp, sighting_timestamp,
		extends_uuid, tlp, pap, attributes, own_audiences, created, changed, loading)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28,$29)`
	updateEvent = `UPDATE intel_event SET audience_id = $2, orgc_id = $3, distribution = $4, group_id = $5, date = $6, info = $7, info_fold = $8,
		threat = $9, analysis = $10, published = $11, locked = $12, proposal_lock = $13, protected = $14, no_correlation = $15, timestamp = $16,
		publish_timestamp = $17, sighting_timestamp = $18, extends_uuid = $19, tlp = $20, pap = $21, attributes = $22, own_audiences = $23,
		changed = $24, loading = 0, uuid = $25 WHERE id = $1`
	touchEvent = `UPDATE intel_event SET published = $2, timestamp = $3, changed = $4, attributes = attributes + $5,
		own_audiences = own_audiences + $6 WHERE id = $1`
	beatEvent   = `UPDATE intel_event SET loading = $2 WHERE id = $1 AND loading <> 0`
	relabel     = `UPDATE intel_event SET tlp = $2, pap = $3, changed = $4 WHERE id = $1`
	unfinished  = `SELECT id FROM intel_event WHERE loading <> 0 AND loading < $1`
	eventByUUID = `SELECT id, loading FROM intel_event WHERE uuid = $1`
	blocked     = `SELECT 1 FROM intel_block WHERE uuid = $1`
	block       = `INSERT INTO intel_block (id, uuid, info, orgc, comment, created) VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT DO NOTHING`
	dropEvent   = `DELETE FROM intel_event WHERE id = $1`
)

// perEvent are the tables whose rows go with their event, children first.
var perEvent = []string{"intel_tagging", "intel_reference", "intel_report", "intel_sighting", "intel_data", "intel_origin",
	"intel_attribute", "intel_object"}

// eventSeen is the one place that says which events who may see: the audience,
// or, for MISP's site administrator, everything that is not restricted. Events
// that are still being loaded are nobody's.
func eventSeen(who ident.Actor, alias string) string {
	whole := alias + ".loading = 0 AND "
	if seesAll(who) {
		return whole + "NOT EXISTS (SELECT 1 FROM access_audience ra WHERE ra.id = " + alias + ".audience_id AND ra.restricted)"
	}
	return whole + access.Visible(who, alias+".audience_id")
}

// eventScan is eventSeen for queries that walk many events.
func eventScan(who ident.Actor, alias string) string {
	if seesAll(who) {
		return eventSeen(who, alias)
	}
	return alias + ".loading = 0 AND " + access.VisibleScan(who, alias+".audience_id")
}

func scanEvent(s store.Scanner) (e Event, err error) {
	err = s.Scan(&e.ID, &e.UUID, &e.Audience, &e.Owner.ID, &e.Owner.UUID, &e.Owner.Name, &e.Origin.ID, &e.Origin.UUID, &e.Origin.Name,
		&e.Creator, &e.Distribution, &e.Group, &e.Date, &e.Info, &e.Threat, &e.Analysis, &e.Published, &e.Locked, &e.ProposalLock,
		&e.Protected, &e.NoCorrelation, &e.Timestamp, &e.PublishTimestamp, &e.SightingTimestamp, &e.ExtendsUUID, &e.TLP, &e.PAP,
		&e.Attributes, &e.ownAudiences, &e.Created, &e.Changed)
	return e, err
}

func writeEvent(ctx context.Context, tx *store.Tx, e Event, loading int64) error {
	_, err := tx.Exec(ctx, insertEvent, e.ID, e.UUID, e.Audience, e.Owner.ID, e.Origin.ID, e.Creator, int(e.Distribution), e.Group,
		e.Date, e.Info, foldText(e.Info), e.Threat, e.Analysis, e.Published, e.Locked, e.ProposalLock, e.Protected, e.NoCorrelation,
		e.Timestamp, e.PublishTimestamp, e.SightingTimestamp, e.ExtendsUUID, e.TLP, e.PAP, e.Attributes, e.ownAudiences,
		e.Created, e.Changed, loading)
	return err
}

// rewriteEvent writes every changeable column, and ends the loading.
func rewriteEvent(ctx context.Context, tx *store.Tx, e Event) error {
	_, err := tx.Exec(ctx, updateEvent, e.ID, e.Audience, e.Origin.ID, int(e.Distribution), e.Group, e.Date, e.Info, foldText(e.Info),
		e.Threat, e.Analysis, e.Published, e.Locked, e.ProposalLock, e.Protected, e.NoCorrelation, e.Timestamp, e.PublishTimestamp,
		e.SightingTimestamp, e.ExtendsUUID, e.TLP, e.PAP, e.Attributes, e.ownAudiences, e.Changed, e.UUID)
	return err
}

// readEvent loads the header of an event that who may see, without tags.
func readEvent(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Event, error) {
	id, uuid, err := refID(ref)
	if err != nil {
		return Event{}, err
	}
	where, arg := " WHERE e.id = $1 AND ", any(id)
	if uuid != "" {
		where, arg = " WHERE e.uuid = $1 AND ", any(uuid)
	}
	e, found, err := store.First(ctx, tx, scanEvent, "SELECT "+eventCols+eventFrom+where+eventSeen(who, "e"), arg)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no event %q", ref).WithKey("intel.fault.no-event")
	}
	return e, err
}

// deleteRows takes an event and all that hangs on it out of the database.
func deleteRows(ctx context.Context, tx *store.Tx, id int64) error {
	for _, t := range perEvent {
		if _, err := tx.Exec(ctx, "DELETE FROM "+t+" WHERE event_id = $1", id); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, dropEvent, id)
	return err
}

const (
	orgByUUID   = `SELECT id, uuid, name FROM intel_org WHERE uuid = $1`
	orgByID     = `SELECT id, uuid, name FROM intel_org WHERE id = $1`
	upsertOrg   = `INSERT INTO intel_org (id, uuid, name) VALUES ($1,$2,$3) ON CONFLICT (id) DO UPDATE SET name = excluded.name`
	orgWithName = `SELECT id, uuid, name FROM intel_org WHERE name = $1 ORDER BY id LIMIT 1`
)

func scanOrg(s store.Scanner) (o Org, err error) { err = s.Scan(&o.ID, &o.UUID, &o.Name); return }

// ownOrg makes sure that an organisation of ours stands in the table.
func ownOrg(ctx context.Context, tx *store.Tx, o Org) (Org, error) {
	if o.ID == 0 || o.UUID == "" {
		return o, fault.New(fault.Denied, "no organisation stands behind this act").WithKey("intel.fault.no-org")
	}
	have, found, err := store.First(ctx, tx, scanOrg, orgByID, o.ID)
	if err != nil || found && have.Name == o.Name {
		return o, err
	}
	_, err = tx.Exec(ctx, upsertOrg, o.ID, o.UUID, o.Name)
	return o, err
}

// foreignOrg finds an originator by UUID, by name when it has none, and notes a
// new one. What it is called here stays.
func foreignOrg(ctx context.Context, tx *store.Tx, uuid, name string) (Org, error) {
	text, arg := orgByUUID, uuid
	if uuid == "" {
		text, arg = orgWithName, name
	}
	o, found, err := store.First(ctx, tx, scanOrg, text, arg)
	if err != nil || found {
		return o, err
	}
	if uuid == "" {
		uuid = tx.DB().NewUUID()
	}
	o = Org{ID: tx.DB().NewID(), UUID: uuid, Name: name}
	_, err = tx.Exec(ctx, upsertOrg, o.ID, o.UUID, o.Name)
	return o, err
}

// knownOrg finds an organisation by id or UUID, here or in the registry.
func knownOrg(ctx context.Context, tx *store.Tx, o Org) (Org, error) {
	text, arg := orgByID, any(o.ID)
	if o.ID == 0 {
		uuid, ok := store.ParseUUID(o.UUID)
		if !ok {
			return o, noOrg()
		}
		text, arg = orgByUUID, uuid
	}
	have, found, err := store.First(ctx, tx, scanOrg, text, arg)
	if err == nil && !found {
		err = noOrg()
	}
	return have, err
}

func noOrg() error {
	return fault.Field("organisation", "intel.fault.organisation", "unknown organisation")
}

// deletePart deletes at most n attributes of an event.
func deletePart(ctx context.Context, tx *store.Tx, id int64, n int) (int64, error) {
	return tx.Exec(ctx, "DELETE FROM intel_attribute WHERE id IN (SELECT id FROM intel_attribute WHERE event_id = $1 LIMIT $2)", id, n)
}

// touch notes a change of an event's content: the timestamp rises, the published
// flag falls, the counts follow.
func touch(ctx context.Context, tx *store.Tx, e Event, now, attributes, own int64) error {
	_, err := tx.Exec(ctx, touchEvent, e.ID, false, max(now/1e6, e.Timestamp), now, attributes, own)
	return err
}
