package peer

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"straza/internal/format/ticket"
	"straza/internal/kernel/store"
)

// resumes tells that the other side's list of events is gone on with where it was left,
// not read anew: an extension between Straža (spec misp D11).
func (w *puller) resumes() bool {
	return w.r.able.Resumable && w.run.Way == Pull && w.o.Technique == Full && !w.run.Dry
}

// sincePage is a page of that list.
type sincePage struct {
	Events  []indexRow `json:"events"`
	Sighted []indexRow `json:"sighted"` // only their sightings are new
	Cursor  string     `json:"cursor"`
	More    bool       `json:"more"`
}

// since is index with cursors: what a page brings is noted in the transaction that moves
// the place, so that the list may break off anywhere. A list that was begun before this
// turn ends where things stood then: it is followed by one of what happened since.
func (w *puller) since(ctx context.Context) (done bool, err error) {
	pages, place, taken := cutPlace(w.run.cursor)
	if !taken {
		w.run.Counts = Counts{}.copy()
		if place = w.p.cursor; w.o.Fresh {
			place = ""
		}
	}
	before := strings.HasPrefix(place, midst)
	for first := true; ; first = false {
		if w.late() {
			return false, nil
		}
		if pages++; pages > pagesMost {
			return false, Odd("the list of events does not end")
		}
		page, err := w.askSince(ctx, strings.TrimPrefix(place, midst))
		if place != "" && refusesCursor(err) {
			w.run.Counts, place, before = Counts{}.copy(), "", false
			continue
		}
		if err != nil {
			return false, err
		}
		quiet := first && !taken && place != "" && !page.More
		if place = page.Cursor; page.More {
			place = midst + place
		}
		news, err := w.takeSince(ctx, page, pages, place)
		if err != nil {
			return false, err
		}
		w.run.Unchanged = quiet && !news
		if page.More {
			continue
		}
		if !before {
			return true, w.left(ctx)
		}
		before = false
	}
}

// midst marks a place in the midst of a list.
const midst = "+"

// cutPlace reads what a run keeps while it lists: how many pages there were, and the place.
func cutPlace(cursor string) (pages int, place string, ok bool) {
	n, place, ok := strings.Cut(cursor, " ")
	pages, _ = strconv.Atoi(n)
	return pages, place, ok
}

// refusesCursor: it is not good any more, which is no fault of the other side's.
func refusesCursor(err error) bool {
	var said *NoAnswer
	return errors.As(err, &said) && (said.Status == http.StatusBadRequest || said.Status == http.StatusGone)
}

// askSince fetches a page and checks what can be checked of it.
func (w *puller) askSince(ctx context.Context, cursor string) (page sincePage, err error) {
	ask := w.filter()
	ask["cursor"], ask["sightings"] = cursor, w.p.PullSightings
	if err := w.r.value(ctx, http.MethodPost, "/events/since", ask, &page); err != nil {
		return page, err
	}
	if page.Cursor == "" || len(page.Cursor) > ticket.Most || strings.ContainsAny(page.Cursor, midst+" ") || page.More && page.Cursor == cursor {
		return page, Odd("the list of events gives no place to go on from")
	}
	page.Events, page.Sighted = named(page.Events), named(page.Sighted)
	return page, nil
}

// named leaves out rows that name nothing that could be asked for.
func named(rows []indexRow) (out []indexRow) {
	for _, r := range rows {
		if uuid, ok := store.ParseUUID(r.UUID); ok {
			r.UUID = uuid
			out = append(out, r)
		}
	}
	return out
}

// takeSince notes what a page brought, with the place behind it; news tells that there was
// something: sightings of the last second are told again.
func (w *puller) takeSince(ctx context.Context, page sincePage, pages int, place string) (news bool, err error) {
	held, err := w.s.intel.HeldEvents(ctx, part(), uuidsOf(page.Events))
	if err != nil {
		return false, err
	}
	err = w.step(ctx, strconv.Itoa(pages)+" "+place, func(tx *store.Tx, c *Counts) error {
		news = len(page.Events) > 0
		if err := w.compareTx(ctx, tx, page.Events, held, c); err != nil {
			return err
		}
		fetched, err := itemsNamed(ctx, tx, w.p.ID, waySightings, uuidsOf(page.Sighted))
		if err != nil {
			return err
		}
		for _, r := range page.Sighted {
			news = news || r.sighted() > fetched[r.UUID].timestamp
			if err := w.sighted(ctx, tx, r, fetched[r.UUID]); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, setCursor, w.p.ID, place)
		return err
	})
	if err == nil {
		w.p.cursor = place
	}
	return news, err
}
