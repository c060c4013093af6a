package registryapi

import (
	"net/http"
	"time"

	"straza/internal/kernel/clock"
	"straza/internal/kernel/web"
	"straza/internal/registry"
)

const keysAt = "/api/v1/letter-keys"

// keyRoutes are the OpenPGP keys under which letters leave: who may write the registry
// sees and keeps those of the own CERT.
func (a *api) keyRoutes(m *web.Mux) {
	write := web.Perm("registry.write")
	m.Handle(
		web.Route{Method: http.MethodGet, Pattern: keysAt, Policy: write, Scope: "registry:write", Reveals: "addresses whose OpenPGP keys the CERT keeps", Handler: a.keys},
		web.Route{Method: http.MethodPost, Pattern: keysAt, Policy: write, Scope: "registry:write", Mutates: true, Reveals: "the key that was entered", Handler: a.setKey},
		web.Route{Method: http.MethodDelete, Pattern: keysAt + "/{key}", Policy: write, Scope: "registry:write", Mutates: true, Handler: a.dropKey},
	)
}

// letterKey is a key as clients get it.
type letterKey struct {
	ID          string   `json:"id"`
	Address     string   `json:"address"`
	Fingerprint string   `json:"fingerprint"`
	Names       []string `json:"names"`
	Expires     *string  `json:"expires"`
	State       string   `json:"state"` // good, soon, expired
	Key         string   `json:"key"`
	Created     string   `json:"created"`
}

func letterKeyOf(k *registry.LetterKey, now time.Time) letterKey {
	out := letterKey{ID: k.UUID, Address: k.Address, Fingerprint: k.Fingerprint, Names: append([]string{}, k.Names...), State: "good", Key: k.Armored, Created: stamp(k.Created)}
	if k.Expires > 0 {
		at := stamp(k.Expires)
		out.Expires = &at
	}
	switch {
	case k.Gone(now):
		out.State = "expired"
	case k.Soon(now):
		out.State = "soon"
	}
	return out
}

func stamp(us int64) string { return clock.FromMicros(us).UTC().Format(time.RFC3339) }

func (a *api) keys(w http.ResponseWriter, r *http.Request) error {
	list, err := a.s.LetterKeys(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	out := make([]letterKey, len(list))
	for i := range list {
		out[i] = letterKeyOf(&list[i], web.Now(r))
	}
	return web.JSON(w, http.StatusOK, web.NewList(out, ""))
}

func (a *api) setKey(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Address string `json:"address"`
		Key     string `json:"key"` // in ASCII armour
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	k, err := a.s.SetLetterKey(r.Context(), web.Actor(r), in.Address, in.Key)
	if err != nil {
		return err
	}
	return web.JSON(w, http.StatusCreated, letterKeyOf(&k, web.Now(r)))
}

func (a *api) dropKey(w http.ResponseWriter, r *http.Request) error {
	if _, err := a.s.DropLetterKey(r.Context(), web.Actor(r), r.PathValue("key")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
