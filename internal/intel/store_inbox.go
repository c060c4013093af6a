package intel

import (
	"context"
	"strconv"
	"strings"

	"straza/internal/format/taxii"
	"straza/internal/kernel/store"
)

const (
	addInboxPost = `INSERT INTO intel_inbox_post (id, uuid, org_id, person_id, asked, ended) VALUES ($1,$2,$3,$4,$5,$6)`
	endInboxPost = `UPDATE intel_inbox_post SET ended = $2 WHERE id = $1`
	takeInbox    = `UPDATE intel_inbox SET state = 1, added = $2 + place + 1, message = $3 WHERE post_id = $1 AND state = 0`
	refuseInbox  = `UPDATE intel_inbox SET state = 2, added = 0, message = $3 WHERE post_id = $1 AND stix_id = $2 AND state = 1`

	// Which of an object's versions are its last and its first, for those that one POST brought.
	markLatest = `UPDATE intel_inbox SET latest = NOT EXISTS (SELECT 1 FROM intel_inbox y WHERE y.org_id = $2 AND y.stix_id = intel_inbox.stix_id
		AND y.state = 1 AND y.ver > intel_inbox.ver) WHERE org_id = $2 AND state = 1 AND stix_id IN (SELECT x.stix_id FROM intel_inbox x WHERE x.post_id = $1)`
	markEarliest = `UPDATE intel_inbox SET earliest = NOT EXISTS (SELECT 1 FROM intel_inbox y WHERE y.org_id = $2 AND y.stix_id = intel_inbox.stix_id
		AND y.state = 1 AND y.ver < intel_inbox.ver) WHERE org_id = $2 AND state = 1 AND stix_id IN (SELECT x.stix_id FROM intel_inbox x WHERE x.post_id = $1)`
	markAllLatest   = `UPDATE intel_inbox SET latest = NOT EXISTS (SELECT 1 FROM intel_inbox y WHERE y.org_id = $2 AND y.stix_id = $1 AND y.state = 1 AND y.ver > intel_inbox.ver) WHERE org_id = $2 AND stix_id = $1 AND state = 1`
	markAllEarliest = `UPDATE intel_inbox SET earliest = NOT EXISTS (SELECT 1 FROM intel_inbox y WHERE y.org_id = $2 AND y.stix_id = $1 AND y.state = 1 AND y.ver < intel_inbox.ver) WHERE org_id = $2 AND stix_id = $1 AND state = 1`

	// A day after a POST was taken in nobody may ask for it; what it brought stays.
	sweepRefused = `DELETE FROM intel_inbox WHERE state IN (2, 3) AND post_id IN (SELECT p.id FROM intel_inbox_post p WHERE p.ended > 0 AND p.ended < $1)`
	sweepPosts   = `DELETE FROM intel_inbox_post WHERE ended > 0 AND ended < $1`
)

var inboxColumns = []string{"id", "org_id", "post_id", "place", "stix_id", "type", "version", "ver", "state", "message", "added", "latest", "earliest", "json"}

// inboxRow is one object as it lies there.
type inboxRow struct {
	InboxEntry
	id, org, post, place int64
	ver, state           int64
	message              string
}

func (r inboxRow) columns() []any {
	return []any{r.id, r.org, r.post, r.place, r.ID, r.Type, r.Version, r.ver, r.state, r.Refused, int64(0), false, false, r.JSON}
}

type postRow struct {
	id, org, person, asked, ended int64
	uuid                          string
}

const postCols = `SELECT id, org_id, person_id, asked, ended, uuid FROM intel_inbox_post WHERE `

func readInboxPost(ctx context.Context, tx *store.Tx, org int64, uuid string) (p postRow, found bool, err error) {
	found, err = tx.Row(ctx, postCols+"org_id = $1 AND uuid = $2", []any{org, uuid}, &p.id, &p.org, &p.person, &p.asked, &p.ended, &p.uuid)
	return p, found, err
}

func inboxPostByID(ctx context.Context, tx *store.Tx, id int64) (p postRow, found bool, err error) {
	found, err = tx.Row(ctx, postCols+"id = $1", []any{id}, &p.id, &p.org, &p.person, &p.asked, &p.ended, &p.uuid)
	return p, found, err
}

