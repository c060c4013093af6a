package app

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"straza/internal/format/misp"
	"straza/internal/intel"
	"straza/internal/registry"
)

// triggers begin what a spreadsheet would run.
var triggers = []string{"=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", `=HYPERLINK("http://x.example")`, "=cmd|' /C calc'!A0", "-2+3+cmd", "+381 11 x", "@x", "= 1", "'=1", "=", "@", `"=1"`, ";=1", "+А", "-Ђ"}

// plainNumber is a cell that begins like a formula and is none.
var plainNumber = regexp.MustCompile(`^[-+][0-9.,]+$`)

// TestRow27EveryExport is row 27: whatever names, titles, notes and values begin with,
// no cell of any export of the table of doors begins with what a spreadsheet runs.
func TestRow27EveryExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, lead := context.Background(), w.person("lead", "CERT A")
	put := map[string]bool{}
	for _, s := range triggers {
		o, err := w.h.Registry.Add(ctx, lead.who, registry.Draft{Name: s + "x", Kind: "company", Aliases: []string{s + "alias"}, Seat: s + "seat", Note: s + "note"})
		if err == nil {
			put["organisation"] = true
			w.refs = append(w.refs, o.UUID)
		}
		if rec := w.withKey(lead.key, "POST", "/api/v1/cases", fmt.Sprintf(`{"title":%q,"summary":%q,"tags":[%q]}`, s, s, s)); rec.Code < 300 {
			put["case"] = true
		}
		e := &misp.Event{Info: misp.T(s), Distribution: misp.N(int64(intel.OwnOrg)), Attribute: []misp.Attribute{{Type: misp.T("comment"), Value: misp.T(s), Comment: misp.T(s)}, {Type: misp.T("text"), Value: misp.T(s + " text")}}}
		if saved, err := w.h.Intel.AddEvent(ctx, lead.who, intel.FromEvent(e), intel.AddOptions{}); err == nil {
			put["event"] = true
			w.refs = append(w.refs, saved.UUID)
		}
		w.do(lead, "POST", "/console/advisories/new", url.Values{"version": {"0"}, "level": {"low"}, "readers": {"citizens"}, "tlp": {"CLEAR"}, "title": {s}, "lead": {s}, "affects": {"x"}, "steps": {"x"}, "body": {"x"}}.Encode())
		w.withKey("", "POST", "/api/v1/reports", fmt.Sprintf(`{"description":%q,"title":%q,"contact":{"name":%q,"email":"a@b.rs"},"organisation":%q}`, s, s, s, s))
	}
	if len(put) != 3 {
		t.Fatalf("only %v was stored: this proves nothing", put)
	}
	exports, cells := map[string]bool{}, 0
	look := func(where string, b []byte) {
		exports[where] = true
		r := csv.NewReader(bytes.NewReader(b))
		r.FieldsPerRecord, r.LazyQuotes = -1, false
		rows, err := r.ReadAll()
		if err != nil {
			t.Errorf("%s: no CSV: %v", where, err)
		}
		for _, row := range rows {
			for _, cell := range row {
				cells++
				if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) && !plainNumber.MatchString(cell) {
					t.Errorf("%s: a cell begins %.30q", where, cell)
				}
			}
		}
	}
	for _, p := range []*persona{lead, w.person("admin", "CERT A"), w.person("org-admin", "Banka")} {
		for _, r := range w.h.mux.Routes() {
			if r.Method != http.MethodGet {
				continue
			}
			for _, ref := range w.refs {
				at := fillPath(r, ref) + "?format=csv&state="
				rec := w.send(p, "GET", at, "", "")
				csv := strings.HasPrefix(rec.Header().Get("Content-Type"), "text/csv")
				if csv {
					look(kindOf(at)+" by "+p.role, rec.Body.Bytes())
				}
				if len(params(r)) == 0 || rec.Code == http.StatusOK && !csv { // whatever it is about, it is no export
					break
				}
			}
		}
	}
	// MISP's own CSV is read by machines that look for the value itself: a telephone number
	// keeps its plus there (docs/threats.md says so). No browser opens it: it wants a key.
	if raw := w.withKey(lead.key, "POST", "/attributes/restSearch", `{"returnFormat":"csv"}`).Body.String(); !strings.Contains(raw, `"=1+1"`) {
		t.Errorf("MISP's CSV no longer gives values as they are: %.300s", raw)
	}
	if len(exports) < 6 || cells < 500 {
		t.Errorf("only %d exports with %d cells: %v", len(exports), cells, slices.Sorted(maps.Keys(exports)))
	}
	t.Logf("%d cells of %d exports read: %v", cells, len(exports), slices.Sorted(maps.Keys(exports)))
}

// injections are texts that mean something to a database or to what builds its questions.
var injections = []string{"'", "''", `"`, "' OR '1'='1", "1 OR 1=1", "1; DROP TABLE registry_organisation", "1' UNION SELECT 1,2,3 --", "$$", "$1", "$$;SELECT 1;$$", "$a$x$a$", "?", ":x", "@x", "%", "_", `\`, `\'`,
	"/**/", "--", "1)", "')", "id DESC, (SELECT 1)", "created ASC; --", "0x31", "\x00", "\xff\xfe", "null", "NaN", "-1", "9223372036854775808", "1e309", "[]", "{}", `{"k":1}`, "true",
	"eyJrIjoxfQ", "W10", "bnVsbA", "eyJrIjoiJyBPUiAxPTEiLCJpIjoxLCJzIjoiJyJ9", strings.Repeat("'", 1000)}

