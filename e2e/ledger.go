package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Ledger is what a client outside the program keeps: every intent is on its own
// disk before it is sent, every acknowledgement before the next act. What it says
// is acknowledged must be found again, once and whole, after any fault
// (spec reliability §4.1, oracle of I1 to I3).
type Ledger struct {
	file *os.File
	mu   sync.Mutex
	acts []*act
}

// act is one intent. Key is its identity for a retry: MISP's own uuid, or the
// Idempotency-Key.
type act struct {
	Kind, Key, ID string
	acked         bool
	body          string
}

func newLedger(t testing.TB) *Ledger {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return &Ledger{file: f}
}

// write puts a line on the disk, for good, before it returns.
func (l *Ledger) write(word string, a *act) error {
	if _, err := fmt.Fprintf(l.file, "%s %s %s %s\n", word, a.Kind, a.Key, a.ID); err != nil {
		return err
	}
	return l.file.Sync()
}

func (l *Ledger) intend(a *act) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acts = append(l.acts, a)
	return l.write("intent", a)
}

func (l *Ledger) ack(a *act, id string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	a.acked, a.ID = true, id
	return l.write("acknowledged", a)
}

// count gives how many acts of a kind there are, and how many are acknowledged.
func (l *Ledger) count(kind string) (all, acked int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.acts {
		if a.Kind == kind {
			all++
			if a.acked {
				acked++
			}
		}
	}
	return
}

func (l *Ledger) open() (out []*act) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.acts {
		if !a.acked {
			out = append(out, a)
		}
	}
	return
}

func (l *Ledger) all() []*act {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.acts)
}

// writer is the client: it acts through every door that writes and reads back.
type writer struct {
	s       *Server
	ledger  *Ledger
	key     string
	session *http.Client
	doors   []string // kinds whose door this program has
	base    string   // uuid of an event that takes single attributes
	file    string   // number of a case that takes entries of its timeline
	client  *http.Client
	errs    []string
	mu      sync.Mutex
}

// doorsOf are all kinds of act; probe finds which of them the program has.
var doorsOf = []string{"event", "attribute", "organisation", "warning", "report", "case", "entry"}

const kindBody = "application/json"

// newWriter makes the people, the session and the base event. One door that is
// not there is left out; the caller prints which were used.
func newWriter(t testing.TB, s *Server, key string) *writer {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	w := &writer{s: s, ledger: newLedger(t), key: key, base: uuid(), client: &http.Client{Transport: transport, Timeout: 15 * time.Second}}
	w.session = &http.Client{Transport: transport, Jar: jar, Timeout: 15 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if st, b, err := w.form("/login", url.Values{"email": {"dezurni@cert.example"}, "password": {Password}}); err != nil || st != http.StatusSeeOther {
		t.Fatalf("log-in: %d %v %s", st, err, b)
	}
	if st, b, err := w.json("POST", "/events/add", eventBody(w.base, 0), nil); err != nil || st != http.StatusOK {
		t.Fatalf("first event: %d %v %s", st, err, b)
	}
	st, b, err := w.json("POST", "/api/v1/cases", `{"title":"Slučaj za izmene","summary":"x","severity":"low"}`, http.Header{"Idempotency-Key": {uuid()}})
	var file struct{ Number string }
	if err != nil || st != http.StatusCreated || json.Unmarshal(b, &file) != nil {
		t.Fatalf("first case: %d %v %s", st, err, b)
	}
	w.file = file.Number
	for _, kind := range doorsOf {
		if w.there(kind) {
			w.doors = append(w.doors, kind)
		}
	}
	return w
}

// there probes a door with a body that it must refuse: 404 and 405 mean no door.
func (w *writer) there(kind string) bool {
	var st int
	var err error
	switch kind {
	case "warning":
		st, _, err = w.page("/console/advisories/new")
	case "report":
		st, _, err = w.json("POST", "/api/v1/reports", "{}", nil)
	case "case":
		st, _, err = w.json("POST", "/api/v1/cases", "{}", nil)
	default:
		return true
	}
	return err == nil && st != http.StatusNotFound && st != http.StatusMethodNotAllowed
}

// uuid makes a random (version 4) uuid.
func uuid() string {
	a, b := rand.Uint64(), rand.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, 0x8000|b>>48&0x3fff, b&0xffffffffffff)
}

