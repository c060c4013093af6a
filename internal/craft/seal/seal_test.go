package seal_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"straza/internal/craft/seal"
	"straza/internal/format/openpgp"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The key is made once, however many nodes begin, and never by who reads; its secret half does not stand in the clear; after
// a rotation the older one signs for who lists only that; only who may has texts signed.
func TestOffice(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		office := seal.New(seal.Deps{DB: db, Audit: testkit.Audit(db), Vault: testkit.Vault(t), Owner: func() openpgp.Owner {
			return openpgp.Owner{Name: "ЦЕРТ (<проба>)", Email: "cert@cert.example"}
		}})
		nobody := ident.Nobody(ident.Web)
		may := func(perm string) ident.Actor {
			return ident.Actor{Kind: ident.Person, Person: 1, Name: "ana", Perms: map[string]bool{perm: true}}
		}
		if none, err := office.Keys(ctx, nobody); err != nil || len(none) != 0 {
			t.Fatalf("reading made a key: %+v %v", none, err)
		}
		if _, err := office.Document(ctx, nil, func(io.Writer) error { return nil }); !fault.Is(err, fault.Unavailable) {
			t.Errorf("signed without a key: %v", err)
		}
		if err := office.Begin(ctx, nobody); !fault.Is(err, fault.Denied) {
			t.Errorf("made by anybody: %v", err)
		}
		nodes := make(chan error)
		for range 4 {
			go func() { nodes <- office.Begin(ctx, ident.SystemPart("seal")) }()
		}
		for range 4 {
			must(t, <-nodes)
		}
		first, err := office.Keys(ctx, nobody)
		must(t, err)
		if len(first) != 1 {
			t.Fatalf("%+v", first)
		}
		c, err := openpgp.Read(first[0].Armored)
		must(t, err)
		if c.Names[0] != "ЦЕРТ проба <cert@cert.example>" {
			t.Errorf("%q", c.Names)
		}
		must(t, db.View(ctx, func(tx *store.Tx) error {
			var secret []byte
			_, err := tx.Row(ctx, "SELECT secret FROM seal_key", nil, &secret)
			if _, bad := openpgp.ReadSecret(secret); bad == nil || bytes.Contains(secret, []byte("cert@cert.example")) {
				t.Error("the secret half stands in the clear")
			}
			return err
		}))
		if err := office.Rotate(ctx, may("admin.people")); !fault.Is(err, fault.Denied) {
			t.Errorf("rotated by anybody: %v", err)
		}
		must(t, office.Rotate(ctx, may("admin.settings")))
		keys, err := office.Keys(ctx, nobody)
		must(t, err)
		if len(keys) != 2 || keys[0].Retired != 0 || keys[1].Fingerprint != first[0].Fingerprint || keys[1].Retired == 0 {
			t.Fatalf("%+v", keys)
		}
		for _, k := range keys {
			text := "a text"
			d, err := office.Document(ctx, []string{k.Fingerprint}, func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
			must(t, err)
			var b strings.Builder
			must(t, d.Send(&b))
			if b.String() != text || d.Signature == "" {
				t.Errorf("%q", b.String())
			}
			text = "another"
			if err := d.Send(io.Discard); !fault.Is(err, fault.Unavailable) {
				t.Errorf("what changed meanwhile: %v", err)
			}
		}
		if ok, err := office.Has(ctx, nobody, []string{first[0].Fingerprint}); err != nil || !ok {
			t.Errorf("%v %v", ok, err)
		}
		if _, err := office.Sign(ctx, may("misp.sync"), []byte("x")); !fault.Is(err, fault.Denied) {
			t.Errorf("signed for anybody: %v", err)
		}
		readonly := may("misp.server_sign")
		readonly.ReadOnly = true
		if _, err := office.Sign(ctx, readonly, []byte("x")); !fault.Is(err, fault.Denied) {
			t.Errorf("signed for a read-only key: %v", err)
		}
		if _, err := office.Sign(ctx, may("misp.server_sign"), make([]byte, seal.SignBytes+1)); !fault.Is(err, fault.Invalid) {
			t.Errorf("signed at any length: %v", err)
		}
		b, err := office.Sign(ctx, may("misp.server_sign"), []byte("x"))
		must(t, err)
		check, err := openpgp.NewCheck(b)
		must(t, err)
		_, _ = check.Write([]byte("x"))
		now, err := openpgp.Read(keys[0].Armored)
		must(t, err)
		if _, err := check.By([]*openpgp.Cert{now}, db.Clock.Now()); err != nil {
			t.Error(err)
		}
	})
}
