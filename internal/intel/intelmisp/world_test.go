package intelmisp

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"straza/internal/catalog"
	"straza/internal/craft/seal"
	"straza/internal/format/openpgp"
	"straza/internal/intel"
	"straza/internal/intel/enrich"
	"straza/internal/intel/feed"
	"straza/internal/intel/inteltest"
	"straza/internal/intel/remark"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/kernel/outbound"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/registry"
	"straza/internal/testkit"
)

// world is a server with the surface, people of every role in three
// organisations, and a real key for each.
type world struct {
	*inteltest.World
	url      string
	Accounts *account.Service
	Feeds    *feed.Service
	post     *mail.Post
	House    House
	Enrich   *enrich.Service
	books    *catalog.Service
	seal     *seal.Office
	joinable remark.Communities     // those that one may ask to join
	plain    bool                   // as MISP without labels
	atWrite  func()                 // called when some of an answer goes to its client
	people   map[string]ident.Actor // who stands behind the key of that name, as of its making
	keys     map[string]string
}

func (w *world) secret(name string) string {
	if k, ok := w.keys[name]; ok {
		return k
	}
	return strings.Repeat("z", 40)
}

// hand makes a key for somebody and puts it under a name.
func (w *world) hand(name, email string, n account.NewKey) {
	w.T.Helper()
	n.Name = name
	_, secret, err := w.Accounts.AddKey(context.Background(), ident.SystemPart("setup"), email, n)
	w.Must(err)
	w.learnKey(name, secret)
}

// learnKey puts a key under a name.
func (w *world) learnKey(name, secret string) {
	w.T.Helper()
	who, err := w.Accounts.ByKey(context.Background(), secret, account.From{Channel: ident.MISP, Addr: netip.MustParseAddr("127.0.0.1")})
	w.Must(err)
	w.keys[name], w.people[name] = secret, who
}

// orgsOf names the registry's organisations to accounts, as app does.
type orgsOf struct{ s *registry.Service }

func (o orgsOf) OrgTx(ctx context.Context, tx *store.Tx, id int64) (account.Org, error) {
	x, err := o.s.OrgTx(ctx, tx, ident.SystemPart("setup"), id)
	return account.Org{ID: x.ID, UUID: x.UUID, Name: x.Name, CERT: x.Kind == "cert"}, err
}

func (o orgsOf) FindOrgTx(ctx context.Context, tx *store.Tx, find string) (account.Org, error) {
	x, err := o.s.OrgByRefTx(ctx, tx, ident.SystemPart("setup"), find)
	return account.Org{ID: x.ID, UUID: x.UUID, Name: x.Name, CERT: x.Kind == "cert"}, err
}

func (w *world) account(email, role string, org int64) {
	w.T.Helper()
	_, _, err := w.Accounts.Add(context.Background(), ident.SystemPart("setup"), account.NewPerson{Email: email, Name: email, Roles: []string{role}, Org: org,
		Password: "vetar sa kosave 1"})
	w.Must(err)
}

func newWorld(t testing.TB, db *store.DB) *world {
	t.Helper()
	w := openWorld(t, db, inteltest.New(t, db))
	for name, p := range map[string]struct {
		org  intel.Org
		role string
	}{
		"admin": {w.CERT, access.Admin}, "orgadmin": {w.A, access.OrgAdmin}, "user": {w.A, access.Member}, "publisher": {w.A, access.Publisher},
		"readonly": {w.A, access.ReadOnly}, "sync": {w.B, access.Sync}, "other": {w.B, access.Member}, "third": {w.C, access.OrgAdmin},
	} {
		w.account(name+"@example.rs", p.role, p.org.ID)
		w.hand(name, name+"@example.rs", account.NewKey{})
	}
	w.hand("rokey", "user@example.rs", account.NewKey{ReadOnly: true})
	w.hand("taxiikey", "user@example.rs", account.NewKey{Scopes: []string{"taxii"}})
	w.serve(t, db)
	return w
}

