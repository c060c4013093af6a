package inteltaxii_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/format/taxii"
	"straza/internal/intel"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

const (
	badIP = `{"type":"indicator","spec_version":"2.1","id":"indicator--82a48ef4-acc4-4f85-982c-870edf5db19b","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"x","pattern":"[ipv4-addr:value = '198.51.100.120']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"}`
	other = `{"type":"x-other","spec_version":"2.1","id":"x-other--82a48ef4-acc4-4f85-982c-870edf5db19c","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z"}`
)

// send is a POST of an envelope.
func send(body string, edit ...func(*http.Request)) func(*http.Request) {
	return func(r *http.Request) {
		r.Method, r.Body, r.ContentLength = "POST", io.NopCloser(strings.NewReader(body)), int64(len(body))
		r.Header.Set("Content-Type", taxii.MediaType)
		for _, f := range edit {
			f(r)
		}
	}
}

func envelopeWith(objects ...string) string {
	return `{"objects":[` + strings.Join(objects, ",") + `]}`
}

func (h *house) post(name string, objects ...string) (st taxii.Status) {
	h.t.Helper()
	a := h.ask(name, h.collection(name, "inbox")+"objects/", send(envelopeWith(objects...)))
	if a.code != 202 {
		h.t.Fatalf("%d %s", a.code, a.body)
	}
	h.Must(json.Unmarshal(a.body, &st))
	return st
}

func (h *house) drain(db *store.DB) {
	h.t.Helper()
	h.Must(jobs.New(db, h.Intel.Jobs(), nil).Drain(ctx))
}

func (h *house) statusOf(name, id string) (st taxii.Status) {
	h.t.Helper()
	h.get(name, "straza/status/"+id+"/", &st)
	if st.TotalCount != st.SuccessCount+st.FailureCount+st.PendingCount || len(st.Successes) != st.SuccessCount || len(st.Failures) != st.FailureCount || len(st.Pendings) != st.PendingCount {
		h.t.Errorf("status does not add up: %+v", st)
	}
	return st
}

