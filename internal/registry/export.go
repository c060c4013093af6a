package registry

import (
	"context"
	"encoding/json"
	"io"

	"straza/internal/craft/export"
	"straza/internal/format/tlp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Export streams what a filter gives as CSV (formula-safe, one header line, the stamp in
// the last columns) or as JSON lines of Records with the stamp as the first line, with
// the details that who may see. begin is told how much it will be, in the same snapshot,
// and gives the stamp. The audit line commits before the first byte leaves. It is AMBER:
// contacts are for those who got it.
func (s *Service) Export(ctx context.Context, who ident.Actor, w io.Writer, format string, f Filter, begin func(export.Extent) export.Stamp) error {
	if err := s.checkFilter(who, f); err != nil {
		return err
	}
	if format != CSV && format != JSON {
		return fault.Field("format", "registry.fault.format", "unknown format %q: use csv or json", format)
	}
	f.verify = &s.pack().Verify
	log := func(tx *store.Tx) error {
		return s.audit.Record(ctx, tx, who, "registry.export", audited, map[string]any{"format": format, "filter": f.names()})
	}
	return s.db.MomentLogged(ctx, log, func(ctx context.Context, tx *store.Tx) error {
		q, err := listing(ctx, tx, who, f)
		if err != nil {
			return err
		}
		text, args := q.all()
		n, err := store.Int64(ctx, tx, text, args...)
		if err != nil {
			return err
		}
		out, err := newWriter(w, format, "registry", begin(amber(n)), header(columns))
		if err != nil {
			return err
		}
		for list, err := range batches(ctx, tx, who, f) {
			if err != nil {
				return err
			}
			if err := s.exportBatch(ctx, tx, out, list); err != nil {
				return err
			}
		}
		return out.close()
	})
}

// amber is the extent of what the registry gives out: everything in it is AMBER.
func amber(n int64) (x export.Extent) {
	x.Add(tlp.Amber, n)
	return x
}

func header(cols []column) []string {
	head := make([]string, len(cols))
	for i, c := range cols {
		head[i] = c.name
	}
	return head
}

// names lists which fields of a filter were set, for the audit line.
func (f Filter) names() []string {
	var out []string
	for _, x := range [][2]string{{"query", f.Query}, {"kind", f.Kind}, {"sector", f.Sector}, {"cert", f.CERT},
		{"state", string(f.State)}, {"freshness", string(f.Freshness)}} {
		if x[1] != "" {
			out = append(out, x[0])
		}
	}
	return out
}

// exportBatch writes a page of organisations with their parts, three more statements
// for the whole page.
func (s *Service) exportBatch(ctx context.Context, tx *store.Tx, out *fileWriter, list []Organisation) error {
	var open []int64
	for _, o := range list {
		if o.Details {
			open = append(open, o.ID)
		}
	}
	contacts, err := s.contactsOfAll(ctx, tx, open)
	if err != nil {
		return err
	}
	resources, err := resourcesOfAll(ctx, tx, open)
	if err != nil {
		return err
	}
	assets, err := assetsOfAll(ctx, tx, open)
	if err != nil {
		return err
	}
	for _, o := range list {
		if err := out.organisation(RecordOf(o, Parts{contacts[o.ID], resources[o.ID], assets[o.ID]})); err != nil {
			return err
		}
	}
	return nil
}

// fileWriter writes rows in one of the two formats.
type fileWriter struct {
	table *export.Table // of CSV
	lines *json.Encoder // of JSON
}

// newWriter begins a file: what is its name in the stamp of JSON lines.
func newWriter(w io.Writer, format, what string, s export.Stamp, head []string) (*fileWriter, error) {
	if format == CSV {
		return &fileWriter{table: export.NewTable(w, s, head...)}, nil
	}
	out := &fileWriter{lines: json.NewEncoder(w)}
	out.lines.SetEscapeHTML(false)
	return out, out.lines.Encode(fileHead{what, s.Fields()})
}

// fileHead is the first line of a JSON export; an import passes it over.
type fileHead struct {
	Straza string `json:"straza"`
	export.Fields
}

func (w *fileWriter) organisation(r Record) error {
	if w.lines != nil {
		return w.lines.Encode(r)
	}
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = c.write(&r)
	}
	return w.table.Row(tlp.Amber, cells...)
}

func (w *fileWriter) close() error {
	if w.table == nil {
		return nil
	}
	return w.table.Close()
}
