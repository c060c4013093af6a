package intel

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	eventCols = `e.id, e.uuid, e.audience_id, e.org_id, ow.uuid, ow.name, ow.local, e.orgc_id, og.uuid, og.name, og.local, e.creator,
		e.distribution, e.group_id, e.date, e.info, e.threat, e.analysis, e.published, e.locked, e.proposal_lock, e.protected,
		e.no_correlation, e.timestamp, e.publish_timestamp, e.sighting_timestamp, e.extends_uuid, e.tlp, e.pap,
		e.attributes, e.own_audiences, e.created, e.changed`
	eventFrom = ` FROM intel_event e JOIN registry_organisation ow ON ow.id = e.org_id
		JOIN registry_organisation og ON og.id = e.orgc_id`

	insertEvent = `INSERT INTO intel_event (id, uuid, audience_id, org_id, orgc_id, creator, distribution, group_id, date, info, info_fold,
		threat, analysis, published, locked, proposal_lock, protected, no_correlation, timestamp, publish_timestamp, sighting_timestamp,
		extends_uuid, tlp, pap, attributes, own_audiences, created, changed, loading)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25,$26,$27,$28,$29)`
	updateEvent = `UPDATE intel_event SET audience_id = $2, orgc_id = $3, distribution = $4, group_id = $5, date = $6, info = $7, info_fold = $8,
		threat = $9, analysis = $10, published = $11, locked = $12, proposal_lock = $13, protected = $14, no_correlation = $15, timestamp = $16,
		publish_timestamp = $17, sighting_timestamp = $18, extends_uuid = $19, tlp = $20, pap = $21, attributes = $22, own_audiences = $23,
		changed = $24, loading = 0, uuid = $25 WHERE id = $1`
	reachEvent = `UPDATE intel_event SET audience_id = $2 WHERE id = $1`
	touchEvent = `UPDATE intel_event SET published = $2, timestamp = $3, changed = $4, attributes = attributes + $5,
		own_audiences = own_audiences + $6 WHERE id = $1`
	redateEvent = `UPDATE intel_event SET timestamp = $2 WHERE id = $1`
	beatEvent   = `UPDATE intel_event SET loading = $2 WHERE id = $1 AND loading <> 0`
	relabel     = `UPDATE intel_event SET tlp = $2, pap = $3, changed = $4 WHERE id = $1`
	hideEvent   = `UPDATE intel_event SET loading = $2 WHERE id = $1`
	unfinished  = `SELECT id FROM intel_event WHERE loading <> 0 AND loading < $1`
	eventByUUID = `SELECT id, loading FROM intel_event WHERE uuid = $1`
	blocked     = `SELECT 1 FROM intel_block WHERE uuid = $1`
	block       = `INSERT INTO intel_block (id, uuid, info, orgc, comment, created) VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT DO NOTHING`
	dropEvent   = `DELETE FROM intel_event WHERE id = $1`
	lacksOf     = `SELECT NOT EXISTS (SELECT 1 FROM intel_object WHERE event_id = $1), NOT EXISTS (SELECT 1 FROM intel_report WHERE event_id = $1),
		NOT EXISTS (SELECT 1 FROM intel_sighting WHERE event_id = $1), NOT EXISTS (SELECT 1 FROM intel_proposal WHERE event_id = $1)`
)

// perEvent are the tables whose rows go with their event, children first.
var perEvent = []string{"intel_tagging", "intel_reference", "intel_report", "intel_sighting", "intel_data", "intel_origin", "intel_proposal", "intel_delegation",
	"intel_attribute", "intel_object", "intel_change", "intel_collection_part", "intel_collection_pick", "intel_stix", "intel_stix_batch", "intel_stix_event", "intel_expiry", "intel_expiry_event",
	"intel_lapsed", "intel_lapse", "intel_pin", "intel_key"}

// otherKey: not every table's key is called id.
var otherKey = map[string]string{"intel_data": "attribute_id", "intel_stix_event": "event_id", "intel_expiry_event": "event_id", "intel_lapse": "event_id"}

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
	err = s.Scan(&e.ID, &e.UUID, &e.Audience, &e.Owner.ID, &e.Owner.UUID, &e.Owner.Name, &e.Owner.Local,
		&e.Origin.ID, &e.Origin.UUID, &e.Origin.Name, &e.Origin.Local,
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
	return tx.Later(ctx, updateEvent, changeable(e)...)
}

