package enrich_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"straza/internal/format/expansion"
	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/intel/enrich"
	"straza/internal/intel/inteltest"
	"straza/internal/kernel/access"
	"straza/internal/kernel/clock"
	"straza/internal/kernel/fault"
	"straza/internal/kernel/ident"
	"straza/internal/kernel/outbound"
	"straza/internal/kernel/store"
	"straza/internal/testkit"
)

var ctx = context.Background()

type world struct {
	*inteltest.World
	s      *enrich.Service
	remote *inteltest.Modules
	url    string
	admin  ident.Actor
	lead   ident.Actor
	team   ident.Actor
	member ident.Actor
	server enrich.Server
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	testkit.Each(t, func(t *testing.T, db *store.DB, now *clock.Moved) {
		w := &world{World: inteltest.New(t, db), remote: inteltest.NewModules(t)}
		w.url = w.remote.URL
		w.s = enrich.New(enrich.Deps{DB: db, Audit: testkit.Audit(db), Intel: w.Intel, Lists: w.Lists, Registry: w.Registry, Keys: testkit.Vault(t),
			World: outbound.New(outbound.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, NoRedirects: true, MaxBytes: 2 * expansion.MaxAnswer})})
		w.admin, w.lead = w.Person(w.CERT, access.Admin, ident.Web), w.Person(w.CERT, access.Lead, ident.Web)
		w.team, w.member = w.Person(w.CERT, access.Analyst, ident.Web), w.Person(w.A, access.Member, ident.Web)
		fn(t, w)
	})
}

// on enters the server and switches its modules on.
func (w *world) on(manner enrich.Manner, names ...string) {
	w.T.Helper()
	v, err := w.s.SaveServer(ctx, w.admin, "", func(v *enrich.Server) { v.Name, v.URL, v.Patience = "house", w.url, 1 })
	w.Must(err)
	w.server, err = w.s.Test(ctx, w.admin, v.UUID)
	w.Must(err)
	if w.server.Fault != "" {
		w.T.Fatal(w.server.Fault)
	}
	for _, n := range names {
		w.Must(w.s.Setup(ctx, w.admin, v.UUID, n, true, manner, nil))
	}
}

func (w *world) event(who ident.Actor, tags string, attrs ...misp.Attribute) (intel.Event, []intel.Attribute) {
	w.T.Helper()
	e := inteltest.Event("An event", intel.Community, attrs...)
	for t := range strings.FieldsSeq(tags) {
		e.Tag = append(e.Tag, misp.Tag{Name: misp.T(t)})
	}
	got := w.Add(who, e)
	return got, w.attributes(who, got.UUID)
}

func (w *world) attributes(who ident.Actor, event string) (out []intel.Attribute) {
	w.T.Helper()
	w.Must(w.Intel.SearchAttributes(ctx, who, intel.Query{Events: []string{event}, WithTags: true}, func(a *intel.Attribute) error {
		out = append(out, *a)
		return nil
	}))
	slices.SortFunc(out, func(a, b intel.Attribute) int { return strings.Compare(a.Type+a.Value, b.Type+b.Value) })
	return out
}

func key(err error) string {
	f := fault.Of(err)
	if f == nil {
		return fmt.Sprint(err)
	}
	for _, k := range f.Fields {
		return k
	}
	return f.Key
}

func facts(list []enrich.Fact) (out []string) {
	for _, f := range list {
		out = append(out, strings.TrimSpace(f.Kind+" "+f.Value+f.Say+" "+f.Detail))
	}
	return out
}

func offers(list []enrich.Offer) (out []string) {
	for _, o := range list {
		out = append(out, strings.TrimSpace(o.Kind+" "+o.Type+" "+o.Value+o.Text))
	}
	return out
}

