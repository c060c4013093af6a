package bulkweb

import (
	"io/fs"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/intel/intelweb"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/kernel/web/ui"
	"straza/internal/testkit"
)

func TestPackedIDs(t *testing.T) {
	t.Parallel()
	for _, ids := range [][]int64{{1}, {7, 3, 3}, {890860830720048, 890860830720049, 890860830721111}} {
		s, err := packIDs(ids)
		want := slices.Compact(slices.Sorted(slices.Values(ids)))
		if diff := cmp.Diff(want, unpackIDs(s)); diff != "" || err != nil {
			t.Error(ids, s, err, diff)
		}
	}
	for _, bad := range []string{"", "x!", "1..2", "-5", "1.0", "1.-1", "zzzzzzzzzzzzzzzzzz", "1.1y2p0ij32e8e7.1y2p0ij32e8e7"} {
		if got := unpackIDs(bad); got != nil {
			t.Errorf("%q gives %v", bad, got)
		}
	}
	many := make([]int64, 2000)
	for i := range many {
		many[i] = int64(i+1) << 40
	}
	if _, err := packIDs(many); err == nil {
		t.Error("more ids than an address holds are taken")
	}
}

func FuzzUnpackIDs(f *testing.F) {
	f.Add("a.1.zz")
	f.Fuzz(func(t *testing.T, s string) {
		ids := unpackIDs(s)
		if !slices.IsSorted(ids) || len(ids) > 0 && ids[0] <= 0 {
			t.Errorf("%q gives %v", s, ids)
		}
	})
}

type desk struct {
	*testkit.Site
	*inteltest.World
	people testkit.Gate
}

func newDesk(t *testing.T, db *store.DB) *desk {
	t.Helper()
	w := inteltest.New(t, db)
	people := testkit.Gate{"ana": w.Person(w.CERT, access.Lead, ident.Web), "alfa": w.Person(w.A, access.Member, ident.Web), "vesna": w.Person(w.CERT2, access.Lead, ident.Web)}
	for name, who := range people {
		who.Name, who.SecondFA = name, true
		people[name] = who
	}
	s := testkit.NewSite(t, testkit.Doors{Gate: people, Now: db.Clock.Now, Messages: []fs.FS{intel.Messages, intelweb.Files, Files}, Routes: func(m *web.Mux) { Routes(m, Deps{Intel: w.Intel, Bulk: w.Bulk, Remarks: w.Remarks}) }})
	return &desk{s, w, people}
}

func (d *desk) read(t *testing.T, ref string) (out []intel.Attribute) {
	d.Must(d.Intel.Attributes(t.Context(), d.people["ana"], ref, intel.Part{Deleted: intel.With}, func(a *intel.Attribute) error { out = append(out, *a); return nil }))
	return out
}

// press sends an act and gives what the toast's form of the next page sends to take it
// back: what the message's cookie says.
func (d *desk) press(t *testing.T, at, act string, list []intel.Attribute, more ...string) {
	t.Helper()
	form := testkit.Form(append([]string{"act", act}, more...)...)
	for _, a := range list {
		form.Add("id", strconv.FormatInt(a.ID, 10))
	}
	d.Sends("ana", at+"/attributes", 303, form)
}

