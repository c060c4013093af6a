package app

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/blob"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
)

// restoreCommand fills an empty installation. It runs in its own process and
// takes the lock: a running server is refused.
func (c *call) restoreCommand() cli.Command {
	return cli.Command{Name: "restore", Args: "FILE [--keys FILE]", Short: "fill an empty installation from a backup, or its keys from their file",
		Flags: func(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
			keys := fs.String("keys-file", "", "restore both key sets from this file; the passphrase is read from standard input")
			return func(ctx context.Context, env *cli.Env, args []string) error {
				if len(args) > 1 || len(args) == 0 && *keys == "" {
					return cli.UsageError("restore needs a FILE, or --keys FILE for the keys alone")
				}
				return c.restore(ctx, env, args, *keys)
			}
		}}
}

func (c *call) restore(ctx context.Context, env *cli.Env, args []string, keysFile string) error {
	if c.cfg.get("database") == "" {
		lock, err := lockFolder(c.cfg.data())
		if err != nil {
			return err
		}
		defer lock.Close()
	}
	k, names := newKept(), []string(nil)
	if len(args) == 1 { // refused before a key or a row is written
		db, _, err := openTarget(ctx, c.cfg.data(), c.cfg.get("database"))
		if err != nil {
			return err
		}
		if err := db.Close(); err != nil {
			return err
		}
	}
	if keysFile != "" { // first: a wrong passphrase must not leave half a restore behind
		var err error
		if names, err = c.restoreKeys(env, keysFile); err != nil {
			return err
		}
	}
	if len(args) == 1 {
		var err error
		if k, err = c.restoreData(ctx, env, args[0]); err != nil {
			return err
		}
	}
	if keysFile == "" {
		k.NotChecked = append(k.NotChecked, "keys: not restored; serve needs them (restore --keys FILE)")
		return printKept(env, k, "restored")
	}
	k.Checked = append(k.Checked, names...)
	if err := c.settleRestore(ctx); err != nil {
		return err
	}
	return printKept(env, k, "restored")
}

func (c *call) restoreData(ctx context.Context, env *cli.Env, file string) (k kept, err error) {
	r, err := env.Files.Open(file)
	if err != nil {
		return k, err
	}
	defer r.Close()
	db, blobs, err := openTarget(ctx, c.cfg.data(), c.cfg.get("database"))
	if err != nil {
		return k, err
	}
	defer db.Close()
	if k, err = readBackup(ctx, db, blobs, r); err != nil {
		return k, err
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		return store.SetFact(ctx, tx, restoredFact, fmt.Sprintf(`{"rows":%d,"blobs":%d}`, k.Rows, k.Blobs))
	})
	return k, errors.Join(err, checkBlobs(ctx, blobs, &k))
}

// filledBy are the tables of which one row means that somebody works here.
var filledBy = []string{"account_person", "registry_organisation", "intel_event", "intake_report", "incident_case"}

// openTarget opens a database to be filled. Faults: exit 3 when it holds anything.
func openTarget(ctx context.Context, folder, url string) (*store.DB, *blob.Store, error) {
	db, err := store.Open(ctx, store.Config{Folder: folder, URL: url})
	if err != nil {
		return nil, nil, err
	}
	if _, err = db.Migrate(ctx); err == nil {
		var empty bool
		if empty, err = db.Empty(ctx, filledBy...); err == nil && !empty && !fault.Planted("restore-over") {
			err = cli.RefusedError("the installation is not empty; restore and move fill only empty ones")
		}
	}
	var blobs *blob.Store
	if err == nil {
		blobs, err = blob.New(db, filepath.Join(folder, "blobs"))
	}
	if err != nil {
		_ = db.Close()
		return nil, nil, err
	}
	return db, blobs, nil
}

func checkBlobs(ctx context.Context, blobs *blob.Store, k *kept) error {
	refs, err := blobs.List(ctx)
	if err != nil {
		return err
	}
	for _, ref := range refs {
		r, _, err := blobs.Open(ctx, ref.Name)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
			_ = r.Close()
		}
		if err != nil {
			k.damaged("file %s: %v", ref.Name, err)
		}
	}
	k.Checked = append(k.Checked, "hash of every file")
	return nil
}

