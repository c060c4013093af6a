package registry_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/registry"
	"straza/internal/registry/registrytest"
	"straza/internal/testkit"
)

func text[T any](v T) *T { return &v }

func recognised(t *testing.T, c *country, addr string) string {
	t.Helper()
	m, _, err := c.s.Recognise(ctx, c.analyst, registry.Clue{Address: netip.MustParseAddr(addr)})
	must(t, err)
	return m.Organisation.Name
}

func TestResourceLivesAndComesBack(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		at := c.bank.UUID
		r, err := c.s.AddResource(ctx, c.analyst, at, 0, registry.Network, "10.20.0.0/16", "центар")
		must(t, err)
		_, err = c.s.ChangeResource(ctx, c.analyst, at, 0, r.UUID, registry.ResourcePatch{Value: text("10.20.0.1/16")})
		isFault(t, err, fault.Invalid)
		r, err = c.s.ChangeResource(ctx, c.analyst, at, 0, r.UUID, registry.ResourcePatch{Value: text("10.21.0.0/16")})
		must(t, err)
		if r.Value != "10.21.0.0/16" || r.Note != "центар" {
			t.Errorf("changed: %+v", r)
		}
		if got := recognised(t, c, "10.20.1.1") + recognised(t, c, "10.21.1.1"); got != c.bank.Name {
			t.Errorf("old and new network give %q", got)
		}
		before, err := c.s.Get(ctx, c.analyst, at)
		must(t, err)
		_, err = c.s.ChangeResource(ctx, c.analyst, at, before.Version, r.UUID, registry.ResourcePatch{Note: text("центар")})
		must(t, err) // nothing changed: no version, no line
		if o, _ := c.s.Get(ctx, c.analyst, at); o.Version != before.Version {
			t.Errorf("the same again made version %d of %d", o.Version, before.Version)
		}
		_, err = c.s.ChangeResource(ctx, c.analyst, at, before.Version-1, r.UUID, registry.ResourcePatch{Note: text("x")})
		isFault(t, err, fault.Conflict)

		r, err = c.s.WithdrawResource(ctx, c.analyst, at, 0, r.UUID)
		must(t, err)
		if got := recognised(t, c, "10.21.1.1"); got != "" || r.Withdrawn.IsZero() {
			t.Errorf("a withdrawn network answers %q", got)
		}
		_, err = c.s.WithdrawResource(ctx, c.analyst, at, 0, r.UUID)
		isFault(t, err, fault.Conflict)
		_, err = c.s.ChangeResource(ctx, c.analyst, at, 0, r.UUID, registry.ResourcePatch{Note: text("x")})
		isFault(t, err, fault.Conflict)
		again, err := c.s.AddResource(ctx, c.analyst, at, 0, registry.Network, "10.21.0.0/16", "")
		must(t, err)
		_, err = c.s.RestoreResource(ctx, c.analyst, at, 0, r.UUID)
		isFault(t, err, fault.Conflict) // it is there anew
		_, err = c.s.WithdrawResource(ctx, c.analyst, at, 0, again.UUID)
		must(t, err)
		r, err = c.s.RestoreResource(ctx, c.analyst, at, 0, r.UUID)
		must(t, err)
		if got := recognised(t, c, "10.21.1.1"); got != c.bank.Name || !r.Withdrawn.IsZero() {
			t.Errorf("a restored network answers %q", got)
		}
		_, err = c.s.RestoreResource(ctx, c.analyst, c.body.UUID, 0, r.UUID)
		isFault(t, err, fault.NotFound) // through another organisation
		want := []string{"resource-restore", "resource-withdraw", "resource-add", "resource-withdraw", "resource-change", "resource-add", "add"}
		if diff := cmp.Diff(want, acts(t, c, at)); diff != "" {
			t.Error(diff)
		}
		if got := auditVerbs(t, db, c.bank.ID)[0]; got != "registry.resource.restore" {
			t.Errorf("audit: %s", got)
		}
	})
}

