package intelmisp

import (
	"math"
	"net/http/httptest"
	"testing"

	"straza/internal/format/ticket"
	"straza/internal/intel"

	"github.com/google/go-cmp/cmp"
)

func TestPackedPlaces(t *testing.T) {
	t.Parallel()
	for _, w := range []intel.Walk{{Begun: 1}, {Begun: 1, At: 2, ID: 3, UpTo: 4, Seen: 5, SeenAt: 6, SeenID: 7}, {Begun: math.MaxInt64, At: math.MaxInt64, SeenID: -1}} {
		got, ok := unpackWalk(packWalk(w))
		if d := cmp.Diff(w, got); !ok || d != "" {
			t.Error(ok, d)
		}
	}
	whole := packWalk(intel.Walk{Begun: 1})
	later := append([]byte{2}, whole[1:]...)
	for name, b := range map[string][]byte{"nothing": nil, "short": whole[:20], "long": append(whole, 0), "another version": later, "no beginning": packWalk(intel.Walk{At: 5})} {
		if w, ok := unpackWalk(b); ok {
			t.Errorf("%s was read as %+v", name, w)
		}
	}
}

// Whatever a peer hands in as its cursor is the place that we gave it, or is refused.
func FuzzCursor(f *testing.F) {
	a := &api{Deps: Deps{Cursors: []byte("0123456789abcdef"), UUID: "here", Intel: &intel.Service{}}}
	c := &call{w: httptest.NewRecorder(), r: httptest.NewRequest("POST", "/events/since", nil), params: params{}}
	good := ticket.Make(a.Cursors, a.cursorScope(c), packWalk(intel.Walk{Begun: math.MaxInt64 / 2000 * 1000, At: 9, ID: 8}))
	f.Add(good)
	f.Add("")
	f.Add(good[:30])
	f.Add(ticket.Make(a.Cursors, "elsewhere", packWalk(intel.Walk{Begun: 1})))
	f.Fuzz(func(t *testing.T, text string) {
		c.params = params{"cursor": text}
		at, err := a.place(c)
		if err == nil && text != "" && ticket.Make(a.Cursors, a.cursorScope(c), packWalk(at)) != text {
			t.Errorf("%q was taken for %+v", text, at)
		}
		if err == nil && text == "" && at != (intel.Walk{}) {
			t.Errorf("nothing is %+v", at)
		}
	})
}
