package intakeweb

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"straza/internal/craft/form"
	"straza/internal/format/zipcrypto"
	"straza/internal/intake"
	"straza/internal/intake/intaketest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/testkit"
)

// people are who stands behind a session cookie of the test.
type people map[string]ident.Actor

func (p people) BySession(_ context.Context, token string) (ident.Actor, error) {
	who, ok := p[token]
	if !ok {
		return who, fault.New(fault.NotFound, "no session")
	}
	return who, nil
}

func (people) ByKey(context.Context, string, netip.Addr, ident.Channel) (ident.Actor, error) {
	return ident.Actor{}, fault.New(fault.NotFound, "no key")
}

type console struct {
	t *testing.T
	h http.Handler
	w *intaketest.World
}

func newConsole(t *testing.T, db *store.DB) *console {
	t.Helper()
	w := intaketest.New(t, db)
	catalog, err := i18n.NewCatalog(ui.Messages, form.Messages, vault.Messages, intake.Messages, Files)
	if err != nil {
		t.Fatal(err)
	}
	origin, _ := url.Parse("https://straza.example")
	m := web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef"), Catalog: catalog, Now: db.Clock.Now,
		Gate: people{"ana": w.Ana, "vesna": w.Vesna, "mila": w.Mila, "root": w.Root}})
	Routes(m, w.S)
	h, err := m.Handler()
	if err != nil {
		t.Fatal(err)
	}
	return &console{t, h, w}
}

func (c *console) call(who, method, path string, kv ...string) *http.Response {
	c.t.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(kv); i += 2 {
		v.Add(kv[i], kv[i+1])
	}
	r := httptest.NewRequest(method, "https://straza.example"+path, strings.NewReader(v.Encode()))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Origin", "https://straza.example")
	if who != "" {
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: who})
	}
	rec := httptest.NewRecorder()
	c.h.ServeHTTP(rec, r)
	return rec.Result()
}

func (c *console) page(who, method, path string, want int, kv ...string) string {
	c.t.Helper()
	res := c.call(who, method, path, kv...)
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if res.StatusCode != want {
		c.t.Errorf("%s %s %s: %d, want %d", who, method, path, res.StatusCode, want)
	}
	if missing := regexp.MustCompile(`⟦[^⟧]*⟧`).FindString(string(raw)); missing != "" {
		c.t.Errorf("%s: message %s", path, missing)
	}
	return string(raw)
}

// The duty officer's morning: queue, classify, decide, undo, bulk, files, telephone.
func TestDutyOfficer(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		c := newConsole(t, db)
		in := intaketest.Plain("Лажна порука <script>alert(1)</script>")
		if err := c.w.S.Attach(context.Background(), ident.Nobody(ident.Web), in, "poruka.eml", "message/rfc822", strings.NewReader("From: x")); err != nil {
			t.Fatal(err)
		}
		_, a := c.w.Send(t, in)
		_, b := c.w.Send(t, intaketest.Plain("Друга"))
		at := "/console/reports/" + a.Number
		queue := c.page("ana", "GET", "/console/reports", 200)
		if !strings.Contains(queue, a.Number) || strings.Contains(queue, "<script>alert") {
			t.Error("the queue")
		}
		for _, who := range []string{"mila", "root"} {
			c.page(who, "GET", "/console/reports", 404)
			c.page(who, "GET", at, 404)
			c.page(who, "POST", at+"/reject", 403, "reason", "x")
		}
		c.page("vesna", "GET", at, 404)
		c.page("vesna", "POST", at+"/reject", 404, "reason", "x")
		c.page("", "GET", at, 303)
		c.page("ana", "POST", at+"/classify", 422, "type", "incident", "severity", "high", "tlp", "GREEN", "pap", "AMBER", "org", "")
		c.page("ana", "POST", at+"/classify", 303, "type", "incident", "severity", "high", "why", "погођен је сервер", "tlp", "GREEN", "pap", "AMBER", "org", "Водовод Грабовац")
		if page := c.page("ana", "GET", at, 200); !strings.Contains(page, `data-of="`+a.Number+`" data-label="TLP:GREEN"`) || !strings.Contains(page, "Водовод Грабовац") || !strings.Contains(page, "Вода и отпадне воде") || strings.Contains(page, "milica@") {
			t.Error("the report's page")
		}
		c.page("ana", "POST", at+"/reject", 422, "reason", " ")
		c.page("ana", "POST", at+"/reject", 303, "reason", "није инцидент")
		c.page("ana", "POST", at+"/undo", 303)
		c.page("ana", "POST", "/console/reports", 303, "act", "duplicate", "id", a.Number, "id", b.Number)
		x, err := c.w.S.Get(context.Background(), c.w.Ana, b.Number)
		if err != nil || x.State != intake.Duplicate || x.DuplicateOf != a.ID {
			t.Errorf("bulk: %+v, %v", x.Triage, err)
		}
		d, err := c.w.S.Read(context.Background(), c.w.Ana, a.Number)
		if err != nil {
			t.Fatal(err)
		}
		raw := c.page("ana", "GET", at+"/files/"+d.Files[0].ID, 200)
		z, err := zip.NewReader(bytes.NewReader([]byte(raw)), int64(len(raw)))
		if err != nil {
			t.Fatal(err)
		}
		body, err := zipcrypto.OpenFile(z.File[0], "infected", 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(body); string(got) != "From: x" || strings.Contains(raw, "From: x") {
			t.Errorf("file %q", got)
		}
		now.Add(31 * time.Second)
		if page := c.page("ana", "POST", at+"/reporter", 200, "why", "позив", "code", c.w.Code()); !strings.Contains(page, "milica@pekara-klas.example") {
			t.Error("the reporter is not shown after a proof")
		}
		c.page("ana", "POST", at+"/reporter", 422, "why", "позив", "code", "000000")
		form := []string{"type", "incident", "description", "Зове школа", "contact.name", "Петар", "contact.phone", "011 222 333", "secret", strings.Repeat("a1b2c3d4", 4)}
		first := c.page("ana", "POST", "/console/reports/new", 200, form...)
		if again := c.page("ana", "POST", "/console/reports/new", 200, form...); codeIn(first) == "" || codeIn(again) != codeIn(first) {
			t.Error("a call entered twice")
		}
		if csv := c.page("ana", "GET", "/console/reports?state=&format=csv", 200); strings.Count(csv, "P-2026-") < 3 {
			t.Errorf("export: %s", csv)
		}
	})
}

func codeIn(page string) string {
	m := regexp.MustCompile(`data-copy="(\d{25})"`).FindStringSubmatch(page)
	if m == nil {
		return ""
	}
	return m[1]
}
