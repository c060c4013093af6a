package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// massValue is a text and a number that nobody else writes.
const massValue = "987654321"

// table is one table as the database has it now: rows by their first column.
type table struct {
	columns []string
	rows    map[string][]any
}

// tables reads every table of the rooms.
func (w *world) tables() map[string]table {
	w.t.Helper()
	var b bytes.Buffer
	_, err := w.h.DB.Snapshot(context.Background(), &b, w.traces()...)
	must(w.t, err)
	out, at := map[string]table{}, ""
	for l := range bytes.Lines(b.Bytes()) {
		if l[0] == '{' {
			var head struct {
				Table   string
				Columns []string
			}
			must(w.t, json.Unmarshal(l, &head))
			if at = head.Table; at != "" {
				out[at] = table{head.Columns, map[string][]any{}}
			}
			continue
		}
		d := json.NewDecoder(bytes.NewReader(l))
		d.UseNumber()
		var row []any
		must(w.t, d.Decode(&row))
		out[at].rows[fmt.Sprint(row[0])] = row
	}
	return out
}

// protected are columns that no body may ever set in a row that is there: who owns it,
// who may see it, what it is called by machines, when it came to be, what opens it.
func protected(column string) bool {
	return slices.Contains([]string{"id", "uuid", "created", "created_by", "received", "number", "owner", "owner_id", "audience_id", "host", "cert_id", "org_id", "person_id", "password", "seed", "email", "roles",
		"key_hash", "token_hash", "code_hash", "digits", "sealed", "sealed_body", "sha256", "blob", "hash", "size", "level", "member", "channel", "anonymous"}, column)
}

// TestRow11MassAssignment is row 11: every column of every table as a further field of
// every form and every body of the interfaces. The interfaces refuse what they do not
// know; forms let it fall; and no row that was there gets another owner, audience, name
// for machines, origin or secret.
func TestRow11MassAssignment(t *testing.T) {
	if testing.Short() {
		t.Skip("sends every column to every door")
	}
	t.Parallel()
	w := newWorld(t)
	lead, boss := w.person("lead", "CERT A"), w.person("org-admin", "Banka")
	w.furnish(lead, "k-ours")
	w.furnish(boss, "k-bank")
	before := w.tables()
	names := map[string]bool{}
	for _, t := range before {
		for _, c := range t.columns {
			names[c] = true
		}
	}
	columns := slices.Sorted(maps.Keys(names))
	if len(columns) < 150 {
		t.Fatalf("only %d columns: this proves nothing", len(columns))
	}
	sent := w.assignBodies(lead, columns) + w.assignMISP(lead, columns)
	if left := w.massRows(); len(left) > 0 {
		t.Errorf("a body of the interfaces set what it may not know: %.300s", left[0])
	}
	for _, p := range []*persona{nil, boss, w.person("member", "Elektra"), w.person("admin", "CERT A"), lead} {
		sent += w.assignForms(p, columns)
	}
	after := w.tables()
	for name, was := range before {
		for id, row := range was.rows {
			now, there := after[name].rows[id]
			for i, c := range was.columns {
				if there && protected(c) && fmt.Sprint(row[i]) != fmt.Sprint(now[i]) && !mayMove(name, c) {
					t.Errorf("%s.%s of %s was %v and is %v", name, c, id, row[i], now[i])
				}
			}
		}
	}
	t.Logf("%d columns in %d requests", len(columns), sent)
}

// mayMove: what a form of the harvest changes by right.
func mayMove(table, column string) bool {
	switch table + "." + column {
	case "account_person.email", "intake_report.org_id", "incident_case.org_id":
		return true
	case "registry_organisation.audience_id", "advisory_advisory.audience_id", "intel_event.audience_id":
		return true // withdrawn, published, a draft again: the audience follows the state
	}
	return false
}

// massRows are the rows that hold the value nobody writes, as a whole value.
func (w *world) massRows() (out []string) {
	for row := range w.rows() {
		if strings.Contains(row, `"`+massValue+`"`) || strings.Contains(row, ","+massValue+",") || strings.Contains(row, "["+massValue+",") || strings.Contains(row, ","+massValue+"]") {
			out = append(out, row)
		}
	}
	return out
}

