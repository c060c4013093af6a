package registry_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/registry"
	"straza/internal/registry/registrytest"
	"straza/internal/testkit"
)

var ctx = context.Background()

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func isFault(t testing.TB, err error, k fault.Kind) {
	t.Helper()
	if !fault.Is(err, k) {
		t.Errorf("got %v, want %s", err, k)
	}
}

// country is what most tests begin with: the host CERT, a second CERT that looks
// after public bodies, one organisation of each, and people in their roles.
type country struct {
	s                       *registry.Service
	host, second            registry.Organisation
	bank, body              registry.Organisation
	analyst, lead, other    ident.Actor // analyst and lead of the host; other: analyst of the second
	banker, bankAdmin, mayr ident.Actor // members of bank, its administrator; a member of body
}

func newCountry(t testing.TB, db *store.DB) *country {
	t.Helper()
	c := &country{s: registrytest.Service(t, db)}
	c.host = registrytest.CERT(t, c.s, "Национални ЦЕРТ")
	c.second = registrytest.CERT(t, c.s, "ЦЕРТ органа")
	c.lead = registrytest.Person(t, db, 2, c.host, access.Lead)
	must(t, c.s.SetConstituency(ctx, c.lead, c.second.UUID, []registry.Rule{{Basis: registry.ByKind, Value: "public-body"}}))
	c.bank = registrytest.Org(t, c.s, registry.Draft{Name: "Штедионица Ђердап", Kind: "operator", Sector: "finance"})
	c.body = registrytest.Org(t, c.s, registry.Draft{Name: "Управа за воде", Kind: "public-body", Sector: "water"})
	c.analyst = registrytest.Person(t, db, 1, c.host, access.Analyst)
	c.lead = registrytest.Again(t, db, c.lead)
	c.other = registrytest.Person(t, db, 3, c.second, access.Analyst)
	c.banker = registrytest.Person(t, db, 4, c.bank, access.Member)
	c.bankAdmin = registrytest.Person(t, db, 5, c.bank, access.OrgAdmin)
	c.mayr = registrytest.Person(t, db, 6, c.body, access.Member)
	return c
}

func (c *country) list(t testing.TB, who ident.Actor, f registry.Filter) []string {
	t.Helper()
	list, next, err := c.s.List(ctx, who, f, registry.Page{Limit: 200})
	must(t, err)
	if next != "" {
		t.Errorf("more than one page")
	}
	out := []string{}
	for _, o := range list {
		out = append(out, o.Name)
	}
	return out
}

func auditVerbs(t testing.TB, db *store.DB, org int64) []string {
	t.Helper()
	lines, err := testkit.Audit(db).History(ctx, "organisation", org, 100)
	must(t, err)
	var out []string
	for _, l := range lines {
		out = append(out, l.Verb)
	}
	return out
}

func TestFirstCERTIsTheHost(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s := registrytest.Service(t, db)
		early := registrytest.Org(t, s, registry.Draft{Name: "Рана фирма"})
		if early.CERT != 0 || early.Kind != "other" || early.Host {
			t.Errorf("before the host: %+v", early)
		}
		host := registrytest.CERT(t, s, "Национални ЦЕРТ")
		second := registrytest.CERT(t, s, "Други ЦЕРТ")
		if !host.Host || second.Host || host.CERT != host.ID || second.CERT != second.ID {
			t.Errorf("host %+v, second %+v", host, second)
		}
		cert, err := s.Owner(ctx, registrytest.Setup, early.ID)
		must(t, err)
		if cert != host.ID {
			t.Errorf("the early one belongs to %d, want %d", cert, host.ID)
		}
		_, err = s.Withdraw(ctx, registrytest.Setup, host.UUID, 0)
		isFault(t, err, fault.Conflict)
	})
}

