package inteltaxii_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/misp"
	"straza/internal/format/taxii"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// parts are the rows of every event of the leak test, named by what they are.
var parts = []string{"inherit", "own", "all", "group", "in-own-object", "in-object", "own-in-object", "group-in-object", "all-in-group-object"}

var levels = map[string]intel.Distribution{"own": intel.OwnOrg, "community": intel.Community, "all": intel.All, "group": intel.Group}

// mixed is an event of a level with a row for each way in which a row is reached.
func (h *house) mixed(name string, level intel.Distribution) *misp.Event {
	at := func(part string, level intel.Distribution) misp.Attribute {
		a := inteltest.Attr("domain", name+"--"+part+".example.com")
		a.UUID = misp.T(h.DB.NewUUID())
		a.ToIDS, a.ObjectRelation = misp.B(true), misp.T("domain")
		if a.Distribution = misp.N(int64(level)); level == intel.Group {
			a.SharingGroupID = misp.N(h.group.ID)
		}
		return a
	}
	e := inteltest.Event(name, level)
	if level == intel.Group {
		e.SharingGroupID = misp.N(h.group.ID)
	}
	e.Attribute = []misp.Attribute{at("inherit", intel.Inherit), at("own", intel.OwnOrg), at("all", intel.All), at("group", intel.Group)}
	secret := e.Attribute[1].UUID.V
	e.Object = []misp.Object{
		{UUID: misp.T(h.DB.NewUUID()), Name: misp.T("domain-ip"), Distribution: misp.N(0), Attribute: []misp.Attribute{at("in-own-object", intel.Inherit)}},
		{UUID: misp.T(h.DB.NewUUID()), Name: misp.T("domain-ip"), Distribution: misp.N(5), Attribute: []misp.Attribute{at("in-object", intel.Inherit), at("own-in-object", intel.OwnOrg), at("group-in-object", intel.Group)}},
		{UUID: misp.T(h.DB.NewUUID()), Name: misp.T("custom-thing"), Distribution: misp.N(4), SharingGroupID: misp.N(h.group.ID), Attribute: []misp.Attribute{at("all-in-group-object", intel.All)}},
	}
	for i, o := range e.Object { // a ring of references, and one to a hidden attribute
		to := e.Object[(i+1)%3].UUID.V
		for _, target := range []string{to, secret} {
			e.Object[i].ObjectReference = append(e.Object[i].ObjectReference, misp.ObjectReference{UUID: misp.T(h.DB.NewUUID()), SourceUUID: o.UUID,
				ReferencedUUID: misp.T(target), RelationshipType: misp.T("connected-to")})
		}
	}
	red := misp.Tag{Name: misp.T("tlp:amber")}
	e.Attribute[1].Tag = []misp.Tag{red} // a label on what is hidden
	e.EventReport = []misp.EventReport{{UUID: misp.T(h.DB.NewUUID()), Name: misp.T(name + "--own report"), Content: misp.T("x"), Distribution: misp.N(0)},
		{UUID: misp.T(h.DB.NewUUID()), Name: misp.T(name + "--inherit report"), Content: misp.T("x"), Distribution: misp.N(5)}}
	return e
}

// sees computes, outside SQL, whether somebody sees a row: event and object and
// attribute.
func sees(who, row string) bool {
	event, part, _ := strings.Cut(row, "--")
	level := func(l string) bool {
		switch l {
		case "own":
			return who == "alfa"
		case "group":
			return who == "alfa" || who == "beta"
		}
		return true
	}
	child := map[string]bool{"inherit": true, "own": level("own"), "all": true, "group": level("group"), "in-own-object": level("own"), "in-object": true,
		"own-in-object": level("own"), "group-in-object": level("group"), "all-in-group-object": level("group")}
	return level(event) && child[part]
}

