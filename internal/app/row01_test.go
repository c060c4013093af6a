package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"straza/internal/kernel/web"
)

// acts are what stands for {act} in a pattern: not an id, but a word.
var acts = map[string][]string{
	"/administration/people/{uuid}/{act}":                     {"disable", "enable", "invite", "roles", "reset", "second", "end"},
	"/portal/people/{uuid}/{act}":                             {"disable", "enable", "invite", "roles", "reset", "second", "end", "role"},
	"/console/rules/{rule}/{act}":                             {"on", "off", "remove", "restore"},
	"/account/alerts/{rule}/{act}":                            {"on", "off", "remove", "restore"},
	"/console/groups/{group}/{act}":                           {"on", "off", "member", "drop", "delete"},
	"/console/dossiers/{dossier}/{act}":                       {"add", "drop", "delete"},
	"/portal/dossiers/{dossier}/{act}":                        {"add", "drop", "delete"},
	"/console/imports/{upload}/{act}":                         {"import", "drop", "undo"},
	"/portal/imports/{upload}/{act}":                          {"import", "drop", "undo"},
	"/portal/groups/{group}/{act}":                            {"on", "off", "member", "drop", "delete"},
	"/console/feeds/{feed}/{act}":                             {"fetch", "cache", "delete"},
	"/administration/feeds/{feed}/{act}":                      {"fetch", "cache", "delete"},
	"/console/modules/{server}/{act}":                         {"test", "delete"},
	"/administration/modules/{server}/{act}":                  {"test", "delete"},
	"/administration/requests/{request}/{act}":                {"accept", "discard"},
	"/console/peers/{peer}/{act}":                             {"test", "pull", "push", "delete"},
	"/console/taxii/{server}/{act}":                           {"look", "choose", "poll", "delete"},
	"/administration/peers/{peer}/{act}":                      {"test", "pull", "push", "delete"},
	"/administration/taxii/{server}/{act}":                    {"look", "choose", "poll", "delete"},
	"/administration/jobs/{id}/{act}":                         {"retry", "drop", "again"},
	"/console/reports/{number}/{act}":                         {"take", "accept", "reject", "duplicate", "handover", "undo", "return", "close"},
	"/console/cases/{number}/do/{act}":                        {"take", "undo", "move", "assign", "task.done", "task.drop", "note.add", "entry.add", "link", "org.add", "party.add", "write", "split"},
	"/console/events/{id}/attributes/{attribute}/do/{act}":    {"delete", "restore", "sight", "tag", "untag"},
	"/portal/events/{id}/attributes/{attribute}/do/{act}":     {"delete", "restore", "sight", "tag", "untag"},
	"/console/events/{id}/reports/{report}/do/{act}":          {"delete", "restore"},
	"/portal/events/{id}/reports/{report}/do/{act}":           {"delete", "restore"},
	"/console/events/{id}/said/{kind}/{remark}/of/{of}/{act}": {"save", "delete"},
	"/portal/events/{id}/said/{kind}/{remark}/of/{of}/{act}":  {"save", "delete"},
	"/console/reports/{number}/files/{id}":                    nil,
}

// TestRow01ParentOfAChildOfB is row 1 on every door of the table: the parent of A with
// the child of B, B's things in the place of A's in every address, and every id of B in
// every field of every form that A is offered and of every body of the interface.
// Nothing of B's changes, nothing is hung onto B's, and no address answers.
func TestRow01ParentOfAChildOfB(t *testing.T) {
	if testing.Short() {
		t.Skip("crosses every id with every door")
	}
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		lead, other := w.person("lead", "CERT A"), w.person("analyst", "CERT B")
		boss, stranger := w.person("org-admin", "Banka"), w.person("member", "Elektra")
		w.furnish(lead, "k-ours")
		w.furnish(other, "k-theirs")
		w.furnish(boss, "k-bank")
		w.furnish(stranger, "k-mill")
		for _, pair := range [][2]*persona{{lead, other}, {boss, stranger}} {
			x := newCrossing(w, pair[0], pair[1])
			if len(x.theirs) < 4 {
				t.Fatalf("%s has only %d things that %s does not see: this proves nothing", pair[1].name, len(x.theirs), pair[0].name)
			}
			x.paths()
			x.forms()
			x.bodies()
			t.Logf("%s against %d ids of %s: %d requests through %d doors and forms", pair[0].name, len(x.theirs), pair[1].name, x.asked, x.doors)
			if x.asked < 200 {
				t.Error("hardly anything was crossed")
			}
		}
	})
}