func TestSameNameIsAConflict(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s := registrytest.Service(t, db)
		registrytest.Org(t, s, registry.Draft{Name: "Основна школа Вук Караџић", RegistrationNo: "07000001"})
		for name, c := range map[string]struct {
			draft registry.Draft
			ok    bool
		}{
			"other script, same number": {registry.Draft{Name: "osnovna škola vuk karadžić", RegistrationNo: "07000001"}, false},
			"same name, other number":   {registry.Draft{Name: "Основна школа Вук Караџић", RegistrationNo: "07000002"}, true},
			"other name":                {registry.Draft{Name: "Основна школа Бранко Радичевић"}, true},
		} {
			_, err := s.Add(ctx, registrytest.Setup, c.draft)
			if c.ok != (err == nil) || !c.ok && !fault.Is(err, fault.Conflict) {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, err := s.OrgByRef(ctx, registrytest.Setup, "Основна школа Вук Караџић")
		isFault(t, err, fault.Conflict) // two of that name
		o, err := s.OrgByRef(ctx, registrytest.Setup, "Основна школа Бранко Радичевић")
		must(t, err)
		again, err := s.OrgByRef(ctx, registrytest.Setup, strings.ToUpper(o.UUID))
		must(t, err)
		if again.ID != o.ID {
			t.Errorf("by UUID %d, by name %d", again.ID, o.ID)
		}
		_, err = s.OrgByRef(ctx, registrytest.Setup, "основна школа бранко радичевић")
		isFault(t, err, fault.NotFound) // exact means exact
	})
}

func TestChangeKeepsHistoryAndVersion(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		name, site := "Штедионица Дунав", "https://dunav.rs"
		o, err := c.s.Change(ctx, c.analyst, c.bank.UUID, c.bank.Version, registry.Patch{Name: &name, Website: &site})
		must(t, err)
		if o.Version != c.bank.Version+1 || o.Name != name || !o.Updated.After(c.bank.Updated) {
			t.Errorf("after the change: %+v", o)
		}
		_, err = c.s.Change(ctx, c.analyst, c.bank.UUID, c.bank.Version, registry.Patch{Name: &site})
		isFault(t, err, fault.Conflict) // the version is old
		same, err := c.s.Change(ctx, c.analyst, c.bank.UUID, o.Version, registry.Patch{Name: &name})
		must(t, err)
		if same.Version != o.Version {
			t.Error("a change of nothing raised the version")
		}
		history, err := c.s.History(ctx, c.analyst, c.bank.UUID, 0, 0)
		must(t, err)
		want := []registry.Field{{Name: "name", From: "Штедионица Ђердап", To: name}, {Name: "website", To: site}}
		if len(history) != 2 || history[0].Act != "change" || history[0].Actor != c.analyst.Name || history[1].Act != "add" {
			t.Fatalf("history: %+v", history)
		}
		if diff := cmp.Diff(want, history[0].Fields); diff != "" {
			t.Error(diff)
		}
		older, err := c.s.History(ctx, c.analyst, c.bank.UUID, history[0].ID, 1)
		must(t, err)
		if len(older) != 1 || older[0].ID != history[1].ID {
			t.Errorf("paged history: %+v", older)
		}
		if diff := cmp.Diff([]string{"registry.change", "registry.add"}, auditVerbs(t, db, c.bank.ID)); diff != "" {
			t.Error(diff)
		}
		if got := c.list(t, c.analyst, registry.Filter{Query: "dunav"}); len(got) != 1 {
			t.Errorf("found by the new name: %v", got)
		}
		if got := c.list(t, c.analyst, registry.Filter{Query: "djerdap"}); len(got) != 0 {
			t.Errorf("found by the old name: %v", got)
		}
	})
}

