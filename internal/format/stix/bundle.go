package stix

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strings"

	"straza/internal/format/bracket"
)

// Limits caps what one bundle may cost. A zero field means its default.
type Limits struct {
	Bytes   int64 // of the whole document; default 256 MiB
	Objects int   // default 500,000
	Object  int   // bytes of one object; default 16 MiB
	Depth   int   // of nesting within an object; default 64
}

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = 256 << 20
	}
	for _, f := range []struct {
		p   *int
		def int
	}{{&l.Objects, 500_000}, {&l.Object, 16 << 20}, {&l.Depth, 64}} {
		if *f.p <= 0 {
			*f.p = f.def
		}
	}
	return l
}

// Fault is what is wrong with a whole document; its text names no content.
type Fault struct{ Text string }

func (f *Fault) Error() string { return f.Text }

func broken(format string, args ...any) error { return &Fault{fmt.Sprintf(format, args...)} }

// Remains tells of what had no place: how many of which kind, and why.
type Remains struct {
	Type   string `json:"type"`   // of the object, or type.property
	Reason string `json:"reason"` // one of a fixed set of English sentences
	Count  int    `json:"count"`
	First  string `json:"first,omitempty"` // id of the first of them
}

// ledger counts remains.
type ledger map[[2]string]*Remains

func (l ledger) note(typ, reason, id string) {
	key := [2]string{typ, reason}
	if r := l[key]; r != nil {
		r.Count++
		return
	}
	if len(l) >= 1000 { // types and properties are the sender's words
		key = [2]string{"other", reason}
		if r := l[key]; r != nil {
			r.Count++
			return
		}
	}
	l[key] = &Remains{Type: short(key[0]), Reason: reason, Count: 1, First: short(id)}
}

func (l ledger) list() []Remains {
	out := make([]Remains, 0, len(l))
	for _, r := range l {
		out = append(out, *r)
	}
	sort.Slice(out, func(i, j int) bool {
		return out[i].Type < out[j].Type || out[i].Type == out[j].Type && out[i].Reason < out[j].Reason
	})
	return out
}

// Reasons of Remains.
const (
	whyNoID      = "no usable type and id"
	whyShape     = "a property has another type than the standard says"
	whyDuplicate = "the same object again"
	whyOlder     = "an older version of an object that is here too"
	whyKept      = "kept whole: MISP has no word for it"
	whyProperty  = "no place for this property"
	whyNowhere   = "refers to something that is not in the bundle"
	whyRevoked   = "revoked by its maker"
	whyLanguage  = "translations have no place"
	whyGranular  = "markings of parts have no place"
	whyMarking   = "a marking other than TLP has no place; its text became a tag"
	whyGroup     = "its sharing group is not named: only the own organisation sees it"
	whyExtension = "what our extension says contradicts the object, which counts"
	whyValue     = "a value that MISP refuses"
	whyNested    = "a report within a report"
)

// Reasons are the sentences of Remains, in an order that does not change.
var Reasons = []string{whyNoID, whyShape, whyDuplicate, whyOlder, whyKept, whyProperty, whyNowhere, whyRevoked, whyLanguage, whyGranular,
	whyMarking, whyGroup, whyExtension, whyValue, whyNested}

// Bundle is a document of STIX objects, read and not yet understood. It holds
// each object's bytes once, packed.
type Bundle struct {
	ID    string // "" when the document was a bare object or list
	Read  int    // objects in the document
	items []*item
	byID  map[string]*item
	left  ledger
	shelf shelf
	last  string // the last time of change: many objects have the same

	makers map[string]bool // identities that made or saw something
	inner  map[string]bool // observables that others refer to
	follow int             // bytes that following references may still cost: they multiply
}

type item struct {
	id, typ  string
	modified string
	on       *shelf
	at       shelved
	used     bool
}

// raw is the object's JSON, which nobody may change.
func (it *item) raw() []byte { return it.on.get(it.at) }

