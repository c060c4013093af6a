// Package inteltest builds people, organisations and events for tests of the
// rooms that use threat data.
package inteltest

import (
	"context"
	"testing"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/bulk"
	"straza/internal/intel/dossier"
	"straza/internal/intel/remark"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/registry"
	"straza/internal/testkit"
)

// World is an installation with two CERTs and three further organisations.
type World struct {
	T        testing.TB
	DB       *store.DB
	Intel    *intel.Service
	Remarks  *remark.Service
	Dossiers *dossier.Service
	Lists    *catalog.Service
	Bulk     *bulk.Service
	Registry *registry.Service
	CERT     intel.Org // the host
	CERT2    intel.Org
	A, B, C  intel.Org
	next     int64
	people   map[int64]ident.Actor
}

// New fills an empty database.
func New(t testing.TB, db *store.DB) *World {
	t.Helper()
	w := Open(t, db)
	w.Must(db.Update(context.Background(), func(tx *store.Tx) error { return access.SeedTx(context.Background(), tx) }))
	w.CERT, w.CERT2 = w.OrgOf("CERT One", "cert"), w.OrgOf("CERT Two", "cert")
	w.A, w.B, w.C = w.OrgOf("Alfa", "operator"), w.Org("Beta"), w.OrgOf("Gama", "public-body")
	return w
}

// Open takes a database that was filled before; whoever asks knows its organisations.
func Open(t testing.TB, db *store.DB) *World {
	t.Helper()
	w := &World{T: t, DB: db, next: 1000, people: map[int64]ident.Actor{}}
	reg, err := registry.New(registry.Deps{DB: db, Audit: testkit.Audit(db)})
	w.Must(err)
	w.Registry = reg
	w.Lists = catalog.New(catalog.Deps{DB: db, Audit: testkit.Audit(db)})
	v := testkit.Vault(t)
	w.Intel = intel.New(intel.Deps{DB: db, Audit: testkit.Audit(db), Registry: reg, Vault: v, Lists: w.Lists, Remarks: w})
	w.Remarks = remark.New(remark.Deps{DB: db, Audit: testkit.Audit(db), Intel: w.Intel, Vault: v})
	w.Bulk = bulk.New(bulk.Deps{DB: db, Audit: testkit.Audit(db), Intel: w.Intel, People: w})
	w.Dossiers = dossier.New(dossier.Deps{DB: db, Audit: testkit.Audit(db), Intel: w.Intel, Catalog: w.Lists})
	return w
}

// CaptureTx hands what is said inside events to the chamber that keeps it.
func (w *World) CaptureTx(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, list []intel.Said) error {
	return w.Remarks.CaptureTx(ctx, tx, who, event, list)
}

// Org makes a company that is a member of the installation.
func (w *World) Org(name string) intel.Org { return w.OrgOf(name, "company") }

// OrgOf makes an organisation of a kind that is a member of the installation.
func (w *World) OrgOf(name, kind string) intel.Org {
	w.T.Helper()
	o, err := w.Registry.Add(context.Background(), ident.SystemPart("setup"), registry.Draft{Name: name, Kind: kind})
	w.Must(err)
	return intel.Org{ID: o.ID, UUID: o.UUID, Name: o.Name, Local: true}
}

// Person makes somebody of an organisation with a role, and resolves the rights
// in force now. Call Again after memberships have changed.
func (w *World) Person(org intel.Org, role string, door ident.Channel) ident.Actor {
	w.T.Helper()
	w.next++
	who := ident.Actor{Kind: ident.Person, Person: w.next, Org: org.ID, OrgUUID: org.UUID, OrgName: org.Name, Channel: door,
		Roles: []string{role}, Perms: map[string]bool{}}
	ctx := context.Background()
	w.Must(w.DB.Update(ctx, func(tx *store.Tx) error {
		r, err := access.RoleTx(ctx, tx, role)
		if err != nil {
			return err
		}
		for _, p := range r.Permissions {
			who.Perms[p] = true
		}
		if err := access.JoinTx(ctx, tx, access.Person(who.Person), access.Org(org.ID)); err != nil {
			return err
		}
		if r.Team {
			who.CERT = org.ID
			return access.JoinTx(ctx, tx, access.Person(who.Person), access.Team(org.ID))
		}
		return nil
	}))
	w.people[who.Person] = who
	return w.Again(who)
}

// ResolveTx says who a person is now: with the rights that Person gave, or Lose took.
func (w *World) ResolveTx(ctx context.Context, tx *store.Tx, person int64, c ident.Channel) (ident.Actor, error) {
	who, here := w.people[person]
	if !here {
		return who, fault.New(fault.Denied, "person %d is gone", person)
	}
	who.Channel = c
	var err error
	who.Principals, err = access.ClosureTx(ctx, tx, access.Public(), access.Person(person))
	return who, err
}

// Lose lets somebody go.
func (w *World) Lose(who ident.Actor) { delete(w.people, who.Person) }

// Again resolves an actor's principals from the memberships in force now.
func (w *World) Again(who ident.Actor) ident.Actor {
	w.T.Helper()
	ctx := context.Background()
	w.Must(w.DB.View(ctx, func(tx *store.Tx) (err error) {
		who.Principals, err = access.ClosureTx(ctx, tx, access.Public(), access.Person(who.Person))
		return err
	}))
	return who
}

// Add stores an event and gives its header as its maker sees it.
func (w *World) Add(who ident.Actor, e *misp.Event) intel.Event {
	w.T.Helper()
	saved, err := w.Intel.AddEvent(context.Background(), who, intel.FromEvent(e), intel.AddOptions{})
	w.Must(err)
	got, err := w.Intel.Event(context.Background(), who, saved.UUID)
	w.Must(err)
	return got
}

// Event is a small event: info, level and attributes as "type=value".
func Event(info string, level intel.Distribution, attrs ...misp.Attribute) *misp.Event {
	return &misp.Event{Info: misp.T(info), Distribution: misp.N(int64(level)), Attribute: attrs}
}

// Attr is an attribute of a type.
func Attr(typ, value string) misp.Attribute {
	return misp.Attribute{Type: misp.T(typ), Value: misp.T(value)}
}

// Must ends the test on an error.
func (w *World) Must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}
