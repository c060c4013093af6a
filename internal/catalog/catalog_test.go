package catalog_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"straza/internal/catalog"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

var (
	ctx      = context.Background()
	importer = ident.SystemPart("importer")
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// files are those of a directory tree.
func files(fsys fs.FS) catalog.Files {
	return func(yield func(catalog.File, error) bool) {
		err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			if !yield(catalog.File{Name: p, Open: func() (io.ReadCloser, error) { return fsys.Open(p) }}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(catalog.File{}, err)
		}
	}
}

func service(db *store.DB) *catalog.Service {
	return catalog.New(catalog.Deps{DB: db, Audit: testkit.Audit(db)})
}

const data = "../../../shared/data"

// TestUpstreamAtFullSize takes everything that upstream has: complete, and a second
// time nothing changes. How long it takes, and in what, is measured in bench.
func TestUpstreamAtFullSize(t *testing.T) {
	if _, err := os.Stat(data); err != nil {
		t.Skip("no upstream catalogues beside this tree")
	}
	if testing.Short() {
		t.Skip("large")
	}
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s := service(db)
		want := map[string]struct {
			kind string
			n    int
		}{"misp-taxonomies": {catalog.Taxonomy, 183}, "misp-objects": {catalog.Template, 424},
			"misp-galaxy": {catalog.Galaxy, 129}, "misp-warninglists": {catalog.WarningList, 136}}
		for dir, w := range want {
			rep, err := s.Import(ctx, importer, files(os.DirFS(filepath.Join(data, dir))))
			must(t, err)
			if got := rep.Kinds[w.kind]; got == nil || got.Created < w.n || len(rep.Refused) > 0 {
				t.Errorf("%s: %+v, refused %v", dir, got, rep.Refused)
			}
		}
		clusters := 0
		items, err := s.List(ctx, importer, catalog.Galaxy)
		must(t, err)
		for _, it := range items {
			clusters += int(it.Entries)
		}
		if clusters < 45_000 {
			t.Errorf("%d clusters", clusters)
		}
		rep, err := s.Import(ctx, importer, files(os.DirFS(filepath.Join(data, "misp-galaxy"))))
		must(t, err)
		if c := rep.Kinds[catalog.Galaxy]; c.Created+c.Updated > 0 {
			t.Errorf("the second time: %+v", c)
		}
		c, err := s.ClustersOfTags(ctx, importer, []string{`misp-galaxy:tool="Tinba"`, `misp-galaxy:mitre-tool="Mimikatz - S0002"`})
		must(t, err)
		if len(c) != 2 {
			t.Errorf("clusters of tags: %d", len(c))
		}
		hits(t, s)
	})
}

// hits asks the upstream lists of each type.
func hits(t *testing.T, s *catalog.Service) {
	for _, c := range []struct{ typ, value, list string }{
		{"ip-dst", "1.0.0.1", "List of known IPv4 public DNS resolvers"},
		{"md5", "44d88612fea8a8f36de82e1278abb02f", "List of hashes for EICAR test virus"},
		{"email-src", "abuse@telco.example", "Common contact e-mail addresses"},
	} {
		got, err := s.Hits(ctx, importer, c.typ, c.value)
		must(t, err)
		ok := false
		for _, h := range got {
			ok = ok || h.Name == c.list
		}
		if !ok {
			t.Errorf("%s %s is not on %q but on %v", c.typ, c.value, c.list, got)
		}
	}
}

func TestBuiltinListsAndTaxonomies(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s := service(db)
		must(t, s.Seed(ctx, importer))
		must(t, s.Seed(ctx, importer))
		for _, c := range []struct {
			typ, value string
			want       string
		}{
			{"ip-dst", "192.168.7.9", "192.168.0.0/16"},
			{"ip-dst|port", "10.1.2.3|443", "10.0.0.0/8"},
			{"ip-src", "fd00::5", "fc00::/7"},
			{"ip-src", "198.51.100.24", ""}, // documentation: exercises use it in the place of a real one
			{"ip-src", "8.8.8.8", "8.8.8.8/32"},
			{"domain", "8.8.8.8", ""}, // the list is not meant for domains
			{"ip-src", "8.8.8.9", ""},
			{"md5", "D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e"},
		} {
			got, err := s.Hits(ctx, importer, c.typ, c.value)
			must(t, err)
			if (c.want == "") != (len(got) == 0) || len(got) > 0 && got[0].Matched != c.want {
				t.Errorf("%s %s: %v, want %q", c.typ, c.value, got, c.want)
			}
		}
		entries, err := s.Entries(ctx, importer, "rsit")
		must(t, err)
		found := false
		for _, e := range entries {
			found = found || e.Tag == `rsit:fraud="phishing"`
		}
		if len(entries) != 39 || !found {
			t.Errorf("%d tags of rsit, phishing among them: %v", len(entries), found)
		}
		// A list that is switched off is not asked any more.
		_, err = s.Enable(ctx, importer, catalog.WarningList, "Straza: public resolvers", false)
		must(t, err)
		if got, err := s.Hits(ctx, importer, "ip-src", "8.8.8.8"); err != nil || len(got) != 0 {
			t.Errorf("off, and yet %v, %v", got, err)
		}
	})
}

