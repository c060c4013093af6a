package web

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"straza/internal/kernel/account"
	"straza/internal/kernel/web/ui"
)

// FilterSpec is one filter of a list. Options empty makes it free text.
type FilterSpec struct {
	Name    string
	Label   string // in the person's language
	Options []ui.Option
	Type    string                    // of the field: "", "date"
	Default string                    // value when the address says nothing; shown as a chip, too
	Say     func(value string) string // how a chip says a value that is no option; nil = as it is
	hidden  bool                      // known, without a field: see Sorted and Known
	sorts   []string
}

// Sorted names the orders of a list, without the minus that turns one round.
func Sorted(fields ...string) FilterSpec {
	return FilterSpec{Name: "sort", hidden: true, sorts: fields}
}

// Known names what else the address of a list may say, with which other pages link to it.
func Known(name string) FilterSpec { return FilterSpec{Name: name, hidden: true} }

// Filters are the filters of a list as they stand in its address.
type Filters struct {
	path   string
	values url.Values
	specs  []FilterSpec
	r      *http.Request
	views  []account.View
	long   bool            // what was asked is longer than lists search: they search its beginning
	opens  bool            // the bare address shows a view: ?view=all is the list without it
	passed []string        // what the address asks and the list does not know: names, labels
	off    map[string]bool // defaults that the address takes out by being present and empty
}

// ReadFilters reads ?q= and the filters that specs names; a value that is none
// of the options counts as absent, and the bar says so, as of a name that no list here
// knows. The bare address of a list that opens with a saved
// view of the person's becomes that view's, in r as well.
func ReadFilters(r *http.Request, specs ...FilterSpec) *Filters {
	f := &Filters{path: r.URL.Path, values: url.Values{}, specs: specs, r: r, views: viewsOf(r), off: map[string]bool{}}
	for _, v := range f.views {
		if f.opens = f.opens || v.Opens; v.Opens && r.URL.RawQuery == "" {
			r.URL.RawQuery = viewQuery(v)
		}
	}
	q := r.URL.Query()
	for _, name := range []string{"q", "view"} {
		v := strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(q.Get(name), ""), "\x00", ""))
		if utf8.RuneCountInString(v) > longestQuery {
			v, f.long = string([]rune(v)[:longestQuery]), true
		}
		if v != "" {
			f.values.Set(name, v)
		}
	}
	known := []string{"q", "view", "cursor", "format"}
	for _, s := range specs {
		known = append(known, s.Name)
		v := strings.TrimSpace(q.Get(s.Name))
		if !q.Has(s.Name) {
			v = s.Default
		}
		f.off[s.Name] = s.Default != "" && v == ""
		switch {
		case v == "":
		case !s.takes(v):
			f.passed = append(f.passed, cmp.Or(s.Label, s.Name))
		default:
			f.values.Set(s.Name, v)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if !slices.Contains(known, name) {
			f.passed = append(f.passed, name)
		}
	}
	return f
}

// longestQuery is how much of what was typed a list searches, in characters.
const longestQuery = 200

// takes tells whether a filter knows a value.
func (s FilterSpec) takes(v string) bool {
	switch {
	case len(v) > 200:
		return false
	case s.Name == "sort":
		return slices.Contains(s.sorts, strings.TrimPrefix(v, "-"))
	case s.Type == "date":
		_, err := time.Parse(time.DateOnly, v)
		return err == nil
	}
	return len(s.Options) == 0 || optionOf(s, v) != nil
}

func optionOf(s FilterSpec, v string) *ui.Option {
	for i := range s.Options {
		if s.Options[i].Value == v {
			return &s.Options[i]
		}
	}
	return nil
}

// Get gives the value of a filter; "q" is the search field, "sort" the order.
func (f *Filters) Get(name string) string { return f.values.Get(name) }

// Active tells whether anything but the order narrows the list.
func (f *Filters) Active() bool {
	for name := range f.values {
		if name != "sort" && name != "view" {
			return true
		}
	}
	return false
}

// With gives the list's address with one value changed ("" takes it out) and the
// page forgotten.
func (f *Filters) With(name, value string) string {
	v := url.Values{}
	for k := range f.values {
		v.Set(k, f.values.Get(k))
	}
	for name, off := range f.off {
		if off {
			v.Set(name, "") // present and empty: overrules the default
		}
	}
	v.Del(name)
	if value != "" {
		v.Set(name, value)
	} else if f.hasDefault(name) {
		v.Set(name, "")
	}
	if name != "cursor" { // what is changed is the view no more
		v.Del("view")
	}
	if len(v) == 0 {
		return f.bare()
	}
	return f.path + "?" + v.Encode()
}

