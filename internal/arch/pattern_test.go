package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
)

// compilers make a regular expression out of a text.
var compilers = []string{"Compile", "MustCompile", "CompilePOSIX", "MustCompilePOSIX", "Match", "MatchString", "MatchReader"}

// lawPatterns: what somebody else wrote becomes a regular expression in format/pattern
// alone, where size and text are bounded (spec reliability §2.3 row 35); everywhere else
// the pattern stands in the source.
func lawPatterns(tr *tree) []breach {
	var out []breach
	for f := range tr.product {
		if k := roomOf(f.dir).kind; k == kTestkit || k == kHeartTest || k == kOutside || f.dir == "internal/format/pattern" {
			continue
		}
		if f.importName("regexp/syntax") != "" {
			out = append(out, breach{f.path + ":syntax", "only format/pattern reads the syntax of patterns"})
		}
		name := f.importName("regexp")
		if name == "" {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			if !ok || len(c.Args) == 0 {
				return true
			}
			s, ok := c.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if x, ok := s.X.(*ast.Ident); ok && x.Name == name && slices.Contains(compilers, s.Sel.Name) && !written(c.Args[0]) {
				out = append(out, breach{f.path + ":regexp." + s.Sel.Name, fmt.Sprintf("line %d: patterns that are not in the source are compiled by format/pattern", tr.line(c.Pos()))})
			}
			return true
		})
	}
	return out
}

// written tells a text that stands in the source, in one piece or in several.
func written(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.BasicLit:
		return x.Kind == token.STRING
	case *ast.BinaryExpr:
		return x.Op == token.ADD && written(x.X) && written(x.Y)
	case *ast.ParenExpr:
		return written(x.X)
	}
	return false
}
