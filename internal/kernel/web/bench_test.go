package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func benchPage(b *testing.B, path string, cookie bool) {
	m := newTestMux(&testing.T{}, "http://localhost:8480")
	m.Sheet()
	t := m.Templates(sheetSub())
	m.Handle(Route{Method: "GET", Pattern: "/", Policy: Public, Localized: true, Handler: func(w http.ResponseWriter, r *http.Request) error {
		p := newSheet(Now(r))
		p.Page = NewPage(r, ShellPublic, "x")
		return t.Render(w, r, "public", p)
	}})
	benchMux(b, m, path, cookie)
}

func benchMux(b *testing.B, m *Mux, path string, cookie bool) {
	h, err := m.Handler()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodGet, "http://localhost:8480"+path, nil)
		r.Header.Set("Accept-Encoding", "gzip")
		if cookie {
			r.AddCookie(&http.Cookie{Name: m.cookieName("session"), Value: "good"})
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatal(w.Code, w.Body.String())
		}
	}
}

func BenchmarkPublicPageCached(b *testing.B) { benchPage(b, "/sr-Cyrl/", false) }
func BenchmarkConsoleSheet(b *testing.B)     { benchPage(b, "/dev/ui", true) }

// A queue of 50 rows with clock, name, severity, label, state and time.
func BenchmarkConsoleList50(b *testing.B) {
	m := newTestMux(&testing.T{}, "http://localhost:8480")
	t := m.Templates(sheetSub())
	m.Handle(Route{Method: "GET", Pattern: "/q", Policy: Team, Handler: func(w http.ResponseWriter, r *http.Request) error {
		p := newSheet(Now(r))
		p.Page = NewPage(r, ShellConsole, "x")
		rows := p.Table.Rows
		p.Table.Rows = nil
		for len(p.Table.Rows) < 50 {
			p.Table.Rows = append(p.Table.Rows, rows[len(p.Table.Rows)%2])
		}
		return t.Render(w, r, "list", p)
	}})
	benchMux(b, m, "/q", true)
}
