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