// changeable are the values of updateEvent.
func changeable(e Event) []any {
	return []any{e.ID, e.Audience, e.Origin.ID, int(e.Distribution), e.Group, e.Date, e.Info, foldText(e.Info),
		e.Threat, e.Analysis, e.Published, e.Locked, e.ProposalLock, e.Protected, e.NoCorrelation, e.Timestamp, e.PublishTimestamp,
		e.SightingTimestamp, e.ExtendsUUID, e.TLP, e.PAP, e.Attributes, e.ownAudiences, e.Changed, e.UUID}
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
	e, found, err := store.FirstAgain(ctx, tx, scanEvent, "SELECT "+eventCols+eventFrom+where+eventSeen(who, "e"), arg)
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

// Organisations are the registry's; their names and ids may be read anywhere.
const (
	orgCols     = `SELECT id, uuid, name, local FROM registry_organisation `
	orgByID     = orgCols + `WHERE id = $1`
	orgByUUID   = orgCols + `WHERE id = (SELECT resolved_id FROM registry_organisation WHERE uuid = $1)`
	orgWithName = orgCols + `WHERE name = $1 AND merged_into IS NULL ORDER BY id LIMIT 1`
	allOrgs     = orgCols + `ORDER BY id`
)

func scanOrg(s store.Scanner) (o Org, err error) {
	err = s.Scan(&o.ID, &o.UUID, &o.Name, &o.Local)
	return
}

// ownOrg reads the organisation in whose name somebody acts.
func ownOrg(ctx context.Context, tx *store.Tx, id int64) (Org, error) {
	o, found, err := store.First(ctx, tx, scanOrg, orgByID, id)
	if err == nil && !found {
		err = fault.New(fault.Denied, "no organisation stands behind this act").WithKey("intel.fault.no-org")
	}
	return o, err
}

// foreignOrg finds an originator by UUID, by name when it has none; the registry
// notes a new one as met in a peer's data.
func (s *Service) foreignOrg(ctx context.Context, tx *store.Tx, who ident.Actor, uuid, name string) (Org, error) {
	if uuid == "" {
		o, found, err := store.First(ctx, tx, scanOrg, orgWithName, name)
		if err != nil || found {
			return o, err
		}
		uuid = tx.DB().NewUUID()
	}
	o, here, err := store.First(ctx, tx, scanOrg, orgByUUID, uuid)
	if err != nil || here {
		return o, err
	}
	id, err := s.registry.EnsureTx(ctx, tx, who, uuid, name)
	if err != nil {
		return Org{}, err
	}
	if who.Person != 0 { // who brought it
		if err := writeOrgCard(ctx, tx, OrgCard{Org: id, CreatedBy: who.Person}); err != nil {
			return Org{}, err
		}
	}
	return ownOrg(ctx, tx, id)
}

// knownOrg finds an organisation by id or UUID.
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

// touch notes a change of an event's content: the timestamp rises, the published
// flag falls, the counts follow.
func touch(ctx context.Context, tx *store.Tx, e Event, now, attributes, own int64) error {
	_, err := tx.Exec(ctx, touchEvent, e.ID, false, max(now/1e6, e.Timestamp), now, attributes, own)
	return err
}

// deletePart deletes at most n rows that hang on an event, 0 when none is left.
func deletePart(ctx context.Context, tx *store.Tx, id int64, n int) (int64, error) {
	for _, t := range perEvent {
		key := otherKey[t]
		if key == "" {
			key = "id"
		}
		gone, err := tx.Exec(ctx, "DELETE FROM "+t+" WHERE "+key+" IN (SELECT "+key+" FROM "+t+" WHERE event_id = $1 LIMIT $2)", id, n)
		if err != nil || gone > 0 {
			return gone, err
		}
	}
	return 0, nil
}

// analyse gives PostgreSQL's planner figures after a large load; without them it
// takes a table of many events for one of few until autovacuum comes by.
func analyse(ctx context.Context, tx *store.Tx) error {
	if tx.Engine() != store.PostgreSQL {
		return nil
	}
	for _, t := range []string{"intel_event", "intel_attribute", "intel_tagging", "access_reach"} {
		if _, err := tx.Exec(ctx, "ANALYZE "+t); err != nil {
			return err
		}
	}
	return nil
}
