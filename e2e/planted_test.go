package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// plantedFaults are faults built in on purpose behind the tag plantedfaults, each
// with the test that claims to find it (docs/threats.md has the same list).
var plantedFaults = []struct{ name, where, test string }{
	{"ack-before-commit", "e2e", "TestKillNine"},
	{"sync-skipped", "e2e", "TestSyncBeforeAnswer"},
	{"once-forgotten", "e2e", "TestKillNine"},
	{"act-without-line", "e2e", "TestKillNine"},
	{"policy-skipped", "internal/app", "TestAuthorisationMatrix/sqlite"},
	{"scope-skipped", "internal/app", "TestAuthorisationMatrix/sqlite"},
	{"see-everything", "internal/app", "TestRow02CanariesStayHome/sqlite"},
	{"inline-allowed", "internal/app", "TestRow02CanariesStayHome/sqlite"},
	{"formula-cells", "internal/app", "TestRow02CanariesStayHome/sqlite"},
	{"origin-skipped", "internal/app", "TestRow20CrossSiteIsRefused"},
	{"any-host", "internal/app", "TestRow23OneHost"},
	{"parent-skipped", "internal/app", "TestRow01ParentOfAChildOfB/sqlite"},
	{"step-up-skipped", "internal/app", "TestRow21StepUpOnEverySensitiveRoute"},
	{"secrets-logged", "internal/app", "TestRow39LogsKeepNoSecrets"},
	{"damage-hidden", "cmd/straza", "TestStories/audit"},
	{"restore-over", "cmd/straza", "TestStories/machine"},
}

// TestPlantedFaults builds the program once with every planted fault in it, chooses
// one after the other by STRAZA_FAULT, and wants the test that claims it to fail, and
// to pass when none is chosen: a suite that finds nothing proves nothing.
func TestPlantedFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program again")
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "straza")
	goTool(t, "build", "-tags", "plantedfaults", "-o", bin, "./cmd/straza")
	suites := map[string]string{}
	for _, where := range []string{"internal/app", "cmd/straza"} {
		suites[where] = filepath.Join(dir, strings.ReplaceAll(where, "/", "-")+".test")
		goTool(t, "test", "-c", "-tags", "plantedfaults", "-o", suites[where], "./"+where)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	suites["e2e"] = self
	run := func(where, test, name string) (string, error) {
		cmd := child(exec.Command(suites[where], "-test.run", "^"+strings.ReplaceAll(test, "/", "$/^")+"$", "-test.timeout", "600s"))
		cmd.Dir = filepath.Join(root, where)
		cmd.Env = append(os.Environ(), "STRAZA_FAULT="+name, "STRAZA_BIN="+bin, "STRAZA_KILLS=5", "STRAZA_DEEP=")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, s := range [][2]string{{"e2e", "TestKillNine"}, {"internal/app", "TestAuthorisationMatrix/sqlite"}, {"cmd/straza", "TestStories/audit"}} {
		if out, err := run(s[0], s[1], "none"); err != nil {
			t.Fatalf("%s fails without any fault: %v\n%s", s[1], err, last(out))
		}
	}
	caught := 0
	for _, f := range plantedFaults {
		out, err := run(f.where, f.test, f.name)
		switch {
		case err == nil:
			t.Errorf("%s does not find %s", f.test, f.name)
		case !strings.Contains(out, "--- FAIL: "+strings.Split(f.test, "/")[0]):
			t.Errorf("%s under %s did not fail as a test does: %v\n%s", f.test, f.name, err, last(out))
		default:
			caught++
			t.Logf("%-18s found by %s: %s", f.name, f.test, firstError(out))
		}
	}
	t.Logf("%d planted faults, %d found", len(plantedFaults), caught)
}

func goTool(t testing.TB, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func last(s string) string { return s[max(0, len(s)-1500):] }

// firstError is the first line of a failed test that says why.
func firstError(out string) string {
	for l := range strings.Lines(out) {
		if strings.Contains(l, "_test.go:") && !strings.Contains(l, "acknowledged") && !strings.Contains(l, "live:") || strings.Contains(l, "FAIL: testdata") {
			l = strings.TrimSpace(l)
			return l[:min(len(l), 160)]
		}
	}
	return "?"
}
