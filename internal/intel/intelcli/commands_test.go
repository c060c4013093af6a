package intelcli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"straza/internal/craft/export"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/intelcli"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// disk are real files of a test.
type disk struct{}

func (disk) Open(name string) (io.ReadCloser, error)    { return os.Open(name) }
func (disk) Create(name string) (io.WriteCloser, error) { return os.Create(name) }
func (disk) List(dir string) ([]string, error) {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return nil, err
	}
	list, err := os.ReadDir(dir)
	out := []string{}
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out, err
}

type result struct {
	out, err string
	fault    error
}

func run(t *testing.T, w *inteltest.World, who ident.Actor, in string, args ...string) result {
	t.Helper()
	for _, c := range intelcli.Commands(w.Intel, w.Registry, "https://straza.example", nil) {
		rest, ok := strings.CutPrefix(strings.Join(args, "\x00"), strings.ReplaceAll(c.Name, " ", "\x00")+"\x00")
		if !ok {
			continue
		}
		fs := flag.NewFlagSet(c.Name, flag.ContinueOnError)
		do := c.Flags(fs)
		if err := fs.Parse(strings.Split(rest, "\x00")); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		env := &cli.Env{Who: who, In: strings.NewReader(in), Out: &out, Err: &errs, Files: disk{}, JSON: true}
		err := do(context.Background(), env, fs.Args())
		return result{out.String(), errs.String(), err}
	}
	t.Fatalf("no command %v", args)
	return result{}
}

type counts struct {
	Read, Created, Updated, Unchanged, Refused int64
}

type report struct {
	Files                       int
	Events, Attributes, Objects counts
	Refused                     []struct{ File, UUID, Reason string }
	Left                        []left
}

type left struct {
	Type, Reason string
	Count        int64
}

func reportOf(t *testing.T, r result) (rep report) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.out), &rep); err != nil {
		t.Fatalf("%v: %s %s %v", err, r.out, r.err, r.fault)
	}
	return rep
}

func TestImportCountsAndExportsAgain(t *testing.T) {
	t.Parallel()
	corpus := "../../../../shared/data/misp-events"
	if _, err := os.Stat(corpus); err != nil {
		t.Skip("no corpus beside this tree")
	}
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	w := inteltest.New(t, db)
	op := ident.Actor{Kind: ident.Operator, Name: "root", Channel: ident.CLI}
	r := run(t, w, op, "", "intel", "import", corpus)
	rep := reportOf(t, r)
	want := report{Files: 29, Events: counts{Read: 29, Created: 29}, Attributes: counts{Read: 1647, Created: 1647}, Objects: counts{Read: 134, Created: 134}}
	if diff := cmp.Diff(want, rep, cmp.Transformer("n", func(in []struct{ File, UUID, Reason string }) int { return len(in) })); diff != "" || r.fault != nil {
		t.Fatalf("first import (-want +got) %v:\n%s", r.fault, diff)
	}
	again := reportOf(t, run(t, w, op, "", "intel", "import", corpus))
	if again.Events != (counts{Read: 29, Unchanged: 29}) {
		t.Errorf("second import: %+v", again.Events)
	}
	// An operator sees numbers, no content.
	if r := run(t, w, op, "", "intel", "export", "--format", "json"); r.fault == nil || r.out != "" {
		t.Errorf("an operator exports: %v", r.fault)
	}
	analyst := w.Person(w.CERT, access.Analyst, ident.CLI)
	r = run(t, w, analyst, "", "intel", "export", "--format", "json")
	if n := strings.Count(r.out, "\n"); n != 29 || r.fault != nil {
		t.Fatalf("%d events exported, %v, %s", n, r.fault, r.err)
	}
	// What was exported goes into another installation as it is.
	other := inteltest.New(t, testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 2)))
	var sum counts
	for line := range strings.Lines(r.out) {
		rep := reportOf(t, run(t, other, op, line, "intel", "import", "-"))
		sum.Created += rep.Attributes.Created
		if rep.Events.Created != 1 || len(rep.Refused) > 0 {
			t.Errorf("%+v", rep)
		}
	}
	if sum.Created != 1647 {
		t.Errorf("%d attributes arrived", sum.Created)
	}
	if r := run(t, w, analyst, "", "intel", "export", "--format", "text", "type=md5"); strings.Count(r.out, "\n") == 0 || r.fault != nil {
		t.Errorf("text export: %v", r.fault)
	}
}

func TestImportReportsWhatItRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	good := write("good.json", `[{"Event":{"info":"good","Attribute":[{"type":"ip-dst","value":"198.51.100.7"},{"type":"ip-dst","value":"no address"}]}},{"Event":{"info":""}}]`)
	cut := write("cut.json", `{"Event":{"info":"cut","Attribute":[{"type":"ip-dst","value":"198.51.`)
	csv := write("list.csv", "type,value,to_ids\nmd5,44d88612fea8a8f36de82e1278abb02f,1\ndomain,evil.example,0\n")
	text := write("mail.txt", "fetch hxxp://evil[.]example[.]com/a from 203.0.113[.]9")
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		op := ident.Actor{Kind: ident.Operator, Name: "root", Channel: ident.CLI}
		r := run(t, w, op, "", "intel", "import", "--org", w.A.UUID, good, cut, csv, text)
		rep := reportOf(t, r)
		if rep.Events != (counts{Read: 4, Created: 3, Refused: 2}) || len(rep.Refused) != 3 || r.fault == nil {
			t.Errorf("%+v, %v", rep, r.fault)
		}
		who := w.Person(w.A, access.Member, ident.CLI)
		out := run(t, w, who, "", "intel", "export", "--format", "csv").out
		if head, _, _ := strings.Cut(out, "\r\n"); !strings.HasSuffix(head, ",tlp,"+strings.Join(export.Columns, ",")) || !strings.Contains(out, ","+who.Name) {
			t.Errorf("the file does not say where it comes from: %s", head)
		}
		for _, v := range []string{"198.51.100.7", "44d88612fea8a8f36de82e1278abb02f", "203.0.113.9", "http://evil.example.com/a"} {
			if !strings.Contains(out, v) {
				t.Errorf("%s is missing in\n%s", v, out)
			}
		}
	})
}

// TestExportForSensors: only what is for detection, published, may leave and stands on
// no warning list becomes a rule; what stayed here is said.
func TestExportForSensors(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.CERT, access.Analyst, ident.CLI)
		event := func(info, tlp, value string, publish bool) {
			in := `{"Event":{"info":"` + info + `","distribution":"1","Tag":[{"name":"tlp:` + tlp + `"}],"Attribute":[{"type":"domain","value":"` + value + `"},{"type":"comment","value":"no sensor reads this"},
				{"type":"domain","value":"own.red.example.org","Tag":[{"name":"tlp:red"}]}],"Object":[{"name":"domain-ip","meta-category":"network","Attribute":[{"object_relation":"domain","type":"domain","value":"far.red.example.org","Tag":[{"name":"tlp:red"}]},
				{"object_relation":"domain","type":"domain","value":"in.` + value + `"}]}]}}`
			args := []string{"intel", "import"}
			if publish {
				args = append(args, "--publish")
			}
			if r := run(t, w, who, in, append(args, "-")...); r.fault != nil {
				t.Fatal(r.err, r.fault)
			}
		}
		event("open", "green", "evil.example.org", true)
		event("draft", "green", "draft.example.org", false)
		event("red", "red", "red.example.org", true)
		for _, format := range []string{"json", "csv", "stix"} { // an attribute's own label binds these too
			if r := run(t, w, who, "", "intel", "export", "--format", format); r.fault != nil || !strings.Contains(r.out, "evil.example.org") || strings.Contains(r.out, "red.example.org") {
				t.Errorf("%s: %v %s", format, r.fault, r.out)
			}
		}
		for format, want := range map[string]string{"suricata": `dns.query; content:"evil.example.org"`, "rpz": "*.evil.example.org CNAME .", "hosts": "0.0.0.0 evil.example.org",
			"zeek": "evil.example.org\tIntel::DOMAIN", "sigma": "- .evil.example.org", "yara": `$ = "evil.example.org"`, "text": "evil.example.org\n", "openioc": ">evil.example.org<"} {
			r := run(t, w, who, "", "intel", "export", "--format", format)
			if r.fault != nil || !strings.Contains(r.out, want) {
				t.Errorf("%s: %v, want %q in %s", format, r.fault, want, r.out)
			}
			for _, never := range []string{"draft.example.org", "red.example.org", "no sensor"} {
				if strings.Contains(r.out, never) {
					t.Errorf("%s carries %s", format, never)
				}
			}
			if !strings.Contains(r.err, "1 events stay here: RED is for the persons named") {
				t.Errorf("%s does not say what stayed: %s", format, r.err)
			}
		}
		// Somebody of another organisation gets no more than they see.
		if r := run(t, w, w.Person(w.C, access.Member, ident.CLI), "", "intel", "export", "--format", "hosts", "value=draft.example.org"); strings.Contains(r.out, "draft") {
			t.Errorf("leaked: %s", r.out)
		}
		if r := run(t, w, who, "", "intel", "export", "--format", "nonsense"); r.fault == nil {
			t.Error("an unknown format was taken")
		}
		for _, term := range []string{"published=maybe", "to_ids=2", "from=yesterday", "to=2026-13-40", "event=zzz", "since=never", "nonsense=1", "event"} {
			r := run(t, w, who, "", "intel", "export", "--format", "csv", term)
			var exit *cli.Exit
			if !errors.As(r.fault, &exit) || exit.Code != cli.Usage || r.out != "" {
				t.Errorf("%s: %v, %q", term, r.fault, r.out)
			}
		}
		op := ident.Actor{Kind: ident.Operator, Name: "root", Channel: ident.CLI}
		if r := run(t, w, op, "", "intel", "export", "--format", "suricata"); r.fault == nil || r.out != "" {
			t.Errorf("an operator exports content: %v", r.fault)
		}
	})
}

