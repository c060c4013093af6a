package registry

import (
	"strings"

	"straza/internal/kernel/i18n"
)

// Code is what stands before the numbers of a further CERT that has not chosen a code:
// the first letters of its words, in Latin script. ЦЕРТ органа власти → COV.
func Code(name string) string {
	var b strings.Builder
	for _, w := range strings.Fields(i18n.Fold(name)) {
		if r := w[0]; r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			b.WriteByte(r)
		}
	}
	code := strings.ToUpper(strings.TrimLeft(b.String(), "0123456789"))
	if code == "" {
		return "X"
	}
	return code[:min(8, len(code))]
}
