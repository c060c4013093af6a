// Package registrytest builds organisations and people for the tests of other
// rooms: registrytest.Org(t, db, registry.Draft{Name: "Поште"}).
package registrytest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"straza/internal/kernel/access"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/registry"
	"straza/internal/testkit"
)

// Service makes the room over a database, with a test's audit keys.
func Service(t testing.TB, db *store.DB) *registry.Service {
	t.Helper()
	s, err := registry.New(registry.Deps{DB: db, Audit: testkit.Audit(db)})
	if err != nil {
		t.Fatal(err)
	}
	must(t, db.Update(context.Background(), func(tx *store.Tx) error { return access.SeedTx(context.Background(), tx) }))
	return s
}

// Setup is the part of Straža that enters organisations before anybody has an account.
var Setup = ident.SystemPart("setup")

// Org enters an organisation.
func Org(t testing.TB, s *registry.Service, n registry.Draft) registry.Organisation {
	t.Helper()
	o, err := s.Add(context.Background(), Setup, n)
	if err != nil {
		t.Fatalf("entering %q: %v", n.Name, err)
	}
	return o
}

// CERT enters an organisation of kind cert; the first one is the host.
func CERT(t testing.TB, s *registry.Service, name string) registry.Organisation {
	t.Helper()
	return Org(t, s, registry.Draft{Name: name, Kind: registry.KindCERT})
}

// Asking makes the room with letters to contact points, and the post that catches them.
func Asking(t testing.TB, db *store.DB) (*registry.Service, *mail.Post) {
	t.Helper()
	Service(t, db)
	words, err := i18n.NewCatalog(registry.Messages)
	must(t, err)
	post := mail.New(db, nil, "Straža <straza@cert.example>")
	s, err := registry.New(registry.Deps{DB: db, Audit: testkit.Audit(db), Letters: &registry.Letters{Post: post, Tokens: Tokens{}, Text: words,
		Link: func(l i18n.Lang, token string) string {
			return testkit.SiteOrigin + "/" + string(l) + "/contact-points/" + token
		}}})
	must(t, err)
	return s, post
}

// Tokens hashes as a vault would, with a key that everybody knows.
type Tokens struct{}

// TokenHash gives 64 hexadecimal digits.
func (Tokens) TokenHash(kind, token string) string {
	sum := sha256.Sum256([]byte(kind + "|" + token))
	return hex.EncodeToString(sum[:])
}

// Person gives an actor of an organisation with the permissions of a role, as
// kernel/account would resolve it. person is any number not used twice.
func Person(t testing.TB, db *store.DB, person int64, org registry.Organisation, role string) ident.Actor {
	t.Helper()
	ctx := context.Background()
	who := ident.Actor{Kind: ident.Person, Name: fmt.Sprintf("%s %d", role, person), Person: person,
		Org: org.ID, OrgUUID: org.UUID, OrgName: org.Name, Roles: []string{role}, Perms: map[string]bool{}, Channel: ident.Web}
	must(t, db.Update(ctx, func(tx *store.Tx) error {
		r, err := access.RoleTx(ctx, tx, role)
		if err != nil {
			return err
		}
		for _, p := range r.Permissions {
			who.Perms[p] = true
		}
		if err := access.JoinTx(ctx, tx, access.Person(person), access.Org(org.ID)); err != nil {
			return err
		}
		if r.Team {
			who.CERT = org.ID
			if err := access.JoinTx(ctx, tx, access.Person(person), access.Team(org.ID)); err != nil {
				return err
			}
		}
		return nil
	}))
	return Again(t, db, who)
}

// Again resolves an actor's principals anew, as happens after the rights changed.
func Again(t testing.TB, db *store.DB, who ident.Actor) ident.Actor {
	t.Helper()
	ctx := context.Background()
	must(t, db.View(ctx, func(tx *store.Tx) (err error) {
		who.Principals, err = access.ClosureTx(ctx, tx, access.Public(), access.Person(who.Person))
		return err
	}))
	return who
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
