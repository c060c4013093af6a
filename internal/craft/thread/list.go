package thread

import (
	"context"
	"math"
	"slices"
	"strings"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Filter narrows a list of threads; zero fields do not.
type Filter struct {
	Unread bool
	Query  string // beginnings of words of party and number, in either script
	Sort   string // one of Sorts, a minus turns it round; "" = -last
}

// Sorts are the orders there are, without the minus.
var Sorts = []string{"last", "unread"}

func (f Filter) order() string {
	if f.Sort == "" {
		return "-last"
	}
	return f.Sort
}

// finds tells whether a thread has all words of the query. Threads keep no folded words:
// there are thousands, not millions, and each page tests its own.
func (f Filter) finds(t Thread) bool {
	have := strings.Fields(i18n.Fold(t.Party + " " + t.Number))
	for _, w := range strings.Fields(i18n.Fold(f.Query)) {
		if !slices.ContainsFunc(have, func(h string) bool { return strings.HasPrefix(h, w) }) {
			return false
		}
	}
	return true
}

// Page is a part of a list: the keys of the last thread seen; ID 0 = the beginning.
type Page struct{ Key, ID int64 }

// Keys gives a thread's place under an order, for the next page.
func (t Thread) Keys(sort string) Page {
	if strings.TrimPrefix(sort, "-") == "unread" {
		return Page{t.Unread, t.ID}
	}
	return Page{t.Last, t.ID}
}

// listed is how many threads a page shows.
const listed = 50

// List gives a page of the threads that who may see; more tells whether others follow.
// Faults: Invalid on "sort".
func (k *Desk) List(ctx context.Context, who ident.Actor, f Filter, p Page) (out []Thread, more bool, err error) {
	err = k.d.DB.View(ctx, func(tx *store.Tx) error {
		return k.WalkTx(ctx, tx, who, f, p, func(t Thread) bool { out = append(out, t); return len(out) <= listed })
	})
	if len(out) > listed {
		out, more = out[:listed], true
	}
	return out, more, err
}

// WalkTx gives all threads that who may see and a filter finds, from a place on, until
// yield has enough. Faults: Invalid on "sort".
func (k *Desk) WalkTx(ctx context.Context, tx *store.Tx, who ident.Actor, f Filter, p Page, yield func(Thread) bool) error {
	sort := f.order()
	if !slices.Contains(Sorts, strings.TrimPrefix(sort, "-")) {
		return fault.Field("sort", "web.error.choice", "threads sort by %s", strings.Join(Sorts, ", "))
	}
	if p.ID == 0 {
		p = Page{math.MinInt64, 0}
		if strings.HasPrefix(sort, "-") {
			p = Page{math.MaxInt64, math.MaxInt64}
		}
	}
	for n := listed + 1; ; n = min(2*n, 500) {
		list, err := store.All(ctx, tx, scanThread, listing(access.Visible(who, "t.audience_id"), f, n), p.Key, p.ID)
		if err != nil {
			return err
		}
		for _, t := range list {
			if f.finds(t) && !yield(t) {
				return nil
			}
		}
		if len(list) < n {
			return nil
		}
		p = list[len(list)-1].Keys(sort)
	}
}