// parameters that lists may know, besides those that their forms show.
var parameters = []string{"q", "sort", "order", "dir", "cursor", "after", "before", "page", "limit", "since", "updated_since", "from", "to", "state", "kind", "mine", "late", "format", "columns", "view", "tab"}

// TestRow31ListParameters is row 31, on both engines: every parameter of every list
// takes every text that means something to a database; no answer is a failure, none
// shows what its asker may not see, and no list grows by a filter.
func TestRow31ListParameters(t *testing.T) {
	if testing.Short() {
		t.Skip("asks some ten thousand times")
	}
	t.Parallel()
	eachWorld(t, func(t *testing.T, w *world) {
		asked := 0
		before := w.contents()
		for _, p := range []*persona{w.person("lead", "CERT A"), w.person("member", "Opština")} {
			lists := w.lists(p)
			for at, names := range lists {
				whole := w.idsIn(p, at)
				for i, name := range names {
					for j, text := range injections {
						if (slices.Contains(parameters, name) || p.role == "member") && (i+j)%4 != 0 {
							continue // what no form names is asked a quarter of them; so is the second asker
						}
						q := at + "?" + url.QueryEscape(name) + "=" + url.QueryEscape(text)
						rec := w.send(p, "GET", q, "", "")
						asked++
						w.inspect(p, q, "list", rec, map[string]map[string]bool{})
						for _, id := range ids.FindAllString(rec.Body.String(), -1) {
							if rec.Code == http.StatusOK && strings.HasPrefix(at, "/api/") && whole != nil && !whole[id] {
								w.wrong("%s shows %s, which the whole list does not", q, id)
							}
						}
					}
				}
			}
			asked += w.wireInjections(p)
			if len(lists) < 5 {
				t.Errorf("%s has only %d lists: this proves nothing", p.name, len(lists))
			}
		}
		if w.contents() != before {
			t.Error("a parameter of a list changed a row")
		}
		t.Logf("%d questions", asked)
	})
}

// lists are the doors that show somebody many things, with the parameters that they may know.
func (w *world) lists(p *persona) map[string][]string {
	w.t.Helper()
	var doc struct {
		Paths map[string]map[string]struct{ Parameters []struct{ Name, In string } }
	}
	_ = json.Unmarshal(w.do(nil, "GET", "/api/v1/openapi.json", "").Body.Bytes(), &doc)
	out := map[string][]string{}
	for _, r := range w.h.mux.Routes() {
		if r.Method != http.MethodGet || len(params(r)) > 0 || !r.Policy.Allow(p.who) || strings.HasSuffix(r.Pattern, "/new") || w.own(r) {
			continue
		}
		at := fillPath(r, "")
		names := slices.Clone(parameters)
		rec := w.send(p, "GET", at, "", "")
		for _, s := range sheets(at, rec.Body.String()) {
			for _, f := range s.fields {
				if s.method == http.MethodGet {
					names = append(names, f.name)
				}
			}
		}
		for _, x := range doc.Paths[r.Pattern]["get"].Parameters {
			names = append(names, x.Name)
		}
		if !strings.HasPrefix(at, "/api/") && len(names) == len(parameters) && !strings.Contains(at, "export") {
			continue // a page without a filter
		}
		slices.Sort(names)
		out[at] = slices.Compact(names)
	}
	return out
}

// idsIn are the ids of a whole list, nil when it is more than one page.
func (w *world) idsIn(p *persona, at string) map[string]bool {
	w.t.Helper()
	whole := map[string]bool{}
	for _, state := range []string{"", "?state=", "?state=all", "?limit=500"} {
		rec := w.send(p, "GET", at+state, "", "")
		if rec.Code != http.StatusOK || strings.Contains(rec.Body.String(), `"next":"`) {
			continue
		}
		for _, id := range ids.FindAllString(rec.Body.String(), -1) {
			whole[id] = true
		}
	}
	return whole
}

// wireInjections asks MISP's and TAXII's searches.
func (w *world) wireInjections(p *persona) (asked int) {
	w.t.Helper()
	fields := []string{"value", "type", "category", "org", "tags", "eventid", "eventinfo", "uuid", "from", "to", "last", "timestamp", "publish_timestamp", "order", "sort", "direction", "page", "limit", "threat_level_id", "searchall", "attribute", "sharinggroup", "object_relation", "returnFormat", "deleted", "published"}
	for j, text := range injections {
		for i, f := range fields {
			if p.role == "member" && (i+j)%4 != 0 {
				continue
			}
			for k, v := range []any{text, []any{text}, map[string]any{"OR": []any{text}, "NOT": []any{text}}} {
				b, _ := json.Marshal(map[string]any{f: v})
				for _, path := range [][]string{{"/attributes/restSearch", "/events/index"}, {"/attributes/restSearch"}, {"/events/restSearch"}}[k] {
					rec := w.withKey(p.key, "POST", path, string(b))
					asked++
					w.inspect(p, path+" "+string(b), "key", rec, map[string]map[string]bool{})
				}
			}
		}
		for _, f := range []string{"match[id]", "match[type]", "match[version]", "added_after", "next", "limit", "match[spec_version]"} {
			at := "/taxii2/api/collections/?" + url.QueryEscape(f) + "=" + url.QueryEscape(text)
			r := w.request("GET", at, "")
			r.Header.Set("Authorization", "Bearer "+p.key)
			r.Header.Set("Accept", "application/taxii+json;version=2.1")
			w.inspect(p, at, "key", w.answer(r), map[string]map[string]bool{})
			asked++
		}
	}
	return asked
}
