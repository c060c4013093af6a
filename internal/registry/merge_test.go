package registry_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
	"straza/internal/registry"
	"straza/internal/registry/registrytest"
	"straza/internal/testkit"
)

func TestMergeMovesAndUndoReturns(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		c := newCountry(t, db)
		copyOf := registrytest.Org(t, c.s, registry.Draft{Name: "Ђердап штедионица д. о. о."})
		clerk := registrytest.Person(t, db, 20, copyOf, access.OrgAdmin)
		in := registry.ContactInput{Kind: "duty", Name: "Дежурни", Phone: "+381 11 1234567"}
		contact, err := c.s.AddContact(ctx, clerk, copyOf.UUID, 0, in)
		must(t, err)
		for _, o := range []registry.Organisation{c.bank, copyOf} {
			_, err = c.s.AddResource(ctx, c.analyst, o.UUID, 0, registry.Domain, "djerdap.rs", "")
			must(t, err)
		}
		_, err = c.s.AddResource(ctx, c.analyst, copyOf.UUID, 0, registry.Network, "10.9.0.0/24", "")
		must(t, err)

		_, err = c.s.Merge(ctx, c.analyst, c.bank.UUID, []string{copyOf.UUID})
		isFault(t, err, fault.Denied) // the lead's right
		m, err := c.s.Merge(ctx, c.lead, c.bank.UUID, []string{copyOf.UUID})
		must(t, err)

		tomb, err := c.s.Get(ctx, c.analyst, copyOf.UUID)
		must(t, err)
		if tomb.State != registry.Merged || tomb.MergedInto != c.bank.UUID {
			t.Errorf("tombstone: %+v", tomb)
		}
		if o, err := c.s.OrgByRef(ctx, c.analyst, copyOf.UUID); err != nil || o.ID != c.bank.ID {
			t.Errorf("the old UUID gives %s, %v", o.Name, err)
		}
		if got := c.list(t, c.analyst, registry.Filter{Query: "djerdap stedionica", State: registry.Active}); len(got) != 1 || got[0] != c.bank.Name {
			t.Errorf("the old name finds %v", got)
		}
		contacts, err := c.s.Contacts(ctx, c.analyst, c.bank.UUID)
		must(t, err)
		resources, err := c.s.Resources(ctx, c.analyst, c.bank.UUID)
		must(t, err)
		if len(contacts) != 1 || contacts[0].UUID != contact.UUID || len(resources) != 2 {
			t.Errorf("after the merge: %d contacts, %d resources", len(contacts), len(resources))
		}
		own, err := c.s.Own(ctx, registrytest.Again(t, db, clerk))
		must(t, err)
		if own.ID != c.bank.ID || !own.Own || !own.Details {
			t.Errorf("the clerk's own organisation is %s (own %t)", own.Name, own.Own)
		}
		_, err = c.s.ConfirmContact(ctx, registrytest.Again(t, db, clerk), c.bank.UUID, 0, contact.UUID)
		must(t, err)

		merges, err := c.s.Merges(ctx, c.analyst, c.bank.UUID)
		must(t, err)
		if len(merges) != 1 || merges[0].UUID != m.UUID || len(merges[0].From) != 1 || !merges[0].Undone.IsZero() {
			t.Errorf("merges: %+v", merges)
		}
		must(t, c.s.UndoMerge(ctx, c.lead, c.bank.UUID, m.UUID))
		isFault(t, c.s.UndoMerge(ctx, c.lead, c.bank.UUID, m.UUID), fault.Conflict)
		contacts, err = c.s.Contacts(ctx, c.analyst, copyOf.UUID)
		must(t, err)
		if len(contacts) != 1 {
			t.Errorf("after undo the copy has %d contacts", len(contacts))
		}
		if _, err := c.s.Contacts(ctx, registrytest.Again(t, db, clerk), c.bank.UUID); !fault.Is(err, fault.Denied) {
			t.Errorf("after undo the clerk reads the bank's contacts: %v", err)
		}

		m, err = c.s.Merge(ctx, c.lead, c.bank.UUID, []string{copyOf.UUID})
		must(t, err)
		now.Add(registry.UndoWithin + time.Minute)
		isFault(t, c.s.UndoMerge(ctx, c.lead, c.bank.UUID, m.UUID), fault.Gone)
	})
}

func TestWhatCannotBeMerged(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		merge := func(into string, from ...string) error {
			_, err := c.s.Merge(ctx, c.lead, into, from)
			return err
		}
		isFault(t, merge(c.bank.UUID), fault.Invalid)
		isFault(t, merge(c.bank.UUID, c.bank.UUID), fault.Conflict)
		shop := registrytest.Org(t, c.s, registry.Draft{Name: "Продавница"})
		isFault(t, merge(c.bank.UUID, c.host.UUID), fault.Conflict)
		isFault(t, merge(c.bank.UUID, shop.UUID, shop.UUID), fault.Conflict)
		isFault(t, merge(c.bank.UUID, "00000000-0000-7000-8000-000000000000"), fault.NotFound)
		must(t, merge(c.bank.UUID, shop.UUID))
		isFault(t, merge(c.host.UUID, shop.UUID), fault.Conflict) // it is a tombstone
		isFault(t, merge(shop.UUID, c.bank.UUID), fault.Conflict)
	})
}

