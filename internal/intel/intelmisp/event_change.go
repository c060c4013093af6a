package intelmisp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// body opens the request as a document of one event. A list and nothing at all
// have answers of their own.
func (c *call) eventBody() (io.Reader, error) {
	r, err := c.open(eventBytes)
	if err != nil {
		return nil, err
	}
	first := make([]byte, 1)
	for {
		n, err := r.Read(first)
		if n == 0 && err == io.EOF {
			return nil, notAllowed(misp.MsgNoEventData)
		}
		if err != nil && err != io.EOF {
			return nil, readFault(err)
		}
		if n == 1 && !strings.ContainsRune(" \t\r\n", rune(first[0])) {
			break
		}
	}
	if first[0] == '[' {
		return nil, unsaved(misp.Outcome{Controller: "Events", Action: c.action, Errors: eventErrors("info", misp.MsgInfoEmpty)})
	}
	return io.MultiReader(strings.NewReader(string(first)), r), nil
}

func eventErrors(field, text string) map[string]map[string][]string {
	return map[string]map[string][]string{"Event": {field: {text}}}
}

func (a *api) eventAdd(c *call) error {
	src, err := c.eventBody()
	if err != nil {
		return err
	}
	doc, opt := a.signedDocument(c, src)
	saved, err := a.Intel.AddEvent(c.ctx(), c.who, doc, opt)
	if err != nil {
		return a.addFault(c, err)
	}
	return a.eventAnswer(c, itoa(saved.ID), nil)
}

// addFault gives MISP's answers to what stands against an event.
func (a *api) addFault(c *call, err error) error {
	if f := documentFault(err); f != nil {
		return f
	}
	f := fault.Of(err)
	if f == nil {
		return err
	}
	if bad := protectedFault(keyOf(f)); bad != nil {
		return bad
	}
	switch keyOf(f) {
	case "intel.fault.event-exists":
		ref := &refusal{status: http.StatusNotFound, message: misp.MsgEventExists}
		if id, ok := firstID(f.Args); ok {
			ref.header = [2]string{"Location", a.Origin + "/events/" + itoa(id)}
		}
		return ref
	case "intel.fault.blocked":
		return forbidden("Event blocked by event blocklist.")
	case "intel.fault.org-blocked":
		return forbidden("Event blocked by organisation blocklist.")
	case "intel.fault.group", "intel.fault.foreign-group":
		return notAllowed(misp.MsgBadSharing)
	case "intel.fault.not-newer":
		return unsaved(misp.Outcome{Controller: "Events", Action: c.action, Errors: misp.MsgEventNotNewer, ID: c.arg(0)})
	}
	if f.Fields["sharing_group_id"] != "" {
		return notAllowed(misp.MsgBadSharing)
	}
	if f.Kind == fault.Invalid {
		errs := map[string][]string{}
		for field := range f.Fields {
			errs[field] = []string{fieldText(field, f)}
		}
		return unsaved(misp.Outcome{Controller: "Events", Action: c.action, Errors: map[string]any{"Event": errs}})
	}
	return err
}

// keyOf is a fault's message key, or that of its field.
func keyOf(f *fault.Error) string {
	if f.Key != "" {
		return f.Key
	}
	for _, key := range f.Fields {
		return key
	}
	return ""
}

func firstID(args []any) (int64, bool) {
	if len(args) == 0 {
		return 0, false
	}
	id, ok := args[0].(int64)
	return id, ok && id != 0
}

// fieldText is MISP's sentence for a field of an event.
func fieldText(field string, f *fault.Error) string {
	texts := map[string]string{"info": misp.MsgInfoEmpty, "date": misp.MsgDateFormat, "uuid": misp.MsgUUIDFormat,
		"distribution": misp.MsgDistribution, "threat_level_id": misp.MsgThreatLevel, "analysis": misp.MsgAnalysis}
	if t, ok := texts[field]; ok && f.Fields[field] != "intel.fault.uuid-taken" {
		return t
	}
	return f.Detail
}

func (a *api) eventEdit(c *call) error {
	ref := c.arg(0)
	e, err := a.Intel.Event(c.ctx(), c.who, ref)
	if err != nil {
		return instead(err, notFound(invalidEvent), fault.NotFound)
	}
	src, err := c.eventBody()
	if err != nil {
		return err
	}
	doc, opt := a.signedDocument(c, src)
	_, err = a.Intel.EditEvent(c.ctx(), c.who, itoa(e.ID), doc, opt)
	if noEvent(err) && intel.MayEdit(c.who, &e) == nil { // measured: what names no event changes nothing, and is no fault
		return a.eventAnswer(c, itoa(e.ID), nil)
	}
	if err != nil {
		c.args = []string{itoa(e.ID)}
		return instead(a.addFault(c, err), forbidden(misp.MsgNotAuthorised), fault.Denied)
	}
	if e, err = a.Intel.Event(c.ctx(), c.who, itoa(e.ID)); err == nil && a.withheld(c, &e) {
		return a.stored(c, &e)
	}
	return a.eventAnswer(c, itoa(e.ID), nil)
}

func (a *api) eventDelete(c *call) error {
	refs := c.args
	if len(refs) == 0 {
		if err := c.form(); err != nil {
			return err
		}
		refs = c.params.list("id")
		if len(refs) == 0 {
			refs = c.params.sub("Event").list("id")
		}
	}
	gone := 0
	for _, ref := range refs {
		err := a.Intel.DeleteEvent(c.ctx(), c.who, ref)
		switch {
		case err == nil:
			gone++
		case !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Denied):
			return err
		}
	}
	if len(refs) == 1 {
		if gone == 0 {
			return unsaved(misp.Outcome{Controller: "Events", Action: "delete", Errors: "Event was not deleted."})
		}
		return c.done(misp.Outcome{Controller: "Events", Action: "delete", Message: "Event deleted.", ID: refs[0]})
	}
	return a.deletedMany(c, gone, len(refs)-gone)
}

