package desk

import (
	"context"
	"io/fs"
	"strings"
	"testing"
	"time"

	"straza/internal/incident"
	"straza/internal/incident/incidenttest"
	"straza/internal/incident/incidentweb"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/testkit"
)

func TestTemplates(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 7, 22, 0, 0, time.UTC)
	err := web.CheckTemplates(Files, map[string][]web.Pager{
		"overview": {&overviewPage{Left: "Петар", LeftAt: now, Took: now, More: 2, Lines: ui.Tasks{Items: []ui.Task{{Title: "позвати", Action: "/x"}}}, Reports: ui.Table{Rows: []ui.Row{{}}},
			Signals: []signal{{Label: "упад", Sub: "две", Change: "+42 %"}}, Counts: []count{{"отворени", "/x", 3}}}},
		"threads": {&threadsPage{Pages: &ui.Pagination{Next: "/x"}}},
	}, Files)
	if err != nil {
		t.Fatal(err)
	}
}

// TestOverview: the clocks, own cases, hand-over and correspondence of the watch, and
// nothing of another team's.
func TestOverview(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		w := incidenttest.New(t, db)
		site := testkit.NewSite(t, testkit.Doors{Gate: testkit.Gate{"ana": w.Ana, "vesna": w.Vesna, "mila": w.Mila}, Now: db.Clock.Now,
			Messages: []fs.FS{incidentweb.Files, Files}, Routes: func(m *web.Mux) { Routes(m, Deps{Cases: w.S}) }})
		n := w.Open(t, w.Ana, "Упад у мрежу").Number
		if _, err := w.S.Take(ctx, w.Ana, n); err != nil {
			t.Fatal(err)
		}
		if _, err := w.S.AddTask(ctx, w.Ana, n, incident.TaskInput{Title: "Слика диска", Due: testkit.AsOf.Add(40 * time.Minute)}); err != nil {
			t.Fatal(err)
		}
		w.Party(t, w.Ana, n, w.OrgA, "duty@elektromreza.example")
		says := func(who, path string, texts ...string) { t.Helper(); site.Shows(who, path, 200, texts...) }
		says("ana", "/console", "Упад у мрежу", n, "shift I", "The last shift left nothing.")
		says("ana", "/console/threads", "Електромрежа Подунавље", n)
		site.Sends("ana", "/console/handover", 422, testkit.Form("body", ""))
		site.Sends("ana", "/console/handover", 303, testkit.Form("body", "Позвати Водовод"))
		site.Sends("ana", "/console/handover/take", 303, nil)
		says("ana", "/console", "Позвати Водовод", w.Ana.Name)
		for _, path := range []string{"/console", "/console/threads"} {
			body := testkit.Words(site.Shows("vesna", path, 200))
			for _, s := range []string{"Упад", n, "Водовод", "Електромрежа"} {
				if strings.Contains(body, s) {
					t.Errorf("%s tells another team %q", path, s)
				}
			}
		}
		if w := site.Browse("mila", "GET", "/console", "", nil); w.Code == 200 {
			t.Error("an organisation's member stands at the desk")
		}
	})
}
