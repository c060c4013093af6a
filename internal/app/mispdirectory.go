package app

import (
	"context"
	"strconv"
	"strings"

	"straza/internal/intel"
	"straza/internal/intel/intelmisp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/registry"
)

// mispPeople shows accounts as MISP's surface wants them.
type mispPeople struct{ h *House }

func (p mispPeople) Person(ctx context.Context, who ident.Actor, id int64) (intelmisp.Person, error) {
	if id != who.Person {
		list, err := p.People(ctx, who)
		if err != nil {
			return intelmisp.Person{}, err
		}
		for _, x := range list {
			if x.ID == id {
				return x, nil
			}
		}
		return intelmisp.Person{}, fault.New(fault.NotFound, "person %d", id)
	}
	return intelmisp.Person{ID: who.Person, Email: who.Email, Org: intel.Org{ID: who.Org, UUID: who.OrgUUID, Name: who.OrgName}, Role: mispRole(who.Roles)}, nil
}

// mispRole is the role whose number MISP's forms show: people of a CERT's team
// appear as Org Admins, whose flags are nearest to what they may do.
func mispRole(roles []string) string {
	for _, r := range roles {
		switch r {
		case access.Lead, access.Analyst:
			return access.OrgAdmin
		case access.Admin, access.OrgAdmin, access.Member, access.Publisher, access.Sync, access.ReadOnly:
			return r
		}
	}
	return access.ReadOnly
}

func asPerson(e account.Entry) intelmisp.Person {
	return intelmisp.Person{ID: e.ID, Email: e.Email, Org: intel.Org{ID: e.Org, UUID: e.OrgUUID, Name: e.OrgName}, Role: mispRole(e.Roles),
		Disabled: e.State == account.Disabled, Created: e.Created / 1e6}
}

func (p mispPeople) People(ctx context.Context, who ident.Actor) (out []intelmisp.Person, err error) {
	if !access.Allowed(who, "admin.people") && !access.Allowed(who, "portal.people") {
		return []intelmisp.Person{{ID: who.Person, Email: who.Email, Org: intel.Org{ID: who.Org, UUID: who.OrgUUID, Name: who.OrgName}, Role: mispRole(who.Roles)}}, nil
	}
	for after := int64(0); ; {
		list, err := p.h.Accounts.People(ctx, who, account.PeopleFilter{After: after, Limit: 500})
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			out = append(out, asPerson(e))
			after = e.ID
		}
		if len(list) < 500 {
			return out, nil
		}
	}
}

func (p mispPeople) Roles(ctx context.Context, _ ident.Actor) (out []intelmisp.Role, err error) {
	err = p.h.DB.View(ctx, func(tx *store.Tx) error {
		all, err := access.RolesTx(ctx, tx)
		for _, r := range all {
			if r.MISP == 0 {
				continue
			}
			x := intelmisp.Role{ID: r.MISP, Name: r.Name, Default: r.MISP == 3}
			for _, perm := range r.Permissions {
				if strings.HasPrefix(perm, "misp.") {
					x.Perms = append(x.Perms, perm)
				}
			}
			out = append(out, x)
		}
		return err
	})
	return out, err
}

var mispRoleKeys = map[int64]string{1: access.Admin, 2: access.OrgAdmin, 3: access.Member, 4: access.Publisher, 5: access.Sync, 6: access.ReadOnly}

func (p mispPeople) AddPerson(ctx context.Context, who ident.Actor, n intelmisp.NewPerson) (intelmisp.Person, string, error) {
	in := account.NewPerson{Org: who.Org, Roles: []string{access.Member}}
	if n.Email != nil {
		in.Email, in.Name = *n.Email, *n.Email
	}
	if n.Org != nil {
		in.Org = *n.Org
	}
	if n.Role != nil {
		in.Roles = []string{mispRoleKeys[*n.Role]}
	}
	if n.Password != nil {
		in.Password = *n.Password
	}
	added, _, err := p.h.Accounts.Add(ctx, who, in)
	if err != nil {
		return intelmisp.Person{}, "", err
	}
	_, key, err := p.h.Accounts.AddKey(ctx, who, added.Email, account.NewKey{Name: "misp"})
	if err != nil { // the person stands; a key is made on the account page
		key = ""
	}
	e, err := p.h.Accounts.Person(ctx, who, added.Email)
	return asPerson(e), key, err
}