func (a *api) deletedMany(c *call, gone, left int) error {
	msg := itoa(int64(gone)) + " events deleted."
	if gone == 1 {
		msg = "1 event deleted."
	}
	if left > 0 {
		msg += itoa(int64(left)) + " event(s) could not be deleted due to insufficient privileges or the event not being found."
	}
	if gone == 0 {
		return unsaved(misp.Outcome{Controller: "Events", Action: "delete", Errors: msg})
	}
	return c.done(misp.Outcome{Controller: "Events", Action: "delete", Message: msg})
}

// eventPublish answers publish and alert. Publishing is done before we answer:
// what goes to peers is the outbox's work.
func (a *api) eventPublish(c *call) error {
	msg := "Job queued"
	switch {
	case c.action == "alert":
		msg = "Job queued."
	case c.params.flag("disable_background_processing", false):
		msg = "Event published without alerts"
	}
	return a.setPublished(c, msg, a.Intel.Publish)
}

func (a *api) eventUnpublish(c *call) error {
	return a.setPublished(c, "Event unpublished.", a.Intel.Unpublish)
}

// eventThere answers who names no event that they see.
func (a *api) eventThere(c *call) error {
	_, err := a.Intel.Event(c.ctx(), c.who, c.arg(0))
	return instead(err, notFound("Invalid event."), fault.NotFound)
}

func (a *api) setPublished(c *call, msg string, act publisher) error {
	e, err := a.Intel.Event(c.ctx(), c.who, c.arg(0))
	if err == nil {
		err = act(c.ctx(), c.who, itoa(e.ID))
	}
	if err != nil {
		if f := fault.Of(err); f != nil && f.Key == "intel.fault.required" {
			return unsaved(misp.Outcome{Controller: "Events", Action: c.action, ID: itoa(e.ID), Errors: fmt.Sprint("Could not publish event - no tag for required taxonomies missing: ", f.Args[1])})
		}
		err = instead(err, notFound("Invalid event."), fault.NotFound)
		return instead(err, forbidden(misp.MsgNoPermission), fault.Denied)
	}
	return c.done(misp.Outcome{Controller: "Events", Action: c.action, Message: msg, ID: itoa(e.ID)})
}

// eventToBus answers who asks to have an event put on the message bus. Who listens here
// (rules, webhooks, TAXII, sensors) is told of every event when it is published: there is
// nothing to push again, only the question whether there is such an event.
func (a *api) eventToBus(c *call) error {
	e, err := a.Intel.Event(c.ctx(), c.who, c.arg(0))
	if err != nil {
		return instead(err, notFound("Invalid event."), fault.NotFound)
	}
	return c.done(misp.Outcome{Controller: "Events", Action: "pushEventToZMQ", Message: "Event published to ZMQ", ID: itoa(e.ID)})
}

type publisher = func(ctx context.Context, who ident.Actor, event string) error

// stored answers a peer whose version of an event was taken and whom its label tells no
// more: the sender asks for the number alone (spec misp §7.5).
func (a *api) stored(c *call, e *intel.Event) error {
	return c.json(append(misp.Append([]byte(`{"Event":`), &misp.Event{ID: misp.N(e.ID), UUID: misp.T(e.UUID), Timestamp: misp.N(e.Timestamp)}), '}'))
}

// wanted tells a pushing peer which of its events are unknown, or newer than what peers
// brought: what was made here nobody else brings up to date.
// Events that the caller may not see count as unknown: the push itself refuses.
func (a *api) wanted(c *call) error {
	b, err := c.read()
	if err != nil {
		return err
	}
	v, err := decode(b)
	if err != nil {
		return badJSON()
	}
	out := []string{}
	list, _ := v.([]any)
	var heads []params
	var uuids []string
	for _, entry := range list {
		m, _ := entry.(map[string]any)
		head := params(m).sub("Event")
		heads, uuids = append(heads, head), append(uuids, head.text("uuid"))
	}
	held, err := a.Intel.HeldEvents(c.ctx(), c.who, uuids)
	if err != nil {
		return err
	}
	for i, head := range heads {
		if h := held[strings.ToLower(uuids[i])]; h.ID == 0 || h.Locked && int64(head.number("timestamp", 0)) > h.Timestamp {
			out = append(out, uuids[i])
		}
	}
	return c.value(out)
}

// noEvent tells that a document was read and holds none.
func noEvent(err error) bool {
	var bad *misp.Error
	return errors.As(err, &bad) && strings.Contains(bad.Msg, "no event")
}

// documentFault is the answer to a request that cannot be read.
func documentFault(err error) error {
	var bad *misp.Error
	switch {
	case errors.As(err, &bad) && bad.Kind == misp.ErrLimit, errors.Is(err, errTooLarge):
		return fail(http.StatusRequestEntityTooLarge, "The request is too large.")
	case errors.As(err, &bad) && bad.Kind == misp.ErrRead:
		return readFault(bad.Err)
	case noEvent(err):
		return unsaved(misp.Outcome{Controller: "Events", Action: "add", Errors: eventErrors("info", misp.MsgInfoEmpty)})
	case bad != nil:
		return badJSON()
	}
	return nil
}
