package taxii

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"straza/internal/format/ticket"
)

// Cursor is a place in a collection's order: behind the object added at that
// microsecond, with that id and version.
type Cursor struct {
	Added   int64 // Unix microseconds
	ID      string
	Version string
}

// Cursors makes and reads the opaque text of next. Its key comes from the vault;
// with the same key every node reads what any other made, after a restart too.
type Cursors struct{ key []byte }

// NewCursors returns a codec with a secret key of at least 16 bytes.
func NewCursors(key []byte) Cursors { return Cursors{key: slices.Clone(key)} }

// Encode returns the text for a cursor in a scope: whatever it must not be used
// without, the collection and the reader among it. The limit may change between
// pages, the filters of q not.
func (c Cursors) Encode(at Cursor, scope string, q Query) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(at.Added))
	return ticket.Make(c.key, within(scope, q), append(b, at.ID+"\x00"+at.Version...))
}

// Decode reads q.Next; a text that is not ours, or of another scope or other
// filters, is a 400.
func (c Cursors) Decode(scope string, q Query) (Cursor, *Error) {
	b, ok := ticket.Read(c.key, within(scope, q), q.Next)
	if !ok || len(b) < 8 {
		return Cursor{}, NewError(400, "Invalid parameter", "next: not valid for this collection and these filters")
	}
	id, version, _ := strings.Cut(string(b[8:]), "\x00")
	return Cursor{Added: int64(binary.BigEndian.Uint64(b)), ID: id, Version: version}, nil
}

// within is the scope with the filters; %q keeps lists apart that would read alike.
func within(scope string, q Query) string {
	after := int64(0)
	if !q.AddedAfter.IsZero() {
		after = q.AddedAfter.UnixMicro()
	}
	return fmt.Sprintf("%d:%s%d %q %q %q %q %v%v%v", len(scope), scope, after, sorted(q.IDs), sorted(q.Types), sorted(q.SpecVersions), sorted(q.Versions.Exact),
		q.Versions.All, q.Versions.First, q.Versions.Last || q.Versions.OnlyLast())
}

// sorted makes the order of an OR list indifferent.
func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

// Micros turns the microseconds of a row into a TAXII time.
func Micros(us int64) string { return FormatTime(time.UnixMicro(us)) }
