package peer

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/remark"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

// sighted notes that an event has sightings that were not sent yet.
func (w *pusher) sighted(ctx context.Context, tx *store.Tx, e *intel.Event, it item) error {
	if !w.p.PushSightings || w.run.Dry || e.SightingTimestamp <= it.timestamp {
		return nil
	}
	return writeItem(ctx, tx, &item{peer: w.p.ID, way: wayOutSightings, uuid: e.UUID, timestamp: e.SightingTimestamp, state: itemWaiting})
}

// each does something with every event noted for a way that the peer holds. send
// gives how many were new there and how many were as they were.
func (w *pusher) each(ctx context.Context, way string, tally func(*Counts) *Tally, send func(ctx context.Context, e *intel.Event, may map[string]bool) (created, unchanged int64, err error)) (done bool, err error) {
	for after := int64(0); ; {
		list, err := w.waitingItems(ctx, way, after, pageItems)
		if err != nil || len(list) == 0 {
			return err == nil, err
		}
		after = list[len(list)-1].id
		for i := range list {
			if w.late() {
				return false, nil
			}
			it := &list[i]
			created, unchanged, reason, err := w.sendOf(ctx, it, send)
			if err != nil {
				if w.passed(err) {
					return true, nil
				}
				return false, err
			}
			err = w.step(ctx, "", func(tx *store.Tx, c *Counts) error {
				if it.state = itemSent; reason != "" {
					it.state, it.reason = itemHeld, reason
					c.Reasons[reason]++
				}
				t := tally(c)
				t.Read += created + unchanged
				t.Created += created
				t.Unchanged += unchanged
				if tx == nil {
					return nil
				}
				return writeItem(ctx, tx, it)
			})
			if err != nil {
				return false, err
			}
		}
	}
}

func (w *pusher) sendOf(ctx context.Context, it *item, send func(context.Context, *intel.Event, map[string]bool) (int64, int64, error)) (created, unchanged int64, reason string, err error) {
	e, err := w.s.intel.Event(ctx, part(), it.uuid)
	if fault.Is(err, fault.NotFound) {
		return 0, 0, holdGone, nil
	}
	if err != nil {
		return 0, 0, "", err
	}
	may, reason, err := w.hanging(ctx, &e)
	if err != nil || reason != "" {
		return 0, 0, reason, err
	}
	created, unchanged, err = send(ctx, &e, may)
	return created, unchanged, "", err
}

// sightings sends those that the peer does not have.
func (w *pusher) sightings(ctx context.Context) (bool, error) {
	return w.each(ctx, wayOutSightings, func(c *Counts) *Tally { return &c.Sightings }, func(ctx context.Context, e *intel.Event, may map[string]bool) (created, unchanged int64, err error) {
		var list []misp.Sighting
		var uuids []string
		err = w.s.intel.Sightings(ctx, part(), intel.SightingFilter{Event: e.Ref()}, func(g *intel.Sighting) error {
			if g.Org.UUID == w.there || may != nil && !may[g.Attribute.UUID] {
				return nil
			}
			s := g.Wire()
			s.ID, s.AttributeID, s.EventID, s.OrgID = misp.Int{}, misp.Int{}, misp.Int{}, misp.Int{}
			s.AttributeUUID, s.EventUUID, s.Organisation = misp.T(g.Attribute.UUID), misp.T(e.UUID), &misp.Org{UUID: misp.T(g.Org.UUID), Name: misp.T(g.Org.Name)}
			list, uuids = append(list, s), append(uuids, g.UUID)
			return nil
		})
		if err != nil || len(list) == 0 {
			return 0, 0, err
		}
		if w.r.able.Filter {
			var known []string
			err := w.r.value(ctx, http.MethodPost, "/sightings/filterSightingUuidsForPush/"+e.UUID, uuids, &known)
			var said *NoAnswer
			if w.run.Dry && errors.As(err, &said) && said.Status == http.StatusNotFound {
				err = nil // the event is not there yet: all would be new
			}
			if err != nil {
				return 0, 0, err
			}
			list = slices.DeleteFunc(list, func(s misp.Sighting) bool { return slices.Contains(known, s.UUID.V) })
			unchanged = int64(len(uuids) - len(list))
		}
		if w.run.Dry {
			return int64(len(list)), unchanged, nil
		}
		for part := range slices.Chunk(list, 1000) {
			body := []byte{'['}
			for i := range part {
				if i > 0 {
					body = append(body, ',')
				}
				body = misp.Append(body, &part[i])
			}
			var said struct{ Success string }
			if err := w.r.raw(ctx, "/sightings/bulkSaveSightings/"+e.UUID, append(body, ']'), &said); err != nil {
				return created, unchanged, err
			}
			n := leading(said.Success, len(part))
			created, unchanged = created+n, unchanged+int64(len(part))-n
		}
		return created, unchanged, nil
	})
}

// leading reads the number with which an answer begins, most when there is none.
func leading(s string, most int) int64 {
	word, _, _ := strings.Cut(strings.TrimSpace(s), " ")
	n, err := strconv.Atoi(word)
	if err != nil || n < 0 || n > most {
		return int64(most)
	}
	return int64(n)
}

