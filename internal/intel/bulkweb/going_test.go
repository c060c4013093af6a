package bulkweb

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/intel/intelweb"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/jobs"
	"straza/internal/kernel/store"
	"straza/internal/kernel/web"
	"straza/internal/testkit"
)

// inRoom is the desk with the pages that the acts are begun from.
func inRoom(t *testing.T, db *store.DB) *desk {
	t.Helper()
	d := newDesk(t, db)
	d.Must(d.Lists.Seed(t.Context(), ident.SystemPart("importer")))
	d.Site = testkit.NewSite(t, testkit.Doors{Gate: d.people, Now: db.Clock.Now, Messages: []fs.FS{intel.Messages, intelweb.Files, Files}, Routes: func(m *web.Mux) {
		Routes(m, Deps{Intel: d.Intel, Bulk: d.Bulk, Remarks: d.Remarks})
		intelweb.Routes(m, intelweb.Deps{Intel: d.Intel, Bulk: d.Bulk, Remarks: d.Remarks, Catalog: d.Lists})
	}})
	return d
}

// to sends a form and gives where it leads.
func (d *desk) to(t *testing.T, who, path string, pairs ...string) string {
	t.Helper()
	r := d.Browse(who, "POST", path, "application/x-www-form-urlencoded", strings.NewReader(testkit.Form(pairs...).Encode()))
	if r.Code != http.StatusSeeOther {
		t.Fatalf("%s: %d %s", path, r.Code, r.Body)
	}
	return r.Header().Get("Location")
}

// follows sends a form and gives the page that it leads to, with its message.
func (d *desk) follows(t *testing.T, who, path string, pairs []string, says ...string) (to, page string) {
	t.Helper()
	r := d.Browse(who, "POST", path, "application/x-www-form-urlencoded", strings.NewReader(testkit.Form(pairs...).Encode()))
	to = r.Header().Get("Location")
	next := httptest.NewRequest("GET", testkit.SiteOrigin+to, nil)
	for _, c := range r.Result().Cookies() {
		next.AddCookie(c)
	}
	_, page = d.As(who, next)
	for _, x := range says {
		if !strings.Contains(testkit.Words(page), x) {
			t.Errorf("behind %s stands not %q", path, x)
		}
	}
	return to, page
}

// work does the job of the act whose page is at an address.
func (d *desk) work(t *testing.T, at string) {
	t.Helper()
	a, err := d.Bulk.Act(t.Context(), d.people["ana"], at[strings.LastIndexByte(at, '/')+1:])
	d.Must(err)
	b, err := json.Marshal(map[string]int64{"act": a.ID})
	d.Must(err)
	for _, j := range d.Bulk.Jobs() {
		if j.Kind == "intel.bulk-go" {
			d.Must(j.Run(t.Context(), &jobs.Task{Kind: j.Kind, Payload: b}))
		}
	}
}

// inMany is how many attributes stand in an event of many: two of them of type ip-dst.
const inMany = intel.BulkMost + 22

func (d *desk) many() (e intel.Event, at string) {
	var list []misp.Attribute
	for i := range inMany - 2 {
		list = append(list, inteltest.Attr("domain", fmt.Sprintf("n%d.example", i)))
	}
	list = append(list, inteltest.Attr("ip-dst", "192.0.2.3"), inteltest.Attr("ip-dst", "192.0.2.4"))
	e = d.Add(d.people["ana"], inteltest.Event("Многи", intel.OwnOrg, list...))
	return e, "/console/events/" + e.Ref()
}