// eventBody is a mixed event: n attributes, an object with two more, a tag.
func eventBody(id string, n int) string {
	var attrs []string
	for i := range n {
		attrs = append(attrs, fmt.Sprintf(`{"uuid":%q,"type":"domain","category":"Network activity","value":"k%d-%s.example"}`, uuid(), i, id[:8]))
	}
	object := ""
	if n > 0 {
		object = fmt.Sprintf(`,"Object":[{"uuid":%q,"name":"file","meta-category":"file","template_uuid":"688c46fb-5edb-40a3-8273-1af7923e2215","template_version":"24","description":"x","Attribute":[`+
			`{"uuid":%q,"object_relation":"filename","type":"filename","category":"Payload delivery","value":"f-%s.exe"},`+
			`{"uuid":%q,"object_relation":"size-in-bytes","type":"size-in-bytes","category":"Other","value":"77"}]}],"Tag":[{"name":"tlp:green"}]`,
			uuid(), uuid(), id[:8], uuid())
	}
	return fmt.Sprintf(`{"Event":{"uuid":%q,"info":"kill %s","distribution":"1","threat_level_id":"4","analysis":"0","date":"2026-11-01","Attribute":[%s]%s}}`,
		id, id, strings.Join(attrs, ","), object)
}

func (w *writer) newAct() *act {
	a := &act{Kind: w.doors[rand.IntN(len(w.doors))], Key: uuid()}
	switch a.Kind {
	case "event":
		a.body = eventBody(a.Key, 5)
	case "attribute":
		a.body = fmt.Sprintf(`{"uuid":%q,"type":"domain","category":"Network activity","value":"%s.example"}`, a.Key, a.Key)
	case "organisation":
		a.body = fmt.Sprintf(`{"name":"Firma %s","kind":"company","sector":"energy"}`, a.Key)
	case "report":
		a.body = fmt.Sprintf(`{"type":"incident","what":"phishing","title":"Prijava %s","description":"Stiglo je pismo %s","contact":{"name":"Mara","email":"mara@example.org"},"files":[{"name":"pismo.txt","type":"text/plain","data":"cGlzbW8="}]}`, a.Key, a.Key)
	case "entry":
		a.body = fmt.Sprintf(`{"kind":"note","text":"Upis %s"}`, a.Key)
	case "case":
		a.body = fmt.Sprintf(`{"title":"Slučaj %s","summary":"x","severity":"low"}`, a.Key)
	}
	return a
}

// do sends an act, or sends it again, and writes down that it was acknowledged. A
// fault of the line or a 5xx leaves it open; any other refusal is an error of the program.
func (w *writer) do(a *act, again bool) error {
	id := a.Key
	var st int
	var b []byte
	var err error
	ok := false
	switch a.Kind {
	case "event":
		st, b, err = w.json("POST", "/events/add", a.body, nil)
		ok = st == http.StatusOK || again && bytes.Contains(b, []byte("Event already exists"))
	case "attribute":
		st, b, err = w.json("POST", "/attributes/add/"+w.base, a.body, nil)
		ok = st == http.StatusOK || again && bytes.Contains(b, []byte("UUID provided is not unique"))
	case "organisation", "report", "case", "entry":
		path := map[string]string{"organisation": "organisations", "report": "reports", "case": "cases", "entry": "cases/" + w.file + "/timeline"}[a.Kind]
		st, b, err = w.json("POST", "/api/v1/"+path, a.body, http.Header{"Idempotency-Key": {a.Key}})
		var told struct{ ID string }
		if again && a.Kind == "entry" && st == http.StatusConflict && bytes.Contains(b, []byte("was done before")) {
			return w.ledger.ack(a, a.ID) // done, and its answer was lost: the key says so
		}
		if ok = st == http.StatusCreated && json.Unmarshal(b, &told) == nil && told.ID != ""; ok {
			id = told.ID
		}
	case "warning":
		if again {
			return nil // a form has no key: it may stand there once or not at all
		}
		st, b, err = w.form("/console/advisories/new", url.Values{"level": {"high"}, "readers": {"citizens"}, "tlp": {"CLEAR"},
			"title": {"Упозорење " + a.Key}, "lead": {"Кратко"}, "affects": {"Сви"}, "steps": {"Не отварајте"}, "body": {"Текст"}})
		if ok = st == http.StatusSeeOther; ok {
			id = string(b)
		}
	}
	switch {
	case ok && a.acked && id != a.ID:
		return fmt.Errorf("%s %s: acknowledged as %s, sent again %s", a.Kind, a.Key, a.ID, id)
	case ok:
		return w.ledger.ack(a, id)
	case err != nil || st >= 500:
		return errLine
	}
	return fmt.Errorf("%s %s: %d %.300s", a.Kind, a.Key, st, b)
}

// errLine: no answer, or one that promises nothing.
var errLine = fmt.Errorf("no acknowledgement")

