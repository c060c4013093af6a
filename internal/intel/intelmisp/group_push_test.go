package intelmisp

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"straza/internal/intel"
	"straza/internal/kernel/access"
	"straza/internal/kernel/account"
	"straza/internal/kernel/ident"

	"github.com/google/go-cmp/cmp"
)

const (
	groupFar    = "9a9a9a9a-0000-4000-8000-000000000001"
	orgFar      = "9a9a9a9a-0000-4000-8000-00000000000f"
	pushedEvent = "9b9b9b9b-0000-4000-8000-000000000001"
)

// wireGroup is a group as a peer sends it.
func wireGroup(uuid, number, modified string, orgs ...intel.Org) string {
	var members []string
	for _, o := range orgs {
		members = append(members, fmt.Sprintf(`{"extend":false,"Organisation":{"uuid":"%s","name":"%s"}}`, o.UUID, o.Name))
	}
	return fmt.Sprintf(`{"id":"%s","uuid":"%s","name":"Far friends","active":true,"roaming":true,"modified":"%s","Organisation":{"uuid":"%s","name":"Far"},"SharingGroupOrg":[%s],"SharingGroupServer":[]}`,
		number, uuid, modified, orgFar, strings.Join(members, ","))
}

func pushedAttr(n int, rest string) string {
	return fmt.Sprintf(`{"uuid":"9c9c9c9c-0000-4000-8000-%012d","type":"domain","category":"Network activity","value":"v%d.example.org",%s}`, n, n, rest)
}

func pushedDoc(uuid, head string, attrs ...string) string {
	return `{"Event":{"uuid":"` + uuid + `","info":"Pushed","date":"2026-01-01","timestamp":"1700000000","published":true,"locked":true,` + head +
		`,"Orgc":{"uuid":"` + orgFar + `","name":"Far"},"Attribute":[` + strings.Join(attrs, ",") + `]}}`
}

// A pushing peer's group is known by its UUID: its number here may be another group,
// and what comes is never shown to that one.
func TestPushedGroupIsKnownByUUID(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, part := context.Background(), ident.SystemPart("peer")
		g, err := w.Intel.AddGroup(ctx, w.people["admin"], intel.SharingGroup{Name: "Another", Active: true, Orgs: []intel.GroupOrg{{Org: w.A}, {Org: w.B}}})
		w.Must(err)
		number := fmt.Sprint(g.ID) // the sender's number happens to be that of a group here
		far := wireGroup(groupFar, number, "2026-01-01 00:00:00", w.B, w.C)
		none := `{"id":"7","uuid":"9a9a9a9a-0000-4000-8000-000000000007","name":"Others","active":true,"SharingGroupOrg":[]}`
		doc := pushedDoc(pushedEvent, `"distribution":"4","sharing_group_id":"`+number+`","SharingGroup":`+far,
			pushedAttr(1, `"distribution":"5"`), pushedAttr(2, `"distribution":"4","sharing_group_id":"`+number+`"`),
			pushedAttr(3, `"distribution":"4","sharing_group_id":"7","SharingGroup":`+none),
			pushedAttr(4, `"distribution":"4","sharing_group_id":"3","SharingGroup":{"uuid":"`+groupFar+`"}`))
		if got := w.ask("sync", http.MethodPost, "/events/add/metadata:1", doc); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		e, err := w.Intel.Event(ctx, part, pushedEvent)
		w.Must(err)
		stored, err := w.Intel.SharingGroup(ctx, part, groupFar)
		w.Must(err)
		if e.Group != stored.ID || e.Group == g.ID || stored.Name != "Far friends" || len(stored.Orgs) != 3 {
			t.Errorf("event in group %d, the one that came is %+v", e.Group, stored)
		}
		type at struct {
			D intel.Distribution
			G int64
		}
		levels := map[string]at{}
		w.Must(w.Intel.Attributes(ctx, part, pushedEvent, intel.Part{}, func(a *intel.Attribute) error { levels[a.Value] = at{a.Distribution, a.Group}; return nil }))
		want := map[string]at{"v1.example.org": {D: 5}, "v2.example.org": {4, stored.ID}, "v3.example.org": {}, "v4.example.org": {4, stored.ID}}
		if d := cmp.Diff(want, levels); d != "" {
			t.Error(d)
		}
		if got := w.ask("third", http.MethodGet, "/events/view/"+pushedEvent, ""); got.status != 200 {
			t.Errorf("a member of the group gets %d", got.status)
		}
		if got := w.ask("user", http.MethodGet, "/events/view/"+pushedEvent, ""); got.status != 404 {
			t.Errorf("a member of the group with that number here gets %d", got.status)
		}
		// An edit that names the group by its UUID alone stays in it.
		edit := strings.Replace(strings.Replace(pushedDoc(pushedEvent, `"distribution":"4","SharingGroup":{"uuid":"`+groupFar+`"}`, pushedAttr(5, `"distribution":"5"`)), "1700000000", "1700000100", 1), "Pushed", "Edited", 1)
		if got := w.ask("sync", http.MethodPost, "/events/edit/"+pushedEvent+"/metadata:1", edit); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		if e, err = w.Intel.Event(ctx, part, pushedEvent); err != nil || e.Group != stored.ID || e.Info != "Edited" {
			t.Errorf("%+v %v", e, err)
		}
	})
}

