package testkit

import (
	"bytes"
	"context"
	"html"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
)

// Gate lets in whom a test names: the name is the session's cookie and the key.
type Gate map[string]ident.Actor

// BySession lets a person in by cookie.
func (g Gate) BySession(_ context.Context, token string) (ident.Actor, error) {
	if who, ok := g[token]; ok {
		return who, nil
	}
	return ident.Actor{}, fault.New(fault.NotFound, "no such session")
}

// ByKey lets a machine in by key.
func (g Gate) ByKey(_ context.Context, key string, _ netip.Addr, ch ident.Channel) (ident.Actor, error) {
	who, ok := g[key]
	if !ok {
		return who, fault.New(fault.NotFound, "no such key")
	}
	if who.Key == 0 {
		who.Key = 1
	}
	who.Channel = ch
	return who, nil
}

// Nobody is who has no account: "anybody" of the gate, if it has one.
func (g Gate) Nobody(_ context.Context, ch ident.Channel) (ident.Actor, error) {
	who, ok := g["anybody"]
	if !ok {
		return ident.Nobody(ch), nil
	}
	who.Channel = ch
	return who, nil
}

// Site is a room's doors behind the real chain of kernel/web.
type Site struct {
	http.Handler
	Mux  *web.Mux
	Lang string // what its people's browsers ask for
	t    testing.TB
}

// SiteOrigin is where every Site stands.
const SiteOrigin = "https://cert.example"

// Doors are what a Site serves: the doors that Routes declares, for the people of Gate.
// Messages are those of the rooms on the pages, beside the components' own; Now nil is
// the system's clock.
type Doors struct {
	Gate     Gate
	Now      func() time.Time
	Routes   func(*web.Mux)
	Messages []fs.FS
	Onces    web.Onces // *store.DB, where Idempotency-Key counts
}

// NewSite serves doors.
func NewSite(t testing.TB, d Doors) *Site {
	t.Helper()
	catalog, err := i18n.NewCatalog(append([]fs.FS{ui.Messages}, d.Messages...)...)
	if err != nil {
		t.Fatal(err)
	}
	at, _ := url.Parse(SiteOrigin)
	m := web.New(web.Config{Origin: at, Secret: []byte("0123456789abcdef"), Catalog: catalog, Gate: d.Gate, Now: d.Now, Onces: d.Onces})
	d.Routes(m)
	h, err := m.Handler()
	if err != nil {
		t.Fatal(err)
	}
	return &Site{Handler: h, Mux: m, Lang: "en", t: t}
}

// Browse is one request of somebody's browser; who "" has no session, kind "" no body.
func (s *Site) Browse(who, method, path, kind string, body io.Reader) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, SiteOrigin+path, body)
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	return s.serve(who, r)
}

func (s *Site) serve(who string, r *http.Request) *httptest.ResponseRecorder {
	if who != "" {
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: who})
	}
	r.Header.Set("Accept-Language", s.Lang)
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Origin", SiteOrigin)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// As is a request of a script on a page in somebody's browser: status and body of the answer.
func (s *Site) As(who string, r *http.Request) (status int, body string) {
	w := s.serve(who, r)
	return w.Code, w.Body.String()
}

// spans are the marks around words in the other script.
var spans = regexp.MustCompile(`</?span[^>]*>`)

// Words is a page as it reads: entities as characters, marks of the other script gone.
func Words(page string) string { return html.UnescapeString(spans.ReplaceAllString(page, "")) }

// Shows gets a page, holds it against status and what it must say, and gives it as sent.
func (s *Site) Shows(who, path string, status int, says ...string) string {
	s.t.Helper()
	w := s.Browse(who, "GET", path, "", nil)
	return s.says("GET "+path+" as "+who, w, status, says)
}

// Sends posts a form; with 303 the answer is where it leads.
func (s *Site) Sends(who, path string, status int, form url.Values, says ...string) string {
	s.t.Helper()
	w := s.Browse(who, "POST", path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
	s.says("POST "+path+" as "+who, w, status, says)
	return w.Header().Get("Location")
}

// SendsFile posts a form with one file in field; name "" sends none. It gives the page as sent.
func (s *Site) SendsFile(who, path string, status int, form url.Values, field, name, file string, says ...string) string {
	s.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for k, values := range form {
		for _, v := range values {
			_ = m.WriteField(k, v)
		}
	}
	if name != "" {
		part, err := m.CreateFormFile(field, name)
		if err != nil {
			s.t.Fatal(err)
		}
		_, _ = io.WriteString(part, file)
	}
	_ = m.Close()
	w := s.Browse(who, "POST", path, m.FormDataContentType(), &b)
	return s.says("POST "+path+" of "+name+" as "+who, w, status, says)
}

func (s *Site) says(what string, w *httptest.ResponseRecorder, status int, says []string) string {
	s.t.Helper()
	body := Words(w.Body.String())
	if w.Code != status {
		s.t.Errorf("%s: %d, want %d: %.300s", what, w.Code, status, body)
	}
	for _, x := range says {
		if !strings.Contains(body, x) {
			s.t.Errorf("%s does not say %q", what, x)
		}
	}
	return w.Body.String()
}

// Form makes a form of name, value pairs.
func Form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

// Call is one request of a machine; header are name, value pairs. A body is JSON
// unless a Content-Type says otherwise.
func (s *Site) Call(key, method, path, body string, header ...string) (*http.Request, *http.Response, []byte) {
	s.t.Helper()
	r := httptest.NewRequest(method, SiteOrigin+path, strings.NewReader(body))
	r.Header.Set("Accept", "application/json")
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	res := w.Result()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return r, res, out
}

// Contract holds the doors below prefix against an OpenAPI fragment, both ways round.
func (s *Site) Contract(prefix string, fragment []byte) *Contract {
	s.t.Helper()
	c := NewContract(s.t, fragment)
	var routes []string
	for _, r := range s.Mux.Routes() {
		if strings.HasPrefix(r.Pattern, prefix) {
			routes = append(routes, r.Method+" "+r.Pattern)
		}
	}
	c.Routes(s.t, routes...)
	return c
}
