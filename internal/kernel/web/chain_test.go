package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
)

func TestRow24ClientIPBehindProxies(t *testing.T) {
	m := newTestMux(t, "https://cert.example")
	m.cfg.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, c := range []struct{ peer, forwarded, want string }{
		{"203.0.113.5:1000", "198.51.100.1", "203.0.113.5"}, // a stranger may write what it likes
		{"10.0.0.1:1000", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:1000", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"}, // only our own hops are believed
		{"10.0.0.1:1000", "", "10.0.0.1"},
		{"10.0.0.1:1000", "junk", "10.0.0.1"},
		{"[::ffff:10.0.0.1]:1000", "198.51.100.1", "198.51.100.1"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := m.clientIP(r).String(); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestManifestSpeaksTheLanguageOfItsAddress(t *testing.T) {
	m := newTestMux(t, "https://cert.example")
	for l, want := range map[string]string{"sr-Cyrl": `"short_name":"Стража"`, "sr-Latn": `"short_name":"Straža"`, "en": `"name":"Report an incident"`} {
		w := do(t, m, call{path: "/" + l + "/manifest.webmanifest"})
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), `"start_url":"/`+l+`/"`) {
			t.Errorf("%s: %d %s", l, w.Code, w.Body)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/a?b", "//evil", "/\\evil", "/%2f%2fevil", "/\t/evil", "http:/x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := LocalPath(s, "/f")
		base, _ := url.Parse("https://cert.example/x")
		u, err := base.Parse(got)
		if err != nil || u.Host != "cert.example" || u.Scheme != "https" || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n") {
			t.Fatalf("%q leads to %q", s, got)
		}
	})
}

func FuzzAccept(f *testing.F) {
	f.Add("sr-Latn;q=0.5,en")
	f.Fuzz(func(t *testing.T, s string) {
		if !i18n.Accept(s, i18n.En).Valid() {
			t.Fatalf("%q", s)
		}
	})
}

// TestBrokenAnswerIsCutAndLogged: half an answer ends its connection, and the log says
// why; who went away themselves leaves no complaint.
func TestBrokenAnswerIsCutAndLogged(t *testing.T) {
	var log bytes.Buffer
	m := newTestMux(t, "http://127.0.0.1")
	m.cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	m.Handle(Route{Method: http.MethodGet, Pattern: "/half", Policy: Public, Handler: func(w http.ResponseWriter, r *http.Request) error {
		_, _ = io.WriteString(w, "half")
		Broken(errors.New("the disk is gone"))
		return nil
	}})
	h, err := m.Handler()
	if err != nil {
		t.Fatal(err)
	}
	ask := func(ctx context.Context) {
		t.Helper()
		defer func() {
			if p := recover(); p != http.ErrAbortHandler {
				t.Errorf("it ended with %v", p)
			}
		}()
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/half", nil)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	ask(t.Context())
	if s := log.String(); !strings.Contains(s, "the disk is gone") || !strings.Contains(s, "level=WARN msg=request") || !strings.Contains(s, "cut=true") {
		t.Errorf("the log: %s", s)
	}
	log.Reset()
	gone, leave := context.WithCancel(t.Context())
	leave()
	ask(gone)
	if s := log.String(); strings.Contains(s, "WARN") {
		t.Errorf("a complaint about who went away: %s", s)
	}
}

// readings notes who shares transactions: a page does from the gate to its last row, what
// writes, waits or has a grammar of its own has left before it begins.
type readings struct{ gate, handler, over int }

type readingGate struct {
	testGate
	seen func(ctx context.Context)
}

func (g readingGate) BySession(ctx context.Context, token string) (ident.Actor, error) {
	g.seen(ctx)
	return g.testGate.BySession(ctx, token)
}

func (g readingGate) ByKey(ctx context.Context, key string, from netip.Addr, ch ident.Channel) (ident.Actor, error) {
	g.seen(ctx)
	return g.testGate.ByKey(ctx, key, from, ch)
}

func TestPagesShareTheirReads(t *testing.T) {
	for _, c := range []struct {
		name    string
		call    call
		handler int // reads of the handler that share
	}{
		{"a page", call{method: "GET", path: "/page", cookies: map[string]string{"session": "good"}}, 1},
		{"its head", call{method: "HEAD", path: "/page", cookies: map[string]string{"session": "good"}}, 1},
		{"an act", call{method: "POST", path: "/act", cookies: map[string]string{"session": "good"}, header: map[string]string{"Sec-Fetch-Site": "same-origin"}}, 0},
		{"what waits", call{method: "GET", path: "/wait", cookies: map[string]string{"session": "good"}}, 0},
		{"a surface", call{method: "GET", path: "/foreign/x", header: map[string]string{"Authorization": "reader"}}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			type shared struct{}
			var n readings
			m := newTestMux(t, "https://straza.example")
			open := false
			in := func(ctx context.Context) int {
				if _, ok := ctx.Value(shared{}).(bool); ok && open {
					return 1
				}
				return 0
			}
			m.cfg.Reading = func(ctx context.Context) (context.Context, func()) {
				open = true
				return context.WithValue(ctx, shared{}, true), func() { open = false; n.over++ }
			}
			m.cfg.Gate = readingGate{seen: func(ctx context.Context) { n.gate += in(ctx) }}
			read := func(w http.ResponseWriter, r *http.Request) error {
				n.handler += in(r.Context())
				return hello("ok")(w, r)
			}
			m.Handle(Route{Method: "GET", Pattern: "/page", Policy: Perm("case.read"), Handler: read},
				Route{Method: "POST", Pattern: "/act", Policy: Perm("case.read"), Mutates: true, Handler: read},
				Route{Method: "GET", Pattern: "/wait", Policy: Perm("case.read"), Waits: true, Handler: read})
			m.Surface(Surface{Name: "misp", Owns: func(first string) bool { return first == "foreign" }, Handler: read,
				Fail: func(http.ResponseWriter, *http.Request, error) {}})
			if rec := do(t, m, c.call); rec.Code != http.StatusOK {
				t.Fatalf("%d", rec.Code)
			}
			if n.gate != 1 || n.handler != c.handler || open || n.over == 0 {
				t.Errorf("shared by the gate %d, by the handler %d (want %d), left open %v", n.gate, n.handler, c.handler, open)
			}
		})
	}
}
