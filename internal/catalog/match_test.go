package catalog

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/testkit"
)

// first is what parts.in must give: the first of the texts that stands within s.
func first(texts []string, s string) (string, bool) {
	for _, t := range texts {
		if strings.Contains(s, t) {
			return t, true
		}
	}
	return "", false
}

func TestPartsAreFoundAsOneByOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		texts []string
		in    string
	}{
		{nil, "anything"},
		{[]string{"mail.example"}, ""},
		{[]string{"mail.example"}, "a@mail.example"},
		{[]string{"mail.example"}, "mail.exampl"},
		{[]string{"abcd"}, "abcd"},
		{[]string{"abcd"}, "xabcabcdx"},
		{[]string{"ab"}, "xxabxx"},
		{[]string{"bbbb", "aaaab"}, "aaaaaaab"},
		{[]string{"later.example", "late"}, "x.later.example"},
		{[]string{"late", "later.example"}, "x.later.example"},
		{[]string{"é", "ж"}, "пожар"},
	} {
		want, wanted := first(c.texts, c.in)
		if got, ok := newParts(c.texts).in(c.in); got != want || ok != wanted {
			t.Errorf("%q in %q: %q %v, want %q %v", c.texts, c.in, got, ok, want, wanted)
		}
	}
	// Few letters, so that texts overlap, repeat and hold each other.
	rng := rand.New(rand.NewPCG(1, 2))
	word := func(most int) string {
		b := make([]byte, 1+rng.IntN(most))
		for i := range b {
			b[i] = "ab."[rng.IntN(3)]
		}
		return string(b)
	}
	found := 0
	for range 5000 {
		texts := make([]string, 1+rng.IntN(6))
		for i := range texts {
			texts[i] = word(9)
		}
		s := word(14)
		want, wanted := first(texts, s)
		if wanted {
			found++
		}
		if got, ok := newParts(texts).in(s); got != want || ok != wanted {
			t.Fatalf("%q in %q: %q %v, want %q %v", texts, s, got, ok, want, wanted)
		}
	}
	if found < 500 || found > 4500 {
		t.Errorf("%d of 5000 found: the words are too much alike, or too little", found)
	}
}

// TestPartsMeetFew: what a long list of endings costs does not grow with it.
func TestPartsMeetFew(t *testing.T) {
	t.Parallel()
	var texts []string
	for i := range 8000 {
		texts = append(texts, fmt.Sprintf("mailbox%d.example.com", i*7919))
	}
	p := newParts(texts)
	most := 0
	for _, at := range p.grams {
		most = max(most, len(at))
	}
	if most > 200 {
		t.Errorf("%d of 8000 texts stand under one gram", most)
	}
}

func FuzzParts(f *testing.F) {
	f.Add("abcd\nbcde", "xabcde")
	f.Fuzz(func(t *testing.T, list, s string) {
		texts := strings.Split(list, "\n")
		want, wanted := first(texts, s)
		if got, ok := newParts(texts).in(s); got != want || ok != wanted {
			t.Fatalf("%q in %q: %q %v, want %q %v", texts, s, got, ok, want, wanted)
		}
	})
}

// TestAddressLike: whatever the parser takes passes.
func TestAddressLike(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"192.0.2.1": true, "192.0.2.0/24": true, "2001:DB8::1": true, "::": true, "::ffff:192.0.2.1": true, "fe80::1%eth0": true, "2001:db8::/32": true,
		"": false, "example.com": false, "d41d8cd98f00b204e9800998ecf8427e": false, "https://192.0.2.1/": false, "1234": false,
	} {
		if got := addressLike(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
		_, a := netip.ParseAddr(text)
		_, p := netip.ParsePrefix(text)
		if (a == nil || p == nil) != want {
			t.Errorf("%q: the parser says otherwise", text)
		}
	}
}

// TestOwnClustersAreWalkedFromTheirOwnTable: the search as one types must not walk
// the 46,000 imported clusters to find the few of one's own.
func TestOwnClustersAreWalkedFromTheirOwnTable(t *testing.T) {
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	who := ident.Actor{Kind: ident.Person, Principals: []int64{1, 2}}
	for name, text := range map[string]string{
		"names": ownNames + access.VisibleScan(who, "o.audience_id") + " ORDER BY o.cluster_id",
		"list":  "SELECT " + clusterCols + ownFrom + " WHERE " + clusterSeen(who, false) + " AND " + ownJoin + " AND o.cluster_id > 0 ORDER BY o.cluster_id LIMIT 500",
	} {
		plan := strings.Split(testkit.Plan(t, db, text), "\n")
		for i, line := range plan {
			if strings.HasPrefix(line, "SCAN k") || i == 0 && !strings.Contains(line, " o ") {
				t.Errorf("%s: %s", name, strings.Join(plan, "\n"))
				break
			}
		}
		if len(plan) < 2 {
			t.Errorf("%s: no plan: %v", name, plan)
		}
	}
}
