package intelweb

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"straza/internal/intel"
	"straza/internal/intel/eventweb"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// arrangeMost is how many attributes of an event are sorted and grouped on its page; of a
// larger event these are the first ones by id, and the page says so.
const arrangeMost = 5_000

// arranged tells whether the table is to stand in another order than the event's own.
func arranged(f *web.Filters) bool { return f.Get("sort") != "" || f.Get("group") != "" }

// arrangeKey is what an attribute is sorted or grouped by.
func arrangeKey(a *intel.Attribute, by string) string {
	switch by {
	case "type":
		return a.Type
	case "category":
		return a.Category
	case "value":
		return i18n.Fold(a.Value)
	case "object":
		return a.ObjectName
	}
	return ""
}

// sortBy sorts attributes: by group first, then by the order, "-" turning it round, then
// by value and id. Pure.
func sortBy(list []*intel.Attribute, group, order string) {
	by, down := strings.TrimPrefix(order, "-"), strings.HasPrefix(order, "-")
	slices.SortStableFunc(list, func(a, b *intel.Attribute) int {
		c := strings.Compare(arrangeKey(a, by), arrangeKey(b, by))
		if down {
			c = -c
		}
		return cmp.Or(strings.Compare(arrangeKey(a, group), arrangeKey(b, group)), c, strings.Compare(a.Value, b.Value), cmp.Compare(a.ID, b.ID))
	})
}

// attributeQuery turns the filters over an event's table into a query.
func attributeQuery(f *web.Filters, e *intel.Event) intel.Query {
	q := scopeOf(f).Query(e.Ref())
	q.WithTags = true
	return q
}

// scopeOf is what the filters leave of an event's attributes.
func scopeOf(f *web.Filters) intel.Scope { return eventweb.Scope(f.Get) }

// arrangedRows is a page of the event's attributes in the order and groups asked for.
func (p *pages) arrangedRows(r *http.Request, f *web.Filters, e *intel.Event) (rows []ui.Row, shown []*intel.Attribute, next string, cut bool, err error) {
	from := 0
	if err := web.DecodeCursor(f.Cursor(), &from); err != nil {
		return nil, nil, "", false, err
	}
	q := attributeQuery(f, e)
	q.Limit, q.WithObjects = arrangeMost+1, true
	var list []*intel.Attribute
	err = p.s.SearchAttributes(r.Context(), web.Actor(r), q, func(a *intel.Attribute) error {
		if cut = len(list) == arrangeMost; cut {
			return errEnough
		}
		kept := *a
		list = append(list, &kept)
		return nil
	})
	if err = ignoreEnough(err); err != nil {
		return nil, nil, "", false, err
	}
	group := f.Get("group")
	sortBy(list, group, f.Get("sort"))
	n := map[string]int64{}
	for _, a := range list {
		n[arrangeKey(a, group)]++
	}
	from = min(max(0, from), len(list))
	for i, a := range list[from:min(from+attributesShown, len(list))] {
		key := arrangeKey(a, group)
		if group != "" && (i == 0 || key != arrangeKey(list[from+i-1], group)) {
			name := cmp.Or(key, web.T(r, "intel.single"))
			rows = append(rows, groupRow(ui.Tag{Word: name, Mono: group == "type"}, "", web.T(r, "intel.attributes.n", "n", n[key])))
		}
		rows, shown = append(rows, attributeRow(r, e, a, group != "")), append(shown, a)
	}
	if from+attributesShown < len(list) {
		next = web.EncodeCursor(from + attributesShown)
	}
	return rows, shown, next, cut, nil
}
