package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestDiskFull is fault F3: a data folder of 48 MB that fills up. Writes are refused
// in words, reads go on, and when there is space again so do writes, by themselves.
func TestDiskFull(t *testing.T) {
	Binary(t)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=48m"); err != nil {
		needTool(t, false, "a small file system cannot be mounted: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	s := &Server{Data: filepath.Join(dir, "data")}
	s.args = []string{"--data", s.Data}
	s.NewOrg(t, "Nacionalni CERT", "cert")
	key := s.NewKey(t, "dezurni@cert.example", "lead", "Nacionalni CERT")
	s.serve(t)
	t.Cleanup(s.Stop)
	w := newWriter(t, s, key)
	add := func(name string) (int, []byte) {
		st, b, err := w.json("POST", "/api/v1/organisations", fmt.Sprintf(`{"name":%q,"kind":"company"}`, name), http.Header{"Idempotency-Key": {name + "-0123456789abcdef"}})
		if err != nil {
			t.Fatal(err)
		}
		return st, b
	}
	if st, b := add("pre"); st != http.StatusCreated {
		t.Fatalf("%d %s", st, b)
	}
	filler := filepath.Join(dir, "filler")
	fill(t, filler)
	refused := 0
	for i := range 40 { // the log of the database has some room of its own left
		if st, b := add(fmt.Sprintf("puno-%d", i)); st == http.StatusServiceUnavailable || st == http.StatusInsufficientStorage {
			refused++
			if !bytes.Contains(b, []byte(`"title"`)) || !bytes.Contains(b, []byte("urn:straza:problem:")) {
				t.Fatalf("refused without words: %s", b)
			}
		} else if st != http.StatusCreated {
			t.Fatalf("a full disk answers %d %s", st, b)
		}
		if st := s.Status(t, "/api/v1/organisations", key); st != http.StatusOK {
			t.Fatalf("reads stopped: %d", st)
		}
	}
	if st := s.Status(t, "/en/warnings", ""); st != http.StatusOK {
		t.Errorf("the public pages stopped: %d", st)
	}
	if st, _, err := w.form("/console/advisories/new", url.Values{"title": {"x"}, "level": {"high"}, "readers": {"citizens"}, "tlp": {"CLEAR"}}); err != nil || st < 400 {
		t.Errorf("a form on a full disk answers %d %v", st, err)
	}
	if refused == 0 {
		t.Fatal("nothing was refused: the disk was not full")
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	for {
		if st, _ := add("posle"); st == http.StatusCreated {
			break
		}
		if time.Since(began) > 10*time.Second {
			t.Fatal("writes did not come back within 10 s")
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.ready(t)
	if _, err := s.TryCLI("", "verify"); err != nil {
		t.Error(err)
	}
	if _, err := s.TryCLI("", "audit", "verify"); err != nil {
		t.Error(err)
	}
	t.Logf("%d of 40 writes refused in words on a full disk, reads went on, writing again after %d ms", refused, time.Since(began).Milliseconds())
	t.Logf("live: diskfull %d", refused)
}

// fill leaves not a byte.
func fill(t testing.TB, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}

// TestTwoNodes is fault F13: two nodes on one PostgreSQL. A session of one is valid on
// the other; one is killed in the middle of a job, and the job moves within 15 s.
func TestTwoNodes(t *testing.T) {
	Binary(t)
	database, _ := ownPostgres(t)
	silent, _ := mailServer(t, false)
	speaking, letters := mailServer(t, true)
	a := &Server{Data: t.TempDir()}
	a.args = []string{"--data", a.Data, "--database", database}
	a.NewOrg(t, "Nacionalni CERT", "cert")
	a.NewKey(t, "dezurni@cert.example", "lead", "Nacionalni CERT")
	common := []string{"--origin", "http://straza.test", "--mail-from", "straza@cert.example"}
	a.serve(t, append(common, "--node", "0", "--mail", "smtp://"+silent.addr)...)
	t.Cleanup(a.Stop)
	address := func(s *Server) string {
		return strings.TrimPrefix(listening(t, s.cmd.Process.Pid), "http://")
	}
	nodeA := address(a)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	to := nodeA // which node the one origin leads to at the moment
	c := &http.Client{Jar: jar, Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", to)
		}}}
	post := func(path string, v url.Values) int {
		req, _ := http.NewRequest("POST", "http://straza.test"+path, strings.NewReader(v.Encode()))
		req.Header.Set("Origin", "http://straza.test")
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		st, _, err := roundTrip(c, req)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	page := func() int {
		req, _ := http.NewRequest("GET", "http://straza.test/console/advisories", nil)
		st, _, err := roundTrip(c, req)
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	if st := post("/login", url.Values{"email": {"dezurni@cert.example"}, "password": {Password}}); st != http.StatusSeeOther {
		t.Fatalf("log-in: %d", st)
	}
	if st := post("/login/forgot", url.Values{"email": {"dezurni@cert.example"}}); st >= 400 {
		t.Fatalf("a letter: %d", st)
	}
	select {
	case <-silent.came: // node A is in the middle of sending it
	case <-time.After(20 * time.Second):
		t.Fatalf("node A sends no letter\n%s", a.log.tail(20))
	}
	b := &Server{Data: t.TempDir()}
	b.args = []string{"--data", b.Data, "--database", database, "--keys", filepath.Join(a.Data, "keys")}
	b.serve(t, append(common, "--node", "1", "--mail", "smtp://"+speaking.addr)...)
	t.Cleanup(b.Stop)
	nodeB := address(b)
	for range 5 {
		for _, to = range []string{nodeA, nodeB} {
			if st := page(); st != http.StatusOK {
				t.Fatalf("the session at %s: %d", to, st)
			}
		}
	}
	_ = a.cmd.Process.Kill()
	_ = a.cmd.Wait()
	began := time.Now()
	if to = nodeB; page() != http.StatusOK {
		t.Error("the session ended with the node")
	}
	select {
	case <-letters:
	case <-time.After(20 * time.Second):
		t.Fatalf("the dead node's job did not move\n%s", b.log.tail(20))
	}
	took := time.Since(began)
	if took > 15*time.Second {
		t.Errorf("the dead node's job moved after %s", took)
	}
	t.Logf("session valid on both nodes and after the kill; the dead node's letter left by the other after %.1f s", took.Seconds())
	t.Logf("live: nodes 2")
}

// listening finds where a process of ours listens for the web.
func listening(t testing.TB, pid int) string {
	t.Helper()
	inodes := map[string]bool{}
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, "socket:[") {
			inodes[strings.Trim(to, "socket:[]")] = true
		}
	}
	b, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(b)) {
		f := strings.Fields(l)
		if len(f) < 10 || f[3] != "0A" || !inodes[f[9]] {
			continue
		}
		var port int
		if _, err := fmt.Sscanf(f[1][strings.Index(f[1], ":")+1:], "%X", &port); err == nil {
			return fmt.Sprintf("127.0.0.1:%d", port)
		}
	}
	t.Fatal("the node listens nowhere")
	return ""
}

type fakeMail struct {
	addr string
	came chan struct{}
}

// mailServer takes letters, or takes the connection and never says a word.
func mailServer(t testing.TB, speaks bool) (*fakeMail, chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	m := &fakeMail{addr: l.Addr().String(), came: make(chan struct{}, 100)}
	letters := make(chan struct{}, 100)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			m.came <- struct{}{}
			if speaks {
				go takeLetter(conn, letters)
			}
		}
	}()
	return m, letters
}

