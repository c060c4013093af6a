package trendweb

import (
	"io/fs"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/intel/intelweb"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/testkit"
)

// TestTrendsCountWhatTheirListsShow: every figure is what the list finds to which it
// links, for each reader; who does not see an event finds it in no figure, file or list.
func TestTrendsCountWhatTheirListsShow(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		w.Must(w.Lists.Seed(t.Context(), ident.SystemPart("importer")))
		people := testkit.Gate{"ana": w.Person(w.CERT, access.Lead, ident.Web), "alfa": w.Person(w.A, access.Member, ident.Web), "vesna": w.Person(w.CERT2, access.Lead, ident.Web)}
		for name, who := range people {
			who.Name, who.SecondFA = name, true
			people[name] = who
		}
		s := testkit.NewSite(t, testkit.Doors{Gate: people, Now: db.Clock.Now, Messages: []fs.FS{intel.Messages, intelweb.Files, Files}, Routes: func(m *web.Mux) {
			Routes(m, Deps{Intel: w.Intel})
			intelweb.Routes(m, intelweb.Deps{Intel: w.Intel, Remarks: w.Remarks, Catalog: w.Lists})
		}})
		day := func(back int) string {
			return db.Clock.Now().In(i18n.Belgrade).AddDate(0, 0, -back).Format(time.DateOnly)
		}
		add := func(who, info string, reach intel.Distribution, back int, tag string, list ...misp.Attribute) intel.Event {
			e := inteltest.Event(info, reach, list...)
			e.Date, e.Tag = misp.T(day(back)), []misp.Tag{{Name: misp.T(tag)}, {Name: misp.T("kampanja")}}
			saved := w.Add(people[who], e)
			if reach == intel.Community {
				w.Must(w.Intel.Publish(t.Context(), people[who], saved.Ref()))
			}
			return saved
		}
		marked := inteltest.Attr("domain", "c.example")
		marked.Tag = []misp.Tag{{Name: misp.T("kampanja-2")}}
		seen := add("ana", "Отворен", intel.Community, 1, `misp-galaxy:threat-actor="APT28"`, inteltest.Attr("domain", "a.example"), marked)
		add("ana", "Ранији", intel.Community, 9, `misp-galaxy:threat-actor="APT28"`, inteltest.Attr("ip-dst", "198.51.100.7"))
		add("ana", "Скривен", intel.OwnOrg, 2, "skrivena-oznaka", inteltest.Attr("domain", "b.example"), inteltest.Attr("mutex", "skriveno"))
		for _, name := range []string{"ana", "alfa"} {
			_, _, err := w.Intel.AddSightings(t.Context(), people[name], nil, []string{"a.example"}, intel.Sighting{Kind: intel.Seen})
			w.Must(err)
		}
		days := intel.Days{From: day(6), To: day(0)}
		for name, want := range map[string][2]int64{"ana": {2, 5}, "alfa": {1, 3}, "vesna": {1, 3}} {
			who := people[name]
			tr, err := w.Intel.Trends(t.Context(), who, days)
			w.Must(err)
			if tr.Events.Now != want[0] || tr.Events.Was != 1 || tr.Attributes.Now != want[1] {
				t.Errorf("%s: %d events, %d before, %d attributes", name, tr.Events.Now, tr.Events.Was, tr.Attributes.Now)
			}
			sighted, _, err := w.Intel.TrendsOfSightings(t.Context(), who, days)
			w.Must(err)
			at := map[bool]string{true: "/console/events/trends", false: "/portal/events/trends"}[name != "alfa"]
			met := false
			for _, g := range trendGroups(tr, sighted) {
				for _, x := range g.list {
					met = met || g.key == "sighted" && x.Name == "a.example"
					for d, n := range map[intel.Days]int64{days: x.Now, days.Before(): x.Was} {
						if got := counts(s, name, g.key, g.href(httptest.NewRequest("GET", at, nil), x, d)); got != n {
							t.Errorf("%s: %s %q on %s is %d, its list has %d", name, g.key, x.Key, d.From, n, got)
						}
					}
				}
			}
			if name == "ana" && !met {
				t.Error("the sighted value is not counted")
			}
		}
		page := s.Shows("ana", "/console/events/trends?days=7", 200, "APT28", "skrivena-oznaka", "a.example", "/console/events?from="+day(6), "tag=%3D", "/console/indicators?from="+day(6))
		if !strings.Contains(page, "mutex") {
			t.Error("a type is missing")
		}
		for _, at := range []string{"/portal/events/trends?days=7", "/portal/events/trends?days=7&format=csv"} {
			if page := s.Shows("alfa", at, 200, "APT28"); strings.Contains(page, "skriven") || strings.Contains(page, "mutex") {
				t.Errorf("%s tells of what is hidden", at)
			}
		}
		if file := s.Shows("ana", "/console/events/trends?days=7&format=csv", 200, "all,events,,"+days.From); strings.Contains(file, "a.example") {
			t.Error("a sighted value leaves without its label")
		}
		s.Shows("alfa", "/console/events/trends", 404)
		s.Shows("alfa", "/portal/events/indicators?type=domain&from="+day(1), 200, "a.example", "/portal/events/"+seen.Ref())
		s.Shows("ana", "/console/events/trends?from=2020-01-01&to=2020-01-05", 200, "Nothing in this period")
		s.Shows("ana", "/console/events/trends?from=2010-01-01", 200, "at most 366 days")
		s.Shows("ana", "/console/events/trends?from="+day(0)+"&to="+day(3), 200, "exchanged")
	})
}

// counts asks the list behind an address how much it finds: rows of its file, or on the
// page of a value who met it.
func counts(s *testkit.Site, person, kind, href string) int64 {
	if kind == "sighted" {
		page := s.Shows(person, href, 200)
		return int64(strings.Count(page, ">seen · "))
	}
	return int64(strings.Count(s.Shows(person, href+"&format=csv", 200), "\r\n")) - 1
}

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	table := ui.Table{Caption: "Ознаке", Columns: []ui.Column{{Label: "Ознака"}}, Rows: []ui.Row{{Cells: []any{"x"}}}}
	if err := web.CheckTemplates(Files, map[string][]web.Pager{"trends": {&trendsPage{Empty: &ui.Empty{Icon: "chart-bar", Title: "Нема"}}, &trendsPage{Notes: []ui.Note{{Kind: "warning", Body: "1"}},
		Charts: []ui.LineChart{{Title: "а", Unit: "б", Steps: []string{"1. 1."}, Series: []ui.Series{{Name: "1", Values: []int64{1}}}}}, Tables: []ui.Table{table}, Steps: table}}}, Files); err != nil {
		t.Error(err)
	}
}

func TestTrendDays(t *testing.T) {
	t.Parallel()
	d := intel.Days{From: "2026-03-25", To: "2026-04-03"} // over the change of the clock
	if b := d.Before(); b != (intel.Days{From: "2026-03-15", To: "2026-03-24"}) {
		t.Errorf("before is %v", b)
	}
	if n := len(d.Steps()); n != 10 {
		t.Errorf("%d steps", n)
	}
	if from, to := d.Seconds(); to-from != 10*86400-3600-1 {
		t.Errorf("%d seconds", to-from)
	}
	year := intel.Days{From: "2026-01-01", To: "2026-12-31"}.Steps()
	if len(year) != 53 || year[52] != (intel.Days{From: "2026-12-31", To: "2026-12-31"}) || !slices.Contains(year, intel.Days{From: "2026-01-08", To: "2026-01-14"}) {
		t.Errorf("weeks of a year: %d, %v", len(year), year[52])
	}
}
