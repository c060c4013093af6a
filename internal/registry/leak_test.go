package registry_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/registry"
	"straza/internal/registry/registrytest"
	"straza/internal/testkit"
)

// door is one way out of the room; it gives everything it shows, as one text.
type door struct {
	name    string
	details bool // shows details: contacts, networks, notes, history
	show    func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string
}

// subject is one organisation with canaries: nothing of it may show where it must not.
type subject struct {
	org    registry.Organisation
	card   string // canary on the card
	detail string // canary in contact, domain, note and history
	addr   netip.Addr
	label  string

	resource, asset string // UUIDs
}

func refusedOr(t *testing.T, err error, show func() string) string {
	t.Helper()
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Denied) {
		return ""
	}
	must(t, err)
	return show()
}

func listed(t *testing.T, s *registry.Service, who ident.Actor, f registry.Filter) string {
	t.Helper()
	list, _, err := s.List(ctx, who, f, registry.Page{Limit: 200})
	return refusedOr(t, err, func() string { return fmt.Sprintf("%+v", list) })
}

func counted(t *testing.T, s *registry.Service, who ident.Actor, f registry.Filter, canary string) string {
	t.Helper()
	n, _, err := s.Count(ctx, who, f)
	return refusedOr(t, err, func() string { return strings.Repeat(canary, int(n)) })
}

func exported(t *testing.T, s *registry.Service, who ident.Actor, format string) string {
	t.Helper()
	var b bytes.Buffer
	err := s.Export(ctx, who, &b, format, registry.Filter{}, stamped)
	return refusedOr(t, err, b.String)
}

// doors are all reads of the Service. A new one belongs here.
var doors = []door{
	{"list", false, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		return listed(t, s, who, registry.Filter{})
	}},
	{"search by name", false, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		return listed(t, s, who, registry.Filter{Query: x.card})
	}},
	{"search by UUID", false, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		return listed(t, s, who, registry.Filter{Query: x.org.UUID})
	}},
	{"count", false, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		return counted(t, s, who, registry.Filter{Query: x.card}, x.card)
	}},
	{"export csv", false, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		return exported(t, s, who, "csv")
	}},
	{"export json", false, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		return exported(t, s, who, "json")
	}},
	{"get", false, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		o, err := s.Get(ctx, who, x.org.UUID)
		return refusedOr(t, err, func() string { return fmt.Sprintf("%+v", o) })
	}},
	{"by name", false, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		o, err := s.OrgByRef(ctx, who, x.org.Name)
		return refusedOr(t, err, func() string { return fmt.Sprintf("%+v", o) })
	}},
	{"search by domain", true, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		return counted(t, s, who, registry.Filter{Query: x.detail + ".rs"}, x.detail)
	}},
	{"search by address", true, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		return counted(t, s, who, registry.Filter{Query: x.addr.String()}, x.detail)
	}},
	{"filter by freshness", true, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		return counted(t, s, who, registry.Filter{Query: x.card, Freshness: registry.Unverified}, x.detail)
	}},
	{"contacts", true, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		v, err := s.Contacts(ctx, who, x.org.UUID)
		return refusedOr(t, err, func() string { return fmt.Sprintf("%+v", v) })
	}},
	{"resources", true, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		v, err := s.Resources(ctx, who, x.org.UUID)
		return refusedOr(t, err, func() string { return fmt.Sprintf("%+v", v) })
	}},
	{"assets", true, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		v, err := s.Assets(ctx, who, x.org.UUID)
		return refusedOr(t, err, func() string { return fmt.Sprintf("%+v", v) })
	}},
	{"one resource", true, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		v, err := s.Resource(ctx, who, x.org.UUID, x.resource)
		return refusedOr(t, err, func() string { return fmt.Sprintf("%+v", v) })
	}},
	{"one asset", true, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		v, err := s.Asset(ctx, who, x.org.UUID, x.asset)
		return refusedOr(t, err, func() string { return fmt.Sprintf("%+v", v) })
	}},
	{"search in assets", true, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		v, _, err := s.AssetPage(ctx, who, x.org.UUID, registry.PartFilter{Query: x.detail, State: registry.StateAll}, registry.Page{})
		return refusedOr(t, err, func() string { return fmt.Sprintf("%+v", v) })
	}},
	{"export of resources", true, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		var b bytes.Buffer
		return refusedOr(t, s.ExportResources(ctx, who, x.org.UUID, &b, "csv", registry.PartFilter{}, stamped), b.String)
	}},
	{"export of assets", true, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		var b bytes.Buffer
		return refusedOr(t, s.ExportAssets(ctx, who, x.org.UUID, &b, "json", registry.PartFilter{}, stamped), b.String)
	}},
	{"history", true, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		v, err := s.History(ctx, who, x.org.UUID, 0, 0)
		return refusedOr(t, err, func() string { return fmt.Sprintf("%+v", v) })
	}},
	{"recognise by address", true, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		m, _, err := s.Recognise(ctx, who, registry.Clue{Address: x.addr})
		return refusedOr(t, err, func() string { return fmt.Sprintf("%+v", m) })
	}},
	{"recognise by domain", true, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		m, _, err := s.Recognise(ctx, who, registry.Clue{Domain: x.detail + ".rs"})
		return refusedOr(t, err, func() string { return fmt.Sprintf("%+v", m) })
	}},
	{"recognise by mail", true, func(t *testing.T, s *registry.Service, who ident.Actor, x subject) string {
		m, _, err := s.Recognise(ctx, who, registry.Clue{Email: "a@" + x.detail + ".rs"})
		return refusedOr(t, err, func() string { return fmt.Sprintf("%+v", m) })
	}},
}