// TestInbox: what is sent is pending until the worker took it; then it can be
// read, paged, filtered and removed by its organisation alone, and it is an event
// (§4.3, §5.5, §5.7).
func TestInbox(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		st := h.post("alfa", badIP, other, `{"type":"x","id":"y"}`, badIP)
		if st.Status != "pending" || st.TotalCount != 4 || st.PendingCount != 2 || st.FailureCount != 1 || st.SuccessCount != 1 || st.Failures[0].Message == "" || !sixths.MatchString(st.RequestTimestamp) {
			t.Errorf("at once: %+v", st)
		}
		path := h.collection("alfa", "inbox")
		if got := h.all("alfa", path, ""); len(got) != 0 || h.statusOf("alfa", st.ID).Status != "pending" {
			t.Errorf("before it was taken in: %v", got)
		}
		h.drain(db)
		if st := h.statusOf("alfa", st.ID); st.Status != "complete" || st.SuccessCount != 3 || st.FailureCount != 1 {
			t.Errorf("after: %+v", st)
		}
		got := h.all("alfa", path, "limit=1")
		if len(got) != 2 || got[0].raw != badIP || got[1].raw != other {
			t.Errorf("not byte for byte: %v", got)
		}
		m := h.manifest("alfa", path, "")
		if len(m) != 2 || m[0].Version != "2026-01-01T00:00:00.000Z" || m[0].DateAdded >= m[1].DateAdded {
			t.Errorf("manifest: %+v", m)
		}
		if got := h.all("alfa", path, "added_after="+m[0].DateAdded); len(got) != 1 || got[0].raw != other {
			t.Errorf("added_after: %v", got)
		}
		var events []string
		_, err := h.Intel.SearchEvents(ctx, h.who["alfa"], intel.Query{Value: intel.Filter{Or: []string{"198.51.100.120"}}}, func(e *intel.Event) error {
			events = append(events, fmt.Sprint(e.Owner.ID == h.A.ID, e.Published, e.Distribution))
			return nil
		})
		h.Must(err)
		if !slices.Equal(events, []string{"true false 0"}) {
			t.Errorf("events: %v", events)
		}
		// The same again is a success, a newer version one more.
		newer := strings.Replace(badIP, `"modified":"2026-01-01`, `"modified":"2026-02-01`, 1)
		if st := h.post("alfa", badIP); st.Status != "complete" || st.SuccessCount != 1 {
			t.Errorf("the same again: %+v", st)
		}
		h.post("alfa", newer)
		h.drain(db)
		one := path + "objects/indicator--82a48ef4-acc4-4f85-982c-870edf5db19b/"
		var v taxii.Versions
		h.get("alfa", one+"versions/", &v)
		if !slices.Equal(v.Versions, []string{"2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"}) {
			t.Errorf("versions: %v", v)
		}
		for query, want := range map[string][]string{"": {newer}, "?match[version]=first": {badIP}, "?match[version]=all": {badIP, newer}, "?match[version]=2026-01-01T00:00:00Z": {badIP}} {
			var e envelope
			h.get("alfa", one+query, &e)
			var raw []string
			for _, o := range e.Objects {
				raw = append(raw, o.raw)
			}
			if !slices.Equal(raw, want) {
				t.Errorf("%q: %v", query, raw)
			}
		}
		remove := func(r *http.Request) { r.Method = "DELETE" }
		if a := h.ask("alfa", one+"?match[version]=2026-02-01T00:00:00Z", remove); a.code != 200 {
			t.Errorf("delete a version: %d %s", a.code, a.body)
		}
		if got := h.all("alfa", path, "match[type]=indicator"); len(got) != 1 || got[0].raw != badIP {
			t.Errorf("after a version went: %v", got)
		}
		if a := h.ask("alfa", one, remove); a.code != 200 {
			t.Errorf("delete: %d %s", a.code, a.body)
		}
		for _, p := range []string{one, one + "versions/"} {
			if a := h.ask("alfa", p); a.code != 404 {
				t.Errorf("%s after DELETE: %d", p, a.code)
			}
		}
		if a := h.ask("alfa", one, remove); a.code != 404 || len(h.manifest("alfa", path, "match[type]=indicator")) != 0 {
			t.Errorf("delete again: %d", a.code)
		}
		h.now.Add(25 * time.Hour)
		if a := h.ask("alfa", "straza/status/"+st.ID+"/"); a.code != 404 {
			t.Errorf("a status after a day: %d", a.code)
		}
		h.drain(db)
		if got := h.all("alfa", path, ""); len(got) != 1 {
			t.Errorf("the sweep took what was taken in: %v", got)
		}
	})
}

// TestInboxIsOnesOwn: nobody else sees, writes or removes, and no status leaks.
func TestInboxIsOnesOwn(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		st := h.post("alfa", badIP, other)
		h.drain(db)
		path := h.collection("alfa", "inbox")
		for _, name := range []string{"beta", "gama", "cert", "cert2", "admin"} {
			for _, p := range []string{path, path + "objects/", path + "manifest/", path + "objects/x-other--82a48ef4-acc4-4f85-982c-870edf5db19c/", "straza/status/" + st.ID + "/"} {
				if a := h.ask(name, p); a.code != 404 {
					t.Errorf("%s reads %s: %d", name, p, a.code)
				}
			}
			if a := h.ask(name, path+"objects/", send(envelopeWith(other))); a.code != 404 {
				t.Errorf("%s writes: %d", name, a.code)
			}
			if own := h.collection(name, "inbox"); own != "" && len(h.all(name, own, "")) != 0 {
				t.Errorf("%s finds it in an inbox of their own", name)
			}
		}
		if h.collection("gama", "inbox") != "" {
			t.Error("who may not add has no inbox")
		}
		// A bundle that claims another organisation's event changes nothing of it.
		mine := sample("theirs", intel.Community, "a.example.com")
		mine.UUID = misp.T("c25327b3-2e74-4437-bd66-e0321bf3876c")
		e := h.publish("beta", mine)
		h.post("alfa", `{"type":"report","spec_version":"2.1","id":"report--`+e.UUID+`","created":"2026-01-01T00:00:00.000Z","modified":"2030-01-01T00:00:00.000Z","name":"stolen","published":"2026-01-01T00:00:00Z","object_refs":["`+"x-other--82a48ef4-acc4-4f85-982c-870edf5db19c"+`"]}`)
		h.drain(db)
		got, err := h.Intel.Event(ctx, h.who["beta"], e.UUID)
		if err != nil || got.Info != "theirs" {
			t.Errorf("%+v %v", got.Info, err)
		}
	})
}

