package catalogapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"straza/internal/catalog"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
)

// item is a catalogue as machines read it.
type item struct {
	Kind        string   `json:"kind"`
	Key         string   `json:"key"`
	ID          *string  `json:"id"` // its upstream UUID
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Class       *string  `json:"class"` // galaxy: namespace; template: meta-category; warning list: how it is matched
	Version     int64    `json:"version"`
	Enabled     bool     `json:"enabled"`
	Builtin     bool     `json:"builtin"`
	Entries     int64    `json:"entries"`
	Types       []string `json:"types"` // warning list: attribute types it is meant for
	Updated     string   `json:"updated"`
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func itemOf(it catalog.Item) item {
	return item{Kind: it.Kind, Key: it.Key, ID: orNull(it.UUID), Name: it.Name, Description: it.Description, Class: orNull(it.Class), Version: it.Version,
		Enabled: it.Enabled, Builtin: it.Builtin, Entries: it.Entries, Types: append([]string{}, it.Types...),
		Updated: clock.FromMicros(it.Changed).Format(time.RFC3339Nano)}
}

// place is where a page of the list ended.
type place struct {
	Kind string `json:"k"`
	Name string `json:"n"`
	ID   int64  `json:"i"`
}

// wanted reads the list's filters into a test.
func wanted(r *http.Request) (kinds []string, passes func(catalog.Item) bool, err error) {
	q := r.URL.Query()
	if k := q.Get("kind"); k != "" {
		if !slices.Contains(catalog.Kinds(), k) {
			return nil, nil, fault.Field("kind", "web.error.choice", "kind is one of %v", catalog.Kinds())
		}
		kinds = []string{k}
	}
	var since int64
	if v := q.Get("updated_since"); v != "" {
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			return nil, nil, fault.Field("updated_since", "web.error.date", "updated_since is a time of RFC 3339")
		}
		since = clock.Micros(t)
	}
	var enabled *bool
	if v := q.Get("enabled"); v != "" {
		b, err := strconv.ParseBool(v)
		if err != nil {
			return nil, nil, fault.Field("enabled", "web.error.choice", "enabled is true or false")
		}
		enabled = &b
	}
	text := i18n.Fold(q.Get("q"))
	return kinds, func(it catalog.Item) bool {
		return it.Changed >= since && (enabled == nil || it.Enabled == *enabled) &&
			(text == "" || strings.Contains(i18n.Fold(it.Name+" "+it.Description), text))
	}, nil
}

// list pages over the catalogues, some hundreds at most, by kind and name.
func (a *api) list(w http.ResponseWriter, r *http.Request) error {
	kinds, passes, err := wanted(r)
	if err != nil {
		return err
	}
	n, err := web.PageSize(r, 50, 500)
	if err != nil {
		return err
	}
	var at place
	if err := web.DecodeCursor(r.URL.Query().Get("cursor"), &at); err != nil {
		return err
	}
	all, err := a.s.List(r.Context(), web.Actor(r), kinds...)
	if err != nil {
		return err
	}
	behind := func(it catalog.Item) bool {
		a, b := slices.Index(catalog.Kinds(), it.Kind), slices.Index(catalog.Kinds(), at.Kind)
		return a > b || a == b && (it.Name > at.Name || it.Name == at.Name && it.ID > at.ID)
	}
	slices.SortStableFunc(all, func(x, y catalog.Item) int { // a database may sort names otherwise than Go
		if d := slices.Index(catalog.Kinds(), x.Kind) - slices.Index(catalog.Kinds(), y.Kind); d != 0 {
			return d
		}
		return strings.Compare(x.Name, y.Name)
	})
	items, next, last := []item{}, "", place{}
	for _, it := range all {
		if !passes(it) || at.Kind != "" && !behind(it) {
			continue
		}
		if len(items) == n {
			next = web.EncodeCursor(last)
			break
		}
		items, last = append(items, itemOf(it)), place{it.Kind, it.Name, it.ID}
	}
	return web.JSON(w, http.StatusOK, web.NewList(items, next))
}

// entry is one entry of a catalogue of any kind.
type entry struct {
	Name        string          `json:"name"`
	Tag         *string         `json:"tag"`
	Description string          `json:"description"`
	Data        json.RawMessage `json:"data"` // its upstream JSON
}

func (a *api) entries(w http.ResponseWriter, r *http.Request) error {
	n, err := web.PageSize(r, 200, 1000)
	if err != nil {
		return err
	}
	var after catalog.After
	if err := web.DecodeCursor(r.URL.Query().Get("cursor"), &after); err != nil {
		return err
	}
	name := r.PathValue("name")
	if _, err := strconv.ParseInt(name, 10, 64); err == nil { // our numbers name nothing outside
		return fault.New(fault.NotFound, "no catalogue")
	}
	it, rows, next, err := a.s.Page(r.Context(), web.Actor(r), r.PathValue("kind"), name, after, n)
	if err != nil {
		return err
	}
	out := struct {
		Catalog item `json:"catalog"`
		web.List[entry]
	}{itemOf(it), web.NewList(make([]entry, len(rows)), "")}
	for i, x := range rows {
		out.Items[i] = entry{x.Name, orNull(x.Tag), x.Description, x.Data}
	}
	if next != (catalog.After{}) {
		c := web.EncodeCursor(next)
		out.Next = &c
	}
	return web.JSON(w, http.StatusOK, out)
}

// checked is what the warning lists say of one value.
type checked struct {
	Value string `json:"value"`
	Hits  []hit  `json:"hits"`
}

type hit struct {
	Name     string `json:"name"`
	Category string `json:"category"`
	Matched  string `json:"matched"`
}

const checkMost = 1000

func (a *api) check(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Values []string `json:"values"`
		Type   string   `json:"type"`
	}
	if err := web.ReadJSON(r, &in); err != nil {
		return err
	}
	if len(in.Values) == 0 || len(in.Values) > checkMost {
		return fault.Field("values", "web.error.number", "1 to %d values are checked at once", checkMost)
	}
	items := make([]checked, len(in.Values))
	for i, v := range in.Values {
		hits, err := a.s.Hits(r.Context(), web.Actor(r), in.Type, v)
		if err != nil {
			return err
		}
		items[i] = checked{v, []hit{}}
		for _, h := range hits {
			items[i].Hits = append(items[i].Hits, hit{h.Name, h.Category, h.Matched})
		}
	}
	return web.JSON(w, http.StatusOK, web.NewList(items, ""))
}