// TestNoDoorLeaks walks everybody through every door to every organisation: three
// disclosures, a withdrawn and a merged one, two CERTs. The expectation is written
// as data and apart from the code under test.
func TestNoDoorLeaks(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		subjects := map[string]subject{}
		for i, d := range []registry.Disclosure{registry.ToMembers, registry.ToTeams, registry.ToCERT, "withdrawn", "merged"} {
			draft := registry.Draft{Name: fmt.Sprintf("Cardcanary%d", i), Kind: "company", Disclosure: d}
			switch d {
			case "withdrawn":
				draft.Disclosure = registry.ToMembers
			case "merged": // into one that members see: its name must not lead them there
				draft.Disclosure = registry.ToTeams
			}
			x := subject{card: strings.ToLower(draft.Name), detail: fmt.Sprintf("detailcanary%d", i), label: string(d),
				addr: netip.MustParseAddr(fmt.Sprintf("10.77.%d.1", i))}
			x.org = registrytest.Org(t, c.s, draft)
			_, err := c.s.AddContact(ctx, c.analyst, x.org.UUID, 0, registry.ContactInput{Kind: "duty", Name: x.detail, Email: "a@" + x.detail + ".rs"})
			must(t, err)
			held, err := c.s.AddResource(ctx, c.analyst, x.org.UUID, 0, registry.Domain, x.detail+".rs", x.detail)
			must(t, err)
			x.resource = held.UUID
			_, err = c.s.AddResource(ctx, c.analyst, x.org.UUID, 0, registry.Network, x.addr.String()+"/32", x.detail)
			must(t, err)
			asset, err := c.s.AddAsset(ctx, c.analyst, x.org.UUID, 0, registry.AssetInput{Kind: "service", Name: x.detail})
			must(t, err)
			x.asset = asset.UUID
			note := x.detail
			_, err = c.s.Change(ctx, c.analyst, x.org.UUID, 0, registry.Patch{Note: &note})
			must(t, err)
			subjects[string(d)] = x
		}
		people := map[string]ident.Actor{
			"host analyst": c.analyst, "other analyst": c.other, "member": c.banker,
			"admin": registrytest.Person(t, db, 30, c.host, access.Admin), "nobody": ident.Nobody(ident.Web),
			"unknown part": ident.SystemPart("stranger"), "operator": {Kind: ident.Operator, Name: "root"},
		}
		for label, x := range subjects {
			people["own "+label] = registrytest.Person(t, db, x.org.ID, x.org, access.Member)
		}
		_, err := c.s.Withdraw(ctx, c.analyst, subjects["withdrawn"].org.UUID, 0)
		must(t, err)
		target := registrytest.Org(t, c.s, registry.Draft{Name: "Велика фирма", Kind: "company"})
		_, err = c.s.Merge(ctx, c.lead, target.UUID, []string{subjects["merged"].org.UUID})
		must(t, err)
		for name, who := range people {
			if who.Kind == ident.Person {
				people[name] = registrytest.Again(t, db, who)
			}
		}
		const card, detail = 1, 2
		// who → organisation → what shows; blank = nothing.
		allowed := map[string]map[string]int{
			"host analyst":  {"members": detail, "teams": detail, "cert": detail, "withdrawn": detail, "merged": detail},
			"other analyst": {"members": detail, "teams": detail, "withdrawn": detail, "merged": detail},
			"member":        {"members": card}, "admin": {"members": card},
			"operator":    {"members": card, "teams": card, "cert": card, "withdrawn": card, "merged": card},
			"own members": {"members": detail}, "own teams": {"members": card, "teams": detail}, "own cert": {"members": card, "cert": detail},
			"own withdrawn": {"withdrawn": detail, "members": 0}, "own merged": {"members": card, "merged": detail},
		}
		shown := 0
		for name, who := range people {
			for label, x := range subjects {
				for _, d := range doors {
					got := strings.ToLower(d.show(t, c.s, who, x))
					may := allowed[name][label]
					if strings.Contains(got, x.card) && may < card {
						t.Errorf("%s sees the card of %s through %s", name, label, d.name)
					}
					if strings.Contains(got, x.detail) && may < detail {
						t.Errorf("%s sees details of %s through %s", name, label, d.name)
					}
					if strings.Contains(got, x.detail) || strings.Contains(got, x.card) {
						shown++
					}
				}
			}
		}
		// A test that lets nobody see anything would pass too: most doors open for the team.
		for _, d := range doors {
			x := subjects["members"]
			got := strings.ToLower(d.show(t, c.s, people["host analyst"], x))
			if !strings.Contains(got, x.card) && !strings.Contains(got, x.detail) {
				t.Errorf("the host's analyst sees nothing through %s", d.name)
			}
		}
		t.Logf("%d people, %d organisations, %d doors, %d times something showed", len(people), len(subjects), len(doors), shown)
	})
}
