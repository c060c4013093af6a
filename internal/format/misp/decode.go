package misp

import (
	"io"
	"strconv"
)

// ItemKind says what an Item delivers.
type ItemKind uint8

// The items of one event come in this order: one ItemStart, any number of
// ItemAttribute and ItemObject, one ItemEnd.
const (
	ItemStart     ItemKind = iota // Event: what stood before the first attribute or object
	ItemAttribute                 // Attribute: one that stands in no object
	ItemObject                    // Object: with its attributes and references
	ItemEnd                       // Event: whole, but for attributes and objects
)

// Item is one piece of a document of events.
type Item struct {
	Kind      ItemKind
	Event     *Event // the header as far as it is known; the same pointer from start to end
	Attribute *Attribute
	Object    *Object
	Index     int // of the event in the document
	r         *reader
}

// Pos is the place behind the item; it may be asked only inside the callback.
func (it Item) Pos() Position { return it.r.position() }

// Decode reads events from r and hands them to fn piece by piece, so that memory
// follows the largest single object and not the event. It takes every wrapper
// seen in the wild: {"Event":…}, {"response":[{"Event":…}]},
// {"response":{"Event":…}}, a list of either, and the bare event.
//
// Clients that sort keys put Attribute before info: a caller that needs the whole
// header first reads the document twice (DecodeHeaders) or whole (DecodeEvents).
//
// A fault of the document is an *Error with its place; an error of fn ends the
// reading and is returned as it is. A document without any event is a fault.
func Decode(r io.Reader, lim Limits, fn func(Item) error) error {
	d := decoder{r: newReader(r, lim), fn: fn}
	return d.document()
}

// DecodeHeaders reads only the headers, each whole, and passes over attributes
// and objects.
func DecodeHeaders(r io.Reader, lim Limits, fn func(*Event) error) error {
	d := decoder{r: newReader(r, lim), headers: true, fn: func(it Item) error {
		if it.Kind != ItemEnd {
			return nil
		}
		return fn(it.Event)
	}}
	return d.document()
}

// DecodeEvents reads whole events, one at a time.
func DecodeEvents(r io.Reader, lim Limits, fn func(*Event) error) error {
	return Decode(r, lim, func(it Item) error {
		switch it.Kind {
		case ItemAttribute:
			it.Event.Attribute = append(it.Event.Attribute, *it.Attribute)
		case ItemObject:
			it.Event.Object = append(it.Event.Object, *it.Object)
		case ItemEnd:
			return fn(it.Event)
		}
		return nil
	})
}

type decoder struct {
	r       *reader
	fn      func(Item) error
	headers bool
	events  int
}

func (d *decoder) document() error {
	c, err := d.r.peek()
	if err != nil {
		return err
	}
	if c == 0xEF { // a byte order mark, which RFC 8259 lets us pass over
		for _, want := range []byte("\xEF\xBB\xBF") {
			if b, err := d.r.take(); err != nil || b != want {
				return d.r.fail(ErrSyntax, "expected an event")
			}
		}
	}
	if err := d.value(); err != nil {
		return err
	}
	if d.events == 0 {
		return d.r.fail(ErrType, "no event in the document")
	}
	return d.r.end()
}

// value reads a list of events, a wrapper or a bare event.
func (d *decoder) value() error {
	c, err := d.r.peek()
	if err != nil {
		return err
	}
	switch c {
	case '[':
		return d.r.list(func(int) error { return d.value() })
	case '{':
		return d.wrapper()
	}
	return d.r.fail(ErrType, "expected an event")
}

func (d *decoder) wrapper() error {
	if err := d.r.enter(); err != nil {
		return err
	}
	for {
		key, ok, err := d.r.key()
		if err != nil || !ok {
			return err
		}
		switch {
		case key == "Event" || key == "response":
			d.r.path = append(d.r.path, step{key: key})
			if key == "Event" {
				err = d.inner()
			} else {
				err = d.value()
			}
			if err == nil {
				d.r.path = d.r.path[:len(d.r.path)-1]
			}
		case new(Event).field(key) != nil:
			d.r.hold(key)
			return d.event()
		default:
			if _, e := strconv.Atoi(key); e == nil { // PHP's list with holes
				err = d.value()
			} else {
				err = d.r.skip()
			}
		}
		if err != nil {
			return err
		}
	}
}

// inner reads what stands under the key Event: an event, or a list of them.
func (d *decoder) inner() error {
	c, err := d.r.peek()
	if err != nil {
		return err
	}
	switch c {
	case '[':
		return d.r.list(func(int) error { return d.inner() })
	case '{':
		return d.event()
	}
	return d.r.fail(ErrType, "expected an event")
}

