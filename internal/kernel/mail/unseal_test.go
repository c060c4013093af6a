package mail_test

import (
	"bytes"
	"strings"
	"testing"

	pgp "github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"straza/internal/format/openpgp"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/mail"
	"straza/internal/testkit"
)

func ownKey(t testing.TB) (*openpgp.Secret, *openpgp.Cert) {
	t.Helper()
	s, err := openpgp.NewSecret(openpgp.Owner{Name: "ЦЕРТ", Email: "straza@cert.example"}, clock.System().Now().Add(-1e9), clock.System())
	must(t, err)
	c, err := s.Cert()
	must(t, err)
	return s, c
}

func sealedFor(t testing.TB, c *openpgp.Cert, text string) string {
	t.Helper()
	var b strings.Builder
	a, err := armor.Encode(&b, "PGP MESSAGE", nil)
	must(t, err)
	w, err := openpgp.Seal(a, c, nil, clock.System().Now(), clock.System())
	must(t, err)
	_, err = w.Write([]byte(text))
	must(t, err)
	must(t, w.Close())
	must(t, a.Close())
	return b.String()
}

const mimeHead = "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\nContent-Type: application/octet-stream\r\n\r\n"

func parsed(t testing.TB, letter string) mail.Received {
	t.Helper()
	r, err := mail.Parse(strings.NewReader("From: <ana@banka.example>\r\nSubject: ...\r\n" + letter))
	must(t, err)
	return r
}

// TestUnseal: the subject inside counts; layers and parts are bounded; a letter with more
// of them, or that cannot be opened, is kept whole; one without OpenPGP stays as it is.
func TestUnseal(t *testing.T) {
	t.Parallel()
	own, cert := ownKey(t)
	keys := []*openpgp.Secret{own}
	wrap := func(inner string) string { return mimeHead + sealedFor(t, cert, inner) + "\r\n--b--\r\n" }
	inside := "Subject: =?utf-8?q?=C5=BD?=\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: text/plain\r\n\r\nRed\r\n--m\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nx\r\n--m--\r\n"
	got := parsed(t, wrap(inside)).Unseal(keys)
	if got.Seal.State != mail.Opened || got.Subject != "Ž" || got.Text != "Red" || len(got.Files) != 1 || got.Files[0].Name != "a.txt" || got.Header != "ana@banka.example" {
		t.Errorf("%+v", got)
	}
	deep := inside
	for range 4 {
		deep = wrap(deep)
	}
	for name, c := range map[string]struct{ letter, state string }{
		"layers":    {deep, mail.Damaged},
		"parts":     {wrap("Content-Type: multipart/mixed; boundary=m\r\n\r\n" + strings.Repeat("--m\r\n\r\nx\r\n", 200) + "--m--\r\n"), mail.Damaged},
		"one part":  {"Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n", mail.Damaged},
		"without a": {mimeHead + "--b--\r\n", mail.Damaged},
	} {
		got := parsed(t, c.letter).Unseal(keys)
		if got.Seal.State != c.state || got.Text != "" || len(got.Files) != 1 || !bytes.Contains(got.Files[0].Data, []byte(c.letter)) {
			t.Errorf("%s: %+v", name, got.Seal)
		}
	}
	if got := parsed(t, "Content-Type: text/plain\r\n\r\nRed\r\n").Unseal(keys); got.Seal.State != "" || got.Text != "Red\r\n" {
		t.Errorf("%+v", got)
	}
}

func FuzzUnseal(f *testing.F) {
	own, cert := ownKey(f)
	e := made(f, testkit.AsOf, 0, 0)
	var b bytes.Buffer
	must(f, pgp.ArmoredDetachSignText(&b, e, strings.NewReader("\r\nx"), nil))
	f.Add(mimeHead + sealedFor(f, cert, "\r\nx") + "\r\n--b--\r\n")
	f.Add("\r\n" + sealedFor(f, cert, "x"))
	f.Add("Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n\r\n" + b.String() + "\r\n--b--\r\n")
	f.Add("\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA512\r\n\r\nx\r\n" + b.String())
	sender, err := openpgp.Read(public(f, e))
	must(f, err)
	f.Fuzz(func(t *testing.T, letter string) {
		in, err := mail.Parse(strings.NewReader(letter))
		if err != nil {
			return
		}
		out := in.Unseal([]*openpgp.Secret{own})
		out.Seal.Signatures.By([]*openpgp.Cert{sender}, testkit.AsOf)
		whole, ok := in.Whole()
		lost := out.Seal.State != "" && out.Seal.State != mail.Opened && out.Text != in.Text && (len(out.Files) != 1 || !bytes.Equal(out.Files[0].Data, whole.Data))
		if lost || ok && string(whole.Data) != letter {
			t.Errorf("something of the letter is lost: %+v", out)
		}
	})
}
