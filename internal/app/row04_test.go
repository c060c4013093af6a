package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/ident"
)

// surfaces are the ways to something: each answers below 400 while one may.
func (w *world) surfaces(p *persona, paths []string) map[string]func() *httptest.ResponseRecorder {
	out := map[string]func() *httptest.ResponseRecorder{}
	for _, at := range paths {
		method, rest, _ := strings.Cut(at, " ")
		to, body, _ := strings.Cut(rest, " ")
		if isWire(to) || strings.HasPrefix(to, "/api/") {
			out["key "+at] = func() *httptest.ResponseRecorder {
				r := w.request(method, to, body)
				r.Header.Set("Authorization", "Bearer "+p.key)
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Accept", "application/json")
				if strings.HasPrefix(to, "/taxii2") {
					r.Header.Set("Accept", "application/taxii+json;version=2.1")
				}
				return w.answer(r)
			}
			continue
		}
		out["session "+at] = func() *httptest.ResponseRecorder { return w.do(p, method, to, body) }
	}
	return out
}

// TestRow04EverySurfaceAtOnce is row 4: what took a right away is felt by the very next
// request on every surface — page, list, search, file, export, interface, MISP, TAXII —
// by session and by key, and by the letters and links that were already on their way.
func TestRow04EverySurfaceAtOnce(t *testing.T) {
	for name, revoke := range map[string]func(w *world, p *persona) error{
		"the account is closed": func(w *world, p *persona) error {
			_, err := w.h.Accounts.Disable(context.Background(), operator(), p.who.Email)
			return err
		},
		"the role is taken away": func(w *world, p *persona) error {
			_, err := w.h.Accounts.SetRoles(context.Background(), operator(), p.who.Email, []string{access.ReadOnly}, w.person("member", "Opština").who.Org)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachWorld(t, func(t *testing.T, w *world) {
				p := w.person("analyst", "CERT A")
				w.furnish(w.person("lead", "CERT A"), "k-ours")
				var number, report string
				for _, ref := range w.refs {
					if strings.HasPrefix(ref, "S-") {
						number = ref
					}
					if strings.HasPrefix(ref, "P-") && report == "" {
						report = ref
					}
				}
				ways := w.surfaces(p, []string{"GET /console", "GET /console/cases", "GET /console/cases/" + number, "GET /console/cases/export?format=csv", "GET /console/cases/" + number + "/history",
					"GET /console/reports", "GET /console/reports/" + report, "GET /console/search?q=k-ours", "GET /console/events", "GET /console/indicators", "GET /console/threads", "GET /console/advisories",
					"GET /console/organisations/export", "GET /api/v1/cases", "GET /api/v1/cases/" + number, "GET /api/v1/cases/" + number + "/timeline", "GET /api/v1/reports", "GET /api/v1/reports/" + report,
					"POST /console/cases/" + number + "/do/note.add note_body=posle", "POST /api/v1/cases/" + number + `/tasks {"title":"posle"}`, `POST /events/add {"info":"posle"}`})
				w.gone(t, ways, func() error { return revoke(w, p) })
			})
		})
	}
	t.Run("a key, a session, a group", func(t *testing.T) { eachWorld(t, w4Parts) })
	t.Run("letters on their way", func(t *testing.T) { eachWorld(t, w4Letters) })
}

// gone wants every way open, takes the right away, and wants every way shut at once.
func (w *world) gone(t *testing.T, ways map[string]func() *httptest.ResponseRecorder, revoke func() error) {
	t.Helper()
	for name, ask := range ways {
		if rec := ask(); rec.Code >= 400 || strings.HasPrefix(rec.Header().Get("Location"), "/login") {
			t.Fatalf("before: %s: %s %s", name, w.describe(rec), said(rec.Body.String()))
		}
	}
	must(t, revoke())
	began := time.Now()
	before := w.contents()
	for name, ask := range ways {
		rec := ask()
		if rec.Code < 400 && !strings.HasPrefix(rec.Header().Get("Location"), "/login") && !strings.HasPrefix(rec.Body.String(), `{"items":[]`) { // an organisation's own reports, and it has none
			t.Errorf("afterwards: %s: %s", name, w.describe(rec))
		}
		if body := rec.Body.String(); strings.Contains(body, "k-ours") && !strings.Contains(name, "k-ours") {
			t.Errorf("afterwards: %s shows what it showed before", name)
		}
	}
	if w.contents() != before {
		t.Error("afterwards something was still changed")
	}
	t.Logf("%d ways shut, all tried within %v", len(ways), time.Since(began).Round(time.Millisecond))
}

