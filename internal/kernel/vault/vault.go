package vault

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options of Open.
type Options struct {
	Create bool             // make the keys when the folder has none: only on an empty database
	Public string           // folder of the unsealing process's public keys, written once; "" = the keys' own
	Rand   io.Reader        // nil means crypto/rand; tests give a fixed source
	Now    func() time.Time // nil means time.Now; only the time in the key file's heading
}

// Vault holds the web node's keys in memory. It is safe for concurrent use and
// has no methods that print a key; %v of it shows nothing.
type Vault struct {
	dir, public string

	made bool
	rand io.Reader
	ring atomic.Pointer[keyring] // replaced whole by Rotate

	mu    sync.RWMutex
	subs  map[string][]byte // derived keys by label: HKDF costs more than the HMAC it feeds
	known Recipients
}

// Open loads the keys of folder dir, or makes them when o.Create allows. Without
// keys it fails with ErrNoKeys; the caller then compares Check with the database.
func Open(dir string, o Options) (*Vault, error) {
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	data, made, err := loadOrCreate(dir, o)
	if err != nil {
		return nil, err
	}
	ring, err := parseKeyring(data)
	if err != nil {
		return nil, err
	}
	if o.Public == "" {
		o.Public = dir
	}
	v := &Vault{dir: dir, public: o.Public, made: made, rand: o.Rand, subs: map[string][]byte{}}
	v.ring.Store(ring)
	if v.known, err = loadRecipients(filepath.Join(o.Public, recipientsFile)); err != nil {
		return nil, err
	}
	return v, nil
}

// String keeps keys out of logs and panics that print the value.
func (v *Vault) String() string { return "vault(" + filepath.Base(v.dir) + ")" }

// GoString is String for %#v.
func (v *Vault) GoString() string { return v.String() }

// Created tells whether Open made the keys just now, so that the caller says so aloud.
func (v *Vault) Created() bool { return v.made }

// Dir is the folder the keys came from.
func (v *Vault) Dir() string { return v.dir }

// KeyCheck is what the database keeps to recognise its keys: one keyed mark per
// key, worthless to who has only the database. Store it anew after Rotate.
func (v *Vault) KeyCheck() string {
	ring := v.ring.Load()
	marks := []string{"fixed.1:" + mark(ring.fixed), "sign.1:" + mark(ring.sign.Seed())}
	for _, n := range ring.versions() {
		marks = append(marks, "field."+strconv.Itoa(int(n))+":"+mark(ring.field[n]))
	}
	return strings.Join(marks, " ")
}

// Check compares the keys with a stored KeyCheck. Every key that the database
// knew must be here and the same; newer ones may have been added.
func (v *Vault) Check(stored string) error {
	have := map[string]bool{}
	for _, m := range strings.Fields(v.KeyCheck()) {
		have[m] = true
	}
	for _, m := range strings.Fields(stored) {
		if !have[m] {
			name, _, _ := strings.Cut(m, ":")
			return fmt.Errorf("%w: key %s differs or is missing", ErrWrongKeys, name)
		}
	}
	if strings.TrimSpace(stored) == "" {
		return fmt.Errorf("%w: the database keeps no key check", ErrWrongKeys)
	}
	return nil
}

func mark(root []byte) string {
	return base64.RawURLEncoding.EncodeToString(derive(root, "key check", 12))
}

// Rotate adds a new version of the field key and writes the folder. From then on
// Seal uses it; Open still reads the older versions; Stale tells which cells to
// seal anew. A read-only folder (systemd's credentials) refuses.
func (v *Vault) Rotate() (version uint32, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	path := filepath.Join(v.dir, keyFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("vault: rotate: %w", err)
	}
	next, err := withNextField(data, v.rand)
	if err != nil {
		return 0, err
	}
	ring, err := parseKeyring(next)
	if err != nil {
		return 0, err
	}
	if err := ReplaceFile(path, next); err != nil {
		return 0, err
	}
	v.ring.Store(ring)
	return ring.newest, nil
}

// derive is HKDF-SHA-256 with a label of ours; n ≤ 8160.
func derive(root []byte, label string, n int) []byte {
	k, err := hkdf.Key(sha256.New, root, nil, "straza/1/"+label, n)
	if err != nil {
		panic("vault: hkdf: " + err.Error()) // only for lengths that no caller in this package asks for
	}
	return k
}

// sub gives the key of a label under the fixed root, kept after the first time.
func (v *Vault) sub(label string) []byte {
	v.mu.RLock()
	k := v.subs[label]
	v.mu.RUnlock()
	if k != nil {
		return k
	}
	k = derive(v.ring.Load().fixed, label, 32)
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.subs) < 4096 { // labels are constants; the bound holds should one ever carry data
		v.subs[label] = k
	}
	return k
}

// join writes parts so that no two lists give the same bytes.
func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return b
}

func hash(key []byte, parts ...[]byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write(join(parts...))
	return m.Sum(nil)
}
