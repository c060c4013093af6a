package catalog

import (
	"context"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Row is one entry of a catalogue of any kind: a tag, a cluster, an attribute of a
// template, a relationship, a warning list's value. Data is its upstream JSON, nil
// where the name is all there is.
type Row struct {
	ID          int64 // of a cluster, 0 elsewhere
	Own         bool  // a cluster that was made here, or came from a peer
	Name        string
	Tag         string // that may be attached, "" where none stands for it
	Description string
	Data        json.RawMessage
}

// After is where a page of entries ended. It belongs to one version of the catalogue.
type After struct {
	Version int64
	At      int64 // cluster of a galaxy, position elsewhere
}

// Page gives at most limit entries of a catalogue that is named by key, UUID or
// name; next is zero on the last page. Everybody with an account may read. Faults:
// NotFound; Conflict when the catalogue was replaced since the page before.
func (s *Service) Page(ctx context.Context, who ident.Actor, kind, ref string, after After, limit int) (it Item, out []Row, next After, err error) {
	it, body, err := s.Get(ctx, who, kind, ref)
	if err != nil {
		return it, nil, next, err
	}
	if after != (After{}) && after.Version != it.Version {
		return it, nil, next, fault.New(fault.Conflict, "%s %s was replaced meanwhile", kind, it.Key).WithKey("fault.conflict")
	}
	next.Version = it.Version
	if kind == Galaxy {
		out, next.At, err = s.clusterRows(ctx, who, it.ID, after.At, limit)
	} else {
		var all []Row
		all, err = rows(kind, body)
		from := min(max(after.At, 0), int64(len(all)))
		to := min(from+int64(limit), int64(len(all)))
		if out = all[from:to]; to < int64(len(all)) {
			next.At = to
		}
	}
	if next.At == 0 {
		next = After{}
	}
	return it, out, next, err
}

// Search gives at most limit entries of a catalogue whose name, tag or description
// holds the text, in any case and either script; clusters by their other names
// too. Everybody with an account may read. Faults: NotFound.
func (s *Service) Search(ctx context.Context, who ident.Actor, kind, ref, text string, limit int) (it Item, out []Row, err error) {
	it, body, err := s.Get(ctx, who, kind, ref)
	if err != nil {
		return it, nil, err
	}
	want := i18n.Fold(text)
	if kind == Galaxy {
		err = s.ClustersWhere(ctx, who, ClusterFilter{Galaxy: it.ID, Text: text}, func(c Cluster) error {
			if out = append(out, clusterRow(c)); len(out) >= limit {
				return io.EOF
			}
			return nil
		})
		if err == io.EOF {
			err = nil
		}
		return it, out, err
	}
	all, err := rows(kind, body)
	for _, r := range all {
		if len(out) < limit && strings.Contains(i18n.Fold(r.Name+"\n"+r.Description), want) {
			out = append(out, r)
		}
	}
	return it, out, err
}

func clusterRow(c Cluster) Row {
	return Row{ID: c.ID, Name: c.Value, Tag: c.Tag(), Description: openBody(c.Body).Description, Data: c.Body, Own: c.Own != nil}
}

func (s *Service) clusterRows(ctx context.Context, who ident.Actor, galaxy, after int64, limit int) (out []Row, next int64, err error) {
	var list []Cluster
	err = s.db.View(ctx, func(tx *store.Tx) error {
		list, err = listClusters(ctx, tx, who, galaxy, after, limit+1)
		return err
	})
	if len(list) > limit {
		list = list[:limit]
		next = list[limit-1].ID
	}
	for _, c := range list {
		out = append(out, clusterRow(c))
	}
	return out, next, err
}

// rows takes a catalogue's entries out of its upstream JSON, in a fixed order.
func rows(kind string, body []byte) (out []Row, err error) {
	switch kind {
	case Taxonomy:
		var m machinetag
		if err = json.Unmarshal(body, &m); err != nil {
			return nil, err
		}
		for _, e := range m.entries() {
			data, err := json.Marshal(map[string]any{"expanded": e.Expanded, "colour": e.Colour, "numerical_value": e.Numerical, "exclusive": e.Exclusive})
			if err != nil {
				return nil, err
			}
			out = append(out, Row{Name: e.Tag, Tag: e.Tag, Description: either(e.Description, e.Expanded), Data: data})
		}
	case WarningList:
		var f struct {
			List []any `json:"list"`
		}
		err = json.Unmarshal(body, &f)
		for _, v := range f.List {
			if text, ok := v.(string); ok && strings.TrimSpace(text) != "" {
				out = append(out, Row{Name: strings.TrimSpace(text)})
			}
		}
	case Template:
		var f struct {
			Attributes map[string]json.RawMessage `json:"attributes"`
		}
		err = json.Unmarshal(body, &f)
		for _, name := range slices.Sorted(maps.Keys(f.Attributes)) {
			out = append(out, described(name, f.Attributes[name]))
		}
	case Relationships:
		var f struct {
			Values []json.RawMessage `json:"values"`
		}
		err = json.Unmarshal(body, &f)
		for _, v := range f.Values {
			out = append(out, described("", v))
		}
	case NoticeList:
		var f noticeFile
		err = json.Unmarshal(body, &f)
		for _, e := range f.Notice {
			out = append(out, e.row())
		}
	case Model:
		out = []Row{described("", body)}
	}
	return out, err
}

// described reads what an upstream object says of itself.
func described(name string, data json.RawMessage) Row {
	var d struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	}
	_ = json.Unmarshal(data, &d)
	return Row{Name: either(name, d.Name), Description: d.Description, Data: data}
}
