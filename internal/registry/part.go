package registry

import (
	"context"
	"io"
	"iter"
	"strconv"
	"strings"
	"time"

	"straza/internal/craft/export"
	"straza/internal/format/tlp"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// States of a resource or an asset in a filter; "" is what is in use.
const (
	StateWithdrawn = "withdrawn"
	StateAll       = "all"
)

// PartFilter narrows a list of resources or assets; zero fields do not.
type PartFilter struct {
	Query string // part of the value, name, product or note, in either script
	Kind  string
	State string
}

// everything is the page of who wants the list whole.
var everything = Page{Limit: -1}

func (f PartFilter) check(kind func(string) string) error {
	var c fault.Collector
	if f.Kind != "" {
		if key := kind(f.Kind); key != "" {
			c.Add("kind", key)
		}
	}
	c.Require(f.State == "" || f.State == StateWithdrawn || f.State == StateAll, "state", "registry.fault.state")
	return c.Err("filter of parts")
}

// kept is what resources and assets have in common for lists and files.
type kept interface {
	uuid() string
	kind() string
	text() string // what a search looks through
}

func (r Resource) uuid() string { return r.UUID }
func (r Resource) kind() string { return r.Kind }
func (r Resource) text() string { return r.Value + " " + DomainText(r.Value) + " " + r.Note }

func (a Asset) uuid() string { return a.UUID }
func (a Asset) kind() string { return a.Kind }
func (a Asset) text() string { return a.Name + " " + a.Product + " " + a.Note }

func (f PartFilter) covers(v kept) bool {
	return (f.Kind == "" || f.Kind == v.kind()) && (f.Query == "" || strings.Contains(i18n.Fold(v.text()), i18n.Fold(strings.TrimSpace(f.Query))))
}

// pageOf takes one page out of a walk: what one organisation holds is walked, never
// gathered, and the cursor is the row that the last page ended with. A row that has
// left the list meanwhile makes its cursor Invalid.
func pageOf[T kept](rows iter.Seq2[T, error], f PartFilter, p Page) (list []T, next string, err error) {
	if p.Limit == 0 || p.Limit > 200 {
		p.Limit = 50
	}
	begun := p.Cursor == ""
	for v, err := range rows {
		switch {
		case err != nil:
			return nil, "", err
		case !begun:
			begun = v.uuid() == p.Cursor
		case !f.covers(v):
		case p.Limit > 0 && len(list) == p.Limit:
			return list, list[p.Limit-1].uuid(), nil
		default:
			list = append(list, v)
		}
	}
	if !begun {
		return nil, "", fault.Field("cursor", "registry.fault.cursor", "not a cursor of this list")
	}
	return list, "", nil
}

func notInState(uuid string) *fault.Error {
	return fault.New(fault.Conflict, "part %s is not in a state for this", uuid).WithKey("registry.fault.state-move")
}

func withdraw(at *time.Time, now time.Time, uuid string) error {
	if !at.IsZero() {
		return notInState(uuid)
	}
	*at = now
	return nil
}

func restore(at *time.Time, uuid string) error {
	if at.IsZero() {
		return notInState(uuid)
	}
	*at = time.Time{}
	return nil
}

// details runs a read of an organisation's details for somebody who may see them.
func (s *Service) details(ctx context.Context, who ident.Actor, uuid string, fn func(tx *store.Tx, o Organisation) error) error {
	if err := mayRead(who); err != nil {
		return err
	}
	return s.db.View(ctx, func(tx *store.Tx) error {
		o, err := detailed(ctx, tx, who, uuid)
		if err != nil {
			return err
		}
		return fn(tx, o)
	})
}

// detailed reads an organisation for somebody who may see its details. Faults:
// NotFound; Denied when only the card may be seen.
func detailed(ctx context.Context, tx *store.Tx, who ident.Actor, uuid string) (Organisation, error) {
	o, err := findOrg(ctx, tx, who, uuid)
	if err == nil && !o.Details {
		err = fault.New(fault.Denied, "the details of organisation %d are not open to %s", o.ID, who).WithKey("fault.denied")
	}
	return o, err
}

// ExportResources and ExportAssets stream what a filter gives of one organisation as
// CSV or as JSON lines, stamped as Export stamps. The audit line commits before the first
// byte leaves.
func (s *Service) ExportResources(ctx context.Context, who ident.Actor, uuid string, w io.Writer, format string, f PartFilter, begin func(export.Extent) export.Stamp) error {
	if err := f.check(s.resourceKind); err != nil {
		return err
	}
	return s.exportParts(ctx, who, uuid, format, "resources", func(ctx context.Context, tx *store.Tx, o Organisation) error {
		return writeParts(w, format, "resources", resourceFile, func() iter.Seq2[Resource, error] { return eachResource(ctx, tx, o.ID, f.State) }, f, begin)
	})
}

// ExportAssets is ExportResources for assets.
func (s *Service) ExportAssets(ctx context.Context, who ident.Actor, uuid string, w io.Writer, format string, f PartFilter, begin func(export.Extent) export.Stamp) error {
	if err := f.check(s.assetKind); err != nil {
		return err
	}
	return s.exportParts(ctx, who, uuid, format, "assets", func(ctx context.Context, tx *store.Tx, o Organisation) error {
		return writeParts(w, format, "assets", assetFile, func() iter.Seq2[Asset, error] { return eachAsset(ctx, tx, o.ID, f.State) }, f, begin)
	})
}

func (s *Service) exportParts(ctx context.Context, who ident.Actor, uuid, format, what string, fn func(ctx context.Context, tx *store.Tx, o Organisation) error) (err error) {
	if err := mayRead(who); err != nil {
		return err
	}
	if format != CSV && format != JSON {
		return fault.Field("format", "registry.fault.format", "unknown format %q: use csv or json", format)
	}
	var o Organisation
	log := func(tx *store.Tx) error {
		if o, err = detailed(ctx, tx, who, uuid); err != nil {
			return err
		}
		return s.audit.Record(ctx, tx, who, "registry.export", thing(o), map[string]any{"format": format, "parts": what})
	}
	return s.db.MomentLogged(ctx, log, func(ctx context.Context, tx *store.Tx) error { return fn(ctx, tx, o) })
}

// partFile is how a kind of part is written into a file.
type partFile[T kept] struct {
	head   []string
	cells  func(T) []string
	record func(T) any
}

var resourceFile = partFile[Resource]{
	[]string{"id", "kind", "value", "note", "claimed", "created", "withdrawn"},
	func(r Resource) []string {
		return []string{r.UUID, r.Kind, r.Value, r.Note, strconv.FormatBool(!r.Claimed.IsZero()), stamp(when(r.Created)), stamp(when(r.Withdrawn))}
	},
	func(r Resource) any { return r.Record() },
}

var assetFile = partFile[Asset]{
	[]string{"id", "kind", "name", "product", "criticality", "note", "created", "withdrawn"},
	func(a Asset) []string {
		return []string{a.UUID, a.Kind, a.Name, a.Product, strconv.FormatInt(a.Criticality, 10), a.Note, stamp(when(a.Created)), stamp(when(a.Withdrawn))}
	},
	func(a Asset) any { return a.Record() },
}

// writeParts reads the rows twice, in one snapshot: what the filter covers is counted in
// Go, and a file says first how much it holds.
func writeParts[T kept](w io.Writer, format, what string, file partFile[T], rows func() iter.Seq2[T, error], f PartFilter, begin func(export.Extent) export.Stamp) error {
	covered := func(each func(T) error) error {
		for v, err := range rows() {
			if err == nil && f.covers(v) {
				err = each(v)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	n := int64(0)
	if err := covered(func(T) error { n++; return nil }); err != nil {
		return err
	}
	out, err := newWriter(w, format, what, begin(amber(n)), file.head)
	if err != nil {
		return err
	}
	err = covered(func(v T) error {
		if out.lines != nil {
			return out.lines.Encode(file.record(v))
		}
		return out.table.Row(tlp.Amber, file.cells(v)...)
	})
	if err != nil {
		return err
	}
	return out.close()
}
