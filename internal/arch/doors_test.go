package arch

import (
	"go/ast"
	"slices"
	"strings"
)

// readByApp are the methods that app reads at start; they have no asker.
var readByApp = []string{"Jobs", "Retention", "Stats", "PersonalData"}

// lawDoors is law 2 for Services: every exported method says who is asking.
// (That every route declares its policy is tested in internal/app, on the route table itself.)
func lawDoors(tr *tree) []breach {
	var out []breach
	for f := range tr.product {
		if roomOf(f.dir).kind != kHeart {
			continue
		}
		for _, d := range f.ast.Decls {
			m, ok := d.(*ast.FuncDecl)
			if !ok || receiver(m) != "Service" || !m.Name.IsExported() || slices.Contains(readByApp, m.Name.Name) {
				continue
			}
			want := []string{"context.Context", "ident.Actor"}
			says := "(ctx context.Context, who ident.Actor, …)"
			if strings.HasSuffix(m.Name.Name, "Tx") {
				want = []string{"context.Context", "", "ident.Actor"}
				says = "(ctx context.Context, tx, who ident.Actor, …)"
			}
			if !beginsWith(m.Type.Params, want) {
				out = append(out, breach{f.dir + ".Service." + m.Name.Name, f.path + ": must begin " + says})
			}
		}
	}
	return out
}

// beginsWith tells whether the parameters begin with these types; "" is any type.
func beginsWith(params *ast.FieldList, want []string) bool {
	got := flat(params)
	if len(got) < len(want) {
		return false
	}
	for i, w := range want {
		if w != "" && typeText(got[i]) != w {
			return false
		}
	}
	return true
}

// flat gives one type per parameter: (a, b int) is two.
func flat(params *ast.FieldList) []ast.Expr {
	var out []ast.Expr
	if params == nil {
		return nil
	}
	for _, p := range params.List {
		for range max(1, len(p.Names)) {
			out = append(out, p.Type)
		}
	}
	return out
}

func typeText(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return typeText(x.X) + "." + x.Sel.Name
	case *ast.StarExpr:
		return "*" + typeText(x.X)
	}
	return ""
}
