package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"straza/internal/testkit"
)

// program is the built binary, serving.
type program struct {
	cmd  *exec.Cmd
	host string // localhost:PORT
}

func binary(b *testing.B) string {
	b.Helper()
	path := os.Getenv("STRAZA_BIN")
	if path == "" {
		b.Skip("STRAZA_BIN is not set: make bench builds it")
	}
	return path
}

// benchDatabase names the database of the program within a benchmark; unset = SQLite.
const benchDatabase = "STRAZA_BENCH_DATABASE"

// run prepares a command of the program, without the settings of the benchmarks.
func run(b *testing.B, args ...string) *exec.Cmd {
	b.Helper()
	cmd := exec.Command(binary(b), args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "STRAZA_") })
	if url := os.Getenv(benchDatabase); url != "" {
		cmd.Env = append(cmd.Env, "STRAZA_DATABASE="+url)
	}
	return cmd
}

// serve starts the program on a folder and waits for the line that says where.
func serve(b *testing.B, folder string, args ...string) *program {
	b.Helper()
	p := &program{cmd: run(b, append([]string{"serve", "--data", folder, "--listen", "127.0.0.1:0"}, args...)...)}
	out, err := p.cmd.StdoutPipe()
	must(b, err)
	p.cmd.Stderr = p.cmd.Stdout
	must(b, p.cmd.Start())
	b.Cleanup(p.stop)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, at, ok := strings.Cut(lines.Text(), "listening on http://"); ok {
			p.host = strings.TrimSpace(at)
			go io.Copy(io.Discard, out)
			return p
		}
	}
	b.Fatal("the program ended before it served")
	return nil
}

func (p *program) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

// BenchmarkBinary: its size; from the start on an empty folder to the first answer,
// the public home page; what it holds in memory when idle, with the process that
// unseals, shared pages counted once.
func BenchmarkBinary(b *testing.B) {
	st, err := os.Stat(binary(b))
	must(b, err)
	for b.Loop() {
		most(b, float64(st.Size())/1e6, 45, "MB-binary")
		var firsts []time.Duration
		var idle float64
		for range 5 {
			folder := b.TempDir()
			start := time.Now()
			p := serve(b, folder)
			res, err := http.Get("http://" + p.host + "/sr-Cyrl/")
			must(b, err)
			_, err = io.Copy(io.Discard, res.Body)
			must(b, err)
			firsts = append(firsts, time.Since(start))
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				b.Fatalf("the first answer is %d", res.StatusCode)
			}
			time.Sleep(3 * time.Second) // idle is what it is after a while
			idle = max(idle, held(b, p.cmd.Process.Pid))
			p.stop()
		}
		most(b, ms(part(firsts, 50)), 150, "ms-first-answer")
		most(b, idle, 60, "MB-idle")
	}
}

// held is the memory (MB) of a process and its children, each shared page divided
// by those who share it.
func held(b *testing.B, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	must(b, err)
	var kb float64
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			_, err := fmt.Sscan(rest, &kb)
			must(b, err)
		}
	}
	total := kb / 1024
	children, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	must(b, err)
	for _, file := range children {
		text, err := os.ReadFile(file)
		must(b, err)
		for child := range strings.FieldsSeq(string(text)) {
			id, err := strconv.Atoi(child)
			must(b, err)
			total += held(b, id)
		}
	}
	return total
}

