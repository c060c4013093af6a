package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
)

// module is the module path that all our import paths begin with.
const module = "straza"

// goFile is one parsed Go file; path is slash-separated from the tree's root.
type goFile struct {
	path, dir string
	src       []byte
	ast       *ast.File
	test      bool // *_test.go
}

// tree is what the laws look at.
type tree struct {
	fset  *token.FileSet
	files []*goFile         // Go files of the main module
	texts map[string][]byte // every other file that people read or write, and Go files of other modules
}

// breach is one place where a law is broken. Subject is stable (no line numbers), so that
// exceptions.txt can name it.
type breach struct {
	subject, text string
}

// skipDirs are built, fetched or private; nothing in them was written for the tree.
var skipDirs = []string{".git", ".cache", ".venv", "bin", "data", "node_modules", "vendor"}

// load reads and parses root. Fixtures of this package break laws on purpose and are left out.
func load(t testing.TB, root fs.FS) *tree {
	t.Helper()
	tr := &tree{fset: token.NewFileSet(), texts: map[string][]byte{}}
	var foreign []string // directories with a go.mod of their own
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p != "." && slices.Contains(skipDirs, d.Name()) && path.Dir(p) != "internal" || p == "internal/arch/testdata" {
				return fs.SkipDir
			}
			if _, err := fs.Stat(root, path.Join(p, "go.mod")); p != "." && err == nil {
				foreign = append(foreign, p+"/")
			}
			return nil
		}
		if !d.Type().IsRegular() || d.Name() == ".git" {
			return nil
		}
		b, err := fs.ReadFile(root, p)
		if err != nil {
			return err
		}
		ours := !slices.ContainsFunc(foreign, func(f string) bool { return strings.HasPrefix(p, f) })
		if !strings.HasSuffix(p, ".go") || strings.Contains(p, "/testdata/") || !ours {
			tr.texts[p] = b
			return nil
		}
		f, err := parser.ParseFile(tr.fset, p, b, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		tr.files = append(tr.files, &goFile{path: p, dir: path.Dir(p), src: b, ast: f, test: strings.HasSuffix(p, "_test.go")})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// product yields the files that end up in the binary, or stand beside it as tools of the tests.
func (tr *tree) product(yield func(*goFile) bool) {
	for _, f := range tr.files {
		if !f.test && !yield(f) {
			return
		}
	}
}

// line gives the line of a position, for messages.
func (tr *tree) line(p token.Pos) int { return tr.fset.Position(p).Line }

// imports gives the file's import paths.
func (f *goFile) imports() []string {
	var out []string
	for _, s := range f.ast.Imports {
		out = append(out, strings.Trim(s.Path.Value, `"`))
	}
	return out
}

// importName gives the name by which the file calls the package at path, "" when it does not import it.
func (f *goFile) importName(p string) string {
	for _, s := range f.ast.Imports {
		if strings.Trim(s.Path.Value, `"`) != p {
			continue
		}
		if s.Name != nil {
			return s.Name.Name
		}
		return path.Base(p)
	}
	return ""
}

// selectors calls fn for every pkg.Name expression of the file.
func (f *goFile) selectors(fn func(pkg, name string, at *ast.SelectorExpr)) {
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok {
				fn(x.Name, s.Sel.Name, s)
			}
		}
		return true
	})
}

// funcName gives "Name" or "Type.Name" of a declaration.
func funcName(d *ast.FuncDecl) string {
	if r := receiver(d); r != "" {
		return r + "." + d.Name.Name
	}
	return d.Name.Name
}

// receiver gives the name of a method's type without pointer and type parameters, "" for a function.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}
