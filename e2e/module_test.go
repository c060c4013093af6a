package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// foreignModules starts the real server of misp-modules from the pinned clients and gives its address.
func foreignModules(t *testing.T) string {
	t.Helper()
	py := filepath.Join(root, "e2e", ".venv", "bin", "python")
	needTool(t, exec.Command(py, "-c", "import misp_modules, tornado, orjson, psutil").Run() == nil, "misp-modules is not installed (scripts/setup.sh python)")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	cmd := child(exec.CommandContext(ctx, py, "-X", "utf8", "-m", "misp_modules", "-l", "127.0.0.1", "-p", fmt.Sprint(port)))
	cmd.Env, cmd.Dir = cleanEnv(), t.TempDir()
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	for tick := time.NewTicker(200 * time.Millisecond); ; <-tick.C { // it says nothing that could be waited for
		if res, err := http.Get(url + "/modules"); err == nil {
			_ = res.Body.Close()
			return url
		}
		if ctx.Err() != nil {
			t.Fatal("misp-modules does not listen")
		}
	}
}

// TestPyMISPModules: the real server of misp-modules is asked by both forms of its protocol, PyMISP enriches by it,
// and what a label keeps here does not leave.
func TestPyMISPModules(t *testing.T) {
	Binary(t)
	url := foreignModules(t)
	var key string
	s := Start(t, func(s *Server) {
		s.NewOrg(t, "Национални ЦЕРТ", "cert")
		key = s.NewKey(t, "ana@cert.example", "lead", "Национални ЦЕРТ")
	}, "--allow-net", "127.0.0.0/8")
	s.CLI(t, nil, "module", "add", "house", url)
	for _, m := range []string{"extract_url_components", "stix2_pattern_syntax_validator"} {
		s.CLI(t, nil, "module", "set", "house", m, "on", "--manner", "asks")
	}
	var told struct {
		Offers []struct{ Kind, Type, Value string }
	}
	s.CLI(t, &told, "intel", "enrich", "https://login.evil.example:8443/a?x=1", "--module", "extract_url_components", "--as", "ana@cert.example")
	if len(told.Offers) != 1 || told.Offers[0].Kind != "object" || told.Offers[0].Type != "url" {
		t.Errorf("%+v", told)
	}
	Python(t, "pymisp", "misp_enrich.py", "MISP_URL="+s.Origin, "MISP_KEY="+key)
}
