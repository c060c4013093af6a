package curateweb

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/testkit"
)

// renamed, favoured and deleted; who may not edit them reads only.
func TestTagsOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		people := testkit.Gate{"ana": w.Person(w.CERT, access.Lead, ident.Web), "alfa": w.Person(w.A, access.Member, ident.Web), "vesna": w.Person(w.CERT2, access.Lead, ident.Web)}
		for name, who := range people {
			who.Name, who.SecondFA = name, true
			people[name] = who
		}
		s := testkit.NewSite(t, testkit.Doors{Gate: people, Now: db.Clock.Now, Messages: []fs.FS{intel.Messages, Files}, Routes: func(m *web.Mux) { Routes(m, Deps{Intel: w.Intel, Catalog: w.Lists}) }})
		in := inteltest.Event("Капија 400", intel.Community, inteltest.Attr("domain", "javna.example"))
		in.Tag = []misp.Tag{{Name: misp.T("javno:dobro")}}
		e := w.Add(people["ana"], in)
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		hidden := inteltest.Event("Скривен", intel.OwnOrg)
		hidden.Tag = []misp.Tag{{Name: misp.T("javno:dobro")}, {Name: misp.T("tajno:ime")}}
		w.Add(people["ana"], hidden)
		at, from := "/console/events/tags", "/portal/events/tags"
		s.Shows("ana", at, 200, "javno:dobro", "tajno:ime", "2 tags", `>2</td>`, "New tag")
		if page := s.Shows("alfa", from, 200, "javno:dobro", "1 tag", `>1</td>`); strings.Contains(page, "tajno") {
			t.Error("a tag is listed that the reader sees nowhere")
		}
		s.Shows("alfa", from+"/one?name=tajno:ime", 404)
		if page := s.Shows("ana", at+"?space=tajno", 200, "tajno:ime"); strings.Contains(page, "javno:dobro") {
			t.Error("the filter lets another namespace through")
		}
		s.Shows("ana", at+"?format=csv", 200, "javno:dobro,#", ",2,0,")
		s.Shows("ana", at+"/one?name=javno:dobro", 200, "Delete it everywhere", "Add to my favourites")
		s.Shows("ana", at+"?only=favourite", 200, "No tags")
		s.Sends("ana", at+"/favour", 303, testkit.Form("old", "javno:dobro", "on", "1"))
		s.Shows("ana", at+"?only=favourite", 200, "javno:dobro")
		s.Sends("ana", at, 303, testkit.Form("old", "javno:dobro", "name", "javno:bolje", "colour", "#112233", "exportable", "1"))
		s.Shows("ana", at+"/one?name=javno:bolje", 200, "#112233", "Take out of my favourites")
		s.Sends("ana", at, 422, testkit.Form("name", "javno:bolje"))
		s.Sends("ana", at, 422, testkit.Form("name", "novo:ime", "colour", "zelena"))
		s.Sends("ana", at+"/delete", 303, testkit.Form("old", "javno:bolje"))
		s.Shows("ana", at+"/one?name=javno:bolje", 404)
		galaxy := inteltest.Event("Пецање", intel.OwnOrg)
		galaxy.Tag = []misp.Tag{{Name: misp.T(`misp-galaxy:mitre-attack-pattern="Phishing - T1566"`)}}
		w.Add(people["ana"], galaxy)
		if page := s.Shows("ana", at, 200, `title="misp-galaxy:mitre-attack-pattern="Phishing - T1566"">Phishing - T1566</a>`, "mitre-attack-pattern"); strings.Contains(page, ">misp-galaxy:") {
			t.Error("the whole name of a cluster's tag is the text of its row")
		}
	})
}

// TestMergingIsTakenBackOnPages: the page of the tag that stays offers the way back to who
// merged, and to nobody of another team; once taken back it says so, and what was left.
func TestMergingIsTakenBackOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		people := testkit.Gate{"ana": w.Person(w.CERT, access.Lead, ident.Web), "vesna": w.Person(w.CERT2, access.Lead, ident.Web)}
		for name, who := range people {
			who.Name, who.SecondFA = name, true
			people[name] = who
		}
		s := testkit.NewSite(t, testkit.Doors{Gate: people, Now: db.Clock.Now, Messages: []fs.FS{intel.Messages, Files}, Routes: func(m *web.Mux) { Routes(m, Deps{Intel: w.Intel, Catalog: w.Lists}) }})
		in := inteltest.Event("Капија 400", intel.Community, inteltest.Attr("domain", "javna.example"))
		in.Tag = []misp.Tag{{Name: misp.T("sneg")}}
		in.Attribute[0].Tag = in.Tag
		e := w.Add(people["ana"], in)
		_, err := w.Intel.AddTag(t.Context(), people["ana"], intel.Tag{Name: "lavina", Exportable: true})
		w.Must(err)
		at := "/console/events/tags"
		into := at + "/one?name=lavina"
		if page := s.Shows("ana", into, 200); strings.Contains(page, "Merged into it") {
			t.Error("nothing was merged into it")
		}
		s.Sends("ana", at+"/merge", 303, testkit.Form("name", "sneg", "into", "lavina"))
		page := s.Shows("ana", into, 200, "Merged into it", "sneg", `action="/console/events/tags/merge/undo"`)
		id := regexp.MustCompile(`name="merge" value="(\d+)"`).FindStringSubmatch(page)
		if id == nil {
			t.Fatal("no way back is offered")
		}
		if page := s.Shows("vesna", into, 200); strings.Contains(page, "sneg") {
			t.Error("another team is told of it")
		}
		s.Sends("vesna", at+"/merge/undo", 404, testkit.Form("merge", id[1]))
		w.Must(w.Intel.Detach(t.Context(), people["ana"], intel.Target{Event: e.Ref()}, []string{"lavina"}))
		s.Sends("ana", at+"/merge/undo", 303, testkit.Form("merge", id[1]))
		s.Sends("ana", at+"/merge/undo", 409, testkit.Form("merge", id[1]), "taken back already")
		s.Shows("ana", at+"/one?name=sneg", 200)
		if page := s.Shows("ana", into, 200, "taken back", "1 place was changed since"); strings.Contains(page, `name="merge"`) {
			t.Error("it is offered still")
		}
	})
}
