package web

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"straza/internal/kernel/fault"
)

// List is the shape of every list of our JSON interface.
type List[T any] struct {
	Items []T     `json:"items"`
	Next  *string `json:"next"`
}

// NewList makes a list; an empty next is null, no items is an empty array.
func NewList[T any](items []T, next string) List[T] {
	l := List[T]{Items: items}
	if items == nil {
		l.Items = []T{}
	}
	if next != "" {
		l.Next = &next
	}
	return l
}

// JSON answers with v. It is built in memory first, so that a value that cannot
// be written fails whole.
func JSON(w http.ResponseWriter, status int, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err = w.Write(append(raw, '\n'))
	return ignoreGone(err)
}

// ReadJSON decodes one JSON object into v: unknown fields, a second value and
// wrong types are Invalid, naming the place. The route's Body caps the size.
func ReadJSON(r *http.Request, v any) error { return DecodeJSON(r.Body, v) }

// DecodeJSON is ReadJSON of a part of a body.
func DecodeJSON(r io.Reader, v any) error {
	body := &plainUTF8{r: r}
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("more than one value")
		}
	}
	var tooLarge *http.MaxBytesError
	if err == nil || errors.As(err, &tooLarge) {
		return err
	}
	if body.bad {
		return fault.New(fault.Invalid, "the body is not UTF-8 (RFC 8259 §8.1)")
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) { // its own words name our types
		f := fault.New(fault.Invalid, "the body is not the JSON expected: %s is a %s", wrong.Field, wrong.Value)
		f.Fields = map[string]string{wrong.Field: "web.error.form"}
		return f
	}
	return fault.New(fault.Invalid, "the body is not the JSON expected: %s", err.Error())
}

// plainUTF8 passes text on and stops at what is not UTF-8: the decoder would put a
// mark of replacement in its place, and somebody's words would be lost unseen.
type plainUTF8 struct {
	r    io.Reader
	rest []byte // the beginning of a character
	bad  bool
}

func (u *plainUTF8) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	text := append(u.rest, p[:n]...)
	for len(text) > 0 {
		c, size := utf8.DecodeRune(text)
		if c == utf8.RuneError && size <= 1 {
			if !utf8.FullRune(text) && err == nil {
				break
			}
			u.bad = true
			return 0, errors.New("not UTF-8")
		}
		text = text[size:]
	}
	u.rest = append(u.rest[:0], text...)
	return n, err
}

// Stream answers a list item by item, never held in memory: each calls yield for
// every item and returns the cursor of the next page ("" for none). An error
// before the first item is answered as such; after it the answer is cut short.
func Stream(w http.ResponseWriter, each func(yield func(item any) error) (next string, err error)) error {
	begun := false
	begin := func() error {
		begun = true
		w.Header().Set("Content-Type", "application/json")
		_, err := io.WriteString(w, `{"items":[`)
		return err
	}
	first := true
	next, err := each(func(item any) error {
		raw, err := json.Marshal(item)
		if err != nil {
			return err
		}
		if !begun {
			if err := begin(); err != nil {
				return err
			}
		}
		if !first {
			raw = append([]byte{','}, raw...)
		}
		first = false
		_, err = w.Write(raw)
		return err
	})
	if err != nil && !begun {
		return err
	}
	if err != nil {
		Broken(err)
	}
	if !begun {
		if err := begin(); err != nil {
			return ignoreGone(err)
		}
	}
	tail, _ := json.Marshal(next)
	if next == "" {
		tail = []byte("null")
	}
	_, err = w.Write(append(append([]byte(`],"next":`), tail...), "}\n"...))
	return ignoreGone(err)
}

// ETag sets the entity tag and answers 304 when the caller has it already; then
// the handler returns nil at once.
func ETag(w http.ResponseWriter, r *http.Request, tag string) bool {
	quoted := `"` + tag + `"`
	w.Header().Set("ETag", quoted)
	w.Header().Set("Cache-Control", "private, no-cache")
	for have := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		have = strings.TrimPrefix(strings.TrimSpace(have), "W/")
		if have == quoted || strings.TrimSuffix(have, `--gzip"`)+`"` == quoted {
			w.WriteHeader(http.StatusNotModified)
			return true
		}
	}
	return false
}

// IfMatch gives the entity tag the caller insists on, "" when none: compare it
// with the row's version and answer Conflict.
func IfMatch(r *http.Request) string { return strings.Trim(r.Header.Get("If-Match"), `" `) }

// IfVersion reads If-Match where entity tags are versions: the one that was read, 0 when a
// change goes over whatever is there. Faults: Conflict for what is none of our tags.
func IfVersion(r *http.Request) (int64, error) {
	m := IfMatch(r)
	if m == "" || m == "*" {
		return 0, nil
	}
	v, err := strconv.ParseInt(strings.TrimSuffix(m, "--gzip"), 10, 64)
	if err != nil || v < 1 {
		return 0, fault.New(fault.Conflict, "If-Match is none of our tags").WithKey("fault.conflict")
	}
	return v, nil
}

// PageSize reads ?limit=, how many rows a page of a list has: 1 to most. Faults: Invalid.
func PageSize(r *http.Request, usual, most int) (int, error) {
	v := r.URL.Query().Get("limit")
	if v == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most {
		return 0, fault.Field("limit", "web.error.number", "limit is 1 to %d", most)
	}
	return n, nil
}

// IdempotencyKey reads the header of the same name: 16 to 200 printable ASCII
// characters, "" when absent. The service stores it in the act's transaction.
func IdempotencyKey(r *http.Request) (string, error) {
	k := r.Header.Get("Idempotency-Key")
	if k == "" {
		return "", nil
	}
	bad := strings.ContainsFunc(k, func(c rune) bool { return c < 0x21 || c > 0x7e })
	if bad || len(k) < 16 || len(k) > 200 {
		return "", fault.New(fault.Invalid, "Idempotency-Key: 16 to 200 printable characters are needed")
	}
	return k, nil
}

// cursorMax is far above any cursor that we make.
const cursorMax = 2048

// EncodeCursor packs the last row's keys into an opaque text. It holds nothing
// secret and decides nothing: the query behind checks rights again.
func EncodeCursor(keys any) string {
	raw, err := json.Marshal(keys)
	if err != nil {
		panic("web: cursor of a type that is no JSON: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// DecodeCursor reads what EncodeCursor made; anything else is Invalid. "" leaves
// keys alone: the first page.
func DecodeCursor(s string, keys any) error {
	if s == "" {
		return nil
	}
	bad := func(err error) error {
		return fault.Field("cursor", "web.error.form", "the cursor is not one of ours").Because(err)
	}
	if len(s) > cursorMax {
		return bad(nil)
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return bad(err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(keys); err != nil {
		return bad(err)
	}
	return nil
}
