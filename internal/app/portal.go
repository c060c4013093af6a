package app

import (
	"context"
	"slices"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/portal"
)

// portalDeps are what the front room of organisations reads.
func (h *House) portalDeps() portal.Deps {
	return portal.Deps{Accounts: h.Accounts, Registry: h.Registry, Intake: h.Intake, Intel: h.Intel, Roles: h.grantable, Now: h.clock.Now}
}

// grantable lists the roles of the portal that hold nothing the asker lacks.
func (h *House) grantable(ctx context.Context, who ident.Actor) (names []string, err error) {
	err = h.DB.View(ctx, func(tx *store.Tx) error {
		roles, err := access.RolesTx(ctx, tx)
		for _, r := range roles {
			above := slices.ContainsFunc(r.Permissions, func(p string) bool { return !who.Can(p) })
			if !r.Team && !above && slices.Contains(r.Permissions, "portal.use") {
				names = append(names, r.Name)
			}
		}
		return err
	})
	return names, err
}
