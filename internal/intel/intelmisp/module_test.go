package intelmisp

import (
	"context"
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/enrich"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/ident"
)

// Modules that are on are listed and asked as in MISP; what a label keeps here is refused
// with words, nothing leaves; who may not ask may not by this door either.
func TestModulesLikeMISP(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ctx, remote := context.Background(), inteltest.NewModules(t)
		keeper := w.Person(w.CERT, access.Admin, ident.Web)
		_, err := w.Enrich.SaveServer(ctx, keeper, "", func(v *enrich.Server) { v.Name, v.URL = "house", remote.URL })
		w.Must(err)
		_, err = w.Enrich.Test(ctx, keeper, "house")
		w.Must(err)
		for _, m := range []string{"dns", "asn"} {
			w.Must(w.Enrich.Setup(ctx, keeper, "house", m, true, enrich.Asks, nil))
		}
		remote.Answer["dns"] = `{"results":[{"types":["ip-dst"],"values":["198.51.100.7","198.51.100.8"]}]}`
		remote.Answer["asn"] = `{"results":{"Object":[{"name":"asn","meta-category":"network","Attribute":[{"type":"AS","object_relation":"asn","value":"64500"}],"ObjectReference":[{"referenced_uuid":"` + enrich.Placeholder + `","relationship_type":"x"}]}]}}`
		list := w.ask("admin", "GET", "/modules/index", "")
		if list.status != 200 || !strings.Contains(list.body, `"name": "dns"`) && !strings.Contains(list.body, `"name":"dns"`) || strings.Contains(list.body, "csvimport") || strings.Contains(list.body, "slow") {
			t.Errorf("%d %s", list.status, list.body)
		}
		team := w.Person(w.CERT, access.Analyst, ident.API)
		e := inteltest.Event("An event", intel.Community, inteltest.Attr("domain", "evil.rs"), inteltest.Attr("domain", "bad.rs"), inteltest.Attr("ip-dst", "203.0.112.9"))
		e.Attribute[1].Tag = []misp.Tag{{Name: misp.T("PAP:RED")}}
		made := w.Add(team, e)
		a := w.ask("admin", "POST", "/events/enrichEvent/"+itoa(made.ID), `{"dns":true,"asn":true,"other":false}`)
		if a.status != 200 || !strings.Contains(a.body, "#2 attributes have been created during the enrichment process. 1 values may not leave") {
			t.Errorf("%d %s", a.status, a.body)
		}
		for _, q := range remote.Asked {
			if q.Value == "bad.rs" {
				t.Error("a value with PAP:RED left")
			}
		}
		view := w.ask("admin", "GET", "/events/view/"+itoa(made.ID), "")
		for _, want := range []string{"198.51.100.8", `"64500"`} {
			if !strings.Contains(view.body, want) {
				t.Errorf("%s is not in the event", want)
			}
		}
		var held, addr string
		w.Must(w.Intel.Attributes(ctx, team, made.UUID, intel.Part{}, func(x *intel.Attribute) error {
			switch x.Value {
			case "bad.rs":
				held = x.UUID
			case "203.0.112.9":
				addr = x.UUID
			}
			return nil
		}))
		if a := w.ask("admin", "POST", "/attributes/enrich/"+held, `{"dns":true}`); a.status != 403 || !strings.Contains(a.body, "may not leave this installation: pap") {
			t.Errorf("%d %s", a.status, a.body)
		}
		if a := w.ask("admin", "POST", "/attributes/enrich/"+addr, `{"asn":true}`); a.status != 200 || !strings.Contains(a.body, "#0 attributes") {
			t.Errorf("%d %s", a.status, a.body)
		}
		q := w.ask("admin", "POST", "/modules/queryEnrichment", `{"module":"asn","attribute":{"type":"ip-dst","value":"203.0.112.9","uuid":"`+addr+`"}}`)
		if q.status != 200 || !strings.Contains(q.body, addr) || strings.Contains(q.body, enrich.Placeholder) {
			t.Errorf("%d %s", q.status, q.body)
		}
		for _, c := range []struct {
			who, path, body string
			status          int
		}{
			{"admin", "/modules/queryEnrichment", `{"module":"dns","domain":"bad.rs"}`, 403}, // it stands in an event that says no
			{"admin", "/modules/queryEnrichment", `{"module":"dns","domain":"fresh.rs"}`, 200},
			{"admin", "/modules/queryEnrichment", `{"module":"dns","md5":"d41d8cd98f00b204e9800998ecf8427e"}`, 400},
			{"admin", "/modules/queryEnrichment", `{"module":"slow","domain":"fresh.rs"}`, 404},
			{"admin", "/modules/queryEnrichment", `[]`, 400},
			{"user", "/modules/queryEnrichment", `{"module":"dns","domain":"fresh.rs"}`, 403},
			{"rokey", "/modules/queryEnrichment", `{"module":"dns","domain":"fresh.rs"}`, 403},
			{"user", "/events/enrichEvent/" + itoa(made.ID), `{"dns":true}`, 404}, // a draft of others
			{"admin", "/events/enrichEvent/" + itoa(made.ID), `{"nothing":true}`, 404},
			{"admin", "/events/enrichEvent/999999", `{"dns":true}`, 404},
			{"readonly", "/attributes/enrich/" + addr, `{"dns":true}`, 403},
		} {
			if a := w.ask(c.who, "POST", c.path, c.body); a.status != c.status {
				t.Errorf("%s %s %s: %d %s", c.who, c.path, c.body, a.status, a.body)
			}
		}
		if a := w.ask("user", "GET", "/modules/index", ""); a.status != 403 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}
