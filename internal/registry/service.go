package registry

import (
	"context"
	"strings"

	"straza/internal/craft/pack"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Deps are what the room works with. Pack gives the lists in force; nil = those that
// come with the program. Without Letters no contact is asked anything.
type Deps struct {
	DB      *store.DB
	Audit   *audit.Log
	Pack    func() *Pack
	Letters *Letters
	// Founded belongs to the act that makes the host; nil where nothing hangs on it.
	Founded func(ctx context.Context, tx *store.Tx, host Organisation) error
}

// Service is the room's door. Reading needs registry.read (or registry.read-own:
// the own record and the cards of others), writing registry.write; organisations
// keep their own contacts right with registry.write-own; merging is registry.merge.
type Service struct {
	db      *store.DB
	audit   *audit.Log
	pack    func() *Pack
	letters *Letters
	founded func(ctx context.Context, tx *store.Tx, host Organisation) error
	table   holders
}

// New makes the service.
func New(d Deps) (*Service, error) {
	s := &Service{db: d.DB, audit: d.Audit, pack: d.Pack, letters: d.Letters, founded: d.Founded}
	if s.pack == nil {
		own, err := OwnPack()
		if err != nil {
			return nil, err
		}
		s.pack = pack.Fixed(own)
	}
	return s, nil
}

// Lists gives the room's kinds, sectors and kinds of contact and asset; open to all.
func (s *Service) Lists(context.Context, ident.Actor) *Pack { return s.pack() }

func mayRead(who ident.Actor) error {
	if who.Kind == ident.System || access.Allowed(who, "registry.read-own") {
		return nil // a part of Straža sees what its policy row lets Visible show
	}
	return access.Check(who, "registry.read")
}

// mayWriteParts: a CERT team that sees the details, or an organisation its own.
func mayWriteParts(who ident.Actor, o Organisation) error {
	if o.Own && access.Allowed(who, "registry.write-own") {
		return nil
	}
	if err := access.Check(who, "registry.write"); err != nil {
		return err
	}
	if !o.Details && who.Kind != ident.Operator {
		return fault.New(fault.Denied, "the details of organisation %d are not open to %s", o.ID, who).WithKey("fault.denied")
	}
	return nil
}

// Keeps tells whether who may write the card of o, withdraw and merge it, when who
// may do that to any: the constituency decides (decisions §1). A team writes the
// records of those its CERT looks after, itself among them, and reads the others';
// who configures the installation writes all. Foreign ones are nobody's.
func Keeps(who ident.Actor, o Organisation) bool {
	return who.CERT == 0 || o.CERT == 0 || o.CERT == who.CERT || access.Allowed(who, "admin.use")
}

func mayWriteCard(who ident.Actor, o Organisation) error {
	if err := access.Check(who, "registry.write"); err != nil || Keeps(who, o) {
		return err
	}
	return fault.New(fault.Denied, "organisation %d is looked after by another CERT than that of %s", o.ID, who).WithKey("registry.fault.other-cert")
}

func thing(o Organisation) audit.Thing {
	return audit.Thing{Kind: "organisation", ID: o.ID, Label: o.UUID}
}

func taken() *fault.Error {
	return fault.New(fault.Conflict, "an organisation of this name or number exists already").WithKey("registry.fault.taken")
}

func stale() *fault.Error {
	return fault.New(fault.Conflict, "the organisation was changed meanwhile").WithKey("registry.fault.stale")
}

// record ends every act on an organisation that is already written: one row of
// history, one audit line with the names of the fields.
func (s *Service) record(ctx context.Context, tx *store.Tx, who ident.Actor, o Organisation, act string, fields []Field) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	if fields == nil {
		fields = []Field{}
	}
	actor := who.Name
	if actor == "" {
		actor = who.String()
	}
	_, err = tx.Exec(ctx, insertChange, tx.DB().NewID(), o.ID, o.detail, o.Version, now, who.String(), actor, act, jsonText(fields))
	if err != nil {
		return err
	}
	verb := "registry." + strings.ReplaceAll(act, "-", ".")
	return s.audit.Record(ctx, tx, who, verb, thing(o), map[string]any{"version": o.Version, "fields": names(fields)})
}

// touch raises the version of the aggregate after an act on one of its parts, and
// records the act.
func (s *Service) touch(ctx context.Context, tx *store.Tx, who ident.Actor, o *Organisation, act string, fields []Field) error {
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	if _, err = tx.Row(ctx, touchOrg, []any{o.ID, now}, &o.Version); err != nil {
		return err
	}
	o.Updated = instant(now)
	return s.record(ctx, tx, who, *o, act, fields)
}

// open loads the organisation that who wants to change, and holds its version
// against the one who saw; 0 = any. Merged ones do not change any more.
func open(ctx context.Context, tx *store.Tx, who ident.Actor, uuid string, version int64) (Organisation, error) {
	o, err := findOrg(ctx, tx, who, uuid)
	switch {
	case err != nil:
	case version != 0 && version != o.Version:
		err = stale()
	case o.State == Merged:
		err = fault.New(fault.Conflict, "organisation %d was merged into another", o.ID).WithKey("registry.fault.merged")
	}
	return o, err
}
