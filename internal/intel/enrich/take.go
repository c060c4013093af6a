package enrich

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Sheet is all that is known of one attribute, and what can be taken over from it.
type Sheet struct {
	Attribute intel.Attribute
	Facts     []Fact
	Offers    []Offer
	Answers   []Given
	Choices   []Choice
}

// Most is how many attributes are looked at on one page.
const Most = 50

// Sheets says what is known of attributes of an event that who may see; nothing is asked
// of anybody, what modules answered before is told with its age. Faults: NotFound.
func (s *Service) Sheets(ctx context.Context, who ident.Actor, event string, attributes []string) (out []Sheet, err error) {
	e, err := s.d.Intel.Event(ctx, who, event)
	if err != nil {
		return nil, err
	}
	if len(attributes) > Most {
		attributes = attributes[:Most]
	}
	var servers []Server
	if mayAsk(who) == nil {
		if servers, err = s.Servers(ctx, who); err != nil {
			return nil, err
		}
	}
	for _, ref := range attributes {
		a, err := s.d.Intel.Attribute(ctx, who, ref)
		if err == nil && a.EventID != e.ID {
			err = fault.New(fault.NotFound, "attribute %s in event %s", ref, event)
		}
		if err != nil {
			return nil, err
		}
		sheet, err := s.sheet(ctx, who, &e, &a, servers)
		if err != nil {
			return nil, err
		}
		out = append(out, sheet)
	}
	return out, s.mark(ctx, who, &e, out)
}

func (s *Service) sheet(ctx context.Context, who ident.Actor, e *intel.Event, a *intel.Attribute, servers []Server) (x Sheet, err error) {
	x.Attribute = *a
	if x.Facts, x.Offers, err = s.Known(ctx, who, a.Type, a.Value); err != nil || len(servers) == 0 {
		return x, err
	}
	about, err := s.aboutAttribute(ctx, who, e, a)
	if err != nil {
		return x, err
	}
	x.Choices = choices(servers, about)
	list, _, err := s.answers(ctx, who, about)
	if err != nil {
		return x, err
	}
	for _, k := range list {
		i := slices.IndexFunc(servers, func(v Server) bool { return v.ID == k.server })
		if i < 0 {
			continue
		}
		g, err := s.again(ctx, who, servers[i].Name, k, about)
		if err != nil {
			return x, err
		}
		g.Raw = nil
		x.Answers = append(x.Answers, g)
	}
	return x, nil
}

// each calls fn with every offer of a sheet.
func (x *Sheet) each(fn func(*Offer)) {
	for i := range x.Offers {
		fn(&x.Offers[i])
	}
	for i := range x.Answers {
		for j := range x.Answers[i].Offers {
			fn(&x.Answers[i].Offers[j])
		}
	}
}

// mark tells of offers that the event holds them already.
func (s *Service) mark(ctx context.Context, who ident.Actor, e *intel.Event, list []Sheet) error {
	var values []string
	for i := range list {
		list[i].each(func(o *Offer) {
			if o.Kind == OfAttribute && len(values) < 1000 {
				values = append(values, strings.Trim(o.Value, "%"))
			}
		})
	}
	if len(values) == 0 {
		return nil
	}
	here := map[string]bool{}
	err := s.d.Intel.SearchAttributes(ctx, who, intel.Query{Events: []string{e.Ref()}, Value: intel.Filter{Or: values}, Limit: 2000}, func(a *intel.Attribute) error {
		here[a.Type+"\x00"+a.Value] = true
		return nil
	})
	for i := range list {
		tags := map[string]bool{}
		for _, t := range list[i].Attribute.Tags {
			tags[t.Name] = true
		}
		list[i].each(func(o *Offer) {
			switch o.Kind {
			case OfAttribute:
				o.Here = here[o.Type+"\x00"+o.Value]
			case OfTag:
				o.Here = tags[o.Text]
			case OfComment:
				o.Here = strings.Contains(list[i].Attribute.Comment, o.Text)
			}
		})
	}
	return err
}

// Pick is an offer that was ticked, by the attribute it was made for.
type Pick struct {
	Attribute string // id or UUID
	Key       string
}

// Outcome is what became of what was ticked.
type Outcome struct {
	Done, Same, Refused int
	Attributes          int   // of Done: attributes that stand in no object
	Undo                int64 // names it for Undo; 0 = nothing was done
}

// Take puts what was ticked into the event, in one transaction with one audit line. What
// an offer holds is read again here; a key that is no offer any more is a Conflict. Who
// may: the right to edit the event.
func (s *Service) Take(ctx context.Context, who ident.Actor, event string, picks []Pick) (out Outcome, err error) {
	var refs []string
	for _, p := range picks {
		if !slices.Contains(refs, p.Attribute) {
			refs = append(refs, p.Attribute)
		}
	}
	if len(refs) > Most {
		return out, fault.New(fault.Limited, "more than %d attributes", Most).WithKey("intel.fault.enrich-many")
	}
	e, err := s.d.Intel.Event(ctx, who, event)
	if err != nil {
		return out, err
	}
	if err := intel.MayEdit(who, &e); err != nil {
		return out, err
	}
	sheets, err := s.Sheets(ctx, who, e.Ref(), refs)
	if err != nil {
		return out, err
	}
	what := picking{s: s, uuids: map[string]string{}, fresh: map[string]bool{}}
	for i, ref := range refs {
		keys := map[string]bool{}
		for _, p := range picks {
			if p.Attribute == ref {
				keys[p.Key] = true
			}
		}
		if err := what.sheet(&sheets[i], keys); err != nil {
			return out, err
		}
	}
	take := what.point()
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		taken, err := s.d.Intel.TakeTx(ctx, tx, who, e.Ref(), take)
		if err != nil {
			return err
		}
		out = Outcome{Done: taken.Count(), Attributes: len(taken.Attributes), Same: taken.Same, Refused: taken.Refused}
		if out.Done == 0 {
			return nil
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		was, err := json.Marshal(taken)
		if err != nil {
			return err
		}
		out.Undo = s.d.DB.NewID()
		return saveTaken(ctx, tx, out.Undo, e.ID, who.Person, now, string(was))
	})
	return out, err
}

