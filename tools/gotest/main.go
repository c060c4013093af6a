// Command gotest runs `go test -json`, prints what plain `go test` would print, and counts.
//
//	gotest -out counts.json -- ./...      runs the tests of one module and keeps the counts
//	gotest -total DIR -live a,b           adds all counts in DIR, prints them, fails unless every kind in -live ran
//
// Counted are leaf tests: a test with subtests is its subtests. A live check is a leaf test that talked to a real
// foreign program. It is known by its name (a path element "sqlite" or "postgres", or a test named TestBrowser…,
// TestPyMISP…, TestTAXII…), or says so itself by a log line "live: KIND N" (N checks of that kind, e.g. 29 events
// compared); such a line counts instead of the name.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// counts is what one run, or all of them, came to.
type counts struct {
	Passed  int            `json:"passed"`
	Failed  int            `json:"failed"`
	Skipped int            `json:"skipped"`
	Live    map[string]int `json:"live"`
	Skips   []string       `json:"skips"`    // names of skipped tests with the reason
	Reds    []string       `json:"failures"` // names of failed tests and packages
}

func main() {
	out := flag.String("out", "", "file for the counts of this run")
	total := flag.String("total", "", "directory of counts to add up")
	live := flag.String("live", "", "comma-separated kinds of live check that must have run")
	flag.Parse()
	var err error
	if *total != "" {
		err = addUp(os.Stdout, *total, *live)
	} else {
		err = run(os.Stdout, *out, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(1)
	}
}

// run executes go test and keeps its counts in the file out; a failing test is an error.
func run(w io.Writer, out string, args []string) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r := newReader(w)
	readErr := r.read(pipe)
	waitErr := cmd.Wait()
	r.slowest(20)
	c := r.counts()
	if waitErr != nil && c.Failed == 0 {
		// go test died without a word about any test: that is a failure too.
		c.Failed, c.Reds = 1, append(c.Reds, "go test "+strings.Join(args, " "))
	}
	if out != "" {
		b, err := json.MarshalIndent(c, "", " ")
		if err != nil {
			return err
		}
		if err := os.WriteFile(out, b, 0o644); err != nil {
			return err
		}
	}
	if readErr != nil {
		return readErr
	}
	if waitErr != nil || c.Failed > 0 {
		return fmt.Errorf("%d of %d tests failed", c.Failed, c.Passed+c.Failed)
	}
	return nil
}

// event is one line of `go test -json` (cmd/test2json).
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64 // seconds, of a result
}

type key struct{ pkg, test string }

// reader turns the stream into what plain `go test` prints, and counts.
type reader struct {
	w      io.Writer
	output map[key][]string // of tests still running
	result map[key]string   // pass, fail, skip
	parent map[key]bool     // has subtests
	blamed map[key]bool     // has a subtest that failed: its own failure is not another one
	live   map[key]map[string]int
	reason map[key]string
	broken map[string]bool // packages that failed
	took   map[key]float64 // seconds
}

func newReader(w io.Writer) *reader {
	return &reader{w: w, output: map[key][]string{}, result: map[key]string{}, parent: map[key]bool{}, blamed: map[key]bool{},
		live: map[key]map[string]int{}, reason: map[key]string{}, broken: map[string]bool{}, took: map[key]float64{}}
}

func (r *reader) read(in io.Reader) error {
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		var e event
		if err := json.Unmarshal(sc.Bytes(), &e); err != nil {
			fmt.Fprintln(r.w, sc.Text()) // not JSON: a build error, or a test that wrote past the framework
			continue
		}
		r.take(e)
	}
	return sc.Err()
}

var liveLine = regexp.MustCompile(`\blive: ([a-z]+) (\d+)\s*$`)

func (r *reader) take(e event) {
	k := key{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.w, e.Output)
	case "output":
		r.takeOutput(k, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(k, e.Action)
			return
		}
		r.result[k] = e.Action
		r.took[k] = e.Elapsed
		for p := parentOf(e.Test); p != ""; p = parentOf(p) {
			r.parent[key{e.Package, p}] = true
			if e.Action == "fail" {
				r.blamed[key{e.Package, p}] = true
			}
		}
		switch e.Action {
		case "fail":
			for _, s := range r.output[k] {
				fmt.Fprint(r.w, s)
			}
		case "skip":
			r.reason[k] = skipReason(r.output[k])
		}
		delete(r.output, k)
	}
}

func (r *reader) takeOutput(k key, s string) {
	if m := liveLine.FindStringSubmatch(s); m != nil && k.test != "" {
		n, _ := strconv.Atoi(m[2])
		if r.live[k] == nil {
			r.live[k] = map[string]int{}
		}
		r.live[k][m[1]] += n
	}
	if strings.HasPrefix(s, "=== ") {
		return
	}
	r.output[k] = append(r.output[k], s)
}

