package remark

import "straza/internal/kernel/fault"

const (
	// One row changes when the person may be told now: $4 now, $5 an hour in µs.
	noteNotice = `INSERT INTO intel_notice (event_id, about, person_id, at) VALUES ($1,$2,$3,$4)
		ON CONFLICT (event_id, about, person_id) DO UPDATE SET at = $4 WHERE intel_notice.at <= $4 - $5`
	oldNotices   = `DELETE FROM intel_notice WHERE at <= $1`
	ownersPeople = `SELECT a.id FROM intel_proposal p JOIN intel_event e ON e.id = p.event_id JOIN account_person a ON a.org_id = e.org_id
		WHERE p.id = $1 AND NOT p.deleted AND NOT e.proposal_lock AND a.state = 'active' AND (a.id = e.creator OR NOT EXISTS
		(SELECT 1 FROM account_person c WHERE c.id = e.creator AND c.state = 'active' AND c.org_id = e.org_id)) ORDER BY a.id LIMIT $2`
	proposer    = `SELECT person_id FROM intel_proposal WHERE id = $1 AND person_id <> 0`
	askedPeople = `SELECT a.id FROM intel_delegation d JOIN account_person a ON a.org_id = d.org_id WHERE d.id = $1 AND a.state = 'active'
		ORDER BY a.id LIMIT $2`
)

// orNone: what somebody may not see is no reason to write to them, and no failure.
func orNone(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
