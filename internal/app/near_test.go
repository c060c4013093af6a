package app

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

var (
	listRow  = regexp.MustCompile(`<tr data-href="(/[^"]+)"`)
	nearMark = regexp.MustCompile(`data-key="[,.]"`)
)

// Every list whose rows lead to pages of the console is declared one, and from each such
// page the keys "," and "." go on in that list, or say that it ends there.
func TestEveryListLeadsOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lists := 0
	for _, r := range w.h.mux.Routes() {
		if r.Method != http.MethodGet || strings.Contains(r.Pattern, "{") || !strings.HasPrefix(r.Pattern, "/console/") && !strings.HasPrefix(r.Pattern, "/administration/") && !strings.HasPrefix(r.Pattern, "/oversight/") {
			continue
		}
		shown := false
		for _, p := range w.people {
			if shown || !r.Policy.Allow(p.who) {
				continue
			}
			rec := w.do(p, "GET", r.Pattern, "")
			row := listRow.FindStringSubmatch(rec.Body.String())
			if rec.Code != 200 || row == nil || !strings.Contains(rec.Body.String(), `data-shell="console"`) {
				continue
			}
			if shown = true; !r.List {
				t.Errorf("%s lists things and does not say so (Route.List)", r.Pattern)
				continue
			}
			lists++
			at := html.UnescapeString(row[1])
			at, _, _ = strings.Cut(at, "#")
			req := w.request("GET", at, "")
			req.AddCookie(p.session)
			req.Header.Set("Referer", "http://"+worldHost+r.Pattern)
			page := w.answer(req)
			if got := len(nearMark.FindAllString(page.Body.String(), -1)); page.Code != 200 || got != 2 {
				t.Errorf("%s from %s: %d, %d ways on", at, r.Pattern, page.Code, got)
			}
		}
	}
	if lists < 8 {
		t.Errorf("only %d lists had a row: this shows little", lists)
	}
	t.Logf("%d lists lead from thing to thing", lists)
}
