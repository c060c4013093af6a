package intelmisp

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"straza/internal/format/bracket"
)

// What a request may cost. An event is read as a stream, so its limit is large;
// other bodies are held in memory.
const (
	eventBytes = 256 << 20
	plainBytes = 16 << 20
	jsonDepth  = 64
)

var errTooLarge = errors.New("the request is too large")

// open gives the request's body, decompressed, cut at limit bytes of plain text.
// Compressed bodies may be as large as plain ones, no larger: that bounds a bomb.
func (c *call) open(limit int64) (io.Reader, error) {
	src := io.Reader(http.MaxBytesReader(c.w, c.r.Body, limit))
	switch strings.ToLower(c.r.Header.Get("Content-Encoding")) {
	case "", "identity":
	case "gzip":
		count := &counted{r: src}
		z, err := gzip.NewReader(count)
		if err != nil {
			return nil, badJSON()
		}
		src = &unfolding{z: z, packed: count}
	default:
		return nil, fail(http.StatusUnsupportedMediaType, "This server reads plain and gzip requests.")
	}
	return &capped{src: src, left: limit}, nil
}

// What a compressed body may unfold to, for each byte of it; the first mebibyte is free.
const (
	unfoldRatio = 100
	unfoldFree  = 1 << 20
)

type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) { n, err := c.r.Read(p); c.n += int64(n); return n, err }

// unfolding fails where a compressed body turns out to be a bomb.
type unfolding struct {
	z      io.Reader
	packed *counted
	plain  int64
}

func (u *unfolding) Read(p []byte) (int, error) {
	n, err := u.z.Read(p)
	if u.plain += int64(n); u.plain > unfoldFree && u.plain > u.packed.n*unfoldRatio {
		return 0, errTooLarge
	}
	return n, err
}

// capped fails instead of ending when there is more than it may give.
type capped struct {
	src  io.Reader
	left int64
}

func (r *capped) Read(p []byte) (int, error) {
	if r.left <= 0 {
		n, err := r.src.Read(p[:min(1, len(p))])
		var large *http.MaxBytesError
		if n > 0 || errors.As(err, &large) {
			return 0, errTooLarge
		}
		return 0, io.EOF
	}
	n, err := r.src.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	return n, err
}

// read takes the whole body, once.
func (c *call) read() ([]byte, error) {
	if c.raw != nil {
		return c.raw, nil
	}
	r, err := c.open(plainBytes)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, readFault(err)
	}
	c.raw = append(bytes.TrimSpace(b), []byte{}...)
	return c.raw, nil
}

func readFault(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large), errors.Is(err, errTooLarge):
		return fail(http.StatusRequestEntityTooLarge, "The request is too large.")
	default:
		return badJSON()
	}
}

// form reads a JSON object into the parameters, over the named ones. {"request":…}
// is unwrapped; a list means no keys. An empty body is none.
func (c *call) form() error {
	b, err := c.read()
	if err != nil || len(b) == 0 {
		return err
	}
	v, err := decode(b)
	if err != nil {
		return badJSON()
	}
	switch v.(type) {
	case string, json.Number, bool:
		return badJSON() // no form, and for a search no filter: it would be told everything
	}
	m, _ := v.(map[string]any)
	if inner, ok := m["request"].(map[string]any); ok {
		m = inner
	}
	for k, v := range m {
		c.params[k] = v
	}
	return nil
}

// decode reads one JSON value, numbers as they are written, nesting bounded.
func decode(b []byte) (any, error) {
	if bracket.Depth(b) > jsonDepth {
		return nil, errors.New("nested too deep")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one value")
	}
	return v, nil
}

// document gives the whole body as a reader, for misp.Read.
func (c *call) document() (*bytes.Reader, error) {
	b, err := c.read()
	if err != nil {
		return nil, err
	}
	if bracket.Depth(b) > jsonDepth {
		return nil, badJSON()
	}
	return bytes.NewReader(b), nil
}
