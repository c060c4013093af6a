package bulk

import (
	"context"
	"errors"

	"straza/internal/kernel/ident"
)

// ErrMoved is what a run finds that is not the only one.
var ErrMoved = errMoved

// OnePiece does what a job does that is cut off behind its next piece.
func (s *Service) OnePiece(ctx context.Context, id int64) error {
	a, who, found, err := s.begin(ctx, id)
	if err == nil && !found {
		err = errors.New("no such act")
	}
	if err == nil {
		err = s.step(ctx, who, &a)
	}
	return err
}

// Again does a piece of an act as it was read before.
func (s *Service) Again(ctx context.Context, who ident.Actor, a Act) error {
	return s.step(ctx, who, &a)
}
