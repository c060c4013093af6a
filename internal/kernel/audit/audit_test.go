package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"straza/internal/kernel/audit"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

var who = ident.Actor{Kind: ident.Person, Person: 7, Org: 3, Channel: ident.Web}

func fill(t testing.TB, db *store.DB, log *audit.Log, from, n int) {
	t.Helper()
	ctx := context.Background()
	must(t, db.Update(ctx, func(tx *store.Tx) error {
		for i := from; i < from+n; i++ {
			if err := log.Record(ctx, tx, who, "case.edit", audit.Thing{Kind: "case", ID: int64(i), Label: fmt.Sprintf("S-2026-%06d", i)},
				map[string]any{"fields": []string{"title"}}); err != nil {
				return err
			}
		}
		return nil
	}))
}

func verify(t testing.TB, log *audit.Log, extra ...string) audit.Report {
	t.Helper()
	rep, err := log.Verify(context.Background(), extra...)
	must(t, err)
	return rep
}

func TestVerifyIsCleanAndCounts(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		witness := filepath.Join(t.TempDir(), "checkpoints")
		log := audit.New(db, testkit.NewAuditKeys(), witness)
		fill(t, db, log, 0, 30)
		must(t, log.Catch(ctx, true))
		fill(t, db, log, 30, 7)
		must(t, log.Catch(ctx, true))
		fill(t, db, log, 37, 3)
		rep := verify(t, log)
		if !rep.OK || rep.Lines != 40 || rep.Leaves != 37 || rep.Unnumbered != 3 || rep.Checkpoint.Size != 37 ||
			len(rep.Witnesses) != 1 || rep.Witnesses[0].Size != 37 || !rep.Witnesses[0].OK {
			t.Errorf("%+v", rep)
		}
	})
}

func TestNoLineNoAct(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		log := testkit.Audit(db)
		err := db.Update(ctx, func(tx *store.Tx) error {
			if err := store.SetFact(ctx, tx, "act", "done"); err != nil {
				return err
			}
			return log.Record(ctx, tx, who, "x", audit.Thing{}, func() {}) // cannot be written as JSON
		})
		if err == nil {
			t.Fatal("the act went through without its line")
		}
		must(t, db.View(ctx, func(tx *store.Tx) error {
			v, err := store.Fact(ctx, tx, "act")
			if v != "" {
				t.Error("half an act stands")
			}
			return err
		}))
	})
}

// Each random change, deletion, insertion, reordering and truncation of a
// numbered log is detected (issue 3, "Audit: 1,000 random changes"): one change
// a round, taken back by rolling back.
func TestEveryTamperingIsDetected(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		witness := filepath.Join(t.TempDir(), "checkpoints")
		keys := testkit.NewAuditKeys()
		log := audit.New(db, keys, witness)
		const lines = 60
		fill(t, db, log, 0, lines-10)
		must(t, log.Catch(ctx, true))
		fill(t, db, log, lines-10, 10)
		must(t, log.Catch(ctx, true))
		var snapshot []int64
		must(t, db.View(ctx, func(tx *store.Tx) (err error) {
			snapshot, err = store.All(ctx, tx, store.ScanInt64, "SELECT id FROM audit_line ORDER BY leaf_no")
			return err
		}))
		rng := rand.New(rand.NewPCG(1, 2))
		undo := errors.New("undo")
		rounds := 1000
		if db.Engine == store.PostgreSQL {
			rounds = 200 // the checks are the same code; the changes differ by engine only
		}
		missed := 0
		for i := range rounds {
			name, change := tampering(rng, snapshot)
			// Tamper, verify and roll back: Verify must see the change inside.
			err := db.Update(ctx, func(tx *store.Tx) error {
				if err := change(ctx, tx); err != nil {
					return err
				}
				rep, err := log.VerifyTx(ctx, tx)
				if err != nil {
					return err
				}
				if rep.OK {
					missed++
					t.Errorf("round %d: %s was not detected", i, name)
				}
				return undo
			})
			if !errors.Is(err, undo) {
				t.Fatalf("round %d, %s: %v", i, name, err)
			}
		}
		t.Logf("%d of %d changes detected on %s", rounds-missed, rounds, db.Engine)
		if rep := verify(t, log); !rep.OK {
			t.Errorf("after all rounds: %+v", rep)
		}
	})
}

