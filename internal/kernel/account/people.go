package account

import (
	"context"
	"slices"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Entry is a person as people lists show them.
type Entry struct {
	Person
	OrgUUID      string
	OrgName      string
	SecondFactor bool // a confirmed authenticator or a passkey
}

// PeopleFilter narrows People. Zero values do not.
type PeopleFilter struct {
	Org    int64
	State  State
	Search string // in name and address, both scripts, any case
	After  int64  // id of the last row of the page before
	Limit  int    // 0 = 100
}

// People lists accounts by id: all for admin.people, the own organisation's for
// portal.people. Faults: Denied.
func (s *Service) People(ctx context.Context, who ident.Actor, f PeopleFilter) (out []Entry, err error) {
	if !access.Allowed(who, "admin.people") {
		if err := access.Check(who, "portal.people"); err != nil {
			return nil, err
		}
		f.Org = who.Org
	}
	f.Search = i18n.Fold(strings.TrimSpace(f.Search))
	if f.Limit <= 0 || f.Limit > 1000 {
		f.Limit = 100
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		people, err := listPeople(ctx, tx, f)
		if err != nil {
			return err
		}
		out = make([]Entry, 0, len(people))
		for _, p := range people {
			e, err := s.entryTx(ctx, tx, p)
			if err != nil {
				return err
			}
			out = append(out, e)
		}
		return nil
	})
	return out, err
}

func (s *Service) entryTx(ctx context.Context, tx *store.Tx, p Person) (Entry, error) {
	e := Entry{Person: p}
	org, err := s.orgTx(ctx, tx, p.Org)
	if err != nil && !fault.Is(err, fault.Invalid) {
		return e, err
	}
	e.OrgUUID, e.OrgName = org.UUID, org.Name
	e.SecondFactor, err = hasSecondFactor(ctx, tx, p.ID)
	return e, err
}

// Person reads one account by address or UUID: the own one, or one that who may
// manage. Faults: NotFound.
func (s *Service) Person(ctx context.Context, who ident.Actor, find string) (e Entry, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		p, err := s.findTx(ctx, tx, who, find)
		if err != nil {
			return err
		}
		e, err = s.entryTx(ctx, tx, p)
		return err
	})
	return e, err
}

// PersonByID is Person by the account's number, which MISP's clients know.
func (s *Service) PersonByID(ctx context.Context, who ident.Actor, id int64) (e Entry, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		p, found, err := findByID(ctx, tx, id)
		if err != nil {
			return err
		}
		if !found || p.Name == "" || p.ID != who.Person && s.mayManage(who, p) != nil {
			return fault.New(fault.NotFound, "no such person").WithKey("account.no-person")
		}
		e, err = s.entryTx(ctx, tx, p)
		return err
	})
	return e, err
}

// EmailOf names a colleague: somebody of the asker's own organisation, or whom they
// manage. Faults: NotFound.
func (s *Service) EmailOf(ctx context.Context, who ident.Actor, id int64) (email string, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		p, found, err := findByID(ctx, tx, id)
		if err != nil {
			return err
		}
		if !found || p.Name == "" || (who.Org == 0 || p.Org != who.Org) && s.mayManage(who, p) != nil {
			return fault.New(fault.NotFound, "no such person").WithKey("account.no-person")
		}
		email = p.Email
		return nil
	})
	return email, err
}

// MayTouch tells whether who may change somebody's account at all: they manage it,
// and the account has no rights that they lack. Faults: NotFound, Denied.
func (s *Service) MayTouch(ctx context.Context, who ident.Actor, find string) error {
	return s.db.View(ctx, func(tx *store.Tx) error {
		p, err := s.findTx(ctx, tx, who, find)
		if err != nil {
			return err
		}
		return s.outranksTx(ctx, tx, who, p)
	})
}

// Remove closes an account for good: keys and links end, name and address are
// erased, so that the address may have an account again. What the person did stays
// with the row's number. Faults: NotFound, Denied, Conflict for the last administrator.
func (s *Service) Remove(ctx context.Context, who ident.Actor, find string) (Entry, error) {
	return s.change(ctx, who, find, "person.remove", func(tx *store.Tx, p *Person) (any, error) {
		if err := s.FreshTx(ctx, tx, who); err != nil {
			return nil, err
		}
		if err := s.outranksTx(ctx, tx, who, *p); err != nil {
			return nil, err
		}
		if p.ID == who.Person {
			return nil, fault.New(fault.Denied, "nobody removes their own account").WithKey("fault.denied")
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return nil, err
		}
		p.State, p.Name, p.Email = Disabled, "", ""
		return nil, eraseNow(ctx, tx, p.ID, now)
	})
}