// Who may not bring a group is refused as MISP refuses, and nothing is left of it.
func TestPushedGroupRefused(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, part := context.Background(), ident.SystemPart("peer")
		for name, x := range map[string]struct{ as, group string }{
			"its own organisation is not in it":    {"sync", wireGroup(groupFar, "5", "2026-01-01 00:00:00", w.A, w.C)},
			"nobody of here is in it":              {"sync", wireGroup(groupFar, "5", "2026-01-01 00:00:00")},
			"its role may not bring groups":        {"publisher", wireGroup(groupFar, "5", "2026-01-01 00:00:00", w.A)},
			"the group is not active":              {"sync", strings.Replace(wireGroup(groupFar, "5", "2026-01-01 00:00:00", w.B), `"active":true`, `"active":false`, 1)},
			"a group without a UUID, by number":    {"sync", `{"id":"5","name":"x"}`},
			"a group whose UUID is none, no group": {"sync", `{"id":"5","uuid":"x","name":"x"}`},
		} {
			got := w.ask(x.as, http.MethodPost, "/events/add/metadata:1", pushedDoc(pushedEvent, `"distribution":"4","sharing_group_id":"5","SharingGroup":`+x.group, pushedAttr(1, `"distribution":"5"`)))
			if got.status != 405 || !strings.Contains(got.body, "Invalid Sharing Group or not authorised.") {
				t.Errorf("%s: %d %s", name, got.status, got.body)
			}
			if _, err := w.Intel.SharingGroup(ctx, part, groupFar); err == nil {
				t.Errorf("%s: the group is here", name)
			}
		}
	})
}

// A group grows by who is in it: a stranger that sends it again with itself among the
// members neither gets in nor brings an event into it.
func TestPushedGroupIsNotWidenedByStrangers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, part := context.Background(), ident.SystemPart("peer")
		w.account("strange@example.rs", "sync", w.C.ID)
		w.hand("strange", "strange@example.rs", account.NewKey{})
		doc := pushedDoc(pushedEvent, `"distribution":"4","SharingGroup":`+wireGroup(groupFar, "5", "2026-01-01 00:00:00", w.A, w.B), pushedAttr(1, `"distribution":"5"`))
		if got := w.ask("sync", http.MethodPost, "/events/add", doc); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		wider := wireGroup(groupFar, "5", "2026-06-01 00:00:00", w.A, w.B, w.C)
		second := strings.Replace(doc, pushedEvent, "9b9b9b9b-0000-4000-8000-000000000002", 1)
		second = strings.Replace(second, wireGroup(groupFar, "5", "2026-01-01 00:00:00", w.A, w.B), wider, 1)
		if got := w.ask("strange", http.MethodPost, "/events/add", second); got.status != 405 {
			t.Errorf("a stranger's: %d %s", got.status, got.body)
		}
		if got := w.ask("strange", http.MethodGet, "/events/view/"+pushedEvent, ""); got.status != 404 {
			t.Errorf("the stranger reads what the group has: %d", got.status)
		}
		if got := w.ask("sync", http.MethodPost, "/events/add", strings.Replace(second, "v1.example", "v9.example", 1)); got.status != 200 {
			t.Errorf("a member's: %d %s", got.status, got.body)
		}
		g, err := w.Intel.SharingGroup(ctx, part, groupFar)
		w.Must(err)
		if len(g.Orgs) != 4 {
			t.Errorf("a member's newer group has %d organisations here", len(g.Orgs))
		}
	})
}