// TestManyOnPages: what the filter leaves of an event, or all of it, is tagged from the
// form of the ticked ones; of many a page tells how far it is, what was done and the way
// back; nobody else finds that page.
func TestManyOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		d := inRoom(t, db)
		e, at := d.many()
		now.Add(1e9)
		page := d.Shows("ana", at+"?type=ip-dst", 200, `name="narrowed" value="type=ip-dst"`)
		id := regexp.MustCompile(`name="id" value="(\d+)"`).FindStringSubmatch(page)
		form := d.to(t, "ana", at+"/attributes", "act", "tag", "id", id[1], "narrowed", "type=ip-dst&sort=value")
		d.Shows("ana", form, 200, "Only the ticked ones (1)", "What the filter leaves (2)", "All 2,022 attributes", `value="narrowed"`)
		d.Shows("ana", strings.Replace(form, "ip-dst", "domain", 1), 200, "What the filter leaves (2,000+)")
		if strings.Contains(d.Shows("ana", at+"/tagging?of="+id[1], 200), "What the filter leaves") {
			t.Error("a filter is offered where there is none")
		}
		if to := d.to(t, "ana", at+"/attributes", "act", "tag", "tag", "sneg", "id", id[1], "meant", "narrowed", "narrowed", "type=ip-dst"); to != at {
			t.Errorf("led to %q", to)
		}
		if n := d.tagged(t, e.Ref()); n != 2 {
			t.Fatalf("%d tagged, want what the filter leaves", n)
		}
		now.Add(1e9)
		to := d.to(t, "ana", at+"/attributes", "act", "tag", "tag", "lavina", "meant", "all")
		if !strings.HasPrefix(to, at+"/bulk/") {
			t.Fatalf("led to %q", to)
		}
		d.Shows("ana", to, 200, "goes on", "2,000 attributes so far", "Refresh", "/stop", "Take it all back", "lavina")
		d.Shows("ana", at, 200, to, "2,000 attributes so far")
		for who, path := range map[string]string{"vesna": to, "alfa": strings.Replace(to, "/console/", "/portal/", 1)} {
			d.Shows(who, path, 404)
			d.Sends(who, path+"/stop", 404, nil)
		}
		other := d.Add(d.people["ana"], inteltest.Event("Други", intel.OwnOrg))
		d.Shows("ana", strings.Replace(to, e.Ref(), other.Ref(), 1), 404)
		d.work(t, to)
		page = d.Shows("ana", to, 200, "Tagged", "2,022", "Take it all back")
		if strings.Contains(page, "/stop") || strings.Contains(d.Shows("ana", at, 200), to) {
			t.Error("what is done goes on")
		}
		d.Sends("ana", to+"/stop", 409, nil)
		now.Add(1e9)
		moment := regexp.MustCompile(`name="at" value="([0-9a-z]+)"`).FindStringSubmatch(page)
		back := d.to(t, "ana", at+"/attributes/undo", "at", moment[1])
		d.Shows("ana", back, 200, "2,000 of 2,022 attributes", "Taken back")
		d.work(t, back)
		d.Shows("ana", back, 200, "2,022", "done")
		if strings.Contains(d.Shows("ana", to, 200, "taken back"), "Take it all back") {
			t.Error("what was taken back is offered back")
		}
		if n := d.tagged(t, e.Ref()); n != 2 {
			t.Errorf("%d tags are left, want those of the other act", n)
		}
		now.Add(1e9)
		to = d.to(t, "ana", at+"/attributes", "act", "tag", "tag", "lavina", "meant", "all")
		d.Sends("ana", to+"/stop", 303, nil)
		d.Shows("ana", to, 200, "stopped", "Take it all back")
	})
}