// TestInboxRules: errors of §3 and §5.5, row by row.
func TestInboxRules(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		inbox := h.collection("alfa", "inbox") + "objects/"
		typ := func(v string) func(*http.Request) { return func(r *http.Request) { r.Header.Set("Content-Type", v) } }
		deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
		for _, c := range []struct {
			name, path, body string
			code             int
			edit             func(*http.Request)
		}{
			{"good", inbox, envelopeWith(other), 202, nil},
			{"no slash", strings.TrimSuffix(inbox, "/"), envelopeWith(other), 202, nil},
			{"spaces in the media type", inbox, envelopeWith(other), 202, typ("application/taxii+json; version=2.1")},
			{"bare media type", inbox, envelopeWith(other), 202, typ("application/taxii+json")},
			{"custom properties of the envelope", inbox, `{"x_a":1,"objects":[` + other + `],"more":false}`, 202, nil},
			{"other media type", inbox, envelopeWith(other), 415, typ("application/json")},
			{"other version", inbox, envelopeWith(other), 415, typ("application/taxii+json;version=2.0")},
			{"no media type", inbox, envelopeWith(other), 415, func(r *http.Request) { r.Header.Del("Content-Type") }},
			{"answer not acceptable", inbox, envelopeWith(other), 406, func(r *http.Request) { r.Header.Set("Accept", "text/csv") }},
			{"not JSON", inbox, "<x/>", 400, nil},
			{"cut short", inbox, `{"objects":[` + other, 400, nil},
			{"something behind", inbox, envelopeWith(other) + "x", 400, nil},
			{"a list", inbox, "[" + other + "]", 400, nil},
			{"objects no list", inbox, `{"objects":{}}`, 400, nil},
			{"empty", inbox, `{}`, 422, nil},
			{"no objects", inbox, `{"objects":[]}`, 422, nil},
			{"too large", inbox, `{"objects":["` + strings.Repeat("x", 10<<20) + `"]}`, 413, nil},
			{"only wrong objects", inbox, `{"objects":[1,"x",null,{},` + `{"type":"x-a","id":"x-a--82a48ef4-acc4-4f85-982c-870edf5db19c","a":` + deep + `}]}`, 202, nil},
			{"reading only", h.collection("alfa", "community") + "objects/", envelopeWith(other), 403, nil},
			{"unknown collection", "straza/collections/91a7b528-80eb-42ed-a74d-c6fbd5a26116/objects/", envelopeWith(other), 404, nil},
			{"the manifest", strings.TrimSuffix(inbox, "objects/") + "manifest/", envelopeWith(other), 405, nil},
			{"delete what is not there", inbox + "x-other--92a48ef4-acc4-4f85-982c-870edf5db19c/", "", 404, func(r *http.Request) { r.Method = "DELETE" }},
			{"delete with a bad filter", inbox + "x-other--82a48ef4-acc4-4f85-982c-870edf5db19c/?match[version]=soon", "", 400, func(r *http.Request) { r.Method = "DELETE" }},
			{"delete in a collection for reading", h.collection("alfa", "community") + "objects/x-other--82a48ef4-acc4-4f85-982c-870edf5db19c/", "", 403, func(r *http.Request) { r.Method = "DELETE" }},
			{"nobody", inbox, envelopeWith(other), 401, func(r *http.Request) { r.Header.Del("Authorization") }},
		} {
			edit := []func(*http.Request){send(c.body)}
			if c.edit != nil {
				edit = append(edit, c.edit)
			}
			a := h.ask("alfa", c.path, edit...)
			if a.code != c.code {
				t.Errorf("%s: %d, want %d: %.300s", c.name, a.code, c.code, a.body)
			}
			var e taxii.Error
			if a.code >= 400 && (json.Unmarshal(a.body, &e) != nil || e.Title == "" || e.Status() != a.code) {
				t.Errorf("%s: error body %s", c.name, a.body)
			}
		}
		if a := h.ask("alfa", "straza/status/nonsense/"); a.code != 404 {
			t.Errorf("no status: %d", a.code)
		}
	})
}

