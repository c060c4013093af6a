package testkit

import (
	"context"
	"testing"

	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// Orgs names organisations for tests that have no registry.
type Orgs map[int64]account.Org

// OrgTx names an organisation by id.
func (o Orgs) OrgTx(_ context.Context, _ *store.Tx, id int64) (account.Org, error) {
	if v, ok := o[id]; ok {
		return v, nil
	}
	return account.Org{}, fault.New(fault.NotFound, "organisation %d", id)
}

// FindOrgTx finds one by UUID or exact name.
func (o Orgs) FindOrgTx(_ context.Context, _ *store.Tx, find string) (account.Org, error) {
	for _, v := range o {
		if v.UUID == find || v.Name == find {
			return v, nil
		}
	}
	return account.Org{}, fault.New(fault.NotFound, "organisation %q", find)
}

// CheapHash makes password tests quick.
var CheapHash = account.Cost{KiB: 64, Passes: 1, Lanes: 1}

// Vault opens fresh keys in a temporary folder.
func Vault(t testing.TB) *vault.Vault {
	t.Helper()
	v, err := vault.Open(t.TempDir(), vault.Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Seed writes the built-in roles and the principals that every installation has,
// and makes each organisation a member.
func Seed(t testing.TB, db *store.DB, orgs ...int64) {
	t.Helper()
	err := db.Update(context.Background(), func(tx *store.Tx) error {
		if err := access.SeedTx(context.Background(), tx); err != nil {
			return err
		}
		for _, id := range orgs {
			if err := access.JoinTx(context.Background(), tx, access.Org(id), access.Members()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Accounts gives an account service over db for these organisations: cheap
// hashes, fresh keys, origin https://straza.test. d changes what it names.
func Accounts(t testing.TB, db *store.DB, orgs Orgs, d account.Deps) *account.Service {
	t.Helper()
	var ids []int64
	for id := range orgs {
		ids = append(ids, id)
	}
	Seed(t, db, ids...)
	d.DB, d.Orgs, d.Config.Hash = db, orgs, CheapHash
	if d.Audit == nil {
		d.Audit = Audit(db)
	}
	if d.Keys == nil {
		d.Keys = Vault(t)
	}
	if d.Config.Origin == nil {
		d.Config.Origin = func() string { return "https://straza.test" }
	}
	return account.New(d)
}

// Person adds somebody with a password and gives the actor they are.
func Person(t testing.TB, s *account.Service, n account.NewPerson) ident.Actor {
	t.Helper()
	if n.Password == "" {
		n.Password = "vetar sa kosave 1"
	}
	if n.Name == "" {
		n.Name = "Test"
	}
	p, _, err := s.Add(context.Background(), ident.SystemPart("setup"), n)
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Resolve(context.Background(), p.ID, ident.Web)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
