package app

import (
	"time"

	"straza/internal/craft/rule"
	"straza/internal/incident"
	"straza/internal/intel/reflex"
	"straza/internal/kernel/outbound"
)

// wireRules hands the rooms' triggers and actions to rules without code.
func (h *House) wireRules() {
	events := reflex.Deps{Intel: h.Intel, Registry: h.Registry, Expiry: h.Expiry, Enrich: h.Enrich}
	triggers := append(reflex.Triggers(events), incident.Triggers(h.Incident)...)
	actions := append(reflex.Actions(events), incident.Actions(h.Incident, reflex.Names())...)
	h.Rules = rule.New(rule.Deps{DB: h.DB, Audit: h.Audit, People: h.Accounts, Post: h.Post, Text: h.Catalog, World: h.receivers(),
		Keys: h.Vault, Origin: func() string { return h.origin }}, triggers, actions)
}

// receivers is the guarded way to the addresses that rules call: little time and few
// bytes, because workers wait for them, and nothing that is signed follows a redirect.
func (h *House) receivers() *outbound.Client {
	cfg := h.outward()
	cfg.Timeout, cfg.MaxBytes, cfg.NoRedirects = 10*time.Second, 64<<10, true
	return outbound.New(cfg)
}