func TestKnown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		rep, err := w.s.ImportOrigins(ctx, w.admin, "networks", "x.tsv", strings.NewReader("203.0.112.0\t203.0.112.255\t64500\tRS\tPRIMER-AS Primer d.o.o.\nnonsense\t\n2a00::/16\t64501\tDE\tBeispiel\n"))
		if err != nil || rep.Networks != 2 || rep.Unread != 1 || !slices.Equal(rep.Lines, []int{2}) {
			t.Fatalf("%+v, %v", rep, err)
		}
		_, err = w.Registry.AddResource(ctx, ident.SystemPart("setup"), w.A.UUID, 0, "network", "203.0.112.0/25", "")
		if err != nil {
			o, gerr := w.Registry.Get(ctx, ident.SystemPart("setup"), w.A.UUID)
			w.Must(gerr)
			_, err = w.Registry.AddResource(ctx, ident.SystemPart("setup"), w.A.UUID, o.Version, "network", "203.0.112.0/25", "")
		}
		w.Must(err)
		got, off, err := w.s.Known(ctx, w.team, "ip-dst|port", "203.0.112.7|443")
		w.Must(err)
		if diff := cmp.Diff([]string{"network 203.0.112.0/24 networks", "system AS64500 PRIMER-AS Primer d.o.o.", "country RS networks", "ours Alfa 203.0.112.0/25"}, facts(got)); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"attribute AS 64500", "comment  AS64500 PRIMER-AS Primer d.o.o.; RS"}, offers(off)); diff != "" {
			t.Error(diff)
		}
		got, _, err = w.s.Known(ctx, w.Person(w.B, access.Member, ident.Web), "ip-dst", "203.0.112.7")
		w.Must(err)
		if strings.Contains(strings.Join(facts(got), "\n"), "ours") {
			t.Errorf("a member is told whose network it is: %q", facts(got))
		}
		// the table is replaced as a whole, and the one before is out of force at once
		_, err = w.s.ImportOrigins(ctx, w.admin, "networks", "y.csv", strings.NewReader("203.0.112.0/24,64999,FR,Autre"))
		w.Must(err)
		got, _, err = w.s.Known(ctx, w.team, "ip-src", "203.0.112.200")
		w.Must(err)
		if diff := cmp.Diff([]string{"network 203.0.112.0/24 networks", "system AS64999 Autre", "country FR networks"}, facts(got)); diff != "" {
			t.Error(diff)
		}
		if _, err := w.s.ImportOrigins(ctx, w.admin, "networks", "z", strings.NewReader("no table at all\n")); key(err) != "intel.fault.table" {
			t.Errorf("%v", err)
		}
		list, err := w.s.OriginTables(ctx, w.team)
		if err != nil || len(list) != 1 || list[0].Source != "y.csv" || list[0].Entries != 1 {
			t.Errorf("a table that is none replaced one: %+v, %v", list, err)
		}
		if _, err := w.s.ImportOrigins(ctx, w.team, "networks", "z", strings.NewReader("203.0.112.0/24,1,FR,X")); !fault.Is(err, fault.Denied) {
			t.Errorf("%v", err)
		}
		w.Must(w.s.DropOrigins(ctx, w.admin, "networks"))
		if got, _, err = w.s.Known(ctx, w.team, "ip-src", "203.0.112.200"); err != nil || len(got) != 0 {
			t.Errorf("%q, %v", facts(got), err)
		}
	})
}

