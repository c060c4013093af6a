package registry

import (
	"context"
	"encoding/json"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const orgCols = `o.id, o.uuid, o.name, o.names, o.aliases, o.kind, o.sector, o.country, o.registration_no, o.tax_no,
	o.seat, o.website, o.note, o.host, o.local, o.state, o.resolved_id, o.cert_id, o.disclosure, o.audience_id,
	o.detail_audience_id, o.contacts, o.contacts_verified, o.contacts_bounced, o.created, o.updated, o.version,
	COALESCE(o.merged_into, 0), COALESCE(c.name, ''), COALESCE(CAST(m.uuid AS TEXT), '')`

// selectOrgs begins every read of organisations: the card, whether who may see
// the details, and whether it is who's own. The target of a merge is named only
// to who may see it.
func selectOrgs(who ident.Actor) string {
	return `SELECT ` + orgCols + `, ` + yes(detailSeen(who, "o.id", "o.detail_audience_id", false)) + `, ` + yes(ownTest(who, "o.id")) + `
	FROM registry_organisation o
	LEFT JOIN registry_organisation c ON c.id = o.cert_id
	LEFT JOIN registry_organisation m ON m.id = o.merged_into AND ` + cardSeen(who, "m", false) + ` `
}

// scanOrg reads a row of selectOrgs and blanks what the asker may not see.
func scanOrg(s store.Scanner) (o Organisation, err error) {
	var text, aliases string
	var verified, created, updated int64
	err = s.Scan(&o.ID, &o.UUID, &o.Name, &text, &aliases, &o.Kind, &o.Sector, &o.Country, &o.RegistrationNo, &o.TaxNo,
		&o.Seat, &o.Website, &o.Note, &o.Host, &o.Local, &o.State, &o.resolved, &o.CERT, &o.Disclosure, &o.audience,
		&o.detail, &o.Contacts.Count, &verified, &o.Contacts.Bounced, &created, &updated, &o.Version,
		&o.into, &o.CERTName, &o.MergedInto, &o.Details, &o.Own)
	if err != nil {
		return o, err
	}
	if err = json.Unmarshal([]byte(text), &o.Names); err == nil {
		err = json.Unmarshal([]byte(aliases), &o.Aliases)
	}
	o.Created, o.Updated, o.Contacts.Verified = instant(created), instant(updated), instant(verified)
	return o, err
}

// hide takes out of a row what its reader may not see; reads that leave the room
// end here, writes work on the whole row.
func (o Organisation) hide() Organisation {
	if !o.Details {
		o.Note, o.Contacts = "", ContactSummary{}
	}
	return o
}

// findOrg reads one organisation that who may see, by UUID. Faults: NotFound.
func findOrg(ctx context.Context, tx *store.Tx, who ident.Actor, uuid string) (Organisation, error) {
	id, ok := store.ParseUUID(uuid)
	if !ok {
		return Organisation{}, fault.New(fault.NotFound, "no organisation of that id")
	}
	return oneOrg(ctx, tx, selectOrgs(who)+`WHERE o.uuid = $1 AND `+cardSeen(who, "o", false), id)
}

// orgByID reads one organisation by our own number; everyone's, so the caller has
// decided that it may be seen.
func orgByID(ctx context.Context, tx *store.Tx, who ident.Actor, id int64) (Organisation, error) {
	return oneOrg(ctx, tx, selectOrgs(who)+`WHERE o.id = $1`, id)
}

func oneOrg(ctx context.Context, tx *store.Tx, text string, arg any) (Organisation, error) {
	o, found, err := store.First(ctx, tx, scanOrg, text, arg)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no organisation of that id")
	}
	return o, err
}

