package app

import (
	"net/url"
	"strings"
	"testing"

	"straza/internal/kernel/store"
)

// The one search field finds what cases hold, numbers as people say them and disarmed
// addresses; it lists nothing for signs, and says what is wrong with too much.
func TestSearchFindsInside(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		ana, other, bank := w.person("analyst", "CERT A"), w.person("analyst", "CERT B"), w.person("member", "Banka")
		number := ""
		for _, ref := range w.refs {
			if strings.HasPrefix(ref, "S-") || strings.Contains(ref, "-S-") {
				number = ref
			}
		}
		if rec := w.do(ana, "POST", "/console/cases/"+number+"/do/note.add", url.Values{"note_body": {"дневник са ковачнице"}}.Encode()); rec.Code != 303 {
			t.Fatalf("a note: %d", rec.Code)
		}
		shows := func(p *persona, q string) string {
			t.Helper()
			at := "/console/search"
			if p == bank {
				at = "/portal/search"
			}
			rec := w.do(p, "GET", at+"?q="+url.QueryEscape(q), "")
			if rec.Code != 200 {
				t.Fatalf("%q: %d", q, rec.Code)
			}
			return rec.Body.String()
		}
		short := strings.TrimLeft(number[len(number)-6:], "0")
		for _, q := range []string{"kovačnice", "S-" + short, "s" + short, short} {
			want := "/console/cases/" + number
			if !strings.Contains(shows(ana, q), want) {
				t.Errorf("%q does not find the case", q)
			}
			for _, p := range []*persona{other, bank} {
				if strings.Contains(shows(p, q), number) {
					t.Errorf("%q shows the case to %s", q, p.name)
				}
			}
		}
		for _, lang := range []string{"sr-Cyrl", "sr-Latn", "en"} {
			w.do(ana, "POST", "/language", "back=/&lang="+lang)
			rec := w.do(ana, "GET", "/console/search?q="+url.QueryEscape(strings.Repeat("ж", 201)), "")
			word := map[string]string{"sr-Cyrl": "То је више од 200 знакова", "sr-Latn": "To je više od 200 znakova", "en": "more than 200 characters"}[lang]
			if rec.Code != 200 || !strings.Contains(rec.Body.String(), word) {
				t.Errorf("%s: a query of 201 letters is not explained: %d", lang, rec.Code)
			}
		}
		if page := shows(ana, strings.Repeat("ж", 200)); strings.Contains(page, "200") && strings.Contains(page, "sz-hits") {
			t.Error("200 letters are refused")
		}
		for _, q := range []string{"%", "_", `"`, "%%", "''", "\\", "*", "%_%"} {
			if page := shows(ana, q); strings.Contains(page, `class="sz-hits"`) {
				t.Errorf("%q lists something", q)
			}
			for _, list := range []string{"/console/cases", "/console/reports", "/console/events", "/console/indicators", "/console/organisations", "/console/advisories"} {
				rec := w.do(ana, "GET", list+"?state=&q="+url.QueryEscape(q), "")
				if rec.Code != 200 || strings.Contains(rec.Body.String(), "<tr data-href") {
					t.Errorf("%s?q=%s: %d, rows %v", list, q, rec.Code, strings.Contains(rec.Body.String(), "<tr data-href"))
				}
			}
		}
		for _, list := range []string{"/console/cases", "/console/reports", "/console/events", "/console/indicators", "/console/organisations", "/console/advisories"} {
			rec := w.do(ana, "GET", list+"?state=&q="+url.QueryEscape(strings.Repeat("ж", 300)), "")
			if rec.Code != 200 || !strings.Contains(rec.Body.String(), `id="filter-error"`) {
				t.Errorf("%s with 300 letters: %d", list, rec.Code)
			}
		}
	})
}

// The letter of a number says which kind is meant; the bare number means all kinds.
func TestSearchTellsKindsApart(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		ana := w.person("analyst", "CERT A")
		must(t, w.h.DB.Update(t.Context(), func(tx *store.Tx) error { // the next of each kind bears the same number
			_, err := tx.Exec(t.Context(), `UPDATE store_series SET next = 136`)
			return err
		}))
		w.report()
		w.openCase(ana)
		found := func(q string) (kinds []string) {
			t.Helper()
			page := w.do(ana, "GET", "/console/search?q="+url.QueryEscape(q), "").Body.String()
			for _, at := range []string{"/console/reports/P-", "/console/cases/S-"} {
				if strings.Contains(page, `href="`+at) {
					kinds = append(kinds, at[len(at)-2:])
				}
			}
			return kinds
		}
		number := w.refs[len(w.refs)-1]
		short := strings.TrimLeft(number[len(number)-6:], "0")
		for q, want := range map[string]string{"S-" + short: "S-", "s" + short: "S-", "С-" + short: "S-", number: "S-", number[:7] + short: "S-",
			"P-" + short: "P-", "п" + short: "P-", strings.Replace(number, "S-", "P-", 1): "P-", short: "P- S-", number[2:7] + short: "P- S-", "UP-" + short: ""} {
			if got := strings.Join(found(q), " "); got != want {
				t.Errorf("%q finds %q, want %q", q, got, want)
			}
		}
	})
}