func TestWithdrawnOnesLeaveTheMembers(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		members := func() []int64 {
			var ids []int64
			must(t, db.View(ctx, func(tx *store.Tx) (err error) {
				ids, err = access.MembersTx(ctx, tx, access.Members(), access.KindOrg)
				return err
			}))
			return ids
		}
		if n := len(members()); n != 4 {
			t.Errorf("%d members at first", n)
		}
		o, err := c.s.Withdraw(ctx, c.analyst, c.bank.UUID, 0)
		must(t, err)
		if o.State != registry.Withdrawn || len(members()) != 3 {
			t.Errorf("withdrawn: %s, members %v", o.State, members())
		}
		if _, err := c.s.Get(ctx, c.mayr, c.bank.UUID); !fault.Is(err, fault.NotFound) {
			t.Errorf("a member of another organisation reads the withdrawn one: %v", err)
		}
		_, err = c.s.Withdraw(ctx, c.analyst, c.bank.UUID, 0)
		isFault(t, err, fault.Conflict)
		_, err = c.s.Restore(ctx, c.analyst, c.bank.UUID, 0)
		must(t, err)
		if len(members()) != 4 {
			t.Errorf("restored: members %v", members())
		}
		_, err = c.s.Get(ctx, c.mayr, c.bank.UUID)
		must(t, err)
	})
}

func TestContactsLiveInACycle(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		c := newCountry(t, db)
		freshness := func() registry.Freshness {
			o, err := c.s.Get(ctx, c.analyst, c.bank.UUID)
			must(t, err)
			if got := c.list(t, c.analyst, registry.Filter{Freshness: o.Contacts.Freshness, Sector: "finance"}); len(got) != 1 {
				t.Errorf("filter %s finds %v", o.Contacts.Freshness, got)
			}
			return o.Contacts.Freshness
		}
		step := func(want registry.Freshness) {
			t.Helper()
			if got := freshness(); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		step(registry.Missing)
		in := registry.ContactInput{Kind: "duty", Name: "Дежурни", Phone: "+381 11 1234567", Email: "Duty@djerdap.rs"}
		contact, err := c.s.AddContact(ctx, c.bankAdmin, c.bank.UUID, 0, in) // the organisation keeps its own
		must(t, err)
		step(registry.Unverified)
		_, err = c.s.ConfirmContact(ctx, c.bankAdmin, c.bank.UUID, 0, contact.UUID)
		must(t, err)
		step(registry.Fresh)
		now.Add(c.s.Lists(ctx, c.lead).Verify.Every() + time.Hour)
		step(registry.Due)
		_, err = c.s.ConfirmContact(ctx, c.analyst, c.bank.UUID, 0, contact.UUID)
		must(t, err)
		step(registry.Fresh)
		must(t, db.Update(ctx, func(tx *store.Tx) error {
			n, err := c.s.BounceTx(ctx, tx, ident.SystemPart("postman"), "duty@DJERDAP.rs", "5.1.1")
			if n != 1 {
				t.Errorf("%d contacts bounced", n)
			}
			return err
		}))
		step(registry.Bouncing)
		in.Email = "dezurni@djerdap.rs"
		contact, err = c.s.ChangeContact(ctx, c.bankAdmin, c.bank.UUID, 0, contact.UUID, in)
		must(t, err)
		step(registry.Unverified) // a new address has to be verified again
		must(t, c.s.RemoveContact(ctx, c.bankAdmin, c.bank.UUID, 0, contact.UUID))
		step(registry.Missing)
		history, err := c.s.History(ctx, c.banker, c.bank.UUID, 0, 0)
		must(t, err)
		var acts []string
		for _, h := range history {
			acts = append(acts, h.Act)
		}
		want := []string{"contact-remove", "contact-change", "contact-bounce", "contact-confirm", "contact-confirm", "contact-add", "add"}
		if diff := cmp.Diff(want, acts); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhoMayKeepContacts(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		in := registry.ContactInput{Kind: "duty", Name: "Дежурни", Phone: "+381 11 1234567"}
		contact, err := c.s.AddContact(ctx, c.analyst, c.bank.UUID, 0, in)
		must(t, err)
		for name, x := range map[string]struct {
			who  ident.Actor
			want fault.Kind
		}{
			"a member of the organisation": {c.banker, fault.Denied}, "a member of another": {c.mayr, fault.Denied},
			"nobody": {ident.Nobody(ident.Web), fault.NotFound}, "the other CERT's analyst": {c.other, ""}, "its administrator": {c.bankAdmin, ""},
		} {
			_, err := c.s.ConfirmContact(ctx, x.who, c.bank.UUID, 0, contact.UUID)
			if fault.KindOf(err) != x.want {
				t.Errorf("%s: %v, want %q", name, err, x.want)
			}
		}
		_, err = c.s.AddContact(ctx, c.bankAdmin, c.body.UUID, 0, in)
		isFault(t, err, fault.Denied) // the administrator of one organisation at another
		// Cross-wired ids: the contact of one organisation through another.
		isFault(t, c.s.RemoveContact(ctx, c.analyst, c.body.UUID, 0, contact.UUID), fault.NotFound)
	})
}

