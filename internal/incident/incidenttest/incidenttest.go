// Package incidenttest builds a room for cases with everything real around it: a
// registry, intel, correspondence, a vault, blobs and an unsealing process in
// memory.
package incidenttest

import (
	"context"
	"path/filepath"
	"testing"
	"testing/fstest"

	"straza/internal/craft/pack"
	"straza/internal/craft/seal"
	"straza/internal/craft/thread"
	"straza/internal/format/openpgp"
	"straza/internal/incident"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/blob"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/vault/totp"
	"straza/internal/kernel/vault/unseal"
	"straza/internal/registry"
	"straza/internal/registry/registrytest"
	"straza/internal/testkit"
)

// World is an installation with two CERTs, three organisations, and their people.
type World struct {
	S             *incident.Service
	DB            *store.DB
	Audit         *audit.Log
	Threads       *thread.Desk
	Post          *mail.Post
	Seal          *seal.Office
	Intel         *intel.Service
	Registry      *registry.Service
	Vault         *vault.Vault
	Blobs         *blob.Store
	BlobFolder    string
	First, Second registry.Organisation // CERTs; First is the host
	OrgA, OrgB    registry.Organisation // of First's constituency
	OrgC          registry.Organisation
	Ana, Luka     ident.Actor // analyst and lead of First
	Vesna, Petar  ident.Actor // analyst and lead of Second
	Mila, Bora    ident.Actor // members of OrgA and OrgB
	Root          ident.Actor // administrator, of First's organisation, not on its team
	Operator      ident.Actor
	Gone          int64 // a person whose account is closed

	seed []byte
}

// New builds a world on a database.
func New(t testing.TB, db *store.DB) *World {
	t.Helper()
	w := &World{DB: db, BlobFolder: t.TempDir(), Audit: testkit.Audit(db), Registry: registrytest.Service(t, db)}
	w.First = registrytest.CERT(t, w.Registry, "Национални ЦЕРТ")
	w.Second = registrytest.CERT(t, w.Registry, "ЦЕРТ органа власти")
	w.OrgA = registrytest.Org(t, w.Registry, registry.Draft{Name: "Електромрежа Подунавље", Kind: "operator", Sector: "energy"})
	w.OrgB = registrytest.Org(t, w.Registry, registry.Draft{Name: "Водовод Грабовац", Kind: "operator", Sector: "water"})
	w.OrgC = registrytest.Org(t, w.Registry, registry.Draft{Name: "Пекара Клас", Kind: "company"})
	w.Ana = registrytest.Person(t, db, 101, w.First, access.Analyst)
	w.Luka = registrytest.Person(t, db, 102, w.First, access.Lead)
	w.Vesna = registrytest.Person(t, db, 103, w.Second, access.Analyst)
	w.Petar = registrytest.Person(t, db, 104, w.Second, access.Lead)
	w.Mila = registrytest.Person(t, db, 105, w.OrgA, access.Member)
	w.Bora = registrytest.Person(t, db, 106, w.OrgB, access.Member)
	w.Root = registrytest.Person(t, db, 107, w.First, access.Admin)
	w.Operator = ident.Actor{Kind: ident.Operator, Name: "root", Channel: ident.CLI}
	w.Ana.Email, w.Luka.Email = "ana@cert.example", "luka@cert.example"
	w.Ana.Name, w.Luka.Name, w.Mila.Name = "Ана Шумар", "Лука Видаковић", "Мила Ранковић"
	w.room(t)
	return w
}

func (w *World) room(t testing.TB) {
	t.Helper()
	var err error
	if w.Vault, err = vault.Open(filepath.Join(t.TempDir(), "keys"), vault.Options{Create: true, Rand: w.DB.Clock, Now: w.DB.Clock.Now}); err != nil {
		t.Fatal(err)
	}
	door, err := unseal.New(unseal.Config{Dir: t.TempDir(), Name: "Стража", Origin: "http://localhost:8480", Now: w.DB.Clock.Now,
		Send: func(context.Context, unseal.Mail) error { return nil }})
	must(t, err)
	t.Cleanup(func() { _ = door.Close() })
	must(t, w.Vault.Trust(door.Status().Recipients))
	w.seed = []byte("12345678901234567890")
	_, err = door.Enrol(context.Background(), unseal.Enrolment{Email: w.Ana.Email, Secret: totp.Text(w.seed)})
	must(t, err)
	w.Blobs, err = blob.New(w.DB, w.BlobFolder)
	must(t, err)
	words, err := i18n.NewCatalog(fstest.MapFS{
		"messages/sr-Cyrl.json": {Data: []byte(`{"thread.letter.subject":"Порука: {number}","thread.letter.body":"О предмету {number}: {link}","thread.letter.files":"Датотека: {n}","incident.notice.subject":"Одговор: {number}","incident.notice.body":"Одговор о {number}: {link}","incident.hand.parties":"Саговорници:","incident.hand.indicators":"Индикатори:","incident.hand.evidence":"Докази:"}`)},
		"messages/en.json":      {Data: []byte(`{"thread.letter.subject":"Message: {number}","thread.letter.body":"About {number}: {link}","thread.letter.files":"Files: {n}","incident.notice.subject":"Answer: {number}","incident.notice.body":"Answer about {number}: {link}","incident.hand.parties":"Parties:","incident.hand.indicators":"Indicators:","incident.hand.evidence":"Evidence:"}`)}})
	must(t, err)
	w.Post = mail.New(w.DB, nil, "Straža <straza@cert.example>")
	w.Seal = seal.New(seal.Deps{DB: w.DB, Audit: w.Audit, Vault: w.Vault, Owner: func() openpgp.Owner {
		return openpgp.Owner{Name: "Национални ЦЕРТ", Email: "straza@cert.example"}
	}})
	must(t, w.Seal.Begin(context.Background(), ident.SystemPart("seal")))
	w.Threads = thread.New(thread.Deps{DB: w.DB, Audit: w.Audit, Blobs: w.Blobs, Mail: w.Post, Tokens: w.Vault, Text: words, Keys: keys{w},
		Link: func(token string) string { return "http://localhost:8480/sr-Cyrl/thread/" + token }})
	w.Intel = intel.New(intel.Deps{DB: w.DB, Audit: w.Audit, Registry: w.Registry})
	w.S = incident.New(incident.Deps{DB: w.DB, Audit: w.Audit, Blobs: w.Blobs, Vault: w.Vault, Registry: w.Registry, Threads: w.Threads, Intel: w.Intel, Readers: w.Intel,
		Opener: func() incident.Opener { return door }, Book: pack.Fixed(Book()),
		Post: w.Post, People: w, Text: words, Link: func(number string) string { return "http://localhost:8480/console/cases/" + number }})
}

