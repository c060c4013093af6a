package rule_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"straza/internal/craft/pack"
	"straza/internal/craft/rule"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/outbound"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

const (
	cert  = 11
	other = 12
	firm  = 13
)

// told is what the room of the test tells of.
type told struct {
	Thing int64 `json:"thing"`
}

func (told) EventType() string { return "test.told" }

// world is a house with one room: things that have a size, colours and a label, of which
// number 13 is seen by Ana alone.
type world struct {
	t              *testing.T
	db             *store.DB
	s              *rule.Service
	people         *account.Service
	post           *mail.Post
	runner         *jobs.Runner
	ana, lea, boba ident.Actor
	done           []string
	broken         error
	again          bool
	calls          chan call
	hook           string
	answer         int
}

type call struct {
	header http.Header
	body   []byte
}

func newWorld(t *testing.T, db *store.DB) *world {
	t.Helper()
	return newWorldOut(t, db, outbound.Config{Allow: loopback})
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// newWorldOut is newWorld with a guard of the test's own.
func newWorldOut(t *testing.T, db *store.DB, out outbound.Config) *world {
	t.Helper()
	w := &world{t: t, db: db, calls: make(chan call, 10), answer: 204}
	orgs := testkit.Orgs{cert: {ID: cert, UUID: db.NewUUID(), Name: "CERT", CERT: true}, other: {ID: other, UUID: db.NewUUID(), Name: "Other", CERT: true}, firm: {ID: firm, UUID: db.NewUUID(), Name: "Firm"}}
	testkit.Seed(t, db, cert, other, firm)
	w.people = testkit.Accounts(t, db, orgs, account.Deps{})
	add := func(name, role string, org int64) ident.Actor {
		return testkit.Person(t, w.people, account.NewPerson{Name: name, Email: strings.ToLower(name) + "@example.org", Org: org, Roles: []string{role}, Lang: "en"})
	}
	w.ana, w.lea, w.boba = add("Ana", access.Lead, cert), add("Lea", access.Analyst, cert), add("Boba", access.Lead, other)
	cat, err := i18n.NewCatalog(rule.Messages)
	must(t, err)
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.calls <- call{r.Header, b}
		rw.WriteHeader(w.answer)
	}))
	t.Cleanup(srv.Close)
	w.hook = srv.URL + "/in"
	w.post = mail.New(db, nil, "straza@example.org")
	w.s = rule.New(rule.Deps{DB: db, Audit: testkit.Audit(db), People: w.people, Post: w.post, Text: cat, Keys: testkit.Vault(t),
		World:  outbound.New(out),
		Origin: func() string { return "https://straza.example" }}, []rule.Trigger{{
		Name: "told", Event: told{}.EventType(), Perm: "intel.read",
		Facts: []rule.Fact{{Name: "size", Kind: pack.Number}, {Name: "colours", Kind: pack.Many, Folded: true}, {Name: "tlp", Kind: pack.Word, Choices: []string{"GREEN", "RED"}}, {Name: "round", Kind: pack.Yesno}},
		ID: func(p json.RawMessage) (int64, error) {
			var e told
			return e.Thing, json.Unmarshal(p, &e)
		},
		Load: func(_ context.Context, who ident.Actor, id int64) (*rule.Subject, error) {
			if id == 13 && who.Person != w.ana.Person {
				return nil, fault.New(fault.NotFound, "none")
			}
			label := "GREEN"
			switch {
			case id >= 90:
				label = "RED"
			case id >= 80:
				label = "AMBER+STRICT"
			}
			return &rule.Subject{ID: id, Title: "Thing in secret words", Path: "/console/things/1", Own: "/portal/things/1", Label: label,
				Facts: pack.Map{"size": pack.Num(float64(id)), "colours": pack.Texts("crvena", "plava"), "tlp": pack.Text(label)}}, nil
		},
		Recent: func(ctx context.Context, who ident.Actor, n int) ([]*rule.Subject, error) {
			a, _ := w.s.Triggers(ctx, who)[0].Load(ctx, who, 5)
			b, _ := w.s.Triggers(ctx, who)[0].Load(ctx, who, 50)
			return []*rule.Subject{b, a}, nil
		},
	}}, []rule.Action{{Name: "do", Perm: "intel.write", Params: []rule.Param{{Name: "word"}}, Do: func(_ context.Context, who ident.Actor, o rule.Order) (string, error) {
		if w.broken != nil {
			return "", w.broken
		}
		w.done = append(w.done, o.With["word"]+" "+who.Name)
		if w.again { // the act makes the same happen once more
			return "did", db.Update(context.Background(), func(tx *store.Tx) error { return jobs.Publish(context.Background(), tx, told{o.Subject.ID}) })
		}
		return "did", nil
	}}})
	w.runner = jobs.New(db, append(w.s.Jobs(), w.post.Jobs()...), w.s.Subscriptions())
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// happens tells of a thing and lets everything run that follows.
func (w *world) happens(thing int64) {
	w.t.Helper()
	must(w.t, w.db.Update(context.Background(), func(tx *store.Tx) error { return jobs.Publish(context.Background(), tx, told{thing}) }))
	must(w.t, w.runner.Drain(context.Background()))
}