var (
	rowName = regexp.MustCompile(`(?:own|community|all|group)--[a-z-]+(?:\.example\.com)?`)
	stixID  = regexp.MustCompile(`[a-z0-9-]+--[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
)

// TestNobodySeesMore: in every collection everybody gets exactly the rows that
// the rule computed by hand gives them: three organisations, two CERTs, every
// level, and not one identifier of anything else.
func TestNobodySeesMore(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		for _, name := range []string{"own", "community", "all", "group"} {
			h.publish("alfa", h.mixed(name, levels[name]))
			h.now.Add(time.Second)
			h.Add(h.who["alfa"], sample("unpublished", levels["all"], name+"--unpublished.example.com"))
		}
		// Alfa is named as its maker, but Beta holds it for itself.
		foreign := h.publish("beta", sample("foreign", intel.OwnOrg, "own--foreign.example.com"))
		h.Must(db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE intel_event SET orgc_id = $2 WHERE id = $1", foreign.ID, h.A.ID)
			return err
		}))
		for _, who := range []string{"alfa", "beta", "gama", "cert", "cert2"} {
			got, have := map[string]bool{}, map[string]object{}
			var list taxii.Collections
			h.get(who, "straza/collections/", &list)
			for _, c := range list.Collections {
				path := "straza/collections/" + c.ID + "/"
				all := h.all(who, path, "limit=7")
				if m := h.manifest(who, path, ""); len(m) != len(all) {
					t.Errorf("%s: %d in the manifest of %s, %d objects", who, len(m), c.Title, len(all))
				}
				in := map[string]bool{}
				for _, o := range all {
					in[o.ID], have[o.ID] = true, o
				}
				for _, o := range all {
					if o.Type == "marking-definition" && !slices.ContainsFunc(all, func(x object) bool { return slices.Contains(x.Marks, o.ID) }) {
						t.Errorf("%s: a label in %s that nothing carries: %s", who, c.Title, o.raw)
					}
					for _, row := range rowName.FindAllString(o.raw, -1) {
						got[strings.TrimSuffix(row, ".example.com")] = true
					}
					for _, id := range stixID.FindAllString(o.raw, -1) { // whatever is named is delivered
						if !in[id] && !strings.HasPrefix(id, "extension-definition--") {
							t.Errorf("%s: %s in %s names %s, which is not there", who, o.ID, c.Title, id)
						}
					}
				}
			}
			var want, have2 []string
			if who == "beta" {
				want = append(want, "own--foreign")
			}
			for _, e := range []string{"own", "community", "all", "group"} {
				for _, p := range parts {
					if sees(who, e+"--"+p) {
						want = append(want, e+"--"+p)
					}
				}
				for _, r := range []string{"own", "inherit"} { // reports
					if sees(who, e+"--"+r) && !got[e+"--"+r] {
						t.Errorf("%s misses the report %s--%s", who, e, r)
					}
				}
			}
			for row := range got {
				have2 = append(have2, row)
			}
			slices.Sort(want)
			slices.Sort(have2)
			if diff := cmp.Diff(want, have2); diff != "" {
				t.Errorf("%s (-rule +got):\n%s", who, diff)
			}
			h.noneOf(who, have)
		}
	})
}

// noneOf asks for everything that alfa has and somebody has not, by id.
func (h *house) noneOf(who string, have map[string]object) {
	h.t.Helper()
	var foreign []string
	for _, alias := range []string{"own", "community", "group-" + h.group.UUID} {
		for _, o := range h.all("alfa", h.collection("alfa", alias), "") {
			if _, ok := have[o.ID]; !ok && !slices.Contains(foreign, o.ID) {
				foreign = append(foreign, o.ID)
			}
		}
	}
	for _, c := range []string{"community", "own", "group-" + h.group.UUID} {
		path := "straza/collections/" + c + "/"
		for part := range slices.Chunk(foreign, 50) {
			if a := h.ask(who, path+"manifest/?match[version]=all&match[id]="+strings.Join(part, ",")); a.code == 200 && string(a.body) != "{}" {
				h.t.Errorf("%s finds %s in %s", who, a.body, c)
			}
		}
		for i := 0; i < len(foreign); i += 7 {
			if a := h.ask(who, path+"objects/"+foreign[i]+"/"); a.code != 404 {
				h.t.Errorf("%s gets %s from %s: %d", who, foreign[i], c, a.code)
			}
		}
	}
	for _, c := range []string{h.collection("alfa", "own"), h.collection("admin", "whole"), h.collection("alfa", "group-"+h.group.UUID)} {
		if a := h.ask(who, c); a.code != 404 && !(who == "alfa" && c != h.collection("admin", "whole")) && !(who == "beta" && c == h.collection("alfa", "group-"+h.group.UUID)) {
			h.t.Errorf("%s opens %s: %d", who, c, a.code)
		}
	}
}

// TestWithdrawn: what is unpublished, deleted, narrowed or taken from a group is
// gone at once, from every address; what comes back or reaches new readers is
// newly added.
func TestWithdrawn(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		alfa := h.who["alfa"]
		e := h.publish("alfa", sample("first", intel.Community, "a.example.com", "b.example.com"))
		path := h.collection("gama", "community")
		values := func(who, path string) (out []string) {
			for _, o := range h.all(who, path, "match[type]=domain-name") {
				out = append(out, o.Value)
			}
			return out
		}
		check := func(what string, want ...string) {
			t.Helper()
			if m := h.manifest("gama", path, "match[type]=domain-name"); len(m) != len(want) {
				t.Errorf("%s: manifest %v", what, m)
			}
			if diff := cmp.Diff(want, values("gama", path)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
		}
		check("published", "a.example.com", "b.example.com")
		first := h.manifest("gama", path, "")
		h.now.Add(time.Second)
		h.Must(h.Intel.Unpublish(ctx, alfa, e.UUID))
		check("unpublished")
		if a := h.ask("gama", path+"objects/"+first[0].ID+"/"); a.code != 404 {
			t.Errorf("an unpublished object alone: %d", a.code)
		}
		h.again("alfa", e.UUID)
		check("published again", "a.example.com", "b.example.com")
		h.flag(e.ID, false)
		check("not published")
		h.flag(e.ID, true)
		again := h.manifest("gama", path, "")
		if diff := cmp.Diff(first[:len(first)-1], again[:len(again)-1]); diff != "" {
			t.Errorf("what came back unchanged is where it was, but for the report (-before +after):\n%s", diff)
		}
		var attrs []intel.Attribute
		h.Must(h.Intel.Attributes(ctx, alfa, e.UUID, intel.Part{}, func(a *intel.Attribute) error { attrs = append(attrs, *a); return nil }))
		h.now.Add(time.Second)
		_, err := h.Intel.DeleteAttribute(ctx, alfa, attrs[0].UUID, false)
		h.Must(err)
		h.again("alfa", e.UUID)
		check("an attribute deleted", "b.example.com")
		for _, q := range []string{"match[version]=all", ""} {
			if raw := h.ask("gama", path+"objects/?limit=1000&"+q); strings.Contains(string(raw.body), "a.example.com") || strings.Contains(string(raw.body), attrs[0].UUID) {
				t.Errorf("the deleted attribute is still named with %q: %s", q, raw.body)
			}
		}
		h.now.Add(time.Second)
		_, err = h.Intel.EditAttribute(ctx, alfa, attrs[1].UUID, misp.Attribute{Distribution: misp.N(0)})
		h.Must(err)
		h.again("alfa", e.UUID)
		check("an attribute narrowed")
		if own := values("alfa", h.collection("alfa", "own")); !slices.Equal(own, []string{"b.example.com"}) {
			t.Errorf("its owner has %v", own)
		}
		m := h.manifest("gama", path, "")
		h.now.Add(time.Second)
		_, err = h.Intel.EditAttribute(ctx, alfa, attrs[1].UUID, misp.Attribute{Distribution: misp.N(5)})
		h.Must(err)
		h.again("alfa", e.UUID)
		if got := h.manifest("gama", path, "match[type]=domain-name&added_after="+m[len(m)-1].DateAdded); len(got) != 1 {
			t.Errorf("what reaches new readers is newly added: %v", got)
		}
		h.now.Add(time.Second)
		h.Must(h.Intel.DeleteEvent(ctx, alfa, e.UUID))
		check("deleted")

		shared := sample("shared", intel.Group, "c.example.com")
		shared.SharingGroupID = misp.N(h.group.ID)
		h.publish("alfa", shared)
		group := h.collection("beta", "group-"+h.group.UUID)
		if got := values("beta", group); !slices.Equal(got, []string{"c.example.com"}) {
			t.Errorf("beta, of the group, has %v", got)
		}
		h.Must(h.Intel.RemoveGroupOrg(ctx, alfa, h.group.UUID, h.B))
		if a := h.ask("beta", group+"objects/"); a.code != 404 {
			t.Errorf("beta after leaving the group: %d %s", a.code, a.body)
		}
	})
}

// flag sets an event's published flag and nothing else.
func (h *house) flag(event int64, on bool) {
	h.t.Helper()
	h.Must(h.DB.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE intel_event SET published = $2 WHERE id = $1", event, on)
		return err
	}))
}

// TestLabels: GREEN goes to all members, AMBER to readers that the owner named,
// RED to nobody, whatever the distribution says (decisions §1).
func TestLabels(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		labels := []string{"", "tlp:clear", "tlp:green", "tlp:amber", "tlp:amber+strict", "tlp:red"}
		for _, l := range labels {
			for name, level := range map[string]intel.Distribution{"community": intel.Community, "group": intel.Group} {
				e := sample(name+l, level, "event-"+name+"-"+word(l)+".example.com")
				if level == intel.Group {
					e.SharingGroupID = misp.N(h.group.ID)
				}
				a := inteltest.Attr("domain", "attribute-"+name+"-"+word(l)+".example.com")
				other := sample("attribute "+name+l, level)
				other.SharingGroupID = e.SharingGroupID
				if l != "" {
					e.Tag = []misp.Tag{{Name: misp.T(l)}}
					a.Tag = e.Tag
				}
				other.Tag = []misp.Tag{{Name: misp.T("tlp:clear")}}
				other.Attribute = []misp.Attribute{a}
				h.publish("alfa", e)
				h.publish("alfa", other)
			}
		}
		for _, level := range []intel.Distribution{intel.Inherit, intel.OwnOrg} { // a report of which one attribute is held back
			red, plain := inteltest.Attr("ip-dst", "198.51.100.1"), inteltest.Attr("ip-dst", "198.51.100.2")
			red.Tag, plain.Distribution = []misp.Tag{{Name: misp.T("tlp:red")}}, misp.N(int64(level))
			h.publish("alfa", inteltest.Event("mixed labels", intel.Community, red, plain, inteltest.Attr("ip-dst", "198.51.100.3")))
		}
		for who, want := range map[string]map[string][]string{
			"alfa": {"community": labels[:5], "group": labels[:5]}, "beta": {"community": labels[:3], "group": labels[:5]}, "gama": {"community": labels[:3]}} {
			for class, labels := range want {
				alias := class
				if class == "group" {
					alias += "-" + h.group.UUID
				}
				var got, expect []string
				for _, o := range h.all(who, h.collection(who, alias), "match[type]=domain-name,marking-definition") {
					if o.Type == "domain-name" {
						got = append(got, o.Value)
					} else if strings.Contains(o.raw, `"red"`) {
						t.Errorf("%s gets %s", who, o.raw)
					}
				}
				for _, l := range labels {
					for _, on := range []string{"event-", "attribute-"} {
						expect = append(expect, on+class+"-"+word(l)+".example.com")
					}
				}
				all := h.all(who, h.collection(who, alias), "")
				if m := h.manifest(who, h.collection(who, alias), ""); len(m) != len(all) {
					t.Errorf("%s in %s: %d in the manifest, %d objects", who, class, len(m), len(all))
				}
				for _, o := range all {
					for _, ref := range o.Refs {
						if !slices.ContainsFunc(all, func(x object) bool { return x.ID == ref }) {
							t.Errorf("%s in %s: %s refers to %s, which is held back", who, class, o.Name, ref)
						}
					}
				}
				slices.Sort(got)
				slices.Sort(expect)
				if diff := cmp.Diff(expect, got); diff != "" {
					t.Errorf("%s in %s (-want +got):\n%s", who, class, diff)
				}
			}
		}
	})
}

// word makes a label's name fit for a domain.
func word(l string) string { return "x" + strings.ReplaceAll(strings.TrimPrefix(l, "tlp:"), "+", "-") }

// TestSiteAdministrator: one key reads everything that is published and not RED;
// each read leaves its line. Without a key, and for everybody else, there is no
// such collection.
func TestSiteAdministrator(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		h.publish("alfa", sample("hidden", intel.OwnOrg, "a.example.com"))
		h.Add(h.who["alfa"], sample("draft", intel.Community, "b.example.com"))
		lines := func() int {
			list, err := testkit.Audit(db).Lines(ctx, ident.SystemPart("demo"), audit.Filter{Verb: "collection.read"})
			h.Must(err)
			return len(list)
		}
		whole := h.collection("admin", "whole")
		before := lines()
		got := h.all("admin", whole, "match[type]=domain-name")
		if len(got) != 1 || got[0].Value != "a.example.com" {
			t.Errorf("the site administrator has %v", got)
		}
		if n := lines(); n != before+1 {
			t.Errorf("%d lines for one read", n-before)
		}
		for _, who := range []string{"alfa", "beta", "cert"} {
			if h.collection(who, "whole") != "" || h.ask(who, whole).code != 404 {
				t.Errorf("%s may open everything", who)
			}
		}
		h.all("alfa", h.collection("alfa", "own"), "")
		if n := lines(); n != before+1 {
			t.Errorf("a member's read left %d lines", n-before-1)
		}
		w := h.who["admin"] // no key: a session on another door
		w.Channel = ident.Web
		if list, err := h.Intel.Collections(ctx, w); err == nil && slices.ContainsFunc(list, func(c intel.Collection) bool { return c.Kind == intel.WholeCollection }) {
			t.Error("without a key")
		}
	})
}
