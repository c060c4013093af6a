package intel

import (
	"context"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/ident"
)

// History lists who changed an event, newest first, at most limit lines. Who may: the
// right to edit it, because a line names the person. Faults: NotFound, Denied.
func (s *Service) History(ctx context.Context, who ident.Actor, event string, limit int) ([]audit.Line, error) {
	e, err := s.quiet(ctx, who, event)
	if err != nil {
		return nil, err
	}
	if err := mayEdit(who, e); err != nil {
		return nil, err
	}
	return s.log.History(ctx, "event", e.ID, limit)
}