// A pushed group says who made it in full, or by a UUID that is among its members; one
// that nobody made is not taken in, and its event with it.
func TestPushedGroupHasAMaker(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		const event = "9b9b9b9b-0000-4000-8000-00000000000"
		group := func(n int, maker string) string {
			return fmt.Sprintf(`"distribution":"4","SharingGroup":{"uuid":"9a9a9a9a-0000-4000-8000-00000000010%d","name":"Made %d","active":true,%s`+
				`"SharingGroupOrg":[{"extend":false,"Organisation":{"uuid":"%s","name":"%s"}}],"SharingGroupServer":[]}`, n, n, maker, w.B.UUID, w.B.Name)
		}
		for n, c := range []struct {
			maker  string
			status int
		}{{`"Organisation":{"uuid":"` + orgFar + `","name":"Far"},`, 200}, {`"organisation_uuid":"` + w.B.UUID + `",`, 200}, {"", 405}, {`"organisation_uuid":"` + orgFar + `",`, 405}, {`"Organisation":{"name":"Far"},`, 405}} {
			doc := pushedDoc(fmt.Sprint(event, n), group(n, c.maker), pushedAttr(50+n, `"distribution":"5"`))
			if got := w.ask("sync", http.MethodPost, "/events/add/metadata:1", doc); got.status != c.status {
				t.Errorf("made by %q: %d %s", c.maker, got.status, got.body)
			}
		}
	})
}

// TestGroupOfWhoMayEverything: a group that a site administrator makes for others has no
// members but those who were named: nobody else of their organisation reads what is shared
// in it. Whoever may not everything is in their own group.
func TestGroupOfWhoMayEverything(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		host := w.people["admin"].Org
		w.account("colleague@example.rs", access.Member, host)
		w.hand("colleague", "colleague@example.rs", account.NewKey{})
		made := w.ask("admin", http.MethodPost, "/sharing_groups/add", `{"name":"Two of them","releasability":"x"}`)
		id := regexp.MustCompile(`"id":"(\d+)"`).FindStringSubmatch(made.body)
		if made.status != 200 || !strings.Contains(made.body, `"SharingGroupOrg":[]`) {
			t.Fatalf("%d %s", made.status, made.body)
		}
		for _, o := range []intel.Org{w.A, w.B} {
			if got := w.ask("admin", http.MethodPost, fmt.Sprintf("/sharing_groups/addOrg/%s/%d", id[1], o.ID), `{}`); got.status != 200 {
				t.Fatalf("%d %s", got.status, got.body)
			}
		}
		event := `{"info":"Between two","distribution":"4","sharing_group_id":"` + id[1] + `","published":true,"uuid":"` + pushedEvent + `"}`
		if got := w.ask("orgadmin", http.MethodPost, "/events/add", event); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		for who, want := range map[string]int{"orgadmin": 200, "admin": 200, "colleague": 404} {
			if got := w.ask(who, http.MethodGet, "/events/view/"+pushedEvent, ""); got.status != want {
				t.Errorf("%s gets %d, want %d", who, got.status, want)
			}
		}
		if got := w.ask("admin", http.MethodGet, "/events/publish/"+pushedEvent, ""); got.status != http.StatusMethodNotAllowed {
			t.Errorf("an event that is there is published by GET: %d %s", got.status, got.body)
		}
	})
}
