package portal_test

import (
	"bytes"
	"context"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"straza/internal/intake"
	"straza/internal/intake/intaketest"
	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/vault"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/portal"
	"straza/internal/registry"
	"straza/internal/registry/registrytest"
	"straza/internal/testkit"
)

// sessions are the people whose cookies the test's gate knows.
type sessions map[string]ident.Actor

func (s sessions) BySession(_ context.Context, token string) (ident.Actor, error) {
	if who, ok := s[token]; ok {
		return who, nil
	}
	return ident.Actor{}, fault.New(fault.NotFound, "no such session")
}

func (sessions) ByKey(context.Context, string, netip.Addr, ident.Channel) (ident.Actor, error) {
	return ident.Actor{}, fault.New(fault.NotFound, "no keys here")
}

// raised are matters by the organisation that each concerns.
type raised map[int64]portal.Matter

func (m raised) ForOrg(_ context.Context, who ident.Actor) ([]portal.Matter, error) {
	if x, ok := m[who.Org]; ok {
		return []portal.Matter{x}, nil
	}
	return nil, nil
}

func (m raised) Read(_ context.Context, who ident.Actor, uuid string) (portal.Matter, []portal.Word, error) {
	x, ok := m[who.Org]
	if !ok || x.UUID != uuid {
		return portal.Matter{}, nil, fault.New(fault.NotFound, "no matter")
	}
	return x, []portal.Word{{FromCERT: true, Author: "Тајни аналитичар", At: x.Updated, Body: "Да ли је " + x.Subject + "?", Files: []portal.WordFile{{UUID: fileUUID, Name: "zapisnik.txt", Size: 8}}}}, nil
}

func (m raised) File(ctx context.Context, who ident.Actor, uuid, file string) (string, io.ReadCloser, error) {
	if _, _, err := m.Read(ctx, who, uuid); err != nil || file != fileUUID {
		return "", nil, fault.New(fault.NotFound, "no file")
	}
	return "zapisnik.txt", io.NopCloser(strings.NewReader("zapisnik")), nil
}

func (m raised) Answer(ctx context.Context, who ident.Actor, uuid, _ string, files map[string]io.Reader) error {
	if len(files) > 5 {
		return fault.New(fault.Limited, "files")
	}
	x, _, err := m.Read(ctx, who, uuid)
	if err == nil {
		x.State = portal.Ours
		m[who.Org] = x
	}
	return err
}

const origin = "https://cert.example"

// site is the room behind the real chain, with three organisations: two of them
// have told and been asked things, the third nothing.
type site struct {
	t       *testing.T
	w       *intaketest.World
	h       http.Handler
	matters raised
	lang    string
}

func newSite(t *testing.T, db *store.DB) *site {
	t.Helper()
	v := &site{t: t, w: intaketest.New(t, db), matters: raised{}, lang: "en"}
	third := registrytest.Org(t, v.w.Registry, registry.Draft{Name: "Трећа фирма", Kind: "company"})
	now := db.Clock.Now()
	for i, o := range []registry.Organisation{v.w.OrgA, v.w.OrgB} {
		v.matters[o.ID] = portal.Matter{UUID: matterUUID[:len(matterUUID)-1] + strconv.Itoa(i+1), Number: "S-2026-00000" + strconv.Itoa(i+1), Subject: "случај за " + o.Name, State: portal.Theirs, Deadline: now.Add(26 * time.Hour), Created: now, Updated: now}
	}
	orgs := testkit.Orgs{v.w.OrgA.ID: {ID: v.w.OrgA.ID, UUID: v.w.OrgA.UUID, Name: v.w.OrgA.Name}, v.w.OrgB.ID: {ID: v.w.OrgB.ID, UUID: v.w.OrgB.UUID, Name: v.w.OrgB.Name}, third.ID: {ID: third.ID, UUID: third.UUID, Name: third.Name}}
	people := testkit.Accounts(t, db, orgs, account.Deps{Keys: v.w.Vault})
	enter := func(email string, org int64, role string) ident.Actor {
		who := testkit.Person(t, people, account.NewPerson{Email: email, Name: "Особа " + email, Org: org, Roles: []string{role}})
		in, err := people.LogIn(t.Context(), account.From{Channel: ident.Web}, email, "vetar sa kosave 1", "")
		if err != nil {
			t.Fatal(err)
		}
		here, err := people.BySession(t.Context(), in.Token, account.From{Channel: ident.Web})
		if err != nil {
			t.Fatal(err)
		}
		who.Session = here.Session // inviting somebody wants a fresh proof
		return registrytest.Again(t, db, who)
	}
	gate := sessions{"mila": enter("mila@a.example", v.w.OrgA.ID, access.OrgAdmin), "mira": enter("mira@a.example", v.w.OrgA.ID, access.Member),
		"bora": enter("bora@b.example", v.w.OrgB.ID, access.OrgAdmin), "ceca": enter("ceca@c.example", third.ID, access.OrgAdmin), "ana": v.w.Ana}
	catalog, err := i18n.NewCatalog(ui.Messages, account.Messages, vault.Messages, portal.Files)
	if err != nil {
		t.Fatal(err)
	}
	at, _ := url.Parse(origin)
	m := web.New(web.Config{Origin: at, Secret: []byte("0123456789abcdef"), Catalog: catalog, Gate: gate, Now: db.Clock.Now})
	portal.Routes(m, portal.Deps{Accounts: people, Registry: v.w.Registry, Intake: v.w.S, Matters: v.matters, Now: db.Clock.Now,
		Intel: intel.New(intel.Deps{DB: db, Audit: testkit.Audit(db), Registry: v.w.Registry}),
		Roles: func(context.Context, ident.Actor) ([]string, error) {
			return []string{access.Member, access.OrgAdmin}, nil
		}})
	if v.h, err = m.Handler(); err != nil {
		t.Fatal(err)
	}
	return v
}

