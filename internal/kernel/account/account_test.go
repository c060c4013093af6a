package account_test

import (
	"context"
	"encoding/base32"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
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
	"straza/internal/kernel/vault/totp"
	"straza/internal/testkit"
)

const (
	cert, bank, mill = 11, 22, 33
	password         = "vetar sa kosave 1"
)

var (
	ctx  = context.Background()
	orgs = testkit.Orgs{
		cert: {ID: cert, UUID: "00000000-0000-7000-8000-000000000011", Name: "Nacionalni CERT", CERT: true},
		bank: {ID: bank, UUID: "00000000-0000-7000-8000-000000000022", Name: "Banka"},
		mill: {ID: mill, UUID: "00000000-0000-7000-8000-000000000033", Name: "Mlin"},
	}
	setup    = ident.SystemPart("setup")
	operator = ident.Actor{Kind: ident.Operator, Name: "root", Channel: ident.CLI}
	home     = account.From{Addr: netip.MustParseAddr("192.0.2.10"), Channel: ident.Web, Label: "Firefox"}
)

// house is a service with what its tests look at.
type house struct {
	*account.Service
	t    *testing.T
	db   *store.DB
	now  *clock.Moved
	mail *letters
}

// letters stands for the post office, which is outside of accounts.
type letters struct {
	mu  sync.Mutex
	out []account.Letter
}

func (l *letters) LetterTx(_ context.Context, tx *store.Tx, v account.Letter) error {
	tx.AfterCommit(func() { l.mu.Lock(); l.out = append(l.out, v); l.mu.Unlock() })
	return nil
}

func (l *letters) last(t *testing.T, kind string) account.Letter {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.out) - 1; i >= 0; i-- {
		if l.out[i].Kind == kind {
			return l.out[i]
		}
	}
	t.Fatalf("no letter of kind %q among %d", kind, len(l.out))
	return account.Letter{}
}

func each(t *testing.T, test func(h *house)) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		mail := &letters{}
		s := testkit.Accounts(t, db, orgs, account.Deps{Letters: mail, Config: account.Config{Demo: true}})
		test(&house{s, t, db, now, mail})
	})
}

func (h *house) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) fails(err error, k fault.Kind, key string) {
	h.t.Helper()
	if f := fault.Of(err); f == nil || f.Kind != k || key != "" && f.Key != key {
		h.t.Fatalf("got %v, want a %s fault with key %q", err, k, key)
	}
}

// add makes an open account.
func (h *house) add(email string, org int64, roles ...string) ident.Actor {
	h.t.Helper()
	return testkit.Person(h.t, h.Service, account.NewPerson{Email: email, Name: "Ana Anić", Org: org, Roles: roles, Password: password})
}

func (h *house) logIn(email, code string) account.Entered {
	h.t.Helper()
	e, err := h.LogIn(ctx, home, email, password, code)
	h.ok(err)
	return e
}

func (h *house) who(token string) ident.Actor {
	h.t.Helper()
	a, err := h.BySession(ctx, token, home)
	h.ok(err)
	return a
}

// enrol gives somebody an authenticator by the same steps as the page.
func (h *house) enrol(email string) (secret []byte, token string, codes []string) {
	h.t.Helper()
	a := h.who(h.logIn(email, "").Token)
	e, err := h.StartTOTP(ctx, a)
	h.ok(err)
	secret, err = base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(e.Secret, " ", ""))
	h.ok(err)
	in, codes, err := h.ConfirmTOTP(ctx, a, home, totp.Code(secret, h.now.Now()))
	h.ok(err)
	h.now.Add(2 * totp.Period)
	return secret, in.Token, codes
}

func (h *house) code(secret []byte) string { return totp.Code(secret, h.now.Now()) }

// forgot asks for a new password and lets the post work.
func (h *house) forgot(from account.From, email string) {
	h.t.Helper()
	h.ok(h.ForgotPassword(ctx, from, email))
	h.ok(jobs.New(h.db, h.Jobs(), nil).Drain(ctx))
}