func (w *world) letters() (out []mail.Letter) {
	w.t.Helper()
	out, err := w.post.ListCaught(context.Background(), 0)
	must(w.t, err)
	return out
}

func do(word string) rule.Act { return rule.Act{Do: "do", With: map[string]string{"word": word}} }

func TestRuleRuns(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w, ctx := newWorld(t, db), context.Background()
		big := rule.Rule{Name: "big", Trigger: "told", Active: true, Cond: rule.Cond{Tests: []rule.Test{{Fact: "size", Op: rule.Least, Value: "10"}, {Fact: "colours", Op: rule.Has, Value: "ЦРВЕНА"}}},
			Acts: []rule.Act{do("one"), {Do: rule.Ask, With: map[string]string{"question": "sure?"}}, do("two")}}
		r, err := w.s.Add(ctx, w.ana, big, false)
		must(t, err)
		w.happens(5) // too small
		w.happens(20)
		if want := []string{"one Ana"}; !slices.Equal(w.done, want) {
			t.Fatalf("did %q, want %q", w.done, want)
		}
		asked, err := w.s.Waiting(ctx, w.lea, 0, 10)
		must(t, err)
		if len(asked) != 1 || asked[0].About == nil || asked[0].About.ID != 20 || asked[0].RuleName != "big" {
			t.Fatalf("waiting: %+v", asked)
		}
		if list, err := w.s.Waiting(ctx, w.boba, 0, 10); err != nil || len(list) != 0 {
			t.Fatalf("another team sees %d runs, %v", len(list), err)
		}
		if err := w.s.Decide(ctx, w.boba, r.UUID, asked[0].ID, true); !fault.Is(err, fault.NotFound) {
			t.Fatalf("another team decides: %v", err)
		}
		must(t, w.s.Decide(ctx, w.lea, r.UUID, asked[0].ID, true))
		if err := w.s.Decide(ctx, w.lea, r.UUID, asked[0].ID, true); !fault.Is(err, fault.Conflict) {
			t.Fatalf("decided twice: %v", err)
		}
		must(t, w.runner.Drain(ctx))
		if want := []string{"one Ana", "two Ana"}; !slices.Equal(w.done, want) {
			t.Fatalf("did %q, want %q", w.done, want)
		}
		runs, err := w.s.Runs(ctx, w.ana, r.UUID, 0, 10)
		must(t, err)
		if len(runs) != 1 || runs[0].State != rule.Done || runs[0].DecidedBy != w.lea.Person || len(runs[0].Said) != 3 || runs[0].Said[0].Text != "did" {
			t.Fatalf("runs: %+v", runs)
		}

		// Declining ends it; turning the rule off and removing it stops it.
		w.happens(30)
		asked, err = w.s.Waiting(ctx, w.ana, 0, 10)
		must(t, err)
		must(t, w.s.Decide(ctx, w.ana, r.UUID, asked[0].ID, false))
		must(t, w.runner.Drain(ctx))
		_, err = w.s.Switch(ctx, w.ana, r.UUID, false)
		must(t, err)
		w.happens(40)
		if n := len(w.done); n != 3 {
			t.Fatalf("after declining and turning off %d acts: %q", n, w.done)
		}
	})
}

// TestRuleRights: a rule does no more than its person may at that moment.
func TestRuleRights(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w, ctx := newWorld(t, db), context.Background()
		all := rule.Rule{Name: "all", Trigger: "told", Active: true, Acts: []rule.Act{do("x")}}
		if _, err := w.s.Add(ctx, w.lea, all, false); !fault.Is(err, fault.Denied) {
			t.Fatalf("an analyst without rule.write saves a rule: %v", err)
		}
		r, err := w.s.Add(ctx, w.boba, all, false)
		must(t, err)
		w.happens(13) // Ana's alone
		w.happens(14)
		if want := []string{"x Boba"}; !slices.Equal(w.done, want) {
			t.Fatalf("did %q, want %q", w.done, want)
		}
		if _, err := w.s.Get(ctx, w.ana, r.UUID); !fault.Is(err, fault.NotFound) {
			t.Fatalf("another team reads the rule: %v", err)
		}
		setup, err := w.people.Operator(ctx, "root")
		must(t, err)
		_, err = w.people.Disable(ctx, setup, "boba@example.org")
		must(t, err)
		w.happens(15)
		if len(w.done) != 1 {
			t.Fatalf("a rule of somebody without an account acted: %q", w.done)
		}
	})
}

