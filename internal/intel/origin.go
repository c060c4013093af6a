package intel

import (
	"context"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Origin says what an event or attribute was made for: a case, a report, a finding.
type Origin struct {
	Event     int64
	Attribute int64 // 0 = the event as a whole
	Kind      string
	Ref       int64
}

// Share is what another room wants to turn into threat data.
type Share struct {
	Event        string // extend this one, by id or UUID; "" makes a new one
	Info         string
	Threat       int // 1–4, 0 = undefined
	Distribution Distribution
	Group        int64
	Tags         []string // "tlp:amber", "rsit:…"; made when the caller may make tags
	Attributes   []misp.Attribute
	Objects      []misp.Object
	For          Origin // Kind and Ref: the link back
	Publish      bool
}

// Shared is what came of it: Attributes are as long as those asked for; one that
// was there already is that one, a refused one has ID 0 and its reason.
type Shared struct {
	Event      Event
	Attributes []Attribute
	Refused    []Refused
}

// ShareTx makes or extends an event inside the caller's transaction, with links
// back, so that a case and its indicators commit together. Who may: intel.write,
// and the right to edit an event that is extended. Faults: as AddEvent, EditEvent.
func (s *Service) ShareTx(ctx context.Context, tx *store.Tx, who ident.Actor, sh Share) (out Shared, err error) {
	if err := mayWrite(who); err != nil {
		return out, err
	}
	if sh.For.Kind == "" || sh.For.Ref == 0 {
		return out, fault.New(fault.Invalid, "a share without an origin")
	}
	ref := sh.Event
	if ref == "" {
		if ref, err = s.newShare(ctx, tx, who, sh); err != nil {
			return out, err
		}
	}
	err = s.changeTx(ctx, tx, who, ref, "event.share", func(tx *store.Tx, m *merge) error {
		out.Attributes, out.Refused = make([]Attribute, len(sh.Attributes)), make([]Refused, len(sh.Attributes))
		if err := m.add(ctx, tx, sh.Attributes, true, out.Attributes, out.Refused); err != nil {
			return err
		}
		for i := range sh.Objects {
			m.l.draft.object(&sh.Objects[i])
		}
		m.news.objects = m.l.draft.objects
		return nil
	})
	if err != nil {
		return out, err
	}
	if out.Event, err = s.header(ctx, tx, who, ref); err != nil {
		return out, err
	}
	if sh.Publish && !out.Event.Published {
		if err := s.setPublishedTx(ctx, tx, who, ref, true); err != nil {
			return out, err
		}
		if out.Event, err = s.header(ctx, tx, who, ref); err != nil {
			return out, err
		}
	}
	return out, s.link(ctx, tx, sh.For, out)
}

// newShare makes the event that attributes will be added to.
func (s *Service) newShare(ctx context.Context, tx *store.Tx, who ident.Actor, sh Share) (ref string, err error) {
	w := &misp.Event{Info: misp.T(strings.TrimSpace(sh.Info)), Distribution: misp.N(int64(sh.Distribution)), SharingGroupID: misp.N(sh.Group)}
	if sh.Threat > 0 {
		w.ThreatLevelID = misp.N(int64(sh.Threat))
	}
	for _, t := range sh.Tags {
		w.Tag = append(w.Tag, misp.Tag{Name: misp.T(t)})
	}
	l := s.newLoader(who, AddOptions{Org: who.Org}, w)
	if err := l.wholeTx(ctx, tx); err != nil {
		return "", err
	}
	return itoa(l.event.ID), nil
}

func (s *Service) link(ctx context.Context, tx *store.Tx, to Origin, out Shared) error {
	ids := []int64{0}
	for _, a := range out.Attributes {
		if a.ID != 0 {
			ids = append(ids, a.ID)
		}
	}
	for _, a := range ids {
		if _, err := tx.Exec(ctx, insertOrigin, s.db.NewID(), out.Event.ID, a, to.Kind, to.Ref); err != nil {
			return err
		}
	}
	return nil
}

// BindTx says that an event belongs to a case (or report, or finding) that was not
// its origin; saying so again changes nothing. Who may: who reads the event.
func (s *Service) BindTx(ctx context.Context, tx *store.Tx, who ident.Actor, event string, to Origin) error {
	e, err := readEvent(ctx, tx, who, event)
	if err != nil {
		return err
	}
	there, err := store.All(ctx, tx, scanOrigin, originsOf, e.ID)
	if err != nil {
		return err
	}
	for _, o := range there {
		if o.Kind == to.Kind && o.Ref == to.Ref {
			return nil
		}
	}
	return s.link(ctx, tx, to, Shared{Event: e})
}

// Origins lists what an event was made for. The caller asks the room of that
// kind what of it may be shown.
func (s *Service) Origins(ctx context.Context, who ident.Actor, event string) (out []Origin, err error) {
	e, err := s.quiet(ctx, who, event)
	if err != nil {
		return nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		out, err = store.All(ctx, tx, scanOrigin, originsOf, e.ID)
		return err
	})
	return out, err
}

// EventsFor lists the events made for a case (or report, or finding) that the
// caller sees, with tags and counts, newest first; the second answer are the ids
// of the attributes that came from it.
func (s *Service) EventsFor(ctx context.Context, who ident.Actor, kind string, ref int64) (out []Event, attributes []int64, err error) {
	if err := mayRead(who); err != nil {
		return nil, nil, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		ids, err := store.All(ctx, tx, store.ScanInt64, eventsOf, kind, ref)
		if err != nil {
			return err
		}
		for _, id := range ids {
			e, err := s.header(ctx, tx, who, itoa(id))
			if fault.Is(err, fault.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			out = append(out, e)
		}
		attributes, err = attributesFor(ctx, tx, who, kind, ref)
		return err
	})
	return out, attributes, err
}
