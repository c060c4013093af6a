package intel

import (
	"context"
	"strconv"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	groupCols = `g.id, g.uuid, g.name, g.releasability, g.description, g.org_id, ow.uuid, ow.name, ow.local, g.active, g.local, g.roaming,
		g.sync_user, g.created, g.modified`
	groupFrom   = ` FROM intel_group g JOIN registry_organisation ow ON ow.id = g.org_id`
	insertGroup = `INSERT INTO intel_group (id, uuid, name, releasability, description, org_id, active, local, roaming, sync_user, created, modified)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12)`
	updateGroup = `UPDATE intel_group SET name = $2, releasability = $3, description = $4, active = $5, roaming = $6, modified = $7 WHERE id = $1`
	bumpGroup   = `UPDATE intel_group SET modified = $2 WHERE id = $1`
	groupUsed   = `SELECT COUNT(*) FROM (SELECT 1 FROM intel_event WHERE group_id = $1
		UNION ALL SELECT 1 FROM intel_object WHERE group_id = $1
		UNION ALL SELECT 1 FROM intel_attribute a JOIN access_audience x ON x.id = a.audience_id WHERE x.sharing_group = $1
		UNION ALL SELECT 1 FROM intel_report WHERE group_id = $1
		UNION ALL SELECT 1 FROM intel_collection WHERE reader_group = $1 OR group_id = $1) used`
	dropGroup  = `DELETE FROM intel_group WHERE id = $1`
	groupOrgs  = `SELECT m.id, m.org_id, o.uuid, o.name, o.local, m.extend FROM intel_group_org m JOIN registry_organisation o ON o.id = m.org_id WHERE m.group_id = $1 ORDER BY m.id`
	groupHosts = `SELECT id, server_id, url, name, all_orgs FROM intel_group_server WHERE group_id = $1 ORDER BY id`
	addMember  = `INSERT INTO intel_group_org (id, group_id, org_id, extend) VALUES ($1,$2,$3,$4)
		ON CONFLICT (group_id, org_id) DO UPDATE SET extend = excluded.extend`
	dropMember = `DELETE FROM intel_group_org WHERE group_id = $1 AND org_id = $2`
	addHost    = `INSERT INTO intel_group_server (id, group_id, server_id, url, name, all_orgs) VALUES ($1,$2,$3,$4,$5,$6)
		ON CONFLICT (group_id, server_id, url) DO UPDATE SET all_orgs = excluded.all_orgs, name = excluded.name`
	dropHost = `DELETE FROM intel_group_server WHERE group_id = $1 AND server_id = $2`
)

func scanGroup(s store.Scanner) (g SharingGroup, err error) {
	err = s.Scan(&g.ID, &g.UUID, &g.Name, &g.Releasability, &g.Description, &g.Owner.ID, &g.Owner.UUID, &g.Owner.Name, &g.Owner.Local,
		&g.Active, &g.Local, &g.Roaming, &g.SyncUser, &g.Created, &g.Modified)
	return g, err
}

func scanMember(s store.Scanner) (m GroupOrg, err error) {
	err = s.Scan(&m.ID, &m.Org.ID, &m.Org.UUID, &m.Org.Name, &m.Org.Local, &m.Extend)
	return m, err
}

func scanHost(s store.Scanner) (h GroupServer, err error) {
	err = s.Scan(&h.ID, &h.Server, &h.URL, &h.Name, &h.AllOrgs)
	return h, err
}

// groupSeen: members of the group, the organisation that made it, and the site
// administrator on the protocol surfaces.
func groupSeen(who ident.Actor) string {
	if seesAll(who) || who.Kind == ident.System {
		return "1 = 1"
	}
	own := strconv.FormatInt(who.Org, 10)
	return `(g.org_id = ` + own + ` OR EXISTS (SELECT 1 FROM access_principal p WHERE p.kind = 'group' AND p.ref = g.id AND p.id IN ` +
		store.In(who.Principals) + `) OR EXISTS (SELECT 1 FROM intel_group_org m WHERE m.group_id = g.id AND m.org_id = ` + own + `))`
}

func readGroup(ctx context.Context, tx *store.Tx, id int64) (SharingGroup, bool, error) {
	return store.First(ctx, tx, scanGroup, "SELECT "+groupCols+groupFrom+" WHERE g.id = $1", id)
}

func readGroupByUUID(ctx context.Context, tx *store.Tx, uuid string) (SharingGroup, bool, error) {
	return store.First(ctx, tx, scanGroup, "SELECT "+groupCols+groupFrom+" WHERE g.uuid = $1", uuid)
}

// usableGroup gives id back when who may share within the group, else 0.
func usableGroup(ctx context.Context, tx *store.Tx, who ident.Actor, id int64) (int64, error) {
	n, err := store.Int64(ctx, tx, "SELECT g.id FROM intel_group g WHERE g.active AND ("+groupSeen(who)+` OR EXISTS (SELECT 1 FROM intel_group_server h
		JOIN registry_organisation o ON o.id = $2 AND o.local WHERE h.group_id = g.id AND h.server_id = 0 AND h.all_orgs)) AND g.id = $1`, id, who.Org)
	return n, err
}

func listGroups(ctx context.Context, tx *store.Tx, who ident.Actor) ([]SharingGroup, error) {
	return store.All(ctx, tx, scanGroup, "SELECT "+groupCols+groupFrom+" WHERE "+groupSeen(who)+" ORDER BY g.id")
}

// fillGroup adds members and servers.
func fillGroup(ctx context.Context, tx *store.Tx, g *SharingGroup) (err error) {
	if g.Orgs, err = store.All(ctx, tx, scanMember, groupOrgs, g.ID); err != nil {
		return err
	}
	g.Servers, err = store.All(ctx, tx, scanHost, groupHosts, g.ID)
	return err
}

// joinGroup makes an organisation's people readers of what the group shares.
func joinGroup(ctx context.Context, tx *store.Tx, group, org int64, extend bool) error {
	if _, err := tx.Exec(ctx, addMember, tx.DB().NewID(), group, org, extend); err != nil {
		return err
	}
	return access.JoinTx(ctx, tx, access.Org(org), access.Group(group))
}

func leaveGroup(ctx context.Context, tx *store.Tx, group, org int64) (int64, error) {
	n, err := tx.Exec(ctx, dropMember, group, org)
	if err != nil || n == 0 {
		return n, err
	}
	return n, access.LeaveTx(ctx, tx, access.Org(org), access.Group(group))
}

// setHost notes a server of the group; "all organisations of this server" makes
// every member of the installation a reader.
func setHost(ctx context.Context, tx *store.Tx, group int64, h GroupServer) error {
	if _, err := tx.Exec(ctx, addHost, tx.DB().NewID(), group, h.Server, h.URL, h.Name, h.AllOrgs); err != nil {
		return err
	}
	if h.Server != 0 {
		return nil
	}
	if h.AllOrgs {
		return access.JoinTx(ctx, tx, access.Members(), access.Group(group))
	}
	return access.LeaveTx(ctx, tx, access.Members(), access.Group(group))
}
