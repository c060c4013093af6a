package misp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// step is one part of the path: a key, or an index when key is empty.
type step struct {
	key   string
	index int
}

// reader is a pull parser for one JSON document. It keeps only its window of
// the source and the string at hand, so that memory follows the largest string
// and not the document.
type reader struct {
	src      io.Reader
	lim      Limits
	buf      []byte
	pos      int // next byte in buf
	base     int64
	lines    int // line ends before buf
	lineBase int64
	eof      bool
	path     []step
	scratch  []byte
	held     string // key given back by hold
	hasHeld  bool
	first    bool // no comma is due before the next element
	depth    int
	words    map[string]string
}

const window = 64 << 10

func newReader(src io.Reader, lim Limits) *reader {
	return &reader{src: src, lim: lim.withDefaults(), buf: make([]byte, 0, window), words: map[string]string{}}
}

func (r *reader) position() Position {
	p := Position{Offset: r.base + int64(r.pos), Line: r.lines + 1}
	start := r.lineBase
	if i := bytes.LastIndexByte(r.buf[:r.pos], '\n'); i >= 0 {
		p.Line += bytes.Count(r.buf[:r.pos], []byte{'\n'})
		start = r.base + int64(i) + 1
	}
	p.Column = int(p.Offset-start) + 1
	var b strings.Builder
	for _, s := range r.path {
		if s.key == "" {
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.key)
	}
	p.Path = b.String()
	return p
}

func (r *reader) fail(kind ErrorKind, format string, args ...any) error {
	return &Error{Kind: kind, Pos: r.position(), Msg: fmt.Sprintf(format, args...)}
}

// short is the fault of a document that ends too early: who sent it may have broken off.
func (r *reader) short(what string) error {
	e := r.fail(ErrSyntax, "%s", what).(*Error)
	e.Err = io.ErrUnexpectedEOF
	return e
}

// fill makes at least one unread byte available; io.EOF when there is none.
func (r *reader) fill() error {
	if r.pos < len(r.buf) {
		return nil
	}
	if r.eof {
		return io.EOF
	}
	if i := bytes.LastIndexByte(r.buf, '\n'); i >= 0 {
		r.lines += bytes.Count(r.buf, []byte{'\n'})
		r.lineBase = r.base + int64(i) + 1
	}
	r.base += int64(len(r.buf))
	r.buf, r.pos = r.buf[:0], 0
	for range 100 {
		n, err := r.src.Read(r.buf[:cap(r.buf)])
		r.buf = r.buf[:n]
		if r.base+int64(n) > r.lim.Bytes {
			return r.fail(ErrLimit, "document larger than %d bytes", r.lim.Bytes)
		}
		if err == io.EOF {
			r.eof = true
		} else if err != nil {
			e := r.fail(ErrRead, "reading failed").(*Error)
			e.Err = err
			return e
		}
		if n > 0 {
			return nil
		}
		if r.eof {
			return io.EOF
		}
	}
	return r.fail(ErrRead, "source gives no bytes")
}

// peek skips white space and returns the next byte without taking it.
func (r *reader) peek() (byte, error) {
	for {
		for r.pos < len(r.buf) {
			switch c := r.buf[r.pos]; c {
			case ' ', '\t', '\n', '\r':
				r.pos++
			default:
				return c, nil
			}
		}
		if err := r.fill(); err == io.EOF {
			return 0, r.short("unexpected end")
		} else if err != nil {
			return 0, err
		}
	}
}

// end checks that nothing but white space follows.
func (r *reader) end() error {
	_, err := r.peek()
	var e *Error
	if errors.As(err, &e) && e.Kind == ErrSyntax {
		return nil
	}
	if err != nil {
		return err
	}
	return r.fail(ErrSyntax, "unexpected text after the document")
}

// enter takes the bracket that opens an object or a list.
func (r *reader) enter() error {
	r.pos++
	r.depth++
	if r.depth > r.lim.Depth {
		return r.fail(ErrLimit, "nested deeper than %d", r.lim.Depth)
	}
	r.first = true
	return nil
}

