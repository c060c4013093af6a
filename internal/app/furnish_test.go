package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"straza/internal/kernel/web"
)

// furnish gives somebody things of their own, through the doors that people use: on a
// CERT's team a case with every part, a report by phone, a warning, a saved list; in an
// organisation a report and contacts; an event each. word stands in every text.
func (w *world) furnish(p *persona, word string) {
	w.t.Helper()
	if p.who.Can("intel.write") {
		w.post(p, map[bool]string{true: "/console", false: "/portal"}[p.who.Can("console.use")]+"/events/new", url.Values{"info": {word + " event"},
			"distribution": {"0"}, "tlp": {"amber"}, "threat": {"3"}, "analysis": {"0"}, "text": {word + ".example 192.0.2.77"}})
	}
	if p.who.Can("incident.open") {
		w.furnishCase(p, word)
		secret := w.hidden(p, "/console/reports/new", "secret")
		w.post(p, "/console/reports/new", url.Values{"secret": {secret}, "type": {"incident"}, "description": {word + " report"}, "contact.name": {word + " caller"}, "contact.phone": {"+381 11 555"}})
		w.post(p, "/console/advisories/new", url.Values{"version": {"0"}, "level": {"low"}, "readers": {"citizens"}, "tlp": {"CLEAR"}, "title": {word + " warning"},
			"lead": {word}, "affects": {word}, "steps": {word}, "body": {word}})
		w.post(p, "/views", url.Values{"list": {"/console/cases"}, "query": {"q=" + word}, "name": {word + " list"}})
		w.post(p, "/console/handover", url.Values{"body": {word + " shift"}})
	}
	if p.who.Can("rule.write") {
		w.post(p, "/console/rules/new", url.Values{"trigger": {"case.opened"}, "name": {word + " rule"}, "active": {"1"}, "test.0.fact": {"words"}, "test.0.op": {"has"}, "test.0.value": {word},
			"do.ask": {"1"}, "with.ask.question": {word + " question"}})
	}
	if p.who.LoggedIn() && p.who.Can("intel.read") {
		w.post(p, "/account/alerts/new", url.Values{"trigger": {"event.published"}, "name": {word + " alert"}, "active": {"1"}, "do.alert": {"1"}, "with.alert.when": {"daily"}})
	}
	if p.who.Can("portal.use") && p.org != "CERT A" && p.org != "CERT B" {
		w.upload(p, "/portal/reports/new", url.Values{"secret": {w.hidden(p, "/portal/reports/new", "secret")}, "what": {"message"}, "description": {word + " portal report"}, "reading": {"open"}}, word+".txt", word)
	}
	if p.who.Can("registry.write-own") {
		w.post(p, "/portal/organisation/contacts", url.Values{"version": {w.hidden(p, "/portal/organisation", "version")}, "kind": {"duty"}, "name": {word + " contact"}, "email": {word + "@contact.example"}, "phone": {"+381 11 1"}})
	}
}

func (w *world) furnishCase(p *persona, word string) {
	w.t.Helper()
	rec := w.withKey(p.key, "POST", "/api/v1/cases", `{"title":"`+word+` case","summary":"`+word+` summary"}`)
	var told struct{ ID, Number string }
	if err := json.Unmarshal(rec.Body.Bytes(), &told); err != nil || told.Number == "" {
		w.t.Fatalf("a case: %d %v %s", rec.Code, err, rec.Body)
	}
	at := "/console/cases/" + told.Number
	for act, v := range map[string]url.Values{
		"task.add": {"task_title": {word + " task"}}, "note.add": {"note_body": {word + " note"}}, "entry.add": {"entry_body": {word + " entry"}, "entry_kind": {"note"}},
		"measure.ask": {"measure_what": {word + " measure"}, "measure_who": {"x"}}, "link": {"link_other": {"CVE-2026-0001"}, "link_relation": {word}},
		"org.add":   {"org_org": {"Opština"}},
		"party.add": {"party_org": {"Elektra"}, "party_address": {word + "@party.example"}, "party_subject": {word + " subject"}, "party_lang": {"en"}},
	} {
		w.post(p, at+"/do/"+act, v)
	}
	w.upload(p, at+"/evidence", url.Values{"about": {word + " about"}}, word+".bin", word)
	w.refs = append(w.refs, told.ID, told.Number)
}

// post sends a form that must be taken.
func (w *world) post(p *persona, path string, v url.Values) *httptest.ResponseRecorder {
	w.t.Helper()
	rec := w.do(p, "POST", path, v.Encode())
	if rec.Code >= 400 {
		w.t.Fatalf("%s cannot POST %s: %d %s", p.name, path, rec.Code, said(rec.Body.String()))
	}
	w.remember(rec.Header().Get("Location"))
	return rec
}

