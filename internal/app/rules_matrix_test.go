package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"straza/internal/craft/rule"
	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/registry"
	"straza/internal/testkit"
)

// hooks is a receiver of webhooks that reckons the signature itself, as Standard Webhooks
// 1.0.0 says, with nothing of ours.
type hooks struct {
	sync.Mutex
	url    string
	secret string
	got    map[string]bool // by rule: a message with a good signature came
	bad    []string
}

func newHooks(t *testing.T) *hooks {
	h := &hooks{got: map[string]bool{}}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	h.url = srv.URL + "/in/"
	return h
}

func (h *hooks) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.Lock()
	defer h.Unlock()
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(h.secret, "whsec_"))
	m := hmac.New(sha256.New, key)
	m.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)))
	if want := "v1," + base64.StdEncoding.EncodeToString(m.Sum(nil)); r.Header.Get("webhook-signature") != want {
		h.bad = append(h.bad, string(body))
		rw.WriteHeader(401)
		return
	}
	h.got[strings.TrimPrefix(r.URL.Path, "/in/")] = true
}

// acting is a house in which rules act, and what is looked at afterwards.
type acting struct {
	*world
	t     *testing.T
	now   *clock.Moved
	who   ident.Actor
	hooks *hooks
}

// happen makes each trigger's subject and gives the number of the event or case.
func (a *acting) happen(trigger, word string) string {
	a.t.Helper()
	ctx, lead := context.Background(), a.person("lead", "CERT A")
	if trigger == "case.opened" {
		if rec := a.withKey(lead.key, "POST", "/api/v1/cases", `{"title":"`+word+`"}`); rec.Code != 201 {
			a.t.Fatalf("a case: %d %s", rec.Code, rec.Body)
		}
		a.step(time.Minute)
		return ""
	}
	value := "https://" + word + ".example/x"
	attrs := []string{`{"type":"url","category":"Network activity","to_ids":true,"value":"` + value + `"}`}
	switch trigger {
	case "event.ours":
		attrs = append(attrs, `{"type":"domain","category":"Network activity","to_ids":true,"value":"mail.banka-rules.example"}`)
	case "event.correlated":
		attrs = append(attrs, `{"type":"md5","category":"Payload delivery","to_ids":true,"value":"0123456789abcdef0123456789abcdef"}`)
	case "event.expired":
		attrs[0] = strings.Replace(attrs[0], `}`, `,"last_seen":"`+a.now.Now().Add(time.Hour).Format(time.RFC3339)+`"}`, 1)
	}
	rec := a.withKey(lead.key, "POST", "/events/add", `{"Event":{"info":"`+word+`","distribution":"1","published":true,"Tag":[{"name":"tlp:green"}],"Attribute":[`+strings.Join(attrs, ",")+`]}}`)
	var told struct{ Event struct{ ID string } }
	if err := json.Unmarshal(rec.Body.Bytes(), &told); err != nil || told.Event.ID == "" {
		a.t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	a.step(time.Minute)
	switch trigger {
	case "event.sighted":
		_, _, err := a.h.Intel.AddSightings(ctx, a.who, nil, []string{value}, intel.Sighting{})
		must(a.t, err)
	case "event.met":
		_, _, err := a.h.Intel.AddSightings(ctx, a.actor(a.person("member", "Banka")), nil, []string{value}, intel.Sighting{})
		must(a.t, err)
	case "event.expired":
		a.step(2 * time.Hour)
	}
	a.step(time.Minute)
	return told.Event.ID
}

func (a *acting) step(d time.Duration) {
	a.t.Helper()
	must(a.t, a.h.runner.Drain(context.Background()))
	a.now.Add(d)
	must(a.t, a.h.runner.Tick(context.Background()))
	must(a.t, a.h.runner.Drain(context.Background()))
}

// words are what an action of the table is told.
func (a *acting) words(action, word string) map[string]string {
	return map[string]map[string]string{
		rule.Ask: {"question": "sure?"}, "mail": {"to": rule.ToPerson}, "webhook": {"url": a.hooks.url + word}, "tag": {"tag": "rule:" + word, "scope": "local"},
		"enrich": {"keep": "all"}, "collect": {"collection": "by-rule"}, "open_case": {"severity": "low"}, rule.Alert: {"when": rule.AtOnce},
	}[action]
}

// TestEveryWhenWithEveryThen: each happening starts a rule with each act that fits it, and
// what the act is for is there afterwards; before it was on, trying it said that it would.
func TestEveryWhenWithEveryThen(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			database := ""
			if engine == "postgres" {
				database = testkit.PostgresURL(t)
			}
			now := clock.NewMoved(time.Now().UTC().Truncate(time.Second), 3)
			a := &acting{world: newWorldOn(t, database, now, "allow-net", "127.0.0.0/8"), t: t, now: now, hooks: newHooks(t)}
			a.story()
		})
	}
}

func (a *acting) story() {
	t, ctx := a.t, context.Background()
	a.who = a.actor(a.person("lead", "CERT A"))
	a.furnished()
	seen := 0
	for _, tr := range a.h.Rules.Triggers(ctx, a.who) {
		a.happen(tr.Name, "first"+strconv.Itoa(seen))
		for _, own := range []bool{false, true} {
			for _, act := range a.h.Rules.Actions(ctx, a.who, tr.Name, own) {
				seen++
				a.pair(tr.Name, act.Name, "w"+strconv.Itoa(seen), own)
			}
		}
	}
	if seen != 6*8+4 {
		t.Errorf("%d pairs of when and then", seen)
	}
	if len(a.hooks.bad) > 0 {
		t.Errorf("bad signatures: %q", a.hooks.bad)
	}
}

