package upload

import (
	"context"
	"encoding/json"

	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	cols      = `u.id, u.uuid, u.person_id, u.org_id, u.name, u.format, u.size, u.file, u.state, u.options, u.found, u.result, u.done, u.created, u.changed`
	selectAny = `SELECT ` + cols + ` FROM intel_upload u WHERE `
	// An upload is its person's, as long as they act for the same organisation.
	ofPerson  = `u.person_id = $1 AND u.org_id = $2`
	selectOwn = selectAny + ofPerson + ` AND u.uuid = $3`
	listOwn   = selectAny + ofPerson + ` ORDER BY u.created DESC, u.id DESC LIMIT 50`
	selectID  = selectAny + `u.id = $1`
	listOld   = selectAny + `(u.state IN ('reading', 'read', 'broken') AND u.changed < $1) OR u.changed < $2`
	countOpen = `SELECT COUNT(*) FROM intel_upload WHERE person_id = $1 AND state IN ('reading', 'read', 'importing')`

	insertUpload = `INSERT INTO intel_upload (id, uuid, person_id, org_id, name, format, size, file, state, options, found, result, done, created, changed)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)`
	updateUpload = `UPDATE intel_upload SET file = $2, state = $3, options = $4, found = $5, result = $6, done = $7, changed = $8 WHERE id = $1`
	countDone    = `UPDATE intel_upload SET done = $2 WHERE id = $1`
	deleteEvents = `DELETE FROM intel_upload_event WHERE upload_id = $1`
	deleteUpload = `DELETE FROM intel_upload WHERE id = $1`

	addEvent = `INSERT INTO intel_upload_event (id, upload_id, event_id, stamp, created)
		SELECT $1, $2, e.id, e.changed, $4 FROM intel_event e WHERE e.id = $3 ON CONFLICT (upload_id, event_id) DO NOTHING`
	stampEvent = `UPDATE intel_upload_event SET stamp = (SELECT e.changed FROM intel_event e WHERE e.id = event_id) WHERE upload_id = $1 AND event_id = $2`
	eventsOf   = `SELECT x.event_id, x.stamp, x.created, e.uuid, e.info FROM intel_upload_event x JOIN intel_event e ON e.id = x.event_id
		WHERE x.upload_id = $1 AND x.event_id > $2 AND `
	inOrder   = ` ORDER BY x.event_id LIMIT 500`
	wasStored = `SELECT COUNT(*) FROM intel_upload_event x JOIN intel_event e ON e.id = x.event_id WHERE x.upload_id = $1 AND e.uuid = $2 AND x.created = $3`
)

func scan(s store.Scanner) (u Upload, err error) {
	var options, found, result string
	if err = s.Scan(&u.ID, &u.UUID, &u.Person, &u.Org, &u.Name, &u.Format, &u.Size, &u.file, &u.State, &options, &found, &result, &u.Events, &u.Created, &u.Changed); err != nil {
		return u, err
	}
	for _, x := range []struct {
		text string
		into any
	}{{options, &u.Options}, {found, &u.Found}, {result, &u.Result}} {
		if err == nil {
			err = json.Unmarshal([]byte(x.text), x.into)
		}
	}
	return u, err
}

func read(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Upload, error) {
	uuid, ok := store.ParseUUID(ref)
	if !ok {
		return Upload{}, none()
	}
	u, found, err := store.First(ctx, tx, scan, selectOwn, who.Person, who.Org, uuid)
	if err == nil && !found {
		err = none()
	}
	return u, err
}

func none() error { return fault.New(fault.NotFound, "no such upload") }

func readByID(ctx context.Context, tx *store.Tx, id int64) (Upload, bool, error) {
	return store.First(ctx, tx, scan, selectID, id)
}

func uploadsOf(ctx context.Context, tx *store.Tx, who ident.Actor) ([]Upload, error) {
	return store.All(ctx, tx, scan, listOwn, who.Person, who.Org)
}

func overdue(ctx context.Context, tx *store.Tx, waiting, any int64) ([]Upload, error) {
	return store.All(ctx, tx, scan, listOld, waiting, any)
}

// texts are the three columns that hold JSON.
func (u *Upload) texts() (options, found, result string, err error) {
	for i, v := range []any{u.Options, u.Found, u.Result} {
		b, e := encode(v)
		if e != nil {
			return "", "", "", e
		}
		*[]*string{&options, &found, &result}[i] = b
	}
	return options, found, result, nil
}

func insert(ctx context.Context, tx *store.Tx, u *Upload) error {
	options, found, result, err := u.texts()
	if err != nil {
		return err
	}
	u.Changed = u.Created
	_, err = tx.Exec(ctx, insertUpload, u.ID, u.UUID, u.Person, u.Org, u.Name, u.Format, u.Size, u.file, u.State, options, found, result, u.Events, u.Created, u.Changed)
	return err
}

func update(ctx context.Context, tx *store.Tx, u *Upload) error {
	options, found, result, err := u.texts()
	if err != nil {
		return err
	}
	if u.Changed, err = store.Now(ctx, tx); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, updateUpload, u.ID, u.file, u.State, options, found, result, u.Events, u.Changed)
	return err
}

func erase(ctx context.Context, tx *store.Tx, id int64) error {
	for _, q := range []string{deleteEvents, deleteUpload} {
		if _, err := tx.Exec(ctx, q, id); err != nil {
			return err
		}
	}
	return nil
}

// Brought is an event that an import stored.
type Brought struct {
	ID      int64
	UUID    string
	Info    string
	Created bool // it was not here before

	stamp int64
}

func scanBrought(s store.Scanner) (b Brought, err error) {
	err = s.Scan(&b.ID, &b.stamp, &b.Created, &b.UUID, &b.Info)
	return b, err
}

// brought are events that an import stored and its person still sees.
func brought(ctx context.Context, tx *store.Tx, who ident.Actor, upload, after int64) ([]Brought, error) {
	return store.All(ctx, tx, scanBrought, eventsOf+intel.EventSeen(who, "e")+inOrder, upload, after)
}
