package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func stream(events ...event) string {
	var b strings.Builder
	for _, e := range events {
		j, _ := json.Marshal(e)
		b.Write(append(j, '\n'))
	}
	return b.String()
}

func TestCounts(t *testing.T) {
	in := stream(
		event{Action: "output", Package: "p", Test: "TestA/sqlite", Output: "=== RUN   TestA/sqlite\n"},
		event{Action: "pass", Package: "p", Test: "TestA/sqlite"},
		event{Action: "pass", Package: "p", Test: "TestA/postgres"},
		event{Action: "pass", Package: "p", Test: "TestA"},
		event{Action: "output", Package: "p", Test: "TestPyMISPRoundTrip", Output: "    x_test.go:1: live: pymisp 29\n"},
		event{Action: "pass", Package: "p", Test: "TestPyMISPRoundTrip"},
		event{Action: "pass", Package: "p", Test: "TestBrowserHome"},
		event{Action: "output", Package: "p", Test: "TestTAXIIRead", Output: "    x_test.go:1: no route yet\n"},
		event{Action: "output", Package: "p", Test: "TestTAXIIRead", Output: "--- SKIP: TestTAXIIRead (0.00s)\n"},
		event{Action: "skip", Package: "p", Test: "TestTAXIIRead"},
		event{Action: "output", Package: "p", Test: "TestRed", Output: "    x_test.go:9: got 1\n"},
		event{Action: "fail", Package: "p", Test: "TestRed"},
		event{Action: "fail", Package: "p", Test: "TestPart/bad"},
		event{Action: "pass", Package: "p", Test: "TestPart/good"},
		event{Action: "fail", Package: "p", Test: "TestPart"},
		event{Action: "fail", Package: "p"},
		event{Action: "fail", Package: "unbuildable"},
		event{Action: "output", Package: "q", Test: "TestPanics", Output: "panic: boom\n"},
		event{Action: "fail", Package: "q"},
	)
	var out bytes.Buffer
	r := newReader(&out)
	if err := r.read(strings.NewReader(in)); err != nil {
		t.Fatal(err)
	}
	got := r.counts()
	want := counts{Passed: 5, Failed: 4, Skipped: 1,
		Live:  map[string]int{"sqlite": 1, "postgres": 1, "pymisp": 29, "browser": 1},
		Skips: []string{"p.TestTAXIIRead: x_test.go:1: no route yet"},
		Reds:  []string{"p.TestPart/bad", "p.TestRed", "q.TestPanics", "unbuildable"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("counts\n got %+v\nwant %+v", got, want)
	}
	for _, s := range []string{"got 1", "panic: boom"} {
		if !strings.Contains(out.String(), s) {
			t.Errorf("output of a failed test lacks %q:\n%s", s, out.String())
		}
	}
}

func TestSlowest(t *testing.T) {
	var out bytes.Buffer
	r := newReader(&out)
	if err := r.read(strings.NewReader(stream(
		event{Action: "pass", Package: "p", Test: "TestQuick", Elapsed: 9},
		event{Action: "pass", Package: "p", Test: "TestLong/part", Elapsed: 30},
		event{Action: "pass", Package: "p", Test: "TestLong", Elapsed: 31},
		event{Action: "fail", Package: "q", Test: "TestLonger", Elapsed: 40},
		event{Action: "pass", Package: "q", Test: "TestLeft", Elapsed: 20},
	))); err != nil {
		t.Fatal(err)
	}
	r.slowest(2)
	if got, want := out.String(), "slow:   40s q.TestLonger\nslow:   30s p.TestLong/part\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAddUp(t *testing.T) {
	for _, tc := range []struct {
		name, ci, live string
		c              counts
		bad            string
	}{
		{"all well", "true", "sqlite", counts{Passed: 2, Live: map[string]int{"sqlite": 1}}, ""},
		{"live kind missing in CI", "true", "sqlite,pymisp", counts{Passed: 2, Live: map[string]int{"sqlite": 1}}, "pymisp"},
		{"live kind missing elsewhere", "", "sqlite,pymisp", counts{Passed: 2, Live: map[string]int{"sqlite": 1}}, ""},
		{"one failed", "", "", counts{Passed: 2, Failed: 1}, "1 failed"},
		{"nothing ran", "", "", counts{}, "no test ran"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("CI", tc.ci)
			dir := t.TempDir()
			b, _ := json.Marshal(tc.c)
			if err := os.WriteFile(filepath.Join(dir, "main.json"), b, 0o600); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			err := addUp(&out, dir, tc.live)
			if (err == nil) != (tc.bad == "") || err != nil && !strings.Contains(err.Error(), tc.bad) {
				t.Errorf("error %v, want one with %q", err, tc.bad)
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if last := lines[len(lines)-1]; !strings.Contains(last, " passed, ") {
				t.Errorf("last line is %q", last)
			}
		})
	}
}
