package registry

import (
	"context"
	"slices"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	// allPlaces gives what decide needs of every organisation of ours.
	allPlaces = `SELECT id, uuid, kind, sector, disclosure, state, cert_id FROM registry_organisation WHERE local`
	setPlaces = `UPDATE registry_organisation SET cert_id = $1, audience_id = $2, detail_audience_id = $3,
		updated = $4, version = version + 1 WHERE id IN `
	rulesAll   = `SELECT cert_id, basis, value FROM registry_constituency ORDER BY id`
	insertRule = `INSERT INTO registry_constituency (id, cert_id, basis, value, created) VALUES ($1,$2,$3,$4,$5) ON CONFLICT DO NOTHING`
	deleteRule = `DELETE FROM registry_constituency WHERE cert_id = $1`
)

func scanPlace(s store.Scanner) (o Organisation, err error) {
	err = s.Scan(&o.ID, &o.UUID, &o.Kind, &o.Sector, &o.Disclosure, &o.State, &o.CERT)
	return
}

func scanRule(s store.Scanner) (r Rule, err error) { err = s.Scan(&r.CERT, &r.Basis, &r.Value); return }

func listRules(ctx context.Context, tx *store.Tx) ([]Rule, error) {
	return store.All(ctx, tx, scanRule, rulesAll)
}

// labelRules names the organisations that rules speak of, as far as who may see them.
func labelRules(ctx context.Context, tx *store.Tx, who ident.Actor, rules []Rule) error {
	for i, r := range rules {
		if r.Basis != ByOrganisation {
			continue
		}
		o, err := findOrg(ctx, tx, who, r.Value)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return err
		}
		rules[i].Label = o.Name
	}
	return nil
}

func addRule(ctx context.Context, tx *store.Tx, who ident.Actor, r Rule) error {
	if r.Basis == ByOrganisation {
		o, err := findOrg(ctx, tx, who, r.Value)
		if err != nil {
			return fault.Field("rules", "registry.fault.no-organisation", "a rule names no organisation").Because(err)
		}
		r.Value = o.UUID
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, insertRule, tx.DB().NewID(), r.CERT, r.Basis, r.Value, now)
	if err == nil && n == 0 {
		err = fault.New(fault.Conflict, "another CERT looks after %s %s", r.Basis, r.Value).WithKey("registry.fault.rule-taken")
	}
	return err
}

func dropRules(ctx context.Context, tx *store.Tx, cert int64) error {
	_, err := tx.Exec(ctx, deleteRule, cert)
	return err
}

func setPlace(ctx context.Context, tx *store.Tx, ids []int64, o Organisation, now int64) error {
	for batch := range slices.Chunk(ids, 500) {
		if _, err := tx.Exec(ctx, setPlaces+store.In(batch), o.CERT, o.audience, o.detail, now); err != nil {
			return err
		}
		if err := setParts(ctx, tx, batch, o.detail); err != nil {
			return err
		}
	}
	return nil
}
