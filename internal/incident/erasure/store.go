package erasure

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/store"
)

const (
	// inFamily: a case and those that were merged into it.
	inFamily = ` IN (SELECT f.id FROM incident_case f WHERE f.resolved_id = $1)`

	// expiredCases are closed since before $1, and closed again since they were last
	// erased; $2 = one of them, 0 = all.
	expiredCases = `SELECT c.id, c.number, c.closed, c.retention FROM incident_case c
		WHERE c.merged_into = 0 AND c.state = 'closed' AND c.closed > 0 AND c.closed < $1 AND c.closed > c.erased
		AND (CAST($2 AS BIGINT) = 0 OR c.id = $2) ORDER BY c.closed, c.id`
	// casesOfHold: a hold on a case, on one merged into it, or on a report linked to it.
	casesOfHold = `SELECT c.resolved_id FROM incident_case c WHERE c.number = $1
		UNION SELECT c.resolved_id FROM incident_link l JOIN incident_case c ON c.id = l.case_id WHERE l.kind = 'report' AND l.label = $1`
	blobsOf       = `SELECT x.blob FROM incident_evidence x WHERE x.blob <> '' AND x.case_id` + inFamily
	proofsHere    = `SELECT x.id FROM incident_evidence x WHERE x.blob <> '' AND x.case_id` + inFamily
	threadsOfCase = `SELECT x.thread FROM incident_party x WHERE x.thread <> 0 AND x.case_id` + inFamily
	familyOf      = `SELECT c.id FROM incident_case c WHERE c.resolved_id = $1`
	lastCustody   = `INSERT INTO incident_custody (id, evidence_id, at, person, author, act, detail) VALUES ($1,$2,$3,$4,$5,'erased','')`
	// markErased comes last: version and moment tell those who follow the list.
	markErased = `UPDATE incident_case SET erased = $2, updated = $2, version = version + 1 WHERE resolved_id = $1`

	oldHandovers  = `SELECT id, shift, at FROM incident_handover WHERE at < $1 AND done > 0 AND body <> '–' ORDER BY id`
	blankHandover = `UPDATE incident_handover SET body = '–' WHERE id = $1`
)

// eraseCase takes what people wrote out of a family of cases; a dash stands where a page
// would else show nothing. Organisations of the registry keep their name here: they are
// no persons, and statistics count them.
var eraseCase = []string{
	`UPDATE incident_case SET title = number, summary = '', why = '', waiting = '', root_cause = '', impact = '' WHERE resolved_id = $1`,
	`UPDATE incident_org SET name = '–' WHERE org = 0 AND case_id` + inFamily,
	`UPDATE incident_party SET subject = '' WHERE case_id` + inFamily,
	`UPDATE incident_party SET name = '–' WHERE org = 0 AND case_id` + inFamily,
	`UPDATE incident_task SET title = '–' WHERE case_id` + inFamily,
	`UPDATE incident_entry SET body = '–', source = '' WHERE case_id` + inFamily,
	`UPDATE incident_note SET body = '–' WHERE case_id` + inFamily,
	`UPDATE incident_measure SET what = '–', who = '' WHERE case_id` + inFamily,
	`UPDATE incident_link SET relation = '' WHERE case_id` + inFamily,
	`UPDATE incident_custody SET detail = '' WHERE evidence_id IN (SELECT v.id FROM incident_evidence v WHERE v.case_id` + inFamily + `)`,
	`UPDATE incident_evidence SET name = '', about = '', blob = '' WHERE case_id` + inFamily,
	`UPDATE incident_act SET label = '', changes = '[]' WHERE case_id` + inFamily,
	`DELETE FROM incident_part_word WHERE part_id IN (SELECT q.id FROM incident_part q WHERE q.case_id` + inFamily + `)`,
}

func scanExpired(s store.Scanner) (c expired, err error) {
	c.Table = "incident_case"
	err = s.Scan(&c.ID, &c.Label, &c.At, &c.keep)
	return
}

func eraseHandovers(ctx context.Context, tx *store.Tx, w access.Sweep) (int64, error) {
	return access.EraseTx(ctx, tx, w, oldHandovers, blankHandover)
}
