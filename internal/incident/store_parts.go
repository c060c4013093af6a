package incident

import (
	"context"

	"straza/internal/craft/thread"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Every list of parts takes the case's id and gives those of the merged ones too.
const (
	inFamily = ` IN (SELECT f.id FROM incident_case f WHERE f.resolved_id = $1)`

	tasksOf     = `SELECT t.id, t.title, t.due, t.assignee, t.assignee_name, t.done, t.done_by, t.created FROM incident_task t WHERE t.case_id` + inFamily + ` ORDER BY t.id`
	entryCols   = `SELECT e.id, e.kind, e.happened, e.zone, e.recorded, e.body, e.source, e.technique, e.author FROM incident_entry e WHERE e.case_id` + inFamily
	entriesFrom = entryCols + ` AND (e.happened, e.id) < ($2, $3) ORDER BY e.happened DESC, e.id DESC LIMIT $4`
	entriesKind = entryCols + ` AND e.kind = $2 AND (e.happened, e.id) < ($3, $4) ORDER BY e.happened DESC, e.id DESC LIMIT $5`
	entryByID   = entryCols + ` AND e.id = $2`
	entryCounts = `SELECT e.kind, COUNT(*) FROM incident_entry e WHERE e.case_id` + inFamily + ` GROUP BY e.kind`
	notesOf     = `SELECT n.id, n.body, n.person, n.author, n.at, n.edited, n.revision FROM incident_note n WHERE n.case_id` + inFamily + ` ORDER BY n.id`
	measuresOf  = `SELECT m.id, m.what, m.who, m.state, m.requested, m.active, m.removed FROM incident_measure m WHERE m.case_id` + inFamily + ` ORDER BY m.id`
	linkCols    = `l.id, l.kind, l.ref, l.label, l.relation, l.at, l.author, 0`
	linksOf     = `SELECT ` + linkCols + ` FROM incident_link l WHERE l.case_id` + inFamily + ` ORDER BY l.id`
	linksBack   = `SELECT l.id, 'case', c.id, c.number, l.relation, l.at, l.author, 1 FROM incident_link l JOIN incident_case o ON o.id = l.case_id
		JOIN incident_case c ON c.id = o.resolved_id WHERE l.kind = 'case' AND l.ref` + inFamily + ` AND c.id <> $1 ORDER BY l.id`
	linkTouches = `SELECT 1 FROM incident_link l JOIN incident_case c ON c.id = l.case_id WHERE l.id = $1 AND (c.resolved_id = $2 OR
		l.kind = 'case' AND EXISTS (SELECT 1 FROM incident_case o WHERE o.id = l.ref AND o.resolved_id = $2))`
	reportLinks = `SELECT l.id FROM incident_link l WHERE l.case_id` + inFamily + ` AND l.kind = 'report' AND l.ref = $2`
	countLinks  = `SELECT COUNT(*) FROM incident_link WHERE case_id = $1 AND kind = $2`
	casesLinked = `SELECT DISTINCT c.resolved_id FROM incident_link l JOIN incident_case c ON c.id = l.case_id WHERE l.kind = $1 AND l.ref = $2 ORDER BY 1`
	whereCase   = `SELECT c.resolved_id FROM incident_case c WHERE c.id = $1`

	partyCols = `p.id, p.uuid, p.case_id, p.org, p.name, p.audience_id, p.number, p.subject, p.tlp, p.state, p.deadline, p.thread, p.created, p.updated, p.answered`
	partsOf   = `SELECT 'task', id FROM incident_task WHERE case_id = $1 UNION ALL SELECT 'party', id FROM incident_party WHERE case_id = $1`
	// partCounts counts what hangs on a case and on those merged into it.
	partCounts = `SELECT (SELECT COUNT(*) FROM incident_task x WHERE x.case_id` + inFamily + `), (SELECT COUNT(*) FROM incident_entry x WHERE x.case_id` + inFamily + `),
		(SELECT COUNT(*) FROM incident_note x WHERE x.case_id` + inFamily + `), (SELECT COUNT(*) FROM incident_party x WHERE x.case_id` + inFamily + `),
		(SELECT COUNT(*) FROM incident_evidence x WHERE x.case_id` + inFamily + `), (SELECT COUNT(*) FROM incident_link x WHERE x.case_id` + inFamily + `)`
	partiesOf  = `SELECT ` + partyCols + ` FROM incident_party p WHERE p.case_id` + inFamily + ` ORDER BY p.id`
	oneParty   = `SELECT ` + partyCols + ` FROM incident_party p WHERE p.id = $1`
	partyNamed = `SELECT ` + partyCols + ` FROM incident_party p WHERE p.uuid = $1`
	partyBy    = `SELECT ` + partyCols + ` FROM incident_party p WHERE p.thread = $1`

	evidenceCols = `v.id, v.uuid, v.label, v.name, v.about, v.size, v.sha256, v.blob, v.at, v.author`
	evidenceOf   = `SELECT ` + evidenceCols + ` FROM incident_evidence v WHERE v.case_id` + inFamily + ` ORDER BY v.id`
	oneEvidence  = `SELECT ` + evidenceCols + ` FROM incident_evidence v WHERE v.uuid = $1`
	insertProof  = `INSERT INTO incident_evidence (id, case_id, uuid, label, name, about, size, sha256, blob, at, author) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11)`
	countProofs  = `SELECT COUNT(*) FROM incident_evidence v WHERE v.case_id` + inFamily
	addCustody   = `INSERT INTO incident_custody (id, evidence_id, at, person, author, act, detail) VALUES ($1,$2,$3,$4,$5,$6,$7)`
	custodyOf    = `SELECT k.at, k.author, k.act, k.detail FROM incident_custody k WHERE k.evidence_id = $1 ORDER BY k.id`

	noticedAt = `SELECT at FROM incident_notice WHERE case_id = $1`
	putNotice = `INSERT INTO incident_notice (case_id, at) VALUES ($1,$2) ON CONFLICT (case_id) DO UPDATE SET at = excluded.at`

	setAudience = `UPDATE incident_case SET audience_id = $2 WHERE id = $1`
	openTasks   = `SELECT COUNT(*) FROM incident_task t WHERE t.case_id` + inFamily + ` AND t.done = 0`
)

func alignAudience(ctx context.Context, tx *store.Tx, id, audience int64) error {
	_, err := tx.Exec(ctx, setAudience, id, audience)
	return err
}

// ownParties gives the parties of organisations that who reads as one of theirs.
func ownParties(who ident.Actor) string {
	return `SELECT ` + partyCols + ` FROM incident_party p WHERE p.org = $1 AND ` + access.Visible(who, "p.audience_id") + ` ORDER BY p.updated DESC, p.id DESC LIMIT 200`
}

func scanTask(s store.Scanner) (t Task, err error) {
	err = s.Scan(&t.ID, &t.Title, &t.Due, &t.Assignee, &t.AssigneeName, &t.DoneAt, &t.DoneBy, &t.Created)
	return
}

func scanEntry(s store.Scanner) (e Entry, err error) {
	err = s.Scan(&e.ID, &e.Kind, &e.Happened, &e.Zone, &e.Recorded, &e.Body, &e.Source, &e.Technique, &e.Author)
	return
}

func scanNote(s store.Scanner) (n Note, err error) {
	err = s.Scan(&n.ID, &n.Body, &n.Person, &n.Author, &n.At, &n.Edited, &n.Revision)
	return
}

func scanMeasure(s store.Scanner) (m Measure, err error) {
	err = s.Scan(&m.ID, &m.What, &m.Who, &m.State, &m.Requested, &m.Active, &m.Removed)
	return
}

func scanLink(s store.Scanner) (l Link, err error) {
	var back int64
	err = s.Scan(&l.ID, &l.Kind, &l.Ref, &l.Label, &l.Relation, &l.At, &l.Author, &back)
	l.Back = back == 1
	return
}

func scanParty(s store.Scanner) (p Party, err error) {
	err = s.Scan(&p.ID, &p.UUID, &p.caseID, &p.Org, &p.Name, &p.audience, &p.Number, &p.Subject, &p.TLP, &p.State, &p.Deadline, &p.Thread, &p.Created, &p.Updated, &p.Answered)
	return
}

func scanEvidence(s store.Scanner) (v Evidence, err error) {
	err = s.Scan(&v.ID, &v.UUID, &v.Label, &v.Name, &v.About, &v.Size, &v.SHA256, &v.blob, &v.At, &v.Author)
	return
}

func scanCustody(s store.Scanner) (k Custody, err error) {
	err = s.Scan(&k.At, &k.Author, &k.Act, &k.Detail)
	return
}

// partyHeads gives UUID and label of the parties that threads hang on, by party.
func partyHeads(ctx context.Context, tx *store.Tx, list []thread.Thread) (map[int64]Party, error) {
	out := map[int64]Party{}
	ids := make([]int64, len(list))
	for i, t := range list {
		ids[i] = t.Object
	}
	if len(ids) == 0 {
		return out, nil
	}
	_, err := store.All(ctx, tx, func(sc store.Scanner) (p Party, err error) {
		if err = sc.Scan(&p.ID, &p.UUID, &p.TLP); err == nil {
			out[p.ID] = p
		}
		return p, err
	}, `SELECT p.id, p.uuid, p.tlp FROM incident_party p WHERE p.id IN `+store.In(ids))
	return out, err
}

// entriesTx gives a page of a timeline, newest first; more = older lines follow.
func entriesTx(ctx context.Context, tx *store.Tx, id int64, l Lines) (list []Entry, more bool, err error) {
	switch {
	case l.Only != 0:
		list, err = store.All(ctx, tx, scanEntry, entryByID, id, l.Only)
	case l.Kind != "":
		list, err = store.All(ctx, tx, scanEntry, entriesKind, id, l.Kind, l.Happened, l.ID, l.Limit+1)
	default:
		list, err = store.All(ctx, tx, scanEntry, entriesFrom, id, l.Happened, l.ID, l.Limit+1)
	}
	if more = l.Limit > 0 && len(list) > l.Limit; more {
		list = list[:l.Limit]
	}
	return list, more, err
}

// countEntries counts a timeline's lines by kind.
func countEntries(ctx context.Context, tx *store.Tx, id int64) (map[string]int64, error) {
	out := map[string]int64{}
	_, err := store.All(ctx, tx, func(sc store.Scanner) (kind string, err error) {
		var n int64
		err = sc.Scan(&kind, &n)
		out[kind] = n
		return kind, err
	}, entryCounts, id)
	return out, err
}