func (c *call) restoreKeys(env *cli.Env, file string) ([]string, error) {
	r, err := env.Files.Open(file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	pass, err := readPassphrase(env)
	if err != nil {
		return nil, err
	}
	if pass == "" {
		return nil, cli.UsageError("the passphrase of the keys is read from standard input")
	}
	sets := []vault.KeySet{{Name: "keys", Dir: c.cfg.keysDir(c.proc.Environ)}, {Name: "unseal", Dir: filepath.Join(c.cfg.data(), "unseal")}}
	names, err := vault.RestoreKeys(r, pass, sets...)
	if fault.Is(err, fault.Conflict) {
		return nil, cli.RefusedError("other keys are here already: %v", err)
	}
	return names, err
}

// restoredFact says, until the first opening with keys, that this database came
// out of a backup and what it brought.
const restoredFact = "installation.restored"

// settleRestore opens the restored installation once, when its data are here too.
func (c *call) settleRestore(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(c.cfg.data(), "straza.db")); err != nil && c.cfg.get("database") == "" {
		return nil //nolint:nilerr // the keys came first
	}
	h, err := openHouse(ctx, c.cfg, c.proc.Environ, openOptions{unlockd: true})
	if err != nil {
		return err
	}
	defer h.Close()
	return h.settle(ctx)
}

// afterRestore ends sessions, holds letters that were waiting, lets erasure by term rest and writes a signed
// "restored" line (decisions §4): the first time that the restored data meet their
// keys, whichever command that is.
func (h *House) afterRestore(ctx context.Context) error {
	return h.DB.Update(ctx, func(tx *store.Tx) error {
		said, err := store.Fact(ctx, tx, restoredFact)
		if err != nil || said == "" {
			return err
		}
		if err := jobs.HoldTx(ctx, tx, "mail.", "held after a restore: release or discard it"); err != nil {
			return err
		}
		if err := h.endSessionsTx(ctx, tx); err != nil {
			return err
		}
		if err := h.Privacy.RestTx(ctx, tx, operator()); err != nil {
			return err
		}
		epoch, err := store.Fact(ctx, tx, "feed.epoch")
		if err != nil {
			return err
		}
		n, _ := strconv.Atoi(epoch)
		if err := store.SetFact(ctx, tx, "feed.epoch", strconv.Itoa(n+1)); err != nil {
			return err
		}
		detail := map[string]any{}
		if err := json.Unmarshal([]byte(said), &detail); err != nil {
			return fmt.Errorf("what was restored: %w", err)
		}
		if detail["last"], err = h.Audit.LastTx(ctx, tx); err != nil {
			return err
		}
		if err := h.Audit.Record(ctx, tx, operator(), "installation.restored", audit.Thing{Kind: "installation"}, detail); err != nil {
			return err
		}
		return store.SetFact(ctx, tx, restoredFact, "")
	})
}

// moveCommand streams everything into another engine and verifies it there.
func (h *House) moveCommand() cli.Command {
	return cli.Command{Name: "move", Args: "--to URL", Short: "everything from SQLite to PostgreSQL or back, verified",
		Flags: func(fs *flag.FlagSet) func(context.Context, *cli.Env, []string) error {
			to := fs.String("to", "", "postgres://… , or sqlite:FOLDER")
			return func(ctx context.Context, env *cli.Env, args []string) error {
				if *to == "" || len(args) > 0 {
					return cli.UsageError("move needs --to postgres://… or --to sqlite:FOLDER")
				}
				return h.move(ctx, env, *to)
			}
		}}
}

func (h *House) move(ctx context.Context, env *cli.Env, to string) error {
	folder, url := h.cfg.data(), to
	if dir, ok := strings.CutPrefix(to, "sqlite:"); ok {
		folder, url = strings.TrimPrefix(dir, "//"), ""
	} else if err := checkDatabase(to); err != nil {
		return cli.UsageError("--to: %v", err)
	}
	if err := h.Audit.Catch(ctx, true); err != nil {
		return err
	}
	db, blobs, err := openTarget(ctx, folder, url)
	if err != nil {
		return err
	}
	defer db.Close()
	r, w := io.Pipe()
	go func() {
		_, err := h.writeBackup(ctx, w, env)
		_ = w.CloseWithError(err)
	}()
	k, err := readBackup(ctx, db, blobs, r)
	if err != nil {
		_ = r.CloseWithError(err)
		return err
	}
	there := audit.New(db, h.auditKeys, filepath.Join(h.cfg.data(), "witness", "checkpoints"))
	rep, err := there.Verify(ctx)
	if err != nil {
		return err
	}
	for _, d := range rep.Damage {
		k.damaged("audit line %d (leaf %d): %s", d.ID, d.Leaf, d.Kind)
	}
	if err := checkBlobs(ctx, blobs, &k); err != nil {
		return err
	}
	k.Checked = append(k.Checked, "audit tree")
	k.NotChecked = append(k.NotChecked, "what is written to the old database after this: stop its server, serve with the new one (--database)")
	return printKept(env, k, "moved")
}
