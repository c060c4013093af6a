package rule

import (
	"context"
	"encoding/json"

	"straza/internal/kernel/store"
)

const (
	ruleCols = `r.id, r.uuid, r.cert_id, r.person_id, r.name, r.event, r.cond, r.acts, r.active, r.hourly, r.version, r.created, r.changed, r.gone`

	insertRule = `INSERT INTO rule_rule (id, uuid, cert_id, person_id, name, event, cond, acts, active, hourly, version, created, changed, gone)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,1,$11,$11,0)`
	updateRule = `UPDATE rule_rule SET person_id = $3, name = $4, event = $5, cond = $6, acts = $7, active = $8, hourly = $9, changed = $10, gone = $11, version = version + 1
		WHERE id = $1 AND version = $2`
	oneRule  = `SELECT ` + ruleCols + ` FROM rule_rule r WHERE r.uuid = $1`
	ruleByID = `SELECT ` + ruleCols + ` FROM rule_rule r WHERE r.id = $1`
	rulesOf  = `SELECT ` + ruleCols + ` FROM rule_rule r WHERE r.gone = 0 AND r.cert_id = $1 AND (r.cert_id > 0 OR r.person_id = $2) ORDER BY r.id`
	rulesOn  = `SELECT ` + ruleCols + ` FROM rule_rule r WHERE r.gone = 0 AND r.active AND r.event = $1 ORDER BY r.id`
	tallies  = `SELECT x.rule_id, COUNT(*), SUM(CASE WHEN x.state = 'asked' THEN 1 ELSE 0 END), SUM(CASE WHEN x.state = 'failed' THEN 1 ELSE 0 END), MAX(x.at)
		FROM rule_run x JOIN rule_rule r ON r.id = x.rule_id WHERE r.gone = 0 AND r.cert_id = $1 AND (r.cert_id > 0 OR r.person_id = $2) AND x.at > $3 GROUP BY x.rule_id`
	countOwn  = `SELECT COUNT(*) FROM rule_rule WHERE gone = 0 AND cert_id = $1 AND (cert_id > 0 OR person_id = $2)`
	sinceHour = `SELECT COUNT(*) FROM rule_run WHERE rule_id = $1 AND at > $2`

	insertRun = `INSERT INTO rule_run (id, rule_id, cause, subject, at, acts, step, state, said, ended, decided_by)
		VALUES ($1,$2,$3,$4,$5,$6,0,$7,'[]',0,0) ON CONFLICT DO NOTHING`
	runCols  = `x.id, x.rule_id, x.subject, x.at, x.acts, x.step, x.state, x.said, x.ended, x.decided_by`
	oneRun   = `SELECT ` + runCols + ` FROM rule_run x WHERE x.id = $1`
	stepRun  = `UPDATE rule_run SET step = $3, state = $4, said = $5, ended = $6, decided_by = $7 WHERE id = $1 AND step = $2 AND state = $8`
	runsOf   = `SELECT ` + runCols + ` FROM rule_run x WHERE x.rule_id = $1 AND x.id < $2 ORDER BY x.id DESC LIMIT $3`
	asking   = `SELECT ` + runCols + ` FROM rule_run x JOIN rule_rule r ON r.id = x.rule_id WHERE x.state = 'asked' AND r.cert_id = $1 AND r.cert_id > 0 AND x.id < $2 ORDER BY x.id DESC LIMIT $3`
	countAsk = `SELECT COUNT(*) FROM rule_run x JOIN rule_rule r ON r.id = x.rule_id WHERE x.state = 'asked' AND r.cert_id = $1 AND r.cert_id > 0`
	// Runs that wait for a letter: which rules have some, and one rule's, in order.
	gathering = `SELECT DISTINCT x.rule_id FROM rule_run x WHERE x.state = 'gathered' ORDER BY x.rule_id`
	gathered  = `SELECT ` + runCols + ` FROM rule_run x WHERE x.rule_id = $1 AND x.id > $2 AND x.state = 'gathered' AND x.at < $3 ORDER BY x.id LIMIT 500`
	oldRuns   = `DELETE FROM rule_run WHERE id IN (SELECT id FROM rule_run WHERE ended > 0 AND at < $1 ORDER BY at LIMIT 5000)`

	insertLine = `INSERT INTO rule_line (id, rule_id, person_id, subject, at, sent) VALUES ($1,$2,$3,$4,$5,$6)`
	toldLately = `SELECT COUNT(*) FROM rule_line WHERE rule_id = $1 AND person_id = $2 AND (sent = 0 OR sent > $3)`
	crowds     = `SELECT person_id, MIN(at), MAX(at) FROM rule_line WHERE sent = 0 GROUP BY person_id ORDER BY person_id`
	crowd      = `SELECT rule_id, subject FROM rule_line WHERE person_id = $1 AND sent = 0 AND id <= $2 ORDER BY rule_id, id`
	lastLine   = `SELECT COALESCE(MAX(id), 0) FROM rule_line WHERE person_id = $1 AND sent = 0`
	sendLines  = `UPDATE rule_line SET sent = $3 WHERE person_id = $1 AND sent = 0 AND id <= $2`
	oldLines   = `DELETE FROM rule_line WHERE sent > 0 AND sent < $1`
)

// holdRule lets workers that tell of the same rule follow each other, so that each counts
// the letters of those before it: on PostgreSQL the row is held until the end, SQLite has
// one writer anyway. What only points at the rule does not wait.
func holdRule(ctx context.Context, tx *store.Tx, id int64) error {
	if tx.Engine() != store.PostgreSQL {
		return nil
	}
	_, err := store.Int64(ctx, tx, `SELECT id FROM rule_rule WHERE id = $1 FOR NO KEY UPDATE`, id)
	return err
}

func scanRule(s store.Scanner) (r Rule, err error) {
	var cond, acts string
	if err = s.Scan(&r.ID, &r.UUID, &r.CERT, &r.Person, &r.Name, &r.Trigger, &cond, &acts, &r.Active, &r.Hourly, &r.Version, &r.Created, &r.Changed, &r.Gone); err != nil {
		return r, err
	}
	if err = json.Unmarshal([]byte(cond), &r.Cond); err == nil {
		err = json.Unmarshal([]byte(acts), &r.Acts)
	}
	return r, err
}

func scanRun(s store.Scanner) (x Run, err error) {
	var acts, said string
	if err = s.Scan(&x.ID, &x.Rule, &x.Subject, &x.At, &acts, &x.Step, &x.State, &said, &x.Ended, &x.DecidedBy); err != nil {
		return x, err
	}
	if err = json.Unmarshal([]byte(acts), &x.Acts); err == nil {
		err = json.Unmarshal([]byte(said), &x.Said)
	}
	return x, err
}

type tally struct{ rule, runs, waiting, failed, last int64 }

func scanTally(s store.Scanner) (t tally, err error) {
	err = s.Scan(&t.rule, &t.runs, &t.waiting, &t.failed, &t.last)
	return
}
