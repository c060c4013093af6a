package intel_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestSearchReadsWhatThePageReads: a search reads its rows as one text, an event's page
// by columns. Both give the same of every attribute, texts that hold the text's own
// marks among them.
func TestSearchReadsWhatThePageReads(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.CERT, access.Analyst, ident.MISP)
		strange := inteltest.Attr("text", "a\x1fb\x1f\x1f7\x1f")
		strange.Comment, strange.FirstSeen, strange.DisableCorrelation = misp.T("коментар\x1f12\x1f"), misp.T("1969-07-20T20:17:40+00:00"), misp.B(true)
		both := inteltest.Attr("filename|md5", "a b.exe|d41d8cd98f00b204e9800998ecf8427e")
		both.FirstSeen, both.LastSeen, both.ToIDS, both.Distribution = misp.T("2026-01-02T03:04:05.678901+00:00"), misp.T("2026-02-02T03:04:05+00:00"), misp.B(true), misp.N(0)
		e := inteltest.Event("Редови", intel.Community, strange, both, inteltest.Attr("comment", "ред\nред\t|\"'\\"))
		e.Object = []misp.Object{{Name: misp.T("file"), TemplateUUID: misp.T("688c46fb-5edb-40a3-8273-1af7923e2215"),
			Attribute: []misp.Attribute{{Type: misp.T("filename"), Value: misp.T("Evil.exe"), ObjectRelation: misp.T("filename")}}}}
		w.Add(who, e)

		found := map[string]intel.Attribute{}
		if err := w.Intel.SearchAttributes(t.Context(), who, intel.Query{}, func(a *intel.Attribute) error { found[a.UUID] = *a; return nil }); err != nil {
			t.Fatal(err)
		}
		if len(found) != 4 {
			t.Fatalf("%d attributes found, want 4: %v", len(found), found)
		}
		same := cmp.Options{cmpopts.IgnoreUnexported(intel.Attribute{}), cmpopts.IgnoreFields(intel.Attribute{}, "Event", "Tags"), cmpopts.EquateEmpty()}
		for uuid, got := range found {
			want, err := w.Intel.Attribute(t.Context(), who, uuid)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, same); diff != "" {
				t.Errorf("page (-), search (+):\n%s", diff)
			}
		}
	})
}
