package stix

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"straza/internal/format/misp"
)

// TestShelf: what was put there is there, in any order, small and large.
func TestShelf(t *testing.T) {
	var s shelf
	var at []shelved
	text := func(i int) string { return fmt.Sprint(i, strings.Repeat("x", i*i%1000)) }
	large := strings.Repeat("large", shelfBlock)
	for i := range 20_000 {
		if at = append(at, s.put([]byte(text(i)))); i == 7000 {
			at = append(at, s.put([]byte(large)))
		}
	}
	want := func(i int) string {
		switch {
		case i == 7001:
			return large
		case i > 7001:
			return text(i - 1)
		}
		return text(i)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		if i := rnd.IntN(len(at)); string(s.get(at[i])) != want(i) {
			t.Fatalf("%d is not what was put there", i)
		}
	}
	if len(s.open) > shelfOpen || len(s.order) > shelfOpen {
		t.Errorf("%d blocks at hand", len(s.open))
	}
}

// spread writes a bundle of n objects whose references go far: all indicators, then all
// observed data, names, relationships.
func spread(w io.Writer, n int) {
	const at = `"created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z"`
	fmt.Fprint(w, `{"type":"bundle","id":"bundle--4dfddb34-0e54-5084-a4ea-c02a0fd70dd0","objects":[`)
	for kind := range 4 {
		for i := range n / 4 {
			if kind+i > 0 {
				fmt.Fprint(w, ",")
			}
			u := fmt.Sprintf("82a48ef4-acc4-4f85-882c-%012x", i)
			switch kind {
			case 0:
				fmt.Fprintf(w, `{"type":"indicator","spec_version":"2.1","id":"indicator--%s",%s,"pattern":"[domain-name:value = 'host-%d.example.com']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z","labels":["misp:type=\"domain\""]}`, u, at, i)
			case 1:
				fmt.Fprintf(w, `{"type":"observed-data","spec_version":"2.1","id":"observed-data--%s",%s,"first_observed":"2026-01-01T00:00:00Z","last_observed":"2026-01-01T00:00:00Z","number_observed":1,"object_refs":["domain-name--%s"],"labels":["misp:type=\"domain\""]}`, u, at, u)
			case 2:
				fmt.Fprintf(w, `{"type":"domain-name","spec_version":"2.1","id":"domain-name--%s","value":"host-%d.example.com"}`, u, i)
			default:
				fmt.Fprintf(w, `{"type":"relationship","spec_version":"2.1","id":"relationship--%s",%s,"relationship_type":"based-on","source_ref":"indicator--%s","target_ref":"observed-data--%s"}`, u, at, u, u)
			}
		}
	}
	fmt.Fprint(w, "]}")
}

// TestBundleIsHeldPacked: a bundle takes less room than its text does, its index included,
// and says the same.
func TestBundleIsHeldPacked(t *testing.T) {
	var doc bytes.Buffer
	spread(&doc, 40_000)
	used := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := used()
	b, err := ReadBundle(bytes.NewReader(doc.Bytes()), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	took := used() - before
	t.Logf("%d bytes of text, %d in memory", doc.Len(), took)
	if took > int64(doc.Len())*8/10 {
		t.Errorf("%d bytes of text take %d", doc.Len(), took)
	}
	n := 0
	left, err := b.Events(ReadOptions{At: time.Unix(1795322067, 0)}, func(e *misp.Event) error {
		for i := range e.Attribute {
			if e.Attribute[i].Type.V == "domain" && e.Attribute[i].ToIDS.V {
				n++
			}
		}
		return nil
	})
	if err != nil || n != 10_000 || len(left) > 0 {
		t.Errorf("%d names, %v, %v", n, left, err)
	}
}
