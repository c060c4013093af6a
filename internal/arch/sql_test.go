package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// sqlText recognises a statement or a piece of one; SQL is written in capitals here.
var sqlText = regexp.MustCompile(`(?s)\bSELECT\s.+?\sFROM\s|\bSELECT\s+1\b|\bINSERT\s+(OR\s+\w+\s+)?INTO\s|\bUPDATE\s+\w+\s+SET\s|` +
	`\bDELETE\s+FROM\s|\b(CREATE|ALTER|DROP)\s+(UNIQUE\s+|VIRTUAL\s+)?(TABLE|INDEX)\s|\s(LEFT|INNER)?\s*JOIN\s+\w+\s|\bORDER\s+BY\s|\bWHERE\s+\w`)

// sqlRoom tells whether a file may hold SQL: store*.go of a heart, craft or kernel package.
// kernel/store is the store itself, all of it; testkit makes databases.
func sqlRoom(f *goFile) bool {
	switch r := roomOf(f.dir); r.kind {
	case kTestkit, kHeartTest, kOutside:
		return true
	case kKernel:
		return r.name == "store" || strings.HasPrefix(path.Base(f.path), "store")
	case kHeart, kCraft:
		return strings.HasPrefix(path.Base(f.path), "store")
	}
	return false
}

// lawSQL is law 3 for source files: where SQL stands, that a heart's functions around it are
// unexported, and that it names no other room's tables.
func lawSQL(tr *tree) []breach {
	var out []breach
	for f := range tr.product {
		for _, decl := range f.ast.Decls {
			name, exported := declName(decl)
			for _, lit := range stringsOf(decl) {
				if !sqlText.MatchString(lit.text) {
					continue
				}
				at := fmt.Sprintf("%s:%d", f.path, tr.line(lit.pos))
				if !sqlRoom(f) {
					out = append(out, breach{f.path + ":" + name, at + ": SQL stands only in store*.go of a heart, craft or kernel package"})
					break
				}
				if k := roomOf(f.dir).kind; exported && (k == kHeart || k == kCraft) {
					out = append(out, breach{f.path + ":" + name, at + ": what holds SQL is unexported"})
				}
				for _, why := range foreignTables(roomOf(f.dir), lit.text) {
					out = append(out, breach{f.path + ":" + name, at + ": " + why})
				}
			}
		}
	}
	return out
}

// declName names a declaration and tells whether the outside can reach it.
func declName(d ast.Decl) (string, bool) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return funcName(d), d.Name.IsExported()
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if v, ok := s.(*ast.ValueSpec); ok {
				return v.Names[0].Name, slices.ContainsFunc(v.Names, func(n *ast.Ident) bool { return n.IsExported() })
			}
		}
	}
	return "", false
}

type literal struct {
	text string
	pos  token.Pos
}

// stringsOf gives the string literals below a node; "a" + "b" counts as one.
func stringsOf(n ast.Node) []literal {
	var out []literal
	ast.Inspect(n, func(n ast.Node) bool {
		switch x := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BinaryExpr:
			if s, ok := joined(x); ok {
				out = append(out, literal{s, x.Pos()})
				return false
			}
		case *ast.BasicLit:
			if s, ok := joined(x); ok {
				out = append(out, literal{s, x.Pos()})
			}
		}
		return true
	})
	return out
}

// joined evaluates a concatenation; what is not a literal in it stands as a space.
func joined(e ast.Expr) (string, bool) {
	switch x := e.(type) {
	case *ast.BasicLit:
		if x.Kind != token.STRING {
			return "", false
		}
		s, err := strconv.Unquote(x.Value)
		return s, err == nil
	case *ast.BinaryExpr:
		if x.Op != token.ADD {
			return "", false
		}
		l, lok := joined(x.X)
		r, rok := joined(x.Y)
		if !lok {
			l = " "
		}
		if !rok {
			r = " "
		}
		return l + r, lok || rok
	}
	return "", false
}

// shared are rooms whose rows others may reference and join (ids of people, organisations, audiences).
var shared = []string{"access", "account", "registry"}

