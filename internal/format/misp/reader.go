package misp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Limits caps what one document may cost. A zero field means its default.
type Limits struct {
	Bytes      int64 // of the whole document; default 256 MiB
	String     int   // of one string, attachments included; default 64 MiB
	Depth      int   // of nesting; default 64, a real event needs about 12
	Events     int   // default 10,000
	Attributes int   // of one event, those in objects included; default 1,000,000
	Objects    int   // of one event; default 200,000
	Elements   int   // of any other list; default 100,000
}

func (l Limits) withDefaults() Limits {
	set := func(p *int, def int) {
		if *p <= 0 {
			*p = def
		}
	}
	if l.Bytes <= 0 {
		l.Bytes = 256 << 20
	}
	set(&l.String, 64<<20)
	set(&l.Depth, 64)
	set(&l.Events, 10_000)
	set(&l.Attributes, 1_000_000)
	set(&l.Objects, 200_000)
	set(&l.Elements, 100_000)
	return l
}

// Position is a place in a document.
type Position struct {
	Line   int    // from 1
	Column int    // from 1, in bytes
	Offset int64  // from 0, in bytes
	Path   string // like Event.Attribute[12].value
}

// ErrorKind says what was wrong with a document.
type ErrorKind string

// The kinds of Error.
const (
	ErrSyntax ErrorKind = "syntax" // not JSON
	ErrType   ErrorKind = "type"   // JSON, but not of the shape that stands here
	ErrLimit  ErrorKind = "limit"  // larger, deeper or more than allowed
	ErrRead   ErrorKind = "read"   // the source failed
)

// Error is a fault of a document with its place. Its text names no content of
// the document and may be shown to whoever sent it.
type Error struct {
	Kind ErrorKind
	Pos  Position
	Msg  string
	Err  error // io.ErrUnexpectedEOF for a document that ends too early
}

func (e *Error) Error() string {
	at := fmt.Sprintf("line %d, column %d", e.Pos.Line, e.Pos.Column)
	if e.Pos.Path != "" {
		at += " (" + e.Pos.Path + ")"
	}
	return e.Msg + " at " + at
}

func (e *Error) Unwrap() error { return e.Err }

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

// text reads a string; the bytes are good until the next call.
func (r *reader) text() ([]byte, error) {
	r.pos++
	r.scratch = r.scratch[:0]
	for {
		chunk := r.buf[r.pos:]
		i := 0
		for i < len(chunk) && chunk[i] != '"' && chunk[i] != '\\' && chunk[i] >= 0x20 {
			i++
		}
		if len(r.scratch)+i > r.lim.String {
			return nil, r.fail(ErrLimit, "text longer than %d bytes", r.lim.String)
		}
		// The common case: the whole string lies in the window.
		if i < len(chunk) && chunk[i] == '"' && len(r.scratch) == 0 {
			r.pos += i + 1
			return r.valid(chunk[:i])
		}
		r.scratch = append(r.scratch, chunk[:i]...)
		r.pos += i
		if i == len(chunk) {
			if err := r.fill(); err == io.EOF {
				return nil, r.short("unexpected end in text")
			} else if err != nil {
				return nil, err
			}
			continue
		}
		switch chunk[i] {
		case '"':
			r.pos++
			return r.valid(r.scratch)
		case '\\':
			if err := r.escape(); err != nil {
				return nil, err
			}
		default:
			return nil, r.fail(ErrSyntax, "control character in text")
		}
	}
}

func (r *reader) valid(b []byte) ([]byte, error) {
	if !utf8.Valid(b) {
		return nil, r.fail(ErrSyntax, "text is not UTF-8")
	}
	return b, nil
}

func (r *reader) take() (byte, error) {
	if err := r.fill(); err == io.EOF {
		return 0, r.short("unexpected end in text")
	} else if err != nil {
		return 0, err
	}
	r.pos++
	return r.buf[r.pos-1], nil
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (r *reader) escape() error {
	r.pos++
	c, err := r.take()
	if err != nil {
		return err
	}
	if e := escapes[c]; e != 0 {
		r.scratch = append(r.scratch, e)
		return nil
	}
	if c != 'u' {
		return r.fail(ErrSyntax, "unknown escape in text")
	}
	u, err := r.hex4()
	if err != nil {
		return err
	}
	for utf16.IsSurrogate(u) {
		low, paired, err := r.lowSurrogate()
		if err != nil {
			return err
		}
		if !paired {
			u = utf8.RuneError
			break
		}
		both := utf16.DecodeRune(u, low)
		if both != utf8.RuneError {
			u = both
			break
		}
		// Two escapes that do not belong together: the first is lost, the second
		// may itself open a pair.
		r.scratch = utf8.AppendRune(r.scratch, utf8.RuneError)
		u = low
	}
	// PostgreSQL keeps no U+0000 in text; one place decides what becomes of it.
	if u == 0 {
		u = utf8.RuneError
	}
	r.scratch = utf8.AppendRune(r.scratch, u)
	return nil
}

// lowSurrogate takes a directly following \uXXXX, if there is one.
func (r *reader) lowSurrogate() (u rune, ok bool, err error) {
	if err := r.fill(); err != nil || r.buf[r.pos] != '\\' {
		return 0, false, nil
	}
	r.pos++
	if err := r.fill(); err != nil || r.buf[r.pos] != 'u' {
		r.back()
		return 0, false, nil
	}
	r.pos++
	u, err = r.hex4()
	return u, true, err
}

// back un-reads a backslash whose successor did not fit; it may have been the
// last byte of the former window.
func (r *reader) back() {
	if r.pos > 0 {
		r.pos--
		return
	}
	r.buf = append([]byte{'\\'}, r.buf...)
	r.base--
}

func (r *reader) hex4() (rune, error) {
	var u rune
	for range 4 {
		c, err := r.take()
		if err != nil {
			return 0, err
		}
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, r.fail(ErrSyntax, "bad \\u escape in text")
		}
		u = u<<4 | rune(c)
	}
	return u, nil
}

// literal reads a number or a word (true, false, null) into the scratch.
func (r *reader) literal() ([]byte, error) {
	r.scratch = r.scratch[:0]
	ended := false
	for {
		if err := r.fill(); err == io.EOF {
			ended = true
			break
		} else if err != nil {
			return nil, err
		}
		c := r.buf[r.pos]
		if c == '+' || c == '-' || c == '.' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || c == 'E' {
			if len(r.scratch) == 64 {
				return nil, r.fail(ErrLimit, "number longer than 64 bytes")
			}
			r.scratch = append(r.scratch, c)
			r.pos++
			continue
		}
		break
	}
	switch b := r.scratch; string(b) {
	case "true", "false", "null":
		return b, nil
	default:
		if !isNumber(b) && ended { // in the middle of it
			return nil, r.short("unexpected end")
		} else if !isNumber(b) {
			return nil, r.fail(ErrSyntax, "expected a value")
		}
		return b, nil
	}
}

// isNumber checks the grammar of RFC 8259 section 6.
func isNumber(b []byte) bool {
	digits := func() bool {
		n := 0
		for len(b) > 0 && '0' <= b[0] && b[0] <= '9' {
			b, n = b[1:], n+1
		}
		return n > 0
	}
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	if len(b) > 1 && b[0] == '0' && '0' <= b[1] && b[1] <= '9' {
		return false
	}
	if !digits() {
		return false
	}
	if len(b) > 0 && b[0] == '.' {
		if b = b[1:]; !digits() {
			return false
		}
	}
	if len(b) > 0 && (b[0] == 'e' || b[0] == 'E') {
		b = b[1:]
		if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
			b = b[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(b) == 0
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
