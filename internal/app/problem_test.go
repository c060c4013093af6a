package app

import (
	"strings"
	"testing"
)

// A key too narrow for a machine's address learns that (403) and the same whether there
// is such a thing or not; who asks in a language is answered in it.
func TestNarrowKeysAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.person("analyst", "CERT A")
	number := ""
	for _, ref := range w.refs {
		if strings.HasPrefix(ref, "S-") {
			number = ref
		}
	}
	bodies := map[string]bool{}
	for _, at := range []string{"/api/v1/cases", "/api/v1/cases/" + number, "/api/v1/cases/S-2026-999999", "/api/v1/reports", "/api/v1/events"} {
		for lang, word := range map[string]string{"en": "lacks the scope", "sr-Latn": "nema oblast", "sr-Cyrl": "нема област"} {
			r := w.request("GET", at, "")
			r.Header.Set("Authorization", "Bearer "+ana.narrowed)
			r.Header.Set("Accept-Language", lang)
			rec := w.answer(r)
			body := rec.Body.String()
			if rec.Code != 403 || !strings.Contains(body, word) {
				t.Errorf("%s in %s: %d %s", at, lang, rec.Code, body)
			}
			if lang == "en" && strings.Contains(at, "cases/") {
				body, _, _ = strings.Cut(body, `"request"`)
				bodies[body] = true
			}
		}
	}
	if len(bodies) != 1 || number == "" {
		t.Errorf("a narrow key tells a case from none: %v", bodies)
	}
	if rec := w.withKey(ana.narrowed, "GET", "/api/v1/organisations", ""); rec.Code != 200 {
		t.Errorf("within its scope: %d", rec.Code)
	}
}
