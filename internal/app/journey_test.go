package app

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"straza/internal/format/tlp"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/mail"
	"straza/internal/testkit"
)

// journey is one indicator's way through the whole house, and those who must not notice.
type journey struct {
	*world
	t                   *testing.T
	now                 *clock.Moved
	lead, analyst, sync *persona
	outside             []*persona
	moment              time.Time
	before              map[string]string // what each outsider was told before it began
	group               intel.SharingGroup
	number              string              // our case
	own                 map[*persona]string // an outsider's event with the same value
	indicators          map[string]string   // by what they detect
}

const (
	journeyShared = "journey-shared.example" // stands in events of three organisations
	journeyOther  = "198.51.100.177"
	journeyEvent  = "7c6f1d52-3a51-4c0a-9e5e-0d6a5f0c1a01"
	journeyFirst  = "7c6f1d52-3a51-4c0a-9e5e-0d6a5f0c1a02"
	journeySecond = "7c6f1d52-3a51-4c0a-9e5e-0d6a5f0c1a03"
)

// TestJourneyOfAnIndicator: a partner's server pushes an event within a sharing group; it
// correlates with what stands here; a rule tags it, opens a case and puts it into a
// collection; a sensor on the line and a TAXII client get its indicators; the partner takes
// one back, then the whole event; both learn of that, the case keeps what it had. Who is
// not of the group learns nothing at any step: not from counts, lists, searches, the
// collection that they read, too, its stream, or letters.
func TestJourneyOfAnIndicator(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			database := ""
			if engine == "postgres" {
				database = testkit.PostgresURL(t)
			}
			now := clock.NewMoved(time.Now().UTC().Truncate(time.Second), 3)
			w := newWorldOn(t, database, now)
			j := &journey{world: w, t: t, now: now, lead: w.person("lead", "CERT A"), analyst: w.person("analyst", "CERT A"), sync: w.person("sync", "Banka"),
				outside: []*persona{w.person("member", "Elektra"), w.person("member", "Opština"), w.person("analyst", "CERT B")}, own: map[*persona]string{}, indicators: map[string]string{}}
			j.prepare()
			j.travel()
		})
	}
}

func (j *journey) step() {
	j.t.Helper()
	for range 2 { // what a job puts into the queue is done in the second round
		must(j.t, j.h.runner.Drain(context.Background()))
		j.now.Add(time.Minute)
		must(j.t, j.h.runner.Tick(context.Background()))
	}
	must(j.t, j.h.runner.Drain(context.Background()))
}

// wire sends JSON with a key and wants 200.
func (j *journey) wire(p *persona, path, body string) []byte {
	j.t.Helper()
	rec := j.withKey(p.key, "POST", path, body)
	if rec.Code != http.StatusOK {
		j.t.Fatalf("%s as %s: %d %s", path, p.name, rec.Code, rec.Body)
	}
	return rec.Body.Bytes()
}

// prepare makes what stands here before: events with the value at three organisations, the
// group, the collection that an outsider reads too, the rule, everybody's alerts.
func (j *journey) prepare() {
	t, ctx := j.t, context.Background()
	for _, p := range []*persona{j.lead, j.outside[0], j.outside[2]} {
		var told struct{ Event struct{ UUID string } }
		must(t, json.Unmarshal(j.wire(p, "/events/add", `{"Event":{"info":"seen at `+p.org+`","distribution":"0","Tag":[{"name":"tlp:green"}],"Attribute":[{"type":"domain","category":"Network activity","value":"`+journeyShared+`","to_ids":true}]}}`), &told))
		j.own[p] = told.Event.UUID
	}
	actor, err := j.h.Accounts.Resolve(ctx, j.lead.who.Person, ident.Web)
	must(t, err)
	named := func(p *persona) intel.Org {
		return intel.Org{ID: p.who.Org, UUID: p.who.OrgUUID, Name: p.org}
	}
	j.group, err = j.h.Intel.AddGroup(ctx, actor, intel.SharingGroup{Name: "journey group", Releasability: "x", Active: true,
		Orgs: []intel.GroupOrg{{Org: named(j.lead), Extend: true}, {Org: named(j.sync)}}})
	must(t, err)
	_, err = j.h.Intel.SaveDefinition(ctx, j.actor(j.lead), "", intel.Definition{Alias: "journey", Title: "J", Readers: intel.ReadNamed, Orgs: []intel.Org{named(j.sync), named(j.outside[1])},
		Ceiling: tlp.Green, Chosen: true, Types: []string{"indicator"}}, false)
	must(t, err)
	j.post(j.lead, "/console/rules/new", url.Values{"trigger": {"event.correlated"}, "name": {"partners correlate"}, "active": {"1"}, "test.0.fact": {"origin"}, "test.0.op": {"is"}, "test.0.value": {"banka"},
		"do.tag": {"1"}, "with.tag.tag": {"journey:seen"}, "with.tag.scope": {"local"}, "do.open_case": {"1"}, "with.open_case.severity": {"high"},
		"do.collect": {"1"}, "with.collect.collection": {"journey"}})
	for _, p := range append(j.outside, j.analyst) {
		j.post(p, "/account/alerts/new", url.Values{"trigger": {"event.published"}, "name": {"all"}, "active": {"1"}, "do.alert": {"1"}, "with.alert.when": {"now"}})
	}
	j.step()
	j.moment = j.now.Now()
	j.before = j.asked()
	open := 0
	for _, was := range j.before {
		if strings.HasPrefix(was, "200 ") {
			open++
		}
	}
	if open < 75 { // else that nothing changes proves little
		for q, was := range j.before {
			if !strings.HasPrefix(was, "200 ") {
				t.Log(q, was[:min(len(was), 40)])
			}
		}
		t.Fatalf("%d of %d questions are answered", open, len(j.before))
	}
}

