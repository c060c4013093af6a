// Package intaketest builds a room for reports with everything real around it: a
// registry, a vault, blobs, and an unsealing process in memory.
package intaketest

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"straza/internal/craft/pack"
	"straza/internal/intake"
	"straza/internal/kernel/blob"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/vault/totp"
	"straza/internal/kernel/vault/unseal"
	"straza/internal/registry"
	"straza/internal/registry/registrytest"
	"straza/internal/testkit"
)

// World is an installation with two CERTs, an organisation of each, and their people.
type World struct {
	S              *intake.Service
	DB             *store.DB
	Vault          *vault.Vault
	Blobs          string // folder of the blobs
	Registry       *registry.Service
	First, Second  registry.Organisation // CERTs; First is the host
	OrgA, OrgB     registry.Organisation // of First's constituency
	Ana, Luka      ident.Actor           // analyst and lead of First
	Vesna          ident.Actor           // analyst of Second
	Mila, Bora     ident.Actor           // members of OrgA and OrgB
	Root           ident.Actor           // administrator, of First's organisation, not on its team
	Cases          *Cases
	Letters        *Letters
	seedOfUnsealer []byte
}

// Letters are what the postman sent.
type Letters struct {
	mu   sync.Mutex
	Sent []unseal.Mail
}

// All gives the letters so far.
func (l *Letters) All() []unseal.Mail {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]unseal.Mail(nil), l.Sent...)
}

// New builds a world on a database.
func New(t testing.TB, db *store.DB) *World {
	t.Helper()
	w := &World{DB: db, Blobs: t.TempDir(), Registry: registrytest.Service(t, db), Cases: &Cases{}, Letters: &Letters{}}
	w.First = registrytest.CERT(t, w.Registry, "Национални ЦЕРТ")
	w.Second = registrytest.CERT(t, w.Registry, "ЦЕРТ органа власти")
	w.OrgA = registrytest.Org(t, w.Registry, registry.Draft{Name: "Водовод Грабовац", Kind: "operator", Sector: "water"})
	w.OrgB = registrytest.Org(t, w.Registry, registry.Draft{Name: "Пекара Клас", Kind: "company"})
	w.Ana = registrytest.Person(t, db, 101, w.First, "analyst")
	w.Luka = registrytest.Person(t, db, 102, w.First, "lead")
	w.Vesna = registrytest.Person(t, db, 103, w.Second, "analyst")
	w.Mila = registrytest.Person(t, db, 104, w.OrgA, "member")
	w.Bora = registrytest.Person(t, db, 105, w.OrgB, "member")
	w.Root = registrytest.Person(t, db, 106, w.First, "admin")
	w.Ana.Email, w.Luka.Email = "ana@cert.example", "luka@cert.example"
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
		Send: func(_ context.Context, m unseal.Mail) error {
			w.Letters.mu.Lock()
			defer w.Letters.mu.Unlock()
			w.Letters.Sent = append(w.Letters.Sent, m)
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = door.Close() })
	if err := w.Vault.Trust(door.Status().Recipients); err != nil {
		t.Fatal(err)
	}
	w.seedOfUnsealer = []byte("12345678901234567890")
	if _, err := door.Enrol(context.Background(), unseal.Enrolment{Email: w.Ana.Email, Secret: totp.Text(w.seedOfUnsealer)}); err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.New(w.DB, w.Blobs)
	if err != nil {
		t.Fatal(err)
	}
	shelf, err := pack.Load(intake.Packs, registry.Packs)
	if err != nil {
		t.Fatal(err)
	}
	book, err := intake.OpenBook(shelf, w.DB.Clock.Now().Format("2006-01-02"))
	if err != nil {
		t.Fatal(err)
	}
	w.S = intake.New(intake.Deps{DB: w.DB, Vault: w.Vault, Blobs: blobs, Audit: testkit.Audit(w.DB), Registry: intake.FromRegistry(w.Registry),
		Cases: w.Cases, Opener: func() intake.Opener { return door }, Book: pack.Fixed(book), Origin: func() string { return "http://localhost:8480" },
		Readers: func(_ context.Context, who ident.Actor) (out []intake.Colleague, err error) {
			for _, p := range []ident.Actor{w.Ana, w.Luka, w.Vesna} {
				if p.CERT == who.CERT {
					out = append(out, intake.Colleague{Name: p.Name, Email: p.Email})
				}
			}
			return out, nil
		}})
}