// bare is the list's address without any filter.
func (f *Filters) bare() string {
	if f.opens {
		return f.path + "?view=" + anyView
	}
	return f.path
}

func (f *Filters) hasDefault(name string) bool {
	for _, s := range f.specs {
		if s.Name == name {
			return s.Default != ""
		}
	}
	return false
}

// Cursor gives the cursor of the page asked for.
func (f *Filters) Cursor() string { return f.r.URL.Query().Get("cursor") }

// Pages makes the paging line: n rows on this page, next is the next cursor.
func (f *Filters) Pages(n int, total int64, next string) *ui.Pagination {
	p := &ui.Pagination{}
	if f.Cursor() != "" {
		p.First = f.With("cursor", "")
	} else {
		p.Total = total
		if n > 0 {
			p.From, p.To = 1, n
		}
	}
	if next != "" {
		p.Next = f.With("cursor", next)
	}
	return p
}

// rowPlace is where a page of a list in memory ended: its last row, and how many came
// before, for a row that has gone meanwhile.
type rowPlace struct {
	Row string `json:"r"`
	N   int    `json:"n"`
}

// Page cuts the part that the address asks for out of a table that holds its whole list:
// size rows behind the last one seen. Faults: Invalid for a cursor that is none of ours.
func (f *Filters) Page(t *ui.Table, size int) (*ui.Pagination, error) {
	all, from := t.Rows, 0
	if f.Cursor() != "" {
		var at rowPlace
		if err := DecodeCursor(f.Cursor(), &at); err != nil {
			return nil, err
		}
		from = slices.IndexFunc(all, func(x ui.Row) bool { return x.Href == at.Row }) + 1
		if from == 0 {
			from = min(max(at.N-1, 0), len(all))
		}
	}
	t.Rows = all[from:min(from+size, len(all))]
	next := ""
	if end := from + len(t.Rows); end < len(all) {
		next = EncodeCursor(rowPlace{t.Rows[len(t.Rows)-1].Href, end})
	}
	return f.Pages(len(t.Rows), int64(len(all)), next), nil
}

// passedMost is how many unknown names a bar repeats.
const passedMost = 5

// Bar makes the filter bar; placeholder is what the search field says, "" for a list that
// searches nothing.
func (f *Filters) Bar(placeholder string, acts ...ui.Button) ui.FilterBar {
	b := ui.FilterBar{Action: f.path, Query: f.Get("q"), Placeholder: placeholder, Acts: acts, Keep: map[string]string{}, Views: f.saved(), Passed: f.passed[:min(len(f.passed), passedMost)]}
	if placeholder == "" && f.Get("q") != "" {
		b.Passed = slices.Concat(b.Passed, []string{"q"})
	}
	if f.long {
		b.Error = T(f.r, "ui.filter.long", "n", longestQuery)
	}
	if v := f.Get("sort"); v != "" {
		b.Keep["sort"] = v
	}
	for _, s := range f.specs {
		v := f.Get(s.Name)
		if s.hidden {
			continue
		}
		field := ui.Field{Name: s.Name, ID: "filter-" + s.Name, Label: s.Label, Value: v, Type: s.Type}
		if len(s.Options) > 0 {
			field.Type = "select"
			field.Options = append([]ui.Option{{Label: "–"}}, s.Options...)
		}
		b.Fields = append(b.Fields, field)
		if v == "" {
			continue
		}
		label := s.Label + ": " + v
		if o := optionOf(s, v); o != nil {
			label = s.Label + ": " + o.Label
		} else if s.Say != nil {
			label = s.Label + ": " + s.Say(v)
		}
		b.Chips = append(b.Chips, ui.Chip{Label: label, Without: f.With(s.Name, "")})
	}
	if f.Active() {
		b.Clear = f.bare()
	}
	return b
}

// SortDefault is Sort for the column that the list is ordered by when nothing is asked;
// order is that order, with its minus.
func (f *Filters) SortDefault(label, order string) ui.Column {
	field := strings.TrimPrefix(order, "-")
	c := f.Sort(label, field)
	if f.Get("sort") != "" {
		return c
	}
	if field == order {
		c.Sorted, c.Sort = "ascending", f.With("sort", "-"+field)
	} else {
		c.Sorted, c.Sort = "descending", f.With("sort", field)
	}
	return c
}

// Sort makes a column that sorts: field is the value of ?sort=, a leading minus
// turns it round.
func (f *Filters) Sort(label, field string) ui.Column {
	c := ui.Column{Label: label, Sort: f.With("sort", field)}
	switch f.Get("sort") {
	case field:
		c.Sorted, c.Sort = "ascending", f.With("sort", "-"+field)
	case "-" + field:
		c.Sorted, c.Sort = "descending", f.With("sort", field)
	}
	return c
}
