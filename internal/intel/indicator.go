package intel

import (
	"context"

	"straza/internal/catalog"
	"straza/internal/kernel/store"
)

// Indicator is an attribute as decaying models ask of it, with the tags and sightings of
// everybody: what a collection holds and when something runs out is the same for all.
type Indicator struct {
	ID, Object int64
	Live       bool         // for detection, and neither it nor its object deleted
	LastSeen   int64        // µs, as the attribute itself says; 0 = it does not
	ObjectSeen int64        // the same of its object
	Given      int64        // Unix seconds: the end that its event's holder or maker gave, 0 = none
	Aged       catalog.Aged // by its own last_seen, not its object's
}

// Indicators reads the next n attributes of an event behind one of them, by object and id,
// those that are no indicators (any more) too. For a chamber, which answers to nobody with it.
func Indicators(ctx context.Context, tx *store.Tx, event int64, after Indicator, n int) ([]Indicator, error) {
	return readIndicators(ctx, tx, event, "", after, n)
}

// AgedOf is what decaying models ask of an attribute but for its sightings, given the tags
// of its event.
func AgedOf(a *Attribute, event []TagUse) catalog.Aged {
	out := catalog.Aged{Type: a.Type, Changed: a.Timestamp, Tags: catalog.TagsOf(valued(a.Tags), valued(event))}
	if a.LastSeen != nil {
		out.LastSeen = *a.LastSeen / 1e6
	}
	return out
}

func valued(list []TagUse) []catalog.ValuedTag {
	out := make([]catalog.ValuedTag, len(list))
	for i, t := range list {
		out[i] = catalog.ValuedTag{Name: t.Name, Value: t.Numerical}
	}
	return out
}
