package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// payloads would each set window.pwned, if a page took them for anything but text.
var payloads = []string{
	`<script>pwned=1</script>`, `"><script>pwned=1</script>`, `'><script>pwned=1</script>`, `</title><script>pwned=1</script>`, `</textarea><script>pwned=1</script>`, `</script><script>pwned=1</script>`,
	`<img src=x onerror=pwned=1>`, `"><img src=x onerror=pwned=1>`, `'><img src=x onerror="pwned=1">`, `<svg onload=pwned=1>`, `<svg/onload=pwned=1//`, `<svg><script>pwned=1</script></svg>`,
	`" onfocus=pwned=1 autofocus x="`, `' onfocus=pwned=1 autofocus x='`, `" onmouseover="pwned=1`, ` autofocus onfocus=pwned=1 `, "` onload=pwned=1 `", `javascript:pwned=1`, `JaVaScRiPt:pwned=1`,
	"java\tscript:pwned=1", `data:text/html,<script>parent.pwned=1</script>`, `<a href="javascript:pwned=1">x</a>`, `[x](javascript:pwned=1)`, `![x](x" onerror="pwned=1)`, `<iframe srcdoc="<script>parent.pwned=1</script>">`,
	`<body onload=pwned=1>`, `<details open ontoggle=pwned=1>`, `<video><source onerror=pwned=1>`, `<math><mtext></form><form><mglyph><style></math><img src onerror=pwned=1>`, `<base href="//evil.example/">`,
	`<meta http-equiv=refresh content="0;javascript:pwned=1">`, `<link rel=stylesheet href="javascript:pwned=1">`, `<form action="javascript:pwned=1"><button>x</button></form>`, `<input autofocus onfocus=pwned=1>`,
	`<template><script>pwned=1</script></template>`, `<!--><script>pwned=1</script>-->`, `&lt;script&gt;pwned=1&lt;/script&gt;`, `\u003cscript\u003epwned=1\u003c/script\u003e`, `{{constructor.constructor('pwned=1')()}}`, `${pwned=1}`,
}

// batches packs the payloads into texts of at most n characters.
func batches(n int) (out []string) {
	cur := ""
	for _, p := range payloads {
		if len(cur)+len(p)+1 > n && cur != "" {
			out, cur = append(out, cur), ""
		}
		cur = strings.TrimPrefix(cur+" "+p, " ")
	}
	return append(out, cur)
}

