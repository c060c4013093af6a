package expiry

import (
	"context"
	"time"

	"straza/internal/catalog"
	"straza/internal/intel"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// Why an indicator ran out.
const (
	Decayed  = 1 // below the threshold of every model in force for its type
	LastSeen = 2 // its last_seen passed
	Given    = 3 // the date passed that its maker or holder gave
)

// Models are the decaying models, in force or all; *catalog.Service has them.
type Models interface {
	Models(ctx context.Context, who ident.Actor, enabled bool) ([]*catalog.DecayModel, error)
}

// Deps is what the chamber needs.
type Deps struct {
	DB     *store.DB
	Audit  *audit.Log
	Intel  *intel.Service
	Models Models
}

// Service is the door to what ran out. Safe for concurrent use.
type Service struct{ d Deps }

// New makes the chamber.
func New(d Deps) *Service { return &Service{d: d} }

// Expired is told when indicators of an event ran out.
type Expired struct {
	ID    int64  `json:"id"` // of the happening
	Event int64  `json:"event"`
	UUID  string `json:"uuid"` // the event's
	Count int64  `json:"count"`
}

// EventType is the stable name.
func (Expired) EventType() string { return "intel.expired" }

// part looks; what a person may see of it is decided when they read.
var part = ident.SystemPart("expiry")

// Kinds of job.
const (
	jobMark = "intel.expiry-mark"
	jobLook = "intel.expiry"
)

// Jobs are the clock and what marks an event to be looked at.
func (s *Service) Jobs() []jobs.Def {
	return []jobs.Def{{Kind: jobMark, Run: s.mark}, {Kind: jobLook, Every: 5 * time.Minute, Timeout: 20 * time.Minute, Run: s.look}}
}

// Subscriptions: what is published or sighted may run out at another moment.
func Subscriptions() []jobs.Subscription {
	return []jobs.Subscription{{Event: intel.EventPublished{}.EventType(), Kind: jobMark}, {Event: intel.EventSighted{}.EventType(), Kind: jobMark}}
}

// Over is one indicator that ran out.
type Over struct {
	Attribute int64
	Type      string
	Value     string
	Why       int
}

// Happening is what ran out of an event at one moment.
type Happening struct {
	ID    int64
	Event int64
	At    int64  // µs
	List  []Over // those that the reader sees and that are still over, by id; at most Most
}

// Most is how many indicators of a happening are read.
const Most = 2000

// Happening reads one. Who may: who sees the event and at least one of its indicators.
// Faults: NotFound, also when all of them are in force again.
func (s *Service) Happening(ctx context.Context, who ident.Actor, id int64) (h Happening, err error) {
	if err := intel.MayRead(who); err != nil {
		return h, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		h, err = readHappening(ctx, tx, who, id)
		return err
	})
	if err == nil && len(h.List) == 0 {
		err = fault.New(fault.NotFound, "no happening %d", id)
	}
	return h, err
}

// Recent gives the ids of the last n happenings of events that who sees, newest first.
func (s *Service) Recent(ctx context.Context, who ident.Actor, n int) (ids []int64, err error) {
	if err := intel.MayRead(who); err != nil {
		return nil, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		ids, err = recent(ctx, tx, who, n)
		return err
	})
	return ids, err
}

// InForce counts the indicators of an event that who sees and that have not run out.
func (s *Service) InForce(ctx context.Context, who ident.Actor, event string) (n int64, err error) {
	if err := intel.MayRead(who); err != nil {
		return 0, err
	}
	err = s.d.DB.View(ctx, func(tx *store.Tx) error {
		e, err := s.d.Intel.EventTx(ctx, tx, who, event)
		if err == nil {
			n, err = inForce(ctx, tx, who, e.ID)
		}
		return err
	})
	return n, err
}