// furnished is what the happenings need: a network of ours, a value that correlates, a collection.
func (a *acting) furnished() {
	t, ctx := a.t, context.Background()
	bank, err := a.h.Registry.OrgByRef(ctx, a.who, "Banka")
	must(t, err)
	o, err := a.h.Registry.Get(ctx, a.who, bank.UUID)
	must(t, err)
	_, err = a.h.Registry.AddResource(ctx, a.who, o.UUID, o.Version, registry.Domain, "banka-rules.example", "")
	must(t, err)
	a.withKey(a.person("lead", "CERT A").key, "POST", "/events/add",
		`{"Event":{"info":"earlier","distribution":"1","Attribute":[{"type":"md5","category":"Payload delivery","value":"0123456789abcdef0123456789abcdef"}]}}`)
	_, err = a.h.Intel.SaveDefinition(ctx, a.who, "", intel.Definition{Alias: "by-rule", Title: "By rule", Readers: intel.ReadMembers, Ceiling: tlp.Green, Chosen: true}, true)
	must(t, err)
}

func (a *acting) pair(trigger, action, word string, own bool) {
	t, ctx := a.t, context.Background()
	t.Helper()
	r := rule.Rule{Name: word, Trigger: trigger, Acts: []rule.Act{{Do: action, With: a.words(action, word)}}}
	tried, err := a.h.Rules.Try(ctx, a.who, r, own)
	if err != nil || len(tried) == 0 || !tried[0].Holds {
		t.Errorf("%s, %s: tried %d, %v", trigger, action, len(tried), err)
	}
	r, err = a.h.Rules.Add(ctx, a.who, r, own)
	if err != nil {
		t.Errorf("%s, %s: %v", trigger, action, err)
		return
	}
	if action == "webhook" {
		a.hooks.secret, err = a.h.Rules.Secret(ctx, a.who, r.UUID)
		must(t, err)
	}
	_, err = a.h.Rules.Switch(ctx, a.who, r.UUID, true)
	must(t, err)
	thing := a.happen(trigger, word)
	runs, err := a.h.Rules.Runs(ctx, a.who, r.UUID, 0, 10)
	must(t, err)
	if action == rule.Ask && len(runs) == 1 {
		must(t, a.h.Rules.Decide(ctx, a.who, r.UUID, runs[0].ID, true))
		a.step(0)
		runs, err = a.h.Rules.Runs(ctx, a.who, r.UUID, 0, 10)
		must(t, err)
	}
	if len(runs) != 1 || runs[0].State != rule.Done || runs[0].About == nil {
		t.Errorf("%s, %s: runs %+v", trigger, action, runs)
	} else if why := a.came(action, word, thing); why != "" {
		t.Errorf("%s, %s: %s, %+v", trigger, action, why, runs[0].Said)
	}
	_, err = a.h.Rules.Remove(ctx, a.who, r.UUID)
	must(t, err)
}

// came says what an act should have brought and did not.
func (a *acting) came(action, word, thing string) string {
	ctx := context.Background()
	switch action {
	case "mail", rule.Alert:
		list, err := a.h.Post.ListCaught(ctx, 0)
		must(a.t, err)
		for _, l := range list {
			if l.Purpose == "rule" && strings.Contains(l.Subject, word) {
				return ""
			}
		}
		return "no letter"
	case "webhook":
		a.hooks.Lock()
		defer a.hooks.Unlock()
		if !a.hooks.got[word] {
			return "no call with a good signature"
		}
	case "tag":
		e, err := a.h.Intel.Event(ctx, a.who, thing)
		must(a.t, err)
		for _, tag := range e.Tags {
			if tag.Name == "rule:"+word && tag.Local {
				return ""
			}
		}
		return "no tag"
	case "enrich": // the host in an address is known without asking anybody
		found := false
		must(a.t, a.h.Intel.SearchAttributes(ctx, a.who, intel.Query{Events: []string{thing}}, func(x *intel.Attribute) error {
			found = found || x.Type == "hostname" && x.Value == word+".example"
			return nil
		}))
		if !found {
			return "nothing was taken over"
		}
	case "collect":
		d, err := a.h.Intel.Definition(ctx, a.who, "by-rule")
		must(a.t, err)
		c, err := a.h.Intel.ReadableCollection(ctx, a.who, d.UUID)
		must(a.t, err)
		p, err := a.h.Intel.ReadChanges(ctx, a.who, c, intel.NewsFilter{}, intel.Mark{}, 500)
		must(a.t, err)
		for _, x := range p.List {
			if strings.Contains(string(x.JSON), word+".example") {
				return ""
			}
		}
		return "not in the collection"
	case "open_case":
		e, err := a.h.Intel.Event(ctx, a.who, thing)
		must(a.t, err)
		if a.h.caseOfEvent(ctx, a.who, e.ID) == "" {
			return "no case"
		}
	}
	return ""
}