// inboxRows lists what a POST brought; content asks for what waits, with its JSON.
func inboxRows(ctx context.Context, tx *store.Tx, post int64, content bool) ([]inboxRow, error) {
	cols, where := "''", ""
	if content {
		cols, where = "json", " AND state = 0"
	}
	return store.All(ctx, tx, func(s store.Scanner) (r inboxRow, err error) {
		var text any = new(string)
		if content {
			text = &r.JSON
		}
		err = s.Scan(&r.id, &r.place, &r.ID, &r.Type, &r.Version, &r.ver, &r.state, &r.message, text)
		return r, err
	}, "SELECT id, place, stix_id, type, version, ver, state, message, "+cols+" FROM intel_inbox WHERE post_id = $1"+where+" ORDER BY place", post)
}

func inboxKey(id string, ver int64) string { return id + " " + strconv.FormatInt(ver, 10) }

// inboxVersions gives which versions of these objects are here already.
func inboxVersions(ctx context.Context, tx *store.Tx, org int64, list []InboxEntry) (map[string]bool, error) {
	out := map[string]bool{}
	for len(list) > 0 {
		part := list[:min(len(list), 500)]
		list = list[len(part):]
		ids := make([]string, 0, 500)
		for _, e := range part {
			ids = append(ids, e.ID)
		}
		for len(ids) < 500 { // one statement, whatever the number
			ids = append(ids, ids[0])
		}
		marks, args := placeholders(2, ids)
		keys, err := store.All(ctx, tx, func(s store.Scanner) (string, error) {
			var id string
			var ver int64
			err := s.Scan(&id, &ver)
			return inboxKey(id, ver), err
		}, "SELECT stix_id, ver FROM intel_inbox WHERE org_id = $1 AND state IN (0, 1) AND stix_id IN ("+marks+")", append([]any{org}, args...)...)
		if err != nil {
			return nil, err
		}
		for _, k := range keys {
			out[k] = true
		}
	}
	return out, nil
}

// listInbox is a page of an inbox in the order of addition.
func listInbox(ctx context.Context, tx *store.Tx, org int64, q taxii.Query, after int64, limit int) ([]SharedObject, error) {
	where, args := inboxFilters(q, []any{org, after})
	return store.All(ctx, tx, func(s store.Scanner) (o SharedObject, err error) {
		err = s.Scan(&o.row, &o.ID, &o.Type, &o.Version, &o.Added)
		return o, err
	}, "SELECT t.id, t.stix_id, t.type, t.version, t.added FROM intel_inbox t WHERE t.org_id = $1 AND t.state = 1 AND t.added > $2"+where+
		" ORDER BY t.added LIMIT "+strconv.Itoa(limit), args...)
}

// inboxFilters is filters for rows that carry their date themselves.
func inboxFilters(q taxii.Query, args []any) (string, []any) {
	where, args := filters(q, args)
	return strings.ReplaceAll(where, "t.seq + (SELECT x.base FROM intel_stix_batch x WHERE x.id = t.batch_id)", "t.added"), args
}

// inboxContent reads objects of an organisation's inbox by row.
func inboxContent(ctx context.Context, tx *store.Tx, org int64, part []SharedObject) (map[int64][]byte, error) {
	type one struct {
		id   int64
		json []byte
	}
	rows := make([]int64, len(part))
	for i, o := range part {
		rows[i] = o.row
	}
	out := map[int64][]byte{}
	list, args := few(2, rows)
	for v, err := range store.Each(ctx, tx, func(s store.Scanner) (v one, err error) { err = s.Scan(&v.id, &v.json); return },
		"SELECT t.id, t.json FROM intel_inbox t WHERE t.org_id = $1 AND t.state = 1 AND t.id IN "+list, append([]any{org}, args...)...) {
		if err != nil {
			return nil, err
		}
		out[v.id] = v.json
	}
	return out, nil
}

func deleteInbox(ctx context.Context, tx *store.Tx, org int64, id string, versions taxii.VersionFilter) (int64, error) {
	where, args := inboxFilters(taxii.Query{Versions: versions}, []any{org, id})
	n, err := tx.Exec(ctx, "DELETE FROM intel_inbox WHERE id IN (SELECT t.id FROM intel_inbox t WHERE t.org_id = $1 AND t.stix_id = $2 AND t.state = 1"+where+")", args...)
	for _, text := range []string{markAllLatest, markAllEarliest} {
		if err == nil && n > 0 {
			_, err = tx.Exec(ctx, text, id, org)
		}
	}
	return n, err
}

func sweepInbox(ctx context.Context, tx *store.Tx, before int64) error {
	if _, err := tx.Exec(ctx, sweepRefused, before); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, sweepPosts, before)
	return err
}
