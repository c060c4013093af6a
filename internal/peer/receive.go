package peer

import (
	"context"
	"slices"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

// Reasons why something was not taken or not sent: message keys.
const (
	reasonBlocked = "peer.reason.blocked" // on the block list here
	reasonOwn     = "peer.reason.own"     // made here; a peer may not change it
	reasonOrigin  = "peer.reason.origin"  // another originator than the one here
	reasonEmpty   = "peer.reason.empty"   // neither attributes nor a report
	reasonOther   = "peer.reason.other"   // not the event that was asked for
	reasonRules   = "peer.reason.rules"   // our rules for this peer
	reasonGone    = "peer.reason.gone"    // listed, then not shown
	reasonGroup   = "peer.reason.group"   // a sharing group that does not reach this installation
	reasonBroken  = "peer.reason.broken"  // cannot be read, or breaks off
	reasonInvalid = "peer.reason.invalid" // not storable: fields
	reasonTries   = "peer.reason.tries"   // failed again and again
)

// Reasons why a version of a protected event is not taken.
const (
	reasonUnsigned = "peer.reason.unsigned" // it carries no signature
	reasonForged   = "peer.reason.forged"   // the signature is none, or over other bytes
	reasonStranger = "peer.reason.stranger" // signed by a key that the event here does not list
	reasonUnfit    = "peer.reason.unfit"    // by one that has expired or was revoked
)

// unsigned gives the reason for what intel says of a signature.
var unsigned = map[string]string{intel.KeyUnsigned: reasonUnsigned, intel.KeyForged: reasonForged, intel.KeyStranger: reasonStranger, intel.KeyUnfit: reasonUnfit}

// signatureHeader carries a detached OpenPGP signature over a protected event, in base64;
// in lower case, as MISP looks for it.
const signatureHeader = "x-pgp-signature"

// refusal is why one event is not taken.
func refusal(reason, detail string) error {
	return fault.New(fault.Invalid, "%s", detail).WithKey(reason)
}

// lowered is a level as it stands one community further; 3, 4 and 5 stay.
func lowered(n misp.Int, absent int64) misp.Int {
	switch d := n.Or(absent); d {
	case 1:
		return misp.N(0)
	case 2:
		return misp.N(1)
	default:
		return misp.N(d)
	}
}

// receiver makes a peer's document into what may be stored here (spec misp §7.4).
type receiver struct {
	p       *Peer
	uuid    string // of the event that was asked for
	origin  string // of the event here, "" if it is not here
	groups  *intel.Grouping
	move    bool                // everything comes as it is
	mirror  map[string][]string // by UUID of event and attributes: their tags here; a tag that is not sent any more goes
	lowered bool                // of the event itself: the header is given twice
	parts   int64
	dropped int64 // attributes and objects that our rules left out
}

// source passes a document on, changed; the document's end is held back until what
// follows has been read, so that half a document stores nothing.
func (rc *receiver) source(ctx context.Context, src intel.Source) intel.Source {
	return func(fn func(misp.Item) error) error {
		events := 0
		var end *misp.Item
		err := src(func(it misp.Item) error {
			if end != nil {
				return refusal(reasonOther, "more than one event came")
			}
			switch it.Kind {
			case misp.ItemStart:
				events++
				if err := rc.header(ctx, it.Event, false); err != nil {
					return err
				}
			case misp.ItemAttribute:
				if keep, err := rc.attribute(ctx, it.Attribute); err != nil || !keep {
					rc.dropped++
					return err
				}
				rc.parts++
			case misp.ItemObject:
				if keep, err := rc.object(ctx, it.Object); err != nil || !keep {
					rc.dropped++
					return err
				}
				rc.parts++
			case misp.ItemEnd:
				if err := rc.header(ctx, it.Event, true); err != nil {
					return err
				}
				end = &it
				return nil
			}
			return fn(it)
		})
		if err != nil {
			return err
		}
		if end == nil {
			return refusal(reasonBroken, "no event came")
		}
		if rc.parts == 0 && len(end.Event.EventReport) == 0 {
			return refusal(reasonEmpty, "neither attributes nor a report")
		}
		return fn(*end)
	}
}

// header changes the event's own fields; whole tells that nothing more of it comes.
func (rc *receiver) header(ctx context.Context, h *misp.Event, whole bool) error {
	uuid, ok := store.ParseUUID(strings.TrimSpace(h.UUID.Or("")))
	if (whole || h.UUID.Given()) && (!ok || uuid != rc.uuid) {
		return refusal(reasonOther, "another event than the one asked for")
	}
	if h.Orgc != nil || whole {
		if err := rc.originator(h); err != nil {
			return err
		}
	}
	if !rc.move {
		h.Locked = misp.B(true)
	}
	if rc.move {
		h.Published = misp.B(h.Published.Or(false))
	} else if rc.p.Unpublish {
		h.Published = misp.B(false)
	} else {
		h.Published = misp.B(true) // only published events are listed
	}
	if !rc.lowered && (h.Distribution.Given() || whole) {
		rc.lowered = true
		if !rc.p.Internal {
			h.Distribution = lowered(h.Distribution, 0)
		} else if !h.Distribution.Given() {
			h.Distribution = misp.N(0)
		}
	}
	if h.Distribution.Or(0) == 4 && (whole || h.SharingGroup != nil) {
		ok, err := rc.groups.Level(ctx, &h.Distribution, &h.SharingGroupID, &h.SharingGroup, 0)
		if err != nil {
			return err
		}
		if !ok {
			return refusal(reasonGroup, "the event's sharing group does not reach this installation")
		}
	}
	if !whole {
		return nil
	}
	return rc.rest(ctx, h)
}

// originator: who made an event does not change, and our rules may leave some out.
func (rc *receiver) originator(h *misp.Event) error {
	if h.Orgc == nil || h.Orgc.UUID.Or("") == "" {
		return refusal(reasonInvalid, "the event names no originator")
	}
	uuid, ok := store.ParseUUID(strings.TrimSpace(h.Orgc.UUID.V))
	if !ok {
		return refusal(reasonInvalid, "the originator's uuid is none")
	}
	if rc.origin != "" && uuid != rc.origin {
		return refusal(reasonOrigin, "another originator than the one here")
	}
	if !rc.p.PullRules.Orgs.lets(uuid, h.Orgc.Name.Or("")) {
		return refusal(reasonRules, "the originator is left out by the rules")
	}
	return nil
}

// rest is what stands around the two long lists.
func (rc *receiver) rest(ctx context.Context, h *misp.Event) error {
	names := []string{}
	for _, t := range h.Tag {
		names = append(names, t.Name.Or(""))
	}
	for _, l := range h.EventTag {
		if l.Tag != nil {
			names = append(names, l.Tag.Name.Or(""))
		}
	}
	if !rc.p.PullRules.Tags.lets(names...) {
		return refusal(reasonRules, "the tags are left out by the rules")
	}
	h.Tag, h.EventTag, h.Galaxy = rc.gone(rc.uuid, rc.tags(h.Tag), h.EventTag), rc.links(h.EventTag), nil
	for i := range h.EventReport {
		r := &h.EventReport[i]
		if err := rc.level(ctx, &r.Distribution, &r.SharingGroupID, &r.SharingGroup, 0); err != nil {
			return err
		}
		if err := rc.said(ctx, r.Note, r.Opinion, r.Relationship); err != nil {
			return err
		}
	}
	return rc.said(ctx, h.Note, h.Opinion, h.Relationship)
}

// said puts analyst data that stands inside the document into the terms of here.
func (rc *receiver) said(ctx context.Context, lists ...[]misp.Analyst) error {
	for _, list := range lists {
		for i := range list {
			if err := remarkHere(ctx, rc.p, rc.groups, &list[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// tags leaves out the sender's local ones.
func (rc *receiver) tags(list []misp.Tag) []misp.Tag {
	if rc.p.Internal {
		return list
	}
	return slices.DeleteFunc(list, func(t misp.Tag) bool { return t.Local.Or(false) })
}

// gone adds, to be taken off, the tags that the thing has here and that were not sent:
// for a peer whose tags are mirrored (MISP's remove_missing_tags). Local ones stay.
func (rc *receiver) gone(uuid string, list []misp.Tag, links []misp.TagLink) []misp.Tag {
	for _, name := range rc.mirror[uuid] {
		has := slices.ContainsFunc(list, func(t misp.Tag) bool { return strings.EqualFold(t.Name.Or(""), name) }) ||
			slices.ContainsFunc(links, func(l misp.TagLink) bool { return l.Tag != nil && strings.EqualFold(l.Tag.Name.Or(""), name) })
		if !has {
			list = append(list, misp.Tag{Name: misp.T(name), Deleted: misp.B(true)})
		}
	}
	return list
}

func (rc *receiver) links(list []misp.TagLink) []misp.TagLink {
	if rc.p.Internal {
		return list
	}
	return slices.DeleteFunc(list, func(l misp.TagLink) bool {
		return l.Local.Or(false) || l.Tag != nil && l.Tag.Local.Or(false)
	})
}

// attribute and object change a part, or tell that our rules leave it out.
func (rc *receiver) attribute(ctx context.Context, a *misp.Attribute) (keep bool, err error) {
	if slices.Contains(rc.p.PullRules.TypeAttributes.NOT, a.Type.Or("")) {
		return false, nil
	}
	uuid, _ := store.ParseUUID(a.UUID.Or(""))
	a.Tag, a.AttributeTag, a.Galaxy = rc.gone(uuid, rc.tags(a.Tag), a.AttributeTag), rc.links(a.AttributeTag), nil
	if err := rc.said(ctx, a.Note, a.Opinion, a.Relationship); err != nil {
		return false, err
	}
	return true, rc.level(ctx, &a.Distribution, &a.SharingGroupID, &a.SharingGroup, 5)
}

func (rc *receiver) object(ctx context.Context, o *misp.Object) (keep bool, err error) {
	if slices.Contains(rc.p.PullRules.TypeObjects.NOT, o.TemplateUUID.Or("")) {
		return false, nil
	}
	kept := o.Attribute[:0]
	for i := range o.Attribute {
		keep, err := rc.attribute(ctx, &o.Attribute[i])
		if err != nil {
			return false, err
		}
		if keep {
			kept = append(kept, o.Attribute[i])
		} else {
			rc.dropped++
		}
	}
	o.Attribute = kept
	if err := rc.said(ctx, o.Note, o.Opinion, o.Relationship); err != nil {
		return false, err
	}
	return true, rc.level(ctx, &o.Distribution, &o.SharingGroupID, &o.SharingGroup, 5)
}

// level puts a part's level and group into this installation's terms.
func (rc *receiver) level(ctx context.Context, d, group *misp.Int, w **misp.SharingGroup, absent int64) error {
	if !rc.p.Internal {
		*d = lowered(*d, absent)
	}
	return rc.groups.Part(ctx, d, group, w, absent)
}
