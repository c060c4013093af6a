package export

import (
	"encoding/json"
	"io"

	"straza/internal/format/tlp"
)

// List writes {"export":{…},"items":[…]}, streamed.
type List struct {
	w   io.Writer
	enc *json.Encoder
	of  announced
	sep string
	err error
}

// NewList writes the stamp.
func NewList(w io.Writer, s Stamp) *List {
	l := &List{w: w, enc: json.NewEncoder(w), of: announced{Stamp: s}}
	l.enc.SetEscapeHTML(false)
	raw, err := s.MarshalJSON()
	if l.err = err; err == nil {
		l.say(`{"export":` + string(raw) + `,"items":[`)
	}
	return l
}

func (l *List) say(s string) {
	if l.err == nil {
		_, l.err = io.WriteString(l.w, s)
	}
}

// Item writes one thing, unless its label holds it back.
func (l *List) Item(level tlp.Level, v any) error {
	if ok, err := l.of.take(level); !ok {
		return err
	}
	l.say(l.sep)
	l.sep = ","
	if l.err == nil {
		l.err = l.enc.Encode(v)
	}
	return l.err
}

// Close ends the list and gives the first error of writing, or that it is not whole.
func (l *List) Close() error {
	if err := l.of.end(); err != nil {
		return err
	}
	l.say("]}\n")
	return l.err
}
