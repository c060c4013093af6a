package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Offer is an event that a peer shows us and that is not here, or not as new.
type Offer struct {
	UUID, Info, Date, Org string
	Attributes            int64
	Timestamp             int64
	Tags                  []string
	State                 string // "new", "newer", "same", or a reason: message key
}

// PreviewPage is how many events one page of a preview holds.
const PreviewPage = 60

// Preview shows a page (from 1) of what a pull would look at, as the other side
// tells it now; nothing is stored. Needs peer.manage and intel.read, because content
// is shown. Faults: NotFound, Unavailable with the key of a Code.
func (s *Service) Preview(ctx context.Context, who ident.Actor, ref string, page int) (out []Offer, err error) {
	if err := access.Check(who, "intel.read"); err != nil {
		return nil, err
	}
	if err := s.mayManage(who); err != nil {
		return nil, err
	}
	p, err := s.Peer(ctx, who, ref)
	if err != nil {
		return nil, err
	}
	w := &puller{worker: &worker{s: s, p: &p, o: Options{Technique: Full}}}
	if w.r, err = s.connect(&p); err != nil {
		return nil, err
	}
	ask := w.filter()
	delete(ask, "minimal")
	ask["limit"], ask["page"] = PreviewPage, max(page, 1)
	if out, err = w.r.offers(ctx, ask); err != nil { // said as the test of a connection says it
		return nil, fault.New(fault.Unavailable, "peer %d shows nothing: %s", p.ID, DetailOf(err)).WithKey(codeOf(err).Key()).Because(err)
	}
	uuids := make([]string, len(out))
	for i := range out {
		uuids[i] = out[i].UUID
	}
	held, err := s.intel.HeldEvents(ctx, part(), uuids)
	if err != nil {
		return nil, err
	}
	for i := range out {
		h, here := held[out[i].UUID]
		switch {
		case h.Blocked:
			out[i].State = reasonBlocked
		case here && h.Timestamp >= out[i].Timestamp:
			out[i].State = "same"
		case here && !h.Locked:
			out[i].State = reasonOwn
		case here:
			out[i].State = "newer"
		default:
			out[i].State = "new"
		}
	}
	return out, s.db.Update(ctx, func(tx *store.Tx) error {
		return s.log.Record(ctx, tx, who, "peer.preview", thing(p), map[string]any{"events": len(out)})
	})
}

// offers reads one page of the whole index.
func (r *remote) offers(ctx context.Context, ask map[string]any) (out []Offer, err error) {
	b, err := json.Marshal(ask)
	if err != nil {
		return nil, err
	}
	resp, err := r.send(ctx, http.MethodPost, "/events/index", bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	d := json.NewDecoder(resp.Body)
	if t, err := d.Token(); err != nil || t != json.Delim('[') {
		return nil, Broken(err, "the index is no list", "the index is no list")
	}
	for d.More() && len(out) < PreviewPage {
		var row struct {
			UUID, Info, Date string
			Timestamp        json.Number `json:"timestamp"`
			Attributes       json.Number `json:"attribute_count"`
			Orgc             struct{ Name string }
			EventTag         []struct{ Tag struct{ Name string } }
		}
		if err := d.Decode(&row); err != nil {
			return nil, Broken(err, "the index cannot be read", "the index cannot be read")
		}
		uuid, ok := store.ParseUUID(row.UUID)
		if !ok {
			continue
		}
		o := Offer{UUID: uuid, Info: Cut(row.Info), Date: Cut(row.Date), Org: Cut(row.Orgc.Name)}
		o.Timestamp, _ = strconv.ParseInt(row.Timestamp.String(), 10, 64)
		o.Attributes, _ = strconv.ParseInt(row.Attributes.String(), 10, 64)
		for _, t := range row.EventTag {
			if len(o.Tags) < 20 {
				o.Tags = append(o.Tags, Cut(t.Tag.Name))
			}
		}
		out = append(out, o)
	}
	return out, nil
}
