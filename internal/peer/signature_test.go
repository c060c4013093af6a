package peer

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/intel"
)

// TestReasonsOfSignatures: every fault of a signature stands apart from the other reasons,
// and is counted once.
func TestReasonsOfSignatures(t *testing.T) {
	c := Counts{Reasons: map[string]int64{reasonGone: 7, reasonForged: 2, reasonUnsigned: 1, reasonBroken: 3}}
	signature, n, rest := c.BySignature()
	if n != 3 || cmp.Diff(signature, []string{reasonForged, reasonUnsigned}) != "" || cmp.Diff(rest, []string{reasonBroken, reasonGone}) != "" {
		t.Errorf("%v %d %v", signature, n, rest)
	}
	for _, said := range []string{intel.KeyUnsigned, intel.KeyForged, intel.KeyStranger, intel.KeyUnfit} {
		c := Counts{Reasons: map[string]int64{unsigned[said]: 1}}
		if _, n, rest := c.BySignature(); n != 1 || rest != nil {
			t.Errorf("%s stands among other reasons", said)
		}
	}
	if s, n, rest := (&Counts{}).BySignature(); s != nil || n != 0 || rest != nil {
		t.Errorf("%v %d %v", s, n, rest)
	}
}
