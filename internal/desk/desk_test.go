package desk

import (
	"context"
	"html"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"straza/internal/incident"
	"straza/internal/incident/incidenttest"
	"straza/internal/incident/incidentweb"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
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

type sessions map[string]ident.Actor

func (s sessions) BySession(_ context.Context, token string) (ident.Actor, error) {
	if who, ok := s[token]; ok {
		return who, nil
	}
	return ident.Actor{}, fault.New(fault.NotFound, "no such session")
}

func (sessions) ByKey(context.Context, string, netip.Addr, ident.Channel) (ident.Actor, error) {
	return ident.Actor{}, fault.New(fault.NotFound, "no keys here")
}

var spans = regexp.MustCompile(`</?span[^>]*>`)

// TestOverview: the clocks, own cases, hand-over and correspondence of the watch, and
// nothing of another team's.
func TestOverview(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		w := incidenttest.New(t, db)
		catalog, err := i18n.NewCatalog(ui.Messages, incidentweb.Files, Files)
		if err != nil {
			t.Fatal(err)
		}
		origin, _ := url.Parse("https://cert.example")
		m := web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef"), Catalog: catalog, Gate: sessions{"ana": w.Ana, "vesna": w.Vesna, "mila": w.Mila}, Now: db.Clock.Now})
		Routes(m, Deps{Cases: w.S})
		h, err := m.Handler()
		if err != nil {
			t.Fatal(err)
		}
		do := func(who, method, path string, form url.Values) (int, string) {
			r := httptest.NewRequest(method, "https://cert.example"+path, strings.NewReader(form.Encode()))
			r.AddCookie(&http.Cookie{Name: "__Host-session", Value: who})
			r.Header.Set("Accept-Language", "en")
			r.Header.Set("Origin", "https://cert.example")
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			return rec.Code, html.UnescapeString(spans.ReplaceAllString(rec.Body.String(), ""))
		}
		n := w.Open(t, w.Ana, "Упад у мрежу").Number
		if _, err := w.S.Take(ctx, w.Ana, n); err != nil {
			t.Fatal(err)
		}
		if _, err := w.S.AddTask(ctx, w.Ana, n, incident.TaskInput{Title: "Слика диска", Due: testkit.AsOf.Add(40 * time.Minute)}); err != nil {
			t.Fatal(err)
		}
		w.Party(t, w.Ana, n, w.OrgA, "duty@elektromreza.example")
		says := func(who, path string, texts ...string) {
			t.Helper()
			status, body := do(who, "GET", path, nil)
			if status != 200 {
				t.Errorf("GET %s as %s: %d", path, who, status)
			}
			for _, s := range texts {
				if !strings.Contains(body, s) {
					t.Errorf("GET %s as %s does not say %q", path, who, s)
				}
			}
		}
		says("ana", "/console", "Упад у мрежу", n, "shift I", "The last shift left nothing.")
		says("ana", "/console/threads", "Електромрежа Подунавље", n)
		if status, _ := do("ana", "POST", "/console/handover", url.Values{"body": {""}}); status != 422 {
			t.Errorf("an empty line: %d", status)
		}
		if status, _ := do("ana", "POST", "/console/handover", url.Values{"body": {"Позвати Водовод"}}); status != 303 {
			t.Errorf("a line: %d", status)
		}
		if status, _ := do("ana", "POST", "/console/handover/take", nil); status != 303 {
			t.Errorf("taking the shift: %d", status)
		}
		says("ana", "/console", "Позвати Водовод", w.Ana.Name)
		for _, path := range []string{"/console", "/console/threads"} {
			_, body := do("vesna", "GET", path, nil)
			for _, s := range []string{"Упад", n, "Водовод", "Електромрежа"} {
				if strings.Contains(body, s) {
					t.Errorf("%s tells another team %q", path, s)
				}
			}
		}
		if status, _ := do("mila", "GET", "/console", nil); status == 200 {
			t.Error("an organisation's member stands at the desk")
		}
	})
}
