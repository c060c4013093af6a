package blob

const (
	addChunk    = `INSERT INTO blob_chunk (name, n, data) VALUES ($1,$2,$3)`
	readChunk   = `SELECT data FROM blob_chunk WHERE name = $1 AND n = $2`
	dropChunks  = `DELETE FROM blob_chunk WHERE name = $1`
	addObject   = `INSERT INTO blob_object (name, size, sha256, created) VALUES ($1,$2,$3,$4)`
	dropObject  = `DELETE FROM blob_object WHERE name = $1`
	readObject  = `SELECT size, sha256 FROM blob_object WHERE name = $1`
	listObjects = `SELECT name, size, sha256 FROM blob_object ORDER BY name`

	orphanChunks = `SELECT DISTINCT c.name FROM blob_chunk c WHERE NOT EXISTS (SELECT 1 FROM blob_object o WHERE o.name = c.name)`
)
