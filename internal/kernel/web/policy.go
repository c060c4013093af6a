package web

import (
	"slices"
	"strings"

	"straza/internal/kernel/ident"
)

// Policy is who may call a route, by name. The service behind decides about the
// object; the policy only keeps away those who have no business at this door.
type Policy struct {
	Name  string
	Allow func(ident.Actor) bool
}

// Policies that need no permission.
var (
	// Public is for anyone, logged in or not.
	Public = Policy{"public", func(ident.Actor) bool { return true }}
	// LoggedIn is for every person with an account, by session or key.
	LoggedIn = Policy{"logged-in", ident.Actor.LoggedIn}
	// Team is for the team of a CERT.
	Team = Policy{"team", func(a ident.Actor) bool { return a.LoggedIn() && a.OnTeam() }}
	// Member is for people of an organisation.
	Member = Policy{"member", func(a ident.Actor) bool { return a.LoggedIn() && a.Org != 0 }}
)

// Perm is for people who hold a permission.
func Perm(perm string) Policy {
	return Policy{"perm:" + perm, func(a ident.Actor) bool { return a.Can(perm) }}
}

// And is for those of the policy's people who hold another permission too.
func (p Policy) And(perm string) Policy {
	return Policy{p.Name + "&" + perm, func(a ident.Actor) bool { return a.Can(perm) && p.Allow(a) }}
}

// AnyPerm is for people who hold at least one of the permissions.
func AnyPerm(perms ...string) Policy {
	return Policy{"perm:" + strings.Join(perms, "|"), func(a ident.Actor) bool { return slices.ContainsFunc(perms, a.Can) }}
}
