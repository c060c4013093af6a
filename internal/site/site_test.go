package site

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"straza/internal/advisory"
	"straza/internal/craft/form"
	"straza/internal/craft/pack"
	"straza/internal/intake"
	"straza/internal/intake/intaketest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/testkit"
)

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	c := card{Href: "/en/advice/x", Icon: "lifebuoy", Title: "Рачунар је закључан", Lead: "Шта сад?"}
	err := web.CheckTemplates(Files, map[string][]web.Pager{
		"home": {&homePage{Phone: "0800 000 112", Digits: "0800000112", Warnings: []warning{{Href: "/x", Title: "Лажна порука", Lead: "Не отварајте", Readers: "За све", Severity: ui.Severity{Level: "high", Pill: true}, When: now}},
			Lessons: []card{c}, Numbers: true, Reports: "412", Minutes: "38 min", Week: "9–15. новембар", Spark: ui.Spark{Values: []int64{1, 2, 3}, Label: "x"}}},
		"question": {&questionPage{Heading: "Шта се догодило?", Hint: "Изаберите", Fields: []ui.Component{ui.Field{Name: "a", Label: "А"}, ui.Choices{Name: "b", Legend: "Б", Options: []ui.Option{{Value: "x", Label: "Икс"}}}},
			Files: &filesPart{Field: ui.Field{Name: "files", Label: "Прилози", Type: "file"}, Have: []fileLine{{"1", "слика.png", "12 KB"}}, Left: true}, Multipart: true}},
		"check":   {&checkPage{Answers: []ui.Answers{{Title: "А", Items: []ui.Answer{{Question: "Б", Answer: "В", Change: "/x"}}}}}, &checkPage{Secret: true}},
		"receipt": {&receiptPage{Receipt: ui.Receipt{Title: "А", When: "Б", Label: "В", Code: strings.Repeat("1", 25)}, Steps: []string{"Прво"}, Lesson: &c}},
		"code":    {&codePage{Code: ui.Field{Name: "code", Label: "Код"}}},
		"follow": {&followPage{Number: "P-2026-000001", State: ui.State{Kind: ui.StateNew, Word: "Примљено"}, Sentence: "А", Reason: "Б", Rounded: true, Waiting: true,
			Moments: []step{{Done: true, Text: "А", At: now}, {Text: "Б", Due: now.Add(time.Hour)}}, Messages: []ui.Message{{Kind: ui.FromThem, Who: "Дежурни", At: now, Body: "Питање"}},
			Files: []ui.FileRef{{Name: "a.txt", Size: 3, Href: "/x"}}, Text: ui.Field{Name: "text", Label: "Т"}, Upload: ui.Field{Name: "files", Label: "Д", Type: "file"}}},
		"text": {&textView{Lead: "А", Back: true, Sections: []sectionView{{Title: "Б", Text: []string{"В"}, Steps: []string{"Г"}}}},
			&textView{Lead: "А", Help: true, Others: []card{c}, Sections: []sectionView{{Title: "Б", Facts: []factView{{"`TLP:RED`", "В"}}, Code: "x"}}}},
		"lessons": {&lessonsPage{Lessons: []card{c}}},
	}, Files, form.Messages)
	if err != nil {
		t.Error(err)
	}
	openTexts(t)
}

