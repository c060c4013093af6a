package intelweb

import (
	"strconv"
	"strings"
	"testing"

	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestBulkActIsTakenBack: one press on several attributes is undone by one, except where
// somebody changed something since; an undo reaches nothing of another event, and nobody
// who may not write.
func TestBulkActIsTakenBack(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		s, w, people := desk(t, db)
		e := w.Add(people["ana"], inteltest.Event("Списак", intel.Community, inteltest.Attr("domain", "a.example"), inteltest.Attr("domain", "b.example"), inteltest.Attr("domain", "c.example")))
		other := w.Add(people["ana"], inteltest.Event("Други", intel.Community, inteltest.Attr("domain", "x.example")))
		at := "/console/events/" + e.Ref()
		read := func(ref string) (out []intel.Attribute) {
			w.Must(w.Intel.Attributes(t.Context(), people["ana"], ref, intel.Part{Deleted: intel.With}, func(a *intel.Attribute) error { out = append(out, *a); return nil }))
			return out
		}
		of := func(list []intel.Attribute) string {
			var out []string
			for _, a := range list {
				out = append(out, strconv.FormatInt(a.ID, 36)+"-"+strconv.FormatInt(a.Timestamp, 36))
			}
			return strings.Join(out, " ")
		}
		now.Add(1e9)
		form := testkit.Form("act", "delete")
		for _, a := range read(e.Ref()) {
			form.Add("id", strconv.FormatInt(a.ID, 10))
		}
		s.Sends("ana", at+"/attributes", 303, form)
		gone := read(e.Ref())
		for _, a := range gone {
			if !a.Deleted {
				t.Fatalf("%s is still there", a.Value)
			}
		}
		undo := testkit.Form("act", "restore", "of", of(gone))
		now.Add(5e9)
		first := strconv.FormatInt(gone[0].ID, 10)
		_, err := w.Intel.RestoreAttribute(t.Context(), people["ana"], first)
		w.Must(err)
		now.Add(5e9)
		_, err = w.Intel.DeleteAttribute(t.Context(), people["ana"], first, false)
		w.Must(err)
		for who, status := range map[string]int{"alfa": 403, "vesna": 404} { // who only reads; who does not see it
			if got := s.Browse(who, "POST", at+"/attributes/undo", "application/x-www-form-urlencoded", strings.NewReader(undo.Encode())).Code; got != status && got != 403 && got != 404 {
				t.Errorf("%s undoes: %d", who, got)
			}
		}
		s.Sends("ana", at+"/attributes/undo", 303, undo)
		back := read(e.Ref())
		if !back[0].Deleted || back[1].Deleted || back[2].Deleted {
			t.Errorf("after the undo: %v %v %v", back[0].Deleted, back[1].Deleted, back[2].Deleted)
		}
		s.Sends("ana", at+"/attributes/undo", 404, testkit.Form("act", "noids", "of", of(read(other.Ref()))))
		s.Sends("ana", at+"/attributes/undo", 404, testkit.Form("act", "delete", "of", of(back)))
		s.Sends("ana", at+"/attributes/undo", 422, testkit.Form("act", "ids", "of", "?"))
		if !read(other.Ref())[0].ToIDS {
			t.Error("another event's attribute was changed")
		}
		now.Add(5e9)
		s.Sends("ana", at+"/attributes", 303, testkit.Form("act", "noids", "id", strconv.FormatInt(back[1].ID, 10)))
		off := read(e.Ref())[1:2]
		if off[0].ToIDS {
			t.Fatal("not switched off")
		}
		s.Sends("ana", at+"/attributes/undo", 303, testkit.Form("act", "ids", "of", of(off)))
		if !read(e.Ref())[1].ToIDS {
			t.Error("switched off still")
		}
		tagged := func() (n int) {
			w.Must(w.Intel.SearchAttributes(t.Context(), people["ana"], intel.Query{Events: []string{e.Ref()}, WithTags: true}, func(a *intel.Attribute) error { n += len(a.Tags); return nil }))
			return n
		}
		form = testkit.Form("act", "tag", "tag", "kampanja")
		for _, a := range back[1:] {
			form.Add("id", strconv.FormatInt(a.ID, 10))
		}
		s.Sends("ana", at+"/attributes", 303, form)
		if tagged() != 2 {
			t.Fatalf("%d values are tagged, want 2", tagged())
		}
		s.Sends("ana", at+"/attributes/undo", 303, testkit.Form("act", "untag", "tag", "kampanja", "of", of(read(e.Ref())[1:])))
		if tagged() != 0 {
			t.Errorf("%d values are tagged still", tagged())
		}
	})
}