var spans = regexp.MustCompile(`</?span[^>]*>`)

// do sends a request as somebody and gives the body without marks, and where it led.
func (v *site) do(who, method, path, kind string, body io.Reader, want int) (string, string) {
	v.t.Helper()
	r := httptest.NewRequest(method, origin+path, body)
	r.AddCookie(&http.Cookie{Name: "__Host-session", Value: who})
	r.Header.Set("Accept-Language", v.lang)
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Origin", origin)
	r.Header.Set("Content-Type", kind)
	w := httptest.NewRecorder()
	v.h.ServeHTTP(w, r)
	if w.Code != want {
		v.t.Errorf("%s %s as %s: %d, want %d", method, path, who, w.Code, want)
	}
	return html.UnescapeString(spans.ReplaceAllString(w.Body.String(), "")), w.Header().Get("Location")
}

func (v *site) get(who, path string, want int) string {
	v.t.Helper()
	body, _ := v.do(who, "GET", path, "", nil, want)
	return body
}

func (v *site) post(who, path string, want int, pairs ...string) string {
	v.t.Helper()
	f := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		f.Add(pairs[i], pairs[i+1])
	}
	body, _ := v.do(who, "POST", path, "application/x-www-form-urlencoded", strings.NewReader(f.Encode()), want)
	return body
}

// upload answers with a text and one file.
func (v *site) upload(who, path string, want int, text, name, content string) {
	v.t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.WriteField("text", text)
	part, err := w.CreateFormFile("files", name)
	if err == nil {
		_, err = part.Write([]byte(content))
	}
	if err != nil || w.Close() != nil {
		v.t.Fatal(err)
	}
	v.do(who, "POST", path, w.FormDataContentType(), &b, want)
}

func (v *site) holds(what, body string, says ...string) {
	v.t.Helper()
	for _, s := range says {
		if !strings.Contains(body, s) {
			v.t.Errorf("%s does not say %q", what, s)
		}
	}
}

func (v *site) lacks(what, body string, says ...string) {
	v.t.Helper()
	for _, s := range says {
		if strings.Contains(body, s) {
			v.t.Errorf("%s says %q", what, s)
		}
	}
}

// send reports something with a file as the form does, and gives the answer.
func (v *site) send(who, text, reading string) string {
	v.t.Helper()
	secret := between(v.t, v.get(who, "/portal/reports/new", 200), `name="secret" value="`, `"`)
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range [][2]string{{"secret", secret}, {"what", "locked"}, {"description", text}, {"where", "сервер"}, {"when", "2026-11-20T08:00"}, {"reading", reading}} {
		_ = w.WriteField(f[0], f[1])
	}
	part, err := w.CreateFormFile("files", "dnevnik.log")
	if err == nil {
		_, err = part.Write([]byte("red"))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		v.t.Fatal(err)
	}
	once := b.String()
	first, _ := v.do(who, "POST", "/portal/reports/new", w.FormDataContentType(), strings.NewReader(once), 200)
	again, _ := v.do(who, "POST", "/portal/reports/new", w.FormDataContentType(), strings.NewReader(once), 200)
	if number.FindString(first) != number.FindString(again) || number.FindString(first) == "" {
		v.t.Errorf("sent twice: %q and %q", number.FindString(first), number.FindString(again))
	}
	return first
}

