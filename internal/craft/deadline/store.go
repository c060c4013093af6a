package deadline

const (
	insertClock = `INSERT INTO deadline_clock (id, kind, object, name, label, cert, audience_id, started, due)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9) ON CONFLICT (kind, object, name) DO NOTHING`
	clockCols  = `c.id, c.kind, c.object, c.name, c.label, c.cert, c.started, c.due, c.paused, c.why, c.done`
	ofObject   = `SELECT ` + clockCols + ` FROM deadline_clock c WHERE c.kind = $1 AND c.object = $2 ORDER BY c.due`
	pauseClock = `UPDATE deadline_clock SET paused = $4, why = $5 WHERE kind = $1 AND object = $2 AND name = $3 AND paused = 0 AND done = 0`
	// A pause moves the due moment on by its own length.
	resumeClock = `UPDATE deadline_clock SET due = due + ($4 - paused), paused = 0, why = '' WHERE kind = $1 AND object = $2 AND name = $3 AND paused > 0`
	endClock    = `UPDATE deadline_clock SET done = $4 WHERE kind = $1 AND object = $2 AND name = $3 AND done = 0`
	againClock  = `UPDATE deadline_clock SET done = 0 WHERE kind = $1 AND object = $2 AND name = $3`
	moveClock   = `UPDATE deadline_clock SET due = $4 WHERE kind = $1 AND object = $2 AND name = $3`
	dropClock   = `DELETE FROM deadline_clock WHERE kind = $1 AND object = $2 AND name = $3`

	remindable = `SELECT c.id, c.kind, c.object, c.name, c.due, c.reminded FROM deadline_clock c
		WHERE c.done = 0 AND c.paused = 0 AND c.due < $1 AND c.reminded < 2 ORDER BY c.due LIMIT 200`
	setReminded = `UPDATE deadline_clock SET reminded = $2 WHERE id = $1 AND reminded < $2`
)

func upcoming(visible string) string {
	return `SELECT ` + clockCols + ` FROM deadline_clock c WHERE c.done = 0 AND c.paused = 0 AND c.due < $1 AND ` +
		visible + ` ORDER BY c.due LIMIT 200`
}

func nearest(kind, ids string) string {
	return `SELECT ` + clockCols + ` FROM deadline_clock c WHERE c.kind = '` + kind + `' AND c.done = 0 AND c.object IN ` + ids + ` ORDER BY c.due DESC`
}
