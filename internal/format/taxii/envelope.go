package taxii

import (
	"encoding/json"
	"io"
)

// EnvelopeWriter streams an envelope (section 3.7): objects one by one, then what
// follows. Without objects it writes {}.
type EnvelopeWriter struct {
	w   io.Writer
	n   int
	err error
}

// NewEnvelopeWriter returns an EnvelopeWriter on w.
func NewEnvelopeWriter(w io.Writer) *EnvelopeWriter { return &EnvelopeWriter{w: w} }

func (e *EnvelopeWriter) put(b ...[]byte) {
	for _, x := range b {
		if e.err == nil {
			_, e.err = e.w.Write(x)
		}
	}
}

// Object writes one object, which is JSON already.
func (e *EnvelopeWriter) Object(raw []byte) error {
	if e.n == 0 {
		e.put([]byte(`{"objects":[`), raw)
	} else {
		e.put([]byte{','}, raw)
	}
	e.n++
	return e.err
}

// Close ends the envelope; next is "" on the last page.
func (e *EnvelopeWriter) Close(more bool, next string) error {
	open := []byte{'{'}
	if e.n > 0 {
		open = []byte(`],`)
	}
	if more {
		text, err := json.Marshal(next)
		if err != nil {
			return err
		}
		e.put(open, []byte(`"more":true`))
		if next != "" {
			e.put([]byte(`,"next":`), text)
		}
		e.put([]byte{'}'})
		return e.err
	}
	if e.n > 0 {
		open = []byte{']'}
	}
	e.put(open, []byte{'}'})
	return e.err
}
