package remark_test

import (
	"bytes"
	"encoding/base64"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
)

// TestProposedAttachmentsStandEncrypted: the table shows no byte of one, it comes back as
// it was, and what stands open from before is read and then sealed.
func TestProposedAttachmentsStandEncrypted(t *testing.T) {
	each(t, func(t *testing.T, w *world, _ *clock.Moved) {
		content := bytes.Repeat([]byte("readable text of a document "), 20)
		a := inteltest.Attr("attachment", "report.txt")
		a.Data = misp.T(base64.StdEncoding.EncodeToString(content))
		p, err := w.Remarks.Propose(ctx, w.beta, w.open.UUID, a)
		must(t, err)
		plain, err := w.Remarks.Propose(ctx, w.beta, w.open.UUID, inteltest.Attr("domain", "no-file.example"))
		must(t, err)
		cell := func(id int64) (b []byte) {
			must(t, w.DB.View(ctx, func(tx *store.Tx) error {
				_, err := tx.Row(ctx, "SELECT data FROM intel_proposal WHERE id = $1", []any{id}, &b)
				return err
			}))
			return b
		}
		comes := func(when string) {
			got, err := w.Remarks.Proposal(ctx, w.alfa, ref(p.ID))
			must(t, err)
			if !bytes.Equal(got.Data, content) {
				t.Errorf("%s it does not come back as it was", when)
			}
		}
		if c := cell(p.ID); len(c) < len(content) || bytes.Contains(c, content[:10]) {
			t.Fatalf("stands open: %d bytes", len(c))
		}
		comes("sealed")
		must(t, w.DB.Update(ctx, func(tx *store.Tx) error { // as before cells were sealed
			_, err := tx.Exec(ctx, "UPDATE intel_proposal SET data = $2, sealed = FALSE WHERE id = $1", p.ID, content)
			return err
		}))
		comes("open")
		for _, d := range w.Remarks.Jobs() {
			if d.Kind == "remark.seal" {
				must(t, d.Run(ctx, &jobs.Task{}))
			}
		}
		if c := cell(p.ID); len(c) < len(content) || bytes.Contains(c, content[:10]) {
			t.Error("an old one was not sealed")
		}
		comes("sealed later")
		if c := cell(plain.ID); c != nil {
			t.Errorf("where there is none stands %x", c)
		}
	})
}
