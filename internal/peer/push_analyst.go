package peer

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/remark"
)

// analyst sends analyst data that may leave and that the peer wants.
func (w *pusher) analyst(ctx context.Context) (bool, error) {
	list, err := w.remarksOut(ctx)
	if err != nil {
		return false, err
	}
	for part := range slices.Chunk(list, analystAsk) {
		at := string(part[len(part)-1].Kind) + " " + part[len(part)-1].UUID
		if behind(w.run.cursor, at) {
			continue
		}
		if w.late() {
			return false, nil
		}
		if err := w.analystPart(ctx, part, at); err != nil {
			if w.passed(err) {
				return true, nil
			}
			return false, err
		}
	}
	return true, nil
}

// remarksOut are the remarks that this peer may have, by kind and UUID.
func (w *pusher) remarksOut(ctx context.Context) (out []remark.Remark, err error) {
	sd := w.s.senderOf(w.p, w.there)
	reach := w.reach()
	goes, theirs := map[string]bool{}, map[string]bool{} // what the peer may have of these, and what it made
	for _, kind := range remark.Kinds {
		var mine []remark.Remark
		err := w.s.remarks.Remarks(ctx, part(), kind, nil, func(n *remark.Remark) error {
			if n.Origin.UUID == w.there {
				theirs[n.UUID] = true
				return nil
			}
			if _, _, goes, err := sd.part(ctx, n.Distribution, n.Group); err != nil || !goes || n.Distribution == intel.Inherit {
				return err
			}
			mine = append(mine, *n)
			return nil
		})
		if err != nil {
			return nil, err
		}
		for _, n := range mine {
			may := true // about something that is not here: by its own level alone
			if n.EventID() != 0 {
				if may, err = reach.lets(ctx, n.EventID(), n.Root()); err != nil {
					return nil, err
				}
			}
			if may {
				out, goes[n.UUID] = append(out, n), true
			}
		}
	}
	// What is said about a remark goes only where that one does: as far up as the thing itself.
	for before := -1; before != len(out); {
		before = len(out)
		out = slices.DeleteFunc(out, func(n remark.Remark) bool {
			stays := n.Target != n.Root() && !goes[n.Target] && !theirs[n.Target]
			if stays {
				delete(goes, n.UUID)
			}
			return stays
		})
	}
	slices.SortFunc(out, func(a, b remark.Remark) int {
		if a.Kind != b.Kind {
			return slices.Index(remark.Kinds, a.Kind) - slices.Index(remark.Kinds, b.Kind)
		}
		return strings.Compare(a.UUID, b.UUID)
	})
	return out, nil
}

func (w *pusher) analystPart(ctx context.Context, part []remark.Remark, cursor string) error {
	offer := map[remark.Kind]map[string]string{}
	for i := range part {
		n := &part[i]
		if offer[n.Kind] == nil {
			offer[n.Kind] = map[string]string{}
		}
		offer[n.Kind][n.UUID] = n.Wire().Modified.V
	}
	var answer map[remark.Kind]json.RawMessage
	if err := w.r.value(ctx, http.MethodPost, "/analyst_data/filterAnalystDataForPush", offer, &answer); err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, raw := range answer {
		_, names := modifiedOf(raw)
		for _, u := range names {
			wanted[u] = true
		}
	}
	sd := w.s.senderOf(w.p, w.there)
	return w.hand(ctx, cursor, handing{n: len(part), path: "/analyst_data/pushAnalystData",
		wanted: func(i int) bool { return wanted[part[i].UUID] },
		body:   func(i int) ([]byte, error) { return analystWire(ctx, sd, &part[i]) },
		may:    func(a Able) bool { return a.Analyst },
		of:     func(c *Counts) *Tally { return &c.Analyst }})
}

func analystWire(ctx context.Context, sd *sender, n *remark.Remark) ([]byte, error) {
	level, g, _, err := sd.part(ctx, n.Distribution, n.Group)
	if err != nil {
		return nil, err
	}
	x := n.Wire()
	x.ID, x.SharingGroupID, x.Distribution, x.SharingGroup, x.Locked = misp.Int{}, misp.Int{}, misp.N(level), sd.wire(g), misp.B(true)
	x.Orgc, x.Org = &misp.Org{UUID: misp.T(n.Origin.UUID), Name: misp.T(n.Origin.Name)}, nil
	return append(misp.Append([]byte(`{"`+string(n.Kind)+`":`), &x), '}'), nil
}