func TestImportTellsWhatItDid(t *testing.T) {
	t.Parallel()
	list := func(version, entry string) string {
		return `{"name":"L","type":"hostname","version":` + version + `,"description":"","list":["` + entry + `"],"matching_attributes":["domain","url"]}`
	}
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	w, _ := z.Create("lists/l/list.json")
	_, _ = io.WriteString(w, list("3", "c.example"))
	_ = z.Close()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s := service(db)
		for _, step := range []struct {
			files   fstest.MapFS
			want    catalog.Counts
			refused int
			hit     string
		}{
			{fstest.MapFS{"a/list.json": {Data: []byte(list("1", "a.example"))}, "README.md": {}, "MANIFEST.json": {Data: []byte(`{"a":1}`)}}, catalog.Counts{Read: 1, Created: 1}, 0, "a.example"},
			{fstest.MapFS{"a/list.json": {Data: []byte(list("1", "b.example"))}}, catalog.Counts{Read: 1, Unchanged: 1}, 0, "a.example"},
			{fstest.MapFS{"a/list.json": {Data: []byte(list("2", "b.example"))}}, catalog.Counts{Read: 1, Updated: 1}, 0, "b.example"},
			{fstest.MapFS{"all.zip": {Data: archive.Bytes()}}, catalog.Counts{Read: 1, Updated: 1}, 0, "c.example"},
			{fstest.MapFS{"x.json": {Data: []byte(`{"name":"L","type":"hostname","list":`)}, "y.json": {Data: []byte(`{"name":"M","type":"odd","list":[]}`)},
				"z.json": {Data: []byte(`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`)}, "no.zip": {Data: []byte("no")}}, catalog.Counts{}, 4, "c.example"},
		} {
			rep, err := s.Import(ctx, importer, files(step.files))
			must(t, err)
			got := catalog.Counts{}
			if k := rep.Kinds[catalog.WarningList]; k != nil {
				got = *k
			}
			if diff := cmp.Diff(step.want, got); diff != "" || len(rep.Refused) != step.refused {
				t.Errorf("(-want +got) %s refused %v", diff, rep.Refused)
			}
			hits, err := s.Hits(ctx, importer, "url", "https://www."+step.hit+"/path")
			if err != nil || len(hits) != 1 || hits[0].Matched != step.hit {
				t.Errorf("%s: %v, %v", step.hit, hits, err)
			}
		}
		if _, err := s.Import(ctx, ident.Nobody(ident.Web), files(fstest.MapFS{})); !fault.Is(err, fault.Denied) {
			t.Errorf("a stranger imports: %v", err)
		}
	})
}

func FuzzImport(f *testing.F) {
	f.Add([]byte(`{"namespace":"n","predicates":[{"value":"p"}],"values":[{"predicate":"p","entry":[{"value":"v"}]}],"version":1}`))
	f.Add([]byte(`{"type":"t","uuid":"0d821b68-9d82-4c6d-86a6-1071a9e0f79f","name":"T","values":[{"value":"v"}],"version":"2"}`))
	f.Add([]byte(`{"name":"L","type":"regex","list":["/a(/","[",1,null],"version":{}}`))
	db := testkit.SQLite(f, clock.NewMoved(testkit.AsOf, 1))
	s := service(db)
	f.Fuzz(func(t *testing.T, b []byte) {
		rep, err := s.Import(ctx, importer, files(fstest.MapFS{"x.json": {Data: b}}))
		if err != nil {
			t.Fatal(err)
		}
		if rep.Files+rep.Passed+len(rep.Refused) == 0 {
			t.Fatal("the file was lost")
		}
		if _, err := s.Hits(ctx, importer, "", "a.b.example"); err != nil {
			t.Fatal(err)
		}
	})
}