// crossing is one who tries the ids of another.
type crossing struct {
	w            *world
	a            *persona
	mine, theirs map[string]bool
	alone        map[string]bool // what A sees and B does not: a row that names it is A's
	before       map[string]int
	opened       map[string][]string // by the head of an address: see parents
	asked, doors int
}

func newCrossing(w *world, a, b *persona) *crossing {
	x := &crossing{w: w, a: a, mine: w.sees(a), theirs: w.sees(b), alone: map[string]bool{}, before: w.rows()}
	for id := range x.mine {
		if !x.theirs[id] {
			x.alone[id] = true
		}
		delete(x.theirs, id)
	}
	for row := range x.before { // the number of a thing whose uuid A sees is no secret of B's
		if m := named.FindStringSubmatch(row); m != nil && x.mine[m[2]] {
			delete(x.theirs, m[1])
		}
	}
	return x
}

var named = regexp.MustCompile(`^\S+ \[(\d{12,16}),"([0-9a-f-]{36})"`)

func (x *crossing) foreign() []string { return slices.Sorted(maps.Keys(x.theirs)) }

// guard runs one batch of requests and wants B's rows as they were.
func (x *crossing) guard(what string, batch func()) {
	x.w.t.Helper()
	x.doors++
	batch()
	after := x.w.rows()
	for row, n := range x.before {
		if after[row] < n && x.names(row) != "" {
			x.w.wrong("%s as %s changed a row of another's %s:\n %.300s", what, x.a.name, x.names(row), row)
		}
	}
	for row, n := range after {
		if n > x.before[row] && x.numbers(row) != "" {
			x.w.wrong("%s as %s hung a row onto another's %s:\n %.300s", what, x.a.name, x.numbers(row), row)
		}
	}
	x.before = after
}

// names gives an id of B that a row holds; a row that names something of A's alone is A's.
func (x *crossing) names(row string) string {
	for _, id := range ids.FindAllString(row, -1) {
		if x.alone[id] {
			return ""
		}
	}
	for _, id := range ids.FindAllString(row, -1) {
		if x.theirs[id] {
			return id
		}
	}
	return ""
}

var number = regexp.MustCompile(`[\[,](\d{12,16})`)

// numbers gives an id of B that a row holds as a number: what was typed is a text.
func (x *crossing) numbers(row string) string {
	for _, m := range number.FindAllStringSubmatch(row, -1) {
		if x.theirs[m[1]] {
			return m[1]
		}
	}
	return ""
}

// paths crosses the parameters of every address.
func (x *crossing) paths() {
	x.w.t.Helper()
	for _, r := range x.w.h.mux.Routes() {
		ps := params(r)
		if len(ps) == 0 || !r.Policy.Allow(x.a.who) || r.Policy.Name == web.Public.Name {
			continue
		}
		words := []string{"1"}
		if ps[len(ps)-1] == "act" {
			words = acts[r.Pattern]
			if len(words) == 0 {
				x.w.t.Fatalf("what stands for {act} in %s?", r.Pattern)
			}
			ps = ps[:len(ps)-1]
		}
		x.guard(r.Method+" "+r.Pattern, func() {
			for _, id := range x.foreign() {
				for _, word := range words {
					for _, values := range x.crossed(r, ps, id) {
						x.refused(r, path(r, append(values, word)...))
					}
				}
			}
		})
	}
}

// kindIn is what stands for {kind} in a pattern.
func kindIn(pattern string) string {
	switch {
	case strings.Contains(pattern, "/said/"):
		return "Note"
	case strings.Contains(pattern, "/parts/"):
		return "task"
	}
	return "1"
}

// crossed gives the values of the parameters with B's id in each place, A's own beside it.
func (x *crossing) crossed(r web.Route, names []string, id string) (out [][]string) {
	fill := func(at int, own string) []string {
		values := make([]string, len(names))
		for i, name := range names {
			switch {
			case name == "kind" && len(names) > 1:
				values[i] = kindIn(r.Pattern)
			case i == at || at < 0:
				values[i] = id
			default:
				values[i] = own
			}
		}
		return values
	}
	if len(names) > 1 {
		for _, own := range x.parents(r) {
			for at, name := range names {
				if name != "kind" {
					out = append(out, fill(at, own))
				}
			}
		}
	}
	return append(out, fill(-1, ""))
}

// parents are things of A that the address before the second parameter opens; two of each are enough.
func (x *crossing) parents(r web.Route) []string {
	head, _, _ := strings.Cut(r.Pattern, "{"+params(r)[0]+"}")
	if out, known := x.opened[head]; known {
		return out
	}
	out := []string{}
	for _, id := range slices.Sorted(maps.Keys(x.mine)) {
		if len(out) < 2 && x.w.send(x.a, "GET", head+id, "", "").Code == http.StatusOK {
			out = append(out, id)
		}
	}
	if x.opened == nil {
		x.opened = map[string][]string{}
	}
	x.opened[head] = out
	return out
}

