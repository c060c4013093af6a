// Package e2e drives the real program from outside: the binary bin/straza, a real Chromium with
// axe, and real foreign clients (PyMISP, taxii2-client) in their own Python environment.
//
// It is a module of its own, so that go.mod of the product shows only what the binary links.
// `make test` prepares what it needs (scripts/setup.sh) and names the binary in STRAZA_BIN.
// What is missing on a developer's machine is skipped with the reason; with CI=true it fails.
package e2e

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// root is the repository, found from this file so that tests may run from any folder.
var root = func() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(file))
}()

func inCI() bool { return os.Getenv("CI") == "true" }

// needTool skips without a tool; in CI it fails.
func needTool(t testing.TB, ok bool, format string, args ...any) {
	t.Helper()
	switch {
	case ok:
	case inCI():
		t.Fatalf("in CI nothing may be missing: "+format, args...)
	default:
		t.Skipf(format, args...)
	}
}

// NeedFeature fails where the binary lacks a feature: only tools may be missing, never what the program is.
func NeedFeature(t testing.TB, ok bool, format string, args ...any) {
	t.Helper()
	if !ok {
		t.Fatalf("missing: "+format, args...)
	}
}

// SharedData gives a folder of the shared test data (real events, catalogues).
func SharedData(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("STRAZA_SHARED")
	if dir == "" {
		dir = filepath.Join(root, "..", "shared")
	}
	p := filepath.Join(dir, "data", name)
	_, err := os.Stat(p)
	needTool(t, err == nil, "the shared test data %s is not beside the tree (STRAZA_SHARED)", name)
	return p
}
