package app

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestTableOfNetworksByPage: a table is taken in by its page, lines that could not be
// read are named by number, a file that is none leaves the table before in force, and
// it is taken away again.
func TestTableOfNetworksByPage(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		lead, analyst := w.person("lead", "CERT A"), w.person("analyst", "CERT A")
		send := func(p *persona, name, file string) *httptest.ResponseRecorder {
			kind, body := multi(url.Values{"name": {name}}, "table.csv", file)
			r := w.request("POST", "/console/modules/networks", body)
			r.Header.Set("Content-Type", kind)
			r.AddCookie(p.session)
			return w.answer(r)
		}
		if rec := send(lead, "as", "# a comment\nnetwork,asn,country,name\n198.51.100.0/24,64500,RS,Primer\nnonsense,x\n\n203.0.113.0/24,64501,DE,\"Beispiel, GmbH\"\n\"open,1\n"); rec.Code != 200 || !strings.Contains(rec.Body.String(), "4, 7") {
			t.Fatalf("%d %s", rec.Code, said(rec.Body.String()))
		}
		for _, x := range []struct{ name, file string }{{"as", "no table\n"}, {"as", ""}, {"", "198.51.100.0/24,64500,RS,Primer"}, {"as", "\x1f\x8bbroken"}, {"as", strings.Repeat("x", 100_000)}} {
			if rec := send(lead, x.name, x.file); rec.Code != 422 {
				t.Errorf("%.20q: %d %s", x.file, rec.Code, said(rec.Body.String()))
			}
		}
		if rec := send(analyst, "as", "198.51.100.0/24,64500,RS,Primer"); rec.Code != 403 && rec.Code != 404 {
			t.Errorf("an analyst: %d", rec.Code)
		}
		if page := w.do(lead, "GET", "/console/modules", "").Body.String(); !strings.Contains(page, "table.csv") {
			t.Errorf("the table is not there: %s", said(page))
		}
		w.post(lead, "/console/modules/networks/drop", url.Values{"name": {"as"}})
		if page := w.do(lead, "GET", "/console/modules/networks", "").Body.String(); strings.Contains(page, "table.csv") {
			t.Error("the table is still there")
		}
	})
}