func TestReadingContactsIsLogged(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		_, err := c.s.Contacts(ctx, c.banker, c.bank.UUID) // one's own: not logged
		must(t, err)
		if diff := cmp.Diff([]string{"registry.add"}, auditVerbs(t, db, c.bank.ID)); diff != "" {
			t.Error(diff)
		}
		_, err = c.s.Contacts(ctx, c.other, c.bank.UUID)
		must(t, err)
		if diff := cmp.Diff([]string{"registry.contacts.read", "registry.add"}, auditVerbs(t, db, c.bank.ID)); diff != "" {
			t.Error(diff)
		}
		_, err = c.s.Contacts(ctx, c.mayr, c.bank.UUID)
		isFault(t, err, fault.Denied)
	})
}

func TestRecognise(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		provider := registrytest.Org(t, c.s, registry.Draft{Name: "Провајдер", Kind: "company", Sector: "communications"})
		for _, r := range [][3]string{
			{provider.UUID, registry.Network, "147.91.0.0/16"}, {c.bank.UUID, registry.Network, "147.91.8.0/24"},
			{c.body.UUID, registry.Network, "2001:db8:1::/48"}, {provider.UUID, registry.Network, "2001:db8::/32"},
			{c.body.UUID, registry.Domain, "gov.rs"}, {c.bank.UUID, registry.Domain, "posta.gov.rs"}, {provider.UUID, registry.Domain, "пошта.срб"},
			{provider.UUID, registry.ASN, "as 31042"},
		} {
			_, err := c.s.AddResource(ctx, c.analyst, r[0], 0, r[1], r[2], "")
			must(t, err)
		}
		_, err := c.s.AddContact(ctx, c.analyst, provider.UUID, 0, registry.ContactInput{Kind: "abuse", Name: "Abuse", Email: "abuse@posta.gov.rs"})
		must(t, err)
		for _, x := range []struct {
			clue registry.Clue
			want string
			by   string
		}{
			{registry.Clue{Address: netip.MustParseAddr("147.91.8.7")}, c.bank.Name, "network"},
			{registry.Clue{Address: netip.MustParseAddr("::ffff:147.91.8.7")}, c.bank.Name, "network"},
			{registry.Clue{Address: netip.MustParseAddr("147.91.9.7")}, provider.Name, "network"},
			{registry.Clue{Address: netip.MustParseAddr("2001:db8:1::5")}, c.body.Name, "network"},
			{registry.Clue{Address: netip.MustParseAddr("2001:db8:2::5")}, provider.Name, "network"},
			{registry.Clue{Address: netip.MustParseAddr("8.8.8.8")}, "", ""},
			{registry.Clue{Domain: "www.POSTA.gov.rs"}, c.bank.Name, "domain"},
			{registry.Clue{Domain: "mup.gov.rs"}, c.body.Name, "domain"},
			{registry.Clue{Domain: "notgov.rs"}, "", ""},
			{registry.Clue{Email: "ana@пошта.срб"}, provider.Name, "domain"},
			{registry.Clue{Email: "ana@posta.gov.rs"}, c.bank.Name, "domain"},
			{registry.Clue{Email: "Abuse@Posta.gov.rs"}, provider.Name, "contact"},
			{registry.Clue{}, "", ""},
		} {
			m, found, err := c.s.Recognise(ctx, c.other, x.clue)
			must(t, err)
			if m.Organisation.Name != x.want || m.By != x.by || found != (x.want != "") {
				t.Errorf("%+v: %s by %s (%t), want %s by %s", x.clue, m.Organisation.Name, m.By, found, x.want, x.by)
			}
			// Who may not see what organisations hold recognises nobody but himself.
			m, found, err = c.s.Recognise(ctx, c.banker, x.clue)
			must(t, err)
			if found && m.Organisation.ID != c.bank.ID {
				t.Errorf("a member of the bank recognises %s by %+v", m.Organisation.Name, x.clue)
			}
		}
		for q, want := range map[string]string{"147.91.8.7": "2", "posta.gov.rs": "2", "AS31042": "1", "8.8.8.8": "0"} {
			if got := c.list(t, c.analyst, registry.Filter{Query: q}); len(got) != int(want[0]-'0') {
				t.Errorf("search for %s finds %v", q, got)
			}
		}
		// A network that is gone answers no more, in this process too.
		list, err := c.s.Resources(ctx, c.analyst, c.bank.UUID)
		must(t, err)
		for _, r := range list {
			_, err := c.s.WithdrawResource(ctx, c.analyst, c.bank.UUID, 0, r.UUID)
			must(t, err)
		}
		m, _, err := c.s.Recognise(ctx, c.analyst, registry.Clue{Address: netip.MustParseAddr("147.91.8.7")})
		must(t, err)
		if m.Organisation.ID != provider.ID {
			t.Errorf("after removal: %s", m.Organisation.Name)
		}
		_, err = c.s.Withdraw(ctx, c.analyst, provider.UUID, 0)
		must(t, err)
		if _, found, err := c.s.Recognise(ctx, c.analyst, registry.Clue{Address: netip.MustParseAddr("147.91.8.7")}); err != nil || found {
			t.Errorf("a withdrawn organisation answers: %t, %v", found, err)
		}
		_, err = c.s.AddResource(ctx, c.analyst, c.body.UUID, 0, registry.Domain, "GOV.rs", "")
		isFault(t, err, fault.Conflict) // held already
	})
}

