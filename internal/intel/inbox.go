package intel

import (
	"bytes"
	"context"
	"errors"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/stix"
	"straza/internal/format/taxii"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// InboxCollection is what an organisation's machines have sent: they alone read
// it, the worker makes events of it that nobody else sees until they are published.
const InboxCollection CollectionKind = "inbox"

// InboxEntry is one object of a POST.
type InboxEntry struct {
	ID, Type, Version string
	JSON              []byte // nil for what was no object
	Refused           string // why it cannot be taken in; "" = it can
}

// NewInboxEntry reads the head of an object of an envelope.
func NewInboxEntry(raw []byte) InboxEntry {
	e := InboxEntry{JSON: raw}
	e.Type, e.ID, e.Version, e.Refused = stix.Head(raw)
	return e
}

// Inbox states.
const (
	inboxPending = 0
	inboxTaken   = 1
	inboxRefused = 2
	inboxTwice   = 3 // the same version is here already: a success
)

const (
	jobInbox  = "intel.inbox"
	inboxKept = 24 * time.Hour
)

type inboxPost struct {
	ID int64
}

// MayDeliver tells whether the caller may write to the inbox of its organisation.
func (s *Service) MayDeliver(_ context.Context, who ident.Actor) bool {
	return who.Org != 0 && mayWrite(who) == nil
}

// Deliver puts objects into the inbox of the caller's organisation, all of them in
// one transaction with the job that takes them in, and answers how it stands: what
// is not refused and not here already is pending. What was sent to a defined collection
// enters it when its events are published. Faults: mayWrite's, NotFound for a collection
// that is not the caller's to write to.
func (s *Service) Deliver(ctx context.Context, who ident.Actor, into Collection, list []InboxEntry) (st taxii.Status, err error) {
	if err := mayWrite(who); err != nil {
		return st, err
	}
	return s.deliverFrom(ctx, who, 0, into, list)
}

// DeliverPolled is Deliver to the inbox of what was polled from a server: a newer version
// that comes from there changes what an older one from there was made into.
func (s *Service) DeliverPolled(ctx context.Context, who ident.Actor, server int64, list []InboxEntry) (st taxii.Status, err error) {
	if err := mayWrite(who); err != nil {
		return st, err
	}
	return s.deliverFrom(ctx, who, server, Collection{Kind: InboxCollection}, list)
}

func (s *Service) deliverFrom(ctx context.Context, who ident.Actor, server int64, into Collection, list []InboxEntry) (st taxii.Status, err error) {
	if who.Org == 0 {
		return st, fault.New(fault.Denied, "%s has no organisation to write for", who)
	}
	keys := make([]string, len(list))
	for i, e := range list {
		keys[i] = inboxKey(who.Org, e.ID, versionMicros(e.Version))
	}
	for try := 0; ; try++ {
		// Of two POSTs that bring the same at once the later one finds it here.
		if st, err = s.deliver(ctx, who, server, into, list, keys); !store.IsUnique(err) || try == 3 {
			return st, err
		}
	}
}

func (s *Service) deliver(ctx context.Context, who ident.Actor, server int64, into Collection, list []InboxEntry, keys []string) (st taxii.Status, err error) {
	id, uuid := s.db.NewID(), s.db.NewUUID()
	uuid = uuid[:14] + "4" + uuid[15:] // the standard's ids are of version 4
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		collection, err := s.writable(ctx, tx, who, into)
		if err != nil {
			return err
		}
		have, err := inboxHave(ctx, tx, keys)
		if err != nil {
			return err
		}
		rows := make([]inboxRow, len(list))
		open := false
		for i, e := range list {
			r := inboxRow{id: s.db.NewID(), org: who.Org, post: id, place: int64(i), InboxEntry: e, ver: versionMicros(e.Version)}
			switch key := keys[i]; {
			case e.Refused != "":
				r.state, r.JSON = inboxRefused, []byte{}
			case have[key]:
				r.state, r.JSON = inboxTwice, []byte{}
			default:
				have[key], open = true, true
			}
			rows[i] = r
		}
		ended := now
		if open {
			ended = 0
		}
		if _, err := tx.Exec(ctx, addInboxPost, id, uuid, who.Org, who.Person, now, ended, collection, server); err != nil {
			return err
		}
		if _, err := tx.CopyIn(ctx, "intel_inbox", inboxColumns, columnsOf(rows)); err != nil {
			return err
		}
		st = statusOf(uuid, now, rows)
		if err := s.log.Record(ctx, tx, who, "inbox.deliver", audit.Thing{Kind: "inbox", ID: id, Label: uuid}, map[string]any{"objects": len(list), "pending": st.PendingCount, "refused": st.FailureCount, "collection": collection}); err != nil || !open {
			return err
		}
		return jobs.Enqueue(ctx, tx, jobs.Job{Kind: jobInbox, Key: uuid, Payload: inboxPost{id}})
	}, store.InLane(store.Bulk))
	return st, err
}