func openTexts(t testing.TB) *Texts {
	t.Helper()
	shelf, err := pack.Load(Packs)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := OpenTexts(shelf, "2026-11-22")
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

type noAdvisories struct{}

func (noAdvisories) InForce(context.Context, ident.Actor) ([]advisory.Advisory, error) {
	return nil, nil
}

// browser is a person without scripts: a cookie jar that follows redirects.
type browser struct {
	t *testing.T
	c *http.Client
	u string
}

func newSite(t *testing.T, db *store.DB) (*intaketest.World, *browser) {
	t.Helper()
	w := intaketest.New(t, db)
	catalog, err := i18n.NewCatalog(ui.Messages, form.Messages, vault.Messages, intake.Messages, Files)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(nil)
	srv.Start()
	t.Cleanup(srv.Close)
	origin, _ := url.Parse(srv.URL)
	m := web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef"), Catalog: catalog, Now: w.DB.Clock.Now})
	Routes(m, w.S, noAdvisories{}, pack.Fixed(openTexts(t)))
	h, err := m.Handler()
	if err != nil {
		t.Fatal(err)
	}
	srv.Config.Handler = h
	jar, _ := cookiejar.New(nil)
	return w, &browser{t, &http.Client{Jar: jar}, srv.URL}
}

func (b *browser) do(req *http.Request, want int) (string, string) {
	b.t.Helper()
	req.Header.Set("Origin", b.u)
	res, err := b.c.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	if res.StatusCode != want {
		b.t.Fatalf("%s %s: %d, want %d\n%s", req.Method, req.URL, res.StatusCode, want, brief(string(raw)))
	}
	if strings.Contains(string(raw), "⟦") {
		b.t.Errorf("%s: a message is missing: %s", req.URL, regexp.MustCompile(`⟦[^⟧]*⟧`).FindString(string(raw)))
	}
	return res.Request.URL.Path, string(raw)
}

func brief(s string) string {
	if i := strings.Index(s, "<main"); i >= 0 {
		s = s[i:]
	}
	return s[:min(len(s), 1500)]
}

func (b *browser) get(path string) (string, string) {
	b.t.Helper()
	req, _ := http.NewRequest("GET", b.u+path, nil)
	return b.do(req, 200)
}

func (b *browser) post(path string, want int, kv ...string) (string, string) {
	b.t.Helper()
	v := url.Values{}
	for i := 0; i+1 < len(kv); i += 2 {
		v.Add(kv[i], kv[i+1])
	}
	req, _ := http.NewRequest("POST", b.u+path, strings.NewReader(v.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(req, want)
}

func (b *browser) upload(path string, want int, field string, files map[string]string) (string, string) {
	b.t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for name, text := range files {
		f, _ := m.CreateFormFile(field, name)
		_, _ = io.WriteString(f, text)
	}
	_ = m.Close()
	req, _ := http.NewRequest("POST", b.u+path, &body)
	req.Header.Set("Content-Type", m.FormDataContentType())
	return b.do(req, want)
}

var codeShown = regexp.MustCompile(`data-copy="(\d{25})"`)

// A whole report without scripts, in three languages, and back with the code.
func TestJourney(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w, b := newSite(t, db)
		for _, l := range i18n.Langs {
			pre := "/" + string(l)
			if at, _ := b.get(pre + "/report"); at != pre+"/report/what" {
				t.Fatalf("the form begins at %s", at)
			}
			if _, page := b.post(pre+"/report/what", 422); !strings.Contains(page, "sz-errors") {
				t.Error("no error summary")
			}
			if at, _ := b.post(pre+"/report/what", 200, "what", "message"); at != pre+"/report/story" {
				t.Errorf("then %s", at)
			}
			b.post(pre+"/report/story", 422, "description", " ")
			if at, _ := b.post(pre+"/report/story", 200, "description", "Lažna poruka <script>alert(1)</script>", "when", "2026-11-21T18:30"); at != pre+"/report/files" {
				t.Errorf("then %s", at)
			}
			_, page := b.upload(pre+"/report/files", 200, "files", map[string]string{"poruka.eml": "From: x", "slika.png": "png"})
			if !strings.Contains(page, "reading") {
				t.Error("files do not lead on")
			}
			b.get(pre + "/report/files")
			if at, _ := b.post(pre+"/report/reading", 200, "reading", "named"); at != pre+"/report/contact" {
				t.Errorf("then %s", at)
			}
			_, page = b.post(pre+"/report/contact", 422, "name", "Милица Ђорђевић", "email", "milica.djordjevic", "for", "self")
			if !strings.Contains(page, `value="milica.djordjevic"`) {
				t.Error("what was typed is gone")
			}
			at, page := b.post(pre+"/report/contact", 200, "name", "Милица Ђорђевић", "email", "milica@pekara-klas.example", "for", "self")
			if at != pre+"/report/check" || !strings.Contains(page, "poruka.eml") || strings.Contains(page, "<script>alert") {
				t.Errorf("check page at %s", at)
			}
			at, page = b.post(pre+"/report/send", 200)
			code := codeShown.FindStringSubmatch(page)
			if at != pre+"/report/receipt" || code == nil {
				t.Fatalf("receipt at %s: %s", at, brief(page))
			}
			if _, again := b.get(pre + "/report/receipt"); !strings.Contains(again, code[1]) {
				t.Error("a reload shows another code")
			}
			if at, _ := b.post(pre+"/report/send", 200); at != pre+"/report/receipt" {
				t.Errorf("sending twice leads to %s", at)
			}
			b.get(pre + "/follow-up")
			b.post(pre+"/follow-up", 422, "code", code[1][:23])
			at, page = b.post(pre+"/follow-up", 200, "code", code[1][:5]+" "+code[1][5:])
			if at != pre+"/follow-up/report" || !strings.Contains(page, "P-2026-") {
				t.Errorf("follow-up at %s", at)
			}
			b.post(pre+"/follow-up/report", 422, "text", "")
			if _, page := b.upload(pre+"/follow-up/report", 200, "files", map[string]string{"dodatak.txt": "x"}); !strings.Contains(page, "dodatak.txt") {
				t.Error("the added file is not shown")
			}
			_, page = b.get(pre + "/follow-up/report")
			for _, name := range []string{"poruka.eml", "dodatak.txt"} {
				i := strings.Index(page, name)
				href := page[strings.LastIndex(page[:i], `href="`)+6:]
				if _, body := b.get(href[:strings.Index(href, `"`)]); body != map[string]string{"poruka.eml": "From: x", "dodatak.txt": "x"}[name] {
					t.Errorf("%s downloaded again: %q", name, brief(body))
				}
			}
			b.post(pre+"/follow-up/leave", 200)
		}
		list, _, err := w.S.List(context.Background(), w.Ana, intake.Filter{}, intake.Page{})
		if err != nil || len(list) != 3 || list[0].Files != 2 || list[0].Unread != 1 {
			t.Errorf("%v: %+v", err, list)
		}
	})
}

func TestAnonymousVulnerability(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w, b := newSite(t, db)
		_, page := b.get("/sr-Cyrl/report?what=vulnerability")
		if !strings.Contains(page, `value="vulnerability" checked`) {
			t.Error("the link does not choose")
		}
		b.post("/sr-Cyrl/report/what", 200, "what", "vulnerability")
		b.post("/sr-Cyrl/report/story", 422, "description", "Портал пушта свакога")
		b.post("/sr-Cyrl/report/story", 200, "description", "Портал пушта свакога", "where", "portal.example")
		b.post("/sr-Cyrl/report/files", 200)
		b.post("/sr-Cyrl/report/reading", 422, "reading", "named")
		at, page := b.post("/sr-Cyrl/report/reading", 200, "reading", "anonymous")
		if at != "/sr-Cyrl/report/check" || strings.Contains(page, "Име и презиме") {
			t.Errorf("%s asks for a name", at)
		}
		b.post("/sr-Cyrl/report/send", 200)
		list, _, err := w.S.List(context.Background(), w.Ana, intake.Filter{}, intake.Page{})
		if err != nil || len(list) != 1 || !list[0].Anonymous || !list[0].Sealed || list[0].Type != intake.Vulnerability {
			t.Errorf("%v: %+v", err, list)
		}
	})
}

