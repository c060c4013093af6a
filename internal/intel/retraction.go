package intel

import (
	"context"
	"strconv"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Retraction tells that an event was deleted by who made it.
type Retraction struct {
	ID   int64 // grows
	UUID string
	Orgc string // UUID of the organisation that made the event
	At   int64  // µs
}

// Text is what is signed of a retraction.
func (x Retraction) Text() string {
	return "straza retraction\n" + x.UUID + "\n" + x.Orgc + "\n" + strconv.FormatInt(x.At, 10) + "\n"
}

// retracts: what was published by its maker here, or retracted by the peer from which
// it came. Who only tidies up at home takes nothing from others.
func retracts(who ident.Actor, e Event) bool {
	return e.PublishTimestamp > 0 && (!e.Locked || who.Kind == ident.System && who.Name == "peer")
}

// Retractions lists what was retracted behind an id, at most n, as far as who could
// see the events. Who may: misp.sync.
func (s *Service) Retractions(ctx context.Context, who ident.Actor, after int64, n int) (out []Retraction, err error) {
	if err := access.Check(who, "misp.sync"); err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = retractions(ctx, tx, who, after, min(max(n, 1), 1000))
		return err
	})
	return out, err
}