var (
	tableRead  = regexp.MustCompile(`\b(?:FROM|JOIN)\s+([a-z]+)_[a-z0-9_]+`)
	tableWrite = regexp.MustCompile(`\b(?:INTO|UPDATE|DELETE\s+FROM)\s+([a-z]+)_[a-z0-9_]+`)
)

// foreignTables tells which tables of other rooms a statement of room r touches.
func foreignTables(r room, sql string) []string {
	if r.kind != kHeart && r.kind != kCraft && r.kind != kKernel || r.kind == kKernel && r.name == "store" {
		return nil
	}
	var out []string
	for _, m := range tableWrite.FindAllStringSubmatch(sql, -1) {
		if isRoom(m[1]) && m[1] != r.name {
			out = append(out, "writes a table of "+m[1])
		}
	}
	for _, m := range tableRead.FindAllStringSubmatch(sql, -1) {
		if isRoom(m[1]) && m[1] != r.name && !slices.Contains(shared, m[1]) {
			out = append(out, "reads a table of "+m[1]+": a report that needs two rooms asks both")
		}
	}
	return out
}

func isRoom(name string) bool {
	return slices.Contains(hearts, name) || slices.Contains(crafts, name) || slices.Contains(kernelOrder, name)
}

var (
	migrationFile = regexp.MustCompile(`^migrations/(\d{4})_([a-z]+)_[a-z0-9_]+(\.(?:lite|pg))?\.sql$`)
	sqlComment    = regexp.MustCompile(`(?m)--.*$`)
	touched       = regexp.MustCompile(`(?i)\b(?:CREATE\s+(?:VIRTUAL\s+)?TABLE(?:\s+IF\s+NOT\s+EXISTS)?|ALTER\s+TABLE|DROP\s+TABLE(?:\s+IF\s+EXISTS)?|` +
		`INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?\w+\s+ON|INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)`)
	indexName  = regexp.MustCompile(`(?i)\bINDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?(\w+)\s+ON`)
	references = regexp.MustCompile(`(?i)\bREFERENCES\s+(\w+)`)
)

// lawMigrations is law 3 for the schema: the file names its room, touches that room's tables only,
// and references other rooms only by access_, account_ and registry_ ids. Numbers are used once.
func lawMigrations(tr *tree) []breach {
	var out []breach
	seen := map[string]string{}
	for _, p := range sortedTexts(tr) {
		if !strings.HasPrefix(p, "migrations/") || !strings.HasSuffix(p, ".sql") {
			continue
		}
		m := migrationFile.FindStringSubmatch(p)
		if m == nil || !isRoom(m[2]) {
			out = append(out, breach{p, "is not named NNNN_room_what.sql after a room of the house"})
			continue
		}
		stem := strings.TrimSuffix(strings.TrimSuffix(p, ".sql"), m[3])
		if other, taken := seen[m[1]]; taken && other != stem {
			out = append(out, breach{p, "number " + m[1] + " is taken by " + other})
		}
		seen[m[1]] = stem
		for _, why := range foreignSchema(m[2], sqlComment.ReplaceAllString(string(tr.texts[p]), "")) {
			out = append(out, breach{p, why})
		}
	}
	return out
}

func foreignSchema(room, sql string) []string {
	var out []string
	for _, re := range []*regexp.Regexp{touched, indexName} {
		for _, m := range re.FindAllStringSubmatch(sql, -1) {
			if t := strings.ToLower(m[1]); !strings.HasPrefix(t, room+"_") && t != "set" {
				out = append(out, "touches "+t+", which does not begin with "+room+"_")
			}
		}
	}
	for _, m := range references.FindAllStringSubmatch(sql, -1) {
		prefix, _, _ := strings.Cut(m[1], "_")
		if prefix != room && !slices.Contains(shared, prefix) {
			out = append(out, "references "+m[1]+": only access_, account_ and registry_ ids may be referenced")
		}
	}
	return out
}

func sortedTexts(tr *tree) []string {
	var out []string
	for p := range tr.texts {
		out = append(out, p)
	}
	slices.Sort(out)
	return out
}
