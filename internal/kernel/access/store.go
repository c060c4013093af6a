package access

const (
	findPrincipal = `SELECT id FROM access_principal WHERE kind = $1 AND ref = $2 AND cert = $3 AND name = $4`
	addPrincipal  = `INSERT INTO access_principal (id, kind, ref, cert, name) VALUES ($1,$2,$3,$4,$5) ON CONFLICT DO NOTHING`
	addMember     = `INSERT INTO access_member (principal, belongs_to) VALUES ($1,$2) ON CONFLICT DO NOTHING`
	removeMember  = `DELETE FROM access_member WHERE principal = $1 AND belongs_to = $2`
	listMembers   = `SELECT p.ref FROM access_member m JOIN access_principal p ON p.id = m.principal
		WHERE m.belongs_to = $1 AND p.kind = $2 ORDER BY p.ref`
	parents   = `SELECT DISTINCT belongs_to FROM access_member WHERE principal IN `
	readEpoch = `SELECT epoch FROM access_epoch WHERE id = 1`
	bumpEpoch = `INSERT INTO access_epoch (id, epoch) VALUES (1, 1)
		ON CONFLICT (id) DO UPDATE SET epoch = access_epoch.epoch + 1`

	findAudience = `SELECT id FROM access_audience WHERE key_hash = $1`
	addAudience  = `INSERT INTO access_audience
		(id, key_hash, cert, owner_org, level, sharing_group, purpose, exercise, restricted)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9) ON CONFLICT (key_hash) DO NOTHING`
	addReach  = `INSERT INTO access_reach (audience_id, principal_id) VALUES ($1,$2) ON CONFLICT DO NOTHING`
	listReach = `SELECT p.kind, p.ref, p.cert, p.name FROM access_reach r
		JOIN access_principal p ON p.id = r.principal_id WHERE r.audience_id = $1 ORDER BY p.kind, p.ref, p.name`
	readAudience = `SELECT cert, owner_org, level, sharing_group, purpose, exercise, restricted
		FROM access_audience WHERE id = $1`

	upsertRole = `INSERT INTO access_role (name, misp_id, team, permissions) VALUES ($1,$2,$3,$4)
		ON CONFLICT (name) DO NOTHING`
	listRoles = `SELECT name, title, misp_id, team, permissions FROM access_role ORDER BY name`
	findRole  = `SELECT name, title, misp_id, team, permissions FROM access_role WHERE name = $1`
	topRole   = `SELECT max(misp_id) FROM access_role`
	addRole   = `INSERT INTO access_role (name, title, misp_id, team, permissions) VALUES ($1,$2,$3,FALSE,$4)`
	titleRole = `UPDATE access_role SET title = $2 WHERE name = $1`
	dropRole  = `DELETE FROM access_role WHERE name = $1`
	setRole   = `UPDATE access_role SET permissions = $2 WHERE name = $1`
)
