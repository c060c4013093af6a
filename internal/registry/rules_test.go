package registry

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/craft/export"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
)

func lists(t testing.TB) *Pack {
	t.Helper()
	p, err := OwnPack()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPackHasTheFixedKindsAndTwelveSectors(t *testing.T) {
	t.Parallel()
	p := lists(t)
	want := []string{"cert", "operator", "special-cert", "independent-cert", "public-body", "municipality", "company",
		"academic", "civil", "partner", "vendor", "other"}
	if diff := cmp.Diff(want, p.Kinds.Codes()); diff != "" {
		t.Error(diff)
	}
	if n := len(p.Sectors.Entries); n != 12 {
		t.Errorf("%d sectors", n)
	}
	if got := p.Kinds.Label("cert", i18n.SrLatn); got != "CERT" {
		t.Errorf("label %q", got)
	}
}

func TestPackRefusesWhatIsIncomplete(t *testing.T) {
	t.Parallel()
	good := List{Entries: []Entry{{"a", i18n.Text{i18n.SrCyrl: "а", i18n.En: "a"}}}}
	if err := good.validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*List){
		"twice":      func(l *List) { l.Entries = append(l.Entries, l.Entries[0]) },
		"no English": func(l *List) { l.Entries = []Entry{{"a", i18n.Text{i18n.SrCyrl: "а"}}} },
		"no Serbian": func(l *List) { l.Entries = []Entry{{"a", i18n.Text{i18n.En: "a"}}} },
		"empty code": func(l *List) { l.Entries = []Entry{{"", i18n.Text{i18n.SrCyrl: "а", i18n.En: "a"}}} },
	} {
		l := good
		l.Entries = slices.Clone(good.Entries)
		spoil(&l)
		if l.validate() == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestOrganisationIsChecked(t *testing.T) {
	t.Parallel()
	p := lists(t)
	for name, c := range map[string]struct {
		draft Draft
		want  map[string]string
	}{
		"name alone":          {Draft{Name: "Завод"}, nil},
		"all well":            {Draft{Name: "Завод", Kind: "company", Sector: "energy", RegistrationNo: "17162543", TaxNo: "100002887", Website: "https://завод.срб/"}, nil},
		"no name":             {Draft{Name: " \t "}, map[string]string{"name": "registry.fault.name-missing"}},
		"control character":   {Draft{Name: "a\x00b"}, map[string]string{"name": "registry.fault.characters"}},
		"turned around":       {Draft{Name: "abc\u202egpj"}, map[string]string{"name": "registry.fault.characters"}},
		"bad UTF-8":           {Draft{Name: "a\xff"}, map[string]string{"name": "registry.fault.characters"}},
		"long name":           {Draft{Name: strings.Repeat("ж", 301)}, map[string]string{"name": "registry.fault.too-long"}},
		"unknown kind":        {Draft{Name: "a", Kind: "king"}, map[string]string{"kind": "registry.fault.kind"}},
		"unknown sector":      {Draft{Name: "a", Sector: "magic"}, map[string]string{"sector": "registry.fault.sector"}},
		"country":             {Draft{Name: "a", Country: "Serbia"}, map[string]string{"country": "registry.fault.country"}},
		"tax number":          {Draft{Name: "a", TaxNo: "100002888"}, map[string]string{"tax_no": "registry.fault.tax-no"}},
		"registration number": {Draft{Name: "a", RegistrationNo: "1234567"}, map[string]string{"registration_no": "registry.fault.registration-no"}},
		"foreign numbers":     {Draft{Name: "a", Country: "de", RegistrationNo: "HRB 12345", TaxNo: "DE123"}, nil},
		"script in website":   {Draft{Name: "a", Website: "javascript:alert(1)"}, map[string]string{"website": "registry.fault.website"}},
		"password in website": {Draft{Name: "a", Website: "https://u:p@a.rs"}, map[string]string{"website": "registry.fault.website"}},
		"disclosure":          {Draft{Name: "a", Disclosure: "all"}, map[string]string{"disclosure": "registry.fault.disclosure"}},
		"hidden CERT":         {Draft{Name: "a", Kind: "cert", Disclosure: ToCERT}, map[string]string{"disclosure": "registry.fault.disclosure"}},
		"two faults at once":  {Draft{Kind: "king"}, map[string]string{"name": "registry.fault.name-missing", "kind": "registry.fault.kind"}},
		"plain sr":            {Draft{Name: "a", Names: i18n.Text{"sr": "а"}}, map[string]string{"names": "registry.fault.language"}},
	} {
		o := c.draft.organisation()
		err := p.check(&o)
		var got map[string]string
		if f := fault.Of(err); f != nil {
			got = f.Fields
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestNumbersAreReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	o := Draft{Name: "  Телеком   Србија ", TaxNo: "100 002-887", Aliases: []string{"ТС", " ", "ТС"}}.organisation()
	if err := lists(t).check(&o); err != nil {
		t.Fatal(err)
	}
	if o.TaxNo != "100002887" || o.Name != "Телеком Србија" || len(o.Aliases) != 1 {
		t.Errorf("%+v", o)
	}
}

func TestCIDR(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"10.1.0.0/16": "10.1.0.0/16", "10.1.2.3": "10.1.2.3/32", "2001:db8::/32": "2001:db8::/32",
		"2001:DB8:0::1": "2001:db8::1/128", "::ffff:10.0.0.0/104": "10.0.0.0/8", "::ffff:10.0.0.1": "10.0.0.1/32",
		"10.1.2.3/16": "", "0.0.0.0/0": "", "::/0": "", "10.1.0.0/33": "", "fe80::1%eth0": "", "10.1": "", "": "", "::ffff:0:0/90": "",
	} {
		p, err := ParseCIDR(in)
		got := ""
		if err == nil {
			got = p.String()
		}
		if got != want {
			t.Errorf("%q gives %q, %v; want %q", in, got, err, want)
		}
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v is not Invalid", in, err)
		}
	}
}

func TestBoundsContainExactlyTheNetwork(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]string{
		"10.1.0.0/16": {"::ffff:10.1.0.0", "::ffff:10.1.255.255"}, "10.1.2.3": {"::ffff:10.1.2.3", "::ffff:10.1.2.3"},
		"10.0.0.128/25": {"::ffff:10.0.0.128", "::ffff:10.0.0.255"}, "2001:db8::/33": {"2001:db8::", "2001:db8:7fff:ffff:ffff:ffff:ffff:ffff"},
	} {
		p, err := ParseCIDR(in)
		if err != nil {
			t.Fatal(err)
		}
		lo, hi := bounds(p)
		for i, b := range [][]byte{lo, hi} {
			a, _ := netip.AddrFromSlice(b)
			if a != netip.MustParseAddr(want[i]) {
				t.Errorf("%s: bound %d is %s", in, i, a)
			}
		}
	}
}

func TestDomains(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"GOV.rs": "gov.rs", "*.mail.gov.rs": "mail.gov.rs", "gov.rs.": "gov.rs", "пошта.срб": "xn--80a1acn3a.xn--90a3ac",
		"rs": "", "": "", "a b.rs": "", "10.0.0.1": "", "-a.rs": "", "a..rs": "", strings.Repeat("a", 64) + ".rs": "", "a_b.rs": "",
	} {
		got, err := ParseDomain(in)
		if got != want || err == nil != (want != "") {
			t.Errorf("%q gives %q, %v; want %q", in, got, err, want)
		}
	}
	if diff := cmp.Diff([]string{"a.b.gov.rs", "b.gov.rs", "gov.rs"}, suffixes("a.b.gov.rs")); diff != "" {
		t.Error(diff)
	}
}

