package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"straza/internal/kernel/i18n"
)

// Every sentence that a fault names in so many words exists, in both written languages: a
// key without one would be shown as it is. Which argument of which call is the key:
var faultKeys = map[string]int{"WithKey": 0, "Field": 1, "Add": 1, "Require": 2}

func TestEveryFaultHasASentence(t *testing.T) {
	t.Parallel()
	cat, err := i18n.NewCatalog(messageFiles()...)
	must(t, err)
	seen, fset := 0, token.NewFileSet()
	must(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "testkit") {
			return err
		}
		file, err := parser.ParseFile(fset, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			nth, ok := faultKeys[sel.Sel.Name]
			if !ok || len(call.Args) <= nth {
				return true
			}
			lit, ok := call.Args[nth].(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			key, err := strconv.Unquote(lit.Value)
			if err != nil || !strings.Contains(key, ".") || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != "" {
				return true // a header's name, a column
			}
			seen++
			if !cat.Has(i18n.En, key) || !cat.Has(i18n.SrCyrl, key) {
				t.Errorf("%s: no sentence for %q", fset.Position(lit.Pos()), key)
			}
			return true
		})
		return nil
	}))
	if seen < 500 {
		t.Errorf("only %d keys were found", seen)
	}
}
