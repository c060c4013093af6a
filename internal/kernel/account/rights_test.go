package account_test

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// dump reads every text and blob of the account tables, as a thief would.
func (h *house) dump() (all string) {
	h.t.Helper()
	queries := []string{
		`SELECT key_hash || prefix || name || scopes || allow_ip || created_by FROM account_key`,
		`SELECT token_hash || label FROM account_session`,
		`SELECT token_hash || email FROM account_link`,
		`SELECT code_hash FROM account_recovery`,
		`SELECT email || address || name || password FROM account_person`,
		`SELECT verb || label || detail FROM audit_line`,
	}
	h.ok(h.db.View(ctx, func(tx *store.Tx) error {
		for _, q := range queries {
			rows, err := store.All(ctx, tx, store.ScanString, q)
			if err != nil {
				return err
			}
			all += strings.Join(rows, "\n")
		}
		var seed []byte
		if _, err := tx.Row(ctx, `SELECT seed FROM account_totp`, nil, &seed); err != nil {
			return err
		}
		all += string(seed)
		return nil
	}))
	return all
}

// TestRow18StolenDatabase is row 18: a stolen database holds no usable key, session, link,
// recovery code or seed.
func TestRow18StolenDatabase(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		secret, session, codes := h.enrol("ana@cert.rs")
		_, key, err := h.AddKey(ctx, h.who(session), "", account.NewKey{Name: "skripta"})
		h.ok(err)
		h.forgot(home, "ana@cert.rs")
		link := h.mail.last(h.t, "reset").Link
		all := h.dump()
		if !strings.Contains(all, key[:4]) || !strings.Contains(all, "$argon2id$") {
			h.t.Fatal("the dump does not hold what it must: the test would see nothing")
		}
		for what, canary := range map[string]string{"key": key, "session": session, "link": link[strings.LastIndexByte(link, '/')+1:],
			"recovery code": strings.ReplaceAll(codes[0], " ", ""), "password": password, "seed": string(secret)} {
			if strings.Contains(all, canary) {
				h.t.Errorf("the %s stands in the database", what)
			}
		}
		// What the thief does read opens nothing either.
		for _, word := range strings.Fields(all) {
			if _, err := h.ByKey(ctx, word, home); err == nil {
				h.t.Errorf("a stored value opens as a key: %s", word)
			}
		}
	})
}

func TestRow18KeyBounds(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		add := func(n account.NewKey) string {
			_, key, err := h.AddKey(ctx, operator, "ana@cert.rs", n)
			h.ok(err)
			return key
		}
		if key := add(account.NewKey{}); len(key) != 40 || strings.ContainsFunc(key, func(r rune) bool {
			return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", r)
		}) {
			h.t.Errorf("key %q is not 40 letters and digits", key)
		}
		short := add(account.NewKey{Expires: h.now.Now().Add(time.Hour)})
		near := add(account.NewKey{AllowIP: []string{"198.51.100.0/24", "2001:db8::1"}})
		for addr, open := range map[string]bool{"198.51.100.7": true, "::ffff:198.51.100.7": true, "198.51.101.7": false, "2001:db8::1": true, "2001:db8::2": false} {
			_, err := h.ByKey(ctx, near, account.From{Addr: netip.MustParseAddr(addr)})
			if (err == nil) != open {
				h.t.Errorf("from %s: %v, want open=%t", addr, err, open)
			}
		}
		if _, err := h.ByKey(ctx, near, account.From{}); err == nil {
			h.t.Error("a bound key opens from an unknown address")
		}
		if _, err := h.ByKey(ctx, short, home); err != nil {
			h.t.Errorf("before it expires: %v", err)
		}
		h.now.Add(time.Hour)
		if _, err := h.ByKey(ctx, short, home); !account.IsUnauthenticated(err) {
			h.t.Errorf("after it expired: %v", err)
		}
		for name, n := range map[string]account.NewKey{
			"expires":  {Expires: h.now.Now().Add(-time.Second)},
			"scope":    {Scopes: []string{"everything"}},
			"allow_ip": {AllowIP: []string{"not a network"}},
		} {
			_, _, err := h.AddKey(ctx, operator, "ana@cert.rs", n)
			if f := fault.Of(err); f == nil || f.Fields[name] == "" {
				h.t.Errorf("bad %s: %v", name, err)
			}
		}
		_, _, err := h.AddKey(ctx, operator, "nobody@cert.rs", account.NewKey{})
		h.fails(err, fault.NotFound, "")
	})
}

