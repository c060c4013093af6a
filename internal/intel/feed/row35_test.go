package feed_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"straza/internal/intel/feed"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
)

// TestRow35ExcludedLines is row 35 where a feed leaves lines out by a pattern: it is read as
// MISP writes it, one that is too costly or is none is refused when it is entered, and one
// that stands there from before lets nothing in, because it would let everything in.
func TestRow35ExcludedLines(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.o.set("/list.txt", "Alpha.example.com\nbeta.example.com\nalpha-path.example.org\n")
		f := w.list(false, false)
		with := func(pattern string) (feed.Feed, error) {
			b, err := json.Marshal(map[string]any{"common": map[string]any{"excluderegex": pattern}})
			w.Must(err)
			return w.s.Save(ctx, w.admin, f.ID, func(f *feed.Feed) { f.Settings = b })
		}
		for _, bad := range []string{`/(/`, `/a(?=b)/`, strings.Repeat("a?", 400) + strings.Repeat("a", 400), `/(a{1000}){1000}/`, strings.Repeat("x", 5000)} {
			if _, err := with(bad); !fault.Is(err, fault.Invalid) || fault.Of(err).Fields["settings"] == "" {
				t.Errorf("%.20q: %v", bad, err)
			}
		}
		for pattern, want := range map[string][]string{`/^alpha/i`: {"beta.example.com"}, `/^alpha/`: {"alpha.example.com", "beta.example.com"}, `\.com$`: {"alpha-path.example.org"}} {
			_, err := with(pattern)
			w.Must(err)
			found, err := w.s.Preview(ctx, w.admin, f.ID, 10)
			var got []string
			for _, x := range found {
				got = append(got, x.Value)
			}
			if slices.Sort(got); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q, %v", pattern, got, want, err)
			}
		}
		_, err := with(`/zeta/`)
		w.Must(err)
		w.Must(w.DB.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE intel_feed SET doc = $2 WHERE id = $1`, f.ID, `{"distribution":1,"settings":{"common":{"excluderegex":"/(/"}}}`)
			return err
		}))
		if got := w.fetch(f.ID); got.Fault != "intel.fault.feed-pattern" || got.Report.Created != 0 || got.Event != 0 {
			t.Errorf("%q %+v", got.Fault, got.Report)
		}
	})
}
