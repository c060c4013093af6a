package intel

import (
	"context"
	"slices"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// Tags streams all tags by id: those that may be known to who.
func (s *Service) Tags(ctx context.Context, who ident.Actor, yield func(Tag) error) error {
	if err := mayRead(who); err != nil {
		return err
	}
	after := int64(0)
	return pages(0, batch, func(n int) (int, error) {
		var list []Tag
		err := s.db.View(ctx, func(tx *store.Tx) (err error) {
			list, err = listTags(ctx, tx, who, after, n)
			return err
		})
		for _, t := range list {
			after = t.ID
			if err == nil {
				err = yield(t)
			}
		}
		return len(list), err
	})
}

// Tag reads one tag by id or exact name, with how many events and attributes
// that the caller sees carry it. Faults: NotFound.
func (s *Service) Tag(ctx context.Context, who ident.Actor, ref string) (t Tag, events, attributes int64, err error) {
	if err := mayRead(who); err != nil {
		return t, 0, 0, err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		if t, err = readTag(ctx, tx, who, ref); err != nil {
			return err
		}
		events, attributes, err = countTag(ctx, tx, who, t.ID)
		return err
	})
	return t, events, attributes, err
}

// TagKept tells whether a tag of exactly this name is kept for somebody else: "organisation",
// "user", or "" when it is not. Who may: misp.tagger; the name is all that they are told of.
func (s *Service) TagKept(ctx context.Context, who ident.Actor, name string) (by string, err error) {
	if err := access.Check(who, "misp.tagger"); err != nil {
		return "", err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		org, person, err := tagKeepers(ctx, tx, name)
		switch {
		case org != 0 && org != who.Org:
			by = "organisation"
		case person != 0 && person != who.Person:
			by = "user"
		}
		return err
	})
	return by, err
}

// AddTag is AddTagTx in a transaction of its own.
func (s *Service) AddTag(ctx context.Context, who ident.Actor, t Tag) (out Tag, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		out, err = s.AddTagTx(ctx, tx, who, t)
		return err
	})
	return out, err
}

// AddTagTx makes a tag; a name that differs from another in case only is another
// tag. One that came with somebody's event and that the caller does not see used is
// made anew for everybody, as if it were not there. Who may: misp.tag_editor. Faults:
// Invalid, Conflict.
func (s *Service) AddTagTx(ctx context.Context, tx *store.Tx, who ident.Actor, t Tag) (out Tag, err error) {
	if err := mayTagEdit(who); err != nil {
		return t, err
	}
	t.Name = strings.TrimSpace(t.Name)
	if err := checkTag(t); err != nil {
		return t, err
	}
	taken := fault.New(fault.Conflict, "the tag exists").WithKey("intel.fault.tag-exists")
	out, made, err := ownTag(ctx, tx, who, t)
	if err != nil || !made {
		return out, orNot(err, taken)
	}
	return out, s.log.Record(ctx, tx, who, "tag.add", audit.Thing{Kind: "tag", ID: out.ID, Label: out.Name}, nil)
}

// mayChangeTag: a word belongs to all who use it. Whoever keeps the vocabulary
// (catalog.write) changes any, others what nobody but their own organisation uses. TLP and
// PAP labels decide how far events go: they are not renamed or deleted while one has them,
// and by others never, used or not.
func mayChangeTag(ctx context.Context, tx *store.Tx, who ident.Actor, t Tag, keeps bool) error {
	if err := mayTagEdit(who); err != nil {
		return err
	}
	keeper := access.Allowed(who, "catalog.write") || who.Kind == ident.System
	if isLabel(t.Name) {
		if !keeper {
			return fault.New(fault.Denied, "%q is a label", t.Name).WithKey("intel.fault.tag-common")
		}
		if n, err := store.Int64(ctx, tx, tagUsed, t.ID); err != nil || n == 0 || keeps {
			return err
		}
		return fault.New(fault.Conflict, "%q labels events", t.Name).WithKey("intel.fault.tag-label")
	}
	if keeper {
		return nil
	}
	n, err := store.Int64(ctx, tx, tagUsedElsewhere, t.ID, who.Org)
	if err != nil || n == 0 {
		return err
	}
	return fault.New(fault.Denied, "%q is used by others", t.Name).WithKey("intel.fault.tag-common")
}

// MayChangeTag tells whether the caller may change and delete a tag, by id or exact name.
// Faults: NotFound.
func (s *Service) MayChangeTag(ctx context.Context, who ident.Actor, ref string) (may bool, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		t, err := readTag(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		err = mayChangeTag(ctx, tx, who, t, true)
		may = err == nil
		if fault.Is(err, fault.Denied) {
			return nil
		}
		return err
	})
	return may, err
}

