package intelmisp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"straza/internal/catalog"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

const upstream = "../../../../shared/data"

// recordedLists gives a world the catalogues that the recorded server had, as far
// as its own answers tell: the galaxies, warning lists and one taxonomy by their
// heads; clusters from the upstream files, those alone that answers name.
func (r *replay) recordedLists(t *testing.T, all []recording) {
	t.Helper()
	by := map[string]any{}
	for _, rec := range all {
		var v any
		if json.Unmarshal(rec.Answer, &v) == nil {
			by[rec.Name] = v
		}
	}
	// The lists and models that are built in here were not there.
	r.Must(r.DB.Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(t.Context(), "DELETE FROM catalog_item WHERE kind IN ($1, $2)", catalog.WarningList, catalog.Model)
		return err
	}))
	var files []json.RawMessage
	add := func(v any) {
		b, err := json.Marshal(v)
		r.Must(err)
		files = append(files, b)
	}
	for _, e := range by["galaxy.index"].([]any) {
		g := e.(map[string]any)["Galaxy"].(map[string]any)
		delete(g, "id")
		add(g)
	}
	for _, c := range r.recordedClusters(t) {
		add(c)
	}
	for _, e := range slices.Backward(by["warninglist.index"].(map[string]any)["Warninglists"].([]any)) {
		add(recordedList(e.(map[string]any)["Warninglist"].(map[string]any)))
	}
	add(recordedTaxonomy(by["taxonomy.view.namespace"].(map[string]any)))
	for _, b := range files {
		rep, err := r.books.Import(t.Context(), ident.SystemPart("importer"), oneFile(string(b)))
		r.Must(err)
		if rep.Files != 1 || len(rep.Refused) > 0 {
			t.Fatalf("the recorded server's catalogue %.80s: %+v", b, rep)
		}
	}
	r.recordedState(t, by)
}

// recordedClusters are the upstream cluster files that the answers name, cut down
// to the galaxy listed whole and to what points at its cluster that is viewed.
func (r *replay) recordedClusters(t *testing.T) (out []map[string]any) {
	const viewed = "ad1a6df6-2251-5e47-a245-8693c1ace8fb"
	names, err := filepath.Glob(filepath.Join(upstream, "misp-galaxy/clusters/*.json"))
	r.Must(err)
	for _, name := range names {
		b, err := os.ReadFile(name)
		r.Must(err)
		if !bytes.Contains(b, []byte(viewed)) && !strings.HasSuffix(name, "/tool.json") {
			continue
		}
		var f map[string]any
		r.Must(json.Unmarshal(b, &f))
		if values := f["values"].([]any); !strings.HasSuffix(name, "/360net.json") {
			kept := []any{}
			for _, v := range values {
				if raw, _ := json.Marshal(v); bytes.Contains(raw, []byte(viewed)) {
					kept = append(kept, v)
				}
			}
			f["values"] = kept
		}
		out = append(out, f)
	}
	if len(out) < 4 {
		t.Fatalf("%d cluster files name %s", len(out), viewed)
	}
	return out
}

func recordedList(h map[string]any) map[string]any {
	var n int
	_, _ = fmt.Sscan(h["warninglist_entry_count"].(string), &n)
	entries := make([]string, n)
	for i := range entries {
		entries[i] = fmt.Sprintf("entry-%d.invalid", i)
		if h["type"] == "cidr" {
			entries[i] = fmt.Sprintf("fd00:0:%x:%x::/64", i>>12, i&0xfff)
		}
	}
	if h["name"] == "List of known IPv4 public DNS resolvers" {
		entries[0], entries[1] = "8.8.8.8", "1.1.1.1"
	}
	return map[string]any{"name": h["name"], "type": h["type"], "description": h["description"], "version": h["version"], "category": h["category"],
		"matching_attributes": strings.Split(h["valid_attributes"].(string), ", "), "list": entries}
}

func recordedTaxonomy(v map[string]any) map[string]any {
	h := v["Taxonomy"].(map[string]any)
	out := map[string]any{"namespace": h["namespace"], "description": h["description"], "version": h["version"], "exclusive": h["exclusive"]}
	var predicates []any
	for _, e := range v["entries"].([]any) {
		p := maps.Clone(e.(map[string]any))
		_, p["value"], _ = strings.Cut(p["tag"].(string), ":")
		delete(p, "existing_tag")
		predicates = append(predicates, p)
	}
	out["predicates"] = predicates
	return out
}

// recordedState switches what was off there, and teaches the ids.
func (r *replay) recordedState(t *testing.T, by map[string]any) {
	importer := ident.SystemPart("importer")
	items, err := r.books.List(t.Context(), importer)
	r.Must(err)
	on := map[string]bool{"List of known IPv4 public DNS resolvers": true}
	for _, it := range items {
		if it.Kind == catalog.WarningList || it.Kind == catalog.Taxonomy {
			_, err := r.books.Enable(t.Context(), importer, it.Kind, itoa(it.ID), on[it.Name])
			r.Must(err)
		}
	}
	r.learn("taxonomy", "141", itoa(r.item(items, catalog.Taxonomy, "tlp").ID))
	r.learn("galaxy", "1", itoa(r.item(items, catalog.Galaxy, "360net-threat-actor").ID))
	r.learn("galaxy", "95", itoa(r.item(items, catalog.Galaxy, "tool").ID))
	n := 0
	r.Must(r.books.Clusters(t.Context(), importer, "360net-threat-actor", func(c catalog.Cluster) error {
		n++
		r.learn("cluster", fmt.Sprint(n), itoa(c.ID))
		return nil
	}))
}

func (r *replay) item(items []catalog.Item, kind, key string) catalog.Item {
	r.T.Helper()
	i := slices.IndexFunc(items, func(it catalog.Item) bool { return it.Kind == kind && it.Key == key })
	if i < 0 {
		r.T.Fatalf("no %s %s", kind, key)
	}
	return items[i]
}

// oneFile is an import of one JSON text.
func oneFile(text string) catalog.Files {
	return func(yield func(catalog.File, error) bool) {
		yield(catalog.File{Name: "x.json", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}, nil)
	}
}
