package registry

import (
	"context"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

// Statements over an organisation's parts. All of them are reached through the
// organisation (org_id), which the caller has authorised.
const (
	contactCols = `SELECT id, uuid, org_id, kind, name, job, phone, email, hours, verified, verified_by, bounces, bounced,
		bounce_reason, created, updated FROM registry_contact `
	addContactRow = `INSERT INTO registry_contact (id, uuid, org_id, audience_id, kind, name, job, phone, email, email_key, hours,
		verified, verified_by, bounces, bounced, bounce_reason, created, updated)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,0,0,0,0,'',$12,$12)`
	setContactRow = `UPDATE registry_contact SET kind = $2, name = $3, job = $4, phone = $5, email = $6, email_key = $7, hours = $8,
		verified = $9, verified_by = $10, bounces = $11, bounced = $12, bounce_reason = $13, updated = $14 WHERE id = $1`
	// The oldest verification is 0 when one contact was never verified.
	summariseRow = `UPDATE registry_organisation SET
		contacts = (SELECT COUNT(*) FROM registry_contact x WHERE x.org_id = $1),
		contacts_verified = (SELECT COALESCE(MIN(x.verified), 0) FROM registry_contact x WHERE x.org_id = $1),
		contacts_bounced = (SELECT COALESCE(SUM(x.bounces), 0) FROM registry_contact x WHERE x.org_id = $1)
		WHERE id = $1`

	resourceCols   = `SELECT id, uuid, org_id, kind, value, note, created, lo, hi FROM registry_resource `
	addResourceRow = `INSERT INTO registry_resource (id, uuid, org_id, audience_id, kind, value, lo, hi, note, created)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)`
	countResource = `SELECT COUNT(*) FROM registry_resource WHERE org_id = $1 AND kind = $2 AND value = $3`

	assetCols   = `SELECT id, uuid, org_id, kind, name, product, criticality, note, created, updated FROM registry_asset `
	addAssetRow = `INSERT INTO registry_asset (id, uuid, org_id, audience_id, kind, name, product, criticality, note, created, updated)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)`
)

func scanContact(s store.Scanner) (c Contact, err error) {
	var verified, bounced, created, updated int64
	err = s.Scan(&c.ID, &c.UUID, &c.org, &c.Kind, &c.Name, &c.Job, &c.Phone, &c.Email, &c.Hours, &verified, &c.verifiedBy,
		&c.Bounces, &bounced, &c.BounceReason, &created, &updated)
	c.Verified, c.Bounced, c.Created, c.Updated = instant(verified), instant(bounced), instant(created), instant(updated)
	return
}

func contactsOf(ctx context.Context, tx *store.Tx, org int64) ([]Contact, error) {
	return fresh(ctx, tx, contactCols+`WHERE org_id = $1 ORDER BY name, id`, org)
}

// contactsOfAll and resourcesOfAll read the parts of many organisations at once.
func contactsOfAll(ctx context.Context, tx *store.Tx, orgs []int64) (map[int64][]Contact, error) {
	list, err := fresh(ctx, tx, contactCols+`WHERE org_id IN `+store.In(orgs)+` ORDER BY name, id`)
	out := map[int64][]Contact{}
	for _, c := range list {
		out[c.org] = append(out[c.org], c)
	}
	return out, err
}

func resourcesOfAll(ctx context.Context, tx *store.Tx, orgs []int64) (map[int64][]Resource, error) {
	list, err := store.All(ctx, tx, scanResource, resourceCols+`WHERE org_id IN `+store.In(orgs)+` ORDER BY kind DESC, lo, value, id`)
	out := map[int64][]Resource{}
	for _, r := range list {
		out[r.org] = append(out[r.org], r)
	}
	return out, err
}

func contactsByEmail(ctx context.Context, tx *store.Tx, key string) ([]Contact, error) {
	return fresh(ctx, tx, contactCols+`WHERE email_key = $1 AND email_key <> '' ORDER BY id`, key)
}

// fresh reads contacts and judges each as of now.
func fresh(ctx context.Context, tx *store.Tx, text string, args ...any) ([]Contact, error) {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return nil, err
	}
	list, err := store.All(ctx, tx, scanContact, text, args...)
	for i, c := range list {
		list[i].Freshness = freshness(c.Bounces, c.Verified, instant(now))
	}
	return list, err
}

func findContact(ctx context.Context, tx *store.Tx, org int64, uuid string) (Contact, error) {
	return findPart(ctx, tx, scanContact, contactCols, org, uuid)
}

