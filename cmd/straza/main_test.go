package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6238
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"encoding/base32"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/rogpeppe/go-internal/testscript"
	_ "modernc.org/sqlite"
)

// program is the binary the stories run: the one the gate built, or one built here.
var program string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if program = os.Getenv("STRAZA_BIN"); program == "" {
		dir, err := os.MkdirTemp("", "straza-bin.")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "straza")
		build := exec.Command("go", "build", "-trimpath", "-o", program, ".")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return 1
		}
	}
	return m.Run()
}

// TestStories runs every story of the whole program in testdata. Commands beyond
// testscript's own:
//
//	straza CODE ARGS…           runs the program and wants that exit code
//	serve NAME ARGS…            starts `straza serve` and sets NAME to its origin
//	unseal NAME ARGS…           starts `straza unseal` and sets NAME to its address
//	take NAME KEY               sets NAME to a value of standard output's JSON (a.b for nested)
//	totp NAME SECRET STEP       sets NAME to a one-time code, STEP periods from now
//	end NAME | kill9 NAME       SIGTERM or SIGKILL, and waits
//	http STATUS METHOD URL [k=v…|key:KEY|host:NAME|json:BODY]   one request, cookies kept over the story
//	shape SHAPE                 every JSON document of standard output has exactly these keys and
//	                            kinds: s text, n number, b truth, 0 null, ? anything; [] empty, [s] a list of
//	certificate CERT KEY        makes a self-signed pair for localhost
//	fileserver NAME             serves the story's folder over HTTP and sets NAME to its origin
//	keys GOLDEN…                standard output's JSON has at least these keys (a.b for nested)
//	same FILE FILE KEY…         two files of JSON are equal but for the named keys
//	row DATABASE STATEMENT      changes the database behind the program's back
//	pgdatabase NAME             makes a database and sets NAME to its URL; dropped at the end
func TestStories(t *testing.T) { testscript.Run(t, stories("testdata", nil)) }

// TestStoriesOnBothEngines runs the stories of testdata/both twice, as they stand.
func TestStoriesOnBothEngines(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { testscript.Run(t, stories("testdata/both", nil)) })
	t.Run("postgres", func(t *testing.T) {
		if os.Getenv("STRAZA_TEST_PG") == "" {
			if os.Getenv("CI") == "true" {
				t.Fatal("CI without STRAZA_TEST_PG: PostgreSQL may not be skipped")
			}
			t.Skip("STRAZA_TEST_PG is not set")
		}
		testscript.Run(t, stories("testdata/both", func(e *testscript.Env) error {
			at, drop, err := newDatabase()
			if err == nil {
				e.Setenv("STRAZA_DATABASE", at)
				e.Defer(drop)
			}
			return err
		}))
	})
}

func stories(dir string, engine func(*testscript.Env) error) testscript.Params {
	return testscript.Params{
		Dir: dir, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			if engine != nil {
				if err := engine(e); err != nil {
					return err
				}
			}
			jar, err := cookiejar.New(nil)
			e.Values["jar"] = jar
			e.Values["servers"] = map[string]*server{}
			if f := os.Getenv("STRAZA_FAULT"); f != "" { // a planted fault that these stories must find
				e.Setenv("STRAZA_FAULT", f)
			}
			e.Setenv("STRAZA_DATA", filepath.Join(e.WorkDir, "data"))
			return err
		},
		Condition: func(cond string) (bool, error) {
			if cond != "postgres" {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			there := os.Getenv("STRAZA_TEST_PG") != ""
			if !there && os.Getenv("CI") == "true" {
				return false, errors.New("CI without STRAZA_TEST_PG: PostgreSQL may not be skipped")
			}
			return there, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"straza": runProgram, "serve": serve, "unseal": startUnseal, "take": take, "totp": oneTimeCode, "end": end(syscall.SIGTERM), "kill9": end(syscall.SIGKILL),
			"http": request, "keys": goldenKeys, "same": sameJSON, "row": changeRow, "pgdatabase": pgDatabase,
			"shape": shape, "certificate": certificate, "fileserver": fileServer,
		},
	}
}

func runProgram(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(program, args[1:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("straza %s: exit code %d, not %d", strings.Join(args[1:], " "), got, want)
	}
}

// server is one running `straza serve`.
type server struct {
	cmd  *exec.Cmd
	mu   sync.Mutex
	more sync.Cond
	said bytes.Buffer
}

func (s *server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.more.Broadcast()
	return s.said.Write(p)
}

// await is the word after a phrase that the process has printed or will
// print; the story's own limit of time ends a wait for nothing.
func (s *server) await(phrase string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if _, after, ok := strings.Cut(s.said.String(), phrase); ok && strings.ContainsAny(after, " \n") {
			return strings.Fields(after)[0]
		}
		s.more.Wait()
	}
}

func serve(ts *testscript.TestScript, _ bool, args []string) {
	start(ts, args[0], append([]string{"serve", "--listen", "127.0.0.1:0"}, args[1:]...))
}

