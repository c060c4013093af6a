package registry_test

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/registry"
	"straza/internal/registry/registrytest"
	"straza/internal/testkit"
)

// inbox is the contacts' mail server, a real one; bad addresses it refuses for good.
type inbox struct {
	mu  sync.Mutex
	got []mail.Received
	bad string
}

func (b *inbox) Receive(_ context.Context, r mail.Received) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bad != "" && r.To[0] == b.bad {
		return fault.New(fault.NotFound, "nobody of that name")
	}
	b.got = append(b.got, r)
	return nil
}

// take gives what has arrived since the last time.
func (b *inbox) take() []mail.Received {
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.got
	b.got = nil
	return got
}

// asking is a country whose contacts are asked over real SMTP.
type asking struct {
	*country
	box    *inbox
	runner *jobs.Runner
	now    *clock.Moved
}

func newAsking(t *testing.T, db *store.DB, now *clock.Moved) *asking {
	t.Helper()
	box := &inbox{}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	var addr net.Addr
	addr, err := mail.Listen(ctx, "127.0.0.1:0", "posta.rs", box)
	must(t, err)
	server, err := mail.ParseSMTP("smtp://" + addr.String())
	must(t, err)
	post := mail.New(db, server, "Straža <straza@cert.example>")
	words, err := i18n.NewCatalog(registry.Messages)
	must(t, err)
	c := newCountry(t, db)
	c.s, err = registry.New(registry.Deps{DB: db, Audit: testkit.Audit(db), Letters: &registry.Letters{Post: post, Tokens: registrytest.Tokens{}, Text: words,
		Link: func(l i18n.Lang, token string) string {
			return "https://cert.example/" + string(l) + "/contact-points/" + token
		}}})
	must(t, err)
	return &asking{c, box, jobs.New(db, append(post.Jobs(), c.s.Jobs()...), registry.Subscriptions()), now}
}

// pass lets time go by and the clock look.
func (a *asking) pass(t *testing.T, n int) []mail.Received {
	t.Helper()
	a.now.Add(time.Duration(n) * 24 * time.Hour)
	must(t, a.runner.Tick(ctx))
	return a.box.take()
}

func (a *asking) contact(t *testing.T, org registry.Organisation, in registry.ContactInput) registry.Contact {
	t.Helper()
	c, err := a.s.AddContact(ctx, registrytest.Setup, org.UUID, 0, in)
	must(t, err)
	return c
}

func (a *asking) read(t *testing.T, org registry.Organisation, uuid string) registry.Contact {
	t.Helper()
	list, err := a.s.Contacts(ctx, a.analyst, org.UUID)
	must(t, err)
	for _, c := range list {
		if c.UUID == uuid {
			return c
		}
	}
	t.Fatalf("contact %s is gone", uuid)
	return registry.Contact{}
}

var tokenIn = regexp.MustCompile(`/contact-points/([0-9a-f]{40})`)

func token(t *testing.T, m mail.Received) string {
	t.Helper()
	found := tokenIn.FindStringSubmatch(m.Text)
	if found == nil {
		t.Fatalf("no link in %q", m.Text)
	}
	return found[1]
}

var nobody = ident.Nobody(ident.Web)

