package upload

import (
	"context"
	"errors"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/format/stix"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// silent is the level that a reader of STIX gives to what does not say its own: none of
// an event's, so that it is told from one that was given.
const silent = int64(intel.Inherit)

// mispLimits: a file of 100 MB has at most that many events.
var mispLimits = misp.Limits{Bytes: MaxBytes, Events: 100_000}

func mispFault(err error) (string, bool) {
	var m *misp.Error
	if errors.As(err, &m) {
		return m.Error(), true
	}
	return "", false
}

// stixOptions are how a bundle is read, whether to look or to import.
func (s *Service) stixOptions(u *Upload) stix.ReadOptions {
	return stix.ReadOptions{Info: "Indicators from " + u.Name, Distribution: silent, At: s.d.DB.Clock.Now()}
}

// each hands a file over piece by piece, as misp.Decode does, and tells what of it had
// no place.
func (s *Service) each(ctx context.Context, u *Upload, fn func(misp.Item) error) (left []stix.Remains, err error) {
	r, err := s.open(ctx, u)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if u.Format == MISP {
		return nil, misp.Decode(r, mispLimits, fn)
	}
	b, err := stix.ReadBundle(r, stix.Limits{Bytes: MaxBytes})
	if err != nil {
		return nil, err
	}
	return b.Events(s.stixOptions(u), func(e *misp.Event) error { return intel.FromEvent(e)(fn) })
}

// looking counts what is in a file.
type looking struct {
	s       *Service
	ctx     context.Context
	who     ident.Actor
	found   Found
	reasons tally
	groups  map[string]int64
	at      int64 // attributes of the event under way
}

// look reads a whole file and keeps what it found; a file that is broken is kept as such.
func (s *Service) look(ctx context.Context, who ident.Actor, u Upload) (Upload, error) {
	l := looking{s: s, ctx: ctx, who: who, groups: map[string]int64{}, found: Found{Labels: map[string]int{}, Makers: map[string]int{}}}
	left, err := s.each(ctx, &u, l.item)
	state := Read
	if key, detail := broken(err); key != "" {
		l.found.Fault, l.found.Detail, state = key, detail, Broken
	} else if err != nil {
		return u, err
	} else if l.found.Events == 0 {
		l.found.Fault, state = "intel.fault.file.empty", Broken
	}
	l.reasons.remains(left)
	l.found.Reasons = l.reasons.list
	u.Found = l.found
	if err := s.finish(ctx, &u, state); err != nil {
		return u, err
	}
	return u, nil
}

func (s *Service) lookJob(ctx context.Context, id int64) error {
	u, who, found, err := s.begin(ctx, id)
	if fault.Is(err, fault.Denied) && found && u.State == Reading { // the person lost the right meanwhile
		u.Found = Found{Fault: "intel.fault.file.right"}
		return s.finish(ctx, &u, Broken)
	}
	if err != nil || !found || u.State != Reading {
		return err
	}
	_, err = s.look(ctx, who, u)
	return err
}

func (l *looking) item(it misp.Item) error {
	f := &l.found
	switch it.Kind {
	case misp.ItemStart:
		l.at = 0
	case misp.ItemAttribute:
		l.attribute(it.Attribute)
	case misp.ItemObject:
		f.Objects++
		f.References += int64(len(it.Object.ObjectReference))
		for i := range it.Object.Attribute {
			l.attribute(&it.Object.Attribute[i])
		}
	case misp.ItemEnd:
		return l.event(it.Event)
	}
	return nil
}

func (l *looking) attribute(a *misp.Attribute) {
	l.found.Attributes++
	l.found.Sightings += int64(len(a.Sighting))
	l.at++
	if _, bad := intel.Check(l.s.d.DB, a); bad != nil {
		l.reasons.add(a.Type.Or(""), bad.Text, 1)
	}
}

func (l *looking) event(e *misp.Event) error {
	f := &l.found
	f.Events++
	f.Reports += int64(len(e.EventReport))
	label := tlp.FromTags(tagNames(e))
	word := ""
	if label != tlp.None {
		word = label.String()
	}
	f.Labels[word]++
	maker := ""
	if e.Orgc != nil {
		maker = clean(e.Orgc.Name.Or(""))
	}
	if maker != "" && (f.Makers[maker] > 0 || len(f.Makers) < headsKept) {
		f.Makers[maker]++
	}
	if err := l.level(e); err != nil {
		return err
	}
	state, err := l.here(e)
	if err != nil {
		return err
	}
	if len(f.Heads) < headsKept {
		f.Heads = append(f.Heads, Head{UUID: clean(e.UUID.Or("")), Info: clean(e.Info.Or("")), Date: clean(e.Date.Or("")), Maker: maker, TLP: word, Attributes: l.at, State: state})
	}
	return nil
}

func tagNames(e *misp.Event) (out []string) {
	for i := range e.Tag {
		if !e.Tag[i].Deleted.Or(false) {
			out = append(out, e.Tag[i].Name.Or(""))
		}
	}
	for i := range e.EventTag {
		if t := e.EventTag[i].Tag; t != nil {
			out = append(out, t.Name.Or(""))
		}
	}
	return out
}

// level counts how far an event goes, and finds its group as the import will: nothing is
// taken in by looking.
func (l *looking) level(e *misp.Event) error {
	level := Level{Level: intel.Distribution(e.Distribution.Level(silent))}
	level.Said = int64(level.Level) != silent
	if !level.Said {
		level.Level = intel.OwnOrg
	}
	if level.Level == intel.Group && e.SharingGroup != nil {
		level.UUID, level.Name = clean(e.SharingGroup.UUID.Or("")), clean(e.SharingGroup.Name.Or(""))
		id, known := l.groups[level.UUID]
		if !known {
			var err error
			if id, err = l.s.group(l.ctx, l.who, level.UUID); err != nil {
				return err
			}
			l.groups[level.UUID] = id
		}
		level.Group = id
	}
	for i := range l.found.Levels {
		if x := &l.found.Levels[i]; x.Level == level.Level && x.Said == level.Said && x.UUID == level.UUID {
			x.Count++
			return nil
		}
	}
	if len(l.found.Levels) < headsKept {
		level.Count = 1
		l.found.Levels = append(l.found.Levels, level)
	}
	return nil
}

// group finds a sharing group that who may share within, 0 for none.
func (s *Service) group(ctx context.Context, who ident.Actor, uuid string) (int64, error) {
	g, err := s.d.Intel.SharingGroup(ctx, who, uuid)
	if err == nil {
		_, err = s.d.Intel.WhoSees(ctx, who, intel.Group, g.ID, nil)
	}
	switch fault.KindOf(err) {
	case "":
		return g.ID, nil
	case fault.NotFound, fault.Denied, fault.Invalid:
		return 0, nil
	}
	return 0, err
}

// here tells whether an event is here already, as far as its reader may know.
func (l *looking) here(e *misp.Event) (string, error) {
	uuid := strings.TrimSpace(e.UUID.Or(""))
	if uuid == "" {
		return "new", nil
	}
	have, err := l.s.d.Intel.Event(l.ctx, l.who, uuid)
	if fault.Is(err, fault.NotFound) {
		return "new", nil
	}
	if err != nil {
		return "", err
	}
	h := &l.found.Here
	switch {
	case e.Timestamp.Or(0) <= have.Timestamp:
		h.Same++
		return "same", nil
	case intel.MayEdit(l.who, &have) != nil:
		h.Foreign++
		return "foreign", nil
	}
	h.Older++
	return "older", nil
}
