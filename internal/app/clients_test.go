package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"straza/internal/kernel/outbound"
	"straza/internal/testkit"
)

// TestRow08WhatIsSignedIsNotSentOn: the clients as the house wires them for webhooks and for
// servers of modules follow no redirect; the one for feeds follows none with a body.
func TestRow08WhatIsSignedIsNotSentOn(t *testing.T) {
	t.Parallel()
	cfg, err := loadConfig(map[string]string{"data": t.TempDir(), "allow-net": "127.0.0.0/8"}, nil)
	must(t, err)
	h, away := &House{cfg: cfg}, testkit.NewAstray(t)
	var turn testkit.Turn
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", turn.To)
		w.WriteHeader(turn.Status)
	}))
	t.Cleanup(srv.Close)
	for name, c := range map[string]*outbound.Client{"webhooks": h.receivers(), "modules": h.modules(), "feeds": h.world()} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			turn = testkit.Turn{Status: status, To: away.Allowed}
			r, err := http.NewRequest(http.MethodPost, srv.URL, strings.NewReader("signed"))
			must(t, err)
			resp, err := c.Do(r)
			if err == nil {
				_ = resp.Body.Close()
			}
			if name != "feeds" && (err != nil || resp.StatusCode != status) {
				t.Errorf("%s: %d: %v", name, status, err)
			}
		}
	}
	for _, got := range away.Came(away.Allowed) {
		if !strings.HasPrefix(got, "GET") {
			t.Errorf("sent on: %s", got)
		}
	}
}