var number = regexp.MustCompile(`P-2026-\d{6}`)

func between(t *testing.T, s, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(s, from)
	out, _, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("nothing between %q and %q", from, to)
	}
	return out
}

func TestNothingOfOthers(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		v := newSite(t, db)
		sent := v.send("mila", "Закључане датотеке у диспечерском центру", "open")
		mine := between(t, sent, `href="/portal/reports/`, `"`)
		v.lacks("a confidential receipt", v.send("mila", "Поверљиво казивање", "sealed"), `href="/portal/reports/`)
		v.send("bora", "Пекара нема струје", "open")

		if err := v.w.S.Write(context.Background(), v.w.Ana, mine, "Које станице су закључане?", true); err != nil {
			t.Fatal(err)
		}
		home := v.get("mila", "/portal", 200)
		v.holds("Mila's page", home, "Водовод Грабовац", "Национални ЦЕРТ", "Закључане датотеке", "случај за Водовод", "Answer the CERT", "The CERT is waiting for your answer", "Leave at least one contact")
		v.lacks("Mila's page", home, "Поверљиво", "Пекара", v.w.Ana.Name)
		if i, j := strings.Index(home, "Answer the CERT"), strings.Index(home, "The CERT is waiting"); i > j {
			t.Error("what has a deadline does not come first")
		}
		member := v.get("mira", "/portal", 200)
		v.lacks("a member's page", member, "Leave at least one contact", "/portal/people")

		secrets := []string{"Закључане", "Поверљиво", "Водовод", "станице", "случај за Водовод", "S-2026-000001", "mila@a.example"}
		for _, who := range []string{"bora", "ceca"} {
			for _, path := range []string{"/portal", "/portal/reports", "/portal/messages", "/portal/people"} {
				v.lacks(who+" at "+path, v.get(who, path, 200), secrets...)
			}
			v.lacks(who, v.get(who, "/portal/reports/"+mine, 404), secrets...)
			v.post(who, "/portal/reports/"+mine+"/answer", 404, "text", "упад")
			v.lacks(who, v.get(who, "/portal/messages/"+matterUUID, 404), secrets...)
			v.post(who, "/portal/messages/"+matterUUID, 404, "text", "упад")
			person := between(t, v.get("mila", "/portal/people", 200), `href="/portal/people/`+firstUUID, `"`)
			v.get(who, "/portal/people/"+firstUUID+person, 404)
			v.post(who, "/portal/people/"+firstUUID+person+"/disable", 404)
		}
		v.holds("an empty page", v.get("ceca", "/portal", 200), "Трећа фирма", "No messages", "No published events", "You have not left a contact yet")
		v.get("ana", "/portal", 404) // the team's room is the console
	})
}

// The first organisation's matter and the file in it.
const (
	matterUUID = "0197b5c3-0000-7000-8000-000000000001"
	fileUUID   = "0197b5c3-0000-7000-8000-0000000000f7"
)

// firstUUID is how every id of this century begins.
const firstUUID = "0"

