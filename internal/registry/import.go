package registry

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"

	"straza/internal/kernel/access"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// ImportOptions says how a file is read.
type ImportOptions struct {
	Format string // csv or json
	DryRun bool   // say what would happen, write nothing
}

// ImportResult says what happened, or with DryRun or Errors would have happened:
// an import with an error anywhere writes nothing at all.
type ImportResult struct {
	DryRun    bool          `json:"dry_run"`
	Read      int           `json:"read"`
	Created   int           `json:"created"`
	Updated   int           `json:"updated"`
	Unchanged int           `json:"unchanged"`
	Refused   int           `json:"refused"` // rows with an error
	Errors    []ImportError `json:"errors"`  // the first maxErrors of them
	Preview   []ImportRow   `json:"-"`       // the first maxPreview rows, for the page
}

// ImportError is what is wrong with one row. Reason is a message key.
type ImportError struct {
	Line   int    `json:"line"` // of the CSV file; of JSON the record's number
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

// ImportRow is one row of the preview.
type ImportRow struct {
	Line int
	Name string
	Act  string // create, update, unchanged
}

const (
	maxErrors  = 1000
	maxPreview = 100
)

// errRollBack ends a transaction that must leave nothing.
var errRollBack = errors.New("registry: dry run")

// Import enters organisations from a file. A row names an existing organisation by
// its UUID, else by its registration number, else by its name; then what the row
// says is written over it and its contacts and resources are added. All rows or
// none, in one transaction of the bulk lane; hence at most MaxImportRows. Running
// it again changes nothing. Needs registry.write. Faults: Invalid on "file" when
// it cannot be read at all; errors of rows are in the result, not in err.
func (s *Service) Import(ctx context.Context, who ident.Actor, r io.Reader, opt ImportOptions) (ImportResult, error) {
	res := ImportResult{DryRun: opt.DryRun, Errors: []ImportError{}}
	if err := access.Check(who, "registry.write"); err != nil {
		return res, err
	}
	rows, err := s.readRows(opt.Format, r, &res)
	if err != nil {
		return res, err
	}
	// Update may run the function again: counts begin anew each time.
	start := res
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		res = start
		res.Errors = slices.Clone(start.Errors)
		m := &importer{s: s, tx: tx, who: who, res: &res, seen: map[int64]int{}}
		for _, row := range rows {
			if err := m.row(ctx, row); err != nil {
				return err
			}
		}
		if opt.DryRun || len(res.Errors) > 0 {
			return errRollBack
		}
		detail := map[string]int{"read": res.Read, "created": res.Created, "updated": res.Updated}
		return s.audit.Record(ctx, tx, who, "registry.import", audited, detail)
	}, store.InLane(store.Bulk))
	switch {
	case errors.Is(err, errRollBack):
		err = nil
	case err == nil && res.Created >= manyRows:
		err = s.db.Analyze(ctx, "registry_organisation", "registry_word", "registry_contact", "registry_resource")
	}
	return res, err
}

// manyRows new organisations change what the planner must know of the tables.
const manyRows = 1000

// readRows parses and checks every row without the database. What is kept is
// bounded by the file's cap.
func (s *Service) readRows(format string, r io.Reader, res *ImportResult) ([]row, error) {
	var rows []row
	for x, err := range parse(format, r) {
		if err != nil {
			return nil, err
		}
		if res.Read++; res.Read > MaxImportRows {
			return nil, fault.New(fault.Limited, "more than %d rows", MaxImportRows).WithKey("registry.fault.file-rows")
		}
		if x.err == nil {
			x.err = s.checkRow(&x.rec)
		}
		if x.err != nil {
			res.refuse(x.line, x.err)
			continue
		}
		rows = append(rows, x)
	}
	return rows, nil
}

// checkRow holds a row against the rules that need no database. Kind and other
// fields with a default may be blank.
func (s *Service) checkRow(rec *Record) error {
	o := rec.Draft().organisation()
	if err := s.pack().check(&o); err != nil {
		return err
	}
	if rec.ID != "" {
		if _, ok := store.ParseUUID(rec.ID); !ok {
			return fault.Field("id", "registry.fault.uuid", "no UUID")
		}
	}
	for _, x := range rec.Resources {
		if _, err := ParseResource(x.Kind, x.Value); err != nil {
			return prefixed(err, "resources")
		}
	}
	for i := range rec.Contacts {
		in := rec.Contacts[i].Input()
		if in.Kind == "" {
			in.Kind = "responsible"
		}
		if err := s.pack().checkContact(&in); err != nil {
			return prefixed(err, "contact")
		}
		c := &rec.Contacts[i]
		c.Kind, c.Name, c.Job, c.Phone, c.Email, c.Hours = in.Kind, in.Name, in.Job, in.Phone, in.Email, in.Hours
	}
	return nil
}

// prefixed names the part whose fields are wrong.
func prefixed(err error, part string) error {
	f := fault.Of(err)
	out := map[string]string{}
	for k, v := range f.Fields {
		out[part+"."+k] = v
	}
	return &fault.Error{Kind: f.Kind, Fields: out, Detail: f.Detail}
}

// refuse notes what is wrong with a row, field by field in a fixed order.
func (r *ImportResult) refuse(line int, err error) {
	r.Refused++
	f := fault.Of(err)
	if f == nil || len(f.Fields) == 0 {
		key := "fault.internal"
		if f != nil && f.Key != "" {
			key = f.Key
		}
		r.Errors = append(r.Errors, ImportError{Line: line, Reason: key})
	} else {
		for _, name := range slices.Sorted(maps.Keys(f.Fields)) {
			r.Errors = append(r.Errors, ImportError{Line: line, Field: name, Reason: f.Fields[name]})
		}
	}
	r.Errors = r.Errors[:min(len(r.Errors), maxErrors)]
}