func startUnseal(ts *testscript.TestScript, _ bool, args []string) {
	start(ts, args[0], append([]string{"unseal"}, args[1:]...))
}

// start runs a process that stays and waits for its "listening on".
func start(ts *testscript.TestScript, name string, args []string) {
	s := &server{cmd: exec.Command(program, args...)}
	s.more.L = &s.mu
	s.cmd.SysProcAttr = dieWithParent()
	s.cmd.Dir = ts.MkAbs(".")
	for _, k := range []string{"PATH", "HOME", "TMPDIR", "STRAZA_DATA", "STRAZA_DATABASE", "STRAZA_KEYS", "STRAZA_FAULT", "CREDENTIALS_DIRECTORY"} {
		if v := ts.Getenv(k); v != "" {
			s.cmd.Env = append(s.cmd.Env, k+"="+v)
		}
	}
	s.cmd.Stderr = s
	out, err := s.cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(s.cmd.Start())
	ts.Value("servers").(map[string]*server)[name] = s
	ts.Defer(func() { _ = s.cmd.Process.Kill(); _, _ = s.cmd.Process.Wait() })
	sc := bufio.NewScanner(out)
	for sc.Scan() {
		if at, ok := strings.CutPrefix(sc.Text(), "listening on "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			ts.Setenv(name, at)
			if slices.Contains(args, "--internal-listen") {
				ts.Setenv(name+"_INTERNAL", s.await("metrics and profiling on "))
			}
			return
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ts.Fatalf("%s ended before it was ready:\n%s", args[0], s.said.String())
}

// dieWithParent ends a server with this process, however that ends.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

func take(ts *testscript.TestScript, _ bool, args []string) {
	var doc any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &doc))
	for _, k := range strings.Split(args[1], ".") {
		m, _ := doc.(map[string]any)
		if doc = m[k]; doc == nil {
			ts.Fatalf("no %s in it", args[1])
		}
	}
	ts.Setenv(args[0], fmt.Sprint(doc))
}

// oneTimeCode is RFC 6238 with SHA-1, 30 s and six digits, apart from the program's own.
func oneTimeCode(ts *testscript.TestScript, _ bool, args []string) {
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.TrimRight(args[1], "="))
	ts.Check(err)
	step, err := strconv.Atoi(args[2])
	ts.Check(err)
	h := hmac.New(sha1.New, secret)
	_ = binary.Write(h, binary.BigEndian, time.Now().Unix()/30+int64(step))
	sum := h.Sum(nil)
	n := binary.BigEndian.Uint32(sum[sum[19]&15:]) & 0x7fffffff
	ts.Setenv(args[0], fmt.Sprintf("%06d", n%1_000_000))
}

func end(how syscall.Signal) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) {
		s := ts.Value("servers").(map[string]*server)[args[0]]
		if s == nil {
			ts.Fatalf("no server %s", args[0])
		}
		ts.Check(s.cmd.Process.Signal(how))
		err := s.cmd.Wait()
		if how == syscall.SIGTERM && err != nil {
			ts.Fatalf("a drained server ends with 0: %v", err)
		}
	}
}

// transport takes the certificate that a story made.
var transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} //nolint:gosec // our own server, on loopback

// certificate makes a self-signed pair for localhost: CERT KEY.
func certificate(ts *testscript.TestScript, _ bool, args []string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 1, 0)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	ts.Check(err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
}

