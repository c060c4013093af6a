// Package blob keeps files: written and fsynced before the row that names them.
//
// Names are random, the hash stands in the row, nothing is de-duplicated (that
// would reveal that a file is known and block its deletion). Callers hand in
// bytes that are sealed already where they must be; blob does not look inside.
//
// The order that loses nothing: Put writes the bytes to disk; the caller's
// transaction then calls KeepTx with the Ref. A crash between the two leaves an
// orphan file without a row, which Sweep removes after a day.
package blob

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

// Ref names stored bytes.
type Ref struct {
	Name   string
	Size   int64
	SHA256 string // of the bytes as stored, hex
}

// Store keeps files beside the database: in the data folder on SQLite, in chunks
// of the database on PostgreSQL.
type Store struct {
	db     *store.DB
	folder string // "" = chunks
}

// New makes the store; folder is used on SQLite only.
func New(db *store.DB, folder string) (*Store, error) {
	if db.Engine == store.PostgreSQL {
		return &Store{db: db}, nil
	}
	if err := os.MkdirAll(filepath.Join(folder, "tmp"), 0o700); err != nil {
		return nil, fmt.Errorf("making the blob folder: %w", err)
	}
	return &Store{db: db, folder: folder}, nil
}

// Put stores everything r gives and returns once it is on disk. Faults:
// Unavailable when the disk is full; r's own error as it is, nothing is left then.
func (s *Store) Put(ctx context.Context, r io.Reader) (Ref, error) {
	var raw [16]byte
	if _, err := io.ReadFull(s.db.Clock, raw[:]); err != nil {
		return Ref{}, err
	}
	ref := Ref{Name: hex.EncodeToString(raw[:])}
	sum := &counting{h: sha256.New()}
	var err error
	if s.folder == "" {
		err = s.putChunks(ctx, ref.Name, io.TeeReader(r, sum))
	} else {
		err = s.putFile(ref.Name, io.TeeReader(r, sum))
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = fault.New(fault.Unavailable, "the disk is full").WithKey("fault.full").Because(err)
	}
	ref.Size, ref.SHA256 = sum.n, hex.EncodeToString(sum.h.Sum(nil))
	return ref, err
}

type counting struct {
	h hash.Hash
	n int64
}

func (c *counting) Write(p []byte) (int, error) { c.n += int64(len(p)); return c.h.Write(p) }

// path spreads files over 256 folders by the name's first two digits.
func (s *Store) path(name string) string { return filepath.Join(s.folder, name[:2], name) }

func (s *Store) putFile(name string, r io.Reader) (err error) {
	tmp := filepath.Join(s.folder, "tmp", name)
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(tmp)
		}
	}()
	if _, err = io.Copy(f, r); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	final := s.path(name)
	if err = os.MkdirAll(filepath.Dir(final), 0o700); err != nil {
		return err
	}
	if err = os.Rename(tmp, final); err != nil {
		return err
	}
	return syncDir(filepath.Dir(final))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

const chunkSize = 256 << 10

func (s *Store) putChunks(ctx context.Context, name string, r io.Reader) error {
	buf := make([]byte, chunkSize)
	for n := 0; ; n++ {
		k, last, err := fill(r, buf)
		if err != nil {
			return errors.Join(err, s.dropChunks(ctx, name))
		}
		if k > 0 {
			uerr := s.db.Update(ctx, func(tx *store.Tx) error {
				_, err := tx.Exec(ctx, addChunk, name, n, buf[:k])
				return err
			})
			if uerr != nil {
				return uerr
			}
		}
		if last {
			return nil
		}
	}
}

// fill is io.ReadFull that does not take a source's own "unexpected end" for the end:
// half an upload must not become a whole file.
func fill(r io.Reader, buf []byte) (n int, last bool, err error) {
	for n < len(buf) {
		k, err := r.Read(buf[n:])
		n += k
		if errors.Is(err, io.EOF) {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	return n, false, nil
}

func (s *Store) dropChunks(ctx context.Context, name string) error {
	return s.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, dropChunks, name)
		return err
	})
}

// KeepTx writes the row of bytes that Put has stored, in the act's transaction.
func (s *Store) KeepTx(ctx context.Context, tx *store.Tx, ref Ref) error {
	return s.KeepAtTx(ctx, tx, ref, s.db.Clock.Now())
}

// KeepAtTx is KeepTx with a time of the caller's, which the file on disk is given,
// too: anonymous reports round it, so that a blob does not tell when somebody wrote.
func (s *Store) KeepAtTx(ctx context.Context, tx *store.Tx, ref Ref, at time.Time) error {
	if s.folder != "" {
		tx.AfterCommit(func() { _ = os.Chtimes(s.path(ref.Name), at, at) })
	}
	_, err := tx.Exec(ctx, addObject, ref.Name, ref.Size, ref.SHA256, clock.Micros(at))
	return err
}

// ForgetTx takes the row out; the bytes follow after the commit (or by Sweep).
func (s *Store) ForgetTx(ctx context.Context, tx *store.Tx, name string) error {
	if _, err := tx.Exec(ctx, dropObject, name); err != nil {
		return err
	}
	if s.folder == "" {
		_, err := tx.Exec(ctx, dropChunks, name)
		return err
	}
	tx.AfterCommit(func() { _ = os.Remove(s.path(name)) })
	return nil
}