// EditTag changes a tag. Who may: misp.tag_editor, as far as mayChangeTag lets them. Faults:
// NotFound, Denied, Invalid, Conflict.
func (s *Service) EditTag(ctx context.Context, who ident.Actor, ref string, change func(*Tag)) (t Tag, err error) {
	if err := mayTagEdit(who); err != nil {
		return t, err
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if t, err = readTag(ctx, tx, who, ref); err != nil {
			return err
		}
		old := t
		change(&t)
		if err := mayChangeTag(ctx, tx, who, old, strings.EqualFold(t.Name, old.Name)); err != nil {
			return err
		}
		if err := checkTag(t); err != nil {
			return err
		}
		if err := rewriteTag(ctx, tx, t); store.IsUnique(err) {
			return fault.New(fault.Conflict, "the tag exists").WithKey("intel.fault.tag-exists")
		} else if err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "tag.edit", audit.Thing{Kind: "tag", ID: t.ID, Label: t.Name}, nil)
	})
	return t, err
}

// DeleteTag removes a tag and takes it off everything. Who may: misp.tag_editor, as far as
// mayChangeTag lets them. Faults: NotFound, Denied, Conflict.
func (s *Service) DeleteTag(ctx context.Context, who ident.Actor, ref string) error {
	if err := mayTagEdit(who); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		t, err := readTag(ctx, tx, who, ref)
		if err != nil {
			return err
		}
		if err := mayChangeTag(ctx, tx, who, t, false); err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		if err := noteTagGone(ctx, tx, who, t, now); err != nil {
			return err
		}
		n, err := dropTag(ctx, tx, t.ID)
		if err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, "tag.delete", audit.Thing{Kind: "tag", ID: t.ID, Label: t.Name}, map[string]any{"uses": n})
	})
}

func mayTagEdit(who ident.Actor) error {
	if who.ReadOnly {
		return fault.New(fault.Denied, "%s holds a read-only key", who).WithKey("fault.read-only")
	}
	return access.Check(who, "misp.tag_editor")
}

func checkTag(t Tag) error {
	var c fault.Collector
	c.Require(t.Name != "" && len(t.Name) <= 255, "name", "intel.fault.name")
	c.Require(!isLabel(t.Name) || t.Exportable && !t.LocalOnly && t.Org == 0 && t.User == 0, "name", "intel.fault.tag-label.all")
	c.Require(t.Colour == "" || validColour(t.Colour), "colour", "intel.fault.colour")
	return c.Err("a tag")
}

// Target is an event (Attribute "") or one of its attributes, by id or UUID.
type Target struct {
	Event     string
	Attribute string
	// Clusters: the names stand for galaxy clusters that the caller has read, which
	// who may tag may attach; their tags are common vocabulary, made when missing.
	Clusters bool
	Exact    bool // a name that differs in case is another one
}

// Attach puts tags on an event or attribute. A name that is not known is made
// when the caller may make tags. Attaching what is attached already changes
// nothing; a local tag stays local. Local tags bump no timestamp and clear no published
// flag: they are for the teams that work here. A CERT attaches them to what it holds; the
// host of the installation, which works with what partners send, to all, but no labels.
// Others need the right to edit the event. changed tells how many were new.
func (s *Service) Attach(ctx context.Context, who ident.Actor, at Target, names []string, local bool) (changed int, err error) {
	err = s.tagging(ctx, who, at, local, "tag.attach", func(tx *store.Tx, past *journal, e Event, on *Attribute) (int64, error) {
		aud := audiences{who: who, owner: e.Owner.ID}
		var n int64
		for _, name := range names {
			if name = strings.TrimSpace(name); name == "" || len(name) > 255 {
				return 0, fault.Field("tag", "intel.fault.name", "no tag name")
			}
			if local && isLabel(name) && !holds(who, e) {
				return 0, notHost(who, e)
			}
			id, err := aud.tag(ctx, tx, tagName{name: name, cluster: at.Clusters && isCluster(name), exact: at.Exact})
			if err != nil {
				return 0, err
			}
			if id == 0 {
				return 0, fault.New(fault.Denied, "the tag is unknown and %s may not make tags", who).WithKey("intel.fault.tag-unknown")
			}
			k, err := tx.Exec(ctx, attachTag, s.db.NewID(), id, e.ID, on.ID, local, "")
			if err != nil {
				return 0, err
			}
			if k > 0 {
				past.tag(placeOf(&e, on), id, name, true)
			}
			n += k
		}
		changed = int(n)
		return n, nil
	})
	return changed, err
}

// Detach takes tags, by id or exact name, off an event or attribute. Faults:
// NotFound when a tag is not there.
func (s *Service) Detach(ctx context.Context, who ident.Actor, at Target, tags []string) error {
	local, err := s.allLocal(ctx, who, at, tags)
	if err != nil {
		return err
	}
	return s.tagging(ctx, who, at, local, "tag.detach", func(tx *store.Tx, past *journal, e Event, on *Attribute) (int64, error) {
		var n int64
		for _, ref := range tags {
			t, err := readTag(ctx, tx, who, ref)
			if err != nil {
				return 0, err
			}
			if local && isLabel(t.Name) && !holds(who, e) {
				return 0, notHost(who, e)
			}
			k, err := tx.Exec(ctx, detachTag, e.ID, on.ID, t.ID)
			if err != nil {
				return 0, err
			}
			if k == 0 {
				return 0, fault.New(fault.NotFound, "tag %d is not attached", t.ID).WithKey("intel.fault.no-tag")
			}
			past.tag(placeOf(&e, on), t.ID, t.Name, false)
			n += k
		}
		return n, nil
	})
}