func TestAskAndTake(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.on(enrich.Asks, "dns", "asn")
		w.Must(w.s.Setup(ctx, w.admin, "house", "dns", true, "", map[string]string{"nameserver": "secret-word"}))
		w.remote.Answer["dns"] = `{"results":[{"types":["ip-dst","ip-src"],"values":["198.51.100.7","no address"],"comment":"now"},{"types":["freetext"],"values":"see hxxp://a[.]evil[.]rs/x"}]}`
		w.remote.Answer["asn"] = `{"results":{"Attribute":[{"type":"ip-dst","value":"203.0.112.9","uuid":"` + enrich.Placeholder + `","Tag":[{"name":"seen:before"}]}],
			"Object":[{"name":"asn","meta-category":"network","uuid":"11111111-1111-4111-8111-111111111111","Attribute":[{"type":"AS","object_relation":"asn","value":"64500","uuid":"22222222-2222-4222-8222-222222222222"}],
			"ObjectReference":[{"referenced_uuid":"` + enrich.Placeholder + `","relationship_type":"announces"},{"referenced_uuid":"33333333-3333-4333-8333-333333333333","relationship_type":"related-to"}]}]}}`
		e, attrs := w.event(w.team, "tlp:green", inteltest.Attr("domain", "evil.rs"), inteltest.Attr("ip-dst", "203.0.112.9"))
		name, addr := attrs[0], attrs[1]

		g, err := w.s.Ask(ctx, w.team, enrich.Question{Attribute: name.UUID, Module: "dns"})
		w.Must(err)
		if diff := cmp.Diff([]string{"attribute ip-dst 198.51.100.7", "attribute url http://a.evil.rs/x"}, offers(g.Offers)); diff != "" || g.Skipped != 1 {
			t.Errorf("%d skipped: %s", g.Skipped, diff)
		}
		if q := w.remote.Asked[0]; q.UUID != enrich.Placeholder || q.Value != "evil.rs" || w.remote.Config[0]["nameserver"] != "secret-word" || strings.Contains(w.remote.Bodies[0], name.UUID) {
			t.Errorf("asked %s", w.remote.Bodies[0])
		}
		again, err := w.s.Ask(ctx, w.team, enrich.Question{Attribute: name.UUID, Module: "dns"})
		if err != nil || !again.Before || w.remote.Count() != 1 {
			t.Errorf("asked %d times: %+v, %v", w.remote.Count(), again, err)
		}
		_, err = w.s.Ask(ctx, w.team, enrich.Question{Attribute: addr.UUID, Module: "asn"})
		w.Must(err)

		sheets, err := w.s.Sheets(ctx, w.team, e.UUID, []string{name.UUID, addr.UUID})
		w.Must(err)
		var picks []enrich.Pick
		for _, x := range sheets {
			for _, a := range x.Answers {
				for _, o := range a.Offers {
					picks = append(picks, enrich.Pick{Attribute: x.Attribute.UUID, Key: o.Key})
				}
			}
		}
		if len(picks) != 4 {
			t.Fatalf("%d offers: %+v", len(picks), sheets)
		}
		out, err := w.s.Take(ctx, w.team, e.UUID, picks)
		if err != nil || out.Done != 4 || out.Undo == 0 {
			t.Fatalf("%+v, %v", out, err)
		}
		var have []string
		for _, a := range w.attributes(w.team, e.UUID) {
			have = append(have, fmt.Sprint(a.Type, " ", a.Value, " ", a.Comment, len(a.Tags)))
		}
		if diff := cmp.Diff([]string{"AS 64500 0", "domain evil.rs 0", "ip-dst 198.51.100.7 now0", "ip-dst 203.0.112.9 1", "url http://a.evil.rs/x 0"}, have); diff != "" {
			t.Error(diff)
		}
		var refs []string
		w.Must(w.Intel.Objects(ctx, w.team, e.UUID, intel.Part{}, func(o *intel.Object) error {
			if o.UUID == "11111111-1111-4111-8111-111111111111" {
				t.Error("a stranger named our object")
			}
			for _, r := range o.References {
				refs = append(refs, r.Relationship+" "+r.TargetUUID)
			}
			return nil
		}))
		if diff := cmp.Diff([]string{"announces " + addr.UUID}, refs); diff != "" {
			t.Error(diff)
		}
		// the same again is nothing new; somebody who may not change the event is refused
		if out, err := w.s.Take(ctx, w.team, e.UUID, picks); err != nil || out.Done != 0 || out.Undo != 0 {
			t.Errorf("%+v, %v", out, err)
		}
		w.undone(t, e, out.Undo)
	})
}

// undone takes back what was taken over; only its maker can, and once.
func (w *world) undone(t *testing.T, e intel.Event, undo int64) {
	t.Helper()
	if _, _, err := w.s.Undo(ctx, w.lead, e.UUID, undo); !fault.Is(err, fault.NotFound) {
		t.Errorf("somebody else took it back: %v", err)
	}
	var url intel.Attribute
	for _, a := range w.attributes(w.team, e.UUID) {
		if a.Type == "url" {
			url = a
		}
	}
	_, err := w.Intel.EditAttribute(ctx, w.team, url.UUID, misp.Attribute{Comment: misp.T("worked on"), Timestamp: misp.N(url.Timestamp + 5)})
	w.Must(err)
	done, left, err := w.s.Undo(ctx, w.team, e.UUID, undo)
	if err != nil || done != 3 || left != 1 {
		t.Errorf("%d done, %d left, %v", done, left, err)
	}
	var have []string
	for _, a := range w.attributes(w.team, e.UUID) {
		have = append(have, fmt.Sprint(a.Type, " ", a.Value, " ", len(a.Tags)))
	}
	if diff := cmp.Diff([]string{"domain evil.rs 0", "ip-dst 203.0.112.9 0", "url http://a.evil.rs/x 0"}, have); diff != "" {
		t.Error(diff)
	}
	if _, _, err := w.s.Undo(ctx, w.team, e.UUID, undo); !fault.Is(err, fault.NotFound) {
		t.Errorf("taken back twice: %v", err)
	}
}

