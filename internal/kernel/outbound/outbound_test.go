package outbound_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/outbound"
)

// Spec reliability §2.3 row 8: none of the ways to write a private address
// reaches a listener on this machine.
func TestRow08NoWayToLoopback(t *testing.T) {
	t.Parallel()
	var hits atomic.Int64
	canary := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer canary.Close()
	port := canary.URL[strings.LastIndex(canary.URL, ":")+1:]
	c := outbound.New(outbound.Config{})
	for _, host := range []string{
		"127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0", "[::1]", "[::]",
		"[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1%25lo]",
		"127.0.0.1.", "LOCALHOST", "[::127.0.0.1]",
	} {
		resp, err := c.Get(context.Background(), "http://"+host+":"+port+"/")
		if err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s answered", host)
		}
	}
	for _, u := range []string{"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:" + port, "http://u:p@example.org/", "//127.0.0.1", ""} {
		if _, err := c.Get(context.Background(), u); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", u, err)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("the canary was hit %d times", n)
	}
}

func TestAnswersAreCapped(t *testing.T) {
	t.Parallel()
	big := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, 1<<20))
	}))
	defer big.Close()
	c := outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, MaxBytes: 1000})
	resp, err := c.Get(context.Background(), big.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); !fault.Is(err, fault.Limited) || len(b) != 1000 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}
