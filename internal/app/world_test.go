package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"straza/internal/advisory"
	"straza/internal/format/misp"
	"straza/internal/intake"
	"straza/internal/intel"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/web"
	"straza/internal/registry"
	"straza/internal/testkit"
)

// world is a whole installation in one process: two CERTs, three further
// organisations, people in every role, and things of every level, each with a
// canary in its text.
type world struct {
	t        testing.TB
	h        *House
	handler  http.Handler
	people   []*persona
	canaries []canary
	errors   int
	refs     []string // every id, uuid and number that a path may name
}

// persona is a person with a session and keys.
type persona struct {
	name, role, org         string
	session                 *http.Cookie
	key, readOnly, narrowed string // keys: everything, read-only, scope registry:read alone
	who                     ident.Actor
}

// canary is a text that only some may ever see. wire: on the MISP and TAXII surfaces.
type canary struct {
	text string
	may  func(p *persona, wire bool) bool
}

// TestMain keeps the log of the requests out of the tests' own words; row 39 listens to it.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// unlimited lets everything through: the limiter would hide the refusals that rows ask for.
type unlimited struct{}

func (unlimited) Allow(context.Context, string, string) (time.Duration, bool) { return 0, true }

const worldHost = "localhost:8480"

// roster: role and organisation; the CERTs' own people first.
var roster = [][2]string{
	{"admin", "CERT A"}, {"lead", "CERT A"}, {"analyst", "CERT A"}, {"supervisor", "CERT A"}, {"privacy-officer", "CERT A"}, {"auditor", "CERT A"},
	{"analyst", "CERT B"},
	{"org-admin", "Banka"}, {"member", "Banka"}, {"publisher", "Banka"}, {"sync", "Banka"}, {"read-only", "Banka"},
	{"member", "Elektra"}, {"member", "Opština"},
}

func newWorld(t testing.TB) *world { t.Helper(); return newWorldOn(t, "", nil) }

// eachWorld tells the same story on both engines.
func eachWorld(t *testing.T, story func(t *testing.T, w *world)) {
	t.Helper()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			database := ""
			if engine == "postgres" {
				database = testkit.PostgresURL(t)
			}
			story(t, newWorldOn(t, database, nil))
		})
	}
}