// sower walks the pages of somebody within their browser, and sends every form it meets
// with the batches in every text field. What a form needs besides is what stands there,
// or the first choice. It tells which pages came of it.
const sower = `(async (short, long, start, most) => {
	const kind = p => p.replace(/\/(?:[A-Z]{1,4}-)?(?:\d[\d-]*|[0-9a-f]{8}-[0-9a-f-]{27})(?=\/|$)/g, "/*");
	const tongues = /^\/sr-(?:Cyrl|Latn)(?:\/|$)/, files = /\.(?:json|csv|xml|atom|txt|pdf|zip|eml|png|svg|css|js|md)$|^\/(?:api|misp|taxii2|static|assets|health|dev)(?:\/|$)/;
	const never = /^\/(?:logout|login|language|scheme|keys$|account\/(?:password|sessions|totp|passkeys|recovery|confirm))|\/(?:disable|withdraw|revoke|remove|reject|duplicate|merge|unpublish|end|leave|undo|verify|unseal|handover|close|delete)(?:\/|$)/;
	const seen = {}, done = {}, made = {}, todo = [...start], out = {pages: 0, forms: 0, fields: 0, sent: 0, taken: 0, made: [], names: []};
	const read = async u => { const r = await fetch(u); return r.ok && (r.headers.get("content-type") || "").includes("text/html") ? new DOMParser().parseFromString(await r.text(), "text/html") : null; };
	const texts = f => [...f.elements].filter(e => e.name && (e.tagName === "TEXTAREA" || e.tagName === "INPUT" && ["text", "search", "url", "tel", "email"].includes(e.type)));
	const fill = (f, i) => {
		const v = new URLSearchParams(), radio = {};
		for (const e of f.elements) {
			if (!e.name || e.type === "file" || e.type === "submit" || e.tagName === "BUTTON") continue;
			if (e.tagName === "SELECT") { const o = [...e.options].find(o => o.hasAttribute("selected") && o.value) || [...e.options].find(o => o.value); if (o) v.append(e.name, o.value); continue; }
			if (e.type === "radio") { if (!radio[e.name] || e.hasAttribute("checked")) { radio[e.name] = 1; v.set(e.name, e.value); } continue; }
			if (e.type === "checkbox") { if (e.hasAttribute("checked")) v.append(e.name, e.value); continue; }
			if (!texts(f).includes(e)) { v.append(e.name, e.value); continue; }
			const max = e.maxLength > 0 ? e.maxLength : 1e6, batch = e.tagName === "TEXTAREA" && max > 3000 && !/alias|sector|indicator|^text$/.test(e.name) ? long : short[i % short.length];
			v.append(e.name, e.type === "email" ? "a" + i + Math.random().toString(36).slice(2) + "@x.example" : batch.slice(0, max));
		}
		return v;
	};
	while (todo.length && out.pages < most) {
		const u = new URL(todo.shift(), location.origin);
		if (u.origin !== location.origin || files.test(u.pathname) || tongues.test(u.pathname) || u.searchParams.has("format") || seen[kind(u.pathname)]) continue;
		seen[kind(u.pathname)] = 1;
		const doc = await read(u);
		if (!doc) continue;
		out.pages++;
		for (const a of doc.querySelectorAll("a[href]:not([download])")) todo.push(new URL(a.getAttribute("href"), u).href);
		for (const [n, f] of [...doc.querySelectorAll("form[method=post]")].entries()) {
			const at = new URL(f.getAttribute("action") || u.pathname, u), names = texts(f).map(e => e.name).join();
			if (never.test(at.pathname) || done[kind(at.pathname) + names] || !names && !/\/report(?:\/|$)/.test(at.pathname)) continue; // the journey of a report goes on by choices, too
			done[kind(at.pathname) + names] = 1;
			out.forms++; out.fields += texts(f).length; out.names.push(kind(at.pathname) + " " + names);
			for (let i = 0; i < (names ? short.length : 1); i++) {
				let form = f;
				if (i && f.querySelector("[name=version],[name=secret]")) { const again = await read(u); form = again && [...again.querySelectorAll("form[method=post]")][n] || f; }
				const r = await fetch(at, {method: "POST", body: fill(form, i)});
				out.sent++;
				if (r.ok && r.redirected) { out.taken++; const k = kind(new URL(r.url).pathname); made[k] = (made[k] || 0) + 1; if (made[k] <= 20) out.made.push(new URL(r.url).pathname); todo.push(r.url); }
			}
		}
	}
	return out;
})`

type sown struct {
	Pages, Forms, Fields, Sent, Taken int
	Made, Names                       []string
}

// TestRow06PayloadsStayText is row 6: forty scripts through every text field of every
// form that anybody is offered, through the interfaces, MISP and a file of organisations;
// then every role visits every kind of page in a real browser. Nothing runs, and the
// content policy has nothing to report.
func TestRow06PayloadsStayText(t *testing.T) {
	if len(payloads) < 40 {
		t.Fatalf("%d payloads", len(payloads))
	}
	s := Start(t, func(s *Server) {
		out, err := s.TryCLI("", "demo", "--json")
		NeedFeature(t, err == nil, "the demo country: %v", err)
		var told struct{ Personas []Persona }
		if err := json.Unmarshal(out, &told); err != nil {
			t.Fatal(err)
		}
		s.Personas = told.Personas
	}, "--demo")
	short, _ := json.Marshal(batches(190))
	long, _ := json.Marshal(strings.Join(payloads, "\n"))
	var made []string
	total := sown{}
	for _, role := range []string{"lead", "org-admin", "admin", "nobody"} {
		p := Open(t, s.Origin, Look{Lang: "en"})
		start := `["/","/en/report","/en/follow-up"]`
		if role != "nobody" {
			p.LogIn(s.Persona(t, role))
			start = fmt.Sprintf(`["/","/account","/account/keys/new",%q]`, p.Where())
		} else {
			p.Visit("/en/")
		}
		got := Eval[sown](p, fmt.Sprintf("%s(%s, %s, %s, 100)", sower, short, long, start))
		t.Logf("%s: %d pages, %d forms with %d text fields, sent %d times, taken %d times", role, got.Pages, got.Forms, got.Fields, got.Sent, got.Taken)
		total.Forms, total.Fields, total.Taken = total.Forms+got.Forms, total.Fields+got.Fields, total.Taken+got.Taken
		made = append(made, got.Made...)
	}
	total.Taken += s.sowInterfaces(t, s.Persona(t, "lead").Key)
	if total.Forms < 35 || total.Fields < 70 || total.Taken < 90 {
		t.Errorf("only %d forms with %d fields, taken %d times: this proves little", total.Forms, total.Fields, total.Taken)
	}
	s.harvestNothing(t, made)
}

