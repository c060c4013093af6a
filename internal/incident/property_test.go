package incident_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"straza/internal/incident"
	"straza/internal/incident/incidenttest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// machine does random acts on a handful of cases and takes them back.
type machine struct {
	t     *testing.T
	w     *incidenttest.World
	all   []string // every number ever given
	acts  []taken  // not yet undone, oldest first
	heads []string // the cases at the start
}

type taken struct {
	ref    string
	act    int64
	before map[string]map[string]string
}

// world is what each of the first cases looks like, and where its number leads.
func (m *machine) world() map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, n := range m.heads {
		s := snapshot(m.t, m.w, n)
		// What a split has taken back keeps its number: it leads to where it came from.
		delete(s, "merged")
		out[n] = s
	}
	return out
}

func (m *machine) do(rt *rapid.T) {
	before := m.world()
	ref := rapid.SampledFrom(m.all).Draw(rt, "case")
	other := rapid.SampledFrom(m.all).Draw(rt, "other")
	var d incident.Done
	var err error
	switch rapid.SampledFrom([]string{"link", "merge", "split", "report", "unlink"}).Draw(rt, "act") {
	case "link":
		d, err = m.w.S.LinkCase(ctx, m.w.Luka, ref, other, "")
	case "merge":
		d, err = m.w.S.Merge(ctx, m.w.Luka, ref, 0, []string{other})
	case "report":
		err = m.w.DB.Update(ctx, func(tx *store.Tx) error {
			n := int64(rapid.IntRange(1, 3).Draw(rt, "report"))
			_, err := m.w.S.LinkReportTx(ctx, tx, m.w.Luka, ref, n, fmt.Sprintf("P-2026-%06d", n))
			return err
		})
		if err == nil {
			h, herr := m.w.S.History(ctx, m.w.Luka, ref, 0)
			must(m.t, herr)
			if h[0].Verb == "link" && !h[0].Undone && (len(m.acts) == 0 || m.acts[len(m.acts)-1].act < h[0].ID) {
				d.Act = h[0].ID
			}
		}
	case "unlink":
		f, ferr := m.w.S.Read(ctx, m.w.Luka, ref)
		must(m.t, ferr)
		if len(f.Links) == 0 {
			return
		}
		d, err = m.w.S.Unlink(ctx, m.w.Luka, ref, rapid.SampledFrom(f.Links).Draw(rt, "link").ID)
	case "split":
		f, ferr := m.w.S.Read(ctx, m.w.Luka, ref)
		must(m.t, ferr)
		if len(f.Tasks) == 0 {
			return
		}
		var n string
		d, n, err = m.w.S.Split(ctx, m.w.Luka, ref, 0, "Издвојено", incident.Parts{Tasks: []int64{rapid.SampledFrom(f.Tasks).Draw(rt, "task").ID}})
		if err == nil {
			m.all = append(m.all, n)
		}
	}
	if fault.Is(err, fault.Invalid) { // with itself
		return
	}
	must(m.t, err)
	if d.Act != 0 {
		m.acts = append(m.acts, taken{ref, d.Act, before})
	}
}

// undoAny tries to take back an act that others may stand on: it is either refused
// whole or done; never half.
func (m *machine) undoAny(rt *rapid.T) {
	if len(m.acts) < 2 {
		return
	}
	i := rapid.IntRange(0, len(m.acts)-2).Draw(rt, "which")
	before := m.world()
	d, err := m.w.S.Undo(ctx, m.w.Luka, m.acts[i].ref, m.acts[i].act)
	if fault.Is(err, fault.Conflict) || fault.Is(err, fault.NotFound) {
		if diff := cmp.Diff(before, m.world()); diff != "" {
			m.t.Fatalf("a refused undo changed something: %s", diff)
		}
		return
	}
	must(m.t, err)
	_, err = m.w.S.Undo(ctx, m.w.Luka, m.acts[i].ref, d.Act) // and back again
	must(m.t, err)
	if diff := cmp.Diff(before, m.world()); diff != "" {
		m.t.Fatalf("undo of an undo: %s", diff)
	}
}

func (m *machine) check() {
	for _, n := range m.all {
		if _, err := m.w.S.Get(ctx, m.w.Ana, n); err != nil {
			m.t.Fatalf("number %s leads nowhere: %v", n, err)
		}
	}
}

// TestAnySequenceIsUndone: any sequence of link, unlink, merge and split, undone
// from the last to the first, restores the same state after every step, and every
// number ever given still leads to a case.
func TestAnySequenceIsUndone(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := incidenttest.New(t, db)
		rapid.Check(t, func(rt *rapid.T) {
			m := &machine{t: t, w: w}
			for i := range 4 {
				n := w.Open(t, w.Luka, fmt.Sprintf("Случај %d", i)).Number
				for j := range 2 {
					_, err := w.S.AddTask(ctx, w.Luka, n, incident.TaskInput{Title: fmt.Sprintf("Задатак %d.%d", i, j)})
					must(t, err)
				}
				m.all, m.heads = append(m.all, n), append(m.heads, n)
			}
			start := m.world()
			for range rapid.IntRange(1, 8).Draw(rt, "steps") {
				m.do(rt)
				m.undoAny(rt)
			}
			m.check()
			for i := len(m.acts) - 1; i >= 0; i-- {
				if _, err := w.S.Undo(ctx, w.Luka, m.acts[i].ref, m.acts[i].act); err != nil {
					t.Fatalf("undo %d: %v", i, err)
				}
				if diff := cmp.Diff(m.acts[i].before, m.world()); diff != "" {
					t.Fatalf("after undo %d: %s", i, diff)
				}
			}
			if diff := cmp.Diff(start, m.world()); diff != "" {
				t.Fatalf("not as at the start: %s", diff)
			}
			m.check()
		})
	})
}
