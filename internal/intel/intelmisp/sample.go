package intelmisp

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
	"straza/internal/intel"
)

// incoming lets a document pass through, puts malware samples that came bare into
// the archive in which they travel, and holds the end of each event back until
// what follows it has been read: an event is stored at its end, and must not be
// when rubbish behind it gets the request refused.
func incoming(src intel.Source) intel.Source {
	return func(fn func(misp.Item) error) error {
		var end *misp.Item
		err := src(func(it misp.Item) error {
			if end != nil {
				last := *end
				end = nil
				if err := fn(last); err != nil {
					return err
				}
			}
			if it.Kind == misp.ItemEnd {
				end = &it
				return nil
			}
			if it.Attribute != nil {
				seal(it.Attribute)
			}
			if it.Object != nil {
				for i := range it.Object.Attribute {
					seal(&it.Object.Attribute[i])
				}
			}
			return fn(it)
		})
		if err != nil || end == nil {
			return err
		}
		return fn(*end)
	}
}

// zipEpoch is when entries say they were made: the format's own beginning, since
// a sample's time is nobody's business.
var zipEpoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// seal zips a sample under the password "infected", beside its own name, and
// makes the value filename|md5. What is such an archive already stays as it is;
// what cannot be read is left for the value rules to refuse.
func seal(a *misp.Attribute) {
	if a.Type.V != "malware-sample" || a.Data.Or("") == "" {
		return
	}
	raw, err := base64.StdEncoding.DecodeString(strings.NewReplacer("\r", "", "\n", "", " ", "").Replace(a.Data.V))
	if err != nil || !a.Encrypt.Or(false) && isSealed(raw) {
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

// isSealed tells whether a file is an archive whose entries are encrypted.
func isSealed(b []byte) bool {
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	return err == nil && len(z.File) > 0 && z.File[0].Flags&1 != 0
}