// writable gives the id of the defined collection that is written to, 0 for the inbox.
func (s *Service) writable(ctx context.Context, tx *store.Tx, who ident.Actor, c Collection) (int64, error) {
	switch c.Kind {
	case InboxCollection:
		return 0, nil
	case DefinedCollection:
		c, err := s.fresh(ctx, tx, who, c)
		if err == nil && !c.Definition.Inbox {
			err = fault.New(fault.Denied, "%s takes nothing in", c.Definition.Alias)
		}
		if err != nil {
			return 0, err
		}
		return c.Definition.ID, nil
	}
	return 0, noCollection()
}

func statusOf(uuid string, asked int64, rows []inboxRow) taxii.Status {
	var ok, failed, pending []taxii.StatusDetail
	for _, r := range rows {
		d := taxii.StatusDetail{ID: r.ID, Version: r.Version}
		if d.Version == "" {
			d.Version = taxii.Micros(asked)
		}
		switch r.state {
		case inboxPending:
			pending = append(pending, d)
		case inboxRefused:
			if d.Message = r.Refused; d.Message == "" {
				d.Message = r.message
			}
			failed = append(failed, d)
		default:
			ok = append(ok, d)
		}
	}
	return taxii.NewStatus(uuid, time.UnixMicro(asked), ok, failed, pending)
}

// InboxStatus tells how a POST of the caller's organisation stands. Faults:
// NotFound for another's, and a day after it was taken in.
func (s *Service) InboxStatus(ctx context.Context, who ident.Actor, uuid string) (st taxii.Status, err error) {
	if err := mayRead(who); err != nil {
		return st, err
	}
	u, ok := store.ParseUUID(uuid)
	if !ok {
		return st, noStatus()
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		p, found, err := readInboxPost(ctx, tx, who.Org, u)
		if err != nil {
			return err
		}
		if !found || p.ended != 0 && s.db.Clock.Now().UnixMicro()-p.ended > inboxKept.Microseconds() {
			return noStatus()
		}
		rows, err := inboxRows(ctx, tx, p.id, false)
		st = statusOf(u, p.asked, rows)
		return err
	})
	return st, err
}

func noStatus() error {
	return fault.New(fault.NotFound, "no such status")
}

// RemoveFromInbox takes an object, or those of its versions that match, out of the
// inbox of the caller's organisation; events that were made of it stay. Faults:
// NotFound, Denied.
func (s *Service) RemoveFromInbox(ctx context.Context, who ident.Actor, id string, versions taxii.VersionFilter) error {
	if err := mayWrite(who); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := deleteInbox(ctx, tx, who.Org, id, versions)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.NotFound, "no such object")
		}
		return s.log.Record(ctx, tx, who, "inbox.remove", audit.Thing{Kind: "inbox", Label: id}, map[string]any{"versions": n})
	})
}

// takeIn makes events of what one POST brought. Each object is judged by what
// became of the event that it stands in; one that was refused keeps nobody else's.
func (s *Service) takeIn(ctx context.Context, post int64) error {
	var p postRow
	var rows []inboxRow
	err := s.db.View(ctx, func(tx *store.Tx) (err error) {
		var found bool
		if p, found, err = inboxPostByID(ctx, tx, post); err != nil || !found || p.ended != 0 {
			return err
		}
		rows, err = inboxRows(ctx, tx, post, true)
		return err
	})
	if err != nil || len(rows) == 0 {
		return err
	}
	failed := map[string]string{}
	why, err := s.importInbox(ctx, p, rows, failed)
	if err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		base, err := lockClock(ctx, tx)
		if err != nil {
			return err
		}
		now, err := store.Now(ctx, tx)
		if err != nil {
			return err
		}
		base = max(base, now)
		if _, err := tx.Exec(ctx, takeInbox, p.id, base, why); err != nil {
			return err
		}
		for id, message := range failed {
			if _, err := tx.Exec(ctx, refuseInbox, p.id, id, message); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, moveStixClock, base+int64(rows[len(rows)-1].place)+1); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, markBrought, p.id, p.org); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, endInboxPost, p.id, now)
		return err
	}, store.InLane(store.Bulk))
}