// TestContactsAreAskedWhenTheirTimeComes: one letter an address for all organisations,
// in the contact's language, within the budget, never to an address that bounces; the
// button behind its link begins the cycle anew.
func TestContactsAreAskedWhenTheirTimeComes(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		a := newAsking(t, db, now)
		rule := a.s.Lists(ctx, a.lead).Verify
		ana := a.contact(t, a.bank, registry.ContactInput{Kind: "duty", Name: "Ана", Email: "ana@posta.rs", Lang: "en"})
		too := a.contact(t, a.body, registry.ContactInput{Kind: "abuse", Name: "Служба", Email: "ANA@posta.rs"})
		old := a.contact(t, a.body, registry.ContactInput{Kind: "admin", Name: "Стари", Email: "stari@posta.rs"})
		a.contact(t, a.body, registry.ContactInput{Kind: "admin", Name: "Телефон", Phone: "+381 11 1234567"})
		must(t, db.Update(ctx, func(tx *store.Tx) error {
			_, err := a.s.BounceTx(ctx, tx, ident.SystemPart("postman"), "stari@posta.rs", "5.1.1")
			return err
		}))
		if got := a.pass(t, rule.NewDays-1); len(got) != 0 {
			t.Fatalf("asked too early: %v", got)
		}
		got := a.pass(t, 2)
		if len(got) != 1 || !strings.EqualFold(got[0].To[0], "ana@posta.rs") || got[0].Subject != "Are your contact details right?" {
			t.Fatalf("letters: %+v", got)
		}
		for _, want := range []string{"Duty officer 24/7", "Abuse desk", a.host.Name, "https://cert.example/en/contact-points/"} {
			if !strings.Contains(got[0].Text, want) {
				t.Errorf("the letter does not say %q:\n%s", want, got[0].Text)
			}
		}
		for _, c := range []registry.Contact{a.read(t, a.bank, ana.UUID), a.read(t, a.body, too.UUID)} {
			if c.Asked.IsZero() || c.Freshness != registry.Unverified {
				t.Errorf("after the letter: %+v", c)
			}
		}
		if c := a.read(t, a.body, old.UUID); !c.Asked.IsZero() {
			t.Error("an address that bounces was written to")
		}
		// Reading changes nothing; the button does, for both, and once.
		link := token(t, got[0])
		for range 2 {
			x, err := a.s.Asking(ctx, nobody, link)
			must(t, err)
			if len(x.Points) != 2 || !x.Open() {
				t.Fatalf("behind the link: %+v", x)
			}
		}
		must(t, a.s.ConfirmAsked(ctx, nobody, link))
		version, err := a.s.Get(ctx, a.analyst, a.bank.UUID)
		must(t, err)
		must(t, a.s.ConfirmAsked(ctx, nobody, link))
		again, err := a.s.Get(ctx, a.analyst, a.bank.UUID)
		must(t, err)
		if again.Version != version.Version || a.read(t, a.bank, ana.UUID).Freshness != registry.Fresh || a.read(t, a.body, too.UUID).Freshness != registry.Fresh {
			t.Errorf("confirmed twice: version %d and %d", version.Version, again.Version)
		}
		h, err := a.s.History(ctx, a.analyst, a.bank.UUID, 0, 2)
		must(t, err)
		if h[0].Act != "contact-confirm" || h[0].Actor != "Ана" || h[1].Act != "contact-ask" {
			t.Errorf("history: %+v", h)
		}
		if diff := cmp.Diff([]string{"registry.contact.confirm", "registry.contact.ask"}, registryVerbs(t, db, a.bank.ID)[:2]); diff != "" {
			t.Error(diff)
		}
		// A link ends; the cycle goes round.
		a.now.Add(time.Duration(rule.ValidDays) * 24 * time.Hour)
		_, err = a.s.Asking(ctx, nobody, link)
		isFault(t, err, fault.Gone)
		isFault(t, a.s.ConfirmAsked(ctx, nobody, link), fault.Gone)
		if got := a.pass(t, rule.EveryDays-rule.ValidDays-1); len(got) != 0 {
			t.Errorf("asked before the cycle is over: %v", got)
		}
		if got = a.pass(t, 2); len(got) != 1 {
			t.Errorf("the next cycle: %v", got)
		}
		// Without an answer: again after a while, until the budget is used up.
		for range rule.WithinDays/rule.AgainDays - 1 {
			got = append(got, a.pass(t, rule.AgainDays)...)
		}
		if n := len(got) - 1; n != rule.Most-1 {
			t.Errorf("%d more letters, the budget is %d", n, rule.Most)
		}
		_, err = a.s.Asking(ctx, nobody, strings.Repeat("0", 40))
		isFault(t, err, fault.NotFound)
	})
}

func registryVerbs(t *testing.T, db *store.DB, org int64) (out []string) {
	t.Helper()
	for _, v := range auditVerbs(t, db, org) {
		if v != "registry.contacts.read" {
			out = append(out, v)
		}
	}
	return out
}

