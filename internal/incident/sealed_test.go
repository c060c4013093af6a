package incident_test

import (
	"bytes"
	"fmt"
	"io"
	"net/smtp"
	"strings"
	"testing"
	"time"

	pgp "github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"straza/internal/craft/thread"
	"straza/internal/format/openpgp"
	"straza/internal/incident/incidenttest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// pen is somebody outside who writes letters with OpenPGP.
type pen struct {
	t    *testing.T
	e    *pgp.Entity
	conf *packet.Config
}

func newPen(t *testing.T, now *clock.Moved) *pen {
	t.Helper()
	e, err := pgp.NewEntity("Дежурни", "", "duty@elektromreza.example", &packet.Config{Time: func() time.Time { return now.Now().Add(-time.Hour) }, Algorithm: packet.PubKeyAlgoEdDSA})
	must(t, err)
	return &pen{t, e, &packet.Config{Time: func() time.Time { return now.Now().Add(-time.Minute) }}}
}

func (p *pen) public() string {
	p.t.Helper()
	var b strings.Builder
	w, err := armor.Encode(&b, pgp.PublicKeyType, nil)
	must(p.t, err)
	must(p.t, p.e.Serialize(w))
	must(p.t, w.Close())
	return b.String()
}

// sealed is a text for a key, in armour, signed by the pen if it has a key.
func (p *pen) sealed(key, text string) string {
	list, err := pgp.ReadArmoredKeyRing(strings.NewReader(key))
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	a, _ := armor.Encode(&b, "PGP MESSAGE", nil)
	w, err := pgp.Encrypt(a, list, p.e, nil, p.conf)
	if err != nil {
		return err.Error()
	}
	_, _ = io.WriteString(w, text)
	_, _ = w.Close(), a.Close()
	return b.String()
}

const mimeText = "Content-Type: text/plain; charset=utf-8\r\n\r\n"

func encrypted(cipher string) string {
	return "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=b1\r\n\r\n--b1\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b1\r\nContent-Type: application/octet-stream\r\n\r\n" + cipher + "\r\n--b1--\r\n"
}

// signed is a letter signed as RFC 3156 §5 says; what leaves is shown.
func (p *pen) signed(part, shown string) string {
	var b bytes.Buffer
	if err := pgp.ArmoredDetachSignText(&b, p.e, strings.NewReader(part), p.conf); err != nil {
		return err.Error()
	}
	return "Content-Type: multipart/signed; micalg=pgp-sha256; protocol=\"application/pgp-signature\"; boundary=b2\r\n\r\n--b2\r\n" + shown +
		"\r\n--b2\r\nContent-Type: application/pgp-signature; name=signature.asc\r\n\r\n" + b.String() + "\r\n--b2--\r\n"
}

func (p *pen) clear(text string) string {
	var b strings.Builder
	w, err := clearsign.Encode(&b, p.e.PrivateKey, p.conf)
	if err != nil {
		return err.Error()
	}
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.String()
}

// TestLettersComeSealed: letters that come encrypted are opened with the installation's
// keys, those before a rotation too; a signature is good only by a key that the CERT keeps
// for the very address the letter comes from. What cannot be opened or is not good is kept
// as it came.
func TestLettersComeSealed(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) { lettersComeSealed(t, db, now) })
}

