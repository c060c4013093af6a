package app

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Every list of the console and the portal keeps views: saved under a name, shown to
// nobody else, opening the list, overruled by any filter, forgotten.
func TestEveryListSavesViews(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		ana, luka := w.person("analyst", "CERT A"), w.person("lead", "CERT A")
		for list, query := range map[string]string{"/console/cases": "state=closed", "/console/reports": "state=rejected", "/console/organisations": "kind=operator",
			"/console/events": "q=nista", "/console/threads": "unread=1", "/console/indicators": "type=domain", "/console/advisories": "q=nista"} {
			t.Run(list, func(t *testing.T) {
				post := func(path string, fields ...string) {
					t.Helper()
					v := url.Values{"list": {list}}
					for i := 0; i < len(fields); i += 2 {
						v.Set(fields[i], fields[i+1])
					}
					if rec := w.do(ana, "POST", path, v.Encode()); rec.Code != 303 || !strings.HasPrefix(rec.Header().Get("Location"), list) {
						t.Fatalf("POST %s: %d to %q", path, rec.Code, rec.Header().Get("Location"))
					}
				}
				shows := func(p *persona, path string) string {
					t.Helper()
					rec := w.do(p, "GET", path, "")
					if rec.Code != 200 {
						t.Fatalf("GET %s: %d", path, rec.Code)
					}
					return rec.Body.String()
				}
				current := regexp.MustCompile(`<a class="sz-tag" href="([^"]*)" aria-current="page"`)
				if !strings.Contains(shows(ana, list+"?"+query), `name="query" value="`+query+`"`) {
					t.Fatal("the filtered list offers nothing to save")
				}
				post("/views", "name", "Moj prikaz", "query", query)
				page := shows(ana, list)
				m := regexp.MustCompile(`href="` + list + `\?([^"]*)view=(\d+)"`).FindStringSubmatch(page)
				if m == nil || !strings.Contains(page, "Moj prikaz") || current.MatchString(page) {
					t.Fatalf("the saved view is not offered, or marked: %v", m)
				}
				if strings.Contains(shows(luka, list), "Moj prikaz") {
					t.Error("somebody else sees the view")
				}
				if !current.MatchString(shows(ana, fmt.Sprintf("%s?%s&view=%s", list, query, m[2]))) {
					t.Error("the view that is shown is not marked")
				}
				post("/views/open", "id", m[2])
				opened := shows(ana, list)
				if !current.MatchString(opened) || !strings.Contains(opened, `name="query" value="`+query+`"`) {
					t.Error("the list does not open with the view")
				}
				if current.MatchString(shows(ana, list+"?view=all")) {
					t.Error("the list cannot be had without the view")
				}
				post("/views/delete", "id", m[2])
				if strings.Contains(shows(ana, list), "Moj prikaz") {
					t.Error("the view is still there")
				}
			})
		}
	})
}
