package poll

import (
	"context"
	"encoding/json"
	"strconv"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

const (
	serverCols = `SELECT p.id, p.uuid, p.name, p.url, p.login, p.secret, p.org_id, p.every, p.patience, p.ca, p.title, p.code, p.detail, p.checked,
		p.failures, p.open_until, p.polled, p.report, p.created, p.changed FROM peer_poll p `
	allServers   = serverCols + `ORDER BY p.name, p.id`
	serverByID   = serverCols + `WHERE p.id = $1`
	serverByUUID = serverCols + `WHERE p.uuid = $1`
	serverByName = serverCols + `WHERE p.name = $1`
	insertServer = `INSERT INTO peer_poll (id, uuid, name, url, login, secret, org_id, every, patience, ca, title, code, detail, checked, failures, open_until,
		polled, report, created, changed) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,'',0,'',0,0,0,0,'{}',$11,$11)`
	updateServer = `UPDATE peer_poll SET name = $2, url = $3, login = $4, secret = $5, org_id = $6, every = $7, patience = $8, ca = $9, open_until = 0, changed = $10 WHERE id = $1`
	setHealth    = `UPDATE peer_poll SET code = $2, detail = $3, checked = $4, failures = $5, open_until = $6 WHERE id = $1`
	setTitle     = `UPDATE peer_poll SET title = $2 WHERE id = $1`
	setReport    = `UPDATE peer_poll SET report = $2, polled = $3 WHERE id = $1`
	dropServer   = `DELETE FROM peer_poll WHERE id = $1`

	collCols = `SELECT c.id, c.poll_id, c.root, c.collection, c.title, c.readable, c.chosen, c.after, c.page, c.objects, c.polled FROM peer_poll_collection c `
	collsOf  = collCols + `WHERE c.poll_id = $1 ORDER BY c.root, c.title, c.collection`
	putColl  = `INSERT INTO peer_poll_collection (id, poll_id, root, collection, title, readable, chosen, after, page, objects, polled) VALUES ($1,$2,$3,$4,$5,$6,$7,'','',0,0)
		ON CONFLICT (poll_id, root, collection) DO UPDATE SET title = excluded.title, readable = excluded.readable`
	missColl   = `UPDATE peer_poll_collection SET readable = $2 WHERE id = $1`
	dropColl   = `DELETE FROM peer_poll_collection WHERE id = $1`
	chooseColl = `UPDATE peer_poll_collection SET chosen = $2 WHERE id = $1`
	placeColl  = `UPDATE peer_poll_collection SET after = $2, page = $3, objects = objects + $4, polled = $5 WHERE id = $1`
	rewind     = `UPDATE peer_poll_collection SET after = '', page = '' WHERE poll_id = $1`
	dropColls  = `DELETE FROM peer_poll_collection WHERE poll_id = $1`
)

func scanServer(s store.Scanner) (x Server, err error) {
	var report string
	err = s.Scan(&x.ID, &x.UUID, &x.Name, &x.URL, &x.Login, &x.secret, &x.Org, &x.Every, &x.Patience, &x.CA, &x.Title, &x.Health.Code, &x.Health.Detail,
		&x.Health.Checked, &x.Health.Failures, &x.Health.OpenUntil, &x.Polled, &report, &x.Created, &x.Changed)
	if err == nil {
		err = json.Unmarshal([]byte(report), &x.Report)
	}
	return x, err
}

func scanCollection(s store.Scanner) (c Collection, err error) {
	err = s.Scan(&c.ID, &c.server, &c.Root, &c.Ref, &c.Title, &c.Read, &c.Chosen, &c.After, &c.page, &c.Objects, &c.Polled)
	return c, err
}

// readServer finds a server by id, UUID or exact name.
func readServer(ctx context.Context, tx *store.Tx, ref string) (Server, error) {
	query, arg := serverByName, any(ref)
	if id, err := strconv.ParseInt(ref, 10, 64); err == nil && id > 0 {
		query, arg = serverByID, id
	} else if uuid, ok := store.ParseUUID(ref); ok {
		query, arg = serverByUUID, uuid
	}
	x, found, err := store.First(ctx, tx, scanServer, query, arg)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "no TAXII server %q", ref).WithKey("peer.fault.no-server")
	}
	return x, err
}

func writeServer(ctx context.Context, tx *store.Tx, x *Server, fresh bool) (err error) {
	var secret any
	if len(x.secret) > 0 {
		secret = x.secret
	}
	if fresh {
		_, err = tx.Exec(ctx, insertServer, x.ID, x.UUID, x.Name, x.URL, x.Login, secret, x.Org, x.Every, x.Patience, x.CA, x.Created)
	} else {
		_, err = tx.Exec(ctx, updateServer, x.ID, x.Name, x.URL, x.Login, secret, x.Org, x.Every, x.Patience, x.CA, x.Changed)
	}
	if store.IsUnique(err) {
		return fault.Field("name", "peer.fault.taken", "a server of that name exists")
	}
	return err
}

func listServers(ctx context.Context, tx *store.Tx) ([]Server, error) {
	return store.All(ctx, tx, scanServer, allServers)
}

func listCollections(ctx context.Context, tx *store.Tx, server int64) ([]Collection, error) {
	return store.All(ctx, tx, scanCollection, collsOf, server)
}

func writeHealth(ctx context.Context, tx *store.Tx, x *Server) error {
	h := x.Health
	_, err := tx.Exec(ctx, setHealth, x.ID, int(h.Code), h.Detail, h.Checked, h.Failures, h.OpenUntil)
	return err
}

// learn takes in what a server says that it has: new ones are not chosen, what is
// gone and was chosen stays, marked as not readable, with its place.
func learn(ctx context.Context, tx *store.Tx, x *Server, list []Collection) error {
	had, err := listCollections(ctx, tx, x.ID)
	if err != nil {
		return err
	}
	here := map[string]bool{}
	for _, c := range list {
		here[c.Root+" "+c.Ref] = true
		if _, err := tx.Exec(ctx, putColl, tx.DB().NewID(), x.ID, c.Root, c.Ref, c.Title, c.Read, false); err != nil {
			return err
		}
	}
	for _, c := range had {
		switch {
		case here[c.Root+" "+c.Ref]:
		case c.Chosen:
			_, err = tx.Exec(ctx, missColl, c.ID, false)
		default:
			_, err = tx.Exec(ctx, dropColl, c.ID)
		}
		if err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, setTitle, x.ID, x.Title)
	return err
}

func choose(ctx context.Context, tx *store.Tx, id int64, chosen bool) error {
	_, err := tx.Exec(ctx, chooseColl, id, chosen)
	return err
}

// keepPlace notes how far a collection was read.
func keepPlace(ctx context.Context, tx *store.Tx, c *Collection, objects int) error {
	_, err := tx.Exec(ctx, placeColl, c.ID, c.After, c.page, objects, c.Polled)
	return err
}

func fromTheBeginning(ctx context.Context, tx *store.Tx, server int64) error {
	_, err := tx.Exec(ctx, rewind, server)
	return err
}

func keepReport(ctx context.Context, tx *store.Tx, x *Server) error {
	b, err := json.Marshal(x.Report)
	if err == nil {
		_, err = tx.Exec(ctx, setReport, x.ID, string(b), x.Polled)
	}
	return err
}

func eraseServer(ctx context.Context, tx *store.Tx, id int64) error {
	if _, err := tx.Exec(ctx, dropColls, id); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, dropServer, id)
	return err
}
