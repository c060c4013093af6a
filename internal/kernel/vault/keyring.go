package vault

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// keyFile is the web node's secret; everything else in the folder is public or a token.
const keyFile = "web.keys"

// Holds tells whether a folder has the web node's keys.
func Holds(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, keyFile))
	return err == nil
}

// Kinds of root key. Only field keys have several versions: what they encrypt
// carries its version. A blind index or a code could not be found again under
// another key, so the fixed key stays for the life of the installation.
const (
	kindFixed = "fixed"
	kindField = "field"
	kindSign  = "sign"
)

const rootSize = 32

// Faults of opening a key folder. Both mean exit code 3 to `serve`.
var (
	ErrNoKeys    = errors.New("vault: no keys in this folder")
	ErrWrongKeys = errors.New("vault: these are not the keys of this database")
)

// keyring is the parsed key file.
type keyring struct {
	fixed  []byte
	sign   ed25519.PrivateKey
	field  map[uint32][]byte
	newest uint32
}

// newKeyring draws the three roots of a new installation.
func newKeyring(rand io.Reader, now time.Time) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# Keys of Straža's web node. Whoever holds this file and the database reads every\n" +
		"# encrypted column (sealed reports need the unsealing process as well). Mode 0600;\n" +
		"# `straza backup --keys FILE` is the way to copy it. Created " + now.UTC().Format(time.RFC3339) + ".\n")
	for _, kind := range []string{kindFixed, kindField, kindSign} {
		if err := appendKey(&b, kind, 1, rand); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

func appendKey(b *bytes.Buffer, kind string, version uint32, rand io.Reader) error {
	k := make([]byte, rootSize)
	if _, err := io.ReadFull(rand, k); err != nil {
		return fmt.Errorf("vault: draw %s key: %w", kind, err)
	}
	fmt.Fprintf(b, "%s %d %s\n", kind, version, base64.StdEncoding.EncodeToString(k))
	return nil
}

// parseKeyring reads `kind version base64` lines. An unknown kind is an error:
// it may come from a newer program whose data we would misread.
func parseKeyring(data []byte) (*keyring, error) {
	k := &keyring{field: map[uint32][]byte{}}
	sc := bufio.NewScanner(bytes.NewReader(data))
	for n := 1; sc.Scan(); n++ {
		line := strings.TrimSpace(sc.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		part := strings.Fields(line)
		if len(part) != 3 {
			return nil, fmt.Errorf("vault: %s line %d: want kind, version, key", keyFile, n)
		}
		version, err := strconv.ParseUint(part[1], 10, 32)
		secret, err2 := base64.StdEncoding.DecodeString(part[2])
		if err != nil || err2 != nil || len(secret) != rootSize || version == 0 {
			return nil, fmt.Errorf("vault: %s line %d: damaged", keyFile, n)
		}
		if err := k.add(part[0], uint32(version), secret); err != nil {
			return nil, fmt.Errorf("vault: %s line %d: %w", keyFile, n, err)
		}
	}
	if k.fixed == nil || k.sign == nil || k.newest == 0 {
		return nil, fmt.Errorf("vault: %s: incomplete", keyFile)
	}
	return k, sc.Err()
}

func (k *keyring) add(kind string, version uint32, secret []byte) error {
	switch {
	case kind == kindFixed && k.fixed == nil && version == 1:
		k.fixed = secret
	case kind == kindSign && k.sign == nil && version == 1:
		k.sign = ed25519.NewKeyFromSeed(secret)
	case kind == kindField && k.field[version] == nil:
		k.field[version] = secret
		k.newest = max(k.newest, version)
	default:
		return fmt.Errorf("unexpected key %q version %d", kind, version)
	}
	return nil
}

func (k *keyring) versions() []uint32 {
	v := make([]uint32, 0, len(k.field))
	for n := range k.field {
		v = append(v, n)
	}
	slices.Sort(v)
	return v
}

// loadOrCreate reads the key file, or makes it when create allows. Two processes
// that start at once agree on one set: the file appears by link(2), which fails
// for the second.
func loadOrCreate(dir string, o Options) (data []byte, made bool, err error) {
	path := filepath.Join(dir, keyFile)
	data, err = os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return nil, false, fmt.Errorf("vault: read keys: %w", err)
		}
		return data, false, nil
	}
	if !o.Create {
		return nil, false, fmt.Errorf("%w: %s", ErrNoKeys, dir)
	}
	if err := MakeDir(dir); err != nil {
		return nil, false, err
	}
	if data, err = newKeyring(o.Rand, o.Now()); err != nil {
		return nil, false, err
	}
	switch err = CreateFile(path, data); {
	case errors.Is(err, fs.ErrExist):
		data, err = os.ReadFile(path)
		return data, false, err
	case err != nil:
		return nil, false, err
	}
	return data, true, nil
}

// withNextField gives the key file with one more version of the field key.
func withNextField(data []byte, rand io.Reader) ([]byte, error) {
	k, err := parseKeyring(data)
	if err != nil {
		return nil, err
	}
	b := bytes.NewBuffer(slices.Clone(data))
	if err := appendKey(b, kindField, k.newest+1, rand); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
