package registry

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Export streams what a filter gives as CSV (formula-safe, one header line) or as
// JSON lines of Records, with the details that who may see. The first line of JSON
// says which installation, when, by whom and under which TLP; in CSV, which has no
// place for it, the file's name and the audit line do. The audit line commits
// before the first byte leaves. It is AMBER: contacts are for those who got it.
func (s *Service) Export(ctx context.Context, who ident.Actor, w io.Writer, format string, f Filter) error {
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
	return s.db.ViewLogged(ctx, log, func(tx *store.Tx) error {
		out := &recordWriter{csv: csv.NewWriter(w), json: json.NewEncoder(w), format: format}
		out.json.SetEscapeHTML(false)
		if err := s.head(ctx, tx, who, out); err != nil {
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
		return nil
	})
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

// exportHead is the first line of a JSON export.
type exportHead struct {
	Straza string    `json:"straza"`
	From   string    `json:"installation"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	TLP    string    `json:"tlp"`
}

func (s *Service) head(ctx context.Context, tx *store.Tx, who ident.Actor, out *recordWriter) error {
	if out.format == CSV {
		head := make([]string, len(columns))
		for i, c := range columns {
			head[i] = c.name
		}
		return out.csv.Write(head)
	}
	host, err := s.HostTx(ctx, tx, who)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	now, err := store.Now(ctx, tx)
	if err != nil {
		return err
	}
	return out.json.Encode(exportHead{Straza: "registry", From: host.Name, At: instant(now), By: who.String(), TLP: "TLP:AMBER"})
}

// exportBatch writes a page of organisations with their parts, three more statements
// for the whole page.
func (s *Service) exportBatch(ctx context.Context, tx *store.Tx, out *recordWriter, list []Organisation) error {
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
		if err := out.write(RecordOf(o, Parts{contacts[o.ID], resources[o.ID], assets[o.ID]})); err != nil {
			return err
		}
	}
	return out.flush()
}

// recordWriter writes records in one of the two formats.
type recordWriter struct {
	csv    *csv.Writer
	json   *json.Encoder
	format string
}

func (w *recordWriter) write(r Record) error {
	if w.format == JSON {
		return w.json.Encode(r)
	}
	cells := make([]string, len(columns))
	for i, c := range columns {
		cells[i] = safeCell(c.write(&r))
	}
	return w.csv.Write(cells)
}

func (w *recordWriter) flush() error {
	if w.format != CSV {
		return nil
	}
	w.csv.Flush()
	return w.csv.Error()
}
