package app

import (
	"context"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"straza/internal/advisory"
	"straza/internal/catalog"
	"straza/internal/craft/pack"
	"straza/internal/craft/rule"
	"straza/internal/craft/seal"
	"straza/internal/craft/thread"
	"straza/internal/incident"
	"straza/internal/intake"
	"straza/internal/intel"
	"straza/internal/intel/bulk"
	"straza/internal/intel/dossier"
	"straza/internal/intel/enrich"
	"straza/internal/intel/expiry"
	"straza/internal/intel/feed"
	"straza/internal/intel/remark"
	"straza/internal/intel/upload"
	"straza/internal/kernel/account"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault/unseal"
	"straza/internal/kernel/web"
	"straza/internal/peer"
	"straza/internal/peer/poll"
	"straza/internal/privacy"
	"straza/internal/registry"
	"straza/internal/site"
)

var errInUse = syscall.EADDRINUSE

// rooms are the Services of every room and what serving adds.
type rooms struct {
	Catalog  *i18n.Catalog
	Post     *mail.Post
	Accounts *account.Service
	Registry *registry.Service
	Lists    *catalog.Service
	Intel    *intel.Service
	Remarks  *remark.Service
	Dossiers *dossier.Service
	Uploads  *upload.Service
	Bulk     *bulk.Service
	Feeds    *feed.Service
	Enrich   *enrich.Service
	Expiry   *expiry.Service
	Peers    *peer.Service
	Polls    *poll.Service
	Threads  *thread.Desk
	Seal     *seal.Office
	Advisory *advisory.Service
	Intake   *intake.Service
	Incident *incident.Service
	Privacy  *privacy.Service
	Packs    *pack.Library
	Rules    *rule.Service
	texts    func() *site.Texts

	runner *jobs.Runner
	origin string
	uuid   string
	ready  atomic.Bool
	mux    *web.Mux

	unsealing   *unseal.Client
	unsealChild *unseal.Child
	door        *unseal.Server // instead of them, in the process that fills the demo
}

// wire makes every Service, lower rooms first.
func (h *House) wire(ctx context.Context) (err error) {
	if h.Catalog, err = i18n.NewCatalog(messageFiles()...); err != nil {
		return err
	}
	h.origin = h.cfg.origin()
	var server mail.Server
	if url := h.cfg.get("mail"); url != "" {
		if server, err = mail.ParseSMTP(url); err != nil {
			return err
		}
	}
	h.Post = mail.New(h.DB, server, mailFrom(h.cfg))
	h.Packs, err = pack.Open(ctx, pack.Deps{DB: h.DB, Audit: h.Audit, Clock: h.clock, Own: []fs.FS{registry.Packs, intake.Packs, site.Packs, remark.Packs}})
	if err != nil {
		return err
	}
	var lists pack.Held[registry.Pack]
	if err := h.Packs.Follow(pack.Read(&lists, registry.OpenPack)); err != nil {
		return err
	}
	if h.Registry, err = registry.New(registry.Deps{DB: h.DB, Audit: h.Audit, Pack: lists.Now, Letters: h.askingLetters(), Founded: h.foundedTx}); err != nil {
		return err
	}
	h.Accounts = account.New(account.Deps{DB: h.DB, Audit: h.Audit, Keys: h.Vault, Orgs: orgsOf{h.Registry},
		Letters: account.Mail{Post: h.Post, Catalog: h.Catalog, House: "Straža"},
		Config:  account.Config{Origin: func() string { return h.origin }, Demo: h.cfg.demo(), Hash: h.hashCost(), ByHand: h.cfg.get("mail") == "" && !h.cfg.demo(), Scopes: h.scopes, Enrolled: h.enrolFirst}})
	h.Post.Use(rings{h})
	h.Lists = catalog.New(catalog.Deps{DB: h.DB, Audit: h.Audit})
	h.Intel = intel.New(intel.Deps{DB: h.DB, Audit: h.Audit, Registry: h.Registry, Vault: h.Vault, Lists: h.Lists, Remarks: saidOf{h}})
	var communities pack.Held[remark.Communities]
	if err := h.Packs.Follow(pack.Read(&communities, remark.OpenCommunities)); err != nil {
		return err
	}
	h.Remarks = remark.New(remark.Deps{DB: h.DB, Audit: h.Audit, Intel: h.Intel, Vault: h.Vault, Post: h.Post, People: h.Accounts, Text: h.Catalog, Link: h.eventLink, Contacts: h.contactsOf, Communities: communities.Now})
	h.Dossiers = dossier.New(dossier.Deps{DB: h.DB, Audit: h.Audit, Intel: h.Intel, Catalog: h.Lists})
	h.Bulk = bulk.New(bulk.Deps{DB: h.DB, Audit: h.Audit, Intel: h.Intel, People: h.Accounts})
	h.Uploads = upload.New(upload.Deps{DB: h.DB, Audit: h.Audit, Intel: h.Intel, Blobs: h.Blobs, Keys: h.Vault, People: h.Accounts})
	h.Feeds = feed.New(feed.Deps{DB: h.DB, Audit: h.Audit, Intel: h.Intel, Lists: h.Lists, Registry: h.Registry, World: h.world(), Keys: h.Vault,
		People: h.Accounts, Folder: filepath.Join(h.cfg.data(), "feeds")})
	h.Enrich = enrich.New(enrich.Deps{DB: h.DB, Audit: h.Audit, Intel: h.Intel, Lists: h.Lists, Registry: h.Registry, World: h.modules(), Keys: h.Vault})
	h.Expiry = expiry.New(expiry.Deps{DB: h.DB, Audit: h.Audit, Intel: h.Intel, Models: h.Lists})
	h.Seal = seal.New(seal.Deps{DB: h.DB, Audit: h.Audit, Vault: h.Vault, Owner: h.sealOwner})
	h.Post.Sign(h.Seal)
	h.Peers = peer.New(peer.Deps{DB: h.DB, Audit: h.Audit, Intel: h.Intel, Remarks: h.Remarks, Dossiers: h.Dossiers, Catalog: h.Lists, Registry: h.Registry, Keys: h.Vault, Seal: h.Seal, Out: h.outward(), Origin: func() string { return h.origin }})
	h.Polls = poll.New(poll.Deps{DB: h.DB, Audit: h.Audit, Intel: h.Intel, Registry: h.Registry, Keys: h.Vault, Out: h.outward()})
	h.Threads = thread.New(thread.Deps{DB: h.DB, Audit: h.Audit, Blobs: h.Blobs, Mail: h.Post, Tokens: h.Vault, Text: h.Catalog, Keys: rings{h},
		Link: func(token string) string { return h.origin + "/sr-Cyrl/thread/" + token }})
	h.Advisory = advisory.New(advisory.Deps{DB: h.DB, Audit: h.Audit})
	if err := h.wireIntake(); err != nil {
		return err
	}
	if err := h.wirePrivacy(); err != nil {
		return err
	}
	h.wireRules()
	h.runner = jobs.New(h.DB, h.jobDefs(), h.subscriptions())
	if err := h.Accounts.Begin(ctx); err != nil {
		return err
	}
	if err := h.Lists.Seed(ctx, ident.SystemPart("importer")); err != nil {
		return err
	}
	if err := h.beginSeal(ctx); err != nil {
		return err
	}
	return h.DB.Update(ctx, func(tx *store.Tx) error { // the installation's own name among peers
		if h.uuid, err = store.Fact(ctx, tx, "installation.uuid"); err != nil || h.uuid != "" {
			return err
		}
		h.uuid = h.DB.NewUUID()
		return store.SetFact(ctx, tx, "installation.uuid", h.uuid)
	})
}