// picking gathers what was ticked. Every UUID that came with an answer is replaced: a
// stranger must not be able to name something that is here.
type picking struct {
	s     *Service
	take  intel.Take
	uuids map[string]string // theirs → ours
	fresh map[string]bool   // ours that stand in the event when this is done
}

func (p *picking) sheet(x *Sheet, keys map[string]bool) error {
	note := intel.Annotation{Attribute: x.Attribute.ID}
	comment := x.Attribute.Comment
	p.uuids[Placeholder] = x.Attribute.UUID
	p.fresh[x.Attribute.UUID] = true
	found := 0
	x.each(func(o *Offer) {
		if !keys[o.Key] {
			return
		}
		delete(keys, o.Key)
		found++
		switch o.Kind {
		case OfAttribute:
			p.attribute(o, &x.Attribute)
		case OfObject:
			p.object(o, &x.Attribute)
		case OfTag:
			note.Tags = append(note.Tags, o.Text)
		case OfComment:
			if !strings.Contains(comment, o.Text) {
				comment = strings.TrimSpace(comment + "\n" + o.Text)
			}
		}
	})
	if len(keys) > 0 {
		return fault.New(fault.Conflict, "what was ticked is not offered any more").WithKey("intel.fault.enrich-gone")
	}
	if comment != x.Attribute.Comment {
		note.Comment = &comment
	}
	if note.Comment != nil || len(note.Tags) > 0 {
		p.take.Notes = append(p.take.Notes, note)
	}
	return nil
}

func (p *picking) attribute(o *Offer, from *intel.Attribute) {
	w := misp.Attribute{Type: misp.T(o.Type), Category: misp.T(o.Category), Value: misp.T(o.Value), Comment: misp.T(o.Comment), ToIDS: misp.B(o.ToIDS && len(o.Hits) == 0)}
	w.Distribution, w.SharingGroupID = level(from)
	for _, t := range o.Tags {
		w.Tag = append(w.Tag, misp.Tag{Name: misp.T(t)})
	}
	p.take.Attributes = append(p.take.Attributes, w)
}

// level is that of the attribute it came from: never wider.
func level(from *intel.Attribute) (distribution, group misp.Int) {
	switch from.Distribution {
	case intel.Inherit:
	case intel.Group:
		return misp.N(int64(intel.Group)), misp.N(from.Group)
	default:
		distribution = misp.N(int64(from.Distribution))
	}
	return distribution, group
}

func (p *picking) object(o *Offer, from *intel.Attribute) {
	w := *o.Object
	w.Distribution, w.SharingGroupID = level(from)
	w.ObjectReference = slices.Clone(o.Object.ObjectReference)
	theirs := strings.ToLower(w.UUID.Or(""))
	ours := p.s.d.DB.NewUUID()
	if theirs != "" {
		p.uuids[theirs] = ours
	}
	p.fresh[ours] = true
	w.UUID = misp.T(ours)
	for i := range w.ObjectReference { // the attribute that was asked about is this sheet's
		r := &w.ObjectReference[i]
		if strings.EqualFold(r.ReferencedUUID.Or(""), Placeholder) {
			r.ReferencedUUID = misp.T(p.uuids[Placeholder])
		}
	}
	p.take.Objects = append(p.take.Objects, w)
}

// point leads references to what is taken over with them; one that leads elsewhere is
// left out.
func (p *picking) point() intel.Take {
	for i := range p.take.Objects {
		w := &p.take.Objects[i]
		kept := w.ObjectReference[:0]
		for _, r := range w.ObjectReference {
			to := strings.ToLower(r.ReferencedUUID.Or(""))
			if ours, ok := p.uuids[to]; ok {
				to = ours
			}
			if p.fresh[to] {
				r.ReferencedUUID = misp.T(to)
				kept = append(kept, r)
			}
		}
		w.ObjectReference = kept
	}
	return p.take
}

// Undo takes back what one Take did, for the person who did it and as long as nobody
// changed it since. Faults: NotFound.
func (s *Service) Undo(ctx context.Context, who ident.Actor, event string, undo int64) (done, left int, err error) {
	e, err := s.d.Intel.Event(ctx, who, event)
	if err != nil {
		return 0, 0, err
	}
	err = s.d.DB.Update(ctx, func(tx *store.Tx) error {
		was, found, err := findTaken(ctx, tx, undo, e.ID, who.Person)
		if err == nil && !found {
			err = fault.New(fault.NotFound, "nothing %d to take back", undo)
		}
		if err != nil {
			return err
		}
		var taken intel.Taken
		if err := json.Unmarshal([]byte(was), &taken); err != nil {
			return err
		}
		if done, left, err = s.d.Intel.GiveBackTx(ctx, tx, who, strconv.FormatInt(e.ID, 10), taken); err != nil {
			return err
		}
		return forgetTaken(ctx, tx, undo)
	})
	return done, left, err
}