// TestBulkActIsTakenBack: one press on several attributes is undone by one, except where
// somebody changed something since; an undo reaches nothing of another event, and nobody
// who may not write.
func TestBulkActIsTakenBack(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		d := newDesk(t, db)
		e := d.Add(d.people["ana"], inteltest.Event("Списак", intel.Community, inteltest.Attr("domain", "a.example"), inteltest.Attr("domain", "b.example"), inteltest.Attr("domain", "c.example")))
		other := d.Add(d.people["ana"], inteltest.Event("Други", intel.Community, inteltest.Attr("domain", "x.example")))
		at := "/console/events/" + e.Ref()
		now.Add(1e9)
		before := now.Now().UnixMicro()
		d.press(t, at, "delete", append(d.read(t, e.Ref()), d.read(t, other.Ref())...))
		gone := d.read(t, e.Ref())
		for _, a := range gone {
			if !a.Deleted {
				t.Fatalf("%s is still there", a.Value)
			}
		}
		if d.read(t, other.Ref())[0].Deleted {
			t.Error("another event's attribute was deleted")
		}
		undo := url.Values{"at": {d.act(t, e.Ref(), before)}}
		now.Add(5e9)
		first := strconv.FormatInt(gone[0].ID, 10)
		_, err := d.Intel.RestoreAttribute(t.Context(), d.people["ana"], first)
		d.Must(err)
		now.Add(5e9)
		_, err = d.Intel.DeleteAttribute(t.Context(), d.people["ana"], first, false)
		d.Must(err)
		for who, path := range map[string]string{"alfa": strings.Replace(at, "/console/", "/portal/", 1), "vesna": at} { // who only reads, or does not see it
			for _, door := range []string{"/attributes/undo", "/attributes/edit", "/attributes"} {
				form := testkit.Form("at", undo.Get("at"), "of", "a", "comment", "x", "act", "noids", "id", first)
				if got := d.Browse(who, "POST", path+door, "application/x-www-form-urlencoded", strings.NewReader(form.Encode())).Code; got != 403 && got != 404 {
					t.Errorf("%s at %s: %d", who, door, got)
				}
			}
		}
		d.Sends("ana", at+"/attributes/undo", 303, undo)
		back := d.read(t, e.Ref())
		if !back[0].Deleted || back[1].Deleted || back[2].Deleted {
			t.Errorf("after the undo: %v %v %v", back[0].Deleted, back[1].Deleted, back[2].Deleted)
		}
		d.Sends("ana", at+"/attributes/undo", 422, testkit.Form("at", "?"))
		d.Sends("ana", at+"/attributes/undo", 404, testkit.Form("at", "1"))
		now.Add(1e9)
		before = now.Now().UnixMicro()
		d.press(t, at, "tag", append(back[1:], d.read(t, other.Ref())...), "tag", "kampanja")
		if n := d.tagged(t, e.Ref()); n != 2 || d.tagged(t, other.Ref()) != 0 {
			t.Fatalf("%d values are tagged, want 2", n)
		}
		undo = url.Values{"at": {d.act(t, e.Ref(), before)}}
		now.Add(1e9)
		d.Must(d.Intel.Detach(t.Context(), d.people["ana"], intel.Target{Event: e.Ref(), Attribute: strconv.FormatInt(back[1].ID, 10)}, []string{"kampanja"}))
		now.Add(1e9)
		_, err = d.Intel.Attach(t.Context(), d.people["ana"], intel.Target{Event: e.Ref(), Attribute: strconv.FormatInt(back[1].ID, 10)}, []string{"kampanja"}, false)
		d.Must(err)
		d.Sends("ana", at+"/attributes/undo", 303, undo)
		if left := d.read(t, e.Ref()); len(left[1].Tags) != 1 || len(left[2].Tags) != 0 {
			t.Errorf("what was worked on since: %v, the other: %v", left[1].Tags, left[2].Tags)
		}
		d.Shows("ana", at+"/tagging?of="+strconv.FormatInt(back[1].ID, 36), 200, `name="meant"`, "attributes of the event")
		d.press(t, at, "tag", back[1:2], "tag", "lavina", "meant", "all")
		if n := d.tagged(t, e.Ref()); n != 3 || d.tagged(t, other.Ref()) != 0 {
			t.Errorf("%d tags in the event, want 3", n)
		}
	})
}

// act is the moment of the first act on an event's attributes since, as the form names it.
func (d *desk) act(t *testing.T, ref string, since int64) string {
	t.Helper()
	var at int64
	d.Must(d.Intel.Changes(t.Context(), d.people["ana"], ref, intel.Changes{From: since - 1}, func(c *intel.Change, _ intel.ChangeCursor) error {
		if c.Kind == intel.ChangedAttribute {
			at = c.At
		}
		return nil
	}))
	return strconv.FormatInt(at, 36)
}

func (d *desk) tagged(t *testing.T, ref string) (n int) {
	d.Must(d.Intel.SearchAttributes(t.Context(), d.people["ana"], intel.Query{Events: []string{ref}, WithTags: true}, func(a *intel.Attribute) error { n += len(a.Tags); return nil }))
	return n
}

