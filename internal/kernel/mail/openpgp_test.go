package mail_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	pgp "github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/emersion/go-message"

	"straza/internal/format/openpgp"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// made is somebody's key pair, valid for a while from a moment on; 0 = for ever.
func made(t testing.TB, at time.Time, valid time.Duration, bits int) *pgp.Entity {
	t.Helper()
	c := &packet.Config{Time: func() time.Time { return at }, KeyLifetimeSecs: uint32(valid.Seconds())}
	if bits > 0 {
		c.RSABits, c.Algorithm = bits, packet.PubKeyAlgoRSA
	} else {
		c.Algorithm = packet.PubKeyAlgoEdDSA
	}
	e, err := pgp.NewEntity("Ана Анић", "", "ana@cert.example", c)
	must(t, err)
	return e
}

// public is its public half in ASCII armour; secret is all of it.
func public(t testing.TB, list ...*pgp.Entity) string {
	t.Helper()
	var b strings.Builder
	w, err := armor.Encode(&b, pgp.PublicKeyType, nil)
	must(t, err)
	for _, e := range list {
		must(t, e.Serialize(w))
	}
	must(t, w.Close())
	return b.String()
}

func secret(t testing.TB, e *pgp.Entity) string {
	t.Helper()
	var b strings.Builder
	w, err := armor.Encode(&b, pgp.PrivateKeyType, nil)
	must(t, err)
	must(t, e.SerializePrivate(w, nil))
	must(t, w.Close())
	return b.String()
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	now := testkit.AsOf
	good := made(t, now.Add(-time.Hour), 48*time.Hour, 0)
	text := public(t, good)
	k, err := mail.ParseKey("  \n"+text+"\n", now)
	if err != nil || len(k.Fingerprint) != 40 || len(k.Names) != 1 || k.Names[0] != "Ана Анић <ana@cert.example>" || k.Expires != now.Add(47*time.Hour).UnixMicro() {
		t.Fatalf("%+v %v", k, err)
	}
	if again, err := mail.ParseKey(k.Armored, now); err != nil || again.Fingerprint != k.Fingerprint {
		t.Errorf("what is kept does not read: %v", err)
	}
	if got := k.Spaced(); len(got) != 49 || got[4] != ' ' {
		t.Error(got)
	}
	revoked := made(t, now.Add(-time.Hour), 0, 0)
	must(t, revoked.RevokeKey(packet.KeyCompromised, "lost", &packet.Config{Time: func() time.Time { return now.Add(-time.Minute) }}))
	for want, text := range map[string]string{
		"none":    "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ\n-----END PGP PUBLIC KEY BLOCK-----",
		"many":    public(t, good) + public(t, made(t, now.Add(-time.Hour), 0, 0)),
		"secret":  secret(t, good),
		"expired": public(t, made(t, now.Add(-time.Hour), 30*time.Minute, 0)),
		"revoked": public(t, revoked),
		"weak":    public(t, made(t, now.Add(-time.Hour), 0, 1024)),
		"long":    strings.Repeat("x", 70_000),
	} {
		if _, err := mail.ParseKey(text, now); !fault.Is(err, fault.Invalid) || fault.Of(err).Fields["key"] != "mail.key."+want {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// ring is one key for one address.
type ring struct {
	address string
	key     *mail.Key
}

func (r ring) MailKeyTx(_ context.Context, _ *store.Tx, _ int64, address string) (mail.Key, bool, error) {
	if address != r.address || r.key == nil {
		return mail.Key{}, false, nil
	}
	return *r.key, true, nil
}

// TestLettersLeaveEncrypted: to who has a key, text and subject leave for that key alone,
// as RFC 3156 says; what is marked secret leaves in no other way.
func TestLettersLeaveEncrypted(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		ctx := context.Background()
		e := made(t, time.Now().Add(-time.Hour), 0, 0)
		k, err := mail.ParseKey(public(t, e), time.Now())
		must(t, err)
		b, r := &box{}, &ring{"ana@cert.example", &k}
		p := mail.New(db, serve(t, b), "straza@cert.example")
		p.Use(r)
		run := jobs.New(db, p.Jobs(), nil)
		must(t, queue(t, db, p, mail.Letter{To: "Ana <Ana@cert.example>", Subject: "Кампања Кошава", Body: "TLP:AMBER, прочитајте.\n.\nкрај", Lang: "sr-Cyrl", Secret: true}))
		must(t, queue(t, db, p, mail.Letter{To: "mila@cert.example", Subject: "Отворено", Body: "писмо", Lang: "sr-Cyrl"}))
		must(t, run.Drain(ctx))
		if len(b.got) != 2 {
			list, _ := p.ListCaught(ctx, 0)
			t.Fatalf("%d letters arrived: %+v", len(b.got), list)
		}
		var got mail.Received
		for _, g := range b.got {
			if g.To[0] == "mila@cert.example" {
				if g.Subject != "Отворено" {
					t.Errorf("%+v", g)
				}
				continue
			}
			got = g
		}
		if got.Subject != "..." || strings.Contains(got.Text, "AMBER") || len(got.Files) != 2 {
			t.Fatalf("%+v", got)
		}
		inner := opened(t, got.Files[1].Data, e)
		subject, _ := inner.Header.Text("Subject")
		text, err := io.ReadAll(inner.Body)
		if err != nil || subject != "Кампања Кошава" || strings.ReplaceAll(string(text), "\r\n", "\n") != "TLP:AMBER, прочитајте.\n.\nкрај" {
			t.Errorf("%q %q %v", subject, text, err)
		}
		var sealed bool
		must(t, db.View(ctx, func(tx *store.Tx) (err error) { sealed, err = p.SealsTx(ctx, tx, 0, "ana@cert.example"); return err }))
		if !sealed {
			t.Error("the sender is not told that letters to Ana leave encrypted")
		}

		// Without the key the secret one does not leave, the other does.
		must(t, queue(t, db, p, mail.Letter{To: "ana@cert.example", Subject: "тајна", Body: "тајна", Lang: "sr-Cyrl", Secret: true}))
		must(t, queue(t, db, p, mail.Letter{To: "ana@cert.example", Subject: "јавно", Body: "јавно", Lang: "sr-Cyrl"}))
		r.key = nil
		must(t, run.Drain(ctx))
		if len(b.got) != 3 || b.got[2].Subject != "јавно" {
			t.Errorf("%d letters, %+v", len(b.got), b.got[len(b.got)-1])
		}
		k.Expires = 1
		r.key = &k
		must(t, db.View(ctx, func(tx *store.Tx) (err error) { sealed, err = p.SealsTx(ctx, tx, 0, "ana@cert.example"); return err }))
		if sealed {
			t.Error("an expired key counts")
		}
		list, err := p.ListCaught(ctx, 0)
		must(t, err)
		states := map[string]string{}
		for _, l := range list {
			states[l.Subject] = l.State + " " + l.Under
		}
		if states["тајна"] != "failed " || states["јавно"] != "sent " || states["Кампања Кошава"] != "sent "+k.Fingerprint {
			t.Errorf("%v", states)
		}
	})
}

// opened decrypts a message and gives the entity within.
func opened(t *testing.T, armored []byte, e *pgp.Entity) *message.Entity {
	t.Helper()
	block, err := armor.Decode(bytes.NewReader(armored))
	must(t, err)
	m, err := pgp.ReadMessage(block.Body, pgp.EntityList{e}, nil, nil)
	must(t, err)
	text, err := io.ReadAll(m.UnverifiedBody)
	must(t, err)
	inner, err := message.Read(bytes.NewReader(text))
	must(t, err)
	return inner
}

// office are the installation's own keys.
type office []*openpgp.Secret

func (o office) Secrets(_ context.Context, who ident.Actor) ([]*openpgp.Secret, error) {
	if who.Kind != ident.System {
		return nil, fault.New(fault.Denied, "%s", who)
	}
	return o, nil
}

// TestGnuPGReadsIt: another implementation, where the machine has it, takes the keys that
// we keep, opens what we send and finds our signature good; and we read what it writes.
func TestGnuPGReadsIt(t *testing.T) {
	t.Parallel()
	gpg, err := exec.LookPath("gpg")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no gpg on this machine (scripts/setup.sh consumers)")
		}
		t.Skip("no gpg on this machine (scripts/setup.sh consumers)")
	}
	home := t.TempDir()
	var status string
	call := func(in []byte, args ...string) []byte {
		t.Helper()
		cmd := exec.Command(gpg, append([]string{"--homedir", home, "--batch", "--quiet", "--trust-model", "always", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
		cmd.Stdin = bytes.NewReader(in)
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("gpg %v: %v\n%s", args, err, said.String())
		}
		status = said.String()
		return out
	}
	t.Cleanup(func() { _ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() })
	call(nil, "--quick-generate-key", "Mila <mila@cert.example>", "default", "default", "1d")
	k, err := mail.ParseKey(string(call(nil, "--armor", "--export", "mila@cert.example")), time.Now())
	if err != nil || k.Names[0] != "Mila <mila@cert.example>" || k.Expires == 0 {
		t.Fatalf("%+v %v", k, err)
	}
	db := testkit.SQLite(t, clock.System())
	b := &box{}
	p := mail.New(db, serve(t, b), "straza@cert.example")
	p.Use(&ring{"mila@cert.example", &k})
	own, cert := ownKey(t)
	p.Sign(office{own})
	call([]byte(cert.Armored), "--import")
	must(t, queue(t, db, p, mail.Letter{To: "mila@cert.example", Subject: "Ж", Body: "Чачак\n", Lang: "sr-Cyrl", Secret: true}))
	must(t, jobs.New(db, p.Jobs(), nil).Drain(context.Background()))
	if len(b.got) != 1 || len(b.got[0].Files) != 2 {
		t.Fatalf("%+v", b.got)
	}
	inner, err := message.Read(bytes.NewReader(call(b.got[0].Files[1].Data, "--status-fd", "2", "--decrypt")))
	must(t, err)
	text, err := io.ReadAll(inner.Body)
	if subject, _ := inner.Header.Text("Subject"); err != nil || subject != "Ж" || strings.TrimSpace(string(text)) != "Чачак" {
		t.Errorf("%q %q %v", subject, text, err)
	}
	if !strings.Contains(status, "GOODSIG ") || !strings.Contains(status, "VALIDSIG "+cert.Fingerprint) {
		t.Errorf("gpg says of our signature: %s", status)
	}
	mila, err := openpgp.Read(k.Armored)
	must(t, err)
	const part = "Content-Type: text/plain; charset=utf-8\r\n\r\nЧачак \r\nи Ужице"
	to := []string{"--armor", "--sign", "--encrypt", "--recipient", "straza@cert.example"}
	for name, letter := range map[string]string{
		"signed and encrypted": mimeHead + string(call([]byte(part), to...)) + "\r\n--b--\r\n",
		"by text":              mimeHead + string(call([]byte(part), append([]string{"--textmode"}, to...)...)) + "\r\n--b--\r\n",
		"signed": "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=b\r\n\r\n--b\r\n" + part + "\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\n" +
			string(call([]byte(part), "--armor", "--textmode", "--detach-sign")) + "\r\n--b--\r\n",
		"inline":       "Content-Type: text/plain; charset=utf-8\r\n\r\n" + string(call([]byte("Чачак \nи Ужице"), to...)),
		"in the clear": "Content-Type: text/plain; charset=utf-8\r\n\r\n" + string(call([]byte("Чачак \nи Ужице\n"), "--clearsign")),
	} {
		got := parsed(t, letter).Unseal([]*openpgp.Secret{own})
		v := got.Seal.Signatures.By([]*openpgp.Cert{mila}, time.Now())
		if v.Word != openpgp.Good || v.Key != k.Fingerprint || got.Seal.Partly || !strings.HasPrefix(got.Text, "Чачак") || !strings.Contains(got.Text, "и Ужице") {
			t.Errorf("%s: %+v %q %+v", name, v, got.Text, got.Seal)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add(public(f, made(f, testkit.AsOf, 0, 0)))
	f.Add("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----")
	f.Fuzz(func(t *testing.T, text string) {
		k, err := mail.ParseKey(text, testkit.AsOf)
		if err == nil && (k.Fingerprint == "" || k.Armored == "") {
			t.Errorf("%+v", k)
		}
	})
}
