package ui

import (
	"strings"
	"testing"
	"time"

	"straza/internal/kernel/i18n"
)

// TestEverySheetSaysWhatItIs: the margins of a printed sheet are filled from the page's
// root, so each name that the style sheet reads must be written there.
func TestEverySheetSaysWhatItIs(t *testing.T) {
	cat, err := i18n.NewCatalog(Messages)
	if err != nil {
		t.Fatal(err)
	}
	k, err := NewKit(cat, func() time.Time { return time.Date(2026, 11, 22, 7, 22, 0, 0, time.UTC) })
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := k.Layout(&b, &Page{Shell: Bare, Lang: i18n.En, Title: "Break-in", Print: "TLP:RED", Foot: "S-2026-000114", Site: Site{Owner: "National CERT"}}, ""); err != nil {
		t.Fatal(err)
	}
	root := b.String()[:400]
	css, err := assetFiles.ReadFile("static/print.css")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"label": "TLP:RED", "of": "S-2026-000114", "printed": "22 Nov 2026, 08:22", "whose": "National CERT"} {
		if !strings.Contains(root, ` data-`+name+`="`+want+`"`) {
			t.Errorf("the page's root does not say %s: %s", want, root)
		}
		if !strings.Contains(string(css), "attr(data-"+name+")") {
			t.Errorf("no margin of a sheet shows data-%s", name)
		}
	}
	for _, place := range []string{"@top-center{content:attr(data-label)", "@bottom-center{content:attr(data-label)", "counter(page)"} {
		if !strings.Contains(string(css), place) {
			t.Errorf("a sheet lacks %s", place)
		}
	}
}