// placeOf is where a tag hangs: the attribute, or the event when it is none.
func placeOf(e *Event, a *Attribute) entry {
	if a.ID != 0 {
		return a.at()
	}
	return e.at()
}

// allLocal tells whether every named tag hangs there as a local one.
func (s *Service) allLocal(ctx context.Context, who ident.Actor, at Target, tags []string) (local bool, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		e, a, err := at.read(ctx, tx, who)
		if err != nil {
			return err
		}
		uses, err := usesAt(ctx, tx, e.ID, a.ID)
		if err != nil {
			return err
		}
		local = true
		for _, ref := range tags {
			t, err := readTag(ctx, tx, who, ref)
			if err != nil {
				return err
			}
			hangs := func(u useOf) bool { return u.ID == t.ID && u.Local }
			local = local && slices.ContainsFunc(uses, hangs)
		}
		return nil
	})
	return local, err
}

// read loads the target as who sees it.
func (t Target) read(ctx context.Context, tx *store.Tx, who ident.Actor) (e Event, a Attribute, err error) {
	if t.Attribute == "" {
		e, err = readEvent(ctx, tx, who, t.Event)
		return e, a, err
	}
	if a, err = readAttribute(ctx, tx, who, t.Attribute); err != nil {
		return e, a, err
	}
	return *a.Event, a, nil
}

func holds(who ident.Actor, e Event) bool {
	return e.Owner.ID == who.Org || seesAll(who) || who.Kind == ident.System
}

func notHost(who ident.Actor, e Event) error {
	return fault.New(fault.Denied, "%s is not the host of event %d", who, e.ID).WithKey("intel.fault.local-tag")
}

// mayTagHere: local tags are for the CERT that holds the event and for the installation's
// host (in MISP for the host alone; here several teams share one installation). Who holds
// the event may take them off.
func (s *Service) mayTagHere(ctx context.Context, tx *store.Tx, who ident.Actor, e Event, off bool) error {
	if holds(who, e) && (off || seesAll(who) || who.Kind == ident.System || who.CERT != 0 && who.CERT == who.Org) {
		return nil
	}
	host, err := s.registry.HostTx(ctx, tx, ident.SystemPart("setup"))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err != nil || who.Org == 0 || host.ID != who.Org {
		return notHost(who, e)
	}
	return nil
}

// tagging changes the tags of one target in one transaction.
func (s *Service) tagging(ctx context.Context, who ident.Actor, at Target, local bool, verb string, fn func(tx *store.Tx, past *journal, e Event, on *Attribute) (int64, error)) error {
	if !access.Allowed(who, "misp.tagger") || who.ReadOnly {
		return fault.New(fault.Denied, "%s may not tag", who).WithKey("fault.denied")
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		e, on, err := at.read(ctx, tx, who)
		if err != nil {
			return err
		}
		if local {
			if err := s.mayTagHere(ctx, tx, who, e, verb == "tag.detach"); err != nil {
				return err
			}
		} else if err := mayEdit(who, e); err != nil {
			return err
		}
		var past journal
		n, err := fn(tx, &past, e, &on)
		if err != nil || n == 0 {
			return err
		}
		now, err := s.retag(ctx, tx, who, e, on.ID, local)
		if err != nil {
			return err
		}
		if err := past.keep(ctx, tx, who, &e, &e, now); err != nil {
			return err
		}
		return s.log.Record(ctx, tx, who, verb, thing(e), map[string]any{"attribute": on.ID, "tags": n, "local": local})
	})
}

// retag brings the event's labels up to date; a global tag is a change of the
// event, a local one is not.
func (s *Service) retag(ctx context.Context, tx *store.Tx, who ident.Actor, e Event, attribute int64, local bool) (now int64, err error) {
	if now, err = store.Now(ctx, tx); err != nil {
		return 0, err
	}
	if attribute == 0 || local { // a local one on an attribute is noted as a change here, not of the event
		names, err := store.All(ctx, tx, store.ScanString, eventTagList, e.ID)
		if err != nil {
			return 0, err
		}
		tlp, pap := labels(names)
		if _, err := tx.Exec(ctx, relabel, e.ID, tlp, pap, now); err != nil {
			return 0, err
		}
	}
	if local && !e.Published {
		return now, nil
	}
	if local { // who follows a collection is not kept waiting for the next sweep
		return now, jobs.Enqueue(ctx, tx, jobs.Job{Kind: jobShare, Payload: EventPublished{ID: e.ID, UUID: e.UUID}})
	}
	was := e
	e.Published = false
	if err := settle(ctx, tx, who, was, &e); err != nil {
		return 0, err
	}
	if e.Audience != was.Audience {
		if _, err := tx.Exec(ctx, reachEvent, e.ID, e.Audience); err != nil {
			return 0, err
		}
	}
	return now, touch(ctx, tx, e, now, 0, 0)
}
