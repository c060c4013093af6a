package misp

import (
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

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
