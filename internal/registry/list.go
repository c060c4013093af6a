package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Filter narrows a list; zero fields do not.
type Filter struct {
	Query        string // words in either script, a domain, an address, an AS number, a UUID
	Kind         string
	Sector       string
	CERT         string // UUID
	State        State
	Freshness    Freshness // only of organisations whose details may be seen; without registry.read of the own
	UpdatedSince time.Time // inclusive; orders by time of change, oldest first, unless Sort says otherwise
	Sort         string    // name or updated, a minus turns it round; "" = name
	Foreign      bool      // those that peers' data named, instead of our own

	verify *Verification // the cycle in force
}

// Page says where to go on. Cursor is what the last page gave, "" = the beginning;
// Limit is 1–200, else 50.
type Page struct {
	Cursor string
	Limit  int
}

// CountMost is where counting stops: a page then says "more than".
const CountMost = 10000

// Sorts are the orders there are, without the minus.
var Sorts = []string{"name", "updated"}

// List gives one page of what who may see, in the order of Sort, and the cursor of the
// next page, "" at the end. Faults: Invalid on "cursor", "kind", "sector", "state",
// "freshness", "cert" or "sort".
func (s *Service) List(ctx context.Context, who ident.Actor, f Filter, p Page) (list []Organisation, next string, err error) {
	if err := s.checkFilter(who, f); err != nil {
		return nil, "", err
	}
	if p.Limit < 1 || p.Limit > 200 {
		p.Limit = 50
	}
	f.verify = &s.pack().Verify
	from, err := parseCursor(p.Cursor, f)
	if err != nil {
		return nil, "", err
	}
	err = s.db.View(ctx, func(tx *store.Tx) error {
		q, err := listing(ctx, tx, who, f)
		if err != nil {
			return err
		}
		text, args := q.page(who, from, p.Limit+1)
		list, err = store.All(ctx, tx, f.scan(ctx, tx), text, args...)
		return err
	})
	if len(list) > p.Limit {
		list = list[:p.Limit]
		next = cursorAt(list[p.Limit-1], f).String()
	}
	return list, next, err
}

// Count counts what List would give, up to CountMost; more is true when there are more.
func (s *Service) Count(ctx context.Context, who ident.Actor, f Filter) (n int64, more bool, err error) {
	if err := s.checkFilter(who, f); err != nil {
		return 0, false, err
	}
	f.verify = &s.pack().Verify
	err = s.db.View(ctx, func(tx *store.Tx) error {
		q, err := listing(ctx, tx, who, f)
		if err != nil {
			return err
		}
		text, args := q.count(CountMost + 1)
		n, err = store.Int64(ctx, tx, text, args...)
		return err
	})
	if n > CountMost {
		return CountMost, true, err
	}
	return n, false, err
}

// exportBatch is how many organisations an export holds at a time.
const exportBatch = 500

// batches streams everything a filter gives, in its order: pages by key, so that
// the parts of a page can be read between two of them on the same connection.
func batches(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter) iter.Seq2[[]Organisation, error] {
	return func(yield func([]Organisation, error) bool) {
		var from cursor
		for {
			q, err := listing(ctx, tx, who, f)
			if err != nil {
				yield(nil, err)
				return
			}
			text, args := q.page(who, from, exportBatch)
			list, err := store.All(ctx, tx, f.scan(ctx, tx), text, args...)
			if !yield(list, err) || err != nil || len(list) < exportBatch {
				return
			}
			from = cursorAt(list[len(list)-1], f)
		}
	}
}

// scan is scanOrg with freshness as of now and the blanks of hide.
func (f Filter) scan(ctx context.Context, tx *store.Tx) func(store.Scanner) (Organisation, error) {
	now, nowErr := store.Now(ctx, tx)
	return func(s store.Scanner) (Organisation, error) {
		o, err := scanOrg(s)
		if err == nil {
			err = nowErr
		}
		return o.judged(*f.verify, instant(now)).hide(), err
	}
}

// judged sets the freshness of the contacts as of now.
func (o Organisation) judged(v Verification, now time.Time) Organisation {
	o.Contacts.Freshness = Missing
	if o.Contacts.Count > 0 {
		o.Contacts.Freshness = v.freshness(o.Contacts.Bounced, o.Contacts.Verified, now)
	}
	return o
}

func (s *Service) checkFilter(who ident.Actor, f Filter) error {
	if err := mayRead(who); err != nil {
		return err
	}
	var c fault.Collector
	c.Require(f.Kind == "" || s.pack().Kinds.Has(f.Kind), "kind", "registry.fault.kind")
	c.Require(f.Sector == "" || s.pack().Sectors.Has(f.Sector), "sector", "registry.fault.sector")
	c.Require(f.State == "" || f.State.Validate() == nil, "state", "registry.fault.state")
	switch f.Freshness {
	case "", Fresh, Due, Unverified, Bouncing, Missing, Stale:
	default:
		c.Add("freshness", "registry.fault.freshness")
	}
	if f.CERT != "" {
		_, ok := store.ParseUUID(f.CERT)
		c.Require(ok, "cert", "registry.fault.uuid")
	}
	c.Require(f.Sort == "" || slices.Contains(Sorts, strings.TrimPrefix(f.Sort, "-")), "sort", "web.error.choice")
	return c.Err("filter of organisations")
}

// cursor is the key of the last row of a page: by name or by time of change. It belongs
// to one direction.
type cursor struct {
	Sort    []byte `json:"s,omitempty"`
	Updated int64  `json:"u,omitempty"`
	ID      int64  `json:"i"`
	Down    bool   `json:"d,omitempty"`
}

func (f Filter) byTime() bool {
	return strings.TrimPrefix(f.Sort, "-") == "updated" || f.Sort == "" && !f.UpdatedSince.IsZero()
}

func (f Filter) down() bool { return strings.HasPrefix(f.Sort, "-") }

func cursorAt(o Organisation, f Filter) cursor {
	if f.byTime() {
		return cursor{Updated: micros(o.Updated), ID: o.ID, Down: f.down()}
	}
	return cursor{Sort: sortKey(o), ID: o.ID, Down: f.down()}
}

func (c cursor) String() string {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // bytes and numbers always marshal
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(s string, f Filter) (c cursor, err error) {
	if s == "" {
		return c, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil || c.ID == 0 || f.byTime() != (c.Updated != 0) || f.down() != c.Down {
		return c, fault.Field("cursor", "registry.fault.cursor", "not a cursor of this list")
	}
	return c, nil
}