// Code is the one-time code of the enrolled analyst at this moment.
func (w *World) Code() string { return totp.Code(w.seedOfUnsealer, w.DB.Clock.Now()) }

// Session gives a session at the unsealing process for Ana.
func (w *World) Session(t testing.TB) string {
	t.Helper()
	s, err := w.S.Prove(context.Background(), w.Ana, ident.CodeProof(w.Code()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Plain is an ordinary named report.
func Plain(text string) *intake.Input {
	return &intake.Input{Channel: intake.ByWeb, Lang: "sr-Cyrl", What: "message",
		Contact: intake.Contact{Name: "Милица Ђорђевић", Email: "milica@pekara-klas.example"},
		Body:    intake.Body{Description: text}}
}

// Send submits a report as nobody in particular.
func (w *World) Send(t testing.TB, in *intake.Input) (intake.Receipt, intake.Report) {
	t.Helper()
	ctx := context.Background()
	rc, err := w.S.Submit(ctx, ident.Nobody(ident.Web), in)
	if err != nil {
		t.Fatal(err)
	}
	who := w.Ana
	r, err := w.S.Get(ctx, who, rc.ID)
	if fault.Is(err, fault.NotFound) {
		r, err = w.S.Get(ctx, w.Vesna, rc.ID)
	}
	if err != nil {
		t.Fatal(err)
	}
	return rc, r
}

// Cases stands in for the room of cases, whose package is above this one: it counts
// links as that room would.
type Cases struct {
	mu     sync.Mutex
	Next   int64
	Linked map[int64]map[int64]bool // case → reports
	Seeds  []intake.CaseSeed
	Closed map[int64]bool // those that are not worked on any more
}

// OpenFromReportTx opens a case.
func (c *Cases) OpenFromReportTx(_ context.Context, _ *store.Tx, _ ident.Actor, seed intake.CaseSeed) (int64, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Next++
	c.Seeds = append(c.Seeds, seed)
	c.link(c.Next, seed.Report)
	return c.Next, fmt.Sprintf("S-2026-%06d", c.Next), nil
}

func (c *Cases) link(id, report int64) {
	if c.Linked == nil {
		c.Linked = map[int64]map[int64]bool{}
	}
	if c.Linked[id] == nil {
		c.Linked[id] = map[int64]bool{}
	}
	c.Linked[id][report] = true
}

// LinkReportTx links a report to a case of this double.
func (c *Cases) LinkReportTx(_ context.Context, _ *store.Tx, _ ident.Actor, number string, seed intake.CaseSeed) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var id int64
	if _, err := fmt.Sscanf(number, "S-2026-%06d", &id); err != nil || id < 1 || id > c.Next {
		return 0, fault.New(fault.NotFound, "no case")
	}
	c.link(id, seed.Report)
	return id, nil
}

// UnlinkReportTx takes a link back.
func (c *Cases) UnlinkReportTx(_ context.Context, _ *store.Tx, _ ident.Actor, caseID, report int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.Linked[caseID], report)
	return nil
}

// OpenTx tells that a case is worked on until it stands in Closed.
func (c *Cases) OpenTx(_ context.Context, _ *store.Tx, _ ident.Actor, caseID int64) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.Closed[caseID], nil
}

// Of lists the cases that a report is linked to.
func (c *Cases) Of(report int64) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.Linked {
		if l[report] {
			n++
		}
	}
	return n
}