func acts(t *testing.T, c *country, org string) (out []string) {
	t.Helper()
	list, err := c.s.History(ctx, c.analyst, org, 0, 0)
	must(t, err)
	for _, h := range list {
		out = append(out, h.Act)
	}
	return out
}

// TestClaimedNetworksAnswerNobody: an organisation that enters its neighbour's
// network must not be told what was seen there.
func TestClaimedNetworksAnswerNobody(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		_, err := c.s.AddResource(ctx, c.banker, c.bank.UUID, 0, registry.Network, "10.30.0.0/24", "")
		isFault(t, err, fault.Denied)
		r, err := c.s.AddResource(ctx, c.bankAdmin, c.bank.UUID, 0, registry.Network, "10.30.0.0/24", "")
		must(t, err)
		d, err := c.s.AddResource(ctx, c.bankAdmin, c.bank.UUID, 0, registry.Domain, "tudje.rs", "")
		must(t, err)
		if r.Claimed.IsZero() || d.Claimed.IsZero() {
			t.Fatalf("an organisation's own word counts as checked: %+v, %+v", r, d)
		}
		for _, who := range []ident.Actor{c.analyst, c.bankAdmin} {
			for _, clue := range []registry.Clue{{Address: netip.MustParseAddr("10.30.0.7")}, {Domain: "a.tudje.rs"}} {
				if m, found, err := c.s.Recognise(ctx, who, clue); err != nil || found {
					t.Errorf("%s is told %q, %v", who, m.Organisation.Name, err)
				}
			}
		}
		if got := c.list(t, c.analyst, registry.Filter{Query: "10.30.0.7"}); len(got) != 1 {
			t.Errorf("the team's search finds %v", got) // the team sees who says so
		}
		_, err = c.s.CheckResource(ctx, c.bankAdmin, c.bank.UUID, 0, r.UUID)
		isFault(t, err, fault.Denied)
		_, err = c.s.CheckResource(ctx, c.analyst, c.bank.UUID, 0, r.UUID)
		must(t, err)
		if got := recognised(t, c, "10.30.0.7"); got != c.bank.Name {
			t.Errorf("checked, it answers %q", got)
		}
		_, err = c.s.CheckResource(ctx, c.analyst, c.bank.UUID, 0, r.UUID)
		isFault(t, err, fault.Conflict)
		// A remark keeps it checked, another value does not.
		r, err = c.s.ChangeResource(ctx, c.bankAdmin, c.bank.UUID, 0, r.UUID, registry.ResourcePatch{Note: text("ново")})
		must(t, err)
		if !r.Claimed.IsZero() {
			t.Error("a remark makes it claimed")
		}
		r, err = c.s.ChangeResource(ctx, c.bankAdmin, c.bank.UUID, 0, r.UUID, registry.ResourcePatch{Value: text("10.31.0.0/24")})
		must(t, err)
		if r.Claimed.IsZero() || recognised(t, c, "10.31.0.7") != "" {
			t.Error("the organisation's new value counts as checked")
		}
	})
}

