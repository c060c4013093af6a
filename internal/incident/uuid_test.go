package incident_test

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"straza/internal/craft/thread"
	"straza/internal/incident"
	"straza/internal/incident/incidenttest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
	"straza/migrations"
)

// tables that got their UUIDs after they had rows, and the migrations that gave them.
var named = map[string][]string{"0148_incident_uuid": {"incident_party", "incident_handover"}, "0149_thread_uuid": {"thread_message", "thread_file"}}

// uuidsOf reads a table's UUIDs; each is one, and its own.
func uuidsOf(t *testing.T, db *store.DB, table string) (out []string) {
	t.Helper()
	must(t, db.View(ctx, func(tx *store.Tx) (err error) {
		out, err = store.All(ctx, tx, store.ScanString, "SELECT uuid FROM "+table+" ORDER BY id")
		return err
	}))
	seen := map[string]bool{}
	for _, u := range out {
		if v, ok := store.ParseUUID(u); !ok || v != u || seen[u] {
			t.Errorf("%s: %q is no UUID of its own", table, u)
		}
		seen[u] = true
	}
	if len(out) < 2 {
		t.Errorf("%s: %d rows show nothing", table, len(out))
	}
	return out
}

func corresponded(t *testing.T, db *store.DB) (*incidenttest.World, string) {
	t.Helper()
	w := incidenttest.New(t, db)
	n := w.Open(t, w.Ana, "Упад").Number
	for i := range 2 {
		p := w.Party(t, w.Ana, n, w.OrgA, "duty@elektromreza.example")
		a, err := w.S.Attach(ctx, w.Ana, n, "trag.txt", strings.NewReader("траг"))
		must(t, err)
		must(t, second(w.S.Write(ctx, w.Ana, n, p, thread.Out, "Прилажемо траг.", a)))
		must(t, w.S.LeaveLine(ctx, w.Ana, strings.Repeat("x", i+1)))
	}
	return w, n
}

// Rows that were there before the UUIDs have one each, from the migration.
func TestOlderRowsAreNamed(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w, n := corresponded(t, db)
		suffix, uuid := ".lite.sql", "TEXT"
		if db.Engine == store.PostgreSQL {
			suffix, uuid = ".pg.sql", "UUID"
		}
		must(t, db.Update(ctx, func(tx *store.Tx) error {
			for file, tables := range named {
				for _, table := range tables {
					for _, text := range []string{"DROP INDEX " + table + "_uuid", "ALTER TABLE " + table + " DROP COLUMN uuid"} {
						if _, err := tx.Exec(ctx, text); err != nil {
							return err
						}
					}
				}
				text, err := migrations.Files.ReadFile(file + suffix)
				if err != nil {
					return err
				}
				for _, s := range strings.Split(strings.ReplaceAll(string(text), "$UUID", uuid), ";\n") {
					if s = strings.TrimSpace(s); s != "" {
						if _, err := tx.Exec(ctx, s); err != nil {
							return err
						}
					}
				}
			}
			return nil
		}))
		for _, tables := range named {
			for _, table := range tables {
				uuidsOf(t, db, table)
			}
		}
		f, err := w.S.Read(ctx, w.Ana, n)
		must(t, err)
		_, _, ms, err := w.S.Thread(ctx, w.Ana, n, f.Parties[1].UUID)
		must(t, err)
		must(t, second2(w.S.File(ctx, w.Ana, n, ms[0].Files[0].UUID)))
	})
}

// A backup that is older than the UUIDs is restored with them.
func TestOlderBackupIsNamed(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		corresponded(t, db)
		var whole, older bytes.Buffer
		_, err := db.Snapshot(ctx, &whole)
		must(t, err)
		at, old := -1, map[string]bool{}
		for _, tables := range named {
			for _, table := range tables {
				old[table] = true
			}
		}
		for d, e := json.NewDecoder(&whole), json.NewEncoder(&older); d.More(); {
			var line any
			d.UseNumber()
			must(t, d.Decode(&line))
			switch x := line.(type) {
			case map[string]any:
				at = -1
				if table, _ := x["table"].(string); old[table] {
					cols := x["columns"].([]any)
					for i, c := range cols {
						if c == "uuid" {
							at = i
						}
					}
					x["columns"] = append(cols[:at:at], cols[at+1:]...)
				}
			case []any:
				if at >= 0 {
					line = append(x[:at:at], x[at+1:]...)
				}
			}
			must(t, e.Encode(line))
		}
		to := testkit.SQLite(t, now)
		if db.Engine == store.PostgreSQL {
			to = testkit.Postgres(t, now)
		}
		_, err = to.Load(ctx, &older)
		must(t, err)
		for table := range old {
			uuidsOf(t, to, table)
		}
	})
}

// The inner number of a party, message, file, evidence or line names nothing outside.
func TestInnerNumbersNameNothing(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		w, n := corresponded(t, db)
		f, err := w.S.Read(ctx, w.Ana, n)
		must(t, err)
		p := f.Parties[0]
		_, _, ms, err := w.S.Thread(ctx, w.Ana, n, p.UUID)
		must(t, err)
		session := w.Session(t)
		for _, id := range []int64{p.ID, p.Thread, ms[0].ID, ms[0].Files[0].ID} {
			x := strconv.FormatInt(id, 10)
			for name, err := range map[string]error{
				"set":      second(w.S.SetParty(ctx, w.Ana, n, x, incident.PartyChange{State: incident.PartyOurs, Subject: "x"})),
				"write":    second(w.S.Write(ctx, w.Ana, n, x, thread.Out, "x")),
				"answer":   w.S.AnswerOwn(ctx, w.Mila, x, "x", nil),
				"decide":   second(w.S.Decide(ctx, w.Ana, n, x, true)),
				"file":     second2(w.S.File(ctx, w.Ana, n, x)),
				"hand":     third(w.S.Hand(ctx, w.Ana, n, 0, incident.Handing{To: w.Second.UUID, Title: "x", Reason: "y", Parties: []string{x}})),
				"split":    third(w.S.Split(ctx, w.Luka, n, 0, "x", incident.Parts{Parties: []string{x}})),
				"custody":  w.S.HandOver(ctx, w.Ana, n, x, "мени"),
				"tick":     w.S.TickLine(ctx, w.Ana, x, true),
				"evidence": w.S.OpenEvidence(ctx, w.Ana, n, x, session, "зато", &bytes.Buffer{}),
			} {
				if !fault.Is(err, fault.NotFound) {
					t.Errorf("%s by %s: %v", name, x, err)
				}
			}
		}
	})
}
