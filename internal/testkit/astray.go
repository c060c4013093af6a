package testkit

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Astray is where redirects lead that nobody may follow with a key: another origin on a
// network that may be reached (Allowed), one that may not (Inner, when the caller allows
// 127.0.0.1/32 alone), and what is nobody's server.
type Astray struct {
	Allowed, Inner string
	mu             sync.Mutex
	got            map[string][]string // by origin: the requests with all they carried
}

// Turn is one redirect: a status and where to.
type Turn struct {
	Status int
	To     string
}

// NewAstray starts the canaries.
func NewAstray(t testing.TB) *Astray {
	t.Helper()
	a := &Astray{got: map[string][]string{}}
	start := func(addr string) string {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			a.mu.Lock()
			a.got["http://"+r.Host] = append(a.got["http://"+r.Host], fmt.Sprintln(r.Method, r.URL, r.Header))
			a.mu.Unlock()
			fmt.Fprint(w, "{}")
		}))
		_ = s.Listener.Close()
		s.Listener = l
		s.Start()
		t.Cleanup(s.Close)
		return s.URL
	}
	a.Allowed, a.Inner = start("127.0.0.1:0"), start("127.0.0.2:0")
	return a
}

// Turns are the five redirects to each of the places; self is where the asked server
// sends back to itself.
func (a *Astray) Turns(self string) (out []Turn) {
	_, port, _ := strings.Cut(strings.TrimPrefix(a.Inner, "http://"), ":")
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, to := range []string{a.Allowed + "/away", a.Inner + "/in", strings.TrimPrefix(a.Inner, "http:") + "/relative", "http://169.254.169.254/latest/meta-data/",
			"http://[::ffff:127.0.0.2]:" + port + "/", "http://10.0.0.1:" + port + "/", "http://user:pw@127.0.0.1:" + port + "/", "file:///etc/passwd", self} {
			out = append(out, Turn{status, to})
		}
	}
	return out
}

// Came tells what reached an origin, one text a request.
func (a *Astray) Came(origin string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]string(nil), a.got[origin]...)
}

// Unseen fails when anything reached a canary.
func (a *Astray) Unseen(t testing.TB) {
	t.Helper()
	for _, at := range []string{a.Allowed, a.Inner} {
		if got := a.Came(at); len(got) > 0 {
			t.Errorf("%d requests went astray to %s: %.300s", len(got), at, got[0])
		}
	}
}
