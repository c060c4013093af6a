// Package ident is only who is asking: the Actor value and the ids in it.
//
// An Actor is resolved once per request or job from the rights in force at that
// moment (kernel/account) and handed, by value, to every Service method. Jobs
// store ids only and have their Actor resolved again when they run.
package ident

import (
	"slices"
	"strconv"
)

// Kind tells what sort of caller this is.
type Kind string

// Kinds of caller.
const (
	Anonymous Kind = "anonymous" // nobody logged in: the public site, POST /api/v1/reports
	Reporter  Kind = "reporter"  // came back with a receipt code; sees that one report and nothing else
	Person    Kind = "person"    // an account, by session or by key
	System    Kind = "system"    // a named part of Straža: "clock", "postman", "importer:…"
	Operator  Kind = "operator"  // the command line: operator:<unix user>
)

// Channel tells by which door the caller came.
type Channel string

// Doors.
const (
	Web   Channel = "web"
	API   Channel = "api"
	MISP  Channel = "misp"
	TAXII Channel = "taxii"
	CLI   Channel = "cli"
	Mail  Channel = "mail"
	Job   Channel = "job"
)

// Actor is who is asking. The zero value is nobody and may do nothing.
type Actor struct {
	Kind       Kind
	Name       string // display name; for System and Operator the name of the part or unix user
	Email      string
	Person     int64 // account_person.id, 0 if none
	PersonUUID string
	Org        int64 // registry_organisation.id, 0 if none
	OrgUUID    string
	OrgName    string
	CERT       int64 // the CERT (an organisation id) on whose team the person works, 0 if none
	Roles      []string
	Perms      map[string]bool // permissions of all roles, narrowed by the key
	Principals []int64         // access_principal ids that name this actor as a reader, ascending
	Key        int64           // account_key.id when a key was used
	Scopes     []string        // of the key; empty = everything the role allows
	ReadOnly   bool            // the key may not change anything
	SecondFA   bool            // a second factor was shown in this session
	Session    int64           // account_session.id
	EnrolBy    int64           // µs: until when a second factor must be added; 0 = none is missing
	EnrolNow   bool            // that moment has passed: only the own account's pages open
	Lang       string          // "sr-Cyrl", "sr-Latn" or "en"
	Channel    Channel
	RequestID  string
	Report     int64 // Kind Reporter: the report the code opened
	Epoch      int64 // rights epoch under which this was resolved
}

// Can tells whether a permission is held.
func (a Actor) Can(perm string) bool { return a.Perms[perm] }

// HasRole tells whether one of the roles is held.
func (a Actor) HasRole(roles ...string) bool {
	for _, r := range roles {
		if slices.Contains(a.Roles, r) {
			return true
		}
	}
	return false
}

// InScope tells whether a key's scopes allow scope; no key or no scopes allow all.
func (a Actor) InScope(scope string) bool {
	return a.Key == 0 || len(a.Scopes) == 0 || slices.Contains(a.Scopes, scope)
}

// LoggedIn tells whether a person stands behind the actor.
func (a Actor) LoggedIn() bool { return a.Kind == Person && a.Person != 0 }

// OnTeam tells whether the actor works on the team of a CERT.
func (a Actor) OnTeam() bool { return a.CERT != 0 }

// String names the actor in logs and audit lines, never with content.
func (a Actor) String() string {
	switch a.Kind {
	case Person:
		return "person:" + strconv.FormatInt(a.Person, 10)
	case System, Operator:
		return string(a.Kind) + ":" + a.Name
	case Reporter:
		return "reporter:" + strconv.FormatInt(a.Report, 10)
	}
	return string(Anonymous)
}

// Nobody is the anonymous caller of channel c.
func Nobody(c Channel) Actor { return Actor{Kind: Anonymous, Channel: c} }

// SystemPart is a named part of Straža itself; access gives it its own policy row.
func SystemPart(name string) Actor { return Actor{Kind: System, Name: name, Channel: Job} }