// uuid is the part of the id behind the type.
func (it *item) uuid() string { return it.id[len(it.typ)+2:] }

// sniffed are the beginnings that only STIX has.
var sniffed = regexp.MustCompile(`"type"\s*:\s*"bundle"|"spec_version"\s*:\s*"2\.|"id"\s*:\s*"[a-z][a-z0-9-]+--[0-9a-fA-F]{8}-`)

// Sniff tells whether the beginning of a JSON document looks like STIX and not
// like a MISP event. It wants some thousand bytes.
func Sniff(head []byte) bool {
	at := sniffed.FindIndex(head)
	if at == nil {
		return false
	}
	event := bytes.Index(head, []byte(`"Event"`))
	return event < 0 || event > at[0]
}

// ReadBundle reads a bundle, a TAXII envelope, a list of objects or one object,
// of STIX 2.1 or 2.0. A document that is not JSON, or larger or deeper than lim,
// is a *Fault; an object that is none is passed over and told of.
func ReadBundle(r io.Reader, lim Limits) (*Bundle, error) {
	lim = lim.withDefaults()
	b := &Bundle{byID: map[string]*item{}, left: ledger{}}
	src := &capped{r: r, left: lim.Bytes}
	dec := json.NewDecoder(src)
	err := b.document(dec, lim)
	if src.over {
		return nil, broken("the document is larger than %d bytes", lim.Bytes)
	}
	var f *Fault
	if err != nil && !errors.As(err, &f) {
		err = broken("the document is not JSON (at byte %d)", dec.InputOffset())
	}
	if err != nil {
		return nil, err
	}
	if len(b.items) == 0 {
		return nil, broken("there is no STIX object in the document")
	}
	return b, nil
}

// capped reads at most so many bytes and remembers that there were more.
type capped struct {
	r    io.Reader
	left int64
	over bool
}

func (c *capped) Read(p []byte) (int, error) {
	if c.left <= 0 {
		var one [1]byte
		n, err := c.r.Read(one[:])
		if n > 0 {
			c.over = true
			return 0, io.ErrUnexpectedEOF
		}
		return 0, err
	}
	n, err := c.r.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

func (b *Bundle) document(dec *json.Decoder, lim Limits) error {
	t, err := dec.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('['):
		err = b.objects(dec, lim)
	case json.Delim('{'):
		err = b.outer(dec, lim)
	default:
		return broken("the document is not a bundle")
	}
	if err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return broken("something follows the bundle")
	}
	return nil
}

// outer reads a bundle or envelope, or a bare object.
func (b *Bundle) outer(dec *json.Decoder, lim Limits) error {
	bare, seen := map[string]json.RawMessage{}, false
	size := 0
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		if key == "objects" && bare["pattern"] == nil && typeOf(bare) != "observed-data" { // there they are something else
			if t, err = dec.Token(); err != nil {
				return err
			}
			if t != json.Delim('[') {
				return broken("objects is not a list")
			}
			seen = true
			if err := b.objects(dec, lim); err != nil {
				return err
			}
			continue
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		if size += len(raw) + len(key); size > lim.Object {
			return broken("an object is larger than %d bytes", lim.Object)
		}
		bare[key] = raw
	}
	if _, err := dec.Token(); err != nil {
		return err
	}
	if seen || typeOf(bare) == "bundle" {
		_ = json.Unmarshal(bare["id"], &b.ID)
		if len(b.ID) > 100 {
			b.ID = ""
		}
		return nil
	}
	raw, err := json.Marshal(bare)
	if err != nil {
		return err
	}
	return b.add(raw, lim)
}

func typeOf(bare map[string]json.RawMessage) string {
	var s string
	_ = json.Unmarshal(bare["type"], &s)
	return s
}

