package intel

const (
	pinsOf    = `SELECT e.id FROM intel_pin p JOIN intel_event e ON e.id = p.event_id WHERE p.person_id = $1 AND `
	countPins = `SELECT COUNT(*) FROM intel_pin p JOIN intel_event e ON e.id = p.event_id WHERE p.person_id = $1`
	addPin    = `INSERT INTO intel_pin (id, person_id, event_id) VALUES ($1,$2,$3) ON CONFLICT (person_id, event_id) DO NOTHING`
	dropPin   = `DELETE FROM intel_pin WHERE person_id = $1 AND event_id = $2`
)
