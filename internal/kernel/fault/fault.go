// Package fault names the seven kinds of failure that a caller may be told of.
//
// Everything that is not a *fault.Error is internal: the person sees a request
// id and a sentence in their language, never err.Error(). Adapters translate a
// kind into their own form (an HTML page, a problem document, a MISP envelope,
// an exit code) in one table each.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind is one of the seven kinds; its text is what JSON errors carry.
type Kind string

// The seven kinds, and Internal for everything else.
const (
	NotFound    Kind = "not-found"   // absent, or not yours to see: the two are never told apart
	Invalid     Kind = "invalid"     // the input is wrong; Fields says where and how
	Denied      Kind = "denied"      // you may see it, you may not do this to it
	Conflict    Kind = "conflict"    // it exists already, or changed under your hands
	Gone        Kind = "gone"        // it was here and is not any more, and you may know that
	Limited     Kind = "limited"     // too many, too large, too often; RetryAfter may say until when
	Unavailable Kind = "unavailable" // our fault for the moment: disk full, database away, sealed
	Internal    Kind = "internal"
)

// Error is a failure that a caller may be told of.
type Error struct {
	Kind       Kind
	Key        string            // message key of the sentence for people; "" means the kind's own sentence
	Args       []any             // arguments of that sentence
	Fields     map[string]string // Invalid only: field name → message key
	RetryAfter time.Duration     // Limited and Unavailable only
	Detail     string            // English, for machines and logs: what was tried, with ids, never content
	Err        error             // the cause, for logs
}

// Error gives the English detail for logs and machines.
func (e *Error) Error() string {
	s := string(e.Kind)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	for f, k := range e.Fields {
		s += " [" + f + ": " + k + "]"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes a fault of kind k with an English detail.
func New(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Detail: fmt.Sprintf(format, args...)}
}

// Field makes an Invalid fault about one field; key is a message key.
func Field(field, key, format string, args ...any) *Error {
	return &Error{Kind: Invalid, Fields: map[string]string{field: key}, Detail: fmt.Sprintf(format, args...)}
}

// WithKey sets the message key of the sentence for people.
func (e *Error) WithKey(key string, args ...any) *Error { e.Key, e.Args = key, args; return e }

// Because sets the cause.
func (e *Error) Because(err error) *Error { e.Err = err; return e }

// After sets when trying again makes sense.
func (e *Error) After(d time.Duration) *Error { e.RetryAfter = d; return e }

// Of gives the fault in err's chain, or nil.
func Of(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// KindOf gives the kind of err: Internal when it is no fault, "" when nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e := Of(err); e != nil {
		return e.Kind
	}
	return Internal
}

// Is tells whether err is a fault of kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }

// Collector gathers field errors so that a form shows all of them at once.
type Collector struct{ fields map[string]string }

// Add notes a field's error; the first one of a field stays.
func (c *Collector) Add(field, key string) {
	if c.fields == nil {
		c.fields = map[string]string{}
	}
	if _, ok := c.fields[field]; !ok {
		c.fields[field] = key
	}
}

// Require notes key when ok is false.
func (c *Collector) Require(ok bool, field, key string) {
	if !ok {
		c.Add(field, key)
	}
}

// Err gives an Invalid fault with all fields, or nil.
func (c *Collector) Err(detail string) error {
	if len(c.fields) == 0 {
		return nil
	}
	return &Error{Kind: Invalid, Fields: c.fields, Detail: detail}
}
