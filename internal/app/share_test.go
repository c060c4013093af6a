package app

import (
	"context"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"straza/internal/intel"
	"straza/internal/kernel/account"
	"straza/internal/kernel/ident"
)

// TestSharingGroupPages: who would see it is said before anything is saved, by name;
// members come and go on the page, a drop is taken back as it was; outsiders see nothing.
func TestSharingGroupPages(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		lead, boss, stranger := w.person("lead", "CERT A"), w.person("org-admin", "Banka"), w.person("member", "Elektra")
		form := url.Values{"name": {"Zebra circle"}, "members": {"Banka\n"}, "step": {"look"}}
		page := w.do(lead, "POST", "/console/groups/new", form.Encode()).Body.String()
		if !strings.Contains(page, "Banka") || !strings.Contains(page, `id="who"`) || strings.Contains(page, "Elektra") {
			t.Fatalf("who would see it: %s", said(page))
		}
		if groups, err := w.h.Intel.Groups(context.Background(), w.actor(lead)); err != nil || hasGroup(groups, "Zebra circle") {
			t.Fatalf("looking saved it: %v", err)
		}
		if rec := w.do(lead, "POST", "/console/groups/new", url.Values{"name": {"x"}, "members": {"Nobody at all"}}.Encode()); rec.Code != 422 {
			t.Fatalf("an unknown member: %d", rec.Code)
		}
		form.Del("step")
		at := w.post(lead, "/console/groups/new", form).Header().Get("Location")
		uuid := strings.TrimPrefix(at, "/console/groups/")
		if rec := w.do(boss, "GET", "/portal/groups/"+uuid, ""); rec.Code != 200 || !strings.Contains(rec.Body.String(), "Zebra circle") {
			t.Fatalf("a member: %d", rec.Code)
		}
		if rec := w.do(boss, "POST", "/portal/groups/"+uuid+"/off", ""); rec.Code != 403 {
			t.Fatalf("a member without the right turns it off: %d", rec.Code)
		}
		for _, path := range []string{"/portal/groups", "/portal/groups/" + uuid} {
			if rec := w.do(stranger, "GET", path, ""); strings.Contains(rec.Body.String(), "Zebra") {
				t.Fatalf("an outsider at %s: %s", path, said(rec.Body.String()))
			}
		}
		if rec := w.do(lead, "POST", at+"/member", url.Values{"organisation": {"Nobody at all"}}.Encode()); rec.Code != 422 || !strings.Contains(rec.Body.String(), "Zebra circle") {
			t.Fatalf("an unknown member: %d", rec.Code)
		}
		if rec := w.do(boss, "POST", "/portal/groups/S-2026-000001/member", url.Values{"organisation": {"Nobody at all"}}.Encode()); rec.Code != 404 {
			t.Fatalf("a group that is not there: %d", rec.Code)
		}
		w.post(lead, at+"/member", url.Values{"organisation": {"Elektra"}})
		page = w.do(stranger, "GET", "/portal/groups", "").Body.String()
		if !strings.Contains(page, "Zebra circle") {
			t.Fatalf("a new member sees no group: %s", said(page))
		}
		elektra, err := w.h.namedOrg(context.Background(), "Elektra")
		must(t, err)
		w.post(lead, at+"/drop", url.Values{"organisation": {elektra.UUID}})
		if page = w.do(stranger, "GET", "/portal/groups", "").Body.String(); strings.Contains(page, "Zebra") {
			t.Fatal("a former member still sees the group")
		}
		w.post(lead, at+"/edit", url.Values{"name": {"Zebra two"}, "releasability": {"health"}})
		w.post(lead, at+"/off", nil)
		if page = w.do(lead, "GET", at, "").Body.String(); !strings.Contains(page, "Zebra two") {
			t.Fatal("the new name is not there")
		}
		w.post(lead, at+"/delete", nil)
		if rec := w.do(lead, "GET", at, ""); rec.Code != 404 {
			t.Fatalf("deleted, and still there: %d", rec.Code)
		}
	})
}

func hasGroup(list []intel.SharingGroup, name string) bool {
	return slices.ContainsFunc(list, func(g intel.SharingGroup) bool { return g.Name == name })
}