func (x *crossing) refused(r web.Route, path string) {
	x.w.t.Helper()
	x.asked++
	rec := x.w.send(x.a, r.Method, path, "version=1&title=x&note_body=x&reason=podmetnuto&to=new", `{}`)
	if rec.Code < 400 && !strings.HasPrefix(rec.Header().Get("Location"), "/account/confirm") {
		x.w.wrong("%s %s with an id of another as %s: %s", r.Method, path, x.a.name, x.w.describe(rec))
	}
	if rec.Code >= 500 {
		x.w.wrong("%s %s: %d", r.Method, path, rec.Code)
	}
}

// refers tells whether a field names a thing: what is chosen or hidden, and the few
// where people type a number or a name of one.
func (f field) refers() bool {
	switch f.kind {
	case "select", "radio", "checkbox":
		return slices.ContainsFunc(f.options, ids.MatchString)
	case "hidden":
		return f.name != "version" && f.name != "back" && f.name != "secret"
	}
	return slices.Contains([]string{"id", "org", "of", "into", "from", "to", "merge_from", "link_other", "org_org", "party_org", "organisation", "lead", "event", "task", "entry", "party", "link"}, f.name)
}

// forms puts B's ids into every field of every form that A is offered, one at a time.
func (x *crossing) forms() {
	x.w.t.Helper()
	for _, s := range x.w.harvest(x.a) {
		if s.method != http.MethodPost || strings.HasPrefix(s.action, "/login") || strings.HasPrefix(s.action, "/account/password") || s.action == "/logout" {
			continue
		}
		x.guard("the form "+s.action, func() {
			for _, f := range append(s.fields, field{name: "id"}, field{name: "party"}, field{name: "task"}) {
				if !f.refers() {
					continue
				}
				for _, id := range x.foreign() {
					v := s.values()
					v.Set(f.name, id)
					x.asked++
					if rec := x.w.do(x.a, "POST", s.action, v.Encode()); rec.Code >= 500 {
						x.w.wrong("%s with %s=%s: %d", s.action, f.name, id, rec.Code)
					}
				}
			}
		})
	}
}

// bodies puts B's ids into every property of every body that the contract knows.
func (x *crossing) bodies() {
	x.w.t.Helper()
	var doc map[string]any
	must(x.w.t, json.Unmarshal(x.w.do(nil, "GET", "/api/v1/openapi.json", "").Body.Bytes(), &doc))
	for _, r := range x.w.h.mux.Routes() {
		if !strings.HasPrefix(r.Pattern, "/api/") || r.Method == http.MethodGet || !r.Policy.Allow(x.a.who) {
			continue
		}
		names := properties(doc, r)
		var at [][]string
		switch n := len(params(r)); n {
		case 0:
			at = [][]string{nil}
		case 1:
			for _, own := range x.parents(r) {
				at = append(at, []string{own})
			}
		}
		x.guard("the body of "+r.Method+" "+r.Pattern, func() {
			for _, values := range at {
				for _, name := range names {
					for _, id := range x.foreign() {
						x.asked++
						body := fmt.Sprintf(`{%q:%q,"version":1}`, name, id)
						if strings.HasSuffix(r.Pattern, "/undo") || strings.HasSuffix(r.Pattern, "/import") || name == "organisations" {
							body = fmt.Sprintf(`{%q:[%q]}`, name, id)
						}
						if rec := x.w.withKey(x.a.key, r.Method, path(r, values...), body); rec.Code >= 500 {
							x.w.wrong("%s %s %s: %d", r.Method, r.Pattern, body, rec.Code)
						}
					}
				}
			}
		})
	}
}

// properties are the names that a route's JSON body may have.
func properties(doc map[string]any, r web.Route) (out []string) {
	dig := func(v any, keys ...string) any {
		for _, k := range keys {
			m, _ := v.(map[string]any)
			v = m[k]
			if ref, ok := v.(map[string]any)["$ref"].(string); ok {
				v = doc
				for _, step := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
					v = v.(map[string]any)[step]
				}
			}
		}
		return v
	}
	defer func() { _ = recover() }() // a route without a JSON body has no such path
	props, _ := dig(doc, "paths", r.Pattern, strings.ToLower(r.Method), "requestBody", "content", "application/json", "schema", "properties").(map[string]any)
	return slices.Sorted(maps.Keys(props))
}