// endPackage prints the package's own lines: "ok  straza/x 0.1s", panics, data races.
func (r *reader) endPackage(k key, action string) {
	for _, s := range r.output[k] {
		if action != "fail" && strings.TrimSpace(s) == "PASS" {
			continue
		}
		fmt.Fprint(r.w, s)
	}
	delete(r.output, k)
	if action != "fail" {
		return
	}
	r.broken[k.pkg] = true
	// Tests that were running when the process died never got a result of their own.
	for t, lines := range r.output {
		if t.pkg != k.pkg {
			continue
		}
		r.result[t] = "fail"
		for _, s := range lines {
			fmt.Fprint(r.w, s)
		}
		delete(r.output, t)
	}
}

// slowest prints the n tests that took longest, of those above ten seconds; beside
// others, a test's time is also theirs.
func (r *reader) slowest(n int) {
	var list []key
	for k, s := range r.took {
		if s > 10 && !r.parent[k] { // whose parts ran beside others tells nothing of them
			list = append(list, k)
		}
	}
	slices.SortFunc(list, func(a, b key) int {
		return cmp.Or(cmp.Compare(r.took[b], r.took[a]), cmp.Compare(a.test, b.test))
	})
	for _, k := range list[:min(n, len(list))] {
		fmt.Fprintf(r.w, "slow: %4.0fs %s.%s\n", r.took[k], k.pkg, k.test)
	}
}

func (r *reader) counts() counts {
	c := counts{Live: map[string]int{}}
	red := map[string]bool{}
	for k, res := range r.result {
		if r.parent[k] && (res != "fail" || r.blamed[k]) {
			if res == "pass" {
				r.addLive(&c, k, false)
			}
			continue
		}
		name := k.pkg + "." + k.test
		switch res {
		case "pass":
			c.Passed++
			r.addLive(&c, k, true)
		case "skip":
			c.Skipped++
			c.Skips = append(c.Skips, name+": "+r.reason[k])
		case "fail":
			red[k.pkg] = true
			c.Failed++
			c.Reds = append(c.Reds, name)
		}
	}
	for p := range r.broken { // did not build, or panicked outside a test
		if !red[p] {
			c.Failed++
			c.Reds = append(c.Reds, p)
		}
	}
	slices.Sort(c.Skips)
	slices.Sort(c.Reds)
	return c
}

// addLive adds a passed test's live checks: what it said itself, else one for its name when leaf.
func (r *reader) addLive(c *counts, k key, leaf bool) {
	for kind, n := range r.live[k] {
		c.Live[kind] += n
	}
	if !leaf || len(r.live[k]) > 0 {
		return
	}
	if kind := kindOf(k.test); kind != "" {
		c.Live[kind]++
	}
}

// kindOf tells which live check a test's name stands for, "" when none.
func kindOf(test string) string {
	for i, p := range strings.Split(test, "/") {
		switch {
		case p == "sqlite" || p == "postgres":
			return p
		case i > 0:
		case strings.HasPrefix(p, "TestBrowser"):
			return "browser"
		case strings.HasPrefix(p, "TestPyMISP"):
			return "pymisp"
		case strings.HasPrefix(p, "TestTAXII"):
			return "taxii"
		}
	}
	return ""
}

func parentOf(test string) string {
	i := strings.LastIndexByte(test, '/')
	if i < 0 {
		return ""
	}
	return test[:i]
}

// skipReason finds the last logged line of a skipped test.
func skipReason(lines []string) string {
	for _, s := range slices.Backward(lines) {
		s = strings.TrimSpace(s)
		if s == "" || strings.HasPrefix(s, "--- ") {
			continue
		}
		return s
	}
	return "no reason given"
}

// addUp prints the sum of all runs kept in dir; the line "N passed, N failed, N skipped" is the last one.
func addUp(w io.Writer, dir, live string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	all := counts{Live: map[string]int{}}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		var c counts
		if err := json.Unmarshal(b, &c); err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		all.add(c)
	}
	var missing []string
	for _, kind := range strings.FieldsFunc(live, func(r rune) bool { return r == ',' }) {
		if all.Live[kind] == 0 {
			missing = append(missing, kind)
		}
	}
	all.print(w, live)
	switch {
	case all.Failed > 0:
		return fmt.Errorf("%d failed", all.Failed)
	case all.Passed == 0:
		return fmt.Errorf("no test ran")
	case len(missing) > 0 && os.Getenv("CI") == "true":
		return fmt.Errorf("no live check ran of: %s", strings.Join(missing, ", "))
	}
	return nil
}

func (c *counts) add(d counts) {
	c.Passed += d.Passed
	c.Failed += d.Failed
	c.Skipped += d.Skipped
	c.Skips = append(c.Skips, d.Skips...)
	c.Reds = append(c.Reds, d.Reds...)
	for k, n := range d.Live {
		c.Live[k] += n
	}
}

func (c *counts) print(w io.Writer, live string) {
	for _, s := range c.Skips {
		fmt.Fprintln(w, "skipped:", s)
	}
	for _, s := range c.Reds {
		fmt.Fprintln(w, "failed:", s)
	}
	if live != "" {
		var parts []string
		for _, kind := range strings.Split(live, ",") {
			parts = append(parts, fmt.Sprintf("%s %d", kind, c.Live[kind]))
		}
		fmt.Fprintln(w, "live checks:", strings.Join(parts, ", "))
	}
	fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", c.Passed, c.Failed, c.Skipped)
}
