package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
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
	c.doctorNames(ctx, add)
	c.doctorUnsealing(ctx, add)
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
