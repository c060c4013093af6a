package openpgp_test

import (
	"bytes"
	"compress/flate"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	pgp "github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"straza/internal/format/openpgp"
)

// correspondent is somebody outside with a key of the library's own making.
func correspondent(t testing.TB, conf *packet.Config) (*pgp.Entity, *openpgp.Cert) {
	t.Helper()
	if conf == nil {
		conf = &packet.Config{}
	}
	if conf.Time == nil {
		conf.Time = func() time.Time { return now.Add(-time.Hour) }
	}
	if conf.Algorithm == 0 {
		conf.Algorithm = packet.PubKeyAlgoEdDSA
	}
	e, err := pgp.NewEntity("Ана", "", "ana@banka.example", conf)
	must(t, err)
	return e, certOf(t, e)
}

func certOf(t testing.TB, e *pgp.Entity) *openpgp.Cert { t.Helper(); return read(t, armored(t, e)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func own(t testing.TB, name string) *openpgp.Secret {
	t.Helper()
	s, err := openpgp.NewSecret(openpgp.Owner{Name: name, Email: "cert@cert.example"}, now.Add(-time.Hour), rand.Reader)
	must(t, err)
	return s
}

func entityOf(t testing.TB, s *openpgp.Secret) *pgp.Entity {
	t.Helper()
	c, err := s.Cert()
	must(t, err)
	list, err := pgp.ReadArmoredKeyRing(strings.NewReader(c.Armored))
	must(t, err)
	return list[0]
}

var atNow = &packet.Config{Time: func() time.Time { return now }}

// written encrypts a text to a key, signed or not.
func written(t testing.TB, to *pgp.Entity, by *pgp.Entity, text string, conf *packet.Config) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := pgp.Encrypt(&b, []*pgp.Entity{to}, by, nil, conf)
	must(t, err)
	_, err = io.WriteString(w, text)
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

// literal is a literal packet of old form, by hand.
func literal(text string) []byte {
	body := append([]byte{'b', 0, 0, 0, 0, 0}, text...)
	return append([]byte{0xac + 2, 0, 0, byte(len(body) >> 8), byte(len(body))}, body...)
}

// TestOpen: what is written to any key of ours opens, of whatever age; what is to others,
// was changed on the way, holds two texts, unfolds without end or lacks protection against
// changes does not, with the reason.
func TestOpen(t *testing.T) {
	t.Parallel()
	older, newer, stranger := own(t, "пре"), own(t, "сада"), own(t, "туђ")
	keys := []*openpgp.Secret{newer, older}
	ana, _ := correspondent(t, nil)
	for name, to := range map[string]*openpgp.Secret{"the new key": newer, "the one before": older} {
		m, err := openpgp.Open(written(t, entityOf(t, to), nil, "текст", atNow), keys, 1000)
		if err != nil || string(m.Data) != "текст" || !m.Encrypted || len(m.Signatures) != 0 {
			t.Errorf("%s: %+v %v", name, m, err)
		}
	}
	sealed := written(t, entityOf(t, newer), ana, "текст", atNow)
	changed := bytes.Clone(sealed)
	changed[len(changed)-30] ^= 1
	var bomb bytes.Buffer
	w, err := flate.NewWriter(&bomb, 9)
	must(t, err)
	_, err = w.Write(append([]byte{0xac + 3}, append([]byte{'b', 0, 0, 0, 0, 0}, make([]byte, 4<<20)...)...))
	must(t, err)
	must(t, w.Close())
	deep := literal("x")
	for range 3 {
		deep = append([]byte{0xa3, 0}, deep...) // compressed, by the algorithm that does nothing
	}
	many := []byte{}
	for range 5 {
		many = append(many, 0x90+0, 13, 3, 0, 8, 22, 1, 2, 3, 4, 5, 6, 7, 8, 0)
	}
	for name, c := range map[string]struct {
		message []byte
		want    error
	}{
		"to somebody else":          {written(t, entityOf(t, stranger), nil, "x", atNow), openpgp.ErrLocked},
		"changed":                   {changed, openpgp.ErrMessage},
		"cut off":                   {sealed[:len(sealed)-5], openpgp.ErrMessage},
		"a text behind it":          {append(bytes.Clone(sealed), literal("y")...), openpgp.ErrMessage},
		"two texts":                 {append(literal("x"), literal("y")...), openpgp.ErrMessage},
		"too long":                  {literal(strings.Repeat("x", 2000)), openpgp.ErrLong},
		"a bomb":                    {append([]byte{0xa3, 1}, bomb.Bytes()...), openpgp.ErrLong},
		"layers without end":        {deep, openpgp.ErrMessage},
		"signatures without end":    {append(many, literal("x")...), openpgp.ErrMessage},
		"without protection":        {append([]byte{0xa4 + 1, 0, 20}, make([]byte, 20)...), openpgp.ErrMessage},
		"nothing":                   {nil, openpgp.ErrMessage},
		"the armour of a signature": {[]byte("-----BEGIN PGP SIGNATURE-----\n\naaaa\n-----END PGP SIGNATURE-----"), openpgp.ErrMessage},
	} {
		if m, err := openpgp.Open(c.message, keys, 1000); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v %v", name, m, err)
		}
	}
}

// TestVerdict: a letter's signature is good only by a key of the sender's that may sign
// now, over these bytes; each other case has its own word.
func TestVerdict(t *testing.T) {
	t.Parallel()
	ana, anas := correspondent(t, nil)
	mila, milas := correspondent(t, nil)
	lapsed, lapsedCert := correspondent(t, &packet.Config{KeyLifetimeSecs: 1800})
	revoked, _ := correspondent(t, nil)
	weak, weakCert := correspondent(t, &packet.Config{Algorithm: packet.PubKeyAlgoRSA, RSABits: 1024})
	when := &packet.Config{Time: func() time.Time { return now.Add(-40 * time.Minute) }, RejectPublicKeyAlgorithms: map[packet.PublicKeyAlgorithm]bool{}}
	detached := func(e *pgp.Entity, text string, asText bool) []byte {
		t.Helper()
		var b bytes.Buffer
		sign := pgp.DetachSign
		if asText {
			sign = pgp.DetachSignText
		}
		must(t, sign(&b, e, strings.NewReader(text), when))
		return b.Bytes()
	}
	before := detached(revoked, "а", false)
	must(t, revoked.RevokeKey(packet.KeyCompromised, "lost", atNow))
	both := append(detached(mila, "а\r\nб", false), detached(ana, "а\r\nб", false)...)
	for name, c := range map[string]struct {
		signature []byte
		text      string
		sender    *openpgp.Cert
		word, key string
	}{
		"good":               {detached(ana, "а\r\nб", false), "а\r\nб", anas, openpgp.Good, anas.Fingerprint},
		"of text type":       {detached(ana, "а\nб", true), "а\r\nб", anas, openpgp.Good, anas.Fingerprint},
		"another's key":      {detached(mila, "а", false), "а", anas, openpgp.Unknown, milas.Fingerprint},
		"nobody is known":    {detached(ana, "а", false), "а", nil, openpgp.Unknown, anas.Fingerprint},
		"another text":       {detached(ana, "а", false), "б", anas, openpgp.Bad, anas.Fingerprint},
		"expired":            {detached(lapsed, "а", false), "а", lapsedCert, openpgp.Expired, lapsedCert.Fingerprint},
		"expired and forged": {detached(lapsed, "а", false), "б", lapsedCert, openpgp.Bad, lapsedCert.Fingerprint},
		"revoked":            {before, "а", certOf(t, revoked), openpgp.Revoked, certOf(t, revoked).Fingerprint},
		"weak":               {detached(weak, "а", false), "а", weakCert, openpgp.Unfit, weakCert.Fingerprint},
		"one of two":         {both, "а\r\nб", anas, openpgp.Good, anas.Fingerprint},
		"five":               {bytes.Repeat(detached(ana, "а", false), 5), "а", anas, openpgp.Bad, ""},
		"junk":               {[]byte("junk"), "а", anas, openpgp.Bad, ""},
		"nothing":            {nil, "а", anas, openpgp.Bad, ""},
	} {
		var sender []*openpgp.Cert
		if c.sender != nil {
			sender = append(sender, c.sender)
		}
		v := openpgp.ReadSignatures(c.signature, []byte(c.text)).By(sender, now)
		if v.Word != c.word || v.Key != c.key {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if v := openpgp.Signatures(nil).By([]*openpgp.Cert{anas}, now); v.Word != openpgp.Unsigned {
		t.Errorf("none: %+v", v)
	}
	office := own(t, "ЦЕРТ")
	m, err := openpgp.Open(written(t, entityOf(t, office), ana, "а", when), []*openpgp.Secret{office}, 100)
	must(t, err)
	if v := m.Signatures.By([]*openpgp.Cert{milas, anas}, now); v.Word != openpgp.Good || v.Key != anas.Fingerprint || !v.Made.Equal(when.Time().Truncate(time.Second)) {
		t.Errorf("encrypted and signed in one: %+v", v)
	}
}

// TestReadClear: only what was signed is told as signed, and what stands around it stays
// around it.
func TestReadClear(t *testing.T) {
	t.Parallel()
	ana, anas := correspondent(t, nil)
	var b strings.Builder
	w, err := clearsign.Encode(&b, ana.PrivateKey, atNow)
	must(t, err)
	_, err = io.WriteString(w, "- прва\nдруга\n")
	must(t, err)
	must(t, w.Close())
	for name, c := range map[string]struct {
		text                string
		found               bool
		before, said, after string
		word                string
	}{
		"alone":    {b.String(), true, "", "- прва\nдруга", "", openpgp.Good},
		"within":   {"пре\n" + b.String() + "\nпосле", true, "пре\n", "- прва\nдруга", "после", openpgp.Good},
		"changed":  {strings.Replace(b.String(), "друга", "трећа", 1), true, "", "- прва\nтрећа", "", openpgp.Bad},
		"quoted":   {"> " + b.String(), false, "", "", "", ""},
		"none":     {"ништа", false, "", "", "", ""},
		"headless": {"-----BEGIN PGP SIGNED MESSAGE-----\n", false, "", "", "", ""},
		"endless":  {strings.Replace(b.String(), "-----END", "", 1), false, "", "", "", ""},
		"empty":    {"-----BEGIN PGP SIGNED MESSAGE-----\n\n-----BEGIN PGP SIGNATURE-----", false, "", "", "", ""},
		"a header": {strings.Replace(b.String(), "Hash:", "Пошаљите:", 1), false, "", "", "", ""},
	} {
		got, found := openpgp.ReadClear(c.text)
		v := got.Signatures.By([]*openpgp.Cert{anas}, now)
		if found != c.found || found && (got.Before != c.before || strings.TrimSpace(got.Text) != c.said || strings.TrimSpace(got.After) != c.after || v.Word != c.word) {
			t.Errorf("%s: %v %+v %+v", name, found, got, v)
		}
	}
}

func FuzzOpen(f *testing.F) {
	office := own(f, "ЦЕРТ")
	ana, anas := correspondent(f, nil)
	f.Add(written(f, entityOf(f, office), ana, "текст", atNow))
	f.Add(append([]byte{0xa3, 0}, literal("x")...))
	f.Add(literal("x"))
	var b bytes.Buffer
	must(f, pgp.DetachSign(&b, ana, strings.NewReader("x"), atNow))
	f.Add(append(b.Bytes(), literal("x")...))
	f.Fuzz(func(t *testing.T, message []byte) {
		m, err := openpgp.Open(message, []*openpgp.Secret{office}, 4096)
		var why openpgp.Error
		switch {
		case err != nil && !errors.As(err, &why):
			t.Errorf("a fault without a word: %v", err)
		case err == nil && len(m.Data) > 4096:
			t.Errorf("%d bytes", len(m.Data))
		case err == nil:
			m.Signatures.By([]*openpgp.Cert{anas}, now)
		}
		openpgp.ReadSignatures(message, message).By([]*openpgp.Cert{anas}, now)
		openpgp.ReadClear(string(message))
	})
}
