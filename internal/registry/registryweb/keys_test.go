package registryweb_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"straza/internal/format/openpgp"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestKeyFromAFile: a key is pasted or comes as the file that a program wrote, in armour
// or not; a file that holds none, or too much, is refused with the reason.
func TestKeyFromAFile(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		made := func(name string) (armoured, plain []byte, fingerprint string) {
			t.Helper()
			s, err := openpgp.NewSecret(openpgp.Owner{Name: name}, db.Clock.Now().Add(-time.Hour), db.Clock)
			must(t, err)
			c, err := s.Cert()
			must(t, err)
			block, err := armor.Decode(bytes.NewReader([]byte(c.Armored)))
			must(t, err)
			plain, err = io.ReadAll(block.Body)
			must(t, err)
			return []byte(c.Armored), plain, openpgp.Spaced(c.Fingerprint)
		}
		send := func(address, pasted string, file []byte) (int, string) {
			t.Helper()
			var b bytes.Buffer
			m := multipart.NewWriter(&b)
			must(t, m.WriteField("address", address))
			must(t, m.WriteField("key", pasted))
			part, err := m.CreateFormFile("file", "kljuc.gpg")
			must(t, err)
			_, err = part.Write(file)
			must(t, err)
			must(t, m.Close())
			rec := v.Browse("lead", "POST", "/console/keys", m.FormDataContentType(), &b)
			return rec.Code, rec.Body.String()
		}
		armoured, _, first := made("Прва")
		_, plain, second := made("Друга")
		third, _, pasted := made("Трећа")
		for _, c := range []struct {
			address, pasted string
			file            []byte
			code            int
			says            string
		}{
			{"a@banka.example", "", armoured, 303, first},
			{"b@banka.example", string(third), plain, 303, second}, // the file counts
			{"c@banka.example", string(third), nil, 303, pasted},
			{"d@banka.example", "", []byte("ništa"), 422, "mail.key.none"},
			{"d@banka.example", "", bytes.Repeat([]byte("x"), 100_000), 422, "mail.key.long"},
			{"d@banka.example", "", append(bytes.Clone(plain), plain...), 422, "mail.key.many"},
		} {
			code, page := send(c.address, c.pasted, c.file)
			if code == 303 {
				page = v.Shows("lead", "/console/keys", 200)
			}
			if code != c.code || !bytes.Contains([]byte(page), []byte(c.says)) {
				t.Errorf("%s: %d, without %q", c.address, code, c.says)
			}
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