func (h *house) count(query string, args ...any) (n int64) {
	h.t.Helper()
	h.ok(h.db.View(ctx, func(tx *store.Tx) (err error) { n, err = store.Int64(ctx, tx, query, args...); return err }))
	return n
}

func TestLogInAndOut(t *testing.T) {
	each(t, func(h *house) {
		h.add("Ana@CERT.rs", cert, access.Analyst)
		in, err := h.LogIn(ctx, home, " ana@cert.RS ", password, "")
		h.ok(err)
		a := h.who(in.Token)
		if a.CERT != cert || a.OrgName != "Nacionalni CERT" || a.Email != "ana@cert.rs" || !a.Can("intake.triage") || a.SecondFA || a.Session == 0 {
			h.t.Errorf("actor: %+v", a)
		}
		if len(a.Principals) < 5 { // person, organisation, team, role, members, public
			h.t.Errorf("principals: %v", a.Principals)
		}
		h.ok(h.LogOut(ctx, in.Token, home))
		_, err = h.BySession(ctx, in.Token, home)
		if !account.IsUnauthenticated(err) {
			h.t.Errorf("after log-out: %v", err)
		}
		for _, token := range []string{"", "x", strings.Repeat("A", 43), in.Token + "A"} {
			if _, err := h.BySession(ctx, token, home); !account.IsUnauthenticated(err) {
				h.t.Errorf("token %q: %v", token, err)
			}
		}
	})
}

func TestNobodyReadsWhatIsPublic(t *testing.T) {
	each(t, func(h *house) {
		a, err := h.Nobody(ctx, ident.Web)
		h.ok(err)
		if len(a.Principals) != 1 || a.Kind != ident.Anonymous {
			h.t.Errorf("nobody: %+v", a)
		}
		again, err := h.Nobody(ctx, ident.API)
		h.ok(err)
		if diff := cmp.Diff(a.Principals, again.Principals); diff != "" || again.Channel != ident.API {
			h.t.Errorf("second nobody: %s %s", diff, again.Channel)
		}
	})
}

// TestEnrolledIsTold: whoever listens hears of a confirmed code app, once, with
// the secret that its owner has.
func TestEnrolledIsTold(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		var heard []string
		cfg := account.Config{Enrolled: func(_ context.Context, who ident.Actor, secret string) { heard = append(heard, who.Email+" "+secret) }}
		h := &house{testkit.Accounts(t, db, orgs, account.Deps{Config: cfg}), t, db, now, nil}
		h.add("ana@cert.rs", cert, access.Analyst)
		a := h.who(h.logIn("ana@cert.rs", "").Token)
		_, err := h.StartTOTP(ctx, a)
		h.ok(err)
		_, _, err = h.ConfirmTOTP(ctx, a, home, "000000")
		h.fails(err, fault.Denied, "account.refused")
		if len(heard) > 0 {
			t.Errorf("heard of an app that was not confirmed: %v", heard)
		}
		secret, _, _ := h.enrol("ana@cert.rs")
		if want := []string{"ana@cert.rs " + totp.Text(secret)}; !cmp.Equal(heard, want) {
			t.Errorf("heard %v, want %v", heard, want)
		}
	})
}

