package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sys/unix"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/blob"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/web"
)

// House is an opened installation: the kernel, and every room wired to it.
type House struct {
	cfg   Config
	clock clock.Clock

	DB        *store.DB
	Vault     *vault.Vault
	Blobs     *blob.Store
	Audit     *audit.Log
	auditKeys *auditKeys
	rooms

	lock      *os.File
	cheapHash bool
	mailAddr  string
	limits    web.Limiter // nil = this node's own buckets
}

// openOptions change how an installation is opened.
type openOptions struct {
	clock   clock.Clock // nil = the system's
	noKeys  bool        // restore without keys: start sealed
	unlockd bool        // the caller holds the lock already

	cheapHash bool // while the demo country is filled
}

// lockFolder makes sure that one process at a time writes an installation's
// files. Faults: exit 3 when another one does.
func lockFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "straza.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, cli.RefusedError("another straza process is working in %s; wait for it, or talk to the running server", dir)
	}
	return f, nil
}

// openHouse opens, migrates and wires an installation. On SQLite it takes the
// folder's lock; the caller closes it.
func openHouse(ctx context.Context, cfg Config, environ []string, o openOptions) (h *House, err error) {
	h = &House{cfg: cfg, clock: o.clock, cheapHash: o.cheapHash}
	if h.clock == nil {
		h.clock = clock.System()
	}
	defer func() {
		if err != nil {
			h.Close()
			h = nil
		}
	}()
	if cfg.get("database") == "" && !o.unlockd {
		if h.lock, err = lockFolder(cfg.data()); err != nil {
			return h, err
		}
	}
	node, _ := strconv.Atoi(cfg.get("node"))
	h.DB, err = store.Open(ctx, store.Config{Folder: cfg.data(), URL: cfg.get("database"), Clock: h.clock, Node: node})
	if err != nil {
		return h, err
	}
	if _, err = h.DB.Migrate(ctx); err != nil {
		return h, err
	}
	if err = h.openKeys(ctx, cfg.keysDir(environ), o.noKeys); err != nil {
		return h, err
	}
	if h.Blobs, err = blob.New(h.DB, filepath.Join(cfg.data(), "blobs")); err != nil {
		return h, err
	}
	if h.Vault == nil { // verify without keys: nothing else can be opened
		return h, nil
	}
	if h.auditKeys, err = newAuditKeys(h.Vault); err != nil {
		return h, err
	}
	h.Audit = audit.New(h.DB, h.auditKeys, filepath.Join(cfg.data(), "witness", "checkpoints"))
	if err = h.DB.Update(ctx, func(tx *store.Tx) error { return access.SeedTx(ctx, tx) }); err != nil {
		return h, err
	}
	if err = h.wire(ctx); err != nil {
		return h, err
	}
	return h, h.afterRestore(ctx)
}

const keyFact = "vault.keycheck"

// openKeys opens the vault. New keys are made only for an empty database; a
// filled one without its keys is refused with exit code 3 (spec program §2).
func (h *House) openKeys(ctx context.Context, dir string, without bool) error {
	var stored string
	err := h.DB.View(ctx, func(tx *store.Tx) (err error) { stored, err = store.Fact(ctx, tx, keyFact); return err })
	if err != nil {
		return err
	}
	public := ""
	if h.cfg.get("keys") == "" {
		public = h.cfg.ownKeys()
	}
	h.Vault, err = vault.Open(dir, vault.Options{Create: stored == "", Public: public, Now: h.clock.Now})
	switch {
	case without && err != nil:
		h.Vault = nil
		return nil
	case errors.Is(err, vault.ErrNoKeys), errors.Is(err, vault.ErrWrongKeys):
		return cli.RefusedError("the keys of this database are not in %s: restore them (straza restore --keys FILE) or name their folder (--keys DIR)", dir)
	case err != nil:
		return fmt.Errorf("opening the keys in %s: %w", dir, err)
	case stored != "":
		if err := h.Vault.Check(stored); err != nil {
			return cli.RefusedError("the keys in %s are not those of this database: restore the right ones (straza restore --keys FILE)", dir)
		}
		return nil
	}
	return h.DB.Update(ctx, func(tx *store.Tx) error { return store.SetFact(ctx, tx, keyFact, h.Vault.KeyCheck()) })
}

