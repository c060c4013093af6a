package feed_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"straza/internal/intel/feed"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/outbound"
	"straza/internal/testkit"
)

// TestFeedsRedirect: a feed may move to another origin of the open network, where the key
// in its headers and in its address does not go with it; to any other place it may not,
// and the run says so.
func TestFeedsRedirect(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	w, away := inteltest.New(t, db), testkit.NewAstray(t)
	admin := w.Person(w.CERT, access.Admin, ident.MISP)
	s := feed.New(feed.Deps{DB: db, Audit: testkit.Audit(db), Intel: w.Intel, Lists: w.Lists, Registry: w.Registry, Keys: testkit.Vault(t),
		People: as{func() ident.Actor { return admin }}, World: outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})})
	run := jobs.New(db, s.Jobs(), nil)
	var turn testkit.Turn
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if asked++; r.Header.Get("X-Key") != "a-secret" {
			t.Errorf("the feed's own server is asked without its key: %v", r.Header)
		}
		rw.Header().Set("Location", turn.To)
		rw.WriteHeader(turn.Status)
	}))
	t.Cleanup(srv.Close)
	f, err := s.Save(ctx, admin, 0, func(f *feed.Feed) {
		f.Name, f.Provider, f.URL, f.Format, f.Enabled = "Lista", "neko", srv.URL+"/list.txt?key=a-secret", feed.FormatFreetext, true
		f.Headers = []string{"X-Key: a-secret", "Authorization: a-secret"}
	})
	w.Must(err)
	for _, turn = range away.Turns("/list.txt") {
		asked = 0
		_, err := s.Queue(ctx, admin, false, f.ID)
		w.Must(err)
		w.Must(run.Drain(ctx))
		got, err := s.Feed(ctx, admin, f.ID)
		w.Must(err)
		if moved := strings.HasPrefix(turn.To, away.Allowed); (got.Fault == "") != moved || asked == 0 || asked > 6 {
			t.Errorf("%d to %s: asked %d times, %q", turn.Status, turn.To, asked, got.Fault)
		}
	}
	if got := fmt.Sprint(away.Came(away.Allowed)); len(away.Came(away.Allowed)) != 5 || strings.Contains(got, "secret") {
		t.Errorf("at the other origin: %s", got)
	}
	if got := away.Came(away.Inner); len(got) != 0 {
		t.Errorf("reached what may not be: %s", got)
	}
}