func TestTwoStepsAndRecovery(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		secret, enrolled, codes := h.enrol("ana@cert.rs")
		if a := h.who(enrolled); !a.SecondFA {
			h.t.Error("after enrolling, the session has no second factor")
		}
		if len(codes) != 10 {
			h.t.Fatalf("%d recovery codes", len(codes))
		}
		in := h.logIn("ana@cert.rs", "")
		if !in.Second {
			h.t.Fatal("no second step asked for")
		}
		if _, err := h.BySession(ctx, in.Token, home); !account.IsUnauthenticated(err) {
			h.t.Errorf("the first step's token opens a session: %v", err)
		}
		_, err := h.SecondStep(ctx, home, in.Token, "000000")
		h.fails(err, fault.Denied, "account.refused")
		full, err := h.SecondStep(ctx, home, in.Token, h.code(secret))
		h.ok(err)
		if a := h.who(full.Token); !a.SecondFA {
			h.t.Error("no second factor after the second step")
		}
		if _, err := h.SecondStep(ctx, home, in.Token, h.code(secret)); !account.IsUnauthenticated(err) {
			h.t.Errorf("the first step's token works twice: %v", err)
		}
		if one := h.logIn("ana@cert.rs", codes[3]); one.Second {
			h.t.Error("a recovery code with the password still asks for the second step")
		}
		_, err = h.LogIn(ctx, home, "ana@cert.rs", password, codes[3])
		h.fails(err, fault.Denied, "account.refused")
		_, err = h.LogIn(ctx, home, "ana@cert.rs", password, h.code(secret)) // used in the second step
		h.fails(err, fault.Denied, "account.refused")
	})
}

// TestRow22SingleUse is row 22 of the abuse list: a code, an invitation and a recovery
// code each win exactly once, however many try at once.
func TestRow22SingleUse(t *testing.T) {
	const tries = 50
	race := func(h *house, what string, use func() error) {
		h.t.Helper()
		var won atomic.Int64
		var wg sync.WaitGroup
		for range tries {
			wg.Go(func() {
				if use() == nil {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			h.t.Errorf("%s: %d of %d parallel uses succeeded, want 1", what, won.Load(), tries)
		}
	}
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		mail := &letters{}
		// Wide limits: here the unique rows decide, not the limiter.
		s := testkit.Accounts(t, db, orgs, account.Deps{Letters: mail, Config: account.Config{Network: account.Limits{Account: 1000, Prefix: 9999, Global: 9999}}})
		h := &house{s, t, db, now, mail}
		h.add("ana@cert.rs", cert, access.Analyst)
		secret, _, codes := h.enrol("ana@cert.rs")
		code := h.code(secret)
		race(h, "one-time password", func() error { _, err := h.LogIn(ctx, home, "ana@cert.rs", password, code); return err })
		race(h, "recovery code", func() error { _, err := h.LogIn(ctx, home, "ana@cert.rs", password, codes[0]); return err })
		_, link, err := h.Add(ctx, operator, account.NewPerson{Email: "bo@banka.rs", Name: "Bo", Org: bank, Roles: []string{access.Member}})
		h.ok(err)
		token := link[strings.LastIndexByte(link, '/')+1:]
		race(h, "invitation", func() error { _, err := h.Accept(ctx, home, token, "zelena jabuka 9"); return err })
	})
}

// TestRow15Limiter is row 15: at most ten evaluated guesses an account in fifteen
// minutes, whatever the spelling, the door and the network.
func TestRow15Limiter(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		spellings := []string{"ana@cert.rs", "ANA@cert.rs", " ana@CERT.RS", "ａｎａ@cert.rs", "Ana@Cert.Rs."}
		evaluated := 0
		for i := range 1000 {
			from := account.From{Addr: netip.AddrFrom4([4]byte{10, byte(i / 250), byte(i), 1}), Channel: ident.Web}
			_, err := h.LogIn(ctx, from, spellings[i%len(spellings)], fmt.Sprintf("wrong guess %d", i), "")
			switch {
			case fault.Is(err, fault.Denied):
				evaluated++
			case !fault.Is(err, fault.Limited):
				h.t.Fatalf("guess %d: %v", i, err)
			}
		}
		if evaluated != 10 {
			h.t.Errorf("%d guesses were evaluated, want 10", evaluated)
		}
		_, err := h.LogIn(ctx, home, "ana@cert.rs", password, "")
		h.fails(err, fault.Limited, "account.limited")
		if f := fault.Of(err); f.RetryAfter <= 0 || f.RetryAfter > 16*time.Minute {
			h.t.Errorf("try again after %s", f.RetryAfter)
		}
		h.now.Add(14 * time.Minute)
		_, err = h.LogIn(ctx, home, "ana@cert.rs", password, "")
		h.fails(err, fault.Limited, "account.limited")
		h.now.Add(2 * time.Minute)
		h.logIn("ana@cert.rs", "")
	})
}