// TestRuleFails: a failure is kept with its reason and can be tried again; what was
// done before it is not done again.
func TestRuleFails(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w, ctx := newWorld(t, db), context.Background()
		r, err := w.s.Add(ctx, w.ana, rule.Rule{Name: "hook", Trigger: "told", Active: true, Acts: []rule.Act{do("a"), {Do: "webhook", With: map[string]string{"url": w.hook}}, do("b")}}, false)
		must(t, err)
		w.answer = 403
		w.happens(95)
		c := <-w.calls
		secret, err := w.s.Secret(ctx, w.ana, r.UUID)
		must(t, err)
		if got := c.header.Get("webhook-signature"); got != rule.Sign(rule.DecodeSecret(secret), c.header.Get("webhook-id"), c.header.Get("webhook-timestamp"), c.body) {
			t.Errorf("signature %q does not fit", got)
		}
		if strings.Contains(string(c.body), "secret words") || !strings.Contains(string(c.body), "https://straza.example/console/things/1") {
			t.Errorf("a RED title leaves, or no link: %s", c.body)
		}
		runs, err := w.s.Runs(ctx, w.ana, r.UUID, 0, 10)
		must(t, err)
		if len(runs) != 1 || runs[0].State != rule.Failed || runs[0].Said[1].Fault != "rules.fault.refused" {
			t.Fatalf("runs: %+v", runs)
		}
		w.answer = 200
		must(t, w.s.Again(ctx, w.lea, r.UUID, runs[0].ID))
		must(t, w.runner.Drain(ctx))
		if again := <-w.calls; again.header.Get("webhook-id") != c.header.Get("webhook-id") {
			t.Error("the same act has another id when it is tried again")
		}
		if want := []string{"a Ana", "b Ana"}; !slices.Equal(w.done, want) {
			t.Fatalf("did %q, want %q", w.done, want)
		}
	})
}

// TestRuleStopsAFlood: more than so many in an hour wait for a person.
func TestRuleStopsAFlood(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w, ctx := newWorld(t, db), context.Background()
		_, err := w.s.Add(ctx, w.ana, rule.Rule{Name: "f", Trigger: "told", Active: true, Hourly: 2, Acts: []rule.Act{do("a")}}, false)
		must(t, err)
		for i := range int64(4) {
			w.happens(i + 1)
		}
		if n, err := w.s.CountWaiting(ctx, w.ana); err != nil || n != 2 || len(w.done) != 2 {
			t.Fatalf("%d wait, %d acted, %v", n, len(w.done), err)
		}
		now.Add(2 * time.Hour)
		w.happens(9)
		if len(w.done) != 3 {
			t.Fatalf("an hour later it does not act: %q", w.done)
		}
	})
}

