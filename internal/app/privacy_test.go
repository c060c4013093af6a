package app

import (
	"context"
	"strings"
	"testing"
	"time"

	"straza/internal/intake"
	"straza/internal/kernel/account"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/privacy"
	"straza/internal/registry"
	"straza/internal/testkit"
)

const subject = "pera.peric@primer.example"

// privacyHouse is an installation in which one address stands in several rooms.
func privacyHouse(t *testing.T, database string) (h *House, now *clock.Moved, numbers []string) {
	t.Helper()
	ctx := context.Background()
	flags := map[string]string{"data": t.TempDir(), "log-level": "error"}
	if database != "" {
		flags["database"] = database
	}
	cfg, err := loadConfig(flags, nil)
	must(t, err)
	now = clock.NewMoved(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), 1)
	h, err = openHouse(ctx, cfg, nil, openOptions{cheapHash: true, clock: now})
	must(t, err)
	t.Cleanup(h.Close)
	h.door, err = h.localDoor()
	must(t, err)
	t.Cleanup(func() { _ = h.door.Close() })
	must(t, h.Vault.Trust(h.door.Status().Recipients))
	setup := ident.SystemPart("setup")
	_, err = h.Registry.Add(ctx, setup, registry.Draft{Name: "CERT A", Kind: "cert"})
	must(t, err)
	bank, err := h.Registry.Add(ctx, setup, registry.Draft{Name: "Banka", Kind: "operator"})
	must(t, err)
	_, err = h.Registry.Import(ctx, operator(), strings.NewReader("name,contact_name,contact_email\nVodovod,Pera Perić,"+subject+"\n"), registry.ImportOptions{Format: registry.CSV})
	must(t, err)
	_, _, err = h.Accounts.Add(ctx, operator(), account.NewPerson{Email: subject, Name: "Pera Perić", Roles: []string{"member"}, Org: bank.ID, Password: "vetar sa kosave 1"})
	must(t, err)
	_, err = h.Accounts.Disable(ctx, operator(), subject)
	must(t, err)
	must(t, h.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := h.Post.QueueTx(ctx, tx, mail.Letter{Purpose: "test", To: subject, Subject: "Naslov", Body: "Tekst", Lang: "sr-Latn"})
		return err
	}))
	for range 2 {
		nobody, err := h.Accounts.Nobody(ctx, ident.API)
		must(t, err)
		rc, err := h.Intake.Submit(ctx, nobody, &intake.Input{Channel: intake.ByAPI, Lang: "sr-Cyrl", What: "phishing",
			Body: intake.Body{Description: "Опис"}, Contact: intake.Contact{Name: "Пера", Email: subject}})
		must(t, err)
		numbers = append(numbers, rc.Number)
	}
	for i := 0; i < 3; i++ {
		must(t, h.runner.Tick(ctx))
	}
	return h, now, numbers
}

func tables(t *testing.T, h *House, who ident.Actor) map[string]int {
	t.Helper()
	held, err := h.Privacy.Search(context.Background(), who, "  Pera.Peric@PRIMER.example ")
	must(t, err)
	out := map[string]int{}
	for _, x := range held {
		out[x.Table]++
	}
	return out
}