// TestHeld: nothing reaches the server when a label, PAP or the registry says no, and the
// log says so.
func TestHeld(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.on(enrich.Touches, "dns")
		w.Must(w.s.Setup(ctx, w.admin, "house", "tables", true, enrich.Inside, nil))
		w.remote.Answer["dns"], w.remote.Answer["tables"] = `{"results":[]}`, `{"results":[]}`
		o, err := w.Registry.Get(ctx, ident.SystemPart("setup"), w.B.UUID)
		w.Must(err)
		_, err = w.Registry.AddResource(ctx, ident.SystemPart("setup"), w.B.UUID, o.Version, "domain", "beta.rs", "")
		w.Must(err)
		for i, c := range []struct{ tags, own, value, module, want string }{
			{"tlp:clear", "", "evil.rs", "dns", ""},
			{"tlp:green", "", "evil.rs", "dns", ""},
			{"", "", "evil.rs", "dns", ""}, // the policy's GREEN
			{"tlp:amber", "", "evil.rs", "dns", "tlp.held.named_ones"},
			{"tlp:amber+strict", "", "evil.rs", "dns", "tlp.held.named_orgs"},
			{"tlp:red", "", "evil.rs", "dns", "tlp.held.persons"},
			{"tlp:clear PAP:RED", "", "evil.rs", "dns", "intel.held.pap"},
			{"tlp:clear PAP:AMBER", "", "evil.rs", "dns", "intel.held.pap"},
			{"tlp:clear PAP:GREEN", "", "evil.rs", "dns", ""},
			{"tlp:clear", "tlp:red", "evil.rs", "dns", "tlp.held.persons"}, // the attribute's own label
			{"tlp:clear", "PAP:RED", "evil.rs", "dns", "intel.held.pap"},
			{"tlp:clear", "", "mail.beta.rs", "dns", "intel.held.ours"},
			{"tlp:amber PAP:RED", "", "mail.beta.rs", "tables", ""},
			{"tlp:red", "", "evil.rs", "tables", "tlp.held.persons"},
		} {
			a := inteltest.Attr("domain", strconv.Itoa(i)+"."+c.value)
			if c.own != "" {
				a.Tag = []misp.Tag{{Name: misp.T(c.own)}}
			}
			_, attrs := w.event(w.team, c.tags, a)
			before := w.remote.Count()
			_, err := w.s.Ask(ctx, w.team, enrich.Question{Attribute: attrs[0].UUID, Module: c.module})
			if (err == nil) != (c.want == "") || err != nil && key(err) != c.want {
				t.Errorf("%d %s %s: %v", i, c.tags, c.own, err)
			}
			if sent := w.remote.Count() - before; (sent == 1) != (c.want == "") {
				t.Errorf("%d %s %s: %d questions left", i, c.tags, c.own, sent)
			}
			list, err := w.s.Choices(ctx, w.team, enrich.Question{Attribute: attrs[0].UUID})
			w.Must(err)
			for _, x := range list {
				if x.Module == c.module && x.Held != c.want {
					t.Errorf("%d: the page says %q", i, x.Held)
				}
			}
		}
		// a lead may ask about the constituency's own; a bare value carries the strictest label of where it stands
		if _, err := w.s.Ask(ctx, w.lead, enrich.Question{Type: "domain", Value: "www.beta.rs", Module: "dns"}); err != nil {
			t.Error(err)
		}
		if _, err := w.s.Ask(ctx, w.team, enrich.Question{Type: "domain", Value: "5.evil.rs", Module: "dns"}); key(err) != "tlp.held.persons" {
			t.Error(err)
		}
		if _, err := w.s.Ask(ctx, w.team, enrich.Question{Type: "domain", Value: "fresh.evil.rs", Module: "dns"}); err != nil {
			t.Error(err)
		}
		for who, actor := range map[string]ident.Actor{"member": w.member, "administrator": w.admin} {
			if _, err := w.s.Ask(ctx, actor, enrich.Question{Type: "domain", Value: "fresh.evil.rs", Module: "dns"}); !fault.Is(err, fault.Denied) {
				t.Errorf("%s: %v", who, err)
			}
		}
	})
}

