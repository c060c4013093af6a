package peer

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
)

// Reasons why an event is not sent: message keys. Those of TLP are tlp's own.
const (
	holdUnpublished = "peer.hold.unpublished"
	holdSource      = "peer.hold.source"  // it came from there
	holdLevel       = "peer.hold.level"   // own organisation or this community
	holdGroup       = "peer.hold.group"   // the sharing group names neither the server nor its organisation
	holdTags        = "peer.hold.tags"    // our rules on tags
	holdOrgs        = "peer.hold.orgs"    // our rules on originators
	holdCeiling     = "peer.hold.ceiling" // the label is stricter than the peer's ceiling
	holdNothing     = "peer.hold.nothing" // nothing of it is left for this peer
	holdGone        = "peer.hold.gone"    // not here any more
	refusedThere    = "peer.hold.refused" // the other side would not have it
	holdOld         = "peer.hold.old"     // protected, and the other side knows no protected events
	holdSeal        = "peer.hold.seal"    // protected, and none of our keys is on its list
	refusedOwner    = "peer.hold.theirs"  // the other side does not let our key change it
)

// sender decides what of an event goes to one peer (spec misp §7.5).
type sender struct {
	p       *Peer
	there   string // UUID of the organisation behind the peer
	here    string // our own address
	version string // of MISP that the other side says it is
	short   bool   // a group that was written once is named by its UUID afterwards
	group   func(ctx context.Context, id int64) (*intel.SharingGroup, error)
	groups  map[int64]*sent
	// signs gives the keys of a protected event, and whether one of ours is among them.
	signs func(ctx context.Context, e *intel.Event) (keys []intel.EventKey, ours bool, err error)
	keys  []intel.EventKey // of the event that was looked at last
}

// sent is a group as this peer may have it; nil wire = not at all.
type sent struct {
	wire  *misp.SharingGroup
	brief *misp.SharingGroup
	told  bool
}

// event tells why the event as a whole does not go, "" when it does.
func (sd *sender) event(ctx context.Context, e *intel.Event, label tlp.Level, from int64) (reason string, err error) {
	switch {
	case !e.Published:
		return holdUnpublished, nil
	case from == sd.p.ID && from != 0:
		return holdSource, nil
	case e.Distribution == intel.OwnOrg, e.Distribution == intel.Community && !sd.p.Internal:
		return holdLevel, nil
	case e.Distribution == intel.Group:
		if g, err := sd.groupFor(ctx, e.Group); err != nil || g.wire == nil {
			return holdGroup, err
		}
	}
	var names []string
	for i := range e.Tags {
		if t := &e.Tags[i]; !t.Local || sd.p.Internal {
			names = append(names, t.Name, strconv.FormatInt(t.ID, 10))
		}
	}
	switch {
	case !sd.p.PushRules.Orgs.lets(e.Origin.UUID, e.Origin.Name, strconv.FormatInt(e.Origin.ID, 10)):
		return holdOrgs, nil
	case !sd.p.PushRules.Tags.lets(names...):
		return holdTags, nil
	}
	if reason = sd.label(label, !e.Locked, e.Distribution == intel.Group); reason != "" {
		return reason, nil
	}
	return sd.protected(ctx, e)
}

// protected tells why a protected event does not go: it would be refused there.
func (sd *sender) protected(ctx context.Context, e *intel.Event) (reason string, err error) {
	if sd.keys = nil; !e.IsProtected() {
		return "", nil
	}
	if !misp.KnowsProtected(sd.version) {
		return holdOld, nil
	}
	ours := false
	if sd.keys, ours, err = sd.signs(ctx, e); err == nil && !ours {
		reason = holdSeal
	}
	return reason, err
}

// label tells why something with a TLP label does not go there.
func (sd *sender) label(l tlp.Level, own, named bool) string {
	if v := tlp.Out(l, tlp.Peer, tlp.Circumstance{Own: own, Named: named}); v.Answer != tlp.Pass {
		return v.Reason
	}
	if !l.Within(sd.p.Ceiling) {
		return holdCeiling
	}
	return ""
}

// part tells whether a child of a level goes, and the level that it has there.
func (sd *sender) part(ctx context.Context, d intel.Distribution, group int64) (level int64, g *sent, goes bool, err error) {
	switch {
	case d == intel.Group:
		g, err = sd.groupFor(ctx, group)
		return 4, g, err == nil && g.wire != nil, err
	case sd.p.Internal:
		return int64(d), nil, true, nil
	case d == intel.OwnOrg || d == intel.Community:
		return 0, nil, false, nil
	case d == intel.Connected:
		return 1, nil, true, nil
	}
	return int64(d), nil, true, nil
}

