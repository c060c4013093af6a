package app

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

func (c *call) serveFlags(*flag.FlagSet) func(context.Context, *cli.Env, []string) error {
	return func(ctx context.Context, env *cli.Env, args []string) error {
		if len(args) > 0 {
			return cli.UsageError("serve takes no arguments")
		}
		h, err := openHouse(ctx, c.cfg, c.proc.Environ, openOptions{})
		if err != nil {
			return err
		}
		defer h.Close()
		return h.serve(ctx, env)
	}
}

// serve listens, runs the clocks and jobs, and drains when ctx ends.
func (h *House) serve(ctx context.Context, env *cli.Env) error {
	if err := h.demoAllowed(ctx); err != nil {
		return err
	}
	h.sayKeys(env)
	addr := h.cfg.get("listen")
	if _, p, _ := net.SplitHostPort(addr); p == "0" && h.cfg.get("origin") == "" {
		addr = "127.0.0.1:0" // a free port means localhost, whatever the host says (decisions §8)
	}
	listeners, port, err := listen(addr)
	if err != nil {
		return err
	}
	if h.cfg.get("origin") == "" {
		scheme := "http"
		if h.cfg.get("tls-cert") != "" {
			scheme = "https"
		}
		h.origin = fmt.Sprintf("%s://localhost:%d", scheme, port)
	}
	defer func() {
		if h.unsealChild != nil {
			_ = h.unsealChild.Stop()
		}
	}()
	away, err := h.unsealingAway(ctx)
	if err != nil {
		return err
	}
	if err := h.tidy(ctx); err != nil {
		return err
	}
	handler, err := h.handler(port)
	if err != nil {
		return err
	}
	srv := newServer(handler)
	srv.RegisterOnShutdown(func() { h.Intel.EndFollowing(context.WithoutCancel(ctx), ident.SystemPart("setup")) })
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWork()
	var wg sync.WaitGroup
	wg.Go(func() { h.Audit.Run(work) })
	wg.Go(func() { h.Packs.Run(work) })
	if away {
		wg.Go(func() { h.meetLater(work) })
	}
	wg.Go(func() {
		if err := h.runner.Run(work); err != nil {
			slog.Error("jobs", "error", err)
		}
	})
	if h.cfg.get("database") == "" {
		if err := h.listenCommands(work); err != nil {
			return err
		}
	}
	if err := h.startMailbox(work); err != nil {
		return err
	}
	if err := h.startInternal(work, env); err != nil {
		return err
	}
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		if cert := h.cfg.get("tls-cert"); cert != "" {
			if l, err = overTLS(l, cert, h.cfg.get("tls-key")); err != nil {
				return err
			}
		}
		go func() { failed <- srv.Serve(l) }()
	}
	if err := h.greet(ctx, env); err != nil {
		return err
	}
	h.ready.Store(true)
	fmt.Fprintf(env.Out, "listening on %s\n", h.origin)
	defer time.AfterFunc(time.Second, rest).Stop()
	select {
	case <-ctx.Done():
	case err := <-failed:
		return err
	}
	h.ready.Store(false)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	err = srv.Shutdown(drain)
	stopWork()
	wg.Wait()
	return err
}

// newServer bounds what a caller may send before anybody has read it.
func newServer(handler http.Handler) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug)}
}

// listen opens addr; a loopback name is bound on 127.0.0.1 and ::1 both, on the
// same port, so that both names work (passkeys refuse an address as their domain).
func listen(addr string) (all []net.Listener, port int, err error) {
	host, p, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, 0, cli.UsageError("listen: %v", err)
	}
	if !loopback(host) {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return nil, 0, listenFault(addr, err)
		}
		return []net.Listener{l}, l.Addr().(*net.TCPAddr).Port, nil
	}
	for try := 0; ; try++ {
		l4, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", p))
		if err != nil {
			return nil, 0, listenFault(addr, err)
		}
		port = l4.Addr().(*net.TCPAddr).Port
		l6, err := net.Listen("tcp6", fmt.Sprintf("[::1]:%d", port))
		if err == nil {
			return []net.Listener{l4, l6}, port, nil
		}
		var oe *net.OpError
		if p != "0" || try > 20 || errors.As(err, &oe) && !errors.Is(err, errInUse) {
			return []net.Listener{l4}, port, nil // a machine without IPv6
		}
		_ = l4.Close() // somebody has that port on ::1: take another
	}
}

func listenFault(addr string, err error) error {
	return fault.New(fault.Unavailable, "cannot listen on %s: choose another --listen", addr).Because(err)
}

// overTLS speaks TLS 1.2 and above on a listener, with a certificate and its key in files.
func overTLS(l net.Listener, cert, key string) (net.Listener, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, cli.UsageError("tls-cert: %v", err)
	}
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}), nil
}
