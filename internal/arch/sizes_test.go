package arch

import (
	"bytes"
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// Limits of law 7. Aims are lower (40, 300, 5,000); these fail.
const (
	maxFunc      = 100
	maxFile      = 800
	maxPackage   = 6000 // a heart, craft or adapter: think again
	maxMethods   = 5
	maxConstruct = 3
)

// lawSizes is law 7.
func lawSizes(tr *tree) []breach {
	var out []breach
	packages := map[string]int{}
	for _, f := range tr.files {
		lines := bytes.Count(f.src, []byte("\n"))
		if lines > maxFile {
			out = append(out, breach{f.path, fmt.Sprintf("%d lines, at most %d", lines, maxFile)})
		}
		if !f.test {
			packages[f.dir] += lines
		}
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if n := tr.line(d.End()) - tr.line(d.Pos()) + 1; n > maxFunc {
					out = append(out, breach{f.path + ":" + funcName(d), fmt.Sprintf("%d lines, at most %d", n, maxFunc)})
				}
				if n := len(flat(d.Type.Params)); !f.test && isConstructor(d) && n > maxConstruct {
					out = append(out, breach{f.path + ":" + funcName(d), fmt.Sprintf("%d arguments, at most %d, else a Deps or Config struct", n, maxConstruct)})
				}
			case *ast.GenDecl:
				out = append(out, wideInterfaces(f, d)...)
			}
		}
	}
	for dir, n := range packages {
		if k := roomOf(dir).kind; n > maxPackage && (k == kHeart || k == kCraft || k == kAdapter) {
			out = append(out, breach{dir, fmt.Sprintf("%d lines: think again at %d", n, maxPackage)})
		}
	}
	return out
}

// isConstructor: New… that is a plain function and gives back something to keep.
func isConstructor(d *ast.FuncDecl) bool {
	if d.Recv != nil || d.Type.Results == nil || !(d.Name.Name == "New" || strings.HasPrefix(d.Name.Name, "New")) {
		return false
	}
	_, pointer := d.Type.Results.List[0].Type.(*ast.StarExpr)
	return pointer
}

func wideInterfaces(f *goFile, d *ast.GenDecl) []breach {
	var out []breach
	for _, s := range d.Specs {
		t, ok := s.(*ast.TypeSpec)
		if !ok {
			continue
		}
		i, ok := t.Type.(*ast.InterfaceType)
		if !ok {
			continue
		}
		n := 0
		for _, m := range i.Methods.List {
			n += len(m.Names)
		}
		if n > maxMethods {
			out = append(out, breach{f.path + ":" + t.Name.Name, fmt.Sprintf("interface of %d methods, at most %d", n, maxMethods)})
		}
	}
	return out
}

// vague are package names that say nothing about what is inside.
var vague = []string{"util", "utils", "common", "model", "models", "type", "types", "helper", "helpers", "pkg", "misc", "lib", "base", "shared", "manager", "impl"}

// lawNames: no vague packages, the package is named like its folder and says in its comment what it is,
// no type called Manager or Impl, no registration behind the reader's back.
func lawNames(tr *tree) []breach {
	var out []breach
	commented := map[string]bool{}
	for f := range tr.product {
		base := f.dir[strings.LastIndexByte(f.dir, '/')+1:]
		if slices.Contains(vague, base) || slices.Contains(vague, f.ast.Name.Name) {
			out = append(out, breach{f.dir, "package name says nothing"})
		}
		if n := f.ast.Name.Name; n != base && n != "main" {
			out = append(out, breach{f.dir, "package " + n + " is not named like its folder"})
		}
		commented[f.dir] = commented[f.dir] || f.ast.Doc != nil
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					out = append(out, breach{f.path + ":init", "no init(): app wires everything"})
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if t, ok := s.(*ast.TypeSpec); ok && (strings.HasSuffix(t.Name.Name, "Manager") || strings.HasSuffix(t.Name.Name, "Impl")) {
						out = append(out, breach{f.path + ":" + t.Name.Name, "a type's name says what it is"})
					}
				}
			}
		}
	}
	for dir, ok := range commented {
		if !ok {
			out = append(out, breach{dir, "no package comment"})
		}
	}
	return out
}
