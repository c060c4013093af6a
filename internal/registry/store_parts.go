package registry

import (
	"context"
	"iter"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

// Statements over an organisation's parts. All of them are reached through the
// organisation (org_id), which the caller has authorised.
const (
	contactCols = `SELECT id, uuid, org_id, kind, name, job, phone, email, hours, lang, verified, asked, verified_by, bounces, bounced,
		bounce_reason, created, updated FROM registry_contact x `
	addContactRow = `INSERT INTO registry_contact (id, uuid, org_id, audience_id, kind, name, job, phone, email, email_key, hours,
		lang, verified, asked, verified_by, bounces, bounced, bounce_reason, created, updated)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$13,0,0,0,0,0,'',$12,$12)`
	setContactRow = `UPDATE registry_contact SET kind = $2, name = $3, job = $4, phone = $5, email = $6, email_key = $7, hours = $8,
		verified = $9, verified_by = $10, bounces = $11, bounced = $12, bounce_reason = $13, updated = $14, lang = $15, asked = $16 WHERE id = $1`
	// The oldest verification is 0 when one contact was never verified.
	summariseRow = `UPDATE registry_organisation SET
		contacts = (SELECT COUNT(*) FROM registry_contact x WHERE x.org_id = $1),
		contacts_verified = (SELECT COALESCE(MIN(x.verified), 0) FROM registry_contact x WHERE x.org_id = $1),
		contacts_bounced = (SELECT COALESCE(SUM(x.bounces), 0) FROM registry_contact x WHERE x.org_id = $1)
		WHERE id = $1`

	resourceCols   = `SELECT x.id, x.uuid, x.org_id, x.kind, x.value, x.note, x.created, x.updated, x.withdrawn, x.claimed, x.lo, x.hi FROM registry_resource x `
	addResourceRow = `INSERT INTO registry_resource (id, uuid, org_id, audience_id, kind, value, lo, hi, note, created, updated, withdrawn, claimed)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13)`
	setResourceRow = `UPDATE registry_resource SET value = $2, lo = $3, hi = $4, note = $5, updated = $6, withdrawn = $7, claimed = $8 WHERE id = $1`
	countResource  = `SELECT COUNT(*) FROM registry_resource WHERE org_id = $1 AND kind = $2 AND value = $3 AND withdrawn = 0 AND id <> $4`
	resourceOrder  = ` ORDER BY x.kind DESC, x.lo, x.value, x.id`

	assetCols   = `SELECT x.id, x.uuid, x.org_id, x.kind, x.name, x.product, x.criticality, x.note, x.created, x.updated, x.withdrawn FROM registry_asset x `
	addAssetRow = `INSERT INTO registry_asset (id, uuid, org_id, audience_id, kind, name, product, criticality, note, created, updated, withdrawn)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,0)`
	setAssetRow = `UPDATE registry_asset SET kind = $2, name = $3, product = $4, criticality = $5, note = $6, updated = $7, withdrawn = $8 WHERE id = $1`
	sameAsset   = `SELECT COUNT(*) FROM registry_asset WHERE org_id = $1 AND kind = $2 AND name = $3 AND withdrawn = 0`
	assetOrder  = ` ORDER BY x.criticality DESC, x.name, x.id`
)

func scanContact(s store.Scanner) (c Contact, err error) {
	var verified, asked, bounced, created, updated int64
	err = s.Scan(&c.ID, &c.UUID, &c.org, &c.Kind, &c.Name, &c.Job, &c.Phone, &c.Email, &c.Hours, &c.Lang, &verified, &asked, &c.verifiedBy,
		&c.Bounces, &bounced, &c.BounceReason, &created, &updated)
	c.Asked = instant(asked)
	c.Verified, c.Bounced, c.Created, c.Updated = instant(verified), instant(bounced), instant(created), instant(updated)
	return
}

func (s *Service) contactsOf(ctx context.Context, tx *store.Tx, org int64) ([]Contact, error) {
	return s.fresh(ctx, tx, contactCols+`WHERE org_id = $1 ORDER BY name, id`, org)
}

// contactsOfAll, resourcesOfAll and assetsOfAll read the parts of many organisations at once.
func (s *Service) contactsOfAll(ctx context.Context, tx *store.Tx, orgs []int64) (map[int64][]Contact, error) {
	list, err := s.fresh(ctx, tx, contactCols+`WHERE org_id IN `+store.In(orgs)+` ORDER BY name, id`)
	out := map[int64][]Contact{}
	for _, c := range list {
		out[c.org] = append(out[c.org], c)
	}
	return out, err
}

func resourcesOfAll(ctx context.Context, tx *store.Tx, orgs []int64) (map[int64][]Resource, error) {
	list, err := store.All(ctx, tx, scanResource, resourceCols+`WHERE x.withdrawn = 0 AND x.org_id IN `+store.In(orgs)+resourceOrder)
	out := map[int64][]Resource{}
	for _, r := range list {
		out[r.org] = append(out[r.org], r)
	}
	return out, err
}

func assetsOfAll(ctx context.Context, tx *store.Tx, orgs []int64) (map[int64][]Asset, error) {
	list, err := store.All(ctx, tx, scanAsset, assetCols+`WHERE x.withdrawn = 0 AND x.org_id IN `+store.In(orgs)+assetOrder)
	out := map[int64][]Asset{}
	for _, a := range list {
		out[a.org] = append(out[a.org], a)
	}
	return out, err
}

func (s *Service) contactsByEmail(ctx context.Context, tx *store.Tx, key string) ([]Contact, error) {
	return s.fresh(ctx, tx, contactCols+`WHERE email_key = $1 AND email_key <> '' ORDER BY id`, key)
}

// fresh reads contacts and judges each as of now.
func (s *Service) fresh(ctx context.Context, tx *store.Tx, text string, args ...any) ([]Contact, error) {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return nil, err
	}
	list, err := store.All(ctx, tx, scanContact, text, args...)
	for i, c := range list {
		list[i].Freshness = s.pack().Verify.freshness(c.Bounces, c.Verified, instant(now))
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
		v, found, err = store.First(ctx, tx, scan, cols+`WHERE x.org_id = $1 AND x.uuid = $2`, org, id)
	}
	if err == nil && !found {
		err = fault.New(fault.NotFound, "organisation %d has no such part", org)
	}
	return v, err
}

