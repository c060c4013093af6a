package export

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"

	"straza/internal/format/tlp"
	"straza/internal/kernel/fault"
)

// Columns are those that say where a row comes from; they stand last. An import of ours
// passes them over.
var Columns = []string{"export_from", "export_at", "export_by", "export_tlp", "export_rows", "export_held"}

// announced keeps a file to what its stamp says.
type announced struct {
	Stamp
	rows int64
}

// take tells whether a row with a label is written. Faults: Conflict for what is
// stricter than announced; the file then breaks off.
func (a *announced) take(l tlp.Level) (bool, error) {
	if !Leaves(l) {
		return false, nil
	}
	if a.rows++; l > a.TLP || a.rows > a.Rows {
		return false, moved()
	}
	return true, nil
}

func (a *announced) end() error {
	if a.rows != a.Rows {
		return moved()
	}
	return nil
}

func moved() error {
	return fault.New(fault.Conflict, "what is exported changed meanwhile").WithKey("fault.conflict")
}

// Table writes a stamped table as RFC 4180, UTF-8, with a header, streamed. Cells that
// a spreadsheet would run as a formula get an apostrophe before them.
type Table struct {
	w     *csv.Writer
	of    announced
	cells []string // of the stamp
}

// NewTable writes the header line.
func NewTable(w io.Writer, s Stamp, header ...string) *Table {
	t := &Table{w: csv.NewWriter(w), of: announced{Stamp: s}}
	t.cells = []string{SafeCell(s.From()), s.at(), SafeCell(s.By), s.label(), strconv.FormatInt(s.Rows, 10), strconv.FormatInt(s.Held, 10)}
	t.w.UseCRLF = true
	_ = t.w.Write(append(append([]string{}, header...), Columns...)) // the error stays in the writer until Close
	return t
}

// Row writes one line, unless its label holds it back.
func (t *Table) Row(l tlp.Level, cells ...string) error {
	if ok, err := t.of.take(l); !ok {
		return err
	}
	safe := make([]string, 0, len(cells)+len(t.cells))
	for _, s := range cells {
		safe = append(safe, SafeCell(s))
	}
	return t.w.Write(append(safe, t.cells...))
}

// Close ends the table and gives the first error of writing, or that it is not whole.
func (t *Table) Close() error {
	if err := t.of.end(); err != nil {
		return err
	}
	t.w.Flush()
	return t.w.Error()
}

// SafeCell disarms a spreadsheet formula: a cell that begins with = + - @, a tab
// or a line break gets an apostrophe, plain numbers excepted.
func SafeCell(s string) string {
	if fault.Planted("formula-cells") {
		return s
	}
	if s == "" || !strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return s
	}
	if (s[0] == '-' || s[0] == '+') && len(s) > 1 && strings.Trim(s[1:], "0123456789.,") == "" {
		return s
	}
	return "'" + s
}
