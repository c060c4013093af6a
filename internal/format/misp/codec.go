package misp

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// style chooses between the key orders of one type; which keys appear is told
// by their presence alone.
type style uint8

const (
	inEvent style = iota // as events/view shows it
	alone                // as attributes/view, add and restSearch show it
	parent               // the small event inside an attribute
	related              // the small event that correlates
)

// node is one readable and writable place in a struct.
type node interface {
	read(*reader) error
	write([]byte, style) []byte
	present() bool
}

// record is a struct with named places. field answers nil for an unknown key.
type record interface {
	field(key string) node
	order(style) []string
}

func (t *Text) present() bool { return t.Is != Absent }
func (n *Int) present() bool  { return n.Is != Absent }
func (f *Flag) present() bool { return f.Is != Absent }
func (n *Num) present() bool  { return n.Is != Absent }
func (w *Raw) present() bool  { return *w != nil }
func (m *Meta) present() bool { return *m != nil }

func (t *Text) write(dst []byte, _ style) []byte {
	if t.Is != Given {
		return append(dst, "null"...)
	}
	return appendString(dst, t.V)
}

func (n *Int) write(dst []byte, _ style) []byte {
	switch {
	case n.Is != Given:
		return append(dst, "null"...)
	case n.Bad != "":
		return appendString(dst, n.Bad)
	}
	return append(strconv.AppendInt(append(dst, '"'), n.V, 10), '"')
}

func (f *Flag) write(dst []byte, _ style) []byte {
	if f.Is != Given {
		return append(dst, "null"...)
	}
	return strconv.AppendBool(dst, f.V)
}

func (n *Num) write(dst []byte, _ style) []byte {
	if n.Is != Given {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, n.V, 10)
}

func (w *Raw) write(dst []byte, _ style) []byte { return append(dst, *w...) }

func (m *Meta) write(dst []byte, _ style) []byte {
	dst = append(dst, '{')
	for i, e := range *m {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, e.Key), ':')
		dst = appendTexts(dst, e.Values)
	}
	return append(dst, '}')
}

// scalar reads any value that has a text; isNull covers null and, because PHP
// writes them for "nothing", an empty list or object.
func (r *reader) scalar() (s string, isNull bool, err error) {
	c, err := r.peek()
	if err != nil {
		return "", false, err
	}
	switch c {
	case '"':
		b, err := r.text()
		if err != nil {
			return "", false, err
		}
		return r.word(b), false, nil
	case '[', '{':
		return "", true, r.nothing(c)
	}
	b, err := r.literal()
	if err != nil {
		return "", false, err
	}
	switch string(b) {
	case "null":
		return "", true, nil
	case "true":
		return "1", false, nil
	case "false":
		return "", false, nil
	}
	return r.word(b), false, nil
}

func (r *reader) nothing(open byte) error {
	if err := r.enter(); err != nil {
		return err
	}
	var some bool
	var err error
	if open == '[' {
		some, err = r.more()
	} else {
		_, some, err = r.key()
	}
	if err == nil && some {
		err = r.fail(ErrType, "expected a text or number")
	}
	return err
}

func (t *Text) read(r *reader) error {
	s, null, err := r.scalar()
	if err != nil {
		return err
	}
	if *t = T(s); null {
		*t = NullText()
	}
	return nil
}

func (n *Int) read(r *reader) error {
	s, null, err := r.scalar()
	if err != nil {
		return err
	}
	if *n = parseInt(s); null {
		*n = NullInt()
	}
	return nil
}

func (f *Flag) read(r *reader) error {
	s, null, err := r.scalar()
	if err != nil {
		return err
	}
	if *f = parseFlag(s); null {
		*f = Flag{Is: Null}
	}
	return nil
}

func (n *Num) read(r *reader) error {
	s, null, err := r.scalar()
	if err != nil {
		return err
	}
	if i := parseInt(s); i.Given() && !null {
		*n = Count(i.V)
	} else {
		*n = Num{Is: Null}
	}
	return nil
}

func (w *Raw) read(r *reader) error {
	b, err := r.raw(nil)
	*w = b
	return err
}

func (m *Meta) read(r *reader) error {
	*m = Meta{}
	c, err := r.peek()
	if err != nil {
		return err
	}
	if c != '{' {
		return r.skip() // [] and null stand for no metadata
	}
	if err := r.enter(); err != nil {
		return err
	}
	for {
		key, ok, err := r.key()
		if err != nil || !ok {
			return err
		}
		if len(*m) == r.lim.Elements {
			return r.fail(ErrLimit, "more than %d elements", r.lim.Elements)
		}
		e := MetaEntry{Key: key}
		if err := (&texts{&e.Values}).read(r); err != nil {
			return err
		}
		*m = append(*m, e)
	}
}

// texts is a list of strings; a lone scalar is taken as a list of one.
type texts struct{ p *[]string }

func (t *texts) present() bool                    { return *t.p != nil }
func (t *texts) write(dst []byte, _ style) []byte { return appendTexts(dst, *t.p) }
func (t *texts) read(r *reader) error {
	*t.p = []string{}
	c, err := r.peek()
	if err != nil {
		return err
	}
	if c != '[' {
		s, null, err := r.scalar()
		if err == nil && !null {
			*t.p = append(*t.p, s)
		}
		return err
	}
	return r.list(func(int) error {
		c, err := r.peek()
		if err != nil {
			return err
		}
		if c == '[' || c == '{' {
			b, err := r.raw(nil)
			*t.p = append(*t.p, string(b))
			return err
		}
		s, _, err := r.scalar()
		*t.p = append(*t.p, s)
		return err
	})
}