func TestAssetLivesAndComesBack(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		at := c.bank.UUID
		_, err := c.s.AddAsset(ctx, c.bankAdmin, at, 0, registry.AssetInput{Kind: "king", Criticality: 7})
		isFault(t, err, fault.Invalid)
		if f := fault.Of(err); len(f.Fields) != 3 {
			t.Errorf("fields %v", f.Fields)
		}
		a, err := c.s.AddAsset(ctx, c.bankAdmin, at, 0, registry.AssetInput{Kind: "service", Name: "Електронско банкарство", Criticality: 4})
		must(t, err)
		a, err = c.s.ChangeAsset(ctx, c.bankAdmin, at, 0, a.UUID, registry.AssetPatch{Product: text("Oracle 19c")})
		must(t, err)
		got, err := c.s.Asset(ctx, c.banker, at, a.UUID)
		must(t, err)
		if got.Product != "Oracle 19c" || got.Name != "Електронско банкарство" || got.Criticality != 4 {
			t.Errorf("changed: %+v", got)
		}
		_, err = c.s.ChangeAsset(ctx, c.banker, at, 0, a.UUID, registry.AssetPatch{Product: text("x")})
		isFault(t, err, fault.Denied)
		_, err = c.s.Asset(ctx, c.mayr, at, a.UUID)
		isFault(t, err, fault.Denied)
		_, err = c.s.Asset(ctx, c.analyst, c.body.UUID, a.UUID)
		isFault(t, err, fault.NotFound)
		_, err = c.s.WithdrawAsset(ctx, c.bankAdmin, at, 0, a.UUID)
		must(t, err)
		for state, want := range map[string]int{"": 0, registry.StateWithdrawn: 1, registry.StateAll: 1} {
			list, _, err := c.s.AssetPage(ctx, c.analyst, at, registry.PartFilter{State: state}, registry.Page{})
			must(t, err)
			if len(list) != want {
				t.Errorf("state %q lists %d", state, len(list))
			}
		}
		_, err = c.s.RestoreAsset(ctx, c.bankAdmin, at, 0, a.UUID)
		must(t, err)
		_, err = c.s.RestoreAsset(ctx, c.bankAdmin, at, 0, a.UUID)
		isFault(t, err, fault.Conflict)
		want := []string{"asset-restore", "asset-withdraw", "asset-change", "asset-add", "add"}
		if diff := cmp.Diff(want, acts(t, c, at)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPartsPageFilterAndLeaveAsFiles(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		at := c.bank.UUID
		var last registry.Asset
		for i := range 7 {
			var err error
			last, err = c.s.AddAsset(ctx, c.analyst, at, 0, registry.AssetInput{Kind: []string{"service", "device"}[i%2], Name: fmt.Sprintf("Сервер %d", i), Note: "=1+1"})
			must(t, err)
		}
		var seen []string
		page := registry.Page{Limit: 3}
		for {
			list, next, err := c.s.AssetPage(ctx, c.analyst, at, registry.PartFilter{}, page)
			must(t, err)
			for _, a := range list {
				seen = append(seen, a.Name)
			}
			if page.Cursor = next; next == "" {
				break
			}
		}
		if len(seen) != 7 || len(seen) != len(unique(seen)) {
			t.Errorf("pages gave %v", seen)
		}
		for q, want := range map[registry.PartFilter]int{{Query: "SERVER 3"}: 1, {Kind: "device"}: 3, {Query: "nema"}: 0} {
			list, _, err := c.s.AssetPage(ctx, c.analyst, at, q, registry.Page{})
			must(t, err)
			if len(list) != want {
				t.Errorf("%+v gives %d, want %d", q, len(list), want)
			}
		}
		_, err := c.s.WithdrawAsset(ctx, c.analyst, at, 0, last.UUID)
		must(t, err)
		_, _, err = c.s.AssetPage(ctx, c.analyst, at, registry.PartFilter{}, registry.Page{Cursor: last.UUID})
		isFault(t, err, fault.Invalid)
		for _, f := range []registry.PartFilter{{Kind: "king"}, {State: "gone"}} {
			_, _, err = c.s.AssetPage(ctx, c.analyst, at, f, registry.Page{})
			isFault(t, err, fault.Invalid)
		}
		var b bytes.Buffer
		must(t, c.s.ExportAssets(ctx, c.analyst, at, &b, registry.CSV, registry.PartFilter{State: registry.StateAll}, stamped))
		if got := b.String(); strings.Count(got, "\n") != 8 || !strings.Contains(got, "'=1+1") {
			t.Errorf("export:\n%s", got)
		}
		b.Reset()
		must(t, c.s.ExportResources(ctx, c.analyst, at, &b, registry.JSON, registry.PartFilter{}, stamped))
		if got := b.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"straza":"resources"`) || !strings.Contains(got, `"rows":0`) {
			t.Errorf("nothing exports as %q", got)
		}
		isFault(t, c.s.ExportAssets(ctx, c.mayr, at, &b, registry.CSV, registry.PartFilter{}, stamped), fault.Denied)
		isFault(t, c.s.ExportAssets(ctx, c.analyst, at, &b, "xml", registry.PartFilter{}, stamped), fault.Invalid)
		if got := auditVerbs(t, db, c.bank.ID)[0]; got != "registry.export" {
			t.Errorf("audit: %s", got)
		}
	})
}

func unique(list []string) map[string]bool {
	out := map[string]bool{}
	for _, s := range list {
		out[s] = true
	}
	return out
}

// TestOwnConstituencyOnly: a team writes and withdraws the records of those that its
// CERT looks after, itself among them, and reads the others' (decisions §1: the
// constituency of an organisation decides its owner). Whoever configures the
// installation may write all.
func TestOwnConstituencyOnly(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		secondLead := registrytest.Person(t, db, 40, c.second, access.Lead)
		admin := registrytest.Person(t, db, 41, c.bank, access.Admin)
		double := registrytest.Org(t, c.s, registry.Draft{Name: "Управа за воде 2", Kind: "public-body"})
		name := "Нови назив"
		for _, x := range []struct {
			label string
			who   ident.Actor
			org   registry.Organisation
			want  fault.Kind
		}{
			{"the host's lead at another CERT", c.lead, c.second, fault.Denied},
			{"the host's lead at another's body", c.lead, c.body, fault.Denied},
			{"another's lead at the host's bank", secondLead, c.bank, fault.Denied},
			{"another's lead at its own body", secondLead, c.body, ""},
			{"the host's lead at its own constituent", c.lead, c.bank, ""},
			{"the operator at another CERT", ident.Actor{Kind: ident.Operator, Name: "root"}, c.second, ""},
			{"an administrator at another CERT", admin, c.second, ""},
			{"another's lead at its own CERT", secondLead, c.second, ""},
		} {
			label := x.label
			_, err := c.s.Change(ctx, x.who, x.org.UUID, 0, registry.Patch{Aliases: &[]string{name + label}})
			if fault.KindOf(err) != x.want {
				t.Errorf("%s changes: %v, want %q", label, err, x.want)
			}
			_, err = c.s.Withdraw(ctx, x.who, x.org.UUID, 0)
			if fault.KindOf(err) != x.want {
				t.Errorf("%s withdraws: %v, want %q", label, err, x.want)
			}
			if err == nil {
				_, err = c.s.Restore(ctx, registrytest.Setup, x.org.UUID, 0)
				must(t, err)
			}
		}
		must(t, c.s.SetConstituency(ctx, c.lead, c.second.UUID, []registry.Rule{{Basis: registry.ByKind, Value: "public-body"}})) // the host divides; a CERT that was withdrawn has lost its rules
		isFault(t, c.s.SetConstituency(ctx, secondLead, c.host.UUID, nil), fault.Denied)
		_, err := c.s.Merge(ctx, c.lead, c.bank.UUID, []string{c.body.UUID})
		isFault(t, err, fault.Denied)
		m, err := c.s.Merge(ctx, secondLead, c.body.UUID, []string{double.UUID})
		must(t, err)
		isFault(t, c.s.UndoMerge(ctx, c.lead, c.body.UUID, m.UUID), fault.Denied)
		must(t, c.s.UndoMerge(ctx, secondLead, c.body.UUID, m.UUID))
		res, err := c.s.Import(ctx, c.analyst, strings.NewReader("name,seat\nУправа за воде,Ниш\n"), registry.ImportOptions{Format: registry.CSV})
		must(t, err)
		if res.Refused != 1 {
			t.Errorf("an import over another's record: %+v", res)
		}
	})
}