func TestConstituencyDecidesTheOwner(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		owner := func(o registry.Organisation) int64 {
			id, err := c.s.Owner(ctx, c.analyst, o.ID)
			must(t, err)
			return id
		}
		if owner(c.bank) != c.host.ID || owner(c.body) != c.second.ID {
			t.Errorf("owners %d and %d", owner(c.bank), owner(c.body))
		}
		if got := c.list(t, c.analyst, registry.Filter{CERT: c.second.UUID}); len(got) != 2 { // itself and the body
			t.Errorf("the second CERT's: %v", got)
		}
		rules := []registry.Rule{{Basis: registry.ByKind, Value: "public-body"}, {Basis: registry.ByOrganisation, Value: c.bank.UUID}}
		isFault(t, c.s.SetConstituency(ctx, c.analyst, c.second.UUID, rules), fault.Denied)
		must(t, c.s.SetConstituency(ctx, c.lead, c.second.UUID, rules))
		if owner(c.bank) != c.second.ID {
			t.Errorf("the bank's owner is %d", owner(c.bank))
		}
		isFault(t, c.s.SetConstituency(ctx, c.lead, c.host.UUID, rules[:1]), fault.Conflict)
		isFault(t, c.s.SetConstituency(ctx, c.lead, c.host.UUID, []registry.Rule{{Basis: "moon"}}), fault.Invalid)
		isFault(t, c.s.SetConstituency(ctx, c.lead, c.bank.UUID, nil), fault.Invalid)
		must(t, c.s.SetConstituency(ctx, c.lead, c.second.UUID, nil))
		if owner(c.bank) != c.host.ID || owner(c.body) != c.host.ID {
			t.Errorf("without rules: %d and %d", owner(c.bank), owner(c.body))
		}
		kind := "public-body"
		_, err := c.s.Change(ctx, registrytest.Setup, c.second.UUID, 0, registry.Patch{Kind: &kind}) // it ceases to be a CERT
		must(t, err)
		if owner(c.second) != c.host.ID {
			t.Errorf("the former CERT's owner is %d", owner(c.second))
		}
	})
}

