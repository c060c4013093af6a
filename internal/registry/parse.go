package registry

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"straza/internal/craft/export"
	"straza/internal/kernel/fault"
)

// Limits of an import file.
const (
	MaxImportBytes = 32 << 20
	MaxImportRows  = 20000
	maxCell        = 16 << 10
)

// Formats of import and export.
const (
	CSV  = "csv"
	JSON = "json" // an array of records, or one record a line
)

// row is one record of a file and the line it began at.
type row struct {
	line int
	rec  Record
	err  error // what is wrong with this row alone; the rest can be read on
}

// parse reads a file record by record, never whole. Errors end the sequence;
// row errors do not. Faults: Invalid on "file", Limited when it is too large.
func parse(format string, r io.Reader) iter.Seq2[row, error] {
	capped := &capReader{r: r, left: MaxImportBytes}
	switch format {
	case CSV:
		return parseCSV(capped)
	case JSON:
		return parseJSON(capped)
	}
	return func(yield func(row, error) bool) {
		yield(row{}, fault.Field("format", "registry.fault.format", "unknown format %q: use csv or json", format))
	}
}

// capReader fails, instead of ending, where a file is larger than allowed.
type capReader struct {
	r    io.Reader
	left int64
}

func (c *capReader) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, fault.New(fault.Limited, "the file is larger than %d bytes", int64(MaxImportBytes)).WithKey("registry.fault.file-large")
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// maxRecord bounds one record: the parser gathers it whole, so that a quote nobody
// closes, or a line of nothing but commas, would fill the memory with the file.
const maxRecord = 256 << 10

type recordReader struct {
	r    io.Reader
	left int // of the record that is being read; set anew for each
}

func (c *recordReader) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, fault.Field("file", "registry.fault.file-csv", "a record of more than %d bytes", maxRecord)
	}
	n, err := c.r.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

func badFile(key, why string, err error) error {
	if f := fault.Of(err); f != nil {
		return err
	}
	return fault.Field("file", key, "%s", why).Because(err)
}

// parseCSV reads RFC 4180 with a header of our column names, in any order; comma
// or semicolon (as spreadsheets here write it), a byte order mark is skipped.
func parseCSV(r io.Reader) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		in := bufio.NewReaderSize(r, 64<<10)
		if mark, _ := in.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
			_, _ = in.Discard(3)
		}
		first, _ := in.Peek(4096)
		head, _, _ := bytes.Cut(first, []byte("\n"))
		lines := &recordReader{r: in, left: maxRecord}
		rd := csv.NewReader(lines)
		rd.ReuseRecord, rd.FieldsPerRecord = true, -1
		if bytes.Count(head, []byte(";")) > bytes.Count(head, []byte(",")) {
			rd.Comma = ';'
		}
		header, err := rd.Read()
		if err != nil {
			yield(row{}, badFile("registry.fault.file-csv", "the file has no header line", err))
			return
		}
		cols, err := headerColumns(header)
		if err != nil {
			yield(row{}, err)
			return
		}
		for {
			lines.left = maxRecord
			cells, err := rd.Read()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(row{}, badFile("registry.fault.file-csv", "the file is no CSV", err))
				return
			}
			line, _ := rd.FieldPos(0)
			if !yield(csvRow(line, cols, cells), nil) {
				return
			}
		}
	}
}

func headerColumns(header []string) ([]*column, error) {
	cols := make([]*column, len(header))
	for i, name := range header {
		name = strings.ToLower(strings.TrimSpace(name))
		if slices.Contains(export.Columns, name) { // of an export of ours: where it came from
			cols[i] = &column{name: name}
			continue
		}
		at := slices.IndexFunc(columns, func(c column) bool { return c.name == name })
		if at < 0 {
			return nil, fault.Field("file", "registry.fault.file-column", "unknown column %d", i+1)
		}
		if cols[i] = &columns[at]; slices.Index(cols, cols[i]) != i {
			return nil, fault.Field("file", "registry.fault.file-column", "column %d is there twice", i+1)
		}
	}
	if !slices.ContainsFunc(cols, func(c *column) bool { return c.name == "name" }) {
		return nil, fault.Field("file", "registry.fault.file-column", "there is no column name")
	}
	return cols, nil
}

func csvRow(line int, cols []*column, cells []string) row {
	out := row{line: line}
	if len(cells) != len(cols) {
		out.err = fault.Field("", "registry.fault.row-cells", "%d cells, %d columns", len(cells), len(cols))
		return out
	}
	for i, c := range cols {
		v := strings.TrimSpace(plainCell(cells[i]))
		switch {
		case !utf8.ValidString(v):
			out.err = fault.Field(c.name, "registry.fault.encoding", "not UTF-8")
		case len(v) > maxCell:
			out.err = fault.Field(c.name, "registry.fault.too-long", "cell of %d bytes", len(v))
		case c.read != nil && v != "":
			c.read(&out.rec, strings.Clone(v)) // the reader uses its buffer again
		}
	}
	return out
}

// parseJSON reads an array of records, or records one after the other; line is the
// record's number.
func parseJSON(r io.Reader) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		in := bufio.NewReader(r)
		array := opensArray(in)
		dec := json.NewDecoder(in)
		dec.DisallowUnknownFields()
		if array {
			if _, err := dec.Token(); err != nil {
				yield(row{}, badFile("registry.fault.file-json", "the file is no JSON", err))
				return
			}
		}
		for n := 1; ; n++ {
			if array && !dec.More() {
				if _, err := dec.Token(); err != nil {
					yield(row{}, badFile("registry.fault.file-json", "the array does not end", err))
				}
				return
			}
			var v struct {
				Record
				fileHead
			}
			err := dec.Decode(&v)
			if errors.Is(err, io.EOF) && !array {
				return
			}
			if err != nil {
				yield(row{}, badFile("registry.fault.file-json", fmt.Sprintf("record %d is no record of ours", n), err))
				return
			}
			if v.Straza != "" { // the first line of an export of ours
				continue
			}
			if !yield(row{line: n, rec: v.Record}, nil) {
				return
			}
		}
	}
}

// opensArray skips white space and a byte order mark and tells whether '[' follows.
func opensArray(in *bufio.Reader) bool {
	for {
		b, err := in.ReadByte()
		if err != nil {
			return false
		}
		if !strings.ContainsRune(" \t\r\n", rune(b)) && b != 0xef && b != 0xbb && b != 0xbf {
			_ = in.UnreadByte()
			return b == '['
		}
	}
}