// asked is what each outsider is told by every surface on which the journey could show.
func (j *journey) asked() map[string]string {
	j.t.Helper()
	was := j.now.Now()
	defer j.now.Set(was)
	out := map[string]string{}
	for _, p := range j.outside {
		house := map[bool]string{true: "/console", false: "/portal"}[p.who.Can("console.use")]
		questions := []string{"GET " + house, "GET " + house + "/events", "GET " + house + "/events?q=journey", "GET " + house + "/events/attack", "GET " + house + "/events/trends",
			"GET " + house + "/events/tags", "GET " + house + "/events/" + journeyEvent, "GET /console/indicators?q=" + journeyShared, "GET /portal/events/indicators?q=" + journeyShared, "GET /console/events/overlap", "GET /console/cases",
			"GET /events/view/" + journeyEvent, "GET /tags/index", "GET /tags/search/journey", "GET /sharing_groups", "GET /users/statistics", "GET /attributes/attributeStatistics", "GET /users/statistics/orgs",
			`POST /events/index {"all":"journey"}`, `POST /events/restSearch {"returnFormat":"json","value":"` + journeyShared + `","includeCorrelations":1}`,
			`POST /attributes/restSearch {"returnFormat":"json","value":"` + journeyShared + `","includeCorrelations":1,"includeSightings":1}`,
			`POST /attributes/restSearch {"returnFormat":"count","value":"198.51.100.%"}`, `POST /attributes/restSearch {"returnFormat":"cache"}`, `POST /attributes/restSearch {"returnFormat":"json","tags":"journey:seen"}`,
			"GET /taxii2/", "GET /taxii2/straza/collections/", "GET /taxii2/straza/collections/journey/objects/", "GET /taxii2/straza/collections/journey/manifest/",
			"GET /api/v1/collections", "GET /api/v1/cases", "GET /api/v1/collections/journey/changes"}
		if own := j.own[p]; own != "" {
			questions = append(questions, "GET "+house+"/events/"+own, "GET "+house+"/events/"+own+"/correlations", "GET /events/view/"+own)
		}
		for _, q := range questions {
			j.now.Set(j.moment)
			out[p.name+" "+q] = clockMark.ReplaceAllString(masked(j.answered(p, q)), "MARK")
		}
	}
	letters, err := j.h.Post.ListCaught(context.Background(), 0)
	must(j.t, err)
	for _, p := range j.outside {
		n := 0
		for _, l := range letters {
			if strings.EqualFold(l.To, p.who.Email) {
				n++
			}
		}
		out[p.name+" letters"] = fmt.Sprint(n)
	}
	return out
}

// answered is put, and asks for TAXII's type where it is wanted.
func (j *journey) answered(p *persona, q string) *httptest.ResponseRecorder {
	path := strings.TrimPrefix(q, "GET ")
	if !strings.HasPrefix(path, "/taxii2/") {
		return j.put(p, q)
	}
	r := j.request("GET", path, "")
	r.SetBasicAuth(p.who.Email, p.key)
	r.Header.Set("Accept", "application/taxii+json;version=2.1")
	return j.answer(r)
}

// unnoticed fails when an outsider is told anything else than before.
func (j *journey) unnoticed(when string) {
	j.t.Helper()
	after := j.asked()
	for q, was := range j.before {
		if after[q] != was {
			j.t.Errorf("%s: %s\n  %s", when, q, difference(was, after[q]))
		}
	}
}

