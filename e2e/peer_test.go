package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// link is one installation of the chain, with the keys that the others have there.
type link struct {
	*Server
	name, org string            // its host organisation's UUID
	lead      string            // key of its own team's lead
	admin     string            // key of its administrator
	member    string            // key of somebody of the member organisation
	keys      map[string]string // by name of the neighbour
}

func linkOrg(name string) string {
	return map[string]string{"A": "aaaaaaaa", "B": "bbbbbbbb", "C": "cccccccc", "D": "dddddddd"}[name] + "-0000-4000-8000-0000000000ff"
}

const memberOrg = "eeeeeeee-0000-4000-8000-0000000000ff"

// newLink serves one installation that knows the organisations behind the others.
func newLink(t *testing.T, name string, others ...string) *link {
	t.Helper()
	l := &link{name: name, org: linkOrg(name), keys: map[string]string{}}
	l.Server = Start(t, func(s *Server) {
		l.Server = s
		s.CLI(t, nil, "org", "add", "--name", "CERT "+name, "--kind", "cert", "--uuid", l.org)
		s.CLI(t, nil, "org", "add", "--name", "Member of "+name, "--kind", "operator", "--uuid", strings.Replace(memberOrg, "eeeeeeee", "eeeeee"+strings.Repeat(strings.ToLower(name), 2), 1))
		l.lead = s.NewKey(t, "lead@cert.example", "lead", "CERT "+name)
		l.admin = s.NewKey(t, "admin@cert.example", "admin", "CERT "+name)
		l.member = s.NewKey(t, "member@example.org", "member", "Member of "+name)
		for _, o := range others {
			s.CLI(t, nil, "org", "add", "--name", "CERT "+o, "--kind", "partner", "--uuid", linkOrg(o))
			l.keys[o] = s.NewKey(t, "sync-"+strings.ToLower(o)+"@example.org", "sync", "CERT "+o)
		}
	}, "--allow-net", "127.0.0.0/8")
	u, err := url.Parse(l.Origin)
	if err != nil {
		t.Fatal(err)
	}
	l.listen = "127.0.0.1:" + u.Port() // the same address after every restart
	return l
}

// knows enters another link as a peer.
func (l *link) knows(t *testing.T, o *link, flags ...string) {
	t.Helper()
	args := append([]string{"peer", "add", o.name, o.Origin, "--json", "--org", o.org}, flags...)
	if out, err := l.TryCLI(o.keys[l.name]+"\n", args...); err != nil {
		t.Fatalf("%v %s", err, out)
	}
}

// ask calls a link's MISP surface and gives status and body.
func (l *link) ask(t *testing.T, key, method, path, body string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, l.Origin+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", key)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil // it may have been killed just now
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, b
}

func (l *link) must(t *testing.T, key, method, path, body string) []byte {
	t.Helper()
	status, b := l.ask(t, key, method, path, body)
	if status != http.StatusOK {
		t.Fatalf("%s %s %s: %d %s", l.name, method, path, status, b)
	}
	return b
}

// linkEvent is an event as a link's administrator reads it.
type linkEvent struct {
	UUID, Info, Distribution, Timestamp string
	Locked, Published                   bool
	Orgc                                struct{ UUID string }
	SharingGroup                        struct{ UUID string }
	Attribute                           []struct {
		UUID, Value, Distribution string
		Deleted                   bool
		Sighting                  []struct{ UUID, Source string }
	}
	ShadowAttribute []struct{ Value string }
	Note            []struct{ Note string }
}

// event reads one, deleted parts too; ok is false where it is not there.
func (l *link) event(t *testing.T, uuid string) (e linkEvent, ok bool) {
	t.Helper()
	status, b := l.ask(t, l.admin, "GET", "/events/view/"+uuid+"/deleted[]:0/deleted[]:1", "")
	if status == http.StatusNotFound {
		return e, false
	}
	var doc struct{ Event linkEvent }
	if err := json.Unmarshal(b, &doc); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %v %s", l.name, status, err, b)
	}
	return doc.Event, true
}

// index lists the UUIDs of all events whose originator is org, with their timestamps.
func (l *link) index(t *testing.T, org string) map[string]string {
	t.Helper()
	_, b := l.ask(t, l.admin, "POST", "/events/index", `{"minimal":1}`)
	var rows []struct {
		UUID, Timestamp string
		Orgc            string `json:"orgc_uuid"`
	}
	_ = json.Unmarshal(b, &rows)
	out := map[string]string{}
	for _, r := range rows {
		if r.Orgc != org {
			continue
		}
		if _, twice := out[r.UUID]; twice {
			t.Errorf("%s lists %s twice", l.name, r.UUID)
		}
		out[r.UUID] = r.Timestamp
	}
	return out
}

