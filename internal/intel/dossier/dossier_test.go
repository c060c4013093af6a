package dossier_test

import (
	"context"
	"slices"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/dossier"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

var ctx = context.Background()

func ptr[T any](v T) *T { return &v }

func each(t *testing.T, test func(t *testing.T, w *inteltest.World)) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) { test(t, inteltest.New(t, db)) })
}

func names(w *inteltest.World, who ident.Actor) (out []string) {
	w.T.Helper()
	w.Must(w.Dossiers.Dossiers(ctx, who, dossier.Filter{}, func(c *dossier.Dossier) error { out = append(out, c.Name); return nil }))
	slices.Sort(out)
	return out
}

// Every level reaches exactly its readers; list, view and last changes agree.
func TestDossiersAreSeenByTheirLevel(t *testing.T) {
	each(t, func(t *testing.T, w *inteltest.World) {
		maker, mate, other, third := w.Person(w.A, access.OrgAdmin, ident.Web), w.Person(w.A, access.Member, ident.Web), w.Person(w.B, access.Member, ident.Web), w.Person(w.C, access.Member, ident.Web)
		g, err := w.Intel.AddGroup(ctx, maker, intel.SharingGroup{Name: "g", Releasability: "r", Active: true, Orgs: []intel.GroupOrg{{Org: w.B}}})
		w.Must(err)
		maker, other = w.Again(maker), w.Again(other)
		uuid := map[string]string{}
		for name, level := range map[string]intel.Distribution{"own": intel.OwnOrg, "members": intel.Community, "all": intel.All, "group": intel.Group} {
			c, err := w.Dossiers.AddDossier(ctx, maker, dossier.Draft{Name: ptr(name), Distribution: &level, Group: &g.ID})
			w.Must(err)
			uuid[name] = c.UUID
		}
		for _, x := range []struct {
			who  ident.Actor
			want []string
		}{{maker, []string{"all", "group", "members", "own"}}, {mate, []string{"all", "group", "members", "own"}}, {other, []string{"all", "group", "members"}}, {third, []string{"all", "members"}}} {
			if got := names(w, x.who); !slices.Equal(got, x.want) {
				t.Errorf("%v sees %v, want %v", x.who.OrgName, got, x.want)
			}
			minimal, err := w.Dossiers.Modified(ctx, x.who)
			w.Must(err)
			if len(minimal) != len(x.want) {
				t.Errorf("%v: last changes of %d", x.who.OrgName, len(minimal))
			}
			for name, u := range uuid {
				_, err := w.Dossiers.Dossier(ctx, x.who, u)
				if seen := slices.Contains(x.want, name); seen != (err == nil) || !seen && !fault.Is(err, fault.NotFound) {
					t.Errorf("%v %s: %v", x.who.OrgName, name, err)
				}
			}
		}
		if _, err := w.Dossiers.AddDossier(ctx, third, dossier.Draft{Name: ptr("x"), Distribution: ptr(intel.Group), Group: &g.ID}); !fault.Is(err, fault.Invalid) {
			t.Errorf("a group of others: %v", err)
		}
	})
}

// An element whose thing is here and hidden is not told, nor counted; who may not see it
// cannot take it out by saying all elements again.
func TestElementsHideWithTheirThing(t *testing.T) {
	each(t, func(t *testing.T, w *inteltest.World) {
		maker, other := w.Person(w.A, access.OrgAdmin, ident.Web), w.Person(w.B, access.Member, ident.Web)
		open := w.Add(maker, inteltest.Event("open", intel.Community, inteltest.Attr("domain", "a.example.rs")))
		secret := w.Add(maker, inteltest.Event("secret", intel.OwnOrg, inteltest.Attr("domain", "b.example.rs")))
		for _, e := range []intel.Event{open, secret} {
			w.Must(w.Intel.Publish(ctx, maker, e.UUID))
		}
		away := w.DB.NewUUID()
		c, err := w.Dossiers.AddDossier(ctx, maker, dossier.Draft{Name: ptr("k"), Type: ptr("campaign"), Distribution: ptr(intel.Community),
			Elements: &[]dossier.Element{{Target: open.UUID, Kind: "Event"}, {Target: secret.UUID, Kind: "Event"}, {Target: away, Kind: "GalaxyCluster"}}})
		w.Must(err)
		if len(c.Elements) != 3 {
			t.Fatalf("%+v", c.Elements)
		}
		seen, err := w.Dossiers.Dossier(ctx, other, c.UUID)
		w.Must(err)
		if len(seen.Elements) != 2 || seen.Mine {
			t.Errorf("others see %+v", seen.Elements)
		}
		if _, err := w.Dossiers.EditDossier(ctx, other, c.UUID, dossier.Draft{Name: ptr("x")}); !fault.Is(err, fault.Denied) {
			t.Errorf("others edit: %v", err)
		}
		if _, err := w.Dossiers.DropElement(ctx, other, c.Elements[1].UUID); !fault.Is(err, fault.Denied) {
			t.Errorf("others take out: %v", err)
		}
		before := c.Modified
		c, err = w.Dossiers.EditDossier(ctx, maker, c.UUID, dossier.Draft{Description: ptr("d"), Elements: &[]dossier.Element{{Target: secret.UUID, Kind: "Event", Description: "why"}}})
		w.Must(err)
		if len(c.Elements) != 1 || c.Elements[0].Description != "why" || c.Modified <= before || c.Name != "k" {
			t.Errorf("edited %+v", c)
		}
		e, err := w.Dossiers.AddElement(ctx, maker, c.UUID, dossier.Element{Target: open.UUID, Kind: "Event"})
		w.Must(err)
		again, err := w.Dossiers.AddElement(ctx, maker, c.UUID, dossier.Element{Target: open.UUID, Kind: "Event", Description: "anew"})
		if err != nil || again.ID != e.ID {
			t.Errorf("twice: %+v %v", again, err)
		}
		if _, err := w.Dossiers.DropElement(ctx, maker, e.UUID); err != nil {
			t.Error(err)
		}
		if _, err := w.Dossiers.DeleteDossier(ctx, maker, c.UUID); err != nil {
			t.Error(err)
		}
		if _, err := w.Dossiers.Dossier(ctx, maker, c.UUID); !fault.Is(err, fault.NotFound) {
			t.Errorf("deleted: %v", err)
		}
	})
}

