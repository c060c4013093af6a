package peer

import (
	"context"
	"net/http"
	"strconv"

	"straza/internal/intel"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"

	"golang.org/x/mod/sumdb/note"
)

// Reasons why an event is not taken back.
const (
	reasonSigner = "peer.reason.signer" // not signed with the key that this peer had at first
	reasonSource = "peer.reason.source" // the event did not come from this peer
)

// phaseRetractions takes back what its maker deleted, for peers of which we accept it.
const phaseRetractions = "retractions"

// pin keeps the key that a peer signed with first; another one later is not believed
// until our key there is entered again.
func (w *puller) pin(ctx context.Context) error {
	if w.p.signer != "" || w.r.able.Signer == "" || w.run.Dry {
		return nil
	}
	if _, err := note.NewVerifier(w.r.able.Signer); err != nil {
		return Odd("the peer's key for signatures is none")
	}
	w.p.signer = w.r.able.Signer
	return w.s.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, setRetracted, w.p.ID, w.p.signer, w.p.retracted)
		return err
	}, store.InLane(store.Jobs))
}

// retractions deletes what its maker deleted there: signed, of an event that came from
// this peer and was made by the organisation that is named.
func (w *puller) retractions(ctx context.Context) (done bool, err error) {
	if err := w.pin(ctx); err != nil {
		return false, err
	}
	verifier, err := note.NewVerifier(w.p.signer)
	if err != nil {
		w.run.Counts = w.run.Counts.copy()
		w.run.Counts.Reasons[reasonSigner]++
		return true, nil
	}
	for {
		if w.late() {
			return false, nil
		}
		var answer struct {
			Retractions []struct{ ID, UUID, Orgc_uuid, At, Note string }
		}
		if err := w.r.value(ctx, http.MethodPost, "/events/retractions", map[string]string{"after": strconv.FormatInt(w.p.retracted, 10)}, &answer); err != nil {
			return w.skip(err)
		}
		last := w.p.retracted
		for _, x := range answer.Retractions {
			r := intel.Retraction{UUID: x.UUID, Orgc: x.Orgc_uuid}
			r.ID, _ = strconv.ParseInt(x.ID, 10, 64)
			r.At, _ = strconv.ParseInt(x.At, 10, 64)
			if r.ID <= w.p.retracted {
				return false, Odd("the list of retractions does not end")
			}
			n, err := note.Open([]byte(x.Note), note.VerifierList(verifier))
			if err := w.retract(ctx, r, err == nil && n.Text == r.Text()); err != nil {
				return false, err
			}
		}
		if w.p.retracted == last || w.run.Dry {
			return true, nil
		}
	}
}

func (w *puller) retract(ctx context.Context, r intel.Retraction, signed bool) error {
	uuid, ok := store.ParseUUID(r.UUID)
	held, err := w.s.intel.HeldEvents(ctx, part(), []string{uuid})
	if err != nil {
		return err
	}
	from := int64(0)
	if ok {
		if from, err = w.s.source(ctx, uuid); err != nil {
			return err
		}
	}
	h, reason := held[uuid], ""
	switch {
	case !ok || !signed:
		reason = reasonSigner
	case h.ID == 0:
	case !h.Locked:
		reason = reasonOwn
	case h.Origin != r.Orgc:
		reason = reasonOrigin
	case from != w.p.ID:
		reason = reasonSource
	case !w.run.Dry:
		err := w.s.intel.DeleteEvent(ctx, part(), uuid)
		switch f := fault.Of(err); {
		case f != nil && f.Key == intel.KeyProtected: // what signs retractions is on no event's list
			reason = reasonStranger
		case err != nil && !fault.Is(err, fault.NotFound):
			return err
		}
	}
	err = w.step(ctx, "", func(tx *store.Tx, c *Counts) error {
		t := &c.Retractions
		t.Read++
		switch {
		case reason != "":
			t.Refused++
			c.Reasons[reason]++
		case h.ID == 0:
			t.Unchanged++
		default:
			t.Updated++
		}
		if tx == nil {
			return nil
		}
		_, err := tx.Exec(ctx, setRetracted, w.p.ID, w.p.signer, r.ID)
		return err
	})
	if err == nil {
		w.p.retracted = r.ID
	}
	return err
}
