package incident

import (
	"context"
	"encoding/json"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const openHead = `SELECT 1 FROM incident_case c JOIN incident_case h ON h.id = c.resolved_id WHERE c.id = $1 AND h.state <> $2`

const caseCols = `c.id, c.uuid, c.number, c.cert, c.title, c.summary, c.state, c.waiting, c.lead, c.lead_name, c.severity,
	c.computed, c.rule, c.why, c.facts, c.tlp, c.pap, c.classes, c.national, c.sectors, c.tags, c.root_cause, c.impact, c.lessons,
	c.retention, c.aware, c.answered, c.opened, c.closed, c.updated, c.version, c.merged_into, c.audience_id, c.resolved_id, c.erased`

const (
	insertCase = `INSERT INTO incident_case (id, uuid, number, cert, audience_id, title, summary, state, waiting, lead, lead_name,
		severity, severity_rank, computed, rule, why, facts, tlp, pap, class, class_of, classes, national, sectors, tags, root_cause, impact,
		lessons, retention, aware, answered, opened, closed, updated, merged_into, resolved_id, version)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,'',$9,$10,$11,$12,'','',$13,'{}',$14,$15,$16,$17,$18,$19,$20,'[]','','','','',$21,0,$22,0,$22,0,$1,1)`
	caseOfNumber = `SELECT c.resolved_id FROM incident_case c WHERE c.number = $1`
	caseOfUUID   = `SELECT c.resolved_id FROM incident_case c WHERE c.uuid = $1`
	caseOfID     = `SELECT c.resolved_id FROM incident_case c WHERE c.id = $1`
	bumpCase     = `UPDATE incident_case SET version = version + 1, updated = $3 WHERE id = $1 AND version = $2`
	touchCase    = `UPDATE incident_case SET version = version + 1, updated = $2 WHERE id = $1`
	setResolved  = `UPDATE incident_case SET resolved_id = $2 WHERE id = $1`
	familyLinks  = `SELECT id, merged_into, resolved_id FROM incident_case WHERE resolved_id IN `
	familyOf     = `SELECT id FROM incident_case WHERE resolved_id = $1`
	orgsOf       = `SELECT o.case_id, o.id, o.org, o.name FROM incident_org o WHERE o.case_id IN `
	mergedInto   = `SELECT number FROM incident_case WHERE resolved_id = $1 AND merged_into > 0 ORDER BY id`
)

func seenCase(who ident.Actor) string {
	return `SELECT ` + caseCols + ` FROM incident_case c WHERE c.id = $1 AND ` + access.Visible(who, "c.audience_id")
}

func scanCase(s store.Scanner) (c Case, err error) {
	var facts, classes, national, sectors, tags string
	err = s.Scan(&c.ID, &c.UUID, &c.Number, &c.CERT, &c.Title, &c.Summary, &c.State, &c.Waiting, &c.Lead, &c.LeadName, &c.Severity,
		&c.Computed, &c.Rule, &c.Why, &facts, &c.TLP, &c.PAP, &classes, &national, &sectors, &tags, &c.RootCause, &c.Impact, &c.Lessons,
		&c.Retention, &c.Aware, &c.Answered, &c.Opened, &c.Closed, &c.Updated, &c.Version, &c.Merged, &c.audience, &c.resolved, &c.Erased)
	if err != nil {
		return c, err
	}
	c.Classes, c.National, c.Sectors, c.Tags = unpack(classes), unpack(national), unpack(sectors), unpack(tags)
	return c, json.Unmarshal([]byte(facts), &c.Facts)
}

// headTx finds the case that a number, UUID or id leads to, as far as who sees
// it: a merged one leads to the case it went into. Faults: NotFound.
func headTx(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (*Case, error) {
	q, arg := caseOfNumber, any(ref)
	if u, ok := store.ParseUUID(ref); ok {
		q, arg = caseOfUUID, u
	}
	id, err := store.Int64(ctx, tx, q, arg)
	if err != nil {
		return nil, err
	}
	return caseTx(ctx, tx, who, id)
}

// caseByID is headTx by our own number.
func caseByID(ctx context.Context, tx *store.Tx, who ident.Actor, id int64) (*Case, error) {
	id, err := store.Int64(ctx, tx, caseOfID, id)
	if err != nil {
		return nil, err
	}
	return caseTx(ctx, tx, who, id)
}

// holdCase lets acts on a case that expect no version follow each other: on PostgreSQL
// the row is held until the end, SQLite has one writer anyway.
func holdCase(ctx context.Context, tx *store.Tx, id int64) error {
	if tx.Engine() != store.PostgreSQL {
		return nil
	}
	_, err := store.Int64(ctx, tx, `SELECT id FROM incident_case WHERE id = $1 FOR UPDATE`, id)
	return err
}

func caseTx(ctx context.Context, tx *store.Tx, who ident.Actor, id int64) (*Case, error) {
	c, found, err := store.First(ctx, tx, scanCase, seenCase(who), id)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, missing("case")
	}
	return &c, fillOrgs(ctx, tx, []*Case{&c})
}

func fillOrgs(ctx context.Context, tx *store.Tx, cases []*Case) error {
	if len(cases) == 0 {
		return nil
	}
	by, ids := map[int64]*Case{}, make([]int64, 0, len(cases))
	for _, c := range cases {
		by[c.ID], ids = c, append(ids, c.ID)
	}
	type row struct {
		c int64
		o Org
	}
	rows, err := store.All(ctx, tx, func(s store.Scanner) (r row, err error) {
		err = s.Scan(&r.c, &r.o.Row, &r.o.ID, &r.o.Name)
		return
	}, orgsOf+store.In(ids)+` ORDER BY o.id`)
	for _, r := range rows {
		by[r.c].Orgs = append(by[r.c].Orgs, r.o)
	}
	return err
}

func writeWords(ctx context.Context, tx *store.Tx, c *Case) error {
	return wordIndex.Rewrite(ctx, tx, c.ID, words(c))
}

// LockTx lets acts on a case follow each other until the end of the transaction.
func (s *Service) LockTx(ctx context.Context, tx *store.Tx, _ ident.Actor, id int64) error {
	return holdCase(ctx, tx, id)
}

// IsOpenTx tells whether a case, or the one it was merged into, is not closed.
func (s *Service) IsOpenTx(ctx context.Context, tx *store.Tx, _ ident.Actor, id int64) (bool, error) {
	n, err := store.Int64(ctx, tx, openHead, id, string(Closed))
	return n == 1, err
}

// WordsTx makes the words by which a case is found anew from its row.
func (s *Service) WordsTx(ctx context.Context, tx *store.Tx, _ ident.Actor, id int64) error {
	c, found, err := store.First(ctx, tx, scanCase, anyCase, id)
	if err != nil || !found {
		return err
	}
	if err := fillOrgs(ctx, tx, []*Case{&c}); err != nil {
		return err
	}
	return writeWords(ctx, tx, &c)
}

// anyCase is for derived work after an act that was authorised.
const anyCase = `SELECT ` + caseCols + ` FROM incident_case c WHERE c.id = $1`
