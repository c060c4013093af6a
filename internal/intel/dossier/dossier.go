package dossier

import (
	"strings"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// Types are what a dossier may be about, in MISP's words.
var Types = []string{"campaign", "intrusion_set", "named_threat", "other", "research"}

// Kinds are what an element may name.
var Kinds = []string{"Event", "GalaxyCluster", "Attribute", "Object", "EventReport"}

// Bounds of one dossier.
const (
	elementsMost = 10_000
	nameMost     = 255
	textMost     = 64 << 10
	wordMost     = 2000
)

// Dossier is one, with the elements that its reader may know of.
type Dossier struct {
	ID           int64
	UUID         string
	Org          intel.Org // holds it here
	Origin       intel.Org // made it
	Person       int64     // who made it, 0 for what came from elsewhere
	Distribution intel.Distribution
	Group        int64
	Locked       bool // came from another installation
	Type         string
	Name         string
	Description  string
	Created      int64 // seconds
	Modified     int64
	Elements     []Element
	Mine         bool // the caller may change it
}

// Element names one thing.
type Element struct {
	ID          int64
	UUID        string
	Target      string
	Kind        string
	Description string
	dossier     int64
}

// Draft is what somebody says of a dossier; nil keeps what is there.
type Draft struct {
	UUID         string
	Name         *string
	Type         *string
	Description  *string
	Distribution *intel.Distribution
	Group        *int64
	SharingGroup *misp.SharingGroup // instead of Group, by its UUID
	Elements     *[]Element         // all of them: one that is not named is taken out
}

// FromWire takes a document's words for a draft.
func FromWire(w *misp.Collection) (d Draft) {
	text := func(t misp.Text) *string {
		if t.Is != misp.Given {
			return nil
		}
		return &t.V
	}
	d = Draft{UUID: w.UUID.Or(""), Name: text(w.Name), Type: text(w.Type), Description: text(w.Description), SharingGroup: w.SharingGroup}
	if w.Distribution.Given() {
		level := intel.Distribution(w.Distribution.V)
		d.Distribution = &level
	}
	if w.SharingGroupID.Given() {
		d.Group = &w.SharingGroupID.V
	}
	if w.WithElements {
		list := []Element{}
		for _, e := range w.Elements {
			list = append(list, Element{UUID: e.UUID.Or(""), Target: e.ElementUUID.Or(""), Kind: e.ElementType.Or(""), Description: e.Description.Or("")})
		}
		d.Elements = &list
	}
	return d
}

// Stamp writes a time as MISP's collections have it.
func Stamp(seconds int64) string {
	return clock.FromMicros(seconds * 1e6).Format("2006-01-02 15:04:05")
}

func seconds(t misp.Text) int64 {
	at, ok := misp.ParseTime(t.Or(""))
	if !ok {
		return 0
	}
	return max(clock.Micros(at)/1e6, 0)
}

func (c *Dossier) thing() audit.Thing {
	return audit.Thing{Kind: "dossier", ID: c.ID, Label: c.UUID}
}

// lay puts a draft over a dossier and checks the whole. Pure.
func (c *Dossier) lay(d Draft) error {
	for _, x := range []struct {
		from *string
		to   *string
	}{{d.Name, &c.Name}, {d.Type, &c.Type}, {d.Description, &c.Description}} {
		if x.from != nil {
			*x.to = strings.TrimSpace(clean(*x.from))
		}
	}
	if d.Distribution != nil {
		c.Distribution = *d.Distribution
	}
	if d.Group != nil {
		c.Group = *d.Group
	}
	var bad fault.Collector
	bad.Require(c.Name != "" && len(c.Name) <= nameMost, "name", "intel.fault.dossier.name")
	bad.Require(known(Types, c.Type), "type", "intel.fault.dossier.type")
	bad.Require(len(c.Description) <= textMost, "description", "intel.fault.dossier.long")
	bad.Require(c.Distribution >= intel.OwnOrg && c.Distribution <= intel.Group, "distribution", "intel.fault.distribution")
	return bad.Err("a dossier")
}

// checked gives an element in its stored form; from elsewhere (foreign) its kind may be
// one that we do not know. Pure.
func (e Element) checked(foreign bool) (Element, error) {
	var ok bool
	if e.Target, ok = store.ParseUUID(strings.TrimSpace(e.Target)); !ok {
		return e, fault.Field("element_uuid", "intel.fault.uuid", "an element needs the UUID of what it names")
	}
	if !known(Kinds, e.Kind) && !(foreign && word(e.Kind)) {
		return e, fault.Field("element_type", "intel.fault.dossier.kind", "unknown kind of element %q", e.Kind)
	}
	if e.UUID != "" {
		if e.UUID, ok = store.ParseUUID(e.UUID); !ok {
			return e, fault.Field("uuid", "intel.fault.uuid", "no UUID")
		}
	}
	e.Description = strings.TrimSpace(clean(e.Description))
	if len(e.Description) > wordMost {
		return e, fault.Field("description", "intel.fault.dossier.long", "the text is too long")
	}
	return e, nil
}

// word tells a name of MISP's models from anything else.
func word(s string) bool {
	return s != "" && len(s) <= 40 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == ""
}

// checkedAll is checked for a list.
func checkedAll(list []Element, foreign bool) ([]Element, error) {
	if len(list) > elementsMost {
		return nil, fault.Field("elements", "intel.fault.dossier.many", "more than %d elements", elementsMost)
	}
	out := make([]Element, 0, len(list))
	for _, e := range list {
		e, err := e.checked(foreign)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func known(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func clean(s string) string { return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD") }

// mayWrite is the right to keep dossiers at all.
func mayWrite(who ident.Actor) error { return intel.MayWrite(who) }

// mine tells whether who may change a dossier: the organisation that made it, the
// one that holds what came from elsewhere, and MISP's site administrator.
func mine(who ident.Actor, c *Dossier) bool {
	if mayWrite(who) != nil {
		return false
	}
	return who.Org != 0 && (c.Origin.ID == who.Org || c.Locked && c.Org.ID == who.Org) || intel.SeesAll(who)
}

func maySync(who ident.Actor) error {
	if who.ReadOnly {
		return fault.New(fault.Denied, "%s holds a read-only key", who).WithKey("fault.read-only")
	}
	if who.Kind == ident.System {
		return nil
	}
	return access.Check(who, "misp.sync")
}

// diff tells which of the elements here, as far as the editor sees them, are to be
// added, changed and taken out so that they become want. Pure.
func diff(have, want []Element) (add, change []Element, drop []int64) {
	at := map[string]Element{}
	for _, e := range have {
		at[e.Target] = e
	}
	said := map[string]bool{}
	for _, e := range want {
		old, here := at[e.Target]
		switch {
		case said[e.Target]:
			continue // named twice: once
		case !here:
			add = append(add, e)
		case old.Description != e.Description || old.Kind != e.Kind:
			old.Description, old.Kind = e.Description, e.Kind
			change = append(change, old)
		}
		said[e.Target] = true
	}
	for _, e := range have {
		if !said[e.Target] {
			drop = append(drop, e.ID)
		}
	}
	return add, change, drop
}