// line is an open stream: next waits for what is sent.
type line struct {
	lines *bufio.Scanner
}

// listen opens the collection's stream with a key, beginning now.
func (j *journey) listen(site string, p *persona) *line {
	j.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute) // all of the journey: it is long on a busy machine
	r, err := http.NewRequestWithContext(ctx, "GET", site+"/api/v1/collections/journey/stream?since=now&type=indicator", nil)
	must(j.t, err)
	r.Host = worldHost
	r.Header.Set("Authorization", "Bearer "+p.key)
	res, err := http.DefaultClient.Do(r)
	must(j.t, err)
	j.t.Cleanup(func() { stop(); res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		j.t.Fatalf("the stream of %s: %d", p.name, res.StatusCode)
	}
	l := &line{lines: bufio.NewScanner(res.Body)}
	l.lines.Buffer(nil, 1<<20)
	return l
}

// next is the next event's name and content.
func (l *line) next() (event, data string) {
	for l.lines.Scan() {
		name, value, _ := strings.Cut(l.lines.Text(), ":")
		switch value = strings.TrimPrefix(value, " "); name {
		case "event":
			event = value
		case "data":
			data = value
		case "":
			if event != "" {
				return event, data
			}
		}
	}
	return "", "the stream ended"
}

// clockMark is a place on the one clock of all collections, which any conversion moves.
var clockMark = regexp.MustCompile(`"since":"[^"]*"`)

var indicatorID = regexp.MustCompile(`indicator--[0-9a-f-]{36}`)