// TestAlerts: a person's own alert, at once and once a day, with what may travel.
func TestAlerts(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w, ctx := newWorld(t, db), context.Background()
		now.Set(time.Date(2026, 6, 3, 9, 0, 0, 0, time.UTC)) // 11:00 in Belgrade
		alert := func(who ident.Actor, name, when string) rule.Rule {
			r, err := w.s.Add(ctx, who, rule.Rule{Name: name, Trigger: "told", Active: true, Acts: []rule.Act{{Do: rule.Alert, With: map[string]string{"when": when}}}}, true)
			must(t, err)
			return r
		}
		first := alert(w.lea, "mine", rule.AtOnce)
		alert(w.ana, "day", rule.Daily)
		w.happens(13) // Lea may not see it
		w.happens(95)
		list := w.letters()
		if len(list) != 1 || list[0].To != "lea@example.org" || strings.Contains(list[0].Body, "secret words") || !strings.Contains(list[0].Body, "/console/things/1") {
			t.Fatalf("letters: %+v", list)
		}
		if _, err := w.s.Get(ctx, w.ana, first.UUID); !fault.Is(err, fault.NotFound) {
			t.Fatalf("somebody else reads an alert: %v", err)
		}
		if _, err := w.s.Add(ctx, w.lea, rule.Rule{Name: "x", Trigger: "told", Acts: []rule.Act{do("a")}}, true); !fault.Is(err, fault.Invalid) {
			t.Fatalf("an alert that acts: %v", err)
		}
		must(t, w.runner.Tick(ctx))
		must(t, w.runner.Drain(ctx))
		if n := len(w.letters()); n != 1 {
			t.Fatalf("the daily letter came at once: %d", n)
		}
		now.Add(21 * time.Hour) // 08:00 the next day
		must(t, w.runner.Tick(ctx))
		must(t, w.runner.Drain(ctx))
		list = w.letters()
		i := slices.IndexFunc(list, func(l mail.Letter) bool { return l.To == "ana@example.org" })
		if len(list) != 2 || i < 0 || strings.Count(list[i].Body, "https://straza.example/console/things") != 2 || strings.Count(list[i].Body, "secret words") != 1 {
			t.Fatalf("letters: %+v", list)
		}
		now.Add(24 * time.Hour)
		must(t, w.runner.Tick(ctx))
		must(t, w.runner.Drain(ctx))
		if n := len(w.letters()); n != 2 {
			t.Fatalf("a letter about nothing: %d", n)
		}
	})
}

// TestAlertsSayMoreWhenEncrypted: up to AMBER+STRICT a title stands in a letter to who has
// entered an OpenPGP key, and such a letter leaves in no other way; RED never.
func TestAlertsSayMoreWhenEncrypted(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w, ctx := newWorld(t, db), context.Background()
		for _, who := range []ident.Actor{w.ana, w.lea} {
			_, err := w.s.Add(ctx, who, rule.Rule{Name: "mine", Trigger: "told", Active: true, Acts: []rule.Act{{Do: rule.Alert, With: map[string]string{"when": rule.AtOnce}}}}, true)
			must(t, err)
		}
		w.post.Use(keyOf("lea@example.org"))
		w.happens(85)
		w.happens(95)
		for _, l := range w.letters() {
			said := strings.Contains(l.Body, "secret words")
			if want := l.To == "lea@example.org" && l.Secret; said != want || l.Secret && l.Under != "F00D" {
				t.Errorf("%+v", l)
			}
		}
		n := 0
		for _, l := range w.letters() {
			if l.Secret {
				n++
			}
		}
		if n != 1 || len(w.letters()) != 4 {
			t.Errorf("%d of %d letters are secret", n, len(w.letters()))
		}
	})
}

// keyOf is a keyring with one address; letters of these tests are caught, not encrypted.
type keyOf string

func (k keyOf) MailKeyTx(_ context.Context, _ *store.Tx, _ int64, address string) (mail.Key, bool, error) {
	return mail.Key{Fingerprint: "F00D"}, address == string(k), nil
}

// TestRuleTried: trying says what would hold and does nothing.
func TestRuleTried(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w, ctx := newWorld(t, db), context.Background()
		got, err := w.s.Try(ctx, w.lea, rule.Rule{Trigger: "told", Cond: rule.Cond{Also: "size > 10"}}, false)
		must(t, err)
		if len(got) != 2 || !got[0].Holds || got[1].Holds || len(w.done) != 0 {
			t.Fatalf("tried: %+v", got)
		}
		got, err = w.s.Try(ctx, w.lea, rule.Rule{Trigger: "told", Cond: rule.Cond{Tests: []rule.Test{{Fact: "round", Op: rule.True}}}}, false)
		must(t, err)
		if len(got) != 2 || got[0].Holds || !got[0].Unknown {
			t.Fatalf("an unknown fact: %+v", got)
		}
	})
}

// TestRuleKept: changes are guarded by their version, removal can be undone.
func TestRuleKept(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w, ctx := newWorld(t, db), context.Background()
		r, err := w.s.Add(ctx, w.ana, rule.Rule{Name: "a", Trigger: "told", Active: true, Acts: []rule.Act{do("a")}}, false)
		must(t, err)
		r, err = w.s.Change(ctx, w.ana, r.UUID, r.Version, func(r *rule.Rule) { r.Name = "b" })
		must(t, err)
		if _, err := w.s.Change(ctx, w.ana, r.UUID, 1, func(r *rule.Rule) { r.Name = "c" }); !fault.Is(err, fault.Conflict) {
			t.Fatalf("a lost race: %v", err)
		}
		_, err = w.s.Remove(ctx, w.ana, r.UUID)
		must(t, err)
		w.happens(1)
		if list, err := w.s.List(ctx, w.ana, false); err != nil || len(list) != 0 || len(w.done) != 0 {
			t.Fatalf("%d rules, %q, %v", len(list), w.done, err)
		}
		_, err = w.s.Restore(ctx, w.ana, r.UUID)
		must(t, err)
		w.happens(2)
		list, err := w.s.List(ctx, w.ana, false)
		must(t, err)
		if len(list) != 1 || list[0].Name != "b" || list[0].Runs != 1 || len(w.done) != 1 {
			t.Fatalf("list: %+v, %q", list, w.done)
		}
	})
}

