package app

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"straza/internal/kernel/blob"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// A backup is one zstd stream of frames (type, length, bytes): the snapshot of
// the database, then every blob, then an end mark with counts and a hash of all
// before it. Keys never stand in it. Backup, restore and move share the walk.
const (
	partHead  = 'H' // JSON: what this is
	partData  = 'D' // a piece of the snapshot
	partBlob  = 'B' // JSON: a blob begins
	partBytes = 'b' // a piece of it
	partEnd   = 'E' // JSON: counts and hash

	backupFormat = "straza-backup-1"
)

type backupHead struct {
	Format  string    `json:"format"`
	Version string    `json:"version"`
	Schema  int64     `json:"schema"`
	Engine  string    `json:"engine"`
	Created time.Time `json:"created"`
}

type backupEnd struct {
	Rows   int64  `json:"rows"`
	Blobs  int64  `json:"blobs"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// kept is the result of backup, restore, verify and move (spec program §3).
type kept struct {
	OK         bool     `json:"ok"`
	Rows       int64    `json:"rows"`
	Blobs      int64    `json:"blobs"`
	Bytes      int64    `json:"bytes"`
	Checked    []string `json:"checked"`
	NotChecked []string `json:"not_checked"`
	Damage     []string `json:"damage"`
	Passphrase string   `json:"passphrase,omitempty"`
}

func newKept() kept {
	return kept{OK: true, Checked: []string{}, NotChecked: []string{}, Damage: []string{}}
}

func (k *kept) damaged(format string, args ...any) {
	k.OK = false
	k.Damage = append(k.Damage, fmt.Sprintf(format, args...))
}

// partWriter writes frames and hashes them.
type partWriter struct {
	w io.Writer
	h hash.Hash
}

func (p *partWriter) part(kind byte, b []byte) error {
	head := [5]byte{kind}
	binary.BigEndian.PutUint32(head[1:], uint32(len(b)))
	if kind != partEnd {
		p.h.Write(head[:])
		p.h.Write(b)
	}
	if _, err := p.w.Write(head[:]); err != nil {
		return err
	}
	_, err := p.w.Write(b)
	return err
}

func (p *partWriter) json(kind byte, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return p.part(kind, b)
}

type partStream struct {
	p    *partWriter
	kind byte
	n    int64
}

func (s *partStream) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		n := min(len(rest), 1<<16)
		if err := s.p.part(s.kind, rest[:n]); err != nil {
			return len(b) - len(rest), err
		}
		rest = rest[n:]
	}
	s.n += int64(len(b))
	return len(b), nil
}

// skipTables are carried otherwise: chunks of blobs as blobs.
var skipTables = []string{"blob_chunk"}

// writeBackup writes everything to w, as of one moment.
func (h *House) writeBackup(ctx context.Context, w io.Writer, env *cli.Env) (kept, error) {
	k := newKept()
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return k, err
	}
	p := &partWriter{w: z, h: sha256.New()}
	st, err := h.DB.Status(ctx)
	if err != nil {
		return k, err
	}
	if err := p.json(partHead, backupHead{backupFormat, Version, st.Current, string(h.DB.Engine), h.clock.Now()}); err != nil {
		return k, err
	}
	data := &partStream{p: p, kind: partData}
	if k.Rows, err = h.DB.Snapshot(ctx, data, skipTables...); err != nil {
		return k, err
	}
	k.Bytes = data.n
	if err := h.backupBlobs(ctx, p, &k, env); err != nil {
		return k, err
	}
	end := backupEnd{k.Rows, k.Blobs, k.Bytes, fmt.Sprintf("%x", p.h.Sum(nil))}
	if err := p.json(partEnd, end); err != nil {
		return k, err
	}
	k.Checked = append(k.Checked, "blob hashes")
	return k, z.Close()
}

func (h *House) backupBlobs(ctx context.Context, p *partWriter, k *kept, env *cli.Env) error {
	refs, err := h.Blobs.List(ctx)
	if err != nil {
		return err
	}
	prog := &progress{env: env, what: "files"}
	for _, ref := range refs {
		r, _, err := h.Blobs.Open(ctx, ref.Name)
		if fault.Is(err, fault.NotFound) {
			continue // deleted since the list was made
		}
		if err != nil {
			return err
		}
		if err := p.json(partBlob, ref); err != nil {
			return err
		}
		out := &partStream{p: p, kind: partBytes}
		_, err = io.Copy(out, r)
		if cerr := r.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return fmt.Errorf("file %s: %w", ref.Name, err)
		}
		k.Blobs++
		k.Bytes += out.n
		prog.add(1, h.clock.Now().UnixMilli())
	}
	prog.end()
	return nil
}

// readBackup fills an empty installation from r and checks counts and hash.
func readBackup(ctx context.Context, db *store.DB, blobs *blob.Store, r io.Reader) (k kept, err error) {
	k = newKept()
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return k, err
	}
	defer z.Close()
	in := &partReader{r: bufio.NewReaderSize(z, 1<<17), h: sha256.New()}
	var head backupHead
	if err := in.expect(partHead, &head); err != nil || head.Format != backupFormat {
		return k, fault.New(fault.Invalid, "this is no Straža backup").Because(err)
	}
	if k.Rows, err = db.Load(ctx, &snapshotReader{in: in}); err != nil {
		return k, err
	}
	for {
		kind, b, err := in.next()
		if err != nil {
			return k, fault.New(fault.Invalid, "the backup ends too early").Because(err)
		}
		switch kind {
		case partBlob:
			var ref blob.Ref
			if err := json.Unmarshal(b, &ref); err != nil {
				return k, err
			}
			if err := blobs.Restore(ctx, ref.Name, &blobReader{in: in}); err != nil {
				return k, err
			}
			k.Blobs++
			k.Bytes += ref.Size
		case partEnd:
			var end backupEnd
			if err := json.Unmarshal(b, &end); err != nil {
				return k, err
			}
			if end.SHA256 != in.sum || end.Rows != k.Rows || end.Blobs != k.Blobs {
				return k, fault.New(fault.Invalid, "the backup is damaged: %d rows and %d files announced, %d and %d read", end.Rows, end.Blobs, k.Rows, k.Blobs)
			}
			k.Bytes = end.Bytes
			k.Checked = append(k.Checked, "backup hash", "row counts", "file counts")
			return k, nil
		default:
			return k, fault.New(fault.Invalid, "the backup is damaged")
		}
	}
}

type partReader struct {
	r    *bufio.Reader
	h    hash.Hash
	sum  string // hash of everything before the end mark
	back *struct {
		kind byte
		b    []byte
	}
}

func (p *partReader) next() (kind byte, b []byte, err error) {
	if p.back != nil {
		kind, b, p.back = p.back.kind, p.back.b, nil
		return kind, b, nil
	}
	var head [5]byte
	if _, err = io.ReadFull(p.r, head[:]); err != nil {
		return 0, nil, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if n > 1<<20 {
		return 0, nil, fmt.Errorf("a piece of %d bytes", n)
	}
	b = make([]byte, n)
	if _, err = io.ReadFull(p.r, b); err != nil {
		return 0, nil, err
	}
	if head[0] == partEnd {
		p.sum = fmt.Sprintf("%x", p.h.Sum(nil))
	} else {
		p.h.Write(head[:])
		p.h.Write(b)
	}
	return head[0], b, nil
}

func (p *partReader) putBack(kind byte, b []byte) {
	p.back = &struct {
		kind byte
		b    []byte
	}{kind, b}
}

func (p *partReader) expect(want byte, v any) error {
	kind, b, err := p.next()
	if err != nil {
		return err
	}
	if kind != want {
		return fmt.Errorf("part %q where %q belongs", kind, want)
	}
	return json.Unmarshal(b, v)
}

// pieces reads the frames of one kind as a stream.
type pieces struct {
	in   *partReader
	kind byte
	buf  []byte
	end  bool
}

func (s *pieces) Read(p []byte) (int, error) {
	for len(s.buf) == 0 {
		if s.end {
			return 0, io.EOF
		}
		kind, b, err := s.in.next()
		if err != nil {
			return 0, io.ErrUnexpectedEOF
		}
		if kind != s.kind {
			s.in.putBack(kind, b)
			s.end = true
			continue
		}
		s.buf = b
	}
	n := copy(p, s.buf)
	s.buf = s.buf[n:]
	return n, nil
}

type snapshotReader struct {
	in *partReader
	s  *pieces
}

func (r *snapshotReader) Read(p []byte) (int, error) {
	if r.s == nil {
		r.s = &pieces{in: r.in, kind: partData}
	}
	return r.s.Read(p)
}

type blobReader struct {
	in *partReader
	s  *pieces
}

func (r *blobReader) Read(p []byte) (int, error) {
	if r.s == nil {
		r.s = &pieces{in: r.in, kind: partBytes}
	}
	return r.s.Read(p)
}

// --- commands

func (h *House) backupCommand() cli.Command {
	return cli.Command{Name: "backup", Args: "FILE [--keys FILE]", Short: "consistent online copy of database and files, never with keys",
		Flags: func(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
			keys := fs.String("keys-file", "", "also write both key sets to this file, encrypted under a passphrase read from standard input")
			return func(ctx context.Context, env *cli.Env, args []string) error {
				if len(args) != 1 {
					return cli.UsageError("backup needs one FILE")
				}
				return h.backup(ctx, env, args[0], *keys)
			}
		}}
}

func (h *House) backup(ctx context.Context, env *cli.Env, file, keysFile string) error {
	if err := h.Audit.Catch(ctx, true); err != nil {
		return err
	}
	w, err := env.Files.Create(file)
	if err != nil {
		return err
	}
	k, err := h.writeBackup(ctx, w, env)
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if keysFile != "" {
		if k.Passphrase, err = h.backupKeys(env, keysFile); err != nil {
			return err
		}
	} else {
		k.NotChecked = append(k.NotChecked, "keys: not in the backup (backup --keys FILE)")
	}
	return printKept(env, k, "backed up")
}

// backupKeys writes both key sets under a passphrase from standard input; when
// none is given it makes one and tells it once.
func (h *House) backupKeys(env *cli.Env, file string) (made string, err error) {
	pass, err := readPassphrase(env)
	if err != nil {
		return "", err
	}
	if pass == "" {
		secret, err := h.Vault.NewDraftSecret()
		if err != nil {
			return "", err
		}
		made = secret[:8] + "-" + secret[8:16] + "-" + secret[16:24] + "-" + secret[24:32]
		pass = made
		env.Say("The passphrase of %s, shown only now: %s", file, made)
	}
	w, err := env.Files.Create(file)
	if err != nil {
		return "", err
	}
	err = vault.BackupKeys(w, pass, h.keySets()...)
	return made, errors.Join(err, w.Close())
}

func (h *House) keySets() []vault.KeySet {
	return []vault.KeySet{{Name: "keys", Dir: h.Vault.Dir()}, {Name: "unseal", Dir: filepath.Join(h.cfg.data(), "unseal")}}
}

func readPassphrase(env *cli.Env) (string, error) {
	if env.Tty {
		env.Say("Passphrase for the keys (at least %d characters):", vault.MinPassphrase)
	}
	line, err := bufio.NewReader(io.LimitReader(env.In, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return strings.TrimRight(line, "\r\n"), nil
}

func printKept(env *cli.Env, k kept, done string) error {
	if env.JSON {
		if err := env.Print(k); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(env.Out, "%s: %d rows, %d files, %d bytes\n", done, k.Rows, k.Blobs, k.Bytes)
		for _, s := range k.NotChecked {
			fmt.Fprintf(env.Out, "not checked: %s\n", s)
		}
		for _, s := range k.Damage {
			fmt.Fprintf(env.Out, "DAMAGE: %s\n", s)
		}
	}
	if !k.OK {
		return &cli.Exit{Code: cli.Damage, Err: errSilent}
	}
	return nil
}

// verify checks everything that can be checked and lists what could not.
func (h *House) verify(ctx context.Context) (kept, error) {
	k := newKept()
	if err := h.DB.Check(ctx); err != nil {
		k.damaged("%v", err)
	}
	k.Checked = append(k.Checked, "database file")
	rows, err := h.DB.Snapshot(ctx, io.Discard, skipTables...)
	if err != nil {
		k.damaged("reading every row: %v", err)
	}
	k.Rows = rows
	k.Checked = append(k.Checked, "every row readable")
	if err := h.verifyBlobs(ctx, &k); err != nil {
		return k, err
	}
	if h.Vault == nil {
		k.NotChecked = append(k.NotChecked, "audit log: the keys are not here", "sealed content: the keys are not here")
		return k, nil
	}
	rep, err := h.Audit.VerifyBoth(ctx, h.unsealLog)
	if err != nil {
		return k, err
	}
	if rep.Unsealing.Compared {
		k.Checked = append(k.Checked, "unsealing log")
	} else {
		k.NotChecked = append(k.NotChecked, "unsealing log: "+rep.Unsealing.Why)
	}
	for _, d := range rep.Damage {
		k.damaged("audit line %d (leaf %d): %s", d.ID, d.Leaf, d.Kind)
	}
	for _, w := range rep.Witnesses {
		if !w.OK {
			k.damaged("audit witness %s does not agree", w.Path)
		}
	}
	k.Checked = append(k.Checked, "audit tree", "keys fit the database")
	k.NotChecked = append(k.NotChecked, "sealed content: only the unsealing process can open it")
	return k, nil
}

func (h *House) verifyBlobs(ctx context.Context, k *kept) error {
	refs, err := h.Blobs.List(ctx)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		r, _, err := h.Blobs.Open(ctx, ref.Name)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
			_ = r.Close()
		}
		if err != nil {
			k.damaged("file %s: %v", ref.Name, err)
			continue
		}
		k.Blobs++
		k.Bytes += ref.Size
	}
	k.Checked = append(k.Checked, "hash of every file")
	return nil
}

func (h *House) verifyCommand() cli.Command {
	return cli.Command{Name: "verify", Short: "check everything that can be checked, and list what could not",
		Flags: func(*flag.FlagSet) func(context.Context, *cli.Env, []string) error {
			return func(ctx context.Context, env *cli.Env, _ []string) error {
				k, err := h.verify(ctx)
				if err != nil {
					return err
				}
				return printKept(env, k, "verified")
			}
		}}
}