// importInbox stores the events of a POST in the name of its organisation. failed
// gets the objects of events that were refused.
func (s *Service) importInbox(ctx context.Context, p postRow, rows []inboxRow, failed map[string]string) (why string, err error) {
	var doc bytes.Buffer
	doc.WriteString(`{"type":"bundle","id":"bundle--` + p.uuid + `","objects":[`)
	for i, r := range rows {
		if i > 0 {
			doc.WriteByte(',')
		}
		doc.Write(r.JSON)
	}
	doc.WriteString("]}")
	who := ident.SystemPart("inbox") // may add, and change what the same person added
	who.Org, who.Person = p.org, p.person
	var event *misp.Event
	opt := AddOptions{Org: p.org, Upsert: true, From: Origin{Kind: "taxii", Ref: p.server}}
	in := STIX{Read: stix.ReadOptions{Info: "TAXII inbox " + p.uuid}, Edit: func(e *misp.Event) {
		event = e
		e.Published, e.Distribution, e.Orgc = misp.B(false), misp.N(0), nil // looked at before it goes on, whatever it says
	}, Skip: func(e *misp.Event) (bool, error) {
		if e.UUID.V != p.uuid {
			return false, nil
		}
		return s.renew(ctx, who, e, opt, p.asked/1e6)
	}}
	_, err = s.ImportSTIX(ctx, who, &doc, in, opt, func(saved Saved, err error) error {
		switch fault.KindOf(err) {
		case "":
			if p.collection != 0 && (saved.State == "created" || saved.State == "updated") {
				return s.pickBrought(ctx, p, saved.ID)
			}
		case fault.Internal, fault.Unavailable:
			return err
		default:
			failed[event.UUID.V] = fault.Of(err).Detail
			for i := range event.EventReport {
				failed[event.EventReport[i].UUID.V] = fault.Of(err).Detail
			}
			for i := range event.Attribute {
				failed[event.Attribute[i].UUID.V] = fault.Of(err).Detail
			}
			for i := range event.Object {
				failed[event.Object[i].UUID.V] = fault.Of(err).Detail
			}
		}
		return nil
	})
	var broken *stix.Fault
	if errors.As(err, &broken) {
		for _, r := range rows {
			failed[r.ID[len(r.Type)+2:]] = broken.Text
		}
		err = nil
	}
	byID := map[string]string{}
	for _, r := range rows {
		if m := failed[r.ID[len(r.Type)+2:]]; m != "" {
			byID[r.ID] = m
		}
	}
	clear(failed)
	for id, m := range byID {
		failed[id] = m
	}
	return "", err
}

// pickBrought notes that an event came by a POST to a collection: it enters when it is
// published.
func (s *Service) pickBrought(ctx context.Context, p postRow, event int64) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, pickOfPost, s.db.NewID(), p.collection, event)
		if err != nil || n == 0 {
			return err
		}
		return s.collectTx(ctx, tx, event)
	}, store.InLane(store.Jobs))
}

// inboxPage is SharedObjects for an inbox.
func (s *Service) inboxPage(ctx context.Context, who ident.Actor, q taxii.Query, after int64, limit int) (list []SharedObject, more bool, err error) {
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err = listInbox(ctx, tx, who.Org, q, after, limit+1)
		return err
	})
	if more = len(list) > limit; more {
		list = list[:limit]
	}
	return list, more, err
}

func (s *Service) inboxJobs() []jobs.Def {
	return []jobs.Def{
		{Kind: jobInbox, Timeout: 30 * time.Minute, Run: func(ctx context.Context, t *jobs.Task) error {
			var p inboxPost
			if err := t.Decode(&p); err != nil {
				return err
			}
			return s.takeIn(ctx, p.ID)
		}},
		{Kind: "intel.inbox-sweep", Every: time.Hour, Timeout: 10 * time.Minute, Run: func(ctx context.Context, _ *jobs.Task) error {
			return s.db.Update(ctx, func(tx *store.Tx) error {
				now, err := store.Now(ctx, tx)
				if err == nil {
					err = sweepInbox(ctx, tx, now-inboxKept.Microseconds())
				}
				return err
			}, store.InLane(store.Bulk))
		}},
	}
}

// inboxOpen says that the organisation has an inbox at all.
func inboxOpen(who ident.Actor) bool { return who.Org != 0 && access.Allowed(who, "misp.add") }
