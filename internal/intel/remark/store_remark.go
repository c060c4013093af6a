package remark

import (
	"context"
	"strconv"
	"strings"

	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	remarkCols = `n.id, n.uuid, n.kind, n.org_id, ow.uuid, ow.name, ow.local, n.orgc_id, og.uuid, og.name, og.local, n.distribution, n.group_id,
		n.locked, n.target, n.target_type, n.root, n.event_id, n.authors, n.text, n.language, n.opinion, n.relationship, n.related, n.related_type,
		n.created, n.modified`
	remarkFrom = ` FROM intel_remark n JOIN registry_organisation ow ON ow.id = n.org_id JOIN registry_organisation og ON og.id = n.orgc_id WHERE `
	addRemark  = `INSERT INTO intel_remark (id, uuid, kind, audience_id, org_id, orgc_id, distribution, group_id, locked, target, target_type, root,
		event_id, authors, text, language, opinion, relationship, related, related_type, created, modified, changed)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23)`
	setRemark = `UPDATE intel_remark SET audience_id = $2, distribution = $3, group_id = $4, authors = $5, text = $6, language = $7, opinion = $8,
		relationship = $9, related = $10, related_type = $11, modified = $12, changed = $13 WHERE id = $1`
	dropRemark  = `DELETE FROM intel_remark WHERE id = $1`
	anyOn       = `SELECT COUNT(*) FROM (SELECT 1 FROM intel_remark WHERE event_id = $1 LIMIT 1) found`
	remarkTaken = `SELECT id FROM intel_remark WHERE uuid = $1`

	// What waits for something that this event brought: remarks that found nothing are few.
	bindRemarks = `UPDATE intel_remark SET event_id = $1 WHERE event_id = 0 AND (
		EXISTS (SELECT 1 FROM intel_event e WHERE e.id = $1 AND e.uuid = intel_remark.root) OR
		EXISTS (SELECT 1 FROM intel_attribute a WHERE a.uuid = intel_remark.root AND a.event_id = $1) OR
		EXISTS (SELECT 1 FROM intel_object o WHERE o.uuid = intel_remark.root AND o.event_id = $1) OR
		EXISTS (SELECT 1 FROM intel_report r WHERE r.uuid = intel_remark.root AND r.event_id = $1))`
	rootRemark = `SELECT root, event_id FROM intel_remark WHERE uuid = $1`
	rootEvent  = `SELECT id FROM intel_event WHERE uuid = $1 AND loading = 0
		UNION ALL SELECT event_id FROM intel_attribute WHERE uuid = $1 UNION ALL SELECT event_id FROM intel_object WHERE uuid = $1
		UNION ALL SELECT event_id FROM intel_report WHERE uuid = $1`
	followRoot = `UPDATE intel_remark SET root = $2, event_id = $3 WHERE root = $1`
)

func scanRemark(s store.Scanner) (n Remark, err error) {
	err = s.Scan(&n.ID, &n.UUID, &n.Kind, &n.Org.ID, &n.Org.UUID, &n.Org.Name, &n.Org.Local, &n.Origin.ID, &n.Origin.UUID, &n.Origin.Name,
		&n.Origin.Local, &n.Distribution, &n.Group, &n.Locked, &n.Target, &n.TargetType, &n.root, &n.event, &n.Authors, &n.Text, &n.Language,
		&n.Opinion, &n.Relationship, &n.Related, &n.RelatedType, &n.Created, &n.Modified)
	return n, err
}

func insertRemark(ctx context.Context, tx *store.Tx, n *Remark, audience int64) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, addRemark, n.ID, n.UUID, string(n.Kind), audience, n.Org.ID, n.Origin.ID, int64(n.Distribution), n.Group, n.Locked, n.Target,
		n.TargetType, n.root, n.event, n.Authors, n.Text, n.Language, n.Opinion, n.Relationship, n.Related, n.RelatedType, n.Created, n.Modified, now)
	if err == nil { // remarks about this one that came before it
		_, err = tx.Exec(ctx, followRoot, n.UUID, n.root, n.event)
	}
	return err
}

