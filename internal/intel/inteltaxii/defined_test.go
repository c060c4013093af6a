package inteltaxii_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/taxii"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// lead is the person who defines collections.
func (h *house) lead() ident.Actor {
	if _, ok := h.who["lead"]; !ok {
		h.who["lead"] = testkit.Person(h.t, h.accounts, account.NewPerson{Email: "lead@example.com", Org: h.CERT.ID, Roles: []string{access.Lead}})
	}
	return h.who["lead"]
}

func (h *house) define(d intel.Definition) intel.Definition {
	h.t.Helper()
	if d.Title == "" {
		d.Title = strings.ToUpper(d.Alias)
	}
	if d.Readers == "" {
		d.Readers = intel.ReadMembers
	}
	if d.Ceiling == tlp.None {
		d.Ceiling = tlp.Green
	}
	out, err := h.Intel.SaveDefinition(ctx, h.lead(), "", d, false)
	h.Must(err)
	return out
}

func tagged(e *misp.Event, tags ...string) *misp.Event {
	for _, t := range tags {
		e.Tag = append(e.Tag, misp.Tag{Name: misp.T(t)})
	}
	return e
}

// reports gives the names of the reports in a collection, in its order, and the dates
// of addition of everything in it.
func (h *house) reports(who, alias string) (names []string, dates []string) {
	h.t.Helper()
	path := h.collection(who, alias)
	if path == "" {
		return []string{"no collection"}, nil
	}
	for _, o := range h.all(who, path, "limit=3") {
		if o.Type == "report" {
			names = append(names, o.Name)
		}
	}
	for _, m := range h.manifest(who, path, "") {
		dates = append(dates, m.DateAdded)
	}
	if !slices.IsSorted(dates) || len(slices.Compact(slices.Clone(dates))) != len(dates) {
		h.t.Errorf("%s: dates of addition do not rise: %v", alias, dates)
	}
	return names, dates
}

func (h *house) holds(who, alias string, want ...string) []string {
	h.t.Helper()
	names, dates := h.reports(who, alias)
	if !slices.Equal(names, want) {
		h.t.Errorf("%s reads %v in %s, not %v", who, names, alias, want)
	}
	return dates
}

// TestDefinedCollection: what the query finds is in it in the order of addition; an event
// that is tagged into it later comes as newly added though it was published long ago, one
// that is tagged out of it is gone at once, and so is what was unpublished or deleted.
func TestDefinedCollection(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		first := h.publish("alfa", tagged(sample("first", intel.Community, "first.example.com"), "tlp:green", "ransomware"))
		late := h.publish("alfa", tagged(sample("late", intel.Community, "late.example.com"), "tlp:green"))
		h.publish("alfa", tagged(sample("amber", intel.Community, "amber.example.com"), "tlp:amber", "ransomware"))
		h.publish("alfa", tagged(sample("private", intel.OwnOrg, "private.example.com"), "tlp:green", "ransomware"))
		d := h.define(intel.Definition{Alias: "ransomware", Tags: []string{"ransomware"}, NotTags: []string{"false-alarm"}})
		h.holds("beta", "ransomware", "first")
		h.holds("alfa", "ransomware", "first", "private")
		before := h.holds("gama", "ransomware", "first")

		// By its id and by its alias, and everything once through date of addition alone.
		var c taxii.Collection
		h.get("beta", "straza/collections/ransomware/", &c)
		if c.ID != d.UUID || c.Alias != "ransomware" || c.CanWrite || !c.CanRead {
			t.Errorf("%+v", c)
		}
		if d.UUID[14] != '4' {
			t.Errorf("%s is not of version 4", d.UUID)
		}

		now.Add(time.Hour)
		_, err := h.Intel.Attach(ctx, h.who["lead"], intel.Target{Event: late.UUID}, []string{"ransomware"}, true)
		h.Must(err)
		after := h.holds("gama", "ransomware", "first", "late")
		if !slices.Equal(after[:len(before)], before) {
			t.Errorf("dates of what was there moved: %v, %v", before, after)
		}
		var e envelope
		head := h.get("gama", "straza/collections/ransomware/objects/?added_after="+before[len(before)-1], &e)
		if len(e.Objects) != len(after)-len(before) || head.Get("X-TAXII-Date-Added-First") != after[len(before)] {
			t.Errorf("%d objects after %s, first %s", len(e.Objects), before[len(before)-1], head.Get("X-TAXII-Date-Added-First"))
		}

		// Out again, at once, for the objects' own addresses too.
		report := h.all("gama", "straza/collections/ransomware/", "match[type]=report")[0].ID
		h.get("gama", "straza/collections/ransomware/objects/"+report+"/", &e)
		_, err = h.Intel.Attach(ctx, h.who["lead"], intel.Target{Event: first.UUID}, []string{"false-alarm"}, true)
		h.Must(err)
		h.holds("gama", "ransomware", "late")
		if a := h.ask("gama", "straza/collections/ransomware/objects/"+report+"/"); a.code != http.StatusNotFound {
			t.Errorf("%d for what has left", a.code)
		}
		// And in: it comes as newly added.
		now.Add(time.Hour)
		h.Must(h.Intel.Detach(ctx, h.who["lead"], intel.Target{Event: first.UUID}, []string{"false-alarm"}))
		h.holds("gama", "ransomware", "late", "first")
		h.Must(h.Intel.Unpublish(ctx, h.who["alfa"], late.UUID))
		h.holds("gama", "ransomware", "first")
		h.Must(h.Intel.DeleteEvent(ctx, h.who["alfa"], first.UUID))
		h.holds("gama", "ransomware")
		h.holds("alfa", "ransomware", "private")

		// The query changes, and what is published is gone through.
		d.Tags, d.Days = nil, 1
		_, err = h.Intel.SaveDefinition(ctx, h.lead(), d.Alias, d, false)
		h.Must(err)
		h.again("alfa", late.UUID)
		h.holds("gama", "ransomware", "late")
		now.Add(25 * time.Hour)
		h.holds("gama", "ransomware")
		h.Must(h.Intel.DeleteDefinition(ctx, h.lead(), d.UUID))
		if h.collection("gama", "ransomware") != "" {
			t.Error("a deleted collection is offered")
		}
	})
}

