package intel

import (
	"context"
	"strconv"
	"strings"

	"straza/internal/format/tlp"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Leaves tells whether an event, or a part of it, with this label may go to another
// installation: the same rule for what we push and for what others fetch (TLP 2.0; spec
// misp §7.5). Pure.
func Leaves(label tlp.Level, e *Event) bool {
	return letGo(label, !e.Locked, e.Distribution == Group)
}

func letGo(label tlp.Level, own, named bool) bool {
	return tlp.Out(label, tlp.Peer, tlp.Circumstance{Own: own, Named: named}).Answer == tlp.Pass
}

// leavingWhere is Leaves of events, but for those of the caller's own organisation. In SQL,
// so that pages and counts are of what leaves.
func (p *plan) leavingWhere() string {
	org := strconv.FormatInt(p.own, 10)
	any := []string{"e.org_id = " + org, "e.orgc_id = " + org}
	for _, own := range []bool{true, false} {
		for _, named := range []bool{true, false} {
			var words []string
			for _, l := range append(tlp.Levels(), tlp.None) {
				if letGo(l.Or(p.untagged), own, named) {
					words = append(words, l.String())
				}
			}
			if len(words) > 0 {
				is := map[bool]string{true: "", false: "NOT "}
				any = append(any, is[!own]+"e.locked AND "+is[named]+"e.distribution = "+strconv.Itoa(int(Group))+" AND e.tlp IN "+quoted(words))
			}
		}
	}
	return "(" + strings.Join(any, " OR ") + ")"
}

// partLeaves is Leaves of an attribute whose event does: a label of its own may be stricter.
func (p *plan) partLeaves(a *Attribute) bool {
	if a.Event.Owner.ID == p.own || a.Event.Origin.ID == p.own {
		return true
	}
	return PartLeaves(a, a.Event)
}

// PartLeaves tells whether the label that an attribute has itself lets it go. Pure.
func PartLeaves(a *Attribute, e *Event) bool {
	l := a.own()
	return l == tlp.None || Leaves(l, e)
}

// own is the strictest label that an attribute has itself: of the tags read with it, and of
// those that its reader is not shown.
func (a *Attribute) own() tlp.Level { return max(a.label, tlp.FromTags(usedNames(a.Tags))) }

// strictTags are TLP tags that keep an attribute here, by whether its event was made here and
// is for a group.
type strictTags struct {
	own, named bool
	ids        []int64
}

func readStrict(ctx context.Context, tx *store.Tx) (out []strictTags, err error) {
	list, err := labelTags(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, own := range []bool{true, false} {
		for _, named := range []bool{true, false} {
			x := strictTags{own: own, named: named}
			for _, t := range list {
				if l, ok := tlp.FromTag(t.Name); ok && !letGo(l, own, named) {
					x.ids = append(x.ids, t.ID)
				}
			}
			if len(x.ids) > 0 {
				out = append(out, x)
			}
		}
	}
	return out, nil
}

// notStaying is partLeavingWhere of attributes (a) for reads without a plan; "" unless leaving.
func notStaying(ctx context.Context, tx *store.Tx, who ident.Actor, leaving bool) (string, error) {
	if !leaving {
		return "", nil
	}
	p := plan{Query: &Query{Leaving: true}, own: who.Org}
	var err error
	p.strict, err = readStrict(ctx, tx)
	return p.andLeaving("a"), err
}

// Kept is what labels of their own keep of an event that may itself go to another installation.
type Kept struct {
	Attributes int64 // how many, deleted ones not counted
	parts      map[string]bool
}

// Holds tells whether an attribute, or an object of which everything is kept, is among it.
func (k Kept) Holds(uuid string) bool { return k.parts[uuid] }

// Kept tells what who would see of an event and what PartLeaves keeps all the same.
func (s *Service) Kept(ctx context.Context, who ident.Actor, e *Event) (k Kept, err error) {
	if err := mayRead(who); err != nil {
		return k, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		strict, err := readStrict(ctx, tx)
		for _, x := range strict {
			if err == nil && x.own != e.Locked && x.named == (e.Distribution == Group) {
				k, err = keptParts(ctx, tx, who, e.ID, x.ids)
			}
		}
		return err
	})
	return k, err
}