// upload is post with a file.
func (w *world) upload(p *persona, path string, v url.Values, name, content string) {
	w.t.Helper()
	kind, body := multi(v, name, content)
	r := w.request("POST", path, body)
	r.Header.Set("Content-Type", kind)
	r.AddCookie(p.session)
	rec := w.answer(r)
	if rec.Code >= 400 {
		w.t.Fatalf("%s cannot POST %s: %d %s", p.name, path, rec.Code, said(rec.Body.String()))
	}
	w.remember(rec.Header().Get("Location"))
}

// multi is a form with one file, its text fields first; it gives content type and body.
func multi(v url.Values, name, content string) (kind, body string) {
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for k, all := range v {
		for _, s := range all {
			_ = m.WriteField(k, s)
		}
	}
	field := "file"
	if v.Has("reading") {
		field = "files"
	}
	if name != "" {
		part, _ := m.CreateFormFile(field, name)
		_, _ = part.Write([]byte(content))
	}
	_ = m.Close()
	return m.FormDataContentType(), b.String()
}

// hidden reads a hidden field off a page.
func (w *world) hidden(p *persona, page, name string) (value string) {
	w.t.Helper()
	for _, s := range sheets(page, w.do(p, "GET", page, "").Body.String()) {
		for _, f := range s.fields {
			if f.name == name && f.kind == "hidden" {
				value = f.value
			}
		}
	}
	return value
}

// said is what a page complains of, for messages.
func said(body string) string {
	if i := strings.Index(body, "error-summary"); i >= 0 {
		body = body[i:]
	}
	body = regexp.MustCompile(`<[^>]*>|\s+`).ReplaceAllString(body, " ")
	return body[:min(len(body), 300)]
}

var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[A-Z]{1,3}-20\d\d-\d{6}\b|\b\d{12,16}\b`)

// remember takes the ids of an address among those that paths may name.
func (w *world) remember(path string) {
	for _, id := range ids.FindAllString(path, -1) {
		if !slices.Contains(w.refs, id) {
			w.refs = append(w.refs, id)
		}
	}
}

// sees gathers every id that somebody meets on any page and through any reading door.
func (w *world) sees(p *persona) map[string]bool {
	w.t.Helper()
	out := map[string]bool{}
	take := func(rec *httptest.ResponseRecorder) {
		if rec.Code < 300 {
			for _, id := range ids.FindAllString(rec.Body.String(), -1) {
				out[id] = true
			}
		}
	}
	for _, path := range append(w.gets(), "/events/index", "/attributes/index", "/sharing_groups") {
		if isWire(path) || strings.HasPrefix(path, "/api/") {
			take(w.withKey(p.key, "GET", path, ""))
			continue
		}
		take(w.do(p, "GET", path, ""))
	}
	return out
}

// rows are all rows of the database but the traces of reading, one text each, with
// their table; how often each stands there.
func (w *world) rows() map[string]int {
	w.t.Helper()
	var b bytes.Buffer
	_, err := w.h.DB.Snapshot(context.Background(), &b, w.traces()...)
	must(w.t, err)
	out, table := map[string]int{}, ""
	for l := range strings.Lines(b.String()) {
		if l[0] == '{' {
			var head struct{ Table string }
			must(w.t, json.Unmarshal([]byte(l), &head))
			table = head.Table
			continue
		}
		out[table+" "+strings.TrimSpace(l)]++
	}
	return out
}

// params are the named parts of a route's pattern, in order.
func params(r web.Route) (out []string) {
	for _, p := range strings.Split(strings.TrimSuffix(r.Pattern, "{$}"), "/") {
		if strings.HasPrefix(p, "{") {
			out = append(out, strings.Trim(p, "{}."))
		}
	}
	return out
}

// path fills a pattern's parameters in order.
func path(r web.Route, values ...string) string {
	out := strings.TrimSuffix(r.Pattern, "{$}")
	for i, name := range params(r) {
		out = strings.Replace(out, "{"+name+"}", url.PathEscape(values[i]), 1)
	}
	if r.Localized {
		out = "/en" + out
	}
	return out
}

// send asks a door as somebody: pages by session and form, interfaces by key and JSON.
func (w *world) send(p *persona, method, path, form, body string) *httptest.ResponseRecorder {
	if strings.HasPrefix(path, "/api/") {
		return w.withKey(p.key, method, path, body)
	}
	if method == http.MethodGet {
		return w.do(p, method, path, "")
	}
	return w.do(p, method, path, form)
}

func (w *world) describe(rec *httptest.ResponseRecorder) string {
	return fmt.Sprintf("%d %s", rec.Code, rec.Header().Get("Location"))
}
