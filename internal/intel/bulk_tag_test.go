package intel_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestTaggedInBulk: one act tags what can be tagged and has it not yet, counts the rest,
// and is taken back by who did it; a label goes on and off again without touching what it
// stood on before.
func TestTaggedInBulk(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		c := newCast(t, db)
		who := c.who["alfa"]
		has := inteltest.Attr("domain", "b.example")
		has.Tag = named("sneg")
		e := c.Add(who, inteltest.Event("e", intel.Community, inteltest.Attr("domain", "a.example"), has, inteltest.Attr("domain", "c.example"), inteltest.Attr("domain", "gone.example")))
		must(t, c.Intel.Publish(ctx, who, e.UUID))
		var ids []int64
		must(t, c.Intel.Attributes(ctx, who, e.UUID, intel.Part{}, func(a *intel.Attribute) error { ids = append(ids, a.ID); return nil }))
		_, err := c.Intel.DeleteAttribute(ctx, who, fmt.Sprint(ids[3]), false)
		must(t, err)
		before := tagsOf(t, c.World, who, e.UUID)
		now.Add(time.Minute)
		done, err := c.Intel.TagAttributes(ctx, who, e.UUID, append(ids, 4711), "sneg")
		must(t, err)
		if diff := cmp.Diff(intel.Bulk{At: done.At, Changed: 2, Same: 1, Left: map[string]int{"gone": 2}}, done); diff != "" || done.At == 0 {
			t.Fatal(done.At, diff)
		}
		if diff := cmp.Diff([]string{"event", "a.example sneg:", "b.example sneg:", "c.example sneg:"}, tagsOf(t, c.World, who, e.UUID)); diff != "" {
			t.Error(diff)
		}
		if got, err := c.Intel.Event(ctx, who, e.UUID); err != nil || got.Published || got.Changed != done.At {
			t.Errorf("a tag is a change of its event: %+v %v", got, err)
		}
		again, err := c.Intel.TagAttributes(ctx, who, e.UUID, ids[:3], "sneg")
		must(t, err)
		if diff := cmp.Diff(intel.Bulk{Same: 3}, again); diff != "" {
			t.Error(diff)
		}
		colleague := c.Person(c.A, access.OrgAdmin, ident.Web)
		now.Add(time.Minute)
		if _, err := c.Intel.UndoAttributes(ctx, colleague, e.UUID, done.At); !fault.Is(err, fault.NotFound) {
			t.Errorf("a colleague takes it back: %v", err)
		}
		back, err := c.Intel.UndoAttributes(ctx, who, e.UUID, done.At)
		must(t, err)
		if diff := cmp.Diff(intel.Bulk{At: back.At, Changed: 2}, back); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(before, tagsOf(t, c.World, who, e.UUID)); diff != "" {
			t.Error(diff)
		}
		for name, kind := range map[string]fault.Kind{"": fault.Invalid, "sneg": fault.Invalid} {
			if _, err := c.Intel.TagAttributes(ctx, who, e.UUID, many(name), name); !fault.Is(err, kind) {
				t.Errorf("%q: %v", name, err)
			}
		}
		if _, err := c.Intel.TagAttributes(ctx, c.who["beta"], e.UUID, ids, "sneg"); !fault.Is(err, fault.Denied) {
			t.Errorf("a stranger tags: %v", err)
		}
	})
}

// many are more ids than one act takes, for a name that is one.
func many(name string) (ids []int64) {
	for i := range intel.BulkMost + 1 {
		if name != "" || i == 0 {
			ids = append(ids, int64(i+1))
		}
	}
	return ids
}

// TestTaggedAsAWhole: more attributes than one transaction takes are tagged as one act and
// taken back as one; what was worked on since stays.
func TestTaggedAsAWhole(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		c := newCast(t, db)
		who := c.who["alfa"]
		n := intel.BulkMost*2 + 100
		if v := os.Getenv("STRAZA_TAGGED"); v != "" { // to measure
			n, _ = strconv.Atoi(v)
		}
		var list []misp.Attribute
		for i := range n {
			list = append(list, inteltest.Attr("domain", fmt.Sprintf("n%d.example", i)))
		}
		e := c.Add(who, inteltest.Event("many", intel.Community, list...))
		before := tagsOf(t, c.World, who, e.UUID)
		now.Add(time.Minute)
		begun := time.Now()
		done, err := c.Intel.TagEvery(ctx, who, e.UUID, "sneg")
		must(t, err)
		t.Logf("%d attributes tagged in %v", n, time.Since(begun))
		if diff := cmp.Diff(intel.Bulk{At: done.At, Changed: n}, done); diff != "" || done.At == 0 {
			t.Fatal(done.At, diff)
		}
		tagged := tagsOf(t, c.World, who, e.UUID)
		last := ""
		must(t, c.Intel.Attributes(ctx, who, e.UUID, intel.Part{}, func(a *intel.Attribute) error { last = a.UUID; return nil }))
		now.Add(time.Minute)
		_, err = c.Intel.EditAttribute(ctx, who, last, misp.Attribute{Comment: misp.T("own")})
		must(t, err)
		now.Add(time.Minute)
		begun = time.Now()
		back, err := c.Intel.UndoAttributes(ctx, who, e.UUID, done.At)
		must(t, err)
		t.Logf("taken back in %v", time.Since(begun))
		if diff := cmp.Diff(intel.Bulk{At: back.At, Changed: n - 1, Left: map[string]int{"since": 1}}, back); diff != "" {
			t.Error(diff)
		}
		before[n] = tagged[n]
		if diff := cmp.Diff(before, tagsOf(t, c.World, who, e.UUID)); diff != "" {
			t.Errorf("%.400s", diff)
		}
		if _, err := c.Intel.TagEvery(ctx, c.who["beta"], e.UUID, "sneg"); !fault.Is(err, fault.Denied) {
			t.Errorf("a stranger tags: %v", err)
		}
	})
}