func TestQuestionAnswered(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		v := newSite(t, db)
		sent := v.send("mila", "Закључане датотеке", "open")
		at := "/portal/reports/" + between(t, sent, `href="/portal/reports/`, `"`)
		ref := strings.TrimPrefix(at, "/portal/reports/")
		if err := v.w.S.Write(ctx, v.w.Ana, ref, "Које станице?", true); err != nil {
			t.Fatal(err)
		}
		page := v.get("mira", at, 200)
		v.holds("the report", page, "Закључане датотеке", "Које станице?", "Waits for your answer", "dnevnik.log", "сервер", "computer or files")
		v.lacks("the report", page, v.w.Ana.Name)
		v.holds("an empty answer", v.post("mira", at+"/answer", 422, "text", " "), "error")
		v.post("mira", at+"/answer", 303, "text", "Станице 3 и 4")
		v.holds("after the answer", v.get("mila", at, 200), "Станице 3 и 4")
		v.lacks("after the answer", v.get("mila", "/portal", 200), "The CERT is waiting for your answer")
		v.upload("mira", at+"/answer", 303, "Још једном", "zapis2.txt", "порт 8444")
		d, err := v.w.S.Read(ctx, v.w.Ana, ref)
		if err != nil || d.Unread != 2 || len(d.Messages) != 3 || d.Messages[1].Body != "Станице 3 и 4" {
			t.Errorf("the team reads %+v, %v", d.Messages, err)
		}
		v.upload("mira", at+"/answer", 303, "", "zapis.txt", "порт 8443")
		page = v.get("mila", at, 200)
		file := at + "/files/" + between(t, page[strings.Index(page, "Станице 3 и 4"):], `href="`+at+"/files/", `"`)
		if got := v.get("mila", file, 200); got != "порт 8444" {
			t.Errorf("the added file: %q", got)
		}
		first := at + "/files/" + between(t, page, `href="`+at+"/files/", `"`)
		if a, b := v.get("mila", first, 200), v.get("ceca", first, 404); a == b || v.get("bora", file, 404) == a {
			t.Error("another organisation reads the file")
		}
		if got := v.get("mila", "/portal/messages/"+matterUUID+"/files/"+fileUUID, 200); got != "zapisnik" {
			t.Errorf("the matter's file: %q", got)
		}
		v.get("bora", "/portal/messages/"+matterUUID+"/files/"+fileUUID, 404)
		v.get("mila", "/portal/messages/501", 404) // as addresses were
		v.upload("mila", "/portal/messages/"+matterUUID, 303, "", "gw2.log", "x")
		v.holds("the matter", v.get("mila", "/portal/messages/"+matterUUID, 200), "Да ли је случај", "Национални ЦЕРТ")
		v.lacks("the matter", v.get("mila", "/portal/messages/"+matterUUID, 200), "Тајни аналитичар")
		v.post("mila", "/portal/messages/"+matterUUID, 303, "text", "Јесте")
		v.lacks("after both answers", v.get("mila", "/portal", 200), "Answer the CERT")
		v.holds("a wrong form", v.post("mila", "/portal/reports/new", 422, "secret", "x", "reading", "open"), "Pick what is closest", "Write at least one sentence")
		if _, err := v.w.S.Talks(ctx, v.w.Ana); !fault.Is(err, fault.Denied) {
			t.Errorf("the team's talks: %v", err)
		}
		if err := v.w.S.ReplyOwn(ctx, v.w.Ana, ref, &intake.Answer{Text: "x"}); !fault.Is(err, fault.Denied) {
			t.Errorf("the team answers itself: %v", err)
		}
	})
}

func TestPeopleOfOneOrganisation(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		v := newSite(t, db)
		list := v.get("mila", "/portal/people", 200)
		v.holds("the list", list, "mila@a.example", "mira@a.example")
		v.get("mira", "/portal/people", 404)
		v.post("mira", "/portal/people/new", 403, "email", "x@a.example")
		v.holds("an empty invitation", v.post("mila", "/portal/people/new", 422, "email", "x", "name", ""), `id="email-error"`, `id="name-error"`)
		v.post("mila", "/portal/people/new", 303, "email", "nova@a.example", "name", "Нова Особа", "role", "member")
		v.post("mila", "/portal/people/new", 422, "email", "nova@a.example", "name", "Нова", "role", "member")
		v.post("mila", "/portal/people/new", 403, "email", "druga@a.example", "name", "Друга", "role", access.Sync)
		v.holds("the list", v.get("mila", "/portal/people", 200), "Нова Особа", "Invited")
		of := func(email string) string {
			for _, row := range strings.Split(v.get("mila", "/portal/people", 200), "<tr") {
				if strings.Contains(row, email) && strings.Contains(row, "/portal/people/"+firstUUID) {
					return "/portal/people/" + between(t, row, `href="/portal/people/`, `"`)
				}
			}
			t.Fatalf("%s is not in the list", email)
			return ""
		}
		v.post("mila", of("mira@a.example")+"/disable", 303)
		v.holds("a closed account", v.get("mila", of("mira@a.example"), 200), "Closed", "Open the account")
		v.post("mila", of("mira@a.example")+"/enable", 303)
		v.post("mila", of("nova@a.example")+"/invite", 303)
		v.post("mila", of("nova@a.example")+"/explode", 404)
		v.holds("the own account", v.get("mila", of("mila@a.example"), 200), "You cannot close your own account")
		v.post("mila", of("mila@a.example")+"/disable", 409)
		now.Add(11 * time.Minute)
		if _, to := v.do("mila", "POST", of("mira@a.example")+"/role", "application/x-www-form-urlencoded", strings.NewReader("role=org-admin"), 303); !strings.HasPrefix(to, "/account/confirm?next=/portal/people/") {
			t.Errorf("rights without a fresh proof: sent to %s", to)
		}
	})
}
