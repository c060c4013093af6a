package arch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
)

// law is one rule over the tree.
type law struct {
	name  string
	check func(*tree) []breach
}

var laws = []law{
	{"imports", lawImports},
	{"formats", lawFormats},
	{"modules", lawModules},
	{"doors", lawDoors},
	{"sql", lawSQL},
	{"migrations", lawMigrations},
	{"sizes", lawSizes},
	{"names", lawNames},
	{"raw", lawRaw},
	{"exec", lawExec},
	{"network", lawNetwork},
	{"patterns", lawPatterns},
	{"places", lawPlaces},
	{"picture", lawPicture},
}

// TestLaws holds the real tree against every law.
func TestLaws(t *testing.T) {
	tr := load(t, os.DirFS("../.."))
	if len(tr.files) == 0 {
		t.Fatal("no Go files found: the tree was not read")
	}
	except := exceptions(t, string(tr.texts["internal/arch/exceptions.txt"]))
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			for _, b := range sorted(l.check(tr)) {
				if e := except[l.name+" "+b.subject]; e != nil {
					e.used = true
					continue
				}
				t.Errorf("%s: %s", b.subject, b.text)
			}
		})
	}
	t.Run("exceptions", func(t *testing.T) {
		for k, e := range except {
			if !e.used {
				t.Errorf("exceptions.txt: %q matches nothing any more", k)
			}
		}
	})
}

// TestLawsCatch breaks every law on purpose. A fixture is a txtar archive of a small tree; its file
// `want` lists the subjects that must be caught, and nothing else may be.
func TestLawsCatch(t *testing.T) {
	for _, l := range laws {
		t.Run(l.name, func(t *testing.T) {
			fixtures, _ := filepath.Glob(filepath.Join("testdata", l.name, "*.txtar"))
			if len(fixtures) == 0 {
				t.Fatal("no fixture breaks this law: nothing shows that it can fail")
			}
			for _, p := range fixtures {
				t.Run(strings.TrimSuffix(filepath.Base(p), ".txtar"), func(t *testing.T) { fixture(t, l, p) })
			}
		})
	}
}

func fixture(t *testing.T, l law, p string) {
	ar, err := txtar.ParseFile(p)
	if err != nil {
		t.Fatal(err)
	}
	root, want := fstest.MapFS{}, []string(nil)
	for _, f := range ar.Files {
		if f.Name == "want" {
			want = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
			continue
		}
		// @ stands for nothing: it keeps the forbidden words of this fixture out of the real tree.
		root[f.Name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(string(f.Data), "@", ""))}
	}
	if len(want) == 0 {
		t.Fatalf("%s catches nothing: its file `want` is empty", p)
	}
	var got []string
	for _, b := range l.check(load(t, root)) {
		got = append(got, b.subject)
	}
	slices.Sort(got)
	slices.Sort(want)
	got = slices.Compact(got)
	if !slices.Equal(got, want) {
		t.Errorf("caught\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

// exception is one line of exceptions.txt: law, subject, " # ", reason.
type exception struct{ used bool }

func exceptions(t *testing.T, text string) map[string]*exception {
	t.Helper()
	out := map[string]*exception{}
	for i, l := range strings.Split(text, "\n") {
		if l = strings.TrimSpace(l); l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		key, reason, ok := strings.Cut(l, " # ")
		if !ok || len(strings.Fields(reason)) < 3 {
			t.Errorf("exceptions.txt:%d: a line is law, subject, #, and the reason in a few words", i+1)
		}
		out[strings.Join(strings.Fields(key), " ")] = &exception{}
	}
	return out
}

func sorted(bs []breach) []breach {
	slices.SortFunc(bs, func(a, b breach) int {
		return strings.Compare(fmt.Sprint(a.subject, a.text), fmt.Sprint(b.subject, b.text))
	})
	return bs
}
