package taxii

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Query are the filters and paging of one request (sections 3.4 and 3.5).
type Query struct {
	AddedAfter   time.Time // zero: none; the instant itself is excluded
	Limit        int       // 0: not asked
	Next         string
	IDs          []string
	Types        []string
	Versions     VersionFilter
	SpecVersions []string // empty: the newest of each object
}

// VersionFilter chooses among the versions of an object. The zero value is the
// standard's default, the last.
type VersionFilter struct {
	All   bool
	First bool
	Last  bool
	Exact []string // as sent; they compare as times
}

// Resource names what is asked for; each takes other parameters.
type Resource uint8

// The resources that take filters.
const (
	ForObjects  Resource = iota // objects and manifest
	ForObject                   // one object
	ForVersions                 // the versions of one object
)

// ParseQuery reads the parameters that a resource takes. Malformed and repeated
// ones are a 400; unknown ones are passed over, as the standard allows.
func ParseQuery(v url.Values, r Resource) (Query, *Error) {
	var q Query
	one := func(key string) (string, bool, *Error) {
		list := v[key]
		if len(list) > 1 {
			return "", false, bad(key, "given more than once")
		}
		if len(list) == 0 {
			return "", false, nil
		}
		if list[0] == "" || len(list[0]) > 8192 {
			return "", false, bad(key, "empty or too long")
		}
		return list[0], true, nil
	}
	for _, p := range parameters {
		if p.in&(1<<r) == 0 {
			continue
		}
		s, ok, fault := one(p.key)
		if fault == nil && ok {
			fault = p.set(&q, s)
		}
		if fault != nil {
			return Query{}, fault
		}
	}
	return q, nil
}

func bad(key, why string) *Error { return NewError(400, "Invalid parameter", key+": "+why) }

const (
	objects  = 1 << ForObjects
	object   = 1 << ForObject
	versions = 1 << ForVersions
)

var parameters = []struct {
	key string
	in  int
	set func(q *Query, s string) *Error
}{
	{"added_after", objects | object | versions, func(q *Query, s string) *Error {
		t, ok := ParseTime(s)
		if !ok {
			return bad("added_after", "not a timestamp in UTC")
		}
		q.AddedAfter = t
		return nil
	}},
	{"limit", objects | object | versions, func(q *Query, s string) *Error {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil || n < 1 || s[0] == '+' {
			return bad("limit", "not a whole number greater than 0")
		}
		q.Limit = int(min(n, 1<<30))
		return nil
	}},
	{"next", objects | object | versions, func(q *Query, s string) *Error { q.Next = s; return nil }},
	{"match[id]", objects, func(q *Query, s string) *Error {
		list, fault := commas("match[id]", s)
		for _, id := range list {
			if typ, rest, ok := strings.Cut(id, "--"); !ok || typ == "" || len(rest) != 36 {
				return bad("match[id]", "not an identifier")
			}
		}
		q.IDs = list
		return fault
	}},
	{"match[type]", objects, func(q *Query, s string) (fault *Error) { q.Types, fault = commas("match[type]", s); return fault }},
	{"match[version]", objects | object, parseVersions},
	{"match[spec_version]", objects | object | versions, func(q *Query, s string) (fault *Error) {
		if q.SpecVersions, fault = commas("match[spec_version]", s); fault != nil {
			return fault
		}
		for _, sv := range q.SpecVersions {
			if major, minor, ok := strings.Cut(sv, "."); !ok || !digits(major) || !digits(minor) {
				return bad("match[spec_version]", "not a version")
			}
		}
		return nil
	}},
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// commas splits an OR list; empty and repeated elements are faults.
func commas(key, s string) ([]string, *Error) {
	list := strings.Split(s, ",")
	if len(list) > 1000 {
		return nil, bad(key, "more than 1000 elements")
	}
	seen := map[string]bool{}
	for _, e := range list {
		if e == "" || seen[e] {
			return nil, bad(key, "empty or repeated element")
		}
		seen[e] = true
	}
	return list, nil
}

func parseVersions(q *Query, s string) *Error {
	list, fault := commas("match[version]", s)
	if fault != nil {
		return fault
	}
	for _, e := range list {
		switch e {
		case "all":
			q.Versions.All = true
		case "first":
			q.Versions.First = true
		case "last":
			q.Versions.Last = true
		default:
			if _, ok := ParseTime(e); !ok {
				return bad("match[version]", "not first, last, all or a timestamp")
			}
			q.Versions.Exact = append(q.Versions.Exact, e)
		}
	}
	if q.Versions.All && len(list) > 1 {
		return bad("match[version]", "all stands alone")
	}
	return nil
}

// OnlyLast reports the default: the last version and nothing else.
func (f VersionFilter) OnlyLast() bool { return !f.All && !f.First && len(f.Exact) == 0 }

// Select returns those of an object's versions, oldest first, that the filter
// wants.
func (f VersionFilter) Select(all []string) []string {
	if f.All || len(all) == 0 {
		return all
	}
	if f.OnlyLast() {
		return all[len(all)-1:]
	}
	var out []string
	for i, v := range all {
		want := f.First && i == 0 || f.Last && i == len(all)-1
		if !want {
			t, ok := ParseTime(v)
			want = ok && slices.ContainsFunc(f.Exact, func(e string) bool { x, _ := ParseTime(e); return x.Equal(t) })
		}
		if want {
			out = append(out, v)
		}
	}
	return out
}
