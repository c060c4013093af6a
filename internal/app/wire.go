package app

import (
	"context"
	"net/netip"
	"sync/atomic"
	"syscall"

	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault/unseal"
	"straza/internal/kernel/web"
)

var errInUse = syscall.EADDRINUSE

// rooms are the Services of every room and what serving adds.
type rooms struct {
	runner *jobs.Runner
	origin string
	ready  atomic.Bool
	mux    *web.Mux
	Post   *mail.Post

	unsealing   *unseal.Client
	unsealChild *unseal.Child
}

// wire makes every Service, lower rooms first.
func (h *House) wire(_ context.Context) error {
	var server mail.Server
	if url := h.cfg.get("mail"); url != "" {
		s, err := mail.ParseSMTP(url)
		if err != nil {
			return err
		}
		server = s
	}
	h.Post = mail.New(h.DB, server, mailFrom(h.cfg))
	h.runner = jobs.New(h.DB, h.jobDefs(), h.subscriptions())
	return nil
}

// roomCommands joins the commands of all rooms; h is nil while a command line is
// only being parsed.
func roomCommands(h *House) []cli.Command {
	if h == nil {
		h = &House{}
	}
	return h.kernelCommands()
}

func (h *House) resolveEmail(context.Context, string) (ident.Actor, error) {
	return ident.Actor{}, fault.New(fault.NotFound, "no accounts yet")
}

func (h *House) endSessionsTx(context.Context, *store.Tx) error { return nil }
func (h *House) demoAllowed(context.Context) error              { return nil }
func (h *House) startMailbox(context.Context) error             { return nil }
func (h *House) startInternal(context.Context) error            { return nil }
func (h *House) greet(context.Context, *cli.Env) error          { return nil }

func (h *House) gate() web.Gate       { return nobody{} }
func (h *House) limiter() web.Limiter { return nil }

type nobody struct{}

func (nobody) BySession(context.Context, string) (ident.Actor, error) {
	return ident.Actor{}, fault.New(fault.NotFound, "no accounts yet")
}
func (nobody) ByKey(context.Context, string, netip.Addr, ident.Channel) (ident.Actor, error) {
	return ident.Actor{}, fault.New(fault.NotFound, "no accounts yet")
}

func (c *call) demoCommand() cli.Command { return cli.Command{Name: "demo"} }
