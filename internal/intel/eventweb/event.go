// Package eventweb is what the pages about one event share, whichever chamber they are of:
// where they stand, who comes in, which event an address means and whether the caller may
// change it, and the fields that ask who sees a part of it. It has no pages and no doors.
package eventweb

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"straza/internal/intel"
	"straza/internal/intel/bulk"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Where the events stand: the CERT's team has the console, organisations the portal.
const (
	Team   = "/console/events"
	Portal = "/portal/events"
)

var stands = web.Twin{Team: Team, Portal: Portal}

// Base is the events' address in the shell that the caller came to.
func Base(r *http.Request) string { return stands.Base(r) }

// Shell is the shell that the caller came to.
func Shell(r *http.Request) ui.Shell { return stands.Shell(r) }

// Places gives both addresses, and whom a permission lets in there: to the console the
// CERT's team alone.
func Places(yield func(at string, may func(perm string) web.Policy) bool) {
	_ = yield(Team, func(perm string) web.Policy { return web.Perm(perm).And("console.use") }) && yield(Portal, web.Perm)
}

// Seen is the event of the address, as the caller sees it. Faults: NotFound.
func Seen(r *http.Request, s *intel.Service) (intel.Event, error) {
	ref, err := web.Ref(r, "id")
	if err != nil {
		return intel.Event{}, err
	}
	return s.Event(r.Context(), web.Actor(r), ref)
}

// Mine is the event of the address, which the caller may change. Faults: NotFound, Denied.
func Mine(r *http.Request, s *intel.Service) (*intel.Event, error) {
	e, err := Seen(r, s)
	if err != nil {
		return nil, err
	}
	if intel.MayEdit(web.Actor(r), &e) != nil {
		return nil, fault.New(fault.Denied, "event %d", e.ID).WithKey("intel.fault.foreign")
	}
	return &e, nil
}

// Crumbs lead to an event, and on to what is done there.
func Crumbs(r *http.Request, e *intel.Event, what ...ui.Crumb) []ui.Crumb {
	return append([]ui.Crumb{{Label: web.T(r, "intel.events"), Href: Base(r)}, {Label: e.Info, Href: Base(r) + "/" + e.Ref()}}, what...)
}

// Reach asks who sees something: a level, and the group of level 4. A part of an event may
// say "as the event".
func Reach(r *http.Request, s *intel.Service, f *web.Form, part bool) ([]ui.Field, error) {
	ask := web.Reach{Level: "intel.who", Group: "intel.group", Words: "intel.distribution.", Levels: []string{"0", "1", "2", "3", "4"}, Groups: []ui.Option{{}}}
	if part {
		ask.Levels = append([]string{"5"}, ask.Levels...)
	}
	list, err := s.Groups(r.Context(), web.Actor(r))
	for _, g := range list {
		ask.Groups = append(ask.Groups, ui.Option{Value: strconv.FormatInt(g.ID, 10), Label: g.Name})
	}
	level, group := f.Reach(ask)
	return []ui.Field{level, group}, err
}

// AttributeIn loads an attribute of an event by its id; another event's is not found here.
func AttributeIn(r *http.Request, s *intel.Service, event, id int64) (intel.Attribute, error) {
	a, err := s.Attribute(r.Context(), web.Actor(r), strconv.FormatInt(id, 10))
	if err == nil && a.EventID != event {
		err = fault.New(fault.NotFound, "attribute %d in event %d", id, event)
	}
	return a, err
}

// Scope reads the filters over an event's table by their names in the address.
func Scope(get func(name string) string) intel.Scope {
	return intel.Scope{Text: get("q"), Type: get("type"), Category: get("category"), Tag: get("tag"), ToIDS: get("ids") == "1"}
}

// Narrow writes a scope as Scope reads it, "" for the whole event.
func Narrow(s intel.Scope) string {
	v := url.Values{}
	for name, x := range map[string]string{"q": s.Text, "type": s.Type, "category": s.Category, "tag": s.Tag} {
		if x != "" {
			v.Set(name, x)
		}
	}
	if s.ToIDS {
		v.Set("ids", "1")
	}
	return v.Encode()
}

// IndicatorsOf is the list of attributes of all events, beside a place of events.
func IndicatorsOf(events string) string {
	if events == Team {
		return "/console/indicators"
	}
	return events + "/indicators"
}

// Indicators is the list of attributes in the shell that the caller came to.
func Indicators(r *http.Request) string { return IndicatorsOf(Base(r)) }

// Progress says in words how far an act on many attributes is.
func Progress(r *http.Request, a *bulk.Act) string {
	n, all := i18n.Number(web.Lang(r), a.Result.Read), i18n.Number(web.Lang(r), a.Total)
	if a.Total == 0 {
		return web.T(r, "intel.going.some", "n", n)
	}
	return web.T(r, "intel.going.progress", "n", n, "all", all)
}

// Tag shows a tag's name for the eye: of "namespace:predicate="value"" the value beside
// its namespace, of a cluster's its name beside its galaxy; the whole stands in the title.
func Tag(name string) ui.Tag {
	tag := ui.Tag{Word: name}
	space, rest, ok := strings.Cut(name, ":")
	if !ok {
		return tag
	}
	tag.Space, tag.Word = space, rest
	predicate, value, _ := strings.Cut(rest, "=")
	if value = strings.Trim(value, `"`); value == "" {
		return tag
	}
	tag.Word, tag.Title = value, name
	if space == "misp-galaxy" {
		tag.Space = predicate
	}
	return tag
}

// TagWord is the part of a tag's name that Tag shows in dark.
func TagWord(name string) string { return Tag(name).Word }