// TestFeedPages: a local feed is entered, previewed, fetched, and its report with what
// was stopped stands on its page; its headers never do.
func TestFeedPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lead, analyst := w.person("lead", "CERT A"), w.person("analyst", "CERT B")
	folder := filepath.Join(w.h.cfg.data(), "feeds")
	must(t, os.MkdirAll(folder, 0o700))
	must(t, os.WriteFile(filepath.Join(folder, "list.txt"), []byte("evil-zebra.example\n10.20.30.0/8\n"), 0o600))
	form := url.Values{"name": {"Zebra feed"}, "source_format": {"freetext"}, "input_source": {"local"}, "url": {"list.txt"}, "distribution": {"0"}, "enabled": {"1"}, "fixed": {"1"}, "headers": {"X-Key: tajna-zebra"}}
	if rec := w.do(lead, "POST", "/console/feeds/new", url.Values{"name": {""}, "source_format": {"csv"}, "input_source": {"network"}, "url": {"gopher://x"}, "distribution": {"0"}}.Encode()); rec.Code != 422 {
		t.Fatalf("a feed without a name: %d", rec.Code)
	}
	at := w.post(lead, "/console/feeds/new", form).Header().Get("Location")
	if page := w.do(lead, "GET", at+"/preview", "").Body.String(); !strings.Contains(page, "evil-zebra.example") {
		t.Fatalf("preview: %s", said(page))
	}
	w.post(lead, at+"/fetch", nil)
	must(t, w.h.runner.Drain(context.Background()))
	for _, why := range []string{"wide", "government", "own", "list"} {
		w.words(t, "intel.feed.why."+why)
	}
	page := w.do(lead, "GET", at, "").Body.String() + w.do(lead, "GET", at+"/edit", "").Body.String()
	if !strings.Contains(page, "10.20.30.0/8") && !strings.Contains(page, "10.0.0.0/8") {
		t.Fatalf("the report names nothing that was stopped: %s", said(page))
	}
	if strings.Contains(page, "tajna-zebra") {
		t.Fatal("a header's value is shown")
	}
	if rec := w.do(analyst, "GET", at, ""); rec.Code != 404 || strings.Contains(w.do(analyst, "GET", "/console/feeds", "").Body.String(), "Zebra") {
		t.Fatalf("a feed that is not shown to everybody is: %d", rec.Code)
	}
	w.post(lead, at+"/edit", url.Values{"name": {"Zebra feed 2"}, "source_format": {"csv"}, "input_source": {"local"}, "url": {"list.txt"}, "distribution": {"0"}, "column": {"2"}, "visible": {"1"}})
	if page := w.do(analyst, "GET", "/console/feeds", "").Body.String(); !strings.Contains(page, "Zebra feed 2") {
		t.Fatal("a feed that is shown to everybody is not")
	}
	w.post(lead, at+"/delete", nil)
}

// TestRequestPages: a wish for an account is answered on the page.
func TestRequestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := context.Background()
	admin := w.person("admin", "CERT A")
	w.post(admin, "/administration/requests", url.Values{"open": {"yes"}})
	from := account.From{Channel: ident.Web, Addr: netip.MustParseAddr("192.0.2.9")}
	for _, email := range []string{"nova@zebra.example", "druga@zebra.example"} {
		must(t, w.h.Accounts.Ask(ctx, from, account.Request{Email: email, OrgName: "Banka", Message: "please, zebra", Wishes: []string{"sync"}}))
	}
	list, err := w.h.Accounts.Requests(ctx, w.actor(admin))
	must(t, err)
	page := w.do(admin, "GET", "/administration/requests", "").Body.String()
	if len(list) != 2 || !strings.Contains(page, "nova@zebra.example") || !strings.Contains(page, "please, zebra") {
		t.Fatalf("%d requests: %s", len(list), said(page))
	}
	at := "/administration/requests/" + strconv.FormatInt(list[0].ID, 10)
	if rec := w.do(admin, "POST", at+"/accept", url.Values{"org": {"Nowhere"}, "role": {"member"}}.Encode()); rec.Code != 422 {
		t.Fatalf("an unknown organisation: %d", rec.Code)
	}
	w.post(admin, at+"/accept", url.Values{"org": {"Banka"}, "role": {"sync"}})
	w.post(admin, "/administration/requests/"+strconv.FormatInt(list[1].ID, 10)+"/discard", nil)
	if list, err = w.h.Accounts.Requests(ctx, w.actor(admin)); err != nil || len(list) != 0 {
		t.Fatalf("%d requests wait, %v", len(list), err)
	}
	if e, err := w.h.Accounts.Person(ctx, w.actor(admin), "nova@zebra.example"); err != nil || e.Roles[0] != "sync" {
		t.Fatalf("the account: %+v %v", e, err)
	}
}
