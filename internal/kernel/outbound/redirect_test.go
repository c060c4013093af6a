package outbound_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/outbound"
	"straza/internal/testkit"
)

var here = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

// turning is a server that redirects as the path /STATUS says, to the address in the header
// X-To; / answers "home" and tells what key came.
func turning(t *testing.T, start func(http.Handler) *httptest.Server, to func(r *http.Request) string) (*httptest.Server, *atomic.Int64) {
	var asked atomic.Int64
	s := start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		at := to(r)
		if at == "" {
			_, _ = io.WriteString(w, "home "+r.Header.Get("X-Key")+r.Header.Get("Authorization"))
			return
		}
		w.Header().Set("Location", at)
		status := map[byte]int{'1': 301, '2': 302, '3': 303, '7': 307, '8': 308}[r.URL.Path[1]]
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return s, &asked
}

// keyed is a request that carries keys in every place where one may stand.
func keyed(t *testing.T, method, url string, body io.Reader) *http.Request {
	r, err := http.NewRequest(method, url+"?key=in-the-address", body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "a-secret")
	r.Header.Set("X-Key", "a-secret")
	r.Header.Set("Cookie", "k=a-secret")
	return r
}

// TestRow08RedirectsAreJudgedToo: each kind of redirect to another origin comes there without
// a key, to what is nobody's server not at all, and in a circle not for ever.
func TestRow08RedirectsAreJudgedToo(t *testing.T) {
	t.Parallel()
	away := testkit.NewAstray(t)
	var to atomic.Value
	s, asked := turning(t, httptest.NewServer, func(*http.Request) string { return to.Load().(string) })
	c := outbound.New(outbound.Config{Allow: here})
	followed := 0
	for _, turn := range away.Turns("/1") {
		to.Store(turn.To)
		before := asked.Load()
		resp, err := c.Do(keyed(t, http.MethodGet, s.URL+"/"+string(rune('0'+turn.Status%10)), nil))
		if err == nil {
			_ = resp.Body.Close()
			followed++
		}
		if (err == nil) != strings.HasPrefix(turn.To, away.Allowed) {
			t.Errorf("%d to %s: %v", turn.Status, turn.To, err)
		}
		if n := asked.Load() - before; n > 6 {
			t.Errorf("%d to %s: asked %d times", turn.Status, turn.To, n)
		}
	}
	got := away.Came(away.Allowed)
	if len(got) != 5 || followed != 5 || strings.Contains(strings.Join(got, ""), "secret") || strings.Contains(strings.Join(got, ""), "in-the-address") {
		t.Errorf("%d followed: %s", followed, got)
	}
	if inner := away.Came(away.Inner); len(inner) != 0 {
		t.Errorf("reached what may not be: %s", inner)
	}
	// What is sent in a body is sent once, whatever the redirect says.
	for _, status := range "78" {
		to.Store(away.Allowed + "/posted")
		if resp, err := c.Do(keyed(t, http.MethodPost, s.URL+"/"+string(status), bytes.NewReader([]byte("a-secret")))); err == nil {
			_ = resp.Body.Close()
			t.Errorf("30%c: a body was sent on", status)
		}
	}
	if n := len(away.Came(away.Allowed)); n != 5 {
		t.Errorf("%d requests at the other origin", n)
	}
	// A client for interfaces follows none.
	strict := outbound.New(outbound.Config{Allow: here, NoRedirects: true})
	for _, turn := range away.Turns("/1") {
		to.Store(turn.To)
		resp, err := strict.Do(keyed(t, http.MethodGet, s.URL+"/"+string(rune('0'+turn.Status%10)), nil))
		if err != nil || resp.StatusCode != turn.Status {
			t.Fatalf("%d to %s: %v", turn.Status, turn.To, err)
		}
		_ = resp.Body.Close()
	}
	if n := len(away.Came(away.Allowed)); n != 5 {
		t.Errorf("a client that follows nobody followed: %d", n)
	}
}