// assignBodies: one unknown member makes the whole body refused.
func (w *world) assignBodies(p *persona, columns []string) (sent int) {
	w.t.Helper()
	var doc map[string]any
	must(w.t, json.Unmarshal(w.do(nil, "GET", "/api/v1/openapi.json", "").Body.Bytes(), &doc))
	x := &crossing{w: w, a: p, mine: w.sees(p)}
	before := w.contents()
	for _, r := range w.h.mux.Routes() {
		if !strings.HasPrefix(r.Pattern, "/api/") || r.Method == http.MethodGet {
			continue
		}
		known := properties(doc, r)
		if len(known) == 0 {
			continue // no body
		}
		at := r.Pattern
		if len(params(r)) == 1 {
			own := x.parents(r)
			if len(own) == 0 {
				continue
			}
			at = path(r, own[0])
		} else if len(params(r)) > 1 {
			continue // parts: their body is that of the list they are in
		}
		for _, c := range columns {
			if slices.Contains(known, c) {
				continue
			}
			for _, v := range [][]string{{massValue}, {`"` + massValue + `"`}}[sent%2] {
				sent++
				body := fmt.Sprintf(`{"title":"x","name":"x","description":"x","reason":"x","kind":"company","text":"x",%q:%s}`, c, v)
				body = only(body, append(known, c))
				if rec := w.withKey(p.key, r.Method, at, body); rec.Code != http.StatusUnprocessableEntity && rec.Code != http.StatusBadRequest {
					w.wrong("%s %s takes %s: %d %.160s", r.Method, r.Pattern, body, rec.Code, rec.Body)
				}
			}
		}
	}
	if sent < 500 {
		w.t.Errorf("only %d bodies: this proves nothing", sent)
	}
	if w.contents() != before {
		w.t.Error("a body with an unknown member changed a row")
	}
	return sent
}

// only keeps the members that a body may have, so that the extra one is all that is wrong.
func only(body string, names []string) string {
	var m map[string]json.RawMessage
	_ = json.Unmarshal([]byte(body), &m)
	for k := range m {
		if !slices.Contains(names, k) {
			delete(m, k)
		}
	}
	b, _ := json.Marshal(m)
	return string(b)
}

// assignMISP: the wire lets unknown members fall, as MISP does; what it knows keeps its meaning.
func (w *world) assignMISP(p *persona, columns []string) (sent int) {
	w.t.Helper()
	wire := []string{"timestamp", "publish_timestamp", "sighting_timestamp", "first_seen", "last_seen", "date", "value", "value1", "value2", "comment", "info", "type", "category", "data", "object_relation", "name", "extends_uuid",
		"description", "meta_category", "template_uuid", "template_version", "relationship_type"}
	for _, c := range columns {
		if slices.Contains(wire, c) {
			continue
		}
		for _, v := range [][]string{{massValue}, {`"` + massValue + `"`}}[sent/2%2] {
			sent += 2
			w.withKey(p.key, "POST", "/events/add", fmt.Sprintf(`{"Event":{"info":"mass","distribution":"0",%q:%s,"Attribute":[{"type":"domain","value":"mass%d.example",%q:%s}]}}`, c, v, sent, c, v))
			w.withKey(p.key, "POST", "/attributes/restSearch", fmt.Sprintf(`{%q:%s}`, c, v))
		}
	}
	return sent
}

// assignForms sends each form as a browser would, with every column beside.
func (w *world) assignForms(p *persona, columns []string) (sent int) {
	w.t.Helper()
	was := len(w.massRows())
	for _, s := range w.harvest(p) {
		if s.method != http.MethodPost || s.action == "/logout" || strings.HasPrefix(s.action, "/account/password") || strings.HasPrefix(s.action, "/login") {
			continue
		}
		v := s.values()
		for _, f := range s.fields {
			if f.text() && v.Get(f.name) == "" {
				v.Set(f.name, "x")
			}
		}
		for _, c := range columns {
			if !slices.ContainsFunc(s.fields, func(f field) bool { return f.name == c }) {
				v.Set(c, massValue)
			}
		}
		sent++
		rec := w.do(p, "POST", s.action, v.Encode())
		if rec.Code >= 500 && rec.Code != http.StatusServiceUnavailable { // the unsealing process is not here
			w.wrong("%s: %d", s.action, rec.Code)
		}
		if left := w.massRows(); len(left) > was {
			w.wrong("the form %s of %s set what it does not ask for: %.300s", s.action, s.page, left[0])
			was = len(left)
		}
	}
	return sent
}