// world says where everything is: the state that any sequence of merges and undos
// must come back to.
func world(t testing.TB, db *store.DB) map[string]string {
	t.Helper()
	out := map[string]string{}
	must(t, db.View(ctx, func(tx *store.Tx) error {
		for _, text := range []string{
			"SELECT 'org ' || CAST(id AS TEXT), state || ' ' || CAST(COALESCE(merged_into, 0) AS TEXT) || ' ' || CAST(resolved_id AS TEXT) || ' ' || CAST(contacts AS TEXT) || ' ' || CAST(audience_id AS TEXT) FROM registry_organisation",
			"SELECT 'contact ' || CAST(id AS TEXT), CAST(org_id AS TEXT) || ' ' || CAST(audience_id AS TEXT) FROM registry_contact",
			"SELECT 'resource ' || CAST(id AS TEXT), CAST(org_id AS TEXT) || ' ' || CAST(audience_id AS TEXT) FROM registry_resource",
			"SELECT 'member ' || CAST(principal AS TEXT) || ' ' || CAST(belongs_to AS TEXT), '' FROM access_member",
		} {
			rows, err := store.All(ctx, tx, func(s store.Scanner) (p [2]string, err error) { err = s.Scan(&p[0], &p[1]); return }, text)
			if err != nil {
				return err
			}
			for _, r := range rows {
				out[r[0]] = r[1]
			}
		}
		words, err := store.All(ctx, tx, func(s store.Scanner) (v string, err error) {
			var org int64
			var word []byte
			err = s.Scan(&org, &word)
			return fmt.Sprint(org, " ", string(word)), err
		}, "SELECT org_id, word FROM registry_word")
		slices.Sort(words)
		out["words"] = fmt.Sprint(words)
		return err
	}))
	return out
}

// TestAnyOrderOfMergesAndUndosComesBack is the law of undo (spec: any sequence of
// merge and undo restores the same state; old ids still resolve).
func TestAnyOrderOfMergesAndUndosComesBack(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		var orgs []registry.Organisation
		for i := range 5 {
			o := registrytest.Org(t, c.s, registry.Draft{Name: fmt.Sprintf("Фирма %d", i)})
			_, err := c.s.AddContact(ctx, c.analyst, o.UUID, 0, registry.ContactInput{Kind: "admin", Name: "A", Email: fmt.Sprintf("a%d@firma.rs", i)})
			must(t, err)
			_, err = c.s.AddResource(ctx, c.analyst, o.UUID, 0, registry.Network, fmt.Sprintf("10.0.%d.0/24", i/2), "") // some hold the same
			must(t, err)
			orgs = append(orgs, o)
		}
		before := world(t, db)
		rapid.Check(t, func(rt *rapid.T) {
			type merged struct{ into, merge string }
			var open []merged
			for range rapid.IntRange(1, 8).Draw(rt, "steps") {
				if len(open) > 0 && rapid.Bool().Draw(rt, "undo") {
					i := rapid.IntRange(0, len(open)-1).Draw(rt, "which")
					must(t, c.s.UndoMerge(ctx, c.lead, open[i].into, open[i].merge))
					open = slices.Delete(open, i, i+1)
					continue
				}
				into := rapid.IntRange(0, len(orgs)-1).Draw(rt, "into")
				from := rapid.IntRange(0, len(orgs)-1).Draw(rt, "from")
				m, err := c.s.Merge(ctx, c.lead, orgs[into].UUID, []string{orgs[from].UUID})
				if fault.Is(err, fault.Conflict) {
					continue // itself, or a tombstone: refused, nothing changed
				}
				must(t, err)
				open = append(open, merged{orgs[into].UUID, m.UUID})
				if o, err := c.s.OrgByRef(ctx, c.analyst, orgs[from].UUID); err != nil || o.State != registry.Active {
					rt.Fatalf("an old UUID resolves to %s, %v", o.State, err)
				}
			}
			for len(open) > 0 { // the rest in any order
				i := rapid.IntRange(0, len(open)-1).Draw(rt, "last")
				must(t, c.s.UndoMerge(ctx, c.lead, open[i].into, open[i].merge))
				open = slices.Delete(open, i, i+1)
			}
			if diff := cmp.Diff(before, world(t, db)); diff != "" {
				rt.Fatalf("not the same state (-before +after):\n%s", diff)
			}
		})
	})
}
