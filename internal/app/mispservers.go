package app

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"straza/internal/format/openpgp"
	"straza/internal/intel/intelmisp"
	"straza/internal/intel/intelweb"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/peer"
	"straza/internal/registry"

	"golang.org/x/mod/sumdb/note"
)

// mispServers shows peers as MISP's surface wants its servers.
type mispServers struct{ h *House }

func (m mispServers) Servers(ctx context.Context, who ident.Actor) (out []intelmisp.Server, err error) {
	list, err := m.h.Peers.Peers(ctx, who)
	for i := range list {
		s, err := m.server(ctx, who, &list[i])
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, err
}

func (m mispServers) server(ctx context.Context, who ident.Actor, p *peer.Peer) (s intelmisp.Server, err error) {
	s = intelmisp.Server{ID: p.ID, Name: p.Name, URL: p.URL, Priority: int64(p.Priority), PullRules: p.PullRules.Text(), PushRules: p.PushRules.Text()}
	orgs, err := m.h.Registry.Orgs(ctx, ident.SystemPart("setup"), []int64{p.Org, p.RemoteOrg})
	if err != nil {
		return s, err
	}
	for id, to := range map[int64]*intelmisp.Org{p.Org: &s.Org, p.RemoteOrg: &s.RemoteOrg} {
		o := orgs[id]
		*to = intelmisp.Org{ID: o.ID, UUID: o.UUID, Name: o.Name, Local: o.Local}
	}
	b, err := json.Marshal(p.Flags)
	if err == nil {
		err = json.Unmarshal(b, &s.Flags)
	}
	return s, err
}

func (m mispServers) SaveServer(ctx context.Context, who ident.Actor, ref string, s intelmisp.Server, key string) (out intelmisp.Server, err error) {
	var flags peer.Flags
	b, err := json.Marshal(s.Flags)
	if err == nil {
		err = json.Unmarshal(b, &flags)
	}
	if err != nil {
		return out, err
	}
	set := func(p *peer.Peer) (err error) {
		p.Name, p.URL, p.Priority = s.Name, s.URL, int(s.Priority)
		flags.PullSightings = p.PullSightings || ref == "" // no switch of MISP's: it pulls them always
		p.Flags = flags
		if p.PullRules, err = peer.ParseRules(s.PullRules); err == nil {
			p.PushRules, err = peer.ParseRules(s.PushRules)
		}
		return err
	}
	remote := peer.Remote{UUID: s.RemoteOrg.UUID, Name: s.RemoteOrg.Name}
	if s.RemoteOrg.ID != 0 {
		remote = peer.Remote{Ref: strconv.FormatInt(s.RemoteOrg.ID, 10)}
	}
	var p peer.Peer
	if ref == "" {
		if err = set(&p); err == nil {
			p, err = m.h.Peers.Add(ctx, who, p, key, remote)
		}
	} else {
		p, err = m.h.Peers.Edit(ctx, who, ref, key, remote, set)
	}
	if err != nil {
		return out, err
	}
	return m.server(ctx, who, &p)
}

func (m mispServers) DeleteServer(ctx context.Context, who ident.Actor, ref string) error {
	return m.h.Peers.Delete(ctx, who, ref)
}

func (m mispServers) TestServer(ctx context.Context, who ident.Actor, ref string) (int, any, error) {
	p, err := m.h.Peers.Test(ctx, who, ref)
	return int(p.Health.Code), p.Health.Able, err
}

func (m mispServers) StartServer(ctx context.Context, who ident.Actor, ref, way, technique string) error {
	_, err := m.h.Peers.Start(ctx, who, ref, way, peer.Options{Technique: technique})
	if fault.Is(err, fault.Conflict) { // under way already
		return nil
	}
	return err
}

// wentTo tells, for who may know of peers, what became of an event at each.
func (h *House) wentTo(ctx context.Context, who ident.Actor, event int64) (out []intelweb.Went, err error) {
	if !access.Allowed(who, "peer.read") {
		return nil, nil
	}
	list, err := h.Peers.WhyNot(ctx, who, strconv.FormatInt(event, 10))
	for _, a := range list {
		x := intelweb.Went{Peer: a.Peer, Href: "/console/peers/" + strconv.FormatInt(a.PeerID, 10), State: a.State, Reason: a.Reason, Detail: a.Detail}
		if a.At > 0 {
			x.At = clock.FromMicros(a.At)
		}
		out = append(out, x)
	}
	return out, err
}

// signForPeers signs what peers are told of deletions, with a name of its own: nothing
// signed for peers can be taken for a checkpoint of the audit log.
func (h *House) signForPeers(text string) (signed, verifier string, err error) {
	signer, verifier, err := h.Vault.Signer("straza/peer")
	if err != nil {
		return "", "", err
	}
	b, err := note.Sign(&note.Note{Text: text}, signer)
	return string(b), verifier, err
}

// sealOwner is whom the installation's OpenPGP key names.
func (h *House) sealOwner() openpgp.Owner {
	o, err := h.Registry.Host(context.Background(), ident.SystemPart("setup"))
	if err != nil || o.Name == "" {
		o.Name = "Straža"
	}
	return h.sealNames(o)
}

func (h *House) sealNames(host registry.Organisation) openpgp.Owner {
	return openpgp.Owner{Name: host.Name, Email: mail.Address(mailFrom(h.cfg))}
}

// foundedTx gives the installation its OpenPGP key in the act that makes its host.
func (h *House) foundedTx(ctx context.Context, tx *store.Tx, host registry.Organisation) error {
	return h.Seal.FoundTx(ctx, tx, ident.SystemPart("seal"), h.sealNames(host))
}

// beginSeal gives it to a house that had its host before there were keys.
func (h *House) beginSeal(ctx context.Context) error {
	if _, err := h.Registry.Host(ctx, ident.SystemPart("setup")); fault.Is(err, fault.NotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return h.Seal.Begin(ctx, ident.SystemPart("seal"))
}

// publicKey serves the installation's OpenPGP key where MISP has it.
func (h *House) publicKey(w http.ResponseWriter, r *http.Request) error {
	keys, err := h.Seal.Keys(r.Context(), web.Actor(r))
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return fault.New(fault.NotFound, "the installation has no host yet, and no key")
	}
	w.Header().Set("Content-Type", "application/pgp-keys")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, err = io.WriteString(w, keys[0].Armored)
	return err
}
