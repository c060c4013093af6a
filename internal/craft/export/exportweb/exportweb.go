// Package exportweb sends stamped files to browsers and machines, and is the button
// that asks for them.
package exportweb

import (
	"bufio"
	"net/http"
	"time"

	"straza/internal/craft/export"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Stamp says where what leaves with this request comes from.
func Stamp(r *http.Request, x export.Extent) export.Stamp {
	return export.Stamp{Installation: web.Installation(r), Origin: web.Origin(r), At: web.Now(r), By: export.By(web.Actor(r)), Extent: x}
}

// Head writes the headers of a stamped file; name is without extension.
func Head(w http.ResponseWriter, s export.Stamp, name, ext, media string) {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Straza-Export", s.Header())
	web.Download(w, s.File(name, ext))
}

// File is an answer that is a file: what fails before its first byte is answered as a
// page, what fails after it breaks the connection. Half a file must not look whole.
type File struct {
	w    http.ResponseWriter
	r    *http.Request
	buf  *bufio.Writer
	sent bool
}

// New begins nothing yet: the headers follow when the extent is known.
func New(w http.ResponseWriter, r *http.Request) *File {
	f := &File{w: w, r: r}
	f.buf = bufio.NewWriterSize(f, 32<<10)
	return f
}

// stalled is how long a receiver may take nothing at all: rows are read within a
// snapshot, which nobody may hold by not reading on.
var stalled = time.Minute

// Write sends bytes; rooms write to Table or List.
func (f *File) Write(b []byte) (int, error) {
	f.sent = true
	f.patience(time.Now().Add(stalled))
	return f.w.Write(b)
}

// patience says until when the receiver must have taken what is sent; not every
// connection can be told.
func (f *File) patience(until time.Time) {
	_ = http.NewResponseController(f.w).SetWriteDeadline(until)
}

// Begin writes the headers and gives the stamp, for a format that is neither of the two
// below; it is written to Buffer.
func (f *File) Begin(x export.Extent, name, ext, media string) export.Stamp {
	s := Stamp(f.r, x)
	Head(f.w, s, name, ext, media)
	return s
}

// Table begins a CSV.
func (f *File) Table(x export.Extent, name string, header ...string) *export.Table {
	return export.NewTable(f.buf, f.Begin(x, name, "csv", "text/csv; charset=utf-8; header=present"), header...)
}

// List begins a JSON list.
func (f *File) List(x export.Extent, name string) *export.List {
	return export.NewList(f.buf, f.Begin(x, name, "json", "application/json"))
}

// Buffer is what a file of Begin is written to.
func (f *File) Buffer() *bufio.Writer { return f.buf }

// End sends what is left. It gives the error, when it can still be answered.
func (f *File) End(err error) error {
	if err == nil {
		err = f.buf.Flush()
	}
	if err == nil {
		f.patience(time.Time{}) // the connection goes on
		return nil
	}
	if f.sent {
		web.Broken(err)
	}
	for _, h := range []string{"Content-Disposition", "Straza-Export"} {
		f.w.Header().Del(h)
	}
	return err
}

// Offer is the button that asks for the file and says how many rows the list finds; none
// for a list without rows. more = there are beyond n, n < 0 = nobody counted.
func Offer(r *http.Request, href string, n int64, more bool) []ui.Button {
	if n == 0 {
		return nil
	}
	b := ui.Button{Label: web.T(r, "ui.export"), Icon: "download", Href: href, Variant: "tertiary"}
	switch {
	case n < 0:
	case more:
		b.Label = web.T(r, "ui.export.more", "n", n)
	default:
		b.Label = web.T(r, "ui.export.n", "n", n)
	}
	return []ui.Button{b}
}
