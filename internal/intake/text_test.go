package intake_test

import (
	"strings"
	"testing"

	"straza/internal/intake"
	"straza/internal/intake/intaketest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
)

// The whole text of a plain report is searched, for those who may read the report; of a
// sealed or anonymous one no word is kept, and the command line feels for none.
func TestTextIsSearched(t *testing.T) {
	each(t, func(t *testing.T, w *intaketest.World, _ *clock.Moved) {
		body := strings.Repeat("уводна реченица. ", 30) + "Нашли смо ковачницу иза преграде."
		plain := intaketest.Plain(body)
		plain.Body.Where = "млин.example"
		_, open := w.Send(t, plain)
		portal := intaketest.Plain(body + " портално")
		portal.Channel, portal.Contact = intake.ByPortal, intake.Contact{Name: w.Mila.Name, Person: "x"}
		_, err := w.S.Submit(ctx, w.Mila, portal)
		must(t, err)
		sealed := intaketest.Plain(body + " печатница")
		sealed.Sealed = true
		w.Send(t, sealed)
		anonymous := intaketest.Plain(body + " безимено")
		anonymous.What, anonymous.Anonymous, anonymous.Contact = "vulnerability", true, intake.Contact{}
		w.Send(t, anonymous)
		root := ident.Actor{Kind: ident.Operator, Name: "root"}
		finds := func(who ident.Actor, q string) int {
			t.Helper()
			list, _, err := w.S.List(ctx, who, intake.Filter{Query: q}, intake.Page{})
			must(t, err)
			n, _, err := w.S.Count(ctx, who, intake.Filter{Query: q})
			must(t, err)
			if int(n) != len(list) {
				t.Errorf("%s %q: %d listed, %d counted", who.Name, q, len(list), n)
			}
			return len(list)
		}
		all := func(when string) {
			t.Helper()
			for _, x := range []struct {
				who  ident.Actor
				q    string
				want int
			}{
				{w.Ana, "kovačnicu", 2}, {w.Ana, "ковачницу преграде", 2}, {w.Ana, "mlin.example", 1}, {w.Ana, "печатница", 0}, {w.Ana, "безимено", 0},
				{w.Mila, "kovačnicu", 1}, {w.Mila, "mlin", 0}, {w.Bora, "kovačnicu", 0}, {w.Vesna, "kovačnicu", 0}, {w.Root, "kovačnicu", 0},
				{root, "kovačnicu", 0}, {root, "уводна", 0}, {root, open.Number, 1},
			} {
				if got := finds(x.who, x.q); got != x.want {
					t.Errorf("%s: %s finds %d by %q, want %d", when, x.who.Name, got, x.q, x.want)
				}
			}
			must(t, w.DB.View(ctx, func(tx *store.Tx) error {
				n, err := store.Int64(ctx, tx, `SELECT COUNT(*) FROM intake_word k JOIN intake_report r ON r.id = k.report_id WHERE (r.sealed OR r.anonymous) AND k.word IN ($1, $2, $3)`,
					[]byte("kovacnicu"), []byte("pecatnica"), []byte("bezimeno"))
				if n != 0 {
					t.Errorf("%s: %d words of sealed text are kept", when, n)
				}
				return err
			}))
		}
		all("new")
		// As it was before there was an index of texts.
		must(t, w.DB.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, `DELETE FROM intake_word WHERE word <> $1`, []byte(strings.ToLower(open.Number)))
			return err
		}))
		if finds(w.Ana, "kovačnicu") != 0 {
			t.Fatal("the words are still there")
		}
		for range 2 {
			for _, d := range w.S.Jobs() {
				if d.Kind == "intake.index" {
					must(t, d.Run(ctx, nil))
				}
			}
		}
		all("after the job")
		// What goes along with a hand-over is found there, what stays is not.
		_, err = w.S.HandOver(ctx, w.Ana, open.UUID, 0, w.Second.UUID, "Само воденица")
		must(t, err)
		if finds(w.Vesna, "vodenica") != 1 || finds(w.Vesna, "kovačnicu") != 0 {
			t.Errorf("the other CERT finds %d and %d", finds(w.Vesna, "vodenica"), finds(w.Vesna, "kovačnicu"))
		}
	})
}
