package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"straza/internal/kernel/cli"
	"straza/internal/kernel/store"
)

// health answers any Host: 200 when ready or degraded, 503 while starting or
// when the database cannot be read. It tells strangers no versions and no secrets.
func (h *House) health(w http.ResponseWriter, r *http.Request) {
	status, code := "ready", http.StatusOK
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	err := h.DB.View(ctx, func(tx *store.Tx) error { _, err := store.Fact(ctx, tx, keyFact); return err })
	switch {
	case !h.ready.Load():
		status, code = "starting", http.StatusServiceUnavailable
	case err != nil:
		status, code = "degraded", http.StatusServiceUnavailable
	case h.diskLow():
		status = "degraded"
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"status": status})
}

// diskLow: less than 64 MB left in the data folder.
func (h *House) diskLow() bool {
	free, ok := freeBytes(h.cfg.data())
	return ok && free < 64<<20
}

func freeBytes(dir string) (uint64, bool) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return st.Bavail * uint64(st.Bsize), true
}

// doctor checks the machine and says what to fix; exit 1 when something must be.
func (c *call) doctor(ctx context.Context, env *cli.Env, _ []string) error {
	type finding struct {
		Check string `json:"check"`
		OK    bool   `json:"ok"`
		Says  string `json:"says"`
	}
	var all []finding
	add := func(check string, ok bool, format string, args ...any) {
		all = append(all, finding{check, ok, fmt.Sprintf(format, args...)})
	}
	c.doctorMachine(add)
	c.doctorDatabase(ctx, add)
	bad := 0
	for _, f := range all {
		if !f.OK {
			bad++
		}
		if env.JSON {
			if err := env.Print(f); err != nil {
				return err
			}
			continue
		}
		mark := "ok "
		if !f.OK {
			mark = "FIX"
		}
		fmt.Fprintf(env.Out, "%s  %-12s %s\n", mark, f.Check, f.Says)
	}
	if bad > 0 {
		return &cli.Exit{Code: cli.Failed, Err: fmt.Errorf("%d of %d checks need attention", bad, len(all))}
	}
	return nil
}

func (c *call) doctorMachine(add func(string, bool, string, ...any)) {
	now := time.Now()
	add("clock", now.Year() >= 2025, "the machine says %s", now.Format(time.RFC3339))
	dir := c.cfg.data()
	if free, ok := freeBytes(dir); ok {
		add("disk", free > 1<<30, "%d MB free in %s (1,024 at least)", free>>20, dir)
	} else {
		add("disk", false, "%s is not there yet: straza serve makes it", dir)
	}
	if info, err := os.Stat(dir); err == nil {
		add("folder", info.Mode().Perm()&0o077 == 0, "%s has mode %04o (0700 keeps others out)", dir, info.Mode().Perm())
	}
	_, kerr := os.Stat(c.cfg.keysDir(c.proc.Environ))
	_, derr := os.Stat(filepath.Join(dir, "straza.db"))
	add("keys", kerr == nil || derr != nil, "the web node's keys in %s", c.cfg.keysDir(c.proc.Environ))
	if c.cfg.get("mail") == "" {
		add("mail", true, "no --mail: letters are caught in the database")
	} else {
		add("mail", true, "letters leave through the configured server")
	}
	for _, k := range []string{"tls-cert", "tls-key"} {
		if path := c.cfg.get(k); path != "" {
			_, err := os.ReadFile(path)
			add(k, err == nil, "%s", path)
		}
	}
}

func (c *call) doctorDatabase(ctx context.Context, add func(string, bool, string, ...any)) {
	if _, err := os.Stat(filepath.Join(c.cfg.data(), "straza.db")); err != nil && c.cfg.get("database") == "" {
		add("database", true, "none yet: straza serve makes it")
		return
	}
	db, err := store.Open(ctx, store.Config{Folder: c.cfg.data(), URL: c.cfg.get("database")})
	if err != nil {
		add("database", false, "%v", err)
		return
	}
	defer db.Close()
	add("database", true, "%s %s", db.Engine, db.Version(ctx))
	st, err := db.Status(ctx)
	add("schema", err == nil && len(st.Pending) == 0, "%d of %d (straza migrate brings it up to date)", st.Current, st.Target)
	err = db.Check(ctx)
	add("integrity", err == nil, "the database file is whole: %t", err == nil)
}
