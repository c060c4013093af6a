package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// demandedRows are the classes of attack (reliability and security, §2.3) that each
// have a test named after their row, TestRowNN…, beside what it tests.
var demandedRows = strings.Fields("01 02 03 04 05 06 07 08 09 10 11 13 15 17 18 19 20 21 22 23 24 27 28 29 30 31 35 36 39 43")

var rowTest = regexp.MustCompile(`(?m)^func TestRow(\d\d)[A-Z]\w*\(t \*testing\.T\)`)

// rowsIn gives the rows that the tests below a folder are named after.
func rowsIn(t *testing.T, dirs ...string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			b, err := os.ReadFile(path)
			for _, m := range rowTest.FindAllStringSubmatch(string(b), -1) {
				found[m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// TestEveryRowHasItsTest: no demanded row of the table of attacks is without a test of
// its name, and docs/threats.md names one for each.
func TestEveryRowHasItsTest(t *testing.T) {
	found := rowsIn(t, filepath.Join("..", "..", "internal"), filepath.Join("..", "..", "e2e"))
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "threats.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range demandedRows {
		if !found[row] {
			t.Errorf("row %s has no test TestRow%s…", row, row)
		}
		if !strings.Contains(string(doc), "`TestRow"+row) {
			t.Errorf("docs/threats.md names no test of row %s", row)
		}
	}
}

// TestRowsAreSought: the law notices a row whose test is gone, or is no test.
func TestRowsAreSought(t *testing.T) {
	dir := t.TempDir()
	text := "package x\n\nfunc TestRow01Here(t *testing.T) {}\nfunc testRow02Not(t *testing.T) {}\nfunc TestRow3Short(t *testing.T) {}\n// func TestRow04Gone(t *testing.T) {}\n"
	if err := os.WriteFile(filepath.Join(dir, "x_test.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := rowsIn(t, dir); len(found) != 1 || !found["01"] {
		t.Errorf("found %v, want row 01 alone", found)
	}
}

var (
	anyTest  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(\w+ \*testing\.[TF]\)`)
	namedOne = regexp.MustCompile("`((?:Test|Fuzz)\\w+)`")
)

// TestSynchronisationNamesItsTests: docs/sync.md names no test that is not there, and
// every rule has one.
func TestSynchronisationNamesItsTests(t *testing.T) {
	there := map[string]bool{}
	for _, dir := range []string{"internal", "e2e"} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			b, err := os.ReadFile(path)
			for _, m := range anyTest.FindAllStringSubmatch(string(b), -1) {
				there[m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "sync.md"))
	if err != nil {
		t.Fatal(err)
	}
	rules := 0
	for _, line := range strings.Split(string(doc), "\n") {
		if !strings.HasPrefix(line, "| ") || strings.HasSuffix(line, "| test |") || strings.HasSuffix(line, "| tests |") {
			continue
		}
		rules++
		names := namedOne.FindAllStringSubmatch(line, -1)
		if len(names) == 0 {
			t.Errorf("no test: %s", line)
		}
		for _, m := range names {
			if !there[m[1]] {
				t.Errorf("there is no %s: %s", m[1], line)
			}
		}
	}
	if rules < 50 {
		t.Errorf("%d rules are listed", rules)
	}
}
