package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Server is one running bin/straza with a folder of its own.
type Server struct {
	Origin   string // http://localhost:PORT, without a slash at the end
	Data     string
	Personas []Persona // of the demo country, when filled

	args   []string // --data … --database …
	listen string   // "" = a free port
	cmd    *exec.Cmd
	log    *logBuffer
}

// Persona is one invented person of the demo (`straza demo --json`, spec program §3).
type Persona struct {
	Name, Email, Role, Org, CERT, Password, Key, Login string
	TOTPSecret                                         string `json:"totp_secret"`
}

// Binary gives the program under test.
func Binary(t testing.TB) string {
	t.Helper()
	p := os.Getenv("STRAZA_BIN")
	if p == "" {
		p = filepath.Join(root, "bin", "straza")
	}
	_, err := os.Stat(p)
	needTool(t, err == nil, "%s is not built (make build)", p)
	return p
}

// Start serves an empty installation of its own for one test. setup runs before the server does and
// may call CLI. Extra arguments go to `serve`.
func Start(t testing.TB, setup func(*Server), serveArgs ...string) *Server {
	t.Helper()
	s := &Server{Data: t.TempDir()}
	s.args = []string{"--data", s.Data}
	if setup != nil {
		setup(s)
	}
	s.serve(t, serveArgs...)
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("server said last:\n%s", s.log.tail(40))
		}
	})
	return s
}

// demo is filled once per test binary: a country takes a while.
var demo struct {
	once   sync.Once
	server *Server
	err    error
	dir    string
}

// Demo serves the invented country, one for all tests of this run; tests must not rely on its exact counts
// after others wrote to it.
func Demo(t testing.TB) *Server {
	t.Helper()
	Binary(t)
	demo.once.Do(func() {
		demo.dir, demo.err = os.MkdirTemp("", "straza-demo.")
		if demo.err != nil {
			return
		}
		s := &Server{Data: demo.dir, args: []string{"--data", demo.dir}}
		out, err := s.TryCLI("", "demo", "--json")
		if err != nil {
			demo.err = err
			return
		}
		var told struct{ Personas []Persona }
		if demo.err = json.Unmarshal(out, &told); demo.err != nil {
			return
		}
		s.Personas = told.Personas
		if demo.err = s.tryServe("--demo", "--allow-net", "127.0.0.0/8,::1/128"); demo.err == nil {
			demo.server = s
		}
	})
	if demo.server == nil {
		NeedFeature(t, false, "the demo country: %v", demo.err)
	}
	return demo.server
}

// stopDemo ends the shared server; TestMain calls it.
func stopDemo() {
	if demo.server != nil {
		demo.server.Stop()
	}
	if demo.dir != "" {
		os.RemoveAll(demo.dir)
	}
}

// Persona gives the first invented person with a role, or fails.
func (s *Server) Persona(t testing.TB, role string) Persona {
	t.Helper()
	for _, p := range s.Personas {
		if p.Role == role {
			return p
		}
	}
	t.Fatalf("the demo has no %s", role)
	return Persona{}
}

func (s *Server) serve(t testing.TB, args ...string) {
	t.Helper()
	if err := s.tryServe(args...); err != nil {
		t.Fatal(err)
	}
}

// readyLine is what `serve` prints when it accepts requests.
const readyLine = "listening on "

// tryServe starts `serve` on a free port and waits for the line that names its address.
func (s *Server) tryServe(args ...string) error {
	bin := os.Getenv("STRAZA_BIN")
	if bin == "" {
		bin = filepath.Join(root, "bin", "straza")
	}
	listen := s.listen
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	s.cmd = child(exec.Command(bin, append(append([]string{"serve", "--listen", listen}, s.args...), args...)...))
	s.cmd.Env = cleanEnv()
	if f := os.Getenv("STRAZA_FAULT"); f != "" { // a planted fault is the server's, not the command line's
		s.cmd.Env = append(s.cmd.Env, "STRAZA_FAULT="+f)
	}
	s.log = &logBuffer{}
	s.cmd.Stderr = s.log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	found := make(chan string, 1)
	go func() {
		defer close(found)
		sc := bufio.NewScanner(io.TeeReader(out, s.log))
		for sc.Scan() {
			if _, url, ok := strings.Cut(sc.Text(), readyLine); ok {
				select {
				case found <- strings.TrimRight(strings.Fields(url)[0], "/"):
				default:
				}
			}
		}
	}()
	select {
	case url, ok := <-found:
		if !ok {
			_ = s.cmd.Wait()
			return fmt.Errorf("serve ended before it was ready:\n%s", s.log.tail(40))
		}
		s.Origin = url
		return nil
	case <-time.After(60 * time.Second):
		s.Stop()
		return fmt.Errorf("serve was not ready within a minute:\n%s", s.log.tail(40))
	}
}

// Stop asks the server to drain and end; after ten seconds it is killed.
func (s *Server) Stop() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() { _ = s.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-done
	}
	s.cmd = nil
}

// TryCLI runs one command of the program on this installation and gives its standard output.
func (s *Server) TryCLI(stdin string, args ...string) ([]byte, error) {
	bin := os.Getenv("STRAZA_BIN")
	if bin == "" {
		bin = filepath.Join(root, "bin", "straza")
	}
	cmd := child(exec.Command(bin, append(args, s.args...)...))
	cmd.Env = cleanEnv()
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("straza %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}

// CLI is TryCLI with --json, decoded into v (nil: not decoded); an error ends the test.
func (s *Server) CLI(t testing.TB, v any, args ...string) {
	t.Helper()
	out, err := s.TryCLI("", append(args, "--json")...)
	if err != nil {
		t.Fatal(err)
	}
	if v == nil {
		return
	}
	if err := json.Unmarshal(out, v); err != nil {
		t.Fatalf("straza %s --json: %v in %q", strings.Join(args, " "), err, out)
	}
}

// NewOrg adds an organisation.
func (s *Server) NewOrg(t testing.TB, name, kind string) {
	t.Helper()
	for _, noun := range []string{"org", "user", "key"} {
		_, err := s.TryCLI("", noun, "list", "--json")
		NeedFeature(t, err == nil, "straza %s: %v", noun, err)
	}
	s.CLI(t, nil, "org", "add", "--name", name, "--kind", kind)
}

// NewKey adds a person with a role in an organisation and gives an API key of theirs.
func (s *Server) NewKey(t testing.TB, email, role, org string) string {
	t.Helper()
	if out, err := s.TryCLI(Password+"\n", "user", "add", email, "--name", email, "--role", role,
		"--org", org, "--password-stdin", "--json"); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	var k struct{ Key string }
	s.CLI(t, &k, "key", "add", "--user", email, "--name", "e2e")
	if len(k.Key) != 40 {
		t.Fatalf("key add gave a key of %d characters, not 40", len(k.Key))
	}
	return k.Key
}

// Status gives the status of a plain GET with a key ("" for none).
func (s *Server) Status(t testing.TB, path, key string) int {
	t.Helper()
	req, err := http.NewRequest("GET", s.Origin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	if key != "" {
		req.Header.Set("Authorization", key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// cleanEnv is the environment without settings of Straža: an unknown STRAZA_* variable is a usage error.
func cleanEnv() []string {
	var out []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "STRAZA_") {
			out = append(out, kv)
		}
	}
	return out
}

// logBuffer keeps what a process said; the process and the test use it at the same time.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) tail(lines int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := strings.Split(strings.TrimRight(l.b.String(), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