// leave is called by more and key at the closing bracket.
func (r *reader) leave() {
	r.pos++
	r.depth--
	r.first = false
}

// more stands at an element or the end of a list; it reports whether an element
// follows and takes comma or bracket.
func (r *reader) more() (bool, error) {
	c, err := r.peek()
	if err != nil {
		return false, err
	}
	if c == ']' {
		r.leave()
		return false, nil
	}
	if r.first {
		r.first = false
		return true, nil
	}
	if c != ',' {
		return false, r.fail(ErrSyntax, "expected , or ]")
	}
	r.pos++
	if c, err = r.peek(); err == nil && c == ']' {
		err = r.fail(ErrSyntax, "unexpected ]")
	}
	return true, err
}

// key returns the next key of an object; ok is false at its end.
func (r *reader) key() (key string, ok bool, err error) {
	if r.hasHeld {
		r.hasHeld = false
		return r.held, true, nil
	}
	c, err := r.peek()
	if err != nil {
		return "", false, err
	}
	if c == '}' {
		r.leave()
		return "", false, nil
	}
	if !r.first {
		if c != ',' {
			return "", false, r.fail(ErrSyntax, "expected , or }")
		}
		r.pos++
		if c, err = r.peek(); err != nil {
			return "", false, err
		}
	}
	r.first = false
	if c != '"' {
		return "", false, r.fail(ErrSyntax, "expected a key")
	}
	b, err := r.text()
	if err != nil {
		return "", false, err
	}
	if len(b) > 1024 {
		return "", false, r.fail(ErrLimit, "key longer than 1024 bytes")
	}
	key = r.word(b)
	if c, err = r.peek(); err != nil {
		return "", false, err
	}
	if c != ':' {
		return "", false, r.fail(ErrSyntax, "expected :")
	}
	r.pos++
	return key, true, nil
}

// hold gives a key back: the next call of key returns it.
func (r *reader) hold(key string) { r.held, r.hasHeld = key, true }

// word returns b as a string; short ones are shared, because an event repeats
// its types, categories and comments thousands of times.
func (r *reader) word(b []byte) string {
	if len(b) > 32 {
		return string(b)
	}
	if s, ok := r.words[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(r.words) < 2048 {
		r.words[s] = s
	}
	return s
}

// skip passes over one value of any kind.
func (r *reader) skip() error {
	c, err := r.peek()
	if err != nil {
		return err
	}
	switch c {
	case '"':
		_, err = r.text()
	case '{':
		if err = r.enter(); err != nil {
			return err
		}
		for {
			_, ok, err := r.key()
			if err != nil || !ok {
				return err
			}
			if err := r.skip(); err != nil {
				return err
			}
		}
	case '[':
		if err = r.enter(); err != nil {
			return err
		}
		for {
			ok, err := r.more()
			if err != nil || !ok {
				return err
			}
			if err := r.skip(); err != nil {
				return err
			}
		}
	default:
		_, err = r.literal()
	}
	return err
}

// raw copies one value, compacted.
func (r *reader) raw(dst []byte) ([]byte, error) {
	c, err := r.peek()
	if err != nil {
		return nil, err
	}
	switch c {
	case '"':
		b, err := r.text()
		return appendString(dst, b), err
	case '{':
		return r.rawObject(dst)
	case '[':
		return r.rawList(dst)
	}
	b, err := r.literal()
	return append(dst, b...), err
}

func (r *reader) rawObject(dst []byte) ([]byte, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	dst = append(dst, '{')
	for n := 0; ; n++ {
		key, ok, err := r.key()
		if err != nil {
			return nil, err
		}
		if !ok {
			return append(dst, '}'), nil
		}
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, key), ':')
		if dst, err = r.raw(dst); err != nil {
			return nil, err
		}
	}
}

func (r *reader) rawList(dst []byte) ([]byte, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	dst = append(dst, '[')
	for n := 0; ; n++ {
		ok, err := r.more()
		if err != nil {
			return nil, err
		}
		if !ok {
			return append(dst, ']'), nil
		}
		if n > 0 {
			dst = append(dst, ',')
		}
		if dst, err = r.raw(dst); err != nil {
			return nil, err
		}
	}
}
