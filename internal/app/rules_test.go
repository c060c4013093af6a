package app

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"straza/internal/craft/rule"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/i18n"
	"straza/internal/kernel/ident"
)

// TestRuleOpensACase is the engine in the whole house: a rule made on its page asks,
// a colleague says yes on the page, a case stands there linked with the event both
// ways, and the event has the tag. Others learn nothing of it.
func TestRuleOpensACase(t *testing.T) {
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		lead, analyst, other := w.person("lead", "CERT A"), w.person("analyst", "CERT A"), w.person("analyst", "CERT B")
		at := w.post(lead, "/console/rules/new", url.Values{"trigger": {"event.published"}, "name": {"watch the zebra"}, "active": {"1"}, "test.1.fact": {"words"}, "test.1.op": {"has"}, "test.1.value": {"ЗЕБРА"},
			"do.ask": {"1"}, "with.ask.question": {"is it ours?"}, "do.tag": {"1"}, "with.tag.tag": {"zebra:seen"}, "with.tag.scope": {"local"}, "do.open_case": {"1"}, "with.open_case.severity": {"high"}}).Header().Get("Location")
		publish := func(info string) string {
			rec := w.withKey(lead.key, "POST", "/events/add", `{"Event":{"info":"`+info+`","distribution":"0","published":true,"Attribute":[{"type":"domain","category":"Network activity","value":"zebra.example"}]}}`)
			var told struct{ Event struct{ ID string } }
			if err := json.Unmarshal(rec.Body.Bytes(), &told); err != nil || told.Event.ID == "" {
				t.Fatalf("%d %s", rec.Code, rec.Body)
			}
			must(t, w.h.runner.Drain(ctx))
			return told.Event.ID
		}
		publish("a horse")
		event := publish("the zebra came")
		page := w.do(analyst, "GET", "/console/rules/waiting", "").Body.String()
		if !strings.Contains(page, "the zebra came") || strings.Contains(page, "a horse") || !strings.Contains(page, "is it ours?") {
			t.Fatalf("the waiting page: %s", said(page))
		}
		if rec := w.do(other, "GET", "/console/rules/waiting", ""); rec.Code != 200 || strings.Contains(rec.Body.String(), "zebra") {
			t.Fatalf("another team: %d %s", rec.Code, said(rec.Body.String()))
		}
		if rec := w.do(other, "GET", at, ""); rec.Code != 404 {
			t.Fatalf("another team reads the rule: %d", rec.Code)
		}
		who := w.actor(analyst)
		runs, err := w.h.Rules.Waiting(ctx, who, 0, 10)
		must(t, err)
		if len(runs) != 1 {
			t.Fatalf("%d runs wait", len(runs))
		}
		w.post(analyst, at+"/run", url.Values{"do": {"yes " + strconv.FormatInt(runs[0].ID, 10)}})
		must(t, w.h.runner.Drain(ctx))
		e, err := w.h.Intel.Event(ctx, who, event)
		must(t, err)
		if len(e.Tags) != 1 || e.Tags[0].Name != "zebra:seen" || !e.Published {
			t.Errorf("tags %+v, published %v", e.Tags, e.Published)
		}
		number := w.h.caseOfEvent(ctx, who, e.ID)
		if number == "" {
			runs, _ := w.h.Rules.Runs(ctx, who, strings.TrimPrefix(at, "/console/rules/"), 0, 10)
			t.Fatalf("no case of the event: %+v", runs)
		}
		events, _, err := w.h.Incident.Events(ctx, who, number)
		must(t, err)
		if len(events) != 1 || events[0].ID != e.ID {
			t.Errorf("events of the case: %+v", events)
		}
		if c, err := w.h.Incident.Get(ctx, who, number); err != nil || c.Severity != "high" {
			t.Errorf("the case: %+v %v", c, err)
		}
		again := publish("another zebra")
		if again == event {
			t.Fatal("the same event")
		}
		var sight intel.Sighting
		_, _, err = w.h.Intel.AddSightings(ctx, who, nil, []string{"zebra.example"}, sight)
		must(t, err)
		must(t, w.h.runner.Drain(ctx))
	})
}

// TestTriggersKnowTheirFacts: what a trigger says a condition may ask, its subjects
// answer, and nothing else; every word of the form is there in each language.
func TestTriggersKnowTheirFacts(t *testing.T) {
	t.Parallel()
	now := clock.NewMoved(time.Now(), 7)
	w := newWorldOn(t, "", now)
	ctx := context.Background()
	lead := w.person("lead", "CERT A")
	w.furnish(lead, "k-facts")
	w.withKey(lead.key, "POST", "/events/add", `{"Event":{"info":"x","distribution":"0","published":true,"Attribute":[{"type":"domain","category":"Network activity","value":"x.example","to_ids":true,"last_seen":"`+now.Now().Add(time.Hour).Format(time.RFC3339)+`"}]}}`)
	must(t, w.h.runner.Drain(ctx))
	now.Add(2 * time.Hour)
	must(t, w.h.runner.Tick(ctx))
	who := w.actor(lead)
	for _, tr := range w.h.Rules.Triggers(ctx, who) {
		list, err := tr.Recent(ctx, who, 5)
		must(t, err)
		if len(list) == 0 {
			t.Errorf("%s: nothing to try on", tr.Name)
			continue
		}
		known := map[string]bool{}
		for _, f := range tr.Facts {
			known[f.Name] = true
			v := list[0].Facts.Fact(f.Name)
			if v.Kind != f.Kind {
				t.Errorf("%s: fact %s is a %s, not a %s", tr.Name, f.Name, v.Kind, f.Kind)
			}
			w.words(t, "rules.fact."+f.Name)
		}
		for name := range list[0].Facts {
			if !known[name] {
				t.Errorf("%s gives the fact %s that no condition may ask", tr.Name, name)
			}
		}
		w.words(t, "rules.when."+tr.Name)
		w.words(t, "rules.when."+tr.Name+".text")
		for _, a := range append(w.h.Rules.Actions(ctx, who, tr.Name, false), w.h.Rules.Actions(ctx, who, tr.Name, true)...) {
			w.words(t, "rules.do."+a.Name)
			for _, p := range a.Params {
				w.words(t, "rules.param."+p.Name)
				for _, c := range p.Choices {
					w.words(t, "rules.choice."+p.Name+"."+c)
				}
			}
		}
	}
	for _, s := range []string{rule.Working, rule.Asked, rule.Gathered, rule.Done, rule.Failed, rule.Declined} {
		w.words(t, "rules.run."+s)
	}
}

// words fails when a message is missing in a language.
func (w *world) words(t *testing.T, key string) {
	t.Helper()
	for _, l := range []string{"sr-Cyrl", "sr-Latn", "en"} {
		if got := w.h.Catalog.T(i18n.Lang(l), key); got == "" || got == key {
			t.Errorf("no words for %s in %s", key, l)
		}
	}
}

func (w *world) actor(p *persona) ident.Actor {
	w.t.Helper()
	who, err := w.h.Accounts.Resolve(context.Background(), p.who.Person, ident.Web)
	must(w.t, err)
	return who
}