// TestRow15ClockOfTheDatabase: guesses are counted and forgotten by the database's clock,
// however far it is from the program's, and so do sessions end (CVE-2020-8890: where two
// clocks differed, nothing was ever blocked).
func TestRow15ClockOfTheDatabase(t *testing.T) {
	t.Parallel()
	url := testkit.PostgresURL(t)
	if !strings.Contains(url, "?") {
		url += "?"
	}
	open := func(more string) *store.DB {
		db, err := store.Open(ctx, store.Config{URL: url + more})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	plain := open("")
	if _, err := plain.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	exec := func(text string, args ...any) {
		t.Helper()
		if err := plain.Update(ctx, func(tx *store.Tx) error { _, err := tx.Exec(ctx, text, args...); return err }); err != nil {
			t.Fatal(err)
		}
	}
	exec(`CREATE SCHEMA skew`)
	exec(`CREATE TABLE skew.by (minutes INT NOT NULL)`)
	exec(`INSERT INTO skew.by VALUES (0)`)
	exec(`CREATE FUNCTION skew.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
		'SELECT pg_catalog.clock_timestamp() + make_interval(mins => (SELECT minutes FROM skew.by))'`)
	db := open("&search_path=skew,pg_catalog,public") // whoever asks for the moment gets the moved one
	h := &house{testkit.Accounts(t, db, orgs, account.Deps{Letters: &letters{}, Config: account.Config{Demo: true}}), t, db, nil, nil}
	for i, minutes := range []int{-300, 300} {
		exec(`UPDATE skew.by SET minutes = $1`, minutes)
		email := fmt.Sprintf("ana%d@cert.rs", i)
		h.add(email, cert, access.Analyst)
		evaluated := 0
		for n := range 15 {
			_, err := h.LogIn(ctx, home, email, fmt.Sprintf("wrong guess %d", n), "")
			if fault.Is(err, fault.Denied) {
				evaluated++
			}
		}
		if evaluated != 10 {
			t.Errorf("at %d minutes %d guesses were evaluated, want 10", minutes, evaluated)
		}
		_, err := h.LogIn(ctx, home, email, password, "")
		h.fails(err, fault.Limited, "account.limited")
		if f := fault.Of(err); f.RetryAfter <= 0 || f.RetryAfter > 16*time.Minute {
			t.Errorf("at %d minutes: try again after %s", minutes, f.RetryAfter)
		}
		exec(`UPDATE skew.by SET minutes = $1`, minutes+17)
		in := h.logIn(email, "")
		h.who(in.Token)
		exec(`UPDATE skew.by SET minutes = $1`, minutes+60*24*365)
		if _, err := h.BySession(ctx, in.Token, home); err == nil {
			t.Errorf("at %d minutes the session lasts a year", minutes)
		}
	}
}

// TestRow15Parallel: guesses that come at the same moment, on three nodes over one
// database, are counted one after the other.
func TestRow15Parallel(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		keys := testkit.Vault(h.t)
		var nodes []*account.Service
		for range 3 {
			nodes = append(nodes, testkit.Accounts(h.t, h.db, orgs, account.Deps{Keys: keys}))
		}
		var evaluated, limited atomic.Int64
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				switch _, err := nodes[i%3].LogIn(ctx, home, "ana@cert.rs", "wrong", ""); {
				case fault.Is(err, fault.Denied):
					evaluated.Add(1)
				case fault.Is(err, fault.Limited):
					limited.Add(1)
				}
			})
		}
		wg.Wait()
		if evaluated.Load() != 10 || limited.Load() != 50 {
			h.t.Errorf("%d evaluated and %d limited of 60, want 10 and 50", evaluated.Load(), limited.Load())
		}
	})
}