func TestRow18KeyNarrows(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		for _, c := range []struct {
			scopes   []string
			readOnly bool
			can, not string
		}{
			{nil, false, "intake.triage intel.publish misp.add", "admin.people"},
			{nil, true, "intake.read intel.read misp.auth sealed.read", "intake.triage intel.publish misp.add misp.publish"},
			{[]string{"intel:read"}, false, "intel.read", "intel.write intake.read misp.add"},
			{[]string{"intel:write", "misp"}, false, "intel.read intel.write misp.publish catalog.read", "intake.read console.use"},
			{[]string{"misp"}, true, "intel.read misp.auth", "intel.write misp.publish misp.site_admin"},
			{[]string{"taxii"}, false, "intel.read", "intel.write intake.read"},
		} {
			_, key, err := h.AddKey(ctx, operator, "ana@cert.rs", account.NewKey{Scopes: c.scopes, ReadOnly: c.readOnly})
			h.ok(err)
			a, err := h.ByKey(ctx, key, home)
			h.ok(err)
			for _, perm := range strings.Fields(c.can) {
				if !a.Can(perm) {
					h.t.Errorf("%v read-only=%t: lacks %s", c.scopes, c.readOnly, perm)
				}
			}
			for _, perm := range strings.Fields(c.not) {
				if a.Can(perm) {
					h.t.Errorf("%v read-only=%t: has %s", c.scopes, c.readOnly, perm)
				}
			}
			if a.ReadOnly != c.readOnly || !slices.Equal(a.Scopes, slices.Sorted(slices.Values(c.scopes))) && len(c.scopes) > 0 {
				h.t.Errorf("actor %v %t, want %v %t", a.Scopes, a.ReadOnly, c.scopes, c.readOnly)
			}
		}
		whole, err := h.Resolve(ctx, h.add("bo@cert.rs", cert, access.Analyst).Person, ident.Web)
		h.ok(err)
		if !whole.Can("intake.triage") {
			h.t.Error("a key narrowed its owner too")
		}
	})
}

// TestRow18NotAboveIssuer: an organisation's administrator neither sees, resets
// nor mints anything above themself, and a key makes no wider key.
func TestRow18NotAboveIssuer(t *testing.T) {
	each(t, func(h *house) {
		h.add("root@cert.rs", cert, access.Admin)
		h.add("ana@cert.rs", cert, access.Analyst)
		boss := h.add("boss@banka.rs", bank, access.OrgAdmin)
		h.add("mara@banka.rs", bank, access.Member)
		h.add("sync@banka.rs", bank, access.Sync)
		h.add("pera@mlin.rs", mill, access.Member)
		boss = h.who(h.logIn("boss@banka.rs", "").Token)

		for email, want := range map[string]fault.Kind{"mara@banka.rs": "", "sync@banka.rs": fault.Denied, "pera@mlin.rs": fault.NotFound, "ana@cert.rs": fault.NotFound, "root@cert.rs": fault.NotFound} {
			for act, do := range map[string]func() error{
				"key":     func() error { _, _, err := h.AddKey(ctx, boss, email, account.NewKey{}); return err },
				"reset":   func() error { _, err := h.ResetSecondFactor(ctx, boss, email); return err },
				"disable": func() error { _, err := h.Disable(ctx, boss, email); return err },
				"enable":  func() error { _, err := h.Enable(ctx, boss, email); return err },
			} {
				if got := fault.KindOf(do()); got != want {
					h.t.Errorf("%s of %s: %q, want %q", act, email, got, want)
				}
			}
		}
		_, err := h.SetRoles(ctx, boss, "mara@banka.rs", []string{access.Sync}, 0)
		h.fails(err, fault.Denied, "account.role-above")
		_, err = h.SetRoles(ctx, boss, "mara@banka.rs", []string{access.Publisher}, 0)
		h.ok(err)
		_, err = h.SetRoles(ctx, boss, "mara@banka.rs", []string{access.Publisher}, mill)
		h.fails(err, fault.Denied, "")
		_, _, err = h.Add(ctx, boss, account.NewPerson{Email: "x@banka.rs", Name: "X", Org: bank, Roles: []string{access.Admin}})
		h.fails(err, fault.Denied, "account.role-above")
		_, _, err = h.Add(ctx, boss, account.NewPerson{Email: "x@mlin.rs", Name: "X", Org: mill, Roles: []string{access.Member}})
		h.fails(err, fault.Denied, "")
		people, err := h.People(ctx, boss, account.PeopleFilter{Org: mill})
		h.ok(err)
		for _, p := range people {
			if p.Org != bank {
				h.t.Errorf("the bank's administrator sees %s", p.Email)
			}
		}
		if len(people) != 3 {
			h.t.Errorf("%d people of the bank, want 3", len(people))
		}
		// An administrator configures, and still mints no key that reads reports.
		root := h.who(h.logIn("root@cert.rs", "").Token)
		_, _, err = h.AddKey(ctx, root, "ana@cert.rs", account.NewKey{})
		h.fails(err, fault.Denied, "account.role-above")
		// A key's own keys are no wider.
		_, key, err := h.AddKey(ctx, boss, "", account.NewKey{Scopes: []string{"misp", "intel:read"}, AllowIP: []string{"192.0.2.0/24"}, Expires: h.now.Now().Add(time.Hour)})
		h.ok(err)
		byKey, err := h.ByKey(ctx, key, home)
		h.ok(err)
		child, _, err := h.AddKey(ctx, byKey, "", account.NewKey{AllowIP: []string{"0.0.0.0/0"}})
		h.ok(err)
		if !slices.Equal(child.Scopes, []string{"intel:read", "misp"}) || !slices.Equal(child.AllowIP, []string{"192.0.2.0/24"}) || child.Expires == 0 {
			h.t.Errorf("child key %+v", child)
		}
		_, _, err = h.AddKey(ctx, byKey, "", account.NewKey{Scopes: []string{"registry:write"}})
		h.fails(err, fault.Invalid, "")
	})
}