// openWorld gives the surface's world over organisations that are there, without people.
func openWorld(t testing.TB, db *store.DB, in *inteltest.World) *world {
	keys := testkit.Vault(t)
	w := &world{World: in, people: map[string]ident.Actor{}, keys: map[string]string{}}
	w.Accounts = account.New(account.Deps{DB: db, Audit: testkit.Audit(db), Keys: keys, Orgs: orgsOf{w.Registry},
		Config: account.Config{Origin: func() string { return "https://straza.test" }, Hash: testkit.CheapHash}})
	w.seal = seal.New(seal.Deps{DB: db, Audit: testkit.Audit(db), Vault: keys, Owner: func() openpgp.Owner { return openpgp.Owner{Name: "ORGNAME", Email: "straza@straza.test"} }})
	w.Must(w.seal.Begin(context.Background(), ident.SystemPart("seal")))
	w.post = mail.New(db, nil, "straza@straza.test")
	words, err := i18n.NewCatalog(intel.Messages)
	w.Must(err)
	w.Remarks = remark.New(remark.Deps{DB: db, Audit: testkit.Audit(db), Intel: w.Intel, Vault: testkit.Vault(t), Post: w.post, People: w.Accounts, Text: words,
		Link:        func(event string, _ bool) string { return "https://straza.test/portal/events/" + event },
		Communities: func() *remark.Communities { return &w.joinable }})
	w.Feeds = feed.New(feed.Deps{DB: db, Audit: testkit.Audit(db), Intel: w.Intel, Lists: w.Lists, Registry: w.Registry, Keys: keys, People: w.Accounts,
		World: outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})})
	w.Enrich = enrich.New(enrich.Deps{DB: db, Audit: testkit.Audit(db), Intel: w.Intel, Lists: w.Lists, Registry: w.Registry, Keys: keys,
		World: outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})})
	return w
}

func (w *world) serve(t testing.TB, db *store.DB) {
	t.Helper()
	messages, err := i18n.NewCatalog(ui.Messages)
	w.Must(err)
	srv := httptest.NewUnstartedServer(nil)
	host := srv.Listener.Addr().String()
	origin, err := url.Parse("http://" + host)
	w.Must(err)
	books := w.Lists // one Service, as in the program: what it keeps in memory counts for all rooms
	w.books = books
	setup := ident.SystemPart("importer")
	w.Must(books.Seed(context.Background(), setup))
	m := web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef"), Catalog: messages, Gate: w.Accounts.Gate(), Now: db.Clock.Now})
	m.Surface(Surface(Deps{Intel: w.Intel, Remarks: w.Remarks, Dossiers: w.Dossiers, Catalog: books, Accounts: w.Accounts, Registry: w.Registry, Feeds: w.Feeds, Enrich: w.Enrich, Log: testkit.Audit(db), Seal: w.seal, Servers: &servers{w: w}, House: w.House, Unlabelled: w.plain, UUID: db.NewUUID(), Origin: origin.String(), Host: func(context.Context) string { return "ORGNAME" }}))
	h, err := m.Handler()
	w.Must(err)
	srv.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.atWrite != nil {
			rw = atWrite{rw, w.atWrite}
		}
		h.ServeHTTP(rw, r)
	})
	srv.Start()
	t.Cleanup(srv.Close)
	w.url = srv.URL
}

type atWrite struct {
	http.ResponseWriter
	do func()
}

func (a atWrite) Write(b []byte) (int, error) { a.do(); return a.ResponseWriter.Write(b) }

func (a atWrite) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// each runs a test on both engines.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) { test(t, newWorld(t, db)) })
}

// answer is what came back.
type answer struct {
	status int
	header http.Header // trailers too
	body   string
	first  http.Header // without trailers
}

// ask sends a request as somebody; body is JSON, "" for none.
func (w *world) ask(as, method, path, body string, header ...string) answer {
	w.T.Helper()
	r, err := http.NewRequest(method, w.url+path, strings.NewReader(body))
	w.Must(err)
	r.Header.Set("Accept", "application/json")
	r.Header.Set("User-Agent", "PyMISP 2.5.34")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if as != "" {
		r.Header.Set("Authorization", w.secret(as))
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	w.Must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	w.Must(err)
	first := res.Header.Clone()
	for k, v := range res.Trailer {
		res.Header[k] = v
	}
	return answer{res.StatusCode, res.Header, string(b), first}
}

func newKeyOf(scopes ...string) account.NewKey { return account.NewKey{Scopes: scopes} }