func insertContact(ctx context.Context, tx *store.Tx, c Contact, audience int64) error {
	_, err := tx.Exec(ctx, addContactRow, c.ID, c.UUID, c.org, audience, c.Kind, c.Name, c.Job, c.Phone, c.Email, emailKey(c.Email),
		c.Hours, micros(c.Created), c.Lang)
	return err
}

func updateContact(ctx context.Context, tx *store.Tx, c Contact) error {
	_, err := tx.Exec(ctx, setContactRow, c.ID, c.Kind, c.Name, c.Job, c.Phone, c.Email, emailKey(c.Email), c.Hours,
		micros(c.Verified), c.verifiedBy, c.Bounces, micros(c.Bounced), c.BounceReason, micros(c.Updated), c.Lang, micros(c.Asked))
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
	var created, updated, withdrawn, claimed int64
	err = s.Scan(&r.ID, &r.UUID, &r.org, &r.Kind, &r.Value, &r.Note, &created, &updated, &withdrawn, &claimed, &r.lo, &r.hi)
	r.Created, r.Updated, r.Withdrawn, r.Claimed = instant(created), instant(updated), instant(withdrawn), instant(claimed)
	return
}

// inUse narrows a walk over parts by their state; "" is what is in use.
func inUse(state string) string {
	switch state {
	case StateWithdrawn:
		return " AND x.withdrawn <> 0"
	case StateAll:
		return ""
	}
	return " AND x.withdrawn = 0"
}

// eachResource and eachAsset walk an organisation's parts in the order of their list.
func eachResource(ctx context.Context, tx *store.Tx, org int64, state string) iter.Seq2[Resource, error] {
	return store.Each(ctx, tx, scanResource, resourceCols+`WHERE x.org_id = $1`+inUse(state)+resourceOrder, org)
}

func eachAsset(ctx context.Context, tx *store.Tx, org int64, state string) iter.Seq2[Asset, error] {
	return store.Each(ctx, tx, scanAsset, assetCols+`WHERE x.org_id = $1`+inUse(state)+assetOrder, org)
}

// free refuses what the organisation holds already; except is the row itself, 0 = none.
func free(ctx context.Context, tx *store.Tx, r Resource, except int64) error {
	n, err := store.Int64(ctx, tx, countResource, r.org, r.Kind, r.Value, except)
	if err == nil && n > 0 {
		err = heldAlready(r)
	}
	return err
}

func heldAlready(r Resource) *fault.Error {
	return fault.New(fault.Conflict, "organisation %d holds this already", r.org).WithKey("registry.fault.held")
}

// insertResource writes r. A network starts a new epoch of the look-up table.
func insertResource(ctx context.Context, tx *store.Tx, r Resource, audience int64) error {
	if err := free(ctx, tx, r, 0); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, addResourceRow, r.ID, r.UUID, r.org, audience, r.Kind, r.Value, bound(r.lo), bound(r.hi), r.Note,
		micros(r.Created), micros(r.Updated), micros(r.Withdrawn), micros(r.Claimed))
	return heldOnce(ctx, tx, r, err)
}

func updateResource(ctx context.Context, tx *store.Tx, r Resource) error {
	if r.Withdrawn.IsZero() {
		if err := free(ctx, tx, r, r.ID); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, setResourceRow, r.ID, r.Value, bound(r.lo), bound(r.hi), r.Note, micros(r.Updated), micros(r.Withdrawn), micros(r.Claimed))
	return heldOnce(ctx, tx, r, err)
}

// heldOnce ends a write: the index decides the race that free lost.
func heldOnce(ctx context.Context, tx *store.Tx, r Resource, err error) error {
	if store.IsUnique(err) {
		return heldAlready(r).Because(err)
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

func scanAsset(s store.Scanner) (a Asset, err error) {
	var created, updated, withdrawn int64
	err = s.Scan(&a.ID, &a.UUID, &a.org, &a.Kind, &a.Name, &a.Product, &a.Criticality, &a.Note, &created, &updated, &withdrawn)
	a.Created, a.Updated, a.Withdrawn = instant(created), instant(updated), instant(withdrawn)
	return
}

func insertAsset(ctx context.Context, tx *store.Tx, a Asset, audience int64) error {
	_, err := tx.Exec(ctx, addAssetRow, a.ID, a.UUID, a.org, audience, a.Kind, a.Name, a.Product, a.Criticality, a.Note,
		micros(a.Created), micros(a.Updated))
	return err
}

func updateAsset(ctx context.Context, tx *store.Tx, a Asset) error {
	_, err := tx.Exec(ctx, setAssetRow, a.ID, a.Kind, a.Name, a.Product, a.Criticality, a.Note, micros(a.Updated), micros(a.Withdrawn))
	return err
}
