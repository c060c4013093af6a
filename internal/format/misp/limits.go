package misp

import (
	"fmt"
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