// TestManyChangedOnPages: the form that changes what ticked attributes have in common does
// it for what the filter leaves, too; the choice stays when the form comes back.
func TestManyChangedOnPages(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		d := inRoom(t, db)
		e, at := d.many()
		now.Add(1e9)
		commented := func() (n int) {
			for _, a := range d.read(t, e.Ref()) {
				if a.Comment != "" {
					n++
				}
			}
			return n
		}
		id := regexp.MustCompile(`name="id" value="(\d+)"`).FindStringSubmatch(d.Shows("ana", at+"?type=ip-dst", 200))
		form := d.to(t, "ana", at+"/attributes", "act", "edit", "id", id[1], "narrowed", "type=ip-dst&sort=value")
		d.Shows("ana", form, 200, "Only the ticked ones (1)", "What the filter leaves (2)", "All 2,022 attributes", `name="narrowed" value="type=ip-dst"`)
		of := regexp.MustCompile(`of=([0-9a-z.]+)`).FindStringSubmatch(form)[1]
		where := at + "/attributes/edit"
		send := func(pairs ...string) string {
			t.Helper()
			now.Add(1e9)
			return d.to(t, "ana", where, append(pairs, "of", of, "narrowed", "type=ip-dst")...)
		}
		if send("comment", "једна", "meant", "ticked"); commented() != 1 {
			t.Errorf("%d changed, want the ticked one", commented())
		}
		if to := send("comment", "две", "meant", "narrowed"); to != at || commented() != 2 {
			t.Errorf("%d changed, want what the filter leaves; led to %q", commented(), to)
		}
		r := d.Browse("ana", "POST", where, "application/x-www-form-urlencoded", strings.NewReader(testkit.Form("of", of, "narrowed", "type=ip-dst", "meant", "narrowed").Encode()))
		if page := r.Body.String(); r.Code != 422 || !regexp.MustCompile(`value="narrowed"[^>]* checked|checked[^>]* value="narrowed"`).MatchString(page) {
			t.Errorf("%d, and the choice is gone", r.Code)
		}
		to := send("ids", "0", "meant", "all")
		if !strings.HasPrefix(to, at+"/bulk/") {
			t.Fatalf("led to %q", to)
		}
		d.Shows("ana", to, 200, "Changing many attributes", "goes on", "Changed", "Take it all back")
		d.work(t, to)
		d.Shows("ana", to, 200, "2,022", "done")
		for _, a := range d.read(t, e.Ref()) {
			if a.ToIDS {
				t.Fatalf("%s is for detection", a.Value)
			}
		}
		left := func() int {
			return len(slices.DeleteFunc(d.read(t, e.Ref()), func(a intel.Attribute) bool { return a.Deleted }))
		}
		if to := send("delete", "1", "meant", "narrowed"); to != at || left() != inMany-2 {
			t.Errorf("%d are left of %d, want those beyond the filter", left(), inMany)
		}
		to = send("delete", "1", "meant", "all")
		d.work(t, to)
		if left() != 0 {
			t.Errorf("%d are left of all", left())
		}
		moment := regexp.MustCompile(`name="at" value="([0-9a-z]+)"`).FindStringSubmatch(d.Shows("ana", to, 200, "2,020", "done"))
		now.Add(1e9)
		d.work(t, d.to(t, "ana", at+"/attributes/undo", "at", moment[1]))
		if left() != inMany-2 {
			t.Errorf("%d came back, want %d", left(), inMany-2)
		}
	})
}

