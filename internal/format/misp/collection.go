package misp

import (
	"bytes"
	"encoding/json"
	"io"
	"strconv"

	"straza/internal/format/bracket"
)

// Collection is a list of threat data about one thing that somebody keeps by hand, as
// MISP 2.5 has them. Its organisation, group and elements stand beside it in MISP's
// documents, or inside; both are read. What a document did not say is absent.
type Collection struct {
	UUID, Name, Type, Description Text
	Created, Modified             Text // "2006-01-02 15:04:05"
	Distribution, SharingGroupID  Int
	Orgc                          *Org
	SharingGroup                  *SharingGroup
	Elements                      []CollectionElement
	WithElements                  bool // the document told the elements, perhaps none
}

// CollectionElement names one thing in a collection by its UUID.
type CollectionElement struct{ UUID, ElementUUID, ElementType, Description Text }

// collectionDepth is how deep wrappers nest; a group in a collection goes no deeper.
const collectionDepth = 32

// ReadCollections decodes collections: one or a list, bare, under "Collection", under
// "request" or "response". Faults: *Error, ErrLimit for what is too large or too deep.
func ReadCollections(src io.Reader, lim Limits) ([]Collection, error) {
	most := lim.Bytes
	if most <= 0 {
		most = 64 << 20
	}
	b, err := io.ReadAll(io.LimitReader(src, most+1))
	switch {
	case err != nil:
		return nil, &Error{Kind: ErrRead, Msg: err.Error()}
	case int64(len(b)) > most:
		return nil, &Error{Kind: ErrLimit, Msg: "too large"}
	case bracket.Depth(b) > collectionDepth:
		return nil, &Error{Kind: ErrLimit, Msg: "nested too deep"}
	case !json.Valid(b):
		return nil, &Error{Kind: ErrType, Msg: "no JSON"}
	}
	var out []Collection
	return out, eachCollection(b, &out)
}

func eachCollection(b []byte, out *[]Collection) error {
	b = bytes.TrimSpace(b)
	if len(b) > 0 && b[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(b, &list); err != nil {
			return &Error{Kind: ErrType, Msg: err.Error()}
		}
		for _, e := range list {
			if err := eachCollection(e, out); err != nil {
				return err
			}
		}
		return nil
	}
	var o map[string]json.RawMessage
	if json.Unmarshal(b, &o) != nil || o == nil {
		return &Error{Kind: ErrType, Msg: "expected a collection"}
	}
	for _, wrap := range []string{"request", "response"} {
		if in, ok := o[wrap]; ok {
			return eachCollection(in, out)
		}
	}
	in, wrapped := o["Collection"]
	if !wrapped {
		*out = append(*out, collectionOf(o))
		return nil
	}
	if in = bytes.TrimSpace(in); len(in) > 0 && in[0] == '[' {
		return eachCollection(in, out)
	}
	var head map[string]json.RawMessage
	if json.Unmarshal(in, &head) != nil || head == nil {
		return &Error{Kind: ErrType, Msg: "expected a collection"}
	}
	for _, beside := range []string{"Orgc", "SharingGroup", "CollectionElement"} {
		if v, ok := o[beside]; ok && head[beside] == nil {
			head[beside] = v
		}
	}
	*out = append(*out, collectionOf(head))
	return nil
}

func collectionOf(o map[string]json.RawMessage) (c Collection) {
	c = Collection{UUID: looseText(o["uuid"]), Name: looseText(o["name"]), Type: looseText(o["type"]), Description: looseText(o["description"]),
		Created: looseText(o["created"]), Modified: looseText(o["modified"]), Distribution: looseInt(o["distribution"]),
		SharingGroupID: looseInt(o["sharing_group_id"])}
	var org map[string]json.RawMessage
	if json.Unmarshal(o["Orgc"], &org) == nil && org != nil {
		c.Orgc = &Org{UUID: looseText(org["uuid"]), Name: looseText(org["name"])}
	}
	if raw := bytes.TrimSpace(o["SharingGroup"]); len(raw) > 0 && raw[0] == '{' {
		if list, _, err := Read[SharingGroup](bytes.NewReader(raw), Limits{Depth: collectionDepth}, "SharingGroup"); err == nil && len(list) == 1 {
			c.SharingGroup = &list[0]
		}
	}
	var list []map[string]json.RawMessage
	if raw, ok := o["CollectionElement"]; ok && json.Unmarshal(raw, &list) == nil {
		c.WithElements = true
		for _, e := range list {
			if in := map[string]json.RawMessage(nil); json.Unmarshal(e["CollectionElement"], &in) == nil && in != nil {
				e = in
			}
			c.Elements = append(c.Elements, CollectionElement{UUID: looseText(e["uuid"]), ElementUUID: looseText(e["element_uuid"]),
				ElementType: looseText(e["element_type"]), Description: looseText(e["description"])})
		}
	}
	return c
}

// looseText reads what PHP may have written for a text.
func looseText(raw json.RawMessage) Text {
	var v any
	if len(raw) == 0 || json.Unmarshal(raw, &v) != nil {
		return Text{}
	}
	switch v := v.(type) {
	case nil:
		return NullText()
	case string:
		return T(v)
	case float64:
		return T(string(bytes.TrimSpace(raw)))
	case bool:
		return T(strconv.FormatBool(v))
	}
	return Text{}
}

func looseInt(raw json.RawMessage) Int {
	n, err := strconv.ParseInt(looseText(raw).Or(""), 10, 64)
	if err != nil {
		return Int{}
	}
	return N(n)
}
