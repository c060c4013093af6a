package dossier

import (
	"context"
	"strconv"
	"strings"

	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	cols = `c.id, c.uuid, c.org_id, ow.uuid, ow.name, ow.local, c.orgc_id, og.uuid, og.name, og.local, c.person_id, c.distribution, c.group_id, c.locked,
		c.type, c.name, c.description, c.created, c.modified`
	from = ` FROM intel_dossier c JOIN registry_organisation ow ON ow.id = c.org_id JOIN registry_organisation og ON og.id = c.orgc_id WHERE `

	insert = `INSERT INTO intel_dossier (id, uuid, audience_id, org_id, orgc_id, person_id, distribution, group_id, locked, type, name, name_fold,
		description, created, modified, changed) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16)`
	update = `UPDATE intel_dossier SET audience_id = $2, distribution = $3, group_id = $4, type = $5, name = $6, name_fold = $7, description = $8,
		modified = $9, changed = $10 WHERE id = $1`
	remove         = `DELETE FROM intel_dossier WHERE id = $1`
	removeElements = `DELETE FROM intel_dossier_element WHERE dossier_id = $1`
	taken          = `SELECT id FROM intel_dossier WHERE uuid = $1`

	elementCols   = `SELECT m.id, m.uuid, m.dossier_id, m.target, m.target_type, m.description FROM intel_dossier_element m WHERE `
	insertElement = `INSERT INTO intel_dossier_element (id, uuid, dossier_id, target, target_type, description) VALUES ($1,$2,$3,$4,$5,$6)`
	updateElement = `UPDATE intel_dossier_element SET target_type = $2, description = $3 WHERE id = $1`
	removeElement = `DELETE FROM intel_dossier_element WHERE id = $1`
	elementTaken  = `SELECT COUNT(*) FROM intel_dossier_element WHERE uuid = $1`
	countElements = `SELECT COUNT(*) FROM intel_dossier_element WHERE dossier_id = $1`
	dossierOf     = `SELECT m.dossier_id FROM intel_dossier_element m WHERE m.id = $1`
	elementOfUUID = `SELECT m.id FROM intel_dossier_element m WHERE m.uuid = $1`
)

func scan(s store.Scanner) (c Dossier, err error) {
	err = s.Scan(&c.ID, &c.UUID, &c.Org.ID, &c.Org.UUID, &c.Org.Name, &c.Org.Local, &c.Origin.ID, &c.Origin.UUID, &c.Origin.Name, &c.Origin.Local,
		&c.Person, &c.Distribution, &c.Group, &c.Locked, &c.Type, &c.Name, &c.Description, &c.Created, &c.Modified)
	return c, err
}

func scanElement(s store.Scanner) (e Element, err error) {
	err = s.Scan(&e.ID, &e.UUID, &e.dossier, &e.Target, &e.Kind, &e.Description)
	return e, err
}

// seen is the one test of which dossiers who may see.
func seen(who ident.Actor) string {
	if intel.SeesAll(who) || who.Kind == ident.System {
		return "1 = 1"
	}
	own := "1 = 0"
	if who.Org != 0 {
		org := strconv.FormatInt(who.Org, 10)
		own = "(c.org_id = " + org + " OR c.orgc_id = " + org + ")"
	}
	return "(" + own + " OR " + access.Visible(who, "c.audience_id") + ")"
}

// elementSeen leaves out elements whose thing is here and hidden from who; clusters
// are another room's, which is asked for them.
func elementSeen(who ident.Actor) string {
	if intel.SeesAll(who) || who.Kind == ident.System {
		return "1 = 1"
	}
	event := " AND EXISTS (SELECT 1 FROM intel_event te WHERE te.id = t.event_id AND " + intel.EventSeen(who, "te") + ")"
	return "NOT EXISTS (SELECT 1 FROM intel_event t WHERE t.uuid = m.target AND NOT (" + intel.EventSeen(who, "t") + "))" +
		" AND NOT EXISTS (SELECT 1 FROM intel_attribute t WHERE t.uuid = m.target AND NOT (" + intel.ChildSeen(who, "t") + event + "))" +
		" AND NOT EXISTS (SELECT 1 FROM intel_object t WHERE t.uuid = m.target AND NOT (" + intel.OwnSeen(who, "t") + event + "))" +
		" AND NOT EXISTS (SELECT 1 FROM intel_report t WHERE t.uuid = m.target AND NOT (" + intel.OwnSeen(who, "t") + event + "))"
}

func none(ref string) error {
	return fault.New(fault.NotFound, "no dossier %q", ref).WithKey("intel.fault.no-dossier")
}

func read(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Dossier, error) {
	id, uuid, err := intel.RefID(ref)
	if err != nil {
		return Dossier{}, none(ref)
	}
	cond, arg := "c.id = $1", any(id)
	if uuid != "" {
		cond, arg = "c.uuid = $1", any(uuid)
	}
	c, found, err := store.First(ctx, tx, scan, "SELECT "+cols+from+cond+" AND "+seen(who), arg)
	if err != nil || !found {
		if err == nil {
			err = none(ref)
		}
		return c, err
	}
	c.Mine = mine(who, &c)
	return c, nil
}