func TestForeignOnesAreNoMembers(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		const uuid = "55f6ea5e-2c60-40e5-964f-47a8950d210f"
		var first, again, clash int64
		must(t, db.Update(ctx, func(tx *store.Tx) (err error) {
			if first, err = c.s.EnsureTx(ctx, tx, c.banker, uuid, "CIRCL"); err != nil {
				return err
			}
			if again, err = c.s.EnsureTx(ctx, tx, c.banker, strings.ToUpper(uuid), "CIRCL renamed"); err != nil {
				return err
			}
			clash, err = c.s.EnsureTx(ctx, tx, c.banker, "66f6ea5e-2c60-40e5-964f-47a8950d210f", "circl")
			return err
		}))
		if first == 0 || first != again || clash == first {
			t.Errorf("ids %d, %d, %d", first, again, clash)
		}
		if diff := cmp.Diff([]string{"CIRCL", "circl 66f6ea5e"}, c.list(t, c.analyst, registry.Filter{Foreign: true})); diff != "" {
			t.Error(diff)
		}
		if got := c.list(t, c.analyst, registry.Filter{Query: "circl"}); len(got) != 0 {
			t.Errorf("foreign ones among our own: %v", got)
		}
		if id, err := c.s.Owner(ctx, c.analyst, first); err != nil || id != 0 {
			t.Errorf("a foreign one has the CERT %d, %v", id, err)
		}
	})
}

func TestOrgsNamesManyAtOnce(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		shop := registrytest.Org(t, c.s, registry.Draft{Name: "Продавница"})
		_, err := c.s.Merge(ctx, c.lead, shop.UUID, []string{c.bank.UUID})
		must(t, err)
		byID, err := c.s.Orgs(ctx, c.analyst, []int64{c.bank.ID, c.host.ID, 77})
		must(t, err)
		if len(byID) != 2 || byID[c.bank.ID].ID != shop.ID || byID[c.host.ID].Name != c.host.Name {
			t.Errorf("%+v", byID)
		}
	})
}

func TestPagesFollowEachOther(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		registrytest.Fill(t, db, c.bank, 120)
		for name, f := range map[string]registry.Filter{"by name": {}, "by time": {UpdatedSince: testkit.AsOf}} {
			seen := map[string]bool{}
			cursor, pages := "", 0
			for {
				list, next, err := c.s.List(ctx, c.analyst, f, registry.Page{Cursor: cursor, Limit: 25})
				must(t, err)
				for _, o := range list {
					if seen[o.UUID] {
						t.Fatalf("%s: %s is on two pages", name, o.Name)
					}
					seen[o.UUID] = true
				}
				if pages++; next == "" {
					break
				}
				cursor = next
			}
			if len(seen) != 124 || pages != 5 {
				t.Errorf("%s: %d organisations on %d pages", name, len(seen), pages)
			}
		}
		n, more, err := c.s.Count(ctx, c.analyst, registry.Filter{Query: "ваљево"})
		must(t, err)
		if n == 0 || more {
			t.Errorf("counted %d, more: %t", n, more)
		}
		for _, bad := range []string{"x", "e30", "!!", "eyJpIjoxfQ"} {
			_, _, err := c.s.List(ctx, c.analyst, registry.Filter{UpdatedSince: testkit.AsOf}, registry.Page{Cursor: bad})
			isFault(t, err, fault.Invalid)
		}
	})
}

