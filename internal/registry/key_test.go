package registry_test

import (
	"strings"
	"testing"
	"time"

	"straza/internal/format/openpgp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestLetterKeys: each CERT keeps the keys of its own correspondents and sees no others;
// its letters leave under its own keys, then under those kept for all, never under
// another CERT's; a key that cannot be encrypted to is
// refused with the reason.
func TestLetterKeys(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		c := newCountry(t, db)
		s, ana, vesna := c.s, c.analyst, c.other
		var err error
		made := func(name string) string {
			k, err := openpgp.NewSecret(openpgp.Owner{Name: name}, db.Clock.Now().Add(-time.Hour), db.Clock)
			must(t, err)
			c, err := k.Cert()
			must(t, err)
			return c.Armored
		}
		if _, err := s.SetLetterKey(ctx, ident.Actor{Kind: ident.Person, Person: 3}, "a@b.example", made("x")); !fault.Is(err, fault.Denied) {
			t.Errorf("anybody: %v", err)
		}
		for _, bad := range []struct{ address, key, field string }{{"no address", made("x"), "address"}, {"a@b.example", "junk", "key"}, {"a@b.example", made("x") + made("y"), "key"}, {"a@b.example", strings.Repeat("x", 70_000), "key"}} {
			if _, err := s.SetLetterKey(ctx, ana, bad.address, bad.key); fault.Of(err) == nil || fault.Of(err).Fields[bad.field] == "" {
				t.Errorf("%.20s %.20s: %v", bad.address, bad.key, err)
			}
		}
		first, err := s.SetLetterKey(ctx, ana, "Duty@Banka.Example", made("Banka"))
		must(t, err)
		_, err = s.SetLetterKey(ctx, vesna, "duty@banka.example", made("Other"))
		must(t, err)
		if list, err := s.LetterKeys(ctx, vesna); err != nil || len(list) != 1 || list[0].Fingerprint == first.Fingerprint {
			t.Errorf("another CERT's list: %+v %v", list, err)
		}
		under := func(cert int64) (k mail.Key, found bool) {
			must(t, db.View(ctx, func(tx *store.Tx) error {
				k, found, err = s.LetterKeyTx(ctx, tx, ident.SystemPart("postman"), cert, "duty@banka.example")
				return err
			}))
			return k, found
		}
		for _, cert := range []int64{ana.CERT, 0} { // hers is the host
			if k, found := under(cert); !found || k.Fingerprint != first.Fingerprint || k.Names[0] != "Banka" {
				t.Errorf("%d: %+v %v", cert, k, found)
			}
		}
		if k, found := under(vesna.CERT); !found || k.Names[0] != "Other" {
			t.Errorf("another CERT's letters: %+v %v", k, found)
		}
		if _, err := s.DropLetterKey(ctx, vesna, first.UUID); !fault.Is(err, fault.NotFound) {
			t.Errorf("another CERT's key: %v", err)
		}
		_, err = s.DropLetterKey(ctx, ana, first.UUID)
		must(t, err)
		if k, found := under(ana.CERT); found {
			t.Errorf("after it was taken out another CERT's counts: %+v", k)
		}
		_, err = s.SetLetterKey(ctx, ident.Actor{Kind: ident.Operator, Name: "root"}, "duty@banka.example", made("All"))
		must(t, err)
		for cert, name := range map[int64]string{ana.CERT: "All", vesna.CERT: "Other"} {
			if k, found := under(cert); !found || k.Names[0] != name {
				t.Errorf("%d with a key for all: %+v %v", cert, k, found)
			}
		}
		held, err := s.PersonalData(ctx, ident.Actor{Kind: ident.Person, Person: 4, Perms: map[string]bool{"privacy.use": true}}, access.Subject{Email: "duty@banka.example"})
		must(t, err)
		if len(held) != 2 {
			t.Errorf("what is held about the address: %+v", held)
		}
	})
}
