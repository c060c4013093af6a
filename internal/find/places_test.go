package find

import (
	"testing"

	"straza/internal/kernel/ident"
)

// Each kind of people searches in its own part (program.md §4).
func TestEachSearchesAtHome(t *testing.T) {
	t.Parallel()
	for perm, want := range map[string]string{"console.use": "/console/search", "admin.use": "/administration/search", "oversight.use": "/oversight/search", "portal.use": "/portal/search", "misp.auth": ""} {
		if got := At(ident.Actor{Kind: ident.Person, Person: 1, Perms: map[string]bool{perm: true}}); got != want {
			t.Errorf("%s searches at %q, want %q", perm, got, want)
		}
	}
}
