package registry

import (
	"context"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const (
	uuidResolved = `SELECT resolved_id FROM registry_organisation WHERE uuid = $1`
	resolvedIDs  = `SELECT id, resolved_id FROM registry_organisation WHERE id IN `
	orgsIn       = `WHERE o.id IN `
	activeCERTs  = `WHERE o.kind = 'cert' AND o.local AND o.state = 'active' AND `
	hostFirst    = ` ORDER BY o.host DESC, o.sort_key, o.id`

	// Only what an active organisation holds answers a look-up, and only what a team
	// has seen: an organisation could claim its neighbour's network.
	allNetworks = `SELECT x.id, x.value FROM registry_resource x JOIN registry_organisation o ON o.id = x.org_id
		WHERE x.kind = 'network' AND x.withdrawn = 0 AND x.claimed = 0 AND o.state = 'active'`
	heldCols     = resourceCols + `JOIN registry_organisation o ON o.id = x.org_id AND o.state = 'active' AND x.withdrawn = 0 AND x.claimed = 0 `
	contactsHeld = `SELECT x.org_id FROM registry_contact x JOIN registry_organisation o ON o.id = x.org_id AND o.state = 'active'
		WHERE x.email_key = $1 AND `
)

func scanPair(s store.Scanner) (p [2]int64, err error) { err = s.Scan(&p[0], &p[1]); return }

type networkRow struct {
	id    int64
	value string
}

func scanNetwork(s store.Scanner) (r networkRow, err error) { err = s.Scan(&r.id, &r.value); return }

// heldDomains reads who holds one of the domains, among what who may see.
func heldDomains(ctx context.Context, tx *store.Tx, who ident.Actor, domains []string) ([]Resource, error) {
	args := make([]any, len(domains))
	for i, d := range domains {
		args[i] = d
	}
	return store.All(ctx, tx, scanResource, heldCols+`WHERE x.kind = 'domain' AND x.value IN (`+store.Marks(1, len(args))+`) AND `+
		detailSeen(who, "x.org_id", "x.audience_id", false)+` ORDER BY x.id`, args...)
}

func heldNetworks(ctx context.Context, tx *store.Tx, who ident.Actor, ids []int64) ([]Resource, error) {
	return store.All(ctx, tx, scanResource, heldCols+`WHERE x.id IN `+store.In(ids)+` AND `+
		detailSeen(who, "x.org_id", "x.audience_id", false)+` ORDER BY x.id`)
}

func heldEmail(ctx context.Context, tx *store.Tx, who ident.Actor, key string) ([]int64, error) {
	return store.All(ctx, tx, store.ScanInt64, contactsHeld+detailSeen(who, "x.org_id", "x.audience_id", false)+` ORDER BY x.id`, key)
}

const (
	orgsByNumber = `SELECT id FROM registry_organisation WHERE registration_no = $1 AND merged_into IS NULL ORDER BY id LIMIT 1`
	sameContact  = `SELECT COUNT(*) FROM registry_contact WHERE org_id = $1 AND kind = $2 AND name = $3 AND email_key = $4`
)