// meddler writes to the database as soon as the first byte of an export comes.
type meddler struct {
	bytes.Buffer
	do func()
}

func (m *meddler) Write(b []byte) (int, error) {
	if m.do != nil {
		m.do()
		m.do = nil
	}
	return m.Buffer.Write(b)
}

// TestAnExportIsOfOneMoment: a document holds the events, and within them the attributes,
// of the moment that its stamp counted.
func TestAnExportIsOfOneMoment(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.CERT, access.Analyst, ident.CLI)
		for i := range 40 { // more than one buffer of the encoder
			w.Add(who, inteltest.Event(fmt.Sprint("early ", i, strings.Repeat(" x", 400)), intel.OwnOrg, inteltest.Attr("domain", fmt.Sprintf("early%d.example", i))))
		}
		for _, format := range []string{"misp", "csv"} {
			out := &meddler{do: func() {
				for i := range 3 {
					w.Add(who, inteltest.Event(fmt.Sprint("late", format, i), intel.OwnOrg, inteltest.Attr("domain", fmt.Sprintf("late%s%d.example", format, i))))
				}
			}}
			for _, c := range intelcli.Commands(w.Intel, w.Registry, "https://straza.example", nil) {
				if c.Name != "intel export" {
					continue
				}
				fs := flag.NewFlagSet(c.Name, flag.ContinueOnError)
				do := c.Flags(fs)
				w.Must(fs.Parse([]string{"--format", format}))
				w.Must(do(t.Context(), &cli.Env{Who: who, Out: out, Err: io.Discard, Files: disk{}}, nil))
			}
			if out.do != nil || strings.Contains(out.String(), "late"+format) || strings.Count(out.String(), "early39.example") != 1 {
				t.Errorf("%s: %d bytes, meddled %v", format, out.Len(), out.do == nil)
			}
		}
	})
}

// TestDiff tells what became of an event on the command line, to persons only.
func TestDiff(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		who := w.Person(w.A, access.OrgAdmin, ident.CLI)
		e := w.Add(who, inteltest.Event("diff", intel.Community, inteltest.Attr("domain", "old.example")))
		now.Add(time.Minute)
		w.Must(w.Intel.Attributes(context.Background(), who, e.UUID, intel.Part{}, func(a *intel.Attribute) error {
			_, err := w.Intel.EditAttribute(context.Background(), who, a.UUID, misp.Attribute{Value: misp.T("new.example")})
			return err
		}))
		if r := run(t, w, who, "", "intel", "diff", e.UUID); r.fault != nil || !strings.Contains(r.out, `value: "old.example" -> "new.example"`) {
			t.Errorf("%q %v", r.out, r.fault)
		}
		if r := run(t, w, who, "", "intel", "diff", "--json", "--from", "0", e.UUID); r.fault != nil || !strings.Contains(r.out, `"act":"added"`) || !strings.Contains(r.out, "new.example") {
			t.Errorf("%q %v", r.out, r.fault)
		}
		if r := run(t, w, ident.Actor{Kind: ident.Operator, Channel: ident.CLI}, "", "intel", "diff", e.UUID); r.fault == nil || r.out != "" {
			t.Errorf("an operator reads content: %q %v", r.out, r.fault)
		}
		if r := run(t, w, who, "", "intel", "diff", "--from", "yesterday", e.UUID); r.fault == nil {
			t.Error("no moment is taken for one")
		}
	})
}

// TestImportCountsEveryRefusal: the list of reasons ends somewhere, the count does not.
func TestImportCountsEveryRefusal(t *testing.T) {
	t.Parallel()
	same := strings.Repeat(`,{"type":"ip-dst","value":"198.51.100.7"}`, 500)
	body := `{"Event":{"info":"one address, many times","Attribute":[{"type":"ip-dst","value":"198.51.100.7"}` + same + `]}}`
	w := inteltest.New(t, testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 2)))
	op := ident.Actor{Kind: ident.Operator, Name: "root", Channel: ident.CLI}
	r := run(t, w, op, body, "intel", "import", "--org", w.A.UUID, "-")
	if rep := reportOf(t, r); rep.Attributes != (counts{Read: 501, Created: 1, Refused: 500}) || len(rep.Refused) == 0 {
		t.Errorf("%+v, %d reasons", rep.Attributes, len(rep.Refused))
	}
	if r.fault == nil || !strings.Contains(r.fault.Error(), " 500 events or parts") {
		t.Errorf("it ends with %v", r.fault)
	}
}
