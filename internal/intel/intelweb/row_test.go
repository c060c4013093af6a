package intelweb

import (
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestTextFilterOfAnEvent: the filter over an event's table leaves the rows that hold the
// text, not all of an event in which it stands somewhere.
func TestTextFilterOfAnEvent(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s, w, people := desk(t, db)
		e := w.Add(people["ana"], inteltest.Event("Капија 400", intel.Community, inteltest.Attr("ip-dst", "198.51.100.24"), inteltest.Attr("domain", "kapija.example")))
		for _, q := range []string{"q=kapija", "q=kapija&sort=value"} {
			if body := s.Shows("ana", "/console/events/"+e.Ref()+"?"+q, 200, "kapija.example"); strings.Contains(body, "198.51.100.24") {
				t.Errorf("%s leaves a row without the text", q)
			}
		}
		s.Shows("ana", "/console/events/"+e.Ref()+"?q=400", 200, "The filter hides all attributes")
	})
}

// TestRowInPlace: a row's small form comes to a script alone and changes what it holds and
// nothing else; a wrong value and a lost race are told in the row; the change is taken
// back; who may not change the event gets no form and no address of one.
func TestRowInPlace(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s, w, people := desk(t, db)
		e := w.Add(people["ana"], inteltest.Event("Капија 400", intel.Community, inteltest.Attr("ip-dst", "198.51.100.24"), inteltest.Attr("domain", "kapija.example")))
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		at := "/console/events/" + e.Ref()
		var rows []string
		for _, m := range regexp.MustCompile(`data-edit="([^"]*)"`).FindAllStringSubmatch(s.Shows("ana", at, 200, "changes it in its place"), -1) {
			rows = append(rows, m[1])
		}
		if len(rows) != 2 {
			t.Fatalf("%d rows can be changed, want 2", len(rows))
		}
		row := rows[0]
		script := func(as, method, path string, form url.Values) (int, string) {
			t.Helper()
			r := httptest.NewRequest(method, testkit.SiteOrigin+path, strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("HX-Request", "true")
			return s.As(as, r)
		}
		attribute := func() intel.Attribute {
			ref, _, _ := strings.Cut(strings.TrimPrefix(row, at+"/attributes/"), "/")
			a, err := w.Intel.Attribute(t.Context(), people["ana"], ref)
			w.Must(err)
			return a
		}
		was := attribute()
		version := func() string { return strconv.FormatInt(attribute().Timestamp, 10) }
		if to := s.Browse("ana", "GET", row, "", nil).Header().Get("Location"); to != strings.TrimSuffix(row, "/row") {
			t.Errorf("without a script the row leads to %q", to)
		}
		if code, body := script("ana", "GET", row, nil); code != 200 || !strings.HasPrefix(body, "<tr data-editing>") || !strings.Contains(body, was.Value) {
			t.Errorf("the small form: %d %.200s", code, body)
		}
		form := func(value, comment, version string) url.Values {
			return testkit.Form("value", value, "category", was.Category, "comment", comment, "version", version)
		}
		for _, c := range []struct {
			form url.Values
			code int
			say  string
		}{{form("", "", version()), 422, "Fill in this field"}, {form("није адреса", "", version()), 422, "does not fit the type"}, {form(was.Value, "касно", "1"), 409, `role="alert"`}} {
			if code, body := script("ana", "POST", row, c.form); code != c.code || !strings.Contains(body, "data-editing") || !strings.Contains(testkit.Words(body), c.say) {
				t.Errorf("%v: %d, want %d with %q: %.600s", c.form, code, c.code, c.say, body)
			}
		}
		now.Add(1e9)
		code, body := script("ana", "POST", row, form(was.Value, "затворен", version()))
		if code != 200 || !strings.HasPrefix(body, "<table><tbody><tr data-edit") || !strings.Contains(body, "затворен") || !strings.Contains(body, "data-toast") {
			t.Errorf("the row after the change: %d %.400s", code, body)
		}
		if a := attribute(); a.Comment != "затворен" || a.ToIDS || a.Type != was.Type || a.Distribution != was.Distribution || a.NoCorrelation != was.NoCorrelation {
			t.Errorf("changed to %+v", a)
		}
		now.Add(1e9)
		back := form(was.Value, was.Comment, version())
		if was.ToIDS {
			back.Set("ids", "1")
		}
		s.Sends("ana", row, 303, back)
		if a := attribute(); a.Comment != was.Comment || a.ToIDS != was.ToIDS {
			t.Errorf("taken back to %+v", a)
		}
		s.Sends("ana", row, 409, form(was.Value, "касно", "1"))

		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		other := strings.Replace(row, "/console/", "/portal/", 1)
		if strings.Contains(s.Shows("alfa", "/portal/events/"+e.Ref(), 200), "data-edit") {
			t.Error("a reader is offered to change a row")
		}
		for who, path := range map[string]string{"alfa": other, "vesna": row} {
			for _, method := range []string{"GET", "POST"} {
				if code, _ := script(who, method, path, form("192.0.2.1", "", version())); code != 403 && code != 404 {
					t.Errorf("%s %s as %s: %d", method, path, who, code)
				}
			}
		}
		if a := attribute(); a.Value != was.Value {
			t.Errorf("a stranger changed the value to %s", a.Value)
		}
	})
}