// taxii lists the indicators that a client reads of the collection, by what they detect.
func (j *journey) taxii(p *persona) (values []string) {
	j.t.Helper()
	rec := j.answered(p, "GET /taxii2/straza/collections/journey/objects/?match[type]=indicator")
	var got struct {
		Objects []struct{ ID, Pattern string }
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil || rec.Code != http.StatusOK {
		j.t.Fatalf("TAXII as %s: %d %s", p.name, rec.Code, rec.Body)
	}
	for _, o := range got.Objects {
		for _, v := range []string{journeyShared, journeyOther} {
			if strings.Contains(o.Pattern, "'"+v+"'") {
				values, j.indicators[v] = append(values, v), o.ID
			}
		}
	}
	slices.Sort(values)
	return values
}

// pushed is the event as the partner's MISP sends it.
func (j *journey) pushed(after time.Duration, firstGone bool) string {
	stamp := fmt.Sprint(j.now.Now().Add(after).Unix())
	org := `{"uuid":"` + j.sync.who.OrgUUID + `","name":"Banka"}`
	return `{"Event":{"uuid":"` + journeyEvent + `","info":"journey of a partner","date":"2026-06-01","threat_level_id":"1","analysis":"2","published":true,"locked":true,"timestamp":"` + stamp + `","publish_timestamp":"` + stamp + `",
 "distribution":"4","SharingGroup":{"uuid":"` + j.group.UUID + `","name":"journey group","releasability":"x","modified":"2020-01-01 00:00:00","Organisation":` + org + `,"organisation_uuid":"` + j.sync.who.OrgUUID + `"},
 "Orgc":` + org + `,"Tag":[{"name":"tlp:green"}],"Attribute":[
 {"uuid":"` + journeyFirst + `","type":"domain","category":"Network activity","value":"` + journeyShared + `","to_ids":true,"distribution":"5","timestamp":"` + stamp + `","deleted":` + fmt.Sprint(firstGone) + `},
 {"uuid":"` + journeySecond + `","type":"ip-dst","category":"Network activity","value":"` + journeyOther + `","to_ids":true,"distribution":"5","timestamp":"` + stamp + `"}]}}`
}

func (j *journey) travel() {
	t := j.t
	srv := httptest.NewServer(j.handler)
	t.Cleanup(srv.Close)
	sensor, stranger := j.listen(srv.URL, j.analyst), j.listen(srv.URL, j.outside[1])

	j.wire(j.sync, "/events/add", j.pushed(0, false))
	j.step()
	j.arrived()
	told := map[string]string{}
	for range 2 {
		event, data := sensor.next()
		told[indicatorID.FindString(data)] = event
	}
	both := []string{journeyOther, journeyShared}
	if got := j.taxii(j.analyst); !slices.Equal(got, both) || told[j.indicators[journeyShared]] != "added" || told[j.indicators[journeyOther]] != "added" {
		t.Fatalf("the readers have %v, the sensor was told %v", got, told)
	}
	if got := j.taxii(j.sync); !slices.Equal(got, both) {
		t.Errorf("the partner's own client has %v", got)
	}
	j.unnoticed("pushed")

	// The partner takes the value back that everybody has.
	j.wire(j.sync, "/events/edit/"+journeyEvent, j.pushed(time.Minute, true))
	j.step()
	if event, data := sensor.next(); event != "retracted" || indicatorID.FindString(data) != j.indicators[journeyShared] {
		t.Errorf("the sensor is told %s %s", event, data)
	}
	if got := j.taxii(j.analyst); !slices.Equal(got, both[:1]) {
		t.Errorf("the client has %v", got)
	}
	j.unnoticed("an attribute taken back")

	// And the event.
	if rec := j.withKey(j.sync.key, "DELETE", "/events/delete/"+journeyEvent, ""); rec.Code != http.StatusOK {
		t.Fatalf("deleted: %d %s", rec.Code, rec.Body)
	}
	j.step()
	if event, data := sensor.next(); event != "retracted" || indicatorID.FindString(data) != j.indicators[journeyOther] {
		t.Errorf("the sensor is told %s %s", event, data)
	}
	if got := j.taxii(j.analyst); len(got) != 0 {
		t.Errorf("the client has %v", got)
	}
	j.kept()
	j.unnoticed("deleted")
	j.overheard(sensor, stranger)
}

// arrived: correlated, tagged, in a case; the team has a letter.
func (j *journey) arrived() {
	t, ctx := j.t, context.Background()
	who := j.actor(j.lead)
	e, err := j.h.Intel.Event(ctx, who, journeyEvent)
	must(t, err)
	var tags []string
	for _, x := range e.Tags {
		tags = append(tags, x.Name)
	}
	if slices.Sort(tags); !e.Published || !slices.Equal(tags, []string{"journey:seen", "tlp:green"}) {
		t.Errorf("published %v, tags %v", e.Published, tags)
	}
	list, _, err := j.h.Intel.Correlations(ctx, who, journeyEvent, 10)
	must(t, err)
	if len(list) != 1 {
		t.Errorf("the team sees %d correlations, not the one with its own event", len(list))
	}
	if j.number = j.h.caseOfEvent(ctx, who, e.ID); j.number == "" {
		t.Fatal("no case")
	}
	j.upload(j.analyst, "/console/cases/"+j.number+"/evidence", url.Values{"about": {"what the partner sent"}}, "journey.txt", journeyShared)
	letters, err := j.h.Post.ListCaught(ctx, 0)
	must(t, err)
	if !slices.ContainsFunc(letters, func(l mail.Letter) bool {
		return strings.EqualFold(l.To, j.analyst.who.Email) && strings.Contains(l.Subject+l.Body, "journey of a partner")
	}) {
		t.Error("the team was not told by letter: that the others were not proves nothing")
	}
}

// kept: the case stands with its evidence, and says what it was about.
func (j *journey) kept() {
	t, ctx := j.t, context.Background()
	c, err := j.h.Incident.Get(ctx, j.actor(j.analyst), j.number)
	must(t, err)
	if c.Severity != "high" || !strings.Contains(c.Title, "journey of a partner") {
		t.Errorf("the case: %+v", c)
	}
	page := j.do(j.analyst, "GET", "/console/cases/"+j.number, "").Body.String()
	for _, want := range []string{"journey.txt", "what the partner sent", "journey of a partner"} {
		if !strings.Contains(page, want) {
			t.Errorf("the case does not show %q any more", want)
		}
	}
	if _, err := j.h.Intel.Event(ctx, j.actor(j.analyst), journeyEvent); err == nil {
		t.Error("the event is still here")
	}
}

// overheard: of all that happened the outsider's stream tells nothing; the first thing on
// it is what is for everybody.
func (j *journey) overheard(sensor, stranger *line) {
	t, ctx := j.t, context.Background()
	var told struct{ Event struct{ UUID string } }
	must(t, json.Unmarshal(j.wire(j.lead, "/events/add", `{"Event":{"info":"for all","distribution":"1","published":true,"Tag":[{"name":"tlp:green"}],"Attribute":[{"type":"domain","category":"Network activity","value":"for-all.example","to_ids":true}]}}`), &told))
	must(t, j.h.Intel.Pick(ctx, j.actor(j.lead), "journey", told.Event.UUID, true))
	j.step()
	for name, l := range map[string]*line{"sensor": sensor, "stranger": stranger} {
		if event, data := l.next(); event != "added" || !strings.Contains(data, "for-all.example") {
			t.Errorf("the %s is told %s %s", name, event, data)
		}
	}
}
