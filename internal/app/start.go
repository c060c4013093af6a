package app

import (
	"context"
	"io"
	"net/http"
	"net/netip"
	"time"

	"straza/internal/catalog/catalogcli"
	"straza/internal/format/expansion"
	"straza/internal/incident/incidentcli"
	"straza/internal/intake/intakecli"
	"straza/internal/intel/intelcli"
	"straza/internal/kernel/account/accountcli"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/outbound"
	"straza/internal/kernel/store"
	"straza/internal/peer/peercli"
	"straza/internal/privacy/privacycli"
	"straza/internal/registry"
	"straza/internal/registry/registrycli"
)

// roomCommands joins the commands of all rooms; h is nil while a command line is
// only being parsed.
func roomCommands(h *House) []cli.Command {
	if h == nil {
		h = &House{}
	}
	all := h.kernelCommands()
	all = append(all, accountcli.Commands(h.Accounts, h.findOrg, h.wall())...)
	all = append(all, registrycli.Commands(h.Registry)...)
	all = append(all, intakecli.Commands(h.Intake)...)
	all = append(all, incidentcli.Commands(h.Incident)...)
	all = append(all, privacycli.Commands(h.Privacy)...)
	all = append(all, catalogcli.Commands(h.Lists, h.fetch)...)
	all = append(all, intelcli.Commands(h.Intel, h.Registry, h.origin, peercli.Move(h.Peers))...)
	all = append(all, intelcli.Known(h.Enrich, h.fetch)...)
	all = append(all, peercli.Commands(h.Peers)...)
	all = append(all, peercli.TAXII(h.Polls)...)
	all = append(all, intelcli.Collections(h.Intel, h.Registry)...)
	return all
}

// fetch gets a file from the world through the guarded client: private networks
// only where --allow-net says so.
func (h *House) fetch(ctx context.Context, url string) (io.ReadCloser, error) {
	resp, err := h.world().Get(ctx, url)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fault.New(fault.Unavailable, "%s answers %s", url, resp.Status)
	}
	return resp.Body, nil
}

// world is the guarded client for what is large: catalogues, feeds.
func (h *House) world() *outbound.Client {
	cfg := h.outward()
	cfg.Timeout, cfg.MaxBytes = 10*time.Minute, 512<<20
	return outbound.New(cfg)
}

// modules is the guarded client for servers of expansion modules: small answers, the wait
// is each server's own, and where it redirects to nobody decided.
func (h *House) modules() *outbound.Client {
	cfg := h.outward()
	cfg.Timeout, cfg.MaxBytes, cfg.NoRedirects = 3*time.Minute, 2*expansion.MaxAnswer, true
	return outbound.New(cfg)
}

// outward says which private networks may be reached.
func (h *House) outward() (cfg outbound.Config) {
	for _, n := range h.cfg.list("allow-net") {
		cfg.Allow = append(cfg.Allow, netip.MustParsePrefix(n)) // checked when the settings were read
	}
	return cfg
}

func (h *House) wall() clock.Clock {
	if h.clock == nil {
		return clock.System()
	}
	return h.clock
}

// findOrg finds an organisation for the command line: a UUID or an exact name.
func (h *House) findOrg(ctx context.Context, find string) (int64, error) {
	o, err := h.Registry.OrgByRef(ctx, ident.SystemPart("setup"), find)
	return o.ID, err
}

func (h *House) resolveEmail(ctx context.Context, op ident.Actor, email string) (ident.Actor, error) {
	return h.Accounts.As(ctx, op, email)
}

// firstHost makes the first CERT of an empty installation, or gives the one there is.
func (h *House) firstHost(ctx context.Context, who ident.Actor, name string) (int64, error) {
	setup := ident.SystemPart("setup")
	if o, err := h.Registry.Host(ctx, setup); err == nil {
		return o.ID, nil
	}
	setup.Channel, setup.RequestID = who.Channel, who.RequestID
	o, err := h.Registry.Add(ctx, setup, registry.Draft{Name: name, Kind: "cert"})
	return o.ID, err
}

const demoFact = "demo.seed"

// demoAllowed refuses --demo on an installation that straza demo has not filled.
func (h *House) demoAllowed(ctx context.Context) error {
	if !h.cfg.demo() {
		return nil
	}
	var seed string
	if err := h.DB.View(ctx, func(tx *store.Tx) (err error) { seed, err = store.Fact(ctx, tx, demoFact); return err }); err != nil {
		return err
	}
	if seed == "" {
		return cli.RefusedError("--demo shows every letter and lets anybody in: it is only for an installation that straza demo has filled")
	}
	return nil
}

// startMailbox takes letters in when an address to listen on is set.
func (h *House) startMailbox(ctx context.Context) error {
	addr := h.cfg.get("mail-listen")
	if addr == "" {
		return nil
	}
	at, err := mail.Listen(ctx, addr, h.Post.Domain(), h.Threads)
	if err == nil {
		h.mailAddr = at.String()
	}
	return err
}

// tidy takes away what a kill left half loaded.
func (h *House) tidy(ctx context.Context) error {
	_, err := h.Intel.RemoveUnfinished(ctx, ident.SystemPart("importer"))
	return err
}

// greet prints, on an empty installation, the link for the first administrator.
func (h *House) greet(ctx context.Context, env *cli.Env) error {
	link, err := h.Accounts.SetupLink(ctx)
	if err == nil && link != "" {
		env.Say("No account exists yet. Make the first administrator here, once: %s", link)
	}
	return err
}