func (p mispPeople) EditPerson(ctx context.Context, who ident.Actor, id int64, n intelmisp.NewPerson) (intelmisp.Person, error) {
	before, err := p.Person(ctx, who, id)
	if err != nil {
		return before, err
	}
	if n.Role != nil || n.Org != nil {
		e, err := p.h.Accounts.Person(ctx, who, before.Email)
		if err != nil {
			return before, err
		}
		roles, org := e.Roles, e.Org
		if n.Role != nil {
			roles = []string{mispRoleKeys[*n.Role]}
		}
		if n.Org != nil {
			org = *n.Org
		}
		if _, err := p.h.Accounts.SetRoles(ctx, who, before.Email, roles, org); err != nil {
			return before, err
		}
	}
	if n.Disabled != nil {
		act := p.h.Accounts.Enable
		if *n.Disabled {
			act = p.h.Accounts.Disable
		}
		if _, err := act(ctx, who, before.Email); err != nil {
			return before, err
		}
	}
	return p.Person(ctx, who, id)
}

// mispOrgs shows the registry as MISP's directory of organisations.
type mispOrgs struct{ h *House }

func asMISP(o registry.Organisation) intelmisp.Org {
	return intelmisp.Org{ID: o.ID, UUID: o.UUID, Name: o.Name, Type: o.Kind, Nationality: o.Country, Sector: o.Sector, Local: o.Local, Created: o.Created.Unix(), Changed: o.Updated.Unix()}
}

func (p mispOrgs) Org(ctx context.Context, who ident.Actor, ref string) (intelmisp.Org, error) {
	o, err := p.find(ctx, who, ref)
	return asMISP(o), err
}

func (p mispOrgs) find(ctx context.Context, who ident.Actor, ref string) (registry.Organisation, error) {
	id, err := strconv.ParseInt(ref, 10, 64)
	if err != nil {
		return p.h.Registry.OrgByRef(ctx, who, ref)
	}
	m, err := p.h.Registry.Orgs(ctx, who, []int64{id})
	if err != nil {
		return registry.Organisation{}, err
	}
	if o, ok := m[id]; ok {
		return o, nil
	}
	return registry.Organisation{}, fault.New(fault.NotFound, "organisation %s", ref)
}

func (p mispOrgs) Orgs(ctx context.Context, who ident.Actor) (out []intelmisp.Org, err error) {
	for cursor := ""; ; {
		list, next, err := p.h.Registry.List(ctx, who, registry.Filter{}, registry.Page{Cursor: cursor, Limit: 200})
		if err != nil {
			return nil, err
		}
		for _, o := range list {
			out = append(out, asMISP(o))
		}
		if cursor = next; next == "" {
			return out, nil
		}
	}
}

func (p mispOrgs) AddOrg(ctx context.Context, who ident.Actor, o intelmisp.Org) (intelmisp.Org, error) {
	made, err := p.h.Registry.Add(ctx, who, registry.Draft{UUID: o.UUID, Name: o.Name, Kind: "other", Note: o.Description})
	return asMISP(made), err
}

func (p mispOrgs) EditOrg(ctx context.Context, who ident.Actor, ref string, change func(*intelmisp.Org)) (intelmisp.Org, error) {
	o, err := p.find(ctx, who, ref)
	if err != nil {
		return intelmisp.Org{}, err
	}
	x := asMISP(o)
	change(&x)
	made, err := p.h.Registry.Change(ctx, who, o.UUID, o.Version, registry.Patch{Name: &x.Name})
	return asMISP(made), err
}

func (p mispOrgs) DeleteOrg(ctx context.Context, who ident.Actor, ref string) error {
	o, err := p.find(ctx, who, ref)
	if err != nil {
		return err
	}
	_, err = p.h.Registry.Withdraw(ctx, who, o.UUID, o.Version)
	return err
}