// groupFor reads a group once an event and decides whether this peer is in it.
func (sd *sender) groupFor(ctx context.Context, id int64) (*sent, error) {
	if g := sd.groups[id]; g != nil {
		return g, nil
	}
	s := &sent{}
	g, err := sd.group(ctx, id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	if err == nil && sd.reaches(g) {
		s.wire = g.Wire()
		for i := range s.wire.Servers {
			if e := &s.wire.Servers[i]; e.ServerID.Or(-1) == 0 {
				e.Server = &misp.Server{ID: misp.N(0), URL: misp.T(sd.here), Name: misp.T(sd.here)}
			}
		}
		s.brief = &misp.SharingGroup{UUID: s.wire.UUID}
	}
	sd.groups[id] = s
	return s, nil
}

// reaches tells whether a group names the peer's server or, where it may roam or
// names the server without all its organisations, the organisation behind it.
func (sd *sender) reaches(g *intel.SharingGroup) bool {
	named := g.Roaming
	for _, h := range g.Servers {
		if h.Server == sd.p.ID || h.URL != "" && strings.EqualFold(strings.TrimRight(h.URL, "/"), sd.p.URL) {
			if h.AllOrgs {
				return true
			}
			named = true
		}
	}
	return named && slices.ContainsFunc(g.Orgs, func(m intel.GroupOrg) bool { return m.Org.UUID == sd.there })
}

// wire writes the group whole, or only its name when the other side has it already.
func (sd *sender) wire(g *sent) *misp.SharingGroup {
	if g == nil {
		return nil
	}
	if g.told && sd.short {
		return g.brief
	}
	g.told = true
	return g.wire
}

// tags are those that leave: exportable, not local.
func (sd *sender) tags(list []intel.TagUse) (out []misp.Tag) {
	for i := range list {
		t := &list[i]
		if !t.Exportable || t.LocalOnly || t.Local && !sd.p.Internal {
			continue
		}
		out = append(out, misp.Tag{Name: misp.T(t.Name), Colour: misp.T(t.Colour), Exportable: misp.B(true), Local: misp.B(t.Local),
			NumericalValue: t.Wire().NumericalValue, RelationshipType: misp.TextOrNull(t.Relationship)})
	}
	return out
}

// attribute gives the attribute as it leaves; goes is false for one that stays.
func (sd *sender) attribute(ctx context.Context, e *intel.Event, a *intel.Attribute) (w misp.Attribute, goes bool, err error) {
	if slices.Contains(sd.p.BlockedTypes, a.Type) || slices.Contains(sd.p.PushRules.TypeAttributes.NOT, a.Type) {
		return w, false, nil
	}
	var names []string
	for i := range a.Tags {
		names = append(names, a.Tags[i].Name)
	}
	if not := (Choice{NOT: sd.p.PushRules.Tags.NOT}); !not.lets(names...) {
		return w, false, nil
	}
	if l := tlp.FromTags(names); l != tlp.None && sd.label(l, !e.Locked, e.Distribution == intel.Group || a.Distribution == intel.Group) != "" {
		return w, false, nil
	}
	level, g, goes, err := sd.part(ctx, a.Distribution, a.Group)
	if err != nil || !goes {
		return w, false, err
	}
	w = a.Wire()
	w.ID, w.EventID, w.ObjectID, w.SharingGroupID = misp.Int{}, misp.Int{}, misp.Int{}, misp.Int{}
	w.Distribution, w.Tag, w.SharingGroup = misp.N(level), sd.tags(a.Tags), sd.wire(g)
	return w, true, nil
}

// errOne ends a look for the first part that goes.
var errOne = errors.New("one is enough")

// document writes an event as it goes to the peer. With look set nothing is written
// and errOne tells that something of it goes.
type document struct {
	*sender
	s    *Service
	e    *intel.Event
	look bool
	goes map[string]bool // uuids, once they were asked for
}

func (d *document) anything(ctx context.Context) (bool, error) {
	d.look = true
	err := d.parts(ctx, func(*misp.Attribute) error { return errOne }, func(*misp.Object) error { return errOne })
	d.look = false
	if errors.Is(err, errOne) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	reports, err := d.reports(ctx)
	return len(reports) > 0, err
}

func (d *document) write(ctx context.Context, out io.Writer) error {
	h, err := d.header(ctx)
	if err != nil {
		return err
	}
	x := misp.NewEncoder(out)
	if err := x.Begin(h); err != nil {
		return err
	}
	if err := d.parts(ctx, x.Attribute, x.Object); err != nil {
		return err
	}
	if err := x.End(); err != nil {
		return err
	}
	return x.Flush()
}

func (d *document) header(ctx context.Context) (*misp.Event, error) {
	w := d.e.Wire()
	level, g, _, err := d.part(ctx, d.e.Distribution, d.e.Group)
	if err != nil {
		return nil, err
	}
	w.ID, w.OrgID, w.OrgcID, w.Org, w.AttributeCount, w.SharingGroupID, w.SightingTimestamp = misp.Int{}, misp.Int{}, misp.Int{}, nil, misp.Int{}, misp.Int{}, misp.Int{}
	w.Orgc.ID = misp.Int{}
	w.Locked, w.Published, w.Distribution = misp.B(true), misp.B(true), misp.N(level)
	w.Tag, w.SharingGroup = d.tags(d.e.Tags), d.wire(g)
	for i := range d.keys {
		k := d.keys[i].Wire()
		k.ID, k.ParentID = misp.Int{}, misp.Int{}
		w.CryptographicKey = append(w.CryptographicKey, k)
	}
	w.EventReport, err = d.reports(ctx)
	return w, err
}

func (d *document) reports(ctx context.Context) (out []misp.EventReport, err error) {
	list, err := d.s.intel.Reports(ctx, part(), d.e.Ref(), intel.With)
	if err != nil {
		return nil, err
	}
	for i := range list {
		level, g, goes, err := d.part(ctx, list[i].Distribution, list[i].Group)
		if err != nil {
			return nil, err
		}
		if !goes {
			continue
		}
		w := list[i].Wire()
		w.ID, w.EventID, w.SharingGroupID, w.Distribution, w.SharingGroup = misp.Int{}, misp.Int{}, misp.Int{}, misp.N(level), d.wire(g)
		out = append(out, w)
	}
	return out, nil
}

// parts gives attributes and objects, softly deleted ones too, as they leave.
func (d *document) parts(ctx context.Context, attribute func(*misp.Attribute) error, object func(*misp.Object) error) error {
	all := intel.Part{Deleted: intel.With}
	err := d.s.intel.Attributes(ctx, part(), d.e.Ref(), all, func(a *intel.Attribute) error {
		w, goes, err := d.one(ctx, a)
		if err != nil || !goes {
			return err
		}
		return attribute(&w)
	})
	if err != nil {
		return err
	}
	return d.s.intel.Objects(ctx, part(), d.e.Ref(), all, func(o *intel.Object) error {
		w, goes, err := d.object(ctx, o)
		if err != nil || !goes {
			return err
		}
		return object(&w)
	})
}

func (d *document) one(ctx context.Context, a *intel.Attribute) (w misp.Attribute, goes bool, err error) {
	w, goes, err = d.sender.attribute(ctx, d.e, a)
	if err != nil || !goes || d.look || a.DataSize == 0 {
		return w, goes, err
	}
	b, err := d.s.intel.Data(ctx, part(), strconv.FormatInt(a.ID, 10))
	w.Data = misp.T(base64.StdEncoding.EncodeToString(b))
	return w, true, err
}

func (d *document) object(ctx context.Context, o *intel.Object) (w misp.Object, goes bool, err error) {
	if slices.Contains(d.p.PushRules.TypeObjects.NOT, o.TemplateUUID) {
		return w, false, nil
	}
	level, g, goes, err := d.part(ctx, o.Distribution, o.Group)
	if err != nil || !goes {
		return w, false, err
	}
	attributes := o.Attributes
	o.Attributes = nil
	w = o.Wire()
	w.ID, w.EventID, w.SharingGroupID, w.Distribution, w.SharingGroup = misp.Int{}, misp.Int{}, misp.Int{}, misp.N(level), d.wire(g)
	for i := range attributes {
		a, goes, err := d.one(ctx, &attributes[i])
		if err != nil {
			return w, false, err
		}
		if goes {
			w.Attribute = append(w.Attribute, a)
		}
	}
	if len(w.ObjectReference) > 0 && !d.look {
		if err := d.withoutStaying(ctx, &w); err != nil {
			return w, false, err
		}
	}
	for i := range w.ObjectReference {
		r := &w.ObjectReference[i]
		r.ID, r.ObjectID, r.EventID, r.ReferencedID = misp.Int{}, misp.Int{}, misp.Int{}, misp.Int{}
	}
	return w, len(w.Attribute) > 0 || len(attributes) == 0, nil
}

// withoutStaying takes out of an object its references to parts of the event that stay here.
func (d *document) withoutStaying(ctx context.Context, o *misp.Object) (err error) {
	if d.goes == nil {
		if d.goes, err = d.uuids(ctx); err != nil {
			return err
		}
	}
	o.ObjectReference = slices.DeleteFunc(o.ObjectReference, func(r misp.ObjectReference) bool {
		to := r.ReferencedUUID.V
		if d.goes[to] || err != nil {
			return false
		}
		a, fail := d.s.intel.Attribute(ctx, part(), to)
		if fail == nil {
			return a.EventID == d.e.ID
		}
		if err = orFound(fail); err != nil {
			return false
		}
		x, fail := d.s.intel.Object(ctx, part(), to, intel.With)
		err = orFound(fail)
		return fail == nil && x.EventID == d.e.ID
	})
	return err
}
