package registrycli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/kernel/cli"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/registry"
	"straza/internal/registry/registrycli"
	"straza/internal/registry/registrytest"
	"straza/internal/testkit"
)

// files are the caller's files of a test.
type files map[string]string

func (f files) Open(name string) (io.ReadCloser, error) {
	text, ok := f[name]
	if !ok {
		return nil, os.ErrNotExist
	}
	return io.NopCloser(strings.NewReader(text)), nil
}
func (files) Create(string) (io.WriteCloser, error) { return nil, errors.ErrUnsupported }
func (files) List(string) ([]string, error)         { return nil, nil }

// run calls a command as the operator and gives what it wrote.
func run(t *testing.T, s *registry.Service, f files, line ...string) (out, msg string, err error) {
	t.Helper()
	name, args := strings.Join(line[:2], " "), line[2:]
	for _, c := range registrycli.Commands(s) {
		if c.Name != name {
			continue
		}
		var o, e bytes.Buffer
		env := &cli.Env{Who: ident.Actor{Kind: ident.Operator, Name: "root", Channel: ident.CLI}, In: strings.NewReader(f["-"]),
			Out: &o, Err: &e, Files: f, JSON: true}
		fs := flag.NewFlagSet(name, flag.ContinueOnError)
		fs.SetOutput(&e)
		fn := c.Flags(fs)
		if err := fs.Parse(args); err != nil {
			t.Fatal(err)
		}
		err = fn(context.Background(), env, fs.Args())
		return o.String(), e.String(), err
	}
	t.Fatalf("no command %s", name)
	return
}

func TestOrgAddAndList(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s := registrytest.Service(t, db)
		out, _, err := run(t, s, nil, "org", "add", "--name", "Национални ЦЕРТ", "--kind", "cert")
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(out), &got); err != nil {
			t.Fatal(err)
		}
		id := got["id"]
		want := map[string]any{"id": id, "name": "Национални ЦЕРТ", "kind": "cert", "sector": nil, "host": true, "created": "2026-11-22T07:22:00Z"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("to the letter (-want +got):\n%s", diff)
		}
		if _, _, err = run(t, s, nil, "org", "add", "--name", "Национални ЦЕРТ"); !fault.Is(err, fault.Conflict) {
			t.Errorf("a second one: %v", err)
		}
		if _, _, err = run(t, s, nil, "org", "add", "--name", "Водовод", "--sector", "water"); err != nil {
			t.Fatal(err)
		}
		out, _, err = run(t, s, nil, "org", "list")
		if err != nil || strings.Count(out, "\n") != 2 || !strings.Contains(out, `"sector":"water"`) {
			t.Errorf("list: %q, %v", out, err)
		}
		out, _, _ = run(t, s, nil, "org", "list", "--query", "vodovod")
		if strings.Count(out, "\n") != 1 {
			t.Errorf("list --query: %q", out)
		}
	})
}

func TestWrongCalls(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s := registrytest.Service(t, db)
		for _, line := range [][]string{
			{"org", "add"}, {"org", "add", "--name", "A", "extra"}, {"org", "add", "--name", "A", "--kind", "king"},
			{"org", "add", "--name", "A", "--sector", "magic"}, {"org", "import"}, {"org", "list", "--kind", "king"},
		} {
			_, _, err := run(t, s, nil, line...)
			var exit *cli.Exit
			if !errors.As(err, &exit) || exit.Code != cli.Usage {
				t.Errorf("%v: %v, want a usage error", line, err)
			}
		}
		_, _, err := run(t, s, nil, "org", "add", "--name", "A", "--kind", "king")
		if f := fault.Of(err); f == nil || f.Fields["kind"] == "" || !strings.Contains(f.Detail, "special-cert") {
			t.Errorf("the error does not list the kinds: %v", err)
		}
	})
}

func TestOrgImport(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s := registrytest.Service(t, db)
		f := files{"good.csv": "name,networks,contact_name,contact_email\nA,10.0.0.0/8,Ana,ana@a.rs\n", "bad.csv": "name,kind\nA,king\n",
			"good.jsonl": "{\"name\":\"B\"}\n", "-": "name\nC\n"}
		for _, x := range []struct {
			line []string
			want string
			code fault.Kind
		}{
			{[]string{"--dry-run", "good.csv"}, `{"dry_run":true,"read":1,"created":1,"updated":0,"unchanged":0,"refused":0,"errors":[]}`, ""},
			{[]string{"good.csv"}, `{"dry_run":false,"read":1,"created":1,"updated":0,"unchanged":0,"refused":0,"errors":[]}`, ""},
			{[]string{"good.csv"}, `{"dry_run":false,"read":1,"created":0,"updated":0,"unchanged":1,"refused":0,"errors":[]}`, ""},
			{[]string{"good.jsonl"}, `{"dry_run":false,"read":1,"created":1,"updated":0,"unchanged":0,"refused":0,"errors":[]}`, ""},
			{[]string{"-"}, `{"dry_run":false,"read":1,"created":1,"updated":0,"unchanged":0,"refused":0,"errors":[]}`, ""},
			{[]string{"bad.csv"}, `{"dry_run":false,"read":1,"created":0,"updated":0,"unchanged":0,"refused":1,"errors":[{"line":2,"field":"kind","reason":"registry.fault.kind"}]}`, fault.Invalid},
			{[]string{"none.csv"}, "", fault.NotFound},
		} {
			out, _, err := run(t, s, f, append([]string{"org", "import"}, x.line...)...)
			if strings.TrimSpace(out) != x.want || fault.KindOf(err) != x.code {
				t.Errorf("%v: %s, %v", x.line, out, err)
			}
		}
	})
}