// sowInterfaces sends the payloads through the doors of machines.
func (s *Server) sowInterfaces(t *testing.T, key string) (taken int) {
	t.Helper()
	send := func(path, kind, body string) {
		r, err := http.NewRequest("POST", s.Origin+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", key)
		r.Header.Set("Content-Type", kind)
		r.Header.Set("Accept", "application/json")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if _, _ = io.Copy(io.Discard, res.Body); res.StatusCode < 300 {
			taken++
		}
	}
	var csv bytes.Buffer
	csv.WriteString("name,kind,seat,note\n")
	for i, b := range batches(190) {
		q, _ := json.Marshal(b)
		cell := `"` + strings.ReplaceAll(b, `"`, `""`) + `"`
		fmt.Fprintf(&csv, "%s,company,%s,%s\n", cell, cell, cell)
		send("/api/v1/organisations", "application/json", fmt.Sprintf(`{"name":%s,"kind":"company","seat":%s,"note":%s,"aliases":[%s]}`, q, q, q, q))
		send("/api/v1/cases", "application/json", fmt.Sprintf(`{"title":%s,"summary":%s,"tags":[%s]}`, q, q, q))
		send("/api/v1/reports", "application/json", fmt.Sprintf(`{"title":%s,"description":%s,"where":%s,"contact":{"name":%s,"email":"a@b.rs"},"files":[{"name":%s,"data":"eA=="}]}`, q, q, q, q, q))
		send("/events/add", "application/json", fmt.Sprintf(`{"Event":{"info":%s,"distribution":"1","published":true,"Tag":[{"name":%s}],"Attribute":[{"type":"text","value":%s,"comment":%s},{"type":"link","value":"javascript:pwned=1"},{"type":"filename","value":%s},{"type":"url","value":%s}],`+
			`"Object":[{"distribution":"5","name":%s,"meta-category":%s,"description":%s,"comment":%s,"Attribute":[{"object_relation":%s,"type":"text","value":%s}]}],"EventReport":[{"name":%s,"content":%s}]}}`, q, q, q, q, q, q, q, q, q, q, q, q, q, q))
		_ = i
	}
	send("/api/v1/organisations/import", "text/csv", csv.String())
	t.Logf("interfaces: taken %d times", taken)
	return taken
}

// harvestNothing visits one page of every kind and all that was made, as every role.
func (s *Server) harvestNothing(t *testing.T, made []string) {
	t.Helper()
	people := []Persona{{Role: "nobody"}}
	for _, p := range s.Personas {
		if !slices.ContainsFunc(people, func(q Persona) bool { return q.Role == p.Role }) {
			people = append(people, p)
		}
	}
	visited, shown := 0, 0
	for _, who := range people {
		p := Open(t, s.Origin, Look{Lang: "en"})
		todo, known := []string{"/", "/en/warnings"}, map[string]int{}
		if who.Email != "" {
			p.LogIn(who)
			todo = append(todo, p.Where())
		}
		if who.Role == "lead" || who.Role == "org-admin" || who.Role == "admin" {
			todo = append(todo, made...)
		}
		most := 22
		if len(todo) > 5 {
			most = 45
		}
		for ; len(todo) > 0 && most > 0; todo = todo[1:] {
			kind := pageKind(mustURL(t, todo[0]))
			if known[kind]++; known[kind] > 2 {
				continue
			}
			if p.Visit(todo[0]) >= 500 {
				t.Errorf("%s as %s fails", todo[0], who.Role)
			}
			most--
			visited++
			if Eval[bool](p, "!!window.pwned || !!document.querySelector('script:not([src])')") {
				t.Errorf("%s as %s ran a payload", todo[0], who.Role)
			}
			if Eval[bool](p, "document.body && document.body.innerText.includes('pwned')") {
				shown++
			}
			for _, c := range p.Complaints() {
				if strings.Contains(c, "Content Security Policy") || strings.Contains(c, "script error") {
					t.Errorf("%s as %s: %s", todo[0], who.Role, c)
				}
			}
			todo = append(todo, p.links()...)
		}
	}
	if shown < 40 {
		t.Errorf("payloads were to be read on only %d of %d pages: this proves little", shown, visited)
	}
	t.Logf("%d payloads, %d pages visited by %d roles, to be read on %d of them, 0 executed", len(payloads), visited, len(people), shown)
	t.Logf("live: browser %d", visited)
}

func mustURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