// newWorldOn fills a database ("" = SQLite in a folder) by a clock (nil = the system's);
// settings are names and values.
func newWorldOn(t testing.TB, database string, c clock.Clock, settings ...string) *world {
	t.Helper()
	ctx := context.Background()
	set := map[string]string{"data": t.TempDir(), "log-level": "error", "database": database}
	for i := 0; i < len(settings); i += 2 {
		set[settings[i]] = settings[i+1]
	}
	cfg, err := loadConfig(set, nil)
	must(t, err)
	h, err := openHouse(ctx, cfg, nil, openOptions{cheapHash: true, clock: c})
	must(t, err)
	t.Cleanup(h.Close)
	h.door, err = h.localDoor()
	must(t, err)
	t.Cleanup(func() { _ = h.door.Close() })
	must(t, h.Vault.Trust(h.door.Status().Recipients))
	w := &world{t: t, h: h}
	h.limits = unlimited{}
	w.handler, err = h.handler(8480)
	must(t, err)
	h.ready.Store(true)
	setup := ident.SystemPart("setup")
	for _, o := range [][2]string{{"CERT A", "cert"}, {"CERT B", "cert"}, {"Banka", "operator"}, {"Elektra", "operator"}, {"Opština", "municipality"}} {
		org, err := h.Registry.Add(ctx, setup, registry.Draft{Name: o[0], Kind: o[1]})
		must(t, err)
		w.refs = append(w.refs, org.UUID)
	}
	for _, r := range roster {
		w.addPerson(r[0], r[1])
	}
	w.fill()
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const worldPassword = "vetar sa kosave 1"

func (w *world) addPerson(role, org string) {
	w.t.Helper()
	ctx := context.Background()
	id, err := w.h.findOrg(ctx, org)
	must(w.t, err)
	email := strings.ToLower(role + "@" + strings.ReplaceAll(i18n.Fold(org), " ", "") + ".example")
	p, _, err := w.h.Accounts.Add(ctx, ident.SystemPart("setup"), account.NewPerson{Email: email, Name: role, Org: id, Roles: []string{role}, Password: worldPassword, Lang: "en"})
	must(w.t, err)
	x := &persona{name: role + "@" + org, role: role, org: org}
	for _, k := range []struct {
		into *string
		n    account.NewKey
	}{{&x.key, account.NewKey{Name: "all"}}, {&x.readOnly, account.NewKey{Name: "ro", ReadOnly: true}}, {&x.narrowed, account.NewKey{Name: "narrow", Scopes: []string{"registry:read"}}}} {
		_, *k.into, err = w.h.Accounts.AddKey(ctx, operator(), email, k.n)
		must(w.t, err)
	}
	x.who, err = w.h.Accounts.Resolve(ctx, p.ID, ident.Web)
	must(w.t, err)
	rec := w.do(nil, "POST", "/login", url.Values{"email": {email}, "password": {worldPassword}}.Encode())
	for _, c := range rec.Result().Cookies() {
		if strings.HasSuffix(c.Name, "-session") {
			x.session = c
		}
	}
	if x.session == nil {
		w.t.Fatalf("%s cannot enter: %d", email, rec.Code)
	}
	w.people = append(w.people, x)
}

func (w *world) person(role, org string) *persona {
	w.t.Helper()
	i := slices.IndexFunc(w.people, func(p *persona) bool { return p.role == role && p.org == org })
	return w.people[i]
}

// do sends a request of a session (nil: of nobody) and gives the recorded answer.
func (w *world) do(p *persona, method, path, form string) *httptest.ResponseRecorder {
	r := w.request(method, path, form)
	if p != nil {
		r.AddCookie(p.session)
	}
	return w.answer(r)
}

func (w *world) withKey(key, method, path, body string) *httptest.ResponseRecorder {
	r := w.request(method, path, body)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Accept", "application/json")
	return w.answer(r)
}

func (w *world) request(method, path, form string) *http.Request {
	r := httptest.NewRequest(method, "http://"+worldHost+path, strings.NewReader(form))
	r.Header.Set("Origin", "http://"+worldHost)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = "192.0.2.7:1234"
	return r
}

func (w *world) answer(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}

// fill puts things of every level into the world.
func (w *world) fill() {
	banka, team := w.person("publisher", "Banka"), w.person("lead", "CERT A")
	ofOrg := func(org string) func(*persona, bool) bool {
		return func(p *persona, wire bool) bool {
			return w.mayIntel(p, wire) && (p.org == org || wire && p.role == "admin")
		}
	}
	anyMember := func(p *persona, wire bool) bool { return w.mayIntel(p, wire) }
	w.event(banka, "k-banka-own", intel.OwnOrg, ofOrg("Banka"))
	w.event(banka, "k-banka-members", intel.Community, anyMember)
	w.event(team, "k-cert-own", intel.OwnOrg, ofOrg("CERT A"))
	w.event(team, "k-cert-all", intel.All, anyMember)
	w.sharingGroup(banka)
	w.warning(team)
	w.report()
	w.openCase(team)
	w.organisations()
}

// mayIntel: pages need intel.read; on the wire MISP's right to enter is enough.
func (w *world) mayIntel(p *persona, wire bool) bool {
	return p != nil && (p.who.Can("intel.read") || wire && p.who.Can("misp.auth"))
}

// event makes one with an inherited attribute, a narrower one and a withdrawn one.
func (w *world) event(by *persona, text string, level intel.Distribution, may func(*persona, bool) bool) {
	w.t.Helper()
	ctx := context.Background()
	e := &misp.Event{Info: misp.T(text), Distribution: misp.N(int64(level)), Attribute: []misp.Attribute{
		{Type: misp.T("domain"), Value: misp.T(text + "-inherited.example"), Distribution: misp.N(int64(intel.Inherit))},
		{Type: misp.T("domain"), Value: misp.T(text + "-narrow.example"), Distribution: misp.N(int64(intel.OwnOrg))},
		{Type: misp.T("domain"), Value: misp.T(text + "-withdrawn.example"), Distribution: misp.N(int64(intel.OwnOrg))}}}
	saved, err := w.h.Intel.AddEvent(ctx, by.who, intel.FromEvent(e), intel.AddOptions{})
	must(w.t, err)
	must(w.t, w.h.Intel.Publish(ctx, by.who, saved.UUID))
	got, err := w.h.Intel.Event(ctx, by.who, saved.UUID)
	must(w.t, err)
	w.refs = append(w.refs, saved.UUID, fmt.Sprint(got.ID))
	var withdraw string
	must(w.t, w.h.Intel.Attributes(ctx, by.who, saved.UUID, intel.Part{}, func(a *intel.Attribute) error {
		w.refs = append(w.refs, a.UUID)
		if strings.Contains(a.Value, "-withdrawn") {
			withdraw = a.UUID
		}
		return nil
	}))
	_, err = w.h.Intel.DeleteAttribute(ctx, by.who, withdraw, false)
	must(w.t, err)
	own := func(p *persona, wire bool) bool {
		return w.mayIntel(p, wire) && (p.org == by.org || wire && p.role == "admin")
	}
	w.canaries = append(w.canaries, canary{text + "-inherited", may}, canary{text + "-narrow", own}, canary{text + "-withdrawn", own})
}

func (w *world) sharingGroup(by *persona) {
	w.t.Helper()
	ctx := context.Background()
	maker := w.person("org-admin", "Banka")
	elektra := w.person("member", "Elektra").who
	g, err := w.h.Intel.AddGroup(ctx, maker.who, intel.SharingGroup{Name: "k-group", Releasability: "x", Active: true, Orgs: []intel.GroupOrg{
		{Org: intel.Org{ID: maker.who.Org, UUID: maker.who.OrgUUID, Name: "Banka"}, Extend: true}, {Org: intel.Org{ID: elektra.Org, UUID: elektra.OrgUUID, Name: "Elektra"}}}})
	must(w.t, err)
	p, err := w.h.Accounts.Resolve(ctx, by.who.Person, ident.Web) // the group is theirs from now on
	must(w.t, err)
	e := &misp.Event{Info: misp.T("k-shared"), Distribution: misp.N(int64(intel.Group)), SharingGroupID: misp.N(g.ID), Attribute: []misp.Attribute{
		{Type: misp.T("domain"), Value: misp.T("k-shared.example"), Distribution: misp.N(int64(intel.Inherit))}}}
	saved, err := w.h.Intel.AddEvent(ctx, p, intel.FromEvent(e), intel.AddOptions{})
	must(w.t, err)
	must(w.t, w.h.Intel.Publish(ctx, p, saved.UUID))
	w.refs = append(w.refs, saved.UUID)
	w.canaries = append(w.canaries, canary{"k-shared", func(p *persona, wire bool) bool {
		return w.mayIntel(p, wire) && (p.org == "Banka" || p.org == "Elektra" || wire && p.role == "admin")
	}})
}

func (w *world) warning(by *persona) {
	w.t.Helper()
	ctx := context.Background()
	text := func(s string) i18n.Text { return i18n.Text{i18n.SrCyrl: s, i18n.En: s} }
	draft := func(s string) advisory.Draftable {
		return advisory.Draftable{Level: advisory.Levels[0], TLP: "CLEAR", Readers: "citizens", Title: text(s), Lead: text("x"), Affects: text("x"), Steps: text("x"), Body: text("x")}
	}
	number, err := w.h.Advisory.Create(ctx, by.who, draft("k-warning-draft"))
	must(w.t, err)
	_, err = w.h.Advisory.Create(ctx, by.who, draft("=1+1 formula"))
	must(w.t, err)
	open, err := w.h.Advisory.Create(ctx, by.who, draft("k-warning-open"))
	must(w.t, err)
	a, _, err := w.h.Advisory.Get(ctx, by.who, open)
	must(w.t, err)
	must(w.t, w.h.Advisory.Publish(ctx, by.who, open, a.Version, nil))
	w.refs = append(w.refs, number, open)
	w.canaries = append(w.canaries, canary{"k-warning-draft", func(p *persona, _ bool) bool {
		return p != nil && p.who.Can("advisory.read") && p.org == "CERT A"
	}})
}

func (w *world) report() {
	w.t.Helper()
	ctx := context.Background()
	in := &intake.Input{Channel: intake.ByAPI, Lang: "en", What: "phishing", Contact: intake.Contact{Name: "k-reporter-name", Email: "k-reporter@example.org"},
		Body: intake.Body{Description: "k-report-body"}}
	nobody, err := w.h.Accounts.Nobody(ctx, ident.API)
	must(w.t, err)
	rc, err := w.h.Intake.Submit(ctx, nobody, in)
	must(w.t, err)
	w.refs = append(w.refs, rc.Number, rc.ID)
	team := func(p *persona, _ bool) bool { return p != nil && p.who.Can("intake.read") && p.org == "CERT A" }
	never := func(*persona, bool) bool { return false }
	w.canaries = append(w.canaries, canary{"k-report-body", team}, canary{"k-reporter", never})
}

// openCase opens one of the host's team through the machines' interface.
func (w *world) openCase(by *persona) {
	w.t.Helper()
	rec := w.withKey(by.key, "POST", "/api/v1/cases", `{"title":"k-case-title","summary":"x","severity":"low"}`)
	var told struct{ ID, Number string }
	if err := json.Unmarshal(rec.Body.Bytes(), &told); err != nil || told.Number == "" {
		w.t.Fatalf("a case: %d %v %s", rec.Code, err, rec.Body)
	}
	w.refs = append(w.refs, told.ID, told.Number)
	w.canaries = append(w.canaries, canary{"k-case-title", func(p *persona, _ bool) bool {
		return p != nil && p.who.Can("incident.read") && p.org == "CERT A"
	}})
}

// organisations: one whose name would run as a formula in a spreadsheet (row 27).
func (w *world) organisations() {
	ctx := context.Background()
	for _, name := range []string{`=HYPERLINK("http://x.example","k")`, "+381 firma", "-5 firma", "@firma"} {
		o, err := w.h.Registry.Add(ctx, w.person("lead", "CERT A").who, registry.Draft{Name: name, Kind: "company"})
		must(w.t, err)
		w.refs = append(w.refs, o.UUID)
	}
}

// gets are the addresses of every GET door, each named thing in the place of every
// parameter, in one language.
func (w *world) gets() (out []string) {
	for _, r := range w.h.mux.Routes() {
		if r.Method != http.MethodGet {
			continue
		}
		for _, ref := range w.refs {
			path := fillPath(r, ref)
			out = append(out, path)
			if path == fillPath(r, "") {
				break
			}
		}
	}
	return out
}

// fillPath names something in every parameter of a route's pattern.
func fillPath(r web.Route, ref string) string {
	parts := strings.Split(strings.TrimSuffix(r.Pattern, "{$}"), "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			parts[i] = url.PathEscape(ref)
		}
	}
	path := strings.Join(parts, "/")
	if r.Localized {
		path = "/en" + path
	}
	return path
}

// contents is a hash of every row but the traces that reading may leave: the audit
// log, when a session or a key was last used, work that clocks put in the queue.
func (w *world) contents() string {
	w.t.Helper()
	sum := sha256.New()
	_, err := w.h.DB.Snapshot(context.Background(), sum, w.traces()...)
	must(w.t, err)
	return hex.EncodeToString(sum.Sum(nil))
}

// traces are the tables that reading may change.
func (w *world) traces() (skip []string) {
	w.t.Helper()
	tables, err := w.h.DB.Tables()
	must(w.t, err)
	for _, n := range tables {
		if strings.HasPrefix(n, "audit_") || strings.HasPrefix(n, "jobs_") || n == "account_session" || n == "account_key" || n == "store_series" {
			skip = append(skip, n)
		}
	}
	return skip
}