func TestLeaveAndTrap(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w, b := newSite(t, db)
		b.get("/en/report")
		b.post("/en/report/what", 200, "what", "question")
		if _, page := b.get("/en/report/what"); !strings.Contains(page, `value="question" checked`) {
			t.Error("the draft is not kept")
		}
		b.post("/en/report/story", 200, "description", "How do I report?")
		b.post("/en/report/files", 200)
		if at, _ := b.post("/en/report/contact", 200, "name", "Ana", "phone", "064 123 456", "for", "self"); at != "/en/report/check" {
			t.Fatalf("at %s", at)
		}
		b.post("/en/report/send", 422, "website", "http://spam.example")
		b.post("/en/report/leave", 200)
		if _, page := b.get("/en/report/what"); strings.Contains(page, `checked`) {
			t.Error("the draft outlives leaving")
		}
		list, _, err := w.S.List(context.Background(), w.Ana, intake.Filter{}, intake.Page{})
		if err != nil || len(list) != 0 {
			t.Errorf("%v: %+v", err, list)
		}
		for _, path := range []string{"/sr-Cyrl/", "/sr-Latn/", "/en/", "/en/privacy", "/sr-Latn/contact", "/en/terms", "/sr-Cyrl/accessibility", "/en/advice", "/sr-Cyrl/advice/locked", "/en/help", "/sr-Latn/help/keys", "/sr-Cyrl/help/labels", "/en/help/machines"} {
			b.get(path)
		}
		_, text := b.get("/.well-known/security.txt")
		for _, line := range []string{"Contact: " + b.u + "/report\n", "Expires: 20", "Preferred-Languages: sr, en", "Canonical: " + b.u + "/.well-known/security.txt"} {
			if !strings.Contains(text, line) {
				t.Errorf("security.txt lacks %q: %s", line, text)
			}
		}
	})
}
