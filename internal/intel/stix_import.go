package intel

import (
	"cmp"
	"context"
	"io"

	"straza/internal/format/misp"
	"straza/internal/format/stix"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// STIX is a bundle on its way in.
type STIX struct {
	Limits stix.Limits
	Read   stix.ReadOptions // At 0 is now
	// Edit changes each event before it is stored; nil changes nothing.
	Edit func(*misp.Event)
}

// ImportSTIX stores the events of a STIX bundle, each whole or not at all, and
// tells done what became of each, as Import does; sightings follow their event.
// left names what of the bundle had no place, counted by type and reason. Faults:
// Import's; a document that is no bundle is a *stix.Fault.
func (s *Service) ImportSTIX(ctx context.Context, who ident.Actor, r io.Reader, in STIX, opt AddOptions, done func(Saved, error) error) (left []stix.Remains, err error) {
	if err := mayWrite(who); err != nil {
		return nil, err
	}
	b, err := stix.ReadBundle(r, in.Limits)
	if err != nil {
		return nil, err
	}
	if in.Read.At.IsZero() {
		in.Read.At = s.db.Clock.Now()
	}
	lost := 0
	left, err = b.Events(in.Read, func(e *misp.Event) error {
		if in.Edit != nil {
			in.Edit(e)
		}
		return s.Import(ctx, who, FromEvent(e), opt, func(saved Saved, err error) error {
			if err == nil && (saved.State == "created" || saved.State == "updated") {
				if err := s.importSightings(ctx, who, e, opt, &lost); err != nil {
					return err
				}
			}
			return done(saved, err)
		})
	})
	if lost > 0 {
		left = append(left, stix.Remains{Type: "sighting", Reason: sightingRefused, Count: lost})
	}
	return left, err
}

const sightingRefused = "its attribute was not stored, or the caller may not sight"

// importSightings stores what hangs on an event's attributes as the importing
// organisation's, with the maker's name as the source.
func (s *Service) importSightings(ctx context.Context, who ident.Actor, e *misp.Event, opt AddOptions, lost *int) error {
	as := who
	as.Org = cmp.Or(who.Org, opt.Org)
	one := func(a *misp.Attribute) error {
		for i := range a.Sighting {
			g := &a.Sighting[i]
			source := g.Source.Or("")
			if g.Organisation != nil && g.Organisation.UUID.V != who.OrgUUID {
				source = cmp.Or(source, g.Organisation.Name.V)
			}
			_, _, err := s.AddSightings(ctx, as, []string{a.UUID.V}, nil, Sighting{UUID: g.UUID.V, Kind: int(g.Type.Or(0)), Source: short(source), Seen: g.DateSighting.Or(0)})
			switch fault.KindOf(err) {
			case "":
			case fault.NotFound, fault.Denied, fault.Invalid:
				*lost++
			default:
				return err
			}
		}
		return nil
	}
	for i := range e.Attribute {
		if err := one(&e.Attribute[i]); err != nil {
			return err
		}
	}
	for i := range e.Object {
		o := &e.Object[i]
		for j := range o.Attribute {
			if err := one(&o.Attribute[j]); err != nil {
				return err
			}
		}
	}
	return nil
}