type linkTally struct{ Read, Created, Updated, Unchanged, Refused, Left int }

func (x linkTally) whole() bool {
	return x.Read == x.Created+x.Updated+x.Unchanged+x.Refused+x.Left
}

// linkRun is the report of a run.
type linkRun struct {
	Way, State string
	Counts     struct {
		Events, Clusters, Proposals, Sightings linkTally
		Analyst                                linkTally `json:"analyst_data"`
		Reasons                                map[string]int
	}
}

// run exchanges with a peer, to the end; one that the background has taken up again
// already is waited for.
func (l *link) run(t *testing.T, way, peer string) linkRun {
	t.Helper()
	var r linkRun
	deadline := time.Now().Add(time.Minute)
	for {
		out, err := l.TryCLI("", "peer", way, peer, "--json")
		if err == nil {
			if err := json.Unmarshal(out, &r); err != nil {
				t.Fatalf("%v %s", err, out)
			}
			if way == "push" && r.Counts.Events.Left > 0 && time.Now().Before(deadline) {
				continue // the outbox noted more at the last moment: the next run's
			}
			break
		}
		if !strings.Contains(err.Error(), "under way") || time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // another process works: there is no signal
	}
	for _, x := range []linkTally{r.Counts.Events, r.Counts.Clusters, r.Counts.Sightings, r.Counts.Analyst} {
		if !x.whole() {
			t.Errorf("%s %s %s: %+v does not add up", l.name, way, peer, r.Counts)
		}
	}
	if r.State != "done" || r.Counts.Events.Left != 0 {
		t.Errorf("%s %s %s: %+v", l.name, way, peer, r)
	}
	return r
}

// runs are the reports of all runs of a way with a peer.
func (l *link) runs(t *testing.T, way, peer string) (out []linkRun) {
	t.Helper()
	var shown struct{ Runs []linkRun }
	l.CLI(t, &shown, "peer", "show", peer, "--runs", "200")
	for _, r := range shown.Runs {
		if r.Way == way {
			out = append(out, r)
		}
	}
	return out
}

// killed starts an exchange, ends the process with SIGKILL once count says that it is
// in the middle, and serves again.
func (l *link) killed(t *testing.T, way, peer string, total int, count func() int) {
	t.Helper()
	over := make(chan struct{})
	go func() { _, _ = l.TryCLI("", "peer", way, peer, "--json"); close(over) }()
	n := 0
	for n = count(); n < total/10; n = count() {
		select {
		case <-over:
			t.Logf("%s %s %s was over before it was killed", l.name, way, peer)
		case <-time.After(5 * time.Millisecond):
			continue
		}
		break
	}
	_ = l.cmd.Process.Kill()
	_ = l.cmd.Wait()
	if <-over; n >= total {
		t.Fatalf("%s %s %s: all %d were through before the kill", l.name, way, peer, n)
	}
	t.Logf("%s killed at a %s of about %d of %d", l.name, way, n, total)
	l.serve(t, "--allow-net", "127.0.0.0/8")
}

func linkDoc(uuid, info, rest string, attributes int) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"Event":{"uuid":"%s","info":"%s","date":"2026-11-01","timestamp":"1762000000","published":true,%s,"Attribute":[`, uuid, info, rest)
	for i := range attributes {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"uuid":"%s-%04x-4000-8000-%s","type":"domain","category":"Network activity","value":"v%d.%s.example.org","distribution":"5","timestamp":"1762000000"}`,
			uuid[:8], i, uuid[24:], i, uuid[24:])
	}
	b.WriteString(`]}}`)
	return b.String()
}

// fill makes events at a link and gives their UUIDs.
func (l *link) fill(t *testing.T, events, attributes int) {
	t.Helper()
	for i := range events {
		uuid := fmt.Sprintf("%s-ffff-4000-8000-%012d", strings.Repeat(strings.ToLower(l.name), 6)+fmt.Sprintf("%02x", i%256), i)
		l.must(t, l.lead, "POST", "/events/add/metadata:1", linkDoc(uuid, "bulk", `"distribution":"3"`, attributes))
	}
}

