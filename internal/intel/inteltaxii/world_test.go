package inteltaxii_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/taxii"
	"straza/internal/intel"
	"straza/internal/intel/inteltaxii"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/testkit"
)

var ctx = context.Background()

// house is an installation with three organisations and two CERTs, a sharing
// group of Alfa and Beta from which Gama was withdrawn, and a server.
type house struct {
	*inteltest.World
	t        testing.TB
	now      *clock.Moved
	accounts *account.Service
	who      map[string]ident.Actor
	keys     map[string]string
	group    intel.SharingGroup
	url      string // …/taxii2/
}

func newHouse(t testing.TB, db *store.DB, now *clock.Moved) *house {
	h := &house{World: inteltest.New(t, db), t: t, now: now, who: map[string]ident.Actor{}, keys: map[string]string{}}
	orgs := testkit.Orgs{}
	for _, o := range []intel.Org{h.CERT, h.CERT2, h.A, h.B, h.C} {
		orgs[o.ID] = account.Org{ID: o.ID, UUID: o.UUID, Name: o.Name, CERT: o == h.CERT || o == h.CERT2}
	}
	h.accounts = testkit.Accounts(t, db, orgs, account.Deps{})
	for name, p := range map[string]account.NewPerson{"alfa": {Org: h.A.ID, Roles: []string{access.OrgAdmin}}, "beta": {Org: h.B.ID, Roles: []string{access.OrgAdmin}},
		"gama": {Org: h.C.ID, Roles: []string{access.ReadOnly}}, "cert": {Org: h.CERT.ID, Roles: []string{access.Analyst}}, "cert2": {Org: h.CERT2.ID, Roles: []string{access.Analyst}},
		"admin": {Org: h.CERT.ID, Roles: []string{access.Admin}}} {
		p.Email = name + "@example.com"
		h.who[name] = testkit.Person(t, h.accounts, p)
		h.keys[name] = h.key(name, account.NewKey{Name: "machine"})
	}
	g, err := h.Intel.AddGroup(ctx, h.who["alfa"], intel.SharingGroup{Name: "Alfa and friends", Active: true, Orgs: []intel.GroupOrg{{Org: h.B}, {Org: h.C}}})
	h.Must(err)
	h.Must(h.Intel.RemoveGroupOrg(ctx, h.who["alfa"], g.UUID, h.C))
	h.group = g
	h.serve()
	return h
}

func (h *house) key(name string, n account.NewKey) string {
	h.t.Helper()
	_, secret, err := h.accounts.AddKey(ctx, ident.SystemPart("setup"), name+"@example.com", n)
	h.Must(err)
	return secret
}

func (h *house) serve() {
	srv := httptest.NewUnstartedServer(nil)
	origin, err := url.Parse("http://" + srv.Listener.Addr().String())
	h.Must(err)
	texts, err := i18n.NewCatalog(ui.Messages)
	h.Must(err)
	m := web.New(web.Config{Origin: origin, Secret: []byte("0123456789abcdef0123456789abcdef"), Catalog: texts, Gate: h.accounts.Gate(), Now: h.now.Now})
	m.Surface(inteltaxii.Surface(inteltaxii.Deps{Intel: h.Intel, Secret: []byte("fedcba9876543210"), Title: "Test"}))
	srv.Config.Handler, err = m.Handler()
	h.Must(err)
	srv.Start()
	h.t.Cleanup(srv.Close)
	h.url = srv.URL + "/taxii2/"
}

// publish stores an event of somebody's and publishes it, a moment later.
// It comes by MISP, as a partner's machine sends it: our own doors would not publish
// what its label forbids, and what came has to be held back on the way out.
func (h *house) publish(name string, e *misp.Event) intel.Event {
	h.t.Helper()
	h.now.Add(time.Second)
	sender := h.who[name]
	sender.Channel, sender.Key = ident.MISP, 1
	got := h.Add(sender, e)
	h.now.Add(time.Second)
	h.Must(h.Intel.Publish(ctx, sender, got.UUID))
	return got
}

// again publishes an event, a moment later.
func (h *house) again(name, ref string) {
	h.t.Helper()
	h.now.Add(time.Second)
	h.Must(h.Intel.Publish(ctx, h.who[name], ref))
}

// reply is an answer, read to its end.
type reply struct {
	code int
	head http.Header
	body []byte
}

// ask sends a request as somebody; path is behind /taxii2/ unless it begins with
// a slash. edit may change the request.
func (h *house) ask(name, path string, edit ...func(*http.Request)) reply {
	h.t.Helper()
	r, err := http.NewRequest("GET", strings.TrimSuffix(h.url, "/taxii2/")+"/taxii2/"+path, nil)
	h.Must(err)
	r.Header.Set("Accept", taxii.MediaType)
	if k := h.keys[name]; k != "" {
		r.SetBasicAuth(name, k)
	}
	for _, f := range edit {
		f(r)
	}
	res, err := http.DefaultClient.Do(r)
	h.Must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	h.Must(err)
	if ct := res.Header.Get("Content-Type"); ct != taxii.MediaType {
		h.t.Errorf("%s: Content-Type %q", path, ct)
	}
	return reply{res.StatusCode, res.Header, b}
}

// get is ask for an answer of 200 that is decoded into v.
func (h *house) get(name, path string, v any) http.Header {
	h.t.Helper()
	a := h.ask(name, path)
	if a.code != 200 {
		h.t.Fatalf("%s %s: %d %s", name, path, a.code, a.body)
	}
	h.Must(json.Unmarshal(a.body, v))
	return a.head
}

// collection gives the path of somebody's collection with an alias.
func (h *house) collection(name, alias string) string {
	h.t.Helper()
	var list taxii.Collections
	h.get(name, "straza/collections/", &list)
	for _, c := range list.Collections {
		if c.Alias == alias {
			return "straza/collections/" + c.ID + "/"
		}
	}
	return ""
}

// envelope is a page of objects.
type envelope struct {
	More    bool
	Next    string
	Objects []object
}

type object struct {
	Type, ID, Name, Pattern, Value string
	Created, Modified              string
	SpecVersion                    string   `json:"spec_version"`
	CreatedBy                      string   `json:"created_by_ref"`
	Marks                          []string `json:"object_marking_refs"`
	Refs                           []string `json:"object_refs"`
	Source                         string   `json:"source_ref"`
	Target                         string   `json:"target_ref"`
	raw                            string
}

func (o *object) UnmarshalJSON(b []byte) error {
	type plain object
	if err := json.Unmarshal(b, (*plain)(o)); err != nil {
		return err
	}
	o.raw = string(b)
	return nil
}

// all reads a whole collection, page by page.
func (h *house) all(name, path, query string) []object {
	h.t.Helper()
	var out []object
	next := ""
	for {
		var e envelope
		h.get(name, path+"objects/?"+query+next, &e)
		out = append(out, e.Objects...)
		if !e.More {
			return out
		}
		next = "&next=" + e.Next
	}
}
