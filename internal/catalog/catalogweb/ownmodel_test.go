package catalogweb

import (
	"io/fs"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"straza/internal/catalog"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/testkit"
)

// TestModelOfOnesOwn: a model is drawn without being kept, kept, changed and deleted;
// wrong numbers stay in the form; who only reads has no form; an imported one has none.
func TestModelOfOnesOwn(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		w.Must(w.Lists.Seed(t.Context(), ident.SystemPart("importer")))
		people := testkit.Gate{"marko": w.Person(w.CERT, access.Lead, ident.Web), "luka": w.Person(w.CERT, access.Analyst, ident.Web)}
		for name, who := range people {
			who.Name, who.SecondFA = name, true
			people[name] = who
		}
		s := testkit.NewSite(t, testkit.Doors{Gate: people, Now: db.Clock.Now, Messages: []fs.FS{intel.Messages, Files}, Routes: func(m *web.Mux) { Routes(m, Deps{Catalog: w.Lists}) }})
		form := func(pairs ...string) url.Values {
			f := testkit.Form("name", "Наш модел", "formula", "Polynomial", "lifetime", "30", "decay_speed", "2,5", "threshold", "30", "default_base_score", "80", "base_score_config", "admiralty-scale:source-reliability 50", "types", "ip-dst, domain")
			for i := 0; i < len(pairs); i += 2 {
				f.Set(pairs[i], pairs[i+1])
			}
			return f
		}
		own := func() (out []*catalog.DecayModel) {
			list, err := w.Lists.Models(t.Context(), people["marko"], false)
			w.Must(err)
			for _, m := range list {
				if m.Own {
					out = append(out, m)
				}
			}
			return out
		}
		s.Shows("marko", models+"/new", 200, "Lifetime in days", "<svg")
		s.Sends("marko", models+"/new", 200, form("do", "draw"), "<svg")
		for field, wrong := range map[string]string{"lifetime": "дуго", "threshold": "101", "types": "nema-tog", "base_score_config": "admiralty-scale", "name": ""} {
			s.Sends("marko", models+"/new", 422, form(field, wrong))
		}
		if n := len(own()); n != 0 {
			t.Fatalf("%d models were kept", n)
		}
		s.Sends("marko", models+"/new", 303, form())
		list := own()
		if len(list) != 1 || list[0].Speed != 2.5 || list[0].Weights["admiralty-scale:source-reliability"] != 50 || strings.Join(list[0].Types, " ") != "ip-dst domain" {
			t.Fatalf("kept: %+v", list)
		}
		s.Shows("marko", models, 200, "Наш модел")
		at := models + "/" + strconv.FormatInt(list[0].ID, 10)
		s.Shows("marko", at, 200, at+"/edit")
		s.Shows("marko", at+"/edit", 200, "admiralty-scale:source-reliability 50", at+"/drop")
		s.Sends("marko", at+"/edit", 303, form("threshold", "40"))
		if own()[0].Threshold != 40 {
			t.Error("the change was not kept")
		}
		for _, door := range []string{models + "/new", at + "/edit"} {
			if got := s.Browse("luka", "GET", door, "", nil).Code; got != 403 && got != 404 {
				t.Errorf("who only reads opens %s: %d", door, got)
			}
		}
		s.Sends("marko", at+"/drop", 303, testkit.Form())
		if n := len(own()); n != 0 {
			t.Errorf("%d models are left", n)
		}
	})
}
