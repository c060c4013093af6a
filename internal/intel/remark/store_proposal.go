package remark

import (
	"context"
	"strconv"
	"strings"

	"straza/internal/intel"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

const (
	proposalCols = `p.id, p.uuid, p.event_id, e.uuid, e.org_id, p.attribute_id, p.org_id, o.uuid, o.name, o.local, p.person_id, p.type, p.category,
		p.value, p.comment, p.to_ids, p.removal, p.first_seen, p.last_seen, p.data, p.sealed, p.timestamp, p.deleted, p.state, p.created, p.decided_by,
		p.before, p.made, e.proposal_lock,
		COALESCE(pa.type, ''), COALESCE(pa.category, ''), COALESCE(pa.value, ''), COALESCE(pa.comment, ''), COALESCE(pa.to_ids, p.to_ids)`
	proposalFrom = ` FROM intel_proposal p JOIN intel_event e ON e.id = p.event_id JOIN registry_organisation o ON o.id = p.org_id
		LEFT JOIN intel_attribute pa ON pa.id = p.attribute_id AND p.attribute_id <> 0 WHERE `
	addProposal = `INSERT INTO intel_proposal (id, uuid, event_id, attribute_id, org_id, person_id, type, category, value, comment, to_ids, removal,
		first_seen, last_seen, data, sealed, timestamp, deleted, state, decided_by, before, made, created)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,TRUE,$16,$17,$18,$19,$20,$21,$22)`
	setState = `UPDATE intel_proposal SET state = $3, deleted = $4, timestamp = $5, decided_by = $6, before = $7, made = $8
		WHERE id = $1 AND state = $2`
	countOpen    = `SELECT COUNT(*) FROM intel_proposal WHERE event_id = $1 AND org_id = $2 AND NOT deleted`
	sameProposal = `SELECT id, deleted, timestamp FROM intel_proposal WHERE event_id = $1 AND uuid = $2 AND org_id = $3 AND type = $4
		AND category = $5 AND value = $6 AND removal = $7 ORDER BY id LIMIT 1`
	markPushed = `UPDATE intel_proposal SET deleted = $2, state = $3, timestamp = $4 WHERE id = $1`
)

func scanProposal(s store.Scanner) (p Proposal, err error) {
	err = s.Scan(&p.ID, &p.UUID, &p.Event, &p.EventUUID, &p.Owner, &p.Attribute, &p.Org.ID, &p.Org.UUID, &p.Org.Name, &p.Org.Local, &p.Person,
		&p.Type, &p.Category, &p.Value, &p.Comment, &p.ToIDS, &p.Removal, &p.FirstSeen, &p.LastSeen, &p.Data, &p.sealed, &p.Timestamp, &p.Deleted,
		&p.State, &p.Created, &p.decidedBy, &p.before, &p.made, &p.lock, &p.Now.Type, &p.Now.Category, &p.Now.Value, &p.Now.Comment, &p.Now.ToIDS)
	return p, err
}

func insertProposal(ctx context.Context, tx *store.Tx, v *vault.Vault, p *Proposal) error {
	cell, err := cells(v).Seal(p.ID, p.Data)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, addProposal, p.ID, p.UUID, p.Event, p.Attribute, p.Org.ID, p.Person, p.Type, p.Category, p.Value, p.Comment, p.ToIDS,
		p.Removal, null(p.FirstSeen), null(p.LastSeen), cell, p.Timestamp, p.Deleted, p.State, p.decidedBy, p.before, p.made, p.Created)
	return err
}

// null makes a column value of an optional number.
func null(p *int64) any {
	if p == nil {
		return nil
	}
	return *p
}

// proposalSeen: who sees the event and, where it is about one, the attribute.
func proposalSeen(who ident.Actor) string {
	return intel.EventSeen(who, "e") + " AND (p.attribute_id = 0 OR EXISTS (SELECT 1 FROM intel_attribute a WHERE a.id = p.attribute_id AND " +
		intel.ChildSeen(who, "a") + "))"
}

// place is where a list goes on: behind this row.
type place struct {
	typ string
	id  int64
}

const batch = 500

// listProposals reads the next ones; event 0 = of every event that f allows.
func listProposals(ctx context.Context, tx *store.Tx, who ident.Actor, f ProposalFilter, event int64, after place) ([]Proposal, error) {
	w := []string{"(p.type, p.id) > ($1, $2)", proposalSeen(who)}
	args := []any{after.typ, after.id}
	add := func(cond string, v any) {
		args = append(args, v)
		w = append(w, cond+"$"+strconv.Itoa(len(args)))
	}
	switch {
	case event != 0:
		add("p.event_id = ", event)
	case !f.All:
		add("e.org_id = ", who.Org)
	}
	if f.Attribute != 0 {
		add("p.attribute_id = ", f.Attribute)
	}
	if f.Since > 0 {
		add("p.timestamp >= ", f.Since)
	}
	switch f.Deleted {
	case intel.Without:
		w = append(w, "NOT p.deleted")
	case intel.Only:
		w = append(w, "p.deleted")
	}
	cols := strings.Replace(proposalCols, "p.data", "NULL", 1) // attachments are read one by one
	return store.All(ctx, tx, scanProposal, "SELECT "+cols+proposalFrom+strings.Join(w, " AND ")+" ORDER BY p.type, p.id LIMIT "+
		strconv.Itoa(batch), args...)
}

// readProposal loads one by id or UUID; of several with a UUID the newest open one.
func readProposal(ctx context.Context, tx *store.Tx, v *vault.Vault, who ident.Actor, ref string) (Proposal, error) {
	id, uuid, err := intel.RefID(ref)
	if err != nil {
		return Proposal{}, noProposal(ref)
	}
	cond, arg := "p.id = $1", any(id)
	if uuid != "" {
		cond, arg = "p.uuid = $1", any(uuid)
	}
	p, found, err := store.First(ctx, tx, scanProposal, "SELECT "+proposalCols+proposalFrom+cond+" AND "+proposalSeen(who)+
		" ORDER BY p.deleted, p.id DESC LIMIT 1", arg)
	if err != nil || !found {
		return p, orNot(err, noProposal(ref))
	}
	p.Data, err = cells(v).Open(p.ID, p.Data, p.sealed)
	return p, err
}

func countSeen(ctx context.Context, tx *store.Tx, who ident.Actor, event int64) (int64, error) {
	if event == 0 {
		return store.Int64(ctx, tx, "SELECT COUNT(*)"+proposalFrom+"NOT p.deleted AND "+proposalSeen(who))
	}
	return store.Int64(ctx, tx, "SELECT COUNT(*)"+proposalFrom+"p.event_id = $1 AND NOT p.deleted AND "+proposalSeen(who), event)
}

// cells are the attachments of proposals; most have none.
func cells(v *vault.Vault) intel.Cells {
	return intel.Cells{Table: "intel_proposal", Key: "id", Column: "data", Vault: v}
}
