package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

// Levels explain an audience; reach decides.
const (
	LevelOwn     = "own"     // the owner organisation alone
	LevelTeam    = "team"    // the team of the CERT (and the owner)
	LevelMembers = "members" // every organisation here
	LevelPeers   = "peers"   // members here, and peers by the peer's rule
	LevelAll     = "all"     // as peers, and on to theirs
	LevelGroup   = "group"   // a sharing group
	LevelPublic  = "public"  // everyone
	LevelNamed   = "named"   // the principals listed
	LevelCircle  = "circle"  // restricted to a circle
)

// Audience says who may see a row, before it is interned.
type Audience struct {
	CERT       int64
	Owner      int64 // owner organisation; always in the reach unless Restricted
	Level      string
	Group      int64  // LevelGroup: the sharing group
	Purpose    string // "" = help; "inspection" keeps the two apart
	Exercise   int64
	Restricted bool
	Named      []Principal // further principals, for LevelNamed, LevelTeam and LevelCircle
}

// reach gives the principals that an audience names.
func (a Audience) reach() ([]Principal, error) {
	var out []Principal
	if a.Owner != 0 && !a.Restricted {
		out = append(out, Org(a.Owner))
	}
	switch a.Level {
	case LevelOwn, LevelNamed, LevelCircle:
	case LevelTeam:
		out = append(out, Team(a.CERT))
	case LevelMembers, LevelPeers, LevelAll:
		out = append(out, Members())
	case LevelGroup:
		if a.Group == 0 {
			return nil, fault.New(fault.Invalid, "a group audience without a group")
		}
		out = append(out, Group(a.Group))
	case LevelPublic:
		out = append(out, Public())
	default:
		return nil, fault.New(fault.Invalid, "unknown audience level %q", a.Level)
	}
	// An organisation's row at a CERT is its own affair: the owner of a team row
	// is the CERT's organisation, whose team reads it; outsiders of that
	// organisation's account do not, unless they are on the team.
	if a.Level == LevelTeam {
		out = slices.DeleteFunc(out, func(p Principal) bool { return p == Org(a.Owner) && a.Owner == a.CERT })
	}
	return append(out, a.Named...), nil
}

// interned is the key of an audience that was made, which stays as it is.
type interned string

// InternTx gives the id of the audience, made when it is new.
func InternTx(ctx context.Context, tx *store.Tx, a Audience) (int64, error) {
	ps, err := a.reach()
	if err != nil {
		return 0, err
	}
	ids := make([]int64, 0, len(ps))
	for _, p := range ps {
		id, err := PrincipalTx(ctx, tx, p)
		if err != nil {
			return 0, err
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	key := audienceKey(a, ids)
	if id, known := tx.Fixed(interned(key)); known {
		return id, nil
	}
	id, err := internAs(ctx, tx, a, key, ids)
	if err == nil {
		tx.Fix(interned(key), id)
	}
	return id, err
}

// internAs finds the audience by its key, or writes it with its reach.
func internAs(ctx context.Context, tx *store.Tx, a Audience, key string, ids []int64) (int64, error) {
	id, err := store.Int64(ctx, tx, findAudience, key)
	if err != nil || id != 0 {
		return id, err
	}
	id = tx.DB().NewID()
	n, err := tx.Exec(ctx, addAudience, id, key, a.CERT, a.Owner, a.Level, a.Group, a.Purpose, a.Exercise, a.Restricted)
	if err != nil {
		return 0, err
	}
	if n == 0 { // somebody else interned it between our look and our insert
		return store.Int64(ctx, tx, findAudience, key)
	}
	for _, p := range ids {
		if _, err := tx.Exec(ctx, addReach, id, p); err != nil {
			return 0, err
		}
	}
	return id, nil
}

func audienceKey(a Audience, ids []int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d|%d|%s|%d|%s|%d|%t|%v",
		a.CERT, a.Owner, a.Level, a.Group, a.Purpose, a.Exercise, a.Restricted, ids))
	return hex.EncodeToString(sum[:16])
}

// ReachTx lists the principals of an audience, for "who will see this".
func ReachTx(ctx context.Context, tx *store.Tx, audience int64) ([]Principal, error) {
	return store.All(ctx, tx, scanPrincipal, listReach, audience)
}

// AudienceTx reads an interned audience, without its reach.
func AudienceTx(ctx context.Context, tx *store.Tx, id int64) (Audience, error) {
	a, found, err := store.First(ctx, tx, scanAudience, readAudience, id)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "audience %d", id)
	}
	return a, err
}

func scanPrincipal(s store.Scanner) (p Principal, err error) {
	err = s.Scan(&p.Kind, &p.Ref, &p.CERT, &p.Name)
	return
}

func scanAudience(s store.Scanner) (a Audience, err error) {
	err = s.Scan(&a.CERT, &a.Owner, &a.Level, &a.Group, &a.Purpose, &a.Exercise, &a.Restricted)
	return
}