func TestWhatIsWrongBecomesATask(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		a := newAsking(t, db, now)
		c := a.contact(t, a.bank, registry.ContactInput{Kind: "duty", Name: "Дежурни", Email: "d@posta.rs"})
		other := a.contact(t, a.body, registry.ContactInput{Kind: "duty", Name: "Други", Email: "x@posta.rs"})
		_, err := a.s.AskContact(ctx, a.analyst, a.bank.UUID, 0, c.UUID)
		must(t, err)
		must(t, a.runner.Drain(ctx))
		got := a.box.take()
		if len(got) != 1 || got[0].Subject != "Да ли су ваши контакт подаци тачни?" {
			t.Fatalf("letters: %+v", got)
		}
		link := token(t, got[0])
		isFault(t, a.s.RefuteAsked(ctx, nobody, link, c.UUID, "  "), fault.Invalid)
		isFault(t, a.s.RefuteAsked(ctx, nobody, link, c.UUID, strings.Repeat("ж", 2001)), fault.Invalid)
		isFault(t, a.s.RefuteAsked(ctx, nobody, link, other.UUID, "Није моје."), fault.Invalid)
		must(t, a.s.RefuteAsked(ctx, nobody, link, c.UUID, "Не радим више тамо."))
		isFault(t, a.s.RefuteAsked(ctx, nobody, link, c.UUID, "Још једном."), fault.Conflict)
		must(t, a.s.ConfirmAsked(ctx, nobody, link)) // nothing is left to confirm
		if f := a.read(t, a.bank, c.UUID).Freshness; f != registry.Unverified {
			t.Errorf("what was refuted is %s", f)
		}
		for name, x := range map[string]struct {
			who  ident.Actor
			want fault.Kind
		}{"the team": {a.analyst, ""}, "the organisation": {a.banker, ""}, "another": {a.mayr, fault.Denied}, "the operator": {ident.Actor{Kind: ident.Operator, Name: "root"}, fault.Denied}} {
			list, err := a.s.Remarks(ctx, x.who, a.bank.UUID)
			if fault.KindOf(err) != x.want || err == nil && (len(list) != 1 || list[0].Body != "Не радим више тамо." || list[0].Contact != "Дежурни") {
				t.Errorf("%s reads %+v, %v", name, list, err)
			}
		}
		list, err := a.s.Remarks(ctx, a.analyst, a.bank.UUID)
		must(t, err)
		isFault(t, a.s.SettleRemark(ctx, a.banker, a.bank.UUID, list[0].UUID, false), fault.Denied)
		isFault(t, a.s.SettleRemark(ctx, a.analyst, a.body.UUID, list[0].UUID, false), fault.NotFound)
		must(t, a.s.SettleRemark(ctx, a.bankAdmin, a.bank.UUID, list[0].UUID, false))
		isFault(t, a.s.SettleRemark(ctx, a.analyst, a.bank.UUID, list[0].UUID, false), fault.Conflict)
		must(t, a.s.SettleRemark(ctx, a.analyst, a.bank.UUID, list[0].UUID, true))
		if diff := cmp.Diff([]string{"remark-reopen", "remark-settle", "contact-refute", "contact-ask"}, acts(t, a.country, a.bank.UUID)[:4]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAskingNow(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		a := newAsking(t, db, now)
		rule := a.s.Lists(ctx, a.lead).Verify
		c := a.contact(t, a.bank, registry.ContactInput{Kind: "duty", Name: "Дежурни", Email: "d@posta.rs"})
		phone := a.contact(t, a.bank, registry.ContactInput{Kind: "duty", Name: "Телефон", Phone: "+381 11 1234567"})
		ask := func(who ident.Actor, contact string) error {
			_, err := a.s.AskContact(ctx, who, a.bank.UUID, 0, contact)
			return err
		}
		isFault(t, ask(a.bankAdmin, c.UUID), fault.Denied) // the team's button
		isFault(t, ask(a.analyst, phone.UUID), fault.Conflict)
		for i := range rule.Most {
			must(t, ask(a.analyst, c.UUID))
			isFault(t, ask(a.analyst, c.UUID), fault.Limited) // twice on one day
			if a.now.Add(25 * time.Hour); i == 0 {
				isFault(t, ask(a.mayr, c.UUID), fault.Denied)
			}
		}
		isFault(t, ask(a.analyst, c.UUID), fault.Limited) // the budget
		a.now.Add(time.Duration(rule.WithinDays) * 24 * time.Hour)
		must(t, ask(a.analyst, c.UUID))
		// The mail system refuses the address for good: nobody writes there any more.
		a.box.bad = "d@posta.rs"
		must(t, a.runner.Drain(ctx))
		bounced := a.read(t, a.bank, c.UUID)
		if bounced.Freshness != registry.Bouncing || bounced.Bounces == 0 || bounced.BounceReason == "" {
			t.Fatalf("after the refusal: %+v", bounced)
		}
		a.now.Add(time.Duration(rule.WithinDays) * 24 * time.Hour)
		isFault(t, ask(a.analyst, c.UUID), fault.Conflict)
		a.box.take()
		if got := a.pass(t, rule.EveryDays); len(got) != 0 {
			t.Errorf("the clock writes to an address that bounces: %v", got)
		}
	})
}

