package taxii

import (
	"encoding/json"
	"errors"
	"io"
)

// ErrNoEnvelope is the fault of a document that is not an envelope.
var ErrNoEnvelope = errors.New("not an envelope")

// ReadEnvelope reads an envelope (section 3.7) object by object, as they stand in it;
// what others made up beside them is passed over. yield ends it by an error, which is
// returned. The reader bounds the bytes. Faults: ErrNoEnvelope, or JSON's.
func ReadEnvelope(r io.Reader, yield func(object json.RawMessage) error) (more bool, next string, err error) {
	dec := json.NewDecoder(r)
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return false, "", errors.Join(err, ErrNoEnvelope)
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return false, "", err
		}
		switch key {
		case "objects":
			err = readObjects(dec, yield)
		case "more":
			err = dec.Decode(&more)
		case "next":
			err = dec.Decode(&next)
		default:
			var other json.RawMessage
			err = dec.Decode(&other)
		}
		if err != nil {
			return false, "", err
		}
	}
	if _, err := dec.Token(); err != nil {
		return false, "", err
	}
	if _, err := dec.Token(); err != io.EOF {
		return false, "", errors.Join(err, ErrNoEnvelope)
	}
	return more, next, nil
}

func readObjects(dec *json.Decoder, yield func(json.RawMessage) error) error {
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return errors.Join(err, ErrNoEnvelope)
	}
	for dec.More() {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		if err := yield(raw); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

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
