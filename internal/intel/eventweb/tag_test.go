package eventweb

import (
	"testing"

	"straza/internal/kernel/web/ui"
)

// TestTag: of a long name the part that says something is shown, and the whole is kept.
func TestTag(t *testing.T) {
	t.Parallel()
	const phishing = `misp-galaxy:mitre-attack-pattern="Phishing - T1566"`
	for name, want := range map[string]ui.Tag{
		"хитно":                 {Word: "хитно"},
		"tlp:amber":             {Space: "tlp", Word: "amber"},
		`rsit:fraud="phishing"`: {Space: "rsit", Word: "phishing", Title: `rsit:fraud="phishing"`},
		phishing:                {Space: "mitre-attack-pattern", Word: "Phishing - T1566", Title: phishing},
		"misp-galaxy:x":         {Space: "misp-galaxy", Word: "x"},
		`misp-galaxy:x="a=b"`:   {Space: "x", Word: "a=b", Title: `misp-galaxy:x="a=b"`},
		`misp-galaxy:x="`:       {Space: "misp-galaxy", Word: `x="`},
	} {
		if got := Tag(name); got != want {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}