// findTx reads a person that who may manage, or who themself.
func (s *Service) findTx(ctx context.Context, tx *store.Tx, who ident.Actor, find string) (p Person, err error) {
	found := false
	if uuid, ok := store.ParseUUID(find); ok {
		p, found, err = findByUUID(ctx, tx, uuid)
	} else if email, bad := Canonical(find); bad == nil {
		p, found, err = findByEmail(ctx, tx, email)
	}
	if err != nil {
		return p, err
	}
	if !found || p.ID != who.Person && s.mayManage(who, p) != nil {
		return Person{}, fault.New(fault.NotFound, "no such person").WithKey("account.no-person")
	}
	return p, nil
}

// change runs fn on a person whom who may manage and records verb. The person's
// old memberships are taken away before and given anew after.
func (s *Service) change(ctx context.Context, who ident.Actor, find, verb string, fn func(tx *store.Tx, p *Person) (any, error)) (e Entry, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		p, err := s.findTx(ctx, tx, who, find)
		if err != nil {
			return err
		}
		if err := s.mayManage(who, p); err != nil {
			return err
		}
		before := p
		detail, err := fn(tx, &p)
		if err != nil {
			return err
		}
		if err := s.moveTx(ctx, tx, before, p); err != nil {
			return err
		}
		if e, err = s.entryTx(ctx, tx, p); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, verb, thing(p), detail)
	}, store.Serializable()) // the last administrator: two may not leave at once
	return e, err
}

// moveTx writes a changed person, moves memberships, ends sessions when state,
// roles or organisation changed, and never leaves the house without administrator.
func (s *Service) moveTx(ctx context.Context, tx *store.Tx, before, after Person) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	if err := updatePerson(ctx, tx, after, now); err != nil {
		return err
	}
	same := before.State == after.State && before.Org == after.Org && slices.Equal(before.Roles, after.Roles)
	if same {
		return access.BumpTx(ctx, tx)
	}
	old, err := s.orgTx(ctx, tx, before.Org)
	if err != nil {
		return err
	}
	org, err := s.orgTx(ctx, tx, after.Org)
	if err != nil {
		return err
	}
	if err := s.placeTx(ctx, tx, before, old, false); err != nil {
		return err
	}
	if err := s.placeTx(ctx, tx, after, org, after.State != Disabled); err != nil {
		return err
	}
	if slices.Contains(before.Roles, access.Admin) {
		n, err := countAdmins(ctx, tx)
		if err != nil {
			return err
		}
		if n == 0 && before.State == Active {
			return fault.New(fault.Conflict, "the last administrator stays").WithKey("account.last-admin")
		}
	}
	return endSessionsOf(ctx, tx, after.ID, 0)
}

// Disable closes an account: no door opens any more, sessions end, rights are
// gone from the next statement on. Keys are kept and work again after Enable.
// Faults: NotFound, Conflict for the last administrator.
func (s *Service) Disable(ctx context.Context, who ident.Actor, find string) (Entry, error) {
	return s.change(ctx, who, find, "person.disable", func(tx *store.Tx, p *Person) (any, error) {
		if err := s.outranksTx(ctx, tx, who, *p); err != nil {
			return nil, err
		}
		p.State = Disabled
		return nil, dropLinks(ctx, tx, p.ID)
	})
}

// Enable opens it again; whoever never chose a password is invited. Needs a fresh
// proof of a person who asks.
func (s *Service) Enable(ctx context.Context, who ident.Actor, find string) (Entry, error) {
	return s.change(ctx, who, find, "person.enable", func(tx *store.Tx, p *Person) (any, error) {
		if err := s.FreshTx(ctx, tx, who); err != nil {
			return nil, err
		}
		if err := s.outranksTx(ctx, tx, who, *p); err != nil {
			return nil, err
		}
		p.State = Invited
		if p.HasPassword() {
			p.State = Active
		} else if n, err := countPasskeys(ctx, tx, p.ID); err != nil {
			return nil, err
		} else if n > 0 {
			p.State = Active
		}
		return nil, nil
	})
}

// SetRoles gives a person exactly these roles, and an organisation when org is
// not 0. It ends their sessions. Needs a fresh proof of a person who asks.
func (s *Service) SetRoles(ctx context.Context, who ident.Actor, find string, roles []string, org int64) (Entry, error) {
	return s.change(ctx, who, find, "person.roles", func(tx *store.Tx, p *Person) (any, error) {
		if err := s.FreshTx(ctx, tx, who); err != nil {
			return nil, err
		}
		if err := s.outranksTx(ctx, tx, who, *p); err != nil {
			return nil, err
		}
		was := p.Roles
		if org != 0 {
			p.Org = org
		}
		at, err := s.orgTx(ctx, tx, p.Org)
		if err != nil {
			return nil, err
		}
		if len(roles) == 0 {
			return nil, fault.Field("role", "fault.role", "at least one role")
		}
		if p.Roles, err = s.rolesTx(ctx, tx, roles, at); err != nil {
			return nil, err
		}
		if err := s.mayGrantTx(ctx, tx, who, *p, p.Roles); err != nil {
			return nil, err
		}
		return map[string]any{"from": was, "to": p.Roles, "org": p.Org}, saveRoles(ctx, tx, *p)
	})
}

