package inteltaxii_test

import (
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestWhoSeesWhatIsToldWithin: a section that fewer may see than its executable stands
// alone, an annotation is about what all its readers see.
func TestWhoSeesWhatIsToldWithin(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		thing := func(name string, level intel.Distribution, pairs ...string) misp.Object {
			o := misp.Object{UUID: misp.T(db.NewUUID()), Name: misp.T(name), MetaCategory: misp.T("file"), Distribution: misp.N(int64(level))}
			for i := 0; i < len(pairs); i += 3 {
				o.Attribute = append(o.Attribute, misp.Attribute{UUID: misp.T(db.NewUUID()), ObjectRelation: misp.T(pairs[i]), Type: misp.T(pairs[i+1]), Value: misp.T(pairs[i+2]), ToIDS: misp.B(false), Distribution: misp.N(5)})
			}
			return o
		}
		refer := func(from *misp.Object, list ...*misp.Object) {
			for _, to := range list {
				from.ObjectReference = append(from.ObjectReference, misp.ObjectReference{UUID: misp.T(db.NewUUID()), SourceUUID: from.UUID, ReferencedUUID: to.UUID, RelationshipType: misp.T("includes")})
			}
		}
		open, hidden := thing("pe-section", intel.Inherit, "name", "text", ".open"), thing("pe-section", intel.OwnOrg, "name", "text", ".hidden")
		partly := thing("pe-section", intel.Inherit, "name", "text", ".partly", "text", "text", "hidden-text")
		partly.Attribute[1].Distribution = misp.N(0)
		pe := thing("pe", intel.Inherit, "type", "text", "exe", "original-filename", "filename", "a.exe")
		refer(&pe, &open, &hidden, &partly)
		mutex, secret := thing("mutex", intel.Inherit, "name", "mutex", "shown"), thing("mutex", intel.OwnOrg, "name", "mutex", "hidden-mutex")
		about, own := thing("annotation", intel.Inherit, "text", "text", "shown note"), thing("annotation", intel.OwnOrg, "text", "text", "hidden note")
		refer(&about, &mutex, &secret)
		refer(&own, &secret)
		e := inteltest.Event("within", intel.Community)
		e.Object = []misp.Object{about, own, open, pe, hidden, partly, mutex, secret}
		h.publish("alfa", e)
		read := func(who string) (all string, of map[string]int) {
			of = map[string]int{}
			for _, o := range h.all(who, h.collection(who, "community"), "") {
				all += o.raw
				of[o.Type]++
			}
			return all, of
		}
		all, of := read("gama")
		if of["note"] != 1 || of["file"] != 1 || of["x-misp-object"] != 0 || !strings.Contains(all, `"name":".open"`) || !strings.Contains(all, `"name":".partly"`) {
			t.Errorf("gama gets %v", of)
		}
		for _, word := range []string{".hidden", "hidden-text", "hidden-mutex", "hidden note"} {
			if strings.Contains(all, word) {
				t.Errorf("gama reads %s", word)
			}
		}
		for _, o := range h.all("gama", h.collection("gama", "community"), "match[type]=note") {
			if len(o.Refs) != 1 || strings.Contains(o.raw, secret.UUID.V) {
				t.Errorf("the note tells of what is hidden: %s", o.raw)
			}
		}
		all, of = read("alfa")
		for _, word := range []string{".open", ".hidden", "hidden-text", "hidden-mutex", "hidden note"} {
			if !strings.Contains(all, word) {
				t.Errorf("alfa misses %s in %v", word, of)
			}
		}
	})
}
