package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"straza/internal/kernel/fault"
)

// Each kind of problem has a title of its own that is true of it, in three languages, a
// type that says the kind, and a detail.
func TestProblemsSayWhatTheyAre(t *testing.T) {
	m := newTestMux(t, "http://localhost:8480")
	fails := map[string]error{
		"one": fault.Field("name", "web.error.toolong", "name: more than 200 characters"), "unread": fault.New(fault.Invalid, "the body is not JSON"),
		"many": &fault.Error{Kind: fault.Invalid, Fields: map[string]string{"b": "web.error.toolong", "a": "web.error.required"}, Detail: "two"},
		"same": &fault.Error{Kind: fault.Invalid, Fields: map[string]string{"b": "web.error.required", "a": "web.error.required"}, Detail: "both"},
		"gone": fault.New(fault.Gone, "gone"), "taken": fault.New(fault.Conflict, "it is there"), "none": fault.New(fault.NotFound, "no such case"),
		"denied": fault.New(fault.Denied, "not permitted"), "own": fault.New(fault.Conflict, "own").WithKey("x.saved", "n", 3),
		"large": &http.MaxBytesError{Limit: 7}, "broken": http.ErrBodyNotAllowed,
	}
	for name, err := range fails {
		m.Handle(Route{Method: "GET", Pattern: "/api/v1/" + name, Policy: Public, Handler: func(http.ResponseWriter, *http.Request) error { return err }})
	}
	m.Handle(Route{Method: "GET", Pattern: "/api/v1/cases", Policy: Perm("case.read"), Scope: "case:read", Handler: hello("x")},
		Route{Method: "POST", Pattern: "/api/v1/cases", Policy: Perm("case.read"), Scope: "intel:read", Mutates: true, Handler: hello("x")},
		Route{Method: "GET", Pattern: "/api/v1/secret", Policy: Perm("case.purge"), Scope: "case:read", Handler: hello("x")})
	bearer := func(k string) map[string]string { return map[string]string{"Authorization": "Bearer " + k} }
	for name, c := range map[string]struct {
		call   call
		status int
		kind   string
		titles [2]string // English, Serbian Latin
	}{
		"one field":       {call{path: "/api/v1/one"}, 422, "invalid", [2]string{"The text is too long", "Tekst je predugačak"}},
		"several alike":   {call{path: "/api/v1/same"}, 422, "invalid", [2]string{"Fill in this field", "Popunite ovo polje"}},
		"several fields":  {call{path: "/api/v1/many"}, 422, "invalid", [2]string{"Several fields are not right", "Više polja nije ispravno"}},
		"unread":          {call{path: "/api/v1/unread"}, 422, "invalid", [2]string{"What was sent cannot be read", "Poslato se ne može pročitati"}},
		"gone":            {call{path: "/api/v1/gone"}, 410, "gone", [2]string{"This was removed", "Ovo je uklonjeno"}},
		"taken":           {call{path: "/api/v1/taken"}, 409, "conflict", [2]string{"What was sent collides with what is here", "Poslato se kosi sa onim što je već ovde"}},
		"own words":       {call{path: "/api/v1/own"}, 409, "conflict", [2]string{"Saved: 3", "Sačuvano: 3"}},
		"none":            {call{path: "/api/v1/none"}, 404, "not-found", [2]string{"There is nothing at this address", "Na ovoj adresi nema ničega"}},
		"no address":      {call{path: "/api/v1/nowhere"}, 404, "not-found", [2]string{"There is nothing at this address", "Na ovoj adresi nema ničega"}},
		"method":          {call{method: "DELETE", path: "/api/v1/cases"}, 405, "method-not-allowed", [2]string{"This address does not take DELETE", "Ova adresa ne prima DELETE"}},
		"no key":          {call{path: "/api/v1/cases"}, 401, "unauthenticated", [2]string{"This address needs an API key", "Za ovu adresu je potreban API ključ"}},
		"bad key":         {call{path: "/api/v1/cases", header: bearer("nonsense")}, 401, "unauthenticated", [2]string{"The API key is not valid", "API ključ nije važeći"}},
		"session ended":   {call{path: "/api/v1/cases", cookies: map[string]string{"session": "old"}}, 401, "unauthenticated", [2]string{"We closed the session", "Zatvorili smo sesiju"}},
		"narrow key":      {call{path: "/api/v1/cases", header: bearer("narrow")}, 403, "denied", [2]string{"lacks the scope case:read", "nema oblast case:read"}},
		"read-only key":   {call{method: "POST", path: "/api/v1/cases", header: bearer("reader")}, 403, "denied", [2]string{"This key only reads", "Ovaj ključ samo čita"}},
		"hidden from key": {call{path: "/api/v1/secret", header: bearer("reader")}, 404, "not-found", [2]string{"There is nothing at this address", "Na ovoj adresi nema ničega"}},
		"denied":          {call{path: "/api/v1/denied"}, 403, "denied", [2]string{"You may not do this", "Za ovo nemate ovlašćenje"}},
		"large":           {call{path: "/api/v1/large"}, 413, "limited", [2]string{"Too large", "Preveliko je"}},
		"broken":          {call{path: "/api/v1/broken"}, 500, "internal", [2]string{"Something got stuck on our side", "Nešto je kod nas zapelo"}},
	} {
		for i, lang := range []string{"en", "sr-Latn", "sr-Cyrl"} {
			h := map[string]string{"Accept-Language": lang}
			for k, v := range c.call.header {
				h[k] = v
			}
			asked := c.call
			asked.header = h
			w := do(t, m, asked)
			var p Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatalf("%s: %v %s", name, err, w.Body)
			}
			if w.Code != c.status || p.Status != c.status || p.Kind != c.kind || p.Type != "urn:straza:problem:"+c.kind || p.Detail == "" || strings.Contains(p.Title, "`") {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
			if i < 2 && !strings.Contains(p.Title, c.titles[i]) || i == 2 && !strings.ContainsAny(p.Title, "абвгдежзијклмнопрст") {
				t.Errorf("%s in %s: %q", name, lang, p.Title)
			}
			if (w.Header().Get("Allow") != "") != (c.status == 405) {
				t.Errorf("%s: Allow %q", name, w.Header().Get("Allow"))
			}
		}
	}
}
