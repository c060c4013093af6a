package peer_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/peer"
)

// What another server says of a refusal is cut to a line, and how long it asks us to wait
// is heard, within a day; the breaker waits at least as long.
func TestRefusal(t *testing.T) {
	t.Parallel()
	for after, want := range map[string]time.Duration{"": 0, "x": 0, "-1": 0, "90": 90 * time.Second, "9999999999": 24 * time.Hour, "Wed, 21 Oct 2026 07:28:00 GMT": 0} {
		resp := &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {after}}, Body: io.NopCloser(strings.NewReader("too\nmany\x00\xff " + strings.Repeat("ч", 300)))}
		e := peer.Refusal(resp, func(b []byte) string { return string(b) })
		if e.After != want || e.Status != 429 || strings.ContainsAny(e.Message, "\n\x00") || len([]rune(e.Message)) > 200 || !strings.HasPrefix(e.Message, "too many") {
			t.Errorf("%q: %+v", after, e)
		}
		if got := peer.Pause(1, e); got != max(want, peer.Wait(1)) {
			t.Errorf("%q: a pause of %s", after, got)
		}
	}
}

// Every way in which an exchange ends has its number and its kind of fault.
func TestHowExchangesEnd(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		code peer.Code
		kind fault.Kind
	}{
		"well":           {nil, peer.OK, ""},
		"forbidden":      {&peer.NoAnswer{Status: 403}, peer.Forbidden, fault.Internal},
		"refused":        {&peer.NoAnswer{Status: 500}, peer.Unexpected, fault.Internal},
		"odd":            {peer.Odd("x"), peer.Unexpected, fault.Unavailable},
		"not JSON":       {peer.Broken(&json.SyntaxError{}, "x", "y"), peer.Unexpected, fault.Unavailable},
		"too much of it": {peer.Broken(fault.New(fault.Limited, "x"), "x", "y"), peer.Unexpected, fault.Unavailable},
		"our own fault":  {peer.Broken(fault.New(fault.Conflict, "x"), "x", "y"), peer.Unreachable, fault.Conflict},
		"broken off":     {peer.Broken(io.ErrUnexpectedEOF, "x", "y"), peer.Unreachable, fault.Unavailable},
		"too large":      {peer.Value(strings.NewReader("[1,2]"), 3, nil), peer.Unexpected, fault.Unavailable},
		"no value":       {peer.Value(strings.NewReader("[1,2]"), 10, &struct{}{}), peer.Unexpected, fault.Unavailable},
		"unreachable":    {errors.New("no route"), peer.Unreachable, fault.Internal},
	} {
		if got := peer.CodeOf(tc.err); got != tc.code || fault.KindOf(tc.err) != tc.kind {
			t.Errorf("%s: %d %s", name, got, fault.KindOf(tc.err))
		}
	}
}
