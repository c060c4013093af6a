package taxii

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMediaTypes(t *testing.T) {
	for accept, want := range map[string]bool{
		"": true, "*/*": true, "application/*": true, "application/taxii+json": true, MediaType: true,
		"application/taxii+json; version=2.1": true, `application/taxii+json ; version = "2.1"`: true, "text/html, */*;q=0.1": true,
		"application/json": false, "application/taxii+json;version=2.0": false, "text/html": false, "*/*;q=0": false,
		"application/vnd.oasis.taxii+json; version=2.0": false,
	} {
		if got := Accepts(accept); got != want {
			t.Errorf("Accept %q: %v", accept, got)
		}
	}
	for ct, want := range map[string]bool{MediaType: true, "application/taxii+json": true, "Application/TAXII+json; version=2.1": true, "application/json": false, "": false, "application/taxii+json;version=2.0": false} {
		if got := ContentOK(ct); got != want {
			t.Errorf("Content-Type %q: %v", ct, got)
		}
	}
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("x", 3600))
	if got := FormatTime(at); got != "2026-01-02T02:04:05.000000Z" {
		t.Error(got)
	}
	for in, ok := range map[string]bool{"2026-01-02T03:04:05Z": true, "2026-01-02T03:04:05.1Z": true, "2026-01-02T03:04:05.123456Z": true,
		"2026-01-02T03:04:05+01:00": false, "2026-01-02": false, "2026-13-02T03:04:05Z": false, "": false, "Z": false} {
		if _, got := ParseTime(in); got != ok {
			t.Errorf("%q: %v", in, got)
		}
	}
}

func TestParseQuery(t *testing.T) {
	id := "indicator--c25327b3-2e74-5437-bd66-e0321bf3876c"
	for raw, want := range map[string]Query{
		"": {},
		"added_after=2026-01-02T03:04:05Z&limit=5&next=abc":  {AddedAfter: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Limit: 5, Next: "abc"},
		"match[id]=" + id + "&match[type]=indicator,malware": {IDs: []string{id}, Types: []string{"indicator", "malware"}},
		"match[version]=first,2026-01-02T03:04:05.000Z":      {Versions: VersionFilter{First: true, Exact: []string{"2026-01-02T03:04:05.000Z"}}},
		"match[version]=all&match[spec_version]=2.0,2.1":     {Versions: VersionFilter{All: true}, SpecVersions: []string{"2.0", "2.1"}},
		"match[x_unknown]=1&foo=bar":                         {},
	} {
		v, err := url.ParseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		got, fault := ParseQuery(v, ForObjects)
		if fault != nil {
			t.Errorf("%q: %v", raw, fault)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q: %s", raw, d)
		}
	}
	for _, raw := range []string{"limit=0", "limit=-1", "limit=x", "limit=1.5", "limit=%2B5", "limit=", "limit=1&limit=1", "added_after=yesterday", "added_after=2026-01-02T03:04:05%2B01:00",
		"match[type]=a&match[type]=b", "match[type]=", "match[type]=a,,b", "match[type]=a,a", "match[id]=x", "match[version]=all,first", "match[version]=newest", "match[spec_version]=two",
		"added_after=2026-01-02T03:04:05Z&added_after=2026-01-02T03:04:05Z"} {
		v, err := url.ParseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		if q, fault := ParseQuery(v, ForObjects); fault == nil || fault.Status() != 400 || fault.Title == "" {
			t.Errorf("%q was taken as %+v", raw, q)
		}
	}
	// The versions of one object take no version filter.
	if q, fault := ParseQuery(url.Values{"match[version]": {"bad"}}, ForVersions); fault != nil || !q.Versions.OnlyLast() {
		t.Error(q, fault)
	}
}

func TestSelect(t *testing.T) {
	all := []string{"2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z", "2026-01-03T00:00:00.000Z"}
	for _, tc := range []struct {
		f    VersionFilter
		want []string
	}{
		{VersionFilter{}, all[2:]},
		{VersionFilter{Last: true}, all[2:]},
		{VersionFilter{All: true}, all},
		{VersionFilter{First: true, Last: true}, []string{all[0], all[2]}},
		{VersionFilter{Exact: []string{"2026-01-02T00:00:00Z"}}, all[1:2]},
		{VersionFilter{Exact: []string{"2020-01-02T00:00:00Z"}}, nil},
	} {
		if d := cmp.Diff(tc.want, tc.f.Select(all)); d != "" {
			t.Errorf("%+v: %s", tc.f, d)
		}
	}
}

func TestCursors(t *testing.T) {
	c := NewCursors([]byte("0123456789abcdef"))
	at := Cursor{Added: 1795321969123456, ID: "indicator--x", Version: "2026-01-01T00:00:00.000Z"}
	q := Query{Types: []string{"indicator", "malware"}, Limit: 5}
	q.Next = c.Encode(at, "collection 1", q)
	// Another limit and another order of an OR list are the same filters.
	same := Query{Types: []string{"malware", "indicator"}, Limit: 9, Next: q.Next}
	if got, fault := c.Decode("collection 1", same); fault != nil || got != at {
		t.Errorf("%+v, %v", got, fault)
	}
	refuse := func(name string, c Cursors, scope string, q Query) {
		t.Helper()
		if got, fault := c.Decode(scope, q); fault == nil || fault.Status() != 400 {
			t.Errorf("%s: taken as %+v", name, got)
		}
	}
	refuse("another collection", c, "collection 2", same)
	refuse("another key", NewCursors([]byte("fedcba9876543210")), "collection 1", same)
	other := same
	other.Types = []string{"malware"}
	refuse("other types", c, "collection 1", other)
	other = same
	other.AddedAfter = time.Unix(1, 0)
	refuse("other time", c, "collection 1", other)
	other = same
	other.Versions.All = true
	refuse("other versions", c, "collection 1", other)
	for i := range q.Next {
		other = same
		other.Next = q.Next[:i] + string(rune('A'+(q.Next[i]+1)%26)) + q.Next[i+1:]
		if other.Next != q.Next {
			refuse("a changed letter", c, "collection 1", other)
		}
	}
	other.Next = ""
	refuse("nothing", c, "collection 1", other)
}

