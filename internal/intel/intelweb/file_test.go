package intelweb

import (
	"encoding/base64"
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

// TestFileOfAnAttribute: what lies beside an attribute is downloaded, never shown, under
// the last part of the name that came, by who sees the attribute.
func TestFileOfAnAttribute(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s, w, people := desk(t, db)
		a, plain := inteltest.Attr("attachment", `..\..\etc/<b>slika.svg`), inteltest.Attr("domain", "a.example")
		a.UUID, a.Data = misp.T("7d3f1d0e-0000-4000-8000-00000000000a"), misp.T(base64.StdEncoding.EncodeToString([]byte("<svg onload=alert(1)>")))
		plain.UUID = misp.T("7d3f1d0e-0000-4000-8000-00000000000b")
		e := w.Add(people["ana"], inteltest.Event("са датотеком", intel.OwnOrg, a, plain))
		at := "/console/events/" + e.Ref() + "/attributes/"
		s.Shows("ana", at+a.UUID.V, 200, `href="`+at+a.UUID.V+`/file"`, "Download the file")
		got := s.Browse("ana", "GET", at+a.UUID.V+"/file", "", nil)
		if got.Code != 200 || got.Body.String() != "<svg onload=alert(1)>" || got.Header().Get("Content-Type") != "application/octet-stream" ||
			got.Header().Get("Content-Disposition") != `attachment; filename="<b>slika.svg"` {
			t.Errorf("%d %v %q", got.Code, got.Header(), got.Body)
		}
		if strings.Contains(s.Shows("ana", at+plain.UUID.V, 200), "/file\"") {
			t.Error("a file is offered where none lies")
		}
		s.Shows("ana", at+plain.UUID.V+"/file", 404)
		s.Shows("alfa", "/portal/events/"+e.Ref()+"/attributes/"+a.UUID.V+"/file", 404)
	})
}

// TestAddAFile: a file is kept as it is, or as a sample in its archive; without one, and
// for who may not change the event, nothing is added and it is said.
func TestAddAFile(t *testing.T) {
	t.Parallel()
	testkit.Each(t, func(t *testing.T, db *store.DB, _ *clock.Moved) {
		s, w, people := desk(t, db)
		e := w.Add(people["ana"], inteltest.Event("Са датотеком", intel.Community))
		at := "/console/events/" + e.Ref()
		s.Shows("ana", at+"/attributes/new", 200, "Add a file", `enctype="multipart/form-data"`)
		s.SendsFile("ana", at+"/files", 303, testkit.Form("about", "из поште"), "file", "извештај.pdf", "bytes of a document")
		s.SendsFile("ana", at+"/files", 303, testkit.Form("sample", "1"), "file", "a.exe", "bytes of malware")
		s.SendsFile("ana", at+"/files", 422, testkit.Form("about", "x"), "file", "", "", "Choose a file.")
		s.SendsFile("alfa", "/portal/events/"+e.Ref()+"/files", 404, nil, "file", "b.exe", "x") // a draft is its maker's
		var list []intel.Attribute
		w.Must(w.Intel.Attributes(t.Context(), people["ana"], e.Ref(), intel.Part{}, func(a *intel.Attribute) error { list = append(list, *a); return nil }))
		if len(list) != 2 || list[0].Value != "извештај.pdf" || list[0].Comment != "из поште" || !strings.HasPrefix(list[1].Value, "a.exe|") {
			t.Fatalf("%+v", list)
		}
		for i, want := range []bool{false, true} {
			b, err := w.Intel.File(t.Context(), people["ana"], list[i].UUID)
			w.Must(err)
			if intel.SampleSealed(b) != want || want && strings.Contains(string(b), "bytes of") {
				t.Errorf("%s: %d bytes", list[i].Value, len(b))
			}
		}
	})
}
