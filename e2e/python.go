package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// finding is one line that a script prints: a check and how it went.
type finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// Python runs e2e/py/SCRIPT with the pinned clients. Every line of its standard output is a finding; those that
// are not ok fail the test. The checks that passed count as live checks of kind.
func Python(t *testing.T, kind, script string, env ...string) {
	t.Helper()
	py := filepath.Join(root, "e2e", ".venv", "bin", "python")
	_, err := os.Stat(py)
	needTool(t, err == nil, "the Python clients are not installed (scripts/setup.sh python)")
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	cmd := child(exec.CommandContext(ctx, py, "-X", "utf8", filepath.Join(root, "e2e", "py", script)))
	cmd.Env = append(cleanEnv(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	runErr := cmd.Run()
	passed := 0
	sc := bufio.NewScanner(&stdout)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		var f finding
		if err := json.Unmarshal(sc.Bytes(), &f); err != nil {
			t.Logf("%s: %s", script, sc.Text())
			continue
		}
		if !f.OK {
			t.Errorf("%s: %s: %s", script, f.Check, f.Detail)
			continue
		}
		passed++
	}
	if runErr != nil && !t.Failed() || runErr != nil && passed == 0 {
		t.Errorf("%s: %v\n%s", script, runErr, stderr.String())
	}
	if passed == 0 && !t.Failed() {
		t.Errorf("%s checked nothing", script)
	}
	t.Logf("live: %s %d", kind, passed)
}
