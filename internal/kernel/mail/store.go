package mail

const (
	insertLetter = `INSERT INTO mail_letter (id, created, purpose, to_addr, subject, body, lang, message_id, reply_to, in_reply_to, secret, cert, state)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,'queued')`
	letterCols  = `id, created, purpose, to_addr, subject, body, lang, message_id, reply_to, in_reply_to, state, sent, reason, secret, fingerprint, cert`
	readLetter  = `SELECT ` + letterCols + ` FROM mail_letter WHERE id = $1`
	listLetters = `SELECT ` + letterCols + ` FROM mail_letter WHERE id < $1 ORDER BY id DESC LIMIT 50`
	setState    = `UPDATE mail_letter SET state = $2, sent = $3, reason = $4, fingerprint = $5 WHERE id = $1`
	sentLately  = `SELECT COUNT(*) FROM mail_letter WHERE to_addr = $1 AND sent > $2`
)
