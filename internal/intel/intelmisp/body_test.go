package intelmisp

import "testing"

// A body that is JSON and neither an object nor a list is refused: a search would take it
// for no filter and send everything. An empty list is no filter (measured).
func TestBodyIsAForm(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for body, want := range map[string]int{`"x"`: 405, `7`: 405, `false`: 405, `1e400`: 405, `[]`: 200, `{}`: 200, `{"request":{}}`: 200} {
			for _, path := range []string{"/events/restSearch", "/attributes/restSearch", "/objects/restSearch", "/events/index"} {
				if got := w.ask("user", "POST", path, body); got.status != want {
					t.Errorf("%s %s: %d, want %d: %.200s", path, body, got.status, want, got.body)
				}
			}
		}
	})
}
