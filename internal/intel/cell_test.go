package intel_test

import (
	"bytes"
	"encoding/base64"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestAttachmentsStandEncrypted: no byte of an attachment can be read in the table, it
// comes back as it was, by its own place only; what stands open from before is sealed.
func TestAttachmentsStandEncrypted(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := inteltest.New(t, db)
		ana := w.Person(w.CERT, access.Analyst, ident.MISP)
		content := bytes.Repeat([]byte("readable text of a document "), 20)
		var refs []string
		for range 2 {
			a := inteltest.Attr("attachment", "report.txt")
			a.UUID, a.Data = misp.T(db.NewUUID()), misp.T(base64.StdEncoding.EncodeToString(content))
			w.Add(ana, inteltest.Event("with a file", intel.Community, a))
			refs = append(refs, a.UUID.V)
		}
		cells := func() (list [][]byte) {
			must(t, db.View(ctx, func(tx *store.Tx) (err error) {
				list, err = store.All(ctx, tx, func(s store.Scanner) (b []byte, err error) { err = s.Scan(&b); return },
					"SELECT bytes FROM intel_data ORDER BY attribute_id")
				return err
			}))
			return list
		}
		for _, c := range cells() {
			if len(c) < len(content) || bytes.Contains(c, content[:10]) {
				t.Fatalf("stands open: %d bytes", len(c))
			}
		}
		read := func(ref string) []byte {
			b, err := w.Intel.Data(ctx, ana, ref)
			must(t, err)
			return b
		}
		if !bytes.Equal(read(refs[0]), content) {
			t.Error("did not come back as it was")
		}
		must(t, db.Update(ctx, func(tx *store.Tx) error { // as before cells were sealed
			_, err := tx.Exec(ctx, "UPDATE intel_data SET bytes = $1, sealed = FALSE", content)
			return err
		}))
		if !bytes.Equal(read(refs[1]), content) {
			t.Error("an old one is not read")
		}
		for _, d := range w.Intel.Jobs() {
			if d.Kind == "intel.seal" {
				must(t, d.Run(ctx, &jobs.Task{}))
			}
		}
		list := cells()
		if bytes.Contains(list[0], content[:10]) || !bytes.Equal(read(refs[0]), content) {
			t.Error("an old one was not sealed")
		}
		must(t, db.Update(ctx, func(tx *store.Tx) error { // moved to another place
			_, err := tx.Exec(ctx, "UPDATE intel_data SET bytes = $1", list[0])
			return err
		}))
		if _, err := w.Intel.Data(ctx, ana, refs[1]); err == nil {
			t.Error("a cell opens at another's place")
		}
	})
}