func updateRemark(ctx context.Context, tx *store.Tx, n *Remark, audience int64) error {
	now, err := store.Now(ctx, tx)
	if err == nil {
		_, err = tx.Exec(ctx, setRemark, n.ID, audience, int64(n.Distribution), n.Group, n.Authors, n.Text, n.Language, n.Opinion, n.Relationship,
			n.Related, n.RelatedType, n.Modified, now)
	}
	return err
}

// rootOf follows the chain: a remark about a remark ends where that one does.
func rootOf(ctx context.Context, tx *store.Tx, n *Remark) (root string, event int64, err error) {
	found, err := tx.Row(ctx, rootRemark, []any{n.Target}, &root, &event)
	if err != nil || found {
		return root, event, err
	}
	event, err = store.Int64(ctx, tx, rootEvent, n.Target)
	return n.Target, event, err
}

// remarkSeen is the one place that says which remarks who may see: their own
// organisation's; else by the remark's audience, and by that of every remark it
// hangs on, while the event, attribute, object or report it ends in is not hidden.
func remarkSeen(who ident.Actor) string {
	if intel.SeesAll(who) {
		return "1 = 1"
	}
	return "(" + ownRemark(who, "n") + " OR " + access.Visible(who, "n.audience_id") +
		" AND (n.event_id = 0 OR EXISTS (SELECT 1 FROM intel_event te WHERE te.id = n.event_id AND " + intel.EventSeen(who, "te") + "))" +
		" AND NOT EXISTS (SELECT 1 FROM intel_attribute ta WHERE ta.uuid = n.root AND NOT (" + intel.ChildSeen(who, "ta") + "))" +
		" AND NOT EXISTS (SELECT 1 FROM intel_object tb WHERE tb.uuid = n.root AND NOT (" + intel.OwnSeen(who, "tb") + "))" +
		" AND NOT EXISTS (SELECT 1 FROM intel_report tr WHERE tr.uuid = n.root AND NOT (" + intel.OwnSeen(who, "tr") + "))" +
		hiddenAbove(who, "n", 1) + ")"
}

func ownRemark(who ident.Actor, alias string) string {
	if who.Org == 0 {
		return "1 = 0"
	}
	org := strconv.FormatInt(who.Org, 10)
	return "(" + alias + ".org_id = " + org + " OR " + alias + ".orgc_id = " + org + ")"
}

// hiddenAbove leaves out what hangs on a hidden remark.
func hiddenAbove(who ident.Actor, alias string, depth int) string {
	if depth > nested {
		return ""
	}
	up := "u" + strconv.Itoa(depth)
	rest := "NOT (" + ownRemark(who, up) + " OR " + access.Visible(who, up+".audience_id") + ")"
	if above := hiddenAbove(who, up, depth+1); above != "" {
		rest = "NOT ((" + ownRemark(who, up) + " OR " + access.Visible(who, up+".audience_id") + ")" + above + ")"
	}
	return " AND (" + alias + ".target = " + alias + ".root OR NOT EXISTS (SELECT 1 FROM intel_remark " + up + " WHERE " + up + ".uuid = " + alias + ".target AND " + rest + "))"
}

func noRemark(kind Kind, ref string) error {
	return fault.New(fault.NotFound, "no %s %q", kind, ref).WithKey("intel.fault.no-remark")
}

func readRemark(ctx context.Context, tx *store.Tx, who ident.Actor, kind Kind, ref string) (Remark, error) {
	id, uuid, err := intel.RefID(ref)
	if err != nil {
		return Remark{}, noRemark(kind, ref)
	}
	cond, arg := "n.id = $1", any(id)
	if uuid != "" {
		cond, arg = "n.uuid = $1", any(uuid)
	}
	n, found, err := store.First(ctx, tx, scanRemark, "SELECT "+remarkCols+remarkFrom+cond+" AND n.kind = $2 AND "+remarkSeen(who), arg, string(kind))
	if err != nil || !found {
		return n, orNot(err, noRemark(kind, ref))
	}
	n.Mine = mine(who, &n)
	return n, nil
}

// anyRemark reads one whoever may see it: to tell a new one from one that is here.
func anyRemark(ctx context.Context, tx *store.Tx, uuid string) (Remark, bool, error) {
	return store.First(ctx, tx, scanRemark, "SELECT "+remarkCols+remarkFrom+"n.uuid = $1", uuid)
}

