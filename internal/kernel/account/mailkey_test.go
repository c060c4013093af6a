package account_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
)

func armored(t *testing.T, now *clock.Moved) string {
	t.Helper()
	e, err := openpgp.NewEntity("Ana", "", "ana@banka.example", &packet.Config{Time: now.Now, Algorithm: packet.PubKeyAlgoEdDSA})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	w, err := armor.Encode(&b, openpgp.PublicKeyType, nil)
	if err == nil {
		err = e.Serialize(w)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestMailKeyIsOnesOwn: a key counts for its person's address alone, however it is
// written; another takes its place; a bad one changes nothing; an administrator's reset
// and an erasure take it out.
func TestMailKeyIsOnesOwn(t *testing.T) {
	each(t, func(h *house) {
		s, db, now, t := h.Service, h.db, h.now, h.t
		h.add("ana@banka.example", cert, access.Analyst)
		h.add("mila@banka.example", cert, access.Analyst)
		_, token, _ := h.enrol("ana@banka.example")
		_, other, _ := h.enrol("mila@banka.example")
		ana, mila := h.who(token), h.who(other)
		of := func(address string) (k mail.Key, found bool) {
			t.Helper()
			if err := db.View(ctx, func(tx *store.Tx) (err error) { k, found, err = s.MailKeyTx(ctx, tx, address); return err }); err != nil {
				t.Fatal(err)
			}
			return k, found
		}
		first, err := s.SetMailKey(ctx, ana, armored(t, now))
		if err != nil {
			t.Fatal(err)
		}
		k, found, err := s.MailKey(ctx, ana)
		if err != nil || !found || k.Fingerprint != first.Fingerprint || len(k.Names) != 1 || k.Names[0] != "Ana <ana@banka.example>" {
			t.Fatalf("%+v %v", k, err)
		}
		if k, found := of("ANA@Banka.example"); !found || k.Fingerprint != first.Fingerprint || k.Armored == "" {
			t.Errorf("%+v", k)
		}
		for _, other := range []string{"mila@banka.example", "ana@drugi.example", "", "nobody"} {
			if _, found := of(other); found {
				t.Errorf("%q has a key", other)
			}
		}
		if _, err := s.SetMailKey(ctx, ana, "no key"); !fault.Is(err, fault.Invalid) || fault.Of(err).Fields["key"] != "mail.key.none" {
			t.Errorf("%v", err)
		}
		if k, _ := of("ana@banka.example"); k.Fingerprint != first.Fingerprint {
			t.Error("a bad key took the good one's place")
		}
		second, err := s.SetMailKey(ctx, ana, armored(t, now))
		if k, _ := of("ana@banka.example"); err != nil || k.Fingerprint != second.Fingerprint || second.Fingerprint == first.Fingerprint {
			t.Errorf("%+v %v", k, err)
		}
		if err := s.DropMailKey(ctx, mila); err != nil { // none: nothing happens
			t.Error(err)
		}
		if err := s.DropMailKey(ctx, ana); err != nil {
			t.Fatal(err)
		}
		if _, found := of("ana@banka.example"); found {
			t.Error("a key that was taken out still counts")
		}
		now.Add(11 * time.Minute)
		if _, err := s.SetMailKey(ctx, mila, armored(t, now)); !account.NeedsStepUp(err) {
			t.Errorf("a key without a fresh proof: %v", err)
		}
		if _, err := s.SetMailKey(ctx, ident.Nobody(ident.Web), armored(t, now)); err == nil {
			t.Error("somebody who is not logged in has a key")
		}
	})
}