// list calls fn at each element of what stands here. Null is an empty list; an
// object with numbers as keys is the list PHP makes when it has holes; any other
// object is a list's only element.
func (r *reader) list(fn func(i int) error) error {
	c, err := r.peek()
	if err != nil {
		return err
	}
	next := r.more
	switch c {
	case '[':
	case '{':
		if err := r.enter(); err != nil {
			return err
		}
		key, ok, err := r.key()
		if err != nil || !ok {
			return err
		}
		r.hold(key)
		if _, err := strconv.Atoi(key); err != nil {
			return r.element(0, fn) // fn finds the object already entered
		}
		next = func() (bool, error) { _, ok, err := r.key(); return ok, err }
	case '"':
		s, _, err := r.scalar()
		if err == nil && s != "" {
			err = r.fail(ErrType, "expected a list")
		}
		return err
	default:
		_, _, err := r.scalar()
		return err
	}
	if c == '[' {
		if err := r.enter(); err != nil {
			return err
		}
	}
	for i := 0; ; i++ {
		ok, err := next()
		if err != nil || !ok {
			return err
		}
		if i >= r.lim.Elements {
			return r.fail(ErrLimit, "more than %d elements", r.lim.Elements)
		}
		if err := r.element(i, fn); err != nil {
			return err
		}
	}
}

func (r *reader) element(i int, fn func(i int) error) error {
	r.path = append(r.path, step{index: i})
	if err := fn(i); err != nil {
		return err
	}
	r.path = r.path[:len(r.path)-1]
	return nil
}

// object enters the object that stands here, unless list did so already, and
// calls fn with each key. It reports false, having consumed it, for null and [].
func (r *reader) object(fn func(key string) error) (bool, error) {
	if !r.hasHeld {
		c, err := r.peek()
		if err != nil {
			return false, err
		}
		if c != '{' {
			_, null, err := r.scalar()
			if err == nil && !null {
				err = r.fail(ErrType, "expected an object")
			}
			return false, err
		}
		if err := r.enter(); err != nil {
			return false, err
		}
	}
	for {
		key, ok, err := r.key()
		if err != nil || !ok {
			return err == nil, err
		}
		r.path = append(r.path, step{key: key})
		if err := fn(key); err != nil {
			return false, err
		}
		r.path = r.path[:len(r.path)-1]
	}
}

func (r *reader) record(v record) (bool, error) {
	return r.object(func(key string) error {
		if n := v.field(key); n != nil {
			return n.read(r)
		}
		return r.skip()
	})
}

func writeRecord(dst []byte, v record, st style) []byte {
	dst = append(dst, '{')
	start := len(dst)
	for _, key := range v.order(st) {
		n := v.field(key)
		if n == nil || !n.present() {
			continue
		}
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(append(append(dst, '"'), key...), '"', ':')
		dst = n.write(dst, st)
	}
	return append(dst, '}')
}

// one is an optional nested struct, as the style st shows it.
type one[T any, P interface {
	*T
	record
}] struct {
	p  **T
	st style
}

func nested[T any, P interface {
	*T
	record
}](p **T) node {
	return one[T, P]{p: p, st: alone}
}

func (o one[T, P]) present() bool                    { return *o.p != nil }
func (o one[T, P]) write(dst []byte, _ style) []byte { return writeRecord(dst, P(*o.p), o.st) }
func (o one[T, P]) read(r *reader) error {
	v := new(T)
	ok, err := r.record(P(v))
	if *o.p = v; !ok {
		*o.p = nil
	}
	return err
}

// many is a list of structs; the elements take the style of their parent.
type many[T any, P interface {
	*T
	record
}] struct{ p *[]T }

func listOf[T any, P interface {
	*T
	record
}](p *[]T) node {
	return many[T, P]{p}
}

func (m many[T, P]) present() bool { return *m.p != nil }

func (m many[T, P]) write(dst []byte, st style) []byte {
	dst = append(dst, '[')
	for i := range *m.p {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = writeRecord(dst, P(&(*m.p)[i]), st)
	}
	return append(dst, ']')
}

func (m many[T, P]) read(r *reader) error {
	list := []T{}
	err := r.list(func(int) error {
		var v T
		ok, err := r.record(P(&v))
		if err == nil && ok {
			list = append(list, v)
		}
		return err
	})
	*m.p = list
	return err
}

func appendTexts(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, s)
	}
	return append(dst, ']')
}

const hexDigits = "0123456789abcdef"

// appendString writes a JSON string as MISP does: slashes and other scripts as
// they are, only what must be escaped is escaped. U+2028 and U+2029 are escaped
// because PHP does so; bytes that are no UTF-8 leave as U+FFFD.
func appendString[S string | []byte](dst []byte, text S) []byte {
	s := string(text)
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			u, n := utf8.DecodeRuneInString(s[i:])
			if u == '\u2028' || u == '\u2029' {
				dst = append(append(dst, s[start:i]...), `\u202`...)
				dst = append(dst, hexDigits[u&15])
				start = i + n
			} else if u == utf8.RuneError && n == 1 {
				dst = append(append(dst, s[start:i]...), "\ufffd"...)
				start = i + n
			}
			i += n
			continue
		}
		dst = append(dst, s[start:i]...)
		if j := strings.IndexByte("\"\\\b\f\n\r\t", c); j >= 0 {
			dst = append(dst, '\\', `"\bfnrt`[j])
		} else {
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}