func TestRow15DoorsShareOneCount(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		_, _, _ = h.enrol("ana@cert.rs")
		h.now.Add(20 * time.Minute)
		half := h.logIn("ana@cert.rs", "")
		evaluated := 0
		for i := range 40 {
			var err error
			switch i % 3 {
			case 0:
				_, err = h.LogIn(ctx, home, "ana@cert.rs", "no", "")
			case 1:
				_, err = h.SecondStep(ctx, home, half.Token, fmt.Sprintf("%06d", i))
			default: // a recovery code, with the right password
				_, err = h.LogIn(ctx, home, "ana@cert.rs", password, fmt.Sprintf("%015d", i))
			}
			if fault.Is(err, fault.Denied) {
				evaluated++
			}
		}
		if evaluated != 10 {
			h.t.Errorf("%d guesses were evaluated through three doors, want 10", evaluated)
		}
	})
}

func TestLimiterByNetwork(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s := testkit.Accounts(t, db, orgs, account.Deps{Config: account.Config{Network: account.Limits{Account: 10, Prefix: 20, Global: 30}}})
		h := &house{Service: s, t: t, db: db, now: now}
		h.add("ana@cert.rs", cert, access.Analyst)
		guess := func(addr string, i int) error {
			_, err := h.LogIn(ctx, account.From{Addr: netip.MustParseAddr(addr)}, fmt.Sprintf("nobody%d@x.rs", i), "no", "")
			return err
		}
		for i := range 20 {
			h.fails(guess(fmt.Sprintf("203.0.113.%d", i), i), fault.Denied, "account.refused")
		}
		h.fails(guess("::ffff:203.0.113.99", 77), fault.Limited, "account.limited") // the same network as IPv6
		for i := range 10 {
			h.fails(guess(fmt.Sprintf("2001:db8:%x::1", i), 100+i), fault.Denied, "account.refused")
		}
		h.fails(guess("2001:db8:ffff::1", 200), fault.Limited, "account.limited") // the whole house
		// Knowing the password costs nothing: a right guess is given back.
		now.Add(16 * time.Minute)
		for range 60 {
			h.logIn("ana@cert.rs", "")
		}
		// A secret without an account is counted by network alone.
		for i := range 10 {
			_, err := s.Attempt(ctx, account.Guess{Addr: home.Addr, Door: "receipt"})
			if err != nil {
				t.Fatalf("receipt %d: %v", i, err)
			}
		}
		_, err := s.Attempt(ctx, account.Guess{Addr: home.Addr, Door: "receipt"})
		h.fails(err, fault.Limited, "account.limited")
	})
}

// TestRow17Enumeration is row 17: known, unknown, closed and impossible accounts get one answer.
func TestRow17Enumeration(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		h.add("shut@cert.rs", cert, access.Analyst)
		_, err := h.Disable(ctx, setup, "shut@cert.rs")
		h.ok(err)
		_, _, err = h.Add(ctx, operator, account.NewPerson{Email: "new@cert.rs", Name: "New", Org: cert, Roles: []string{access.Analyst}})
		h.ok(err)
		_, want := h.LogIn(ctx, home, "ana@cert.rs", "wrong", "")
		for _, email := range []string{"nobody@cert.rs", "shut@cert.rs", "new@cert.rs", "", "not an address", "a@b@c", "\x00"} {
			for _, pw := range []string{"wrong", password, ""} {
				if email == "" && pw != "wrong" {
					continue
				}
				_, got := h.LogIn(ctx, home, email, pw, "")
				if diff := cmp.Diff(fault.Of(want), fault.Of(got)); diff != "" {
					h.t.Errorf("%q with %q: %s", email, pw, diff)
				}
			}
		}
		lines := h.count(`SELECT count(*) FROM audit_line WHERE verb = 'session.refused'`)
		if lines != 20 {
			h.t.Errorf("%d refusals are in the log, want 20", lines)
		}
		for _, email := range []string{"ana@cert.rs", "nobody@cert.rs", "shut@cert.rs", "x"} {
			h.forgot(home, email)
		}
		if n := len(h.mail.out); n != 2 { // the invitation of new@, the reset of ana@
			h.t.Errorf("%d letters, want 2", n)
		}
	})
}