func (b *Bundle) objects(dec *json.Decoder, lim Limits) error {
	for dec.More() {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return err
		}
		if err := b.add(raw, lim); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

// add takes one object in. Of several versions the newest counts.
func (b *Bundle) add(raw []byte, lim Limits) error {
	if b.Read++; b.Read > lim.Objects {
		return broken("there are more than %d objects", lim.Objects)
	}
	if len(raw) > lim.Object {
		return broken("an object is larger than %d bytes", lim.Object)
	}
	if bracket.Depth(raw) > lim.Depth {
		return broken("an object is nested deeper than %d", lim.Depth)
	}
	var h struct{ Type, ID, Modified any }
	if err := json.Unmarshal(raw, &h); err != nil {
		b.left.note("object", whyNoID, "")
		return nil
	}
	typ, _ := h.Type.(string)
	id, _ := h.ID.(string)
	mod, _ := h.Modified.(string)
	if !idOK(typ, id) {
		b.left.note(short(typ), whyNoID, id)
		return nil
	}
	if mod == b.last {
		mod = b.last
	}
	b.last = mod
	it := item{id: id, typ: id[:len(typ)], modified: mod, on: &b.shelf}
	if old := b.byID[id]; old != nil {
		switch {
		case mod > old.modified:
			it.at = b.shelf.put(raw)
			*old = it
			fallthrough
		case mod < old.modified:
			b.left.note(typ, whyOlder, id)
		default:
			b.left.note(typ, whyDuplicate, id)
		}
		return nil
	}
	b.follow += 8 * len(raw)
	it.at = b.shelf.put(raw)
	b.byID[id] = &it
	b.items = append(b.items, &it)
	return nil
}

// Head is what one object says of itself; refused is why it is no object of STIX
// 2.1 that can be stored, in words for its sender.
func Head(raw []byte) (typ, id, version, refused string) {
	var h struct {
		Type     any `json:"type"`
		ID       any `json:"id"`
		Spec     any `json:"spec_version"`
		Modified any `json:"modified"`
		Created  any `json:"created"`
	}
	if json.Unmarshal(raw, &h) != nil {
		return "", "", "", "not an object"
	}
	typ, _ = h.Type.(string)
	id, _ = h.ID.(string)
	if version, _ = h.Modified.(string); version == "" {
		version, _ = h.Created.(string)
	}
	switch {
	case !idOK(typ, id):
		return short(typ), short(id), "", "no usable type and id"
	case h.Spec != nil && h.Spec != "2.1":
		return typ, id, "", "not of STIX 2.1"
	case typ == "bundle":
		return typ, id, "", "a bundle is not an object; send what is in it"
	case len(raw) > 1<<20:
		return typ, id, "", "larger than 1 MiB"
	case bracket.Depth(raw) > 64:
		return typ, id, "", "nested too deep"
	}
	if _, ok := unixOf(version); version != "" && !ok {
		return typ, id, "", "modified is no time"
	}
	return typ, id, version, ""
}

// outerFirst sorts observables so that those that others refer to come last: they
// are told with what refers to them.
func (b *Bundle) outerFirst(list []*item) []*item {
	if b.inner == nil {
		b.inner = map[string]bool{}
		for _, it := range b.items {
			if observable(it) {
				eachRef(decode(it), 0, func(id string) { b.inner[id] = id != it.id })
			}
		}
	}
	out := make([]*item, 0, len(list))
	for _, last := range []bool{false, true} {
		for _, it := range list {
			if b.inner[it.id] == last {
				out = append(out, it)
			}
		}
	}
	return out
}

// idOK tests type and id as the standard writes them; of UUIDs the shape only,
// because not everybody makes the versions that it asks for.
func idOK(typ, id string) bool {
	if len(typ) < 2 || len(typ) > 250 || strings.Trim(typ, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return false
	}
	rest, ok := strings.CutPrefix(id, typ+"--")
	return ok && uuidShape(rest)
}

func uuidShape(u string) bool {
	if len(u) != 36 {
		return false
	}
	for i := range len(u) {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (u[i] == '-') || !dash && !isHexDigit(u[i]) {
			return false
		}
	}
	return true
}