// sayKeys says aloud that the first start made keys: who loses them loses the data.
func (h *House) sayKeys(env *cli.Env) {
	if h.Vault != nil && h.Vault.Created() {
		env.Say("New keys were made in %s. Without them nothing here can be read: keep a copy elsewhere (straza backup FILE --keys FILE).", h.Vault.Dir())
	}
}

// Close ends everything that openHouse began.
func (h *House) Close() {
	if h.DB != nil {
		_ = h.DB.Close()
	}
	if h.lock != nil {
		_ = h.lock.Close()
	}
}

// auditKeys gives the log its MAC and signer out of the vault.
type auditKeys struct {
	v        *vault.Vault
	signer   note.Signer
	verifier note.Verifier
}

func newAuditKeys(v *vault.Vault) (*auditKeys, error) {
	signer, vkey, err := v.Signer("straza/audit")
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(vkey)
	return &auditKeys{v, signer, verifier}, err
}

func (k *auditKeys) AuditMAC(data []byte) []byte   { return k.v.MAC("audit", data) }
func (k *auditKeys) AuditSigner() note.Signer      { return k.signer }
func (k *auditKeys) AuditVerifiers() note.Verifier { return k.verifier }

// --- commands that work in an opened installation

// inRoom runs a room's command: through the running server, or with the folder's
// lock when none runs, or as one more node on PostgreSQL.
func (c *call) inRoom(ctx context.Context, cmd cli.Command) error {
	if c.wantsHelp() {
		return c.exec(ctx, cmd, c.env(operator()))
	}
	if c.cfg.get("database") == "" {
		if running, err := c.forward(ctx); running {
			return err
		}
	}
	// verify lists what it cannot check without keys; everything else needs them
	h, err := openHouse(ctx, c.cfg, c.proc.Environ, openOptions{noKeys: cmd.Name == "verify"})
	if err != nil {
		return err
	}
	defer h.Close()
	if h.Vault == nil {
		return c.exec(ctx, h.verifyCommand(), c.env(operator()))
	}
	h.sayKeys(c.env(operator()))
	if err := h.runCommand(ctx, c.words, c.as, c.env(operator())); err != nil {
		return err
	}
	return h.settle(ctx)
}

func (c *call) wantsHelp() bool {
	for _, w := range c.words {
		if w == "--help" || w == "-h" || w == "-help" {
			return true
		}
	}
	return false
}

// settle numbers the audit lines a command left, before the process ends. Jobs
// wait for the server.
func (h *House) settle(ctx context.Context) error { return h.Audit.Catch(ctx, true) }

// runCommand runs a room's command as the operator, or as the person --as names.
func (h *House) runCommand(ctx context.Context, words []string, as string, env *cli.Env) error {
	cmd, args, err := findCommand(roomCommands(h), words)
	if err != nil {
		return err
	}
	if as != "" {
		if env.Who, err = h.actAs(ctx, env.Who, as); err != nil {
			return err
		}
	}
	return execWords(ctx, cmd, args, env)
}

// progress prints a count at most five times a second on a terminal.
type progress struct {
	env  *cli.Env
	n    int64
	what string
	last int64
}

func (p *progress) add(n int64, nowMilli int64) {
	p.n += n
	if p.env.Tty && nowMilli-p.last > 200 {
		p.last = nowMilli
		fmt.Fprintf(p.env.Err, "\r%d %s ", p.n, p.what)
	}
}

func (p *progress) end() {
	if p.env.Tty {
		fmt.Fprintf(p.env.Err, "\r%d %s\n", p.n, p.what)
	}
}
