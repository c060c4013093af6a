package arch

import (
	"fmt"
	"strings"

	"golang.org/x/mod/modfile"
)

// maxModules is how many modules may be linked directly.
const maxModules = 40

// allowed is one line of allow.txt: module, kind, reason.
//
//	link  in the binary
//	pure  in the binary, and format/* may use it: bytes in, values out
//	test  in tests only
type allowed struct{ kind, reason string }

// parseAllow reads allow.txt; a bad line is a breach.
func parseAllow(b []byte) (map[string]allowed, []breach) {
	out := map[string]allowed{}
	var bad []breach
	for _, l := range strings.Split(string(b), "\n") {
		l = strings.TrimSpace(l)
		if l == "" || strings.HasPrefix(l, "#") {
			continue
		}
		f := strings.Fields(l)
		if len(f) < 4 || f[1] != "link" && f[1] != "pure" && f[1] != "test" {
			bad = append(bad, breach{l, "allow.txt: a line is module, link|pure|test, and a reason"})
			continue
		}
		out[f[0]] = allowed{f[1], strings.Join(f[2:], " ")}
	}
	return out, bad
}

// lawModules is the end of law 1: third-party modules stand on allow.txt with one reason each, go.mod
// requires directly just those, and they are imported only where their kind allows.
func lawModules(tr *tree) []breach {
	allow, out := parseAllow(tr.texts["internal/arch/allow.txt"])
	mod, err := modfile.Parse("go.mod", tr.texts["go.mod"], nil)
	if err != nil {
		return append(out, breach{"go.mod", err.Error()})
	}
	direct := map[string]bool{}
	for _, r := range mod.Require {
		if r.Indirect {
			continue
		}
		direct[r.Mod.Path] = true
		if _, ok := allow[r.Mod.Path]; !ok {
			out = append(out, breach{r.Mod.Path, "go.mod requires it, allow.txt gives no reason"})
		}
	}
	if len(direct) > maxModules {
		out = append(out, breach{"go.mod", fmt.Sprintf("%d direct modules, at most %d", len(direct), maxModules)})
	}
	for m := range allow {
		if !direct[m] {
			out = append(out, breach{m, "allow.txt has a reason for it, go.mod does not require it"})
		}
	}
	return append(out, importedModules(tr, allow)...)
}

// importedModules judges every third-party import by the kind of its module; one that nobody imports is
// carried for nothing.
func importedModules(tr *tree, allow map[string]allowed) []breach {
	var out []breach
	used := map[string]bool{}
	for _, f := range tr.files {
		r := roomOf(f.dir)
		for _, imp := range f.imports() {
			first, _, _ := strings.Cut(imp, "/")
			if first == module || !strings.Contains(first, ".") {
				continue
			}
			m := moduleOf(imp, allow)
			used[m] = true
			switch {
			case m == "":
				out = append(out, breach{f.dir + " -> " + imp, f.path + ": its module is not on allow.txt"})
			case f.test || r.kind == kTestkit || r.kind == kHeartTest || r.kind == kOutside:
			case allow[m].kind == "test":
				out = append(out, breach{f.dir + " -> " + imp, f.path + ": allow.txt has it for tests only"})
			case r.kind == kFormat && allow[m].kind != "pure":
				out = append(out, breach{f.dir + " -> " + imp, f.path + ": a format uses pure modules only"})
			}
		}
	}
	for m := range allow {
		if !used[m] {
			out = append(out, breach{m, "on allow.txt, but nothing imports it"})
		}
	}
	return out
}

// moduleOf gives the allow-listed module that an import path belongs to, the longest one.
func moduleOf(imp string, allow map[string]allowed) string {
	best := ""
	for m := range allow {
		if under(imp, m) && len(m) > len(best) {
			best = m
		}
	}
	return best
}
