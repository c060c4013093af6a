package vault

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"filippo.io/age"

	"straza/internal/kernel/fault"
)

// KeySet is one folder of keys in a backup.
type KeySet struct {
	Name string // "keys" or "unseal"
	Dir  string
}

// MinPassphrase is the least number of characters of a passphrase for keys.
const MinPassphrase = 12

// scryptWork is age's work factor: 2^17 blocks, 128 MiB, about half a second. One
// less than age's own default, because the program has to fit small machines.
const scryptWork = 17

// maxKeyFile bounds one file of a key folder, writing and reading.
const maxKeyFile = 1 << 20

// BackupKeys writes the key folders into one age file under a passphrase. Logs,
// sockets and hidden files stay out. A folder that does not exist is left out; a
// backup without any key is refused.
func BackupKeys(w io.Writer, passphrase string, sets ...KeySet) error {
	return backupKeys(w, passphrase, scryptWork, sets)
}

func backupKeys(w io.Writer, passphrase string, work int, sets []KeySet) error {
	if utf8.RuneCountInString(passphrase) < MinPassphrase {
		return fault.Field("passphrase", "vault.passphrase_short", "passphrase: want at least %d characters", MinPassphrase)
	}
	rec, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return fmt.Errorf("vault: back up keys: %w", err)
	}
	rec.SetWorkFactor(work)
	enc, err := age.Encrypt(w, rec)
	if err != nil {
		return fmt.Errorf("vault: back up keys: %w", err)
	}
	t, n := tar.NewWriter(enc), 0
	for _, set := range sets {
		c, err := addSet(t, set)
		if err != nil {
			return fmt.Errorf("vault: back up keys: %w", err)
		}
		n += c
	}
	if n == 0 {
		return fault.New(fault.NotFound, "no keys to back up")
	}
	if err := errors.Join(t.Close(), enc.Close()); err != nil {
		return fmt.Errorf("vault: back up keys: %w", err)
	}
	return nil
}

func addSet(t *tar.Writer, set KeySet) (n int, err error) {
	list, err := os.ReadDir(set.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	for _, f := range list {
		if !f.Type().IsRegular() || !keyName(f.Name()) {
			continue
		}
		data, err := os.ReadFile(filepath.Join(set.Dir, f.Name()))
		if err != nil {
			return n, err
		}
		if len(data) > maxKeyFile {
			return n, fmt.Errorf("%s is too long for a key file", f.Name())
		}
		h := &tar.Header{Name: set.Name + "/" + f.Name(), Mode: 0o600, Size: int64(len(data)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg}
		if err := t.WriteHeader(h); err != nil {
			return n, err
		}
		if _, err := t.Write(data); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// keyName tells whether a file of a key folder belongs into a backup of keys.
func keyName(name string) bool {
	return !strings.HasPrefix(name, ".") && !strings.HasSuffix(name, ".log") && !strings.ContainsAny(name, `/\`) && name != "socket" && name != "lock"
}

// RestoreKeys reads what BackupKeys wrote into the folders of sets. It reads and
// checks the whole file first and refuses (Conflict) when one of its files exists
// with another content, so that no key is ever overwritten. It gives the names restored.
func RestoreKeys(r io.Reader, passphrase string, sets ...KeySet) (names []string, err error) {
	id, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, fault.Field("passphrase", "vault.passphrase_short", "passphrase: empty")
	}
	id.SetMaxWorkFactor(20)
	plain, err := age.Decrypt(r, id)
	if err != nil {
		return nil, fault.Field("passphrase", "vault.passphrase_wrong", "keys: wrong passphrase, or not a backup of keys").Because(err)
	}
	files, err := readSets(tar.NewReader(plain), sets)
	if err != nil {
		return nil, err
	}
	for path, data := range files {
		old, err := os.ReadFile(path)
		if err == nil && string(old) != string(data) {
			return nil, fault.New(fault.Conflict, "keys: %s exists and is another one", filepath.Base(path))
		}
		names = append(names, path)
	}
	slices.Sort(names)
	for _, set := range sets {
		if err := MakeDir(set.Dir); err != nil {
			return nil, err
		}
	}
	for _, path := range names {
		if err := CreateFile(path, files[path]); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	return names, nil
}

func readSets(t *tar.Reader, sets []KeySet) (map[string][]byte, error) {
	files := map[string][]byte{}
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, fault.New(fault.Invalid, "backup of keys is damaged").Because(err)
		}
		set, name, _ := strings.Cut(h.Name, "/")
		i := slices.IndexFunc(sets, func(s KeySet) bool { return s.Name == set })
		if i < 0 || name == "" || !keyName(name) || h.Size > maxKeyFile || h.Typeflag != tar.TypeReg || len(files) > 100 {
			return nil, fault.New(fault.Invalid, "backup of keys holds an unexpected entry")
		}
		data, err := io.ReadAll(io.LimitReader(t, maxKeyFile+1))
		if err != nil {
			return nil, fault.New(fault.Invalid, "backup of keys is damaged").Because(err)
		}
		files[filepath.Join(sets[i].Dir, name)] = data
	}
}
