package intel

import (
	"context"
	"embed"
	"strconv"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/registry"
)

// Messages are the sentences of the room's faults, of the catalogues' and of the
// reasons why something may not leave.
//
//go:embed messages/*.json
var Messages embed.FS

// Deps is what the room needs.
type Deps struct {
	DB       *store.DB
	Audit    *audit.Log
	Registry *registry.Service
	Vault    *vault.Vault // attachments stand encrypted; nil = none can be kept
	Lists    Lists        // warning lists; nil = none
	Remarks  Remarks      // what keeps analyst data; nil = what comes inside events is left out
	// Untagged is what an event without a TLP label counts as on the ways out;
	// none given is GREEN: members and peers, never the public.
	Untagged tlp.Level
}

// Lists tells which warning lists a value stands on, and how values age; catalog.Service does.
type Lists interface {
	// Hits names the enabled lists that hold value, for attributes of this type.
	Hits(ctx context.Context, who ident.Actor, typ, value string) ([]Hit, error)
	// Missing names the required taxonomies of which none of the tags is.
	Missing(ctx context.Context, who ident.Actor, tags []string) ([]string, error)
	// Models gives the decaying models; with enabled only those in force.
	Models(ctx context.Context, who ident.Actor, enabled bool) ([]*catalog.DecayModel, error)
}

// Remarks keeps the analyst data that came inside an event and its parts, and binds
// what was waiting for it: remark.Service does, in the act that stores the event.
type Remarks interface {
	CaptureTx(ctx context.Context, tx *store.Tx, who ident.Actor, event int64, list []Said) error
}

// Said is one remark as it came: its kind, "Note", "Opinion" or "Relationship", and
// what it is about.
type Said struct {
	Kind, Target, TargetType string
	Analyst                  misp.Analyst
}

// Hit is one warning list that holds a value.
type Hit = catalog.Hit

// Service is the door to threat data. Safe for concurrent use.
type Service struct {
	db    *store.DB
	log   *audit.Log
	lists Lists
	said  Remarks

	registry *registry.Service
	vault    *vault.Vault
	untagged tlp.Level
	sharing  *turnstile
	follow   *follower
	counts   remembered

	few, strip int // how a text is looked for, see fewEvents; tests set them smaller
}

// New makes the room.
func New(d Deps) *Service {
	return &Service{db: d.DB, log: d.Audit, lists: d.Lists, said: d.Remarks, registry: d.Registry, vault: d.Vault, untagged: d.Untagged.Or(tlp.Green), sharing: newTurnstile(), follow: newFollower(),
		few: fewEvents, strip: stretched}
}

// onWire tells whether the caller came by a surface of the field's protocols,
// where MISP's own permission flags rule.
func onWire(who ident.Actor) bool { return who.Channel == ident.MISP || who.Channel == ident.TAXII }

// seesAll is MISP's site administrator: on the protocol surfaces only, with a
// key only, and every such read is audited (see view).
func seesAll(who ident.Actor) bool {
	return onWire(who) && who.Key != 0 && access.Allowed(who, "misp.site_admin")
}

func mayRead(who ident.Actor) error {
	if onWire(who) && access.Allowed(who, "misp.auth") {
		return nil
	}
	return access.Check(who, "intel.read")
}

func mayWrite(who ident.Actor) error {
	if who.ReadOnly {
		return fault.New(fault.Denied, "%s holds a read-only key", who).WithKey("fault.read-only")
	}
	if onWire(who) && access.Allowed(who, "misp.add") {
		return nil
	}
	return access.Check(who, "intel.write")
}

// mayEdit is mayChange, in part; what is protected is not changed so by who must sign.
func mayEdit(who ident.Actor, e Event) error {
	if err := mayChange(who, e); err != nil {
		return err
	}
	if e.IsProtected() && mustSign(who, &e, false) {
		return fault.New(fault.Denied, "event %d is protected, and %s signs no part of it", e.ID, who).WithKey(KeyProtected)
	}
	return nil
}

// mayChange: the organisation that made the event, the person who did, a peer's
// key on what came from a peer, and the site administrator (spec misp §5.9).
func mayChange(who ident.Actor, e Event) error {
	if err := mayWrite(who); err != nil {
		return err
	}
	own := who.Org != 0 && e.Origin.ID == who.Org
	switch {
	case own && access.Allowed(who, "misp.modify_org"),
		own && access.Allowed(who, "misp.modify") && e.Creator == who.Person && who.Person != 0,
		e.Locked && access.Allowed(who, "misp.sync"),
		who.Kind == ident.System && access.Allowed(who, "misp.modify_org"), // the importer, by its policy row
		seesAll(who):
		return nil
	}
	return fault.New(fault.Denied, "%s may not change event %d", who, e.ID).WithKey("intel.fault.foreign")
}

// view reads; when a site administrator reads past the audiences, the audit line
// is committed first.
func (s *Service) view(ctx context.Context, who ident.Actor, verb string, on audit.Thing, fn func(tx *store.Tx) error) error {
	if !seesAll(who) {
		return s.db.View(ctx, fn)
	}
	return s.db.ViewLogged(ctx, func(tx *store.Tx) error {
		return s.log.Record(ctx, tx, who, verb, on, map[string]any{"as": "site administrator"})
	}, fn)
}

func thing(e Event) audit.Thing { return audit.Thing{Kind: "event", ID: e.ID, Label: e.UUID} }

// refID reads how a caller names a thing: digits are an id, else a UUID.
func refID(ref string) (id int64, uuid string, err error) {
	if n, err := strconv.ParseInt(ref, 10, 64); err == nil && n > 0 {
		return n, "", nil
	}
	if u, ok := store.ParseUUID(ref); ok {
		return 0, u, nil
	}
	return 0, "", fault.New(fault.NotFound, "no such thing")
}
