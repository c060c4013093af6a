package intel

import (
	"context"
	"io"

	"straza/internal/format/detect"
	"straza/internal/format/indicator"
	"straza/internal/format/tlp"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Detection says what detection content is made of.
type Detection struct {
	Query  Query
	Format string // for the audit line
	// Strict takes attributes for detection of published events only, as for sensors.
	Strict bool
	// Warned takes what stands on a warning list as well: public resolvers, own
	// networks, what a sensor would better not stop.
	Warned bool
	// Blocks: what it is made for is stopped, and the adversary may notice: PAP:AMBER and
	// PAP:RED do not allow that (spec cert-services §3.4).
	Blocks bool
}

// heldBlocking: its PAP label does not allow it to be blocked.
const heldBlocking = "intel.held.pap.block"

// Detected counts what a Detection gave, and what it held back with the reasons.
type Detected struct {
	Events, Attributes int64
	Held               map[string]int64 // events that TLP keeps here, by message key
	HeldParts          map[string]int64 // attributes that TLP or PAP keeps here, by message key
	Warned             int64            // attributes left out because they stand on a warning list
}

// Detect streams attributes as detection content: of events that the caller sees and
// whose TLP lets them leave as a file (decisions §1). The export leaves one audit
// line before the first of them. Items of an event come together; an item is valid
// until the next.
func (s *Service) Detect(ctx context.Context, who ident.Actor, d Detection, yield func(*indicator.Item) error) (out Detected, err error) {
	if err := mayRead(who); err != nil {
		return out, err
	}
	q := d.Query
	if d.Strict {
		yes := true
		q.ToIDS, q.IsPublished = &yes, &yes
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		return s.log.Record(ctx, tx, who, "intel.export", audit.Thing{Kind: "event"}, map[string]any{"format": d.Format})
	})
	if err != nil {
		return out, err
	}
	out.Held, out.HeldParts = map[string]int64{}, map[string]int64{}
	_, err = s.SearchEvents(ctx, who, q, func(e *Event) error {
		if v := s.WayOut(ctx, who, e, tlp.Export); v.Answer != tlp.Pass {
			out.Held[v.Reason]++
			return nil
		}
		out.Events++
		return s.detectEvent(ctx, who, d, q, e, &out, yield)
	})
	return out, err
}

// WriteDetection is Detect as a document of a format, opened and closed.
func (s *Service) WriteDetection(ctx context.Context, who ident.Actor, w io.Writer, f detect.Format, h detect.Head, d Detection) (out Detected, err error) {
	if err := mayRead(who); err != nil {
		return out, err
	}
	x, err := f.New(w, h)
	if err != nil {
		return out, err
	}
	d.Format, d.Blocks = f.Name, f.Blocks
	if out, err = s.Detect(ctx, who, d, x.Add); err != nil {
		return out, err
	}
	return out, x.Close()
}

func (s *Service) detectEvent(ctx context.Context, who ident.Actor, d Detection, q Query, e *Event, out *Detected, yield func(*indicator.Item) error) error {
	part := q
	part.Events, part.Changed, part.Text, part.Sort, part.Limit, part.Page, part.WithTags = []string{e.Ref()}, Span{}, "", "", 0, 0, true
	part.Time, part.Desc, part.Past = Span{}, false, nil // those are the event's here
	var it indicator.Item
	of := usedNames(e.Tags)
	return s.SearchAttributes(ctx, who, part, func(a *Attribute) error {
		if v := s.PartWayOut(ctx, who, a, e, tlp.Export); v.Answer != tlp.Pass {
			out.HeldParts[v.Reason]++
			return nil
		}
		if d.Blocks && !max(tlp.PAPFromTags(of), tlp.PAPFromTags(usedNames(a.Tags))).Allows(tlp.BlockProbe) {
			out.HeldParts[heldBlocking]++
			return nil
		}
		if !d.Warned && s.lists != nil {
			hits, err := s.lists.Hits(ctx, who, a.Type, a.Value)
			if err != nil {
				return err
			}
			if len(hits) > 0 {
				out.Warned++
				return nil
			}
		}
		out.Attributes++
		a.Indicator(&it)
		return yield(&it)
	})
}