// What peers send: new ones are locked, newer ones replace, what was made here stays, a
// wrong one is refused without a trace, and the answer what is wanted tells nothing.
func TestReceiveFromPeers(t *testing.T) {
	each(t, func(t *testing.T, w *inteltest.World) {
		sync := w.Person(w.B, access.Sync, ident.MISP)
		sync.Key = 77
		uuid, target := w.DB.NewUUID(), w.DB.NewUUID()
		doc := func(modified, name string) *misp.Collection {
			return &misp.Collection{UUID: misp.T(uuid), Name: misp.T(name), Type: misp.T("campaign"), Modified: misp.T(modified), Distribution: misp.N(1), WithElements: true,
				Orgc:     &misp.Org{UUID: misp.T("7e0c7c5e-6a0a-4c3a-9b46-3a1f3c0f8b11"), Name: misp.T("Far Org")},
				Elements: []misp.CollectionElement{{ElementUUID: misp.T(target), ElementType: misp.T("ThreatThing")}}}
		}
		take := func(d *misp.Collection, want dossier.Took) {
			t.Helper()
			if got, err := w.Dossiers.Receive(ctx, sync, d); err != nil || got != want {
				t.Errorf("%s %s: %v %v, want %v", d.Name.V, d.Modified.V, got, err, want)
			}
		}
		take(doc("2026-01-01 00:00:00", "one"), dossier.Created)
		take(doc("2026-01-01 00:00:00", "same"), dossier.Passed)
		take(doc("2026-01-02 00:00:00", "two"), dossier.Updated)
		c, err := w.Dossiers.Dossier(ctx, sync, uuid)
		w.Must(err)
		if c.Name != "two" || !c.Locked || c.Origin.Name != "Far Org" || c.Org.ID != w.B.ID || len(c.Elements) != 1 || c.Distribution != intel.Community {
			t.Errorf("stored %+v", c)
		}
		bad := doc("2026-01-03 00:00:00", "three")
		bad.Elements[0].ElementUUID = misp.T("no uuid")
		take(bad, dossier.Refused)
		bad = doc("2026-01-03 00:00:00", "")
		bad.UUID = misp.T(w.DB.NewUUID())
		take(bad, dossier.Refused)
		if _, err := w.Dossiers.Dossier(ctx, ident.SystemPart("peer"), bad.UUID.V); !fault.Is(err, fault.NotFound) {
			t.Errorf("a refused one left a trace: %v", err)
		}
		maker := w.Person(w.A, access.OrgAdmin, ident.Web)
		own, err := w.Dossiers.AddDossier(ctx, maker, dossier.Draft{Name: ptr("ours"), Distribution: ptr(intel.Community)})
		w.Must(err)
		hidden, err := w.Dossiers.AddDossier(ctx, maker, dossier.Draft{Name: ptr("hidden"), Distribution: ptr(intel.OwnOrg)})
		w.Must(err)
		late := doc("2036-01-01 00:00:00", "stolen")
		late.UUID = misp.T(own.UUID)
		take(late, dossier.Passed)
		want, err := w.Dossiers.Wanted(ctx, sync, map[string]int64{own.UUID: 4e9, uuid: 4e9, hidden.UUID: 1, "no uuid": 1})
		w.Must(err)
		slices.Sort(want)
		expect := []string{uuid, hidden.UUID}
		slices.Sort(expect)
		if !slices.Equal(want, expect) {
			t.Errorf("wanted %v", want)
		}
		if _, err := w.Dossiers.Receive(ctx, w.Person(w.B, access.Member, ident.MISP), doc("2030-01-01 00:00:00", "x")); !fault.Is(err, fault.Denied) {
			t.Errorf("a member synchronises: %v", err)
		}
		group := doc("2026-02-01 00:00:00", "grouped")
		group.UUID, group.Distribution, group.SharingGroup = misp.T(w.DB.NewUUID()), misp.N(4), &misp.SharingGroup{UUID: misp.T(w.DB.NewUUID()), Name: misp.T("not ours")}
		take(group, dossier.Created)
		if c, err := w.Dossiers.Dossier(ctx, sync, group.UUID.V); err != nil || c.Distribution != intel.OwnOrg {
			t.Errorf("an unknown group: %+v %v", c, err)
		}
	})
}