// TestChainOfThree: three installations, each a process with a folder of its own,
// exchange both ways through the one in the middle, which is killed in the middle of a
// pull and of a push and goes on without a gap or a twin.
func TestChainOfThree(t *testing.T) {
	Binary(t)
	a, b, c := newLink(t, "A", "B", "C"), newLink(t, "B", "A", "C"), newLink(t, "C", "A", "B")
	hanging := []string{"pull_sightings=on", "push_sightings=on", "pull_analyst_data=on", "push_analyst_data=on"}
	b.knows(t, a, append(hanging, "pull=on", "push=on")...)
	b.knows(t, c, append(hanging, "pull=on")...)
	c.knows(t, b, append(hanging, "pull=on")...)
	for _, l := range []*link{a, b, c} {
		l.must(t, l.admin, "POST", "/servers/serverSettingsEdit/Plugin.Sightings_policy", `{"value":"2"}`)
	}
	t.Run("levels", func(t *testing.T) { chainLevels(t, a, b, c) })
	t.Run("edits", func(t *testing.T) { chainEdits(t, a, b, c) })
	t.Run("words", func(t *testing.T) { chainWords(t, a, b, c) })
	t.Run("killed", func(t *testing.T) { chainKilled(t, a, b, c) })
	t.Run("moved", func(t *testing.T) { chainMoved(t, a) })
}

const (
	chainL = "0000000%d-1111-4000-8000-000000000001"
	groupT = "99999999-1111-4000-8000-000000000003" // of three
	groupP = "99999999-1111-4000-8000-000000000002" // of A and B
)

// chainLevels: every distribution goes as far as it may and arrives as narrow as it must.
func chainLevels(t *testing.T, a, b, c *link) {
	group := func(uuid, name string, orgs ...*link) {
		var members []string
		for _, o := range orgs {
			members = append(members, fmt.Sprintf(`{"Organisation":{"uuid":"%s","name":"CERT %s"},"extend":true}`, o.org, o.name))
		}
		a.must(t, a.lead, "POST", "/sharing_groups/add", fmt.Sprintf(`{"SharingGroup":{"uuid":"%s","name":"%s","releasability":"x","description":"","active":true,"roaming":true},"SharingGroupOrg":[%s]}`,
			uuid, name, strings.Join(members, ",")))
	}
	group(groupT, "Three", a, b, c)
	group(groupP, "Two", a, b)
	for level := range 4 {
		a.must(t, a.lead, "POST", "/events/add", linkDoc(fmt.Sprintf(chainL, level), fmt.Sprint("level ", level), fmt.Sprintf(`"distribution":"%d"`, level), 2))
	}
	for i, g := range []string{groupT, groupP} {
		a.must(t, a.lead, "POST", "/events/add", linkDoc(fmt.Sprintf(chainL, 4+i), "in a group", `"distribution":"4","SharingGroup":{"uuid":"`+g+`"}`, 2))
	}
	first := b.run(t, "pull", "A")
	if e := first.Counts.Events; e.Read != 5 || e.Created != 5 {
		t.Errorf("B took %+v", first.Counts)
	}
	c.run(t, "pull", "B")
	type at struct{ b, c string } // the level there, "" = it is not there
	for uuid, want := range map[string]at{fmt.Sprintf(chainL, 0): {}, fmt.Sprintf(chainL, 1): {b: "0"}, fmt.Sprintf(chainL, 2): {"1", "0"}, fmt.Sprintf(chainL, 3): {"3", "3"},
		fmt.Sprintf(chainL, 4): {"4", "4"}, fmt.Sprintf(chainL, 5): {b: "4"}} {
		var got at
		if e, ok := b.event(t, uuid); ok {
			if got.b = e.Distribution; !e.Locked || e.Orgc.UUID != a.org || len(e.Attribute) != 2 {
				t.Errorf("B holds %+v", e)
			}
		}
		if e, ok := c.event(t, uuid); ok {
			if got.c = e.Distribution; !e.Locked || e.Orgc.UUID != a.org || len(e.Attribute) != 2 || e.Distribution == "4" && e.SharingGroup.UUID != groupT {
				t.Errorf("C holds %+v", e)
			}
		}
		if got != want {
			t.Errorf("%s: at B and C %+v, want %+v", uuid, got, want)
		}
	}
	// Nobody beside those of the group sees what is in it, at any hop.
	for _, l := range []*link{b, c} {
		for _, uuid := range []string{fmt.Sprintf(chainL, 4), fmt.Sprintf(chainL, 2)} {
			want := map[bool]int{true: 200, false: 404}[l == b && strings.HasPrefix(uuid, "00000002")]
			if status, _ := l.ask(t, l.member, "GET", "/events/view/"+uuid, ""); status != want {
				t.Errorf("a member at %s gets %d for %s, want %d", l.name, status, uuid, want)
			}
		}
	}
	var again linkRun
	if again = b.run(t, "pull", "A"); again.Counts.Events.Created+again.Counts.Events.Updated+again.Counts.Events.Refused != 0 {
		t.Errorf("again %+v", again.Counts)
	}
}

