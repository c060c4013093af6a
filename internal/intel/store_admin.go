package intel

import (
	"context"
	"encoding/json"

	"straza/internal/kernel/store"
)

const (
	orgBlocked = `SELECT 1 FROM intel_org_block WHERE uuid = $1`
	stopOrg    = `UPDATE intel_org_block SET stopped = stopped + 1, last_stopped = $2 WHERE uuid = $1`

	eventBlocks   = `SELECT id, uuid, info, orgc, comment, created, 0, 0 FROM intel_block `
	orgBlocks     = `SELECT id, uuid, name, '', comment, created, stopped, last_stopped FROM intel_org_block `
	addOrgBlock   = `INSERT INTO intel_org_block (id, uuid, name, comment, created, stopped, last_stopped) VALUES ($1,$2,$3,$4,$5,0,0) ON CONFLICT DO NOTHING`
	setEventBlock = `UPDATE intel_block SET info = $2, orgc = $3, comment = $4 WHERE id = $1`
	setOrgBlock   = `UPDATE intel_org_block SET name = $2, comment = $3 WHERE id = $1`

	settingCols = `SELECT x.id, x.person_id, x.name, x.value, x.timestamp FROM intel_setting x `
	// $2: -1 the person $3 alone, 0 everybody, else whose organisation it is.
	settingsSeen = settingCols + `WHERE (x.person_id = $1 OR $1 = 0) AND x.person_id <> 0 AND (CAST($2 AS BIGINT) = 0 OR x.person_id = $3
		OR x.person_id IN (SELECT p.id FROM account_person p WHERE p.org_id = $2)) ORDER BY x.id`
	whoIsSeen  = `SELECT count(*) FROM account_person p WHERE p.id = $1 AND (CAST($2 AS BIGINT) = 0 OR p.id = $3 OR p.org_id = $2)`
	putSetting = `INSERT INTO intel_setting (id, person_id, name, value, timestamp) VALUES ($1,$2,$3,$4,$5)
		ON CONFLICT (person_id, name) DO UPDATE SET value = excluded.value, timestamp = excluded.timestamp RETURNING id`
	dropSetting = `DELETE FROM intel_setting WHERE id = $1`
	oneSetting  = `SELECT value FROM intel_setting WHERE person_id = 0 AND name = $1`

	cardsOf = `SELECT org_id, description, type, nationality, sector, contacts, domains, created_by FROM intel_org_card WHERE org_id IN `
	putCard = `INSERT INTO intel_org_card (org_id, description, type, nationality, sector, contacts, domains, created_by) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)
		ON CONFLICT (org_id) DO UPDATE SET description = excluded.description, type = excluded.type, nationality = excluded.nationality,
		sector = excluded.sector, contacts = excluded.contacts, domains = excluded.domains`
)

func scanBlock(r store.Scanner) (b Block, err error) {
	err = r.Scan(&b.ID, &b.UUID, &b.Name, &b.Orgc, &b.Comment, &b.Created, &b.Stopped, &b.LastStopped)
	return
}

func readBlocks(ctx context.Context, tx *store.Tx, list BlockList, ref string) ([]Block, error) {
	text := eventBlocks
	if list == OrgBlocks {
		text = orgBlocks
	}
	if ref == "" {
		return store.All(ctx, tx, scanBlock, text+"ORDER BY created, id")
	}
	id, uuid, err := refID(ref)
	if err != nil {
		return nil, nil // it names nothing
	}
	if uuid != "" {
		return store.All(ctx, tx, scanBlock, text+"WHERE uuid = $1", uuid)
	}
	return store.All(ctx, tx, scanBlock, text+"WHERE id = $1", id)
}

func writeBlock(ctx context.Context, tx *store.Tx, list BlockList, b Block) (bool, error) {
	var n int64
	var err error
	if list == OrgBlocks {
		n, err = tx.Exec(ctx, addOrgBlock, b.ID, b.UUID, b.Name, b.Comment, b.Created)
	} else {
		n, err = tx.Exec(ctx, block, b.ID, b.UUID, b.Name, b.Orgc, b.Comment, b.Created)
	}
	return n == 1, err
}

func rewriteBlock(ctx context.Context, tx *store.Tx, list BlockList, b Block) (err error) {
	if list == OrgBlocks {
		_, err = tx.Exec(ctx, setOrgBlock, b.ID, b.Name, b.Comment)
	} else {
		_, err = tx.Exec(ctx, setEventBlock, b.ID, b.Name, b.Orgc, b.Comment)
	}
	return err
}

func dropBlock(ctx context.Context, tx *store.Tx, list BlockList, id int64) error {
	table := "intel_block"
	if list == OrgBlocks {
		table = "intel_org_block"
	}
	_, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE id = $1", id)
	return err
}

func scanSetting(r store.Scanner) (x Setting, err error) {
	var v string
	err = r.Scan(&x.ID, &x.Person, &x.Name, &v, &x.Timestamp)
	x.Value = json.RawMessage(v)
	return
}

func readSettings(ctx context.Context, tx *store.Tx, person, org, self int64) ([]Setting, error) {
	return store.All(ctx, tx, scanSetting, settingsSeen, person, org, self)
}

func personSeen(ctx context.Context, tx *store.Tx, person, org, self int64) (bool, error) {
	n, err := store.Int64(ctx, tx, whoIsSeen, person, org, self)
	return n > 0 || person == self, err
}

func writeSetting(ctx context.Context, tx *store.Tx, x Setting) (Setting, error) {
	_, err := tx.Row(ctx, putSetting, []any{x.ID, x.Person, x.Name, string(x.Value), x.Timestamp}, &x.ID)
	return x, err
}

func houseSetting(ctx context.Context, tx *store.Tx, name string) (json.RawMessage, bool, error) {
	var v string
	found, err := tx.Row(ctx, oneSetting, []any{name}, &v)
	return json.RawMessage(v), found, err
}

func readOrgCards(ctx context.Context, tx *store.Tx, ids []int64) ([]OrgCard, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return store.All(ctx, tx, func(r store.Scanner) (c OrgCard, err error) {
		var domains *string
		err = r.Scan(&c.Org, &c.Description, &c.Type, &c.Nationality, &c.Sector, &c.Contacts, &domains, &c.CreatedBy)
		if err == nil && domains != nil {
			err = json.Unmarshal([]byte(*domains), &c.Domains)
		}
		return c, err
	}, cardsOf+store.In(ids))
}

func writeOrgCard(ctx context.Context, tx *store.Tx, c OrgCard) error {
	var domains *string
	if c.Domains != nil {
		b, err := json.Marshal(c.Domains)
		if err != nil {
			return err
		}
		text := string(b)
		domains = &text
	}
	_, err := tx.Exec(ctx, putCard, c.Org, c.Description, c.Type, c.Nationality, c.Sector, c.Contacts, domains, c.CreatedBy)
	return err
}
