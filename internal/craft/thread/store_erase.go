package thread

const (
	blobsIn   = `SELECT blob FROM thread_file WHERE message_id IN (SELECT id FROM thread_message WHERE thread_id IN `
	lettersIn = `SELECT letter FROM thread_message WHERE letter <> 0 AND thread_id IN `
	// The token's hash is unique and never empty.
	eraseThreads = `UPDATE thread_thread SET party = '–', address = '', token_hash = 'erased:' || CAST(id AS TEXT), unread = 0,
		closed = CASE WHEN closed = 0 THEN $1 ELSE closed END WHERE id IN `
)

// eraseIn are ended by the threads and a bracket.
var eraseIn = []string{
	`DELETE FROM thread_word WHERE message_id IN (SELECT id FROM thread_message WHERE thread_id IN `,
	`DELETE FROM thread_file WHERE message_id IN (SELECT id FROM thread_message WHERE thread_id IN `,
	`UPDATE thread_message SET body = '–', message_id = '', reason = '', letter = 0, signer = '', signed = 0, author = CASE WHEN person = 0 THEN '–' ELSE author END
		WHERE (thread_id IN `,
}
