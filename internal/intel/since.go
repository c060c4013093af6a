package intel

import (
	"context"

	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
)

// Walk is a place in the list of events in the order in which they changed here: what a
// reader needs to go on without gap or duplicate, on any node and after a restart. The
// zero value is the beginning. A walk has an end that was fixed when it began, so that no
// event is told twice in it; behind its changes stand the sightings since the last one,
// which change no event.
type Walk struct {
	Begun  int64 // µs: when everything was listed from the beginning
	At, ID int64 // all that changed before (µs, then id) was told
	UpTo   int64 // µs: the end of the walk that is under way; 0 = none is
	Seen   int64 // seconds: the sightings before that were told
	SeenAt int64 // how far it came among the sightings; 0 = among the changes still
	SeenID int64
}

// Since says what is listed of the events that match a query.
type Since struct {
	Query    Query
	Sighted  bool // those with new sightings, too
	Most     int  // so many in a page, both together
	Keep     func(*Event) (bool, error)
	Change   func(*Event) error // an event that changed, as it is now
	Sighting func(*Event) error // an event of which only the sightings did
}

// EventsSince lists what of the caller's events changed behind a place, the oldest change
// first, and gives the place behind the page; more tells that its walk goes on. An event
// that changes while it is walked is told as it was, or in the next walk. A page is full
// unless it is the last: what Keep leaves out is not felt. What left the list is not told.
// Who may: misp.sync.
func (s *Service) EventsSince(ctx context.Context, who ident.Actor, at Walk, o Since) (next Walk, more bool, err error) {
	if err := access.Check(who, "misp.sync"); err != nil {
		return at, false, err
	}
	if at.UpTo == 0 {
		settled, err := s.db.Settled(ctx)
		if err != nil {
			return at, false, err
		}
		if at.Begun == 0 {
			at = Walk{Begun: settled, Seen: settled / 1e6}
		}
		at.UpTo = max(settled, at.At)
	}
	left := max(o.Most, 1)
	if at.SeenAt == 0 {
		last := at.UpTo - 1
		o.Query.Sort, o.Query.Changed = "changed", Span{To: &last}
		place := Place{at.At, at.ID}
		end, err := s.stretch(ctx, who, o, &left, &place, o.Change)
		if at.At, at.ID = place.Changed, place.ID; err != nil || !end {
			return at, true, err
		}
		at.At, at.ID, at.SeenAt, at.SeenID = at.UpTo, 0, max(at.Seen-1, 1), 0
	}
	if o.Sighted {
		o.Query.Sort, o.Query.Changed = "sighted", Span{}
		if keep, since := o.Keep, at.Seen-1; since > 0 { // a sighting on what is hidden moves its event for nobody who does not see it
			o.Keep = func(e *Event) (bool, error) {
				if e.SightingTimestamp < since {
					return false, nil
				}
				return keep(e)
			}
		}
		place := Place{at.SeenAt, at.SeenID}
		end, err := s.stretch(ctx, who, o, &left, &place, o.Sighting)
		if at.SeenAt, at.SeenID = place.Changed, place.ID; err != nil || !end {
			return at, true, err
		}
	}
	at.Seen, at.UpTo, at.SeenAt, at.SeenID = at.UpTo/1e6, 0, 0, 0
	return at, false, nil
}

// stretch tells what stands behind a place in one order until the page is full; end tells
// that there is nothing more. What moved on since it was found comes in the next walk.
func (s *Service) stretch(ctx context.Context, who ident.Actor, o Since, left *int, place *Place, tell func(*Event) error) (end bool, err error) {
	for *left > 0 {
		q, from := o.Query, *place
		q.Desc, q.Page, q.Limit, q.Brief, q.Past = false, 0, *left, true, &from
		found, err := s.SearchEvents(ctx, who, q, func(e *Event) error {
			*place = e.place
			if to := q.Changed.To; to != nil && e.Changed > *to {
				return nil
			}
			keep, err := o.Keep(e)
			if err != nil || !keep {
				return err
			}
			*left--
			return tell(e)
		})
		if err != nil || found < int64(q.Limit) {
			return err == nil, err
		}
	}
	return false, nil
}
