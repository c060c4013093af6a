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
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/testkit"
)

// world is a server with the surface, people of every role in three
// organisations, and a key for each: the key is the name, filled up with zeros.
type world struct {
	*inteltest.World
	url    string
	books  *catalog.Service
	people map[string]ident.Actor
}

func secret(name string) string { return name + strings.Repeat("0", 40-len(name)) }

// ByKey is the table of keys; rights are resolved anew for every request.
func (w *world) ByKey(_ context.Context, key string, _ netip.Addr, ch ident.Channel) (ident.Actor, error) {
	name := strings.TrimRight(key, "0")
	who, ok := w.people[name]
	if !ok || key != secret(name) {
		return ident.Actor{}, fault.New(fault.NotFound, "no such key")
	}
	who.Channel = ch
	return w.Again(who), nil
}

func (w *world) BySession(context.Context, string) (ident.Actor, error) {
	return ident.Actor{}, fault.New(fault.NotFound, "no sessions here")
}

func newWorld(t testing.TB, db *store.DB) *world {
	t.Helper()
	w := &world{World: inteltest.New(t, db), people: map[string]ident.Actor{}}
	for name, p := range map[string]struct {
		org  intel.Org
		role string
	}{
		"admin": {w.CERT, access.Admin}, "orgadmin": {w.A, access.OrgAdmin}, "user": {w.A, access.Member}, "publisher": {w.A, access.Publisher},
		"readonly": {w.A, access.ReadOnly}, "sync": {w.B, access.Sync}, "other": {w.B, access.Member}, "third": {w.C, access.OrgAdmin},
	} {
		who := w.Person(p.org, p.role, ident.MISP)
		who.Key, who.Email = who.Person+5000, name+"@example.rs"
		w.people[name] = who
	}
	ro := w.people["user"]
	ro.Key, ro.ReadOnly = ro.Key+1, true
	w.people["rokey"] = ro
	narrow := w.people["user"]
	narrow.Key, narrow.Scopes = narrow.Key+2, []string{"taxii"}
	w.people["taxiikey"] = narrow
	w.serve(t, db)
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
	m := web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef"), Catalog: messages, Gate: w, Now: db.Clock.Now})
	m.Surface(Surface(Deps{Intel: w.Intel, Remarks: w.Remarks, Catalog: books, Orgs: &directory{w: w, edited: map[int64]Org{}}, People: &directory{w: w}, UUID: db.NewUUID(), Origin: origin.String(), Host: func(context.Context) string { return "ORGNAME" }}))
	h, err := m.Handler()
	w.Must(err)
	srv.Config.Handler = h
	srv.Start()
	t.Cleanup(srv.Close)
	w.url = srv.URL
}

// each runs a test on both engines.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) { test(t, newWorld(t, db)) })
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
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
		r.Header.Set("Authorization", secret(as))
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
	w.Must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	w.Must(err)
	for k, v := range res.Trailer {
		res.Header[k] = v
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

// directory stands for accounts and the registry, which are rooms of their own.
type directory struct {
	w      *world
	edited map[int64]Org
}

func (d *directory) list() []Org {
	var out []Org
	for _, o := range []intel.Org{d.w.CERT, d.w.CERT2, d.w.A, d.w.B, d.w.C} {
		if e, ok := d.edited[o.ID]; ok {
			out = append(out, e)
			continue
		}
		out = append(out, Org{ID: o.ID, UUID: o.UUID, Name: o.Name, Local: true})
	}
	return out
}

func (d *directory) Orgs(context.Context, ident.Actor) ([]Org, error) { return d.list(), nil }

func (d *directory) Org(_ context.Context, _ ident.Actor, ref string) (Org, error) {
	for _, o := range d.list() {
		if itoa(o.ID) == ref || o.UUID == ref {
			return o, nil
		}
	}
	return Org{}, fault.New(fault.NotFound, "no such organisation")
}

func (d *directory) AddOrg(_ context.Context, _ ident.Actor, o Org) (Org, error) {
	for _, have := range d.list() {
		switch {
		case have.UUID == o.UUID:
			o.ID = have.ID
			return o, nil
		case have.Name == o.Name:
			return Org{}, fault.New(fault.Conflict, "taken")
		}
	}
	made := d.w.Org(o.Name + " " + d.w.DB.NewUUID()) // the recording enters one name several times
	o.ID, o.UUID = made.ID, made.UUID
	return o, nil
}

func (d *directory) EditOrg(ctx context.Context, who ident.Actor, ref string, change func(*Org)) (Org, error) {
	o, err := d.Org(ctx, who, ref)
	if err == nil {
		change(&o)
		o.Created, o.Changed = max(o.Created, 1), max(o.Created, 1)+1
		d.edited[o.ID] = o
	}
	return o, err
}

func (d *directory) DeleteOrg(ctx context.Context, who ident.Actor, ref string) error {
	_, err := d.Org(ctx, who, ref)
	return err
}

func (d *directory) Person(_ context.Context, who ident.Actor, id int64) (Person, error) {
	for _, p := range d.w.people {
		if p.Person == id && (p.Org == who.Org || site(who)) {
			return Person{ID: id, Email: p.Email, Org: orgOf(p), Role: p.Roles[0]}, nil
		}
	}
	return Person{}, fault.New(fault.NotFound, "no such person")
}

func (d *directory) People(_ context.Context, who ident.Actor) (out []Person, err error) {
	for _, p := range d.w.people {
		if p.Org == who.Org || site(who) {
			out = append(out, Person{ID: p.Person, Email: p.Email, Org: orgOf(p), Role: p.Roles[0]})
		}
	}
	return out, nil
}

func (d *directory) Roles(ctx context.Context, _ ident.Actor) (out []Role, err error) {
	err = d.w.DB.View(ctx, func(tx *store.Tx) error {
		list, err := access.RolesTx(ctx, tx)
		for _, r := range list {
			out = append(out, Role{ID: r.MISP, Name: r.Name, Perms: r.Permissions, Default: r.MISP == 3})
		}
		return err
	})
	return out, err
}

func (d *directory) AddPerson(_ context.Context, _ ident.Actor, n NewPerson) (Person, string, error) {
	return Person{}, "", fault.Field("email", "x", "not in this world")
}

func (d *directory) EditPerson(ctx context.Context, who ident.Actor, id int64, _ NewPerson) (Person, error) {
	return d.Person(ctx, who, id)
}
