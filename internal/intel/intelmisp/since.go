package intelmisp

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"time"

	"straza/internal/format/ticket"
	"straza/internal/intel"
)

// sinceMost is how many rows one answer lists; sinceDays is for how long a listing may be
// gone on with. Then everything is listed again, once: what a peer has lost or let be by
// itself meanwhile is found again.
const (
	sinceMost = 1000
	sinceDays = 30
)

// resumable tells that we give a peer places to go on from: an extension between Straža
// (spec misp D11).
func (a *api) resumable(c *call) bool { return server(c) && len(a.Cursors) >= 16 }

// eventsSince lists what of events/index changed behind a place that we gave, oldest
// change first, a page at a time:
//
//	ask:    {"cursor":"","sightings":true,"limit":1000, filters of events/index}
//	answer: {"events":[minimal rows],"sighted":[{"uuid","sighting_timestamp"}],"cursor":"…","more":true}
//
// No cursor, or an empty one, lists everything. Each page's cursor goes on behind it, at
// once or in a week, on any node. It is good for the key that it was given to, while that
// key reads as the same and asks with the same filters; 400 for any other one, 410 for
// one whose listing began too long ago. Whoever gets these begins anew.
func (a *api) eventsSince(c *call) error {
	if len(a.Cursors) < 16 {
		return forbidden(notHere)
	}
	if err := c.form(); err != nil {
		return err
	}
	at, err := a.place(c)
	if err != nil {
		return err
	}
	out := sincePage{Events: []ordered{}, Sighted: []ordered{}}
	q := intel.Since{Query: indexQuery(c), Sighted: c.params.flag("sightings", false), Most: min(max(c.params.number("limit", sinceMost), 1), sinceMost)}
	q.Keep = func(e *intel.Event) (bool, error) {
		if a.withheld(c, e) {
			return false, nil
		}
		return a.holdsAnything(c, e)
	}
	q.Change = func(e *intel.Event) error { out.Events = append(out.Events, minimalRow(e)); return nil }
	q.Sighting = func(e *intel.Event) error {
		out.Sighted = append(out.Sighted, ordered{{"uuid", e.UUID}, {"sighting_timestamp", itoa(e.SightingTimestamp)}})
		return nil
	}
	next, more, err := a.Intel.EventsSince(c.ctx(), c.who, at, q)
	if err != nil {
		return err
	}
	out.Cursor, out.More = ticket.Make(a.Cursors, a.cursorScope(c), packWalk(next)), more
	return c.value(out)
}

type sincePage struct {
	Events  []ordered `json:"events"`
	Sighted []ordered `json:"sighted"`
	Cursor  string    `json:"cursor"`
	More    bool      `json:"more"`
}

// place reads the cursor of a call.
func (a *api) place(c *call) (at intel.Walk, err error) {
	if v := c.params["cursor"]; v == nil || v == "" {
		return at, nil
	}
	b, ok := ticket.Read(a.Cursors, a.cursorScope(c), c.params.text("cursor"))
	if ok {
		at, ok = unpackWalk(b)
	}
	if !ok {
		return at, fail(http.StatusBadRequest, "This cursor is not valid for this key and these filters. List from the beginning.")
	}
	if now(c).Sub(time.UnixMicro(at.Begun)) > sinceDays*24*time.Hour {
		return at, fail(http.StatusGone, "This cursor is too old. List from the beginning.")
	}
	return at, nil
}

// cursorScope is all that a cursor must not be used without: this installation, the key
// and what it sees, and what was asked. When a right or a membership changes, events
// become visible that nobody changed: then everything is listed again.
func (a *api) cursorScope(c *call) string {
	asked := maps.Clone(c.params)
	delete(asked, "cursor")
	delete(asked, "limit")
	b, _ := json.Marshal(asked) // keys in order; it came as JSON, or as words of a path
	sum := sha256.Sum256(b)
	who := c.who
	return fmt.Sprintf("%s %d %d %d %v %v %v %v %s %s", a.UUID, who.Key, who.Person, who.Org, who.Principals, site(who), synchronises(c), server(c),
		a.Intel.LabelOf(c.ctx(), who, &intel.Event{}), hex.EncodeToString(sum[:]))
}

const walkSize = 1 + 7*8

// packWalk writes a place: a version, then its numbers.
func packWalk(w intel.Walk) []byte {
	b := append(make([]byte, 0, walkSize), 1)
	for _, n := range []int64{w.Begun, w.At, w.ID, w.UpTo, w.Seen, w.SeenAt, w.SeenID} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return b
}

func unpackWalk(b []byte) (w intel.Walk, ok bool) {
	if len(b) != walkSize || b[0] != 1 {
		return w, false
	}
	for i, to := range []*int64{&w.Begun, &w.At, &w.ID, &w.UpTo, &w.Seen, &w.SeenAt, &w.SeenID} {
		*to = int64(binary.BigEndian.Uint64(b[1+8*i:]))
	}
	return w, w.Begun > 0
}
