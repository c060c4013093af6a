package remark

import "straza/internal/kernel/fault"

const (
	// $2 the proposal itself, $3 an hour in µs: somebody was told a moment ago.
	proposedLately = `SELECT COUNT(*) FROM intel_proposal p JOIN intel_proposal q ON q.id = $2
		WHERE p.event_id = $1 AND p.id < q.id AND p.created > q.created - $3`
	decidedLately = `SELECT COUNT(*) FROM intel_proposal p JOIN intel_proposal q ON q.id = $2
		WHERE p.event_id = $1 AND p.id <> q.id AND p.person_id = q.person_id AND p.decided_by <> 0 AND p.timestamp > q.timestamp - $3
		AND (p.timestamp < q.timestamp OR p.timestamp = q.timestamp AND p.id < q.id)`
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
