package misp

import (
	"encoding/json"
	"io"
)

// Append writes v as it stands alone, as attributes/view, tags/view or
// eventReports/view show it: without wrapper, absent keys left out.
func Append[T Wire, P interface {
	*T
	record
}](dst []byte, v P) []byte {
	return writeRecord(dst, v, alone)
}

// AppendInEvent writes v as it stands inside an event.
func AppendInEvent[T Wire, P interface {
	*T
	record
}](dst []byte, v P) []byte {
	return writeRecord(dst, v, inEvent)
}

// MarshalJSON makes the types usable inside answers built with encoding/json.
func (e Event) MarshalJSON() ([]byte, error)            { return writeRecord(nil, &e, inEvent), nil }
func (a Attribute) MarshalJSON() ([]byte, error)        { return writeRecord(nil, &a, alone), nil }
func (o Object) MarshalJSON() ([]byte, error)           { return writeRecord(nil, &o, alone), nil }
func (o ObjectReference) MarshalJSON() ([]byte, error)  { return writeRecord(nil, &o, alone), nil }
func (t Tag) MarshalJSON() ([]byte, error)              { return writeRecord(nil, &t, alone), nil }
func (l TagLink) MarshalJSON() ([]byte, error)          { return writeRecord(nil, &l, alone), nil }
func (g Galaxy) MarshalJSON() ([]byte, error)           { return writeRecord(nil, &g, alone), nil }
func (c GalaxyCluster) MarshalJSON() ([]byte, error)    { return writeRecord(nil, &c, alone), nil }
func (k CryptographicKey) MarshalJSON() ([]byte, error) { return writeRecord(nil, &k, alone), nil }
func (o Org) MarshalJSON() ([]byte, error)              { return writeRecord(nil, &o, alone), nil }
func (s SharingGroup) MarshalJSON() ([]byte, error)     { return writeRecord(nil, &s, alone), nil }
func (s ShadowAttribute) MarshalJSON() ([]byte, error)  { return writeRecord(nil, &s, alone), nil }
func (s Sighting) MarshalJSON() ([]byte, error)         { return writeRecord(nil, &s, alone), nil }
func (r EventReport) MarshalJSON() ([]byte, error)      { return writeRecord(nil, &r, alone), nil }
func (n Analyst) MarshalJSON() ([]byte, error)          { return writeRecord(nil, &n, alone), nil }

// Encoder writes one event after another, each in pieces: Begin, Attribute…,
// Object…, End. Nothing is kept but one buffer, whatever the event's size. The
// caller wraps several events itself (Raw).
type Encoder struct {
	w     io.Writer
	buf   []byte
	e     *Event
	stage stage
	open  bool // a list is open
	some  bool // an element of the open list was written
	comma bool // a key of the event was written
	err   error
}

type stage uint8

const (
	idle stage = iota
	inHeader
	inAttributes
	inObjects
	done
)

// NewEncoder returns an Encoder on w; it writes in pieces of some 32 KiB.
func NewEncoder(w io.Writer) *Encoder {
	return &Encoder{w: w, buf: make([]byte, 0, 40<<10)}
}

// The keys of an event before, between and after its two long lists.
var (
	keysHead = cut(eventView, "", "Attribute")
	keysMid  = cut(eventView, "Attribute", "Object")
	keysTail = cut(eventView, "Object", "")
)

// cut returns the part of keys strictly between from and to.
func cut(keys []string, from, to string) []string {
	start, end := 0, len(keys)
	for i, k := range keys {
		if k == from {
			start = i + 1
		}
		if k == to {
			end = i
		}
	}
	return keys[start:end]
}

// Raw writes text between events, such as {"response":[ or a comma.
func (x *Encoder) Raw(text string) {
	x.buf = append(x.buf, text...)
	x.flush(32 << 10)
}

// Begin opens {"Event":{ with the header's scalars, organisations and sharing
// group. e is read again by End, and its Attribute and Object are not written.
func (x *Encoder) Begin(e *Event) error {
	x.e, x.stage, x.open, x.comma = e, inHeader, false, false
	x.buf = append(x.buf, `{"Event":{`...)
	x.keys(keysHead)
	return x.flush(32 << 10)
}

// Attribute writes one attribute that stands in no object; all of them come
// before the first Object.
func (x *Encoder) Attribute(a *Attribute) error {
	x.reach(inAttributes, true)
	x.element()
	x.buf = writeRecord(x.buf, a, inEvent)
	return x.flush(32 << 10)
}

// Object writes one object with its attributes and references.
func (x *Encoder) Object(o *Object) error {
	x.reach(inObjects, true)
	x.element()
	x.buf = writeRecord(x.buf, o, inEvent)
	return x.flush(32 << 10)
}

// AttributeRaw and ObjectRaw write an element that is JSON already.
func (x *Encoder) AttributeRaw(b []byte) error {
	x.reach(inAttributes, true)
	x.element()
	x.buf = append(x.buf, b...)
	return x.flush(32 << 10)
}

// End closes the event with reports, keys, tags and the rest of the header.
func (x *Encoder) End() error {
	x.reach(done, false)
	x.keys(keysTail)
	x.buf = append(x.buf, "}}"...)
	x.stage = idle
	return x.flush(32 << 10)
}

// Flush writes what is still in the buffer.
func (x *Encoder) Flush() error { return x.flush(0) }

// reach moves to a stage, closing the list before it and opening its own. A list
// without elements is written only when the header has one, if empty: an event
// shown without its attributes has no such key.
func (x *Encoder) reach(s stage, element bool) {
	for x.stage < s {
		if x.open {
			x.buf = append(x.buf, ']')
		}
		if x.stage == inAttributes {
			x.keys(keysMid)
		}
		x.stage++
		x.open, x.some = false, false
		last := x.stage == s && element
		if last || x.stage == inAttributes && x.e.Attribute != nil || x.stage == inObjects && x.e.Object != nil {
			x.list()
		}
	}
	if element && !x.open {
		x.list()
	}
}

func (x *Encoder) list() {
	key := "Attribute"
	if x.stage == inObjects {
		key = "Object"
	}
	x.name(key)
	x.buf = append(x.buf, '[')
	x.open = true
}

func (x *Encoder) element() {
	if x.some {
		x.buf = append(x.buf, ',')
	}
	x.some = true
}

func (x *Encoder) name(key string) {
	if x.comma {
		x.buf = append(x.buf, ',')
	}
	x.comma = true
	x.buf = append(append(append(x.buf, '"'), key...), '"', ':')
}

func (x *Encoder) keys(keys []string) {
	for _, key := range keys {
		if n := x.e.field(key); n != nil && n.present() {
			x.name(key)
			x.buf = n.write(x.buf, inEvent)
		}
	}
}

func (x *Encoder) flush(limit int) error {
	if x.err == nil && len(x.buf) > limit {
		_, x.err = x.w.Write(x.buf)
		x.buf = x.buf[:0]
	}
	return x.err
}

// EncodeEvent writes one whole event with its wrapper.
func EncodeEvent(w io.Writer, e *Event) error {
	x := NewEncoder(w)
	_ = x.Begin(e) // the encoder keeps its first error, and Flush returns it
	for i := range e.Attribute {
		_ = x.Attribute(&e.Attribute[i])
	}
	for i := range e.Object {
		_ = x.Object(&e.Object[i])
	}
	_ = x.End()
	return x.Flush()
}

var _ json.Marshaler = Event{}

// AppendString appends s as a JSON string, escaped as MISP escapes it.
func AppendString(dst []byte, s string) []byte { return appendString(dst, s) }
