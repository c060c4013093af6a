package objectweb

import (
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/catalog"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/testkit"
)

func TestRevised(t *testing.T) {
	t.Parallel()
	tpl := &catalog.ObjectTemplate{Fields: []catalog.TemplateField{{Relation: "one", Type: "domain"}, {Relation: "many", Type: "domain", Multiple: true}, {Relation: "pick", Type: "text", Values: []string{"a"}}, {Relation: "file", Type: "attachment"}}}
	at := func(uuid, relation, typ, value string) intel.Attribute {
		return intel.Attribute{UUID: uuid, Relation: relation, Type: typ, Value: value}
	}
	o := &intel.Object{Attributes: []intel.Attribute{at("1", "one", "domain", "a.example"), at("2", "many", "domain", "b.example"), at("3", "many", "domain", "c.example"), at("4", "one", "domain", "second.example"),
		at("5", "strange", "domain", "d.example"), at("6", "one", "hostname", "e.example"), at("7", "file", "attachment", "f"), at("8", "pick", "text", "not a choice")}}
	in, rest := placed(o, tpl)
	var left []string
	for _, a := range rest {
		left = append(left, a.UUID)
	}
	if diff := cmp.Diff([]string{"4", "5", "6", "7", "8"}, left); diff != "" || len(in["one"]) != 1 || len(in["many"]) != 2 {
		t.Errorf("the form holds %v; %s", in, diff)
	}
	wrote := func(pairs ...string) (out []misp.Attribute) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, misp.Attribute{ObjectRelation: misp.T(pairs[i]), Type: misp.T("domain"), Value: misp.T(pairs[i+1])})
		}
		return out
	}
	for name, c := range map[string]struct {
		wrote []misp.Attribute
		want  string
	}{
		"nothing":            {wrote("one", "A.example", "many", "b.example", "many", "c.example"), "[] []"},
		"one in its place":   {wrote("one", "new.example", "many", "b.example", "many", "c.example"), "[1=new.example] []"},
		"one of many":        {wrote("one", "a.example", "many", "b.example", "many", "new.example"), "[3=new.example] []"},
		"two for one":        {wrote("one", "a.example", "many", "b.example", "many", "new.example", "many", "newer.example"), "[=new.example =newer.example] [3]"},
		"emptied and filled": {wrote("many", "b.example", "many", "c.example", "pick", "a"), "[=a] [1]"},
		"all gone":           {nil, "[] [1 2 3]"},
	} {
		set, drop := revised(in, c.wrote)
		var lines []string
		for _, w := range set {
			lines = append(lines, w.UUID.V+"="+w.Value.V)
		}
		if got := fmt.Sprint(lines, drop); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// newSite serves the pages to a lead, a member and another CERT's lead.
func newSite(t *testing.T, db *store.DB) (*inteltest.World, *testkit.Site, testkit.Gate) {
	t.Helper()
	w := inteltest.New(t, db)
	w.Must(w.Lists.Seed(t.Context(), ident.SystemPart("importer")))
	people := testkit.Gate{"ana": w.Person(w.CERT, access.Lead, ident.Web), "alfa": w.Person(w.A, access.Member, ident.Web), "vesna": w.Person(w.CERT2, access.Lead, ident.Web)}
	for name, who := range people {
		who.Name, who.SecondFA = name, true
		people[name] = who
	}
	s := testkit.NewSite(t, testkit.Doors{Gate: people, Now: db.Clock.Now, Messages: []fs.FS{intel.Messages, Files}, Routes: func(m *web.Mux) { Routes(m, Deps{Intel: w.Intel, Catalog: w.Lists}) }})
	return w, s, people
}

// TestObjectIsChangedByItsForm: the form holds what stands there, says what is wrong and
// keeps what was typed, changes only what differs, and leaves what it has no field for;
// nobody else is shown it.
func TestObjectIsChangedByItsForm(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w, s, people := newSite(t, db)
		const email = "a0c666e0-fc65-4be8-b48f-3423d788b552"
		part := func(relation, typ, value string) misp.Attribute {
			return misp.Attribute{ObjectRelation: misp.T(relation), Type: misp.T(typ), Value: misp.T(value)}
		}
		ev := inteltest.Event("Капија 400", intel.Community)
		subject := part("subject", "email-subject", "Рачун")
		subject.Comment = misp.T("остаје")
		ev.Object = []misp.Object{{Name: misp.T("email"), TemplateUUID: misp.T(email), Comment: misp.T("пре"), Attribute: []misp.Attribute{part("from", "email-src", "a@napad.example"), part("from", "email-src", "b@napad.example"), subject, part("strange", "domain", "own.example")}},
			{Name: misp.T("alien"), TemplateUUID: misp.T("00000000-0000-4000-8000-000000000001"), Attribute: []misp.Attribute{part("x", "domain", "x.example")}}}
		e := w.Add(people["ana"], ev)
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		var objects []intel.Object
		read := func() (out []string) {
			objects = nil
			w.Must(w.Intel.Objects(t.Context(), people["ana"], e.Ref(), intel.Part{}, func(o *intel.Object) error { objects = append(objects, *o); return nil }))
			for _, a := range objects[0].Attributes {
				out = append(out, a.UUID[30:]+" "+a.Relation+" "+a.Value+" "+a.Comment)
			}
			return append(out, objects[0].Comment)
		}
		before := read()
		at := "/console/events/" + e.Ref() + "/objects/"
		page := s.Shows("ana", at+objects[0].UUID, 200, "a@napad.example\nb@napad.example", "Рачун", "Stays as it is", "own.example", `value="пре"`)
		version := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(page)[1]
		to := s.Sends("ana", at+objects[1].UUID, 303, url.Values{})
		if got := s.Browse("ana", "GET", at+objects[1].UUID, "", nil).Code; got != 303 || !strings.HasSuffix(to, "#object-"+fmt.Sprint(objects[1].ID)) {
			t.Errorf("an object without a template: %d, to %s", got, to)
		}
		send := func(status int, say string, fields ...string) {
			t.Helper()
			s.Sends("ana", at+objects[0].UUID, status, testkit.Form(append(fields, "version", version, "distribution", "5")...), say)
		}
		now.Add(1e9)
		send(422, "at least one", "of-x-mailer", "Mutt")
		s.Sends("ana", at+objects[0].UUID, 422, testkit.Form("version", version, "distribution", "5", "of-from", "није адреса", "of-x-mailer", "Mutt 2"), "does not fit the type", "Mutt 2")
		if diff := cmp.Diff(before, read()); diff != "" {
			t.Error("changed by a form that was refused: ", diff)
		}
		full := []string{"version", version, "comment", "после", "of-from", "b@napad.example\nc@napad.example", "of-subject", "Други рачун", "of-x-mailer", "Mutt"}
		now.Add(1e9)
		moment := saved(t, s, at+objects[0].UUID, full...)
		now.Add(1e9)
		if b, err := w.Intel.UndoAttributes(t.Context(), people["ana"], e.Ref(), moment); err != nil || b.Changed != 3 || b.Objects != 1 || len(b.Left) > 0 {
			t.Errorf("%+v %v", b, err)
		}
		if diff := cmp.Diff(before, read()); diff != "" {
			t.Error("taken back: ", diff)
		}
		now.Add(1e9)
		moment = saved(t, s, at+objects[0].UUID, "version", fmt.Sprint(objects[0].Version()), "comment", "пре", "of-from", "b@napad.example") // two went
		now.Add(1e9)
		if got := read(); len(got) != 3 {
			t.Error(got)
		}
		if b, err := w.Intel.UndoAttributes(t.Context(), people["ana"], e.Ref(), moment); err != nil || b.Changed != 2 || b.Objects != 0 {
			t.Errorf("%+v %v", b, err)
		}
		if diff := cmp.Diff(before, read()); diff != "" {
			t.Error("what went is back: ", diff)
		}
		version = fmt.Sprint(objects[0].Version())
		now.Add(1e9)
		send(303, "", full[2:]...)
		after := read()
		if before[2][:6] != after[2][:6] {
			t.Errorf("the subject is not the one that stood there: %q, %q", before[2], after[2])
		}
		for i := range after[:len(after)-1] {
			after[i] = after[i][7:]
		}
		if diff := cmp.Diff([]string{"from c@napad.example ", "from b@napad.example ", "subject Други рачун остаје", "strange own.example ", "x-mailer Mutt ", "после"}, after); diff != "" {
			t.Error(diff)
		}
		send(409, "", "of-from", "late@napad.example")
		for as, where := range map[string]string{"alfa": "/portal/events/", "vesna": "/console/events/"} {
			path := where + e.Ref() + "/objects/" + objects[0].UUID
			for _, method := range []string{"GET", "POST"} {
				if r := s.Browse(as, method, path, "application/x-www-form-urlencoded", strings.NewReader(testkit.Form("of-from", "z@napad.example", "distribution", "5").Encode())); r.Code != 403 && r.Code != 404 {
					t.Errorf("%s %s: %d", as, method, r.Code)
				}
			}
		}
		other := w.Add(people["ana"], inteltest.Event("Други", intel.Community))
		s.Shows("ana", "/console/events/"+other.Ref()+"/objects/"+objects[0].UUID, 404)
	})
}