// TestRow19Sessions is row 19: a token from outside never becomes a session, and what
// changes who somebody is ends or renews theirs.
func TestRow19Sessions(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		first, second := h.logIn("ana@cert.rs", ""), h.logIn("ana@cert.rs", "")
		if first.Token == second.Token {
			h.t.Fatal("two log-ins, one token")
		}
		list, err := h.Sessions(ctx, h.who(first.Token))
		h.ok(err)
		if len(list) != 2 || list[0].Label != "Firefox" || list[0].Current || !list[1].Current {
			h.t.Errorf("sessions: %+v", list)
		}
		closed := func(token, why string) {
			h.t.Helper()
			if _, err := h.BySession(ctx, token, home); !account.IsUnauthenticated(err) {
				h.t.Errorf("%s: the session still opens (%v)", why, err)
			}
		}
		h.ok(h.EndSession(ctx, h.who(first.Token), list[0].UUID))
		closed(second.Token, "ended from the list")
		h.fails(h.EndSession(ctx, h.who(first.Token), list[0].UUID), fault.NotFound, "")

		other := h.logIn("ana@cert.rs", "")
		renewed, err := h.SetPassword(ctx, h.who(first.Token), home, password, "sunce nad Dunavom")
		h.ok(err)
		closed(first.Token, "password change, own old token")
		closed(other.Token, "password change, other session")
		h.who(renewed.Token)
		_, err = h.SetPassword(ctx, h.who(renewed.Token), home, "wrong", "sunce nad Dunavom 2")
		h.fails(err, fault.Denied, "account.refused")

		_, err = h.SetRoles(ctx, setup, "ana@cert.rs", []string{access.Lead}, 0)
		h.ok(err)
		closed(renewed.Token, "role change")
		in, err := h.LogIn(ctx, home, "ana@cert.rs", "sunce nad Dunavom", "")
		h.ok(err)
		if !h.who(in.Token).Can("incident.close") {
			h.t.Error("the new role is not in force")
		}
		h.now.Add(29 * time.Minute)
		h.who(in.Token)
		h.now.Add(29 * time.Minute)
		h.who(in.Token) // use keeps it awake
		h.now.Add(31 * time.Minute)
		closed(in.Token, "idle")
		in, err = h.LogIn(ctx, home, "ana@cert.rs", "sunce nad Dunavom", "")
		h.ok(err)
		for range 24 {
			h.now.Add(29 * time.Minute)
			h.who(in.Token)
		}
		h.now.Add(29 * time.Minute)
		closed(in.Token, "twelve hours")
	})
}

