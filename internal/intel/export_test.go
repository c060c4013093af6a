package intel_test

import (
	"fmt"
	"testing"

	"straza/internal/craft/export"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestAnExportIsOfOneMoment: what is written between the count and the rows, and between
// one row and the next, is not in the file, and the file is what its stamp says.
func TestAnExportIsOfOneMoment(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.CERT, access.Analyst, ident.Web)
		n := 0
		write := func() {
			n++
			w.Add(who, inteltest.Event(fmt.Sprint("late ", n), intel.OwnOrg, inteltest.Attr("domain", fmt.Sprintf("late%d.example", n))))
		}
		for i := range 3 {
			w.Add(who, inteltest.Event(fmt.Sprint("early ", i), intel.OwnOrg, inteltest.Attr("domain", fmt.Sprintf("early%d.example", i)), inteltest.Attr("domain", fmt.Sprintf("second%d.example", i))))
		}
		for name, each := range map[string]int64{"events": 1, "attributes": 2} {
			var x export.Extent
			rows := int64(0)
			before := int64(n)
			begin := func(got export.Extent) error { x = got; write(); return nil }
			var err error
			if name == "events" {
				err = w.Intel.ExportEvents(t.Context(), who, intel.Query{}, begin, func(tlp.Level, *intel.Event) error { rows++; write(); return nil })
			} else {
				err = w.Intel.ExportAttributes(t.Context(), who, intel.Query{}, begin, func(tlp.Level, *intel.Attribute) error { rows++; write(); return nil })
			}
			w.Must(err)
			if want := 3*each + before; x.Rows != want || rows != want {
				t.Errorf("%s: announced %d, wrote %d, want %d", name, x.Rows, rows, want)
			}
		}
	})
}