// What we hold about an address is found in every room; after the term each room has
// erased its part, but for what a legal hold keeps.
func TestPersonalDataIsFoundAndErased(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for engine, database := range map[string]func(testing.TB) string{"sqlite": func(testing.TB) string { return "" }, "postgres": testkit.PostgresURL} {
		t.Run(engine, func(t *testing.T) {
			h, now, numbers := privacyHouse(t, database(t))
			officer := ident.Actor{Kind: ident.Person, Person: 1, Perms: map[string]bool{"privacy.use": true, "audit.read": true}, Channel: ident.Web}
			if got := tables(t, h, officer); got["account_person"] != 1 || got["registry_contact"] != 1 || got["mail_letter"] == 0 || got["intake_reporter"] != 2 {
				t.Fatalf("before: %v", got)
			}
			if _, err := h.Privacy.Search(ctx, ident.Actor{Kind: ident.Person, Person: 2}, subject); err == nil {
				t.Error("anybody may ask")
			}
			lines, err := h.Audit.Lines(ctx, officer, audit.Filter{Verb: "privacy.search"})
			if err != nil || len(lines) != 1 || strings.Contains(string(lines[0].Detail)+lines[0].Label, "pera") {
				t.Errorf("audit: %+v, %v", lines, err)
			}
			// Both reports are decided; one of them is kept for proceedings.
			must(t, h.DB.Update(ctx, func(tx *store.Tx) error {
				_, err := tx.Exec(ctx, `UPDATE intake_report SET state = 'rejected', open_due = 0`)
				return err
			}))
			must(t, h.Privacy.SetHold(ctx, officer, numbers[0], "спор", false))
			must(t, h.Privacy.SetTerm(ctx, officer, privacy.Term{Class: "letter", Days: 30, From: "2026-11-22", Source: "одлука"}))
			run := func() { must(t, h.Privacy.Jobs()[0].Run(ctx, nil)) }
			run()
			if got := tables(t, h, officer); got["intake_reporter"] != 2 || got["mail_letter"] == 0 {
				t.Fatalf("too early: %v", got)
			}
			now.Add(31 * 24 * time.Hour)
			run()
			if got := tables(t, h, officer); got["mail_letter"] != 0 || got["account_person"] != 1 || got["intake_reporter"] != 2 {
				t.Fatalf("after the letters' term: %v", got)
			}
			now.Add(4 * 366 * 24 * time.Hour)
			run()
			if got := tables(t, h, officer); got["account_person"] != 1 || got["intake_reporter"] != 2 {
				t.Fatalf("erased by a term that nobody entered: %v", got)
			}
			for class, days := range map[string]int{"account": 1095, "reporter": 730, "contact": 1825} {
				must(t, h.Privacy.SetTerm(ctx, officer, privacy.Term{Class: class, Days: days, From: "2026-11-22", Source: "одлука"}))
			}
			register, err := h.Privacy.Register(ctx, officer)
			must(t, err)
			due := map[string]int64{}
			for _, e := range register {
				due[e.Key] = e.Due
			}
			if due["reporter"] != 1 || due["account"] != 1 {
				t.Errorf("dry run: %v", due)
			}
			run()
			if got := tables(t, h, officer); got["account_person"] != 0 || got["intake_reporter"] != 1 || got["registry_contact"] != 1 {
				t.Errorf("after all terms: %v", got)
			}
			// The report that is not on hold goes too, by a term of its own; everybody who may
			// know sees which one before, and what went after.
			must(t, h.Privacy.SetTerm(ctx, officer, privacy.Term{Class: "report", Days: 1827, From: "2026-11-22", Source: "одлука"}))
			now.Add(5 * 366 * 24 * time.Hour)
			for _, who := range []ident.Actor{officer, operator()} {
				list, n, err := h.Privacy.Due(ctx, who, "report")
				if err != nil || n != 1 || len(list) != 1 || list[0].Label != numbers[1] {
					t.Errorf("due: %d %v %v", n, list, err)
				}
			}
			if _, _, err := h.Privacy.Due(ctx, ident.Actor{Kind: ident.Person, Person: 2}, "report"); !fault.Is(err, fault.Denied) {
				t.Errorf("anybody may ask what is due: %v", err)
			}
			// After a restore it rests, so that holds made since the copy can be entered again.
			must(t, h.DB.Update(ctx, func(tx *store.Tx) error { return store.SetFact(ctx, tx, restoredFact, "{}") }))
			must(t, h.afterRestore(ctx))
			run()
			if until, err := h.Privacy.Resting(ctx, officer); err != nil || until == 0 {
				t.Errorf("erasure does not rest after a restore: %v", err)
			}
			if _, n, err := h.Privacy.Due(ctx, officer, "report"); err != nil || n != 1 {
				t.Errorf("erased straight after a restore: %d, %v", n, err)
			}
			now.Add(21 * time.Hour)
			run()
			erased, err := h.Privacy.Erased(ctx, officer)
			must(t, err)
			went := map[string]int64{}
			for _, e := range erased {
				went[e.Class] += e.Rows
			}
			if went["report"] != 1 || went["reporter"] != 1 || went["account"] != 1 || went["letter"] == 0 {
				t.Errorf("what went: %v", erased)
			}
			if rep, err := h.Audit.Verify(ctx); err != nil || !rep.OK {
				t.Errorf("audit: %+v, %v", rep, err)
			}
		})
	}
}
