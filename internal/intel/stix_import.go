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
	// Skip tells that an event, edited, is not to be stored; nil stores all. It may take parts out.
	Skip func(*misp.Event) (bool, error)
	// Grouping puts the sharing groups of the document into the terms of here, a fresh one
	// for each event; nil knows none, and what they hold is its holder's alone.
	Grouping func() *Grouping
	// Wrap changes each event as it is stored, its groups in the terms of here; nil nothing.
	Wrap func(Source) Source
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
	lost, ungrouped := 0, 0
	left, err = b.Events(in.Read, func(e *misp.Event) error {
		if in.Edit != nil {
			in.Edit(e)
		}
		if in.Skip != nil {
			if skip, err := in.Skip(e); skip || err != nil {
				return err
			}
		}
		came, kept := 0, 0
		src := inGroups(heldBack(Grouped(ctx, inGroups(FromEvent(e), &came), in.grouping())), &kept)
		if in.Wrap != nil {
			src = in.Wrap(src)
		}
		return s.Import(ctx, who, src, opt, func(saved Saved, err error) error {
			if err == nil && (saved.State == "created" || saved.State == "updated") {
				if err := s.importSightings(ctx, who, e, opt, &lost); err != nil {
					return err
				}
			}
			ungrouped += came - kept
			return done(saved, err)
		})
	})
	if lost > 0 {
		left = append(left, stix.Remains{Type: "sighting", Reason: sightingRefused, Count: lost})
	}
	if ungrouped > 0 {
		left = append(left, stix.Remains{Type: "report", Reason: groupUnknown, Count: ungrouped})
	}
	return left, err
}

// inGroups counts the parts at the level of groups; an event's header once.
func inGroups(src Source, n *int) Source {
	one := func(d misp.Int) {
		if d.Or(0) == int64(Group) {
			*n++
		}
	}
	return func(fn func(misp.Item) error) error {
		return src(func(it misp.Item) error {
			switch it.Kind {
			case misp.ItemStart:
				one(it.Event.Distribution)
				for i := range it.Event.EventReport {
					one(it.Event.EventReport[i].Distribution)
				}
			case misp.ItemAttribute:
				one(it.Attribute.Distribution)
			case misp.ItemObject:
				one(it.Object.Distribution)
				for i := range it.Object.Attribute {
					one(it.Object.Attribute[i].Distribution)
				}
			}
			return fn(it)
		})
	}
}

// heldBack keeps an event whose group is not for the caller to its holder.
func heldBack(src Source) Source {
	return func(fn func(misp.Item) error) error {
		return src(func(it misp.Item) error {
			if it.Kind == misp.ItemEnd || it.Kind == misp.ItemStart {
				if h := it.Event; h.Distribution.Or(0) == int64(Group) && h.SharingGroupID.Or(0) == 0 {
					h.Distribution = misp.N(int64(OwnOrg))
				}
			}
			return fn(it)
		})
	}
}

// grouping without a way to know groups keeps every part of one to its holder.
func (in *STIX) grouping() func() *Grouping {
	if in.Grouping != nil {
		return in.Grouping
	}
	return func() *Grouping {
		g := NewGrouping(nil, func(context.Context, *misp.SharingGroup) (int64, error) { return 0, nil })
		g.Foreign = true
		return g
	}
}

const groupUnknown = "its sharing group is not known here, or not for the caller: only the own organisation sees it"

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