// any reads one whoever may see it: to tell a new one from one that is here.
func byUUID(ctx context.Context, tx *store.Tx, uuid string) (Dossier, bool, error) {
	return store.First(ctx, tx, scan, "SELECT "+cols+from+"c.uuid = $1", uuid)
}

// batch is how many dossiers are read at once, elements with them.
const batch = 200

// page reads the next dossiers behind an id.
func page(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter, after int64) ([]Dossier, error) {
	w, args := []string{"c.id > $1", seen(who)}, []any{after}
	if f.UUIDs != nil {
		var marks []string
		for _, u := range f.UUIDs {
			if u, ok := store.ParseUUID(u); ok && len(marks) < batch {
				args = append(args, u)
				marks = append(marks, "$"+strconv.Itoa(len(args)))
			}
		}
		if len(marks) == 0 {
			return nil, nil
		}
		w = append(w, "c.uuid IN ("+strings.Join(marks, ", ")+")")
	}
	if f.Org != 0 {
		args = append(args, f.Org)
		w = append(w, "c.orgc_id = $"+strconv.Itoa(len(args)))
	}
	if f.Person != 0 {
		args = append(args, f.Person)
		w = append(w, "c.person_id = $"+strconv.Itoa(len(args)))
	}
	list, err := store.All(ctx, tx, scan, "SELECT "+cols+from+strings.Join(w, " AND ")+" ORDER BY c.id LIMIT "+strconv.Itoa(batch), args...)
	for i := range list {
		list[i].Mine = mine(who, &list[i])
	}
	return list, err
}

// elementsOf reads the elements of dossiers that who may know of, clusters unfiltered.
func elementsOf(ctx context.Context, tx *store.Tx, who ident.Actor, ids []int64) ([]Element, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return store.All(ctx, tx, scanElement, elementCols+"m.dossier_id IN "+store.In(ids)+" AND "+elementSeen(who)+" ORDER BY m.id")
}

func write(ctx context.Context, tx *store.Tx, c *Dossier, audience int64, fresh bool) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	fold := i18n.Fold(c.Name)
	if fresh {
		_, err = tx.Exec(ctx, insert, c.ID, c.UUID, audience, c.Org.ID, c.Origin.ID, c.Person, int64(c.Distribution), c.Group, c.Locked, c.Type, c.Name, fold,
			c.Description, c.Created, c.Modified, now)
	} else {
		_, err = tx.Exec(ctx, update, c.ID, audience, int64(c.Distribution), c.Group, c.Type, c.Name, fold, c.Description, c.Modified, now)
	}
	return err
}

// writeElement adds one; a UUID that is another's is replaced by a new one.
func writeElement(ctx context.Context, tx *store.Tx, dossier int64, e *Element) error {
	n := int64(1)
	var err error
	if e.UUID != "" {
		if n, err = store.Int64(ctx, tx, elementTaken, e.UUID); err != nil {
			return err
		}
	}
	if n > 0 {
		e.UUID = tx.DB().NewUUID()
	}
	e.ID, e.dossier = tx.DB().NewID(), dossier
	_, err = tx.Exec(ctx, insertElement, e.ID, e.UUID, dossier, e.Target, e.Kind, e.Description)
	return err
}

// minimal reads name and last change of all dossiers that who sees.
func minimal(ctx context.Context, tx *store.Tx, who ident.Actor) ([]Dossier, error) {
	return store.All(ctx, tx, func(s store.Scanner) (c Dossier, err error) {
		err = s.Scan(&c.UUID, &c.Modified, &c.Locked, &c.Distribution, &c.Group)
		return c, err
	}, "SELECT c.uuid, c.modified, c.locked, c.distribution, c.group_id"+from+seen(who)+" ORDER BY c.id")
}

// holding reads the dossiers that who sees and that hold a thing that who may know of.
func holding(ctx context.Context, tx *store.Tx, who ident.Actor, target string) ([]Dossier, error) {
	list, err := store.All(ctx, tx, scan, "SELECT "+cols+from+"EXISTS (SELECT 1 FROM intel_dossier_element m WHERE m.dossier_id = c.id AND m.target = $1 AND "+elementSeen(who)+
		") AND "+seen(who)+" ORDER BY c.modified DESC, c.id DESC LIMIT "+strconv.Itoa(shelfMost), target)
	for i := range list {
		list[i].Mine = mine(who, &list[i])
	}
	return list, err
}

// ownNewest reads the dossiers that who's organisation made or holds, newest change first.
func ownNewest(ctx context.Context, tx *store.Tx, who ident.Actor) ([]Dossier, error) {
	list, err := store.All(ctx, tx, scan, "SELECT "+cols+from+"(c.org_id = $1 OR c.orgc_id = $1) AND "+seen(who)+" ORDER BY c.modified DESC, c.id DESC LIMIT "+strconv.Itoa(shelfMost), who.Org)
	for i := range list {
		list[i].Mine = mine(who, &list[i])
	}
	return list, err
}
