package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

var ctx = context.Background()

// field is an installation with 1M attributes: one event of 350,000, of which the
// reader sees all but every thousandth; the rest in events of 1,000, of four levels;
// 200 sharing groups, in 50 of which the reader is.
type field struct {
	*inteltest.World
	writer, reader ident.Actor
	big            intel.Event
	told
}

// told is what a filled database says of itself (store_fact), so that it can be
// used again: STRAZA_BENCH_KEEP names a folder or a PostgreSQL database.
type told struct {
	Writer, Reader ident.Actor
	CERT, A        intel.Org
	Big            string
	Values         []string // of rows that the reader sees
	N              int
}

const fact = "bench field"

var made *field

// filled makes the field once for all benchmarks of a run.
func filled(b *testing.B) *field {
	b.Helper()
	if made != nil {
		made.T = b
		return made
	}
	db := engine(b)
	f := &field{}
	must(b, db.View(ctx, func(tx *store.Tx) error {
		text, err := store.Fact(ctx, tx, fact)
		if err == nil && text != "" {
			err = json.Unmarshal([]byte(text), &f.told)
		}
		return err
	}))
	if f.N == 0 {
		f.fill(b, db)
	} else {
		f.World = inteltest.Open(b, db)
	}
	f.World.CERT, f.World.A = f.told.CERT, f.told.A
	f.writer, f.reader = f.Again(f.Writer), f.Again(f.Reader)
	var err error
	f.big, err = f.Intel.Event(ctx, f.reader, f.Big)
	must(b, err)
	made = f
	return f
}

func (f *field) fill(b *testing.B, db *store.DB) {
	b.Helper()
	f.World, f.N = inteltest.New(b, db), scaled(1_000_000)
	f.writer = f.Person(f.World.CERT, access.Analyst, ident.MISP)
	f.reader = f.Person(f.World.A, access.Member, ident.MISP)
	for i := range 200 {
		g := intel.SharingGroup{Name: fmt.Sprintf("group %d", i), Active: true}
		if i%4 == 0 {
			g.Orgs = []intel.GroupOrg{{Org: f.World.A}}
		}
		_, err := f.Intel.AddGroup(ctx, f.writer, g)
		must(b, err)
	}
	f.writer, f.reader = f.Again(f.writer), f.Again(f.reader)
	start := time.Now()
	groups, err := f.Intel.Groups(ctx, f.writer)
	must(b, err)
	big := scaled(350_000)
	f.Big = f.add(b, big, intel.Community, 0, hidden).UUID
	for done := big; done < f.N; done += 1000 {
		g := groups[(done/1000)%len(groups)].ID
		level := []intel.Distribution{intel.Community, intel.Group, intel.OwnOrg, intel.All}[(done/1000)%4]
		e := f.add(b, 1000, level, g)
		if level == intel.Community && len(f.Values) < 2000 {
			must(b, f.Intel.Attributes(ctx, f.writer, e.UUID, intel.Part{Limit: 20}, func(a *intel.Attribute) error {
				f.Values = append(f.Values, a.Value)
				return nil
			}))
		}
	}
	b.Logf("%d attributes filled in %v", f.N, time.Since(start).Round(time.Second))
	f.Writer, f.Reader, f.told.CERT, f.told.A = f.writer, f.reader, f.World.CERT, f.World.A
	text, err := json.Marshal(f.told)
	must(b, err)
	must(b, db.Update(ctx, func(tx *store.Tx) error { return store.SetFact(ctx, tx, fact, string(text)) }))
	if db.Engine == store.PostgreSQL { // as autovacuum would within a minute
		must(b, db.Update(ctx, func(tx *store.Tx) error { _, err := tx.Exec(ctx, "ANALYZE"); return err }))
	}
}

// engine is SQLite, or with STRAZA_BENCH_ENGINE=postgres the other one, for all
// benchmarks of a run.
func engine(b *testing.B) *store.DB {
	b.Helper()
	var cfg store.Config
	switch keep := os.Getenv("STRAZA_BENCH_KEEP"); {
	case strings.HasPrefix(keep, "postgres"):
		cfg.URL = keep
	case keep != "":
		cfg.Folder = keep
	case os.Getenv("STRAZA_BENCH_ENGINE") == "postgres":
		return testkit.Postgres(lasting{b}, clock.System())
	default:
		dir, err := os.MkdirTemp("", "straza-bench")
		must(b, err)
		atEnd = append(atEnd, func() { _ = os.RemoveAll(dir) })
		cfg.Folder = dir
	}
	db, err := store.Open(ctx, cfg)
	must(b, err)
	atEnd = append(atEnd, func() { _ = db.Close() })
	_, err = db.Migrate(ctx)
	must(b, err)
	return db
}

