package intake

import (
	"context"
	"io"

	"straza/internal/craft/form"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/blob"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/vault/unseal"
)

// Org is an organisation as the registry knows it.
type Org struct {
	ID     int64
	UUID   string
	Name   string
	Sector string
	CERT   int64 // who looks after it; its own id for a CERT
}

// Registry is what intake needs to know of who is who.
type Registry interface {
	// HostTx gives the CERT that runs this installation.
	HostTx(ctx context.Context, tx *store.Tx) (Org, error)
	// OrgTx gives an organisation that intake itself may know of. Faults: NotFound.
	OrgTx(ctx context.Context, tx *store.Tx, id int64) (Org, error)
	// RefTx gives an organisation by UUID or exact name, as who may see it. Faults: NotFound.
	RefTx(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (Org, error)
	// RecogniseTx finds the organisation behind an address or a name; by says how.
	RecogniseTx(ctx context.Context, tx *store.Tx, email, name string) (o Org, by string, found bool, err error)
	// CERTsTx lists the CERTs of this installation, the host first.
	CERTsTx(ctx context.Context, tx *store.Tx) ([]Org, error)
}

// CaseSeed is what a case is opened with. It holds chosen facts, never who reported.
type CaseSeed struct {
	Report        int64
	Number        string // of the report
	Audience      int64
	CERT          int64
	Title         string
	Summary       string // plain; of a sealed report what the analyst wrote
	Severity      string
	TLP, PAP      string
	RSIT          []string
	National      []string
	Org           int64
	OrgName       string
	Sector        string
	AwareAt       int64 // µs: when we got to know, the report's receipt
	Vulnerability bool
}

// Cases is the room above: where accepted reports go.
type Cases interface {
	// OpenFromReportTx opens a case and links the report to it.
	OpenFromReportTx(ctx context.Context, tx *store.Tx, who ident.Actor, seed CaseSeed) (caseID int64, number string, err error)
	// LinkReportTx links a report to a case that is there. Faults: NotFound.
	LinkReportTx(ctx context.Context, tx *store.Tx, who ident.Actor, number string, seed CaseSeed) (caseID int64, err error)
	// UnlinkReportTx takes either back; a case opened by mistake is left to its room.
	UnlinkReportTx(ctx context.Context, tx *store.Tx, who ident.Actor, caseID, report int64) error
	// OpenTx tells whether a case is still worked on.
	OpenTx(ctx context.Context, tx *store.Tx, who ident.Actor, caseID int64) (bool, error)
}

// Opener is the door to the unsealing process.
type Opener interface {
	unseal.Door
	unseal.Roster
}

// Colleague is somebody of a CERT's team who may be let at sealed reports.
type Colleague struct{ Name, Email string }

// Deps are what the room is made of. Opener and Cases may be nil: then sealed
// reports cannot be opened here, and nothing can be accepted.
type Deps struct {
	DB       *store.DB
	Vault    *vault.Vault
	Blobs    *blob.Store
	Audit    *audit.Log
	Registry Registry
	Cases    Cases
	Opener   func() Opener // asked each time: the process may come and go
	Book     func() *Book  // the packs in force
	Origin   func() string // for links in letters

	// Passkeys are the asker's own, with their public halves; Readers are the people of
	// the asker's team who hold sealed.read. nil = there are none.
	Passkeys func(ctx context.Context, who ident.Actor) ([]unseal.Passkey, error)
	Readers  func(ctx context.Context, who ident.Actor) ([]Colleague, error)
}

// Service is the room.
type Service struct {
	Deps
	Drafts *form.Drafts
	week   weekCache
}

// New makes the room.
func New(d Deps) *Service {
	if d.Opener == nil {
		d.Opener = func() Opener { return nil }
	}
	if d.Passkeys == nil {
		d.Passkeys = func(context.Context, ident.Actor) ([]unseal.Passkey, error) { return nil, nil }
	}
	if d.Readers == nil {
		d.Readers = func(context.Context, ident.Actor) ([]Colleague, error) { return nil, nil }
	}
	if d.Origin == nil {
		d.Origin = func() string { return "" }
	}
	return &Service{Deps: d, Drafts: form.NewDrafts(d.DB, d.Vault, d.Blobs)}
}

// record writes an act's audit line. A report without a name behind it tells neither
// when nor by which request its reporter acted.
func (s *Service) record(ctx context.Context, tx *store.Tx, who ident.Actor, verb string, r *Report, detail any) error {
	on := audit.Thing{Kind: "report", ID: r.ID, Label: r.Number}
	if !r.Anonymous || who.Kind == ident.Person || who.Kind == ident.Operator {
		return s.Audit.Record(ctx, tx, who, verb, on, detail)
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	id, err := s.randomID()
	if err != nil {
		return err
	}
	who.RequestID = ""
	return s.Audit.RecordAt(ctx, tx, who, hour(now), id, verb, on, detail)
}

// randomID draws a 53-bit id that does not tell when it was made.
func (s *Service) randomID() (int64, error) {
	var b [8]byte
	if _, err := io.ReadFull(s.DB.Clock, b[:]); err != nil {
		return 0, err
	}
	var n int64
	for _, x := range b {
		n = n<<8 | int64(x)
	}
	return n&(1<<53-1) | 1, nil
}

// newID is a random id for what belongs to an anonymous report, else the usual one.
func (s *Service) newID(anonymous bool) (int64, error) {
	if anonymous {
		return s.randomID()
	}
	return s.DB.NewID(), nil
}

// mayTriage: the right, and a team to work in.
func mayTriage(who ident.Actor) error { return access.Check(who, "intake.triage") }
