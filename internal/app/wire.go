package app

import (
	"context"
	"net/http"
	"sync/atomic"
	"syscall"

	"straza/internal/kernel/cli"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

var errInUse = syscall.EADDRINUSE

// rooms are the Services of every room and what serving adds.
type rooms struct {
	runner *jobs.Runner
	origin string
	ready  atomic.Bool
}

// wire makes every Service, lower rooms first.
func (h *House) wire(_ context.Context) error {
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
func (h *House) startUnsealing(context.Context) error           { return nil }
func (h *House) startMailbox(context.Context) error             { return nil }
func (h *House) startInternal(context.Context) error            { return nil }
func (h *House) greet(context.Context, *cli.Env) error          { return nil }

func (h *House) jobDefs() []jobs.Def                { return nil }
func (h *House) subscriptions() []jobs.Subscription { return nil }

func (h *House) handler(int) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", h.health)
	return mux, nil
}

func (c *call) demoCommand() cli.Command        { return cli.Command{Name: "demo"} }
func (c *call) unsealCommand() cli.Command      { return cli.Command{Name: "unseal"} }
func (c *call) unsealEnrolCommand() cli.Command { return cli.Command{Name: "unseal enrol"} }
