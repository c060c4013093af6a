package web

import (
	"encoding/csv"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"straza/internal/kernel/fault"
)

// CSV writes a table as RFC 4180, UTF-8, with a header, streamed. Cells that a
// spreadsheet would run as a formula get an apostrophe before them.
type CSV struct{ w *csv.Writer }

// NewCSV begins the answer; name is the file's name without extension.
func NewCSV(w http.ResponseWriter, name string, header ...string) *CSV {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	Download(w, name+".csv")
	c := &CSV{csv.NewWriter(w)}
	c.w.UseCRLF = true
	_ = c.w.Write(header) // the error stays in the writer until Close
	return c
}

// Row writes one line.
func (c *CSV) Row(cells ...string) error {
	safe := make([]string, len(cells))
	for i, s := range cells {
		safe[i] = SafeCell(s)
	}
	return c.w.Write(safe)
}

// Close ends the table and gives the first error of writing.
func (c *CSV) Close() error { c.w.Flush(); return c.w.Error() }

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

// Download makes the browser save the answer under a name instead of showing it.
func Download(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
}

// SendFile sends a file that came from outside: never inline and never by its own
// type, always a download that no cache keeps. It closes body. A file that breaks in
// the middle breaks the connection: half a file must not look whole.
func SendFile(w http.ResponseWriter, name string, body io.ReadCloser) error {
	defer body.Close()
	if name == "" {
		name = "file"
	}
	first := make([]byte, 32<<10)
	n, err := io.ReadFull(body, first) // what does not open at all is still an answer of its own
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "private, no-store")
	Download(w, name)
	if _, err = w.Write(first[:n]); err == nil {
		_, err = io.Copy(w, body)
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