// raw posts a document that is JSON already.
func (r *remote) raw(ctx context.Context, path string, body []byte, v any) error {
	in, header := r.packed(body)
	resp, err := r.send(ctx, http.MethodPost, path, in, header...)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return Value(resp.Body, smallBytes, v)
}

// proposals sends what was proposed here in the last ninety days, decided ones too.
func (w *pusher) proposals(ctx context.Context) (bool, error) {
	if w.run.cursor == "" {
		if err := w.noteProposals(ctx); err != nil {
			return false, err
		}
	}
	return w.each(ctx, wayOutProposals, func(c *Counts) *Tally { return &c.Proposals }, func(ctx context.Context, e *intel.Event, may map[string]bool) (created, unchanged int64, err error) {
		body, n := []byte{'['}, int64(0)
		since := w.s.db.Clock.Now().Add(-proposalsBack).Unix()
		err = w.s.remarks.Proposals(ctx, part(), remark.ProposalFilter{Event: e.Ref(), All: true, Since: since, Deleted: intel.With}, func(p *remark.Proposal) error {
			if p.Attribute != 0 && may != nil && !may[p.UUID] {
				return nil
			}
			x := p.Wire()
			x.ID, x.EventID, x.OrgID, x.EventOrgID, x.Email = misp.Int{}, misp.Int{}, misp.Int{}, misp.Int{}, misp.Text{}
			x.Org = &misp.Org{UUID: misp.T(p.Org.UUID), Name: misp.T(p.Org.Name)}
			if n++; n > 1 {
				body = append(body, ',')
			}
			body = append(misp.Append(append(body, `{"ShadowAttribute":`...), &x), '}')
			return nil
		})
		if err != nil || n == 0 {
			return 0, 0, err
		}
		if w.run.Dry { // which of them are there already is not asked before they go
			w.run.Counts.Proposals.Read += n
			w.run.Counts.Proposals.Left += n
			return 0, 0, nil
		}
		var said struct{ Counter int64 }
		if err := w.r.raw(ctx, "/events/pushProposals/"+e.UUID, append(body, ']'), &said); err != nil {
			return 0, 0, err
		}
		said.Counter = min(max(said.Counter, 0), n)
		return said.Counter, n - said.Counter, nil
	})
}

// noteProposals notes the events on which something was proposed or decided since.
func (w *pusher) noteProposals(ctx context.Context) error {
	last := map[string]int64{}
	since := w.s.db.Clock.Now().Add(-proposalsBack).Unix()
	err := w.s.remarks.Proposals(ctx, part(), remark.ProposalFilter{All: true, Since: since, Deleted: intel.With}, func(p *remark.Proposal) error {
		last[p.EventUUID] = max(last[p.EventUUID], p.Timestamp)
		return nil
	})
	if err != nil {
		return err
	}
	uuids := make([]string, 0, len(last))
	for u := range last {
		uuids = append(uuids, u)
	}
	slices.Sort(uuids)
	if w.run.Dry {
		return w.s.db.View(ctx, func(tx *store.Tx) error {
			known, err := itemsNamed(ctx, tx, w.p.ID, wayOutProposals, uuids)
			for _, u := range uuids {
				if it := known[u]; err == nil && (it.state == itemHeld || last[u] > it.timestamp) {
					w.would(wayOutProposals, u, last[u])
				}
			}
			return err
		})
	}
	return w.step(ctx, "noted", func(tx *store.Tx, _ *Counts) error {
		known, err := itemsNamed(ctx, tx, w.p.ID, wayOutProposals, uuids)
		if err != nil {
			return err
		}
		for _, u := range uuids {
			if it := known[u]; it.state == itemHeld || last[u] > it.timestamp {
				if err := writeItem(ctx, tx, &item{peer: w.p.ID, way: wayOutProposals, uuid: u, timestamp: last[u], state: itemWaiting}); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// handing is n things of one kind that are handed over one by one.
type handing struct {
	n      int
	path   string
	wanted func(i int) bool // by the other side; all others are as they are there
	body   func(i int) ([]byte, error)
	may    func(Able) bool        // whether the other side lets us at all
	of     func(c *Counts) *Tally // where they are counted
}

// hand posts what is wanted and counts what became of it; a dry run only counts.
func (w *pusher) hand(ctx context.Context, cursor string, h handing) error {
	did := intel.Tally{Read: int64(h.n)}
	for i := range h.n {
		if !h.wanted(i) {
			did.Unchanged++
			continue
		}
		if w.run.Dry {
			did.Created++
			continue
		}
		body, err := h.body(i)
		if err != nil {
			return err
		}
		took, err := w.given(ctx, h.path, body, h.may)
		if err != nil {
			return err
		}
		if took {
			did.Created++
		} else {
			did.Refused++
		}
	}
	return w.step(ctx, cursor, func(_ *store.Tx, c *Counts) error {
		h.of(c).add(did)
		if did.Refused > 0 {
			c.Reasons[refusedThere] += did.Refused
		}
		return nil
	})
}
