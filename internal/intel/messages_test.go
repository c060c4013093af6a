package intel_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"straza/internal/intel"
	"straza/internal/kernel/i18n"
)

// TestEveryFaultHasItsSentence: keys that the room's and the catalogues' faults
// carry exist in both written languages.
func TestEveryFaultHasItsSentence(t *testing.T) {
	t.Parallel()
	c, err := i18n.NewCatalog(intel.Messages)
	must(t, err)
	must(t, c.Check())
	found := 0
	for _, dir := range []string{".", "../catalog", "../format/tlp"} {
		files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
		for _, f := range files {
			b, err := os.ReadFile(f)
			must(t, err)
			for _, m := range regexp.MustCompile(`"((?:intel|catalog)\.fault\.[a-z-]+|tlp\.(?:held|ask)\.[a-z_]+|fault\.read-only)"`).FindAllSubmatch(b, -1) {
				found++
				if key := string(m[1]); !c.Has(i18n.En, key) || !c.Has(i18n.SrCyrl, key) {
					t.Errorf("%s: no sentence for %s", f, key)
				}
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d keys found", found)
	}
}
