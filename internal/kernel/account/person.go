package account

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// State of a person.
type State string

// States. invited → active by the link in the letter; active ↔ disabled.
const (
	Invited  State = "invited"
	Active   State = "active"
	Disabled State = "disabled"
)

// Person is somebody with an account.
type Person struct {
	ID       int64
	UUID     string
	Email    string // canonical
	Address  string // as it was given: where letters go
	Name     string
	Org      int64
	Lang     string // "" = not chosen yet
	State    State
	Roles    []string // ascending
	Created  int64    // µs
	password string
}

// HasPassword tells whether one was ever set.
func (p Person) HasPassword() bool { return p.password != "" }

// NewPerson is what Add needs. Without a password the person is invited.
type NewPerson struct {
	Email    string
	Name     string
	Roles    []string
	Org      int64
	Lang     string // "" = not chosen yet: pages follow the browser
	Password string
}

const maxName = 200

// Add creates a person, with memberships and audit line, and without a password
// an invitation whose link it gives back when who may see it (see invite). Only
// admin.people, or portal.people for the own organisation and roles no stronger
// than the asker's own. Faults: Denied, Invalid on email, name, role, org, lang,
// password; Conflict when the address is taken.
func (s *Service) Add(ctx context.Context, who ident.Actor, n NewPerson) (p Person, link string, err error) {
	hashed, err := s.newPassword(ctx, who, n.Password, Person{Name: n.Name, Email: subjectOf(n.Email)})
	if err != nil {
		return p, "", err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if p, err = s.AddTx(ctx, tx, who, n, hashed); err != nil {
			return err
		}
		// A new account is as good as a new role: whoever found an open screen gets neither.
		if err := s.FreshTx(ctx, tx, who); err != nil || p.State != Invited {
			return err
		}
		link, err = s.inviteTx(ctx, tx, who, p)
		return err
	})
	return p, link, err
}

// newPassword checks and hashes outside of any transaction; "" stays "". An
// operator at the machine may choose any password of eight characters.
func (s *Service) newPassword(ctx context.Context, who ident.Actor, password string, p Person) (string, error) {
	if password == "" {
		return "", nil
	}
	if who.Kind == ident.Operator || who.Kind == ident.System {
		if n := utf8.RuneCountInString(password); n < 8 || n > maxPassword {
			return "", fault.Field("password", "account.password-short", "password: %d characters, at least 8", n)
		}
	} else if err := checkPassword(password, p); err != nil {
		return "", err
	}
	return s.hash.make(ctx, s.db.Clock, password)
}

// AddTx is Add inside another act, without the invitation; hashed is a hash that
// Add made, or "" for an invited person.
func (s *Service) AddTx(ctx context.Context, tx *store.Tx, who ident.Actor, n NewPerson, hashed string) (Person, error) {
	p, org, err := s.checkNewTx(ctx, tx, who, n)
	if err != nil {
		return p, err
	}
	if p.Created, err = store.Now(ctx, tx); err != nil {
		return p, err
	}
	p.ID, p.UUID, p.State, p.password = s.db.NewID(), s.db.NewUUID(), Invited, hashed
	if hashed != "" {
		p.State = Active
	}
	if err := insertPerson(ctx, tx, p); err != nil {
		if store.IsUnique(err) {
			return p, fault.New(fault.Conflict, "a person with this address exists").WithKey("account.taken").Because(err)
		}
		return p, err
	}
	if err := s.placeTx(ctx, tx, p, org, true); err != nil {
		return p, err
	}
	return p, s.audit.Record(ctx, tx, who, "person.add", thing(p), map[string]any{"roles": p.Roles, "org": p.Org, "state": p.State})
}