// work acts until ctx ends. Every fourth act is sent twice, as by a client whose
// answer was lost on the way: the second one must say what the first one said.
func (w *writer) work(ctx context.Context) {
	for ctx.Err() == nil {
		a := w.newAct()
		if err := w.ledger.intend(a); err != nil {
			w.complain(err.Error())
			return
		}
		err := w.do(a, false)
		if err == nil && rand.IntN(4) == 0 {
			err = w.do(a, true)
		}
		if err != nil && err != errLine {
			w.complain(err.Error())
		} else if err != nil {
			select { // the line is down: do not spin
			case <-ctx.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}

func (w *writer) complain(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, what)
}

// retry sends everything that was not acknowledged again, with the same key.
func (w *writer) retry() {
	for _, a := range w.ledger.open() {
		if err := w.do(a, true); err != nil {
			w.complain("retry: " + err.Error())
		}
	}
}

// readBack looks for an act that was acknowledged: lost, twice, or in part.
func (w *writer) readBack(a *act) error {
	switch a.Kind {
	case "event":
		var doc struct {
			Event struct {
				Attribute, Tag []struct{ UUID string }
				Object         []struct{ Attribute []struct{ UUID string } }
			}
		}
		if err := w.get("/events/view/"+a.Key, &doc); err != nil {
			return err
		}
		if e := doc.Event; len(e.Attribute) != 5 || len(e.Tag) != 1 || len(e.Object) != 1 || len(e.Object[0].Attribute) != 2 {
			return fmt.Errorf("half applied: %+v", e)
		}
		return nil
	case "attribute":
		return w.get("/attributes/view/"+a.Key, nil)
	case "organisation":
		return w.get("/api/v1/organisations/"+a.ID, nil)
	case "report":
		return w.get("/api/v1/reports/"+a.ID, nil)
	case "case":
		return w.get("/api/v1/cases/"+a.ID, nil)
	case "entry":
		return nil // all at once: entries
	case "warning":
		st, b, err := w.page(a.ID)
		if err == nil && (st != http.StatusOK || !bytes.Contains(b, []byte(a.Key))) {
			err = fmt.Errorf("%s: %d", a.ID, st)
		}
		return err
	}
	return fmt.Errorf("unknown kind %s", a.Kind)
}

func (w *writer) get(path string, v any) error {
	st, b, err := w.json("GET", path, "", nil)
	if err != nil {
		return err
	}
	if st != http.StatusOK {
		return fmt.Errorf("GET %s: %d %.200s", path, st, b)
	}
	if v == nil {
		return nil
	}
	return json.Unmarshal(b, v)
}

func (w *writer) json(method, path, body string, h http.Header) (int, []byte, error) {
	req, err := http.NewRequest(method, w.s.Origin+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for k, v := range h {
		req.Header[k] = v
	}
	req.Header.Set("Authorization", w.key)
	req.Header.Set("Accept", kindBody)
	if body != "" {
		req.Header.Set("Content-Type", kindBody)
	}
	return roundTrip(w.client, req)
}

func (w *writer) page(path string) (int, []byte, error) {
	req, err := http.NewRequest("GET", w.s.Origin+path, nil)
	if err != nil {
		return 0, nil, err
	}
	return roundTrip(w.session, req)
}

// form gives, for a redirect, its target in place of the body.
func (w *writer) form(path string, v url.Values) (int, []byte, error) {
	req, err := http.NewRequest("POST", w.s.Origin+path, strings.NewReader(v.Encode()))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", w.s.Origin)
	return roundTrip(w.session, req)
}

func roundTrip(c *http.Client, req *http.Request) (int, []byte, error) {
	resp, err := c.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, err // half an answer acknowledges nothing
	}
	if to := resp.Header.Get("Location"); resp.StatusCode == http.StatusSeeOther {
		b = []byte(to)
	}
	return resp.StatusCode, b, nil
}

// Password is that of every person whom the tests add.
const Password = "korektan konj baterija spajalica"

// entries gives how often each line of the case's timeline stands there.
func (w *writer) entries() (map[string]int, error) {
	times := map[string]int{}
	for path, at := "/api/v1/cases/"+w.file+"/timeline?limit=500", ""; ; {
		var list struct {
			Items []struct{ Text string }
			Next  string
		}
		if err := w.get(path+at, &list); err != nil {
			return nil, err
		}
		for _, x := range list.Items {
			times[x.Text]++
		}
		if list.Next == "" {
			return times, nil
		}
		at = "&cursor=" + url.QueryEscape(list.Next)
	}
}
