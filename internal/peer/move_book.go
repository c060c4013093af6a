package peer

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"straza/internal/catalog"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

// taxonomies brings those that are in use there and not here, and switches them on.
func (w *mover) taxonomies(ctx context.Context) (bool, error) {
	var rows []map[string]json.RawMessage
	err := w.r.objects(ctx, "/taxonomies/index.json", "Taxonomy", func(row map[string]json.RawMessage) error {
		if word(row, "enabled") == "1" {
			rows = append(rows, row)
		}
		return nil
	})
	if err != nil {
		return w.skip(err)
	}
	return w.books(ctx, rows, func(c *Counts) *Tally { return &c.Taxonomies }, func(row map[string]json.RawMessage) (kind, key, name string) {
		return catalog.Taxonomy, strings.ToLower(word(row, "namespace")), word(row, "namespace")
	}, w.taxonomy)
}

// galaxies brings those that are not here, with their imported clusters; one's own
// clusters follow behind the events.
func (w *mover) galaxies(ctx context.Context) (bool, error) {
	var rows []map[string]json.RawMessage
	err := w.r.objects(ctx, "/galaxies/index.json", "Galaxy", func(row map[string]json.RawMessage) error { rows = append(rows, row); return nil })
	if err != nil {
		return w.skip(err)
	}
	return w.books(ctx, rows, func(c *Counts) *Tally { return &c.Galaxies }, func(row map[string]json.RawMessage) (kind, key, name string) {
		return catalog.Galaxy, word(row, "type"), word(row, "name")
	}, w.galaxy)
}

// books takes catalogues in, one by one; what is here already stays as it is.
func (w *mover) books(ctx context.Context, rows []map[string]json.RawMessage, tally func(*Counts) *Tally, named func(map[string]json.RawMessage) (kind, key, name string),
	fetch func(ctx context.Context, row map[string]json.RawMessage) ([]any, error)) (bool, error) {
	at, _ := strconv.Atoi(w.run.cursor)
	for ; at < len(rows); at++ {
		if w.late() {
			return false, nil
		}
		kind, key, name := named(rows[at])
		what, reason := "created", ""
		_, _, err := w.s.catalog.Get(ctx, keeper(), kind, key)
		switch {
		case err == nil:
			what = "unchanged"
		case !fault.Is(err, fault.NotFound):
			return false, err
		case w.run.Dry:
			what = "left"
		default:
			if reason, err = w.book(ctx, rows[at], fetch); err != nil {
				return false, err
			}
			if reason != "" {
				what = "refused"
			}
		}
		if kind == catalog.Taxonomy && reason == "" && !w.run.Dry {
			if _, err := w.s.catalog.Enable(ctx, keeper(), kind, key, true); err != nil {
				return false, err
			}
		}
		err = w.step(ctx, strconv.Itoa(at+1), func(_ *store.Tx, c *Counts) error {
			t := tally(c)
			t.Read++
			switch what {
			case "created":
				t.Created++
			case "unchanged":
				t.Unchanged++
			case "left":
				t.Left++
			default:
				t.Refused++
				c.misfit(kind, name, reason)
			}
			return nil
		})
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// book fetches one catalogue and takes it in; the reason says why it did not fit.
func (w *mover) book(ctx context.Context, row map[string]json.RawMessage, fetch func(context.Context, map[string]json.RawMessage) ([]any, error)) (reason string, err error) {
	docs, err := fetch(ctx, row)
	var said *NoAnswer
	if errors.As(err, &said) && said.Status < 500 {
		return reasonGone, nil
	}
	if err != nil {
		return "", err
	}
	rep, err := w.s.catalog.Import(ctx, keeper(), func(yield func(catalog.File, error) bool) {
		for i, d := range docs {
			b, err := json.Marshal(d)
			f := catalog.File{Name: strconv.Itoa(i) + ".json", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), err }}
			if !yield(f, nil) {
				return
			}
		}
	})
	if err == nil && (len(rep.Refused) > 0 || rep.Passed > 0) {
		reason = reasonInvalid
	}
	return reason, err
}