// TestDefinedReaders: who is not named does not learn of a collection; who was named and
// is no more loses it at once; nobody reads more in it than elsewhere.
func TestDefinedReaders(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		h.publish("alfa", tagged(groupEvent(h, "shared", "shared.example.com"), "tlp:amber"))
		h.publish("alfa", tagged(sample("open", intel.Community, "open.example.com"), "tlp:clear"))
		named := h.define(intel.Definition{Alias: "named", Readers: intel.ReadNamed, Orgs: []intel.Org{{ID: h.C.ID}}, Ceiling: tlp.AmberStrict})
		group, err := h.Intel.SaveDefinition(ctx, h.lead(), "", intel.Definition{Alias: "friends", Title: "F", Readers: intel.ReadGroup, Circle: h.group, Ceiling: tlp.Amber}, false)
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("a group that the lead is not in: %+v, %v", group, err)
		}
		h.Must(h.Intel.AddGroupOrg(ctx, h.who["alfa"], h.group.UUID, h.CERT, false))
		h.who["lead"] = h.Again(h.lead())
		h.define(intel.Definition{Alias: "friends", Readers: intel.ReadGroup, Circle: intel.SharingGroup{UUID: h.group.UUID}, Group: h.group, Ceiling: tlp.Amber})
		h.holds("gama", "named", "open") // not what is shared with others
		h.holds("beta", "named", "no collection")
		h.holds("beta", "friends", "shared")
		h.holds("gama", "friends", "no collection")
		for _, path := range []string{"", "objects/", "manifest/", "objects/report--" + named.UUID + "/"} {
			if a := h.ask("beta", "straza/collections/"+named.UUID+"/"+path); a.code != http.StatusNotFound {
				t.Errorf("%d for a stranger at %q", a.code, path)
			}
		}
		named.Orgs = []intel.Org{{UUID: h.B.UUID}}
		_, err = h.Intel.SaveDefinition(ctx, h.lead(), named.UUID, named, false)
		h.Must(err)
		h.holds("beta", "named", "shared", "open")
		h.holds("gama", "named", "no collection")
		h.Must(h.Intel.RemoveGroupOrg(ctx, h.who["alfa"], h.group.UUID, h.B))
		h.holds("beta", "named", "open")
		h.holds("beta", "friends", "no collection")
	})
}

func groupEvent(h *house, info, value string) *misp.Event {
	e := sample(info, intel.Group, value)
	e.SharingGroupID = misp.N(h.group.ID)
	return e
}

