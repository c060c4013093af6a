package bench

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// most prints a figure beside the limit that it may not pass, and fails above it.
func most(b *testing.B, got, limit float64, unit string) {
	b.Helper()
	b.ReportMetric(got, unit)
	b.ReportMetric(limit, "limit-"+unit)
	if got > limit {
		b.Errorf("%.4g %s, at most %.4g", got, unit, limit)
	}
}

// least is most the other way round.
func least(b *testing.B, got, limit float64, unit string) {
	b.Helper()
	b.ReportMetric(got, unit)
	b.ReportMetric(limit, "limit-"+unit)
	if got < limit {
		b.Errorf("%.4g %s, at least %.4g", got, unit, limit)
	}
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// part gives a place of sorted times: 95 is p95.
func part(times []time.Duration, percent int) time.Duration {
	slices.Sort(times)
	return times[len(times)*percent/100]
}

// resident counts how much of this process stands in memory (MB): all of it, the
// engine's pages outside Go's heap and the benchmark's own data too.
type resident struct{ before float64 }

// measure begins to watch for the peak.
func measure(b *testing.B) resident {
	b.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	must(b, os.WriteFile("/proc/self/clear_refs", []byte("5"), 0)) // the peak starts anew
	return resident{status(b, "VmRSS")}
}

// peak is the most that was there since; grown is by how much more than at the beginning.
func (m resident) peak(b *testing.B) float64 { return status(b, "VmHWM") }

func (m resident) grown(b *testing.B) float64 { return m.peak(b) - m.before }

// status reads a line of the process's own record (kB) as MB.
func status(b *testing.B, name string) float64 {
	b.Helper()
	return statusOf(b, "self", name)
}

func statusOf(b *testing.B, pid, name string) float64 {
	b.Helper()
	f, err := os.Open("/proc/" + pid + "/status")
	must(b, err)
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), name+":"); ok {
			var kb float64
			_, err := fmt.Sscan(rest, &kb)
			must(b, err)
			return kb / 1024
		}
	}
	b.Fatalf("no %s in the process's record", name)
	return 0
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