// TestFaults: whatever the other side does ends in words about it, in time, and nothing is kept.
func TestFaults(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.on(enrich.Asks, "bad", "slow", "dns")
		ask := func(module string) error {
			_, err := w.s.Ask(ctx, w.team, enrich.Question{Type: "domain", Value: "evil.rs", Module: module, Again: true})
			return err
		}
		for name, c := range map[string]struct {
			body   string
			status int
			want   string
		}{
			"a page":        {"<html>", 0, expansion.NotJSON},
			"cut off":       {`{"results":[`, 0, expansion.NotJSON},
			"deep":          {strings.Repeat("[", 1000), 0, expansion.TooDeep},
			"huge":          {`{"results":"` + strings.Repeat("x", expansion.MaxAnswer+10) + `"}`, 0, expansion.TooLarge},
			"wrong types":   {`{"results":{"Attribute":[{"value":{"x":[]}}]}}`, 0, expansion.Strange},
			"another thing": {`{"version":1}`, 0, expansion.Strange},
			"500":           {"", 500, "intel.fault.module-status"},
		} {
			w.remote.Says("bad", c.body, c.status)
			if err := ask("bad"); key(err) != c.want || !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := ask("slow"); key(err) != "intel.fault.module-late" {
			t.Errorf("slow: %v", err)
		}
		w.remote.Says("dns", `{"error":"Misperrors: no such domain"}`, 0)
		g, err := w.s.Ask(ctx, w.team, enrich.Question{Type: "domain", Value: "evil.rs", Module: "dns"})
		if err != nil || g.Said != "Misperrors: no such domain" || len(g.Offers) != 0 {
			t.Errorf("%+v, %v", g, err)
		}
		if err := ask("csvimport"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a module that is off: %v", err)
		}
		w.Must(w.s.Setup(ctx, w.admin, "house", "bad", false, "", nil))
		if err := ask("bad"); key(err) != "intel.fault.no-module" {
			t.Errorf("switched off: %v", err)
		}
		v, err := w.s.SaveServer(ctx, w.admin, "house", func(v *enrich.Server) { v.URL = "http://127.0.0.1:1" })
		if err != nil || len(v.Modules) != 0 {
			t.Errorf("another machine inherits what was decided: %+v, %v", v, err)
		}
		if v, err = w.s.Test(ctx, w.admin, "house"); err != nil || v.Fault != "intel.fault.module-silent" {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

// TestModulesRedirect: a value that is asked about goes to the server that was decided on
// and nowhere else, whatever kind of redirect it answers with.
func TestModulesRedirect(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		away := testkit.NewAstray(t)
		w.on(enrich.Asks, "bad")
		for _, turn := range away.Turns("/query") {
			w.remote.To = turn.To
			w.remote.Says("bad", "", turn.Status)
			before := w.remote.Count()
			_, err := w.s.Ask(ctx, w.team, enrich.Question{Type: "domain", Value: "evil.rs", Module: "bad", Again: true})
			if key(err) != "intel.fault.module-status" || !fault.Is(err, fault.Unavailable) || w.remote.Count() != before+1 {
				t.Errorf("%d to %s: asked %d times, %v", turn.Status, turn.To, w.remote.Count()-before, err)
			}
		}
		away.Unseen(t)
	})
}

// TestAnswersStayWithWhoAsked: another organisation sees neither the answer nor that it
// was asked.
func TestAnswersStayWithWhoAsked(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.on(enrich.Asks, "dns")
		w.remote.Answer["dns"] = `{"results":[{"types":["ip-dst"],"values":["198.51.100.7"]}]}`
		e := inteltest.Event("shared", intel.Community, inteltest.Attr("domain", "evil.rs"))
		e.Published, e.Tag = misp.B(true), []misp.Tag{{Name: misp.T("tlp:green")}}
		made := w.Add(w.team, e)
		a := w.attributes(w.team, made.UUID)[0]
		_, err := w.s.Ask(ctx, w.team, enrich.Question{Attribute: a.UUID, Module: "dns"})
		w.Must(err)
		other := w.Person(w.CERT2, access.Analyst, ident.Web)
		for name, c := range map[string]struct {
			who  ident.Actor
			want int
		}{"who asked": {w.team, 1}, "a colleague": {w.lead, 1}, "another CERT": {other, 0}, "a member": {w.member, 0}} {
			sheets, err := w.s.Sheets(ctx, c.who, made.UUID, []string{a.UUID})
			if err != nil || len(sheets) != 1 || len(sheets[0].Answers) != c.want {
				t.Errorf("%s: %+v, %v", name, sheets, err)
			}
		}
		if _, err := w.s.Take(ctx, other, made.UUID, []enrich.Pick{{Attribute: a.UUID, Key: "x"}}); !fault.Is(err, fault.Denied) {
			t.Errorf("another's event was changed: %v", err)
		}
		if _, err := w.s.Take(ctx, w.team, made.UUID, []enrich.Pick{{Attribute: a.UUID, Key: "x"}}); key(err) != "intel.fault.enrich-gone" {
			t.Errorf("%v", err)
		}
		if _, err := w.s.Ask(ctx, other, enrich.Question{Attribute: a.UUID, Module: "dns"}); err != nil || w.remote.Count() != 2 {
			t.Errorf("another's answer was used: %d, %v", w.remote.Count(), err)
		}
	})
}
