package peer

import (
	"errors"
	"net/http"
	"testing"

	"straza/internal/kernel/fault"
)

// What an answer to a push means does not depend on what was pushed.
func TestJudged(t *testing.T) {
	t.Parallel()
	said := func(status int, message string) error { return &NoAnswer{Status: status, Message: message} }
	for _, c := range []struct {
		err  error
		want verdict
	}{
		{nil, accepted},
		{said(403, "Event could not be saved: Event in the request not newer than the local copy."), asItWas},
		{said(403, "You do not have permission to do that."), forbidden},
		{said(403, "Event blocked by event blocklist."), forbidden},
		{said(401, "Authentication failed."), forbidden},
		{said(400, "x"), unwanted},
		{said(404, "x"), unwanted},
		{said(405, "x"), unwanted},
		{said(413, "x"), unwanted},
		{said(422, "x"), unwanted},
		{said(http.StatusTooManyRequests, "slow down"), later},
		{said(http.StatusRequestTimeout, "x"), later},
		{said(500, "x"), later},
		{said(503, "x"), later},
		{said(302, ""), later},
		{fault.New(fault.Unavailable, "broke off"), later},
		{Odd("no JSON"), later},
		{fault.New(fault.Invalid, "no event"), ours},
		{errors.New("disk"), ours},
	} {
		if got := judged(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}
