package inteltaxii

import (
	"slices"
	"strconv"

	"straza/internal/format/taxii"
	"straza/internal/intel"

	"straza/internal/kernel/web"
)

// onePage is what a request with filters and paging gets.
type onePage struct {
	list []intel.SharedObject
	more bool
	next string
}

// page reads the parameters and finds the page; of narrows it to one object.
func (x *exchange) page(c intel.Collection, resource taxii.Resource, of string) (p onePage, err error) {
	q, bad := taxii.ParseQuery(x.r.URL.Query(), resource)
	if bad != nil {
		return p, bad
	}
	// A cursor belongs to one collection, one object and one reader.
	scope := x.idOf(c) + "/" + of + "/" + strconv.Itoa(int(resource)) + "/" + strconv.FormatInt(x.who.Person, 10)
	after := int64(0)
	if !q.AddedAfter.IsZero() {
		after = max(0, q.AddedAfter.UnixMicro())
	}
	if q.Next != "" {
		at, bad := x.cursors.Decode(scope, q)
		if bad != nil {
			return p, bad
		}
		after = max(after, at.Added)
	}
	if len(q.SpecVersions) > 0 && !slices.Contains(q.SpecVersions, "2.1") {
		return p, nil // everything here is STIX 2.1
	}
	limit := page
	if q.Limit > 0 {
		limit = min(q.Limit, pageMax)
	}
	filter := q
	if of != "" {
		filter.IDs = []string{of}
	}
	if resource == taxii.ForVersions {
		filter.Versions = taxii.VersionFilter{All: true}
	}
	if p.list, p.more, err = x.Intel.SharedObjects(x.r.Context(), x.who, c, filter, after, limit); err != nil || len(p.list) == 0 {
		return p, err
	}
	if last := p.list[len(p.list)-1]; p.more {
		p.next = x.cursors.Encode(taxii.Cursor{Added: last.Added, ID: last.ID, Version: last.Version}, scope, q)
	}
	return p, nil
}

// dates sets the headers of section 3.4; an empty page has none, because there is
// nothing to tell.
func (x *exchange) dates(p onePage) {
	h := x.w.Header()
	if n := len(p.list); n > 0 {
		h.Set("X-TAXII-Date-Added-First", taxii.Micros(p.list[0].Added))
		h.Set("X-TAXII-Date-Added-Last", taxii.Micros(p.list[n-1].Added))
	}
}

// version is an object's version, or for one without, when it was added.
func version(o intel.SharedObject) string {
	if o.Version == "" {
		return taxii.Micros(o.Added)
	}
	return o.Version
}

func (x *exchange) manifest(c intel.Collection) error {
	p, err := x.page(c, taxii.ForObjects, "")
	if err != nil {
		return err
	}
	out := taxii.Manifest{More: p.more, Next: p.next}
	for _, o := range p.list {
		out.Objects = append(out.Objects, taxii.ManifestRecord{ID: o.ID, DateAdded: taxii.Micros(o.Added), Version: version(o), MediaType: taxii.MediaTypeSTIX})
	}
	x.dates(p)
	return x.answer(out)
}

func (x *exchange) objects(c intel.Collection) error {
	p, err := x.page(c, taxii.ForObjects, "")
	if err != nil {
		return err
	}
	return x.envelope(c, p)
}

func (x *exchange) object(c intel.Collection, id string) error {
	p, err := x.page(c, taxii.ForObject, id)
	if err != nil {
		return err
	}
	if err := x.exists(c, id, p); err != nil {
		return err
	}
	return x.envelope(c, p)
}

// exists tells an object that is not there from one that the filters leave out.
func (x *exchange) exists(c intel.Collection, id string, p onePage) error {
	if len(p.list) > 0 {
		return nil
	}
	list, _, err := x.Intel.SharedObjects(x.r.Context(), x.who, c, taxii.Query{IDs: []string{id}}, 0, 1)
	if err == nil && len(list) == 0 {
		err = missing("object")
	}
	return err
}

// envelope streams a page of objects.
func (x *exchange) envelope(c intel.Collection, p onePage) error {
	x.dates(p)
	x.w.Header().Set("Content-Type", taxii.MediaType)
	e := taxii.NewEnvelopeWriter(x.w)
	begun := false
	err := x.Intel.SharedContent(x.r.Context(), x.who, c, p.list, func(json []byte) error {
		begun = true
		return e.Object(json)
	})
	if err != nil {
		if begun {
			web.Broken(err)
		}
		return err
	}
	_ = e.Close(p.more, p.next) // the caller may have gone
	return nil
}

func (x *exchange) versions(c intel.Collection, id string) error {
	p, err := x.page(c, taxii.ForVersions, id)
	if err != nil {
		return err
	}
	if err := x.exists(c, id, p); err != nil {
		return err
	}
	out := taxii.Versions{More: p.more, Next: p.next}
	for _, o := range p.list {
		out.Versions = append(out.Versions, version(o))
	}
	x.dates(p)
	return x.answer(out)
}