func tampering(rng *rand.Rand, ids []int64) (string, func(context.Context, *store.Tx) error) {
	id := ids[rng.IntN(len(ids))]
	exec := func(text string, args ...any) func(context.Context, *store.Tx) error {
		return func(ctx context.Context, tx *store.Tx) error { _, err := tx.Exec(ctx, text, args...); return err }
	}
	switch rng.IntN(9) {
	case 0:
		cols := []string{"actor", "verb", "label", "detail", "kind", "channel", "request", "salt"}
		c := cols[rng.IntN(len(cols))]
		return "change of " + c, exec("UPDATE audit_line SET "+c+" = "+c+" || 'x' WHERE id = $1", id)
	case 1:
		cols := []string{"at", "person", "org", "cert", "object"}
		c := cols[rng.IntN(len(cols))]
		return "change of " + c, exec("UPDATE audit_line SET "+c+" = "+c+" + 1 WHERE id = $1", id)
	case 2:
		return "deletion", exec("DELETE FROM audit_line WHERE id = $1", id)
	case 3:
		return "insertion", exec(`INSERT INTO audit_line SELECT id + 1048577, at, actor, person, org, cert, channel, request, verb, kind, object,
			label, detail, salt, leaf, mac, erased, leaf_no + 1000 FROM audit_line WHERE id = $1`, id)
	case 4:
		other := ids[(rng.IntN(len(ids)-1)+1+index(ids, id))%len(ids)]
		return "reordering", func(ctx context.Context, tx *store.Tx) error {
			a, err := store.Int64(ctx, tx, "SELECT leaf_no FROM audit_line WHERE id = $1", id)
			if err != nil {
				return err
			}
			b, err := store.Int64(ctx, tx, "SELECT leaf_no FROM audit_line WHERE id = $1", other)
			if err != nil {
				return err
			}
			for _, s := range [][2]int64{{id, -1}, {other, a}, {id, b}} {
				if _, err := tx.Exec(ctx, "UPDATE audit_line SET leaf_no = $2 WHERE id = $1", s[0], s[1]); err != nil {
					return err
				}
			}
			return nil
		}
	case 5:
		return "truncation of everything behind a line", func(ctx context.Context, tx *store.Tx) error {
			no, err := store.Int64(ctx, tx, "SELECT leaf_no FROM audit_line WHERE id = $1", id)
			if err != nil {
				return err
			}
			if err := exec("DELETE FROM audit_line WHERE leaf_no >= $1", no)(ctx, tx); err != nil {
				return err
			}
			return exec("DELETE FROM audit_checkpoint WHERE size > $1", no)(ctx, tx)
		}
	case 6:
		return "false erasure", exec("UPDATE audit_line SET erased = 'x', detail = '{}', label = 'other' WHERE id = $1", id)
	case 7:
		return "change of a tree hash", exec("UPDATE audit_hash SET hash = (SELECT hash FROM audit_hash WHERE idx = 2) WHERE idx = $1", 2*rng.IntN(8)*2)
	}
	return "change of a checkpoint", exec("UPDATE audit_checkpoint SET root = 'x' || root WHERE size > 0")
}

func index(ids []int64, id int64) int {
	for i, v := range ids {
		if v == id {
			return i
		}
	}
	return -1
}

func TestDamageNamesTheRow(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		log := testkit.Audit(db)
		fill(t, db, log, 0, 5)
		must(t, log.Catch(ctx, true))
		var id int64
		must(t, db.Update(ctx, func(tx *store.Tx) (err error) {
			if id, err = store.Int64(ctx, tx, "SELECT id FROM audit_line WHERE leaf_no = 3"); err != nil {
				return err
			}
			_, err = tx.Exec(ctx, "UPDATE audit_line SET actor = 'person:8' WHERE id = $1", id)
			return err
		}))
		rep := verify(t, log)
		if len(rep.Damage) != 1 || rep.Damage[0] != (audit.Damage{ID: id, Leaf: 3, Kind: "changed"}) {
			t.Errorf("%+v, want row %d leaf 3", rep.Damage, id)
		}
	})
}

func TestLawfulErasureKeepsTheProof(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		ctx := context.Background()
		log := testkit.Audit(db)
		fill(t, db, log, 0, 9)
		must(t, log.Catch(ctx, true))
		must(t, db.Update(ctx, func(tx *store.Tx) error { _, err := log.EraseTx(ctx, tx, "case", 4); return err }))
		if rep := verify(t, log); !rep.OK {
			t.Errorf("%+v", rep)
		}
	})
}

func TestWitnessAheadIsDamage(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "w", "checkpoints")
	log := audit.New(db, testkit.NewAuditKeys(), path)
	fill(t, db, log, 0, 9)
	must(t, log.Catch(ctx, true))
	must(t, db.Update(ctx, func(tx *store.Tx) error {
		for _, text := range []string{"DELETE FROM audit_line WHERE leaf_no >= 5", "DELETE FROM audit_hash WHERE idx >= 8", "DELETE FROM audit_checkpoint"} {
			if _, err := tx.Exec(ctx, text); err != nil {
				return err
			}
		}
		return nil
	}))
	rep := verify(t, log)
	if rep.OK || rep.Damage[0].Kind != "truncated" {
		t.Errorf("%+v", rep)
	}
}

