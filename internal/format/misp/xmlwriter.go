package misp

import (
	"encoding/json"
	"io"
)

// XMLWriter turns JSON on its way to w into MISP's XML (see AppendXML), in any
// portions and of any size: it keeps the open names and the value under way.
// The outermost value has no element of its own, nor has what stands under the key
// "response" in it: the caller writes what goes around them. JSON must be whole; it
// is ours, so nothing is checked.
type XMLWriter struct {
	w       io.Writer
	buf     []byte
	open    []xmlOpen
	token   []byte // a text or literal under way, as in the JSON
	quoted  bool
	escaped bool
}

// xmlOpen is an object or list that has begun.
type xmlOpen struct {
	list  bool
	bare  bool // has no element of its own
	begun bool // an object whose first tag is written
	name  string
	key   string // of the value to come, in an object
	isKey bool   // the next text is a key
	n     int    // elements of a list
}

// NewXMLWriter returns an XMLWriter on w.
func NewXMLWriter(w io.Writer) *XMLWriter { return &XMLWriter{w: w} }

// Write takes the next portion of JSON.
func (x *XMLWriter) Write(b []byte) (int, error) {
	for _, c := range b {
		switch {
		case x.quoted:
			x.token = append(x.token, c)
			switch {
			case x.escaped:
				x.escaped = false
			case c == '\\':
				x.escaped = true
			case c == '"':
				x.quoted = false
				x.text()
			}
		case c == '"':
			x.quoted, x.token = true, append(x.token[:0], '"')
		case c == ' ', c == '\n', c == '\r', c == '\t':
		case c == '{' || c == '[':
			x.enter(c == '[')
		case c == '}' || c == ']' || c == ',':
			x.literal()
			if c == ',' {
				t := x.top()
				t.isKey = !t.list
			} else {
				x.leave()
			}
		case c == ':':
			x.top().isKey = false
		default:
			x.token = append(x.token, c)
		}
	}
	if len(x.buf) > 32<<10 {
		return len(b), x.Flush()
	}
	return len(b), nil
}

// Line ends a line between two documents.
func (x *XMLWriter) Line() error {
	x.buf = append(x.buf, '\n')
	x.open = x.open[:0]
	if len(x.buf) > 32<<10 {
		return x.Flush()
	}
	return nil
}

// Flush sends what was gathered.
func (x *XMLWriter) Flush() error {
	_, err := x.w.Write(x.buf)
	x.buf = x.buf[:0]
	return err
}

func (x *XMLWriter) top() *xmlOpen {
	if len(x.open) == 0 {
		x.open = append(x.open, xmlOpen{bare: true, list: true})
	}
	return &x.open[len(x.open)-1]
}

// value announces the next value: its name, and whether it is bare.
func (x *XMLWriter) value() (name string, bare bool) {
	t := x.top()
	if t.list {
		t.n++
		return t.name, t.bare
	}
	return t.key, t.bare && t.key == "response" && len(x.open) <= 2
}

func (x *XMLWriter) enter(list bool) {
	name, bare := x.value()
	x.open = append(x.open, xmlOpen{list: list, bare: bare, name: name, isKey: !list})
	x.token = x.token[:0]
}

// begin writes the first tags of all objects around what comes.
func (x *XMLWriter) begin() {
	for i := range x.open {
		o := &x.open[i]
		if !o.list && !o.bare && !o.begun {
			o.begun = true
			x.buf = append(append(append(x.buf, '<'), xmlName(o.name)...), '>')
		}
	}
}

func (x *XMLWriter) leave() {
	o := *x.top()
	x.open = x.open[:len(x.open)-1]
	switch {
	case o.bare:
	case o.begun:
		x.buf = append(append(append(x.buf, "</"...), xmlName(o.name)...), '>')
	case !o.list || o.n == 0:
		x.begin()
		x.buf = append(append(append(x.buf, '<'), xmlName(o.name)...), "/>"...)
	}
}

// text ends a quoted text: a key or a value.
func (x *XMLWriter) text() {
	var s string
	if json.Unmarshal(x.token, &s) != nil {
		s = ""
	}
	x.token = x.token[:0]
	if t := x.top(); t.isKey {
		t.key = s
		return
	}
	x.scalar([]byte(s))
}

func (x *XMLWriter) literal() {
	if len(x.token) == 0 {
		return
	}
	switch v := string(x.token); v {
	case "null":
		x.scalar(nil)
	case "true":
		x.scalar([]byte("1"))
	case "false":
		x.scalar([]byte("0"))
	default:
		x.scalar([]byte(v))
	}
	x.token = x.token[:0]
}

func (x *XMLWriter) scalar(text []byte) {
	if t := x.top(); !t.list && t.name == "Event" && notInXML[t.key] {
		return
	}
	name, _ := x.value()
	x.begin()
	name = xmlName(name)
	if len(text) == 0 {
		x.buf = append(append(append(x.buf, '<'), name...), "/>"...)
		return
	}
	x.buf = append(append(append(x.buf, '<'), name...), '>')
	x.buf = appendXMLText(x.buf, text)
	x.buf = append(append(append(x.buf, "</"...), name...), '>')
}
