package remark

import (
	"testing"

	"straza/internal/format/tlp"
)

func TestWordsLeave(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		label            tlp.Level
		account, offices bool
	}{{tlp.None, true, true}, {tlp.Clear, true, true}, {tlp.Green, true, true}, {tlp.Amber, true, false}, {tlp.AmberStrict, false, false}, {tlp.Red, false, false}} {
		if got := wordsLeave(x.label, false); got != x.account {
			t.Errorf("%v to an account: %v", x.label, got)
		}
		if got := wordsLeave(x.label, true); got != x.offices {
			t.Errorf("%v to an office: %v", x.label, got)
		}
	}
}