// TestRow04Revocation is row 4, revocation: what was taken away is gone at the next request,
// though the actor is cached.
func TestRow04Revocation(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst, access.OrgAdmin)
		session := h.logIn("ana@cert.rs", "").Token
		_, key, err := h.AddKey(ctx, operator, "ana@cert.rs", account.NewKey{})
		h.ok(err)
		before, err := h.ByKey(ctx, key, home)
		h.ok(err)
		team := before.Principals
		if !before.Can("intake.read") || before.CERT != cert {
			h.t.Fatalf("before: %+v", before)
		}
		_, err = h.SetRoles(ctx, setup, "ana@cert.rs", []string{access.Member}, bank)
		h.ok(err)
		after, err := h.ByKey(ctx, key, home)
		h.ok(err)
		if after.Can("intake.read") || after.CERT != 0 || after.Org != bank || after.OrgName != "Banka" {
			h.t.Errorf("after the change of roles: %+v", after)
		}
		if len(after.Principals) >= len(team) {
			h.t.Errorf("principals %v were %v", after.Principals, team)
		}
		if _, err := h.BySession(ctx, session, home); !account.IsUnauthenticated(err) {
			h.t.Errorf("the session outlived the roles: %v", err)
		}
		// A membership elsewhere (a sharing group) counts at once too.
		h.ok(h.db.Update(ctx, func(tx *store.Tx) error { return access.JoinTx(ctx, tx, access.Org(bank), access.Group(7)) }))
		joined, err := h.ByKey(ctx, key, home)
		h.ok(err)
		if len(joined.Principals) != len(after.Principals)+1 {
			h.t.Errorf("joining a group: %v, was %v", joined.Principals, after.Principals)
		}
		h.ok(h.db.Update(ctx, func(tx *store.Tx) error { return access.LeaveTx(ctx, tx, access.Org(bank), access.Group(7)) }))
		left, err := h.ByKey(ctx, key, home)
		h.ok(err)
		if diff := cmp.Diff(after.Principals, left.Principals); diff != "" {
			h.t.Error(diff)
		}
	})
}

func TestRow21StepUp(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		secret, token, codes := h.enrol("ana@cert.rs")
		a := h.who(token)
		h.ok(h.Fresh(ctx, a))
		h.now.Add(11 * time.Minute)
		h.fails(h.Fresh(ctx, a), fault.Denied, "account.step-up")
		_, _, err := h.AddKey(ctx, a, "", account.NewKey{})
		if !account.NeedsStepUp(err) {
			h.t.Errorf("a key without fresh proof: %v", err)
		}
		_, err = h.RecoveryCodes(ctx, a)
		if !account.NeedsStepUp(err) {
			h.t.Errorf("recovery codes without fresh proof: %v", err)
		}
		_, err = h.StepUp(ctx, a, home, account.Proof{Password: password}) // a second factor is there: the password is not enough
		h.fails(err, fault.Denied, "account.refused")
		in, err := h.StepUp(ctx, a, home, account.Proof{Code: h.code(secret)})
		h.ok(err)
		if _, err := h.BySession(ctx, token, home); !account.IsUnauthenticated(err) {
			h.t.Errorf("the old token outlived the step-up: %v", err)
		}
		a = h.who(in.Token)
		_, key, err := h.AddKey(ctx, a, "", account.NewKey{})
		h.ok(err)
		fresh, err := h.RecoveryCodes(ctx, a)
		h.ok(err)
		_, err = h.LogIn(ctx, home, "ana@cert.rs", password, codes[1])
		h.fails(err, fault.Denied, "account.refused") // the old ones are void
		if in := h.logIn("ana@cert.rs", fresh[1]); in.Second {
			h.t.Error("a new recovery code is not taken")
		}
		byKey, err := h.ByKey(ctx, key, home)
		h.ok(err)
		h.fails(h.Fresh(ctx, byKey), fault.Denied, "account.step-up")
		_, err = h.ResetSecondFactor(ctx, operator, "ana@cert.rs")
		h.ok(err)
		if in := h.logIn("ana@cert.rs", ""); in.Second {
			h.t.Error("a second step is asked for after the reset")
		}
	})
}