func TestUpdatedSinceTellsOfEveryChange(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		c := newCountry(t, db)
		now.Add(time.Hour)
		since := now.Now()
		if got := c.list(t, c.analyst, registry.Filter{UpdatedSince: since}); len(got) != 0 {
			t.Errorf("nothing happened, yet: %v", got)
		}
		_, err := c.s.AddResource(ctx, c.analyst, c.body.UUID, 0, registry.Domain, "vode.gov.rs", "")
		must(t, err)
		_, err = c.s.Withdraw(ctx, c.analyst, c.bank.UUID, 0)
		must(t, err)
		if diff := cmp.Diff([]string{c.body.Name, c.bank.Name}, c.list(t, c.analyst, registry.Filter{UpdatedSince: since})); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTwoAtOnceMakeOneOrganisation(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s := registrytest.Service(t, db)
		const n = 6
		errs := make(chan error, n)
		for range n {
			go func() {
				_, err := s.Add(ctx, registrytest.Setup, registry.Draft{Name: "Иста", Kind: "cert"})
				errs <- err
			}()
		}
		made := 0
		for range n {
			err := <-errs
			if err == nil {
				made++
			} else if !fault.Is(err, fault.Conflict) {
				t.Errorf("the loser got %v", err)
			}
		}
		if made != 1 {
			t.Errorf("%d were made", made)
		}
	})
}

func TestRecordHasNoDetailsForMembers(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		note := "само за тимове"
		_, err := c.s.Change(ctx, c.analyst, c.bank.UUID, 0, registry.Patch{Note: &note})
		must(t, err)
		for name, x := range map[string]struct {
			who  ident.Actor
			sees bool
		}{"analyst": {c.analyst, true}, "other CERT": {c.other, true}, "own": {c.banker, true}, "member": {c.mayr, false},
			"operator": {ident.Actor{Kind: ident.Operator, Name: "root"}, false}} {
			o, err := c.s.Get(ctx, x.who, c.bank.UUID)
			must(t, err)
			b, err := json.Marshal(registry.RecordOf(o, registry.Parts{}))
			must(t, err)
			if strings.Contains(string(b), note) != x.sees || strings.Contains(string(b), "freshness") != x.sees {
				t.Errorf("%s: %s", name, b)
			}
		}
	})
}

// TestSortsBothWays: by name and by time of change, up and down, page by page.
func TestSortsBothWays(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		c := newCountry(t, db)
		for _, n := range []string{"Вода", "Anđeo", "Бор", "Ćirilo"} {
			registrytest.Org(t, c.s, registry.Draft{Name: n, Kind: "company"})
			now.Add(time.Minute)
		}
		orders := map[string][]string{}
		for _, sort := range []string{"name", "-name", "updated", "-updated"} {
			cursor := ""
			for {
				list, next, err := c.s.List(ctx, c.analyst, registry.Filter{Sort: sort}, registry.Page{Cursor: cursor, Limit: 2})
				must(t, err)
				for _, o := range list {
					orders[sort] = append(orders[sort], o.Name)
				}
				if cursor = next; next == "" {
					break
				}
			}
		}
		for _, sort := range []string{"name", "updated"} {
			down := slices.Clone(orders["-"+sort])
			slices.Reverse(down)
			if !slices.Equal(down, orders[sort]) || len(down) < 8 {
				t.Errorf("%s: %v, the other way %v", sort, orders[sort], down)
			}
		}
		if n := orders["updated"]; strings.Join(n[len(n)-4:], " ") != "Вода Anđeo Бор Ćirilo" {
			t.Errorf("by time: %v", n)
		}
		if !slices.IsSortedFunc(orders["name"], func(a, b string) int { return strings.Compare(i18n.Fold(a), i18n.Fold(b)) }) {
			t.Errorf("by name: %v", orders["name"])
		}
		_, next, err := c.s.List(ctx, c.analyst, registry.Filter{Sort: "name"}, registry.Page{Limit: 2})
		must(t, err)
		_, _, err = c.s.List(ctx, c.analyst, registry.Filter{Sort: "-name"}, registry.Page{Cursor: next})
		isFault(t, err, fault.Invalid)
		_, _, err = c.s.List(ctx, c.analyst, registry.Filter{Sort: "kind"}, registry.Page{})
		isFault(t, err, fault.Invalid)
	})
}