func lettersComeSealed(t *testing.T, db *store.DB, now *clock.Moved) {
	const duty = "duty@elektromreza.example"
	w := incidenttest.New(t, db)
	n, party := asked(t, w, now)
	sender, other, stranger := newPen(t, now), newPen(t, now), newPen(t, now)
	for address, k := range map[string]*pen{duty: sender, "neko@voda.example": other} {
		_, err := w.Registry.SetLetterKey(ctx, w.Luka, address, k.public())
		must(t, err)
	}
	_, err := w.Registry.SetLetterKey(ctx, w.Petar, duty, stranger.public()) // another CERT's word for it
	must(t, err)
	nobody := ident.Nobody(ident.Web)
	keys, err := w.Seal.Keys(ctx, nobody)
	must(t, err)
	before := keys[0].Armored
	must(t, w.Seal.Rotate(ctx, ident.Actor{Kind: ident.Person, Person: 9, Perms: map[string]bool{"admin.settings": true}}))
	keys, err = w.Seal.Keys(ctx, nobody)
	must(t, err)
	ours := keys[0].Armored
	now.Add(time.Hour)
	long := sender.sealed(ours, mimeText+"цело")
	none := &pen{conf: sender.conf}
	for i, c := range []struct {
		name, from, letter    string
		way, state, signature string
		key                   *pen
		body                  string
		files                 int
	}{
		{"in the clear", duty, mimeText + "Ред", thread.In, "", "", nil, "Ред", 0},
		{"encrypted and signed", duty, encrypted(sender.sealed(ours, mimeText+"Ред")), thread.In, mail.Opened, openpgp.Good, sender, "Ред", 0},
		{"to the key before", duty, encrypted(sender.sealed(before, mimeText+"Ред")), thread.In, mail.Opened, openpgp.Good, sender, "Ред", 0},
		{"signed inside", duty, encrypted(none.sealed(ours, sender.signed(mimeText+"Ред", mimeText+"Ред"))), thread.In, mail.Opened, openpgp.Good, sender, "Ред", 0},
		{"not signed", duty, encrypted(none.sealed(ours, mimeText+"Ред")), thread.In, mail.Opened, "", nil, "Ред", 0},
		{"by a key another CERT keeps", duty, encrypted(stranger.sealed(ours, mimeText+"Ред")), thread.In, mail.Opened, openpgp.Unknown, stranger, "Ред", 1},
		{"by a key kept for another address", duty, encrypted(other.sealed(ours, mimeText+"Ред")), thread.In, mail.Opened, openpgp.Unknown, other, "Ред", 1},
		{"from another address", "neko@zlo.example", encrypted(sender.sealed(ours, mimeText+"Ред")), thread.Quarantine, mail.Opened, openpgp.Unknown, sender, "Ред", 1},
		{"not to us", duty, encrypted(sender.sealed(stranger.public(), mimeText+"Ред")), thread.In, mail.Locked, "", nil, "", 1},
		{"damaged", duty, encrypted(long[:len(long)/2]), thread.In, mail.Damaged, "", nil, "", 1},
		{"signed", duty, sender.signed(mimeText+"Ред \r\nдва", mimeText+"Ред \r\nдва"), thread.In, "", openpgp.Good, sender, "Ред \nдва", 0},
		{"changed", duty, sender.signed(mimeText+"Ред", mimeText+"Рад"), thread.In, "", openpgp.Bad, sender, "Рад", 1},
		{"a part beside it", duty, "Content-Type: multipart/mixed; boundary=b3\r\n\r\n--b3\r\n" + mimeText + "Туђе\r\n--b3\r\n" + sender.signed(mimeText+"Ред", mimeText+"Ред") + "\r\n--b3--\r\n", thread.In, "", "", nil, "Туђе", 1},
		{"inline", duty, mimeText + sender.sealed(ours, "Ред"), thread.In, mail.Opened, openpgp.Good, sender, "Ред", 0},
		{"inline, not to us", duty, mimeText + "Гле:\r\n" + sender.sealed(stranger.public(), "Ред"), thread.In, mail.Locked, "", nil, "Гле:", 0},
		{"in the clear, signed", duty, mimeText + sender.clear("Ред"), thread.In, "", openpgp.Good, sender, "Ред", 0},
		{"something beside it", duty, mimeText + "Пошаљите лозинку.\r\n\r\n" + sender.clear("Ред"), thread.In, "", thread.Partly, sender, "Пошаљите лозинку.", 1},
	} {
		sendRaw(t, w, c.from, fmt.Sprintf("%d@x", i), c.letter)
		_, _, ms, err := w.S.Thread(ctx, w.Ana, n, party)
		must(t, err)
		m := ms[len(ms)-1]
		key := ""
		if c.key != nil {
			key = strings.ToUpper(fmt.Sprintf("%x", c.key.e.PrimaryKey.Fingerprint))
		}
		if len(ms) != i+2 || m.Way != c.way || m.Seal.State != c.state || m.Seal.Signature != c.signature || m.Seal.Key != key || !strings.HasPrefix(m.Body, c.body) || (c.body == "") != (m.Body == "") || len(m.Files) != c.files {
			t.Errorf("%s: %d messages, %q %d files, %+v", c.name, len(ms), m.Body, len(m.Files), m)
		}
		if key != "" && m.Seal.Signed != now.Now().Add(-time.Minute).Truncate(time.Second).UnixMicro() {
			t.Errorf("%s: signed at %d", c.name, m.Seal.Signed)
		}
		if c.state == mail.Locked && c.body == "" { // nothing of it is lost
			r, err := w.Threads.OpenFile(ctx, m.Files[0])
			must(t, err)
			whole, err := io.ReadAll(r)
			if err != nil || !strings.Contains(strings.ReplaceAll(string(whole), "\r\n", "\n"), strings.ReplaceAll(c.letter, "\r\n", "\n")) {
				t.Errorf("%s: %s %v", c.name, whole, err)
			}
		}
	}
	if _, err := w.Seal.Secrets(ctx, w.Root); err == nil {
		t.Error("a person is given the installation's keys")
	}
}

// sendRaw posts a letter with its own MIME header to the thread.
func sendRaw(t *testing.T, w *incidenttest.World, from, id, letter string) {
	t.Helper()
	addr, err := mail.Listen(t.Context(), "127.0.0.1:0", "cert.example", w.Threads)
	must(t, err)
	to := "case+" + tokenOf(t, w) + "@cert.example"
	must(t, smtp.SendMail(addr.String(), nil, from, []string{to}, []byte("From: <"+from+">\r\nTo: <"+to+">\r\nMessage-ID: <"+id+">\r\nMIME-Version: 1.0\r\n"+letter)))
}
