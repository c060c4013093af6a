package arch

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// lawImports is law 1: who may know whom.
func lawImports(tr *tree) []breach {
	var out []breach
	for f := range tr.product {
		from := roomOf(f.dir)
		if from.kind == kUnknown {
			out = append(out, breach{f.dir, "stands in no room of the house"})
			continue
		}
		for _, imp := range f.imports() {
			if dir, ours := strings.CutPrefix(imp, module+"/"); ours {
				if why := mayNot(from, roomOf(dir)); why != "" {
					out = append(out, breach{f.dir + " -> " + dir, f.path + ": " + why})
				}
			} else if why := mayNotStd(from, f.path, imp); why != "" {
				out = append(out, breach{f.dir + " -> " + imp, f.path + ": " + why})
			}
		}
	}
	return out
}

// mayNot says why a package of from must not import one of to; "" when it may.
func mayNot(from, to room) string {
	switch {
	case to.kind == kCmd || to.kind == kUnknown:
		return fmt.Sprintf("nobody imports %s", to.kind)
	case from.kind == kCmd:
		return unless(to.kind == kApp, "cmd imports app only")
	case to.kind == kApp:
		return unless(from.kind == kApp, "app knows everybody and is known by nobody")
	case to.kind == kDemo:
		return unless(from.kind == kApp || from.kind == kDemo, "only app knows demo")
	case to.kind == kTestkit:
		return unless(from.kind == kTestkit || from.kind == kHeartTest || from.kind == kOutside, "testkit is for tests")
	case to.kind == kHeartTest:
		return unless(from.kind == kHeartTest, "a heart's builders are for tests")
	case to.kind == kOutside:
		return unless(to.name == "migrations" && (from == room{kKernel, "store"} || from.kind == kApp || from.kind == kTestkit || from.kind == kOutside),
			"migrations is for store, app, testkit and bench")
	case to.kind == kFront:
		return unless(from.kind == kApp || from == to, "front rooms are wired by app")
	}
	return mayNotLayer(from, to)
}

// mayNotLayer judges what is left: to is kernel, craft, format, heart or adapter.
func mayNotLayer(from, to room) string {
	switch from.kind {
	case kApp, kOutside:
		return ""
	case kTestkit:
		return unless(to.kind == kKernel || to.kind == kFormat, "testkit knows only the kernel")
	case kDemo:
		return unless(to.kind != kAdapter && to.kind != kCraftWeb, "the demo is told through the Services")
	case kFormat:
		return unless(to.kind == kFormat, "a format knows only formats")
	case kKernel:
		return unless(to.kind == kKernel && kernelMayImport(from.name, to.name) || to == room{kFormat, "tlp"} || to == room{kFormat, "openpgp"},
			"the kernel knows only what stands before it, format/tlp and format/openpgp")
	case kCraft:
		return unless(to.kind == kFormat || to.kind == kKernel && to.name != "web" ||
			to.kind == kCraft && craftKnows(from.name, to.name), "craft knows the kernel (without web) and the craft named for it")
	case kCraftWeb:
		return unless(to.kind == kFormat || to.kind == kKernel && to.name != "store" ||
			(to.kind == kCraft || to.kind == kCraftWeb) && craftKnows(from.name, to.name), "a craft's page knows its craft and the kernel without store")
	case kHeart:
		return unless(to.kind == kFormat || to.kind == kCraft || to.kind == kKernel && to.name != "web" ||
			to.kind == kHeart && heartMayCall(from.name, to.name), "a heart knows kernel (without web), craft, formats and the hearts listed for it")
	case kHeartTest:
		return unless(to.kind == kFormat || to.kind == kCraft || to.kind == kKernel ||
			to.kind == kHeart && heartMayCall(from.name, to.name), "builders know what their heart knows")
	case kAdapter:
		return unless(to.kind == kFormat || to.kind == kCraft || to.kind == kCraftWeb ||
			to.kind == kKernel && slices.Contains(adapterKernel, to.name) ||
			to.kind == kHeart && heartMayCall(from.name, to.name) || to == from,
			"an adapter knows its heart, that heart's neighbours, craft, formats and kernel/{"+strings.Join(adapterKernel, ",")+"}")
	case kFront:
		return unless(to.kind == kFormat || to.kind == kHeart || to.kind == kCraft || to.kind == kCraftWeb ||
			to.kind == kKernel && !slices.Contains(frontForbids, to.name), "a front room knows hearts, craft and the kernel without store, vault, blob")
	}
	return "not foreseen"
}

func craftKnows(from, to string) bool { return from == to || slices.Contains(craftNeeds[from], to) }

func unless(ok bool, why string) string {
	if ok {
		return ""
	}
	return why
}

// mayNotStd judges imports from outside the module.
func mayNotStd(from room, file, imp string) string {
	if under(imp, "database/sql") && (from.kind == kAdapter || from.kind == kFront || from.kind == kDemo || from.kind == kCraftWeb) {
		return "asks its heart instead of the database"
	}
	if from.kind == kHeartTest || from.kind == kTestkit || from.kind == kOutside {
		return ""
	}
	for _, t := range testOnly {
		if under(imp, t) {
			return "only tests, testkit and a heart's builders know " + t
		}
	}
	return ""
}

// testOnly must not reach the binary.
var testOnly = []string{"testing", "net/http/httptest", "github.com/google/go-cmp", "pgregory.net/rapid",
	"github.com/rogpeppe/go-internal"}

func under(imp, prefix string) bool { return imp == prefix || strings.HasPrefix(imp, prefix+"/") }

// impure are packages that give a format more than bytes and values.
var impure = []string{"database/sql", "net/http", "html/template", "text/template", "os", "log", "math/rand", "crypto/rand"}

// lawFormats keeps format/* pure: bytes in, values out; no clock, no files, no network.
func lawFormats(tr *tree) []breach {
	var out []breach
	for f := range tr.product {
		if roomOf(f.dir).kind != kFormat {
			continue
		}
		for _, imp := range f.imports() {
			for _, p := range impure {
				if under(imp, p) {
					out = append(out, breach{f.dir + " -> " + imp, f.path + ": a format is pure"})
				}
			}
		}
		if name := f.importName("time"); name != "" {
			for _, c := range []string{"Now", "Since", "Until", "Sleep", "After", "Tick", "NewTimer", "NewTicker"} {
				if f.uses(name, c) {
					out = append(out, breach{f.dir + " -> time." + c, f.path + ": a format has no clock"})
				}
			}
		}
	}
	return out
}

// uses tells whether the file says pkg.name anywhere.
func (f *goFile) uses(pkg, name string) bool {
	found := false
	f.selectors(func(p, n string, _ *ast.SelectorExpr) { found = found || p == pkg && n == name })
	return found
}
