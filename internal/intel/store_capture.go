package intel

import (
	"context"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	groupNamed = `SELECT id FROM intel_group WHERE name = $1`
	senderIn   = `SELECT COUNT(*) FROM (SELECT 1 FROM intel_group g WHERE g.id = $1 AND g.org_id = $2
		UNION ALL SELECT 1 FROM intel_group_org m WHERE m.group_id = $1 AND m.org_id = $2
		UNION ALL SELECT 1 FROM intel_group_server h WHERE h.group_id = $1 AND h.server_id = $3 AND h.server_id <> 0) found`
)

// inGroup tells whether who sends a group is in it as it stands here: others cannot
// let themselves in.
func inGroup(ctx context.Context, tx *store.Tx, group int64, from Sender) (bool, error) {
	n, err := store.Int64(ctx, tx, senderIn, group, from.Org, from.Server)
	return n > 0, err
}

type heldRow struct {
	uuid string
	Held
}

func scanHeldEvent(s store.Scanner) (h heldRow, err error) {
	err = s.Scan(&h.uuid, &h.ID, &h.Timestamp, &h.Locked, &h.Origin, &h.Created)
	return h, err
}

// heldEvents reads what is here of a list of UUIDs, and which are blocked.
func heldEvents(ctx context.Context, tx *store.Tx, who ident.Actor, uuids []string) (map[string]Held, error) {
	out := map[string]Held{}
	for len(uuids) > 0 {
		n := min(len(uuids), 500)
		args := make([]any, n)
		for i, u := range uuids[:n] {
			args[i] = u
		}
		uuids = uuids[n:]
		list, err := store.All(ctx, tx, scanHeldEvent, `SELECT e.uuid, e.id, e.timestamp, e.locked, og.uuid, e.created
			FROM intel_event e JOIN registry_organisation og ON og.id = e.orgc_id WHERE e.uuid IN (`+store.Marks(1, n)+`) AND `+eventSeen(who, "e"), args...)
		if err != nil {
			return nil, err
		}
		for _, h := range list {
			out[h.uuid] = h.Held
		}
		gone, err := store.All(ctx, tx, store.ScanString, `SELECT uuid FROM intel_block WHERE uuid IN (`+store.Marks(1, n)+`)`, args...)
		if err != nil {
			return nil, err
		}
		for _, u := range gone {
			h := out[u]
			h.Blocked = true
			out[u] = h
		}
	}
	return out, nil
}