// BenchmarkPages: the built program on the demo country, asked over HTTP by our own
// generator on the same two cores: the public home page from the cache at least
// 5,000 a second; the console's pages, each as an analyst with a session, at least 300.
// The limits are SQLite's; PostgreSQL (STRAZA_BENCH_ENGINE=postgres) shares the two cores.
func BenchmarkPages(b *testing.B) {
	folder := b.TempDir()
	if os.Getenv("STRAZA_BENCH_ENGINE") == "postgres" {
		b.Setenv(benchDatabase, testkit.PostgresURL(b))
	}
	out, err := run(b, "demo", "--json", "--data", folder).Output()
	must(b, err)
	var told struct {
		Personas []struct{ Role, Login string }
	}
	must(b, json.Unmarshal(out, &told))
	p := serve(b, folder, "--demo")
	var cookie string
	for _, who := range told.Personas {
		if who.Role == "analyst" && cookie == "" {
			cookie = p.enter(b, who.Login)
		}
	}
	for _, page := range []struct {
		path, cookie string
		limit        float64
	}{{"/sr-Cyrl/", "", 5000}, {"/console", cookie, 300}, {"/console/reports", cookie, 300}, {"/console/cases", cookie, 300}, {"/console/events", cookie, 300}, {"/console/indicators", cookie, 300}} {
		b.Run(strings.Trim(page.path, "/"), func(b *testing.B) {
			for b.Loop() {
				p.load(b, page.path, page.cookie, time.Second) // warm
				before := p.worked(b)
				n, took := p.load(b, page.path, page.cookie, 5*time.Second)
				b.ReportMetric((p.worked(b)-before)*1000/float64(n), "cpu-ms/page")
				least(b, float64(n)/took.Seconds(), page.limit, "pages/s")
			}
		})
	}
}

// worked is how many seconds of a core the program has used: what a page costs,
// whoever else is at work on the machine.
func (p *program) worked(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	must(b, err)
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	var user, system float64
	_, err = fmt.Sscan(fields[11]+" "+fields[12], &user, &system)
	must(b, err)
	return (user + system) / 100 // the kernel counts in hundredths
}

// enter logs a persona in and gives the session's cookie.
func (p *program) enter(b *testing.B, login string) string {
	b.Helper()
	at, err := url.Parse(login)
	must(b, err)
	r, err := http.NewRequest(http.MethodPost, "http://"+p.host+at.Path, nil)
	must(b, err)
	r.Header.Set("Origin", "http://"+p.host)
	res, err := http.DefaultTransport.RoundTrip(r)
	must(b, err)
	_ = res.Body.Close()
	for _, c := range res.Cookies() {
		if strings.HasSuffix(c.Name, "session") {
			return c.Name + "=" + c.Value
		}
	}
	b.Fatalf("no session: %s", res.Status)
	return ""
}

// load asks for a page over eight connections for a while.
func (p *program) load(b *testing.B, path, cookie string, d time.Duration) (n int, took time.Duration) {
	b.Helper()
	request := "GET " + path + " HTTP/1.1\r\nHost: " + p.host + "\r\nAccept: text/html\r\nSec-Fetch-Site: same-origin\r\n"
	if cookie != "" {
		request += "Cookie: " + cookie + "\r\n"
	}
	request += "\r\n"
	var wg sync.WaitGroup
	counts, faults := make([]int, 8), make([]error, 8)
	start := time.Now()
	for i := range counts {
		wg.Go(func() { counts[i], faults[i] = p.ask([]byte(request), start.Add(d)) })
	}
	wg.Wait()
	took = time.Since(start)
	for i := range counts {
		must(b, faults[i])
		n += counts[i]
	}
	return n, took
}

// ask sends the request again and again over one connection; every answer is read
// whole and must be 200. A client this small leaves the cores to the program.
func (p *program) ask(request []byte, until time.Time) (n int, err error) {
	conn, err := net.Dial("tcp", strings.Replace(p.host, "localhost", "127.0.0.1", 1))
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	r := bufio.NewReaderSize(conn, 64<<10)
	for time.Now().Before(until) {
		if _, err := conn.Write(request); err != nil {
			return n, err
		}
		if err := readAnswer(r); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// readAnswer reads a status of 200, headers, and a body of known length or in chunks.
func readAnswer(r *bufio.Reader) error {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
		return fmt.Errorf("answered %q", line)
	}
	length := -1
	for {
		if line, err = r.ReadSlice('\n'); err != nil {
			return err
		}
		if line = bytes.TrimSpace(line); len(line) == 0 {
			break
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(v)); err != nil {
				return err
			}
		}
	}
	if length >= 0 {
		_, err = r.Discard(length)
		return err
	}
	for {
		if line, err = r.ReadSlice('\n'); err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 64)
		if err != nil {
			return err
		}
		if _, err := r.Discard(int(size) + 2); err != nil {
			return err
		}
		if size == 0 {
			return nil
		}
	}
}
