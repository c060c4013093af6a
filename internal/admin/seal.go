package admin

import (
	"net/http"
	"strings"

	"straza/internal/format/openpgp"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// sealFacts shows the installation's OpenPGP key, and how many came before it.
func (p *pages) sealFacts(r *http.Request) (*ui.Facts, error) {
	if p.d.Seal == nil {
		return nil, nil
	}
	keys, err := p.d.Seal.Keys(r.Context(), web.Actor(r))
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	f := &ui.Facts{Items: []ui.Fact{{Label: web.T(r, "admin.seal.fingerprint"), Value: ui.Machine(openpgp.Spaced(keys[0].Fingerprint)), Wide: true},
		{Label: web.T(r, "admin.seal.made"), Value: clock.FromMicros(keys[0].Created)}}}
	var older []string
	for _, k := range keys[1:] {
		older = append(older, openpgp.Spaced(k.Fingerprint))
	}
	if len(older) > 0 {
		f.Items = append(f.Items, ui.Fact{Label: web.T(r, "admin.seal.older"), Value: ui.Machine(strings.Join(older, ", ")), Wide: true})
	}
	return f, nil
}

// rotateSeal makes a new key that signs from now on.
func (p *pages) rotateSeal(_ http.ResponseWriter, r *http.Request) error {
	if err := p.d.Seal.Rotate(r.Context(), web.Actor(r)); err != nil {
		return err
	}
	return web.Redirect(settingsAt+"#seal", web.Done("admin.seal.rotated"))
}
