package intelapi_test

import (
	"context"
	"fmt"
	"testing"

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
	if out := s.want(200, "lead", "POST", open+"/take", `{"keys":["`+key+`"]}`); fmt.Sprint(out) != "map[done:1 refused:0 same:0]" {
		t.Errorf("%v", out)
	}
	if out := s.want(200, "lead", "POST", open+"/take", `{"keys":["`+key+`"]}`); fmt.Sprint(out) != "map[done:0 refused:0 same:1]" {
		t.Errorf("%v", out)
	}
	s.want(409, "lead", "POST", open+"/take", `{"keys":["0000000000000000"]}`)
	s.want(422, "lead", "POST", open+"/take", `{"keys":[]}`)
	s.want(404, "reader", "GET", "/attributes/"+s.w.DB.NewUUID()+"/known", "")
	remote.Answer["dns"] = "<html>"
	s.want(503, "lead", "POST", open+"/ask", `{"module":"dns","again":true}`)
}