func TestEnvelopeWriter(t *testing.T) {
	for _, tc := range []struct {
		objects int
		more    bool
		next    string
		want    string
	}{
		{0, false, "", `{}`},
		{1, false, "", `{"objects":[{"a":1}]}`},
		{2, true, "n", `{"objects":[{"a":1},{"a":1}],"more":true,"next":"n"}`},
		{1, true, "", `{"objects":[{"a":1}],"more":true}`},
		{0, true, "n", `{"more":true,"next":"n"}`},
	} {
		var out bytes.Buffer
		e := NewEnvelopeWriter(&out)
		for range tc.objects {
			if err := e.Object([]byte(`{"a":1}`)); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Close(tc.more, tc.next); err != nil || out.String() != tc.want || !json.Valid(out.Bytes()) {
			t.Errorf("got %s, %v; want %s", out.String(), err, tc.want)
		}
	}
}

func TestResources(t *testing.T) {
	b, _ := json.Marshal(Collections{})
	m, _ := json.Marshal(Manifest{Objects: []ManifestRecord{}})
	if string(b) != "{}" || string(m) != "{}" {
		t.Errorf("an empty list must not be written: %s %s", b, m)
	}
	s := NewStatus("x", time.Unix(0, 0), []StatusDetail{{ID: "a", Version: "v"}}, nil, []StatusDetail{{ID: "b", Version: "v"}})
	if s.Status != "pending" || s.TotalCount != 2 || s.SuccessCount+s.FailureCount+s.PendingCount != s.TotalCount || s.RequestTimestamp != "1970-01-01T00:00:00.000000Z" {
		t.Errorf("%+v", s)
	}
	e := NewError(404, "Not found", "")
	if string(e.JSON()) != `{"title":"Not found","http_status":"404"}` || e.Status() != 404 {
		t.Errorf("%s", e.JSON())
	}
}

func FuzzQuery(f *testing.F) {
	f.Add("limit=5&match[version]=first,last&next=abc", "scope")
	f.Add("added_after=2026-01-02T03:04:05.5Z&match[id]=a--c25327b3-2e74-5437-bd66-e0321bf3876c", "")
	c := NewCursors([]byte("0123456789abcdef"))
	f.Fuzz(func(t *testing.T, raw, scope string) {
		v, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		for r := ForObjects; r <= ForVersions; r++ {
			q, fault := ParseQuery(v, r)
			if fault != nil {
				if fault.Status() != 400 {
					t.Fatal(fault)
				}
				continue
			}
			if _, fault := c.Decode(scope, q); fault == nil {
				t.Fatalf("a cursor that we did not make was taken: %q", q.Next)
			}
			at := Cursor{Added: 7, ID: strings.ToValidUTF8(strings.ReplaceAll(scope, "\x00", ""), ""), Version: "v"}
			q.Next = c.Encode(at, scope, q)
			if got, fault := c.Decode(scope, q); fault != nil || got != at {
				t.Fatalf("%+v, %v", got, fault)
			}
		}
	})
}

func TestReadEnvelope(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in      string
		objects string
		more    bool
		next    string
		broken  bool
	}{
		{in: `{}`},
		{in: `{"more":false,"objects":[{"a":1},2]}`, objects: `{"a":1} 2`},
		{in: `{"objects":[{"a":[1,{}]}],"next":"x\u0041","more":true,"x_own":{"objects":[3]}}`, objects: `{"a":[1,{}]}`, more: true, next: "xA"},
		{in: ``, broken: true},
		{in: `[]`, broken: true},
		{in: `{"objects":{}}`, broken: true},
		{in: `{"objects":[{"a":1}`, objects: `{"a":1}`, broken: true},
		{in: `{"more":"yes"}`, broken: true},
		{in: `{"next":5}`, broken: true},
		{in: `{} {}`, broken: true},
	} {
		var got []string
		more, next, err := ReadEnvelope(strings.NewReader(c.in), func(o json.RawMessage) error { got = append(got, string(o)); return nil })
		if text := strings.Join(got, " "); text != c.objects || more != c.more || next != c.next || (err != nil) != c.broken {
			t.Errorf("%s: %q %v %q %v", c.in, text, more, next, err)
		}
	}
	stop := errors.New("enough")
	if _, _, err := ReadEnvelope(strings.NewReader(`{"objects":[1,2]}`), func(json.RawMessage) error { return stop }); err != stop {
		t.Errorf("the reader's own fault: %v", err)
	}
}

func FuzzReadEnvelope(f *testing.F) {
	f.Add(`{"objects":[{"a":1},2],"more":true,"next":"x"}`)
	f.Fuzz(func(t *testing.T, in string) {
		n := 0
		_, _, err := ReadEnvelope(strings.NewReader(in), func(o json.RawMessage) error {
			if n++; !json.Valid(o) {
				t.Errorf("%q is no JSON", o)
			}
			return nil
		})
		if err == nil && !json.Valid([]byte(in)) {
			t.Errorf("%q was taken", in)
		}
	})
}