// TestWitnessThatIsNone: a file without a checkpoint of ours witnesses nothing, whether
// it is empty, garbage, or garbage after what was there; one torn by a crash in the
// middle of an append does.
func TestWitnessThatIsNone(t *testing.T) {
	t.Parallel()
	db := testkit.SQLite(t, clock.NewMoved(testkit.AsOf, 1))
	path := filepath.Join(t.TempDir(), "checkpoints")
	log := audit.New(db, testkit.NewAuditKeys(), path)
	fill(t, db, log, 0, 9)
	must(t, log.Catch(context.Background(), true))
	fill(t, db, log, 9, 18)
	must(t, log.Catch(context.Background(), true))
	whole, err := os.ReadFile(path)
	must(t, err)
	first := bytes.Index(whole, []byte("=\n\n")) + 3
	for _, c := range []struct {
		what, text string
		ok         bool
	}{
		{"whole", string(whole), true},
		{"lagging", string(whole[:first]), true},
		{"torn", string(whole[:first+40]), true},
		{"torn at the first", string(whole[:20]), true},
		{"empty", "", false},
		{"garbage", "# Straža\n\nreadme", false},
		{"garbage behind", string(whole) + "xyz", false},
		{"garbage in the middle", string(whole[:first]) + "xyz=\n\n" + string(whole[first:]), false},
	} {
		must(t, os.WriteFile(path, []byte(c.text), 0o600))
		if rep := verify(t, log); rep.OK != c.ok || len(rep.Damage) > 0 {
			t.Errorf("%s: %+v", c.what, rep)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestLinesByWhatWhenAndWhom: the log is read by what an act was done to and by days.
func TestLinesByWhatWhenAndWhom(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		log := audit.New(db, testkit.NewAuditKeys())
		fill(t, db, log, 1, 3)
		now.Add(48 * time.Hour)
		fill(t, db, log, 4, 2)
		reader := who
		reader.Perms = map[string]bool{"audit.read": true}
		for _, c := range []struct {
			f    audit.Filter
			want int
		}{
			{audit.Filter{Label: "S-2026-000002"}, 1}, {audit.Filter{Label: "S-2026-00000"}, 0},
			{audit.Filter{From: clock.Micros(testkit.AsOf.Add(time.Hour))}, 2}, {audit.Filter{To: clock.Micros(testkit.AsOf.Add(time.Hour))}, 3},
			{audit.Filter{Verb: "case.", From: clock.Micros(testkit.AsOf), To: clock.Micros(testkit.AsOf.Add(72 * time.Hour))}, 5},
		} {
			lines, err := log.Lines(t.Context(), reader, c.f)
			if err != nil || len(lines) != c.want {
				t.Errorf("%+v: %d lines, %v", c.f, len(lines), err)
			}
		}
	})
}

// TestNewestFirst: the log is read by when things were done, whatever ids the lines have;
// page by page nothing is missing or twice, and what is taken out is what is listed.
func TestNewestFirst(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		log := audit.New(db, testkit.NewAuditKeys())
		ctx, hour := t.Context(), testkit.AsOf.Truncate(time.Hour)
		fill(t, db, log, 1, 3)
		must(t, db.Update(ctx, func(tx *store.Tx) error { // as anonymous reports do it: the hour, and an id that tells nothing
			for _, id := range []int64{5, 1 << 52, 3} {
				if err := log.RecordAt(ctx, tx, ident.Nobody(ident.Web), clock.Micros(hour), id, "report.receive", audit.Thing{Kind: "report", ID: id}, nil); err != nil {
					return err
				}
			}
			return nil
		}))
		now.Add(time.Hour)
		fill(t, db, log, 4, 2)
		reader := who
		reader.Perms = map[string]bool{"audit.read": true}
		var got []audit.Line
		for f := (audit.Filter{Limit: 2}); ; {
			lines, err := log.Lines(ctx, reader, f)
			must(t, err)
			got = append(got, lines...)
			if len(lines) < 2 {
				break
			}
			f.Behind = lines[1].Place()
		}
		for i := 1; i < len(got); i++ {
			if got[i-1].At < got[i].At || got[i-1].At == got[i].At && got[i-1].ID <= got[i].ID {
				t.Errorf("line %d stands before %d", got[i-1].ID, got[i].ID)
			}
		}
		if len(got) != 8 {
			t.Errorf("%d lines", len(got))
		}
		n, more, err := log.Count(ctx, reader, audit.Filter{Verbs: []string{"report.receive"}, Label: "S-2026-000004"})
		if err != nil || n != 4 || more {
			t.Errorf("either verb or label: %d %v", n, err)
		}
		verbs, kinds, err := log.Known(ctx, reader)
		if fmt.Sprint(verbs, kinds) != "[case.edit report.receive] [case report]" || err != nil {
			t.Errorf("known: %v %v %v", verbs, kinds, err)
		}
		said, taken := int64(0), 0
		must(t, log.Take(ctx, reader, audit.Filter{Kind: "report"}, func(n int64) error { said = n; return nil }, func(l []audit.Line) error { taken += len(l); return nil }))
		if last, _ := log.Lines(ctx, reader, audit.Filter{Limit: 1}); said != 3 || taken != 3 || last[0].Verb != "audit.export" {
			t.Errorf("%d announced, %d taken, last line %+v", said, taken, last)
		}
		nobody := who
		_, _, err = log.Count(ctx, nobody, audit.Filter{})
		_, _, kerr := log.Known(ctx, nobody)
		if err == nil || kerr == nil || log.Take(ctx, nobody, audit.Filter{}, nil, nil) == nil {
			t.Error("the log is open to everybody")
		}
	})
}
