package openpgp_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	pgp "github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"straza/internal/format/openpgp"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// made is somebody's key of an hour ago, valid for a while; 0 = for ever.
func made(t testing.TB, valid time.Duration) *pgp.Entity {
	t.Helper()
	e, err := pgp.NewEntity("Ана", "", "ana@cert.example", &packet.Config{Time: func() time.Time { return now.Add(-time.Hour) }, Algorithm: packet.PubKeyAlgoEdDSA, KeyLifetimeSecs: uint32(valid.Seconds())})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func armored(t testing.TB, e *pgp.Entity) string {
	t.Helper()
	var b strings.Builder
	w, err := armor.Encode(&b, pgp.PublicKeyType, nil)
	if err == nil {
		err = errors.Join(e.Serialize(w), w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// signature of a text, made a minute after the key; in armour or not.
func signature(t testing.TB, e *pgp.Entity, text string, inArmour bool) []byte {
	t.Helper()
	var b bytes.Buffer
	sign, conf := pgp.DetachSign, &packet.Config{Time: func() time.Time { return now.Add(-59 * time.Minute) }}
	if inArmour {
		sign = pgp.ArmoredDetachSign
	}
	if err := sign(&b, e, strings.NewReader(text), conf); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func read(t testing.TB, text string) *openpgp.Cert {
	t.Helper()
	c, err := openpgp.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Whose signature counts, and why one does not.
func TestSignatures(t *testing.T) {
	t.Parallel()
	good, other, short, gone := made(t, 0), made(t, 0), made(t, 30*time.Minute), made(t, 0)
	before := map[bool][]byte{false: signature(t, gone, "text", false), true: signature(t, gone, "text", true)} // it was revoked
	if err := gone.RevokeKey(packet.KeyCompromised, "lost", &packet.Config{Time: func() time.Time { return now.Add(-time.Minute) }}); err != nil {
		t.Fatal(err)
	}
	certs := []*openpgp.Cert{read(t, armored(t, other)), read(t, armored(t, good)), read(t, armored(t, short)), read(t, armored(t, gone))}
	for _, x := range []struct {
		what string
		by   *pgp.Entity
		text string
		list []*openpgp.Cert
		want error
	}{
		{"good", good, "text", certs, nil},
		{"other bytes", good, "texts", certs, openpgp.ErrForged},
		{"not listed", good, "text", certs[:1], openpgp.ErrStranger},
		{"expired", short, "text", certs, openpgp.ErrExpired},
		{"revoked", gone, "text", certs, openpgp.ErrRevoked},
	} {
		for _, inArmour := range []bool{false, true} {
			sig := before[inArmour]
			if x.by != gone {
				sig = signature(t, x.by, "text", inArmour)
			}
			check, err := openpgp.NewCheck(sig)
			if err != nil {
				t.Fatalf("%s: %v", x.what, err)
			}
			_, _ = check.Write([]byte(x.text))
			for range 2 { // a transaction may run again
				if _, err := check.By(x.list, now); !errors.Is(err, x.want) {
					t.Errorf("%s, in armour %v: %v, want %v", x.what, inArmour, err, x.want)
				}
			}
		}
	}
	two := append(signature(t, good, "text", false), signature(t, other, "text", false)...)
	for what, b := range map[string][]byte{"nothing": nil, "junk": []byte("junk"), "two": two, "huge": bytes.Repeat([]byte{0xc2}, 1<<20), "a key": []byte(armored(t, good))} {
		if _, err := openpgp.NewCheck(b); !errors.Is(err, openpgp.ErrSignature) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A key of our own signs what others verify, and is kept and read back.
func TestOwnKey(t *testing.T) {
	t.Parallel()
	s, err := openpgp.NewSecret(openpgp.Owner{Name: "ЦЕРТ", Email: "cert@cert.example"}, now.Add(-time.Hour), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if s, err = openpgp.ReadSecret(b); err != nil {
		t.Fatal(err)
	}
	c, err := s.Cert()
	if err != nil || c.Names[0] != "ЦЕРТ <cert@cert.example>" {
		t.Fatalf("%+v %v", c, err)
	}
	g, err := s.Signing(now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = g.Write([]byte("text"))
	sig, err := g.End()
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgp.ReadArmoredKeyRing(strings.NewReader(c.Armored))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pgp.CheckDetachedSignature(list, strings.NewReader("text"), bytes.NewReader(sig), &packet.Config{Time: func() time.Time { return now }}); err != nil {
		t.Errorf("nobody else verifies it: %v", err)
	}
	for _, fit := range []func(time.Time) (int64, error){c.ForEncryption, c.ForSigning} {
		if until, err := fit(now); err != nil || until != 0 {
			t.Errorf("%d %v", until, err)
		}
	}
	if _, err := openpgp.ReadSecret([]byte("junk")); err == nil {
		t.Error("junk is read as a key")
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	one := armored(t, made(t, 0))
	for want, text := range map[openpgp.Error]string{openpgp.ErrNone: "junk", openpgp.ErrMany: one + one, openpgp.ErrLong: strings.Repeat("x", openpgp.KeyBytes+1)} {
		if _, err := openpgp.Read(text); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	if got := openpgp.Spaced("0011223344"); got != "0011 2233 44" {
		t.Error(got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(armored(f, made(f, 0)))
	f.Fuzz(func(t *testing.T, text string) {
		c, err := openpgp.Read(text)
		if err != nil {
			return
		}
		if again, err := openpgp.Read(c.Armored); err != nil || again.Fingerprint != c.Fingerprint {
			t.Errorf("what is kept does not read: %v", err)
		}
		_, _ = c.ForSigning(now)
		_, _ = c.ForEncryption(now)
	})
}

func FuzzNewCheck(f *testing.F) {
	e := made(f, 0)
	f.Add(signature(f, e, "text", false))
	f.Add(signature(f, e, "text", true))
	cert := read(f, armored(f, e))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := openpgp.NewCheck(b)
		if err != nil {
			return
		}
		_, _ = c.Write([]byte("other"))
		if _, err := c.By([]*openpgp.Cert{cert}, now); err == nil {
			t.Error("other bytes are taken as signed")
		}
	})
}
