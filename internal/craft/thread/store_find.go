package thread

import (
	"strconv"

	"straza/internal/craft/search"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

var wordIndex = search.Index{Table: "thread_word", Object: "message_id", List: "thread_message"}

const (
	// saidBy is what of a message is searched: its text and the party's name.
	saidBy    = `SELECT m.body, t.party FROM thread_message m JOIN thread_thread t ON t.id = m.thread_id WHERE m.id = $1`
	unindexed = `SELECT m.id FROM thread_message m WHERE m.way <> 'quarantine' AND NOT EXISTS (SELECT 1 FROM thread_word w WHERE w.message_id = m.id) AND m.id > $1 ORDER BY m.id LIMIT $2`
)

// foundPages are the shapes of one page of messages, as search.Terms needs them.
func foundPages(who ident.Actor, terms search.Terms, limit int) []func() (string, []any) {
	return terms.Newest("thread_message", "m", "w.id DESC", func(from, words string) string {
		return "SELECT t.id, t.kind, t.object, t.number, t.party, m.id, m.way, m.at, m.author, m.body FROM " + from +
			" JOIN thread_thread t ON t.id = m.thread_id WHERE " + words + " AND m.way <> 'quarantine' AND " +
			access.VisibleScan(who, "t.audience_id") + " ORDER BY m.id DESC LIMIT " + strconv.Itoa(limit)
	})
}

func scanFound(s store.Scanner) (f Found, err error) {
	err = s.Scan(&f.Thread.ID, &f.Thread.Kind, &f.Thread.Object, &f.Thread.Number, &f.Thread.Party, &f.Message.ID, &f.Message.Way, &f.Message.At, &f.Message.Author, &f.Message.Body)
	return
}