func TestContactIsChecked(t *testing.T) {
	t.Parallel()
	p := lists(t)
	good := ContactInput{Kind: "duty", Name: "Дежурни", Phone: "+381 11 123-4567", Email: "duty@gov.rs"}
	for name, c := range map[string]struct {
		spoil func(*ContactInput)
		want  map[string]string
	}{
		"well":         {func(*ContactInput) {}, nil},
		"phone alone":  {func(c *ContactInput) { c.Email = "" }, nil},
		"mail alone":   {func(c *ContactInput) { c.Phone = "" }, nil},
		"neither":      {func(c *ContactInput) { c.Phone, c.Email = "", "" }, map[string]string{"email": "registry.fault.unreachable"}},
		"kind":         {func(c *ContactInput) { c.Kind = "king" }, map[string]string{"kind": "registry.fault.contact-kind"}},
		"no name":      {func(c *ContactInput) { c.Name = " " }, map[string]string{"name": "registry.fault.name-missing"}},
		"words":        {func(c *ContactInput) { c.Phone = "zovi me" }, map[string]string{"phone": "registry.fault.phone"}},
		"short phone":  {func(c *ContactInput) { c.Phone = "12345" }, map[string]string{"phone": "registry.fault.phone"}},
		"name in mail": {func(c *ContactInput) { c.Email = "Ana <a@gov.rs>" }, map[string]string{"email": "registry.fault.email"}},
		"new line":     {func(c *ContactInput) { c.Email = "a@gov.rs\r\nBcc: b@c.rs" }, map[string]string{"email": "registry.fault.email"}},
		"no domain":    {func(c *ContactInput) { c.Email = "a@localhost" }, map[string]string{"email": "registry.fault.email"}},
	} {
		in := good
		c.spoil(&in)
		var got map[string]string
		if f := fault.Of(p.checkContact(&in)); f != nil {
			got = f.Fields
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestFreshness(t *testing.T) {
	t.Parallel()
	v := lists(t).Verify
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		bounces  int64
		verified time.Time
		want     Freshness
	}{
		{0, now, Fresh}, {0, now.Add(-v.Every()), Fresh}, {0, now.Add(-v.Every() - time.Microsecond), Due},
		{0, time.Time{}, Unverified}, {1, now, Bouncing}, {1, time.Time{}, Bouncing},
	} {
		if got := v.freshness(c.bounces, c.verified, now); got != c.want {
			t.Errorf("%d bounces, verified %s: %s, want %s", c.bounces, c.verified, got, c.want)
		}
	}
}

func TestWhoLooksAfterWhom(t *testing.T) {
	t.Parallel()
	const host, bodies, banks = 1, 2, 3
	rules := []Rule{
		{CERT: host, Basis: ByDefault}, {CERT: bodies, Basis: ByKind, Value: "public-body"},
		{CERT: banks, Basis: BySector, Value: "finance"}, {CERT: host, Basis: ByOrganisation, Value: "u-1"},
	}
	for name, c := range map[string]struct {
		o    Organisation
		want int64
	}{
		"nobody speaks of it":     {Organisation{ID: 9, Kind: "company"}, host},
		"by kind":                 {Organisation{ID: 9, Kind: "public-body"}, bodies},
		"sector beats kind":       {Organisation{ID: 9, Kind: "public-body", Sector: "finance"}, banks},
		"organisation beats both": {Organisation{ID: 9, UUID: "u-1", Kind: "public-body", Sector: "finance"}, host},
		"a CERT itself":           {Organisation{ID: 7, Kind: "cert", Sector: "finance"}, 7},
	} {
		if got := decide(rules, c.o, host); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
		reversed := slices.Clone(rules)
		slices.Reverse(reversed)
		if got := decide(reversed, c.o, host); got != c.want {
			t.Errorf("%s, rules reversed: %d, want %d", name, got, c.want)
		}
	}
	if got := decide(nil, Organisation{ID: 9}, host); got != host {
		t.Errorf("no rules: %d", got)
	}
}

func TestStatesMoveByTheTable(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from State
		act  string
		to   State
	}{
		{Active, "withdraw", Withdrawn}, {Withdrawn, "restore", Active}, {Active, "merge", Merged}, {Withdrawn, "merge", Merged},
		{Withdrawn, "withdraw", ""}, {Active, "restore", ""}, {Merged, "restore", ""}, {Merged, "merge", ""},
	} {
		got, err := c.from.move(c.act)
		if c.to == "" && !fault.Is(err, fault.Conflict) || c.to != "" && got != c.to {
			t.Errorf("%s %s: %s, %v", c.act, c.from, got, err)
		}
	}
	if State("sold").Validate() == nil {
		t.Error("an unknown state passes")
	}
}

func TestMergesResolve(t *testing.T) {
	t.Parallel()
	into := map[int64]int64{1: 2, 2: 3, 3: 0, 5: 6, 6: 5}
	if got := resolve(into, 1); got != 3 {
		t.Errorf("1 resolves to %d", got)
	}
	if got := resolve(into, 4); got != 4 {
		t.Errorf("4 resolves to %d", got)
	}
	resolve(into, 5) // a damaged table ends
}

func TestWordsMeetInBothScripts(t *testing.T) {
	t.Parallel()
	o := Organisation{Name: "Ђердап-Шабац 2", Aliases: []string{"HE Đerdap"}, RegistrationNo: "17162543"}
	if diff := cmp.Diff([]string{"djerdap", "sabac", "2", "17162543", "he"}, words(o)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"djerdap"}, terms("  ĐERDAP, ђердап ")); diff != "" {
		t.Error(diff)
	}
	from, to := span("posta")
	for w, in := range map[string]bool{"posta": true, "postar": true, "post": false, "postb": false, "postazz": true} {
		if got := w >= string(from) && w < string(to); got != in {
			t.Errorf("%q within span(posta): %t", w, got)
		}
	}
	if from, to := span("p"); string(from) != "p" || string(to) != "p\x00" {
		t.Errorf("one letter: %q %q", from, to)
	}
}

func TestRow27FormulasAreText(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"=1+1", "+381 11 123", "-1", "@sum", "\tx", "plain", "", "'quoted", "'", "о'-"} {
		safe := export.SafeCell(s)
		if safe != "" && safe != "-1" && strings.ContainsRune(formulaStart, rune(safe[0])) {
			t.Errorf("%q leaves as %q", s, safe)
		}
		if got := plainCell(safe); got != s {
			t.Errorf("%q comes back as %q", s, got)
		}
	}
}