// w4Parts: one key of several, one session of several, membership of a sharing group.
func w4Parts(t *testing.T, w *world) {
	ctx, p := context.Background(), w.person("member", "Elektra")
	k, secret, err := w.h.Accounts.AddKey(ctx, operator(), p.who.Email, account.NewKey{Name: "second"})
	must(t, err)
	by := *p
	by.key = secret
	w.gone(t, w.surfaces(&by, []string{"GET /events/index", "GET /api/v1/organisations", "GET /taxii2/", `POST /attributes/restSearch {"returnFormat":"json"}`}),
		func() error { _, err := w.h.Accounts.RevokeKey(ctx, operator(), k.UUID); return err })
	if rec := w.withKey(p.key, "GET", "/events/index", ""); rec.Code != http.StatusOK {
		t.Errorf("the other key: %d", rec.Code)
	}
	shared := func() (n int) {
		for _, q := range []string{"/events/restSearch", "/attributes/restSearch", "/events/index"} {
			n += strings.Count(w.withKey(p.key, "POST", q, `{"returnFormat":"json"}`).Body.String(), "k-shared")
		}
		for _, at := range []string{"/portal/events", "/portal/events?q=k-shared"} {
			n += strings.Count(w.do(p, "GET", at, "").Body.String(), `">k-shared`)
		}
		return n
	}
	if shared() < 3 {
		t.Fatal("the sharing group shows nothing: this proves nothing")
	}
	groups, err := w.h.Intel.Groups(ctx, w.person("org-admin", "Banka").who)
	must(t, err)
	must(t, w.h.Intel.RemoveGroupOrg(ctx, w.person("org-admin", "Banka").who, groups[0].UUID, intel.Org{ID: p.who.Org, UUID: p.who.OrgUUID, Name: "Elektra"}))
	if n := shared(); n != 0 {
		t.Errorf("out of the group it is still seen %d times", n)
	}
	end := *p
	w.gone(t, w.surfaces(&end, []string{"GET /portal", "GET /portal/reports", "GET /portal/events", "GET /account", "POST /account/profile name=posle&lang=en"}),
		func() error {
			rec := w.do(p, "POST", "/logout", "")
			if rec.Code >= 400 {
				return fmt.Errorf("log-out: %d", rec.Code)
			}
			return nil
		})
}

// w4Letters: a reset that was asked for before the account was closed sends nothing, and
// the link of one that was sent opens nothing.
func w4Letters(t *testing.T, w *world) {
	ctx, p := context.Background(), w.person("publisher", "Banka")
	letters := func() (n int, link string) {
		all, err := w.h.Post.ListCaught(ctx, 0)
		must(t, err)
		for _, l := range all {
			if l.To == p.who.Email {
				n++
				if _, rest, ok := strings.Cut(l.Body, "/invitation/"); ok && link == "" {
					link = "/invitation/" + strings.Fields(rest)[0]
				}
			}
		}
		return n, link
	}
	w.do(nil, "POST", "/login/forgot", url.Values{"email": {p.who.Email}}.Encode())
	must(t, w.h.runner.Drain(ctx))
	n, link := letters()
	if n != 1 || link == "" {
		t.Fatalf("%d letters, link %q: this proves nothing", n, link)
	}
	w.do(nil, "POST", "/login/forgot", url.Values{"email": {p.who.Email}}.Encode()) // this one waits in the queue
	_, err := w.h.Accounts.Disable(ctx, operator(), p.who.Email)
	must(t, err)
	must(t, w.h.runner.Drain(ctx))
	if now, _ := letters(); now != n {
		t.Errorf("%d letters to a closed account", now-n)
	}
	w.do(nil, "POST", link, url.Values{"password": {"sasvim nova lozinka 7"}}.Encode())
	if _, err := w.h.Accounts.LogIn(ctx, account.From{Channel: ident.Web}, p.who.Email, "sasvim nova lozinka 7", ""); err == nil {
		t.Error("the link of a closed account still sets a password")
	}
}
