package intel_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
