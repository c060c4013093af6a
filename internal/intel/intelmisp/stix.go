package intelmisp

import (
	"straza/internal/format/misp"
	"straza/internal/format/stix"
	"straza/internal/intel"
)

// bundle writes STIX 2.1 objects one after another. Identities and markings that
// several events share are written once.
type bundle struct {
	s    *search
	out  *heldBack
	n    int
	seen map[string]bool
	news []string        // of seen, by the event that is being written
	skip map[string]bool // types that are left out
}

func (s *search) bundle() (*bundle, error) {
	id, err := newID()
	if err != nil {
		return nil, err
	}
	_, err = s.out.Write([]byte(`{"type":"bundle","id":"bundle--` + id + `","objects":[`))
	return &bundle{s: s, out: &heldBack{dst: s.out, left: true}, seen: map[string]bool{}}, err
}

func (b *bundle) emit(o stix.Object) error {
	if b.skip[o.Type] {
		return nil
	}
	if o.Shared || o.Created == "" {
		if b.seen[o.ID] {
			return nil
		}
		b.seen[o.ID], b.news = true, append(b.news, o.ID)
	}
	if b.n++; b.n > 1 {
		if _, err := b.out.Write([]byte{','}); err != nil {
			return err
		}
	}
	_, err := b.out.Write(o.JSON)
	return err
}

func (b *bundle) close() error {
	_, err := b.s.out.Write([]byte("]}"))
	return err
}

// stixEvents writes every event that matches, with what the caller sees of it.
func (s *search) stixEvents() error {
	b, err := s.bundle()
	if err != nil {
		return err
	}
	total, err := s.a.Intel.SearchEvents(s.c.ctx(), s.c.who, s.q, func(e *intel.Event) error {
		n := b.n
		b.news = b.news[:0]
		kept, err := s.oneEvent(b.out, e, func() error { return s.stixEvent(b, e) })
		if err == nil && !kept {
			b.n = n
			for _, id := range b.news { // a later event brings them
				delete(b.seen, id)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	s.n = total
	return b.close()
}

func (s *search) stixEvent(b *bundle, e *intel.Event) error {
	show := s.show
	show.related = false
	var err error
	if show.kept, err = s.a.keptOf(s.c, e); err != nil {
		return err
	}
	w, err := s.a.eventHeader(s.c, e, show)
	if err != nil {
		return err
	}
	conv := stix.New(w, stix.Options{}, b.emit)
	part, only := intel.Part{Deleted: s.q.Deleted}, s.a.lets(s.c, e, nil)
	err = s.a.Intel.Attributes(s.c.ctx(), s.c.who, e.Ref(), part, func(at *intel.Attribute) error {
		if s.q.ToIDS != nil && at.ToIDS != *s.q.ToIDS || only != nil && !only(at) {
			return nil
		}
		x, err := s.a.attributeWire(s.c, at, show)
		if err == nil {
			conv.Attribute(&x)
		}
		return err
	})
	if err != nil {
		return err
	}
	err = s.a.Intel.Objects(s.c.ctx(), s.c.who, e.Ref(), part, func(ob *intel.Object) error {
		if !ob.Keep(only) {
			return nil
		}
		x, err := s.a.objectWire(s.c, ob, show)
		if err == nil {
			conv.Add(&x)
		}
		return err
	})
	if err != nil {
		return err
	}
	return conv.Close()
}

// stixAttributes writes the attributes that match, without the reports of their
// events: what stands beside them was not asked for.
func (s *search) stixAttributes() error {
	b, err := s.bundle()
	if err != nil {
		return err
	}
	b.skip = map[string]bool{"report": true, "grouping": true}
	head := &misp.Event{UUID: misp.T(s.c.who.OrgUUID), Info: misp.T("search"), Timestamp: misp.N(now(s.c).Unix()), Orgc: orgOf(s.c.who).Wire()}
	conv := stix.New(head, stix.Options{}, b.emit)
	s.q.WithTags = true
	err = s.a.Intel.SearchAttributes(s.c.ctx(), s.c.who, s.q, func(at *intel.Attribute) error {
		s.n++
		x, err := s.a.attributeWire(s.c, at, s.show)
		if err != nil {
			return err
		}
		x.Tag = append(x.Tag, dropLocal(at.Event.Wire().Tag, s.show.noLocal)...) // the event's label holds for what is in it
		conv.Attribute(&x)
		return nil
	})
	if err != nil {
		return err
	}
	if err := conv.Close(); err != nil {
		return err
	}
	return b.close()
}