// lasting leaves what a benchmark opened to the end of the run.
type lasting struct{ testing.TB }

var atEnd []func()

func (lasting) Cleanup(f func()) { atEnd = append(atEnd, f) }

func TestMain(m *testing.M) {
	code := m.Run()
	for _, f := range slices.Backward(atEnd) {
		f()
	}
	os.Exit(code)
}

// change makes one attribute of a series another.
type change func(i int, a *misp.Attribute)

// hidden gives every thousandth attribute to its owner alone.
func hidden(i int, a *misp.Attribute) {
	if i%1000 == 7 {
		a.Distribution = misp.N(int64(intel.OwnOrg))
	}
}

// add stores an event of n mixed attributes, streamed.
func (f *field) add(b *testing.B, n int, level intel.Distribution, group int64, changes ...change) intel.Event {
	b.Helper()
	head := &misp.Event{Info: misp.T(fmt.Sprintf("bench %d", n)), UUID: misp.T(f.DB.NewUUID()), Distribution: misp.N(int64(level))}
	if level == intel.Group {
		head.SharingGroupID = misp.N(group)
	}
	saved, err := f.Intel.AddEvent(ctx, f.writer, mixed(f.DB, head, n, changes...), intel.AddOptions{})
	must(b, err)
	if saved.Attributes.Created != int64(n) {
		b.Fatalf("%+v", saved)
	}
	e, err := f.Intel.Event(ctx, f.writer, saved.UUID)
	must(b, err)
	return e
}

// drop takes an event of a benchmark away again, so that a kept field stays as it was.
func (f *field) drop(b *testing.B, uuid string) {
	b.Helper()
	must(b, f.Intel.DeleteEvent(ctx, f.writer, uuid))
}

var rng = rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2))

// mixed gives attributes of the kinds that feeds bring, one in a hundred of them
// equal to one of another event.
func mixed(db *store.DB, head *misp.Event, n int, changes ...change) intel.Source {
	return func(fn func(misp.Item) error) error {
		if err := fn(misp.Item{Kind: misp.ItemStart, Event: head}); err != nil {
			return err
		}
		for i := range n {
			a := one(db, i)
			for _, change := range changes {
				change(i, a)
			}
			if err := fn(misp.Item{Kind: misp.ItemAttribute, Event: head, Attribute: a}); err != nil {
				return err
			}
		}
		return fn(misp.Item{Kind: misp.ItemEnd, Event: head})
	}
}

func one(db *store.DB, i int) *misp.Attribute {
	x, y := rng.Uint64(), rng.Uint64()
	if i%100 == 0 {
		x = uint64(rng.IntN(5000))
	}
	a := &misp.Attribute{UUID: misp.T(store.NewRandomUUID(db.Clock)), Comment: misp.T("seen by the sensor")}
	switch i % 10 {
	case 0, 1, 2:
		a.Type, a.Value = misp.T("ip-dst"), misp.T(fmt.Sprintf("%d.%d.%d.%d", 1+x>>8%222, byte(x>>16), byte(x>>24), byte(x>>32)))
	case 3, 4:
		a.Type, a.Value = misp.T("domain"), misp.T(fmt.Sprintf("h%x.example.net", x))
	case 5, 6:
		a.Type, a.Value = misp.T("sha256"), misp.T(fmt.Sprintf("%016x%016x%016x%016x", x, y, x^y, x+y))
	case 7:
		a.Type, a.Value = misp.T("url"), misp.T(fmt.Sprintf("http://h%x.example.net/%x?id=%d", x, y, i))
	case 8:
		a.Type, a.Value = misp.T("filename|md5"), misp.T(fmt.Sprintf("f%x.exe|%016x%016x", x, x, y))
	case 9:
		a.Type, a.Value = misp.T("email-src"), misp.T(fmt.Sprintf("u%x@example.net", x))
		if i%100 == 9 {
			a.Type, a.Value = misp.T("mutex"), misp.T(fmt.Sprintf("Global-%x", x))
		}
	}
	return a
}
