package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime"
	"time"

	"straza/internal/kernel/cli"
	"straza/internal/kernel/store"
)

// startInternal serves /metrics (Prometheus text format) and profiling on a
// loopback listener of their own, when one is set.
func (h *House) startInternal(ctx context.Context, env *cli.Env) error {
	addr := h.cfg.get("internal-listen")
	if addr == "" {
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", h.metrics)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return listenFault(addr, err)
	}
	env.Say("metrics and profiling on http://%s", l.Addr())
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { <-ctx.Done(); _ = srv.Close() }()
	go func() {
		if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			slog.Error("internal listener", "error", err)
		}
	}()
	return nil
}

func (h *House) metrics(w http.ResponseWriter, r *http.Request) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprintf(w, "straza_goroutines %d\nstraza_heap_bytes %d\nstraza_sys_bytes %d\n", runtime.NumGoroutine(), m.HeapAlloc, m.Sys)
	for lane, name := range map[store.Lane]string{store.People: "people", store.Jobs: "jobs", store.Bulk: "bulk"} {
		fmt.Fprintf(w, "straza_writes_waiting{lane=%q} %d\n", name, h.DB.Waiting(lane))
	}
	if counts, err := h.runner.Counts(r.Context()); err == nil {
		for state, n := range counts {
			fmt.Fprintf(w, "straza_jobs{state=%q} %d\n", state, n)
		}
	}
}