// taxonomy puts a viewed taxonomy into the form in which they are published.
func (w *mover) taxonomy(ctx context.Context, row map[string]json.RawMessage) ([]any, error) {
	type entry struct {
		Value     string `json:"value"`
		Expanded  string `json:"expanded,omitempty"`
		Colour    string `json:"colour,omitempty"`
		Numerical *int64 `json:"numerical_value,omitempty"`
	}
	type values struct {
		Predicate string  `json:"predicate"`
		Entry     []entry `json:"entry"`
	}
	out := struct {
		Namespace   string   `json:"namespace"`
		Description string   `json:"description"`
		Version     int64    `json:"version"`
		Exclusive   bool     `json:"exclusive"`
		Predicates  []entry  `json:"predicates"`
		Values      []values `json:"values,omitempty"`
	}{Namespace: word(row, "namespace"), Description: word(row, "description"), Exclusive: word(row, "exclusive") == "1"}
	out.Version, _ = strconv.ParseInt(word(row, "version"), 10, 64)
	at := map[string]int{}
	err := w.r.objects(ctx, "/taxonomies/view/"+url.PathEscape(word(row, "id"))+".json", "", func(e map[string]json.RawMessage) error {
		_, rest, _ := strings.Cut(word(e, "tag"), ":")
		predicate, value, deep := strings.Cut(rest, "=")
		x := entry{Value: predicate, Expanded: Cut(word(e, "expanded")), Colour: word(e, "colour")}
		if n, err := strconv.ParseInt(word(e, "numerical_value"), 10, 64); err == nil {
			x.Numerical = &n
		}
		k, known := at[predicate]
		if !known {
			k = len(out.Predicates)
			at[predicate] = k
			first := x
			if deep {
				first = entry{Value: predicate, Expanded: predicate}
			}
			out.Predicates, out.Values = append(out.Predicates, first), append(out.Values, values{Predicate: predicate})
		}
		if deep {
			x.Value = strings.Trim(value, `"`)
			out.Values[k].Entry = append(out.Values[k].Entry, x)
		}
		return nil
	})
	out.Values = slices.DeleteFunc(out.Values, func(v values) bool { return len(v.Entry) == 0 })
	return []any{out}, err
}

// galaxy puts a viewed galaxy into the two files in which they are published.
func (w *mover) galaxy(ctx context.Context, row map[string]json.RawMessage) ([]any, error) {
	head := map[string]any{"name": word(row, "name"), "type": word(row, "type"), "uuid": word(row, "uuid"), "icon": cmp.Or(word(row, "icon"), "map"), "namespace": word(row, "namespace"),
		"description": word(row, "description"), "version": json.Number(cmp.Or(word(row, "version"), "1"))}
	values := []any{}
	err := w.r.objects(ctx, "/galaxies/view/"+url.PathEscape(word(row, "id"))+".json", "GalaxyCluster", func(c map[string]json.RawMessage) error {
		if word(c, "default") != "1" {
			return nil // one's own: they come with their versions
		}
		meta := map[string][]string{}
		var elements []map[string]json.RawMessage
		_ = json.Unmarshal(c["GalaxyElement"], &elements) // a list in every version of MISP
		for _, e := range elements {
			meta[word(e, "key")] = append(meta[word(e, "key")], word(e, "value"))
		}
		values = append(values, map[string]any{"value": word(c, "value"), "uuid": word(c, "uuid"), "description": word(c, "description"), "meta": meta})
		return nil
	})
	if err != nil || len(values) == 0 {
		return []any{head}, err
	}
	body := map[string]any{"name": head["name"], "type": head["type"], "uuid": head["uuid"], "description": head["description"], "version": head["version"],
		"source": cmp.Or(word(row, "source"), w.p.URL), "authors": []string{}, "category": "moved", "values": values}
	return []any{head, body}, nil
}
