package intel

import (
	"context"
	"errors"
	"strings"
	"time"

	"straza/internal/format/misp"
	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// existing tells whether the event is here. Faults: Conflict unless it may be edited.
func (l *loader) existing(ctx context.Context, tx *store.Tx) (bool, error) {
	if l.editing != "" {
		e, err := readEvent(ctx, tx, l.who, l.editing)
		l.exists, l.event = err == nil, e
		return true, err
	}
	uuid, ok := store.ParseUUID(strings.TrimSpace(l.head.UUID.Or("")))
	if !ok {
		if l.head.UUID.Or("") != "" {
			return false, fault.Field("uuid", "intel.fault.uuid", "the event's uuid is none")
		}
		return false, nil
	}
	var id, loading int64
	found, err := tx.Row(ctx, eventByUUID, []any{uuid}, &id, &loading)
	if err != nil || !found || id == l.event.ID {
		return false, err
	}
	seen, err := readEvent(ctx, tx, l.who, uuid)
	if fault.Is(err, fault.NotFound) {
		id = 0
	} else if err != nil {
		return false, err
	}
	if l.opt.Upsert && id != 0 {
		l.exists, l.event = true, seen
		return true, nil
	}
	return false, fault.New(fault.Conflict, "event %s exists", uuid).WithKey("intel.fault.event-exists", id)
}

// header fills the new event's columns from the document and who sends it.
func (l *loader) header(ctx context.Context, tx *store.Tx) error {
	h, e := l.head, &l.event
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	if e.UUID == "" {
		if e.UUID, _ = store.ParseUUID(strings.TrimSpace(h.UUID.Or(""))); e.UUID == "" {
			e.UUID = l.s.db.NewUUID()
		}
		l.saved.UUID = e.UUID
		if n, err := store.Int64(ctx, tx, blocked, e.UUID); err != nil || n == 1 {
			return errors.Join(err, blockedUnless(n != 1))
		}
	}
	if e.Owner, err = ownOrg(ctx, tx, l.opt.Org); err != nil {
		return err
	}
	e.Origin = e.Owner
	if h.Orgc != nil && h.Orgc.Name.Or("") != "" && namesOrigin(l.who) {
		uuid, _ := store.ParseUUID(h.Orgc.UUID.Or(""))
		if e.Origin, err = l.s.foreignOrg(ctx, tx, l.who, uuid, h.Orgc.Name.V); err != nil {
			return err
		}
	}
	if err := admitOrigin(ctx, tx, e.Origin); err != nil {
		return err
	}
	e.Creator, e.Changed = l.who.Person, now
	if e.Created == 0 {
		e.Created = now
	}
	if err := fillHeader(e, h, now); err != nil {
		return err
	}
	if e.ExtendsUUID, err = extended(ctx, tx, l.who, e.ExtendsUUID); err != nil {
		return err
	}
	e.Published = (h.Published.Or(false) || l.opt.Publish) && mayPublish(l.who)
	if e.Published && e.PublishTimestamp == 0 {
		e.PublishTimestamp = now / 1e6
	}
	e.Locked = h.Locked.Or(false) && namesOrigin(l.who)
	var names []string
	for _, t := range tagNames(h.Tag, h.EventTag, h.Galaxy) {
		names = append(names, t.name)
	}
	e.TLP, e.PAP = labels(names)
	l.aud = audiences{who: l.who, owner: e.Owner.ID}
	if e.Distribution, e.Group, e.Audience, err = l.aud.event(ctx, tx, h); err != nil {
		return err
	}
	return settle(ctx, tx, l.who, Event{}, e)
}

// extended gives the UUID of the event that ref, an id or a UUID, names. An id is known
// here alone: one that the caller sees no event under names none, and is not kept. A UUID
// may be of an event that is yet to come.
func extended(ctx context.Context, tx *store.Tx, who ident.Actor, ref string) (string, error) {
	if uuid, ok := store.ParseUUID(ref); ok || ref == "" {
		return uuid, nil
	}
	if strings.Trim(ref, "0123456789") != "" {
		return "", fault.Field("extends_uuid", "intel.fault.uuid", "the extended event is neither an id nor a uuid")
	}
	e, err := readEvent(ctx, tx, who, ref)
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	return e.UUID, err
}

func blockedUnless(ok bool) error {
	if ok {
		return nil
	}
	return fault.New(fault.Denied, "the event is on the block list").WithKey("intel.fault.blocked")
}

// namesOrigin: who may say that somebody else made an event.
func namesOrigin(who ident.Actor) bool { return access.Allowed(who, "misp.sync") || seesAll(who) }

func mayPublish(who ident.Actor) bool {
	return !who.ReadOnly && (access.Allowed(who, "intel.publish") || onWire(who) && access.Allowed(who, "misp.publish"))
}

// fillHeader checks and takes the plain fields. Faults: Invalid.
func fillHeader(e *Event, h *misp.Event, now int64) error {
	var c fault.Collector
	e.Info = plain(strings.TrimSpace(h.Info.Or(e.Info)))
	c.Require(e.Info != "" && len(e.Info) <= textLimit64, "info", "intel.fault.info")
	e.Date = h.Date.Or(e.Date)
	if e.Date == "" {
		e.Date = time.UnixMicro(now).UTC().Format(time.DateOnly)
	}
	if at, err := time.Parse(time.DateOnly, strings.TrimSpace(e.Date)); err == nil {
		e.Date = at.Format(time.DateOnly)
	} else {
		c.Add("date", "intel.fault.date")
	}
	if e.Timestamp == 0 {
		e.Threat, e.Timestamp = 4, now/1e6
	}
	e.Threat = int(h.ThreatLevelID.Or(int64(e.Threat)))
	c.Require(e.Threat >= 1 && e.Threat <= 4, "threat_level_id", "intel.fault.threat")
	e.Analysis = int(h.Analysis.Or(int64(e.Analysis)))
	c.Require(e.Analysis >= 0 && e.Analysis <= 2, "analysis", "intel.fault.analysis")
	e.Timestamp = instant(h.Timestamp, e.Timestamp)
	e.PublishTimestamp = instant(h.PublishTimestamp, e.PublishTimestamp)
	e.SightingTimestamp = instant(h.SightingTimestamp, e.SightingTimestamp)
	e.NoCorrelation = h.DisableCorrelation.Or(e.NoCorrelation)
	e.ProposalLock = h.ProposalEmailLock.Or(e.ProposalLock)
	e.ExtendsUUID = strings.TrimSpace(h.ExtendsUUID.Or(e.ExtendsUUID)) // settled by extended
	if h.Protected.Given() {
		v := h.Protected.V
		e.Protected = &v
	}
	return c.Err("the event's header")
}