func TestRuleFaults(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w, ctx := newWorld(t, db), context.Background()
		for name, c := range map[string]struct {
			r     rule.Rule
			field string
		}{
			"no name":    {rule.Rule{Trigger: "told", Acts: []rule.Act{do("a")}}, "name"},
			"no act":     {rule.Rule{Name: "a", Trigger: "told"}, "acts"},
			"no trigger": {rule.Rule{Name: "a", Trigger: "x", Acts: []rule.Act{do("a")}}, "trigger"},
			"no word":    {rule.Rule{Name: "a", Trigger: "told", Acts: []rule.Act{do("")}}, "act.0.word"},
			"no such":    {rule.Rule{Name: "a", Trigger: "told", Acts: []rule.Act{{Do: "fly"}}}, "act.0.do"},
			"fact":       {rule.Rule{Name: "a", Trigger: "told", Acts: []rule.Act{do("a")}, Cond: rule.Cond{Tests: []rule.Test{{Fact: "weight", Op: rule.Is, Value: "1"}}}}, "test.0"},
			"op":         {rule.Rule{Name: "a", Trigger: "told", Acts: []rule.Act{do("a")}, Cond: rule.Cond{Tests: []rule.Test{{Fact: "size", Op: rule.Has, Value: "1"}}}}, "test.0"},
			"number":     {rule.Rule{Name: "a", Trigger: "told", Acts: []rule.Act{do("a")}, Cond: rule.Cond{Tests: []rule.Test{{Fact: "size", Op: rule.Least, Value: "much"}}}}, "test.0"},
			"quotes":     {rule.Rule{Name: "a", Trigger: "told", Acts: []rule.Act{do("a")}, Cond: rule.Cond{Tests: []rule.Test{{Fact: "tlp", Op: rule.Is, Value: `a"b'c`}}}}, "test.0"},
			"also":       {rule.Rule{Name: "a", Trigger: "told", Acts: []rule.Act{do("a")}, Cond: rule.Cond{Also: "weight > 3"}}, "also"},
			"url":        {rule.Rule{Name: "a", Trigger: "told", Acts: []rule.Act{{Do: "webhook", With: map[string]string{"url": "ftp://x"}}}}, "act.0.url"},
			"choice":     {rule.Rule{Name: "a", Trigger: "told", Acts: []rule.Act{{Do: "mail", With: map[string]string{"to": "everybody"}}}}, "act.0.to"},
		} {
			_, err := w.s.Add(ctx, w.ana, c.r, false)
			if !fault.Is(err, fault.Invalid) || fault.Of(err).Fields[c.field] == "" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if list, err := w.s.List(ctx, w.ana, false); err != nil || len(list) != 0 {
			t.Fatalf("%d rules are there, %v", len(list), err)
		}
	})
}

// FuzzTest: no value of a condition's row breaks out of its quotation marks.
func FuzzTest(f *testing.F) {
	for _, s := range []string{"a", `a" or yes = "a`, `' or yes`, "a, b", "", "\n", "1e9", "тест"} {
		f.Add(s)
	}
	t := rule.Trigger{Facts: []rule.Fact{{Name: "w", Kind: pack.Word}, {Name: "l", Kind: pack.Many}, {Name: "n", Kind: pack.Number}}}
	f.Fuzz(func(tt *testing.T, v string) {
		for _, x := range []rule.Test{{Fact: "w", Op: rule.Is, Value: v}, {Fact: "w", Op: rule.OneOf, Value: v}, {Fact: "l", Op: rule.Lacks, Value: v}, {Fact: "n", Op: rule.Least, Value: v}} {
			c, err := rule.Compile(rule.Cond{Tests: []rule.Test{x}}, &t)
			if err != nil {
				continue
			}
			if n := c.Names(); len(n) != 1 || n[0] != x.Fact {
				tt.Fatalf("%q asks for %v", v, n)
			}
		}
	})
}
