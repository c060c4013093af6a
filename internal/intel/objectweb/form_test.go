package objectweb

import (
	"io/fs"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/catalog"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/testkit"
)

// TestObjectByForm: a template is found, its form says what is missing and what is
// wrong at the fields, keeps what the template decides, and leads back to the object.
// An object for the own organisation is nobody else's, although its attributes say
// nothing of their own.
func TestObjectByForm(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		w.Must(w.Lists.Seed(t.Context(), ident.SystemPart("importer")))
		people := testkit.Gate{"ana": w.Person(w.CERT, access.Lead, ident.Web), "alfa": w.Person(w.A, access.Member, ident.Web), "vesna": w.Person(w.CERT2, access.Lead, ident.Web)}
		for name, who := range people {
			who.Name, who.SecondFA = name, true
			people[name] = who
		}
		s := testkit.NewSite(t, testkit.Doors{Gate: people, Now: db.Clock.Now, Messages: []fs.FS{intel.Messages, Files}, Routes: func(m *web.Mux) { Routes(m, Deps{Intel: w.Intel, Catalog: w.Lists}) }})
		e := w.Add(people["ana"], inteltest.Event("Капија 400", intel.Community))
		at := "/console/events/" + e.Ref()
		s.Shows("ana", at+"/objects/new", 200, "domain-ip", "email")
		if strings.Contains(s.Shows("ana", at+"/objects/new?q=letter+MAIL", 200, "email"), "domain-ip") {
			t.Error("a search for letters shows other templates")
		}
		s.Shows("ana", at+"/objects/new?q=nothing-like-it", 200, "No template matches")
		const email, file = "a0c666e0-fc65-4be8-b48f-3423d788b552", "688c46fb-5edb-40a3-8273-1af7923e2215"
		s.Shows("ana", at+"/objects/new?template="+email, 200, `name="of-from"`, `name="of-send-date"`, "At least one of these is needed")
		if strings.Contains(s.Shows("ana", at+"/objects/new?template="+file, 200, "Fields that hold a file"), "of-malware-sample") {
			t.Error("a file is asked for on a form that takes none")
		}
		s.Shows("ana", at+"/objects/new?template=0000", 404)
		send := func(status int, say string, fields ...string) {
			t.Helper()
			s.Sends("ana", at+"/objects/new", status, testkit.Form(append(fields, "distribution", "5")...), say)
		}
		send(404, "", "template", "nothing", "of-md5", "1")
		send(422, "at least one", "template", email, "of-x-mailer", "Mutt")
		send(422, "does not fit the type", "template", email, "of-from", "није адреса")
		send(422, "Fill in this field", "template", email, "of-from", "a@napad.example", "distribution", "4", "group", "")
		s.Sends("ana", at+"/objects/new", 303, testkit.Form("template", email, "distribution", "0", "comment", "стигло у 8", "of-from", "a@napad.example\nb@napad.example\r\n\na@napad.example", "of-subject", "Рачун"))
		var got []string
		seen := func(as string) (out []string) {
			w.Must(w.Intel.Objects(t.Context(), people[as], e.Ref(), intel.Part{Limit: 9}, func(o *intel.Object) error {
				out = append(out, o.Name, o.Comment, o.TemplateUUID, strconv.Itoa(int(o.Distribution)))
				for _, a := range o.Attributes {
					out = append(out, a.Relation+" "+a.Type+" "+a.Value+" "+a.Category+" "+strconv.FormatBool(a.ToIDS))
				}
				return nil
			}))
			return out
		}
		got = seen("ana")
		if d := cmp.Diff([]string{"email", "стигло у 8", email, "0", "from email-src a@napad.example Payload delivery true", "from email-src b@napad.example Payload delivery true", "subject email-subject Рачун Payload delivery false"}, got); d != "" {
			t.Error(d)
		}
		send(422, "has this object", "template", email, "of-from", "a@napad.example\nb@napad.example", "of-subject", "Рачун")
		w.Must(w.Intel.Publish(t.Context(), people["ana"], e.Ref()))
		if list := seen("alfa"); len(list) > 0 {
			t.Errorf("an organisation sees an object of the team's own: %v", list)
		}
		for _, as := range []string{"alfa", "vesna"} { // who sees the event, and may not change it
			where := map[string]string{"alfa": "/portal/events/", "vesna": "/console/events/"}[as] + e.Ref() + "/objects/new"
			if r := s.Browse(as, "GET", where, "", nil); r.Code != 403 && r.Code != 404 {
				t.Errorf("%s is shown the form: %d", as, r.Code)
			}
			if r := s.Browse(as, "POST", where, "application/x-www-form-urlencoded", strings.NewReader(testkit.Form("template", email, "of-from", "c@napad.example", "distribution", "5").Encode())); r.Code != 403 && r.Code != 404 {
				t.Errorf("%s adds an object: %d", as, r.Code)
			}
		}
		if _, err := w.Lists.Enable(t.Context(), ident.SystemPart("importer"), catalog.Template, email, false); err == nil {
			s.Shows("ana", at+"/objects/new?template="+email, 404)
		} else {
			t.Error(err)
		}
	})
}

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	field := ui.Field{Name: "of-md5", Label: "`md5`", Suggest: []string{"1"}}
	if err := web.CheckTemplates(Files, map[string][]web.Pager{
		"object": {&objectPage{Table: ui.Table{Columns: []ui.Column{{Label: "Образац"}}, Rows: []ui.Row{{Cells: []any{"file"}}}}},
			&objectPage{Template: "1", Notes: []ui.Note{{Kind: "info", Body: "1"}}, Open: true, Action: "/x", Version: 1, Kept: []keptRow{{"file", "a.exe", "/x"}}, Main: []ui.Field{field}, More: []ui.Field{field}, Reach: []ui.Field{field}}},
	}, Files); err != nil {
		t.Error(err)
	}
}
