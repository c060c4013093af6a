package intel

import (
	"context"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Take is what an event is to be given at once: new attributes and objects, words and
// tags for what is here.
type Take struct {
	Attributes []misp.Attribute
	Objects    []misp.Object
	Notes      []Annotation
}

// Annotation is a comment and tags for an attribute of the event; Attribute 0 is the
// event itself, which has tags only. Comment nil leaves the one there is.
type Annotation struct {
	Attribute int64
	Comment   *string
	Tags      []string
}

// Taken is what an act of taking over did, as far as it can be taken back.
type Taken struct {
	Attributes []Stamp  `json:"attributes,omitempty"`
	Objects    []Stamp  `json:"objects,omitempty"`
	Comments   []Worded `json:"comments,omitempty"`
	Tags       []Used   `json:"tags,omitempty"`
	Same       int      `json:"-"` // was here before
	Refused    int      `json:"-"` // cannot be stored
}

// Stamp is a thing with the moment (seconds) at which it was written.
type Stamp struct {
	ID int64 `json:"id"`
	At int64 `json:"at"`
}

// Worded is an attribute whose comment was changed, and what it was before.
type Worded struct {
	Stamp
	Was string `json:"was"`
}

// Used is a tag that was attached.
type Used struct {
	Attribute int64 `json:"attribute"`
	Tag       int64 `json:"tag"`
}

// Count is how many parts were made or changed.
func (t *Taken) Count() int {
	return len(t.Attributes) + len(t.Objects) + len(t.Comments) + len(t.Tags)
}

// Label is the label in force for an event, or for a part of it with tags of its own:
// the strictest of both; without any the installation's policy.
func (s *Service) Label(_ context.Context, _ ident.Actor, e *Event, own []TagUse) (tlp.Level, tlp.PAP) {
	names := make([]string, 0, len(own))
	for i := range own {
		names = append(names, own[i].Name)
	}
	level, _ := tlp.Parse(e.TLP)
	pap, _ := tlp.ParsePAP(e.PAP)
	return max(level, tlp.FromTags(names)).Or(s.untagged), max(pap, tlp.PAPFromTags(names))
}

// TakeTx gives an event parts as one act with one audit line. What equals something here
// is left alone and counted. The UUIDs of new parts must be new: who calls makes them.
// Who may: the right to edit the event.
func (s *Service) TakeTx(ctx context.Context, tx *store.Tx, who ident.Actor, event string, what Take) (out Taken, err error) {
	err = s.changeTx(ctx, tx, who, event, "event.enrich", func(tx *store.Tx, m *merge) error {
		out = Taken{}
		d := m.l.draft
		for i := range what.Attributes {
			d.attribute(&what.Attributes[i])
		}
		for i := range what.Objects {
			d.object(&what.Objects[i])
		}
		whole := d.objects[:0]
		for i := range d.objects {
			err := m.noDuplicate(ctx, tx, &d.objects[i])
			if keyOf(err) == "intel.fault.duplicate-object" {
				out.Same++
				continue
			}
			if err != nil {
				return err
			}
			whole = append(whole, d.objects[i])
		}
		d.objects = whole
		if err := m.children(ctx, tx); err != nil {
			return err
		}
		for _, a := range m.news.attrs {
			out.Attributes = append(out.Attributes, Stamp{a.ID, a.Timestamp})
		}
		for i := range m.news.objects {
			out.Objects = append(out.Objects, Stamp{m.news.objects[i].ID, m.news.objects[i].Timestamp})
		}
		out.Refused = d.refused
		out.Same += int(m.l.saved.Attributes.Unchanged)
		return m.annotate(ctx, tx, what.Notes, &out)
	})
	return out, err
}

func (m *merge) annotate(ctx context.Context, tx *store.Tx, notes []Annotation, out *Taken) error {
	var ids []int64
	for _, n := range notes {
		ids = append(ids, n.Attribute)
	}
	have, err := storedAttributes(ctx, tx, m.l.event.ID, ids)
	if err != nil {
		return err
	}
	for _, n := range notes {
		a := have[n.Attribute]
		if n.Attribute != 0 && (a == nil || a.Deleted) {
			return noAttribute(itoa(n.Attribute))
		}
		if a != nil && n.Comment != nil && short(*n.Comment) != a.Comment {
			was := a.Comment
			if err := m.word(ctx, tx, a, *n.Comment); err != nil {
				return err
			}
			out.Comments = append(out.Comments, Worded{Stamp{a.ID, a.Timestamp}, was})
		}
		for _, name := range n.Tags {
			id, err := m.l.aud.tag(ctx, tx, tagName{name: name})
			if err != nil {
				return err
			}
			if id == 0 {
				out.Refused++
				continue
			}
			k, err := tx.Exec(ctx, attachTag, tx.DB().NewID(), id, m.l.event.ID, n.Attribute, false, "")
			if err != nil {
				return err
			}
			if k == 0 {
				out.Same++
				continue
			}
			m.changed = true
			at := m.l.event.at()
			if a != nil {
				at = a.at()
			}
			if err := m.past.tagOf(ctx, tx, at, id, true); err != nil {
				return err
			}
			out.Tags = append(out.Tags, Used{n.Attribute, id})
		}
	}
	return nil
}

// word changes the comment of an attribute that is here.
func (m *merge) word(ctx context.Context, tx *store.Tx, a *Attribute, comment string) error {
	was := *a
	a.Comment, a.Timestamp, m.changed = short(comment), max(m.now/1e6, a.Timestamp+1), true
	m.past.attribute(&was, a)
	return rewriteAttribute(ctx, tx, a)
}

// GiveBackTx takes back what TakeTx did, as one act: new parts are softly deleted, words
// and tags are as they were. What was changed since stays, and is counted in left.
func (s *Service) GiveBackTx(ctx context.Context, tx *store.Tx, who ident.Actor, event string, t Taken) (done, left int, err error) {
	err = s.changeTx(ctx, tx, who, event, "event.enrich.undo", func(tx *store.Tx, m *merge) error {
		done, left = 0, 0
		count := func(ok bool) {
			if ok {
				done++
				m.changed = true
			} else {
				left++
			}
		}
		var ids []int64
		for _, x := range t.Attributes {
			ids = append(ids, x.ID)
		}
		for _, x := range t.Comments {
			ids = append(ids, x.ID)
		}
		for _, x := range t.Tags {
			ids = append(ids, x.Attribute)
		}
		have, err := storedAttributes(ctx, tx, m.l.event.ID, ids)
		if err != nil {
			return err
		}
		for _, x := range t.Comments {
			a := have[x.ID]
			ok := a != nil && a.Timestamp == x.At && !a.Deleted
			if count(ok); ok {
				if err := m.word(ctx, tx, a, x.Was); err != nil {
					return err
				}
			}
		}
		for _, x := range t.Attributes {
			a := have[x.ID]
			ok := a != nil && a.Timestamp == x.At && !a.Deleted
			if count(ok); !ok {
				continue
			}
			m.l.event.Attributes--
			was := *a
			a.Deleted, a.Timestamp = true, max(m.now/1e6, a.Timestamp+1)
			m.past.attribute(&was, a)
			if err := rewriteAttribute(ctx, tx, a); err != nil {
				return err
			}
		}
		for _, x := range t.Tags {
			n, err := tx.Exec(ctx, detachTag, m.l.event.ID, x.Attribute, x.Tag)
			if err != nil {
				return err
			}
			if count(n > 0); n == 0 {
				continue
			}
			at := m.l.event.at()
			if a := have[x.Attribute]; a != nil {
				at = a.at()
			}
			if err := m.past.tagOf(ctx, tx, at, x.Tag, false); err != nil {
				return err
			}
		}
		return m.giveObjects(ctx, tx, t.Objects, count)
	})
	return done, left, err
}

func (m *merge) giveObjects(ctx context.Context, tx *store.Tx, list []Stamp, count func(bool)) error {
	var ids []int64
	for _, x := range list {
		ids = append(ids, x.ID)
	}
	have, err := storedObjects(ctx, tx, m.l.event.ID, ids)
	if err != nil {
		return err
	}
	for _, x := range list {
		o := have[x.ID]
		ok := o != nil && o.Timestamp == x.At && !o.Deleted
		if count(ok); !ok {
			continue
		}
		if err := m.dropObject(ctx, tx, o); err != nil {
			return err
		}
	}
	return nil
}
