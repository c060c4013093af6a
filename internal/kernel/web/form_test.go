package web_test

import (
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// TestReach: what was chosen stands in the two fields, a level says its own word, and a
// group need not be chosen.
func TestReach(t *testing.T) {
	t.Parallel()
	f := web.NewForm(httptest.NewRequest("GET", "/", nil), url.Values{"distribution": {"4"}, "group": {"7"}})
	none := ui.Option{Label: "none"}
	level, group := f.Reach(web.Reach{Level: "who", Group: "within", Words: "level.", Levels: []string{"1", "4"}, Groups: []ui.Option{none, {Value: "7", Label: "Seven"}}})
	word := func(key string) string { return web.T(httptest.NewRequest("GET", "/", nil), key) }
	if diff := cmp.Diff([]ui.Field{
		{Name: "distribution", Label: word("who"), Type: "select", Value: "4", Options: []ui.Option{{Value: "1", Label: word("level.1")}, {Value: "4", Label: word("level.4")}}},
		{Name: "group", Label: word("within"), Type: "select", Value: "7", Optional: true, Options: []ui.Option{none, {Value: "7", Label: "Seven"}}},
	}, []ui.Field{level, group}); diff != "" {
		t.Error(diff)
	}
}

// TestAnd: both are asked for, and the name says so.
func TestAnd(t *testing.T) {
	t.Parallel()
	p := web.Perm("intel.read").And("console.use").And("intel.write")
	if p.Name != "perm:intel.read&console.use&intel.write" {
		t.Error(p.Name)
	}
	all := []string{"intel.read", "console.use", "intel.write"}
	for _, lacks := range append(all, "") {
		who := ident.Actor{Perms: map[string]bool{}}
		for _, x := range all {
			who.Perms[x] = x != lacks
		}
		if p.Allow(who) != (lacks == "") {
			t.Errorf("without %q: %v", lacks, p.Allow(who))
		}
	}
}