// chainEdits: changes and soft deletions follow; what was deleted for good does not come back.
func chainEdits(t *testing.T, a, b, c *link) {
	uuid := fmt.Sprintf(chainL, 3)
	e, _ := a.event(t, uuid)
	a.must(t, a.lead, "POST", "/attributes/delete/"+e.Attribute[0].UUID, "")
	a.must(t, a.lead, "POST", "/attributes/add/"+uuid, `{"type":"domain","value":"added.example.org"}`)
	a.must(t, a.lead, "POST", "/events/publish/"+uuid, "")
	b.run(t, "pull", "A")
	c.run(t, "pull", "B")
	want, _ := a.event(t, uuid)
	for _, l := range []*link{b, c} {
		got, ok := l.event(t, uuid)
		gone, added := 0, false
		for _, x := range got.Attribute {
			if x.Deleted {
				gone++
			}
			added = added || x.Value == "added.example.org"
		}
		if !ok || gone != 1 || !added || len(got.Attribute) != 3 || got.Timestamp != want.Timestamp {
			t.Errorf("%s: %d gone, added %v, %s for %s", l.name, gone, added, got.Timestamp, want.Timestamp)
		}
	}
	// An older edit, a foreign one, and the way back change nothing at A.
	back := b.run(t, "push", "A")
	if got, _ := a.event(t, uuid); got.Locked || got.Timestamp != want.Timestamp || back.Counts.Events.Created+back.Counts.Events.Updated != 0 {
		t.Errorf("pushed back: %+v, A holds %+v", back.Counts, got)
	}
	// Deleted for good at B: it stays away, and C keeps its own copy.
	two := fmt.Sprintf(chainL, 2)
	b.must(t, b.admin, "POST", "/events/delete/"+two, "")
	a.must(t, a.lead, "POST", "/attributes/add/"+two, `{"type":"domain","value":"later.example.org"}`)
	a.must(t, a.lead, "POST", "/events/publish/"+two, "")
	r := b.run(t, "pull", "A")
	if _, ok := b.event(t, two); ok || r.Counts.Reasons["peer.reason.blocked"] != 1 {
		t.Errorf("what B deleted: there %v, %+v", ok, r.Counts)
	}
	if _, ok := c.event(t, two); !ok {
		t.Error("C lost what B deleted")
	}
}

// chainWords: what is said of an event goes with it, to the owner too.
func chainWords(t *testing.T, a, b, c *link) {
	uuid := fmt.Sprintf(chainL, 3)
	e, _ := a.event(t, uuid)
	seen := e.Attribute[len(e.Attribute)-1].UUID
	c.must(t, c.lead, "POST", "/sightings/add/"+seen, `{"source":"sensor at C"}`)
	c.must(t, c.lead, "POST", "/shadow_attributes/add/"+uuid, `{"type":"domain","category":"Network activity","value":"proposed.example.org"}`)
	c.must(t, c.lead, "POST", "/analyst_data/add/Note/"+uuid+"/Event", `{"note":"said at C","distribution":"3"}`)
	r := b.run(t, "pull", "C")
	if n := r.Counts; n.Sightings.Created != 1 || n.Analyst.Created != 1 || n.Proposals.Created != 1 {
		t.Errorf("B took of C %+v", n)
	}
	b.run(t, "push", "A")
	for _, l := range []*link{a, b} {
		e, _ := l.event(t, uuid)
		sightings := 0
		for _, x := range e.Attribute {
			for _, s := range x.Sighting {
				if s.Source == "sensor at C" {
					sightings++
				}
			}
		}
		if sightings != 1 || len(e.ShadowAttribute) != 1 || len(e.Note) != 1 || e.Note[0].Note != "said at C" {
			t.Errorf("%s: %d sightings, %+v, %+v", l.name, sightings, e.ShadowAttribute, e.Note)
		}
	}
}

