package account

import (
	"context"
	"slices"
	"strings"
	"sync"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// actorCache keeps what rights give a person, under the epoch they were read at.
type actorCache struct {
	mu     sync.Mutex
	people map[int64]cachedActor
	nobody []int64 // the public principal
}

type cachedActor struct {
	epoch   int64
	actor   ident.Actor
	created int64 // of the account, µs
}

// maxCached bounds memory; an installation has fewer people than that.
const maxCached = 10000

// Resolve gives the actor that a person is at this moment: for jobs, which store
// ids only, and for the command line's --as. Faults: Unauthenticated when there
// is no such person or the account is not open.
func (s *Service) Resolve(ctx context.Context, person int64, c ident.Channel) (a ident.Actor, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		a, err = s.ResolveTx(ctx, tx, person, c)
		return err
	})
	return a, err
}

// ResolveTx is Resolve inside a transaction. The epoch is read each time.
func (s *Service) ResolveTx(ctx context.Context, tx *store.Tx, person int64, c ident.Channel) (ident.Actor, error) {
	a, _, err := s.resolveTx(ctx, tx, person, c)
	return a, err
}

// resolveTx is ResolveTx with the time at which the account was made.
func (s *Service) resolveTx(ctx context.Context, tx *store.Tx, person int64, c ident.Channel) (ident.Actor, int64, error) {
	epoch, err := access.EpochTx(ctx, tx)
	if err != nil {
		return ident.Actor{}, 0, err
	}
	s.actors.mu.Lock()
	hit, ok := s.actors.people[person]
	s.actors.mu.Unlock()
	if !ok || hit.epoch != epoch {
		if hit.actor, hit.created, err = s.loadTx(ctx, tx, person, epoch); err != nil {
			return ident.Actor{}, 0, err
		}
		hit.epoch = epoch
		s.actors.mu.Lock()
		if len(s.actors.people) >= maxCached {
			clear(s.actors.people)
		}
		s.actors.people[person] = hit
		s.actors.mu.Unlock()
	}
	a := hit.actor // maps and slices in it are shared and never written
	a.Channel = c
	return a, hit.created, nil
}

func (s *Service) loadTx(ctx context.Context, tx *store.Tx, person, epoch int64) (_ ident.Actor, created int64, err error) {
	p, found, err := findByID(ctx, tx, person)
	if err != nil {
		return ident.Actor{}, 0, err
	}
	if !found || p.State != Active {
		return ident.Actor{}, 0, Unauthenticated()
	}
	a := ident.Actor{Kind: ident.Person, Name: p.Name, Email: p.Email, Person: p.ID, PersonUUID: p.UUID, Org: p.Org,
		Roles: p.Roles, Perms: map[string]bool{}, Lang: p.Lang, Epoch: epoch}
	org, err := s.orgTx(ctx, tx, p.Org)
	if err != nil {
		return ident.Actor{}, 0, err
	}
	a.OrgUUID, a.OrgName = org.UUID, org.Name
	for _, n := range p.Roles {
		r, err := access.RoleTx(ctx, tx, n)
		if err != nil {
			return ident.Actor{}, 0, err
		}
		for _, perm := range r.Permissions {
			a.Perms[perm] = true
		}
		if r.Team && org.CERT {
			a.CERT = org.ID
		}
	}
	a.Principals, err = access.ClosureTx(ctx, tx, access.Public(), access.Person(p.ID))
	return a, p.Created, err
}

// Nobody is the anonymous caller of a channel: a reader of what is public.
func (s *Service) Nobody(ctx context.Context, c ident.Channel) (ident.Actor, error) {
	a := ident.Nobody(c)
	s.actors.mu.Lock()
	a.Principals = s.actors.nobody
	s.actors.mu.Unlock()
	if a.Principals != nil {
		return a, nil
	}
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		a.Principals, err = access.ClosureTx(ctx, tx, access.Public())
		return err
	})
	if err == nil && len(a.Principals) > 0 { // principals are never removed, so this one may be kept for good
		s.actors.mu.Lock()
		s.actors.nobody = a.Principals
		s.actors.mu.Unlock()
	}
	return a, err
}

// barePrincipals are those of somebody who may see nothing but what is public.
func (s *Service) barePrincipals(ctx context.Context, tx *store.Tx) ([]int64, error) {
	return access.ClosureTx(ctx, tx, access.Public())
}

// System is a named part of Straža with what it may read.
func (s *Service) System(ctx context.Context, part string) (ident.Actor, error) {
	a, err := s.Nobody(ctx, ident.Job)
	a.Kind, a.Name = ident.System, part
	return a, err
}

// Operator is the command line in the hands of a user of the machine.
func (s *Service) Operator(ctx context.Context, user string) (ident.Actor, error) {
	a, err := s.Nobody(ctx, ident.CLI)
	a.Kind, a.Name = ident.Operator, user
	return a, err
}

// As is a person as the command line's --as makes them: the operator's act, in
// that person's name. Faults: NotFound, Unauthenticated when the account is closed.
func (s *Service) As(ctx context.Context, who ident.Actor, email string) (a ident.Actor, err error) {
	if err := access.Check(who, "admin.people"); err != nil {
		return a, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		p, err := s.findTx(ctx, tx, who, email)
		if err != nil {
			return err
		}
		if a, err = s.ResolveTx(ctx, tx, p.ID, ident.CLI); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "person.as", thing(p), nil)
	})
	return a, err
}

// readVerb tells whether a permission only reads.
func readVerb(perm string) bool {
	room, verb, _ := strings.Cut(perm, ".")
	if room == "misp" {
		return verb == "auth" || verb == "audit"
	}
	return verb == "use" || strings.HasPrefix(verb, "read")
}

// narrow gives the permissions that a key leaves of its owner's. Scopes are
// "<room>:read", "<room>:write", "misp" and "taxii" (spec program §4). The scope of
// a route is tested at the door as well; this holds where a door forgets.
func narrow(perms map[string]bool, scopes []string, readOnly bool) map[string]bool {
	if len(scopes) == 0 && !readOnly || fault.Planted("scope-skipped") {
		return perms
	}
	out := make(map[string]bool, len(perms))
	for perm := range perms {
		if readOnly && !readVerb(perm) {
			continue
		}
		if len(scopes) == 0 || slices.ContainsFunc(scopes, func(scope string) bool { return covers(scope, perm) }) {
			out[perm] = true
		}
	}
	return out
}

// covers tells whether a scope reaches a permission.
func covers(scope, perm string) bool {
	room, verb, _ := strings.Cut(perm, ".")
	switch scope {
	case "misp":
		// MISP's surface manages events, catalogues, organisations and its own users.
		return slices.Contains([]string{"misp", "intel", "catalog", "registry", "admin"}, room) || perm == "portal.people"
	case "taxii":
		return room == "intel" && readVerb(perm)
	}
	of, level, _ := strings.Cut(scope, ":")
	if of != room || verb == "" {
		return false
	}
	return level == "write" || level == "read" && readVerb(perm)
}
