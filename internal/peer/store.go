package peer

import (
	"context"
	"encoding/json"
	"strings"

	"straza/internal/format/tlp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

const (
	peerCols = `SELECT p.id, p.uuid, p.name, p.url, p.secret, p.org_id, p.remote_org_id, p.flags, p.push_rules, p.pull_rules, p.ceiling,
		p.blocked_types, p.every, p.patience, p.ca, p.priority, p.code, p.detail, p.checked, p.failures, p.open_until, p.able, p.etag,
		p.pulled, p.pushed, p.created, p.changed, p.signer, p.retracted, p.cursor FROM peer_server p `
	allPeers   = peerCols + `ORDER BY p.priority, p.id`
	peerByID   = peerCols + `WHERE p.id = $1`
	peerByUUID = peerCols + `WHERE p.uuid = $1`
	peerByName = peerCols + `WHERE p.name = $1`
	insertPeer = `INSERT INTO peer_server (id, uuid, name, url, secret, org_id, remote_org_id, flags, push_rules, pull_rules, ceiling, blocked_types,
		every, patience, ca, priority, code, detail, checked, failures, open_until, remote_version, remote_uuid, able, etag, pulled, pushed, created, changed)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,0,'',0,0,0,'','','{}','',0,0,$17,$17)`
	updatePeer = `UPDATE peer_server SET name = $2, url = $3, secret = $4, org_id = $5, remote_org_id = $6, flags = $7, push_rules = $8, pull_rules = $9,
		ceiling = $10, blocked_types = $11, every = $12, patience = $13, ca = $14, priority = $15, etag = '', cursor = '', open_until = 0, changed = $16 WHERE id = $1`
	setHealth = `UPDATE peer_server SET code = $2, detail = $3, checked = $4, failures = $5, open_until = $6, remote_version = $7, remote_uuid = $8,
		able = $9 WHERE id = $1`
	setRetracted = `UPDATE peer_server SET signer = $2, retracted = $3 WHERE id = $1`
	setCursor    = `UPDATE peer_server SET cursor = $2 WHERE id = $1`
	setPulled    = `UPDATE peer_server SET pulled = $2, etag = $3 WHERE id = $1`
	setPushed    = `UPDATE peer_server SET pushed = $2 WHERE id = $1`
	dropPeer     = `DELETE FROM peer_server WHERE id = $1`
	dropItems    = `DELETE FROM peer_item WHERE peer_id = $1`
	dropRuns     = `DELETE FROM peer_run WHERE peer_id = $1`
	dropSources  = `DELETE FROM peer_source WHERE peer_id = $1`

	runCols   = `SELECT r.id, r.peer_id, r.way, r.technique, r.state, r.phase, r.etag, r.started, r.ended, r.counts, r.detail, r.cursor FROM peer_run r `
	openRun   = runCols + `WHERE r.peer_id = $1 AND r.way = $2 AND r.state = 'running' ORDER BY r.id DESC LIMIT 1`
	runsOf    = runCols + `WHERE r.peer_id = $1 ORDER BY r.id DESC LIMIT $2`
	runByID   = runCols + `WHERE r.id = $1`
	insertRun = `INSERT INTO peer_run (id, peer_id, way, technique, state, phase, etag, started, ended, counts, detail, cursor) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)`
	updateRun = `UPDATE peer_run SET state = $2, phase = $3, etag = $4, ended = $5, counts = $6, detail = $7, cursor = $8 WHERE id = $1`

	itemCols = `SELECT i.id, i.peer_id, i.way, i.uuid, i.timestamp, i.state, i.reason, i.detail, i.tries, i.at FROM peer_item i `
	putItem  = `INSERT INTO peer_item (id, peer_id, way, uuid, timestamp, state, reason, detail, tries, at) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10)
		ON CONFLICT (peer_id, way, uuid) DO UPDATE SET timestamp = excluded.timestamp, state = excluded.state, reason = excluded.reason,
		detail = excluded.detail, tries = excluded.tries, at = excluded.at`
	waiting     = itemCols + `WHERE i.peer_id = $1 AND i.way = $2 AND i.state = 'waiting' AND i.id > $3 AND i.at <= $4 ORDER BY i.id LIMIT $5`
	countItems  = `SELECT COUNT(*) FROM peer_item WHERE peer_id = $1 AND way = $2 AND state = $3`
	countOut    = `SELECT COUNT(*) FROM peer_item WHERE peer_id = $1 AND way IN ('push', 'push-sightings', 'push-proposals') AND state = 'waiting'`
	dropItem    = `DELETE FROM peer_item WHERE peer_id = $1 AND way = $2 AND uuid = $3`
	itemsOf     = itemCols + `WHERE i.peer_id = $1 AND i.way = $2 AND i.state = $3 AND i.id > $4 ORDER BY i.id LIMIT $5`
	itemsOfUUID = itemCols + `WHERE i.uuid = $1 AND i.way = $2`

	putSource     = `INSERT INTO peer_source (id, uuid, peer_id, at) VALUES ($1,$2,$3,$4) ON CONFLICT (uuid) DO UPDATE SET peer_id = excluded.peer_id, at = excluded.at`
	forgetRefused = `DELETE FROM peer_item WHERE peer_id = $1 AND (way = 'pull' AND state = 'refused' OR way = 'push' AND state IN ('refused', 'held'))`
	sourceOf      = `SELECT peer_id FROM peer_source WHERE uuid = $1`
)

func scanPeer(s store.Scanner) (p Peer, err error) {
	var flags, push, pull, ceiling, types, able string
	err = s.Scan(&p.ID, &p.UUID, &p.Name, &p.URL, &p.secret, &p.Org, &p.RemoteOrg, &flags, &push, &pull, &ceiling, &types, &p.Every, &p.Patience,
		&p.CA, &p.Priority, &p.Health.Code, &p.Health.Detail, &p.Health.Checked, &p.Health.Failures, &p.Health.OpenUntil, &able, &p.etag,
		&p.Pulled, &p.Pushed, &p.Created, &p.Changed, &p.signer, &p.retracted, &p.cursor)
	if err != nil {
		return p, err
	}
	if err = json.Unmarshal([]byte(flags), &p.Flags); err != nil {
		return p, err
	}
	if p.PushRules, err = ParseRules(push); err != nil {
		return p, err
	}
	if p.PullRules, err = ParseRules(pull); err != nil {
		return p, err
	}
	p.Ceiling, _ = tlp.Parse(ceiling)
	p.BlockedTypes = strings.Fields(types)
	return p, json.Unmarshal([]byte(able), &p.Health.Able)
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "{}"
	}
	return string(b)
}