// Open reads stored bytes. Reading to the end checks the hash: a damaged file
// ends in an error instead of EOF. Faults: NotFound.
func (s *Store) Open(ctx context.Context, name string) (io.ReadCloser, Ref, error) {
	ref := Ref{Name: name}
	var found bool
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		found, err = tx.Row(ctx, readObject, []any{name}, &ref.Size, &ref.SHA256)
		return err
	})
	if err != nil {
		return nil, ref, err
	}
	if !found || !valid(name) {
		return nil, ref, fault.New(fault.NotFound, "blob %q", name)
	}
	r, err := s.raw(ctx, name)
	if err != nil {
		return nil, ref, err
	}
	return &checked{ReadCloser: r, h: sha256.New(), want: ref}, ref, nil
}

func (s *Store) raw(ctx context.Context, name string) (io.ReadCloser, error) {
	if s.folder == "" {
		return &chunks{ctx: ctx, s: s, name: name}, nil
	}
	f, err := os.Open(s.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Unavailable, "the file of blob %s is missing", name).WithKey("fault.damaged")
	}
	return f, err
}

// valid keeps anything but our own names away from the file system.
func valid(name string) bool { return len(name) == 32 && strings.Trim(name, "0123456789abcdef") == "" }

type checked struct {
	io.ReadCloser
	h    hash.Hash
	n    int64
	want Ref
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.h.Write(p[:n])
	c.n += int64(n)
	if err == io.EOF && (c.n != c.want.Size || hex.EncodeToString(c.h.Sum(nil)) != c.want.SHA256) {
		return n, fault.New(fault.Unavailable, "blob %s is damaged", c.want.Name).WithKey("fault.damaged")
	}
	return n, err
}

// chunks reads a blob of PostgreSQL piece by piece.
type chunks struct {
	ctx  context.Context
	s    *Store
	name string
	n    int
	buf  []byte
	done bool
}

func (c *chunks) Read(p []byte) (int, error) {
	for len(c.buf) == 0 {
		if c.done {
			return 0, io.EOF
		}
		err := c.s.db.View(c.ctx, func(tx *store.Tx) error {
			found, err := tx.Row(c.ctx, readChunk, []any{c.name, c.n}, &c.buf)
			c.done = !found
			return err
		})
		if err != nil {
			return 0, err
		}
		c.n++
	}
	n := copy(p, c.buf)
	c.buf = c.buf[n:]
	return n, nil
}

func (c *chunks) Close() error { return nil }

// List gives every blob there is a row for, ordered by name, for backup and verify.
func (s *Store) List(ctx context.Context) (out []Ref, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = store.All(ctx, tx, func(r store.Scanner) (x Ref, err error) {
			err = r.Scan(&x.Name, &x.Size, &x.SHA256)
			return
		}, listObjects)
		return err
	})
	return out, err
}

// Restore puts bytes back under the name they had; the row comes with the snapshot.
func (s *Store) Restore(ctx context.Context, name string, r io.Reader) error {
	if !valid(name) {
		return fault.New(fault.Invalid, "no blob name: %q", name)
	}
	if s.folder == "" {
		if err := s.dropChunks(ctx, name); err != nil {
			return err
		}
		return s.putChunks(ctx, name, r)
	}
	_ = os.Remove(filepath.Join(s.folder, "tmp", name))
	return s.putFile(name, r)
}

// Sweep removes files without a row that are older than a day: the remains of
// acts that never committed.
func (s *Store) Sweep(ctx context.Context) (n int, err error) {
	if s.folder == "" {
		return s.sweepChunks(ctx)
	}
	known := map[string]bool{}
	refs, err := s.List(ctx)
	if err != nil {
		return 0, err
	}
	for _, r := range refs {
		known[r.Name] = true
	}
	old := s.db.Clock.Now().Add(-24 * time.Hour)
	err = filepath.WalkDir(s.folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || known[d.Name()] {
			return err
		}
		info, err := d.Info()
		if err != nil || info.ModTime().After(old) {
			return nil //nolint:nilerr // it vanished meanwhile: nothing to sweep
		}
		n++
		return os.Remove(path)
	})
	return n, err
}

// sweepChunks removes chunks without a row. Their age is not known, so a name
// must be found without its row by two sweeps, a day apart at least.
func (s *Store) sweepChunks(ctx context.Context) (n int, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		orphans, err := store.All(ctx, tx, store.ScanString, orphanChunks)
		if err != nil {
			return err
		}
		before, err := store.Fact(ctx, tx, "blob.orphans")
		if err != nil {
			return err
		}
		for _, name := range orphans {
			if strings.Contains(before, name) {
				if _, err := tx.Exec(ctx, dropChunks, name); err != nil {
					return err
				}
				n++
			}
		}
		return store.SetFact(ctx, tx, "blob.orphans", strings.Join(orphans, " "))
	}, store.InLane(store.Jobs))
	return n, err
}
