package intelapi_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"straza/internal/format/detect"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/enrich"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
)

// knownByContract: what is known is read, a module asked and an offer taken over by the
// contract; a label keeps a value here, and what is no offer is none.
func knownByContract(t *testing.T, s *server) {
	t.Helper()
	ctx, remote, keeper := context.Background(), inteltest.NewModules(t), s.w.Person(s.w.CERT, access.Admin, ident.Web)
	_, err := s.known.SaveServer(ctx, keeper, "", func(v *enrich.Server) { v.Name, v.URL = "house", remote.URL })
	s.w.Must(err)
	_, err = s.known.Test(ctx, keeper, "house")
	s.w.Must(err)
	s.w.Must(s.known.Setup(ctx, keeper, "house", "dns", true, enrich.Touches, nil))
	remote.Answer["dns"] = `{"results":[{"types":["ip-dst"],"values":["198.51.100.7"],"tags":["x"]}]}`
	team := s.w.Person(s.w.CERT, access.Lead, ident.Web)
	add := func(tag string) (uuid string) {
		e := inteltest.Event("An event", intel.Community, inteltest.Attr("hostname", "a.evil.rs"))
		e.Tag, e.Published = []misp.Tag{{Name: misp.T(tag)}}, misp.B(true)
		s.w.Must(s.w.Intel.Attributes(ctx, team, s.w.Add(team, e).UUID, intel.Part{}, func(a *intel.Attribute) error { uuid = a.UUID; return nil }))
		return uuid
	}
	open, kept := "/attributes/"+add("tlp:green"), "/attributes/"+add("PAP:RED")
	got := s.want(200, "lead", "GET", open+"/known", "")
	if fmt.Sprint(got["modules"]) != "[map[held:<nil> manner:touches module:dns server:house]]" || len(got["facts"].([]any)) != 2 {
		t.Errorf("%v", got)
	}
	s.want(403, "lead", "POST", kept+"/ask", `{"module":"dns"}`)
	s.want(403, "alfa", "POST", open+"/ask", `{"module":"dns"}`)
	s.want(404, "lead", "POST", open+"/ask", `{"module":"nothing"}`)
	if remote.Count() != 0 {
		t.Errorf("%d questions left", remote.Count())
	}
	said := s.want(200, "lead", "POST", open+"/ask", `{"module":"dns"}`)
	key := said["offers"].([]any)[0].(map[string]any)["key"].(string)
	taken := s.want(200, "lead", "POST", open+"/take", `{"keys":["`+key+`"]}`)
	undo, _ := taken["undo"].(string)
	if taken["done"] != 1.0 || undo == "" {
		t.Errorf("%v", taken)
	}
	s.want(404, "alfa", "POST", open+"/take/undo", `{"undo":"`+undo+`"}`)
	s.want(404, "lead", "POST", kept+"/take/undo", `{"undo":"`+undo+`"}`)
	s.want(422, "lead", "POST", open+"/take/undo", `{"undo":"x"}`)
	if out := s.want(200, "lead", "POST", open+"/take/undo", `{"undo":"`+undo+`"}`); fmt.Sprint(out) != "map[done:1 left:0]" {
		t.Errorf("%v", out)
	}
	s.want(404, "lead", "POST", open+"/take/undo", `{"undo":"`+undo+`"}`)
	s.want(200, "lead", "POST", open+"/take", `{"keys":["`+key+`"]}`)
	if out := s.want(200, "lead", "POST", open+"/take", `{"keys":["`+key+`"]}`); fmt.Sprint(out) != "map[done:0 refused:0 same:1 undo:]" {
		t.Errorf("%v", out)
	}
	s.want(409, "lead", "POST", open+"/take", `{"keys":["0000000000000000"]}`)
	s.want(422, "lead", "POST", open+"/take", `{"keys":[]}`)
	s.want(404, "reader", "GET", "/attributes/"+s.w.DB.NewUUID()+"/known", "")
	detectionByContract(t, s)
	remote.Answer["dns"] = "<html>"
	s.want(503, "lead", "POST", open+"/ask", `{"module":"dns","again":true}`)
}

// detectionByContract: content of every format for who may see the events, with what a
// label keeps here left out.
func detectionByContract(t *testing.T, s *server) {
	t.Helper()
	team := s.w.Person(s.w.CERT, access.Lead, ident.Web)
	for tag, value := range map[string]string{"tlp:green": "leaves.evil.rs", "tlp:red": "stays.evil.rs"} {
		e := inteltest.Event("An event", map[bool]intel.Distribution{true: intel.OwnOrg, false: intel.Community}[tag == "tlp:red"], inteltest.Attr("hostname", value))
		e.Tag, e.Published = []misp.Tag{{Name: misp.T(tag)}}, misp.B(true)
		s.w.Add(team, e)
	}
	for _, f := range detect.Formats() {
		r, res, out := s.site.Call("lead", "GET", "/api/v1/detection/"+f.Name+"?updated_since=2020-01-01T00:00:00Z", "")
		s.contract.Check(t, r, res.StatusCode, res.Header, out)
		body := string(out)
		if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), f.Media) || res.Header.Get("Straza-Export") == "" || strings.Contains(body, "stays.evil") {
			t.Errorf("%s: %d %v %s", f.Name, res.StatusCode, res.Header, body)
		}
		if named := strings.Contains(body, "leaves.evil.rs"); named != slices.Contains([]string{"suricata", "snort", "yara", "yara-json", "sigma", "zeek", "kunai", "rpz", "hosts", "text", "openioc", "stix", "stix-json"}, f.Name) {
			t.Errorf("%s: %s", f.Name, body)
		}
	}
	s.want(404, "lead", "GET", "/detection/nothing", "")
	s.want(422, "lead", "GET", "/detection/zeek?updated_since=x", "")
}