// TestKeysStayWithTheirOrigin: to another place of the same origin a key goes on; a chain
// that left the origin does not get it back; another port or scheme is another origin.
func TestKeysStayWithTheirOrigin(t *testing.T) {
	t.Parallel()
	var back, first *httptest.Server
	back, _ = turning(t, httptest.NewServer, func(*http.Request) string { return first.URL + "/end" })
	first, _ = turning(t, httptest.NewServer, func(r *http.Request) string {
		return map[string]string{"/1": "/end", "/2": back.URL + "/2", "/7": "/1"}[r.URL.Path]
	})
	c := outbound.New(outbound.Config{Allow: here})
	for path, want := range map[string]string{"/1": "home a-secreta-secret", "/7": "home a-secreta-secret", "/2": "home "} {
		resp, err := c.Do(keyed(t, http.MethodGet, first.URL+path, nil))
		if err != nil {
			t.Fatal(path, err)
		}
		b, err := io.ReadAll(resp.Body)
		if _ = resp.Body.Close(); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", path, b, err)
		}
	}
	// From https to http: neither the key nor the request.
	away := testkit.NewAstray(t)
	tls, _ := turning(t, httptest.NewTLSServer, func(*http.Request) string { return away.Allowed + "/plain" })
	roots := x509.NewCertPool()
	roots.AddCert(tls.Certificate())
	safe := outbound.New(outbound.Config{Allow: here, Roots: roots})
	for _, status := range "12378" {
		if resp, err := safe.Do(keyed(t, http.MethodGet, tls.URL+"/"+string(status), nil)); err == nil {
			_ = resp.Body.Close()
			t.Errorf("30%c from https to http was followed", status)
		}
	}
	away.Unseen(t)
}

// lying answers a name with the next of its addresses at each look-up (RFC 1035 §4.1).
type lying struct {
	addrs []string
	asked atomic.Int64
}

func (l *lying) resolver(t *testing.T) *net.Resolver {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo(l.answer(b[:n]), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

func (l *lying) answer(q []byte) []byte {
	end := 12
	for end < len(q) && q[end] != 0 {
		end += int(q[end]) + 1
	}
	question := q[12 : end+5]
	kind := binary.BigEndian.Uint16(q[end+1:])
	out := append([]byte{q[0], q[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question...)
	if kind == 1 { // A
		addr := l.addrs[min(int(l.asked.Add(1))-1, len(l.addrs)-1)]
		for one := range strings.FieldsSeq(addr) {
			out[7]++
			out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
			out = append(out, netip.MustParseAddr(one).AsSlice()...)
		}
	}
	return out
}

// TestRow08NamesThatChange: an address is judged where the connection is made, so a name
// that leads elsewhere at the second look, or to several places, reaches nothing forbidden.
func TestRow08NamesThatChange(t *testing.T) {
	t.Parallel()
	away := testkit.NewAstray(t)
	s, _ := turning(t, httptest.NewServer, func(r *http.Request) string {
		if r.URL.Path == "/7" {
			return "http://rebind.test:" + away.Inner[strings.LastIndexByte(away.Inner, ':')+1:] + "/again"
		}
		return ""
	})
	port := s.URL[strings.LastIndexByte(s.URL, ':')+1:]
	inner := away.Inner[strings.LastIndexByte(away.Inner, ':')+1:]
	for name, c := range map[string]struct {
		addrs []string
		urls  []string // the first must answer, no other may
	}{
		"at the second look":     {[]string{"127.0.0.1", "127.0.0.2"}, []string{"http://rebind.test:" + port + "/", "http://rebind.test:" + inner + "/"}},
		"on the redirect":        {[]string{"127.0.0.1", "127.0.0.2"}, []string{"", "http://rebind.test:" + port + "/7"}},
		"the metadata's address": {[]string{"127.0.0.1", "169.254.169.254"}, []string{"http://rebind.test:" + port + "/", "http://rebind.test:" + inner + "/"}},
		"only forbidden ones":    {[]string{"127.0.0.2 10.0.0.1"}, []string{"", "http://rebind.test:" + inner + "/"}},
	} {
		l := &lying{addrs: c.addrs}
		client := outbound.New(outbound.Config{Allow: here, Resolver: l.resolver(t)})
		for i, url := range c.urls {
			if url == "" {
				continue
			}
			resp, err := client.Do(keyed(t, http.MethodGet, url, nil))
			if err == nil {
				_ = resp.Body.Close()
			}
			if (err == nil) != (i == 0) || i > 0 && !fault.Is(err, fault.Invalid) && name != "only forbidden ones" {
				t.Errorf("%s: %s: %v", name, url, err)
			}
		}
		if l.asked.Load() == 0 {
			t.Errorf("%s: nobody asked for the name", name)
		}
	}
	away.Unseen(t)
}
