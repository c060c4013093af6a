package account

import (
	"context"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Roles lists the roles there are, for anybody who is logged in.
func (s *Service) Roles(ctx context.Context, who ident.Actor) (out []access.Role, err error) {
	if !who.LoggedIn() {
		return nil, Unauthenticated()
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = access.RolesTx(ctx, tx)
		return err
	})
	return out, err
}

// AddRole makes a role out of MISP's flags ("misp.add" …). Needs admin.settings; no
// role may do more than the asker, and none is a second administrator. Faults:
// Denied, Invalid on name.
func (s *Service) AddRole(ctx context.Context, who ident.Actor, title string, flags []string) (r access.Role, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if err := s.mayShape(ctx, tx, who, title, flags); err != nil {
			return err
		}
		if r, err = access.AddRoleTx(ctx, tx, strings.TrimSpace(title), access.ForFlags(flags)); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "role.add", audit.Thing{Kind: "role", ID: r.MISP, Label: r.Name}, map[string]any{"permissions": r.Permissions})
	})
	return r, err
}

// ChangeRole gives a role that was made here another title and other flags; nil
// flags stay. Faults: NotFound for one that is not there or built in, as AddRole.
func (s *Service) ChangeRole(ctx context.Context, who ident.Actor, id int64, title string, flags []string) (r access.Role, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if r, err = ownRole(ctx, tx, id); err != nil {
			return err
		}
		if err := s.mayShape(ctx, tx, who, title, flags); err != nil {
			return err
		}
		r.Title = strings.TrimSpace(title)
		if err := access.TitleRoleTx(ctx, tx, r, r.Title); err != nil {
			return err
		}
		if flags != nil {
			r.Permissions = access.ForFlags(flags)
			if err := access.SetRoleTx(ctx, tx, r.Name, r.Permissions); err != nil {
				return err
			}
		}
		return s.audit.Record(ctx, tx, who, "role.change", audit.Thing{Kind: "role", ID: r.MISP, Label: r.Name}, map[string]any{"permissions": r.Permissions})
	})
	return r, err
}

// DropRole takes away a role that was made here and that nobody holds. Faults:
// NotFound, Conflict while somebody holds it, Denied.
func (s *Service) DropRole(ctx context.Context, who ident.Actor, id int64) (r access.Role, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if err := s.mayShape(ctx, tx, who, "x", nil); err != nil {
			return err
		}
		if r, err = ownRole(ctx, tx, id); err != nil {
			return err
		}
		n, err := countHolders(ctx, tx, r.Name)
		if err != nil {
			return err
		}
		if n > 0 {
			return fault.New(fault.Conflict, "%d people hold role %s", n, r.Name).WithKey("account.role-held")
		}
		if err := access.DropRoleTx(ctx, tx, r); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "role.drop", audit.Thing{Kind: "role", ID: r.MISP, Label: r.Name}, nil)
	})
	return r, err
}

func (s *Service) mayShape(ctx context.Context, tx *store.Tx, who ident.Actor, title string, flags []string) error {
	if err := access.Check(who, "admin.settings"); err != nil {
		return err
	}
	if who.ReadOnly {
		return fault.New(fault.Denied, "a read-only key makes no roles").WithKey("fault.denied")
	}
	if err := s.FreshTx(ctx, tx, who); err != nil {
		return err
	}
	if !nameOK(strings.TrimSpace(title)) {
		return fault.Field("name", "account.role-name", "a role has a name")
	}
	for _, f := range flags {
		if f == "misp.site_admin" || who.Kind == ident.Person && !who.Can(f) {
			return fault.New(fault.Denied, "a role with %s is not made", f).WithKey("account.role-above")
		}
	}
	return nil
}

func ownRole(ctx context.Context, tx *store.Tx, id int64) (access.Role, error) {
	all, err := access.RolesTx(ctx, tx)
	for _, r := range all {
		if r.MISP == id && r.Own() {
			return r, err
		}
	}
	if err == nil {
		err = fault.New(fault.NotFound, "no role %d that was made here", id).WithKey("account.no-role")
	}
	return access.Role{}, err
}

// CountSince counts the open accounts that were made since a moment (microseconds), for
// whoever is logged in.
func (s *Service) CountSince(ctx context.Context, who ident.Actor, since int64) (n int64, err error) {
	if !who.LoggedIn() {
		return 0, Unauthenticated()
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		n, err = countSince(ctx, tx, since)
		return err
	})
	return n, err
}

// CountByOrg counts the open accounts of each organisation, for whoever is logged
// in: MISP's directory shows the figure to everybody.
func (s *Service) CountByOrg(ctx context.Context, who ident.Actor) (out map[int64]int64, err error) {
	if !who.LoggedIn() {
		return nil, Unauthenticated()
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = countByOrg(ctx, tx)
		return err
	})
	return out, err
}
