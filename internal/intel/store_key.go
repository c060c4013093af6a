package intel

import (
	"context"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	keyCols   = `k.id, k.event_id, k.uuid, k.fingerprint, k.armored, k.revoked, k.timestamp`
	keysIn    = `SELECT ` + keyCols + ` FROM intel_key k WHERE k.event_id = $1 ORDER BY k.id`
	insertKey = `INSERT INTO intel_key (id, event_id, uuid, fingerprint, armored, revoked, timestamp) VALUES ($1,$2,$3,$4,$5,$6,$7)
		ON CONFLICT (event_id, fingerprint) DO UPDATE SET armored = excluded.armored, revoked = excluded.revoked, timestamp = excluded.timestamp`
	dropKey = `DELETE FROM intel_key WHERE id = $1`
)

func scanKey(s store.Scanner) (k EventKey, err error) {
	err = s.Scan(&k.ID, &k.EventID, &k.UUID, &k.Fingerprint, &k.Armored, &k.Revoked, &k.Timestamp)
	return k, err
}

func eventKeys(ctx context.Context, tx *store.Tx, event int64) ([]EventKey, error) {
	return store.All(ctx, tx, scanKey, keysIn, event)
}

// oneKey reads a key of an event that who may see, by id or UUID.
func oneKey(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (EventKey, bool, error) {
	id, uuid, err := refID(ref)
	if err != nil {
		return EventKey{}, false, nil //nolint:nilerr // what names nothing is not there
	}
	where, arg := `k.id = $1`, any(id)
	if uuid != "" {
		where, arg = `k.uuid = $1`, uuid
	}
	return store.First(ctx, tx, scanKey, `SELECT `+keyCols+` FROM intel_key k JOIN intel_event e ON e.id = k.event_id WHERE `+where+` AND `+
		eventSeen(who, "e")+` ORDER BY k.id LIMIT 1`, arg)
}

// allKeys lists the keys of all events that who may see.
func allKeys(ctx context.Context, tx *store.Tx, who ident.Actor, after int64, limit int) ([]EventKey, error) {
	return store.All(ctx, tx, scanKey, `SELECT `+keyCols+` FROM intel_key k JOIN intel_event e ON e.id = k.event_id WHERE k.id > $1 AND `+
		eventScan(who, "e")+` ORDER BY k.id LIMIT $2`, after, limit)
}

// keepKeys writes an event's list of keys; those that it does not name go.
func keepKeys(ctx context.Context, tx *store.Tx, event int64, list []EventKey) error {
	old, err := eventKeys(ctx, tx, event)
	if err != nil {
		return err
	}
	named := map[string]bool{}
	for _, k := range list {
		named[k.Fingerprint] = true
		if err := writeKey(ctx, tx, event, k); err != nil {
			return err
		}
	}
	for _, k := range old {
		if named[k.Fingerprint] {
			continue
		}
		if _, err := tx.Exec(ctx, dropKey, k.ID); err != nil {
			return err
		}
	}
	return nil
}

func writeKey(ctx context.Context, tx *store.Tx, event int64, k EventKey) error {
	_, err := tx.Exec(ctx, insertKey, k.ID, event, k.UUID, k.Fingerprint, k.Armored, k.Revoked, k.Timestamp)
	return err
}