const (
	orgsByName = `WHERE o.name = $1 AND o.merged_into IS NULL AND `
	orgsByKey  = `SELECT id FROM registry_organisation WHERE name_key = $1 AND merged_into IS NULL`
	hostID     = `SELECT id FROM registry_organisation WHERE host ORDER BY id LIMIT 1`
	theHost    = `WHERE o.id = (` + hostID + `)`
	resolvedID = `SELECT resolved_id FROM registry_organisation WHERE id = $1`
	certOf     = `SELECT cert_id FROM registry_organisation WHERE id = $1`
	uuidTaken  = `SELECT id FROM registry_organisation WHERE uuid = $1`

	insertOrg = `INSERT INTO registry_organisation (id, uuid, name, name_key, sort_key, names, aliases, kind, sector, country,
		registration_no, tax_no, seat, website, note, host, local, state, merged_into, resolved_id, cert_id, disclosure,
		audience_id, detail_audience_id, contacts, contacts_verified, contacts_bounced, created, updated, version)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,NULL,$1,$19,$20,$21,$22,0,0,0,$23,$23,1)`
	updateOrg = `UPDATE registry_organisation SET name = $3, name_key = $4, sort_key = $5, names = $6, aliases = $7, kind = $8,
		sector = $9, country = $10, registration_no = $11, tax_no = $12, seat = $13, website = $14, note = $15, host = $16,
		local = $17, state = $18, cert_id = $19, disclosure = $20, audience_id = $21, detail_audience_id = $22, updated = $23,
		version = version + 1 WHERE id = $1 AND version = $2`
	touchOrg = `UPDATE registry_organisation SET version = version + 1, updated = $2 WHERE id = $1 RETURNING version`

	deleteWords = `DELETE FROM registry_word WHERE org_id = $1`
	insertWord  = `INSERT INTO registry_word (id, org_id, word) VALUES ($1,$2,$3)`
	familyOf    = `WHERE o.resolved_id = $1 ORDER BY o.id`

	insertChange = `INSERT INTO registry_change (id, org_id, audience_id, version, at, actor, actor_name, act, fields)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)`
	readEpoch = `SELECT epoch FROM registry_epoch WHERE id = 1`
	bumpEpoch = `INSERT INTO registry_epoch (id, epoch) VALUES (1, 1)
		ON CONFLICT (id) DO UPDATE SET epoch = registry_epoch.epoch + 1`
)

// partTables carry a copy of the details' audience.
var partTables = []string{"registry_contact", "registry_resource", "registry_asset", "registry_remark", "registry_change"}

// columns gives the values of updateOrg from $3 on; insertOrg has the same with a UUID.
func (o Organisation) columns() []any {
	return []any{o.Name, o.nameKey(), []byte(i18n.Fold(o.Name)), jsonText(o.Names), jsonText(o.Aliases), o.Kind, o.Sector, o.Country,
		o.RegistrationNo, o.TaxNo, o.Seat, o.Website, o.Note, o.Host, o.Local, o.State, o.CERT, o.Disclosure, o.audience, o.detail}
}

func writeNew(ctx context.Context, tx *store.Tx, o Organisation) error {
	args := append([]any{o.ID, o.UUID}, o.columns()...)
	_, err := tx.Exec(ctx, insertOrg, append(args, micros(o.Created))...)
	if store.IsUnique(err) {
		return taken().Because(err)
	}
	return err
}

// writeOrg writes o over the version it was read at. Faults: Conflict when
// somebody was quicker, or the name is taken.
func writeOrg(ctx context.Context, tx *store.Tx, o Organisation) error {
	args := append([]any{o.ID, o.Version}, o.columns()...)
	n, err := tx.Exec(ctx, updateOrg, append(args, micros(o.Updated))...)
	switch {
	case store.IsUnique(err):
		return taken().Because(err)
	case err == nil && n == 0:
		return stale()
	}
	return err
}

func setParts(ctx context.Context, tx *store.Tx, orgs []int64, audience int64) error {
	for _, t := range partTables {
		if _, err := tx.Exec(ctx, `UPDATE `+t+` SET audience_id = $1 WHERE org_id IN `+store.In(orgs), audience); err != nil {
			return err
		}
	}
	return nil
}

// indexWords writes the search index of the organisation that id resolves to,
// with the names of all that were merged into it.
func indexWords(ctx context.Context, tx *store.Tx, id int64) error {
	resolved, err := store.Int64(ctx, tx, resolvedID, id)
	if err != nil {
		return err
	}
	system := ident.SystemPart("registry")
	family, err := store.All(ctx, tx, scanOrg, selectOrgs(system)+familyOf, resolved)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, o := range family {
		if _, err := tx.Exec(ctx, deleteWords, o.ID); err != nil {
			return err
		}
		// Whoever finds it by the name of one that was merged into it learns that
		// name: only where that one was open at least as widely.
		if o.ID != resolved && !wide(o, family, resolved) {
			continue
		}
		for _, w := range words(o) {
			seen[w] = true
		}
	}
	for w := range seen {
		if _, err := tx.Exec(ctx, insertWord, tx.DB().NewID(), resolved, []byte(w)); err != nil {
			return err
		}
	}
	return nil
}

// wide tells whether o was open at least as widely as the one it resolves to.
func wide(o Organisation, family []Organisation, resolved int64) bool {
	for _, f := range family {
		if f.ID == resolved {
			return o.Disclosure == f.Disclosure || o.Disclosure == ToMembers || f.Disclosure == ToCERT && o.Disclosure == ToTeams
		}
	}
	return false
}
