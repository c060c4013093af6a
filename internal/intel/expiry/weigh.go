package expiry

import (
	"cmp"

	"straza/internal/catalog"
	"straza/internal/intel"
)

// ran is one thing that is over, and whether that happened now.
type ran struct {
	attribute int64
	why       int
	told      bool
}

// weighing holds indicators against the models at one moment.
type weighing struct {
	models []*catalog.DecayModel
	now    int64 // µs
	was    plan  // when it was looked at before
	same   bool  // with the same models

	ran    []ran
	back   []int64 // rows of what is in force again
	due    int64   // µs when the first of them runs out
	newest int64
}

// ends says when each reason runs an indicator out, µs; never when it does not, now or
// before when it has.
func (w *weighing) ends(x *intel.Indicator) [Given + 1]int64 {
	at := [Given + 1]int64{never, never, never, never}
	seen := cmp.Or(x.LastSeen, x.ObjectSeen) // a date; a score, here as on pages and in collections, knows the attribute's own alone
	if sec, _ := catalog.Ends(w.models, x.Aged, w.now/1e6); sec > 0 {
		at[Decayed] = sec * 1e6
		if sec <= w.now/1e6 {
			at[Decayed] = w.now
		}
	}
	if seen > 0 {
		at[LastSeen] = seen
	}
	if x.Given > 0 {
		at[Given] = x.Given * 1e6
	}
	return at
}

// weigh goes through a part of the indicators. What it noted before is in noted, by
// attribute and reason.
func (w *weighing) weigh(list []intel.Indicator, noted map[[2]int64]int64) {
	w.ran, w.back, w.due, w.newest = w.ran[:0], w.back[:0], never, 0
	for i := range list {
		x := &list[i]
		w.newest = max(w.newest, x.ID)
		at := w.ends(x)
		for why := Decayed; why <= Given; why++ {
			row, is := noted[[2]int64{x.ID, int64(why)}]
			over := x.Live && at[why] <= w.now
			switch {
			case over && !is:
				w.ran = append(w.ran, ran{x.ID, why, w.told(x, why, at[why])})
			case !over && is:
				w.back = append(w.back, row)
			}
			if x.Live && at[why] > w.now {
				w.due = min(w.due, at[why])
			}
		}
	}
}

// told: it happened since the last look. A date tells by itself; a score only of an
// indicator that was there then, and weighed with the same models.
func (w *weighing) told(x *intel.Indicator, why int, at int64) bool {
	if why == Decayed {
		return w.same && x.ID <= w.was.newest
	}
	return w.was.planned > 0 && at > w.was.planned
}