// askingLetters are what the registry asks contact points with.
func (h *House) askingLetters() *registry.Letters {
	return &registry.Letters{Post: h.Post, Tokens: h.Vault, Text: h.Catalog,
		Link: func(l i18n.Lang, token string) string { return h.origin + "/" + string(l) + "/contact-points/" + token }}
}

// hashCost is the full cost of passwords everywhere but in the demo country,
// whose forty passwords are printed anyway.
func (h *House) hashCost() account.Cost {
	if h.cheapHash {
		return account.Cost{KiB: 256, Passes: 1, Lanes: 1}
	}
	return account.Cost{}
}

// eventLink is the page of an event, in the console or in the portal.
func (h *House) eventLink(event string, onTeam bool) string {
	room := "/portal/events/"
	if onTeam {
		room = "/console/events/"
	}
	return h.origin + room + event
}

// contactsOf are the office addresses of an organisation's contacts, on duty first; a
// contact from which letters came back is passed over.
func (h *House) contactsOf(ctx context.Context, who ident.Actor, org string) (out []remark.Addressee, err error) {
	list, err := h.Registry.Contacts(ctx, who, org)
	if err != nil {
		if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Denied) {
			err = nil
		}
		return nil, err
	}
	for _, c := range list {
		if c.Email != "" && c.Freshness != registry.Bouncing {
			out = append(out, remark.Addressee{Email: c.Email, Lang: c.Lang})
		}
	}
	return out, nil
}

// saidOf hands the analyst data inside events to the chamber that keeps it.
type saidOf struct{ h *House }

func (s saidOf) CaptureTx(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, list []intel.Said) error {
	return s.h.Remarks.CaptureTx(ctx, tx, who, event, list)
}

// orgsOf names the registry's organisations to accounts.
type orgsOf struct{ s *registry.Service }

func (o orgsOf) OrgTx(ctx context.Context, tx *store.Tx, id int64) (account.Org, error) {
	return asOrg(o.s.OrgTx(ctx, tx, ident.SystemPart("setup"), id))
}

func (o orgsOf) FindOrgTx(ctx context.Context, tx *store.Tx, find string) (account.Org, error) {
	return asOrg(o.s.OrgByRefTx(ctx, tx, ident.SystemPart("setup"), find))
}

func asOrg(o registry.Organisation, err error) (account.Org, error) {
	return account.Org{ID: o.ID, UUID: o.UUID, Name: o.Name, CERT: o.Kind == "cert"}, err
}
