package intel

import (
	"cmp"
	"context"
	"slices"

	"straza/internal/format/taxii"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// stixWalk goes through a collection in the order of addition: events that the
// reader sees in SQL, then their objects, tested part by part. Each step reads by
// index and little more than the page needs, however many rows there are.
type stixWalk struct {
	who    ident.Actor
	c      Collection
	q      taxii.Query
	limit  int
	out    []SharedObject
	before map[string]bool // shared objects that stand at an earlier place for this reader
}

// page gives at most limit objects that were added after a date.
func (w *stixWalk) page(ctx context.Context, tx *store.Tx, after int64) ([]SharedObject, error) {
	if len(w.q.IDs) > 0 {
		rows, err := rowsByID(ctx, tx, w.who, w.c, w.q, after)
		if err == nil {
			err = w.take(ctx, tx, rows, nil)
		}
		return w.out, err
	}
	for n := 16; ; n = min(n*2, 512) {
		batches, err := listBatches(ctx, tx, w.who, w.c, after, n)
		if err != nil || len(batches) == 0 {
			return w.out, err
		}
		if err := w.batches(ctx, tx, batches, after); err != nil || w.full() {
			return w.out, err
		}
		after = batches[len(batches)-1].last
	}
}

func (w *stixWalk) full() bool { return len(w.out) >= w.limit }

// batches reads small batches together and large ones bit by bit.
func (w *stixWalk) batches(ctx context.Context, tx *store.Tx, list []batchAt, after int64) error {
	for len(list) > 0 && !w.full() {
		left := int64(w.limit - len(w.out))
		want := max(left+left/8, 100) // few are held back; if more are, there is another round
		n, rows := 0, int64(0)
		for n < len(list) && list[n].base >= after && rows+list[n].last-list[n].base <= want {
			rows += list[n].last - list[n].base
			n++
		}
		if n == 0 {
			if err := w.large(ctx, tx, list[0], max(after-list[0].base, 0), int(want)); err != nil {
				return err
			}
			list = list[1:]
			continue
		}
		ids := make([]int64, n)
		for i := range n {
			ids[i] = list[i].id
		}
		rowsOf, err := rowsOfBatches(ctx, tx, w.c, ids, w.q)
		if err == nil {
			err = w.take(ctx, tx, rowsOf, list[:n])
		}
		if err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

func (w *stixWalk) large(ctx context.Context, tx *store.Tx, b batchAt, after int64, n int) error {
	for !w.full() {
		rows, err := rowsOfBatch(ctx, tx, w.c, b.id, after, w.q, n)
		if err != nil || len(rows) == 0 {
			return err
		}
		after = rows[len(rows)-1].Added // the place within the batch, still
		if err := w.take(ctx, tx, rows, []batchAt{b}); err != nil || len(rows) < n {
			return err
		}
	}
	return nil
}

// take dates rows, keeps those that the reader gets, and adds them to the page.
// Without batches the rows are dated, and their labels tested, already.
func (w *stixWalk) take(ctx context.Context, tx *store.Tx, rows []SharedObject, batches []batchAt) error {
	if batches != nil {
		rows = dated(rows, batches, w.c)
	}
	slices.SortFunc(rows, func(a, b SharedObject) int { return cmp.Compare(a.Added, b.Added) })
	rows, err := seenOf(ctx, tx, w.who, rows, batches)
	if err != nil {
		return err
	}
	for _, o := range rows {
		if w.full() {
			return nil
		}
		if o.shared {
			if err := w.once(ctx, tx, o); err != nil {
				return err
			}
			continue
		}
		w.out = append(w.out, o)
	}
	return nil
}

// dated turns places into dates and drops what its label holds back.
func dated(rows []SharedObject, batches []batchAt, c Collection) []SharedObject {
	of := byBatch(batches)
	for i := range rows {
		rows[i].Added += of[rows[i].batch].base
	}
	return passing(rows, of, c)
}

func byBatch(batches []batchAt) map[int64]batchAt {
	of := make(map[int64]batchAt, len(batches))
	for _, b := range batches {
		of[b.id] = b
	}
	return of
}

// passing drops what its label holds back, and all of a batch that is not named.
func passing(rows []SharedObject, of map[int64]batchAt, c Collection) []SharedObject {
	pass := map[bool][]int64{true: c.leaves(true), false: c.leaves(false)}
	return slices.DeleteFunc(rows, func(o SharedObject) bool {
		b, ok := of[o.batch]
		return !ok || !slices.Contains(pass[b.named], o.tlp)
	})
}

// still keeps those of a page that the reader may get at this moment.
func still(ctx context.Context, tx *store.Tx, who ident.Actor, c Collection, part []SharedObject) ([]SharedObject, error) {
	var ids []int64
	for _, o := range part {
		if n := len(ids); n == 0 || ids[n-1] != o.batch {
			ids = append(ids, o.batch)
		}
	}
	slices.Sort(ids)
	batches, err := batchesNamed(ctx, tx, who, c, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	return seenOf(ctx, tx, who, passing(slices.Clone(part), byBatch(batches), c), batches)
}

// once adds an object that stands in many events at its first place only.
func (w *stixWalk) once(ctx context.Context, tx *store.Tx, o SharedObject) error {
	if w.before[o.ID] {
		return nil
	}
	w.before[o.ID] = true
	before, err := seenBefore(ctx, tx, w.who, w.c, o)
	if err == nil && !before {
		w.out = append(w.out, o)
	}
	return err
}

// seenOf keeps the rows whose parts the reader sees: objects, attributes, both
// ends of relationships, reports, each by its own audience. In plain ones of the
// batches only reports have any.
func seenOf(ctx context.Context, tx *store.Tx, who ident.Actor, rows []SharedObject, batches []batchAt) ([]SharedObject, error) {
	var objects, attributes, reports []int64
	plain := map[int64]bool{}
	for _, b := range batches {
		plain[b.id] = b.plain
	}
	add := func(list *[]int64, ids ...int64) {
		for _, id := range ids {
			if id != 0 {
				*list = append(*list, id)
			}
		}
	}
	for _, o := range rows {
		if add(&reports, o.from.report); plain[o.batch] {
			continue
		}
		add(&objects, o.from.object, o.from.otherObject)
		add(&attributes, o.from.attribute, o.from.otherAttribute)
	}
	seen := map[string]map[int64]bool{}
	for table, ids := range map[string][]int64{"intel_object": objects, "intel_attribute": attributes, "intel_report": reports} {
		slices.Sort(ids)
		got, err := seenParts(ctx, tx, who, table, slices.Compact(ids))
		if err != nil {
			return nil, err
		}
		seen[table] = got
	}
	return slices.DeleteFunc(rows, func(o SharedObject) bool {
		parts := plain[o.batch] || seen["intel_object"][o.from.object] && seen["intel_object"][o.from.otherObject] &&
			seen["intel_attribute"][o.from.attribute] && seen["intel_attribute"][o.from.otherAttribute]
		return !parts || !seen["intel_report"][o.from.report]
	}), nil
}

// reportRefs lists what a report refers to, as who sees its event, which the
// caller has tested.
func reportRefs(ctx context.Context, tx *store.Tx, who ident.Actor, c Collection, event int64) ([]string, error) {
	byOwner, own, err := eventRights(ctx, tx, who, event)
	if err != nil {
		return nil, err
	}
	pass := c.leaves(byOwner)
	if own == 0 {
		return listedIDs(ctx, tx, who, c, event, pass)
	}
	rows, err := listedRows(ctx, tx, c, event)
	if err != nil {
		return nil, err
	}
	rows = slices.DeleteFunc(rows, func(o SharedObject) bool { return !slices.Contains(pass, o.tlp) })
	if rows, err = seenOf(ctx, tx, who, rows, nil); err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(a, b SharedObject) int { return cmp.Compare(a.row, b.row) })
	ids := make([]string, len(rows))
	for i, o := range rows {
		ids[i] = o.ID
	}
	return ids, nil
}