// keys are what letters are held against: the installation's own and the registry's.
type keys struct{ w *World }

func (k keys) Secrets(ctx context.Context, who ident.Actor) ([]*openpgp.Secret, error) {
	return k.w.Seal.Secrets(ctx, who)
}

func (k keys) SenderKeysTx(ctx context.Context, tx *store.Tx, audience int64, address string) ([]mail.Key, error) {
	a, err := access.AudienceTx(ctx, tx, audience)
	if err != nil {
		return nil, err
	}
	return k.w.Registry.SenderKeysTx(ctx, tx, ident.SystemPart("mailbox"), a.CERT, address)
}

// ResolveTx gives the world's people as they are now: incident.People. Faults:
// Unauthenticated for Gone.
func (w *World) ResolveTx(_ context.Context, _ *store.Tx, person int64, c ident.Channel) (ident.Actor, error) {
	for _, p := range []ident.Actor{w.Ana, w.Luka, w.Vesna, w.Petar} {
		if p.Person == person && p.Person != w.Gone {
			p.Channel = c
			return p, nil
		}
	}
	return ident.Actor{}, account.Unauthenticated()
}

// Work runs the room's jobs and the letters until nothing waits.
func (w *World) Work(t testing.TB) {
	t.Helper()
	must(t, jobs.New(w.DB, append(w.Post.Jobs(), w.S.Jobs()...), incident.Subscriptions()).Drain(context.Background()))
}

// Book is a short book: two facts and a few codes.
func Book() *incident.Book {
	pick := func(values ...string) (out []incident.Choice) {
		for _, v := range values {
			out = append(out, incident.Choice{Value: v, Label: i18n.Text{i18n.SrCyrl: "шифра " + v, i18n.En: "code " + v}})
		}
		return out
	}
	return &incident.Book{
		Classes:   pick("fraud", "fraud/phishing", "intrusions/system-compromise", "availability/ddos"),
		National:  pick("phishing", "ddos"),
		Retention: pick("ten-years", "five-years"),
		Days:      map[string]int{"ten-years": 3653, "five-years": 1827},
		Facts: []incident.Fact{{Name: "services", Label: i18n.Text{i18n.SrCyrl: "Услуге", i18n.En: "Services"}, Options: pick("none", "essential")},
			{Name: "users", Label: i18n.Text{i18n.SrCyrl: "Корисници", i18n.En: "Users"}, Options: pick("few", "most")}},
		Severity: func(facts map[string]string) (string, string, error) {
			switch {
			case facts["services"] == "essential" && facts["users"] == "most":
				return "very-high", "services = essential and users = most", nil
			case facts["services"] == "essential":
				return "high", "services = essential", nil
			}
			return "low", "known", nil
		},
	}
}

// Session gives a session at the unsealing process for Ana.
func (w *World) Session(t testing.TB) string {
	t.Helper()
	s, err := w.S.Prove(context.Background(), w.Ana, ident.CodeProof(totp.Code(w.seed, w.DB.Clock.Now())))
	must(t, err)
	return s
}

// Open opens a case with a title as who.
func (w *World) Open(t testing.TB, who ident.Actor, title string) incident.Case {
	t.Helper()
	n, err := w.S.Open(context.Background(), who, incident.Draft{Title: title}, "")
	must(t, err)
	c, err := w.S.Get(context.Background(), who, n)
	must(t, err)
	return c
}

// Party brings an organisation into a case and gives the party's UUID.
func (w *World) Party(t testing.TB, who ident.Actor, number string, org registry.Organisation, address string) string {
	t.Helper()
	d, err := w.S.AddParty(context.Background(), who, number, incident.PartyInput{Org: org.UUID, Address: address, Subject: "Питање о упаду"})
	must(t, err)
	return d.UUID
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
