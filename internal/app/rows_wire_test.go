package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"straza/internal/kernel/account"
)

// forwarded are all the headers by which somebody may claim another address.
var forwarded = []string{"X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "X-Cluster-Client-IP", "Via", "X-Forwarded"}

// TestRow24ForgedAddressesAreIgnored is row 24: from a peer that is no proxy of ours no
// header changes the address that the limiter counts, that keys are bound to and that
// guesses are counted by; from a proxy of ours X-Forwarded-For does, and nothing else.
func TestRow24ForgedAddressesAreIgnored(t *testing.T) {
	w := newWorldOn(t, "", nil, "trusted-proxies", "10.9.0.0/16")
	w.h.limits = nil // the real buckets
	var err error
	w.handler, err = w.h.handler(8480)
	must(t, err)
	lead := w.person("lead", "CERT A")
	_, bound, err := w.h.Accounts.AddKey(context.Background(), operator(), lead.who.Email, account.NewKey{Name: "bound", AllowIP: []string{"198.51.100.0/24"}})
	must(t, err)
	key := func(peer, header, value string) int {
		r := w.request("GET", "/api/v1/organisations?limit=1", "")
		r.RemoteAddr = peer
		r.Header.Set("Authorization", "Bearer "+bound)
		r.Header.Set(header, value)
		return w.answer(r).Code
	}
	for _, h := range forwarded {
		for _, v := range []string{"198.51.100.7", "for=198.51.100.7", "198.51.100.7, 10.9.0.1", "10.9.0.1, 198.51.100.7"} {
			if code := key("192.0.2.7:1", h, v); code != http.StatusUnauthorized {
				t.Errorf("a stranger with %s: %s opens a bound key: %d", h, v, code)
			}
			if code := key("10.9.0.1:1", h, v); (code == http.StatusOK) != (h == "X-Forwarded-For" && !strings.HasPrefix(v, "for=")) {
				t.Errorf("our proxy with %s: %s: %d", h, v, code)
			}
		}
	}
	if code := key("10.9.0.1:1", "X-Forwarded-For", "198.51.100.7, 192.0.2.7"); code != http.StatusUnauthorized {
		t.Errorf("an address that the client wrote itself before our proxy saw it counts: %d", code)
	}
	if code := key("198.51.100.9:1", "X-Forwarded-For", "192.0.2.7"); code != http.StatusOK {
		t.Errorf("the peer itself: %d", code)
	}
	limited := 0
	for i := range 200 { // another forged address with every guess: one peer, one count
		r := w.request("POST", "/login", url.Values{"email": {fmt.Sprintf("x%d@x.example", i)}, "password": {"x"}}.Encode())
		for _, h := range forwarded {
			r.Header.Set(h, fmt.Sprintf("203.0.%d.%d", i/250, i%250))
		}
		if w.answer(r).Code == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited < 150 {
		t.Errorf("of 200 guesses under forged addresses only %d were limited", limited)
	}
}

// TestRow36HugeHeadersAndParameters is row 36: a mebibyte in any header or parameter is
// refused before anybody thinks about it, and what just fits costs little to read.
func TestRow36HugeHeadersAndParameters(t *testing.T) {
	w := newWorld(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	srv := newServer(w.handler)
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	ask := func(raw string) (code int, took time.Duration) {
		c, err := net.Dial("tcp", l.Addr().String())
		must(t, err)
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		began := time.Now()
		go func() { _, _ = io.WriteString(c, raw) }() // the server may hang up before it has read it all
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			return -1, time.Since(began) // hung up: refused as well
		}
		defer res.Body.Close()
		return res.StatusCode, time.Since(began)
	}
	huge := strings.Repeat("a,b;q=0.5,", 1<<20/10)
	fits := huge[:15<<10]
	worst := time.Duration(0)
	for _, name := range []string{"Accept", "Accept-Language", "Accept-Encoding", "Authorization", "Cookie", "Content-Type", "If-None-Match", "If-Match", "Idempotency-Key", "Origin",
		"Referer", "User-Agent", "X-Forwarded-For", "Forwarded", "Range", "X-MISP-AUTH", "X-Anything", "HX-Request", "Content-Encoding"} {
		for _, path := range []string{"/en/warnings", "/api/v1/organisations", "/events/index", "/taxii2/"} {
			head := "GET " + path + " HTTP/1.1\r\nHost: " + worldHost + "\r\nConnection: close\r\n" + name + ": "
			if code, took := ask(head + huge + "\r\n\r\n"); code != http.StatusRequestHeaderFieldsTooLarge && code != -1 {
				t.Errorf("a mebibyte of %s at %s: %d", name, path, code)
			} else if took > 2*time.Second {
				t.Errorf("a mebibyte of %s at %s took %v", name, path, took)
			}
			code, took := ask(head + fits + "\r\n\r\n")
			if code >= 500 {
				t.Errorf("15 KiB of %s at %s: %d", name, path, code)
			}
			worst = max(worst, took)
		}
	}
	for _, r := range w.h.mux.Routes() {
		if r.Method != http.MethodGet {
			continue
		}
		at := fillPath(r, "x")
		if code, _ := ask("GET " + at + "?q=" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\nHost: " + worldHost + "\r\nConnection: close\r\n\r\n"); code != http.StatusRequestHeaderFieldsTooLarge && code != http.StatusRequestURITooLong && code != -1 {
			t.Errorf("a mebibyte of a parameter at %s: %d", at, code)
		}
	}
	w.hugeFields(t)
	t.Logf("what just fits in a header is answered within %v", worst)
	if worst > 2*time.Second {
		t.Errorf("15 KiB in a header cost %v", worst)
	}
}

// hugeFields sends a mebibyte and a byte in each field of the forms that anybody may send.
func (w *world) hugeFields(t *testing.T) {
	for _, p := range []*persona{nil, w.person("lead", "CERT A")} {
		for _, s := range w.harvest(p) {
			if s.method != http.MethodPost {
				continue
			}
			for _, f := range s.fields {
				if !f.text() {
					continue
				}
				v := s.values()
				v.Set(f.name, strings.Repeat("x", 1<<20))
				if rec := w.do(p, "POST", s.action, v.Encode()); rec.Code < 400 && rec.Header().Get("Location") == "" && rec.Code != http.StatusOK || rec.Code >= 500 {
					t.Errorf("a mebibyte in %s of %s: %d", f.name, s.action, rec.Code)
				} else if rec.Code < 400 {
					t.Errorf("a mebibyte in %s of %s is taken: %s", f.name, s.action, w.describe(rec))
				}
			}
		}
	}
}

// heard keeps what was logged.
type heard struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.Write(p)
}

// TestRow39LogsKeepNoSecrets is row 39: thirty secrets and line breaks in every header,
// field, address and file name, with the database there and gone: no secret and no
// broken line in the log, down to its most talkative level.
func TestRow39LogsKeepNoSecrets(t *testing.T) {
	log := &heard{}
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(was) })
	w := newWorld(t)
	var secrets []string
	secret := func(where string) string {
		s := fmt.Sprintf("tajna%03d%s", len(secrets), strings.ToLower(where))
		secrets = append(secrets, s)
		return s + "\r\n\x1b[31m{\"level\":\"ERROR\",\"msg\":\"forged\"}\u2028"
	}
	lead := w.person("lead", "CERT A")
	secrets = append(secrets, lead.key, lead.session.Value, worldPassword, "k-report-body", "k-reporter-name", "k-reporter@example.org")
	everything := func() {
		for _, r := range w.h.mux.Routes() {
			at := strings.ReplaceAll(fillPath(r, "T0KEN"), "T0KEN", url.PathEscape(secret("path"))) + "?q=" + url.QueryEscape(secret("query"))
			v := url.Values{}
			for _, f := range []string{"email", "password", "old", "code", "title", "name", "text", "body", "note_body", "description", "reason", "secret", "q", "version", "id"} {
				v.Set(f, secret(f))
			}
			for _, p := range []*persona{nil, lead} {
				req := w.request(r.Method, at, v.Encode())
				for _, h := range []string{"User-Agent", "Referer", "X-Forwarded-For", "X-Request-Id", "Accept-Language", "Idempotency-Key", "If-Match"} {
					req.Header[h] = []string{secret(h)}
				}
				switch {
				case p != nil && strings.HasPrefix(r.Pattern, "/api/"):
					req.Header.Set("Authorization", "Bearer "+p.key)
					req.Header.Set("Content-Type", "application/json")
				case p != nil:
					req.AddCookie(p.session)
				default:
					req.Header.Set("Authorization", "Bearer "+strings.Split(secret("key"), "\r")[0])
				}
				w.answer(req)
			}
		}
		for _, path := range []string{"/events/add", "/attributes/restSearch", "/events/view/" + url.PathEscape(secret("uuid")), "/taxii2/api/collections/" + url.PathEscape(secret("collection")) + "/"} {
			w.withKey(lead.key, "POST", path, `{"info":`+fmt.Sprintf("%q", secret("info"))+`,"broken`)
		}
		w.do(nil, "POST", "/login", url.Values{"email": {lead.who.Email}, "password": {worldPassword}}.Encode())
	}
	everything()
	must(t, w.h.DB.Close())
	everything() // now everything fails, and says why
	lines, errors := 0, 0
	for line := range bytes.Lines(log.b.Bytes()) {
		lines++
		var v map[string]any
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("no JSON in line %d of the log: %v %.200q", lines, err, line)
		}
		if v["level"] == "ERROR" {
			errors++
		}
		if v["msg"] == "forged" || bytes.ContainsAny(bytes.TrimRight(line, "\n"), "\r\n\x1b") {
			t.Fatalf("a forged line: %.200q", line)
		}
	}
	if lines < 400 || errors < 100 {
		t.Errorf("%d lines, %d errors: hardly anything was logged", lines, errors)
	}
	all := log.b.String()
	for _, s := range secrets {
		if i := strings.Index(all, s); i >= 0 {
			t.Errorf("the log holds %s: …%.300s", s, all[max(0, i-200):min(len(all), i+80)])
			break
		}
	}
	t.Logf("%d lines, %d of them errors, read for %d secrets", lines, errors, len(secrets))
}