// outranksTx: nobody but an administrator touches somebody with rights that they
// lack themselves.
func (s *Service) outranksTx(ctx context.Context, tx *store.Tx, who ident.Actor, p Person) error {
	return s.mayGrantTx(ctx, tx, who, p, p.Roles)
}

// ResetSecondFactor takes away authenticator, passkeys and recovery codes, and
// ends the sessions: for somebody who lost their phone and called. The person
// is told by letter.
func (s *Service) ResetSecondFactor(ctx context.Context, who ident.Actor, find string) (Entry, error) {
	return s.change(ctx, who, find, "person.reset-second-factor", func(tx *store.Tx, p *Person) (any, error) {
		if err := s.FreshTx(ctx, tx, who); err != nil {
			return nil, err
		}
		if err := s.outranksTx(ctx, tx, who, *p); err != nil {
			return nil, err
		}
		if err := dropSecondFactors(ctx, tx, p.ID); err != nil {
			return nil, err
		}
		if err := endSessionsOf(ctx, tx, p.ID, 0); err != nil {
			return nil, err
		}
		return nil, s.tellTx(ctx, tx, *p, "changed", "/account")
	})
}

// SetProfile changes the asker's own name and language.
func (s *Service) SetProfile(ctx context.Context, who ident.Actor, name, lang string) error {
	name = strings.TrimSpace(name)
	var c fault.Collector
	c.Require(nameOK(name), "name", "account.name")
	c.Require(i18n.Lang(lang).Valid(), "lang", "account.lang")
	if err := c.Err("profile"); err != nil {
		return err
	}
	return s.own(ctx, who, func(tx *store.Tx, p Person) error {
		after := p
		after.Name, after.Lang = name, lang
		if err := s.moveTx(ctx, tx, p, after); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "person.profile", thing(p), []string{"name", "lang"})
	})
}

// own runs fn on the asker's own account, which must be open.
func (s *Service) own(ctx context.Context, who ident.Actor, fn func(tx *store.Tx, p Person) error) error {
	if !who.LoggedIn() {
		return Unauthenticated()
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		p, found, err := findByID(ctx, tx, who.Person)
		if err != nil {
			return err
		}
		if !found || p.State != Active {
			return Unauthenticated()
		}
		return fn(tx, p)
	})
}

// OrgID finds an organisation by UUID or exact name, for the form that adds a
// person. Needs admin.people. Faults: NotFound.
func (s *Service) OrgID(ctx context.Context, who ident.Actor, find string) (id int64, err error) {
	if err := access.Check(who, "admin.people"); err != nil || find == "" {
		return 0, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		o, err := s.orgs.FindOrgTx(ctx, tx, find)
		id = o.ID
		return err
	})
	return id, err
}

// Whose gives the number of the person with an e-mail address, -1 when there
// is none. Needs admin.people or audit.read.
func (s *Service) Whose(ctx context.Context, who ident.Actor, email string) (id int64, err error) {
	if !access.Allowed(who, "admin.people") {
		if err := access.Check(who, "audit.read"); err != nil {
			return 0, err
		}
	}
	id = -1
	at, bad := Canonical(email)
	if bad != nil {
		return id, nil //nolint:nilerr // nobody has such an address
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		p, found, err := findByEmail(ctx, tx, at)
		if err == nil && found {
			id = p.ID
		}
		return err
	})
	return id, err
}

// Named is how a person stands in lists of other rooms.
type Named struct{ UUID, Email, Name, OrgName string }

// Named names people by number, for the audit log and histories; numbers that do not
// exist are left out. Needs admin.people, audit.read or intake.policy.
func (s *Service) Named(ctx context.Context, who ident.Actor, ids []int64) (out map[int64]Named, err error) {
	if !access.Allowed(who, "admin.people") && !access.Allowed(who, "intake.policy") {
		if err := access.Check(who, "audit.read"); err != nil {
			return nil, err
		}
	}
	out = map[int64]Named{}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		for _, id := range ids {
			p, found, err := findByID(ctx, tx, id)
			if err != nil || !found {
				if err != nil {
					return err
				}
				continue
			}
			org, err := s.orgTx(ctx, tx, p.Org)
			if err != nil && !fault.Is(err, fault.Invalid) {
				return err
			}
			out[id] = Named{p.UUID, p.Email, p.Name, org.Name}
		}
		return nil
	})
	return out, err
}
