package intelweb

import (
	"errors"
	"net/http"
	"strconv"

	"straza/internal/catalog"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// decayFacts say what the decaying models in force make of a value: its score now, and
// until when it stays above the threshold. None when no model is meant for its type.
func (p *pages) decayFacts(r *http.Request, e *intel.Event, a *intel.Attribute) (f ui.Facts, err error) {
	if p.d.Catalog == nil || a.Deleted {
		return f, nil
	}
	models, err := p.d.Catalog.Models(r.Context(), web.Actor(r), true)
	if fault.Is(err, fault.Denied) || len(models) == 0 {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	aged, err := p.aged(r, e, a)
	if err != nil {
		return f, err
	}
	now := web.Now(r).Unix()
	for _, m := range models {
		if !m.Matches(a.Type) {
			continue
		}
		s := m.At(aged, now)
		x := ui.Fact{Label: m.Name, Value: strconv.FormatFloat(s.Score, 'f', 0, 64) + " / 100", Sub: web.T(r, "intel.decay.over", "n", strconv.FormatFloat(m.Threshold, 'f', 0, 64))}
		switch ends := m.Ends(aged, now); {
		case s.Decayed:
		case ends == 0:
			x.Sub = ""
		default:
			x.Sub = web.T(r, "intel.decay.until", "day", i18n.LongDate(web.Lang(r), clock.FromMicros(ends*1e6)))
		}
		f.Items = append(f.Items, x)
	}
	return f, nil
}

// aged is what of an attribute models ask: its own tags, then those of its event whose
// taxonomy it has none of; sightings that the caller sees.
func (p *pages) aged(r *http.Request, e *intel.Event, a *intel.Attribute) (catalog.Aged, error) {
	out := intel.AgedOf(a, e.Tags)
	n := 0
	err := p.s.Sightings(r.Context(), web.Actor(r), intel.SightingFilter{Attribute: strconv.FormatInt(a.ID, 10)}, func(g *intel.Sighting) error {
		if n++; n > timelineRead {
			return errEnough
		}
		switch g.Kind {
		case intel.Seen:
			out.Sightings++
			out.LastSeen = max(out.LastSeen, g.Seen)
		case intel.FalsePositive:
			out.False++
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, err
}
