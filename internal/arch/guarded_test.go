package arch

import (
	"bytes"
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// rawTypes of html/template switch its escaping off.
var rawTypes = []string{"HTML", "HTMLAttr", "JS", "JSStr", "CSS", "URL", "Srcset"}

// lawRaw: only kernel/web/ui may vouch for markup.
func lawRaw(tr *tree) []breach {
	var out []breach
	for f := range tr.product {
		name := f.importName("html/template")
		if name == "" || f.dir == "internal/kernel/web/ui" {
			continue
		}
		f.selectors(func(pkg, sel string, at *ast.SelectorExpr) {
			if pkg == name && slices.Contains(rawTypes, sel) {
				out = append(out, breach{f.path + ":template." + sel, fmt.Sprintf("line %d: only kernel/web/ui switches escaping off", tr.line(at.Pos()))})
			}
		})
	}
	return out
}

// lawExec: one package starts our own binary again; nobody else executes anything.
func lawExec(tr *tree) []breach {
	users := map[string]string{}
	for f := range tr.product {
		if k := roomOf(f.dir).kind; k == kTestkit || k == kHeartTest || k == kOutside {
			continue
		}
		if f.importName("os/exec") != "" || f.uses(f.importName("os"), "StartProcess") || f.uses(f.importName("syscall"), "ForkExec") ||
			f.uses(f.importName("syscall"), "Exec") || f.importName("plugin") != "" {
			users[f.dir] = f.path
		}
	}
	var out []breach
	for dir, file := range users {
		if !slices.Contains(mayExec, dir) {
			out = append(out, breach{dir, file + ": only " + strings.Join(mayExec, ", ") + " may start a process"})
		}
	}
	return out
}

// mayExec is the one package that starts a child: our own binary, to unseal or to parse within limits.
var mayExec = []string{"internal/kernel/vault/unseal"}

// dialers reach the network from the standard library.
var dialers = map[string][]string{
	"net/http": {"Client", "DefaultClient", "DefaultTransport", "Transport", "Get", "Head", "Post", "PostForm"},
	"net": {"Dial", "DialTimeout", "Dialer", "DialTCP", "DialUDP", "DialIP", "Resolver", "DefaultResolver", "LookupHost", "LookupIP",
		"LookupAddr", "LookupMX", "LookupTXT", "LookupCNAME", "LookupNS", "LookupSRV"},
	"crypto/tls": {"Dial", "DialWithDialer", "Dialer"},
	"net/smtp":   {"Dial", "SendMail", "NewClient"},
}

// lawNetwork: the world is reached through kernel/outbound (and mail) only. A Unix socket on this
// machine is no network: net.Dial("unix", …) is free.
func lawNetwork(tr *tree) []breach {
	var out []breach
	for f := range tr.product {
		switch r := roomOf(f.dir); {
		case r.kind == kTestkit, r.kind == kHeartTest, r.kind == kOutside:
			continue
		case r.kind == kKernel && (r.name == "outbound" || r.name == "mail"):
			continue
		}
		local := unixDials(f)
		for pkg, names := range dialers {
			alias := f.importName(pkg)
			if alias == "" {
				continue
			}
			f.selectors(func(p, sel string, at *ast.SelectorExpr) {
				if p == alias && slices.Contains(names, sel) && !local[at] {
					out = append(out, breach{f.path + ":" + path.Base(pkg) + "." + sel,
						fmt.Sprintf("line %d: the world is reached through kernel/outbound", tr.line(at.Pos()))})
				}
			})
		}
	}
	return out
}

// unixDials gives the selectors of calls whose first argument is the literal "unix".
func unixDials(f *goFile) map[*ast.SelectorExpr]bool {
	out := map[*ast.SelectorExpr]bool{}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok && len(c.Args) > 0 {
			s, sel := c.Fun.(*ast.SelectorExpr)
			lit, isLit := c.Args[0].(*ast.BasicLit)
			if sel && isLit && lit.Value == `"unix"` {
				out[s] = true
			}
		}
		return true
	})
	return out
}

// machinePaths would tie the tree to one machine or one registry. Written in pieces, so that this
// file does not contain them.
var machinePaths = regexp.MustCompile(strings.Join([]string{
	`/wo` + `rk/`, `/ro` + `ot/`, `/ho` + `me/[a-z]`, `/Us` + `ers/[A-Za-z]`,
	`registry\.np` + `mjs`, `pyp` + `i\.org`, `pythonhos` + `ted\.org`, `proxy\.go` + `lang\.org`, `sum\.go` + `lang\.org`,
	`deb\.deb` + `ian\.org`, `repo1?\.ma` + `ven`, `crates\.i` + `o\b`, `\.lib` + `rary/`,
}, "|"))

// lawPlaces: no machine's paths and no registry's hosts in anything that people wrote.
func lawPlaces(tr *tree) []breach {
	var out []breach
	check := func(p string, b []byte) {
		if strings.Contains(p, "/testdata/") && !strings.HasSuffix(p, ".txtar") || bytes.IndexByte(b, 0) >= 0 {
			return // recorded bytes of other people's formats
		}
		for i, line := range bytes.Split(b, []byte("\n")) {
			if m := machinePaths.Find(line); m != nil {
				out = append(out, breach{p, fmt.Sprintf("line %d names %s", i+1, m)})
			}
		}
	}
	for p, b := range tr.texts {
		check(p, b)
	}
	for _, f := range tr.files {
		check(f.path, f.src)
	}
	return out
}
