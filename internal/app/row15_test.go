package app

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestRow15EveryMethod is row 15 at the door itself: no other method than POST enters
// (2018-12649, 2020-8892), and guesses count whatever their method, content type, wish for
// an answer, spelling and forwarded address are (2020-8891), by the pages and with a key.
func TestRow15EveryMethod(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		entered := func(rec *httptest.ResponseRecorder) bool {
			for _, c := range rec.Result().Cookies() {
				if strings.HasSuffix(c.Name, "-session") && c.Value != "" && c.MaxAge >= 0 {
					return true
				}
			}
			return false
		}
		try := func(email, password, method, path string, n int) *httptest.ResponseRecorder {
			kinds := []string{"application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-8", "APPLICATION/x-www-form-urlencoded"}
			r := w.request(method, path, url.Values{"email": {email}, "password": {password}}.Encode())
			r.Header.Set("Content-Type", kinds[n%len(kinds)])
			r.Header.Set("Accept", []string{"text/html", "application/json", "*/*", ""}[n%4])
			r.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", n))
			r.Header.Set("X-Real-Ip", fmt.Sprintf("198.51.100.%d", n))
			r.Header.Set("X-HTTP-Method-Override", []string{"", "PUT", "POST"}[n%3])
			return w.answer(r)
		}
		member, other := w.person("member", "Banka").who.Email, w.person("publisher", "Banka").who.Email
		for i, method := range []string{"GET", "PUT", "PATCH", "DELETE", "QUERY"} {
			if rec := try(member, worldPassword, method, "/login?email="+url.QueryEscape(member)+"&password="+url.QueryEscape(worldPassword), i); entered(rec) {
				t.Errorf("%s enters: %s", method, w.describe(rec))
			}
		}
		if !entered(try(member, worldPassword, "POST", "/login", 0)) {
			t.Fatal("the right password does not enter")
		}
		for i := range 40 {
			if entered(try([]string{member, strings.ToUpper(member), " " + member + " "}[i%3], fmt.Sprintf("pogresna %d", i), "POST", "/login", i)) {
				t.Fatal("a wrong password enters")
			}
		}
		if rec := try(member, worldPassword, "POST", "/login", 41); entered(rec) {
			t.Errorf("forty guesses were not counted: %s", w.describe(rec))
		}
		if !entered(try(other, worldPassword, "POST", "/login", 42)) {
			t.Error("others are shut out with them")
		}
		// With a stolen key the password is guessed no faster.
		key, fresh := w.person("publisher", "Banka").key, "sasvim nova lozinka 4711"
		for i := range 40 {
			path := []string{"/users/change_pw", "/users/changePw", "/misp/users/change_pw.json"}[i%3]
			w.withKey(key, "POST", path, fmt.Sprintf(`{"current_password":"pogresna %d","password":%q}`, i, fresh))
		}
		w.withKey(key, "POST", "/users/change_pw", fmt.Sprintf(`{"current_password":%q,"password":%q}`, worldPassword, fresh))
		w.withKey(key, "PUT", "/users/change_pw", fmt.Sprintf(`{"current_password":%q,"password":%q}`, worldPassword, fresh))
		if entered(try(other, fresh, "POST", "/login", 43)) {
			t.Error("forty guesses with a key were not counted")
		}
		again := w.person("org-admin", "Banka")
		if rec := w.withKey(again.key, "POST", "/users/change_pw", fmt.Sprintf(`{"current_password":%q,"password":%q}`, worldPassword, fresh)); rec.Code != 200 {
			t.Errorf("the right password at once: %d %s", rec.Code, rec.Body)
		}
	})
}