func writePeer(ctx context.Context, tx *store.Tx, p *Peer, fresh bool) error {
	blocked := strings.Join(p.BlockedTypes, " ")
	if fresh {
		_, err := tx.Exec(ctx, insertPeer, p.ID, p.UUID, p.Name, p.URL, p.secret, p.Org, p.RemoteOrg, text(p.Flags), text(p.PushRules), text(p.PullRules),
			p.Ceiling.String(), blocked, p.Every, p.Patience, p.CA, p.Priority, p.Created)
		return taken(err)
	}
	_, err := tx.Exec(ctx, updatePeer, p.ID, p.Name, p.URL, p.secret, p.Org, p.RemoteOrg, text(p.Flags), text(p.PushRules), text(p.PullRules),
		p.Ceiling.String(), blocked, p.Every, p.Patience, p.CA, p.Priority, p.Changed)
	return taken(err)
}

func taken(err error) error {
	if store.IsUnique(err) {
		return fault.Field("name", "peer.fault.taken", "a peer of that name exists")
	}
	return err
}

// readPeer finds a peer by id, UUID or exact name.
func readPeer(ctx context.Context, tx *store.Tx, ref string) (p Peer, err error) {
	query, arg := peerByName, any(ref)
	if id, ok := digits(ref); ok {
		query, arg = peerByID, id
	} else if uuid, ok := store.ParseUUID(ref); ok {
		query, arg = peerByUUID, uuid
	}
	p, found, err := store.First(ctx, tx, scanPeer, query, arg)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no peer %q", ref).WithKey("peer.fault.none")
	}
	return p, err
}

func writeHealth(ctx context.Context, tx *store.Tx, p *Peer) error {
	h := p.Health
	_, err := tx.Exec(ctx, setHealth, p.ID, int(h.Code), h.Detail, h.Checked, h.Failures, h.OpenUntil, h.Able.Version, h.Able.UUID, text(h.Able))
	return err
}

// erasePeer takes a peer out with all that is known of its events; the events stay.
func erasePeer(ctx context.Context, tx *store.Tx, id int64) error {
	for _, q := range []string{dropItems, dropRuns, dropSources, dropPeer} {
		if _, err := tx.Exec(ctx, q, id); err != nil {
			return err
		}
	}
	return nil
}

func scanRun(s store.Scanner) (r Run, err error) {
	var counts string
	if err = s.Scan(&r.ID, &r.Peer, &r.Way, &r.Technique, &r.State, &r.phase, &r.etag, &r.Started, &r.Ended, &counts, &r.Detail, &r.cursor); err == nil {
		err = json.Unmarshal([]byte(counts), &r.Counts)
	}
	return r, err
}

func newRun(ctx context.Context, tx *store.Tx, r *Run) error {
	_, err := tx.Exec(ctx, insertRun, r.ID, r.Peer, r.Way, r.Technique, r.State, r.phase, r.etag, r.Started, r.Ended, text(r.Counts), r.Detail, r.cursor)
	return err
}

func writeRun(ctx context.Context, tx *store.Tx, r *Run) error {
	return tx.Later(ctx, updateRun, r.ID, r.State, r.phase, r.etag, r.Ended, text(r.Counts), r.Detail, r.cursor)
}

func scanItem(s store.Scanner) (it item, err error) {
	err = s.Scan(&it.id, &it.peer, &it.way, &it.uuid, &it.timestamp, &it.state, &it.reason, &it.detail, &it.tries, &it.at)
	return it, err
}

func writeItem(ctx context.Context, tx *store.Tx, it *item) error {
	if it.id == 0 {
		it.id = tx.DB().NewID()
	}
	return tx.Later(ctx, putItem, it.id, it.peer, it.way, it.uuid, it.timestamp, it.state, it.reason, it.detail, it.tries, it.at)
}

func nextItems(ctx context.Context, tx *store.Tx, peer int64, way string, after, now int64, n int) ([]item, error) {
	return store.All(ctx, tx, scanItem, waiting, peer, way, after, now, n)
}

// itemsNamed reads what is known of a list of events for one peer.
func itemsNamed(ctx context.Context, tx *store.Tx, peer int64, way string, uuids []string) (map[string]item, error) {
	out := map[string]item{}
	for len(uuids) > 0 {
		n := min(len(uuids), 500)
		args := []any{peer, way}
		for _, u := range uuids[:n] {
			args = append(args, u)
		}
		uuids = uuids[n:]
		list, err := store.All(ctx, tx, scanItem, itemCols+`WHERE i.peer_id = $1 AND i.way = $2 AND i.uuid IN (`+store.Marks(3, n)+`)`, args...)
		if err != nil {
			return nil, err
		}
		for _, it := range list {
			out[it.uuid] = it
		}
	}
	return out, nil
}
