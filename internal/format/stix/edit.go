package stix

import (
	"bytes"
	"strings"
)

// What follows changes objects that this package wrote, by their bytes: a
// property's name with its quotes and colon stands nowhere else in them, because
// quotes inside a text are escaped.

// Marks lists the markings of an object.
func Marks(json []byte) []string { return idList(json, `,"object_marking_refs":[`) }

// Author is the id in created_by_ref, "" without one.
func Author(json []byte) string {
	_, rest, ok := bytes.Cut(json, []byte(`,"created_by_ref":"`))
	if !ok {
		return ""
	}
	id, _, _ := bytes.Cut(rest, []byte{'"'})
	return string(id)
}

func idList(json []byte, key string) []string {
	_, rest, ok := bytes.Cut(json, []byte(key))
	if !ok {
		return nil
	}
	list, _, _ := bytes.Cut(rest, []byte{']'})
	return strings.Split(strings.ReplaceAll(string(list), `"`, ""), ",")
}

// WithRefs gives a report or grouping with other object_refs.
func WithRefs(json []byte, ids []string) []byte {
	const key = `,"object_refs":[`
	head, rest, ok := bytes.Cut(json, []byte(key))
	if !ok {
		return json
	}
	_, tail, _ := bytes.Cut(rest, []byte{']'})
	out := make([]byte, 0, len(json)+len(ids)*60)
	out = append(append(out, head...), key...)
	for i, id := range ids {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), id...), '"')
	}
	return append(append(out, ']'), tail...)
}

// Restamp gives an object with another created and modified.
func (o Object) Restamp(created, modified string) Object {
	o.JSON = bytes.Replace(o.JSON, []byte(`"created":"`+o.Created+`","modified":"`+o.Modified+`"`), []byte(`"created":"`+created+`","modified":"`+modified+`"`), 1)
	o.Created, o.Modified = created, modified
	return o
}
