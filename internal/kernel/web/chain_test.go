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