// TestRow30LettersAreBounded is row 30: a thousand resets from a thousand networks, in
// every spelling of the address, are at most three letters.
func TestRow30LettersAreBounded(t *testing.T) {
	each(t, func(h *house) {
		h.add("ana@cert.rs", cert, access.Analyst)
		for i := range 1000 {
			from := account.From{Addr: netip.AddrFrom4([4]byte{10, byte(i / 250), byte(i), 1})}
			h.ok(h.ForgotPassword(ctx, from, []string{"ana@cert.rs", "ANA@cert.rs", " Ana@CERT.RS "}[i%3]))
		}
		h.ok(jobs.New(h.db, h.Jobs(), nil).Drain(ctx))
		if n := len(h.mail.out); n != 3 {
			h.t.Errorf("%d letters, want 3", n)
		}
	})
}

// TestRow13Disabled is row 13: a disabled account does not come back by any door.
func TestRow13Disabled(t *testing.T) {
	each(t, func(h *house) {
		h.add("boss@cert.rs", cert, access.Admin)
		a := h.add("ana@cert.rs", cert, access.Analyst)
		secret, session, codes := h.enrol("ana@cert.rs")
		key, plain, err := h.AddKey(ctx, h.who(session), "", account.NewKey{})
		h.ok(err)
		half := h.logIn("ana@cert.rs", "")
		h.forgot(home, "ana@cert.rs")
		link := h.mail.last(h.t, "reset").Link
		sys := a
		_, err = h.Disable(ctx, setup, "ana@cert.rs")
		h.ok(err)
		doors := map[string]func() error{
			"session":     func() error { _, err := h.BySession(ctx, session, home); return err },
			"key":         func() error { _, err := h.ByKey(ctx, plain, home); return err },
			"password":    func() error { _, err := h.LogIn(ctx, home, "ana@cert.rs", password, ""); return err },
			"one step":    func() error { _, err := h.LogIn(ctx, home, "ana@cert.rs", password, h.code(secret)); return err },
			"recovery":    func() error { _, err := h.LogIn(ctx, home, "ana@cert.rs", password, codes[0]); return err },
			"second step": func() error { _, err := h.SecondStep(ctx, home, half.Token, h.code(secret)); return err },
			"reset link": func() error {
				_, err := h.Accept(ctx, home, link[strings.LastIndexByte(link, '/')+1:], "nova lozinka 7")
				return err
			},
			"job":     func() error { _, err := h.Resolve(ctx, a.Person, ident.Job); return err },
			"persona": func() error { _, err := h.LogInAs(ctx, home, a.PersonUUID); return err },
			"step-up": func() error { _, err := h.StepUp(ctx, sys, home, account.Proof{Code: h.code(secret)}); return err },
			"profile": func() error { return h.SetProfile(ctx, sys, "Ana", "en") },
			"as":      func() error { _, err := h.As(ctx, operator, "ana@cert.rs"); return err },
		}
		for name, door := range doors {
			if err := door(); err == nil {
				h.t.Errorf("door %q lets a disabled account in", name)
			}
		}
		_, err = h.Enable(ctx, setup, "ana@cert.rs")
		h.ok(err)
		if _, err := h.BySession(ctx, session, home); !account.IsUnauthenticated(err) {
			h.t.Errorf("an old session came back with the account: %v", err)
		}
		if _, err := h.ByKey(ctx, plain, home); err != nil {
			h.t.Errorf("the key does not work after enabling: %v", err)
		}
		_, err = h.RevokeKey(ctx, operator, key.UUID)
		h.ok(err)
		if _, err := h.ByKey(ctx, plain, home); !account.IsUnauthenticated(err) {
			h.t.Errorf("a revoked key opens: %v", err)
		}
	})
}
