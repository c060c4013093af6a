package access

import (
	"context"
	"slices"

	"straza/internal/kernel/store"
)

// Kinds of principal.
const (
	KindPublic  = "public"  // everyone, with or without an account
	KindMembers = "members" // every organisation of this installation
	KindTeam    = "team"    // ref = CERT: people with a role in its team
	KindRole    = "role"    // name = role, cert = CERT
	KindOrg     = "org"     // ref = organisation
	KindGroup   = "group"   // ref = sharing group
	KindPerson  = "person"  // ref = person
	KindCircle  = "circle"  // ref = the restricted object; editing it changes members, no rows
)

// Principal names a reader: kind with what it refers to.
type Principal struct {
	Kind string
	Ref  int64
	CERT int64
	Name string
}

// The principals most often named.
func Public() Principal                     { return Principal{Kind: KindPublic} }
func Members() Principal                    { return Principal{Kind: KindMembers} }
func Team(cert int64) Principal             { return Principal{Kind: KindTeam, Ref: cert, CERT: cert} }
func Teams() Principal                      { return Principal{Kind: KindTeam, Name: "every"} } // every CERT's team; each Team belongs to it
func Org(id int64) Principal                { return Principal{Kind: KindOrg, Ref: id} }
func Group(id int64) Principal              { return Principal{Kind: KindGroup, Ref: id} }
func Person(id int64) Principal             { return Principal{Kind: KindPerson, Ref: id} }
func Circle(id int64) Principal             { return Principal{Kind: KindCircle, Ref: id} }
func RoleAt(n string, cert int64) Principal { return Principal{Kind: KindRole, CERT: cert, Name: n} }

// PrincipalTx gives the id of a principal, made when it is new; one that was made stays.
func PrincipalTx(ctx context.Context, tx *store.Tx, p Principal) (int64, error) {
	if id, known := tx.Fixed(p); known {
		return id, nil
	}
	id, err := PrincipalTxRead(ctx, tx, p)
	if err == nil && id == 0 {
		if _, err = tx.Exec(ctx, addPrincipal, tx.DB().NewID(), p.Kind, p.Ref, p.CERT, p.Name); err == nil {
			id, err = PrincipalTxRead(ctx, tx, p)
		}
	}
	if err == nil {
		tx.Fix(p, id)
	}
	return id, err
}

// JoinTx makes member belong to group, and bumps the epoch when that is new.
func JoinTx(ctx context.Context, tx *store.Tx, member, group Principal) error {
	m, g, err := pair(ctx, tx, member, group)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, addMember, m, g)
	if err != nil || n == 0 {
		return err
	}
	return BumpTx(ctx, tx)
}

// LeaveTx ends a membership, and bumps the epoch when there was one.
func LeaveTx(ctx context.Context, tx *store.Tx, member, group Principal) error {
	m, g, err := pair(ctx, tx, member, group)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, removeMember, m, g)
	if err != nil || n == 0 {
		return err
	}
	return BumpTx(ctx, tx)
}

func pair(ctx context.Context, tx *store.Tx, a, b Principal) (int64, int64, error) {
	x, err := PrincipalTx(ctx, tx, a)
	if err != nil {
		return 0, 0, err
	}
	y, err := PrincipalTx(ctx, tx, b)
	return x, y, err
}

// MembersTx lists the refs of the principals of one kind that belong to group.
func MembersTx(ctx context.Context, tx *store.Tx, group Principal, kind string) ([]int64, error) {
	g, err := PrincipalTxRead(ctx, tx, group)
	if err != nil || g == 0 {
		return nil, err
	}
	return store.All(ctx, tx, store.ScanInt64, listMembers, g, kind)
}

// PrincipalTxRead gives the id of a principal, 0 when it was never named.
func PrincipalTxRead(ctx context.Context, tx *store.Tx, p Principal) (int64, error) {
	return store.Int64(ctx, tx, findPrincipal, p.Kind, p.Ref, p.CERT, p.Name)
}

// ClosureTx gives, ascending, the ids of the start principals and of everything
// they belong to, at most three steps deep (decisions §1).
func ClosureTx(ctx context.Context, tx *store.Tx, start ...Principal) ([]int64, error) {
	var all []int64
	for _, p := range start {
		id, err := PrincipalTxRead(ctx, tx, p)
		if err != nil {
			return nil, err
		}
		if id != 0 && !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	frontier := all
	for range 3 {
		if len(frontier) == 0 {
			break
		}
		up, err := store.All(ctx, tx, store.ScanInt64, parents+store.In(frontier))
		if err != nil {
			return nil, err
		}
		frontier = nil
		for _, id := range up {
			if !slices.Contains(all, id) {
				all, frontier = append(all, id), append(frontier, id)
			}
		}
	}
	slices.Sort(all)
	return all, nil
}

// EpochTx reads the rights epoch.
func EpochTx(ctx context.Context, tx *store.Tx) (int64, error) {
	return store.Int64(ctx, tx, readEpoch)
}

// BumpTx starts a new rights epoch: every cached actor is resolved again.
func BumpTx(ctx context.Context, tx *store.Tx) error {
	_, err := tx.Exec(ctx, bumpEpoch)
	return err
}
