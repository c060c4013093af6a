package pack_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"straza/internal/craft/pack"
	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// term is what a room would make of the pack test.term: a number of hours.
type term struct{ Hours int }

func readTerm(s *pack.Shelf, day string) (*term, error) {
	p, ok := s.At("test.term", day)
	if !ok {
		return nil, fmt.Errorf("no pack test.term is in force on %s", day)
	}
	t := &term{}
	if err := p.Decode(t); err != nil {
		return nil, err
	}
	if t.Hours < 1 {
		return nil, &pack.Error{File: p.File, Text: "hours must be 1 or more"}
	}
	return t, nil
}

func termFile(version int, from, until string, hours int) []byte {
	return fmt.Appendf(nil, "pack: test.term\nversion: %d\nfrom: %s\nuntil: %q\nsource: own\nbody:\n  hours: %d\n", version, from, until, hours)
}

var (
	admin = ident.Actor{Kind: ident.Person, Person: 7, Perms: map[string]bool{"admin.use": true, "admin.settings": true, "audit.read": true}}
	guest = ident.Actor{Kind: ident.Person, Person: 8}
)

func openLibrary(t *testing.T, db *store.DB, now *clock.Moved, own fs.FS) (*pack.Library, *pack.Held[term]) {
	t.Helper()
	l, err := pack.Open(context.Background(), pack.Deps{DB: db, Audit: testkit.Audit(db), Clock: now, Own: []fs.FS{own}})
	if err != nil {
		t.Fatal(err)
	}
	held := &pack.Held[term]{}
	if err := l.Follow(pack.Read(held, readTerm)); err != nil {
		t.Fatal(err)
	}
	return l, held
}

// TestLibrary: a new version comes into force on its day, on every node, and leaves it
// again; what no room can work with never does.
func TestLibrary(t *testing.T) {
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		ctx := context.Background()
		now.Set(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC))
		own := fstest.MapFS{"packs/term.yaml": {Data: termFile(1, "2020-01-01", "", 24)}}
		one, held := openLibrary(t, db, now, own)
		two, there := openLibrary(t, db, now, own) // another node of the same database
		want := func(what string, hours int) {
			t.Helper()
			if err := two.Refresh(ctx); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if held.Now().Hours != hours || there.Now().Hours != hours {
				t.Errorf("%s: %d hours here, %d on the other node, want %d", what, held.Now().Hours, there.Now().Hours, hours)
			}
		}
		want("as shipped", 24)

		for name, c := range map[string]struct{ text, says string }{
			"not YAML":       {"pack: [", "new.yaml:1"},
			"no source":      {"pack: test.term\nversion: 2\nfrom: 2026-01-01\nbody: {hours: 1}\n", "source"},
			"unknown key":    {"pack: test.term\nversion: 2\nfrom: 2026-01-01\nsource: own\nbody: {days: 1}\n", "days"},
			"no sense":       {string(termFile(2, "2026-01-01", "", 0)), "1 or more"},
			"later no sense": {string(termFile(2, "2027-01-01", "", 0)), "1 or more"},
			"nobody's":       {"pack: test.else\nversion: 1\nfrom: 2026-01-01\nsource: own\nbody: {hours: 1}\n", "nothing reads"},
			"same number":    {string(termFile(1, "2020-01-01", "", 5)), "other content"},
		} {
			_, err := one.Add(ctx, admin, "new.yaml", []byte(c.text))
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v, want Invalid that says %q", name, err, c.says)
			}
		}
		want("after refused files", 24)
		if _, err := one.Add(ctx, guest, "new.yaml", termFile(2, "2026-01-01", "", 12)); !fault.Is(err, fault.Denied) {
			t.Errorf("a guest adds: %v", err)
		}
		if _, err := one.List(ctx, guest); !fault.Is(err, fault.Denied) {
			t.Errorf("a guest reads: %v", err)
		}

		it, err := one.Add(ctx, admin, "term2.yaml", termFile(2, "2026-11-01", "2026-11-30", 12))
		if err != nil || !it.InForce || it.Own {
			t.Fatalf("added: %+v %v", it, err)
		}
		want("the second version", 12)
		if _, err := one.Add(ctx, admin, "again.yaml", termFile(2, "2026-11-01", "2026-11-30", 12)); err != nil {
			t.Errorf("the same again: %v", err)
		}
		if it, err = one.Add(ctx, admin, "term3.yaml", termFile(3, "2026-12-24", "", 6)); err != nil || it.InForce {
			t.Fatalf("a later one: %+v %v", it, err)
		}
		want("before its day", 12)
		now.Set(time.Date(2026, 12, 1, 0, 0, 1, 0, time.UTC))
		if err := one.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		want("the second has run out", 24)
		now.Set(time.Date(2026, 12, 24, 0, 0, 1, 0, time.UTC))
		if err := one.Refresh(ctx); err != nil {
			t.Fatal(err)
		}
		want("the third's day", 6)

		if err := one.Withdraw(ctx, admin, "test.term", 3); err != nil {
			t.Fatal(err)
		}
		want("withdrawn", 24)
		if err := one.Withdraw(ctx, admin, "test.term", 1); !fault.Is(err, fault.Invalid) {
			t.Errorf("the only one in force may go: %v", err)
		}
		if err := one.Withdraw(ctx, admin, "test.term", 9); !fault.Is(err, fault.NotFound) {
			t.Errorf("what is not there: %v", err)
		}
		want("after refused withdrawals", 24)
		if err := one.Restore(ctx, admin, "test.term", 3); err != nil {
			t.Fatal(err)
		}
		want("restored", 6)

		list, err := one.List(ctx, admin)
		if err != nil || len(list) != 3 || list[0].Version != 3 || !list[0].InForce || !list[2].Own {
			t.Errorf("list: %+v %v", list, err)
		}
		lines, err := testkit.Audit(db).Lines(ctx, admin, audit.Filter{Verb: "pack."})
		if err != nil || len(lines) != 4 {
			t.Errorf("%d audit lines of add, add, withdraw, restore: %v", len(lines), err)
		}
	})
}

// TestOwnPacksByChecksum: the program's own file is read again when its content
// changed; an administrator's version of the same number stays.
func TestOwnPacksByChecksum(t *testing.T) {
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		ctx := context.Background()
		shipped := func(versions ...[]byte) fs.FS {
			out := fstest.MapFS{}
			for i, b := range versions {
				out[fmt.Sprintf("packs/%d.yaml", i)] = &fstest.MapFile{Data: b}
			}
			return out
		}
		l, _ := openLibrary(t, db, now, shipped(termFile(1, "2020-01-01", "", 24)))
		if _, err := l.Add(ctx, admin, "mine.yaml", termFile(2, "2020-01-01", "", 8)); err != nil {
			t.Fatal(err)
		}
		_, held := openLibrary(t, db, now, shipped(termFile(1, "2020-01-01", "", 48), termFile(2, "2020-01-01", "", 99)))
		if held.Now().Hours != 8 {
			t.Errorf("%d hours in force, want the administrator's 8", held.Now().Hours)
		}
		if err := l.Withdraw(ctx, admin, "test.term", 2); err != nil {
			t.Fatal(err)
		}
		it, err := l.Get(ctx, admin, "test.term", 1)
		if err != nil || !strings.Contains(it.Text, "hours: 48") || !it.InForce {
			t.Errorf("the renewed file: %+v %v", it, err)
		}
	})
}
