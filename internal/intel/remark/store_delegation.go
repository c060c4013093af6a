package remark

import (
	"context"
	"strconv"

	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	delegationCols = `d.id, d.event_id, e.uuid, e.info, d.org_id, ot.uuid, ot.name, ot.local, d.requester_org_id, ofr.uuid, ofr.name, ofr.local,
		d.distribution, d.group_id, d.message, d.created, d.person_id`
	delegationFrom = ` FROM intel_delegation d JOIN intel_event e ON e.id = d.event_id JOIN registry_organisation ot ON ot.id = d.org_id
		JOIN registry_organisation ofr ON ofr.id = d.requester_org_id WHERE `
	addDelegation = `INSERT INTO intel_delegation (id, event_id, org_id, requester_org_id, person_id, distribution, group_id, message, created)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9) ON CONFLICT (event_id) DO NOTHING`
	dropDelegation = `DELETE FROM intel_delegation WHERE id = $1`
)

func scanDelegation(s store.Scanner) (d Delegation, err error) {
	err = s.Scan(&d.ID, &d.Event, &d.EventUUID, &d.EventInfo, &d.To.ID, &d.To.UUID, &d.To.Name, &d.To.Local, &d.From.ID, &d.From.UUID, &d.From.Name,
		&d.From.Local, &d.Distribution, &d.Group, &d.Message, &d.Created, &d.person)
	return d, err
}

// delegationSeen: the two organisations, of an event that they see.
func delegationSeen(who ident.Actor) string {
	if intel.SeesAll(who) {
		return intel.EventSeen(who, "e")
	}
	org := strconv.FormatInt(who.Org, 10)
	return "(d.org_id = " + org + " OR d.requester_org_id = " + org + ") AND " + intel.EventSeen(who, "e")
}

func readDelegation(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Delegation, error) {
	missing := fault.New(fault.NotFound, "no delegation %q", ref).WithKey("intel.fault.no-delegation")
	id, uuid, err := intel.RefID(ref)
	if err != nil || uuid != "" {
		return Delegation{}, missing
	}
	d, found, err := store.First(ctx, tx, scanDelegation, "SELECT "+delegationCols+delegationFrom+"d.id = $1 AND "+delegationSeen(who), id)
	if err != nil || !found {
		return d, orNot(err, missing)
	}
	return d, nil
}

func listDelegations(ctx context.Context, tx *store.Tx, who ident.Actor, event int64) ([]Delegation, error) {
	if event != 0 {
		return store.All(ctx, tx, scanDelegation, "SELECT "+delegationCols+delegationFrom+"d.event_id = $1 AND "+delegationSeen(who), event)
	}
	return store.All(ctx, tx, scanDelegation, "SELECT "+delegationCols+delegationFrom+delegationSeen(who)+" ORDER BY d.id LIMIT 500")
}