// chainKilled: SIGKILL of the middle in a pull and in a push.
func chainKilled(t *testing.T, a, b, c *link) {
	const events = 120
	before := len(a.index(t, a.org))
	a.fill(t, events, 150)
	c.fill(t, events, 60)
	had := len(b.index(t, a.org))
	b.killed(t, "pull", "A", events, func() int { return len(b.index(t, a.org)) - had })
	b.run(t, "pull", "A")
	created := 0
	for _, r := range b.runs(t, "pull", "A") {
		if created += r.Counts.Events.Created; !r.Counts.Events.whole() {
			t.Errorf("%+v does not add up", r.Counts)
		}
	}
	if got := len(b.index(t, a.org)); got != had+events || created != 5+events || before+events != len(a.index(t, a.org)) {
		t.Errorf("B holds %d of A, and counted %d as new; want %d and %d", got, created, had+events, 5+events)
	}
	attributes := func(l *link, org string) int {
		_, body := l.ask(t, l.admin, "POST", "/attributes/restSearch", `{"returnFormat":"count","org":"`+org+`","value":"%.example.org"}`)
		n := 0
		_, _ = fmt.Sscan(string(body), &n)
		return n
	}
	if got, want := attributes(b, a.org), attributes(a, a.org); got == 0 || want-got > 10 { // what stays at A, and what B deleted
		t.Errorf("B holds %d attributes of A's %d", got, want)
	}
	b.run(t, "pull", "C") // what came of C is published here and pushed to A, now
	b.killed(t, "push", "A", events, func() int { return len(a.index(t, c.org)) })
	b.run(t, "push", "A")
	want := c.index(t, c.org)
	for name, got := range map[string]map[string]string{"A": a.index(t, c.org), "B": b.index(t, c.org)} {
		if len(got) != events {
			t.Errorf("%s holds %d of C's %d", name, len(got), events)
		}
		for u, at := range want {
			if got[u] != at {
				t.Errorf("%s holds %s of %s, not of %s", name, u, got[u], at)
			}
		}
	}
	created = 0
	for _, r := range b.runs(t, "push", "A") {
		if created += r.Counts.Events.Created; !r.Counts.Events.whole() {
			t.Errorf("%+v does not add up", r.Counts)
		}
	}
	if created != events {
		t.Errorf("the reports of the pushes tell of %d new events, not of %d", created, events)
	}
	if got, want := attributes(a, c.org), attributes(c, c.org); got != want {
		t.Errorf("A holds %d attributes of C's %d", got, want)
	}
	c.run(t, "pull", "B")
	if got := len(c.index(t, a.org)); got != 3+events {
		t.Errorf("C holds %d of A's events", got)
	}
}

// chainMoved: a new installation takes over all of A, is killed in the middle, and goes on.
func chainMoved(t *testing.T, a *link) {
	d := newLink(t, "D")
	total := len(a.index(t, a.org)) + len(a.index(t, linkOrg("C")))
	count := func() int { return len(d.index(t, a.org)) + len(d.index(t, linkOrg("C"))) }
	over := make(chan struct{})
	go func() {
		_, _ = d.TryCLI(a.admin+"\n", "intel", "import", "--from-misp", a.Origin, "--key", "-", "--json")
		close(over)
	}()
	n := 0
	for n = count(); n < 20; n = count() {
		select {
		case <-over:
			t.Fatalf("it was over with %d of %d", n, total)
		case <-time.After(5 * time.Millisecond):
		}
	}
	_ = d.cmd.Process.Kill()
	_ = d.cmd.Wait()
	<-over
	if n >= total {
		t.Fatalf("all %d came before the kill", n)
	}
	t.Logf("killed at %d of %d", n, total)
	d.serve(t, "--allow-net", "127.0.0.0/8")
	out, err := d.TryCLI("", "intel", "import", "--from-misp", a.Origin, "--json")
	if err != nil {
		t.Fatalf("%v %s", err, out)
	}
	var r struct {
		State  string
		Counts struct {
			Events, Tags, Groups, Sightings, Proposals linkTally
			Orgs                                       linkTally `json:"organisations"`
		}
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	if e := r.Counts.Events; r.State != "done" || !e.whole() || e.Created != total || e.Left+e.Refused != 0 || count() != total || r.Counts.Sightings.Created == 0 || r.Counts.Proposals.Created != 1 {
		t.Errorf("%d events here of %d; %+v", count(), total, r)
	}
	for level := range 4 {
		e, ok := d.event(t, fmt.Sprintf(chainL, level))
		if !ok || e.Distribution != fmt.Sprint(level) || e.Locked {
			t.Errorf("level %d came as %+v (%v)", level, e.Distribution, ok)
		}
	}
}