func mark(who ident.Actor, list []Remark, err error) ([]Remark, error) {
	for i := range list {
		list[i].Mine = mine(who, &list[i])
	}
	return list, err
}

func texts(from int, list []string) (string, []any) {
	args := make([]any, len(list))
	for i, v := range list {
		args[i] = v
	}
	return "(" + store.Marks(from, len(list)) + ")", args
}

// listRemarks reads the next ones of a kind behind an id; with uuids only those.
func listRemarks(ctx context.Context, tx *store.Tx, who ident.Actor, kind Kind, uuids []string, after int64) ([]Remark, error) {
	w, args := []string{"n.kind = $1", "n.id > $2", remarkSeen(who)}, []any{string(kind), after}
	if uuids != nil {
		var named []string
		for _, u := range uuids {
			if u, ok := store.ParseUUID(u); ok && len(named) < batch {
				named = append(named, u)
			}
		}
		if len(named) == 0 {
			return nil, nil
		}
		in, more := texts(3, named)
		w, args = append(w, "n.uuid IN "+in), append(args, more...)
	}
	list, err := store.All(ctx, tx, scanRemark, "SELECT "+remarkCols+remarkFrom+strings.Join(w, " AND ")+" ORDER BY n.id LIMIT "+strconv.Itoa(batch), args...)
	return mark(who, list, err)
}

func namedRemarks(ctx context.Context, tx *store.Tx, who ident.Actor, kind Kind, uuids []string) ([]Remark, error) {
	in, args := texts(2, uuids)
	return store.All(ctx, tx, scanRemark, "SELECT "+remarkCols+remarkFrom+"n.kind = $1 AND n.uuid IN "+in+" AND "+remarkSeen(who),
		append([]any{string(kind)}, args...)...)
}

// remarksIn reads what is said of anything in an event, by id.
func remarksIn(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, limit int) ([]Remark, error) {
	list, err := store.All(ctx, tx, scanRemark, "SELECT "+remarkCols+remarkFrom+"n.event_id = $1 AND "+remarkSeen(who)+" ORDER BY n.id LIMIT $2", event, limit)
	return mark(who, list, err)
}

func remarksAbout(ctx context.Context, tx *store.Tx, who ident.Actor, uuids []string) ([]Remark, error) {
	in, args := texts(1, uuids)
	list, err := store.All(ctx, tx, scanRemark, "SELECT "+remarkCols+remarkFrom+"n.target IN "+in+" AND "+remarkSeen(who)+" ORDER BY n.id LIMIT "+
		strconv.Itoa(remarkedMost), args...)
	return mark(who, list, err)
}

// fillRemarks hangs on each what is said of it, depth levels deep.
func fillRemarks(ctx context.Context, tx *store.Tx, who ident.Actor, list []Remark, depth int) error {
	if len(list) == 0 || depth == 0 {
		return nil
	}
	at := map[string]*Remark{}
	var uuids []string
	for i := range list {
		at[list[i].UUID] = &list[i]
		uuids = append(uuids, list[i].UUID)
	}
	for len(uuids) > 0 {
		part := uuids[:min(len(uuids), 400)]
		uuids = uuids[len(part):]
		children, err := remarksAbout(ctx, tx, who, part)
		if err != nil {
			return err
		}
		if err := fillRemarks(ctx, tx, who, children, depth-1); err != nil {
			return err
		}
		for _, c := range children {
			at[c.Target].Children = append(at[c.Target].Children, c)
		}
	}
	return nil
}

// minimal reads name, organisations, last change and root of all remarks of a kind.
func minimal(ctx context.Context, tx *store.Tx, who ident.Actor, kind Kind) ([]Remark, error) {
	return store.All(ctx, tx, func(s store.Scanner) (n Remark, err error) {
		err = s.Scan(&n.UUID, &n.Org.ID, &n.Origin.ID, &n.Origin.Name, &n.Modified, &n.root, &n.event)
		return
	},
		"SELECT n.uuid, n.org_id, n.orgc_id, og.name, n.modified, n.root, n.event_id"+remarkFrom+"n.kind = $1 AND "+remarkSeen(who)+" ORDER BY n.id", string(kind))
}