// TestDefinedCeiling: neither an event nor a part of one that is labelled above the
// ceiling is in a collection, and of types only those that were chosen, with what makes
// them readable.
func TestDefinedCeiling(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		e := tagged(sample("parts", intel.OwnOrg, "green.example.com"), "tlp:green")
		amber := inteltest.Attr("domain", "amber.example.com")
		amber.ToIDS, amber.Tag = misp.B(true), []misp.Tag{{Name: misp.T("tlp:amber")}}
		e.Attribute = append(e.Attribute, amber)
		person := inteltest.Attr("full-name", "Ana Somebody")
		person.ObjectRelation = misp.T("full-name")
		e.Object = append(e.Object, misp.Object{Name: misp.T("person"), MetaCategory: misp.T("misc"), Attribute: []misp.Attribute{person}})
		h.publish("alfa", e)
		h.define(intel.Definition{Alias: "below", Ceiling: tlp.Green})
		h.define(intel.Definition{Alias: "named", Ceiling: tlp.Amber, Readers: intel.ReadNamed, Orgs: []intel.Org{h.A}})
		h.define(intel.Definition{Alias: "sensors", Types: []string{"indicator"}})
		has := func(alias, text string) bool {
			for _, o := range h.all("alfa", h.collection("alfa", alias), "") {
				if strings.Contains(o.raw, text) {
					return true
				}
			}
			return false
		}
		for alias, want := range map[string]bool{"below": false, "named": true, "own": true} {
			if has(alias, "amber.example.com") != want || !has(alias, "green.example.com") {
				t.Errorf("%s: amber %v, green %v", alias, !want, has(alias, "green.example.com"))
			}
		}
		// A label that is for here alone binds too, from the moment it stands.
		var later intel.Attribute
		w := h.who["lead"]
		h.publish("lead", tagged(sample("later", intel.Community, "later.example.com"), "tlp:green"))
		if !has("below", "later.example.com") || !has("named", "later.example.com") {
			t.Error("not in the collections before")
		}
		h.Must(h.Intel.SearchAttributes(ctx, w, intel.Query{Value: intel.Filter{Or: []string{"later.example.com"}}}, func(a *intel.Attribute) error { later = *a; return nil }))
		_, err := h.Intel.Attach(ctx, w, intel.Target{Attribute: later.UUID}, []string{"tlp:amber"}, true)
		h.Must(err)
		if has("below", "later.example.com") {
			t.Error("labelled AMBER here, and below GREEN")
		}
		if has("sensors", "Ana Somebody") || !has("below", "Ana Somebody") { // an identity, and none that makes others readable
			t.Errorf("whom an event is about: with indicators %v, else %v", has("sensors", "Ana Somebody"), has("below", "Ana Somebody"))
		}
		kinds := map[string]bool{}
		for _, o := range h.all("alfa", h.collection("alfa", "sensors"), "") {
			kinds[o.Type] = true
		}
		if !kinds["indicator"] || !kinds["identity"] || !kinds["marking-definition"] || kinds["report"] || kinds["observed-data"] || kinds["domain-name"] {
			t.Errorf("types %v", kinds)
		}
	})
}

// TestDefinedInbox: what a reader posts to a collection is an event to be looked at, and
// in the collection as soon as somebody publishes it; nobody may delete what others read.
func TestDefinedInbox(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		h.define(intel.Definition{Alias: "reading"})
		h.define(intel.Definition{Alias: "given", Chosen: true, Inbox: true})
		h.publish("alfa", tagged(sample("other", intel.Community, "other.example.com"), "tlp:green"))
		post := func(who, alias string) int {
			return h.ask(who, "straza/collections/"+alias+"/objects/", send(envelopeWith(badIP))).code
		}
		for alias, want := range map[string]int{"reading": 403, "given": 202, "nothing": 404} {
			if code := post("beta", alias); code != want {
				t.Errorf("%s: %d", alias, code)
			}
		}
		if code := post("gama", "given"); code != 403 { // reads, and may not write
			t.Errorf("read-only: %d", code)
		}
		h.drain(db)
		h.holds("beta", "given")
		ref := ""
		_, err := h.Intel.SearchEvents(ctx, h.who["beta"], intel.Query{Value: intel.Filter{Or: []string{"198.51.100.120"}}}, func(e *intel.Event) error { ref = e.UUID; return nil })
		h.Must(err)
		h.again("beta", ref)
		if got := h.all("beta", h.collection("beta", "given"), "match[type]=indicator"); len(got) != 1 {
			t.Errorf("%d indicators given", len(got))
		}
		h.holds("alfa", "given") // its distribution is its maker's to widen
		if a := h.ask("beta", "straza/collections/given/objects/indicator--82a48ef4-acc4-4f85-982c-870edf5db19b/", func(r *http.Request) { r.Method = http.MethodDelete }); a.code != 403 {
			t.Errorf("DELETE: %d", a.code)
		}
	})
}

// TestWhomAnEventIsAboutKeepsItsAudience: a person or organisation that an object stands for
// is an identity in STIX, and no maker that everybody learns of.
func TestWhomAnEventIsAboutKeepsItsAudience(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		e := tagged(sample("about", intel.Community, "open.example.com"), "tlp:green")
		for name, level := range map[string]int64{"Open Name": int64(intel.Community), "Secret Name": int64(intel.OwnOrg)} {
			a := inteltest.Attr("full-name", name)
			a.ObjectRelation = misp.T("full-name")
			e.Object = append(e.Object, misp.Object{Name: misp.T("person"), MetaCategory: misp.T("misc"), Distribution: misp.N(level), Attribute: []misp.Attribute{a}})
		}
		h.publish("alfa", e)
		for who, want := range map[string]string{"alfa": "Open Name Secret Name", "beta": "Open Name", "gama": "Open Name"} {
			var got []string
			for _, o := range h.all(who, h.collection(who, "community"), "match[type]=identity") {
				if strings.HasSuffix(o.Name, " Name") {
					got = append(got, o.Name)
				}
			}
			slices.Sort(got)
			if strings.Join(got, " ") != want {
				t.Errorf("%s reads %q, not %q", who, got, want)
			}
		}
	})
}
