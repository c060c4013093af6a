package mail

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/textproto"
	"strings"
	"time"

	gomessage "github.com/emersion/go-message"
	gomail "github.com/wneessen/go-mail"

	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"straza/internal/format/openpgp"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
)

// Key is somebody's OpenPGP certificate (RFC 9580), fit to encrypt letters to.
type Key struct {
	Fingerprint string   // hexadecimal, upper case
	Names       []string // of its user ids, ascending
	Expires     int64    // µs; 0 = never
	Armored     string   // the certificate alone, as it is kept
}

// Spaced is the fingerprint in groups of four, as people compare it.
func (k Key) Spaced() string { return openpgp.Spaced(k.Fingerprint) }

// ParseKey reads one certificate in ASCII armour. Faults: Invalid on "key" when there
// is none or more than one, when it is a secret key, when nothing can be encrypted to
// it now (it expired, was revoked, is for signing only), and for an RSA key below 2048.
func ParseKey(text string, now time.Time) (k Key, err error) {
	c, err := openpgp.Read(text)
	if err == nil {
		k = Key{Fingerprint: c.Fingerprint, Names: c.Names, Armored: c.Armored}
		k.Expires, err = c.ForEncryption(now)
	}
	var why openpgp.Error
	if errors.As(err, &why) {
		return Key{}, fault.Field("key", "mail.key."+string(why), "not a key to encrypt to: %s", string(why))
	}
	return k, err
}

// seal makes a letter's text into one OpenPGP message in ASCII armour, its subject
// inside (RFC 3156 §4; the header outside says nothing), signed and encrypted in one
// (§6.2) where the installation has a key.
func seal(k Key, l Letter, now time.Time) ([]byte, error) {
	var inner bytes.Buffer
	var h gomessage.Header
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8", "protected-headers": "v1"})
	h.Set("Content-Transfer-Encoding", "quoted-printable")
	h.Set("Content-Language", l.Lang)
	h.SetText("Subject", l.Subject)
	w, err := gomessage.CreateWriter(&inner, h)
	if err != nil {
		return nil, err
	}
	if _, err = io.WriteString(w, l.Body); err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, err
	}
	to, err := openpgp.Read(k.Armored)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	a, err := armor.Encode(&out, "PGP MESSAGE", nil)
	if err != nil {
		return nil, err
	}
	p, err := openpgp.Seal(a, to, l.by, now, clock.System())
	if err != nil {
		return nil, err
	}
	if _, err = p.Write(inner.Bytes()); err == nil {
		err = errors.Join(p.Close(), a.Close())
	}
	return out.Bytes(), err
}

// sealed puts an OpenPGP message into a letter as RFC 3156 §4 says. The parts are
// written here: go-mail's own form of it (0.8.1) leaves the last boundary out.
func sealed(m *gomail.Msg, message []byte) error {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, part := range []struct{ media, text string }{{"application/pgp-encrypted", "Version: 1\r\n"}, {`application/octet-stream; name="encrypted.asc"`, string(message)}} {
		h := textproto.MIMEHeader{"Content-Type": {part.media}}
		if part.media != "application/pgp-encrypted" {
			h.Set("Content-Disposition", `attachment; filename="encrypted.asc"`)
		}
		p, err := w.CreatePart(h)
		if err == nil {
			_, err = io.WriteString(p, strings.ReplaceAll(strings.ReplaceAll(part.text, "\r\n", "\n"), "\n", "\r\n"))
		}
		if err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	m.SetBodyString(gomail.ContentType(`multipart/encrypted; protocol="application/pgp-encrypted"; boundary=`+w.Boundary()), b.String(),
		gomail.WithPartEncoding(gomail.NoEncoding))
	return nil
}

// expired tells whether nothing may be encrypted to the key any more.
func (k Key) expired(now int64) bool { return k.Expires > 0 && k.Expires <= now }

// Gone tells whether the key expired before a moment.
func (k Key) Gone(now time.Time) bool { return k.expired(clock.Micros(now)) }
