package thread

import (
	"strconv"
	"strings"
)

const (
	insertThread = `INSERT INTO thread_thread (id, kind, object, number, party, org, address, lang, token_hash, audience_id, opened, last)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$11)`
	threadCols  = `t.id, t.kind, t.object, t.number, t.party, t.org, t.address, t.lang, t.audience_id, t.opened, t.last, t.unread, t.closed`
	ofObject    = `SELECT ` + threadCols + ` FROM thread_thread t WHERE t.kind = $1 AND t.object = $2 ORDER BY t.opened`
	oneThread   = `SELECT ` + threadCols + ` FROM thread_thread t WHERE t.id = $1`
	byToken     = `SELECT ` + threadCols + ` FROM thread_thread t WHERE t.token_hash = $1`
	touchThread = `UPDATE thread_thread SET last = $2, unread = unread + $3 WHERE id = $1`
	readThread  = `UPDATE thread_thread SET unread = 0 WHERE id = $1`

	insertMessage = `INSERT INTO thread_message (id, uuid, thread_id, way, at, person, author, body, letter, message_id, reason, sealing, signature, signer, signed)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15) ON CONFLICT DO NOTHING`
	messages  = `SELECT id, uuid, way, at, person, author, body, letter, reason, sealing, signature, signer, signed FROM thread_message WHERE thread_id = $1 ORDER BY id`
	parkedID  = `SELECT id FROM thread_message WHERE uuid = $1 AND way = 'quarantine'`
	oneParked = `SELECT thread_id FROM thread_message WHERE id = $1 AND way = 'quarantine'`
	cameAt    = `SELECT at FROM thread_message WHERE id = $1`
	outSince  = `SELECT 1 FROM thread_message WHERE thread_id = $1 AND way = 'out' AND at > $2 LIMIT 1`
	freeOne   = `UPDATE thread_message SET way = 'in', reason = '' WHERE id = $1 AND way = 'quarantine'`
	dropOne   = `DELETE FROM thread_message WHERE id = $1 AND way = 'quarantine'`

	insertFile = `INSERT INTO thread_file (id, uuid, message_id, name, size, blob) VALUES ($1,$2,$3,$4,$5,$6)`
	filesOf    = `SELECT f.id, f.uuid, f.message_id, f.name, f.size, f.blob FROM thread_file f JOIN thread_message m ON m.id = f.message_id
		WHERE m.thread_id = $1 ORDER BY f.id`
	oneFile   = `SELECT f.id, f.uuid, f.message_id, f.name, f.size, f.blob, m.thread_id FROM thread_file f JOIN thread_message m ON m.id = f.message_id WHERE f.uuid = $1`
	dropFiles = `DELETE FROM thread_file WHERE message_id = $1`
)

// sortCols are the columns of Sorts.
var sortCols = map[string]string{"last": "t.last", "unread": "t.unread"}

// listing gives the threads that somebody may see behind a place ($1, $2) in an order.
func listing(visible string, f Filter, limit int) string {
	name, down := strings.CutPrefix(f.order(), "-")
	col, op, dir := sortCols[name], ">", ""
	if down {
		op, dir = "<", " DESC"
	}
	q := `SELECT ` + threadCols + ` FROM thread_thread t WHERE (` + col + `, t.id) ` + op + ` ($1, $2) AND ` + visible
	if f.Unread {
		q += ` AND t.unread > 0`
	}
	return q + ` ORDER BY ` + col + dir + `, t.id` + dir + ` LIMIT ` + strconv.Itoa(limit)
}

func countUnread(visible string) string {
	return `SELECT COUNT(*) FROM thread_thread t WHERE t.unread > 0 AND ` + visible
}

const threadsWith = `SELECT id, number, last FROM thread_thread WHERE address = $1 ORDER BY id`
