package intel

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/taxii"
	"straza/internal/kernel/store"
)

const (
	addInboxPost = `INSERT INTO intel_inbox_post (id, uuid, org_id, person_id, asked, ended, collection_id, server_id) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`
	endInboxPost = `UPDATE intel_inbox_post SET ended = $2 WHERE id = $1`
	takeInbox    = `UPDATE intel_inbox SET state = 1, added = $2 + place + 1, message = $3 WHERE post_id = $1 AND state = 0`
	refuseInbox  = `UPDATE intel_inbox SET state = 2, added = 0, message = $3, same = 'row ' || CAST(id AS TEXT) WHERE post_id = $1 AND stix_id = $2 AND state = 1`

	// Which of an object's versions are its last and its first, for those that one
	// POST brought, or for one object.
	markEnds = `UPDATE intel_inbox SET
		latest = NOT EXISTS (SELECT 1 FROM intel_inbox y WHERE y.org_id = $2 AND y.stix_id = intel_inbox.stix_id AND y.state = 1 AND y.ver > intel_inbox.ver),
		earliest = NOT EXISTS (SELECT 1 FROM intel_inbox y WHERE y.org_id = $2 AND y.stix_id = intel_inbox.stix_id AND y.state = 1 AND y.ver < intel_inbox.ver)
		WHERE org_id = $2 AND state = 1 AND stix_id `
	markBrought = markEnds + `IN (SELECT x.stix_id FROM intel_inbox x WHERE x.post_id = $1)`
	markObject  = markEnds + `= $1`

	// A day after a POST was taken in nobody may ask for it; what it brought stays.
	sweepRefused = `DELETE FROM intel_inbox WHERE state IN (2, 3) AND post_id IN (SELECT p.id FROM intel_inbox_post p WHERE p.ended > 0 AND p.ended < $1)`
	// A collection that went meanwhile gets nothing.
	pickOfPost = `INSERT INTO intel_collection_pick (id, collection_id, event_id) SELECT $1, d.id, e.id FROM intel_collection d, intel_event e
		WHERE d.id = $2 AND d.inbox AND e.id = $3 ON CONFLICT (collection_id, event_id) DO NOTHING`
	sweepPosts = `DELETE FROM intel_inbox_post WHERE ended > 0 AND ended < $1`
)

var inboxColumns = []string{"id", "org_id", "post_id", "place", "stix_id", "type", "version", "ver", "state", "message", "added", "latest", "earliest", "json", "same"}

// inboxRow is one object as it lies there.
type inboxRow struct {
	InboxEntry
	id, org, post, place int64
	ver, state           int64
	message              string
}

func (r inboxRow) columns() []any {
	same := "row " + strconv.FormatInt(r.id, 10)
	if r.state == inboxPending {
		same = inboxKey(r.org, r.ID, r.ver)
	}
	return []any{r.id, r.org, r.post, r.place, r.ID, r.Type, r.Version, r.ver, r.state, r.Refused, int64(0), false, false, r.JSON, same}
}

type postRow struct {
	id, org, person, asked, ended int64
	collection, server            int64
	uuid                          string
}

const postCols = `SELECT id, org_id, person_id, asked, ended, collection_id, server_id, uuid FROM intel_inbox_post WHERE `

func readInboxPost(ctx context.Context, tx *store.Tx, org int64, uuid string) (p postRow, found bool, err error) {
	found, err = tx.Row(ctx, postCols+"org_id = $1 AND uuid = $2", []any{org, uuid}, &p.id, &p.org, &p.person, &p.asked, &p.ended, &p.collection, &p.server, &p.uuid)
	return p, found, err
}

func inboxPostByID(ctx context.Context, tx *store.Tx, id int64) (p postRow, found bool, err error) {
	found, err = tx.Row(ctx, postCols+"id = $1", []any{id}, &p.id, &p.org, &p.person, &p.asked, &p.ended, &p.collection, &p.server, &p.uuid)
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

// inboxKey stands for a version of an object in an organisation's inbox.
func inboxKey(org int64, id string, ver int64) string {
	return strconv.FormatInt(org, 10) + " " + strconv.FormatInt(ver, 10) + " " + id
}

// inboxHave gives which of these keys are in an inbox already: by the one index
// that has nothing but them, because PostgreSQL, told of an organisation and a
// state as well, walks the whole inbox for each list.
func inboxHave(ctx context.Context, tx *store.Tx, keys []string) (map[string]bool, error) {
	out := map[string]bool{}
	for part := range slices.Chunk(keys, 500) {
		for len(part) < 500 { // one statement, whatever the number
			part = append(part[:len(part):len(part)], part[0])
		}
		marks, args := placeholders(1, part)
		have, err := store.All(ctx, tx, store.ScanString, "SELECT same FROM intel_inbox WHERE same IN ("+marks+")", args...)
		if err != nil {
			return nil, err
		}
		for _, k := range have {
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
	return strings.ReplaceAll(where, dateOfBatch, "t.added"), args
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
	if err == nil && n > 0 {
		_, err = tx.Exec(ctx, markObject, id, org)
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

// stampsOf gives the timestamps of attributes or objects by id.
func stampsOf(ctx context.Context, tx *store.Tx, table string, ids []int64) (map[int64]int64, error) {
	out := map[int64]int64{}
	for part := range slices.Chunk(ids, 500) {
		list, err := store.All(ctx, tx, func(s store.Scanner) (v [2]int64, err error) { err = s.Scan(&v[0], &v[1]); return },
			"SELECT id, timestamp FROM "+table+" WHERE id IN "+store.In(part))
		if err != nil {
			return nil, err
		}
		for _, v := range list {
			out[v[0]] = v[1]
		}
	}
	return out, nil
}