func findResource(ctx context.Context, tx *store.Tx, org int64, uuid string) (Resource, error) {
	return findPart(ctx, tx, scanResource, resourceCols, org, uuid)
}

func findAsset(ctx context.Context, tx *store.Tx, org int64, uuid string) (Asset, error) {
	return findPart(ctx, tx, scanAsset, assetCols, org, uuid)
}

// findPart reads one part through its organisation, never by its UUID alone.
func findPart[T any](ctx context.Context, tx *store.Tx, scan func(store.Scanner) (T, error), cols string, org int64, uuid string) (v T, err error) {
	id, ok := store.ParseUUID(uuid)
	found := false
	if ok {
		v, found, err = store.First(ctx, tx, scan, cols+`WHERE org_id = $1 AND uuid = $2`, org, id)
	}
	if err == nil && !found {
		err = fault.New(fault.NotFound, "organisation %d has no such part", org)
	}
	return v, err
}

func insertContact(ctx context.Context, tx *store.Tx, c Contact, audience int64) error {
	_, err := tx.Exec(ctx, addContactRow, c.ID, c.UUID, c.org, audience, c.Kind, c.Name, c.Job, c.Phone, c.Email, emailKey(c.Email),
		c.Hours, micros(c.Created))
	return err
}

func updateContact(ctx context.Context, tx *store.Tx, c Contact) error {
	_, err := tx.Exec(ctx, setContactRow, c.ID, c.Kind, c.Name, c.Job, c.Phone, c.Email, emailKey(c.Email), c.Hours,
		micros(c.Verified), c.verifiedBy, c.Bounces, micros(c.Bounced), c.BounceReason, micros(c.Updated))
	return err
}

func deleteContact(ctx context.Context, tx *store.Tx, id int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM registry_contact WHERE id = $1`, id)
	return err
}

func summarise(ctx context.Context, tx *store.Tx, org int64) error {
	_, err := tx.Exec(ctx, summariseRow, org)
	return err
}

func scanResource(s store.Scanner) (r Resource, err error) {
	var created int64
	err = s.Scan(&r.ID, &r.UUID, &r.org, &r.Kind, &r.Value, &r.Note, &created, &r.lo, &r.hi)
	r.Created = instant(created)
	return
}

func resourcesOf(ctx context.Context, tx *store.Tx, org int64) ([]Resource, error) {
	return store.All(ctx, tx, scanResource, resourceCols+`WHERE org_id = $1 ORDER BY kind DESC, lo, value, id`, org)
}

// insertResource writes r. A network starts a new epoch of the look-up table.
func insertResource(ctx context.Context, tx *store.Tx, r Resource, audience int64) error {
	n, err := store.Int64(ctx, tx, countResource, r.org, r.Kind, r.Value)
	if err != nil {
		return err
	}
	if n == 0 {
		_, err = tx.Exec(ctx, addResourceRow, r.ID, r.UUID, r.org, audience, r.Kind, r.Value, bound(r.lo), bound(r.hi), r.Note, micros(r.Created))
	}
	if n > 0 || store.IsUnique(err) {
		return fault.New(fault.Conflict, "organisation %d holds this already", r.org).WithKey("registry.fault.held").Because(err)
	}
	if err == nil && r.Kind == Network {
		_, err = tx.Exec(ctx, bumpEpoch)
	}
	return err
}

// bound is NULL for what is no network; a nil []byte is an empty blob to one driver.
func bound(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

func deleteResource(ctx context.Context, tx *store.Tx, id int64) error {
	if _, err := tx.Exec(ctx, `DELETE FROM registry_resource WHERE id = $1`, id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, bumpEpoch)
	return err
}

func scanAsset(s store.Scanner) (a Asset, err error) {
	var created, updated int64
	err = s.Scan(&a.ID, &a.UUID, &a.org, &a.Kind, &a.Name, &a.Product, &a.Criticality, &a.Note, &created, &updated)
	a.Created, a.Updated = instant(created), instant(updated)
	return
}

func assetsOf(ctx context.Context, tx *store.Tx, org int64) ([]Asset, error) {
	return store.All(ctx, tx, scanAsset, assetCols+`WHERE org_id = $1 ORDER BY criticality DESC, name, id`, org)
}

func insertAsset(ctx context.Context, tx *store.Tx, a Asset, audience int64) error {
	_, err := tx.Exec(ctx, addAssetRow, a.ID, a.UUID, a.org, audience, a.Kind, a.Name, a.Product, a.Criticality, a.Note,
		micros(a.Created), micros(a.Updated))
	return err
}

func deleteAsset(ctx context.Context, tx *store.Tx, id int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM registry_asset WHERE id = $1`, id)
	return err
}