// Of two who began with the same form the second one is told, though both were within one
// second; who changes nothing changes nothing, and is not in the way.
func TestTwoFormsInOneSecond(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w, s, people := newSite(t, db)
		ev := inteltest.Event("Капија 400", intel.Community)
		ev.Object = []misp.Object{{Name: misp.T("email"), TemplateUUID: misp.T("a0c666e0-fc65-4be8-b48f-3423d788b552"),
			Attribute: []misp.Attribute{{ObjectRelation: misp.T("subject"), Type: misp.T("email-subject"), Value: misp.T("Рачун")}}}}
		e := w.Add(people["ana"], ev)
		var at string
		w.Must(w.Intel.Objects(t.Context(), people["ana"], e.Ref(), intel.Part{}, func(o *intel.Object) error {
			at = "/console/events/" + e.Ref() + "/objects/" + o.UUID
			return nil
		}))
		form := func() string {
			t.Helper()
			return regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(s.Shows("ana", at, 200))[1]
		}
		now.Add(1e9)
		for _, x := range []struct {
			status        int
			first, second string
		}{{409, "Први", "Други"}, {303, "Први", "Трећи"}, {409, "Четврти", "Четврти"}} {
			one, two := form(), form()
			s.Sends("ana", at, 303, testkit.Form("version", one, "distribution", "5", "of-subject", x.first))
			s.Sends("ana", at, x.status, testkit.Form("version", two, "distribution", "5", "of-subject", x.second))
		}
	})
}

// saved sends the form and gives the moment that the toast takes back.
func saved(t *testing.T, s *testkit.Site, path string, fields ...string) int64 {
	t.Helper()
	r := s.Browse("ana", "POST", path, "application/x-www-form-urlencoded", strings.NewReader(testkit.Form(append(fields, "distribution", "5")...).Encode()))
	_, body, _ := strings.Cut(r.Header().Get("Set-Cookie"), "flash=")
	body, _, _ = strings.Cut(body, ".")
	text, _ := base64.RawURLEncoding.DecodeString(body)
	form := regexp.MustCompile(`"/console/events/[^"]+/attributes/undo".*"at":"([0-9a-z]+)"`).FindSubmatch(text)
	if r.Code != 303 || form == nil {
		t.Fatalf("%d, and no way back: %s", r.Code, text)
	}
	at, err := strconv.ParseInt(string(form[1]), 36, 64)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