// pass is the reading of one event.
type pass struct {
	d          *decoder
	e          *Event
	started    bool
	attributes int
	objects    int
}

func (d *decoder) event() error {
	if d.events == d.r.lim.Events {
		return d.r.fail(ErrLimit, "more than %d events", d.r.lim.Events)
	}
	p := pass{d: d, e: &Event{}}
	if _, err := d.r.object(p.key); err != nil {
		return err
	}
	if err := p.start(); err != nil {
		return err
	}
	d.events++
	return p.emit(Item{Kind: ItemEnd})
}

func (p *pass) emit(it Item) error {
	it.Event, it.Index, it.r = p.e, p.d.events, p.d.r
	if it.Kind == ItemEnd {
		it.Index--
	}
	return p.d.fn(it)
}

func (p *pass) start() error {
	if p.started {
		return nil
	}
	p.started = true
	return p.emit(Item{Kind: ItemStart})
}

func (p *pass) key(key string) error {
	r := p.d.r
	switch {
	case key == "Attribute" && p.d.headers, key == "Object" && p.d.headers:
		return r.skip()
	case key == "Attribute":
		p.e.Attribute = []Attribute{}
		return p.items(p.attribute)
	case key == "Object":
		p.e.Object = []Object{}
		return p.items(p.object)
	}
	if n := p.e.field(key); n != nil {
		return n.read(r)
	}
	return r.skip()
}

func (p *pass) items(fn func(int) error) error {
	if err := p.start(); err != nil {
		return err
	}
	// The counts of attributes and objects have limits of their own.
	old := p.d.r.lim.Elements
	p.d.r.lim.Elements = max(p.d.r.lim.Attributes, p.d.r.lim.Objects) + 1
	err := p.d.r.list(func(i int) error {
		inner := p.d.r.lim.Elements
		p.d.r.lim.Elements = old
		err := fn(i)
		p.d.r.lim.Elements = inner
		return err
	})
	p.d.r.lim.Elements = old
	return err
}

func (p *pass) count(attributes, objects int) error {
	p.attributes += attributes
	p.objects += objects
	switch lim := p.d.r.lim; {
	case p.attributes > lim.Attributes:
		return p.d.r.fail(ErrLimit, "more than %d attributes", lim.Attributes)
	case p.objects > lim.Objects:
		return p.d.r.fail(ErrLimit, "more than %d objects", lim.Objects)
	}
	return nil
}

func (p *pass) attribute(int) error {
	a := new(Attribute)
	ok, err := p.d.r.record(a)
	if err != nil || !ok {
		return err
	}
	if err := p.count(1, 0); err != nil {
		return err
	}
	return p.emit(Item{Kind: ItemAttribute, Attribute: a})
}

func (p *pass) object(int) error {
	o := new(Object)
	ok, err := p.d.r.record(o)
	if err != nil || !ok {
		return err
	}
	if err := p.count(len(o.Attribute), 1); err != nil {
		return err
	}
	return p.emit(Item{Kind: ItemObject, Object: o})
}

// Wire are the types that stand alone in a request or an answer.
type Wire interface {
	Event | Attribute | Object | ObjectReference | Tag | Galaxy | GalaxyCluster | GalaxyClusterRelation | Org | SharingGroup |
		ShadowAttribute | Sighting | EventReport | Analyst
}

// Read decodes one document that holds a T or a list of them: bare, or under
// the key wrap ({"Attribute":{…}}, {"Attribute":[…]}, [{"Attribute":…},…]); a
// "request" or "response" around it is unwrapped as searches do. list tells that the caller
// sent a list. Keys beside the wrapper are passed over.
func Read[T Wire, P interface {
	*T
	record
}](src io.Reader, lim Limits, wrap string) (out []T, list bool, err error) {
	r := newReader(src, lim)
	var value func() error
	value = func() error {
		c, err := r.peek()
		if err != nil {
			return err
		}
		if c == '[' {
			list = true
			return r.list(func(int) error { return value() })
		}
		if c != '{' {
			return r.fail(ErrType, "expected %s", wrap)
		}
		if err := r.enter(); err != nil {
			return err
		}
		for {
			key, ok, err := r.key()
			if err != nil || !ok {
				return err
			}
			switch {
			case key == wrap || key == "request" || key == "response":
				err = value()
			case P(new(T)).field(key) != nil:
				r.hold(key)
				out = append(out, *new(T))
				_, err = r.record(P(&out[len(out)-1]))
				return err
			default:
				err = r.skip()
			}
			if err != nil {
				return err
			}
		}
	}
	if err = value(); err == nil {
		err = r.end()
	}
	return out, list, err
}