// TestInboxEventsFail: objects of an event that was refused are failures with a reason.
func TestInboxEventsFail(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		e := h.Add(h.who["beta"], &misp.Event{Info: misp.T("theirs"), UUID: misp.T("c25327b3-2e74-4437-bd66-e0321bf3876c")})
		st := h.post("alfa", badIP, `{"type":"report","spec_version":"2.1","id":"report--`+e.UUID+`","created":"2026-01-01T00:00:00.000Z","modified":"2030-01-01T00:00:00.000Z","name":"x","published":"2026-01-01T00:00:00Z","object_refs":["indicator--82a48ef4-acc4-4f85-982c-870edf5db19b"]}`)
		h.drain(db)
		if st = h.statusOf("alfa", st.ID); st.Status != "complete" {
			t.Errorf("%+v", st)
		}
		got, err := h.Intel.Event(ctx, h.who["beta"], e.UUID)
		if err != nil || got.Info != "theirs" || st.FailureCount != 2 || st.SuccessCount != 0 { // the report itself too
			t.Errorf("%s: %v, %+v", got.Info, err, st)
		}
	})
}

// TestInboxTakesAnObjectOnce: of POSTs at the same time that bring the same objects,
// each object is pending in one of them and a success in the others; and what was
// refused by the worker may be sent again.
func TestInboxTakesAnObjectOnce(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		h := newHouse(t, db, now)
		const posts, objects = 4, 40
		var list []intel.InboxEntry
		for i := range objects {
			id := fmt.Sprintf("x-other--82a48ef4-acc4-4f85-982c-%012d", i)
			list = append(list, intel.InboxEntry{ID: id, Type: "x-other", Version: "2026-01-01T00:00:00.000Z",
				JSON: []byte(`{"type":"x-other","spec_version":"2.1","id":"` + id + `","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z"}`)})
		}
		answers := make(chan taxii.Status, posts)
		faults := make(chan error, posts)
		for i := range posts {
			go func() {
				turned := slices.Concat(list[i*7:], list[:i*7]) // locks are taken in another order
				st, err := h.Intel.Deliver(ctx, h.who["alfa"], inbox, turned)
				answers <- st
				faults <- err
			}()
		}
		pending, success := 0, 0
		for range posts {
			h.Must(<-faults)
			st := <-answers
			pending, success = pending+st.PendingCount, success+st.SuccessCount
		}
		if pending != objects || success != (posts-1)*objects {
			t.Errorf("%d pending and %d successes, want %d and %d", pending, success, objects, (posts-1)*objects)
		}
		if st, err := h.Intel.Deliver(ctx, h.who["beta"], inbox, list); err != nil || st.PendingCount != objects {
			t.Errorf("another organisation has an inbox of its own: %+v, %v", st, err)
		}
	})
}

// inbox is the caller's own.
var inbox = intel.Collection{Kind: intel.InboxCollection}
