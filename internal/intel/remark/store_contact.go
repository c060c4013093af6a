package remark

import (
	"context"

	"straza/internal/kernel/store"
)

const (
	noteContact  = `INSERT INTO intel_contact (id, event_id, person_id, letters, created) VALUES ($1,$2,$3,$4,$5)`
	contactsBy   = `SELECT COUNT(*) FROM intel_contact WHERE person_id = $1 AND created > $2`
	contactsOn   = `SELECT COUNT(*) FROM intel_contact WHERE person_id = $1 AND created > $2 AND event_id = $3`
	peopleOfOrg  = `SELECT id FROM account_person WHERE org_id = $1 AND state = 'active' ORDER BY id LIMIT $2`
	makerOfEvent = `SELECT a.id FROM intel_event e JOIN account_person a ON a.id = e.creator WHERE e.id = $1 AND a.org_id = $2 AND a.state = 'active'`
)

// noEvent stands in intel_contact for a letter that is about none: a request to join a
// community. No event has this number.
const noEvent = 0

// written counts what somebody asked since a moment: in all, and about one event.
type written struct{ all, event int64 }

func contactsSince(ctx context.Context, tx *store.Tx, person, event, since int64) (w written, err error) {
	if w.all, err = store.Int64(ctx, tx, contactsBy, person, since); err == nil {
		w.event, err = store.Int64(ctx, tx, contactsOn, person, since, event)
	}
	return w, err
}

// contacted are the people of the organisation behind an event, or its maker alone.
func contacted(ctx context.Context, tx *store.Tx, event, org int64, maker bool) ([]int64, error) {
	if maker {
		return store.All(ctx, tx, store.ScanInt64, makerOfEvent, event, org)
	}
	return store.All(ctx, tx, store.ScanInt64, peopleOfOrg, org, told)
}