func TestAddRefuses(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		for name, c := range map[string]struct {
			n     account.NewPerson
			kind  fault.Kind
			field string
		}{
			"address": {account.NewPerson{Email: "no address", Name: "X", Org: bank, Roles: []string{access.Member}}, fault.Invalid, "email"},
			"taken":   {account.NewPerson{Email: "ANA@cert.rs", Name: "X", Org: bank, Roles: []string{access.Member}}, fault.Conflict, ""},
			"name":    {account.NewPerson{Email: "x@x.rs", Name: " ", Org: bank, Roles: []string{access.Member}}, fault.Invalid, "name"},
			"role":    {account.NewPerson{Email: "x@x.rs", Name: "X", Org: bank, Roles: []string{"king"}}, fault.Invalid, "role"},
			"no role": {account.NewPerson{Email: "x@x.rs", Name: "X", Org: bank}, fault.Invalid, "role"},
			"org":     {account.NewPerson{Email: "x@x.rs", Name: "X", Org: 99, Roles: []string{access.Member}}, fault.Invalid, "org"},
			"no org":  {account.NewPerson{Email: "x@x.rs", Name: "X", Roles: []string{access.Member}}, fault.Invalid, "org"},
			"team":    {account.NewPerson{Email: "x@x.rs", Name: "X", Org: bank, Roles: []string{access.Analyst}}, fault.Invalid, "role"},
			"lang":    {account.NewPerson{Email: "x@x.rs", Name: "X", Org: bank, Roles: []string{access.Member}, Lang: "sr"}, fault.Invalid, "lang"},
		} {
			_, _, err := h.Add(ctx, operator, c.n)
			f := fault.Of(err)
			if f == nil || f.Kind != c.kind || c.field != "" && f.Fields[c.field] == "" {
				h.t.Errorf("%s: %v, want %s on %q", name, err, c.kind, c.field)
			}
		}
		_, _, err := h.Add(ctx, ident.Nobody(ident.Web), account.NewPerson{Email: "x@x.rs", Name: "X", Org: bank, Roles: []string{access.Member}})
		h.fails(err, fault.Denied, "")
		found, err := h.People(ctx, operator, account.PeopleFilter{Search: "АНИЋ"})
		h.ok(err)
		if len(found) != 1 || found[0].Email != "ana@cert.rs" {
			raw, _ := json.Marshal(found)
			h.t.Errorf("search across scripts: %s", raw)
		}
	})
}

// TestSweep: what has ended is forgotten, what has not stays.
func TestSweep(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		h.logIn("ana@cert.rs", "")
		h.forgot(home, "ana@cert.rs")
		_, err := h.LogIn(ctx, home, "ana@cert.rs", "wrong", "")
		h.fails(err, fault.Denied, "")
		_, err = h.StartPasskey(ctx, ident.Nobody(ident.Web), account.PasskeyLogIn)
		h.ok(err)
		tables := []string{"account_session", "account_guess", "account_challenge", "account_link"}
		sweep := func() (left int64) {
			h.t.Helper()
			r := jobs.New(h.db, h.Jobs(), nil)
			h.ok(h.db.Update(ctx, func(tx *store.Tx) error { return jobs.Enqueue(ctx, tx, jobs.Job{Kind: "account.sweep"}) }))
			h.ok(r.Drain(ctx))
			for _, table := range tables {
				left += h.count("SELECT count(*) FROM " + table)
			}
			return left
		}
		if left := sweep(); left < 5 {
			h.t.Errorf("%d rows are left at once", left)
		}
		h.now.Add(40 * 24 * time.Hour)
		if left := sweep(); left != 0 {
			h.t.Errorf("%d rows are left after forty days", left)
		}
	})
}

// A scope that no door asks for is refused with the list of those there are.
func TestUnknownScopesAreRefused(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s := testkit.Accounts(t, db, orgs, account.Deps{Config: account.Config{Scopes: func() []string { return []string{"intel:read", "misp"} }}})
		h := &house{s, t, db, now, nil}
		h.add("ana@cert.rs", cert, access.Analyst)
		_, _, err := h.AddKey(ctx, operator, "ana@cert.rs", account.NewKey{Scopes: []string{"misp", "intel:read"}})
		h.ok(err)
		_, _, err = h.AddKey(ctx, operator, "ana@cert.rs", account.NewKey{Scopes: []string{"nonsense:read"}})
		if f := fault.Of(err); f == nil || f.Fields["scope"] == "" || !strings.Contains(f.Detail, "intel:read, misp") {
			t.Errorf("nonsense: %v", err)
		}
	})
}
