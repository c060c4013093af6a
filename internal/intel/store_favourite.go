package intel

const (
	favouritesOf   = `SELECT t.id FROM intel_favourite f JOIN intel_tag t ON t.id = f.tag_id WHERE f.person_id = $1 AND `
	favouriteCount = `SELECT COUNT(*) FROM intel_favourite WHERE person_id = $1`
	addFavourite   = `INSERT INTO intel_favourite (id, person_id, tag_id) VALUES ($1,$2,$3) ON CONFLICT (person_id, tag_id) DO NOTHING`
	dropFavourite  = `DELETE FROM intel_favourite WHERE person_id = $1 AND tag_id = $2`
)