func takeLetter(conn net.Conn, letters chan struct{}) {
	defer conn.Close()
	say := func(s string) { _, _ = io.WriteString(conn, s+"\r\n") }
	say("220 fake")
	in, body := bufio.NewScanner(conn), false
	for in.Scan() {
		switch l := strings.ToUpper(in.Text()); {
		case body && in.Text() == ".":
			body = false
			letters <- struct{}{}
			say("250 taken")
		case body:
		case strings.HasPrefix(l, "EHLO"), strings.HasPrefix(l, "HELO"):
			say("250 fake")
		case l == "DATA":
			body = true
			say("354 go on")
		case l == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// TestSyncBeforeAnswer is fault F2 by system calls: between a write's request and its
// acknowledgement the database's log is synced. Kill -9 cannot show that: the kernel
// keeps the pages of a dead process.
func TestSyncBeforeAnswer(t *testing.T) {
	strace, err := exec.LookPath("strace")
	needTool(t, err == nil, "strace is not installed (scripts/setup.sh)")
	s, w := killWorld(t, "")
	log := filepath.Join(t.TempDir(), "calls")
	cmd := child(exec.Command(strace, "-f", "-qq", "-s", "24", "-o", log, "-e", "trace=fsync,fdatasync,write", "-p", fmt.Sprint(s.cmd.Process.Pid)))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(700 * time.Millisecond) // strace says nothing when it has taken hold of every thread
	const n = 12
	for i := range n {
		if st, b, err := w.json("POST", "/api/v1/organisations", fmt.Sprintf(`{"name":"Sync %d","kind":"company"}`, i), nil); err != nil || st != http.StatusCreated {
			t.Fatalf("%d %v %s", st, err, b)
		}
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	_ = cmd.Wait()
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	answers, synced, syncs := 0, 0, 0
	for l := range strings.Lines(string(b)) {
		switch {
		case strings.Contains(l, "sync") && strings.Contains(l, "= 0"):
			syncs++
		case strings.Contains(l, "HTTP/1.1 201"):
			if answers++; syncs > 0 {
				synced++
			}
			syncs = 0
		}
	}
	if answers == 0 {
		needTool(t, false, "strace saw no answer (may it trace here?): %.300s", b)
	}
	if answers != n || synced != n {
		t.Errorf("%d answers seen of %d, %d of them after a sync of their own", answers, n, synced)
	}
	t.Logf("%d acknowledgements, each after a sync", synced)
}
