package intel

import (
	"archive/zip"
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"io"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/zipcrypto"
)

// zipEpoch is when entries say they were made: the format's own beginning, since
// a sample's time is nobody's business.
var zipEpoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// SealSample zips a sample under the password "infected", beside its own name, and
// makes the value filename|md5. What is such an archive already stays as it is;
// what cannot be read is left for the value rules to refuse.
func SealSample(a *misp.Attribute) {
	if a.Type.V != "malware-sample" || a.Data.Or("") == "" {
		return
	}
	raw, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "", " ", "").Replace(a.Data.V))
	if err != nil || !a.Encrypt.Or(false) && SampleSealed(raw) {
		return
	}
	name, _, _ := strings.Cut(a.Value.V, "|")
	sum := md5.Sum(raw) // MISP names samples by it
	hash := hex.EncodeToString(sum[:])
	var buf bytes.Buffer
	z := zipcrypto.NewWriter(&buf, zipcrypto.Password, rand.Reader)
	for _, f := range []struct {
		name    string
		content []byte
	}{{hash, raw}, {hash + ".filename.txt", []byte(name)}} {
		w, err := z.Create(f.name, zipEpoch)
		if err == nil {
			_, err = io.Copy(w, bytes.NewReader(f.content))
		}
		if err != nil {
			return
		}
	}
	if z.Close() != nil {
		return
	}
	a.Data, a.Value = misp.T(base64.StdEncoding.EncodeToString(buf.Bytes())), misp.T(name+"|"+hash)
}

// SampleSealed tells whether a file is an archive whose entries are encrypted.
func SampleSealed(b []byte) bool {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	return err == nil && len(z.File) > 0 && z.File[0].Flags&1 != 0
}
