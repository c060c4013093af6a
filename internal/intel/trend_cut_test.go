package intel_test

import (
	"slices"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestTrendsTellWhatTheyLeaveOut: with more rows than may be counted the newest are, and
// that older ones are not is told; with as many, nothing is. What is hidden is not felt.
func TestTrendsTellWhatTheyLeaveOut(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		maker, reader := w.Person(w.A, access.OrgAdmin, ident.MISP), w.Person(w.A, access.Member, ident.MISP)
		stranger := w.Person(w.B, access.Member, ident.MISP)
		first := now.Now()
		var last string
		for _, v := range []string{"a.example", "b.example", "c.example"} {
			last = now.Now().In(i18n.Belgrade).Format(time.DateOnly)
			e := inteltest.Event(v, intel.OwnOrg, inteltest.Attr("domain", v))
			e.Date, e.Tag = misp.T(last), []misp.Tag{{Name: misp.T("one")}}
			w.Add(maker, e)
			must(t, first2(w.Intel.AddSightings(ctx, maker, nil, []string{v}, intel.Sighting{})))
			now.Add(48 * time.Hour)
		}
		d := intel.Days{From: first.In(i18n.Belgrade).Format(time.DateOnly), To: now.Now().In(i18n.Belgrade).Format(time.DateOnly)}
		for most, cut := range map[int64]bool{0: true, 2: true, 3: false} {
			got, err := intel.TrendCounts(ctx, db, reader, d, most)
			must(t, err)
			for name, c := range got {
				if c.Cut != cut || c.N != min(most+1, 3) || !slices.Contains(c.Days, last) {
					t.Errorf("%s, at most %d: %+v, newest %s", name, most, c, last)
				}
			}
			got, err = intel.TrendCounts(ctx, db, stranger, d, most)
			must(t, err)
			for name, c := range got {
				if c.Cut || c.N != 0 {
					t.Errorf("%s to a stranger: %+v", name, c)
				}
			}
		}
	})
}
