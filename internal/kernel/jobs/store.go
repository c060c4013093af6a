package jobs

const (
	insertJob = `INSERT INTO jobs_job (id, kind, unique_key, priority, state, run_at, payload, created)
		VALUES ($1,$2,$3,$4,'waiting',$5,$6,$7) ON CONFLICT DO NOTHING`

	someReady = `SELECT 1 FROM jobs_job WHERE state = 'waiting' AND run_at <= $1 LIMIT 1`
	// The claim is two constants: PostgreSQL skips rows that another node is taking.
	claimLite = `UPDATE jobs_job SET state = 'running', lease_until = $2, fence = fence + 1, attempt = attempt + 1
		WHERE id IN (SELECT id FROM jobs_job WHERE state = 'waiting' AND run_at <= $1 ORDER BY priority, run_at, id LIMIT $3)
		RETURNING id, kind, fence, attempt, payload`
	claimPg = `UPDATE jobs_job SET state = 'running', lease_until = $2, fence = fence + 1, attempt = attempt + 1
		WHERE id IN (SELECT id FROM jobs_job WHERE state = 'waiting' AND run_at <= $1 ORDER BY priority, run_at, id LIMIT $3
			FOR UPDATE SKIP LOCKED)
		RETURNING id, kind, fence, attempt, payload`

	finishJob = `UPDATE jobs_job SET state = 'done', finished = $3, lease_until = 0, reason = '' WHERE id = $1 AND fence = $2 AND state = 'running'`
	retryJob  = `UPDATE jobs_job SET state = 'waiting', run_at = $3, lease_until = 0, reason = $4 WHERE id = $1 AND fence = $2 AND state = 'running'`
	parkJob   = `UPDATE jobs_job SET state = 'quarantined', finished = $3, lease_until = 0, reason = $4 WHERE id = $1 AND fence = $2 AND state = 'running'`
	renewJob  = `UPDATE jobs_job SET lease_until = $3 WHERE id = $1 AND fence = $2 AND state = 'running'`
	someLost  = `SELECT 1 FROM jobs_job WHERE state = 'running' AND lease_until < $1 LIMIT 1`
	freeLost  = `UPDATE jobs_job SET state = CASE WHEN attempt >= $2 THEN 'quarantined' ELSE 'waiting' END, reason = 'the node that ran it went away',
		lease_until = 0 WHERE state = 'running' AND lease_until < $1`

	addPeriodic = `INSERT INTO jobs_periodic (name, next_run) VALUES ($1,$2) ON CONFLICT DO NOTHING`
	duePeriodic = `SELECT name FROM jobs_periodic WHERE next_run <= $1 ORDER BY next_run, name` // in one order on every machine: the demo is the same country each time
	takeTurn    = `UPDATE jobs_periodic SET next_run = $3, last_run = $2 WHERE name = $1 AND next_run <= $2`

	pruneDone   = `DELETE FROM jobs_job WHERE state = 'done' AND finished < $1`
	countStates = `SELECT state, COUNT(*) FROM jobs_job WHERE state <> 'done' GROUP BY state`
	listJobs    = `SELECT id, kind, state, attempt, run_at, created, finished, reason FROM jobs_job WHERE state = $1 AND id < $2 ORDER BY id DESC LIMIT 51`
	againJob    = `UPDATE jobs_job SET state = 'waiting', attempt = 0, run_at = $2 WHERE id = $1 AND state = 'quarantined'`
	dropJob     = `DELETE FROM jobs_job WHERE id = $1 AND state = 'quarantined'`
	holdJobs    = `UPDATE jobs_job SET state = 'quarantined', reason = $3 WHERE state = 'waiting' AND kind >= $1 AND kind < $2`
	listTurns   = `SELECT name, next_run, last_run FROM jobs_periodic ORDER BY name`
)