func request(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	form, body, kind, key, host := url.Values{}, "", "application/x-www-form-urlencoded", "", ""
	for _, a := range args[3:] {
		if b, ok := strings.CutPrefix(a, "json:"); ok {
			body, kind = b, "application/json"
		} else if k, ok := strings.CutPrefix(a, "key:"); ok {
			key = k
		} else if h, ok := strings.CutPrefix(a, "host:"); ok {
			host = h
		} else {
			name, v, _ := strings.Cut(a, "=")
			form.Add(name, v)
		}
	}
	if body == "" {
		body = form.Encode()
	}
	req, err := http.NewRequest(args[1], args[2], strings.NewReader(body))
	ts.Check(err)
	req.Host = host
	if args[1] != "GET" {
		req.Header.Set("Content-Type", kind)
		req.Header.Set("Origin", req.URL.Scheme+"://"+req.URL.Host)
	}
	if key != "" {
		req.Header.Set("Authorization", key)
	}
	c := &http.Client{Transport: transport, Jar: ts.Value("jar").(http.CookieJar), Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	ts.Check(err)
	fmt.Fprintf(ts.Stdout(), "%s\n", b)
	_ = resp.Header.Write(ts.Stderr())
	if resp.StatusCode != want {
		ts.Fatalf("%s %s: %d, not %d: %.600s", args[1], args[2], resp.StatusCode, want, b)
	}
}

func goldenKeys(ts *testscript.TestScript, neg bool, args []string) {
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	n := 0
	for ; dec.More(); n++ {
		var doc map[string]any
		ts.Check(dec.Decode(&doc))
		for _, path := range args {
			if has(doc, strings.Split(path, ".")) == neg {
				ts.Fatalf("key %s: want it absent %t, in %v", path, neg, doc)
			}
		}
	}
	if n == 0 {
		ts.Fatalf("no JSON on standard output")
	}
}

func has(v any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	m, ok := v.(map[string]any)
	if !ok {
		return false
	}
	inner, ok := m[path[0]]
	return ok && has(inner, path[1:])
}

// sameJSON compares two documents (or JSON lines) without the keys named.
func sameJSON(ts *testscript.TestScript, _ bool, args []string) {
	read := func(file string) (out []string) {
		dec := json.NewDecoder(strings.NewReader(ts.ReadFile(file)))
		for dec.More() {
			var doc map[string]any
			ts.Check(dec.Decode(&doc))
			for _, k := range args[2:] {
				delete(doc, k)
			}
			b, err := json.Marshal(doc)
			ts.Check(err)
			out = append(out, string(b))
		}
		return out
	}
	a, b := read(args[0]), read(args[1])
	if len(a) == 0 || !slices.Equal(a, b) {
		ts.Fatalf("%s and %s differ:\n%s\n%s", args[0], args[1], strings.Join(a, "\n"), strings.Join(b, "\n"))
	}
}

func changeRow(ts *testscript.TestScript, _ bool, args []string) {
	engine, name := "sqlite", ts.MkAbs(args[0])
	if strings.HasPrefix(args[0], "postgres") {
		engine, name = "pgx", args[0]
	}
	db, err := sql.Open(engine, name)
	ts.Check(err)
	defer db.Close()
	res, err := db.Exec(args[1])
	ts.Check(err)
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		ts.Fatalf("%s changed no row: %v", args[1], err)
	}
}

func pgDatabase(ts *testscript.TestScript, _ bool, args []string) {
	at, drop, err := newDatabase()
	ts.Check(err)
	ts.Defer(drop)
	ts.Setenv(args[0], at)
}

// newDatabase makes an empty database on the server of STRAZA_TEST_PG.
func newDatabase() (at string, drop func(), err error) {
	server, err := url.Parse(os.Getenv("STRAZA_TEST_PG"))
	if err != nil {
		return "", nil, err
	}
	db, err := sql.Open("pgx", server.String())
	if err != nil {
		return "", nil, err
	}
	name := fmt.Sprintf("straza_story_%d_%d", os.Getpid(), time.Now().UnixNano())
	if _, err = db.Exec("CREATE DATABASE " + name); err != nil {
		return "", nil, errors.Join(err, db.Close())
	}
	server.Path = "/" + name
	return server.String(), func() {
		if _, err := db.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		_ = db.Close()
	}, nil
}

func fileServer(ts *testscript.TestScript, _ bool, args []string) {
	s := httptest.NewServer(http.FileServer(http.Dir(ts.MkAbs("."))))
	ts.Defer(s.Close)
	ts.Setenv(args[0], s.URL)
}

var bare = regexp.MustCompile(`([:\[,])([snb0?])([,\]}])`)

func shape(ts *testscript.TestScript, _ bool, args []string) {
	var want any
	text := bare.ReplaceAllString(bare.ReplaceAllString(args[0], `$1"$2"$3`), `$1"$2"$3`)
	ts.Check(json.Unmarshal([]byte(text), &want))
	dec, n := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout"))), 0
	for ; dec.More(); n++ {
		var got any
		ts.Check(dec.Decode(&got))
		if why := unlike("", want, got); why != "" {
			b, _ := json.Marshal(got)
			ts.Fatalf("%s, in %s", why, b)
		}
	}
	if n == 0 {
		ts.Fatalf("no JSON on standard output")
	}
}

// unlike says where a document is not as the shape wants it, "" when it is.
func unlike(at string, want, got any) string {
	kind := map[string]bool{"?": true}
	switch got := got.(type) {
	case nil:
		kind["0"] = true
	case string:
		kind["s"] = true
	case float64:
		kind["n"] = true
	case bool:
		kind["b"] = true
	case map[string]any:
		w, ok := want.(map[string]any)
		if !ok {
			break
		}
		for k := range got {
			if _, ok := w[k]; !ok {
				return at + "." + k + " is not in the shape"
			}
		}
		for k, v := range w {
			g, ok := got[k]
			if !ok {
				return at + "." + k + " is missing"
			}
			if why := unlike(at+"."+k, v, g); why != "" {
				return why
			}
		}
		return ""
	case []any:
		w, ok := want.([]any)
		if !ok {
			break
		}
		for i, g := range got {
			if len(w) == 0 {
				return at + " is not empty"
			}
			if why := unlike(fmt.Sprintf("%s[%d]", at, i), w[0], g); why != "" {
				return why
			}
		}
		return ""
	}
	if w, ok := want.(string); !ok || !kind[w] {
		return fmt.Sprintf("%s is %v where the shape has %v", at, got, want)
	}
	return ""
}