// TestIndicatorsTogether: rows of the list of indicators are changed together, each as its
// event allows; one undo takes it back; the list stands as it was asked for.
func TestIndicatorsTogether(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		d := inRoom(t, db)
		first := d.Add(d.people["ana"], inteltest.Event("Први", intel.OwnOrg, inteltest.Attr("domain", "a.example")))
		second := d.Add(d.people["ana"], inteltest.Event("Други", intel.OwnOrg, inteltest.Attr("domain", "b.example")))
		vesna := d.Add(d.people["vesna"], inteltest.Event("Туђ", intel.Community, inteltest.Attr("domain", "c.example")))
		d.Must(d.Intel.Publish(t.Context(), d.people["vesna"], vesna.Ref()))
		hidden := d.Add(d.people["vesna"], inteltest.Event("Скривен", intel.OwnOrg, inteltest.Attr("domain", "d.example")))
		now.Add(1e9)
		page := d.Shows("ana", "/console/indicators?type=domain", 200, `name="asked" value="type=domain"`, `value="noids"`, `value="false"`, "data-bulk")
		var form []string
		for _, m := range regexp.MustCompile(`name="id" value="(\d+)"`).FindAllStringSubmatch(page, -1) {
			form = append(form, "id", m[1])
		}
		if len(form) != 6 {
			t.Fatalf("%d rows are to be ticked", len(form)/2)
		}
		d.Must(d.Intel.SearchAttributes(t.Context(), d.people["vesna"], intel.Query{Events: []string{hidden.Ref()}}, func(a *intel.Attribute) error {
			form = append(form, "id", strconv.FormatInt(a.ID, 10))
			return nil
		}))
		const list = "/console/indicators"
		send := func(pairs []string, says ...string) (to, page string) {
			t.Helper()
			now.Add(1e9)
			return d.follows(t, "ana", list, append(append(pairs, "asked", "type=domain&nonsense=1"), form...), says...)
		}
		if to, _ := d.follows(t, "ana", list, []string{"act", "noids"}, "Tick at least one attribute"); to != list {
			t.Errorf("nothing ticked leads to %q", to)
		}
		ask, _ := send([]string{"act", "tag"}, "4 attributes", `name="asked" value="type=domain"`, `action="/console/indicators"`)
		if !strings.HasPrefix(ask, list+"/tagging?of=") || !strings.HasSuffix(ask, "&asked=type%3Ddomain") {
			t.Fatalf("led to %q", ask)
		}
		to, shown := send([]string{"act", "tag", "tag", "sneg"}, "Changed: 2 attributes. Left as they were: 1 (in events that are not yours to change).", list+"/undo")
		if to != list+"?type=domain" {
			t.Errorf("led to %q", to)
		}
		tags := func() (n int) {
			return d.tagged(t, first.Ref()) + d.tagged(t, second.Ref())
		}
		if tags() != 2 {
			t.Errorf("%d tagged", tags())
		}
		act := regexp.MustCompile(`name="bulk" value="([0-9a-f-]+)"`).FindStringSubmatch(shown)
		now.Add(1e9)
		d.Sends("vesna", "/console/indicators/undo", 404, testkit.Form("bulk", act[1]))
		if to, _ := d.follows(t, "ana", list+"/undo", []string{"bulk", act[1], "asked", "?type=domain"}, "Undone for 2 attributes"); to != list+"?type=domain" || tags() != 0 {
			t.Errorf("taken back to %q, %d tags stay", to, tags())
		}
		d.Sends("ana", list+"/undo", 409, testkit.Form("bulk", act[1]))
		send([]string{"act", "false"}, "Reported: 3 attributes.", list+"/undo")
		send([]string{"act", "noids"}, "Changed: 2 attributes", list+"/undo")
		d.Sends("ana", "/console/indicators", 422, testkit.Form("act", "delete", "id", form[1]))
		// On an event's page, too, what was reported is taken back: of an own one and of another's.
		for _, ref := range []string{first.Ref(), vesna.Ref()} {
			seen := func() (n int) {
				d.Must(d.Intel.Sightings(t.Context(), d.people["ana"], intel.SightingFilter{Event: ref}, func(g *intel.Sighting) error {
					if g.Kind == intel.Seen {
						n++
					}
					return nil
				}))
				return n
			}
			now.Add(1e9)
			at := "/console/events/" + ref + "/attributes"
			_, shown := d.follows(t, "ana", at, []string{"act", "saw", "id", strconv.FormatInt(d.read(t, ref)[0].ID, 10)}, "Reported: 1 attribute.", at+"/undo")
			act := regexp.MustCompile(`name="bulk" value="([0-9a-f-]+)"`).FindStringSubmatch(shown)
			if seen() != 1 || act == nil {
				t.Fatalf("%d reported, %v", seen(), act)
			}
			d.Sends("vesna", at+"/undo", 404, testkit.Form("bulk", act[1]))
			if d.follows(t, "ana", at+"/undo", []string{"bulk", act[1]}, "Undone for 1 attribute"); seen() != 0 {
				t.Errorf("%d stay reported", seen())
			}
			d.Sends("ana", at, 404, testkit.Form("act", "saw", "id", form[len(form)-1]))
		}
		reader := d.Shows("alfa", "/portal/events/indicators", 200, "c.example")
		if !strings.Contains(reader, `action="/portal/events/indicators"`) {
			t.Error("the portal has no acts")
		}
		d.Sends("alfa", "/console/indicators", 403, testkit.Form("act", "saw", "id", form[1]))
		for _, a := range d.read(t, first.Ref()) {
			if a.ToIDS {
				t.Error("detection is on")
			}
		}
	})
}