// TestChangedByOneForm: what the form leaves empty stays; what is wrong is said at the
// field and what was typed stands; a reach beyond the event's is said before it is kept.
func TestChangedByOneForm(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		d := newDesk(t, db)
		first := inteltest.Attr("domain", "a.example")
		e := d.Add(d.people["ana"], inteltest.Event("Списак", intel.OwnOrg, first, inteltest.Attr("domain", "b.example"), inteltest.Attr("sha1", strings.Repeat("ab", 20))))
		at := "/console/events/" + e.Ref()
		now.Add(1e9)
		form := testkit.Form("act", "edit")
		for _, a := range d.read(t, e.Ref()) {
			form.Add("id", strconv.FormatInt(a.ID, 10))
		}
		r := d.Browse("ana", "POST", at+"/attributes", "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
		to := r.Header().Get("Location")
		of := regexp.MustCompile(`of=([0-9a-z.]+)$`).FindStringSubmatch(to)
		if r.Code != 303 || of == nil {
			t.Fatalf("%d, led to %q", r.Code, to)
		}
		d.Shows("ana", to, 200, "a.example", "3 attributes", "Leave as it is", `name="notimes"`)
		send := func(status int, say string, fields ...string) {
			t.Helper()
			d.Sends("ana", at+"/attributes/edit", status, testkit.Form(append(fields, "of", of[1])...), say)
		}
		send(422, "Choose what is to be changed")
		send(422, `value="2026-13-41"`, "first", "2026-13-41")
		send(422, "not both", "comment", "x", "nocomment", "1")
		send(422, `data-error`, "distribution", "4", "group", "")
		send(422, "Delete them or change them", "delete", "1", "comment", "x")
		d.Sends("ana", at+"/attributes/edit", 422, testkit.Form("of", of[1], "distribution", "1", "comment", "са пробе"), "Wider than the event", `value="са пробе"`)
		if a := d.read(t, e.Ref())[0]; a.Distribution != intel.Inherit || a.Comment != "" {
			t.Errorf("kept before the answer: %+v", a)
		}
		send(422, "Wider than the event", "distribution", "3", "wider", "1-0") // the answer was to another reach
		send(303, "", "distribution", "1", "wider", "1-0", "comment", "са пробе", "category", "Payload delivery", "last", "2026-11-01", "ids", "0")
		got := d.read(t, e.Ref())
		for _, a := range got {
			if a.Distribution != intel.Community || a.Comment != "са пробе" || a.ToIDS || a.LastSeen == nil || a.NoCorrelation {
				t.Errorf("%s: %+v", a.Value, a)
			}
		}
		send(303, "", "notimes", "1", "nocomment", "1")
		for _, a := range d.read(t, e.Ref()) {
			if a.LastSeen != nil || a.Comment != "" || a.Category != "Payload delivery" || a.Distribution != intel.Community {
				t.Errorf("%s: %+v", a.Value, a)
			}
		}
		d.Sends("ana", at+"/attributes/edit", 303, testkit.Form("of", "1.2.3", "comment", "ничије"))
		for _, a := range d.read(t, e.Ref()) {
			if a.Comment != "" {
				t.Error("attributes that were not named were changed")
			}
		}
	})
}

func TestPagesAreWhole(t *testing.T) {
	t.Parallel()
	field := ui.Field{Name: "tag", Label: "Ознака"}
	err := web.CheckTemplates(Files, map[string][]web.Pager{
		"bulktagging": {&taggingPage{Ids: []int64{1}, Count: "1", Tag: field, Action: "/x"}, &taggingPage{Tag: field, Meant: &ui.Choices{Name: meant}, Hidden: map[string]string{listAsked: "q=1"}}},
		"bulkgoing":   {&goingPage{}, &goingPage{Note: &ui.Note{Kind: "info", Body: "1"}, Progress: &ui.Progress{Percent: 5, Label: "1"}, Said: "1", Again: &ui.Button{Label: "1"}, Stop: &ui.Button{Label: "2"}, Undo: "x"}},
		"bulkedit": {&editPage{}, &editPage{Of: "1", Count: "1", Some: []string{"a.example"}, More: 3, Choose: []ui.Field{field}, Reach: []ui.Field{field}, Comment: field, Times: []ui.Field{field}, NoComment: field, NoTimes: field, Delete: field,
			Wider: &ui.Note{Kind: "warning", Title: "1", Body: "2"}, WiderSaid: "1-0"}},
	}, Files, intelweb.Files)
	if err != nil {
		t.Error(err)
	}
}
