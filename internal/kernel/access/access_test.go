package access_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// person resolves a person's principals as account does.
func person(t *testing.T, db *store.DB, p int64) ident.Actor {
	t.Helper()
	ctx := context.Background()
	who := ident.Actor{Kind: ident.Person, Person: p}
	must(t, db.View(ctx, func(tx *store.Tx) (err error) {
		who.Principals, err = access.ClosureTx(ctx, tx, access.Public(), access.Person(p))
		return err
	}))
	return who
}

func TestReachDecides(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		const certA, orgB, orgC = 10, 20, 30
		const analyst, memberB, memberC, employeeA = 1, 2, 3, 4
		audiences := map[string]int64{}
		must(t, db.Update(ctx, func(tx *store.Tx) error {
			if err := access.SeedTx(ctx, tx); err != nil {
				return err
			}
			for _, j := range [][2]access.Principal{
				{access.Org(certA), access.Members()}, {access.Org(orgB), access.Members()}, {access.Org(orgC), access.Members()},
				{access.Person(analyst), access.Org(certA)}, {access.Person(analyst), access.Team(certA)},
				{access.Person(memberB), access.Org(orgB)}, {access.Person(memberC), access.Org(orgC)},
				{access.Person(employeeA), access.Org(certA)},
				{access.Org(orgB), access.Group(7)},
			} {
				if err := access.JoinTx(ctx, tx, j[0], j[1]); err != nil {
					return err
				}
			}
			for name, a := range map[string]access.Audience{
				"own B":    {CERT: certA, Owner: orgB, Level: access.LevelOwn},
				"team":     {CERT: certA, Owner: certA, Level: access.LevelTeam},
				"members":  {CERT: certA, Owner: certA, Level: access.LevelMembers},
				"group":    {CERT: certA, Owner: certA, Level: access.LevelGroup, Group: 7},
				"public":   {CERT: certA, Owner: certA, Level: access.LevelPublic},
				"circle":   {CERT: certA, Owner: certA, Level: access.LevelCircle, Restricted: true, Named: []access.Principal{access.Person(memberC)}},
				"team + B": {CERT: certA, Owner: certA, Level: access.LevelTeam, Named: []access.Principal{access.Org(orgB)}},
			} {
				id, err := access.InternTx(ctx, tx, a)
				if err != nil {
					return err
				}
				again, err := access.InternTx(ctx, tx, a)
				if err != nil || again != id {
					t.Errorf("%s interned twice: %d, %d, %v", name, id, again, err)
				}
				audiences[name] = id
			}
			return nil
		}))
		want := map[string]map[string]bool{
			"analyst":    {"team": true, "members": true, "group": true, "public": true, "team + B": true},
			"member B":   {"own B": true, "members": true, "group": true, "public": true, "team + B": true},
			"member C":   {"members": true, "public": true, "circle": true},
			"employee A": {"members": true, "group": true, "public": true},
			"nobody":     {"public": true},
		}
		nobody := ident.Nobody(ident.Web)
		must(t, db.View(ctx, func(tx *store.Tx) (err error) {
			nobody.Principals, err = access.ClosureTx(ctx, tx, access.Public())
			return err
		}))
		for name, who := range map[string]ident.Actor{
			"analyst": person(t, db, analyst), "member B": person(t, db, memberB), "member C": person(t, db, memberC),
			"employee A": person(t, db, employeeA), "nobody": nobody,
		} {
			got := map[string]bool{}
			must(t, db.View(ctx, func(tx *store.Tx) error {
				for a, id := range audiences {
					for _, frag := range []string{access.Visible(who, "x.id"), access.VisibleScan(who, "x.id")} {
						n, err := store.Int64(ctx, tx, "SELECT COUNT(*) FROM access_audience x WHERE x.id = $1 AND "+frag, id)
						if err != nil {
							return err
						}
						if n == 1 {
							got[a] = true
						}
					}
				}
				return nil
			}))
			if diff := cmp.Diff(want[name], got); diff != "" {
				t.Errorf("%s sees (-want +got):\n%s", name, diff)
			}
		}
	})
}

func TestLeavingBumpsTheEpoch(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		var before, after, idle int64
		must(t, db.Update(ctx, func(tx *store.Tx) error {
			return access.JoinTx(ctx, tx, access.Person(1), access.Org(2))
		}))
		epoch := func() (n int64) {
			must(t, db.View(ctx, func(tx *store.Tx) (err error) { n, err = access.EpochTx(ctx, tx); return }))
			return n
		}
		before = epoch()
		must(t, db.Update(ctx, func(tx *store.Tx) error { return access.JoinTx(ctx, tx, access.Person(1), access.Org(2)) }))
		idle = epoch()
		must(t, db.Update(ctx, func(tx *store.Tx) error { return access.LeaveTx(ctx, tx, access.Person(1), access.Org(2)) }))
		after = epoch()
		if idle != before || after <= before {
			t.Errorf("epochs %d, %d (nothing new), %d (left)", before, idle, after)
		}
	})
}

func TestUnknownRoleListsRoles(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		must(t, db.Update(ctx, func(tx *store.Tx) error { return access.SeedTx(ctx, tx) }))
		err := db.View(ctx, func(tx *store.Tx) error { _, err := access.RoleTx(ctx, tx, "boss"); return err })
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("unknown role: %v", err)
		}
	})
}

func TestAdministratorCannotReadReports(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	ctx := context.Background()
	must(t, db.Update(ctx, func(tx *store.Tx) error {
		if err := access.SeedTx(ctx, tx); err != nil {
			return err
		}
		r, err := access.RoleTx(ctx, tx, access.Admin)
		for _, p := range r.Permissions {
			if p == "intake.read" || p == "incident.read" || p == "sealed.read" {
				t.Errorf("the administrator holds %s", p)
			}
		}
		return err
	}))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