func (s *Service) checkNewTx(ctx context.Context, tx *store.Tx, who ident.Actor, n NewPerson) (p Person, org Org, err error) {
	var c fault.Collector
	p = Person{Name: strings.TrimSpace(n.Name), Address: strings.TrimSpace(n.Email), Org: n.Org, Lang: n.Lang}
	if p.Email, err = Canonical(n.Email); err != nil {
		c.Add("email", "account.email")
	}
	c.Require(nameOK(p.Name), "name", "account.name")
	c.Require(p.Lang == "" || i18n.Lang(p.Lang).Valid(), "lang", "account.lang")
	c.Require(len(n.Roles) > 0, "role", "fault.role")
	if err := c.Err("new person"); err != nil {
		return p, org, err
	}
	if org, err = s.orgTx(ctx, tx, n.Org); err != nil {
		return p, org, err
	}
	if p.Roles, err = s.rolesTx(ctx, tx, n.Roles, org); err != nil {
		return p, org, err
	}
	if taken, _, err := findByEmail(ctx, tx, p.Email); err != nil {
		return p, org, err
	} else if taken.ID != 0 && s.mayManage(who, p) == nil {
		return p, org, fault.New(fault.Conflict, "a person with this address exists").WithKey("account.taken")
	}
	return p, org, s.mayGrantTx(ctx, tx, who, p, p.Roles)
}

func nameOK(name string) bool {
	return name != "" && utf8.ValidString(name) && utf8.RuneCountInString(name) <= maxName && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' })
}

// orgTx reads an organisation; 0 is none, which only some roles can do with.
func (s *Service) orgTx(ctx context.Context, tx *store.Tx, id int64) (Org, error) {
	if id == 0 {
		return Org{}, nil
	}
	org, err := s.orgs.OrgTx(ctx, tx, id)
	if fault.Is(err, fault.NotFound) {
		return org, fault.Field("org", "account.org", "no such organisation")
	}
	return org, err
}

// rolesTx checks role names against what there is and what the organisation allows.
func (s *Service) rolesTx(ctx context.Context, tx *store.Tx, names []string, org Org) ([]string, error) {
	for _, n := range names {
		r, err := access.RoleTx(ctx, tx, n)
		if err != nil {
			return nil, err
		}
		if r.Team && !org.CERT {
			return nil, fault.Field("role", "account.role-team", "role %q works on the team of a CERT: choose an organisation of kind cert", n)
		}
		if org.ID == 0 && r.Name != access.Admin {
			return nil, fault.Field("org", "account.org", "role %q needs an organisation", n)
		}
	}
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out), nil
}

// mayManage tells whether who may change this person at all.
func (s *Service) mayManage(who ident.Actor, p Person) error {
	if access.Allowed(who, "admin.people") {
		return nil
	}
	if access.Allowed(who, "portal.people") && who.Org != 0 && who.Org == p.Org {
		return nil
	}
	return access.Check(who, "admin.people")
}

// mayGrantTx tells whether who may give these roles. An administrator configures
// and may give any; everybody else at most what they have themselves.
func (s *Service) mayGrantTx(ctx context.Context, tx *store.Tx, who ident.Actor, p Person, roles []string) error {
	if err := s.mayManage(who, p); err != nil {
		return err
	}
	if access.Allowed(who, "admin.people") {
		return nil
	}
	for _, n := range roles {
		r, err := access.RoleTx(ctx, tx, n)
		if err != nil {
			return err
		}
		for _, perm := range r.Permissions {
			if !who.Can(perm) {
				return fault.New(fault.Denied, "%s may not give role %s", who, n).WithKey("account.role-above")
			}
		}
	}
	return nil
}

// placeTx makes the person's principals belong where they should, and nowhere
// else that this package put them.
func (s *Service) placeTx(ctx context.Context, tx *store.Tx, p Person, org Org, in bool) error {
	me := access.Person(p.ID)
	var places []access.Principal
	if org.ID != 0 {
		places = append(places, access.Org(org.ID))
	}
	if org.CERT {
		for _, n := range p.Roles {
			r, err := access.RoleTx(ctx, tx, n)
			if err != nil {
				return err
			}
			places = append(places, access.RoleAt(n, org.ID))
			if r.Team {
				places = append(places, access.Team(org.ID))
			}
		}
	}
	for _, at := range places {
		move := access.LeaveTx
		if in {
			move = access.JoinTx
		}
		if err := move(ctx, tx, me, at); err != nil {
			return err
		}
	}
	return access.BumpTx(ctx, tx)
}