// TestRecipientsAreFoundWhenTheLetterIsWritten: between the clock's look and the
// letter a contact may have been confirmed, moved to another address, or gone.
func TestRecipientsAreFoundWhenTheLetterIsWritten(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		a := newAsking(t, db, now)
		var all []registry.Contact
		for i := range 4 {
			all = append(all, a.contact(t, a.bank, registry.ContactInput{Kind: "duty", Name: fmt.Sprintf("Контакт %d", i), Email: fmt.Sprintf("k%d@posta.rs", i)}))
		}
		a.now.Add(30 * 24 * time.Hour)
		look := a.s.Jobs()[0]
		clockOnly := jobs.New(db, []jobs.Def{look}, nil)
		must(t, clockOnly.Tick(ctx)) // orders the letters; nothing here writes them
		_, err := a.s.ConfirmContact(ctx, a.bankAdmin, a.bank.UUID, 0, all[0].UUID)
		must(t, err)
		_, err = a.s.ChangeContact(ctx, a.bankAdmin, a.bank.UUID, 0, all[1].UUID, registry.ContactInput{Kind: "duty", Name: "Контакт 1", Email: "novi@posta.rs"})
		must(t, err)
		must(t, a.s.RemoveContact(ctx, a.bankAdmin, a.bank.UUID, 0, all[2].UUID))
		must(t, db.Update(ctx, func(tx *store.Tx) error { // what the clock alone could not run goes back
			_, err := tx.Exec(ctx, `UPDATE jobs_job SET state = 'waiting' WHERE kind = 'registry.ask'`)
			return err
		}))
		must(t, a.runner.Drain(ctx))
		var to []string
		for _, m := range a.box.take() {
			to = append(to, m.To[0])
		}
		if len(to) != 2 || !strings.Contains(strings.Join(to, " "), "novi@posta.rs") || !strings.Contains(strings.Join(to, " "), "k3@posta.rs") {
			t.Errorf("letters to %v", to)
		}
	})
}

func TestStaleFilter(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		a := newAsking(t, db, now)
		c := a.contact(t, a.bank, registry.ContactInput{Kind: "duty", Name: "Дежурни", Email: "d@posta.rs"})
		all := len(a.list(t, a.analyst, registry.Filter{Freshness: registry.Stale}))
		_, err := a.s.ConfirmContact(ctx, a.analyst, a.bank.UUID, 0, c.UUID)
		must(t, err)
		if got := a.list(t, a.analyst, registry.Filter{Freshness: registry.Stale}); len(got) != all-1 {
			t.Errorf("of %d stale ones %v are left", all, got)
		}
		admin := registrytest.Person(t, db, 77, a.bank, access.OrgAdmin)
		if got := a.list(t, admin, registry.Filter{Freshness: registry.Stale}); len(got) != 0 {
			t.Errorf("a member learns of others: %v", got)
		}
	})
}
