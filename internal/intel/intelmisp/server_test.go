package intelmisp

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
)

// servers stands for the room of peers.
type servers struct {
	w    *world
	list []Server
}

func (s *servers) Servers(context.Context, ident.Actor) ([]Server, error) { return s.list, nil }

func (s *servers) SaveServer(ctx context.Context, who ident.Actor, ref string, x Server, key string) (Server, error) {
	if !strings.HasPrefix(x.URL, "http") {
		return x, fault.Field("url", "x", "no address")
	}
	if list, err := s.w.Registry.Orgs(ctx, ident.SystemPart("setup"), []int64{x.RemoteOrg.ID}); err == nil && list[x.RemoteOrg.ID].ID != 0 {
		x.RemoteOrg = asOrg(list[x.RemoteOrg.ID])
		if cards, err := s.w.Intel.OrgCards(ctx, who, []int64{x.RemoteOrg.ID}); err == nil {
			x.RemoteOrg.Card = cards[x.RemoteOrg.ID]
		}
	}
	if ref == "" {
		if key == "" {
			return x, fault.Field("key", "x", "no key")
		}
		x.ID, x.Org = s.w.DB.NewID(), Org{ID: who.Org, UUID: who.OrgUUID, Name: who.OrgName}
		if cards, err := s.w.Intel.OrgCards(ctx, who, []int64{who.Org}); err == nil {
			x.Org.Card = cards[who.Org]
		}
		s.list = append(s.list, x)
		return x, nil
	}
	for i := range s.list {
		if itoa(s.list[i].ID) == ref {
			s.list[i] = x
		}
	}
	return x, nil
}

func (s *servers) DeleteServer(_ context.Context, _ ident.Actor, ref string) error {
	s.list = slices.DeleteFunc(s.list, func(x Server) bool { return itoa(x.ID) == ref })
	return nil
}

func (s *servers) TestServer(context.Context, ident.Actor, string) (int, any, error) {
	return 2, nil, nil
}

func (s *servers) StartServer(_ context.Context, _ ident.Actor, _, _, technique string) error {
	if technique == "nonsense" {
		return fault.Field("technique", "x", "none")
	}
	return nil
}

// A peer is entered, shown without its key, changed field by field, and gone; only a
// site administrator may, and reading keys change nothing.
func TestServersLikeMISP(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		const secretKey = "ThisIsTheKeyThatTheyGaveUs0000000000000"
		add := w.ask("admin", "POST", "/servers/add", `{"name":"P","url":"https://misp.example.org","authkey":"`+secretKey+`","remote_org_id":"`+itoa(w.B.ID)+`","pull":true,"pull_rules":{"tags":{"OR":["x"],"NOT":[]}}}`)
		if add.status != 200 || strings.Contains(add.body, secretKey) || !strings.Contains(add.body, `"pull":true`) {
			t.Fatalf("%d %s", add.status, add.body)
		}
		list := w.ask("admin", "GET", "/servers/index", "")
		if list.status != 200 || strings.Contains(list.body, "authkey") {
			t.Errorf("%d %s", list.status, list.body)
		}
		id := between(list.body, `"id":"`, `"`)
		edit := w.ask("admin", "POST", "/servers/edit/"+id, `{"push":true}`)
		if edit.status != 200 || !strings.Contains(edit.body, `"pull":true`) || !strings.Contains(edit.body, `"push":true`) {
			t.Errorf("%d %s", edit.status, edit.body)
		}
		for _, who := range []string{"user", "sync", "readonly", "orgadmin"} {
			for _, path := range []string{"/servers/index", "/servers/pull/" + id, "/servers/testConnection/" + id} {
				if a := w.ask(who, "GET", path, ""); a.status != 403 {
					t.Errorf("%s %s: %d", who, path, a.status)
				}
			}
		}
		if a := w.ask("admin", "POST", "/servers/add", `{"name":"P","url":"file:///x","authkey":"k","remote_org_id":"1"}`); a.status != 403 || !strings.Contains(a.body, "valid base-url") {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := w.ask("sync", "POST", "/servers/createSync", ""); a.status != 200 || !strings.Contains(a.body, w.url) {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := w.ask("admin", "POST", "/servers/import", `{"Server":{"url":"https://p.example.org","uuid":"x","authkey":"`+secretKey+`","Organisation":{"name":"P","uuid":"`+w.DB.NewUUID()+`"}}}`); a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := w.ask("admin", "POST", "/servers/delete/"+id, ""); a.status != 200 || !strings.Contains(a.body, "Server deleted") {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := w.ask("admin", "POST", "/servers/pull/"+id, ""); a.status != 404 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

// TestGroupServers: servers of a sharing group are added and taken out by number; this
// installation and what is no peer are not, and neither does who may not change the group.
func TestGroupServers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		if got := w.ask("admin", "POST", "/servers/add", `{"name":"P","url":"https://misp.example.org","authkey":"`+strings.Repeat("k", 40)+`","remote_org_id":"`+itoa(w.B.ID)+`"}`); got.status != 200 {
			t.Fatal(got.body)
		}
		var servers []struct{ Server struct{ ID string } }
		w.Must(json.Unmarshal([]byte(w.told("admin", "/servers/index", "")), &servers))
		number := servers[len(servers)-1].Server.ID
		var made struct{ SharingGroup struct{ ID string } }
		// The form with everything wrapped is read as well.
		w.Must(json.Unmarshal([]byte(w.told("admin", "/sharing_groups/add", `{"SharingGroup":{"name":"G","releasability":"r","SharingGroupServer":[{"server_id":"`+number+`","all_orgs":true}]}}`)), &made))
		group := made.SharingGroup.ID
		at := func() string { return w.told("admin", "/sharing_groups/view/"+group, "") }
		if !strings.Contains(at(), `"server_id":"`+number+`"`) {
			t.Errorf("a wrapped server: %s", at())
		}
		for _, c := range []struct {
			as, path, want string
			status         int
			in             bool
		}{
			{"admin", "removeServer/" + group + "/" + number, "Server removed from the sharing group.", 200, false},
			{"admin", "removeServer/" + group + "/" + number, "Invalid Server.", 405, false},
			{"admin", "addServer/" + group + "/0", "Invalid Server.", 405, false},
			{"admin", "addServer/" + group + "/999999", "Invalid Server.", 405, false},
			{"other", "addServer/" + group + "/" + number, "You do not have permission", 403, false},
			{"orgadmin", "addServer/" + group + "/" + number, "No valid sharing group ID provided.", 405, false},
			{"admin", "addServer/" + group + "/" + number, "Server added to the sharing group.", 200, true},
			{"admin", "addServer/" + group + "/" + number + "/1", "Server added to the sharing group.", 200, true},
		} {
			got := w.ask(c.as, "POST", "/sharing_groups/"+c.path, "")
			if got.status != c.status || !strings.Contains(got.body, c.want) || strings.Contains(at(), `"server_id":"`+number+`"`) != c.in {
				t.Errorf("%s %s: %d %s; %s", c.as, c.path, got.status, got.body, at())
			}
		}
		if !strings.Contains(at(), "misp.example.org") || strings.Count(at(), `"server_id":"`+number+`"`) != 1 {
			t.Errorf("after it: %s", at())
		}
	})
}
